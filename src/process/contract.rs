//! The contract between packwright and a processor.
//!
//! A processor is a pure function of what its [`Context`] tells it. The context answers from one moment of
//! the workspace and writes down every answer, so that a later build can put the same questions to another
//! tree and know, without running anything, that the result would be the same. Hence: no place, no name,
//! no clock, no environment; every path is relative to the asset's directory.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::model::{AssetId, AssetUuid, Code, Digest, Severity, Span};
use crate::system::Bytes;

/// A declared input as a processor sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Input {
    /// Relative to the asset's directory, with `..` where it lies outside.
    pub path: String,
    /// Digest of its contents.
    pub digest: Digest,
    /// Length in bytes.
    pub size: u64,
}

/// What the workspace answers when asked for a source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Found {
    /// The source is there.
    Source(Input),
    /// Nothing is there; should something appear, the asset is built again.
    Absent,
    /// Something may be there, but it is hidden, ignored, outside the roots or not a file. The text says which.
    NotASource(String),
}

/// Another asset, as a reference to it resolves.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Resolved {
    /// Identity for ever.
    pub uuid: AssetUuid,
    /// The number that goes into artifacts.
    pub id: AssetId,
    /// The asset's type: the name of its processor.
    pub kind: String,
}

/// Why the workspace could not answer; the run is abandoned, nothing is cached, and the build reports it.
#[derive(Debug)]
pub struct Unavailable;

/// Where a processor's questions go. Every answer becomes an observation in the trace.
pub trait Context {
    /// Returns the asset's declared inputs, in the order in which they are declared. No observation: they are
    /// part of the recipe key.
    fn inputs(&self) -> &[Input];
    /// Finds a source by its path relative to the asset's directory.
    fn find(&mut self, path: &str) -> Found;
    /// Returns the bytes of a declared input or a found source, verified against its digest.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] when the file cannot be read any more or has changed: pass it on with `?`.
    fn bytes(&mut self, input: &Input) -> Result<Bytes, Unavailable>;
    /// Returns the paths, relative to the asset's directory and sorted, that match a glob relative to it.
    fn glob(&mut self, pattern: &str) -> Vec<String>;
    /// Returns the asset whose owner is the source at `path` (relative to the asset's directory), if any.
    fn asset_at(&mut self, path: &str) -> Option<Resolved>;
}

/// A value of an artifact's metadata.
#[derive(Clone, PartialEq, Debug, Encode, Decode, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum MetaValue {
    /// A number without fraction.
    Integer(i64),
    /// Text.
    Text(String),
    /// Yes or no.
    Flag(bool),
}

/// Metadata by name. Names are lower-case words with `_`.
pub type Metadata = BTreeMap<String, MetaValue>;

/// Some bytes of an artifact.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Payload {
    /// Bytes that the processor made.
    Made(Bytes),
    /// An input as it is, by its digest: nothing is copied or stored.
    Input(Input),
}

/// What a run made for one part of an asset. Most assets have one part without a name.
#[derive(Clone, PartialEq, Debug)]
pub struct Artifact {
    /// The part, empty for the asset itself.
    pub part: String,
    /// Payloads by role; the main one has the empty role. At least one, roles unique.
    pub payloads: Vec<(String, Payload)>,
    /// Typed facts for runtimes and tools.
    pub metadata: Metadata,
    /// The assets that the payload refers to by `asset_id`, sorted, each once.
    pub references: Vec<AssetId>,
}

impl Artifact {
    /// Returns an artifact with one payload, no metadata and no references.
    pub fn of(payload: Payload) -> Self {
        Self {
            part: String::new(),
            payloads: vec![(String::new(), payload)],
            metadata: Metadata::new(),
            references: Vec::new(),
        }
    }
}

/// Something that a processor has to say about its inputs. Paths are relative to the asset's directory, so
/// that what is cached holds wherever the asset moves.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Finding {
    /// Stable code.
    pub code: Code,
    /// An error means that there is no artifact.
    pub severity: Severity,
    /// One sentence without a final period. Names paths only as the input names them.
    pub message: String,
    /// The input it is about; empty for the asset as a whole.
    pub path: String,
    /// Where in that input, for text.
    pub span: Option<Span>,
    /// What to do.
    pub help: Option<String>,
}

impl Finding {
    /// Returns an error about the input at `path`.
    pub fn error(code: Code, path: &str, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, message: message.into(), path: path.to_owned(), span: None, help: None }
    }

    /// Returns a warning about the input at `path`.
    pub fn warning(code: Code, path: &str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, path, message) }
    }

    /// Says what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// What a run came to.
#[derive(Debug)]
pub enum Outcome {
    /// Artifacts by part, and warnings.
    Made(Vec<Artifact>, Vec<Finding>),
    /// The inputs do not allow an artifact; at least one finding is an error. Cached like a success.
    Refused(Vec<Finding>),
}

/// Runs a processor of assets that are one file each: `process` makes an artifact of it, with warnings, or says what is
/// wrong with it.
///
/// # Errors
///
/// [`Unavailable`] from the context.
pub fn run_alone(
    cx: &mut dyn Context,
    kind: &str,
    process: impl FnOnce(&Input, &[u8]) -> Result<(Artifact, Vec<Finding>), Finding>,
) -> Result<Outcome, Unavailable> {
    let input = match cx.inputs() {
        [input] => input.clone(),
        inputs => {
            let message = format!("an `{kind}` asset has exactly one input; this one has {}", inputs.len());
            let code = if inputs.is_empty() { Code::NO_INPUTS } else { Code::WRONG_TYPE };
            return Ok(Outcome::Refused(vec![Finding::error(code, "", message)]));
        }
    };
    let bytes = cx.bytes(&input)?;
    Ok(match process(&input, &bytes) {
        Ok((artifact, warnings)) => Outcome::Made(vec![artifact], warnings),
        Err(finding) => Outcome::Refused(vec![finding]),
    })
}

/// Turns one asset's inputs and settings into artifacts.
///
/// Implementations are stateless. `Settings` is deserialized from the author's tables (unknown fields
/// refused, every field with a default), and its canonical bincode form is part of the recipe key.
pub trait Processor: Sync {
    /// The typed settings. `Default` is what an author who says nothing gets.
    type Settings: Default
        + Encode
        + Serialize
        + serde::de::DeserializeOwned
        + schemars::JsonSchema
        + Send
        + Sync
        + 'static;

    /// The `type` of assets that this processes.
    const KIND: &'static str;
    /// Raised whenever an output byte may change for some input.
    const VERSION: u32;
    /// Names and versions of the codecs whose behaviour reaches the output, `"png 0.18.1"`.
    const CODECS: &'static [&'static str];

    /// Names the parts that these inputs have: a pure step, before references resolve.
    fn parts(&self, _settings: &Self::Settings, _inputs: &[Input]) -> Vec<String> {
        vec![String::new()]
    }

    /// Makes the artifacts.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] from the context, and nothing else.
    fn run(&self, cx: &mut dyn Context, settings: &Self::Settings) -> Result<Outcome, Unavailable>;
}
