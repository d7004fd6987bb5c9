//! `renewd run` and friends as processes: signals, crashes, crowds, mail outages, and secrets searched for in every output.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Child;
use std::time::Duration;

use crate::common::config::keep_and_mail;
use crate::common::smtp::{Certificates, MailServer, Protection, free_port};
use crate::common::{self, Bench, KEEP, KEY, signal, until};
use renewd::simulator::{
    Aim, Answer, DateForm, Distortion, Effect, Endpoint, Fault, LetterCase, Product, Shape, When,
};
use rstest::rstest;
use rustix::process::Signal;

const A: &str = "203.0.113.1";
const B: &str = "203.0.113.2";

fn two_leases() -> Bench {
    Bench::new("100.00", &[(Product::IPv4, &[A], 24), (Product::IPv4, &[B], 24 * 20)])
}

#[test]
fn run_pays_what_is_due_and_ends_with_zero_on_sigterm() {
    let bench = two_leases();
    let mut child = bench.spawn(&["run"]);
    until("the lease is paid", 10, || bench.charged(A) == 1);
    signal(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(0), "{}", bench.log());
    assert_eq!(bench.charges().0, 1);
}

#[test]
fn sigterm_awaits_a_payment_in_flight() {
    let bench = two_leases();
    bench.config_with("", "", KEEP);
    bench.handle.inject(Fault::on(Aim::Money).answer(Answer::Hang));
    let mut child = bench.spawn(&["run"]);
    until("the payment is under way", 10, || bench.payments_sent() == 1);
    signal(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(0), "{}", bench.log());
    let states = bench.json(&["history"]).1;
    let state = states["payments"][0]["state"].as_str().unwrap();
    assert!(["unknown", "confirmed"].contains(&state), "the answer's fate is recorded: {states:#}");
    assert_eq!(bench.charged(A), 1);
}

#[test]
fn sigterm_does_not_wait_for_a_balance_that_is_not_told() {
    let bench = two_leases();
    bench.config_with("", "", KEEP);
    let text = std::fs::read_to_string(bench.path("renewd.toml")).unwrap();
    let slow = text.replace("read_timeout = \"4s\"", "read_timeout = \"30s\"");
    std::fs::write(bench.path("renewd.toml"), slow).unwrap();
    bench.handle.inject(Fault::on(Aim::Money).answer(Answer::Without("balance".into())));
    // The lists tell it first, and right after the payment nothing comes.
    let balance = Aim::Endpoint(renewd::simulator::Endpoint::Balance);
    let hangs = Fault::on(balance).when(renewd::simulator::When::Nth(2)).answer(Answer::Hang);
    bench.handle.inject(hangs);
    let mut child = bench.spawn(&["run"]);
    until("the balance is asked for", 10, || bench.handle.count(renewd::simulator::Endpoint::Balance) == 2);
    signal(&child, Signal::TERM);
    until("it ended", 10, || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(0), "{}", bench.log());
    assert_eq!(bench.charged(A), 1);
}

