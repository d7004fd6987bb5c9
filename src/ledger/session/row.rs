//! A row of an answer, and the values in it. Not responsible for what they mean: that is `column`.
use std::cell::{Cell, RefCell};

use rusqlite::types::{FromSql, Value, ValueRef};

use super::error::{Error, Result};

/// One row.
#[derive(Clone, Copy)]
pub(in crate::ledger) enum Row<'a> {
    /// As SQLite holds it.
    File {
        /// Itself.
        row: &'a rusqlite::Row<'a>,
        /// What the rows before it were asked for.
        places: &'a Places,
    },
    /// As a server sent it.
    Server {
        /// The names of the columns.
        names: &'a [String],
        /// Their values.
        values: &'a [Value],
    },
}

/// Where the columns of one answer stand, by the names that they were asked by. SQLite compares a name with those of all columns,
/// for each value of each row anew, and that took longer than reading the values.
#[derive(Debug, Default)]
pub(in crate::ledger) struct Places {
    asked: RefCell<Vec<(&'static str, usize)>>,
    /// Every row is read in the same order: what is asked next is what was asked next before.
    next: Cell<usize>,
}

impl Places {
    fn of(&self, name: &'static str, row: &rusqlite::Row<'_>) -> rusqlite::Result<usize> {
        let mut asked = self.asked.borrow_mut();
        let next = self.next.get();
        let known = match asked.get(next) {
            Some((known, _)) if *known == name => Some(next),
            _ => asked.iter().position(|(known, _)| *known == name),
        };
        let at = match known {
            Some(at) => at,
            None => {
                asked.push((name, row.as_ref().column_index(name)?));
                asked.len() - 1
            }
        };
        self.next.set(at + 1);
        Ok(asked[at].1)
    }
}

/// By what a column is asked for: its place, or its name.
pub(in crate::ledger) trait Column: Copy {
    /// Its place in a row of a file.
    fn in_file(self, row: &rusqlite::Row<'_>, places: &Places) -> rusqlite::Result<usize>;
    /// Its place among these.
    fn place(self, names: &[String]) -> Option<usize>;
}

impl Column for usize {
    fn in_file(self, _: &rusqlite::Row<'_>, _: &Places) -> rusqlite::Result<usize> {
        Ok(self)
    }

    fn place(self, names: &[String]) -> Option<usize> {
        (self < names.len()).then_some(self)
    }
}

impl Column for &'static str {
    fn in_file(self, row: &rusqlite::Row<'_>, places: &Places) -> rusqlite::Result<usize> {
        places.of(self, row)
    }

    fn place(self, names: &[String]) -> Option<usize> {
        names.iter().position(|name| name == self)
    }
}

impl<'a> Row<'a> {
    /// A value.
    pub fn get<I: Column, T: FromSql>(&self, column: I) -> Result<T> {
        match self {
            Self::File { row, places } => Ok(row.get(column.in_file(row, places)?)?),
            Self::Server { .. } => {
                let value = self.get_ref(column)?;
                T::column_result(value).map_err(|e| self.bad(column, &e.to_string()))
            }
        }
    }

    /// A value as it is.
    pub fn get_ref(&self, column: impl Column) -> Result<ValueRef<'a>> {
        match self {
            Self::File { row, places } => Ok(row.get_ref(column.in_file(row, places)?)?),
            Self::Server { names, values } => {
                let value = column.place(names).and_then(|at| values.get(at));
                value.map(ValueRef::from).ok_or_else(|| self.bad(column, "nothing: it was not asked for"))
            }
        }
    }

    /// A text, borrowed.
    pub fn text(&self, column: impl Column) -> Result<&'a str> {
        self.get_ref(column)?.as_str().map_err(|e| self.bad(column, &e.to_string()))
    }

    /// How many columns it has.
    pub fn width(&self) -> usize {
        match self {
            Self::File { row, .. } => row.as_ref().column_count(),
            Self::Server { values, .. } => values.len(),
        }
    }

    /// The name of the column at that place.
    pub fn name(&self, at: usize) -> &str {
        let name = match self {
            Self::File { row, .. } => row.as_ref().column_name(at).ok(),
            Self::Server { names, .. } => names.get(at).map(String::as_str),
        };
        name.unwrap_or("?")
    }

    /// It holds what nobody can read.
    pub fn bad(&self, column: impl Column, what: &str) -> Error {
        let at = match self {
            Self::File { row, places } => column.in_file(row, places).ok(),
            Self::Server { names, .. } => column.place(names),
        };
        Error::Column { name: at.map_or("?", |at| self.name(at)).to_owned(), what: what.to_owned() }
    }
}
