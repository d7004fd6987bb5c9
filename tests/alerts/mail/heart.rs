//! The dead man's switch against a plain listener: good, bad, silent, and never in the way.
use renewd::simulator::{Aim, Answer as Reply, Endpoint, Fault, Product, When};
use rustix::process::Signal;

use crate::common::{Bench, KEEP, signal, until};
use crate::mail::listener::{Answer, Listener};

fn bench(listener: &Listener) -> Bench {
    let bench = Bench::new("100.00", &[(Product::IPv4, &["203.0.113.1"], 480)]);
    bench.secret("beat.url", &format!("http://127.0.0.1:{}/beat", listener.port));
    bench.config("", &format!("{KEEP}[alerts.heartbeat]\nurl = {{ file = \"beat.url\" }}\n"));
    bench
}

fn lines(listener: &Listener) -> Vec<String> {
    listener.requests().into_iter().map(|r| r.line).collect()
}

const GOOD: &str = "GET /beat HTTP/1.1";
const BAD: &str = "GET /beat/fail HTTP/1.1";

#[test]
fn a_good_cycle_pings_a_bad_one_fails_and_a_dead_daemon_is_silent() {
    let listener = Listener::start();
    let bench = bench(&listener);
    let mut child = bench.spawn(&["run"]);
    until("a good ping", 10, || lines(&listener).iter().any(|l| l == GOOD));
    assert!(lines(&listener).iter().all(|l| l == GOOD));
    bench.handle.inject(Fault::on(Aim::Any).when(When::Always).answer(Reply::Reset));
    until("a bad ping", 20, || lines(&listener).iter().any(|l| l == BAD));
    child.kill().unwrap();
    child.wait().unwrap();
    // What was on its way when it died may still arrive.
    std::thread::sleep(std::time::Duration::from_millis(300));
    let before = listener.count();
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    assert_eq!(listener.count(), before, "silence");
}

#[test]
fn once_pings_as_its_cycle_went() {
    let listener = Listener::start();
    let bench = bench(&listener);
    bench.renewd(&["once"]);
    assert_eq!(lines(&listener), [GOOD]);
    bench.handle.inject(Fault::on(Aim::Any).when(When::Always).answer(Reply::Reset));
    bench.renewd(&["once"]);
    assert_eq!(lines(&listener), [GOOD, BAD]);
    bench.renewd(&["plan"]);
    assert_eq!(listener.count(), 2, "plan is not a cycle");
}

#[test]
fn a_heartbeat_that_hangs_delays_no_cycle() {
    let listener = Listener::start();
    listener.answer(Answer::Hang);
    let bench = bench(&listener);
    let mut child = bench.spawn(&["run"]);
    until("the ping hangs", 10, || listener.count() == 1);
    let before = bench.handle.count(Endpoint::IpAddress);
    until("four more cycles, one a second", 8, || bench.handle.count(Endpoint::IpAddress) >= before + 4);
    assert_eq!(listener.count(), 1, "the newest word waits, none piles up");
    signal(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
