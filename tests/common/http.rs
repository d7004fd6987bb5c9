//! The least of a web client: one GET over a socket of its own.
use std::io::{Read, Write};
use std::net::TcpStream;

/// Status and body; `None` where nobody answers.
pub fn get(port: u16, path: &str) -> Option<(u16, String)> {
    get_as(port, path, "")
}

/// The same in the form that `accept` asks for; HTTP/1.0, so that nobody answers in pieces.
pub fn get_as(port: u16, path: &str, accept: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let accept = if accept.is_empty() { String::new() } else { format!("Accept: {accept}\r\n") };
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n{accept}Connection: close\r\n\r\n").ok()?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).ok()?;
    Some((reply.split(' ').nth(1)?.parse().ok()?, reply.split_once("\r\n\r\n")?.1.to_owned()))
}
