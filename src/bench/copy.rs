//! The copy that everything happens in: made, looked through, built once, and brought to rest again and again.
//!
//! In the scratch directory lie `workspace` (the copy), `other` (another one for another tool), `checkout` (once CI was
//! measured), `gone` (emptied, what was removed between builds), the list that floors read, and what children say.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::catalog::Catalog;
use super::child::{Built, Children};
use super::edit::{Action, File, Place, checkout_path};
use super::floor::{self, Floor};
use super::generate;
use super::report::{Ended, Machine, Report, Skipped, WorkspaceEntry};
use super::round::Rows;
use super::tree::{self, Found, Skip};
use super::{Other, Result, Setup, Source, Spec, Stopped};
use crate::build::Options;
use crate::build::inspect::Asset;
use crate::driver::Engine;
use crate::error::{self, IoContext};
use crate::model::path::parent;
use crate::model::{AssetUuid, Codec, RelPath};
use crate::system::process::Usage;
use crate::system::{FileKind, machine};
use crate::workspace::layout::{CONFIG_FILE, STATE_DIR, Workspace};

/// How often a build may find something to do before the copy counts as restless.
const TRIES: usize = 6;
/// From so many files on, the disk is given time to write before something is measured.
const MANY: usize = 1000;
/// Longer than a step of any clock that is said to be fine.
const A_BIT_MORE: Duration = Duration::from_millis(20);

/// A copy of a workspace.
pub struct Copy<'a> {
    setup: &'a Setup<'a>,
    /// Who starts children.
    pub children: Children<'a>,
    ws: Workspace,
    /// The copy for the other tool.
    other: Option<PathBuf>,
    aside: PathBuf,
    list: PathBuf,
    roots: Vec<RelPath>,
    workspace: AssetUuid,
    codec: Codec,
    n_dirs: u64,
    source_bytes: u64,
    output_bytes: u64,
    pause: Duration,
    load_percent: Option<u64>,
    /// What there is to be changed.
    pub catalog: Catalog,
    /// The first build of all.
    pub first: Built,
    /// The build with nothing to do after it.
    pub settled: Built,
}

impl<'a> Copy<'a> {
    /// Copies or generates the workspace, looks through it, and builds it until there is nothing to do.
    ///
    /// # Errors
    ///
    /// When it does not build, or the world refuses.
    pub fn prepare(setup: &'a Setup<'a>, aside: &Path) -> Result<Self> {
        let root = aside.join("workspace");
        let load_percent = machine::load_percent();
        (setup.tell)("making a copy");
        let ws = workspace(setup, root.clone());
        match &setup.source {
            Source::Workspace(original) => copy_workspace(&workspace(setup, original.clone()), &root)?,
            Source::Generated(spec) => write_generated(&ws, spec)?,
        }
        let children = Children { disk: &*setup.disk, exe: &setup.exe, aside: aside.to_owned(), stop: &setup.stop };
        let other = setup.vs.as_ref().map(|_| aside.join("other"));
        if let Some(other) = &other {
            copy_everything(setup, &root, other)?;
        }
        (setup.tell)("the first build");
        // Problems are told by the build, in its words.
        let arguments = arguments(setup);
        let first = children.build(&root, &arguments)?;
        let engine = Engine::new(ws.clone());
        let options = Options { profile: setup.profile.clone(), ..Options::default() };
        let inspection = engine.inspect(&options)?;
        engine.forget();
        let config = inspection.config;
        let roots: Vec<RelPath> = config.roots.iter().map(|it| it.path.clone()).collect();
        let found = walk(&ws, &roots)?;
        let files = regular_files(&ws, &found)?;
        let list = aside.join("list");
        let pictures = places_of_pictures(&inspection.assets);
        let is_picture = |path: &str| pictures.contains(path) || pictures.contains(parent(path));
        setup.disk.write_new(&list, floor::list(&found, is_picture).as_bytes()).context("write", &list)?;
        let text = setup.disk.read(&root.join(CONFIG_FILE), u64::MAX).context("read", &root.join(CONFIG_FILE))?;
        let root_paths: Vec<String> = roots.iter().map(ToString::to_string).collect();
        let now = setup.disk.now(aside);
        let mut copy = Self {
            codec: config.profiles.get(&setup.profile).map_or(Codec::None, |it| it.codec),
            workspace: config.workspace,
            n_dirs: found.iter().filter(|it| it.kind == FileKind::Dir).count() as u64,
            source_bytes: files.iter().map(|it| it.len).sum(),
            output_bytes: 0,
            pause: Duration::from_nanos(u64::try_from(now.granularity_ns).unwrap_or(0)) + A_BIT_MORE,
            catalog: Catalog::of(files, &root_paths, &inspection.assets, String::from_utf8_lossy(&text).into_owned()),
            settled: first.clone(),
            aside: aside.to_owned(),
            load_percent,
            setup,
            children,
            ws,
            other,
            list,
            roots,
            first,
        };
        copy.settled = copy.settle()?;
        copy.output_bytes = copy.measure_outputs()?;
        copy.place(&copy.ws.root).keep_registry()?;
        copy.run_other()?;
        Ok(copy)
    }

