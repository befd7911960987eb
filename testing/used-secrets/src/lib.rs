//! What tests use as secrets, so that nothing of it stands in any output.
//!
//! A test process remembers its own in one place. Where `TEST_SECRETS` names a file, they are noted
//! there, too: `cargo xtask test` then searches the output of the whole suite for all of them.

#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "what fails here fails the test that uses it"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::Write as _;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

/// The variable that names the file of all secrets of a run. Whoever sets it makes the file.
pub const FILE_VARIABLE: &str = "TEST_SECRETS";

/// How many bytes of a secret must be said for it to count as said: a log may cut it off.
pub const TOLD_BYTES: usize = 40;

/// How many bytes find a candidate; shorter secrets are not remembered, since they may be words.
const START_BYTES: usize = 8;

/// How a private key looks that somebody prints: PEM, or PKCS #8 in base64 (Ed25519, P-256, RSA).
const PRIVATE_KEYS: [&str; 4] =
    ["PRIVATE KEY-----", "BQYDK2VwBCIE", "AwEHBG0wawIBAQQg", "NBgkqhkiG9w0BAQEFAASC"];

static USED: LazyLock<Mutex<Secrets>> = LazyLock::new(|| Mutex::new(Secrets::of_notes("")));

/// Texts that nobody may say.
pub struct Secrets {
    by_start: BTreeMap<[u8; START_BYTES], BTreeSet<String>>,
}

impl Secrets {
    /// Those that a run has noted, a line each, and private keys, which are known by their form.
    pub fn of_notes(notes: &str) -> Self {
        let mut secrets = Self { by_start: BTreeMap::new() };
        for text in PRIVATE_KEYS.into_iter().chain(notes.lines()) {
            secrets.add(text);
        }
        secrets
    }

    /// How many there are, forms included.
    pub fn count(&self) -> usize {
        self.by_start.values().map(BTreeSet::len).sum()
    }

    /// The first of them that stands in `text` and in none of `arguments`.
    pub fn told_in(&self, text: &str, arguments: &[String]) -> Option<String> {
        let bytes = text.as_bytes();
        let mut places = bytes.windows(START_BYTES).enumerate();
        places.find_map(|(place, start)| {
            let alike = self.by_start.get(start)?;
            let mut told = alike.iter().filter(|one| bytes[place..].starts_with(one.as_bytes()));
            told.find(|one| !arguments.iter().any(|argument| argument.contains(*one))).cloned()
        })
    }

    /// What is looked for, if it was not known before.
    fn add<'secret>(&mut self, secret: &'secret str) -> Option<&'secret str> {
        let told = secret.get(..TOLD_BYTES).unwrap_or(secret);
        let start = told.as_bytes().first_chunk()?;
        let is_new = self.by_start.entry(*start).or_default().insert(told.to_owned());
        is_new.then_some(told)
    }
}

/// Remembers a secret.
pub fn remember(secret: &str) {
    let added = used().add(secret);
    if let Some(told) = added {
        note(told);
    }
}

/// Remembers what proves that a token is good. What a JWT says is no secret, and neither is whom a
/// refresh token names, but nobody may log the beginning of one either.
pub fn remember_token(token: &str) {
    match token.rsplit_once('.') {
        Some((signed, signature)) if signed.contains('.') => remember(signature),
        _ if token.len() >= TOLD_BYTES => {
            remember(token);
            remember(token.get(token.len() - TOLD_BYTES..).unwrap_or(token));
        }
        _ => {}
    }
}

/// A secret that the test used and which stands in `text`. Not one of the arguments of whoever said
/// it: everybody on the machine can read these anyway.
pub fn told_in(text: &str, arguments: &[String]) -> Option<String> {
    used().told_in(text, arguments)
}

fn used() -> MutexGuard<'static, Secrets> {
    USED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One write for a line, so that those of several processes do not mix.
fn note(told: &str) {
    let Some(path) = std::env::var_os(FILE_VARIABLE) else { return };
    let line = told.lines().next().unwrap_or_default().to_owned() + "\n";
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(line.as_bytes()).unwrap();
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::fs;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_secret_is_found_wherever_it_stands_and_cut_off() {
        let secret = "a-secret-of-more-than-forty-bytes-which-is-long-enough";
        let secrets = Secrets::of_notes(&format!("{secret}\nshort\n{secret}\n"));
        assert_eq!(secrets.count(), PRIVATE_KEYS.len() + 1);
        assert!(secrets.told_in(&format!("before {secret} after"), &[]).is_some());
        assert!(secrets.told_in(&secret[..TOLD_BYTES], &[]).is_some());
        assert_eq!(secrets.told_in(&secret[..TOLD_BYTES - 1], &[]), None);
        assert_eq!(secrets.told_in("short", &[]), None, "it may be a word");
        assert_eq!(secrets.told_in(secret, &[secret.to_owned()]), None);
    }

    #[test]
    fn of_a_token_the_signature_is_secret_and_of_others_both_ends() {
        let refresh =
            "refresh-token-of-more-than-eighty-characters-so-that-both-of-its-ends-differ-x";
        remember_token("header.payload.the-signature-of-it");
        remember_token(refresh);
        assert!(told_in("the-signature-of-it", &[]).is_some());
        assert_eq!(told_in("header.payload", &[]), None);
        assert!(told_in(&refresh[..TOLD_BYTES], &[]).is_some());
        assert!(told_in(&refresh[refresh.len() - TOLD_BYTES..], &[]).is_some());
    }

    #[test]
    fn a_private_key_is_known_by_its_form() {
        let told = Secrets::of_notes("").told_in("-----BEGIN PRIVATE KEY-----", &[]);
        assert_eq!(told.as_deref(), Some("PRIVATE KEY-----"));
    }

    #[test]
    fn a_run_that_names_a_file_finds_all_secrets_there_once() {
        remember("noted by nobody yet, and of two\nlines");
        remember("noted by nobody yet, and of two\nlines");
        if env::var_os("IS_CHILD").is_some() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let notes = folder.path().join("notes");
        fs::write(&notes, "noted by another\n").unwrap();
        let mut child = Command::new(env::current_exe().unwrap());
        child.args(["--exact", "tests::a_run_that_names_a_file_finds_all_secrets_there_once"]);
        child.env(FILE_VARIABLE, &notes).env("IS_CHILD", "yes");
        assert!(child.output().unwrap().status.success());
        let text = fs::read_to_string(&notes).unwrap();
        assert_eq!(text, "noted by another\nnoted by nobody yet, and of two\n");
        fs::remove_file(&notes).unwrap();
        assert!(!child.output().unwrap().status.success(), "nobody makes a file that is left");
    }
}
