//! Compiles `shim.c`, once in a test program: with it in a process, clocks can be moved and calls written down or died at.
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The boot clock is read past libc; the shim knows how to move it on this machine.
pub const MOVES_CLOCKS: bool = cfg!(all(target_os = "linux", target_arch = "x86_64"));

/// The compiled shim.
pub fn library() -> &'static Path {
    static LIBRARY: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    &LIBRARY
        .get_or_init(|| {
            let dir = tempfile::tempdir().unwrap();
            let file = dir.path().join("shim.so");
            let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/shim.c");
            let mut cc = Command::new("cc");
            cc.args(["-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"]).arg(&file).arg(source);
            let out = cc.output().expect("a C compiler is needed: apt-get install build-essential");
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
            (dir, file)
        })
        .1
}
