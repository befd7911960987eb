//! Sessions: the devices that users sign in with.

use contracts::{InsertSession, KnownDevice, NewSession};
use domain::{Session, Timestamp, User};

use crate::Backend;
use crate::fixtures::{
    ALL, HOUR, MILLISECOND, NOW, SECOND, by, device, new_session, race, session, user_id,
};

fn sign_in(session: &Session, device: KnownDevice) -> NewSession {
    NewSession { devices: vec![device], ..new_session(session, &[]) }
}

async fn begin(backend: &Backend, user: &User, number: u32, device: &KnownDevice) {
    let new = sign_in(&session(user, number), device.clone());
    let inserted = backend.sessions.insert_session(&new).await.unwrap();
    assert_eq!(inserted, InsertSession::Yes);
}

async fn find(
    backend: &Backend,
    user: &User,
    device: &KnownDevice,
    now: Timestamp,
) -> Option<KnownDevice> {
    backend.sessions.find_device(&user.id, device.digest, now).await.unwrap()
}

/// A device is known by a sign-in, and not before it; no other device is.
pub async fn a_device_is_known_after_a_sign_in(backend: &Backend) {
    let user = backend.with_user(1).await;
    assert_eq!(find(backend, &user, &device(1), NOW).await, None);
    begin(backend, &user, 1, &device(1)).await;
    assert_eq!(find(backend, &user, &device(1), NOW).await, Some(device(1)));
    assert_eq!(find(backend, &user, &device(2), NOW).await, None);
}

/// Everyone has their own devices: what one signs in with is new to the other.
pub async fn a_device_of_another_user_is_unknown(backend: &Backend) {
    let (user, other) = (backend.with_user(1).await, backend.with_user(2).await);
    begin(backend, &user, 1, &device(1)).await;
    assert_eq!(find(backend, &other, &device(1), NOW).await, None);
    let found = backend.sessions.find_device(&user_id(3), device(1).digest, NOW).await.unwrap();
    assert_eq!(found, None);
    begin(backend, &other, 2, &device(1)).await;
    assert_eq!(find(backend, &other, &device(1), NOW).await, Some(device(1)));
}

/// A device is forgotten at its moment.
pub async fn a_device_is_forgotten_when_it_expires(backend: &Backend) {
    let user = backend.with_user(1).await;
    let known = KnownDevice { expires_at: NOW.plus(HOUR), ..device(1) };
    begin(backend, &user, 1, &known).await;
    let last = known.expires_at.minus(MILLISECOND);
    assert_eq!(find(backend, &user, &known, last).await, Some(known.clone()));
    assert_eq!(find(backend, &user, &known, known.expires_at).await, None);
}

/// Every sign-in makes a device known for longer, even one that was forgotten.
pub async fn a_device_is_renewed_by_another_sign_in(backend: &Backend) {
    let user = backend.with_user(1).await;
    for (number, expires_at) in (1..).zip([NOW, NOW.plus(HOUR), NOW.plus(24 * HOUR)]) {
        let known = KnownDevice { expires_at, ..device(1) };
        begin(backend, &user, number, &known).await;
        let last = expires_at.minus(MILLISECOND);
        assert_eq!(find(backend, &user, &known, last).await, Some(known));
    }
}

/// A sign-in that is refused makes no device known: else a thief with an old password would not be
/// noticed with the new one.
pub async fn a_refused_sign_in_makes_no_device_known(backend: &Backend) {
    let user = backend.with_user(1).await;
    let late = Session { epoch: user.session_epoch - 1, ..session(&user, 1) };
    let inserted = backend.sessions.insert_session(&sign_in(&late, device(1))).await.unwrap();
    assert_eq!(inserted, InsertSession::EpochPassed);
    assert_eq!(find(backend, &user, &device(1), NOW).await, None);
}

/// Many sign-ins with one device at once all begin, and it is known once.
pub async fn many_sign_ins_with_one_device_all_succeed(backend: &Backend) {
    let user = backend.with_user(1).await;
    race(16, |number| {
        let (backend, user) = (backend.clone(), user.clone());
        async move { begin(&backend, &user, number, &device(1)).await }
    })
    .await;
    assert_eq!(backend.alive(&user.id).await.len(), 16);
    assert_eq!(find(backend, &user, &device(1), NOW).await, Some(device(1)));
    let later = device(1).expires_at;
    assert_eq!(backend.revocations.delete_expired(by(later), ALL).await.unwrap(), 16 + 1);
}

/// Devices that are forgotten go, others stay, and so do the sessions that began on them.
pub async fn a_sweep_takes_devices_that_are_forgotten(backend: &Backend) {
    let user = backend.with_user(1).await;
    let past = NOW.minus(SECOND);
    for (number, expires_at) in (1..).zip([past, NOW, NOW.plus(SECOND)]) {
        let digest = device(number).digest;
        begin(backend, &user, number.into(), &KnownDevice { digest, expires_at }).await;
    }
    assert_eq!(backend.revocations.delete_expired(by(NOW), 1).await.unwrap(), 1);
    assert_eq!(backend.revocations.delete_expired(by(NOW), ALL).await.unwrap(), 1);
    let then = past.minus(SECOND);
    for (number, is_known) in [(1, false), (2, false), (3, true)] {
        assert_eq!(find(backend, &user, &device(number), then).await.is_some(), is_known);
    }
    assert_eq!(backend.alive(&user.id).await.len(), 3);
}
