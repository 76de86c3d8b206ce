//! The tree that authored files are parsed into, JSON and TOML alike, and how it becomes Rust types.
//!
//! Every value and every key remembers where it was written, so that whatever is wrong with it can be shown
//! there. Knows nothing of either syntax (that is `text`) and nothing of what the fields mean.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer, U32Deserializer};
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IntoDeserializer, MapAccess, SeqAccess, Unexpected,
    Visitor,
};

use super::suggest::{instead_of, shown};
use super::{Code, Diagnostic, Location, RelPath, Span};

/// The byte-order mark that some editors put before a text.
pub const BOM: &str = "\u{feff}";

/// A stretch of a file in bytes from its start. Lines and columns are found when somebody wants to see them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct TextRange {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

/// A key and where it was written.
#[derive(Clone, PartialEq, Debug)]
pub struct Key {
    /// The key.
    pub name: String,
    /// Where it was written.
    pub range: TextRange,
}

/// A value and where it was written. A table that TOML only implies is where its key is.
#[derive(Clone, PartialEq, Debug)]
pub struct Node {
    /// Where it was written.
    pub range: TextRange,
    /// What was written.
    pub value: Value,
}

/// What can be written. Floats are finite, keys of an object unique and in the order of the file.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// JSON's `null`.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A number without fraction.
    Integer(i64),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// Text.
    String(String),
    /// An array.
    Array(Vec<Node>),
    /// An object, or a table.
    Object(Vec<(Key, Node)>),
}

impl Node {
    /// Returns the value of an object's `key`; `None` too when this is no object.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|(it, _)| it.name == key).map(|(_, value)| value)
    }

    /// Returns the entries of an object, none when this is no object.
    pub fn entries(&self) -> &[(Key, Node)] {
        match &self.value {
            Value::Object(entries) => entries,
            _ => &[],
        }
    }

    /// Returns the value as `serde_json` has it.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(it) => (*it).into(),
            Value::Integer(it) => (*it).into(),
            Value::Float(it) => (*it).into(),
            Value::String(it) => it.as_str().into(),
            Value::Array(items) => items.iter().map(Node::to_json).collect(),
            Value::Object(entries) => entries.iter().map(|(key, it)| (key.name.clone(), it.to_json())).collect(),
        }
    }
}

/// Returns where `range` lies in `file`, whose whole text is `text`. What runs over several lines is pointed
/// at by its first.
pub fn locate(file: &RelPath, text: &str, range: TextRange) -> Location {
    let mut span = Span::of(text, range.start as usize, range.end as usize);
    let shown = &text[span.start as usize..span.end as usize];
    span.end = span.start + shown.find(['\n', '\r']).unwrap_or(shown.len()) as u32;
    if text.starts_with(BOM) && span.line == 1 && span.start > 0 {
        span.column -= 1;
    }
    Location::span(file, span)
}

/// Decodes `node`, which was written in `file` with the whole text `text`.
///
/// A field without a value in the text is absent; `null` is never taken for that.
///
/// # Errors
///
/// The first thing that does not fit, at the innermost key or value that is to blame.
pub fn decode<T: DeserializeOwned>(node: &Node, file: &RelPath, text: &str) -> Result<T, Diagnostic> {
    T::deserialize(NodeDecoder(node)).map_err(|it| it.into_diagnostic(node, file, text))
}

