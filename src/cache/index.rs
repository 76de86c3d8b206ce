//! The index: what this tree's files looked like when they were last read.
//!
//! Knows rows, not what is in them: the scan packs the fingerprints and digests of one bucket into one row.
//! It belongs to one tree and lies in it, `.packwright/cache/index.redb`.
//!
//! Buckets say together what the tree holds, so they are trusted together: an outline names every one with the
//! checksum that its row must have. Loading reads the outline alone; rows are read when somebody asks, since a build
//! with nothing to do needs each of them once and for a moment. One that is damaged or missing makes the whole index
//! count as empty: everything is scanned, and the next commit starts a new file. The other rows (outputs, memos, facts)
//! stand for themselves: a damaged one is a miss.
//!
//! A change says how the tree differs from what was loaded. If another process has committed in between,
//! that basis is gone: the buckets and facts of the change are dropped and the other's stand. The next build reads a
//! few files more; it never sees buckets of two moments.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bincode::{Decode, Encode};

use super::CacheMode;
use super::db::{BROKEN_SEAL, DatabaseFile, Spec, Trouble, Writer, lock};
use super::encoding::{Checksum, checksum, decode, encode, split_seal};
use crate::model::Diagnostic;
use crate::system::{Bytes, Disk};

const BUCKETS: &str = "buckets";
const OUTPUTS: &str = "outputs";
const MEMOS: &str = "memos";
const FACTS: &str = "facts";
const OUTLINE: &str = "outline";

const SPEC: Spec = Spec {
    file: "index.redb",
    name: "the cache's index of this tree",
    format: "packwright index 8",
    tables: &[BUCKETS, OUTPUTS, MEMOS, FACTS, OUTLINE],
    // Every bucket is read once and copied; keeping its pages as well would only double the memory.
    read_cache: 1 << 20,
};

/// What is known of a bucket without its row.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Outline {
    /// The order key of the bucket's end, as the caller gave it.
    pub key: Vec<u8>,
    /// The caller's short description.
    pub note: Vec<u8>,
    checksum: Checksum,
}

/// A bucket to store.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PutBucket {
    /// The order key of the bucket's end.
    pub key: Vec<u8>,
    /// What is to be known of it without its row.
    pub note: Vec<u8>,
    /// The row.
    pub row: Vec<u8>,
}

/// How the tree differs from what was loaded. Rows that are not named stay.
#[derive(Clone, Default, Debug)]
pub struct Changes {
    /// Buckets that are new or different, by key. All of them, where nothing was loaded.
    pub buckets_put: Vec<PutBucket>,
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
    /// A memo, by key, and what it says, where the change of memos is based on that: if another process has replaced it
    /// in between, they are dropped.
    pub memos_basis: Option<(Vec<u8>, Vec<u8>)>,
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
    /// Another process has stored buckets since these were loaded; all but the buckets and facts is stored.
    Stale,
    /// Nothing is stored, and why has been said; or the cache may not be written.
    NotStored,
}

/// The index of one tree at the moment when it was loaded.
pub struct Index {
    file: DatabaseFile,
    outlines: Vec<Outline>,
    /// Checksum of the outline that changes are based on. `None` where none was loaded: a change then holds all there
    /// are, and replaces whatever is stored.
    basis: Mutex<Option<Checksum>>,
    /// Set once a row was not what the outline says.
    is_lost: AtomicBool,
}

impl Index {
    /// Loads the outline of the index in `dir`. Reads only; whatever is wrong makes an index without buckets.
    pub fn load(disk: Arc<dyn Disk>, dir: &Path, mode: CacheMode) -> Self {
        let file = DatabaseFile::new(disk, dir, &SPEC, mode);
        let outline = file.get(OUTLINE, OUTLINE.as_bytes(), |it| (it.to_vec(), checksum_of_outline(it)));
        if outline.is_none() {
            note_lost_outline(&file);
        }
        let decoded = outline.and_then(|(bytes, checksum)| Some((decode::<Vec<Outline>>(&bytes)?, checksum)));
        let (outlines, basis) = decoded.map_or_else(Default::default, |(outlines, it)| (outlines, Some(it)));
        Self { file, outlines, basis: Mutex::new(basis), is_lost: AtomicBool::new(false) }
    }

    /// Returns the buckets as they were loaded, in order of their keys.
    pub fn outlines(&self) -> &[Outline] {
        &self.outlines
    }

