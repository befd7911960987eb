use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Url};
use thiserror::Error;

use super::fetcher::{Fetcher, Tls};
use super::keys::{KeySource, Keys};
use super::revocations::{Following, RevocationList, Revocations};
use super::{Clock, Core, Verifier};
use crate::error::ParseKeyError;
use crate::key::VerifyingKey;
use crate::key_set::KeySet;
use crate::tokens::Policy;

/// Describes a [`Verifier`]. An audience is needed; all else has a default.
#[must_use = "a builder does nothing until `build`"]
pub struct VerifierBuilder {
    policy: Policy,
    secrets: Result<KeySet, ParseKeyError>,
    jwks_url: Option<String>,
    revocations_url: Option<String>,
    revocations: Revocations,
    realm: Option<String>,
    client: Option<Client>,
    clock: Clock,
    polling: Polling,
}

/// Who calls [`Verifier::refresh`].
#[derive(Clone, Copy, PartialEq, Eq)]
enum Polling {
    Background,
    Caller,
}

/// Why a verifier cannot be built: a mistake in its description, never the issuer's absence.
#[derive(Debug, Error)]
pub enum BuildVerifierError {
    /// No audience, so every token would be refused.
    #[error("an audience is needed")]
    NoAudience,
    /// Not an absolute `http` or `https` URL without user, query and fragment.
    #[error("the {what} is not a plain http or https URL")]
    Url {
        /// Which URL.
        what: &'static str,
    },
    /// A shared secret cannot be used.
    #[error("a shared secret cannot be used")]
    Secret(#[source] ParseKeyError),
    /// The HTTP client does not start, for instance because the system has no root certificates.
    #[error("the HTTP client does not start")]
    Client(#[source] reqwest::Error),
    /// `build` was called outside of a tokio runtime, where no background task can run.
    #[error("there is no tokio runtime")]
    NoRuntime,
}

impl VerifierBuilder {
    pub(super) fn new(issuer: String) -> Self {
        Self {
            policy: Policy::new(issuer, [] as [String; 0]),
            secrets: Ok(KeySet::new()),
            jwks_url: None,
            revocations_url: None,
            revocations: Revocations::Off,
            realm: None,
            client: None,
            clock: Arc::new(system_clock),
            polling: Polling::Background,
        }
    }

    /// Accepts tokens for this audience; call it again for more.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.policy.audiences.push(audience.into());
        self
    }

    /// Accepts HS256 tokens under this secret, at least 32 bytes, as they are; call it again for
    /// the second secret of a rotation. No key set is fetched then, unless
    /// [`jwks_url`](Self::jwks_url) names one.
    ///
    /// Whoever knows the secret can also make tokens, and revocation lists.
    pub fn shared_secret(mut self, secret: impl AsRef<[u8]>) -> Self {
        self.secrets = self.secrets.and_then(|mut secrets| {
            secrets.insert(VerifyingKey::from_shared_secret(secret.as_ref())?);
            Ok(secrets)
        });
        self
    }

    /// Fetches the key set here, rather than where the issuer's discovery document says: for
    /// services that reach the issuer by another address than its public one.
    pub fn jwks_url(mut self, url: impl Into<String>) -> Self {
        self.jwks_url = Some(url.into());
        self
    }

    /// Fetches the revocations here, rather than at the issuer's `/.well-known/revocations`.
    pub fn revocations_url(mut self, url: impl Into<String>) -> Self {
        self.revocations_url = Some(url.into());
        self
    }

    /// Says what happens to sessions that end early; [`Revocations::Off`] by default.
    pub const fn revocations(mut self, revocations: Revocations) -> Self {
        self.revocations = revocations;
        self
    }

    /// How far our clock and the issuer's may stand apart; 30 s by default.
    pub const fn leeway(mut self, leeway: Duration) -> Self {
        self.policy.leeway = leeway;
        self
    }

    /// The `realm` of the challenges that refusals carry; by default the first audience.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
        self
    }

    /// Fetches with this client: for other root certificates or a proxy. Fetches end after 3 s
    /// whatever its settings, and an answer that came by a redirect is refused.
    pub fn client(mut self, client: Client) -> Self {
        self.client = Some(client);
        self
    }

    /// Takes the time, in seconds since the epoch, from here: for tests that move it.
    pub fn clock(mut self, clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Starts no background task: for tests, and for processes that are frozen between requests,
    /// such as AWS Lambda. Call [`Verifier::refresh`] yourself; what is long overdue, a request
    /// fetches.
    pub const fn without_background_task(mut self) -> Self {
        self.polling = Polling::Caller;
        self
    }

    /// Makes the verifier. It fetches nothing yet, so the issuer need not be up.
    pub fn build(self) -> Result<Verifier, BuildVerifierError> {
        if self.policy.audiences.is_empty() {
            return Err(BuildVerifierError::NoAudience);
        }
        let secrets = self.secrets.map_err(BuildVerifierError::Secret)?;
        let addresses = Addresses::parse(&self.policy.issuer, self.jwks_url, self.revocations_url)?;
        let wants_keys = secrets.is_empty() || addresses.has_own_jwks;
        let follows = self.revocations != Revocations::Off;

        let fetcher = match self.client {
            _ if !(wants_keys || follows) => None,
            Some(client) => Some(Fetcher::new(client)),
            None => Some(Fetcher::open(addresses.tls()).map_err(BuildVerifierError::Client)?),
        };
        let runtime = match self.polling {
            Polling::Background if fetcher.is_some() => Some(
                tokio::runtime::Handle::try_current().map_err(|_| BuildVerifierError::NoRuntime)?,
            ),
            Polling::Background | Polling::Caller => None,
        };

        let Addresses { keys: source, revocations: url, .. } = addresses;
        let policy = Arc::new(self.policy);
        let remote = fetcher.clone().filter(|_| wants_keys).map(|fetcher| (fetcher, source));
        let keys = Arc::new(Keys::new(secrets, remote));
        let revocations = fetcher.filter(|_| follows).map(|fetcher| {
            let following = Following { fetcher, url, mode: self.revocations };
            Arc::new(RevocationList::new(following, Arc::clone(&policy), Arc::clone(&keys)))
        });
        let realm = self.realm.unwrap_or_else(|| policy.audiences[0].clone());
        let core = Core { policy, realm, clock: self.clock, keys, revocations };
        Ok(Verifier::new(core, runtime.as_ref()))
    }
}

/// Where the issuer publishes what we read.
struct Addresses {
    keys: KeySource,
    revocations: Url,
    has_own_jwks: bool,
}

impl Addresses {
    fn parse(
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

    fn tls(&self) -> Tls {
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

/// The one place where this crate reads a clock.
#[expect(clippy::disallowed_methods, reason = "the default of `VerifierBuilder::clock`")]
fn system_clock() -> i64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    // Before 1970 no token is valid yet, as is right.
    since_epoch.map_or(0, |duration| duration.as_secs().cast_signed())
}
