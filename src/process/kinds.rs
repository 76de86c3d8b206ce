//! The table of all processors, with their types of settings erased.
//!
//! Knows which processors there are and how an author's settings become a [`Prepared`] run; knows nothing
//! of what they do, of workspaces or of caches.

use serde_json::Value;

use crate::cache::encoding;
use crate::model::node::{Node, decode_all};
use crate::model::{Diagnostic, RelPath, SettingsCheck};

use super::contract::{Context, Input, Outcome, Processor, Unavailable};
use super::{audio, image, model, raw};

/// A processor as the rest of packwright sees it.
#[derive(Debug)]
pub struct Kind {
    /// The `type` of assets that it processes.
    pub name: &'static str,
    /// Raised whenever an output byte may change for some input.
    pub version: u32,
    /// Names and versions of the codecs whose behaviour reaches the output.
    pub codecs: &'static [&'static str],
    /// The file extensions, in lower case, that a rule for ordinary files would give this type.
    pub extensions: &'static [&'static str],
    prepare: fn(Value) -> serde_json::Result<Prepared>,
    check: fn(&Node, &RelPath, &str) -> Vec<Diagnostic>,
    schema: fn() -> schemars::Schema,
}

impl Kind {
    /// Returns what runs for these settings: an object, or null for an author who says nothing.
    ///
    /// # Errors
    ///
    /// serde's words on a field that is unknown, of the wrong type or impossible.
    pub fn prepare(&self, settings: Value) -> serde_json::Result<Prepared> {
        (self.prepare)(if settings.is_null() { Value::Object(serde_json::Map::new()) } else { settings })
    }

    /// Returns the settings of an author who says nothing, by name.
    pub fn defaults(&self) -> Vec<(String, Value)> {
        let schema = self.schema();
        let properties = schema.get("properties").and_then(Value::as_object);
        let default = |(name, it): (&String, &Value)| Some((name.clone(), it.get("default")?.clone()));
        properties.into_iter().flatten().filter_map(default).collect()
    }

    /// Returns the JSON Schema of the settings.
    pub fn schema(&self) -> schemars::Schema {
        (self.schema)()
    }
}

/// A processor with its settings, ready to run.
pub struct Prepared {
    /// The settings in canonical form: part of the recipe key. Equal settings give equal bytes, however they
    /// were written and whether a default was spelled out or not.
    pub settings: Vec<u8>,
    /// The same as a JSON object with every setting by its name, for people.
    pub settings_json: String,
    work: Box<dyn Work>,
}

impl Prepared {
    /// Names the parts that these inputs have. The empty name is the asset itself.
    pub fn parts(&self, inputs: &[Input]) -> Vec<String> {
        self.work.parts(inputs)
    }

    /// Makes the artifacts.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] when the context could not answer.
    pub fn run(&self, cx: &mut dyn Context) -> Result<Outcome, Unavailable> {
        self.work.run(cx)
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepared").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// Every processor, by name.
pub fn all() -> &'static [Kind] {
    &ALL
}

/// Returns the processor of this name.
pub fn find(name: &str) -> Option<&'static Kind> {
    ALL.iter().find(|it| it.name == name)
}

/// Returns the name of the processor for files with this extension (without the dot, in any case), or `None`
/// where only `raw` would do.
pub fn default_kind_for_extension(extension: &str) -> Option<&'static str> {
    let fits = |kind: &&Kind| kind.extensions.iter().any(|it| it.eq_ignore_ascii_case(extension));
    ALL.iter().find(fits).map(|it| it.name)
}

/// What authored files are checked against: the kinds there are and their types of settings.
pub struct Check;

impl SettingsCheck for Check {
    fn kinds(&self) -> &[&str] {
        &NAMES
    }

    fn check(&self, kind: &str, node: &Node, file: &RelPath, text: &str) -> Vec<Diagnostic> {
        find(kind).map_or_else(Vec::new, |it| (it.check)(node, file, text))
    }
}

const NAMES: [&str; 4] = ["audio", "image", "model", "raw"];

static ALL: [Kind; 4] = [
    kind::<audio::Audio>(&["flac", "mp3", "oga", "ogg", "opus", "wav", "wave"]),
    kind::<image::Image>(&["png"]),
    kind::<model::Model>(&["glb", "gltf"]),
    kind::<raw::Raw>(&[]),
];

const fn kind<P: Processor + Default + Send + 'static>(extensions: &'static [&'static str]) -> Kind {
    Kind {
        name: P::KIND,
        version: P::VERSION,
        codecs: P::CODECS,
        extensions,
        prepare: prepare::<P>,
        check: check::<P>,
        schema: schema::<P>,
    }
}

