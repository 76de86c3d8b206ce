//! The lane on a disk that fails at every step, under an author who edits between any two, and beside
//! readers who look at every moment.

mod instants;
mod moving;

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex};

use super::*;
use crate::system::FileKind;
use crate::system::faulty::FaultyDisk;
use crate::system::memory::{MemorySystem, Unsynced};
use crate::system::os::OsSystem;

const ROOT: &str = "/ws";
const SHARDS: usize = 16;

fn root() -> &'static Path {
    Path::new(ROOT)
}

fn shard(n: usize) -> RelPath {
    RelPath::new(&format!("packwright.registry/{n:x}.jsonl")).expect("normal")
}

fn native(n: usize) -> PathBuf {
    Home::new(root()).target(&shard(n))
}

/// Of the shards before the commit every fourth is absent, so that a commit replaces and creates.
fn before(n: usize) -> Option<Vec<u8>> {
    (n % 4 != 3).then(|| format!("before {n}\n").into_bytes())
}

/// And every fourth is removed by it.
fn after(n: usize) -> Option<Vec<u8>> {
    (n % 4 != 2).then(|| format!("after {n}\n").repeat(n + 1).into_bytes())
}

fn workspace() -> MemorySystem {
    let memory = MemorySystem::new();
    memory.mkdir(ROOT);
    for n in 0..SHARDS {
        if let Some(bytes) = before(n) {
            memory.write(native(n), bytes);
        }
    }
    memory
}

fn registration() -> Commit {
    let change = |n| Change { path: shard(n), expect: before(n).as_deref().map(Digest::of), content: after(n) };
    Commit { title: "register 16 assets".to_owned(), changes: (0..SHARDS).map(change).collect(), ..Commit::default() }
}

fn acquire(disk: &dyn Disk) -> Result<Lane<'_>> {
    Lane::acquire(disk, root(), "packwright test", 1, Duration::ZERO)
}

fn commit(disk: &dyn Disk) -> Result<Option<u64>> {
    acquire(disk)?.commit(registration())
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Before,
    After,
}

fn judge(contents: &[Option<Vec<u8>>]) -> Option<State> {
    let is = |state: fn(usize) -> Option<Vec<u8>>| contents.iter().enumerate().all(|(n, it)| *it == state(n));
    if is(before) { Some(State::Before) } else { is(after).then_some(State::After) }
}

/// What the files themselves hold; panics where that is neither of the two states.
fn on_disk(memory: &MemorySystem) -> State {
    let contents: Vec<_> = (0..SHARDS).map(|n| memory.get(native(n))).collect();
    judge(&contents).unwrap_or_else(|| panic!("torn: {contents:?}"))
}

/// What a reader sees; panics where that is neither of the two states.
fn to_reader(sys: &dyn System) -> State {
    let paths: Vec<_> = (0..SHARDS).map(shard).collect();
    let contents = read_through(sys, root(), &paths).expect("readers are never in the way");
    judge(&contents).unwrap_or_else(|| panic!("torn for a reader: {contents:?}"))
}

/// The disk as other processes see it, and as power losses would leave it.
fn worlds(memory: &MemorySystem, seed: u64) -> Vec<MemorySystem> {
    let losses = [Unsynced::Lost, Unsynced::NamesKept, Unsynced::Torn, Unsynced::ByChance(seed)];
    let mut worlds = vec![memory.fork()];
    worlds.extend(losses.map(|it| memory.after_power_loss_with(it)));
    worlds
}

/// Opens a workspace after a crash; returns the state, which must be what a reader saw before.
fn recovered(world: &MemorySystem) -> State {
    let seen = to_reader(world);
    drop(acquire(world).expect("nothing fails any more"));
    assert_eq!(on_disk(world), seen, "a reader saw what recovery made");
    let logged = entries(world, root()).expect("readable").len();
    assert_eq!(logged, usize::from(seen == State::After), "the log says what was done");
    seen
}

