use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_claims::{ACCESS_TOKEN_TYP, Algorithm, Jwk};
use doorward_verify::{ParseKeyError, VerifyingKey, jwk_thumbprint};
use serde::Serialize;

/// What everybody may know of a key, wherever its private part is, and what its tokens begin with.
pub(super) struct KeyIdentity {
    jwk: Option<Jwk>,
    verifying: VerifyingKey,
    access_token_header: String,
}

impl KeyIdentity {
    /// Names the key by its thumbprint (RFC 7638).
    pub(super) fn of_public(mut jwk: Jwk) -> Result<Self, ParseKeyError> {
        jwk.kid = Some(jwk_thumbprint(&jwk)?);
        let verifying = VerifyingKey::from_jwk(&jwk)?;
        Ok(Self::new(Some(jwk), verifying))
    }

    pub(super) fn of_secret(secret: &[u8]) -> Result<Self, ParseKeyError> {
        Ok(Self::new(None, VerifyingKey::from_shared_secret(secret)?))
    }

    pub(super) fn kid(&self) -> &str {
        self.verifying.kid()
    }

    pub(super) const fn algorithm(&self) -> Algorithm {
        self.verifying.algorithm()
    }

    pub(super) const fn jwk(&self) -> Option<&Jwk> {
        self.jwk.as_ref()
    }

    pub(super) const fn verifying(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// The header segment of an access token, which most tokens are: written once.
    pub(super) fn access_token_header(&self) -> &str {
        &self.access_token_header
    }

    fn new(jwk: Option<Jwk>, verifying: VerifyingKey) -> Self {
        let access_token_header = header(&verifying, ACCESS_TOKEN_TYP);
        Self { jwk, verifying, access_token_header }
    }
}

/// The header segment: it depends on the key and on what the token is for, nothing else.
pub(super) fn header(key: &VerifyingKey, typ: &str) -> String {
    #[derive(Serialize)]
    struct Header<'a> {
        alg: Algorithm,
        kid: &'a str,
        typ: &'a str,
    }
    let json = serde_json::to_vec(&Header { alg: key.algorithm(), kid: key.kid(), typ });
    URL_SAFE_NO_PAD.encode(json.expect("a struct of texts has a JSON form"))
}
