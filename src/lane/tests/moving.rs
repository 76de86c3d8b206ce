//! Commits that move, change, create and remove files at once, and the commits that revert them: killed at every step,
//! under edits between any two, seen by readers at every moment, with and without second names for files.

use super::*;
use crate::lane::read::View;
use crate::lane::{Obstacle, Reversal, reversal, undo};

type Files = BTreeMap<PathBuf, Vec<u8>>;

fn path(text: &str) -> RelPath {
    RelPath::new(text).expect("normal")
}

fn native(text: &str) -> PathBuf {
    root().join(text)
}

fn files(all: &[(&str, &str)]) -> Files {
    all.iter().map(|(path, bytes)| (native(path), bytes.as_bytes().to_vec())).collect()
}

/// Two files move out of a directory that is then empty, one of them into a new one; others change, come and go.
const BEFORE: &[(&str, &str)] = &[
    ("assets/hero/idle.png", "idle"),
    ("assets/hero/asset.json", "{ }"),
    ("assets/map.json", "hero/idle.png"),
    ("assets/old.txt", "old"),
    ("assets/old/er.txt", "older"),
];
const AFTER: &[(&str, &str)] = &[
    ("assets/cast/lead/idle.png", "idle"),
    ("assets/asset.json", "{ }"),
    ("assets/map.json", "cast/lead/idle.png"),
    ("assets/new/er.txt", "newer"),
];

fn workspace() -> MemorySystem {
    let memory = MemorySystem::new();
    files(BEFORE).into_iter().for_each(|(path, bytes)| memory.write(path, bytes));
    // Long enough after that, stamps tell whether a file that moves was touched.
    memory.settle();
    memory
}

fn change(to: &str, before: Option<&str>, after: Option<&str>) -> Change {
    let expect = before.map(|it| Digest::of(it.as_bytes()));
    Change { path: path(to), expect, content: after.map(|it| it.as_bytes().to_vec()) }
}

fn moved(from: &str, to: &str, bytes: &str) -> Move {
    Move { from: path(from), to: path(to), expect: Digest::of(bytes.as_bytes()) }
}

fn restructuring() -> Commit {
    Commit {
        changes: vec![
            change("assets/map.json", Some("hero/idle.png"), Some("cast/lead/idle.png")),
            change("assets/new/er.txt", None, Some("newer")),
            change("assets/old.txt", Some("old"), None),
            change("assets/old/er.txt", Some("older"), None),
        ],
        moves: vec![
            moved("assets/hero/idle.png", "assets/cast/lead/idle.png", "idle"),
            moved("assets/hero/asset.json", "assets/asset.json", "{ }"),
        ],
        make: vec![path("assets/cast/void"), path("assets")],
        prune: vec![path("assets/hero"), path("assets/old")],
        ..Commit::new("move 1 asset")
    }
}

/// What the author's files hold.
fn authored(memory: &MemorySystem) -> Files {
    let own = Home::new(root()).own();
    memory.snapshot().into_iter().filter(|it| !it.0.starts_with(&own)).collect()
}

/// The directories that hold nothing.
fn empty_dirs(memory: &MemorySystem) -> Vec<PathBuf> {
    let mut empty = Vec::new();
    let mut todo = vec![native("assets")];
    while let Some(dir) = todo.pop() {
        let entries = memory.open_dir(&dir).and_then(|it| it.list(Path::new(""))).expect("a directory");
        if entries.is_empty() {
            empty.push(dir.clone());
        }
        todo.extend(entries.into_iter().filter(|it| it.kind == FileKind::Dir).map(|it| dir.join(it.name)));
    }
    empty
}

/// A workspace, what is done to it, and what must come of that.
struct Case {
    memory: MemorySystem,
    work: fn(&dyn Disk) -> Result<Option<u64>>,
    before: Files,
    after: Files,
}

fn restructure(disk: &dyn Disk) -> Result<Option<u64>> {
    acquire(disk)?.commit(restructuring())
}

fn revert(disk: &dyn Disk) -> Result<Option<u64>> {
    let mut lane = acquire(disk)?;
    let log = log(disk, root())?;
    let entry = log.entry(1).expect("it was committed");
    lane.commit(reversal(disk, root(), &log, entry, &|_| true, &|_| None)?.commit)
}

fn cases() -> [Case; 2] {
    let (before, after) = (files(BEFORE), files(AFTER));
    let done = workspace();
    restructure(&done).expect("no fault");
    done.settle();
    [
        Case { memory: workspace(), work: restructure, before: before.clone(), after: after.clone() },
        Case { memory: done.after_power_loss(), work: revert, before: after, after: before },
    ]
}

impl Case {
    fn judge(&self, now: &Files) -> Option<State> {
        if *now == self.before { Some(State::Before) } else { (*now == self.after).then_some(State::After) }
    }

    /// What the files themselves hold.
    fn state(&self, memory: &MemorySystem, what: &str) -> State {
        let now = authored(memory);
        self.judge(&now).unwrap_or_else(|| panic!("{what}: torn: {now:?}"))
    }

