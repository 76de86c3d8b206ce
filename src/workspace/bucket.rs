//! Buckets: runs of a few hundred sources that follow one another in path order.
//!
//! A tree of sources is a sorted list of entries cut into buckets. Where it is cut is decided by the paths
//! alone (a file whose path's digest begins with a zero byte ends its bucket, sidecar included), never by
//! count, so that adding or removing a file moves no other boundary. A bucket is also a row of the index: its
//! columns lie packed, as they are used, and no object is built per file.
//!
//! Pure: knows nothing of disks or databases.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use crate::model::path::{compare_order, order_key, sidecar_owner};
use crate::model::{Digest, KeyHasher, Looks, RelPath};
use crate::system::{Bytes, Stamp};
use crate::threads::{parallel, spread};

use super::row::Row;
pub use super::row::{get_stamp, stamp_bytes};

/// What an entry of the tree is to the workspace.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Kind {
    /// A directory. Its stamp vouches for its listing.
    Dir = 0,
    /// A regular file.
    File = 1,
    /// A link to a regular file inside the workspace; its digest is that of the file.
    FileLink = 2,
    /// A link to a directory inside the workspace; what lies below is listed under the link's path.
    DirLink = 3,
    /// A link whose target does not exist.
    Dangling = 4,
    /// A link that leads out of the workspace, or to something packwright does not track.
    Escaping = 5,
    /// A link that leads back to a directory it lies in, or into itself.
    Looping = 6,
    /// A FIFO, socket or device.
    Other = 7,
    /// A name that is not UTF-8; the path is an escaped form of it.
    BadName = 8,
}

impl Kind {
    const ALL: [Kind; 9] = [
        Kind::Dir,
        Kind::File,
        Kind::FileLink,
        Kind::DirLink,
        Kind::Dangling,
        Kind::Escaping,
        Kind::Looping,
        Kind::Other,
        Kind::BadName,
    ];

    /// Returns the kind with this number.
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.get(byte as usize).copied()
    }

    /// Returns whether the entry has contents that can be read.
    pub fn is_readable(self) -> bool {
        matches!(self, Kind::File | Kind::FileLink)
    }

    /// Returns whether the entry is a link, of whatever fate.
    pub fn is_link(self) -> bool {
        matches!(self, Kind::FileLink | Kind::DirLink | Kind::Dangling | Kind::Escaping | Kind::Looping)
    }

    /// Returns whether the entry holds others.
    pub fn is_dir(self) -> bool {
        matches!(self, Kind::Dir | Kind::DirLink)
    }
}

/// One entry, written out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Where it is.
    pub path: RelPath,
    /// What it is.
    pub kind: Kind,
    /// Whether the stamp might not have moved although the contents did: it is to be read again.
    pub racy: bool,
    /// The fingerprint; of a link that is followed, that of its target.
    pub stamp: Stamp,
    /// Digest of the contents; zero for what has none.
    pub digest: Digest,
    /// What they begin like.
    pub looks: Looks,
    /// The text of a link, and the fingerprint of the link itself.
    pub link: Option<Arc<LinkText>>,
}

/// What a link says.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LinkText {
    /// Its text, lossily if it is not UTF-8.
    pub text: String,
    /// The fingerprint of the link itself.
    pub stamp: Stamp,
}

/// The digest of what has no contents.
pub const NO_CONTENT: Digest = Digest([0; 32]);

/// The paths, kinds and link texts of a bucket: what does not move when contents do.
#[derive(Debug)]
pub struct Members {
    /// The directory that all paths lie in; they are stored relative to it.
    base: RelPath,
    names: Arc<str>,
    ends: Vec<u32>,
    kinds: Vec<Kind>,
    links: Vec<(u32, Arc<LinkText>)>,
    digest: Digest,
}

impl PartialEq for Members {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl Eq for Members {}

impl Members {
    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Returns whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// Returns the directory that all paths lie in.
    pub fn base(&self) -> &RelPath {
        &self.base
    }

    /// Returns the path of entry `idx` relative to [`Members::base`]; empty for the workspace itself.
    pub fn name(&self, idx: usize) -> &str {
        let start = if idx == 0 { 0 } else { self.ends[idx - 1] as usize };
        &self.names[start..self.ends[idx] as usize]
    }

    /// Returns what entry `idx` is.
    pub fn kind(&self, idx: usize) -> Kind {
        self.kinds[idx]
    }

