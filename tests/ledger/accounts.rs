//! Accounts by number: what is kept of one goes with its name, in every table; a ledger from before that has its numbers.
use std::sync::Arc;

use jiff::Timestamp;
use renewd::domain::identity::{Claim, Verdict};
use renewd::domain::{Change, ChangeRequest, State};
use renewd::ledger::sqlite::{Access, MIGRATIONS, SqliteLedger};
use renewd::ledger::{
    AlertLog, Balances, ChangeOutcome, Cycles, IntentFilter, Inventories, LOST_UNTOLD, Notes, OrderChanges,
    PauseRecord, Payments, Prices, SeenQuote,
};
use rusqlite::Connection;

use crate::server;
use crate::support::{
    acct, at, end, execute, in_state, intent, inventory, lease, lines, money, november, open, raw, seeded, yp,
};

fn claim(name: &str, key: &str) -> Claim {
    Claim {
        name: name.into(),
        provider: yp(),
        was: Vec::new(),
        key: key.to_owned(),
        owner: None,
        listed: Some(Arc::new(vec![lease("yp", 1)].into())),
    }
}

fn attach(ledger: &SqliteLedger, claims: &[Claim]) -> Vec<Verdict> {
    ledger.attach(claims, &[], at(30).wall).unwrap()
}

/// Something of account `yp` in every table that names accounts.
fn filled(dir: &std::path::Path) -> SqliteLedger {
    let ledger = seeded(dir);
    assert_eq!(attach(&ledger, &[claim("yp", "key")]), [Verdict::Known]);
    in_state(&ledger, &[1], State::Confirmed);
    in_state(&ledger, &[2], State::Unknown);
    ledger.pause(&PauseRecord::since(Some(acct()), at(1).wall), &at(1)).unwrap();
    let quote = SeenQuote {
        account: acct(),
        lease: lease("yp", 3).id,
        amount: money("2.65"),
        currency: "USD".into(),
        period_days: 30,
        term_end: end(),
        seen_at: at(2).wall,
    };
    ledger.record_quotes(at(2).wall, &[quote]).unwrap();
    let request = ChangeRequest {
        account: acct(),
        kind: "IPv4".into(),
        order: "O1".into(),
        leases: vec![lease("yp", 1).id],
        what: Change::Tag(Some("t".to_owned())),
    };
    let permit = ledger.begin_change(&yp(), &request, "why", at(3).wall).unwrap();
    let done = ChangeOutcome { word: "done".to_owned(), code: None, message: None };
    ledger.end_change(permit.row(), &done, at(3).wall).unwrap();
    for word in
        ["currency", "shrink.seen", "shrink.accepted", "balance.marked", "runway.told", "account.changed"]
    {
        ledger.note(&format!("{word}:yp"), "x").unwrap();
    }
    ledger.note("offered:yp:IPv4", "30").unwrap();
    execute(
        dir,
            "INSERT INTO alert (key, severity, account, since, told_at, title, text, once) VALUES
               ('unknown:yp:O1', 'warning', 'yp', '2026-11-17T12:00:00.000000000Z', '2026-11-17T12:00:00.000000000Z', 't', 't', 0),
               ('shrunk:yp', 'warning', 'yp', '2026-11-17T12:00:00.000000000Z', '2026-11-17T12:00:00.000000000Z', 't', 't', 0);
             INSERT INTO alert_log (at, key, account, severity, occasion, how, title) VALUES
               ('2026-11-17T12:00:00.000000000Z', 'shrunk:yp', 'yp', 'warning', 'raised', 'told', 't');
             INSERT INTO silence VALUES ('unknown:yp:*', '2026-11-17T12:00:00.000000000Z', '2026-12-17T12:00:00.000000000Z');
             INSERT INTO decision VALUES ('yp', 'L1', '203.0.113.1', 'IPv4', 'wait', 'not_due', 'not_due: x', NULL,
               '2026-11-17T12:00:00.000000000Z', 1);
             INSERT INTO balance_mark VALUES ('yp', '2026-11-17T12:00:00.000000000Z', '100.00', 'USD', NULL, NULL);
             INSERT INTO outlook (account, at, config) VALUES ('yp', '2026-11-17T12:00:00.000000000Z', 'c');
             INSERT INTO hook_told VALUES ('yp', 'lost:L1', '2026-11-17T12:00:00.000000000Z');
             INSERT INTO keep VALUES (1, 'yp', 'L1', 'O1', '203.0.113.1', NULL, 'keep-us', '2026-11-17T12:00:00.000000000Z', 'alice',
               '2027-03-01', NULL);
             INSERT INTO approval_plan VALUES (1, 'one', 'youproxy', 'yp', 'keep-us', '2.65', 'USD', '[]', 'waiting',
               '2026-11-19T09:00:00.000000000Z', '2026-11-20T09:00:00.000000000Z', '2026-11-20T09:00:00.000000000Z');
             INSERT INTO balance_note (account, since, at, before, after, currency, explained, unexplained, account_number)
               SELECT 'yp', '2026-11-17T12:00:00.000000000Z', '2026-11-17T12:10:00.000000000Z', '100.00', '88.00', 'USD', '0.00',
                 '12.00', number FROM account_number WHERE name = 'yp';",
    );
    // One lease left the list and nobody was told yet.
    let left: Vec<_> = (1..=8).map(|n| lease("yp", n)).collect();
    ledger.record_inventory(&yp(), &acct(), at(4).wall, &inventory(left)).unwrap();
    assert!(ledger.noted(LOST_UNTOLD).unwrap().is_some_and(|note| note.contains("\"yp\"")));
    ledger
}

