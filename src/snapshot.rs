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
    /// Digest of everything that the plan could depend on.
    pub source_root: Digest,
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
    /// The pack that was planned.
    pub pack: String,
    /// Where it lies, or will.
    pub pack_file: PathBuf,
    /// What the pack holds.
    pub plan: Arc<Plan>,
    /// What is to be said about the workspace, in the order in which it is shown.
    pub diagnostics: Arc<Vec<Diagnostic>>,
}

impl Snapshot {
    /// Returns whether this follows from the same as `other`: then they differ in nothing but the revision.
    fn is_of_same(&self, other: &Self) -> bool {
        (self.source_root, &self.pack_file) == (other.source_root, &other.pack_file)
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
