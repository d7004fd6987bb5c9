//! The JSON answers of commands that check, buy or note something. Not responsible for the large documents of leases and payments, each of
//! which has a file of its own.
use serde::Serialize;

use super::SCHEMA;
use crate::domain::{Catalogue, Currency, IntentId, OrderId};
use crate::ledger::ChainReport;
use crate::settings::Problem;

/// `check --json`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct CheckDoc {
    schema: u32,
    /// The config can be used; warnings leave it true.
    ok: bool,
    /// What is wrong with it, or looks like a mistake.
    problems: Vec<ProblemDoc>,
    /// What `--live` found.
    live: Vec<LiveDoc>,
}

/// One thing that is wrong.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct ProblemDoc {
    /// The file, or `environment`.
    file: String,
    /// 1-based; null where there is no line.
    line: Option<usize>,
    /// Dotted key.
    key: String,
    /// What is wrong, and what to write instead.
    message: String,
    /// How bad.
    severity: ProblemSeverity,
}

/// How bad.
#[derive(Debug, Clone, Copy, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProblemSeverity {
    /// The config is refused.
    Error,
    /// The config is used all the same.
    Warning,
}

/// Something outside that was asked.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct LiveDoc {
    /// Which account, server or address.
    what: String,
    /// What it said.
    result: String,
}

impl CheckDoc {
    /// Of problems, and of what was found live.
    #[must_use]
    pub fn new(errors: &[Problem], warnings: &[Problem], live: &[(String, String)]) -> Self {
        let of = |severity| {
            move |p: &Problem| ProblemDoc {
                file: p.file.clone(),
                line: p.line,
                key: p.key.clone(),
                message: p.message.clone(),
                severity,
            }
        };
        let warnings = warnings.iter().map(of(ProblemSeverity::Warning));
        let live = live.iter().map(|(what, result)| LiveDoc { what: what.clone(), result: result.clone() });
        Self {
            schema: SCHEMA,
            ok: errors.is_empty(),
            problems: errors.iter().map(of(ProblemSeverity::Error)).chain(warnings).collect(),
            live: live.collect(),
        }
    }
}

/// `history --verify --json`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct VerifyDoc {
    schema: u32,
    /// Everything is as it was written.
    ok: bool,
    /// How many rows fit.
    rows: usize,
    /// The hash of the last row that fits.
    head: Option<String>,
    /// The first row whose link was written together with it.
    linked_from: Option<usize>,
    /// The payments are not linked yet.
    pending: bool,
    /// The first row that does not fit.
    misfit: Option<MisfitDoc>,
    /// The head that was asked for.
    asked: Option<AskedDoc>,
}

/// A row that does not fit.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct MisfitDoc {
    /// Its number; null where it is not in the chain.
    row: Option<usize>,
    /// Of which payment.
    payment: String,
    /// What the row holds.
    what: String,
    /// Why it does not fit.
    why: String,
}

/// A head from an older digest.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct AskedDoc {
    /// The head.
    head: String,
    /// Its row; null where it is not in the chain.
    row: Option<usize>,
}

impl VerifyDoc {
    /// `linked_from`: the first row whose link was written together with it; `asked`: the head that was asked for.
    #[must_use]
    pub fn new(report: &ChainReport, ok: bool, linked_from: Option<usize>, asked: Option<&str>) -> Self {
        let misfit = report.misfit.as_ref().map(|m| MisfitDoc {
            row: m.row,
            payment: m.payment.to_string(),
            what: m.what.to_string(),
            why: m.why.to_string(),
        });
        let asked = asked.map(|head| AskedDoc { head: head.trim().to_lowercase(), row: report.found });
        Self {
            schema: SCHEMA,
            ok,
            rows: report.head.map_or(0, |head| head.rows),
            head: report.head.map(|head| head.digits()),
            linked_from,
            pending: report.pending,
            misfit,
            asked,
        }
    }
}

/// `order quote`, `order create` and what changes an order: `order cycle`, `order tag`, `order auto`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct OrderDoc {
    /// The version of the form of all documents.
    pub schema: u32,
    /// The provider's id of the order; null where there is none yet.
    pub order: Option<OrderId>,
    /// The quoted price.
    pub quoted: Option<String>,
    /// What was charged.
    pub charged: Option<String>,
    /// The currency of both.
    pub currency: Option<Currency>,
    /// Where the payment stands, or what became of the change.
    pub state: Option<String>,
    /// The payment.
    pub intent: Option<IntentId>,
    /// Why nothing was bought or changed.
    pub error: Option<OrderErrorDoc>,
}

/// Why nothing was bought or changed.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct OrderErrorDoc {
    /// The word of the hold, or the state.
    pub kind: String,
    /// In a sentence.
    pub message: String,
    /// The provider's code.
    pub code: Option<String>,
}

/// `order options --json`.
#[derive(Debug, Serialize, schemars::JsonSchema)]
pub struct OptionsDoc<'a> {
    schema: u32,
    /// Whose.
    account: &'a str,
    /// What it can buy.
    #[serde(flatten)]
    catalogue: &'a Catalogue,
}

impl<'a> OptionsDoc<'a> {
    /// Of an account.
    #[must_use]
    pub fn new(account: &'a str, catalogue: &'a Catalogue) -> Self {
        Self { schema: SCHEMA, account, catalogue }
    }
}

/// What every command prints that notes, copies or sends something and prints no other document.
#[derive(schemars::JsonSchema)]
#[expect(dead_code, reason = "it describes what these commands have in common")]
pub(super) struct DoneDoc {
    /// The version of the form of all documents.
    schema: u32,
    /// It was done. What else the command says stands beside this.
    ok: bool,
}

/// `provider check --json`.
#[derive(schemars::JsonSchema)]
#[expect(dead_code, reason = "it describes what the command makes of its rows")]
pub(super) struct ProviderCheckDoc {
    /// The version of the form of all documents.
    schema: u32,
    /// No row failed.
    ok: bool,
    /// What was checked, as the config names it.
    program: Vec<String>,
    /// Names the program's files as they are now; null where they cannot be read.
    digest: Option<String>,
    /// In the order in which they were tried.
    checks: Vec<ProviderCheckRow>,
}

/// One check of a program.
#[derive(schemars::JsonSchema)]
#[expect(dead_code, reason = "it describes what the command makes of its rows")]
struct ProviderCheckRow {
    /// Its number.
    row: u8,
    /// What it is about.
    name: String,
    /// How it ended.
    outcome: ProviderCheckOutcome,
    /// Why.
    text: String,
    /// What was seen, masked and cut.
    seen: Vec<String>,
}

/// How a check of a program ended.
#[derive(schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "it describes what the command makes of its rows")]
enum ProviderCheckOutcome {
    /// As it should be.
    Pass,
    /// Not so.
    Fail,
    /// It could not be tried.
    Unproved,
}
