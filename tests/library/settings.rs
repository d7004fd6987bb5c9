//! The config as operators meet it: files in, settings or problems out.
mod channels;
mod example;
mod golden;
mod layers;
mod schema;
mod secrets;
mod together;
mod values;

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use renewd::settings::{Problem, Settings, Sources, load};

/// A folder with config files and a key.
pub(crate) struct Desk {
    dir: tempfile::TempDir,
    pub(crate) sources: Sources,
}

/// The least that is a config.
pub(crate) const LEAST: &str = r#"
[[account]]
name = "yp"
provider = "youproxy"
api_key = { file = "yp.key" }
[[policy]]
name = "all"
action = "renew"
"#;

impl Desk {
    pub(crate) fn new() -> Self {
        let desk = Self { dir: tempfile::tempdir().unwrap(), sources: Sources::default() };
        desk.secret("yp.key", "key-of-yp-1234\n", 0o600);
        desk
    }

    /// A desk with one config file.
    pub(crate) fn with(config: &str) -> Self {
        let mut desk = Self::new();
        desk.config("renewd.toml", config);
        desk
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn config(&mut self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        self.sources.files.push(path.clone());
        path
    }

    pub(crate) fn secret(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    pub(crate) fn env(&mut self, name: &str, text: &str) -> &mut Self {
        self.sources.environment.push((name.to_owned(), text.to_owned()));
        self
    }

    pub(crate) fn settings(&self) -> Settings {
        load(&self.sources).unwrap_or_else(|problems| panic!("{}", self.shown(&problems)))
    }

    pub(crate) fn problems(&self) -> Vec<Problem> {
        load(&self.sources).expect_err("this config should be wrong")
    }

    /// `file:line: key: message`, without the folder's random name.
    pub(crate) fn shown(&self, problems: &[Problem]) -> String {
        let line = |p: &Problem| {
            let line = p.line.map_or("-".to_owned(), |line| line.to_string());
            format!("{}:{line}: {}: {}", p.file, p.key, p.message)
        };
        let text = problems.iter().map(line).collect::<Vec<_>>().join("\n");
        text.replace(&format!("{}/", self.path().display()), "")
    }

    pub(crate) fn told(&self) -> String {
        self.shown(&self.problems())
    }
}

/// The problems of one config text.
pub(crate) fn told(config: &str) -> String {
    Desk::with(config).told()
}
