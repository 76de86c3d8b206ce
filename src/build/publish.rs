//! Publishing: the output lock, packs, their receipts, and what the index remembers of both.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, IoContext, Result};
use crate::model::profile::Profile;
use crate::model::{Diagnostic, Digest, KeyHasher, magic};
use crate::pack::emit::{self, Durability, Emitted, Target};
use crate::pack::layout::layout;
use crate::pack::manifest::manifest;
use crate::pack::old::{OldFirst, OldPack};
use crate::pack::patch::Patch;
use crate::pack::plan::{Layout, Plan, PlanEntry, PlanPayload};
use crate::pack::write::{Fetched, Payloads};
use crate::pack::{codec, format};
use crate::process::kinds;
use crate::receipt::{self, Outputs, Receipt, ReceiptFile};
use crate::system::{FsTime, Lock, staged};
use crate::workspace::bucket::Tree;
use crate::workspace::config::Config;
use crate::workspace::layout::{BUILD_DIR, Phase, Workspace};
use crate::workspace::packs::Packs;

use super::Options;
use super::memo::Difference;

/// How long a build waits for another one that builds into the same directory.
const OUTPUT_WAIT: Duration = Duration::from_secs(600);
/// The first wait for the lock; each further one is twice as long, up to the second number.
const WAITS: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(200)];

/// An output directory, held against other builds from before the scan to the end.
pub struct Output {
    /// The directory.
    pub dir: PathBuf,
    /// Whether it is the workspace's own; in one that was named, another workspace may build too.
    is_own: bool,
    profile: String,
    _lock: Box<dyn Lock>,
}

impl Output {
    /// Returns the name under which the index remembers what lies in here of a pack.
    pub fn key(&self, pack: &str) -> String {
        format!("{} {pack} {}", self.profile, self.dir.display())
    }

    /// Returns where the root file of a pack lies in here, or will.
    pub fn root_file(&self, pack: &str) -> PathBuf {
        self.dir.join(format::root_name(pack))
    }
}

/// Takes the output directory of a build; creates it where it is absent.
///
/// # Errors
///
/// [`Error::Busy`] when another build holds it for too long, [`Error::Usage`] when it lies among the sources.
pub fn hold(ws: &Workspace, options: &Options, roots: &[PathBuf]) -> Result<Output> {
    let dir = options.out.clone().unwrap_or_else(|| ws.output_dir(&options.profile));
    let own = ws.root.join(BUILD_DIR);
    if dir.starts_with(&own) {
        staged::ensure_own_dir(&*ws.disk, &own).context("create", &own)?;
    }
    ws.disk.create_dir_all(&dir).context("create", &dir)?;
    // Named by another path it would be another directory to the checks below.
    let dir = ws.disk.canonicalize(&dir).context("find", &dir)?;
    // A root may be a link.
    let holds_out =
        |root: &PathBuf| dir.starts_with(root) || ws.disk.canonicalize(root).is_ok_and(|root| dir.starts_with(root));
    if !dir.starts_with(&own) && roots.iter().any(holds_out) {
        let message = format!("the output directory `{}` lies among the sources", dir.display());
        return Err(Error::Usage(format!("{message}; choose one outside of every root")));
    }
    let path = dir.join(".lock");
    let mut pause = WAITS[0];
    let mut waited = Duration::ZERO;
    loop {
        if let Some(lock) = ws.disk.try_lock(&path, false).context("lock", &path)? {
            let is_own = options.out.is_none();
            return Ok(Output { dir, is_own, profile: options.profile.clone(), _lock: lock });
        }
        ws.check_stop()?;
        if waited >= options.wait.unwrap_or(OUTPUT_WAIT) {
            let what = format!("the output directory `{}`", dir.display());
            return Err(Error::Busy { what, holder: "another build".to_owned() });
        }
        ws.disk.pause(pause);
        waited += pause;
        pause = (pause * 2).min(WAITS[1]);
    }
}

/// Returns the digest of everything that a pack could depend on.
pub fn source_root(config: &Config, profile: &Profile, pack: &str, registry: Digest, tree: &Tree) -> Digest {
    let mut hasher = KeyHasher::new("packwright source root v1");
    hasher.digest(1, context(config, profile, pack, registry)).count(2, tree.buckets().len());
    for bucket in tree.buckets() {
        hasher.digest(3, bucket.digest());
    }
    hasher.finish()
}

/// Returns the digest of everything but the sources that a pack could depend on.
pub fn context(config: &Config, profile: &Profile, pack: &str, registry: Digest) -> Digest {
    let mut hasher = KeyHasher::new("packwright build context v2");
    hasher.digest(12, settled(config, profile)).text(11, pack).digest(13, registry);
    hasher.finish()
}