/// Opens it once more, when nothing must be left to do.
fn open_again(world: &MemorySystem) {
    // Whatever is still staged nobody needs; perhaps it could not be removed.
    let files = || -> Vec<_> {
        world.snapshot().into_iter().filter(|it| !it.0.starts_with(Home::new(root()).stage_dir())).collect()
    };
    let before = files();
    assert_eq!(acquire(world).expect("nothing fails any more").recovered(), &Recovery::Nothing);
    assert!(files() == before, "once is enough");
}

/// Those power losses that were looked at: many steps leave the same disk, and one look is enough.
#[derive(Default)]
struct Seen(BTreeSet<(bool, BTreeMap<PathBuf, Vec<u8>>)>);

impl Seen {
    /// Returns whether this disk, all of which is durable, is a new one for those who check `recovery` too.
    fn is_new(&mut self, world: &MemorySystem, recovery: bool) -> bool {
        self.0.insert((recovery, world.snapshot()))
    }
}

/// Lets recovery itself fail at every step.
fn recover_with_failures(world: &MemorySystem, must_be_after: bool, seen: &mut Seen) {
    for j in 0.. {
        let disk = FaultyDisk::over(&world.fork()).fail_at(j);
        let done = acquire(&disk).is_ok();
        let crashed = disk.memory();
        let lost = [Unsynced::Lost, Unsynced::ByChance(j as u64)].map(|it| crashed.after_power_loss_with(it));
        for world in lost.into_iter().filter(|it| seen.is_new(it, false)).chain([crashed.fork()]) {
            let state = recovered(&world);
            assert!(state == State::After || !must_be_after, "recovery step {j}");
        }
        if done {
            break;
        }
    }
}

/// Kills a commit at one step; returns whether it got that far.
fn killed(disk: &FaultyDisk, k: usize, seen: &mut Seen) -> bool {
    let outcome = commit(disk);
    if outcome.is_ok() {
        // More is asked from here on of disks that were looked at before.
        *seen = Seen::default();
    }
    for (n, world) in worlds(disk.memory(), k as u64).into_iter().enumerate() {
        if n > 0 && !seen.is_new(&world, true) {
            continue;
        }
        // Without a journal recovery only clears what was staged, and every fourth of those is enough.
        if k.is_multiple_of(4) || world.get(Home::new(root()).journal()).is_some() || outcome.is_ok() {
            recover_with_failures(&world, outcome.is_ok(), seen);
        }
        let state = recovered(&world);
        assert!(state == State::After || outcome.is_err(), "step {k}: success was reported");
        open_again(&world);
    }
    outcome.is_err()
}

#[test]
fn killed_at_any_step_and_again_in_recovery_all_files_are_before_or_after() {
    let mut seen = Seen::default();
    let steps = (0..).find(|k| !killed(&FaultyDisk::over(&workspace()).fail_at(*k), *k, &mut seen));
    assert!(steps > Some(100), "every step failed once");
}

#[test]
fn killed_in_the_middle_of_any_write_all_files_are_before_or_after() {
    let disk = FaultyDisk::over(&workspace());
    commit(&disk).expect("no fault");
    let mut seen = Seen::default();
    for (k, _) in disk.trace().iter().enumerate().filter(|(_, it)| it.starts_with("write")) {
        assert!(killed(&FaultyDisk::over(&workspace()).fail_torn_at(k), k, &mut seen), "step {k} is there");
    }
}

#[test]
fn a_first_registration_makes_its_directory_or_nothing() {
    for k in 0.. {
        let memory = MemorySystem::new();
        memory.mkdir(ROOT);
        let disk = FaultyDisk::over(&memory).fail_at(k);
        let changes = registration().changes.into_iter().map(|it| Change { expect: None, ..it }).collect();
        let outcome =
            acquire(&disk).and_then(|mut it| it.commit(Commit { title: String::new(), changes, ..Commit::default() }));
        for world in worlds(&memory, k as u64) {
            drop(acquire(&world).expect("nothing fails any more"));
            let files: Vec<_> = (0..SHARDS).map(|n| world.get(native(n))).collect();
            let all = files.iter().enumerate().all(|(n, it)| *it == after(n));
            let none = files.iter().all(Option::is_none);
            assert!(all || (none && outcome.is_err()), "step {k}: {files:?}");
        }
        if outcome.is_ok() {
            break;
        }
    }
}

