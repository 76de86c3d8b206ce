//! Snapshots: an immutable, coherent view of the whole workspace at one revision.
//!
//! Plain shared data, published by swapping one pointer. A reader takes the pointer and is never blocked, cancelled
//! or shown a half-applied change; the query database is never handed out.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use crate::model::profile::Profile;
use crate::model::registry::Registry;
use crate::model::{Diagnostic, Digest};
use crate::pack::plan::Plan;
use crate::query::names::Names;
use crate::workspace::bucket::Tree;
use crate::workspace::config::Config;

/// The workspace at one revision.
#[derive(Clone)]
pub struct Snapshot {
    /// Counts up from one with every publication of something new in this process.
    pub revision: u64,
    /// Every source.
    pub tree: Tree,
    /// The author's configuration.
    pub config: Arc<Config>,
    /// Identities.
    pub registry: Registry,
    /// Every asset.
    pub names: Arc<Names>,
    /// The profile that was planned for.
    pub profile: Arc<Profile>,
    /// The packs that were built, by name.
    pub packs: Vec<Packed>,
    /// What is to be said about the workspace, in the order in which it is shown.
    pub diagnostics: Arc<Vec<Diagnostic>>,
}

/// A pack of a snapshot.
#[derive(Clone)]
pub struct Packed {
    /// Its name.
    pub name: String,
    /// Its number among the workspace's.
    pub number: usize,
    /// Where it lies, or will.
    pub file: PathBuf,
    /// Digest of everything that its plan could depend on.
    pub source_root: Digest,
    /// What it holds.
    pub plan: Arc<Plan>,
}

impl Snapshot {
    /// Returns whether this follows from the same as `other`: then they differ in nothing but the revision.
    fn is_of_same(&self, other: &Self) -> bool {
        let of = |it: &Self| it.packs.iter().map(|it| (it.source_root, it.file.clone())).collect::<Vec<_>>();
        of(self) == of(other)
    }
}

/// Where the newest snapshot is to be had.
#[derive(Default)]
pub struct Snapshots {
    newest: Mutex<Option<Arc<Snapshot>>>,
}

impl Snapshots {
    /// Returns the newest snapshot.
    pub fn newest(&self) -> Option<Arc<Snapshot>> {
        self.newest.lock().expect("no panic while held").clone()
    }

    /// Makes `snapshot` the newest, under the next revision; or returns the newest, where it is of the same.
    pub fn publish(&self, mut snapshot: Snapshot) -> Arc<Snapshot> {
        // The lock is held for the swap of a pointer and nothing else.
        let mut newest = self.newest.lock().expect("no panic while held");
        if let Some(same) = newest.as_ref().filter(|it| it.is_of_same(&snapshot)) {
            return same.clone();
        }
        snapshot.revision = newest.as_ref().map_or(0, |it| it.revision) + 1;
        let snapshot = Arc::new(snapshot);
        *newest = Some(snapshot.clone());
        snapshot
    }
}
