//! The demo through the real binary: what a new user reads first tells both stories, and the books agree.
use std::process::{Command, Stdio};

#[test]
#[allow(clippy::unwrap_used, reason = "a panic is a failed test")]
fn the_demo_tells_both_stories_and_the_books_agree() {
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
    let charged = text.lines().find(|l| l.contains("charged, as the ledger says")).unwrap();
    let charged: u64 = charged.split_whitespace().nth(5).unwrap().replace('.', "").parse().unwrap();
    assert_eq!(cents.iter().sum::<u64>(), charged, "the weeks add up to the table: {text}");
    assert!(text.lines().count() < 80, "short to read: {} lines", text.lines().count());
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
    assert!(place.join("ledger.db").exists() && place.join("mails").read_dir().unwrap().count() > 10);
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
