//! Memos: what a bucket contributed to a pack, so that a process that starts cold need not derive it anew.
//!
//! A bucket's contribution is a pure function of its sources' digests, the configuration, the processors' versions, the
//! identities of its assets, and of what these looked at in other buckets: sources found or absent, directories
//! searched, assets referred to, names. All of that is in the memo or in what it is compared with. A *frame* says which
//! memos a build came to; some frames are kept, so that a workspace that goes back to where it was finds them again.
//!
//! - `drift`: which buckets are not what they were in a frame, and which look into those
//! - `short`: deriving these and no others
//! - `draft`: what each pack comes to then
//! - `settle`: what would have to be registered, without a look at most of the registry
//! - `keep`: what a build leaves for the next one
//! - `made`: what assets were made of, for `explain`
//!
//! Whatever is not provably what the long way finds takes the long way, which needs no memo. Memos are part of this
//! tree's index: like everything in the cache they can be lost, and then nothing but time is.

mod draft;
mod drift;
mod keep;
mod made;
mod settle;
mod short;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use bincode::{Decode, Encode};

use crate::cache::{Index, encoding};
use crate::model::registry::{Lines, Proposal, Registry, place_missing};
use crate::model::{AssetId, AssetUuid, Diagnostic, Digest, KeyHasher, RelPath};
use crate::pack::plan::PlanEntry;
use crate::query::End;
use crate::query::names::{Export, confused};
use crate::workspace::bucket::Tree;
use crate::workspace::config::Config;
use crate::workspace::lookup::Lookup;

pub use draft::Draft;
pub use keep::{Built, Rest, remember};
pub use made::{MadeOf, recorded};
pub use settle::Registration;
pub use short::{Difference, Short};

use drift::{Drift, order};

/// How many frames are kept, each of them far from the others.
const FRAMES: usize = 3;

/// What a build of one profile came to.
#[derive(Clone, Encode, Decode)]
struct Frame {
    /// Which build of this target it was, from one; those with nothing to do do not count.
    build: u64,
    /// Whether memos stand for it: otherwise only what its assets were made of is known.
    stands: bool,
    /// Digest of everything but sources and identities.
    settled: Digest,
    /// Digest of the registry's files.
    registry: Digest,
    /// What is to be known of the registry.
    ledger: Ledger,
    /// Each pack, by name, and the content digest that it came to; `None` where it was not built.
    packs: BTreeMap<String, Option<Digest>>,
    /// What was said of no asset in particular; nothing of missing places.
    general: Vec<Diagnostic>,
    /// What was said of the assets of buckets, by number.
    problems: BTreeMap<u32, Vec<Diagnostic>>,
    /// Numbers of buckets whose assets look into others, and the numbers of those. What lies behind the last bucket
    /// counts as one more.
    looks_into: BTreeMap<u32, BTreeSet<u32>>,
    /// Numbers of buckets that have assets with declared dependencies.
    dependent: BTreeSet<u32>,
    /// Digest of all paths, where these decide across buckets what rules make.
    paths: Option<Digest>,
    /// Each bucket, in order.
    buckets: Vec<Outline>,
}

impl Frame {
    /// Returns the number of the bucket with the same end.
    fn position(&self, outline: &Outline) -> Option<usize> {
        self.buckets.binary_search_by(|it| order(&it.end).cmp(&order(&outline.end))).ok()
    }

    fn has(&self, outline: &Outline) -> bool {
        self.position(outline).is_some_and(|it| self.buckets[it] == *outline)
    }
}

#[derive(Clone, PartialEq, Eq, Encode, Decode)]
struct Outline {
    end: End,
    /// Digest of its paths and contents.
    contents: Digest,
    /// Which of the memos with this end is its.
    memo: MemoId,
}

/// Digest of a memo, cut short.
type MemoId = [u8; 16];

/// What a build has to know of the registry's lines beyond those of the assets that it derives.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Ledger {
    /// The greatest number that was ever given.
    highest: u32,
    /// Whether a commit would write nothing but what it is for.
    is_tidy: bool,
    /// Live lines without a declared place, by place and part.
    missing: Vec<Lost>,
    /// Whether excluded places have no line: what becomes of missing ones has to do with what all of these hold.
    has_outsiders: bool,
}

/// A live line without a declared place.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
struct Lost {
    place: RelPath,
    part: String,
    uuid: AssetUuid,
    id: AssetId,
}

impl Ledger {
    /// Returns what is to be known of a registry once what was proposed is committed. `is_quiet` says whether nothing
    /// was to be said of it.
    pub fn of(proposal: &Proposal, is_quiet: bool) -> Self {
        let registry: &Registry = &proposal.registry;
        let lost = proposal.missing.iter().map(|it| Lost {
            place: it.place.clone(),
            part: it.part.to_string(),
            uuid: it.uuid,
            id: it.id,
        });
        let (highest, is_tidy) = (registry.highest(), is_quiet && registry.is_tidy());
        Self { highest, is_tidy, missing: lost.collect(), has_outsiders: proposal.has_outsiders }
    }

