//! All rows of the ledger, and which of its methods wrote the difference between two instants. Not responsible for when.
use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OpenFlags, types::ValueRef};

use crate::crash::log::Files;

/// A row: its columns and their texts.
type Row = Vec<(String, String)>;

/// Table to rows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts(pub BTreeMap<String, BTreeSet<Row>>);

/// One event of a payment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    pub payment: u64,
    pub nth: u64,
    pub what: String,
}

/// What SQLite reads from these files.
pub fn read(files: &Files) -> Facts {
    let dir = crate::crash::stage::scratch();
    files.dump(dir.path(), |name| name.starts_with("ledger.db"));
    let file = dir.path().join("ledger.db");
    if !file.exists() {
        return Facts::default();
    }
    rows(&Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap()).unwrap()
}

/// Every row of every table.
pub fn rows(ledger: &Connection) -> rusqlite::Result<Facts> {
    let mut names =
        ledger.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")?;
    let names: Vec<String> = names.query_map([], |r| r.get(0))?.collect::<Result<_, _>>()?;
    let mut facts = Facts::default();
    for name in names {
        let mut all = ledger.prepare(&format!("SELECT * FROM \"{name}\""))?;
        let columns: Vec<String> = all.column_names().into_iter().map(str::to_owned).collect();
        let mut found = all.query([])?;
        let mut set = BTreeSet::new();
        while let Some(row) = found.next()? {
            let text = |n: usize| -> rusqlite::Result<String> {
                Ok(match row.get_ref(n)? {
                    ValueRef::Null => String::new(),
                    ValueRef::Integer(i) => i.to_string(),
                    ValueRef::Text(t) | ValueRef::Blob(t) => String::from_utf8_lossy(t).into_owned(),
                    ValueRef::Real(f) => f.to_string(),
                })
            };
            let cells: rusqlite::Result<Row> =
                columns.iter().enumerate().map(|(n, c)| Ok((c.clone(), text(n)?))).collect();
            set.insert(cells?);
        }
        facts.0.insert(name, set);
    }
    Ok(facts)
}

/// A row's cell.
fn cell<'a>(row: &'a Row, column: &str) -> &'a str {
    row.iter().find(|(name, _)| name == column).map_or("", |(_, text)| text)
}

impl Facts {
    /// Rows of a table.
    pub fn table(&self, name: &str) -> impl Iterator<Item = &Row> {
        self.0.get(name).into_iter().flatten()
    }

    /// Every event of every payment.
    pub fn events(&self) -> BTreeSet<Event> {
        let number = |r: &Row, column: &str| cell(r, column).parse().expect("a number");
        let event = |r: &Row| Event {
            payment: number(r, "intent"),
            nth: number(r, "seq"),
            what: cell(r, "event").to_owned(),
        };
        self.table("intent_event").map(event).collect()
    }
}

/// What is new and what is gone between two instants.
struct Change<'a> {
    before: &'a Facts,
    after: &'a Facts,
}

impl<'a> Change<'a> {
    fn new_rows(&self, table: &str) -> Vec<&'a Row> {
        let old = self.before.0.get(table);
        self.after.table(table).filter(|r| old.is_none_or(|old| !old.contains(*r))).collect()
    }

    fn gone_rows(&self, table: &str) -> Vec<&'a Row> {
        let now = self.after.0.get(table);
        self.before.table(table).filter(|r| now.is_none_or(|now| !now.contains(*r))).collect()
    }

    fn touched(&self, table: &str) -> bool {
        !self.new_rows(table).is_empty() || !self.gone_rows(table).is_empty()
    }
}

/// The `Ledger` method that made `after` of `before`, with what tells one call of it from another.
pub fn method(before: &Facts, after: &Facts) -> String {
    let change = Change { before, after };
    if before.0.len() != after.0.len() {
        return "migrate".to_owned();
    }
    payment(&change)
        .or_else(|| {
            ["account_number", "account_mark"].iter().any(|t| change.touched(t)).then(|| "attach".to_owned())
        })
        .or_else(|| order(&change))
        .or_else(|| plan(&change))
        .or_else(|| outbox(&change))
        .or_else(|| facts(&change))
        .unwrap_or_else(|| {
            let names: Vec<&String> = after.0.keys().filter(|t| change.touched(t)).collect();
            if names.is_empty() {
                "no rows".to_owned()
            } else {
                format!("a method that nobody knows: {names:?}")
            }
        })
}

