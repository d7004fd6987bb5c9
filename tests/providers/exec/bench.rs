//! A program that does what a file says, verb by verb, and the adapter's parts connected to it.
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use renewd::clock::{Clock, SystemClock};
use renewd::domain::{
    AccountName, Balance, Currency, Inventory, Kind, Lease, LeaseId, Method, Money, OrderId, OrderState,
    ProviderName, RenewalRequest, RequestLease, Told,
};
use renewd::ledger::sqlite::{Access, SqliteLedger, open};
use renewd::ledger::{Cycles, Inventories, LastLook, NewIntent, Payments, Purpose, SpendPermit};
use renewd::providers::exec::{self, Runner, Setup};
use renewd::providers::{Connection, PaymentReply, Reader};
use renewd::redact::Redactor;
use secrecy::SecretString;

use crate::proxyshard::bench::Counting;

pub const KEY: &str = "Sk~very/secret 77";

/// Reads its input, notes its verb, and goes on with what stands in the file of that name.
const PROGRAM: &str = r#"#!/bin/sh
here=$(dirname "$0")
input=$(cat)
r=$(printf '%s' "$input" | sed 's/.*"request":"\([^"]*\)".*/\1/')
printf '%s\n' "$1" >> "$here/calls"
printf '%s' "$input" > "$here/$1.input"
say() { printf '{"protocol":1,"request":"%s",%s}\n' "$r" "$1"; }
. "$here/$1"
"#;

const CAN: &str = r#"say '"protocols":[1],"name":"fake","version":"1","verbs":["capabilities","list","balance","quote","extend","set_auto_renewal"],"renew_early":true,"quote_is_bound":true,"auto_renewal":true,"pays":"lease","bundled_kinds":[],"terms":"days","grace_s":0,"parallel_reads":1,"requests_per_call":{"list":3,"extend":2},"max_batch":20,"money_timeout_s":2'"#;

pub struct Bench {
    pub dir: tempfile::TempDir,
    pub limiter: Arc<Counting>,
    pub key: &'static str,
    pub secret_env: Option<&'static str>,
    pub trust_refusals: bool,
    ledger: Arc<SqliteLedger>,
}

pub fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn end() -> Timestamp {
    "2026-12-01T09:00:00Z".parse().unwrap()
}

impl Bench {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let bench = Self {
            ledger: Arc::new(open(&dir.path().join("state"), Access::Pay).unwrap()),
            dir,
            limiter: Arc::default(),
            key: KEY,
            secret_env: None,
            trust_refusals: false,
        };
        fs::write(bench.path("program"), PROGRAM).unwrap();
        fs::set_permissions(bench.path("program"), fs::Permissions::from_mode(0o755)).unwrap();
        bench.on("capabilities", CAN);
        bench.seed();
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What a verb does: lines of a shell script. `say 'FIELDS'` answers with protocol and request before them.
    pub fn on(&self, verb: &str, script: &str) -> &Self {
        fs::write(self.path(verb), format!("{script}\n")).unwrap();
        self
    }

