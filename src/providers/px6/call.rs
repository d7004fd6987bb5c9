//! One free call, with its tries: every try takes a token of the limiter.
//!
//! Passing troubles (no answer, 429, 5xx, "Error unknown") are tried three times within seconds; a wrong key is told at once. Only for
//! calls that cost nothing: a payment never comes this way.
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use url::Url;

use crate::clock::Clock;
use crate::domain::{AccountName, Moment};
use crate::providers::http::{ReadHttp, Reply};
use crate::providers::limiter::Limiter;
use crate::providers::{ConnectError, Connection, Purpose, Words};

use super::envelope::{self, Trouble};

/// Before the second try; twice that before the third.
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// After the first try.
const MORE_TRIES: usize = 2;
/// The largest body that is read: a page holds a thousand rows.
const PAGE_CAP: usize = 16 << 20;

/// Boxed at once: the compiler cannot see through the retrying future that it is `Send`.
pub type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Where the first try's token comes from; further tries take one each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tokens {
    /// So many are taken: one for this call, the others for what follows it.
    Take(u32),
    /// An earlier call took it.
    Held,
}

/// An answer that says success, and when it was asked for.
pub struct Answer {
    /// The answer.
    pub reply: Reply,
    /// Before the request left.
    pub asked_at: Moment,
}

/// Makes the free calls of one account.
pub struct Caller(Arc<Inner>);

struct Inner {
    http: ReadHttp,
    account: AccountName,
    words: Words,
    clock: Arc<dyn Clock>,
    limiter: Arc<dyn Limiter>,
}

impl Caller {
    /// Builds the client; sends nothing.
    pub fn new(connection: &Connection) -> Result<Self, ConnectError> {
        Ok(Self(Arc::new(Inner {
            http: ReadHttp::new(connection)?,
            account: connection.account.clone(),
            words: connection.words(),
            clock: Arc::clone(&connection.clock),
            limiter: Arc::clone(&connection.limiter),
        })))
    }

    /// Up to three tries.
    pub fn ask(
        &self,
        call: &'static str,
        url: Url,
        purpose: Purpose,
        tokens: Tokens,
    ) -> Boxed<Result<Answer, Trouble>> {
        let inner = Arc::clone(&self.0);
        let first = AtomicBool::new(true);
        let one_try = move || -> Boxed<Result<Answer, Trouble>> {
            let (inner, url) = (Arc::clone(&inner), url.clone());
            let tokens = if first.swap(false, Ordering::Relaxed) { tokens } else { Tokens::Take(1) };
            Box::pin(async move {
                match tokens {
                    Tokens::Take(n) => inner.limiter.acquire(n, purpose).await,
                    Tokens::Held => inner.limiter.payment_leaves().await,
                }
                inner.try_once(call, url).await
            })
        };
        let clock = Arc::clone(&self.0.clock);
        let sleep = move |span: Duration| -> Boxed<()> {
            let clock = Arc::clone(&clock);
            Box::pin(async move { clock.sleep(span).await })
        };
        let tries = one_try
            .retry(ExponentialBuilder::default().with_min_delay(FIRST_DELAY).with_max_times(MORE_TRIES))
            .sleep(sleep)
            .when(Trouble::is_passing);
        Box::pin(tries.into_future())
    }
}

impl Inner {
    async fn try_once(&self, call: &'static str, url: Url) -> Result<Answer, Trouble> {
        let asked_at = self.clock.now();
        let sent = self.http.get(url, PAGE_CAP).await;
        let opened = sent
            .map_err(|failure| Trouble::NoAnswer { what: failure.into_text(), passing: true })
            .and_then(|reply| {
                envelope::check_status(reply.status)?;
                envelope::open(&reply.body, &self.words)?;
                Ok(reply)
            });
        if let Err(trouble) = &opened {
            tracing::debug!(account = %self.account, call, ?trouble, "a call to the provider failed");
        }
        Ok(Answer { reply: opened?, asked_at })
    }
}
