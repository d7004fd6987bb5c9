//! Reads a file's tokens and lists every path that its code names, with `use` groups and `super` resolved.
//!
//! Code under `#[cfg(test)]` is left out: tests may use what they like. Not responsible for judging.
use proc_macro2::{Delimiter, Group, Ident, Spacing, TokenStream, TokenTree};

/// A path as named in code: `crate::ledger::SpendPermit` is `["crate", "ledger", "SpendPermit"]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// 1-based.
    pub line: usize,
    /// Its segments; paths within renewd begin with `crate`.
    pub path: Vec<String>,
}

/// What the rules need to know of a file.
#[derive(Debug, Default)]
pub struct Source {
    /// Relative to the workspace, such as `src/ledger/mod.rs` or `crates/core/src/policy/rule.rs`.
    pub name: String,
    /// Its place as if all crates were one, such as `policy/rule.rs`.
    pub place: String,
    /// Every path and every lone identifier.
    pub named: Vec<Named>,
    /// Names that `pub use` hands on, with the path that stands behind each.
    pub handed_on: Vec<(String, Vec<String>)>,
    /// Types that get methods of their own here (`impl Type { … }`), with the line.
    pub impls: Vec<(usize, String)>,
    /// Types that are made here.
    pub types: Vec<String>,
    /// Every literal as written, with its line; comments for the documentation are none.
    pub literals: Vec<(usize, String)>,
    /// Lines without `#[cfg(test)]` code.
    pub code_lines: usize,
    /// The first line.
    pub opening: String,
    /// The whole file is compiled for tests only.
    pub is_test: bool,
}

impl Source {
    /// Reads a file's text.
    pub fn read(name: &str, text: &str) -> Self {
        let stem = name.rsplit('/').next().unwrap_or(name).trim_end_matches(".rs");
        let own = if name.starts_with("crates/simulator/") { "simulator" } else { "" };
        let mut reader = Reader {
            module: module_of(name),
            own,
            named: Vec::new(),
            handed_on: Vec::new(),
            handing: false,
            impls: Vec::new(),
            types: Vec::new(),
            literals: Vec::new(),
            test_lines: 0,
        };
        match text.parse::<TokenStream>() {
            Ok(tokens) => reader.walk(&tokens.into_iter().collect::<Vec<_>>()),
            Err(e) => panic!("{name} is not a Rust: {e}"),
        }
        Self {
            name: name.to_owned(),
            place: place(name),
            named: reader.named,
            handed_on: reader.handed_on,
            impls: reader.impls,
            types: reader.types,
            literals: reader.literals,
            code_lines: text.lines().count().saturating_sub(reader.test_lines),
            opening: text.lines().next().unwrap_or_default().to_owned(),
            is_test: stem == "tests" || stem.ends_with("_tests") || name.contains("/tests/"),
        }
    }
}

/// Where a crate of the workspace lies, and under which module its own `crate` is known here: the core's modules are the program's own,
/// as `src/lib.rs` hands them on; the simulated providers are one module.
const CRATES: &[(&str, &str)] =
    &[("crates/core/src/", ""), ("crates/simulator/src/", "simulator"), ("src/", "")];

/// A file's place as if all crates were one: `crates/core/src/policy/rule.rs` → `policy/rule.rs`, `crates/simulator/src/site.rs` →
/// `simulator/site.rs`.
pub fn place(name: &str) -> String {
    let found = CRATES.iter().find_map(|(folder, module)| Some((name.strip_prefix(folder)?, *module)));
    match found {
        Some((inner, "")) => inner.to_owned(),
        Some((inner, module)) => format!("{module}/{inner}"),
        None => name.to_owned(),
    }
}

/// `src/ledger/sqlite/mod.rs` → `crate::ledger::sqlite`.
pub fn module_of(name: &str) -> Vec<String> {
    let inner = place(name);
    let mut module = vec!["crate".to_owned()];
    module.extend(inner.trim_end_matches(".rs").split('/').map(str::to_owned));
    if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        module.pop();
    }
    module
}