/// Returns the digest of everything but sources and identities that packs could depend on.
pub fn settled(config: &Config, profile: &Profile) -> Digest {
    let mut hasher = KeyHasher::new("packwright build settings v1");
    hasher.text(1, env!("CARGO_PKG_VERSION")).number(2, u64::from(receipt::VERSION));
    hasher.number(14, u64::from(magic::TABLE_VERSION));
    hasher.number(3, u64::from(format::VERSION)).text(4, codec::VERSION).count(5, kinds::all().len());
    for kind in kinds::all() {
        hasher.text(6, kind.name).number(7, u64::from(kind.version)).count(8, kind.codecs.len());
        kind.codecs.iter().for_each(|it| {
            hasher.text(9, it);
        });
    }
    hasher.text(10, &profile.name).digest(12, config.digest());
    hasher.finish()
}

/// What a pack is to hold.
#[derive(Clone, Copy)]
pub enum Wanted<'a> {
    /// All of a plan.
    Plan(&'a Plan),
    /// What the previous pack holds, some of it replaced.
    Patch(&'a Patch),
}

impl Wanted<'_> {
    /// Returns the number of entries.
    pub fn entry_count(&self) -> u64 {
        match self {
            Self::Plan(plan) => plan.entries.len() as u64,
            Self::Patch(patch) => patch.entry_count(),
        }
    }
}

/// What is published.
pub struct Publication<'a> {
    /// The pack's number.
    pub number: usize,
    /// Its name.
    pub pack: &'a str,
    /// The profile.
    pub profile: &'a Profile,
    /// What the pack holds.
    pub wanted: Wanted<'a>,
    /// Digest of everything that the plan could depend on.
    pub source_root: Digest,
    /// What the receipt repeats.
    pub warnings: &'a [Diagnostic],
    /// Whether to read what lies there already, whatever is known of its fingerprint.
    pub distrust: bool,
}

/// A pack that was published, and what is to be remembered of it.
pub struct Published {
    /// Its number.
    pub pack: usize,
    /// What emission did.
    pub emitted: Emitted,
    /// What the index should remember.
    pub outputs: Outputs,
}

/// Returns what makes the previous pack the one that differs from it like this. `None` where the whole plan is needed.
pub fn patch(old: &OldPack<'_>, profile: &Profile, difference: &Difference) -> Option<Patch> {
    let Difference { put, removed, names_differ } = difference;
    if profile.layout != Layout::Split || profile.manifest {
        return None;
    }
    Patch::new(old, put, removed, *names_differ)
}

/// What became of all packs together.
pub struct Publishing {
    /// Each of them.
    pub packs: Vec<Published>,
    /// Names of packs that are not defined any more, whose files were removed.
    pub removed: Vec<String>,
}

/// A pack that lacks no more than names.
pub struct Prepared<'a> {
    number: usize,
    files: emit::Prepared<'a>,
    now: FsTime,
    boot: String,
}

/// Writes a pack beside its place.
///
/// # Errors
///
/// Whatever the disk or `payloads` refuse. The previous pack is then as good as before.
pub fn prepare<'a>(
    ws: &'a Workspace,
    out_dir: &'a Path,
    publication: &Publication<'a>,
    payloads: &dyn Payloads,
    known: Option<&Outputs>,
) -> Result<Prepared<'a>> {
    let Publication { pack, profile, wanted, .. } = *publication;
    let disk = &*ws.disk;
    let target = Target { disk, out_dir, pack };
    // What is written from here on may change unseen within one step of the clock: it is read once more by a later
    // build before its fingerprint counts.
    let now = ws.disk.now(&ws.cache_dir());
    let boot = disk.boot_id();
    let previous = receipt::read(disk, out_dir, pack);
    let previous_files: Vec<(String, Digest)> =
        previous.iter().flat_map(|it| it.files.iter().map(|it| (it.path.clone(), it.digest))).collect();
    let lay_out = ws.phase("lay out");
    let (laid, extra) = match wanted {
        Wanted::Plan(plan) => {
            let laid = layout(plan);
            let manifest = || (format!("{pack}.manifest.json"), manifest(plan, laid.content_digest()).into_bytes());
            let extra = profile.manifest.then(manifest);
            (laid, extra.into_iter().collect())
        }
        Wanted::Patch(patch) => (patch.lay(known.map(Outputs::blobs).unwrap_or_default()), Vec::new()),
    };
    drop(lay_out);
    let options = emit::Options {
        durability: durability(profile),
        extra,
        previous: &previous_files,
        trusted: &|file| !publication.distrust && known.is_some_and(|it| it.vouches(file, &boot)),
    };
    ws.progress.phase(Phase::Emit, 0);
    let _emit = ws.phase("emit");
    let old = OldFirst { old: OldPack::open(disk, out_dir, pack), otherwise: payloads };
    let old = Stoppable { ws, payloads: &old };
    let files = emit::prepare(target, &laid, &old, &options)?;
    Ok(Prepared { number: publication.number, files, now, boot })
}