    /// What a reader sees.
    fn seen(&self, sys: &dyn System, what: &str) -> State {
        let all: BTreeSet<&PathBuf> = self.before.keys().chain(self.after.keys()).collect();
        let relative = |it: &&PathBuf| path(it.strip_prefix(root()).expect("below").to_str().expect("ASCII"));
        let paths: Vec<RelPath> = all.iter().map(relative).collect();
        let contents = read_through(sys, root(), &paths).expect("readers are never in the way");
        let now = all.into_iter().cloned().zip(contents).filter_map(|(path, it)| Some((path, it?))).collect();
        self.judge(&now).unwrap_or_else(|| panic!("{what}: torn for a reader: {now:?}"))
    }

    /// Opens a workspace after a crash.
    fn recover(&self, world: &MemorySystem, what: &str) -> State {
        let seen = self.recover_files(world, what);
        let is_restructured = (self.after == files(AFTER)) == (seen == State::After);
        let expected = if is_restructured { vec![native("assets/cast/void")] } else { Vec::new() };
        assert_eq!(empty_dirs(world), expected, "{what}");
        seen
    }

    fn recover_files(&self, world: &MemorySystem, what: &str) -> State {
        let seen = self.seen(world, what);
        drop(acquire(world).expect("nothing fails any more"));
        assert_eq!(self.state(world, what), seen, "{what}: a reader saw what recovery made");
        assert_eq!(*acquire(world).expect("free").recovered(), Recovery::Nothing, "{what}");
        let log = log(world, root()).expect("readable");
        let is_restructured = (self.after == files(AFTER)) == (seen == State::After);
        assert_eq!(log.entries.len() % 2 == 1, is_restructured, "{what}: the log says what was done");
        assert_eq!(log.odd_lines, [0; 0], "{what}");
        seen
    }

    fn die_everywhere(&self, torn: bool, power_fails: bool) -> usize {
        // Many steps leave the same disk, and one look is enough.
        let mut known = BTreeSet::new();
        for k in 0.. {
            let disk = FaultyDisk::over(&self.memory.fork());
            let disk = if torn { disk.fail_torn_at(k) } else { disk.fail_at(k) };
            let done = (self.work)(&disk).is_ok();
            // Only what is written can be torn.
            if torn && !done && disk.trace().last().is_some_and(|it| !it.starts_with("write")) {
                continue;
            }
            let mut worlds = worlds(disk.memory(), k as u64);
            worlds.truncate(if power_fails { usize::MAX } else { 1 });
            for (n, world) in worlds.iter().enumerate() {
                let what = format!("step {k}, {:?}, world {n}", disk.trace().last());
                if n > 0 && !known.insert((done, world.snapshot())) {
                    continue;
                }
                // Without a journal recovery only clears what was staged, and every fourth of those is enough.
                if !k.is_multiple_of(4) && world.get(Home::new(root()).journal()).is_none() {
                    assert!(self.recover(world, &what) == State::After || !done, "{what}: success was reported");
                    continue;
                }
                for j in 0.. {
                    let again = FaultyDisk::over(&world.fork()).fail_at(j);
                    let recovered = acquire(&again).is_ok();
                    let left = again.memory();
                    let lost = power_fails.then(|| left.after_power_loss_with(Unsynced::ByChance((k * 31 + j) as u64)));
                    for world in lost.into_iter().chain([left.fork()]) {
                        let state = self.recover(&world, &format!("{what}, recovery step {j}"));
                        assert!(state == State::After || !done, "{what}: success was reported");
                    }
                    if recovered {
                        break;
                    }
                }
            }
            if done {
                return k;
            }
        }
        unreachable!("the loop ends when nothing fails")
    }
}

#[test]
fn killed_at_any_step_and_again_in_recovery_files_have_one_place() {
    for case in cases() {
        let steps = case.die_everywhere(false, true);
        assert!(steps > 50, "{steps} steps");
        case.die_everywhere(true, true);
    }
}

#[test]
fn killed_at_any_step_where_files_have_one_name() {
    for case in cases() {
        case.memory.forbid_links();
        case.die_everywhere(false, false);
    }
}

#[test]
fn an_error_at_any_step_moves_all_or_nothing() {
    for case in cases() {
        for kind in [ErrorKind::StorageFull, ErrorKind::Interrupted, ErrorKind::Other, ErrorKind::CrossesDevices] {
            for k in 0.. {
                let disk = FaultyDisk::over(&case.memory.fork()).fail_once_at(k, kind);
                let outcome = (case.work)(&disk);
                let what = format!("{kind:?} at step {k}, {:?}: {outcome:?}", disk.trace().get(k));
                assert!(matches!(outcome, Ok(_) | Err(Error::Io { .. })), "{what}");
                // A directory that could not be removed when it was empty stays.
                let is_left = disk.trace().get(k).is_some_and(|it| it.starts_with("remove_dir"));
                for world in worlds(disk.memory(), k as u64) {
                    let recover = if is_left { Case::recover_files } else { Case::recover };
                    let state = recover(&case, &world, &what);
                    assert!(state == State::After || outcome.is_err(), "{what}");
                }
                if disk.steps() <= k {
                    break;
                }
            }
        }
    }
}

