//! Drills in three acts: somebody saves a file in the very instant in which a commit would replace or remove it, the process
//! dies, and then something else happens. Whatever they saved is somewhere afterwards, and nobody is stuck.

use super::*;
use crate::lane::file::digest_of;
use crate::lane::undo;

const FIRST: &str = "the first thing that somebody saved";
const SECOND: &str = "the second thing that somebody saved";

fn path(text: &str) -> RelPath {
    RelPath::new(text).expect("normal")
}

fn native(text: &str) -> PathBuf {
    root().join(text)
}

/// Two files move, one changes, one is new, one goes, one is in nobody's way until somebody edits it.
fn workspace() -> MemorySystem {
    let memory = MemorySystem::new();
    for (path, bytes) in [("a/one", "1"), ("a/two", "2"), ("map", "old"), ("gone", "g"), ("last", "before")] {
        memory.write(native(path), bytes);
    }
    memory.settle();
    memory
}

fn rearrange(disk: &dyn Disk) -> Result<Option<u64>> {
    let digest = |it: &str| Digest::of(it.as_bytes());
    let change = |to: &str, before: Option<&str>, after: Option<&str>| Change {
        path: path(to),
        expect: before.map(digest),
        content: after.map(|it| it.as_bytes().to_vec()),
    };
    let moved = |from: &str, to: &str, bytes: &str| Move { from: path(from), to: path(to), expect: digest(bytes) };
    acquire(disk)?.commit(Commit {
        changes: vec![
            change("map", Some("old"), Some("new")),
            change("b/fresh", None, Some("f")),
            change("last", Some("before"), Some("after")),
            change("gone", Some("g"), None),
        ],
        moves: vec![moved("a/one", "b/one", "1"), moved("a/two", "b/two", "2")],
        ..Commit::new("rearrange")
    })
}

/// Puts another file there, as most editors do, or writes into the one that is there.
fn save(memory: &MemorySystem, file: &str, bytes: &str, is_replaced: bool) {
    if is_replaced {
        memory.write("/elsewhere", bytes);
        memory.rename("/elsewhere", native(file));
    } else {
        memory.write(native(file), bytes);
    }
}

/// Whether these bytes are in a file of the workspace, or kept for whoever wrote them.
fn is_somewhere(memory: &MemorySystem, bytes: &str) -> bool {
    let home = Home::new(root());
    let is_theirs = |it: &Path| !it.starts_with(home.own()) || it.starts_with(home.kept_dir());
    memory.snapshot().iter().any(|it| is_theirs(it.0) && it.1 == bytes.as_bytes())
}

/// The steps of `work` after its commit point, each with the call that it is.
fn steps(start: &MemorySystem, prepare: &dyn Fn(FaultyDisk) -> FaultyDisk) -> Vec<(usize, usize)> {
    let disk = prepare(FaultyDisk::over(&start.fork()));
    drop(rearrange(&disk));
    let trace = disk.trace();
    let journal = trace.iter().position(|it| it.starts_with("rename") && it.ends_with("/lane/journal"));
    let after = journal.expect("there is a commit point") + 1..trace.len();
    after.map(|k| (k, disk.call_of(k).expect("there is this step"))).collect()
}

const VICTIMS: [&str; 7] = ["map", "b/fresh", "gone", "a/one", "b/one", "a/two", "b/two"];

