//! Every cause that an alert can have: what it is about and whether its end is told. `docs/alerts.md` has a line for each.

/// What an alert is about; decides what its end means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Leases of an account: over when none of them is in doubt.
    Leases,
    /// The reading of an account.
    Reading,
    /// One payment, as the ledger has it.
    Payment,
    /// Money of an account or a budget.
    Money,
    /// renewd itself.
    Daemon,
}

/// One cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cause {
    /// The first part of its keys.
    pub name: &'static str,
    /// What it is about.
    pub scope: Scope,
    /// A notice says when it is over.
    pub end_is_told: bool,
}

const fn of(scope: Scope, name: &'static str) -> Cause {
    Cause { name, scope, end_is_told: true }
}

/// A fact or a span that simply passes: its end is no news.
const fn fact(scope: Scope, name: &'static str) -> Cause {
    Cause { name, scope, end_is_told: false }
}

/// All of them, by what they are about.
pub const CAUSES: &[Cause] = &[
    of(Scope::Reading, "account_down"),
    of(Scope::Reading, "inventory_unreadable"),
    of(Scope::Reading, "inventory_empty"),
    of(Scope::Reading, "shrunk"),
    of(Scope::Reading, "partial_list"),
    of(Scope::Reading, "unreadable_records"),
    of(Scope::Reading, "account_changed"),
    of(Scope::Reading, "second_renewd"),
    fact(Scope::Reading, "exec_changed"),
    of(Scope::Leases, "short_funds"),
    of(Scope::Leases, "over_budget"),
    of(Scope::Leases, "price_cap"),
    of(Scope::Leases, "price_jump"),
    of(Scope::Leases, "promo_invalid"),
    of(Scope::Leases, "provider_warning"),
    of(Scope::Leases, "provider_owns"),
    of(Scope::Leases, "steer_failed"),
    of(Scope::Leases, "provider_renews"),
    of(Scope::Leases, "end_untold"),
    of(Scope::Leases, "period_not_offered"),
    of(Scope::Leases, "cycle_differs"),
    of(Scope::Leases, "quote_error"),
    of(Scope::Leases, "quote_unreadable"),
    of(Scope::Leases, "currency_changed"),
    of(Scope::Leases, "refused"),
    of(Scope::Leases, "not_sent"),
    of(Scope::Leases, "unknown_pending"),
    of(Scope::Leases, "unparsable"),
    of(Scope::Leases, "bundle_split"),
    of(Scope::Leases, "order_state"),
    of(Scope::Leases, "paused"),
    of(Scope::Leases, "fleet_guard"),
    of(Scope::Leases, "lapse_ahead"),
    of(Scope::Leases, "cannot_renew"),
    of(Scope::Leases, "watch"),
    of(Scope::Leases, "stale_end"),
    of(Scope::Leases, "keep_lost"),
    fact(Scope::Leases, "keep_ended"),
    fact(Scope::Leases, "release"),
    fact(Scope::Leases, "lapsed"),
    fact(Scope::Leases, "lost"),
    of(Scope::Payment, "unknown"),
    of(Scope::Payment, "unresolved"),
    of(Scope::Payment, "needs_operator"),
    of(Scope::Payment, "account_left"),
    fact(Scope::Payment, "double_charge"),
    fact(Scope::Payment, "charge_differs"),
    fact(Scope::Money, "budget_warn"),
    fact(Scope::Money, "provider_charged"),
    fact(Scope::Money, "unexplained_spend"),
    fact(Scope::Money, "top_up"),
    of(Scope::Money, "overcharged"),
    fact(Scope::Money, "contested"),
    of(Scope::Money, "runway"),
    of(Scope::Daemon, "approval"),
    of(Scope::Daemon, "clock"),
    of(Scope::Daemon, "restored"),
    of(Scope::Daemon, "loop_late"),
    fact(Scope::Daemon, "cycles_missed"),
    of(Scope::Daemon, "mail_undelivered"),
    of(Scope::Daemon, "mail_refused"),
    of(Scope::Daemon, "channel"),
    fact(Scope::Daemon, "hook"),
    of(Scope::Daemon, "config_reload"),
    fact(Scope::Daemon, "config_changed"),
    of(Scope::Daemon, "page_down"),
    of(Scope::Daemon, "standby"),
    fact(Scope::Daemon, "failover"),
];

/// The cause of that name.
#[must_use]
pub fn cause(name: &str) -> Option<&'static Cause> {
    CAUSES.iter().find(|c| c.name == name)
}
