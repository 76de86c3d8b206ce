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
use crate::model::{AssetId, Diagnostic, Digest, Reference, RelPath};
use crate::pack::plan::{Plan, PlanEntry};
use crate::query::declared::declared;
use crate::query::layout::{Layout, layout};
use crate::query::names::{Export, exports, with_directories};
use crate::query::{Change, Database, Identified, Identities, Known, Part, Scope, Slot, State, Texts};
use crate::workspace::layout::Workspace;
use crate::workspace::packs::{Pack, Packs};

use super::drift::{declaring, order};
use super::settle::{Ground, Registration, Settled, settle};
use super::{Frame, Ledger, Memos, Outline, mark, path_marks};

/// What a part of the workspace came to, and what is to be said about all of it.
pub struct Short {
    /// The part of the workspace that was derived.
    pub state: State,
    /// Its slots.
    pub slots: Vec<Slot>,
    /// Their buckets' numbers.
    pub touched: Vec<usize>,
    /// What is reached by each pack, by number, as far as these buckets hold it; ascending.
    pub reached: Vec<Vec<AssetId>>,
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
    known: Arc<Known>,
    /// What their assets were: numbers of buckets in the frame and of their exports, by place and part.
    exported: Vec<(u32, u32)>,
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
        files: &RegistryFiles,
        standing: &[(usize, Digest)],
    ) -> Result<Option<Short>, Moved> {
        let ws = workshop.session.ws;
        let _derive = ws.phase("derive what changed");
        let Some(mut touched) = self.touched() else { return Ok(None) };
        for (pack, standing) in standing {
            touched.extend(self.without_payloads(workshop, *pack, *standing, &touched));
        }
        let mut reach = Reach::new(Arc::new(self));
        let mut state = State::default();
        workshop.session.start_log(&state);
        if reach.extend(touched, workshop)?.is_none() {
            return Ok(None);
        }
        reach.bring(&mut state, workshop, setup);

        let Some(Settled { ledger, registration, .. }) = reach.settle(&mut state, ws, files, setup)? else {
            return Ok(None);
        };
        loop {
            let Some(more) = reach.asking(&state, ws) else { return Ok(None) };
            if more.is_empty() {
                break;
            }
            if reach.extend(more, workshop)?.is_none() {
                return Ok(None);
            }
            reach.bring(&mut state, workshop, setup);
        }
        let slots = state.slots(&setup.profile, &setup.config.packs);
        workshop.make(&mut state, &slots)?;
        let Some(reached) = reach.still_reached(&state, &slots, &setup.config.packs) else { return Ok(None) };
        let Reach { memos, touched, .. } = reach;
        let Some(true) = memos.leaves_none_out(ws, &state, &slots, &touched, &reached) else { return Ok(None) };
        let touched: Vec<usize> = touched.into_iter().collect();
        let diagnostics = memos.diagnostics(&state, &slots, &touched, &ledger, setup);
        let knew_all = memos.tree.is_whole() && !memos.lacks_assets.load(Ordering::Relaxed);
        let right = knew_all && !diagnostics.iter().any(Diagnostic::is_error);
        Ok(right.then_some(Short { state, slots, touched, reached, registration, ledger, diagnostics, memos }))
    }

    /// Returns the numbers of buckets that stand, but some of whose payloads are neither in the pack of this number, which
    /// has the content digest `standing`, nor at hand: whoever derives them knows where these come from.
    fn without_payloads(
        &self,
        workshop: &Workshop<'_>,
        pack: usize,
        standing: Digest,
        touched: &BTreeSet<usize>,
    ) -> BTreeSet<usize> {
        let Some(frame) = self.frame_of(pack, standing) else { return BTreeSet::new() };
        let others: Vec<(usize, usize)> =
            self.standing(touched).filter(|it| !frame.has(&self.frame.buckets[it.1])).collect();
        let lack = workshop.session.ws.parallel(others.len(), |nth| {
            let old = others[nth].1;
            let packed = frame.position(&self.frame.buckets[old]).map(|it| &frame.buckets[it]);
            let packed = packed.and_then(|it| self.entries_of(pack, it)).unwrap_or_default();
            let put = self.entries(pack, old).map(|now| differing(&packed, now).1);
            put.is_none_or(|it| !it.iter().all(|it| it.payloads.iter().all(|it| workshop.is_at_hand(it.stored_digest))))
        });
        others.into_iter().zip(lack).filter(|it| it.1).map(|it| it.0.0).collect()
    }

    /// Returns the frame in which the pack of this number came to a content digest.
    fn frame_of(&self, pack: usize, content_digest: Digest) -> Option<&Frame> {
        self.all.iter().find(|it| it.packs.get(&self.packs[pack]) == Some(&Some(content_digest)))
    }

    /// Returns whether nothing is left out of all packs to which anybody might still refer. `None` when a memo is lost.
    fn leaves_none_out(
        &self,
        ws: &Workspace,
        state: &State,
        slots: &[Slot],
        touched: &BTreeSet<usize>,
        reached: &[Vec<AssetId>],
    ) -> Option<bool> {
        let db = &state.db;
        let in_packs = |it: &Slot| {
            let layout = layout(db, *it);
            reached.iter().enumerate().flat_map(|(pack, reached)| layout.in_pack(pack, reached)).map(|it| it.id)
        };
        let mut now: Vec<AssetId> = slots.iter().flat_map(in_packs).collect();
        now.sort_unstable();
        let replaced: Vec<usize> = self.replaced(touched).into_iter().collect();
        let left_out = ws.parallel(replaced.len(), |nth| {
            let before = (0..self.packs.len()).map(|it| self.entries(it, replaced[nth]));
            let before = before.collect::<Option<Vec<_>>>()?.into_iter().flatten().map(|it| it.id);
            Some(before.filter(|it| now.binary_search(it).is_err()).collect::<Vec<_>>())
        });
        let left_out: BTreeSet<AssetId> =
            left_out.into_iter().collect::<Option<Vec<_>>>()?.concat().into_iter().collect();
        // Whoever asked for an asset that is not there any more was derived anew.
        let mut there = slots.iter().flat_map(|it| exports(db, it.bucket(db))).filter_map(|it| it.identity);
        Some(left_out.is_empty() || !there.any(|it| left_out.contains(&it.1)))
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

/// Where the entries of a bucket come from.
enum Now {
    /// They were derived.
    Derived(Vec<Arc<PlanEntry>>),
    /// They stand in the memo of the bucket of the frame with this number.
    Stands(usize),
}

/// Returns which of two lists of entries only the first has, and which only the second has, each by id.
fn differing(was: &[Arc<PlanEntry>], now: &[Arc<PlanEntry>]) -> (Vec<Arc<PlanEntry>>, Vec<Arc<PlanEntry>>) {
    if was.len() == now.len() && was.iter().zip(now).all(|(was, now)| was.id == now.id) {
        let (mut was, mut now): (Vec<_>, Vec<_>) =
            was.iter().zip(now).filter(|(was, now)| was != now).map(|(was, now)| (was.clone(), now.clone())).unzip();
        [&mut was, &mut now].into_iter().for_each(|it| it.sort_by_key(|it| it.id));
        return (was, now);
    }
    let by_id = |it: &[Arc<PlanEntry>]| it.iter().map(|it| (it.id, it.clone())).collect::<BTreeMap<_, _>>();
    let (was, now) = (by_id(was), by_id(now));
    let only = |one: &BTreeMap<_, Arc<PlanEntry>>, other: &BTreeMap<_, _>| {
        one.iter().filter(|it| other.get(it.0) != Some(it.1)).map(|it| it.1.clone()).collect()
    };
    (only(&was, &now), only(&now, &was))
}

impl Reach {
    fn new(memos: Arc<Memos>) -> Self {
        let (touched, texts, before, known, exported) = Default::default();
        Self { memos, touched, texts, before, known, exported }
    }

    fn export(&self, at: (u32, u32)) -> &Export {
        &self.memos.exports(at.0 as usize).expect("they were there when the bucket was taken in")[at.1 as usize]
    }

    /// Takes more buckets in: reads their declarations, and what their assets were. `None` when a memo is lost, or does
    /// not tell assets apart.
    fn extend(&mut self, more: BTreeSet<usize>, workshop: &Workshop<'_>) -> Result<Option<()>, Moved> {
        let memos = self.memos.clone();
        let more: Vec<usize> = more.into_iter().filter(|it| !self.touched.contains(it)).collect();
        let texts = workshop.texts(&more)?;
        self.texts.extend(more.iter().copied().zip(texts));
        self.touched.extend(more);
        let replaced: Vec<usize> = memos.replaced(&self.touched).into_iter().collect();
        let there = workshop.session.ws.parallel(replaced.len(), |nth| {
            memos.exports(replaced[nth]).is_some() && memos.ties(replaced[nth]).is_some()
        });
        if !there.into_iter().all(|it| it) {
            return Ok(None);
        }
        let mut identified: Vec<Identified> = Vec::new();
        self.exported.clear();
        for old in replaced {
            let (exports, ties) = (memos.exports(old).unwrap_or_default(), memos.ties(old));
            self.exported.extend((0..exports.len()).map(|it| (old as u32, it as u32)));
            let known = exports.iter().filter_map(|it| Some((it.place.clone(), it.part.clone(), it.identity?)));
            identified.extend(known);
            let unread = ties.into_iter().flat_map(|it| &it.unread);
            identified.extend(unread.map(|it| (it.0.clone(), String::new(), it.1)));
        }
        let key = |it: &(u32, u32)| {
            let export = &memos.exports(it.0 as usize).unwrap_or_default()[it.1 as usize];
            (&export.place, &export.part)
        };
        self.exported.sort_by(|a, b| key(a).cmp(&key(b)));
        if self.exported.windows(2).any(|it| key(&it[0]) == key(&it[1])) {
            return Ok(None);
        }
        let missing = memos.frame.ledger.missing.iter();
        let missing = missing.map(|it| (it.place.clone(), it.part.clone(), (it.uuid, it.id)));
        // What was settled before stays: these buckets were not among those that it was settled for.
        let known = identified.iter().cloned().chain(missing).chain(self.known.all().iter().cloned());
        self.known = Arc::new(Known::of(known.collect()));
        self.before = Known::of(identified);
        Ok(Some(()))
    }

    fn bring(&self, state: &mut State, workshop: &Workshop<'_>, setup: &Setup) {
        Change {
            tree: workshop.tree,
            texts: self.texts.values().cloned().collect(),
            config: setup.config.clone(),
            identities: Identities::Known(self.known.clone()),
            scope: self.scope(),
        }
        .apply(state);
        state.prefetch(workshop.session.ws, "declarations", &state.buckets(), |db, it| {
            declared(db, it);
        });
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
            let is_registered = |place: &RelPath, part: &str| self.known.at(place, part).is_some();
            let buckets = state.buckets();
            let places = places(buckets.iter().map(|it| declared(db, *it)), &is_registered);
            let (memos, workspace, touched) = (&*self.memos, setup.config.workspace, &self.touched);
            settle(&Ground { memos, ws, files, workspace, touched, db }, &places, &self.before, &self.known)?
        };
        let Some(mut settled) = settled else { return Ok(None) };
        let new = std::mem::take(&mut settled.new);
        if !new.is_empty() {
            self.known = Arc::new(Known::of(self.known.all().iter().cloned().chain(new).collect()));
            state.set_identities(Identities::Known(self.known.clone()));
        }
        Ok(Some(settled))
    }

    /// Returns the numbers of further buckets, whose assets asked about assets that are not what they were. `None` when
    /// names may clash, or a memo is lost.
    fn asking(&self, state: &State, ws: &Workspace) -> Option<BTreeSet<usize>> {
        let (db, memos) = (&state.db, &self.memos);
        let buckets = state.buckets();
        state.prefetch(ws, "names", &buckets, |db, it| {
            exports(db, it);
        });
        let mut now: Vec<&Export> = buckets.iter().flat_map(|it| exports(db, *it)).collect();
        now.sort_by(|a, b| (&a.place, &a.part).cmp(&(&b.place, &b.part)));
        if now.windows(2).any(|it| (&it[0].place, &it[0].part) == (&it[1].place, &it[1].part)) {
            return None;
        }
        // Both are in the same order.
        let (mut differ, mut is_named_anew) = (BTreeSet::new(), Vec::new());
        let mut was = self.exported.iter().map(|it| self.export(*it)).peekable();
        for export in &now {
            let key = (&export.place, &export.part);
            while let Some(gone) = was.next_if(|it| (&it.place, &it.part) < key) {
                differ.insert(&gone.place);
            }
            let before = was.next_if(|it| (&it.place, &it.part) == key);
            if before != Some(*export) {
                differ.insert(&export.place);
            }
            if before.is_none_or(|it| it.name != export.name) {
                is_named_anew.push(*export);
            }
        }
        differ.extend(was.map(|it| &it.place));
        if !is_named_anew.is_empty() && self.may_clash(&is_named_anew, &now)? {
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

    /// Returns what each pack reaches in the derived buckets, where that is what it was: nothing that packs are reached from
    /// is another asset now, and all that was reached refers to the same. `None` where that is not so, or a memo is lost.
    fn still_reached(&self, state: &State, slots: &[Slot], packs: &Packs) -> Option<Vec<Vec<AssetId>>> {
        let mut reached = vec![Vec::new(); packs.all().len()];
        if packs.are_local() {
            return Some(reached);
        }
        let starts: Vec<&Reference> = packs.all().iter().flat_map(|it| it.reachable_from.iter().flatten()).collect();
        let now: BTreeSet<&Export> = slots.iter().flat_map(|it| exports(&state.db, it.bucket(&state.db))).collect();
        let was: BTreeSet<&Export> = self.exported.iter().map(|it| self.export(*it)).collect();
        let mut differ = now.symmetric_difference(&was);
        if differ.any(|export| starts.iter().any(|it| export.is_meant_by(&RelPath::root(), it))) {
            return None;
        }
        let layouts = slots.iter().map(|it| layout(&state.db, *it));
        let references: BTreeMap<AssetId, &Vec<AssetId>> =
            layouts.flat_map(Layout::all).map(|it| (it.id, &it.references)).collect();
        for old in self.memos.replaced(&self.touched) {
            for (pack, then) in self.memos.ties(old)?.reached.iter().enumerate() {
                for (id, then) in then {
                    references.get(id).filter(|now| **now == then)?;
                    reached.get_mut(pack)?.push(*id);
                }
            }
        }
        reached.iter_mut().for_each(|it| it.sort_unstable());
        // One that was left out, be it broken, reached nothing then, and may do so now.
        let holds = |export: &Export| export.identity.is_some_and(|it| references.contains_key(&it.1));
        let is_new = |(pack, reached): (&Pack, &Vec<AssetId>)| {
            let starts = pack.reachable_from.iter().flatten();
            let mut starts = starts.flat_map(|it| now.iter().filter(|export| export.is_meant_by(&RelPath::root(), it)));
            starts.any(|it| holds(it) && it.identity.is_none_or(|it| reached.binary_search(&it.1).is_err()))
        };
        (!packs.all().iter().zip(&reached).any(is_new)).then_some(reached)
    }

    /// Returns whether any of `new` could have the name of another asset, or a place that differs only in case or
    /// normalization. `None` when a memo is lost.
    fn may_clash(&self, new: &[&Export], now: &[&Export]) -> Option<bool> {
        let mut names: Vec<&str> = now.iter().map(|it| &*it.name).collect();
        names.sort_unstable();
        let paths = |of: &[&Export]| -> Vec<[u64; 2]> {
            let mut places: Vec<&str> = of.iter().map(|it| it.place.as_str()).collect();
            places.sort_unstable();
            let mut marks: Vec<_> = with_directories(places.into_iter()).map(|it| path_marks(it.0)).collect();
            marks.sort_unstable();
            marks
        };
        let collide = paths(now).windows(2).any(|it| it[0][0] == it[1][0] && it[0][1] != it[1][1]);
        if collide || names.windows(2).any(|it| it[0] == it[1]) {
            return Some(true);
        }
        let new_names: BTreeSet<u64> = new.iter().map(|it| mark(&it.name)).collect();
        let new_paths: BTreeMap<u64, u64> = paths(new).into_iter().map(|it| (it[0], it[1])).collect();
        let number = |it: &[u8]| u64::from_le_bytes(*it.first_chunk().expect("it is eight bytes"));
        for (_, old) in self.memos.standing(&self.touched) {
            let marks = self.memos.marks(old)?;
            let mut names = marks.names.chunks_exact(8);
            let mut paths = marks.places.chunks_exact(16).map(|it| (number(it), number(&it[8..])));
            if names.any(|it| new_names.contains(&number(it)))
                || paths.any(|(confused, path)| new_paths.get(&confused).is_some_and(|it| *it != path))
            {
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
    /// Returns what a derived bucket has in the pack of this number.
    pub fn derived(&self, slot: Slot, pack: usize) -> impl Iterator<Item = &Arc<PlanEntry>> {
        layout(&self.state.db, slot).in_pack(pack, &self.reached[pack])
    }

    /// Returns how the entries of the pack of this number differ from what it held with a content digest. `None` where
    /// nothing is known of that.
    pub fn difference(&self, ws: &Workspace, pack: usize, content_digest: Digest) -> Option<Difference> {
        let memos = &self.memos;
        let before = memos.frame_of(pack, content_digest)?;
        let touched: BTreeSet<usize> = self.touched.iter().copied().collect();
        let derived = self.slots.iter().map(|it| self.derived(*it, pack).cloned().collect());
        let ends = touched.iter().map(|it| &memos.tree.buckets()[*it].end);
        let mut now: BTreeMap<(bool, &[u8]), Now> =
            ends.zip(derived).map(|(end, it)| (order(end), Now::Derived(it))).collect();
        let standing = memos.standing(&touched).filter(|it| !before.has(&memos.frame.buckets[it.1]));
        now.extend(standing.map(|it| (order(&memos.frame.buckets[it.1].end), Now::Stands(it.1))));
        let is_same: BTreeSet<_> = memos
            .standing(&touched)
            .map(|it| &memos.frame.buckets[it.1])
            .filter(|it| before.has(it))
            .map(|it| order(&it.end))
            .collect();
        let was: BTreeMap<(bool, &[u8]), &Outline> =
            before.buckets.iter().map(|it| (order(&it.end), it)).filter(|it| !is_same.contains(&it.0)).collect();
        let ends: Vec<(bool, &[u8])> =
            now.keys().chain(was.keys()).copied().collect::<BTreeSet<_>>().into_iter().collect();
        let differing = ws.parallel(ends.len(), |nth| {
            let was = was.get(&ends[nth]).map_or(Some(Vec::new()), |it| memos.entries_of(pack, it))?;
            let now = match now.get(&ends[nth]) {
                None => &[][..],
                Some(Now::Derived(entries)) => entries,
                Some(Now::Stands(old)) => memos.entries(pack, *old)?,
            };
            Some(differing(&was, now))
        });
        let (mut was, mut now) = (Vec::new(), Vec::new());
        for it in differing {
            let (only_was, only_now) = it?;
            was.extend(only_was);
            now.extend(only_now);
        }
        // What moved from one bucket to another is not different for that.
        let (was, put) = self::differing(&was, &now);
        let names = |it: &[Arc<PlanEntry>]| it.iter().map(|it| (it.id, it.name.clone())).collect::<Vec<_>>();
        let names_differ = names(&was) != names(&put);
        let is_put = |id: &AssetId| put.binary_search_by_key(id, |it| it.id).is_ok();
        let removed = was.iter().map(|it| it.id).filter(|it| !is_put(it)).collect();
        Some(Difference { put, removed, names_differ })
    }

    /// Returns the whole plan of the pack of this number. `None` when a memo is lost.
    pub fn plan(&self, ws: &Workspace, setup: &Setup, pack: usize) -> Option<Plan> {
        let memos = &self.memos;
        let touched: BTreeSet<usize> = self.touched.iter().copied().collect();
        let standing: Vec<usize> = memos.standing(&touched).map(|it| it.1).collect();
        let there = ws.parallel(standing.len(), |nth| memos.entries(pack, standing[nth]).is_some());
        if !there.into_iter().all(|it| it) {
            return None;
        }
        let mut entries: Vec<Arc<PlanEntry>> = Vec::new();
        standing.iter().filter_map(|it| memos.entries(pack, *it)).for_each(|it| entries.extend_from_slice(it));
        entries.extend(self.slots.iter().flat_map(|it| self.derived(*it, pack)).cloned());
        entries.sort_by_key(|it| it.id);
        let is_plan = entries.windows(2).all(|it| it[0].id < it[1].id);
        is_plan.then_some(Plan { layout: setup.profile.layout, entries })
    }
}