    fn warnings(&self) -> impl Iterator<Item = Diagnostic> {
        self.missing.iter().map(|it| place_missing(&it.place, &it.part, it.id))
    }
}

/// What the assets of a bucket have to do with others. This and the next two are the rows of a memo.
#[derive(PartialEq, Eq, Debug, Default, Encode, Decode)]
struct Ties {
    /// Paths in other buckets at which something was looked for, with the kind and digest of what was there.
    found: Vec<(RelPath, Option<(u8, Digest)>)>,
    /// Directories that were searched and reach into other buckets.
    searched: Vec<RelPath>,
    /// Places in other buckets whose assets were asked for.
    asked: Vec<RelPath>,
    /// Directories with an `asset.json` in this bucket.
    asset_dirs: Vec<RelPath>,
    /// What sidecars without a file beside them speak for.
    lone_sidecars: Vec<RelPath>,
    /// Registered places whose declaration cannot be read.
    unread: Vec<(RelPath, (AssetUuid, AssetId))>,
    /// Of each pack that goes by what is reachable, by number: which of the bucket's assets it reaches, by id, and what
    /// these refer to. Nothing where no pack does.
    reached: Vec<Vec<(AssetId, Vec<AssetId>)>>,
}

/// By what the assets of a bucket could be taken for others.
#[derive(PartialEq, Eq, Debug, Default, Encode, Decode)]
struct Marks {
    /// Hashes of their names, eight bytes each.
    names: Vec<u8>,
    /// Of each place, and of each directory on the way to one, what it could be confused with and what it is: two hashes.
    places: Vec<u8>,
    /// The contents of those that are more than one file, by their numbers among the exports.
    contents: Vec<(u32, Digest)>,
}

/// Returns a hash for [`Marks`]: the same in every process.
fn mark(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325, step);
    hash ^ (hash >> 29)
}

/// Returns by what a path could be confused with another, and by what it is told from it.
fn path_marks(path: &str) -> [u64; 2] {
    [mark(&confused(path)), mark(path)]
}

/// A row of a memo.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Row<'a> {
    Ties,
    Marks,
    Exports,
    Makings,
    /// The entries of the pack with this name.
    Entries(&'a str),
    /// Beside the memo, and no part of what it is known by.
    Past,
}

/// Returns all rows of a memo, in their order.
fn rows<'a>(packs: impl Iterator<Item = &'a str>) -> impl Iterator<Item = Row<'a>> {
    [Row::Ties, Row::Marks, Row::Exports, Row::Makings].into_iter().chain(packs.map(Row::Entries))
}

/// Returns the index's name for the frames of a target; the names of its memos begin with it.
fn frames_key(target: &str) -> Vec<u8> {
    format!("{target}\0").into_bytes()
}

fn memo_key(target: &str, outline: &Outline, row: Row<'_>) -> Vec<u8> {
    let mut key = frames_key(target);
    key.extend(outline.end.as_deref().unwrap_or(&[0xff]));
    key.push(0xff); // No order key holds this byte.
    key.extend(outline.memo);
    match row {
        Row::Ties => key.push(b't'),
        Row::Marks => key.push(b'm'),
        Row::Exports => key.push(b'e'),
        Row::Makings => key.push(b'i'),
        Row::Past => key.push(b'h'),
        Row::Entries(pack) => {
            key.push(b'p');
            key.extend(pack.as_bytes());
        }
    }
    key
}

fn stored_frames(index: &Index, target: &str) -> (Option<Vec<u8>>, Vec<Frame>) {
    let row = index.memo(&frames_key(target)).map(|it| it.to_vec());
    let frames = row.as_deref().and_then(encoding::decode).unwrap_or_default();
    (row, frames)
}

type Entries = Vec<Arc<PlanEntry>>;

/// The memos of one frame, seen from a tree.
pub struct Memos {
    frame: Frame,
    /// All frames, newest first.
    all: Vec<Frame>,
    drift: Drift,
    tree: Tree,
    target: String,
    /// Names of the packs, by number.
    packs: Vec<String>,
    index: Arc<Index>,
    /// Those of each bucket of the frame, once somebody asked; `None` where they are lost.
    ties: Vec<OnceLock<Option<Ties>>>,
    exports: Vec<OnceLock<Option<Vec<Export>>>>,
    /// By the number of the pack.
    entries: Vec<Vec<OnceLock<Option<Entries>>>>,
    /// Set once somebody wanted to know all assets, and a memo that names some of them was lost.
    lacks_assets: AtomicBool,
}

