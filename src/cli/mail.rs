//! `renewd test-mail`: one message through the real path, so that a broken one is found before it is needed.
use serde_json::json;

use crate::exit::Exit;
use crate::notify::Mailer;

use super::context::{Context, Failure};
use super::output;

pub(super) async fn test_mail(ctx: &Context) -> Result<Exit, Failure> {
    let Some(email) = &ctx.settings.alerts.email else {
        return Err(Failure::usage("the config has no [alerts.email]: there is nobody to write to"));
    };
    let to =
        Mailer::smtp(email).map_err(|e| Failure::failed(e.to_string()))?.send_test(email, ctx.now()).await;
    let to = to.map_err(|e| Failure::failed(format!("the test mail was not taken: {e}")))?;
    if ctx.json {
        output::json(&json!({ "schema": 1, "ok": true, "to": to }));
    } else {
        output::line(&format!(
            "the mail server took the test mail for {}: look whether it arrives",
            to.join(", ")
        ));
    }
    Ok(Exit::Done)
}
