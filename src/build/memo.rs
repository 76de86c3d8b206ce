//! Memos: what a bucket contributed to a pack the last time, so that a process that starts cold need not derive it
//! anew.
//!
//! A bucket's contribution is a pure function of its sources' digests, the configuration, the registry, the names of
//! all assets, the processors' versions, and of what its assets looked at in other buckets. All of that is in the memo
//! or in what it is compared with. A build takes the short way only while every path in the workspace is what it was
//! and no name, type or identity moved; then only buckets whose contents changed enter the query database. Anything
//! else, and any error, takes the long way, which needs no memo.
//!
//! Memos are part of this tree's index: like everything in the cache they can be lost, and then nothing but time is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use bincode::{Decode, Encode};

use crate::cache::{Changes, Index, encoding};
use crate::model::declaration::Declaration;
use crate::model::path::order_key;
use crate::model::{Code, Diagnostic, Digest, RelPath};
use crate::pack::plan::{Plan, PlanEntry};
use crate::process::trace::{FindAnswer, Observation};
use crate::query::declared::declared;
use crate::query::layout::layout;
use crate::query::names::{Export, exports};
use crate::query::recipes::recipes;
use crate::query::{Change, Database, Identities, Part, Scope, Slot, State};
use crate::workspace::bucket::{Bucket, Tree};
use crate::workspace::layout::Workspace;
use crate::workspace::lookup::Lookup;

use super::artifacts::{Moved, Workshop};
use super::configure::Setup;
use super::judge::problems_of;

/// What all memos of one profile and pack were made under.
#[derive(Clone, Encode, Decode)]
struct Frame {
    /// Digest of everything but the sources.
    context: Digest,
    /// The pack that they came to.
    content_digest: Digest,
    /// What was said of no asset in particular.
    general: Vec<Diagnostic>,
    /// What was said of the assets of buckets, by number.
    problems: BTreeMap<u32, Vec<Diagnostic>>,
    /// Numbers of buckets whose assets look at sources in others, and the numbers of those.
    looks_into: BTreeMap<u32, BTreeSet<u32>>,
    /// Each bucket, in order.
    buckets: Vec<Outline>,
}

#[derive(Clone, PartialEq, Eq, Encode, Decode)]
struct Outline {
    end: Option<Vec<u8>>,
    /// Digest of its paths.
    members: Digest,
    /// Digest of its paths and contents.
    contents: Digest,
}

/// What one bucket contributed.
#[derive(Encode, Decode)]
struct Memo {
    /// Digest of everything but the sources: a memo of another frame is none.
    context: Digest,
    /// Digest of the bucket's paths and contents.
    contents: Digest,
    /// Sources in other buckets that its assets look at, and what they were.
    foreign: Vec<(RelPath, Option<Digest>)>,
    /// Whether any of its assets declares a dependency.
    has_dependencies: bool,
    /// Its assets as others see them, encoded.
    exports: Vec<u8>,
    /// Its entries, encoded.
    entries: Vec<u8>,
}

/// All memos of one profile and pack, each fetched when it is asked for.
pub struct Memos {
    frame: Frame,
    target: String,
    index: Arc<Index>,
    /// One for each bucket of the frame; `None` where it is lost.
    memos: Vec<OnceLock<Option<Memo>>>,
    /// Set once somebody wanted to know all assets, and a memo that names some of them was lost.
    lacks_assets: AtomicBool,
}

/// What a part of the workspace came to, and what is to be said about all of it.
pub struct Short {
    /// The part of the workspace that was derived.
    pub state: State,
    /// Its slots.
    pub slots: Vec<Slot>,
    /// Their buckets' numbers.
    pub touched: Vec<usize>,
    /// Their entries that are not what they were, by id.
    pub changed: Vec<Arc<PlanEntry>>,
    /// In the order in which they are shown; no error is among them.
    pub diagnostics: Vec<Diagnostic>,
    memos: Arc<Memos>,
}

