//! The fuzz targets over their corpus, and over some thousand altered copies of it: the same for the same seed.
//!
//! Not responsible for searching: `scripts/fuzz` does that with libFuzzer, and what it finds joins the corpus.
#[path = "../../fuzz/targets/mod.rs"]
mod targets;

use std::fs;
use std::path::{Path, PathBuf};

/// Altered copies of each file.
const COPIES: u64 = 150;

fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.expect("a listed entry is readable").path())
        .collect();
    files.sort();
    let read = |path: PathBuf| {
        let bytes = fs::read(&path).expect("our own files are readable");
        (path, bytes)
    };
    files.into_iter().map(read).collect()
}

/// A few cuts, flips, repeats and crossings with `other`, drawn from `dice`.
fn alter(seed: &[u8], other: &[u8], dice: &mut fastrand::Rng) -> Vec<u8> {
    let mut bytes = seed.to_vec();
    for _ in 0..dice.usize(1..=4) {
        if bytes.is_empty() {
            bytes.push(dice.u8(..));
        }
        let at = dice.usize(0..bytes.len());
        let end = (at + dice.usize(0..=12)).min(bytes.len());
        match dice.u8(0..8) {
            0 => bytes[at] ^= 1 << dice.u8(0..8),
            1 => bytes[at] = *dice.choice(br#"0123456789-+.eE",:{}[]tfn \"#).expect("not empty"),
            2 => drop(bytes.drain(at..end)),
            3 => bytes.truncate(at),
            4 => {
                let part = bytes[at..end].to_vec();
                bytes.splice(at..at, part);
            }
            5 if !other.is_empty() => {
                let from = dice.usize(0..other.len());
                let to = (from + dice.usize(0..=40)).min(other.len());
                bytes.splice(at..end, other[from..to].iter().copied());
            }
            6 => bytes.splice(at..end, b"99999999999999999999".iter().copied()).for_each(drop),
            _ => bytes.insert(at, dice.u8(..)),
        }
    }
    bytes
}

#[test]
fn every_target_keeps_its_claims_over_its_corpus_and_altered_copies_of_it() {
    for (name, target) in targets::ALL {
        let files = corpus(name);
        assert!(files.len() >= 3, "{name} has no corpus to speak of");
        let mut dice = fastrand::Rng::with_seed(1);
        for (path, bytes) in &files {
            target(bytes);
            for copy in 0..COPIES {
                let other = &files[dice.usize(0..files.len())].1;
                let altered = alter(bytes, other, &mut dice);
                let told = std::panic::catch_unwind(|| target(&altered));
                assert!(
                    told.is_ok(),
                    "{name}: copy {copy} of {} breaks a claim:\n{}",
                    path.display(),
                    String::from_utf8_lossy(&altered)
                );
            }
        }
    }
}

#[test]
fn the_corpus_is_small_and_every_folder_of_it_is_a_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for entry in fs::read_dir(folder).expect("the corpus is there") {
        let name = entry.expect("a listed entry is readable").file_name().to_string_lossy().into_owned();
        assert!(targets::ALL.iter().any(|(target, _)| *target == name), "{name} is not a target");
        let files = corpus(&name);
        let size: usize = files.iter().map(|(_, bytes)| bytes.len()).sum();
        assert!(files.len() <= 40 && size <= 64 << 10, "{name}: {} files, {size} bytes", files.len());
    }
}
