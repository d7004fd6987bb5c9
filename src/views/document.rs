//! The JSON Schemas of the documents that scripts rely on, made from the very types that the documents are made of: for `renewd schema`,
//! for `/schema/NAME.json`, and for the tests, which hold every document against them.
//!
//! Objects stay open: a later renewd may add keys, and a script must not break on one that it does not know.
use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Value, json};

use super::answers::{CheckDoc, DoneDoc, OptionsDoc, OrderDoc, ProviderCheckDoc, VerifyDoc};
use super::backtest::BacktestDoc;
use super::changes::Changes;
use super::explain::ExplainDoc;
use super::forecast::ForecastDoc;
use super::history::{History, Payment};
use super::plan::{ItemDoc, Plan};
use super::plan_file;
use super::status::Status;
use super::stored::LeasesDoc;
use crate::notify::webhook_schema;
use crate::settings::config_schema;

/// A kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Document {
    /// The config file.
    Config,
    /// `plan --json`.
    Plan,
    /// `once --json` and `apply --json`.
    Once,
    /// `status --json`.
    Status,
    /// `history --json`.
    History,
    /// `explain --json`.
    Explain,
    /// `forecast --json`.
    Forecast,
    /// `leases --json`.
    Leases,
    /// `backtest --json`.
    Backtest,
    /// `check --json`.
    Check,
    /// `check --diff --json`.
    Changes,
    /// `history --verify --json`.
    Verify,
    /// What an account can buy: `order options --json`.
    Options,
    /// What buys, prices or changes an order: `order … --json`.
    Order,
    /// `provider check --json`.
    ProviderCheck,
    /// What every other command prints with `--json`, such as `pause`, `keep`, `approve` and `resolve`.
    Done,
    /// What `plan --out` writes.
    PlanFile,
    /// What the webhook and channels of format `json` are posted.
    Webhook,
    /// What every command prints with `--json` where it fails.
    Error,
}

/// `{schema, error}`.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it describes what `failure` makes")]
struct FailureDoc {
    /// The version of the form of all documents.
    schema: u32,
    /// What went wrong.
    error: FailureWords,
}

/// A failure.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it describes what `failure` makes")]
struct FailureWords {
    /// A word for scripts.
    kind: String,
    /// A sentence for people.
    message: String,
}

impl Document {
    /// Each of them.
    pub const ALL: [Self; 19] = [
        Self::Config,
        Self::Plan,
        Self::Once,
        Self::Status,
        Self::History,
        Self::Explain,
        Self::Forecast,
        Self::Leases,
        Self::Backtest,
        Self::Check,
        Self::Changes,
        Self::Verify,
        Self::Options,
        Self::Order,
        Self::ProviderCheck,
        Self::Done,
        Self::PlanFile,
        Self::Webhook,
        Self::Error,
    ];

    /// Its name, for `renewd schema` and in its address.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Plan => "plan",
            Self::Once => "once",
            Self::Status => "status",
            Self::History => "history",
            Self::Explain => "explain",
            Self::Forecast => "forecast",
            Self::Leases => "leases",
            Self::Backtest => "backtest",
            Self::Check => "check",
            Self::Changes => "changes",
            Self::Verify => "verify",
            Self::Options => "options",
            Self::Order => "order",
            Self::ProviderCheck => "provider-check",
            Self::Done => "done",
            Self::PlanFile => "plan-file",
            Self::Webhook => "webhook",
            Self::Error => "error",
        }
    }

    /// The document of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|document| document.name() == name)
    }

    /// Its JSON Schema, of 2020-12.
    #[must_use]
    pub fn schema(self) -> Value {
        match self {
            Self::Config => config_schema(),
            Self::Plan => self.of::<Plan>(),
            Self::Once => {
                let mut schema = self.of::<Plan>();
                require(&mut schema, &["payments", "outcome"]);
                schema
            }
            Self::Status => self.of::<Status>(),
            Self::History => self.of::<History<Vec<Payment>>>(),
            Self::Explain => self.of::<ExplainDoc>(),
            Self::Forecast => self.of::<ForecastDoc>(),
            Self::Leases => self.of::<LeasesDoc<Vec<ItemDoc>>>(),
            Self::Backtest => self.of::<BacktestDoc>(),
            Self::Check => self.of::<CheckDoc>(),
            Self::Changes => self.of::<Changes>(),
            Self::Verify => self.of::<VerifyDoc>(),
            Self::Options => self.of::<OptionsDoc<'static>>(),
            Self::Order => self.of::<OrderDoc>(),
            Self::ProviderCheck => self.of::<ProviderCheckDoc>(),
            Self::Done => self.of::<DoneDoc>(),
            Self::PlanFile => self.plan_file(),
            Self::Webhook => named(webhook_schema(generator()), self),
            Self::Error => self.of::<FailureDoc>(),
        }
    }

    fn of<T: JsonSchema>(self) -> Value {
        named(generator().into_root_schema_for::<T>(), self)
    }

    /// A plan document with what `apply` needs beside it.
    fn plan_file(self) -> Value {
        let mut generator = generator();
        let body = plan_file::body_schema(&mut generator);
        let mut schema = named(generator.into_root_schema_for::<Plan>(), self);
        schema["properties"][plan_file::BODY] = body.to_value();
        schema["properties"][plan_file::SEAL] = json!({
            "type": "string",
            "pattern": "^[0-9a-f]{64}$",
            "description": "SHA-256 over everything else: an edited file is refused."
        });
        require(&mut schema, &[plan_file::BODY, plan_file::SEAL]);
        schema
    }
}

/// Of what is written, not of what would be read.
fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12().for_serialize().into_generator()
}

fn named(schema: Schema, document: Document) -> Value {
    let mut schema = schema.to_value();
    schema["$id"] = format!("urn:renewd:schema:{}", document.name()).into();
    schema["title"] = format!("renewd {}", document.name()).into();
    schema
}

fn require(schema: &mut Value, keys: &[&str]) {
    let known = schema["required"].as_array().cloned().unwrap_or_default();
    let more = keys.iter().map(|key| Value::from(*key)).filter(|key| !known.contains(key));
    schema["required"] = known.iter().cloned().chain(more).collect();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_schema_is_one_and_says_which() {
        for document in Document::ALL {
            let schema = document.schema();
            assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{document:?}");
            assert_eq!(schema["$id"], format!("urn:renewd:schema:{}", document.name()));
            assert!(schema["properties"].is_object(), "{document:?}");
            jsonschema::meta::validate(&schema).unwrap_or_else(|e| panic!("{document:?}: {e}"));
            assert_eq!(Document::named(document.name()), Some(document));
        }
        assert_eq!(Document::named("nosuch"), None);
    }

    #[test]
    fn what_is_unknown_is_null_and_never_absent() {
        let schema = Document::Status.schema();
        let required = schema["required"].as_array().unwrap();
        let keys = schema["properties"].as_object().unwrap();
        assert_eq!(required.len(), keys.len(), "each key of the document is always there");
        let types = &keys["last_reload"];
        assert!(types.to_string().contains("null"), "{types}");
    }
}
