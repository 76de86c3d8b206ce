//! The store: traces, records and payloads, found again by the digest of what they were made from.
//!
//! Knows digests and bytes; the caller encodes what a trace or a record is. Nothing in here says anything
//! about one tree: worktrees, branches and processes may share a store (`--cache-dir`).
//!
//! ```text
//! <dir>/store.redb             traces     recipe key -> sealed list of its latest traces, newest first
//!                              stored     key of (raw digest, codec) -> sealed record
//!                              payloads   digest -> bytes of that digest, below 64 KiB
//! <dir>/blobs/<2 hex>/<62 hex>            bytes of that digest, from 64 KiB on
//! ```
//!
//! What is put waits in memory and is found there at once. [`Store::commit`] stores it in one transaction, and
//! so does putting when much has gathered. Large payloads become files right away: written beside, renamed,
//! never synced, because whoever reads them verifies them. A payload needs no seal: its key is its checksum.

use std::collections::BTreeMap;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, TryLockError};

use bincode::{Decode, Encode};

use super::CacheMode;
use super::db::{self, DatabaseFile, Spec, Trouble, Writer, lock};
use super::encoding::{decode, encode};
use crate::error::{IoContext, Result};
use crate::model::{Diagnostic, Digest, KeyHasher};
use crate::system::{Bytes, Disk, FileKind};

const TRACES: &str = "traces";
const STORED: &str = "stored";
const PAYLOADS: &str = "payloads";

const SPEC: Spec = Spec {
    file: "store.redb",
    name: "the cache's store",
    format: "packwright store 1",
    tables: &[TRACES, STORED, PAYLOADS],
    read_cache: db::CACHE_BYTES,
};

/// Traces kept for one recipe key: enough for a few branches.
const TRACES_KEPT: usize = 4;
/// Payloads from this length on are files: reading those is faster, making small ones is slower.
const BLOB_MIN: usize = 64 << 10;
/// No blob is longer; a damaged one must not claim all memory.
const BLOB_MAX: u64 = 4 << 30;
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
    /// Payloads in the database.
    pub payloads: u64,
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
    held: BTreeMap<Digest, Bytes>,
    held_bytes: usize,
}

#[derive(Default)]
struct Batch {
    /// Encoded traces by recipe key, newest first.
    traces: BTreeMap<Digest, Vec<Vec<u8>>>,
    records: BTreeMap<Digest, Vec<u8>>,
    payloads: BTreeMap<Digest, Bytes>,
    bytes: usize,
}

