use std::path::PathBuf;

use crate::Environment;
use crate::mistake::Wrong;
use crate::path::parse_path;
use crate::reader::{Reader, Refused};
use crate::secret_input::SecretInput;
use crate::server_url::{ServerInput, ServerPaths, ServerUrl, warn_of_two_users};
use crate::{credentials, redis};

/// Where what need not last is kept, limits above all, with the settings that this needs and no
/// others.
#[derive(Clone, Debug)]
pub enum EphemeralSettings {
    /// In this process. Outside development only if it is the only one.
    Memory,
    /// In the main store.
    Storage,
    /// In Redis.
    Redis {
        /// `redis://` or `rediss://`. Outside development, without TLS only on this machine.
        url: ServerUrl,
        /// A JSON object with the texts `username` and `password`, used in place of those of the
        /// URL. The form of one that is named is for the one who opens it.
        credentials: Option<SecretInput>,
        /// A PEM file of certificate authorities that are trusted beside the usual ones; only with
        /// `rediss://`. Nobody has opened it yet.
        ca_file: Option<PathBuf>,
        /// What all our keys begin with: at most 64 characters of `a-z A-Z 0-9 . _ : -`; may be
        /// empty.
        key_prefix: String,
        /// Whether sessions are kept there, too.
        keeps_sessions: bool,
    },
}

enum Choice {
    Memory,
    Storage,
    Redis { input: ServerInput, has_tls: bool },
}

const PATHS: ServerPaths =
    ServerPaths { url: "ephemeral.url", credentials: "ephemeral.credentials" };
const CA_FILE: &str = "ephemeral.ca_file";
const KEY_PREFIX: &str = "ephemeral.key_prefix";
const SESSIONS: &str = "ephemeral.sessions";

const KEY_PREFIX_MAX: usize = 64;

const RIGHT: &str = "write memory://, storage://, redis://host:6379 or rediss://host:6379";

pub(crate) fn read(
    reader: &mut Reader,
    environment: Result<Environment, Refused>,
) -> Result<EphemeralSettings, Refused> {
    let choice = read_choice(reader, environment);
    let credentials = credentials::read(reader, PATHS.credentials, environment);
    let ca_file = reader.optional_text(CA_FILE, parse_path);
    let key_prefix = reader.text(KEY_PREFIX, parse_key_prefix);
    let keeps_sessions = reader.boolean(SESSIONS);
    let chosen = match choice? {
        Choice::Redis { input, has_tls } => {
            let url = input.accept(reader, &PATHS, environment);
            let (url, credentials, ca_file) = (url?, credentials?, ca_file?);
            let (key_prefix, keeps_sessions) = (key_prefix?, keeps_sessions?);
            warn_of_two_users(reader, &PATHS, &url, credentials.as_ref());
            let ca_file = ca_file.filter(|_| {
                if !has_tls {
                    reader.warn(CA_FILE, "not used: ephemeral.url is without TLS");
                }
                has_tls
            });
            return Ok(EphemeralSettings::Redis {
                url,
                credentials,
                ca_file,
                key_prefix,
                keeps_sessions,
            });
        }
        Choice::Memory => EphemeralSettings::Memory,
        Choice::Storage => EphemeralSettings::Storage,
    };
    let keeps_none = if keeps_sessions? {
        let right = "set ephemeral.url to a rediss:// URL, or write false";
        let wrong = Wrong::new("is true, but ephemeral.url names no Redis to keep them", right);
        Err(reader.refuse(SESSIONS, wrong))
    } else {
        Ok(())
    };
    for (path, is_given) in [
        (PATHS.credentials, credentials?.is_some()),
        (CA_FILE, ca_file?.is_some()),
        (KEY_PREFIX, !key_prefix?.is_empty()),
    ] {
        if is_given {
            reader.warn(path, "not used: ephemeral.url names no Redis");
        }
    }
    keeps_none.map(|()| chosen)
}

fn read_choice(
    reader: &mut Reader,
    environment: Result<Environment, Refused>,
) -> Result<Choice, Refused> {
    let choice = reader.text(PATHS.url, parse)?;
    match (&choice, environment) {
        (Choice::Memory, Ok(environment)) if !environment.is_development() => {
            if reader.boolean("server.single_instance")? {
                return Ok(choice);
            }
            let problem =
                format!("lets each process count for itself, which {environment} refuses");
            let right = "write storage:// or rediss://host:6379, or set server.single_instance = \
                         true if this process is the only one";
            Err(reader.refuse(PATHS.url, Wrong::new(problem, right)))
        }
        _ => Ok(choice),
    }
}

/// Braces would move keys between the servers of a cluster.
fn parse_key_prefix(text: &str) -> Result<String, Wrong> {
    let is_fit = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
    if text.len() <= KEY_PREFIX_MAX && text.bytes().all(is_fit) {
        return Ok(text.to_owned());
    }
    let right = "write at most 64 letters, digits, dots, dashes, underscores and colons";
    Err(Wrong::new("cannot begin a key", right))
}

/// The scheme chooses. Messages show nothing of the URL: it may hold a password.
fn parse(text: &str) -> Result<Choice, Wrong> {
    match text.split_once("://") {
        Some(("memory", "")) => Ok(Choice::Memory),
        Some(("storage", "")) => Ok(Choice::Storage),
        Some(("memory" | "storage", _)) => Err(Wrong::new("goes on after ://", RIGHT)),
        Some((scheme @ ("redis" | "rediss"), _)) => {
            let has_tls = scheme == "rediss";
            redis::parse(text).map(|input| Choice::Redis { input, has_tls })
        }
        Some(_) => Err(Wrong::new("has an unknown scheme", RIGHT)),
        None => Err(Wrong::new("is not a URL with a scheme and ://", RIGHT)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_chooses_and_nothing_follows_that_would_not_be_heeded() {
        assert!(matches!(parse("memory://"), Ok(Choice::Memory)));
        assert!(matches!(parse("storage://"), Ok(Choice::Storage)));
        assert!(matches!(parse("redis://a"), Ok(Choice::Redis { has_tls: false, .. })));
        assert!(matches!(parse("rediss://a"), Ok(Choice::Redis { has_tls: true, .. })));
        for url in ["", "memory", "memory:", "memory://x", "storage://?a", "unix:///run/a", "a://b"]
        {
            assert!(parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn what_keys_begin_with_is_short_and_plain() {
        for prefix in ["", "doorward:", "a.b_c-D9:"] {
            assert_eq!(parse_key_prefix(prefix), Ok(prefix.to_owned()));
        }
        for prefix in ["{a}", "a b", "ü", &"a".repeat(65)] {
            assert!(parse_key_prefix(prefix).is_err(), "{prefix}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(
            text in ".*",
            url in "rediss?://[a-z0-9.:/@?#%,-]{0,30}",
        ) {
            let _ = (parse(&text), parse(&url));
        }
    }
}
