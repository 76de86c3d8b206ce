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
        not in the last build of this pack: the next build that needs it runs its processor

        asset 1, assets/credits.txt
        === built
        exit 0
        --- stdout
        up to date: nothing it is made of changed

        asset 1, assets/credits.txt
        its first note is of the last build
    "#]]
    .assert_eq(&around_a_build(&sandbox, "credits.txt"));
    sandbox.write("assets/credits.txt", "nobody\n");
    expect![[r#"
        exit 0
        --- stdout
        would be rebuilt: 1 of its 3 ingredients changed
          input credits.txt: c2212852f15a620b -> ced201c3ffc2541d

        asset 1, assets/credits.txt
        its first note is of the last build
        === built
        exit 0
        --- stdout
        up to date: changed with the last build because 1 of its 3 ingredients changed
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
        up to date: nothing it is made of changed

        asset 1, assets/credits.txt
        it last changed with an earlier build because 1 of its 3 ingredients changed
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
        its first note is of an earlier build
        === built
        exit 0
        --- stdout
        up to date: changed with the last build because 1 of its 9 ingredients changed
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
        up to date: changed with the last build because 1 of its 9 ingredients changed
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
        its first note is of an earlier build
        === built
        exit 0
        --- stdout
        up to date: changed with the last build because 1 of its 9 ingredients changed
          input checker.png -> tile.png, with the same contents

        asset 7, assets/tiles/tile.png
    "#]]
    .assert_eq(&around_a_build(&sandbox, "7"));
    // A directory that is called otherwise takes its assets along.
    sandbox.rename("assets/dialog", "assets/talk");
    expect![[r#"
        exit 0
        --- stdout
        up to date: nothing it is made of changed

        asset 2, assets/talk
        it last changed with an earlier build because 1 of its 4 ingredients changed
          input intro.txt: 96aceb5b1e05a386 -> 48436d8590a00b4c
        === built
        exit 0
        --- stdout
        up to date: nothing it is made of changed

        asset 2, assets/talk
        it last changed with an earlier build because 1 of its 4 ingredients changed
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
        it last changed with an earlier build because 1 of its 4 ingredients changed
          input intro.txt: 96aceb5b1e05a386 -> 48436d8590a00b4c
        === built
        exit 0
        --- stdout
        up to date: changed with the last build because 1 of its 5 ingredients changed
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
        not in the last build of this pack: the next build that needs it runs its processor

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
        its first note is of the last build
    "#]]
    .assert_eq(&sandbox.run(&["explain", "coin", "-p", "release"]));
    expect![[r#"
        exit 0
        --- stdout
        up to date: nothing it is made of changed

        asset 5, assets/sprites/coin.png
        its first note is of the last build
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
        its first note is of the last build
        === built
        exit 0
        --- stdout
        cannot be built: its processor refuses it

        asset 4, assets/models/sign.gltf
        note: `packwright check` tells why
        it last changed with the last build because 1 of its 13 ingredients changed
          reference to ../sprites/hero.png: 6 -> unresolved
    "#]]
    .assert_eq(&around_a_build(&sandbox, "models/sign.gltf"));
    sandbox.rename("hero.png", "assets/sprites/hero.png");
    expect![[r#"
        exit 0
        --- stdout
        would change: 2 of its 13 ingredients changed; the cache has what comes of it, no processor runs
          reference to ../sprites/hero.png: unresolved -> 6
          observed ../sprites/hero.png: absent -> ebbe2ef3db53a5eb

        asset 4, assets/models/sign.gltf
        it last changed with the last build because 1 of its 13 ingredients changed
          reference to ../sprites/hero.png: 6 -> unresolved
        === built
        exit 0
        --- stdout
        up to date: changed with the last build because 1 of its 12 ingredients changed
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
        it last changed with the last build because 1 of its 12 ingredients changed
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
        it last changed with the last build because 1 of its 12 ingredients changed
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
        nothing it is made of changed, but the cache does not have what comes of it: the next build that needs it runs its processor again

        asset 1, assets/a.txt
        note: its pack is made of what is there today; when it last changed is not known
    "#]].assert_eq(&sandbox.run(&["explain", "a.txt"]));
    sandbox.run(&["build", "--rehash"]);
    sandbox.write("assets/a.txt", "A");
    sandbox.run(&["build", "--no-cache"]);
    expect![[r#"
        exit 0
        --- stdout
        nothing it is made of changed, but the cache does not have what comes of it: the next build that needs it runs its processor again

        asset 1, assets/a.txt
        note: its pack is made of what is there today; when it last changed is not known
    "#]].assert_eq(&sandbox.run(&["explain", "a.txt"]));
    expect![[r#"
        exit 0
        --- stdout
        nothing it is made of changed, but the cache does not have what comes of it: the next build that needs it runs its processor again

        asset 1, assets/a.txt
        note: its pack is made of what is there today; when it last changed is not known
        === built
        exit 0
        --- stdout
        nothing it is made of changed, but the cache does not have what comes of it: the next build that needs it runs its processor again

        asset 1, assets/a.txt
        note: its pack is made of what is there today; when it last changed is not known
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
        its first note is of the last build
        === built
        exit 0
        --- stdout
        up to date: changed with the last build because 1 of its 3 ingredients changed
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

/// Returns the headline, and whether the cache has what comes of the asset.
fn headline(sandbox: &Sandbox, asset: &[&str]) -> String {
    let arguments = [&["explain"], asset].concat();
    let told = sandbox.stdout(&arguments);
    let json = sandbox.json(&[&arguments[..], &["--format", "json"]].concat());
    format!("{}\n{} {}\n", told.lines().next().expect("a line"), json["verdict"], json["remembered"])
}

/// Returns what a build did.
fn build(sandbox: &Sandbox, flags: &[&str]) -> String {
    let told = sandbox.run(&[&["build"], flags].concat());
    told.lines().last().expect("a line").to_owned() + "\n"
}

#[test]
fn what_the_cache_lost_is_no_change() {
    let sandbox = Sandbox::demo();
    sandbox.run(&["build"]);
    let elsewhere = ["credits.txt", "--cache-dir", "elsewhere"];
    expect![[r#"
        nothing it is made of changed, but the cache does not have what comes of it: the next build that needs it runs its processor again
        "up_to_date" false
        up to date: nothing it is made of changed
        "up_to_date" true
    "#]]
    .assert_eq(&(headline(&sandbox, &elsewhere) + &headline(&sandbox, &["credits.txt"])));
}

#[test]
fn a_build_that_takes_no_note_leaves_assets_up_to_date() {
    let sandbox = Sandbox::demo();
    sandbox.run(&["build"]);
    // It is made by another setting, and nothing else comes of it.
    sandbox.write("assets/sprites/hero.png.asset.json", r#"{ "settings": { "max_width": 60000 } }"#);
    let before = headline(&sandbox, &["sprites/hero.png"]);
    let built = build(&sandbox, &["--no-cache"]) + &build(&sandbox, &[]);
    expect![[r#"
        would be rebuilt: 1 of its 9 ingredients changed
        "outdated" false
        === dev/main is as it was: 8 assets processed, 0 reused, nothing written in 0.00 s
        nothing to do (8 assets, 0.00 s)
        nothing it is made of changed, but the cache does not have what comes of it: the next build that needs it runs its processor again
        "up_to_date" false
    "#]]
    .assert_eq(&format!("{before}=== {built}{}", headline(&sandbox, &["sprites/hero.png"])));
}

#[test]
fn what_no_note_is_left_of_is_not_known() {
    let sandbox = Sandbox::raw(&[("assets/a.txt", "a"), ("assets/b.txt", "b")]);
    sandbox.run(&["build"]);
    sandbox.run(&["cache", "clear"]);
    sandbox.write("assets/b.txt", "B");
    expect![[r#"
        its history is not known: the next build that needs it runs its processor

        asset 1, assets/a.txt
        note: what the one in the pack was made of was not noted here, or the note was deleted or damaged, or the last build went elsewhere (`--out`)
    "#]]
    .assert_eq(&sandbox.stdout(&["explain", "a.txt"]));
}

#[test]
fn what_was_not_in_the_last_build_may_be_remembered() {
    let sandbox = Sandbox::raw(&[("assets/a.txt", "a"), ("assets/b.txt", "b")]);
    sandbox.run(&["build"]);
    sandbox.write("assets/a.txt.asset.json", r#"{ "exclude": true }"#);
    sandbox.run(&["build"]);
    sandbox.remove("assets/a.txt.asset.json");
    let mut told = headline(&sandbox, &["a.txt"]);
    sandbox.write("assets/c.txt", "c");
    told += &headline(&sandbox, &["c.txt"]);
    sandbox.run(&["check"]);
    told += &headline(&sandbox, &["c.txt"]);
    told += &build(&sandbox, &[]);
    expect![[r#"
        not in the last build of this pack: the cache has what comes of it, no processor runs
        "new" true
        not in the last build of this pack: the next build that needs it runs its processor
        "new" false
        not in the last build of this pack: the cache has what comes of it, no processor runs
        "new" true
        built dev/main: 0 assets processed, 3 reused, 3 files written in 0.00 s
    "#]]
    .assert_eq(&told);
}

#[test]
fn a_number_of_another_branch_is_another_asset() {
    let sandbox = Sandbox::raw(&[]);
    let registry: Vec<_> = sandbox.files().into_iter().filter(|it| it.0.contains("packwright.registry")).collect();
    sandbox.write("assets/a.txt", "a");
    sandbox.run(&["build"]);
    sandbox.remove("assets/a.txt");
    for (path, bytes) in &registry {
        std::fs::write(sandbox.path(path), bytes).expect("a file");
    }
    sandbox.write("assets/other.txt", "o");
    let json = sandbox.json(&["explain", "other.txt", "--format", "json"]);
    assert_eq!((&json["asset_id"], &json["in_pack"]), (&1.into(), &false.into()));
    expect![[r#"
        not in the last build of this pack: the next build that needs it runs its processor
        "new" false
    "#]]
    .assert_eq(&headline(&sandbox, &["other.txt"]));
}

#[test]
fn a_build_that_went_elsewhere_is_not_compared_with() {
    let sandbox = Sandbox::raw(&[("assets/a.txt", "a"), ("assets/b.txt", "b")]);
    sandbox.run(&["build"]);
    sandbox.write("assets/a.txt", "A");
    sandbox.run(&["build", "--out", "elsewhere"]);
    expect![[r#"
        would change: 1 of its 3 ingredients changed; the cache has what comes of it, no processor runs
          input a.txt: 17762fddd969a453 -> 32684bfa28c0c84d

        asset 1, assets/a.txt
        its first note is of the last build
    "#]]
    .assert_eq(&sandbox.stdout(&["explain", "a.txt"]));
    sandbox.write("assets/a.txt", "a");
    expect![[r#"
        up to date: nothing it is made of changed
        "up_to_date" true
    "#]]
    .assert_eq(&headline(&sandbox, &["a.txt"]));
}

#[test]
fn what_a_processor_refused_is_broken() {
    let sandbox = Sandbox::demo();
    sandbox.run(&["build"]);
    let image = sandbox.read("assets/sprites/coin.png");
    std::fs::write(sandbox.path("assets/sprites/coin.png"), &image[..40]).expect("a file");
    let before = headline(&sandbox, &["coin"]);
    let built = build(&sandbox, &[]);
    expect![[r#"
        would be rebuilt: 1 of its 9 ingredients changed
        "outdated" false
        === built dev/main: 1 asset processed, 6 reused, 3 files written in 0.00 s
        cannot be built: its processor refuses it
        "broken" false
    "#]]
    .assert_eq(&format!("{before}=== {built}{}", headline(&sandbox, &["coin"])));
    sandbox.run(&["check"]);
    expect![[r#"
        cannot be built: its processor refuses it

        asset 5, assets/sprites/coin.png
        note: `packwright check` tells why
        it last changed with the last build because 1 of its 9 ingredients changed
          input coin.png: 697bc515dc2d36d8 -> 5c06e94c73310828
    "#]]
    .assert_eq(&sandbox.stdout(&["explain", "coin"]));
    std::fs::write(sandbox.path("assets/sprites/new.png"), &image[..50]).expect("a file");
    sandbox.run(&["check"]);
    expect![[r#"
        cannot be built: its processor refuses it
        "broken" false
    "#]]
    .assert_eq(&headline(&sandbox, &["sprites/new.png"]));
}

#[test]
fn what_means_no_asset_may_be_something_else() {
    let sandbox = Sandbox::raw(&[("assets/a.txt", "a"), ("assets/b.txt", "b"), ("assets/c/d.txt", "d")]);
    sandbox.run(&["build"]);
    sandbox.remove("assets/a.txt");
    let missing = "error: `assets/a.txt` is registered as 1 and not declared any more; `packwright doctor` looks for where \
                   it went: bring it back, or run `packwright remove 1` to give it up for good\n";
    for arguments in [&["explain", "a.txt"][..], &["explain", "1"], &["show", "assets/a.txt"], &["graph", "a.txt"]] {
        let told = sandbox.run(arguments);
        assert_eq!(told, format!("exit 1\n--- stderr\n{missing}"), "{arguments:?}");
    }
    assert!(sandbox.run(&["list", "a.txt"]).contains(missing));
    // Whoever names what is there is told of that.
    assert!(sandbox.run(&["explain", "assets/[bc]*"]).starts_with("exit 0\n"));
    sandbox.write("assets/c/d.txt.asset.json", "{");
    sandbox.write("assets/c/e.bin", "e");
    let mut told: String = ["c/d.txt", "3", "assets/c/e.bin"].iter().map(|it| sandbox.run(&["explain", it])).collect();
    let config = String::from_utf8(sandbox.read("packwright.toml")).expect("text");
    sandbox.write("packwright.toml", &format!("{config}\n[profiles.dev]\nbroken = \"omit\"\n"));
    told += &sandbox.run(&["show", "c/d.txt"]);
    sandbox.remove("assets/c/d.txt.asset.json");
    sandbox.remove("assets/c/d.txt");
    sandbox.remove("assets/b.txt");
    told += &sandbox.run(&["explain", "*.txt"]);
    told += &sandbox.run(&["explain", "assets"]);
    expect![[r#"
        exit 1
        --- stderr
        error: the declaration of `assets/c/d.txt` is no good: unterminated object; `packwright check` shows where
        exit 1
        --- stderr
        error: no asset matches `3`
        exit 1
        --- stderr
        error: `assets/c/e.bin` is no asset: no rule matches it, and it has no sidecar; `packwright status` lists all such files
        exit 1
        --- stderr
        error: the declaration of `assets/c/d.txt` is no good: unterminated object; `packwright check` shows where
        exit 1
        --- stderr
        error: `*.txt` means 2 assets that are registered and not declared any more, 1 `assets/a.txt` for one; `packwright status` lists them, and `packwright doctor` looks for where they went
        exit 1
        --- stderr
        error: `assets` means 3 assets that are registered and not declared any more, 1 `assets/a.txt` for one; `packwright status` lists them, and `packwright doctor` looks for where they went
    "#]].assert_eq(&told);
}
