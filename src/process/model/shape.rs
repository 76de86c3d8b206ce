//! Whether a glTF is built as the format says, as far as indices and lists go.
//!
//! After this, the lists at the top are lists of objects, and every index from one core object to another is
//! in bounds. What objects say otherwise is not looked at.

use serde_json::{Map, Value};

use super::json::integer;

/// The lists at the top of a glTF.
const LISTS: &[&str] = &[
    "accessors",
    "animations",
    "buffers",
    "bufferViews",
    "cameras",
    "images",
    "materials",
    "meshes",
    "nodes",
    "samplers",
    "scenes",
    "skins",
    "textures",
];

/// Every index of the core format: where it is, and which list it points into. `[]` is each item of a list,
/// `{}` each value of an object; what is absent on the way is no index.
const INDICES: &[(&str, &str)] = &[
    ("accessors [] bufferView", "bufferViews"),
    ("accessors [] sparse indices bufferView", "bufferViews"),
    ("accessors [] sparse values bufferView", "bufferViews"),
    ("animations [] channels [] target node", "nodes"),
    ("animations [] samplers [] input", "accessors"),
    ("animations [] samplers [] output", "accessors"),
    ("bufferViews [] buffer", "buffers"),
    ("images [] bufferView", "bufferViews"),
    ("materials [] emissiveTexture index", "textures"),
    ("materials [] normalTexture index", "textures"),
    ("materials [] occlusionTexture index", "textures"),
    ("materials [] pbrMetallicRoughness baseColorTexture index", "textures"),
    ("materials [] pbrMetallicRoughness metallicRoughnessTexture index", "textures"),
    ("meshes [] primitives [] attributes {}", "accessors"),
    ("meshes [] primitives [] indices", "accessors"),
    ("meshes [] primitives [] material", "materials"),
    ("meshes [] primitives [] targets [] {}", "accessors"),
    ("nodes [] camera", "cameras"),
    ("nodes [] children []", "nodes"),
    ("nodes [] mesh", "meshes"),
    ("nodes [] skin", "skins"),
    ("scene", "scenes"),
    ("scenes [] nodes []", "nodes"),
    ("skins [] inverseBindMatrices", "accessors"),
    ("skins [] joints []", "nodes"),
    ("skins [] skeleton", "nodes"),
    ("textures [] sampler", "samplers"),
    ("textures [] source", "images"),
];

/// A list of problems ends here; who has this many has seen enough.
const MOST_PROBLEMS: usize = 16;

/// Returns what is wrong with the shape of a document, in words.
pub fn check(document: &Map<String, Value>) -> Vec<String> {
    if let Err(problem) = check_version(document) {
        return vec![problem];
    }
    let mut problems: Vec<String> = LISTS.iter().filter_map(|it| check_list(document, it)).collect();
    problems.extend(["extensionsUsed", "extensionsRequired"].iter().filter_map(|it| check_names(document, it)));
    if !problems.is_empty() {
        return problems;
    }
    for (path, list) in INDICES {
        let count = list_len(document, list);
        let mut walk = Walk { list, count, at: String::new(), problems: &mut problems };
        walk.field(document, path);
    }
    problems.truncate(MOST_PROBLEMS);
    problems
}

/// Returns the number of items in a list at the top.
pub fn list_len(document: &Map<String, Value>, list: &str) -> u64 {
    document.get(list).and_then(Value::as_array).map_or(0, |it| it.len() as u64)
}

fn check_version(document: &Map<String, Value>) -> Result<(), String> {
    let asset = document.get("asset").ok_or("there is no `asset`, which every glTF has")?;
    let version = asset.get("version").ok_or("`asset` has no `version`")?;
    let version = version.as_str().ok_or("`asset.version` is not text")?;
    match version.split_once('.') {
        Some(("2", minor)) if !minor.is_empty() && minor.bytes().all(|it| it.is_ascii_digit()) => Ok(()),
        _ => Err(format!("this is glTF {version}; only 2.x is read")),
    }
}

fn check_list(document: &Map<String, Value>, list: &str) -> Option<String> {
    match document.get(list)? {
        Value::Array(items) => {
            let at = items.iter().position(|it| !it.is_object())?;
            Some(format!("`{list}[{at}]` is {} and not an object", type_name(&items[at])))
        }
        other => Some(format!("`{list}` is {} and not a list", type_name(other))),
    }
}

fn check_names(document: &Map<String, Value>, list: &str) -> Option<String> {
    let is_names = |it: &Value| it.as_array().is_some_and(|it| it.iter().all(Value::is_string));
    (!is_names(document.get(list)?)).then(|| format!("`{list}` is not a list of names"))
}

/// Returns what a value is, with its article.
pub fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Follows one path of [`INDICES`] to all indices that it means.
struct Walk<'a> {
    list: &'a str,
    count: u64,
    /// Where it is, for messages.
    at: String,
    problems: &'a mut Vec<String>,
}

