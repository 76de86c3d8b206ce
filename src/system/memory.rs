//! A file system in memory, for tests: stricter and more awkward than a real one.
//!
//! It lists directories in a scrambled order, refuses paths that are not normalized, has a clock that stands
//! still, can change a file between two calls, and knows what a power loss would leave. Cloning gives
//! another handle to the same file system; [`MemorySystem::fork`] copies it.
//!
//! Two sides use it. The program under test goes through [`System`] and [`Disk`] and is counted. The test
//! itself plays the author: its methods on [`MemorySystem`] are not counted, obey no permission, are durable
//! at once, and panic where the test asks for the impossible.

mod tree;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Access, Counters, Dir, DirEntry, Disk, FsTime, Lock, NewFile, OpenFile, RandomFile, Stamp, System};
pub use tree::Unsynced;
use tree::{Body, Contents, Found, Inode, Names, Tree, invalid};

/// A file system in memory; see the module.
#[derive(Clone)]
pub struct MemorySystem(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    counters: Counters,
}

#[derive(Clone)]
struct State {
    tree: Tree,
    seed: u64,
    /// `None` where boots have no name.
    boot: Option<u64>,
    /// What becomes of a file when it is next read: other bytes, or removal.
    hooks: BTreeMap<PathBuf, Option<Vec<u8>>>,
    locks: BTreeMap<Inode, Holders>,
    /// Whether locks are not to be had at all.
    lockless: bool,
}

#[derive(Clone, Copy)]
enum Holders {
    One,
    Many(usize),
}

impl Default for MemorySystem {
    fn default() -> Self {
        Self::new()
    }
}

impl MemorySystem {
    /// Returns a file system that holds nothing but `/`.
    pub fn new() -> Self {
        Self::with(State {
            tree: Tree::new(),
            seed: 0,
            boot: Some(1),
            hooks: BTreeMap::new(),
            locks: BTreeMap::new(),
            lockless: false,
        })
    }

    fn with(state: State) -> Self {
        Self(Arc::new(Shared { state: Mutex::new(state), counters: Counters::default() }))
    }

    /// A panic of a test under the lock leaves the state good enough for what that test still says.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a copy: same files, stamps, clock and boot; no locks, nothing counted.
    #[must_use]
    pub fn fork(&self) -> Self {
        let state = self.state();
        Self::with(State { tree: state.tree.without_garbage(), locks: BTreeMap::new(), ..state.clone() })
    }

    /// Returns the file system as the next boot finds it when the power goes now: what nobody synced is lost.
    #[must_use]
    pub fn after_power_loss(&self) -> Self {
        self.after_power_loss_with(Unsynced::Lost)
    }

    /// Returns the file system as the next boot finds it when the power goes now.
    #[must_use]
    pub fn after_power_loss_with(&self, unsynced: Unsynced) -> Self {
        let state = self.state();
        Self::with(State {
            tree: state.tree.after_power_loss(unsynced),
            seed: state.seed,
            boot: state.boot.map(|it| it + 1),
            hooks: BTreeMap::new(),
            locks: BTreeMap::new(),
            lockless: state.lockless,
        })
    }

    /// Changes the boot id, as a reboot without any loss does.
    pub fn reboot(&self) {
        let mut state = self.state();
        state.boot = state.boot.map(|it| it + 1);
    }

    /// Has no boot ids any more, as some platforms have none.
    pub fn forget_boot_id(&self) {
        self.state().boot = None;
    }

    /// Changes the order in which directories are listed.
    pub fn scramble(&self, seed: u64) {
        self.state().seed = seed;
    }

    // The clock.

    /// Lets time pass.
    pub fn advance(&self, nanoseconds: i64) {
        self.state().tree.clock_ns += nanoseconds;
    }

    /// Lets so much time pass that nothing written before is racy any more.
    pub fn settle(&self) {
        let tree = &mut self.state().tree;
        tree.clock_ns += 3 * tree.granularity_ns.max(1);
    }

    /// Sets by how much the clock moves with every change; it stands still by default.
    pub fn set_tick(&self, nanoseconds: i64) {
        self.state().tree.tick_ns = nanoseconds;
    }

