//! The store: traces, records and payloads, found again by the digest of what they were made from.
//!
//! Knows digests and bytes; the caller encodes what a trace or a record is. Nothing in here says anything
//! about one tree: worktrees, branches and processes may share a store (`--cache-dir`).
//!
//! ```text
//! <dir>/store.redb             traces     recipe key -> list of its latest traces, newest first; packed
//!                              stored     key of (raw digest, codec) -> record; packed
//!                              payloads   digest -> bytes of that digest, below 64 KiB, where a commit has few
//!                              places     digest -> where its bytes lie in which bundle, where it has many; packed
//! <dir>/bundles/<32 hex>                  bytes of all the payloads below 64 KiB of one commit
//! <dir>/blobs/<2 hex>/<62 hex>            bytes of that digest, from 64 KiB on
//! ```
//!
//! What is put waits in memory and is found there at once. [`Store::commit`] stores it in one transaction, and
//! so does putting when much has gathered. Large payloads become files right away, many small ones a bundle:
//! written beside, renamed, never synced, because whoever reads them verifies them. A payload needs no seal: its key is
//! its checksum.

use std::borrow::Cow;
use std::cell::Cell;
use std::io;
use std::mem;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, TryLockError};

use bincode::{Decode, Encode};

use super::CacheMode;
use super::bundle::{Bundle, Bundles, Place, is_bundle};
use super::db::{self, DatabaseFile, Spec, Trouble, Writer, lock};
use super::encoding::{decode, encode, encoded};
use crate::error::{IoContext, Result};
use crate::model::digest::DigestMap;
use crate::model::{Diagnostic, Digest, KeyHasher};
use crate::system::{Bytes, Disk, FileKind, Stamp};

const TRACES: &str = "traces";
const STORED: &str = "stored";
const PAYLOADS: &str = "payloads";
const PLACES: &str = "places";

pub(super) const SPEC: Spec = Spec {
    file: "store.redb",
    name: "the cache's store",
    format: "packwright store 3",
    tables: &[TRACES, STORED, PAYLOADS, PLACES],
    read_cache: db::READ_BYTES,
};

/// Traces kept for one recipe key: enough for a few branches.
const TRACES_KEPT: usize = 4;
/// Payloads from this length on are files of their own: a bundle with one of them is worth no more than a few others.
const BLOB_MIN: usize = 64 << 10;
/// So many bytes of small payloads are worth a bundle of their own.
const BUNDLE_MIN: usize = 1 << 20;
/// No blob is longer; a damaged one must not claim all memory.
const BLOB_MAX: u64 = 4 << 30;
/// A bundle that no database knows is nobody's when it is so old, in nanoseconds: an hour.
const ORPHANED_NS: i64 = 3600 * 1_000_000_000;
/// So many bytes wait in memory before a batch is committed unasked.
const BATCH_BYTES: usize = 32 << 20;
/// So many bytes of payloads are held that cannot be stored; what comes after is forgotten.
const HELD_BYTES: usize = 128 << 20;

/// Returns the key under which the record of one compression lies: of the bytes with digest `raw`, by `codec`,
/// a text that names the codec, its settings and the version that decides its output.
pub fn stored_key(raw: Digest, codec: &str) -> Digest {
    KeyHasher::new("packwright cache stored v1").digest(1, raw).text(2, codec).finish()
}

