//! The server itself: its `Date`, its log, strays, starting and stopping.
use std::sync::{Arc, Mutex};

use renewd::clock::VirtualClock;
use renewd::simulator::{ServeOptions, serve};
use serde_json::Value;
use tokio::net::TcpStream;

use super::{Bench, Endpoint, IPS, KEY, start};

#[tokio::test]
async fn the_date_header_is_the_simulated_clocks() {
    let bench = Bench::new("10.00").await;
    bench.advance(3600);
    let (head, _) = bench.exchange("GET", &format!("{KEY}/balance"), "").await;
    let dates: Vec<&str> = head.lines().filter_map(|line| line.strip_prefix("date: ")).collect();
    assert_eq!(dates, ["Fri, 20 Nov 2026 11:00:00 GMT"]);
}

#[tokio::test]
async fn every_request_is_on_record_strays_included() {
    let bench = Bench::new("10.00").await;
    let body = bench.extension(&IPS[..1]);
    bench.post("extend", &body).await;
    bench.get("rentPeriod?proxyType=ISP").await;
    let (head, _) = bench.exchange("GET", &format!("{KEY}/extend"), "").await;
    assert!(head.starts_with("HTTP/1.1 404 "));
    let requests = bench.handle.requests();
    let seen: Vec<_> = requests.iter().map(|r| (r.endpoint, r.method.as_str(), r.path.as_str())).collect();
    assert_eq!(
        seen,
        [
            (Some(Endpoint::Extend), "POST", "extend"),
            (Some(Endpoint::RentPeriod), "GET", "rentPeriod?proxyType=ISP"),
            (None, "GET", "extend"),
        ]
    );
    assert_eq!((requests[0].account.as_str(), requests[0].at), (KEY, start()));
    assert_eq!(serde_json::from_str::<Value>(&requests[0].body).unwrap(), body);
}

#[tokio::test]
async fn a_stopped_simulator_refuses_connections_and_keeps_its_world() {
    let bench = Bench::new("10.00").await;
    let (address, handle) = (bench.simulator.address(), bench.handle.clone());
    bench.simulator.stop().await;
    assert!(TcpStream::connect(address).await.is_err());
    assert!(handle.with(|world| world.account(KEY).is_some()));
}

#[tokio::test]
async fn serve_announces_a_config_that_parses_and_stops_when_told() {
    let options = || ServeOptions {
        listen: ([127, 0, 0, 1], 0).into(),
        home: "/home/ops".into(),
        ..ServeOptions::default()
    };
    let clock = Arc::new(VirtualClock::starting_at(start()));
    let told = Arc::new(Mutex::new(String::new()));
    let keep = Arc::clone(&told);
    serve(options(), clock.clone(), move |text| keep.lock().unwrap().push_str(text), async {}).await.unwrap();
    let told = told.lock().unwrap().clone();
    assert!(told.contains("http://127.0.0.1:"), "{told}");
    let config = &told[told.find("state_dir").unwrap()..];
    let config: toml::Table = config.parse().unwrap();
    let folder = config["state_dir"].as_str().unwrap();
    assert!(folder.starts_with("/home/ops/") && !told.contains("HOME"), "nothing is left to fill in: {told}");
    assert!(told.contains(&format!("--config {folder}/renewd.toml plan")), "{told}");
    assert_eq!(config["account"][0]["provider"].as_str(), Some("youproxy"));
    let outside = ServeOptions { listen: ([0, 0, 0, 0], 0).into(), ..options() };
    let refused = serve(outside, clock, |_| {}, async {}).await.unwrap_err();
    assert!(refused.to_string().contains("loopback"));
}