/// Returns the memos of `target` if they were made in this context over these very paths, and only few contents
/// moved since; with them the numbers of the buckets to derive anew.
pub fn recall(index: &Arc<Index>, target: &str, context: Digest, tree: &Tree) -> Option<(Memos, Vec<usize>)> {
    let frame: Frame = encoding::decode(&index.memo(&frame_key(target))?)?;
    let buckets = tree.buckets();
    let same_paths = |it: (&Outline, &Arc<Bucket>)| it.0.end == it.1.end && it.0.members == it.1.members_digest();
    if frame.context != context || frame.buckets.len() != buckets.len() {
        return None;
    }
    if !frame.buckets.iter().zip(buckets).all(same_paths) {
        return None;
    }
    let is_moved = |it: &usize| frame.buckets[*it].contents != buckets[*it].digest();
    let moved: BTreeSet<usize> = (0..buckets.len()).filter(is_moved).collect();
    if moved.len() > 8 + buckets.len() / 8 {
        return None;
    }
    let memos = frame.buckets.iter().map(|_| OnceLock::new()).collect();
    let (target, index, lacks_assets) = (target.to_owned(), index.clone(), AtomicBool::new(false));
    let memos = Memos { frame, target, index, memos, lacks_assets };
    let mut touched = moved.clone();
    for (from, into) in &memos.frame.looks_into {
        if into.iter().any(|it| moved.contains(&(*it as usize))) {
            let foreign = &memos.memo(*from as usize)?.foreign;
            if foreign.iter().any(|(path, then)| digest_at(tree, path) != *then) {
                touched.insert(*from as usize);
            }
        }
    }
    Some((memos, touched.into_iter().collect()))
}

fn digest_at(tree: &Tree, path: &RelPath) -> Option<Digest> {
    Lookup::find(tree, path).map(|it| it.1.digest)
}

impl Memos {
    fn memo(&self, idx: usize) -> Option<&Memo> {
        let Outline { end, contents, .. } = &self.frame.buckets[idx];
        let fetch = || {
            let memo: Memo = encoding::decode(&self.index.memo(&memo_key(&self.target, end))?)?;
            (memo.context == self.frame.context && memo.contents == *contents).then_some(memo)
        };
        self.memos[idx].get_or_init(fetch).as_ref()
    }

    fn exports(&self, idx: usize) -> Option<Vec<Export>> {
        encoding::decode(&self.memo(idx)?.exports)
    }

    fn entries(&self, idx: usize) -> Option<Vec<Arc<PlanEntry>>> {
        encoding::decode(&self.memo(idx)?.entries)
    }

    /// Returns the content digest of the pack that the memos came to.
    pub fn content_digest(&self) -> Digest {
        self.frame.content_digest
    }

    /// Derives the touched buckets. `None` when it is not as simple as that: a name, type, identity or dependency moved,
    /// entries came or went, or something is wrong.
    ///
    /// # Errors
    ///
    /// [`Moved`] when a source is not any more what the scan saw, or cannot be read.
    pub fn derive(
        self,
        workshop: &Workshop<'_>,
        setup: &Setup,
        pack: &str,
        touched: Vec<usize>,
    ) -> std::result::Result<Option<Short>, Moved> {
        let _derive = workshop.session.ws.phase("derive what changed");
        let memos = Arc::new(self);
        let Some(known) = touched.iter().map(|it| memos.exports(*it)).collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        let mut state = State::default();
        workshop.session.start_log(&state);
        Change {
            tree: workshop.tree,
            texts: workshop.texts(&touched)?,
            config: setup.config.clone(),
            identities: identities(&known),
            scope: part(&memos, workshop.tree, &touched),
        }
        .apply(&mut state);
        let slots = state.slots(&setup.profile, pack);
        let names_stand = slots.iter().zip(&known).all(|(it, known)| {
            let bucket = it.bucket(&state.db);
            exports(&state.db, bucket) == known && !has_dependencies(&declared(&state.db, bucket).assets)
        });
        if !names_stand || touched.iter().any(|it| memos.memo(*it).is_none_or(|it| it.has_dependencies)) {
            return Ok(None);
        }
        workshop.make(&mut state, &slots)?;
        let Some(changed) = memos.changed(&state, &slots, &touched) else { return Ok(None) };
        let diagnostics = memos.diagnostics(&state, &slots, &touched, setup);
        let knew_all = workshop.tree.is_whole() && !memos.lacks_assets.load(Ordering::Relaxed);
        let right = knew_all && !diagnostics.iter().any(Diagnostic::is_error);
        Ok(right.then_some(Short { state, slots, touched, changed, diagnostics, memos }))
    }

    /// Returns the entries of the touched buckets that are not what they were. `None` when the set of entries moved.
    fn changed(&self, state: &State, slots: &[Slot], touched: &[usize]) -> Option<Vec<Arc<PlanEntry>>> {
        let mut changed = Vec::new();
        for (slot, idx) in slots.iter().zip(touched) {
            let by_id = |it: &[Arc<PlanEntry>]| it.iter().map(|it| (it.id, it.clone())).collect::<BTreeMap<_, _>>();
            let (before, now) = (by_id(&self.entries(*idx)?), by_id(&layout(&state.db, *slot).entries));
            if !before.keys().eq(now.keys()) {
                return None;
            }
            changed
                .extend(now.into_values().zip(before.values()).filter(|(now, before)| now != *before).map(|it| it.0));
        }
        changed.sort_by_key(|it| it.id);
        Some(changed)
    }

