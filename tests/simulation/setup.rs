//! What a seed begins with: a config with many kinds of policies and budgets, read by the product's own loader, and two fleets.
use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use renewd::domain::{Capabilities, Kind, ProviderName};
use renewd::settings::{self, Settings, Sources};

use crate::books::{Books, Lot, Manner, Shown};
use crate::far::Far;
use crate::judge::{first_name, renamed as renamed_to};
use crate::vendors::Brand;

/// Secrets that must appear nowhere.
const KEYS: [&str; 3] =
    ["planted-key-of-days-4711", "planted-key-of-months-0815", "planted-smtp-password-1234"];

/// All of them.
pub fn keys() -> impl Iterator<Item = &'static str> {
    KEYS.into_iter().chain([Brand::Seller.key(), Brand::Px6.key()])
}

fn private(dir: &Path, name: &str, text: &str) {
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(dir.join(name));
    std::io::Write::write_all(&mut file.unwrap(), text.as_bytes()).unwrap();
}

/// The config of a seed.
pub fn settings(dir: &Path, rng: &mut Rng, start: Timestamp, limited: bool, far: &mut Far) -> Settings {
    private(dir, "yp.key", KEYS[0]);
    private(dir, "ps.key", KEYS[1]);
    private(dir, "smtp", KEYS[2]);
    let near = text(dir, rng, start, limited);
    for (vendor, _) in &far.vendors {
        private(dir, vendor.brand.account(), vendor.brand.key());
    }
    private(dir, "renewd.toml", &with_far(&near, dir, far));
    load(dir)
}

/// The same config with other names: of the accounts, of the policies, of the budgets, or back to the first ones. An account is known
/// by its key as well; of the others only `was` says what they were called.
pub fn renamed(dir: &Path, what: [bool; 3], now: &Settings, rng: &mut Rng) -> Settings {
    let text = fs::read_to_string(dir.join("renewd.toml")).unwrap();
    // What keeps its name keeps what it was called before.
    let mut again = false;
    let stays = |line: &&str| {
        let table = ["[[account]]", "[[policy]]", "[[budget]]"].iter().position(|table| line == table);
        again = table.map_or(again, |kind| what[kind]);
        !(again && line.starts_with("was = "))
    };
    let mut text: String = text.lines().filter(stays).map(|l| format!("{l}\n")).collect();
    let accounts: Vec<&str> = now.accounts.iter().map(|a| a.name.as_str()).collect();
    let policies: Vec<&str> = now.policies.iter().map(|p| p.name.as_str()).collect();
    let budgets: Vec<&str> = now.budgets.iter().map(|b| b.name.as_str()).collect();
    for ((names, chosen), kind) in [accounts, policies, budgets].iter().zip(what).zip(0..) {
        for old in names.iter().filter(|_| chosen) {
            let new = if first_name(old) == *old { renamed_to(old) } else { first_name(old) };
            let was = if kind == 0 && rng.bool() { String::new() } else { format!("\nwas = [\"{old}\"]") };
            text = text.replace(&format!("name = \"{old}\"\n"), &format!("name = \"{new}\"{was}\n"));
            // Where budgets name them.
            for list in ["account = [", "policy = ["] {
                let named = |line: &str| line.replace(&format!("\"{old}\""), &format!("\"{new}\""));
                let each = text.lines().map(|l| if l.starts_with(list) { named(l) } else { l.to_owned() });
                text = each.map(|l| l + "\n").collect();
            }
        }
    }
    private(dir, "renewd.toml", &text);
    load(dir)
}

fn load(dir: &Path) -> Settings {
    let sources =
        Sources { files: vec![dir.join("renewd.toml")], environment: Vec::new(), credentials_dir: None };
    let mut settings = settings::load(&sources).unwrap_or_else(|p| panic!("{p:#?}"));
    // A provider of its own name: payments of one must not block those of the other.
    settings.accounts[1].provider = ProviderName::new("months");
    settings
}