    fn place<'b>(&'b self, root: &'b Path) -> Place<'b> {
        Place { disk: &*self.setup.disk, root, aside: &self.aside }
    }

    /// Does things to the copy, and to the other tool's what people would do to theirs. Then waits until the file
    /// system's clock has gone on, as it has long done when a person starts a build.
    ///
    /// # Errors
    ///
    /// When the world refuses.
    pub fn apply(&self, actions: &[Action]) -> error::Result<()> {
        for action in actions {
            self.ws.check_stop()?;
            self.place(&self.ws.root).apply(action)?;
            if let Some(other) = self.other.as_deref().filter(|_| action.is_authored()) {
                self.place(other).apply(action)?;
            }
            if *action == Action::Checkout {
                self.check_out()?;
            }
        }
        let weight = actions.iter().map(Action::weight).max().unwrap_or(0);
        if weight.min(self.catalog.files.len()) >= MANY {
            machine::settle(&self.aside).context("settle", &self.aside)?;
        }
        self.setup.disk.pause(self.pause);
        Ok(())
    }

    /// Makes a checkout: sources, configuration and registry in new files, and the cache of the copy. The one of an
    /// earlier round is made like new: each source is written again, and what was built there is put away.
    fn check_out(&self) -> error::Result<()> {
        let disk = &*self.setup.disk;
        let to = checkout_path(&self.aside);
        let place = self.place(&to);
        if disk.stat(&to).is_err_and(|it| it.kind() == std::io::ErrorKind::NotFound) {
            tree::copy(&self.ws, &walk(&self.ws, &self.roots)?, &to)?;
            tree::copy_authored(&self.ws, &to)?;
        } else {
            place.apply(&Action::Forget)?;
            place.apply(&Action::Touch(self.catalog.files.clone()))?;
        }
        let cache = tree::walk(&self.ws, &Path::new(STATE_DIR).join("cache"), Skip::Nothing)?;
        tree::copy(&self.ws, &cache, &to)
    }

    /// Builds what was changed, measured.
    ///
    /// # Errors
    ///
    /// When the build fails.
    pub fn build(&self, in_checkout: bool) -> Result<(Usage, Built)> {
        self.children.timed_build(&self.root(in_checkout), &arguments(self.setup))
    }

    fn root(&self, in_checkout: bool) -> PathBuf {
        if in_checkout { checkout_path(&self.aside) } else { self.ws.root.clone() }
    }

    /// Returns the content digest of a build that trusts nothing.
    ///
    /// # Errors
    ///
    /// When the build fails.
    pub fn digest_from_nothing(&self, in_checkout: bool) -> Result<Option<String>> {
        let out = self.aside.join("from-nothing");
        let more = ["--no-cache".into(), "--out".into(), out.clone().into_os_string()];
        let built = self.children.build(&self.root(in_checkout), &[arguments(self.setup), more.to_vec()].concat())?;
        self.place(&self.ws.root).put_away(&out)?;
        Ok(built.content_digest)
    }

    /// Measures a floor on the copy as it is.
    ///
    /// # Errors
    ///
    /// When the floor fails.
    pub fn floor(&self, floor: Floor) -> Result<Usage> {
        let out = self.aside.join("floor.pack");
        let limit = if floor == Floor::Write { self.output_bytes } else { u64::MAX };
        let codec = match self.codec {
            Codec::None => "none",
            Codec::Lz4 => "lz4",
            Codec::Zstd => "zstd",
        };
        let mut words: Vec<OsString> =
            ["measure", "floor", floor.name(), "--codec", codec].map(OsString::from).to_vec();
        words.extend(["--jobs".into(), self.ws.jobs.to_string().into()]);
        words.extend(["--limit".into(), limit.to_string().into()]);
        words.extend(["--list".into(), self.list.clone().into(), "--out".into(), out.clone().into()]);
        let usage = self.children.timed_floor(&self.ws.root, &words)?;
        // One inode: no need to put it away.
        tree::remove(&*self.setup.disk, &out)?;
        Ok(usage)
    }

    /// Returns the command of the other tool and where it runs, where there is one.
    pub fn other(&self) -> Option<(&Other, &Path)> {
        self.setup.vs.as_ref().zip(self.other.as_deref())
    }

    /// Lets the other tool bring its copy up to date, unmeasured.
    ///
    /// # Errors
    ///
    /// When it fails.
    pub fn run_other(&self) -> Result<()> {
        let Some((other, root)) = self.other() else { return Ok(()) };
        (self.setup.tell)("the other tool, unmeasured");
        self.children.shell(root, &other.command)
    }

    /// Builds until there is nothing to do and nothing in doubt, and returns the last build.
    ///
    /// # Errors
    ///
    /// When that does not come.
    pub fn settle(&self) -> Result<Built> {
        for _ in 0..TRIES {
            let built = self.children.build(&self.ws.root, &arguments(self.setup))?;
            if built.outcome == "up_to_date" && built.work.digested == 0 {
                return Ok(built);
            }
            // What was read just after it was written is in doubt until the clock has gone on.
            self.setup.disk.pause(self.pause);
        }
        Err(Stopped::Refused("builds of the copy find something to do again and again".to_owned()))
    }