    /// Sets the step of the clock, which is 10 ms by default.
    pub fn set_granularity(&self, nanoseconds: i64) {
        self.state().tree.granularity_ns = nanoseconds;
    }

    /// Has no locks, as some file systems of networks have none.
    pub fn set_lockless(&self, lockless: bool) {
        self.state().lockless = lockless;
    }

    /// Refuses all changes by the program (not by the test), or allows them again.
    pub fn set_read_only(&self, read_only: bool) {
        self.state().tree.read_only = read_only;
    }

    /// Has no second names for files any more, as FAT has none.
    pub fn forbid_links(&self) {
        self.state().tree.has_links = false;
    }

    /// Swaps no names any more, as many file systems cannot.
    pub fn forbid_exchanges(&self) {
        self.state().tree.can_exchange = false;
    }

    // The author's side.

    /// Writes a file in place, keeping its inode; makes it and its directories where absent.
    pub fn write(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.author(path.as_ref(), true, |state, found| {
            let inode = match found.inode {
                Some(inode) => inode,
                None => state.tree.create(found, Body::File(Contents::default()))?,
            };
            state.tree.edit(inode, |it| bytes.clone_into(it))
        });
    }

    /// Writes a file in place and sets its mtime back; its ctime moves nevertheless.
    pub fn write_keeping_times(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let mtime_ns = self.stamp(path.as_ref()).mtime_ns;
        self.write(path.as_ref(), bytes);
        self.set_mtime(path, mtime_ns);
    }

    /// Sets a file's mtime, as `touch -d` does.
    pub fn set_mtime(&self, path: impl AsRef<Path>, mtime_ns: i64) {
        self.author(path.as_ref(), false, |state, found| {
            let inode = found.existing()?;
            state.tree.touch(inode, false);
            state.tree.node_mut(inode).mtime_ns = mtime_ns;
            Ok(())
        });
    }

    /// Sets permission bits; those of the owner are obeyed (`0` makes a file unreadable).
    pub fn set_mode(&self, path: impl AsRef<Path>, mode: u32) {
        self.author(path.as_ref(), false, |state, found| {
            let inode = found.existing()?;
            state.tree.touch(inode, false);
            state.tree.node_mut(inode).mode = mode;
            Ok(())
        });
    }

    /// Makes a directory and those above it.
    pub fn mkdir(&self, path: impl AsRef<Path>) {
        self.author(path.as_ref(), false, |state, found| make_dir(&mut state.tree, found));
    }

    /// Makes a link at `path` that says `text`.
    pub fn symlink(&self, text: impl AsRef<Path>, path: impl AsRef<Path>) {
        let text = text.as_ref().to_owned();
        self.author(path.as_ref(), false, |state, found| state.tree.create(found, Body::Link(text)).map(drop));
    }

    /// Makes a FIFO.
    pub fn mkfifo(&self, path: impl AsRef<Path>) {
        self.author(path.as_ref(), false, |state, found| state.tree.create(found, Body::Other).map(drop));
    }

    /// Removes whatever is there, a directory with all it holds.
    pub fn remove(&self, path: impl AsRef<Path>) {
        self.author(path.as_ref(), false, |state, found| remove_tree(&mut state.tree, found));
    }

    /// Renames a file, link or directory.
    pub fn rename(&self, from: impl AsRef<Path>, to: impl AsRef<Path>) {
        let from = from.as_ref();
        self.author(to.as_ref(), false, |state, found| {
            let from = state.tree.find(from, false)?;
            state.tree.rename(&from, found)?;
            state.tree.sync_name(from.dir, &from.name)
        });
    }

    /// Replaces a file's bytes right before the program next reads from it.
    pub fn on_next_read(&self, path: impl AsRef<Path>, bytes: impl Into<Vec<u8>>) {
        self.state().hooks.insert(path.as_ref().to_owned(), Some(bytes.into()));
    }

