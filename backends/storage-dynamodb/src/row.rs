//! Reading the attributes of an item.

use std::collections::HashMap;
use std::error::Error;

use aws_sdk_dynamodb::types::AttributeValue;
use contracts::StoreError;
use domain::{Timestamp, UserId};

use crate::failure::malformed;

/// An item as the SDK gives and takes it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// An item being read: each attribute by its name, which is also what a failure calls it.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a>(pub(crate) &'a Item);

impl<'a> Row<'a> {
    pub(crate) fn text(self, name: &'static str) -> Result<&'a str, StoreError> {
        self.optional_text(name)?.ok_or_else(|| malformed(name, "it is missing"))
    }

    pub(crate) fn optional_text(self, name: &'static str) -> Result<Option<&'a str>, StoreError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(AttributeValue::S(text)) => Ok(Some(text)),
            Some(_) => Err(malformed(name, "it is no text")),
        }
    }

    fn optional_number(self, name: &'static str) -> Result<Option<i64>, StoreError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(AttributeValue::N(digits)) => parsed(name, digits.parse()).map(Some),
            Some(_) => Err(malformed(name, "it is no number")),
        }
    }

    pub(crate) fn counter(self, name: &'static str) -> Result<u64, StoreError> {
        self.optional_counter(name)?.ok_or_else(|| malformed(name, "it is missing"))
    }

    pub(crate) fn optional_counter(self, name: &'static str) -> Result<Option<u64>, StoreError> {
        self.optional_number(name)?.map(|number| parsed(name, u64::try_from(number))).transpose()
    }

    pub(crate) fn small_counter(self, name: &'static str) -> Result<u32, StoreError> {
        parsed(name, u32::try_from(self.counter(name)?))
    }

    pub(crate) fn moment(self, name: &'static str) -> Result<Timestamp, StoreError> {
        self.optional_moment(name)?.ok_or_else(|| malformed(name, "it is missing"))
    }

    pub(crate) fn optional_moment(
        self,
        name: &'static str,
    ) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.optional_number(name)?.map(Timestamp::from_unix_ms))
    }

    pub(crate) fn flag(self, name: &'static str) -> Result<bool, StoreError> {
        match self.0.get(name) {
            Some(AttributeValue::Bool(flag)) => Ok(*flag),
            _ => Err(malformed(name, "it is no flag")),
        }
    }

    pub(crate) fn bytes(self, name: &'static str) -> Result<Box<[u8]>, StoreError> {
        self.optional_bytes(name)?.ok_or_else(|| malformed(name, "it is missing"))
    }

    pub(crate) fn optional_bytes(
        self,
        name: &'static str,
    ) -> Result<Option<Box<[u8]>>, StoreError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(AttributeValue::B(bytes)) => Ok(Some(bytes.as_ref().into())),
            Some(_) => Err(malformed(name, "it is no binary")),
        }
    }

    pub(crate) fn array<const N: usize>(self, name: &'static str) -> Result<[u8; N], StoreError> {
        let bytes = self.bytes(name)?;
        parsed(name, <[u8; N]>::try_from(&*bytes))
    }

    pub(crate) fn texts(self, name: &'static str) -> Result<Vec<&'a str>, StoreError> {
        match self.0.get(name) {
            Some(AttributeValue::L(list)) => list.iter().map(|text| element(name, text)).collect(),
            _ => Err(malformed(name, "it is no list")),
        }
    }

    /// A list of items; empty, if it is missing.
    pub(crate) fn items(self, name: &'static str) -> Result<Vec<&'a Item>, StoreError> {
        match self.0.get(name) {
            None => Ok(Vec::new()),
            Some(AttributeValue::L(list)) => list
                .iter()
                .map(|item| item.as_m().map_err(|_| malformed(name, "it lists what is no map")))
                .collect(),
            Some(_) => Err(malformed(name, "it is no list")),
        }
    }

    pub(crate) fn user(self, name: &'static str) -> Result<UserId, StoreError> {
        parsed(name, UserId::parse(self.text(name)?))
    }

    pub(crate) fn optional_user(self, name: &'static str) -> Result<Option<UserId>, StoreError> {
        self.optional_text(name)?.map(|text| parsed(name, UserId::parse(text))).transpose()
    }
}

fn element<'a>(name: &'static str, value: &'a AttributeValue) -> Result<&'a str, StoreError> {
    value.as_s().map(String::as_str).map_err(|_| malformed(name, "it lists what is no text"))
}

/// Turns what a parser of the domain says of a stored value into a failure of the store.
pub(crate) fn parsed<T, E>(what: &'static str, result: Result<T, E>) -> Result<T, StoreError>
where
    E: Error + Send + Sync + 'static,
{
    result.map_err(|source| StoreError::Malformed { what, source: source.into() })
}

/// Turns a name that the domain does not know into a failure of the store.
pub(crate) fn known<T>(what: &'static str, value: Option<T>) -> Result<T, StoreError> {
    value.ok_or_else(|| malformed(what, "an unknown name"))
}
