//! Floors: the least that any program must do to know that nothing changed, or to have read and written everything.
//!
//! Null: one stat of every source and directory, in path order, relative to a handle per hundred to few hundred
//! entries, on one thread more than there are cores. Clean: read, BLAKE3 and write of the same bytes into one file,
//! on as many threads as there are cores. Listing and sorting happen before the clock runs.

use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::child::cpu_so_far;
use rustix::fs::{AtFlags, CWD, Mode, OFlags};

/// The fewest entries for which a handle of their own is opened.
const GROUP: usize = 100;
/// How much a thread gathers before it writes, in bytes.
const BATCH: usize = 1 << 20;

/// What something cost.
#[derive(Clone, Copy)]
pub struct Cost {
    /// From its begin to its end.
    pub wall: Duration,
    /// User and system time of all threads.
    pub cpu: Duration,
}

struct Started(Instant, Duration);

impl Started {
    fn now() -> Self {
        Self(Instant::now(), cpu_so_far())
    }

    fn elapsed(&self) -> Cost {
        Cost { wall: self.0.elapsed(), cpu: cpu_so_far() - self.1 }
    }
}

/// Entries that are looked at relative to one handle.
struct Group {
    base: PathBuf,
    /// Whether the entry is a file, and its path relative to `base`.
    names: Vec<(bool, PathBuf)>,
}

/// The files and directories of one moment.
pub struct Known {
    groups: Vec<Group>,
}

impl Known {
    /// Lists what lies below `root`.
    pub fn list(root: &Path) -> Self {
        let mut groups = Vec::new();
        let mut names = collect(root, &mut groups);
        names.insert(0, (false, root.to_owned()));
        groups.push(group(root, names));
        groups.sort_by(|a, b| a.base.cmp(&b.base));
        Self { groups }
    }

    /// Measures the floor of a build with nothing to do.
    pub fn null_floor(&self) -> Cost {
        let started = Started::now();
        self.on_threads(cores() + 1, |next| {
            while let Some(group) = next() {
                let dir = open(CWD, &group.base, OFlags::DIRECTORY);
                for (_, name) in &group.names {
                    rustix::fs::statat(&dir, name, AtFlags::SYMLINK_NOFOLLOW).expect("nothing moves meanwhile");
                }
            }
        });
        started.elapsed()
    }

    /// Measures the floor of a build from nothing, into the file `pack`.
    pub fn clean_floor(&self, pack: &Path) -> Cost {
        let _ = fs::remove_file(pack);
        let end = AtomicU64::new(0);
        let started = Started::now();
        let file = File::create(pack).expect("a new file");
        let write = |batch: &mut Vec<u8>| {
            let at = end.fetch_add(batch.len() as u64, Ordering::Relaxed);
            file.write_all_at(batch, at).expect("there is room");
            batch.clear();
        };
        self.on_threads(cores(), |next| {
            let mut batch = Vec::with_capacity(2 * BATCH);
            while let Some(group) = next() {
                let dir = open(CWD, &group.base, OFlags::DIRECTORY);
                for (_, name) in group.names.iter().filter(|it| it.0) {
                    read(&dir, name, &mut batch);
                    if batch.len() >= BATCH {
                        write(&mut batch);
                    }
                }
            }
            write(&mut batch);
        });
        started.elapsed()
    }

    /// Runs `work` on several threads, each of which claims one group after the other.
    fn on_threads<'a>(&'a self, n: usize, work: impl Fn(&dyn Fn() -> Option<&'a Group>) + Sync) {
        let claimed = AtomicUsize::new(0);
        let next = || self.groups.get(claimed.fetch_add(1, Ordering::Relaxed));
        std::thread::scope(|scope| {
            for _ in 0..n {
                scope.spawn(|| work(&next));
            }
        });
    }
}

/// Reads and digests a file, and leaves in `batch` what a pack would hold of it.
fn read(dir: &OwnedFd, name: &Path, batch: &mut Vec<u8>) {
    let file = open(dir, name, OFlags::empty());
    let size = rustix::fs::fstat(&file).expect("it is open").st_size as usize;
    let start = batch.len();
    batch.resize(start + size, 0);
    File::from(file).read_exact_at(&mut batch[start..], 0).expect("nothing moves meanwhile");
    std::hint::black_box(blake3::hash(&batch[start..]));
    if name.ends_with("asset.json") {
        batch.truncate(start); // Packs hold payloads, not declarations.
    }
}

fn open(dir: impl AsFd, name: &Path, flags: OFlags) -> OwnedFd {
    rustix::fs::openat(dir, name, flags | OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).expect("it is there")
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(2, |it| it.get())
}

/// Returns what lies below `dir` and has no group yet.
fn collect(dir: &Path, groups: &mut Vec<Group>) -> Vec<(bool, PathBuf)> {
    let mut entries: Vec<_> = fs::read_dir(dir).expect("a directory").map(|it| it.expect("an entry")).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    let mut names = Vec::new();
    for entry in entries {
        let path = entry.path();
        let is_dir = entry.file_type().expect("the listing says so").is_dir();
        names.push((!is_dir, path.clone()));
        if is_dir {
            let below = collect(&path, groups);
            match below.len() >= GROUP {
                true => groups.push(group(&path, below)),
                false => names.extend(below),
            }
        }
    }
    names
}

fn group(base: &Path, names: Vec<(bool, PathBuf)>) -> Group {
    let relative = |it: PathBuf| it.strip_prefix(base).expect("it lies below").to_owned();
    // The directory itself is `.` to its own handle.
    let relative = |it: PathBuf| if it == base { PathBuf::from(".") } else { relative(it) };
    Group { base: base.to_owned(), names: names.into_iter().map(|(is_file, it)| (is_file, relative(it))).collect() }
}
