//! Changes of orders: px6 sells no cycles, and what it calls a description marks purchases. Its auto-renewal can be set while buying, and
//! no call shows it or switches it off.
use crate::ledger::ChangePermit;
use crate::providers::{ChangeReply, Changer};

/// Changes nothing.
pub struct Px6Changer;

#[async_trait::async_trait]
impl Changer for Px6Changer {
    async fn change(&self, permit: ChangePermit) -> ChangeReply {
        let what = permit.request().what.word();
        ChangeReply::Unsupported(format!("the provider has no call for that ({what}); nothing was sent"))
    }
}
