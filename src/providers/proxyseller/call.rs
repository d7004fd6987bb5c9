//! One free call, with its tries: every try takes a token of the limiter.
//!
//! Passing troubles (no answer, 429, 5xx) are tried three times within seconds. Only for calls that cost nothing: a payment
//! never comes this way.
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use url::Url;

use crate::clock::Clock;
use crate::domain::{AccountName, Moment};
use crate::providers::http::{CAP, ReadHttp, Reply};
use crate::providers::limiter::Limiter;
use crate::providers::{ConnectError, Connection, Purpose};

use super::envelope::{self, Trouble};

/// Before the second try; twice that before the third.
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// After the first try.
const MORE_TRIES: usize = 2;

/// Boxed at once: the compiler cannot see through the retrying future that it is `Send`.
type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What to ask.
pub enum Ask {
    /// A list or a figure.
    Get {
        /// Where.
        url: Url,
        /// The largest body that is read.
        cap: usize,
    },
    /// A price.
    Post {
        /// Where.
        url: Url,
        /// The body.
        json: Vec<u8>,
    },
}

/// An answer with status 200, and when it was asked for.
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
    clock: Arc<dyn Clock>,
    limiter: Arc<dyn Limiter>,
}

impl Caller {
    /// Builds the client; sends nothing.
    pub fn new(connection: &Connection) -> Result<Self, ConnectError> {
        Ok(Self(Arc::new(Inner {
            http: ReadHttp::new(connection)?,
            account: connection.account.clone(),
            clock: Arc::clone(&connection.clock),
            limiter: Arc::clone(&connection.limiter),
        })))
    }

    /// Up to three tries. The first takes `tokens`, each further one a single token.
    pub fn ask(
        &self,
        call: &'static str,
        ask: Ask,
        purpose: Purpose,
        tokens: u32,
    ) -> Boxed<Result<Answer, Trouble>> {
        let inner = Arc::clone(&self.0);
        let (ask, tokens) = (Arc::new(ask), AtomicU32::new(tokens));
        let one_try = move || -> Boxed<Result<Answer, Trouble>> {
            let (inner, ask) = (Arc::clone(&inner), Arc::clone(&ask));
            let tokens = tokens.swap(1, Ordering::Relaxed);
            Box::pin(async move {
                inner.limiter.acquire(tokens, purpose).await;
                inner.try_once(call, &ask).await
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
    async fn try_once(&self, call: &'static str, ask: &Ask) -> Result<Answer, Trouble> {
        let asked_at = self.clock.now();
        let sent = match ask {
            Ask::Get { url, cap } => self.http.get(url.clone(), *cap).await,
            Ask::Post { url, json } => self.http.post(url.clone(), json.clone(), CAP).await,
        };
        let answered = sent
            .map_err(|failure| Trouble::NoAnswer { what: failure.into_text(), passing: true })
            .and_then(|reply| envelope::check_status(reply.status).map(|()| reply));
        if let Err(trouble) = &answered {
            tracing::debug!(account = %self.account, call, ?trouble, "a call to the provider failed");
        }
        Ok(Answer { reply: answered?, asked_at })
    }
}
