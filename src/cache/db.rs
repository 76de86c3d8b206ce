//! Opening redb, and all that can go wrong with it.
//!
//! Knows redb, the doors to the disk and warnings; does not know what the rows mean. All tables have bytes
//! for keys and for values.
//!
//! - Looking up opens a database read-only and writes nothing. Only [`DatabaseFile::write`] opens it for
//!   writing, for one transaction, and closes it again, so that processes which share it take turns.
//! - [`ConcurrencyMode::SingleWriter`] lets readers go on while one process writes. Each reader sees the
//!   moment at which it was opened. A platform without locks on ranges of a file gets `ExclusiveWriter`.
//! - Nothing is synced. A commit with syncs takes 2 ms on an idle disk and hundreds on a busy one, without
//!   them 0.3 ms. A killed process loses nothing by it. Power loss can leave any mixture of old and new pages,
//!   which is damage like any other: seals and the outline tell, and what is lost is made again.
//! - A process that is killed while it writes leaves a database that redb will not open read-only. Opening it
//!   for writing mends it; quick repair makes that cheap.
//! - redb trusts its pages: a damaged one may give an error, a panic or another row. Every call is fenced, and
//!   nothing of a database is used again after it gave an error. Rows are sealed, so another row is noticed.
//!   Some panics no fence holds, so what is not as its last writer left it is checked before it is written to.
//! - A damaged file is never touched by looking up. The next commit gives it another name, once, and starts
//!   anew; what is lost is found out again.
//!
//! Where the file system exists in memory only, a reader works on a copy of the file taken at one moment,
//! and a lock file beside it keeps writers apart.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use redb::backends::FileBackend;
use redb::{
    BackendError, Builder, ConcurrencyMode, Database, ReadOnlyDatabase, ReadOnlyTable, ReadTransaction,
    ReadableDatabase, ReadableTable, ReadableTableMetadata, StorageBackend, TableDefinition, TableError, TableHandle,
    WriteTransaction,
};

use super::encoding::{Checksum, seal, split_seal, unseal};
use super::packed::{self, Packed, shard_of};
use super::{CacheMode, custody};
use crate::fence::fenced;
use crate::model::{Code, Diagnostic, Digest};
use crate::system::{Access, Counters, Disk, FileKind, Lock, RandomFile};

/// Memory for the store's pages while it is read. Most of those are asked for once.
pub const READ_BYTES: usize = 16 << 20;
/// Memory for pages while a batch is written. What does not fit is written early and read again for its checksum.
const WRITE_BYTES: usize = 64 << 20;
/// How long looking up waits for a database that another process holds, and how long a commit.
const READ_PATIENCE: Duration = Duration::from_millis(200);
const COMMIT_PATIENCE: Duration = Duration::from_secs(1);
const PAUSE: Duration = Duration::from_millis(20);
/// A file that looks damaged may be one that another process is just making: look again, this often.
const SECOND_LOOKS: u32 = 3;

/// What is said of a row whose seal is broken.
pub const BROKEN_SEAL: &str = "a checksum does not hold";
/// The table that says whose database this is.
const FORMAT: &str = "format";

type Slice = &'static [u8];

fn definition(name: &str) -> TableDefinition<'_, Slice, Slice> {
    TableDefinition::new(name)
}

/// What one database of the cache is called and holds.
pub struct Spec {
    /// Its file's name.
    pub file: &'static str,
    /// What people are told it is.
    pub name: &'static str,
    /// Stands in the database; any other text there makes it somebody else's.
    pub format: &'static str,
    /// The tables that are looked up.
    pub tables: &'static [&'static str],
    /// Memory for pages while it is read.
    pub read_cache: usize,
}

