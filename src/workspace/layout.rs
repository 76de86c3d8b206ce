//! Where things lie in a workspace, and what every step of a build is given: the disk, the number of threads, whom
//! to tell about progress, and whether to stop.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::{Error, Result};
use crate::model::RelPath;
use crate::system::Disk;
use crate::threads::{make_room, parallel};
use crate::timings::{Span, Timings};

/// The author's configuration.
pub const CONFIG_FILE: &str = "packwright.toml";
/// The directory of the registry's sixteen files.
pub const REGISTRY_DIR: &str = "packwright.registry";
/// packwright's own directory: cache and lane.
pub const STATE_DIR: &str = ".packwright";
/// The default output directory.
pub const BUILD_DIR: &str = "build";

/// A step of a build, for people who wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Comparing fingerprints.
    Scan,
    /// Reading and digesting what moved.
    Digest,
    /// Running processors.
    Process,
    /// Writing the pack.
    Emit,
}

/// Whom to tell how far a build is. Called from many threads.
pub trait Progress: Send + Sync {
    /// A phase begins, with so many steps.
    fn phase(&self, phase: Phase, steps: usize);
    /// So many steps are done.
    fn advance(&self, steps: usize);
    /// Another process holds what is needed next; `holder` says who and since when. Told again and again.
    fn waiting(&self, holder: &str) {
        let _ = holder;
    }
}

/// Tells nobody.
pub struct Silent;

impl Progress for Silent {
    fn phase(&self, _: Phase, _: usize) {}
    fn advance(&self, _: usize) {}
}

/// A workspace and the means to work on it.
#[derive(Clone)]
pub struct Workspace {
    /// The file system.
    pub disk: Arc<dyn Disk>,
    /// The directory of `packwright.toml`: absolute, every link followed.
    pub root: PathBuf,
    /// How many threads to use, at least one.
    pub jobs: usize,
    /// Whom to tell about progress.
    pub progress: Arc<dyn Progress>,
    /// Takes note of how long what took, where somebody asked.
    pub timings: Arc<Timings>,
    /// Set when the user wants to stop.
    pub stop: Arc<AtomicBool>,
}

/// The schemas of authored files, where somebody puts them beside [`CONFIG_FILE`] for an editor.
pub const SCHEMA_FILES: [&str; 2] = ["asset.schema.json", "packwright.schema.json"];

impl Workspace {
    /// Returns the workspace at `root`, with as many threads as are useful, and silent.
    pub fn new(disk: Arc<dyn Disk>, root: PathBuf) -> Self {
        let jobs = std::thread::available_parallelism().map_or(2, |it| it.get());
        let (progress, timings, stop) = (Arc::new(Silent), Arc::default(), Arc::default());
        Self { disk, root, jobs, progress, timings, stop }
    }

    /// Returns the native path of a workspace-relative one.
    pub fn abs(&self, path: &RelPath) -> PathBuf {
        if path.is_root() { self.root.clone() } else { self.root.join(path.as_str()) }
    }

    /// Returns where this tree's own cache lies.
    pub fn cache_dir(&self) -> PathBuf {
        self.root.join(STATE_DIR).join("cache")
    }

    /// Returns the default output directory of a profile.
    pub fn output_dir(&self, profile: &str) -> PathBuf {
        self.root.join(BUILD_DIR).join(profile)
    }

    /// Returns whether `path`, relative to the workspace, is packwright's own: never a source.
    pub fn is_own(path: &str) -> bool {
        let first = path.split('/').next().unwrap_or(path);
        Self::is_own_of_nested(first)
    }

    /// Returns whether `name` is packwright's own in a directory that holds another workspace's [`CONFIG_FILE`].
    pub fn is_own_of_nested(name: &str) -> bool {
        matches!(name, CONFIG_FILE | REGISTRY_DIR | STATE_DIR | BUILD_DIR) || SCHEMA_FILES.contains(&name)
    }

    /// Fails when the user wants to stop.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`].
    pub fn check_stop(&self) -> Result<()> {
        if self.stop.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
    }

    /// Begins a step of a build; it ends when what is returned is dropped.
    pub fn phase(&self, name: &'static str) -> Span<'_> {
        self.timings.phase(name)
    }

    /// Does `work`, and `aside` meanwhile on another thread; before it where there is to be only one.
    pub fn meanwhile<T>(&self, aside: impl FnOnce() + Send, work: impl FnOnce() -> T) -> T {
        self.both(aside, work).1
    }

    /// As [`Workspace::meanwhile`], and returns what came of both.
    pub fn both<A: Send, T>(&self, aside: impl FnOnce() -> A + Send, work: impl FnOnce() -> T) -> (A, T) {
        if self.jobs == 1 {
            return (aside(), work());
        }
        std::thread::scope(|scope| {
            let aside = scope.spawn(|| {
                make_room();
                aside()
            });
            let done = work();
            (aside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)), done)
        })
    }

    /// Runs `work` on `0..n` on this workspace's threads, in order of claim, and returns the results in order.
    pub fn parallel<T: Send>(&self, n: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
        parallel(self.jobs, n, work)
    }

    /// As [`Workspace::parallel`], for work that does little but ask the file system: one thread more keeps the cores
    /// busy while another one waits for a lock in the kernel.
    pub fn parallel_asking<T: Send>(&self, n: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
        parallel(if self.jobs > 1 { self.jobs + 1 } else { 1 }, n, work)
    }
}

/// Looks for `packwright.toml` in `start` and above it.
pub fn discover(disk: &dyn Disk, start: &Path) -> Option<PathBuf> {
    let start = disk.canonicalize(start).ok()?;
    start.ancestors().find(|it| disk.stat(&it.join(CONFIG_FILE)).is_ok()).map(Path::to_owned)
}
