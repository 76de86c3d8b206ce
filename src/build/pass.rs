//! One pass: what it found on disk, how it proves that nothing or little is to do, and what it remembers.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::cache::{CacheMode, Changes, Committed, PutBucket};
use crate::error::Error;
use crate::model::registry::{ChangeNote, Line, Proposal, Registry};
use crate::model::{Code, Diagnostic, Digest, Location, RelPath};
use crate::pack::format;
use crate::pack::old::OldPack;
use crate::pack::write::Payloads;
use crate::query::names::{LazyNames, names};
use crate::query::{Change, Identities, Scope, Slot, State, Texts};
use crate::receipt::{self, Outputs, Receipt};
use crate::snapshot::Snapshot;
use crate::threads::at_leisure;
use crate::workspace::bucket::{Bucket, Tree};
use crate::workspace::layout::CONFIG_FILE;
use crate::workspace::scan::{self, Scan, scan};

use super::artifacts::{Moved, Workshop};
use super::configure::{REGISTRY_FACT, RegistryFiles, Setup, registry_files};
use super::identify;
use super::judge::Verdict;
use super::memo::{self, Built, Ledger, Rest, Short, Under};
use super::publish::{self, Output, Publication, Published, Wanted, settled, source_root};
use super::session::{LAST_KEY, SCAN_FACT, Session, scan_key};
use super::vanished::{VANISHED_FACT, Vanished};
use super::{Outcome, Report, Work};

/// What one pass found on disk.
pub struct Pass<'a> {
    /// What it uses.
    pub session: Session<'a>,
    /// What it goes by.
    pub setup: Setup,
    /// The sources.
    pub scan: Scan,
    /// What the index should remember of places that went missing, where that is news.
    vanished: OnceLock<Vec<u8>>,
    /// Whether the index holds what the scan found out. Held while it is stored.
    is_scan_stored: Mutex<bool>,
}

/// So many buckets that moved are stored while the pack is written, in a transaction of their own.
const MANY_BUCKETS: usize = 32;

/// What was derived in a pass.
pub struct Derived<'a> {
    /// The database.
    pub state: &'a State,
    /// Slots of the derived buckets.
    pub slots: &'a [Slot],
    /// Their numbers.
    pub touched: &'a [usize],
    /// What was not derived.
    pub rest: Rest<'a>,
    /// What is to be known of the registry from now on.
    pub ledger: Ledger,
}

impl<'a> Pass<'a> {
    /// Looks at the registry's files and at the sources. Where nothing is known of either yet, at both at once, and the
    /// registry is parsed meanwhile.
    ///
    /// # Errors
    ///
    /// Those of [`registry_files`] and of [`scan()`].
    pub fn open(session: Session<'a>, setup: Setup) -> Result<(Self, RegistryFiles), Error> {
        let Session { ws, options, index, sources, .. } = &session;
        let known = session.known_tree(&setup);
        let is_new = known.is_empty();
        let scan = || {
            scan(
                ws,
                &setup.roots,
                known,
                sources,
                scan::Options { rehash: options.rehash, ignore: Some(&setup.config.ignore) },
            )
        };
        let look = || registry_files(ws, index, options, &setup.sight);
        let (registry, scan) = if is_new {
            let look = || {
                let mut files = look()?;
                files.parse();
                Ok::<_, Error>(files)
            };
            let (registry, scan) = ws.both(look, scan);
            (registry?, scan?)
        } else {
            (look()?, scan()?)
        };
        Ok((Self::new(session, setup, scan), registry))
    }

    /// Begins with what was found.
    pub fn new(session: Session<'a>, setup: Setup, scan: Scan) -> Self {
        Self { session, setup, scan, vanished: OnceLock::new(), is_scan_stored: Mutex::new(false) }
    }

