//! `renewd simulate --provider proxyshard`: what it serves and what it prints.
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use renewd::clock::VirtualClock;
use renewd::simulator::{Brand, ServeOptions, serve};

use super::{converse, parse, start};

fn simulate(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_renewd"));
    command.arg("simulate").args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[tokio::test]
async fn serve_announces_a_config_that_parses_and_names_the_provider() {
    for (provider, word, periods) in [
        (Brand::YouProxy, "youproxy", true),
        (Brand::ProxyShard, "proxyshard", false),
        (Brand::ProxySeller, "proxyseller", true),
    ] {
        let options =
            ServeOptions { provider, listen: ([127, 0, 0, 1], 0).into(), ..ServeOptions::default() };
        let clock = Arc::new(VirtualClock::starting_at(start()));
        let told = Arc::new(Mutex::new(String::new()));
        let keep = Arc::clone(&told);
        serve(options, clock, move |text| keep.lock().unwrap().push_str(text), async {}).await.unwrap();
        let told = told.lock().unwrap().clone();
        let config: toml::Table = told[told.find("state_dir").unwrap()..].parse().unwrap();
        assert_eq!(config["account"][0]["provider"].as_str(), Some(word));
        assert_eq!(config["policy"][0].get("period").is_some(), periods, "{word}");
        assert_eq!(config["account"][0]["name"].as_str(), Some(provider.account()));
    }
}

#[tokio::test]
async fn the_command_serves_the_fleet_that_was_asked_for() {
    let args = ["--provider", "proxyshard", "--listen", "127.0.0.1:0", "--key", "k-1", "--leases", "5"];
    let mut child = simulate(&args).args(["--on-hold", "3", "--balance", "7.50"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(
        first.starts_with("Simulated ProxyShard with 5 active orders, 3 on hold and 1 cancelled at"),
        "{first}"
    );
    let address = first.rsplit("http://").next().unwrap().parse().unwrap();
    let get = async |path: &str| {
        let head = format!(
            "GET /user/api/{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer k-1\r\n\r\n"
        );
        parse(&converse(address, &head, "").await.0)
    };
    let (me, held, gone) =
        (get("me").await, get("orders?status=on-hold").await, get("orders?status=cancelled").await);
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!((&me.1["wallet_balance"], &me.1["active_orders"]), (&750.into(), &5.into()));
    assert_eq!((&held.1["count"], &gone.1["count"]), (&3.into(), &1.into()));
}

#[test]
fn all_can_be_tried_at_once_and_in_one_config() {
    for (n, one) in Brand::ALL.into_iter().enumerate() {
        for other in Brand::ALL.into_iter().skip(n + 1) {
            assert_ne!(one.port(), other.port());
            assert_ne!(one.key(), other.key());
            assert_ne!(one.account(), other.account());
            assert_ne!(one.folder(), other.folder());
        }
    }
}

#[test]
fn a_port_that_is_taken_is_told_with_the_way_out() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let out = simulate(&["--listen", &listen]).output().unwrap();
    let text = String::from_utf8(out.stderr).unwrap();
    assert!(out.status.code() == Some(1) && text.contains("another port with --listen"), "{text}");
}

#[test]
fn flags_that_the_provider_does_not_have_are_refused() {
    for args in [&["--on-hold", "2"][..], &["--cancelled", "2"][..], &["--provider", "nobody"][..]] {
        let mut child = simulate(args).spawn().unwrap();
        let mut text = String::new();
        child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(2), "{args:?}: {text}");
        assert!(text.contains("youproxy"), "{text}");
    }
}
