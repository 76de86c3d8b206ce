//! What the tests of this folder share: sample rows, damage, and processes to share a cache with.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use super::{CacheMode, Changes, Committed, Index, PutBucket, Store, stored_key};
use crate::model::{Code, Diagnostic, Digest};
use crate::system::memory::{MemorySystem, Unsynced};
use crate::system::os::OsSystem;
use crate::system::{Bytes, Disk};

/// Random numbers, the same in every run.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n as u64) as usize
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.below(256) as u8).collect()
    }
}

/// The ways in which a file of `len` bytes is damaged: what was done, and what is left.
pub fn damages(original: &[u8], flips: u64) -> Vec<(String, Vec<u8>)> {
    let mut damaged = vec![("empty".to_owned(), Vec::new()), ("foreign".to_owned(), b"not a database".to_vec())];
    let len = original.len();
    let lengths = (0..len).step_by(len / 37 + 1).chain([1, 8, 9, 63, 64, 319, 320, 4095, 4096, len - 1]);
    damaged.extend(lengths.map(|it| (format!("truncated at {it}"), original[..it].to_vec())));
    for seed in 1..=flips {
        let mut random = Random(seed * 0x9e37_79b9);
        let mut bytes = original.to_vec();
        // Most of a file is payload; half of the damage goes where the structure is.
        let near = if seed % 2 == 0 { len } else { 3 * 4096 };
        match seed % 3 {
            0 => bytes[random.below(near)] ^= 1 << random.below(8),
            1 => {
                let at = random.below(near - 16);
                bytes[at..at + 16].copy_from_slice(&random.bytes(16));
            }
            _ => {
                // A page of one place at another: every row in it is sound, and none belongs there.
                let pages = len / 4096;
                let (from, to) = (random.below(pages) * 4096, random.below(pages) * 4096);
                bytes.copy_within(from..from + 4096, to);
            }
        }
        damaged.push((format!("seed {seed}"), bytes));
    }
    damaged
}

/// What a store is filled with, and what it may answer.
pub struct Sample {
    pub traces: Vec<(Digest, Vec<Vec<u8>>)>,
    pub records: Vec<(Digest, u64)>,
    pub payloads: Vec<(Digest, Bytes)>,
}

impl Sample {
    pub fn new(seed: u64, n: usize) -> Self {
        let mut random = Random(seed + 1);
        let key = |kind: &str, n: usize| Digest::of(format!("{kind} {seed} {n}").as_bytes());
        let traces = (0..n).map(|it| {
            let traces = (0..1 + it % 3).map(|_| random.bytes(20 + it)).collect();
            (key("trace", it), traces)
        });
        let traces = traces.collect();
        let records = (0..n).map(|it| (stored_key(key("raw", it), "zstd 19"), it as u64)).collect();
        let payloads = (0..n).map(|it| {
            let len = [10, 700, 5_000, 20_000][it % 4] + it;
            let bytes: Bytes = random.bytes(len).into();
            (Digest::of(&bytes), bytes)
        });
        Self { traces, records, payloads: payloads.collect() }
    }

    pub fn put(&self, store: &Store) {
        for (key, traces) in &self.traces {
            traces.iter().rev().for_each(|it| store.put_trace(*key, it));
        }
        self.records.iter().for_each(|(key, it)| store.put_stored(*key, it));
        self.payloads.iter().for_each(|(digest, it)| store.put_bytes(*digest, it));
    }

    /// Asks for everything, makes sure that no answer is wrong, and returns how many there were.
    pub fn count(&self, store: &Store, what: &str) -> usize {
        let mut found = 0;
        for (key, expected) in &self.traces {
            let traces: Vec<Vec<u8>> = store.traces(*key);
            assert!(traces.is_empty() || traces == *expected, "{what}: a wrong trace");
            found += usize::from(!traces.is_empty());
        }
        for (key, expected) in &self.records {
            let record: Option<u64> = store.stored(*key);
            assert!(record.is_none_or(|it| it == *expected), "{what}: a wrong record");
            found += usize::from(record.is_some());
        }
        for (digest, expected) in &self.payloads {
            let bytes = store.bytes(*digest);
            assert!(bytes.as_ref().is_none_or(|it| it == expected), "{what}: a wrong payload");
            found += usize::from(bytes.is_some());
        }
        found
    }

    pub fn len(&self) -> usize {
        self.traces.len() + self.records.len() + self.payloads.len()
    }
}

pub const DIR: &str = "/ws/.packwright/cache";

/// Makes a file durable, name and all, as it is some time after it was written.
pub fn settle(disk: &MemorySystem, path: &str) {
    let bytes = disk.get(path).unwrap();
    disk.remove(path);
    disk.write(path, bytes);
}

