//! A settled null build, by everything that it asks of the file system.
//!
//! One stat for each source, directory and output, the sixteen files of the registry among them; a few files of
//! packwright's own are opened for reading; nothing is listed, locked exclusively but the output, written or synced.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use expect_test::{Expect, expect};
use packwright::internals::build::{Options, Outcome};
use packwright::internals::system::Disk;
use packwright::internals::system::memory::MemorySystem;

use super::support::{CONFIG, ROOT, World, at, engine};
use super::witness::Witness;

/// A workspace of 120 sources in 13 directories; the greater part of it in buckets of their own.
fn world() -> World {
    let world = World::new();
    for n in 0..120 {
        world.system.write(at(&format!("/assets/level{:02}/prop{n:03}.txt", n / 10)), format!("prop {n}"));
    }
    world
}

/// Builds until nothing is in doubt any more, and returns what the build after that asked.
fn settled(system: &MemorySystem, options: &Options) -> Vec<(&'static str, PathBuf)> {
    for _ in 0..2 {
        system.settle();
        build(Arc::new(system.clone()), options);
    }
    system.settle();
    let before = system.fork();
    let witness = Arc::new(Witness::of(Arc::new(system.clone())));
    assert_eq!(build(witness.clone(), options), Outcome::UpToDate);
    assert_eq!(before.snapshot(), system.snapshot());
    let mut notes = witness.notes();
    notes.sort();
    notes
}

fn build(disk: Arc<dyn Disk>, options: &Options) -> Outcome {
    engine(disk, Path::new(ROOT)).build(options).expect("a sound workspace").outcome
}

