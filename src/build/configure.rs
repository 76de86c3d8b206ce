//! What a build goes by besides sources: `packwright.toml`, the profile, and the registry's sixteen files.

use std::io;
use std::sync::Arc;

use crate::cache::{CacheMode, Index, encoding};
use crate::error::{Error, IoContext, Result};
use crate::lane::{self, Sight};
use crate::model::profile::Profile;
use crate::model::registry::{self, FileSet, Loaded, N_FILES, Registry};
use crate::model::suggest::{instead_of, shown};
use crate::model::{Code, Diagnostic, Digest, KeyHasher, Location, RelPath, diagnostic};
use crate::process::kinds;
use crate::system::{FileKind, FsTime, Stamp};
use crate::workspace::bucket::{NO_CONTENT, get_stamp, stamp_bytes};
use crate::workspace::config::Config;
use crate::workspace::layout::{CONFIG_FILE, Workspace};

use super::Options;

/// A workspace as one pass looks at it, and what is asked of that pass.
pub struct Seen {
    /// The workspace; in the middle of a commit with a disk that shows what will be, and cannot be written.
    pub ws: Workspace,
    /// What is asked for. In the middle of a commit the cache is only read: what it remembers is of files that are there.
    pub options: Options,
    sight: Arc<Sight>,
}

impl Seen {
    /// Looks whether somebody is in the middle of a commit. Waits for nobody.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn of(ws: &Workspace, options: &Options) -> Result<Self> {
        let sight = Arc::new(Sight::of(&ws.disk, &ws.root)?);
        let (mut ws, mut options) = (ws.clone(), options.clone());
        if !sight.is_quiet() {
            ws.disk = sight.disk().clone();
            if options.cache == CacheMode::Write {
                options.cache = CacheMode::Read;
            }
        }
        Ok(Self { ws, options, sight })
    }

    /// Returns whether nobody was in the middle of a commit.
    pub fn is_quiet(&self) -> bool {
        self.sight.is_quiet()
    }
}

/// The configuration of one build.
pub struct Setup {
    /// How the workspace is seen, from before anything was looked at.
    pub sight: Arc<Sight>,
    /// The author's configuration.
    pub config: Arc<Config>,
    /// The text that it was read from.
    pub config_text: Vec<u8>,
    /// Numbers of the packs to build, ascending, each once.
    pub packs: Vec<usize>,
    /// The profile to build.
    pub profile: Arc<Profile>,
    /// Where sources may lie.
    pub roots: Vec<RelPath>,
    /// Warnings about the configuration.
    pub warnings: Vec<Diagnostic>,
}

impl Setup {
    /// Returns the names of the packs to build.
    pub fn pack_names(&self) -> impl Iterator<Item = &str> {
        self.packs.iter().map(|it| self.config.packs.all()[*it].name.as_str())
    }
}

/// Reads the configuration and picks the profile and the packs.
///
/// # Errors
///
/// [`Error::Invalid`] when the configuration has errors or does not know the profile or the pack.
pub fn configure(seen: &Seen) -> Result<Setup> {
    let Seen { ws, options, sight } = seen;
    let path = RelPath::new(CONFIG_FILE).expect("a plain file name is a path");
    let bytes = lane::read_file_through(&*ws.disk, &ws.root, &path)?;
    let bytes = bytes.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound));
    let bytes = bytes.context("read", &ws.abs(&path))?;
    let (config, mut diagnostics) = Config::parse(&bytes, &kinds::Check);
    diagnostic::sort(&mut diagnostics);
    let config = match config {
        Some(config) if !diagnostics.iter().any(Diagnostic::is_error) => config,
        _ => return Err(Error::Invalid(diagnostics)),
    };
    let Some(profile) = config.profiles.get(&options.profile) else {
        return Err(Error::Invalid(vec![unknown_profile(&config, &options.profile, &path)]));
    };
    let unknown: Vec<_> = options.packs.iter().filter_map(|it| unknown_pack(&config, it, &path)).collect();
    if !unknown.is_empty() {
        return Err(Error::Invalid(unknown));
    }
    let is_asked_for = |it: &usize| options.packs.is_empty() || options.packs.contains(&config.packs.all()[*it].name);
    let packs = (0..config.packs.all().len()).filter(is_asked_for).collect();
    let roots = config.roots.iter().map(|it| it.path.clone()).collect();
    let (sight, profile, config) = (sight.clone(), Arc::new(profile.clone()), Arc::new(config));
    Ok(Setup { sight, profile, config, config_text: bytes, packs, roots, warnings: diagnostics })
}

