//! A mail server on loopback, in this process: real SMTP with STARTTLS, implicit TLS and AUTH, and what it took. Any of its replies can
//! be replaced, for servers that refuse. It keeps mails in memory and delivers them nowhere; `tests/alerts/mail/exim.rs` holds the same
//! claims against a mail server that people run.
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use mail_parser::{Message, MessageParser};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

pub use super::certificates::Certificates;
use super::until;

pub const USER: &str = "renewd";
pub const PASSWORD: &str = "smtp-password-0123456789";

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// How a server protects its port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Plain, without login: as on a loopback address.
    None,
    /// STARTTLS and login are required.
    StartTls,
    /// TLS from the first byte, login required.
    Implicit,
}

/// What a server is made of.
struct Shop {
    protection: Protection,
    tls: Arc<ServerConfig>,
    /// Replies in place of its own, by the first word of the command; `""` is the greeting.
    replies: Vec<(&'static str, &'static str)>,
    closed: AtomicBool,
    taken: Mutex<Vec<(String, String)>>,
    log: Mutex<String>,
    open: Mutex<Vec<TcpStream>>,
}

impl Shop {
    fn note(&self, text: &str) {
        let mut log = self.log.lock().unwrap();
        log.push_str(text);
        log.push('\n');
    }
}

/// A running server; it and its connections end with this value.
pub struct MailServer {
    port: u16,
    shop: Arc<Shop>,
    accepting: Option<std::thread::JoinHandle<()>>,
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.shop.closed.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts, which then lets go of the port.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        for stream in self.shop.open.lock().unwrap().iter() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        let _ = self.accepting.take().map(std::thread::JoinHandle::join);
    }
}

impl MailServer {
    /// Listens on `port` once this returns.
    pub fn start(port: u16, protection: Protection, certificates: &Certificates) -> Self {
        Self::answering(port, protection, certificates, &[])
    }

    /// Without TLS and login.
    pub fn plain(port: u16) -> Self {
        Self::start(port, Protection::None, &Certificates::new())
    }

    /// With these replies in place of its own, by the first word of the command; `""` is the greeting.
    pub fn answering(
        port: u16,
        protection: Protection,
        certificates: &Certificates,
        replies: &[(&'static str, &'static str)],
    ) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
        let shop = Arc::new(Shop {
            protection,
            tls: certificates.config(),
            replies: replies.to_vec(),
            closed: AtomicBool::new(false),
            taken: Mutex::default(),
            log: Mutex::default(),
            open: Mutex::default(),
        });
        let inside = Arc::clone(&shop);
        let accepting = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if inside.closed.load(Ordering::SeqCst) {
                    return;
                }
                inside.open.lock().unwrap().push(stream.try_clone().unwrap());
                let shop = Arc::clone(&inside);
                std::thread::spawn(move || serve(&shop, stream));
            }
        });
        Self { port, shop, accepting: Some(accepting) }
    }

    /// Every copy as it came, oldest first, with its envelope's recipient.
    fn taken(&self) -> MutexGuard<'_, Vec<(String, String)>> {
        self.shop.taken.lock().unwrap()
    }

    /// Every copy as it came, oldest first.
    pub fn texts(&self) -> Vec<String> {
        self.taken().iter().map(|(_, raw)| raw.clone()).collect()
    }

    /// What arrived, oldest first, a copy for each recipient.
    pub fn mails(&self) -> Vec<Mail> {
        self.taken().iter().map(|(recipient, raw)| Mail::read(recipient, raw)).collect()
    }

    /// Waits until exactly `n` copies arrived, and a moment longer: one too many would be as wrong.
    pub fn wait_for(&self, n: usize) -> Vec<Mail> {
        until(&format!("{n} mails\n{}", self.log()), 15, || self.taken().len() >= n);
        std::thread::sleep(std::time::Duration::from_millis(100));
        let mails = self.mails();
        let subjects: Vec<&str> = mails.iter().map(|m| m.subject.as_str()).collect();
        assert_eq!(mails.len(), n, "{subjects:#?}");
        mails
    }

    /// Who connected and logged in how, and what was taken or refused.
    pub fn log(&self) -> String {
        self.shop.log.lock().unwrap().clone()
    }
}

