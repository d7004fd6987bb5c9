//! Who may name whom. The rules are data; a breach says which rule and why it is there.
use super::Finding;
use super::paths::{Named, Source};

/// These folders or files may not name these paths, except some.
struct Rule {
    within: &'static [&'static str],
    never: &'static [&'static str],
    except: &'static [&'static str],
    why: &'static str,
}

/// Neither I/O nor a runtime nor a clock: given the same arguments they decide the same.
const PURE: &[&str] = &[
    "domain", "nodes", "policy", "planner", "budget", "forecast", "evidence", "alerting", "record", "redact",
];
const OUTSIDE: &[&str] = &[
    "tokio",
    "tokio_util",
    "tokio_cron_scheduler",
    "tracing",
    "tracing_subscriber",
    "reqwest",
    "rusqlite",
    "lettre",
    "axum",
    "std::fs",
    "std::net::Tcp*",
    "std::net::UdpSocket",
    "std::process",
    "std::env",
    "std::thread",
    "crate::clock",
];
/// What stands above the core: the core never looks up.
const ABOVE_CORE: &[&str] = &[
    "crate::engine",
    "crate::daemon",
    "crate::cli",
    "crate::alerts",
    "crate::views",
    "crate::providers",
    "crate::ledger",
    "crate::notify",
    "crate::settings",
    "crate::http",
    "crate::simulator",
    "crate::exit",
];
const SHELL: &[&str] = &["crate::engine", "crate::alerts", "crate::daemon", "crate::cli", "crate::views"];

const RULES: &[Rule] = &[
    Rule {
        within: PURE,
        never: OUTSIDE,
        except: &[],
        why: "the core is pure: hand it the facts as arguments",
    },
    Rule {
        within: PURE,
        never: ABOVE_CORE,
        except: &[],
        why: "arrows point down: the core knows nothing above it",
    },
    Rule {
        within: &["domain"],
        never: &[
            "crate::policy",
            "crate::planner",
            "crate::budget",
            "crate::evidence",
            "crate::alerting",
            "crate::record",
            "crate::redact",
        ],
        except: &[],
        why: "the words of the trade depend on nothing of renewd",
    },
    Rule {
        within: &["policy"], never: &["crate::planner"], except: &[], why: "domain ← policy ← planner"
    },
    Rule {
        within: &["providers", "ledger", "notify", "settings", "http", "simulator"],
        never: SHELL,
        except: &[],
        why: "adapters know the core and their port, never the shell",
    },
    Rule {
        within: &["providers"],
        never: &["crate::ledger", "crate::notify", "crate::settings", "crate::http", "crate::simulator"],
        except: &[
            "crate::ledger::LastLook",
            "crate::ledger::SpendPermit",
            "crate::ledger::PurchasePermit",
            "crate::ledger::ChangePermit",
        ],
        why: "adapters never import each other; a provider takes the permits and nothing else of the ledger",
    },
    Rule {
        within: &["ledger"],
        never: &["crate::providers", "crate::notify", "crate::settings", "crate::http", "crate::simulator"],
        except: &[],
        why: "adapters never import each other",
    },
    Rule {
        within: &["notify"],
        never: &["crate::providers", "crate::ledger::sqlite", "crate::http", "crate::simulator"],
        except: &[],
        why: "adapters never import each other; mail knows the ledger's port and the settings' types",
    },
    Rule {
        within: &["settings"],
        never: &["crate::providers", "crate::ledger", "crate::notify", "crate::http", "crate::simulator"],
        except: &[],
        why: "adapters never import each other",
    },
    Rule {
        within: &["http"],
        never: &["crate::providers", "crate::ledger", "crate::notify", "crate::settings", "crate::simulator"],
        except: &[],
        why: "the web side knows its own `Source` and nothing else",
    },
    Rule {
        within: &["simulator"],
        never: &["crate::providers", "crate::ledger", "crate::notify", "crate::settings", "crate::http"],
        except: &[],
        why: "the simulated provider shares no code with the adapter that is tested against it",
    },
    Rule {
        within: &["engine"],
        never: &[
            "crate::alerts",
            "crate::views",
            "crate::daemon",
            "crate::cli",
            "crate::http",
            "crate::simulator",
            "crate::exit",
            "rusqlite",
            "lettre",
            "reqwest",
            "axum",
        ],
        except: &[],
        why: "the engine knows ports only",
    },
    Rule {
        within: &["views"],
        never: &["crate::daemon", "crate::cli"],
        except: &[],
        why: "a document shows what is known, whoever asks for it",
    },
    Rule {
        within: &["alerts"],
        never: &["crate::daemon", "crate::cli"],
        except: &[],
        why: "telling people knows the pass that it tells of, not who runs it",
    },
    Rule {
        within: &["daemon"],
        never: &["crate::cli"],
        except: &[],
        why: "commands start the daemon, not the reverse",
    },
];

/// The one provider adapter that may read its own settings: where it is built.
const WIRING: &str = "src/providers/wiring.rs";