#[test]
fn an_error_at_any_step_leaves_before_or_after_and_a_lane_that_works() {
    for kind in [ErrorKind::StorageFull, ErrorKind::Interrupted, ErrorKind::Other] {
        for k in 0.. {
            let disk = FaultyDisk::over(&workspace()).fail_once_at(k, kind);
            let Ok(mut lane) = acquire(&disk) else { continue };
            let outcome = lane.commit(registration());
            let seen = to_reader(&disk);
            match (&outcome, seen) {
                (Ok(sequence), State::After) => assert_eq!(*sequence, Some(1)),
                (Err(Error::Io { .. }), _) => {}
                other => panic!("step {k}: {other:?}"),
            }
            for world in worlds(disk.memory(), k as u64) {
                let state = recovered(&world);
                assert!(state == State::After || outcome.is_err(), "step {k}");
                open_again(&world);
            }
            match lane.commit(registration()) {
                Ok(_) => assert_eq!(seen, State::Before, "step {k}"),
                Err(Error::Conflict { .. }) => assert_eq!(seen, State::After, "step {k}"),
                Err(other) => panic!("step {k}: {other}"),
            }
            assert_eq!(on_disk(disk.memory()), State::After);
            if disk.steps() <= k {
                break;
            }
        }
    }
}

#[test]
fn a_passing_error_after_the_commit_point_is_overcome() {
    let disk = FaultyDisk::over(&workspace());
    commit(&disk).expect("no fault");
    let renamed = disk.trace().iter().position(|it| it.starts_with("rename") && it.ends_with("/journal"));
    let synced = renamed.expect("there is a journal") + 1;
    for k in synced + 1..disk.steps() {
        let disk = FaultyDisk::over(&workspace()).fail_once_at(k, ErrorKind::Other);
        commit(&disk).unwrap_or_else(|error| panic!("step {k}: {error}"));
        assert_eq!(recovered(disk.memory()), State::After, "step {k}");
    }
}

#[test]
fn what_was_reported_done_is_not_taken_back_after_a_power_loss() {
    let memory = workspace();
    commit(&memory).expect("no fault");
    memory.write(native(4), b"mine");
    for world in worlds(&memory, 1) {
        assert_eq!(acquire(&world).expect("free").recovered(), &Recovery::Nothing);
        assert_eq!((world.get(native(4)), world.get(native(0))), (Some(b"mine".to_vec()), after(0)));
    }
}

/// Runs a commit during which the author changes shard `victim` before call `k`; returns whether `k` was reached.
fn with_an_edit(k: usize, victim: usize, mine: Option<&'static [u8]>) -> bool {
    let edit = move |memory: &MemorySystem| match mine {
        Some(bytes) => memory.write(native(victim), bytes),
        None if memory.get(native(victim)).is_some() => memory.remove(native(victim)),
        None => {}
    };
    let disk = FaultyDisk::over(&workspace()).before_call(k, edit);
    let outcome = commit(&disk);
    let reached = disk.calls() > k;
    if !reached {
        return false;
    }
    let memory = disk.memory();
    let others: Vec<usize> = (0..SHARDS).filter(|n| *n != victim).collect();
    let all = |state: fn(usize) -> Option<Vec<u8>>| others.iter().all(|n| memory.get(native(*n)) == state(*n));
    assert_eq!(memory.get(native(victim)).as_deref(), mine, "call {k}: the author's bytes survive");
    match outcome {
        Ok(_) => assert!(all(after), "call {k}"),
        Err(Error::Conflict { path }) => {
            assert_eq!(path, native(victim));
            assert!(all(before), "call {k}");
            let undo = memory.snapshot().into_keys().filter(|it| it.starts_with(Home::new(root()).undo_dir()));
            assert_eq!(undo.count(), 0, "call {k}: nothing is left of a refused commit");
        }
        Err(other) => panic!("call {k}: {other}"),
    }
    let staged = memory.snapshot().into_keys().filter(|it| it.starts_with(Home::new(root()).stage_dir()));
    assert_eq!(staged.count(), 0, "call {k}");
    assert_eq!(*acquire(memory).expect("free").recovered(), Recovery::Nothing, "call {k}");
    true
}

