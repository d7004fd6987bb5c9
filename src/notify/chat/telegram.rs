//! Telegram's bots: `sendMessage` in HTML. <https://core.telegram.org/bots/api#sendmessage>
use jiff::tz::TimeZone;
use serde_json::json;
use url::Url;

use super::Call;
use super::document::Document;
use super::text::{body as words, escaped, fitted, headline, units};

/// In UTF-16 units, counted once the markup is read.
const MESSAGE: usize = 4_096;
const HEADLINE: usize = 1_000;

/// The token is a part of the address: `/bot<token>/sendMessage`.
pub(super) fn call(
    base: &Url,
    token: &str,
    chat: &str,
    document: &Document,
    zone: &TimeZone,
) -> Option<Call> {
    let mut url = base.clone();
    url.path_segments_mut().ok()?.pop_if_empty().push(&format!("bot{token}")).push("sendMessage");
    let head = calls_nobody(&headline(document));
    let head = fitted(&head, HEADLINE, units, |c| c.to_string());
    let mut rest = calls_nobody(&words(document, zone));
    if let Some(link) = &document.link {
        rest = format!("{link}\n\n{rest}");
    }
    let room = MESSAGE - units(&head) - 2;
    let rest: String = fitted(&rest, room, units, |c| c.to_string()).chars().map(escaped).collect();
    let head: String = head.chars().map(escaped).collect();
    let body = json!({
        "chat_id": chat,
        "text": format!("<b>{head}</b>\n\n{rest}"),
        "parse_mode": "HTML",
        "link_preview_options": { "is_disabled": true },
        "disable_notification": document.severity == "info" || document.is_over(),
    });
    Some(Call::post(url, &body))
}

/// `@name` in a text calls whoever is called so: a joiner of no width takes the name apart. Mail addresses call nobody.
fn calls_nobody(text: &str) -> String {
    let mut said = String::with_capacity(text.len());
    for c in text.chars() {
        let in_an_address = said
            .chars()
            .next_back()
            .is_some_and(|before| before.is_alphanumeric() || "._-+".contains(before));
        said.push(c);
        if c == '@' && !in_an_address {
            said.push('\u{2060}');
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_not_called_and_an_address_stays_whole() {
        assert_eq!(calls_nobody("@admin, ops@example.org"), "@\u{2060}admin, ops@example.org");
    }
}
