//! A disk that fails where a test says: once, or from one step on for good, as when the process is killed.
//!
//! Every change to the disk is one *step*: create, write, sync, rename, removal, lock. A test runs its
//! subject with the fault at step 0, then 1, and so on until nothing fails any more; so a step that is
//! added later is covered from its first day. A *call* is a step or a look: what somebody else does before
//! any call, they do between any two things that the subject does. What the disk holds afterwards is asked of the
//! [`MemorySystem`] beneath: [`FaultyDisk::memory`] as other processes see it, and its
//! [`after_power_loss`](MemorySystem::after_power_loss).

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::memory::MemorySystem;
use super::{Access, Counters, Dir, Disk, FsTime, Lock, NewFile, OpenFile, RandomFile, Stamp, System};

/// A disk over another one that fails where it is told to; see the module.
pub struct FaultyDisk<D = MemorySystem> {
    disk: D,
    script: Arc<Script>,
}

/// What is to happen, and what has. Shared by the disk and the files that it opened.
#[derive(Default)]
struct Script {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    trace: Vec<String>,
    fault: Option<Fault>,
    dead: bool,
    actions: BTreeMap<usize, Action>,
    n_calls: usize,
    /// For each step, which call it was.
    calls_of_steps: Vec<usize>,
    actions_before_calls: BTreeMap<usize, Action>,
}

type Action = Box<dyn FnOnce() + Send>;

#[derive(Clone)]
enum Fault {
    Death { step: usize, torn: bool },
    Error { step: usize, kind: io::ErrorKind },
    Refusal { words: String, kind: io::ErrorKind },
}

/// What the script says of one step.
enum Verdict {
    Go,
    /// Fail with this error, after doing half where a half can be done.
    Fail {
        error: io::Error,
        half: bool,
    },
}

impl<D: Disk + Clone + 'static> FaultyDisk<D> {
    /// Returns a disk without faults over `disk`, of which it keeps a handle.
    pub fn over(disk: &D) -> Self {
        Self { disk: disk.clone(), script: Arc::default() }
    }

    /// Lets the process die right before `step` (from 0): that one and everything after fails, reading too.
    #[must_use]
    pub fn fail_at(self, step: usize) -> Self {
        self.with_fault(Fault::Death { step, torn: false })
    }

    /// The same, but if `step` writes, then half of its bytes are written.
    #[must_use]
    pub fn fail_torn_at(self, step: usize) -> Self {
        self.with_fault(Fault::Death { step, torn: true })
    }

    /// Lets `step` alone fail, with an error of this kind; if it writes, half of its bytes are written.
    #[must_use]
    pub fn fail_once_at(self, step: usize, kind: io::ErrorKind) -> Self {
        self.with_fault(Fault::Error { step, kind })
    }

    /// Refuses the step of these words (see [`FaultyDisk::trace`]) whenever it is tried: a directory that may not be
    /// written, a disk that stays full.
    #[must_use]
    pub fn refuse(self, words: impl Into<String>, kind: io::ErrorKind) -> Self {
        self.with_fault(Fault::Refusal { words: words.into(), kind })
    }

    /// Runs `action` as soon as `step` is done: somebody else changes files between two steps.
    #[must_use]
    pub fn after_step(self, step: usize, action: impl FnOnce(&D) + Send + 'static) -> Self {
        let disk = self.disk.clone();
        self.script.state().actions.insert(step, Box::new(move || action(&disk)));
        self
    }

    /// Runs `action` right before `call` (from 0), be it a step or a look.
    #[must_use]
    pub fn before_call(self, call: usize, action: impl FnOnce(&D) + Send + 'static) -> Self {
        let disk = self.disk.clone();
        self.script.state().actions_before_calls.insert(call, Box::new(move || action(&disk)));
        self
    }

    fn with_fault(self, fault: Fault) -> Self {
        self.script.state().fault = Some(fault);
        self
    }

    /// Returns how many steps there have been, the one that failed included.
    pub fn steps(&self) -> usize {
        self.script.state().trace.len()
    }

    /// Returns how many calls there have been.
    pub fn calls(&self) -> usize {
        self.script.state().n_calls
    }

    /// Returns which call a step was, both counted from 0.
    pub fn call_of(&self, step: usize) -> Option<usize> {
        self.script.state().calls_of_steps.get(step).copied()
    }

    /// Returns the steps so far in words, such as `rename /a /b`.
    pub fn trace(&self) -> Vec<String> {
        self.script.state().trace.clone()
    }
}

