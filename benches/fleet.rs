//! A large YouProxy-shaped account to measure against, and the least that any program must do with its list.
//!
//! `fleet serve LEASES` answers on a loopback port of its own, which it prints: the list comes from memory, with its orders in
//! another sequence and an ignored field changed in every reply, so that hashing bytes gains nothing. `POST /move/N` moves the
//! ends of N leases by a term. `fleet least HOST:PORT` downloads the list once and parses it without copying, and prints how
//! many leases it found and their latest end. Both are run by `scripts/bench-fleet`; neither is responsible for measuring.
#![allow(clippy::print_stdout, reason = "a program that is run by a script and answers on stdout")]
#![allow(missing_docs, reason = "a program, not a library")]
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use serde::Deserialize;

const ORDER: usize = 10;
const TERM: i64 = 30 * 86_400;
/// 2027-03-01T00:00:00Z: nothing is due within a year of these benches.
const FIRST_END: i64 = 1_803_859_200;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["serve", leases] => serve(leases.parse().expect("a number of leases")),
        ["least", address] => least(address),
        // `cargo bench` and `cargo test --benches` run every bench without a word: there is nothing to measure here by itself.
        _ => {}
    }
}

/// The leases, and what a reply is made of.
struct Fleet {
    ends: Vec<i64>,
    replies: usize,
}

impl Fleet {
    fn new(leases: usize) -> Self {
        let ends = (0..leases).map(|n| FIRST_END + (n as i64 * 7919) % TERM).collect();
        Self { ends, replies: 0 }
    }

    /// Each reply lists the orders in another sequence.
    fn list(&mut self) -> Vec<u8> {
        self.replies += 1;
        let orders = self.ends.len().div_ceil(ORDER);
        let mut sequence: Vec<usize> = (0..orders).collect();
        fastrand::Rng::with_seed(self.replies as u64).shuffle(&mut sequence);
        let mut body = String::with_capacity(self.ends.len() * 340 + 100);
        body.push_str("{\"success\":true,\"error\":null,\"IPv4\":[");
        for (n, order) in sequence.into_iter().enumerate() {
            body.push_str(if n == 0 { "" } else { "," });
            let _ = write!(
                body,
                "{{\"orderId\":\"ORD-{order:07}\",\"viewed\":{},\"ipAddresses\":[",
                self.replies + n
            );
            for lease in order * ORDER..((order + 1) * ORDER).min(self.ends.len()) {
                body.push_str(if lease % ORDER == 0 { "" } else { "," });
                self.record(&mut body, lease);
            }
            body.push_str("]}");
        }
        body.push_str("],\"IPv6\":[],\"MOBILE\":[],\"ISP\":[]}");
        body.into_bytes()
    }

    fn record(&self, body: &mut String, lease: usize) {
        let (a, b, c) = (lease >> 16 & 255, lease >> 8 & 255, lease & 255);
        let end = jiff::Timestamp::from_second(self.ends[lease]).expect("a date of this century");
        let end = end.strftime("%Y-%m-%dT%H:%M:%S.000+00:00");
        let _ = write!(
            body,
            "{{\"ipAddressId\":\"{}\",\"ipAddressIp\":\"10.{a}.{b}.{c}\",\"country\":\"USA\",\
             \"dateStart\":\"2026-08-01T09:00:00.000+00:00\",\"dateEnd\":\"{end}\",\"httpsPort\":50100,\
             \"socks5Port\":50101,\"authInfo\":{{\"login\":\"user{c}\",\"password\":\"pass{b}\"}},\
             \"extendInfo\":{{\"autoExtend\":false,\"extendDays\":30}}}}",
            1_000_000_000_000 + lease
        );
    }
}

fn serve(leases: usize) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
    println!("{}", listener.local_addr().expect("its address"));
    std::io::stdout().flush().expect("somebody reads the address");
    let fleet = Arc::new(Mutex::new(Fleet::new(leases)));
    // The next reply is made ahead, so that a client waits for its own work alone.
    let ready = Arc::new(Mutex::new(fleet.lock().expect("no panic").list()));
    for stream in listener.incoming().flatten() {
        let (fleet, ready) = (Arc::clone(&fleet), Arc::clone(&ready));
        std::thread::spawn(move || connection(stream, &fleet, &ready));
    }
}