#[test]
fn an_edit_between_any_two_steps_is_never_overwritten() {
    for victim in [0, 7, 15] {
        let mut k = 0;
        while with_an_edit(k, victim, Some(b"mine")) {
            k += 1;
        }
        assert!(k > 200, "the edit was made before all {k} calls");
    }
    // A file that the commit replaces, removed by its author.
    let mut k = 0;
    while with_an_edit(k, 5, None) {
        k += 1;
    }
}

/// Somebody saves a file in the very instant before a step, and the process dies after it: theirs comes back.
#[test]
fn an_edit_right_before_any_step_survives_a_crash_right_after_it() {
    let model = FaultyDisk::over(&workspace());
    commit(&model).expect("no fault");
    let mut n_taken = 0;
    for k in 0..model.steps() {
        let call = model.call_of(k).expect("there is this step");
        // One that is replaced, and one that is removed.
        for (victim, is_replaced) in [(0, false), (0, true), (2, false), (2, true)] {
            let edit = move |memory: &MemorySystem| match is_replaced {
                true => {
                    memory.write("/ws/mine.tmp", b"mine");
                    memory.rename("/ws/mine.tmp", native(victim));
                }
                false => memory.write(native(victim), b"mine"),
            };
            let disk = FaultyDisk::over(&workspace()).before_call(call, edit).fail_at(k + 1);
            drop(commit(&disk));
            let taken = |it: &PathBuf| it.extension().is_some_and(|it| it == "taken");
            n_taken += usize::from(disk.memory().snapshot().iter().any(|it| taken(it.0) && it.1 == b"mine"));
            let memory = disk.memory();
            let paths: Vec<_> = (0..SHARDS).map(shard).collect();
            let seen = read_through(memory, root(), &paths).expect("readers are never in the way");
            drop(acquire(memory).expect("nothing fails any more"));
            let now: Vec<_> = (0..SHARDS).map(|n| memory.get(native(n))).collect();
            let what = format!("step {k}, victim {victim}, {is_replaced}, {:?}", disk.trace().get(k));
            assert_eq!(seen, now, "{what}: a reader saw what recovery made");
            assert_eq!(now[victim].as_deref(), Some(&b"mine"[..]), "{what}");
            let others = |state: fn(usize) -> Option<Vec<u8>>| (0..SHARDS).all(|n| n == victim || now[n] == state(n));
            assert!(others(before) || others(after), "{what}: torn");
            open_again(memory);
        }
    }
    assert!(n_taken >= 4, "{n_taken} came out and went back");
}

#[test]
fn where_names_cannot_be_swapped_all_files_are_before_or_after_and_edits_in_place_stay() {
    let memory = workspace();
    memory.forbid_exchanges();
    for k in 0.. {
        let disk = FaultyDisk::over(&memory.fork()).fail_at(k);
        let done = commit(&disk).is_ok();
        assert!(recovered(&disk.memory().fork()) == State::After || !done, "step {k}");
        if done {
            break;
        }
    }
    for k in 0.. {
        let disk = FaultyDisk::over(&memory.fork()).before_call(k, |it| it.write(native(0), b"mine"));
        let outcome = commit(&disk);
        if disk.calls() <= k {
            break;
        }
        assert!(matches!(outcome, Ok(_) | Err(Error::Conflict { .. })), "call {k}: {outcome:?}");
        assert_eq!(disk.memory().get(native(0)).as_deref(), Some(&b"mine"[..]), "call {k}: {outcome:?}");
    }
}

