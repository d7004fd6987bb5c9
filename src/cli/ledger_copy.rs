//! `renewd ledger copy`: moves a stopped ledger to another place, and marks the old one.
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::exit::Exit;
use crate::ledger::Site;
use crate::ledger::sqlite::{Access, move_ledger};

use super::args::{CopyArgs, Global};
use super::context::{Context, Failure, NOWHERE};
use super::{output, site};

/// Where a ledger is, as it is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Named {
    Folder(PathBuf),
    UrlFile(PathBuf),
}

fn named(text: &str) -> Result<Named, Failure> {
    match text.split_once(':') {
        Some(("sqlite", dir)) if !dir.is_empty() => Ok(Named::Folder(PathBuf::from(dir))),
        Some(("url-file", path)) if !path.is_empty() => Ok(Named::UrlFile(PathBuf::from(path))),
        // Not repeated: it may be a URL.
        _ => Err(Failure::usage(
            "a ledger is named sqlite:DIR (its folder) or url-file:PATH (a file that holds the URL of a server); nothing was done",
        )),
    }
}

pub(super) fn copy(global: &Global, args: &CopyArgs) -> Result<Exit, Failure> {
    let (from, to) = (named(&args.from)?, named(&args.to)?);
    if from == to {
        return Err(Failure::usage("--from and --to are one place; nothing was done"));
    }
    let here = match (&from, &to) {
        (Named::Folder(dir), _) | (_, Named::Folder(dir)) => dir.clone(),
        _ => PathBuf::from(NOWHERE),
    };
    let ctx = Context::of_folder(&here, global.json)?;
    let open = |named: &Named| -> Result<Site, Failure> {
        match named {
            Named::Folder(dir) => Ok(Site::File(absolute(dir))),
            Named::UrlFile(path) => site::to_copy(&ctx.settings, path)
                .map_err(|why| Failure::usage(format!("{why}; nothing was done"))),
        }
    };
    let (old, new) = (open(&from)?, open(&to)?);
    // A folder is held as by who pays: nobody else writes meanwhile. One that is missing is not made by being read.
    drop(old.open(Access::Read)?);
    let source = old.open(if old.is_served() { Access::Note } else { Access::Pay })?;
    let target = new.open(if new.is_served() { Access::Note } else { Access::Pay })?;
    let moved = move_ledger(&source, &target)?;
    if global.json {
        output::json(&json!({
            "schema": 1, "ok": true, "from": old.label(), "to": new.label(), "payments": moved.payments, "rows": moved.rows,
        }));
    } else {
        output::line(&format!(
            "{} payments and {} other rows are in {}; what is there was read back and is the same",
            moved.payments,
            moved.rows - moved.payments.min(moved.rows),
            new.label().display()
        ));
        output::line(&format!("{} is marked as moved: nothing uses it any more", old.label().display()));
    }
    Ok(Exit::Done)
}

fn absolute(dir: &Path) -> PathBuf {
    std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned())
}
