//! The table of what an edit costs: this edit ran exactly these queries and processors, and wrote these files.
//!
//! A query is named with the first source of its bucket; one over the whole workspace has empty parentheses.

use expect_test::{Expect, expect};

use super::support::{World, check, check_cold};

/// An asset of each form, in one bucket.
const SMALL: &str = r#"
//- /assets/a.txt
a
//- /assets/hero/asset.json
{ "type": "raw", "inputs": ["*.bin"] }
//- /assets/hero/hero.bin
payload
//- png /assets/x.png 2x2
"#;

/// A model, its buffer, and an image that is an asset of its own.
const MODEL: &str = r#"
//- /assets/m/ship.gltf
{
  "asset": {"version": "2.0"},
  "buffers": [{"uri": "ship.bin", "byteLength": 4}],
  "images": [{"uri": "../skins/ship.png"}]
}
//- hex /assets/m/ship.bin 01 02 03 04
//- png /assets/skins/ship.png 2x2
"#;

fn after(workspace: &str, steps: &str, expected: Expect) {
    check(&format!("{workspace}{steps}"), expected);
}

#[test]
fn nothing() {
    after(
        SMALL,
        r#"
//- build
//- build
//- build
"#,
        expect![[r#"
            build 1: written, 3 assets in the pack
              register `assets/a.txt` as 1
              register `assets/hero` as 2
              register `assets/x.png` as 3
              digested 4
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
              processed image: assets [x.png]
              processed raw: assets [a.txt]
              processed raw: assets/hero [hero.bin]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
            build 2: up to date, 3 assets in the pack
            build 3: up to date, 3 assets in the pack
        "#]],
    );
}

#[test]
fn nothing_in_another_process() {
    check_cold(
        &format!(
            r#"{SMALL}
//- build --quiet
//- build
"#
        ),
        expect![[r#"
            build 1: written, 3 assets in the pack
            build 2: up to date, 3 assets in the pack
        "#]],
    );
}

#[test]
fn a_touch() {
    after(
        SMALL,
        r#"
//- build --quiet
//- touch /assets/a.txt
//- build
"#,
        expect![[r#"
            build 1: written, 3 assets in the pack
            build 2: up to date, 3 assets in the pack
              digested 1
        "#]],
    );
}

#[test]
fn a_comment_in_a_declaration() {
    after(
        SMALL,
        r#"
//- build --quiet
//- build --quiet
//- /assets/hero/asset.json
// the hero
{ "type": "raw", "inputs": ["*.bin"] }
//- build
"#,
        expect![[r#"
            build 1: written, 3 assets in the pack
            build 2: up to date, 3 assets in the pack
            build 3: unchanged, 3 assets in the pack
              digested 1
              ran declared(assets)
              ran dependency_edges_in(assets)
              ran exports(assets)
              ran recipes(assets)
              ran validated(assets)
        "#]],
    );
}

#[test]
fn other_order_of_keys_in_a_declaration() {
    after(
        SMALL,
        r#"
//- build --quiet
//- build --quiet
//- /assets/hero/asset.json
{ "inputs": ["*.bin"], "type": "raw" }
//- build
"#,
        expect![[r#"
            build 1: written, 3 assets in the pack
            build 2: up to date, 3 assets in the pack
            build 3: unchanged, 3 assets in the pack
              digested 1
              ran declared(assets)
              ran dependency_edges_in(assets)
              ran exports(assets)
              ran recipes(assets)
              ran validated(assets)
        "#]],
    );
}

#[test]
fn a_comment_in_the_configuration() {
    let mut config = super::support::CONFIG.to_owned();
    config.push_str("# nothing to see here\n");
    after(
        SMALL,
        &format!(
            r#"
//- build --quiet
//- /packwright.toml
{config}
//- build
"#
        ),
        expect![[r#"
            build 1: written, 3 assets in the pack
            build 2: up to date, 3 assets in the pack
        "#]],
    );
}

#[test]
fn one_payload() {
    after(
        SMALL,
        r#"
//- build --quiet
//- build --quiet
//- /assets/a.txt
b
//- build
"#,
        expect![[r#"
            build 1: written, 3 assets in the pack
            build 2: up to date, 3 assets in the pack
            build 3: written, 3 assets in the pack
              digested 1
              ran layout(assets)
              ran recipes(assets)
              processed raw: assets [a.txt]
              wrote main.parts/*.part
              wrote main.pack
        "#]],
    );
}

#[test]
fn one_payload_in_another_process() {
    check_cold(
        &format!(
            r#"{SMALL}
//- build --quiet
//- build --quiet
//- /assets/a.txt
b
//- build
"#
        ),
        expect![[r#"
            build 1: written, 3 assets in the pack
            build 2: up to date, 3 assets in the pack
            build 3: written, 3 assets in the pack
              digested 1
              processed raw: assets [a.txt]
              wrote main.parts/*.part
              wrote main.pack
        "#]],
    );
}

#[test]
fn one_setting() {
    after(
        SMALL,
        r#"
//- /assets/x.png.asset.json
{ "settings": { "format": "source" } }
//- build --quiet
//- build --quiet
//- /assets/x.png.asset.json
{ "settings": { "format": "rgba8" } }
//- build
"#,
        expect![[r#"
            build 1: written, 3 assets in the pack
            build 2: up to date, 3 assets in the pack
            build 3: written, 3 assets in the pack
              digested 1
              ran declared(assets)
              ran dependency_edges_in(assets)
              ran exports(assets)
              ran layout(assets)
              ran recipes(assets)
              ran validated(assets)
              processed image: assets [x.png]
              wrote main.parts/*.part
              wrote main.pack
        "#]],
    );
}

#[test]
fn a_setting_given_its_default_value() {
    after(
        SMALL,
        r#"
//- build --quiet
//- build --quiet
//- /assets/x.png.asset.json
{ "settings": { "format": "source" } }
//- build
"#,
        expect![[r#"
            build 1: written, 3 assets in the pack
            build 2: up to date, 3 assets in the pack
            build 3: unchanged, 3 assets in the pack
              digested 1
              ran asset_dirs_in(assets)
              ran declared(assets)
              ran dependency_edges_in(assets)
              ran exports(assets)
              ran governors(assets)
              ran layout(assets)
              ran lone_sidecars_in(assets)
              ran recipes(assets)
              ran validated(assets)
        "#]],
    );
}

#[test]
fn a_file_that_a_glob_matches() {
    after(
        SMALL,
        r#"
//- build --quiet
//- build --quiet
//- /assets/hero/cape.bin
cape
//- build
"#,
        expect![[r#"
            build 1: written, 3 assets in the pack
            build 2: up to date, 3 assets in the pack
            build 3: written, 3 assets in the pack
              digested 1
              ran asset_dirs_in(assets)
              ran declared(assets)
              ran governors(assets)
              ran layout(assets)
              ran lone_sidecars_in(assets)
              ran recipes(assets)
              processed raw: assets/hero [cape.bin, hero.bin]
              wrote main.parts/*.part
              wrote main.pack
        "#]],
    );
}

#[test]
fn a_file_that_no_glob_matches_and_no_rule_claims() {
    after(
        SMALL,
        r#"
//- build --quiet
//- build --quiet
//- /assets/notes.md
notes
//- build
"#,
        expect![[r#"
            build 1: written, 3 assets in the pack
            build 2: up to date, 3 assets in the pack
            build 3: unchanged, 3 assets in the pack
              digested 1
              ran asset_dirs_in(assets)
              ran declared(assets)
              ran dependency_edges_in(assets)
              ran exports(assets)
              ran governors(assets)
              ran lone_sidecars_in(assets)
              ran recipes(assets)
              ran validated(assets)
        "#]],
    );
}

#[test]
fn a_file_that_a_model_looked_for_and_did_not_find() {
    after(
        MODEL,
        r#"
//- rm /assets/m/ship.bin
//- build
//- hex /assets/m/ship.bin 01 02 03 04
//- build
"#,
        expect![[r#"
            build 1: refused
              error[PW0321] assets/m/ship.gltf:3:23: `buffers[0]` names `ship.bin`, which is not there
                help: add the file, or correct the `uri`, which is seen from the model
            build 2: written, 2 assets in the pack
              register `assets/m/ship.gltf` as 1
              register `assets/skins/ship.png` as 2
              digested 1
              ran asset_dirs_in(assets)
              ran declared(assets)
              ran dependency_edges_in(assets)
              ran exports(assets)
              ran layout(assets)
              ran lone_sidecars_in(assets)
              ran recipes(assets)
              ran validated(assets)
              processed model: assets/m [ship.gltf]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
        "#]],
    );
}

#[test]
fn an_absent_file_of_a_model_is_looked_for_again_without_the_processor() {
    after(
        MODEL,
        r#"
//- rm /assets/m/ship.bin
//- build lenient
//- /assets/m/notes.md
not it
//- build lenient
//- hex /assets/m/ship.bin 01 02 03 04
//- build lenient
"#,
        expect![[r#"
            build 1: written, 1 asset in the pack
              register `assets/m/ship.gltf` as 1
              register `assets/skins/ship.png` as 2
              digested 2
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
              processed image: assets/skins [ship.png]
              processed model: assets/m [ship.gltf]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0321] assets/m/ship.gltf:3:23: `buffers[0]` names `ship.bin`, which is not there
                help: `assets/m/ship.gltf` is left out of the pack; add the file, or correct the `uri`, which is seen from the model
            build 2: unchanged, 1 asset in the pack
              digested 1
              ran asset_dirs_in(assets)
              ran declared(assets)
              ran dependency_edges_in(assets)
              ran exports(assets)
              ran lone_sidecars_in(assets)
              ran recipes(assets)
              ran validated(assets)
              warning[PW0321] assets/m/ship.gltf:3:23: `buffers[0]` names `ship.bin`, which is not there
                help: `assets/m/ship.gltf` is left out of the pack; add the file, or correct the `uri`, which is seen from the model
            build 3: written, 2 assets in the pack
              digested 1
              ran asset_dirs_in(assets)
              ran declared(assets)
              ran dependency_edges_in(assets)
              ran exports(assets)
              ran layout(assets)
              ran lone_sidecars_in(assets)
              ran recipes(assets)
              ran validated(assets)
              processed model: assets/m [ship.gltf]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
        "#]],
    );
}

#[test]
fn a_model_whose_buffer_changes() {
    after(
        MODEL,
        r#"
//- build
//- hex /assets/m/ship.bin 05 06 07 08
//- build
//- pack
"#,
        expect![[r#"
            build 1: written, 2 assets in the pack
              register `assets/m/ship.gltf` as 1
              register `assets/skins/ship.png` as 2
              digested 3
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
              processed image: assets/skins [ship.png]
              processed model: assets/m [ship.gltf]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
            build 2: written, 2 assets in the pack
              digested 1
              ran layout(assets)
              ran recipes(assets)
              processed model: assets/m [ship.gltf]
              wrote main.parts/*.part
              wrote main.pack
            pack:
              1 model m/ship.gltf: A (124 bytes) -> [2]
              2 image skins/ship.png: B (71 bytes)
        "#]],
    );
}

#[test]
fn a_directory_renamed() {
    after(
        MODEL,
        r#"
//- build --quiet
//- mv /assets/m /assets/ships
//- build
//- registry
"#,
        expect![[r#"
            build 1: written, 2 assets in the pack
            build 2: written, 2 assets in the pack
              move 1 from `assets/m/ship.gltf` to `assets/ships/ship.gltf`
              digested 2
              ran asset_dirs_in(assets)
              ran declared(assets)
              ran dependency_edges_in(assets)
              ran exports(assets)
              ran layout(assets)
              ran lone_sidecars_in(assets)
              ran names()
              ran recipes(assets)
              ran validated(assets)
              wrote main.parts/*.part
              wrote main.pack
            registry:
              1 assets/ships/ship.gltf
              2 assets/skins/ship.png
        "#]],
    );
}

/// R6: nothing that refers to an image is made again because the image moves.
#[test]
fn an_image_renamed_that_a_model_refers_to() {
    after(
        MODEL,
        r#"
//- /assets/m/ship.gltf
{ "asset": {"version": "2.0"}, "images": [{"uri": "../skins/ship.png"}] }
//- build --quiet
//- pack
//- mv /assets/skins/ship.png /assets/skins/vessel.png
//- /assets/m/ship.gltf
{ "asset": {"version": "2.0"}, "images": [{"uri": "../skins/vessel.png"}] }
//- build
//- pack
"#,
        expect![[r#"
            build 1: written, 2 assets in the pack
            pack:
              1 model m/ship.gltf: A (84 bytes) -> [2]
              2 image skins/ship.png: B (71 bytes)
            build 2: written, 2 assets in the pack
              move 2 from `assets/skins/ship.png` to `assets/skins/vessel.png`
              digested 2
              ran asset_dirs_in(assets)
              ran declared(assets)
              ran dependency_edges_in(assets)
              ran exports(assets)
              ran layout(assets)
              ran lone_sidecars_in(assets)
              ran names()
              ran recipes(assets)
              ran validated(assets)
              processed image: assets/skins [vessel.png]
              processed model: assets/m [ship.gltf]
              wrote main.parts/*.part
              wrote main.pack
            pack:
              1 model m/ship.gltf: A (84 bytes) -> [2]
              2 image skins/vessel.png: B (71 bytes)
        "#]],
    );
}

/// A directory that is moved with all that it refers to: the same questions get the same answers.
#[test]
fn a_directory_renamed_with_all_that_its_model_refers_to() {
    after(
        MODEL,
        r#"
//- build --quiet
//- pack
//- mkdir /assets/all
//- mv /assets/m /assets/all/m
//- mv /assets/skins /assets/all/skins
//- build
//- pack
"#,
        expect![[r#"
            build 1: written, 2 assets in the pack
            pack:
              1 model m/ship.gltf: A (124 bytes) -> [2]
              2 image skins/ship.png: B (71 bytes)
            build 2: written, 2 assets in the pack
              move 1 from `assets/m/ship.gltf` to `assets/all/m/ship.gltf`
              move 2 from `assets/skins/ship.png` to `assets/all/skins/ship.png`
              digested 3
              ran asset_dirs_in(assets)
              ran declared(assets)
              ran dependency_edges_in(assets)
              ran exports(assets)
              ran layout(assets)
              ran lone_sidecars_in(assets)
              ran names()
              ran recipes(assets)
              ran validated(assets)
              wrote main.parts/*.part
              wrote main.pack
            pack:
              1 model all/m/ship.gltf: A (124 bytes) -> [2]
              2 image all/skins/ship.png: B (71 bytes)
        "#]],
    );
}

#[test]
fn a_renamed_asset() {
    after(
        MODEL,
        r#"
//- build --quiet
//- build --quiet
//- /assets/skins/ship.png.asset.json
{ "name": "skin" }
//- build
//- pack
"#,
        expect![[r#"
            build 1: written, 2 assets in the pack
            build 2: up to date, 2 assets in the pack
            build 3: written, 2 assets in the pack
              digested 1
              ran asset_dirs_in(assets)
              ran declared(assets)
              ran dependency_edges_in(assets)
              ran exports(assets)
              ran layout(assets)
              ran lone_sidecars_in(assets)
              ran names()
              ran recipes(assets)
              ran validated(assets)
              wrote main.parts/*.part
              wrote main.pack
            pack:
              1 model m/ship.gltf: A (124 bytes) -> [2]
              2 image skin: B (71 bytes)
        "#]],
    );
}

#[test]
fn an_asset_removed() {
    after(
        SMALL,
        r#"
//- build --quiet
//- build --quiet
//- rm /assets/a.txt
//- build
"#,
        expect![[r#"
            build 1: written, 3 assets in the pack
            build 2: up to date, 3 assets in the pack
            build 3: written, 2 assets in the pack
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
              warning[PW0206] assets/a.txt: `assets/a.txt` is registered as 1 and not declared any more
                help: bring it back, or run `packwright remove 1` to give it up for good
        "#]],
    );
}

#[test]
fn a_profile_switch_and_back() {
    after(
        SMALL,
        r#"
//- build
//- build release
//- build
//- build release
//- /assets/a.txt
b
//- build release
//- build
"#,
        expect![[r#"
            build 1: written, 3 assets in the pack
              register `assets/a.txt` as 1
              register `assets/hero` as 2
              register `assets/x.png` as 3
              digested 4
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
              processed image: assets [x.png]
              processed raw: assets [a.txt]
              processed raw: assets/hero [hero.bin]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
            build 2: written, 3 assets in the pack
              ran layout(assets)
              ran recipes(assets)
              wrote main.pack
            build 3: up to date, 3 assets in the pack
            build 4: up to date, 3 assets in the pack
            build 5: written, 3 assets in the pack
              digested 1
              ran layout(assets)
              ran recipes(assets)
              processed raw: assets [a.txt]
              wrote main.pack
            build 6: written, 3 assets in the pack
              ran layout(assets)
              ran recipes(assets)
              wrote main.parts/*.part
              wrote main.pack
        "#]],
    );
}

#[test]
fn a_profile_switch_and_back_in_other_processes() {
    check_cold(
        &format!(
            r#"{SMALL}
//- build --quiet
//- build release
//- build
//- build release
"#
        ),
        expect![[r#"
            build 1: written, 3 assets in the pack
            build 2: written, 3 assets in the pack
              wrote main.pack
            build 3: up to date, 3 assets in the pack
            build 4: up to date, 3 assets in the pack
        "#]],
    );
}

/// Going back to an earlier branch runs nothing: the cache keeps what was made there.
#[test]
fn a_branch_switch_and_back() {
    check_cold(
        &format!(
            r#"{SMALL}{MODEL}
//- build --quiet
//- /assets/a.txt
other
//- /assets/hero/asset.json
{{ "type": "raw", "inputs": ["hero.bin"], "tags": ["new"] }}
//- hex /assets/m/ship.bin 05 06 07 08
//- png /assets/x.png 3x3
//- build
//- /assets/a.txt
a
//- /assets/hero/asset.json
{{ "type": "raw", "inputs": ["*.bin"] }}
//- hex /assets/m/ship.bin 01 02 03 04
//- png /assets/x.png 2x2
//- build
"#
        ),
        expect![[r#"
            build 1: written, 5 assets in the pack
            build 2: written, 5 assets in the pack
              digested 4
              processed image: assets [x.png]
              processed model: assets/m [ship.gltf]
              processed raw: assets [a.txt]
              wrote main.parts/*.part
              wrote main.pack
            build 3: written, 5 assets in the pack
              digested 4
              wrote main.parts/*.part
              wrote main.pack
        "#]],
    );
}

#[test]
fn a_failure_that_the_inputs_determine_is_not_tried_again() {
    check_cold(
        r#"
//- hex /assets/broken.png 89 50 4e 47
//- build lenient
//- /assets/a.txt
a
//- build lenient
//- build
"#,
        expect![[r#"
            build 1: written, 0 assets in the pack
              register `assets/broken.png` as 1
              digested 1
              processed image: assets [broken.png]
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0310] assets/broken.png: the file ends within the PNG signature
                help: `assets/broken.png` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
            build 2: written, 1 asset in the pack
              register `assets/a.txt` as 2
              digested 1
              processed raw: assets [a.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0310] assets/broken.png: the file ends within the PNG signature
                help: `assets/broken.png` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
            build 3: refused
              error[PW0310] assets/broken.png: the file ends within the PNG signature
                help: export it again, or give the asset the type `raw` to pack it as it is
        "#]],
    );
}

#[test]
fn a_lost_cache() {
    check_cold(
        &format!(
            r#"{MODEL}
//- build --quiet
//- wipe-cache
//- build
//- build
"#
        ),
        expect![[r#"
            build 1: written, 2 assets in the pack
            build 2: up to date, 2 assets in the pack
              digested 3
            build 3: up to date, 2 assets in the pack
        "#]],
    );
}

#[test]
fn a_lost_pack() {
    check_cold(
        &format!(
            r#"{MODEL}
//- build --quiet
//- rm /build/dev/main.pack
//- build
//- wipe-out
//- build
"#
        ),
        expect![[r#"
            build 1: written, 2 assets in the pack
            build 2: written, 2 assets in the pack
              wrote main.pack
            build 3: written, 2 assets in the pack
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
        "#]],
    );
}

#[test]
fn a_check() {
    after(
        SMALL,
        r#"
//- check
//- build
//- check
//- /assets/a.txt
b
//- check
//- build
"#,
        expect![[r#"
            check 1: checked, 3 assets in the pack
              register `assets/a.txt` as 1
              register `assets/hero` as 2
              register `assets/x.png` as 3
              digested 4
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
              processed image: assets [x.png]
              processed raw: assets [a.txt]
              processed raw: assets/hero [hero.bin]
            build 2: written, 3 assets in the pack
              register `assets/a.txt` as 1
              register `assets/hero` as 2
              register `assets/x.png` as 3
              ran exports(assets)
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
            check 3: checked, 3 assets in the pack
            check 4: checked, 3 assets in the pack
              digested 1
              ran layout(assets)
              ran recipes(assets)
              processed raw: assets [a.txt]
            build 5: written, 3 assets in the pack
              wrote main.parts/*.part
              wrote main.pack
        "#]],
    );
}

/// Two thousand sources, in several buckets: what an edit costs does not grow with the workspace.
fn large(steps: &str, expected: Expect) {
    let mut world = World::new();
    for n in 0..2000 {
        let path = format!("/assets/level{:02}/prop{:03}.txt", n / 100, n % 100);
        world.system.write(super::support::at(&path), format!("prop {n}"));
    }
    let asset = r#"
//- /assets/level07/boss/asset.json
{ "type": "raw", "inputs": ["*.bin"] }
//- /assets/level07/boss/boss.bin
boss
//- build --quiet
//- build --quiet
"#;
    expected.assert_eq(&world.run(&format!("{asset}{steps}")));
}

#[test]
fn one_payload_of_many() {
    large(
        r#"
//- /assets/level03/prop042.txt
changed
//- build
"#,
        expect![[r#"
            build 1: written, 2001 assets in the pack
            build 2: up to date, 2001 assets in the pack
            build 3: written, 2001 assets in the pack
              digested 1
              ran layout(assets/level02/prop067.txt)
              ran recipes(assets/level02/prop067.txt)
              processed raw: assets/level03 [prop042.txt]
              wrote main.parts/*.part
              wrote main.pack
        "#]],
    );
}

#[test]
fn one_declaration_of_many() {
    large(
        r#"
//- /assets/level07/boss/asset.json
// bigger
{ "type": "raw", "inputs": ["*.bin"] }
//- build
//- /assets/level07/boss/asset.json
{ "type": "raw", "inputs": ["*.bin"], "tags": ["bigger"] }
//- build
"#,
        expect![[r#"
            build 1: written, 2001 assets in the pack
            build 2: up to date, 2001 assets in the pack
            build 3: unchanged, 2001 assets in the pack
              digested 1
              ran declared(assets/level04/prop041.txt)
              ran dependency_edges_in(assets/level04/prop041.txt)
              ran exports(assets/level04/prop041.txt)
              ran recipes(assets/level04/prop041.txt)
              ran validated(assets/level04/prop041.txt)
            build 4: written, 2001 assets in the pack
              digested 1
              ran declared(assets/level04/prop041.txt)
              ran dependency_edges_in(assets/level04/prop041.txt)
              ran exports(assets/level04/prop041.txt)
              ran layout(assets/level04/prop041.txt)
              ran recipes(assets/level04/prop041.txt)
              ran validated(assets/level04/prop041.txt)
              wrote main.parts/*.part
              wrote main.pack
        "#]],
    );
}

#[test]
fn one_more_of_many() {
    large(
        r#"
//- /assets/level03/prop042b.txt
new
//- build
//- build
"#,
        expect![[r#"
            build 1: written, 2001 assets in the pack
            build 2: up to date, 2001 assets in the pack
            build 3: written, 2002 assets in the pack
              register `assets/level03/prop042b.txt` as 2002
              digested 1
              ran asset_dirs_in(assets/level02/prop067.txt)
              ran declared(assets/level02/prop067.txt)
              ran dependency_edges_in(assets/level02/prop067.txt)
              ran exports(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              ran governors(assets/level02/prop067.txt)
              ran layout(assets/level02/prop067.txt)
              ran lone_sidecars_in(assets/level02/prop067.txt)
              ran names()
              ran recipes(assets/level02/prop067.txt)
              ran validated(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              processed raw: assets/level03 [prop042b.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
            build 4: up to date, 2002 assets in the pack
        "#]],
    );
}

#[test]
fn one_name_of_many() {
    large(
        r#"
//- /assets/level07/boss/asset.json
{ "type": "raw", "inputs": ["*.bin"], "name": "boss" }
//- build
"#,
        expect![[r#"
            build 1: written, 2001 assets in the pack
            build 2: up to date, 2001 assets in the pack
            build 3: written, 2001 assets in the pack
              digested 1
              ran declared(assets/level04/prop041.txt)
              ran dependency_edges_in(assets/level04/prop041.txt)
              ran exports(assets/level04/prop041.txt)
              ran layout(assets/level04/prop041.txt)
              ran names()
              ran recipes(assets/level04/prop041.txt)
              ran validated(assets, assets/level02/prop067.txt, assets/level04/prop041.txt, assets/level10/prop032.txt, assets/level11/prop012.txt, assets/level18/prop014.txt)
              wrote main.parts/*.part
              wrote main.pack
        "#]],
    );
}

/// What a cached failure says is what a run would say today.
#[test]
fn a_failure_is_told_in_the_words_of_today() {
    check_cold(
        r#"
//- /assets/m.gltf
{ "asset": {"version": "2.0"}, "images": [{"uri": "x.dat"}] }
//- fifo /assets/x.dat
//- build lenient
//- rm /assets/x.dat
//- mkdir /assets/x.dat
//- build lenient
//- rm /assets/x.dat
//- ln /assets/x.dat -> x.dat
//- build lenient
"#,
        expect![[r#"
            build 1: written, 0 assets in the pack
              register `assets/m.gltf` as 1
              digested 1
              processed model: assets [m.gltf]
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0112] assets/m.gltf:1:51: `images[0]` names `x.dat`, which is not a source: `x.dat` is a FIFO, socket or device
                help: `assets/m.gltf` is left out of the pack
            build 2: unchanged, 0 assets in the pack
              processed model: assets [m.gltf]
              warning[PW0112] assets/m.gltf:1:51: `images[0]` names `x.dat`, which is not a source: `x.dat` is a directory
                help: `assets/m.gltf` is left out of the pack
            build 3: unchanged, 0 assets in the pack
              processed model: assets [m.gltf]
              warning[PW0112] assets/m.gltf:1:51: `images[0]` names `x.dat`, which is not a source: `x.dat` is a link that leads back into itself, or through too many others
                help: `assets/m.gltf` is left out of the pack
        "#]],
    );
}