fn connection(stream: TcpStream, fleet: &Mutex<Fleet>, ready: &Mutex<Vec<u8>>) {
    let Ok(mut write) = stream.try_clone() else { return };
    let mut read = BufReader::new(stream);
    while let Some((target, _)) = request(&mut read) {
        let call = target.rsplit('/').next().unwrap_or_default();
        let body = match call {
            "balance" => br#"{"success":true,"balance":1000.00,"currencyCode":"USD","error":null}"#.to_vec(),
            "ipAddress" => std::mem::take(&mut *ready.lock().expect("no panic")),
            // Asked before and after each run: once it is answered, the next list is there.
            "ready" => b"{}".to_vec(),
            _ if target.starts_with("/move/") => {
                let n = call.parse().unwrap_or(0);
                let mut fleet = fleet.lock().expect("no panic");
                let every = (fleet.ends.len() / usize::max(n, 1)).max(1);
                fleet.ends.iter_mut().step_by(every).take(n).for_each(|end| *end += TERM);
                *ready.lock().expect("no panic") = fleet.list();
                b"{}".to_vec()
            }
            _ if target.contains("rentPeriod") => {
                br#"{"success":true,"rentPeriodDays":[30,60,90],"error":null}"#.to_vec()
            }
            _ if target.contains("calculate/") => {
                br#"{"success":true,"proxyType":"IPv4","balance":1000.00,"price":2.65,"currency":"USD","discount":0,
                    "promoCodeStatus":null,"error":null,"warnings":[]}"#
                    .to_vec()
            }
            _ => br#"{"success":true,"promoCodes":[],"error":null}"#.to_vec(),
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        if write.write_all(head.as_bytes()).and_then(|()| write.write_all(&body)).is_err() {
            return;
        }
        if call == "ipAddress" {
            *ready.lock().expect("no panic") = fleet.lock().expect("no panic").list();
        }
    }
}

/// The target and the body of the next request; `None` at the end of the connection.
fn request(read: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let mut line = String::new();
    read.read_line(&mut line).ok().filter(|n| *n > 0)?;
    let target = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        line.clear();
        read.read_line(&mut line).ok().filter(|n| *n > 0)?;
        let Some((name, value)) = line.split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    read.read_exact(&mut body).ok()?;
    Some((target, body))
}

#[derive(Deserialize)]
struct List<'a> {
    #[serde(rename = "IPv4", borrow)]
    orders: Vec<Order<'a>>,
}

#[derive(Deserialize)]
struct Order<'a> {
    #[serde(rename = "orderId")]
    order: &'a str,
    #[serde(rename = "ipAddresses", borrow)]
    leases: Vec<Record<'a>>,
}

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(rename = "ipAddressId")]
    id: &'a str,
    #[serde(rename = "ipAddressIp")]
    ip: &'a str,
    #[serde(rename = "dateEnd")]
    end: &'a str,
}

fn least(address: &str) {
    let mut stream = TcpStream::connect(address).expect("the fleet's server");
    write!(stream, "GET /client/api/v1/k/ipAddress HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
        .expect("sent");
    let mut read = BufReader::with_capacity(1 << 16, stream);
    let mut length = 0;
    let mut line = String::new();
    while read.read_line(&mut line).is_ok_and(|n| n > 2) {
        if let Some((_, value)) =
            line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        {
            length = value.trim().parse().expect("a length");
        }
        line.clear();
    }
    let mut body = vec![0; length];
    read.read_exact(&mut body).expect("the whole list");
    let list: List<'_> = serde_json::from_slice(&body).expect("the list");
    let leases = list.orders.iter().flat_map(|o| o.leases.iter().map(move |l| (o.order, l)));
    let (count, bytes, last) = leases.fold((0_usize, 0_usize, ""), |(n, bytes, last), (order, l)| {
        (n + 1, bytes + order.len() + l.id.len() + l.ip.len(), last.max(l.end))
    });
    println!("{count} leases, {bytes} bytes of names, the last ends {last}");
}
