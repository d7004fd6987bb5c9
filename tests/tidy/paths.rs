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
    /// Relative to the package, such as `src/ledger/mod.rs`.
    pub name: String,
    /// Every path and every lone identifier.
    pub named: Vec<Named>,
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
        let mut reader =
            Reader { module: module_of(name), named: Vec::new(), literals: Vec::new(), test_lines: 0 };
        match text.parse::<TokenStream>() {
            Ok(tokens) => reader.walk(&tokens.into_iter().collect::<Vec<_>>()),
            Err(e) => panic!("{name} is no Rust: {e}"),
        }
        Self {
            name: name.to_owned(),
            named: reader.named,
            literals: reader.literals,
            code_lines: text.lines().count().saturating_sub(reader.test_lines),
            opening: text.lines().next().unwrap_or_default().to_owned(),
            is_test: stem == "tests" || stem.ends_with("_tests") || name.contains("/tests/"),
        }
    }
}

/// `src/ledger/sqlite/mod.rs` → `crate::ledger::sqlite`.
fn module_of(name: &str) -> Vec<String> {
    let inner = name.trim_start_matches("src/").trim_end_matches(".rs");
    let mut module = vec!["crate".to_owned()];
    module.extend(inner.split('/').map(str::to_owned));
    if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        module.pop();
    }
    module
}

struct Reader {
    module: Vec<String>,
    named: Vec<Named>,
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

    /// `self::` and `super::` become `crate::…`.
    fn resolve(&self, path: Vec<String>) -> Vec<String> {
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