    /// Returns the row of the bucket with this number. `None` when it is not what was stored: the index
    /// [is lost](Self::is_lost) then. May be asked from many threads at once.
    pub fn row(&self, nth: usize) -> Option<Bytes> {
        let Outline { key, checksum: expected, .. } = &self.outlines[nth];
        let read = |sealed: &[u8]| {
            let (claimed, value) = split_seal(sealed)?;
            (claimed == *expected && claimed == checksum(BUCKETS, key, value)).then(|| value.into())
        };
        let row = self.file.get_unsealed(BUCKETS, key, read).flatten();
        if row.is_none() {
            self.lose();
        }
        row
    }

    /// Takes note that a row does not make sense.
    pub fn lose(&self) {
        if !self.is_lost.swap(true, Ordering::Relaxed) {
            self.file.failed(Trouble::Damaged(BROKEN_SEAL.to_owned()));
        }
    }

    /// Returns whether a bucket turned out not to be what was stored: none of them counts then.
    pub fn is_lost(&self) -> bool {
        self.is_lost.load(Ordering::Relaxed)
    }

    /// Forgets every bucket: the next change holds all there are.
    pub fn abandon(&self) {
        *lock(&self.basis) = None;
        self.is_lost.store(false, Ordering::Relaxed);
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
    /// Afterwards the change is what the next one is based on; [`outlines`](Self::outlines) stay what was loaded, and
    /// rows of buckets that changed can no longer be had.
    pub fn commit(&self, changes: &Changes) -> Committed {
        if changes.is_empty() {
            return Committed::Stored;
        }
        if self.is_lost() {
            return Committed::NotStored; // The change is based on what is not there.
        }
        let mut basis = lock(&self.basis);
        let after = Mutex::new(Some(None));
        let stored = self.file.write(|writer| {
            let written = write_buckets(writer, changes, *basis)?;
            *lock(&after) = written;
            write_others(writer, changes, written.is_some())
        });
        match after.into_inner().unwrap_or_else(PoisonError::into_inner) {
            _ if !stored => Committed::NotStored,
            None => Committed::Stale,
            Some(now) => {
                *basis = now;
                Committed::Stored
            }
        }
    }

    /// Lets go of the file. Whoever asks later opens it anew, at a later moment.
    pub fn close(&self) {
        self.file.forget_reader();
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

/// Says so where there are buckets without an outline.
fn note_lost_outline(file: &DatabaseFile) {
    match file.reader().map(|it| it.len(BUCKETS)) {
        None | Some(Ok(0)) => {}
        Some(Ok(_)) => file.failed(Trouble::Damaged(BROKEN_SEAL.to_owned())),
        Some(Err(trouble)) => file.failed(trouble),
    }
}

fn checksum_of_outline(bytes: &[u8]) -> Checksum {
    checksum(OUTLINE, OUTLINE.as_bytes(), bytes)
}

/// Applies the buckets of a change, and returns what the next one is based on; `None` where what is stored is not what
/// this one is based on.
fn write_buckets(
    writer: &Writer,
    changes: &Changes,
    basis: Option<Checksum>,
) -> Result<Option<Option<Checksum>>, redb::Error> {
    if changes.buckets_put.is_empty() && changes.buckets_removed.is_empty() {
        return Ok(Some(basis));
    }
    let mut outline_row = writer.table(OUTLINE)?;
    let mut outlines: BTreeMap<Vec<u8>, Outline> = BTreeMap::new();
    if let Some(basis) = basis {
        let stored = outline_row.get(OUTLINE.as_bytes())?.filter(|it| checksum_of_outline(it) == basis);
        let Some(stored) = stored.as_deref().and_then(decode::<Vec<Outline>>) else { return Ok(None) };
        outlines = stored.into_iter().map(|it| (it.key.clone(), it)).collect();
    } else {
        writer.remove_table(BUCKETS)?;
    }
    let mut rows = writer.table(BUCKETS)?;
    for key in &changes.buckets_removed {
        rows.remove(key)?;
        outlines.remove(key);
    }
    for PutBucket { key, note, row } in &changes.buckets_put {
        let (checksum, _) = rows.put(key, row)?;
        outlines.insert(key.clone(), Outline { key: key.clone(), note: note.clone(), checksum });
    }
    let outlines = encode(&outlines.into_values().collect::<Vec<_>>());
    outline_row.put(OUTLINE.as_bytes(), &outlines)?;
    Ok(Some(Some(checksum_of_outline(&outlines))))
}

/// Applies what does not depend on buckets, and facts only beside their buckets: one of them says what those were
/// scanned by.
fn write_others(writer: &Writer, changes: &Changes, with_facts: bool) -> Result<(), redb::Error> {
    let outputs_put = changes.outputs_put.iter().map(|(key, row)| (key.as_bytes(), row));
    let outputs_removed = changes.outputs_removed.iter().map(String::as_bytes);
    write_rows(writer, OUTPUTS, outputs_put, outputs_removed)?;
    let basis_stands = match &changes.memos_basis {
        Some((key, row)) => writer.table(MEMOS)?.get(key)?.as_ref() == Some(row),
        None => true,
    };
    if basis_stands {
        let memos_put = changes.memos_put.iter().map(|(key, row)| (key.as_slice(), row));
        let memos_removed = changes.memos_removed.iter().map(Vec::as_slice);
        write_rows(writer, MEMOS, memos_put, memos_removed)?;
    }
    if !with_facts {
        return Ok(());
    }
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

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::model::Code;
    use crate::system::System;
    use crate::system::faulty::FaultyDisk;
    use crate::system::memory::MemorySystem;
    use crate::system::os::OsSystem;

    const FILE: &str = "/ws/.packwright/cache/index.redb";

    fn filled(rows: &[(Vec<u8>, Vec<u8>)]) -> MemorySystem {
        let memory = MemorySystem::new();
        assert_eq!(index(&memory).commit(&put_buckets(rows)), Committed::Stored);
        settle(&memory, FILE);
        memory
    }

    #[test]
    fn buckets_are_loaded_in_order_of_keys() {
        let rows = buckets(40, 0);
        let memory = MemorySystem::new();
        let mut backwards = rows.clone();
        backwards.reverse();
        let empty = index(&memory);
        assert!(empty.outlines().is_empty());
        assert_eq!(empty.commit(&put_buckets(&backwards)), Committed::Stored);
        assert_eq!(loaded(&index(&memory)), rows);
        assert_eq!(empty.warnings(), []);
    }

    #[test]
    fn a_change_leaves_what_it_does_not_name() {
        let memory = filled(&buckets(40, 0));
        let mut rows = buckets(40, 0);
        let changed = buckets(40, 1)[7].clone();
        let added = (b"assets/0007b".to_vec(), b"new".to_vec());
        let first = index(&memory);
        let changes = Changes {
            buckets_put: vec![put(&added), put(&changed)],
            buckets_removed: vec![rows[3].0.clone(), b"never there".to_vec()],
            ..Changes::default()
        };
        assert_eq!(first.commit(&changes), Committed::Stored);
        rows[7] = changed;
        rows.insert(8, added);
        rows.remove(3);
        assert_eq!(loaded(&index(&memory)), rows);
        // The next change of the same process is based on this one.
        let removed = Changes { buckets_removed: vec![rows[0].0.clone()], ..Changes::default() };
        assert_eq!(first.commit(&removed), Committed::Stored);
        assert_eq!(loaded(&index(&memory)), rows[1..]);
    }

    #[test]
    fn loading_writes_nothing_and_no_change_opens_nothing() {
        let rows = buckets(40, 0);
        let memory = filled(&rows);
        let before = memory.snapshot();
        let counts = memory.counters().counts();
        let index = index(&memory);
        assert_eq!(loaded(&index), rows);
        assert_eq!(index.commit(&Changes::default()), Committed::Stored);
        let done = memory.counters().counts().since(counts);
        assert_eq!((done.stats, done.opens, done.databases_opened_for_writing, done.bytes_written), (1, 1, 0, 0));
        assert_eq!(memory.snapshot(), before);
    }

    #[test]
    fn the_real_disk_is_opened_once_and_not_written() {
        let temp = tempfile::tempdir().unwrap();
        let disk = Arc::new(OsSystem::new());
        let rows = buckets(40, 0);
        let first = Index::load(disk.clone(), temp.path(), CacheMode::Write);
        assert_eq!(first.commit(&put_buckets(&rows)), Committed::Stored);
        let counts = disk.counters().counts();
        let stamp = disk.stat(&temp.path().join(SPEC.file)).unwrap();
        let second = Index::load(disk.clone(), temp.path(), CacheMode::Write);
        assert_eq!(loaded(&second), rows);
        let done = disk.counters().counts().since(counts);
        assert_eq!((done.stats, done.opens, done.databases_opened_for_writing), (2, 1, 0));
        assert_eq!(disk.stat(&temp.path().join(SPEC.file)).unwrap(), stamp);
    }

    #[test]
    fn outputs_memos_and_facts_stand_for_themselves() {
        let memory = filled(&buckets(3, 0));
        let first = index(&memory);
        let changes = Changes {
            outputs_put: vec![("dev/main/build".to_owned(), b"stamps".to_vec())],
            memos_put: vec![(b"m2".to_vec(), b"two".to_vec()), (b"m1".to_vec(), b"one".to_vec())],
            facts_put: vec![("boot".to_owned(), b"boot-1".to_vec())],
            ..Changes::default()
        };
        assert_eq!(first.commit(&changes), Committed::Stored);
        for index in [&first, &index(&memory)] {
            assert_eq!(index.output("dev/main/build").as_deref(), Some(&b"stamps"[..]));
            assert_eq!(index.output("release/main/build"), None);
            assert_eq!(index.memo(b"m1").as_deref(), Some(&b"one"[..]));
            assert_eq!(index.memo_keys(), [b"m1", b"m2"]);
            assert_eq!(index.fact("boot").as_deref(), Some(&b"boot-1"[..]));
        }
        let forget = Changes {
            outputs_removed: vec!["dev/main/build".to_owned()],
            memos_removed: vec![b"m1".to_vec()],
            ..Changes::default()
        };
        assert_eq!(first.commit(&forget), Committed::Stored);
        let later = index(&memory);
        assert_eq!((later.output("dev/main/build"), later.memo_keys()), (None, vec![b"m2".to_vec()]));
        assert_eq!(loaded(&later), buckets(3, 0));
    }

    #[test]
    fn a_change_based_on_what_another_has_replaced_keeps_its_buckets_to_itself() {
        let memory = filled(&buckets(8, 0));
        let (first, second) = (index(&memory), index(&memory));
        assert_eq!(first.commit(&put_buckets(&buckets(8, 1)[..2])), Committed::Stored);
        let changes = Changes {
            outputs_put: vec![("dev".to_owned(), b"stamps".to_vec())],
            facts_put: vec![("scan".to_owned(), b"by other roots".to_vec())],
            ..put_buckets(&buckets(8, 2)[4..])
        };
        assert_eq!(second.commit(&changes), Committed::Stale);
        let later = index(&memory);
        assert_eq!(loaded(&later)[..2], buckets(8, 1)[..2]);
        assert_eq!(loaded(&later)[2..], buckets(8, 0)[2..]);
        assert!(later.output("dev").is_some());
        assert_eq!(later.fact("scan"), None, "it is about buckets that are not there");
        assert_eq!(later.warnings(), []);
    }

    #[test]
    fn an_index_that_loaded_nothing_replaces_what_there_is() {
        let memory = MemorySystem::new();
        let (first, second) = (index(&memory), index(&memory));
        assert_eq!(first.commit(&put_buckets(&buckets(9, 0))), Committed::Stored);
        assert_eq!(second.commit(&put_buckets(&buckets(4, 1))), Committed::Stored);
        assert_eq!(loaded(&index(&memory)), buckets(4, 1));
    }

    #[test]
    fn modes_that_may_not_write_do_not() {
        let rows = buckets(8, 0);
        let memory = filled(&rows);
        let before = memory.snapshot();
        for (mode, expected) in [(CacheMode::Read, rows), (CacheMode::Off, Vec::new())] {
            let index = Index::load(Arc::new(memory.clone()), Path::new(DIR), mode);
            assert_eq!(loaded(&index), expected);
            assert_eq!(index.commit(&put_buckets(&buckets(8, 1))), Committed::NotStored);
            assert_eq!(index.warnings(), []);
        }
        assert_eq!(memory.snapshot(), before);
    }

    #[test]
    fn damage_gives_all_buckets_or_none_and_heals() {
        // Two generations, so that the file holds pages of the older one.
        let memory = filled(&buckets(40, 0));
        let rows = buckets(40, 1);
        assert_eq!(index(&memory).commit(&put_buckets(&rows)), Committed::Stored);
        let original = memory.get(FILE).unwrap();
        let mut noticed = 0;
        for (what, bytes) in damages(&original, 160) {
            let memory = memory.fork();
            memory.write(FILE, bytes);
            let first = index(&memory);
            let found = loaded(&first);
            assert!(found.is_empty() || found == rows, "{what}: some buckets or wrong ones");
            if found.is_empty() && what != "empty" && what != "truncated at 0" {
                assert_eq!(codes(&first.warnings()), [Code::CACHE_DAMAGED], "{what}");
                noticed += 1;
            }
            let changes = if found.is_empty() { put_buckets(&rows) } else { put_buckets(&rows[3..4]) };
            first.commit(&changes);
            let second = index(&memory);
            let found = loaded(&second);
            assert!(found.is_empty() || found == rows, "{what}: after a commit");
            if found.is_empty() {
                assert_eq!(second.commit(&put_buckets(&rows)), Committed::Stored, "{what}");
                assert_eq!(loaded(&index(&memory)), rows, "{what}");
            }
        }
        assert!(noticed > 40, "the damage hardly damages: {noticed}");
    }

    #[test]
    fn rows_of_two_moments_are_noticed() {
        let memory = filled(&buckets(8, 0));
        let file = DatabaseFile::new(Arc::new(memory.clone()), Path::new(DIR), &SPEC, CacheMode::Write);
        let (key, row) = &buckets(8, 1)[5];
        // Well sealed, but not what the outline says: as when a lost page left an older one in its place.
        for change in ["another row", "one too few"] {
            let memory = memory.fork();
            let file = DatabaseFile::new(Arc::new(memory.clone()), Path::new(DIR), &SPEC, file.mode());
            assert!(file.write(|writer| {
                let mut rows = writer.table(BUCKETS)?;
                match change {
                    "another row" => rows.put(key, row).map(drop),
                    _ => rows.remove(key).map(drop),
                }
            }));
            let index = index(&memory);
            assert_eq!(loaded(&index), [], "{change}");
            assert_eq!(codes(&index.warnings()), [Code::CACHE_DAMAGED]);
        }
    }

    #[test]
    fn an_index_of_another_version_is_replaced_without_a_word() {
        let memory = MemorySystem::new();
        const OLDER: Spec = Spec { format: "packwright index 1", ..SPEC };
        let older = DatabaseFile::new(Arc::new(memory.clone()), Path::new(DIR), &OLDER, CacheMode::Write);
        assert!(older.write(|writer| writer.table("anything")?.put(b"key", b"value").map(drop)));
        let first = index(&memory);
        assert_eq!(loaded(&first), []);
        assert_eq!(first.commit(&put_buckets(&buckets(4, 0))), Committed::Stored);
        assert_eq!(first.warnings(), []);
        assert_eq!(loaded(&index(&memory)), buckets(4, 0));
    }

    #[test]
    fn a_commit_killed_at_any_step_leaves_the_old_index_or_the_new() {
        let (old, new) = (buckets(12, 0), buckets(12, 1));
        let before = filled(&old);
        let whole = |memory: &MemorySystem, what: &str| {
            let index = index(memory);
            let found = loaded(&index);
            assert!(found == old || found == new, "{what}");
            assert_eq!(index.warnings(), [], "{what}");
        };
        for k in 0.. {
            let memory = before.fork();
            let disk = Arc::new(FaultyDisk::over(&memory).fail_torn_at(k));
            Index::load(disk.clone(), Path::new(DIR), CacheMode::Write).commit(&put_buckets(&new));
            whole(&memory.fork(), &format!("killed at step {k}"));
            // And once more, while what was left is mended.
            for j in 0.. {
                let memory = memory.fork();
                let disk = Arc::new(FaultyDisk::over(&memory).fail_torn_at(j));
                Index::load(disk.clone(), Path::new(DIR), CacheMode::Write);
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
    fn power_loss_at_any_step_leaves_the_old_index_or_the_new_or_none() {
        let (old, new) = (buckets(12, 0), buckets(12, 1));
        for before in [filled(&old), MemorySystem::new()] {
            for k in 0.. {
                let memory = before.fork();
                let disk = Arc::new(FaultyDisk::over(&memory).fail_torn_at(k));
                Index::load(disk.clone(), Path::new(DIR), CacheMode::Write).commit(&put_buckets(&new));
                for (what, memory) in power_losses(&memory, 3) {
                    let first = index(&memory);
                    let found = loaded(&first);
                    assert!(found.is_empty() || found == old || found == new, "{what} at step {k}");
                    first.commit(&put_buckets(&new));
                    let second = index(&memory);
                    let found = loaded(&second);
                    assert!(found.is_empty() || found == new, "{what} at step {k}, committed again");
                    second.commit(&put_buckets(&new));
                    assert_eq!(loaded(&index(&memory)), new, "{what} at step {k}, committed a third time");
                }
                if disk.steps() <= k {
                    break;
                }
            }
        }
    }

    #[test]
    fn a_writer_killed_at_any_moment_leaves_one_index_or_the_other() {
        let temp = tempfile::tempdir().unwrap();
        for round in 0..6 {
            let mut peer = Peer::start("index-for-ever 0", temp.path());
            for _ in 0..=round {
                assert!(peer.wait_for("committed"));
            }
            // While the other writes, and after it was killed.
            let load = || Index::load(Arc::new(OsSystem::new()), temp.path(), CacheMode::Write);
            let meanwhile = load();
            peer.kill();
            for index in [meanwhile, load()] {
                let found = loaded(&index);
                assert!(found == buckets(12, 0) || found == buckets(12, 1));
                assert_eq!(index.warnings(), []);
            }
        }
    }
}
