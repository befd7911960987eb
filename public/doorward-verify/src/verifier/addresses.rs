use reqwest::Url;

use super::builder::BuildVerifierError;
use super::fetcher::Tls;
use super::published::KeySource;

/// Where the issuer publishes what we read.
pub(super) struct Addresses {
    pub(super) keys: KeySource,
    pub(super) revocations: Url,
    pub(super) has_own_jwks: bool,
}

impl Addresses {
    pub(super) fn parse(
        issuer: &str,
        jwks: Option<String>,
        revocations: Option<String>,
    ) -> Result<Self, BuildVerifierError> {
        plain_url("issuer", issuer)?;
        let has_own_jwks = jwks.is_some();
        let keys = match jwks {
            Some(url) => KeySource::Url(plain_url("jwks_url", &url)?),
            None => KeySource::Discovery {
                document: well_known(issuer, "openid-configuration")?,
                issuer: issuer.to_owned(),
            },
        };
        let revocations = match revocations {
            Some(url) => plain_url("revocations_url", &url)?,
            None => well_known(issuer, "revocations")?,
        };
        Ok(Self { keys, revocations, has_own_jwks })
    }

    pub(super) fn tls(&self) -> Tls {
        let keys = match &self.keys {
            KeySource::Url(url) | KeySource::Discovery { document: url, .. } => url,
        };
        let is_used = [keys, &self.revocations].iter().any(|url| url.scheme() == "https");
        if is_used { Tls::SystemRoots } else { Tls::Unused }
    }
}

/// The suffix goes after the issuer's path (OIDC Discovery §4).
fn well_known(issuer: &str, name: &str) -> Result<Url, BuildVerifierError> {
    plain_url("issuer", &format!("{}/.well-known/{name}", issuer.trim_end_matches('/')))
}

fn plain_url(what: &'static str, text: &str) -> Result<Url, BuildVerifierError> {
    let url = Url::parse(text).map_err(|_| BuildVerifierError::Url { what })?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if is_plain { Ok(url) } else { Err(BuildVerifierError::Url { what }) }
}