/// The first act: a commit has to be taken back, because somebody saved the file that is its last to be replaced. The
/// second: somebody saves another one right before a step of that. The third: the process dies right after the step.
#[test]
fn a_file_that_is_saved_while_a_commit_is_taken_back_survives_a_crash() {
    let start = workspace();
    let conflict = |disk: FaultyDisk| {
        let trace = {
            let disk = FaultyDisk::over(&start.fork());
            rearrange(&disk).expect("nobody is in the way");
            let trace = disk.trace();
            let swap = trace.iter().position(|it| it.starts_with("exchange") && it.ends_with("/last"));
            disk.call_of(swap.expect("it is replaced")).expect("there is this step")
        };
        disk.before_call(trace, |it| save(it, "last", FIRST, true))
    };
    let mut n_taken = 0;
    for (k, call) in steps(&start, &conflict) {
        for victim in VICTIMS {
            for is_replaced in [false, true] {
                let disk = conflict(FaultyDisk::over(&start.fork())).fail_at(k + 1);
                let disk = disk.before_call(call, move |it| save(it, victim, SECOND, is_replaced));
                drop(rearrange(&disk));
                let (memory, what) = (disk.memory(), format!("step {k}, {victim}, {is_replaced}"));
                let first_came =
                    is_somewhere(memory, FIRST) || memory.snapshot().iter().any(|it| it.1 == FIRST.as_bytes());
                n_taken += usize::from(!is_somewhere(memory, SECOND));
                drop(acquire(memory).unwrap_or_else(|error| panic!("{what}: {error}")));
                assert!(is_somewhere(memory, SECOND), "{what}: {:?}", disk.trace().get(k));
                assert!(is_somewhere(memory, FIRST) || !first_came, "{what}: the first");
                assert_eq!(acquire(memory).expect("free").recovered(), &Recovery::Nothing, "{what}");
            }
        }
    }
    assert!(n_taken >= 4, "{n_taken} were out of sight when the process died");
}

/// The third act is another: before anybody recovers, somebody moves the directory away, or edits what they find, or removes
/// it; then the same command is tried again.
#[test]
fn what_came_out_is_not_lost_whatever_happens_before_recovery() {
    type Act = (&'static str, fn(&MemorySystem, &'static str));
    let acts: [Act; 4] = [
        ("the directory moves", |memory, victim| {
            if victim.contains('/') && memory.stat(&native(&victim[..1])).is_ok() {
                memory.rename(native(&victim[..1]), native("elsewhere"));
            }
        }),
        ("it is edited again", |memory, victim| save(memory, victim, "the third thing", true)),
        ("it is a directory", |memory, victim| {
            if memory.get(native(victim)).is_some() {
                memory.remove(native(victim));
            }
            memory.mkdir(native(victim));
        }),
        ("nothing else", |_, _| {}),
    ];
    let start = workspace();
    for (k, call) in steps(&start, &|it| it) {
        for victim in VICTIMS {
            for (act, run) in acts {
                let disk = FaultyDisk::over(&start.fork()).fail_at(k + 1);
                let disk = disk.before_call(call, move |it| save(it, victim, SECOND, true));
                drop(rearrange(&disk));
                let memory = disk.memory();
                let was_out = !is_somewhere(memory, SECOND);
                if !was_out {
                    continue;
                }
                run(memory, victim);
                let what = format!("step {k}, {victim}, {act}");
                drop(acquire(memory).unwrap_or_else(|error| panic!("{what}: {error}")));
                assert!(is_somewhere(memory, SECOND), "{what}: {:?}", disk.trace().get(k));
                drop(rearrange(memory));
                assert!(is_somewhere(memory, SECOND), "{what}: once more");
            }
        }
    }
}

/// A directory that somebody put in place of a file comes out, and must not take another file's place one day.
#[test]
fn a_directory_that_came_out_is_kept() {
    let start = workspace();
    let mut n_kept = 0;
    for (k, call) in steps(&start, &|it| it) {
        let disk = FaultyDisk::over(&start.fork()).fail_at(k + 1);
        let disk = disk.before_call(call, |it| {
            it.remove(native("map"));
            it.write(native("map/inside"), FIRST);
        });
        drop(rearrange(&disk));
        let memory = disk.memory();
        if memory.get(native("map")).is_some() {
            save(memory, "map", SECOND, true);
        }
        drop(acquire(memory).unwrap_or_else(|error| panic!("step {k}: {error}")));
        assert!(is_somewhere(memory, FIRST), "step {k}");
        n_kept += usize::from(memory.snapshot().keys().any(|it| it.starts_with(Home::new(root()).kept_dir())));
        // The same number again, and another file.
        let commit = Commit {
            changes: vec![Change { path: path("last"), expect: Some(Digest::of(b"before")), content: None }],
            ..Commit::new("remove")
        };
        let outcome = acquire(memory).expect("free").commit(commit);
        assert!(matches!(outcome, Ok(_) | Err(Error::Conflict { .. })), "step {k}: {outcome:?}");
        assert_eq!(memory.get(native("last")).is_some(), outcome.is_err() && memory.stat(&native("last")).is_ok());
        assert!(memory.get(native("last/inside")).is_none() && is_somewhere(memory, FIRST), "step {k}");
    }
    assert!(n_kept > 0);
}

