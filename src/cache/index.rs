//! The index: what this tree's files looked like when they were last read.
//!
//! Knows rows, not what is in them: the scan packs the fingerprints and digests of one bucket into one row.
//! It belongs to one tree and lies in it, `.packwright/cache/index.redb`.
//!
//! Buckets say together what the tree holds, so they are trusted together: a row that says how many there
//! are and what their checksums add up to must agree with what is read. A damaged, missing or left-over row
//! makes the whole index count as empty: everything is scanned, and the next commit starts a new file. The
//! other rows (outputs, memos, facts) stand for themselves: a damaged one is a miss.
//!
//! A change says how the tree differs from what was loaded. If another process has committed in between,
//! that basis is gone: the buckets of the change are dropped and the other's stand. The next build reads a
//! few files more; it never sees buckets of two moments.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bincode::{Decode, Encode};
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};

use super::CacheMode;
use super::db::{BROKEN_SEAL, DatabaseFile, Reader, Spec, Trouble, Writer, lock};
use super::encoding::{Checksum, checksum, decode, encode, split_seal, unseal};
use crate::model::Diagnostic;
use crate::system::{Bytes, Disk};

const BUCKETS: &str = "buckets";
const OUTPUTS: &str = "outputs";
const MEMOS: &str = "memos";
const FACTS: &str = "facts";
const TOTAL: &str = "total";

const SPEC: Spec = Spec {
    file: "index.redb",
    name: "the cache's index of this tree",
    format: "packwright index 1",
    tables: &[BUCKETS, OUTPUTS, MEMOS, FACTS, TOTAL],
    // Every bucket is read once and copied; keeping its pages as well would only double the memory.
    read_cache: 1 << 20,
};

/// From this many bytes on, seals are verified on all cores.
const PARALLEL_BYTES: usize = 1 << 20;

/// One bucket as it was stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bucket {
    /// The order key of the bucket's end, as the caller gave it.
    pub key: Vec<u8>,
    /// Whatever the caller put there.
    pub row: Bytes,
}

/// How the tree differs from what was loaded. Rows that are not named stay.
#[derive(Clone, Default, Debug)]
pub struct Changes {
    /// Buckets that are new or different, by key. All of them, where nothing was loaded.
    pub buckets_put: Vec<(Vec<u8>, Vec<u8>)>,
    /// Keys of buckets that are no more.
    pub buckets_removed: Vec<Vec<u8>>,
    /// What is known of outputs, by profile, pack and directory.
    pub outputs_put: Vec<(String, Vec<u8>)>,
    /// Outputs to forget.
    pub outputs_removed: Vec<String>,
    /// Results worth keeping, by whatever they follow from.
    pub memos_put: Vec<(Vec<u8>, Vec<u8>)>,
    /// Memos to forget.
    pub memos_removed: Vec<Vec<u8>>,
    /// Single facts, such as the boot in which this was written.
    pub facts_put: Vec<(String, Vec<u8>)>,
}

impl Changes {
    /// Returns whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        let buckets = self.buckets_put.len() + self.buckets_removed.len();
        let outputs = self.outputs_put.len() + self.outputs_removed.len();
        let memos = self.memos_put.len() + self.memos_removed.len();
        buckets + outputs + memos + self.facts_put.len() == 0
    }
}

/// What became of a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Committed {
    /// All of it is stored, or there was nothing to store.
    Stored,
    /// Another process has stored buckets since these were loaded; all but the buckets is stored.
    Stale,
    /// Nothing is stored, and why has been said; or the cache may not be written.
    NotStored,
}

/// What all buckets together must come to.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug, Encode, Decode)]
struct Total {
    rows: u64,
    /// The sum of all checksums, in which the order of adding and removing does not matter.
    sum: u128,
}

impl Total {
    fn add(&mut self, checksum: Checksum) {
        self.rows = self.rows.wrapping_add(1);
        self.sum = self.sum.wrapping_add(u128::from_le_bytes(checksum));
    }

