//! Emission: the only code that writes `build/`. A function of a laid-out plan and its payloads.
//!
//! Knows nothing of assets, caches or receipts' contents. The order is: parts, files beside the pack, the
//! root `<pack>.pack`, sweep; the caller writes the receipt last. Every file is staged and published
//! ([`staged`]), and one that holds the right bytes already is left alone, so that its times stay. Until
//! the root is renamed the previous pack is whole; from then on the new one is.
//!
//! With [`Durability::Synced`] every file is synced before the root gets its name, and the root before anything
//! is swept. An [`Unsynced`](Durability::Unsynced) emission leaves the order in which things become durable
//! to the disk: after a loss of power the pack may be torn, which its digests show.
//!
//! The caller holds the output lock: two emissions into one directory would use the same temporary names.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::error::{Error, IoContext, Result};
use crate::model::Digest;
use crate::system::staged::{self, Staged};
use crate::system::{Access, Disk, FileKind, NewFile, Stamp, System};
use crate::threads::spread;

pub use crate::system::staged::Durability;

use super::format::{self, PartKind};
use super::layout::{Kept, Laid, LaidFile, Stored};
use super::plan::{PlanEntry, PlanPayload};
use super::source::FileSource;
use super::verify;
use super::write::{self, Beside, Fetched, Payloads};

/// Where a pack goes.
#[derive(Clone, Copy)]
pub struct Target<'a> {
    /// The disk.
    pub disk: &'a dyn Disk,
    /// The output directory; created where absent.
    pub out_dir: &'a Path,
    /// The pack's name: one component of a path.
    pub pack: &'a str,
}

impl Target<'_> {
    fn path(&self, name: &str) -> PathBuf {
        self.out_dir.join(name)
    }

    fn parts_dir(&self) -> PathBuf {
        self.path(&format::parts_dir(self.pack))
    }

    fn receipt_name(&self) -> String {
        format!("{}{RECEIPT_SUFFIX}", self.pack)
    }
}

/// What the name of a receipt ends with, behind the name of the pack.
const RECEIPT_SUFFIX: &str = ".receipt.json";

/// A file that emission owns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnedFile {
    /// Relative to the output directory, with `/`.
    pub name: String,
    /// The content digest of a `.pack` or `.part`; of any other file the digest of its bytes.
    pub digest: Digest,
    /// Length in bytes.
    pub size: u64,
    /// What `stat` says of it.
    pub stamp: Stamp,
}

/// What an emission is told besides the pack.
pub struct Options<'a> {
    /// Whether to sync.
    pub durability: Durability,
    /// Files beside the pack: name in the output directory, and bytes.
    pub extra: Vec<(String, Vec<u8>)>,
    /// Names and digests of the files that the previous receipt owned. Those beside the pack that are not
    /// wanted any more are removed, if they still are what emission wrote.
    pub previous: &'a [(String, Digest)],
    /// Returns whether a file that is there, with this stamp, is known to have this digest; where it is
    /// not, the file is read.
    pub trusted: &'a (dyn Fn(&OwnedFile) -> bool + Sync),
}

/// What an emission did.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Emitted {
    /// The digest that stands for the whole pack.
    pub content_digest: Digest,
    /// Every file of the pack and beside it, sorted by name. The receipt is not among them.
    pub files: Vec<OwnedFile>,
    /// Files written.
    pub written: u64,
    /// Their names.
    pub written_names: Vec<String>,
    /// Bytes written.
    pub written_bytes: u64,
    /// Files that were right already.
    pub untouched: u64,
    /// Files swept.
    pub swept: u64,
    /// Names of files that could not be swept, because somebody holds them open for example. Harmless: the
    /// next emission tries again.
    pub unswept: Vec<String>,
}

/// A pack all of whose files are written, and which lacks no more than names.
pub struct Prepared<'a> {
    target: Target<'a>,
    durability: Durability,
    content_digest: Digest,
    done: Vec<Done>,
    extra: Vec<Ready<'a>>,
    root: Ready<'a>,
    previous: Vec<(String, Digest)>,
}

/// A pack that stands, beside what it does not want any more.
pub struct Published<'a> {
    target: Target<'a>,
    emitted: Emitted,
    previous: Vec<(String, Digest)>,
}