/// Decodes `node` like [`decode`], and reports everything that does not fit rather than the first thing:
/// what is to blame is left out and the rest is tried again. `None` when nothing sensible is left.
pub fn decode_all<T: DeserializeOwned>(
    node: &Node,
    file: &RelPath,
    text: &str,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<T> {
    const MOST: usize = 64;
    let mut rest: Option<Node> = None;
    // Where something was left out, that it is missing is no news.
    let mut robbed = Vec::new();
    for _ in 0..MOST {
        let tree = rest.as_ref().unwrap_or(node);
        let problem = match T::deserialize(NodeDecoder(tree)) {
            Ok(decoded) => return Some(decoded),
            Err(problem) => problem,
        };
        let range = problem.range.unwrap_or(node.range);
        if !robbed.contains(&range) {
            diagnostics.push(problem.into_diagnostic(node, file, text));
        }
        robbed.push(prune(rest.get_or_insert_with(|| node.clone()), range)?);
    }
    None
}

/// Takes the innermost entry or item at `range` out of the tree; returns what it was taken out of, if it was
/// there.
fn prune(node: &mut Node, range: TextRange) -> Option<TextRange> {
    let inner = match &mut node.value {
        Value::Array(items) => items.iter_mut().find_map(|it| prune(it, range)),
        Value::Object(entries) => entries.iter_mut().find_map(|(_, it)| prune(it, range)),
        _ => None,
    };
    if inner.is_some() {
        return inner;
    }
    let taken = match &mut node.value {
        Value::Array(items) => take_first(items, |it| it.range == range),
        Value::Object(entries) => take_first(entries, |(key, it)| key.range == range || it.range == range),
        _ => false,
    };
    taken.then_some(node.range)
}

fn take_first<T>(items: &mut Vec<T>, is_it: impl FnMut(&T) -> bool) -> bool {
    items.iter().position(is_it).map(|at| items.remove(at)).is_some()
}

/// A decoded value that remembers where it was written. Equality and order are the value's.
#[derive(Clone, Debug, Default)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it was written.
    pub range: TextRange,
}

impl<T: PartialEq> PartialEq for Spanned<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: Eq> Eq for Spanned<T> {}

impl<T: PartialOrd> PartialOrd for Spanned<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<T: Ord> Ord for Spanned<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.value.cmp(&other.value)
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for Spanned<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        generator.subschema_for::<T>()
    }
}

/// An object whose entries somebody else will decode: a processor's settings.
#[derive(Clone, PartialEq, Debug)]
pub struct Table(pub Node);

impl<'de> Deserialize<'de> for Table {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value: TableEntries(entries), range } = Spanned::deserialize(deserializer)?;
        Ok(Self(Node { range, value: Value::Object(entries) }))
    }
}

struct TableEntries(Vec<(Key, Node)>);

impl<'de> Deserialize<'de> for TableEntries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(TableVisitor)
    }
}

struct TableVisitor;

impl<'de> Visitor<'de> for TableVisitor {
    type Value = TableEntries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<TableEntries, A::Error> {
        let mut object = Vec::new();
        while let Some((key, value)) = entries.next_entry::<Spanned<String>, Node>()? {
            object.push((Key { name: key.value, range: key.range }, value));
        }
        Ok(TableEntries(object))
    }
}

impl schemars::JsonSchema for Table {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Table".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "object" })
    }
}

/// The name by which [`Spanned`] asks [`NodeDecoder`] for the range as well: serde's data model has no word
/// for it.
const SPANNED: &str = "packwright::Spanned";

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Spanned<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(SPANNED, SpannedVisitor(PhantomData))
    }
}

