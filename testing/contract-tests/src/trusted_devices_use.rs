//! Trusted devices: sessions that begin on them.

use contracts::{Advanced, TrustedDeviceUse};
use domain::{TrustedDevice, User};

use crate::Backend;
use crate::fixtures::{
    ALL, HOUR, MILLISECOND, NOW, by, count_of, race, raise, session, session_id, user_id,
};
use crate::fixtures_factor::{beginning, trusted_device_id, trusting};

/// Trusts a device of that number for an hour, by a session of that number.
async fn trust(backend: &Backend, user: &User, number: u32) -> TrustedDevice {
    let new = trusting(user, number, NOW.plus(HOUR));
    backend.sessions.insert_session(&new).await.unwrap();
    new.trusts.unwrap()
}

async fn advance(backend: &Backend, beginning: &TrustedDeviceUse) -> Advanced {
    backend.trusted_devices.advance_trusted_device(beginning).await.unwrap()
}

/// Session and time are new, all else stays, and so do other devices: above all, the trust does not
/// last longer.
pub async fn a_use_notes_the_session_and_the_time(backend: &Backend) {
    let user = backend.with_user(1).await;
    let device = trust(backend, &user, 1).await;
    let other = trust(backend, &user, 2).await;
    for number in [7, 8] {
        let beginning = beginning(&device, number);
        assert_eq!(advance(backend, &beginning).await, Advanced::Yes);
        let expected = TrustedDevice {
            session: beginning.session,
            last_used_at: beginning.at,
            ..device.clone()
        };
        assert_eq!(backend.trusted(&user.id, 1).await, Some(expected));
        assert_eq!(backend.trusted(&user.id, 2).await.as_ref(), Some(&other));
    }
}

/// The session is yet to begin: the device does not ask whether it is there.
pub async fn a_use_changes_nothing_but_the_device(backend: &Backend) {
    let user = backend.with_user(1).await;
    let device = trust(backend, &user, 1).await;
    let before = backend.account(&user.id).await;
    assert_eq!(advance(backend, &beginning(&device, 7)).await, Advanced::Yes);
    assert_eq!(backend.account(&user.id).await, before);
    assert_eq!(backend.alive(&user.id).await, [session_id(1)]);
    assert_eq!(backend.signed_in(&session(&user, 7)).await, None);
}

/// Trust of another epoch is none: it ended with all sessions.
pub async fn a_use_at_another_epoch_is_stale(backend: &Backend) {
    let user = backend.with_user(1).await;
    let device = trust(backend, &user, 1).await;
    for epoch in [0, device.epoch - 1, device.epoch + 1] {
        let stale = TrustedDeviceUse { epoch, ..beginning(&device, 7) };
        assert_eq!(advance(backend, &stale).await, Advanced::Stale);
    }
    // Which epoch the user has by now is for the service to compare.
    backend.users.advance_session_epoch(&raise(&user), &[]).await.unwrap();
    let raised = TrustedDeviceUse { epoch: user.session_epoch + 1, ..beginning(&device, 7) };
    assert_eq!(advance(backend, &raised).await, Advanced::Stale);
    assert_eq!(backend.trusted(&user.id, 1).await, Some(device));
}

/// At its moment the trust is over, for good.
pub async fn a_use_after_the_trust_is_over_is_stale(backend: &Backend) {
    let user = backend.with_user(1).await;
    let device = trust(backend, &user, 1).await;
    for at in [device.expires_at, device.expires_at.plus(HOUR)] {
        let late = TrustedDeviceUse { at, ..beginning(&device, 7) };
        assert_eq!(advance(backend, &late).await, Advanced::Stale);
    }
    assert_eq!(backend.trusted(&user.id, 1).await.as_ref(), Some(&device));
    let last =
        TrustedDeviceUse { at: device.expires_at.minus(MILLISECOND), ..beginning(&device, 7) };
    assert_eq!(advance(backend, &last).await, Advanced::Yes);
}

/// A device is its user's, and there or not: under another user, or another id, none is used.
pub async fn a_use_of_what_is_not_there_is_stale(backend: &Backend) {
    let (user, other) = (backend.with_user(1).await, backend.with_user(2).await);
    let device = trust(backend, &user, 1).await;
    let theirs = trust(backend, &other, 2).await;
    let beginning = beginning(&device, 7);
    for stranger in [&other.id, &user_id(3)] {
        let foreign = TrustedDeviceUse { user: stranger.clone(), ..beginning.clone() };
        assert_eq!(advance(backend, &foreign).await, Advanced::Stale);
    }
    let unknown = TrustedDeviceUse { device: trusted_device_id(9), ..beginning };
    assert_eq!(advance(backend, &unknown).await, Advanced::Stale);
    assert_eq!(backend.trusted(&user.id, 1).await, Some(device));
    assert_eq!(backend.trusted(&other.id, 2).await, Some(theirs));
    for stranger in [&user.id, &other.id] {
        assert_eq!(backend.trusted(stranger, 9).await, None);
    }
}

/// Many sessions begin on one device at once: each is noted, and the last is what stays, whole.
pub async fn many_uses_of_one_device_all_succeed(backend: &Backend) {
    let user = backend.with_user(1).await;
    let device = trust(backend, &user, 1).await;
    let answers = race(16, |number| {
        let (backend, beginning) = (backend.clone(), beginning(&device, number + 10));
        async move { advance(&backend, &beginning).await }
    })
    .await;
    assert_eq!(count_of(&answers, &Advanced::Yes), 16, "{answers:?}");
    let found = backend.trusted(&user.id, 1).await.unwrap();
    let beginnings = (10..26).map(|number| beginning(&device, number));
    let mut matching = beginnings.filter(|beginning| {
        (beginning.session, beginning.at) == (found.session, found.last_used_at)
    });
    let last = matching.next().unwrap();
    assert_eq!(found, TrustedDevice { session: last.session, last_used_at: last.at, ..device });
}

/// Whoever ends the trust ends it, whatever runs into it.
pub async fn a_use_never_brings_back_a_device(backend: &Backend) {
    let user = backend.with_user(1).await;
    for number in 1..=20 {
        let device = trust(backend, &user, number).await;
        race(4, |caller| {
            let (backend, device) = (backend.clone(), device.clone());
            async move {
                if caller == 0 {
                    let store = &backend.trusted_devices;
                    store.delete_trusted_device(&device.user, device.id).await.unwrap();
                } else {
                    advance(&backend, &beginning(&device, caller + 100)).await;
                }
            }
        })
        .await;
        assert_eq!(advance(backend, &beginning(&device, 7)).await, Advanced::Stale);
        assert_eq!(backend.trusted(&user.id, number).await, None);
    }
    // Their sessions and devices, and nothing else.
    let far = NOW.plus(1000 * 24 * HOUR);
    assert_eq!(backend.revocations.delete_expired(by(far), ALL).await.unwrap(), 20 + 20);
}