    /// Takes note of what places held that are missing now, and returns all that is known of such.
    pub fn note_missing(&self, missing: &[Line]) -> Vanished {
        let before = Vanished::recall(&self.session.index);
        let now = before.after(&self.scan).only_of(missing);
        if now != before {
            let _ = self.vanished.set(now.to_row());
        }
        now
    }

    /// Returns what the index is to remember of files that went, where that is news.
    fn vanished(&self) -> Option<Vec<u8>> {
        let Scan { appeared, vanished, .. } = &self.scan;
        let noted = self.vanished.get().cloned();
        if noted.is_some() || appeared.is_empty() && vanished.is_empty() {
            return noted;
        }
        let before = Vanished::recall(&self.session.index);
        let now = before.after(&self.scan);
        (now != before).then(|| now.to_row())
    }

    /// Returns what artifacts are made with.
    pub fn workshop(&self) -> Workshop<'_> {
        let Setup { roots, config, .. } = &self.setup;
        Workshop { session: &self.session, tree: &self.scan.tree, roots, ignore: &config.ignore }
    }

    /// Returns the change that brings all of the workspace into the database.
    pub fn change(&self, texts: Vec<Arc<Texts>>, registry: &Registry) -> Change<'_> {
        let (config, identities) = (self.setup.config.clone(), Identities::Registry(registry.clone()));
        Change { tree: &self.scan.tree, texts, config, identities, scope: Scope::Whole }
    }

    /// Fetches every bucket from the index: whoever goes by all of them must not find one missing later.
    ///
    /// # Errors
    ///
    /// [`Error::Torn`] when one is lost: the build begins again without the index.
    pub fn load_tree(&self) -> Result<(), Error> {
        let ws = self.session.ws;
        let _load = ws.phase("load buckets");
        if self.scan.tree.load(ws.jobs) { Ok(()) } else { Err(Error::Torn { path: ws.cache_dir() }) }
    }

    fn pack(&self) -> &'a str {
        &self.session.options.pack
    }

    /// Returns by which name the index knows what is built: the profile and the pack.
    pub fn target(&self) -> String {
        format!("{} {}", self.setup.profile.name, self.pack())
    }

    fn source_root(&self, registry: Digest) -> Digest {
        source_root(&self.setup.config, &self.setup.profile, self.pack(), registry, &self.scan.tree)
    }

    fn settled(&self) -> Digest {
        settled(&self.setup.config, &self.setup.profile, self.pack())
    }

    fn outputs(&self, output: &Output) -> Option<Outputs> {
        self.session.index.output(&output.key).and_then(|it| Outputs::from_row(&it))
    }

    /// Returns the report of a build with nothing to do, if that is what this is: the receipt's pack came of today's
    /// `source_root`, and every file of it is what it was.
    pub fn up_to_date(&self, registry: &RegistryFiles, output: &Output) -> Option<Report> {
        let Session { ws, options, index, .. } = &self.session;
        let _prove = ws.phase("prove up to date");
        if options.cache == CacheMode::Off {
            return None;
        }
        let receipt = receipt::read(&*ws.disk, &output.dir, self.pack())?;
        if receipt.source_root != self.source_root(registry.digest) || receipt.profile != self.setup.profile.name {
            return None;
        }
        let clock = || ws.disk.now(&ws.cache_dir());
        let known = self.outputs(output);
        let standing = receipt::stands(&*ws.disk, &output.dir, &receipt, known.as_ref(), options.rehash, &clock)?;
        let mut changes = self.scan_changes(registry);
        if standing.learned {
            let outputs = publish::remember(&standing, ws.disk.boot_id(), &self.setup.profile);
            changes.outputs_put.push((output.key.clone(), outputs.to_row()));
        }
        index.commit(&changes);
        let Receipt { content_digest, entries, warnings, .. } = receipt;
        let work = self.work(None, None);
        Some(Report {
            content_digest: Some(content_digest),
            log: self.session.log(None, &[]),
            ..self.report(Outcome::UpToDate, self.pack_file(output), entries, warnings, work)
        })
    }

    /// Builds from memos where only the contents of few buckets moved. `None` when it is not as simple as that, or
    /// when anything is wrong: the long way finds all of it.
    ///
    /// # Errors
    ///
    /// [`Moved`] when a source is not any more what the scan saw, or when the world refuses.
    pub fn short_way(&self, registry: &RegistryFiles, output: &Output) -> Result<Option<Report>, Moved> {
        let Session { ws, options, index, store, .. } = &self.session;
        let _short = ws.phase("short way");
        let target = self.target();
        let (known, old) = (self.outputs(output), OldPack::open(&*ws.disk, &output.dir, self.pack()));
        if old.is_some() && known.is_none() {
            return Ok(None);
        }
        let tree = &self.scan.tree;
        let (settled, registry_digest, config) = (self.settled(), registry.digest, &*self.setup.config);
        let under = Under { target: &target, settled, registry: registry_digest, config };
        let Some(memos) = memo::recall(index, under, tree) else { return Ok(None) };
        if self.setup.roots.iter().any(|it| !is_dir(tree, it)) {
            return Ok(None);
        }
        let workshop = self.workshop();
        let standing = old.as_ref().map(OldPack::content_digest);
        let short = memos.derive(&workshop, &self.setup, self.pack(), registry, standing)?;
        let Some(short) = short.filter(|it| !options.locked || it.registration.changes.is_empty()) else {
            return Ok(None);
        };
        registry.check_unmoved(ws)?;

        // Only parts that hold a changed entry are laid out, or else all of the plan.
        let profile = &self.setup.profile;
        let patch = match (&known, &old) {
            (Some(known), Some(old)) if known.has(&format::root_name(self.pack()), old.content_digest()) => {
                short.difference(ws, old.content_digest()).and_then(|it| publish::patch(old, profile, &it))
            }
            _ => None,
        };
        let plan = if patch.is_none() { short.plan(ws, &self.setup) } else { None };
        let wanted = match (&patch, &plan) {
            (Some(patch), _) => Wanted::Patch(patch),
            (None, Some(plan)) => Wanted::Plan(plan),
            (None, None) => return Ok(None),
        };
        let Short { state, slots, touched, diagnostics, registration, ledger, memos } = &short;
        let names = LazyNames::new(&state.db);
        let payloads = workshop.payloads(state, &names, slots);
        // Payloads of what is only remembered come from the previous pack, or else from what was just read.
        if old.is_none() && !plan.as_ref().is_some_and(|it| payloads.are_at_hand(it)) {
            return Ok(None);
        }
        let changes = &registration.changes;
        let registry_digest = match changes.is_empty() {
            true => registry.digest,
            false => identify::write(ws, options, changes, registration.files.clone(), registry)?,
        };
        let publish = || self.publish(output, wanted, diagnostics, registry_digest, &payloads);
        let published = ws.meanwhile(|| store.commit(), publish)?;
        let (rest, ledger) = (Rest::Memos(memos), ledger.clone());
        let derived = Derived { state, slots, touched, rest, ledger };
        self.remember(registry, registry_digest, output, &published, diagnostics, derived);
        let mut report = self.built(state, wanted, diagnostics, output, &published, changes);
        report.work.buckets_recalled = report.work.buckets - touched.len() as u64;
        // To take a hundred thousand entries apart takes a while, and nobody needs to wait for it.
        at_leisure(move || drop(plan));
        Ok(Some(report))
    }

    /// Returns the diagnostics that belong to no asset.
    pub fn general(&self, registry: Vec<Diagnostic>, proposal: &Proposal) -> Vec<Diagnostic> {
        let config = RelPath::new(CONFIG_FILE).expect("a plain file name is a path");
        let mut general = self.setup.warnings.clone();
        general.extend(registry);
        general.extend(proposal.diagnostics.iter().cloned());
        for root in self.setup.roots.iter().filter(|it| !is_dir(&self.scan.tree, it)) {
            let missing = Diagnostic::error(Code::ROOTS, format!("the root `{root}` is not a directory"));
            general.push(missing.at(Location::file(&config)).help("create it, or take it out of `[[roots]]`"));
        }
        general
    }

    /// Puts a snapshot together.
    pub fn snapshot(
        &self,
        state: &State,
        output: &Output,
        registry_digest: Digest,
        registry: &Registry,
        verdict: Verdict,
    ) -> Snapshot {
        Snapshot {
            revision: 0,
            source_root: self.source_root(registry_digest),
            tree: self.scan.tree.clone(),
            config: self.setup.config.clone(),
            registry: registry.clone(),
            names: names(&state.db).clone(),
            profile: self.setup.profile.clone(),
            pack: self.pack().to_owned(),
            pack_file: self.pack_file(output),
            plan: Arc::new(verdict.plan),
            diagnostics: Arc::new(verdict.diagnostics),
        }
    }

    /// Writes the pack and its receipt.
    ///
    /// # Errors
    ///
    /// Whatever the disk or `payloads` refuse.
    pub fn publish(
        &self,
        output: &Output,
        wanted: Wanted<'_>,
        diagnostics: &[Diagnostic],
        registry: Digest,
        payloads: &dyn Payloads,
    ) -> Result<Published, Error> {
        let publication = Publication {
            pack: self.pack(),
            profile: &self.setup.profile,
            wanted,
            source_root: self.source_root(registry),
            warnings: diagnostics,
            distrust: self.session.options.rehash,
        };
        let published =
            publish::publish(self.session.ws, &output.dir, &publication, payloads, self.outputs(output).as_ref())?;
        self.session.store.commit();
        Ok(published)
    }

    fn scan_changes(&self, registry: &RegistryFiles) -> Changes {
        let (index, scan) = (&self.session.index, &self.scan);
        let mut changes = Changes::default();
        let key = scan_key(&self.setup);
        if index.fact(SCAN_FACT).as_deref() != Some(&key.0[..]) {
            changes.facts_put.push((SCAN_FACT.to_owned(), key.0.to_vec()));
            // Whatever was there was scanned by other roots.
            let ends: Vec<Vec<u8>> = scan.tree.buckets().iter().map(|it| row_key(&it.end)).collect();
            let old = index.outlines().iter().map(|it| it.key.clone());
            changes.buckets_removed.extend(old.filter(|it| ends.binary_search(it).is_err()));
        }
        let put = |it: &Arc<Bucket>| PutBucket {
            key: row_key(&it.end),
            note: it.summary().to_bytes(),
            row: it.as_row().to_vec(),
        };
        changes.buckets_put.extend(scan.moved.iter().map(put));
        changes.buckets_removed.extend(scan.gone.iter().map(row_key));
        changes.facts_put.extend(registry.fact.iter().map(|it| (REGISTRY_FACT.to_owned(), it.clone())));
        changes.facts_put.extend(self.vanished().map(|it| (VANISHED_FACT.to_owned(), it)));
        changes
    }

    /// Stores what the scan found out.
    pub fn remember_scan(&self, registry: &RegistryFiles) {
        let mut is_stored = self.is_scan_stored.lock().unwrap_or_else(PoisonError::into_inner);
        if !*is_stored {
            *is_stored = self.session.index.commit(&self.scan_changes(registry)) == Committed::Stored;
        }
    }

    /// Stores what the scan found out if that is much: to be called while something else is done.
    pub fn remember_large_scan(&self, registry: &RegistryFiles) {
        if self.scan.moved.len() >= MANY_BUCKETS {
            let _remember = self.session.ws.phase("remember scan");
            self.remember_scan(registry);
        }
    }

    /// Stores what the scan and the publication found out.
    pub fn remember(
        &self,
        registry: &RegistryFiles,
        registry_digest: Digest,
        output: &Output,
        published: &Published,
        diagnostics: &[Diagnostic],
        derived: Derived<'_>,
    ) {
        if self.session.options.cache != CacheMode::Write {
            return;
        }
        let _remember = self.session.ws.phase("remember");
        let is_scan_stored = *self.is_scan_stored.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changes = if is_scan_stored { Changes::default() } else { self.scan_changes(registry) };
        changes.outputs_put.push((output.key.clone(), published.outputs.to_row()));
        let Derived { state, slots, touched, rest, ledger } = derived;
        let (target, settled, registry) = (&self.target(), self.settled(), registry_digest);
        let (setup, ws) = (&self.setup, self.session.ws);
        let content_digest = published.emitted.content_digest;
        let tree = &self.scan.tree;
        let built =
            Built { target, settled, registry, ledger, content_digest, tree, state, slots, touched, rest, setup, ws };
        // The pack is there: nobody asks for these bytes any more, and what follows needs room.
        let Session { index, sources, .. } = &self.session;
        sources.forget();
        memo::remember(&mut changes, index, &built, diagnostics);
        ws.meanwhile(|| sources.close(), || _ = index.commit(&changes));
    }

    /// Returns the report of a workspace that was only checked.
    pub fn checked(&self, state: &State, verdict: Verdict, proposal: &Proposal) -> Report {
        let entries = verdict.plan.entries.len() as u64;
        let work = self.work(Some(state), None);
        Report {
            registered: proposal.changes.clone(),
            log: self.session.log(Some(state), &[]),
            ..self.report(Outcome::Checked, PathBuf::new(), entries, verdict.diagnostics, work)
        }
    }

    /// Returns the report of a pack that was built.
    pub fn built(
        &self,
        state: &State,
        wanted: Wanted<'_>,
        diagnostics: &[Diagnostic],
        output: &Output,
        published: &Published,
        registered: &[ChangeNote],
    ) -> Report {
        let emitted = &published.emitted;
        let outcome = if emitted.written == 0 { Outcome::Unchanged } else { Outcome::Written };
        let (entries, work) = (wanted.entry_count(), self.work(Some(state), Some(published)));
        Report {
            content_digest: Some(emitted.content_digest),
            registered: registered.to_vec(),
            log: self.session.log(Some(state), &emitted.written_names),
            ..self.report(outcome, self.pack_file(output), entries, diagnostics.to_vec(), work)
        }
    }

    fn pack_file(&self, output: &Output) -> PathBuf {
        output.dir.join(format::root_name(self.pack()))
    }

    fn report(
        &self,
        outcome: Outcome,
        pack_file: PathBuf,
        entries: u64,
        diagnostics: Vec<Diagnostic>,
        work: Work,
    ) -> Report {
        let cache_warnings = self.session.cache_warnings();
        let (content_digest, registered, log) = (None, Vec::new(), None);
        Report { outcome, pack_file, content_digest, entries, diagnostics, cache_warnings, registered, work, log }
    }

    fn work(&self, state: Option<&State>, published: Option<&Published>) -> Work {
        let buckets = self.scan.tree.buckets();
        Work {
            sources: buckets.iter().map(|it| it.sources() as u64).sum(),
            buckets: buckets.len() as u64,
            buckets_moved: self.scan.moved.len() as u64,
            pack_files_written: published.map_or(0, |it| it.emitted.written),
            pack_files_kept: published.map_or(0, |it| it.emitted.untouched),
            ..self.session.work(state)
        }
    }
}

pub(super) fn is_dir(tree: &Tree, path: &RelPath) -> bool {
    tree.find(path.as_str()).is_some_and(|(bucket, idx)| bucket.kind(idx).is_dir())
}

/// Returns the index's key for the bucket with this end.
fn row_key(end: &Option<Vec<u8>>) -> Vec<u8> {
    end.clone().unwrap_or_else(|| LAST_KEY.to_vec())
}