impl FaultyDisk {
    /// Returns the file system beneath.
    pub fn memory(&self) -> &MemorySystem {
        &self.disk
    }
}

impl Script {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a look, and refuses it where the process is dead.
    fn alive(&self) -> io::Result<()> {
        self.called();
        if self.state().dead { Err(death()) } else { Ok(()) }
    }

    /// Counts a call, once somebody else did what they wished to do before it.
    fn called(&self) {
        let action = {
            let mut state = self.state();
            let now = state.n_calls;
            state.n_calls += 1;
            state.actions_before_calls.remove(&now)
        };
        if let Some(action) = action {
            action();
        }
    }

    /// Takes a step that is done whole or not at all.
    fn step<T>(&self, words: String, effect: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.step_or_half(words, effect, || Ok(()))
    }

    /// Takes a step of which also `half` can be done.
    fn step_or_half<T>(
        &self,
        words: String,
        effect: impl FnOnce() -> io::Result<T>,
        half: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<T> {
        self.called();
        let (step, verdict) = self.state().judge(words);
        match verdict {
            Verdict::Go => {
                let outcome = effect();
                let action = self.state().actions.remove(&step);
                if let Some(action) = action {
                    action();
                }
                outcome
            }
            Verdict::Fail { error, half: true } => half().and(Err(error)),
            Verdict::Fail { error, half: false } => Err(error),
        }
    }
}

impl State {
    fn judge(&mut self, words: String) -> (usize, Verdict) {
        let now = self.trace.len();
        if self.dead {
            return (now, Verdict::Fail { error: death(), half: false });
        }
        self.trace.push(words);
        self.calls_of_steps.push(self.n_calls.saturating_sub(1));
        let words = self.trace.last().expect("it was just pushed");
        let verdict = match &self.fault {
            Some(Fault::Death { step, torn }) if *step == now => {
                self.dead = true;
                Verdict::Fail { error: death(), half: *torn }
            }
            Some(Fault::Error { step, kind }) if *step == now => Verdict::Fail { error: (*kind).into(), half: true },
            Some(Fault::Refusal { words: refused, kind }) if words == refused => {
                Verdict::Fail { error: (*kind).into(), half: false }
            }
            _ => Verdict::Go,
        };
        (now, verdict)
    }
}

fn death() -> io::Error {
    io::Error::other("the process is dead")
}

impl<D: Disk> System for FaultyDisk<D> {
    fn open_dir(&self, path: &Path) -> io::Result<Box<dyn Dir>> {
        self.script.alive()?;
        self.disk.open_dir(path)
    }

