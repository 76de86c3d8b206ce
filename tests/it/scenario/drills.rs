//! Drills: while a write command commits, somebody edits one of its files between any two calls, be it that the command
//! writes or only looks. Their edit is there afterwards, and unless it came when the commit was in force already, the command says conflict and did nothing.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use packwright::internals::build::Options;
use packwright::internals::build::inspect::Asset;
use packwright::internals::error::{Error, Result};
use packwright::internals::lane::{self, Commit, Lane};
use packwright::internals::model::RelPath;
use packwright::internals::system::faulty::FaultyDisk;
use packwright::internals::system::memory::MemorySystem;
use packwright::internals::system::{Disk, System as _};
use packwright::internals::workspace::layout::Workspace;
use packwright::internals::write::{self, Plan};

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
    points: Points,
    /// The step by which it is in force, from 0.
    commit_step: usize,
    calls: usize,
    steps: usize,
}

/// Calls of a commit, from 0.
struct Points {
    /// By this one it begins to write what is to be.
    first_write: usize,
    /// After this one it only looks once more before it is in force.
    last_write: usize,
    /// By this one it is in force.
    commit: usize,
}

impl Points {
    /// Returns those of the commit that this disk has seen, and which step the last is; `None` where it came to none.
    fn of(disk: &FaultyDisk) -> Option<(Self, usize)> {
        let trace = disk.trace();
        let is_write = |it: &String| ["/lane/stage/", "/lane/undo/"].iter().any(|dir| it.contains(dir));
        let is_journal = |it: &String| it.starts_with("rename") && it.ends_with("/lane/journal");
        let first_write = disk.call_of(trace.iter().position(is_write)?)?;
        let step = trace.iter().position(is_journal)?;
        let points = Self { first_write, last_write: disk.call_of(step - 1)?, commit: disk.call_of(step)? };
        Some((points, step))
    }
}

