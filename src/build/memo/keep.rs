//! What a build leaves for the next one: the memos of the buckets that it derived, and a frame of all of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::build::configure::Setup;
use crate::build::identify::{digests, unread};
use crate::build::judge::problems_of;
use crate::cache::{Changes, Index, encoding};
use crate::model::declaration::Inputs;
use crate::model::path::{ASSET_JSON, order_key};
use crate::model::profile::Profile;
use crate::model::reference::InputPattern;
use crate::model::{AssetId, Code, Diagnostic, Digest, RelPath};
use crate::process::trace::Observation;
use crate::query::declared::{asset_dirs, asset_dirs_of, declared, lone_sidecars_of};
use crate::query::layout::{Layout, layout};
use crate::query::names::{exports, names, with_directories};
use crate::query::recipes::recipes;
use crate::query::validated::validated;
use crate::query::{Database, Globals, Slot, State};
use crate::workspace::bucket::{Bucket, Tree};
use crate::workspace::layout::Workspace;
use crate::workspace::lookup::Glob;
use crate::workspace::packs::Packs;

use super::drift::{Drift, concerned, order};
use super::made::{History, makings_row};
use super::short::has_dependencies;
use super::{
    FRAMES, Frame, Ledger, Marks, MemoId, Memos, Outline, Row, Ties, found_at, frames_key, mark, memo_key, path_marks,
    paths_of, rows, stored_frames,
};

/// What a build was about.
pub struct Built<'a> {
    /// The profile.
    pub target: &'a str,
    /// Digest of everything but sources and identities.
    pub settled: Digest,
    /// Digest of the registry's files, as it is after the build.
    pub registry: Digest,
    /// What is to be known of it.
    pub ledger: Ledger,
    /// The content digest of each pack, by number; `None` where it was not built.
    pub content_digests: Vec<Option<Digest>>,
    /// Every source.
    pub tree: &'a Tree,
    /// What was derived.
    pub state: &'a State,
    /// Slots of the derived buckets.
    pub slots: &'a [Slot],
    /// Their numbers; all of them where the build went the long way.
    pub touched: &'a [usize],
    /// What is reached by each pack, by number, as far as the derived buckets hold it; ascending.
    pub reached: &'a [Vec<AssetId>],
    /// Where the others come from, and what was said of no asset in particular.
    pub rest: Rest<'a>,
    /// The profile and configuration.
    pub setup: &'a Setup,
    /// The workspace.
    pub ws: &'a Workspace,
}

