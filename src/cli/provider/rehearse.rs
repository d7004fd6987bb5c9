//! The paying half of a program, rehearsed against the simulated provider: what does it say when answers are lost, cut or refused?
//!
//! No real money: of each scene key, ids and addresses are new ones that no real account has, a program that lists anything else is asked
//! for no price, and one whose price did not come from the simulated provider is never told to pay. The first scene that does not reach
//! that provider is the last. Not responsible for calling the program.
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::clock::{Clock, SystemClock};
use crate::domain::Money;
use crate::providers::exec::check::{Can, Check, ExtendArgs, Extended, How, Nothing, Row, Rows, Term, Try};
use crate::simulator::{Aim, Answer, Effect, Endpoint, Fault, Handle, Product, Simulator, World};

pub(super) const NAME: &str = "rehearsal";
const LIMIT: Duration = Duration::from_secs(6);
/// Longer than a scene lasts.
const LAG: Duration = Duration::from_secs(3600);

/// What may be said of the whole set.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Due {
    Success,
    /// It was charged, and the list does not show it yet.
    Either,
    NoSuccess,
}

/// What goes wrong, and what may be said of it.
struct Scene {
    what: &'static str,
    fault: Option<Fault>,
    leases: usize,
    due: Due,
}

fn scenes() -> Vec<Scene> {
    let scene = |what, fault, leases, due| Scene { what, fault, leases, due };
    let lost = |what, answer| scene(what, Some(Fault::on(Aim::Money).answer(answer)), 1, Due::NoSuccess);
    let busy = Answer::Refusal { status: 503, code: 16, message: "busy".into() };
    let part = Fault::on(Aim::Money).effect(Effect::FirstLeases(1));
    vec![
        scene("all well", None, 1, Due::Success),
        scene("the list lags behind the payment", None, 1, Due::Either),
        lost("the connection is reset", Answer::Reset),
        lost("the provider never answers", Answer::Hang),
        lost("half a body", Answer::HalfBody),
        lost("HTTP 502", Answer::Html(502)),
        lost("HTTP 503 that looks like a refusal", busy),
        scene("one of two leases is extended", Some(part), 2, Due::NoSuccess),
        scene("a refusal", Some(Fault::code(Aim::Money, 16)), 1, Due::NoSuccess),
    ]
}

/// All scenes, until one does not reach its provider.
pub(super) async fn row(check: &Check, can: &Can) -> Row {
    if !can.does("extend") {
        return Rows::unproved(8, NAME, "the program cannot pay: its `verbs` are without `extend`");
    }
    let mut row = Rows::new(8, NAME);
    for scene in scenes() {
        if let Err(why) = play(check, &scene, &mut row).await {
            row.need(false, format!("{}: {why}; nothing more was rehearsed", scene.what));
            break;
        }
    }
    row.done()
}

/// The provider of one scene: key, ids and addresses are nobody else's.
struct Stage {
    simulator: Simulator,
    key: SecretString,
    rented: Vec<(String, String)>,
}

impl Stage {
    async fn new(leases: usize) -> Result<Self, String> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let key = format!("rehearsal-{:032x}", fastrand::u128(..));
        let end =
            clock.now().wall.checked_add(jiff::SignedDuration::from_hours(24)).map_err(|e| e.to_string())?;
        // Of the networks that are for measurements alone.
        let first = fastrand::u16(..u16::MAX - 1);
        let ips: Vec<String> = (0..2)
            .map(|n| (first + n).to_be_bytes())
            .map(|[high, low]| format!("198.{}.{high}.{low}", fastrand::u8(18..20)))
            .collect();
        let ips: Vec<&str> = ips.iter().map(String::as_str).take(leases).collect();
        let mut world = World::new();
        world.number_from(fastrand::u32(..100_000_000));
        world.add_account(&key, Money::from_cents(10_000));
        world
            .add_order(&key, Product::IPv4, "USA", &ips, end)
            .ok_or("the simulated provider takes no order")?;
        let rented = world.account(&key).map(|a| a.rentals().iter().map(|r| (r.id.clone(), r.ip.clone())));
        let rented = rented.into_iter().flatten().collect();
        let simulator =
            Simulator::start(clock, world, ([127, 0, 0, 1], 0).into()).await.map_err(|e| e.to_string())?;
        Ok(Self { simulator, key: SecretString::from(key), rented })
    }

    /// Requests with this scene's key for one of the provider's calls, so far.
    fn heard(&self) -> usize {
        let key = self.key.expose_secret();
        self.simulator.handle().requests().iter().filter(|r| r.endpoint.is_some() && r.account == key).count()
    }

    /// What a program lists is this scene's fleet, and nothing else.
    fn is_listed(&self, leases: &[Value]) -> bool {
        let text = |lease: &Value, field: &str| lease[field].as_str().unwrap_or_default().to_owned();
        let mut listed: Vec<(String, String)> =
            leases.iter().map(|lease| (text(lease, "id"), text(lease, "ip"))).collect();
        let mut rented = self.rented.clone();
        listed.sort();
        rented.sort();
        listed == rented
    }
}

