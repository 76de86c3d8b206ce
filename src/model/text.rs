//! From the bytes of an authored file to its tree of values.
//!
//! JSON with comments and trailing commas, and TOML 1.1; a byte-order mark and CRLF are fine. Nothing in here
//! panics or recurses deeper than a small constant, whatever the bytes are, and everything refused is shown
//! where it stands. Knows nothing of what the fields mean.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jsonc_parser::ast;
use jsonc_parser::common::Range;
use jsonc_parser::errors::ParseErrorKind;
use jsonc_parser::{CollectOptions, ParseOptions};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::node::{BOM, Key, Node, TextRange, Value, locate};
use super::suggest::shown;
use super::{Code, Diagnostic, Location, RelPath, Span};

/// The largest authored file in bytes.
pub const MAX_LEN: usize = 1 << 20;
/// How deep arrays and objects may nest.
pub const MAX_DEPTH: usize = 64;
/// How many problems of one file's syntax are shown.
const MAX_PROBLEMS: usize = 16;

/// Returns the text of `file`.
///
/// # Errors
///
/// The file is not UTF-8, or longer than [`MAX_LEN`].
pub fn utf8<'a>(file: &RelPath, bytes: &'a [u8]) -> Result<&'a str, Diagnostic> {
    if bytes.len() > MAX_LEN {
        let message = format!("the file is {} bytes long; {MAX_LEN} are allowed", bytes.len());
        return Err(Diagnostic::error(Code::TOO_LARGE, message).at(Location::file(file)));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let good = error.valid_up_to();
        let before = std::str::from_utf8(&bytes[..good]).expect("what precedes the first bad byte is UTF-8");
        let message = format!("the file is not UTF-8: byte {good} is 0x{:02x}", bytes[good]);
        let help = match bytes {
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => "it looks like UTF-16; save it as UTF-8",
            _ => "save it as UTF-8",
        };
        Diagnostic::error(Code::NOT_UTF8, message).at(Location::span(file, Span::of(before, good, good))).help(help)
    })
}

/// Parses a JSON file. The tree is absent when there is none; where a key is given twice the first counts.
pub fn json(file: &RelPath, text: &str) -> (Option<Node>, Vec<Diagnostic>) {
    let options = ParseOptions {
        allow_comments: true,
        allow_trailing_commas: true,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    };
    let mut source = Source::new(file, text);
    let root = match jsonc_parser::parse_to_ast(source.body, &CollectOptions::default(), &options) {
        Ok(parsed) => match parsed.value {
            Some(value) => source.json_node(&value, 0),
            None => source.refuse(Code::SYNTAX, source.range(0, 0), "the file holds no value; expected an object"),
        },
        Err(error) => {
            let Range { start, end } = error.range();
            let message = match error.kind() {
                ParseErrorKind::NestingDepthExceeded => too_deep(),
                other => lower_first(&other.to_string()),
            };
            source.refuse(Code::SYNTAX, source.range(start, end), message)
        }
    };
    (root, source.diagnostics)
}

/// Parses a TOML file. The tree is absent when there is none; where a key is given twice one of them counts.
pub fn toml(file: &RelPath, text: &str) -> (Option<Node>, Vec<Diagnostic>) {
    let mut source = Source::new(file, text);
    let (table, errors) = DeTable::parse_recoverable(source.body);
    let mut readable = true;
    for error in errors.iter().take(MAX_PROBLEMS) {
        let span = error.span().unwrap_or(0..0);
        let range = source.range(span.start, span.end);
        if error.message() == "duplicate key" {
            source.duplicate_in_toml(span);
        } else {
            readable = false;
            source.refuse::<()>(Code::SYNTAX, range, lower_first(error.message()));
        }
    }
    let root = readable.then(|| source.toml_table(table.get_ref(), TextRange::default(), 0)).flatten();
    (root, source.diagnostics)
}