struct SpannedVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for SpannedVisitor<T> {
    type Value = Spanned<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
        let mut number = || parts.next_element()?.ok_or_else(|| A::Error::custom("a range has two ends"));
        let range = TextRange { start: number()?, end: number()? };
        let value = parts.next_element()?.ok_or_else(|| A::Error::custom("a range is of a value"))?;
        Ok(Spanned { value, range })
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        Ok(Spanned { value: T::deserialize(deserializer)?, range: TextRange::default() })
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Spanned { value, range } = Spanned::<Value>::deserialize(deserializer)?;
        Ok(Node { range, value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, it: bool) -> Result<Value, E> {
        Ok(Value::Bool(it))
    }

    fn visit_i64<E>(self, it: i64) -> Result<Value, E> {
        Ok(Value::Integer(it))
    }

    fn visit_f64<E>(self, it: f64) -> Result<Value, E> {
        Ok(Value::Float(it))
    }

    fn visit_str<E>(self, it: &str) -> Result<Value, E> {
        Ok(Value::String(it.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element()? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Value, A::Error> {
        TableVisitor.visit_map(entries).map(|it| Value::Object(it.0))
    }
}

/// What does not fit, and the innermost key or value that is to blame once that is known.
#[derive(Debug)]
struct DecodeError {
    range: Option<TextRange>,
    code: Code,
    message: String,
    help: Option<String>,
}

impl DecodeError {
    fn new(code: Code, message: String) -> Self {
        Self { range: None, code, message, help: None }
    }

    /// Blames `range`, unless something within it is already to blame.
    fn within(mut self, range: TextRange) -> Self {
        self.range.get_or_insert(range);
        self
    }

    fn into_diagnostic(self, node: &Node, file: &RelPath, text: &str) -> Diagnostic {
        let location = locate(file, text, self.range.unwrap_or(node.range));
        Diagnostic { help: self.help, ..Diagnostic::error(self.code, self.message).at(location) }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for DecodeError {}

impl serde::de::Error for DecodeError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(Code::WRONG_TYPE, message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        let expected = in_words(&expected.to_string());
        let error = Self::custom(format_args!("expected {expected}, found {}", found_words(found)));
        Self { help: in_brackets(&expected, found), ..error }
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        Self::invalid_type(found, expected)
    }

    fn invalid_length(length: usize, expected: &dyn serde::de::Expected) -> Self {
        Self::custom(format_args!("expected {}, found an array of {length}", in_words(&expected.to_string())))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        let message = format!("`{}` is not possible here", shown(variant));
        let help = instead_of(variant, "possible values", expected.iter().copied());
        Self { help: Some(help), ..Self::new(Code::WRONG_TYPE, message) }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let message = format!("unknown field `{}`", shown(field));
        let help = instead_of(field, "fields here", expected.iter().copied());
        Self { help: Some(help), ..Self::new(Code::UNKNOWN_FIELD, message) }
    }

    fn missing_field(field: &'static str) -> Self {
        Self::custom(format_args!("the field `{field}` is missing"))
    }
}

/// Says in an author's words what serde expects in Rust's.
fn in_words(expected: &str) -> String {
    if let Some(length) = expected.strip_prefix("a tuple of size ") {
        return format!("an array of {length}");
    }
    let words = match expected {
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number",
        "u8" => "a whole number from 0 to 255",
        "u16" => "a whole number from 0 to 65535",
        "u32" => "a whole number from 0 to 4294967295",
        "u64" | "usize" => "a whole number from 0",
        "f32" | "f64" => "a number",
        "a boolean" => "`true` or `false`",
        "a map" => "an object",
        "a sequence" => "an array",
        _ if expected.starts_with("struct ") => "an object",
        _ if expected.starts_with("enum ") => "a string",
        _ => expected,
    };
    words.to_owned()
}

/// Says how to write one string where several may stand.
fn in_brackets(expected: &str, found: Unexpected<'_>) -> Option<String> {
    let Unexpected::Str(text) = found else { return None };
    let is_plain = !text.contains(['"', '\\']) && shown(text) == text;
    (expected == "an array" && is_plain).then(|| format!("write `[\"{text}\"]`"))
}

fn found_words(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Unit => "`null`".to_owned(),
        Unexpected::Bool(it) => format!("`{it}`"),
        Unexpected::Signed(it) => format!("`{it}`"),
        Unexpected::Float(it) => format!("`{it:?}`"),
        Unexpected::Str(it) => format!("the string `{}`", shown(it)),
        Unexpected::Seq => "an array".to_owned(),
        Unexpected::Map => "an object".to_owned(),
        other => other.to_string(),
    }
}

#[derive(Clone, Copy)]
struct NodeDecoder<'a>(&'a Node);

impl<'de> NodeDecoder<'de> {
    fn any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.0.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(it) => visitor.visit_bool(*it),
            Value::Integer(it) => visitor.visit_i64(*it),
            Value::Float(it) => visitor.visit_f64(*it),
            Value::String(it) => visitor.visit_borrowed_str(it),
            Value::Array(items) => {
                let mut left = Items(items.iter());
                let decoded = visitor.visit_seq(&mut left)?;
                match left.0.len() {
                    0 => Ok(decoded),
                    extra => {
                        let wanted = format!("an array of {}", items.len() - extra);
                        Err(DecodeError::invalid_length(items.len(), &wanted.as_str()))
                    }
                }
            }
            Value::Object(entries) => visitor.visit_map(Entries { left: entries.iter(), value: None }),
        }
    }

    fn variant<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        match &self.0.value {
            Value::String(it) => visitor.visit_enum(BorrowedStrDeserializer::new(it)),
            Value::Object(entries) if entries.len() == 1 => {
                visitor.visit_enum(MapAccessDeserializer::new(Entries { left: entries.iter(), value: None }))
            }
            _ => self.any(visitor),
        }
    }
}

