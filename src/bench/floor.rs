//! Floors: the least that any program must do for the same answer, measured beside the builds.
//!
//! | floor | what it does | of what |
//! | --- | --- | --- |
//! | `stat` | one stat of every known file and directory | to know that nothing changed |
//! | `digest` | read + BLAKE3 of every source | to know it although every time is new |
//! | `write` | the same, and as many bytes written as the pack has | to have a pack of what a cache holds |
//! | `pack` | read + BLAKE3 + compression as the profile says + write of every payload | to have a pack of nothing |
//!
//! A floor is a cold process like the builds that it is held against, timed from outside in the same way: both sides
//! pay for starting, and both begin with a list of what was there before (a build's index; here a file of names that
//! is read in one go). Paths are looked up in path order, relative to one open directory per hundred to few hundred
//! entries; threads claim one such group after the other. There is a thread for each core, and one more where little is
//! done but asking the file system: while one waits for a lock in the kernel, another goes on.
//!
//! Of what processors do, the bare codec of pictures alone is in here, in `pack`: whoever promises that a PNG is sound
//! has to decode each row of it once. What else they do, and pixels in place of files, is not.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tree::Found;
use crate::model::Codec;
use crate::pack::codec::encode;
use crate::system::{Access, Dir, Disk, FileKind, RandomFile};
use crate::threads::parallel;
use crate::workspace::lookup::is_declaration;

/// The fewest entries for which a directory of their own is opened.
const GROUP: usize = 100;
/// How much a thread gathers before it writes, in bytes.
const BATCH: usize = 1 << 20;

/// Which floor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Floor {
    /// One stat of every known file and directory
    Stat,
    /// Read and digest every source
    Digest,
    /// Read and digest every source, write the bytes of the pack
    Write,
    /// Read, digest, compress and write every source
    Pack,
}

impl Floor {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stat => "stat",
            Self::Digest => "digest",
            Self::Write => "write",
            Self::Pack => "pack",
        }
    }
}

/// How a floor is measured.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which.
    pub floor: Floor,
    /// How many threads a build would use.
    pub jobs: usize,
    /// How payloads are compressed.
    pub codec: Codec,
    /// Where payloads are written.
    pub out: PathBuf,
    /// How many bytes are written at most.
    pub limit: u64,
}

/// What an entry of the list is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Entry<'a> {
    Dir(&'a str),
    Payload(&'a str),
    Picture(&'a str),
    Declaration(&'a str),
    Link(&'a str),
}

impl<'a> Entry<'a> {
    fn path(self) -> &'a str {
        match self {
            Self::Dir(path)
            | Self::Payload(path)
            | Self::Picture(path)
            | Self::Declaration(path)
            | Self::Link(path) => path,
        }
    }
}

/// Entries that are looked at relative to one open directory.
#[derive(PartialEq, Eq, Debug)]
struct Group<'a> {
    base: &'a str,
    entries: Vec<Entry<'a>>,
}

/// Returns the text of a list of these files and directories, as [`run`] reads it: records that end with a NUL, of a
/// letter and a path. `g` begins a group in that directory; `d`, `f`, `p`, `a` and `l` are a directory, a file, a picture,
/// a declaration and a link in it. Links are looked at and not followed: what they lead to may be anything.
///
/// What was walked comes as `tree::walk` gives it. A path that is not UTF-8 is no source and left out.
pub fn list(all: &[Found], is_picture: impl Fn(&str) -> bool) -> String {
    let slashed = |path: &str| path.replace(std::path::MAIN_SEPARATOR, "/");
    let all: Vec<(String, FileKind)> =
        all.iter().filter_map(|it| Some((slashed(it.path.to_str()?), it.kind))).collect();
    let mut rest = all.iter().map(|it| (it.0.as_str(), it.1)).peekable();
    let mut groups = Vec::new();
    // Several roots follow one another, each with a directory at its head.
    while let Some((root, _)) = rest.next() {
        let mut entries = vec![('d', root)];
        collect(root, &mut rest, &mut entries, &mut groups);
        groups.push((root, entries));
    }
    groups.sort();
    let mut text = String::new();
    for (base, entries) in groups {
        text.extend(["g", base, "\0"]);
        for (letter, path) in entries {
            let relative = if base.is_empty() { path } else { path[base.len()..].trim_start_matches('/') };
            let letter = if letter == 'f' && is_picture(path) { 'p' } else { letter };
            let mut buffer = [0; 4];
            text.extend([letter.encode_utf8(&mut buffer), relative, "\0"]);
        }
    }
    text
}

/// Takes everything below `dir` from the walk: into `entries`, or into groups of their own where there are enough.
fn collect<'a>(
    dir: &str,
    rest: &mut std::iter::Peekable<impl Iterator<Item = (&'a str, FileKind)>>,
    entries: &mut Vec<(char, &'a str)>,
    groups: &mut Vec<(&'a str, Vec<(char, &'a str)>)>,
) {
    let is_below = |path: &str| dir.is_empty() || path.strip_prefix(dir).is_some_and(|it| it.starts_with('/'));
    while let Some((path, kind)) = rest.next_if(|it| is_below(it.0)) {
        if kind != FileKind::Dir {
            let letter = match kind {
                FileKind::File if is_declaration(path) => 'a',
                FileKind::File => 'f',
                _ => 'l',
            };
            entries.push((letter, path));
            continue;
        }
        let mut below = Vec::new();
        collect(path, rest, &mut below, groups);
        entries.push(('d', path));
        if below.len() >= GROUP {
            groups.push((path, below));
        } else {
            entries.append(&mut below);
        }
    }
}

fn parse(text: &str) -> Option<Vec<Group<'_>>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for record in text.split_terminator('\0') {
        let (letter, path) = record.split_at_checked(1)?;
        let entry = match letter {
            "g" => {
                groups.push(Group { base: path, entries: Vec::new() });
                continue;
            }
            "d" => Entry::Dir(path),
            "f" => Entry::Payload(path),
            "p" => Entry::Picture(path),
            "a" => Entry::Declaration(path),
            "l" => Entry::Link(path),
            _ => return None,
        };
        groups.last_mut()?.entries.push(entry);
    }
    Some(groups)
}

