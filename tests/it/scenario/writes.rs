//! Write commands in scenarios. A step `write COMMAND WORDS` names assets by their places without `/` at the start;
//! after each one that writes, a build under `--locked` registers nothing, fails in nothing, and gives what a clean
//! build gives.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use expect_test::expect;
use packwright::internals::build::Options;
use packwright::internals::build::view::{Asset, View};
use packwright::internals::driver::Engine;
use packwright::internals::error::{Error, Result};
use packwright::internals::lane::{Commit, Lane};
use packwright::internals::model::RelPath;
use packwright::internals::model::registry::Line;
use packwright::internals::system::memory::MemorySystem;
use packwright::internals::system::{Disk, FileKind, System};
use packwright::internals::workspace::layout::Workspace;
use packwright::internals::write::{self, Decision, Depth, Destination, Plan, Removal};

use super::support::{ROOT, World, check_each, tell_error};
use crate::support::random::{Random, number};

/// Runs a write command and tells what it did.
pub fn write(engine: &Engine, system: &MemorySystem, words: &[&str]) -> String {
    system.settle();
    let mut told = format!("{}:", words[0]);
    match plan(engine, system, words).and_then(|plan| Ok((commit(system, plan.commit.clone())?, plan))) {
        Err(error) => told.push_str(&format!(" {}", tell_error(&error))),
        Ok((done, Plan { commit, notes, .. })) => {
            writeln!(told, " {}{}", commit.title, if done { "" } else { " (nothing to do)" }).expect("text grows");
            notes.iter().for_each(|it| writeln!(told, "  {it}").expect("text grows"));
        }
    }
    told
}

fn commit(system: &MemorySystem, commit: Commit) -> Result<bool> {
    let disk: &dyn Disk = system;
    let mut lane = Lane::acquire(disk, Path::new(ROOT), "test", 1, Duration::ZERO)?;
    Ok(lane.commit(commit)?.is_some())
}

/// Plans a write command.
pub fn plan(engine: &Engine, system: &MemorySystem, words: &[&str]) -> Result<Plan> {
    let ws = Workspace::new(std::sync::Arc::new(system.clone()), ROOT.into());
    let flag = |name: &str| words.contains(&name);
    let places: Vec<RelPath> = words[1..]
        .iter()
        .filter(|it| !it.starts_with("--"))
        .filter_map(|it| RelPath::new(it.trim_end_matches('/')))
        .collect();
    let decide = |view: &View| -> Result<Decision> {
        let assets = || places.iter().map(|it| at(view, it)).collect::<Result<Vec<&Asset>>>();
        match words[0] {
            "register" if places.is_empty() => write::register(view, None),
            "register" => write::register(view, Some(&places.iter().cloned().collect())),
            "refresh" => write::refresh(view),
            "rename" => write::rename(view, at(view, &places[0])?, words[2]),
            "exclude" => write::exclude(view, &assets()?, flag("--force")),
            "include" => write::include(view, &assets()?),
            "remove" => {
                let is_missing = |it: &&Line| places.contains(&it.place);
                let missing: Vec<&Line> = view.proposal.missing.iter().filter(is_missing).collect();
                let assets: Vec<&Asset> = places.iter().filter_map(|it| view.at(it)).collect();
                let removal = Removal { keep_sources: flag("--keep-sources"), force: flag("--force") };
                write::remove(view, &assets, &missing, removal)
            }
            "move" => {
                let (to, sources) = places.split_last().expect("a destination");
                let is_dir = words.last().is_some_and(|it| it.ends_with('/'));
                write::move_files(&ws, view, sources, &Destination { path: to.clone(), is_dir })
            }
            other => panic!("no such command: {other}"),
        }
    };
    engine.plan(&Options::default(), Depth::Observations, &decide)
}

fn at<'a>(view: &'a View, place: &RelPath) -> Result<&'a Asset> {
    view.at(place).ok_or_else(|| Error::Refused(format!("no asset at `{place}`")))
}

/// A workspace with every form of declaration: an `asset.json` with inputs and dependencies, sidecars with and without a
/// type, rules that are general and rules that name a directory, presets, hidden files, and a model that reads others.
pub const ALL_FORMS: &str = r#"
//- /packwright.toml
# all forms
workspace = "01234567-89ab-8def-8123-456789abcdef"
roots = [{ path = "assets" }]
[[rules]] # interface
match = "ui/**/*.png"
type = "image"
presets = ["small"]
[[rules]]
match = "**/*.png"
type = "image"
[[rules]]
match = "**/*.gltf"
type = "model"
[[rules]]
match = "**/*.txt"
type = "raw"
[presets.small]
settings = { max_width = 64 }
//- /assets/dialog/asset.json
// the dialog
{
    "type": "raw",
    "inputs": ["*.md", "../texts/a.txt"], // in this order
    "dependencies": ["hero", "../ui/icon.png", "/assets/texts/a.txt", "texts/b.txt"]
}
//- /assets/dialog/one.md
one
//- /assets/dialog/.hidden
hidden
//- /assets/texts/a.txt
alpha
//- /assets/texts/b.txt
beta
//- png /assets/ui/icon.png 4x2 1
//- png /assets/hero.png 4x2 2
//- /assets/hero.png.asset.json
{ "name": "hero", "dependencies": ["./texts/b.txt"], }
//- /assets/data.bin
data
//- /assets/data.bin.asset.json
{ "type": "raw", "tags": ["x"] }
//- /assets/models/sign.gltf
{ "asset": { "version": "2.0" }, "images": [{ "uri": "../ui/icon.png" }] }
//- build --quiet
"#;

fn with_all_forms(steps: &str) -> String {
    let mut world = World::new();
    world.run(ALL_FORMS);
    world.run(steps)
}

