//! Lists of documents that are made while they are written: none is ever whole in memory. Not responsible for what is in them.
use std::cell::{Cell, RefCell};
use std::io::Write;
use std::rc::Rc;

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use crate::ledger::LedgerError;

/// Why a document was not written to its end.
#[derive(Debug)]
pub enum Unwritten {
    /// The ledger could not be read.
    Ledger(LedgerError),
    /// Nobody takes it.
    Output(std::io::Error),
}

/// A list, and why it broke off.
pub(super) struct Streamed<I> {
    items: RefCell<I>,
    trouble: Rc<Cell<Option<LedgerError>>>,
}

impl<T: Serialize, I: Iterator<Item = Result<T, LedgerError>>> Serialize for Streamed<I> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for item in &mut *self.items.borrow_mut() {
            match item {
                Ok(item) => list.serialize_element(&item)?,
                Err(e) => {
                    self.trouble.set(Some(e));
                    return Err(serde::ser::Error::custom("the ledger cannot be read"));
                }
            }
        }
        list.end()
    }
}

/// Writes the document that holds this list, for people to read or in as few bytes as it takes.
///
/// # Errors
/// The ledger's, or the output's.
pub(super) fn write<I, D: Serialize>(
    items: I,
    out: impl Write,
    for_people: bool,
    document: impl FnOnce(Streamed<I>) -> D,
) -> Result<(), Unwritten> {
    let trouble = Rc::new(Cell::new(None));
    let document = document(Streamed { items: RefCell::new(items), trouble: Rc::clone(&trouble) });
    let written = match for_people {
        true => serde_json::to_writer_pretty(out, &document),
        false => serde_json::to_writer(out, &document),
    };
    written.map_err(|e| trouble.take().map_or_else(|| Unwritten::Output(e.into()), Unwritten::Ledger))
}
