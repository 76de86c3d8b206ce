//! The scan: what is on disk now, told with as few questions as possible.
//!
//! The index remembers every source and directory with the fingerprint it had when it was read. One stat each
//! tells which still stand; only a directory whose own fingerprint moved is listed again, and only a file whose
//! fingerprint moved is read. What was read too soon after it changed is *racy*: its fingerprint could stay the same
//! through another change, so it is read again until a reading is late enough.
//!
//! Knows the disk and buckets; knows nothing of assets. Writes nothing: what changed is returned, and whoever holds
//! the index stores it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::model::path::{compare_order, order_key, parent, sidecar_owner};
use crate::model::{Code, Diagnostic, Digest, Location, Looks, RelPath, diagnostic};
use crate::system::{Dir, FileKind, FsTime, Stamp};
use crate::threads::spread;

use super::bucket::{Bucket, Entry, Kind, LinkText, NO_CONTENT, Tree};
use super::ignore::Ignore;
use super::layout::{CONFIG_FILE, Phase, Workspace};
use super::sources::Sources;

/// How many links to directories may lie on the way to a source.
const MOST_DIR_LINKS: usize = 3;

/// What a scan is asked to do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// Distrust every fingerprint: list every directory and read every file.
    pub rehash: bool,
    /// What is not looked at.
    pub ignore: Option<&'a Ignore>,
}

impl Options<'_> {
    /// Returns whether what is at a path is not looked at.
    fn ignores(&self, path: &str, is_dir: bool) -> bool {
        self.ignore.is_some_and(|it| it.covers(path, is_dir))
    }
}

/// What a scan found.
#[derive(Debug)]
pub struct Scan {
    /// Every source.
    pub tree: Tree,
    /// Files that were not known, with the digest of what they hold; none where nothing was known.
    pub appeared: BTreeMap<RelPath, Digest>,
    /// Files that were known and are not there any more, with the digest of what they held last.
    pub vanished: BTreeMap<RelPath, Digest>,
    /// Buckets that the index does not have like this.
    pub moved: Vec<Arc<Bucket>>,
    /// Ends of buckets that the index has and the tree has not.
    pub gone: Vec<Option<Vec<u8>>>,
}

/// Compares the tree of files below `roots` with what is `known`, and brings it up to date.
///
/// # Errors
///
/// [`Error::Unreadable`] names every file or directory that could not be read, or kept changing; [`Error::Torn`] says
/// that what was known cannot be read.
pub fn scan(ws: &Workspace, roots: &[RelPath], known: Tree, sources: &Sources, options: Options<'_>) -> Result<Scan> {
    ws.progress.phase(Phase::Scan, known.buckets().len());
    let _scan = ws.phase("scan");
    let verdicts = compare_all(ws, &known, options)?;
    check_whole(ws, &known)?;
    let mut edits = Edits::new(ws, &known, options);
    edits.take_up(roots, verdicts);
    if edits.is_empty() {
        let (moved, gone, news) = (Vec::new(), Vec::new(), BTreeMap::new());
        return Ok(Scan { tree: known, moved, gone, appeared: news.clone(), vanished: news });
    }
    // The clock is read before anything is: what is not older than this may change unseen after we looked.
    let now = ws.disk.now(&ws.cache_dir());
    edits.list_directories(now)?;
    edits.read_files(sources, now)?;
    let _pack = ws.phase("pack buckets");
    let (appeared, vanished) = edits.news();
    let tree = edits.finish()?;
    check_whole(ws, &known)?;
    Ok(Scan { appeared, vanished, ..difference(known, tree) })
}

/// Fails where the index turned out not to hold what it should: the build begins again without it.
fn check_whole(ws: &Workspace, known: &Tree) -> Result<()> {
    if known.is_whole() { Ok(()) } else { Err(Error::Torn { path: ws.cache_dir() }) }
}

fn difference(known: Tree, tree: Tree) -> Scan {
    let before: BTreeMap<&Option<Vec<u8>>, &Arc<Bucket>> = known.buckets().iter().map(|it| (&it.end, it)).collect();
    let after: BTreeSet<&Option<Vec<u8>>> = tree.buckets().iter().map(|it| &it.end).collect();
    let is_new = |it: &&Arc<Bucket>| before.get(&it.end).is_none_or(|old| !Arc::ptr_eq(old, it));
    let moved = tree.buckets().iter().filter(is_new).cloned().collect();
    let gone = before.keys().filter(|it| !after.contains(*it)).map(|it| (*it).clone()).collect();
    Scan { moved, gone, tree, appeared: BTreeMap::new(), vanished: BTreeMap::new() }
}

