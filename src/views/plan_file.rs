//! The plan file of `plan --out` and `apply`: a plan document, the exact payments behind it, and a seal over both.
//!
//! Responsible for its form: what is in it, that it reads back to the letter, and whether its content is what was written.
//! Not responsible for whether it may still be used (`engine::approve`) or for where it lies (cli). The seal is a SHA-256 over
//! the canonical content (keys sorted, no blanks): it finds an edit, it is no signature.
use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::{Plan, SCHEMA, value};
use crate::engine::approve::exact::Approved;
use crate::hex::hex;
use crate::record::{ExactSet, ExactSetDoc};

/// Where the seal is.
pub(super) const SEAL: &str = "sha256";
/// Where everything is that a plan document lacks.
pub(super) const BODY: &str = "apply";

/// Why a file is no plan to apply. Nothing was paid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlanFileError {
    /// No plan file, or one of another form.
    #[error(
        "this is not a plan file, or not one that this version of renewd reads: {0}. Make one with `renewd plan --out FILE`"
    )]
    Unreadable(String),
    /// The content is not what was written.
    #[error(
        "this plan file was edited since `renewd plan` wrote it: its seal does not match its content. Make a new one"
    )]
    Edited,
}

#[derive(Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Body {
    /// Names the plan: it is applied once.
    id: String,
    /// When it was made.
    made_at: Timestamp,
    /// The ledger that it was made with; null where there was none yet.
    ledger: Option<String>,
    /// What of the config it rests on, by account.
    config: BTreeMap<String, String>,
    /// Each payment, to the letter.
    sets: Vec<ExactSetDoc>,
}

/// The schema of that which a plan document lacks.
pub(super) fn body_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
    generator.subschema_for::<Body>()
}

/// The file's text: the plan document with what `apply` needs, sealed.
#[must_use]
pub fn write(plan: &Plan, approved: &Approved) -> String {
    let body = Body {
        id: approved.id.clone(),
        made_at: approved.made_at,
        ledger: approved.ledger.clone(),
        config: approved.config.clone(),
        sets: approved.sets.iter().map(ExactSetDoc::from).collect(),
    };
    let mut content = match value(plan) {
        Value::Object(content) => content,
        other => Map::from_iter([("plan".to_owned(), other)]),
    };
    content.insert(BODY.to_owned(), value(&body));
    let seal = seal(&content);
    content.insert(SEAL.to_owned(), Value::String(seal));
    let mut text = serde_json::to_string_pretty(&Value::Object(content)).unwrap_or_default();
    text.push('\n');
    text
}

/// Reads a file's bytes back.
///
/// # Errors
/// [`PlanFileError`]; bytes of any kind are answered with one, never with a panic.
pub fn read(bytes: &[u8]) -> Result<Approved, PlanFileError> {
    let mut content = sealed(bytes)?;
    let said = content.remove(SEAL);
    if said.as_ref().and_then(Value::as_str) != Some(seal(&content).as_str()) {
        return Err(PlanFileError::Edited);
    }
    let body = content.remove(BODY).unwrap_or_default();
    let body: Body = serde_json::from_value(body).map_err(|e| PlanFileError::Unreadable(e.to_string()))?;
    let sets = body.sets.into_iter().map(ExactSet::try_from).collect::<Result<Vec<_>, _>>();
    let sets = sets.map_err(PlanFileError::Unreadable)?;
    let mut named = HashSet::new();
    for set in &sets {
        let leases = &set.request.leases;
        if leases.is_empty() || !leases.iter().all(|l| named.insert((&set.request.account, &l.id))) {
            return Err(PlanFileError::Unreadable(
                "a payment names no lease, or one that is named before".into(),
            ));
        }
    }
    if body.id.is_empty() || !body.id.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(PlanFileError::Unreadable("its id is not a valid plan id".into()));
    }
    Ok(Approved { id: body.id, made_at: body.made_at, ledger: body.ledger, config: body.config, sets })
}

/// Whether these bytes are a plan file, edited or not: only such a file is ever overwritten.
#[must_use]
pub fn is_plan_file(bytes: &[u8]) -> bool {
    sealed(bytes).is_ok()
}

/// The content of something that has the form of a plan file.
fn sealed(bytes: &[u8]) -> Result<Map<String, Value>, PlanFileError> {
    let unreadable = |why: &str| PlanFileError::Unreadable(why.to_owned());
    let Value::Object(content) =
        serde_json::from_slice(bytes).map_err(|e| PlanFileError::Unreadable(format!("no JSON: {e}")))?
    else {
        return Err(unreadable("it is not a JSON object"));
    };
    match content.get("schema") {
        Some(schema) if *schema == json!(SCHEMA) => {}
        Some(schema) => {
            return Err(PlanFileError::Unreadable(format!(
                "its schema is {schema}, this renewd knows {SCHEMA}"
            )));
        }
        None => return Err(unreadable("it has no schema")),
    }
    if !content.get(BODY).is_some_and(Value::is_object) || !content.get(SEAL).is_some_and(Value::is_string) {
        return Err(unreadable(
            "it has no payments and no seal; the document that `plan --json` prints has neither",
        ));
    }
    Ok(content)
}