    /// Returns the path of entry `idx` as text, written into `buf`.
    pub fn path_in<'a>(&self, idx: usize, buf: &'a mut String) -> &'a str {
        join(&self.base, self.name(idx), buf)
    }

    /// Returns the path of entry `idx`.
    pub fn path(&self, idx: usize) -> RelPath {
        RelPath::new(self.path_in(idx, &mut String::new())).expect("members hold normal paths only")
    }

    /// Returns the number of the entry at `path`.
    pub fn find(&self, path: &str) -> Option<usize> {
        let name = self.relative(path)?;
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let mid = (low + high) / 2;
            match compare_order(self.name(mid), name) {
                std::cmp::Ordering::Less => low = mid + 1,
                std::cmp::Ordering::Greater => high = mid,
                std::cmp::Ordering::Equal => return Some(mid),
            }
        }
        None
    }

    /// As [`Members::find`], among the next few entries from `start` on: for whoever asks in their order.
    pub fn find_from(&self, start: usize, path: &str) -> Option<usize> {
        const NEXT: usize = 4;
        let name = self.relative(path)?;
        (start..self.len()).take(NEXT).find(|it| self.name(*it) == name)
    }

    fn relative<'a>(&self, path: &'a str) -> Option<&'a str> {
        if self.base.is_root() { Some(path) } else { self.base.strip(path) }
    }

    /// Returns the link text of entry `idx`.
    pub fn link(&self, idx: usize) -> Option<&Arc<LinkText>> {
        let at = self.links.binary_search_by_key(&(idx as u32), |it| it.0).ok()?;
        Some(&self.links[at].1)
    }

    /// Returns the digest of all paths, kinds and link texts.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns all names, one after the other.
    pub(super) fn all_names(&self) -> &str {
        &self.names
    }

    /// Returns where each name ends among all names.
    pub(super) fn ends(&self) -> &[u32] {
        &self.ends
    }

    pub(super) fn assemble(
        base: RelPath,
        names: Arc<str>,
        ends: Vec<u32>,
        kinds: Vec<Kind>,
        links: Vec<(u32, Arc<LinkText>)>,
        digest: Digest,
    ) -> Self {
        Self { base, names, ends, kinds, links, digest }
    }
}

fn join<'a>(base: &RelPath, name: &str, buf: &'a mut String) -> &'a str {
    buf.clear();
    buf.reserve(base.as_str().len() + 1 + name.len());
    buf.push_str(base.as_str());
    if !buf.is_empty() && !name.is_empty() {
        buf.push('/');
    }
    buf.push_str(name);
    buf
}

/// What is known of an entry's contents.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Content {
    /// Digest of the bytes.
    pub digest: Digest,
    /// Their number.
    pub size: u64,
    /// What they begin like.
    pub looks: Looks,
}

/// Where the rows of buckets lie until somebody asks for them.
pub trait Rows: Send + Sync {
    /// Returns the row of the bucket with this number; `None` where it is lost.
    fn row(&self, nth: usize) -> Option<Bytes>;
    /// Takes note that a row does not make sense.
    fn lose(&self);
    /// Returns whether any row was lost.
    fn is_lost(&self) -> bool;
}

/// A run of entries with their fingerprints and digests.
///
/// It is its own row of the index: fingerprints and digests are used where they lie. The row is fetched once somebody
/// asks, and what queries want of it is taken out of it then. A bucket whose row is lost is empty from then on: whoever
/// goes by what buckets hold asks first whether [the tree is whole](Tree::is_whole), or loads all of it.
pub struct Bucket {
    /// Where the bucket ends: every entry's order key is at most this. `None` for the last one.
    pub end: Option<Vec<u8>>,
    summary: Summary,
    /// Where the row is, for a bucket that came from there.
    home: Option<(Arc<dyn Rows>, usize)>,
    row: OnceLock<Row>,
    members: OnceLock<Arc<Members>>,
    contents: OnceLock<Arc<Vec<Content>>>,
}

/// What is known of a bucket without its row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Summary {
    /// Digest of all paths, kinds, link texts and content digests, directories included: the bucket's leaf in
    /// `source_root`.
    pub digest: Digest,
    /// Digest of all paths, kinds and link texts.
    pub members_digest: Digest,
    /// Number of entries that are no directories.
    pub sources: u32,
}

impl Summary {
    /// Returns the summary as bytes.
    pub fn to_bytes(self) -> Vec<u8> {
        [&self.digest.0[..], &self.members_digest.0, &self.sources.to_le_bytes()].concat()
    }

