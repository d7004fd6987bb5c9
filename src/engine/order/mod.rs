//! Orders by hand: buying new leases and changing an order. Not responsible for the command line.
mod buy;
mod change;
mod gate;
mod keep;
mod moving;
mod offer;
mod price;

pub use buy::{Asked, Purchased};
pub use change::{Changed, Found};
