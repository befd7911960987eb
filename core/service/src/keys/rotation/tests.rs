use std::time::Duration;

use domain::KeyRecord;

use super::*;

const NOW: Timestamp = Timestamp::from_unix_ms(1_731_333_100_000);
const HOUR: Duration = Duration::from_hours(1);
const SECRET: &str = "a secret that is shared, of more than 32 bytes";
const POLICY: KeyPolicy = KeyPolicy {
    rotation_interval: Duration::from_hours(24 * 90),
    publish_ahead: Duration::from_hours(2),
    shared_publish_ahead: Duration::from_mins(10),
    grace: HOUR,
};

struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

struct Sevens;

impl Entropy for Sevens {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

fn rotation_at(now: Timestamp) -> RingRotation {
    RingRotation { policy: POLICY, clock: Arc::new(At(now)) }
}

fn made(algorithm: Algorithm, sign_from: Timestamp) -> KeyRecord {
    let made = SigningKey::generate(algorithm).unwrap();
    let kid = made.key.kid().to_owned();
    let material = KeyMaterial::KeyPair(made.pkcs8);
    KeyRecord::new(kid, algorithm.name().to_owned(), material, sign_from, HOUR)
}

fn shared(sign_from: Timestamp) -> KeyRecord {
    let kid = SigningKey::from_shared_secret(SECRET.as_bytes()).unwrap().kid().to_owned();
    let material = KeyMaterial::Shared(SecretSlice::from(SECRET.as_bytes().to_vec()));
    KeyRecord::new(kid, "HS256".to_owned(), material, sign_from, HOUR)
}

/// Two keys: one that retired half an hour ago, and one that signs.
fn ring() -> KeyRing {
    let mut ring = KeyRing::default();
    for sign_from in [NOW.minus(24 * HOUR), NOW.minus(HOUR / 2)] {
        ring.begin(made(Algorithm::EdDsa, sign_from), NOW).unwrap();
    }
    ring
}

fn kid(ring: &KeyRing, place: usize) -> String {
    ring.keys()[place].kid.clone()
}

fn written(ring: &KeyRing) -> SecretString {
    let text = kept_keys::write(ring).unwrap();
    SecretString::from(str::from_utf8(text.expose_secret()).unwrap())
}

async fn followed(current: &KeyRing) -> Result<KeyRing, String> {
    let next = rotation_at(NOW).next_value(&written(current)).await;
    next.map(|next| read(&next).unwrap()).map_err(|error| error.to_string())
}

async fn tested_at(now: Timestamp, current: &KeyRing, pending: &KeyRing) -> Result<(), String> {
    let tested = rotation_at(now).test_value(&written(current), &written(pending)).await;
    tested.map_err(|error| error.to_string())
}

/// Why a pending ring may not follow.
async fn refusal(current: &KeyRing, pending: &KeyRing) -> String {
    tested_at(NOW, current, pending).await.unwrap_err()
}

/// The ring with one key of it changed as nobody changes it.
fn tampered(ring: &KeyRing, place: usize, change: impl FnOnce(&mut KeyRecord)) -> KeyRing {
    let mut keys = ring.keys().to_vec();
    change(&mut keys[place]);
    KeyRing::of(keys)
}

#[tokio::test]
async fn a_rotation_adds_one_key_that_signs_after_it_was_published() {
    let current = ring();
    let pending = followed(&current).await.unwrap();
    assert_eq!(pending.keys().len(), 3);
    assert_eq!(pending.keys()[2].sign_from, NOW.plus(POLICY.publish_ahead));
    assert_eq!(pending.keys()[1].retire_at, Some(pending.keys()[2].sign_from));
    assert_eq!(tested_at(NOW, &current, &pending).await, Ok(()));
    assert_eq!(tested_at(NOW.plus(HOUR), &current, &pending).await, Ok(()));
}

#[tokio::test]
async fn a_new_key_is_of_the_algorithm_of_the_last_one() {
    for algorithm in [Algorithm::ES256, Algorithm::EdDsa] {
        let mut current = ring();
        current.begin(made(algorithm, NOW), NOW).unwrap();
        let pending = followed(&current).await.unwrap();
        assert_eq!(pending.last_key().unwrap().algorithm, algorithm.name());
        assert_eq!(pending.keys().len(), 4);
    }
}

#[tokio::test]
async fn a_key_that_waits_already_is_the_rotation() {
    let mut current = ring();
    current.begin(made(Algorithm::EdDsa, NOW.plus(HOUR)), NOW).unwrap();
    let pending = followed(&current).await.unwrap();
    assert_eq!(written(&pending).expose_secret(), written(&current).expose_secret());
    assert_eq!(tested_at(NOW, &current, &pending).await, Ok(()));
    assert_eq!(tested_at(NOW.plus(2 * HOUR), &current, &pending).await, Ok(()));
}

#[tokio::test]
async fn a_ring_whose_last_key_was_given_is_rotated_where_that_is_kept() {
    let remote = KeyMaterial::Remote { name: "alias/a".to_owned(), public: vec![3] };
    let remote = KeyRecord::new("remote".to_owned(), "ES256".to_owned(), remote, NOW, HOUR);
    let waiting = shared(NOW.plus(HOUR));
    for given in [shared(NOW), remote, waiting] {
        let mut current = ring();
        current.begin(given, NOW).unwrap();
        let why = followed(&current).await.unwrap_err();
        assert!(why.contains("put a new one first in keys.shared_secret"), "{why}");
    }
}

#[tokio::test]
async fn a_ring_in_which_nothing_signs_is_not_rotated() {
    let mut revoked = KeyRing::default();
    revoked.begin(made(Algorithm::EdDsa, NOW.minus(HOUR)), NOW).unwrap();
    revoked.revoke(&kid(&revoked, 0), NOW).unwrap();
    for current in [KeyRing::default(), revoked] {
        let why = followed(&current).await.unwrap_err();
        assert!(why.contains("the server makes the first one"), "{why}");
        let why = refusal(&current, &current).await;
        assert_eq!(why, "it has no key that will sign");
    }
}

#[tokio::test]
async fn a_key_that_was_revoked_meanwhile_does_not_come_back() {
    // Nothing new signs in its place: what verifies now is in the pending ring, too.
    let retired = ring();
    let pending = followed(&retired).await.unwrap();
    let mut current = retired.clone();
    current.revoke(&kid(&retired, 0), NOW).unwrap();
    let why = refusal(&current, &pending).await;
    assert!(why.contains("which was changed meanwhile"), "{why}");

    let mut waiting = ring();
    waiting.begin(made(Algorithm::EdDsa, NOW.plus(HOUR)), NOW).unwrap();
    let pending = followed(&waiting).await.unwrap();
    let mut current = waiting.clone();
    current.revoke(&kid(&waiting, 1), NOW).unwrap();
    current.resume(&kid(&waiting, 2), NOW);
    let why = refusal(&current, &pending).await;
    assert!(why.contains("which was changed meanwhile"), "{why}");
}

#[tokio::test]
async fn a_key_that_came_meanwhile_must_be_there() {
    let old = ring();
    let pending = followed(&old).await.unwrap();
    let mut current = old;
    current.begin(made(Algorithm::EdDsa, NOW.plus(HOUR)), NOW).unwrap();
    let why = refusal(&current, &pending).await;
    assert_eq!(why, "it lacks a key of the current ring, which was changed meanwhile");
}

#[tokio::test]
async fn a_name_that_is_remembered_as_revoked_must_be_there() {
    let mut current = ring();
    current.revoke(&kid(&current, 0), NOW).unwrap();
    let pending = followed(&current).await.unwrap();
    assert_eq!(tested_at(NOW, &current, &pending).await, Ok(()));
    let forgetful = KeyRing::of(pending.keys()[1..].to_vec());
    let why = refusal(&current, &forgetful).await;
    assert_eq!(why, "it lacks a key of the current ring, which was changed meanwhile");
}

#[tokio::test]
async fn a_key_that_is_not_what_it_was_is_refused() {
    let current = ring();
    let pending = followed(&current).await.unwrap();
    let later = Some(NOW.plus(100 * HOUR));
    for changed in [
        tampered(&pending, 0, |key| key.remove_at = later),
        tampered(&pending, 0, |key| key.retire_at = later),
        tampered(&pending, 0, |key| key.sign_from = NOW.minus(HOUR)),
        tampered(&pending, 1, |key| key.remove_at = None),
        tampered(&pending, 1, |key| key.grace = 2 * HOUR),
        tampered(&pending, 1, |key| key.algorithm = "ES256".to_owned()),
        tampered(&pending, 1, |key| key.material = shared(NOW).material),
        tampered(&pending, 1, |key| key.material = made(Algorithm::EdDsa, NOW).material),
        tampered(&pending, 1, |key| key.is_revoked = true),
        tampered(&pending, 2, |key| key.retire_at = later),
    ] {
        let why = refusal(&current, &changed).await;
        assert!(why.contains("which was changed meanwhile"), "{why}");
    }
}

#[tokio::test]
async fn a_key_whose_time_ended_meanwhile_makes_no_difference() {
    let current = ring();
    let pending = followed(&current).await.unwrap();
    let ended = current.keys()[0].remove_at.unwrap();
    assert_eq!(tested_at(ended, &current, &pending).await, Ok(()));
    let mut pruned = current;
    pruned.prune(ended);
    assert_eq!(tested_at(ended, &pruned, &pending).await, Ok(()));
}

#[tokio::test]
async fn a_key_that_no_rotation_makes_is_refused() {
    let current = ring();
    let pending = followed(&current).await.unwrap();
    let mut second = pending.clone();
    second.begin(made(Algorithm::EdDsa, NOW.plus(3 * HOUR)), NOW).unwrap();
    let mut given = current.clone();
    given.begin(shared(NOW.plus(HOUR)), NOW).unwrap();
    let revoked = tampered(&pending, 2, |key| key.is_revoked = true);
    for strange in [second, given, revoked] {
        let why = refusal(&current, &strange).await;
        assert_eq!(why, "it has a key that neither is in the current ring nor was made to follow");
    }
}

#[tokio::test]
async fn a_new_key_that_signs_before_anybody_can_have_read_of_it_is_refused() {
    let current = ring();
    let pending = followed(&current).await.unwrap();
    let late = NOW.plus(POLICY.publish_ahead);
    let why = tested_at(late, &current, &pending).await.unwrap_err();
    assert_eq!(why, "its new key would sign at once, and no verifier has read of it");
}

#[tokio::test]
async fn a_key_under_the_name_of_another_is_refused() {
    let current = ring();
    let mut pending = current.clone();
    let mut misnamed = made(Algorithm::EdDsa, NOW.plus(HOUR));
    misnamed.kid = "another".to_owned();
    pending.begin(misnamed, NOW).unwrap();
    assert_eq!(refusal(&current, &pending).await, "a key of it does not sign what it verifies");
}

#[tokio::test]
async fn a_shared_secret_is_replaced_in_the_shape_that_it_has() {
    let rotation = SharedSecretRotation { entropy: Arc::new(Sevens) };
    let new = generate_shared_secret([7; 32]).expose_secret().to_owned();
    let object = |members: &str| format!("{{{members}}}").replace("OLD", SECRET);
    for (current, expected) in [
        (SECRET.to_owned(), "NEW"),
        (format!("{SECRET}\n"), "NEW"),
        (object(r#""JWT_SECRET":"OLD""#), r#"{"JWT_SECRET":"NEW"}"#),
        (object(r#" "JWT_ACCESS_SECRET" : "OLD" "#), r#"{"JWT_ACCESS_SECRET":"NEW"}"#),
        (
            object(r#""JWT_ACCESS_SECRET":"OLD","JWT_SECRET":"OLD""#),
            r#"{"JWT_ACCESS_SECRET":"NEW","JWT_SECRET":"NEW"}"#,
        ),
        (
            object(r#""JWT_SECRET":"OLD","hosts":["a\n",{"port":1}],"on":true,"password":"OLD""#),
            r#"{"JWT_SECRET":"NEW","hosts":["a\n",{"port":1}],"on":true,"password":"OLD"}"#,
        ),
    ] {
        let current = SecretString::from(current);
        let next = rotation.next_value(&current).await.unwrap();
        let expected = expected.replace("NEW", &new).replace("OLD", SECRET);
        assert_eq!(next.expose_secret(), expected);
        rotation.test_value(&current, &next).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_no_shared_secret_is_not_rotated() {
    let rotation = SharedSecretRotation { entropy: Arc::new(Sevens) };
    for shapeless in [
        r#"{"OTHER":"a secret that is shared, of 32 bytes"}"#,
        r#"{"JWT_SECRET":"one of the two that there are","JWT_ACCESS_SECRET":"the other"}"#,
        r#"{"JWT_SECRET":7}"#,
        r#"{"JWT_SECRET":"a secret that is shared""#,
    ] {
        let (shapeless, secret) = (SecretString::from(shapeless), SecretString::from(SECRET));
        for refused in [
            rotation.next_value(&shapeless).await.map(|_| ()),
            rotation.test_value(&secret, &shapeless).await,
            rotation.test_value(&shapeless, &secret).await,
        ] {
            let why = refused.unwrap_err().to_string();
            assert!(why.contains("nor a JSON object with JWT_SECRET"), "{why}");
        }
    }
}

#[tokio::test]
async fn a_shared_secret_that_is_not_new_or_too_short_does_not_follow() {
    let rotation = SharedSecretRotation { entropy: Arc::new(Sevens) };
    let current = SecretString::from(SECRET);
    let same = SecretString::from(format!(r#"{{"JWT_SECRET":"{SECRET}"}}"#));
    let why = rotation.test_value(&current, &same).await.unwrap_err();
    assert_eq!(why.to_string(), "it is the current secret");
    let short = SecretString::from("short");
    assert!(rotation.test_value(&current, &short).await.is_err());
}

#[tokio::test]
async fn a_secret_that_would_not_be_kept_is_not_made() {
    let rotation = SharedSecretRotation { entropy: Arc::new(Sevens) };
    let long = "x".repeat(64 * 1024);
    let current = format!(r#"{{"JWT_SECRET":"{SECRET}","other":"{long}"}}"#);
    let why = rotation.next_value(&SecretString::from(current)).await.unwrap_err();
    assert!(why.to_string().contains("longer than 65536 bytes"), "{why}");
}

#[test]
fn every_text_of_a_wiped_object_is_erased() {
    let text = r#"{"a":"one","b":["two",{"c":"three"}],"d":4}"#;
    let mut members: Map<String, Value> = serde_json::from_str(text).unwrap();
    members.values_mut().for_each(wipe);
    let wiped = serde_json::to_string(&members).unwrap();
    assert_eq!(wiped, r#"{"a":"","b":["",{"c":""}],"d":4}"#);
}
