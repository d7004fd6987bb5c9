//! How SQLite means to run what readers and cycles ask: nobody walks leases or payments where something narrower was asked for. Every
//! statement that stands in this folder as one text is found by itself; those that are put together are named here.
use proc_macro2::{TokenStream, TokenTree};
use rusqlite::Connection;

use super::{history, in_memory, outlooks, pages, reserve};
use crate::domain::State;
use crate::ledger::IntentFilter;

/// Tables with a row for each lease, payment, message or cycle. The others are as small as the config.
const LARGE: [&str; 15] = [
    "payment_link",
    "lease",
    "decision",
    "quote_seen",
    "intent",
    "intent_lease",
    "intent_event",
    "intent_head",
    "settle_read",
    "purchase_order",
    "order_change",
    "order_change_end",
    "cycle",
    "alert_log",
    "outbox",
];

/// Statements that ask for all there is, and say so by having no condition.
const ALL: [&str; 5] = [
    "SELECT account, lease, decision, word, policy FROM decision",
    "SELECT count(*) FROM intent",
    "SELECT id FROM intent ORDER BY id",
    // Only where there are a few hundred.
    "SELECT id FROM intent ORDER BY created_at DESC, id DESC",
    "SELECT n, kind, intent, seq, late, hash FROM payment_link ORDER BY n",
];

fn sources() -> Vec<(String, String)> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/src/ledger/sqlite");
    let read = |path: std::path::PathBuf| {
        let name = path.file_name()?.to_str()?.to_owned();
        let counts = name.ends_with(".rs")
            && !["plans.rs", "requests.rs", "tests.rs", "served.rs"].contains(&name.as_str());
        counts.then(|| (name, std::fs::read_to_string(&path).unwrap()))
    };
    std::fs::read_dir(dir).unwrap().filter_map(|entry| read(entry.unwrap().path())).collect()
}

fn literals(tokens: TokenStream, found: &mut Vec<String>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => literals(group.stream(), found),
            TokenTree::Literal(literal) => {
                let text = literal.to_string();
                if let Some(text) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
                    // A line that goes on: the blanks at the beginning of the next do no harm.
                    found.push(text.replace("\\\n", "\n").replace("\\\"", "\""));
                }
            }
            _ => {}
        }
    }
}

fn is_statement(text: &str) -> bool {
    ["SELECT ", "UPDATE ", "DELETE "].iter().any(|verb| text.trim_start().starts_with(verb))
}

/// The tables that the plan walks whole, of the large ones.
fn walked(connection: &Connection, sql: &str) -> Vec<String> {
    let mut query =
        connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap_or_else(|e| panic!("{sql}\n{e}"));
    let free = vec![rusqlite::types::Null; query.parameter_count()];
    let steps = query.query_map(rusqlite::params_from_iter(free), |r| r.get::<_, String>(3)).unwrap();
    let table = |alias: &str| {
        let named = LARGE.iter().find(|t| {
            **t == alias
                || sql
                    .split(&format!("{t} {alias}"))
                    .nth(1)
                    .is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
        });
        named.map(ToString::to_string)
    };
    // An index of some rows only, such as the messages that wait, is as small as they are few; one that covers reads no row.
    let is_narrow = |step: &str| {
        let Some(index) = step.split("INDEX ").nth(1).and_then(|rest| rest.split(' ').next()) else {
            return false;
        };
        let partial =
            "SELECT sql LIKE '% WHERE %' OR sql LIKE '%\n%WHERE %' FROM sqlite_schema WHERE name = ?1";
        connection.query_row(partial, [index], |r| r.get(0)).unwrap_or(false)
    };
    let scanned = steps.map(Result::unwrap).filter(|step| !is_narrow(step)).filter_map(|step| {
        let alias = step.strip_prefix("SCAN ")?.split(' ').next()?.to_owned();
        // Only the first row is wanted.
        table(&alias).filter(|_| !sql.contains("LIMIT 1") && !sql.contains("EXISTS (SELECT 1 FROM intent)"))
    });
    scanned.collect()
}

