//! The short way: deriving the buckets that are not what they were, and those that look into them, and no others.
//!
//! What sources decide is known before anything is derived. What other assets decide is known once the assets of the
//! buckets that moved are: then whoever asked about an asset that came, went or became another one is derived as well.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::build::artifacts::{Moved, Workshop};
use crate::build::configure::{RegistryFiles, Setup};
use crate::build::identify::places;
use crate::build::judge::problems_of;
use crate::model::{AssetId, Diagnostic, Digest, RelPath};
use crate::pack::plan::{Plan, PlanEntry};
use crate::query::declared::declared;
use crate::query::layout::layout;
use crate::query::names::{Export, exports, fold};
use crate::query::{Change, Database, Identities, Part, Scope, Slot, State, Texts};
use crate::workspace::layout::Workspace;

use super::drift::{declaring, order};
use super::settle::{Ground, Known, Registration, Settled, settle};
use super::{Frame, Ledger, Memos, Outline, mark};

/// What a part of the workspace came to, and what is to be said about all of it.
pub struct Short {
    /// The part of the workspace that was derived.
    pub state: State,
    /// Its slots.
    pub slots: Vec<Slot>,
    /// Their buckets' numbers.
    pub touched: Vec<usize>,
    /// What is to be registered before the pack is published.
    pub registration: Registration,
    /// What is to be known of the registry once that was done.
    pub ledger: Ledger,
    /// In the order in which they are shown; no error is among them.
    pub diagnostics: Vec<Diagnostic>,
    /// What stands for all others.
    pub memos: Arc<Memos>,
}

/// How the entries of a pack differ from those of one that was built before.
#[derive(Debug, Default)]
pub struct Difference {
    /// Those that are new or not what they were, by id.
    pub put: Vec<Arc<PlanEntry>>,
    /// Those that are no more, by id.
    pub removed: Vec<AssetId>,
    /// Whether an entry came, went or has another name.
    pub names_differ: bool,
}

/// The buckets that are derived, and what is to be known of the assets that they had.
struct Reach {
    memos: Arc<Memos>,
    touched: BTreeSet<usize>,
    texts: BTreeMap<usize, Arc<Texts>>,
    /// Identities of the assets that these buckets had.
    before: Known,
    /// Those, and all of missing lines.
    known: Known,
    /// What their assets were.
    exported: BTreeMap<(RelPath, String), Export>,
}

impl Memos {
    /// Derives what is not what it was. `None` when it is not as simple as that: names may clash, an asset is left out
    /// to which others refer, or something is wrong.
    ///
    /// # Errors
    ///
    /// [`Moved`] when a source is not any more what the scan saw, or cannot be read.
    pub fn derive(
        self,
        workshop: &Workshop<'_>,
        setup: &Setup,
        pack: &str,
        files: &RegistryFiles,
        standing: Option<Digest>,
    ) -> Result<Option<Short>, Moved> {
        let ws = workshop.session.ws;
        let _derive = ws.phase("derive what changed");
        let Some(mut touched) = self.touched() else { return Ok(None) };
        if let Some(standing) = standing {
            touched.extend(self.without_payloads(workshop, standing, &touched));
        }
        let mut reach = Reach::new(Arc::new(self));
        let mut state = State::default();
        workshop.session.start_log(&state);
        if reach.extend(touched, workshop)?.is_none() {
            return Ok(None);
        }
        reach.bring(&mut state, workshop, setup);

        let Some(Settled { ledger, registration }) = reach.settle(&mut state, ws, files, setup)? else {
            return Ok(None);
        };
        loop {
            let Some(more) = reach.asking(&state) else { return Ok(None) };
            if more.is_empty() {
                break;
            }
            if reach.extend(more, workshop)?.is_none() {
                return Ok(None);
            }
            reach.bring(&mut state, workshop, setup);
        }
        let slots = state.slots(&setup.profile, pack);
        workshop.make(&mut state, &slots)?;
        let Reach { memos, touched, .. } = reach;
        let Some(true) = memos.leaves_none_out(&state, &slots, &touched) else { return Ok(None) };
        let touched: Vec<usize> = touched.into_iter().collect();
        let diagnostics = memos.diagnostics(&state, &slots, &touched, &ledger, setup);
        let knew_all = memos.tree.is_whole() && !memos.lacks_assets.load(Ordering::Relaxed);
        let right = knew_all && !diagnostics.iter().any(Diagnostic::is_error);
        Ok(right.then_some(Short { state, slots, touched, registration, ledger, diagnostics, memos }))
    }

