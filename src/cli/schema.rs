//! `renewd schema`: the JSON Schema of a document, on stdout. Reads nothing.
use crate::exit::Exit;
use crate::views::Document;

use super::output;

pub(super) fn schema(document: Document) -> Exit {
    output::json(&document.schema());
    Exit::Done
}