/// Returns what power losses of every kind leave.
pub fn power_losses(disk: &MemorySystem, chances: u64) -> Vec<(String, MemorySystem)> {
    let kinds = [Unsynced::Lost, Unsynced::NamesKept, Unsynced::Torn];
    let kinds = kinds.into_iter().chain((1..=chances).map(Unsynced::ByChance));
    kinds.map(|it| (format!("power lost, {it:?}"), disk.after_power_loss_with(it))).collect()
}

pub fn store(disk: &MemorySystem) -> Store {
    Store::new(Arc::new(disk.clone()), Path::new(DIR), CacheMode::Write)
}

pub fn index(disk: &MemorySystem) -> Index {
    Index::load(Arc::new(disk.clone()), Path::new(DIR), CacheMode::Write)
}

/// Buckets by key; `version` decides the rows.
pub fn buckets(n: usize, version: u64) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut random = Random(version + 1);
    let row = |it: usize| (format!("assets/{it:04}").into_bytes(), random.bytes(500 + it));
    (0..n).map(row).collect()
}

/// Returns every bucket; none where one of them is lost, as whoever loads them all has it.
pub fn loaded(index: &Index) -> Vec<(Vec<u8>, Vec<u8>)> {
    let all = index.outlines().iter().enumerate();
    let rows: Option<Vec<_>> = all.map(|(nth, it)| Some((it.key.clone(), index.row(nth)?.to_vec()))).collect();
    rows.unwrap_or_else(|| {
        index.abandon();
        Vec::new()
    })
}

pub fn put(row: &(Vec<u8>, Vec<u8>)) -> PutBucket {
    PutBucket { key: row.0.clone(), note: vec![row.1.len() as u8], row: row.1.clone() }
}

pub fn put_buckets(rows: &[(Vec<u8>, Vec<u8>)]) -> Changes {
    Changes { buckets_put: rows.iter().map(put).collect(), ..Changes::default() }
}

/// Returns the codes of warnings, which are said once each.
pub fn codes(warnings: &[Diagnostic]) -> Vec<Code> {
    warnings.iter().map(|it| it.code).collect()
}

/// Names the part that the child process plays, and the directory it plays it in.
const ROLE: &str = "PACKWRIGHT_TEST_CACHE_CHILD";

/// A second process that shares a cache: this very test binary, told to run [`child_process`] only.
pub struct Peer {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
}

impl Peer {
    pub fn start(role: &str, dir: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["cache::testing::child_process", "--exact", "--nocapture"])
            .env(ROLE, format!("{role} {}", dir.display()))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// Waits until the child has said `word` once more; false when it has ended instead.
    pub fn wait_for(&mut self, word: &str) -> bool {
        // The first line shares its place with what the test harness prints.
        self.lines.by_ref().any(|line| line.unwrap().ends_with(word))
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for the end, and returns whether all went well.
    pub fn join(mut self) -> bool {
        self.lines.by_ref().for_each(drop);
        self.child.wait().unwrap().success()
    }
}

#[expect(clippy::print_stdout, reason = "the parent listens")]
fn tell(word: &str) {
    println!("{word}");
}

/// Not a test of its own: what a [`Peer`] does. Without a role it does nothing.
#[test]
#[expect(clippy::disallowed_methods, reason = "how else would a child know its part")]
fn child_process() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let mut words = role.splitn(3, ' ');
    let (part, seed) = (words.next().unwrap(), words.next().unwrap().parse::<u64>().unwrap());
    let dir = PathBuf::from(words.next().unwrap());
    let disk: Arc<dyn Disk> = Arc::new(OsSystem::new());
    match part {
        // Commits for ever, and is killed in the middle of it.
        "store-for-ever" => {
            for round in 0.. {
                let store = Store::new(disk.clone(), &dir, CacheMode::Write);
                Sample::new(seed + round, 8).put(&store);
                store.commit();
                tell("committed");
            }
        }
        "index-for-ever" => {
            for round in 0.. {
                let index = Index::load(disk.clone(), &dir, CacheMode::Write);
                assert_eq!(index.commit(&put_buckets(&buckets(12, round % 2))), Committed::Stored);
                tell("committed");
            }
        }
        // Dies with the transaction open.
        "abort" => {
            let file = super::db::DatabaseFile::new(disk, &dir, &super::store::SPEC, CacheMode::Write);
            file.write(|writer| {
                let mut rows = writer.table("stored")?;
                for it in 0..500_u32 {
                    rows.put(&it.to_le_bytes(), &[7; 3000])?;
                }
                std::process::abort();
            });
        }
        // Commits a few batches while others do the same.
        "store-some" => {
            for round in 0..12 {
                let store = Store::new(disk.clone(), &dir, CacheMode::Write);
                Sample::new(seed + round, 8).put(&store);
                store.commit();
                assert_eq!(store.warnings(), []);
                tell("committed");
            }
        }
        _ => panic!("no such part: {part}"),
    }
}