    fn stat(&self, path: &Path) -> io::Result<Stamp> {
        self.script.alive()?;
        self.disk.stat(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        self.script.alive()?;
        self.disk.open(path)
    }

    fn open_random(&self, path: &Path, access: Access) -> io::Result<Arc<dyn RandomFile>> {
        let open = || self.disk.open_random(path, access);
        let file = match access {
            Access::Read => self.script.alive().and_then(|()| open())?,
            Access::Write => self.script.step(format!("open {}", path.display()), open)?,
        };
        Ok(Arc::new(FaultyRandom { file, path: path.to_owned(), script: self.script.clone() }))
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.script.alive()?;
        self.disk.canonicalize(path)
    }

    fn native_path(&self, _: &Path) -> Option<PathBuf> {
        None
    }

    fn now(&self, dir: &Path) -> FsTime {
        if self.script.alive().is_ok() { self.disk.now(dir) } else { FsTime::UNKNOWN }
    }

    fn boot_id(&self) -> String {
        self.disk.boot_id()
    }

    fn try_lock(&self, path: &Path, shared: bool) -> io::Result<Option<Box<dyn Lock>>> {
        let lock = self.script.step(format!("lock {}", path.display()), || self.disk.try_lock(path, shared))?;
        Ok(lock.map(|lock| -> Box<dyn Lock> {
            Box::new(FaultyLock { lock, path: path.to_owned(), script: self.script.clone() })
        }))
    }

    fn pause(&self, duration: Duration) {
        self.disk.pause(duration);
    }

    fn counters(&self) -> &Counters {
        self.disk.counters()
    }
}

impl<D: Disk> Disk for FaultyDisk<D> {
    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        let file = self.script.step(format!("create {}", path.display()), || self.disk.create(path))?;
        Ok(Box::new(FaultyNewFile { file, path: path.to_owned(), script: self.script.clone() }))
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.script.step(format!("create_dir_all {}", path.display()), || self.disk.create_dir_all(path))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let words = format!("rename {} {}", from.display(), to.display());
        self.script.step(words, || self.disk.rename(from, to))
    }

    fn exchange(&self, a: &Path, b: &Path) -> io::Result<()> {
        let words = format!("exchange {} {}", a.display(), b.display());
        self.script.step(words, || self.disk.exchange(a, b))
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let words = format!("link {} {}", from.display(), to.display());
        self.script.step(words, || self.disk.link(from, to))
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.script.step(format!("sync_file {}", path.display()), || self.disk.sync_file(path))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.script.step(format!("sync_dir {}", path.display()), || self.disk.sync_dir(path))
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.script.step(format!("remove_file {}", path.display()), || self.disk.remove_file(path))
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.script.step(format!("remove_dir {}", path.display()), || self.disk.remove_dir(path))
    }
}

struct FaultyNewFile {
    file: Box<dyn NewFile>,
    path: PathBuf,
    script: Arc<Script>,
}

impl NewFile for FaultyNewFile {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let file = std::cell::RefCell::new(&mut self.file);
        self.script.step_or_half(
            format!("write {}", self.path.display()),
            || file.borrow_mut().write_all(bytes),
            || file.borrow_mut().write_all(&bytes[..bytes.len() / 2]),
        )
    }

    fn sync(&mut self) -> io::Result<()> {
        self.script.step(format!("sync {}", self.path.display()), || self.file.sync())
    }

    fn set_mode(&mut self, mode: u32) -> io::Result<()> {
        self.script.step(format!("set_mode {}", self.path.display()), || self.file.set_mode(mode))
    }

    fn stat(&self) -> io::Result<Stamp> {
        self.script.alive()?;
        self.file.stat()
    }
}

#[derive(Debug)]
struct FaultyRandom {
    file: Arc<dyn RandomFile>,
    path: PathBuf,
    script: Arc<Script>,
}

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Script")
    }
}

impl RandomFile for FaultyRandom {
    fn len(&self) -> io::Result<u64> {
        self.script.alive()?;
        self.file.len()
    }

    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        self.script.alive()?;
        self.file.read_exact_at(buf, offset)
    }

    fn write_all_at(&self, data: &[u8], offset: u64) -> io::Result<()> {
        self.script.step_or_half(
            format!("write_at {}", self.path.display()),
            || self.file.write_all_at(data, offset),
            || self.file.write_all_at(&data[..data.len() / 2], offset),
        )
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.script.step(format!("set_len {}", self.path.display()), || self.file.set_len(len))
    }

    fn sync(&self) -> io::Result<()> {
        self.script.step(format!("sync {}", self.path.display()), || self.file.sync())
    }
}