    /// Removes a file right before the program next reads from it.
    pub fn remove_on_next_read(&self, path: impl AsRef<Path>) {
        self.state().hooks.insert(path.as_ref().to_owned(), None);
    }

    /// Returns the contents of a file, or `None` where there is none.
    pub fn get(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        let state = self.state();
        let inode = state.tree.find(path.as_ref(), true).ok()?.inode?;
        Some(state.tree.contents(inode).ok()?.live.to_vec())
    }

    /// Returns a file's stamp, not following a link, without counting.
    pub fn stamp(&self, path: impl AsRef<Path>) -> Stamp {
        let state = self.state();
        let inode =
            state.tree.find(path.as_ref(), false).and_then(|it| it.existing()).expect("the test knows its files");
        state.tree.stamp(inode)
    }

    /// Returns every regular file with its bytes.
    pub fn snapshot(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let state = self.state();
        let mut files = BTreeMap::new();
        let mut todo = vec![(PathBuf::from("/"), tree::ROOT)];
        while let Some((path, inode)) = todo.pop() {
            match &state.tree.node(inode).body {
                Body::File(contents) => drop(files.insert(path, contents.live.to_vec())),
                Body::Dir(names) => todo.extend(names.live.iter().map(|(name, child)| (path.join(name), *child))),
                Body::Link(_) | Body::Other => {}
            }
        }
        files
    }

    /// Runs an edit of the test's, above permissions and durable at once.
    fn author(&self, path: &Path, follow: bool, edit: impl FnOnce(&mut State, &Found) -> io::Result<()>) {
        let outcome = self.state().above_permissions(|state| state.author(path, follow, edit));
        outcome.unwrap_or_else(|error| panic!("the test cannot do that to {}: {error}", path.display()));
    }
}

impl State {
    fn above_permissions<T>(&mut self, edit: impl FnOnce(&mut State) -> T) -> T {
        let read_only = std::mem::replace(&mut self.tree.read_only, false);
        let outcome = edit(self);
        self.tree.read_only = read_only;
        outcome
    }

    fn author(
        &mut self,
        path: &Path,
        follow: bool,
        edit: impl FnOnce(&mut State, &Found) -> io::Result<()>,
    ) -> io::Result<()> {
        if let Some(parent) = path.parent() {
            for dir in parent.ancestors().collect::<Vec<_>>().into_iter().rev() {
                let found = self.tree.find(dir, true)?;
                if found.inode.is_none() {
                    make_dir(&mut self.tree, &found)?;
                    self.tree.sync_name(found.dir, &found.name)?;
                }
            }
        }
        let found = self.tree.find(path, follow)?;
        edit(self, &found)?;
        self.tree.sync_name(found.dir, &found.name)
    }

    fn run_hooks(&mut self, inode: Inode) -> io::Result<()> {
        let is_this = |path: &PathBuf| self.tree.find(path, true).is_ok_and(|it| it.inode == Some(inode));
        let Some(path) = self.hooks.keys().find(|it| is_this(it)).cloned() else { return Ok(()) };
        let change = self.hooks.remove(&path).expect("the key was just found");
        self.above_permissions(|state| match change {
            Some(bytes) => state.tree.edit(inode, |it| *it = bytes),
            None => {
                let found = state.tree.find(&path, true)?;
                state.tree.remove(&found, false)
            }
        })
    }

    fn list(&self, inode: Inode) -> io::Result<Vec<DirEntry>> {
        let names = self.tree.names(inode)?;
        self.tree.allow(inode, 0o400)?;
        let mut entries: Vec<DirEntry> = names
            .live
            .iter()
            .map(|(name, child)| DirEntry { name: name.clone(), kind: self.tree.stamp(*child).kind })
            .collect();
        entries.sort_by_cached_key(|it| scrambled(self.seed, &it.name));
        Ok(entries)
    }

    fn unlock(&mut self, inode: Inode) {
        match self.locks.remove(&inode) {
            Some(Holders::Many(n)) if n > 1 => drop(self.locks.insert(inode, Holders::Many(n - 1))),
            _ => {}
        }
    }
}

