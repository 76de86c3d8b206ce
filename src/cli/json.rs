//! What the documents of `--format json` have in common. Each command has its own document in its own file, made of
//! structs of its own: what goes on inside may change, these may not without another `version`.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use super::console::Console;
use super::exit::Exit;
use crate::error::{Error, Result};
use crate::model::{Code, Diagnostic, Location, Severity};

/// The version of all documents: it moves when the meaning of any field does.
const VERSION: u32 = 1;

/// The `version` of a document.
pub struct Version;

impl Serialize for Version {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_u32(VERSION)
    }
}

impl JsonSchema for Version {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Version".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "integer", "const": VERSION })
    }
}

/// How data is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Human,
    /// One document, for programs
    Json,
}

/// What every command prints in place of its own document when it fails.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "A command that failed")]
pub struct FailureDocument {
    /// Version of this form.
    version: Version,
    /// Why it failed.
    error: Failure,
    /// What is wrong with the workspace, in the order in which it is shown.
    diagnostics: Vec<DiagnosticEntry>,
}

/// Why a command failed.
#[derive(Serialize, JsonSchema)]
struct Failure {
    /// The exit code of the process.
    exit_code: u8,
    /// What failed, and why.
    message: String,
}

/// One thing wrong with the workspace.
#[derive(Serialize, JsonSchema)]
pub struct DiagnosticEntry {
    /// Stable code.
    code: Code,
    /// How bad it is.
    severity: Severity,
    /// What is wrong.
    message: String,
    /// Where; absent when it belongs to no file.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<PlaceEntry>,
    /// Other places that matter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related: Vec<RelatedEntry>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

/// A file, or a stretch of one.
#[derive(Serialize, JsonSchema)]
pub struct PlaceEntry {
    /// The file, relative to the workspace.
    path: String,
    /// Line, from one; absent when the file as a whole is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    /// Column in characters, from one.
    #[serde(skip_serializing_if = "Option::is_none")]
    column: Option<u32>,
    /// Where the stretch begins, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    start: Option<u32>,
    /// Where it ends, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<u32>,
}

/// Another place that has to do with a diagnostic.
#[derive(Serialize, JsonSchema)]
pub struct RelatedEntry {
    /// What is to be seen there.
    message: String,
    /// Where.
    place: PlaceEntry,
}

impl From<&Location> for PlaceEntry {
    fn from(location: &Location) -> Self {
        let span = location.span;
        Self {
            path: location.path.to_string(),
            line: span.map(|it| it.line),
            column: span.map(|it| it.column),
            start: span.map(|it| it.start),
            end: span.map(|it| it.end),
        }
    }
}

impl From<&Diagnostic> for DiagnosticEntry {
    fn from(it: &Diagnostic) -> Self {
        let related =
            it.related.iter().map(|it| RelatedEntry { message: it.message.clone(), place: (&it.location).into() });
        Self {
            code: it.code,
            severity: it.severity,
            message: it.message.clone(),
            place: it.location.as_ref().map(PlaceEntry::from),
            related: related.collect(),
            help: it.help.clone(),
        }
    }
}

/// Returns diagnostics as a document has them.
pub fn diagnostics(all: &[Diagnostic]) -> Vec<DiagnosticEntry> {
    all.iter().map(DiagnosticEntry::from).collect()
}

/// Prints the document of a command that failed.
///
/// # Errors
///
/// Whatever stdout says.
pub fn print_failure(console: &Console, error: &Error) -> Result<()> {
    let found = found(error);
    let error = Failure { exit_code: Exit::of(error) as u8, message: told(error) };
    console.print_json(&FailureDocument { version: Version, error, diagnostics: diagnostics(found) })
}

/// Returns an error in one line; where the workspace has errors, the first of them.
pub fn told(error: &Error) -> String {
    let mut text = chain(error);
    let errors = || found(error).iter().filter(|it| it.is_error());
    if let Some(first) = errors().next() {
        let _ = write!(text, ": {}", first.message);
        let more = errors().count() - 1;
        if more > 0 {
            let _ = write!(text, " (and {more} more)");
        }
    }
    text
}

fn found(error: &Error) -> &[Diagnostic] {
    match error {
        Error::Invalid(found) | Error::Unreadable(found) | Error::Locked(found) => found,
        _ => &[],
    }
}

/// Prints the document of a command line that makes no sense.
///
/// # Errors
///
/// Whatever stdout says.
pub fn print_usage(console: &Console, message: &str) -> Result<()> {
    let error = Failure { exit_code: Exit::Usage as u8, message: message.to_owned() };
    console.print_json(&FailureDocument { version: Version, error, diagnostics: Vec::new() })
}

/// Prints the document of a command whose answer is no.
///
/// # Errors
///
/// Whatever stdout says.
pub fn print_refusal(console: &Console, message: &str) -> Result<()> {
    let error = Failure { exit_code: Exit::No as u8, message: message.to_owned() };
    console.print_json(&FailureDocument { version: Version, error, diagnostics: Vec::new() })
}

/// Returns an error with all its causes in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut at = error.source();
    while let Some(cause) = at {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        at = cause.source();
    }
    text
}
