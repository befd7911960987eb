use std::time::Duration;

use settings::{KeyPairAlgorithm, RingSource, SigningSettings};

use crate::given::{PRODUCTION, accepts, loaded, mistakes, refuses};

#[test]
fn keys_are_kept_in_the_store_and_rotated_each_quarter_where_nothing_else_is_said() {
    let keys = loaded(&[]).settings.keys;
    assert_eq!(keys.source, RingSource::Storage);
    assert_eq!(keys.rotation_interval, Duration::from_hours(90 * 24));
    assert_eq!(keys.publish_ahead, Duration::from_hours(3));
    assert_eq!(keys.shared_publish_ahead, Duration::from_mins(15));
    assert_eq!(keys.grace, Duration::from_mins(20));
}

#[test]
fn the_ring_may_be_kept_in_a_secret_of_its_own() {
    let loaded = loaded(&[("DOORWARD_KEYS__SOURCE", "aws-sm:doorward/keys")]);
    let expected = RingSource::SecretsManager("doorward/keys".to_owned());
    assert_eq!(loaded.settings.keys.source, expected);
    refuses("DOORWARD_KEYS__SOURCE", &["aws-sm:", "aws-sm:a b", "aws-ssm:/a", "file:a", "secret"]);
}

#[test]
fn a_key_of_kms_signs_with_rs256_or_es256() {
    let key = ("DOORWARD_KEYS__KMS_KEY", "alias/new");
    let loaded = loaded(&[key, ("DOORWARD_KEYS__ALGORITHM", "ES256")]);
    let SigningSettings::Kms { algorithm, key } = loaded.settings.keys.signing else {
        panic!("the key signs");
    };
    assert_eq!((algorithm, &*key), (KeyPairAlgorithm::ES256, "alias/new"));
    refuses("DOORWARD_KEYS__KMS_KEY", &["alias/a b", "alias/a\u{e9}"]);
}

#[test]
fn a_key_of_kms_is_refused_for_algorithms_that_it_does_not_sign_with() {
    let key = ("DOORWARD_KEYS__KMS_KEY", "alias/new");
    insta::assert_snapshot!(mistakes(&[key, ("DOORWARD_KEYS__ALGORITHM", "EdDSA")]), @r#"
there is a mistake in the settings:
  keys.kms_key (environment DOORWARD_KEYS__KMS_KEY): is set, and AWS KMS does not sign tokens with EdDSA; leave it empty, or set keys.algorithm to RS256 or ES256
"#);
    let hs256 = ("DOORWARD_KEYS__ALGORITHM", "HS256");
    assert_eq!(mistakes(&[key, hs256, ("JWT_SECRET", "x")]).iter().count(), 1);
}

#[test]
fn an_interval_leaves_time_to_publish_and_never_publishes_too_many_keys() {
    let ahead = ("DOORWARD_KEYS__PUBLISH_AHEAD", "1h");
    let interval = |value| ("DOORWARD_KEYS__ROTATION_INTERVAL", value);
    insta::assert_snapshot!(mistakes(&[ahead, interval("1h")]), @r#"
there is a mistake in the settings:
  keys.rotation_interval (environment DOORWARD_KEYS__ROTATION_INTERVAL): 1h is too short for keys.publish_ahead 1h and keys.grace 20m: too many keys would be published at once; write at least 3601s
"#);
    loaded(&[ahead, interval("2h")]);
    let grace = ("DOORWARD_KEYS__GRACE", "80d");
    assert_eq!(mistakes(&[grace, interval("9d")]).iter().count(), 1);
    loaded(&[grace, interval("11d")]);
    accepts("DOORWARD_KEYS__SHARED_PUBLISH_AHEAD", &["1s", "24h"]);
    refuses("DOORWARD_KEYS__SHARED_PUBLISH_AHEAD", &["0s", "25h"]);
}

#[test]
fn a_key_that_signs_before_gateways_read_it_gets_a_warning_outside_development() {
    let ahead = ("DOORWARD_KEYS__PUBLISH_AHEAD", "2h");
    let warned = loaded(&[PRODUCTION.as_slice(), &[ahead]].concat());
    let warning = warned.warnings[0].to_string();
    assert!(warning.starts_with("keys.publish_ahead (environment"), "{warning}");
    assert!(warning.contains("API Gateway keeps keys for up to two hours"), "{warning}");
    assert!(loaded(&[ahead]).warnings.is_empty());
}
