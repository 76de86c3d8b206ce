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
use std::sync::Arc;

use bincode::{Decode, Encode};

use crate::cache::{Changes, Index, encoding};
use crate::model::declaration::Declaration;
use crate::model::path::order_key;
use crate::model::profile::Profile;
use crate::model::{Code, Diagnostic, Digest, RelPath};
use crate::pack::plan::{Plan, PlanEntry};
use crate::process::exec::MadeResult;
use crate::process::trace::{FindAnswer, Observation};
use crate::query::declared::declared;
use crate::query::layout::layout;
use crate::query::names::{Export, exports};
use crate::query::recipes::recipes;
use crate::query::{Change, Database, Identities, Part, Scope, Slot, State};
use crate::workspace::bucket::{Bucket, NO_CONTENT, Tree};
use crate::workspace::layout::Workspace;
use crate::workspace::lookup::Lookup;

use super::artifacts::{Moved, Workshop};
use super::configure::Setup;
use super::judge::{Verdict, problems_of};

/// What all memos of one profile and pack were made under.
#[derive(Clone, Encode, Decode)]
struct Frame {
    /// Digest of everything but the sources.
    context: Digest,
    /// What was said of no asset in particular.
    general: Vec<Diagnostic>,
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
    /// Digest of everything but the sources: another process may have replaced this memo, but not the frame.
    context: Digest,
    /// Digest of the bucket's paths and contents.
    contents: Digest,
    /// Sources in other buckets that its assets look at, and what they were.
    foreign: Vec<(RelPath, Option<Digest>)>,
    /// Whether any of its assets declares a dependency.
    has_dependencies: bool,
    /// Its assets as others see them, encoded.
    exports: Vec<u8>,
    /// What was said of its assets.
    problems: Vec<Diagnostic>,
    /// Its entries, encoded.
    entries: Vec<u8>,
}

/// All memos of one profile and pack.
pub struct Memos {
    frame: Frame,
    /// One for each bucket of the frame; `None` where it is lost.
    memos: Vec<Option<Memo>>,
}

/// What a part of the workspace came to, and the whole plan.
pub struct Short {
    /// The part of the workspace that was derived.
    pub state: State,
    /// Its slots.
    pub slots: Vec<Slot>,
    /// Their buckets' numbers.
    pub touched: Vec<usize>,
    /// The plan of the whole workspace.
    pub verdict: Verdict,
}

/// Returns the memos of `target` if they were made in this context over these very paths, and only few contents
/// moved since; with them the numbers of the buckets to derive anew.
pub fn recall(
    ws: &Workspace,
    index: &Index,
    target: &str,
    context: Digest,
    tree: &Tree,
) -> Option<(Memos, Vec<usize>)> {
    let frame: Frame = encoding::decode(&index.memo(&frame_key(target))?)?;
    let buckets = tree.buckets();
    let same_paths = |it: (&Outline, &Arc<Bucket>)| it.0.end == it.1.end && it.0.members == it.1.members_digest();
    if frame.context != context || frame.buckets.len() != buckets.len() {
        return None;
    }
    if !frame.buckets.iter().zip(buckets).all(same_paths) {
        return None;
    }
    let moved: Vec<bool> = frame.buckets.iter().zip(buckets).map(|(it, now)| it.contents != now.digest()).collect();
    if moved.iter().filter(|it| **it).count() > 8 + buckets.len() / 8 {
        return None;
    }
    let memos = ws.parallel(buckets.len(), |idx| {
        let row = index.memo(&memo_key(target, &frame.buckets[idx].end));
        let memo: Option<Memo> = row.and_then(|it| encoding::decode(&it));
        memo.filter(|it| it.context == context && it.contents == frame.buckets[idx].contents)
    });
    let mut touched = Vec::new();
    for (idx, memo) in memos.iter().enumerate() {
        let memo = memo.as_ref()?;
        let looked_elsewhere = || memo.foreign.iter().any(|(path, then)| digest_at(tree, path) != *then);
        if moved[idx] || looked_elsewhere() {
            touched.push(idx);
        }
    }
    Some((Memos { frame, memos }, touched))
}

