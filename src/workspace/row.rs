//! A bucket as one row of the index: columns of fixed width, used where they lie.
//!
//! A build with nothing to do looks at every fingerprint of the workspace and at nothing else, so no object is built
//! per entry, and names are validated once. The form is private to this program: it lies under a checksum in a cache
//! that names its version. Numbers are little-endian.
//!
//! Pure: knows nothing of disks or databases.

use std::ops::Range;
use std::sync::Arc;

use crate::model::{Digest, Looks, RelPath};
use crate::system::{Bytes, FileKind, Stamp};

use super::bucket::{Entry, Kind, LinkText, Members};

/// Counts and digests at the front of a row, in bytes.
const HEADER: usize = 7 * 4 + 2 * 32;
/// Device, permission bits and kind: what hundreds of neighbouring files have in common.
const CLASS: usize = 8 + 4 + 1;
/// Start of a run, and bytes of its prefix.
const RUN: usize = 4 + 4;
/// Size, modification time, change time and inode.
const MARK: usize = 4 * 8;
const DIGEST: usize = 32;
/// Set in an entry's kind where the fingerprint is in doubt.
const RACY: u8 = 0x80;
/// Stands in the length of the end where there is none.
const NO_END: u32 = u32::MAX;

/// The fewest entries of one directory for which it is opened.
const RUN_MIN: usize = 32;

/// A row, and where its columns begin.
pub(super) struct Row {
    bytes: Bytes,
    /// Number of entries.
    pub(super) n: usize,
    pub(super) base: RelPath,
    pub(super) digest: Digest,
    pub(super) members_digest: Digest,
    names: Arc<str>,
    classes: Vec<(u64, u32, FileKind)>,
    at: Columns,
}

/// Offsets in bytes.
#[derive(Clone, Copy)]
struct Columns {
    runs: usize,
    ends: usize,
    kinds: usize,
    classes: usize,
    looks: usize,
    marks: usize,
    digests: usize,
    links: usize,
}

impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Row").field("n", &self.n).field("base", &self.base).finish_non_exhaustive()
    }
}

impl Row {
    /// Writes the row of sorted entries, whose paths and kinds are `members`.
    pub(super) fn write(end: Option<&[u8]>, members: &Members, digest: Digest, entries: &[Entry]) -> Self {
        let classes = classes_of(entries);
        let runs = runs_of(members);
        let links = write_links(entries);
        let names = members.all_names();
        let mut out = Vec::with_capacity(HEADER + names.len() + links.len() + 512 + entries.len() * 81);
        let counts =
            [entries.len(), names.len(), members.base().as_str().len(), classes.len(), runs.len(), links.len()];
        counts.iter().for_each(|it| out.extend((*it as u32).to_le_bytes()));
        out.extend(end.map_or(NO_END, |it| it.len() as u32).to_le_bytes());
        out.extend(digest.0);
        out.extend(members.digest().0);
        out.extend(end.unwrap_or_default());
        out.extend(members.base().as_str().as_bytes());
        for (device, mode, kind) in &classes {
            out.extend(device.to_le_bytes());
            out.extend(mode.to_le_bytes());
            out.push(*kind);
        }
        for (start, prefix) in &runs {
            out.extend((*start as u32).to_le_bytes());
            out.extend((*prefix as u32).to_le_bytes());
        }
        members.ends().iter().for_each(|it| out.extend(it.to_le_bytes()));
        out.extend(entries.iter().map(|it| it.kind as u8 | if it.racy { RACY } else { 0 }));
        for entry in entries {
            let class = classes.binary_search(&class_of(&entry.stamp)).expect("classes are those of the entries");
            out.extend((class as u16).to_le_bytes());
        }
        out.extend(entries.iter().map(|it| it.looks.to_byte()));
        for entry in entries {
            let stamp = &entry.stamp;
            let words = [stamp.size, stamp.mtime_ns as u64, stamp.ctime_ns as u64, stamp.inode];
            words.iter().for_each(|it| out.extend(it.to_le_bytes()));
        }
        entries.iter().for_each(|it| out.extend(it.digest.0));
        out.extend(names.as_bytes());
        out.extend(links);
        Self::read(out.into()).expect("a row reads back").0
    }