impl<'de> Deserializer<'de> for NodeDecoder<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        self.any(visitor).map_err(|it| it.within(self.0.range))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let decoded = match name {
            SPANNED => visitor.visit_seq(Parts { range: self.0.range, given: 0, value: Part::Node(self.0) }),
            _ => visitor.visit_newtype_struct(self),
        };
        decoded.map_err(|it| it.within(self.0.range))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        self.variant(visitor).map_err(|it| it.within(self.0.range))
    }

    /// Fields go by name only: the code that serde derives would take an array for a struct as well.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match self.0.value {
            Value::Array(_) => Err(DecodeError::invalid_type(Unexpected::Seq, &visitor).within(self.0.range)),
            _ => self.deserialize_any(visitor),
        }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, DecodeError> for NodeDecoder<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[derive(Clone, Copy)]
struct KeyDecoder<'a>(&'a Key);

impl<'de> Deserializer<'de> for KeyDecoder<'de> {
    type Error = DecodeError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, DecodeError> {
        visitor.visit_borrowed_str(&self.0.name).map_err(|it: DecodeError| it.within(self.0.range))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        match name {
            SPANNED => visitor.visit_seq(Parts { range: self.0.range, given: 0, value: Part::Key(self.0) }),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, DecodeError> {
        let name: BorrowedStrDeserializer<'de, DecodeError> = BorrowedStrDeserializer::new(&self.0.name);
        visitor.visit_enum(name).map_err(|it| it.within(self.0.range))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct identifier ignored_any option
    }
}

struct Items<'a>(std::slice::Iter<'a, Node>);

impl<'de> SeqAccess<'de> for &mut Items<'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, DecodeError> {
        self.0.next().map(|it| seed.deserialize(NodeDecoder(it))).transpose()
    }
}

struct Entries<'a> {
    left: std::slice::Iter<'a, (Key, Node)>,
    value: Option<&'a Node>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = DecodeError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, DecodeError> {
        let Some((key, value)) = self.left.next() else { return Ok(None) };
        self.value = Some(value);
        seed.deserialize(KeyDecoder(key)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, DecodeError> {
        let value = self.value.take().ok_or_else(|| DecodeError::custom("a value comes after its key"))?;
        seed.deserialize(NodeDecoder(value))
    }
}

/// What a [`Spanned`] is told: where it starts, where it ends, and its value.
struct Parts<'a> {
    range: TextRange,
    given: u8,
    value: Part<'a>,
}

