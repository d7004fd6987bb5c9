//! A plain HTTP listener: keeps each request as it came and answers with a script.
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    /// `POST /hook HTTP/1.1`.
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// renewd's own document is held against its schema.
    pub fn json(&self) -> serde_json::Value {
        let document: serde_json::Value = serde_json::from_slice(&self.body).unwrap();
        if document["renewd"].is_string() && document["occasion"].is_string() {
            crate::common::documents::check(renewd::views::Document::Webhook, &document);
        }
        document
    }
}

/// What is answered to every request from now on.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    /// With this status.
    Status(u16),
    /// 302 to another path of the same listener.
    Redirect,
    /// Never; the connection stays open.
    Hang,
    /// As this judges the request: status, a further header, body.
    Judge(fn(&Request) -> (u16, &'static str, String)),
}

pub struct Listener {
    pub port: u16,
    seen: Arc<Mutex<Vec<Request>>>,
    answer: Arc<Mutex<Answer>>,
}

impl Listener {
    pub fn start() -> Self {
        Self::on(0)
    }

    pub fn on(port: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Answer::Status(200))));
        let (kept, how) = (Arc::clone(&seen), Arc::clone(&answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (kept, how) = (Arc::clone(&kept), Arc::clone(&how));
                std::thread::spawn(move || serve(stream, &kept, &how));
            }
        });
        Self { port, seen, answer }
    }

    pub fn answer(&self, with: Answer) {
        *self.answer.lock().unwrap() = with;
    }

    pub fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    pub fn count(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

fn serve(stream: TcpStream, kept: &Mutex<Vec<Request>>, how: &Mutex<Answer>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim().split_once(':') else { break };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(n, _)| n.eq_ignore_ascii_case("content-length"));
    let mut body = vec![0; length.map_or(0, |(_, v)| v.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    let answer = *how.lock().unwrap();
    let request = Request { line: line.trim().to_owned(), headers, body };
    kept.lock().unwrap().push(request.clone());
    let mut out = stream;
    match answer {
        Answer::Status(code) => {
            write!(out, "HTTP/1.1 {code} x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").ok()
        }
        Answer::Redirect => write!(
            out,
            "HTTP/1.1 302 x\r\nlocation: /elsewhere\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
        .ok(),
        Answer::Judge(judge) => {
            let (code, header, body) = judge(&request);
            let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
            let length = body.len();
            write!(
                out,
                "HTTP/1.1 {code} x\r\n{header}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
            )
            .ok()
        }
        Answer::Hang => {
            let _ = out.read(&mut [0]);
            Some(())
        }
    }
}
