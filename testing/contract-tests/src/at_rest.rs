//! Whoever reads the raw database finds no secret in it.

use std::pin::Pin;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use domain::BACKUP_CODES;
use secrecy::ExposeSecret;
use serde_json::Value;
use service::{
    Issued, NextStep, PresentedFactor, Service, Tokens, write_code_token, write_pending_token,
};

use crate::Backend;
use crate::deployment::{
    DeadTransport, Deployment, EmptyMails, PASSWORD, address, begin_sign_in, caller, data_key,
    data_keys, origin, refresh, set_up_factor, sign_in, sign_up, told,
};
use crate::fixtures::{ALL, MINUTE};

/// All bytes that a store has put anywhere.
pub type Dump = Pin<Box<dyn Future<Output = Vec<u8>> + Send>>;

/// A backend whose raw content can be read.
pub struct Legible {
    /// The backend.
    pub backend: Backend,
    /// Reads the bytes of everything that the backend keeps, as they are: nothing encoded.
    pub dump: Box<dyn Fn() -> Dump + Send + Sync>,
}

const SHARED_SECRET: &[u8] = b"a secret that verifiers share, 32 bytes and more";

/// A secret, and what to call it.
struct Secret {
    what: &'static str,
    bytes: Vec<u8>,
}

fn secret(what: &'static str, bytes: impl AsRef<[u8]>) -> Secret {
    Secret { what, bytes: bytes.as_ref().to_vec() }
}

/// People sign up, sign in, refresh, prove a second factor and forget their passwords; keys rotate;
/// no mail can be sent, so all of them wait.
pub async fn a_raw_database_holds_no_secret(store: &Legible) {
    let backend = &store.backend;
    let deployment = Deployment::new(backend);
    let service = deployment.start(&[1]).await;
    let mut secrets = journey(&deployment, &service).await;
    let service = deployment.start_with_secret(&[2, 1], SHARED_SECRET).await;
    secrets.extend(journey(&deployment, &service).await);
    secrets.push(secret("password", PASSWORD));
    secrets.push(secret("shared secret", SHARED_SECRET));
    secrets.extend([1, 2].map(|number| secret("data key", [number; 32])));
    secrets.extend([1, 2].map(|n| secret("data key", data_key(n).expose_base64().as_bytes())));
    secrets.extend(deployment.entropy.keys().iter().map(|key| secret("random key", key)));
    secrets.extend(private_keys(backend).await);
    assert_eq!(kinds(&secrets), KINDS, "else the journey was too short");

    let dump = (store.dump)().await;
    let finder = Finder::new(&dump);
    // What has to be there is found, so what is not found is not there.
    for key in backend.sessions.list_sealed_keys(None, ALL).await.unwrap() {
        assert!(finder.has(&key.sealed_refresh_key), "the sealed key of a session");
        assert!(finder.has(key.user.as_str().as_bytes()), "a user's id");
    }
    for user in backend.users.list_users(None, ALL).await.unwrap() {
        let factor = user.totp.unwrap();
        assert!(finder.has(&factor.sealed_secret), "the sealed secret of a factor");
        let codes = factor.enabled.unwrap().backup_codes;
        assert_eq!(codes.len(), BACKUP_CODES - 1);
        assert!(codes.iter().all(|mac| finder.has(&mac.0)), "the MAC of a backup code");
    }
    for mail in backend.mails().await {
        assert!(finder.has(&mail.mail.sealed_values), "the sealed values of a mail");
    }
    let record = backend.records.find_record("log_key").await.unwrap().unwrap();
    assert!(finder.has(&record.content), "a sealed record");
    for Secret { what, bytes } in &secrets {
        for form in forms(bytes) {
            assert!(!finder.has(&form), "{what} as {:?}", String::from_utf8_lossy(&form));
        }
    }
}

/// What the journey has to bring to light.
const KINDS: [&str; 14] = [
    "access token",
    "backup code",
    "code",
    "code token",
    "data key",
    "device token",
    "factor",
    "mail link",
    "password",
    "private key",
    "random key",
    "refresh token",
    "session token",
    "shared secret",
];

fn kinds(secrets: &[Secret]) -> Vec<&'static str> {
    let kinds: std::collections::BTreeSet<_> = secrets.iter().map(|secret| secret.what).collect();
    kinds.into_iter().collect()
}

/// What somebody does, and what of it nobody else may know.
async fn journey(deployment: &Deployment<'_>, service: &Service) -> Vec<Secret> {
    let name = format!("person{}", deployment.entropy.keys().len());
    sign_up(service, &name).await;
    let tokens = sign_in(service, &name).await;
    let next = refresh(service, &tokens.refresh_token).await;
    service.request_password_reset(&address(&name), &origin()).await.unwrap();
    let of_factor = factor_journey(deployment, service, &name, &tokens).await;
    let transport = DeadTransport::default();
    service.relay_mails(&EmptyMails, &transport).await.unwrap();
    deployment.clock.advance(MINUTE);

    let mut secrets = vec![
        secret("access token", tokens.access_token.expose_secret()),
        secret("refresh token", tokens.refresh_token.mac),
        secret("refresh token", next.mac),
    ];
    secrets.extend(of_factor);
    for mail in transport.take() {
        // Some only say what happened.
        let Ok([link, code]) = <[String; 2]>::try_from(told(&mail)) else { continue };
        let token = service::read_code_token(link.rsplit('#').next().unwrap()).unwrap();
        secrets.push(secret("code token", write_code_token(&token).expose_secret()));
        secrets.push(secret("code token", token.secret.as_slice()));
        secrets.push(secret("mail link", link));
        secrets.push(secret("code", code.replace(['-', ' '], "")));
        secrets.push(secret("code", code));
    }
    secrets
}

