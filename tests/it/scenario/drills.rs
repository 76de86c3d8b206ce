//! Drills: while a write command commits, somebody edits one of its files between any two steps. Their edit is there
//! afterwards, and unless it came when the commit was in force already, the command says conflict and did nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use packwright::internals::error::{Error, Result};
use packwright::internals::lane::{Commit, Lane};
use packwright::internals::model::RelPath;
use packwright::internals::system::Disk;
use packwright::internals::system::faulty::FaultyDisk;
use packwright::internals::system::memory::MemorySystem;
use packwright::internals::workspace::layout::Workspace;
use packwright::internals::write;

use super::support::{ROOT, World, at, engine};
use super::writes::{ALL_FORMS, plan};

const MINE: &[u8] = b"what somebody wrote";

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// A commit, and the files before and after it.
struct Drill {
    words: &'static [&'static str],
    start: MemorySystem,
    commit: Commit,
    before: Files,
    after: Files,
    /// The step by which it is in force, from 0.
    commit_point: usize,
    steps: usize,
}

impl Drill {
    fn new(world: &World, words: &'static [&'static str]) -> Self {
        let ws = Workspace::new(Arc::new(world.system.clone()), ROOT.into());
        let engine = engine(Arc::new(world.system.clone()), Path::new(ROOT));
        let planned = if words == ["undo"] { write::undo(&ws) } else { plan(&engine, &world.system, words) };
        let (start, commit) = (world.system.fork(), planned.expect("it can be done").commit);
        let disk = FaultyDisk::over(&start.fork());
        run(&disk, &commit).expect("nobody is in the way");
        let trace = disk.trace();
        let is_journal = |it: &String| it.starts_with("rename") && it.ends_with("/lane/journal");
        let commit_point = trace.iter().position(is_journal).expect("there is a journal");
        let (before, after) = (files(&start), files(disk.memory()));
        Self { words, start, commit, before, after, commit_point, steps: disk.steps() }
    }

    /// The files that the commit names: all but those of the registry, and of these one that changes and one that stays.
    fn victims(&self) -> Vec<RelPath> {
        let names = self.commit.changes.iter().map(|it| &it.path);
        let names: Vec<&RelPath> = names.chain(self.commit.moves.iter().flat_map(|it| [&it.from, &it.to])).collect();
        let is_line_file = |it: &&&RelPath| it.as_str().starts_with("packwright.registry/");
        let changes = |it: &&RelPath| self.before.get(&native(it)) != self.after.get(&native(it));
        let lines = |changed| names.iter().filter(is_line_file).find(move |it| changes(it) == changed);
        let others = names.iter().filter(|it| !is_line_file(it));
        others.chain(lines(true)).chain(lines(false)).map(|it| (*it).clone()).collect()
    }

    /// The other name of a file that moves.
    fn other_name(&self, path: &RelPath) -> Option<PathBuf> {
        let mut pairs = self.commit.moves.iter().flat_map(|it| [(&it.from, &it.to), (&it.to, &it.from)]);
        pairs.find(|it| it.0 == path).map(|it| native(it.1))
    }

    /// Commits while `victim` is edited after step `k`.
    fn run(&self, victim: &RelPath, k: usize) {
        let path = native(victim);
        let disk = FaultyDisk::over(&self.start.fork()).after_step(k, {
            let path = path.clone();
            move |it| edit(it, &path, k.is_multiple_of(2))
        });
        let outcome = run(&disk, &self.commit);
        let what =
            format!("{:?}: `{victim}` edited after step {k}, {:?}: {outcome:?}", self.words, disk.trace().get(k));
        let mut now = files(disk.memory());
        assert!(now.values().any(|it| it == MINE), "{what}: the edit is gone");
        let expected = match outcome {
            Ok(_) if k >= self.commit_point => &self.after,
            Err(Error::Conflict { .. }) => &self.before,
            _ => panic!("{what}"),
        };
        // The edited file apart, under either name.
        let other = self.other_name(victim);
        let is_another = |it: &Path| it != path && Some(it) != other.as_deref();
        now.retain(|it, _| is_another(it));
        let expected: Files =
            expected.iter().filter(|it| is_another(it.0)).map(|it| (it.0.clone(), it.1.clone())).collect();
        assert!(now == expected, "{what}: {:?}", now.keys().collect::<Vec<_>>());
    }
}

/// Writes into the file that is there, or puts another in its place as most editors do.
fn edit(memory: &MemorySystem, path: &Path, is_replaced: bool) {
    if is_replaced {
        memory.write(at("/theirs.tmp"), MINE);
        memory.rename(at("/theirs.tmp"), path);
    } else {
        memory.write(path, MINE);
    }
}

fn run(disk: &dyn Disk, commit: &Commit) -> Result<Option<u64>> {
    Lane::acquire(disk, Path::new(ROOT), "test", 1, Duration::ZERO)?.commit(commit.clone())
}

fn native(path: &RelPath) -> PathBuf {
    Path::new(ROOT).join(path.as_str())
}

/// What is committed to version control.
fn files(memory: &MemorySystem) -> Files {
    let own = ["/.packwright", "/build"].map(at);
    memory.snapshot().into_iter().filter(|it| !own.iter().any(|own| it.0.starts_with(own))).collect()
}

#[test]
fn an_edit_between_any_two_steps_of_a_command_is_kept_and_told() {
    let mut world = World::new();
    world.run(ALL_FORMS);
    world.system.write(at("/assets/texts/new.txt"), "new");
    world.system.settle();
    let mut done = 0;
    for words in [
        &["register", "assets/texts/new.txt"][..],
        &["rename", "assets/texts/b.txt", "bee"],
        &["move", "assets/dialog", "assets/deep/"],
        &["exclude", "assets/data.bin"],
        &["remove", "assets/data.bin"],
        &["undo"],
    ] {
        let drill = Drill::new(&world, words);
        for victim in drill.victims() {
            (0..drill.steps).for_each(|k| drill.run(&victim, k));
            done += drill.steps;
        }
        if words[0] == "move" {
            run(&world.system, &drill.commit).expect("nobody is in the way");
        }
    }
    assert!(done > 1000, "{done} edits");
}