    /// Returns the summary that [`Summary::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (digest, rest) = bytes.split_first_chunk()?;
        let (members_digest, rest) = rest.split_first_chunk()?;
        let sources = u32::from_le_bytes(rest.try_into().ok()?);
        Some(Self { digest: Digest(*digest), members_digest: Digest(*members_digest), sources })
    }
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bucket").field("end", &self.end).field("summary", &self.summary).finish_non_exhaustive()
    }
}

impl Bucket {
    /// Packs sorted entries.
    pub fn pack(entries: &[Entry], end: Option<Vec<u8>>) -> Self {
        let base = common_parent(entries);
        let mut names = String::new();
        let mut ends = Vec::with_capacity(entries.len());
        let mut links = Vec::new();
        for (idx, entry) in entries.iter().enumerate() {
            names.push_str(if entry.path.is_root() {
                ""
            } else {
                base.strip(entry.path.as_str()).expect("base is above")
            });
            ends.push(names.len() as u32);
            if let Some(link) = &entry.link {
                links.push((idx as u32, link.clone()));
            }
        }
        let kinds = entries.iter().map(|it| it.kind).collect();
        let mut members = Members { base, names: names.into(), ends, kinds, links, digest: NO_CONTENT };
        members.digest = members_digest(&members);
        let content =
            |it: &Entry| Content { digest: it.digest, size: content_size(it.kind, &it.stamp), looks: it.looks };
        let contents: Vec<Content> = entries.iter().map(content).collect();
        let summary = Summary {
            digest: content_digest(&members, &contents),
            members_digest: members.digest,
            sources: entries.iter().filter(|it| !it.kind.is_dir()).count() as u32,
        };
        let row = Row::write(end.as_deref(), &members, summary.digest, entries);
        let (members, contents) = (Arc::new(members).into(), Arc::new(contents).into());
        Self { end, summary, home: None, row: row.into(), members, contents }
    }

    /// Returns the bucket whose row lies in `rows` under this number.
    pub fn stored(end: Option<Vec<u8>>, summary: Summary, rows: Arc<dyn Rows>, nth: usize) -> Self {
        let (row, members, contents) = Default::default();
        Self { end, summary, home: Some((rows, nth)), row, members, contents }
    }

    /// Returns a bucket like this one that holds its row only as long as it lives itself.
    pub fn aside(&self) -> Option<Self> {
        let (rows, nth) = self.home.as_ref().filter(|_| self.row.get().is_none())?;
        Some(Self::stored(self.end.clone(), self.summary, rows.clone(), *nth))
    }

    /// Takes over the row of one that was set aside.
    pub fn keep(&self, aside: Self) {
        if let Some(row) = aside.row.into_inner() {
            let _ = self.row.set(row); // Somebody else may have been faster, with the same.
        }
    }

    fn row(&self) -> &Row {
        self.row.get_or_init(|| {
            let (rows, nth) = self.home.as_ref().expect("a bucket without a home has its row");
            self.fetch(&**rows, *nth).unwrap_or_else(|| {
                rows.lose();
                Row::empty()
            })
        })
    }

    /// The row's digests are taken at its word: it lies under a checksum, together with the stamps that vouch for them.
    fn fetch(&self, rows: &dyn Rows, nth: usize) -> Option<Row> {
        let (row, end) = Row::read(rows.row(nth)?)?;
        let same = row.digest == self.summary.digest && row.members_digest == self.summary.members_digest;
        (same && end == self.end).then_some(row)
    }

    /// Returns whether this bucket's row was there when it was asked for, now if need be.
    fn load(&self) -> bool {
        self.row();
        self.home.as_ref().is_none_or(|(rows, _)| !rows.is_lost())
    }

    /// Returns the bucket as a row of the index.
    pub fn as_row(&self) -> &[u8] {
        self.row().bytes()
    }

    /// Returns what is known of the bucket without its row.
    pub fn summary(&self) -> Summary {
        self.summary
    }

    /// Returns the number of entries.
    pub fn len(&self) -> usize {
        self.row().n
    }

    /// Returns whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of entries that are no directories.
    pub fn sources(&self) -> usize {
        self.summary.sources as usize
    }

    /// Returns the directory that all paths lie in.
    pub fn base(&self) -> &RelPath {
        &self.row().base
    }

    /// Returns the path of entry `idx` relative to [`Bucket::base`]; empty for the workspace itself.
    pub fn name(&self, idx: usize) -> &str {
        self.row().name(idx)
    }