#[test]
fn readers_see_moved_files_at_one_place_at_every_moment() {
    for case in cases() {
        let counted = FaultyDisk::over(&case.memory.fork());
        (case.work)(&counted).expect("no fault");
        let case = Arc::new(case);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut disk = FaultyDisk::over(&case.memory.fork());
        for k in 0..counted.steps() {
            let (case, seen) = (case.clone(), seen.clone());
            disk = disk.after_step(k, move |it| {
                seen.lock().expect("no panic").push(case.seen(it, &format!("step {k}")));
            });
        }
        (case.work)(&disk).expect("no fault");
        let seen = seen.lock().expect("no panic");
        let turn = seen.iter().position(|it| *it == State::After).expect("it was done");
        assert!(turn > 0 && seen[turn..].iter().all(|it| *it == State::After), "there is one commit point");
    }
}

/// What all of a workspace looks like through a sight: contents of files, and the directories with nothing in them.
fn all_seen(sight: &Sight) -> (Files, Vec<PathBuf>) {
    let (mut files, mut empty, mut todo) = (Files::new(), Vec::new(), vec![native("assets")]);
    while let Some(dir) = todo.pop() {
        let handle = sight.disk().open_dir(&dir).expect("it is listed");
        let entries = handle.list(Path::new("")).expect("it was opened");
        if entries.is_empty() {
            empty.push(dir.clone());
        }
        for entry in entries {
            let path = dir.join(&entry.name);
            match handle.stat(Path::new(&entry.name)).expect("it is listed").kind {
                FileKind::Dir => todo.push(path),
                _ => drop(files.insert(path.clone(), sight.disk().read(&path, 100).expect("it is listed"))),
            }
        }
    }
    (files, empty)
}

/// Does the work while somebody looks at all of the workspace after every step, by the sights that they had after this
/// and the last steps; `edited` is changed after some step, if any. Returns how often a sight stood, by whether it was
/// quiet and which state it showed.
fn with_sights(case: &Arc<Case>, edited: Option<usize>) -> BTreeMap<(bool, bool), usize> {
    let victim = native("assets/map.json");
    let sights: Arc<Mutex<Vec<Sight>>> = Arc::default();
    let stood: Arc<Mutex<BTreeMap<(bool, bool), usize>>> = Arc::default();
    let mut disk = FaultyDisk::over(&case.memory.fork());
    for k in 0..120 {
        let (case, sights, stood, victim) = (case.clone(), sights.clone(), stood.clone(), victim.clone());
        disk = disk.after_step(k, move |memory| {
            if edited == Some(k) {
                Edit::Replaced.make(memory, &victim);
            }
            let shared: Arc<dyn Disk> = Arc::new(memory.clone());
            let mut sights = sights.lock().expect("no panic");
            match Sight::of(&shared, root()) {
                Ok(sight) => sights.push(sight),
                Err(Error::Busy { .. }) if edited.is_some_and(|it| it <= k) => {}
                Err(error) => panic!("step {k}, edited after {edited:?}: {error}"),
            }
            for sight in sights.iter().rev().take(8).filter(|it| it.stands().expect("readable")) {
                let (mut files, _) = all_seen(sight);
                let mut wanted = [&case.before, &case.after].map(Clone::clone);
                // Somebody's edit apart, it is one of the two.
                if edited.is_some_and(|it| it <= k) {
                    wanted.iter_mut().chain([&mut files]).for_each(|it| drop(it.remove(&victim)));
                }
                let state = wanted.iter().position(|it| *it == files);
                let state = state.unwrap_or_else(|| panic!("step {k}, edited after {edited:?}: torn: {files:?}"));
                *stood.lock().expect("no panic").entry((sight.is_quiet(), state == 1)).or_default() += 1;
            }
        });
    }
    let outcome = (case.work)(&disk);
    assert!(disk.steps() < 120 && (outcome.is_ok() || edited.is_some()), "{outcome:?}");
    let stood = stood.lock().expect("no panic");
    stood.clone()
}

/// Somebody who looks at all of a workspace one by one, while a commit goes on for some steps, has seen one state of it
/// or is told to look again.
#[test]
fn a_sight_shows_one_state_for_as_long_as_it_stands() {
    for case in cases().map(Arc::new) {
        let stood = with_sights(&case, None);
        assert!(stood[&(false, true)] > 20 && stood[&(true, false)] > 20, "{stood:?}");
        assert_eq!(stood.get(&(false, false)), None, "what is in the journal will be");
    }
}

/// The same, where somebody edits a file of the commit, which then goes on or is taken back.
#[test]
fn a_sight_does_not_stand_once_it_is_in_doubt_what_will_be() {
    let [case, _] = cases().map(Arc::new);
    (0..60).for_each(|it| drop(with_sights(&case, Some(it))));
}

