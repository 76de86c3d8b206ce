//! The ground that a workspace lies on, as its author and its machine have it: files change, clocks move, processes
//! die, the power goes. In memory, or on the real disk below a temporary directory.
//!
//! packwright itself never sees this side; it is given [`Ground::disk`].
#![expect(clippy::disallowed_methods, reason = "on a real disk the author goes through no door of packwright's")]

use std::path::Path;
use std::sync::Arc;

use packwright::internals::system::faulty::FaultyDisk;
use packwright::internals::system::memory::{MemorySystem, Unsynced};
use packwright::internals::system::{Disk, FileKind, System};

/// See the module. What the author asks for is possible, or the test is wrong: nothing here returns an error.
pub trait Ground {
    /// Returns what packwright is given.
    fn disk(&self) -> Arc<dyn Disk>;
    /// Returns what a process is given that will be killed.
    fn dying(&self, death: Death) -> Dying;

    /// Writes a file in place, keeping its inode; makes it and its directories where absent.
    fn write(&self, path: &Path, bytes: &[u8]);
    /// Sets a file's mtime.
    fn set_mtime(&self, path: &Path, mtime_ns: i64);
    /// Makes a directory and those above it.
    fn mkdir(&self, path: &Path);
    /// Makes a link at `path` that says `text`.
    fn symlink(&self, text: &Path, path: &Path);
    /// Makes a FIFO.
    fn mkfifo(&self, path: &Path);
    /// Removes whatever is there, a directory with all it holds.
    fn remove(&self, path: &Path);
    /// Renames a file, link or directory.
    fn rename(&self, from: &Path, to: &Path);

    /// Moves the clock by so many nanoseconds; returns whether anybody can.
    fn advance(&self, nanoseconds: i64) -> bool;
    /// Lets so much time pass that nothing written before is racy any more; returns whether anybody can.
    fn settle(&self) -> bool;
    /// Changes the order in which directories are listed, where anybody can.
    fn scramble(&self, seed: u64);
    /// Turns the machine off and on again; returns whether anybody can.
    fn lose_power(&mut self, unsynced: Unsynced) -> bool;

    /// Writes a file in place and sets its mtime back.
    fn write_keeping_times(&self, path: &Path, bytes: &[u8]) {
        let mtime_ns = self.stat(path).expect("the test knows its files").mtime_ns;
        self.write(path, bytes);
        self.set_mtime(path, mtime_ns);
    }

    /// Returns what is at `path`, a link not followed.
    fn stat(&self, path: &Path) -> Option<packwright::internals::system::Stamp> {
        self.disk().stat(path).ok()
    }

    /// Returns the contents of a file, or `None` where there is none.
    fn get(&self, path: &Path) -> Option<Vec<u8>> {
        System::read(&*self.disk(), path, u64::MAX / 2).ok()
    }
}

/// Where histories happen.
#[derive(Clone, Copy)]
pub enum Where {
    Memory,
    #[cfg(unix)]
    Disk,
}

/// Runs `work` on new ground, in the directory that it is given.
pub fn on<T>(place: Where, work: impl FnOnce(Box<dyn Ground>, &Path) -> T) -> T {
    match place {
        Where::Memory => work(Box::new(MemorySystem::new()), Path::new("/")),
        #[cfg(unix)]
        Where::Disk => {
            let dir = tempfile::tempdir().expect("a directory for the test");
            let home = dir.path().canonicalize().expect("it was just made");
            work(Box::new(packwright::internals::system::os::OsSystem::new()), &home)
        }
    }
}

/// When a process is killed.
#[derive(Clone, Copy)]
pub struct Death {
    /// Right before this change to the disk, counted from 0.
    pub step: usize,
    /// Whether half of that change is done nevertheless.
    pub torn: bool,
}

/// The disk of a process that will be killed.
pub struct Dying {
    pub disk: Arc<dyn Disk>,
    /// Tells the last step that it took.
    pub last_step: Box<dyn Fn() -> String>,
}

