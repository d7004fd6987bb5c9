//! Every metric there is: its name, kind, labels and meaning. `docs/metrics.md` is held to this list and to what is served.
//!
//! Not responsible for values. A name that is in use keeps its meaning.
use prometheus_client::metrics::MetricType;

/// What a family's numbers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Only grows, until a restart.
    Counter,
    /// Grows, but for what moves from one label's number to another's: neither of the two above.
    Untyped,
    /// Counts by size.
    Histogram,
}

impl Kind {
    /// The word in the older text format.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gauge => "gauge",
            Self::Counter => "counter",
            Self::Untyped => "untyped",
            Self::Histogram => "histogram",
        }
    }

    pub(super) fn openmetrics(self) -> MetricType {
        match self {
            Self::Gauge => MetricType::Gauge,
            Self::Counter => MetricType::Counter,
            Self::Untyped => MetricType::Unknown,
            Self::Histogram => MetricType::Histogram,
        }
    }
}

/// A family of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// Behind `renewd_`, as people write it in queries; of a counter with `_total`.
    pub name: &'static str,
    /// What its numbers are.
    pub kind: Kind,
    /// Names of its labels.
    pub labels: &'static [&'static str],
    /// What it says, in a sentence without its full stop.
    pub help: &'static str,
}

const fn gauge(name: &'static str, labels: &'static [&'static str], help: &'static str) -> Family {
    Family { name, kind: Kind::Gauge, labels, help }
}

/// Every family, in the order in which they are served.
pub const FAMILIES: &[Family] = &[
    gauge("build_info", &["version", "commit"], "Always 1; the labels name the renewd that runs"),
    gauge("loop_alive", &[], "1 while the cycle loop moves"),
    gauge("ledger_usable", &[], "1 while the ledger can be written; payments stop at 0"),
    gauge("role", &["role"], "1 for what this node is: single, active (it pays, others stand by) or standby"),
    Family {
        name: "cycles_total",
        kind: Kind::Counter,
        labels: &[],
        help: "Cycles begun since the ledger was made",
    },
    gauge("last_cycle_timestamp_seconds", &[], "When the newest cycle ended, Unix time"),
    gauge(
        "cycle_lateness_seconds",
        &[],
        "For how long a cycle has been due that has not begun, beyond schedule.jitter; 0 while none is late",
    ),
    gauge("account_reachable", &["account", "provider"], "1 if the newest read of the account succeeded"),
    gauge("account_leases", &["account", "provider"], "Leases as last read"),
    gauge("account_balance", &["account", "provider", "currency"], "Balance as last read, in its currency"),
    gauge("next_due_timestamp_seconds", &["account"], "When the next lease falls due, Unix time"),
    gauge(
        "earliest_end_timestamp_seconds",
        &["account"],
        "When the first lease of the account ends of those that had not ended in the newest cycle, Unix time",
    ),
    gauge(
        "runway_seconds",
        &["account"],
        "Time until the first payment that the balance does not cover; all of runway_horizon_seconds where it covers everything",
    ),
    gauge(
        "runway_horizon_seconds",
        &[],
        "How far ahead runway_seconds and runway_short_by look: alerts.runway",
    ),
    gauge(
        "runway_short_by",
        &["account", "currency"],
        "What the balance lacks for all that falls due within runway_horizon_seconds",
    ),
    gauge(
        "budget_spent",
        &["budget", "per", "currency"],
        "Spent in the budget's present span, payments that are not settled included",
    ),
    gauge("budget_limit", &["budget", "per", "currency"], "The most that may be spent in a span"),
    Family {
        name: "payments_total",
        kind: Kind::Untyped,
        labels: &["state"],
        help: "Payments on record by the state that they are in now",
    },
    gauge("payments_unsettled", &["state"], "Payments that are not settled"),
    gauge(
        "unknown_age_seconds",
        &[],
        "Age of the oldest payment whose outcome is unknown, 0 if there is none",
    ),
    gauge("held_leases", &["word"], "Leases that are held, by the reason's word, in the newest cycle"),
    gauge("alerts_open", &["severity"], "Open alerts"),
    gauge("mails_waiting", &[], "Mails that no server has taken yet"),
    gauge("mails_oldest_age_seconds", &[], "For how long the oldest mail has waited, 0 if none waits"),
    gauge(
        "outbox_age_seconds",
        &[],
        "For how long the oldest message of any channel has waited, mail included; 0 if none waits",
    ),
    Family {
        name: "requests_total",
        kind: Kind::Counter,
        labels: &["account", "outcome"],
        help: "Requests to the account's provider since this renewd started",
    },
    Family {
        name: "request_duration_seconds",
        kind: Kind::Histogram,
        labels: &["account", "outcome"],
        help: "How long these requests took, from their start to the whole answer",
    },
];

/// The family of that name.
pub(super) fn find(name: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| family.name == name)
}