#[test]
fn an_edit_after_a_crash_takes_the_commit_back_and_stays() {
    let (mut finished, mut taken_back) = (0, 0);
    for k in 0.. {
        let disk = FaultyDisk::over(&workspace()).fail_at(k);
        let done = commit(&disk).is_ok();
        let memory = disk.memory();
        memory.write(native(4), b"mine");
        let paths: Vec<_> = (0..SHARDS).map(shard).collect();
        let seen = read_through(memory, root(), &paths).expect("readers are never in the way");
        let is_logged = !entries(memory, root()).expect("readable").is_empty();
        let lane = acquire(memory).expect("nothing fails any more");
        let now: Vec<_> = (0..SHARDS).map(|n| memory.get(native(n))).collect();
        assert_eq!(seen, now, "step {k}: a reader saw what recovery made");
        assert_eq!(now[4].as_deref(), Some(&b"mine"[..]));
        match lane.recovered() {
            Recovery::TakenBack { path, .. } => {
                assert_eq!((path, now[0].clone()), (&shard(4), before(0)));
                taken_back += 1;
            }
            Recovery::Finished { .. } => {
                assert!(is_logged, "step {k}: it was in force, and the log said so");
                finished += 1;
            }
            _ => {}
        }
        let mut rest = now;
        for state in [before as fn(usize) -> Option<Vec<u8>>, after] {
            rest[4] = state(4);
            if judge(&rest).is_some() {
                break;
            }
        }
        assert!(judge(&rest).is_some(), "step {k}: torn");
        if done {
            break;
        }
    }
    assert!(taken_back > SHARDS && finished > 0, "{taken_back} {finished}");
}

/// A file may be kept by a second name, and somebody may write into it just as it loses its first one.
#[test]
fn what_somebody_wrote_into_a_file_that_was_just_replaced_comes_back() {
    let mut came_back = 0;
    for k in 0.. {
        let disk = FaultyDisk::over(&workspace()).fail_at(k);
        let done = commit(&disk).is_ok();
        let memory = disk.memory();
        let replaced: Vec<usize> = (0..SHARDS).filter(|it| memory.get(native(*it)) == after(*it)).collect();
        let is_kept = |it: &PathBuf| it.parent().is_some_and(|it| it.ends_with("lane/undo"));
        memory.snapshot().into_keys().filter(is_kept).for_each(|it| memory.write(it, b"theirs"));
        // Whatever else, the commit cannot go on.
        memory.write(native(4), b"mine");
        let lane = acquire(memory).expect("nothing is in anybody's way");
        if let Recovery::TakenBack { .. } = lane.recovered() {
            let theirs = |it: &&usize| memory.get(native(**it)).as_deref() == Some(&b"theirs"[..]);
            came_back += replaced.iter().filter(theirs).count();
        }
        assert_eq!(memory.get(native(4)).as_deref(), Some(&b"mine"[..]), "step {k}");
        drop(lane);
        assert_eq!(*acquire(memory).expect("free").recovered(), Recovery::Nothing, "step {k}");
        if done {
            break;
        }
    }
    assert!(came_back > SHARDS, "{came_back}");
}

#[test]
fn what_can_never_be_written_is_taken_back_and_in_nobodys_way() {
    let trace = {
        let disk = FaultyDisk::over(&workspace());
        commit(&disk).expect("nothing fails");
        disk.trace()
    };
    let journal = trace.iter().position(|it| it.starts_with("rename") && it.ends_with("/lane/journal"));
    let journal = journal.expect("there is a commit point");
    let ours = |it: &&String| ["rename", "exchange", "link", "remove_file"].iter().any(|verb| it.starts_with(verb));
    let refused: BTreeSet<&String> =
        trace[journal + 1..].iter().filter(ours).filter(|it| !it.contains("/lane/journal")).collect();
    let mut taken_back = 0;
    for words in refused {
        let disk = FaultyDisk::over(&workspace()).refuse(words.clone(), ErrorKind::PermissionDenied);
        let outcome = commit(&disk);
        let memory = disk.memory();
        if let Err(error) = &outcome {
            assert!(matches!(error, Error::Io { .. }), "{words}: {error}");
            assert_eq!((on_disk(memory), to_reader(memory)), (State::Before, State::Before), "{words}");
            taken_back += 1;
        }
        // And where a crash came first, it is not in the way of the next either.
        for k in journal + 1..trace.len() {
            let crashed = FaultyDisk::over(&workspace()).fail_at(k);
            drop(commit(&crashed));
            let again = FaultyDisk::over(crashed.memory()).refuse(words.clone(), ErrorKind::PermissionDenied);
            drop(acquire(&again).unwrap_or_else(|error| panic!("{words}, after a crash at {k}: {error}")));
            on_disk(again.memory());
            open_again(again.memory());
        }
    }
    assert!(taken_back > SHARDS / 2, "{taken_back}");
}