    /// Returns the row of no entries.
    pub(super) fn empty() -> Self {
        let members =
            Members::assemble(RelPath::root(), "".into(), Vec::new(), Vec::new(), Vec::new(), Digest([0; 32]));
        Self::write(None, &members, Digest([0; 32]), &[])
    }

    /// Finds the columns of a row, and returns the bucket's end besides; `None` where the row does not make sense.
    pub(super) fn read(bytes: Bytes) -> Option<(Self, Option<Vec<u8>>)> {
        let mut rest: &[u8] = &bytes;
        let mut counts = [0_usize; 7];
        for count in &mut counts {
            *count = u32::from_le_bytes(*take(&mut rest, 4)?.first_chunk()?) as usize;
        }
        let [n, names_len, base_len, n_classes, n_runs, links_len, end_len] = counts;
        let digest = Digest(*take(&mut rest, DIGEST)?.first_chunk()?);
        let members_digest = Digest(*take(&mut rest, DIGEST)?.first_chunk()?);
        let has_end = end_len != NO_END as usize;
        let end = if has_end { Some(take(&mut rest, end_len)?.to_vec()) } else { None };
        let base = RelPath::new(std::str::from_utf8(take(&mut rest, base_len)?).ok()?)?;
        let classes = take(&mut rest, n_classes.checked_mul(CLASS)?)?;
        let classes: Vec<_> = classes.chunks_exact(CLASS).map(read_class).collect::<Option<_>>()?;
        let mut column = |width: usize| {
            let at = bytes.len() - rest.len();
            take(&mut rest, width).map(|it| (at, it))
        };
        let (runs_at, runs) = column(n_runs.checked_mul(RUN)?)?;
        let (ends_at, ends) = column(n.checked_mul(4)?)?;
        let (kinds_at, kinds) = column(n)?;
        let (classes_at, class_idx) = column(n.checked_mul(2)?)?;
        let (looks_at, looks) = column(n)?;
        let (marks_at, _) = column(n.checked_mul(MARK)?)?;
        let (digests_at, _) = column(n.checked_mul(DIGEST)?)?;
        let (_, names) = column(names_len)?;
        let (links_at, links) = column(links_len)?;
        let names: Arc<str> = std::str::from_utf8(names).ok()?.into();

        let mut before = 0;
        for end in ends.chunks_exact(4) {
            let end = word32(end) as usize;
            if end < before || !names.is_char_boundary(end) {
                return None;
            }
            before = end;
        }
        let mut run_before = None;
        for run in runs.chunks_exact(RUN) {
            let start = word32(run) as usize;
            if start >= n || run_before.map_or(start != 0, |it| it >= start) {
                return None;
            }
            run_before = Some(start);
        }
        let known_kinds = kinds.iter().all(|it| Kind::from_byte(it & !RACY).is_some());
        let known_looks = looks.iter().all(|it| Looks::from_byte(*it).is_some());
        let known_classes = class_idx.chunks_exact(2).all(|it| usize::from(word16(it)) < classes.len());
        let whole = rest.is_empty() && before == names.len() && (n_runs > 0) == (n > 0);
        if !whole || !known_kinds || !known_looks || !known_classes || read_links(links).is_none() {
            return None;
        }
        let at = Columns {
            runs: runs_at,
            ends: ends_at,
            kinds: kinds_at,
            classes: classes_at,
            looks: looks_at,
            marks: marks_at,
            digests: digests_at,
            links: links_at,
        };
        let row = Self { n, base, digest, members_digest, names, classes, at, bytes: bytes.clone() };
        let fits = row.runs().all(|(run, prefix)| {
            run.clone().all(|it| row.name(it).get(..prefix).is_some_and(|it| it.is_empty() || it.ends_with('/')))
        });
        fits.then_some((row, end))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn end(&self, idx: usize) -> usize {
        word32(&self.bytes()[self.at.ends + 4 * idx..]) as usize
    }

    pub(super) fn name(&self, idx: usize) -> &str {
        let start = if idx == 0 { 0 } else { self.end(idx - 1) };
        &self.names[start..self.end(idx)]
    }

    pub(super) fn kind(&self, idx: usize) -> Kind {
        Kind::from_byte(self.bytes()[self.at.kinds + idx] & !RACY).expect("kinds were checked when the row was read")
    }

    pub(super) fn is_racy(&self, idx: usize) -> bool {
        self.bytes()[self.at.kinds + idx] & RACY != 0
    }

    pub(super) fn stamp(&self, idx: usize) -> Stamp {
        let bytes = self.bytes();
        let (device, mode, kind) = self.classes[usize::from(word16(&bytes[self.at.classes + 2 * idx..]))];
        let mark = &bytes[self.at.marks + MARK * idx..][..MARK];
        Stamp {
            kind,
            size: word64(mark),
            mtime_ns: word64(&mark[8..]) as i64,
            ctime_ns: word64(&mark[16..]) as i64,
            inode: word64(&mark[24..]),
            device,
            mode,
        }
    }

    pub(super) fn content_digest(&self, idx: usize) -> Digest {
        let digest = &self.bytes()[self.at.digests + DIGEST * idx..];
        Digest(*digest.first_chunk().expect("the column is as long as there are entries"))
    }

    pub(super) fn looks(&self, idx: usize) -> Looks {
        let looks = self.bytes()[self.at.looks + idx];
        Looks::from_byte(looks).expect("looks were checked when the row was read")
    }

    /// Returns runs of entries with the length of the prefix that leads to the directory they all lie below.
    pub(super) fn runs(&self) -> impl Iterator<Item = (Range<usize>, usize)> + '_ {
        let runs = &self.bytes()[self.at.runs..self.at.ends];
        (0..runs.len() / RUN).map(move |idx| {
            let start = word32(&runs[RUN * idx..]) as usize;
            let prefix = word32(&runs[RUN * idx + 4..]) as usize;
            let end = runs.get(RUN * (idx + 1)..).filter(|it| !it.is_empty()).map_or(self.n, |it| word32(it) as usize);
            (start..end, prefix)
        })
    }