/// Tells what was asked of everything that is no source, and how often sources were asked anything.
fn tell(notes: &[(&'static str, PathBuf)]) -> String {
    let mut told = String::new();
    let assets = at("/assets");
    let (sources, others): (Vec<_>, Vec<_>) = notes.iter().partition(|it| it.1.starts_with(&assets));
    let verbs: Vec<&str> = sources.iter().map(|it| it.0).collect();
    for verb in ["stat", "open", "open directory", "list"] {
        let n = verbs.iter().filter(|it| **it == verb).count();
        writeln!(told, "{verb} below assets: {n} times").expect("text grows");
    }
    for same in others.chunk_by(|a, b| a == b) {
        let (verb, path) = same[0];
        let path = path.strip_prefix(ROOT).unwrap_or(path).display().to_string();
        let path = path.split('/').map(|it| if it.len() > 64 { "*.part" } else { it }).collect::<Vec<_>>().join("/");
        let times = if same.len() > 1 { format!(" ({} times)", same.len()) } else { String::new() };
        writeln!(told, "{verb} {path}{times}").expect("text grows");
    }
    told
}

fn check(options: &Options, expected: Expect) {
    let world = world();
    let notes = settled(&world.system, options);
    expected.assert_eq(&tell(&notes));
    let mut stats: Vec<&PathBuf> = notes.iter().filter(|it| it.0 == "stat").map(|it| &it.1).collect();
    // The lane is looked at before and after whatever is read through it.
    stats.retain(|it| !it.starts_with(at("/.packwright/lane")));
    assert!(stats.windows(2).all(|it| it[0] != it[1]), "no other stamp is asked for twice");
}

#[test]
fn a_settled_null_build_asks_once_for_each_stamp() {
    check(
        &Options::default(),
        expect![[r#"
            stat below assets: 133 times
            open below assets: 0 times
            open directory below assets: 2 times
            list below assets: 0 times
            canonicalize build/dev
            lock build/dev/.lock
            lock shared .packwright/cache/index.redb.lock
            make directory build
            make directory build/dev
            open .packwright/cache/index.redb
            open .packwright/lane/journal (8 times)
            open build/dev/main.receipt.json
            open packwright.toml (2 times)
            open directory 
            stat .packwright/cache/index.redb
            stat .packwright/lane (6 times)
            stat .packwright/lane/journal
            stat .packwright/lane/log.jsonl (6 times)
            stat build/.gitignore
            stat build/CACHEDIR.TAG
            stat build/dev/main.pack
            stat build/dev/main.parts
            stat build/dev/main.parts/*.part
            stat build/dev/main.parts/*.part
            stat packwright.registry/0.jsonl
            stat packwright.registry/1.jsonl
            stat packwright.registry/2.jsonl
            stat packwright.registry/3.jsonl
            stat packwright.registry/4.jsonl
            stat packwright.registry/5.jsonl
            stat packwright.registry/6.jsonl
            stat packwright.registry/7.jsonl
            stat packwright.registry/8.jsonl
            stat packwright.registry/9.jsonl
            stat packwright.registry/a.jsonl
            stat packwright.registry/b.jsonl
            stat packwright.registry/c.jsonl
            stat packwright.registry/d.jsonl
            stat packwright.registry/e.jsonl
            stat packwright.registry/f.jsonl
        "#]],
    );
}

#[test]
fn so_does_one_of_another_profile() {
    check(
        &Options { profile: "release".to_owned(), ..Options::default() },
        expect![[r#"
            stat below assets: 133 times
            open below assets: 0 times
            open directory below assets: 2 times
            list below assets: 0 times
            canonicalize build/release
            lock build/release/.lock
            lock shared .packwright/cache/index.redb.lock
            make directory build
            make directory build/release
            open .packwright/cache/index.redb
            open .packwright/lane/journal (8 times)
            open build/release/main.receipt.json
            open packwright.toml (2 times)
            open directory 
            stat .packwright/cache/index.redb
            stat .packwright/lane (6 times)
            stat .packwright/lane/journal
            stat .packwright/lane/log.jsonl (6 times)
            stat build/.gitignore
            stat build/CACHEDIR.TAG
            stat build/release/main.pack
            stat build/release/main.parts
            stat packwright.registry/0.jsonl
            stat packwright.registry/1.jsonl
            stat packwright.registry/2.jsonl
            stat packwright.registry/3.jsonl
            stat packwright.registry/4.jsonl
            stat packwright.registry/5.jsonl
            stat packwright.registry/6.jsonl
            stat packwright.registry/7.jsonl
            stat packwright.registry/8.jsonl
            stat packwright.registry/9.jsonl
            stat packwright.registry/a.jsonl
            stat packwright.registry/b.jsonl
            stat packwright.registry/c.jsonl
            stat packwright.registry/d.jsonl
            stat packwright.registry/e.jsonl
            stat packwright.registry/f.jsonl
        "#]],
    );
}

#[test]
fn several_packs_ask_no_more_of_sources_than_one() {
    let world = world();
    let packs = "[packs.early]\nmatch = [\"level0[0-5]/**\"]\n[packs.rest]\nmatch = [\"!level0[0-5]/**\"]\n\
                 [packs.some]\nreachable_from = [\"level00/prop000.txt\"]\n";
    world.system.write(at("/packwright.toml"), format!("{CONFIG}{packs}"));
    let notes = settled(&world.system, &Options::default());
    let told = tell(&notes);
    let of_outputs = told.lines().filter(|it| it.contains("assets:") || it.contains("build/dev"));
    expect![[r#"
        stat below assets: 133 times
        open below assets: 0 times
        open directory below assets: 2 times
        list below assets: 0 times
        canonicalize build/dev
        lock build/dev/.lock
        make directory build/dev
        open build/dev/early.receipt.json
        open build/dev/rest.receipt.json
        open build/dev/some.receipt.json
        stat build/dev/early.pack
        stat build/dev/early.parts
        stat build/dev/early.parts/*.part
        stat build/dev/early.parts/*.part
        stat build/dev/rest.pack
        stat build/dev/rest.parts
        stat build/dev/rest.parts/*.part
        stat build/dev/rest.parts/*.part
        stat build/dev/some.pack
        stat build/dev/some.parts
        stat build/dev/some.parts/*.part
        stat build/dev/some.parts/*.part
    "#]]
    .assert_eq(&of_outputs.map(|it| format!("{it}\n")).collect::<String>());
}
