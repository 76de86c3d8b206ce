//! Prose on a screen: broken between words, with what follows indented.
//!
//! Knows widths, nothing of consoles. Where there is no width, because nobody looks, a note stays one line: `grep` finds
//! it whole.

use anstream::adapter::strip_str;
use unicode_width::UnicodeWidthStr;

/// Breaks a text between words, so that no line is wider than `width`. Its first line begins at the column `begin`,
/// behind what is there already; all others are indented by `hang`.
///
/// Words wider than that stay whole, and so does what stands between backticks: paths and commands are to be copied.
pub fn broken(text: &str, begin: usize, hang: usize, width: Option<usize>) -> String {
    let Some(width) = width else { return text.to_owned() };
    let mut broken = String::with_capacity(text.len());
    let mut column = begin;
    let mut is_first = true;
    for word in words(text) {
        let is_full = column + 1 + columns(word) > width;
        match (is_first, is_full) {
            (true, _) => {}
            (false, true) => {
                broken.extend(["\n", &" ".repeat(hang)]);
                column = hang;
            }
            (false, false) => {
                broken.push(' ');
                column += 1;
            }
        }
        broken.push_str(word);
        column += columns(word);
        is_first = false;
    }
    broken
}

/// Lays out paragraphs that are separated by empty lines. How their author broke them does not count.
pub fn paragraphs(text: &str, width: Option<usize>) -> String {
    let paragraph = |it: &str| broken(&it.lines().collect::<Vec<_>>().join(" "), 0, 0, width);
    text.split("\n\n").map(paragraph).collect::<Vec<_>>().join("\n\n")
}

/// Returns how many columns of a screen a text takes. Styles take none.
pub fn columns(text: &str) -> usize {
    let is_styled = text.contains('\x1b');
    // Most texts, and there may be many.
    if text.is_ascii() && !is_styled {
        return text.len();
    }
    if is_styled { strip_str(text).map(UnicodeWidthStr::width).sum() } else { text.width() }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut is_quoted = false;
    text.split(move |it| {
        is_quoted ^= it == '`';
        it == ' ' && !is_quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, begin: usize, hang: usize, width: usize) -> String {
        broken(text, begin, hang, Some(width))
    }

    #[test]
    fn prose_is_broken_between_words() {
        assert_eq!(lines("one two three", 0, 0, 7), "one two\nthree");
        assert_eq!(lines("one two three", 0, 0, 6), "one\ntwo\nthree");
        assert_eq!(lines("overlong a b", 0, 0, 3), "overlong\na b");
        assert_eq!(lines("", 0, 2, 3), "");
    }

    #[test]
    fn what_follows_is_indented() {
        assert_eq!(lines("one two three", 6, 6, 13), "one two\n      three");
        assert_eq!(lines("one two three", 6, 6, 12), "one\n      two\n      three");
        assert_eq!(lines("one two three four", 0, 2, 11), "one two\n  three\n  four");
        // The first word stays where it is: an empty line in its place would help nobody.
        assert_eq!(lines("overlong a", 6, 2, 8), "overlong\n  a");
    }

    #[test]
    fn what_is_to_be_copied_stays_whole() {
        assert_eq!(lines("see `a b/c d.png` there", 0, 0, 10), "see\n`a b/c d.png`\nthere");
        assert_eq!(lines("(`a b`, `c d`)", 0, 0, 8), "(`a b`,\n`c d`)");
        // Of a backtick without a second one nobody knows what it quotes.
        assert_eq!(lines("it`s a b", 0, 0, 3), "it`s a b");
    }

    #[test]
    fn widths_are_those_of_a_screen() {
        assert_eq!(columns("\u{6f22}\u{5b57}e\u{301}"), 5);
        assert_eq!(lines("\u{6f22}\u{5b57} \u{6f22}\u{5b57}", 0, 0, 8), "\u{6f22}\u{5b57}\n\u{6f22}\u{5b57}");
        assert_eq!(lines("e\u{301}e\u{301} u", 0, 0, 4), "e\u{301}e\u{301} u");
    }

    #[test]
    fn where_nobody_looks_a_note_is_one_line() {
        let text = "one two three ".repeat(100);
        assert_eq!(broken(&text, 6, 6, None), text);
        assert_eq!(paragraphs("a\nb\n\nc\nd", None), "a b\n\nc d");
        assert_eq!(paragraphs("aa\nbb\n\ncc dd", Some(4)), "aa\nbb\n\ncc\ndd");
        assert_eq!(paragraphs("aa\nbb", Some(5)), "aa bb");
    }
}
