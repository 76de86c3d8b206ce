//! Settings as values: what an author wrote for a processor, without where it was written.
//!
//! Two ways of writing the same settings are equal here, so that comments, the order of keys and the form
//! of the file reach no recipe. Knows nothing of what any setting means.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::node::{Key, Node, TextRange, Value, decode};
use super::{Diagnostic, RelPath};

/// A value without its place in a text; equal exactly when it means the same.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub enum Plain {
    /// JSON's `null`.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A number without fraction.
    Integer(i64),
    /// The bits of a finite number with a fraction or an exponent.
    Float(u64),
    /// Text.
    Text(String),
    /// An array.
    Array(Vec<Plain>),
    /// An object, by key.
    Table(BTreeMap<String, Plain>),
}

impl Plain {
    /// Returns the value of `node`.
    pub fn of(node: &Node) -> Self {
        match &node.value {
            Value::Null => Self::Null,
            Value::Bool(it) => Self::Bool(*it),
            Value::Integer(it) => Self::Integer(*it),
            Value::Float(it) => Self::Float(it.to_bits()),
            Value::String(it) => Self::Text(it.clone()),
            Value::Array(items) => Self::Array(items.iter().map(Self::of).collect()),
            Value::Object(_) => Self::Table(table(node)),
        }
    }

    /// Returns the value as a tree that was written nowhere.
    pub fn to_node(&self) -> Node {
        let range = TextRange::default();
        let value = match self {
            Self::Null => Value::Null,
            Self::Bool(it) => Value::Bool(*it),
            Self::Integer(it) => Value::Integer(*it),
            Self::Float(bits) => Value::Float(f64::from_bits(*bits)),
            Self::Text(it) => Value::String(it.clone()),
            Self::Array(items) => Value::Array(items.iter().map(Self::to_node).collect()),
            Self::Table(entries) => {
                let key = |name: &String| Key { name: name.clone(), range };
                Value::Object(entries.iter().map(|(name, it)| (key(name), it.to_node())).collect())
            }
        };
        Node { range, value }
    }
}

fn table(node: &Node) -> BTreeMap<String, Plain> {
    node.entries().iter().map(|(key, value)| (key.name.clone(), Plain::of(value))).collect()
}

/// The settings of an asset, or one layer of them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct Settings(pub BTreeMap<String, Plain>);

impl Settings {
    /// Returns the settings written in `node`, none when it is no object.
    pub fn of(node: &Node) -> Self {
        Self(table(node))
    }

    /// Lays `top` over these settings: each setting in it replaces the one of that name, whole.
    pub fn overlay(&mut self, top: &Settings) {
        self.0.extend(top.0.iter().map(|(name, value)| (name.clone(), value.clone())));
    }

    /// Returns the settings as a tree that was written nowhere.
    pub fn to_node(&self) -> Node {
        Plain::Table(self.0.clone()).to_node()
    }

    /// Decodes the settings into a processor's type.
    ///
    /// # Errors
    ///
    /// What does not fit, without a useful place: each layer was checked where it was written, so that this
    /// is no way to find an author's mistakes.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, Diagnostic> {
        decode(&self.to_node(), &RelPath::root(), "")
    }
}

/// Returns `base` with the entries of `top` laid over it: each replaces the one of that key, whole.
pub fn overlay(base: &Node, top: &Node) -> Node {
    let kept = base.entries().iter().filter(|(key, _)| top.get(&key.name).is_none());
    Node { range: top.range, value: Value::Object(kept.chain(top.entries()).cloned().collect()) }
}

/// What is known of the processors where authored files are read: their kinds, and what each allows an
/// author to set.
pub trait SettingsCheck {
    /// Returns the kinds, sorted.
    fn kinds(&self) -> &[&str];

    /// Returns what is wrong with one layer of settings for `kind`, written at `node` of `file`, whose whole
    /// text is `text`. A layer may leave out anything.
    fn check(&self, kind: &str, node: &Node, file: &RelPath, text: &str) -> Vec<Diagnostic>;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::text;

    fn node(text: &str) -> Node {
        let file = RelPath::new("a.json").expect("a path");
        text::json(&file, text).0.expect("a tree")
    }

    fn settings(text: &str) -> Settings {
        Settings::of(&node(text))
    }

    #[test]
    fn comments_order_and_syntax_do_not_count() {
        let file = RelPath::new("a.toml").expect("a path");
        let toml = text::toml(&file, "b = [1, 2.5]\n[a]\nx = 'y'").0.expect("a tree");
        let json = settings("{ /* c */ \"a\": {\"x\": \"y\"}, \"b\": [1, 2.5,] }");
        assert_eq!(json, Settings::of(&toml));
        assert_ne!(json, settings("{\"a\": {\"x\": \"y\"}, \"b\": [2.5, 1]}"));
        assert_ne!(settings("{\"a\": 1}"), settings("{\"a\": 1.0}"));
        assert_eq!(Settings::of(&json.to_node()), json);
    }

    #[test]
    fn a_layer_replaces_whole_settings() {
        let (base, top) = ("{\"a\": {\"x\": 1}, \"b\": 2}", "{\"a\": {\"y\": 1}, \"c\": 3}");
        let mut merged = settings(base);
        merged.overlay(&settings(top));
        assert_eq!(merged, settings("{\"a\": {\"y\": 1}, \"b\": 2, \"c\": 3}"));
        assert_eq!(Settings::of(&overlay(&node(base), &node(top))), merged);
    }

    #[test]
    fn settings_decode() {
        #[derive(serde::Deserialize, PartialEq, Debug)]
        struct Sample {
            a: f32,
            b: Option<Vec<bool>>,
        }
        assert_eq!(settings("{\"a\": 1, \"b\": [true]}").decode(), Ok(Sample { a: 1.0, b: Some(vec![true]) }));
        assert!(settings("{\"a\": \"x\"}").decode::<Sample>().is_err());
    }
}
