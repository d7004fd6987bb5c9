//! No file needs a file that needs it: a circle cannot be read, moved or tested in parts. Tests are left out. What a module only hands
//! on (`pub use`) is needed where it is made, and that a module calls its own parts (`a/mod.rs` what lies in `a/`) is no arrow.
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Finding;
use super::paths::{Source, module_of};

/// Which file needs which, by names and by paths.
pub struct House<'a> {
    files: BTreeMap<Vec<String>, &'a Source>,
}

impl<'a> House<'a> {
    /// All files of the workspace.
    pub fn new(sources: &'a [Source]) -> Self {
        let rooms = sources.iter().filter(|s| !s.is_test);
        let files = rooms.map(|s| (module_of(&s.name), s)).filter(|(module, _)| module.len() > 1);
        Self { files: files.collect() }
    }

    /// The file that makes what `path` names, as it is written in `from`.
    fn maker(&self, from: &[String], path: &[String], hops: usize) -> Option<&'a Source> {
        let path = self.whole(from, path)?;
        let length = (2..=path.len()).rev().find(|n| self.files.contains_key(&path[..*n]))?;
        let (module, rest) = path.split_at(length);
        let file = self.files[module];
        let handed = rest.first().and_then(|name| file.handed_on.iter().find(|(n, _)| n == name));
        match handed {
            Some((_, behind)) if hops > 0 => {
                let behind: Vec<String> = behind.iter().chain(&rest[1..]).cloned().collect();
                self.maker(module, &behind, hops - 1).or(Some(file))
            }
            _ => Some(file),
        }
    }

    /// `crate::…` as it is; `child::…` from its parent on; anything else is none of ours.
    fn whole(&self, from: &[String], path: &[String]) -> Option<Vec<String>> {
        if path.first().is_some_and(|first| first == "crate") {
            return Some(path.to_vec());
        }
        let whole: Vec<String> = from.iter().chain(path).cloned().collect();
        (path.len() > 1 && self.files.contains_key(&whole[..=from.len()])).then_some(whole)
    }

    fn needs(&self, module: &[String], source: &Source) -> BTreeSet<&'a str> {
        let handed: BTreeSet<&Vec<String>> = source.handed_on.iter().map(|(_, path)| path).collect();
        let named = source.named.iter().filter(|n| !handed.contains(&n.path));
        let makers = named.filter_map(|n| self.maker(module, &n.path, 4));
        // A module and its parts are one: that it calls them is no arrow of its own.
        let part = |s: &&Source| module_of(&s.name).starts_with(module);
        makers.filter(|s| !part(s)).map(|s| s.name.as_str()).collect()
    }

    /// One finding for each shortest circle, at its first file.
    pub fn circles(&self) -> Vec<Finding> {
        let needs: BTreeMap<&str, BTreeSet<&str>> =
            self.files.iter().map(|(module, s)| (s.name.as_str(), self.needs(module, s))).collect();
        let rounds = needs.keys().filter_map(|start| round(&needs, start));
        let first = |circle: &Vec<&str>| circle.iter().min() == circle.first();
        let mut seen = BTreeSet::new();
        rounds
            .filter(first)
            .filter(|circle| seen.insert(circle.iter().copied().collect::<BTreeSet<_>>()))
            .map(|circle| Finding {
                file: circle[0].to_owned(),
                line: 0,
                what: format!("a circle of files: {} → {}", circle.join(" → "), circle[0]),
            })
            .collect()
    }

    /// Methods of a type are written in its folder or below it: elsewhere a function takes it as an argument.
    pub fn far_impls(&self) -> Vec<Finding> {
        let folder =
            |name: &str| name.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        let judge = |(module, source): (&Vec<String>, &&'a Source)| {
            let far = |(line, name): &(usize, String)| {
                let named = source.named.iter().find(|n| n.path.len() > 1 && n.path.last() == Some(name))?;
                let maker = self.maker(module, &named.path, 4)?;
                let what = format!("`impl {name}` outside the folder of {}: write a function", maker.name);
                let home = source.name.starts_with(&folder(&maker.name));
                (!home).then(|| Finding { file: source.name.clone(), line: *line, what })
            };
            source
                .impls
                .iter()
                .filter(|(_, name)| !source.types.contains(name))
                .filter_map(far)
                .collect::<Vec<_>>()
        };
        self.files.iter().flat_map(judge).collect()
    }
}