struct FaultyLock {
    lock: Box<dyn Lock>,
    path: PathBuf,
    script: Arc<Script>,
}

impl Lock for FaultyLock {
    fn describe(&self, holder: &str) -> io::Result<()> {
        self.script.step(format!("describe {}", self.path.display()), || self.lock.describe(holder))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "/a";

    /// Five steps: create, write, sync, rename, sync_dir.
    fn replace(disk: &dyn Disk) -> io::Result<()> {
        let mut file = disk.create(Path::new("/temp"))?;
        file.write_all(b"new!")?;
        file.sync()?;
        disk.rename(Path::new("/temp"), Path::new(A))?;
        disk.sync_dir(Path::new("/"))
    }

    fn memory() -> MemorySystem {
        let memory = MemorySystem::new();
        memory.write(A, b"old");
        memory
    }

    #[test]
    fn without_a_fault_everything_happens_and_is_told() {
        let disk = FaultyDisk::over(&memory());
        replace(&disk).expect("no fault");
        assert_eq!(disk.memory().after_power_loss().get(A), Some(b"new!".to_vec()));
        assert_eq!(disk.trace(), ["create /temp", "write /temp", "sync /temp", "rename /temp /a", "sync_dir /"]);
    }

    #[test]
    fn the_dead_do_nothing_any_more() {
        for step in 0..5 {
            let disk = FaultyDisk::over(&memory()).fail_at(step);
            replace(&disk).expect_err("it died");
            assert_eq!(disk.steps(), step + 1);
            assert!(disk.remove_file(Path::new(A)).is_err() && disk.stat(Path::new(A)).is_err());
            assert_eq!(disk.memory().get(A).expect("one of both"), if step > 3 { &b"new!"[..] } else { b"old" });
            assert_eq!(disk.memory().after_power_loss().get(A), Some(b"old".to_vec()));
        }
        replace(&FaultyDisk::over(&memory()).fail_at(5)).expect("the loop of a test ends here");
    }

    #[test]
    fn a_torn_write_writes_half() {
        let disk = FaultyDisk::over(&memory()).fail_torn_at(1);
        replace(&disk).expect_err("it died");
        assert_eq!(disk.memory().get("/temp"), Some(b"ne".to_vec()));
    }

    #[test]
    fn one_error_leaves_the_process_alive() {
        let disk = FaultyDisk::over(&memory()).fail_once_at(2, io::ErrorKind::StorageFull);
        assert_eq!(replace(&disk).map_err(|it| it.kind()), Err(io::ErrorKind::StorageFull));
        disk.remove_file(Path::new("/temp")).expect("alive");
        replace(&disk).expect("the fault is over");
    }

    #[test]
    fn somebody_else_acts_between_steps() {
        let disk = FaultyDisk::over(&memory()).after_step(1, |memory| memory.write("/temp", b"theirs"));
        replace(&disk).expect("no fault");
        assert_eq!(disk.memory().get(A), Some(b"theirs".to_vec()));
    }

    #[test]
    fn somebody_else_acts_before_a_look_too() {
        let disk = FaultyDisk::over(&memory()).before_call(1, |memory| memory.write(A, b"theirs"));
        assert_eq!(disk.stat(Path::new(A)).expect("it is there").size, 3);
        assert_eq!((disk.stat(Path::new(A)).expect("it is there").size, disk.calls(), disk.steps()), (6, 2, 0));
    }

    #[test]
    fn locks_of_the_dead_are_free() {
        let memory = memory();
        let disk = FaultyDisk::over(&memory).fail_at(1);
        let lock = disk.try_lock(Path::new("/lock"), false).expect("alive").expect("free");
        lock.describe("me").expect_err("it died");
        drop(lock);
        assert!(memory.try_lock(Path::new("/lock"), false).expect("a lock file").is_some());
    }
}
