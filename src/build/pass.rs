//! One pass: what it found on disk, how it proves that nothing or little is to do, and what it remembers.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::cache::{CacheMode, Changes, Committed, PutBucket};
use crate::error::Error;
use crate::model::registry::{ChangeNote, Line, Proposal, Registry};
use crate::model::{AssetId, Code, Diagnostic, Digest, Location, RelPath};
use crate::pack::format;
use crate::pack::old::OldPack;
use crate::pack::plan::Plan;
use crate::pack::write::Payloads;
use crate::process::trace::kind_in_words;
use crate::query::names::{LazyNames, names};
use crate::query::{Change, Identities, Scope, Slot, State, Texts};
use crate::receipt::{self, Outputs, Receipt, Standing};
use crate::snapshot::{Packed, Snapshot};
use crate::threads::at_leisure;
use crate::workspace::bucket::{Bucket, Tree};
use crate::workspace::layout::CONFIG_FILE;
use crate::workspace::scan::{self, Scan, scan};

use super::artifacts::{Moved, Workshop};
use super::configure::{REGISTRY_FACT, RegistryFiles, Setup, registry_files};
use super::identify;
use super::judge::Verdict;
use super::memo::{self, Built, Draft, Ledger, Rest, Short, Under};
use super::publish::{self, Output, Publication, Published, Publishing, Wanted, settled, source_root};
use super::session::{LAST_KEY, SCAN_FACT, Session, scan_key};
use super::vanished::{VANISHED_FACT, Vanished};
use super::{Outcome, PackReport, Report, Work};

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
    /// What is reached by each pack in them, by number.
    pub reached: &'a [Vec<AssetId>],
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

    fn pack_name(&self, pack: usize) -> &str {
        &self.setup.config.packs.all()[pack].name
    }

    /// Returns by which name the index knows what is built: the profile.
    pub fn target(&self) -> &str {
        &self.setup.profile.name
    }

    /// Returns the digest of everything that a pack, by its number, could depend on today.
    pub fn source_root(&self, pack: usize, registry: Digest) -> Digest {
        source_root(&self.setup.config, &self.setup.profile, self.pack_name(pack), registry, &self.scan.tree)
    }

    fn settled(&self) -> Digest {
        settled(&self.setup.config, &self.setup.profile)
    }

    fn outputs(&self, output: &Output, pack: usize) -> Option<Outputs> {
        self.session.index.output(&output.key(self.pack_name(pack))).and_then(|it| Outputs::from_row(&it))
    }

    /// Returns the report of a build with nothing to do, if that is what this is: each receipt's pack came of today's
    /// `source_root`, and every file of it is what it was.
    pub fn up_to_date(&self, registry: &RegistryFiles, output: &Output) -> Option<Report> {
        let Session { ws, options, index, .. } = &self.session;
        let _prove = ws.phase("prove up to date");
        if options.cache == CacheMode::Off {
            return None;
        }
        let (mut packs, mut warnings, mut learned) = (Vec::new(), Vec::new(), Vec::new());
        for pack in self.setup.packs.iter().copied() {
            let (receipt, standing) = self.standing(pack, registry, output)?;
            if standing.learned {
                let outputs = publish::remember(&standing, ws.disk.boot_id(), &self.setup.profile);
                learned.push((output.key(self.pack_name(pack)), outputs.to_row()));
            }
            packs.push(PackReport {
                content_digest: Some(receipt.content_digest),
                ..self.pack_report(pack, Outcome::UpToDate, Some(output), receipt.entries)
            });
            // Each of them has all: they are about the workspace.
            warnings = receipt.warnings;
        }
        index.commit(&Changes { outputs_put: learned, ..self.scan_changes(registry) });
        Some(Report { log: self.session.log(None, &[]), ..self.report(packs, warnings, self.work(None, &[])) })
    }

    /// Returns a pack's receipt and what was found out about its files, if it is up to date.
    fn standing(&self, pack: usize, registry: &RegistryFiles, output: &Output) -> Option<(Receipt, Standing)> {
        let Session { ws, options, .. } = &self.session;
        let receipt = receipt::read(&*ws.disk, &output.dir, self.pack_name(pack))?;
        if receipt.source_root != self.source_root(pack, registry.digest) || receipt.profile != self.setup.profile.name
        {
            return None;
        }
        let clock = || ws.disk.now(&ws.cache_dir());
        let known = self.outputs(output, pack);
        let standing = receipt::stands(&*ws.disk, &output.dir, &receipt, known.as_ref(), options.rehash, &clock)?;
        Some((receipt, standing))
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
        let packs = &self.setup.config.packs;
        let known: Vec<_> = (0..packs.all().len()).map(|it| self.outputs(output, it)).collect();
        let old: Vec<_> = packs.all().iter().map(|it| OldPack::open(&*ws.disk, &output.dir, &it.name)).collect();
        if old.iter().zip(&known).any(|(old, known)| old.is_some() && known.is_none()) {
            return Ok(None);
        }
        let tree = &self.scan.tree;
        let (settled, registry_digest, config) = (self.settled(), registry.digest, &*self.setup.config);
        let under = Under { target: &self.setup.profile.name, settled, registry: registry_digest, config };
        let Some(memos) = memo::recall(index, under, tree) else { return Ok(None) };
        if self.setup.roots.iter().any(|it| root_problem(tree, it).is_some()) {
            return Ok(None);
        }
        let workshop = self.workshop();
        let wanted = &self.setup.packs;
        let content_digest = |it: &usize| old[*it].as_ref().map(OldPack::content_digest);
        let standing: Vec<_> = wanted.iter().filter_map(|it| Some((*it, content_digest(it)?))).collect();
        let short = memos.derive(&workshop, &self.setup, registry, &standing)?;
        let Some(short) = short.filter(|it| !options.locked || it.registration.changes.is_empty()) else {
            return Ok(None);
        };
        registry.check_unmoved(ws)?;

        // Only parts that hold a changed entry are laid out, or else all of the plan.
        let is_known = |(pack, old): (usize, &OldPack<'_>)| {
            let root = format::root_name(self.pack_name(pack));
            known[pack].as_ref().is_some_and(|it| it.has(&root, old.content_digest()))
        };
        let old = old.into_iter().enumerate();
        let old: Vec<_> = old.map(|(pack, it)| it.filter(|it| is_known((pack, it)))).collect();
        let Some(drafts) = short.drafts(ws, &self.setup, &old) else { return Ok(None) };
        let Short { state, slots, touched, reached, diagnostics, registration, ledger, memos } = &short;
        let names = LazyNames::new(&state.db);
        let payloads = workshop.payloads(state, &names, slots);
        // Payloads of what is only remembered come from the previous pack, or else from what was just read.
        let at_hand = |it: &Wanted<'_>| if let Wanted::Plan(plan) = it { payloads.are_at_hand(plan) } else { true };
        let wanted: Vec<_> = wanted.iter().map(|it| (*it, drafts[*it].wanted())).collect();
        if wanted.iter().any(|(pack, it)| standing.iter().all(|it| it.0 != *pack) && !at_hand(it)) {
            return Ok(None);
        }
        let changes = &registration.changes;
        let registry_digest = match changes.is_empty() {
            true => registry.digest,
            false => identify::write(ws, options, changes, registration.files.clone(), registry)?,
        };
        let publish = || self.publish(output, &wanted, diagnostics, registry_digest, &payloads);
        let published = ws.meanwhile(|| store.commit(), publish)?;
        let (rest, ledger) = (Rest::Memos(memos), ledger.clone());
        let derived = Derived { state, slots, touched, reached, rest, ledger };
        self.remember(registry, registry_digest, output, &published, diagnostics, derived);
        let mut report = self.built(state, &wanted, diagnostics, output, &published, changes);
        report.work.buckets_recalled = report.work.buckets - touched.len() as u64;
        // To take a hundred thousand entries apart takes a while, and nobody needs to wait for it.
        let plans: Vec<_> = drafts.into_iter().filter_map(Draft::into_plan).collect();
        at_leisure(move || drop(plans));
        Ok(Some(report))
    }

    /// Returns the diagnostics that belong to no asset.
    pub fn general(&self, registry: Vec<Diagnostic>, proposal: &Proposal) -> Vec<Diagnostic> {
        let config = RelPath::new(CONFIG_FILE).expect("a plain file name is a path");
        let mut general = self.setup.warnings.clone();
        general.extend(registry);
        general.extend(proposal.diagnostics.iter().cloned());
        for problem in self.setup.roots.iter().filter_map(|it| root_problem(&self.scan.tree, it)) {
            general.push(problem.at(Location::file(&config)));
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
        let packed = |(number, plan): (usize, Plan)| Packed {
            name: self.pack_name(number).to_owned(),
            file: output.root_file(self.pack_name(number)),
            source_root: self.source_root(number, registry_digest),
            number,
            plan: Arc::new(plan),
        };
        let plans = verdict.plans.into_iter().enumerate().filter(|it| self.setup.packs.contains(&it.0));
        Snapshot {
            revision: 0,
            tree: self.scan.tree.clone(),
            config: self.setup.config.clone(),
            registry: registry.clone(),
            names: names(&state.db).clone(),
            profile: self.setup.profile.clone(),
            packs: plans.map(packed).collect(),
            diagnostics: Arc::new(verdict.diagnostics),
        }
    }

    /// Writes packs, by their numbers, and their receipts, and removes those that are not defined any more.
    ///
    /// # Errors
    ///
    /// Whatever the disk or `payloads` refuse.
    pub fn publish(
        &self,
        output: &Output,
        wanted: &[(usize, Wanted<'_>)],
        diagnostics: &[Diagnostic],
        registry: Digest,
        payloads: &dyn Payloads,
    ) -> Result<Publishing, Error> {
        let ws = self.session.ws;
        let publications = wanted.iter().map(|(number, wanted)| Publication {
            number: *number,
            pack: self.pack_name(*number),
            profile: &self.setup.profile,
            wanted: *wanted,
            source_root: self.source_root(*number, registry),
            warnings: diagnostics,
            distrust: self.session.options.rehash,
        });
        let publications: Vec<_> = publications.collect();
        // Whatever can be refused is behind us before the first of them is seen: they refer to each other.
        let mut prepared = Vec::with_capacity(publications.len());
        for it in &publications {
            let known = self.outputs(output, it.number);
            prepared.push((it, publish::prepare(ws, &output.dir, it, payloads, known.as_ref())?));
        }
        let published = publish::publish(ws, output, &self.setup.profile, &self.setup.config.packs, prepared)?;
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
        published: &Publishing,
        diagnostics: &[Diagnostic],
        derived: Derived<'_>,
    ) {
        if self.session.options.cache != CacheMode::Write {
            return;
        }
        let _remember = self.session.ws.phase("remember");
        let is_scan_stored = *self.is_scan_stored.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changes = if is_scan_stored { Changes::default() } else { self.scan_changes(registry) };
        let row = |it: &Published| (output.key(self.pack_name(it.pack)), it.outputs.to_row());
        changes.outputs_put.extend(published.packs.iter().map(row));
        let Derived { state, slots, touched, reached, rest, ledger } = derived;
        let (target, settled, registry) = (&self.setup.profile.name, self.settled(), registry_digest);
        let (setup, ws) = (&self.setup, self.session.ws);
        let mut content_digests = vec![None; setup.config.packs.all().len()];
        published.packs.iter().for_each(|it| content_digests[it.pack] = Some(it.emitted.content_digest));
        let tree = &self.scan.tree;
        let built = Built {
            target,
            settled,
            registry,
            ledger,
            content_digests,
            tree,
            state,
            slots,
            touched,
            reached,
            rest,
            setup,
            ws,
        };
        // The pack is there: nobody asks for these bytes any more, and what follows needs room.
        let Session { index, sources, .. } = &self.session;
        sources.forget();
        memo::remember(&mut changes, index, &built, diagnostics);
        ws.meanwhile(|| sources.close(), || _ = index.commit(&changes));
    }

    /// Returns the report of a workspace that was only checked.
    pub fn checked(&self, state: &State, verdict: Verdict, proposal: &Proposal) -> Report {
        let entries = |it: &usize| verdict.plans[*it].entries.len() as u64;
        let packs = self.setup.packs.iter().map(|it| self.pack_report(*it, Outcome::Checked, None, entries(it)));
        Report {
            registered: proposal.changes.clone(),
            log: self.session.log(Some(state), &[]),
            ..self.report(packs.collect(), verdict.diagnostics, self.work(Some(state), &[]))
        }
    }

    /// Returns the report of packs that were built.
    pub fn built(
        &self,
        state: &State,
        wanted: &[(usize, Wanted<'_>)],
        diagnostics: &[Diagnostic],
        output: &Output,
        Publishing { packs: published, removed }: &Publishing,
        registered: &[ChangeNote],
    ) -> Report {
        let report = |((pack, wanted), published): (&(usize, Wanted<'_>), &Published)| {
            let emitted = &published.emitted;
            let outcome = if emitted.written == 0 { Outcome::Unchanged } else { Outcome::Written };
            PackReport {
                content_digest: Some(emitted.content_digest),
                files_written: emitted.written,
                ..self.pack_report(*pack, outcome, Some(output), wanted.entry_count())
            }
        };
        let packs = wanted.iter().zip(published).map(report).collect();
        let written: Vec<String> = published.iter().flat_map(|it| it.emitted.written_names.iter().cloned()).collect();
        Report {
            removed: removed.clone(),
            registered: registered.to_vec(),
            log: self.session.log(Some(state), &written),
            ..self.report(packs, diagnostics.to_vec(), self.work(Some(state), published))
        }
    }

    fn pack_report(&self, pack: usize, outcome: Outcome, output: Option<&Output>, entries: u64) -> PackReport {
        let name = self.pack_name(pack).to_owned();
        let file = output.map(|it| it.root_file(&name)).unwrap_or_default();
        PackReport { name, outcome, file, content_digest: None, entries, files_written: 0 }
    }

    fn report(&self, packs: Vec<PackReport>, diagnostics: Vec<Diagnostic>, work: Work) -> Report {
        let outcome = packs.iter().map(|it| it.outcome).max().expect("a workspace has a pack");
        let cache_warnings = self.session.cache_warnings();
        let (removed, registered, log) = (Vec::new(), Vec::new(), None);
        Report { outcome, packs, removed, diagnostics, cache_warnings, registered, work, log }
    }

    fn work(&self, state: Option<&State>, published: &[Published]) -> Work {
        let buckets = self.scan.tree.buckets();
        Work {
            sources: buckets.iter().map(|it| it.sources() as u64).sum(),
            buckets: buckets.len() as u64,
            buckets_moved: self.scan.moved.len() as u64,
            pack_files_written: published.iter().map(|it| it.emitted.written).sum(),
            pack_files_kept: published.iter().map(|it| it.emitted.untouched).sum(),
            ..self.session.work(state)
        }
    }
}

/// Says so where a root is no directory, nor a link to one.
pub(super) fn root_problem(tree: &Tree, root: &RelPath) -> Option<Diagnostic> {
    let kind = tree.find(root.as_str()).map(|(bucket, idx)| bucket.kind(idx));
    let (message, help) = match kind {
        Some(kind) if kind.is_dir() => return None,
        Some(kind) => {
            let message = format!("the root `{root}` is not a directory, but {}", kind_in_words(kind));
            (message, "a root is a directory in the workspace, or a link to one: change it, or what `[[roots]]` says")
        }
        None => (format!("the root `{root}` is not a directory"), "create it, or take it out of `[[roots]]`"),
    };
    Some(Diagnostic::error(Code::ROOTS, message).help(help))
}

/// Returns the index's key for the bucket with this end.
fn row_key(end: &Option<Vec<u8>>) -> Vec<u8> {
    end.clone().unwrap_or_else(|| LAST_KEY.to_vec())
}