    fn diagnostics(&self, state: &State, slots: &[Slot], touched: &[usize], setup: &Setup) -> Vec<Diagnostic> {
        let mut diagnostics = self.frame.general.clone();
        let untouched = self.frame.problems.iter().filter(|it| touched.binary_search(&(*it.0 as usize)).is_err());
        diagnostics.extend(untouched.flat_map(|it| it.1.iter().cloned()));
        diagnostics.extend(slots.iter().flat_map(|it| problems_of(&state.db, *it, &setup.profile)));
        crate::model::diagnostic::sort(&mut diagnostics);
        diagnostics
    }
}

impl Short {
    /// Returns the content digest of the pack that was there before.
    pub fn content_digest(&self) -> Digest {
        self.memos.content_digest()
    }

    /// Returns the plan of the whole workspace. `None` when a memo is lost, or when an entry refers to what is not in it.
    pub fn plan(&self, ws: &Workspace, setup: &Setup) -> Option<Plan> {
        let memos = &self.memos;
        let remembered = ws.parallel(memos.memos.len(), |idx| memos.entries(idx));
        let derived = self.slots.iter().map(|it| layout(&self.state.db, *it).entries.clone());
        let mut derived: BTreeMap<usize, _> = self.touched.iter().copied().zip(derived).collect();
        let mut entries: Vec<Arc<PlanEntry>> = Vec::new();
        for (idx, remembered) in remembered.into_iter().enumerate() {
            entries.extend(derived.remove(&idx).or(remembered)?);
        }
        entries.sort_by_key(|it| it.id);
        let planned = |id| entries.binary_search_by_key(&id, |it| it.id).is_ok();
        let refer_well = self.changed.iter().flat_map(|it| &it.references).copied().all(planned);
        refer_well.then_some(Plan { layout: setup.profile.layout, entries })
    }
}

fn identities(known: &[Vec<Export>]) -> Identities {
    let identity = |it: &Export| Some(((it.place.clone(), it.part.clone()), it.identity?));
    Identities::Known(Arc::new(known.iter().flatten().filter_map(identity).collect::<BTreeMap<_, _>>()))
}

fn part(memos: &Arc<Memos>, tree: &Tree, touched: &[usize]) -> Scope {
    let (memos, numbers) = (memos.clone(), touched.to_vec());
    let others = move || {
        let others = (0..memos.memos.len()).filter(|it| numbers.binary_search(it).is_err());
        let exports = others.map(|it| memos.exports(it)).collect::<Option<Vec<_>>>();
        exports.map_or_else(
            || {
                memos.lacks_assets.store(true, Ordering::Relaxed);
                Vec::new()
            },
            |it| it.concat(),
        )
    };
    Scope::Part(Arc::new(Part { tree: tree.clone(), touched: touched.to_vec(), elsewhere: Box::new(others) }))
}

fn has_dependencies(assets: &[Arc<Declaration>]) -> bool {
    assets.iter().any(|it| !it.intent.dependencies.is_empty())
}

/// Returns the index's name for the frame of a target; the names of its memos begin with it.
fn frame_key(target: &str) -> Vec<u8> {
    format!("{target}\0").into_bytes()
}

fn memo_key(target: &str, end: &Option<Vec<u8>>) -> Vec<u8> {
    let mut key = frame_key(target);
    key.extend(end.as_deref().unwrap_or(&[0xff]));
    key
}

/// What a build was about.
pub struct Built<'a> {
    /// The profile and the pack.
    pub target: &'a str,
    /// Digest of everything but the sources, as it is after the build.
    pub context: Digest,
    /// The pack.
    pub content_digest: Digest,
    /// Every source.
    pub tree: &'a Tree,
    /// What was derived.
    pub state: &'a State,
    /// Slots of the derived buckets.
    pub slots: &'a [Slot],
    /// Their numbers; all of them where the build went the long way.
    pub touched: &'a [usize],
    /// The profile and configuration.
    pub setup: &'a Setup,
    /// The workspace.
    pub ws: &'a Workspace,
}

