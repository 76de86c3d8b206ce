//! `packwright explain ASSET`: why it was or would be rebuilt, one kind of change after the other.

use expect_test::expect;

use crate::sandbox::Sandbox;

/// Explains before and after a build.
fn around_a_build(sandbox: &Sandbox, asset: &str) -> String {
    let before = sandbox.run(&["explain", asset]);
    let built = sandbox.run(&["build", "-q"]);
    assert!(built.starts_with("exit 0\n"), "{built}");
    format!("{before}=== built\n{}", sandbox.run(&["explain", asset]))
}

#[test]
fn contents_settings_and_names() {
    let sandbox = Sandbox::demo();
    expect![[r#"
        exit 0
        --- stdout
        never built here: the next build makes it for the first time

        asset 1, assets/credits.txt
        === built
        exit 0
        --- stdout
        up to date: built for the first time by the last build

        asset 1, assets/credits.txt
    "#]]
    .assert_eq(&around_a_build(&sandbox, "credits.txt"));
    sandbox.write("assets/credits.txt", "nobody\n");
    expect![[r#"
        exit 0
        --- stdout
        would be rebuilt: 1 of its 3 ingredients changed
          input credits.txt: c2212852f15a620b -> ced201c3ffc2541d

        asset 1, assets/credits.txt
        it was built for the first time by the last build
        === built
        exit 0
        --- stdout
        up to date: was rebuilt by the last build because 1 of its 3 ingredients changed
          input credits.txt: c2212852f15a620b -> ced201c3ffc2541d

        asset 1, assets/credits.txt
    "#]]
    .assert_eq(&around_a_build(&sandbox, "credits.txt"));

    // A build of something else, and one with nothing to do.
    sandbox.write("assets/dialog/intro.txt", "Halt!\n");
    sandbox.run(&["build"]);
    sandbox.run(&["build"]);
    expect![[r#"
        exit 0
        --- stdout
        up to date: would not be rebuilt

        asset 1, assets/credits.txt
        it was last rebuilt by an earlier build because 1 of its 3 ingredients changed
          input credits.txt: c2212852f15a620b -> ced201c3ffc2541d
    "#]]
    .assert_eq(&sandbox.run(&["explain", "assets/credits.txt"]));

    let sidecar = "assets/sprites/hero.png.asset.json";
    sandbox.write(sidecar, r#"{ "settings": { "max_width": 100 } }"#);
    expect![[r#"
        exit 0
        --- stdout
        would be rebuilt: 1 of its 9 ingredients changed
          setting max_width: 65536 -> 100 (hero.png.asset.json)

        asset 6, assets/sprites/hero.png
        it was built for the first time by an earlier build
        === built
        exit 0
        --- stdout
        up to date: was rebuilt by the last build because 1 of its 9 ingredients changed
          setting max_width: 65536 -> 100 (hero.png.asset.json)

        asset 6, assets/sprites/hero.png
    "#]]
    .assert_eq(&around_a_build(&sandbox, "6"));
    // What is said otherwise but means the same rebuilds nothing.
    sandbox.write(
        sidecar,
        "// small\n{ \"tags\": [\"x\"], \"settings\": { \"max_width\": 100, \"format\": \"source\" } }",
    );
    expect![[r#"
        exit 0
        --- stdout
        up to date: was rebuilt by the last build because 1 of its 9 ingredients changed
          setting max_width: 65536 -> 100 (hero.png.asset.json)

        asset 6, assets/sprites/hero.png
    "#]]
    .assert_eq(&sandbox.run(&["explain", "6"]));
    // An input that is called otherwise.
    sandbox.rename("assets/tiles/checker.png", "assets/tiles/tile.png");
    expect![[r#"
        exit 0
        --- stdout
        would be rebuilt: 1 of its 9 ingredients changed
          input checker.png -> tile.png, with the same contents

        asset 7, assets/tiles/tile.png
        it was built for the first time by an earlier build
        === built
        exit 0
        --- stdout
        up to date: was rebuilt by the last build because 1 of its 9 ingredients changed
          input checker.png -> tile.png, with the same contents

        asset 7, assets/tiles/tile.png
    "#]]
    .assert_eq(&around_a_build(&sandbox, "7"));
    // A directory that is called otherwise takes its assets along.
    sandbox.rename("assets/dialog", "assets/talk");
    expect![[r#"
        exit 0
        --- stdout
        up to date: would not be rebuilt

        asset 2, assets/talk
        it was last rebuilt by an earlier build because 1 of its 4 ingredients changed
          input intro.txt: 96aceb5b1e05a386 -> 48436d8590a00b4c
        === built
        exit 0
        --- stdout
        up to date: would not be rebuilt

        asset 2, assets/talk
        it was last rebuilt by an earlier build because 1 of its 4 ingredients changed
          input intro.txt: 96aceb5b1e05a386 -> 48436d8590a00b4c
    "#]]
    .assert_eq(&around_a_build(&sandbox, "assets/talk"));
    // A directory gains a member.
    sandbox.write("assets/talk/lines/more.txt", "More.\n");
    expect![[r#"
        exit 0
        --- stdout
        would be rebuilt: 1 of its 5 ingredients changed
          input lines/more.txt: none -> 0858b73c236756fa

        asset 2, assets/talk
        it was last rebuilt by an earlier build because 1 of its 4 ingredients changed
          input intro.txt: 96aceb5b1e05a386 -> 48436d8590a00b4c
        === built
        exit 0
        --- stdout
        up to date: was rebuilt by the last build because 1 of its 5 ingredients changed
          input lines/more.txt: none -> 0858b73c236756fa

        asset 2, assets/talk
    "#]]
    .assert_eq(&around_a_build(&sandbox, "assets/talk"));
}

#[test]
fn profiles_have_settings_of_their_own() {
    let sandbox = Sandbox::demo();
    sandbox.run(&["build"]);
    expect![[r#"
        exit 0
        --- stdout
        never built here: the next build makes it for the first time

        asset 5, assets/sprites/coin.png
    "#]]
    .assert_eq(&sandbox.run(&["explain", "coin", "-p", "release"]));
    sandbox.run(&["build", "-q", "-p", "release"]);
    let config = String::from_utf8(sandbox.read("packwright.toml")).expect("text");
    let section = "[profiles.release.settings.image]\n";
    sandbox.write("packwright.toml", &config.replace(section, &format!("{section}max_width = 2048\n")));
    expect![[r#"
        exit 0
        --- stdout
        would be rebuilt: 1 of its 9 ingredients changed
          setting max_width: 65536 -> 2048 (profile release)

        asset 5, assets/sprites/coin.png
        it was built for the first time by the last build
    "#]]
    .assert_eq(&sandbox.run(&["explain", "coin", "-p", "release"]));
    expect![[r#"
        exit 0
        --- stdout
        up to date: built for the first time by the last build

        asset 5, assets/sprites/coin.png
    "#]]
    .assert_eq(&sandbox.run(&["explain", "coin"]));
}

#[test]
fn what_a_processor_looked_at() {
    let sandbox = Sandbox::demo();
    sandbox.run(&["build"]);
    // The image that the model refers to goes: the model is left out. And it comes back.
    sandbox.rename("assets/sprites/hero.png", "hero.png");
    expect![[r#"
        exit 0
        --- stdout
        would be rebuilt: 1 of its 12 ingredients changed
          reference to ../sprites/hero.png: 6 -> unresolved

        asset 4, assets/models/sign.gltf
        it was built for the first time by the last build
        === built
        exit 0
        --- stdout
        up to date: was rebuilt by the last build because 1 of its 13 ingredients changed
          reference to ../sprites/hero.png: 6 -> unresolved

        asset 4, assets/models/sign.gltf
        note: it is not in the pack: `packwright check` tells why
    "#]]
    .assert_eq(&around_a_build(&sandbox, "models/sign.gltf"));
    sandbox.rename("hero.png", "assets/sprites/hero.png");
    expect![[r#"
        exit 0
        --- stdout
        would be rebuilt: 2 of its 13 ingredients changed
          reference to ../sprites/hero.png: unresolved -> 6
          observed ../sprites/hero.png: absent -> ebbe2ef3db53a5eb

        asset 4, assets/models/sign.gltf
        note: the cache has what comes of it: no processor needs to run
        it was last rebuilt by the last build because 1 of its 13 ingredients changed
          reference to ../sprites/hero.png: 6 -> unresolved
        === built
        exit 0
        --- stdout
        up to date: was rebuilt by the last build because 1 of its 12 ingredients changed
          reference to ../sprites/hero.png: unresolved -> 6

        asset 4, assets/models/sign.gltf
    "#]]
    .assert_eq(&around_a_build(&sandbox, "models/sign.gltf"));
    // A buffer that is another one, and one that is not there.
    let buffer = sandbox.read("assets/models/sign.bin");
    std::fs::write(sandbox.path("assets/models/sign.bin"), [&buffer[..], &[0; 4]].concat()).expect("a file");
    expect![[r#"
        exit 0
        --- stdout
        would be rebuilt: 1 of its 12 ingredients changed
          observed sign.bin: 3d55ea02d922e0aa -> b5ad004927c45f28

        asset 4, assets/models/sign.gltf
        it was last rebuilt by the last build because 1 of its 12 ingredients changed
          reference to ../sprites/hero.png: unresolved -> 6
    "#]]
    .assert_eq(&sandbox.run(&["explain", "models/sign.gltf"]));
    sandbox.remove("assets/models/sign.bin");
    expect![[r#"
        exit 0
        --- stdout
        would be rebuilt: 1 of its 12 ingredients changed
          observed sign.bin: 3d55ea02d922e0aa -> absent

        asset 4, assets/models/sign.gltf
        it was last rebuilt by the last build because 1 of its 12 ingredients changed
          reference to ../sprites/hero.png: unresolved -> 6
    "#]]
    .assert_eq(&sandbox.run(&["explain", "models/sign.gltf"]));
}

#[test]
fn what_is_not_known_is_said() {
    let sandbox = Sandbox::raw(&[("assets/a.txt", "a"), ("assets/b.txt", "b")]);
    sandbox.run(&["build"]);
    sandbox.run(&["cache", "clear"]);
    expect![[r#"
        exit 0
        --- stdout
        not known: there is no note of what the one in the pack was made of

        asset 1, assets/a.txt
        note: the cache was deleted, or the pack comes from another machine or a build that wrote no cache; the next build that changes the pack takes note
    "#]].assert_eq(&sandbox.run(&["explain", "a.txt"]));
    sandbox.run(&["build", "--rehash"]);
    sandbox.write("assets/a.txt", "A");
    sandbox.run(&["build", "--no-cache"]);
    expect![[r#"
        exit 0
        --- stdout
        not known: there is no note of what the one in the pack was made of

        asset 1, assets/a.txt
        note: the cache was deleted, or the pack comes from another machine or a build that wrote no cache; the next build that changes the pack takes note
    "#]].assert_eq(&sandbox.run(&["explain", "a.txt"]));
    expect![[r#"
        exit 0
        --- stdout
        not known: there is no note of what the one in the pack was made of

        asset 1, assets/a.txt
        note: the cache was deleted, or the pack comes from another machine or a build that wrote no cache; the next build that changes the pack takes note
        === built
        exit 0
        --- stdout
        not known: there is no note of what the one in the pack was made of

        asset 1, assets/a.txt
        note: the cache was deleted, or the pack comes from another machine or a build that wrote no cache; the next build that changes the pack takes note
    "#]].assert_eq(&around_a_build(&sandbox, "a.txt"));
    // Back to what the cache has seen before.
    sandbox.write("assets/b.txt", "B");
    sandbox.run(&["build"]);
    sandbox.write("assets/b.txt", "b");
    expect![[r#"
        exit 0
        --- stdout
        would be rebuilt: 1 of its 3 ingredients changed
          input b.txt: 9f9524ca18c0cc03 -> 10e5cf3d3c8a4f9f

        asset 2, assets/b.txt
        it was built for the first time by the last build
        === built
        exit 0
        --- stdout
        up to date: was rebuilt by the last build because 1 of its 3 ingredients changed
          input b.txt: 9f9524ca18c0cc03 -> 10e5cf3d3c8a4f9f

        asset 2, assets/b.txt
    "#]]
    .assert_eq(&around_a_build(&sandbox, "b.txt"));
    sandbox.write("assets/b.txt.asset.json", r#"{ "exclude": true }"#);
    expect![[r#"
        exit 0
        --- stdout
        not built: it is excluded in profile dev

        asset 2, assets/b.txt
    "#]]
    .assert_eq(&sandbox.run(&["explain", "b.txt"]));
    sandbox.write("assets/b.txt.asset.json", r#"{ "inputs": ["gone.txt"] }"#);
    expect![[r#"
        exit 0
        --- stdout
        cannot be built: something about it is an error

        asset 2, assets/b.txt
        note: `packwright check` tells what is wrong
    "#]]
    .assert_eq(&sandbox.run(&["explain", "b.txt"]));
    expect![[r#"
        exit 1
        --- stderr
        error: no asset matches `c.txt`; there is `a.txt`
    "#]]
    .assert_eq(&sandbox.run(&["explain", "c.txt"]));
    expect![[r#"
        exit 2
        --- stderr
        error: `*.txt` means 2 assets; name one of them: 1 `assets/a.txt`, 2 `assets/b.txt`
    "#]]
    .assert_eq(&sandbox.run(&["explain", "*.txt"]));
    expect![[r#"
        exit 2
        --- stderr
        error: there is no packwright.toml in `SANDBOX` or above it; `packwright init` makes a workspace
    "#]]
    .assert_eq(&Sandbox::empty().run(&["explain", "a.txt"]));
}
