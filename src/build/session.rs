//! One pass over a workspace: what it knows from before, and what is to be remembered of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::cache::{self, CacheMode, Changes, Index, Store, encoding};
use crate::model::registry::{Proposal, Registry};
use crate::model::{Code, Diagnostic, Digest, KeyHasher, Location, RelPath};
use crate::process::exec::Runs;
use crate::query::State;
use crate::query::names::names;
use crate::receipt::{self, Outputs};
use crate::snapshot::Snapshot;
use crate::system::Counts;
use crate::workspace::bucket::{Bucket, Tree};
use crate::workspace::layout::{CONFIG_FILE, Workspace};
use crate::workspace::scan::Scan;
use crate::workspace::sources::Sources;

use super::configure::{REGISTRY_FACT, RegistryFiles, Setup};
use super::judge::Verdict;
use super::publish::{self, Output, Published, source_root};
use super::{Log, Options, Outcome, Report, Work};

/// The index's name for what its buckets were scanned by.
const SCAN_FACT: &str = "scan";

/// What one pass knows and uses.
pub struct Session<'a> {
    /// The workspace.
    pub ws: &'a Workspace,
    options: &'a Options,
    /// This tree's fingerprints.
    pub index: Index,
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
    pub fn open(ws: &'a Workspace, options: &'a Options) -> Self {
        let own = ws.cache_dir();
        let shared = options.cache_dir.as_deref().unwrap_or(&own);
        let index = Index::load(ws.disk.clone(), &own, options.cache);
        if index.buckets().is_empty() && options.cache == CacheMode::Write {
            // The file system's clock is read in there, so it must be there before anything is scanned. A workspace that
            // cannot be written is looked at all the same.
            let _ = cache::prepare_dir(&*ws.disk, &own);
        }
        Self {
            ws,
            options,
            before: ws.disk.counters().counts(),
            index,
            store: Store::new(ws.disk.clone(), shared, options.cache),
            sources: Sources::new(ws),
            runs: Runs { names: options.log.then(Default::default), ..Runs::default() },
            executed_before: AtomicU64::new(0),
        }
    }

    /// Returns the tree as the index remembers it; empty where it remembers none, or one of other roots.
    pub fn known_tree(&self, setup: &Setup) -> Tree {
        if self.index.fact(SCAN_FACT).as_deref() != Some(&scan_key(setup).0[..]) {
            return Tree::default();
        }
        let rows = self.index.buckets();
        let bucket = |idx: usize| Some(Arc::new(Bucket::from_row(encoding::decode(&rows[idx].row)?)?));
        let buckets: Option<Vec<_>> = self.ws.parallel(rows.len(), bucket).into_iter().collect();
        buckets.and_then(Tree::from_buckets).unwrap_or_default()
    }

    /// Returns the report of a build with nothing to do, if that is what this is.
    ///
    /// The receipt's pack came of today's `source_root`, and every file of it is what it was.
    pub fn up_to_date(&self, setup: &Setup, scan: &Scan, registry: &RegistryFiles, output: &Output) -> Option<Report> {
        if self.options.cache == CacheMode::Off {
            return None;
        }
        let (profile, pack) = (&setup.profile, &self.options.pack);
        let receipt = receipt::read(&*self.ws.disk, &output.dir, pack)?;
        let today = source_root(&setup.config, profile, pack, registry.digest, &scan.tree);
        if receipt.source_root != today || receipt.profile != profile.name {
            return None;
        }
        let known = self.outputs(output);
        let (disk, clock) = (&*self.ws.disk, || self.ws.disk.now(&self.ws.cache_dir()));
        let standing = receipt::stands(disk, &output.dir, &receipt, known.as_ref(), self.options.rehash, &clock)?;
        let mut changes = self.scan_changes(scan, registry, setup);
        if standing.learned {
            let outputs = publish::remember(&standing, self.ws.disk.boot_id(), profile);
            changes.outputs_put.push((output.key.clone(), outputs.to_row()));
        }
        self.index.commit(&changes);
        Some(Report {
            outcome: Outcome::UpToDate,
            pack_file: output.dir.join(crate::pack::format::root_name(pack)),
            content_digest: Some(receipt.content_digest),
            entries: receipt.entries,
            diagnostics: receipt.warnings,
            cache_warnings: self.cache_warnings(),
            registered: Vec::new(),
            work: self.work(scan, 0),
            log: self.options.log.then(Log::default),
        })
    }

    /// Returns what the index remembers of an output directory.
    pub fn outputs(&self, output: &Output) -> Option<Outputs> {
        self.index.output(&output.key).and_then(|it| Outputs::from_row(&it))
    }

    /// Returns the diagnostics that belong to no asset.
    pub fn general(
        &self,
        setup: &Setup,
        tree: &Tree,
        registry: Vec<Diagnostic>,
        proposal: &Proposal,
    ) -> Vec<Diagnostic> {
        let config = RelPath::new(CONFIG_FILE).expect("a plain file name is a path");
        let mut general = setup.warnings.clone();
        general.extend(registry);
        general.extend(proposal.diagnostics.iter().cloned());
        for root in setup.roots.iter().filter(|it| !is_dir(tree, it)) {
            let missing = Diagnostic::error(Code::ROOTS, format!("the root `{root}` is not a directory"));
            general.push(missing.at(Location::file(&config)).help("create it, or take it out of `[[roots]]`"));
        }
        general
    }

    fn scan_changes(&self, scan: &Scan, registry: &RegistryFiles, setup: &Setup) -> Changes {
        let mut changes = Changes::default();
        let key = scan_key(setup);
        if self.index.fact(SCAN_FACT).as_deref() != Some(&key.0[..]) {
            changes.facts_put.push((SCAN_FACT.to_owned(), key.0.to_vec()));
            // Whatever was there was scanned by other roots.
            let ends: Vec<Vec<u8>> = scan.tree.buckets().iter().map(|it| row_key(&it.end)).collect();
            let old = self.index.buckets().iter().map(|it| it.key.clone());
            changes.buckets_removed.extend(old.filter(|it| ends.binary_search(it).is_err()));
        }
        changes.buckets_put.extend(scan.moved.iter().map(|it| (row_key(&it.end), encoding::encode(&it.to_row()))));
        changes.buckets_removed.extend(scan.gone.iter().map(row_key));
        changes.facts_put.extend(registry.fact.iter().map(|it| (REGISTRY_FACT.to_owned(), it.clone())));
        changes
    }

    /// Stores what the scan found out.
    pub fn remember_scan(&self, setup: &Setup, scan: &Scan, registry: &RegistryFiles) {
        self.index.commit(&self.scan_changes(scan, registry, setup));
    }

    /// Stores what the scan and the publication found out.
    pub fn remember(
        &self,
        setup: &Setup,
        scan: &Scan,
        registry: &RegistryFiles,
        output: &Output,
        published: &Published,
    ) {
        let mut changes = self.scan_changes(scan, registry, setup);
        changes.outputs_put.push((output.key.clone(), published.outputs.to_row()));
        self.index.commit(&changes);
    }

    /// Puts a snapshot together.
    pub fn snapshot(
        &self,
        setup: &Setup,
        scan: &Scan,
        state: &State,
        source_root: Digest,
        registry: &Registry,
        verdict: Verdict,
    ) -> Snapshot {
        Snapshot {
            revision: 0,
            source_root,
            tree: scan.tree.clone(),
            config: setup.config.clone(),
            registry: registry.clone(),
            names: Arc::new(names(&state.db).clone()),
            profile: setup.profile.clone(),
            plan: Arc::new(verdict.plan),
            diagnostics: Arc::new(verdict.diagnostics),
        }
    }

    /// Returns the report of a workspace that was only checked.
    pub fn checked(&self, scan: &Scan, state: &State, verdict: Verdict) -> Report {
        Report {
            outcome: Outcome::Checked,
            pack_file: Default::default(),
            content_digest: None,
            entries: verdict.plan.entries.len() as u64,
            diagnostics: verdict.diagnostics,
            cache_warnings: self.cache_warnings(),
            registered: Vec::new(),
            work: self.work(scan, self.executed(state)),
            log: self.log(state, &[]),
        }
    }

    /// Returns the report of a pack that was built.
    pub fn built(
        &self,
        scan: &Scan,
        state: &State,
        snapshot: &Snapshot,
        output: &Output,
        published: &Published,
        proposal: &Proposal,
    ) -> Report {
        let emitted = &published.emitted;
        let mut work = self.work(scan, self.executed(state));
        (work.pack_files_written, work.pack_files_kept) = (emitted.written, emitted.untouched);
        Report {
            outcome: if emitted.written == 0 { Outcome::Unchanged } else { Outcome::Written },
            pack_file: output.dir.join(crate::pack::format::root_name(&self.options.pack)),
            content_digest: Some(emitted.content_digest),
            entries: snapshot.plan.entries.len() as u64,
            diagnostics: snapshot.diagnostics.to_vec(),
            cache_warnings: self.cache_warnings(),
            registered: proposal.changes.iter().map(ToString::to_string).collect(),
            work,
            log: self.log(state, &emitted.written_names),
        }
    }

    /// Begins to count what is done, and to write it down where that was asked for.
    pub fn start_log(&self, state: &State) {
        self.executed_before.store(state.executed(), Ordering::Relaxed);
        if self.options.log {
            state.start_log();
        }
    }

    fn executed(&self, state: &State) -> u64 {
        state.executed() - self.executed_before.load(Ordering::Relaxed)
    }

    fn log(&self, state: &State, written: &[String]) -> Option<Log> {
        self.options.log.then(|| Log {
            queries: state.finish_log(),
            processed: self.runs.processed_names(),
            written: written.to_vec(),
        })
    }

    fn cache_warnings(&self) -> Vec<Diagnostic> {
        let mut warnings = self.index.warnings();
        warnings.extend(self.store.warnings());
        crate::model::diagnostic::sort(&mut warnings);
        warnings
    }

    fn work(&self, scan: &Scan, queries: u64) -> Work {
        let count = |it: &std::sync::atomic::AtomicU64| it.load(Ordering::Relaxed);
        let sources = scan.tree.buckets().iter().map(|it| it.sources() as u64).sum();
        Work {
            files: self.ws.disk.counters().counts().since(self.before),
            cache: self.store.counters().counts(),
            sources,
            digested: self.sources.digested(),
            buckets: scan.tree.buckets().len() as u64,
            buckets_moved: scan.moved.len() as u64,
            queries,
            processed: count(&self.runs.processed) + count(&self.runs.remade),
            reused: count(&self.runs.reused),
            compressed: count(&self.runs.compressed),
            pack_files_written: 0,
            pack_files_kept: 0,
        }
    }
}

fn is_dir(tree: &Tree, path: &RelPath) -> bool {
    tree.find(path.as_str()).is_some_and(|(bucket, idx)| bucket.members.kind(idx).is_dir())
}

/// Returns the digest of what decides which entries a scan finds: known buckets count only for the same.
fn scan_key(setup: &Setup) -> Digest {
    let mut hasher = KeyHasher::new("packwright scan v1");
    setup.roots.iter().for_each(|it| {
        hasher.text(1, it.as_str());
    });
    hasher.finish()
}

/// Returns the index's key for the bucket with this end. No order key holds the byte 0xff, so that the last bucket
/// comes last.
fn row_key(end: &Option<Vec<u8>>) -> Vec<u8> {
    end.clone().unwrap_or_else(|| vec![0xff])
}