    /// Returns the numbers of buckets that stand, but some of whose payloads are neither in the pack with the content
    /// digest `standing` nor at hand: whoever derives them knows where these come from.
    fn without_payloads(
        &self,
        workshop: &Workshop<'_>,
        standing: Digest,
        touched: &BTreeSet<usize>,
    ) -> BTreeSet<usize> {
        let Some(frame) = self.frame_of(standing) else { return BTreeSet::new() };
        let others = self.standing(touched).filter(|it| !has(frame, &self.frame.buckets[it.1]));
        let lacks = |old: usize| {
            let outline = &self.frame.buckets[old];
            let packed = at_end(frame, outline).and_then(|it| self.entries(it)).unwrap_or_default();
            let packed: BTreeMap<AssetId, Arc<PlanEntry>> = packed.into_iter().map(|it| (it.id, it)).collect();
            let now = self.entries(outline)?;
            let mut put = now.iter().filter(|it| packed.get(&it.id) != Some(it));
            Some(!put.all(|it| it.payloads.iter().all(|it| workshop.is_at_hand(it.stored_digest))))
        };
        others.filter(|it| lacks(it.1).unwrap_or(true)).map(|it| it.0).collect()
    }

    /// Returns the frame that came to a pack.
    fn frame_of(&self, content_digest: Digest) -> Option<&Frame> {
        self.all.iter().find(|it| it.content_digest == content_digest)
    }

    /// Returns whether nothing is left out of the pack to which anybody might still refer. `None` when a memo is lost.
    fn leaves_none_out(&self, state: &State, slots: &[Slot], touched: &BTreeSet<usize>) -> Option<bool> {
        let db = &state.db;
        let now: BTreeSet<AssetId> = slots.iter().flat_map(|it| &layout(db, *it).entries).map(|it| it.id).collect();
        let mut left_out = BTreeSet::new();
        for old in self.replaced(touched) {
            left_out
                .extend(self.entries(&self.frame.buckets[old])?.iter().map(|it| it.id).filter(|it| !now.contains(it)));
        }
        // Whoever asked for an asset that is not there any more was derived anew.
        let there = slots.iter().flat_map(|it| exports(db, it.bucket(db))).filter_map(|it| it.identity);
        Some(left_out.is_empty() || !there.into_iter().any(|it| left_out.contains(&it.1)))
    }

    /// Returns the numbers in the frame of the buckets that are gone or derived anew.
    fn replaced(&self, touched: &BTreeSet<usize>) -> BTreeSet<usize> {
        let derived = touched.iter().filter_map(|it| self.drift.from[*it]);
        self.drift.gone().chain(derived).collect()
    }

    fn diagnostics(
        &self,
        state: &State,
        slots: &[Slot],
        touched: &[usize],
        ledger: &Ledger,
        setup: &Setup,
    ) -> Vec<Diagnostic> {
        let mut diagnostics = self.frame.general.clone();
        diagnostics.extend(ledger.warnings());
        let touched: BTreeSet<usize> = touched.iter().copied().collect();
        let stand = self.standing(&touched).filter_map(|it| self.frame.problems.get(&(it.1 as u32)));
        diagnostics.extend(stand.flatten().cloned());
        diagnostics.extend(slots.iter().flat_map(|it| problems_of(&state.db, *it, &setup.profile)));
        crate::model::diagnostic::sort(&mut diagnostics);
        diagnostics
    }
}

fn has(frame: &Frame, outline: &Outline) -> bool {
    at_end(frame, outline) == Some(outline)
}

/// Returns the bucket of a frame with the same end.
fn at_end<'a>(frame: &'a Frame, outline: &Outline) -> Option<&'a Outline> {
    let at = frame.buckets.binary_search_by(|it| order(&it.end).cmp(&order(&outline.end)));
    at.ok().map(|it| &frame.buckets[it])
}

impl Reach {
    fn new(memos: Arc<Memos>) -> Self {
        let missing = memos.frame.ledger.missing.iter();
        let known = missing.map(|it| ((it.place.clone(), it.part.clone()), (it.uuid, it.id))).collect();
        let (touched, texts, before, exported) = Default::default();
        Self { memos, touched, texts, before, known, exported }
    }

