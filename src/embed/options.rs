//! How it is built and committed.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::build;
use crate::cache::CacheMode;
use crate::workspace::layout;

/// How packs are built. By default all packs of the workspace with the profile `dev`, on all cores.
///
/// # Examples
///
/// ```
/// let options = packwright::BuildOptions::new().profile("release").locked(true).jobs(4);
/// ```
#[derive(Clone, Default, Debug)]
pub struct BuildOptions {
    asked: build::Options,
    jobs: Option<usize>,
    cancel: Cancel,
}

impl BuildOptions {
    /// Returns the default options.
    pub fn new() -> Self {
        Self::default()
    }

    /// Builds with this profile.
    #[must_use]
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.asked.profile = name.into();
        self
    }

    /// Builds only this pack; called again, this one too.
    #[must_use]
    pub fn pack(mut self, name: impl Into<String>) -> Self {
        self.asked.packs.push(name.into());
        self
    }

    /// Builds into this directory in place of `build/<profile>`. A relative path is one below the process's current
    /// directory, as everywhere in [`std::fs`].
    #[must_use]
    pub fn out(mut self, dir: impl Into<PathBuf>) -> Self {
        self.asked.out = Some(dir.into());
        self
    }

    /// Changes nothing that is committed, and fails with [`Error::Locked`](crate::Error::Locked) where that would be
    /// necessary: for builds on a server.
    #[must_use]
    pub fn locked(mut self, locked: bool) -> Self {
        self.asked.locked = locked;
        self
    }

    /// Distrusts every file's time and size, and reads everything again.
    #[must_use]
    pub fn rehash(mut self, rehash: bool) -> Self {
        self.asked.rehash = rehash;
        self
    }

    /// Keeps processed assets in this directory, which many workspaces may share, in place of `.packwright/cache`. A
    /// relative path is one below the process's current directory.
    #[must_use]
    pub fn cache_dir(mut self, dir: impl Into<PathBuf>) -> Self {
        self.asked.cache_dir = Some(dir.into());
        self
    }

    /// Neither reads the cache nor writes it. The pack is the same.
    #[must_use]
    pub fn without_cache(mut self) -> Self {
        self.asked.cache = CacheMode::Off;
        self
    }

    /// Uses so many threads, at least one; by default one for each core.
    #[must_use]
    pub fn jobs(mut self, n: usize) -> Self {
        self.jobs = Some(n.max(1));
        self
    }

    /// Waits for so long when another process builds into the same directory or holds the lane, by default ten minutes
    /// and half a minute; and for so long until other threads that use the same [`Workspace`](crate::Workspace) are done,
    /// by default as long as that takes.
    #[must_use]
    pub fn wait(mut self, duration: Duration) -> Self {
        self.asked.wait = Some(duration);
        self
    }

    /// Ends with [`Error::Interrupted`](crate::Error::Interrupted) soon after `cancel` is cancelled: outputs are then as
    /// they were before, the registry as before or after.
    #[must_use]
    pub fn cancel(mut self, cancel: &Cancel) -> Self {
        self.cancel = cancel.clone();
        self
    }

    /// Returns how a turn is waited for.
    pub(super) fn patience(&self) -> Patience<'_> {
        Patience { wait: self.asked.wait, cancel: &self.cancel }
    }

    /// Returns what the engine is asked.
    pub(super) fn asked(&self) -> build::Options {
        self.asked.clone()
    }

    /// Returns the workspace as it is worked on.
    pub(super) fn applied_to(&self, ws: &layout::Workspace) -> layout::Workspace {
        layout::Workspace { jobs: self.jobs.unwrap_or(ws.jobs), stop: self.cancel.flag(), ..ws.clone() }
    }
}

/// Stops what it was given to, from any thread. Clones are one and the same.
///
/// # Examples
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let home = tempfile::tempdir()?;
/// # let dir = home.path();
/// # let config = "roots = [{ path = \".\" }]\nrules = [{ match = \"**/*.txt\", type = \"raw\" }]";
/// # let workspace = packwright::Workspace::create(dir, config)?;
/// use packwright::{BuildOptions, Cancel, Error};
///
/// let cancel = Cancel::new();
/// cancel.cancel(); // Usually from another thread, while the build runs.
/// let outcome = workspace.build(&BuildOptions::new().cancel(&cancel));
/// assert!(matches!(outcome, Err(Error::Interrupted)));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default, Debug)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Returns one that is not cancelled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops, once and for all.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Returns what whoever works looks at.
    pub(super) fn flag(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }

    /// Returns whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// How long somebody waits for other threads.
#[derive(Clone, Copy)]
pub struct Patience<'a> {
    /// As long as it takes where there is no limit.
    pub wait: Option<Duration>,
    /// Ends the wait.
    pub cancel: &'a Cancel,
}

/// How an edit is committed.
#[derive(Clone, Debug)]
pub struct CommitOptions {
    wait: Option<Duration>,
    pub(super) holder: String,
    pub(super) cancel: Cancel,
    looks: BuildOptions,
}

/// How long the lane is waited for where nobody says.
const LANE_WAIT: Duration = Duration::from_secs(10);

impl Default for CommitOptions {
    fn default() -> Self {
        let (holder, cancel, looks) = ("an editor".to_owned(), Cancel::default(), BuildOptions::default());
        Self { wait: None, holder, cancel, looks }
    }
}

impl CommitOptions {
    /// Returns the default options: ten seconds of patience.
    pub fn new() -> Self {
        Self::default()
    }

    /// Waits for so long when another process writes, by default ten seconds; and for so long until other threads that
    /// use the same [`Workspace`](crate::Workspace) are done, by default as long as that takes. Fails with
    /// [`Error::Busy`](crate::Error::Busy) then.
    #[must_use]
    pub fn wait(mut self, duration: Duration) -> Self {
        self.wait = Some(duration);
        self
    }

    /// Plans the edit by what a build with these options goes by: its profile, its cache directory, its threads. What
    /// they say of outputs and of waiting does not matter.
    #[must_use]
    pub fn planned_as(mut self, options: &BuildOptions) -> Self {
        self.looks = options.clone();
        self
    }

    /// What is told to those who have to wait meanwhile, and to the log: `my editor, renaming`.
    #[must_use]
    pub fn holder(mut self, name: impl Into<String>) -> Self {
        self.holder = name.into();
        self
    }

    /// Ends with [`Error::Interrupted`](crate::Error::Interrupted) where `cancel` is cancelled before anything is
    /// committed.
    #[must_use]
    pub fn cancel(mut self, cancel: &Cancel) -> Self {
        self.cancel = cancel.clone();
        self
    }

    /// Returns how long the lane is waited for while another process holds it.
    pub(super) fn lane_wait(&self) -> Duration {
        self.wait.unwrap_or(LANE_WAIT)
    }

    /// Returns how a turn is waited for.
    pub(super) fn patience(&self) -> Patience<'_> {
        Patience { wait: self.wait, cancel: &self.cancel }
    }

    /// Returns what is looked at, and with what.
    pub(super) fn asked(&self) -> build::Options {
        self.looks.asked()
    }

    /// Returns the workspace as it is worked on.
    pub(super) fn applied_to(&self, ws: &layout::Workspace) -> layout::Workspace {
        layout::Workspace { stop: self.cancel.flag(), ..self.looks.applied_to(ws) }
    }
}