/// The same, where whoever committed is dead.
#[test]
fn a_sight_shows_what_recovery_makes() {
    let [case, _] = cases();
    let victim = native("assets/map.json");
    let mut taken_back = 0;
    for k in 0.. {
        let disk = FaultyDisk::over(&case.memory.fork()).fail_at(k);
        let is_done = (case.work)(&disk).is_ok();
        for is_edited in [false, true] {
            let world = disk.memory().fork();
            if is_edited {
                Edit::Replaced.make(&world, &victim);
            }
            let shared: Arc<dyn Disk> = Arc::new(world.clone());
            let sight = Sight::of(&shared, root()).expect("readable");
            let (seen, empty) = all_seen(&sight);
            assert!(sight.stands().expect("readable"));
            let was_quiet = sight.is_quiet();
            let recovery = acquire(&world).expect("nothing fails any more").recovered().clone();
            taken_back += usize::from(matches!(recovery, Recovery::TakenBack { .. }));
            assert_eq!(seen, authored(&world), "step {k}, edited {is_edited}: {recovery:?}");
            assert_eq!(empty, empty_dirs(&world), "step {k}, edited {is_edited}: {recovery:?}");
            assert!(was_quiet || !sight.stands().expect("readable"), "step {k}, edited {is_edited}: {recovery:?}");
        }
        if is_done {
            break;
        }
    }
    assert!(taken_back > 10, "{taken_back}");
}

/// How somebody changes a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Edit {
    /// Into the file that is there.
    InPlace,
    /// A new file takes the name.
    Replaced,
    Removed,
}

impl Edit {
    fn make(self, memory: &MemorySystem, victim: &Path) {
        match self {
            Self::InPlace => memory.write(victim, b"mine"),
            Self::Replaced => {
                memory.write("/ws/mine.tmp", b"mine");
                memory.rename("/ws/mine.tmp", victim);
            }
            Self::Removed if memory.get(victim).is_some() => memory.remove(victim),
            Self::Removed => {}
        }
    }
}

/// Does the work while somebody edits one file before call `k`; returns whether there is such a call.
fn with_an_edit(case: &Case, k: usize, victim: &Path, edit: Edit) -> bool {
    let at = victim.to_owned();
    let was_there = Arc::new(Mutex::new(false));
    let seen = was_there.clone();
    let disk = FaultyDisk::over(&case.memory.fork()).before_call(k, move |it| {
        *seen.lock().expect("no panic") = it.get(&at).is_some();
        edit.make(it, &at);
    });
    let outcome = (case.work)(&disk);
    let memory = disk.memory();
    let what = format!("call {k}, {edit:?} {}: {outcome:?}", victim.display());
    let mut now = authored(memory);
    let is_removed = edit == Edit::Removed && *was_there.lock().expect("no panic");
    if edit == Edit::Removed {
        assert!(!is_removed || !now.contains_key(victim), "{what}: it stays removed");
    } else if disk.calls() > k {
        assert!(now.values().any(|it| it == b"mine"), "{what}: the author's bytes survive: {now:?}");
    }
    // The one file apart, it is one of the two states.
    let mut is = |state: &Files| {
        let mut state = state.clone();
        now.retain(|path, bytes| path != victim && bytes != b"mine");
        state.retain(|path, _| now.contains_key(path) || !(path == victim || other_name(path) == victim));
        now.iter().filter(|it| other_name(it.0) != victim).eq(state.iter().filter(|it| other_name(it.0) != victim))
    };
    match &outcome {
        Ok(_) => assert!(is(&case.after), "{what}: {:?}", authored(memory)),
        Err(Error::Conflict { .. }) => assert!(is(&case.before), "{what}: {:?}", authored(memory)),
        Err(other) => panic!("{what}: {other}"),
    }
    assert_eq!(*acquire(memory).expect("free").recovered(), Recovery::Nothing, "{what}");
    disk.calls() > k
}

/// The other name of a file that moves, or its own.
fn other_name(path: &Path) -> PathBuf {
    let pairs =
        [("assets/hero/idle.png", "assets/cast/lead/idle.png"), ("assets/hero/asset.json", "assets/asset.json")];
    let found = pairs.iter().find_map(|(a, b)| match path {
        it if it == native(a) => Some(native(b)),
        it if it == native(b) => Some(native(a)),
        _ => None,
    });
    found.unwrap_or_else(|| path.to_owned())
}

#[test]
fn an_edit_between_any_two_steps_of_a_move_survives() {
    for case in cases() {
        let victims: BTreeSet<&PathBuf> = case.before.keys().chain(case.after.keys()).collect();
        for victim in victims {
            for edit in [Edit::InPlace, Edit::Replaced, Edit::Removed] {
                let calls = (0..).take_while(|k| with_an_edit(&case, *k, victim, edit)).count();
                assert!(calls > 100, "the edit was made before all {calls} calls");
            }
        }
    }
}

#[test]
fn a_large_file_moves_without_being_read_into_memory_or_written() {
    let memory = workspace();
    memory.write(native("assets/large.bin"), vec![7; 3 << 20]);
    let expect = Digest::of(&vec![7; 3 << 20]);
    let moves = vec![Move { from: path("assets/large.bin"), to: path("assets/far/off.bin"), expect }];
    let before = memory.counters().counts();
    acquire(&memory).and_then(|mut it| it.commit(Commit { moves, ..Commit::new("move 1 asset") })).expect("no fault");
    assert!(memory.counters().counts().since(before).bytes_written < 4096);
    assert_eq!(memory.get(native("assets/far/off.bin")).map(|it| it.len()), Some(3 << 20));
    assert_eq!(memory.get(native("assets/large.bin")), None);
}

