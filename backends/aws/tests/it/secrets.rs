//! References, and how long an answer holds.

use std::sync::Arc;
use std::time::Duration;

use aws::AwsSecrets;
use aws_sdk_secretsmanager::primitives::Blob;
use aws_sdk_ssm::types::ParameterType;
use contracts::{ReadSecretError, SecretRef, SecretSource};
use secrecy::ExposeSecret as _;
use servers::{AwsProxy, Fate};

use crate::fixtures::{
    Always, HIDDEN, TestClock, clients, config, name, other, put, secret, server, shown,
};

/// Secrets behind a network of their own.
pub(crate) struct Place {
    pub(crate) proxy: AwsProxy,
    pub(crate) clock: TestClock,
    pub(crate) secrets: AwsSecrets,
}

impl Place {
    pub(crate) fn open() -> Self {
        Self::with_jitter(0x80)
    }

    fn with_jitter(byte: u8) -> Self {
        let (proxy, clock) = (AwsProxy::open(&server()).unwrap(), TestClock::new());
        let clients = clients(&proxy);
        let secrets = AwsSecrets::new(clients, Arc::new(clock.clone()), Arc::new(Always(byte)));
        Self { proxy, clock, secrets }
    }
}

pub(crate) fn manager(name: &str) -> SecretRef {
    SecretRef { source: "aws-sm".to_owned(), name: name.to_owned(), json_key: None }
}

fn member(of: &SecretRef, key: &str) -> SecretRef {
    SecretRef { json_key: Some(key.to_owned()), ..of.clone() }
}

pub(crate) async fn read(source: &dyn SecretSource, reference: &SecretRef) -> String {
    source.read_secret(reference).await.unwrap().expose_secret().to_owned()
}

async fn parameter(kind: ParameterType, value: &str) -> SecretRef {
    let name = format!("/{}/value", name());
    let client = aws_sdk_ssm::Client::new(&config(&server()));
    client.put_parameter().name(&name).value(value).r#type(kind).send().await.unwrap();
    SecretRef { source: "aws-ssm".to_owned(), name, json_key: None }
}

#[tokio::test]
async fn a_secret_is_read_by_its_name_and_by_its_arn() {
    let place = Place::open();
    let name = secret("s3cr3t one").await;
    let arn = other().describe_secret().secret_id(&name).send().await.unwrap().arn.unwrap();
    assert_eq!(read(&place.secrets, &manager(&name)).await, "s3cr3t one");
    assert_eq!(read(&place.secrets, &manager(&arn)).await, "s3cr3t one");
}

#[tokio::test]
async fn a_parameter_is_read_and_decrypted() {
    let place = Place::open();
    for kind in [ParameterType::String, ParameterType::SecureString] {
        let reference = parameter(kind, "s3cr3t two").await;
        assert_eq!(read(&place.secrets, &reference).await, "s3cr3t two");
    }
}

#[tokio::test]
async fn members_of_one_object_are_read_with_one_request() {
    let place = Place::open();
    let text = r#"{"username":"door","password":"s3cr3t\u0021","port":5432}"#;
    let whole = manager(&secret(text).await);
    assert_eq!(read(&place.secrets, &member(&whole, "username")).await, "door");
    assert_eq!(read(&place.secrets, &member(&whole, "password")).await, "s3cr3t!");
    let absent = place.secrets.read_secret(&member(&whole, "none")).await.unwrap_err();
    assert!(matches!(absent, ReadSecretError::Missing(_)), "{absent:?}");
    let number = place.secrets.read_secret(&member(&whole, "port")).await.unwrap_err();
    assert!(shown(&number).contains("the member of the JSON object is not a text"));
    assert_eq!(place.proxy.operations(), ["GetSecretValue"]);

    let parameter = parameter(ParameterType::SecureString, text).await;
    assert_eq!(read(&place.secrets, &member(&parameter, "password")).await, "s3cr3t!");
}

#[tokio::test]
async fn what_is_not_there_is_missing() {
    let place = Place::open();
    let empty = name();
    other().create_secret().name(&empty).send().await.unwrap();
    let absent = SecretRef { source: "aws-ssm".into(), name: "/none".into(), json_key: None };
    for reference in [manager(&name()), manager(&empty), absent] {
        let error = place.secrets.read_secret(&reference).await.unwrap_err();
        assert!(matches!(error, ReadSecretError::Missing(_)), "{error:?}");
    }
}

#[tokio::test]
async fn other_sources_are_not_opened_here() {
    let place = Place::open();
    let reference = SecretRef { source: "env".to_owned(), ..manager("HOME") };
    let error = place.secrets.read_secret(&reference).await.unwrap_err();
    assert!(matches!(error, ReadSecretError::UnknownSource(_)));
}

