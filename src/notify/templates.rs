//! The templates of mails: built in, and a user's own in their place. Text is never escaped, HTML always is.
//!
//! A user's template that cannot be read, compiled or filled is told (`problems`, by `renewd check`) and logged, and the built-in
//! one is used.
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value};

use crate::settings::Problem;

/// Every template there is, by file name.
pub const BUILT_IN: &[(&str, &str)] = &[
    ("layout.html.j2", include_str!("templates/layout.html.j2")),
    ("subject.txt.j2", include_str!("templates/subject.txt.j2")),
    ("alert.txt.j2", include_str!("templates/alert.txt.j2")),
    ("alert.html.j2", include_str!("templates/alert.html.j2")),
    ("digest.txt.j2", include_str!("templates/digest.txt.j2")),
    ("digest.html.j2", include_str!("templates/digest.html.j2")),
    ("summary.txt.j2", include_str!("templates/summary.txt.j2")),
    ("summary.html.j2", include_str!("templates/summary.html.j2")),
];

/// Far more than any mail takes; a loop without end stops here.
const FUEL: u64 = 20_000_000;

/// The user's own templates, if there are any; the built-in ones stand behind them.
pub(super) struct Templates {
    own: Option<Environment<'static>>,
}

static BUILT: LazyLock<Environment<'static>> = LazyLock::new(built_in);

impl Templates {
    /// Reads the user's folder, if there is one.
    pub(super) fn load(folder: Option<&Path>) -> Self {
        let own = folder.map(|folder| {
            let (environment, problems) = read(folder);
            for problem in problems {
                tracing::error!(
                    template = problem.file,
                    "{}; the built-in one is used instead",
                    problem.message
                );
            }
            environment
        });
        Self { own }
    }

    /// Fills a template. No line ends with blanks: columns are padded, and some mail programs show or mangle what is left over.
    pub(super) fn show(&self, name: &str, values: &Value) -> String {
        let text = self.filled(name, values);
        text.split('\n').map(str::trim_end).collect::<Vec<_>>().join("\n")
    }

    fn filled(&self, name: &str, values: &Value) -> String {
        let fill = |environment: &Environment<'_>| environment.get_template(name)?.render(values);
        if let Some(own) = &self.own {
            match fill(own) {
                Ok(text) => return text,
                Err(e) => {
                    tracing::error!(
                        template = name,
                        "a template of [alerts.email] cannot be filled ({e}): the built-in one is used instead"
                    );
                }
            }
        }
        // The built-in ones are held by tests; should one fail all the same, the facts go out bare.
        fill(&BUILT).unwrap_or_else(|e| {
            let word = |key: &str| values.get_attr(key).map(|v| v.to_string()).unwrap_or_default();
            format!("{}\n\n{}\n\n({name}: {e})", word("title"), word("text"))
        })
    }
}

fn empty() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true);
    // Only delimiters could make it fail, and these are the usual ones.
    if let Ok(syntax) = syntax.build() {
        environment.set_syntax(syntax);
    }
    environment.set_fuel(Some(FUEL));
    environment.add_filter("counted", |n: usize, one: String| match n {
        1 => format!("1 {one}"),
        n => format!("{n} {one}s"),
    });
    environment.add_filter("left", |text: String, width: usize| format!("{text:<width$}"));
    environment.add_filter("right", |text: String, width: usize| format!("{text:>width$}"));
    environment
}

fn built_in() -> Environment<'static> {
    let mut environment = empty();
    for (name, source) in BUILT_IN {
        // A test compiles and fills each of them.
        let _ = environment.add_template(name, source);
    }
    environment
}