fn scrambled(seed: u64, name: &OsStr) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, name).hash(&mut hasher);
    hasher.finish()
}

fn make_dir(tree: &mut Tree, found: &Found) -> io::Result<()> {
    match found.inode {
        Some(inode) => tree.names(inode).map(drop),
        None => tree.create(found, Body::Dir(Names::below(found.dir))).map(drop),
    }
}

fn remove_tree(tree: &mut Tree, found: &Found) -> io::Result<()> {
    let inode = found.existing()?;
    let Ok(names) = tree.names(inode) else { return tree.remove(found, false) };
    for (name, child) in names.live.clone() {
        remove_tree(tree, &Found { dir: inode, name, inode: Some(child) })?;
    }
    tree.remove(found, true)
}

impl System for MemorySystem {
    fn open_dir(&self, path: &Path) -> io::Result<Box<dyn Dir>> {
        let state = self.state();
        let inode = state.tree.find(path, true)?.existing()?;
        state.tree.names(inode)?;
        state.tree.allow(inode, 0o400)?;
        Ok(Box::new(MemoryDir { system: self.clone(), inode }))
    }

    fn stat(&self, path: &Path) -> io::Result<Stamp> {
        Counters::add(&self.0.counters.stats, 1);
        let state = self.state();
        let inode = state.tree.find(path, false)?.existing()?;
        Ok(state.tree.stamp(inode))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        Counters::add(&self.0.counters.opens, 1);
        let found = self.state().tree.find(path, true)?;
        self.open_found(&found)
    }

    fn open_random(&self, path: &Path, access: Access) -> io::Result<Arc<dyn RandomFile>> {
        let mut state = self.state();
        let found = state.tree.find(path, true)?;
        let inode = match access {
            Access::Read => {
                Counters::add(&self.0.counters.opens, 1);
                found.existing()?
            }
            Access::Write => {
                Counters::add(&self.0.counters.databases_opened_for_writing, 1);
                if state.tree.read_only {
                    return Err(io::ErrorKind::ReadOnlyFilesystem.into());
                }
                match found.inode {
                    Some(inode) => inode,
                    None => state.tree.create(&found, Body::File(Contents::default()))?,
                }
            }
        };
        state.tree.contents(inode)?;
        state.tree.allow(inode, 0o400)?;
        if access == Access::Write {
            state.tree.allow(inode, 0o200)?;
        }
        Ok(Arc::new(MemoryRandom { system: self.clone(), inode, access }))
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        let state = self.state();
        let found = state.tree.find(path, true)?;
        let inode = found.existing()?;
        let is_dir = state.tree.names(inode).is_ok();
        Ok(if is_dir { state.tree.path_of(inode) } else { state.tree.path_of(found.dir).join(found.name) })
    }

    fn native_path(&self, _: &Path) -> Option<PathBuf> {
        None
    }

    fn now(&self, dir: &Path) -> FsTime {
        self.read_clock(dir).unwrap_or(FsTime::UNKNOWN)
    }

    fn boot_id(&self) -> String {
        self.state().boot.map_or_else(String::new, |it| format!("boot-{it}"))
    }

    fn try_lock(&self, path: &Path, shared: bool) -> io::Result<Option<Box<dyn Lock>>> {
        let mut state = self.state();
        if state.lockless {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let found = state.tree.find(path, true)?;
        let inode = match found.inode {
            Some(inode) => inode,
            None => state.tree.create(&found, Body::File(Contents::default()))?,
        };
        if state.tree.read_only && !shared {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        let holders = match (state.locks.get(&inode), shared) {
            (None, false) => Holders::One,
            (None, true) => Holders::Many(1),
            (Some(Holders::Many(n)), true) => Holders::Many(n + 1),
            (Some(_), _) => return Ok(None),
        };
        state.locks.insert(inode, holders);
        Ok(Some(Box::new(MemoryLock { system: self.clone(), inode })))
    }

    /// Waits in no time at all: the clock is put forward.
    fn pause(&self, duration: Duration) {
        self.advance(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX / 2));
        std::thread::yield_now();
    }

    fn counters(&self) -> &Counters {
        &self.0.counters
    }
}

impl MemorySystem {
    fn open_found(&self, found: &Found) -> io::Result<Box<dyn OpenFile>> {
        let inode = found.existing()?;
        self.state().tree.allow(inode, 0o400)?;
        Ok(Box::new(MemoryFile { system: self.clone(), inode }))
    }