    /// Takes paths, kinds and links out of the row.
    pub(super) fn members(&self) -> Members {
        let bytes = self.bytes();
        let ends = bytes[self.at.ends..self.at.kinds].chunks_exact(4).map(word32).collect();
        let kinds = (0..self.n).map(|it| self.kind(it)).collect();
        let links = read_links(&bytes[self.at.links..]).expect("links were checked when the row was read");
        Members::assemble(self.base.clone(), self.names.clone(), ends, kinds, links, self.members_digest)
    }
}

fn take<'a>(rest: &mut &'a [u8], n: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(n)?;
    *rest = after;
    Some(taken)
}

fn word16(bytes: &[u8]) -> u16 {
    u16::from_le_bytes(*bytes.first_chunk().expect("columns are as long as there are entries"))
}

fn word32(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(*bytes.first_chunk().expect("columns are as long as there are entries"))
}

fn word64(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(*bytes.first_chunk().expect("columns are as long as there are entries"))
}

type Class = (u64, u32, u8);

fn class_of(stamp: &Stamp) -> Class {
    (stamp.device, stamp.mode, stamp.kind as u8)
}

fn classes_of(entries: &[Entry]) -> Vec<Class> {
    let mut classes: Vec<Class> = entries.iter().map(|it| class_of(&it.stamp)).collect();
    classes.sort_unstable();
    classes.dedup();
    classes
}