#[test]
fn sighup_takes_a_good_config_and_refuses_a_bad_one_by_mail() {
    let bench = two_leases();
    let port = free_port();
    let sink = MailServer::plain(port);
    bench.config("", &keep_and_mail(port).replace("\"3d\"", "\"13h\""));
    let mut child = bench.spawn(&["run"]);
    until("a first cycle", 10, || bench.handle.count(Endpoint::IpAddress) > 0);
    bench.config("", &format!("{}nonsense = 1\n", keep_and_mail(port)));
    signal(&child, Signal::HUP);
    until("the mail about the bad config", 10, || {
        sink.texts().iter().any(|m| m.contains("config has errors"))
    });
    assert_eq!(bench.charges().0, 0, "the old config stays in force");
    bench.config("", &keep_and_mail(port));
    signal(&child, Signal::HUP);
    until("the new config pays", 10, || bench.charged(A) == 1);
    signal(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let log = bench.log();
    let taken =
        log.lines().find(|l| l.contains("a good config was taken")).unwrap_or_else(|| panic!("{log}"));
    assert!(taken.contains("INFO") && log.matches("The new config has errors").count() == 1, "{log}");
}

#[test]
fn a_second_renewd_on_the_same_ledger_ends_with_four() {
    let bench = two_leases();
    let mut child = bench.spawn(&["run"]);
    until("the lease is paid", 10, || bench.charged(A) == 1);
    let out = bench.renewd(&["once"]);
    assert_eq!(out.status.code(), Some(4), "{}", String::from_utf8_lossy(&out.stderr));
    for args in [&["plan"][..], &["status"], &["history"], &["explain", A], &["pause"], &["resume"]] {
        assert_eq!(bench.renewd(args).status.code(), Some(0), "{args:?} works beside the daemon");
    }
    let copy = bench.path("copy.db");
    assert_eq!(bench.renewd(&["backup", copy.to_str().unwrap()]).status.code(), Some(0));
    signal(&child, Signal::TERM);
    child.wait().unwrap();
}

#[test]
fn eight_at_once_pay_once() {
    let bench = Bench::new(
        "100.00",
        &[(Product::IPv4, &[A, B], 24), (Product::IPv6, &["2001:db8::1", "2001:db8::2"], 24)],
    );
    let children: Vec<Child> = (0..8).map(|_| bench.spawn(&["once"])).collect();
    let codes: Vec<i32> = children.into_iter().map(|mut c| c.wait().unwrap().code().unwrap()).collect();
    assert!(codes.iter().all(|c| [0, 4].contains(c)) && codes.contains(&0), "{codes:?} {}", bench.log());
    for ip in [A, B, "2001:db8::1", "2001:db8::2"] {
        assert_eq!(bench.charged(ip), 1, "{ip}");
    }
}

#[test]
fn killed_at_any_moment_it_never_pays_twice_and_pays_in_the_end() {
    let ips: Vec<String> = (1..=12).map(|n| format!("203.0.113.{n}")).collect();
    let orders: Vec<[&str; 1]> = ips.iter().map(|ip| [ip.as_str()]).collect();
    let orders: Vec<(Product, &[&str], i64)> = orders.iter().map(|o| (Product::IPv4, &o[..], 24)).collect();
    let bench = Bench::new("500.00", &orders);
    bench.config("batch = 1", &KEEP.replace("period", "on_unknown = \"retry\"\nperiod"));
    for round in 0..25_u64 {
        let mut child = bench.spawn(&["once"]);
        std::thread::sleep(Duration::from_millis(20 + round * 37 % 190));
        let _ = child.kill();
        child.wait().unwrap();
    }
    assert_eq!(bench.paid_twice(), Vec::<String>::new());
    for _ in 0..12 {
        bench.json(&["once"]);
        bench.pass(1_000);
    }
    assert_eq!(bench.paid_twice(), Vec::<String>::new());
    for ip in &ips {
        assert_eq!(bench.charged(ip), 1, "{ip}\n{:#}", bench.json(&["history"]).1);
    }
    let history = bench.json(&["history", "--state", "confirmed"]).1;
    let sum =
        history["payments"].as_array().unwrap().iter().map(|p| common::money(p["charged"].as_str().unwrap()));
    assert_eq!(renewd::domain::Money::sum(sum), Some(bench.charges().1), "every charge is in the ledger");
}

#[test]
fn a_mail_outage_loses_nothing_and_one_cause_is_one_mail() {
    let bench = Bench::new("1.00", &[(Product::IPv4, &[A], 24), (Product::IPv4, &[B], 25)]);
    let port = free_port();
    bench.config("", &keep_and_mail(port));
    for _ in 0..3 {
        bench.json(&["once"]);
    }
    let sink = MailServer::plain(port);
    bench.json(&["once"]);
    assert_eq!(sink.texts().len(), 1, "{:?}", sink.texts());
    bench.json(&["once"]);
    assert_eq!(sink.texts().len(), 1);
    let mail = &sink.texts()[0];
    for part in
        ["Auto-Submitted: auto-generated", "Message-ID: <renewd.", "text/plain", "text/html", "Top up"]
    {
        assert!(mail.contains(part), "{part} is not in {mail}");
    }
    let _ = bench.handle.top_up(KEY, common::money("100.00"));
    assert_eq!(bench.json(&["once"]).0, 0);
    assert_eq!(sink.texts().len(), 2, "a resolved notice follows");
    assert!(
        sink.texts()[1].contains("[renewd resolved]") && sink.texts()[1].contains("In-Reply-To: <renewd.")
    );
}

#[rstest]
#[case::starttls("starttls", Protection::StartTls)]
#[case::implicit("implicit", Protection::Implicit)]
fn mail_goes_over_tls_with_a_login(#[case] mode: &str, #[case] protection: Protection) {
    let bench = two_leases();
    let port = free_port();
    let certificates = Certificates::self_signed(false);
    let cert = bench.path("cert.pem");
    fs::write(&cert, &certificates.ca).unwrap();
    let sink = MailServer::start(port, protection, &certificates);
    let with = |password: &str| {
        bench.secret("smtp.pw", password);
        bench.config("", &format!(
            "{KEEP}[alerts.email]\nhost = \"localhost\"\nport = {port}\ntls = \"{mode}\"\nusername = \"renewd\"\npassword = {{ file = \"smtp.pw\" }}\nfrom = \"renewd@example.org\"\nto = [\"ops@example.org\"]\n"
        ));
        bench.command(&["test-mail"]).env("SSL_CERT_FILE", &cert).output().unwrap()
    };
    let good = with("smtp-password-0123456789");
    assert_eq!(good.status.code(), Some(0), "{}", String::from_utf8_lossy(&good.stderr));
    assert_eq!(sink.texts().len(), 1);
    let bad = with("another-password-0123456789");
    assert_eq!(bad.status.code(), Some(1));
    let said = String::from_utf8_lossy(&bad.stderr).into_owned();
    assert!(said.contains("login") && !said.contains("another-password"), "{said}");
    let untrusted = bench.renewd(&["test-mail"]);
    let said = String::from_utf8_lossy(&untrusted.stderr).into_owned();
    assert!(untrusted.status.code() == Some(1) && said.contains("certificate"), "{said}");
}

#[test]
fn no_secret_reaches_any_output_at_trace() {
    let bench = Bench::new("30.00", &[(Product::IPv4, &[A], 24), (Product::Mobile, &[B], 24)]);
    let port = free_port();
    let sink = MailServer::plain(port);
    bench.config("", &keep_and_mail(port));
    bench.handle.inject(Fault::on(Aim::Money).effect(Effect::Nothing).answer(Answer::Refusal {
        status: 200,
        code: 10,
        message: format!("key {KEY} may not"),
    }));
    let mut seen = Vec::new();
    for args in [
        &["plan"][..],
        &["once"],
        &["once", "--json"],
        &["explain", A],
        &["status"],
        &["history"],
        &["check", "--live"],
    ] {
        let out = bench.command(args).env("RUST_LOG", "trace").output().unwrap();
        seen.push((format!("{args:?}").into(), [out.stdout, out.stderr].concat()));
    }
    bench.handle.inject(Fault::on(Aim::Any).when(When::Always).answer(Answer::Reset));
    let out = bench.command(&["once"]).env("RUST_LOG", "trace").output().unwrap();
    seen.push(("once without a provider".into(), [out.stdout, out.stderr].concat()));
    assert!(!sink.texts().is_empty());
    seen.extend(common::all_bytes(&bench.path("state")));
    seen.extend(sink.texts().into_iter().map(|text| (bench.path("mail"), text.into_bytes())));
    for (place, bytes) in seen {
        let text = String::from_utf8_lossy(&bytes);
        for secret in [KEY, "sim-login", "sim-password", "reboot"] {
            assert!(!text.contains(secret), "{secret} is in {}", place.display());
        }
    }
}

#[rstest]
fn every_container_shape_and_date_form_is_read(
    #[values(
        Shape::Grouped(LetterCase::Lower, "ipAddresses".into()),
        Shape::Grouped(LetterCase::Upper, "whatever".into()),
        Shape::GroupedFlat(LetterCase::AsSent),
        Shape::Orders("items".into()),
        Shape::Flat,
        Shape::Nested(LetterCase::Upper)
    )]
    shape: Shape,
) {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24), (Product::IPv6, &["2001:db8::1"], 500)]);
    let mut ends = Vec::new();
    for dates in DateForm::ALL {
        bench.handle.with(|w| {
            w.list.shape = shape.clone();
            w.list.dates = dates;
        });
        let plan = bench.json(&["plan"]).1;
        assert_eq!(bench.item(&plan, A)["decision"], "renew", "{shape:?} {dates:?} {plan:#}");
        let end = bench.item(&plan, A)["expires_at"].as_str().unwrap().to_owned();
        ends.push(end.get(..19).unwrap().to_owned());
    }
    ends.dedup();
    assert_eq!(ends.len(), 1, "every form is the same instant");
}