    /// Reads the clock as a real file system makes one do it, directory stamp and all.
    fn read_clock(&self, dir: &Path) -> io::Result<FsTime> {
        let path = dir.join(format!("{}memory", super::os::CLOCK_FILE_PREFIX));
        self.write_new(&path, b"\n")?;
        let Stamp { mtime_ns: now_ns, device, .. } = self.stamp(&path);
        self.remove_file(&path)?;
        Ok(FsTime { now_ns, granularity_ns: self.state().tree.granularity_ns, device })
    }
}

impl Disk for MemorySystem {
    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        let mut state = self.state();
        let found = state.tree.find(path, false)?;
        let inode = state.tree.create(&found, Body::File(Contents::default()))?;
        Counters::add(&self.0.counters.files_written, 1);
        Ok(Box::new(MemoryNewFile { system: self.clone(), inode }))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        for dir in path.ancestors().collect::<Vec<_>>().into_iter().rev() {
            let found = state.tree.find(dir, true)?;
            make_dir(&mut state.tree, &found)?;
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Counters::add(&self.0.counters.renames, 1);
        let mut state = self.state();
        let (from, to) = (state.tree.find(from, false)?, state.tree.find(to, false)?);
        state.tree.rename(&from, &to)
    }

    fn exchange(&self, a: &Path, b: &Path) -> io::Result<()> {
        Counters::add(&self.0.counters.renames, 1);
        let mut state = self.state();
        let (a, b) = (state.tree.find(a, false)?, state.tree.find(b, false)?);
        state.tree.exchange(&a, &b)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        let (from, to) = (state.tree.find(from, false)?, state.tree.find(to, false)?);
        state.tree.link(&from, &to)
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        Counters::add(&self.0.counters.syncs, 1);
        let mut state = self.state();
        let inode = state.tree.find(path, true)?.existing()?;
        state.tree.sync_file(inode)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        Counters::add(&self.0.counters.syncs, 1);
        let mut state = self.state();
        let inode = state.tree.find(path, true)?.existing()?;
        state.tree.sync_dir(inode)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        Counters::add(&self.0.counters.removes, 1);
        let mut state = self.state();
        let found = state.tree.find(path, false)?;
        state.tree.remove(&found, false)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        Counters::add(&self.0.counters.removes, 1);
        let mut state = self.state();
        let found = state.tree.find(path, false)?;
        state.tree.remove(&found, true)
    }
}

struct MemoryDir {
    system: MemorySystem,
    inode: Inode,
}

impl MemoryDir {
    fn stat_with(&self, path: &Path, follow: bool) -> io::Result<Stamp> {
        Counters::add(&self.system.0.counters.stats, 1);
        let state = self.system.state();
        let inode = state.tree.find_below(self.inode, path, follow)?.existing()?;
        Ok(state.tree.stamp(inode))
    }
}

impl Dir for MemoryDir {
    fn stat(&self, path: &Path) -> io::Result<Stamp> {
        self.stat_with(path, false)
    }

    fn stat_target(&self, path: &Path) -> io::Result<Stamp> {
        self.stat_with(path, true)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        Counters::add(&self.system.0.counters.opens, 1);
        let found = self.system.state().tree.find_below(self.inode, path, true)?;
        self.system.open_found(&found)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        Counters::add(&self.system.0.counters.lists, 1);
        let state = self.system.state();
        let inode = state.tree.find_below(self.inode, path, true)?.existing()?;
        state.list(inode)
    }

    fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        let state = self.system.state();
        let inode = state.tree.find_below(self.inode, path, false)?.existing()?;
        match &state.tree.node(inode).body {
            Body::Link(text) => Ok(text.clone()),
            _ => Err(invalid("not a link")),
        }
    }
}

