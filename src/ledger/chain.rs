//! The hash chain over payments, as its readers see it: where it stands, and whether it holds.
//!
//! It shows what was edited, removed, reordered or added past renewd. Who recomputes all of it is found only by a head that somebody
//! kept, such as that of an older digest mail. Not responsible for how links are made (`sqlite/chain.rs`). Reads only.
use crate::hex::hex;

use super::LedgerError;

/// A link's hash.
pub type LinkHash = [u8; 32];

/// The newest link: the chain's length and what stands for all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainHead {
    /// How many rows are linked.
    pub rows: usize,
    /// The newest hash.
    pub hash: LinkHash,
}

impl ChainHead {
    /// The hash as people compare it.
    #[must_use]
    pub fn digits(&self) -> String {
        hex(&self.hash)
    }
}

/// The first row that does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// Its place in the chain; `None` where it has none.
    pub row: Option<usize>,
    /// The payment that it is of.
    pub payment: String,
    /// Which row of it.
    pub what: String,
    /// What is wrong.
    pub why: &'static str,
}

/// What recomputing the chain showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChainReport {
    /// The newest link that was reached and fits.
    pub head: Option<ChainHead>,
    /// So many of the first rows are older than the chain: their links were made later, and say nothing of what was before.
    pub late: usize,
    /// Rows that are older than the chain wait for their links.
    pub pending: bool,
    /// The place of the hash that was asked for.
    pub found: Option<usize>,
    /// Nothing behind it was looked at.
    pub misfit: Option<Misfit>,
}

/// The hash chain over payments. Each call is one snapshot.
pub trait Chain {
    /// The newest link; `None` before the first payment.
    fn chain_head(&self) -> Result<Option<ChainHead>, LedgerError>;
    /// Recomputes every link from the rows as they are stored, and looks for a head that was seen earlier.
    fn verify_chain(&self, seen: Option<&LinkHash>) -> Result<ChainReport, LedgerError>;
}
