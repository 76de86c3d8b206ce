//! packwright for other programs: a game's build script, an editor.
//!
//! A thin layer over the engine that the command line uses too, and the only part of this library that is public.
//! Knows nothing of how anything is done: it takes requests, gives them to the engine and to the lane, and hands out
//! plain data.
//!
//! - `options`: how it is built and committed
//! - `report`: what a build did
//! - `snapshot`: the workspace at one revision
//! - `edit`: write commands as requests
//! - `save`: files as an editor saves them
//! - `turn`: who comes first is served first

mod edit;
mod options;
mod report;
mod save;
mod snapshot;
mod turn;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::build;
use crate::driver::Engine;
use crate::error::{Error, IoContext, Result};
use crate::lane;
use crate::model::{Diagnostic, diagnostic};
use crate::process::kinds;
use crate::system::os::OsSystem;
use crate::system::{Disk, System};
use crate::threads::{keep_apart, outside_pools};
use crate::workspace::config::Config;
use crate::workspace::layout;
use crate::write;

pub use edit::{AssetRef, Edit, EditReport, FileChange, LogEntry};
pub use options::{BuildOptions, Cancel, CommitOptions};
pub use report::{PackReport, Report};
pub use save::FileSave;
pub use snapshot::{Asset, Pack, Payload, Snapshot};

use options::Patience;
use turn::Turns;

/// A workspace that is open.
///
/// Share it between threads by reference or in an `Arc`. Builds, checks and commits through one `Workspace` take turns,
/// in the order in which they were asked for;
/// snapshots are had and read at any time and wait for nobody. Other processes, and other `Workspace`s over the same
/// directory, may build and commit meanwhile: packwright keeps them apart.
///
/// All of it works on threads of its own, besides the one that asks, and may be asked for anywhere: in a task of `rayon`
/// too, of which no other is taken up meanwhile on the same thread.
///
/// What was derived stays in memory, so that the second build looks only at what changed. A program that builds once and
/// ends may as well run `packwright build`.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let home = tempfile::tempdir()?;
/// use packwright::{BuildOptions, Workspace};
///
/// # let dir = home.path();
/// std::fs::create_dir(dir.join("assets"))?;
/// std::fs::write(dir.join("assets/motd.txt"), "welcome")?;
/// let workspace = Workspace::create(
///     dir,
///     r#"
///     roots = [{ path = "assets" }]
///     rules = [{ match = "**/*.txt", type = "raw" }]
///     "#,
/// )?;
///
/// let report = workspace.build(&BuildOptions::new())?;
/// assert_eq!(report.entries, 1);
/// let main = report.pack("main").expect("a workspace that defines no packs has this one");
/// assert!(main.file.as_ref().is_some_and(|it| it.ends_with("build/dev/main.pack")));
/// # Ok(())
/// # }
/// ```
pub struct Workspace {
    ws: layout::Workspace,
    engine: Engine,
    /// Held by whoever builds or commits. Who commits may have to plan once more while it holds the lane, and must not
    /// wait then for a build that waits for the lane.
    turns: Turns,
    saves: lane::Queue,
}

impl Workspace {
    /// Opens the workspace that `dir` lies in: the nearest directory with a `packwright.toml`, upwards from `dir`.
    ///
    /// What a crash left half done is finished or taken back first.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] where there is none; [`Error::Io`].
    pub fn open(dir: impl AsRef<Path>) -> Result<Self> {
        let disk = Arc::new(OsSystem::new());
        let dir = dir.as_ref();
        let root = layout::discover(&*disk, dir).ok_or_else(|| {
            let message = format!("there is no {} in `{}` or above it", layout::CONFIG_FILE, dir.display());
            Error::Usage(message)
        })?;
        Self::on(disk, root)
    }

    /// Makes a workspace of a directory, which is made where it is absent, and opens it.
    ///
    /// `config` is the text of `packwright.toml`, but for the line that tells this workspace from all others: that is
    /// written before it.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] where that is no configuration, with every error in it. [`Error::Conflict`] where a file of a workspace is there already; [`Error::Busy`], [`Error::Io`].
    pub fn create(dir: impl AsRef<Path>, config: &str) -> Result<Self> {
        let text = format!("workspace = \"{}\"\n{config}", write::random_uuid()?);
        refuse_broken(&text)?;
        let disk = Arc::new(OsSystem::new());
        let dir = dir.as_ref();
        disk.create_dir_all(dir).context("create", dir)?;
        let root = disk.canonicalize(dir).context("find", dir)?;
        let ws = layout::Workspace::new(disk.clone(), root.clone());
        write::create(&ws, write::new_files(text))?;
        Self::on(disk, root)
    }