#[test]
fn another_file_system_is_moved_to_by_copying() {
    for case in cases() {
        case.memory.forbid_links();
        let trace = {
            let disk = FaultyDisk::over(&case.memory.fork());
            (case.work)(&disk).expect("no fault");
            disk.trace()
        };
        let renames = trace.iter().enumerate().filter(|it| it.1.starts_with("rename /ws/assets"));
        for (k, _) in renames {
            let disk = FaultyDisk::over(&case.memory.fork()).fail_once_at(k, ErrorKind::CrossesDevices);
            (case.work)(&disk).expect("the rename is not the only way");
            assert_eq!(case.state(disk.memory(), "copied"), State::After);
        }
    }
}

#[test]
fn permission_bits_stay() {
    let memory = workspace();
    memory.set_mode(native("assets/map.json"), 0o640);
    memory.set_mode(native("assets/old.txt"), 0o600);
    memory.set_mode(native("assets/hero/idle.png"), 0o444);
    restructure(&memory).expect("no fault");
    assert_eq!(memory.stamp(native("assets/map.json")).mode, 0o640);
    assert_eq!(memory.stamp(native("assets/cast/lead/idle.png")).mode, 0o444);
    revert(&memory).expect("no fault");
    assert_eq!(memory.stamp(native("assets/map.json")).mode, 0o640);
    assert_eq!(authored(&memory), files(BEFORE));
}

#[test]
fn directories_with_nothing_left_in_them_go_where_that_is_wished() {
    let memory = MemorySystem::new();
    for path in ["/ws/assets/a/b/one", "/ws/assets/a/two", "/ws/assets/c/three", "/ws/other/d/four"] {
        memory.write(path, "x");
    }
    memory.mkdir("/ws/assets/a/empty/er");
    let remove = |text: &str| change(text, Some("x"), None);
    let wished = ["assets/a", "assets/a/b", "assets/a/empty", "assets/a/empty/er", "assets/c", "assets/gone"];
    let commit = Commit {
        changes: vec![remove("assets/a/b/one"), remove("assets/c/three"), remove("other/d/four")],
        moves: vec![moved("assets/a/two", "assets/e/f/two", "x")],
        prune: wished.map(path).into(),
        ..Commit::new("tidy")
    };
    acquire(&memory).expect("free").commit(commit).expect("as expected");
    let is_there = |path: &str| memory.stat(Path::new(path)).is_ok();
    assert!(["/ws/assets/a", "/ws/assets/c"].iter().all(|it| !is_there(it)));
    assert!(["/ws/assets/e/f/two", "/ws/other/d"].iter().all(|it| is_there(it)));
}

#[test]
fn directories_that_still_hold_something_stay() {
    let memory = workspace();
    memory.write(native("assets/hero/.notes"), b"mine");
    restructure(&memory).expect("no fault");
    assert_eq!(memory.get(native("assets/hero/.notes")), Some(b"mine".to_vec()));
    assert_eq!(empty_dirs(&memory), [native("assets/cast/void")]);
}

#[test]
fn what_is_to_be_moved_onto_something_is_refused() {
    let memory = workspace();
    for (from, to, bytes) in [
        ("assets/old.txt", "assets/map.json", "old"),
        ("assets/old.txt", "assets/x", "young"),
        ("assets/gone", "assets/x", "old"),
    ] {
        let commit = Commit { moves: vec![moved(from, to, bytes)], ..Commit::new("") };
        let outcome = acquire(&memory).and_then(|mut it| it.commit(commit));
        assert!(matches!(outcome, Err(Error::Conflict { .. })), "{from} to {to}: {outcome:?}");
    }
    let (a, b) = (moved("assets/old.txt", "assets/x", "old"), moved("assets/x", "assets/y", "old"));
    let outcome = acquire(&memory).and_then(|mut it| it.commit(Commit { moves: vec![a, b], ..Commit::new("") }));
    assert!(matches!(outcome, Err(Error::Io { .. })), "{outcome:?}");
    assert_eq!(authored(&memory), files(BEFORE));
}

#[test]
fn undo_goes_back_step_by_step_until_nothing_is_kept() {
    let memory = workspace();
    let mut text = "0".to_owned();
    let set = |before: Option<&str>, after: &str| {
        let commit = Commit { changes: vec![change("assets/n", before, Some(after))], ..Commit::new(after) };
        acquire(&memory).and_then(|mut it| it.commit(commit)).expect("no fault");
    };
    set(None, &text);
    for n in 1..130 {
        let next = n.to_string();
        set(Some(&text), &next);
        text = next;
    }
    let kept = memory.snapshot().into_keys().filter(|it| it.starts_with(Home::new(root()).undo_dir())).count();
    assert_eq!(kept, 200, "before and after of as many commits as are kept");
    let undo_last = || {
        let log = log(&memory, root()).expect("readable");
        let entry = log.last_standing().expect("not all is undone");
        let Reversal { commit, obstacles, .. } = reversal(&memory, root(), &log, entry, &|_| true, &|_| None)?;
        assert_eq!(obstacles, [], "nobody was in the way");
        acquire(&memory).and_then(|mut it| it.commit(commit))
    };
    for n in (79..129).rev() {
        undo_last().expect("it is kept");
        assert_eq!(memory.get(native("assets/n")), Some(n.to_string().into_bytes()));
    }
    let outcome = (0..130).find_map(|_| undo_last().err());
    let Some(Error::Refused(message)) = outcome else { panic!("{outcome:?}") };
    assert!(message.contains("is not kept any more"), "{message}");
    memory.write(native("assets/n"), b"mine");
    set(Some("mine"), "again");
    memory.write(native("assets/n"), b"yours");
    let log = log(&memory, root()).expect("readable");
    let last = log.last_standing().expect("it stands");
    let reversal = reversal(&memory, root(), &log, last, &|_| true, &|_| None).expect("kept");
    assert_eq!(reversal.obstacles, [Obstacle::Edited(path("assets/n"))], "what was edited since is not undone");
    assert_eq!((reversal.n_left, reversal.commit.changes.len()), (0, 0));
    undo::forget_old(&memory, &Home::new(root()), 0);
    assert!(memory.snapshot().into_keys().all(|it| !it.starts_with(Home::new(root()).undo_dir())), "they never were");
}

