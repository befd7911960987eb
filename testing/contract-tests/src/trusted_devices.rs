//! Trusted devices: finding, listing, ending the trust and sweeping.

use contracts::{Expiry, InsertSession, NewSession};
use domain::{Client, Timestamp, TrustedDevice, TrustedDeviceId, User, UserId};

use crate::Backend;
use crate::fixtures::{
    ALL, HOUR, MILLISECOND, MINUTE, NOW, SECOND, new_session, race, session, user_id,
};
use crate::fixtures_factor::{trusted_device, trusted_device_id, trusting};

/// Trusts a device of that number until then, by a session of that number.
async fn trust(backend: &Backend, user: &User, number: u32, until: Timestamp) -> TrustedDevice {
    let new = trusting(user, number, until);
    let inserted = backend.sessions.insert_session(&new).await.unwrap();
    assert_eq!(inserted, InsertSession::Yes);
    new.trusts.unwrap()
}

async fn find(backend: &Backend, device: &TrustedDevice, now: Timestamp) -> Option<TrustedDevice> {
    let store = &backend.trusted_devices;
    store.find_trusted_device(&device.user, device.id, now).await.unwrap()
}

/// The ids of one page of devices that are trusted now.
async fn page(
    backend: &Backend,
    user: &UserId,
    after: Option<TrustedDeviceId>,
    limit: usize,
) -> Vec<TrustedDeviceId> {
    let store = &backend.trusted_devices;
    let listed = store.list_trusted_devices(user, NOW, after, limit).await.unwrap();
    listed.into_iter().map(|device| device.id).collect()
}

fn ids(numbers: &[u32]) -> Vec<TrustedDeviceId> {
    numbers.iter().copied().map(trusted_device_id).collect()
}

/// All of it reads back, alone and in a list, until its moment.
pub async fn a_device_is_trusted_until_its_moment(backend: &Backend) {
    let user = backend.with_user(1).await;
    let kept = trust(backend, &user, 1, NOW.plus(HOUR)).await;
    let last = kept.expires_at.minus(MILLISECOND);
    for (now, expected) in [
        (NOW, Some(&kept)),
        (last, Some(&kept)),
        (kept.expires_at, None),
        (kept.expires_at.plus(HOUR), None),
    ] {
        assert_eq!(find(backend, &kept, now).await.as_ref(), expected);
        let store = &backend.trusted_devices;
        let listed = store.list_trusted_devices(&user.id, now, None, ALL).await.unwrap();
        assert_eq!(listed.first(), expected);
    }
}

/// Devices with nothing and with everything read back.
pub async fn devices_at_the_edges_read_back(backend: &Backend) {
    let user = User { id: UserId::parse(&"~".repeat(128)).unwrap(), ..crate::fixtures::user(1) };
    backend.insert_user(&user).await;
    let begun = session(&user, 1);
    let bare = TrustedDevice {
        id: TrustedDeviceId::from_bytes([0; 16]),
        epoch: 0,
        client: Client { address: None, user_agent: None },
        created_at: Timestamp::from_unix_ms(i64::MIN),
        last_used_at: Timestamp::from_unix_ms(i64::MIN),
        expires_at: NOW.plus(MILLISECOND),
        ..trusted_device(&begun, 1)
    };
    let full = TrustedDevice {
        id: TrustedDeviceId::from_bytes([0xff; 16]),
        epoch: i64::MAX.cast_unsigned(),
        client: Client {
            address: Some("2001:db8::1".parse().unwrap()),
            user_agent: Some("ü😀".repeat(128).into()),
        },
        expires_at: Timestamp::from_unix_ms(i64::MAX),
        ..trusted_device(&begun, 1)
    };
    for (number, kept) in (1..).zip([&bare, &full]) {
        let trusts = Some(kept.clone());
        let new = NewSession { trusts, ..new_session(&session(&user, number), &[]) };
        backend.sessions.insert_session(&new).await.unwrap();
        assert_eq!(find(backend, kept, NOW).await.as_ref(), Some(kept));
    }
    let store = &backend.trusted_devices;
    let listed = store.list_trusted_devices(&user.id, NOW, None, ALL).await.unwrap();
    assert_eq!(listed, [bare, full]);
}

