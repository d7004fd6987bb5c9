//! Keeps the requests of an account under its limit: in any 60 s, over all renewd processes, a third kept for money; and apart from each
//! other, where the provider has a pace.
//!
//! Responsible for counting and waiting. Not responsible for who may spend, nor for retries: each try takes a token of
//! its own. A crash forgets at most what it had not written; the file remembers the rest for the next process. Where several machines
//! share a ledger, the ledger keeps the window in place of the file.
mod store;
mod window;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::Purpose;
use crate::clock::Clock;
use crate::domain::{AccountName, ProviderName};
use crate::hex::hex;
use crate::record::{RequestRow, RequestTurn};
use window::Token;

/// Who waits longer than this at a terminal takes it for a hang.
const LONG: Duration = Duration::from_secs(2);
/// Milliseconds between two lines about waits of one account, however many requests wait.
const SAY_EVERY: i64 = 60_000;

/// An account's request limit.
#[async_trait::async_trait]
pub trait Limiter: Send + Sync {
    /// Waits until `n` requests fit and takes them. The caller sends one at once; the others are held for what follows within
    /// the minute (further questions of the same quote, the payment), each announced by [`Limiter::payment_leaves`].
    async fn acquire(&self, n: u32, purpose: Purpose);

    /// A payment, or a further question of a quote, leaves now: its held token counts from this instant, not from the quote's. Never waits for room, since
    /// the room was taken with the quote; where the provider has a pace, it waits for that.
    async fn payment_leaves(&self) {}
}

/// A window that several machines share, with a clock of its own.
pub trait SharedWindow: Send + Sync {
    /// One turn at the account's window: `work` sees what counts and the instant, and says what changes.
    ///
    /// # Errors
    /// Why it cannot be reached: nothing was changed, as far as can be told.
    fn turn(
        &self,
        account: &str,
        work: &mut dyn FnMut(&[RequestRow], i64) -> RequestTurn,
    ) -> Result<(), String>;
}

/// The limiter of all renewd processes of a machine, in `requests.db` beside the ledger.
///
/// The window runs on the boot clock, which nobody can set. Where the file cannot be used (a user who may only read), the
/// limit holds within this process alone, and the log says so once.
pub struct SharedLimiter(Arc<Inner>);

struct Inner {
    path: PathBuf,
    /// As people know the account.
    name: AccountName,
    account: String,
    limit: u32,
    /// At least so long from the beginning of one call to that of the next.
    pace_ms: i64,
    clock: Arc<dyn Clock>,
    /// In place of the file, where several machines share the account.
    shared: Option<Arc<dyn SharedWindow>>,
    state: Mutex<State>,
    warned: AtomicBool,
    /// Boot milliseconds from which on a long wait is told again.
    tell_from: AtomicI64,
}

#[derive(Default)]
struct State {
    file: Option<rusqlite::Connection>,
    /// What this process took, also while the file works: the fallback starts from it.
    own: Vec<Token>,
}

impl SharedLimiter {
    /// A limiter of `limit` requests in any 60 s for the account behind this key. `limit` should be 3 or more: a quote and
    /// its payment go together, so that with 1 a minute would hold two, and with 2 no read fits beside them.
    #[must_use]
    pub fn new(
        state_dir: &Path,
        name: AccountName,
        provider: &ProviderName,
        api_key: &SecretString,
        limit: u32,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let mut hash = Sha256::new();
        hash.update(provider.as_str());
        hash.update([0]);
        hash.update(api_key.expose_secret());
        let account = hex(&hash.finalize());
        Self(Arc::new(Inner {
            path: state_dir.join("requests.db"),
            name,
            account,
            limit,
            pace_ms: 0,
            clock,
            shared: None,
            state: Mutex::default(),
            warned: AtomicBool::new(false),
            tell_from: AtomicI64::new(i64::MIN),
        }))
    }

    /// The same, counted over all machines in this window.
    #[must_use]
    pub fn shared_by(self, window: Option<Arc<dyn SharedWindow>>) -> Self {
        Self(
            Arc::try_unwrap(self.0)
                .map_or_else(|shared| shared, |inner| Arc::new(Inner { shared: window, ..inner })),
        )
    }

    /// The same for a provider with a pace of its own, which holds between all calls of the account, over all renewd processes.
    #[must_use]
    pub fn paced(self, pace: Option<SignedDuration>) -> Self {
        let pace_ms = pace.map_or(0, |pace| i64::try_from(pace.as_millis()).unwrap_or(i64::MAX));
        // Nobody shares a limiter that is still being made.
        Self(
            Arc::try_unwrap(self.0)
                .map_or_else(|shared| shared, |inner| Arc::new(Inner { pace_ms, ..inner })),
        )
    }

    /// Runs on the blocking pool: another process may hold the file for a while.
    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce(&Inner) -> T + Send + 'static) -> T {
        let inner = Arc::clone(&self.0);
        match tokio::task::spawn_blocking(move || work(&inner)).await {
            Ok(done) => done,
            Err(died) => match died.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is shutting down: nothing may leave any more.
                Err(_) => std::future::pending().await,
            },
        }
    }
}

#[async_trait::async_trait]
impl Limiter for SharedLimiter {
    async fn acquire(&self, n: u32, purpose: Purpose) {
        while let Some(wait) = self.blocking(move |inner| inner.attempt(n, purpose)).await {
            tracing::debug!(wait_ms = wait.as_millis(), ?purpose, "waiting for the request limit");
            self.0.tell(wait);
            self.0.clock.sleep(wait).await;
        }
    }

    async fn payment_leaves(&self) {
        while let Some(wait) = self.blocking(Inner::restamp).await {
            self.0.clock.sleep(wait).await;
        }
    }
}