#[test]
fn an_end_that_cannot_be_read_is_an_alert_and_the_others_are_paid() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24), (Product::IPv4, &[B], 24)]);
    bench.handle.with(|w| w.list.wrong.push(Distortion::UnreadableEnd(A.into())));
    let (code, once) = bench.json(&["once"]);
    assert_eq!(code, 3);
    assert!(bench.item(&once, A)["reason"].as_str().unwrap().starts_with("unparsable:"));
    assert_eq!((bench.charged(A), bench.charged(B)), (0, 1));
}

#[rstest]
#[case::html(Answer::Html(200))]
#[case::garbage(Answer::Garbage)]
#[case::truncated(Answer::TruncatedJson)]
#[case::not_json(Answer::NotJson)]
#[case::half(Answer::HalfBody)]
#[case::server_error(Answer::Html(500))]
fn garbage_in_every_reply_never_panics_and_never_pays(#[case] answer: Answer) {
    let bench = two_leases();
    bench.handle.inject(Fault::on(Aim::Any).when(When::Always).answer(answer));
    let out = bench.renewd(&["once"]);
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert_eq!(out.status.code(), Some(3), "{said}");
    assert!(!said.contains("internal error"), "{said}");
    let status = bench.json(&["status"]).1;
    assert_eq!(status["open_alerts"].as_array().unwrap().len(), 1, "{status:#}");
    assert_eq!(bench.charges().0, 0);
}

