//! Identity: what keeps its number, and what never gets one that another had.

use expect_test::expect;

use super::support::{World, at, check, check_cold, check_each};

#[test]
fn what_moves_keeps_its_identity() {
    check_each(
        r#"
## a file moved
//- /assets/a.txt
alpha
//- build --quiet
//- mv /assets/a.txt /assets/b.txt
//- build --quiet
//- registry
## a file moved and changed, with the sidecar that it had
//- /assets/a.txt
alpha
//- /assets/a.txt.asset.json
{ "tags": ["alpha"] }
//- build --quiet
//- mv /assets/a.txt /assets/b.txt
//- mv /assets/a.txt.asset.json /assets/b.txt.asset.json
//- /assets/b.txt
beta
//- build --quiet
//- registry
## a file moved and changed
//- /assets/a.txt
alpha
//- build --quiet
//- mv /assets/a.txt /assets/b.txt
//- /assets/b.txt
beta
//- build --quiet
//- registry
## a directory moved, and all but one of its files changed
//- /assets/d/a.txt
alpha
//- /assets/d/b.txt
beta
//- /assets/d/c.txt
gamma
//- build --quiet
//- mv /assets/d /assets/e
//- /assets/e/a.txt
alpha 2
//- /assets/e/b.txt
beta 2
//- build --quiet
//- registry
## a directory copied
//- /assets/d/a.txt
alpha
//- /assets/d/b.txt
beta
//- build --quiet
//- cp /assets/d /assets/e
//- build --quiet
//- registry
## a file moved while a copy of it appears
//- /assets/a.txt
alpha
//- build --quiet
//- mv /assets/a.txt /assets/b.txt
//- cp /assets/b.txt /assets/c.txt
//- build --quiet
//- registry
## an empty file moved
//- hex /assets/a.txt
//- build --quiet
//- mv /assets/a.txt /assets/b.txt
//- build --quiet
//- registry
## a name in another case
//- /assets/Hero.txt
1
//- build --quiet
//- rm /assets/Hero.txt
//- /assets/hero.txt
2
//- build --quiet
//- registry
## a directory asset renamed
//- /assets/hero/asset.json
{ "type": "raw" }
//- /assets/hero/a.bin
a
//- build --quiet
//- mv /assets/hero /assets/heroine
//- build --quiet
//- registry
"#,
        expect![[r#"
            ## a file moved
            build 1: written, 2 assets in the pack
            build 2: written, 2 assets in the pack
            registry:
              1 assets/b.txt
              2 assets/good.txt

            ## a file moved and changed, with the sidecar that it had
            build 1: written, 2 assets in the pack
            build 2: written, 2 assets in the pack
            registry:
              1 assets/b.txt
              2 assets/good.txt

            ## a file moved and changed
            build 1: written, 2 assets in the pack
            build 2: written, 2 assets in the pack
              warning[PW0206] assets/a.txt: `assets/a.txt` is registered as 1 and not declared any more
                help: bring it back, or run `packwright remove 1` to give it up for good
            registry:
              1 assets/a.txt
              2 assets/good.txt
              3 assets/b.txt

            ## a directory moved, and all but one of its files changed
            build 1: written, 4 assets in the pack
            build 2: written, 4 assets in the pack
            registry:
              1 assets/e/a.txt
              2 assets/e/b.txt
              3 assets/e/c.txt
              4 assets/good.txt

            ## a directory copied
            build 1: written, 3 assets in the pack
            build 2: written, 5 assets in the pack
            registry:
              1 assets/d/a.txt
              2 assets/d/b.txt
              3 assets/good.txt
              4 assets/e/a.txt
              5 assets/e/b.txt

            ## a file moved while a copy of it appears
            build 1: written, 2 assets in the pack
            build 2: written, 3 assets in the pack
              warning[PW0206] assets/a.txt: `assets/a.txt` is registered as 1 and not declared any more
                help: bring it back, or run `packwright remove 1` to give it up for good
            registry:
              1 assets/a.txt
              2 assets/good.txt
              3 assets/b.txt
              4 assets/c.txt

            ## an empty file moved
            build 1: written, 2 assets in the pack
              warning[PW0111] assets/a.txt: `assets/a.txt` is empty
                help: fill it, or keep it out of the pack with a rule that has `exclude = true`
            build 2: written, 2 assets in the pack
              warning[PW0206] assets/a.txt: `assets/a.txt` is registered as 1 and not declared any more
                help: bring it back, or run `packwright remove 1` to give it up for good
              warning[PW0111] assets/b.txt: `assets/b.txt` is empty
                help: fill it, or keep it out of the pack with a rule that has `exclude = true`
            registry:
              1 assets/a.txt
              2 assets/good.txt
              3 assets/b.txt

            ## a name in another case
            build 1: written, 2 assets in the pack
            build 2: written, 2 assets in the pack
            registry:
              1 assets/hero.txt
              2 assets/good.txt

            ## a directory asset renamed
            build 1: written, 2 assets in the pack
            build 2: written, 2 assets in the pack
            registry:
              1 assets/good.txt
              2 assets/heroine

        "#]],
    );
}

#[test]
fn missing_is_not_removed() {
    check(
        r#"
//- /assets/a.txt
a
//- /assets/b.txt
b
//- build --quiet
//- rm /assets/a.txt
//- build --quiet
//- registry
//- /assets/c.txt
c
//- build --quiet
//- registry
//- /assets/a.txt
something else altogether
//- build --quiet
//- registry
//- pack
"#,
        expect![[r#"
            build 1: written, 2 assets in the pack
            build 2: written, 1 asset in the pack
              warning[PW0206] assets/a.txt: `assets/a.txt` is registered as 1 and not declared any more
                help: bring it back, or run `packwright remove 1` to give it up for good
            registry:
              1 assets/a.txt
              2 assets/b.txt
            build 3: written, 2 assets in the pack
              warning[PW0206] assets/a.txt: `assets/a.txt` is registered as 1 and not declared any more
                help: bring it back, or run `packwright remove 1` to give it up for good
            registry:
              1 assets/a.txt
              2 assets/b.txt
              3 assets/c.txt
            build 4: written, 3 assets in the pack
            registry:
              1 assets/a.txt
              2 assets/b.txt
              3 assets/c.txt
            pack:
              1 raw a.txt: A (26 bytes)
              2 raw b.txt: B (2 bytes)
              3 raw c.txt: C (2 bytes)
        "#]],
    );
}

#[test]
fn an_excluded_asset_keeps_its_identity_and_gets_none_anew() {
    check(
        r#"
//- /assets/a.txt
a
//- /assets/b.txt
b
//- /assets/b.txt.asset.json
{ "exclude": true }
//- build --quiet
//- registry
//- /assets/a.txt.asset.json
{ "exclude": true }
//- rm /assets/b.txt.asset.json
//- build --quiet
//- registry
//- pack
"#,
        expect![[r#"
            build 1: written, 1 asset in the pack
            registry:
              1 assets/a.txt
            build 2: written, 1 asset in the pack
            registry:
              1 assets/a.txt
              2 assets/b.txt
            pack:
              2 raw b.txt: A (2 bytes)
        "#]],
    );
}

#[test]
fn an_excluded_asset_is_found_again_and_no_copy_takes_its_identity() {
    check_each(
        r#"
## it moves
//- /assets/a.txt
a
//- build --quiet
//- /assets/a.txt.asset.json
{ "exclude": true }
//- build --quiet
//- mv /assets/a.txt /assets/z/a.txt
//- mv /assets/a.txt.asset.json /assets/z/a.txt.asset.json
//- build --quiet
//- registry
//- rm /assets/z/a.txt.asset.json
//- build --quiet
//- registry
## it moves, and there is a copy
//- /assets/a.txt
a
//- build --quiet
//- /assets/a.txt.asset.json
{ "exclude": true }
//- build --quiet
//- mv /assets/a.txt /assets/z/a.txt
//- mv /assets/a.txt.asset.json /assets/z/a.txt.asset.json
//- /assets/copy.txt
a
//- build --quiet
//- registry
## what was never registered is not, whatever else goes
//- /assets/a.txt
a
//- /assets/b.txt
b
//- /assets/b.txt.asset.json
{ "exclude": true }
//- build --quiet
//- rm /assets/a.txt
//- /assets/c.txt
c
//- build --quiet
//- registry
## a directory moves, and what is excluded goes along
//- /assets/d/a.txt
a
//- /assets/d/b.txt
b
//- build --quiet
//- /assets/d/b.txt.asset.json
{ "exclude": true }
//- build --quiet
//- mv /assets/d/a.txt /assets/e/a.txt
//- mv /assets/d/b.txt /assets/e/b.txt
//- mv /assets/d/b.txt.asset.json /assets/e/b.txt.asset.json
//- build --quiet
//- registry
## one that has its own keeps it
//- /assets/a.txt
same
//- /assets/b.txt
b
//- build --quiet
//- /assets/b.txt
same
//- /assets/b.txt.asset.json
{ "exclude": true }
//- rm /assets/a.txt
//- build --quiet
//- registry
"#,
        expect![[r#"
            ## it moves
            build 1: written, 2 assets in the pack
            build 2: written, 1 asset in the pack
            build 3: unchanged, 1 asset in the pack
              warning[PW0206] assets/a.txt: `assets/a.txt` is registered as 1 and not declared any more
                help: bring it back, or run `packwright remove 1` to give it up for good
            registry:
              1 assets/a.txt
              2 assets/good.txt
            build 4: written, 2 assets in the pack
            registry:
              1 assets/z/a.txt
              2 assets/good.txt

            ## it moves, and there is a copy
            build 1: written, 2 assets in the pack
            build 2: written, 1 asset in the pack
            build 3: written, 2 assets in the pack
              warning[PW0206] assets/a.txt: `assets/a.txt` is registered as 1 and not declared any more
                help: bring it back, or run `packwright remove 1` to give it up for good
            registry:
              1 assets/a.txt
              2 assets/good.txt
              3 assets/copy.txt

            ## what was never registered is not, whatever else goes
            build 1: written, 2 assets in the pack
            build 2: written, 2 assets in the pack
              warning[PW0206] assets/a.txt: `assets/a.txt` is registered as 1 and not declared any more
                help: bring it back, or run `packwright remove 1` to give it up for good
            registry:
              1 assets/a.txt
              2 assets/good.txt
              3 assets/c.txt

            ## a directory moves, and what is excluded goes along
            build 1: written, 3 assets in the pack
            build 2: written, 2 assets in the pack
            build 3: written, 2 assets in the pack
            registry:
              1 assets/e/a.txt
              2 assets/e/b.txt
              3 assets/good.txt

            ## one that has its own keeps it
            build 1: written, 3 assets in the pack
            build 2: written, 1 asset in the pack
              warning[PW0206] assets/a.txt: `assets/a.txt` is registered as 1 and not declared any more
                help: bring it back, or run `packwright remove 1` to give it up for good
            registry:
              1 assets/a.txt
              2 assets/b.txt
              3 assets/good.txt

        "#]],
    );
}

#[test]
fn what_never_had_an_identity_takes_over_none_also_in_a_cold_process() {
    check_cold(
        r#"
//- /assets/a.txt
a
//- /assets/keep.txt
keep
//- /assets/z/out.txt
out
//- /assets/z/out.txt.asset.json
{ "exclude": true }
//- build --quiet
//- /assets/keep.txt
kept
//- build --quiet
//- /assets/z/out.txt
a
//- rm /assets/a.txt
//- build --quiet
//- registry
//- /assets/b.txt
b
//- build --quiet
//- /assets/z/more.txt
b
//- /assets/z/more.txt.asset.json
{ "exclude": true }
//- build --quiet
//- rm /assets/b.txt
//- build --quiet
//- registry
"#,
        expect![[r#"
            build 1: written, 2 assets in the pack
            build 2: written, 2 assets in the pack
            build 3: written, 1 asset in the pack
              warning[PW0206] assets/a.txt: `assets/a.txt` is registered as 1 and not declared any more
                help: bring it back, or run `packwright remove 1` to give it up for good
            registry:
              1 assets/a.txt
              2 assets/keep.txt
            build 4: written, 2 assets in the pack
              warning[PW0206] assets/a.txt: `assets/a.txt` is registered as 1 and not declared any more
                help: bring it back, or run `packwright remove 1` to give it up for good
            build 5: unchanged, 2 assets in the pack
              warning[PW0206] assets/a.txt: `assets/a.txt` is registered as 1 and not declared any more
                help: bring it back, or run `packwright remove 1` to give it up for good
            build 6: written, 1 asset in the pack
              warning[PW0206] assets/a.txt: `assets/a.txt` is registered as 1 and not declared any more
                help: bring it back, or run `packwright remove 1` to give it up for good
              warning[PW0206] assets/b.txt: `assets/b.txt` is registered as 3 and not declared any more
                help: bring it back, or run `packwright remove 3` to give it up for good
            registry:
              1 assets/a.txt
              2 assets/keep.txt
              3 assets/b.txt
        "#]],
    );
}

#[test]
fn an_excluded_asset_is_in_nobodys_way() {
    check(
        r#"
//- /assets/a.txt
a
//- /assets/b.txt
b
//- /assets/b.txt.asset.json
{ "name": "a.txt", "exclude": true }
//- /assets/c.txt
c
//- /assets/c.txt.asset.json
{ "dependencies": ["a.txt"] }
//- build
//- pack
//- rm /assets/a.txt
//- build
"#,
        expect![[r#"
            build 1: written, 2 assets in the pack
              register `assets/a.txt` as 1
              register `assets/c.txt` as 2
              digested 5
              ran asset_dirs()
              ran asset_dirs_in(assets)
              ran claimed_twice()
              ran declared(assets)
              ran dependency_cycles()
              ran dependency_edges_in(assets)
              ran exports(assets)
              ran governors(assets)
              ran layout(assets)
              ran lone_sidecars_in(assets)
              ran names()
              ran recipes(assets)
              ran validated(assets)
              processed raw: assets [a.txt]
              processed raw: assets [c.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0012] assets/b.txt.asset.json:1:11: two assets are named `a.txt`
                assets/a.txt: the other one is declared here
                help: `assets/a.txt` has this name too; give one of them another `name`
            pack:
              1 raw a.txt: A (2 bytes)
              2 raw c.txt: B (2 bytes) -> [1]
            build 2: refused
              warning[PW0206] assets/a.txt: `assets/a.txt` is registered as 1 and not declared any more
                help: bring it back, or run `packwright remove 1` to give it up for good
              error[PW0016] assets/c.txt.asset.json:1:20: `a.txt` is excluded from every pack
        "#]],
    );
}

#[test]
fn locked_changes_nothing_and_says_what_it_would() {
    check(
        r#"
//- /assets/a.txt
a
//- build --locked
//- build --quiet
//- build --locked --quiet
//- /assets/b.txt
b
//- mv /assets/a.txt /assets/c.txt
//- build --locked
//- rm /assets/b.txt
//- rm /assets/c.txt
//- build --locked --quiet
"#,
        expect![[r#"
            build 1: locked
              error[PW0207] assets/a.txt: --locked forbids to register `assets/a.txt` as 1
                help: build without --locked and commit `packwright.registry`
            build 2: written, 1 asset in the pack
            build 3: up to date, 1 asset in the pack
            build 4: locked
              error[PW0207] assets/b.txt: --locked forbids to register `assets/b.txt` as 2
                help: build without --locked and commit `packwright.registry`
              error[PW0207] assets/c.txt: --locked forbids to move 1 from `assets/a.txt` to `assets/c.txt`
                help: build without --locked and commit `packwright.registry`
            build 5: written, 0 assets in the pack
              warning[PW0206] assets/a.txt: `assets/a.txt` is registered as 1 and not declared any more
                help: bring it back, or run `packwright remove 1` to give it up for good
        "#]],
    );
}

/// Two clones that register the same asset agree without talking, in whichever order they meet others.
#[test]
fn two_clones_agree() {
    let lines = |steps: &str| -> Vec<String> {
        let mut world = World::new();
        world.run(steps);
        let files = world.system.snapshot();
        let registry = files.iter().filter(|it| it.0.starts_with(at("/packwright.registry")));
        let text: String = registry.map(|it| String::from_utf8(it.1.clone()).expect("text")).collect();
        let uuid_and_place = |line: &str| {
            let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
            format!("{} {}", line["asset_uuid"], line["place"])
        };
        let mut lines: Vec<String> = text.lines().map(uuid_and_place).collect();
        lines.sort();
        lines
    };
    let one = lines("//- /assets/a.txt\na\n//- build --quiet\n//- /assets/b.txt\nb\n//- build --quiet");
    let other = lines("//- /assets/b.txt\nother\n//- build --quiet\n//- /assets/a.txt\nstill other\n//- build --quiet");
    assert_eq!(one, other);
    assert_eq!(one.len(), 2);
}

/// What a build registers does not depend on the order in which directories are listed.
#[test]
fn numbers_follow_places() {
    let registry = |seed: u64| {
        let mut world = World::new();
        world.system.scramble(seed);
        for name in ["z", "a/b", "a", "a-b", "a/0", "B"] {
            world.system.write(at(&format!("/assets/{name}.txt")), name);
        }
        world.run("//- build --quiet\n//- registry")
    };
    let first = registry(0);
    assert!((1..8).all(|seed| registry(seed) == first));
    expect![[r#"
        build 1: written, 6 assets in the pack
        registry:
          1 assets/B.txt
          2 assets/a-b.txt
          3 assets/a.txt
          4 assets/a/0.txt
          5 assets/a/b.txt
          6 assets/z.txt
    "#]]
    .assert_eq(&first);
}

#[test]
fn a_declaration_that_cannot_be_read_is_not_a_missing_asset() {
    check(
        r#"
//- /packwright.toml
workspace = "5c0ffee0-0000-4000-8000-000000000001"
[[roots]]
path = "assets"
[profiles.dev]
broken = "omit"
//- /assets/d/asset.json
{ "type": "raw" }
//- /assets/d/a.txt
alpha
//- build --quiet
//- cp /assets/d /assets/e
//- /assets/d/asset.json
{ "tpye": "raw"
//- build
//- registry
"#,
        expect![[r#"
            build 1: written, 1 asset in the pack
            build 2: written, 1 asset in the pack
              register `assets/e` as 2
              digested 3
              ran asset_dirs()
              ran asset_dirs_in(assets)
              ran declared(assets)
              ran dependency_edges_in(assets)
              ran exports(assets)
              ran governors(assets)
              ran layout(assets)
              ran lone_sidecars_in(assets)
              ran names()
              ran recipes(assets)
              ran validated(assets)
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0001] assets/d/asset.json:1:1: unterminated object
                help: `assets/d` is left out of the pack
            registry:
              1 assets/d
              2 assets/e
        "#]],
    );
}