impl Walk<'_> {
    fn value(&mut self, value: &Value, path: &str) {
        if self.problems.len() > MOST_PROBLEMS {
            return;
        }
        let (step, rest) = path.split_once(' ').unwrap_or((path, ""));
        match (step, value) {
            ("", index) => self.index(index),
            ("[]", Value::Array(items)) => {
                for (at, item) in items.iter().enumerate() {
                    self.step(format_args!("[{at}]"), item, rest);
                }
            }
            ("{}", Value::Object(map)) => {
                for (key, value) in map {
                    self.step(format_args!(".{key}"), value, rest);
                }
            }
            ("[]", other) => self.wrong_type(other, "a list"),
            (_, Value::Object(map)) => self.field(map, path),
            (_, other) => self.wrong_type(other, "an object"),
        }
    }

    fn field(&mut self, map: &Map<String, Value>, path: &str) {
        let (name, rest) = path.split_once(' ').unwrap_or((path, ""));
        if let Some(value) = map.get(name) {
            let dot = if self.at.is_empty() { "" } else { "." };
            self.step(format_args!("{dot}{name}"), value, rest);
        }
    }

    fn step(&mut self, name: std::fmt::Arguments<'_>, value: &Value, rest: &str) {
        let len = self.at.len();
        self.at.push_str(&name.to_string());
        self.value(value, rest);
        self.at.truncate(len);
    }

    fn index(&mut self, value: &Value) {
        let (at, list, count) = (&self.at, self.list, self.count);
        let problem = match integer(value) {
            Some(index) if index < count => return,
            Some(index) => format!("`{at}` is {index}, but the length of `{list}` is {count}"),
            None if value.is_number() => format!("`{at}` is {value}, which is no index"),
            None => format!("`{at}` is {} and not an index", type_name(value)),
        };
        self.add(problem);
    }

    fn wrong_type(&mut self, found: &Value, expected: &str) {
        self.add(format!("`{}` is {} and not {expected}", self.at, type_name(found)));
    }

    fn add(&mut self, problem: String) {
        // Several paths lead over the same place.
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> String {
        let document: Map<String, Value> = serde_json::from_str(text).expect("JSON");
        check(&document).iter().map(|it| format!("{it}\n")).collect()
    }

    #[test]
    fn versions_below_two_and_above_are_not_read() {
        for good in ["2.0", "2.1", "2.10"] {
            assert_eq!(problems(&format!(r#"{{"asset":{{"version":"{good}"}}}}"#)), "");
        }
        let text: String = [
            r#"{}"#,
            r#"{"asset":2}"#,
            r#"{"asset":{"version":2.0}}"#,
            r#"{"asset":{"version":"1.0"},"meshes":{"a":{}}}"#,
            r#"{"asset":{"version":"20.0"}}"#,
            r#"{"asset":{"version":"2"}}"#,
            r#"{"asset":{"version":"2.x"}}"#,
            r#"{"asset":{"version":"3.0"}}"#,
        ]
        .map(problems)
        .concat();
        expect_test::expect![[r#"
            there is no `asset`, which every glTF has
            `asset` has no `version`
            `asset.version` is not text
            this is glTF 1.0; only 2.x is read
            this is glTF 20.0; only 2.x is read
            this is glTF 2; only 2.x is read
            this is glTF 2.x; only 2.x is read
            this is glTF 3.0; only 2.x is read
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn wrong_types_and_indices_out_of_bounds_are_named() {
        expect_test::expect![[r#"
            `images` is an object and not a list
            `meshes` is a number and not a list
            `nodes[1]` is null and not an object
            `extensionsUsed` is not a list of names
        "#]]
        .assert_eq(&problems(
            r#"{"asset":{"version":"2.0"},"meshes":7,"nodes":[{},null],"extensionsUsed":[1],"images":{}}"#,
        ));
        expect_test::expect![[r#"
            `accessors[0].sparse.indices.bufferView` is 1, but the length of `bufferViews` is 1
            `bufferViews[0].buffer` is 0, but the length of `buffers` is 0
            `meshes[0].primitives[0].attributes.NORMAL` is 9, but the length of `accessors` is 1
            `meshes[0].primitives[1]` is a number and not an object
            `meshes[1].primitives[0].targets[0].POSITION` is 1, but the length of `accessors` is 1
            `nodes[1].camera` is 0.5, which is no index
            `nodes[0].children` is an object and not a list
            `nodes[1].mesh` is -1, which is no index
            `nodes[1].skin` is text and not an index
            `scene` is 1, but the length of `scenes` is 1
            `scenes[0].nodes[1]` is 2, but the length of `nodes` is 2
        "#]].assert_eq(&problems(
            r#"{
                "asset": {"version":"2.0"},
                "scene": 1,
                "scenes": [{"nodes":[0,2]}],
                "nodes": [{"mesh":0.0,"children":{}},{"mesh":-1,"skin":"0","camera":0.5}],
                "meshes": [{"primitives":[{"attributes":{"POSITION":0,"NORMAL":9}},7]},{"primitives":[{"targets":[{"POSITION":1}]}]}],
                "accessors": [{"bufferView":0,"sparse":{"indices":{"bufferView":1}}}],
                "bufferViews": [{"buffer":0}]
            }"#,
        ));
    }

    #[test]
    fn there_is_an_end_to_problems() {
        let nodes = vec![r#"{"mesh":1}"#; 100].join(",");
        let text = problems(&format!(r#"{{"asset":{{"version":"2.0"}},"nodes":[{nodes}]}}"#));
        assert_eq!(text.lines().count(), MOST_PROBLEMS);
    }
}
