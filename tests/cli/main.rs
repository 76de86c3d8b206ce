//! The command line as people and scripts see it: stdout, stderr and the exit code of the program itself, each test
//! in a directory of its own and without an environment.
#![expect(clippy::disallowed_methods, reason = "tests look at the disk from outside")]

mod sandbox;
mod schema;

mod bench;
mod diagnostics;
mod doctor;
mod documents;
mod examples;
mod explain;
mod init;
mod looking;
mod odd;
mod others;
mod packs;
mod readers;
mod several;
mod writes;

use expect_test::expect;
use sandbox::Sandbox;

#[test]
fn a_build_and_another_one() {
    let sandbox = Sandbox::demo();
    expect![[r#"
        exit 0
        --- stderr
        note: registered 8 new assets (commit packwright.registry)
          1 assets/credits.txt
          2 assets/dialog
          3 assets/models/crate.glb
          4 assets/models/sign.gltf
          5 assets/sprites/coin.png
          ... and 3 more (-v names them)
        built dev/main: 8 assets processed, 0 reused, 3 files written in 0.00 s
    "#]]
    .assert_eq(&sandbox.run(&["build"]));
    expect![[r#"
        exit 0
        --- stderr
        nothing to do (8 assets, 0.00 s)
    "#]]
    .assert_eq(&sandbox.run(&["build"]));
    sandbox.write("assets/credits.txt", "somebody else\n");
    expect![[r#"
        exit 0
        --- stderr
        built dev/main: 1 asset processed, 7 reused, 2 files written in 0.00 s
    "#]]
    .assert_eq(&sandbox.run(&["build"]));
    sandbox.write(
        "assets/sprites/coin.png.asset.json",
        "{ \"name\": \"coin\", \"tags\": [\"ui\", \"pickup\"], \"preload\": true }",
    );
    expect![[r#"
        exit 0
        --- stderr
        dev/main is as it was: 0 assets processed, 8 reused, nothing written in 0.00 s
    "#]]
    .assert_eq(&sandbox.run(&["build"]));
    expect![[r#"
        exit 0
    "#]]
    .assert_eq(&sandbox.run(&["build", "-q"]));
    expect![[r#"
        exit 0
        --- stderr
        built release/main: 3 assets processed, 5 reused, 1 file written in 0.00 s
    "#]]
    .assert_eq(&sandbox.run(&["build", "--profile", "release", "--out", "elsewhere"]));
}

#[test]
fn a_workspace_at_a_glance() {
    let sandbox = Sandbox::demo();
    expect![[r#"
        exit 0
        --- stdout
        8 assets of 12 sources (profile dev)
          1  by an asset.json in a directory
          1  by the rule `tiles/**/*.png` (image)
          2  by the rule `**/*.png` (image), 1 with a sidecar over it
          2  by the rule `**/*.{glb,gltf}` (model)
          1  by the rule `**/*.wav` (audio)
          1  by the rule `**/*.txt` (raw)
        8 not tried yet: whether processors accept them, only a build tells

        8 new, to be registered by the next build
             1  assets/credits.txt
             2  assets/dialog
             3  assets/models/crate.glb
             4  assets/models/sign.gltf
             5  assets/sprites/coin.png
             6  assets/sprites/hero.png
             7  assets/tiles/checker.png
             8  assets/tunes/hum.wav

        1 unclaimed, made into no asset
                assets/models/sign.bin
    "#]]
    .assert_eq(&sandbox.run(&["status"]));
    sandbox.run(&["build"]);
    sandbox.rename("assets/credits.txt", "assets/thanks.txt");
    sandbox.remove("assets/models/crate.glb");
    sandbox.write("assets/new.txt", "new");
    sandbox.write("assets/sprites/hero.png.asset.json", "{ \"exclude\": true }");
    expect![[r#"
        exit 0
        --- stdout
        8 assets of 13 sources (profile dev)
          1  by an asset.json in a directory
          1  by the rule `tiles/**/*.png` (image)
          2  by the rule `**/*.png` (image), each with a sidecar over it
          1  by the rule `**/*.{glb,gltf}` (model)
          1  by the rule `**/*.wav` (audio)
          2  by the rule `**/*.txt` (raw)
        3 not tried yet: whether processors accept them, only a build tells

        1 new, to be registered by the next build
             9  assets/new.txt

        1 moved, to be registered by the next build
             1  assets/credits.txt -> assets/thanks.txt

        1 missing, registered but not declared (`packwright doctor` looks for them)
             3  assets/models/crate.glb

        1 excluded
             6  assets/sprites/hero.png

        1 broken
             2  assets/dialog

        1 unclaimed, made into no asset
                assets/models/sign.bin
        --- stderr
        warning[PW0016]: `../sprites/hero.png` is excluded from every pack
         --> assets/dialog/asset.json:9:28
          |
        9 |   "dependencies": ["coin", "../sprites/hero.png"]
          |                            ^^^^^^^^^^^^^^^^^^^^^
          |
          = help: `assets/dialog` is left out of the pack

        warning[PW0206]: `assets/models/crate.glb` is registered as 3 and not declared any more
        --> assets/models/crate.glb
         = help: bring it back, or run `packwright remove 3` to give it up for good

        2 warnings

    "#]]
    .assert_eq(&sandbox.run(&["status"]));
    expect![[r#"
        exit 0
        --- stdout
        id  type   inputs     size  place                     name
         1  raw         1     79 B  assets/thanks.txt         thanks.txt         (moved)
         2  raw         2    127 B  assets/dialog             dialog/intro       (broken)
         4  model       1   1022 B  assets/models/sign.gltf   models/sign.gltf
         5  image       1    185 B  assets/sprites/coin.png   coin
         6  image       1    330 B  assets/sprites/hero.png   sprites/hero.png   (excluded)
         7  image       1    116 B  assets/tiles/checker.png  tiles/checker.png
         8  audio       1  1.1 KiB  assets/tunes/hum.wav      tunes/hum.wav
         9  raw         1      3 B  assets/new.txt            new.txt            (new)
    "#]]
    .assert_eq(&sandbox.run(&["list"]));
}

#[test]
fn assets_are_selected() {
    let sandbox = Sandbox::demo();
    sandbox.run(&["build"]);
    for (selector, ids) in [
        ("3", "3"),
        ("coin", "5"),
        ("assets/sprites", "5 6"),
        ("**/*.png", "5 6 7"),
        ("assets/dialog/", "2"),
        ("models/*", "3 4"),
    ] {
        assert_eq!(ids_of(&sandbox.stdout(&["list", selector])), ids, "{selector}");
    }
    let uuid = sandbox.json(&["list", "coin", "--format", "json"])["assets"][0]["asset_uuid"].clone();
    let uuid = uuid.as_str().expect("an identity");
    assert_eq!(ids_of(&sandbox.stdout(&["list", &uuid[..9]])), "5");
    assert_eq!(ids_of(&sandbox.stdout(&["-C", "assets/models", "list", "sign.gltf"])), "4");
    expect![[r#"
        exit 1
        --- stderr
        error: no asset matches `coins`; there is `coin`
    "#]]
    .assert_eq(&sandbox.run(&["list", "coins"]));
}

fn ids_of(table: &str) -> String {
    let ids: Vec<&str> = table.lines().skip(1).filter_map(|it| it.split_whitespace().next()).collect();
    ids.join(" ")
}

#[test]
fn locked_changes_nothing() {
    let sandbox = Sandbox::demo();
    let before = sandbox.files();
    expect![[r#"
        exit 3
        --- stderr
        error[PW0207]: --locked forbids to register `assets/credits.txt` as 1
        --> assets/credits.txt
         = help: build without --locked and commit `packwright.registry`

        error[PW0207]: --locked forbids to register `assets/dialog` as 2
        --> assets/dialog
         = help: build without --locked and commit `packwright.registry`

        error[PW0207]: --locked forbids to register `assets/models/crate.glb` as 3
        --> assets/models/crate.glb
         = help: build without --locked and commit `packwright.registry`

        error[PW0207]: --locked forbids to register `assets/models/sign.gltf` as 4
        --> assets/models/sign.gltf
         = help: build without --locked and commit `packwright.registry`

        error[PW0207]: --locked forbids to register `assets/sprites/coin.png` as 5
        --> assets/sprites/coin.png
         = help: build without --locked and commit `packwright.registry`

        error[PW0207]: --locked forbids to register `assets/sprites/hero.png` as 6
        --> assets/sprites/hero.png
         = help: build without --locked and commit `packwright.registry`

        error[PW0207]: --locked forbids to register `assets/tiles/checker.png` as 7
        --> assets/tiles/checker.png
         = help: build without --locked and commit `packwright.registry`

        error[PW0207]: --locked forbids to register `assets/tunes/hum.wav` as 8
        --> assets/tunes/hum.wav
         = help: build without --locked and commit `packwright.registry`

        8 errors; the registry is not up to date and --locked forbids to change it
    "#]]
    .assert_eq(&sandbox.run(&["build", "--locked"]));
    assert!(sandbox.run(&["check", "--locked", "-q"]).starts_with("exit 3\n"));
    let of_the_author = |it: &(String, Vec<u8>)| !it.0.starts_with(".packwright") && !it.0.starts_with("build");
    let after: Vec<_> = sandbox.files().into_iter().filter(of_the_author).collect();
    assert_eq!(after, before.into_iter().filter(of_the_author).collect::<Vec<_>>());
    sandbox.run(&["build"]);
    expect![[r#"
        exit 0
        --- stderr
        nothing to do (8 assets, 0.00 s)
    "#]]
    .assert_eq(&sandbox.run(&["build", "--locked"]));
}

#[test]
fn usage_is_two() {
    let sandbox = Sandbox::empty();
    expect![[r#"
        exit 2
        --- stderr
        error: there is no packwright.toml in `SANDBOX` or above it; `packwright init` makes a workspace
    "#]]
    .assert_eq(&sandbox.run(&["build"]));
    expect![[r#"
        exit 2
        --- stderr
        error: cannot use the directory `nowhere`: No such file or directory (os error 2)
    "#]]
    .assert_eq(&sandbox.run(&["-C", "nowhere", "build"]));
    for arguments in [&["build", "--jobs", "0"][..], &["bake"], &[], &["build", "--cache", "off", "--no-cache"]] {
        assert!(sandbox.run(arguments).starts_with("exit 2\n"), "{arguments:?}");
    }
    assert!(sandbox.run(&["--version"]).starts_with("exit 0\n"));
    let sandbox = Sandbox::demo();
    expect![[r#"
        exit 2
        --- stderr
        error: the output directory `SANDBOX/assets/out` lies among the sources; choose one outside of every root
    "#]]
    .assert_eq(&sandbox.run(&["build", "--out", "assets/out"]));
}

#[test]
fn colours_are_a_wish() {
    let sandbox = Sandbox::demo();
    sandbox.write("assets/dialog/asset.json", "{ \"typ\": 1 }");
    let coloured = |arguments: &[&str], env: &[(&str, &str)]| sandbox.run_with(arguments, env).contains('\u{1b}');
    assert!(!coloured(&["check"], &[]));
    assert!(coloured(&["check", "--color", "always"], &[]));
    assert!(coloured(&["check"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&["check"], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!coloured(&["check", "--color", "never"], &[("CLICOLOR_FORCE", "1")]));
}

#[test]
fn completions_are_for_every_shell() {
    let sandbox = Sandbox::empty();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(sandbox.stdout(&["completions", shell]).contains("packwright"), "{shell}");
    }
}

#[test]
fn the_cache_can_be_emptied() {
    let sandbox = Sandbox::demo();
    sandbox.run(&["build", "--cache-dir", "shared"]);
    let pack = sandbox.read("build/dev/main.pack");
    assert!(sandbox.stdout(&["cache", "stats", "--cache-dir", "shared"]).contains("traces"));
    assert!(sandbox.run(&["cache", "clear", "--cache-dir", "shared"]).starts_with("exit 0\n"));
    let stats = sandbox.json(&["cache", "stats", "--cache-dir", "shared", "--format", "json"]);
    assert_eq!((&stats["store"]["traces"], &stats["index_bytes"]), (&0.into(), &0.into()));
    sandbox.remove("build/dev/main.pack");
    sandbox.run(&["build", "--cache-dir", "shared"]);
    assert_eq!(sandbox.read("build/dev/main.pack"), pack);
    // A store needs no workspace.
    let elsewhere = Sandbox::empty();
    let shared = sandbox.path("shared").display().to_string();
    assert!(elsewhere.run(&["cache", "stats", "--cache-dir", &shared]).starts_with("exit 0\n"));
    assert!(elsewhere.run(&["cache", "stats"]).starts_with("exit 2\n"));
}
