//! Somebody edits the workspace while it is being built: before every single question to the file system once.
//!
//! Whatever the build made then, it is of one moment: the pack is that of the files before or of those after. And
//! the next build knows better, although the clock may not have moved in between.

use std::sync::Arc;

use packwright::internals::build::{Options, Report};
use packwright::internals::driver::Engine;
use packwright::internals::error::{Error, Result};
use packwright::internals::model::Digest;
use packwright::internals::system::Disk;
use packwright::internals::system::memory::MemorySystem;
use packwright::internals::workspace::layout::Workspace;

use super::support::{ROOT, World, at, png};
use super::witness::Witness;

/// A workspace that was built once, and lost its cache and outputs since.
fn world() -> World {
    let mut world = World::new();
    world.run(
        r#"
//- /assets/a.txt
alpha
//- /assets/hero/asset.json
{ "type": "raw", "inputs": ["*.bin"], "tags": ["old"] }
//- /assets/hero/hero.bin
payload
//- /assets/m/ship.gltf
{ "asset": {"version": "2.0"}, "buffers": [{"uri": "ship.bin", "byteLength": 4}] }
//- /assets/m/ship.bin
old!
//- build --quiet
//- wipe-cache
//- wipe-out
"#,
    );
    world
}

fn digest_of_clean(system: &MemorySystem) -> Digest {
    let fork = system.fork();
    build(Arc::new(fork)).expect("a sound workspace").content_digest().expect("there is a pack")
}

/// Builds on one thread: the questions come in the same order every time.
fn build(disk: Arc<dyn Disk>) -> Result<Report> {
    Engine::new(Workspace { jobs: 1, ..Workspace::new(disk, ROOT.into()) }).build(&Options::default())
}

/// Builds once for every question that a build asks, with `edit` right before it.
fn edit_before_every_question(edit: fn(&MemorySystem)) {
    let start = world().system;
    start.settle();
    let before = digest_of_clean(&start);
    let edited = start.fork();
    edit(&edited);
    let after = digest_of_clean(&edited);
    for nth in 0.. {
        let system = start.fork();
        let author = system.clone();
        let witness = Arc::new(Witness::of(Arc::new(system.clone())).before(nth, move || edit(&author)));
        let outcome = build(witness.clone());
        let asked = witness.notes();
        let question = asked.get(nth);
        match outcome {
            Ok(report) => {
                let digest = report.content_digest().expect("there is a pack");
                assert!(digest == before || digest == after, "question {nth}, {question:?}: a pack of two moments");
            }
            Err(Error::Torn { .. } | Error::Unreadable(_)) => {}
            Err(error) => panic!("question {nth}, {question:?}: {error:?}"),
        }
        if question.is_none() {
            assert!(nth > 100, "a build asks many questions");
            return;
        }
        // The clock has not moved: the next build must not take anything for what it was.
        let digest = build(Arc::new(system)).expect("a sound workspace").content_digest().expect("there is a pack");
        assert_eq!(digest, after, "question {nth}, {question:?}: the build after it");
    }
}

#[test]
fn a_payload_is_rewritten_in_the_same_length() {
    edit_before_every_question(|system| system.write(at("/assets/a.txt"), "omega\n"));
}

#[test]
fn a_payload_is_removed() {
    edit_before_every_question(|system| system.remove(at("/assets/a.txt")));
}

#[test]
fn a_file_that_a_model_reads_is_rewritten() {
    edit_before_every_question(|system| system.write(at("/assets/m/ship.bin"), "new!\n"));
}

#[test]
fn a_declaration_is_rewritten() {
    let text = r#"{ "type": "raw", "inputs": ["*.bin"], "tags": ["new"] }"#;
    assert_eq!(text.len() + 1, world().system.get(at("/assets/hero/asset.json")).expect("it is there").len());
    edit_before_every_question(|system| {
        system.write(at("/assets/hero/asset.json"), r#"{ "type": "raw", "inputs": ["*.bin"], "tags": ["new"] }"#);
    });
}

#[test]
fn a_file_appears_that_a_glob_matches() {
    edit_before_every_question(|system| system.write(at("/assets/hero/cape.bin"), "cape"));
}

#[test]
fn a_file_is_replaced_by_another() {
    edit_before_every_question(|system| {
        system.write(at("/assets/.temp"), "omega\n");
        system.rename(at("/assets/.temp"), at("/assets/a.txt"));
    });
}

#[test]
fn the_configuration_is_rewritten() {
    edit_before_every_question(|system| {
        let text = format!("{}[presets.new]\ntags = [\"new\"]\n", super::support::CONFIG);
        system.write(at("/packwright.toml"), text.replace("type = \"raw\"", "type = \"raw\"\npresets = [\"new\"]"));
    });
}

/// A file too long to be kept in memory is read again by its processor: it must be what the scan digested.
#[test]
fn a_long_file_is_rewritten_between_its_two_readings() {
    let size = "1100x1100";
    let long = |seed| {
        let mut bytes = png(size, seed);
        bytes.resize(5 << 20, 0);
        bytes
    };
    let world = World::new();
    world.system.write(at("/assets/long.png"), long(1));
    let first = Arc::new(Witness::of(Arc::new(world.system.fork())));
    build(first.clone()).expect("a sound workspace");
    let openings = first.notes().iter().filter(|it| **it == ("open", at("/assets/long.png"))).count();
    assert!(openings >= 2, "it is read by the scan and by its processor");
    for nth in 0..openings {
        let system = world.system.fork();
        system.settle();
        let author = system.clone();
        let edit = move || author.write(at("/assets/long.png"), long(2));
        let report =
            build(Arc::new(Witness::of(Arc::new(system.clone())).before_opening(at("/assets/long.png"), nth, edit)))
                .expect("begun again");
        let edited = system.fork();
        assert_eq!(report.content_digest(), Some(digest_of_clean(&edited)), "reading {nth}");
    }
}