/// Plans to take the last commit back, where `a.side` belongs to `a`.
fn reversal_of_last(memory: &MemorySystem) -> Reversal {
    let log = log(memory, root()).expect("readable");
    let entry = log.last_standing().expect("not all is undone");
    let owner_of = |it: &RelPath| it.as_str().strip_suffix(".side").map(path);
    reversal(memory, root(), &log, entry, &|_| true, &owner_of).expect("all is kept")
}

#[test]
fn what_is_back_already_must_hold_still() {
    let memory = workspace();
    let done = Commit {
        changes: vec![change("assets/map.json", Some("hero/idle.png"), Some("idle.png"))],
        moves: vec![moved("assets/hero/idle.png", "assets/idle.png", "idle")],
        ..Commit::new("move 1 asset")
    };
    acquire(&memory).and_then(|mut it| it.commit(done)).expect("no fault");
    memory.write(native("assets/map.json"), "hero/idle.png");
    memory.write(native("assets/hero/idle.png"), "idle");
    memory.remove(native("assets/idle.png"));
    let Reversal { commit, n_left, n_back, obstacles } = reversal_of_last(&memory);
    assert_eq!((n_left, n_back, obstacles), (0, 2, Vec::new()));
    assert!(commit.changes.is_empty() && commit.moves.is_empty());
    for edited in ["assets/map.json", "assets/hero/idle.png", "assets/idle.png"] {
        let memory = memory.fork();
        memory.write(native(edited), "mine");
        let outcome = acquire(&memory).and_then(|mut it| it.commit(commit.clone()));
        assert!(matches!(outcome, Err(Error::Conflict { .. })), "{edited}: {outcome:?}");
        assert_eq!(log(&memory, root()).expect("readable").undone_by(1), None, "{edited}");
    }
    let files = authored(&memory);
    assert_eq!(acquire(&memory).and_then(|mut it| it.commit(commit)).expect("nobody edits"), Some(2));
    assert_eq!(authored(&memory), files);
}

/// Commits that make, change and move `assets/old.txt.side` along with its owner.
fn with_side() -> MemorySystem {
    let memory = workspace();
    let (here, there) = ("assets/old.txt.side", "assets/far/old.txt.side");
    let commits = [
        Commit { changes: vec![change(here, None, Some("x"))], ..Commit::new("make") },
        Commit { changes: vec![change(here, Some("x"), Some("y"))], ..Commit::new("change") },
        Commit {
            moves: vec![moved(here, there, "y"), moved("assets/old.txt", "assets/far/old.txt", "old")],
            ..Commit::new("move")
        },
        Commit { changes: vec![change(there, Some("y"), Some("z"))], ..Commit::new("change again") },
    ];
    for commit in commits {
        acquire(&memory).and_then(|mut it| it.commit(commit)).expect("no fault");
    }
    memory
}

#[test]
fn several_commits_may_have_been_taken_back_at_once() {
    let memory = with_side();
    ["assets/far/old.txt", "assets/far/old.txt.side"].iter().for_each(|it| memory.remove(native(it)));
    memory.write(native("assets/old.txt"), "old");
    let files = authored(&memory);
    for undone in (1..=4).rev() {
        let Reversal { commit, n_left, n_back, obstacles } = reversal_of_last(&memory);
        assert_eq!((commit.undoes, n_left, obstacles), (Some(undone), 0, Vec::new()));
        assert_eq!(n_back, if undone == 3 { 2 } else { 1 });
        assert!(acquire(&memory).and_then(|mut it| it.commit(commit)).expect("nobody edits").is_some());
    }
    assert_eq!(authored(&memory), files);
}

#[test]
fn what_somebody_moved_is_not_taken_back() {
    let memory = with_side();
    for name in ["old.txt", "old.txt.side"] {
        let bytes = memory.get(native(&format!("assets/far/{name}"))).expect("it is there");
        memory.remove(native(&format!("assets/far/{name}")));
        memory.write(native(&format!("assets/{name}2")), bytes);
    }
    let (path, owner) = (path("assets/far/old.txt.side"), path("assets/far/old.txt"));
    let Reversal { n_left, n_back, obstacles, .. } = reversal_of_last(&memory);
    assert_eq!((n_left, n_back, obstacles), (0, 0, vec![Obstacle::Strayed { path, owner }]));
}