/// What one stat said of one known entry that is not as the index remembers it, or may not be.
#[derive(Debug)]
enum Verdict {
    /// It is there with this fingerprint, and must be listed or read; of a file, what it held.
    Moved(Stamp, Digest),
    /// A link: there is no fingerprint that vouches for all that it passes through.
    Link(Stamp),
    /// Nothing is there, or something of another kind.
    Gone,
}

type Verdicts = Vec<(RelPath, Kind, Verdict)>;

fn compare_all(ws: &Workspace, known: &Tree, options: Options<'_>) -> Result<Verdicts> {
    let _compare = ws.phase("compare fingerprints");
    let found = ws.parallel_asking(known.buckets().len(), |idx| {
        ws.check_stop()?;
        let bucket = &known.buckets()[idx];
        // Most rows are needed for this moment only.
        let aside = bucket.aside();
        let verdicts = compare_bucket(ws, aside.as_ref().unwrap_or(bucket), options);
        if let Some(aside) = aside.filter(|_| !verdicts.is_empty()) {
            bucket.keep(aside);
        }
        ws.progress.advance(1);
        Ok::<_, Error>(verdicts)
    });
    let mut verdicts = Vec::new();
    for it in found {
        verdicts.extend(it?);
    }
    Ok(verdicts)
}

fn compare_bucket(ws: &Workspace, bucket: &Bucket, options: Options<'_>) -> Verdicts {
    let mut verdicts = Vec::new();
    let mut open: Vec<(&str, Option<Box<dyn Dir>>)> = Vec::new();
    for (run, prefix) in bucket.runs() {
        let prefix = &bucket.name(run.start)[..prefix];
        // What lies above is needed again after what lies below, what lies beside is not.
        open.retain(|it| prefix.starts_with(it.0));
        if open.last().is_none_or(|it| it.0 != prefix) {
            open.push((prefix, open_run(ws, bucket, prefix)));
        }
        let dir = open.last().and_then(|it| it.1.as_deref());
        for idx in run {
            let kind = bucket.kind(idx);
            if kind == Kind::BadName {
                continue; // Its directory's listing vouches for it.
            }
            let verdict = match dir {
                None => Some(Verdict::Gone),
                Some(dir) => compare_entry(ws, dir, &bucket.name(idx)[prefix.len()..], bucket, idx, options),
            };
            verdicts.extend(verdict.map(|it| (bucket.path(idx), kind, it)));
        }
    }
    verdicts
}

/// Opens the directory that a run of entries is asked from. Where it cannot be opened, all of the run is looked at again.
fn open_run(ws: &Workspace, bucket: &Bucket, prefix: &str) -> Option<Box<dyn Dir>> {
    let mut path = ws.abs(bucket.base());
    if !prefix.is_empty() {
        path.push(prefix.trim_end_matches('/'));
    }
    ws.disk.open_dir(&path).ok()
}

