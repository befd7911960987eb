use std::io::{self, IsTerminal, Write};

use contracts::Entropy;
use crypto::generate_shared_secret;
use domain::{KeyMaterial, KeyPhase};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use service::{
    ChangeKeysError, KeyState, ResealProgress, RevokedKey, RotatedKey, Service, rfc3339,
};
use settings::Settings;

use crate::cli::KeyCommand;
use crate::failure::Failure;
use crate::system::SystemEntropy;
use crate::{compose, console, rotation};

/// What verifiers do that keep the keys which they have read.
const WHO_KEEPS_KEYS: &str = "\
Verifiers that keep keys go on trusting it: API Gateway HTTP APIs for up to 2 h, REST APIs for up to
1 h, aws-jwt-verify until its process restarts, doorward-verify for up to 5 min, jwks-rsa for 10 min
and PyJWT's client for 5 min unless told otherwise. To cut off API Gateway sooner, give its
authorizer another issuer.";

/// What services do that share a secret.
const WHO_SHARES_SECRETS: &str = "\
Services that share the secret go on trusting it until it is taken from them: doorward-verify until
40 min after that, unless told otherwise; others until they restart.";

/// Runs a command about keys, against the configured store, which may be serving meanwhile.
pub(crate) fn run(settings: &Settings, command: KeyCommand, is_json: bool) -> Result<(), Failure> {
    let open = || compose::open_service_for_command(settings);
    console::runtime()?.block_on(async {
        match command {
            KeyCommand::Generate { json_key } => generate(json_key.as_deref()),
            KeyCommand::List => list(&open().await?, is_json).await,
            KeyCommand::Rotate { now } => {
                let rotated = open().await?.rotate_keys(now).await.map_err(refused)?;
                report_rotation(&rotated, now, is_json)
            }
            KeyCommand::Revoke { kid } => {
                let revoked = open().await?.revoke_key(&kid).await.map_err(refused)?;
                report_revocation(&kid, &revoked, is_json)
            }
            KeyCommand::Reseal => reseal(&open().await?, is_json).await,
            KeyCommand::RotationStep { secret } => rotation::step(settings, secret).await,
            KeyCommand::RotationFunction { secret } => rotation::serve(settings, secret).await,
        }
    })
}

/// Prints a new shared secret and nothing else.
fn generate(json_key: Option<&str>) -> Result<(), Failure> {
    let entropy: &dyn Entropy = &SystemEntropy;
    let secret = generate_shared_secret(entropy.bytes());
    match json_key {
        None => console::print(secret.expose_secret()),
        Some(key) => console::print(&json!({ key: secret.expose_secret() }).to_string()),
    }
}

async fn list(service: &Service, is_json: bool) -> Result<(), Failure> {
    let keys = service.list_keys().await.map_err(Failure::of("the keys could not be read"))?;
    if is_json {
        let items: Vec<Value> = keys.iter().map(to_json).collect();
        return console::print(&json!({ "items": items }).to_string());
    }
    if keys.is_empty() {
        return console::print("There is no key yet: the server makes one when it starts.");
    }
    for state in &keys {
        console::print(&to_line(state))?;
    }
    Ok(())
}

fn report_rotation(rotated: &RotatedKey, is_urgent: bool, is_json: bool) -> Result<(), Failure> {
    if is_json {
        let displaced = rotated.displaced.as_ref().map(to_json);
        let told = json!({
            "next": to_json(&rotated.next),
            "displaced": displaced,
            "revoked": rotated.revoked,
        });
        return console::print(&told.to_string());
    }
    let next = &rotated.next.key;
    console::print(&format!("{} signs from {}.", next.kid, rfc3339(next.sign_from)))?;
    if let Some(revoked) = &rotated.revoked {
        console::print(&format!("{revoked}, which waited to sign, is revoked."))?;
    }
    let Some(displaced) = &rotated.displaced else { return Ok(()) };
    let removed = displaced.key.remove_at.map(rfc3339).unwrap_or_default();
    console::print(&format!("{} verifies until {removed}.", displaced.key.kid))?;
    if is_urgent {
        console::print(&format!(
            "Verifiers that have not read the new key refuse its tokens until they do: most read \
             keys again at once for a kid that they do not know, some keep what they have for up \
             to 2 h.\nIf the old key was stolen, run `doorward key revoke {}`. {WHO_KEEPS_KEYS}",
            displaced.key.kid
        ))?;
    }
    Ok(())
}

