use crate::mistake::Wrong;
use crate::server_url::{ServerInput, ServerUrl};
use crate::url_parts::{ServerHost, UrlParts};

const RIGHT: &str = "write mongodb://user@host:27017/database?tls=true";

const UNEXPOSED: &str = "add tls=true, and tlsCAFile=PATH for an authority of your own";

/// Parameters with which anybody could pass for the server.
const TRUSTING_PARAMETERS: [&str; 3] =
    ["tlsInsecure", "tlsAllowInvalidCertificates", "tlsAllowInvalidHostnames"];

/// Reads a `mongodb://` URL. What no setting depends on is for the one who connects.
pub(crate) fn parse(text: &str) -> Result<ServerInput, Wrong> {
    let parts = UrlParts::parse(text, RIGHT)?;
    if parts.hosts().is_empty() {
        return Err(Wrong::new("names no host", RIGHT));
    }
    for name in TRUSTING_PARAMETERS {
        let value = parts.parameter(name);
        if value.is_some_and(|value| value != "false") {
            let problem = format!("has {name}, with which anybody could pass for the server");
            let right = "leave it out, and name the server's authority with tlsCAFile=PATH";
            return Err(Wrong::new(problem, right));
        }
    }
    let is_local = parts.hosts().iter().all(ServerHost::is_local);
    Ok(ServerInput {
        url: ServerUrl::new(text, &parts),
        is_exposed: !is_local && !has_tls(&parts)?,
        unexposed: UNEXPOSED,
        warnings: overridden(&parts),
    })
}

/// `ssl` is the older name of `tls`.
fn has_tls(parts: &UrlParts<'_>) -> Result<bool, Wrong> {
    let is_true = |name| match parts.parameter(name) {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(_) => Err(Wrong::new(format!("has a {name} that is no boolean"), "write tls=true")),
    };
    match (is_true("tls")?, is_true("ssl")?) {
        (Some(tls), Some(ssl)) if tls != ssl => {
            Err(Wrong::new("has a tls and an ssl that disagree", "leave out ssl"))
        }
        (tls, ssl) => Ok(tls.or(ssl).unwrap_or(false)),
    }
}

/// What is asked for and not done. `socketTimeoutMS` needs no word: every call has a shorter bound.
fn overridden(parts: &UrlParts<'_>) -> Vec<String> {
    let mut warnings = Vec::new();
    let preference = parts.parameter("readPreference");
    if preference.is_some_and(|preference| preference != "primary") {
        warnings.push("its readPreference is overridden: only the primary is read".to_owned());
    }
    if parts.parameter("retryWrites") == Some("true") {
        warnings.push("its retryWrites=true is overridden: not every server can".to_owned());
    }
    if parts.parameter("maxPoolSize").is_some() {
        warnings.push("its maxPoolSize is overridden by storage.pool_max".to_owned());
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deployment_has_at_least_one_host() {
        for url in ["mongodb://a", "mongodb://u:p@a:27017,b:27017/db?replicaSet=rs0"] {
            assert!(parse(url).is_ok(), "{url}");
        }
        for url in ["mongodb://", "mongodb:///db", "mongodb://u:p@/db"] {
            assert!(parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_connection_is_exposed_unless_it_has_tls_or_stays_on_this_machine() {
        for (url, is_exposed) in [
            ("mongodb://a", true),
            ("mongodb://a/?tls=false", true),
            ("mongodb://a/?tlsCAFile=ca.pem", true),
            ("mongodb://a/?tls=true", false),
            ("mongodb://a?ssl=true", false),
            ("mongodb://a/?TLS=true&ssl=true", false),
            ("mongodb://localhost:27017/?tls=false", false),
            ("mongodb://%2Ftmp%2Fmongodb-27017.sock", false),
            ("mongodb://localhost,a", true),
        ] {
            assert_eq!(parse(url).ok().unwrap().is_exposed, is_exposed, "{url}");
        }
    }

    #[test]
    fn a_tls_that_is_unclear_is_refused() {
        for query in ["tls=yes", "tls=", "ssl=1", "tls=true&ssl=false"] {
            assert!(parse(&format!("mongodb://a/?{query}")).is_err(), "{query}");
        }
    }

    #[test]
    fn certificates_are_never_passed_over() {
        for name in ["tlsInsecure", "tlsallowinvalidcertificates", "tlsAllowInvalidHostnames"] {
            for value in ["true", "", "TRUE"] {
                let url = format!("mongodb://localhost/?tls=true&{name}={value}");
                let wrong = parse(&url).err().expect(&url);
                assert!(wrong.problem.contains("anybody could pass"), "{wrong:?}");
            }
            assert!(parse(&format!("mongodb://a/?tls=true&{name}=false")).is_ok());
        }
    }

    #[test]
    fn what_is_overridden_is_told_once_and_a_deadline_is_not_worth_a_word() {
        let warnings = |query| parse(&format!("mongodb://a/?{query}")).ok().unwrap().warnings;
        assert!(warnings("readPreference=primary&retryWrites=false&socketTimeoutMS=1").is_empty());
        assert_eq!(warnings("readPreference=secondaryPreferred&readPreferenceTags=a:b").len(), 1);
        assert_eq!(warnings("retryWrites=true&maxPoolSize=5&readpreference=nearest").len(), 3);
    }
}
