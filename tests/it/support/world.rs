//! A build of a workspace, and the clean build in memory that it is held against.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use packwright::internals::build::{Options, Report};
use packwright::internals::cache::CacheMode;
use packwright::internals::driver::Engine;
use packwright::internals::error::Error;
use packwright::internals::model::Diagnostic;
use packwright::internals::pack::source::{DirParts, FileSource};
use packwright::internals::pack::verify::verify;
use packwright::internals::system::memory::MemorySystem;
use packwright::internals::system::{Disk, System};
use packwright::internals::workspace::layout::Workspace;

use super::ground::Ground;
use super::tree::{Tree, committed, lay, published, registry_of};

/// The uuid of every workspace in these tests.
pub const WORKSPACE: &str = "6f1c1c1e-58a4-4c3e-9d1b-7d7f0d5f8a11";

/// Where something lies that is outside of every workspace.
pub const OUTSIDE: &str = "/outside";

/// Files by path.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Returns the sixteen empty files of a new registry.
pub fn empty_registry() -> Tree {
    let file =
        |it| (packwright::internals::model::registry::file_path(it).to_string(), super::tree::Node::File(Vec::new()));
    (0..packwright::internals::model::registry::N_FILES).map(file).collect()
}

/// Returns an engine over a disk.
pub fn engine(disk: Arc<dyn Disk>, root: &Path, jobs: usize) -> Engine {
    Engine::new(Workspace { jobs, ..Workspace::new(disk, root.to_owned()) })
}

/// Returns the options of a build under a profile.
pub fn options(profile: &str) -> Options {
    Options { profile: profile.to_owned(), ..Options::default() }
}

/// How a build ended, in a form that does not depend on where the workspace lies.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ending {
    Built { entries: u64, digest: String, diagnostics: Vec<Diagnostic> },
    Invalid(Vec<Diagnostic>),
    Failed(String),
}

impl Ending {
    pub fn of(result: &Result<Report, Error>, root: &Path) -> Self {
        match result {
            Ok(report) => Self::Built {
                entries: report.entries(),
                digest: report.content_digest().map_or_else(String::new, |it| it.to_hex()),
                diagnostics: report.diagnostics.clone(),
            },
            Err(Error::Invalid(diagnostics)) => Self::Invalid(diagnostics.clone()),
            Err(error) => Self::Failed(format!("{error:?}").replace(&root.display().to_string(), "<root>")),
        }
    }

    pub fn is_built(&self) -> bool {
        matches!(self, Self::Built { .. })
    }
}

/// What a from-scratch build of committed files comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Clean {
    pub ending: Ending,
    /// The output directory.
    pub files: Files,
    /// The registry afterwards.
    pub registry: Files,
}

/// Builds `tree` from nothing: another disk, another place, no cache.
pub fn clean_build(tree: &Tree, options: &Options, seed: u64) -> Clean {
    clean_build_beside(Path::new(OUTSIDE), tree, options, seed)
}

/// As [`clean_build`], where what lies outside of every workspace lies at `beside`.
pub fn clean_build_beside(beside: &Path, tree: &Tree, options: &Options, seed: u64) -> Clean {
    let memory = MemorySystem::new();
    memory.scramble(seed);
    outside(&memory, beside);
    let root = PathBuf::from("/elsewhere/clean");
    lay(&memory, &root, tree);
    let options = Options { cache: CacheMode::Off, rehash: false, out: None, ..options.clone() };
    let result = engine(Arc::new(memory.clone()), &root, 1).build(&options);
    let out_dir = root.join("build").join(&options.profile);
    Clean {
        ending: Ending::of(&result, &root),
        files: published(&memory, &out_dir),
        registry: registry_of(&committed(&memory, &root)),
    }
}

/// Puts something outside of every workspace, for links that leave theirs.
pub fn outside(ground: &dyn Ground, at: &Path) {
    ground.write(&at.join("one.png"), &super::content::small_png(1));
    ground.write(&at.join("dir/one.png"), &super::content::small_png(2));
}

/// Returns what is wrong with the pack at `path`, and its content digest.
pub fn verify_pack(system: &dyn System, path: &Path) -> (Vec<String>, Option<String>) {
    let source = match FileSource::open(system, path) {
        Ok(source) => source,
        Err(error) => return (vec![error.to_string()], None),
    };
    let report = verify(source, DirParts::beside(system, path), 1 << 30);
    (report.problems.iter().map(ToString::to_string).collect(), report.content_digest.map(|it| it.to_hex()))
}

/// Returns in words how two sets of files differ; nothing where they do not.
pub fn difference(got: &Files, expected: &Files) -> Vec<String> {
    let mut words = Vec::new();
    for path in got.keys().chain(expected.keys().filter(|it| !got.contains_key(*it))) {
        let said = match (got.get(path), expected.get(path)) {
            (Some(a), Some(b)) if a == b => continue,
            (Some(a), Some(b)) => {
                let at = a.iter().zip(b).position(|(a, b)| a != b).unwrap_or(a.len().min(b.len()));
                let show = |it: &[u8]| {
                    let shown = &it[at.saturating_sub(40)..it.len().min(at + 80)];
                    String::from_utf8_lossy(shown).into_owned()
                };
                format!("differs at byte {at} of {} and {}:\n   {}\n   {}", a.len(), b.len(), show(a), show(b))
            }
            (Some(a), None) => format!("should not be there ({} bytes)", a.len()),
            (None, _) => "is not there".to_owned(),
        };
        words.push(format!("{path} {said}"));
    }
    words
}
