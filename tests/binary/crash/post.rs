//! A mail server and a webhook's other end, as small as they can be: each turns something away at first. Not a test of mail
//! (`tests/alerts/mail` has real servers): here only the steps of the outbox matter.
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use rusqlite::{Connection, OpenFlags};

use crate::crash::stage::Stage;

pub struct Post {
    mail: u16,
    hook: u16,
    /// Message-ID of every mail taken.
    taken: Arc<Mutex<Vec<String>>>,
}

fn listen(serve: impl Fn(TcpStream) -> std::io::Result<()> + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        // A client that was killed leaves half a conversation: the next one is served.
        listener.incoming().flatten().for_each(|stream| drop(serve(stream)));
    });
    port
}

impl Post {
    pub fn start() -> Self {
        let taken: Arc<Mutex<Vec<String>>> = Arc::default();
        let (kept, late, busy) = (Arc::clone(&taken), AtomicUsize::new(0), AtomicUsize::new(0));
        let mail = listen(move |stream| smtp(stream, &kept, &late));
        let hook = listen(move |stream| http(stream, &busy));
        Self { mail, hook, taken }
    }

    pub fn hook(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.hook)
    }

    pub fn config(&self, dir: &Path) -> String {
        format!(
            "[alerts.email]\nhost = \"127.0.0.1\"\nport = {}\ntls = \"none\"\nfrom = \"renewd@example.org\"\n\
             to = [\"ops@example.org\", \"late@example.org\"]\n[alerts.webhook]\nurl = {{ file = \"{}/hook.url\" }}\n",
            self.mail,
            dir.display()
        )
    }

    /// Nothing waits in the outbox, and every mail that it calls delivered was taken.
    pub fn all_delivered(&self, stage: &Stage) -> bool {
        let file = stage.state().join("ledger.db");
        let ledger = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let mut rows = ledger
            .prepare("SELECT message_id, channel, delivered_at IS NULL FROM outbox WHERE folded_at IS NULL")
            .unwrap();
        let rows = rows.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).unwrap();
        let rows: Vec<(String, String, bool)> = rows.collect::<Result<_, _>>().unwrap();
        let taken = self.taken.lock().unwrap();
        let here = |id: &str| taken.iter().any(|t| t.contains(id.trim_matches(['<', '>'])));
        !rows.is_empty() && rows.iter().all(|(id, channel, waits)| !waits && (channel != "mail" || here(id)))
    }
}

/// The second recipient is put off at first.
fn smtp(stream: TcpStream, taken: &Mutex<Vec<String>>, late: &AtomicUsize) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut lines = BufReader::new(stream).lines();
    out.write_all(b"220 here\r\n")?;
    while let Some(line) = lines.next() {
        let line = line?;
        let word = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let answer: &[u8] = match word.as_str() {
            "RCPT" if line.contains("late@") && late.fetch_add(1, Ordering::SeqCst) < 1 => b"450 later\r\n",
            "DATA" => {
                out.write_all(b"354 go on\r\n")?;
                let mut id = String::new();
                loop {
                    let Some(text) = lines.next().transpose()? else { return Ok(()) };
                    if text == "." {
                        break;
                    }
                    if text.to_ascii_lowercase().starts_with("message-id:") {
                        id = text;
                    }
                }
                taken.lock().unwrap().push(id);
                b"250 taken\r\n"
            }
            "QUIT" => b"221 bye\r\n",
            _ => b"250 fine\r\n",
        };
        out.write_all(answer)?;
    }
    Ok(())
}

/// The first call is turned away.
fn http(stream: TcpStream, busy: &AtomicUsize) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some(n) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = n.trim().parse().unwrap_or(0);
        }
    }
    reader.read_exact(&mut vec![0; length])?;
    let status = if busy.fetch_add(1, Ordering::SeqCst) == 0 { "503 Busy" } else { "200 OK" };
    out.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").as_bytes())
}
