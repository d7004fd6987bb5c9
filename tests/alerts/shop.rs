//! A provider in memory, the real engine, ledger and telling over it: for what only a row of passes shows.
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use renewd::alerts::tell;
use renewd::clock::Clock;
use renewd::domain::{
    Balance, Capabilities, Catalogue, ChangeRequest, Currency, FieldProblem, Inventory, Kind, Lease, Moment,
    Money, PurchaseRequest, Quote, QuoteError, RenewalRequest,
};
use renewd::engine::{CycleReport, Payer, Viewer};
use renewd::keylock::KeyLocks;
use renewd::ledger::sqlite::{Access, SqliteLedger, open};
use renewd::ledger::{Outbox, PurchasePermit, SpendPermit};
use renewd::providers::{PaymentReply, PromoCode, Purpose, ReadError, Reader, Spender};
use renewd::settings::{Settings, Sources, load};

use crate::support::{acct, at, inventory, money};

/// What the provider would list now, and what a renewal does to the address.
pub struct Shelf {
    pub leases: Vec<Lease>,
    pub balance: Money,
    pub swaps_to: Option<&'static str>,
    pub down: bool,
}

pub struct Provider {
    pub shelf: Mutex<Shelf>,
    capabilities: Capabilities,
    clock: Arc<Minutes>,
}

/// A clock that a test sets: minutes after noon of the first day.
pub struct Minutes(Mutex<i64>);

#[async_trait]
impl Clock for Minutes {
    fn now(&self) -> Moment {
        at(*self.0.lock().unwrap())
    }

    async fn sleep(&self, _span: Duration) {}
}

#[async_trait]
impl Reader for Provider {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    async fn inventory(&self, _purpose: Purpose) -> Result<Inventory, ReadError> {
        let shelf = self.shelf.lock().unwrap();
        if shelf.down {
            return Err(ReadError::NoAnswer("it is away".to_owned()));
        }
        let mut seen = inventory(shelf.leases.clone());
        seen.balance.amount = shelf.balance;
        Ok(seen)
    }

    async fn balance(&self, _purpose: Purpose) -> Result<Balance, ReadError> {
        Ok(Balance { amount: self.shelf.lock().unwrap().balance, currency: Currency::new("USD") })
    }

    async fn periods(&self, _kind: &Kind) -> Result<Vec<u32>, ReadError> {
        Ok(vec![30])
    }

    async fn promo_codes(&self) -> Result<Vec<PromoCode>, ReadError> {
        Ok(Vec::new())
    }

    async fn quote(&self, request: &RenewalRequest) -> Result<Quote, QuoteError> {
        let price = money("2.65").times(request.leases.len() as u64).unwrap();
        let balance = Balance { amount: self.shelf.lock().unwrap().balance, currency: Currency::new("USD") };
        let (method, asked_at) = (request.method, self.clock.now());
        Ok(Quote {
            price,
            balance,
            promo: None,
            warnings: Vec::new(),
            method,
            asked_at,
            paid_before: None,
            each: None,
            order: None,
        })
    }

    async fn catalogue(&self) -> Result<Catalogue, ReadError> {
        Ok(Catalogue::default())
    }

    fn purchase_problems(&self, _request: &PurchaseRequest) -> Vec<FieldProblem> {
        Vec::new()
    }

    async fn quote_purchase(&self, _request: &PurchaseRequest) -> Result<Quote, QuoteError> {
        Err(QuoteError::NoAnswer("nothing is sold here".to_owned()))
    }

    async fn quote_cycle(&self, _request: &ChangeRequest, _cycle: &str) -> Result<Option<Money>, QuoteError> {
        Ok(None)
    }
}

#[async_trait]
impl Spender for Provider {
    async fn extend(&self, permit: SpendPermit) -> PaymentReply {
        let mut shelf = self.shelf.lock().unwrap();
        let swapped = shelf.swaps_to;
        for paid in &permit.request().leases {
            shelf.balance = shelf.balance.minus(money("2.65")).unwrap();
            let lease = shelf.leases.iter_mut().find(|l| l.id == paid.id).unwrap();
            lease.expires_at = Some(paid.expires_at + SignedDuration::from_hours(24 * 30));
            lease.ip = swapped.map_or_else(|| lease.ip.clone(), str::to_owned);
        }
        PaymentReply::Accepted { balance: None, charged: None, promo: None, order: None }
    }