/// An entry that cannot be asked is gone as far as anybody knows: what lies above it is looked at again, and if it is
/// found there, reading it tells what is wrong, in the words of a first scan.
fn compare_entry(
    ws: &Workspace,
    dir: &dyn Dir,
    name: &str,
    bucket: &Bucket,
    idx: usize,
    options: Options<'_>,
) -> Option<Verdict> {
    let stat = if name.is_empty() { ws.disk.stat(&ws.root) } else { dir.stat(Path::new(name)) };
    let Ok(stamp) = stat else { return Some(Verdict::Gone) };
    let kind = bucket.kind(idx);
    let expected = match kind {
        Kind::Dir => FileKind::Dir,
        Kind::File => FileKind::File,
        Kind::Other | Kind::BadName => FileKind::Other,
        _ => FileKind::Link,
    };
    if stamp.kind != expected {
        return Some(Verdict::Gone);
    }
    match kind {
        Kind::Other | Kind::BadName => None,
        it if it.is_link() => Some(Verdict::Link(stamp)),
        _ if stamp != bucket.stamp(idx) || bucket.is_racy(idx) || options.rehash => {
            Some(Verdict::Moved(stamp, bucket.content(idx).digest))
        }
        _ => None,
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// What a directory lists, as far as the workspace is concerned.
struct Listing {
    path: RelPath,
    /// The fingerprint that it had before it was listed.
    stamp: Stamp,
    children: Vec<(RelPath, Child)>,
}

enum Child {
    Entry(FileKind),
    BadName,
}

/// A directory to list, with its fingerprint where that is known; of a link, its text.
type ToList = (Kind, Option<Stamp>, Option<Arc<LinkText>>);

/// A file to read.
struct ToRead {
    path: RelPath,
    kind: Kind,
    /// Of a link, its text.
    link: Option<Arc<LinkText>>,
    /// What it is known to have held.
    held: Option<Digest>,
}

/// The difference between what is known and what is there, growing as more is found out.
struct Edits<'a> {
    ws: &'a Workspace,
    known: &'a Tree,
    options: Options<'a>,
    /// By order key: the path, and the entry that stands there now.
    entries: BTreeMap<Vec<u8>, (RelPath, Option<Entry>)>,
    /// Whether any of these is removed: mostly nothing is.
    removes: bool,
    /// What was read, run by run, in the order of the tree.
    read: Vec<Vec<Entry>>,
    /// Directories to list, with the fingerprint they had before, where that is known.
    to_list: BTreeMap<RelPath, ToList>,
    /// Files to read.
    to_read: Vec<ToRead>,
    /// Those of them that were not known as files.
    found: BTreeSet<RelPath>,
    problems: Vec<Diagnostic>,
}

impl<'a> Edits<'a> {
    fn new(ws: &'a Workspace, known: &'a Tree, options: Options<'a>) -> Self {
        let (entries, to_list) = (BTreeMap::new(), BTreeMap::new());
        let (read, to_read, problems) = (Vec::new(), Vec::new(), Vec::new());
        Self { ws, known, options, entries, removes: false, read, to_list, to_read, found: BTreeSet::new(), problems }
    }

    fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.to_list.is_empty() && self.to_read.is_empty() && self.problems.is_empty()
    }

    /// Turns the verdicts into work, and takes up roots that are not known yet.
    fn take_up(&mut self, roots: &[RelPath], verdicts: Verdicts) {
        for (path, kind, verdict) in verdicts {
            if self.is_removed(&path) {
                continue; // What it lay in is gone or leads elsewhere; if it is found again, then as something new.
            }
            match verdict {
                Verdict::Gone => {
                    self.remove(&path, kind);
                    // Something else may stand in its place, and its directory's stamp may have been taken before.
                    self.list_again(parent(path.as_str()));
                }
                Verdict::Moved(stamp, _) if kind == Kind::Dir => self.will_list(path, kind, Some(stamp), None),
                Verdict::Moved(_, held) => self.to_read.push(ToRead { path, kind, link: None, held: Some(held) }),
                Verdict::Link(stamp) => self.follow_known(&path, kind, stamp),
            }
        }
        for root in roots {
            if self.known.find(root.as_str()).is_none() || self.entries.contains_key(&order_key(root.as_str())) {
                self.take_up_root(root);
            }
        }
    }

    fn take_up_root(&mut self, root: &RelPath) {
        let abs = self.ws.abs(root);
        match self.ws.disk.stat(&abs) {
            Ok(stamp) => self.found(root.clone(), stamp.kind, Some(stamp)),
            Err(error) if is_gone(&error) => {} // The configuration's own check says that a root is missing.
            Err(error) => self.problem(root, &error),
        }
    }

    fn will_list(&mut self, path: RelPath, kind: Kind, stamp: Option<Stamp>, link: Option<Arc<LinkText>>) {
        self.to_list.insert(path, (kind, stamp, link));
    }

    fn will_read(&mut self, path: RelPath, kind: Kind, link: Option<Arc<LinkText>>) {
        let known = if self.known.is_empty() { None } else { self.known.find(path.as_str()) };
        let held = known.map(|(bucket, idx)| bucket.content(idx).digest);
        self.to_read.push(ToRead { path, kind, link, held });
    }

    /// Lists a known directory again although its fingerprint stands.
    fn list_again(&mut self, dir: &str) {
        let Some((bucket, idx)) = self.known.find(dir) else { return };
        let entry = bucket.entry(idx);
        if entry.kind.is_dir() && !self.to_list.contains_key(dir) && !self.entries.contains_key(&order_key(dir)) {
            self.will_list(entry.path, entry.kind, Some(entry.stamp), entry.link);
        }
    }

    fn remove(&mut self, path: &RelPath, kind: Kind) {
        self.removes = true;
        self.entries.insert(order_key(path.as_str()), (path.clone(), None));
        if !kind.is_dir() {
            return;
        }
        for idx in self.known.buckets_below(path) {
            for entry in self.known.buckets()[idx].entries() {
                if path.strip(entry.path.as_str()).is_some() {
                    self.entries.insert(order_key(entry.path.as_str()), (entry.path, None));
                }
            }
        }
    }

    fn is_removed(&self, path: &RelPath) -> bool {
        self.removes && matches!(self.entries.get(&order_key(path.as_str())), Some((_, None)))
    }

    fn put(&mut self, entry: Entry) {
        self.entries.insert(order_key(entry.path.as_str()), (entry.path.clone(), Some(entry)));
    }

    fn problem(&mut self, path: &RelPath, error: &io::Error) {
        self.problems.push(unreadable(path, error));
    }

    /// Takes up something that is not known, or not as this.
    fn found(&mut self, path: RelPath, kind: FileKind, stamp: Option<Stamp>) {
        match kind {
            FileKind::File => {
                if !self.known.is_empty() {
                    self.found.insert(path.clone());
                }
                self.will_read(path, Kind::File, None);
            }
            FileKind::Dir => self.will_list(path, Kind::Dir, stamp, None),
            FileKind::Link => self.follow(path),
            FileKind::Other => self.put(bare(path, Kind::Other)),
        }
    }

    /// Follows a known link again: listed or read only where its target moved.
    fn follow_known(&mut self, path: &RelPath, kind: Kind, _own: Stamp) {
        let (bucket, idx) = self.known.find(path.as_str()).expect("the verdict is about a known entry");
        let entry = bucket.entry(idx);
        let Some((now_kind, target, link)) = self.resolve(path) else { return };
        let same_text = entry.link.as_ref().is_some_and(|it| it.text == link.text);
        let stands = now_kind == kind && same_text && target.is_none_or(|it| it == entry.stamp);
        if stands && !entry.racy && !self.options.rehash {
            return;
        }
        if now_kind != kind {
            self.remove(path, kind);
        }
        self.take_link(path.clone(), now_kind, target, link);
    }

    fn follow(&mut self, path: RelPath) {
        if let Some((kind, target, link)) = self.resolve(&path) {
            self.take_link(path, kind, target, link);
        }
    }

    fn take_link(&mut self, path: RelPath, kind: Kind, target: Option<Stamp>, link: Arc<LinkText>) {
        match (kind, target) {
            (Kind::FileLink, _) => self.will_read(path, kind, Some(link)),
            (Kind::DirLink, Some(stamp)) => self.will_list(path, kind, Some(stamp), Some(link)),
            _ => self.put(Entry { link: Some(link), ..bare(path, kind) }),
        }
    }

    /// Finds out where a link leads. `None` when it vanished meanwhile or could not be read.
    fn resolve(&mut self, path: &RelPath) -> Option<(Kind, Option<Stamp>, Arc<LinkText>)> {
        match resolve_link(self.ws, path, self.options) {
            Ok(it) => Some(it),
            Err(error) if is_gone(&error) => {
                self.removes = true;
                self.entries.insert(order_key(path.as_str()), (path.clone(), None));
                None
            }
            Err(error) => {
                self.problem(path, &error);
                None
            }
        }
    }

    /// Lists what is to be listed, and what turns up below it, until nothing is left.
    fn list_directories(&mut self, now: FsTime) -> Result<()> {
        let _list = self.ws.phase("list directories");
        while !self.to_list.is_empty() {
            let batch: Vec<_> = std::mem::take(&mut self.to_list).into_iter().collect();
            let (ws, options) = (self.ws, self.options);
            let listings = ws.parallel(batch.len(), |idx| {
                ws.check_stop()?;
                let (path, (_, stamp, _)) = &batch[idx];
                Ok(list(ws, path, *stamp, options))
            });
            for (listing, (path, (kind, _, link))) in listings.into_iter().zip(batch) {
                match listing? {
                    Ok(listing) => self.take_listing(listing, kind, link, now),
                    Err(error) if is_gone(&error) => self.remove(&path, kind),
                    Err(error) => self.problem(&path, &error),
                }
            }
        }
        Ok(())
    }

    fn take_listing(&mut self, listing: Listing, kind: Kind, link: Option<Arc<LinkText>>, now: FsTime) {
        let racy = listing.stamp.is_racy(now);
        let mut known = self.known_children(&listing.path);
        for (path, child) in listing.children {
            let before = known.remove(path.as_str());
            // A verdict on the entry itself may have removed it already: then it is found anew.
            let before = before.filter(|_| !self.is_removed(&path));
            match child {
                Child::BadName => self.put(bare(path, Kind::BadName)),
                Child::Entry(now_kind) if before.is_some_and(|it| listed_as(it) == now_kind) => {}
                Child::Entry(now_kind) => {
                    if let Some(before) = before {
                        self.remove(&path, before);
                    }
                    self.found(path, now_kind, None);
                }
            }
        }
        for (path, kind) in known {
            self.remove(&path, kind);
        }
        self.put(Entry { racy, stamp: listing.stamp, link, ..bare(listing.path, kind) });
    }

    fn known_children(&self, dir: &RelPath) -> BTreeMap<RelPath, Kind> {
        let mut children = BTreeMap::new();
        let mut buf = String::new();
        if self.known.is_empty() {
            return children;
        }
        for idx in self.known.buckets_below(dir) {
            let members = self.known.buckets()[idx].members();
            let is_plain = sidecar_owner(dir.as_str()).is_none();
            // What a directory holds follows it, but for one that is called like a sidecar.
            let first = if is_plain { members.find(dir.as_str()).map_or(0, |it| it + 1) } else { 0 };
            for at in first..members.len() {
                let path = members.path_in(at, &mut buf);
                if dir.strip(path).is_none()
                    && sidecar_owner(path) != Some(dir.as_str())
                    && is_plain
                    && !path.is_empty()
                {
                    break;
                }
                if !path.is_empty() && parent(path) == dir.as_str() {
                    children.insert(members.path(at), members.kind(at));
                }
            }
        }
        children
    }

    /// Reads and digests what moved.
    fn read_files(&mut self, sources: &Sources, now: FsTime) -> Result<()> {
        spread(|| self.to_read.par_sort_by(|a, b| compare_order(a.path.as_str(), b.path.as_str())));
        self.to_read.dedup_by(|a, b| a.path == b.path);
        let to_read = std::mem::take(&mut self.to_read);
        let ws = self.ws;
        ws.progress.phase(Phase::Digest, to_read.len());
        let _read = ws.phase("read and digest");
        // Neighbours go to one thread in short runs: the directory's entries are warm then.
        const RUN: usize = 192;
        if to_read.len() > RUN {
            sources.expect(to_read.len());
        }
        let runs = ws.parallel(to_read.len().div_ceil(RUN), |run| {
            ws.check_stop()?;
            let files = &to_read[run * RUN..to_read.len().min((run + 1) * RUN)];
            let paths: Vec<&RelPath> = files.iter().map(|it| &it.path).collect();
            let digested = sources.digest_run(&paths, &|nth| files[nth].held);
            ws.progress.advance(files.len());
            let (mut entries, mut failed) = (Vec::with_capacity(files.len()), Vec::new());
            for (file, digested) in files.iter().zip(digested) {
                let (path, kind, link) = (file.path.clone(), file.kind, file.link.clone());
                match digested {
                    Ok((digest, looks, stamp)) => {
                        entries.push(Entry { path, kind, racy: stamp.is_racy(now), stamp, digest, looks, link });
                    }
                    Err(error) => failed.push((path, kind, error)),
                }
            }
            Ok((entries, failed))
        });
        for read in runs {
            let (entries, failed) = read?;
            self.read.push(entries);
            for (path, kind, error) in failed {
                match error.kind() {
                    _ if is_gone(&error) => self.remove(&path, kind),
                    io::ErrorKind::InvalidInput => self.put(bare(path, Kind::Other)),
                    _ => self.problem(&path, &error),
                }
            }
        }
        Ok(())
    }

    /// Returns which files came and which went, each with its digest; neither where nothing was known before.
    fn news(&self) -> (BTreeMap<RelPath, Digest>, BTreeMap<RelPath, Digest>) {
        let (mut appeared, mut vanished) = (BTreeMap::new(), BTreeMap::new());
        if self.known.is_empty() {
            return (appeared, vanished);
        }
        let held = |path: &RelPath| {
            let (bucket, idx) = self.known.find(path.as_str())?;
            bucket.kind(idx).is_readable().then(|| bucket.content(idx).digest)
        };
        if self.removes {
            let removed = self.entries.values().filter(|it| it.1.is_none());
            vanished.extend(removed.filter_map(|(path, _)| Some((path.clone(), held(path)?))));
        }
        if !self.found.is_empty() {
            let read = self.read.iter().flatten().filter(|it| self.found.contains(&it.path));
            for it in read {
                // What went and came again, as a link for one, did neither.
                if vanished.remove(&it.path).is_none() {
                    appeared.insert(it.path.clone(), it.digest);
                }
            }
        }
        (appeared, vanished)
    }

    /// Returns the tree after all edits.
    fn finish(mut self) -> Result<Tree> {
        if !self.problems.is_empty() {
            diagnostic::sort(&mut self.problems);
            return Err(Error::Unreadable(self.problems));
        }
        let edits = self.entries.into_values();
        if self.known.is_empty() {
            return Ok(Tree::of_sorted(&merged(self.read, edits.filter_map(|it| it.1))));
        }
        // Of two edits of one path the last one holds: what was read is there.
        let read = self.read.into_iter().flatten().map(|it| (it.path.clone(), Some(it)));
        Ok(self.known.with(edits.chain(read).collect()))
    }
}

