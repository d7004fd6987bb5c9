//! The port to a clock: whoever needs the time is handed one of these. Not responsible for reading one: the crate `renewd` has one
//! file that does.
use std::time::Duration;

use crate::domain::Moment;

/// Tells the time and waits.
#[async_trait::async_trait]
pub trait Clock: Send + Sync {
    /// Wall and boot clock, read together.
    fn now(&self) -> Moment;
    /// Waits for `span` of this clock's time.
    async fn sleep(&self, span: Duration);
}
