//! A workspace of several packs, as people see it.

use expect_test::expect;

use crate::sandbox::Sandbox;

const PACKS: &str = r#"
[packs.models]
type = ["model"]
reachable_from = ["models/sign.gltf"]
[packs.pictures]
match = ["**", "!models/**"]
type = ["image"]
preload = ["sprites/**"]
"#;

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::demo();
    let config = String::from_utf8(sandbox.read("packwright.toml")).expect("text");
    sandbox.write("packwright.toml", &format!("{config}{PACKS}"));
    sandbox
}

#[test]
fn builds_tell_of_each_pack() {
    let sandbox = sandbox();
    sandbox.run(&["build"]);
    expect![[r#"
        exit 0
        --- stderr
          release/models: 3 assets, 1 file written
          release/pictures: 3 assets, 1 file written
        built 2 packs of release: 3 assets processed, 5 reused, 2 files written in 0.00 s
    "#]]
    .assert_eq(&sandbox.run(&["build", "-p", "release"]));
    expect![[r#"
        exit 0
        --- stderr
        nothing to do (2 packs, 0.00 s)
    "#]]
    .assert_eq(&sandbox.run(&["build"]));
    std::fs::copy(sandbox.path("assets/tiles/checker.png"), sandbox.path("assets/sprites/hero.png")).expect("a copy");
    expect![[r#"
        exit 0
        --- stderr
          dev/models: 3 assets, 2 files written
          dev/pictures: 3 assets, 2 files written
        built 2 packs of dev: 1 asset processed, 7 reused, 4 files written in 0.00 s
    "#]]
    .assert_eq(&sandbox.run(&["build"]));
    expect![[r#"
        exit 0
        --- stderr
        nothing to do (3 assets, 0.00 s)
    "#]]
    .assert_eq(&sandbox.run(&["build", "--pack", "models"]));
    expect![[r#"
        exit 1
        --- stderr
        error[PW0024]: there is no pack `picture`
        --> packwright.toml
         = help: did you mean `pictures`?

        1 error; nothing was built
    "#]]
    .assert_eq(&sandbox.run(&["build", "--pack", "picture"]));
    expect![[r#"
        exit 0
        --- stderr
          dev/models: 3 assets
          dev/pictures: 3 assets
        2 packs are valid, checked in 0.00 s
    "#]]
    .assert_eq(&sandbox.run(&["check"]));
    let config = String::from_utf8(sandbox.read("packwright.toml")).expect("text");
    sandbox.write("packwright.toml", &config.replace(PACKS, ""));
    expect![[r#"
        exit 0
        --- stderr
        note: removed dev/models: packwright.toml does not define it any more
        note: removed dev/pictures: packwright.toml does not define it any more
        built dev/main: 0 assets processed, 8 reused, 3 files written in 0.00 s
    "#]]
    .assert_eq(&sandbox.run(&["build"]));
}

#[test]
fn who_is_where_is_told() {
    let sandbox = sandbox();
    sandbox.run(&["build"]);
    expect![[r#"
        exit 0
        --- stdout
        id  type   inputs     size  packs            place                     name
         1  raw         1     79 B  -                assets/credits.txt        credits.txt
         2  raw         2    127 B  -                assets/dialog             dialog/intro
         3  model       1    624 B  models           assets/models/crate.glb   models/crate.glb
         4  model       1   1022 B  models           assets/models/sign.gltf   models/sign.gltf
         5  image       1    185 B  pictures         assets/sprites/coin.png   coin
         6  image       1    330 B  models,pictures  assets/sprites/hero.png   sprites/hero.png
         7  image       1    116 B  pictures         assets/tiles/checker.png  tiles/checker.png
         8  audio       1  1.1 KiB  -                assets/tunes/hum.wav      tunes/hum.wav
    "#]]
    .assert_eq(&sandbox.run(&["list"]));
    expect![[r#"
        exit 0
        --- stdout
        id  type   inputs   size  packs            place                     name
         5  image       1  185 B  pictures         assets/sprites/coin.png   coin
         6  image       1  330 B  models,pictures  assets/sprites/hero.png   sprites/hero.png
         7  image       1  116 B  pictures         assets/tiles/checker.png  tiles/checker.png
        --- stderr
        3 of 8 assets, 631 B
    "#]]
    .assert_eq(&sandbox.run(&["list", "--pack", "pictures"]));
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

        2 packs
          3  in models
          3  in pictures

        3 in no pack
             1  assets/credits.txt
             2  assets/dialog
             8  assets/tunes/hum.wav

        1 no asset itself, but part of others
                assets/models/sign.bin  read by assets/models/sign.gltf
    "#]]
    .assert_eq(&sandbox.run(&["status"]));
    expect![[r#"
        exit 0
        --- stdout
        7 tiles/checker.png
          place     assets/tiles/checker.png
          type      image
          uuid      e1fd98e2-f267-84c0-a799-ef0a6a0d879c
          registry  registered
          declared  by rule 1 `tiles/**/*.png` (packwright.toml:11)
                    rule 2 `**/*.png` matches too
          tags      world

        settings (profile dev)
          format      "source"   default
          max_height  64         preset world
          max_pixels  268435456  default
          max_width   64         preset world
          codec       "none"     profile dev
          exclude     false      default
          preload     false      default

        1 input
          assets/tiles/checker.png  116 B  a14ede3b100dd50d

        metadata
          alpha       false
          animated    false
          bit_depth   8
          color       "grey"
          format      "png"
          height      32
          interlaced  false
          width       32

        made, as it is in build/dev/pictures.pack
          (main)  116 B  stored as it is  a14ede3b100dd50d
    "#]]
    .assert_eq(&sandbox.run(&["show", "tiles/checker.png"]));
    expect![[r#"
        exit 0
        --- stdout
        2 dialog/intro
          place     assets/dialog
          type      raw
          uuid      68396c41-baf4-8f45-9718-854aabd69597
          registry  registered
          declared  by assets/dialog/asset.json

        settings (profile dev)
          codec    "zstd"  asset.json
          exclude  false   default
          preload  false   default

        2 inputs
          assets/dialog/intro.txt       98 B  96aceb5b1e05a386
          assets/dialog/lines/sign.txt  29 B  bfeb77b469c7ae96

        needs
          5  assets/sprites/coin.png  declared
          6  assets/sprites/hero.png  declared

        made, in no pack
          (main)          98 B  stored as 87 B (zstd)  96aceb5b1e05a386
          lines/sign.txt  29 B        stored as it is  bfeb77b469c7ae96
    "#]]
    .assert_eq(&sandbox.run(&["show", "dialog/intro"]));
}

#[test]
fn what_the_disk_refuses_of_one_pack_keeps_all_as_they_were() {
    let sandbox = sandbox();
    sandbox.run(&["build"]);
    let packs = ["build/dev/models.pack", "build/dev/pictures.pack"].map(|it| (it, sandbox.read(it)));
    std::fs::remove_dir_all(sandbox.path("build/dev/pictures.parts")).expect("it is there");
    sandbox.write("build/dev/pictures.parts", "in the way");
    // Both would be others.
    for path in ["assets/models/crate.glb", "assets/sprites/hero.png"] {
        std::fs::remove_file(sandbox.path(path)).expect("it is there");
    }
    let refused = sandbox.run(&["build"]);
    assert!(refused.starts_with("exit 5\n"), "{refused}");
    packs.iter().for_each(|(path, bytes)| assert!(sandbox.read(path) == *bytes, "{path}"));
    std::fs::remove_file(sandbox.path("build/dev/pictures.parts")).expect("it is there");
    assert!(sandbox.run(&["build"]).starts_with("exit 0\n"));
    packs.iter().for_each(|(path, bytes)| assert!(sandbox.read(path) != *bytes, "{path}"));
}

#[test]
#[cfg(unix)]
fn what_lies_behind_a_link_is_nobody_s_to_remove() {
    let sandbox = sandbox();
    sandbox.run(&["build"]);
    std::fs::remove_dir_all(sandbox.path("build/dev/pictures.parts")).expect("it is there");
    let theirs = format!("mine/{}.part", "b".repeat(64));
    sandbox.write(&theirs, "mine");
    std::os::unix::fs::symlink("../../mine", sandbox.path("build/dev/pictures.parts")).expect("a link");
    let config = String::from_utf8(sandbox.read("packwright.toml")).expect("text");
    sandbox.write("packwright.toml", config.split("[packs.pictures]").next().expect("it has a beginning"));
    assert!(sandbox.run(&["build"]).contains("removed"));
    assert_eq!(sandbox.read(&theirs), b"mine");
}

#[test]
fn how_each_pack_has_an_asset_is_shown() {
    let sandbox = Sandbox::demo();
    let config = String::from_utf8(sandbox.read("packwright.toml")).expect("text");
    let packs = PACKS.replace("preload", "codec = \"lz4\"\npreload");
    sandbox.write("packwright.toml", &format!("{config}{packs}"));
    let shown = sandbox.stdout(&["show", "sprites/hero.png", "-p", "release"]);
    let section = |shown: &str| shown.split("\n\n").find(|it| it.starts_with("in its packs")).map(str::to_owned);
    expect![[r#"
        in its packs
          models    codec    "zstd"  profile release
                    preload  false   default
          pictures  codec    "lz4"   pack pictures
                    preload  true    pack pictures"#]]
    .assert_eq(&section(&shown).expect("there are some"));
    // What its declaration says goes first.
    let shown = sandbox.stdout(&["show", "coin"]);
    expect![[r#"
        in its packs
          pictures  codec    "lz4"  pack pictures
                    preload  true   coin.png.asset.json"#]]
    .assert_eq(&section(&shown).expect("there are some"));
    let document = sandbox.json(&["show", "sprites/hero.png", "--pack", "pictures", "--format", "json"]);
    assert_eq!(
        document["pack_options"],
        serde_json::json!([{ "pack": "pictures", "options": [
            { "name": "codec", "value": "lz4", "from": { "layer": "pack", "name": "pictures" } },
            { "name": "preload", "value": true, "from": { "layer": "pack", "name": "pictures" } },
        ]}])
    );
    assert_eq!(document["artifacts"][0]["preload"], true);
    // A pack that says nothing of its own is no news.
    assert_eq!(section(&sandbox.stdout(&["show", "models/crate.glb"])), None);
    assert_eq!(section(&sandbox.stdout(&["show", "assets/credits.txt"])), None);
}

#[test]
fn mistakes_about_packs_are_told() {
    let sandbox = Sandbox::raw(&[("assets/a.txt", "a"), ("assets/levels/l.txt", "l")]);
    let config = String::from_utf8(sandbox.read("packwright.toml")).expect("text");
    let mut told = String::new();
    for packs in [
        "[packs.a]\nmatch = [\"assets/levels/**\"]",
        "[packs.a]\nmatch = [\"!!levels/**\"]",
        "[packs.a]\nmatch = \"levels/**\"",
        "[packs.a]\nreachable_from = [\"levels/*\"]",
        "[[packs]]\nmatch = [\"**\"]",
    ] {
        sandbox.write("packwright.toml", &format!("{config}{packs}\n"));
        told += &sandbox.run(&["check"]);
    }
    expect![[r#"
        exit 0
        --- stderr
        warning[PW0407]: the pack `a` holds nothing: no asset is what it asks for
        --> packwright.toml
         = help: places are seen from their root, as in `[[rules]]`: write `levels/**` in place of `assets/levels/**`

        1 warning
        note: a build would register 2 new assets
          1 assets/a.txt
          2 assets/levels/l.txt
        dev/a is valid: 0 assets, checked in 0.00 s
        exit 1
        --- stderr
        error[PW0007]: one `!` takes out what a pattern matches, and two are too many; write `!levels/**` or `levels/**`
         --> packwright.toml:5:10
          |
        5 | match = ["!!levels/**"]
          |          ^^^^^^^^^^^^^

        1 error; a build would publish nothing
        exit 1
        --- stderr
        error[PW0004]: expected an array, found the string `levels/**`
         --> packwright.toml:5:9
          |
        5 | match = "levels/**"
          |         ^^^^^^^^^^^
          |
          = help: write `["levels/**"]`

        1 error; a build would publish nothing
        exit 1
        --- stderr
        error[PW0016]: `levels/*`, which the pack `a` is reached from, names no asset
         --> packwright.toml:5:19
          |
        5 | reachable_from = ["levels/*"]
          |                   ^^^^^^^^^^
          |
          = help: `reachable_from` names single assets and takes no globs; `match`, `type` and `tags` select several

        1 error; a build would publish nothing
        exit 1
        --- stderr
        error[PW0004]: expected an object, found an array
         --> packwright.toml:4:1
          |
        4 | [[packs]]
          | ^^^^^^^^^
          |
          = help: each of these has a name, and its table is `[packs.NAME]`

        1 error; a build would publish nothing
    "#]]
    .assert_eq(&told);
}

#[test]
fn what_a_pack_is_reached_from_is_not_taken_from_it() {
    let sandbox = Sandbox::raw(&[("assets/a.txt", "a"), ("assets/b.txt", "b")]);
    let config = String::from_utf8(sandbox.read("packwright.toml")).expect("text");
    sandbox
        .write("packwright.toml", &format!("{config}[packs.first]\nreachable_from = [\"b.txt\", \"/assets/a.txt\"]\n"));
    sandbox.run(&["build"]);
    let told: String = ["exclude", "remove"].iter().map(|it| sandbox.run(&[it, "a.txt"])).collect();
    assert!(sandbox.path("assets/a.txt").exists() && !sandbox.path("assets/a.txt.asset.json").exists());
    expect![[r#"
        exit 1
        --- stderr
        error[PW0016]: afterwards: `/assets/a.txt`, which the pack `first` is reached from, is excluded from every pack
         --> packwright.toml:5:28
          |
        5 | reachable_from = ["b.txt", "/assets/a.txt"]
          |                            ^^^^^^^^^^^^^^^
          |
          = help: it is declared at `assets/a.txt`; include it, or take it out of `reachable_from`

        1 error; nothing was changed
        exit 1
        --- stderr
        error[PW0016]: afterwards: `/assets/a.txt`, which the pack `first` is reached from, names no asset
         --> packwright.toml:5:28
          |
        5 | reachable_from = ["b.txt", "/assets/a.txt"]
          |                            ^^^^^^^^^^^^^^^
          |
          = help: `packwright list` shows all names; a path begins with `/`, as seen from packwright.toml

        1 error; nothing was changed
    "#]]
    .assert_eq(&told);
}