impl Drill {
    fn new(world: &World, words: &'static [&'static str]) -> Self {
        let ws = Workspace::new(Arc::new(world.system.clone()), ROOT.into());
        let engine = engine(Arc::new(world.system.clone()), Path::new(ROOT));
        let planned = if words == ["undo"] { write::undo(&ws) } else { plan(&engine, &world.system, words) };
        let (start, commit) = (world.system.fork(), planned.expect("it can be done").commit);
        let disk = FaultyDisk::over(&start.fork());
        run(&disk, &commit).expect("nobody is in the way");
        let (points, commit_step) = Points::of(&disk).expect("something is written, and there is a journal");
        let (before, after) = (files(&start), files(disk.memory()));
        let (calls, steps) = (disk.calls(), disk.steps());
        Self { words, start, commit, before, after, points, commit_step, calls, steps }
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

    /// Returns whether the commit may be in force although `victim` was edited before call `k`: it was in force already, or
    /// nothing but a last look was left to do, and that file is none that it changes.
    fn may_be_done(&self, points: &Points, victim: &RelPath, k: usize) -> bool {
        let path = native(victim);
        k > points.commit || k > points.last_write && self.before.get(&path) == self.after.get(&path)
    }

    /// Runs the whole command, which may plan again, while `victim` is edited before call `k`: once it has begun to write
    /// what it planned, it only says conflict. Returns whether it planned again.
    fn command(&self, victim: &RelPath, k: usize) -> bool {
        let path = native(victim);
        let disk = FaultyDisk::over(&self.start.fork());
        let disk = Arc::new(disk.before_call(k, move |it| edit(it, &path, k.is_multiple_of(2))));
        let ws = Workspace::new(disk.clone(), ROOT.into());
        let moment = lane::moment(&*disk, &ws.root).expect("it can be read");
        let n_plans = Cell::new(0);
        let planned = Plan { commit: self.commit.clone(), ..Plan::default() };
        let mut plan_again = || {
            n_plans.set(n_plans.get() + 1);
            let memory = disk.memory();
            plan(&engine(Arc::new(memory.clone()), Path::new(ROOT)), memory, self.words)
        };
        let lane = || Lane::acquire(&*disk, Path::new(ROOT), "test", 1, Duration::ZERO);
        let outcome = write::under_lane(&ws, &moment, Some(planned), lane, &mut plan_again, |it| write::look(&ws, it));
        let outcome = outcome.map(|it| it.number);
        let what = format!("{:?}: `{victim}` edited before call {k}", self.words);
        assert!(files(disk.memory()).values().any(|it| it == MINE), "{what}: the edit is gone");
        let points = Points::of(&disk).map(|it| it.0);
        match (n_plans.get(), outcome, points) {
            (0, Ok(_), Some(it)) => assert!(self.may_be_done(&it, victim, k), "{what}: nobody is told"),
            (0, Err(Error::Conflict { .. }), _) => {}
            (1, _, it) => assert!(it.is_none_or(|it| k <= it.first_write), "{what}: planned again, once it wrote"),
            (n, outcome, _) => panic!("{what}: {outcome:?}, planned {n} times"),
        }
        n_plans.get() > 0
    }

    /// Commits while `victim` is edited before call `k`, in place or by putting another file there.
    fn run(&self, victim: &RelPath, k: usize, is_replaced: bool) {
        let path = native(victim);
        let disk = FaultyDisk::over(&self.start.fork()).before_call(k, {
            let path = path.clone();
            move |it| edit(it, &path, is_replaced)
        });
        let outcome = run(&disk, &self.commit);
        let what = format!("{:?}: `{victim}` edited before call {k}, {is_replaced}: {outcome:?}", self.words);
        let mut now = files(disk.memory());
        assert!(now.values().any(|it| it == MINE), "{what}: the edit is gone");
        let expected = match outcome {
            Ok(_) if self.may_be_done(&self.points, victim, k) => &self.after,
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
fn an_edit_between_any_two_calls_of_a_command_is_kept_and_told() {
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
            for is_replaced in [false, true] {
                (0..drill.calls).for_each(|k| drill.run(&victim, k, is_replaced));
                done += drill.calls;
            }
        }
        if words[0] == "move" {
            run(&world.system, &drill.commit).expect("nobody is in the way");
        }
    }
    assert!(done > 5000, "{done} edits");
}

#[test]
fn a_command_plans_again_only_before_it_writes() {
    let mut world = World::new();
    world.run(ALL_FORMS);
    world.system.settle();
    let mut n_again = 0;
    for words in [&["rename", "assets/texts/b.txt", "bee"][..], &["exclude", "assets/data.bin"]] {
        let drill = Drill::new(&world, words);
        for victim in drill.victims() {
            n_again += (0..drill.calls).filter(|k| drill.command(&victim, *k)).count();
        }
    }
    assert!(n_again > 0, "a plan that was old was made anew");
}

/// Whoever looks at a workspace while somebody commits sees all of it before or after, at once, and writes nothing.
#[test]
fn readers_in_the_middle_of_a_commit_see_before_or_after() {
    let mut world = World::new();
    world.run(ALL_FORMS);
    world.system.settle();
    let look = |memory: &MemorySystem| {
        let engine = engine(Arc::new(memory.clone()), Path::new(ROOT));
        let start = memory.now(Path::new(ROOT)).now_ns;
        let inspection = engine.inspect(&Options::default()).expect("sound");
        let report = engine.check(&Options::default()).expect("sound");
        assert_eq!((report.registered.len(), memory.now(Path::new(ROOT)).now_ns), (0, start), "nobody waits");
        let asset = |it: &Asset| format!("{:?} {} {}", it.identity, it.place, it.name);
        let assets: Vec<String> = inspection.assets.iter().map(asset).collect();
        format!("{assets:#?}\n{} {:?}", report.entries(), inspection.diagnostics)
    };
    for words in [&["rename", "assets/texts/b.txt", "bee"][..], &["move", "assets/dialog", "assets/deep/"]] {
        let drill = Drill::new(&world, words);
        let done = drill.start.fork();
        run(&done, &drill.commit).expect("nobody is in the way");
        let wanted = [look(&drill.start.fork()), look(&done)];
        assert_ne!(wanted[0], wanted[1]);
        for k in 0..drill.steps {
            let (expected, words) = (wanted[usize::from(k >= drill.commit_step)].clone(), drill.words);
            let disk = FaultyDisk::over(&drill.start.fork()).after_step(k, move |memory| {
                let cache = |memory: &MemorySystem| -> Files {
                    memory.snapshot().into_iter().filter(|it| it.0.starts_with(at("/.packwright/cache"))).collect()
                };
                let is_midway = memory.get(at("/.packwright/lane/journal")).is_some();
                let before = cache(memory);
                let seen = look(memory);
                assert_eq!(seen, expected, "{words:?}: step {k}");
                assert!(!is_midway || cache(memory) == before, "{words:?}: step {k}: it is not there yet");
            });
            run(&disk, &drill.commit).expect("nobody is in the way");
            assert_eq!(look(disk.memory()), wanted[1], "{words:?}: step {k}");
        }
    }
}

/// The same where the one who committed is dead, and nothing can be written: neither finished nor taken back.
#[test]
fn readers_of_a_read_only_workspace_see_what_will_be() {
    let mut world = World::new();
    world.run(ALL_FORMS);
    world.system.settle();
    let places = |memory: &MemorySystem| -> Vec<String> {
        let engine = engine(Arc::new(memory.clone()), Path::new(ROOT));
        let inspection = engine.inspect(&Options::default()).expect("sound");
        inspection.assets.iter().map(|it| it.place.to_string()).collect()
    };
    let drill = Drill::new(&world, &["move", "assets/dialog", "assets/deep/"]);
    let done = drill.start.fork();
    run(&done, &drill.commit).expect("nobody is in the way");
    for k in drill.commit_step + 1..drill.steps {
        let disk = FaultyDisk::over(&drill.start.fork()).fail_at(k);
        drop(run(&disk, &drill.commit));
        let left = disk.memory().fork();
        left.set_read_only(true);
        assert_eq!(places(&left), places(&done), "step {k}");
    }
}