fn digest_at(tree: &Tree, path: &RelPath) -> Option<Digest> {
    Lookup::find(tree, path).map(|it| it.1.digest)
}

impl Memos {
    fn memo(&self, idx: usize) -> &Memo {
        self.memos[idx].as_ref().expect("recalled memos are complete")
    }

    fn exports(&self, idx: usize) -> Option<Vec<Export>> {
        encoding::decode(&self.memo(idx).exports)
    }

    /// Derives the touched buckets and takes the others from their memos. `None` when it is not as simple as that.
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
        let (ws, tree) = (workshop.session.ws, workshop.tree);
        let memos = Arc::new(self);
        let Some(known) = touched.iter().map(|it| memos.exports(*it)).collect::<Option<Vec<_>>>() else {
            return Ok(None);
        };
        let mut state = State::default();
        Change {
            tree,
            texts: workshop.texts(|idx| touched.binary_search(&idx).is_ok())?,
            config: setup.config.clone(),
            identities: identities(&known),
            scope: part(&memos, &touched),
        }
        .apply(&mut state);
        let all = state.slots(&setup.profile, pack);
        let slots: Vec<Slot> = touched.iter().map(|it| all[*it]).collect();
        let names_stand = slots.iter().zip(&known).all(|(it, known)| {
            let bucket = it.bucket(&state.db);
            exports(&state.db, bucket) == known && !has_dependencies(&declared(&state.db, bucket).assets)
        });
        if !names_stand || touched.iter().any(|it| memos.memo(*it).has_dependencies) {
            return Ok(None);
        }
        workshop.make(&mut state, &slots)?;
        let Some(verdict) = memos.verdict(ws, setup, &state, &slots, &touched) else { return Ok(None) };
        Ok(Some(Short { state, slots, touched, verdict }))
    }

    /// Puts the plan together. `None` when anything is wrong, or the set of entries moved.
    fn verdict(
        &self,
        ws: &Workspace,
        setup: &Setup,
        state: &State,
        slots: &[Slot],
        touched: &[usize],
    ) -> Option<Verdict> {
        let remembered: Vec<Option<Vec<Arc<PlanEntry>>>> =
            ws.parallel(self.memos.len(), |idx| encoding::decode(&self.memo(idx).entries));
        let mut diagnostics = self.frame.general.clone();
        let mut entries = Vec::new();
        for (idx, remembered) in remembered.into_iter().enumerate() {
            let remembered = remembered?;
            match touched.binary_search(&idx) {
                Err(_) => {
                    entries.extend(remembered);
                    diagnostics.extend(self.memo(idx).problems.iter().cloned());
                }
                Ok(at) => {
                    let now = &layout(&state.db, slots[at]).entries;
                    let ids = |it: &[Arc<PlanEntry>]| it.iter().map(|it| it.id).collect::<BTreeSet<_>>();
                    if ids(now) != ids(&remembered) {
                        return None;
                    }
                    entries.extend(now.iter().cloned());
                    diagnostics.extend(problems_of(&state.db, slots[at], &setup.profile));
                }
            }
        }
        entries.sort_by_key(|it| it.id);
        let planned = |id| entries.binary_search_by_key(&id, |it| it.id).is_ok();
        let refer_well = slots.iter().all(|slot| {
            let references = layout(&state.db, *slot).entries.iter().flat_map(|it| &it.references);
            references.copied().all(planned)
        });
        if !refer_well || diagnostics.iter().any(Diagnostic::is_error) {
            return None;
        }
        crate::model::diagnostic::sort(&mut diagnostics);
        Some(Verdict { plan: Plan { layout: setup.profile.layout, entries }, diagnostics })
    }
}

fn identities(known: &[Vec<Export>]) -> Identities {
    let identity = |it: &Export| Some(((it.place.clone(), it.part.clone()), it.identity?));
    Identities::Known(Arc::new(known.iter().flatten().filter_map(identity).collect::<BTreeMap<_, _>>()))
}