    fn remove(&mut self, checksum: Checksum) {
        self.rows = self.rows.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(u128::from_le_bytes(checksum));
    }
}

/// The index of one tree at the moment when it was loaded.
pub struct Index {
    file: DatabaseFile,
    buckets: Vec<Bucket>,
    /// What the buckets add up to that changes are based on. `None` where none were loaded: a change then
    /// holds all there are, and replaces whatever is stored.
    basis: Mutex<Option<Total>>,
}

impl Index {
    /// Loads the buckets of the index in `dir`. Reads only; whatever is wrong makes an index without buckets.
    pub fn load(disk: Arc<dyn Disk>, dir: &Path, mode: CacheMode) -> Self {
        let file = DatabaseFile::new(disk, dir, &SPEC, mode);
        let loaded = file.reader().map(|reader| load_buckets(&reader));
        let (buckets, total) = match loaded {
            Some(Ok(loaded)) => loaded,
            Some(Err(trouble)) => {
                file.failed(trouble);
                Default::default()
            }
            None => Default::default(),
        };
        let basis = (!buckets.is_empty()).then_some(total);
        Self { file, buckets, basis: Mutex::new(basis) }
    }

    /// Returns the buckets as they were loaded, in order of their keys.
    pub fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// Returns what was stored about an output.
    pub fn output(&self, key: &str) -> Option<Bytes> {
        self.file.get(OUTPUTS, key.as_bytes(), |it| it.into())
    }

    /// Returns a memo. May be asked from many threads at once; costs about a microsecond.
    pub fn memo(&self, key: &[u8]) -> Option<Bytes> {
        self.file.get(MEMOS, key, |it| it.into())
    }

    /// Returns the keys of all memos in order, for whoever decides which to forget.
    pub fn memo_keys(&self) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        if let Some(reader) = self.file.reader()
            && let Err(trouble) = reader.for_each(MEMOS, |key, _| keys.push(key.to_vec()))
        {
            self.file.failed(trouble);
            keys.clear();
        }
        keys
    }

    /// Returns a single fact.
    pub fn fact(&self, key: &str) -> Option<Bytes> {
        self.file.get(FACTS, key.as_bytes(), |it| it.into())
    }

    /// Stores a change in one transaction. Where nothing changed the database is not opened.
    ///
    /// Afterwards the change is what the next one is based on; [`buckets`](Self::buckets) stays what was loaded.
    pub fn commit(&self, changes: &Changes) -> Committed {
        if changes.is_empty() {
            return Committed::Stored;
        }
        let mut basis = lock(&self.basis);
        let after = Mutex::new(Some(None));
        let stored = self.file.write(|writer| {
            *lock(&after) = write_buckets(writer, changes, *basis)?;
            write_others(writer, changes)
        });
        match after.into_inner().unwrap_or_else(PoisonError::into_inner) {
            _ if !stored => Committed::NotStored,
            None => Committed::Stale,
            Some(total) => {
                *basis = total;
                Committed::Stored
            }
        }
    }

    /// Returns what there is to warn of, each once. Not part of what a build says about its assets.
    pub fn warnings(&self) -> Vec<Diagnostic> {
        self.file.warnings().list()
    }

    /// Returns the length of the database in bytes, zero where there is none.
    pub fn file_bytes(&self) -> u64 {
        self.file.file_bytes()
    }

    /// Removes the index in `dir`; that there is none is no error.
    ///
    /// # Errors
    ///
    /// A file that cannot be removed.
    pub fn clear(disk: Arc<dyn Disk>, dir: &Path) -> crate::error::Result<()> {
        DatabaseFile::new(disk, dir, &SPEC, CacheMode::Write).remove()
    }
}

