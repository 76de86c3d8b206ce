//! Receipts: what a pack was made from, and whether it still is what it was.
//!
//! A pack is up to date when today's `source_root` is the receipt's and every file that emission owns is the one
//! described. A file is taken by its fingerprint where the index remembers one that vouches for it, and read
//! otherwise. Reads only; what was learned about outputs is returned for the index.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::cache::encoding;
use crate::model::{Diagnostic, Digest};
use crate::pack::emit::{self, OwnedFile};
use crate::pack::format::{self, PartKind};
use crate::pack::layout::Kept;
use crate::pack::source::{DirParts, FileSource, PartStore, Source};
use crate::pack::verify::verify;
use crate::system::{FileKind, FsTime, Stamp, System};
use crate::threads::spread;
use crate::workspace::bucket::{get_stamp, stamp_bytes};

/// Version of the receipt's form.
pub const VERSION: u32 = 1;
/// A longer receipt is none, in bytes.
const LIMIT: u64 = 64 << 20;

/// What a pack was made from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// Version of this form, 1.
    pub version: u32,
    /// The profile that was built.
    pub profile: String,
    /// The pack that was built.
    pub pack: String,
    /// Digest of everything that the pack could depend on.
    pub source_root: Digest,
    /// The pack's content digest.
    pub content_digest: Digest,
    /// Number of entries in the pack.
    pub entries: u64,
    /// The root file and the files beside it. Parts are named by the root file.
    pub files: Vec<ReceiptFile>,
    /// What the build warned of, and a build with nothing to do repeats.
    pub warnings: Vec<Diagnostic>,
    /// Digest of this receipt as JSON without blanks in which this digest is all zeros: what a build repeats from it
    /// is what was written.
    pub checksum: Digest,
}

/// A file that emission wrote.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiptFile {
    /// Relative to the output directory.
    pub path: String,
    /// The content digest of a pack's file; the BLAKE3 digest of any other's bytes.
    pub digest: Digest,
    /// Length in bytes.
    pub size: u64,
}

/// Returns the name of a pack's receipt.
pub fn file_name(pack: &str) -> String {
    format!("{pack}.receipt.json")
}

/// Returns a receipt as the bytes of its file, with the checksum that it must have.
pub fn to_bytes(receipt: &Receipt) -> Vec<u8> {
    let mut receipt = Receipt { checksum: Digest([0; 32]), ..receipt.clone() };
    receipt.checksum = Digest::of(&serde_json::to_vec(&receipt).expect("a receipt is plain data"));
    let mut text = serde_json::to_vec_pretty(&receipt).expect("a receipt is plain data");
    text.push(b'\n');
    text
}

/// What the index remembers of one output directory and pack: fingerprints, and what they vouch for.
#[derive(Clone, PartialEq, Eq, Debug, Default, bincode::Encode, bincode::Decode)]
pub struct Outputs {
    /// The boot in which fingerprints of files that were never synced count; empty where boots have no name.
    boot: String,
    /// Whether the files were synced when they were written.
    synced: bool,
    /// By name, sorted: the root file, parts, files beside the pack.
    files: Vec<OutputFile>,
    /// The fingerprint of the directory of parts, where there is one; it vouches for what lies in it once it was taken
    /// late enough.
    parts_dir: Option<(Vec<u8>, bool)>,
}

#[derive(Clone, PartialEq, Eq, Debug, bincode::Encode, bincode::Decode)]
struct OutputFile {
    name: String,
    digest: Digest,
    size: u64,
    stamp: Vec<u8>,
    racy: bool,
}

impl Outputs {
    /// Returns what to remember of files that were what they are at `now`, and of the directory that holds the parts
    /// and nothing else of a pack's.
    pub fn of(files: &[OwnedFile], parts_dir: Option<Stamp>, now: FsTime, boot: String, synced: bool) -> Self {
        let remember = |it: &OwnedFile| OutputFile {
            name: it.name.clone(),
            digest: it.digest,
            size: it.size,
            stamp: stamp_bytes(&it.stamp),
            // The fingerprint of a link says nothing of what the file behind it holds.
            racy: it.stamp.is_racy(now) || it.stamp.kind != FileKind::File,
        };
        let mut files: Vec<OutputFile> = files.iter().map(remember).collect();
        files.sort_by(|a, b| a.name.cmp(&b.name));
        let parts_dir = parts_dir.map(|it| (stamp_bytes(&it), it.is_racy(now)));
        Self { boot, synced, files, parts_dir }
    }