fn unknown_pack(config: &Config, name: &str, file: &RelPath) -> Option<Diagnostic> {
    if config.packs.number(name).is_some() {
        return None;
    }
    let message = format!("there is no pack `{}`", shown(name));
    let known = config.packs.all().iter().map(|it| it.name.as_str());
    let unknown = Diagnostic::error(Code::UNKNOWN_PACK, message).at(Location::file(file));
    Some(unknown.help(instead_of(name, "packs", known)))
}

fn unknown_profile(config: &Config, name: &str, file: &RelPath) -> Diagnostic {
    let known: Vec<String> = config.profiles.keys().map(|it| format!("`{it}`")).collect();
    Diagnostic::error(Code::UNKNOWN_PROFILE, format!("there is no profile `{name}`"))
        .at(Location::file(file))
        .help(format!("the profiles are {}", known.join(", ")))
}

/// The registry's files, as far as they had to be read.
pub struct RegistryFiles {
    /// How the workspace is seen, from before anything was looked at.
    sight: Arc<Sight>,
    /// Digest of all sixteen.
    pub digest: Digest,
    /// Digest of each.
    pub digests: Vec<Digest>,
    /// Fingerprint of each from before it was read.
    stamps: Vec<Option<Stamp>>,
    bytes: Option<FileSet>,
    loaded: Option<Loaded>,
    /// What the index should remember, where that is news.
    pub fact: Option<Vec<u8>>,
}

/// The index's name for what it remembers of the registry's files.
pub const REGISTRY_FACT: &str = "registry";

#[derive(bincode::Encode, bincode::Decode)]
struct KnownFile {
    stamp: Vec<u8>,
    digest: Digest,
    racy: bool,
}

/// Tells the digest of the registry's files, by their fingerprints where the index vouches for all of them.
///
/// # Errors
///
/// Whatever the system says, absence apart.
pub fn registry_files(ws: &Workspace, index: &Index, options: &Options, sight: &Arc<Sight>) -> Result<RegistryFiles> {
    let sight = sight.clone();
    let known: Option<Vec<KnownFile>> = index.fact(REGISTRY_FACT).and_then(|it| encoding::decode(&it));
    let known = known.filter(|it| it.len() == N_FILES && !options.rehash);
    if let Some(known) = known
        && all_stand(ws, &known)
    {
        let digests: Vec<Digest> = known.iter().map(|it| it.digest).collect();
        let stamps = known.iter().map(|it| get_stamp(&it.stamp)).collect();
        return Ok(RegistryFiles {
            sight,
            digest: set_digest(&digests),
            digests,
            stamps,
            bytes: None,
            loaded: None,
            fact: None,
        });
    }
    let now = ws.disk.now(&ws.cache_dir());
    let (files, stamps) = read_files(ws)?;
    let digests = digests_of(&files);
    // While somebody commits, what is read is not always what lies at the file whose fingerprint was taken.
    let fact = if sight.is_quiet() && sight.stands()? { fact(&digests, &stamps, now) } else { None };
    Ok(RegistryFiles { sight, digest: set_digest(&digests), digests, stamps, bytes: Some(files), loaded: None, fact })
}

fn all_stand(ws: &Workspace, known: &[KnownFile]) -> bool {
    let stands = |(idx, known): (usize, &KnownFile)| {
        let now = ws.disk.stat(&ws.abs(&registry::file_path(idx)));
        !known.racy && now.is_ok_and(|it| get_stamp(&known.stamp) == Some(it))
    };
    known.iter().enumerate().all(stands)
}

