//! Writing the attributes of an item.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::Timestamp;

use crate::row::Item;
use crate::table::{Kind, TTL, shard_of, ttl_of};

/// Attributes by name; those with no value are absent, or go.
#[derive(Clone, Default)]
pub(crate) struct Fields(pub(crate) Vec<(&'static str, Option<AttributeValue>)>);

impl Fields {
    pub(crate) fn with(mut self, name: &'static str, value: AttributeValue) -> Self {
        self.0.push((name, Some(value)));
        self
    }

    pub(crate) fn maybe(mut self, name: &'static str, value: Option<AttributeValue>) -> Self {
        self.0.push((name, value));
        self
    }

    /// These and those.
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Where the index of moments finds the item: `name` is what it is told by.
    pub(crate) fn due(self, kind: Kind, name: &str, at: Timestamp) -> Self {
        self.with("GSI1PK", text(kind.partition(shard_of(name)))).with("GSI1SK", moment(at))
    }

    /// Where the index of lists finds the item.
    pub(crate) fn listed(self, list: String, name: &str) -> Self {
        self.with("GSI2PK", text(list)).with("GSI2SK", text(name))
    }

    /// When the item expires, and when the time to live may take it.
    pub(crate) fn expiring(self, at: Timestamp, kept: std::time::Duration) -> Self {
        self.with("expires_at_ms", moment(at)).with(TTL, number(ttl_of(at, kept)))
    }

    /// The item that has these attributes besides its key.
    pub(crate) fn item(self, key: Item) -> Item {
        let present =
            |(name, value): (&str, Option<_>)| value.map(|value| (name.to_owned(), value));
        key.into_iter().chain(self.0.into_iter().filter_map(present)).collect()
    }
}

pub(crate) fn text(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

pub(crate) fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

pub(crate) fn counter(count: u64) -> AttributeValue {
    AttributeValue::N(count.to_string())
}

pub(crate) fn moment(at: Timestamp) -> AttributeValue {
    number(at.unix_ms())
}

pub(crate) fn bytes(bytes: &[u8]) -> AttributeValue {
    AttributeValue::B(Blob::new(bytes))
}

pub(crate) fn texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> AttributeValue {
    AttributeValue::L(texts.into_iter().map(text).collect())
}
