//! Looking at a workspace: what became of each file, and why.

use expect_test::expect;

use crate::sandbox::Sandbox;

/// Groups, companions, sidecars over rules, idle rules, ignored and unclaimed files.
fn workspace() -> Sandbox {
    let sandbox = Sandbox::empty();
    let config = r#"
workspace = "00000000-0000-4000-8000-000000000000"
roots = [{ path = "assets" }]
ignore = ["*.psd", "/assets/old/"]
[[rules]]
match = "{dir}/{stem}.{n}.ogg"
group = ["dir", "stem"]
with = ["{dir}/{stem}.txt"]
type = "raw"
[[rules]]
match = "**/*.ogg"
type = "raw"
[[rules]]
match = "**/*.pgn"
type = "raw"
[[rules]]
match = "**/*.png"
type = "raw"
[[rules]]
match = "ui/*.png"
type = "raw"
"#;
    sandbox.write("packwright.toml", config);
    for path in ["sfx/step.1.ogg", "sfx/step.2.ogg", "sfx/step.txt", "ui/a.png", "ui/b.png", "ui/c.png", "ui/a.psd"] {
        sandbox.write(&format!("assets/{path}"), path);
    }
    sandbox.write("assets/old/x.png", "old");
    sandbox.write("assets/notes.md", "notes");
    sandbox.write("outside.txt", "outside");
    sandbox.write("assets/ui/c.png.asset.json", r#"{ "tags": ["c"] }"#);
    sandbox.write("assets/dialog/asset.json", r#"{ "type": "raw", "inputs": ["*.txt", "../shared.bin"] }"#);
    sandbox.write("assets/dialog/intro.txt", "hello");
    sandbox.write("assets/dialog/intro.bak", "hell");
    sandbox.write("assets/dialog/old/deep.bak", "he");
    sandbox.write("assets/shared.bin", "shared");
    assert!(sandbox.run(&["init", "-q"]).starts_with("exit 0\n"));
    sandbox
}

#[test]
fn every_rule_and_every_file_is_accounted_for() {
    let sandbox = workspace();
    expect![[r#"
        exit 0
        --- stdout
        5 assets of 13 sources (profile dev)
          1  by an asset.json in a directory
          1  by the rule `{dir}/{stem}.{n}.ogg` (raw)
          3  by the rule `**/*.png` (raw), 1 with a sidecar over it
          nothing by the rule `**/*.ogg` (raw): the 2 files that it matches are taken before
          nothing by the rule `**/*.pgn` (raw): it matches no file
          nothing by the rule `ui/*.png` (raw): the 3 files that it matches are taken before
        5 not tried yet: whether processors accept them, only a build tells

        5 new, to be registered by the next build
             1  assets/dialog
             2  assets/sfx/step.{n}.ogg
             3  assets/ui/a.png
             4  assets/ui/b.png
             5  assets/ui/c.png

        1 unclaimed, made into no asset
                assets/notes.md

        2 beside the declaration of their directory, matched by no input in it
                assets/dialog/intro.bak     in assets/dialog
                assets/dialog/old/deep.bak  in assets/dialog

        1 no asset itself, but part of others
                assets/shared.bin  an input of assets/dialog
    "#]]
    .assert_eq(&sandbox.run(&["status"]));
    let document = sandbox.json(&["status", "--format", "json"]);
    let rule = |nth: usize| {
        let it = &document["forms"]["rules"][nth];
        (it["assets"].as_u64(), it["with_sidecar"].as_u64(), it["taken"].as_u64())
    };
    assert_eq!(rule(0), (Some(1), Some(0), Some(0)));
    assert_eq!(rule(1), (Some(0), Some(0), Some(2)));
    assert_eq!(rule(2), (Some(0), Some(0), Some(0)));
    assert_eq!(rule(3), (Some(3), Some(1), Some(0)));
    assert_eq!(document["forms"]["sidecars"], 0);
    assert_eq!(document["unmatched"][0]["directory"], "assets/dialog");
    assert_eq!(document["used"][0]["input_of"][0], "assets/dialog");
}

#[test]
fn what_the_cache_remembers_is_told_without_running_anything() {
    let sandbox = Sandbox::demo();
    assert_eq!(sandbox.json(&["status", "--format", "json"])["untried"], 8);
    sandbox.run(&["build"]);
    let stats = || sandbox.json(&["cache", "stats", "--format", "json"])["store"]["traces"].clone();
    sandbox.remove("assets/sprites/hero.png");
    // The sign was never looked at without its image: nobody knows, and nobody finds out by asking.
    let before = stats();
    let document = sandbox.json(&["status", "--format", "json"]);
    assert_eq!((&document["untried"], &document["broken"][0]["place"]), (&1.into(), &"assets/dialog".into()));
    assert_eq!(document["broken"].as_array().map(Vec::len), Some(1));
    assert!(sandbox.stdout(&["status"]).contains("\n1 not tried yet"));
    assert_eq!(stats(), before);
    sandbox.run(&["build"]);
    expect![[r#"
        exit 0
        --- stdout
        7 assets of 11 sources (profile dev)
          1  by an asset.json in a directory
          1  by the rule `tiles/**/*.png` (image)
          1  by the rule `**/*.png` (image), with a sidecar over it
          2  by the rule `**/*.{glb,gltf}` (model)
          1  by the rule `**/*.wav` (audio)
          1  by the rule `**/*.txt` (raw)

        1 missing, registered but not declared (`packwright doctor` looks for them)
             6  assets/sprites/hero.png

        2 broken
             2  assets/dialog
             4  assets/models/sign.gltf

        1 no asset itself, but part of others
                assets/models/sign.bin  read by assets/models/sign.gltf
        --- stderr
        warning[PW0016]: `../sprites/hero.png` names no asset
         --> assets/dialog/asset.json:9:28
          |
        9 |   "dependencies": ["coin", "../sprites/hero.png"]
          |                            ^^^^^^^^^^^^^^^^^^^^^
          |
          = help: `assets/dialog` is left out of the pack; `packwright list` shows all names; a path begins with `./`, `../` or `/`

        warning[PW0321]: `images[0]` names `../sprites/hero.png`, which is not there
          --> assets/models/sign.gltf:11:23
           |
        11 |   "images": [{ "uri": "../sprites/hero.png" }],
           |                       ^^^^^^^^^^^^^^^^^^^^^
           |
           = help: `assets/models/sign.gltf` is left out of the pack; add the file, or correct the `uri`, which is seen from the model

        warning[PW0206]: `assets/sprites/hero.png` is registered as 6 and not declared any more
        --> assets/sprites/hero.png
         = help: bring it back, or run `packwright remove 6` to give it up for good

        3 warnings

    "#]].assert_eq(&sandbox.run(&["status"]));
    expect![[r#"
        id  type   inputs    size  place                    name
         3  model       1   624 B  assets/models/crate.glb  models/crate.glb
         4  model       1  1022 B  assets/models/sign.gltf  models/sign.gltf  (broken)
    "#]]
    .assert_eq(&sandbox.stdout(&["list", "assets/models"]));
    // Whoever distrusts the cache knows nothing of that.
    let document = sandbox.json(&["status", "--no-cache", "--format", "json"]);
    assert_eq!((&document["untried"], document["broken"].as_array().map(Vec::len)), (&6.into(), Some(1)));
}

#[test]
fn every_path_can_be_asked_about() {
    let sandbox = workspace();
    expect![[r#"
        exit 0
        --- stdout
        id  type  inputs  size  place                    name
         2  raw        3  40 B  assets/sfx/step.{n}.ogg  sfx/step.{n}.ogg  (new)
        --- stderr
        note: `assets/sfx/step.2.ogg` is an input of `assets/sfx/step.{n}.ogg`
    "#]]
    .assert_eq(&sandbox.run(&["list", "assets/sfx/step.2.ogg"]));
    let show = |path: &str| sandbox.run(&["show", path]);
    for (path, place, note) in [
        ("assets/sfx/step.1.ogg", "assets/sfx/step.{n}.ogg", "is an input of"),
        ("./assets/sfx/step.txt", "assets/sfx/step.{n}.ogg", "is an input of"),
        ("/assets/shared.bin", "assets/dialog", "is an input of"),
        ("assets/dialog/asset.json", "assets/dialog", "declares"),
        ("assets/ui/c.png.asset.json", "assets/ui/c.png", "declares"),
    ] {
        let told = show(path);
        assert!(told.contains(&format!("  place     {place}\n")), "{told}");
        assert!(told.ends_with(&format!("note: `{path}` {note} `{place}`\n")), "{told}");
        let why = sandbox.run(&["explain", path]);
        assert!(why.contains(&format!(", {place}\n")) && why.contains(&format!("{note} `{place}`")), "{why}");
    }
    for path in ["./assets/ui/a.png", "/assets/ui/a.png"] {
        assert!(show(path).contains("  place     assets/ui/a.png\n"), "{path}");
    }
    for path in ["ui/a.png", "../assets/ui/a.png", "./ui/a.png", "ui/a*.png"] {
        let told = sandbox.run(&["-C", "assets", "show", path]);
        assert!(told.contains("  place     assets/ui/a.png\n"), "{told}");
    }
    let errors = [
        "assets/ui/a.psd",
        "assets/old/x.png",
        "assets/notes.md",
        "assets/dialog/intro.bak",
        "outside.txt",
        "packwright.toml",
        "assets/old",
        "assets/nothing.png",
    ];
    let told: String = errors.iter().map(|it| show(it)).collect();
    expect![[r#"
        exit 1
        --- stderr
        error: `assets/ui/a.psd` is ignored by `*.psd` in packwright.toml
        exit 1
        --- stderr
        error: `assets/old/x.png` is ignored by `/assets/old/` in packwright.toml
        exit 1
        --- stderr
        error: `assets/notes.md` is no asset: no rule matches it, and it has no sidecar; `packwright status` lists all such files
        exit 1
        --- stderr
        error: `assets/dialog/intro.bak` is no asset: no input in `assets/dialog/asset.json` matches it
        exit 1
        --- stderr
        error: `outside.txt` lies outside the workspace's roots
        exit 1
        --- stderr
        error: `packwright.toml` lies outside the workspace's roots
        exit 1
        --- stderr
        error: `assets/old` is ignored by `/assets/old/` in packwright.toml
        exit 1
        --- stderr
        error: no asset matches `assets/nothing.png`
    "#]]
    .assert_eq(&told);
    for command in ["list", "explain"] {
        for path in errors {
            assert_eq!(sandbox.run(&[command, path]), show(path), "{command} {path}");
        }
    }
    // What is to be removed must be named itself.
    assert!(sandbox.run(&["remove", "assets/sfx/step.1.ogg", "--dry-run"]).starts_with("exit 1\n"));
}

#[test]
fn what_a_processor_reads_and_what_is_missing_can_be_asked_about() {
    let sandbox = Sandbox::demo();
    sandbox.run(&["build"]);
    expect![[r#"
        exit 1
        --- stderr
        error: `assets/models/sign.bin` is no asset: no rule matches it; it is read by `assets/models/sign.gltf`
    "#]]
    .assert_eq(&sandbox.run(&["show", "assets/models/sign.bin"]));
    sandbox.remove("assets/tiles/checker.png");
    expect![[r#"
        exit 1
        --- stderr
        error: `assets/tiles/checker.png` is registered as 7 and not declared any more; `packwright doctor` looks for where it went: bring it back, or run `packwright remove 7` to give it up for good
    "#]]
    .assert_eq(&sandbox.run(&["list", "assets/tiles/checker.png"]));
}

#[test]
fn metadata_is_shown() {
    let sandbox = workspace();
    let told = sandbox.stdout(&["show", "assets/sfx/step.1.ogg"]);
    assert!(told.contains("\nmetadata\n  dir   \"sfx\"\n  stem  \"step\"\n\nmade, "), "{told}");
    let document = Sandbox::demo().json(&["show", "coin", "--format", "json"]);
    assert_eq!(document["artifacts"][0]["metadata"]["width"], 16);
}

#[test]
fn what_is_read_is_coloured_where_that_is_wanted() {
    let sandbox = Sandbox::demo();
    let painted = |arguments: &[&str]| sandbox.stdout(&[arguments, &["--color", "always"]].concat());
    let red = |text: &str| format!("\u{1b}[31m{text}\u{1b}[0m");
    assert!(painted(&["list"]).contains("\u{1b}[32m(new)\u{1b}[0m"));
    sandbox.run(&["build"]);
    let all: [&[&str]; 9] = [
        &["list"],
        &["status"],
        &["show", "coin"],
        &["graph"],
        &["explain", "coin"],
        &["explain", "PW0012"],
        &["explain"],
        &["log"],
        &["pack", "list", "build/dev/main.pack"],
    ];
    for arguments in all {
        assert!(painted(arguments).contains("\u{1b}[1m"), "{arguments:?}");
        assert!(!sandbox.stdout(arguments).contains('\u{1b}'), "{arguments:?}");
        let never = sandbox.run_with(arguments, &[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")]);
        assert!(!never.contains('\u{1b}'), "{arguments:?}");
    }
    sandbox.remove("assets/sprites/hero.png");
    sandbox.run(&["build"]);
    assert!(painted(&["list"]).contains(&red("(broken)")));
    assert!(painted(&["show", "4"]).contains(&red("(broken)")));
    assert!(painted(&["status"]).contains("\u{1b}[1m\u{1b}[31m1 missing, registered"));
}
