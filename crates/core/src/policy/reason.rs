//! The words of a decision: closed lists that scripts rely on.
use std::fmt;

use serde::{Serialize, Serializer};

/// What is to be done with a lease in this cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Pay for another term now.
    Renew,
    /// Nothing yet, and nothing is wrong.
    Wait,
    /// Look on, alert before it lapses.
    Watch,
    /// Let it lapse.
    Release,
    /// Not renewd's affair.
    Ignore,
    /// It should be paid, and something stands against it.
    Hold,
}

impl Decision {
    /// Each of them.
    pub const ALL: [Self; 6] =
        [Self::Renew, Self::Wait, Self::Watch, Self::Release, Self::Ignore, Self::Hold];

    /// The word in JSON and tables.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Renew => "renew",
            Self::Wait => "wait",
            Self::Watch => "watch",
            Self::Release => "release",
            Self::Ignore => "ignore",
            Self::Hold => "hold",
        }
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident => $word:literal, $decision:ident;)*) => {
        /// The first word of a reason. Each belongs to exactly one decision (`Policy` to three).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Word { $($(#[$doc])* $name,)* }

        impl Word {
            /// Every word, for docs and tests.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];
            /// As people and scripts read it.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }
            /// The decision it stands for.
            #[must_use]
            pub fn decision(self) -> Decision {
                match self { $(Self::$name => Decision::$decision,)* }
            }
        }
    };
}

words! {
    /// Within `before` of its end.
    Due => "due", Renew;
    /// Earlier than `before`.
    NotDue => "not_due", Wait;
    /// Outside the policy's window.
    OutsideWindow => "window", Wait;
    /// The provider does not take renewals this early.
    NotRenewableYet => "not_renewable_yet", Wait;
    /// The provider's own auto-renewal pays for it, as its policy says; renewd watches.
    ProviderPays => "provider_pays", Wait;
    /// Over the guard's share or count of this cycle.
    FleetGuard => "fleet_guard", Wait;
    /// A failed attempt is not repeated yet.
    Backoff => "backoff", Wait;
    /// Paid; the new end is not in the list yet.
    Accepted => "accepted", Wait;
    /// No policy matches.
    NoPolicy => "no_policy", Watch;
    /// A policy says watch.
    WatchPolicy => "policy", Watch;
    /// A policy says release.
    ReleasePolicy => "policy", Release;
    /// Its end is on or after `until`.
    PastUntil => "past_until", Release;
    /// A policy says ignore.
    IgnorePolicy => "policy", Ignore;
    /// The balance does not cover it.
    ShortFunds => "short_funds", Hold;
    /// A budget does not cover it.
    OverBudget => "over_budget", Hold;
    /// Dearer than `max_price`.
    PriceCap => "price_cap", Hold;
    /// Dearer than the last time by more than `max_price_jump`.
    PriceJump => "price_jump", Hold;
    /// A required promo code was not accepted.
    PromoInvalid => "promo_invalid", Hold;
    /// The provider warned in the quote.
    ProviderWarning => "provider_warning", Hold;
    /// The provider's own auto-renewal is on: two payers.
    ProviderOwns => "provider_owns", Hold;
    /// A payment of it (or of its order or address) is not settled.
    UnknownPending => "unknown_pending", Hold;
    /// A payment of it needs a person's word.
    NeedsOperator => "needs_operator", Hold;
    /// The account's inventory shrank beyond belief.
    Shrunk => "shrunk", Hold;
    /// Its record cannot be read.
    Unparsable => "unparsable", Hold;
    /// Spending is paused.
    Paused => "paused", Hold;
    /// The account cannot be read.
    AccountDown => "account_down", Hold;
    /// None of the policy's periods is offered.
    PeriodNotOffered => "period_not_offered", Hold;
    /// The order's billing cycle is not the policy's.
    CycleDiffers => "cycle_differs", Hold;
    /// The provider gave no quote.
    QuoteError => "quote_error", Hold;
    /// The quote has a field that cannot be read.
    QuoteUnreadable => "quote_unreadable", Hold;
    /// The quote is in another currency than before.
    CurrencyChanged => "currency_changed", Hold;
    /// The provider refused the payment.
    Refused => "refused", Hold;
    /// Its end is older than one that a confirmed payment brought.
    Stale => "stale", Hold;
    /// Past its end: never paid by itself.
    Lapsed => "lapsed", Hold;
    /// Leases that are paid together have different decisions.
    BundleSplit => "bundle_split", Hold;
    /// The order is in a state that nobody knows.
    OrderState => "order_state", Hold;
    /// What is known of the account contradicts what the config says, or its list is a stranger's.
    AccountChanged => "account_changed", Hold;
    /// A renewd with another ledger on this machine pays with the same key.
    SecondRenewd => "second_renewd", Hold;
    /// The ledger was restored from a backup: until the account was read twice, a lag window apart.
    Restored => "restored", Hold;
    /// The provider took more than the policy allows, or twice in a row more than it quoted: until an operator's word.
    Overcharged => "overcharged", Hold;
    /// Its policy asks, and nobody has approved it yet.
    Approval => "approval", Hold;
    /// An operator keeps it like a policy that is not in the config, and its own would not renew it.
    KeepLost => "keep_lost", Hold;
    /// The clock cannot be trusted.
    Clock => "clock", Hold;
}

/// A word and the prose behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// For scripts.
    pub word: Word,
    /// For people.
    pub prose: String,
}

impl Reason {
    /// Puts the two together.
    #[must_use]
    pub fn new(word: Word, prose: impl Into<String>) -> Self {
        Self { word, prose: prose.into() }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.word.as_str(), self.prose)
    }
}

/// A text that begins with one of the words.
impl schemars::JsonSchema for Reason {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Reason".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let words: Vec<&str> = Word::ALL.iter().map(|word| word.as_str()).collect();
        schemars::json_schema!({
            "type": "string",
            "pattern": format!("^({}): ", words.join("|")),
            "description": "A word for scripts, a colon, and the reason for people."
        })
    }
}

impl Serialize for Reason {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
