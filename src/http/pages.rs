//! The pages for people: rendered here, whole without a script. Not responsible for facts, words or places in pictures: the source gives
//! them as a document. Everything is escaped; what is in a document and was not foreseen leaves a gap, never no page.
use std::sync::LazyLock;

use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, context};
use serde_json::Value;

use super::assets;

/// Each template by its name.
const TEMPLATES: [(&str, &str); 6] = [
    ("layout.html", include_str!("templates/layout.html.j2")),
    ("parts.html", include_str!("templates/parts.html.j2")),
    ("overview.html", include_str!("templates/overview.html.j2")),
    ("lease.html", include_str!("templates/lease.html.j2")),
    ("payments.html", include_str!("templates/payments.html.j2")),
    ("trouble.html", include_str!("templates/trouble.html.j2")),
];

static ENVIRONMENT: LazyLock<Result<Environment<'static>, String>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    // A field that the document lacks leaves a gap: the page must not vanish when it is needed most.
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    for (name, template) in TEMPLATES {
        environment.add_template(name, template).map_err(|e| e.to_string())?;
    }
    Ok(environment)
});

/// How the daemon stands, whatever the ledger says.
#[derive(Debug, Clone, Default)]
pub(super) struct Standing {
    /// The cycle loop moves.
    pub(super) alive: bool,
    /// Why the ledger cannot be written.
    pub(super) unwritable: Option<String>,
}

/// One page of a document; a failure document is shown as what it says.
///
/// # Errors
/// The template's, in words.
pub(super) fn render(page: Page, document: &Value, standing: &Standing) -> Result<String, String> {
    let environment = ENVIRONMENT.as_ref().map_err(Clone::clone)?;
    let unread = document["error"]["message"].as_str();
    let template = environment.get_template(page.template(unread.is_some()));
    let context = context! {
        p => Serde(document),
        unread,
        alive => standing.alive,
        unwritable => standing.unwritable.as_deref(),
        style => assets::address("renewd.css"),
        script => assets::address("refresh.js"),
        icon => assets::address("favicon.svg"),
        version => env!("CARGO_PKG_VERSION"),
    };
    template.and_then(|template| template.render(context)).map_err(|e| format!("{e:#}"))
}

/// Which page.
#[derive(Debug, Clone, Copy)]
pub(super) enum Page {
    Overview,
    Lease,
    Payments,
}

impl Page {
    fn template(self, failed: bool) -> &'static str {
        match self {
            Self::Overview => "overview.html",
            _ if failed => "trouble.html",
            Self::Lease => "lease.html",
            Self::Payments => "payments.html",
        }
    }
}
