use std::borrow::Cow;
use std::fmt;

use doorward_claims::Algorithm;
use serde::Deserialize;
use serde::de::{Error, IgnoredAny, MapAccess, Visitor};

use crate::error::VerifyError;
use crate::key_set::Signer;

/// Longest `kid` that we look up; a SHA-512 thumbprint has 86.
const KID_BYTES_MAX: usize = 256;

/// Most members of a header. RFC 7515 §4.1 defines eleven.
const MEMBERS_MAX: usize = 16;

/// The members of a JOSE header that we heed, borrowed from its JSON.
///
/// `jwk`, `jku`, `x5u` and `x5c` are not among them: a token does not choose whom we trust
/// (RFC 8725 §3.10).
#[derive(Debug, Default)]
pub(crate) struct Header<'a> {
    alg: Option<Cow<'a, str>>,
    kid: Option<Cow<'a, str>>,
    typ: Option<Cow<'a, str>>,
    is_critical: bool,
}

impl<'a> Header<'a> {
    pub(crate) fn parse(json: &'a [u8]) -> Result<Self, VerifyError> {
        let header =
            std::str::from_utf8(json).ok().and_then(|json| serde_json::from_str(json).ok());
        let header: Self =
            header.ok_or(VerifyError::malformed("its header is not a plain JSON object"))?;
        // We know no extension, so one that must be understood is refused (RFC 7515 §4.1.11).
        if header.is_critical {
            return Err(VerifyError::malformed("its header has critical extensions"));
        }
        Ok(header)
    }

    /// Compares `typ` as RFC 7515 §4.1.9 says: a media type, whose `application/` may be left out.
    pub(crate) fn is_of_type(&self, wanted: &str) -> bool {
        const PREFIX: &str = "application/";
        let typ = self.typ.as_deref().unwrap_or_default();
        let has_prefix =
            typ.get(..PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(PREFIX));
        let name = if has_prefix { &typ[PREFIX.len()..] } else { typ };
        name.eq_ignore_ascii_case(wanted)
    }

    /// Whether `typ` says no more than that this is some JWT, or is left out.
    pub(crate) fn is_plain(&self) -> bool {
        self.typ.is_none() || self.is_of_type("JWT")
    }

    pub(crate) fn signer(&self) -> Result<Signer<'_>, VerifyError> {
        let algorithm: Algorithm = self
            .alg
            .as_deref()
            .ok_or(VerifyError::malformed("its header has no alg"))?
            .parse()
            .map_err(|_| VerifyError::WrongAlgorithm)?;
        let kid = self.kid.as_deref();
        if kid.is_some_and(|kid| kid.len() > KID_BYTES_MAX) {
            return Err(VerifyError::malformed("its kid is too long"));
        }
        Ok(Signer { algorithm, kid })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Header<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

/// Refuses any member that comes twice, known or not, so that no two readers can see different
/// headers (RFC 7515 §4).
struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JOSE header")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut header = Header::default();
        let mut seen = [""; MEMBERS_MAX];
        let mut count = 0;
        // Borrowed names only: none of a real header's needs an escape.
        while let Some(name) = members.next_key::<&'de str>()? {
            if seen[..count].contains(&name) {
                return Err(A::Error::custom("a member comes twice"));
            }
            *seen.get_mut(count).ok_or_else(|| A::Error::custom("too many members"))? = name;
            count += 1;
            match name {
                "alg" => header.alg = Some(members.next_value::<Text<'de>>()?.0),
                "kid" => header.kid = Some(members.next_value::<Text<'de>>()?.0),
                "typ" => header.typ = Some(members.next_value::<Text<'de>>()?.0),
                "crit" => {
                    members.next_value::<IgnoredAny>()?;
                    header.is_critical = true;
                }
                _ => {
                    members.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(header)
    }
}

/// Text that is copied only if it holds escapes; `Option<Cow<str>>` alone would always be copied.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Header<'_>, VerifyError> {
        Header::parse(json.as_bytes())
    }

    #[test]
    fn a_plain_header_is_read_without_copying() {
        let header = parse(r#"{"alg":"RS256","kid":"k1","typ":"at+jwt"}"#).unwrap();
        assert!(matches!(header.kid, Some(Cow::Borrowed("k1"))));
        assert_eq!(header.signer().unwrap().algorithm, Algorithm::RS256);
    }

    #[test]
    fn the_type_is_a_media_type() {
        for (typ, is_it) in [
            ("at+jwt", true),
            ("AT+JWT", true),
            ("application/at+jwt", true),
            ("Application/At+Jwt", true),
            ("JWT", false),
            ("application/", false),
            ("text/at+jwt", false),
            ("at+jwt ", false),
            ("äääääää+jwt", false),
        ] {
            let json = format!(r#"{{"alg":"RS256","typ":"{typ}"}}"#);
            assert_eq!(parse(&json).unwrap().is_of_type("at+jwt"), is_it, "{typ}");
        }
        assert!(!parse(r#"{"alg":"RS256"}"#).unwrap().is_of_type("at+jwt"));
    }

    #[test]
    fn a_plain_header_says_jwt_or_nothing() {
        for (json, is_it) in [
            (r#"{"alg":"HS256"}"#, true),
            (r#"{"alg":"HS256","typ":"JWT"}"#, true),
            (r#"{"alg":"HS256","typ":"jwt"}"#, true),
            (r#"{"alg":"HS256","typ":"at+jwt"}"#, false),
            (r#"{"alg":"HS256","typ":""}"#, false),
        ] {
            assert_eq!(parse(json).unwrap().is_plain(), is_it, "{json}");
        }
    }

    #[test]
    fn a_header_that_two_readers_could_read_differently_is_refused() {
        for json in [
            r#"{"alg":"RS256","alg":"none"}"#,
            r#"{"alg":"RS256","x":1,"x":2}"#,
            r#"{"alg":"RS256","\u0061lg":"none"}"#,
            r#"{"alg":"RS256"} {}"#,
            r#"["RS256"]"#,
            r#"{"alg":7}"#,
            r#"{"alg":"RS256","kid":null}"#,
            "",
        ] {
            assert!(matches!(parse(json), Err(VerifyError::Malformed { .. })), "{json}");
        }
    }

    #[test]
    fn a_header_with_critical_extensions_is_refused() {
        for json in [r#"{"alg":"RS256","crit":["exp"]}"#, r#"{"crit":null}"#] {
            assert!(matches!(parse(json), Err(VerifyError::Malformed { .. })), "{json}");
        }
    }

    #[test]
    fn a_header_with_too_many_members_is_refused() {
        let members: Vec<_> = (0..=MEMBERS_MAX).map(|n| format!(r#""m{n}":0"#)).collect();
        assert!(parse(&format!("{{{}}}", members.join(","))).is_err());
        assert!(parse(&format!("{{{}}}", members[1..].join(","))).is_ok());
    }
}
