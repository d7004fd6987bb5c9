//! One connection to a server, on a thread of its own: whoever calls blocks, as with a file, whatever runtime he is on.
//!
//! Every order has an end: a server that does not answer in time is as good as gone, and the connection is given up. A crash here, or a
//! link that is dropped, leaves an open transaction to the server, which takes it back.
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{poll_fn, try_join_all};
use futures_util::{StreamExt, pin_mut};
use rusqlite::types::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use tokio_postgres::error::Severity;
use tokio_postgres::{AsyncMessage, Client, Connection, NoTls, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::dialect::{translate, widened};
use super::failure::Failure;
use super::target::Target;
use super::values::{given, taken};

/// As long as a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// The server gives a statement up before this.
const ANSWER: Duration = Duration::from_secs(12);
/// Statements that are kept ready for a connection.
const READY: usize = 512;
/// A statement has at most so many values.
const VALUES: usize = 60_000;

/// What a statement brought.
#[derive(Debug, Default)]
pub(in crate::ledger) struct Answer {
    /// The names of its columns.
    pub names: Vec<String>,
    /// Its rows.
    pub rows: Vec<Vec<Value>>,
    /// How many rows it changed.
    pub changed: usize,
}

enum Task {
    /// Statements without values, as the server reads them.
    Plain(String),
    /// One statement with its values.
    Run(String, Vec<Value>),
    /// One statement for many rows of values.
    Many(String, Vec<Vec<Value>>),
}

struct Order {
    task: Task,
    answer: SyncSender<Result<Answer, Failure>>,
}

type Warnings = Arc<Mutex<Vec<String>>>;

/// A connection.
pub(in crate::ledger) struct Link {
    orders: UnboundedSender<Order>,
    warnings: Warnings,
    /// A statement failed since the transaction began: nothing of it may be committed.
    failed: AtomicBool,
    /// Ways to the server and back.
    trips: AtomicUsize,
}

impl Link {
    /// Connects.
    pub fn open(target: &Target) -> Result<Self, Failure> {
        let (orders, inbox) = unbounded_channel();
        let (ready, is_ready) = sync_channel(1);
        let warnings = Warnings::default();
        let (target, heard) = (target.clone(), Arc::clone(&warnings));
        std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || serve(&target, heard, inbox, &ready))
            .map_err(|e| Failure::Away(e.to_string()))?;
        is_ready.recv().map_err(|_| gone())??;
        Ok(Self { orders, warnings, failed: AtomicBool::new(false), trips: AtomicUsize::new(0) })
    }

    /// Runs a statement.
    pub fn run(&self, sql: &str, values: Vec<Value>) -> Result<Answer, Failure> {
        self.ask(Task::Run(sql.to_owned(), values))
    }

    /// Runs a statement for many rows of values, on one way to the server and back as far as it goes.
    pub fn run_many(&self, sql: &str, rows: Vec<Vec<Value>>) -> Result<(), Failure> {
        self.ask(Task::Many(sql.to_owned(), rows)).map(drop)
    }

    /// Begins a transaction by these statements.
    pub fn begin(&self, statements: &str) -> Result<(), Failure> {
        self.failed.store(false, Ordering::Release);
        self.plain(statements)
    }

    /// Runs statements without values.
    pub fn plain(&self, statements: &str) -> Result<(), Failure> {
        self.ask(Task::Plain(statements.to_owned())).map(drop)
    }

    /// Commits. `Some`: it is committed, and the server warned of something, such as a standby that did not confirm it.
    pub fn commit(&self) -> Result<Option<String>, Failure> {
        if self.failed.load(Ordering::Acquire) {
            return Err(Failure::Refused(
                "a statement of the transaction failed: nothing of it was kept".to_owned(),
            ));
        }
        self.heard().clear();
        self.plain("COMMIT")?;
        Ok(self.heard().pop())
    }

    /// Ways to the server and back, so far.
    pub fn trips(&self) -> usize {
        self.trips.load(Ordering::Relaxed)
    }

    fn heard(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask(&self, task: Task) -> Result<Answer, Failure> {
        let (answer, is_answered) = sync_channel(1);
        self.trips.fetch_add(1, Ordering::Relaxed);
        let sent = self.orders.send(Order { task, answer }).map_err(|_| gone());
        let done = sent.and_then(|()| is_answered.recv().map_err(|_| gone())?);
        if done.is_err() {
            self.failed.store(true, Ordering::Release);
        }
        done
    }
}

fn gone() -> Failure {
    Failure::Away("the connection to the server was closed".to_owned())
}

fn serve(
    target: &Target,
    warnings: Warnings,
    mut inbox: UnboundedReceiver<Order>,
    ready: &SyncSender<Result<(), Failure>>,
) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(e) => return drop(ready.send(Err(Failure::Away(e.to_string())))),
    };
    runtime.block_on(async move {
        let limit = Failure::Away(format!("no connection within {} s", CONNECT.as_secs()));
        let made = timeout(CONNECT, Talk::begin(target, warnings)).await.unwrap_or(Err(limit));
        let mut talk = match made {
            Ok(talk) => talk,
            Err(e) => return drop(ready.send(Err(e))),
        };
        if ready.send(Ok(())).is_err() {
            return;
        }
        while let Some(Order { task, answer }) = inbox.recv().await {
            let done = match timeout(ANSWER, talk.work(task)).await {
                Ok(done) => done,
                Err(_) => Err(Failure::Away(format!("the server did not answer for {} s", ANSWER.as_secs()))),
            };
            let is_over = done.as_ref().is_err_and(Failure::is_away);
            let _ = answer.send(done);
            if is_over {
                return;
            }
        }
        // Nobody has anything more to ask: the server hears that it may forget this one.
        drop(talk.client);
        let _ = timeout(CONNECT, talk.driver).await;
    });
}