/// Rows that are of their time: they keep the name, and are read under the present one.
const OF_THEIR_TIME: [&str; 3] = ["intent", "order_change", "balance_note"];

/// Every table that has a column `account`, the requests of the last minute apart, and how many rows name this one there.
fn naming(dir: &std::path::Path, account: &str) -> Vec<(String, String)> {
    let tables = match server::wanted() {
        true => {
            "SELECT c.table_name FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
               WHERE c.table_schema = current_schema AND c.column_name = 'account' AND t.table_type = 'BASE TABLE'
                 AND c.table_name <> 'request' ORDER BY 1"
        }
        false => {
            "SELECT m.name FROM sqlite_schema m WHERE m.type = 'table'
               AND EXISTS (SELECT 1 FROM pragma_table_info(m.name) c WHERE c.name = 'account') ORDER BY 1"
        }
    };
    let count =
        |t: &String| lines(dir, &format!("SELECT count(*) FROM {t} WHERE account = '{account}'")).concat();
    lines(dir, tables).iter().map(|t| (t.clone(), count(t))).collect()
}

#[test]
fn whatever_names_an_account_goes_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = filled(dir.path());
    let before = naming(dir.path(), "yp");
    assert!(
        before.len() > 10 && before.iter().all(|(_, n)| n != "0"),
        "fill every table that names accounts: {before:?}"
    );
    assert_eq!(attach(&ledger, &[claim("new", "key")]), [Verdict::Known]);
    for ((table, old), (_, now)) in before.iter().zip(naming(dir.path(), "new")) {
        let expected = if OF_THEIR_TIME.contains(&table.as_str()) { "0" } else { old };
        assert_eq!(now, expected, "{table}");
    }
    let left = lines(
        dir.path(),
            "SELECT (SELECT count(*) FROM note WHERE key LIKE '%:yp%' OR value LIKE '%\"yp\"%')
               + (SELECT count(*) FROM alert WHERE key LIKE '%:yp%') + (SELECT count(*) FROM alert_log WHERE key LIKE '%:yp%')
               + (SELECT count(*) FROM silence WHERE key LIKE '%:yp%')",
    );
    assert_eq!(left, ["0"], "notes, alerts and silences go, too");
    for view in ["payments", "leases", "decisions", "changes", "balance_changes", "spend_by_month"] {
        let sql = format!("SELECT count(*) FROM {view} WHERE account <> 'new'");
        assert_eq!(lines(dir.path(), &sql), ["0"], "{view}");
    }
}