struct Reader {
    module: Vec<String>,
    /// The module as which the file's own crate is known; empty where its `crate` is `crate`.
    own: &'static str,
    named: Vec<Named>,
    handed_on: Vec<(String, Vec<String>)>,
    /// A `pub use` is being read.
    handing: bool,
    impls: Vec<(usize, String)>,
    types: Vec<String>,
    literals: Vec<(usize, String)>,
    test_lines: usize,
}

impl Reader {
    fn walk(&mut self, tokens: &[TokenTree]) {
        let mut at = 0;
        while at < tokens.len() {
            if let Some(end) = self.test_only(tokens, at) {
                at = end;
                continue;
            }
            match &tokens[at] {
                TokenTree::Group(group) if is_comment(group) => at += 1,
                TokenTree::Group(group) => {
                    self.walk_group(group);
                    at += 1;
                }
                TokenTree::Literal(literal) => {
                    self.literals.push((literal.span().start().line, literal.to_string()));
                    at += 1;
                }
                TokenTree::Ident(word) if word == "use" => {
                    self.handing = at > 0 && is_public(tokens, at - 1);
                    at += 1;
                    if !self.handing {
                        continue;
                    }
                    at = self.walk_path(tokens, at, Vec::new());
                    self.handing = false;
                }
                TokenTree::Ident(word) if word == "struct" || word == "enum" => {
                    if let Some(TokenTree::Ident(name)) = tokens.get(at + 1) {
                        self.types.push(plain(name));
                    }
                    at += 1;
                }
                TokenTree::Ident(word) if word == "impl" => {
                    self.impls
                        .extend(own_type(&tokens[at + 1..]).map(|name| (word.span().start().line, name)));
                    at += 1;
                }
                TokenTree::Ident(word) if word == "mod" => at = self.walk_module(tokens, at),
                TokenTree::Ident(_) => at = self.walk_path(tokens, at, Vec::new()),
                _ => at += 1,
            }
        }
    }

    fn walk_group(&mut self, group: &Group) {
        self.walk(&group.stream().into_iter().collect::<Vec<_>>());
    }

    /// `mod name { … }`: `super` means something else within.
    fn walk_module(&mut self, tokens: &[TokenTree], at: usize) -> usize {
        let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
            (tokens.get(at + 1), tokens.get(at + 2))
        else {
            return at + 1;
        };
        self.module.push(name.to_string());
        self.walk_group(body);
        self.module.pop();
        at + 3
    }

    /// A path, or a `use` tree, that begins at `at`, after `prefix`; returns where it ends.
    fn walk_path(&mut self, tokens: &[TokenTree], mut at: usize, prefix: Vec<String>) -> usize {
        let mut path = prefix;
        let line = tokens[at].span().start().line;
        loop {
            match tokens.get(at) {
                Some(TokenTree::Ident(word)) => {
                    path.push(plain(word));
                    at += 1;
                }
                Some(TokenTree::Group(group))
                    if !path.is_empty() && group.delimiter() == Delimiter::Brace =>
                {
                    self.walk_tree(group, &path);
                    return at + 1;
                }
                _ => break,
            }
            if !is_double_colon(tokens, at) {
                break;
            }
            at += 2;
        }
        let path = self.resolve(path);
        if self.handing {
            let alias = match (tokens.get(at), tokens.get(at + 1)) {
                (Some(TokenTree::Ident(word)), Some(TokenTree::Ident(alias))) if word == "as" => {
                    Some(plain(alias))
                }
                _ => None,
            };
            let name = alias.or_else(|| path.last().cloned()).unwrap_or_default();
            self.handed_on.push((name, path.clone()));
        }
        self.named.push(Named { line, path });
        at
    }

    /// `{a, b::c}` after a prefix.
    fn walk_tree(&mut self, group: &Group, prefix: &[String]) {
        let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
        for branch in tokens.split(|t| matches!(t, TokenTree::Punct(p) if p.as_char() == ',')) {
            if branch.is_empty() {
                continue;
            }
            self.walk_path(branch, 0, prefix.to_vec());
        }
    }