#[tokio::test]
async fn what_cannot_be_used_fails_without_being_shown() {
    let place = Place::open();
    let text = manager(&secret("s3cr3t, and no JSON").await);
    let error = place.secrets.read_secret(&member(&text, "key")).await.unwrap_err();
    assert!(shown(&error).contains("it is not a JSON object"));

    let binary = name();
    let bytes = Blob::new(HIDDEN);
    other().create_secret().name(&binary).secret_binary(bytes).send().await.unwrap();
    let error = place.secrets.read_secret(&manager(&binary)).await.unwrap_err();
    assert!(shown(&error).contains("it is binary, not a text"));

    let long = manager(&secret(&HIDDEN.repeat(11_000)).await);
    let error = place.secrets.read_secret(&long).await.unwrap_err();
    assert!(shown(&error).contains("it is longer than 65536 bytes"));
}

#[tokio::test]
async fn a_refusal_names_the_code_of_aws() {
    let place = Place::open();
    place.proxy.next("GetSecretValue", Fate::Refused(400, "AccessDeniedException"));
    let error = place.secrets.read_secret(&manager("any")).await.unwrap_err();
    assert!(matches!(error, ReadSecretError::Failed { .. }));
    assert!(shown(&error).contains("AccessDeniedException"));

    place.proxy.next("GetSecretValue", Fate::Babble(r#"{"SecretString":"s3cr3t" s3cr3t"#));
    let error = place.secrets.read_secret(&manager("other")).await.unwrap_err();
    let words = shown(&error);
    assert!(words.contains("the answer is not one of AWS"), "{words}");
}

#[tokio::test]
async fn an_answer_is_fresh_for_five_minutes_give_or_take_a_tenth() {
    for (byte, fresh) in [(0, 270), (0x80, 300), (0xff, 330)] {
        let place = Place::with_jitter(byte);
        let reference = manager(&secret("old").await);
        assert_eq!(read(&place.secrets, &reference).await, "old");
        put(&reference.name, "new").await;
        place.clock.advance(Duration::from_secs(fresh - 1));
        assert_eq!(read(&place.secrets, &reference).await, "old");
        place.clock.advance(Duration::from_secs(2));
        assert_eq!(read(&place.secrets, &reference).await, "new");
        assert_eq!(place.proxy.operations().len(), 2);
    }
}

#[tokio::test]
async fn a_clock_that_is_set_back_keeps_nothing_fresh() {
    let place = Place::open();
    let reference = manager(&secret("old").await);
    assert_eq!(read(&place.secrets, &reference).await, "old");
    put(&reference.name, "new").await;
    place.clock.set_back(Duration::from_hours(24));
    assert_eq!(read(&place.secrets, &reference).await, "new");
}

async fn sixty_four_read(source: impl SecretSource + Clone + 'static, reference: &SecretRef) {
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let (source, reference) = (source.clone(), reference.clone());
        readers.spawn(async move { read(&source, &reference).await });
    }
    assert!(readers.join_all().await.iter().all(|secret| secret == "s3cr3t"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_readers_make_one_request() {
    let place = Place::open();
    let reference = manager(&secret("s3cr3t").await);
    sixty_four_read(place.secrets.clone(), &reference).await;
    assert_eq!(place.proxy.operations().len(), 1);
    place.clock.advance(Duration::from_mins(6));
    sixty_four_read(place.secrets.clone(), &reference).await;
    assert_eq!(place.proxy.operations().len(), 1);
    place.clock.advance(Duration::from_secs(1));
    sixty_four_read(place.secrets.again(), &reference).await;
    assert_eq!(place.proxy.operations().len(), 1);
}

#[tokio::test]
async fn reading_again_passes_the_cache_by_at_most_once_a_second() {
    let place = Place::open();
    let again = place.secrets.again();
    let reference = manager(&secret("first").await);
    assert_eq!(read(&place.secrets, &reference).await, "first");
    put(&reference.name, "second").await;
    assert_eq!(read(&again, &reference).await, "first");
    place.clock.advance(Duration::from_secs(1));
    assert_eq!(read(&place.secrets, &reference).await, "first");
    assert_eq!(read(&again, &reference).await, "second");
    assert_eq!(read(&place.secrets, &reference).await, "second");

    put(&reference.name, "third").await;
    place.clock.advance(Duration::from_millis(999));
    assert_eq!(read(&again, &reference).await, "second");
    place.clock.advance(Duration::from_millis(1));
    assert_eq!(read(&again, &reference).await, "third");
    assert_eq!(place.proxy.operations().len(), 3);
}
