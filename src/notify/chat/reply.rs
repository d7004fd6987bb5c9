//! What a service's answer means: taken, refused, or not now, and what it says about it. Pure.
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::Value;

use super::text::{cut, one_line};
use crate::notify::transport::SendError;
use crate::settings::Format;

/// Longer words of a service are cut.
const SAID: usize = 300;
/// A service that asks for more is asked again all the same.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(6);
/// Where it does not say how long.
const UNSAID: Duration = Duration::from_secs(30);

/// An answer.
pub(super) struct Reply {
    pub status: u16,
    pub retry_after: Option<String>,
    pub body: String,
}

impl Reply {
    /// Taken, or why not. Only what is about this one message lets the others go on.
    pub fn judge(&self, format: Format) -> Result<(), SendError> {
        let json: Value = serde_json::from_str(&self.body).unwrap_or(Value::Null);
        let why = |what: &str| match self.said(format, &json) {
            Some(said) => format!("{what} ({}): {said}", self.status),
            None => format!("{what} ({})", self.status),
        };
        match self.status {
            200..300 => self.really_taken(format, &json, &why),
            300..400 => Err(SendError::Server(why(
                "it answers with a redirect, which is not followed: keep the final address",
            ))),
            429 => Err(SendError::Later { wait: self.wait(&json), why: why("it asks to wait") }),
            400 | 413 | 415 | 422 => Err(SendError::Refused(why("it refuses this message"))),
            401 | 403 | 404 | 410 => Err(SendError::Server(why("it refuses the address or the token"))),
            _ => Err(SendError::Server(why("it does not take messages now"))),
        }
    }

    /// Two services say in a good answer that it is none.
    fn really_taken(
        &self,
        format: Format,
        json: &Value,
        why: &dyn Fn(&str) -> String,
    ) -> Result<(), SendError> {
        match format {
            Format::Telegram if json["ok"] != Value::Bool(true) => {
                Err(SendError::Server(why("it does not say that it took the message")))
            }
            // An older kind of webhook passes on what the service behind it answered.
            Format::Teams if self.body.contains("HTTP error 429") => {
                Err(SendError::Later { wait: SignedDuration::from_secs(60), why: why("it asks to wait") })
            }
            Format::Teams if self.body.contains("returned HTTP error") => {
                Err(SendError::Refused(why("it refuses this message")))
            }
            _ => Ok(()),
        }
    }

