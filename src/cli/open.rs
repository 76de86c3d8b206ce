//! From a directory and options to a workspace, an engine, and what is asked of it.

use std::borrow::Cow;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Context;
use super::progress::Bar;
use super::words::clean;
use crate::build::Options;
use crate::cache::CacheMode;
use crate::driver::Engine;
use crate::error::{Error, Result};
use crate::model::RelPath;
use crate::threads::make_room;
use crate::timings::Timings;
use crate::workspace::layout::{REGISTRY_DIR, Workspace, discover};

/// Which packs of the workspace, and how it is looked at.
#[derive(clap::Args, Debug)]
pub struct BuildArguments {
    /// The profile to build
    #[arg(short, long, default_value = "dev")]
    pub profile: String,
    /// Only this pack; given again, this one too [default: all of the workspace]
    #[arg(long = "pack", value_name = "NAME")]
    pub packs: Vec<String>,
    #[command(flatten)]
    pub cache: CacheArguments,
    /// Distrust every file's time and size, and read everything again
    #[arg(long)]
    pub rehash: bool,
    /// How many threads to use [default: one for each core]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub jobs: Option<u16>,
    /// How long to wait for another process, in seconds
    #[arg(long, value_name = "SECONDS", hide = true)]
    pub wait: Option<u64>,
}

/// What may be done with the cache.
#[derive(clap::Args, Debug)]
pub struct CacheArguments {
    /// Keep processed assets in DIR, which many workspaces may share [default: .packwright/cache]
    #[arg(long, value_name = "DIR")]
    pub cache_dir: Option<PathBuf>,
    /// What may be done with the cache
    #[arg(long, value_enum, value_name = "MODE", default_value_t, conflicts_with = "no_cache")]
    cache: Cache,
    /// Neither read the cache nor write it, the same as --cache off
    #[arg(long)]
    no_cache: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
enum Cache {
    /// Look up, change nothing
    Read,
    /// Look up and store
    #[default]
    Write,
    /// Neither
    Off,
}

impl BuildArguments {
    /// Returns what the engine is asked.
    pub fn options(&self, cx: &Context) -> Options {
        Options {
            profile: self.profile.clone(),
            packs: self.packs.clone(),
            cache_dir: self.cache.cache_dir.as_ref().map(|it| cx.base.join(it)),
            cache: self.cache.mode(),
            rehash: self.rehash,
            wait: self.wait.map(Duration::from_secs),
            ..Options::default()
        }
    }
}

impl CacheArguments {
    fn mode(&self) -> CacheMode {
        match self.cache {
            _ if self.no_cache => CacheMode::Off,
            Cache::Off => CacheMode::Off,
            Cache::Read => CacheMode::Read,
            Cache::Write => CacheMode::Write,
        }
    }
}

/// A workspace with an engine, and since when.
pub struct Opened {
    /// The workspace.
    pub ws: Workspace,
    /// The engine.
    pub engine: Engine,
    began: Instant,
    bar: Option<Arc<Bar>>,
}

impl Opened {
    /// Returns how long it has been open.
    pub fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Asks the engine for something, and shows how far it is.
    ///
    /// # Errors
    ///
    /// Those of `work`.
    pub fn ask<T>(&self, work: impl FnOnce(&Engine) -> Result<T>) -> Result<T> {
        let result = work(&self.engine);
        if let Some(bar) = &self.bar {
            bar.clear();
        }
        result
    }
}

/// Finds the workspace that a command is called in, and opens it.
///
/// # Errors
///
/// [`Error::Usage`] where there is none.
pub fn open(cx: &Context, jobs: Option<u16>) -> Result<Opened> {
    open_timed(cx, jobs, false)
}

/// As [`open`], and takes note of how long what takes if `timed`.
///
/// # Errors
///
/// As [`open`].
pub fn open_timed(cx: &Context, jobs: Option<u16>, timed: bool) -> Result<Opened> {
    let began = Instant::now();
    let mut ws = find(cx)?;
    ws.stop = cx.stop.clone();
    if let Some(jobs) = jobs {
        ws.jobs = usize::from(jobs);
        // Sorting and emission run on rayon's threads. That there are some already can only be in tests.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(ws.jobs).start_handler(|_| make_room()).build_global();
    }
    if timed {
        ws.timings = Arc::new(Timings::by(Box::new(move || began.elapsed())));
    }
    let bar = (cx.console.is_terminal() && !cx.console.is_quiet()).then(|| Arc::new(Bar::new()));
    if let Some(bar) = &bar {
        ws.progress = bar.clone();
    }
    Ok(Opened { engine: Engine::new(ws.clone()), ws, began, bar })
}

/// Finds the workspace that a command is called in.
///
/// # Errors
///
/// [`Error::Usage`] where there is none.
pub fn find(cx: &Context) -> Result<Workspace> {
    match discover(&*cx.disk, &cx.base) {
        Some(root) => Ok(Workspace::new(cx.disk.clone(), root)),
        None => Err(Error::Usage(no_workspace(cx))),
    }
}

fn no_workspace(cx: &Context) -> String {
    // Beside a registry there was one once.
    let lost = cx.base.ancestors().find(|it| cx.disk.stat(&it.join(REGISTRY_DIR)).is_ok());
    match lost {
        Some(root) => format!(
            "there is no packwright.toml in `{}`, but a {REGISTRY_DIR}: restore it from version control; if it is lost, \
             `packwright init` writes a new one there, and assets keep their identities",
            shown(root)
        ),
        None => format!(
            "there is no packwright.toml in `{}` or above it; `packwright init` makes a workspace",
            shown(&cx.base)
        ),
    }
}

/// Returns the directory that paths are seen from, relative to the workspace.
pub fn dir(ws: &Workspace, cx: &Context) -> Option<RelPath> {
    if ws.root == cx.base { Some(RelPath::root()) } else { RelPath::root().join(&relative(&ws.root, &cx.base)) }
}

/// Returns a native path as people see it.
pub fn shown(path: &Path) -> String {
    clean(&path.display().to_string())
}

/// Returns `path` as seen from `base`, both absolute and without links: with `/` between components, and `..` where
/// it lies outside.
pub fn relative(base: &Path, path: &Path) -> String {
    let common = base.components().zip(path.components()).take_while(|(a, b)| a == b).count();
    let up = base.components().skip(common).map(|_| "..".to_owned());
    let down = path.components().skip(common).map(|it| it.as_os_str().to_string_lossy().into_owned());
    let parts: Vec<String> = up.chain(down).collect();
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}

/// Returns an absolute path that leads into the workspace at `root` as seen from there; every other text as it is.
pub fn inside<'t>(root: &Path, text: &'t str) -> Cow<'t, str> {
    let path = Path::new(text);
    if !path.is_absolute() {
        return text.into();
    }
    match path.strip_prefix(root).ok().and_then(Path::to_str) {
        Some(below) if !below.is_empty() => below.replace(MAIN_SEPARATOR, "/").into(),
        _ => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_from_where_one_is() {
        let seen = |base: &str, path: &str| relative(Path::new(base), Path::new(path));
        assert_eq!(seen("/ws", "/ws/build/dev/main.pack"), "build/dev/main.pack");
        assert_eq!(seen("/ws/sub", "/ws/build"), "../build");
        assert_eq!(seen("/ws", "/ws"), ".");
        assert_eq!(seen("/a/b", "/c"), "../../c");
    }
}
