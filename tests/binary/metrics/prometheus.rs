//! Against Debian's Prometheus: its checker, its rule tests, and a server that scrapes a renewd and answers the dashboard's queries.
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::{OPENMETRICS, Served};
use crate::common::http::get;
use crate::common::smtp::free_port;
use crate::common::until;

const DASHBOARD: &str = include_str!("../../../contrib/grafana/renewd.json");

fn contrib(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib").join(name)
}

/// Runs `promtool`; it has to be content and to say nothing against what it reads.
fn promtool(args: &[&str], input: &str) -> String {
    let mut command = Command::new("promtool");
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("promtool: apt-get install prometheus");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let out = child.wait_with_output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "promtool {args:?}: {said}\n{input}");
    said
}

#[test]
#[ignore = "needs prometheus: scripts/test-all"]
fn the_checker_has_nothing_against_either_form() {
    let mut daemon = Served::new();
    for accept in ["", "text/plain", OPENMETRICS] {
        let text = daemon.metrics(accept);
        assert_eq!(promtool(&["check", "metrics"], &text), "", "{accept}");
    }
    daemon.stop();
}

#[test]
#[ignore = "needs prometheus: scripts/test-all"]
fn the_rules_are_sound_and_pass_their_tests() {
    let [rules, tests] = ["prometheus/renewd.rules.yml", "prometheus/renewd.rules.test.yml"].map(contrib);
    promtool(&["check", "rules", rules.to_str().unwrap()], "");
    promtool(&["test", "rules", tests.to_str().unwrap()], "");
}

/// A server of its own, on loopback.
struct Server {
    child: Child,
    port: u16,
    _dir: tempfile::TempDir,
}

impl Server {
    fn scraping(target: u16) -> Self {
        let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
        let rules = contrib("prometheus/renewd.rules.yml");
        let config = format!(
            "global: {{ scrape_interval: 1s, evaluation_interval: 1s }}\nrule_files: [{}]\nscrape_configs:\n  - job_name: renewd\n    static_configs: [{{ targets: ['127.0.0.1:{target}'] }}]\n",
            rules.display()
        );
        fs::write(dir.path().join("prometheus.yml"), config).unwrap();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}/prometheus.yml", dir.path().display()))
            .arg(format!("--storage.tsdb.path={}/data", dir.path().display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(fs::File::create(dir.path().join("log")).unwrap())
            .spawn()
            .expect("prometheus: apt-get install prometheus");
        Self { child, port, _dir: dir }
    }

    fn ask(&self, path: &str) -> Value {
        let (_, text) = get(self.port, path).unwrap_or_else(|| panic!("{path}: no answer"));
        let answer: Value = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{path}: {e}: {text}"));
        assert_eq!(answer["status"], "success", "{path}: {answer}");
        answer["data"].clone()
    }

    fn query(&self, query: &str) -> Vec<Value> {
        let data = self.ask(&format!("/api/v1/query?query={}", encoded(query)));
        data["result"].as_array().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

/// Every query of the dashboard, as Grafana would send it with everything chosen.
fn queries() -> Vec<(String, String)> {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let mut all = Vec::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let query = target["expr"].as_str().unwrap().replace("$__rate_interval", "1m");
            let query = query.replace("$instance", ".*").replace("$account", ".*");
            assert!(!query.contains('$'), "{query}");
            all.push((panel["title"].as_str().unwrap().to_owned(), query));
        }
    }
    all
}

#[test]
#[ignore = "needs prometheus: scripts/test-all"]
fn every_query_of_the_dashboard_has_an_answer() {
    let mut daemon = Served::new();
    let server = Server::scraping(daemon.port);
    until("prometheus has scraped twice", 60, || {
        get(server.port, "/-/ready").is_some_and(|(code, _)| code == 200)
            && server.query("count_over_time(renewd_loop_alive[1m]) > 2").len() == 1
    });
    let target = server.ask("/api/v1/targets")["activeTargets"][0].clone();
    assert_eq!((&target["health"], &target["lastError"]), (&"up".into(), &"".into()), "{target:#}");
    // What is empty where all is well.
    let empty = ["sum by (word) (renewd_held_leases"];
    for (panel, query) in queries() {
        let found = server.query(&query);
        assert!(!found.is_empty() || empty.iter().any(|start| query.starts_with(start)), "{panel}: {query}");
    }
    until("every rule was tried", 20, || {
        let groups = server.ask("/api/v1/rules")["groups"].clone();
        let rules = groups[0]["rules"].as_array().unwrap().clone();
        rules.len() > 10 && rules.iter().all(|rule| rule["health"] == "ok")
    });
    for name in
        renewd::http::FAMILIES.iter().filter(|f| f.kind != renewd::http::Kind::Histogram).map(|f| f.name)
    {
        assert!(!server.query(&format!("renewd_{name}")).is_empty(), "renewd_{name} was not scraped");
    }
    drop(server);
    daemon.stop();
}

#[test]
fn every_metric_that_dashboard_and_rules_name_exists() {
    let rules = fs::read_to_string(contrib("prometheus/renewd.rules.yml")).unwrap();
    let mut texts: Vec<String> = queries().into_iter().map(|(_, query)| query).collect();
    texts.extend(rules.lines().filter(|line| !line.trim_start().starts_with('#')).map(str::to_owned));
    for text in texts {
        for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')) {
            let Some(name) = word.strip_prefix("renewd_") else { continue };
            let plain = name.strip_suffix("_bucket").unwrap_or(name);
            assert!(renewd::http::FAMILIES.iter().any(|f| f.name == plain), "{word}: {text}");
        }
    }
}