/// Merges what was read with what else there is, both in the order of the tree: of one path what was read.
fn merged(read: Vec<Vec<Entry>>, others: impl Iterator<Item = Entry>) -> Vec<Entry> {
    let mut others = others.peekable();
    let n_read: usize = read.iter().map(Vec::len).sum();
    let mut entries = Vec::with_capacity(n_read + others.size_hint().1.unwrap_or(0));
    for entry in read.into_iter().flatten() {
        let order = |it: &Entry| compare_order(it.path.as_str(), entry.path.as_str());
        while let Some(before) = others.next_if(|it| order(it).is_lt()) {
            entries.push(before);
        }
        others.next_if(|it| it.path == entry.path);
        entries.push(entry);
    }
    entries.extend(others);
    entries
}

/// Returns the diagnostic for a source that cannot be read.
pub fn unreadable(path: &RelPath, error: &io::Error) -> Diagnostic {
    let at = Location::file(path);
    if error.kind() == io::ErrorKind::ResourceBusy {
        let message = format!("`{path}` kept changing while it was read");
        return Diagnostic::error(Code::TORN_READ, message).at(at).help("build again once whatever writes it is done");
    }
    let message = format!("`{path}` cannot be read: {error}");
    Diagnostic::error(Code::UNREADABLE, message).at(at).help("check its permissions and the disk it lies on")
}

