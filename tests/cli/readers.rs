//! Commands that read, and print what other programs and editors take: explanations, schemas, logs of checks.

use expect_test::expect;

use crate::sandbox::Sandbox;

#[test]
fn codes_are_explained() {
    let sandbox = Sandbox::empty();
    expect![[r#"
        exit 0
        --- stdout
        PW0012: two assets have one name

        Two assets have the same `asset_name`. Code refers to assets by name, so names are unique in a workspace. An asset that is given no name takes the path of its place below its root, and two roots may hold the same path.

        Give one of them a `name` of its own (`packwright rename` does), or exclude it.
    "#]]
    .assert_eq(&sandbox.run(&["explain", "pw12"]));
    let all = sandbox.stdout(&["explain"]);
    assert!(all.starts_with("PW0001  a file is not well-formed JSON or TOML\n"), "{all}");
    expect![[r#"
        exit 2
        --- stderr
        error: there is no code `PW9999`; `packwright explain` lists all of them
    "#]]
    .assert_eq(&sandbox.run(&["explain", "PW9999"]));
}

#[test]
fn one_asset_is_shown_whole() {
    let sandbox = Sandbox::demo();
    expect![[r#"
        exit 0
        --- stdout
        4 models/sign.gltf
          place     assets/models/sign.gltf
          type      model
          uuid      6429e0f2-8041-8811-aa0f-fa9fde5da618
          registry  new, to be registered by the next build
          declared  by rule 3 `**/*.{glb,gltf}` (packwright.toml:21)

        settings (profile release)
          images      "reference"  default
          max_bytes   536870912    default
          max_values  8388608      default
          codec       "zstd"       profile release
          exclude     false        default
          preload     false        default

        1 input
          assets/models/sign.gltf  1022 B  d1439220da6d235a

        looked at besides
          assets/models/sign.bin   92 B
          assets/sprites/hero.png  asset 6

        needs
          6  assets/sprites/hero.png  reference

        metadata
          animations    0
          buffer_bytes  92
          format        "glb"
          images        1
          materials     1
          meshes        1
          nodes         1
          skins         0

        made, there is no build/release/main.pack
          (main)  908 B  stored as 484 B (zstd)  a8a6b8e771ed37e9
    "#]]
    .assert_eq(&sandbox.run(&["show", "models/sign.gltf", "-p", "release"]));
    sandbox.run(&["build"]);
    expect![[r#"
        exit 0
        --- stdout
        5 coin
          place     assets/sprites/coin.png
          type      image
          uuid      dbfa7fe6-a14e-806d-8fad-e7fe6f7fd853
          registry  registered
          declared  by assets/sprites/coin.png.asset.json, over rule 2 `**/*.png`
          tags      pickup, ui

        settings (profile dev)
          format      "source"   default
          max_height  65536      default
          max_pixels  268435456  default
          max_width   65536      default
          codec       "none"     profile dev
          exclude     false      default
          preload     true       coin.png.asset.json

        1 input
          assets/sprites/coin.png  185 B  697bc515dc2d36d8

        needed by
          2  assets/dialog  declared

        metadata
          alpha       true
          animated    false
          bit_depth   8
          color       "rgba"
          format      "png"
          height      16
          interlaced  false
          width       16

        made, as it is in build/dev/main.pack
          (main)  185 B  stored as it is  697bc515dc2d36d8
    "#]]
    .assert_eq(&sandbox.run(&["show", "coin"]));
    sandbox.write("assets/tiles/checker.png.asset.json", r#"{ "settings": { "max_width": 1 }, "tags": ["a"] }"#);
    expect![[r#"
        exit 0
        --- stdout
        7 tiles/checker.png  (broken)
          place     assets/tiles/checker.png
          type      image
          uuid      e1fd98e2-f267-84c0-a799-ef0a6a0d879c
          registry  registered
          declared  by assets/tiles/checker.png.asset.json, over rule 1 `tiles/**/*.png`
                    rule 2 `**/*.png` matches too
          tags      a, world

        settings (profile dev)
          format      "source"   default
          max_height  64         preset world
          max_pixels  268435456  default
          max_width   1          checker.png.asset.json
          codec       "none"     profile dev
          exclude     false      default
          preload     false      default

        1 input
          assets/tiles/checker.png  116 B  a14ede3b100dd50d
        --- stderr

        warning[PW0311]: 32 x 32 pixels are too wide; the limit `max_width` is 1
        --> assets/tiles/checker.png
         = help: `assets/tiles/checker.png` is left out of the pack; raise the setting `max_width` if the image is meant to be so large

    "#]].assert_eq(&sandbox.run(&["show", "assets/tiles"]));
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

        made, as it is in build/dev/main.pack
          (main)          98 B  stored as 87 B (zstd)  96aceb5b1e05a386
          lines/sign.txt  29 B        stored as it is  bfeb77b469c7ae96
    "#]]
    .assert_eq(&sandbox.run(&["show", "assets/dialog"]));
    expect![[r#"
        exit 2
        --- stderr
        error: `**/*.png` means 3 assets; name one of them: 5 `assets/sprites/coin.png`, 6 `assets/sprites/hero.png`, 7 `assets/tiles/checker.png`
    "#]].assert_eq(&sandbox.run(&["show", "**/*.png"]));
    expect![[r#"
        exit 1
        --- stderr
        error: no asset matches `sprites/her.png`; there is `sprites/hero.png`
    "#]]
    .assert_eq(&sandbox.run(&["show", "sprites/her.png"]));
}

#[test]
fn what_needs_what_is_shown() {
    let sandbox = Sandbox::demo();
    expect![[r#"
        exit 0
        --- stdout
        2 assets/dialog
          -> 5 assets/sprites/coin.png  (declared)
          -> 6 assets/sprites/hero.png  (declared)
        4 assets/models/sign.gltf
          -> 6 assets/sprites/hero.png
    "#]]
    .assert_eq(&sandbox.run(&["graph"]));
    expect![[r#"
        exit 0
        --- stdout
        digraph assets {
          rankdir=LR;
          node [shape=box];
          a3 [label="3 assets/models/crate.glb\nmodel"];
          a4 [label="4 assets/models/sign.gltf\nmodel"];
          a6 [label="6 assets/sprites/hero.png\nimage"];
          a4 -> a6;
        }
    "#]]
    .assert_eq(&sandbox.run(&["graph", "--format", "dot", "assets/models"]));
    expect![[r#"
        exit 0
        --- stdout
        graph LR
          a2["2 assets/dialog"]
          a5["5 assets/sprites/coin.png"]
          a2 -.-> a5
    "#]]
    .assert_eq(&sandbox.run(&["graph", "--format", "mermaid", "coin", "--reverse"]));
    expect![[r#"
        exit 0
        --- stdout
        2 assets/dialog
    "#]]
    .assert_eq(&sandbox.run(&["graph", "assets/dialog", "--depth", "0"]));
    expect![[r#"
        exit 1
        --- stderr
        error: no asset matches `nothing`
    "#]]
    .assert_eq(&sandbox.run(&["graph", "nothing"]));
    expect![[r#"
        exit 2
        --- stderr
        error: the following required arguments were not provided:
          <ASSET>...

        Usage: packwright graph --reverse <ASSET>...

        For more information, try '--help'.
    "#]]
    .assert_eq(&sandbox.run(&["graph", "--reverse"]));
}

#[test]
fn assets_are_listed_by_what_they_are() {
    let sandbox = Sandbox::demo();
    expect![[r#"
        exit 0
        --- stdout
        id  type   inputs   size  place                     name
         6  image       1  330 B  assets/sprites/hero.png   sprites/hero.png   (new)
         5  image       1  185 B  assets/sprites/coin.png   coin               (new)
         7  image       1  116 B  assets/tiles/checker.png  tiles/checker.png  (new)
        --- stderr
        3 of 8 assets, 631 B
    "#]]
    .assert_eq(&sandbox.run(&["list", "--type", "image", "--sort", "size", "--reverse"]));
    expect![[r#"
        exit 0
        --- stdout
        id  type   inputs   size  place                    name
         5  image       1  185 B  assets/sprites/coin.png  coin  (new)
        --- stderr
        1 of 8 assets, 185 B
    "#]]
    .assert_eq(&sandbox.run(&["list", "--tag", "ui", "--tag", "pickup", "--name", "*", "assets/sprites"]));
    expect![[r#"
        exit 0
        --- stdout
        id  type   inputs   size  place                     name
         5  image       1  185 B  assets/sprites/coin.png   coin               (new)
         2  raw         2  127 B  assets/dialog             dialog/intro       (new)
         7  image       1  116 B  assets/tiles/checker.png  tiles/checker.png  (new)
        --- stderr
        3 of 8 assets, 428 B
    "#]]
    .assert_eq(&sandbox.run(&["list", "--size", ">100B", "--size", "<=185", "--sort", "name"]));
    expect![[r#"
        exit 0
        --- stderr
        0 of 8 assets, 0 B
    "#]]
    .assert_eq(&sandbox.run(&["list", "--name", "gone/**"]));
    expect![[r#"
        exit 2
        --- stderr
        error: there is no type `imag`; there are `audio`, `image`, `model`, `raw`
    "#]]
    .assert_eq(&sandbox.run(&["list", "--type", "imag"]));
    expect![[r#"
        exit 2
        --- stderr
        error: invalid value '1XB' for '--size <SIZE>': `1XB` is no length; write a number and a unit such as B, kB, KiB, MB or MiB

        For more information, try '--help'.
    "#]].assert_eq(&sandbox.run(&["list", "--size", "1XB"]));
    let names = sandbox.json(&["list", "--sort", "place", "--reverse", "--format", "json"]);
    assert_eq!(names["assets"][0]["place"], "assets/tunes/hum.wav");
}

#[test]
fn many_unclaimed_files_are_told_by_extension() {
    let sandbox = Sandbox::demo();
    (0..9).for_each(|it| sandbox.write(&format!("assets/{it}.psd"), ""));
    sandbox.write("assets/LICENSE", "");
    let told = sandbox.stdout(&["status"]);
    let title = "11 unclaimed, made into no asset: 9 .psd, 1 without extension, 1 .bin\n";
    assert!(told.contains(title) && told.ends_with("... and 1 more (-v shows all)\n"), "{told}");
}

#[test]
fn schemas_are_printed_as_they_are_committed() {
    let sandbox = Sandbox::empty();
    let committed = |name: &str| {
        let path = format!("{}/schema/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).expect("a schema")
    };
    for name in ["asset", "cli/build"] {
        assert_eq!(sandbox.stdout(&["schema", name]), committed(name));
    }
    assert!(
        sandbox
            .stdout(&["schema"])
            .lines()
            .any(|it| it.starts_with("cli/build") && it.ends_with("build --format json"))
    );
    expect![[r#"
        exit 2
        --- stderr
        error: no schema is called `aset`; there is `asset`; `packwright schema` lists all
    "#]]
    .assert_eq(&sandbox.run(&["schema", "aset"]));
}

#[test]
fn what_a_check_finds_is_told_to_other_programs() {
    let sandbox = Sandbox::demo();
    sandbox.write("assets/dialog/asset.json", "{\n  \"typ\": \"raw\"\n}");
    expect![[r#"
        ::warning file=assets/dialog/asset.json,line=1,col=1,title=PW0017::the declaration says no type%0Ahelp: `assets/dialog` is left out of the pack; say its `type`
        ::warning file=assets/dialog/asset.json,line=2,col=3,title=PW0003::unknown field `typ`%0Ahelp: `assets/dialog` is left out of the pack; did you mean `type`?
    "#]]
    .assert_eq(&sandbox.stdout(&["check", "--format", "github"]));
    let log = sandbox.json(&["check", "--format", "sarif"]);
    let results = log["runs"][0]["results"].as_array().expect("results");
    let rules: Vec<_> = results.iter().filter_map(|it| it["ruleId"].as_str()).collect();
    assert_eq!((rules, &log["version"]), (vec!["PW0017", "PW0003"], &"2.1.0".into()));
    // In git, files are seen from the top of the working tree.
    let sandbox = Sandbox::empty();
    assert!(sandbox.run(&["init", "--demo", "-q", "game"]).starts_with("exit 0\n"));
    sandbox.write("game/assets/dialog/asset.json", "{}");
    std::fs::create_dir(sandbox.path(".git")).expect("nothing is there");
    let told = sandbox.stdout(&["-C", "game", "check", "--format", "github"]);
    assert!(told.starts_with("::warning file=game/assets/dialog/asset.json,"), "{told}");
}
