//! Browsers on which a user has proved the second factor, and which need not for a while.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use contracts::{Advanced, TrustedDeviceUse};
use domain::{Session, SessionId, Timestamp, TrustedDevice, TrustedDeviceId, User, UserId};
use secrecy::SecretString;

use crate::Service;
use crate::authenticate::Caller;
use crate::failure::Failure;
use crate::sessions::EndSessionError;

/// Marks our device tokens, so that scanners find leaked ones.
const PREFIX: &str = "dwd_";
/// What a device token is sealed as: nothing else that we seal opens as one.
const IDENTITY: &str = "trusted_device/token";
/// No token of ours is longer, whatever the user's id.
const TOKEN_BYTES_MAX: usize = 512;

/// How many devices a user may trust. For one more the oldest goes.
const DEVICES_MAX: usize = 50;
/// More than there can be, however many sign-ins trusted one at the same moment.
const DEVICES_LISTED_MAX: usize = 200;

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
    /// then asks for the factor, as without it. So does a device that was trusted for longer ago
    /// than it would be today.
    pub(crate) fn claimed_trust(&self, user: &User, token: Option<&str>) -> Trust {
        let read = token.and_then(|token| self.read_device_token(token));
        match (read, self.policy.mfa.trusted_device_ttl) {
            (Some((owner, device)), Some(ttl))
                if owner == user.id && self.clock.now() < device.made_at().plus(ttl) =>
            {
                Trust::Claimed(device)
            }
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
        let Some(ttl) = self.policy.mfa.trusted_device_ttl else { return Ok(Vec::new()) };
        let (now, mut listed) = (self.clock.now(), self.trusted_devices_of(&user.id).await?);
        for device in &mut listed {
            device.expires_at = device.expires_at.min(device.created_at.plus(ttl));
        }
        listed.retain(|device| device.epoch == user.session_epoch && device.expires_at > now);
        Ok(listed)
    }

    /// Ends the trust in the oldest devices, so that one more does not make too many.
    pub(crate) async fn make_room_for_trust(&self, user: &UserId) -> Result<(), Failure> {
        let devices = self.trusted_devices_of(user).await?;
        let surplus = (devices.len() + 1).saturating_sub(DEVICES_MAX);
        for device in devices.iter().take(surplus) {
            self.stores.trusted_devices.delete_trusted_device(user, device.id).await?;
        }
        Ok(())
    }

    /// Devices of a user whose time is not over, of whatever epoch, by age.
    async fn trusted_devices_of(&self, user: &UserId) -> Result<Vec<TrustedDevice>, Failure> {
        let (devices, now) = (&self.stores.trusted_devices, self.clock.now());
        Ok(devices.list_trusted_devices(user, now, None, DEVICES_LISTED_MAX).await?)
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

    /// Ends the trust in the browser that a session began on: whoever ends that thinks it is in the
    /// wrong hands. A browser may have begun others since, so all that call themselves the same go.
    pub(crate) async fn end_trust_of(&self, session: &Session) -> Result<(), Failure> {
        let name = session.client.device_name();
        let is_same = |device: &TrustedDevice| {
            device.session == session.id || device.client.device_name() == name
        };
        self.end_trust_where(&session.user_id, is_same).await
    }

    /// Ends the trust in every device of a user: somebody has a copy of what one of them kept.
    pub(crate) async fn end_all_trust(&self, user: &UserId) -> Result<(), Failure> {
        self.end_trust_where(user, |_| true).await
    }

    async fn end_trust_where(
        &self,
        user: &UserId,
        is_meant: impl Fn(&TrustedDevice) -> bool,
    ) -> Result<(), Failure> {
        let mut devices = self.trusted_devices_of(user).await?;
        devices.retain(is_meant);
        for device in devices {
            self.stores.trusted_devices.delete_trusted_device(user, device.id).await?;
        }
        Ok(())
    }
}
