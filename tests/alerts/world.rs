//! A quiet world of one account and two leases, and what people are told of it: rules, ends and tellings together.
use jiff::{SignedDuration, Timestamp};
use renewd::alerting::{Quiet, Terms, bundle, reconcile};
use renewd::alerts::rules::{Around, ends, firing};
use renewd::domain::{Alert, Balance, Currency, Occasion, Severity, State};
use renewd::engine::{AccountReport, CycleReport};
use renewd::ledger::{AlertChange, IntentRecord, OpenAlert, Payments, Telling};
use renewd::planner::{Item, Standing};
use renewd::policy::{Reason, Stage, Word};
use renewd::settings::{Settings, Sources, load};

use crate::support::{acct, at, in_state, lease, money, seeded, yp};

pub struct World {
    pub settings: Settings,
    pub report: CycleReport,
    pub around: Around,
    pub open: Vec<OpenAlert>,
    pub log: Vec<Telling>,
    pub ended: Vec<OpenAlert>,
    _dir: tempfile::TempDir,
}

/// Settings of account `yp` with one policy that keeps everything.
fn settings(dir: &std::path::Path) -> Settings {
    let key = dir.join("yp.key");
    std::fs::write(&key, "a-key-of-sixteen-and-more").unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let file = dir.join("renewd.toml");
    let text = "[[account]]\nname = \"yp\"\nprovider = \"youproxy\"\napi_key = { file = \"yp.key\" }\n\
                [[policy]]\nname = \"keep\"\naction = \"renew\"\n";
    std::fs::write(&file, text).unwrap();
    load(&Sources { files: vec![file], ..Sources::default() }).unwrap()
}

pub fn item(n: usize, word: Word, stage: Stage) -> Item {
    let lease = lease("yp", n);
    Item {
        labels: Vec::new(),
        bundle: vec![lease.id.clone()],
        lease,
        stage: Some(stage),
        reason: Reason::new(word, "because"),
        policy: Some(0),
        due_at: None,
        quote: None,
        attempt: 1,
        paid_by: renewd::planner::PaidBy::Renewd,
        switch_off_first: false,
        gone_at: None,
    }
}

/// A payment of lease `L1` in that state, begun at minute 1.
pub fn payment(state: State) -> IntentRecord {
    let dir = tempfile::tempdir().unwrap();
    let ledger = seeded(dir.path());
    let id = in_state(&ledger, &[1], state);
    ledger.intent(&id).unwrap()
}

impl World {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let account = AccountReport {
            account: acct(),
            provider: yp(),
            standing: Standing::Good,
            barred: None,
            balance: Some(Balance { amount: money("100.00"), currency: Currency::new("USD") }),
            leases: 2,
            unreadable: 0,
            skew: None,
            free: Some(money("100.00")),
        };
        let report = CycleReport {
            started: at(5),
            accounts: vec![account],
            items: vec![item(1, Word::NotDue, Stage::Early), item(2, Word::NotDue, Stage::Early)],
            lists: Vec::new(),
            last_paid: Default::default(),
            payments: Vec::new(),
            unsettled: Vec::new(),
            settled: Vec::new(),
            lost: Vec::new(),
            double_charges: Vec::new(),
            moved: Vec::new(),
            provider_charges: Vec::new(),
            steered: Vec::new(),
            stuck: Vec::new(),
            clock_held: None,
            clocks: Default::default(),
            stopped: false,
        };
        Self {
            settings: settings(dir.path()),
            report,
            around: Around::default(),
            open: Vec::new(),
            log: Vec::new(),
            ended: Vec::new(),
            _dir: dir,
        }
    }

    pub fn now(&self) -> Timestamp {
        self.report.started.wall
    }

    pub fn hold(&mut self, n: usize, word: Word, stage: Stage) {
        self.report.items[n - 1] = item(n, word, stage);
    }

    pub fn firing(&self) -> Vec<Alert> {
        let around = Around { open: self.open.clone(), ..self.around.clone() };
        firing(&self.report, &self.settings, &around)
    }

    /// One pass, so many minutes after the last; gives what people are told, by mail.
    pub fn pass(&mut self, minutes: i64) -> Vec<(String, Occasion)> {
        let started = &mut self.report.started;
        started.wall = started.wall.checked_add(SignedDuration::from_mins(minutes)).unwrap();
        started.boot_ms += minutes * 60_000;
        let now = self.now();
        let alerts = self.firing();
        let ends = ends(&self.open, &alerts, &self.report);
        let alerts_of = &self.settings.alerts;
        let quiet = Quiet::new(&[], &self.log, alerts_of.max_mails_per_day, now);
        let terms = Terms { now, repeat: alerts_of.repeat, ends: &ends, quiet: &quiet, ended: &self.ended };
        let told = reconcile(&self.open, &alerts, &terms);
        for change in told.iter().flat_map(|t| t.changes.clone()) {
            match change {
                AlertChange::Tell(a) | AlertChange::Keep(a) => {
                    self.open.retain(|o| o.key != a.key);
                    self.ended.retain(|o| o.key != a.key);
                    self.open.push(a);
                }
                AlertChange::Close(key) => self.ended.extend(self.open.extract_if(.., |o| o.key == key)),
                AlertChange::Log(telling) => self.log.push(telling),
                AlertChange::Happened(_) => {}
            }
        }
        let mails = bundle(&told).into_iter();
        mails.filter_map(|m| Some((m.alert.key.to_string(), m.occasion?))).collect()
    }

    /// Keys and severities that fire now.
    pub fn keys(&self) -> Vec<(String, Severity)> {
        self.firing().into_iter().map(|a| (a.key.to_string(), a.severity)).collect()
    }
}
