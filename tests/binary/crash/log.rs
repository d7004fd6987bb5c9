//! The shim's log: every call by which a process changed its files or spoke to somebody, with the bytes; and files rebuilt
//! from it. Not responsible for what a power cut does to them (`disk`).
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The ledger's write-ahead log.
pub const WAL: &str = "ledger.db-wal";

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// It is the one that the process died at.
    pub death: bool,
    /// Calls so far, this one included.
    pub call: u64,
    /// Commits begun so far.
    pub commit: u64,
    /// Requests begun so far.
    pub send: u64,
    /// `write` `truncate` `fsync` `create` `unlink` `rename` `send`.
    pub op: String,
    /// What it returned; below zero, the error.
    pub result: i64,
    /// Where it wrote, or the length it cut to.
    pub offset: u64,
    /// The file below the state directory, `.` for that itself, `tcp` for a stream.
    pub name: String,
    /// What it wrote.
    pub bytes: Vec<u8>,
}

impl Record {
    /// `POST /path` of a request's first bytes.
    pub fn request(&self) -> Option<(&str, &str)> {
        const METHODS: [&str; 5] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
        let line = self.bytes.split(|b| *b == b'\r').next().filter(|_| self.op == "send")?;
        let mut words = std::str::from_utf8(line).ok()?.split(' ');
        let method = words.next().filter(|m| METHODS.contains(m))?;
        Some((method, words.next()?))
    }
}

/// Reads a log; none was written where no call was made.
pub fn read(path: &Path) -> Vec<Record> {
    let bytes = fs::read(path).unwrap_or_default();
    let (mut at, mut records) = (0, Vec::new());
    while at < bytes.len() {
        let end = at + bytes[at..].iter().position(|b| *b == b'\n').expect("a record's line ends");
        let line = std::str::from_utf8(&bytes[at..end]).expect("a record's line is text");
        let f: Vec<&str> = line.splitn(9, ' ').collect();
        let number = |n: usize| f[n].parse::<u64>().unwrap_or_else(|e| panic!("{line}: {e}"));
        let length = usize::try_from(number(7)).expect("fits");
        records.push(Record {
            death: f[0] == "K",
            call: number(1),
            commit: number(2),
            send: number(3),
            op: f[4].to_owned(),
            result: f[5].parse().expect("a result"),
            offset: number(6),
            name: f[8].to_owned(),
            bytes: bytes[end + 1..end + 1 + length].to_vec(),
        });
        at = end + length + 2;
    }
    records
}

/// Files as the calls left them, whatever was synced.
#[derive(Debug, Clone, Default)]
pub struct Files(pub BTreeMap<String, Vec<u8>>);

impl Files {
    /// Lets a call happen.
    pub fn apply(&mut self, r: &Record) {
        if r.death || r.result < 0 {
            return;
        }
        match r.op.as_str() {
            "create" => drop(self.0.insert(r.name.clone(), Vec::new())),
            "unlink" => drop(self.0.remove(&r.name)),
            "rename" => {
                let to = String::from_utf8_lossy(&r.bytes).into_owned();
                if let Some(file) = self.0.remove(&r.name) {
                    self.0.insert(to, file);
                }
            }
            "write" => write(self.0.entry(r.name.clone()).or_default(), r.offset, &r.bytes),
            "truncate" => {
                let file = self.0.entry(r.name.clone()).or_default();
                file.resize(usize::try_from(r.offset).expect("fits"), 0);
            }
            _ => {}
        }
    }

    /// Puts those of these names into a folder.
    pub fn dump(&self, dir: &Path, names: impl Fn(&str) -> bool) {
        for (name, bytes) in self.0.iter().filter(|(name, _)| names(name)) {
            fs::write(dir.join(name), bytes).unwrap();
        }
    }
}

/// Writes into a file as `pwrite` does.
pub fn write(file: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let at = usize::try_from(offset).expect("fits");
    if file.len() < at + bytes.len() {
        file.resize(at + bytes.len(), 0);
    }
    file[at..at + bytes.len()].copy_from_slice(bytes);
}