fn read_class(bytes: &[u8]) -> Option<(u64, u32, FileKind)> {
    Some((word64(bytes), word32(&bytes[8..]), file_kind(bytes[12])?))
}

fn file_kind(byte: u8) -> Option<FileKind> {
    [FileKind::File, FileKind::Dir, FileKind::Link, FileKind::Other].into_iter().find(|it| *it as u8 == byte)
}

/// Cuts entries into runs that share a directory, where there are enough of them for a handle of its own to pay.
fn runs_of(members: &Members) -> Vec<(usize, usize)> {
    let mut runs = Vec::new();
    // Directories that are yet to be cut, the next one last: their entries, and the length of their prefix.
    let mut todo = vec![(0..members.len(), 0)];
    while let Some((range, prefix)) = todo.pop() {
        let crowded = crowded_dirs(members, &range, prefix);
        let mut start = range.start;
        let mut pieces = Vec::new();
        for (below, deeper) in crowded {
            pieces.push((start..below.start, prefix));
            start = below.end;
            pieces.push((below, deeper));
        }
        if pieces.is_empty() {
            runs.push((start, prefix));
            continue;
        }
        pieces.push((start..range.end, prefix));
        todo.extend(pieces.into_iter().filter(|it| !it.0.is_empty()).rev());
    }
    if members.is_empty() { Vec::new() } else { runs }
}

/// Returns the directories right below a prefix that hold enough entries of `range`, each with the range of what lies
/// below it and with the length of its own prefix.
fn crowded_dirs(members: &Members, range: &Range<usize>, prefix: usize) -> Vec<(Range<usize>, usize)> {
    let dir_of = |idx: usize| {
        let name = members.name(idx);
        name[prefix..].find('/').map(|it| &name[..=prefix + it])
    };
    let mut crowded = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let dir = dir_of(start);
        let end = (start + 1..range.end).find(|it| dir_of(*it) != dir).unwrap_or(range.end);
        if let Some(dir) = dir.filter(|_| end - start >= RUN_MIN) {
            crowded.push((start..end, dir.len()));
        }
        start = end;
    }
    crowded
}

const STAMP_LEN: usize = 45;

/// Returns a stamp as bytes, for rows that hold a few of them.
pub fn stamp_bytes(stamp: &Stamp) -> Vec<u8> {
    let mut out = Vec::with_capacity(STAMP_LEN);
    let words =
        [stamp.size, stamp.mtime_ns as u64, stamp.ctime_ns as u64, stamp.inode, stamp.device].map(u64::to_le_bytes);
    words.iter().for_each(|it| out.extend(it));
    out.extend(stamp.mode.to_le_bytes());
    out.push(stamp.kind as u8);
    out
}

/// Returns the stamp that [`stamp_bytes`] wrote.
pub fn get_stamp(bytes: &[u8]) -> Option<Stamp> {
    let bytes: &[u8; STAMP_LEN] = bytes.try_into().ok()?;
    Some(Stamp {
        kind: file_kind(bytes[44])?,
        size: word64(bytes),
        mtime_ns: word64(&bytes[8..]) as i64,
        ctime_ns: word64(&bytes[16..]) as i64,
        inode: word64(&bytes[24..]),
        device: word64(&bytes[32..]),
        mode: word32(&bytes[40..]),
    })
}

fn write_links(entries: &[Entry]) -> Vec<u8> {
    let mut out = Vec::new();
    for (idx, entry) in entries.iter().enumerate() {
        let Some(link) = &entry.link else { continue };
        out.extend((idx as u32).to_le_bytes());
        out.extend((link.text.len() as u32).to_le_bytes());
        out.extend(link.text.as_bytes());
        out.extend(stamp_bytes(&link.stamp));
    }
    out
}

