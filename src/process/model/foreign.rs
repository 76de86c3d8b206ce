//! What unknown extensions refer to by themselves. They are kept as they are, so this may dangle.

use serde_json::{Map, Value};

use super::json::integer;

/// Something outside the document that an extension refers to.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Foreign {
    /// The extension's name, and a `uri` in it that is not data.
    File(String, String),
    /// The extension's name, and the index of a buffer.
    Buffer(String, u64),
}

/// Returns what the extensions of a document refer to, each once, in order. Those named in `known` are left out.
pub fn find(document: &Map<String, Value>, known: &[&str]) -> Vec<Foreign> {
    let mut found = Vec::new();
    for (key, value) in document {
        match key.as_str() {
            "extras" => {}
            "extensions" => search_extensions(value, known, &mut found),
            _ => search(value, None, known, &mut found),
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Searches a value, which is inside the extension `within` or outside all. The parser bounds the nesting.
fn search(value: &Value, within: Option<&str>, known: &[&str], found: &mut Vec<Foreign>) {
    match value {
        Value::Array(items) => items.iter().for_each(|it| search(it, within, known, found)),
        Value::Object(map) => {
            for (key, value) in map {
                match (key.as_str(), within) {
                    ("extras", _) => {}
                    ("extensions", None) => search_extensions(value, known, found),
                    ("uri", Some(name)) => found.extend(file(name, value)),
                    ("buffer", Some(name)) => found.extend(integer(value).map(|it| Foreign::Buffer(name.into(), it))),
                    _ => search(value, within, known, found),
                }
            }
        }
        _ => {}
    }
}

fn search_extensions(extensions: &Value, known: &[&str], found: &mut Vec<Foreign>) {
    for (name, value) in extensions.as_object().into_iter().flatten() {
        if !known.contains(&name.as_str()) {
            search(value, Some(name), known, found);
        }
    }
}

fn file(name: &str, uri: &Value) -> Option<Foreign> {
    let uri = uri.as_str()?;
    let is_data = uri.get(..5).is_some_and(|it| it.eq_ignore_ascii_case("data:"));
    (!is_data).then(|| Foreign::File(name.to_owned(), uri.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_inside_extensions_counts() {
        let text = r#"{
            "images": [{"uri":"a.png","extras":{"extensions":{"X":{"uri":"no"}}}}],
            "bufferViews": [{"buffer":0,"extensions":{"KNOWN":{"buffer":1},"ODD":{"buffer":2}}}],
            "extensions": {"AUDIO":{"clips":[{"uri":"b.ogg"},{"uri":"data:,"},{"uri":7},{"uri":"b.ogg"}]},"Z":3}
        }"#;
        let document = serde_json::from_str(text).expect("JSON");
        let expected = [Foreign::File("AUDIO".to_owned(), "b.ogg".to_owned()), Foreign::Buffer("ODD".to_owned(), 2)];
        assert_eq!(find(&document, &["KNOWN"]), expected);
    }
}