/// Makes the output directory hold the pack, and nothing else of it.
///
/// # Errors
///
/// Whatever the disk or `payloads` refuse, and [`Error::Torn`] when a file that was to be kept is not what it was. The
/// previous pack is then as good as before.
pub fn emit(target: Target<'_>, laid: &Laid<'_>, payloads: &dyn Payloads, options: &Options<'_>) -> Result<Emitted> {
    prepare(target, laid, payloads, options)?.publish()?.sweep()
}

/// Writes the parts of a pack, which mean nothing yet, and all else beside its place: whatever can be refused is behind us
/// before any of it gets its name.
///
/// # Errors
///
/// As those of [`Prepared::publish`], and whatever `payloads` refuse. [`Error::Torn`] when a file that was to be kept is
/// not what it was. The previous pack is then as good as before.
pub fn prepare<'a>(
    target: Target<'a>,
    laid: &Laid<'_>,
    payloads: &dyn Payloads,
    options: &Options<'_>,
) -> Result<Prepared<'a>> {
    let durability = options.durability;
    let emission = Emission { target, payloads, durability, trusted: options.trusted };
    let is_split = !(laid.parts.is_empty() && laid.kept.is_empty());
    create_dirs(target, is_split, durability)?;
    let done = emission.ensure_all(&part_files(target.pack, laid))?;
    if is_split {
        sync_dir(target, &target.parts_dir(), durability)?;
    }
    let extra = options.extra.iter().map(|(name, bytes)| File::plain(name.clone(), bytes));
    let extra = extra.map(|it| emission.prepare(&it, Beside::Few)).collect::<Result<Vec<_>>>()?;
    let root = emission.prepare(&File::container(format::root_name(target.pack), &laid.root), Beside::Few)?;
    let (content_digest, previous) = (laid.content_digest(), options.previous.to_vec());
    Ok(Prepared { target, durability, content_digest, done, extra, root, previous })
}

impl<'a> Prepared<'a> {
    /// Gives the files their names, the root last.
    ///
    /// # Errors
    ///
    /// Whatever the disk refuses.
    pub fn publish(self) -> Result<Published<'a>> {
        let Self { target, durability, content_digest, mut done, extra, root, previous } = self;
        for ready in extra {
            done.push(finish(target, ready)?);
        }
        sync_dir(target, target.out_dir, durability)?;
        done.push(finish(target, root)?);
        sync_dir(target, target.out_dir, durability)?;
        Ok(Published { target, emitted: tally(content_digest, done), previous })
    }
}

impl Published<'_> {
    /// Removes what the pack does not want any more, and what emissions left that died. Nobody else may be preparing anything
    /// in this directory.
    ///
    /// # Errors
    ///
    /// Whatever the disk refuses when it is asked for what is there.
    pub fn sweep(mut self) -> Result<Emitted> {
        sweep(self.target, &self.previous, &mut self.emitted)?;
        Ok(self.emitted)
    }
}

/// Writes the receipt, by the same means as everything else.
pub fn write_receipt(target: Target<'_>, bytes: &[u8], durability: Durability) -> Result<OwnedFile> {
    let emission = Emission { target, payloads: &NoPayloads, durability, trusted: &|_| false };
    let written = emission.ensure(&File::plain(target.receipt_name(), bytes), Beside::Few)?;
    sync_dir(target, target.out_dir, durability)?;
    Ok(written.file)
}

/// Returns the names of the packs of which there are receipts among files with these names.
pub fn packs_among(names: &[String]) -> impl Iterator<Item = &str> {
    names.iter().filter_map(|it| it.strip_suffix(RECEIPT_SUFFIX))
}

