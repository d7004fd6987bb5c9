//! A mail server that does what a test tells it: it refuses recipients, messages or everything, drops the line, or goes silent.
//! Not responsible for TLS and logins (`exim`).
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// One mail that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    pub to: Vec<String>,
    pub data: String,
}

impl Taken {
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self.data.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ");
        head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")).map(str::to_owned))
    }

    /// What a person reads, the transfer encoding undone far enough for plain words.
    pub fn text(&self) -> String {
        self.data.replace("=\r\n", "").replace("=3D", "=")
    }
}

/// The answer to a command; `None`: the usual one.
type Rule = dyn Fn(&str) -> Option<&'static str> + Send + Sync;

#[derive(Default)]
struct State {
    taken: Vec<Taken>,
    lines: Vec<String>,
}

pub struct Postman {
    pub port: u16,
    state: Arc<Mutex<State>>,
    rule: Arc<Mutex<Arc<Rule>>>,
}

/// Take the connection, and say nothing.
pub const SILENCE: &str = "silence";
/// Close the line.
pub const HANG_UP: &str = "hang up";

impl Postman {
    /// `rule` is asked for each command, and with `DATA: TEXT` for each whole message; `CONNECT` comes first.
    pub fn start(rule: impl Fn(&str) -> Option<&'static str> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let rule: Arc<Mutex<Arc<Rule>>> = Arc::new(Mutex::new(Arc::new(rule)));
        let (shared, rules) = (Arc::clone(&state), Arc::clone(&rule));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (state, rule) = (Arc::clone(&shared), Arc::clone(&rules));
                thread::spawn(move || {
                    let _ = serve(stream, &state, &rule);
                });
            }
        });
        Self { port, state, rule }
    }

    pub fn now(&self, rule: impl Fn(&str) -> Option<&'static str> + Send + Sync + 'static) {
        *self.rule.lock().unwrap() = Arc::new(rule);
    }

    pub fn taken(&self) -> Vec<Taken> {
        self.state.lock().unwrap().taken.clone()
    }

    pub fn said(&self, start: &str) -> usize {
        self.state.lock().unwrap().lines.iter().filter(|l| l.starts_with(start)).count()
    }
}

fn address(line: &str) -> String {
    line.split(['<', '>']).nth(1).unwrap_or_default().to_owned()
}

fn serve(mut out: TcpStream, state: &Mutex<State>, rule: &Mutex<Arc<Rule>>) -> std::io::Result<()> {
    let mut input = BufReader::new(out.try_clone()?);
    let asked = |line: &str| rule.lock().unwrap().clone()(line);
    let mut say = |line: &str, usual: &'static str| -> std::io::Result<bool> {
        let answer = asked(line).unwrap_or(usual);
        match answer {
            SILENCE => {
                thread::sleep(std::time::Duration::from_secs(120));
                Ok(false)
            }
            HANG_UP => Err(std::io::ErrorKind::ConnectionAborted.into()),
            answer => {
                out.write_all(format!("{answer}\r\n").as_bytes())?;
                Ok(answer.starts_with(['2', '3']))
            }
        }
    };
    let mut to: Vec<String> = Vec::new();
    say("CONNECT", "220 postman ESMTP")?;
    loop {
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let line = line.trim_end().to_owned();
        state.lock().unwrap().lines.push(line.clone());
        let word = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        match word.as_str() {
            "EHLO" => drop(say(&line, "250 postman")?),
            "MAIL" | "RSET" => {
                to.clear();
                say(&line, "250 ok")?;
            }
            "RCPT" if say(&line, "250 ok")? => to.push(address(&line)),
            "DATA" if say(&line, "354 go on")? => {
                let mut data = String::new();
                loop {
                    let mut part = String::new();
                    if input.read_line(&mut part)? == 0 {
                        return Ok(());
                    }
                    if part == ".\r\n" {
                        break;
                    }
                    data.push_str(&part);
                }
                if say(&format!("DATA: {data}"), "250 taken")? {
                    state.lock().unwrap().taken.push(Taken { to: std::mem::take(&mut to), data });
                }
            }
            "QUIT" => {
                say(&line, "221 bye")?;
                return Ok(());
            }
            "RCPT" | "DATA" => {}
            _ => drop(say(&line, "250 ok")?),
        }
    }
}