/// The connection as its thread has it.
struct Talk {
    client: Client,
    driver: tokio::task::JoinHandle<()>,
    ready: HashMap<String, Statement>,
    last_words: Warnings,
}

impl Talk {
    async fn begin(target: &Target, warnings: Warnings) -> Result<Self, Failure> {
        let last_words = Warnings::default();
        let words = Arc::clone(&last_words);
        let (client, driver) = match &target.tls {
            None => {
                let (client, connection) = target.config.connect(NoTls).await?;
                (client, tokio::spawn(drive(connection, warnings, words)))
            }
            Some(tls) => {
                let (client, connection) =
                    target.config.connect(MakeRustlsConnect::new(tls.as_ref().clone())).await?;
                (client, tokio::spawn(drive(connection, warnings, words)))
            }
        };
        client.batch_execute(&target.limits.settings()).await?;
        Ok(Self { client, driver, ready: HashMap::new(), last_words })
    }

    async fn work(&mut self, task: Task) -> Result<Answer, Failure> {
        let done = match task {
            Task::Plain(sql) => {
                self.client.batch_execute(&sql).await.map_err(Failure::from).map(|()| Answer::default())
            }
            Task::Run(sql, values) => self.run(&sql, &values).await,
            Task::Many(sql, rows) => self.many(&sql, &rows).await.map(|()| Answer::default()),
        };
        done.map_err(|e| self.as_told(e))
    }

    /// Why a connection was closed is said on the connection, not to the statement.
    fn as_told(&self, e: Failure) -> Failure {
        let said = self.last_words.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match e {
            Failure::Away(words) => Failure::Away(said.unwrap_or(words)),
            refused => refused,
        }
    }

    async fn statement(&mut self, sql: &str) -> Result<Statement, Failure> {
        if let Some(ready) = self.ready.get(sql) {
            return Ok(ready.clone());
        }
        let made = self.client.prepare(&translate(sql)).await?;
        if self.ready.len() >= READY {
            self.ready.clear();
        }
        self.ready.insert(sql.to_owned(), made.clone());
        Ok(made)
    }

    async fn run(&mut self, sql: &str, values: &[Value]) -> Result<Answer, Failure> {
        let statement = self.statement(sql).await?;
        let names = statement.columns().iter().map(|c| c.name().to_owned()).collect();
        let stream = self.client.query_raw(&statement, given(values, statement.params())?).await?;
        pin_mut!(stream);
        let mut rows = Vec::new();
        while let Some(row) = stream.next().await {
            rows.push(taken(&row?)?);
        }
        let changed = stream.rows_affected().map_or(0, |n| usize::try_from(n).unwrap_or(usize::MAX));
        Ok(Answer { names, rows, changed })
    }

    async fn many(&mut self, sql: &str, rows: &[Vec<Value>]) -> Result<(), Failure> {
        let width = rows.first().map_or(1, |row| row.len().max(1));
        for rows in rows.chunks((VALUES / width).max(1)) {
            if rows.len() > 1 && widened(&translate(sql), width, 1).is_some() {
                self.wide(sql, width, rows).await?;
                continue;
            }
            // Sent one behind the other, without waiting for an answer.
            let statement = self.statement(sql).await?;
            let values: Vec<_> =
                rows.iter().map(|row| given(row, statement.params())).collect::<Result<_, _>>()?;
            try_join_all(values.into_iter().map(|row| self.client.execute_raw(&statement, row))).await?;
        }
        Ok(())
    }

    async fn wide(&mut self, sql: &str, width: usize, rows: &[Vec<Value>]) -> Result<(), Failure> {
        let key = format!("{sql}\n{}", rows.len());
        let statement = match self.ready.get(&key) {
            Some(ready) => ready.clone(),
            None => {
                let text = widened(&translate(sql), width, rows.len()).unwrap_or_default();
                let made = self.client.prepare(&text).await?;
                // Only the full measure comes again.
                if rows.len() == 1_000 {
                    self.ready.insert(key, made.clone());
                }
                made
            }
        };
        let values: Vec<Value> = rows.iter().flatten().cloned().collect();
        self.client.execute_raw(&statement, given(&values, statement.params())?).await?;
        Ok(())
    }
}

/// Moves bytes until the connection ends; keeps what the server says beside its answers.
async fn drive<S, T>(mut connection: Connection<S, T>, warnings: Warnings, last_words: Warnings)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    let keep =
        |list: &Warnings, words: String| list.lock().unwrap_or_else(PoisonError::into_inner).push(words);
    while let Some(message) = poll_fn(|cx| connection.poll_message(cx)).await {
        match message {
            Ok(AsyncMessage::Notice(n)) if n.parsed_severity() == Some(Severity::Warning) => {
                keep(&warnings, n.message().to_owned());
            }
            Ok(_) => {}
            Err(e) => return keep(&last_words, Failure::from(e).to_string()),
        }
    }
}