    /// Returns whether fingerprints count in this boot. One without a name may be any other one: after a power loss
    /// what was never synced can have its old fingerprint and other bytes.
    fn counts_in(&self, boot: &str) -> bool {
        self.synced || (!boot.is_empty() && self.boot == boot)
    }

    /// Returns whether the directory of parts, which now has this stamp, is known to hold nothing but them.
    fn vouches_for_dir(&self, stamp: Option<Stamp>, boot: &str) -> bool {
        match (&self.parts_dir, stamp) {
            (Some((known, false)), Some(stamp)) => self.counts_in(boot) && get_stamp(known) == Some(stamp),
            (None, None) => true,
            _ => false,
        }
    }

    /// Returns what a row of the index says.
    pub fn from_row(row: &[u8]) -> Option<Self> {
        encoding::decode(row)
    }

    /// Returns the row for the index.
    pub fn to_row(&self) -> Vec<u8> {
        encoding::encode(self)
    }

    /// Returns whether a file with this stamp is known to have the digest that it should have.
    pub fn vouches(&self, file: &OwnedFile, boot: &str) -> bool {
        let Ok(at) = self.files.binary_search_by(|it| it.name.as_str().cmp(&file.name)) else { return false };
        let known = &self.files[at];
        let counts = !known.racy && self.counts_in(boot);
        counts && known.digest == file.digest && get_stamp(&known.stamp) == Some(file.stamp)
    }

    /// Returns whether there is a file of this name and digest among them.
    pub fn has(&self, name: &str, digest: Digest) -> bool {
        self.digest_of(name) == Some(digest)
    }

    /// Returns the payloads that are files of their own.
    pub fn blobs(&self) -> Vec<Kept> {
        let blob = |it: &OutputFile| {
            let (kind, digest) = PartKind::of_file_name(it.name.rsplit('/').next()?)?;
            (kind == PartKind::Blob).then_some(Kept { kind, digest, len: it.size })
        };
        self.files.iter().filter_map(blob).collect()
    }

    /// Returns whether this was remembered of a receipt's very pack, and of the same files beside it.
    fn describes(&self, receipt: &Receipt) -> bool {
        let parts = format!("{}/", format::parts_dir(&receipt.pack));
        let beside = self.files.iter().filter(|it| !it.name.starts_with(&parts));
        beside.map(|it| (&it.name, it.digest)).eq(receipt.files.iter().map(|it| (&it.path, it.digest)))
    }

    fn digest_of(&self, name: &str) -> Option<Digest> {
        let at = self.files.binary_search_by(|it| it.name.as_str().cmp(name)).ok()?;
        Some(self.files[at].digest)
    }
}

/// What was found out about outputs that still stand.
pub struct Standing {
    /// Every file of the pack and beside it.
    pub files: Vec<OwnedFile>,
    /// The directory of parts, where there is one.
    pub parts_dir: Option<Stamp>,
    /// Whether any had to be read: there is something new to remember then.
    pub learned: bool,
    /// The file system's time before any was read.
    pub now: FsTime,
}