/// A mail as it arrived.
#[derive(Debug, Clone)]
pub struct Mail {
    /// Who got this copy.
    pub recipient: String,
    pub subject: String,
    pub id: String,
    pub in_reply_to: Option<String>,
    pub references: Option<String>,
    pub text: String,
    pub html: String,
    /// All of it.
    pub raw: String,
}

impl Mail {
    pub fn read(recipient: &str, raw: &str) -> Self {
        let message = MessageParser::default().parse(raw).unwrap();
        let header = |name: &str| -> Option<String> {
            message.header_raw(name.to_owned()).map(|v| v.trim().to_owned())
        };
        let body = |part: Option<std::borrow::Cow<'_, str>>| part.unwrap_or_default().replace("\r\n", "\n");
        Self {
            recipient: recipient.to_owned(),
            subject: Message::subject(&message).unwrap_or_default().to_owned(),
            id: header("Message-ID").unwrap_or_default(),
            in_reply_to: header("In-Reply-To"),
            references: header("References"),
            text: body(message.body_text(0)),
            html: body(message.body_html(0)),
            raw: raw.to_owned(),
        }
    }
}

trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

fn secured(shop: &Shop, stream: TcpStream) -> Option<Box<dyn Wire>> {
    let mut connection = ServerConnection::new(Arc::clone(&shop.tls)).ok()?;
    let mut socket = stream;
    while connection.is_handshaking() {
        if let Err(e) = connection.complete_io(&mut socket) {
            shop.note(&format!("TLS failed: {e}"));
            return None;
        }
    }
    Some(Box::new(StreamOwned::new(connection, socket)))
}

fn serve(shop: &Shop, stream: TcpStream) -> Option<()> {
    let implicit = shop.protection == Protection::Implicit;
    let plain = stream.try_clone().ok()?;
    let wire = if implicit { secured(shop, stream)? } else { Box::new(stream) };
    let mut talk =
        Talk { shop, wire: BufReader::new(wire), secure: implicit, user: None, from: None, to: Vec::new() };
    talk.say("", "220 localhost ESMTP")?;
    loop {
        let line = talk.line()?;
        let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
        let verb = verb.to_ascii_uppercase();
        if verb == "STARTTLS" && shop.protection == Protection::StartTls && !talk.secure {
            talk.say(&verb, "220 go ahead")?;
            talk.wire = BufReader::new(secured(shop, plain.try_clone().ok()?)?);
            talk.secure = true;
            continue;
        }
        talk.obey(&verb, rest)?;
    }
}

/// One connection; `None` of its functions: it is over.
struct Talk<'a> {
    shop: &'a Shop,
    wire: BufReader<Box<dyn Wire>>,
    secure: bool,
    user: Option<String>,
    from: Option<String>,
    to: Vec<String>,
}