    /// Returns the path of entry `idx`.
    pub fn path(&self, idx: usize) -> RelPath {
        RelPath::new(join(&self.row().base, self.name(idx), &mut String::new()))
            .expect("buckets hold normal paths only")
    }

    /// Returns what entry `idx` is.
    pub fn kind(&self, idx: usize) -> Kind {
        self.row().kind(idx)
    }

    /// Returns the fingerprint of entry `idx`.
    pub fn stamp(&self, idx: usize) -> Stamp {
        self.row().stamp(idx)
    }

    /// Returns whether entry `idx` is to be read again.
    pub fn is_racy(&self, idx: usize) -> bool {
        self.row().is_racy(idx)
    }

    /// Returns runs of entries that are best asked about relative to one directory: for each the range of entries, and
    /// how many bytes of their names, the last `/` included, lead from [`Bucket::base`] to that directory.
    pub fn runs(&self) -> impl Iterator<Item = (Range<usize>, usize)> + '_ {
        self.row().runs()
    }

    /// Returns the digest of all paths, kinds, link texts and content digests: this bucket's leaf in `source_root`.
    /// Directories too: an empty one may be a root, or stand where a file or a declaration is looked for.
    pub fn digest(&self) -> Digest {
        self.summary.digest
    }

    /// Returns the digest of all paths, kinds and link texts.
    pub fn members_digest(&self) -> Digest {
        self.summary.members_digest
    }

    /// Returns what is known of the contents of entry `idx`.
    pub fn content(&self, idx: usize) -> Content {
        let (row, size) = (self.row(), content_size(self.kind(idx), &self.stamp(idx)));
        Content { digest: row.content_digest(idx), size, looks: row.looks(idx) }
    }

    /// Returns paths and kinds.
    pub fn members(&self) -> &Arc<Members> {
        self.members.get_or_init(|| Arc::new(self.row().members()))
    }

    /// Returns what is known of contents, in the order of the members.
    pub fn contents(&self) -> &Arc<Vec<Content>> {
        self.contents.get_or_init(|| Arc::new((0..self.len()).map(|it| self.content(it)).collect()))
    }

    /// Returns entry `idx` written out.
    pub fn entry(&self, idx: usize) -> Entry {
        Entry {
            path: self.path(idx),
            kind: self.kind(idx),
            racy: self.is_racy(idx),
            stamp: self.stamp(idx),
            digest: self.row().content_digest(idx),
            looks: self.row().looks(idx),
            link: self.members().link(idx).cloned(),
        }
    }

    /// Returns all entries written out.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + '_ {
        (0..self.len()).map(|idx| self.entry(idx))
    }

    /// Returns the number of the entry at `path`.
    pub fn find(&self, path: &str) -> Option<usize> {
        self.members().find(path)
    }
}

fn content_size(kind: Kind, stamp: &Stamp) -> u64 {
    if kind.is_readable() { stamp.size } else { 0 }
}

fn members_digest(members: &Members) -> Digest {
    let mut hasher = KeyHasher::new("packwright bucket members v1");
    hasher.text(1, members.base.as_str()).count(2, members.len());
    for idx in 0..members.len() {
        hasher.bytes(3, &[members.kind(idx) as u8]).text(4, members.name(idx));
    }
    for (idx, link) in &members.links {
        hasher.number(5, u64::from(*idx)).text(6, &link.text);
    }
    hasher.finish()
}

fn content_digest(members: &Members, contents: &[Content]) -> Digest {
    let mut hasher = KeyHasher::new("packwright bucket v1");
    let mut buf = String::new();
    for (idx, content) in contents.iter().enumerate() {
        let kind = members.kind(idx);
        hasher.bytes(1, &[kind as u8]).text(2, members.path_in(idx, &mut buf)).digest(3, content.digest);
        if let Some(link) = members.link(idx) {
            hasher.text(4, &link.text);
        }
    }
    hasher.finish()
}

/// Returns the deepest directory that holds all entries. A directory's own entry lies in its parent.
fn common_parent(entries: &[Entry]) -> RelPath {
    let mut paths = entries.iter().map(|it| crate::model::path::parent(it.path.as_str()));
    let Some(first) = paths.next() else { return RelPath::root() };
    let mut common = first;
    for path in paths {
        while !(common.is_empty() || path == common || path.strip_prefix(common).is_some_and(|it| it.starts_with('/')))
        {
            common = crate::model::path::parent(common);
        }
    }
    RelPath::new(common).expect("part of a normal path")
}

