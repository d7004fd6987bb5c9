//! Changing orders: the provider's own auto-renewal.
use crate::ledger::ChangePermit;
use crate::providers::{ChangeReply, Changer};

/// Changes orders of one account.
pub struct YouProxyChanger;

#[async_trait::async_trait]
impl Changer for YouProxyChanger {
    async fn change(&self, _permit: ChangePermit) -> ChangeReply {
        ChangeReply::Unsupported("changes are being added".to_owned())
    }
}
