//! Programs of the owner's: who may change one, and one run of it within limits of time and size.
//!
//! Responsible for running nothing that a stranger could have written, and for ending all that a program started: when its time is up,
//! when nobody waits for it any more, and when renewd dies. Used by accounts whose provider is a program and by hooks. Not responsible
//! for what a program is told or what its words mean.
pub mod family;
mod run;
mod supervise;
mod trust;

pub use run::{End, Job, Limits, NotStarted, Ran, Runner};
pub use supervise::{COMMAND, supervise};
pub use trust::{Allowed, Trust, may_run};

/// Where programs look for others.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The environment that every program has. Nothing of renewd's own reaches it.
#[must_use]
pub fn environment() -> Vec<(String, String)> {
    [("PATH", PATH), ("LANG", "C.UTF-8"), ("TZ", "UTC")]
        .map(|(name, value)| (name.into(), value.into()))
        .into()
}
