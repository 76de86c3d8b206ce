//! The table of what an edit costs in a process that knows nothing yet: how many buckets memos stand for, which queries
//! ran for the others, which processors, and which files were written.
//!
//! Two thousand sources in several buckets. The profile leaves out what is broken.

use std::path::Path;
use std::sync::Arc;

use expect_test::{Expect, expect};
use packwright::internals::build::Options;

use super::support::{ROOT, World, at, engine};
use super::witness::Witness;

/// Returns the workspace, with what `prepared` adds to it, after two builds.
fn world(prepared: &str) -> World {
    let mut world = World::new();
    for n in 0..2000 {
        let path = format!("/assets/level{:02}/prop{:03}.txt", n / 100, n % 100);
        world.system.write(at(&path), format!("prop {n}\n"));
    }
    (world.cold, world.recalls) = (true, true);
    world.run(&format!("{}\n//- build lenient --quiet\n//- build lenient --quiet\n", prepared.trim_end()));
    world
}

fn large(prepared: &str, steps: &str, expected: Expect) {
    let steps = steps.replace("//- build", "//- build lenient");
    expected.assert_eq(&world(&prepared.replace("//- build", "//- build lenient")).run(&steps));
}

#[test]
fn a_new_file() {
    large(
        r#"

"#,
        r#"
//- /assets/level03/prop042b.txt
new
//- build
"#,
        expect![[r#"
            build 3: written, 2001 assets in the pack
              register `assets/level03/prop042b.txt` as 2001
              digested 1
              recalled 5 of 6 buckets
              ran asset_dirs()
              ran claimed_twice()
              ran declared(assets/level02/prop067.txt)
              ran dependency_cycles()
              ran dependency_edges_in(assets/level02/prop067.txt)
              ran exports(assets/level02/prop067.txt)
              ran governors(assets/level02/prop067.txt)
              ran layout(assets/level02/prop067.txt)
              ran recipes(assets/level02/prop067.txt)
              ran validated(assets/level02/prop067.txt)
              processed raw: assets/level03 [prop042b.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
        "#]],
    );
}

#[test]
fn a_removed_file() {
    large(
        r#"

"#,
        r#"
//- rm /assets/level03/prop042.txt
//- build
//- /assets/level12/prop007.txt
other
//- build
"#,
        expect![[r#"
            build 3: written, 1999 assets in the pack
              recalled 5 of 6 buckets
              ran asset_dirs()
              ran claimed_twice()
              ran declared(assets/level02/prop067.txt)
              ran dependency_cycles()
              ran dependency_edges_in(assets/level02/prop067.txt)
              ran exports(assets/level02/prop067.txt)
              ran governors(assets/level02/prop067.txt)
              ran layout(assets/level02/prop067.txt)
              ran recipes(assets/level02/prop067.txt)
              ran validated(assets/level02/prop067.txt)
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0206] assets/level03/prop042.txt: `assets/level03/prop042.txt` is registered as 343 and not declared any more
                help: bring it back, or run `packwright remove 343` to give it up for good
            build 4: written, 1999 assets in the pack
              digested 1
              recalled 5 of 6 buckets
              ran asset_dirs()
              ran claimed_twice()
              ran declared(assets/level11/prop012.txt)
              ran dependency_cycles()
              ran dependency_edges_in(assets/level11/prop012.txt)
              ran exports(assets/level11/prop012.txt)
              ran governors(assets/level11/prop012.txt)
              ran layout(assets/level11/prop012.txt)
              ran recipes(assets/level11/prop012.txt)
              ran validated(assets/level11/prop012.txt)
              processed raw: assets/level12 [prop007.txt]
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0206] assets/level03/prop042.txt: `assets/level03/prop042.txt` is registered as 343 and not declared any more
                help: bring it back, or run `packwright remove 343` to give it up for good
        "#]],
    );
}

#[test]
fn a_missing_file_that_comes_back() {
    large(
        r#"
//- build --quiet
//- rm /assets/level03/prop042.txt
//- build --quiet
"#,
        r#"
//- /assets/level03/prop042.txt
prop 342
//- build
"#,
        expect![[r#"
            build 5: written, 2000 assets in the pack
              digested 1
              recalled 6 of 6 buckets
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
        "#]],
    );
}

/// It is recognised by its contents, and keeps its number.
#[test]
fn a_renamed_file() {
    large(
        r#"

"#,
        r#"
//- mv /assets/level03/prop042.txt /assets/level15/renamed.txt
//- build
"#,
        expect![[r#"
            build 3: written, 2000 assets in the pack
              move 343 from `assets/level03/prop042.txt` to `assets/level15/renamed.txt`
              digested 1
              recalled 4 of 6 buckets
              ran asset_dirs()
              ran claimed_twice()
              ran declared(assets/level02/prop067.txt, assets/level11/prop012.txt)
              ran dependency_cycles()
              ran dependency_edges_in(assets/level02/prop067.txt, assets/level11/prop012.txt)
              ran exports(assets/level02/prop067.txt, assets/level11/prop012.txt)
              ran governors(assets/level02/prop067.txt, assets/level11/prop012.txt)
              ran layout(assets/level02/prop067.txt, assets/level11/prop012.txt)
              ran recipes(assets/level02/prop067.txt, assets/level11/prop012.txt)
              ran validated(assets/level02/prop067.txt, assets/level11/prop012.txt)
              processed raw: assets/level15 [renamed.txt]
              wrote main.parts/*.part
              wrote main.pack
        "#]],
    );
}

/// Contents that a place holds which stayed are no evidence.
#[test]
fn a_renamed_file_whose_contents_another_has() {
    large(
        r#"
//- /assets/level10/twin.txt
prop 342
"#,
        r#"
//- mv /assets/level03/prop042.txt /assets/level15/renamed.txt
//- build
"#,
        expect![[r#"
            build 3: written, 2001 assets in the pack
              register `assets/level15/renamed.txt` as 2002
              digested 1
              recalled 4 of 6 buckets
              ran asset_dirs()
              ran claimed_twice()
              ran declared(assets/level02/prop067.txt, assets/level11/prop012.txt)
              ran dependency_cycles()
              ran dependency_edges_in(assets/level02/prop067.txt, assets/level11/prop012.txt)
              ran exports(assets/level02/prop067.txt, assets/level11/prop012.txt)
              ran governors(assets/level02/prop067.txt, assets/level11/prop012.txt)
              ran layout(assets/level02/prop067.txt, assets/level11/prop012.txt)
              ran recipes(assets/level02/prop067.txt, assets/level11/prop012.txt)
              ran validated(assets/level02/prop067.txt, assets/level11/prop012.txt)
              processed raw: assets/level15 [renamed.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0206] assets/level03/prop042.txt: `assets/level03/prop042.txt` is registered as 343 and not declared any more
                help: bring it back, or run `packwright remove 343` to give it up for good
        "#]],
    );
}

#[test]
fn a_renamed_directory() {
    large(
        r#"
//- /assets/level07/door/asset.json
{ "type": "raw", "inputs": ["*.bin"] }
//- /assets/level07/door/door.bin
door
//- /assets/level07/door/sign.txt
sign
//- /assets/level07/door/sign.txt.asset.json
{ "type": "raw" }
"#,
        r#"
//- mv /assets/level07/door /assets/level17/gate
//- build
"#,
        expect![[r#"
            build 3: written, 2002 assets in the pack
              move 701 from `assets/level07/door` to `assets/level17/gate`
              move 702 from `assets/level07/door/sign.txt` to `assets/level17/gate/sign.txt`
              digested 4
              recalled 4 of 6 buckets
              ran asset_dirs()
              ran claimed_twice()
              ran declared(assets/level04/prop041.txt, assets/level11/prop012.txt)
              ran dependency_cycles()
              ran dependency_edges_in(assets/level04/prop041.txt, assets/level11/prop012.txt)
              ran exports(assets/level04/prop041.txt, assets/level11/prop012.txt)
              ran governors(assets/level04/prop041.txt, assets/level11/prop012.txt)
              ran layout(assets/level04/prop041.txt, assets/level11/prop012.txt)
              ran recipes(assets/level04/prop041.txt, assets/level11/prop012.txt)
              ran validated(assets/level04/prop041.txt, assets/level11/prop012.txt)
              wrote main.parts/*.part
              wrote main.pack
        "#]],
    );
}

#[test]
fn a_new_directory_with_a_declaration() {
    large(
        r#"

"#,
        r#"
//- /assets/level12/door/asset.json
{ "type": "raw", "inputs": ["*.bin"] }
//- /assets/level12/door/door.bin
door
//- build
"#,
        expect![[r#"
            build 3: written, 2001 assets in the pack
              register `assets/level12/door` as 2001
              digested 2
              recalled 5 of 6 buckets
              ran asset_dirs()
              ran claimed_twice()
              ran declared(assets/level11/prop012.txt)
              ran dependency_cycles()
              ran dependency_edges_in(assets/level11/prop012.txt)
              ran exports(assets/level11/prop012.txt)
              ran governors(assets/level11/prop012.txt)
              ran layout(assets/level11/prop012.txt)
              ran recipes(assets/level11/prop012.txt)
              ran validated(assets/level11/prop012.txt)
              processed raw: assets/level12/door [door.bin]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
        "#]],
    );
}

#[test]
fn a_new_file_that_a_glob_of_another_bucket_matches() {
    large(
        r#"
//- /assets/level01/all/asset.json
{ "type": "raw", "inputs": ["../../level19/*.bin"] }
//- /assets/level19/a.bin
a
"#,
        r#"
//- /assets/level19/b.bin
b
//- build
//- /assets/level05/prop000.txt
not looked at
//- build
"#,
        expect![[r#"
            build 3: written, 2001 assets in the pack
              digested 1
              recalled 4 of 6 buckets
              ran asset_dirs()
              ran claimed_twice()
              ran declared(assets, assets/level18/prop014.txt)
              ran dependency_cycles()
              ran dependency_edges_in(assets, assets/level18/prop014.txt)
              ran exports(assets, assets/level18/prop014.txt)
              ran governors(assets, assets/level18/prop014.txt)
              ran layout(assets, assets/level18/prop014.txt)
              ran recipes(assets, assets/level18/prop014.txt)
              ran validated(assets, assets/level18/prop014.txt)
              processed raw: assets/level01/all [../../level19/a.bin, ../../level19/b.bin]
              wrote main.parts/*.part
              wrote main.pack
            build 4: written, 2001 assets in the pack
              digested 1
              recalled 5 of 6 buckets
              ran asset_dirs()
              ran claimed_twice()
              ran declared(assets/level04/prop041.txt)
              ran dependency_cycles()
              ran dependency_edges_in(assets/level04/prop041.txt)
              ran exports(assets/level04/prop041.txt)
              ran governors(assets/level04/prop041.txt)
              ran layout(assets/level04/prop041.txt)
              ran recipes(assets/level04/prop041.txt)
              ran validated(assets/level04/prop041.txt)
              processed raw: assets/level05 [prop000.txt]
              wrote main.parts/*.part
              wrote main.pack
        "#]],
    );
}

#[test]
fn a_new_file_that_another_bucket_looked_for() {
    large(
        r#"
//- /assets/level01/ship.gltf
{ "asset": {"version": "2.0"}, "buffers": [{"uri": "../level18/ship.bin", "byteLength": 4}] }
"#,
        r#"
//- /assets/level18/ship.bin
abcd
//- build
"#,
        expect![[r#"
            build 3: written, 2001 assets in the pack
              digested 1
              recalled 4 of 6 buckets
              ran asset_dirs()
              ran claimed_twice()
              ran declared(assets, assets/level18/prop014.txt)
              ran dependency_cycles()
              ran dependency_edges_in(assets, assets/level18/prop014.txt)
              ran exports(assets, assets/level18/prop014.txt)
              ran governors(assets, assets/level18/prop014.txt)
              ran layout(assets, assets/level18/prop014.txt)
              ran recipes(assets, assets/level18/prop014.txt)
              ran validated(assets, assets/level18/prop014.txt)
              processed model: assets/level01 [ship.gltf]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
        "#]],
    );
}

#[test]
fn an_image_that_a_model_of_another_bucket_refers_to_is_edited() {
    large(
        r#"
//- /assets/level01/ship.gltf
{ "asset": {"version": "2.0"}, "images": [{"uri": "../level18/ship.png"}] }
//- png /assets/level18/ship.png 2x2
"#,
        r#"
//- png /assets/level18/ship.png 2x2 9
//- build
"#,
        expect![[r#"
            build 3: written, 2002 assets in the pack
              digested 1
              recalled 5 of 6 buckets
              ran asset_dirs()
              ran claimed_twice()
              ran declared(assets/level18/prop014.txt)
              ran dependency_cycles()
              ran dependency_edges_in(assets/level18/prop014.txt)
              ran exports(assets/level18/prop014.txt)
              ran governors(assets/level18/prop014.txt)
              ran layout(assets/level18/prop014.txt)
              ran recipes(assets/level18/prop014.txt)
              ran validated(assets/level18/prop014.txt)
              processed image: assets/level18 [ship.png]
              wrote main.parts/*.part
              wrote main.pack
        "#]],
    );
}

#[test]
fn an_image_that_a_model_of_another_bucket_refers_to_is_an_asset_no_more() {
    large(
        r#"
//- /assets/level01/ship.gltf
{ "asset": {"version": "2.0"}, "images": [{"uri": "../level18/ship.png"}] }
//- png /assets/level18/ship.png 2x2
"#,
        r#"
//- /assets/level18/ship.png.asset.json
{ "exclude": true }
//- build
"#,
        expect![[r#"
            build 3: written, 2001 assets in the pack
              digested 1
              ran asset_dirs()
              ran asset_dirs_in(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran claimed_twice()
              ran declared(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran dependency_cycles()
              ran dependency_edges_in(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran exports(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran governors(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran layout(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran lone_sidecars_in(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran names()
              ran recipes(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran validated(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              processed model: assets/level01 [ship.gltf]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
        "#]],
    );
}

#[test]
fn a_new_name_that_another_bucket_depends_on() {
    large(
        r#"
//- /assets/level01/boss/asset.json
{ "type": "raw", "inputs": ["*.bin"], "dependencies": ["sword"] }
//- /assets/level01/boss/boss.bin
boss
"#,
        r#"
//- /assets/level18/sword.txt
sword
//- /assets/level18/sword.txt.asset.json
{ "name": "sword" }
//- build
//- /assets/level18/prop001.txt
edited
//- build
"#,
        expect![[r#"
            build 3: written, 2002 assets in the pack
              register `assets/level18/sword.txt` as 2002
              digested 2
              recalled 4 of 6 buckets
              ran asset_dirs(, )
              ran claimed_twice(, )
              ran declared(assets, assets/level18/prop014.txt, assets/level18/prop014.txt)
              ran dependency_cycles()
              ran dependency_edges_in(assets, assets/level18/prop014.txt)
              ran exports(assets, assets/level18/prop014.txt, assets/level18/prop014.txt)
              ran governors(assets, assets/level18/prop014.txt, assets/level18/prop014.txt)
              ran layout(assets, assets/level18/prop014.txt)
              ran names()
              ran recipes(assets, assets/level18/prop014.txt)
              ran validated(assets, assets/level18/prop014.txt)
              processed raw: assets/level01/boss [boss.bin]
              processed raw: assets/level18 [sword.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
            build 4: written, 2002 assets in the pack
              digested 1
              recalled 5 of 6 buckets
              ran asset_dirs()
              ran claimed_twice()
              ran declared(assets/level11/prop012.txt)
              ran dependency_cycles()
              ran dependency_edges_in(assets/level11/prop012.txt)
              ran exports(assets/level11/prop012.txt)
              ran governors(assets/level11/prop012.txt)
              ran layout(assets/level11/prop012.txt)
              ran recipes(assets/level11/prop012.txt)
              ran validated(assets/level11/prop012.txt)
              processed raw: assets/level18 [prop001.txt]
              wrote main.parts/*.part
              wrote main.pack
        "#]],
    );
}

#[test]
fn a_new_name_that_another_has() {
    large(
        r#"

"#,
        r#"
//- /assets/level18/twin.txt
twin
//- /assets/level18/twin.txt.asset.json
{ "name": "level03/prop042.txt" }
//- build
"#,
        expect![[r#"
            build 3: written, 1999 assets in the pack
              register `assets/level18/twin.txt` as 2001
              digested 2
              ran asset_dirs()
              ran asset_dirs_in(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran claimed_twice()
              ran declared(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran dependency_cycles()
              ran dependency_edges_in(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran exports(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran governors(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran layout(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran lone_sidecars_in(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran names()
              ran recipes(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran validated(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0012] assets/level03/prop042.txt: two assets are named `level03/prop042.txt`
                assets/level18/twin.txt.asset.json:1:11: the other one is declared here
                help: `assets/level03/prop042.txt` is left out of the pack; `assets/level18/twin.txt` has this name too; give one of them another `name`
              warning[PW0012] assets/level18/twin.txt.asset.json:1:11: two assets are named `level03/prop042.txt`
                assets/level03/prop042.txt: the other one is declared here
                help: `assets/level18/twin.txt` is left out of the pack; `assets/level03/prop042.txt` has this name too; give one of them another `name`
        "#]],
    );
}

/// Nobody was told of the clash while both were broken.
#[test]
fn a_new_file_in_a_directory_that_another_differs_from_in_case_only() {
    large(
        r#"

"#,
        r#"
//- /assets/LEVEL03/new.txt
new
//- build
//- /assets/level12/prop007.txt
other
//- build
//- rm /assets/LEVEL03/new.txt
//- build
"#,
        expect![[r#"
            build 3: written, 2001 assets in the pack
              register `assets/LEVEL03/new.txt` as 2001
              digested 1
              ran asset_dirs()
              ran asset_dirs_in(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran claimed_twice()
              ran declared(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran dependency_cycles()
              ran dependency_edges_in(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran exports(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran governors(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran layout(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran lone_sidecars_in(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran names()
              ran recipes(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran validated(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              processed raw: assets/LEVEL03 [new.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0106] assets/level03/prop000.txt: the directories `assets/LEVEL03` and `assets/level03` differ only in case or Unicode normalization
                help: many file systems cannot hold both; rename one of them
            build 4: written, 2001 assets in the pack
              digested 1
              ran asset_dirs()
              ran asset_dirs_in(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran claimed_twice()
              ran declared(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran dependency_cycles()
              ran dependency_edges_in(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran exports(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran governors(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran layout(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran lone_sidecars_in(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran names()
              ran recipes(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran validated(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              processed raw: assets/level12 [prop007.txt]
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0106] assets/level03/prop000.txt: the directories `assets/LEVEL03` and `assets/level03` differ only in case or Unicode normalization
                help: many file systems cannot hold both; rename one of them
            build 5: written, 2000 assets in the pack
              ran asset_dirs()
              ran asset_dirs_in(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran claimed_twice()
              ran declared(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran dependency_cycles()
              ran dependency_edges_in(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran exports(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran governors(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran layout(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran lone_sidecars_in(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran names()
              ran recipes(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran validated(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0206] assets/LEVEL03/new.txt: `assets/LEVEL03/new.txt` is registered as 2001 and not declared any more
                help: bring it back, or run `packwright remove 2001` to give it up for good
        "#]],
    );
}

#[test]
fn a_broken_asset_mended_that_has_the_name_of_another_broken_one() {
    large(
        r#"
//- /assets/level01/one.txt
one
//- /assets/level01/one.txt.asset.json
{ "name": "twin", "unknown": 1 }
//- /assets/level18/two.txt
two
//- /assets/level18/two.txt.asset.json
{ "name": "twin", "unknown": 1 }
"#,
        r#"
//- /assets/level18/two.txt.asset.json
{ "name": "twin" }
//- build --quiet
"#,
        expect![[r#"
            build 3: unchanged, 2000 assets in the pack
              warning[PW0003] assets/level01/one.txt.asset.json:1:19: unknown field `unknown`
                help: `assets/level01/one.txt` is left out of the pack; the fields here are `$schema`, `name`, `type`, `inputs`, `settings`, `profiles`, `presets`, `codec`, `preload`, `tags`, `dependencies`, `exclude`
              warning[PW0012] assets/level18/two.txt.asset.json:1:11: two assets are named `twin`
                assets/level01/one.txt: the other one is declared here
                help: `assets/level18/two.txt` is left out of the pack; `assets/level01/one.txt` has this name too; give one of them another `name`
        "#]],
    );
}

/// A memo that is lost costs one long way.
#[test]
fn a_lost_memo_is_made_anew() {
    let world = world("");
    let system = &world.system;
    let options = Options { profile: "lenient".to_owned(), ..Options::default() };
    let index = at("/.packwright/cache/index.redb");
    let sound = system.get(&index).expect("there is an index");
    let mut lost = 0;
    for part in 0..40 {
        let fork = system.fork();
        let mut bytes = sound.to_vec();
        let at_byte = part * bytes.len() / 40 + bytes.len() / 80;
        bytes[at_byte] ^= 0x55;
        fork.write(&index, bytes);
        let disk: Arc<dyn packwright::internals::system::Disk> = Arc::new(fork.clone());
        let mut recalled = Vec::new();
        for text in ["one", "two"] {
            fork.write(at("/assets/level12/prop007.txt"), text);
            fork.settle();
            let report = engine(disk.clone(), Path::new(ROOT)).build(&options).expect("it is sound");
            recalled.push(report.work.buckets_recalled);
        }
        lost += usize::from(recalled[0] == 0);
        assert_ne!(recalled[1], 0, "byte {at_byte}");
    }
    assert_ne!(lost, 0, "no memo was hurt");
}

/// Contents only: what was there before is recalled, and nothing is derived.
#[test]
fn a_switch_and_back() {
    large(
        r#"

"#,
        r#"
//- /assets/level03/prop042.txt
switched
//- /assets/level16/prop042.txt
switched
//- build
//- /assets/level03/prop042.txt
prop 342
//- /assets/level16/prop042.txt
prop 1642
//- build
//- /assets/level03/prop042.txt
switched
//- /assets/level16/prop042.txt
switched
//- build
"#,
        expect![[r#"
            build 3: written, 2000 assets in the pack
              digested 2
              recalled 4 of 6 buckets
              ran asset_dirs()
              ran claimed_twice()
              ran declared(assets/level02/prop067.txt, assets/level11/prop012.txt)
              ran dependency_cycles()
              ran dependency_edges_in(assets/level02/prop067.txt, assets/level11/prop012.txt)
              ran exports(assets/level02/prop067.txt, assets/level11/prop012.txt)
              ran governors(assets/level02/prop067.txt, assets/level11/prop012.txt)
              ran layout(assets/level02/prop067.txt, assets/level11/prop012.txt)
              ran recipes(assets/level02/prop067.txt, assets/level11/prop012.txt)
              ran validated(assets/level02/prop067.txt, assets/level11/prop012.txt)
              processed raw: assets/level03 [prop042.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
            build 4: written, 2000 assets in the pack
              digested 2
              recalled 6 of 6 buckets
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
            build 5: written, 2000 assets in the pack
              digested 2
              recalled 6 of 6 buckets
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
        "#]],
    );
}

/// What a processor panicked on may be another thing tomorrow: no memo says that the asset is left out.
#[test]
fn a_panic_is_not_remembered() {
    let world = world("//- png /assets/level05/x.png 2x2");
    let system = world.system.clone();
    let options = Options { profile: "lenient".to_owned(), ..Options::default() };
    // The image is to be made anew, and its bytes are not at hand.
    let mut config = super::support::CONFIG.to_owned();
    config.push_str("[profiles.lenient.settings.image]\nformat = \"rgba8\"\n");
    system.write(at("/packwright.toml"), config);
    system.settle();
    let disk = Witness::of(Arc::new(system.clone()));
    let disk = disk.before_opening(at("/assets/level05/x.png"), 0, || panic!("a disk that nobody has"));
    let broken = engine(Arc::new(disk), Path::new(ROOT)).build(&options).expect("what panicked is left out");
    assert_eq!((broken.entries(), broken.work.processed), (2000, 1), "{:?}", broken.diagnostics);

    system.write(at("/assets/level12/prop007.txt"), "something to do");
    system.settle();
    let report = engine(Arc::new(system.clone()), Path::new(ROOT)).build(&options).expect("it is sound");
    assert_eq!((report.entries(), report.work.buckets_recalled), (2001, 0), "{:?}", report.diagnostics);
    world.compare_with_clean(&options);
}

const PACKS: &str = r#"
//- packs
[packs.early]
match = ["level00/**", "level01/**"]
[packs.late]
tags = ["late"]
match = ["level0?/**", "level19/**"]
[packs.rest]
match = ["!level00/**"]
codec = "lz4"
//- /assets/level01/prop001.txt.asset.json
{ "tags": ["late"] }
//- /assets/level02/prop002.txt.asset.json
{ "tags": ["late"], "dependencies": ["/assets/level00/prop000.txt"] }
"#;

#[test]
fn an_edit_among_several_packs_rewrites_those_that_it_reaches() {
    large(
        PACKS,
        r#"
//- /assets/level01/prop001.txt
edited
//- build
//- /assets/level12/prop000.txt
edited
//- build
//- /assets/level12/prop000b.txt
new
//- build
//- build --pack=late
//- /assets/level12/prop000.txt
edited once more
//- build --pack=late
//- build
"#,
        expect![[r#"
            build 3: written, early: 200 assets, late: 2 assets, rest: 1900 assets
              digested 1
              recalled 5 of 6 buckets
              ran asset_dirs()
              ran claimed_twice()
              ran declared(assets)
              ran dependency_cycles()
              ran dependency_edges_in(assets)
              ran exports(assets)
              ran governors(assets)
              ran layout(assets)
              ran names()
              ran recipes(assets)
              ran validated(assets)
              processed raw: assets/level01 [prop001.txt]
              wrote early.parts/*.part
              wrote early.pack
              wrote late.parts/*.part
              wrote late.pack
              wrote rest.parts/*.part
              wrote rest.pack
            build 4: written, early: 200 assets, late: 2 assets, rest: 1900 assets
              digested 1
              recalled 5 of 6 buckets
              ran asset_dirs()
              ran claimed_twice()
              ran declared(assets/level11/prop012.txt)
              ran dependency_cycles()
              ran dependency_edges_in(assets/level11/prop012.txt)
              ran exports(assets/level11/prop012.txt)
              ran governors(assets/level11/prop012.txt)
              ran layout(assets/level11/prop012.txt)
              ran recipes(assets/level11/prop012.txt)
              ran validated(assets/level11/prop012.txt)
              processed raw: assets/level12 [prop000.txt]
              wrote rest.parts/*.part
              wrote rest.pack
            build 5: written, early: 200 assets, late: 2 assets, rest: 1901 assets
              register `assets/level12/prop000b.txt` as 2001
              digested 1
              recalled 4 of 6 buckets
              ran asset_dirs(, )
              ran claimed_twice(, )
              ran declared(assets, assets/level11/prop012.txt)
              ran dependency_cycles()
              ran dependency_edges_in(assets, assets/level11/prop012.txt)
              ran exports(assets, assets/level11/prop012.txt, assets/level11/prop012.txt)
              ran governors(assets, assets/level11/prop012.txt)
              ran layout(assets, assets/level11/prop012.txt)
              ran names()
              ran recipes(assets, assets/level11/prop012.txt)
              ran validated(assets, assets/level11/prop012.txt)
              processed raw: assets/level12 [prop000b.txt]
              wrote rest.parts/*.part
              wrote rest.parts/*.part
              wrote rest.pack
            build 6: up to date, 2 assets in the pack
            build 7: unchanged, 2 assets in the pack
              digested 1
              recalled 5 of 6 buckets
              ran asset_dirs()
              ran claimed_twice()
              ran declared(assets/level11/prop012.txt)
              ran dependency_cycles()
              ran dependency_edges_in(assets/level11/prop012.txt)
              ran exports(assets/level11/prop012.txt)
              ran governors(assets/level11/prop012.txt)
              ran layout(assets/level11/prop012.txt)
              ran recipes(assets/level11/prop012.txt)
              ran validated(assets/level11/prop012.txt)
              processed raw: assets/level12 [prop000.txt]
            build 8: written, early: 200 assets, late: 2 assets, rest: 1901 assets
              recalled 5 of 6 buckets
              ran asset_dirs()
              ran claimed_twice()
              ran declared(assets/level11/prop012.txt)
              ran dependency_cycles()
              ran dependency_edges_in(assets/level11/prop012.txt)
              ran exports(assets/level11/prop012.txt)
              ran governors(assets/level11/prop012.txt)
              ran layout(assets/level11/prop012.txt)
              ran recipes(assets/level11/prop012.txt)
              ran validated(assets/level11/prop012.txt)
              wrote rest.parts/*.part
              wrote rest.pack
        "#]],
    );
}

#[test]
fn a_tag_moves_an_asset_from_pack_to_pack_by_memos() {
    large(
        PACKS,
        r#"
//- /assets/level01/prop001.txt.asset.json
{ "tags": ["early"] }
//- build
//- /assets/level19/prop019.txt.asset.json
{ "tags": ["late"] }
//- build
//- rm /assets/level02/prop002.txt.asset.json
//- build
//- rm /assets/level19/prop019.txt.asset.json
//- build
"#,
        expect![[r#"
            build 3: written, early: 200 assets, late: 1 asset, rest: 1900 assets
              digested 1
              recalled 5 of 6 buckets
              ran asset_dirs()
              ran claimed_twice()
              ran declared(assets)
              ran dependency_cycles()
              ran dependency_edges_in(assets)
              ran exports(assets)
              ran governors(assets)
              ran layout(assets)
              ran names()
              ran recipes(assets)
              ran validated(assets)
              wrote early.parts/*.part
              wrote early.pack
              wrote late.parts/*.part
              wrote late.pack
              wrote rest.parts/*.part
              wrote rest.pack
            build 4: written, early: 200 assets, late: 2 assets, rest: 1900 assets
              digested 1
              recalled 5 of 6 buckets
              ran asset_dirs()
              ran claimed_twice()
              ran declared(assets/level18/prop014.txt)
              ran dependency_cycles()
              ran dependency_edges_in(assets/level18/prop014.txt)
              ran exports(assets/level18/prop014.txt)
              ran governors(assets/level18/prop014.txt)
              ran layout(assets/level18/prop014.txt)
              ran recipes(assets/level18/prop014.txt)
              ran validated(assets/level18/prop014.txt)
              wrote late.parts/*.part
              wrote late.parts/*.part
              wrote late.pack
              wrote rest.parts/*.part
              wrote rest.pack
            build 5: written, early: 200 assets, late: 1 asset, rest: 1900 assets
              recalled 5 of 6 buckets
              ran asset_dirs()
              ran claimed_twice()
              ran declared(assets)
              ran dependency_cycles()
              ran dependency_edges_in(assets)
              ran exports(assets)
              ran governors(assets)
              ran layout(assets)
              ran recipes(assets)
              ran validated(assets)
              wrote late.parts/*.part
              wrote late.pack
              wrote rest.parts/*.part
              wrote rest.pack
            build 6: written, early: 200 assets, late: 0 assets, rest: 1900 assets
              ran asset_dirs()
              ran asset_dirs_in(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran claimed_twice()
              ran declared(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran dependency_cycles()
              ran dependency_edges_in(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran exports(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran governors(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran layout(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran lone_sidecars_in(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran names()
              ran recipes(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran validated(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              wrote late.parts/*.part
              wrote late.pack
              wrote rest.parts/*.part
              wrote rest.pack
              warning[PW0407] packwright.toml: the pack `late` holds nothing: no asset is what it asks for
                help: `packwright list` shows all assets with their places, types and tags
        "#]],
    );
}

#[test]
fn what_leaves_all_packs_is_told_by_the_long_way() {
    large(
        &format!(
            "{PACKS}\n//- /assets/level00/prop000.txt.asset.json\n{{ \"dependencies\": [\"level00/prop001.txt\"] }}\n"
        ),
        r#"
//- packs
[packs.early]
match = ["level00/prop000.txt", "level01/**"]
[packs.late]
tags = ["late"]
//- build --quiet
//- build --quiet
"#,
        expect![[r#"
            build 3: written, early: 101 assets, late: 2 assets
              removed rest
              warning[PW0406] assets/level00/prop000.txt: `assets/level00/prop000.txt` refers to `assets/level00/prop001.txt`, which is in no pack
            build 4: up to date, early: 101 assets, late: 2 assets
              warning[PW0406] assets/level00/prop000.txt: `assets/level00/prop000.txt` refers to `assets/level00/prop001.txt`, which is in no pack
        "#]],
    );
}

#[test]
fn what_is_reached_stays_so_by_memos_until_a_reference_changes() {
    large(
        r#"
//- packs
[packs.level]
reachable_from = ["level00/prop000.txt"]
[packs.tagged]
tags = ["tagged"]
reachable_from = ["/assets/level19/prop019.txt"]
[packs.rest]
match = ["!level00/**", "!level10/prop010.txt"]
//- /assets/level00/prop000.txt.asset.json
{ "dependencies": ["level10/prop010.txt"] }
//- /assets/level10/prop010.txt.asset.json
{ "dependencies": ["level19/prop019.txt"], "tags": ["tagged"] }
"#,
        r#"
//- /assets/level10/prop010.txt
edited
//- build --recalled
//- pack-of level lenient
//- /assets/level19/prop018.txt.asset.json
{ "dependencies": ["level12/prop012.txt"] }
//- build --recalled
//- /assets/level19/prop019.txt.asset.json
{ "dependencies": ["level12/prop012.txt"] }
//- build --recalled
//- pack-of level lenient
//- pack-of tagged lenient
//- /assets/level10/prop010.txt.asset.json
{ "dependencies": ["level19/prop019.txt"] }
//- build --recalled
//- pack-of tagged lenient
//- /assets/level12/new.txt
new
//- build --recalled
//- /assets/level12/new.txt.asset.json
{ "name": "new" }
//- build --recalled
//- /assets/level00/prop000.txt.asset.json
{ "name": "other" }
//- build --recalled
//- /assets/level12/new.txt.asset.json
{ "name": "level00/prop000.txt" }
//- build --recalled
//- pack-of level lenient
"#,
        expect![[r#"
            build 3: written, level: 3 assets, rest: 1899 assets, tagged: 2 assets
              recalled 4 of 6 buckets
            pack level:
              1 raw level00/prop000.txt: A (7 bytes) -> [1011]
              1011 raw level10/prop010.txt: B (7 bytes) -> [1920]
              1920 raw level19/prop019.txt: C (10 bytes)
            build 4: written, level: 3 assets, rest: 1899 assets, tagged: 2 assets
              recalled 3 of 6 buckets
            build 5: written, level: 4 assets, rest: 1899 assets, tagged: 3 assets
              recalled 0 of 6 buckets
            pack level:
              1 raw level00/prop000.txt: A (7 bytes) -> [1011]
              1011 raw level10/prop010.txt: B (7 bytes) -> [1920]
              1213 raw level12/prop012.txt: D (10 bytes)
              1920 raw level19/prop019.txt: C (10 bytes) -> [1213]
            pack tagged:
              1011 raw level10/prop010.txt: B (7 bytes) -> [1920]
              1213 raw level12/prop012.txt: D (10 bytes)
              1920 raw level19/prop019.txt: C (10 bytes) -> [1213]
            build 6: written, level: 4 assets, rest: 1899 assets, tagged: 2 assets
              recalled 3 of 6 buckets
            pack tagged:
              1213 raw level12/prop012.txt: D (10 bytes)
              1920 raw level19/prop019.txt: C (10 bytes) -> [1213]
            build 7: written, level: 4 assets, rest: 1900 assets, tagged: 2 assets
              recalled 2 of 6 buckets
            build 8: written, level: 4 assets, rest: 1900 assets, tagged: 2 assets
              recalled 2 of 6 buckets
            build 9: refused
              error[PW0016] packwright.toml:16:19: `level00/prop000.txt`, which the pack `level` is reached from, names no asset
                help: there is an asset named `level00/prop001.txt`
            build 10: written, level: 1 asset, rest: 1900 assets, tagged: 2 assets
              recalled 0 of 6 buckets
            pack level:
              2001 raw level00/prop000.txt: E (4 bytes)
        "#]],
    );
}
