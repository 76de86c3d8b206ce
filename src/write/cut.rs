//! Takes a member out of a text in which members stand one after another, and nothing else: comments stay, those on the
//! member's own line on a line of their own.
//!
//! Knows lines, commas and comments as JSON and TOML write them; knows nothing of what the members are.

use std::ops::Range;

/// Returns the text without the member at `member`, its comma and its line, if nothing else is on it. `previous` is the
/// end of the member before it: a last one takes that one's comma along.
pub fn without(text: &str, member: Range<usize>, previous: Option<usize>) -> String {
    let own = comma_after(text, member.end);
    let (mut before, mut after) = (text[..member.start].to_owned(), text[member.end..].to_owned());
    match own {
        Some(at) => drop(after.remove(at - member.end)),
        None => drop(previous.and_then(|it| comma_after(text, it)).map(|at| before.remove(at))),
    }
    let rest = after.find('\n').map_or("", |at| &after[at..]);
    let tail = after[..after.len() - rest.len()].trim_end_matches('\r');
    let ending = &after[tail.len()..];
    let head = before.rfind('\n').map_or(&before[..], |at| &before[at + 1..]);
    let is_first = head.trim().is_empty();
    if is_first && tail.trim().is_empty() {
        let lines = &before[..before.len() - head.len()];
        return match rest.strip_prefix('\n') {
            Some(rest) => format!("{lines}{rest}"),
            None => lines.trim_end_matches(['\r', '\n']).to_owned(),
        };
    }
    let is_between = is_first || (own.is_some() && !tail.trim().is_empty());
    match is_between {
        true => format!("{before}{}{ending}", tail.trim_start()),
        false => format!("{}{tail}{ending}", before.trim_end()),
    }
}

/// Returns where the next comma is, if nothing but blanks and comments is before it.
fn comma_after(text: &str, mut at: usize) -> Option<usize> {
    loop {
        at = text.len() - text.get(at..)?.trim_start().len();
        let rest = &text[at..];
        let skipped = if rest.starts_with("//") || rest.starts_with('#') {
            rest.find('\n')?
        } else if rest.starts_with("/*") {
            rest.find("*/")? + 2
        } else {
            return rest.starts_with(',').then_some(at);
        };
        at += skipped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes out what stands between `<` and `>`; a `|` is where the member before ends.
    fn cut(marked: &str) -> String {
        let previous = marked.find('|');
        let text = marked.replacen('|', "", 1);
        let start = text.find('<').expect("a start");
        let text = text.replacen('<', "", 1);
        let end = text.find('>').expect("an end");
        without(&text.replacen('>', "", 1), start..end, previous)
    }

    #[test]
    fn a_member_goes_with_its_comma_and_its_line() {
        for (marked, expected) in [
            ("{<m>}", "{}"),
            ("{ <m>, b }", "{ b }"),
            ("{ a|, <m> }", "{ a }"),
            ("{a|,<m>,b}", "{a,b}"),
            ("{\n  a|,\n  <m>\n}\n", "{\n  a\n}\n"),
            ("{\r\n  a|,\r\n  <m>,\r\n}\r\n", "{\r\n  a,\r\n}\r\n"),
            ("{ a|,\n  <m> }", "{ a\n  }"),
            ("[r]\na = 1\n<m>\n\n[s]", "[r]\na = 1\n\n[s]"),
            ("[r]\n<m>", "[r]"),
        ] {
            assert_eq!(cut(marked), expected, "{marked:?}");
        }
    }

    #[test]
    fn comments_stay() {
        for (marked, expected) in [
            ("{\n  // why\n  <m>, // not yet\n  b\n}", "{\n  // why\n  // not yet\n  b\n}"),
            ("{\n  a|, // a\n  <m> // m\n}", "{\n  a // a\n  // m\n}"),
            ("{ a|, /* m */ <m> }", "{ a /* m */ }"),
            ("{ <m> /* m */, b }", "{ /* m */ b }"),
            ("{ a|, <m> // m\n}", "{ a // m\n}"),
            ("# why\n<m> # m\r\nb = 1\r\n", "# why\n# m\r\nb = 1\r\n"),
            ("[{ a|, # a, b\n <m> }]", "[{ a # a, b\n }]"),
        ] {
            assert_eq!(cut(marked), expected, "{marked:?}");
        }
    }
}
