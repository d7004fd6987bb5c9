//! Several reads of one instant. Not responsible for what is read, or for how a ledger keeps the instant.
//!
//! A crash here has changed nothing.
use std::marker::PhantomData;

/// As long as this lives, all that its thread reads of the ledger is read of one snapshot, and the ledger's files are looked at once, at
/// its beginning: a pass reads some dozen things in a row, and a snapshot and a look for each took as long as the reading. What is
/// written meanwhile by the same thread ends it, so nobody decides on what he has changed himself; and as every write looks at the
/// files anew, nobody writes on what was read of files that are gone.
#[must_use]
pub struct Look<'a> {
    end: Option<Box<dyn FnOnce() + 'a>>,
    /// It stays on its thread, and so nothing is waited for while it lives.
    _on_its_thread: PhantomData<*const ()>,
}

impl<'a> Look<'a> {
    /// One that is ended in that way.
    pub(in crate::ledger) fn until(end: impl FnOnce() + 'a) -> Self {
        Self { end: Some(Box::new(end)), _on_its_thread: PhantomData }
    }

    /// Each read is one of its own.
    pub(in crate::ledger) fn each_alone() -> Self {
        Self { end: None, _on_its_thread: PhantomData }
    }
}

impl Drop for Look<'_> {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            end();
        }
    }
}