    /// As the service words it.
    fn said(&self, format: Format, json: &Value) -> Option<String> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let said = match format {
            Format::Slack => None,
            Format::Discord => text(&json["message"]),
            Format::Telegram => text(&json["description"]),
            Format::Ntfy | Format::Matrix | Format::Json => text(&json["error"]),
            Format::Gotify => text(&json["errorDescription"]).or_else(|| text(&json["error"])),
            Format::Teams => text(&json["error"]["message"]),
            Format::PagerDuty => {
                let errors = json["errors"].as_array().into_iter().flatten().filter_map(Value::as_str);
                let all: Vec<&str> = json["message"].as_str().into_iter().chain(errors).collect();
                (!all.is_empty()).then(|| all.join("; "))
            }
        };
        let said = said.unwrap_or_else(|| self.body.clone());
        let said = cut(&one_line(&said), SAID);
        // A page of HTML says nothing that anybody wants to read in a log.
        (!said.is_empty() && !said.starts_with('<')).then_some(said)
    }

    /// How long it asks to wait: each service has its own way to say it.
    fn wait(&self, json: &Value) -> SignedDuration {
        let seconds = |value: &Value| Duration::try_from_secs_f64(value.as_f64()?).ok();
        let asked = seconds(&json["parameters"]["retry_after"])
            .or_else(|| seconds(&json["retry_after"]))
            .or_else(|| json["retry_after_ms"].as_u64().map(Duration::from_millis))
            .or_else(|| self.retry_after.as_deref()?.trim().parse().ok().map(Duration::from_secs))
            .unwrap_or(UNSAID);
        // A part of a second is a whole one: nobody minds, and too early is refused again.
        let whole = asked.as_secs() + u64::from(asked.subsec_nanos() > 0);
        SignedDuration::from_secs(i64::try_from(whole).unwrap_or(i64::MAX)).min(LONGEST_WAIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn reply(status: u16, body: &str) -> Reply {
        Reply { status, retry_after: None, body: body.to_owned() }
    }

    #[rstest]
    #[case::discord(
        Format::Discord,
        r#"{"message":"You are being rate limited.","retry_after":1.5,"global":false}"#,
        None,
        2
    )]
    #[case::telegram(
        Format::Telegram,
        r#"{"ok":false,"error_code":429,"parameters":{"retry_after":35}}"#,
        None,
        35
    )]
    #[case::matrix(Format::Matrix, r#"{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms":2400}"#, None, 3)]
    #[case::slack(Format::Slack, "rate_limited", Some("17"), 17)]
    #[case::nothing_said(Format::Gotify, "", None, 30)]
    #[case::nonsense(Format::Slack, "", Some("soon"), 30)]
    #[case::a_week(Format::Discord, r#"{"retry_after":604800}"#, None, 6 * 3600)]
    fn the_wait_is_the_one_that_was_asked_for(
        #[case] format: Format,
        #[case] body: &str,
        #[case] header: Option<&str>,
        #[case] wanted: i64,
    ) {
        let reply = Reply { retry_after: header.map(str::to_owned), ..reply(429, body) };
        let Err(SendError::Later { wait, .. }) = reply.judge(format) else { panic!("not later") };
        assert_eq!(wait.as_secs(), wanted);
    }

    #[rstest]
    #[case(Format::Slack, 403, "invalid_token", "invalid_token")]
    #[case(Format::Discord, 404, r#"{"message":"Unknown Webhook","code":10015}"#, "Unknown Webhook")]
    #[case(
        Format::Telegram,
        400,
        r#"{"ok":false,"description":"Bad Request: chat not found"}"#,
        "chat not found"
    )]
    #[case(Format::Ntfy, 403, r#"{"code":40301,"http":403,"error":"forbidden"}"#, "forbidden")]
    #[case(
        Format::Gotify,
        401,
        r#"{"error":"Unauthorized","errorDescription":"you need to provide a valid access token"}"#,
        "valid access token"
    )]
    #[case(
        Format::Matrix,
        403,
        r#"{"errcode":"M_FORBIDDEN","error":"You are not in this room"}"#,
        "not in this room"
    )]
    #[case(Format::PagerDuty, 400, r#"{"status":"invalid event","message":"Event object is invalid","errors":["Length of 'routing_key' is incorrect"]}"#, "Length of 'routing_key'")]
    #[case(
        Format::Teams,
        400,
        r#"{"error":{"code":"x","message":"The input body is invalid"}}"#,
        "input body is invalid"
    )]
    fn the_services_own_words_are_told(
        #[case] format: Format,
        #[case] status: u16,
        #[case] body: &str,
        #[case] wanted: &str,
    ) {
        let error = reply(status, body).judge(format).unwrap_err().to_string();
        assert!(error.contains(wanted) && error.contains(&status.to_string()), "{error}");
    }

    #[rstest]
    #[case(Format::Telegram, r#"{"ok":false,"description":"odd"}"#)]
    #[case(Format::Telegram, "")]
    #[case(
        Format::Teams,
        "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 413"
    )]
    fn a_good_status_alone_is_not_believed_where_the_body_says_no(
        #[case] format: Format,
        #[case] body: &str,
    ) {
        assert!(reply(200, body).judge(format).is_err());
    }

    #[test]
    fn a_page_of_html_is_not_repeated() {
        let error = reply(502, "<html><body>Bad gateway</body></html>").judge(Format::Slack).unwrap_err();
        assert!(!error.to_string().contains("html"), "{error}");
    }
}
