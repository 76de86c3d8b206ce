//! The journal's record, and the decision what is to become of it. Pure.
//!
//! Two lines: the record as JSON, and the BLAKE3 digest of the first line in hexadecimal. A record whose
//! digest is not its own was never committed.

use serde::{Deserialize, Serialize};

use crate::model::{Digest, RelPath};

const VERSION: u32 = 1;

/// What one commit does, without the bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Record {
    /// The commit's number, one more than the last in the log.
    pub sequence: u64,
    /// The commit's title.
    pub title: String,
    /// Its changes; `before` and `after` of each differ.
    pub changes: Vec<RecordedChange>,
    /// Directories below these that lose their last file go.
    pub prune: Vec<RelPath>,
    /// The number of the commit that this one reverts.
    pub undoes: Option<u64>,
    /// The directories that it makes.
    pub made: Vec<RelPath>,
}

/// What becomes of one file; `None` where there is no file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct RecordedChange {
    pub path: RelPath,
    pub before: Option<Digest>,
    pub after: Option<Digest>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    version: u32,
    sequence: u64,
    title: String,
    changes: Vec<RecordedChange>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    prune: Vec<RelPath>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    undoes: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    made: Vec<RelPath>,
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
    /// Returns whether there is nothing to do and nothing to say. That a commit had nothing left to take back is news.
    pub fn is_nothing(&self) -> bool {
        self.changes.is_empty() && self.undoes.is_none()
    }

    pub fn encode(&self) -> Vec<u8> {
        let Self { sequence, title, changes, prune, undoes, made } = self.clone();
        let line = Line { version: VERSION, sequence, title, changes, prune, undoes, made };
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
        match serde_json::from_slice(line) {
            Ok(Line { version: VERSION, sequence, title, changes, prune, undoes, made }) => {
                Decoded::Record(Record { sequence, title, changes, prune, undoes, made })
            }
            _ => Decoded::Foreign,
        }
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
    /// Somebody else changed it.
    Edited,
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
        let change = RecordedChange { path, before: None, after: Some(Digest::of(b"x")) };
        let prune = vec![RelPath::root()];
        let title = "register\n1 asset".to_owned();
        Record { sequence: 7, title, changes: vec![change], made: prune.clone(), prune, undoes: Some(3) }
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
        let line = br#"{"version":2,"changes":"in another form"}"#;
        let bytes = [&line[..], b"\n", Digest::of(line).to_hex().as_bytes(), b"\n"].concat();
        assert_eq!(Record::decode(&bytes), Decoded::Foreign);
    }

    #[test]
    fn one_edit_turns_all_back() {
        use Standing::{Done, Edited, Pending, Stuck};
        for (standings, expected) in [
            (&[Pending, Done][..], Direction::Forward),
            (&[Done, Done], Direction::Forward),
            (&[Done, Edited, Pending], Direction::Back),
            (&[Stuck, Done], Direction::Back),
        ] {
            assert_eq!(direction(standings), expected, "{standings:?}");
        }
    }
}
