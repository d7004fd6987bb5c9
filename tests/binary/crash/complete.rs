//! Which methods of the ledger write: read from the tokens of its adapter, so that a new one is found by itself. Not
//! responsible for what they write.
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The methods of each `impl … for SqliteLedger` whose body calls `write`, or `spend`, which writes.
pub fn writes(source: &str) -> Vec<String> {
    let tokens: Vec<TokenTree> = source.parse::<TokenStream>().expect("Rust").into_iter().collect();
    let adapter = |w: &[TokenTree]| w[0].to_string() == "for" && w[1].to_string() == "SqliteLedger";
    let methods = tokens.windows(3).filter(|w| adapter(w)).filter_map(|w| body(&w[2])).flatten();
    let methods: Vec<TokenTree> = methods.collect();
    let mut found = Vec::new();
    let mut name = None;
    for pair in methods.windows(2) {
        if matches!(&pair[0], TokenTree::Ident(i) if i == "fn") {
            name = Some(pair[1].to_string());
        }
        if body(&pair[1]).is_some_and(|body| calls_write(&body)) {
            found.extend(name.take());
        }
    }
    found
}

fn body(token: &TokenTree) -> Option<Vec<TokenTree>> {
    match token {
        TokenTree::Group(g) if g.delimiter() == Delimiter::Brace => Some(g.stream().into_iter().collect()),
        _ => None,
    }
}

fn calls_write(tokens: &[TokenTree]) -> bool {
    tokens.iter().any(|t| match t {
        TokenTree::Ident(i) => i == "write" || i == "spend",
        TokenTree::Group(g) => calls_write(&g.stream().into_iter().collect::<Vec<_>>()),
        _ => false,
    })
}