/// The built-in templates with those of `folder` in their place; and what is wrong with the folder.
pub(super) fn read(folder: &Path) -> (Environment<'static>, Vec<Problem>) {
    let mut environment = built_in();
    let mut problems = Vec::new();
    let mut tell = |path: &Path, line: Option<usize>, message: String| {
        problems.push(Problem {
            file: path.display().to_string(),
            line,
            key: "alerts.email.templates".to_owned(),
            message,
        });
    };
    let files = match own_files(folder) {
        Ok(files) => files,
        Err(e) => {
            tell(folder, None, format!("cannot be read ({e}): make the folder, or leave the key out"));
            return (environment, problems);
        }
    };
    for path in files {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if !BUILT_IN.iter().any(|(known, _)| *known == name) {
            let known: Vec<&str> = BUILT_IN.iter().map(|(known, _)| *known).collect();
            tell(&path, None, format!("replaces no template: there are {}", known.join(", ")));
            continue;
        }
        let source = match std::fs::read_to_string(&path) {
            Ok(source) => source,
            Err(e) => {
                tell(&path, None, format!("cannot be read ({e}): let renewd read it, as UTF-8"));
                continue;
            }
        };
        if let Err(e) = environment.add_template_owned(name, source) {
            tell(&path, e.line(), format!("is not a template: {}", said(&e)));
        }
    }
    (environment, problems)
}

/// Every `*.j2` in name order.
fn own_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    let mut files: Vec<PathBuf> = entries.iter().map(std::fs::DirEntry::path).collect();
    files.retain(|path| path.extension().is_some_and(|e| e == "j2"));
    files.sort();
    Ok(files)
}

pub(super) fn said(e: &minijinja::Error) -> String {
    let detail = e.detail().map(|d| format!(": {d}")).unwrap_or_default();
    match e.kind() {
        ErrorKind::OutOfFuel => "it does not come to an end".to_owned(),
        ErrorKind::UndefinedError => {
            format!(
                "it asks for a value that is not there{detail}; /usr/share/doc/renewd/alerts.md lists them"
            )
        }
        kind => format!("{kind}{detail}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::{problems, samples};

    #[test]
    fn every_built_in_template_compiles_and_takes_every_sample() {
        let mut environment = empty();
        for (name, source) in BUILT_IN {
            environment.add_template(name, source).unwrap_or_else(|e| panic!("{name}: {e:#}"));
        }
        let mut filled = std::collections::BTreeSet::from(["layout.html.j2"]);
        for (name, values) in samples::all() {
            let text = environment.get_template(name).unwrap().render(&values);
            assert!(!text.unwrap_or_else(|e| panic!("{name}: {e:#}")).trim().is_empty(), "{name}");
            filled.insert(name);
        }
        assert_eq!(filled.len(), BUILT_IN.len(), "every template has a sample");
    }

    #[test]
    fn no_line_of_a_message_ends_with_blanks() {
        let built_in = Templates::load(None);
        for (name, values) in samples::all() {
            let text = built_in.show(name, &values);
            for line in text.split('\n') {
                assert_eq!(line, line.trim_end(), "{name}");
            }
        }
    }

    #[test]
    fn a_users_folder_is_told_whole() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [
            ("alert.txt.j2", "{{ titel }}"),
            ("alert.html.j2", "{% if %}"),
            ("digest.txt.j2", "{% for a in range(9000) %}{% for b in range(9000) %}{% endfor %}{% endfor %}"),
            ("alert.htm.j2", ""),
            ("subject.txt.j2", "fine: {{ title }}"),
            ("notes.md", "{{ not read }}"),
        ] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        let told: Vec<String> = problems(dir.path())
            .iter()
            .map(|p| format!("{}: {}", p.file.rsplit('/').next().unwrap(), p.message))
            .collect();
        assert_eq!(told.len(), 4, "{told:#?}");
        for (file, part) in [
            ("alert.txt.j2", "asks for a value that is not there"),
            ("alert.html.j2", "is not a template"),
            ("digest.txt.j2", "does not come to an end"),
            ("alert.htm.j2", "replaces no template"),
        ] {
            assert!(told.iter().any(|t| t.starts_with(file) && t.contains(part)), "{file}: {told:#?}");
        }
    }

    #[test]
    fn a_broken_layout_is_told_and_not_the_bodies_within_it() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("layout.html.j2"), "{{ nobody_knows }}").unwrap();
        let told = problems(dir.path());
        assert_eq!(told.len(), 1, "{told:#?}");
        assert!(told[0].file.ends_with("layout.html.j2") && told[0].line == Some(1));
    }

    #[test]
    fn a_folder_that_is_not_there_is_told() {
        let told = problems(Path::new("/nowhere/at/all"));
        assert!(told.len() == 1 && told[0].message.contains("make the folder"), "{told:#?}");
    }
}
