//! Markdown of the reference as text of a manual page. Not responsible for more of Markdown than the reference has.
use roff::{Inline, bold, roman};

/// `` `words` `` in bold, of links their text.
pub(super) fn inline(markdown: &str) -> Vec<Inline> {
    let plain = without_links(markdown).replace("**", "").replace("\\|", "|");
    let parts = plain.split('`').enumerate();
    parts
        .filter(|(_, part)| !part.is_empty())
        .map(|(n, part)| if n % 2 == 1 { bold(part) } else { roman(part) })
        .collect()
}

fn without_links(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("](") {
        let Some((_, behind)) = after.split_once(')') else { break };
        match before.rsplit_once('[') {
            Some((lead, label)) => out.extend([lead, label]),
            None => out.push_str(before),
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lose_their_targets_and_code_is_bold() {
        assert_eq!(without_links("a [b](c.md#d), e [f](g)."), "a b, e f.");
        assert_eq!(without_links("a [b] (c)"), "a [b] (c)");
        assert_eq!(inline("as `x` says"), [roman("as "), bold("x"), roman(" says")]);
    }
}