    /// Takes more buckets in: reads their declarations, and what their assets were. `None` when a memo is lost, or does
    /// not tell assets apart.
    fn extend(&mut self, more: BTreeSet<usize>, workshop: &Workshop<'_>) -> Result<Option<()>, Moved> {
        let memos = self.memos.clone();
        let replaced = memos.replaced(&self.touched);
        let first = self.touched.is_empty();
        let more: Vec<usize> = more.into_iter().filter(|it| !self.touched.contains(it)).collect();
        let texts = workshop.texts(&more)?;
        self.texts.extend(more.iter().copied().zip(texts));
        self.touched.extend(more);
        for old in memos.replaced(&self.touched).into_iter().filter(|it| first || !replaced.contains(it)) {
            let (Some(exported), Some(ties)) = (memos.exports(old), memos.ties(old)) else { return Ok(None) };
            for export in exported {
                let key = (export.place.clone(), export.part.clone());
                self.before.extend(export.identity.map(|it| (key.clone(), it)));
                if self.exported.insert(key, export.clone()).is_some() {
                    return Ok(None);
                }
            }
            self.before.extend(ties.unread.iter().map(|it| ((it.0.clone(), String::new()), it.1)));
        }
        self.known.extend(self.before.iter().map(|it| (it.0.clone(), *it.1)));
        Ok(Some(()))
    }

    fn bring(&self, state: &mut State, workshop: &Workshop<'_>, setup: &Setup) {
        Change {
            tree: workshop.tree,
            texts: self.texts.values().cloned().collect(),
            config: setup.config.clone(),
            identities: Identities::Known(Arc::new(self.known.clone())),
            scope: self.scope(),
        }
        .apply(state);
    }

    fn scope(&self) -> Scope {
        let (memos, touched) = (self.memos.clone(), self.touched.clone());
        Scope::Part(Arc::new(Part {
            tree: memos.tree.clone(),
            touched: touched.iter().copied().collect(),
            elsewhere: Box::new(move || memos.exports_elsewhere(&touched)),
        }))
    }

    fn settle(
        &mut self,
        state: &mut State,
        ws: &Workspace,
        files: &RegistryFiles,
        setup: &Setup,
    ) -> Result<Option<Settled>, Moved> {
        let settled = {
            let db = &state.db;
            let (memos, known) = (&self.memos, self.known.clone());
            let is_registered = |place: &RelPath, part: &str| known.contains_key(&(place.clone(), part.to_owned()));
            let buckets = state.buckets();
            let places = places(buckets.iter().map(|it| declared(db, *it)), &is_registered);
            let ground = Ground { memos, ws, files, workspace: setup.config.workspace, touched: &self.touched, db };
            settle(&ground, &places, &self.before, &mut self.known)?
        };
        state.set_identities(Identities::Known(Arc::new(self.known.clone())));
        Ok(settled)
    }

    /// Returns the numbers of further buckets, whose assets asked about assets that are not what they were. `None` when
    /// names may clash, or a memo is lost.
    fn asking(&self, state: &State) -> Option<BTreeSet<usize>> {
        let (db, memos) = (&state.db, &self.memos);
        let buckets = state.buckets();
        let mut now: BTreeMap<(&RelPath, &str), &Export> = BTreeMap::new();
        for export in buckets.iter().flat_map(|it| exports(db, *it)) {
            if now.insert((&export.place, &export.part), export).is_some() {
                return None;
            }
        }
        let was = |it: &Export| self.exported.get(&(it.place.clone(), it.part.clone()));
        let new: Vec<&Export> = now.values().copied().filter(|it| was(it) != Some(*it)).collect();
        let gone = self.exported.iter().filter(|it| !now.contains_key(&(&it.0.0, it.0.1.as_str())));
        let differ: BTreeSet<&RelPath> = new.iter().map(|it| &it.place).chain(gone.map(|it| &it.0.0)).collect();
        let named: Vec<&&Export> = new.iter().filter(|it| was(it).is_none_or(|was| was.name != it.name)).collect();
        if !named.is_empty() && self.may_clash(&named, &now)? {
            return None;
        }
        let mut more = BTreeSet::new();
        let buckets_then = &memos.frame.buckets;
        let holders: BTreeSet<u32> =
            differ.iter().flat_map(|it| declaring(buckets_then, it)).map(|it| it as u32).collect();
        let depends = buckets.iter().any(|it| has_dependencies(db, *it))
            || memos.replaced(&self.touched).iter().any(|it| memos.frame.dependent.contains(&(*it as u32)));
        for (new, old) in memos.standing(&self.touched) {
            let old = old as u32;
            let looks = memos.frame.looks_into.get(&old).is_some_and(|it| !it.is_disjoint(&holders));
            let asks = looks && memos.ties(old as usize)?.asked.iter().any(|it| differ.contains(it));
            // Circles are found among all dependencies or not at all.
            if asks || memos.frame.dependent.contains(&old) && (depends || !differ.is_empty()) {
                more.insert(new);
            }
        }
        Some(more)
    }

