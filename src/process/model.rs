//! `model`: a glTF 2 file and everything it refers to, as one self-contained GLB.
//!
//! Buffers and images that a model names are found while it is read; each is an observation, one that is
//! absent too. What comes out:
//!
//! - All buffers are one, the GLB's own, each beginning at a multiple of four; `bufferViews` (and those of
//!   `EXT_meshopt_compression`) are moved accordingly. Names and `extras` of buffers are lost with them. Only
//!   the placeholders of meshopt, which hold no data, stay as further buffers.
//! - An image whose file is an asset becomes a reference by identity: its `uri` is `packwright:17`, where 17 is
//!   the `asset_id`. Renaming or moving that image changes nothing here. Whether it is an asset is asked
//!   before whether it is there. Any other image is embedded, with its media type by its first bytes.
//! - The JSON keeps everything else, unknown extensions included; keys are sorted, numbers are those that were
//!   read (as 64-bit floats where they are no integers of 64 bits).
//!
//! What is refused: whatever is not glTF 2.x, JSON with a key given twice, top-level lists that are no lists of
//! objects, indices out of bounds, views outside their buffer, files that are absent, too short or outside the
//! workspace. Meshes, accessors and images are not decoded. Files that unknown extensions name are warned of.

mod container;
mod foreign;
mod json;
mod merge;
mod shape;
mod uri;

use serde_json::{Map, Value};

use crate::model::{Code, Severity, Span, path};

use self::merge::{Merge, Merged};
use super::contract::{
    Artifact, Context, Finding, Input, MetaValue, Metadata, Outcome, Payload, Processor, Unavailable,
};

/// Makes one GLB of a glTF and what it refers to.
#[derive(Debug, Default)]
pub struct Model;

/// What becomes of the images of a model.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Default,
    bincode::Encode,
    serde::Deserialize,
    serde::Serialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Images {
    /// Those that are assets are referred to by identity: the image's `uri` is `packwright:` and the
    /// `asset_id`. All others are embedded.
    #[default]
    Reference,
    /// All are embedded.
    Embed,
}

/// Settings of `model`.
#[derive(Clone, PartialEq, Eq, Debug, bincode::Encode, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What becomes of images.
    pub images: Images,
    /// Greatest length in bytes of the model's own file, of each file it names, and of the GLB made of them.
    pub max_bytes: u64,
    /// Greatest number of values in the model's JSON.
    pub max_values: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { images: Images::Reference, max_bytes: 512 << 20, max_values: 8 << 20 }
    }
}

impl Processor for Model {
    type Settings = Settings;

    const KIND: &'static str = "model";
    const VERSION: u32 = 1;
    const CODECS: &'static [&'static str] =
        &["serde_json 1.0.154", "zmij 1.0.23", "base64 0.23.1", "percent-encoding 2.3.2"];

    fn run(&self, cx: &mut dyn Context, settings: &Settings) -> Result<Outcome, Unavailable> {
        let owner = match owner(cx.inputs()) {
            Ok(owner) => owner.clone(),
            Err(finding) => return Ok(Outcome::Refused(vec![finding])),
        };
        if owner.size > settings.max_bytes {
            return Ok(Outcome::Refused(vec![too_long(&owner, "the model", owner.size, settings)]));
        }
        let bytes = cx.bytes(&owner)?;
        let (source, mut findings) = match read(&owner, &bytes, settings) {
            Ok(read) => read,
            Err(findings) => return Ok(Outcome::Refused(findings)),
        };
        let mut merged = Merge::new(cx, settings, &owner, source.text, source.bin).run(source.document)?;
        findings.append(&mut merged.findings);
        if findings.iter().any(|it| it.severity == Severity::Error) {
            return Ok(Outcome::Refused(findings));
        }
        Ok(match write(&owner, merged, settings) {
            Ok(artifact) => Outcome::Made(vec![artifact], findings),
            Err(finding) => Outcome::Refused(vec![finding]),
        })
    }
}