fn pick<'a>(rng: &mut Rng, all: &[&'a str]) -> &'a str {
    all[rng.usize(0..all.len())]
}

fn budgets(rng: &mut Rng) -> String {
    let month = rng.u32(250..900);
    let (week, day, cycle) = (rng.u32(60..250), rng.u32(10..60), rng.u32(10..60));
    let budgets = [
        format!(
            "name = \"month\"\nper = \"month\"\nlimit = \"{month}.00\"\ncurrency = \"USD\"\nwarn_at = \"80%\""
        ),
        format!(
            "name = \"week\"\naccount = [\"yp\"]\nper = \"week\"\nlimit = \"{week}.50\"\ncurrency = \"USD\""
        ),
        format!(
            "name = \"day\"\npolicy = [\"rest\", \"window\"]\nper = \"day\"\nlimit = \"{day}.25\"\ncurrency = \"USD\""
        ),
        format!(
            "name = \"cycle\"\naccount = [\"ps\", \"yp\"]\nper = \"cycle\"\nlimit = \"{cycle}.75\"\ncurrency = \"USD\""
        ),
    ];
    let chosen: Vec<String> =
        budgets.into_iter().filter(|_| rng.u32(0..3) > 0).map(|b| format!("[[budget]]\n{b}\n")).collect();
    chosen.join("\n")
}

fn policies(rng: &mut Rng, start: Timestamp) -> String {
    let until = (start + SignedDuration::from_hours(24 * rng.i64(40..80))).strftime("%Y-%m-%d").to_string();
    let unknown = |rng: &mut Rng| pick(rng, &["hold", "retry", "never"]).to_owned();
    let policies = [
        "name = \"let-go\"\nmatch = { tag = [\"go\"] }\naction = \"release\"".to_owned(),
        "name = \"look\"\nmatch = { tag = [\"look\"] }\naction = \"watch\"".to_owned(),
        format!("name = \"first\"\nmatch = {{ tag = [\"first\"] }}\naction = \"renew\"\npriority = 100\nmax_price_jump = \"25%\"\nbefore = \"3d\"\non_unknown = \"{}\"", unknown(rng)),
        format!("name = \"window\"\nmatch = {{ tag = [\"window\"] }}\naction = \"renew\"\nwindow = \"Mon-Fri 08:00-20:00\"\nbefore = \"4d\"\nurgent = \"1d\"\non_unknown = \"{}\"", unknown(rng)),
        format!("name = \"promo\"\nmatch = {{ tag = [\"promo\"] }}\naction = \"renew\"\npromo_code = \"SAVE10\"\npromo_required = {}\nbefore = \"33%\"\npriority = 10", rng.bool()),
        format!("name = \"until\"\nmatch = {{ tag = [\"until\"] }}\naction = \"renew\"\nuntil = \"{until}\"\non_unknown = \"{}\"", unknown(rng)),
        format!("name = \"short\"\nmatch = {{ tag = [\"short\"] }}\naction = \"renew\"\nperiod = [\"7d\", \"30d\"]\nbefore = \"36h\"\non_short_funds = \"{}\"", pick(rng, &["hold", "partial"])),
        format!("name = \"auto\"\nmatch = {{ tag = [\"auto\"] }}\naction = \"renew\"\npay_by = \"provider\"\nmax_price = \"9.00\"\nbefore = \"3d\"\npriority = {}", rng.i64(-5..50)),
        "name = \"take\"\nmatch = { tag = [\"take\"] }\naction = \"renew\"\ntake_over = true\nbefore = \"3d\"".to_owned(),
        format!("name = \"rest\"\naction = \"renew\"\nmax_price = \"5.20\"\nbefore = \"{}\"\nurgent = \"{}\"\non_unknown = \"{}\"", pick(rng, &["2d", "3d", "5d"]), pick(rng, &["6h", "12h", "30h"]), unknown(rng)),
    ];
    let policies: Vec<String> = policies.into_iter().map(|p| format!("[[policy]]\n{p}\n")).collect();
    policies.join("\n")
}

