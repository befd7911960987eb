use crate::mistake::Wrong;
use crate::server_url::{ServerInput, ServerUrl};
use crate::url_parts::{ServerHost, UrlParts};

const RIGHT: &str = "write rediss://:password@host:6379 (TLS), redis://host:6379 (no TLS), \
                     storage:// or memory://";

const UNEXPOSED: &str = "write rediss://";

/// Reads a `redis://` or `rediss://` URL.
pub(crate) fn parse(text: &str) -> Result<ServerInput, Wrong> {
    let parts = UrlParts::parse(text, RIGHT)?;
    let wrong = |problem: &str| Wrong::new(problem, RIGHT);
    let [host] = parts.hosts() else { return Err(wrong("does not name one host")) };
    if matches!(host, ServerHost::Socket) {
        return Err(wrong("names a socket in the file system"));
    }
    // The name before the @ may be meant as the password.
    if parts.has_user() && !parts.has_password() {
        return Err(wrong("has a user without a password"));
    }
    let database = parts.path.trim_start_matches('/');
    if !database.bytes().all(|byte| byte.is_ascii_digit()) || database.len() > 4 {
        return Err(wrong("has a path that is no number of a database"));
    }
    if parts.parameter_names().next().is_some() {
        return Err(wrong("has parameters"));
    }
    Ok(ServerInput {
        is_exposed: parts.scheme != "rediss" && !host.is_local(),
        url: ServerUrl::new(text, &parts),
        unexposed: UNEXPOSED,
        warnings: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_one_host_and_perhaps_a_password_and_the_number_of_a_database() {
        for url in [
            "redis://cache",
            "redis://cache:6379/",
            "rediss://:hunter2@cache:6379/15",
            "rediss://user:hunter2@[::1]:6379",
        ] {
            assert!(parse(url).is_ok(), "{url}");
        }
        for url in [
            "redis://",
            "redis:///0",
            "redis://a,b",
            "redis://%2Frun%2Fredis.sock",
            "redis://hunter2@cache",
            "redis://hunter2:@cache",
            "redis://:hunter2@cache/db",
            "redis://:hunter2@cache/0/1",
            "redis://:hunter2@cache/99999",
            "rediss://:hunter2@cache/#insecure",
            "rediss://:hunter2@cache?ssl_cert_reqs=none",
            "redis://cache?password=hunter2",
            "redis://cache/0?protocol=resp3",
        ] {
            let wrong = parse(url).err().expect(url);
            assert!(!format!("{wrong:?}").contains("hunter2"), "{wrong:?}");
        }
    }

    #[test]
    fn a_connection_is_exposed_unless_it_has_tls_or_stays_on_this_machine() {
        for (url, is_exposed) in [
            ("redis://cache", true),
            ("redis://10.0.0.1", true),
            ("redis://localhost", false),
            ("redis://[::1]:6379", false),
            ("rediss://cache", false),
        ] {
            assert_eq!(parse(url).ok().unwrap().is_exposed, is_exposed, "{url}");
        }
    }
}
