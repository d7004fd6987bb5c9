//! Which methods of the ledger write: read from the tokens of its adapter, so that a new one is found by itself. Not
//! responsible for what they write.
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The methods of `impl Ledger for …` whose body calls `write`.
pub fn writes(source: &str) -> Vec<String> {
    let tokens: Vec<TokenTree> = source.parse::<TokenStream>().expect("Rust").into_iter().collect();
    let port = tokens.windows(4).find_map(|w| {
        let words: Vec<String> = w[..3].iter().map(ToString::to_string).collect();
        (words == ["Ledger", "for", "SqliteLedger"]).then(|| body(&w[3])).flatten()
    });
    let mut found = Vec::new();
    let mut name = None;
    for pair in port.expect("the adapter's `impl Ledger`").windows(2) {
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
        TokenTree::Ident(i) => i == "write",
        TokenTree::Group(g) => calls_write(&g.stream().into_iter().collect::<Vec<_>>()),
        _ => false,
    })
}