#[test]
fn what_is_asked_of_a_renamed_account_is_answered_as_before() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = filled(dir.path());
    let asked = |name: &str| {
        let filter = IntentFilter { account: Some(name.into()), ..IntentFilter::default() };
        let check = renewd::ledger::BudgetCheck { accounts: vec![name.into()], ..november("100.00") };
        let account = name.into();
        (
            ledger.intents(&filter).unwrap().len(),
            ledger.known_leases(&account).unwrap().len(),
            ledger.last_prices(&account).unwrap().len(),
            ledger.quotes(&account).unwrap().len(),
            ledger.spent(&check).unwrap(),
            ledger.balance_mark(&account).unwrap().is_some(),
        )
    };
    let before = asked("yp");
    assert!(before.0 == 2 && before.2 == 1 && before.4 > money("0.00"), "{before:?}");
    attach(&ledger, &[claim("new", "key")]);
    assert_eq!(asked("new"), before);
    assert_eq!((asked("yp").0, asked("yp").1), (0, 0));
    assert_eq!(ledger.balance_notes(Timestamp::UNIX_EPOCH).unwrap()[0].account, "new".into());
    assert_eq!(ledger.changes(Timestamp::UNIX_EPOCH).unwrap()[0].account, "new".into());
    // The unknown one still keeps its lease from being paid.
    let again = renewd::domain::RenewalRequest { account: "new".into(), ..intent(&[2]).request };
    let again = renewd::ledger::NewIntent { request: again, ..intent(&[2]) };
    assert!(ledger.reserve(&again, &[]).unwrap().is_err());
}

#[test]
fn names_that_change_hands_keep_their_histories_apart() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = filled(dir.path());
    let other = Claim { listed: Some(Arc::default()), ..claim("two", "key of two") };
    attach(&ledger, &[claim("yp", "key"), other.clone()]);
    let one = |name: &str| Claim { name: name.into(), ..claim("", "key") };
    attach(&ledger, &[one("between"), other.clone()]);
    attach(&ledger, &[one("between"), Claim { name: "yp".into(), ..other.clone() }]);
    attach(&ledger, &[one("two"), Claim { name: "yp".into(), ..other }]);
    let count = |name: &str| {
        let filter = IntentFilter { account: Some(name.into()), ..IntentFilter::default() };
        ledger.intents(&filter).unwrap().len()
    };
    assert_eq!((count("two"), count("yp")), (2, 0));
    assert_eq!(ledger.known_leases(&"two".into()).unwrap().len(), 8);
}

#[test]
fn only_a_payer_writes_names_down_and_a_copy_shows_them_to_readers() {
    let dir = tempfile::tempdir().unwrap();
    let payer = filled(dir.path());
    let reader = open(dir.path(), Access::Read).unwrap();
    let renamed = [claim("new", "key")];
    assert_eq!(attach(&reader, &renamed), [Verdict::Known]);
    assert_eq!(payer.known_leases(&"new".into()).unwrap().len(), 0);
    let copy = reader.as_named(&renamed, at(30).wall).unwrap().expect("it is called otherwise");
    assert_eq!(copy.known_leases(&"new".into()).unwrap().len(), 8);
    assert!(reader.as_named(&[claim("yp", "key")], at(30).wall).unwrap().is_none());
}

#[test]
fn a_budgets_silences_go_with_its_name() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let key = renewd::domain::KeyPattern::parse("budget_warn:*:old").unwrap();
    ledger.set_silence(&key, at(600).wall, at(0).wall).unwrap();
    ledger.attach(&[], &[("old".to_owned(), "new".to_owned())], at(1).wall).unwrap();
    assert_eq!(ledger.silences(at(2).wall).unwrap()[0].key.as_str(), "budget_warn:*:new");
}

