//! How often something may be done: one policy, one way to count.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use contracts::{Draw, Drawn, LimitKey};
use domain::{Client, Quota};

use crate::Service;
use crate::failure::Failure;

/// What is limited, and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Limit {
    /// Wrong passwords for an account, from one address.
    Login,
    /// Failed sign-ins from one address.
    LoginAddress,
    /// Registrations of one e-mail address, from one client address.
    Register,
    /// Registrations from one address.
    RegisterAddress,
    /// Mails with a code of one kind that are asked for, to one e-mail address, from one client
    /// address.
    Forgot,
    /// Mails with a code that are asked for from one address.
    ForgotAddress,
    /// Refreshes of one session, from one address.
    Refresh,
    /// Wrong codes of a user's second factor: from one address that the user has signed in from, or
    /// from all others together.
    Mfa,
}

impl Limit {
    /// The stable name: as in the settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::LoginAddress => "login_address",
            Self::Register => "register",
            Self::RegisterAddress => "register_address",
            Self::Forgot => "forgot",
            Self::ForgotAddress => "forgot_address",
            Self::Refresh => "refresh",
            Self::Mfa => "mfa",
        }
    }
}

/// How often each may be done; `None` is as often as anybody likes.
#[derive(Clone, Debug, Default)]
pub struct LimitPolicy {
    /// Of [`Limit::Login`].
    pub login: Option<Quota>,
    /// Of [`Limit::LoginAddress`].
    pub login_address: Option<Quota>,
    /// Of [`Limit::Register`].
    pub register: Option<Quota>,
    /// Of [`Limit::RegisterAddress`].
    pub register_address: Option<Quota>,
    /// Of [`Limit::Forgot`].
    pub forgot: Option<Quota>,
    /// Of [`Limit::ForgotAddress`].
    pub forgot_address: Option<Quota>,
    /// Of [`Limit::Refresh`].
    pub refresh: Option<Quota>,
    /// Of [`Limit::Mfa`].
    pub mfa: Option<Quota>,
}

impl LimitPolicy {
    fn quota(&self, limit: Limit) -> Option<Quota> {
        match limit {
            Limit::Login => self.login,
            Limit::LoginAddress => self.login_address,
            Limit::Register => self.register,
            Limit::RegisterAddress => self.register_address,
            Limit::Forgot => self.forgot,
            Limit::ForgotAddress => self.forgot_address,
            Limit::Refresh => self.refresh,
            Limit::Mfa => self.mfa,
        }
    }
}

/// It was done too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the limit {} is reached", limit.name())]
pub struct LimitReached {
    /// Which limit.
    pub limit: Limit,
    /// How often it may be done.
    pub quota: Quota,
    /// How long until it may be done again.
    pub wait: Duration,
}

/// Why something was not counted.
#[derive(Debug, thiserror::Error)]
pub enum LimitError {
    /// It was done too often.
    #[error(transparent)]
    Reached(#[from] LimitReached),
    /// Nobody could count.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// Something that was counted, until it turns out not to have been what is limited.
#[derive(Debug)]
#[must_use = "keep it to give it back, or say with `stands` that it stays counted"]
pub struct Counted(Option<Draw>);

impl Counted {
    /// It was what is limited.
    pub fn stands(self) {}
}

impl Service {
    /// Counts what a client does, whoever it is about. IPv6 clients count by their /64: whoever has
    /// one address there has them all.
    pub async fn count_for_address(
        &self,
        limit: Limit,
        client: &Client,
    ) -> Result<Counted, LimitError> {
        self.count(limit, client, "").await
    }

    /// Counts what a client does about `whom`.
    pub(crate) async fn count(
        &self,
        limit: Limit,
        client: &Client,
        whom: &str,
    ) -> Result<Counted, LimitError> {
        self.count_from(limit, client.network(), whom).await
    }

    /// Counts what is done about `whom` from a network, or from all that are not told apart.
    pub(crate) async fn count_from(
        &self,
        limit: Limit,
        network: Option<IpAddr>,
        whom: &str,
    ) -> Result<Counted, LimitError> {
        let Some(quota) = self.policy.limits.quota(limit) else {
            return Ok(Counted(None));
        };
        let key = self.limit_key(limit, network, whom);
        let draw = Draw { key, quota, at: self.clock.now() };
        match self.stores.limiter.draw(&draw).await.map_err(Failure::Store)? {
            Drawn::Yes => Ok(Counted(Some(draw))),
            Drawn::No { wait } => Err(LimitReached { limit, quota, wait }.into()),
        }
    }

    /// Counts a happening that is to be told of once only; `None` if it was counted before, here or
    /// at another instance, and not longer ago than `period`, of a day at most. Whoever then cannot
    /// tell of it gives it back.
    ///
    /// Where nobody can count, every time is the first: better told twice than never.
    pub(crate) async fn first_time(
        &self,
        happening: &str,
        whom: &str,
        period: Duration,
    ) -> Option<Counted> {
        let Some(quota) = Quota::new(NonZeroU32::MIN, period.min(Quota::PERIOD_MAX)) else {
            return Some(Counted(None));
        };
        let key = self.keyed(&format!("first {happening}\n{whom}"));
        let draw = Draw { key, quota, at: self.clock.now() };
        match self.stores.limiter.draw(&draw).await {
            Ok(Drawn::Yes) => Some(Counted(Some(draw))),
            Ok(Drawn::No { .. }) => None,
            Err(_) => Some(Counted(None)),
        }
    }

    /// Counts a happening, and says whether it was more often than `quota`. Where nobody can count,
    /// it was not.
    pub(crate) async fn is_more_than(&self, quota: Quota, happening: &str, whom: &str) -> bool {
        let key = self.keyed(&format!("many {happening}\n{whom}"));
        let draw = Draw { key, quota, at: self.clock.now() };
        matches!(self.stores.limiter.draw(&draw).await, Ok(Drawn::No { .. }))
    }

    /// Makes something uncounted.
    pub async fn give_back(&self, counted: Counted) {
        let Some(draw) = counted.0 else { return };
        // What is not given back comes back by itself, a little later.
        let _ = self.stores.limiter.give_back(&draw).await;
    }

    /// No line break can be in the first two parts, so that no two cases have one key.
    fn limit_key(&self, limit: Limit, network: Option<IpAddr>, whom: &str) -> LimitKey {
        let network = network.map(|network| network.to_string()).unwrap_or_default();
        self.keyed(&format!("limit {}\n{network}\n{whom}", limit.name()))
    }

    /// Nobody who sees the key learns what it names.
    fn keyed(&self, name: &str) -> LimitKey {
        let mac = self.log_key.mac(name.as_bytes());
        let (head, _) = mac.split_first_chunk().expect("a MAC has 32 bytes");
        LimitKey(*head)
    }
}