fn bare(path: RelPath, kind: Kind) -> Entry {
    let stamp = Stamp { kind: FileKind::Other, size: 0, mtime_ns: 0, ctime_ns: 0, inode: 0, device: 0, mode: 0 };
    Entry { path, kind, racy: false, stamp, digest: NO_CONTENT, looks: Looks::default(), link: None }
}

fn listed_as(kind: Kind) -> FileKind {
    match kind {
        Kind::Dir => FileKind::Dir,
        Kind::File => FileKind::File,
        Kind::Other | Kind::BadName => FileKind::Other,
        _ => FileKind::Link,
    }
}

fn list(ws: &Workspace, path: &RelPath, stamp: Option<Stamp>, options: Options<'_>) -> io::Result<Listing> {
    let dir = ws.disk.open_dir(&ws.abs(path))?;
    let stamp = stamp.map_or_else(|| dir.stat(Path::new("")), Ok)?;
    let entries = dir.list(Path::new(""))?;
    let is_workspace = entries.iter().any(|it| it.name == CONFIG_FILE);
    let mut children = Vec::new();
    for entry in entries {
        let bytes = entry.name.as_encoded_bytes();
        if bytes.starts_with(b".") {
            continue;
        }
        let Some(name) = entry.name.to_str() else {
            let child = path.child(&spelled_out(bytes));
            if !options.ignores(child.as_str(), entry.kind == FileKind::Dir) {
                children.push((child, Child::BadName));
            }
            continue;
        };
        let child = path.child(name);
        let is_own = Workspace::is_own(child.as_str()) || (is_workspace && Workspace::is_own_of_nested(name));
        if !is_own && !options.ignores(child.as_str(), entry.kind == FileKind::Dir) {
            children.push((child, Child::Entry(entry.kind)));
        }
    }
    children.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(Listing { path: path.clone(), stamp, children })
}

