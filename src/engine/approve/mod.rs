//! Plans that a person approves, in a file or by a word: what goes into one, and what of it still holds when it is carried out.
pub(super) mod asking;
pub mod exact;
mod keep;
pub mod locate;
pub mod propose;
mod put_up;
