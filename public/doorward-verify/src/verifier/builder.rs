use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use doorward_claims::{AccessClaims, Algorithm};
use reqwest::Client;
use thiserror::Error;
use tokio::runtime::Handle;

use super::addresses::Addresses;
use super::fetcher::Fetcher;
use super::keys::Keys;
use super::published::PublishedKeys;
use super::revocations::{Following, RevocationList, Revocations};
use super::secret_file::secret_file;
use super::shared::{BoxError, SecretReader, SharedSecrets};
use super::tokens_seen::TokenCounters;
use super::{Clock, Core, Verifier};
use crate::error::ParseKeyError;
use crate::key::VerifyingKey;
use crate::key_set::KeySet;
use crate::shared_secret::SharedSecret;
use crate::shared_secret_claims::SharedSecretClaims;
use crate::token_claims::TokenClaims;
use crate::tokens::Policy;

/// For how long a secret verifies after it has gone from where it is kept: a Doorward issuer makes
/// a new one known 15 minutes before it signs with it, its tokens live 20 minutes at most unless it
/// is set otherwise, and it may read the new secret 5 minutes after us.
const DEFAULT_GRACE: Duration = Duration::from_mins(40);

/// Describes a [`Verifier`]. An audience or, in the shared-secret profile, a secret is needed; all
/// else has a default.
#[must_use = "a builder does nothing until `build`"]
pub struct VerifierBuilder<C = AccessClaims> {
    policy: Policy,
    algorithms: Option<Vec<Algorithm>>,
    secrets: Secrets,
    jwks_url: Option<String>,
    revocations_url: Option<String>,
    revocations: Revocations,
    realm: Option<String>,
    client: Option<Client>,
    clock: Clock,
    polling: Polling,
    claims: PhantomData<fn() -> C>,
}

/// The secrets that are shared with the issuer.
struct Secrets {
    fixed: Result<KeySet, ParseKeyError>,
    readers: Vec<SecretReader>,
    grace: Duration,
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
    /// An empty list of algorithms, so every token would be refused.
    #[error("an algorithm is needed")]
    NoAlgorithm,
    /// HS256 is wanted, and no secret was given.
    #[error("a shared secret is needed")]
    NoSecret,
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

impl<C: TokenClaims> VerifierBuilder<C> {
    pub(super) fn new(issuer: String) -> Self {
        let secrets =
            Secrets { fixed: Ok(KeySet::new()), readers: Vec::new(), grace: DEFAULT_GRACE };
        Self {
            policy: Policy::new(issuer, [] as [String; 0]),
            algorithms: None,
            secrets,
            jwks_url: None,
            revocations_url: None,
            revocations: Revocations::Off,
            realm: None,
            client: None,
            clock: Arc::new(system_clock),
            polling: Polling::Background,
            claims: PhantomData,
        }
    }

    /// Accepts tokens for this audience; call it again for more.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.policy.audiences.push(audience.into());
        self
    }

    /// Accepts HS256 tokens under this secret, at least 32 bytes, as they are; call it again for
    /// more. No key set is fetched then, unless [`jwks_url`](VerifierBuilder::jwks_url) names one,
    /// or [`algorithms`](VerifierBuilder::algorithms) need one.
    ///
    /// Whoever knows the secret can also make tokens, and revocation lists.
    pub fn shared_secret(mut self, secret: impl AsRef<[u8]>) -> Self {
        self.secrets.fixed = self.secrets.fixed.and_then(|mut secrets| {
            secrets.insert(VerifyingKey::from_shared_secret(secret.as_ref())?);
            Ok(secrets)
        });
        self
    }