/// What a build did not derive.
#[derive(Clone, Copy)]
pub enum Rest<'a> {
    /// Nothing: here is what was said of no asset in particular.
    Nothing(&'a [Diagnostic]),
    /// What stands in these memos.
    Memos(&'a Memos),
}

/// A memo: its rows, in the order of [`rows`].
struct Memo {
    id: MemoId,
    rows: Vec<Vec<u8>>,
    past: Vec<u8>,
    ties: Ties,
    problems: Vec<Diagnostic>,
    is_dependent: bool,
}

/// Adds to the index's changes what a build contributes to memos. `all` is all that was said.
///
/// Memos do not stand where names clash or a warning depends on assets of several buckets, or after a panic, of which nobody knows
/// what it depends on: such a workspace goes the long way until it is mended. What its assets were made of is remembered all the same.
pub fn remember(changes: &mut Changes, index: &Index, built: &Built<'_>, all: &[Diagnostic]) {
    const DEPENDENT: [Code; 3] = [Code::ABSENT_REFERENCE, Code::PROCESSOR_PANIC, Code::EMPTY_PACK];
    // Names that clash are not always told of: not while all who have them are broken. The short way makes none.
    let derived_all = matches!(built.rest, Rest::Nothing(_));
    let names_clash = derived_all && !names(&built.state.db).are_clear();
    let stands = !names_clash && !all.iter().any(|it| DEPENDENT.contains(&it.code));
    let (stored, frames) = stored_frames(index, built.target);
    let Some((mut frame, memos)) = frame_of(built, index, frames.first()) else { return };
    frame.stands = stands;
    for (number, memo) in memos {
        let outline = &frame.buckets[number];
        // Who went the long way may have done so because one was lost.
        if derived_all || !frames.iter().any(|it| it.stands && it.has(outline)) {
            let rows = rows(frame.pack_names()).zip(memo.rows).filter(|it| stands || it.0 == Row::Makings);
            changes.memos_put.extend(rows.map(|(row, bytes)| (memo_key(built.target, outline, row), bytes)));
        }
        changes.memos_put.push((memo_key(built.target, outline, Row::Past), memo.past));
    }
    let (kept, dropped) = with(frame, frames);
    let referred: BTreeSet<Vec<u8>> = keys(&kept, built.target).collect();
    changes.memos_removed.extend(keys(&dropped, built.target).filter(|it| !referred.contains(it)));
    // Should another build have replaced them meanwhile, nobody would refer to its memos any more.
    changes.memos_basis = stored.map(|it| (frames_key(built.target), it));
    changes.memos_put.push((frames_key(built.target), encoding::encode(&kept)));
}

/// Puts a frame before the others, in place of those that it is near to; returns which are kept, and which are not. One
/// that memos do not stand for takes no other's place, and goes with the next build.
fn with(frame: Frame, frames: Vec<Frame>) -> (Vec<Frame>, Vec<Frame>) {
    let (stands, most) = (frame.stands, if frame.stands { FRAMES } else { FRAMES + 1 });
    let mut kept = vec![frame];
    let mut dropped = Vec::new();
    for old in frames {
        let goes = !old.stands || kept.len() == most || stands && is_near(&old, &kept[0]);
        if goes { dropped.push(old) } else { kept.push(old) }
    }
    (kept, dropped)
}

/// Returns whether nobody would go back to `old` from `new`: they are a few edits apart.
fn is_near(old: &Frame, new: &Frame) -> bool {
    let ends = |it: &Frame| it.buckets.iter().map(|it| (it.end.clone(), it.contents)).collect::<BTreeSet<_>>();
    let (old_ends, new_ends) = (ends(old), ends(new));
    let apart = old_ends.difference(&new_ends).count().max(new_ends.difference(&old_ends).count());
    old.settled == new.settled && Drift::is_little(apart, new.buckets.len())
}

fn keys(frames: &[Frame], target: &str) -> impl Iterator<Item = Vec<u8>> {
    let outlines = frames.iter().flat_map(|frame| frame.buckets.iter().map(move |it| (frame, it)));
    outlines.flat_map(move |(frame, it)| {
        let rows = rows(frame.pack_names()).chain([Row::Past]);
        rows.map(move |row| memo_key(target, it, row))
    })
}

/// Returns what a build came to, and the memos that are new, by bucket. `None` when a memo is lost.
fn frame_of(built: &Built<'_>, index: &Index, last: Option<&Frame>) -> Option<(Frame, Vec<(usize, Memo)>)> {
    let buckets = built.tree.buckets();
    let touched: Vec<(usize, Slot)> = built.touched.iter().copied().zip(built.slots.iter().copied()).collect();
    let (tree, profile, reached) = (built.tree, &*built.setup.profile, built.reached);
    let holds = |it: &Outline| {
        let at = buckets.binary_search_by(|bucket| order(&bucket.end).cmp(&order(&it.end)));
        at.is_ok_and(|at| buckets[at].digest() == it.contents)
    };
    let history = History::new(index, built.target, last, holds);
    let about = About { tree, profile, reached, packs: &built.setup.config.packs, history: &history };
    let make = |db: &Database, (number, slot)| memo_of(db, &about, number, slot);
    let memos = built.state.ask_each(built.ws, "memos", &touched, make);
    let memos: Vec<(usize, Memo)> = built.touched.iter().copied().zip(memos).collect();
    let mut ids: BTreeMap<usize, MemoId> = memos.iter().map(|it| (it.0, it.1.id)).collect();
    let general = match built.rest {
        Rest::Nothing(general) => general,
        Rest::Memos(before) => {
            let from = before.drift.from.iter().enumerate();
            let standing = from.filter_map(|(new, old)| Some((new, before.frame.buckets[(*old)?].memo)));
            for (new, memo) in standing {
                ids.entry(new).or_insert(memo);
            }
            &before.frame.general
        }
    };
    let outline = |(number, it): (usize, &Arc<Bucket>)| {
        Some(Outline { end: it.end.clone(), contents: it.digest(), memo: *ids.get(&number)? })
    };
    let outlines = buckets.iter().enumerate().map(outline).collect::<Option<Vec<_>>>()?;
    let pack_names = built.setup.config.packs.all().iter().map(|it| it.name.clone());
    let mut frame = Frame {
        build: history.build,
        stands: true,
        settled: built.settled,
        registry: built.registry,
        ledger: built.ledger.clone(),
        packs: pack_names.zip(built.content_digests.iter().copied()).collect(),
        general: general.iter().filter(|it| it.code != Code::PLACE_MISSING).cloned().collect(),
        problems: BTreeMap::new(),
        looks_into: BTreeMap::new(),
        dependent: BTreeSet::new(),
        paths: paths_of(&built.setup.config, built.tree),
        buckets: outlines,
    };
    for (number, memo) in &memos {
        let into = concerned(&memo.ties, &frame.buckets, *number);
        frame.note(*number, into, &memo.problems, memo.is_dependent);
    }
    if let Rest::Memos(before) = built.rest {
        take_over(&mut frame, before, &touched.iter().map(|it| it.0).collect())?;
    }
    Some((frame, memos))
}

impl Frame {
    fn pack_names(&self) -> impl Iterator<Item = &str> {
        self.packs.keys().map(String::as_str)
    }

    fn note(&mut self, number: usize, into: BTreeSet<u32>, problems: &[Diagnostic], is_dependent: bool) {
        let number = number as u32;
        if !into.is_empty() {
            self.looks_into.insert(number, into);
        }
        if !problems.is_empty() {
            self.problems.insert(number, problems.to_vec());
        }
        if is_dependent {
            self.dependent.insert(number);
        }
    }
}

/// Takes over what a frame says of the buckets that stand, under the numbers that they have now.
fn take_over(frame: &mut Frame, before: &Memos, touched: &BTreeSet<usize>) -> Option<()> {
    let mut now: Vec<Option<u32>> = vec![None; before.frame.buckets.len() + 1];
    for (new, old) in before.drift.from.iter().enumerate().filter_map(|(new, old)| Some((new, (*old)?))) {
        now[old] = Some(new as u32);
    }
    for (new, old) in before.standing(touched) {
        let was = old as u32;
        let into = match before.frame.looks_into.get(&was) {
            None => BTreeSet::new(),
            // Where one of them is another bucket now, or several are, the questions tell which.
            Some(then) => match then.iter().map(|it| now[*it as usize]).collect::<Option<_>>() {
                Some(into) => into,
                None => concerned(before.ties(old)?, &frame.buckets, new),
            },
        };
        let problems = before.frame.problems.get(&was).map_or(&[][..], |it| it);
        frame.note(new, into, problems, before.frame.dependent.contains(&was));
    }
    Some(())
}

/// What all memos of a build are made by.
struct About<'a> {
    tree: &'a Tree,
    profile: &'a Profile,
    reached: &'a [Vec<AssetId>],
    packs: &'a Packs,
    history: &'a History<'a>,
}

