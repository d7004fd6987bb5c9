//! What hooks are told, as the ledger keeps it: events that wait for a program of the owner's. No SQL, and no program is run here.
use jiff::Timestamp;

use crate::domain::AccountName;

/// What a hook can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HookEvent {
    /// A payment was confirmed.
    Renewed,
    /// A lease's end passed unpaid, or it left the list, against its policy.
    Lost,
    /// A lease is gone as planned.
    Released,
    /// Another address stands under a lease's id.
    Replaced,
    /// People were told of an alert.
    Alert,
    /// People were told that it is over.
    Resolved,
    /// A cycle ended.
    Cycle,
}

impl HookEvent {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Renewed, Self::Lost, Self::Released, Self::Replaced, Self::Alert, Self::Resolved, Self::Cycle];

    /// The word in the config, in the ledger and in the event itself.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Renewed => "renewed",
            Self::Lost => "lost",
            Self::Released => "released",
            Self::Replaced => "replaced",
            Self::Alert => "alert",
            Self::Resolved => "resolved",
            Self::Cycle => "cycle",
        }
    }

    /// What that word says.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|e| e.as_str() == word)
    }
}

/// Which events a hook of the config is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The hook's name.
    pub hook: String,
    /// Its events, each once.
    pub events: Vec<HookEvent>,
}

/// Something that hooks are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// What kind of thing.
    pub event: HookEvent,
    /// The same for the same thing, however often it is told.
    pub id: String,
    /// When it happened, or was seen.
    pub at: Timestamp,
    /// A JSON object: what there is to say beyond event, id and time.
    pub body: String,
    /// A thing that many passes see and that is told once: it is known under this account and `id`.
    pub once_of: Option<AccountName>,
    /// This hook is not told: it is about that hook's own trouble.
    pub not_for: Option<String>,
}

/// An event that waits for a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingEvent {
    /// Its row.
    pub row: i64,
    /// What kind of thing.
    pub event: String,
    /// Stable over repeats.
    pub id: String,
    /// The whole JSON document.
    pub document: String,
    /// When it was queued.
    pub queued_at: Timestamp,
    /// When it was first tried; `None` before.
    pub first_tried_at: Option<Timestamp>,
    /// Failed attempts so far.
    pub attempts: u32,
    /// Not tried before.
    pub next_at: Timestamp,
    /// The last event of this hook that came to an end was set aside, and none has gone through since.
    pub gave_up: bool,
}

/// How a hook stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HookState {
    /// Its name.
    pub hook: String,
    /// Events that wait for it.
    pub waiting: usize,
    /// When the oldest of them was queued.
    pub oldest: Option<Timestamp>,
    /// Since when the oldest is tried in vain; `None` where nothing fails.
    pub failing_since: Option<Timestamp>,
    /// How the last failed attempt of what waits, or was set aside last, came out.
    pub last_error: Option<String>,
    /// Events that were set aside: the id of each, and when. Newest last.
    pub aside: Vec<(String, Timestamp)>,
}