/// Why a database did not answer.
#[derive(Debug)]
pub enum Trouble {
    /// There is none, or an empty file: nothing was ever stored.
    Absent,
    /// Another process holds it.
    Busy,
    /// A process died while it wrote; opening it for writing mends it.
    Unclean,
    /// Another version of packwright wrote it, in another form.
    Outdated,
    /// It is not what was written; the text says how that was noticed.
    Damaged(String),
    /// The file system says no; the text says why.
    Unavailable(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{InvalidData, InvalidInput, IsADirectory, NotFound, UnexpectedEof, WouldBlock};
        match error.kind() {
            NotFound => Self::Absent,
            // Reading past the end, or something that is no database at all.
            InvalidData | InvalidInput | IsADirectory | UnexpectedEof => Self::Damaged(error.to_string()),
            WouldBlock => Self::Busy,
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<redb::Error> for Trouble {
    fn from(error: redb::Error) -> Self {
        use redb::Error as E;
        match error {
            E::Io(error) => error.into(),
            E::DatabaseAlreadyOpen | E::LockProtocolMismatch => Self::Busy,
            E::RepairAborted => Self::Unclean,
            E::Corrupted(text) if text == OUTDATED => Self::Outdated,
            E::PreviousIo | E::DatabaseClosed | E::Unsupported | E::ValueTooLarge(_) => {
                Self::Unavailable(error.to_string())
            }
            _ => Self::Damaged(error.to_string()),
        }
    }
}

/// Does `work`, and takes a panic of redb's for what it means: a damaged file.
fn fence<T>(work: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, Trouble> {
    match fenced(work) {
        Ok(outcome) => outcome.map_err(Trouble::from),
        Err(_) => Err(Trouble::Damaged("redb panicked".to_owned())),
    }
}

/// Takes a lock, whatever became of the thread that held it before: all that is behind these locks is whole
/// at every moment.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Warnings, each code once.
#[derive(Default)]
pub struct Warnings(Mutex<BTreeMap<Code, Diagnostic>>);

impl Warnings {
    /// Says it, unless one of this code was said.
    pub fn say(&self, warning: Diagnostic) {
        lock(&self.0).entry(warning.code).or_insert(warning);
    }

    /// Returns what was said so far, by code.
    pub fn list(&self) -> Vec<Diagnostic> {
        lock(&self.0).values().cloned().collect()
    }
}

/// One database file of the cache.
pub struct DatabaseFile {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    path: PathBuf,
    spec: &'static Spec,
    mode: CacheMode,
    /// The moment that is looked up: not tried, not to be had, or open.
    reader: RwLock<Option<Option<Arc<Reader>>>>,
    /// Set where damage was seen; nothing is read any more until a commit has started anew.
    distrusted: AtomicBool,
    warnings: Warnings,
}

impl DatabaseFile {
    /// Returns the database that lies, or will lie, in `dir`. Touches nothing.
    pub fn new(disk: Arc<dyn Disk>, dir: &Path, spec: &'static Spec, mode: CacheMode) -> Self {
        Self {
            disk,
            dir: dir.to_owned(),
            path: dir.join(spec.file),
            spec,
            mode,
            reader: RwLock::default(),
            distrusted: AtomicBool::new(false),
            warnings: Warnings::default(),
        }
    }

    /// Returns the file system it lies on.
    pub fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// Returns the directory it lies in.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns what may be done with it.
    pub fn mode(&self) -> CacheMode {
        self.mode
    }

    /// Returns what there is to warn of.
    pub fn warnings(&self) -> &Warnings {
        &self.warnings
    }

    /// Returns the moment that is looked up, opening the database where that has not been tried. `None` where
    /// it cannot be looked up, which has then been said.
    pub fn reader(&self) -> Option<Arc<Reader>> {
        if let Some(tried) = &*self.reader.read().unwrap_or_else(PoisonError::into_inner) {
            return tried.clone();
        }
        let mut reader = self.reader.write().unwrap_or_else(PoisonError::into_inner);
        reader.get_or_insert_with(|| self.open().map(Arc::new)).clone()
    }

    /// Looks up a later moment from now on.
    pub fn forget_reader(&self) {
        *self.reader.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Looks up nothing any more, because the database gave an error, and says so.
    pub fn failed(&self, trouble: Trouble) {
        *self.reader.write().unwrap_or_else(PoisonError::into_inner) = Some(None);
        self.note(trouble);
    }

    /// Returns what `with` makes of the value that was sealed at `key`. One that is damaged is a miss, and said.
    pub fn get<R>(&self, table: &str, key: &[u8], with: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let found = self.get_unsealed(table, key, |sealed| unseal(table, key, sealed).map(with))?;
        if found.is_none() {
            self.say_damaged(BROKEN_SEAL);
        }
        found
    }

    /// Returns what `with` makes of the bytes at `key`.
    pub fn get_unsealed<R>(&self, table: &str, key: &[u8], with: impl FnOnce(&[u8]) -> R) -> Option<R> {
        self.reader()?.get(table, key, with).unwrap_or_else(|trouble| {
            self.failed(trouble);
            None
        })
    }

    /// Returns what `with` makes of the value at `key` in a table whose rows are packed. A packed row that is damaged
    /// is a miss, and said.
    pub fn get_packed<R>(&self, table: &'static str, key: Digest, with: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let reader = self.reader()?;
        let shard = shard_of(key);
        let packed = match reader.known_packed(table, shard) {
            Some(packed) => packed,
            None => {
                let packed = Arc::new(self.get(table, &shard, Packed::parse).flatten().unwrap_or_default());
                reader.know_packed(table, shard, packed.clone());
                packed
            }
        };
        packed.get(key).map(with)
    }

    fn open(&self) -> Option<Reader> {
        if self.mode == CacheMode::Off || self.distrusted.load(Ordering::Relaxed) {
            return None;
        }
        self.open_patiently().map_err(|trouble| self.note(trouble)).ok()
    }

    fn open_patiently(&self) -> Result<Reader, Trouble> {
        let mut waited = Duration::ZERO;
        let mut looks = 0;
        loop {
            let trouble = match self.open_once() {
                Err(Trouble::Unclean) if self.mode == CacheMode::Write => match self.mend() {
                    Ok(()) => self.open_once(),
                    Err(trouble) => Err(trouble),
                },
                outcome => outcome,
            };
            match trouble {
                Err(Trouble::Busy | Trouble::Unclean) if waited < READ_PATIENCE => {}
                Err(Trouble::Damaged(_)) if looks < SECOND_LOOKS => looks += 1,
                outcome => return outcome,
            }
            self.disk.pause(PAUSE);
            waited += PAUSE;
        }
    }

    fn open_once(&self) -> Result<Reader, Trouble> {
        let stamp = self.disk.stat(&self.path)?;
        match stamp.kind {
            // A FIFO would be waited for when it is opened.
            FileKind::Dir | FileKind::Other => return Err(Trouble::Damaged("it is not a file".to_owned())),
            FileKind::File if stamp.size == 0 => return Err(Trouble::Absent),
            FileKind::File | FileKind::Link => {}
        }
        let database = match self.disk.native_path(&self.path) {
            Some(path) => {
                Counters::add(&self.disk.counters().opens, 1);
                let file = Unsynced::open(&self.disk, &path, Access::Read, READ_PATIENCE)?;
                fence(|| Ok(self.builder(MODE, self.spec.read_cache).open_read_only_with_backend(file)?))?
            }
            None => {
                let copy = Copy::of(&*self.disk, &self.path)?;
                let builder = self.builder(ConcurrencyMode::ExclusiveWriter, self.spec.read_cache);
                fence(|| Ok(builder.open_read_only_with_backend(copy)?))?
            }
        };
        Reader::new(database, self.spec)
    }

    fn builder(&self, mode: ConcurrencyMode, cache_bytes: usize) -> Builder {
        let mut builder = Database::builder();
        builder.set_cache_size(cache_bytes).set_concurrency_mode(mode);
        builder
    }

    fn open_for_writing(&self) -> Result<Database, Trouble> {
        match self.disk.native_path(&self.path) {
            Some(path) => {
                Counters::add(&self.disk.counters().databases_opened_for_writing, 1);
                let file = Unsynced::open(&self.disk, &path, Access::Write, COMMIT_PATIENCE)?;
                fence(|| Ok(self.builder(MODE, WRITE_BYTES).create_with_backend(file)?))
            }
            None => {
                let ground = InPlace::open(&*self.disk, &self.path)?;
                let builder = self.builder(ConcurrencyMode::ExclusiveWriter, WRITE_BYTES);
                fence(|| Ok(builder.create_with_backend(ground)?))
            }
        }
    }

    /// Opens for writing what a killed process left, and closes it properly.
    fn mend(&self) -> Result<(), Trouble> {
        let database = self.open_for_writing()?;
        fence(|| Ok(database.close()?))
    }

    /// Stores what `fill` puts, all of it or nothing; returns whether that was possible. Why it was not has
    /// then been said. `fill` may be called again where the first try met a damaged file.
    pub fn write(&self, fill: impl Fn(&Writer) -> Result<(), redb::Error>) -> bool {
        if self.mode != CacheMode::Write {
            return false;
        }
        let mut waited = Duration::ZERO;
        let mut prepared = false;
        let mut set_aside = false;
        loop {
            if self.distrusted.load(Ordering::Relaxed) {
                if set_aside || !self.set_aside() {
                    return false;
                }
                set_aside = true;
            }
            match self.write_once(&fill) {
                Ok(()) => {
                    self.forget_reader();
                    return true;
                }
                Err(Trouble::Absent) if !prepared => {
                    prepared = true;
                    if let Err(error) = prepare_dir(&*self.disk, &self.dir) {
                        self.note(Trouble::Unavailable(error.to_string()));
                        return false;
                    }
                }
                Err(Trouble::Busy | Trouble::Unclean) if waited < COMMIT_PATIENCE => {
                    self.disk.pause(PAUSE);
                    waited += PAUSE;
                }
                Err(Trouble::Absent) => {
                    self.note(Trouble::Unavailable("its directory vanished".to_owned()));
                    return false;
                }
                // Goes round once more, with another file.
                Err(trouble @ (Trouble::Damaged(_) | Trouble::Outdated)) => self.note(trouble),
                Err(trouble) => {
                    self.note(trouble);
                    return false;
                }
            }
        }
    }

    fn write_once(&self, fill: &impl Fn(&Writer) -> Result<(), redb::Error>) -> Result<(), Trouble> {
        if let Ok(stamp) = self.disk.stat(&self.path)
            && matches!(stamp.kind, FileKind::Dir | FileKind::Other)
        {
            return Err(Trouble::Damaged("it is not a file".to_owned()));
        }
        let is_as_left = custody::is_as_left(&*self.disk, &self.path);
        let mut database = self.open_for_writing()?;
        if !is_as_left {
            fence(|| check(&mut database))?;
        }
        let outcome = fence(|| {
            let mut transaction = database.begin_write()?;
            transaction.set_quick_repair(true);
            let writer = Writer { transaction };
            writer.claim(self.spec.format)?;
            fill(&writer)?;
            Ok(writer.transaction.commit()?)
        });
        // Closing leaves a file that opens read-only. Should it fail, what was committed is there all the
        // same, and the next one to open the file mends it.
        let closed = fence(|| Ok(database.close()?));
        if outcome.is_ok() && closed.is_ok() {
            // Without the note the next one to write has more to do, that is all.
            let _ = custody::leave(&*self.disk, &self.path);
        }
        outcome
    }

    /// Says what is wrong, once, and remembers not to trust a damaged file.
    pub fn note(&self, trouble: Trouble) {
        let name = self.spec.name;
        let warning = match trouble {
            Trouble::Absent => return,
            Trouble::Busy => Diagnostic::warning(Code::CACHE_BUSY, format!("{name} is held by another process"))
                .help("this build does without it; nothing needs to be done"),
            Trouble::Unclean => {
                let message = format!("{name} was left open by a process that was killed");
                Diagnostic::warning(Code::CACHE_UNAVAILABLE, message).help("a build that may write to it mends it")
            }
            // Nothing is wrong: a new version of packwright begins with a file of its own.
            Trouble::Outdated => {
                self.distrusted.store(true, Ordering::Relaxed);
                return;
            }
            Trouble::Damaged(why) => {
                self.distrusted.store(true, Ordering::Relaxed);
                self.say_damaged(&why);
                return;
            }
            Trouble::Unavailable(why) => {
                let message = format!("{name} cannot be used: {why}");
                Diagnostic::warning(Code::CACHE_UNAVAILABLE, message)
            }
        };
        self.warnings.say(warning);
    }

    /// Says that something was damaged; what else is in the file is still trusted.
    pub fn say_damaged(&self, why: &str) {
        let message = format!("part of {} was damaged and is not used: {why}", self.spec.name);
        self.warnings.say(
            Diagnostic::warning(Code::CACHE_DAMAGED, message)
                .help("what was lost is made again; nothing needs to be done"),
        );
    }

    /// Gives a damaged file another name, where it replaces the last one that was damaged.
    fn set_aside(&self) -> bool {
        match self.disk.rename(&self.path, &self.aside()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                self.note(Trouble::Unavailable(error.to_string()));
                false
            }
            _ => {
                self.distrusted.store(false, Ordering::Relaxed);
                true
            }
        }
    }

    fn aside(&self) -> PathBuf {
        self.dir.join(format!("{}.damaged", self.spec.file))
    }

    /// Returns the length of the file in bytes, zero where there is none.
    pub fn file_bytes(&self) -> u64 {
        self.disk.stat(&self.path).map_or(0, |it| it.size)
    }

    /// Removes the database and what was set aside.
    pub fn remove(&self) -> crate::error::Result<()> {
        self.forget_reader();
        for path in [&self.path, &self.aside(), &custody::note_path(&self.path)] {
            remove_if_there(&*self.disk, path)?;
        }
        self.distrusted.store(false, Ordering::Relaxed);
        Ok(())
    }
}

/// Reads every page of a database that may be damaged. Its damage would do worse to whoever writes to it.
fn check(database: &mut Database) -> Result<(), redb::Error> {
    match database.check_integrity()? {
        true => Ok(()),
        false => Err(redb::Error::Corrupted("its pages contradict one another".to_owned())),
    }
}

/// Removes a file; that there is none is no error.
pub fn remove_if_there(disk: &dyn Disk, path: &Path) -> crate::error::Result<()> {
    use crate::error::IoContext;
    match disk.remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome.context("remove", path),
    }
}

/// Creates a directory of the cache, marked so that neither git nor backups keep it.
pub fn prepare_dir(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    const TAG: &[u8] =
        b"Signature: 8a477f597d28d172789f06886806bc55\n# A cache of packwright's; delete it at any time.\n";
    disk.create_dir_all(dir)?;
    for (name, text) in [("CACHEDIR.TAG", TAG), (".gitignore", b"*\n")] {
        match disk.write_new(&dir.join(name), text) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

const MODE: ConcurrencyMode = if cfg!(any(target_os = "linux", target_vendor = "apple", windows)) {
    ConcurrencyMode::SingleWriter
} else {
    ConcurrencyMode::ExclusiveWriter
};

/// One moment of a database, open for looking up from any thread.
pub struct Reader {
    /// `None` only while it is dropped.
    open: Option<Open>,
    /// Packed rows that somebody asked for: they are asked for again.
    packed: RwLock<BTreeMap<PackedKey, Arc<Packed>>>,
}

/// A table, and the key of a packed row in it.
type PackedKey = (&'static str, [u8; 2]);

struct Open {
    tables: Vec<(&'static str, ReadOnlyTable<Slice, Slice>)>,
    transaction: ReadTransaction,
    _database: ReadOnlyDatabase,
}

impl Reader {
    fn new(database: ReadOnlyDatabase, spec: &Spec) -> Result<Self, Trouble> {
        let transaction = fence(|| Ok(database.begin_read()?))?;
        let mut open = Open { tables: Vec::new(), transaction, _database: database };
        let fresh = fence(|| open.is_fresh(spec.format));
        let reader = fresh.and_then(|fresh| match fresh {
            true => Err(Trouble::Absent),
            false => fence(|| spec.tables.iter().try_for_each(|name| open.add(name))),
        });
        // Whatever went wrong, what is open is closed behind the fence.
        let built = Self { open: Some(open), packed: RwLock::default() };
        reader.map(|()| built)
    }

    fn known_packed(&self, table: &'static str, shard: [u8; 2]) -> Option<Arc<Packed>> {
        self.packed.read().unwrap_or_else(PoisonError::into_inner).get(&(table, shard)).cloned()
    }

    fn know_packed(&self, table: &'static str, shard: [u8; 2], packed: Arc<Packed>) {
        self.packed.write().unwrap_or_else(PoisonError::into_inner).insert((table, shard), packed);
    }

    fn table(&self, name: &str) -> Option<&ReadOnlyTable<Slice, Slice>> {
        let open = self.open.as_ref()?;
        open.tables.iter().find(|it| it.0 == name).map(|it| &it.1)
    }

    /// Returns what `with` makes of the bytes at `key`; `None` where there are none.
    pub fn get<R>(&self, table: &str, key: &[u8], with: impl FnOnce(&[u8]) -> R) -> Result<Option<R>, Trouble> {
        let Some(rows) = self.table(table) else { return Ok(None) };
        fence(|| Ok(ReadableTable::get(rows, key)?.map(|it| with(it.value()))))
    }

    /// Calls `visit` with every key of a table and its sealed value, in order of keys.
    pub fn for_each(&self, table: &str, mut visit: impl FnMut(&[u8], &[u8])) -> Result<(), Trouble> {
        let Some(rows) = self.table(table) else { return Ok(()) };
        fence(|| {
            for row in rows.iter()? {
                let (key, value) = row?;
                visit(key.value(), value.value());
            }
            Ok(())
        })
    }

    /// Returns the number of rows in a table whose rows are packed.
    pub fn len_packed(&self, table: &str) -> Result<u64, Trouble> {
        let mut rows = 0;
        self.for_each(table, |_, sealed| {
            let packed = split_seal(sealed).and_then(|it| packed::count(it.1));
            rows += packed.unwrap_or(0) as u64;
        })?;
        Ok(rows)
    }

    /// Returns the number of rows in a table.
    pub fn len(&self, table: &str) -> Result<u64, Trouble> {
        self.table(table).map_or(Ok(0), |rows| fence(|| Ok(rows.len()?)))
    }
}

impl Open {
    /// Returns whether the database was made but nothing was committed to it yet; an error where it is
    /// somebody else's.
    fn is_fresh(&self, format: &str) -> Result<bool, redb::Error> {
        let found = match self.transaction.open_table(definition(FORMAT)) {
            Ok(table) => ReadableTable::get(&table, FORMAT.as_bytes())?.map(|it| it.value().to_vec()),
            Err(TableError::TableDoesNotExist(_)) if self.transaction.list_tables()?.next().is_none() => {
                return Ok(true);
            }
            Err(TableError::TableDoesNotExist(_)) => None,
            Err(error) => return Err(error.into()),
        };
        if found.as_deref() == Some(format.as_bytes()) { Ok(false) } else { Err(not_ours(found.as_deref(), format)) }
    }

    fn add(&mut self, name: &'static str) -> Result<(), redb::Error> {
        match self.transaction.open_table(definition(name)) {
            Ok(table) => self.tables.push((name, table)),
            Err(TableError::TableDoesNotExist(_)) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

/// How an error says that a database is of another version; nothing of redb's own says so.
const OUTDATED: &str = "it was written by another version";

/// Returns the error for a database with this text where `format` belongs. The last word of a format is its version.
fn not_ours(found: Option<&[u8]>, format: &str) -> redb::Error {
    let name = format.trim_end_matches(|it: char| it.is_ascii_digit());
    let outdated = found.is_some_and(|it| it.starts_with(name.as_bytes()));
    let why = if outdated { OUTDATED } else { "it was written by another program" };
    redb::Error::Corrupted(why.to_owned())
}

impl Drop for Reader {
    fn drop(&mut self) {
        // After a panic in redb its locks are poisoned, and closing may panic as well.
        let _ = fence(|| {
            drop(self.open.take());
            Ok(())
        });
    }
}

/// A transaction that stores rows.
pub struct Writer {
    transaction: WriteTransaction,
}

impl Writer {
    /// Makes a new database ours, or makes sure that it is.
    fn claim(&self, format: &str) -> Result<(), redb::Error> {
        let fresh = self.transaction.list_tables()?.next().is_none();
        if !fresh && !self.transaction.list_tables()?.any(|it| it.name() == FORMAT) {
            return Err(not_ours(None, format));
        }
        let mut table = self.transaction.open_table(definition(FORMAT))?;
        if fresh {
            table.insert(FORMAT.as_bytes(), format.as_bytes())?;
            return Ok(());
        }
        let found = table.get(FORMAT.as_bytes())?.map(|it| it.value().to_vec());
        if found.as_deref() == Some(format.as_bytes()) { Ok(()) } else { Err(not_ours(found.as_deref(), format)) }
    }

    /// Removes a table with all its rows.
    pub fn remove_table(&self, name: &str) -> Result<(), redb::Error> {
        self.transaction.delete_table(definition(name))?;
        Ok(())
    }

    /// Opens a table for writing, made where it is absent.
    pub fn table(&self, name: &'static str) -> Result<Rows<'_>, redb::Error> {
        Ok(Rows { name, table: self.transaction.open_table(definition(name))? })
    }
}

/// A table open for writing.
pub struct Rows<'a> {
    name: &'static str,
    table: redb::Table<'a, Slice, Slice>,
}

impl Rows<'_> {
    /// Returns the value that was sealed at `key`; a broken seal counts as none.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, redb::Error> {
        let found = self.table.get(key)?;
        Ok(found.and_then(|it| unseal(self.name, key, it.value()).map(<[u8]>::to_vec)))
    }

    /// Seals and stores a value; returns the checksums that the row has now and had before.
    pub fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(Checksum, Option<Checksum>), redb::Error> {
        let (checksum, sealed) = seal(self.name, key, value);
        let old = self.table.insert(key, sealed.as_slice())?;
        let old = old.map(|it| known_checksum(it.value())).transpose()?;
        Ok((checksum, old))
    }

    /// Stores values in a table whose rows are packed, ascending by key: for each what `merge` makes of it and of the
    /// value that is there, if any.
    pub fn put_packed<'v>(
        &mut self,
        values: &[(Digest, &'v [u8])],
        merge: impl Fn(&'v [u8], Option<&[u8]>) -> Cow<'v, [u8]>,
    ) -> Result<(), redb::Error> {
        for values in values.chunk_by(|a, b| shard_of(a.0) == shard_of(b.0)) {
            let shard = shard_of(values[0].0);
            let known = self.get(&shard)?.as_deref().and_then(Packed::parse).unwrap_or_default();
            let mut older = known.rows().peekable();
            let mut rows: Vec<(Digest, Cow<'_, [u8]>)> = Vec::with_capacity(known.len() + values.len());
            for (key, value) in values {
                while let Some(row) = older.next_if(|it| it.0 < *key) {
                    rows.push((row.0, Cow::Borrowed(row.1)));
                }
                let same = older.next_if(|it| it.0 == *key);
                rows.push((*key, merge(value, same.map(|it| it.1))));
            }
            rows.extend(older.map(|it| (it.0, Cow::Borrowed(it.1))));
            self.put(&shard, Packed::of(rows.iter().map(|it| (it.0, &it.1[..]))).bytes())?;
        }
        Ok(())
    }

    /// Returns whether there is no row.
    pub fn is_empty(&self) -> Result<bool, redb::Error> {
        Ok(redb::ReadableTableMetadata::is_empty(&self.table)?)
    }

    /// Stores bytes that need no seal, because `key` is their digest; equal ones are left alone.
    pub fn put_unsealed(&mut self, key: &[u8], bytes: &[u8]) -> Result<(), redb::Error> {
        if self.table.get(key)?.is_none_or(|it| it.value() != bytes) {
            self.table.insert(key, bytes)?;
        }
        Ok(())
    }

    /// Removes bytes that were not sealed.
    pub fn remove_unsealed(&mut self, key: &[u8]) -> Result<(), redb::Error> {
        self.table.remove(key)?;
        Ok(())
    }

    /// Removes a row; returns the checksum that it had.
    pub fn remove(&mut self, key: &[u8]) -> Result<Option<Checksum>, redb::Error> {
        let old = self.table.remove(key)?;
        old.map(|it| known_checksum(it.value())).transpose()
    }
}

fn known_checksum(sealed: &[u8]) -> Result<Checksum, redb::Error> {
    split_seal(sealed).map(|it| it.0).ok_or_else(|| redb::Error::Corrupted(BROKEN_SEAL.to_owned()))
}

/// Beside a database in memory: shared while it is copied, alone while it is written.
fn try_lock(disk: &dyn Disk, path: &Path, shared: bool) -> Result<Box<dyn Lock>, Trouble> {
    let mut lock_file = path.as_os_str().to_owned();
    lock_file.push(".lock");
    disk.try_lock(Path::new(&lock_file), shared)?.ok_or(Trouble::Busy)
}

/// A copy of a database file, taken at one moment.
struct Copy(Vec<u8>);

impl Copy {
    fn of(disk: &dyn Disk, path: &Path) -> Result<Self, Trouble> {
        // Where a lock cannot even be asked for, nobody writes.
        let _lock = match try_lock(disk, path, true) {
            Err(Trouble::Busy) => return Err(Trouble::Busy),
            lock => lock.ok(),
        };
        let file = disk.open_random(path, Access::Read)?;
        let mut bytes = vec![0; file.len()? as usize];
        file.read_exact_at(&mut bytes, 0)?;
        Ok(Self(bytes))
    }
}

impl fmt::Debug for Copy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Copy").field("len", &self.0.len()).finish()
    }
}

impl StorageBackend for Copy {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = self.0.get(start..).and_then(|it| it.get(..out.len())).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(bytes);
        Ok(())
    }

    fn set_len(&self, _: u64) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, _: u64, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::ReadOnlyFilesystem.into())
    }
}

/// redb's own file, with its locks, but never synced, and nobody is waited for without end.
struct Unsynced {
    file: FileBackend,
    disk: Arc<dyn Disk>,
    patience: Duration,
}

impl Unsynced {
    #[expect(clippy::disallowed_types, reason = "redb locks ranges of a file, and asks for a `File` to do so")]
    fn open(disk: &Arc<dyn Disk>, path: &Path, access: Access, patience: Duration) -> Result<Self, Trouble> {
        let mut options = std::fs::File::options();
        if access == Access::Write {
            options.write(true).create(true).truncate(false);
        }
        let file = options.read(true).open(path)?;
        fence(|| Ok(Self { file: FileBackend::new(file)?, disk: disk.clone(), patience }))
    }

    /// Tries until it works out; redb itself would wait for as long as whoever holds the lock stands still.
    fn patiently(&self, lock: impl Fn() -> Locked<bool>) -> Locked<()> {
        let (mut pause, mut waited) = (Duration::from_millis(1), Duration::ZERO);
        while !lock()? {
            if waited >= self.patience {
                return Err(BackendError::Io(io::ErrorKind::WouldBlock.into()));
            }
            self.disk.pause(pause);
            waited += pause;
            pause = (pause * 2).min(PAUSE);
        }
        Ok(())
    }
}

impl fmt::Debug for Unsynced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsynced").field("file", &self.file).finish_non_exhaustive()
    }
}

type Locked<T> = Result<T, BackendError>;

impl StorageBackend for Unsynced {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Locked<bool> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Locked<bool> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Locked<()> {
        self.patiently(|| self.file.try_lock_range(start, end))
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Locked<()> {
        self.patiently(|| self.file.try_lock_shared_range(start, end))
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Locked<()> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Locked<bool> {
        self.file.query_lock_range(start, end)
    }
}

/// A database file in memory that is written where it lies, and never synced either.
struct InPlace {
    file: Arc<dyn RandomFile>,
    _lock: Box<dyn Lock>,
}

impl InPlace {
    fn open(disk: &dyn Disk, path: &Path) -> Result<Self, Trouble> {
        let lock = try_lock(disk, path, false)?;
        Ok(Self { file: disk.open_random(path, Access::Write)?, _lock: lock })
    }
}

impl fmt::Debug for InPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InPlace").field("file", &self.file).finish()
    }
}

impl StorageBackend for InPlace {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write_all_at(data, offset)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::os::OsSystem;

    #[test]
    fn a_lock_that_another_keeps_is_waited_for_briefly() {
        let temp = tempfile::tempdir().expect("a directory");
        let disk: Arc<dyn Disk> = Arc::new(OsSystem::new());
        let path = temp.path().join("a.redb");
        let open = |patience| Unsynced::open(&disk, &path, Access::Write, patience).expect("it can be opened");
        let (one, other) = (open(Duration::ZERO), open(Duration::from_millis(20)));
        let header = || (Bound::Included(0), Bound::Excluded(320));
        let (start, end) = header();
        assert!(one.try_lock_range(start, end).expect("there are locks"));
        let taken = [
            other.lock_range(header().0, header().1).expect_err("it is held"),
            other.lock_shared_range(header().0, header().1).expect_err("it is held"),
        ];
        let troubles = taken.map(|it| Trouble::from(redb::Error::from(it)));
        assert!(troubles.iter().all(|it| matches!(it, Trouble::Busy)), "{troubles:?}");
        one.unlock_range(header().0, header().1).expect("it is held");
        other.lock_range(header().0, header().1).expect("nobody holds it any more");
    }
}
