//! Diagnostics for people: with the source line and a caret, read from the files as they are now.
//!
//! A file may have changed since the diagnostic was made: what does not fit any more is shown by its numbers only.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Element, Group, Level, Origin, Renderer, Snippet};

use super::console::Console;
use super::words::{clean, count};
use super::wrap::broken;
use crate::lane;
use crate::model::diagnostic::Span;
use crate::model::{Code, Diagnostic, Location, RelPath, Severity};
use crate::workspace::layout::Workspace;

/// How many diagnostics are shown in full, unless somebody wants all.
const SHOWN: usize = 50;
/// How many warnings with one code are shown in full where there are more than twice as many.
const ALIKE: usize = 3;
/// A longer file is not read to show one of its lines, in bytes.
const LONGEST_FILE: u64 = 16 << 20;
/// A longer line is not shown, in bytes.
const LONGEST_LINE: usize = 20_000;

/// Shows diagnostics on stderr: all of them up to a limit, errors before warnings where there are more, and of many
/// warnings with one code the first few.
pub fn show(console: &Console, ws: Option<&Workspace>, diagnostics: &[Diagnostic]) {
    let mut wanted: Vec<&Diagnostic> = diagnostics.iter().filter(|it| it.is_error() || !console.is_quiet()).collect();
    let all = wanted.clone();
    let mut folded = BTreeSet::new();
    let mut most = usize::MAX;
    if console.verbose == 0 {
        (wanted, folded) = fold(&wanted);
        most = SHOWN;
    }
    let shown = choose(&wanted, most);
    let renderer = Renderer::styled().term_width(console.width());
    let mut texts = Texts { ws, wrap: console.wrap(), known: BTreeMap::new() };
    for diagnostic in &shown {
        console.insist(format_args!("{}\n", texts.render(&renderer, diagnostic)));
    }
    let untold = untold(&all, &shown, &folded);
    untold.iter().for_each(|it| console.insist(format_args!("{}", broken(it, 0, "  ".len(), console.wrap()))));
    if !untold.is_empty() {
        console.insist("");
    }
}

/// Says how many are not shown: of each code that was folded, and of all others.
fn untold(all: &[&Diagnostic], shown: &[&Diagnostic], folded: &BTreeSet<Code>) -> Vec<String> {
    let mut left = all.len() - shown.len();
    let mut lines = Vec::new();
    for code in folded {
        let count = |list: &[&Diagnostic]| list.iter().filter(|it| !it.is_error() && it.code == *code).count();
        let n = count(all) - count(shown);
        left -= n;
        let more = if count(shown) == 0 { "" } else { " more" };
        let title = Code::ALL.iter().find(|it| it.0 == *code).map_or("", |it| it.1);
        lines.push(format!("... and {n}{more} of {code}, {title} (-v shows all)"));
    }
    if left > 0 {
        lines.push(format!("... and {left} more (-v shows all)"));
    }
    lines
}

/// Takes out warnings of which there are many alike; returns those that are left, and of which codes some are not.
fn fold<'a>(diagnostics: &[&'a Diagnostic]) -> (Vec<&'a Diagnostic>, BTreeSet<Code>) {
    let mut counts: BTreeMap<Code, usize> = BTreeMap::new();
    diagnostics.iter().filter(|it| !it.is_error()).for_each(|it| *counts.entry(it.code).or_default() += 1);
    counts.retain(|_, n| *n > 2 * ALIKE);
    let mut seen: BTreeMap<Code, usize> = BTreeMap::new();
    let stays = |it: &&&Diagnostic| {
        if it.is_error() || !counts.contains_key(&it.code) {
            return true;
        }
        let n = seen.entry(it.code).or_default();
        *n += 1;
        *n <= ALIKE
    };
    let left = diagnostics.iter().filter(stays).copied().collect();
    (left, counts.into_keys().collect())
}

/// Chooses at most `limit` diagnostics, errors first, and keeps their order.
fn choose<'a>(diagnostics: &[&'a Diagnostic], limit: usize) -> Vec<&'a Diagnostic> {
    let n_errors = diagnostics.iter().filter(|it| it.is_error()).count();
    let (mut errors, mut warnings) = (n_errors.min(limit), limit.saturating_sub(n_errors));
    let take = |it: &&&Diagnostic| {
        let left = if it.is_error() { &mut errors } else { &mut warnings };
        let taken = *left > 0;
        *left -= usize::from(taken);
        taken
    };
    diagnostics.iter().filter(take).copied().collect()
}

/// Returns `2 errors, 1 warning`; empty when there is neither.
pub fn tally(diagnostics: &[Diagnostic]) -> String {
    let errors = diagnostics.iter().filter(|it| it.is_error()).count() as u64;
    let warnings = diagnostics.len() as u64 - errors;
    let parts = [(errors, "error"), (warnings, "warning")];
    let parts: Vec<String> = parts.iter().filter(|it| it.0 > 0).map(|(n, what)| count(*n, what)).collect();
    parts.join(", ")
}

/// The files that diagnostics point into, each read once; `None` for what cannot be shown.
struct Texts<'a> {
    ws: Option<&'a Workspace>,
    /// How long the lines of a help are, where a terminal would break them anywhere.
    wrap: Option<usize>,
    known: BTreeMap<RelPath, Option<String>>,
}