#[test]
fn a_commit_of_which_the_log_tells_is_not_taken_back() {
    let model = FaultyDisk::over(&workspace());
    rearrange(&model).expect("nobody is in the way");
    let mut n_logged = 0;
    for k in 0..model.steps() {
        let disk = FaultyDisk::over(&workspace()).fail_at(k);
        drop(rearrange(&disk));
        let memory = disk.memory();
        save(memory, "map", FIRST, false);
        let is_logged = log(memory, root()).is_ok_and(|it| !it.entries.is_empty());
        n_logged += usize::from(is_logged);
        drop(acquire(memory).expect("nothing fails any more"));
        assert_eq!(memory.get(native("map")).as_deref(), Some(FIRST.as_bytes()), "step {k}");
        if is_logged {
            assert_eq!(memory.get(native("last")).as_deref(), Some(&b"after"[..]), "step {k}");
            let log = log(memory, root()).expect("readable");
            let reversal = undo::reversal(memory, root(), &log, &log.entries[0], &|_| true, &|_| None);
            assert!(reversal.is_ok(), "step {k}: {:?}", reversal.err());
        }
    }
    assert!(n_logged > 2);
}

#[test]
fn where_names_cannot_be_swapped_nobody_is_stuck() {
    let start = workspace();
    start.forbid_exchanges();
    for (k, call) in steps(&start, &|it| it) {
        let disk = FaultyDisk::over(&start.fork()).fail_at(k + 1);
        let disk = disk.before_call(call, |it| save(it, "map", FIRST, false));
        drop(rearrange(&disk));
        // And a second death while that is mended.
        for j in 0.. {
            let again = FaultyDisk::over(&disk.memory().fork()).fail_at(j);
            let is_done = acquire(&again).is_ok();
            drop(acquire(again.memory()).unwrap_or_else(|error| panic!("steps {k} and {j}: {error}")));
            assert!(is_somewhere(again.memory(), FIRST), "steps {k} and {j}: {:?}", disk.trace().get(k));
            if is_done {
                break;
            }
        }
    }
}

#[test]
fn what_may_not_be_read_goes_back_and_nobody_is_stuck() {
    let start = workspace();
    for (k, call) in steps(&start, &|it| it) {
        for victim in ["map", "gone"] {
            let disk = FaultyDisk::over(&start.fork()).before_call(call, move |it| {
                save(it, victim, FIRST, true);
                it.set_mode(native(victim), 0);
            });
            let outcome = rearrange(&disk);
            let memory = disk.memory();
            assert!(is_somewhere(memory, FIRST), "step {k}, {victim}: {outcome:?}");
            drop(acquire(memory).unwrap_or_else(|error| panic!("step {k}, {victim}: {error}")));
            assert_eq!(memory.get(native(victim)).as_deref(), Some(FIRST.as_bytes()), "step {k}, {victim}");
        }
    }
}

/// Saved, and saved back: what was kept in between is not what there is.
#[test]
fn what_was_kept_is_what_there_was() {
    let model = FaultyDisk::over(&workspace());
    rearrange(&model).expect("nobody is in the way");
    for call in 0..model.calls() {
        for back in call + 1..(call + 8).min(model.calls()) {
            let memory = workspace();
            let disk = FaultyDisk::over(&memory).before_call(call, |it| save(it, "map", FIRST, true));
            let disk = disk.before_call(back, |it| save(it, "map", "old", true));
            let outcome = rearrange(&disk);
            let now = memory.get(native("map"));
            // Perhaps it was told of a conflict before they saved it back.
            let last = if disk.calls() <= back { FIRST.as_bytes() } else { b"old" };
            assert!(
                [last, b"new"].contains(&now.as_deref().unwrap_or_default()),
                "saved before call {call}, and back before {back}: {outcome:?}"
            );
        }
    }
}