fn read_links(mut rest: &[u8]) -> Option<Vec<(u32, Arc<LinkText>)>> {
    let mut links = Vec::new();
    while !rest.is_empty() {
        let idx = word32(take(&mut rest, 4)?);
        let len = word32(take(&mut rest, 4)?) as usize;
        let text = std::str::from_utf8(take(&mut rest, len)?).ok()?.to_owned();
        let stamp = get_stamp(take(&mut rest, STAMP_LEN)?)?;
        links.push((idx, Arc::new(LinkText { text, stamp })));
    }
    Some(links)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::bucket::{Bucket, NO_CONTENT};

    fn entry(path: &str, kind: Kind) -> Entry {
        let stamp = Stamp {
            kind: if kind == Kind::Dir { FileKind::Dir } else { FileKind::File },
            size: path.len() as u64,
            mtime_ns: -5,
            ctime_ns: i64::MAX,
            inode: u64::MAX,
            device: 8,
            mode: 0o644,
        };
        let path = RelPath::new(path).expect("a path");
        let digest = if kind == Kind::File { Digest::of(path.as_str().as_bytes()) } else { NO_CONTENT };
        Entry { path, kind, racy: false, stamp, digest, looks: Looks::of(b"\x89PNG\r\n\x1a\n"), link: None }
    }

    fn files(dir: &str, n: usize) -> Vec<Entry> {
        (0..n).map(|it| entry(&format!("{dir}/f{it:04}"), Kind::File)).collect()
    }

    fn runs(entries: &[Entry]) -> Vec<(Range<usize>, usize)> {
        Bucket::pack(entries, None).runs().collect()
    }

    #[test]
    fn entries_are_asked_about_from_the_directory_that_many_share() {
        let many = [files("a/b", 40), files("a/c", 3), files("a/d", 3), files("a/e", 50)].concat();
        assert_eq!(runs(&many), [(0..40, 2), (40..46, 0), (46..96, 2)]);
        assert_eq!(runs(&many[40..46]), [(0..6, 0)]);
        assert_eq!(runs(&files("a/b", 300)), [(0..300, 0)]);
        assert_eq!(runs(&[]), []);
        let nested = [files("a/b/c", 31), files("a/b/d", 40), files("z", 1)].concat();
        assert_eq!(runs(&nested), [(0..31, 4), (31..71, 6), (71..72, 0)]);
        let mut dirs = vec![entry("a/b", Kind::Dir)];
        dirs.extend(files("a/b", 32));
        dirs.push(entry("a/c", Kind::Dir));
        dirs.extend(files("a/c", 32));
        assert_eq!(runs(&dirs), [(0..1, 0), (1..33, 2), (33..34, 0), (34..66, 2)]);
    }

    #[test]
    fn a_name_that_only_begins_like_a_directory_is_not_in_it() {
        let mut entries = files("a/b", 40);
        entries.extend(files("a/bb", 40));
        assert_eq!(runs(&entries), [(0..40, 2), (40..80, 3)]);
    }

    #[test]
    fn every_truncation_of_a_row_and_every_changed_byte_reads_without_a_panic() {
        let mut entries = files("a/b", 40);
        entries.push(entry("a/c", Kind::Dir));
        let link = LinkText { text: "../ü".to_owned(), stamp: entries[0].stamp };
        entries.push(Entry { link: Some(Arc::new(link)), ..entry("a/l", Kind::FileLink) });
        let bucket = Bucket::pack(&entries, Some(b"end".to_vec()));
        let row = bucket.as_row().to_vec();
        for len in 0..row.len() {
            assert!(Row::read(row[..len].into()).is_none(), "{len}");
        }
        for at in 0..row.len() {
            let mut changed = row.clone();
            changed[at] ^= 0x55;
            let Some((changed, _)) = Row::read(changed.into()) else { continue };
            for idx in 0..changed.n {
                let _ = (changed.name(idx), changed.kind(idx), changed.stamp(idx), changed.looks(idx));
                let _ = changed.content_digest(idx);
            }
            let _ = (changed.members(), changed.runs().count());
        }
    }
}