struct MemoryFile {
    system: MemorySystem,
    inode: Inode,
}

impl OpenFile for MemoryFile {
    fn stat(&self) -> io::Result<Stamp> {
        Ok(self.system.state().tree.stamp(self.inode))
    }

    fn read_at(&self, buf: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.system.state();
        state.run_hooks(self.inode)?;
        let bytes = &state.tree.contents(self.inode)?.live;
        let rest = bytes.get(position(offset)..).unwrap_or_default();
        let n = rest.len().min(buf.len());
        buf[..n].copy_from_slice(&rest[..n]);
        Counters::add(&self.system.0.counters.bytes_read, n as u64);
        Ok(n)
    }
}

struct MemoryNewFile {
    system: MemorySystem,
    inode: Inode,
}

impl NewFile for MemoryNewFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        Counters::add(&self.system.0.counters.bytes_written, bytes.len() as u64);
        self.system.state().tree.edit(self.inode, |it| it.extend_from_slice(bytes))
    }

    fn sync(&mut self) -> io::Result<()> {
        Counters::add(&self.system.0.counters.syncs, 1);
        self.system.state().tree.sync_file(self.inode)
    }

    fn set_mode(&mut self, mode: u32) -> io::Result<()> {
        let mut state = self.system.state();
        state.tree.touch(self.inode, false);
        state.tree.node_mut(self.inode).mode = mode;
        Ok(())
    }

    fn stat(&self) -> io::Result<Stamp> {
        Ok(self.system.state().tree.stamp(self.inode))
    }
}

struct MemoryRandom {
    system: MemorySystem,
    inode: Inode,
    access: Access,
}

impl std::fmt::Debug for MemoryRandom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryRandom").field("inode", &self.inode).field("access", &self.access).finish()
    }
}

impl MemoryRandom {
    fn edit(&self, edit: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        if self.access == Access::Read {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.system.state().tree.edit(self.inode, edit)
    }
}

impl RandomFile for MemoryRandom {
    fn len(&self) -> io::Result<u64> {
        Ok(self.system.state().tree.contents(self.inode)?.live.len() as u64)
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        Counters::add(&self.system.0.counters.bytes_read, buf.len() as u64);
        let state = self.system.state();
        let bytes = &state.tree.contents(self.inode)?.live;
        let from = bytes.get(position(offset)..).and_then(|it| it.get(..buf.len()));
        buf.copy_from_slice(from.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn write_all_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        Counters::add(&self.system.0.counters.bytes_written, data.len() as u64);
        let start = position(offset);
        let end = start.checked_add(data.len()).ok_or(io::ErrorKind::FileTooLarge)?;
        self.edit(|bytes| {
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[start..end].copy_from_slice(data);
        })
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.edit(|bytes| bytes.resize(position(len), 0))
    }

    fn sync(&self) -> io::Result<()> {
        Counters::add(&self.system.0.counters.syncs, 1);
        self.system.state().tree.sync_file(self.inode)
    }
}

struct MemoryLock {
    system: MemorySystem,
    inode: Inode,
}

impl Lock for MemoryLock {
    fn describe(&self, holder: &str) -> io::Result<()> {
        Counters::add(&self.system.0.counters.bytes_written, holder.len() as u64);
        self.system.state().tree.edit(self.inode, |it| holder.as_bytes().clone_into(it))
    }
}

impl Drop for MemoryLock {
    fn drop(&mut self) {
        self.system.state().unlock(self.inode);
    }
}

/// Offsets beyond memory are beyond every file.
fn position(offset: u64) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::read_all;
    use super::*;

    fn system_with(path: &str, bytes: &[u8]) -> MemorySystem {
        let system = MemorySystem::new();
        system.write(path, bytes);
        system
    }