    /// Returns whether any of `new` could have the name of another asset, or a place that differs only in case or
    /// normalization. `None` when a memo is lost.
    fn may_clash(&self, new: &[&&Export], now: &BTreeMap<(&RelPath, &str), &Export>) -> Option<bool> {
        let mut names: Vec<&str> = now.values().map(|it| it.name.as_str()).collect();
        names.sort_unstable();
        let mut places: Vec<_> = now.keys().map(|it| (fold(it.0.as_str()), it.0)).collect();
        places.sort_unstable();
        let collide = places.windows(2).any(|it| it[0].0 == it[1].0 && it[0].1 != it[1].1);
        if collide || names.windows(2).any(|it| it[0] == it[1]) {
            return Some(true);
        }
        let new_names: BTreeSet<u64> = new.iter().map(|it| mark(&it.name)).collect();
        let new_places: BTreeSet<u64> = new.iter().map(|it| mark(&fold(it.place.as_str()))).collect();
        let any = |column: &[u8], of: &BTreeSet<u64>| {
            let mut marks =
                column.chunks_exact(8).map(|it| u64::from_le_bytes(*it.first_chunk().expect("it is eight bytes")));
            marks.any(|it| of.contains(&it))
        };
        for (_, old) in self.memos.standing(&self.touched) {
            let marks = self.memos.marks(old)?;
            if any(&marks.names, &new_names) || any(&marks.places, &new_places) {
                return Some(true);
            }
        }
        Some(false)
    }
}

/// Returns whether any asset of a bucket declares a dependency.
pub(super) fn has_dependencies(db: &Database, bucket: crate::query::Bucket) -> bool {
    declared(db, bucket).assets.iter().any(|it| !it.intent.dependencies.is_empty())
}

impl Short {
    /// Returns how the entries differ from those of the pack with this content digest. `None` where nothing is known of
    /// it.
    pub fn difference(&self, content_digest: Digest) -> Option<Difference> {
        let memos = &self.memos;
        let before = memos.frame_of(content_digest)?;
        let by_id = |it: Vec<Arc<PlanEntry>>| it.into_iter().map(|it| (it.id, it));
        let touched: BTreeSet<usize> = self.touched.iter().copied().collect();
        let standing: Vec<&Outline> = memos.standing(&touched).map(|it| &memos.frame.buckets[it.1]).collect();
        let mut now: BTreeMap<AssetId, Arc<PlanEntry>> = BTreeMap::new();
        for slot in &self.slots {
            now.extend(by_id(layout(&self.state.db, *slot).entries.clone()));
        }
        for outline in standing.iter().filter(|it| !has(before, it)) {
            now.extend(by_id(memos.entries(outline)?));
        }
        let shared: BTreeSet<_> = standing.iter().filter(|it| has(before, it)).map(|it| order(&it.end)).collect();
        let mut was: BTreeMap<AssetId, Arc<PlanEntry>> = BTreeMap::new();
        for outline in before.buckets.iter().filter(|it| !shared.contains(&order(&it.end))) {
            was.extend(by_id(memos.entries(outline)?));
        }
        let removed = was.keys().filter(|it| !now.contains_key(it)).copied().collect();
        let names =
            |it: &BTreeMap<AssetId, Arc<PlanEntry>>| it.values().map(|it| (it.id, it.name.clone())).collect::<Vec<_>>();
        let names_differ = names(&was) != names(&now);
        let put = now.into_values().filter(|it| was.get(&it.id) != Some(it)).collect();
        Some(Difference { put, removed, names_differ })
    }

    /// Returns the plan of the whole workspace. `None` when a memo is lost, or when an entry refers to what is not in it.
    pub fn plan(&self, ws: &Workspace, setup: &Setup) -> Option<Plan> {
        let memos = &self.memos;
        let touched: BTreeSet<usize> = self.touched.iter().copied().collect();
        let standing: Vec<&Outline> = memos.standing(&touched).map(|it| &memos.frame.buckets[it.1]).collect();
        let remembered = ws.parallel(standing.len(), |nth| memos.entries(standing[nth]));
        let mut entries: Vec<Arc<PlanEntry>> = Vec::new();
        for entries_of in remembered {
            entries.extend(entries_of?);
        }
        let derived: Vec<_> = self.slots.iter().flat_map(|it| &layout(&self.state.db, *it).entries).cloned().collect();
        entries.extend(derived.iter().cloned());
        entries.sort_by_key(|it| it.id);
        let planned = |id| entries.binary_search_by_key(&id, |it| it.id).is_ok();
        let refer_well = derived.iter().flat_map(|it| &it.references).copied().all(planned);
        let is_plan = refer_well && entries.windows(2).all(|it| it[0].id < it[1].id);
        is_plan.then_some(Plan { layout: setup.profile.layout, entries })
    }
}
