//! The index, the store and the sources' bytes that one pass uses, and a count of what it did.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::cache::{self, CacheMode, Index, Outline, Store};
use crate::model::{Diagnostic, Digest, KeyHasher, diagnostic, magic};
use crate::process::exec::Runs;
use crate::query::State;
use crate::system::{Bytes, Counts};
use crate::workspace::bucket::{Bucket, Rows, Summary, Tree};
use crate::workspace::layout::Workspace;
use crate::workspace::sources::Sources;

use super::configure::Setup;
use super::{Log, Options, Work};

/// The index's key for the last bucket where that one has no end. No order key holds this byte, so it comes last.
pub const LAST_KEY: [u8; 1] = [0xff];

impl Rows for Index {
    fn row(&self, nth: usize) -> Option<Bytes> {
        Index::row(self, nth)
    }

    fn lose(&self) {
        Index::lose(self);
    }

    fn is_lost(&self) -> bool {
        Index::is_lost(self)
    }
}

/// The index's name for what its buckets were scanned by.
pub const SCAN_FACT: &str = "scan";

/// What one pass uses.
pub struct Session<'a> {
    /// The workspace.
    pub ws: &'a Workspace,
    /// What was asked for.
    pub options: &'a Options,
    /// This tree's fingerprints.
    pub index: Arc<Index>,
    /// Traces, records and payloads.
    pub store: Store,
    /// Bytes of sources.
    pub sources: Sources<'a>,
    /// What the executor did.
    pub runs: Runs,
    before: Counts,
    executed_before: AtomicU64,
}

impl<'a> Session<'a> {
    /// Opens index and store.
    ///
    /// `packs` are the files that the packs are to become, where any are to be made.
    pub fn open(ws: &'a Workspace, options: &'a Options, packs: Vec<PathBuf>) -> Self {
        let before = ws.disk.counters().counts();
        let own = ws.cache_dir();
        let shared = options.cache_dir.as_deref().unwrap_or(&own);
        let index = Arc::new(Index::load(ws.disk.clone(), &own, options.cache));
        if index.outlines().is_empty() && options.cache == CacheMode::Write {
            // The file system's clock is read in there, so it must be there before anything is scanned. A workspace that
            // cannot be written is looked at all the same.
            let _ = cache::prepare_dir(&*ws.disk, &own);
        }
        let sources = Sources::new(ws).for_packs(packs);
        Self {
            ws,
            options,
            before,
            index,
            store: Store::new(ws.disk.clone(), shared, options.cache),
            sources: if options.cache == CacheMode::Write { sources.overflowing() } else { sources },
            runs: Runs { names: options.log.then(Default::default), ..Runs::default() },
            executed_before: AtomicU64::new(0),
        }
    }

    /// Returns the tree as the index remembers it; empty where it remembers none, or one of other roots or of what else was ignored.
    pub fn known_tree(&self, setup: &Setup) -> Tree {
        if self.index.fact(SCAN_FACT).as_deref() != Some(&scan_key(setup).0[..]) {
            return Tree::default();
        }
        let outlines = self.index.outlines().iter().enumerate();
        let bucket = |(nth, it): (usize, &Outline)| {
            let end = (it.key != LAST_KEY).then(|| it.key.clone());
            Some(Arc::new(Bucket::stored(end, Summary::from_bytes(&it.note)?, self.index.clone(), nth)))
        };
        let buckets: Option<Vec<_>> = outlines.map(bucket).collect();
        let tree = buckets.and_then(Tree::from_buckets).unwrap_or_default();
        // Who goes no shortcuts begins with a tree of which nothing can be lost later.
        if self.options.shortcuts || tree.load(self.ws.jobs) {
            return tree;
        }
        self.index.abandon();
        Tree::default()
    }

    /// Begins to count what is done in `state`, and to write it down where that was asked for.
    pub fn start_log(&self, state: &State) {
        self.executed_before.store(state.executed(), Ordering::Relaxed);
        if self.options.log {
            state.start_log();
        }
    }

    /// Returns what was done by name, where that was asked for. Without a state no query was executed.
    pub fn log(&self, state: Option<&State>, written: &[String]) -> Option<Log> {
        self.options.log.then(|| Log {
            queries: state.map(State::finish_log).unwrap_or_default(),
            processed: self.runs.processed_names(),
            written: written.to_vec(),
        })
    }

    /// Returns what was done in numbers, as far as the session knows.
    pub fn work(&self, state: Option<&State>) -> Work {
        let count = |it: &AtomicU64| it.load(Ordering::Relaxed);
        Work {
            files: self.ws.disk.counters().counts().since(self.before),
            cache: self.store.counters().counts(),
            digested: self.sources.digested(),
            queries: state.map_or(0, |it| it.executed() - count(&self.executed_before)),
            processed: count(&self.runs.processed) + count(&self.runs.remade),
            reused: count(&self.runs.reused),
            compressed: count(&self.runs.compressed),
            ..Work::default()
        }
    }

    /// Returns what there is to say about the cache.
    pub fn cache_warnings(&self) -> Vec<Diagnostic> {
        let mut warnings = self.index.warnings();
        warnings.extend(self.store.warnings());
        diagnostic::sort(&mut warnings);
        warnings
    }
}

/// A snapshot keeps the index with its tree, all of which was fetched; not its file.
impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.index.close();
    }
}

/// Returns the digest of what decides which entries a scan finds, and what they look like: known buckets count only for the same.
pub fn scan_key(setup: &Setup) -> Digest {
    let mut hasher = KeyHasher::new("packwright scan v1");
    setup.roots.iter().for_each(|it| {
        hasher.text(1, it.as_str());
    });
    hasher.number(2, u64::from(magic::TABLE_VERSION));
    setup.config.ignore.patterns().iter().for_each(|it| {
        hasher.text(3, it);
    });
    hasher.finish()
}