#[test]
fn a_ledger_that_cannot_be_written_stops_payments_before_they_start_and_says_so() {
    let bench = two_leases();
    let port = free_port();
    let sink = MailServer::plain(port);
    bench.config("", &keep_and_mail(port));
    fs::create_dir_all(bench.path("state")).unwrap();
    fs::write(
        bench.path("state/ledger.db"),
        "this is no database, and longer than a header of sixteen bytes",
    )
    .unwrap();
    let out = bench.renewd(&["once"]);
    assert_eq!(out.status.code(), Some(1), "{}", String::from_utf8_lossy(&out.stderr));
    assert_eq!(bench.payments_sent(), 0);
    assert!(sink.texts().iter().any(|m| m.contains("ledger cannot be used")), "{:?}", sink.texts());
}

#[test]
fn a_newer_ledger_is_refused_and_left_as_it_is() {
    let bench = two_leases();
    bench.json(&["once"]);
    let path = bench.path("state/ledger.db");
    let set = rusqlite::Connection::open(&path).unwrap();
    set.execute_batch("PRAGMA user_version = 999; PRAGMA wal_checkpoint(TRUNCATE);").unwrap();
    drop(set);
    let before = fs::read(&path).unwrap();
    for args in [&["once"][..], &["status"], &["run"]] {
        assert_eq!(bench.renewd(args).status.code(), Some(2), "{args:?}");
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn the_last_line_of_check_says_who_does_not_answer_and_which_policy_matches_nothing() {
    let bench = two_leases();
    bench.config(
        "",
        &format!("[[policy]]\nname = \"odd\"\naction = \"renew\"\nmatch.kind = [\"IPv5\"]\n{KEEP}"),
    );
    let out = bench.renewd(&["check", "--live"]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert!(text.contains("policy `odd` matches no lease") && !text.contains("`keep` matches"), "{text}");
    assert_eq!((out.status.code(), text.lines().last()), (Some(0), Some("the config is good")), "{text}");
    bench.secret("yp.key", "some-other-key-0123456789");
    let out = bench.renewd(&["check", "--live"]);
    let text = String::from_utf8(out.stdout).unwrap();
    assert_eq!(
        (out.status.code(), text.lines().last()),
        (Some(3), Some("1 account does not answer")),
        "{text}"
    );
    assert!(!text.contains("matches no lease"), "what it holds is not known: {text}");
}

#[rstest]
#[case(&["resolve", "p-000001", "--note", "x", "--charged", "-2"], "--charged must be above zero")]
#[case(&["forecast", "--days", "-1"], "-1 is not in 1..=366")]
#[case(&["simulate", "--balance", "-5"], "--balance -5.00 is below zero")]
#[case(&["simulate", "--lose-answers", "500"], "500 is not in 0..=100")]
#[case(&["backup", "renewd.toml"], "a backup never overwrites")]
#[case(&["apply", "nofile"], "nofile cannot be read")]
#[case(&["--config", "/nowhere/x.toml", "check"], "/nowhere/x.toml: there is no such file")]
fn a_slip_on_the_command_line_is_told_for_what_it_is(#[case] args: &[&str], #[case] part: &str) {
    let bench = two_leases();
    bench.renewd(&["once"]);
    let out = bench.command(args).current_dir(bench.dir.path()).output().unwrap();
    let text = String::from_utf8([out.stdout, out.stderr].concat()).unwrap();
    assert!(out.status.code() == Some(2) && text.contains(part) && !text.contains("disk"), "{text}");
}

#[test]
fn the_manual_has_every_page_it_names_and_the_package_has_what_the_unit_points_to() {
    let bench = two_leases();
    let folder = bench.path("man");
    assert_eq!(bench.renewd(&["man", "--dir", folder.to_str().unwrap()]).status.code(), Some(0));
    let page = fs::read_to_string(folder.join("man8/renewd.8")).unwrap().replace('\\', "");
    let named: Vec<&str> = page.split_whitespace().filter_map(|w| w.strip_suffix("(8)")).collect();
    assert!(named.contains(&"renewd-check"), "{page}");
    for name in named {
        assert!(folder.join(format!("man8/{name}.8")).exists(), "{name}");
    }
    assert!(folder.join("man5/renewd.toml.5").exists());
    let unit = include_str!("../../systemd/renewd.service");
    let package = include_str!("../../Cargo.toml");
    assert!(unit.contains("man:renewd(8) file:///usr/share/doc/renewd/operations.md"));
    assert!(
        package.contains("[\"docs/*.md\", \"usr/share/doc/renewd/\", \"644\"]"),
        "the guide that the unit points to"
    );
}

#[rstest]
#[case("release", "policy: `let-go` lets it lapse")]
#[case("watch", "policy: `let-go` says watch")]
#[case("ignore", "policy: `let-go` says ignore")]
fn a_decision_names_its_policy_once(#[case] action: &str, #[case] reason: &str) {
    let bench = two_leases();
    bench.config("", &format!("[[policy]]\nname = \"let-go\"\naction = \"{action}\"\n"));
    let (_, plan) = bench.json(&["plan"]);
    assert_eq!(bench.item(&plan, A)["reason"], reason);
}

#[test]
fn people_read_text_the_daemon_logs_json_and_check_says_each_warning_once() {
    let bench = two_leases();
    let out = bench.renewd(&["status"]);
    let err = String::from_utf8(out.stderr).unwrap();
    assert!(err.contains("alerts reach nobody by mail") && !err.contains('{'), "{err}");
    let out = bench.renewd(&["check"]);
    let all = String::from_utf8([out.stdout, out.stderr].concat()).unwrap();
    assert_eq!(all.matches("alerts reach nobody by mail").count(), 1, "{all}");
    let mut child = bench.spawn(&["run"]);
    until("the daemon is up", 10, || bench.log().contains("renewd is up"));
    signal(&child, Signal::TERM);
    child.wait().unwrap();
    let log = bench.log();
    assert!(
        log.lines().all(|l| serde_json::from_str::<serde_json::Value>(l).is_ok_and(|v| v.is_object())),
        "{log}"
    );
}

#[test]
fn config_errors_come_all_at_once_with_file_line_and_key() {
    let bench = two_leases();
    bench.config("colour = \"red\"\nbatch = 0", &KEEP.replace("\"3d\"", "\"soon\""));
    let (code, doc) = bench.json(&["check"]);
    assert_eq!((code, &doc["ok"]), (2, &false.into()));
    let problems = doc["problems"].as_array().unwrap();
    let errors: Vec<_> = problems.iter().filter(|p| p["severity"] == "error").collect();
    assert_eq!(errors.len(), 3, "{doc:#}");
    assert!(
        errors.iter().all(|p| p["line"].is_u64() && p["file"].as_str().unwrap().ends_with("renewd.toml"))
    );
    fs::set_permissions(bench.path("yp.key"), fs::Permissions::from_mode(0o644)).unwrap();
    bench.config("", KEEP);
    let (code, doc) = bench.json(&["check"]);
    assert!(code == 2 && doc["problems"][0]["message"].as_str().unwrap().contains("chmod 600"), "{doc:#}");
}

#[test]
fn a_backup_that_is_copied_over_a_running_ledger_stops_payments_and_is_told() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24 * 20), (Product::IPv4, &[B], 24)]);
    let port = free_port();
    let sink = MailServer::plain(port);
    bench.config("", &keep_and_mail(port));
    let backup = bench.path("backup.db");
    let mut child = bench.spawn(&["run"]);
    until("a payment", 10, || bench.charged(B) == 1 && bench.log().contains("cycle done"));
    assert_eq!(bench.renewd(&["backup", backup.to_str().unwrap()]).status.code(), Some(0));
    let ledger = bench.path("state/ledger.db");
    let inode = |path: &std::path::Path| std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap());
    let before = inode(&ledger);
    fs::copy(&backup, &ledger).unwrap();
    assert_eq!(inode(&ledger), before, "as cp does");
    bench.handle.with(|w| w.set_end(KEY, A, common::in_hours(24)));
    until("it is told", 20, || sink.texts().iter().any(|m| m.contains("was overwritten while renewd")));
    std::thread::sleep(Duration::from_millis(2_100));
    assert_eq!(bench.charged(A), 0, "nothing is paid on half a ledger");
    signal(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(0), "{}", bench.log());
}