/// Reads every bucket and makes sure that they are what was stored, and all of it.
fn load_buckets(reader: &Reader) -> Result<(Vec<Bucket>, Total), Trouble> {
    let mut rows: Vec<(Checksum, Bucket)> = Vec::new();
    let mut bytes = 0;
    let mut whole = true;
    reader.for_each(BUCKETS, |key, sealed| match split_seal(sealed) {
        Some((checksum, value)) => {
            bytes += value.len();
            rows.push((checksum, Bucket { key: key.to_vec(), row: value.into() }));
        }
        None => whole = false,
    })?;
    let holds = |(sum, it): &(Checksum, Bucket)| *sum == checksum(BUCKETS, &it.key, &it.row);
    whole &= if bytes < PARALLEL_BYTES { rows.iter().all(holds) } else { rows.par_iter().all(holds) };
    let mut total = Total::default();
    rows.iter().for_each(|it| total.add(it.0));
    let stored = reader.get(TOTAL, TOTAL.as_bytes(), |it| unseal(TOTAL, TOTAL.as_bytes(), it).and_then(decode))?;
    // A file without buckets may be without a total as well.
    if !whole || stored.map_or(total != Total::default(), |it| it != Some(total)) {
        return Err(Trouble::Damaged(BROKEN_SEAL.to_owned()));
    }
    Ok((rows.into_iter().map(|it| it.1).collect(), total))
}

/// Applies the buckets of a change, and returns what they add up to then; `None` where what is stored is not
/// what the change is based on.
fn write_buckets(
    writer: &Writer,
    changes: &Changes,
    basis: Option<Total>,
) -> Result<Option<Option<Total>>, redb::Error> {
    if changes.buckets_put.is_empty() && changes.buckets_removed.is_empty() {
        return Ok(Some(basis));
    }
    let mut totals = writer.table(TOTAL)?;
    let stored: Option<Total> = totals.get(TOTAL.as_bytes())?.as_deref().and_then(decode);
    match basis {
        Some(_) if stored != basis => return Ok(None),
        Some(_) => {}
        None => writer.remove_table(BUCKETS)?,
    }
    let mut total = basis.unwrap_or_default();
    let mut buckets = writer.table(BUCKETS)?;
    for key in &changes.buckets_removed {
        if let Some(old) = buckets.remove(key)? {
            total.remove(old);
        }
    }
    for (key, row) in &changes.buckets_put {
        let (new, old) = buckets.put(key, row)?;
        if let Some(old) = old {
            total.remove(old);
        }
        total.add(new);
    }
    totals.put(TOTAL.as_bytes(), &encode(&total))?;
    Ok(Some(Some(total)))
}

fn write_others(writer: &Writer, changes: &Changes) -> Result<(), redb::Error> {
    let outputs_put = changes.outputs_put.iter().map(|(key, row)| (key.as_bytes(), row));
    let outputs_removed = changes.outputs_removed.iter().map(String::as_bytes);
    write_rows(writer, OUTPUTS, outputs_put, outputs_removed)?;
    let memos_put = changes.memos_put.iter().map(|(key, row)| (key.as_slice(), row));
    let memos_removed = changes.memos_removed.iter().map(Vec::as_slice);
    write_rows(writer, MEMOS, memos_put, memos_removed)?;
    let facts_put = changes.facts_put.iter().map(|(key, row)| (key.as_bytes(), row));
    write_rows(writer, FACTS, facts_put, [].into_iter())
}

fn write_rows<'a>(
    writer: &Writer,
    table: &'static str,
    put: impl ExactSizeIterator<Item = (&'a [u8], &'a Vec<u8>)>,
    removed: impl ExactSizeIterator<Item = &'a [u8]>,
) -> Result<(), redb::Error> {
    if put.len() + removed.len() == 0 {
        return Ok(());
    }
    let mut rows = writer.table(table)?;
    for key in removed {
        rows.remove(key)?;
    }
    for (key, row) in put {
        rows.put(key, row)?;
    }
    Ok(())
}
