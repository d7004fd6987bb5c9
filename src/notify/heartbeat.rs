//! The dead man's switch: a ping after each good cycle, `/fail` after a bad one, silence when renewd is dead. The URL is a secret.
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

/// Pings once.
///
/// # Errors
/// Words without the URL.
pub async fn ping(url: &SecretString, good: bool) -> Result<(), String> {
    let client = reqwest::Client::builder()
        .no_proxy()
        .referer(false)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(10))
        .build()
        .map_err(|e| e.without_url().to_string())?;
    let base = url.expose_secret().trim_end_matches('/');
    let target = if good { base.to_owned() } else { format!("{base}/fail") };
    match client.get(target).send().await {
        Ok(reply) if reply.status().is_success() => Ok(()),
        Ok(reply) => Err(format!("the heartbeat's server answered {}", reply.status())),
        Err(e) => Err(format!("the heartbeat was not taken: {}", e.without_url())),
    }
}
