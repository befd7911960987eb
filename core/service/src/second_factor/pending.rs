//! Sign-ins that have passed their first factor and want another step.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::{
    Account, AuthenticationMethod, PENDING_TRIES_MAX, PendingSignIn, PendingStep, PendingToken,
    RoleName, Timestamp, User, UserStatus,
};
use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::Service;
use crate::failure::Failure;

/// How long there is to type a code.
const VERIFICATION_TTL: Duration = Duration::from_mins(5);
/// How long there is to install an app and type a code.
const ENROLMENT_TTL: Duration = Duration::from_mins(15);

/// Marks our session tokens, so that scanners find leaked ones.
const PREFIX: &str = "dwm_";

/// What a sign-in wants before it gets tokens.
#[derive(Debug)]
pub struct NextStep {
    /// What.
    pub step: PendingStep,
    /// What the client goes on with.
    pub token: PendingToken,
    /// How long that works.
    pub expires_in: Duration,
    /// Whether a backup code may stand in for the authenticator app.
    pub has_backup_codes: bool,
}

/// Why a session token buys nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PendingError {
    /// Unknown, used, expired, tried too often, of another step, or overtaken by a change of the
    /// account: one case, because there is one thing to do.
    #[error("the session token is not valid")]
    NotUsable,
    /// Its user may not sign in.
    #[error("the account is disabled")]
    AccountDisabled,
    /// The work could not be done.
    #[error(transparent)]
    Failure(#[from] Failure),
}

/// Writes a token as answers and bodies carry it.
pub fn write_pending_token(token: &PendingToken) -> SecretString {
    let bytes = token.to_bytes();
    SecretString::from(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes.as_slice())))
}

/// Reads a token; `None` for what we never wrote.
pub fn read_pending_token(text: &str) -> Option<PendingToken> {
    let encoded = text.strip_prefix(PREFIX)?;
    if encoded.len() > PendingToken::BYTES_MAX * 4 / 3 + 1 {
        return None;
    }
    let bytes = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(encoded).ok()?);
    PendingToken::parse(&bytes).ok()
}

/// What is missing before a user who proved themselves by `methods` gets a session. This decides
/// for every way in.
pub(crate) fn next_step(
    user: &User,
    methods: &[AuthenticationMethod],
    required_roles: &BTreeSet<RoleName>,
) -> Option<PendingStep> {
    let is_proven = |method: &AuthenticationMethod| {
        method.is_second_factor() || *method == AuthenticationMethod::TrustedDevice
    };
    if user.second_factor().is_some() {
        (!methods.iter().any(is_proven)).then_some(PendingStep::Verification)
    } else {
        (!user.roles.is_disjoint(required_roles)).then_some(PendingStep::Enrolment)
    }
}

impl Service {
    /// Whether one of the user's roles asks for a second factor that they have not.
    pub(crate) fn lacks_required_factor(&self, user: &User) -> bool {
        next_step(user, &[], &self.policy.mfa.required_roles) == Some(PendingStep::Enrolment)
    }

    /// Keeps what was proved so far.
    pub(crate) async fn begin_pending(
        &self,
        user: &User,
        step: PendingStep,
        methods: Vec<AuthenticationMethod>,
        now: Timestamp,
    ) -> Result<NextStep, Failure> {
        let secret = Zeroizing::new(self.entropy.bytes());
        let token = PendingToken { user: user.id.clone(), secret };
        let expires_in = match step {
            PendingStep::Verification => VERIFICATION_TTL,
            PendingStep::Enrolment => ENROLMENT_TTL,
        };
        let pending = PendingSignIn {
            user: user.id.clone(),
            secret_digest: crypto::digest(token.secret.as_slice()),
            epoch: user.session_epoch,
            step,
            methods,
            tries: 0,
            created_at: now,
            expires_at: now.plus(expires_in),
        };
        self.stores.pending_sign_ins.insert_pending_sign_in(&pending).await?;
        let has_backup_codes =
            user.second_factor().is_some_and(|factor| !factor.backup_codes.is_empty());
        Ok(NextStep { step, token, expires_in, has_backup_codes })
    }

