//! The journal's record, and the decision what is to become of it. Pure.
//!
//! Two lines: the record as JSON, and the BLAKE3 digest of the first line in hexadecimal. A record whose
//! digest is not its own was never committed.

use serde::{Deserialize, Serialize};

use crate::model::{Digest, RelPath};
use crate::system::{FileKind, FsTime, Stamp};

/// Version 1 held one commit, without moves.
const VERSION: u32 = 2;

/// What is being applied, all or nothing: commits that arrived together, of which no two touch one file.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Record {
    /// In the order of their numbers.
    pub commits: Vec<RecordedCommit>,
}

/// What one commit does, without the bytes.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub(super) struct RecordedCommit {
    /// Its number, one more than the last in the log.
    pub sequence: u64,
    /// Its title.
    pub title: String,
    /// Who commits it.
    #[serde(default)]
    pub command: String,
    /// When the lane was taken for it, in UTC.
    #[serde(default)]
    pub time: Option<String>,
    /// The commit that it reverts.
    #[serde(default)]
    pub undoes: Option<u64>,
    /// Its changes; `before` and `after` of each differ.
    pub changes: Vec<RecordedChange>,
    /// The directories that it has to make, those above first. They go again if it is taken back.
    #[serde(default)]
    pub made: Vec<RelPath>,
    /// The directories that go if they turn out to be empty, those below first.
    #[serde(default)]
    pub emptied: Vec<RelPath>,
}

/// What becomes of one file; `None` where there is no file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct RecordedChange {
    pub path: RelPath,
    pub before: Option<Digest>,
    pub after: Option<Digest>,
    /// The other name of a file that moves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<Moved>,
    /// By what a file that moves is known without being read; `None` where only its bytes tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<Known>,
}

/// What `stat` said of a file when it was digested, late enough after its last change that the next one would show.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Known {
    size: u64,
    mtime_ns: i64,
    ctime_ns: i64,
    inode: u64,
    device: u64,
}

impl Known {
    /// Returns by what a file is known that had this stamp while it was digested, after the clock was read. `None` where
    /// a later change might not show, or files have no numbers.
    pub fn of(stamp: Stamp, now: FsTime) -> Option<Self> {
        let Stamp { size, mtime_ns, ctime_ns, inode, device, .. } = stamp;
        let is_telling = inode != 0 && ctime_ns != 0 && !stamp.is_racy(now);
        is_telling.then_some(Self { size, mtime_ns, ctime_ns, inode, device })
    }

    /// Returns whether a file with this stamp is untouched since.
    pub fn is(&self, stamp: &Stamp) -> bool {
        self.is_renamed(stamp) && self.ctime_ns == stamp.ctime_ns
    }

    /// Returns whether it is the same file with the same contents, as long as nobody sets times back: it may have got
    /// another name, which moves its change time.
    pub fn is_renamed(&self, stamp: &Stamp) -> bool {
        let Stamp { kind, size, mtime_ns, inode, device, .. } = *stamp;
        let same = (self.size, self.mtime_ns, self.inode, self.device) == (size, mtime_ns, inode, device);
        kind == FileKind::File && same
    }
}

/// What the other name of a moved file is to a path.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Moved {
    /// The file comes from there.
    From(RelPath),
    /// The file goes there.
    To(RelPath),
}

/// One change of a record, and by which numbers its contents are kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item<'a> {
    pub sequence: u64,
    pub index: usize,
    pub change: &'a RecordedChange,
}

#[derive(Serialize)]
struct Line<'a> {
    version: u32,
    commits: &'a [RecordedCommit],
}

/// As much of a line as every version has.
#[derive(Deserialize)]
struct Probe {
    version: u32,
    #[serde(default)]
    commits: serde_json::Value,
}

/// What the journal's bytes turned out to be.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Decoded {
    Record(Record),
    /// Not what somebody finished writing.
    Damaged,
    /// Whole, but of a version that is not known here.
    Foreign,
}

