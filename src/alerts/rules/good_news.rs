//! What the notice of an alert's end says first: how things are now, and not what was wrong. Every cause whose end is told has its words
//! here (a test holds that). Pure.
use super::leases;
use crate::domain::AlertKey;
use crate::domain::alert::AlertRow;
use crate::ledger::OpenAlert;

/// The title of the notice; `None` for a cause whose end is no news. `paid`: the payments that ended it.
#[must_use]
pub(super) fn title(alert: &OpenAlert, paid: &[AlertRow]) -> Option<String> {
    let key = &alert.key;
    let name = alert.account.as_ref().map(ToString::to_string).unwrap_or_default();
    Some(match key.cause() {
        "short_funds" | "runway" => format!("{name} has enough funds again"),
        "account_down" => format!("Account {name} can be read again"),
        "inventory_unreadable" => format!("The list of account {name} can be read again"),
        "inventory_empty" | "shrunk" | "partial_list" => {
            format!("renewd trusts the list of account {name} again")
        }
        "unreadable_records" => format!("All records of account {name} can be read again"),
        "account_changed" | "second_renewd" | "overcharged" => format!("renewd pays at account {name} again"),
        "paused" => format!("Spending at account {name} is no longer paused"),
        "not_sent" => format!("Payments at account {name} can be sent again"),
        "cannot_renew" => format!("All leases of account {name} can be renewed as configured"),
        "lapse_ahead" => format!("No lease of account {name} is about to lapse unpaid"),
        "watch" => format!("No watched lease of account {name} is about to lapse"),
        "unknown" | "unresolved" | "needs_operator" if key.is_of_an_order() => settled(key, &name, paid),
        "account_left" => format!("Account {name} no longer stops payments to its provider"),
        "fleet_guard" => format!("All due leases of account {name} fit within [guard] again"),
        "steer_failed" => {
            format!("The provider's auto-renewal at account {name} is as the config wants it")
        }
        "provider_renews" => {
            format!("The provider will not renew any lease of account {name} that a policy releases")
        }
        "end_untold" => format!("The provider says when every lease of account {name} ends"),
        "stale_end" => format!("Account {name} lists the newer end of order {} again", order(key)),
        "keep_lost" => format!("Every kept lease of account {name} has a policy again"),
        "approval" => format!("Plan {} no longer waits for your decision", key.about()),
        "standby" => "A node pays again".to_owned(),
        "clock" if name.is_empty() => "The clock can be trusted again, so payments go on".to_owned(),
        "clock" => format!("The clocks agree again, so payments at account {name} go on"),
        "restored" => "The restored ledger is complete, so payments go on".to_owned(),
        "loop_late" => "Cycles run on time again".to_owned(),
        "mail_undelivered" => "Mail is delivered again".to_owned(),
        "mail_refused" => "Mail reaches every address again".to_owned(),
        "channel" => format!("Channel {} works again", key.about()),
        "config_reload" => "The config is good, and renewd uses it".to_owned(),
        "page_down" => "The status page works again".to_owned(),
        cause if is_hold(cause) => match paid.len() {
            0 => format!("No lease of account {name} is on hold now ({cause} is over)"),
            _ => format!(
                "{} of account {name} {} paid ({cause} is over)",
                leases(alert.leases.len()),
                verb(alert)
            ),
        },
        _ => return None,
    })
}

fn verb(alert: &OpenAlert) -> &'static str {
    if alert.leases.len() == 1 { "is" } else { "are" }
}

/// The order in the key of an alert about one.
fn order(key: &AlertKey) -> &str {
    key.about().split_once(':').map_or("", |(_, order)| order)
}

/// Which payment, and what became of it, where one row tells.
fn settled(key: &AlertKey, name: &str, paid: &[AlertRow]) -> String {
    match paid {
        [one] => {
            let amount = one.amount.as_deref().unwrap_or("see the ledger");
            let what = one.what.split(" of ").next().unwrap_or_default();
            format!("{what} at {name} is settled: {amount}")
        }
        _ => format!("The payment for order {} at {name} is settled", order(key)),
    }
}

fn is_hold(cause: &str) -> bool {
    use crate::policy::{Decision, Word};
    Word::ALL.iter().any(|w| w.as_str() == cause && w.decision() == Decision::Hold)
}
