//! The dead man's switch: a ping after each good cycle, `/fail` after a bad one, silence when renewd is dead. The URL is a secret.
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use tokio::sync::watch;

use crate::notify::transport::{chain, client};

/// Connect, send and answer.
const WHOLE_PING: Duration = Duration::from_secs(10);

/// Pings once.
///
/// # Errors
/// Words without the URL.
pub async fn ping(url: &SecretString, good: bool) -> Result<(), String> {
    let client = client(WHOLE_PING)?;
    let target = target(url.expose_secret(), good).ok_or("the heartbeat's address is not a URL")?;
    match client.get(target).send().await {
        Ok(reply) if reply.status().is_success() => Ok(()),
        Ok(reply) => Err(format!("the heartbeat's server answered {}", reply.status())),
        Err(e) => Err(format!("the heartbeat was not taken: {}", chain(&e.without_url()))),
    }
}

/// The address as it is, or with `/fail` behind its path; a query stays behind that.
fn target(url: &str, good: bool) -> Option<url::Url> {
    let mut target = url::Url::parse(url).ok()?;
    if !good {
        let path = format!("{}/fail", target.path().trim_end_matches('/'));
        target.set_path(&path);
    }
    Some(target)
}

/// Pings beside the loop, one at a time: a server that hangs delays no cycle. While one ping is under way only the newest
/// word waits. Ends when dropped.
pub struct Heart {
    words: watch::Sender<Option<(SecretString, bool)>>,
}

impl Heart {
    /// Starts it; must be called within a runtime.
    #[must_use]
    pub fn start() -> Self {
        let (words, mut heard) = watch::channel(None::<(SecretString, bool)>);
        tokio::spawn(async move {
            while heard.changed().await.is_ok() {
                let word = heard.borrow_and_update().clone();
                let Some((url, good)) = word else { continue };
                if let Err(e) = ping(&url, good).await {
                    tracing::warn!("heartbeat: {e}");
                }
            }
        });
        Self { words }
    }

    /// Says how the cycle went, and returns at once.
    pub fn beat(&self, url: &SecretString, good: bool) {
        self.words.send_replace(Some((url.clone(), good)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fail_is_put_behind_the_path() {
        let fail = |url: &str| target(url, false).unwrap().to_string();
        assert_eq!(fail("https://ping.example.org/abc"), "https://ping.example.org/abc/fail");
        assert_eq!(fail("https://ping.example.org/abc/"), "https://ping.example.org/abc/fail");
        assert_eq!(fail("https://ping.example.org/?key=abc"), "https://ping.example.org/fail?key=abc");
        assert_eq!(target("https://ping.example.org/abc", true).unwrap().path(), "/abc");
    }
}