/// Returns where the bucket of `path` ends if this path ends one. A directory never does.
fn cut_after(path: &str, kind: Kind) -> Option<Vec<u8>> {
    if kind.is_dir() {
        return None;
    }
    let owner = sidecar_owner(path).unwrap_or(path);
    let ends = Digest::of(owner.as_bytes()).0[0] == 0;
    // Not the owner's order key: where the owner is named like a sidecar itself, that lies somewhere else.
    ends.then(|| owner.bytes().map(|it| if it == b'/' { 0 } else { it }).chain([0, 0]).collect())
}

/// Cuts sorted entries into buckets. `last_end` is where the last one ends if no path says so.
fn cut(entries: &[Entry], last_end: Option<Vec<u8>>) -> Vec<Arc<Bucket>> {
    let mut runs = Vec::new();
    let mut start = 0;
    let cuts = entries.par_iter().enumerate().with_min_len(1 << 10);
    let cuts = cuts.filter_map(|(idx, it)| Some((idx, cut_after(it.path.as_str(), it.kind)?)));
    for (idx, end) in spread(|| cuts.collect::<Vec<_>>()) {
        let path = entries[idx].path.as_str();
        let owner = sidecar_owner(path).unwrap_or(path);
        // Whatever has a sidecar's name lies before the end, a directory too; that one then ends nothing.
        let sidecar_follows = entries.get(idx + 1).is_some_and(|it| sidecar_owner(it.path.as_str()) == Some(owner));
        if !sidecar_follows {
            runs.push((&entries[start..=idx], Some(end)));
            start = idx + 1;
        }
    }
    if start < entries.len() {
        runs.push((&entries[start..], last_end));
    }
    let buckets = runs.into_par_iter().map(|(entries, end)| Arc::new(Bucket::pack(entries, end)));
    spread(|| buckets.collect())
}

/// All sources of a workspace at one moment.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    buckets: Vec<Arc<Bucket>>,
}

impl Tree {
    /// Returns the tree of these entries, in any order.
    pub fn of(mut entries: Vec<Entry>) -> Self {
        entries.sort_by(|a, b| compare_order(a.path.as_str(), b.path.as_str()));
        Self::of_sorted(&entries)
    }

    /// Returns the tree of these entries, which are in [`order_key`]'s order.
    pub fn of_sorted(entries: &[Entry]) -> Self {
        Self { buckets: cut(entries, None) }
    }

    /// Returns the tree that these buckets make, or `None` where they do not follow one another.
    pub fn from_buckets(buckets: Vec<Arc<Bucket>>) -> Option<Self> {
        let mut before: Option<&Vec<u8>> = None;
        for (idx, bucket) in buckets.iter().enumerate() {
            if bucket.end.is_none() && idx + 1 != buckets.len() {
                return None;
            }
            if before.is_some() && bucket.end.is_some() && before >= bucket.end.as_ref() {
                return None;
            }
            before = bucket.end.as_ref();
        }
        Some(Self { buckets })
    }

    /// Returns the buckets in path order.
    pub fn buckets(&self) -> &[Arc<Bucket>] {
        &self.buckets
    }

    /// Returns whether every bucket that was asked so far held what it should.
    pub fn is_whole(&self) -> bool {
        let homes = self.buckets.iter().filter_map(|it| it.home.as_ref());
        // All that came from a store came from the same one.
        homes.take(1).all(|(rows, _)| !rows.is_lost())
    }

    /// Fetches all that was not asked for yet, on so many threads, and returns whether the tree is whole.
    pub fn load(&self, jobs: usize) -> bool {
        parallel(jobs, self.buckets.len(), |it| self.buckets[it].load()).into_iter().all(|it| it)
    }

    /// Returns the number of entries, directories included.
    pub fn len(&self) -> usize {
        self.buckets.iter().map(|it| it.len()).sum()
    }

    /// Returns whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// Returns the number of the bucket that holds, or would hold, the entry with this order key.
    pub fn bucket_of(&self, key: &[u8]) -> Option<usize> {
        holder(self.buckets.len(), |it| self.buckets[it].end.as_deref(), key)
    }

    /// Returns the bucket and the position of the entry at `path`.
    pub fn find(&self, path: &str) -> Option<(&Arc<Bucket>, usize)> {
        let bucket = &self.buckets[self.bucket_of(&order_key(path))?];
        Some((bucket, bucket.find(path)?))
    }

