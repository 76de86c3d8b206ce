//! Problems of assets, told without positions.
//!
//! A query below the declarations knows which asset a problem belongs to and which part of its declaration, but not
//! where in a file that stands: a comment moves every position and must not move its result. The position is looked
//! up when the diagnostics are shown.

use crate::model::{Code, Diagnostic, Location, RelPath, Severity};

use super::declared::declared;
use super::{Bucket, DbTree};

/// A diagnostic that belongs to one asset: what a profile that omits broken assets can leave out.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Problem {
    /// The asset's place.
    pub place: RelPath,
    /// What is wrong.
    pub diagnostic: Diagnostic,
}

/// Which part of a declaration an issue is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum At {
    /// The declaration as a whole.
    Asset,
    /// Its name.
    Name,
    /// An input, by its number.
    Input(usize),
    /// A declared dependency, by its number.
    Dependency(usize),
}

/// A problem without positions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Issue {
    /// The asset's place.
    pub place: RelPath,
    /// What it is about.
    pub at: At,
    /// The source that it is about, where it is not about the declaration.
    pub source: Option<RelPath>,
    /// Stable code.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Another asset that has to do with it: its place, which part, and what is to be seen there.
    pub related: Option<(RelPath, At, String)>,
}

impl Issue {
    /// Returns an error about part of a declaration.
    pub fn error(place: &RelPath, at: At, code: Code, message: impl Into<String>) -> Self {
        let (place, message) = (place.clone(), message.into());
        Self { place, at, source: None, code, severity: Severity::Error, message, help: None, related: None }
    }

    /// Returns a warning about part of a declaration.
    pub fn warning(place: &RelPath, at: At, code: Code, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(place, at, code, message) }
    }

    /// Says what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Points at a source in place of the declaration.
    #[must_use]
    pub fn source(mut self, source: &RelPath) -> Self {
        self.source = Some(source.clone());
        self
    }

    /// Looks the positions up.
    pub fn locate(&self, db: &dyn salsa::Database, bucket: Bucket) -> Problem {
        let mut diagnostic = match self.severity {
            Severity::Error => Diagnostic::error(self.code, self.message.clone()),
            Severity::Warning => Diagnostic::warning(self.code, self.message.clone()),
        };
        diagnostic.location = Some(match &self.source {
            Some(source) => Location::file(source),
            None => location(db, bucket, &self.place, self.at),
        });
        diagnostic.help.clone_from(&self.help);
        if let Some((place, at, message)) = &self.related {
            let bucket = bucket_of_declaration(db, place);
            let location = bucket.map_or_else(|| Location::file(place), |it| location(db, it, place, *at));
            diagnostic = diagnostic.related(message.clone(), location);
        }
        Problem { place: self.place.clone(), diagnostic }
    }
}

/// Returns the bucket in which the asset at `place` is declared: that of the file, or of the directory's `asset.json`.
fn bucket_of_declaration(db: &dyn salsa::Database, place: &RelPath) -> Option<Bucket> {
    let tree = DbTree(db);
    let holds = |it: &Bucket| declared(db, *it).assets.iter().any(|it| it.intent.place == *place);
    let of_dir = tree.bucket_of(&place.child(crate::model::path::ASSET_JSON)).filter(holds);
    of_dir.or_else(|| tree.bucket_of(place).filter(holds))
}

fn location(db: &dyn salsa::Database, bucket: Bucket, place: &RelPath, at: At) -> Location {
    let Some(declaration) = declared(db, bucket).assets.iter().find(|it| it.intent.place == *place) else {
        return Location::file(place);
    };
    let origin = &declaration.origin;
    let found = match at {
        At::Asset => None,
        At::Name => origin.name.clone(),
        At::Input(idx) => origin.inputs.get(idx).cloned(),
        At::Dependency(idx) => origin.dependencies.get(idx).cloned(),
    };
    found.unwrap_or_else(|| origin.location.clone())
}
