//! Which commit the program was built of, for `renewd --version`. A build without git, or of a tree without history, says the version
//! alone; a package's build may say the commit itself in `RENEWD_COMMIT`, so that it does not depend on where it is built.
//!
//! Only a release build asks: in any other every commit would compile everything anew.
use std::io::Write;
use std::process::Command;

/// What a build is told of its commit.
const TOLD: &str = "RENEWD_COMMIT";

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout();
    let version = std::env::var("CARGO_PKG_VERSION").unwrap_or_default();
    // `PROFILE` says `release` of every profile that inherits it.
    let is_release = std::env::var("OUT_DIR").is_ok_and(|dir| dir.contains("/release/build/"));
    writeln!(out, "cargo::rerun-if-changed=build.rs")?;
    writeln!(out, "cargo::rerun-if-env-changed={TOLD}")?;
    let told = std::env::var(TOLD).ok().filter(|commit| is_plain(commit));
    let built_of = match told {
        Some(commit) => Some(commit),
        None if !is_release => Some("debug build".to_owned()),
        None => {
            watch(&mut out)?;
            commit()
        }
    };
    let built_of = built_of.map(|commit| format!(" ({commit})")).unwrap_or_default();
    writeln!(out, "cargo::rustc-env=RENEWD_VERSION={version}{built_of}")
}

/// A commit is asked again when the branch moves, and whether the tree differs from it when a source file changes.
fn watch(out: &mut impl Write) -> std::io::Result<()> {
    let log =
        git(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|path| std::path::Path::new(path).exists());
    for path in ["src", "crates", "migrations", "Cargo.toml", "Cargo.lock"].into_iter().chain(log.as_deref())
    {
        writeln!(out, "cargo::rerun-if-changed={path}")?;
    }
    Ok(())
}

/// The commit, with `-dirty` where the tree differs from it. A folder above this one may have a history too: it is not ours.
fn commit() -> Option<String> {
    let top = git(&["rev-parse", "--show-toplevel"])?;
    let here = std::env::var("CARGO_MANIFEST_DIR").ok()?;
    let same = std::fs::canonicalize(top).ok()? == std::fs::canonicalize(here).ok()?;
    same.then(|| git(&["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]))?
        .filter(|c| is_plain(c))
}

fn git(args: &[&str]) -> Option<String> {
    let out = Command::new("git").args(args).output().ok().filter(|out| out.status.success())?;
    Some(String::from_utf8(out.stdout).ok()?.trim().to_owned())
}

fn is_plain(commit: &str) -> bool {
    !commit.is_empty()
        && commit.len() <= 60
        && commit.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.+~".contains(&b))
}