    /// `self::`, `super::` and the names of the other crates become `crate::…`.
    fn resolve(&self, mut path: Vec<String>) -> Vec<String> {
        match path.first().map(String::as_str) {
            Some("crate") if !self.own.is_empty() => path.insert(1, self.own.to_owned()),
            Some("renewd" | "renewd_core") => "crate".clone_into(&mut path[0]),
            Some("renewd_simulator") => drop(path.splice(..1, ["crate", "simulator"].map(str::to_owned))),
            _ => {}
        }
        let mut module = self.module.clone();
        let mut rest = path.as_slice();
        let relative = matches!(rest.first().map(String::as_str), Some("self" | "super")) && rest.len() > 1;
        if !relative {
            return path;
        }
        while let Some((first, more)) = rest.split_first() {
            match first.as_str() {
                "self" => {}
                "super" => drop(module.pop()),
                _ => break,
            }
            rest = more;
        }
        module.extend(rest.iter().cloned());
        module
    }

    /// Where an item under `#[cfg(test)]` ends, if one begins here; its lines are no code lines.
    fn test_only(&mut self, tokens: &[TokenTree], at: usize) -> Option<usize> {
        let is_hash = matches!(&tokens[at], TokenTree::Punct(p) if p.as_char() == '#');
        let TokenTree::Group(attribute) = tokens.get(at + 1)? else { return None };
        if !is_hash || attribute.stream().to_string().replace(' ', "") != "cfg(test)" {
            return None;
        }
        let length = tokens[at + 2..].iter().position(|t| match t {
            TokenTree::Group(body) => body.delimiter() == Delimiter::Brace,
            TokenTree::Punct(p) => p.as_char() == ';',
            _ => false,
        })?;
        let end = at + 2 + length;
        self.test_lines += tokens[end].span().end().line - tokens[at].span().start().line + 1;
        Some(end + 1)
    }
}

/// `pub` or `pub(…)` ends at `at`.
fn is_public(tokens: &[TokenTree], at: usize) -> bool {
    match &tokens[at] {
        TokenTree::Ident(word) => word == "pub",
        TokenTree::Group(group) => {
            group.delimiter() == Delimiter::Parenthesis
                && at > 0
                && matches!(&tokens[at - 1], TokenTree::Ident(word) if word == "pub")
        }
        _ => false,
    }
}

/// The type of `impl<…> a::Type<…> {`; none where a trait is implemented.
fn own_type(tokens: &[TokenTree]) -> Option<String> {
    let (mut depth, mut name) = (0_i32, None);
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => return name,
            TokenTree::Punct(p) if p.as_char() == '<' => depth += 1,
            TokenTree::Punct(p) if p.as_char() == '>' => {
                let arrow = at > 0 && matches!(&tokens[at - 1], TokenTree::Punct(p) if p.as_char() == '-');
                depth -= i32::from(!arrow);
            }
            TokenTree::Punct(p) if p.as_char() == ';' => return None,
            TokenTree::Ident(word) if depth == 0 && word == "for" => return None,
            TokenTree::Ident(word) if depth == 0 && word == "where" => return name,
            TokenTree::Ident(word) if depth == 0 => name = Some(plain(word)),
            _ => {}
        }
    }
    None
}

/// `[doc = "…"]`, as which the parser hands over `///` and `//!`.
fn is_comment(group: &Group) -> bool {
    let first = group.stream().into_iter().next();
    group.delimiter() == Delimiter::Bracket && matches!(first, Some(TokenTree::Ident(word)) if word == "doc")
}

fn plain(word: &Ident) -> String {
    word.to_string().trim_start_matches("r#").to_owned()
}

fn is_double_colon(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |t: Option<&TokenTree>, joint: bool| match t {
        Some(TokenTree::Punct(p)) => p.as_char() == ':' && (!joint || p.spacing() == Spacing::Joint),
        _ => false,
    };
    colon(tokens.get(at), true) && colon(tokens.get(at + 1), false)
}
