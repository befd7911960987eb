//! Credentials that are fetched apart from the requests that need them.
//!
//! The SDK fetches credentials within an attempt of a request, and ends the fetching with the
//! attempt. A source that needs longer, as one may that asks another service, would never give any.
//! Here a fetching that has begun goes on, and the next attempt finds what it brought.

use std::sync::Arc;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, future};
use contracts::BoxError;
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use crate::failure::Failure;

/// How long credentials may take.
const FETCH_MAX: Duration = Duration::from_secs(10);
/// How long what was brought is handed over. From then on it is for the SDK to say how long it is
/// good.
const HANDED_OVER: Duration = Duration::from_secs(5);

/// Credentials from that source, of which the first have been fetched.
pub(crate) async fn fetched(
    source: SharedCredentialsProvider,
) -> Result<SharedCredentialsProvider, BoxError> {
    let lasting = Lasting { source, brought: Arc::default() };
    match lasting.fetch().await {
        Ok(_) => Ok(SharedCredentialsProvider::new(lasting)),
        Err(error) => Err(Failure::new(contracts::chain(&error)).into()),
    }
}

/// A source whose fetching outlasts those who wait for it.
#[derive(Clone, Debug)]
struct Lasting {
    source: SharedCredentialsProvider,
    brought: Arc<Mutex<Option<(Instant, Credentials)>>>,
}

impl Lasting {
    async fn fetch(&self) -> provider::Result {
        let this = self.clone();
        let fetching = tokio::spawn(async move {
            // Held meanwhile: one fetches for all.
            let mut brought = this.brought.lock().await;
            if let Some((at, credentials)) = &*brought
                && at.elapsed() < HANDED_OVER
            {
                return Ok(credentials.clone());
            }
            let fetched = timeout(FETCH_MAX, this.source.provide_credentials()).await;
            let credentials =
                fetched.map_err(|_| CredentialsError::provider_timed_out(FETCH_MAX))??;
            *brought = Some((Instant::now(), credentials.clone()));
            Ok(credentials)
        });
        fetching.await.map_err(CredentialsError::unhandled)?
    }
}

impl ProvideCredentials for Lasting {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.fetch())
    }
}
