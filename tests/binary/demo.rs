//! The demo through the real binary: what a new user reads first tells its stories, and the books agree.
use std::process::{Command, Stdio};

#[test]
#[allow(clippy::unwrap_used, reason = "a panic is a failed test")]
fn the_demo_tells_its_stories_and_the_books_agree() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("demo");
    let out = Command::new(env!("CARGO_BIN_EXE_renewd"))
        .args(["demo", "--dir"])
        .arg(&place)
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout) + String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(0), "{text}");
    for told in [
        "YouProxy",
        "ProxyShard",
        "Proxy-Seller",
        "px6",
        "auto-renewal switched on",
        "auto-renewal switched off",
        "is on hold",
        "rescued order",
        "itself for",
        "settled by evidence",
        "topped up",
        "will be let go",
        "agree to the cent",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let first = text.lines().find(|l| l.starts_with("day  0: this is ")).expect("the date of day 0");
    assert!(first.contains(" 20") && first.contains("00:00 UTC"), "{first}");
    let weeks = text
        .lines()
        .filter_map(|l| l.split_once(" renewed yp "))
        .map(|(_, rest)| rest.split(", ").next().unwrap());
    let cents: Vec<u64> = weeks
        .map(|one| {
            one.split(" for ").nth(1).unwrap().trim_end_matches(" USD").replace('.', "").parse().unwrap()
        })
        .collect();
    an_answer_is_lost_at_each_account(&text);
    let charged = text.lines().find(|l| l.contains("charged, as the ledger says")).unwrap();
    let charged: u64 = charged.split_whitespace().nth(5).unwrap().replace('.', "").parse().unwrap();
    assert_eq!(cents.iter().sum::<u64>(), charged, "the weeks add up to the table: {text}");
    assert!(text.lines().count() < 95, "short to read: {} lines", text.lines().count());
    assert!(!text.contains("demo-key"), "no key is told");
    let hint =
        text.lines().find(|l| l.trim_end().ends_with(" status")).expect("it says how to look at its state");
    assert!(hint.contains(place.join("renewd.toml").to_str().unwrap()), "{hint}");
    let status = Command::new(env!("CARGO_BIN_EXE_renewd"))
        .args(["status", "--config"])
        .arg(place.join("renewd.toml"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let status = String::from_utf8_lossy(&status.stdout).into_owned();
    assert!(status.starts_with("renewd is healthy"), "what it says to do next ends well: {status}");
    assert!(place.join("ledger.db").exists());
    mails_are_called_by_day_and_subject(&place.join("mails"));
}

fn an_answer_is_lost_at_each_account(text: &str) {
    let lost = text.lines().filter(|l| l.contains(" settled by evidence: "));
    for name in ["yp", "ps", "sell", "px"] {
        let at = format!(": {name}: p-");
        assert!(lost.clone().any(|l| l.contains(&at)), "an answer is lost at {name}: {text}");
    }
}

#[allow(clippy::unwrap_used, reason = "a panic is a failed test")]
fn mails_are_called_by_day_and_subject(folder: &std::path::Path) {
    let files = folder.read_dir().unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    let mut mails: Vec<String> = files.collect();
    mails.sort();
    assert!(
        mails.len() > 10 && mails.iter().all(|m| m.starts_with("day-") && m.ends_with(".eml")),
        "{mails:#?}"
    );
    let top_up = mails.iter().find(|m| m.contains("top-up")).expect("a mail asks for money");
    let mail = std::fs::read_to_string(folder.join(top_up)).unwrap();
    assert!(mail.contains("Subject: [renewd") && mail.contains("Top up"), "{mail}");
}

/// Asks a page, as a browser would.
fn page(port: u16) -> Option<String> {
    use std::io::{Read, Write};
    let mut line = std::net::TcpStream::connect(("127.0.0.1", port)).ok()?;
    line.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").ok()?;
    let mut text = String::new();
    line.read_to_string(&mut text).ok()?;
    text.starts_with("HTTP/1.1 200").then_some(text)
}

#[test]
#[allow(clippy::unwrap_used, reason = "a panic is a failed test")]
fn somebody_may_look_on_at_the_page_of_the_daemon() {
    let dir = tempfile::tempdir().unwrap();
    let port = crate::common::smtp::free_port();
    let mut child = Command::new(env!("CARGO_BIN_EXE_renewd"))
        .args(["demo", "--serve", &format!("127.0.0.1:{port}"), "--dir"])
        .arg(dir.path().join("demo"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    crate::common::until("the page shows all accounts", 60, || {
        page(port).is_some_and(|text| ["yp", "ps", "sell", "px"].iter().all(|name| text.contains(name)))
    });
    child.kill().unwrap();
    child.wait().unwrap();

    let out = Command::new(env!("CARGO_BIN_EXE_renewd"))
        .args(["demo", "--serve", "0.0.0.0:0"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(out.status.code(), Some(2), "a page without a token is for this machine alone");
}

#[test]
#[ignore = "needs root and a network namespace: scripts/test-all"]
#[allow(clippy::unwrap_used, reason = "a panic is a failed test")]
fn a_host_without_ipv4_can_run_it() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("demo");
    // A loopback device that is not up has no address; ::1 comes with it, and 127.0.0.1 is taken away.
    let script = "ip link set lo up && ip -4 address flush dev lo && ! ip -4 address show dev lo | grep -q inet && exec \"$@\"";
    let out = Command::new("unshare")
        .args(["--net", "sh", "-c", script, "sh", env!("CARGO_BIN_EXE_renewd"), "demo", "--dir"])
        .arg(&place)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&out.stdout) + String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(0), "{text}");
    let config = std::fs::read_to_string(place.join("renewd.toml")).unwrap();
    assert!(config.contains("http://[::1]:"), "{config}");
}

#[test]
#[allow(clippy::unwrap_used, reason = "a panic is a failed test")]
fn a_folder_that_holds_somebodys_keys_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("yp.key"), "a real key").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_renewd"));
    let out = command.args(["demo", "--dir"]).arg(dir.path()).stdin(Stdio::null()).output().unwrap();
    assert_eq!(out.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&out.stderr).contains("is not empty"));
    assert_eq!(std::fs::read_to_string(dir.path().join("yp.key")).unwrap(), "a real key");
    assert_eq!(dir.path().read_dir().unwrap().count(), 1);
}