fn seal(content: &Map<String, Value>) -> String {
    let mut text = String::new();
    canonical_object(content, &mut text);
    hex(&Sha256::digest(text))
}

/// Keys sorted, no blanks: how the file is laid out makes no difference.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(fields) => canonical_object(fields, out),
        Value::Array(all) => {
            out.push('[');
            for (n, one) in all.iter().enumerate() {
                if n > 0 {
                    out.push(',');
                }
                canonical(one, out);
            }
            out.push(']');
        }
        plain => out.push_str(&plain.to_string()),
    }
}

fn canonical_object(fields: &Map<String, Value>, out: &mut String) {
    let sorted: BTreeMap<&String, &Value> = fields.iter().collect();
    out.push('{');
    for (n, (key, value)) in sorted.into_iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        out.push_str(&Value::String(key.clone()).to_string());
        out.push(':');
        canonical(value, out);
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        AccountName, Currency, Kind, LeaseId, Method, Moment, Money, OrderId, ProviderName, RenewalRequest,
        RequestLease,
    };
    use crate::engine::CycleReport;
    use proptest::prelude::*;

    fn plan() -> Plan {
        let started = Moment { wall: Timestamp::UNIX_EPOCH, boot_id: String::new(), boot_ms: 0 };
        let report = CycleReport {
            started,
            accounts: Vec::new(),
            items: Vec::new(),
            lists: Vec::new(),
            last_paid: Default::default(),
            moved: Vec::new(),
            payments: Vec::new(),
            unsettled: Vec::new(),
            settled: Vec::new(),
            lost: Vec::new(),
            double_charges: Vec::new(),

            provider_charges: Vec::new(),
            steered: Vec::new(),
            stuck: Vec::new(),
            clock_held: None,
            clocks: std::collections::BTreeMap::new(),
            stopped: false,
        };
        Plan::new(&report, &crate::settings::bare("/nowhere".into()).unwrap(), false)
    }

    prop_compose! {
        /// A payment of one lease whose every text is anything.
        fn set()(texts in prop::array::uniform9(".{0,8}"), some in any::<bool>(), cents in 0_i64..100_000,
            seconds in 0_i64..4_000_000_000, nanos in 0_i32..1_000_000_000, days in 1_u32..4000) -> ExactSet {
            let [account, provider, kind, country, lease, order, ip, promo, policy] = texts;
            ExactSet {
                request: RenewalRequest { cycle: None,
                    account: AccountName::new(account),
                    kind: Kind::new(kind),
                    leases: vec![RequestLease {
                        id: LeaseId::new(lease),
                        order: OrderId::new(order),
                        ip,
                        told: Default::default(),
                        port: None,
                        expires_at: Timestamp::new(seconds, nanos).unwrap(),
                    }],
                    period_days: days,
                    promo: some.then_some(promo),
                    method: if some { Method::Order } else { Method::Leases },
                },
                provider: ProviderName::new(provider),
                country: some.then_some(country),
                policy,
                attempt: 1 + u32::from(some),
                price: Money::from_cents(cents),
                currency: Currency::new("USD"),
            }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_to_the_letter(set in set(), made in 0_i64..4_000_000_000) {
            let approved = Approved {
                id: "00ff".to_owned(),
                made_at: Timestamp::from_second(made).unwrap(),
                ledger: None,
                config: BTreeMap::from([("policies".to_owned(), "abc".to_owned())]),
                sets: vec![set],
            };
            let text = write(&plan(), &approved);
            prop_assert_eq!(read(text.as_bytes()), Ok(approved.clone()));
            // Laid out in another way it is the same; with its keys in another order too.
            let value: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read(value.to_string().as_bytes()), Ok(approved));
        }

        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(matches!(read(&bytes), Err(PlanFileError::Unreadable(_))));
        }
    }

    #[test]
    fn the_seal_does_not_depend_on_how_a_map_keeps_its_keys() {
        let content = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap();
        let (one, two) = (
            content(r#"{"a":{"x":1,"y":[2,"z"]},"b":null}"#),
            content(r#"{"b":null,"a":{"y":[2,"z"],"x":1}}"#),
        );
        assert_eq!(seal(&one), seal(&two));
        let mut text = String::new();
        canonical_object(&one, &mut text);
        assert_eq!(text, r#"{"a":{"x":1,"y":[2,"z"]},"b":null}"#);
    }

    #[test]
    fn a_thousand_nested_brackets_are_no_plan_and_no_crash() {
        let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
        assert!(matches!(read(deep.as_bytes()), Err(PlanFileError::Unreadable(_))));
    }
}
