//! An operation as data: statements with their parameters, and how to read a row. An engine runs
//! it; nothing here knows which.

use contracts::{BoxError, StoreError};
use domain::Timestamp;

/// A parameter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Integer(i64),
    Text(String),
    Bytes(Vec<u8>),
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Integer(value)
    }
}

/// Counters of ours start at zero and grow by one; none reaches the sign bit.
impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Integer(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Integer(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Integer(value.unix_ms())
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The text of a statement for each engine: the same wherever it can be. Where it cannot, both
/// stand side by side in `dialect.rs`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sql {
    pub(crate) sqlite: &'static str,
    pub(crate) postgres: &'static str,
}

impl From<&'static str> for Sql {
    fn from(shared: &'static str) -> Self {
        Self { sqlite: shared, postgres: shared }
    }
}

/// A statement with its parameters.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) sql: Sql,
    pub(crate) parameters: Vec<Value>,
    pub(crate) guard: Option<Guard>,
}

/// What a guard looks after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// The record that the operation is about: it must be there, as it was read.
    Record,
    /// A one-time code that the operation takes along.
    Code,
    /// A user name that nobody else may have.
    Username,
}

impl Statement {
    /// A statement; `$1` is the first of `parameters`, and they appear in their order, because
    /// `SQLite` numbers named parameters by their first appearance.
    pub(crate) fn new<const N: usize>(sql: impl Into<Sql>, parameters: [Value; N]) -> Self {
        let sql = sql.into();
        debug_assert!(parameters_appear_in_order(sql.sqlite, N), "{}", sql.sqlite);
        Self { sql, parameters: parameters.into(), guard: None }
    }

    /// Makes the statement a guard of the record: if it changes no row, the operation ends there
    /// and nothing of it remains.
    pub(crate) fn guard(self) -> Self {
        self.guard_of(Guard::Record)
    }

    /// Makes the statement a guard of something else.
    pub(crate) fn guard_of(mut self, what: Guard) -> Self {
        self.guard = Some(what);
        self
    }
}

fn parameters_appear_in_order(sql: &str, count: usize) -> bool {
    let mut seen = 0;
    let numbers = sql.split('$').skip(1).map(|rest| {
        rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<usize>()
    });
    for number in numbers {
        match number {
            Ok(next) if next == seen + 1 => seen = next,
            Ok(known) if known <= seen && known > 0 => {}
            _ => return false,
        }
    }
    seen == count
}

/// How a write ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// Every statement ran, and the result is durable.
    Done,
    /// A guard changed no row; nothing was written.
    Unmet(Guard),
    /// A uniqueness constraint refused, named by what the engine says of it; nothing was written.
    Conflict(String),
}

/// A column's value, borrowed from the engine's row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Column<'a> {
    Null,
    Integer(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

/// A row of some engine.
pub(crate) trait Columns {
    fn column(&self, index: usize) -> Result<Column<'_>, BoxError>;
}

/// Reads the columns of a row from left to right.
pub(crate) struct RowReader<'a> {
    columns: &'a dyn Columns,
    next: usize,
}

impl<'a> RowReader<'a> {
    pub(crate) fn new(columns: &'a dyn Columns) -> Self {
        Self { columns, next: 0 }
    }

    /// Goes to the column at `index`, counted from zero.
    pub(crate) fn skip_to(&mut self, index: usize) {
        self.next = index;
    }

    fn column(&mut self, what: &'static str) -> Result<Column<'a>, StoreError> {
        let index = self.next;
        self.next += 1;
        self.columns.column(index).map_err(|source| StoreError::Malformed { what, source })
    }

    pub(crate) fn optional_integer(
        &mut self,
        what: &'static str,
    ) -> Result<Option<i64>, StoreError> {
        match self.column(what)? {
            Column::Null => Ok(None),
            Column::Integer(value) => Ok(Some(value)),
            other => Err(unexpected(what, &other)),
        }
    }

    pub(crate) fn integer(&mut self, what: &'static str) -> Result<i64, StoreError> {
        self.optional_integer(what)?.ok_or_else(|| unexpected(what, &Column::Null))
    }

    pub(crate) fn optional_text(
        &mut self,
        what: &'static str,
    ) -> Result<Option<&'a str>, StoreError> {
        match self.column(what)? {
            Column::Null => Ok(None),
            Column::Text(value) => Ok(Some(value)),
            other => Err(unexpected(what, &other)),
        }
    }

    pub(crate) fn text(&mut self, what: &'static str) -> Result<&'a str, StoreError> {
        self.optional_text(what)?.ok_or_else(|| unexpected(what, &Column::Null))
    }

    pub(crate) fn bytes(&mut self, what: &'static str) -> Result<Box<[u8]>, StoreError> {
        self.optional_bytes(what)?.ok_or_else(|| unexpected(what, &Column::Null))
    }

    pub(crate) fn optional_bytes(
        &mut self,
        what: &'static str,
    ) -> Result<Option<Box<[u8]>>, StoreError> {
        match self.column(what)? {
            Column::Null => Ok(None),
            Column::Bytes(value) => Ok(Some(value.into())),
            other => Err(unexpected(what, &other)),
        }
    }

    pub(crate) fn array<const N: usize>(
        &mut self,
        what: &'static str,
    ) -> Result<[u8; N], StoreError> {
        let bytes = self.bytes(what)?;
        <[u8; N]>::try_from(bytes.as_ref())
            .map_err(|source| StoreError::Malformed { what, source: source.into() })
    }

    pub(crate) fn optional_counter(
        &mut self,
        what: &'static str,
    ) -> Result<Option<u64>, StoreError> {
        self.optional_integer(what)?
            .map(u64::try_from)
            .transpose()
            .map_err(|source| StoreError::Malformed { what, source: source.into() })
    }

    pub(crate) fn counter(&mut self, what: &'static str) -> Result<u64, StoreError> {
        self.optional_counter(what)?.ok_or_else(|| unexpected(what, &Column::Null))
    }

    pub(crate) fn moment(&mut self, what: &'static str) -> Result<Timestamp, StoreError> {
        self.integer(what).map(Timestamp::from_unix_ms)
    }

    pub(crate) fn optional_moment(
        &mut self,
        what: &'static str,
    ) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.optional_integer(what)?.map(Timestamp::from_unix_ms))
    }
}

fn unexpected(what: &'static str, found: &Column<'_>) -> StoreError {
    let kind = match found {
        Column::Null => "null",
        Column::Integer(_) => "a number",
        Column::Text(_) => "text",
        Column::Bytes(_) => "bytes",
    };
    StoreError::Malformed { what, source: format!("unexpected {kind}").into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_must_appear_in_their_order() {
        assert!(parameters_appear_in_order("WHERE a = $1 AND b = $2 OR c = $1", 2));
        assert!(!parameters_appear_in_order("WHERE a = $2 AND b = $1", 2));
        assert!(!parameters_appear_in_order("WHERE a = $1", 2));
        assert!(!parameters_appear_in_order("WHERE a = $1 AND b = $2", 1));
    }
}
