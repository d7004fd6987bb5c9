//! Who descends from a process, by what the kernel shows in `/proc`; and ending all of them.
//!
//! A process that was left by its parent goes to the nearest subreaper above it, so nothing that the supervisor started, however
//! often it forked and whatever session it made, leaves its family. Not responsible for reaping.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use rustix::process::{Pid, Signal};

/// A living process, as `/proc/PID/stat` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shown {
    pid: i32,
    parent: i32,
    group: i32,
    dead: bool,
}

/// A member of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Member {
    /// Its number.
    pub pid: i32,
    /// Its process group.
    pub group: i32,
}

/// The name stands in brackets and may hold anything, brackets too: what follows the last one is plain.
fn shown(stat: &str) -> Option<Shown> {
    let pid = stat.split_whitespace().next()?.parse().ok()?;
    let mut rest = stat.rsplit_once(')')?.1.split_whitespace();
    let state = rest.next()?;
    let (parent, group) = (rest.next()?.parse().ok()?, rest.next()?.parse().ok()?);
    Some(Shown { pid, parent, group, dead: matches!(state, "Z" | "X" | "x") })
}

/// Everything alive that descends from `ancestor`, itself not included.
pub fn of(ancestor: i32) -> Vec<Member> {
    let mut children: BTreeMap<i32, Vec<Shown>> = BTreeMap::new();
    let mut known = BTreeSet::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let name = entry.file_name();
        if !name.to_string_lossy().bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        // One that ended meanwhile cannot be read.
        let Ok(stat) = fs::read(entry.path().join("stat")) else { continue };
        if let Some(one) = shown(&String::from_utf8_lossy(&stat)) {
            known.insert(one.pid);
            children.entry(one.parent).or_default().push(one);
        }
    }
    let (mut found, mut open) = (Vec::new(), vec![ancestor]);
    while let Some(parent) = open.pop() {
        for one in children.remove(&parent).unwrap_or_default() {
            open.push(one.pid);
            if !one.dead {
                found.push(Member { pid: one.pid, group: one.group });
            }
        }
    }
    // Where a process may hide itself from its own user, its parent is told of it all the same. Its children come to light when it
    // is gone, since they become the ancestor's own.
    let hidden = direct_children(ancestor).into_iter().filter(|pid| !known.contains(pid));
    found.extend(hidden.map(|pid| Member { pid, group: pid }));
    found
}

/// As the kernel lists them to whoever may look at the parent.
fn direct_children(parent: i32) -> Vec<i32> {
    let threads = fs::read_dir(format!("/proc/{parent}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists
        .flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
        .collect()
}

/// Ends every member of a family. Groups are ended as a whole, since no fork can run away from that; a group is only touched where
/// its leader was seen to be of the family.
#[derive(Debug, Default)]
pub struct Hunt {
    seen: BTreeSet<i32>,
}

impl Hunt {
    /// One round. Gives who was alive when it began.
    pub fn round(&mut self, ancestor: i32) -> Vec<Member> {
        let alive = of(ancestor);
        self.seen.extend(alive.iter().map(|m| m.pid));
        for member in &alive {
            if self.seen.contains(&member.group)
                && let Some(group) = Pid::from_raw(member.group)
            {
                let _ = rustix::process::kill_process_group(group, Signal::KILL);
            }
            if let Some(pid) = Pid::from_raw(member.pid) {
                let _ = rustix::process::kill_process(pid, Signal::KILL);
            }
        }
        alive
    }

    /// How many were ever seen.
    pub fn seen(&self) -> usize {
        self.seen.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_blanks_hides_nobody() {
        let told = shown("42 (a) S 1 (b) R 7 40 40 0 -1 4194304").unwrap();
        assert_eq!(told, Shown { pid: 42, parent: 7, group: 40, dead: false });
        assert!(shown("43 (x) Z 7 43 43 0").unwrap().dead);
        assert_eq!(shown("nonsense"), None);
    }

    #[test]
    fn a_child_is_of_the_family_until_it_ends() {
        let me = i32::try_from(std::process::id()).unwrap();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        assert!(of(me).iter().any(|m| m.pid == pid));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(of(me).iter().all(|m| m.pid != pid));
    }
}