fn read_files(ws: &Workspace) -> Result<(FileSet, Vec<Option<Stamp>>)> {
    let paths: Vec<RelPath> = (0..N_FILES).map(registry::file_path).collect();
    // Stamps are taken first: should a file change in between, its stamp is already the old one.
    let stamps = stamps(ws);
    let read = lane::read_through(&*ws.disk, &ws.root, &paths)?;
    let mut files = FileSet::default();
    files.iter_mut().zip(read).for_each(|(file, read)| *file = read);
    Ok((files, stamps))
}

fn stamps(ws: &Workspace) -> Vec<Option<Stamp>> {
    (0..N_FILES).map(|it| ws.disk.stat(&ws.abs(&registry::file_path(it))).ok()).collect()
}

fn fact(digests: &[Digest], stamps: &[Option<Stamp>], now: FsTime) -> Option<Vec<u8>> {
    let known = digests.iter().zip(stamps).map(|(digest, stamp)| {
        // The fingerprint of a link says nothing of what the file behind it holds.
        let stamp = stamp.as_ref().filter(|it| it.kind == FileKind::File)?;
        Some(KnownFile { stamp: stamp_bytes(stamp), digest: *digest, racy: stamp.is_racy(now) })
    });
    Some(encoding::encode(&known.collect::<Option<Vec<_>>>()?))
}

/// Returns the digest of sixteen files with these digests.
pub fn set_digest(digests: &[Digest]) -> Digest {
    let mut hasher = KeyHasher::new("packwright registry files v1");
    digests.iter().for_each(|it| {
        hasher.digest(1, *it);
    });
    hasher.finish()
}

impl RegistryFiles {
    /// Fails when the registry moved since it was looked at, or somebody committed since the pass began: what was derived
    /// is of yesterday, or of half a commit.
    ///
    /// # Errors
    ///
    /// [`Error::Torn`]: the build begins again from the scan.
    pub fn check_unmoved(&self, ws: &Workspace) -> Result<()> {
        self.check_registry(ws)?;
        if self.sight.stands()? { Ok(()) } else { Err(Self::torn(ws)) }
    }

    /// Fails when the registry moved since it was looked at. For those who hold the lane, and were at
    /// [`RegistryFiles::check_unmoved`] before: to take it is to move it.
    ///
    /// # Errors
    ///
    /// [`Error::Torn`]: the build begins again from the scan.
    pub fn check_registry(&self, ws: &Workspace) -> Result<()> {
        if stamps(ws) == self.stamps { Ok(()) } else { Err(Self::torn(ws)) }
    }

    fn torn(ws: &Workspace) -> Error {
        Error::Torn { path: ws.root.join(registry::DIRECTORY) }
    }

    /// Returns the bytes of the files, which are read again if they have been asked for before.
    ///
    /// # Errors
    ///
    /// Whatever the system says, absence apart.
    pub fn read(&mut self, ws: &Workspace) -> Result<FileSet> {
        if let Some(files) = self.bytes.take() {
            return Ok(files);
        }
        let (files, stamps) = read_files(ws)?;
        self.stamps = stamps;
        self.digests = digests_of(&files);
        self.digest = set_digest(&self.digests);
        Ok(files)
    }

    /// Parses what was read, ahead of [`RegistryFiles::load`].
    pub fn parse(&mut self) {
        if let Some(files) = self.bytes.take() {
            self.loaded = Some(registry::load(&files));
        }
    }

    /// Loads the registry; what is wrong with it always stops a build. Returns its warnings besides.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] when the registry is damaged or absent, whole or in part.
    pub fn load(&mut self, ws: &Workspace) -> Result<(Registry, Vec<Diagnostic>)> {
        let loaded = match self.loaded.take() {
            Some(loaded) => loaded,
            None => registry::load(&self.read(ws)?),
        };
        if loaded.diagnostics.iter().any(Diagnostic::is_error) {
            return Err(Error::Invalid(loaded.diagnostics));
        }
        Ok((loaded.registry, loaded.diagnostics))
    }
}

/// An absent file is no empty one: a registry that lost a file must not pass for what it was.
fn digests_of(files: &FileSet) -> Vec<Digest> {
    files.iter().map(|it| it.as_deref().map_or(NO_CONTENT, Digest::of)).collect()
}