#[test]
fn a_filled_ledger_of_schema_6_has_its_numbers_and_finds_everything() {
    let dir = tempfile::tempdir().unwrap();
    let old = Connection::open(dir.path().join("ledger.db")).unwrap();
    for (_, sql) in MIGRATIONS.iter().take_while(|(name, _)| *name < "0007") {
        old.execute_batch(sql).unwrap();
    }
    let payment = |n: i64, provider: &str, account: &str| {
        format!(
            "INSERT INTO intent (id, name, provider, account, kind, period_days, method, policy, quoted, currency, balance_before, attempt,
               cycle, created_at, created_boot, created_ms) VALUES ({n}, 'p-00000{n}', '{provider}', '{account}', 'IPv4', 30, 'leases',
               'keep', '2.65', 'USD', '100.00', 1, 1, '2026-11-17T12:00:00.000000000Z', 'b', 1);
             INSERT INTO intent_lease VALUES ({n}, 0, 'L{n}', 'O{n}', '203.0.113.{n}', '2026-11-20T09:00:00.000000000Z');
             INSERT INTO intent_event (intent, seq, at, boot, ms, event, state) VALUES
               ({n}, 0, '2026-11-17T12:00:00.000000000Z', 'b', 1, 'reserved', 'reserved'),
               ({n}, 1, '2026-11-17T12:00:01.000000000Z', 'b', 2, 'spend_started', 'spend_started'),
               ({n}, 2, '2026-11-17T12:00:02.000000000Z', 'b', 3, 'answer_lost', 'unknown'),
               ({n}, 3, '2026-11-17T12:00:03.000000000Z', 'b', 4, 'ends_moved', 'confirmed');"
        )
    };
    let payments =
        [payment(1, "youproxy", "yp"), payment(2, "proxyshard", "ps"), payment(3, "proxyshard", "yp")]
            .concat();
    old.execute_batch(&format!(
        "INSERT INTO cycle VALUES (1, '2026-11-17T12:00:00.000000000Z', 'b', 1, NULL, 'ok', 1, 0, 0);
         INSERT INTO account (account, provider, read_at) VALUES ('yp', 'youproxy', '2026-11-17T12:00:00.000000000Z'),
           ('ps', 'proxyshard', '2026-11-17T12:00:00.000000000Z');
         INSERT INTO lease (account, lease, order_id, ip, kind, expires_at, first_seen) VALUES
           ('yp', 'L1', 'O1', '203.0.113.1', 'IPv4', '2026-12-20T09:00:00.000000000Z', '2026-11-01T12:00:00.000000000Z');
         INSERT INTO order_change VALUES (1, 'proxyshard', 'ps', 'O2', 'L2', 'auto_on', 'on', 'why', '2026-11-17T12:00:00.000000000Z');
         INSERT INTO balance_note VALUES (1, 'yp', '2026-11-17T12:00:00.000000000Z', '2026-11-17T12:10:00.000000000Z', '100.00',
           '88.00', 'USD', '0.00', '12.00');
         {payments} PRAGMA user_version = 6;"
    ))
    .unwrap();
    drop(old);
    let ledger = open(dir.path(), Access::Pay).unwrap();
    let numbers: Vec<(String, String)> = raw(dir.path())
        .prepare("SELECT provider, name FROM account_number ORDER BY 1, 2")
        .unwrap()
        .query_map([], |r| Ok((r.get(0)?, r.get(1)?)))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(numbers, [pair("proxyshard", "ps"), pair("proxyshard", "yp"), pair("youproxy", "yp")]);
    // Renamed with the upgrade: the rows of the other provider's account of that name stay where they are.
    let renamed = Claim { was: vec!["yp".into()], ..claim("new", "key") };
    assert_eq!(attach(&ledger, &[renamed]), [Verdict::Known]);
    let of = |name: &str| {
        let filter = IntentFilter { account: Some(name.into()), ..IntentFilter::default() };
        ledger.intents(&filter).unwrap().iter().map(|r| r.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(
        (of("new"), of("ps"), of("yp")),
        (vec!["p-000001".into()], vec!["p-000002".into()], vec!["p-000003".into()])
    );
    assert_eq!(ledger.known_leases(&"new".into()).unwrap().len(), 1);
    assert_eq!(ledger.last_prices(&"new".into()).unwrap().len(), 1);
    assert_eq!(ledger.balance_notes(Timestamp::UNIX_EPOCH).unwrap()[0].account, "new".into());
    assert_eq!(ledger.changes(Timestamp::UNIX_EPOCH).unwrap()[0].account, "ps".into());
}
