//! Our values on the wire.

use bytes::BytesMut;
use contracts::BoxError;
use tokio_postgres::Row;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::statement::{Column, Columns, Value};

impl Value {
    /// What the server is told of the parameter, so that it never has to guess from a sum or a
    /// comparison. The type of what is absent follows from its column.
    pub(super) const fn postgres_type(&self) -> Type {
        match self {
            Self::Null => Type::UNKNOWN,
            Self::Bool(_) => Type::BOOL,
            Self::Integer(_) => Type::INT8,
            Self::Text(_) => Type::TEXT,
            Self::Bytes(_) => Type::BYTEA,
        }
    }
}

impl ToSql for Value {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, BoxError> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Bool(value) => value.to_sql(&Type::BOOL, out),
            Self::Integer(value) => value.to_sql(&Type::INT8, out),
            Self::Text(value) => value.to_sql(&Type::TEXT, out),
            Self::Bytes(value) => value.to_sql(&Type::BYTEA, out),
        }
    }

    /// Every column has the type of its values, and an absent one fits any.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A row as the shared reading code sees it.
pub(super) struct PostgresRow<'a>(pub(super) &'a Row);

impl Columns for PostgresRow<'_> {
    fn column(&self, index: usize) -> Result<Column<'_>, BoxError> {
        let kind = self.0.columns().get(index).ok_or("a row that is too short")?.type_();
        let column = match *kind {
            Type::BOOL => {
                self.0.try_get::<_, Option<bool>>(index)?.map(i64::from).map(Column::Integer)
            }
            Type::INT4 => {
                self.0.try_get::<_, Option<i32>>(index)?.map(i64::from).map(Column::Integer)
            }
            Type::INT8 => self.0.try_get::<_, Option<i64>>(index)?.map(Column::Integer),
            Type::TEXT => self.0.try_get::<_, Option<&str>>(index)?.map(Column::Text),
            Type::BYTEA => self.0.try_get::<_, Option<&[u8]>>(index)?.map(Column::Bytes),
            ref other => return Err(format!("a column of type {other}").into()),
        };
        Ok(column.unwrap_or(Column::Null))
    }
}
