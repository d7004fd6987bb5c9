//! The kinds of services that a channel can be, what each takes, and how their words are read. Not responsible for making channels.
use url::Url;

use super::values as v;

/// What kind of service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The same document as `[alerts.webhook]` posts.
    Json,
    /// Slack, an incoming webhook.
    Slack,
    /// Discord, a webhook.
    Discord,
    /// Microsoft Teams, a workflow that posts to a channel.
    Teams,
    /// Telegram, a bot.
    Telegram,
    /// ntfy.sh or a server of one's own.
    Ntfy,
    /// A Gotify server.
    Gotify,
    /// A Matrix homeserver.
    Matrix,
    /// `PagerDuty`, Events API v2.
    PagerDuty,
}

const FORMATS: [(&str, Format); 9] = [
    ("json", Format::Json),
    ("slack", Format::Slack),
    ("discord", Format::Discord),
    ("teams", Format::Teams),
    ("telegram", Format::Telegram),
    ("ntfy", Format::Ntfy),
    ("gotify", Format::Gotify),
    ("matrix", Format::Matrix),
    ("pagerduty", Format::PagerDuty),
];

/// What else a format takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// It does not work without.
    Must,
    /// It works with and without.
    May,
    /// The service has no such thing.
    No,
}

impl Format {
    /// The word in the config.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        FORMATS.into_iter().find(|(_, format)| *format == self).map_or("", |(word, _)| word)
    }

    /// Where everybody's service is, for those that have one.
    pub(super) fn usual_url(self) -> Option<&'static str> {
        match self {
            Self::Telegram => Some("https://api.telegram.org"),
            Self::PagerDuty => Some("https://events.pagerduty.com"),
            _ => None,
        }
    }

    pub(super) fn token(self) -> Need {
        match self {
            Self::Telegram | Self::Gotify | Self::Matrix | Self::PagerDuty => Need::Must,
            Self::Json | Self::Ntfy => Need::May,
            Self::Slack | Self::Discord | Self::Teams => Need::No,
        }
    }

    pub(super) fn chat(self) -> Need {
        match self {
            Self::Telegram | Self::Matrix => Need::Must,
            Self::Ntfy => Need::May,
            _ => Need::No,
        }
    }
}

pub(super) fn format(text: &str) -> Result<Format, String> {
    v::choose(text, &FORMATS)
}

/// It becomes a part of an alert key. `mail` and `webhook` are the two other ways out.
pub(super) fn name(text: &str) -> Result<String, String> {
    v::account_name(text).map_err(|_| {
        format!(
            "`{text}` is not a name of a channel: use letters, digits, `.`, `_` and `-`, such as \"ops-chat\""
        )
    })?;
    match text {
        "mail" | "webhook" => Err(format!("`{text}` is the name of another way out: choose another")),
        text => Ok(text.to_owned()),
    }
}

/// Of an address that ends with a topic: the root of its server, and the topic.
#[must_use]
pub fn topic(url: &str) -> Option<(Url, String)> {
    let mut root: Url = url.parse().ok()?;
    let topic = root.path_segments()?.rfind(|segment| !segment.is_empty())?.to_owned();
    root.path_segments_mut().ok()?.pop_if_empty().pop().push("");
    Some((root, topic))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("https://ntfy.sh/mytopic", "https://ntfy.sh/", "mytopic")]
    #[case("https://ntfy.sh/mytopic/", "https://ntfy.sh/", "mytopic")]
    #[case("https://example.org/push/mytopic", "https://example.org/push/", "mytopic")]
    fn an_address_that_ends_with_a_topic_is_taken_apart(
        #[case] url: &str,
        #[case] root: &str,
        #[case] name: &str,
    ) {
        assert_eq!(topic(url), Some((root.parse().unwrap(), name.to_owned())));
    }

    #[test]
    fn an_address_without_a_path_names_no_topic() {
        assert_eq!(topic("https://ntfy.sh"), None);
        assert_eq!(topic("https://ntfy.sh/"), None);
    }
}