/// Checks that a receipt's pack is what it was. `None` when anything about it is not.
pub fn stands(
    system: &dyn System,
    out_dir: &Path,
    receipt: &Receipt,
    known: Option<&Outputs>,
    distrust: bool,
    clock: &dyn Fn() -> FsTime,
) -> Option<Standing> {
    let root = format::root_name(&receipt.pack);
    let Some(known) = known.filter(|it| it.describes(receipt) && !distrust) else {
        return stands_unknown(system, out_dir, receipt, &root, clock());
    };
    let mut files = Vec::with_capacity(known.files.len());
    for expected in &known.files {
        let stamp = system.stat(&out_dir.join(&expected.name)).ok()?;
        files.push(OwnedFile { name: expected.name.clone(), digest: expected.digest, size: expected.size, stamp });
    }
    let boot = system.boot_id();
    let doubtful: Vec<&OwnedFile> = files.iter().filter(|it| !known.vouches(it, &boot)).collect();
    let dir = out_dir.join(format::parts_dir(&receipt.pack));
    let parts_dir = system.stat(&dir).ok();
    let dir_stands = known.vouches_for_dir(parts_dir, &boot);
    if doubtful.is_empty() && dir_stands {
        return Some(Standing { files, parts_dir, learned: false, now: FsTime::UNKNOWN });
    }
    let now = clock();
    if !dir_stands && !holds_only(system, &dir, |name| known.digest_of(&name).is_some(), &receipt.pack) {
        return None;
    }
    let is_right = |it: &&OwnedFile| it.stamp.size == it.size && emit::holds(system, out_dir, &it.name, it.digest);
    // What will not count next time either is nothing to remember.
    let learned = known.synced || !boot.is_empty();
    spread(|| doubtful.par_iter().all(is_right)).then_some(Standing { files, parts_dir, learned, now })
}

/// Returns whether every file in a pack's directory of parts that is named like a part is one.
fn holds_only(system: &dyn System, dir: &Path, is_part: impl Fn(String) -> bool, pack: &str) -> bool {
    let listed = system.open_dir(dir).and_then(|it| it.list(Path::new(""))).unwrap_or_default();
    let names = listed.iter().filter_map(|it| it.name.to_str());
    let mut parts = names.filter(|it| PartKind::of_file_name(it).is_some());
    parts.all(|it| is_part(format!("{}/{it}", format::parts_dir(pack))))
}

/// Reads the whole pack: the index remembers nothing of it.
fn stands_unknown(system: &dyn System, out_dir: &Path, receipt: &Receipt, root: &str, now: FsTime) -> Option<Standing> {
    let path = out_dir.join(root);
    let asked = Mutex::new(BTreeSet::new());
    let parts = Asked { parts: DirParts::beside(system, &path), names: &asked };
    let report = verify(FileSource::open(system, &path).ok()?, parts, u64::MAX);
    if !report.is_sound() || report.content_digest != Some(receipt.content_digest) {
        return None;
    }
    let mut files = Vec::new();
    for it in &receipt.files {
        let stamp = system.stat(&out_dir.join(&it.path)).ok()?;
        if !emit::holds(system, out_dir, &it.path, it.digest) {
            return None;
        }
        files.push(OwnedFile { name: it.path.clone(), digest: it.digest, size: it.size, stamp });
    }
    let dir = out_dir.join(format::parts_dir(&receipt.pack));
    // Before it is listed: what comes in later moves it.
    let parts_dir = system.stat(&dir).ok();
    for name in asked.into_inner().unwrap_or_else(PoisonError::into_inner) {
        let (_, digest) = PartKind::of_file_name(&name)?;
        let stamp = system.stat(&dir.join(&name)).ok()?;
        let name = format!("{}/{name}", format::parts_dir(&receipt.pack));
        files.push(OwnedFile { name, digest, size: stamp.size, stamp });
    }
    let names: BTreeSet<&str> = files.iter().map(|it| it.name.as_str()).collect();
    if !holds_only(system, &dir, |name| names.contains(name.as_str()), &receipt.pack) {
        return None;
    }
    Some(Standing { files, parts_dir, learned: true, now })
}

/// The parts beside a pack, and which of them were asked for: once it was verified, all that belong to it.
struct Asked<'a> {
    parts: DirParts<'a>,
    names: &'a Mutex<BTreeSet<String>>,
}

impl PartStore for Asked<'_> {
    fn open(&self, kind: PartKind, digest: Digest) -> io::Result<Box<dyn Source>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).insert(kind.file_name(digest));
        self.parts.open(kind, digest)
    }
}

/// Reads a pack's receipt. One that is absent, malformed, of another version or not as it was written is none.
pub fn read(system: &dyn System, out_dir: &Path, pack: &str) -> Option<Receipt> {
    let bytes = system.read(&out_dir.join(file_name(pack)), LIMIT).ok()?;
    let receipt: Receipt = serde_json::from_slice(&bytes).ok()?;
    (receipt.version == VERSION && receipt.pack == pack && to_bytes(&receipt) == bytes).then_some(receipt)
}