fn text(dir: &Path, rng: &mut Rng, start: Timestamp, limited: bool) -> String {
    let dir = dir.display();
    let zone = pick(rng, &["UTC", "Europe/Berlin", "America/New_York"]);
    let (share, batch) = (rng.u32(20..=60), rng.u32(1..=20));
    // Where the limit is looked at it is one that is reached.
    let per_minute = if limited { rng.u32(8..=20) } else { 90 };
    let keep = rng.u32(0..20);
    let (budgets, policies) = (budgets(rng), policies(rng, start));
    format!(
        r#"state_dir = "{dir}"
runtime_dir = "{dir}/run"
timezone = "{zone}"

[guard]
max_fleet_share = "{share}%"
max_payments_per_cycle = {calls}

[[account]]
name = "yp"
provider = "youproxy"
api_key = {{ file = "{dir}/yp.key" }}
max_requests_per_minute = {per_minute}
batch = {batch}
keep_balance = "{keep}.00"

[[account]]
name = "ps"
provider = "youproxy"
api_key = {{ file = "{dir}/ps.key" }}
max_requests_per_minute = {per_minute}
keep_balance = "{keep}.50"

{policies}
{budgets}
[alerts.email]
host = "mail.example.org"
username = "renewd"
password = {{ file = "{dir}/smtp" }}
from = "renewd@example.org"
to = ["ops@example.org"]

[http]
listen = ""
"#,
        calls = rng.u32(8..200),
    )
}

/// The same with accounts behind the product's own adapters, and policies for their leases in front of all others.
fn with_far(near: &str, dir: &Path, far: &mut Far) -> String {
    if far.vendors.is_empty() {
        return near.to_owned();
    }
    let (dir, rng) = (dir.display(), &mut far.rng);
    let mut accounts = String::new();
    for (vendor, _) in &far.vendors {
        let (name, provider) = (vendor.brand.account(), vendor.brand.provider());
        let off = if vendor.brand == Brand::Px6 { "provider_renews = \"off\"\n" } else { "" };
        let (batch, keep) = (rng.u32(1..=20), rng.u32(0..10));
        accounts += &format!(
            "[[account]]\nname = \"{name}\"\nprovider = \"{provider}\"\nbase_url = \"{}\"\napi_key = {{ file = \"{dir}/{name}\" }}\nbatch = {batch}\nkeep_balance = \"{keep}.00\"\n{off}\n",
            vendor.base_url
        );
    }
    let policies = far_policies(rng, far.asks);
    let at = near.find("[[policy]]").unwrap();
    format!("{}{accounts}{policies}\n{}", &near[..at], &near[at..])
}

/// Leases of one vendor have no tags: their kinds tell them apart.
fn far_policies(rng: &mut Rng, asks: bool) -> String {
    let ask = if asks { "approval = true\n" } else { "" };
    let mut of = |name: &str, kind: &str, rest: String| {
        let unknown = pick(rng, &["hold", "retry", "never"]);
        format!(
            "[[policy]]\nname = \"{name}\"\nmatch = {{ provider = [\"proxyseller\"], kind = [\"{kind}\"] }}\naction = \"renew\"\nperiod = \"30d\"\non_unknown = \"{unknown}\"\n{rest}\n"
        )
    };
    let first = of("s-first", "ISP", "max_price_jump = \"25%\"\nbefore = \"3d\"\npriority = 80\n".to_owned());
    let plain =
        of("s-plain", "IPv4", format!("max_price = \"3.00\"\nbefore = \"3d\"\nurgent = \"12h\"\n{ask}"));
    let mix =
        of("s-mix", "MIX", "window = \"Mon-Fri 08:00-20:00\"\nbefore = \"4d\"\nurgent = \"1d\"\n".to_owned());
    let six = of("s-six", "IPv6", "before = \"2d\"\n".to_owned());
    let own =
        ["pay_by = \"provider\"\nbefore = \"3d\"\n", "take_over = true\nbefore = \"3d\"\n"][rng.usize(0..2)];
    let auto = format!(
        "[[policy]]\nname = \"s-auto\"\nmatch = {{ provider = [\"proxyseller\"], kind = [\"MIX_ISP\"] }}\naction = \"renew\"\nperiod = \"30d\"\n{own}\n"
    );
    let asked = "[[policy]]\nname = \"asks\"\nmatch = { tag = [\"asks\"] }\naction = \"renew\"\nbefore = \"4d\"\nurgent = \"12h\"\n";
    format!("{first}{plain}{mix}{six}{auto}{asked}{ask}\n")
}

