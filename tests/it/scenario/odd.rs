//! Write commands on odd file systems: one whose clock goes in steps of two seconds, so that no time tells an edit from
//! the one before it, and one without locks.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use packwright::internals::build::Options;
use packwright::internals::error::{Error, Result};
use packwright::internals::lane::Lane;
use packwright::internals::system::Disk;
use packwright::internals::system::memory::MemorySystem;

use super::support::{ROOT, World, at, engine};
use super::writes::{ALL_FORMS, plan};

const COMMANDS: [&[&str]; 7] = [
    &["rename", "assets/texts/b.txt", "bee"],
    &["move", "assets/dialog", "assets/deep/"],
    &["exclude", "assets/data.bin"],
    &["include", "assets/data.bin"],
    &["move", "assets/hero.png", "assets/people/"],
    &["refresh"],
    &["remove", "assets/data.bin"],
];

/// Plans a command in a process of its own, and commits it.
fn write(system: &MemorySystem, words: &[&str]) -> Result<Option<u64>> {
    let planned = plan(&engine(Arc::new(system.clone()), Path::new(ROOT)), system, words)?;
    let disk: &dyn Disk = system;
    Lane::acquire(disk, Path::new(ROOT), "test", 1, Duration::ZERO)?.commit(planned.commit)
}

#[test]
fn a_clock_of_long_steps_hides_no_edit_from_commands_and_no_command_from_builds() {
    let mut world = World::new();
    world.system.set_granularity(2_000_000_000);
    world.run(ALL_FORMS);
    let resident = engine(Arc::new(world.system.clone()), Path::new(ROOT));
    for (nth, words) in COMMANDS.into_iter().enumerate() {
        // All of this happens in one step of the clock, and the author's edits do not change a length.
        world.system.write(at("/assets/texts/a.txt"), format!("alph{nth}"));
        let committed = write(&world.system, words).unwrap_or_else(|error| panic!("{words:?}: {error}"));
        assert!(committed.is_some(), "{words:?} did nothing");
        world.system.write(at("/assets/texts/a.txt"), "aleph");
        for engine in [&resident, &engine(Arc::new(world.system.clone()), Path::new(ROOT))] {
            engine.build(&Options { locked: true, ..Options::default() }).expect("the command left it whole");
            world.compare_with_clean(&Options::default());
        }
    }
}

#[test]
fn without_locks_commands_refuse_and_change_nothing() {
    let mut world = World::new();
    world.run(ALL_FORMS);
    world.system.set_lockless(true);
    let before = world.system.snapshot();
    for words in COMMANDS {
        let outcome = write(&world.system, words);
        let Err(error @ Error::Io { .. }) = &outcome else { panic!("{words:?}: {outcome:?}") };
        assert!(error.to_string().starts_with("cannot lock `/ws/.packwright/lane/lock`"), "{error}");
        assert_eq!(world.system.snapshot(), before, "{words:?}");
    }
    // Whoever only looks needs none.
    engine(Arc::new(world.system.clone()), Path::new(ROOT)).check(&Options::default()).expect("it is valid");
}
