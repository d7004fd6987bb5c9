//! Everything wrong with the files that `[alerts.email]` names: each template is compiled and filled with made-up alerts, and each
//! certificate is read.
use std::path::Path;

use super::samples;
use super::smtp_trust::Trust;
use super::templates::{read, said};
use crate::settings::{Alerts, Problem};

/// Everything wrong with the templates and certificates of `[alerts.email]`, if it names some.
#[must_use]
pub fn own_problems(alerts: &Alerts) -> Vec<Problem> {
    let Some(email) = &alerts.email else { return Vec::new() };
    let mut found = email.templates.as_deref().map(problems).unwrap_or_default();
    let ca = email.ca.as_deref().map(|file| (file, Trust::read(file, &email.host)));
    if let Some((file, Err(message))) = ca {
        let (file, key) = (file.display().to_string(), "alerts.email.ca".to_owned());
        found.push(Problem { file, line: None, key, message });
    }
    found
}

/// Everything wrong with a user's templates: each is compiled, and filled with made-up alerts.
#[must_use]
pub fn problems(folder: &Path) -> Vec<Problem> {
    let (environment, mut problems) = read(folder);
    let replaced = |name: &str| folder.join(name).exists();
    for (name, values) in samples::all() {
        // One that extends a replaced layout fails through it.
        if !replaced(name) && !replaced("layout.html.j2") {
            continue;
        }
        let Ok(template) = environment.get_template(name) else { continue };
        let Err(e) = template.render(&values) else { continue };
        let guilty = e.name().filter(|n| replaced(n)).unwrap_or(name);
        let file = folder.join(guilty).display().to_string();
        let line = e.line().filter(|_| e.name() == Some(guilty));
        if !problems.iter().any(|p| p.file == file) {
            problems.push(Problem {
                file,
                line,
                key: "alerts.email.templates".to_owned(),
                message: format!("cannot be filled: {}", said(&e)),
            });
        }
    }
    problems
}