    /// Returns the numbers of the buckets that may hold something below the directory `dir`.
    pub fn buckets_below(&self, dir: &RelPath) -> Range<usize> {
        range_below(self.buckets.len(), |it| self.buckets[it].end.as_deref(), dir)
    }

    /// Returns the tree after the entries at the given paths were replaced, added (`Some`) or removed (`None`). Of two
    /// edits of one path the last one holds.
    ///
    /// Buckets that no edit touches are shared with this tree; the result is that of cutting the whole list anew.
    pub fn with(&self, mut edits: Vec<Edit>) -> Self {
        spread(|| edits.par_sort_by(|a, b| compare_order(a.0.as_str(), b.0.as_str())));
        let touched = self.touched(&edits);
        let run = |(idx, edits): &(usize, &[Edit])| edited(self.buckets.get(*idx).map(|it| &**it), edits);
        let runs: Vec<Vec<Entry>> = spread(|| touched.par_iter().map(run).collect());
        let mut runs = touched.iter().map(|it| it.0).zip(runs).peekable();

        // A run without an end of its own takes all that follows: only the last bucket may be open.
        let mut pieces = Vec::with_capacity(self.buckets.len());
        let mut open: Option<Vec<Entry>> = None;
        for idx in 0..=self.buckets.len() {
            let (edited, bucket) = (runs.next_if(|it| it.0 == idx), self.buckets.get(idx));
            if let (None, None, Some(bucket)) = (&open, &edited, bucket) {
                pieces.push(Piece::Stands(bucket.clone()));
                continue;
            }
            let own = edited.map_or_else(|| bucket.into_iter().flat_map(|it| it.entries()).collect(), |it| it.1);
            let mut run = open.take().unwrap_or_default();
            if run.is_empty() {
                run = own
            } else {
                run.extend(own)
            }
            let is_closed = run.last().is_some_and(|it| cut_after(it.path.as_str(), it.kind).is_some());
            if is_closed { pieces.push(Piece::Run(run)) } else { open = Some(run) }
        }
        pieces.extend(open.map(Piece::Run));
        let cut = |it| match it {
            Piece::Stands(bucket) => vec![bucket],
            Piece::Run(entries) => cut(&entries, None),
        };
        Self { buckets: spread(|| pieces.into_par_iter().flat_map_iter(cut).collect()) }
    }

    /// Returns the buckets that edits touch, by number and each with its edits; the number after the last one stands
    /// for what follows the last bucket's end.
    fn touched<'e>(&self, mut edits: &'e [Edit]) -> Vec<(usize, &'e [Edit])> {
        let mut touched = Vec::new();
        for idx in 0..=self.buckets.len() {
            let end = self.buckets.get(idx).and_then(|it| it.end.as_deref());
            let reaches = |it: &Edit| end.is_none_or(|end| order_key(it.0.as_str()).as_slice() <= end);
            let (own, others) = edits.split_at(edits.partition_point(reaches));
            if !own.is_empty() {
                touched.push((idx, own));
            }
            edits = others;
            if edits.is_empty() {
                break;
            }
        }
        touched
    }
}

/// What happens to the entry at a path: it is put there, or removed.
pub type Edit = (RelPath, Option<Entry>);

/// A part of a tree while it is edited.
enum Piece {
    /// A bucket as it was.
    Stands(Arc<Bucket>),
    /// Entries that are to be cut anew.
    Run(Vec<Entry>),
}

/// Returns the entries of a bucket, if there is one, after some edits, both in order.
fn edited(bucket: Option<&Bucket>, edits: &[Edit]) -> Vec<Entry> {
    let mut run = Vec::with_capacity(bucket.map_or(0, Bucket::len) + edits.len());
    let mut entries = bucket.into_iter().flat_map(Bucket::entries).peekable();
    for same in edits.chunk_by(|a, b| a.0 == b.0) {
        let (path, put) = same.last().expect("no chunk is empty");
        let order = |it: &Entry| compare_order(it.path.as_str(), path.as_str());
        while let Some(before) = entries.next_if(|it| order(it).is_lt()) {
            run.push(before);
        }
        entries.next_if(|it| order(it).is_eq());
        run.extend(put.clone());
    }
    run.extend(entries);
    run
}

/// Returns which of `n` buckets with these ends holds, or would hold, the entry with this order key.
pub fn holder<'a>(n: usize, end: impl Fn(usize) -> Option<&'a [u8]>, key: &[u8]) -> Option<usize> {
    let (mut low, mut high) = (0, n);
    while low < high {
        let mid = (low + high) / 2;
        if end(mid).is_some_and(|end| end < key) { low = mid + 1 } else { high = mid }
    }
    (low < n).then_some(low)
}