/// The shortest way from a file back to itself.
fn round<'a>(needs: &BTreeMap<&'a str, BTreeSet<&'a str>>, start: &&'a str) -> Option<Vec<&'a str>> {
    let mut came: BTreeMap<&str, &str> = BTreeMap::new();
    let mut open = VecDeque::from([*start]);
    while let Some(at) = open.pop_front() {
        for next in needs.get(at).into_iter().flatten().copied() {
            if next == *start {
                let mut way = vec![at];
                while let Some(before) = came.get(way[way.len() - 1]) {
                    way.push(before);
                }
                way.reverse();
                return Some(way);
            }
            if next != at && !came.contains_key(next) {
                came.insert(next, at);
                open.push_back(next);
            }
        }
    }
    None
}

#[test]
fn a_circle_is_found_however_it_is_tied_and_a_face_ties_none() {
    let read = |files: &[(&str, &str)]| -> Vec<Source> {
        files.iter().map(|(name, text)| Source::read(name, text)).collect()
    };
    let circles = |files: &[(&str, &str)]| House::new(&read(files)).circles().len();
    for (way, back) in [
        ("use crate::engine::two::B;", "use crate::engine::one::A;"),
        ("use super::two::B;", "fn f() -> super::one::A { g() }"),
        ("use crate::engine::{two, x};", "use super::super::engine::one::{A, C};"),
    ] {
        let files = [("src/engine/one.rs", way), ("src/engine/two.rs", back)];
        assert_eq!(circles(&files), 1, "{way} {back}");
        assert_eq!(circles(&files[..1]), 0);
    }
    let mut face = vec![
        ("src/engine/mod.rs", "mod one; mod two; pub use one::A; pub(crate) use two::{B as C};"),
        ("src/engine/one.rs", "use super::C;"),
        ("src/engine/two.rs", "use crate::domain::Money; #[cfg(test)] mod tests { use super::super::A; }"),
    ];
    assert_eq!(circles(&face), 0, "a face only hands on");
    face[2].1 = "use super::A;";
    assert_eq!(circles(&face), 1, "what is handed on is needed where it is made");
    face[2].1 = "";
    face[0].1 = "mod one; pub struct C; fn f() { one::g() }";
    assert_eq!(circles(&face), 0, "a module and its part");
    face.push(("src/cli/a.rs", "use crate::engine::one::A;"));
    face[1].1 = "use crate::cli::a::X;";
    assert_eq!(circles(&face), 1, "a part and somebody else");
    let crates = [
        ("crates/core/src/domain/a.rs", "use crate::domain::b::B;"),
        ("crates/core/src/domain/b.rs", "use super::a::A;"),
        ("crates/simulator/src/a.rs", "use renewd_core::domain::a::A; use crate::b::B;"),
        ("crates/simulator/src/b.rs", "use crate::a::A;"),
    ];
    assert_eq!(circles(&crates), 2);
}

#[test]
fn methods_far_from_their_type_are_found() {
    let far = |file: &str, text: &str| {
        let ports = "pub struct Viewer<'a>(&'a u8); impl<'a> Viewer<'a> { fn f(&self) {} }";
        House::new(&[Source::read("src/engine/ports.rs", ports), Source::read(file, text)]).far_impls().len()
    };
    let text = "use crate::engine::ports::Viewer; impl Viewer<'_> { fn g(&self) {} }";
    assert_eq!(far("src/daemon/run.rs", text), 1);
    assert_eq!(far("src/engine/pay/lane.rs", text), 0);
    let of_a_trait = "use crate::engine::ports::Viewer; trait T {} impl T for Viewer<'_> {}";
    assert_eq!(far("src/daemon/run.rs", of_a_trait), 0);
    assert_eq!(far("src/daemon/run.rs", "use crate::engine::ports::Viewer; fn f() -> impl Fn() { g }"), 0);
}
