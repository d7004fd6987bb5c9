//! The values of a statement, in the forms in which they are written down. Not responsible for how they are spelled.
use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, Value};

use super::error::Result;

/// Values by number.
pub(in crate::ledger) trait Params {
    /// Hands them to `f`, borrowed: nothing is copied for a file.
    fn hand<R>(self, f: impl FnOnce(&[&dyn ToSql]) -> R) -> R;
}

impl Params for &[&dyn ToSql] {
    fn hand<R>(self, f: impl FnOnce(&[&dyn ToSql]) -> R) -> R {
        f(self)
    }
}

/// `[]`.
impl Params for [&(dyn ToSql + Send + Sync); 0] {
    fn hand<R>(self, f: impl FnOnce(&[&dyn ToSql]) -> R) -> R {
        f(&[])
    }
}

macro_rules! arrays {
    ($($n:literal)*) => {$(
        impl<T: ToSql> Params for [T; $n] {
            fn hand<R>(self, f: impl FnOnce(&[&dyn ToSql]) -> R) -> R {
                f(&self.each_ref().map(|value| value as &dyn ToSql))
            }
        }
    )*};
}
arrays!(1 2 3 4 5);

macro_rules! tuples {
    ($($($name:ident)*;)*) => {$(
        impl<$($name: ToSql),*> Params for ($($name,)*) {
            #[allow(non_snake_case, reason = "a value is called by its type")]
            fn hand<R>(self, f: impl FnOnce(&[&dyn ToSql]) -> R) -> R {
                let ($($name,)*) = &self;
                f(&[$($name as &dyn ToSql),*])
            }
        }
    )*};
}
tuples! { A B; A B C; A B C D; }

/// As many as there are.
pub(in crate::ledger) struct Listed<I>(I);

/// The values of a list, in its order.
pub(in crate::ledger) fn params_from_iter<I>(values: I) -> Listed<I>
where
    I: IntoIterator,
    I::Item: ToSql,
{
    Listed(values)
}

impl<I> Params for Listed<I>
where
    I: IntoIterator,
    I::Item: ToSql,
{
    fn hand<R>(self, f: impl FnOnce(&[&dyn ToSql]) -> R) -> R {
        let values: Vec<I::Item> = self.0.into_iter().collect();
        let values: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
        f(&values)
    }
}

/// The values as they travel.
pub(super) fn owned(values: &[&dyn ToSql]) -> Result<Vec<Value>> {
    let one = |value: &&dyn ToSql| -> Result<Value> {
        Ok(match value.to_sql()? {
            ToSqlOutput::Owned(value) => value,
            ToSqlOutput::Borrowed(value) => {
                Value::try_from(value).map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?
            }
            _ => return Err(rusqlite::Error::InvalidQuery.into()),
        })
    };
    values.iter().map(one).collect()
}
