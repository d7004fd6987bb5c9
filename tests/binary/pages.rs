//! The pages of a running daemon: what a worried person sees of a fleet in trouble, over real sockets and in a real browser.
mod browser;
mod scene;

use std::path::PathBuf;

use renewd::simulator::Product;
use serde_json::{Value, json};

use crate::common::http::get;
use crate::common::smtp::free_port;
use crate::common::{Bench, KEY, until};
use browser::Browser;
use scene::{OLD, Served, fleet};

/// The page, with the slashes of its attributes as they are meant.
fn page(port: u16, path: &str) -> (u16, String) {
    let (code, text) = get(port, path).unwrap();
    (code, text.replace("&#x2f;", "/"))
}

/// The first link behind some words.
fn link_behind<'a>(html: &'a str, words: &str) -> &'a str {
    let rest = html.split_once(words).unwrap_or_else(|| panic!("{words}: {html}")).1;
    rest.split_once("href=\"").unwrap().1.split_once('"').unwrap().0
}

#[test]
fn the_pages_of_a_fleet_in_trouble_say_what_is_wrong_and_what_to_type() {
    let bench = fleet();
    let mut served = Served::over(&bench);
    let (code, html) = page(served.port, "/");
    let plan = bench.json(&["status"]).1["waiting_approval"][0]["plan"].as_str().unwrap().to_owned();
    assert_eq!(code, 200);
    for part in [
        "needs attention",
        &format!("<code>renewd approve {plan}</code>"),
        "leases of yp: short funds",
        "1 lease of yp: price cap",
        "Top up ",
        "would lapse",
        "spare <span",
        "times in Europe/Berlin",
        "monthly <span class=\"soft\">per month</span>",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    assert_eq!(html.matches("short funds").count(), 1, "leases that lack the same money are one line");
    assert!(!html.contains("<script>"), "{html}");
    let held = link_behind(&html, "leases of yp: short funds").to_owned();
    let (code, lease) = page(served.port, &held);
    assert_eq!(code, 200, "{held}");
    for part in
        ["falls due", "becomes urgent", "renewd never paid for it", "matches and decides", "short_funds:yp"]
    {
        assert!(lease.contains(part), "{part}: {lease}");
    }

    // As `explain --stored` says it, with the payments of every month and what they cost.
    let explained = bench.json(&["explain", "--stored", OLD]).1;
    let item = &explained["items"][0];
    let (code, lease) = page(served.port, &format!("/lease/yp/{}", item["lease"].as_str().unwrap()));
    assert_eq!(code, 200);
    for step in item["steps"].as_array().unwrap() {
        let what = step["what"].as_str().unwrap().replace('_', " ");
        assert!(lease.contains(&format!("<dt>{what}</dt>")), "{what}: {lease}");
    }
    assert!(!lease.contains("<script>") && lease.contains("cheap &lt;script&gt;alert(1)"), "{lease}");
    assert_eq!(lease.matches("<circle class=\"price\"").count(), 4, "a point for each payment: {lease}");
    assert_eq!(lease.matches("data-of=\"state\"").count(), 4, "{lease}");
    assert_eq!(page(served.port, "/lease/yp/nosuch").0, 404);

    // It goes out in pieces while it is made; of so few leases there is one.
    let text = get(served.port, "/api/leases").unwrap().1;
    let document = &text[text.find('{').unwrap()..=text.rfind('}').unwrap()];
    let all: Value = serde_json::from_str(document).unwrap();
    // How long it is until something is said anew each time.
    let named = |all: &Value| {
        let leases = all["leases"].as_array().unwrap().iter();
        leases.map(|l| (l["lease"].clone(), l["decision"].clone(), l["due_at"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(named(&all), named(&bench.json(&["leases"]).1));
    for text in [&html, &lease, &page(served.port, "/payments").1] {
        assert!(!text.contains(KEY), "a secret got out");
    }
    served.stop();
}

#[test]
fn payments_are_found_by_account_state_and_time_a_page_after_the_other() {
    let bench = fleet();
    let mut served = Served::over(&bench);
    let rows = |path: &str| {
        let (code, html) = page(served.port, path);
        (code, html.matches("data-of=\"state\"").count())
    };
    let paid = bench.json(&["history"]).1["payments"].as_array().unwrap().len();
    assert_eq!(rows("/payments"), (200, paid));
    assert_eq!(rows("/payments?account=yp&state=&since="), (200, paid));
    assert_eq!(rows("/payments?state=refused"), (200, 0));
    assert_eq!(rows("/payments?since=1d"), (200, paid - 3));
    assert_eq!(rows("/payments?before=p-000002"), (200, 1));
    for wrong in ["account=nosuch", "state=nosuch", "since=nosuch", "before=nosuch"] {
        assert_eq!(rows(&format!("/payments?{wrong}")).0, 400, "{wrong}");
    }
    served.stop();
}

#[test]
fn the_pages_are_made_without_a_look_at_each_lease() {
    let bench = Bench::new("100.00", &[(Product::IPv4, &[OLD], 24)]);
    let (file, port) = (bench.path("renewd.toml"), free_port());
    let text = std::fs::read_to_string(&file).unwrap();
    // The one cycle of the year was: what is shown is of `once`.
    let text = text.replace("cycle = \"* * * * * *\"", "cycle = \"0 0 0 1 1 *\"");
    std::fs::write(&file, text.replace("listen = \"\"", &format!("listen = \"127.0.0.1:{port}\""))).unwrap();
    assert_eq!(bench.json(&["once"]).0, 0);
    let lease = bench.json(&["leases"]).1["leases"][0]["lease"].as_str().unwrap().to_owned();
    let mut served = Served { child: bench.spawn(&["run"]), port };
    until("the page is served", 30, || get(port, "/healthz").is_some());
    // A walk over the fleet would meet this lease, whose end no reader can make sense of.
    let raw = rusqlite::Connection::open(bench.path("state/ledger.db")).unwrap();
    raw.execute(
        "INSERT INTO lease (account, lease, order_id, ip, kind, expires_at, first_seen) VALUES ('yp', 'x', 'x', '', 'IPv4', 'not an instant', 'x')",
        [],
    )
    .unwrap();
    drop(raw);
    for path in ["/", "/payments", &format!("/lease/yp/{lease}")] {
        let (code, html) = page(port, path);
        assert!(code == 200 && !html.contains("cannot be read"), "{path}: {html}");
    }
    assert_ne!(get(port, "/api/leases").unwrap().0, 200, "who asks for all of them meets it");
    served.stop();
}

/// axe-core, fetched by scripts/test-all.
fn axe() -> String {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from);
    let file = target.join("axe-core/package/axe.min.js");
    std::fs::read_to_string(&file)
        .unwrap_or_else(|e| panic!("{}: {e}: scripts/test-all --packages fetches it", file.display()))
}

/// What axe has to say against the page that is open.
fn faults(browser: &mut Browser, axe: &str) -> Value {
    browser.value(axe);
    browser.value(
        "axe.run(document, { resultTypes: ['violations'] }).then(found => found.violations.map(v => v.id + ': ' + v.nodes.map(n => n.html + ' ' + n.failureSummary).join(' | ')))",
    )
}

/// Text that is smaller than people can read, and whatever sticks out at the side.
const TINY: &str = "[...document.querySelectorAll('body *')].filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) && e.tagName !== 'TITLE' && parseFloat(getComputedStyle(e).fontSize) < 13.5).map(e => e.outerHTML.slice(0, 90))";
const WIDER: &str = "document.documentElement.scrollWidth - innerWidth";

#[test]
#[ignore = "needs chromium: scripts/test-all"]
fn a_real_browser_shows_the_pages_whole_in_light_and_dark_and_axe_finds_nothing() {
    let bench = fleet();
    let mut served = Served::over(&bench);
    let lease = bench.json(&["explain", "--stored", OLD]).1["items"][0]["lease"].as_str().unwrap().to_owned();
    let shots = std::env::var_os("RENEWD_SHOTS").map(PathBuf::from);
    let (axe, mut browser) = (axe(), Browser::start());
    for (name, path) in [
        ("now", "/".to_owned()),
        ("payments", "/payments".to_owned()),
        ("lease", format!("/lease/yp/{lease}")),
    ] {
        for scheme in ["light", "dark"] {
            for width in [390, 800, 1280] {
                browser.looks(width, scheme);
                browser.open(&served.url(&path));
                let what = format!("{path} at {width} in {scheme}");
                assert_eq!(browser.value("refused"), json!([]), "the page keeps its own policy: {what}");
                assert_eq!(
                    browser.value("getComputedStyle(document.body).maxWidth"),
                    "1216px",
                    "the style is there: {what}"
                );
                assert_eq!(browser.value(WIDER), json!(0), "nothing sticks out: {what}");
                assert_eq!(browser.value(TINY), json!([]), "no text is tiny: {what}");
                assert_eq!(faults(&mut browser, &axe), json!([]), "axe: {what}");
                if let Some(folder) = &shots {
                    browser.shoot(&folder.join(format!("{name}-{width}-{scheme}.png")));
                }
            }
        }
    }
    keeps_itself_fresh(&mut browser, &mut served, &bench);
}

/// The script puts what is new in the place of what was, and says when nobody answers.
fn keeps_itself_fresh(browser: &mut Browser, served: &mut Served, bench: &Bench) {
    browser.scripts(false);
    browser.open(&served.url("/"));
    let reloads = "document.querySelector('meta[http-equiv=refresh]').content";
    assert_eq!(browser.value(reloads), "30", "without scripts the browser loads it again by itself");
    browser.scripts(true);
    browser.open(&served.url("/"));
    let asks =
        "document.dispatchEvent(new Event('visibilitychange')), new Promise(done => setTimeout(done, 1500))";
    browser.value("document.getElementById('days').open = true");
    assert_eq!(bench.json(&["pause", "--note", "for the test"]).0, 0);
    browser.value(asks);
    let text = "document.body.textContent";
    assert!(browser.value(text).as_str().unwrap().contains("for the test"), "what is new is there");
    assert_eq!(browser.value("document.getElementById('days').open"), json!(true), "what was open is open");
    assert_eq!(browser.value("document.getElementById('stale').hidden"), json!(true));
    served.stop();
    browser.value(asks);
    assert_eq!(
        browser.value("document.getElementById('stale').hidden"),
        json!(false),
        "a page that is old says so"
    );
}