macro_rules! cache_counters {
    ($($name:ident: $doc:literal,)*) => {
        /// Running counts of what a store was asked.
        #[derive(Default, Debug)]
        pub struct CacheCounters { $(#[doc = $doc] pub $name: AtomicU64,)* }

        /// The counts at one moment.
        #[derive(Clone, Copy, Default, PartialEq, Eq, Debug, serde::Serialize, schemars::JsonSchema)]
        pub struct CacheCounts { $(#[doc = $doc] pub $name: u64,)* }

        impl CacheCounters {
            /// Returns the counts so far.
            pub fn counts(&self) -> CacheCounts {
                CacheCounts { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }
    };
}

cache_counters! {
    trace_hits: "recipe keys that had a trace",
    trace_misses: "recipe keys that had none",
    record_hits: "records of stored payloads found",
    record_misses: "records of stored payloads not found",
    payload_hits: "payloads found and verified",
    payload_misses: "payloads not found, or damaged",
}

/// How much a store holds.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, serde::Serialize, schemars::JsonSchema)]
pub struct StoreStats {
    /// Recipe keys with traces.
    pub traces: u64,
    /// Records of stored payloads.
    pub records: u64,
    /// Small payloads, in the database and in bundles.
    pub payloads: u64,
    /// Length of the bundles in bytes, and of what in them nobody refers to any more.
    pub bundle_bytes: u64,
    /// Length of the database in bytes.
    pub database_bytes: u64,
    /// Payloads in files of their own.
    pub blobs: u64,
    /// Their length in bytes.
    pub blob_bytes: u64,
}

/// Traces, records and payloads, shared by all threads of a build.
pub struct Store {
    file: DatabaseFile,
    bundles: Bundles,
    bundle_min: usize,
    blobs: PathBuf,
    queue: Mutex<Queue>,
    /// Whether anything waits: most builds look up much and put nothing.
    waiting: AtomicBool,
    /// Held while a batch is committed.
    committing: Mutex<()>,
    /// Set where a commit failed, so that not every put waits for the next one to fail.
    gave_up: AtomicBool,
    counters: CacheCounters,
}

/// What was put and is not stored yet.
#[derive(Default)]
struct Queue {
    next: Batch,
    /// What is being committed this moment.
    current: Arc<Batch>,
    /// Payloads that cannot be stored but may be asked for.
    held: DigestMap<Bytes>,
    held_bytes: usize,
}

#[derive(Default)]
struct Batch {
    /// Lists of encoded traces by recipe key, newest first, encoded in their turn.
    traces: Gathered,
    records: Gathered,
    payloads: DigestMap<Bytes>,
    payload_bytes: usize,
}

/// Short values by digest, all in one buffer: a first build puts one for each asset.
#[derive(Default)]
struct Gathered {
    buffer: Vec<u8>,
    places: DigestMap<Range<usize>>,
}

impl Gathered {
    fn get(&self, key: Digest) -> Option<&[u8]> {
        self.places.get(&key).map(|it| &self.buffer[it.clone()])
    }

    /// Puts a value; the one that was at `key` stays in the buffer until all of it goes.
    fn put(&mut self, key: Digest, value: &[u8]) {
        let start = self.buffer.len();
        self.buffer.extend_from_slice(value);
        self.places.insert(key, start..self.buffer.len());
    }

    /// Returns the values in order of their digests.
    fn sorted(&self) -> Vec<(Digest, &[u8])> {
        sorted(self.places.iter().map(|(key, it)| (*key, &self.buffer[it.clone()])))
    }
}

impl Store {
    /// Returns the store in `dir`. Nothing is touched before something is asked or stored.
    ///
    /// With [`CacheMode::Off`] and [`CacheMode::Read`] nothing is written; payloads that are put are held in
    /// memory, within limits, for whoever asks in this process.
    pub fn new(disk: Arc<dyn Disk>, dir: &Path, mode: CacheMode) -> Self {
        Self {
            file: DatabaseFile::new(disk, dir, &SPEC, mode),
            bundles: Bundles::new(dir),
            bundle_min: BUNDLE_MIN,
            blobs: dir.join("blobs"),
            queue: Mutex::default(),
            waiting: AtomicBool::new(false),
            committing: Mutex::default(),
            gave_up: AtomicBool::new(false),
            counters: CacheCounters::default(),
        }
    }

    /// Returns the traces known for a recipe key, newest first, at most four.
    pub fn traces<T: Decode<()>>(&self, key: Digest) -> Vec<T> {
        let waiting = self.in_queue(|it| it.traces.get(key).and_then(decode::<Vec<Vec<u8>>>));
        let mut rows = waiting.into_iter().flatten().collect();
        merge(&mut rows, self.row::<Vec<Vec<u8>>>(TRACES, key).unwrap_or_default());
        let traces: Vec<T> = rows.iter().filter_map(|it| decode(it)).collect();
        count(!traces.is_empty(), &self.counters.trace_hits, &self.counters.trace_misses);
        traces
    }

    /// Adds a trace for a recipe key; of more than four the oldest is forgotten.
    pub fn put_trace<T: Encode>(&self, key: Digest, trace: &T) {
        let put = |rows: &[u8]| self.put(|batch| batch.put_traces(key, rows, |older| merged(rows, older)));
        encoded(trace, |trace| encoded(&[trace].as_slice(), put));
    }

    /// Returns the record at `key`, which is a [`stored_key`].
    pub fn stored<T: Decode<()>>(&self, key: Digest) -> Option<T> {
        let waiting = self.in_queue(|it| it.records.get(key).map(decode)).into_iter().next();
        let record = waiting.unwrap_or_else(|| self.row(STORED, key));
        count(record.is_some(), &self.counters.record_hits, &self.counters.record_misses);
        record
    }

    /// Stores a record at `key`, which is a [`stored_key`].
    pub fn put_stored<T: Encode>(&self, key: Digest, record: &T) {
        encoded(record, |record| self.put(|batch| batch.records.put(key, record)));
    }

    /// Returns the bytes of this digest, verified.
    pub fn bytes(&self, digest: Digest) -> Option<Bytes> {
        let found = self.waiting_bytes(digest).or_else(|| self.small_bytes(digest)).or_else(|| self.blob(digest));
        count(found.is_some(), &self.counters.payload_hits, &self.counters.payload_misses);
        found
    }

    /// Returns whether there are bytes under this digest, without looking at them.
    pub fn has_bytes(&self, digest: Digest) -> bool {
        let is_blob = || {
            let stat = self.file.disk().stat(&self.blob_path(digest));
            self.file.mode() != CacheMode::Off && stat.is_ok_and(|it| it.kind == FileKind::File)
        };
        self.waiting_bytes(digest).is_some()
            || self.file.get_unsealed(PAYLOADS, &digest.0, |_| ()).is_some()
            || self.file.get_packed(PLACES, digest, |_| ()).is_some()
            || is_blob()
    }

    /// Keeps `bytes`, whose digest is `digest`: the caller has just computed it.
    pub fn put_bytes(&self, digest: Digest, bytes: &Bytes) {
        if self.file.mode() != CacheMode::Write {
            return self.hold(digest, bytes);
        }
        if bytes.len() < BLOB_MIN {
            return self.put(|batch| {
                if batch.bytes() + bytes.len() > HELD_BYTES {
                    // Nothing can be stored, for whatever reason; who needs it makes it again.
                    return;
                }
                batch.payload_bytes += bytes.len();
                batch.payloads.insert(digest, bytes.clone());
            });
        }
        if let Err(error) = self.write_blob(digest, bytes) {
            self.file.note(Trouble::Unavailable(error.to_string()));
            self.hold(digest, bytes);
        }
    }

    /// Stores what waits, in one transaction. What cannot be stored keeps waiting, within limits.
    pub fn commit(&self) {
        let _one_at_a_time = lock(&self.committing);
        let batch = lock(&self.queue).begin();
        if batch.is_empty() {
            return;
        }
        let stored = self.write(&batch);
        self.gave_up.store(!stored, Ordering::Relaxed);
        // The database is looked up anew by now, so that nothing is between the two.
        let mut queue = lock(&self.queue);
        queue.end(batch, stored);
        self.waiting.store(!queue.is_empty(), Ordering::Release);
    }

    /// Returns what there is to warn of, each once. Not part of what a build says about its assets.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        self.file.warnings().list()
    }

    /// Returns hits and misses.
    pub fn counters(&self) -> &CacheCounters {
        &self.counters
    }

    /// Returns how much is stored; what waits in memory is not counted.
    ///
    /// # Errors
    ///
    /// A folder of blobs that cannot be listed.
    pub fn stats(&self) -> Result<StoreStats> {
        let mut stats = StoreStats { database_bytes: self.file.file_bytes(), ..StoreStats::default() };
        if let Some(reader) = self.file.reader() {
            let count_of = |rows: std::result::Result<u64, Trouble>| {
                rows.unwrap_or_else(|trouble| {
                    self.file.failed(trouble);
                    0
                })
            };
            stats.traces = count_of(reader.len_packed(TRACES));
            stats.records = count_of(reader.len_packed(STORED));
            stats.payloads = count_of(reader.len(PAYLOADS)) + count_of(reader.len_packed(PLACES));
        }
        let disk = self.file.disk();
        for name in self.names(self.bundles.dir(), FileKind::File)?.iter().filter(|it| is_bundle(it)) {
            stats.bundle_bytes += disk.stat(&self.bundles.dir().join(name)).map_or(0, |it| it.size);
        }
        self.each_blob(|path, name| {
            if is_blob(name) {
                stats.blobs += 1;
                stats.blob_bytes += disk.stat(path).map_or(0, |it| it.size);
            }
            Ok(())
        })?;
        Ok(stats)
    }

    /// Forgets everything, in memory and on disk. Files that are not the store's are left.
    ///
    /// # Errors
    ///
    /// A file that cannot be removed.
    pub fn clear(&self) -> Result<()> {
        let _one_at_a_time = lock(&self.committing);
        *lock(&self.queue) = Queue::default();
        self.waiting.store(false, Ordering::Release);
        self.file.remove()?;
        self.remove_bundles(|_| true)?;
        let disk = self.file.disk();
        self.each_blob(
            |path, name| {
                if is_blob(name) || name.ends_with(TEMPORARY) { disk.remove_file(path) } else { Ok(()) }
            },
        )?;
        // A folder that holds something else stays, and so does the one above.
        for folder in self.folders()?.iter().map(PathBuf::as_path).chain([&*self.blobs, self.bundles.dir()]) {
            let _ = disk.remove_dir(folder);
        }
        Ok(())
    }
}

/// Looking up.
impl Store {
    fn row<T: Decode<()>>(&self, table: &'static str, key: Digest) -> Option<T> {
        self.file.get_packed(table, key, decode).flatten()
    }

    fn small_bytes(&self, digest: Digest) -> Option<Bytes> {
        if let Some(bytes) = self.file.get_unsealed(PAYLOADS, &digest.0, |bytes| Bytes::from(bytes)) {
            return self.verified(digest, &bytes).then_some(bytes);
        }
        let place: Place = self.file.get_packed(PLACES, digest, decode).flatten()?;
        match self.bundles.read(&**self.file.disk(), place, BLOB_MIN) {
            Ok(bytes) => self.verified(digest, &bytes).then_some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                self.file.say_damaged("a bundle of payloads is shorter than it was");
                None
            }
            Err(error) => {
                self.file.note(Trouble::Unavailable(error.to_string()));
                None
            }
        }
    }

    fn blob(&self, digest: Digest) -> Option<Bytes> {
        if self.file.mode() == CacheMode::Off {
            return None;
        }
        let path = self.blob_path(digest);
        let bytes: Bytes = match self.file.disk().read(&path, BLOB_MAX) {
            Ok(bytes) => bytes.into(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                self.file.note(Trouble::Unavailable(error.to_string()));
                return None;
            }
        };
        if self.verified(digest, &bytes) {
            return Some(bytes);
        }
        if self.file.mode() == CacheMode::Write {
            // Where it stays, the next put finds a file of the right length and leaves it.
            let _ = self.file.disk().remove_file(&path);
        }
        None
    }

    fn verified(&self, digest: Digest, bytes: &[u8]) -> bool {
        let same = Digest::of(bytes) == digest;
        if !same {
            self.file.say_damaged("a payload is not what its digest says");
        }
        same
    }
}

/// The queue.
impl Store {
    /// Returns what `find` finds in what waits, newest first.
    fn in_queue<R>(&self, find: impl Fn(&Batch) -> Option<R>) -> Vec<R> {
        if !self.waiting.load(Ordering::Acquire) {
            return Vec::new();
        }
        let queue = lock(&self.queue);
        [&queue.next, &*queue.current].into_iter().filter_map(find).collect()
    }

    fn waiting_bytes(&self, digest: Digest) -> Option<Bytes> {
        if !self.waiting.load(Ordering::Acquire) {
            return None;
        }
        let queue = lock(&self.queue);
        let places = [&queue.next.payloads, &queue.current.payloads, &queue.held];
        places.into_iter().find_map(|it| it.get(&digest).cloned())
    }

    fn put(&self, add: impl FnOnce(&mut Batch)) {
        if self.file.mode() != CacheMode::Write {
            return;
        }
        let bytes = {
            let mut queue = lock(&self.queue);
            self.waiting.store(true, Ordering::Release);
            add(&mut queue.next);
            queue.next.bytes()
        };
        if bytes > BATCH_BYTES && !self.gave_up.load(Ordering::Relaxed) {
            self.commit_unasked(bytes);
        }
    }

    /// Commits, unless another thread is at it; waits for that one only where memory fills up.
    fn commit_unasked(&self, bytes: usize) {
        match self.committing.try_lock() {
            Err(TryLockError::WouldBlock) if bytes < HELD_BYTES => {}
            free => {
                drop(free);
                self.commit();
            }
        }
    }

    fn hold(&self, digest: Digest, bytes: &Bytes) {
        let mut queue = lock(&self.queue);
        self.waiting.store(true, Ordering::Release);
        queue.hold(digest, bytes.clone());
    }
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.next.is_empty() && self.current.is_empty() && self.held.is_empty()
    }

    fn begin(&mut self) -> Arc<Batch> {
        self.current = Arc::new(mem::take(&mut self.next));
        self.current.clone()
    }

    fn end(&mut self, batch: Arc<Batch>, stored: bool) {
        self.current = Arc::default();
        if stored {
            return;
        }
        // It waits again, behind what was put meanwhile.
        for (key, older) in batch.traces.sorted() {
            self.next.put_traces(key, older, |newer| merged(newer, older));
        }
        for (key, record) in batch.records.sorted() {
            if self.next.records.get(key).is_none() {
                self.next.records.put(key, record);
            }
        }
        self.next.payloads.extend(batch.payloads.iter().map(|(digest, it)| (*digest, it.clone())));
        self.next.payload_bytes = self.next.payloads.values().map(|it| it.len()).sum();
    }

    fn hold(&mut self, digest: Digest, bytes: Bytes) {
        if self.held_bytes + bytes.len() <= HELD_BYTES && !self.held.contains_key(&digest) {
            self.held_bytes += bytes.len();
            self.held.insert(digest, bytes);
        }
    }
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.traces.places.is_empty() && self.records.places.is_empty() && self.payloads.is_empty()
    }

    /// Returns how much waits, in bytes.
    fn bytes(&self) -> usize {
        self.traces.buffer.len() + self.records.buffer.len() + self.payload_bytes
    }

    /// Puts the list of traces of a recipe key: where one waits already, what `merge` makes of that.
    fn put_traces(&mut self, key: Digest, rows: &[u8], merge: impl FnOnce(&[u8]) -> Vec<u8>) {
        match self.traces.get(key).map(merge) {
            Some(all) => self.traces.put(key, &all),
            None => self.traces.put(key, rows),
        }
    }

    /// Writes all but payloads.
    fn write(&self, writer: &Writer) -> std::result::Result<(), redb::Error> {
        writer.table(TRACES)?.put_packed(&self.traces.sorted(), |rows, older| match older {
            None => Cow::Borrowed(rows),
            Some(older) => Cow::Owned(merged(rows, older)),
        })?;
        writer.table(STORED)?.put_packed(&self.records.sorted(), |record, _| Cow::Borrowed(record))
    }
}

/// Returns values in order of their digests.
fn sorted<V>(values: impl Iterator<Item = (Digest, V)>) -> Vec<(Digest, V)> {
    // Hardly two digests begin alike, and to compare numbers is faster.
    let first = |it: &Digest| u64::from_be_bytes(*it.0.first_chunk().expect("a digest is longer"));
    let mut sorted: Vec<(Digest, V)> = values.collect();
    sorted.sort_unstable_by(|(a, _), (b, _)| first(a).cmp(&first(b)).then_with(|| a.cmp(b)));
    sorted
}

/// Merges two encoded lists of encoded traces.
fn merged(newer: &[u8], older: &[u8]) -> Vec<u8> {
    let [mut newer, older] = [newer, older].map(|it| decode::<Vec<Vec<u8>>>(it).unwrap_or_default());
    merge(&mut newer, older);
    encode(&newer)
}

/// Appends to `newer` what it does not hold of `older`, and keeps the first four.
fn merge(newer: &mut Vec<Vec<u8>>, older: Vec<Vec<u8>>) {
    for row in older {
        if !newer.contains(&row) {
            newer.push(row);
        }
    }
    newer.truncate(TRACES_KEPT);
}

fn count(hit: bool, hits: &AtomicU64, misses: &AtomicU64) {
    if hit { hits } else { misses }.fetch_add(1, Ordering::Relaxed);
}

/// Gives out what a file is to hold, piece by piece.
type Fill<'a> = &'a dyn Fn(&mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()>;

/// How the name of a file ends that is being written.
const TEMPORARY: &str = ".new";

fn is_blob(name: &str) -> bool {
    name.len() == 62 && name.bytes().all(|it| it.is_ascii_digit() || (b'a'..=b'f').contains(&it))
}

/// Bundles and blobs.
impl Store {
    /// Stores a batch.
    fn write(&self, batch: &Batch) -> bool {
        let payloads = sorted(batch.payloads.iter().map(|(digest, it)| (*digest, it)));
        if batch.payload_bytes >= self.bundle_min && !payloads.is_empty() {
            return self.write_bundled(batch, &payloads);
        }
        self.file.write(|writer| {
            batch.write(writer)?;
            let mut rows = writer.table(PAYLOADS)?;
            payloads.iter().try_for_each(|(digest, bytes)| rows.put_unsealed(&digest.0, bytes))
        })
    }

    /// Stores a batch with many payloads: the bundle first, so that no row ever names one that was never there.
    fn write_bundled(&self, batch: &Batch, payloads: &[(Digest, &Bytes)]) -> bool {
        let bundle = Bundle::of(payloads);
        let path = self.bundles.path(&bundle);
        if let Err(error) = self.replace_file(&path, &|write| bundle.write(write)) {
            self.file.note(Trouble::Unavailable(error.to_string()));
            return false;
        }
        let places: Vec<(Digest, Vec<u8>)> = bundle.places().map(|(digest, it)| (digest, encode(&it))).collect();
        let is_first = Cell::new(false);
        let stored = self.file.write(|writer| {
            is_first.set(writer.table(PLACES)?.is_empty()?);
            batch.write(writer)?;
            // A row of bytes is looked at first, and may be damaged.
            let mut rows = writer.table(PAYLOADS)?;
            payloads.iter().try_for_each(|it| rows.remove_unsealed(&it.0.0))?;
            let places: Vec<(Digest, &[u8])> = places.iter().map(|(digest, place)| (*digest, &place[..])).collect();
            writer.table(PLACES)?.put_packed(&places, |place, _| Cow::Borrowed(place))
        });
        // Neither is worth a word: what is left is only in the way of other files.
        if !stored {
            let _ = self.file.disk().remove_file(&path);
        } else if is_first.get()
            && let Ok(Stamp { mtime_ns: now, .. }) = self.file.disk().stat(&path)
        {
            // The database that knew older bundles is gone. Younger ones may be of a process that commits next.
            let _ = self.remove_bundles(|it| it.mtime_ns < now.saturating_sub(ORPHANED_NS));
        }
        stored
    }

    fn remove_bundles(&self, is_meant: impl Fn(&Stamp) -> bool) -> Result<()> {
        self.bundles.close();
        let disk = self.file.disk();
        for name in self.names(self.bundles.dir(), FileKind::File)? {
            let path = self.bundles.dir().join(&name);
            if (is_bundle(&name) || name.ends_with(TEMPORARY)) && disk.stat(&path).is_ok_and(|it| is_meant(&it)) {
                disk.remove_file(&path).context("remove", &path)?;
            }
        }
        Ok(())
    }

    fn blob_path(&self, digest: Digest) -> PathBuf {
        let hex = digest.to_hex();
        self.blobs.join(&hex[..2]).join(&hex[2..])
    }

    fn write_blob(&self, digest: Digest, bytes: &[u8]) -> io::Result<()> {
        let path = self.blob_path(digest);
        let disk = self.file.disk();
        if disk.stat(&path).is_ok_and(|it| it.kind == FileKind::File && it.size == bytes.len() as u64) {
            return Ok(());
        }
        self.replace_file(&path, &|write| write(bytes))
    }

    /// Puts a file in its place, whole.
    fn replace_file(&self, path: &Path, fill: Fill<'_>) -> io::Result<()> {
        let disk = self.file.disk();
        let temporary = self.write_temporary(path, fill)?;
        disk.rename(&temporary, path).inspect_err(|_| {
            let _ = disk.remove_file(&temporary);
        })
    }

    /// Writes a new file beside `path`, making the folder where it is absent.
    fn write_temporary(&self, path: &Path, fill: Fill<'_>) -> io::Result<PathBuf> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let disk = self.file.disk();
        let mut failures = 0;
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let temporary = path.with_extension(format!("{}-{number}{TEMPORARY}", std::process::id()));
            let outcome = disk.create(&temporary).and_then(|mut file| {
                fill(&mut |bytes| file.write_all(bytes)).inspect_err(|_| {
                    let _ = disk.remove_file(&temporary);
                })
            });
            failures += 1;
            match outcome {
                Ok(()) => return Ok(temporary),
                Err(error) if failures > 3 => return Err(error),
                // Another machine's process may have this number as well.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    db::prepare_dir(&**disk, self.file.dir())?;
                    disk.create_dir_all(path.parent().expect("a blob lies in a folder"))?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns the folders of blobs, sorted.
    fn folders(&self) -> Result<Vec<PathBuf>> {
        let names = self.names(&self.blobs, FileKind::Dir)?;
        Ok(names.into_iter().filter(|it| it.len() == 2).map(|it| self.blobs.join(it)).collect())
    }

    fn each_blob(&self, mut visit: impl FnMut(&Path, &str) -> io::Result<()>) -> Result<()> {
        for folder in self.folders()? {
            for name in self.names(&folder, FileKind::File)? {
                let path = folder.join(&name);
                visit(&path, &name).context("remove", &path)?;
            }
        }
        Ok(())
    }

    /// Returns the names of one kind in a directory, sorted; none where there is no directory.
    fn names(&self, dir: &Path, kind: FileKind) -> Result<Vec<String>> {
        let listing = match self.file.disk().open_dir(dir).and_then(|it| it.list(Path::new(""))) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            listing => listing.context("list", dir)?,
        };
        let of_kind = listing.into_iter().filter(|it| it.kind == kind);
        let mut names: Vec<String> = of_kind.filter_map(|it| it.name.into_string().ok()).collect();
        names.sort();
        Ok(names)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::Ordering::Relaxed;

    use super::super::packed::{Packed, shard_of};
    use super::super::testing::*;
    use super::*;
    use crate::model::Code;
    use crate::system::System;
    use crate::system::faulty::FaultyDisk;
    use crate::system::memory::MemorySystem;
    use crate::system::os::OsSystem;

    const FILE: &str = "/ws/.packwright/cache/store.redb";

    fn filled(sample: &Sample) -> MemorySystem {
        let memory = MemorySystem::new();
        let store = store(&memory);
        sample.put(&store);
        store.commit();
        assert_eq!(store.warnings(), []);
        settle(&memory, FILE);
        memory
    }

    #[test]
    fn what_is_put_is_found_at_once_and_after_a_commit() {
        let sample = Sample::new(1, 12);
        let memory = MemorySystem::new();
        let first = store(&memory);
        assert_eq!(sample.count(&first, "empty"), 0);
        sample.put(&first);
        assert_eq!(sample.count(&first, "waiting"), sample.len());
        assert_eq!(sample.count(&store(&memory), "not committed"), 0);
        first.commit();
        assert_eq!(sample.count(&first, "committed"), sample.len());
        assert_eq!(sample.count(&store(&memory), "anew"), sample.len());
        assert_eq!(first.warnings(), []);
    }

    #[test]
    fn of_many_traces_the_latest_four_are_kept_each_once() {
        let memory = MemorySystem::new();
        let key = Digest::of(b"recipe");
        for batch in [&[1_u32, 2, 3][..], &[2, 4], &[5]] {
            let store = store(&memory);
            batch.iter().for_each(|it| store.put_trace(key, it));
            store.commit();
        }
        let store = store(&memory);
        assert_eq!(store.traces::<u32>(key), [5, 4, 2, 3]);
        store.put_trace(key, &3_u32);
        assert_eq!(store.traces::<u32>(key), [3, 5, 4, 2]);
        assert!(store.traces::<u32>(Digest::of(b"another")).is_empty());
    }

    #[test]
    fn hits_and_misses_are_counted() {
        let sample = Sample::new(1, 4);
        let store = store(&filled(&sample));
        sample.count(&store, "all there");
        assert!(store.bytes(Digest::of(b"nothing")).is_none());
        assert!(store.traces::<u8>(Digest::of(b"nothing")).is_empty());
        let counts = store.counters().counts();
        assert_eq!((counts.trace_hits, counts.record_hits, counts.payload_hits), (4, 4, 4));
        assert_eq!((counts.trace_misses, counts.record_misses, counts.payload_misses), (1, 0, 1));
    }

    #[test]
    fn looking_up_writes_nothing() {
        let sample = Sample::new(1, 4);
        let memory = filled(&sample);
        let before = memory.snapshot();
        let counts = memory.counters().counts();
        for mode in [CacheMode::Write, CacheMode::Read] {
            let store = Store::new(Arc::new(memory.clone()), Path::new(DIR), mode);
            assert_eq!(sample.count(&store, "all there"), sample.len());
            store.commit();
        }
        let done = memory.counters().counts().since(counts);
        assert_eq!((done.databases_opened_for_writing, done.bytes_written, done.syncs), (0, 0, 0));
        assert_eq!(memory.snapshot(), before);
    }

    #[test]
    fn a_store_that_may_only_read_holds_payloads_in_memory() {
        let sample = Sample::new(1, 4);
        for (mode, found) in [(CacheMode::Read, sample.len()), (CacheMode::Off, 0)] {
            let memory = filled(&sample);
            let before = memory.snapshot();
            let store = Store::new(Arc::new(memory.clone()), Path::new(DIR), mode);
            assert_eq!(sample.count(&store, "stored"), found);
            let other = Sample::new(2, 4);
            other.put(&store);
            store.commit();
            assert_eq!(other.count(&store, "put"), other.payloads.len());
            assert_eq!(memory.snapshot(), before);
            assert_eq!(store.warnings(), []);
        }
    }

    #[test]
    fn large_payloads_are_files_from_the_threshold_on() {
        let memory = MemorySystem::new();
        let store = store(&memory);
        let payloads = [BLOB_MIN - 1, BLOB_MIN].map(|len| Bytes::from(vec![7; len]));
        let digests = payloads.clone().map(|it| Digest::of(&it));
        for (digest, bytes) in digests.iter().zip(&payloads) {
            store.put_bytes(*digest, bytes);
        }
        assert!(memory.get(store.blob_path(digests[0])).is_none());
        assert_eq!(memory.get(store.blob_path(digests[1])).unwrap(), *payloads[1]);
        let counts = memory.counters().counts();
        store.put_bytes(digests[1], &payloads[1]);
        assert_eq!(memory.counters().counts().since(counts).files_written, 0);
        assert_eq!(counts.syncs, 0);
    }

    #[test]
    fn a_damaged_blob_is_a_miss_and_is_written_again() {
        let memory = MemorySystem::new();
        let bytes: Bytes = vec![7; BLOB_MIN].into();
        let digest = Digest::of(&bytes);
        store(&memory).put_bytes(digest, &bytes);
        let mut other = bytes.to_vec();
        other[BLOB_MIN / 2] ^= 1;
        for damaged in [vec![], bytes[1..].to_vec(), other] {
            let store = store(&memory);
            memory.write(store.blob_path(digest), damaged);
            assert!(store.bytes(digest).is_none());
            assert_eq!(codes(&store.warnings()), [Code::CACHE_DAMAGED]);
            store.put_bytes(digest, &bytes);
            assert_eq!(store.bytes(digest), Some(bytes.clone()));
        }
    }

    /// A store for which any payloads are many.
    fn bundling(memory: &MemorySystem) -> Store {
        Store { bundle_min: 0, ..store(memory) }
    }

    /// The paths of all bundles.
    fn bundles(memory: &MemorySystem) -> Vec<PathBuf> {
        memory.snapshot().into_keys().filter(|it| it.parent().is_some_and(|it| it.ends_with("bundles"))).collect()
    }

    #[test]
    fn many_small_payloads_share_a_file() {
        let memory = MemorySystem::new();
        let (first, second) = (Sample::new(1, 12), Sample::new(2, 12));
        for sample in [&first, &second] {
            let store = bundling(&memory);
            sample.put(&store);
            store.commit();
        }
        assert_eq!(bundles(&memory).len(), 2);
        assert!(bundles(&filled(&first)).is_empty(), "few are rows");
        let store = store(&memory);
        let stats = store.stats().unwrap();
        let bytes = |it: &Sample| it.payloads.iter().map(|it| it.1.len() as u64).sum::<u64>();
        assert_eq!((stats.payloads, stats.bundle_bytes), (24, bytes(&first) + bytes(&second)));
        assert_eq!(first.count(&store, "first") + second.count(&store, "second"), first.len() + second.len());
    }

    #[test]
    fn a_damaged_bundle_is_a_miss_for_what_it_held_and_heals() {
        let (old, sample) = (Sample::new(1, 4), Sample::new(2, 4));
        let memory = MemorySystem::new();
        let mut made = Vec::new();
        for sample in [&old, &sample] {
            let store = bundling(&memory);
            sample.put(&store);
            store.commit();
            made.extend(bundles(&memory).into_iter().find(|it| !made.contains(it)));
        }
        let path = &made[1];
        let whole = memory.get(path).unwrap();
        let flipped: Vec<u8> = whole.iter().map(|it| it ^ 1).collect();
        for (damaged, code) in
            [(None, None), (Some(vec![]), Some(Code::CACHE_DAMAGED)), (Some(flipped), Some(Code::CACHE_DAMAGED))]
        {
            let memory = memory.fork();
            match damaged {
                Some(bytes) => memory.write(path, bytes),
                None => memory.remove_file(path).unwrap(),
            }
            let first = store(&memory);
            assert_eq!(sample.count(&first, "damaged"), sample.len() - sample.payloads.len());
            assert_eq!(codes(&first.warnings()), Vec::from_iter(code));
            assert_eq!(old.count(&first, "in another bundle"), old.len());
            for second in [bundling(&memory.fork()), store(&memory)] {
                sample.put(&second);
                second.commit();
                assert_eq!(sample.count(&second, "healed"), sample.len());
            }
            assert_eq!(sample.count(&store(&memory), "healed"), sample.len());
        }
    }

    #[test]
    fn bundles_of_a_database_that_is_gone_do_not_stay() {
        let sample = Sample::new(1, 4);
        let memory = MemorySystem::new();
        let first = bundling(&memory);
        sample.put(&first);
        first.commit();
        let orphan = bundles(&memory);
        memory.remove_file(Path::new(FILE)).unwrap();
        for (hours, left) in [(0, 2), (2, 1)] {
            let memory = memory.fork();
            memory.advance(hours * ORPHANED_NS + 1);
            let other = Sample::new(2, 4);
            let store = bundling(&memory);
            other.put(&store);
            store.commit();
            assert_eq!(bundles(&memory).len(), left, "after {hours} hours");
            assert_eq!(bundles(&memory).contains(&orphan[0]), left == 2);
            assert_eq!(other.count(&store, "new"), other.len());
        }
    }

    #[test]
    fn a_blob_that_fails_at_any_step_leaves_nothing_wrong() {
        let bytes: Bytes = vec![7; BLOB_MIN].into();
        let digest = Digest::of(&bytes);
        for k in 0.. {
            let memory = MemorySystem::new();
            let disk = Arc::new(FaultyDisk::over(&memory).fail_torn_at(k));
            let faulty = Store::new(disk.clone(), Path::new(DIR), CacheMode::Write);
            faulty.put_bytes(digest, &bytes);
            assert!(faulty.bytes(digest).is_some(), "step {k}: held in memory");
            for memory in [memory.clone(), memory.after_power_loss()] {
                let store = store(&memory);
                assert!(store.bytes(digest).is_none_or(|it| it == bytes), "step {k}");
                store.put_bytes(digest, &bytes);
                assert_eq!(store.bytes(digest), Some(bytes.clone()), "step {k}");
            }
            if faulty.warnings().is_empty() {
                assert!(k >= 4, "create, write and rename were steps");
                break;
            }
        }
    }

    #[test]
    fn many_threads_put_look_up_and_commit_at_once() {
        use rayon::iter::{IntoParallelIterator, ParallelIterator};
        let temp = tempfile::tempdir().unwrap();
        let store = native(temp.path());
        (0..32).into_par_iter().for_each(|seed| {
            let sample = Sample::new(seed, 6);
            sample.put(&store);
            assert_eq!(sample.count(&store, "put"), sample.len());
            if seed % 4 == 0 {
                store.commit();
            }
            assert_eq!(sample.count(&store, "perhaps committed"), sample.len());
        });
        store.commit();
        let later = native(temp.path());
        assert!((0..32).map(|it| Sample::new(it, 6)).all(|it| it.count(&later, "later") == it.len()));
        assert_eq!(store.warnings(), []);
    }

    #[test]
    fn much_that_waits_is_committed_unasked() {
        let memory = MemorySystem::new();
        let store = store(&memory);
        let mut digests = Vec::new();
        for it in 0..(BATCH_BYTES / 60_000 + 2) as u32 {
            let mut bytes = vec![0; 60_000];
            bytes[..4].copy_from_slice(&it.to_le_bytes());
            digests.push(Digest::of(&bytes));
            store.put_bytes(digests[it as usize], &bytes.into());
        }
        assert_eq!(memory.counters().databases_opened_for_writing.load(Relaxed), 1);
        assert!(digests.iter().all(|it| store.bytes(*it).is_some()));
    }

    #[test]
    fn damage_never_gives_a_wrong_answer_and_heals() {
        let sample = Sample::new(1, 12);
        let memory = filled(&sample);
        let original = memory.get(FILE).unwrap();
        let mut noticed = 0;
        for (what, bytes) in damages(&original, 100) {
            let memory = memory.fork();
            memory.write(FILE, bytes);
            // A page in the wrong place can hide a row so well that the second commit is the one that heals.
            for _ in 0..2 {
                let store = store(&memory);
                sample.count(&store, &what);
                sample.put(&store);
                store.commit();
                assert!(codes(&store.warnings()).iter().all(|it| *it == Code::CACHE_DAMAGED), "{what}");
                noticed += store.warnings().len();
            }
            let healed = store(&memory);
            assert_eq!(sample.count(&healed, &what), sample.len(), "{what}");
            assert_eq!(healed.warnings(), [], "{what}");
        }
        assert!(noticed > 60, "the damage hardly damages: {noticed}");
    }

    #[test]
    fn an_empty_file_is_no_damage_and_a_foreign_one_is_set_aside() {
        let foreign = {
            let memory = MemorySystem::new();
            let index = index(&memory);
            index.commit(&put_buckets(&buckets(3, 0)));
            memory.get("/ws/.packwright/cache/index.redb").unwrap()
        };
        let sample = Sample::new(1, 4);
        for (bytes, warnings) in [(Vec::new(), vec![]), (foreign, vec![Code::CACHE_DAMAGED])] {
            let memory = MemorySystem::new();
            memory.write(FILE, &bytes);
            let first = store(&memory);
            assert_eq!(sample.count(&first, "foreign"), 0);
            assert_eq!(memory.get(FILE), Some(bytes.clone()), "looking up changes nothing");
            sample.put(&first);
            first.commit();
            assert_eq!(codes(&first.warnings()), warnings);
            assert_eq!(memory.get(format!("{FILE}.damaged")), (!bytes.is_empty()).then_some(bytes));
            let second = store(&memory);
            assert_eq!(sample.count(&second, "anew"), sample.len());
            assert_eq!(second.warnings(), []);
        }
    }

    #[test]
    fn values_swapped_between_keys_are_misses() {
        let memory = MemorySystem::new();
        let keys = [stored_key(Digest::of(b"a"), "zstd"), stored_key(Digest::of(b"b"), "zstd")];
        let file = DatabaseFile::new(Arc::new(memory.clone()), Path::new(DIR), &SPEC, CacheMode::Write);
        assert!(file.write(|writer| {
            let mut rows = writer.table(STORED)?;
            for (at, key) in keys.iter().enumerate() {
                let value = encode(&(at as u64));
                let packed = Packed::of([(*key, &value[..])].into_iter());
                let (_, sealed) = super::super::encoding::seal(STORED, &shard_of(keys[1 - at]), packed.bytes());
                rows.put_unsealed(&shard_of(*key), &sealed)?;
            }
            Ok(())
        }));
        let store = store(&memory);
        assert_eq!(keys.map(|it| store.stored::<u64>(it)), [None, None]);
        assert_eq!(codes(&store.warnings()), [Code::CACHE_DAMAGED]);
    }

    #[test]
    fn a_commit_killed_at_any_step_stores_all_or_nothing() {
        [BUNDLE_MIN, 0].into_iter().for_each(kill_at_any_step);
    }

    fn kill_at_any_step(bundle_min: usize) {
        let (old, new) = (Sample::new(1, 2), Sample::new(2, 2));
        let before = filled(&old);
        let whole = |memory: &MemorySystem, what: &str| {
            let store = store(memory);
            assert_eq!(old.count(&store, what), old.len(), "{what}");
            let found = new.count(&store, what);
            assert!(found == 0 || found == new.len(), "{what}: half a batch");
            assert_eq!(store.warnings(), [], "{what}");
        };
        for k in 0.. {
            let memory = before.fork();
            let disk = Arc::new(FaultyDisk::over(&memory).fail_torn_at(k));
            let faulty = Store { bundle_min, ..Store::new(disk.clone(), Path::new(DIR), CacheMode::Write) };
            new.put(&faulty);
            faulty.commit();
            whole(&memory.fork(), &format!("killed at step {k}"));
            for (what, memory) in power_losses(&memory, 2) {
                let store = store(&memory);
                old.count(&store, &what);
                new.count(&store, &what);
            }
            // And once more, while what was left is mended.
            for j in 0.. {
                let memory = memory.fork();
                let disk = Arc::new(FaultyDisk::over(&memory).fail_torn_at(j));
                let second = Store::new(disk.clone(), Path::new(DIR), CacheMode::Write);
                old.count(&second, "mending");
                whole(&memory, &format!("killed at step {k}, then at {j}"));
                if disk.steps() <= j {
                    break;
                }
            }
            if disk.steps() <= k {
                assert!(k > 10, "a commit has more steps than that");
                break;
            }
        }
    }

    #[test]
    fn a_full_disk_is_said_once_and_what_could_not_be_stored_is_still_found() {
        let (old, new) = (Sample::new(1, 2), Sample::new(2, 2));
        let before = filled(&old);
        for (k, bundle_min) in (0..).flat_map(|k| [(k, BUNDLE_MIN), (k, 0)]) {
            let memory = before.fork();
            let disk = Arc::new(FaultyDisk::over(&memory).fail_once_at(k, io::ErrorKind::StorageFull));
            let store = Store { bundle_min, ..Store::new(disk.clone(), Path::new(DIR), CacheMode::Write) };
            new.put(&store);
            store.commit();
            let stored = store.warnings().is_empty();
            assert!(stored || codes(&store.warnings()) == [Code::CACHE_UNAVAILABLE], "step {k}");
            assert_eq!(new.count(&store, "step {k}"), new.len());
            store.commit();
            let later = super::super::testing::store(&memory);
            assert_eq!(old.count(&later, "old") + new.count(&later, "new"), old.len() + new.len(), "step {k}");
            if disk.steps() <= k && bundle_min == 0 {
                break;
            }
        }
    }

    #[test]
    fn a_read_only_disk_is_read_and_said_once() {
        let sample = Sample::new(1, 4);
        let memory = filled(&sample);
        memory.set_read_only(true);
        let store = store(&memory);
        assert_eq!(sample.count(&store, "read only"), sample.len());
        assert_eq!(store.warnings(), []);
        Sample::new(2, 4).put(&store);
        let large: Bytes = vec![1; BLOB_MIN].into();
        store.put_bytes(Digest::of(&large), &large);
        store.commit();
        store.commit();
        assert_eq!(codes(&store.warnings()), [Code::CACHE_UNAVAILABLE]);
        assert_eq!(Sample::new(2, 4).count(&store, "in memory"), 12);
        assert_eq!(store.bytes(Digest::of(&large)), Some(large));
    }

    #[test]
    fn stats_count_and_clear_leaves_what_is_not_its_own() {
        let sample = Sample::new(1, 8);
        let memory = filled(&sample);
        let store = store(&memory);
        let large: Bytes = vec![1; BLOB_MIN].into();
        store.put_bytes(Digest::of(&large), &large);
        let stats = store.stats().unwrap();
        assert_eq!((stats.traces, stats.records, stats.payloads), (8, 8, 8));
        assert_eq!((stats.blobs, stats.blob_bytes), (1, BLOB_MIN as u64));
        assert_eq!(stats.database_bytes, memory.get(FILE).unwrap().len() as u64);
        memory.write(store.blobs.join("ab/notes.txt"), "mine");
        store.clear().unwrap();
        assert_eq!(sample.count(&store, "cleared"), 0);
        assert_eq!(store.stats().unwrap(), StoreStats::default());
        let left: Vec<_> = memory.snapshot().into_keys().map(|it| it.display().to_string()).collect();
        expect_test::expect![[r#"
            /ws/.packwright/cache/.gitignore
            /ws/.packwright/cache/CACHEDIR.TAG
            /ws/.packwright/cache/blobs/ab/notes.txt
            /ws/.packwright/cache/store.redb.lock"#]]
        .assert_eq(&left.join("\n"));
    }

    #[test]
    fn a_database_held_exclusively_is_done_without() {
        let sample = Sample::new(1, 4);
        let memory = filled(&sample);
        let _held = memory.try_lock(Path::new("/ws/.packwright/cache/store.redb.lock"), false).unwrap().unwrap();
        let store = store(&memory);
        assert_eq!(sample.count(&store, "held"), 0);
        sample.put(&store);
        store.commit();
        assert_eq!(codes(&store.warnings()), [Code::CACHE_BUSY]);
        assert_eq!(sample.count(&store, "in memory"), sample.len());
    }

    // The real file system, and other processes.

    fn native(dir: &Path) -> Store {
        Store::new(Arc::new(OsSystem::new()), dir, CacheMode::Write)
    }

    #[test]
    fn the_real_disk_is_no_different() {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("deep/cache");
        let sample = Sample::new(1, 12);
        let first = native(&dir);
        assert_eq!(sample.count(&first, "absent"), 0);
        sample.put(&first);
        first.commit();
        assert_eq!(sample.count(&first, "committed"), sample.len());
        assert_eq!(first.warnings(), []);
        let disk = OsSystem::new();
        let original = disk.read(&dir.join(SPEC.file), u64::MAX).unwrap();
        drop(first);
        for (what, bytes) in damages(&original, 12).into_iter().step_by(4) {
            disk.remove_file(&dir.join(SPEC.file)).unwrap();
            disk.write_new(&dir.join(SPEC.file), &bytes).unwrap();
            for _ in 0..2 {
                let store = native(&dir);
                sample.count(&store, &what);
                sample.put(&store);
                store.commit();
                assert!(codes(&store.warnings()).iter().all(|it| *it == Code::CACHE_DAMAGED), "{what}");
            }
            assert_eq!(sample.count(&native(&dir), &what), sample.len(), "{what}");
        }
    }

    #[test]
    fn a_directory_where_the_file_belongs_is_set_aside_and_a_file_where_the_directory_belongs_is_said() {
        let temp = tempfile::tempdir().unwrap();
        let disk = OsSystem::new();
        let sample = Sample::new(1, 4);
        disk.create_dir_all(&temp.path().join("a/store.redb/inside")).unwrap();
        disk.write_new(&temp.path().join("b"), b"a file").unwrap();
        for (dir, code, found) in [
            ("a", Code::CACHE_DAMAGED, sample.len()),
            ("b", Code::CACHE_UNAVAILABLE, 0),
            ("b/c", Code::CACHE_UNAVAILABLE, 0),
        ] {
            let dir = temp.path().join(dir);
            let store = native(&dir);
            assert_eq!(sample.count(&store, "a directory"), 0);
            sample.put(&store);
            store.commit();
            assert_eq!(codes(&store.warnings()), [code]);
            assert_eq!(sample.count(&native(&dir), "anew"), found);
        }
    }

    #[test]
    fn readers_go_on_while_another_process_writes_and_see_it_later() {
        let temp = tempfile::tempdir().unwrap();
        let (first, second) = (Sample::new(100, 8), Sample::new(101, 8));
        let mut peer = Peer::start("store-some 100", temp.path());
        assert!(peer.wait_for("committed"));
        let before = native(temp.path());
        assert_eq!(first.count(&before, "after one commit"), first.len());
        assert!(peer.join());
        assert_eq!(first.count(&before, "the same moment"), first.len());
        assert_eq!(second.count(&native(temp.path()), "a later moment"), second.len());
        assert_eq!(before.warnings(), []);
    }

    #[test]
    fn two_processes_commit_while_a_third_reads() {
        let temp = tempfile::tempdir().unwrap();
        let mut peers = [1000, 2000].map(|it| Peer::start(&format!("store-some {it}"), temp.path()));
        let samples: Vec<Sample> = (0..12).flat_map(|it| [1000 + it, 2000 + it]).map(|it| Sample::new(it, 8)).collect();
        while peers[0].wait_for("committed") | peers[1].wait_for("committed") {
            let reader = native(temp.path());
            assert!(samples.iter().map(|it| it.count(&reader, "meanwhile")).sum::<usize>() > 0);
            assert_eq!(reader.warnings(), []);
        }
        assert!(peers.into_iter().all(Peer::join));
        let reader = native(temp.path());
        assert!(samples.iter().all(|it| it.count(&reader, "in the end") == it.len()));
    }

    #[test]
    fn a_writer_killed_at_any_moment_leaves_whole_batches() {
        let temp = tempfile::tempdir().unwrap();
        for round in 0..6 {
            let base = 10_000 * (round + 1);
            let mut peer = Peer::start(&format!("store-for-ever {base}"), temp.path());
            for _ in 0..=round {
                assert!(peer.wait_for("committed"));
            }
            peer.kill();
            let reader = native(temp.path());
            for seed in base..base + round + 1 {
                let sample = Sample::new(seed, 8);
                assert_eq!(sample.count(&reader, "killed"), sample.len());
            }
            let next = Sample::new(base + round + 1, 8);
            let found = next.count(&reader, "the batch in hand");
            assert!(found == 0 || found == next.len());
            assert_eq!(reader.warnings(), []);
        }
    }

    #[test]
    fn a_process_that_aborts_inside_its_transaction_leaves_what_was() {
        let temp = tempfile::tempdir().unwrap();
        let sample = Sample::new(1, 8);
        let first = native(temp.path());
        sample.put(&first);
        first.commit();
        assert!(!Peer::start("abort 0", temp.path()).join());
        let reader = native(temp.path());
        assert_eq!(sample.count(&reader, "aborted"), sample.len());
        assert_eq!(reader.warnings(), []);
        assert!(!Peer::start("abort 0", temp.path()).join());
        let may_not_mend = Store::new(Arc::new(OsSystem::new()), temp.path(), CacheMode::Read);
        assert_eq!(sample.count(&may_not_mend, "read only"), 0);
        assert_eq!(codes(&may_not_mend.warnings()), [Code::CACHE_UNAVAILABLE]);
    }
}