/// Whoever saves just what the commit would write is in nobody's way.
#[test]
fn who_saves_what_will_be_agrees() {
    let start = workspace();
    for (k, call) in steps(&start, &|it| it) {
        let disk = FaultyDisk::over(&start.fork()).before_call(call, |it| save(it, "map", "new", true));
        rearrange(&disk).unwrap_or_else(|error| panic!("step {k}: {error}"));
        let digest = digest_of(disk.memory(), &native("map")).expect("it is there");
        assert_eq!(digest, Digest::of(b"new"), "step {k}");
    }
}

#[test]
fn what_is_kept_finds_a_name_however_long_its_own_is() {
    let long = format!("{}.txt", "ä".repeat(124));
    let change = Change { path: path(&long), expect: Some(Digest::of(b"before")), content: Some(b"after".to_vec()) };
    let commit = Commit { changes: vec![change], ..Commit::new("change") };
    let start = MemorySystem::new();
    start.write(native(&long), b"before");
    let model = FaultyDisk::over(&start.fork());
    acquire(&model).and_then(|mut it| it.commit(commit.clone())).expect("nobody is in the way");
    let swap = model.trace().iter().position(|it| it.starts_with("exchange")).expect("it is replaced");
    let call = model.call_of(swap).expect("there is this step");
    let name = long.clone();
    let disk = FaultyDisk::over(&start).fail_at(swap + 1).before_call(call, move |it| save(it, &name, FIRST, true));
    drop(acquire(&disk).and_then(|mut it| it.commit(commit)));
    save(&start, &long, SECOND, true);
    drop(acquire(&start).expect("nobody is in the way"));
    assert!(is_somewhere(&start, FIRST) && start.get(native(&long)).as_deref() == Some(SECOND.as_bytes()));
}

/// Whoever recovers may have fewer rights than who committed. That is no edit, and nothing is thrown away for it.
#[test]
fn what_we_wrote_and_may_not_read_is_waited_for() {
    let start = workspace();
    let (mut n_waited, mut n_logged) = (0, 0);
    for (k, _) in steps(&start, &|it| it) {
        let disk = FaultyDisk::over(&start.fork()).fail_at(k);
        drop(rearrange(&disk));
        let memory = disk.memory();
        let is_done = memory.get(native("map")).as_deref() == Some(b"new");
        let has_journal = memory.get(Home::new(root()).journal()).is_some();
        let unreadable = match is_done {
            true if memory.get(Home::new(root()).log()).is_some() => Home::new(root()).log(),
            _ => native("map"),
        };
        let mode = memory.stamp(&unreadable).mode;
        memory.set_mode(&unreadable, 0);
        let refused = acquire(memory).is_err();
        assert!(refused || !has_journal || !is_done, "step {k}");
        n_waited += usize::from(refused);
        n_logged += usize::from(refused && unreadable.ends_with("log.jsonl"));
        memory.set_mode(&unreadable, mode);
        drop(acquire(memory).expect("nothing is in the way any more"));
        let expected: &[u8] = if is_done { b"after" } else { b"before" };
        let now = memory.get(native("last"));
        assert!(now.as_deref() == Some(expected) || !is_done, "step {k}: {now:?}");
    }
    assert!(n_waited > n_logged && n_logged > 0, "{n_waited}, {n_logged} for the log");
}

/// The newest stays, also when it is saved while recovery looks at the place to which an older one is to go back.
#[test]
fn what_is_saved_while_another_goes_back_is_the_newest() {
    let start = workspace();
    for (k, call) in steps(&start, &|it| it) {
        for victim in ["map", "gone", "a/one"] {
            let disk = FaultyDisk::over(&start.fork()).fail_at(k + 1);
            let disk = disk.before_call(call, move |it| save(it, victim, FIRST, true));
            drop(rearrange(&disk));
            let left = disk.memory();
            if is_somewhere(left, FIRST) {
                continue;
            }
            let calls = {
                let disk = FaultyDisk::over(&left.fork());
                drop(acquire(&disk).expect("nothing fails"));
                disk.calls()
            };
            for n in 0..calls {
                let disk = FaultyDisk::over(&left.fork()).before_call(n, move |it| save(it, victim, SECOND, true));
                drop(acquire(&disk).expect("nothing fails"));
                let now = disk.memory().get(native(victim));
                assert_eq!(now.as_deref(), Some(SECOND.as_bytes()), "step {k}, {victim}, call {n}");
            }
        }
    }
}