/// Breaches of the arrows.
pub fn check(source: &Source) -> Vec<Finding> {
    if source.is_test {
        return Vec::new();
    }
    let rules = RULES.iter().filter(|r| r.within.iter().any(|folder| lives_in(source, folder)));
    rules.flat_map(|rule| source.named.iter().filter_map(|named| breach(source, rule, named))).collect()
}

fn breach(source: &Source, rule: &Rule, named: &Named) -> Option<Finding> {
    let spelt = named.path.join("::");
    let hit =
        rule.never.iter().any(|p| matches(&spelt, p)) && !rule.except.iter().any(|p| matches(&spelt, p));
    let wired = source.name == WIRING && matches(&spelt, "crate::settings");
    (hit && !wired).then(|| finding(source, named, &format!("`{spelt}` may not be named here: {}", rule.why)))
}

/// `std::net::Tcp*` is a prefix of a name; everything else ends at a segment.
fn matches(spelt: &str, pattern: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => spelt.starts_with(prefix),
        None => spelt.strip_prefix(pattern).is_some_and(|rest| rest.is_empty() || rest.starts_with("::")),
    }
}

/// `policy/…` or `policy.rs`.
fn lives_in(source: &Source, folder: &str) -> bool {
    source.place.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/') || rest == ".rs")
}

fn finding(source: &Source, named: &Named, what: &str) -> Finding {
    Finding { file: source.name.clone(), line: named.line, what: what.to_owned() }
}

/// The clock is read in `clock.rs`; the process ends in `main`.
pub fn check_calls(source: &Source) -> Vec<Finding> {
    let reads = [["SystemTime", "now"], ["Instant", "now"], ["Timestamp", "now"], ["Zoned", "now"]];
    let ends = [["process", "exit"], ["process", "abort"]];
    let judge = |named: &Named| {
        let last: Vec<&str> = named.path.iter().rev().take(2).rev().map(String::as_str).collect();
        if source.name != "src/clock.rs" && reads.iter().any(|r| last == r) {
            return Some(finding(source, named, "only clock.rs reads the clock: take `now` as an argument"));
        }
        let ending = ends.iter().any(|e| last == e) && source.name != "src/main.rs";
        ending.then(|| finding(source, named, "only main ends the process: return an `Exit`"))
    };
    if source.is_test { Vec::new() } else { source.named.iter().filter_map(judge).collect() }
}

/// Where money passes, no float does.
pub fn check_floats(source: &Source) -> Vec<Finding> {
    let folders =
        ["domain", "policy", "planner", "ledger", "budget", "forecast", "evidence", "record", "providers"];
    if source.is_test || !folders.iter().any(|f| lives_in(source, f)) {
        return Vec::new();
    }
    let float = |n: &&Named| n.path.iter().any(|s| s == "f32" || s == "f64");
    source
        .named
        .iter()
        .filter(float)
        .map(|n| finding(source, n, "a float: use `Money` or whole numbers"))
        .collect()
}

/// Providers, and where each lives.
const PROVIDERS: &[(&str, &str)] = &[
    ("youproxy", "providers/youproxy"),
    ("proxyshard", "providers/proxyshard"),
    ("proxyseller", "providers/proxyseller"),
    ("px6", "providers/px6"),
];
/// Where every provider may be named: the port's modules and wiring, the list of the settings, what simulates them, and the examples of
/// the manual pages.
const NAMES_ALL: &[&str] = &[
    "src/providers/mod.rs",
    WIRING,
    "src/providers/connection.rs",
    "src/settings/values.rs",
    "crates/simulator/",
    "src/cli/simulate",
    "src/cli/demo",
    "src/cli/manual/",
];

/// A provider's name outside its own folder, as a word of the code or within a text, is a special case in the making; the engine
/// knows no adapter at all. Comments may name whom they like.
pub fn check_names(source: &Source) -> Vec<Finding> {
    if source.is_test {
        return Vec::new();
    }
    let everywhere = NAMES_ALL.iter().any(|place| source.name.starts_with(place));
    let foreign: Vec<&str> = PROVIDERS
        .iter()
        .filter(|(_, home)| !everywhere && !lives_in(source, home))
        .map(|(name, _)| *name)
        .collect();
    let says = |text: &str, words: &[&str]| words.iter().any(|word| text.to_lowercase().contains(word));
    let judge = |line: usize, text: &str, is_code: bool| {
        let what = if says(text, &foreign) {
            "one provider by name: use its capabilities"
        } else if is_code && lives_in(source, "engine") && says(text, &["sqlite", "lettre", "email"]) {
            "an adapter by name: the engine knows ports only"
        } else {
            return None;
        };
        Some(Finding { file: source.name.clone(), line, what: what.to_owned() })
    };
    let code = source.named.iter().filter_map(|named| judge(named.line, &named.path.join("::"), true));
    let texts = source.literals.iter().filter_map(|(line, text)| judge(*line, text, false));
    code.chain(texts).collect()
}