/// Returns a name of its own for one that is not UTF-8: what can be read of it, with all its bytes before the
/// extension, so that the rule that would have claimed it does.
fn spelled_out(name: &[u8]) -> String {
    let hex: String = name.iter().map(|it| format!("{it:02x}")).collect();
    let dot = name.iter().rposition(|it| *it == b'.').unwrap_or(name.len());
    let [stem, extension] = [&name[..dot], &name[dot..]].map(String::from_utf8_lossy);
    format!("{stem}\u{fffd}{hex}{extension}")
}

/// Returns the name that the last component of `path` stands for where [`scan`] had to spell it out, with each byte that is
/// no UTF-8 as `\xNN`.
pub fn written_name(path: &RelPath) -> String {
    let pairs = |it: &str| -> Option<Vec<u8>> {
        let pairs = it.as_bytes().chunks(2).map(|it| std::str::from_utf8(it).ok().filter(|it| it.len() == 2));
        pairs.map(|it| u8::from_str_radix(it?, 16).ok()).collect()
    };
    let hex = |it: &str| pairs(it.split('.').next().unwrap_or_default()).filter(|it| std::str::from_utf8(it).is_err());
    let Some(bytes) = path.name().split('\u{fffd}').skip(1).find_map(hex) else { return path.name().to_owned() };
    let told = bytes.utf8_chunks().map(|it| {
        let bad: String = it.invalid().iter().map(|it| format!("\\x{it:02x}")).collect();
        it.valid().to_owned() + &bad
    });
    told.collect()
}