#[test]
fn readers_see_before_or_after_at_every_moment() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let steps = {
        let disk = FaultyDisk::over(&workspace());
        commit(&disk).expect("no fault");
        disk.steps()
    };
    let mut disk = FaultyDisk::over(&workspace());
    for k in 0..steps {
        let seen = seen.clone();
        disk = disk.after_step(k, move |memory| seen.lock().expect("no panic").push(to_reader(memory)));
    }
    commit(&disk).expect("no fault");
    let seen = seen.lock().expect("no panic");
    let turn = seen.iter().position(|it| *it == State::After).expect("it was done");
    assert!(turn > 0 && seen[turn..].iter().all(|it| *it == State::After), "there is one commit point");
    assert!(disk.trace()[turn].ends_with(".packwright/lane/journal"), "{}", disk.trace()[turn]);
}

#[test]
fn a_reader_is_not_fooled_by_a_commit_that_comes_and_goes() {
    let memory = workspace();
    let start = moment(&memory, root()).expect("readable");
    memory.advance(1_000_000_000);
    commit(&memory).expect("no fault");
    assert_ne!(moment(&memory, root()).expect("readable"), start);
    assert_eq!(moment(&memory, root()).expect("readable"), moment(&memory, root()).expect("readable"));
}

#[test]
fn a_read_only_workspace_is_read_through_its_journal() {
    let disk = FaultyDisk::over(&workspace());
    commit(&disk).expect("no fault");
    let journal = disk.trace().iter().position(|it| it.starts_with("rename") && it.ends_with("journal"));
    let disk = FaultyDisk::over(&workspace()).fail_at(journal.expect("there is a journal") + 5);
    commit(&disk).expect_err("it died");
    let memory = disk.memory();
    memory.set_read_only(true);
    assert_eq!(open(memory, root(), "packwright list", 2).expect("no error"), Recovery::LeftToOthers);
    assert_eq!(to_reader(memory), State::After);
    let disk: Arc<dyn Disk> = Arc::new(memory.clone());
    let sight = Sight::of(&disk, root()).expect("readable");
    assert!(!sight.is_quiet() && sight.stands().expect("readable"));
    let contents: Vec<_> = (0..SHARDS).map(|n| sight.disk().read(&native(n), 1000).ok()).collect();
    assert_eq!(judge(&contents), Some(State::After));
    // What is shown is not taken for what is there.
    assert_eq!(open(&**sight.disk(), root(), "packwright list", 2).expect("no error"), Recovery::LeftToOthers);
    memory.set_read_only(false);
    let expected = Recovery::Finished { title: "register 16 assets".to_owned() };
    assert_eq!(open(memory, root(), "packwright list", 2).expect("no error"), expected);
    assert_eq!(open(memory, root(), "packwright list", 2).expect("no error"), Recovery::Nothing);
    assert_eq!(on_disk(memory), State::After);
    assert!(!sight.stands().expect("readable") && Sight::of(&disk, root()).expect("readable").is_quiet());
}

#[test]
fn one_lane_at_a_time_and_others_are_told_whose() {
    let memory = workspace();
    let held = Lane::acquire(&memory, root(), "packwright build", 42, Duration::ZERO).expect("free");
    let start = memory.now(root()).now_ns;
    let wait = Duration::from_millis(250);
    let Err(Error::Busy { holder, .. }) = Lane::acquire(&memory, root(), "packwright init", 43, wait) else {
        panic!("it is held");
    };
    assert_eq!(holder, "packwright build, process 42, since 2023-11-14 22:13:20 UTC");
    assert_eq!(memory.now(root()).now_ns - start, 250_000_000, "it waited as long as it was told, and no longer");
    drop(held);
    let again = Lane::acquire(&memory, root(), "packwright init", 43, Duration::ZERO);
    assert!(again.is_ok_and(|it| *it.recovered() == Recovery::Nothing));
}