/// Does what a floor is, with the entries of `list` below `root`. Each thread is given a file system of its own, so
/// that none waits for the counters of another.
///
/// # Errors
///
/// When an entry of the list is not there, or something cannot be read or written.
pub fn run(root: &Path, list: &str, options: &Options, system: impl Fn() -> Arc<dyn Disk> + Sync) -> io::Result<()> {
    let groups = parse(list).ok_or(io::ErrorKind::InvalidData)?;
    let file = match options.floor {
        Floor::Write | Floor::Pack => Some(system().open_random(&options.out, Access::Write)?),
        Floor::Stat | Floor::Digest => None,
    };
    let pack = file.as_deref().map(|file| Pack { file, end: AtomicU64::new(0), limit: options.limit });
    let threads = match options.floor {
        Floor::Stat if options.jobs > 1 => options.jobs + 1,
        _ => options.jobs,
    };
    let claimed = AtomicUsize::new(0);
    let work = |_| {
        let disk = system();
        let mut worker = Worker { options, pack: pack.as_ref(), batch: Vec::new() };
        while let Some(group) = groups.get(claimed.fetch_add(1, Ordering::Relaxed)) {
            worker.visit(&*disk.open_dir(&at(root, group.base))?, group)?;
        }
        worker.flush()
    };
    parallel(threads, threads, work).into_iter().collect()
}

/// Joining an empty path would add a separator.
fn at(root: &Path, base: &str) -> PathBuf {
    if base.is_empty() { root.to_owned() } else { root.join(base) }
}

/// The file that payloads are written to.
struct Pack<'a> {
    file: &'a dyn RandomFile,
    end: AtomicU64,
    limit: u64,
}

struct Worker<'a> {
    options: &'a Options,
    pack: Option<&'a Pack<'a>>,
    batch: Vec<u8>,
}

impl Worker<'_> {
    fn visit(&mut self, dir: &dyn Dir, group: &Group<'_>) -> io::Result<()> {
        for entry in &group.entries {
            let visited = match entry {
                it if self.options.floor == Floor::Stat => dir.stat(Path::new(it.path())).map(drop),
                Entry::Dir(_) | Entry::Link(_) => Ok(()),
                it => self.take(dir, *it),
            };
            visited.map_err(|it| io::Error::new(it.kind(), format!("`{}/{}`: {it}", group.base, entry.path())))?;
        }
        Ok(())
    }

    /// Reads and digests a file, and leaves in the batch what a pack would hold of it.
    fn take(&mut self, dir: &dyn Dir, entry: Entry<'_>) -> io::Result<()> {
        let start = self.batch.len();
        read(dir, entry.path(), &mut self.batch)?;
        let bytes = &self.batch[start..];
        std::hint::black_box(blake3::hash(bytes));
        // Packs hold payloads, not declarations.
        if self.pack.is_none() || matches!(entry, Entry::Declaration(_)) {
            self.batch.truncate(start);
        } else if self.options.floor == Floor::Pack {
            if matches!(entry, Entry::Picture(_)) {
                decode(bytes);
            }
            if let (_, Some(stored)) = encode(self.options.codec, bytes) {
                self.batch.truncate(start);
                self.batch.extend_from_slice(&stored);
            }
        }
        if self.batch.len() >= BATCH { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        if let Some(pack) = self.pack
            && !self.batch.is_empty()
        {
            let at = pack.end.fetch_add(self.batch.len() as u64, Ordering::Relaxed);
            let room = usize::try_from(pack.limit.saturating_sub(at)).unwrap_or(usize::MAX);
            pack.file.write_all_at(&self.batch[..self.batch.len().min(room)], at)?;
        }
        self.batch.clear();
        Ok(())
    }
}