fn dying(disk: &(impl Disk + Clone + 'static), death: Death) -> Dying {
    let disk = FaultyDisk::over(disk);
    let disk = Arc::new(if death.torn { disk.fail_torn_at(death.step) } else { disk.fail_at(death.step) });
    let told = disk.clone();
    Dying { disk, last_step: Box::new(move || told.trace().pop().unwrap_or_default()) }
}

impl Ground for MemorySystem {
    fn disk(&self) -> Arc<dyn Disk> {
        Arc::new(self.clone())
    }

    fn dying(&self, death: Death) -> Dying {
        dying(self, death)
    }

    fn write(&self, path: &Path, bytes: &[u8]) {
        MemorySystem::write(self, path, bytes);
    }

    fn set_mtime(&self, path: &Path, mtime_ns: i64) {
        MemorySystem::set_mtime(self, path, mtime_ns);
    }

    fn mkdir(&self, path: &Path) {
        MemorySystem::mkdir(self, path);
    }

    fn symlink(&self, text: &Path, path: &Path) {
        MemorySystem::symlink(self, text, path);
    }

    fn mkfifo(&self, path: &Path) {
        MemorySystem::mkfifo(self, path);
    }

    fn remove(&self, path: &Path) {
        MemorySystem::remove(self, path);
    }

    fn rename(&self, from: &Path, to: &Path) {
        MemorySystem::rename(self, from, to);
    }

    fn advance(&self, nanoseconds: i64) -> bool {
        MemorySystem::advance(self, nanoseconds);
        true
    }

    fn settle(&self) -> bool {
        MemorySystem::settle(self);
        true
    }

    fn scramble(&self, seed: u64) {
        MemorySystem::scramble(self, seed);
    }

    fn lose_power(&mut self, unsynced: Unsynced) -> bool {
        *self = self.after_power_loss_with(unsynced);
        MemorySystem::settle(self);
        true
    }
}

#[cfg(unix)]
impl Ground for packwright::internals::system::os::OsSystem {
    fn disk(&self) -> Arc<dyn Disk> {
        Arc::new(self.clone())
    }

    fn dying(&self, death: Death) -> Dying {
        dying(self, death)
    }

    fn write(&self, path: &Path, bytes: &[u8]) {
        make_dirs_above(path);
        std::fs::write(path, bytes).expect("the author may write");
    }

    fn set_mtime(&self, path: &Path, mtime_ns: i64) {
        let (seconds, nanoseconds) = (mtime_ns.div_euclid(1_000_000_000), mtime_ns.rem_euclid(1_000_000_000));
        let time = rustix::fs::Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
        let times = rustix::fs::Timestamps { last_access: time, last_modification: time };
        rustix::fs::utimensat(rustix::fs::CWD, path, &times, rustix::fs::AtFlags::SYMLINK_NOFOLLOW)
            .expect("the author may touch");
    }

    fn mkdir(&self, path: &Path) {
        std::fs::create_dir_all(path).expect("the author may make a directory");
    }

    fn symlink(&self, text: &Path, path: &Path) {
        make_dirs_above(path);
        std::os::unix::fs::symlink(text, path).expect("the author may link");
    }

    fn mkfifo(&self, path: &Path) {
        make_dirs_above(path);
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.is_ok_and(|it| it.success()), "the author may make a FIFO");
    }

    fn remove(&self, path: &Path) {
        let is_dir = Ground::stat(self, path).expect("the test knows its files").kind == FileKind::Dir;
        let removed = if is_dir { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
        removed.expect("the author may remove");
    }

    fn rename(&self, from: &Path, to: &Path) {
        make_dirs_above(to);
        std::fs::rename(from, to).expect("the author may rename");
    }

    fn advance(&self, _: i64) -> bool {
        false
    }

    /// Time passes by itself: how much, and so what is racy, is different every time.
    fn settle(&self) -> bool {
        false
    }

    fn scramble(&self, _: u64) {}

    fn lose_power(&mut self, _: Unsynced) -> bool {
        false
    }
}

#[cfg(unix)]
fn make_dirs_above(path: &Path) {
    let dir = path.parent().expect("it lies in a directory");
    std::fs::create_dir_all(dir).expect("the author may make a directory");
}
