//! Where a first config and its secrets go: new files only, the secrets readable by the daemon's user alone. Not responsible for
//! what is in them.
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use crate::cli::context::Failure;
use crate::cli::init::answers::{Answers, Secret};
use crate::settings::{self, Problem};

/// Where the daemon's own config is.
const HOME: &str = "/etc/renewd";
/// Who runs the daemon.
const USER: &str = "renewd";

/// The files to be made.
pub(super) struct Place {
    pub(super) config: PathBuf,
    pub(super) key: PathBuf,
    pub(super) password: PathBuf,
    /// A config elsewhere than the daemon's is one to try: ledger and locks are beside it.
    pub(super) beside: Option<PathBuf>,
    /// The config in force holds more than this file.
    pub(super) joins: bool,
}

impl Place {
    /// Refuses what is there already.
    pub(super) fn of(output: Option<&Path>, name: &str) -> Result<Self, Failure> {
        let main = Path::new(HOME).join("renewd.toml");
        let (config, joins) = match output {
            Some(path) => (std::path::absolute(path).unwrap_or_else(|_| path.to_owned()), false),
            None if !main.exists() => (main, false),
            None => {
                let text = fs::read_to_string(&main).map_err(|e| {
                    Failure::usage(format!(
                        "{}: {e}; nothing was written. Use sudo, or name a file of your own with --output FILE",
                        main.display()
                    ))
                })?;
                if !settings::says_nothing(&text) {
                    return Err(Failure::usage(format!(
                        "{} is there already and in use, and nothing is overwritten. Name another file with --output FILE",
                        main.display()
                    )));
                }
                (Path::new(HOME).join("conf.d").join(format!("{name}.toml")), true)
            }
        };
        let folder = config.parent().unwrap_or(Path::new("/")).to_owned();
        let home = if joins { PathBuf::from(HOME) } else { folder.clone() };
        let place = Self {
            key: home.join(format!("{name}.key")),
            password: home.join("smtp-password"),
            beside: (!config.starts_with(HOME)).then(|| folder.clone()),
            joins,
            config,
        };
        place.free(&place.config)?;
        if !folder.is_dir() {
            return Err(Failure::usage(format!(
                "{}: there is no such folder; nothing was written. Make it, or name another file with --output FILE",
                folder.display()
            )));
        }
        Ok(place)
    }

    /// Nothing stands at that path.
    pub(super) fn free(&self, path: &Path) -> Result<(), Failure> {
        match fs::symlink_metadata(path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(e) => Err(Failure::usage(format!("{}: {e}; nothing was written", path.display()))),
            Ok(_) => Err(Failure::usage(format!(
                "{} is there already, and nothing is overwritten. Move it away, or name another file",
                path.display()
            ))),
        }
    }

    /// Where the key is, or will be.
    pub(super) fn key_path(&self, answers: &Answers) -> Option<String> {
        match answers.key.as_ref()? {
            Secret::Kept(path) => Some(path.display().to_string()),
            Secret::Typed(_) => Some(self.key.display().to_string()),
        }
    }

    /// Secrets first: a config that names a file is never without it.
    pub(super) fn write(&self, text: &str, answers: &Answers) -> Result<(), Failure> {
        let mut made = Vec::new();
        let written = self.write_all(text, answers, &mut made);
        if written.is_err() {
            // What is half there helps nobody, and would stand in the way of the next try.
            made.iter().for_each(|path: &PathBuf| drop(fs::remove_file(path)));
        }
        written
    }

    fn write_all(&self, text: &str, answers: &Answers, made: &mut Vec<PathBuf>) -> Result<(), Failure> {
        let login = answers.mail.as_ref().and_then(|mail| mail.login.as_ref()).map(|(_, secret)| secret);
        for (secret, path) in [(answers.key.as_ref(), &self.key), (login, &self.password)] {
            if let Some(Secret::Typed(secret)) = secret {
                self.make(path, 0o600, &line(secret), made)?;
            }
        }
        self.make(&self.config, 0o640, text, made)
    }

    fn make(&self, path: &Path, mode: u32, text: &str, made: &mut Vec<PathBuf>) -> Result<(), Failure> {
        let told = |e: std::io::Error| Failure::failed(format!("{} cannot be written: {e}", path.display()));
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
        let mut file = file.map_err(told)?;
        made.push(path.to_owned());
        self.hand_over(&file, mode);
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(told)
    }

    /// root makes files for the daemon's user: a secret is that user's, the config root's and readable to that user's group.
    fn hand_over(&self, file: &File, mode: u32) {
        if self.beside.is_some() || !rustix::process::geteuid().is_root() {
            return;
        }
        if let Some(user) = uzers::get_user_by_name(USER) {
            let owner = if mode == 0o600 { user.uid() } else { 0 };
            let _ = fchown(file, Some(owner), Some(user.primary_group_id()));
        }
    }

    /// The commands to type next.
    pub(super) fn next(&self) -> [(String, &'static str); 3] {
        let (check, plan, start) = (
            "can each lease be renewed as configured, and does the mail server answer?",
            "what would be paid, for how much, and why; never pays",
            "start: from here on it pays what is due",
        );
        if self.beside.is_none() {
            return [
                (format!("sudo -u {USER} renewd check --live"), check),
                (format!("sudo -u {USER} renewd plan"), plan),
                ("sudo systemctl enable --now renewd".to_owned(), start),
            ];
        }
        let program = std::env::args().next().unwrap_or_else(|| "renewd".to_owned());
        let with = format!("{} --config {}", quoted(&program), quoted(&self.config.display().to_string()));
        [
            (format!("{with} check --live"), check),
            (format!("{with} plan"), plan),
            (format!("{with} run"), start),
        ]
    }
}

fn line(secret: &SecretString) -> String {
    format!("{}\n", secret.expose_secret())
}

/// As a shell takes it for one word.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%".contains(c);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// A config that is only looked at, in a folder that goes with this value.
pub(super) struct Draft {
    pub(super) path: PathBuf,
    folder: tempfile::TempDir,
}

impl Draft {
    pub(super) fn of(text: &str) -> Result<Self, Failure> {
        let told = |e: std::io::Error| Failure::failed(format!("a temporary file cannot be made: {e}"));
        let folder = tempfile::Builder::new().prefix("renewd-init-").tempdir().map_err(told)?;
        let path = folder.path().join("renewd.toml");
        fs::write(&path, text).map_err(told)?;
        Ok(Self { path, folder })
    }

    /// Where a look keeps what it has to keep.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A problem of the draft, told as one of the file that it becomes.
    pub(super) fn as_of(&self, problem: Problem, config: &Path) -> Problem {
        if Path::new(&problem.file) != self.path {
            return problem;
        }
        Problem { file: config.display().to_string(), ..problem }
    }
}
