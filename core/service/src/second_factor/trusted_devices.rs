//! Browsers on which a user has proved the second factor, and which need not for a while.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use contracts::{Advanced, TrustedDeviceUse};
use domain::{Session, SessionId, Timestamp, TrustedDevice, TrustedDeviceId, User, UserId};
use secrecy::SecretString;

use crate::Service;
use crate::authenticate::Caller;
use crate::failure::Failure;
use crate::sessions::{EndSessionError, SESSIONS_PAGE_MAX};

/// Marks our device tokens, so that scanners find leaked ones.
const PREFIX: &str = "dwd_";
/// What a device token is sealed as: nothing else that we seal opens as one.
const IDENTITY: &str = "trusted_device/token";
/// No token of ours is longer, whatever the user's id.
const TOKEN_BYTES_MAX: usize = 512;

/// What a sign-in has to do with trusted devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Nothing.
    None,
    /// It comes from one, if its trust still holds.
    Claimed(TrustedDeviceId),
    /// The user trusts the device from now on, if the deployment allows that.
    Begins,
}

impl Service {
    /// What the token of a device claims for that user. Anything else claims nothing: the sign-in
    /// then asks for the factor, as without it.
    pub(crate) fn claimed_trust(&self, user: &User, token: Option<&str>) -> Trust {
        let is_offered = self.policy.mfa.trusted_device_ttl.is_some();
        let read = token.filter(|_| is_offered).and_then(|token| self.read_device_token(token));
        match read {
            Some((owner, device)) if owner == user.id => Trust::Claimed(device),
            _ => Trust::None,
        }
    }

    /// Whether the device is trusted, for the session that is about to begin on it.
    pub(crate) async fn is_trusted(
        &self,
        user: &User,
        trust: Trust,
        session: SessionId,
        at: Timestamp,
    ) -> Result<bool, Failure> {
        let (Trust::Claimed(device), Some(_)) = (trust, user.second_factor()) else {
            return Ok(false);
        };
        let (user, epoch) = (user.id.clone(), user.session_epoch);
        let sign_in = TrustedDeviceUse { user, device, epoch, session, at };
        Ok(self.stores.trusted_devices.advance_trusted_device(&sign_in).await? == Advanced::Yes)
    }

    /// The device that is trusted from that session on.
    pub(crate) fn new_trust(&self, trust: Trust, session: &Session) -> Option<TrustedDevice> {
        let ttl = self.policy.mfa.trusted_device_ttl.filter(|_| trust == Trust::Begins)?;
        let at = session.created_at;
        Some(TrustedDevice {
            id: TrustedDeviceId::new(at, self.entropy.bytes()),
            user: session.user_id.clone(),
            epoch: session.epoch,
            session: session.id,
            client: session.client.clone(),
            created_at: at,
            last_used_at: at,
            expires_at: at.plus(ttl),
        })
    }

    /// What the browser keeps.
    pub(crate) fn device_token(&self, device: &TrustedDevice) -> SecretString {
        let mut plain = device.id.bytes().to_vec();
        plain.extend_from_slice(device.user.as_str().as_bytes());
        let sealed = self.data_keys.seal(IDENTITY, &plain, self.entropy.bytes());
        SecretString::from(format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(sealed)))
    }

    fn read_device_token(&self, token: &str) -> Option<(UserId, TrustedDeviceId)> {
        let encoded = token.strip_prefix(PREFIX).filter(|it| it.len() <= TOKEN_BYTES_MAX)?;
        let sealed = BASE64_URL_SAFE_NO_PAD.decode(encoded).ok()?;
        let plain = self.data_keys.open(IDENTITY, &sealed).ok()?;
        let (device, user) = plain.split_first_chunk()?;
        let user = UserId::parse(std::str::from_utf8(user).ok()?).ok()?;
        Some((user, TrustedDeviceId::from_bytes(*device)))
    }

    /// The caller's trusted devices, by age.
    pub async fn list_trusted_devices(
        &self,
        caller: &Caller,
    ) -> Result<Vec<TrustedDevice>, Failure> {
        let user = &caller.account.user;
        if self.policy.mfa.trusted_device_ttl.is_none() {
            return Ok(Vec::new());
        }
        let mut listed = self.trusted_devices_of(&user.id).await?;
        listed.retain(|device| device.epoch == user.session_epoch);
        Ok(listed)
    }

    /// All devices that a user ever trusted and whose time is not over. There are as many as codes
    /// were typed for them.
    async fn trusted_devices_of(&self, user: &UserId) -> Result<Vec<TrustedDevice>, Failure> {
        let (devices, now) = (&self.stores.trusted_devices, self.clock.now());
        let mut listed = Vec::new();
        loop {
            let after = listed.last().map(|device: &TrustedDevice| device.id);
            let page = devices.list_trusted_devices(user, now, after, SESSIONS_PAGE_MAX).await?;
            let is_last = page.len() < SESSIONS_PAGE_MAX;
            listed.extend(page);
            if is_last {
                return Ok(listed);
            }
        }
    }

    /// Ends the trust in one of the caller's devices. Sessions that began on it go on.
    pub async fn end_trust(
        &self,
        caller: &Caller,
        device: TrustedDeviceId,
    ) -> Result<(), EndSessionError> {
        let (user, devices) = (&caller.account.user, &self.stores.trusted_devices);
        let found = devices.find_trusted_device(&user.id, device, self.clock.now()).await;
        let found = found.map_err(Failure::Store)?;
        if found.is_none_or(|found| found.epoch != user.session_epoch) {
            return Err(EndSessionError::NotFound);
        }
        Ok(devices.delete_trusted_device(&user.id, device).await.map_err(Failure::Store)?)
    }

    /// Ends the trust in the device that a session began on: whoever ends it thinks it is in the
    /// wrong hands.
    pub(crate) async fn end_trust_of(
        &self,
        user: &UserId,
        session: SessionId,
    ) -> Result<(), Failure> {
        let mut devices = self.trusted_devices_of(user).await?;
        devices.retain(|device| device.session == session);
        for device in devices {
            self.stores.trusted_devices.delete_trusted_device(user, device.id).await?;
        }
        Ok(())
    }
}