/// Appends the contents of a file.
fn read(dir: &dyn Dir, path: &str, batch: &mut Vec<u8>) -> io::Result<()> {
    let file = dir.open(Path::new(path))?;
    let start = batch.len();
    batch.resize(start + usize::try_from(file.stat()?.size).map_err(io::Error::other)?, 0);
    let mut filled = start;
    while filled < batch.len() {
        let n = file.read_at(&mut batch[filled..], (filled - start) as u64)?;
        if n == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        filled += n;
    }
    Ok(())
}

/// Decodes every row of a PNG and keeps none. What cannot be decoded costs as much as could be.
fn decode(bytes: &[u8]) {
    let mut decoder = png::Decoder::new(io::Cursor::new(bytes));
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    if let Ok(mut reader) = decoder.read_info() {
        while let Ok(Some(row)) = reader.next_interlaced_row() {
            std::hint::black_box(row.data());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::tree::{Skip, walk};
    use crate::system::System;
    use crate::system::memory::MemorySystem;
    use crate::workspace::layout::Workspace;

    fn sample() -> (Arc<MemorySystem>, String) {
        let disk = Arc::new(MemorySystem::new());
        for nth in 0..120 {
            disk.write(format!("/ws/assets/many/{nth:03}.txt"), "ab");
        }
        disk.write("/ws/assets/few/one.txt", "cccccccccccccccccccccccccccccccccccccccccccccccccccccc");
        disk.write("/ws/assets/few/asset.json", "{}");
        disk.write("/ws/assets/top.txt.asset.json", "{}");
        disk.symlink("nowhere", "/ws/assets/link");
        disk.settle();
        let ws = Workspace::new(disk.clone(), "/ws".into());
        let list = list(&walk(&ws, Path::new("assets"), Skip::AsScan).expect("a tree"), |it| it.ends_with("one.txt"));
        (disk, list)
    }

    fn measure(disk: &Arc<MemorySystem>, list: &str, floor: Floor, limit: u64) -> u64 {
        let out = PathBuf::from(format!("/{}-{limit}", floor.name()));
        let options = Options { floor, jobs: 2, codec: Codec::Lz4, out: out.clone(), limit };
        run(Path::new("/ws"), list, &options, || disk.clone()).expect("everything is there");
        disk.stat(&out).map_or(0, |it| it.size)
    }

    #[test]
    fn a_list_has_groups() {
        let (_, list) = sample();
        let groups = parse(&list).expect("it is one");
        let shown: Vec<_> = groups.iter().map(|it| (it.base, it.entries.len())).collect();
        assert_eq!(shown, [("assets", 7), ("assets/many", 120)]);
        let kinds = [
            Entry::Dir(""),
            Entry::Dir("few"),
            Entry::Declaration("few/asset.json"),
            Entry::Picture("few/one.txt"),
            Entry::Link("link"),
            Entry::Dir("many"),
            Entry::Declaration("top.txt.asset.json"),
        ];
        assert_eq!(groups[0].entries, kinds);
        assert_eq!(parse("fx\0"), None);
        assert_eq!(parse("gx\0q\0"), None);
    }

    #[test]
    fn floors_do_what_they_say() {
        let (disk, list) = sample();
        let before = disk.counters().counts();
        assert_eq!(measure(&disk, &list, Floor::Stat, u64::MAX), 0);
        let stats = disk.counters().counts().since(before);
        // One stat more is this test's own.
        assert_eq!((stats.stats, stats.opens, stats.lists), (127 + 1, 0, 0));
        let before = disk.counters().counts();
        assert_eq!(measure(&disk, &list, Floor::Digest, u64::MAX), 0);
        let digest = disk.counters().counts().since(before);
        assert_eq!((digest.opens, digest.bytes_read, digest.files_written), (123, 240 + 54 + 4, 0));
        assert_eq!(measure(&disk, &list, Floor::Write, u64::MAX), 240 + 54);
        assert_eq!(measure(&disk, &list, Floor::Write, 100), 100);
        let packed = measure(&disk, &list, Floor::Pack, u64::MAX);
        assert!((241..294).contains(&packed), "{packed}");
    }

    #[test]
    fn what_is_gone_is_an_error() {
        let (disk, list) = sample();
        disk.remove("/ws/assets/few/one.txt");
        let options = Options { floor: Floor::Stat, jobs: 1, codec: Codec::None, out: "/out".into(), limit: 0 };
        assert!(run(Path::new("/ws"), &list, &options, || disk.clone()).is_err());
    }
}