impl Inner {
    /// Takes `n` tokens, or says how long to wait.
    fn attempt(&self, n: u32, purpose: Purpose) -> Option<Duration> {
        let n = usize::try_from(n).unwrap_or(usize::MAX).min(window::share(self.limit, purpose)).max(1);
        let wait_of = |tokens: &[Token], now_ms| {
            window::wait(tokens, now_ms, n, purpose, self.limit).max(window::pause(
                tokens,
                now_ms,
                self.pace_ms,
            ))
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = self.turn(&mut state.file, |tokens, now_ms| {
            let wait = wait_of(tokens, now_ms);
            let add = if wait.is_none() { fresh(now_ms, n, purpose).map(row).collect() } else { Vec::new() };
            (RequestTurn { add, drop_held: false }, wait)
        });
        // What this process took itself is on its own clock, whoever keeps the window.
        let now_ms = self.clock.now().boot_ms;
        state.own.retain(|t| t.counts(now_ms));
        let wait = taken.unwrap_or_else(|error| {
            self.warn_once(&error);
            wait_of(&state.own, now_ms)
        });
        if wait.is_none() {
            state.own.extend(fresh(now_ms, n, purpose));
        }
        wait
    }

    /// Lets a held token count from now on, or says how long to wait for the provider's pace.
    fn restamp(&self) -> Option<Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let done = self.turn(&mut state.file, |tokens, now_ms| {
            let pause = if self.pace_ms > 0 { window::pause(tokens, now_ms, self.pace_ms) } else { None };
            let leaves = Token { at_ms: now_ms, purpose: Purpose::Money, held: false };
            let turn = match pause {
                Some(_) => RequestTurn::default(),
                None => RequestTurn { add: vec![row(leaves)], drop_held: true },
            };
            (turn, pause)
        });
        let pause = done.unwrap_or_else(|error| {
            self.warn_once(&error);
            window::pause(&state.own, self.clock.now().boot_ms, self.pace_ms)
        });
        if pause.is_some() {
            return pause;
        }
        let held = state.own.iter().position(|t| t.held);
        if let Some(held) = held {
            state.own.remove(held);
        }
        let at_ms = self.clock.now().boot_ms;
        state.own.push(Token { at_ms, purpose: Purpose::Money, held: false });
        None
    }

    /// One turn at the window, wherever it is kept.
    fn turn<T>(
        &self,
        file: &mut Option<rusqlite::Connection>,
        mut work: impl FnMut(&[Token], i64) -> (RequestTurn, T),
    ) -> Result<T, String> {
        let Some(shared) = &self.shared else {
            let done = self.in_file(file, |look, boot, now_ms| {
                let (turn, done) = work(&look.tokens(boot, now_ms)?, now_ms);
                if turn.drop_held {
                    look.remove_held()?;
                }
                for added in turn.add {
                    look.add(boot, token(added))?;
                }
                Ok(done)
            });
            return done.map_err(|e| e.to_string());
        };
        let mut done = None;
        shared.turn(&self.account, &mut |rows, now_ms| {
            let tokens: Vec<Token> = rows.iter().copied().map(token).filter(|t| t.counts(now_ms)).collect();
            let (turn, found) = work(&tokens, now_ms);
            done = Some(found);
            turn
        })?;
        done.ok_or_else(|| "the window was not looked at".to_owned())
    }

    /// One transaction; the clock is read inside it.
    fn in_file<T>(
        &self,
        file: &mut Option<rusqlite::Connection>,
        work: impl FnOnce(&store::Look<'_>, &str, i64) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let mut conn = match file.take() {
            Some(conn) => conn,
            None => store::open(&self.path)?,
        };
        let look = store::Look::begin(&mut conn, &self.account)?;
        let now = self.clock.now();
        let done = work(&look, &now.boot_id, now.boot_ms)?;
        look.close()?;
        *file = Some(conn);
        Ok(done)
    }

    /// Says what is waited for, at most once in a while: a person at a terminal and whoever reads the log should not take it for a hang.
    fn tell(&self, wait: Duration) {
        let now_ms = self.clock.now().boot_ms;
        if wait <= LONG || now_ms < self.tell_from.load(Ordering::Relaxed) {
            return;
        }
        self.tell_from.store(now_ms.saturating_add(SAY_EVERY), Ordering::Relaxed);
        let Self { name, limit, .. } = self;
        let seconds = wait.as_millis().saturating_add(500) / 1000;
        tracing::info!("waiting {seconds} s: account {name} allows {limit} requests a minute");
    }

    fn warn_once(&self, error: &str) {
        if self.warned.swap(true, Ordering::Relaxed) {
            return;
        }
        if self.shared.is_some() {
            return tracing::warn!(
                "the request limit is kept within this process only while the ledger is away: {error}"
            );
        }
        tracing::warn!(
            file = %self.path.display(),
            %error,
            "the request limit is kept within this process only: see that renewd may write that file"
        );
    }
}

/// The first goes out now, the others are held.
fn fresh(at_ms: i64, n: usize, purpose: Purpose) -> impl Iterator<Item = Token> {
    (0..n).map(move |i| Token { at_ms, purpose, held: i > 0 })
}

fn row(token: Token) -> RequestRow {
    RequestRow { at_ms: token.at_ms, money: token.purpose == Purpose::Money, held: token.held }
}

fn token(row: RequestRow) -> Token {
    let purpose = if row.money { Purpose::Money } else { Purpose::Routine };
    Token { at_ms: row.at_ms, purpose, held: row.held }
}

#[cfg(test)]
mod tests;