/// A file that is being parsed, and what was wrong with it so far.
struct Source<'a> {
    file: &'a RelPath,
    text: &'a str,
    /// The text without its byte-order mark: what the parsers count in.
    body: &'a str,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Source<'a> {
    fn new(file: &'a RelPath, text: &'a str) -> Self {
        Self { file, text, body: text.strip_prefix(BOM).unwrap_or(text), diagnostics: Vec::new() }
    }

    /// Returns the range of the file that is `start..end` of the body.
    fn range(&self, start: usize, end: usize) -> TextRange {
        let mark = self.text.len() - self.body.len();
        let within = |at: usize| (at.min(self.body.len()) + mark) as u32;
        TextRange { start: within(start), end: within(end.max(start)) }
    }

    /// Reports a problem; there is no value then.
    fn refuse<T>(&mut self, code: Code, range: TextRange, message: impl Into<String>) -> Option<T> {
        let location = locate(self.file, self.text, range);
        self.diagnostics.push(Diagnostic::error(code, message).at(location));
        None
    }

    fn duplicate(&mut self, name: &str, range: TextRange, first: Option<TextRange>) {
        let message = format!("the key `{}` is given twice", shown(name));
        let mut diagnostic = Diagnostic::error(Code::DUPLICATE_KEY, message).at(locate(self.file, self.text, range));
        if let Some(first) = first {
            diagnostic = diagnostic.related("first given here", locate(self.file, self.text, first));
        }
        self.diagnostics.push(diagnostic);
    }

    fn json_node(&mut self, value: &ast::Value<'_>, depth: usize) -> Option<Node> {
        let Range { start, end } = jsonc_parser::common::Ranged::range(value);
        let range = self.range(start, end);
        if depth > MAX_DEPTH {
            return self.refuse(Code::SYNTAX, range, too_deep());
        }
        let value = match value {
            ast::Value::NullKeyword(_) => Value::Null,
            ast::Value::BooleanLit(it) => Value::Bool(it.value),
            ast::Value::StringLit(it) => Value::String(self.json_string(it)?),
            ast::Value::NumberLit(it) => self.number(it.value, 10, range)?,
            ast::Value::Array(it) => {
                Value::Array(it.elements.iter().map(|it| self.json_node(it, depth + 1)).collect::<Option<_>>()?)
            }
            ast::Value::Object(it) => Value::Object(self.json_entries(it, depth)?),
        };
        Some(Node { range, value })
    }

    fn json_entries(&mut self, object: &ast::Object<'_>, depth: usize) -> Option<Vec<(Key, Node)>> {
        let mut seen: BTreeMap<String, TextRange> = BTreeMap::new();
        let mut entries = Vec::with_capacity(object.properties.len());
        for property in &object.properties {
            let ast::ObjectPropName::String(key) = &property.name else {
                let range = self.range(property.range.start, property.range.end);
                return self.refuse(Code::SYNTAX, range, "keys are written in double quotes");
            };
            let name = self.json_string(key)?;
            let range = self.range(key.range.start, key.range.end);
            let node = self.json_node(&property.value, depth + 1)?;
            if let Some(first) = seen.get(&name) {
                if self.diagnostics.len() < MAX_PROBLEMS {
                    self.duplicate(&name, range, Some(*first));
                }
                continue;
            }
            seen.insert(name.clone(), range);
            entries.push((Key { name, range }, node));
        }
        Some(entries)
    }

    /// Returns a string's text. The parser takes line breaks and other control characters in it; JSON does not,
    /// and a string without its end would swallow what follows.
    fn json_string(&mut self, literal: &ast::StringLit<'_>) -> Option<String> {
        let Range { start, end } = literal.range;
        let raw = self.body.get(start..end).unwrap_or_default();
        if let Some(at) = raw.find(|it: char| u32::from(it) < 0x20) {
            let range = self.range(start + at, start + at + 1);
            return self.refuse(Code::SYNTAX, range, "control characters in a string are written as escapes");
        }
        Some(literal.value.clone().into_owned())
    }

    /// Returns a number written with the digits of `radix`, without separators.
    fn number(&mut self, digits: &str, radix: u32, range: TextRange) -> Option<Value> {
        if radix == 10 && digits.contains(['.', 'e', 'E']) {
            return self.float(digits, range);
        }
        match i64::from_str_radix(digits, radix) {
            Ok(it) => Some(Value::Integer(it)),
            Err(_) => self.refuse(Code::WRONG_TYPE, range, "the number does not fit into 64 bits"),
        }
    }

    fn float(&mut self, digits: &str, range: TextRange) -> Option<Value> {
        match digits.parse::<f64>() {
            Ok(it) if it.is_finite() => Some(Value::Float(it)),
            _ => self.refuse(Code::WRONG_TYPE, range, "the number is not finite"),
        }
    }

    fn toml_node(&mut self, value: &Spanned<DeValue<'_>>, depth: usize) -> Option<Node> {
        let range = self.range(value.span().start, value.span().end);
        if depth > MAX_DEPTH {
            return self.refuse(Code::SYNTAX, range, too_deep());
        }
        let value = match value.get_ref() {
            DeValue::String(it) => Value::String(it.clone().into_owned()),
            DeValue::Integer(it) => self.number(it.as_str(), it.radix(), range)?,
            DeValue::Float(it) => self.float(it.as_str(), range)?,
            DeValue::Boolean(it) => Value::Bool(*it),
            DeValue::Datetime(_) => {
                return self.refuse(Code::WRONG_TYPE, range, "dates and times mean nothing here");
            }
            DeValue::Array(items) => {
                Value::Array(items.iter().map(|it| self.toml_node(it, depth + 1)).collect::<Option<_>>()?)
            }
            DeValue::Table(table) => return self.toml_table(table, range, depth),
        };
        Some(Node { range, value })
    }

    fn toml_table(&mut self, table: &DeTable<'_>, range: TextRange, depth: usize) -> Option<Node> {
        let mut entries = Vec::with_capacity(table.len());
        for (key, value) in table {
            let name = key.get_ref().clone().into_owned();
            let range = self.range(key.span().start, key.span().end);
            entries.push((Key { name, range }, self.toml_node(value, depth + 1)?));
        }
        entries.sort_by_key(|(key, _)| key.range.start);
        Some(Node { range, value: Value::Object(entries) })
    }

    fn duplicate_in_toml(&mut self, key: std::ops::Range<usize>) {
        let range = self.range(key.start, key.end);
        let written = self.body.get(key.clone()).unwrap_or_default();
        let name = toml_key(written).unwrap_or(Cow::Borrowed(written)).into_owned();
        let first = first_place(&self.body[..key.start.min(self.body.len())], &name);
        self.duplicate(&name, range, first.map(|it| self.range(it.start, it.end)));
    }
}