/// What memos must have been made under to hold.
#[derive(Clone, Copy)]
pub struct Under<'a> {
    /// The profile.
    pub target: &'a str,
    /// Digest of everything but sources and identities.
    pub settled: Digest,
    /// Digest of the registry's files.
    pub registry: Digest,
    /// The author's configuration.
    pub config: &'a Config,
}

/// Returns the memos that are nearest to this very tree among those that were made under the same. Where rules make
/// something of several files at once, only those count that were made of the very same paths.
pub fn recall(index: &Arc<Index>, under: Under<'_>, tree: &Tree) -> Option<Memos> {
    let Under { target, settled, registry, config } = under;
    let (_, mut all) = stored_frames(index, target);
    all.retain(|it| it.stands);
    let paths = paths_of(config, tree);
    let fits = all.iter().filter(|it| it.settled == settled && it.registry == registry && it.paths == paths);
    let drifts = fits.map(|it| (Drift::between(&it.buckets, tree.buckets()), it));
    let (drift, frame) = drifts.min_by_key(|it| it.0.moved().count())?;
    let frame = frame.clone();
    let n = frame.buckets.len();
    let packs: Vec<String> = config.packs.all().iter().map(|it| it.name.clone()).collect();
    let (ties, exports, entries) = (slots(n), slots(n), packs.iter().map(|_| slots(n)).collect());
    let (target, index, tree) = (target.to_owned(), index.clone(), tree.clone());
    let lacks_assets = AtomicBool::new(false);
    Some(Memos { frame, all, drift, tree, target, packs, index, ties, exports, entries, lacks_assets })
}

/// Returns a digest of all paths, where these decide across buckets what rules make.
fn paths_of(config: &Config, tree: &Tree) -> Option<Digest> {
    config.rules.gather().then(|| {
        let mut hasher = KeyHasher::new("packwright paths v1");
        tree.buckets().iter().for_each(|it| {
            hasher.bytes(1, &it.summary().members_digest.0);
        });
        hasher.finish()
    })
}

fn slots<T>(n: usize) -> Vec<OnceLock<T>> {
    (0..n).map(|_| OnceLock::new()).collect()
}

impl Memos {
    fn fetch<T: Decode<()>>(&self, outline: &Outline, row: Row<'_>) -> Option<T> {
        encoding::decode(&self.index.memo(&memo_key(&self.target, outline, row))?)
    }

    /// Returns the ties of a bucket of the frame.
    fn ties(&self, old: usize) -> Option<&Ties> {
        self.ties[old].get_or_init(|| self.fetch(&self.frame.buckets[old], Row::Ties)).as_ref()
    }

    /// Returns the exports of a bucket of the frame.
    fn exports(&self, old: usize) -> Option<&[Export]> {
        self.exports[old].get_or_init(|| self.fetch(&self.frame.buckets[old], Row::Exports)).as_deref()
    }

    /// Returns the marks of a bucket of the frame.
    fn marks(&self, old: usize) -> Option<Marks> {
        self.fetch(&self.frame.buckets[old], Row::Marks)
    }

    /// Returns what a bucket of the frame has in the pack of this number.
    fn entries(&self, pack: usize, old: usize) -> Option<&Entries> {
        let row = Row::Entries(&self.packs[pack]);
        self.entries[pack][old].get_or_init(|| self.fetch(&self.frame.buckets[old], row)).as_ref()
    }

    /// Returns what a bucket of any frame that knows the pack of this number has in it.
    fn entries_of(&self, pack: usize, outline: &Outline) -> Option<Entries> {
        match self.frame.position(outline) {
            Some(old) if self.frame.buckets[old] == *outline => self.entries(pack, old).cloned(),
            _ => self.fetch(outline, Row::Entries(&self.packs[pack])),
        }
    }

    /// Returns the numbers in the frame of the buckets that are not derived.
    fn standing(&self, touched: &BTreeSet<usize>) -> impl Iterator<Item = (usize, usize)> {
        let kept = self.drift.from.iter().enumerate().filter(|it| !touched.contains(&it.0));
        kept.filter_map(|(new, old)| Some((new, (*old)?)))
    }

    /// Returns what all assets are that are not derived; takes note where some are lost.
    fn exports_elsewhere(&self, touched: &BTreeSet<usize>) -> Vec<Export> {
        let exports = self.standing(touched).map(|it| self.exports(it.1)).collect::<Option<Vec<_>>>();
        exports.map_or_else(
            || {
                self.lacks_assets.store(true, Ordering::Relaxed);
                Vec::new()
            },
            |it| it.concat(),
        )
    }
}

/// Returns kind and digest of what is at a path.
fn found_at(tree: &Tree, path: &RelPath) -> Option<(u8, Digest)> {
    Lookup::find(tree, path).map(|(kind, content)| (kind as u8, content.digest))
}
