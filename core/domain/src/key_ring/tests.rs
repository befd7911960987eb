use super::*;

const NOW: Timestamp = Timestamp::from_unix_ms(1_731_333_100_000);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const GRACE: Duration = Duration::from_mins(20);
const MINUTE: Duration = Duration::from_mins(1);

fn key(kid: &str, sign_from: Timestamp) -> KeyRecord {
    let material = KeyMaterial::KeyPair(SecretSlice::from(vec![7]));
    KeyRecord::new(kid.into(), "RS256".into(), material, sign_from, GRACE)
}

fn ring(keys: impl IntoIterator<Item = (&'static str, Timestamp)>) -> KeyRing {
    let mut ring = KeyRing::default();
    for (kid, sign_from) in keys {
        ring.begin(key(kid, sign_from), NOW).unwrap();
    }
    ring
}

fn signs(ring: &KeyRing, at: Timestamp) -> Option<&str> {
    ring.signing_key(at).map(|key| key.kid.as_str())
}

fn verify(ring: &KeyRing, at: Timestamp) -> Vec<&str> {
    ring.verifying_keys(at).map(|key| key.kid.as_str()).collect()
}

#[test]
fn a_key_is_next_then_current_then_retired_then_removed() {
    let ring = ring([("old", NOW.minus(DAY)), ("a", NOW.plus(HOUR)), ("b", NOW.plus(HOUR * 2))]);
    let phase = |after: Duration| ring.find("a").unwrap().phase(NOW.plus(after));
    let phases = [Duration::ZERO, HOUR, HOUR * 2, HOUR * 2 + GRACE].map(phase);
    assert_eq!(phases, [KeyPhase::Next, KeyPhase::Current, KeyPhase::Retired, KeyPhase::Removed]);
}

#[test]
fn one_key_signs_until_the_instant_at_which_the_next_begins() {
    let ring = ring([("old", NOW.minus(DAY)), ("new", NOW.plus(HOUR))]);
    let change = NOW.plus(HOUR);
    assert_eq!(signs(&ring, change.minus(Duration::from_millis(1))), Some("old"));
    assert_eq!(signs(&ring, change), Some("new"));
    assert_eq!(verify(&ring, NOW), ["old", "new"]);
    assert_eq!(verify(&ring, change.plus(GRACE).minus(Duration::from_millis(1))), ["old", "new"]);
    assert_eq!(verify(&ring, change.plus(GRACE)), ["new"]);
}

#[test]
fn a_key_that_begins_before_one_that_waits_signs_until_that_one_begins() {
    let ring = ring([("old", NOW.minus(DAY)), ("next", NOW.plus(HOUR * 3)), ("now", NOW)]);
    assert_eq!(signs(&ring, NOW), Some("now"));
    assert_eq!(signs(&ring, NOW.plus(HOUR * 3)), Some("next"));
    assert_eq!(ring.find("old").unwrap().remove_at, Some(NOW.plus(GRACE)));
    assert_eq!(ring.last_key().unwrap().kid, "next");
}

#[test]
fn a_key_that_is_taken_back_before_it_signs_leaves_the_other_signing() {
    let mut ring = ring([("old", NOW.minus(DAY)), ("next", NOW.plus(HOUR))]);
    ring.withdraw_waiting(NOW, |key| key.kid != "next");
    assert_eq!(verify(&ring, NOW), ["old", "next"]);
    ring.withdraw_waiting(NOW, |_| true);
    assert_eq!(ring.find("old").unwrap().retire_at, None);
    assert_eq!(ring.find("old").unwrap().remove_at, None);
    assert_eq!(signs(&ring, NOW.plus(DAY)), Some("old"));
    assert_eq!(verify(&ring, NOW), ["old"]);
}

#[test]
fn a_revoked_key_neither_signs_nor_verifies_from_that_moment() {
    let mut ring = ring([("old", NOW.minus(DAY)), ("next", NOW.plus(HOUR))]);
    ring.revoke("old", NOW).unwrap();
    assert_eq!(signs(&ring, NOW), None);
    assert_eq!(verify(&ring, NOW), ["next"]);
    assert_eq!(ring.revoke("old", NOW), Err(UnknownKey));
    assert_eq!(ring.revoke("other", NOW), Err(UnknownKey));
}

#[test]
fn to_revoke_a_key_that_waits_leaves_the_other_signing() {
    let mut ring = ring([("old", NOW.minus(DAY)), ("next", NOW.plus(HOUR))]);
    ring.revoke("next", NOW).unwrap();
    assert_eq!(signs(&ring, NOW.plus(HOUR)), Some("old"));
    assert_eq!(ring.last_key().unwrap().kid, "old");
    assert!(ring.find("next").unwrap().is_revoked, "its name is remembered");
}

#[test]
fn a_displaced_key_may_sign_again_unless_it_was_revoked() {
    let mut ring = ring([("old", NOW.minus(DAY)), ("new", NOW.minus(MINUTE))]);
    ring.resume("old", NOW);
    assert_eq!(signs(&ring, NOW), Some("old"));
    assert_eq!(verify(&ring, NOW), ["new", "old"]);
    assert_eq!(ring.find("new").unwrap().remove_at, Some(NOW.plus(GRACE)));
    ring.revoke("new", NOW).unwrap();
    ring.resume("new", NOW);
    assert_eq!(signs(&ring, NOW.plus(HOUR)), Some("old"), "it is revoked");
}

#[test]
fn removed_keys_are_forgotten_and_the_names_of_revoked_ones_never() {
    let mut ring = ring([("stolen", NOW.minus(DAY)), ("old", NOW.minus(MINUTE)), ("new", NOW)]);
    ring.revoke("stolen", NOW).unwrap();
    let removal = NOW.plus(GRACE);
    assert!(!ring.is_prunable(removal.minus(Duration::from_millis(1))));
    assert!(ring.is_prunable(removal));
    ring.prune(removal);
    assert!(ring.find("old").is_none());
    assert!(!ring.is_prunable(removal.plus(DAY * 365)));
    ring.prune(removal.plus(DAY * 365));
    let stolen = ring.find("stolen").unwrap();
    assert!(stolen.is_revoked && matches!(stolen.material, KeyMaterial::Gone));
}

#[test]
fn a_key_is_revoked_for_instances_too_whose_clocks_are_behind() {
    let mut ring = ring([("old", NOW.minus(DAY))]);
    ring.revoke("old", NOW).unwrap();
    let earlier = NOW.minus(HOUR);
    assert_eq!(verify(&ring, earlier), [""; 0]);
    ring.begin(key("new", ring.may_sign_from(NOW, HOUR)), NOW).unwrap();
    assert_eq!(signs(&ring, NOW.minus(MINUTE)), Some("new"));
}

#[test]
fn a_successor_takes_over_from_a_key_that_was_revoked_as_soon_as_it_began() {
    let mut ring = ring([("old", NOW.minus(DAY)), ("new", NOW)]);
    ring.revoke("new", NOW).unwrap();
    ring.resume("old", NOW);
    assert_eq!(signs(&ring, NOW), Some("old"));
    assert_eq!(ring.find("old").unwrap().retire_at, None);
}

#[test]
fn a_secret_that_only_verifies_can_be_revoked() {
    let mut ring = ring([("old", NOW.minus(DAY))]);
    assert_eq!(ring.revoke("given", NOW), Err(UnknownKey));
    ring.revoke_unknown("given".into(), "HS256".into(), NOW);
    assert!(ring.find("given").unwrap().is_revoked);
    assert_eq!(verify(&ring, NOW), ["old"]);
    assert_eq!(ring.last_key().unwrap().kid, "old");
}

#[test]
fn a_ring_publishes_ten_keys_at_the_most() {
    let mut ring = KeyRing::default();
    for age in (0..10).rev() {
        let key = key(&age.to_string(), NOW.minus(Duration::from_secs(age)));
        ring.begin(key, NOW).unwrap();
    }
    assert_eq!(ring.begin(key("one more", NOW.plus(HOUR)), NOW), Err(RingFull));
    assert_eq!(ring.verifying_keys(NOW).count(), PUBLISHED_KEYS_MAX);
    let secret = KeyMaterial::Shared(SecretSlice::from(vec![7]));
    let secret = KeyRecord::new("secret".into(), "HS256".into(), secret, NOW.plus(HOUR), GRACE);
    assert_eq!(ring.begin(secret, NOW), Ok(()), "it is not published");
    ring.revoke("9", NOW).unwrap();
    assert_eq!(ring.begin(key("one more", NOW.plus(HOUR)), NOW), Ok(()));
}

#[test]
fn a_rotation_is_due_so_early_that_the_key_is_published_ahead() {
    let ring = ring([("old", NOW)]);
    let due = |after: Duration| ring.rotation_due(NOW.plus(after), DAY, HOUR * 3);
    assert_eq!(due(HOUR * 20), None);
    assert_eq!(due(HOUR * 21), Some(NOW.plus(DAY)));
    assert_eq!(due(DAY * 9), Some(NOW.plus(DAY * 9 + HOUR * 3)), "late, and none the less ahead");
}

#[test]
fn no_rotation_is_due_while_a_key_waits_or_what_signs_was_given() {
    let waiting = ring([("old", NOW.minus(DAY * 2)), ("next", NOW.plus(HOUR))]);
    assert_eq!(waiting.rotation_due(NOW, DAY, HOUR * 3), None);
    let mut given = KeyRing::default();
    let secret = KeyMaterial::Shared(SecretSlice::from(vec![7]));
    let secret = KeyRecord::new("secret".into(), "HS256".into(), secret, NOW.minus(DAY * 9), GRACE);
    given.begin(secret, NOW).unwrap();
    assert_eq!(given.rotation_due(NOW, DAY, HOUR * 3), None);
    assert_eq!(KeyRing::default().rotation_due(NOW, DAY, HOUR), None);
}

#[test]
fn a_first_key_signs_at_once_and_every_other_after_it_was_published() {
    let none = KeyRing::default();
    assert_eq!(none.may_sign_from(NOW, HOUR), NOW.minus(MINUTE), "clocks may differ");
    assert_eq!(ring([("old", NOW)]).may_sign_from(NOW, HOUR), NOW.plus(HOUR));
}

#[test]
fn a_key_verifies_for_the_grace_that_it_was_made_with_whoever_displaces_it() {
    let mut ring = ring([("old", NOW.minus(DAY))]);
    let mut new = key("new", NOW);
    new.grace = MINUTE;
    ring.begin(new, NOW).unwrap();
    ring.begin(key("newer", NOW.plus(HOUR)), NOW).unwrap();
    assert_eq!(ring.find("old").unwrap().remove_at, Some(NOW.plus(GRACE)));
    assert_eq!(ring.find("new").unwrap().remove_at, Some(NOW.plus(HOUR + MINUTE)));
}

#[test]
fn a_longer_grace_holds_for_keys_that_sign_and_for_no_retired_one() {
    let keys = [("old", NOW.minus(DAY)), ("new", NOW), ("next", NOW.plus(HOUR))];
    let mut ring = ring(keys);
    assert!(ring.lengthen_grace(NOW, DAY));
    assert!(!ring.lengthen_grace(NOW, DAY));
    assert!(!ring.lengthen_grace(NOW, HOUR), "it is never shortened");
    assert_eq!(ring.find("old").unwrap().remove_at, Some(NOW.plus(GRACE)));
    assert_eq!(ring.find("new").unwrap().remove_at, Some(NOW.plus(HOUR + DAY)));
    assert_eq!(ring.find("next").unwrap().remove_at, None);
}

#[test]
fn a_key_is_not_shown() {
    assert_eq!(format!("{:?}", key("a", NOW)), "KeyRecord { kid: \"a\", .. }");
}