    /// What the program was called with, in order.
    pub fn calls(&self) -> Vec<String> {
        let text = fs::read_to_string(self.path("calls")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    pub fn input(&self, verb: &str) -> serde_json::Value {
        let text = fs::read_to_string(self.path(&format!("{verb}.input"))).unwrap();
        serde_json::from_str(&text).unwrap()
    }

    fn setup(&self) -> Setup {
        Setup {
            command: vec![self.path("program").display().to_string()],
            settings: serde_json::value::RawValue::from_string(r#"{"base_url":"https://x.example"}"#.into())
                .unwrap(),
            secret_env: self.secret_env.map(str::to_owned),
            trust_refusals: self.trust_refusals,
            allowed: Arc::new(|_| Ok(())),
            runner: Runner::with(PathBuf::from(env!("CARGO_BIN_EXE_renewd"))),
            grace: Duration::from_millis(300),
        }
    }

    fn connection(&self) -> Connection {
        Connection {
            account: AccountName::from("x"),
            owner_says: Default::default(),
            base_url: "https://program.invalid".parse().unwrap(),
            api_key: SecretString::from(self.key),
            read_timeout: SignedDuration::from_secs(5),
            money_timeout: SignedDuration::from_secs(5),
            redactor: Redactor::default(),
            clock: Arc::new(SystemClock::new()),
            limiter: self.limiter.clone(),
        }
    }

    pub fn reader(&self) -> Arc<dyn Reader> {
        exec::reader(&self.connection(), self.setup())
    }

    pub fn reader_allowed(&self, allowed: exec::Allowed) -> Arc<dyn Reader> {
        exec::reader(&self.connection(), Setup { allowed, ..self.setup() })
    }

    fn seed(&self) {
        let leases: Vec<Lease> = (1..30).map(lease).collect();
        let inventory = Inventory {
            leases: Arc::new(leases.into()),
            balance: Balance { amount: money("100.00"), currency: Currency::new("USD") },
            oddities: Vec::new(),
            unreadable: 0,
            clock_skew: None,
            doubt: None,
            owner: None,
        };
        let now = SystemClock::new().now();
        self.ledger.start_cycle(&now).unwrap();
        self.ledger
            .record_inventory(&ProviderName::from("exec"), &AccountName::from("x"), now.wall, &inventory)
            .unwrap();
    }

    /// A permit of the ledger for these leases, its row durable.
    pub fn permit(&self, leases: &[usize], stands: Result<(), String>) -> SpendPermit {
        let now = SystemClock::new().now();
        let intent = NewIntent {
            labels: Vec::new(),
            provider: ProviderName::from("exec"),
            purpose: Purpose::Renewal,
            request: request(leases),
            policy: "keep".to_owned(),
            quoted: money("2.65"),
            currency: Currency::new("USD"),
            balance_before: money("100.00"),
            cycle: 1,
            attempt: 1,
            approval: None,
            at: now.clone(),
        };
        let id = self.ledger.reserve(&intent, &[]).unwrap().expect("nothing blocks it");
        let permit = self.ledger.start_spend(&id, &now).unwrap();
        permit.on(LastLook::new(Arc::new(move || stands.clone())).priced(&now).read(&now))
    }

    /// One payment of lease `L1`, as the program answers it.
    pub async fn pay(&self) -> PaymentReply {
        exec::spender(&self.connection(), self.setup()).extend(self.permit(&[1], Ok(()))).await
    }

    pub async fn pay_with(&self, permit: SpendPermit) -> PaymentReply {
        exec::spender(&self.connection(), self.setup()).extend(permit).await
    }

    pub async fn pay_by(&self, command: &Path) -> PaymentReply {
        let setup = Setup { command: vec![command.display().to_string()], ..self.setup() };
        exec::spender(&self.connection(), setup).extend(self.permit(&[1], Ok(()))).await
    }
}

fn lease(n: usize) -> Lease {
    Lease {
        account: AccountName::from("x"),
        id: LeaseId::new(format!("L{n}")),
        order: OrderId::new(format!("O{n}")),
        ip: format!("203.0.113.{n}"),
        kind: Kind::new("IPv4"),
        country: None,
        tag: None,
        told: Told::Instant,
        port: None,
        expires_at: Some(end()),
        provider_renews: Some(false),
        state: OrderState::Active,
        held_since: None,
        operator: None,
        started_at: None,
        cycle: None,
        price: None,
    }
}

pub fn request(leases: &[usize]) -> RenewalRequest {
    let one = |n: &usize| {
        let l = lease(*n);
        RequestLease {
            id: l.id,
            order: l.order,
            ip: l.ip,
            port: None,
            told: Told::Instant,
            expires_at: end(),
        }
    };
    RenewalRequest {
        account: AccountName::from("x"),
        kind: Kind::new("IPv4"),
        leases: leases.iter().map(one).collect(),
        period_days: 30,
        cycle: None,
        promo: None,
        method: Method::Leases,
    }
}
