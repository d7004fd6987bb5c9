//! Where YouProxy's calls are: `{base}/client/api/v1/{key}/…`. The key is part of the path, so these URLs are never shown.
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::domain::{Method, RenewalRequest};
use crate::providers::{ConnectError, Connection};

use super::wire::{ExtendBody, Targets};

/// One account's address. Has no `Debug`: it would show the key.
pub struct Site {
    base: Url,
    key: SecretString,
}

impl Site {
    /// Checks that base and key make a URL.
    pub fn new(connection: &Connection) -> Result<Self, ConnectError> {
        let account = || connection.account.clone();
        if connection.base_url.cannot_be_a_base() {
            return Err(ConnectError::BaseUrl { account: account() });
        }
        // `url` drops the segments `.` and `..`, and an empty one would ask another path.
        if connection.api_key.expose_secret().trim_matches('.').is_empty() {
            return Err(ConnectError::Key { account: account() });
        }
        Ok(Self { base: connection.base_url.clone(), key: connection.api_key.clone() })
    }

    /// The URL of a call, such as `calculate/extend`.
    pub fn url(&self, call: &str) -> Url {
        let mut url = self.base.clone();
        url.set_query(None);
        url.set_fragment(None);
        url.path_segments_mut()
            .expect("`new` refuses a URL that cannot be a base")
            .pop_if_empty()
            .extend(["client", "api", "v1", self.key.expose_secret()])
            .extend(call.split('/'));
        url
    }
}

/// The JSON body that asks for the price or the payment of `request`.
pub fn body(request: &RenewalRequest, method: Method, older_spelling: bool) -> Vec<u8> {
    let leases = || request.leases.iter().map(|lease| lease.id.as_str()).collect();
    let targets = match method {
        Method::Order => Targets::Orders(orders(request)),
        Method::Leases if older_spelling => Targets::LeasesOlder(leases()),
        Method::Leases => Targets::Leases(leases()),
    };
    let body = ExtendBody {
        proxy_type: &request.kind,
        targets,
        rent_period_days: request.period_days,
        promo_code: request.promo.as_deref(),
    };
    serde_json::to_vec(&body).expect("texts and numbers always make JSON")
}

/// The orders of a request, each once.
pub fn orders(request: &RenewalRequest) -> Vec<&str> {
    let mut orders: Vec<&str> = request.leases.iter().map(|lease| lease.order.as_str()).collect();
    orders.sort_unstable();
    orders.dedup();
    orders
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(base: &str, key: &str) -> Site {
        Site { base: base.parse().unwrap(), key: SecretString::from(key) }
    }

    #[test]
    fn the_key_is_one_path_segment_whatever_is_in_it() {
        let url = site("https://youproxy.io", "a/b?c#d").url("calculate/extend");
        assert_eq!(url.as_str(), "https://youproxy.io/client/api/v1/a%2Fb%3Fc%23d/calculate/extend");
        let url = site("http://127.0.0.1:9/sub/", "k").url("balance");
        assert_eq!(url.as_str(), "http://127.0.0.1:9/sub/client/api/v1/k/balance");
    }
}