enum Part<'a> {
    Node(&'a Node),
    Key(&'a Key),
}

impl<'de> SeqAccess<'de> for Parts<'de> {
    type Error = DecodeError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, DecodeError> {
        self.given += 1;
        match (self.given, &self.value) {
            (1, _) => seed.deserialize(U32Deserializer::new(self.range.start)).map(Some),
            (2, _) => seed.deserialize(U32Deserializer::new(self.range.end)).map(Some),
            (3, Part::Node(it)) => seed.deserialize(NodeDecoder(it)).map(Some),
            (3, Part::Key(it)) => seed.deserialize(KeyDecoder(it)).map(Some),
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::text;

    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        name: Spanned<String>,
        #[serde(default)]
        size: Option<u8>,
        #[serde(default)]
        scale: f64,
        #[serde(default)]
        mode: Mode,
        #[serde(default)]
        parts: Vec<Piece>,
        #[serde(default)]
        by_name: BTreeMap<Spanned<String>, Table>,
    }

    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Piece {
        at: (i64, i64),
    }

    #[derive(Deserialize, Debug, PartialEq, Default)]
    #[serde(rename_all = "lowercase")]
    enum Mode {
        #[default]
        Keep,
        Scaled(u32),
    }

    fn tree(text: &str) -> (RelPath, Node) {
        let file = RelPath::new("a.json").expect("a path");
        let (node, diagnostics) = text::json(&file, text);
        assert_eq!(diagnostics, vec![]);
        (file, node.expect("a tree"))
    }

    /// Decodes all of it: `column+length message; help` for each problem, one a line.
    fn problems(text: &str) -> String {
        let (file, node) = tree(text);
        let mut diagnostics = Vec::new();
        decode_all::<Sample>(&node, &file, text, &mut diagnostics);
        let shown = |it: &Diagnostic| {
            let span = it.location.as_ref().and_then(|it| it.span).expect("where");
            let help = it.help.as_ref().map(|it| format!("; {it}")).unwrap_or_default();
            format!("{}+{} {}{help}", span.column, span.end - span.start, it.message)
        };
        diagnostics.iter().map(shown).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_fitting_tree_decodes() {
        let text = r#"{"name": "n", "size": 255, "scale": 2, "mode": {"scaled": 3}, "parts": [{"at": [1, -2]}],
            "by_name": {"x": {"y": null}}}"#;
        let (file, node) = tree(text);
        let sample: Sample = decode(&node, &file, text).expect("it fits");
        assert_eq!(sample.name.range, TextRange { start: 9, end: 12 });
        assert_eq!((sample.size, sample.scale, sample.mode), (Some(255), 2.0, Mode::Scaled(3)));
        assert_eq!(sample.parts, vec![Piece { at: (1, -2) }]);
        let (key, Table(table)) = sample.by_name.first_key_value().expect("one");
        assert_eq!((key.value.as_str(), table.to_json().to_string().as_str()), ("x", r#"{"y":null}"#));
        assert_eq!(&text[table.range.start as usize..table.range.end as usize], r#"{"y": null}"#);
    }

    #[test]
    fn what_does_not_fit_is_shown_at_its_innermost_place() {
        for (text, expected) in [
            (r#"{"name": 5}"#, "10+1 expected a string, found `5`"),
            (r#"{"name": "", "size": 256}"#, "22+3 expected a whole number from 0 to 255, found `256`"),
            (r#"{"name": "", "size": null}"#, "22+4 expected a whole number from 0 to 255, found `null`"),
            (r#"{"name": "", "scale": "x"}"#, "23+3 expected a number, found the string `x`"),
            (r#"{"name": "", "mode": "kep"}"#, "22+5 `kep` is not possible here; did you mean `keep`?"),
            (r#"{"name": "", "mode": 1}"#, "22+1 expected a string, found `1`"),
            (
                r#"{"name": "", "mode": {"scaled": "a"}}"#,
                "33+3 expected a whole number from 0 to 4294967295, found the string `a`",
            ),
            (r#"{"name": "", "nmae": 1}"#, "14+6 unknown field `nmae`; did you mean `name`?"),
            (r#"{"name": "", "parts": [{"at": [1, 2, 3]}]}"#, "31+9 expected an array of 2, found an array of 3"),
            (r#"{"name": "", "parts": [{"at": [1]}]}"#, "31+3 expected an array of 2, found an array of 1"),
            (r#"{"name": "", "parts": [[[1, 2]]]}"#, "24+8 expected an object, found an array"),
            (r#"{"name": "", "by_name": {"x": []}}"#, "31+2 expected an object, found an array"),
            (r#"[]"#, "1+2 expected an object, found an array"),
            (r#"{"name": "", "parts": "x"}"#, "23+3 expected an array, found the string `x`; write `[\"x\"]`"),
            (r#"{"name": "", "parts": "\n"}"#, "23+4 expected an array, found the string `\\n`"),
        ] {
            assert_eq!(problems(text), expected, "{text}");
        }
    }

    #[test]
    fn every_problem_is_reported_not_the_first() {
        let text = r#"{"size": -1, "name": "n", "x": 1, "parts": [{"at": [1, 2]}, {"at": true}, {"ta": [1, 2]}]}"#;
        assert_eq!(
            problems(text),
            "10+2 expected a whole number from 0 to 255, found `-1`\n\
             27+3 unknown field `x`; the fields here are `name`, `size`, `scale`, `mode`, `parts`, `by_name`\n\
             68+4 expected an array of 2, found `true`\n\
             76+4 unknown field `ta`; did you mean `at`?"
        );
    }

    #[test]
    fn a_place_over_several_lines_is_its_first() {
        let file = RelPath::new("a.json").expect("a path");
        let text = "\u{feff}{ \"a\": {\r\n} }";
        let shown = |start, end| {
            let span = locate(&file, text, TextRange { start, end }).span.expect("a span");
            (span.line, span.column, span.end - span.start)
        };
        assert_eq!(shown(3, 17), (1, 1, 8));
        assert_eq!(shown(15, 17), (2, 3, 1));
        assert_eq!(shown(0, 0), (1, 1, 0));
        assert_eq!(shown(99, 999), (2, 4, 0));
    }
}