fn put_together() -> Vec<String> {
    let listing = |filter: IntentFilter| {
        let which = history::Which::of(&filter).sql;
        format!("SELECT i.name FROM intent_head h JOIN intent i ON i.id = h.intent WHERE {which}")
    };
    let (some, since) = (vec![State::Unknown, State::Accepted], Some(jiff::Timestamp::UNIX_EPOCH));
    let sent =
        since.map(|at| crate::domain::Moment { boot_id: "b".into(), ..crate::domain::Moment::by_wall(at) });
    let (account, confirmed) = (Some("yp".into()), vec![State::Confirmed]);
    let page = |condition: &str, few| pages::sql(&format!("{condition} AND {}", pages::BEHIND), few);
    let mut all = vec![
        listing(IntentFilter { states: some.clone(), ..IntentFilter::default() }),
        listing(IntentFilter { spend_since: sent.clone(), ..IntentFilter::default() }),
        listing(IntentFilter { since, ..IntentFilter::default() }),
        listing(IntentFilter { account: account.clone(), ..IntentFilter::default() }),
        listing(IntentFilter { account: account.clone(), states: some, ..IntentFilter::default() }),
        listing(IntentFilter {
            account: account.clone(),
            spend_since: sent.clone(),
            ..IntentFilter::default()
        }),
        listing(IntentFilter { account, spend_since: sent, states: confirmed, ..IntentFilter::default() }),
        reserve::PENDING.to_owned(),
        reserve::newest(reserve::BY_LEASE),
        reserve::newest(reserve::BY_PLACE),
        reserve::newest(reserve::BY_LEASE_THERE),
        reserve::newest(reserve::BY_PLACE_THERE),
        reserve::counting(true, false),
        reserve::counting(false, false),
        reserve::counting(false, true),
        page("i.created_at >= ?", false),
        page("h.state IN (?, ?) AND i.created_at >= ?", false),
        page("h.state IN (?, ?)", true),
        page("h.account IN (?)", true),
        page(&format!("h.account IN (?) AND {}", pages::OF_LEASE), true),
        format!("SELECT 1 {} WHERE {}", history::FROM, pages::PARTS),
        format!("SELECT 1 FROM intent_lease t WHERE {}", pages::LEASES),
        "SELECT count(*) FROM intent_head WHERE state IN (?, ?)".to_owned(),
    ];
    all.extend(outlooks::CALLED.map(|called| format!("SELECT lease, gone_at FROM lease WHERE {called}")));
    all
}

#[test]
fn no_statement_walks_leases_or_payments_where_something_narrower_is_asked_for() {
    let mut statements = put_together();
    for (name, text) in sources() {
        let mut found = Vec::new();
        literals(text.parse().unwrap_or_else(|e| panic!("{name}: {e}")), &mut found);
        statements.extend(found.into_iter().filter(|t| is_statement(t) && !t.contains('{')));
    }
    assert!(statements.len() > 60, "the statements of this folder are found: {}", statements.len());
    let ledger = in_memory().unwrap();
    let connection = ledger.connection().unwrap();
    let mut walks = Vec::new();
    for sql in statements.iter().filter(|sql| !ALL.contains(&sql.as_str())) {
        let tables = walked(&connection, sql);
        if !tables.is_empty() {
            walks.push(format!("{tables:?}: {sql}"));
        }
    }
    assert!(walks.is_empty(), "{}", walks.join("\n"));
}

#[test]
fn a_walk_is_seen_as_one() {
    let ledger = in_memory().unwrap();
    let connection = ledger.connection().unwrap();
    assert_eq!(walked(&connection, "SELECT * FROM lease WHERE kind = ?1"), ["lease"]);
    assert_eq!(walked(&connection, "SELECT * FROM intent_head h WHERE h.charged = ?1"), ["intent_head"]);
    assert!(walked(&connection, "SELECT * FROM account WHERE provider = ?1").is_empty(), "small");
}
