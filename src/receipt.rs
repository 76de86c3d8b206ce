//! Receipts: what a pack was made from, and whether it still is what it was.
//!
//! A pack is up to date when today's `source_root` is the receipt's and the output directory and every file that
//! emission owns are those described. A file is taken by its fingerprint where the index remembers one that vouches
//! for it, and digested otherwise. Reads only; what was learned about outputs is returned for the index.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cache::encoding;
use crate::error::{IoContext, Result};
use crate::model::{Diagnostic, Digest};
use crate::system::{FsTime, Stamp, System};
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
    pub files: Vec<OwnedFile>,
    /// What the build warned of, and a build with nothing to do repeats.
    pub warnings: Vec<Diagnostic>,
}

/// A file that emission wrote.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnedFile {
    /// Relative to the output directory.
    pub path: String,
    /// BLAKE3 digest of its bytes.
    pub digest: Digest,
    /// Their number.
    pub size: u64,
}

/// Returns the name of a pack's receipt.
pub fn file_name(pack: &str) -> String {
    format!("{pack}.receipt.json")
}

/// Returns a receipt as the bytes of its file.
pub fn to_bytes(receipt: &Receipt) -> Vec<u8> {
    let mut text = serde_json::to_vec_pretty(receipt).expect("a receipt is plain data");
    text.push(b'\n');
    text
}

/// What the index remembers of one output directory and pack: fingerprints, and what they vouch for.
#[derive(Clone, PartialEq, Eq, Debug, Default, bincode::Encode, bincode::Decode)]
pub struct Outputs {
    /// The boot in which fingerprints of files that were never synced count.
    boot: String,
    /// Whether the files were synced when they were written.
    synced: bool,
    /// By path relative to the output directory, sorted; the receipt, the root file, parts, directories.
    files: Vec<OutputFile>,
}

#[derive(Clone, PartialEq, Eq, Debug, bincode::Encode, bincode::Decode)]
struct OutputFile {
    path: String,
    stamp: Vec<u8>,
    digest: Digest,
    racy: bool,
}

/// One output with the fingerprint it had when its bytes were known.
#[derive(Clone, Debug)]
pub struct Known {
    /// Relative to the output directory.
    pub path: String,
    /// Its fingerprint.
    pub stamp: Stamp,
    /// BLAKE3 digest of its bytes.
    pub digest: Digest,
}

impl Outputs {
    /// Returns what to remember of files whose bytes were known at `now`.
    pub fn of(files: impl IntoIterator<Item = Known>, now: FsTime, boot: String, synced: bool) -> Self {
        let remember = |it: Known| OutputFile {
            racy: it.stamp.is_racy(now),
            path: it.path,
            stamp: stamp_bytes(&it.stamp),
            digest: it.digest,
        };
        let mut files: Vec<OutputFile> = files.into_iter().map(remember).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Self { boot, synced, files }
    }

    /// Returns what a row of the index says.
    pub fn from_row(row: &[u8]) -> Option<Self> {
        encoding::decode(row)
    }

    /// Returns the row for the index.
    pub fn to_row(&self) -> Vec<u8> {
        encoding::encode(self)
    }

    /// Returns the digest that the fingerprint of `path` vouches for, taken just now as `stamp`.
    pub fn digest_of(&self, path: &str, stamp: &Stamp, boot: &str) -> Option<Digest> {
        let at = self.files.binary_search_by(|it| it.path.as_str().cmp(path)).ok()?;
        let file = &self.files[at];
        let counts = !file.racy && (self.synced || self.boot == boot);
        (counts && get_stamp(&file.stamp)? == *stamp).then_some(file.digest)
    }
}

/// Checks files of one output directory, by fingerprint where that is enough.
pub struct Checker<'a> {
    system: &'a dyn System,
    out_dir: &'a Path,
    known: Outputs,
    boot: String,
    distrust: bool,
    seen: Vec<Known>,
    /// Whether any file had to be digested: there is something new to remember then.
    pub learned: bool,
}

impl<'a> Checker<'a> {
    /// Returns a checker that trusts the fingerprints in `known`, or with `distrust` none.
    pub fn new(system: &'a dyn System, out_dir: &'a Path, known: Option<Outputs>, distrust: bool) -> Self {
        let boot = system.boot_id();
        Self { system, out_dir, known: known.unwrap_or_default(), boot, distrust, seen: Vec::new(), learned: false }
    }

    /// Returns the digest of an output, or `None` when there is no such file.
    ///
    /// # Errors
    ///
    /// Whatever the system says, absence apart.
    pub fn digest(&mut self, path: &str) -> Result<Option<Digest>> {
        let abs = self.out_dir.join(path);
        let stamp = match self.system.stat(&abs) {
            Ok(stamp) => stamp,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).context("stat", &abs),
        };
        if stamp.kind != crate::system::FileKind::File {
            return Ok(None);
        }
        let vouched = if self.distrust { None } else { self.known.digest_of(path, &stamp, &self.boot) };
        let digest = match vouched {
            Some(digest) => digest,
            None => {
                self.learned = true;
                digest_file(self.system, &abs)?
            }
        };
        self.seen.push(Known { path: path.to_owned(), stamp, digest });
        Ok(Some(digest))
    }

    /// Returns every file that was looked at, with what is known of it now.
    pub fn into_seen(self) -> Vec<Known> {
        self.seen
    }
}

/// Returns the BLAKE3 digest of a file's bytes.
///
/// # Errors
///
/// Whatever the system says.
pub fn digest_file(system: &dyn System, path: &Path) -> Result<Digest> {
    let file = system.open(path).context("open", path)?;
    let mut hasher = blake3::Hasher::new();
    let mut buf = vec![0; 256 << 10];
    let mut at = 0;
    loop {
        match file.read_at(&mut buf, at) {
            Ok(0) => return Ok(Digest(*hasher.finalize().as_bytes())),
            Ok(n) => {
                hasher.update(&buf[..n]);
                at += n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("read", path),
        }
    }
}

/// Reads a pack's receipt. One that is absent, malformed or of another version is none.
pub fn read(system: &dyn System, out_dir: &Path, pack: &str) -> Option<(Receipt, Digest)> {
    let path: PathBuf = out_dir.join(file_name(pack));
    let bytes = system.read(&path, LIMIT).ok()?;
    let receipt: Receipt = serde_json::from_slice(&bytes).ok()?;
    (receipt.version == VERSION && receipt.pack == pack).then(|| (receipt, Digest::of(&bytes)))
}
