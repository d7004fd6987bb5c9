//! Whom a file belongs to that renewd makes. Root may run a command before, or beside, the daemon's own user: what it leaves in
//! the daemon's folder must be the daemon's.
use std::fs::File;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::Path;

/// Gives a file that was just made in `folder` to the folder's owner. Who may not give files away keeps them.
pub fn like_folder(file: &File, folder: &Path) {
    let (Ok(file_meta), Ok(dir)) = (file.metadata(), folder.metadata()) else { return };
    if file_meta.uid() != dir.uid() {
        let _ = fchown(file, Some(dir.uid()), Some(dir.gid()));
    }
}
