//! Tables that are missing, half made, or not ours.

use std::error::Error as _;

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, TimeToLiveSpecification,
};
use contracts::{Probe, StoreError, UserStore};
use storage_dynamodb::{DynamoStorage, migrate, pending};

use crate::place::Place;

/// What opening a table says, if it does not open.
async fn refusal(place: &Place) -> StoreError {
    let opened = DynamoStorage::open(&place.table, &place.config).await;
    opened.err().expect("the table was opened")
}

fn words(error: &StoreError) -> String {
    error.source().unwrap().to_string()
}

fn key(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap()
}

fn index(name: &str) -> GlobalSecondaryIndex {
    let everything = Projection::builder().projection_type(ProjectionType::All).build();
    GlobalSecondaryIndex::builder()
        .index_name(name)
        .key_schema(key(&format!("{name}PK"), KeyType::Hash))
        .key_schema(key(&format!("{name}SK"), KeyType::Range))
        .projection(everything)
        .build()
        .unwrap()
}

/// A table as infrastructure code makes it, with those indexes and that type of `GSI1SK`.
async fn make(place: &Place, indexes: &[&str], moments: ScalarAttributeType) {
    let mut request = place
        .client()
        .create_table()
        .table_name(&place.table)
        .billing_mode(BillingMode::PayPerRequest)
        .key_schema(key("PK", KeyType::Hash))
        .key_schema(key("SK", KeyType::Range));
    let mut attributes = vec![("PK".to_owned(), ScalarAttributeType::S)];
    attributes.push(("SK".to_owned(), ScalarAttributeType::S));
    for name in indexes {
        let sort = if *name == "GSI1" { moments.clone() } else { ScalarAttributeType::S };
        attributes.push((format!("{name}PK"), ScalarAttributeType::S));
        attributes.push((format!("{name}SK"), sort));
        request = request.global_secondary_indexes(index(name));
    }
    for (name, kind) in attributes {
        let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(kind);
        request = request.attribute_definitions(attribute.build().unwrap());
    }
    request.send().await.unwrap();
}

#[tokio::test]
async fn a_missing_table_says_what_to_do() {
    let place = Place::new();
    let refused = refusal(&place).await;
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
    assert!(words(&refused).contains("doorward migrate"), "{refused:?}");
    assert!(words(&refused).contains(&place.table), "{refused:?}");
}

#[tokio::test]
async fn a_table_is_made_once() {
    let place = Place::new();
    for _ in 0..2 {
        let steps = pending(&place.table, &place.config).await.unwrap();
        assert_eq!(steps, ["table", "time to live", "roles"]);
    }
    let steps = migrate(&place.table, &place.config).await.unwrap();
    assert_eq!(steps, ["table", "time to live", "roles"]);
    assert_eq!(migrate(&place.table, &place.config).await.unwrap(), Vec::<&str>::new());
    assert_eq!(pending(&place.table, &place.config).await.unwrap(), Vec::<&str>::new());
    let store = place.open().await;
    store.check().await.unwrap();
    assert_eq!(store.list_roles().await.unwrap().len(), 3);
}

#[tokio::test]
async fn replicas_may_migrate_at_once() {
    let place = Place::new();
    let (one, other) =
        tokio::join!(migrate(&place.table, &place.config), migrate(&place.table, &place.config));
    one.unwrap();
    other.unwrap();
    place.open().await.check().await.unwrap();
}

#[tokio::test]
async fn a_table_made_by_infrastructure_code_lacks_only_what_is_in_it() {
    let place = Place::new();
    make(&place, &["GSI1", "GSI2"], ScalarAttributeType::N).await;
    assert_eq!(pending(&place.table, &place.config).await.unwrap(), ["time to live", "roles"]);
    let refused = refusal(&place).await;
    assert!(words(&refused).contains("doorward migrate"), "{refused:?}");
    migrate(&place.table, &place.config).await.unwrap();
    place.open().await.check().await.unwrap();
}

#[tokio::test]
async fn a_table_of_another_shape_is_refused() {
    let shapes: [(&[&str], ScalarAttributeType); 3] = [
        (&[], ScalarAttributeType::N),
        (&["GSI1"], ScalarAttributeType::N),
        (&["GSI1", "GSI2"], ScalarAttributeType::S),
    ];
    for (indexes, moments) in shapes {
        let place = Place::new();
        make(&place, indexes, moments).await;
        let refused = refusal(&place).await;
        assert!(matches!(refused, StoreError::Malformed { what: "table", .. }), "{refused:?}");
        assert!(migrate(&place.table, &place.config).await.is_err());
        assert!(pending(&place.table, &place.config).await.is_err());
    }
}

#[tokio::test]
async fn a_time_to_live_of_another_attribute_is_refused() {
    let place = Place::new();
    make(&place, &["GSI1", "GSI2"], ScalarAttributeType::N).await;
    let other = TimeToLiveSpecification::builder().attribute_name("expires_at_ms").enabled(true);
    let request = place.client().update_time_to_live().table_name(&place.table);
    request.time_to_live_specification(other.build().unwrap()).send().await.unwrap();
    let refused = pending(&place.table, &place.config).await.unwrap_err();
    assert!(words(&refused).contains("time to live"), "{refused:?}");
    assert!(migrate(&place.table, &place.config).await.is_err());
}

#[tokio::test]
async fn a_table_that_goes_away_is_unavailable() {
    let place = Place::with_table().await;
    let store = place.open().await;
    place.client().delete_table().table_name(&place.table).send().await.unwrap();
    let checked = store.check().await;
    assert!(matches!(checked, Err(StoreError::Unavailable(_))), "{checked:?}");
}