fn memo_of(db: &Database, about: &About<'_>, number: usize, slot: Slot) -> Memo {
    let About { tree, profile, reached, packs, history } = *about;
    let bucket = slot.bucket(db);
    let (exports, layout) = (exports(db, bucket), layout(db, slot));
    let ties = Ties { reached: reached_of(layout, reached), ..ties_of(db, tree, number, slot) };
    let makings = makings_row(db, slot);
    let past = history.past_row(&tree.buckets()[number].end, &makings);
    let mut rows =
        vec![encoding::encode(&ties), encoding::encode(&marks_of(db, tree, slot)), encoding::encode(exports), makings];
    for (pack, reached) in reached.iter().enumerate() {
        rows.push(encoding::encode(&layout.in_pack(pack, reached).collect::<Vec<_>>()));
    }
    let mut hasher = blake3::Hasher::new();
    // The same contents under the names of other packs are other rows.
    let names = packs.all().iter().map(|it| it.name.as_bytes());
    for part in names.chain(rows.iter().map(|it| &it[..])) {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    let problems = problems_of(db, slot, profile);
    let id = *hasher.finalize().as_bytes().first_chunk().expect("a BLAKE3 digest has 32 bytes");
    Memo { id, rows, past, ties, problems, is_dependent: has_dependencies(db, bucket) }
}

fn reached_of(layout: &Layout, reached: &[Vec<AssetId>]) -> Vec<Vec<(AssetId, Vec<AssetId>)>> {
    if reached.iter().all(Vec::is_empty) {
        return Vec::new();
    }
    let all: BTreeMap<AssetId, &Vec<AssetId>> = layout.all().map(|it| (it.id, &it.references)).collect();
    let of_pack = |reached: &Vec<AssetId>| {
        let here = all.iter().filter(|it| reached.binary_search(it.0).is_ok());
        here.map(|(id, references)| (*id, (*references).clone())).collect()
    };
    reached.iter().map(of_pack).collect()
}

fn ties_of(db: &Database, tree: &Tree, number: usize, slot: Slot) -> Ties {
    let bucket = slot.bucket(db);
    let is_own = |path: &RelPath| tree.bucket_of(&order_key(path.as_str())) == Some(number);
    let (mut found, mut searched, mut asked) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let assets = &validated(db, bucket).assets;
    for asset in assets {
        match &asset.intent.inputs {
            Inputs::Owner => {}
            Inputs::Companions(companions) => found.extend(companions.iter().cloned()),
            Inputs::Group(group) => found.extend(group.members.iter().chain(&group.companions).cloned()),
            Inputs::Directory => drop(searched.insert(asset.intent.place.clone())),
            Inputs::Listed(patterns) => {
                for pattern in patterns {
                    match pattern {
                        InputPattern::Path(path) => drop(found.insert(path.clone())),
                        InputPattern::Glob(glob) => drop(searched.insert(glob.base.clone())),
                    }
                }
            }
        }
    }
    for (it, made) in recipes(db, slot).list.iter().zip(slot.made(db).iter()) {
        let base = &it.recipe.base;
        for observation in &made.observations {
            match observation {
                Observation::Find { path, .. } => found.extend(base.join(path)),
                Observation::Glob { pattern, .. } => searched.extend(Glob::new(base, pattern).map(|it| it.start)),
                Observation::AssetAt { path, .. } => asked.extend(base.join(path)),
            }
        }
    }
    let members = bucket.members(db);
    let identities = Globals::get(db).identities(db);
    let declared = declared(db, bucket);
    let declares = |place: &RelPath| {
        let mut all = declared.assets.iter().chain(&declared.broken);
        all.any(|it| it.intent.place == *place && it.intent.part.is_empty())
    };
    let unread: BTreeSet<&RelPath> = unread(declared).filter(|it| !declares(it)).collect();
    let reaches_out = |it: &RelPath| {
        let below = tree.buckets_below(it);
        below != (number..number + 1) || below.end == tree.buckets().len()
    };
    let is_declared_here = |it: &RelPath| is_own(it) && is_own(&it.child(ASSET_JSON));
    Ties {
        found: found.into_iter().filter(|it| !is_own(it)).map(|it| (it.clone(), found_at(tree, &it))).collect(),
        searched: searched.into_iter().filter(reaches_out).collect(),
        asked: asked.into_iter().filter(|it| !is_declared_here(it)).collect(),
        asset_dirs: asset_dirs_of(members),
        lone_sidecars: lone_sidecars_of(members),
        unread: unread.into_iter().filter_map(|it| Some((it.clone(), identities.at(it, "")?))).collect(),
        reached: Vec::new(),
    }
}

fn marks_of(db: &Database, tree: &Tree, slot: Slot) -> Marks {
    let bucket = slot.bucket(db);
    let exports = exports(db, bucket);
    let declared = declared(db, bucket);
    let bytes = |it: u64| it.to_le_bytes();
    let of_many = declared.assets.iter().chain(&declared.broken).enumerate();
    let of_many = of_many.filter(|it| !it.1.intent.inputs.is_file());
    Marks {
        names: exports.iter().flat_map(|it| bytes(mark(&it.name))).collect(),
        places: with_directories(exports.iter().map(|it| it.place.as_str()))
            .flat_map(|it| path_marks(it.0))
            .flat_map(bytes)
            .collect(),
        contents: of_many.map(|(idx, it)| (idx as u32, digests(it, tree, asset_dirs(db)).content)).collect(),
    }
}
