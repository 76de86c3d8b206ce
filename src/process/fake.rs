//! A context for tests: a few files in memory, and a list of what was asked.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::model::{AssetId, AssetUuid, Digest, Severity};
use crate::system::Bytes;

use super::contract::{Context, Finding, Found, Input, MetaValue, Outcome, Payload, Resolved, Unavailable};

/// A workspace seen from one asset's directory.
#[derive(Default)]
pub struct FakeContext {
    inputs: Vec<Input>,
    files: BTreeMap<String, Vec<u8>>,
    refused: BTreeMap<String, String>,
    assets: BTreeMap<String, Resolved>,
    unreadable: Vec<String>,
    /// Every question and its answer, in order.
    pub asked: Vec<String>,
}

impl FakeContext {
    /// Returns a context with one declared input.
    pub fn with_input(path: &str, bytes: &[u8]) -> Self {
        let mut cx = Self::default();
        cx.input(path, bytes);
        cx
    }

    /// Adds a declared input.
    pub fn input(&mut self, path: &str, bytes: &[u8]) {
        self.file(path, bytes);
        self.inputs.push(self.describe_file(path).expect("it was just added"));
    }

    /// Adds a source that nobody declared.
    pub fn file(&mut self, path: &str, bytes: &[u8]) {
        self.files.insert(path.to_owned(), bytes.to_owned());
    }

    /// Makes `find(path)` answer that it is not a source.
    pub fn not_a_source(&mut self, path: &str, why: &str) {
        self.refused.insert(path.to_owned(), why.to_owned());
    }

    /// Makes the source at `path` an asset.
    pub fn asset(&mut self, path: &str, id: u32) {
        let uuid = AssetUuid::v8(Digest::of(path.as_bytes()));
        self.assets.insert(path.to_owned(), Resolved { uuid, id: AssetId(id), kind: "image".to_owned() });
    }

    /// Makes the bytes of `path` unavailable.
    pub fn unreadable(&mut self, path: &str) {
        self.unreadable.push(path.to_owned());
    }

    fn describe_file(&self, path: &str) -> Option<Input> {
        let bytes = self.files.get(path)?;
        Some(Input { path: path.to_owned(), digest: Digest::of(bytes), size: bytes.len() as u64 })
    }
}

impl Context for FakeContext {
    fn inputs(&self) -> &[Input] {
        &self.inputs
    }

    fn find(&mut self, path: &str) -> Found {
        let found = match (self.refused.get(path), self.describe_file(path)) {
            (Some(why), _) => Found::NotASource(why.clone()),
            (None, Some(input)) => Found::Source(input),
            (None, None) => Found::Absent,
        };
        let word = match found {
            Found::Source(_) => "source",
            Found::Absent => "absent",
            Found::NotASource(_) => "not a source",
        };
        self.asked.push(format!("find {path}: {word}"));
        found
    }

    fn bytes(&mut self, input: &Input) -> Result<Bytes, Unavailable> {
        if self.unreadable.contains(&input.path) {
            return Err(Unavailable);
        }
        let bytes = self.files.get(&input.path).ok_or(Unavailable)?;
        Ok(bytes.as_slice().into())
    }

    fn glob(&mut self, pattern: &str) -> Vec<String> {
        unreachable!("no processor here asks for `{pattern}`")
    }

    fn asset_at(&mut self, path: &str) -> Option<Resolved> {
        let resolved = self.assets.get(path).cloned();
        self.asked
            .push(format!("asset at {path}: {}", resolved.as_ref().map_or("none".into(), |it| it.id.to_string())));
        resolved
    }
}

/// Returns an outcome as text: payloads by length, metadata, references and findings.
pub fn describe(outcome: &Outcome) -> String {
    let mut text = String::new();
    let findings = match outcome {
        Outcome::Made(artifacts, findings) => {
            for artifact in artifacts {
                describe_artifact(&mut text, artifact);
            }
            findings
        }
        Outcome::Refused(findings) => {
            text.push_str("refused\n");
            findings
        }
    };
    for finding in findings {
        describe_finding(&mut text, finding);
    }
    text
}

fn describe_artifact(text: &mut String, artifact: &super::contract::Artifact) {
    writeln!(text, "made part {:?}", artifact.part).expect("a string takes everything");
    for (role, payload) in &artifact.payloads {
        let what = match payload {
            Payload::Made(bytes) => format!("{} bytes made", bytes.len()),
            Payload::Input(input) => format!("input {}, {} bytes", input.path, input.size),
        };
        writeln!(text, "  payload {role:?}: {what}").expect("a string takes everything");
    }
    for (name, value) in &artifact.metadata {
        let value = match value {
            MetaValue::Integer(it) => it.to_string(),
            MetaValue::Text(it) => format!("{it:?}"),
            MetaValue::Flag(it) => it.to_string(),
        };
        writeln!(text, "  {name} = {value}").expect("a string takes everything");
    }
    if !artifact.references.is_empty() {
        writeln!(text, "  references {:?}", artifact.references).expect("a string takes everything");
    }
}

fn describe_finding(text: &mut String, finding: &Finding) {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let place = match finding.span {
        Some(span) => format!(" {}:{}:{}", finding.path, span.line, span.column),
        None if finding.path.is_empty() => String::new(),
        None => format!(" {}", finding.path),
    };
    writeln!(text, "  {severity} {}{place}: {}", finding.code, finding.message).expect("a string takes everything");
    if let Some(help) = &finding.help {
        writeln!(text, "    help: {help}").expect("a string takes everything");
    }
}

/// Returns the digest of everything in an outcome that reaches a pack.
pub fn outcome_digest(outcome: &Outcome) -> Digest {
    let mut hasher = crate::model::KeyHasher::new("packwright test outcome v1");
    hasher.text(0, &describe(outcome));
    if let Outcome::Made(artifacts, _) = outcome {
        for (role, payload) in artifacts.iter().flat_map(|it| &it.payloads) {
            hasher.text(1, role);
            match payload {
                Payload::Made(bytes) => hasher.bytes(2, bytes),
                Payload::Input(input) => hasher.digest(3, input.digest),
            };
        }
    }
    hasher.finish()
}