    /// The sign-in that a token goes on with, and its account as it is now.
    pub(crate) async fn find_pending(
        &self,
        token: &PendingToken,
        step: PendingStep,
    ) -> Result<(PendingSignIn, Account), PendingError> {
        let (store, digest) = (&self.stores.pending_sign_ins, digest(token));
        let found = store.find_pending_sign_in(&token.user, digest, self.clock.now()).await;
        let found = found.map_err(Failure::Store)?;
        let is_open =
            |pending: &PendingSignIn| pending.step == step && pending.tries < PENDING_TRIES_MAX;
        let pending = found.filter(is_open).ok_or(PendingError::NotUsable)?;
        let found = self.stores.users.find_user(&pending.user).await.map_err(Failure::Store)?;
        let account = found.filter(|account| account.user.session_epoch == pending.epoch);
        let account = account.ok_or(PendingError::NotUsable)?;
        match account.user.status {
            UserStatus::Active => Ok((pending, account)),
            UserStatus::Disabled => Err(PendingError::AccountDisabled),
        }
    }

    /// Counts a try of a code with that token, of which there are a few.
    pub(crate) async fn count_pending_try(&self, token: &PendingToken) -> Result<(), PendingError> {
        let (store, now) = (&self.stores.pending_sign_ins, self.clock.now());
        let counted =
            store.advance_pending_tries(&token.user, digest(token), PENDING_TRIES_MAX, now);
        counted.await.map_err(Failure::Store)?.map(drop).ok_or(PendingError::NotUsable)
    }

    /// Ends the sign-in, because it succeeds. Of several callers, one gets through.
    pub(crate) async fn take_pending(&self, token: &PendingToken) -> Result<(), PendingError> {
        let (store, now) = (&self.stores.pending_sign_ins, self.clock.now());
        let pending = store.take_pending_sign_in(&token.user, digest(token), now).await;
        pending.map_err(Failure::Store)?.map(drop).ok_or(PendingError::NotUsable)
    }
}

/// The digest of 256 random bits may be looked up at any speed: who could tune it would have to
/// find preimages.
fn digest(token: &PendingToken) -> [u8; 32] {
    crypto::digest(token.secret.as_slice())
}

#[cfg(test)]
mod tests {
    use domain::{EmailAddress, EnabledTotp, TotpFactor, UserId};
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_token_reads_back_and_nothing_else_is_one() {
        for user in ["u", &"x".repeat(128)] {
            let user = UserId::parse(user).unwrap();
            let token = PendingToken { user, secret: Zeroizing::new([7; 32]) };
            let text = write_pending_token(&token);
            assert_eq!(read_pending_token(text.expose_secret()), Some(token));
        }
        for wrong in ["", "dwm_", "dwo_AAAA", "dwm_====", &"x".repeat(1000)] {
            assert_eq!(read_pending_token(wrong), None, "{wrong}");
        }
    }

    fn user(role: &str, factor: Option<bool>) -> User {
        let at = Timestamp::from_unix_ms(1);
        let enabled = EnabledTotp { at, last_step: 0, backup_codes: Vec::new() };
        User {
            id: UserId::parse("user_1").unwrap(),
            email: EmailAddress::parse("a@b.example").unwrap(),
            is_email_verified: true,
            username: None,
            name: None,
            roles: [RoleName::parse(role).unwrap()].into(),
            status: UserStatus::Active,
            password_hash: None,
            totp: factor.map(|is_enabled| TotpFactor {
                sealed_secret: Box::default(),
                begun_at: at,
                enabled: is_enabled.then_some(enabled),
            }),
            session_epoch: 0,
            version: 1,
            created_at: at,
            last_login_at: None,
        }
    }

    #[test]
    fn who_has_a_factor_proves_it_and_who_needs_one_sets_it_up() {
        use AuthenticationMethod::{BackupCode, OneTimePassword, Password, TrustedDevice};
        let required = [RoleName::parse("ADMIN").unwrap()].into();
        let step = |user: &User, methods: &[_]| next_step(user, methods, &required);
        for role in ["USER", "ADMIN"] {
            let user = user(role, Some(true));
            assert_eq!(step(&user, &[Password]), Some(PendingStep::Verification));
            for method in [OneTimePassword, BackupCode, TrustedDevice] {
                assert_eq!(step(&user, &[Password, method]), None);
            }
        }
        for factor in [None, Some(false)] {
            assert_eq!(step(&user("USER", factor), &[Password]), None);
            let wanted = step(&user("ADMIN", factor), &[Password]);
            assert_eq!(wanted, Some(PendingStep::Enrolment), "begun is not enabled");
        }
    }
}