/// Returns the input that is the model: the only one, or the only one with a model's extension. Others may be
/// declared beside it; what the model needs is found through its references in any case.
fn owner(inputs: &[Input]) -> Result<&Input, Finding> {
    if let [input] = inputs {
        return Ok(input);
    }
    let is_model = |it: &&Input| {
        let extension = path::file_name(&it.path).rsplit_once('.').map_or("", |it| it.1);
        extension.eq_ignore_ascii_case("gltf") || extension.eq_ignore_ascii_case("glb")
    };
    let mut models = inputs.iter().filter(is_model);
    match (models.next(), models.count()) {
        (Some(model), 0) => Ok(model),
        (None, _) => Err(Finding::error(Code::NO_INPUTS, "", "a `model` asset needs a .gltf or .glb among its inputs")),
        (Some(_), others) => {
            let message =
                format!("a `model` asset has one .gltf or .glb among its inputs; this one has {}", others + 1);
            Err(Finding::error(Code::WRONG_TYPE, "", message))
        }
    }
}

/// A model as it was read.
struct Source<'a> {
    document: Map<String, Value>,
    /// The whole file, when it is text.
    text: Option<&'a str>,
    /// The GLB's own buffer.
    bin: Option<&'a [u8]>,
}

fn read<'a>(owner: &Input, bytes: &'a [u8], settings: &Settings) -> Result<(Source<'a>, Vec<Finding>), Vec<Finding>> {
    let broken = |message: String| Finding::error(Code::MODEL_BROKEN, &owner.path, message);
    let parts = container::open(bytes).map_err(|it| vec![broken(it)])?;
    let text = parts.is_text.then_some(parts.json);
    let document = json::parse(parts.json, settings.max_values).map_err(|it| {
        let code = if it.is_limit { Code::MODEL_LIMIT } else { Code::MODEL_BROKEN };
        // In a GLB nobody can look at a line.
        let span = text.map(|text| Span::of(text, it.at, it.at + 1));
        vec![Finding { span, ..Finding::error(code, &owner.path, it.message) }]
    })?;
    let problems = shape::check(&document);
    if !problems.is_empty() {
        return Err(problems.into_iter().map(broken).collect());
    }
    let warnings = parts.oddities.into_iter().map(|it| Finding::warning(Code::MODEL_ODD, &owner.path, it)).collect();
    Ok((Source { document, text, bin: parts.bin }, warnings))
}

fn write(owner: &Input, merged: Merged, settings: &Settings) -> Result<Artifact, Finding> {
    let metadata = metadata(&merged);
    let json = serde_json::to_vec(&merged.document).expect("a JSON value with text as keys can be written");
    let len = container::length(json.len() as u64, merged.bin.len() as u64);
    if len > settings.max_bytes || u32::try_from(len).is_err() {
        return Err(too_long(owner, "the GLB made of the model", len, settings));
    }
    let glb = container::write(&json, &merged.bin);
    Ok(Artifact {
        metadata,
        references: merged.references.into_iter().collect(),
        ..Artifact::of(Payload::Made(glb.into()))
    })
}

/// Returns the finding for something with more bytes than are allowed.
fn too_long(owner: &Input, what: &str, len: u64, settings: &Settings) -> Finding {
    let limit = settings.max_bytes.min(u32::MAX.into());
    Finding::error(Code::MODEL_LIMIT, &owner.path, format!("{what} has {len} bytes; the limit is {limit}"))
        .help("raise the setting `max_bytes` if the model is meant to be so large; a GLB cannot exceed 4 GiB")
}

fn metadata(merged: &Merged) -> Metadata {
    let document = &merged.document;
    let mut metadata = Metadata::new();
    for name in ["animations", "images", "materials", "meshes", "nodes", "skins"] {
        let count = document.get(name).and_then(Value::as_array).map_or(0, Vec::len);
        metadata.insert(name.to_owned(), MetaValue::Integer(count as i64));
    }
    metadata.insert("buffer_bytes".to_owned(), MetaValue::Integer(merged.bin.len() as i64));
    metadata.insert("format".to_owned(), MetaValue::Text("glb".to_owned()));
    for (name, key) in [("extensions_used", "extensionsUsed"), ("extensions_required", "extensionsRequired")] {
        let listed = document.get(key).and_then(Value::as_array);
        let mut extensions: Vec<&str> = listed.into_iter().flatten().filter_map(Value::as_str).collect();
        extensions.sort_unstable();
        extensions.dedup();
        if !extensions.is_empty() {
            metadata.insert(name.to_owned(), MetaValue::Text(extensions.join(" ")));
        }
    }
    metadata
}

#[cfg(test)]
mod tests;
