//! Every key with its default and its meaning, for readers: the keys of the schema, in the words of docs/configuration.md. Not
//! responsible for what a key does.
use super::schema::{Key, ROWS, SCALARS, section};

const DOCUMENT: &str = include_str!("../../docs/configuration.md");

/// The keys of one table.
pub struct Chapter {
    /// As it is written in a config.
    pub title: String,
    /// In the order of the schema.
    pub keys: Vec<KeyWords>,
}

/// One row of the reference: mostly one key, sometimes several that are alike.
pub struct KeyWords {
    /// In backticks.
    pub names: String,
    /// The default, or `required`.
    pub value: String,
    /// In Markdown.
    pub meaning: String,
}

/// All of it.
#[must_use]
pub fn reference() -> Vec<Chapter> {
    let mut all: Vec<Chapter> = Vec::new();
    for key in SCALARS {
        let title = match section(key.name) {
            "" => "Top level".to_owned(),
            section => format!("[{section}]"),
        };
        if all.last().is_none_or(|last| last.title != title) {
            all.push(Chapter { title, keys: Vec::new() });
        }
        if let Some(chapter) = all.last_mut() {
            add(chapter, DOCUMENT, key);
        }
    }
    for rows in ROWS {
        let mut chapter = Chapter { title: format!("[[{}]]", rows.name), keys: Vec::new() };
        // The keys of `match.not` are told with it.
        let keys = rows.keys.iter().filter(|key| !key.name.starts_with("match.not."));
        keys.for_each(|key| add(&mut chapter, of_table(rows.name), key));
        all.push(chapter);
    }
    all
}

/// The part of the document about a repeated table.
fn of_table(name: &str) -> &'static str {
    let title = format!("# `[[{name}]]`");
    let Some((_, rest)) = DOCUMENT.split_once(&title) else { return "" };
    rest.split_once("\n#").map_or(rest, |(chapter, _)| chapter)
}

fn add(chapter: &mut Chapter, text: &str, key: &Key) {
    let named = format!("`{}`", key.name);
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|line| line.trim_matches('|').splitn(3, " | ").map(str::trim).collect::<Vec<_>>());
    let Some(row) = cells.into_iter().find(|row| row[0].contains(&named)) else { return };
    let [names, value, meaning] = row[..] else { return };
    if chapter.keys.iter().any(|known| known.names == names) {
        return;
    }
    let meaning = meaning.trim_end_matches('|').trim().to_owned();
    chapter.keys.push(KeyWords { names: names.to_owned(), value: value.to_owned(), meaning });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_schema_is_in_it() {
        let all = reference();
        let told = |title: &str, name: &str| {
            let named = format!("`{name}`");
            all.iter().filter(|c| c.title == title).any(|c| c.keys.iter().any(|k| k.names.contains(&named)))
        };
        for key in SCALARS {
            let title = if section(key.name).is_empty() {
                "Top level".to_owned()
            } else {
                format!("[{}]", section(key.name))
            };
            assert!(told(&title, key.name), "{}", key.name);
        }
        for rows in ROWS {
            for key in rows.keys.iter().filter(|k| !k.name.starts_with("match.not.")) {
                // A label matches by the words of a policy.
                let table =
                    if rows.name == "label" && key.name.starts_with("match.") { "policy" } else { rows.name };
                assert!(told(&format!("[[{table}]]"), key.name), "{} {}", rows.name, key.name);
            }
        }
    }
}