/// Removes a pack that is not wanted any more: its parts, and those of the `files` that its receipt describes which still
/// are what was emitted. The receipt goes last, so that what was interrupted is found and finished by the next emission.
///
/// # Errors
///
/// Whatever the disk refuses when it is asked for what is there. What cannot be removed stays, and the receipt with it.
pub fn remove_pack(target: Target<'_>, files: &[(String, Digest)], durability: Durability) -> Result<()> {
    let owned = |it: &&(String, Digest)| it.0.starts_with(&format!("{}.", target.pack)) && !it.0.contains('/');
    let mut is_gone = true;
    for (name, digest) in files.iter().filter(owned) {
        if holds(target.disk, target.out_dir, name, *digest) {
            is_gone &= target.disk.remove_file(&target.path(name)).is_ok();
        }
    }
    for name in parts_in(target)? {
        let path = format!("{}/{name}", format::parts_dir(target.pack));
        // A part that somebody replaced is not what was emitted.
        let is_ours = match PartKind::of_file_name(&name) {
            Some((_, digest)) => holds(target.disk, target.out_dir, &path, digest),
            None => staged::is_staged_name(name.as_ref()),
        };
        if is_ours {
            is_gone &= target.disk.remove_file(&target.path(&path)).is_ok();
        }
    }
    // Refused when somebody keeps a file of theirs in there, or when there is no such directory.
    let _ = target.disk.remove_dir(&target.parts_dir());
    // After a loss of power the files may be back: then the receipt has to be there too.
    sync_dir(target, target.out_dir, durability)?;
    if is_gone {
        let _ = target.disk.remove_file(&target.path(&target.receipt_name()));
    }
    Ok(())
}

/// Returns whether the file `name` in `out_dir` is the one that an [`OwnedFile`] with this digest describes:
/// reads all of it. A file that is not there or cannot be read is not.
pub fn holds(system: &dyn System, out_dir: &Path, name: &str, digest: Digest) -> bool {
    let Ok(source) = FileSource::open(system, &out_dir.join(name)) else { return false };
    if name.ends_with(".pack") || name.ends_with(".part") {
        verify::is_container(source, digest)
    } else {
        verify::is_plain(&source, digest)
    }
}

/// A file that must be there in the end.
struct File<'a> {
    name: String,
    digest: Digest,
    size: u64,
    content: Content<'a>,
}