    /// Accepts HS256 tokens under the secret in this file, in the shapes that
    /// [`shared_secret_in`](crate::shared_secret_in) knows, and follows the file when it is
    /// replaced, as [`shared_secrets_from`](Self::shared_secrets_from) has it.
    pub fn shared_secret_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.secrets.readers.push(secret_file(path.into()));
        self
    }

    /// Accepts HS256 tokens under the secrets that `source` tells, so that they can be replaced
    /// without a restart; call it again for more sources.
    ///
    /// It is asked at the first use, then every minute, and at once, but not twice in ten seconds,
    /// for a token under a secret that we do not know. An answer takes 3 s at most. While there is
    /// none, or it names no secret, or one that is shorter than 32 bytes, the secrets that we have
    /// stay.
    pub fn shared_secrets_from<F>(mut self, source: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Vec<SharedSecret>, BoxError>> + Send + 'static,
    {
        self.secrets.readers.push(Box::new(move || Box::pin(source())));
        self
    }

    /// For how long a secret still verifies that is no longer where it was read; 40 minutes by
    /// default. The issuer may read the new secret later than we do, signs with the old one until
    /// its verifiers can be expected to have both, and its last tokens under it must expire: more
    /// than its `keys.shared_publish_ahead` and `tokens.access_ttl` together.
    pub const fn shared_secret_grace(mut self, grace: Duration) -> Self {
        self.secrets.grace = grace;
        self
    }

    /// How far our clock and the issuer's may stand apart; 30 s by default.
    pub const fn leeway(mut self, leeway: Duration) -> Self {
        self.policy.leeway = leeway;
        self
    }

    /// The `realm` of the challenges that refusals carry; by default the first audience, or the
    /// issuer if there is none.
    pub fn realm(mut self, realm: impl Into<String>) -> Self {
        self.realm = Some(realm.into());
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

    fn assemble(self, from: Origins) -> Result<Verifier<C>, BuildVerifierError> {
        let Origins { fixed, published, secrets, following } = from;
        let has_work = published.is_some() || secrets.is_some() || following.is_some();
        let runtime = match self.polling {
            Polling::Background if has_work => {
                Some(Handle::try_current().map_err(|_| BuildVerifierError::NoRuntime)?)
            }
            Polling::Background | Polling::Caller => None,
        };
        let policy = Arc::new(self.policy);
        let keys = Arc::new(Keys::new(fixed, published, secrets));
        let revocations = following.map(|following| {
            Arc::new(RevocationList::new(following, Arc::clone(&policy), Arc::clone(&keys)))
        });
        let realm = self
            .realm
            .unwrap_or_else(|| policy.audiences.first().unwrap_or(&policy.issuer).clone());
        let counters = TokenCounters::default();
        let core = Core { policy, realm, clock: self.clock, keys, revocations, counters };
        Ok(Verifier::new(core, runtime.as_ref()))
    }
}

impl VerifierBuilder {
    /// Accepts only tokens under these algorithms, and reads the keys that they need: the issuer's
    /// key set, unless there is only HS256, and the shared secrets, if there is HS256.
    ///
    /// By default every algorithm is accepted that there is a key for. With it, a service accepts
    /// a secret and a key set side by side, and later leaves HS256 out, with the secret still in
    /// its settings.
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = Some(algorithms.into_iter().collect());
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

    /// Fetches with this client: for other root certificates or a proxy. Fetches end after 3 s
    /// whatever its settings, and an answer that came by a redirect is refused.
    pub fn client(mut self, client: Client) -> Self {
        self.client = Some(client);
        self
    }

    /// Makes the verifier. It fetches nothing yet, so the issuer need not be up.
    pub fn build(mut self) -> Result<Verifier, BuildVerifierError> {
        if self.policy.audiences.is_empty() {
            return Err(BuildVerifierError::NoAudience);
        }
        let addresses = Addresses::parse(
            &self.policy.issuer,
            self.jwks_url.take(),
            self.revocations_url.take(),
        )?;
        let (fixed, secrets) = self.secrets.take()?;
        let has_secret = secrets.is_some() || !fixed.is_empty();
        let wanted = match self.algorithms.take() {
            Some(algorithms) => {
                let wanted = WantedKeys::of(&algorithms, has_secret)?;
                self.policy.algorithms = algorithms;
                wanted
            }
            None => WantedKeys { published: !has_secret || addresses.has_own_jwks, secrets: true },
        };
        let follows = self.revocations != Revocations::Off;
        let fetcher = match self.client.take() {
            _ if !(wanted.published || follows) => None,
            Some(client) => Some(Fetcher::new(client)),
            None => Some(Fetcher::open(addresses.tls()).map_err(BuildVerifierError::Client)?),
        };
        let Addresses { keys: source, revocations: url, .. } = addresses;
        let mode = self.revocations;
        self.assemble(Origins {
            fixed: if wanted.secrets { fixed } else { KeySet::new() },
            secrets: secrets.filter(|_| wanted.secrets),
            published: fetcher
                .clone()
                .filter(|_| wanted.published)
                .map(|fetcher| PublishedKeys::new(fetcher, source)),
            following: fetcher.filter(|_| follows).map(|fetcher| Following { fetcher, url, mode }),
        })
    }
}

impl VerifierBuilder<SharedSecretClaims> {
    /// Makes the verifier. It reads nothing yet. Without an audience it accepts only tokens that
    /// are for nobody in particular.
    pub fn build(mut self) -> Result<Verifier<SharedSecretClaims>, BuildVerifierError> {
        let (fixed, secrets) = self.secrets.take()?;
        if secrets.is_none() && fixed.is_empty() {
            return Err(BuildVerifierError::NoSecret);
        }
        self.policy.algorithms = vec![Algorithm::HS256];
        self.assemble(Origins { fixed, secrets, published: None, following: None })
    }
}

impl Secrets {
    /// The secrets that stay as they are, and those that are followed.
    fn take(&mut self) -> Result<(KeySet, Option<SharedSecrets>), BuildVerifierError> {
        let fixed = std::mem::replace(&mut self.fixed, Ok(KeySet::new()));
        let readers = std::mem::take(&mut self.readers);
        let followed = (!readers.is_empty()).then(|| SharedSecrets::new(readers, self.grace));
        Ok((fixed.map_err(BuildVerifierError::Secret)?, followed))
    }
}

/// Where a verifier's keys come from, and its revocations.
struct Origins {
    fixed: KeySet,
    published: Option<PublishedKeys>,
    secrets: Option<SharedSecrets>,
    following: Option<Following>,
}

/// Which keys the accepted algorithms need.
struct WantedKeys {
    published: bool,
    secrets: bool,
}

impl WantedKeys {
    fn of(algorithms: &[Algorithm], has_secret: bool) -> Result<Self, BuildVerifierError> {
        if algorithms.is_empty() {
            return Err(BuildVerifierError::NoAlgorithm);
        }
        let published = algorithms.iter().any(|algorithm| !algorithm.is_symmetric());
        let secrets = algorithms.iter().any(|algorithm| algorithm.is_symmetric());
        if secrets && !has_secret {
            return Err(BuildVerifierError::NoSecret);
        }
        Ok(Self { published, secrets })
    }
}

/// The one place where this crate reads a clock.
#[expect(clippy::disallowed_methods, reason = "the default of `VerifierBuilder::clock`")]
fn system_clock() -> i64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    // Before 1970 no token is valid yet, as is right.
    since_epoch.map_or(0, |duration| duration.as_secs().cast_signed())
}