fn resolve_link(
    ws: &Workspace,
    path: &RelPath,
    options: Options<'_>,
) -> io::Result<(Kind, Option<Stamp>, Arc<LinkText>)> {
    let (dir, name) = (parent(path.as_str()), path.name());
    let dir = RelPath::new(dir).expect("part of a normal path");
    let handle = ws.disk.open_dir(&ws.abs(&dir))?;
    let stamp = handle.stat(Path::new(name))?;
    let text = handle.read_link(Path::new(name))?.to_string_lossy().into_owned();
    let link = Arc::new(LinkText { text, stamp });
    let target = match ws.disk.canonicalize(&ws.abs(path)) {
        Ok(target) => target,
        Err(error) if is_gone(&error) || error.kind() == io::ErrorKind::PermissionDenied => {
            return Ok((Kind::Dangling, None, link));
        }
        // What remains to go wrong while links are followed is that there is no end to them.
        Err(_) => return Ok((Kind::Looping, None, link)),
    };
    let below = target.strip_prefix(&ws.root).ok();
    let tracked = below.is_some_and(|it| {
        let names = it.components().map(|it| it.as_os_str().as_encoded_bytes());
        let is_hidden = names.clone().any(|it| it.starts_with(b"."));
        let is_ignored = || {
            let is_dir = handle.stat_target(Path::new(name)).is_ok_and(|it| it.kind == FileKind::Dir);
            it.to_str().is_some_and(|it| options.ignores(&it.replace(std::path::MAIN_SEPARATOR, "/"), is_dir))
        };
        !(is_hidden || it.to_str().is_none_or(Workspace::is_own) || is_own_of_nested(ws, &target) || is_ignored())
    });
    if !tracked {
        return Ok((Kind::Escaping, None, link));
    }
    let Ok(found) = handle.stat_target(Path::new(name)) else { return Ok((Kind::Dangling, None, link)) };
    Ok(match found.kind {
        FileKind::File => (Kind::FileLink, Some(found), link),
        FileKind::Dir if leads_back(ws, &dir, &target) => (Kind::Looping, None, link),
        // Directories that link to one another need no loop to be endless for whoever walks them.
        FileKind::Dir if links_above(ws, &dir) >= MOST_DIR_LINKS => (Kind::Looping, None, link),
        FileKind::Dir => (Kind::DirLink, Some(found), link),
        _ => (Kind::Escaping, None, link),
    })
}

