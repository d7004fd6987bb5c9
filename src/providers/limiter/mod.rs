//! Keeps the requests of an account under its limit: in any 60 s, over all renewd processes, a third kept for money.
//!
//! Responsible for counting and waiting. Not responsible for who may spend, nor for retries: each try takes a token of
//! its own. A crash forgets at most what it had not written; the file remembers the rest for the next process.
mod store;
mod window;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::Purpose;
use crate::clock::Clock;
use crate::domain::{AccountName, ProviderName};
use window::Token;

/// Who waits longer than this at a terminal takes it for a hang.
const LONG: Duration = Duration::from_secs(2);

/// An account's request limit.
#[async_trait::async_trait]
pub trait Limiter: Send + Sync {
    /// Waits until `n` requests fit and takes them. The caller sends one at once; the others are held for what follows within
    /// the minute (further questions of the same quote, the payment), each announced by [`Limiter::payment_leaves`].
    async fn acquire(&self, n: u32, purpose: Purpose);

    /// A payment, or a further question of a quote, leaves now: its held token counts from this instant, not from the quote's. Never waits for room, since
    /// the room was taken with the quote.
    async fn payment_leaves(&self) {}
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
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    warned: AtomicBool,
    /// Somebody was told of a long wait.
    told: AtomicBool,
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
        let account = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Self(Arc::new(Inner {
            path: state_dir.join("requests.db"),
            name,
            account,
            limit,
            clock,
            state: Mutex::default(),
            warned: AtomicBool::new(false),
            told: AtomicBool::new(false),
        }))
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
            if wait > LONG && !self.0.told.swap(true, Ordering::Relaxed) {
                let Inner { name, limit, .. } = self.0.as_ref();
                tracing::info!(
                    "{name}: waiting for its request limit ({limit} a minute); this takes a while"
                );
            }
            self.0.clock.sleep(wait).await;
        }
    }

    async fn payment_leaves(&self) {
        self.blocking(Inner::restamp).await;
    }
}

impl Inner {
    /// Takes `n` tokens, or says how long to wait.
    fn attempt(&self, n: u32, purpose: Purpose) -> Option<Duration> {
        let n = usize::try_from(n).unwrap_or(usize::MAX).min(window::share(self.limit, purpose)).max(1);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = self.in_file(&mut state.file, |look, boot, now_ms| {
            let wait = window::wait(&look.tokens(boot, now_ms)?, now_ms, n, purpose, self.limit);
            if wait.is_none() {
                for token in fresh(now_ms, n, purpose) {
                    look.add(boot, token)?;
                }
            }
            Ok((wait, now_ms))
        });
        let now_ms = taken.as_ref().map_or_else(|_| self.clock.now().boot_ms, |(_, now_ms)| *now_ms);
        state.own.retain(|t| t.counts(now_ms));
        let wait = match taken {
            Ok((wait, _)) => wait,
            Err(error) => {
                self.warn_once(&error);
                window::wait(&state.own, now_ms, n, purpose, self.limit)
            }
        };
        if wait.is_none() {
            state.own.extend(fresh(now_ms, n, purpose));
        }
        wait
    }

    fn restamp(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let done = self.in_file(&mut state.file, |look, boot, now_ms| {
            look.remove_held()?;
            look.add(boot, Token { at_ms: now_ms, purpose: Purpose::Money, held: false })
        });
        if let Err(error) = done {
            self.warn_once(&error);
        }
        let held = state.own.iter().position(|t| t.held);
        if let Some(held) = held {
            state.own.remove(held);
        }
        let at_ms = self.clock.now().boot_ms;
        state.own.push(Token { at_ms, purpose: Purpose::Money, held: false });
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

    fn warn_once(&self, error: &rusqlite::Error) {
        if !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                file = %self.path.display(),
                %error,
                "the request limit is kept within this process only: see that renewd may write that file"
            );
        }
    }
}

/// The first goes out now, the others are held.
fn fresh(at_ms: i64, n: usize, purpose: Purpose) -> impl Iterator<Item = Token> {
    (0..n).map(move |i| Token { at_ms, purpose, held: i > 0 })
}

#[cfg(test)]
mod tests;