/// Returns what the key written as `written` is called.
fn toml_key(written: &str) -> Option<Cow<'static, str>> {
    let line = format!("{written} = 0");
    let table = DeTable::parse(&line).ok()?;
    let key = table.get_ref().keys().next()?;
    Some(Cow::Owned(key.get_ref().clone().into_owned()))
}

/// Returns where the key `name`, about to be given a second time after `before`, was given first.
///
/// The parser does not say. So the text up to the second place is parsed once more with a key put there that
/// occurs nowhere else: whatever table it lands in is the table in question.
fn first_place(before: &str, name: &str) -> Option<std::ops::Range<usize>> {
    const PROBE: &str = "packwright-probe";
    ["= 0", "]", "]]"].iter().find_map(|rest| {
        let text = format!("{before}{PROBE} {rest}");
        let (root, _) = DeTable::parse_recoverable(&text);
        let table = table_with(root.get_ref(), PROBE)?;
        table.keys().find(|it| it.get_ref() == name).map(Spanned::span)
    })
}

fn table_with<'t, 'i>(table: &'t DeTable<'i>, key: &str) -> Option<&'t DeTable<'i>> {
    if table.keys().any(|it| it.get_ref() == key) {
        return Some(table);
    }
    table.values().find_map(|it| value_with(it.get_ref(), key))
}