    /// Returns whether packs are compared with those of builds from nothing.
    pub fn verifies(&self) -> bool {
        self.setup.verify
    }

    fn measure_outputs(&self) -> error::Result<u64> {
        let dir = self.ws.output_dir(&self.setup.profile);
        let relative = dir.strip_prefix(&self.ws.root).unwrap_or(&dir);
        let files = regular_files(&self.ws, &tree::walk(&self.ws, relative, Skip::Nothing)?)?;
        Ok(files.iter().map(|it| it.len).sum())
    }

    /// Sums up.
    pub fn report(&self, rows: Rows, ended: Ended, skipped: Vec<Skipped>) -> Report {
        let setup = self.setup;
        Report {
            packwright: env!("CARGO_PKG_VERSION").to_owned(),
            debug: cfg!(debug_assertions),
            machine: Machine {
                os: std::env::consts::OS.to_owned(),
                arch: std::env::consts::ARCH.to_owned(),
                cores: std::thread::available_parallelism().map_or(1, |it| it.get()) as u64,
                processor: machine::processor(),
                kernel: machine::kernel(),
                file_system: machine::file_system(&self.aside).map(str::to_owned),
                load_percent: self.load_percent,
            },
            workspace: WorkspaceEntry {
                workspace: self.workspace,
                generated: match &setup.source {
                    Source::Generated(spec) => Some(*spec),
                    Source::Workspace(_) => None,
                },
                seed: setup.seed,
                assets: self.settled.entries,
                sources: self.settled.work.sources,
                directories: self.n_dirs,
                source_bytes: self.source_bytes,
                output_bytes: self.output_bytes,
            },
            profile: setup.profile.clone(),
            jobs: self.ws.jobs as u64,
            rounds: rows.n_rounds() as u64,
            ended,
            vs: setup.vs.as_ref().map(|it| it.command.clone()),
            rows: rows.into_rows(),
            skipped,
        }
    }
}

fn arguments(setup: &Setup<'_>) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec!["--profile".into(), setup.profile.clone().into()];
    if let Some(jobs) = setup.jobs {
        words.extend(["--jobs".into(), jobs.to_string().into()]);
    }
    words
}

fn workspace(setup: &Setup<'_>, root: PathBuf) -> Workspace {
    let ws = Workspace { stop: setup.stop.clone(), ..Workspace::new(setup.disk.clone(), root) };
    Workspace { jobs: setup.jobs.unwrap_or(ws.jobs), ..ws }
}

fn walk(ws: &Workspace, roots: &[RelPath]) -> error::Result<Vec<Found>> {
    let mut all = Vec::new();
    for root in roots {
        all.append(&mut tree::walk(ws, Path::new(root.as_str()), Skip::AsScan)?);
    }
    Ok(all)
}

/// Returns the files and directories that `image` assets are made of.
fn places_of_pictures(assets: &[Asset]) -> BTreeSet<&str> {
    assets.iter().filter(|it| &*it.kind == "image" && !it.excluded).map(|it| it.place.as_str()).collect()
}

/// Returns the files that were walked with their lengths, by path; what has no plain name is left out.
fn regular_files(ws: &Workspace, found: &[Found]) -> error::Result<Vec<File>> {
    let root = ws.disk.open_dir(&ws.root).context("open", &ws.root)?;
    let mut files = Vec::new();
    for it in found.iter().filter(|it| it.kind == FileKind::File) {
        let Some(path) = it.path.to_str() else { continue };
        let len = root.stat(&it.path).context("look at", &ws.root.join(&it.path))?.size;
        files.push(File { path: path.replace(std::path::MAIN_SEPARATOR, "/"), len });
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Copies what packwright looks at.
fn copy_workspace(original: &Workspace, to: &Path) -> error::Result<()> {
    let options = Options::default();
    let config = crate::build::configure::configure(original, &options)?;
    tree::copy(original, &walk(original, &config.roots)?, to)?;
    tree::copy_authored(original, to)
}

/// Copies what any tool might look at: all but states and outputs.
fn copy_everything(setup: &Setup<'_>, copy: &Path, to: &Path) -> error::Result<()> {
    let from = match &setup.source {
        Source::Workspace(original) => original,
        Source::Generated(_) => copy,
    };
    let from = workspace(setup, from.to_owned());
    tree::copy(&from, &tree::walk(&from, Path::new(""), Skip::States)?, to)
}

fn write_generated(ws: &Workspace, spec: &Spec) -> error::Result<()> {
    let relative = |path: &str| RelPath::new(path).expect("generated paths are normal");
    let config = generate::config(spec).into_bytes();
    tree::write_all(&*ws.disk, &ws.root, [(relative(CONFIG_FILE), config)])?;
    tree::write_empty_registry(&*ws.disk, &ws.root)?;
    let written = ws.parallel(spec.assets, |nth| {
        ws.check_stop()?;
        let files = generate::asset(spec, nth).into_iter().map(|(path, bytes)| (relative(&path), bytes));
        tree::write_all(&*ws.disk, &ws.root, files)
    });
    written.into_iter().collect()
}