fn part(memos: &Arc<Memos>, touched: &[usize]) -> Scope {
    let ends = touched.iter().map(|it| memos.frame.buckets[*it].end.clone()).collect();
    let (memos, touched) = (memos.clone(), touched.to_vec());
    let others = move || {
        let others = (0..memos.memos.len()).filter(|it| touched.binary_search(it).is_err());
        others.flat_map(|it| memos.exports(it).unwrap_or_default()).collect()
    };
    Scope::Part(Arc::new(Part { ends, elsewhere: Box::new(others) }))
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
    /// How many threads to use.
    pub jobs: usize,
}

/// Adds to the index's changes what a build contributes to memos.
///
/// `general` is what was said of no asset in particular, where all buckets were derived. Nothing is remembered where a
/// warning depends on assets of several buckets: such a workspace goes the long way until it is mended.
pub fn remember(
    changes: &mut Changes,
    index: &Index,
    built: &Built<'_>,
    general: Option<&[Diagnostic]>,
    all: &[Diagnostic],
) {
    let depends = |it: &Diagnostic| matches!(it.code, Code::ABSENT_REFERENCE | Code::NAME_COLLISION | Code::NAME_CLASH);
    let before: Option<Frame> = index.memo(&frame_key(built.target)).and_then(|it| encoding::decode(&it));
    if all.iter().any(depends) {
        return;
    }
    let general = match (general, &before) {
        (Some(general), _) => general.to_vec(),
        (None, Some(before)) => before.general.clone(),
        (None, None) => return,
    };
    let buckets = built.tree.buckets();
    let outline = |it: &Arc<Bucket>| {
        let (end, members) = (it.end.clone(), it.members_digest());
        Outline { end, members, contents: it.digest() }
    };
    let outlines: Vec<Outline> = buckets.iter().map(outline).collect();
    let (context, tree, profile) = (built.context, built.tree, &built.setup.profile);
    let touched: Vec<(usize, Slot)> = built.touched.iter().copied().zip(built.slots.iter().copied()).collect();
    let encoded = |db: &Database, (idx, slot)| encoding::encode(&memo_of(db, context, tree, profile, slot, idx));
    let memos = built.state.ask_each(built.jobs, &touched, encoded);
    for (memo, (idx, _)) in memos.into_iter().zip(&touched) {
        changes.memos_put.push((memo_key(built.target, &outlines[*idx].end), memo));
    }
    if let Some(before) = &before {
        let ends: BTreeSet<_> = outlines.iter().map(|it| &it.end).collect();
        let gone = before.buckets.iter().filter(|it| !ends.contains(&it.end));
        changes.memos_removed.extend(gone.map(|it| memo_key(built.target, &it.end)));
    }
    let frame = Frame { context: built.context, general, buckets: outlines };
    changes.memos_put.push((frame_key(built.target), encoding::encode(&frame)));
}

fn memo_of(db: &Database, context: Digest, tree: &Tree, profile: &Profile, slot: Slot, idx: usize) -> Memo {
    let bucket = slot.bucket(db);
    let mut foreign = BTreeMap::new();
    let mut look = |path: Option<RelPath>, digest: Option<Digest>| {
        if let Some(path) = path.filter(|it| tree.bucket_of(&order_key(it.as_str())) != Some(idx)) {
            foreign.insert(path, digest);
        }
    };
    let mut panicked = false;
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
        panicked |= matches!(made.result, MadeResult::Panicked(_));
    }
    Memo {
        context,
        // A panic is not remembered: under this digest nothing will ever be found.
        contents: if panicked { NO_CONTENT } else { tree.buckets()[idx].digest() },
        foreign: foreign.into_iter().collect(),
        has_dependencies: has_dependencies(&declared(db, bucket).assets),
        exports: encoding::encode(exports(db, bucket)),
        problems: problems_of(db, slot, profile),
        entries: encoding::encode(&layout(db, slot).entries),
    }
}