#[test]
fn later_commits_that_stand_are_in_the_way() {
    let memory = with_side();
    let since = |sequence| {
        let log = log(&memory, root()).expect("readable");
        let since = log.changed_since(log.entry(sequence).expect("it was committed"));
        since.into_iter().map(|(path, by)| (path.to_string(), by.sequence)).collect::<Vec<_>>()
    };
    assert_eq!(since(1), [("assets/old.txt.side".to_owned(), 3)]);
    assert_eq!(since(3), [("assets/far/old.txt.side".to_owned(), 4)]);
    assert_eq!(since(4), []);
    for n in [3, 2, 1] {
        assert_eq!(reversal_of_last(&memory).obstacles, []);
        let commit = reversal_of_last(&memory).commit;
        acquire(&memory).and_then(|mut it| it.commit(commit)).expect("nobody edits");
        assert_eq!(since(n), [], "what was undone is in nobody's way");
    }
}

#[test]
fn commits_that_arrive_together_keep_what_is_their_own() {
    let memory = workspace();
    let one = |to: &str, before: Option<&str>, after: &str| Commit {
        changes: vec![change(to, before, Some(after))],
        ..Commit::new(format!("write {to}"))
    };
    let commits = vec![
        one("assets/a", None, "a"),
        one("assets/map.json", Some("hero/idle.png"), "b"),
        one("assets/c", Some("not there"), "c"),
        one("assets/old.txt", Some("old"), "old"),
        one("assets/a", Some("a"), "aa"),
        one("assets/d", None, "d"),
    ];
    let before = memory.counters().counts();
    let outcomes = acquire(&memory).expect("free").commit_all(commits.clone());
    let syncs = memory.counters().counts().since(before).syncs;
    let shown: Vec<_> =
        outcomes.iter().map(|it| it.as_ref().map_err(|it| matches!(it, Error::Conflict { .. }))).collect();
    assert_eq!(shown, [Ok(&Some(1)), Ok(&Some(2)), Err(true), Ok(&None), Ok(&Some(3)), Ok(&Some(4))]);
    let log = log(&memory, root()).expect("readable");
    let titles: Vec<_> = log.entries.iter().map(|it| (it.sequence, it.title.as_str())).collect();
    let expected = ["write assets/a", "write assets/map.json", "write assets/a", "write assets/d"];
    assert_eq!(titles, (1..).zip(expected).collect::<Vec<_>>());
    let alone = workspace();
    let before = alone.counters().counts();
    for commit in commits {
        let _ = acquire(&alone).expect("free").commit(commit);
    }
    assert_eq!(authored(&alone), authored(&memory), "as if they had come one after the other");
    let syncs_alone = alone.counters().counts().since(before).syncs;
    assert!(syncs * 3 < syncs_alone * 2, "{syncs} syncs, alone {syncs_alone}");
}

#[test]
fn commits_that_arrive_together_are_all_or_nothing_after_a_crash() {
    let commits = |memory: &dyn Disk| -> Result<Vec<_>> {
        let one = |to: &str| Commit { changes: vec![change(to, None, Some(to))], ..Commit::new(to) };
        Ok(acquire(memory)?.commit_all(vec![one("assets/a"), one("assets/b"), one("assets/c")]))
    };
    for k in 0.. {
        let disk = FaultyDisk::over(&workspace()).fail_at(k);
        let outcomes = commits(&disk);
        let done = outcomes.is_ok_and(|it| it.iter().all(std::result::Result::is_ok));
        for world in worlds(disk.memory(), k as u64) {
            drop(acquire(&world).expect("nothing fails any more"));
            let there = ["a", "b", "c"].map(|it| world.get(native(&format!("assets/{it}"))).is_some());
            assert!(there == [true; 3] || (there == [false; 3] && !done), "step {k}: {there:?}");
            assert_eq!(entries(&world, root()).expect("readable").len(), there.iter().filter(|it| **it).count());
        }
        if done {
            break;
        }
    }
}

#[test]
fn an_edit_among_commits_that_arrive_together_stops_only_its_own() {
    for k in 0.. {
        let one = |to: &str| Commit { changes: vec![change(to, None, Some(to))], ..Commit::new(to) };
        let disk = FaultyDisk::over(&workspace()).after_step(k, |it| it.write(native("assets/b"), b"mine"));
        let outcomes =
            acquire(&disk).expect("free").commit_all(vec![one("assets/a"), one("assets/b"), one("assets/c")]);
        if disk.steps() <= k {
            break;
        }
        let memory = disk.memory();
        assert_eq!(memory.get(native("assets/b")), Some(b"mine".to_vec()), "step {k}");
        assert!(outcomes[0].is_ok() && outcomes[2].is_ok(), "step {k}: {outcomes:?}");
        assert!(memory.get(native("assets/a")).is_some() && memory.get(native("assets/c")).is_some(), "step {k}");
        let logged = entries(memory, root()).expect("readable").len();
        assert_eq!(logged, outcomes.iter().filter(|it| it.is_ok()).count(), "step {k}");
    }
}

