//! Edits of `packwright.toml`: everything that is not edited stays byte for byte.
//!
//! Knows the rules of the file by their numbers; knows nothing of what they come to.

use toml_edit::{DocumentMut, InlineTable, Item, Table, TableLike, Value, value};

use super::cut;
use crate::model::node::BOM;

/// Sets whether the assets of the rule with this number are excluded; `None` takes out what it says. Returns `None`
/// where the text is no TOML or has no such rule.
pub fn set_exclude(text: &str, rule: usize, exclude: Option<bool>) -> Option<String> {
    match exclude {
        Some(exclude) => edit(text, rule, |rule| rule.set("exclude", exclude.into())),
        None => unset(text, rule, "exclude"),
    }
}

/// Sets the pattern of the rule with this number. Returns `None` where the text is no TOML or has no such rule.
pub fn set_match(text: &str, rule: usize, pattern: &str) -> Option<String> {
    edit(text, rule, |rule| rule.set("match", pattern.into()))
}

/// Replaces what packs are reached from wherever `new` says by what, and returns how many that were besides. `None` where
/// the text is no TOML.
pub fn map_reachable_from(text: &str, new: &dyn Fn(&str) -> Option<String>) -> Option<(String, usize)> {
    let body = text.strip_prefix(BOM).unwrap_or(text);
    let mut document: DocumentMut = body.parse().ok()?;
    let mut n = 0;
    let packs = document.get_mut("packs").and_then(Item::as_table_like_mut);
    let packs = packs.into_iter().flat_map(TableLike::iter_mut).filter_map(|it| it.1.as_table_like_mut());
    let lists = packs.filter_map(|it| it.get_mut("reachable_from")?.as_array_mut());
    for written in lists.flat_map(toml_edit::Array::iter_mut) {
        if let Some(new) = written.as_str().and_then(new) {
            replace(written, new.into());
            n += 1;
        }
    }
    if n == 0 {
        return Some((text.to_owned(), 0));
    }
    let edited = with_untouched_lines(body, &document.to_string());
    Some((if body.len() < text.len() { format!("{BOM}{edited}") } else { edited }, n))
}

/// Takes a field out of a rule, if it is there; comments stay.
fn unset(text: &str, rule: usize, field: &str) -> Option<String> {
    let body = text.strip_prefix(BOM).unwrap_or(text);
    let document = toml_edit::Document::parse(body).ok()?;
    let rule: &dyn TableLike = match document.get("rules")? {
        Item::ArrayOfTables(rules) => rules.get(rule)?,
        Item::Value(Value::Array(rules)) => rules.get(rule)?.as_inline_table()?,
        _ => return None,
    };
    let Some((key, item)) = rule.get_key_value(field) else { return Some(text.to_owned()) };
    let (start, value) = (key.span()?.start, item.span()?);
    let ends = rule.iter().filter_map(|(_, it)| it.span()).map(|it| it.end);
    let previous = ends.filter(|it| *it <= start).max();
    let edited = cut::without(body, start..value.end, previous);
    Some(if body.len() < text.len() { format!("{BOM}{edited}") } else { edited })
}

