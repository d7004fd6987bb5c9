//! A wire between renewd and the provider: passes bytes on, makes money calls slow, and notes when each began and ended.
//!
//! Slow calls give the kills and pauses something to hit. A caller that dies while its request is on the way leaves it to
//! chance whether the provider still gets it.
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use renewd::clock::{Clock, SystemClock};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::history::Call;

pub struct Wire {
    pub url: String,
    quotes: Arc<Quotes>,
    log: Arc<Mutex<Vec<Call>>>,
    _runtime: tokio::runtime::Runtime,
}

/// Price calls, which may be held back.
#[derive(Default)]
struct Quotes {
    hold: AtomicBool,
    held: AtomicUsize,
}

struct Line {
    to: SocketAddr,
    quotes: Arc<Quotes>,
    log: Arc<Mutex<Vec<Call>>>,
    dice: Mutex<fastrand::Rng>,
    slowest_ms: u64,
}

impl Wire {
    /// A wire to `base_url`; each way of a money call takes up to `slowest_ms`.
    pub fn start(base_url: &str, seed: u64, slowest_ms: u64) -> Self {
        let to = base_url.strip_prefix("http://").unwrap().parse().unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let log = Arc::new(Mutex::new(Vec::new()));
        let dice = Mutex::new(fastrand::Rng::with_seed(seed));
        let quotes = Arc::new(Quotes::default());
        let line =
            Arc::new(Line { to, quotes: Arc::clone(&quotes), log: Arc::clone(&log), dice, slowest_ms });
        runtime.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let line = Arc::clone(&line);
                tokio::spawn(async move { line.carry(client).await });
            }
        });
        Self { url, quotes, log, _runtime: runtime }
    }

    /// From now on price calls wait on the wire; or no longer.
    pub fn hold_quotes(&self, hold: bool) {
        self.quotes.hold.store(hold, Ordering::SeqCst);
    }

    /// How many price calls wait.
    pub fn held(&self) -> usize {
        self.quotes.held.load(Ordering::SeqCst)
    }

    /// Every money call so far.
    pub fn calls(&self) -> Vec<Call> {
        self.log.lock().unwrap().clone()
    }
}

/// `POST …/extend`, `…/extend/order` or `…/order`, but not below `/calculate`.
fn is_money(head: &[u8]) -> bool {
    let line = String::from_utf8_lossy(head);
    let path = line.strip_prefix("POST ").and_then(|l| l.split(' ').next()).unwrap_or_default();
    !path.contains("/calculate/")
        && ["/extend", "/extend/order", "/order"].iter().any(|end| path.ends_with(end))
}

fn now() -> i64 {
    SystemClock::new().now().boot_ms
}

impl Quotes {
    async fn wait(&self) {
        self.held.fetch_add(1, Ordering::SeqCst);
        while self.hold.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        self.held.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Line {
    async fn carry(&self, mut client: TcpStream) {
        let mut head = [0_u8; 256];
        while let Ok(n @ 1..) = client.peek(&mut head).await {
            if !head[..n].contains(&b'\r') {
                continue;
            }
            let Ok(mut server) = TcpStream::connect(self.to).await else { return };
            if is_money(&head[..n]) {
                let mine = {
                    let mut log = self.log.lock().unwrap();
                    log.push(Call { from: now(), to: None });
                    log.len() - 1
                };
                self.money(&mut client, &mut server, mine).await;
                self.over(mine);
            } else {
                self.reads(&mut client, &mut server).await;
            }
            return;
        }
    }

    fn over(&self, call: usize) {
        self.log.lock().unwrap()[call].to.get_or_insert_with(now);
    }

    fn delay(&self) -> (Duration, bool) {
        let mut dice = self.dice.lock().unwrap();
        (Duration::from_millis(dice.u64(0..=self.slowest_ms)), dice.bool())
    }

    /// Reads and price calls, one after the other over one connection.
    async fn reads(&self, client: &mut TcpStream, server: &mut TcpStream) {
        let (mut up, mut down) = (vec![0_u8; 64 << 10], vec![0_u8; 64 << 10]);
        loop {
            tokio::select! {
                read = client.read(&mut up) => {
                    let Ok(n @ 1..) = read else { return };
                    if String::from_utf8_lossy(&up[..n]).contains("/calculate/") {
                        self.quotes.wait().await;
                    }
                    if server.write_all(&up[..n]).await.is_err() { return }
                }
                read = server.read(&mut down) => {
                    let Ok(n @ 1..) = read else { return };
                    if client.write_all(&down[..n]).await.is_err() { return }
                }
            }
        }
    }

    /// One request and its answer. The connection is used once, and both sides close it.
    async fn money(&self, client: &mut TcpStream, server: &mut TcpStream, call: usize) {
        let (mut up, mut down) = (vec![0_u8; 64 << 10], vec![0_u8; 64 << 10]);
        loop {
            tokio::select! {
                read = client.read(&mut up) => {
                    let Ok(n @ 1..) = read else { return };
                    let (pause, anyway) = self.delay();
                    if self.left_within(client, pause, call).await && !anyway {
                        return;
                    }
                    if server.write_all(&up[..n]).await.is_err() { return }
                }
                read = server.read(&mut down) => {
                    let Ok(n @ 1..) = read else { return };
                    if self.left_within(client, self.delay().0, call).await { return }
                    if client.write_all(&down[..n]).await.is_err() { return }
                }
            }
        }
    }

    /// Waits; true if the caller hung up meanwhile, which ends its call.
    async fn left_within(&self, client: &TcpStream, pause: Duration, call: usize) -> bool {
        let mut byte = [0_u8; 1];
        let left = async {
            loop {
                match client.peek(&mut byte).await {
                    Ok(0) | Err(_) => return,
                    Ok(_) => tokio::time::sleep(Duration::from_millis(2)).await,
                }
            }
        };
        let gone = tokio::time::timeout(pause, left).await.is_ok();
        if gone {
            self.over(call);
        }
        gone
    }
}
