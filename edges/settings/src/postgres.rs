use crate::mistake::Wrong;
use crate::server_url::{ServerInput, ServerUrl};
use crate::url_parts::{ServerHost, UrlParts, parse_host};

/// How much a client asks of TLS (libpq, "SSL Mode Descriptions"), and whether it sends nothing
/// without it. Not `allow`, which asks for it only if the server refuses to go without.
const SSL_MODES: [(&str, bool); 5] = [
    ("disable", false),
    ("prefer", false),
    ("require", true),
    ("verify-ca", true),
    ("verify-full", true),
];

const RIGHT: &str = "write postgres://user@host:5432/database?sslmode=verify-full";

const UNEXPOSED: &str =
    "add sslmode=verify-full, and sslrootcert=PATH for an authority of your own";

/// Reads a `postgres://` URL. What no setting depends on is for the one who connects.
pub(crate) fn parse(text: &str) -> Result<ServerInput, Wrong> {
    let parts = UrlParts::parse(text, RIGHT)?;
    let wrong = |problem: &str| Wrong::new(problem, RIGHT);
    if parts.parameter_names().any(|name| name.contains(|c: char| c.is_ascii_uppercase())) {
        return Err(wrong("has a parameter in capitals, which PostgreSQL does not know"));
    }
    let mut is_local = parts.hosts().iter().all(ServerHost::is_local);
    let mut has_host = !parts.hosts().is_empty();
    for name in ["host", "hostaddr"] {
        for host in parts.parameter(name).into_iter().flat_map(|hosts| hosts.split(',')) {
            let host = in_brackets(host);
            let host = parse_host(&host).ok_or_else(|| wrong("names a host that cannot exist"))?;
            is_local &= host.is_local();
            has_host = true;
        }
    }
    if !has_host {
        return Err(wrong("names no host"));
    }
    let has_authorities = parts.parameter("sslrootcert").is_some();
    let has_tls = match parts.parameter("sslmode") {
        // Who names authorities wants them to be asked.
        None => has_authorities,
        Some(mode) => {
            let known = SSL_MODES.iter().find(|(known, _)| *known == mode);
            let (_, has_tls) = known.ok_or_else(|| {
                let modes = SSL_MODES.map(|(known, _)| known).join(", ");
                Wrong::new("has an unknown sslmode", format!("write one of {modes}"))
            })?;
            if has_authorities && !has_tls {
                let right = "write sslmode=verify-full, or leave out sslrootcert";
                return Err(Wrong::new("has an sslrootcert that its sslmode does not use", right));
            }
            *has_tls
        }
    };
    Ok(ServerInput {
        url: ServerUrl::new(text, &parts),
        is_exposed: !is_local && !has_tls,
        unexposed: UNEXPOSED,
        warnings: Vec::new(),
    })
}

/// Parameters have IPv6 addresses without brackets.
fn in_brackets(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_by_a_host_or_a_socket_before_the_path_or_as_a_parameter() {
        for url in [
            "postgres://db",
            "postgresql://user:p%40ss@db:5432/app",
            "postgres://db1:5432,db2:5433/app?target_session_attrs=read-write",
            "postgres://[::1]:5432/app",
            "postgres://%2Fvar%2Frun%2Fpostgresql/app",
            "postgres:///app?host=/var/run/postgresql",
            "postgres:///app?host=db&hostaddr=10.0.0.1",
            "postgres:///app?hostaddr=::1",
        ] {
            assert!(parse(url).is_ok(), "{url}");
        }
        for url in [
            "postgres://",
            "postgres:///app",
            "postgres://user:hunter2@/app",
            "postgres:///app?host=",
            "postgres:///app?host=a,",
            "postgres://db/app?host=a%20b",
            "postgres://db/app?host=a&host=b",
        ] {
            assert!(parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_connection_is_exposed_unless_tls_is_demanded_or_it_stays_on_this_machine() {
        for (url, is_exposed) in [
            ("postgres://db/app", true),
            ("postgres://db/app?sslmode=disable", true),
            ("postgres://db/app?sslmode=prefer", true),
            ("postgres://db/app?sslmode=require", false),
            ("postgres://db/app?sslmode=verify-ca", false),
            ("postgres://db/app?sslmode=verify-full&sslrootcert=ca.pem", false),
            ("postgres://db/app?sslrootcert=ca.pem", false),
            ("postgres://localhost/app", false),
            ("postgres://127.0.0.1/app?sslmode=disable", false),
            ("postgres://%2Frun/app", false),
            ("postgres:///app?host=/run", false),
            ("postgres:///app?hostaddr=::1", false),
            ("postgres://localhost/app?host=db", true),
            ("postgres://localhost/app?hostaddr=10.0.0.1", true),
            ("postgres://localhost,db/app", true),
        ] {
            assert_eq!(parse(url).ok().unwrap().is_exposed, is_exposed, "{url}");
        }
    }

    #[test]
    fn an_unknown_sslmode_is_refused() {
        for mode in ["", "on", "allow", "Require", "verify_full"] {
            let wrong = parse(&format!("postgres://db/app?sslmode={mode}")).err().expect(mode);
            assert_eq!(wrong.problem, "has an unknown sslmode");
        }
    }

    #[test]
    fn authorities_that_nobody_asks_are_refused() {
        for mode in ["disable", "prefer"] {
            let url = format!("postgres://db/app?sslrootcert=ca.pem&sslmode={mode}");
            let wrong = parse(&url).err().expect(mode);
            assert_eq!(wrong.problem, "has an sslrootcert that its sslmode does not use");
        }
    }

    #[test]
    fn a_parameter_in_capitals_is_not_taken_for_the_one_that_is_meant() {
        let wrong = parse("postgres://db/app?SSLMODE=verify-full").err().unwrap();
        assert!(wrong.problem.starts_with("has a parameter in capitals"), "{wrong:?}");
    }
}
