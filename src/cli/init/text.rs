//! The text of a first config. Not responsible for the files that it goes into.
use std::path::Path;

use crate::cli::init::answers::{Answers, KEY_VARIABLE, Mail, PASSWORD_VARIABLE, Secret};
use crate::cli::init::found::{Found, Kindred};
use crate::cli::init::place::Place;
use crate::settings::{EXAMPLE, PROGRAM};

/// TOML's own quotes.
fn text(value: &str) -> String {
    toml::Value::String(value.to_owned()).to_string()
}

fn path(value: &Path) -> String {
    text(&value.display().to_string())
}

/// The config.
pub(super) fn config(answers: &Answers, place: &Place, found: &Found) -> String {
    // For editors: where the schema is, as the example has it.
    let hint = EXAMPLE.lines().next().unwrap_or_default();
    let mut all = format!(
        "{hint}\n# Made by `renewd init`. Check any change with `renewd check`; every other key is in renewd.toml(5) and in\n\
         # /usr/share/doc/renewd/renewd.example.toml. Secrets are in files of their own, never here.\n",
    );
    if let Some(folder) = &place.beside {
        let (state, run) = (path(&folder.join("state")), path(&folder.join("run")));
        all.push_str(&format!(
            "state_dir = {state}   # beside this file: a config to try\nruntime_dir = {run}\n"
        ));
    }
    all.push('\n');
    all.push_str(&account(answers, place));
    all.push_str(&policies(answers, found));
    all.push_str(&answers.mail.as_ref().map_or_else(no_mail, |mail| self::mail(mail, place)));
    all
}

/// A config for one look at the account: it keeps what it must in that folder, and decides nothing.
pub(super) fn look(answers: &Answers, place: &Place, folder: &Path) -> String {
    let (state, run) = (path(&folder.join("state")), path(&folder.join("run")));
    format!(
        "state_dir = {state}\nruntime_dir = {run}\n\n{}\n[[policy]]\nname = \"look\"\naction = \"ignore\"\n\n[http]\nlisten = \"\"\n",
        account(answers, place)
    )
}

fn secret(secret: &Secret, typed: &Path) -> String {
    let at = match secret {
        Secret::Kept(path) => path,
        Secret::Typed(_) => typed,
    };
    file(at)
}

/// A secret in that file.
pub(super) fn file(at: &Path) -> String {
    format!("{{ file = {} }}", path(at))
}

fn account(answers: &Answers, place: &Place) -> String {
    let mut all =
        format!("[[account]]\nname = {}\nprovider = {}\n", text(&answers.name), text(&answers.provider));
    if answers.provider == PROGRAM {
        let command: Vec<String> = answers.command.iter().map(|word| text(word)).collect();
        all.push_str(&format!("command = [{}]\n", command.join(", ")));
    }
    if let Some(url) = &answers.base_url {
        // A program finds it among its own settings.
        let key = if answers.provider == PROGRAM { "settings.base_url" } else { "base_url" };
        all.push_str(&format!("{key} = {}\n", text(url)));
    }
    if let Some(key) = &answers.key {
        all.push_str(&format!("api_key = {}\n", secret(key, &place.key)));
    }
    if answers.provider_renews {
        all.push_str("provider_renews = \"off\"   # you vouch for that: the provider's API does not tell\n");
    }
    if answers.unsaid {
        all.push_str(
            "#provider_renews = \"off\"  # nothing is paid until you vouch for this: the provider's API does not tell\n",
        );
    }
    all
}

/// One for each kind; where they cost the same or nothing is known, one for all.
fn policies(answers: &Answers, found: &Found) -> String {
    let head = "\n# Policies: top to bottom, the first match decides. A lease that none matches is watched: you are told before it lapses.\n";
    let name = |what: &str| format!("{}-{what}", answers.name);
    let alike = found.kinds.windows(2).all(|k| (k[0].days, k[0].price) == (k[1].days, k[1].price));
    let bodies: Vec<String> = match found.kinds.as_slice() {
        [] => vec![policy(answers, &name("all"), None, None, found.cycles)],
        [first, ..] if alike => vec![policy(answers, &name("all"), None, Some(first), found.cycles)],
        all => all
            .iter()
            .map(|kin| policy(answers, &name(&word(&kin.kind)), Some(&kin.kind), Some(kin), found.cycles))
            .collect(),
    };
    format!("{head}{}", bodies.join("\n"))
}

fn policy(answers: &Answers, name: &str, kind: Option<&str>, kin: Option<&Kindred>, cycles: bool) -> String {
    let days = kin.and_then(|k| k.days).unwrap_or(30);
    let kind = kind.map(|kind| format!(", kind = [{}]", text(kind))).unwrap_or_default();
    let mut all = format!(
        "[[policy]]\nname = {}\nmatch = {{ account = [{}]{kind} }}\naction = \"renew\"\n",
        text(name),
        text(&answers.name)
    );
    // Due three days before the end; of a short term that would be most of it.
    all.push_str(if days >= 7 { "before = \"3d\"\n" } else { "before = \"33%\"\n" });
    if !cycles {
        all.push_str(&format!("period = \"{days}d\"\n"));
    }
    match kin.and_then(|k| k.price.zip(k.cap())) {
        Some((price, cap)) => {
            all.push_str(&format!("max_price = \"{cap}\"   # for one lease and one period; the dearest costs {price} today\n"));
        }
        None => all.push_str(
            "approval = true      # no price was told: each payment waits for `renewd approve`. Set max_price instead once you know one\n",
        ),
    }
    all
}

/// As part of a name.
fn word(kind: &str) -> String {
    let plain = kind.to_ascii_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    plain.trim_matches('-').to_owned()
}

fn mail(mail: &Mail, place: &Place) -> String {
    let mut all = format!("\n[alerts.email]\nhost = {}\n", text(&mail.host));
    if let Some(port) = mail.port {
        all.push_str(&format!("port = {port}\n"));
    }
    all.push_str(&format!("tls = \"{}\"\n", mail.tls));
    if let Some((user, password)) = &mail.login {
        all.push_str(&format!(
            "username = {}\npassword = {}\n",
            text(user),
            secret(password, &place.password)
        ));
    }
    all.push_str(&format!("from = {}\nto = [{}]\n", text(&mail.from), text(&mail.to)));
    all
}

fn no_mail() -> String {
    "\n# No alerts will be sent yet. Say who gets them:\n#[alerts.email]\n#host = \"mail.example.org\"\n#from = \"renewd@example.org\"\n\
     #to = [\"ops@example.org\"]\n"
        .to_owned()
}

/// The same text, with typed secrets taken from there.
pub(super) fn with_typed(answers: &Answers, whole: &str, place: &Place) -> String {
    let from = |variable: &str| format!("{{ env = \"{variable}\" }}");
    let mut all = whole.to_owned();
    if matches!(answers.key, Some(Secret::Typed(_))) {
        all = all.replace(&file(&place.key), &from(KEY_VARIABLE));
    }
    if answers.mail.as_ref().is_some_and(|m| matches!(m.login, Some((_, Secret::Typed(_))))) {
        all = all.replace(&file(&place.password), &from(PASSWORD_VARIABLE));
    }
    all
}
