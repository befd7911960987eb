//! How values become fields, and fields become what the domain knows. Moments are milliseconds
//! since the Unix epoch as integers, because a date holds fewer; ids are text as the API shows
//! them; what is absent has no field, because sparse indexes go by that.

use std::error::Error;

use contracts::{BoxError, StoreError};
use domain::{Timestamp, UserId};
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, Document};

/// Content that we never write.
pub(crate) fn malformed(what: &'static str, source: impl Into<BoxError>) -> StoreError {
    StoreError::Malformed { what, source: source.into() }
}

/// Turns what a parser of the domain says of a stored value into a failure of the store.
pub(crate) fn parsed<T, E>(what: &'static str, result: Result<T, E>) -> Result<T, StoreError>
where
    E: Error + Send + Sync + 'static,
{
    result.map_err(|source| malformed(what, source))
}

/// Turns a name that the domain does not know into a failure of the store.
pub(crate) fn known<T>(what: &'static str, value: Option<T>) -> Result<T, StoreError> {
    value.ok_or_else(|| malformed(what, "an unknown name"))
}

/// A counter as a field. None goes beyond what a signed integer holds.
pub(crate) fn counter(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Bytes as a field.
pub(crate) fn binary(bytes: &[u8]) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() })
}

/// Adds a field where there is a value.
pub(crate) fn put_some(document: &mut Document, name: &str, value: Option<impl Into<Bson>>) {
    if let Some(value) = value {
        document.insert(name, value);
    }
}

/// Fields by name, each of the type that it has to have.
pub(crate) struct Fields<'a>(pub(crate) &'a Document);

impl<'a> Fields<'a> {
    /// Whether there is such a field.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// A text.
    pub(crate) fn text(&self, name: &'static str) -> Result<&'a str, StoreError> {
        parsed(name, self.0.get_str(name))
    }

    /// A text that may be absent.
    pub(crate) fn optional_text(&self, name: &'static str) -> Result<Option<&'a str>, StoreError> {
        self.has(name).then(|| self.text(name)).transpose()
    }

    /// Texts in a list.
    pub(crate) fn texts(&self, name: &'static str) -> Result<Vec<&'a str>, StoreError> {
        let list = parsed(name, self.0.get_array(name))?;
        list.iter().map(|item| item.as_str().ok_or_else(|| malformed(name, "no text"))).collect()
    }

    /// A truth value.
    pub(crate) fn boolean(&self, name: &'static str) -> Result<bool, StoreError> {
        parsed(name, self.0.get_bool(name))
    }

    /// A moment.
    pub(crate) fn moment(&self, name: &'static str) -> Result<Timestamp, StoreError> {
        parsed(name, self.0.get_i64(name)).map(Timestamp::from_unix_ms)
    }

    /// A moment that may be absent.
    pub(crate) fn optional_moment(
        &self,
        name: &'static str,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.has(name).then(|| self.moment(name)).transpose()
    }

    /// A counter.
    pub(crate) fn counter(&self, name: &'static str) -> Result<u64, StoreError> {
        parsed(name, u64::try_from(parsed(name, self.0.get_i64(name))?))
    }

    /// A small counter.
    pub(crate) fn small_counter(&self, name: &'static str) -> Result<u32, StoreError> {
        parsed(name, u32::try_from(self.counter(name)?))
    }

    /// Bytes.
    pub(crate) fn bytes(&self, name: &'static str) -> Result<&'a [u8], StoreError> {
        parsed(name, self.0.get_binary_generic(name)).map(Vec::as_slice)
    }

    /// As many bytes as there have to be.
    pub(crate) fn array<const N: usize>(&self, name: &'static str) -> Result<[u8; N], StoreError> {
        parsed(name, <[u8; N]>::try_from(self.bytes(name)?))
    }

    /// Fields within a field, which may be absent.
    pub(crate) fn optional_fields(&self, name: &'static str) -> Result<Option<Self>, StoreError> {
        self.has(name).then(|| parsed(name, self.0.get_document(name)).map(Self)).transpose()
    }

    /// A user's id.
    pub(crate) fn user(&self, name: &'static str) -> Result<UserId, StoreError> {
        parsed(name, UserId::parse(self.text(name)?))
    }

    /// The id of a user who may be absent.
    pub(crate) fn optional_user(&self, name: &'static str) -> Result<Option<UserId>, StoreError> {
        self.has(name).then(|| self.user(name)).transpose()
    }
}
