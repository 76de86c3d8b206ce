//! Edits of declaration files, which are JSON with comments: everything that is not edited stays byte for byte.
//!
//! Knows texts and fields; knows nothing of assets. The texts that come in were parsed before, so that they are
//! well-formed; one that is not is left alone.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstInputValue, CstObject, CstRootNode};

use super::cut;
use crate::model::node::{BOM, Value};
use crate::model::{RelPath, text};

/// Sets a field of the object that is the whole text. `None` where the text is no object.
pub fn set(text: &str, field: &str, value: &serde_json::Value) -> Option<String> {
    edit(text, |body, object| match object.get(field) {
        Some(property) => {
            property.set_value(input(value));
            Edited::Tree
        }
        None => match in_one_line(body, field, value) {
            Some(text) => Edited::Text(text),
            None => {
                object.append(field, input(value));
                Edited::Tree
            }
        },
    })
}

/// Takes a field out of the object that is the whole text, if it is there; comments stay. `None` where the text is no
/// object.
pub fn unset(text: &str, field: &str) -> Option<String> {
    edit(text, |body, _| member(body, field).map_or(Edited::Tree, Edited::Text))
}

/// Returns the text without a field of the object that it is; `None` where there is no such field.
fn member(body: &str, field: &str) -> Option<String> {
    let (root, _) = text::json(&RelPath::root(), body);
    let root = root?;
    let entries = root.entries();
    let at = entries.iter().position(|it| it.0.name == field)?;
    let (key, value) = &entries[at];
    let previous = at.checked_sub(1).map(|it| entries[it].1.range.end as usize);
    Some(cut::without(body, key.range.start as usize..value.range.end as usize, previous))
}

/// Replaces strings of an array by what `map` says of each; `None` leaves one as it is. Returns the text and how many
/// were replaced; `None` where the text is no object.
pub fn map_strings(text: &str, field: &str, map: &dyn Fn(&str) -> Option<String>) -> Option<(String, usize)> {
    let mut replaced = 0;
    let edited = edit(text, |_, object| {
        let strings = object.array_value(field).map(|it| it.elements()).unwrap_or_default();
        for string in strings.iter().filter_map(|it| it.as_string_lit()) {
            if let Some(new) = string.decoded_value().ok().and_then(|it| map(&it)) {
                string.set_raw_value(quoted(&new));
                replaced += 1;
            }
        }
        Edited::Tree
    })?;
    Some((edited, replaced))
}

/// Returns whether the text is an object without fields and without a comment that somebody may want to keep.
pub fn is_bare(text: &str) -> bool {
    let rest: String = text.trim_start_matches(BOM).split_whitespace().collect();
    rest == "{}"
}

/// Returns a declaration file with one field.
pub fn fresh(field: &str, value: &serde_json::Value) -> String {
    format!("{{\n  {}: {value}\n}}\n", quoted(field))
}

enum Edited {
    /// The tree says what the text is to be.
    Tree,
    /// The text without its byte-order mark.
    Text(String),
}

fn edit(text: &str, change: impl FnOnce(&str, &CstObject) -> Edited) -> Option<String> {
    let body = text.strip_prefix(BOM).unwrap_or(text);
    let options = ParseOptions { allow_comments: true, allow_trailing_commas: true, ..strict() };
    let root = CstRootNode::parse(body, &options).ok()?;
    let edited = match change(body, &root.object_value()?) {
        Edited::Tree => root.to_string(),
        Edited::Text(edited) => edited,
    };
    Some(if body.len() < text.len() { format!("{BOM}{edited}") } else { edited })
}

fn strict() -> ParseOptions {
    ParseOptions {
        allow_comments: false,
        allow_trailing_commas: false,
        allow_loose_object_property_names: false,
        allow_missing_commas: false,
        allow_single_quoted_strings: false,
        allow_hexadecimal_numbers: false,
        allow_unary_plus_numbers: false,
        allow_bare_decimal_point_numbers: false,
        allow_non_finite_numbers: false,
        allow_extended_string_escapes: false,
    }
}