fn payment(change: &Change<'_>) -> Option<String> {
    let events: Vec<&str> = change.new_rows("intent_event").iter().map(|r| cell(r, "event")).collect();
    let purchase = |r: &&Row| {
        let is = |i: &&Row| cell(i, "id") == cell(r, "intent") && cell(i, "purpose") == "purchase";
        change.after.table("intent").any(|i| is(&i))
    };
    Some(match events.as_slice() {
        [] if change.touched("settle_read") => "add_read".to_owned(),
        [] => return None,
        ["reserved"] => "reserve".to_owned(),
        ["provider_charged"] => "record_provider_charge".to_owned(),
        ["spend_started"] if change.new_rows("intent_event").iter().any(purchase) => {
            "start_purchase".to_owned()
        }
        ["spend_started"] => "start_spend".to_owned(),
        [one] => format!("append ({one})"),
        several => format!("split ({} events)", several.len()),
    })
}

fn order(change: &Change<'_>) -> Option<String> {
    if change.touched("purchase_order") {
        return Some("record_order".to_owned());
    }
    if let Some(row) = change.new_rows("order_change").first() {
        return Some(format!("begin_change ({} {})", cell(row, "what"), cell(row, "value")));
    }
    let row = change.new_rows("order_change_end");
    row.first().map(|row| format!("end_change ({})", cell(row, "word")))
}

fn plan(change: &Change<'_>) -> Option<String> {
    let said = change.new_rows("approval_event");
    match said.iter().map(|r| cell(r, "state")).next_back() {
        Some("waiting") => Some("propose".to_owned()),
        Some(state) => Some(format!("say_of_plan ({state})")),
        None => change.touched("approval_plan").then(|| "set_deadline".to_owned()),
    }
}

fn outbox(change: &Change<'_>) -> Option<String> {
    if change.touched("alert") || change.touched("alert_log") {
        return Some("apply_alerts".to_owned());
    }
    let row = *change.new_rows("outbox").first()?;
    let old = change.before.table("outbox").find(|r| cell(r, "id") == cell(row, "id"));
    let differs = |column: &str| old.is_some_and(|old| cell(old, column) != cell(row, column));
    Some(if old.is_none() {
        "queue_report".to_owned()
    } else if differs("delivered_at") || differs("folded_at") {
        "mail_delivered".to_owned()
    } else if differs("left_for") {
        "left_for".to_owned()
    } else {
        "mails_failed".to_owned()
    })
}

fn facts(change: &Change<'_>) -> Option<String> {
    const SIMPLE: [(&str, &str); 7] = [
        ("decision", "record_plan"),
        ("quote_seen", "record_quotes"),
        ("balance_note", "mark_balance"),
        ("balance_mark", "mark_balance"),
        ("silence", "set_silence"),
        ("digest", "record_plan"),
        ("outlook", "record_outlooks"),
    ];
    if let Some(row) = change.new_rows("cycle").first() {
        let known = change.before.table("cycle").any(|r| cell(r, "id") == cell(row, "id"));
        return Some(if known { "end_cycle" } else { "start_cycle" }.to_owned());
    }
    if change.touched("account") || change.touched("lease") {
        let failed = change.new_rows("account").iter().any(|r| !cell(r, "error").is_empty());
        return Some(if failed { "record_unread" } else { "record_inventory" }.to_owned());
    }
    if change.touched("pause") {
        return Some(if change.new_rows("pause").is_empty() { "resume" } else { "pause" }.to_owned());
    }
    if let Some((_, method)) = SIMPLE.iter().find(|(table, _)| change.touched(table)) {
        return Some((*method).to_owned());
    }
    let (new, gone) = (change.new_rows("note"), change.gone_rows("note"));
    let row = new.first().or(gone.first())?;
    match cell(row, "key") {
        "probe" => Some(format!("probe ({})", if new.is_empty() { "taken away" } else { "written" })),
        key => Some(format!("note ({})", key.split(':').next().unwrap_or(key))),
    }
}