fn report_revocation(kid: &str, revoked: &RevokedKey, is_json: bool) -> Result<(), Failure> {
    let successor = revoked.successor.as_ref();
    if is_json {
        let told = json!({ "revoked": kid, "successor": successor.map(to_json) });
        return console::print(&told.to_string());
    }
    console::print(&format!(
        "{kid} is revoked: no instance accepts its tokens any more, within half a minute.\n{}",
        if revoked.key.key.material.is_published() { WHO_KEEPS_KEYS } else { WHO_SHARES_SECRETS }
    ))?;
    match successor {
        Some(successor) => console::print(&format!("{} signs now.", successor.key.kid)),
        None => Ok(()),
    }
}

async fn reseal(service: &Service, is_json: bool) -> Result<(), Failure> {
    let shows_progress = io::stderr().is_terminal();
    let sealed = service
        .reseal(|progress| {
            if shows_progress {
                // That nobody sees it does not stop the work.
                let _ = write!(io::stderr(), "\r{} values looked at", progress.total().done);
            }
        })
        .await
        .map_err(Failure::of("not everything was sealed anew; run it again"))?;
    if shows_progress {
        let _ = writeln!(io::stderr());
    }
    report_reseal(&sealed, is_json)?;
    match sealed.total().failed {
        0 => Ok(()),
        failed => Err(Failure::Refused(format!(
            "no key of data_key opens {failed} of them: add the key that sealed them to data_key, \
             behind the others, and run this again"
        ))),
    }
}

fn report_reseal(sealed: &ResealProgress, is_json: bool) -> Result<(), Failure> {
    let kinds = [
        ("records", sealed.records),
        ("users", sealed.users),
        ("sessions", sealed.sessions),
        ("mails", sealed.mails),
    ];
    if is_json {
        let counts = kinds.into_iter().map(|(name, count)| {
            let (done, resealed, failed) = (count.done, count.resealed, count.failed);
            (name.to_owned(), json!({ "done": done, "resealed": resealed, "failed": failed }))
        });
        return console::print(&Value::Object(counts.collect()).to_string());
    }
    for (name, count) in kinds {
        let (done, resealed, failed) = (count.done, count.resealed, count.failed);
        console::print(&format!(
            "{name:9} {done} looked at, {resealed} sealed anew, {failed} not"
        ))?;
    }
    Ok(())
}

fn refused(error: ChangeKeysError) -> Failure {
    match error {
        ChangeKeysError::Ring(error) => Failure::of("the keys could not be changed")(error),
        refusal => Failure::Refused(refusal.to_string()),
    }
}

fn to_line(state: &KeyState) -> String {
    let key = &state.key;
    let what = format!("{} {:6} {:8}", key.kid, key.algorithm, phase(state));
    let removed = key.remove_at.map(rfc3339).unwrap_or_default();
    if key.is_revoked {
        return format!("{what} at {removed}");
    }
    let mut line = format!("{what} signs from {}", rfc3339(key.sign_from));
    if let Some(retire_at) = key.retire_at {
        let until = format!(" until {}, verifies until {removed}", rfc3339(retire_at));
        line.push_str(&until);
    }
    if let KeyMaterial::Remote { name, .. } = &key.material {
        line.push_str(", in AWS KMS as ");
        line.push_str(name);
    }
    line
}

fn to_json(state: &KeyState) -> Value {
    let key = &state.key;
    json!({
        "kid": key.kid,
        "algorithm": key.algorithm,
        "phase": phase(state),
        "signFrom": rfc3339(key.sign_from),
        "retireAt": key.retire_at.map(rfc3339),
        "removeAt": key.remove_at.map(rfc3339),
    })
}

const fn phase(state: &KeyState) -> &'static str {
    match state.phase {
        KeyPhase::Removed if state.key.is_revoked => "revoked",
        phase => phase.name(),
    }
}