impl Talk<'_> {
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let n = self.wire.read_line(&mut line).ok()?;
        (n > 0).then(|| line.trim_end().to_owned())
    }

    /// Answers a command, with the test's own reply where it has one.
    fn say(&mut self, verb: &str, reply: &str) -> Option<()> {
        let own = self.shop.replies.iter().find(|(v, _)| *v == verb).map(|(_, reply)| *reply);
        let reply = own.unwrap_or(reply);
        if reply.starts_with(['4', '5']) {
            self.shop.note(&format!("{verb}: {reply}"));
        }
        self.wire.get_mut().write_all(format!("{reply}\r\n").as_bytes()).ok()?;
        self.wire.get_mut().flush().ok()
    }

    /// Whether the test's own reply to this command is a refusal.
    fn refused(&self, verb: &str) -> bool {
        self.shop.replies.iter().any(|(v, reply)| *v == verb && reply.starts_with(['4', '5']))
    }

    fn obey(&mut self, verb: &str, rest: &str) -> Option<()> {
        let protected = self.shop.protection != Protection::None;
        match verb {
            "EHLO" => {
                self.shop.note(&format!("called by {rest}"));
                let mut reply = "250-localhost\r\n250-8BITMIME\r\n".to_owned();
                if self.shop.protection == Protection::StartTls && !self.secure {
                    reply.push_str("250-STARTTLS\r\n");
                }
                if protected && self.secure {
                    reply.push_str("250-AUTH PLAIN LOGIN\r\n");
                }
                self.say(verb, &format!("{reply}250 SIZE 10000000"))
            }
            "HELO" => self.say(verb, "250 localhost"),
            "AUTH" if protected && self.secure => self.log_in(rest),
            "MAIL" if protected && self.user.is_none() => self.say(verb, "530 log in first"),
            "MAIL" => {
                self.from = address(rest);
                self.to.clear();
                self.say(verb, "250 ok")
            }
            "RCPT" if rest.contains("<nobody-here@") => self.say(verb, "550 no such user"),
            "RCPT" if self.from.is_some() => {
                if !self.refused(verb) {
                    self.to.extend(address(rest));
                }
                self.say(verb, "250 ok")
            }
            "DATA" if !self.to.is_empty() => self.take(),
            "RSET" => {
                self.from = None;
                self.say(verb, "250 ok")
            }
            "NOOP" => self.say(verb, "250 ok"),
            "QUIT" => {
                self.say(verb, "221 bye");
                None
            }
            "RCPT" | "DATA" => self.say(verb, "503 not now"),
            _ => self.say(verb, "502 no such command"),
        }
    }

    fn take(&mut self) -> Option<()> {
        self.say("DATA", "354 go on")?;
        let mut text = String::new();
        loop {
            let mut line = String::new();
            if self.wire.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.trim_end_matches(['\r', '\n']) {
                "." => break,
                _ => text.push_str(line.strip_prefix('.').unwrap_or(&line)),
            }
        }
        let to = std::mem::take(&mut self.to);
        let how = if self.secure { "over TLS" } else { "in the clear" };
        self.shop.note(&format!("taken {how} from {:?} for {}", self.user, to.join(" ")));
        self.shop.taken.lock().unwrap().extend(to.into_iter().map(|one| (one, text.clone())));
        self.say(".", "250 kept")
    }

    fn log_in(&mut self, rest: &str) -> Option<()> {
        let (how, first) =
            rest.split_once(' ').map_or((rest, None), |(how, first)| (how, Some(first.to_owned())));
        let (user, password) = if how.eq_ignore_ascii_case("PLAIN") {
            let text = match first {
                Some(text) => text,
                None => self.asked("334 ")?,
            };
            let plain = decoded(&text)?;
            let mut parts = plain.split('\0').skip(1).map(str::to_owned);
            (parts.next()?, parts.next()?)
        } else {
            (
                self.asked("334 VXNlcm5hbWU6").and_then(|t| decoded(&t))?,
                self.asked("334 UGFzc3dvcmQ6").and_then(|t| decoded(&t))?,
            )
        };
        let good = user == USER && password == PASSWORD;
        if good && !self.refused("AUTH") {
            self.shop.note(&format!("login of {user} by {}", how.to_ascii_uppercase()));
            self.user = Some(user);
        }
        self.say("AUTH", if good { "235 welcome" } else { "535 wrong user or password" })
    }

    fn asked(&mut self, question: &str) -> Option<String> {
        self.wire.get_mut().write_all(format!("{question}\r\n").as_bytes()).ok()?;
        self.line()
    }
}

/// The address between the angle brackets of `FROM:<…>` or `TO:<…>`.
fn address(rest: &str) -> Option<String> {
    rest.split_once('<').and_then(|(_, tail)| tail.split_once('>')).map(|(address, _)| address.to_owned())
}

/// Base64.
fn decoded(text: &str) -> Option<String> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut held, mut bytes) = (0u32, 0, Vec::new());
    for letter in text.trim_end_matches('=').bytes() {
        let value = LETTERS.iter().position(|l| *l == letter)?;
        bits = bits << 6 | u32::try_from(value).ok()?;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held & 0xff).ok()?);
        }
    }
    String::from_utf8(bytes).ok()
}