enum Content<'a> {
    Container(&'a LaidFile<'a>),
    Blob(Stored<'a>),
    Plain(&'a [u8]),
    /// Nobody knows how to write it: it must be there.
    Kept,
}

impl<'a> File<'a> {
    fn container(name: String, laid: &'a LaidFile<'a>) -> Self {
        Self { name, digest: laid.digest, size: laid.len, content: Content::Container(laid) }
    }

    fn blob(name: String, stored: Stored<'a>) -> Self {
        let payload = stored.payload;
        Self { name, digest: payload.stored_digest, size: payload.stored_len, content: Content::Blob(stored) }
    }

    fn kept(name: String, kept: &Kept) -> Self {
        Self { name, digest: kept.digest, size: kept.len, content: Content::Kept }
    }

    fn plain(name: String, bytes: &'a [u8]) -> Self {
        Self { name, digest: Digest::of(bytes), size: bytes.len() as u64, content: Content::Plain(bytes) }
    }
}

/// Returns the files in the pack's directory of parts.
fn part_files<'a>(pack: &str, laid: &'a Laid<'a>) -> Vec<File<'a>> {
    let name = |kind: PartKind, digest| format!("{}/{}", format::parts_dir(pack), kind.file_name(digest));
    let parts = laid.parts.iter().map(|it| File::container(name(PartKind::Part, it.digest), it));
    let blobs = laid.blobs.iter().map(|it| File::blob(name(PartKind::Blob, it.payload.stored_digest), *it));
    let kept = laid.kept.iter().map(|it| File::kept(name(it.kind, it.digest), it));
    parts.chain(blobs).chain(kept).collect()
}

/// So many files for each thread are enough to keep all of them busy to the end.
const MANY_EACH: usize = 8;

/// What became of a file.
struct Done {
    file: OwnedFile,
    was_written: bool,
}

/// A file that needs nothing more than its name, or not even that.
enum Ready<'a> {
    Stands(OwnedFile),
    Staged { staged: Staged<'a>, name: String, digest: Digest, size: u64 },
}

struct Emission<'a, 'b> {
    target: Target<'a>,
    payloads: &'b dyn Payloads,
    durability: Durability,
    trusted: &'b (dyn Fn(&OwnedFile) -> bool + Sync),
}

impl<'a> Emission<'a, '_> {
    /// Brings files about on all cores. Of several errors the first in the files' order is returned.
    fn ensure_all(&self, files: &[File<'_>]) -> Result<Vec<Done>> {
        let is_many = files.len() >= MANY_EACH * spread(rayon::current_num_threads);
        let beside = if is_many { Beside::Many } else { Beside::Few };
        let done: Vec<Result<Done>> = spread(|| files.par_iter().map(|it| self.ensure(it, beside)).collect());
        done.into_iter().collect()
    }

    fn ensure(&self, file: &File<'_>, beside: Beside) -> Result<Done> {
        finish(self.target, self.prepare(file, beside)?)
    }

    /// Does all that a file needs short of getting its name.
    fn prepare(&self, file: &File<'_>, beside: Beside) -> Result<Ready<'a>> {
        let path = self.target.path(&file.name);
        if let Some(owned) = self.already_right(file, &path)? {
            self.sync_existing(&path)?;
            return Ok(Ready::Stands(owned));
        }
        let staged = stage(self.target.disk, &path, self.durability, |out| match &file.content {
            Content::Container(laid) => write::write_container(out, &path, laid, self.payloads, beside),
            Content::Blob(stored) => out.write_all(&write::fetch(*stored, self.payloads)?).context("write", &path),
            Content::Plain(bytes) => out.write_all(bytes).context("write", &path),
            // It vanished or was damaged since it was written: the long way writes it anew.
            Content::Kept => Err(Error::Torn { path: path.clone() }),
        })?;
        Ok(Ready::Staged { staged, name: file.name.clone(), digest: file.digest, size: file.size })
    }

    /// Returns the file as it lies there, if its bytes are right.
    fn already_right(&self, file: &File<'_>, path: &Path) -> Result<Option<OwnedFile>> {
        let stamp = match self.target.disk.stat(path) {
            Ok(stamp) => stamp,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).context("read", path),
        };
        if stamp.kind != FileKind::File || stamp.size != file.size {
            return Ok(None);
        }
        let owned = owned(file, stamp);
        let right = (self.trusted)(&owned) || holds(self.target.disk, self.target.out_dir, &file.name, file.digest);
        Ok(right.then_some(owned))
    }

    /// Makes a file durable that this emission did not write: an earlier one may have died before it did.
    fn sync_existing(&self, path: &Path) -> Result<()> {
        match self.durability {
            Durability::Unsynced => Ok(()),
            Durability::Synced => {
                let file = self.target.disk.open_random(path, Access::Write).context("sync", path)?;
                file.sync().context("sync", path)
            }
        }
    }
}

/// Gives a file its name, unless it stands there already.
fn finish(target: Target<'_>, ready: Ready<'_>) -> Result<Done> {
    let (staged, name, digest, size) = match ready {
        Ready::Stands(file) => return Ok(Done { file, was_written: false }),
        Ready::Staged { staged, name, digest, size } => (staged, name, digest, size),
    };
    let path = target.path(&name);
    staged.publish_name().context("write", &path)?;
    // The rename moved the file's ctime: only now does its stamp stand still.
    let stamp = target.disk.stat(&path).context("read", &path)?;
    Ok(Done { file: OwnedFile { name, digest, size, stamp }, was_written: true })
}

fn sync_dir(target: Target<'_>, path: &Path, durability: Durability) -> Result<()> {
    match durability {
        Durability::Unsynced => Ok(()),
        Durability::Synced => target.disk.sync_dir(path).context("sync", path),
    }
}

fn owned(file: &File<'_>, stamp: Stamp) -> OwnedFile {
    OwnedFile { name: file.name.clone(), digest: file.digest, size: file.size, stamp }
}

fn tally(content_digest: Digest, done: Vec<Done>) -> Emitted {
    let written = || done.iter().filter(|it| it.was_written);
    let (n_written, written_bytes) = (written().count() as u64, written().map(|it| it.file.size).sum());
    let written_names = written().map(|it| it.file.name.clone()).collect();
    let untouched = done.len() as u64 - n_written;
    let mut files: Vec<OwnedFile> = done.into_iter().map(|it| it.file).collect();
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Emitted {
        content_digest,
        files,
        written: n_written,
        written_names,
        written_bytes,
        untouched,
        swept: 0,
        unswept: Vec::new(),
    }
}

/// Creates the directories, and makes their names durable where that is asked for.
fn create_dirs(target: Target<'_>, with_parts: bool, durability: Durability) -> Result<()> {
    let Target { disk, out_dir, .. } = target;
    let dir = if with_parts { target.parts_dir() } else { out_dir.to_owned() };
    let n_new = out_dir.ancestors().take_while(|it| disk.stat(it).is_err()).count();
    disk.create_dir_all(&dir).context("create", &dir)?;
    if durability == Durability::Synced {
        // `build/<profile>` may be there because an emission that does not sync made it: so at least these two.
        for parent in out_dir.ancestors().skip(1).take(n_new.max(2)) {
            disk.sync_dir(parent).context("sync", parent)?;
        }
    }
    Ok(())
}

/// Writes a file beside `path`. When that fails, nothing is left behind.
fn stage<'a>(
    disk: &'a dyn Disk,
    path: &Path,
    durability: Durability,
    fill: impl FnOnce(&mut dyn NewFile) -> Result<()>,
) -> Result<Staged<'a>> {
    let mut refused = None;
    let staged = staged::stage_with(disk, path, durability, |out| {
        fill(out).map_err(|error| {
            refused = Some(error);
            io::ErrorKind::Other.into()
        })
    });
    match refused {
        Some(error) => Err(error),
        None => staged.context("write", path),
    }
}