impl Store {
    /// Returns the store in `dir`. Nothing is touched before something is asked or stored.
    ///
    /// With [`CacheMode::Off`] and [`CacheMode::Read`] nothing is written; payloads that are put are held in
    /// memory, within limits, for whoever asks in this process.
    pub fn new(disk: Arc<dyn Disk>, dir: &Path, mode: CacheMode) -> Self {
        Self {
            file: DatabaseFile::new(disk, dir, &SPEC, mode),
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
        let waiting = self.in_queue(|it| it.traces.get(&key).cloned());
        let mut rows = waiting.into_iter().flatten().collect();
        merge(&mut rows, self.row::<Vec<Vec<u8>>>(TRACES, key).unwrap_or_default());
        let traces: Vec<T> = rows.iter().filter_map(|it| decode(it)).collect();
        count(!traces.is_empty(), &self.counters.trace_hits, &self.counters.trace_misses);
        traces
    }

    /// Adds a trace for a recipe key; of more than four the oldest is forgotten.
    pub fn put_trace<T: Encode>(&self, key: Digest, trace: &T) {
        let row = encode(trace);
        self.put(|batch| {
            batch.bytes += row.len();
            let rows = batch.traces.entry(key).or_default();
            let older = mem::replace(rows, vec![row]);
            merge(rows, older);
        });
    }

    /// Returns the record at `key`, which is a [`stored_key`].
    pub fn stored<T: Decode<()>>(&self, key: Digest) -> Option<T> {
        let waiting = self.in_queue(|it| it.records.get(&key).cloned()).pop();
        let record = match waiting {
            Some(row) => decode(&row),
            None => self.row(STORED, key),
        };
        count(record.is_some(), &self.counters.record_hits, &self.counters.record_misses);
        record
    }

    /// Stores a record at `key`, which is a [`stored_key`].
    pub fn put_stored<T: Encode>(&self, key: Digest, record: &T) {
        let row = encode(record);
        self.put(|batch| {
            batch.bytes += row.len();
            batch.records.insert(key, row);
        });
    }

    /// Returns the bytes of this digest, verified.
    pub fn bytes(&self, digest: Digest) -> Option<Bytes> {
        let found = self.waiting_bytes(digest).or_else(|| self.small_bytes(digest)).or_else(|| self.blob(digest));
        count(found.is_some(), &self.counters.payload_hits, &self.counters.payload_misses);
        found
    }

    /// Keeps `bytes`, whose digest is `digest`: the caller has just computed it.
    pub fn put_bytes(&self, digest: Digest, bytes: &Bytes) {
        if self.file.mode() != CacheMode::Write {
            return self.hold(digest, bytes);
        }
        if bytes.len() < BLOB_MIN {
            return self.put(|batch| {
                if batch.bytes + bytes.len() > HELD_BYTES {
                    // Nothing can be stored, for whatever reason; who needs it makes it again.
                    return;
                }
                batch.bytes += bytes.len();
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
        let stored = self.file.write(|writer| batch.write(writer));
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
            for (table, rows) in
                [(TRACES, &mut stats.traces), (STORED, &mut stats.records), (PAYLOADS, &mut stats.payloads)]
            {
                *rows = reader.len(table).unwrap_or_else(|trouble| {
                    self.file.failed(trouble);
                    0
                });
            }
        }
        let disk = self.file.disk();
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
        let disk = self.file.disk();
        self.each_blob(
            |path, name| {
                if is_blob(name) || name.ends_with(TEMPORARY) { disk.remove_file(path) } else { Ok(()) }
            },
        )?;
        // A folder that holds something else stays, and so does the one above.
        for folder in self.folders()?.iter().chain([&self.blobs]) {
            let _ = disk.remove_dir(folder);
        }
        Ok(())
    }
}

/// Looking up.
impl Store {
    fn row<T: Decode<()>>(&self, table: &str, key: Digest) -> Option<T> {
        self.file.get(table, &key.0, decode).flatten()
    }

    fn small_bytes(&self, digest: Digest) -> Option<Bytes> {
        let bytes = self.file.get_unsealed(PAYLOADS, &digest.0, |bytes| Bytes::from(bytes))?;
        self.verified(digest, &bytes).then_some(bytes)
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
            queue.next.bytes
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
        // Nobody else has it any more; were that wrong, forgetting it would do no harm.
        let Batch { traces, records, payloads, .. } = Arc::into_inner(batch).unwrap_or_default();
        for (key, older) in traces {
            merge(self.next.traces.entry(key).or_default(), older);
        }
        for (key, row) in records {
            self.next.records.entry(key).or_insert(row);
        }
        self.next.payloads.extend(payloads);
        let traces = self.next.traces.values().flatten().map(Vec::len).sum::<usize>();
        let records = self.next.records.values().map(Vec::len).sum::<usize>();
        let payloads = self.next.payloads.values().map(|it| it.len()).sum::<usize>();
        self.next.bytes = traces + records + payloads;
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
        self.traces.is_empty() && self.records.is_empty() && self.payloads.is_empty()
    }

    fn write(&self, writer: &Writer) -> std::result::Result<(), redb::Error> {
        let mut traces = writer.table(TRACES)?;
        for (key, rows) in &self.traces {
            let known = traces.get(&key.0)?;
            let older: Vec<Vec<u8>> = known.as_deref().and_then(decode).unwrap_or_default();
            let mut merged = rows.clone();
            merge(&mut merged, older);
            traces.put(&key.0, &encode(&merged))?;
        }
        let mut records = writer.table(STORED)?;
        for (key, row) in &self.records {
            records.put(&key.0, row)?;
        }
        let mut payloads = writer.table(PAYLOADS)?;
        for (digest, bytes) in &self.payloads {
            payloads.put_unsealed(&digest.0, bytes)?;
        }
        Ok(())
    }
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

/// How the name of a blob ends that is being written.
const TEMPORARY: &str = ".new";

fn is_blob(name: &str) -> bool {
    name.len() == 62 && name.bytes().all(|it| it.is_ascii_digit() || (b'a'..=b'f').contains(&it))
}

/// Blobs.
impl Store {
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
        let temporary = self.write_temporary(&path, bytes)?;
        disk.rename(&temporary, &path).inspect_err(|_| {
            let _ = disk.remove_file(&temporary);
        })
    }

    /// Writes `bytes` to a new file beside `path`, making the folder where it is absent.
    fn write_temporary(&self, path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let disk = self.file.disk();
        let mut failures = 0;
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let temporary = path.with_extension(format!("{}-{number}{TEMPORARY}", std::process::id()));
            let outcome = disk.create(&temporary).and_then(|mut file| {
                file.write_all(bytes).inspect_err(|_| {
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