/// Gives packs their names, removes those that are not among `packs` any more, and writes the receipts. By now nobody is
/// asked whether to stop.
///
/// # Errors
///
/// Whatever the disk refuses: then some packs may be the new ones, and the next build brings about the others.
pub fn publish(
    ws: &Workspace,
    output: &Output,
    profile: &Profile,
    packs: &Packs,
    prepared: Vec<(&Publication<'_>, Prepared<'_>)>,
) -> Result<Publishing> {
    let _publish = ws.phase("publish");
    let (disk, out_dir) = (&*ws.disk, &*output.dir);
    let mut named = Vec::with_capacity(prepared.len());
    for (publication, Prepared { number, files, now, boot }) in prepared {
        named.push((publication, number, files.publish()?, now, boot));
    }
    // Not before all have their names: what has none yet looks like what a dead build left.
    let mut swept = Vec::with_capacity(named.len());
    for (publication, number, files, now, boot) in named {
        swept.push((publication, number, files.sweep()?, now, boot));
    }
    // Once a receipt says that there is nothing to do, nobody looks for them.
    let removed = sweep_undefined(ws, output, profile, packs)?;
    let finish = |(publication, pack, emitted, now, boot): (&Publication<'_>, usize, Emitted, _, String)| {
        let durability = durability(publication.profile);
        let receipt = receipt_of(publication, &emitted);
        let target = Target { disk, out_dir, pack: publication.pack };
        emit::write_receipt(target, &receipt::to_bytes(&receipt), durability)?;
        let parts_dir = disk.stat(&out_dir.join(format::parts_dir(publication.pack))).ok();
        let outputs = Outputs::of(&emitted.files, parts_dir, now, boot, durability == Durability::Synced);
        Ok(Published { pack, emitted, outputs })
    };
    Ok(Publishing { packs: swept.into_iter().map(finish).collect::<Result<_>>()?, removed })
}

/// Lets the user stop an emission while it fetches payloads: before the root file gets its name, never after it.
struct Stoppable<'a> {
    ws: &'a Workspace,
    payloads: &'a dyn Payloads,
}

impl Payloads for Stoppable<'_> {
    fn stored(&self, payload: &PlanPayload, entry: &PlanEntry) -> Result<Fetched> {
        self.ws.check_stop()?;
        self.payloads.stored(payload, entry)
    }
}

fn durability(profile: &Profile) -> Durability {
    if profile.chain.iter().any(|it| it == "release") { Durability::Synced } else { Durability::Unsynced }
}

fn receipt_of(publication: &Publication<'_>, emitted: &Emitted) -> Receipt {
    let parts = format!("{}/", format::parts_dir(publication.pack));
    let beside = emitted.files.iter().filter(|it| !it.name.starts_with(&parts));
    let files = beside.map(|it| ReceiptFile { path: it.name.clone(), digest: it.digest, size: it.size });
    Receipt {
        version: receipt::VERSION,
        profile: publication.profile.name.clone(),
        pack: publication.pack.to_owned(),
        source_root: publication.source_root,
        content_digest: emitted.content_digest,
        entries: publication.wanted.entry_count(),
        files: files.collect(),
        warnings: publication.warnings.to_vec(),
        checksum: Digest([0; 32]), // Filled in as it is written.
    }
}

/// Removes what was emitted for packs that are not among `packs` any more, and returns their names. What proves it are
/// their receipts. Only where nobody else builds.
///
/// # Errors
///
/// Whatever the disk refuses when it is asked for what is there; what cannot be removed stays.
fn sweep_undefined(ws: &Workspace, output: &Output, profile: &Profile, packs: &Packs) -> Result<Vec<String>> {
    if !output.is_own {
        return Ok(Vec::new());
    }
    let out_dir = &*output.dir;
    let disk = &*ws.disk;
    let mut swept = Vec::new();
    let listed = emit::list_files(disk, out_dir)?;
    for name in emit::packs_among(&listed) {
        // On a file system that does not tell upper case from lower, it may be the receipt of one that is defined: unless
        // that one's own files have their own names.
        let has_own = |it: &str| listed.iter().any(|other| *other == format::root_name(it));
        let is_it = |it: &str| it == name || (it.eq_ignore_ascii_case(name) && !has_own(it));
        let is_defined = packs.all().iter().any(|it| is_it(&it.name));
        let receipt = receipt::read(disk, out_dir, name).filter(|it| !is_defined && it.profile == profile.name);
        if let Some(receipt) = receipt {
            let files: Vec<_> = receipt.files.into_iter().map(|it| (it.path, it.digest)).collect();
            emit::remove_pack(Target { disk, out_dir, pack: name }, &files, durability(profile))?;
            swept.push(name.to_owned());
        }
    }
    Ok(swept)
}

/// Returns what to remember of outputs that were found standing.
pub fn remember(standing: &receipt::Standing, boot: String, profile: &Profile) -> Outputs {
    let synced = durability(profile) == Durability::Synced;
    Outputs::of(&standing.files, standing.parts_dir, standing.now, boot, synced)
}
