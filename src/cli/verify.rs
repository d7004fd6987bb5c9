//! `renewd history --verify`: whether the payments on record are as they were written. From the ledger alone; changes nothing.
use crate::exit::Exit;
use crate::ledger::sqlite::Access;
use crate::ledger::{Chain, ChainReport, LinkHash};
use crate::views::VerifyDoc;

use super::context::{Context, Failure};
use super::output;

/// `head`: a hash from an older digest or verification, which must be in the chain.
pub(super) fn verify(ctx: &mut Context, head: Option<&str>) -> Result<Exit, Failure> {
    let seen = head.map(parse).transpose()?;
    let ledger = ctx.known_ledger(Access::Read)?;
    let report = ledger.verify_chain(seen.as_ref())?;
    let missing = seen.is_some() && report.found.is_none();
    let ok = report.misfit.is_none() && !report.pending && !missing;
    if ctx.json {
        output::json(&VerifyDoc::new(&report, ok, from(&report), head));
    } else {
        words(&report, head).iter().for_each(|line| output::line(line));
    }
    Ok(if ok { Exit::Done } else { Exit::Attention })
}

/// 64 hexadecimal digits, as digests and this command show them.
fn parse(text: &str) -> Result<LinkHash, Failure> {
    let bad = || {
        Failure::usage(format!(
            "--head `{text}` is not a head: write the 64 hexadecimal digits that the mail shows"
        ))
    };
    let digits = text.trim().as_bytes();
    if digits.len() != 64 {
        return Err(bad());
    }
    let mut hash = [0; 32];
    for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
        let digit = |d: u8| char::from(d).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let [high, low] = [pair[0], pair[1]].map(digit);
        *byte = high.zip(low).map(|(high, low)| high << 4 | low).ok_or_else(bad)?;
    }
    Ok(hash)
}

/// The first row whose link was written with it, if there is one.
fn from(report: &ChainReport) -> Option<usize> {
    report.head.filter(|head| head.rows > report.late).map(|_| report.late + 1)
}

fn words(report: &ChainReport, asked: Option<&str>) -> Vec<String> {
    if report.pending {
        return vec![
            "the payments are older than their chain, and are not linked yet: the next `renewd run` or `renewd once` does it"
                .to_owned(),
        ];
    }
    let mut lines = Vec::new();
    let fits = |n: usize| if n == 1 { "1 row fits".to_owned() } else { format!("{n} rows fit") };
    match (&report.misfit, report.head) {
        (Some(m), head) => {
            let row = m.row.map(|n| format!("row {n}, ")).unwrap_or_default();
            lines.push(format!(
                "the payments on record were changed: {row}{} of payment {}: {}",
                m.what, m.payment, m.why
            ));
            if let Some(head) = head {
                lines.push(format!("before it {}; the last of them has {}", fits(head.rows), head.digits()));
            }
        }
        (None, Some(head)) => {
            lines.push(format!("{}; head {}", fits(head.rows), head.digits()));
        }
        (None, None) => lines.push("there are no payments yet".to_owned()),
    }
    if report.late > 0 {
        lines.push(match from(report) {
            Some(n) => format!(
                "links were written with their rows from row {n} on; the {} before it are older than the chain and were linked later",
                report.late
            ),
            None => format!("all {} are older than the chain and were linked later", report.late),
        });
    }
    if let Some(asked) = asked {
        lines.push(match report.found {
            Some(n) => format!("the head that you named is row {n}: up to there nothing was changed since"),
            None => format!(
                "the head that you named is not in the chain ({}): the history was a different one when that mail was sent",
                asked.trim()
            ),
        });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_64_hexadecimal_digits_in_either_case() {
        let text = "00ff".repeat(16);
        let hash = parse(&text).ok().unwrap();
        assert_eq!((hash[0], hash[1], hash[31]), (0, 255, 255));
        assert_eq!(parse(&format!(" {} ", text.to_uppercase())).ok(), Some(hash));
        for bad in ["", "00", &"g0".repeat(32), &"00".repeat(33), &"ä".repeat(32)] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