/// A rule in either way of writing it: `[[rules]]`, or one of `rules = [{ .. }]`.
enum Rule<'a> {
    Table(&'a mut Table),
    Inline(&'a mut InlineTable),
}

fn edit(text: &str, rule: usize, change: impl FnOnce(Rule<'_>)) -> Option<String> {
    let body = text.strip_prefix(BOM).unwrap_or(text);
    let mut document: DocumentMut = body.parse().ok()?;
    change(match document.get_mut("rules")? {
        Item::ArrayOfTables(rules) => Rule::Table(rules.get_mut(rule)?),
        Item::Value(Value::Array(rules)) => Rule::Inline(rules.get_mut(rule)?.as_inline_table_mut()?),
        _ => return None,
    });
    let edited = with_untouched_lines(body, &document.to_string());
    Some(if body.len() < text.len() { format!("{BOM}{edited}") } else { edited })
}

/// Returns the new text with the lines before and after what changed as they were: the library ends all lines alike. A
/// line that is new ends like the one in whose place it stands, or else like the first.
fn with_untouched_lines(old: &str, new: &str) -> String {
    let new = if old.ends_with('\n') { new } else { new.strip_suffix('\n').unwrap_or(new) };
    let before: Vec<(&str, &str)> = old.split_inclusive('\n').map(ending_apart).collect();
    let after: Vec<(&str, &str)> = new.split_inclusive('\n').map(ending_apart).collect();
    let is_same = |(old, new): &(&(&str, &str), &(&str, &str))| old.0 == new.0 && old.1.is_empty() == new.1.is_empty();
    let head = before.iter().zip(&after).take_while(is_same).count();
    let tail = before[head..].iter().rev().zip(after[head..].iter().rev()).take_while(is_same).count();
    let usual = before.first().map_or("", |it| it.1);
    let mut lines: Vec<(&str, &str)> = before[..head].to_vec();
    for (at, (line, ending)) in after.iter().enumerate().take(after.len() - tail).skip(head) {
        let like = before.get(at).map_or(usual, |it| it.1);
        let endings = [like, usual, "\n"];
        let ending = if ending.is_empty() { None } else { endings.into_iter().find(|it| !it.is_empty()) };
        lines.push((*line, ending.unwrap_or_default()));
    }
    lines.extend(&before[before.len() - tail..]);
    lines.into_iter().flat_map(|(line, ending)| [line, ending]).collect()
}

/// Returns a line without its end, and its end.
fn ending_apart(line: &str) -> (&str, &str) {
    line.split_at(line.trim_end_matches(['\r', '\n']).len())
}

impl Rule<'_> {
    /// Sets a field. What stands around the old value, comments among it, stays.
    fn set(self, field: &str, new: Value) {
        match self {
            Self::Table(table) => match table.get_mut(field).and_then(Item::as_value_mut) {
                Some(old) => replace(old, new),
                None => drop(table.insert(field, value(new))),
            },
            Self::Inline(table) => match table.get_mut(field) {
                Some(old) => replace(old, new),
                None => append(table, field, new),
            },
        }
    }
}

/// Adds a field at the end of an inline table; the blank before the brace stays there.
fn append(table: &mut InlineTable, field: &str, mut new: Value) {
    let end = table.iter_mut().last().map(|(_, it)| std::mem::take(it.decor_mut()));
    if let Some((_, last)) = table.iter_mut().last() {
        let before = end.as_ref().and_then(|it| it.prefix().cloned()).unwrap_or_default();
        *last.decor_mut() = toml_edit::Decor::new(before, "");
    }
    let after = end.and_then(|it| it.suffix().cloned()).unwrap_or_default();
    *new.decor_mut() = toml_edit::Decor::new(" ", after);
    table.insert(field, new);
}

fn replace(old: &mut Value, mut new: Value) {
    *new.decor_mut() = old.decor().clone();
    *old = new;
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    const CONFIG: &str = "# config\nroots = [ {path=\"a\"} ]\n\n[[rules]] # one\nmatch   = '**/*.png'   # images\ntype = \"image\"\n\n# two\n[[rules]]\nmatch = \"x\"\nexclude = false # not now\n[presets.p]\ntags = []\n";

    #[test]
    fn a_rule_is_edited_and_nothing_else() {
        let excluded = set_exclude(CONFIG, 0, Some(true)).expect("a rule");
        expect![[r##"
            # config
            roots = [ {path="a"} ]

            [[rules]] # one
            match   = '**/*.png'   # images
            type = "image"
            exclude = true

            # two
            [[rules]]
            match = "x"
            exclude = false # not now
            [presets.p]
            tags = []
        "##]]
        .assert_eq(&excluded);
        assert_eq!(set_exclude(&excluded, 0, None).as_deref(), Some(CONFIG));
        let excluded = set_exclude(CONFIG, 1, Some(true)).expect("a rule");
        assert_eq!(excluded, CONFIG.replace("exclude = false", "exclude = true"));
        let moved = set_match(CONFIG, 0, "ui/**/*.png").expect("a rule");
        assert_eq!(moved, CONFIG.replace("'**/*.png'", "\"ui/**/*.png\""));
        assert_eq!(set_match(CONFIG, 2, "x"), None);
        assert_eq!(set_match("[", 0, "x"), None);
    }

    #[test]
    fn what_packs_are_reached_from_is_edited_and_nothing_else() {
        let text = "[packs.a]\nreachable_from = [ 'x', # first\n  \"y\", \"x\" ]\r\n[packs]\nb = { reachable_from = [\"x\"] }\n";
        let new = |it: &str| (it == "x").then(|| "z".to_owned());
        let expected = text.replace("'x'", "\"z\"").replace("\"x\"", "\"z\"");
        assert_eq!(map_reachable_from(text, &new), Some((expected, 3)));
        assert_eq!(map_reachable_from(CONFIG, &new), Some((CONFIG.to_owned(), 0)));
        assert_eq!(map_reachable_from("packs = 5\n", &new), Some(("packs = 5\n".to_owned(), 0)));
        assert_eq!(map_reachable_from("[", &new), None);
    }

    #[test]
    fn comments_outlive_what_they_stand_beside() {
        let text = "[[rules]]\nmatch = \"x\"\n# until the artist is back\nexclude = true # really\n\n[presets]\n";
        let included = set_exclude(text, 0, None).expect("a rule");
        assert_eq!(included, text.replace("exclude = true # really", "# really"));
        let text = "rules = [{ match = \"x\", exclude = true }, # mine\n]\n";
        assert_eq!(set_exclude(text, 0, None), Some(text.replace(", exclude = true", "")));
    }

    #[test]
    fn rules_in_an_array_are_edited_too() {
        let text = "\u{feff}rules = [{ match = \"**\", type = \"raw\" },\n  # last\n  {match = \"x\"}]\r\n";
        let excluded = set_exclude(text, 0, Some(true)).expect("a rule");
        assert_eq!(excluded, text.replace("\"raw\" }", "\"raw\", exclude = true }"));
        assert_eq!(set_exclude(&excluded, 0, None).as_deref(), Some(text));
        let excluded = set_exclude(text, 1, Some(true)).expect("a rule");
        assert_eq!(excluded, text.replace("{match = \"x\"}", "{match = \"x\", exclude = true}"));
        let crlf = CONFIG.replace('\n', "\r\n");
        let excluded = set_exclude(&crlf, 0, Some(true)).expect("a rule");
        assert_eq!(excluded, set_exclude(CONFIG, 0, Some(true)).expect("a rule").replace('\n', "\r\n"));
        let endless = CONFIG.trim_end();
        assert_eq!(set_exclude(endless, 0, Some(true)).as_deref(), Some(excluded.replace('\r', "").trim_end()));
        let open = "rules = []\n[[rules]]\r\nmatch = \"x\"";
        assert_eq!(set_exclude(open, 0, Some(true)), None);
        let open = "a = 1\r\n[[rules]]\nmatch = \"x\"";
        assert_eq!(set_exclude(open, 0, Some(true)), Some(format!("{open}\r\nexclude = true")));
        let mixed = CONFIG.replacen('\n', "\r\n", 1);
        assert_eq!(set_match(&mixed, 1, "y"), Some(mixed.replace("\"x\"", "\"y\"")));
    }
}