/// A person sees their own devices, not those of others; nobody has none.
pub async fn everyone_has_their_own_trusted_devices(backend: &Backend) {
    let (user, other) = (backend.with_user(1).await, backend.with_user(2).await);
    let mine = trust(backend, &user, 1, NOW.plus(HOUR)).await;
    let theirs = trust(backend, &other, 2, NOW.plus(HOUR)).await;
    for (user, expected) in
        [(&user.id, ids(&[1])), (&other.id, ids(&[2])), (&user_id(3), Vec::new())]
    {
        assert_eq!(page(backend, user, None, ALL).await, expected);
    }
    for stranger in [&other.id, &user_id(3)] {
        let foreign = TrustedDevice { user: stranger.clone(), ..mine.clone() };
        assert_eq!(find(backend, &foreign, NOW).await, None);
    }
    assert_eq!(find(backend, &theirs, NOW).await, Some(theirs));
}

/// Pages follow each other by id, and count only what they show.
pub async fn trusted_devices_are_listed_by_id_page_after_page(backend: &Backend) {
    let user = backend.with_user(1).await;
    for number in [5, 2, 1, 4, 3] {
        let expires_at = if number == 2 { NOW } else { NOW.plus(HOUR) };
        trust(backend, &user, number, expires_at).await;
    }
    let after = |number| Some(trusted_device_id(number));
    assert_eq!(page(backend, &user.id, None, 2).await, ids(&[1, 3]));
    assert_eq!(page(backend, &user.id, after(3), 2).await, ids(&[4, 5]));
    assert_eq!(page(backend, &user.id, after(2), 1).await, ids(&[3]));
    assert_eq!(page(backend, &user.id, after(5), 2).await, []);
    assert_eq!(page(backend, &user.id, None, ALL).await, ids(&[1, 3, 4, 5]));
}

/// The trust ends, once and for all, and nothing else does.
pub async fn a_deleted_device_is_not_trusted_any_more(backend: &Backend) {
    let user = backend.with_user(1).await;
    let (gone, stays) = (
        trust(backend, &user, 1, NOW.plus(HOUR)).await,
        trust(backend, &user, 2, NOW.plus(HOUR)).await,
    );
    for _ in 0..2 {
        backend.trusted_devices.delete_trusted_device(&user.id, gone.id).await.unwrap();
        assert_eq!(find(backend, &gone, NOW).await, None);
        assert_eq!(find(backend, &stays, NOW).await.as_ref(), Some(&stays));
        assert_eq!(page(backend, &user.id, None, ALL).await, ids(&[2]));
        assert_eq!(backend.alive(&user.id).await, [gone.session, stays.session]);
    }
}

/// A device is its user's: under another nothing is deleted.
pub async fn a_device_under_another_user_is_not_deleted(backend: &Backend) {
    let (user, other) = (backend.with_user(1).await, backend.with_user(2).await);
    let kept = trust(backend, &user, 1, NOW.plus(HOUR)).await;
    for stranger in [&other.id, &user_id(3)] {
        backend.trusted_devices.delete_trusted_device(stranger, kept.id).await.unwrap();
    }
    let unknown = trusted_device_id(2);
    backend.trusted_devices.delete_trusted_device(&user.id, unknown).await.unwrap();
    assert_eq!(find(backend, &kept, NOW).await, Some(kept));
}

/// Many callers end one trust, and none fails.
pub async fn many_callers_delete_a_device(backend: &Backend) {
    let user = backend.with_user(1).await;
    let gone = trust(backend, &user, 1, NOW.plus(HOUR)).await;
    race(16, |_| {
        let (store, user, id) = (backend.trusted_devices.clone(), user.id.clone(), gone.id);
        async move { store.delete_trusted_device(&user, id).await.unwrap() }
    })
    .await;
    assert_eq!(find(backend, &gone, NOW).await, None);
}

/// Those whose trust is over go, a few at a time, and others stay, and so do the sessions.
pub async fn a_sweep_takes_devices_whose_trust_is_over(backend: &Backend) {
    let user = backend.with_user(1).await;
    let moments = [NOW.minus(MINUTE), NOW.minus(SECOND), NOW, NOW.plus(SECOND)];
    for (number, until) in (1..).zip(moments) {
        trust(backend, &user, number, until).await;
    }
    let expiry = Expiry { now: NOW, sessions: NOW.minus(24 * HOUR) };
    let mut swept = Vec::new();
    for limit in [2, ALL, ALL] {
        swept.push(backend.revocations.delete_expired(expiry, limit).await.unwrap());
    }
    assert_eq!(swept, [2, 1, 0]);
    let long_ago = NOW.minus(HOUR);
    let store = &backend.trusted_devices;
    let left = store.list_trusted_devices(&user.id, long_ago, None, ALL).await.unwrap();
    assert_eq!(left.into_iter().map(|device| device.id).collect::<Vec<_>>(), ids(&[4]));
    assert_eq!(backend.alive(&user.id).await.len(), 4);
}
