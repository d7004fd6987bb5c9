//! Values on their way to a server and back: as the tables have them, text, integers and bytes.
use rusqlite::types::Value;
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use super::failure::Failure;

/// A value as the server takes it.
pub(super) type Given = Box<dyn ToSql + Sync + Send>;

/// The values of a statement, each spelled as its place wants it.
pub(super) fn given(values: &[Value], places: &[Type]) -> Result<Vec<Given>, Failure> {
    if values.len() != places.len() {
        return Err(unfit(format!(
            "{} values were given to a statement that takes {}",
            values.len(),
            places.len()
        )));
    }
    values.iter().zip(places).map(|(value, place)| spelled(value, place)).collect()
}

fn spelled(value: &Value, place: &Type) -> Result<Given, Failure> {
    let misfit = || unfit(format!("{} does not fit a place for {place}", value.data_type()));
    Ok(match (value, place) {
        (Value::Null, &Type::INT8) => Box::new(None::<i64>),
        (Value::Null, &Type::INT4) => Box::new(None::<i32>),
        (Value::Null, &Type::BOOL) => Box::new(None::<bool>),
        (Value::Null, &Type::BYTEA) => Box::new(None::<Vec<u8>>),
        (Value::Null, _) => Box::new(None::<String>),
        (Value::Integer(n), &Type::INT8) => Box::new(*n),
        (Value::Integer(n), &Type::INT4) => Box::new(i32::try_from(*n).map_err(|_| misfit())?),
        (Value::Integer(n), &Type::BOOL) => Box::new(*n != 0),
        // Conditions that are put together have values of one kind.
        (Value::Text(text), &Type::INT8) => Box::new(text.parse::<i64>().map_err(|_| misfit())?),
        // The server's texts hold everything but this.
        (Value::Text(text), &Type::TEXT) => Box::new(text.replace('\0', "\u{fffd}")),
        (Value::Blob(bytes), &Type::BYTEA) => Box::new(bytes.clone()),
        _ => return Err(misfit()),
    })
}

/// The values of a row.
pub(super) fn taken(row: &Row) -> Result<Vec<Value>, Failure> {
    (0..row.len()).map(|at| one(row, at)).collect()
}

fn one(row: &Row, at: usize) -> Result<Value, Failure> {
    let column = &row.columns()[at];
    let value = match *column.type_() {
        Type::INT8 => row.try_get::<_, Option<i64>>(at)?.map(Value::Integer),
        Type::INT4 => row.try_get::<_, Option<i32>>(at)?.map(|n| Value::Integer(n.into())),
        Type::BOOL => row.try_get::<_, Option<bool>>(at)?.map(|is| Value::Integer(is.into())),
        Type::TEXT | Type::VARCHAR | Type::NAME => row.try_get::<_, Option<String>>(at)?.map(Value::Text),
        Type::BYTEA => row.try_get::<_, Option<Vec<u8>>>(at)?.map(Value::Blob),
        ref other => {
            return Err(unfit(format!("column {} is of type {other}, which no ledger has", column.name())));
        }
    };
    Ok(value.unwrap_or(Value::Null))
}

/// Neither the server nor the network is to blame.
fn unfit(words: String) -> Failure {
    Failure::Refused(words)
}