    #[test]
    fn paths_must_be_normal() {
        let system = system_with("/a/b", b"");
        let dir = system.open_dir(Path::new("/a")).expect("a directory");
        for bad in ["a", "", "/a/", "//a", "/a/./b", "/a/../a", "/a//b"] {
            assert_eq!(
                System::stat(&system, Path::new(bad)).map_err(|it| it.kind()),
                Err(io::ErrorKind::InvalidInput),
                "{bad}"
            );
        }
        for bad in ["/a/b", "../a", "./b", "b/."] {
            assert_eq!(dir.stat(Path::new(bad)).map_err(|it| it.kind()), Err(io::ErrorKind::InvalidInput), "{bad}");
        }
    }

    #[test]
    fn the_clock_stands_still_until_it_is_told() {
        let system = system_with("/f", b"old!");
        let before = system.stamp("/f");
        system.write("/f", b"new!");
        assert_eq!(system.stamp("/f"), before, "same size, same moment: only the racy rule can tell");
        assert!(before.is_racy(system.now(Path::new("/"))));
        system.settle();
        assert!(!before.is_racy(system.now(Path::new("/"))));
        system.write("/f", b"new?");
        assert_ne!(system.stamp("/f"), before);
    }

    #[test]
    fn a_forged_mtime_moves_the_ctime() {
        let system = system_with("/f", b"1234");
        let before = system.stamp("/f");
        system.settle();
        system.write_keeping_times("/f", b"5678");
        let after = system.stamp("/f");
        assert_eq!((after.mtime_ns, after.size, after.inode), (before.mtime_ns, before.size, before.inode));
        assert!(after.ctime_ns > before.ctime_ns);
    }

    #[test]
    fn changes_of_names_move_the_directory_and_the_renamed() {
        let system = system_with("/d/f", b"");
        let (dir, file) = (system.stamp("/d"), system.stamp("/d/f"));
        system.settle();
        system.write("/d/f", b"x");
        assert_eq!(system.stamp("/d"), dir, "contents are no names");
        system.rename("/d/f", "/d/g");
        assert!(system.stamp("/d").mtime_ns > dir.mtime_ns);
        assert!(system.stamp("/d/g").ctime_ns > file.ctime_ns);
        assert_eq!(system.stamp("/d/g").inode, file.inode);
    }

    #[test]
    fn listing_order_depends_on_the_seed_alone() {
        let system = MemorySystem::new();
        for n in 0..20 {
            system.write(format!("/f{n:02}"), b"");
        }
        let list = || system.open_dir(Path::new("/")).and_then(|it| it.list(Path::new(""))).expect("a directory");
        let first = list();
        assert_eq!(list(), first);
        assert!(!first.is_sorted());
        system.scramble(1);
        assert_ne!(list(), first);
    }

    #[test]
    fn permissions_and_read_only_refuse_the_program_and_not_the_test() {
        let system = system_with("/d/f", b"x");
        system.set_mode("/d/f", 0);
        assert_eq!(system.open(Path::new("/d/f")).err().map(|it| it.kind()), Some(io::ErrorKind::PermissionDenied));
        system.set_mode("/d", 0);
        assert_eq!(
            System::stat(&system, Path::new("/d/f")).err().map(|it| it.kind()),
            Some(io::ErrorKind::PermissionDenied)
        );
        system.set_read_only(true);
        system.write("/e", b"");
        assert_eq!(
            system.write_new(Path::new("/g"), b"").err().map(|it| it.kind()),
            Some(io::ErrorKind::ReadOnlyFilesystem)
        );
        assert_eq!(system.now(Path::new("/")), FsTime::UNKNOWN);
    }

    #[test]
    fn a_file_can_change_under_its_reader() {
        let system = system_with("/f", b"old");
        system.write("/g", b"gone");
        system.settle();
        system.on_next_read("/f", b"newer");
        system.remove_on_next_read("/g");
        let file = system.open(Path::new("/f")).expect("it is there");
        let before = file.stat().expect("open");
        assert_eq!(read_all(&*file, 99).expect("readable"), b"newer");
        assert_ne!(file.stat().expect("open"), before);
        assert_eq!(system.read(Path::new("/g"), 99).expect("the handle outlives the name"), b"gone");
        assert_eq!(system.get("/g"), None);
    }

