//! What a disk may hold after a power cut, by the letter of POSIX: of each file what its last sync found, and of what was
//! written since each 512-byte sector kept, lost or zeroed at random; of the directory likewise, name by name. Not
//! responsible for reading it.
use std::collections::BTreeMap;

use crate::crash::log::{Files, Record, WAL, write};

/// The smallest piece that a disk writes whole.
const SECTOR: usize = 512;

/// Which syncs the disk obeys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syncs {
    /// All.
    Honest,
    /// Those of the write-ahead log do nothing, as with `synchronous=NORMAL`.
    NoLog,
    /// None does anything, as with `synchronous=OFF` or a lying disk.
    None,
}

#[derive(Debug, Clone)]
enum Change {
    Write(u64, Vec<u8>),
    Cut(usize),
}

#[derive(Debug, Clone, Default)]
struct Inode {
    durable: Vec<u8>,
    since: Vec<Change>,
}

/// Files and the directory that names them.
#[derive(Debug, Clone)]
pub struct Disk {
    syncs: Syncs,
    inodes: Vec<Inode>,
    /// As programs see them.
    names: BTreeMap<String, usize>,
    /// As of the directory's last sync.
    durable: BTreeMap<String, usize>,
    /// What became of names since.
    since: Vec<(String, Option<usize>)>,
}

impl Disk {
    pub fn new(syncs: Syncs) -> Self {
        let (names, durable) = (BTreeMap::new(), BTreeMap::new());
        Self { syncs, inodes: Vec::new(), names, durable, since: Vec::new() }
    }

    /// Lets a call happen.
    pub fn apply(&mut self, r: &Record) {
        if r.result < 0 {
            return;
        }
        match r.op.as_str() {
            "create" => {
                self.inodes.push(Inode::default());
                self.name(&r.name, Some(self.inodes.len() - 1));
            }
            "unlink" => self.name(&r.name, None),
            "rename" => {
                let inode = self.names.get(&r.name).copied();
                self.name(&r.name, None);
                self.name(&String::from_utf8_lossy(&r.bytes), inode);
            }
            "write" => {
                let Some(file) = self.file(&r.name) else { return };
                let mut at = usize::try_from(r.offset).expect("fits");
                let mut rest = r.bytes.as_slice();
                while !rest.is_empty() {
                    let (piece, more) = rest.split_at(rest.len().min(SECTOR - at % SECTOR));
                    file.since.push(Change::Write(at as u64, piece.to_vec()));
                    at += piece.len();
                    rest = more;
                }
            }
            "truncate" => {
                let length = usize::try_from(r.offset).expect("fits");
                self.file(&r.name).into_iter().for_each(|f| f.since.push(Change::Cut(length)));
            }
            "fsync" => self.sync(&r.name),
            _ => {}
        }
    }

    fn name(&mut self, name: &str, inode: Option<usize>) {
        match inode {
            Some(inode) => drop(self.names.insert(name.to_owned(), inode)),
            None => drop(self.names.remove(name)),
        }
        self.since.push((name.to_owned(), inode));
    }

    fn file(&mut self, name: &str) -> Option<&mut Inode> {
        self.names.get(name).map(|n| &mut self.inodes[*n])
    }

    fn sync(&mut self, name: &str) {
        if self.syncs == Syncs::None || (self.syncs == Syncs::NoLog && name == WAL) {
            return;
        }
        if name == "." {
            self.durable = self.names.clone();
            self.since.clear();
        } else if let Some(file) = self.file(name) {
            for change in std::mem::take(&mut file.since) {
                change.happen(&mut file.durable);
            }
        }
    }

    /// The power goes; what is found afterwards.
    pub fn cut(&self, random: &mut fastrand::Rng) -> Files {
        let mut names = self.durable.clone();
        // A name's changes are kept up to some point.
        let touched: std::collections::BTreeSet<&String> = self.since.iter().map(|(name, _)| name).collect();
        for name in touched {
            let of_it: Vec<Option<usize>> =
                self.since.iter().filter(|(n, _)| n == name).map(|(_, inode)| *inode).collect();
            match random.usize(0..=of_it.len()) {
                0 => {}
                kept => match of_it[kept - 1] {
                    Some(inode) => drop(names.insert(name.clone(), inode)),
                    None => drop(names.remove(name)),
                },
            }
        }
        // Sometimes nearly all arrives, sometimes nearly nothing.
        let percent = [0, 10, 50, 90, 98, 100][random.usize(0..6)];
        let found = |inode: usize, random: &mut fastrand::Rng| {
            let mut bytes = self.inodes[inode].durable.clone();
            for change in &self.inodes[inode].since {
                if random.u8(0..100) < percent {
                    change.happen(&mut bytes);
                } else if let (Change::Write(at, lost), true) = (change, random.bool()) {
                    // The file had grown, its new sector was not written.
                    let end = usize::try_from(*at).expect("fits") + lost.len();
                    if bytes.len() < end {
                        bytes.resize(end, 0);
                    }
                }
            }
            bytes
        };
        Files(names.into_iter().map(|(name, inode)| (name, found(inode, random))).collect())
    }
}

impl Change {
    fn happen(&self, file: &mut Vec<u8>) {
        match self {
            Self::Write(at, bytes) => write(file, *at, bytes),
            Self::Cut(length) => file.resize(*length, 0),
        }
    }
}