#[test]
fn a_ledger_that_is_taken_away_stops_payments_and_is_told_until_it_is_back() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[A], 24 * 20)]);
    let port = free_port();
    let sink = MailServer::plain(port);
    bench.config("", &keep_and_mail(port));
    let mut child = bench.spawn(&["run"]);
    until("a first cycle", 10, || bench.log().contains("cycle done"));
    let (ledger, away) = (bench.path("state/ledger.db"), bench.path("state/away.db"));
    fs::rename(&ledger, &away).unwrap();
    bench.handle.with(|w| w.set_end(KEY, A, common::in_hours(24)));
    until("it is told", 20, || sink.texts().iter().any(|m| m.contains("was removed while renewd was using")));
    assert!(bench.log().contains("was removed while renewd was using it"), "{}", bench.log());
    for command in ["status", "pause"] {
        assert_eq!(bench.renewd(&[command]).status.code(), Some(1), "{command} makes no other one");
    }
    assert!(!ledger.exists(), "no new one is made in its place");
    assert_eq!(bench.payments_sent(), 0, "nothing is paid that nobody could ever know of");
    fs::rename(&away, &ledger).unwrap();
    until("payments go on", 20, || bench.charged(A) == 1);
    signal(&child, Signal::TERM);
    assert_eq!(child.wait().unwrap().code(), Some(0), "{}", bench.log());
    assert_eq!(bench.json(&["history"]).1["payments"].as_array().unwrap().len(), 1);
}