fn value_with<'t, 'i>(value: &'t DeValue<'i>, key: &str) -> Option<&'t DeTable<'i>> {
    match value {
        DeValue::Table(it) => table_with(it, key),
        DeValue::Array(items) => items.iter().find_map(|it| value_with(it.get_ref(), key)),
        _ => None,
    }
}

fn too_deep() -> String {
    format!("arrays and objects are nested more than {MAX_DEPTH} deep")
}

fn lower_first(sentence: &str) -> String {
    let mut chars = sentence.chars();
    chars.next().map(|it| it.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::diagnostic::sort;

    fn file() -> RelPath {
        RelPath::new("a.json").expect("a path")
    }

    /// Returns the diagnostics of a parse, one a line: `line:column-length code message`, then related places.
    fn shown_of(text: &str, diagnostics: Vec<Diagnostic>) -> String {
        let place = |location: &Location| {
            let span = location.span.expect("a parser knows where");
            assert!(span.start <= span.end && span.end as usize <= text.len(), "{span:?} of {}", text.len());
            format!("{}:{}+{}", span.line, span.column, span.end - span.start)
        };
        let mut diagnostics = diagnostics;
        sort(&mut diagnostics);
        let mut lines = Vec::new();
        for it in &diagnostics {
            let mut line = format!("{} {} {}", place(it.location.as_ref().expect("in a file")), it.code, it.message);
            for related in &it.related {
                line += &format!(" ({} {})", related.message, place(&related.location));
            }
            lines.push(line);
        }
        lines.join("\n")
    }

    fn of_json(text: &str) -> String {
        let (node, diagnostics) = json(&file(), text);
        assert!(node.is_some() || !diagnostics.is_empty(), "{text}");
        match (node, diagnostics.is_empty()) {
            (Some(node), true) => node.to_json().to_string(),
            (_, _) => shown_of(text, diagnostics),
        }
    }

    fn of_toml(text: &str) -> String {
        let (node, diagnostics) = toml(&file(), text);
        assert!(node.is_some() || !diagnostics.is_empty(), "{text}");
        match (node, diagnostics.is_empty()) {
            (Some(node), true) => node.to_json().to_string(),
            (_, _) => shown_of(text, diagnostics),
        }
    }

    #[test]
    fn json_is_strict_but_for_comments_and_trailing_commas() {
        for (text, expected) in [
            ("// a\r\n{ \"a\": [1, -2.5, true, null, \"\\u00fc\",], /* b */ }", r#"{"a":[1,-2.5,true,null,"ü"]}"#),
            ("\u{feff}{}", "{}"),
            ("{\"a\": 9223372036854775807}", r#"{"a":9223372036854775807}"#),
            ("", "1:1+0 PW0001 the file holds no value; expected an object"),
            ("// only", "1:1+0 PW0001 the file holds no value; expected an object"),
            ("{a: 1}", "1:2+1 PW0001 expected string for object property"),
            ("{'a': 1}", "1:2+1 PW0001 single-quoted strings are not allowed"),
            ("{\"a\": 1 \"b\": 2}", "1:8+0 PW0001 expected comma"),
            ("{\"a\": 0x10}", "1:7+1 PW0001 hexadecimal numbers are not allowed"),
            ("{\"a\": +1}", "1:7+1 PW0001 unary plus on numbers is not allowed"),
            ("{\"a\": NaN}", "1:7+3 PW0001 unexpected token"),
            ("{\"a\": 9223372036854775808}", "1:7+19 PW0004 the number does not fit into 64 bits"),
            ("{\"a\": 1e999}", "1:7+5 PW0004 the number is not finite"),
            ("{} {}", "1:4+1 PW0001 text cannot contain more than one JSON value"),
            ("\u{feff}{\"a\"}", "1:5+1 PW0001 expected colon after the string or word in object property"),
        ] {
            assert_eq!(of_json(text), expected, "{text}");
        }
    }

    #[test]
    fn toml_is_toml() {
        for (text, expected) in [
            (
                "b = 1\r\n[a]\r\nx.y = [1_000, 0x10, 1e3, 'l']\r\n[[c]]\nd = {}\n[[c]]",
                r#"{"a":{"x":{"y":[1000,16,1000.0,"l"]}},"b":1,"c":[{"d":{}},{}]}"#,
            ),
            ("\u{feff}a = true", r#"{"a":true}"#),
            ("", "{}"),
            ("a = 1979-05-27", "1:5+10 PW0004 dates and times mean nothing here"),
            ("a = inf", "1:5+3 PW0004 the number is not finite"),
            ("a = 99999999999999999999", "1:5+20 PW0004 the number does not fit into 64 bits"),
            ("a = ", "1:5+0 PW0001 string values must be quoted, expected literal string"),
        ] {
            assert_eq!(of_toml(text), expected, "{text}");
        }
    }

    #[test]
    fn a_key_given_twice_shows_both_places() {
        for (text, expected) in [
            ("{\"a\": 1,\n \"a\": 2}", "2:2+3 PW0002 the key `a` is given twice (first given here 1:2+3)"),
            (
                "{\"o\": {\"\\u0061\": 1, \"a\": 2}}",
                "1:21+3 PW0002 the key `a` is given twice (first given here 1:8+8)",
            ),
        ] {
            assert_eq!(of_json(text), expected, "{text}");
        }
        for (text, expected) in [
            ("a = 1\n\"a\" = 2", "2:1+3 PW0002 the key `a` is given twice (first given here 1:1+1)"),
            ("[t]\na = 1\n[u]\na = 1\na = 2", "5:1+1 PW0002 the key `a` is given twice (first given here 4:1+1)"),
            ("[t.u]\na = 1\n[x]\n[t.u]\n", "4:4+1 PW0002 the key `u` is given twice (first given here 1:4+1)"),
            ("o.a = 1\no.a = 2", "2:3+1 PW0002 the key `a` is given twice (first given here 1:3+1)"),
            ("o = { a = 1, a = 2 }", "1:14+1 PW0002 the key `a` is given twice (first given here 1:7+1)"),
            ("[[r]]\na = 1\n[[r]]\na = 1\na = 1", "5:1+1 PW0002 the key `a` is given twice (first given here 4:1+1)"),
            ("[r]\n[[r]]", "2:3+1 PW0002 the key `r` is given twice (first given here 1:2+1)"),
        ] {
            assert_eq!(of_toml(text), expected, "{text}");
        }
    }

    #[test]
    fn nesting_is_limited_and_never_overflows() {
        let nested = |open: &str, n: usize, close: &str| format!("{}{}", open.repeat(n), close.repeat(n));
        assert!(json(&file(), &nested("[", MAX_DEPTH + 1, "]")).1.is_empty());
        for text in [
            nested("[", MAX_DEPTH + 2, "]"),
            nested("[", 100_000, "]"),
            nested("[", 100_000, ""),
            nested("{\"a\":", 100_000, ""),
            nested("[{\"a\":", 100_000, "}]"),
        ] {
            let shown = of_json(&text);
            assert!(shown.contains("PW0001 arrays and objects are nested more than 64 deep"), "{shown}");
        }
        for text in [
            format!("a = {}", nested("[", MAX_DEPTH + 1, "]")),
            format!("a = {}", nested("[", 100_000, "]")),
            format!("a = {}", nested("{ a = ", 100_000, "}")),
            format!("{}a = 1", "a.".repeat(100_000)),
            format!("[{}a]", "a.".repeat(100_000)),
            "[".repeat(100_000),
        ] {
            assert!(of_toml(&text).contains("PW0001"));
        }
    }

    #[test]
    fn text_is_utf8_of_a_sane_size() {
        let problem = |bytes: &[u8]| utf8(&file(), bytes).expect_err("not a text");
        let bad = problem(b"a\n\xc3\xbc\xff");
        assert_eq!((bad.code, bad.message.as_str()), (Code::NOT_UTF8, "the file is not UTF-8: byte 4 is 0xff"));
        let span = bad.location.and_then(|it| it.span).expect("where");
        assert_eq!((span.start, span.line, span.column), (4, 2, 2));
        assert_eq!(problem(b"\xff\xfe{\0").help.as_deref(), Some("it looks like UTF-16; save it as UTF-8"));
        assert!(utf8(&file(), &vec![b' '; MAX_LEN]).is_ok());
        assert_eq!(problem(&vec![b' '; MAX_LEN + 1]).code, Code::TOO_LARGE);
    }

    /// `serde_json` takes the same texts for the same values. Known to differ: trailing commas, `-0` and numbers
    /// that do not fit.
    #[test]
    fn json_agrees_with_serde_json() {
        let valid = r#"{"a": [1, -0.5e3, "\u0041\n", {"b": null, "c": [true, false, ""]}], "d": {"e": 10}}"#;
        let mut agreed = 0;
        for at in 0..valid.len() {
            for change in ["", "x", "\"", "[", "}", ",", ":", "0", "-", ".", "\\", "\t", "e"] {
                let text = format!("{}{change}{}", &valid[..at], &valid[at + 1..]);
                let (node, diagnostics) = json(&file(), &text);
                let theirs = serde_json::from_str::<serde_json::Value>(&text).ok();
                let tight = text.replace(' ', "");
                let known = [",}", ",]", "-0,", "-0]", "-0}"].iter().any(|it| tight.contains(it));
                if known || diagnostics.iter().any(|it| it.code != Code::SYNTAX) {
                    continue;
                }
                assert_eq!(node.map(|it| it.to_json()), theirs, "{text}");
                agreed += usize::from(theirs.is_some());
            }
        }
        assert!(agreed > 100, "{agreed}");
    }

    #[test]
    fn a_cut_text_is_shown_where_it_was_cut() {
        let valid = "{ // ü\n \"a\": [1, \"ü\", {\"b\": null}], /* c */ \"d\": {\"e\": 1.5e3} }";
        for at in (0..valid.len()).filter(|it| valid.is_char_boundary(*it)) {
            assert!(of_json(&valid[..at]).contains("PW0001"), "{}", &valid[..at]);
        }
        let valid = "a = [1, 'ü']\n[b.c]\nd = { e = 1.5e3, f = \"\"\"\nx\"\"\" }\n[[g]]\nh = 2\n";
        for at in (0..valid.len()).filter(|it| valid.is_char_boundary(*it)) {
            of_toml(&valid[..at]);
        }
    }

    /// What TOML and JSON are made of, whole enough to get deep into a parser.
    const WORDS: &[&str] = &[
        "a",
        "b",
        "a.b",
        "a.b.c",
        "\"a\"",
        "'b'",
        "[a]\n",
        "[[a]]\n",
        "[a.b]\n",
        "[[a.b]]\n",
        "[b.a]\n",
        " = ",
        "1",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\n",
        "a = 1\n",
        "a.b = 1\n",
        "b = {}\n",
        "a = [{}]\n",
        "b = { a.b = 1 }\n",
        "\"a\": ",
        "\"\"\"",
        "//",
        "/*",
        "*/",
        "#",
        "\\u0061",
        "-1e3",
        "null",
        "true",
        "\r",
    ];

    proptest::proptest! {
        #[test]
        fn no_words_panic(words in proptest::collection::vec(proptest::sample::select(WORDS), 0..24)) {
            of_json(&words.concat());
            of_toml(&words.concat());
        }

        #[test]
        fn no_text_panics(text in "[\\[\\]{}\",:=.'#\n\\\\ 0-9a-c\u{feff}ü/*-]{0,40}") {
            of_json(&text);
            of_toml(&text);
        }
    }
}