/// Returns whether `target` belongs to a workspace within this one, its sources excepted.
fn is_own_of_nested(ws: &Workspace, target: &Path) -> bool {
    let inside = target.ancestors().take_while(|it| *it != ws.root);
    let mut own = inside.filter(|it| it.file_name().and_then(OsStr::to_str).is_some_and(Workspace::is_own_of_nested));
    own.any(|it| ws.disk.stat(&it.with_file_name(CONFIG_FILE)).is_ok())
}

/// Returns how many links to directories lie on the way to `dir`.
fn links_above(ws: &Workspace, dir: &RelPath) -> usize {
    let mut above = Some(dir.clone());
    let mut links = 0;
    while let Some(dir) = above {
        links += usize::from(ws.disk.stat(&ws.abs(&dir)).is_ok_and(|it| it.kind == FileKind::Link));
        above = dir.parent();
    }
    links
}

/// Returns whether `target` is one of the directories that `dir` lies in, links followed.
fn leads_back(ws: &Workspace, dir: &RelPath, target: &Path) -> bool {
    let mut above = Some(dir.clone());
    while let Some(dir) = above {
        if ws.disk.canonicalize(&ws.abs(&dir)).is_ok_and(|it| it == target) {
            return true;
        }
        above = dir.parent();
    }
    false
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_name_that_is_spelled_out_is_told_as_it_is() {
        for (name, told) in [
            (&b"bad\xff\xfe.txt"[..], "bad\\xff\\xfe.txt"),
            (b"a.t\xff", "a.t\\xff"),
            (b"\xff", "\\xff"),
            (b"\xc3.b.c\xe9", "\\xc3.b.c\\xe9"),
            ("é\u{fffd}".as_bytes(), "é\u{fffd}"),
        ] {
            let is_text = std::str::from_utf8(name);
            let spelled = is_text.map_or_else(|_| super::spelled_out(name), str::to_owned);
            let path = crate::model::RelPath::new(&format!("assets/{spelled}")).expect("a path");
            assert_eq!(super::written_name(&path), told);
        }
    }

    use super::*;
    use crate::system::memory::MemorySystem;

    #[test]
    fn what_comes_and_goes_is_told() {
        let disk = Arc::new(MemorySystem::new());
        let write = |path: &str, text: &str| disk.write(format!("/ws/assets/{path}"), text);
        [("a", "A"), ("b", "B"), ("d/c", "C"), ("k", "K")].iter().for_each(|(path, text)| write(path, text));
        disk.mkdir("/ws/.packwright/cache");
        disk.settle();
        let ws = Workspace::new(disk.clone(), "/ws".into());
        let scan = |known: Tree| {
            let roots = [RelPath::new("assets").expect("normal")];
            scan(&ws, &roots, known, &Sources::new(&ws), Options::default()).expect("readable")
        };
        let shown = |it: &BTreeMap<RelPath, Digest>| {
            let name =
                |text: &str| ["A", "B", "C", "K"].into_iter().find(|it| Digest::of(it.as_bytes()).to_hex() == text);
            let entry =
                |(path, digest): (&RelPath, &Digest)| format!("{path} {}", name(&digest.to_hex()).unwrap_or("?"));
            it.iter().map(entry).collect::<Vec<_>>().join(", ")
        };
        let first = scan(Tree::default());
        assert_eq!((shown(&first.appeared), shown(&first.vanished)), (String::new(), String::new()));
        disk.rename("/ws/assets/a", "/ws/assets/e");
        disk.rename("/ws/assets/d", "/ws/assets/f");
        write("b", "another");
        disk.remove("/ws/assets/k");
        disk.symlink("e", "/ws/assets/k");
        let second = scan(first.tree);
        assert_eq!(shown(&second.appeared), "assets/e A, assets/f/c C");
        assert_eq!(shown(&second.vanished), "assets/a A, assets/d/c C, assets/k K");
        let third = scan(second.tree);
        assert!(third.appeared.is_empty() && third.vanished.is_empty());
    }
}