/// Somebody sets up a second factor, signs in with a backup code on a device that is trusted from
/// then on, and leaves another sign-in half-way.
async fn factor_journey(
    deployment: &Deployment<'_>,
    service: &Service,
    name: &str,
    tokens: &Tokens,
) -> Vec<Secret> {
    let new = set_up_factor(service, tokens).await;
    let raw = deployment.enable_factor(name).await;
    let codes = service.renew_backup_codes(&caller(service, tokens).await, &origin()).await;
    let codes = codes.unwrap();
    let [step, left_alone] = [next_step(service, name).await, next_step(service, name).await];
    let backup = PresentedFactor::Backup(codes[0].clone());
    let proven = service.verify_factor(&step.token, &backup, true, &origin()).await.unwrap();

    let mut secrets = vec![
        secret("factor", raw),
        secret("factor", new.secret.expose_secret()),
        secret("factor", new.uri.expose_secret()),
        secret("device token", proven.device_token.unwrap().expose_secret()),
        secret("access token", proven.access_token.expose_secret()),
        secret("refresh token", proven.refresh_token.mac),
    ];
    for token in [step.token, left_alone.token] {
        secrets.push(secret("session token", write_pending_token(&token).expose_secret()));
        secrets.push(secret("session token", token.secret.as_slice()));
    }
    for code in codes {
        secrets.push(secret("backup code", code.expose()));
        secrets.push(secret("backup code", code.to_text().as_bytes()));
    }
    secrets
}

/// What is wanted of somebody who shows the password.
async fn next_step(service: &Service, name: &str) -> NextStep {
    match begin_sign_in(service, name).await {
        Issued::NextStep(step) => step,
        Issued::Tokens(_) => panic!("a second factor is wanted"),
    }
}

/// The private keys in the ring, and secrets that are shared.
async fn private_keys(backend: &Backend) -> Vec<Secret> {
    let record = backend.records.find_record("key_ring").await.unwrap().unwrap();
    let ring = data_keys(&[2, 1]).open("record/key_ring", &record.content).unwrap();
    let keys: Value = serde_json::from_slice(&ring).unwrap();
    let pairs = keys.as_array().unwrap().iter().filter_map(|key| key["pkcs8"].as_str());
    pairs
        .map(|text| base64::prelude::BASE64_STANDARD.decode(text).unwrap())
        .flat_map(|pkcs8| {
            // The number alone, without what stands around it in each key of its kind.
            let number = pkcs8[36..68].to_vec();
            [secret("private key", pkcs8), secret("private key", number)]
        })
        .collect()
}

/// What a secret can look like: as it is, in hexadecimal, and in base64 wherever it begins.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex = secret.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    let mut forms = vec![secret.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    for skipped in 0..3.min(secret.len()) {
        // Whole groups of three bytes look the same whatever stands before and after them.
        let whole = &secret[skipped..];
        let whole = &whole[..whole.len() / 3 * 3];
        forms.push(BASE64_STANDARD_NO_PAD.encode(whole).into_bytes());
        forms.push(BASE64_URL_SAFE_NO_PAD.encode(whole).into_bytes());
    }
    // Shorter ones are found in anything.
    forms.retain(|form| form.len() >= 8);
    forms
}

/// Finds bytes in many, by the eight that they begin with.
struct Finder<'a> {
    bytes: &'a [u8],
    places: std::collections::HashMap<&'a [u8], Vec<usize>>,
}

impl<'a> Finder<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        let mut places = std::collections::HashMap::<_, Vec<usize>>::new();
        for (place, start) in bytes.windows(8).enumerate() {
            places.entry(start).or_default().push(place);
        }
        Self { bytes, places }
    }

    fn has(&self, wanted: &[u8]) -> bool {
        let places = self.places.get(&wanted[..8]).map_or(&[][..], Vec::as_slice);
        places.iter().any(|place| self.bytes[*place..].starts_with(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_in_whatever_form_and_place_it_stands() {
        let secret = b"a secret of any length";
        let around = |text: &[u8]| [b"x".as_slice(), text, b"yz".as_slice()].concat();
        let encoded = |filler: &[u8]| {
            let text = [filler, secret.as_slice(), b"?"].concat();
            BASE64_STANDARD_NO_PAD.encode(text).into_bytes()
        };
        let hex = secret.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().concat();
        for dump in [
            around(secret),
            around(hex.as_bytes()),
            encoded(b""),
            encoded(b"1"),
            encoded(b"22"),
            encoded(b"333"),
        ] {
            let finder = Finder::new(&dump);
            assert!(forms(secret).iter().any(|form| finder.has(form)));
            assert!(forms(b"another secret").iter().all(|form| !finder.has(form)));
        }
    }
}
