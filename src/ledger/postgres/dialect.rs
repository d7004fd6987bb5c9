//! The few forms in which SQLite and PostgreSQL spell a statement differently, in one place. A statement that needs more than this is
//! written so that both read it.

/// SQLite's words, and PostgreSQL's.
const WORDS: [(&str, &str); 7] = [
    // SQLite takes it as an order of tables as well.
    ("CROSS JOIN", "JOIN"),
    // The parts of a payment were begun with it.
    (
        "(SELECT n.value FROM note n WHERE n.key = 'failover:1')",
        "(SELECT n.value FROM intent_event e
           JOIN note n ON n.key = 'failover:' || e.epoch
          WHERE e.intent = coalesce(i.parent, i.id) AND e.event = 'spend_started')",
    ),
    (" IS NOT (SELECT", " IS DISTINCT FROM (SELECT"),
    (" IS ?", " IS NOT DISTINCT FROM ?"),
    ("instr(", "strpos("),
    (" COLLATE BINARY", " COLLATE \"C\""),
    (
        "json_group_array(json(coalesce(l.labels, '[]')) ORDER BY l.seq)",
        "coalesce(json_agg(coalesce(l.labels, '[]')::json ORDER BY l.seq), '[]'::json)::text",
    ),
];

/// The statement as PostgreSQL reads it: `?3` is `$3`, and a bare `?` the next one.
pub(super) fn translate(sql: &str) -> String {
    let mut text = sql.to_owned();
    for (theirs, ours) in WORDS {
        text = text.replace(theirs, ours);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let (mut quoted, mut bare) = (false, 0_usize);
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        quoted ^= c == '\'';
        if c != '?' || quoted {
            out.push(c);
            continue;
        }
        out.push('$');
        if !rest.peek().is_some_and(char::is_ascii_digit) {
            bare += 1;
            out.push_str(&bare.to_string());
        }
    }
    out
}

/// An `INSERT … VALUES (…)` for so many rows at once; `None`: it is no such statement. It takes `width` values a row.
pub(super) fn widened(translated: &str, width: usize, rows: usize) -> Option<String> {
    let start = translated.find("VALUES (")? + "VALUES ".len();
    let (mut depth, mut end) = (0_usize, None);
    for (at, c) in translated.char_indices().skip_while(|(at, _)| *at < start) {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            end = Some(at + 1);
            break;
        }
    }
    let (head, one, tail) = (&translated[..start], &translated[start..end?], &translated[end?..]);
    let all: Vec<String> = (0..rows).map(|n| shifted(one, n * width)).collect();
    Some(format!("{head}{}{tail}", all.join(", ")))
}

/// Every `$n` so much higher.
fn shifted(text: &str, by: usize) -> String {
    let mut parts = text.split('$');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.len() - part.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let number: usize = part[..digits].parse().unwrap_or_default();
        out.push_str(&format!("${}{}", number + by, &part[digits..]));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_numbered_and_texts_left_alone() {
        assert_eq!(translate("a = ?2 AND b = '?' AND c = ?1"), "a = $2 AND b = '?' AND c = $1");
        assert_eq!(translate("a IN (?, ?) AND b >= ?"), "a IN ($1, $2) AND b >= $3");
        assert_eq!(translate("x IS ?4"), "x IS NOT DISTINCT FROM $4");
    }

    #[test]
    fn an_insert_takes_many_rows() {
        let one = "INSERT INTO t (a, b) VALUES ($1, coalesce($2, (SELECT c FROM u WHERE d = $1))) ON CONFLICT (a) DO NOTHING";
        assert_eq!(
            widened(one, 2, 2).unwrap(),
            "INSERT INTO t (a, b) VALUES ($1, coalesce($2, (SELECT c FROM u WHERE d = $1))), ($3, coalesce($4, (SELECT c FROM u WHERE d = $3))) ON CONFLICT (a) DO NOTHING"
        );
        assert_eq!(widened("DELETE FROM t WHERE a = $1", 1, 2), None);
    }
}
