//! Second factors to put into a store, and what belongs to them.

use std::net::{IpAddr, Ipv4Addr};

use contracts::{NewSession, TrustedDeviceUse};
use domain::{
    AuthenticationMethod, BackupCodeMac, Client, EnabledTotp, PendingSignIn, PendingStep, Session,
    Timestamp, TotpFactor, TrustedDevice, TrustedDeviceId, User, UserId, totp_step,
};

use crate::fixtures::{HOUR, MINUTE, NOW, SECOND, made_at, new_session, session, session_id};

/// A factor that sign-ins ask for, with two backup codes.
pub(crate) fn factor(number: u32) -> TotpFactor {
    let backup_codes = [0xb1, 0xb2].map(|filler| BackupCodeMac(digest(number, filler))).into();
    let enabled =
        EnabledTotp { at: NOW.minus(2 * HOUR), last_step: totp_step(NOW) - 3, backup_codes };
    TotpFactor { enabled: Some(enabled), ..pending_factor(number) }
}

/// A factor that is being set up.
pub(crate) fn pending_factor(number: u32) -> TotpFactor {
    let sealed_secret = [digest(number, 0xa0).as_slice(), &[0, 255, 1]].concat().into();
    TotpFactor { sealed_secret, begun_at: NOW.minus(3 * HOUR), enabled: None }
}

/// That factor as it is once a code of `step` was accepted.
pub(crate) fn advanced(factor: &TotpFactor, step: u64) -> TotpFactor {
    let enabled = factor.enabled.clone().unwrap();
    TotpFactor { enabled: Some(EnabledTotp { last_step: step, ..enabled }), ..factor.clone() }
}

fn digest(number: u32, filler: u8) -> [u8; 32] {
    let mut digest = [filler; 32];
    digest[..4].copy_from_slice(&number.to_be_bytes());
    digest
}

/// A sign-in with a password that waits five minutes for a code.
pub(crate) fn pending(user: &UserId, number: u32) -> PendingSignIn {
    PendingSignIn {
        user: user.clone(),
        secret_digest: digest(number, 0xc0),
        epoch: 3,
        step: PendingStep::Verification,
        methods: vec![AuthenticationMethod::Password],
        tries: 0,
        created_at: NOW.minus(SECOND),
        expires_at: NOW.plus(5 * MINUTE),
    }
}

pub(crate) fn trusted_device_id(number: u32) -> TrustedDeviceId {
    TrustedDeviceId::new(made_at(number), [4; 10])
}

/// A device that is trusted for a month, as of the sign-in that began that session.
pub(crate) fn trusted_device(session: &Session, number: u32) -> TrustedDevice {
    TrustedDevice {
        id: trusted_device_id(number),
        user: session.user_id.clone(),
        epoch: session.epoch,
        session: session.id,
        client: Client::new(Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2))), Some("trusted/1")),
        created_at: NOW.minus(6 * SECOND),
        last_used_at: NOW.minus(5 * SECOND),
        expires_at: NOW.plus(30 * 24 * HOUR),
    }
}

/// A session of that number is about to begin on the device.
pub(crate) fn beginning(device: &TrustedDevice, number: u32) -> TrustedDeviceUse {
    TrustedDeviceUse {
        user: device.user.clone(),
        device: device.id,
        epoch: device.epoch,
        session: session_id(number),
        at: made_at(number),
    }
}

/// A sign-in that trusts the device of its number, until that moment.
pub(crate) fn trusting(user: &User, number: u32, expires_at: Timestamp) -> NewSession {
    let session = session(user, number);
    let trusts = Some(TrustedDevice { expires_at, ..trusted_device(&session, number) });
    NewSession { trusts, ..new_session(&session, &[]) }
}
