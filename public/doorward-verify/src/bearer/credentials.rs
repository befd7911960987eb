use http::HeaderMap;
use http::header::AUTHORIZATION;

/// What the `Authorization` header holds for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credentials<'a> {
    /// Nothing, or another scheme: the caller may not know that a token is wanted.
    Missing,
    /// A bearer token, in form if not in truth.
    Token(&'a str),
    /// Two headers, or no token after `Bearer`: which one is meant, or what, is anybody's guess.
    Malformed,
}

impl<'a> Credentials<'a> {
    /// Reads the header as RFC 6750 §2.1 has it; the other two ways to send a token are not ours.
    pub(crate) fn of(headers: &'a HeaderMap) -> Self {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let Some(value) = values.next() else { return Self::Missing };
        if values.next().is_some() {
            return Self::Malformed;
        }
        let Ok(value) = value.to_str() else { return Self::Malformed };
        let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Self::Missing;
        }
        let token = rest.trim_matches(' ');
        if is_b64token(token) { Self::Token(token) } else { Self::Malformed }
    }
}

fn is_b64token(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    !body.is_empty()
        && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (AUTHORIZATION, value.parse().unwrap())).collect()
    }

    #[test]
    fn a_bearer_token_is_found_however_the_scheme_is_written() {
        for value in ["Bearer a.b.c", "bearer a.b.c", "BEARER   a.b.c ", "Bearer a.b.c"] {
            assert_eq!(Credentials::of(&headers(&[value])), Credentials::Token("a.b.c"), "{value}");
        }
    }

    #[test]
    fn another_scheme_is_no_bearer_token() {
        for value in ["Basic YTpi", "DPoP a.b.c", "Bearers a", ""] {
            assert_eq!(Credentials::of(&headers(&[value])), Credentials::Missing, "{value}");
        }
        assert_eq!(Credentials::of(&HeaderMap::new()), Credentials::Missing);
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_malformed() {
        for values in [
            &["Bearer a", "Bearer a"][..],
            &["Bearer a", "Basic b"],
            &["Bearer"],
            &["Bearer "],
            &["Bearer a b"],
            &["Bearer a, Bearer b"],
            &["Bearer =a"],
            &["Bearer ==="],
        ] {
            assert_eq!(Credentials::of(&headers(values)), Credentials::Malformed, "{values:?}");
        }
        let mut latin = HeaderMap::new();
        latin.insert(AUTHORIZATION, http::HeaderValue::from_bytes(b"Bearer \xe4").unwrap());
        assert_eq!(Credentials::of(&latin), Credentials::Malformed);
    }
}
