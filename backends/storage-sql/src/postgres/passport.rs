//! What the server knows us by, which may change while we run.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use contracts::{BoxError, CredentialSource, Credentials};
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long credentials that were never accepted are not read anew: else each operation of a server
/// that refuses us would ask the secret store.
const REFUSED_FOR: Duration = Duration::from_secs(1);

/// Keeps the credentials as they were read last.
pub(super) struct Passports {
    source: Arc<dyn CredentialSource>,
    last: Mutex<Option<Arc<Passport>>>,
}

/// Credentials as they were at some moment.
pub(super) struct Passport {
    pub(super) credentials: Credentials,
    read_at: Instant,
    was_accepted: AtomicBool,
}

impl Passport {
    /// Remembers that the server took them.
    pub(super) fn accepted(&self) {
        self.was_accepted.store(true, Ordering::Relaxed);
    }
}

impl Passports {
    pub(super) fn new(source: Arc<dyn CredentialSource>) -> Self {
        Self { source, last: Mutex::default() }
    }

    /// The credentials, read if they never were.
    pub(super) async fn current(&self) -> Result<Arc<Passport>, BoxError> {
        let mut last = self.last.lock().await;
        match &*last {
            Some(passport) => Ok(passport.clone()),
            None => self.read_into(&mut last).await,
        }
    }

    /// Other credentials than those that the server has just refused, if there may be any. Of
    /// several that were refused at once, one reads.
    pub(super) async fn after(
        &self,
        refused: &Arc<Passport>,
    ) -> Result<Option<Arc<Passport>>, BoxError> {
        let mut last = self.last.lock().await;
        match &*last {
            Some(newer) if !Arc::ptr_eq(newer, refused) => return Ok(Some(newer.clone())),
            _ => {}
        }
        let was_accepted = refused.was_accepted.load(Ordering::Relaxed);
        if !was_accepted && refused.read_at.elapsed() < REFUSED_FOR {
            return Ok(None);
        }
        self.read_into(&mut last).await.map(Some)
    }

    async fn read_into(&self, last: &mut Option<Arc<Passport>>) -> Result<Arc<Passport>, BoxError> {
        let credentials = self.source.read_credentials().await?;
        let read_at = Instant::now();
        let passport =
            Arc::new(Passport { credentials, read_at, was_accepted: AtomicBool::new(false) });
        *last = Some(passport.clone());
        Ok(passport)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use async_trait::async_trait;

    use super::*;

    /// Counts how often it was read.
    struct Counting(AtomicUsize);

    #[async_trait]
    impl CredentialSource for Counting {
        async fn read_credentials(&self) -> Result<Credentials, BoxError> {
            let number = self.0.fetch_add(1, Ordering::Relaxed);
            Ok(Credentials { username: number.to_string(), password: "password".into() })
        }
    }

    fn passports() -> Passports {
        Passports::new(Arc::new(Counting(AtomicUsize::new(0))))
    }

    fn name(passport: &Passport) -> &str {
        &passport.credentials.username
    }

    #[tokio::test]
    async fn credentials_are_read_once_until_they_are_refused() {
        let passports = passports();
        let first = passports.current().await.unwrap();
        assert_eq!(name(&passports.current().await.unwrap()), "0");
        first.accepted();
        assert_eq!(name(&passports.after(&first).await.unwrap().unwrap()), "1");
        assert_eq!(name(&passports.after(&first).await.unwrap().unwrap()), "1");
        assert_eq!(name(&passports.current().await.unwrap()), "1");
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_that_were_never_accepted_are_not_read_again_at_once() {
        let passports = passports();
        let first = passports.current().await.unwrap();
        assert!(passports.after(&first).await.unwrap().is_none());
        tokio::time::advance(REFUSED_FOR).await;
        assert_eq!(name(&passports.after(&first).await.unwrap().unwrap()), "1");
    }
}
