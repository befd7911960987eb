//! Sessions: the devices of a sign-in, the trusted one among them, and how it was proved.

use contracts::{InsertSession, KnownDevice, NewSession, Reauthenticate};
use domain::{AuthenticationMethod, Session, TrustedDevice, User, UserStatus};

use crate::Backend;
use crate::fixtures::{
    ALL, HOUR, NOW, SECOND, by, device, end, ending_replacement, new_session, raise, session,
};
use crate::fixtures_factor::trusted_device;
use crate::sessions_authenticate::renewal;

async fn begin(backend: &Backend, new: &NewSession) {
    assert_eq!(backend.sessions.insert_session(new).await.unwrap(), InsertSession::Yes);
}

/// The device and the network, and what is trusted, of session 1.
fn sign_in(user: &User) -> NewSession {
    let session = session(user, 1);
    let trusts = Some(trusted_device(&session, 1));
    NewSession { devices: vec![device(1), device(2)], trusts, ..new_session(&session, &[]) }
}

/// How many devices of [`sign_in`] are known, and the one that is trusted.
async fn left_behind(backend: &Backend, user: &User) -> (usize, Option<TrustedDevice>) {
    let mut known = 0;
    for KnownDevice { digest, .. } in [device(1), device(2)] {
        let found = backend.sessions.find_device(&user.id, digest, NOW).await.unwrap();
        known += usize::from(found.is_some());
    }
    (known, backend.trusted(&user.id, 1).await)
}

/// Each is known from then on, for as long as it says; no other is.
pub async fn all_devices_of_a_sign_in_are_known(backend: &Backend) {
    let user = backend.with_user(1).await;
    let soon = KnownDevice { expires_at: NOW.plus(HOUR), ..device(3) };
    let devices = vec![device(1), device(2), soon];
    begin(backend, &NewSession { devices: devices.clone(), ..sign_in(&user) }).await;
    for known in devices {
        let found = backend.sessions.find_device(&user.id, known.digest, NOW).await.unwrap();
        assert_eq!(found, Some(known));
    }
    let found = backend.sessions.find_device(&user.id, device(4).digest, NOW).await.unwrap();
    assert_eq!(found, None);
}

/// One of them may be new, another as old as can be.
pub async fn a_sign_in_renews_some_devices_and_adds_others(backend: &Backend) {
    let user = backend.with_user(1).await;
    let old = KnownDevice { expires_at: NOW.plus(SECOND), ..device(1) };
    let other = NewSession { devices: vec![old], ..new_session(&session(&user, 2), &[]) };
    begin(backend, &other).await;
    begin(backend, &sign_in(&user)).await;
    for known in [device(1), device(2)] {
        let found = backend.sessions.find_device(&user.id, known.digest, NOW).await.unwrap();
        assert_eq!(found, Some(known));
    }
}

/// Neither device nor trust has to come with a sign-in.
pub async fn a_sign_in_on_nothing_that_can_be_told_is_kept(backend: &Backend) {
    let user = backend.with_user(1).await;
    let new = NewSession { devices: Vec::new(), trusts: None, ..sign_in(&user) };
    begin(backend, &new).await;
    assert_eq!(backend.session(&new.session).await, new.session);
    assert_eq!(left_behind(backend, &user).await, (0, None));
}

/// A device is trusted by a sign-in, and not before it, with all that is kept of it.
pub async fn a_device_is_trusted_after_a_sign_in(backend: &Backend) {
    let (user, other) = (backend.with_user(1).await, backend.with_user(2).await);
    assert_eq!(left_behind(backend, &user).await, (0, None));
    let new = sign_in(&user);
    begin(backend, &new).await;
    assert_eq!(left_behind(backend, &user).await, (2, new.trusts.clone()));
    assert_eq!(left_behind(backend, &other).await, (0, None));
    assert_eq!(backend.trusted(&user.id, 2).await, None);
    assert_eq!(backend.session(&new.session).await, new.session);
}

/// A sign-in that came too late leaves nothing: whoever still has the old password gets no trust
/// for the time after it.
pub async fn a_refused_sign_in_leaves_neither_device_nor_trust(backend: &Backend) {
    let raised = backend.with_user(1).await;
    backend.users.advance_session_epoch(&raise(&raised), &[]).await.unwrap();
    let disabled = backend.with_user(2).await;
    let change = ending_replacement(&User { status: UserStatus::Disabled, ..disabled.clone() });
    backend.replace(&change).await;
    let erased = backend.with_user(3).await;
    backend.erase(&erased).await;
    let barred = User { status: UserStatus::Disabled, ..crate::fixtures::user(4) };
    backend.insert_user(&barred).await;
    let nobody = crate::fixtures::user(5);
    for user in [raised, disabled, erased, barred, nobody] {
        let refused = backend.sessions.insert_session(&sign_in(&user)).await.unwrap();
        assert_eq!(refused, InsertSession::EpochPassed);
        assert_eq!(left_behind(backend, &user).await, (0, None));
    }
    let far = NOW.plus(1000 * 24 * HOUR);
    // The two revocations of epochs and the one of the erasure, and nothing else.
    assert_eq!(backend.revocations.delete_expired(by(far), ALL).await.unwrap(), 3);
}

/// The end of a session and of its trust are two things: the store ends what it is told to.
pub async fn a_session_that_ends_leaves_the_trust_to_the_service(backend: &Backend) {
    let user = backend.with_user(1).await;
    let new = sign_in(&user);
    begin(backend, &new).await;
    backend.sessions.end_session(&end(&new.session), &[]).await.unwrap();
    assert_eq!(backend.trusted(&user.id, 1).await, new.trusts);
}

/// Methods of every kind, in the order they were proved, read back from a sign-in and from a
/// renewal.
pub async fn methods_of_every_kind_read_back(backend: &Backend) {
    use AuthenticationMethod::{BackupCode, OneTimePassword, Password, TrustedDevice};
    let user = backend.with_user(1).await;
    let proofs = [
        vec![Password, OneTimePassword],
        vec![Password, BackupCode],
        vec![Password, TrustedDevice],
        vec![TrustedDevice, BackupCode, OneTimePassword, Password],
    ];
    for (number, methods) in (1..).zip(proofs) {
        let begun = Session { methods: methods.clone(), ..session(&user, number) };
        backend.insert(&begun).await;
        assert_eq!(backend.session(&begun).await, begun);
        let listed = backend.sessions.list_sessions(&user.id, NOW, None, ALL).await.unwrap();
        assert!(listed.contains(&begun));

        let renewed = backend.with_session(&user, number + 100).await;
        let renewal = Reauthenticate { methods: methods.clone(), ..renewal(&renewed) };
        backend.sessions.advance_authentication(&renewal).await.unwrap();
        assert_eq!(backend.session(&renewed).await.methods, methods);
    }
}
