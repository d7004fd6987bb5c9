//! A real SMTP server beside the tests, and the mails that it took.
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use super::Bench;

pub struct Sink {
    child: Child,
    pub folder: std::path::PathBuf,
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Sink {
    pub fn start(bench: &Bench, port: u16, tls: &[&str]) -> Self {
        let folder = bench.path("mails");
        fs::create_dir_all(&folder).unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/smtp_sink.py");
        let mut child = Command::new("/usr/bin/python3")
            .arg(script)
            .arg(port.to_string())
            .arg(&folder)
            .args(tls)
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is needed: apt-get install python3-aiosmtpd");
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), "ready", "the SMTP server did not start: apt-get install python3-aiosmtpd");
        Self { child, folder }
    }

    pub fn mails(&self) -> Vec<String> {
        let mut files: Vec<_> = fs::read_dir(&self.folder).unwrap().flatten().map(|e| e.path()).collect();
        files.retain(|p| p.extension().is_some_and(|e| e == "eml"));
        files.sort();
        files.iter().map(|p| fs::read_to_string(p).unwrap()).collect()
    }
}