/// Returns which of `n` buckets with these ends may hold something below the directory `dir`.
pub fn range_below<'a>(n: usize, end: impl Fn(usize) -> Option<&'a [u8]>, dir: &RelPath) -> Range<usize> {
    if dir.is_root() {
        return 0..n;
    }
    let mut key: Vec<u8> = dir.as_str().bytes().map(|it| if it == b'/' { 0 } else { it }).collect();
    let first = holder(n, &end, &key).unwrap_or(n);
    // Everything below has the directory's key, a NUL, and a name, none of whose bytes is 0xff.
    key.extend([0, 0xff]);
    let last = holder(n, &end, &key).map_or(n, |it| it + 1);
    first..last.max(first)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::system::FileKind;
    use proptest::prelude::*;

    fn entry(path: &str, content: &str) -> Entry {
        let stamp = Stamp {
            kind: FileKind::File,
            size: content.len() as u64,
            mtime_ns: 5,
            ctime_ns: -6,
            inode: 7,
            device: 8,
            mode: 9,
        };
        let path = RelPath::new(path).expect("a path");
        Entry {
            path,
            kind: Kind::File,
            racy: content == "racy",
            stamp,
            digest: Digest::of(content.as_bytes()),
            looks: Looks::of(content.as_bytes()),
            link: None,
        }
    }

    /// One row.
    struct Shelf(Option<Bytes>, AtomicBool);

    impl Shelf {
        fn of(bucket: &Bucket) -> Self {
            Self(Some(bucket.as_row().into()), AtomicBool::new(false))
        }
    }

    impl Rows for Shelf {
        fn row(&self, _: usize) -> Option<Bytes> {
            self.0.clone()
        }
        fn lose(&self) {
            self.1.store(true, Ordering::Relaxed);
        }
        fn is_lost(&self) -> bool {
            self.1.load(Ordering::Relaxed)
        }
    }

    #[test]
    fn a_bucket_whose_row_is_lost_is_empty_and_its_tree_not_whole() {
        let bucket = Tree::of(numbered(40)).buckets()[0].clone();
        let other = Bucket::pack(&[entry("a", "x")], bucket.end.clone());
        let malformed = Shelf(Some(bucket.as_row()[1..].into()), AtomicBool::new(false));
        for shelf in [Shelf(None, AtomicBool::new(false)), Shelf::of(&other), malformed] {
            let stored = Bucket::stored(bucket.end.clone(), bucket.summary(), Arc::new(shelf), 0);
            let tree = Tree::from_buckets(vec![Arc::new(stored)]).expect("they follow one another");
            assert!(tree.is_whole());
            assert!(tree.find("assets/d1/f1.bin").is_none() && tree.buckets()[0].is_empty());
            assert!(!tree.is_whole() && !tree.load(1));
        }
    }

    type Outline = (Option<Vec<u8>>, Digest, Digest, Vec<Entry>);

    fn outline(tree: &Tree) -> Vec<Outline> {
        tree.buckets
            .iter()
            .map(|it| (it.end.clone(), it.digest(), it.members_digest(), it.entries().collect()))
            .collect()
    }

    fn numbered(n: usize) -> Vec<Entry> {
        (0..n).map(|i| entry(&format!("assets/d{}/f{i}.bin", i % 37), "x")).collect()
    }

    #[test]
    fn a_row_is_its_bucket() {
        let link = LinkText { text: "../a".to_owned(), stamp: entry("l", "").stamp };
        let mut entries = numbered(40);
        entries.push(Entry { kind: Kind::FileLink, link: Some(Arc::new(link)), ..entry("assets/zz", "x") });
        for bucket in Tree::of(entries).buckets() {
            let back = Bucket::stored(bucket.end.clone(), bucket.summary(), Arc::new(Shelf::of(bucket)), 0);
            assert_eq!(back.entries().collect::<Vec<_>>(), bucket.entries().collect::<Vec<_>>());
            assert_eq!((back.digest(), back.members_digest()), (bucket.digest(), bucket.members_digest()));
        }
    }

    #[test]
    fn buckets_are_a_few_hundred_long_and_findable() {
        let tree = Tree::of(numbered(20_000));
        assert!((40..150).contains(&tree.buckets().len()), "{}", tree.buckets().len());
        for path in ["assets/d3/f3.bin", "assets/d0/f0.bin", "assets/d36/f36.bin"] {
            let (bucket, idx) = tree.find(path).expect("is in there");
            assert_eq!(bucket.path(idx).as_str(), path);
        }
        for path in ["assets", "assets/d3/f4.bin", "zzz", ""] {
            assert!(tree.find(path).is_none(), "{path}");
        }
    }

    #[test]
    fn what_is_named_like_its_directory_is_not_taken_for_it() {
        let tree = Tree::of(vec![entry("a/a", "1")]);
        assert!(tree.find("a/a").is_some() && tree.find("a").is_none() && tree.find("").is_none());
    }

    #[test]
    fn buckets_below_a_directory_hold_all_of_it() {
        let tree = Tree::of(numbered(20_000));
        let dir = RelPath::new("assets/d5").expect("a path");
        let range = tree.buckets_below(&dir);
        let inside = |bucket: &Arc<Bucket>| bucket.entries().any(|it| dir.strip(it.path.as_str()).is_some());
        for (idx, bucket) in tree.buckets().iter().enumerate() {
            assert!(!inside(bucket) || range.contains(&idx));
        }
        assert!(range.len() < tree.buckets().len() / 4);
    }

    #[test]
    fn contents_move_the_digest_but_not_the_members() {
        let (one, two) = (Tree::of(vec![entry("a", "1")]), Tree::of(vec![entry("a", "2")]));
        assert_eq!(one.buckets()[0].members_digest(), two.buckets()[0].members_digest());
        assert_ne!(one.buckets()[0].digest(), two.buckets()[0].digest());
    }

    /// Every set of six paths, half of which end a bucket, edited into every other.
    #[test]
    fn small_trees_are_edited_as_they_are_cut() {
        let ending = |it: usize| Digest::of(format!("f{it:04}").as_bytes()).0[0] == 0;
        let ends: Vec<usize> = (1..).filter(|it| ending(*it)).take(3).collect();
        let paths: Vec<String> = ends.iter().flat_map(|it| [it - 1, *it]).map(|it| format!("f{it:04}")).collect();
        let chosen = |set: usize| paths.iter().enumerate().filter(move |(bit, _)| set >> bit & 1 == 1).map(|it| it.1);
        for before in 0..1 << paths.len() {
            let tree = Tree::of(chosen(before).map(|it| entry(it, "1")).collect());
            for after in 0..1 << paths.len() {
                let removed = chosen(before & !after).map(|it| (entry(it, "").path, None));
                let added = chosen(after & !before).map(|it| (entry(it, "").path, Some(entry(it, "1"))));
                let edited = tree.with(removed.chain(added).collect());
                let expected = Tree::of(chosen(after).map(|it| entry(it, "1")).collect());
                assert_eq!(outline(&edited), outline(&expected), "{before:06b} to {after:06b} of {paths:?}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn editing_is_cutting_anew(
            start in 0usize..3000,
            edits in proptest::collection::vec((0usize..4000, 0u8..4), 0..60),
        ) {
            let mut model: std::collections::BTreeMap<Vec<u8>, Entry> = Default::default();
            let suffix = |i: usize| ["", ".asset.json", "", ".asset.json.asset.json", ""][i % 5];
            let path = |i: usize| format!("assets/d{}/f{}{}", i % 7, i / 5, suffix(i));
            for i in 0..start {
                let kind = if i.is_multiple_of(11) { Kind::Dir } else { Kind::File };
                let it = Entry { kind, ..entry(&path(i), "x") };
                model.insert(order_key(it.path.as_str()), it);
            }
            let tree = Tree::of(model.values().cloned().collect());
            let mut changes = std::collections::BTreeMap::new();
            for (i, what) in edits {
                let it = (what != 0).then(|| entry(&path(i), if what == 1 { "y" } else { "racy" }));
                changes.insert(path(i), it);
            }
            for (path, it) in &changes {
                match it {
                    Some(it) => model.insert(order_key(path), it.clone()),
                    None => model.remove(&order_key(path)),
                };
            }
            let changes = changes.into_iter().map(|(path, it)| (RelPath::new(&path).expect("a path"), it)).collect();
            let edited = tree.with(changes);
            for it in model.values() {
                prop_assert!(edited.find(it.path.as_str()).is_some(), "{}", it.path);
            }
            let anew = Tree::of(model.into_values().collect());
            prop_assert_eq!(outline(&edited), outline(&anew));
            prop_assert!(Tree::from_buckets(edited.buckets().to_vec()).is_some());
        }
    }
}