/// Removes what earlier emissions left: parts that nothing refers to, files beside the pack that are not
/// wanted any more, temporary files.
fn sweep(target: Target<'_>, previous: &[(String, Digest)], emitted: &mut Emitted) -> Result<()> {
    let wanted: BTreeSet<String> = emitted.files.iter().map(|it| it.name.clone()).collect();
    let parts = format::parts_dir(target.pack);
    for name in parts_in(target)? {
        let is_ours = PartKind::of_file_name(&name).is_some() || staged::is_staged_name(name.as_ref());
        let path = format!("{parts}/{name}");
        if is_ours && !wanted.contains(&path) {
            remove(target, path, emitted);
        }
    }
    if !wanted.iter().any(|it| it.starts_with(&format!("{parts}/"))) {
        // Refused when somebody keeps a file of theirs in there, or when there is no such directory.
        let _ = target.disk.remove_dir(&target.parts_dir());
    }
    for name in list_files(target.disk, target.out_dir)? {
        let is_leftover = staged::is_staged_name(name.as_ref());
        let digest = previous.iter().find(|it| it.0 == name).map(|it| it.1);
        let is_stale = !wanted.contains(&name)
            && name.starts_with(&format!("{}.", target.pack))
            && digest.is_some_and(|it| holds(target.disk, target.out_dir, &name, it));
        if is_leftover || is_stale {
            remove(target, name, emitted);
        }
    }
    Ok(())
}

fn remove(target: Target<'_>, name: String, emitted: &mut Emitted) {
    match target.disk.remove_file(&target.path(&name)) {
        Ok(()) => emitted.swept += 1,
        Err(_) => emitted.unswept.push(name),
    }
}

/// Returns the names of the files where the parts of a pack lie; none where that is a link, behind which is somebody else's.
fn parts_in(target: Target<'_>) -> Result<Vec<String>> {
    let dir = target.parts_dir();
    let is_dir = target.disk.stat(&dir).is_ok_and(|it| it.kind == FileKind::Dir);
    if is_dir { list_files(target.disk, &dir) } else { Ok(Vec::new()) }
}

/// Returns the names of the files in a directory, sorted; none where there is no directory. Names that are
/// not Unicode are nobody's we know.
///
/// # Errors
///
/// Whatever the disk refuses.
pub fn list_files(disk: &dyn Disk, dir: &Path) -> Result<Vec<String>> {
    let listed = disk.open_dir(dir).and_then(|it| it.list(Path::new("")));
    let entries = match listed {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).context("list", dir),
    };
    let files = entries.into_iter().filter(|it| it.kind == FileKind::File);
    let mut names: Vec<String> = files.filter_map(|it| it.name.into_string().ok()).collect();
    names.sort();
    Ok(names)
}

/// For files that hold no payload.
struct NoPayloads;

impl Payloads for NoPayloads {
    fn stored(&self, _: &PlanPayload, entry: &PlanEntry) -> Result<Fetched> {
        Err(io::Error::from(io::ErrorKind::NotFound)).context("pack", Path::new(&*entry.name))
    }
}