#[test]
fn a_name_changes_where_it_is_declared_and_where_it_is_used() {
    expect![[r#"
        rename: rename `hero` to `knight`
          rewrite 1 reference in `assets/dialog/asset.json`
        /assets/hero.png.asset.json:
        { "name": "knight", "dependencies": ["./texts/b.txt"], }
        /assets/dialog/asset.json:
        // the dialog
        {
            "type": "raw",
            "inputs": ["*.md", "../texts/a.txt"], // in this order
            "dependencies": ["knight", "../ui/icon.png", "/assets/texts/a.txt", "texts/b.txt"]
        }
        build 2: written, 7 assets in the pack
        rename: rename `texts/b.txt` to `bee`
          rewrite 1 reference in `assets/dialog/asset.json`
        /assets/texts/b.txt.asset.json:
        {
          "name": "bee"
        }
        /assets/dialog/asset.json:
        // the dialog
        {
            "type": "raw",
            "inputs": ["*.md", "../texts/a.txt"], // in this order
            "dependencies": ["knight", "../ui/icon.png", "/assets/texts/a.txt", "bee"]
        }
        rename: rename `dialog` to `talk`
        /assets/dialog/asset.json:
        // the dialog
        {
            "type": "raw",
            "inputs": ["*.md", "../texts/a.txt"], // in this order
            "dependencies": ["knight", "../ui/icon.png", "/assets/texts/a.txt", "bee"],
            "name": "talk"
        }
        build 3: written, 7 assets in the pack
        rename: rename `talk` to `talk` (nothing to do)
          `assets/dialog` is named `talk` already
        rename: refused
          error[PW0012] assets/texts/b.txt.asset.json:2:11: `assets/texts/b.txt` is named `bee` already
            help: names are unique in a workspace: choose another one, or rename that asset first
        rename: failed: a name starts with none of `./`, `../`, `/` and `uuid:`: a reference could not tell
        registry:
          1 assets/data.bin
          2 assets/dialog
          3 assets/hero.png
          4 assets/models/sign.gltf
          5 assets/texts/a.txt
          6 assets/texts/b.txt
          7 assets/ui/icon.png
    "#]]
    .assert_eq(&with_all_forms(
        "
//- write rename assets/hero.png knight
//- show /assets/hero.png.asset.json
//- show /assets/dialog/asset.json
//- build --locked --quiet
//- write rename assets/texts/b.txt bee
//- show /assets/texts/b.txt.asset.json
//- show /assets/dialog/asset.json
//- write rename assets/dialog talk
//- show /assets/dialog/asset.json
//- build --locked --quiet
//- write rename assets/dialog talk
//- write rename assets/dialog bee
//- write rename assets/dialog ./x
//- registry
",
    ));
}

#[test]
fn assets_are_excluded_and_included_again() {
    expect![[r#"
        exclude: exclude 2 assets
          exclude `assets/data.bin`
          exclude `assets/models/sign.gltf`
        /assets/data.bin.asset.json:
        { "type": "raw", "tags": ["x"], "exclude": true }
        /assets/models/sign.gltf.asset.json:
        {
          "exclude": true
        }
        build 2: written, 5 assets in the pack
        exclude: refused
          error[PW0501] assets/dialog/asset.json:5:22: `assets/dialog` depends on `hero`
            help: take the reference out first, or say --force: then the next build tells of it
          error[PW0501] assets/dialog/asset.json:5:30: `assets/dialog` depends on `../ui/icon.png`
            help: take the reference out first, or say --force: then the next build tells of it
        exclude: exclude 1 asset
          exclude `assets/dialog`
        exclude: exclude 2 assets
          exclude `assets/hero.png`
          exclude `assets/ui/icon.png`
        build 3: written, 2 assets in the pack
        exclude: exclude 2 assets
          exclude `assets/texts/a.txt`
          exclude `assets/texts/b.txt`
          note: the rule `**/*.txt` now excludes whatever it matches, also later
        /packwright.toml:
        # all forms
        workspace = "01234567-89ab-8def-8123-456789abcdef"
        roots = [{ path = "assets" }]
        [[rules]] # interface
        match = "ui/**/*.png"
        type = "image"
        presets = ["small"]
        [[rules]]
        match = "**/*.png"
        type = "image"
        [[rules]]
        match = "**/*.gltf"
        type = "model"
        [[rules]]
        match = "**/*.txt"
        type = "raw"
        exclude = true
        [presets.small]
        settings = { max_width = 64 }
        build 4: written, 0 assets in the pack
        include: include 1 asset
          include `assets/texts/a.txt`
        /assets/texts/a.txt.asset.json:
        {
          "exclude": false
        }
        build 5: written, 1 asset in the pack
        exclude: exclude 1 asset
          exclude `assets/texts/a.txt`
        /assets/texts/a.txt.asset.json:
        {
          "exclude": true
        }
        include: include 2 assets
          include `assets/texts/a.txt`
          include `assets/texts/b.txt`
          note: the rule `**/*.txt` does not exclude any more whatever it matches, also later
        include: include 5 assets
          include `assets/data.bin`
          include `assets/models/sign.gltf`
          include `assets/dialog`
          include `assets/hero.png`
          include `assets/ui/icon.png`
        build 6: written, 7 assets in the pack
        /packwright.toml:
        # all forms
        workspace = "01234567-89ab-8def-8123-456789abcdef"
        roots = [{ path = "assets" }]
        [[rules]] # interface
        match = "ui/**/*.png"
        type = "image"
        presets = ["small"]
        [[rules]]
        match = "**/*.png"
        type = "image"
        [[rules]]
        match = "**/*.gltf"
        type = "model"
        [[rules]]
        match = "**/*.txt"
        type = "raw"
        [presets.small]
        settings = { max_width = 64 }
        /assets/models/sign.gltf.asset.json:
        gone
        /assets/data.bin.asset.json:
        { "type": "raw", "tags": ["x"] }
        include: include 0 assets (nothing to do)
          `assets/data.bin` is not excluded
    "#]]
    .assert_eq(&with_all_forms(
        "
//- write exclude assets/data.bin assets/models/sign.gltf
//- show /assets/data.bin.asset.json
//- show /assets/models/sign.gltf.asset.json
//- build --locked --quiet
//- write exclude assets/hero.png assets/ui/icon.png
//- write exclude assets/dialog
//- write exclude assets/hero.png assets/ui/icon.png
//- build --locked --quiet
//- write exclude assets/texts/a.txt assets/texts/b.txt
//- show /packwright.toml
//- build --locked --quiet
//- write include assets/texts/a.txt
//- show /assets/texts/a.txt.asset.json
//- build --locked --quiet
//- write exclude assets/texts/a.txt
//- show /assets/texts/a.txt.asset.json
//- write include assets/texts/a.txt assets/texts/b.txt
//- write include assets/data.bin assets/models/sign.gltf assets/dialog assets/hero.png assets/ui/icon.png
//- build --locked --quiet
//- show /packwright.toml
//- show /assets/models/sign.gltf.asset.json
//- show /assets/data.bin.asset.json
//- write include assets/data.bin
",
    ));
}

#[test]
fn exclusions_that_are_not_the_assets_own_are_laid_over() {
    expect![[r#"
        build 2: written, 4 assets in the pack
          warning[PW0206] assets/dialog: `assets/dialog` is registered as 2 and not declared any more
            help: bring it back, or run `packwright remove 2` to give it up for good
        include: include 1 asset
          include `assets/texts/a.txt`
          note: `assets/texts/a.txt` stays excluded in the profile `release`, where that is said
        /assets/texts/a.txt.asset.json:
        {
          "exclude": false
        }
        build 3: written, 5 assets in the pack
          warning[PW0206] assets/dialog: `assets/dialog` is registered as 2 and not declared any more
            help: bring it back, or run `packwright remove 2` to give it up for good
        include: include 1 asset
          include `assets/texts/b.txt`
          note: `assets/texts/b.txt` stays excluded in the profile `release`, where that is said
        exclude: exclude 1 asset
          exclude `assets/texts/a.txt`
        include: include 1 asset
          `assets/texts/b.txt` is not excluded
          include `assets/texts/a.txt`
          note: `assets/texts/a.txt` stays excluded in the profile `release`, where that is said
          note: `assets/texts/b.txt` stays excluded in the profile `release`, where that is said
        /packwright.toml:
        workspace = "01234567-89ab-8def-8123-456789abcdef"
        roots = [{ path = "assets" }]
        rules = [{ match = "**/*.txt", type = "raw", presets = ["out"] }, { match = "**/*.{png,gltf}", type = "raw" }]
        [presets.out]
        exclude = true
        profiles.release.exclude = true
        build 4: written, 6 assets in the pack
          warning[PW0206] assets/dialog: `assets/dialog` is registered as 2 and not declared any more
            help: bring it back, or run `packwright remove 2` to give it up for good
    "#]]
    .assert_eq(&with_all_forms(
        "
//- /packwright.toml
workspace = \"01234567-89ab-8def-8123-456789abcdef\"
roots = [{ path = \"assets\" }]
rules = [{ match = \"**/*.txt\", type = \"raw\", presets = [\"out\"] }, { match = \"**/*.{png,gltf}\", type = \"raw\" }]
[presets.out]
exclude = true
profiles.release.exclude = true
//- rm /assets/dialog/asset.json
//- rm /assets/hero.png.asset.json
//- build --quiet
//- write include assets/texts/a.txt
//- show /assets/texts/a.txt.asset.json
//- build --locked --quiet
//- write include assets/texts/b.txt
//- write exclude assets/texts/a.txt
//- write include assets/texts/a.txt assets/texts/b.txt
//- show /packwright.toml
//- build --locked --quiet
",
    ));
}

#[test]
fn what_is_removed_never_comes_back() {
    expect![[r#"
        remove: refused
          error[PW0501] assets/dialog/asset.json:5:71: `assets/dialog` depends on `texts/b.txt`
            help: take the reference out first, or say --force: then the next build tells of it
          error[PW0501] assets/hero.png.asset.json:1:36: `assets/hero.png` depends on `./texts/b.txt`
            help: take the reference out first, or say --force: then the next build tells of it
        remove: remove 2 assets
          remove 5 `assets/texts/a.txt`
          remove 2 `assets/dialog`
        build 2: written, 5 assets in the pack
        remove: refused
          error[PW0501] assets/models/sign.gltf: `assets/models/sign.gltf` reads `../ui/icon.png`
            help: take the reference out first, or say --force: then the next build tells of it
        remove: remove 2 assets
          remove 4 `assets/models/sign.gltf`
          remove 1 `assets/data.bin`
        build 3: written, 3 assets in the pack
        registry:
          1 assets/data.bin
          2 assets/dialog
          3 assets/hero.png
          4 assets/models/sign.gltf
          5 assets/texts/a.txt
          6 assets/texts/b.txt
          7 assets/ui/icon.png
        build 4: written, 4 assets in the pack
        registry:
          1 assets/data.bin
          2 assets/dialog
          3 assets/hero.png
          4 assets/models/sign.gltf
          5 assets/texts/a.txt
          6 assets/texts/b.txt
          7 assets/ui/icon.png
          8 assets/texts/a.txt
        build 5: written, 3 assets in the pack
          warning[PW0206] assets/texts/a.txt: `assets/texts/a.txt` is registered as 8 and not declared any more
            help: bring it back, or run `packwright remove 8` to give it up for good
        remove: remove 1 asset
          give up 8 `assets/texts/a.txt`, which is missing
        build 6: unchanged, 3 assets in the pack
        remove: remove 1 asset
          remove 7 `assets/ui/icon.png`
          note: `assets/ui/icon.png` stays, and a sidecar excludes it from the rule that matches
        /assets/ui/icon.png.asset.json:
        {
          "exclude": true
        }
        build 7: written, 2 assets in the pack
        remove: remove 1 asset
          remove 6 `assets/texts/b.txt`
        build 8: refused
          error[PW0016] assets/hero.png.asset.json:1:36: `./texts/b.txt` names no asset
            help: `packwright list` shows all names; a path begins with `./`, `../` or `/`
    "#]]
    .assert_eq(&with_all_forms(
        "
//- write remove assets/texts/b.txt
//- write remove assets/texts/a.txt assets/dialog
//- build --locked --quiet
//- write remove assets/ui/icon.png
//- write remove assets/models/sign.gltf assets/data.bin
//- build --locked --quiet
//- registry
//- /assets/texts/a.txt
alpha
//- build --quiet
//- registry
//- rm /assets/texts/a.txt
//- build --quiet
//- write remove assets/texts/a.txt
//- build --locked --quiet
//- write remove assets/ui/icon.png --keep-sources
//- show /assets/ui/icon.png.asset.json
//- build --locked --quiet
//- write remove assets/texts/b.txt --force
//- build --quiet
",
    ));
}

#[test]
fn new_places_are_registered_without_a_build() {
    check_each(
        r#"
## all, and only some
//- /assets/c.txt
gamma
//- /assets/a.txt
alpha
//- /assets/b.txt
beta
//- write register assets/b.txt assets/c.txt
//- registry
//- write register
//- registry
//- write register
//- build --locked --quiet
## one that moved, before it is edited
//- /assets/a.txt
alpha
//- build --quiet
//- mv /assets/a.txt /assets/b.txt
//- write rename assets/b.txt bee
//- registry
//- build --locked --quiet
//- mv /assets/b.txt /assets/c.txt
//- mv /assets/b.txt.asset.json /assets/c.txt.asset.json
//- write register
//- registry
//- build --locked --quiet
## what was excluded before it was registered
//- /assets/a.txt
alpha
//- /assets/a.txt.asset.json
{ "exclude": true }
//- build --quiet
//- write include assets/a.txt
//- registry
//- build --locked --quiet
## a directory that is an asset no more
//- /assets/d/asset.json
{ "type": "raw" }
//- /assets/d/a.txt
alpha
//- build --quiet
//- write remove assets/d --keep-sources
//- registry
//- build --locked --quiet
## evidence as it is today
//- /assets/a.txt
alpha
//- build --quiet
//- /assets/a.txt
omega
//- build --quiet
//- write refresh
//- build --locked --quiet
//- write refresh
//- mv /assets/a.txt /assets/b.txt
//- build --quiet
//- registry
"#,
        expect![[r#"
            ## all, and only some
            register: register 2 assets
              register `assets/b.txt` as 1
              register `assets/c.txt` as 2
            registry:
              1 assets/b.txt
              2 assets/c.txt
            register: register 2 assets
              register `assets/a.txt` as 3
              register `assets/good.txt` as 4
            registry:
              1 assets/b.txt
              2 assets/c.txt
              3 assets/a.txt
              4 assets/good.txt
            register: register 0 assets (nothing to do)
            build 1: written, 4 assets in the pack

            ## one that moved, before it is edited
            build 1: written, 2 assets in the pack
            rename: rename `b.txt` to `bee`
              note: 1 moved from `assets/a.txt` to `assets/b.txt`
            registry:
              1 assets/b.txt
              2 assets/good.txt
            build 2: written, 2 assets in the pack
            register: register 1 asset
              move 1 from `assets/b.txt` to `assets/c.txt`
            registry:
              1 assets/c.txt
              2 assets/good.txt
            build 3: unchanged, 2 assets in the pack

            ## what was excluded before it was registered
            build 1: written, 1 asset in the pack
            include: include 1 asset
              include `assets/a.txt`
              register `assets/a.txt` as 2
            registry:
              1 assets/good.txt
              2 assets/a.txt
            build 2: written, 2 assets in the pack

            ## a directory that is an asset no more
            build 1: written, 2 assets in the pack
            remove: remove 1 asset
              remove 1 `assets/d`
              register `assets/d/a.txt` as 3
            registry:
              1 assets/d
              2 assets/good.txt
              3 assets/d/a.txt
            build 2: written, 2 assets in the pack

            ## evidence as it is today
            build 1: written, 2 assets in the pack
            build 2: written, 2 assets in the pack
            refresh: refresh 1 asset
              refresh 1 `assets/a.txt`
            build 3: unchanged, 2 assets in the pack
            refresh: refresh 0 assets (nothing to do)
            build 4: written, 2 assets in the pack
            registry:
              1 assets/b.txt
              2 assets/good.txt

        "#]],
    );
}

#[test]
fn files_and_directories_move_with_all_that_belongs_to_them() {
    expect![[r#"
        move: move 2 assets
          move `assets/hero.png` to `assets/people/hero.png`
          move `assets/ui/icon.png` to `assets/people/icon.png`
          note: at `assets/people/icon.png` the rule `**/*.png` holds, and not the rule `ui/**/*.png` any more
          rewrite 1 reference in `assets/dialog/asset.json`
          rewrite 1 reference in `assets/people/hero.png.asset.json`
          warning: `assets/models/sign.gltf` reads `../ui/icon.png`, which it will find at `../people/icon.png`; change that in the source
        build 2: written, 7 assets in the pack
        /assets/dialog/asset.json:
        // the dialog
        {
            "type": "raw",
            "inputs": ["*.md", "../texts/a.txt"], // in this order
            "dependencies": ["hero", "../people/icon.png", "/assets/texts/a.txt", "texts/b.txt"]
        }
        /assets/people/hero.png.asset.json:
        { "name": "hero", "dependencies": ["../texts/b.txt"], }
        move: move `assets/dialog` to `assets/deep/talk`
          rewrite 2 references in `assets/deep/talk/asset.json`
        build 3: written, 7 assets in the pack
        /assets/deep/talk/asset.json:
        // the dialog
        {
            "type": "raw",
            "inputs": ["*.md", "../../texts/a.txt"], // in this order
            "dependencies": ["hero", "../../people/icon.png", "/assets/texts/a.txt", "texts/b.txt"]
        }
        /assets/deep/talk/.hidden:
        hidden
        move: move `assets/texts` to `assets/words`
          move `assets/texts/a.txt` to `assets/words/a.txt`
          move `assets/texts/b.txt` to `assets/words/b.txt`
          rewrite 3 references in `assets/deep/talk/asset.json`
          rewrite 1 reference in `assets/people/hero.png.asset.json`
        build 4: written, 7 assets in the pack
        /assets/deep/talk/asset.json:
        // the dialog
        {
            "type": "raw",
            "inputs": ["*.md", "../../words/a.txt"], // in this order
            "dependencies": ["hero", "../../people/icon.png", "/assets/words/a.txt", "words/b.txt"]
        }
        move: move `assets/data.bin` to `assets/deep/talk/data.dat`
        build 5: written, 7 assets in the pack
        registry:
          1 assets/deep/talk/data.dat
          2 assets/deep/talk
          3 assets/people/hero.png
          4 assets/models/sign.gltf
          5 assets/words/a.txt
          6 assets/words/b.txt
          7 assets/people/icon.png
    "#]]
    .assert_eq(&with_all_forms(
        "
//- write move assets/hero.png assets/ui/icon.png assets/people/
//- /assets/models/sign.gltf
{ \"asset\": { \"version\": \"2.0\" }, \"images\": [{ \"uri\": \"../people/icon.png\" }] }
//- build --locked --quiet
//- show /assets/dialog/asset.json
//- show /assets/people/hero.png.asset.json
//- write move assets/dialog assets/deep/talk
//- build --locked --quiet
//- show /assets/deep/talk/asset.json
//- show /assets/deep/talk/.hidden
//- write move assets/texts assets/words
//- build --locked --quiet
//- show /assets/deep/talk/asset.json
//- write move assets/data.bin assets/deep/talk/data.dat
//- build --locked --quiet
//- registry
",
    ));
}

#[test]
fn what_is_broken_already_moves_along() {
    expect![[r#"
        move: move `assets/hero.png` to `assets/people/hero.png`
          rewrite 2 references in `assets/people/hero.png.asset.json`
        /assets/people/hero.png.asset.json:
        { "name": "hero", "dependencies": ["../texts/b.txt", "../gone.txt", "nobody"], }
        move: move `assets/models` to `assets/shapes/models`
          move `assets/models/broken` to `assets/shapes/models/broken`
          move `assets/models/sign.gltf` to `assets/shapes/models/sign.gltf`
          rewrite 1 reference in `assets/shapes/models/broken/asset.json`
          warning: `assets/shapes/models/sign.gltf` reads `../ui/icon.png`, which it will find at `../../ui/icon.png`; change that in the source
          register `assets/shapes/models/broken` as 8
        /assets/shapes/models/broken/asset.json:
        { "type": "raw", "inputs": ["nothing.bin", "../../../texts/gone.txt"] }
        move: move `assets/texts` to `assets/words`
          move `assets/texts/a.txt` to `assets/words/a.txt`
          move `assets/texts/b.txt` to `assets/words/b.txt`
          rewrite 3 references in `assets/dialog/asset.json`
          rewrite 1 reference in `assets/people/hero.png.asset.json`
          rewrite 1 reference in `assets/shapes/models/broken/asset.json`
        /assets/people/hero.png.asset.json:
        { "name": "hero", "dependencies": ["../words/b.txt", "../gone.txt", "nobody"], }
        build 2: refused
          warning[PW0406] assets/dialog: `assets/dialog` refers to `assets/people/hero.png`, which is not in the pack
          error[PW0016] assets/people/hero.png.asset.json:1:54: `../gone.txt` names no asset
            help: `packwright list` shows all names; a path begins with `./`, `../` or `/`
          error[PW0016] assets/people/hero.png.asset.json:1:69: `nobody` names no asset
            help: `packwright list` shows all names; a path begins with `./`, `../` or `/`
          error[PW0015] assets/shapes/models/broken/asset.json:1:29: the input `nothing.bin` is not there
            help: `assets/shapes/models/broken/nothing.bin` was looked for; add it, or take it out of `inputs`
          error[PW0015] assets/shapes/models/broken/asset.json:1:44: the input `../../../words/gone.txt` is not there
            help: `assets/words/gone.txt` was looked for; add it, or take it out of `inputs`
          error[PW0321] assets/shapes/models/sign.gltf:1:54: `images[0]` names `../ui/icon.png`, which is not there
            help: add the file, or correct the `uri`, which is seen from the model
    "#]].assert_eq(&with_all_forms(
        r#"
//- /assets/hero.png.asset.json
{ "name": "hero", "dependencies": ["./texts/b.txt", "./gone.txt", "nobody"], }
//- /assets/models/broken/asset.json
{ "type": "raw", "inputs": ["nothing.bin", "../../texts/gone.txt"] }
//- write move assets/hero.png assets/people/
//- show /assets/people/hero.png.asset.json
//- write move assets/models assets/shapes/
//- show /assets/shapes/models/broken/asset.json
//- write move assets/texts assets/words
//- show /assets/people/hero.png.asset.json
//- build --locked --quiet
"#,
    ));
}

#[test]
fn what_is_excluded_stops_no_build_and_keeps_its_identity() {
    let edits = ["{ \"type\": \"imag\", \"exclude\": true }", "{ \"type\": \"raw\", \"odd\": 1, \"exclude\": true }"];
    let steps = edits.map(|it| {
        format!(
            "
//- /assets/data.bin.asset.json
{it}
//- /assets/models/sign.gltf.asset.json
{{ \"dependencies\": [\"nobody\"], \"exclude\": true }}
//- /assets/dialog/asset.json
{{ \"type\": \"raw\", \"inputs\": [\"gone.md\"], \"exclude\": true }}
//- build --locked --quiet
//- restart
//- build --locked --quiet
//- /assets/texts/a.txt
edited {}
//- restart
//- build --locked --quiet
",
            it.len()
        )
    });
    expect![[r#"
        build 2: written, 4 assets in the pack
          warning[PW0008] assets/data.bin.asset.json:1:11: there is no type `imag`
            help: did you mean `image`?
          warning[PW0016] assets/models/sign.gltf.asset.json:1:20: `nobody` names no asset
            help: `packwright list` shows all names; a path begins with `./`, `../` or `/`
        build 3: up to date, 4 assets in the pack
          warning[PW0008] assets/data.bin.asset.json:1:11: there is no type `imag`
            help: did you mean `image`?
          warning[PW0016] assets/models/sign.gltf.asset.json:1:20: `nobody` names no asset
            help: `packwright list` shows all names; a path begins with `./`, `../` or `/`
        build 4: written, 4 assets in the pack
          warning[PW0008] assets/data.bin.asset.json:1:11: there is no type `imag`
            help: did you mean `image`?
          warning[PW0016] assets/models/sign.gltf.asset.json:1:20: `nobody` names no asset
            help: `packwright list` shows all names; a path begins with `./`, `../` or `/`
        build 5: unchanged, 4 assets in the pack
          warning[PW0003] assets/data.bin.asset.json:1:18: unknown field `odd`
            help: the fields here are `$schema`, `name`, `type`, `inputs`, `settings`, `profiles`, `presets`, `codec`, `preload`, `tags`, `dependencies`, `exclude`
          warning[PW0016] assets/models/sign.gltf.asset.json:1:20: `nobody` names no asset
            help: `packwright list` shows all names; a path begins with `./`, `../` or `/`
        build 6: up to date, 4 assets in the pack
          warning[PW0003] assets/data.bin.asset.json:1:18: unknown field `odd`
            help: the fields here are `$schema`, `name`, `type`, `inputs`, `settings`, `profiles`, `presets`, `codec`, `preload`, `tags`, `dependencies`, `exclude`
          warning[PW0016] assets/models/sign.gltf.asset.json:1:20: `nobody` names no asset
            help: `packwright list` shows all names; a path begins with `./`, `../` or `/`
        build 7: written, 4 assets in the pack
          warning[PW0003] assets/data.bin.asset.json:1:18: unknown field `odd`
            help: the fields here are `$schema`, `name`, `type`, `inputs`, `settings`, `profiles`, `presets`, `codec`, `preload`, `tags`, `dependencies`, `exclude`
          warning[PW0016] assets/models/sign.gltf.asset.json:1:20: `nobody` names no asset
            help: `packwright list` shows all names; a path begins with `./`, `../` or `/`
        registry:
          1 assets/data.bin
          2 assets/dialog
          3 assets/hero.png
          4 assets/models/sign.gltf
          5 assets/texts/a.txt
          6 assets/texts/b.txt
          7 assets/ui/icon.png
    "#]].assert_eq(&with_all_forms(&(steps.concat() + "//- registry\n")));
}

#[test]
fn empty_directories_move_along() {
    let mut world = World::new();
    let steps = "
//- mkdir /assets/dialog/later/on
//- mkdir /assets/dialog/.notes
//- mkdir /assets/empty
//- mode /assets/texts 700
//- write move assets/dialog assets/texts assets/talk/
//- build --locked --quiet
//- write move assets/empty assets/void
";
    world.run(ALL_FORMS);
    expect![[r#"
        move: move 3 assets
          warning: `assets/texts` has the permissions 700, which do not come along; `chmod 700 assets/talk/texts` gives them to it
          move `assets/dialog` to `assets/talk/dialog`
          move `assets/texts/a.txt` to `assets/talk/texts/a.txt`
          move `assets/texts/b.txt` to `assets/talk/texts/b.txt`
          make the empty directory `assets/talk/dialog/.notes`
          make the empty directory `assets/talk/dialog/later/on`
          rewrite 3 references in `assets/talk/dialog/asset.json`
          rewrite 1 reference in `assets/hero.png.asset.json`
        build 2: written, 7 assets in the pack
        move: move `assets/empty` to `assets/void`
          make the empty directory `assets/void`
    "#]].assert_eq(&world.run(steps));
    let is_dir = |path: &str| world.system.stat(&super::support::at(path)).is_ok_and(|it| it.kind == FileKind::Dir);
    let moved = ["/assets/talk/dialog/later/on", "/assets/talk/dialog/.notes", "/assets/void"];
    let former = ["/assets/dialog/later/on", "/assets/dialog/.notes", "/assets/empty"];
    assert!(moved.iter().all(|it| is_dir(it)) && !former.iter().any(|it| is_dir(it)));
    take_all_back(&world.system, 0);
    assert!(former.iter().all(|it| is_dir(it)) && !moved.iter().any(|it| is_dir(it)));
}

#[test]
fn a_directory_that_moves_leaves_nothing_behind() {
    let mut world = World::new();
    world.run(ALL_FORMS);
    world.system.mkdir(super::support::at("/assets/texts/empty/er"));
    world.run("//- write move assets/texts assets/words");
    let is_there =
        |path: &str| packwright::internals::system::System::stat(&world.system, &super::support::at(path)).is_ok();
    assert!(is_there("/assets/words/a.txt") && !is_there("/assets/texts"));
}

#[test]
fn rules_follow_what_they_name() {
    expect![[r#"
        move: move `assets/ui` to `assets/screen/gui`
          move `assets/ui/icon.png` to `assets/screen/gui/icon.png`
          rewrite 1 reference in `assets/dialog/asset.json`
          rewrite the rule `ui/**/*.png` to `screen/gui/**/*.png`
          warning: `assets/models/sign.gltf` reads `../ui/icon.png`, which it will find at `../screen/gui/icon.png`; change that in the source
        /packwright.toml:
        # all forms
        workspace = "01234567-89ab-8def-8123-456789abcdef"
        roots = [{ path = "assets" }]
        [[rules]] # interface
        match = "screen/gui/**/*.png"
        type = "image"
        presets = ["small"]
        [[rules]]
        match = "**/*.png"
        type = "image"
        [[rules]]
        match = "**/*.gltf"
        type = "model"
        [[rules]]
        match = "**/*.txt"
        type = "raw"
        [presets.small]
        settings = { max_width = 64 }
        build 2: written, 7 assets in the pack
        move: failed: `assets/models` cannot be moved to `assets/models`, which is the same or lies in it
        move: move 2 assets
          move `assets/models/sign.gltf` to `assets/both/models/sign.gltf`
          move `assets/screen/gui/icon.png` to `assets/both/screen/gui/icon.png`
          rewrite 1 reference in `assets/dialog/asset.json`
          rewrite the rule `screen/gui/**/*.png` to `both/screen/gui/**/*.png`
        build 3: written, 7 assets in the pack
        /packwright.toml:
        # all forms
        workspace = "01234567-89ab-8def-8123-456789abcdef"
        roots = [{ path = "assets" }]
        [[rules]] # interface
        match = "both/screen/gui/**/*.png"
        type = "image"
        presets = ["small"]
        [[rules]]
        match = "**/*.png"
        type = "image"
        [[rules]]
        match = "**/*.gltf"
        type = "model"
        [[rules]]
        match = "**/*.txt"
        type = "raw"
        [presets.small]
        settings = { max_width = 64 }
        move: move `assets/both/screen/gui/icon.png` to `assets/icon.png`
          note: at `assets/icon.png` the rule `**/*.png` holds, and not the rule `both/screen/gui/**/*.png` any more
          rewrite 1 reference in `assets/dialog/asset.json`
          warning: `assets/both/models/sign.gltf` reads `../screen/gui/icon.png`, which it will find at `../../icon.png`; change that in the source
    "#]]
    .assert_eq(&with_all_forms(
        "
//- write move assets/ui assets/screen/gui
//- show /packwright.toml
//- /assets/models/sign.gltf
{ \"asset\": { \"version\": \"2.0\" }, \"images\": [{ \"uri\": \"../screen/gui/icon.png\" }] }
//- build --locked --quiet
//- write move assets/models assets/screen/gui assets/
//- write move assets/screen assets/models assets/both/
//- build --locked --quiet
//- show /packwright.toml
//- write move assets/both/screen/gui/icon.png assets/icon.png
",
    ));
}

#[test]
fn nothing_is_moved_where_it_cannot_be() {
    expect![[r#"
        move: failed: `assets/data.bin` is there already; packwright overwrites nothing
        move: failed: nothing would declare `assets/dialog/hero.png`: no rule matches it there; give it a sidecar `assets/hero.png.asset.json` with a `type` first
        move: failed: nothing would declare `assets/hero.jpg`: no rule matches it there; give it a sidecar `assets/hero.png.asset.json` with a `type` first
        move: failed: `elsewhere/hero.png` lies outside the workspace's roots
        move: failed: `assets/.hero.png` is hidden (a name in it begins with a dot), and hidden files are no sources
        move: failed: `assets/hero.png.asset.json` would be a declaration
        move: failed: `assets/hero.png.asset.json` is a declaration; move what it declares
        move: failed: `assets/dialog` cannot be moved to `assets/dialog/inner`, which is the same or lies in it
        move: failed: `assets` holds the root `assets`: change its `path` in packwright.toml yourself
        move: failed: `assets/nothing.png` is no source
        move: failed: `assets/ui/x` is no directory: with a `/` at its end it becomes one
        move: failed: nothing would declare `assets/dialog/b.txt`: no rule matches it there; give it a sidecar `assets/texts/b.txt.asset.json` with a `type` first
        move: failed: `assets/data.bin` is a file
        move: failed: `assets/texts/a.txt` is the place of 5, which is missing; `packwright remove 5` gives it up for good
        move: failed: `assets/link.txt` is a link or no regular file; packwright only moves files
    "#]].assert_eq(&with_all_forms(
        "
//- write move assets/hero.png assets/data.bin
//- write move assets/hero.png assets/dialog/
//- write move assets/hero.png assets/hero.jpg
//- write move assets/hero.png elsewhere/hero.png
//- write move assets/hero.png assets/.hero.png
//- write move assets/hero.png assets/hero.png.asset.json
//- write move assets/hero.png.asset.json assets/x.json
//- write move assets/dialog assets/dialog/inner
//- write move assets packs
//- write move assets/nothing.png assets/x.png
//- write move assets/hero.png assets/data.bin assets/ui/x
//- write move assets/texts/b.txt assets/dialog/b.txt
//- write move assets/ui/icon.png assets/data.bin/icon.png
//- rm /assets/texts/a.txt
//- write move assets/texts/b.txt assets/texts/a.txt
//- ln /assets/link.txt -> texts/b.txt
//- write move assets/link.txt assets/x.txt
",
    ));
}

#[test]
fn odd_workspaces_are_written_too() {
    check_each(
        r#"
## several roots, whose names are part of names
//- /packwright.toml
workspace = "01234567-89ab-8def-8123-456789abcdef"
roots = [{ path = "assets" }, { path = "mods/all", name = "mods" }]
[[rules]]
match = "deep/**/*.txt"
root = "mods"
type = "raw"
[[rules]]
match = "**/*.txt"
type = "raw"
//- /assets/a.txt
alpha
//- /mods/all/b.txt
beta
//- /mods/all/b.txt.asset.json
{ "dependencies": ["assets/a.txt", "../../assets/a.txt"] }
//- build --quiet
//- write move assets/a.txt mods/all/deep/a.txt
//- show /mods/all/b.txt.asset.json
//- build --locked --quiet
//- write move mods/all/deep mods/all/deeper
//- show /packwright.toml
//- build --locked --quiet
//- write move mods elsewhere
## two assets of one name, and those who mean one of them
//- /assets/a.txt
alpha
//- /assets/b.txt
beta
//- /assets/b.txt.asset.json
{ "name": "a.txt" }
//- /assets/c.txt
gamma
//- /assets/c.txt.asset.json
{ "dependencies": ["a.txt"] }
//- build --quiet
//- write rename assets/b.txt b.txt
//- build --quiet
## files as another system writes them
//- /assets/a.txt
alpha
//- /assets/b.txt
beta
//- hex /assets/b.txt.asset.json ef bb bf 7b 0d 0a 20 22 64 65 70 65 6e 64 65 6e 63 69 65 73 22 3a 20 5b 22 61 2e 74 78 74 22 5d 0d 0a 7d
//- build --quiet
//- write rename assets/a.txt alpha
//- build --locked --quiet
//- write exclude assets/b.txt
//- build --locked --quiet
//- write include assets/b.txt
//- build --locked --quiet
## a directory with more in it than sources
//- /assets/d/a.txt
alpha
//- /assets/d/asset.json
{ "type": "raw", "inputs": ["a.txt"] }
//- /assets/d/inner/.packwright/x
x
//- build --quiet
//- write move assets/d assets/e
//- rm /assets/d/inner
//- ln /assets/d/.link -> a.txt
//- write move assets/d assets/e
## what lies behind a link
//- /assets/d/a.txt
alpha
//- ln /assets/e -> d
//- build --quiet
//- write rename assets/e/a.txt x
//- write move assets/e/a.txt assets/x.txt
//- write move assets/d/a.txt assets/e/x.txt
//- write rename assets/d/a.txt x
//- write exclude assets/e/a.txt
//- write exclude assets/d/a.txt
//- build --locked --quiet
//- write include assets/d/a.txt
//- write remove assets/d/a.txt
//- write remove assets/d/a.txt assets/e/a.txt
//- build --quiet
## a directory asset behind a link
//- /assets/d/one/asset.json
{ "type": "raw", "inputs": ["a.bin"] }
//- /assets/d/one/a.bin
alpha
//- /assets/user/asset.json
{ "type": "raw", "inputs": ["../e/one/a.bin"] }
//- ln /assets/e -> d
//- build --quiet
//- write remove assets/d/one
//- write remove assets/d/one --force
//- build --quiet
//- write remove assets/e/one
## what is seen behind a link only
//- /shared/b.bin
beta
//- /shared/b.bin.asset.json
{ "type": "raw" }
//- /shared/a.txt
alpha
//- ln /assets/e -> ../shared
//- build --quiet
//- write exclude assets/e/a.txt assets/e/b.bin
//- show /shared/a.txt.asset.json
//- show /shared/b.bin.asset.json
//- build --locked --quiet
//- write include assets/e/a.txt assets/e/b.bin
//- show /shared/a.txt.asset.json
//- show /shared/b.bin.asset.json
//- build --locked --quiet
//- write move assets/e/a.txt assets/x.txt
## a directory asset in another
//- /assets/d/asset.json
{ "type": "raw" }
//- /assets/d/a.txt
alpha
//- /assets/d/e/asset.json
{ "type": "raw", "inputs": ["b.txt", "../a.txt"] }
//- /assets/d/e/b.txt
beta
//- /assets/d/c.txt
gamma
//- /assets/d/c.txt.asset.json
{ "type": "raw" }
//- build --quiet
//- write remove assets/d
//- write move assets/d/e assets/e
//- show /assets/e/asset.json
//- build --locked --quiet
//- write move assets/d/a.txt assets/d/e/a.txt
//- write remove assets/e
//- write remove assets/d
//- build --locked --quiet
//- show /assets/d/c.txt
## a rule that excludes by a preset
//- /packwright.toml
workspace = "01234567-89ab-8def-8123-456789abcdef"
roots = [{ path = "assets" }]
rules = [{ match = "**/*.txt", type = "raw", presets = ["out"] }]
[presets.out]
exclude = true
//- /assets/a.txt
alpha
//- /assets/a.txt.asset.json
{ "tags": ["a"] }
//- write include assets/a.txt assets/good.txt
//- show /packwright.toml
//- show /assets/a.txt.asset.json
//- build --locked --quiet
//- write exclude assets/a.txt assets/good.txt
//- show /packwright.toml
//- show /assets/a.txt.asset.json
//- build --locked --quiet
## inputs that come and go with their places
//- /assets/d/asset.json
{ "type": "raw" }
//- /assets/d/a.txt
alpha
//- /assets/d/b.txt
beta
//- /assets/x/asset.json
{ "type": "raw", "inputs": ["../d/*.txt", "../y/*.md"] }
//- /assets/y/one.md
one
//- build --quiet
//- write move assets/d/b.txt assets/b.txt
//- write move assets/good.txt assets/d/
//- write move assets/b.txt assets/y/two.md
//- write move assets/y assets/z
//- show /assets/x/asset.json
//- build --quiet
## a rule for one file
//- /packwright.toml
workspace = "01234567-89ab-8def-8123-456789abcdef"
roots = [{ path = "assets" }]
rules = [{ match = "logo.txt", type = "raw" }]
//- rm /assets/good.txt
//- /assets/logo.txt
logo
//- build --quiet
//- write move assets/logo.txt assets/x/sign.txt
//- show /packwright.toml
//- build --locked --quiet
//- write exclude assets/x/sign.txt
//- show /packwright.toml
//- show /assets/x/sign.txt.asset.json
"#,
        expect![[r###"
            ## several roots, whose names are part of names
            build 1: written, 3 assets in the pack
            move: move `assets/a.txt` to `mods/all/deep/a.txt`
              note: at `mods/all/deep/a.txt` the rule `deep/**/*.txt` holds, and not the rule `**/*.txt` any more
              rewrite 2 references in `mods/all/b.txt.asset.json`
            /mods/all/b.txt.asset.json:
            { "dependencies": ["mods/deep/a.txt", "./deep/a.txt"] }
            build 2: written, 3 assets in the pack
            move: move `mods/all/deep` to `mods/all/deeper`
              move `mods/all/deep/a.txt` to `mods/all/deeper/a.txt`
              rewrite 2 references in `mods/all/b.txt.asset.json`
              rewrite the rule `deep/**/*.txt` to `deeper/**/*.txt`
            /packwright.toml:
            workspace = "01234567-89ab-8def-8123-456789abcdef"
            roots = [{ path = "assets" }, { path = "mods/all", name = "mods" }]
            [[rules]]
            match = "deeper/**/*.txt"
            root = "mods"
            type = "raw"
            [[rules]]
            match = "**/*.txt"
            type = "raw"
            build 3: written, 3 assets in the pack
            move: failed: `mods` holds the root `mods`: change its `path` in packwright.toml yourself

            ## two assets of one name, and those who mean one of them
            build 1: refused
              error[PW0012] assets/a.txt: two assets are named `a.txt`
                assets/b.txt.asset.json:1:11: the other one is declared here
                help: `assets/b.txt` has this name too; give one of them another `name`
              error[PW0012] assets/b.txt.asset.json:1:11: two assets are named `a.txt`
                assets/a.txt: the other one is declared here
                help: `assets/a.txt` has this name too; give one of them another `name`
              warning[PW0406] assets/c.txt: `assets/c.txt` refers to `assets/a.txt`, which is not in the pack
            rename: rename `a.txt` to `b.txt`
              note: another asset is named `a.txt`; references by that name are left to it
            build 2: written, 4 assets in the pack

            ## files as another system writes them
            build 1: written, 3 assets in the pack
            rename: rename `a.txt` to `alpha`
              rewrite 1 reference in `assets/b.txt.asset.json`
            build 2: written, 3 assets in the pack
            exclude: exclude 1 asset
              exclude `assets/b.txt`
            build 3: written, 2 assets in the pack
            include: include 1 asset
              include `assets/b.txt`
            build 4: written, 3 assets in the pack

            ## a directory with more in it than sources
            build 1: written, 2 assets in the pack
            move: failed: `assets/d/inner` is a workspace of its own
            move: failed: `assets/d/.link` is a link or no regular file, or its name is not UTF-8; packwright only moves files

            ## what lies behind a link
            build 1: written, 3 assets in the pack
            rename: failed: `assets/e/a.txt.asset.json` lies behind the link `assets/e`, and what is done to it is done to `assets/d/a.txt` too: name that one, to change both
            move: failed: `assets/e/a.txt` lies behind the link `assets/e`, and what is done to it is done to `assets/d/a.txt` too: name that one, to change both
            move: failed: `assets/e/x.txt` lies behind the link `assets/e`, and what is done to it is done to `assets/d/x.txt` too: name that one, to change both
            rename: refused
              error[PW0012] assets/d/a.txt.asset.json: afterwards: two assets are named `x`
                assets/e/a.txt.asset.json:2:11: the other one is declared here
                help: `assets/e/a.txt` has this name too; give one of them another `name`
              error[PW0012] assets/e/a.txt.asset.json:2:11: afterwards: two assets are named `x`
                assets/d/a.txt.asset.json: the other one is declared here
                help: `assets/d/a.txt` has this name too; give one of them another `name`
            exclude: failed: `assets/e/a.txt` lies behind a link, and is `assets/d/a.txt` too: `packwright exclude assets/d/a.txt` excludes both; to exclude this one alone, put a rule `[[rules]]` with `match = "e/a.txt"`, `type = "raw"` and `exclude = true` before the one that claims it in packwright.toml
            exclude: exclude 1 asset
              exclude `assets/d/a.txt`
            build 2: written, 1 asset in the pack
            include: include 1 asset
              include `assets/d/a.txt`
            remove: refused
              error[PW0501] assets/e/a.txt: `assets/e/a.txt` is made of `assets/d/a.txt`, seen through a link
                help: remove both at once, or take the link away first, or say --force: then it goes missing
            remove: remove 2 assets
              remove 1 `assets/d/a.txt`
              remove 2 `assets/e/a.txt`
            build 3: unchanged, 1 asset in the pack

            ## a directory asset behind a link
            build 1: written, 4 assets in the pack
            remove: refused
              error[PW0501] assets/e/one: `assets/e/one` is made of `assets/d/one/asset.json`, seen through a link
                help: remove both at once, or take the link away first, or say --force: then it goes missing
              error[PW0501] assets/user/asset.json:1:1: `assets/user` has the input `../e/one/a.bin`
                help: take the reference out first, or say --force: then the next build tells of it
            remove: remove 1 asset
              remove 1 `assets/d/one`
              warning: `assets/e/one/a.bin` will not be an input of `assets/user` any more
              warning: 2 `assets/e/one` goes missing: it is `assets/d/one`, seen through a link; `packwright remove 2` gives it up for good
            build 2: refused
              warning[PW0206] assets/e/one: `assets/e/one` is registered as 2 and not declared any more
                help: bring it back, or run `packwright remove 2` to give it up for good
              error[PW0015] assets/user/asset.json:1:29: the input `../e/one/a.bin` is not there
                help: `assets/e/one/a.bin` was looked for; add it, or take it out of `inputs`
            remove: remove 1 asset
              give up 2 `assets/e/one`, which is missing

            ## what is seen behind a link only
            build 1: written, 3 assets in the pack
            exclude: exclude 2 assets
              exclude `assets/e/a.txt`
              exclude `assets/e/b.bin`
            /shared/a.txt.asset.json:
            {
              "exclude": true
            }
            /shared/b.bin.asset.json:
            { "type": "raw", "exclude": true }
            build 2: written, 1 asset in the pack
            include: include 2 assets
              include `assets/e/a.txt`
              include `assets/e/b.bin`
            /shared/a.txt.asset.json:
            gone
            /shared/b.bin.asset.json:
            { "type": "raw" }
            build 3: written, 3 assets in the pack
            move: failed: `assets/e/a.txt` lies behind the link `assets/e`, where packwright only edits declarations; do it yourself at `shared/a.txt`

            ## a directory asset in another
            build 1: written, 4 assets in the pack
            remove: refused
              error[PW0501] assets/d/e/asset.json:1:1: `assets/d/e` has the input `../a.txt`
                help: take the reference out first, or say --force: then the next build tells of it
            move: move `assets/d/e` to `assets/e`
              rewrite 1 reference in `assets/e/asset.json`
            /assets/e/asset.json:
            { "type": "raw", "inputs": ["b.txt", "../d/a.txt"] }
            build 2: written, 4 assets in the pack
            move: move `assets/d/a.txt` to `assets/d/e/a.txt`
              rewrite 1 reference in `assets/e/asset.json`
            remove: remove 1 asset
              remove 3 `assets/e`
            remove: remove 1 asset
              remove 1 `assets/d`
            build 3: written, 2 assets in the pack
            /assets/d/c.txt:
            gamma

            ## a rule that excludes by a preset
            include: include 2 assets
              include `assets/a.txt`
              include `assets/good.txt`
              note: the rule `**/*.txt` does not exclude any more whatever it matches, also later
              register `assets/a.txt` as 1
              register `assets/good.txt` as 2
            /packwright.toml:
            workspace = "01234567-89ab-8def-8123-456789abcdef"
            roots = [{ path = "assets" }]
            rules = [{ match = "**/*.txt", type = "raw", presets = ["out"], exclude = false }]
            [presets.out]
            exclude = true
            /assets/a.txt.asset.json:
            { "tags": ["a"] }
            build 1: written, 2 assets in the pack
            exclude: exclude 2 assets
              exclude `assets/a.txt`
              exclude `assets/good.txt`
              note: the rule `**/*.txt` now excludes whatever it matches, also later
            /packwright.toml:
            workspace = "01234567-89ab-8def-8123-456789abcdef"
            roots = [{ path = "assets" }]
            rules = [{ match = "**/*.txt", type = "raw", presets = ["out"], exclude = true }]
            [presets.out]
            exclude = true
            /assets/a.txt.asset.json:
            { "tags": ["a"] }
            build 2: written, 0 assets in the pack

            ## inputs that come and go with their places
            build 1: written, 3 assets in the pack
            move: move `assets/d/b.txt` to `assets/b.txt`
              warning: `assets/b.txt` will not be an input of `assets/d` any more
              warning: `assets/b.txt` will not be an input of `assets/x` any more
              register `assets/b.txt` as 4
            move: failed: nothing would declare `assets/d/good.txt`: no rule matches it there; give it a sidecar `assets/good.txt.asset.json` with a `type` first
            move: failed: nothing would declare `assets/y/two.md`: no rule matches it there; give it a sidecar `assets/b.txt.asset.json` with a `type` first
            move: move `assets/y` to `assets/z`
              rewrite 1 reference in `assets/x/asset.json`
            /assets/x/asset.json:
            { "type": "raw", "inputs": ["../d/*.txt", "../z/*.md"] }
            build 2: written, 4 assets in the pack

            ## a rule for one file
            build 1: written, 1 asset in the pack
            move: move `assets/logo.txt` to `assets/x/sign.txt`
              rewrite the rule `logo.txt` to `x/sign.txt`
            /packwright.toml:
            workspace = "01234567-89ab-8def-8123-456789abcdef"
            roots = [{ path = "assets" }]
            rules = [{ match = "x/sign.txt", type = "raw" }]
            build 2: written, 1 asset in the pack
            exclude: exclude 1 asset
              exclude `assets/x/sign.txt`
            /packwright.toml:
            workspace = "01234567-89ab-8def-8123-456789abcdef"
            roots = [{ path = "assets" }]
            rules = [{ match = "x/sign.txt", type = "raw" }]
            /assets/x/sign.txt.asset.json:
            {
              "exclude": true
            }

        "###]],
    );
}

#[test]
fn a_person_is_faster() {
    let mut world = World::new();
    world.run(ALL_FORMS);
    let plan = |words: &[&str]| {
        plan(&super::support::engine(std::sync::Arc::new(world.system.clone()), Path::new(ROOT)), &world.system, words)
    };
    for (words, edited) in [
        (&["rename", "assets/texts/b.txt", "bee"][..], "/assets/dialog/asset.json"),
        (&["rename", "assets/texts/b.txt", "bee"], "/packwright.toml"),
        (&["rename", "assets/texts/b.txt", "bee"], "/assets/texts/b.txt.asset.json"),
        (&["exclude", "assets/data.bin"], "/assets/data.bin.asset.json"),
        (&["remove", "assets/models/sign.gltf"], "/assets/models/sign.gltf"),
        (&["remove", "assets/models/sign.gltf"], "/packwright.registry/0.jsonl"),
    ] {
        let planned = plan(words).expect("it can be done");
        let path = super::support::at(edited);
        let before = world.system.get(&path);
        let text = [before.clone().unwrap_or_default(), b"\n".to_vec()].concat();
        world.system.write(&path, &text);
        let files = world.system.snapshot();
        let outcome = commit(&world.system, planned.commit);
        assert!(matches!(outcome, Err(Error::Conflict { .. })), "{words:?} {edited}: {outcome:?}");
        let is_own = |it: &Path| it.starts_with(super::support::at("/.packwright"));
        let (mut now, mut then) = (world.system.snapshot(), files);
        now.retain(|it, _| !is_own(it));
        then.retain(|it, _| !is_own(it));
        assert!(now == then, "{words:?} {edited}");
        match before {
            Some(before) => world.system.write(&path, before),
            None => world.system.remove(&path),
        }
    }
}

#[test]
fn whatever_is_written_identities_stay() {
    for seed in 0..number("PACKWRIGHT_WRITE_CASES").unwrap_or(8) {
        history(seed);
    }
}

/// Runs write commands by chance. Whatever is not refused keeps every identity, and leaves a workspace in which a build
/// has nothing to register.
fn history(seed: u64) {
    let mut random = Random::new(seed);
    let mut world = World::new();
    world.run(ALL_FORMS);
    let start = authored(&world.system);
    write_by_chance(&mut random, &mut world, seed);
    take_all_back(&world.system, seed);
    assert_eq!(authored(&world.system), start, "seed {seed}: files are what they were");
}

/// Takes back all that was committed: no identity is freed by that.
fn take_all_back(system: &MemorySystem, seed: u64) {
    let ws = Workspace::new(std::sync::Arc::new(system.clone()), ROOT.into());
    let before = identities(system);
    loop {
        match write::undo(&ws) {
            Ok(plan) => assert!(commit(system, plan.commit).expect("nobody is in the way"), "seed {seed}"),
            Err(Error::Refused(message)) if message == "there is no commit to undo" => break,
            Err(error) => panic!("seed {seed}: {error}"),
        }
        let after = identities(system);
        assert!(before.iter().all(|(uuid, (id, _))| after.get(uuid).map(|it| it.0) == Some(*id)), "seed {seed}");
    }
}

/// Returns what people write, and nothing that packwright keeps for itself.
fn authored(system: &MemorySystem) -> BTreeMap<std::path::PathBuf, Vec<u8>> {
    let own = ["/packwright.registry", "/.packwright", "/build"].map(super::support::at);
    system.snapshot().into_iter().filter(|it| !own.iter().any(|own| it.0.starts_with(own))).collect()
}

fn write_by_chance(random: &mut Random, world: &mut World, seed: u64) {
    for step in 0..12 {
        let words = command(random, world);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let before = identities(&world.system);
        let told = world.run(&format!("//- write {}", words.join(" ")));
        let context = format!("seed {seed}, step {step}: {words:?}\n{told}");
        let after = identities(&world.system);
        for (uuid, (id, _)) in &before {
            assert_eq!(after.get(uuid).map(|it| it.0), Some(*id), "{context}");
        }
        assert!(after.len() == before.len() || told.contains("register `"), "{context}");
        let build = world.run("//- build --locked --quiet");
        if told.contains("warning: ") || build.contains("PW0321") {
            return; // A source does not find any more what it reads; nobody but its author can mend that.
        }
        assert!(build.contains("in the pack") && !build.contains("error["), "{context}{build}");
    }
}

/// Returns every registered identity: its number, and its place or that it is removed.
fn identities(system: &MemorySystem) -> BTreeMap<String, (u64, String)> {
    let files = system.snapshot().into_iter().filter(|it| it.0.starts_with(super::support::at("/packwright.registry")));
    let mut identities = BTreeMap::new();
    for (_, bytes) in files {
        for line in String::from_utf8(bytes).expect("text").lines() {
            let line: serde_json::Value = serde_json::from_str(line).expect("a line");
            let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
            let id = line["asset_id"].as_u64().expect("a number");
            identities.insert(text("asset_uuid"), (id, text("place")));
        }
    }
    identities
}

fn command(random: &mut Random, world: &World) -> Vec<String> {
    let files: Vec<String> = world
        .system
        .snapshot()
        .into_keys()
        .filter_map(|it| Some(it.strip_prefix(ROOT).ok()?.to_str()?.to_owned()))
        .filter(|it| it.starts_with("assets/"))
        .collect();
    let place = |random: &mut Random| {
        let file = &files[random.below(files.len())];
        let file = file.strip_suffix(".asset.json").unwrap_or(file);
        let is_whole = random.below(3) == 0 || file.ends_with("asset.json");
        let path = if is_whole { file.rsplit_once('/').map_or(file, |it| it.0) } else { file };
        path.to_owned()
    };
    let dirs = ["assets/x/", "assets/y/z/", "assets/ui/", "assets/texts/", "assets/"];
    let (one, other) = (place(random), place(random));
    let number = random.below(1000);
    match random.below(8) {
        0 | 1 => vec!["rename".to_owned(), one, format!("name-{number}")],
        2 => vec!["exclude".to_owned(), one, other],
        3 => vec!["include".to_owned(), one, other],
        4 => vec!["remove".to_owned(), one],
        5 => vec!["move".to_owned(), one, dirs[random.below(dirs.len())].to_owned()],
        _ => vec!["move".to_owned(), one.clone(), format!("{}-{number}{}", stem(&one).0, stem(&one).1)],
    }
}

fn stem(path: &str) -> (&str, &str) {
    path.rfind('.').filter(|it| *it > path.rfind('/').unwrap_or(0)).map_or((path, ""), |at| path.split_at(at))
}

#[test]
fn what_packs_are_reached_from_follows_names_and_paths() {
    let steps = r#"
//- /packwright.toml
workspace = "01234567-89ab-8def-8123-456789abcdef"
roots = [{ path = "assets" }]
rules = [{ match = "**/*.txt", type = "raw" }, { match = "**/*.png", type = "image" },
  { match = "**/*.gltf", type = "model" }]
[packs.all]
[packs.some] # of the beginning
reachable_from = [ "hero", # the hero
  "/assets/texts/a.txt", "texts/b.txt" ]
//- build --quiet
//- write rename assets/hero.png knight
//- write move assets/texts assets/words
//- show /packwright.toml
//- write exclude assets/words/a.txt
//- build --quiet
"#;
    expect![[r#"
        build 2: written, all: 7 assets, some: 3 assets
          removed main
        rename: rename `hero` to `knight`
          rewrite 1 reference in `assets/dialog/asset.json`
          rewrite 1 reference of packs in `packwright.toml`
        move: move `assets/texts` to `assets/words`
          move `assets/texts/a.txt` to `assets/words/a.txt`
          move `assets/texts/b.txt` to `assets/words/b.txt`
          rewrite 3 references in `assets/dialog/asset.json`
          rewrite 1 reference in `assets/hero.png.asset.json`
          rewrite 2 references of packs in `packwright.toml`
        /packwright.toml:
        workspace = "01234567-89ab-8def-8123-456789abcdef"
        roots = [{ path = "assets" }]
        rules = [{ match = "**/*.txt", type = "raw" }, { match = "**/*.png", type = "image" },
          { match = "**/*.gltf", type = "model" }]
        [packs.all]
        [packs.some] # of the beginning
        reachable_from = [ "knight", # the hero
          "/assets/words/a.txt", "words/b.txt" ]
        exclude: refused
          error[PW0501] assets/dialog/asset.json:5:50: `assets/dialog` depends on `/assets/words/a.txt`
            help: take the reference out first, or say --force: then the next build tells of it
        build 3: written, all: 7 assets, some: 3 assets
    "#]]
    .assert_eq(&with_all_forms(steps));
}
