//! The px6 adapter from outside: whole readings, quotes, payments and purchases against a local server, and the table of answers. Not
//! responsible for lost connections: those are tested beside the code that sends.
mod answers;
mod bench;
mod calls;
mod garbage;
mod secrets;