fn prepare<P: Processor + Default + Send + 'static>(settings: Value) -> serde_json::Result<Prepared> {
    let settings: P::Settings = serde_json::from_value(settings)?;
    Ok(Prepared {
        settings: encoding::encode(&settings),
        settings_json: serde_json::to_string(&settings)?,
        work: Box::new(Typed { processor: P::default(), settings }),
    })
}

fn check<P: Processor>(node: &Node, file: &RelPath, text: &str) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    decode_all::<P::Settings>(node, file, text, &mut diagnostics);
    diagnostics
}

fn schema<P: Processor>() -> schemars::Schema {
    schemars::schema_for!(P::Settings)
}

/// A processor and its settings behind one pointer.
trait Work: Send + Sync {
    fn parts(&self, inputs: &[Input]) -> Vec<String>;
    fn run(&self, cx: &mut dyn Context) -> Result<Outcome, Unavailable>;
}

struct Typed<P: Processor> {
    processor: P,
    settings: P::Settings,
}

impl<P: Processor + Send> Work for Typed<P> {
    fn parts(&self, inputs: &[Input]) -> Vec<String> {
        self.processor.parts(&self.settings, inputs)
    }

    fn run(&self, cx: &mut dyn Context) -> Result<Outcome, Unavailable> {
        self.processor.run(cx, &self.settings)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::process::fake::FakeContext;

    #[test]
    fn kinds_are_found_by_name_and_extension() {
        let names: Vec<_> = all().iter().map(|it| it.name).collect();
        assert_eq!(names, NAMES);
        assert!(names.is_sorted());
        assert!(find("raw").is_some() && find("Raw").is_none() && find("").is_none());
        for (extension, kind) in [
            ("png", Some("image")),
            ("PNG", Some("image")),
            ("gltf", Some("model")),
            ("glb", Some("model")),
            ("ogg", Some("audio")),
            ("WAV", Some("audio")),
            ("jpg", None),
            ("", None),
        ] {
            assert_eq!(default_kind_for_extension(extension), kind, "{extension}");
        }
    }

    #[test]
    fn settings_have_one_canonical_form() {
        let image = find("image").expect("it is in the table");
        let of = |settings| image.prepare(settings).expect("valid settings").settings;
        assert_eq!(of(Value::Null), of(json!({})));
        assert_eq!(of(json!({})), of(json!({ "max_width": 65536, "format": "source" })));
        assert_ne!(of(json!({})), of(json!({ "format": "rgba8" })));
        assert_ne!(of(json!({})), of(json!({ "max_width": 65535 })));
    }

    #[test]
    fn bad_settings_are_refused() {
        for (kind, settings) in [
            ("raw", json!({ "level": 3 })),
            ("raw", json!([1])),
            ("raw", json!("fast")),
            ("image", json!({ "format": "jpeg" })),
            ("image", json!({ "max_width": -1 })),
            ("image", json!({ "max_height": 1.5 })),
            ("audio", json!({ "max_seconds": -1 })),
            ("audio", json!({ "max_rate": "44.1 kHz" })),
            ("model", json!({ "images": true })),
            ("model", json!({ "max_bytes": "512 MiB" })),
        ] {
            assert!(find(kind).expect("a kind").prepare(settings.clone()).is_err(), "{kind} {settings}");
        }
    }

    #[test]
    fn every_kind_runs_and_has_a_schema() {
        for kind in all() {
            let prepared = kind.prepare(Value::Null).expect("every field has a default");
            assert_eq!(prepared.parts(&[]), [""]);
            let outcome = prepared.run(&mut FakeContext::default()).expect("nothing is unavailable");
            assert!(matches!(outcome, Outcome::Refused(_)), "{} needs an input", kind.name);
            let schema = kind.schema();
            let defaults = Value::Object(kind.defaults().into_iter().collect());
            assert_eq!(kind.prepare(defaults).expect("defaults fit").settings, prepared.settings, "{}", kind.name);
            assert_eq!(
                kind.defaults().len(),
                schema.get("properties").map_or(0, |it| it.as_object().map_or(0, |it| it.len()))
            );
            assert_eq!(schema.get("type"), Some(&json!("object")), "{}", kind.name);
            assert_eq!(schema.get("additionalProperties"), Some(&json!(false)), "{}", kind.name);
        }
    }

    /// A codec whose version moves may give other bytes: then its name here, and so every recipe key, must move.
    #[test]
    fn codecs_are_those_of_the_lock_file() {
        let lock = include_str!("../../Cargo.lock");
        for codec in all().iter().flat_map(|it| it.codecs) {
            let (name, version) = codec.split_once(' ').expect("a name and a version");
            let entry = format!("name = \"{name}\"\nversion = \"{version}\"\n");
            assert!(lock.contains(&entry), "`{codec}` is not what Cargo.lock has");
        }
    }
}