/// Adds a field to an object that is written in one line, and leaves it in one line: the library would spread it over
/// several. `None` for an object of several lines, or without fields.
fn in_one_line(body: &str, field: &str, value: &serde_json::Value) -> Option<String> {
    let (root, _) = text::json(&RelPath::root(), body);
    let root = root?;
    let Value::Object(entries) = &root.value else { return None };
    let written = &body[root.range.start as usize..root.range.end as usize];
    let at = entries.last()?.1.range.end as usize;
    let is_one_line = !written.contains(['\n', '\r']);
    is_one_line.then(|| format!("{}, {}: {value}{}", &body[..at], quoted(field), &body[at..]))
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn input(value: &serde_json::Value) -> CstInputValue {
    match value {
        serde_json::Value::Bool(it) => CstInputValue::Bool(*it),
        serde_json::Value::String(it) => CstInputValue::String(it.clone()),
        other => CstInputValue::String(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::*;

    const COIN: &str = "\u{feff}{\r\n\t// A sidecar\r\n\t\"tags\": [\"b\",   \"a\"], // tags\r\n\t/* the\r\n\tname */ \"name\" : \"coin\",\r\n}\r\n// end";

    fn shows(edited: Option<String>, expected: Expect) {
        expected.assert_eq(&edited.map_or_else(|| "none".to_owned(), |it| it.replace('\r', "\\r")));
    }

    #[test]
    fn a_field_that_is_there_is_replaced_and_nothing_else() {
        let edited = set(COIN, "name", &json!("gold \"coin\"")).expect("an object");
        assert_eq!(edited, COIN.replace("\"coin\"", "\"gold \\\"coin\\\"\""));
        assert_eq!(set(&edited, "name", &json!("coin")).as_deref(), Some(COIN));
    }

    #[test]
    fn a_field_that_is_not_there_is_added_in_the_manner_of_the_others() {
        shows(
            set(COIN, "exclude", &json!(true)),
            expect![[r#"
            ﻿{\r
            	// A sidecar\r
            	"tags": ["b",   "a"], // tags\r
            	/* the\r
            	name */ "name" : "coin",\r
            	"exclude": true,\r
            }\r
            // end"#]],
        );
        shows(
            set("{\n    \"type\": \"raw\" // bytes\n}\n", "exclude", &json!(true)),
            expect![[r#"
            {
                "type": "raw", // bytes
                "exclude": true
            }
        "#]],
        );
        shows(
            set("{\"type\": \"raw\"}\n", "exclude", &json!(true)),
            expect![[r#"
            {"type": "raw", "exclude": true}
        "#]],
        );
        shows(
            set("{ \"type\": \"raw\", /* x */ }", "exclude", &json!(true)),
            expect![[r#"{ "type": "raw", "exclude": true, /* x */ }"#]],
        );
        shows(
            set("{}\n", "exclude", &json!(true)),
            expect![[r#"
            {
              "exclude": true
            }
        "#]],
        );
        shows(
            set("{\n  // nothing yet\n}\n", "name", &json!("x")),
            expect![[r#"
            {
              // nothing yet
              "name": "x"
            }
        "#]],
        );
        shows(set("[]", "name", &json!("x")), expect!["none"]);
        shows(set("{", "name", &json!("x")), expect!["none"]);
    }

    #[test]
    fn a_field_goes_with_what_was_written_for_it() {
        shows(
            unset(COIN, "name"),
            expect![[r#"
                ﻿{\r
                	// A sidecar\r
                	"tags": ["b",   "a"], // tags\r
                	/* the\r
                	name */\r
                }\r
                // end"#]],
        );
        shows(
            unset(COIN, "tags"),
            expect![[r#"
                ﻿{\r
                	// A sidecar\r
                	// tags\r
                	/* the\r
                	name */ "name" : "coin",\r
                }\r
                // end"#]],
        );
        shows(unset("{\"a\": 1, \"exclude\": true}", "exclude"), expect![[r#"{"a": 1}"#]]);
        shows(unset("{ \"exclude\": true, \"a\": 1 }", "exclude"), expect![[r#"{ "a": 1 }"#]]);
        shows(
            unset("{\n  \"a\": 1,\n  \"exclude\": true\n}\n", "exclude"),
            expect![[r#"
            {
              "a": 1
            }
        "#]],
        );
        shows(
            unset("{\n  \"exclude\": true\n}\n", "exclude"),
            expect![[r#"
                {
                }
            "#]],
        );
        assert_eq!(unset("{ \"a\": 1 }", "exclude").as_deref(), Some("{ \"a\": 1 }"));
    }

    #[test]
    fn what_is_added_can_be_taken_out_again() {
        for text in ["{\"type\": \"raw\"}\n", "{\n    \"type\": \"raw\" // bytes\n}\n", "{ \"type\": \"raw\" }", COIN] {
            let added = set(text, "exclude", &json!(true)).expect("an object");
            assert_eq!(unset(&added, "exclude").as_deref(), Some(text), "{text:?} {added:?}");
        }
        let fresh = fresh("exclude", &json!(true));
        assert!(is_bare(&unset(&fresh, "exclude").expect("an object")), "{fresh}");
        assert!(!is_bare("{ /* keep me */ }"));
    }

    #[test]
    fn strings_of_an_array_are_replaced_where_they_stand() {
        let text = "{ \"dependencies\": [\"a\", // first\n  \"b\",\"a\", 5], \"x\": [\"a\"] }";
        let map = |it: &str| (it == "a").then(|| "new/\u{e9}\n".to_owned());
        let (edited, replaced) = map_strings(text, "dependencies", &map).expect("an object");
        assert_eq!(replaced, 2);
        expect![[r#"{ "dependencies": ["new/é\n", // first
  "b","new/é\n", 5], "x": ["a"] }"#]]
        .assert_eq(&edited);
        assert_eq!(map_strings(text, "inputs", &map), Some((text.to_owned(), 0)));
        assert_eq!(map_strings(COIN, "tags", &|_| None), Some((COIN.to_owned(), 0)));
    }
}
