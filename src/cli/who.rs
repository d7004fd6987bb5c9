//! Who types this command, for records that say who said something. A word for people and no proof: whoever may run renewd as the
//! ledger's user may say anything.
use uzers::{get_current_uid, get_user_by_name, get_user_by_uid};

/// The user behind `sudo`, where there is one that this machine knows, else the user of the process.
pub(super) fn invoking() -> String {
    let behind = std::env::var("SUDO_USER").ok().filter(|name| is_known(name));
    behind.unwrap_or_else(|| {
        let uid = get_current_uid();
        let name = get_user_by_uid(uid).and_then(|user| user.name().to_str().map(str::to_owned));
        name.filter(|name| is_plain(name)).unwrap_or_else(|| format!("uid {uid}"))
    })
}

/// What `sudo` sets is a variable like any other: only the name of a user is taken from it.
fn is_known(name: &str) -> bool {
    is_plain(name) && get_user_by_name(name).is_some()
}

/// Names with spaces and the like exist in directories; none is as long as a line, or controls a terminal.
fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= 64 && !name.chars().any(char::is_control)
}