/// What the days' provider can do.
pub fn days() -> Capabilities {
    Capabilities {
        renew_early: true,
        quote_is_bound: true,
        quote_reads_order: false,
        warns: true,
        auto_renewal: false,
        sells_cycles: false,
        grace: None,
        bundled_kinds: vec![Kind::new("IPv6")],
        hides_auto_renewal: false,
        prices_by_count: false,
        pace: None,
        marks_purchases: false,
    }
}

/// What the months' provider can do.
pub fn months() -> Capabilities {
    Capabilities {
        renew_early: false,
        quote_is_bound: false,
        quote_reads_order: true,
        warns: false,
        auto_renewal: true,
        sells_cycles: true,
        grace: Some(crate::books::GRACE),
        bundled_kinds: Vec::new(),
        hides_auto_renewal: false,
        prices_by_count: false,
        pace: None,
        marks_purchases: false,
    }
}

/// One more order, of one to eight leases, in the fleet.
pub fn rent(books: &mut Books, rng: &mut Rng, now: Timestamp, end: Timestamp) {
    let months = books.manner == Manner::Months;
    let n = if months { 1 } else { rng.usize(2..=8) };
    let serial = books.lots.len() + 1;
    let order = format!("o{serial}");
    let kind = if months {
        pick(rng, &["Datacenter Proxy", "ISP Proxy"])
    } else {
        pick(rng, &["IPv4", "IPv4", "ISP", "IPv6"])
    };
    let country = (!months).then(|| pick(rng, &["USA", "DEU"]));
    let tags: &[&str] = if months {
        &["first", "auto", "auto", "take", "rest", "until", "go"]
    } else {
        &["first", "window", "promo", "until", "short", "rest", "rest", "go", "look"]
    };
    let tag = pick(rng, tags);
    let auto = months && (tag == "auto" || rng.u32(0..4) == 0);
    let cents = if kind == "IPv6" { rng.i64(10..40) } else { rng.i64(4..9) * 55 };
    for k in 0..n {
        let serial = serial + k;
        books.lots.push(Lot {
            order: order.clone(),
            ip: if months {
                format!("198.51.{}.{}", serial / 250, serial % 250)
            } else {
                format!("203.0.{}.{}", serial / 250, serial % 250)
            },
            kind,
            country,
            tag: tag.to_owned(),
            cents,
            ids: vec![Shown { from: now, value: format!("{}{serial:05}", if months { "m" } else { "d" }) }],
            ends: vec![Shown { from: now, value: end }],
            auto: vec![Shown { from: now, value: auto }],
            gone: false,
        });
    }
}

/// A fleet of about so many leases, whose ends lie within the next 30 days.
pub fn fleet(manner: Manner, rng: &mut Rng, start: Timestamp, leases: usize) -> Books {
    let mut books = Books::new(manner, rng.i64(100..900) * 100, rng.bool());
    while books.lots.len() < leases {
        // A dozen days on which much ends, as in a real fleet.
        let day = rng.i64(0..14) * 50 + 20;
        let end = start + SignedDuration::from_mins(day * 60 + rng.i64(0..12) * 10);
        rent(&mut books, rng, start, end);
    }
    books
}