/// Adds to the index's changes what a build contributes to memos.
///
/// `general` is what was said of no asset in particular, where all buckets were derived. Nothing is remembered where a
/// warning depends on assets of several buckets, or after a panic, of which nobody knows what it depends on: such a
/// workspace goes the long way until it is mended.
pub fn remember(
    changes: &mut Changes,
    index: &Index,
    built: &Built<'_>,
    general: Option<&[Diagnostic]>,
    all: &[Diagnostic],
) {
    const DEPENDENT: [Code; 4] =
        [Code::ABSENT_REFERENCE, Code::NAME_COLLISION, Code::NAME_CLASH, Code::PROCESSOR_PANIC];
    let depends = |it: &Diagnostic| DEPENDENT.contains(&it.code);
    let stored = index.memo(&frame_key(built.target));
    let before: Option<Frame> = stored.as_deref().and_then(encoding::decode);
    if all.iter().any(depends) {
        return;
    }
    let buckets = built.tree.buckets();
    let outline = |it: &Arc<Bucket>| {
        let (end, members) = (it.end.clone(), it.members_digest());
        Outline { end, members, contents: it.digest() }
    };
    let outlines: Vec<Outline> = buckets.iter().map(outline).collect();
    let (mut frame, ends_before) = match (general, before) {
        (Some(general), before) => {
            let (problems, looks_into) = Default::default();
            let (context, content_digest) = (built.context, built.content_digest);
            let frame =
                Frame { context, content_digest, general: general.to_vec(), problems, looks_into, buckets: outlines };
            (frame, before.map(|it| it.buckets).unwrap_or_default())
        }
        // What the others contributed stays, and so do their numbers: no path moved.
        (None, Some(before)) => {
            // Should another build have replaced them meanwhile, its own memos would be taken for theirs.
            changes.memos_basis = stored.map(|it| (frame_key(built.target), it.to_vec()));
            let frame = Frame { content_digest: built.content_digest, buckets: outlines, ..before };
            (frame, Vec::new())
        }
        (None, None) => return,
    };
    let (context, tree, profile) = (built.context, built.tree, &built.setup.profile);
    let touched: Vec<(usize, Slot)> = built.touched.iter().copied().zip(built.slots.iter().copied()).collect();
    let ask = |db: &Database, (idx, slot)| {
        let memo = memo_of(db, context, tree, slot, idx);
        let look_into = |it: &(RelPath, Option<Digest>)| tree.bucket_of(&order_key(it.0.as_str()));
        let looks_into: BTreeSet<u32> = memo.foreign.iter().filter_map(look_into).map(|it| it as u32).collect();
        (encoding::encode(&memo), looks_into, problems_of(db, slot, profile))
    };
    for ((memo, into, problems), (idx, _)) in
        built.state.ask_each(built.ws, "memos", &touched, ask).into_iter().zip(&touched)
    {
        changes.memos_put.push((memo_key(built.target, &frame.buckets[*idx].end), memo));
        put_or_remove(&mut frame.looks_into, *idx as u32, into, BTreeSet::is_empty);
        put_or_remove(&mut frame.problems, *idx as u32, problems, Vec::is_empty);
    }
    let ends: BTreeSet<_> = frame.buckets.iter().map(|it| &it.end).collect();
    let gone = ends_before.iter().filter(|it| !ends.contains(&it.end));
    changes.memos_removed.extend(gone.map(|it| memo_key(built.target, &it.end)));
    changes.memos_put.push((frame_key(built.target), encoding::encode(&frame)));
}

fn put_or_remove<T>(map: &mut BTreeMap<u32, T>, key: u32, value: T, is_nothing: impl Fn(&T) -> bool) {
    if is_nothing(&value) {
        map.remove(&key);
    } else {
        map.insert(key, value);
    }
}

fn memo_of(db: &Database, context: Digest, tree: &Tree, slot: Slot, idx: usize) -> Memo {
    let bucket = slot.bucket(db);
    let mut foreign = BTreeMap::new();
    let mut look = |path: Option<RelPath>, digest: Option<Digest>| {
        if let Some(path) = path.filter(|it| tree.bucket_of(&order_key(it.as_str())) != Some(idx)) {
            foreign.insert(path, digest);
        }
    };
    for (it, made) in recipes(db, slot).list.iter().zip(slot.made(db).iter()) {
        let base = &it.recipe.base;
        it.recipe.inputs.iter().for_each(|it| look(base.join(&it.path), Some(it.digest)));
        for observation in &made.observations {
            // Globs answer with paths, which do not move, and so do places of assets.
            if let Observation::Find { path, answer } = observation {
                let digest = match answer {
                    FindAnswer::Source(digest, _) => Some(*digest),
                    FindAnswer::Absent => None,
                    FindAnswer::NotASource(_) => continue,
                };
                look(base.join(path), digest);
            }
        }
    }
    Memo {
        context,
        contents: tree.buckets()[idx].digest(),
        foreign: foreign.into_iter().collect(),
        has_dependencies: has_dependencies(&declared(db, bucket).assets),
        exports: encoding::encode(exports(db, bucket)),
        entries: encoding::encode(&layout(db, slot).entries),
    }
}