    /// Opens the workspace at `root` of a file system.
    ///
    /// # Errors
    ///
    /// As [`Workspace::open`].
    #[doc(hidden)]
    pub fn on(disk: Arc<dyn Disk>, root: PathBuf) -> Result<Self> {
        let ws = layout::Workspace::new(disk, root);
        let (who, pid) = ("a program with packwright in it", std::process::id());
        lane::open(&*ws.disk, &ws.root, who, pid)?;
        let saves = lane::Queue::new(ws.disk.clone(), ws.root.clone(), pid);
        keep_apart();
        Ok(Self { engine: Engine::new(ws.clone()), ws, turns: Turns::default(), saves })
    }

    /// Returns the directory of `packwright.toml`: absolute, every link followed.
    pub fn root(&self) -> &Path {
        &self.ws.root
    }

    /// Brings packs up to date with the files: what `packwright build` does. Where nothing is to be done, that costs a
    /// look at every file's time and size.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] holds every error that could be found in the workspace; nothing was published then, and the last
    /// good pack is as it was. [`Error::Locked`], [`Error::Busy`], [`Error::Interrupted`] and those of the file system.
    pub fn build(&self, options: &BuildOptions) -> Result<Report> {
        self.in_turn("a build", options.patience(), || {
            let (engine, options) = self.engine_for(options);
            engine.build(&options).map(Report::from)
        })
    }

    /// Does all that a build does short of registering and writing: what `packwright check` does.
    ///
    /// # Errors
    ///
    /// As [`Workspace::build`].
    pub fn check(&self, options: &BuildOptions) -> Result<Report> {
        self.in_turn("a check", options.patience(), || {
            let (engine, options) = self.engine_for(options);
            engine.check(&options).map(Report::from)
        })
    }

    /// Brings packs up to date with the files, and returns the whole workspace as it was then: one registry, one digest
    /// for each file. Where nothing moved since the newest snapshot, it is that one.
    ///
    /// # Errors
    ///
    /// As [`Workspace::build`].
    ///
    /// # Examples
    ///
    /// A snapshot stays what it is, whatever is built and committed later:
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let home = tempfile::tempdir()?;
    /// # let dir = home.path();
    /// # std::fs::write(dir.join("motd.txt"), "welcome")?;
    /// # let config = "roots = [{ path = \".\" }]\nrules = [{ match = \"**/*.txt\", type = \"raw\" }]";
    /// # let workspace = packwright::Workspace::create(dir, config)?;
    /// use packwright::BuildOptions;
    ///
    /// let options = BuildOptions::new();
    /// let before = workspace.snapshot(&options)?;
    /// std::fs::write(dir.join("rules.txt"), "be kind")?;
    /// let after = workspace.snapshot(&options)?;
    ///
    /// assert_eq!((before.assets().len(), after.assets().len()), (1, 2));
    /// assert!(after.revision() > before.revision());
    /// let rules = after.by_name("rules.txt").expect("it is there by now");
    /// assert_eq!(after.read(&rules)?, b"be kind");
    /// # Ok(())
    /// # }
    /// ```
    pub fn snapshot(&self, options: &BuildOptions) -> Result<Snapshot> {
        self.in_turn("a build", options.patience(), || {
            let (engine, options) = self.engine_for(options);
            engine.build(&build::Options { whole: true, ..options })?;
            let newest = engine.snapshot().expect("a build of the whole publishes a snapshot, and it has its turn");
            Ok(Snapshot::new(newest, self.ws.disk.clone()))
        })
    }

    /// Returns the newest snapshot that was taken through this `Workspace`, whatever profile and packs it is of; `None`
    /// before the first. Waits for nobody, also while somebody builds or commits.
    pub fn newest(&self) -> Option<Snapshot> {
        self.engine.snapshot().map(|it| Snapshot::new(it, self.ws.disk.clone()))
    }

    /// Returns what was committed, oldest first: what `packwright log` tells.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn log(&self) -> Result<Vec<LogEntry>> {
        let entries = lane::entries(&*self.ws.disk, &self.ws.root)?;
        Ok(entries.into_iter().map(LogEntry::from).collect())
    }

    /// Does `work` once all who came before are done. `what` is told to those who wait meanwhile.
    fn in_turn<T: Send>(
        &self,
        what: &'static str,
        patience: Patience<'_>,
        work: impl FnOnce() -> Result<T> + Send,
    ) -> Result<T> {
        outside_pools(|| {
            let _turn = self.turns.wait(what, patience)?;
            work()
        })
    }

    /// Returns the engine as it is to work now, and what is asked of it.
    fn engine_for(&self, options: &BuildOptions) -> (Engine, build::Options) {
        (self.engine.with(options.applied_to(&self.ws)), options.asked())
    }
}

/// Fails where the text of a configuration has errors.
fn refuse_broken(config: &str) -> Result<()> {
    let (_, mut diagnostics) = Config::parse(config.as_bytes(), &kinds::Check);
    diagnostic::sort(&mut diagnostics);
    if diagnostics.iter().any(Diagnostic::is_error) { Err(Error::Invalid(diagnostics)) } else { Ok(()) }
}