    async fn purchase(&self, _permit: PurchasePermit) -> PaymentReply {
        PaymentReply::NeverSent("nothing is sold here".to_owned())
    }
}

/// The provider, the clock and the folder of the ledger; processes come and go.
pub struct Shop {
    pub dir: tempfile::TempDir,
    pub provider: Arc<Provider>,
    clock: Arc<Minutes>,
    settings: Arc<Settings>,
}

fn settings(dir: &Path) -> Settings {
    let key = dir.join("yp.key");
    std::fs::write(&key, "a-key-of-sixteen-and-more").unwrap();
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let text = "[[account]]\nname = \"yp\"\nprovider = \"youproxy\"\napi_key = { file = \"yp.key\" }\n\
                [[policy]]\nname = \"go\"\nmatch = { lease = [\"L9\"] }\naction = \"release\"\n\
                [[policy]]\nname = \"keep\"\naction = \"renew\"\nperiod = \"30d\"\n\
                [alerts.email]\nhost = \"127.0.0.1\"\ntls = \"none\"\nfrom = \"renewd@example.org\"\nto = [\"ops@example.org\"]\n";
    let file = dir.join("renewd.toml");
    std::fs::write(&file, text).unwrap();
    load(&Sources { files: vec![file], ..Sources::default() }).unwrap()
}

impl Shop {
    pub fn new(leases: Vec<Lease>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(Minutes(Mutex::new(10)));
        let capabilities = Capabilities {
            renew_early: true,
            quote_is_bound: true,
            quote_reads_order: false,
            warns: true,
            auto_renewal: false,
            sells_cycles: false,
            grace: None,
            bundled_kinds: Vec::new(),
            hides_auto_renewal: false,
            prices_by_count: false,
            pace: None,
            marks_purchases: false,
        };
        let shelf = Shelf { leases, balance: money("100.00"), swaps_to: None, down: false };
        let provider = Provider { shelf: Mutex::new(shelf), capabilities, clock: Arc::clone(&clock) };
        let settings = Arc::new(settings(dir.path()));
        Self { dir, provider: Arc::new(provider), clock, settings }
    }

    pub fn minute(&self, minute: i64) {
        *self.clock.0.lock().unwrap() = minute;
    }

    pub fn ledger(&self) -> Arc<SqliteLedger> {
        Arc::new(open(self.dir.path(), Access::Pay).unwrap())
    }

    /// A process that has just come up on this ledger.
    pub fn payer(&self, ledger: &Arc<SqliteLedger>) -> Payer {
        let reader: Arc<dyn Reader> = Arc::<Provider>::clone(&self.provider);
        let spender: Arc<dyn Spender> = Arc::<Provider>::clone(&self.provider);
        let viewer = Viewer {
            settings: Arc::clone(&self.settings),
            ledger: Arc::<SqliteLedger>::clone(ledger),
            clock: Arc::<Minutes>::clone(&self.clock),
            readers: BTreeMap::from([(acct(), reader)]),
            tenure: Arc::new(renewd::ledger::Tenure::alone()),
            stop: tokio_util::sync::CancellationToken::new(),
            beat: Arc::new(|| {}),
        };
        let keys = Arc::new(KeyLocks::new(self.dir.path().join("run"), "shop".to_owned()));
        Payer { viewer, spenders: BTreeMap::from([(acct(), spender)]), changers: BTreeMap::new(), keys }
    }

    /// A settling pass and its telling.
    pub async fn settle(&self, payer: &Payer) {
        let doubles = payer.settle_pass().await.unwrap();
        tell::doubles(&payer.viewer, &doubles).unwrap();
    }

    /// A cycle and its telling, so many minutes after noon.
    pub async fn cycle(&self, payer: &Payer, minute: i64) -> CycleReport {
        self.minute(minute);
        let report = payer.cycle().await.unwrap();
        tell::report(&payer.viewer, &report).unwrap();
        report
    }
}

/// What was mailed of this cause: the texts, oldest first.
pub fn mails(ledger: &SqliteLedger, cause: &str) -> Vec<String> {
    let all = ledger.outbox(None).unwrap().into_iter();
    all.filter(|m| m.mail.key.cause() == cause).map(|m| m.mail.text).collect()
}

/// A lease whose end is far off.
pub fn far(mut lease: Lease) -> Lease {
    let end: Timestamp = "2026-12-20T09:00:00Z".parse().unwrap();
    lease.expires_at = Some(end);
    lease
}
