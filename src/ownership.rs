//! Whom files belong to. Of those that renewd makes: root may run a command before, or beside, the daemon's own user, and what it
//! leaves in the daemon's folder must be the daemon's. Of those that renewd runs: nobody else may be able to change them.
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Component, Path, PathBuf};

/// Gives a file that was just made in `folder` to the folder's owner. Who may not give files away keeps them.
pub fn like_folder(file: &File, folder: &Path) {
    let (Ok(file_meta), Ok(dir)) = (file.metadata(), folder.metadata()) else { return };
    if file_meta.uid() != dir.uid() {
        let _ = fchown(file, Some(dir.uid()), Some(dir.gid()));
    }
}

/// Links within links; the kernel's own limit.
const MOST_LINKS: usize = 40;
/// Group and others may write.
const OPEN: u32 = 0o022;
/// Whoever may write into such a folder may still not replace what is another's in it.
const STICKY: u32 = 0o1000;

/// Whether nobody but root and the user of this process can change what stands at an absolute path: the file, every folder above
/// it, and the same for each link on the way. A folder such as `/tmp`, in which everybody may make files and nobody may touch
/// another's, is taken as closed.
///
/// # Errors
/// What is open, and the command that closes it.
pub fn trusted(path: &Path) -> Result<(), String> {
    let us = rustix::process::geteuid().as_raw();
    let told = |at: &Path, e: std::io::Error| format!("{}: {e}", at.display());
    let mut parts: VecDeque<OsString> = components(path);
    let (mut at, mut links) = (PathBuf::from("/"), 0);
    closed(&at, &at.symlink_metadata().map_err(|e| told(&at, e))?, us)?;
    while let Some(part) = parts.pop_front() {
        if part == ".." {
            at.pop();
            continue;
        }
        at.push(part);
        let meta = at.symlink_metadata().map_err(|e| told(&at, e))?;
        closed(&at, &meta, us)?;
        if meta.is_symlink() {
            links += 1;
            if links > MOST_LINKS {
                return Err(format!("{}: too many links", path.display()));
            }
            let target = std::fs::read_link(&at).map_err(|e| told(&at, e))?;
            at.pop();
            if target.is_absolute() {
                at = PathBuf::from("/");
            }
            components(&target).into_iter().rev().for_each(|part| parts.push_front(part));
        }
    }
    Ok(())
}

fn components(path: &Path) -> VecDeque<OsString> {
    let part = |c: Component<'_>| match c {
        Component::Normal(part) => Some(part.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    };
    path.components().filter_map(part).collect()
}

fn closed(at: &Path, meta: &std::fs::Metadata, us: u32) -> Result<(), String> {
    let (shown, owner) = (at.display(), meta.uid());
    if owner != 0 && owner != us {
        return Err(format!(
            "{shown} belongs to the user with the number {owner}, who could change it: run `chown root {shown}`"
        ));
    }
    let sticky = meta.is_dir() && meta.mode() & STICKY != 0;
    // A link has no mode of its own: whoever may write the folder may replace it, and that is asked of the folder.
    if !meta.is_symlink() && !sticky && meta.mode() & OPEN != 0 {
        return Err(format!("others may change {shown}: run `chmod go-w {shown}`"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_file_is_trusted_only_where_nobody_else_can_change_it_or_put_another_in_its_place() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("providers");
        fs::create_dir(&dir).unwrap();
        mode(&dir, 0o755);
        let file = dir.join("p");
        fs::write(&file, "#!/bin/sh\n").unwrap();
        mode(&file, 0o755);
        assert_eq!(trusted(&file), Ok(()));
        let link = home.path().join("link");
        symlink(&file, &link).unwrap();
        assert_eq!(trusted(&link), Ok(()));
        for (open, at) in [(0o775, &file), (0o757, &file), (0o775, &dir), (0o777, &dir)] {
            let before = fs::metadata(at).unwrap().mode();
            mode(at, open);
            for path in [&file, &link] {
                let said = trusted(path).unwrap_err();
                assert!(said.contains(&at.display().to_string()) && said.contains("chmod"), "{said}");
            }
            mode(at, before);
        }
        mode(&dir, 0o1777);
        assert_eq!(trusted(&file), Ok(()), "as in /tmp");
        assert!(trusted(&dir.join("gone")).is_err());
    }

    #[test]
    fn a_strangers_file_and_a_link_in_an_open_folder_are_not_trusted() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let home = tempfile::tempdir().unwrap();
        let (file, open) = (home.path().join("p"), home.path().join("open"));
        fs::write(&file, "").unwrap();
        mode(&file, 0o755);
        fs::create_dir(&open).unwrap();
        mode(&open, 0o777);
        symlink(&file, open.join("link")).unwrap();
        assert!(trusted(&open.join("link")).is_err(), "whoever writes the folder could replace the link");
        assert_eq!(trusted(&file), Ok(()));
        std::os::unix::fs::chown(&file, Some(12_345), None).unwrap();
        assert!(trusted(&file).unwrap_err().contains("12345"));
    }
}
