//! The contract suite on a server of `DynamoDB`, and what only a table can do wrong.

#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail like tests")]

mod expiry;
mod fates;
mod fixtures;
mod lost_answers;
mod lost_sign_ins;
mod outages;
mod place;
mod schema;
mod second_factor;
mod torn_reads;
mod volume;

use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use contract_tests::{Backend, Dump, Legible};
use place::Place;

/// An empty table of one's own, which goes with the backend.
async fn open() -> Backend {
    let place = Place::with_table().await;
    Backend::new(place.open().await, place)
}

/// The same, with all attributes of all items.
async fn open_legible() -> Legible {
    let place = Arc::new(Place::with_table().await);
    let backend = Backend::new(place.open().await, Arc::clone(&place));
    let dump = move || {
        let place = Arc::clone(&place);
        let all: Dump = Box::pin(async move {
            let items = place.items().await;
            items.iter().flat_map(|item| item.iter().flat_map(attribute)).collect()
        });
        all
    };
    Legible { backend, dump: Box::new(dump) }
}

/// Name and value, with something after each that no secret has.
fn attribute((name, value): (&String, &AttributeValue)) -> Vec<u8> {
    [name.as_bytes(), &value_bytes(value)].join(&b'\0')
}

fn value_bytes(value: &AttributeValue) -> Vec<u8> {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.as_bytes().to_vec(),
        AttributeValue::B(bytes) => bytes.as_ref().to_vec(),
        AttributeValue::L(list) => list.iter().flat_map(value_bytes).collect(),
        AttributeValue::M(map) => map.iter().flat_map(attribute).collect(),
        AttributeValue::Bool(_) => Vec::new(),
        other => panic!("{other:?}"),
    }
}

contract_tests::all!(open);
contract_tests::at_rest_tests!(open_legible);