async fn play(check: &Check, scene: &Scene, row: &mut Rows) -> Result<(), String> {
    let stage = Stage::new(scene.leases).await?;
    let handle = stage.simulator.handle();
    let Some(settings) = check.settings_at(&stage.simulator.address().to_string(), true) else {
        return Err(
            "its `settings` have no `base_url` that could lead it to the simulated provider".to_owned()
        );
    };
    let key = &stage.key;
    let leases = listed(check, &settings, key).await?;
    let asked = stage.heard();
    if asked == 0 || !stage.is_listed(&leases) {
        return Err(format!(
            "it lists {} leases that are not the simulated provider's: it does not go where `settings.base_url` says, and is not told to pay",
            leases.len()
        ));
    }
    let text = |lease: &Value, field: &str| lease[field].as_str().unwrap_or_default().to_owned();
    let set: Vec<[String; 4]> =
        leases.iter().map(|l| ["id", "order", "ip", "ends"].map(|field| text(l, field))).collect();
    let (price, currency) = price(check, &settings, key, &leases).await?;
    if stage.heard() == asked {
        return Err(
            "it tells a price without asking the simulated provider, and is not told to pay".to_owned()
        );
    }
    if let Some(fault) = scene.fault.clone() {
        handle.inject(fault);
    }
    if scene.due == Due::Either {
        handle.set_lag(LAG);
    }
    let kind = text(&leases[0], "kind");
    let args = ExtendArgs {
        kind: &kind,
        leases: set
            .iter()
            .map(|[id, order, ip, end]| Extended { id, order, ip, expected_end: end.clone() })
            .collect(),
        term: Term::Days(30),
        price,
        currency: &currency,
        attempt: 1,
        intent: "rehearsal",
        promo: None,
    };
    let one = Try {
        verb: "extend",
        args: &args,
        key: Some(key),
        settings: Some(&settings),
        time: LIMIT,
        how: How::default(),
    };
    let seen = check.probe.call(one).await;
    row.saw(scene.what, &seen, check.mask());
    judge(scene, &seen, &set, &handle, row)
}

fn judge(
    scene: &Scene,
    seen: &crate::providers::exec::check::Seen,
    set: &[[String; 4]],
    handle: &Handle,
    row: &mut Rows,
) -> Result<(), String> {
    let what = scene.what;
    let sent = handle.requests().iter().filter(|r| r.endpoint.is_some_and(Endpoint::is_money)).count();
    row.need(sent == 1, format!("{what}: {sent} paying requests reached the provider, not one"));
    let answer: Value = serde_json::from_slice(&seen.said).unwrap_or(Value::Null);
    let accepted = seen.exited(0) && answer["outcome"] == "accepted";
    let named: Vec<&str> =
        answer["leases"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let charged = |ip: &str| handle.with(|world| world.books().charges_for(ip).count()) > 0;
    let whole = set.iter().all(|[id, ..]| named.contains(&id.as_str())) && named.len() == set.len();
    match scene.due {
        Due::Success => row
            .need(accepted && whole, format!("{what}: it does not say `accepted` for exactly the asked set")),
        Due::NoSuccess => {
            row.need(!(accepted && whole), format!("{what}: it says `accepted` for the whole set"));
        }
        Due::Either => {}
    }
    let paid = set.iter().filter(|[id, ..]| named.contains(&id.as_str())).all(|[_, _, ip, _]| charged(ip));
    row.need(!accepted || paid, format!("{what}: it says `accepted` for a lease that was not charged"));
    let denies = seen.exited(0) && matches!(answer["outcome"].as_str(), Some("refused" | "never_sent"));
    let any = set.iter().any(|[_, _, ip, _]| charged(ip));
    row.need(!(denies && any), format!("{what}: it says that nothing was done, and money was taken"));
    match sent {
        0 => Err("no payment reached the simulated provider".to_owned()),
        _ => Ok(()),
    }
}

async fn listed(check: &Check, settings: &RawValue, key: &SecretString) -> Result<Vec<Value>, String> {
    let one = Try {
        verb: "list",
        args: &Nothing {},
        key: Some(key),
        settings: Some(settings),
        time: LIMIT,
        how: How::default(),
    };
    let seen = check.probe.call(one).await;
    if !seen.exited(0) {
        return Err(format!("it cannot list the simulated provider's leases ({})", seen.words(check.mask())));
    }
    let lines = String::from_utf8_lossy(&seen.said).into_owned();
    let all = lines.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Ok(all.filter_map(|mut line| line.get_mut("lease").map(Value::take)).collect())
}

async fn price(
    check: &Check,
    settings: &RawValue,
    key: &SecretString,
    leases: &[Value],
) -> Result<(String, String), String> {
    let ends: Vec<Value> = leases
        .iter()
        .map(|l| serde_json::json!({ "id": l["id"], "order": l["order"], "ends": l["ends"] }))
        .collect();
    let args = serde_json::json!({ "kind": leases[0]["kind"], "leases": ends, "term": { "days": 30 } });
    let one = Try {
        verb: "quote",
        args: &args,
        key: Some(key),
        settings: Some(settings),
        time: LIMIT,
        how: How::default(),
    };
    let seen = check.probe.call(one).await;
    let answer: Value = serde_json::from_slice(&seen.said).unwrap_or(Value::Null);
    match (answer["price"].as_str(), answer["currency"].as_str()) {
        (Some(price), Some(currency)) if seen.exited(0) => Ok((price.to_owned(), currency.to_owned())),
        _ => Err(format!("it tells no price ({})", seen.words(check.mask()))),
    }
}