impl Record {
    /// Returns all changes, in the order in which they are looked at.
    pub fn items(&self) -> impl Iterator<Item = Item<'_>> {
        self.commits.iter().flat_map(RecordedCommit::items)
    }

    pub fn encode(&self) -> Vec<u8> {
        let line = Line { version: VERSION, commits: &self.commits };
        let mut bytes = serde_json::to_vec(&line).expect("text, numbers and lists always serialize");
        let digest = Digest::of(&bytes).to_hex();
        bytes.push(b'\n');
        bytes.extend(digest.bytes());
        bytes.push(b'\n');
        bytes
    }

    pub fn decode(bytes: &[u8]) -> Decoded {
        let mut lines = bytes.splitn(2, |it| *it == b'\n');
        let (line, rest) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        if rest != format!("{}\n", Digest::of(line).to_hex()).as_bytes() {
            return Decoded::Damaged;
        }
        let commits = match serde_json::from_slice(line) {
            Ok(Probe { version: 1, .. }) => serde_json::from_slice(line).map(|it| vec![it]),
            Ok(Probe { version: VERSION, commits }) => serde_json::from_value(commits),
            _ => return Decoded::Foreign,
        };
        commits.map_or(Decoded::Foreign, |commits| Decoded::Record(Self { commits }))
    }
}

impl RecordedCommit {
    pub fn items(&self) -> impl Iterator<Item = Item<'_>> {
        let item = |(index, change)| Item { sequence: self.sequence, index, change };
        self.changes.iter().enumerate().map(item)
    }
}

/// How one file of a record stands now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    /// As before, and the new contents are at hand.
    Pending,
    /// As before, and the new contents are lost.
    Stuck,
    /// As after.
    Done,
    /// As after; but what it was before, of which a second name is kept, somebody wrote into meanwhile.
    Overwritten,
    /// Somebody else changed it.
    Edited,
    /// Somebody else had changed it in the instant in which it was replaced or taken away: theirs lies beside, to be given
    /// back.
    Taken,
}

/// What is to be done with a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Direction {
    /// Change what is pending.
    Forward,
    /// Give back what is done: some edit of somebody else's is in the way.
    Back,
}

/// Decides from how all files of a record stand. Recovery and readers decide alike, so that a reader sees
/// what the next recovery will make.
pub(super) fn direction(standings: &[Standing]) -> Direction {
    let forward = standings.iter().all(|it| matches!(it, Standing::Pending | Standing::Done));
    if forward { Direction::Forward } else { Direction::Back }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> Record {
        let path = RelPath::new("packwright.registry/0.jsonl").expect("normal");
        let change = RecordedChange { path, before: None, after: Some(Digest::of(b"x")), moved: None, known: None };
        let title = "register\n1 asset".to_owned();
        Record { commits: vec![RecordedCommit { sequence: 7, title, changes: vec![change], ..Default::default() }] }
    }

    #[test]
    fn a_record_comes_back_as_it_was() {
        assert_eq!(Record::decode(&record().encode()), Decoded::Record(record()));
    }

    #[test]
    fn any_damage_is_seen() {
        let bytes = record().encode();
        for len in 0..bytes.len() {
            assert_eq!(Record::decode(&bytes[..len]), Decoded::Damaged, "cut at {len}");
        }
        for at in 0..bytes.len() {
            let mut bytes = bytes.clone();
            bytes[at] ^= 1;
            assert_eq!(Record::decode(&bytes), Decoded::Damaged, "flipped at {at}");
        }
    }

    #[test]
    fn a_later_version_is_not_taken_for_damage() {
        let line = br#"{"version":3,"commits":"in another form"}"#;
        let bytes = [&line[..], b"\n", Digest::of(line).to_hex().as_bytes(), b"\n"].concat();
        assert_eq!(Record::decode(&bytes), Decoded::Foreign);
    }

    #[test]
    fn the_first_version_is_still_read() {
        let path = r#""packwright.registry/0.jsonl""#;
        let digest = Digest::of(b"x").to_hex();
        let line = format!(
            r#"{{"version":1,"sequence":7,"title":"register\n1 asset","changes":[{{"path":{path},"before":null,"after":"{digest}"}}]}}"#
        );
        let bytes = format!("{line}\n{}\n", Digest::of(line.as_bytes()).to_hex());
        assert_eq!(Record::decode(bytes.as_bytes()), Decoded::Record(record()));
    }

    #[test]
    fn one_edit_turns_all_back() {
        use Standing::{Done, Edited, Overwritten, Pending, Stuck, Taken};
        for (standings, expected) in [
            (&[Pending, Done][..], Direction::Forward),
            (&[Done, Done], Direction::Forward),
            (&[Done, Edited, Pending], Direction::Back),
            (&[Stuck, Done], Direction::Back),
            (&[Pending, Taken], Direction::Back),
            (&[Overwritten, Done], Direction::Back),
        ] {
            assert_eq!(direction(standings), expected, "{standings:?}");
        }
    }
}