    #[test]
    fn forks_share_nothing() {
        let system = system_with("/f", b"1");
        let lock = system.try_lock(Path::new("/lock"), false).expect("free");
        let fork = system.fork();
        fork.write("/f", b"2");
        assert_eq!((system.get("/f"), fork.get("/f")), (Some(b"1".to_vec()), Some(b"2".to_vec())));
        assert!(fork.try_lock(Path::new("/lock"), false).expect("a lock file").is_some());
        drop(lock);
    }

    /// Writes `new` over the durable `old` through a rename, syncing as told, and cuts the power.
    fn replaced(sync_file: bool, sync_dir: bool, unsynced: Unsynced) -> Option<Vec<u8>> {
        let system = system_with("/d/f", b"old");
        let mut file = system.create(Path::new("/d/temp")).expect("new");
        file.write_all(b"new").expect("written");
        if sync_file {
            file.sync().expect("synced");
        }
        Disk::rename(&system, Path::new("/d/temp"), Path::new("/d/f")).expect("renamed");
        if sync_dir {
            system.sync_dir(Path::new("/d")).expect("synced");
        }
        system.after_power_loss_with(unsynced).get("/d/f")
    }

    #[test]
    fn what_was_synced_survives_and_nothing_else_is_sure_to() {
        for unsynced in [Unsynced::Lost, Unsynced::NamesKept, Unsynced::Torn, Unsynced::ByChance(3)] {
            assert_eq!(replaced(true, true, unsynced), Some(b"new".to_vec()), "{unsynced:?}");
        }
        assert_eq!(replaced(true, false, Unsynced::Lost), Some(b"old".to_vec()));
        assert_eq!(replaced(false, true, Unsynced::Lost), Some(b"".to_vec()));
        assert_eq!(replaced(false, false, Unsynced::Torn), Some(b"n".to_vec()));
        let chances: Vec<_> = (0..20).map(|seed| replaced(true, false, Unsynced::ByChance(seed))).collect();
        assert!(chances.contains(&Some(b"old".to_vec())) && chances.contains(&Some(b"new".to_vec())));
    }

    #[test]
    fn writes_in_place_are_durable_once_synced() {
        let system = system_with("/db", &[1; 10_000]);
        let file = system.open_random(Path::new("/db"), Access::Write).expect("it is there");
        file.write_all_at(&[2; 10_000], 0).expect("written");
        assert_eq!(system.after_power_loss().get("/db"), Some(vec![1; 10_000]));
        let torn = system.after_power_loss_with(Unsynced::ByChance(1)).get("/db").expect("it has its name");
        assert!(torn.contains(&1) && torn.contains(&2), "some blocks are new, some old");
        file.sync().expect("synced");
        assert_eq!(system.after_power_loss().get("/db"), Some(vec![2; 10_000]));
        assert_ne!(system.after_power_loss().boot_id(), system.boot_id());
    }

    #[test]
    fn a_file_moved_between_directories_may_keep_both_names() {
        let system = system_with("/a/f", b"x");
        system.mkdir("/b");
        Disk::rename(&system, Path::new("/a/f"), Path::new("/b/f")).expect("renamed");
        system.sync_dir(Path::new("/b")).expect("synced");
        let left = system.after_power_loss();
        assert_eq!((left.get("/a/f"), left.get("/b/f")), (Some(b"x".to_vec()), Some(b"x".to_vec())));
        left.write("/a/f", b"y");
        assert_eq!(left.get("/b/f"), Some(b"x".to_vec()));
    }

    #[test]
    fn a_directory_does_not_move_into_itself() {
        let system = system_with("/a/b/f", b"");
        let outcome = Disk::rename(&system, Path::new("/a"), Path::new("/a/b/c"));
        assert_eq!(outcome.map_err(|it| it.kind()), Err(io::ErrorKind::InvalidInput));
        Disk::rename(&system, Path::new("/a/b"), Path::new("/c")).expect("elsewhere it may");
        assert_eq!(system.get("/c/f"), Some(Vec::new()));
        assert_eq!(system.canonicalize(Path::new("/c/f")).expect("it exists"), Path::new("/c/f"));
    }
}