#[test]
fn threads_are_served_in_turn_and_each_has_its_own_result() {
    let memory = workspace();
    let queue = crate::lane::Queue::new(Arc::new(memory.clone()), root().to_owned(), 1);
    let outcomes: Vec<_> = std::thread::scope(|scope| {
        let commit = |n: usize| {
            let name = format!("assets/n{}", n / 2);
            queue.commit(
                Commit { changes: vec![change(&name, None, Some(&n.to_string()))], ..Commit::new(name) },
                &format!("editor {n}"),
                Duration::from_secs(60),
                &|| false,
            )
        };
        let threads: Vec<_> = (0..32).map(|n| scope.spawn(move || (n, commit(n)))).collect();
        threads.into_iter().map(|it| it.join().expect("no panic")).collect()
    });
    for pair in outcomes.chunks(2) {
        let done: Vec<_> = pair.iter().filter(|it| it.1.is_ok()).collect();
        assert_eq!(done.len(), 1, "of two that create one file one is too late: {pair:?}");
        let bytes = memory.get(native(&format!("assets/n{}", pair[0].0 / 2)));
        assert_eq!(bytes, Some(done[0].0.to_string().into_bytes()), "and the other one's bytes are there");
    }
    let mut numbers: Vec<_> = outcomes.iter().filter_map(|it| it.1.as_ref().ok().copied().flatten()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=16).collect::<Vec<_>>());
    let logged = entries(&memory, root()).expect("readable");
    assert_eq!(logged.len(), 16);
    for (n, outcome) in outcomes {
        let entry = outcome.ok().flatten().and_then(|number| logged.iter().find(|it| it.sequence == number));
        assert!(entry.is_none_or(|it| it.command == format!("editor {n}")), "{entry:?}");
    }
}

#[test]
fn moves_work_on_a_real_disk() {
    for disk in [OsSystem::new(), OsSystem::portable()] {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let root = disk.canonicalize(temp.path()).expect("it is there");
        let at = |it: &str| root.join(it);
        for (path, bytes) in BEFORE {
            disk.create_dir_all(at(path).parent().expect("below")).expect("free");
            let mut file = disk.create(&at(path)).expect("new");
            file.write_all(bytes.as_bytes()).and_then(|()| file.set_mode(0o640)).expect("no fault");
        }
        let mode = |it: &str| disk.stat(&at(it)).expect("it is there").mode;
        let before = [mode("assets/map.json"), mode("assets/hero/idle.png")];
        let mut lane = Lane::acquire(&disk, &root, "packwright test", 1, Duration::ZERO).expect("free");
        assert_eq!(lane.commit(restructuring()).expect("no fault"), Some(1));
        for (path, bytes) in AFTER {
            assert_eq!(disk.read(&at(path), 99).expect("it is there"), bytes.as_bytes());
        }
        assert_eq!([mode("assets/map.json"), mode("assets/cast/lead/idle.png")], before);
        assert!(disk.stat(&at("assets/hero")).is_err() && disk.stat(&at("assets/old")).is_err());
        let log = log(&disk, &root).expect("readable");
        assert!(log.entries[0].time.as_ref().is_some_and(|it| it.starts_with("20")));
        let commit = reversal(&disk, &root, &log, &log.entries[0], &|_| true, &|_| None).expect("kept").commit;
        assert_eq!(lane.commit(commit).expect("no fault"), Some(2));
        for (path, bytes) in BEFORE {
            assert_eq!(disk.read(&at(path), 99).expect("it is there"), bytes.as_bytes());
        }
        assert!(disk.stat(&at("assets/cast")).is_err() && disk.stat(&at("assets/new")).is_err());
    }
}

/// What a long file costs that moves: it is read once, before the commit point, whoever looks at the journal later.
#[test]
fn a_file_that_moves_is_read_once() {
    const LEN: u64 = 1 << 20;
    let memory = MemorySystem::new();
    let long = vec![7; LEN as usize];
    memory.write(native("assets/long.bin"), &long);
    let moving = || Commit {
        moves: vec![Move {
            from: path("assets/long.bin"),
            to: path("assets/deep/long.bin"),
            expect: Digest::of(&long),
        }],
        ..Commit::new("move 1 asset")
    };
    let run = |disk: &dyn Disk| acquire(disk)?.commit(moving());
    let read_by = |memory: &MemorySystem, work: &dyn Fn()| {
        let before = memory.counters().counts();
        work();
        memory.counters().counts().since(before).bytes_read
    };
    // Just written, its stamp says nothing yet.
    let fresh = memory.fork();
    let commit = |disk: &dyn Disk| assert_eq!(run(disk).expect("no fault"), Some(1));
    assert!(read_by(&fresh, &|| commit(&fresh)) > 2 * LEN);
    memory.settle();

    let disk = FaultyDisk::over(&memory.fork());
    let read = read_by(disk.memory(), &|| commit(&disk));
    assert!((LEN..LEN + LEN / 2).contains(&read), "{read} bytes");
    for k in 0..disk.steps() {
        let disk = FaultyDisk::over(&memory.fork()).fail_at(k);
        assert!(run(&disk).is_err(), "step {k}");
        let world = disk.memory().fork();
        let look = || drop(View::of(&world, &Home::new(root())).expect("readable"));
        let read = read_by(&world, &look) + read_by(&world, &|| drop(acquire(&world).expect("nothing fails any more")));
        assert!(read < LEN, "step {k}, {:?}: {read} bytes", disk.trace().last());
    }
}