#[test]
fn the_log_tells_what_was_done_and_keeps_what_was_there() {
    let memory = workspace();
    commit(&memory).expect("no fault");
    let change = |content: &[u8]| Change {
        path: shard(0),
        expect: memory.get(native(0)).as_deref().map(Digest::of),
        content: Some(content.to_owned()),
    };
    let second = Commit { title: "second".to_owned(), changes: vec![change(b"x")], ..Commit::default() };
    assert_eq!(acquire(&memory).and_then(|mut it| it.commit(second)).expect("no fault"), Some(2));

    let log = Home::new(root()).log();
    let torn = [memory.get(&log).expect("a log"), br#"{"sequence":3,"ti"#.to_vec()].concat();
    memory.write(&log, torn);
    let third = Commit { title: "third".to_owned(), changes: vec![change(b"y")], ..Commit::default() };
    assert_eq!(acquire(&memory).and_then(|mut it| it.commit(third)).expect("no fault"), Some(3));

    let entries = entries(&memory, root()).expect("readable");
    let titles: Vec<_> = entries.iter().map(|it| (it.sequence, it.title.as_str())).collect();
    assert_eq!(titles, [(1, "register 16 assets"), (2, "second"), (3, "third")]);
    for n in 0..SHARDS {
        assert_eq!(before_contents(&memory, root(), &entries[0], n).expect("readable"), before(n));
        assert_eq!(entries[0].files[n].after, after(n).as_deref().map(Digest::of));
    }
    assert_eq!(before_contents(&memory, root(), &entries[2], 0).expect("readable"), Some(b"x".to_vec()));
    memory.write(Home::new(root()).undo_of(3, 0), b"damaged");
    assert_eq!(before_contents(&memory, root(), &entries[2], 0).expect("readable"), None);
}

#[test]
fn what_is_so_already_is_not_written() {
    let memory = workspace();
    let mut lane = acquire(&memory).expect("free");
    let mut same = registration();
    same.changes.iter_mut().enumerate().for_each(|(n, it)| it.content = before(n));
    let counts = memory.counters().counts();
    assert_eq!(lane.commit(same.clone()).expect("no fault"), None);
    let done = memory.counters().counts().since(counts);
    assert_eq!((done.files_written, done.renames, done.syncs), (0, 0, 0));
    memory.write(native(0), b"mine");
    assert!(matches!(lane.commit(same), Err(Error::Conflict { .. })), "it must hold still all the same");
}

#[test]
fn a_conflict_is_seen_before_anything_is_written() {
    let memory = workspace();
    memory.write(native(9), b"mine");
    let mut lane = acquire(&memory).expect("free");
    let counts = memory.counters().counts();
    let Err(Error::Conflict { path }) = lane.commit(registration()) else { panic!("it is not as expected") };
    assert_eq!(path, native(9));
    assert_eq!(memory.counters().counts().since(counts).files_written, 0);
}

#[test]
fn a_staged_commit_that_is_dropped_leaves_nothing() {
    let memory = workspace();
    let mut lane = acquire(&memory).expect("free");
    let files = memory.snapshot();
    drop(lane.stage(registration()).expect("no fault"));
    assert_eq!(memory.snapshot(), files);
    assert_eq!(lane.stage(registration()).and_then(StagedCommit::publish).expect("no fault"), Some(1));
}

#[test]
fn a_damaged_journal_never_was() {
    let memory = workspace();
    drop(acquire(&memory).expect("free"));
    memory.write(Home::new(root()).journal(), b"{}\nnonsense\n");
    assert_eq!(to_reader(&memory), State::Before);
    assert_eq!(open(&memory, root(), "packwright build", 1).expect("no error"), Recovery::Discarded);
    commit(&memory).expect("no fault");
}

#[test]
fn a_journal_of_a_later_version_is_left_alone() {
    let memory = workspace();
    let line = br#"{"version":9}"#;
    let journal = [&line[..], b"\n", Digest::of(line).to_hex().as_bytes(), b"\n"].concat();
    memory.write(Home::new(root()).journal(), &journal);
    assert!(matches!(commit(&memory), Err(Error::Io { .. })));
    assert!(matches!(read_file_through(&memory, root(), &shard(0)), Err(Error::Io { .. })));
    assert_eq!(memory.get(Home::new(root()).journal()), Some(journal));
}

#[test]
fn another_file_system_below_the_workspace_is_copied_to() {
    let disk = FaultyDisk::over(&workspace());
    commit(&disk).expect("no fault");
    let renames = |it: &(usize, String)| it.1.starts_with("rename") && it.1.contains("/stage/");
    for (k, _) in disk.trace().into_iter().enumerate().filter(renames) {
        let disk = FaultyDisk::over(&workspace()).fail_once_at(k, ErrorKind::CrossesDevices);
        commit(&disk).expect("the rename is not the only way");
        assert_eq!(on_disk(disk.memory()), State::After);
    }
}

#[test]
fn what_is_no_file_of_the_workspace_is_refused() {
    let memory = workspace();
    memory.mkdir("/outside");
    memory.symlink("/outside", "/ws/link");
    memory.symlink("packwright.registry/0.jsonl", "/ws/alias");
    memory.write("/ws/file", b"");
    memory.mkdir("/ws/dir");
    let mut lane = acquire(&memory).expect("free");
    for paths in [
        &[""][..],
        &[".packwright/lane/log.jsonl"],
        &["a", "a"],
        &["a", "a-b", "a/b"],
        &["link/new"],
        &["link/new/er"],
        &["alias"],
        &["file/below"],
        &["dir"],
    ] {
        let change = |path: &&str| Change {
            path: RelPath::new(path).expect("normal"),
            expect: None,
            content: Some(b"x".to_vec()),
        };
        let commit = Commit { title: String::new(), changes: paths.iter().map(change).collect(), ..Commit::default() };
        let Err(Error::Io { source, .. }) = lane.commit(commit) else { panic!("{paths:?} was not refused") };
        assert_eq!(source.kind(), ErrorKind::InvalidInput, "{paths:?}: {source}");
    }
    assert!(memory.snapshot().into_keys().all(|it| !it.starts_with("/outside")));
}

#[test]
fn the_lane_marks_its_directory_and_works_on_a_real_disk() {
    for disk in [OsSystem::new(), OsSystem::portable()] {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let root = temp.path();
        let mut lane = Lane::acquire(&disk, root, "packwright init", 1, Duration::ZERO).expect("free");
        let path = RelPath::new("packwright.registry/0.jsonl").expect("normal");
        let change = Change { path: path.clone(), expect: None, content: Some(b"{}\n".to_vec()) };
        lane.commit(Commit { title: "init".to_owned(), changes: vec![change], ..Commit::default() }).expect("no fault");
        assert_eq!(read_file_through(&disk, root, &path).expect("readable"), Some(b"{}\n".to_vec()));
        assert!(matches!(
            Lane::acquire(&disk, root, "packwright build", 1, Duration::ZERO),
            Err(Error::Busy { holder, .. }) if holder.starts_with("packwright init, process 1, since 20")
        ));
        assert!(disk.stat(&root.join(".packwright/.gitignore")).is_ok());
        assert!(disk.stat(&root.join(".packwright/CACHEDIR.TAG")).is_ok());
    }
}

#[test]
fn times_are_told_in_utc() {
    for (seconds, expected) in [
        (0, "1970-01-01 00:00:00 UTC"),
        (-1, "1969-12-31 23:59:59 UTC"),
        (951_782_400, "2000-02-29 00:00:00 UTC"),
        (1_735_689_599, "2024-12-31 23:59:59 UTC"),
        (1_763_869_462, "2025-11-23 03:44:22 UTC"),
    ] {
        assert_eq!(utc(seconds), expected);
    }
}