impl Texts<'_> {
    fn render(&mut self, renderer: &Renderer, diagnostic: &Diagnostic) -> String {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(clean(&diagnostic.message)).id(diagnostic.code.to_string());
        let mut primary = Group::with_title(title);
        if let Some(location) = &diagnostic.location {
            primary = primary.element(self.place(location, AnnotationKind::Primary));
        }
        if let Some(help) = &diagnostic.help {
            let help = clean(help);
            // The renderer indents what follows.
            let wrap = self.wrap.map(|it| it - "   = help: ".len());
            primary = primary.element(Level::HELP.message(broken(&help, 0, 0, wrap)));
        }
        let mut groups = vec![primary];
        for related in &diagnostic.related {
            let title = Level::NOTE.secondary_title(clean(&related.message));
            groups.push(Group::with_title(title).element(self.place(&related.location, AnnotationKind::Context)));
        }
        let rendered = renderer.render(&groups);
        // A title that is too long for the screen the renderer leaves to the terminal, which breaks it within a word.
        let (title, rest) = rendered.split_once('\n').unwrap_or((&rendered, ""));
        let title = broken(title, 0, "  ".len(), self.wrap);
        if rest.is_empty() { title } else { [&title, "\n", rest].concat() }
    }

    /// Returns what is to be seen at a location: its line, or else its numbers.
    fn place(&mut self, location: &Location, kind: AnnotationKind) -> Element<'static> {
        let path = clean(location.path.as_str());
        let Some(span) = location.span else { return Origin::path(path).into() };
        match self.text(&location.path).and_then(|it| cut(it, span)) {
            Some((line, range)) => Snippet::source(line.to_owned())
                .line_start(span.line as usize)
                .path(path)
                .annotation(kind.span(range))
                .into(),
            None => Origin::path(path).line(span.line as usize).char_column(span.column as usize).into(),
        }
    }

    fn text(&mut self, path: &RelPath) -> Option<&str> {
        let ws = self.ws?;
        let read = || {
            let size = ws.disk.stat(&ws.abs(path)).ok()?.size;
            let read = || lane::read_file_through(&*ws.disk, &ws.root, path).ok().flatten();
            String::from_utf8((size <= LONGEST_FILE).then(read).flatten()?).ok()
        };
        self.known.entry(path.clone()).or_insert_with(read).as_deref()
    }
}

/// Returns the line in which a span begins, and where in it the span lies. `None` when the text is not any more the
/// one that the span was made of.
fn cut(text: &str, span: Span) -> Option<(&str, Range<usize>)> {
    if Span::of(text, span.start as usize, span.end as usize) != span {
        return None;
    }
    let (start, end) = (span.start as usize, span.end as usize);
    let line_start = text[..start].rfind('\n').map_or(0, |it| it + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    let column = (start - line_start).min(line.len());
    let end = (end - line_start).clamp(column, line.len());
    (line.len() <= LONGEST_LINE).then_some((line, column..end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_cut_out_with_its_line() {
        let text = "one\r\ntwo \u{fc}ber\nthree\n";
        let at = |start, end| cut(text, Span::of(text, start, end));
        assert_eq!(at(5, 8), Some(("two \u{fc}ber", 0..3)));
        assert_eq!(at(9, 99), Some(("two \u{fc}ber", 4..9)));
        assert_eq!(at(text.len(), text.len()), Some(("", 0..0)));
        let moved = Span { line: 3, ..Span::of(text, 5, 8) };
        assert_eq!(cut(text, moved), None);
        assert_eq!(cut("", Span::of(text, 5, 8)), None);
    }

    #[test]
    fn of_many_warnings_alike_the_first_are_shown() {
        let (error, warning) = (Diagnostic::error(Code::SYNTAX, "e"), Diagnostic::warning(Code::SYNTAX, "w"));
        let other = Diagnostic::warning(Code::EMPTY_FILE, "o");
        let folded = |n: usize| {
            let all: Vec<&Diagnostic> = [&error; 9].into_iter().chain([&other]).chain(vec![&warning; n]).collect();
            let (left, folded) = fold(&all);
            (left.iter().map(|it| it.message.as_str()).collect::<String>(), folded.into_iter().collect::<Vec<_>>())
        };
        assert_eq!(folded(6), ("eeeeeeeeeowwwwww".into(), vec![]));
        assert_eq!(folded(7), ("eeeeeeeeeowww".into(), vec![Code::SYNTAX]));
        // Where errors leave no room for any, all of them are untold.
        for (n_errors, most, expected) in [
            (2, 9, &["... and 4 more of PW0001, a file is not well-formed JSON or TOML (-v shows all)"][..]),
            (2, 4, &["... and 5 more of PW0001, a file is not well-formed JSON or TOML (-v shows all)"]),
            (
                3,
                2,
                &[
                    "... and 7 of PW0001, a file is not well-formed JSON or TOML (-v shows all)",
                    "... and 1 more (-v shows all)",
                ],
            ),
        ] {
            let all: Vec<&Diagnostic> = vec![&error; n_errors].into_iter().chain(vec![&warning; 7]).collect();
            let (left, folded) = fold(&all);
            assert_eq!(untold(&all, &choose(&left, most), &folded), expected);
        }
    }

    #[test]
    fn errors_come_before_warnings_where_there_are_too_many() {
        let (error, warning) = (Diagnostic::error(Code::SYNTAX, "e"), Diagnostic::warning(Code::SYNTAX, "w"));
        let all = [&warning, &error, &warning, &error, &warning];
        let chosen = |limit| choose(&all, limit).iter().map(|it| it.message.as_str()).collect::<String>();
        assert_eq!((chosen(1), chosen(3), chosen(9)), ("e".into(), "wee".into(), "wewew".into()));
        assert_eq!(tally(&[warning.clone(), error, warning]), "1 error, 2 warnings");
        assert_eq!(tally(&[]), "");
    }
}
