//! Several packs: who is in which, and what an edit rewrites of them.
//!
//! Assets refer to each other as they do in games: models to their images, and by declared dependencies.

use expect_test::expect;

use super::support::{check, check_cold};

/// A level of two, a menu, and a model with a skin that depends on its model again: they form a circle.
const FILES: &str = r#"
//- /assets/levels/1/map.txt
one
//- /assets/levels/1/map.txt.asset.json
{ "tags": ["one"], "dependencies": ["shared/ship.gltf", "./loading.txt"] }
//- /assets/levels/1/loading.txt
patience
//- /assets/levels/2/map.txt
two
//- /assets/levels/2/map.txt.asset.json
{ "tags": ["two"], "dependencies": ["./door.txt"] }
//- /assets/levels/2/door.txt
knock
//- /assets/levels/2/door.txt.asset.json
{ "dependencies": ["shared/tune.txt"] }
//- /assets/menu/title.txt
title
//- /assets/menu/title.txt.asset.json
{ "tags": ["one", "two"] }
//- /assets/shared/ship.gltf
{ "asset": {"version": "2.0"}, "images": [{"uri": "ship.png"}] }
//- png /assets/shared/ship.png 2x2
//- /assets/shared/ship.png.asset.json
{ "dependencies": ["./ship.gltf"] }
//- /assets/shared/tune.txt
tune
"#;

fn with_files(steps: &str) -> String {
    format!("{FILES}{steps}")
}

#[test]
fn each_selector_selects_and_an_asset_may_be_in_several_or_in_none() {
    check(
        &with_files(
            r#"
//- packs
[packs.by-type]
type = ["image", "model"]
[packs.by-tag]
tags = ["two", "nobody"]
[packs.by-place]
match = ["levels/**", "!levels/2/**", "levels/2/door.*"]
[packs.by-all]
match = ["levels/**"]
type = ["raw"]
tags = ["one"]
//- build --quiet
//- pack-of by-all
//- pack-of by-place
//- pack-of by-tag
//- pack-of by-type
//- build --quiet
"#,
        ),
        expect![[r#"
            build 1: written, by-all: 1 asset, by-place: 3 assets, by-tag: 2 assets, by-type: 2 assets
              warning[PW0406] assets/levels/2/door.txt: `assets/levels/2/door.txt` refers to `assets/shared/tune.txt`, which is in no pack
            pack by-all:
              2 raw levels/1/map.txt: A (4 bytes) -> [1, 6]
            pack by-place:
              1 raw levels/1/loading.txt: B (9 bytes)
              2 raw levels/1/map.txt: A (4 bytes) -> [1, 6]
              3 raw levels/2/door.txt: C (6 bytes) -> [8]
            pack by-tag:
              4 raw levels/2/map.txt: D (4 bytes) -> [3]
              5 raw menu/title.txt: E (6 bytes)
            pack by-type:
              6 model shared/ship.gltf: F (84 bytes) -> [7]
              7 image shared/ship.png: G (71 bytes) -> [6]
            build 2: up to date, by-all: 1 asset, by-place: 3 assets, by-tag: 2 assets, by-type: 2 assets
              warning[PW0406] assets/levels/2/door.txt: `assets/levels/2/door.txt` refers to `assets/shared/tune.txt`, which is in no pack
        "#]],
    );
}

#[test]
fn what_is_reached_is_in_through_chains_and_circles() {
    check(
        &with_files(
            r#"
//- packs
[packs.level1]
reachable_from = ["levels/1/map.txt"]
[packs.level2]
tags = ["one"]
reachable_from = ["/assets/levels/2/map.txt"]
[packs.rest]
match = ["**", "!levels/**"]
//- build --quiet
//- pack-of level1
//- pack-of level2
//- registry
//- build --quiet
"#,
        ),
        expect![[r#"
            build 1: written, level1: 4 assets, level2: 5 assets, rest: 4 assets
            pack level1:
              1 raw levels/1/loading.txt: A (9 bytes)
              2 raw levels/1/map.txt: B (4 bytes) -> [1, 6]
              6 model shared/ship.gltf: C (84 bytes) -> [7]
              7 image shared/ship.png: D (71 bytes) -> [6]
            pack level2:
              2 raw levels/1/map.txt: B (4 bytes) -> [1, 6]
              3 raw levels/2/door.txt: E (6 bytes) -> [8]
              4 raw levels/2/map.txt: F (4 bytes) -> [3]
              5 raw menu/title.txt: G (6 bytes)
              8 raw shared/tune.txt: H (6 bytes)
            registry:
              1 assets/levels/1/loading.txt
              2 assets/levels/1/map.txt
              3 assets/levels/2/door.txt
              4 assets/levels/2/map.txt
              5 assets/menu/title.txt
              6 assets/shared/ship.gltf
              7 assets/shared/ship.png
              8 assets/shared/tune.txt
            build 2: up to date, level1: 4 assets, level2: 5 assets, rest: 4 assets
        "#]],
    );
}

#[test]
fn an_edit_that_adds_a_reference_pulls_an_asset_in() {
    const STEPS: &str = r#"
//- packs
[packs.level2]
reachable_from = ["levels/2/map.txt"]
[packs.rest]
match = ["**", "!levels/**"]
//- build --quiet
//- pack-of level2
//- /assets/shared/tune.txt.asset.json
{ "dependencies": ["menu/title.txt"] }
//- build
//- pack-of level2
//- /assets/shared/tune.txt
other tune
//- build
//- /assets/levels/2/door.txt.asset.json
{ }
//- build --quiet
//- pack-of level2
"#;
    check(
        &with_files(STEPS),
        expect![[r#"
            build 1: written, level2: 3 assets, rest: 4 assets
            pack level2:
              3 raw levels/2/door.txt: A (6 bytes) -> [8]
              4 raw levels/2/map.txt: B (4 bytes) -> [3]
              8 raw shared/tune.txt: C (6 bytes)
            build 2: written, level2: 4 assets, rest: 4 assets
              digested 1
              ran asset_dirs_in(assets)
              ran declared(assets)
              ran dependency_cycles()
              ran dependency_edges_in(assets)
              ran exports(assets)
              ran layout(assets)
              ran lone_sidecars_in(assets)
              ran recipes(assets)
              ran validated(assets)
              wrote level2.parts/*.part
              wrote level2.parts/*.part
              wrote level2.pack
              wrote rest.parts/*.part
              wrote rest.pack
            pack level2:
              3 raw levels/2/door.txt: A (6 bytes) -> [8]
              4 raw levels/2/map.txt: B (4 bytes) -> [3]
              5 raw menu/title.txt: D (6 bytes)
              8 raw shared/tune.txt: C (6 bytes) -> [5]
            build 3: written, level2: 4 assets, rest: 4 assets
              digested 1
              ran layout(assets)
              ran recipes(assets)
              processed raw: assets/shared [tune.txt]
              wrote level2.parts/*.part
              wrote level2.pack
              wrote rest.parts/*.part
              wrote rest.pack
            build 4: written, level2: 2 assets, rest: 4 assets
            pack level2:
              3 raw levels/2/door.txt: A (6 bytes)
              4 raw levels/2/map.txt: B (4 bytes) -> [3]
        "#]],
    );
    check_cold(
        &with_files(STEPS),
        expect![[r#"
            build 1: written, level2: 3 assets, rest: 4 assets
            pack level2:
              3 raw levels/2/door.txt: A (6 bytes) -> [8]
              4 raw levels/2/map.txt: B (4 bytes) -> [3]
              8 raw shared/tune.txt: C (6 bytes)
            build 2: written, level2: 4 assets, rest: 4 assets
              digested 1
              wrote level2.parts/*.part
              wrote level2.parts/*.part
              wrote level2.pack
              wrote rest.parts/*.part
              wrote rest.pack
            pack level2:
              3 raw levels/2/door.txt: A (6 bytes) -> [8]
              4 raw levels/2/map.txt: B (4 bytes) -> [3]
              5 raw menu/title.txt: D (6 bytes)
              8 raw shared/tune.txt: C (6 bytes) -> [5]
            build 3: written, level2: 4 assets, rest: 4 assets
              digested 1
              processed raw: assets/shared [tune.txt]
              wrote level2.parts/*.part
              wrote level2.pack
              wrote rest.parts/*.part
              wrote rest.pack
            build 4: written, level2: 2 assets, rest: 4 assets
            pack level2:
              3 raw levels/2/door.txt: A (6 bytes)
              4 raw levels/2/map.txt: B (4 bytes) -> [3]
        "#]],
    );
}

#[test]
fn a_new_tag_moves_an_asset_and_rewrites_what_it_must() {
    const STEPS: &str = r#"
//- packs
[packs.one]
tags = ["one"]
[packs.rest]
match = ["shared/**", "levels/*/*"]
[packs.two]
tags = ["two"]
//- build --quiet
//- build --quiet
//- /assets/levels/1/map.txt.asset.json
{ "tags": ["two"], "dependencies": ["shared/ship.gltf", "./loading.txt"] }
//- build
//- build --quiet
"#;
    check(
        &with_files(STEPS),
        expect![[r#"
            build 1: written, one: 2 assets, rest: 7 assets, two: 2 assets
            build 2: up to date, one: 2 assets, rest: 7 assets, two: 2 assets
            build 3: written, one: 1 asset, rest: 7 assets, two: 3 assets
              digested 1
              ran declared(assets)
              ran dependency_edges_in(assets)
              ran exports(assets)
              ran layout(assets)
              ran recipes(assets)
              ran validated(assets)
              wrote one.parts/*.part
              wrote one.parts/*.part
              wrote one.pack
              wrote rest.parts/*.part
              wrote rest.pack
              wrote two.parts/*.part
              wrote two.parts/*.part
              wrote two.pack
            build 4: up to date, one: 1 asset, rest: 7 assets, two: 3 assets
        "#]],
    );
    check_cold(
        &with_files(STEPS),
        expect![[r#"
            build 1: written, one: 2 assets, rest: 7 assets, two: 2 assets
            build 2: up to date, one: 2 assets, rest: 7 assets, two: 2 assets
            build 3: written, one: 1 asset, rest: 7 assets, two: 3 assets
              digested 1
              wrote one.parts/*.part
              wrote one.parts/*.part
              wrote one.pack
              wrote rest.parts/*.part
              wrote rest.pack
              wrote two.parts/*.part
              wrote two.parts/*.part
              wrote two.pack
            build 4: up to date, one: 1 asset, rest: 7 assets, two: 3 assets
        "#]],
    );
}

#[test]
fn each_pack_has_its_codec_and_its_front() {
    check(
        r#"
//- zeros /assets/a.txt 3000
//- zeros /assets/b.txt 2000
//- /assets/b.txt.asset.json
{ "codec": "none" }
//- zeros /assets/c.txt 1000
//- packs
[packs.fast]
codec = "lz4"
preload = ["c.*"]
[packs.plain]
[packs.small]
codec = "zstd"
match = ["[ab].txt"]
preload = ["**"]
//- build
//- stored fast
//- stored plain
//- stored small
//- packs
[packs.fast]
codec = "lz4"
preload = ["c.*"]
[packs.plain]
[packs.small]
codec = "lz4"
match = ["[ab].txt"]
preload = ["**"]
//- build
"#,
        expect![[r#"
            build 1: written, fast: 3 assets, plain: 3 assets, small: 2 assets
              register `assets/a.txt` as 1
              register `assets/b.txt` as 2
              register `assets/c.txt` as 3
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
              processed raw: assets [a.txt]
              processed raw: assets [b.txt]
              processed raw: assets [c.txt]
              wrote fast.parts/*.part
              wrote fast.parts/*.part
              wrote fast.pack
              wrote plain.parts/*.part
              wrote plain.parts/*.part
              wrote plain.pack
              wrote small.parts/*.part
              wrote small.parts/*.part
              wrote small.pack
            stored in fast:
              a.txt Lz4 of 3000 bytes
              b.txt None of 2000 bytes
              c.txt Lz4 of 1000 bytes, at the front
            stored in plain:
              a.txt None of 3000 bytes
              b.txt None of 2000 bytes
              c.txt None of 1000 bytes
            stored in small:
              a.txt Zstd of 3000 bytes, at the front
              b.txt None of 2000 bytes, at the front
            build 2: written, fast: 3 assets, plain: 3 assets, small: 2 assets
              ran asset_dirs()
              ran declared(assets)
              ran layout(assets)
              ran recipes(assets)
              wrote small.parts/*.part
              wrote small.pack
        "#]],
    );
}

#[test]
fn packs_that_are_not_defined_any_more_are_removed_by_their_receipts() {
    check(
        &with_files(
            r#"
//- /build/dev/other.pack
not packwright's
//- /build/dev/other.receipt.json
{}
//- build --quiet
//- /build/dev/main.parts/mine.txt
not packwright's either
//- packs
[packs.levels]
match = ["levels/**"]
[packs.rest]
match = ["!levels/**"]
//- outputs
//- build --quiet
//- outputs
//- packs
[packs.rest]
match = ["**"]
//- build --quiet --pack=rest
//- outputs
//- /assets/menu/title.txt
another title
//- build --quiet
//- outputs
"#,
        ),
        expect![[r#"
            build 1: written, 8 assets in the pack
            outputs:
              .lock
              main.pack
              main.parts/*.part
              main.parts/*.part
              main.parts/mine.txt
              main.receipt.json
              other.pack
              other.receipt.json
            build 2: written, levels: 4 assets, rest: 4 assets
              removed main
            outputs:
              .lock
              levels.pack
              levels.parts/*.part
              levels.parts/*.part
              levels.receipt.json
              main.parts/mine.txt
              other.pack
              other.receipt.json
              rest.pack
              rest.parts/*.part
              rest.parts/*.part
              rest.receipt.json
            build 3: written, 8 assets in the pack
              removed levels
            outputs:
              .lock
              main.parts/mine.txt
              other.pack
              other.receipt.json
              rest.pack
              rest.parts/*.part
              rest.parts/*.part
              rest.receipt.json
            build 4: written, 8 assets in the pack
            outputs:
              .lock
              main.parts/mine.txt
              other.pack
              other.receipt.json
              rest.pack
              rest.parts/*.part
              rest.parts/*.part
              rest.receipt.json
        "#]],
    );
}

#[test]
fn only_the_packs_that_are_asked_for_are_built() {
    const STEPS: &str = r#"
//- packs
[packs.levels]
match = ["levels/**"]
[packs.menu]
match = ["menu/**"]
[packs.rest]
match = ["!levels/**", "!menu/**"]
//- build --quiet --pack=menu
//- outputs
//- build --quiet --pack=levels --pack=menu --pack=levels
//- build --quiet --pack=menu
//- build --quiet
//- /assets/levels/2/door.txt
knock knock
//- build --pack=menu
//- build
//- build --quiet --pack=level
"#;
    check(
        &with_files(STEPS),
        expect![[r#"
            build 1: written, 1 asset in the pack
            outputs:
              .lock
              menu.pack
              menu.parts/*.part
              menu.parts/*.part
              menu.receipt.json
            build 2: written, levels: 4 assets, menu: 1 asset
            build 3: up to date, 1 asset in the pack
            build 4: written, levels: 4 assets, menu: 1 asset, rest: 3 assets
            build 5: unchanged, 1 asset in the pack
              digested 1
              ran layout(assets)
              ran recipes(assets)
              processed raw: assets/levels/2 [door.txt]
            build 6: written, levels: 4 assets, menu: 1 asset, rest: 3 assets
              wrote levels.parts/*.part
              wrote levels.pack
            build 7: refused
              error[PW0024] packwright.toml: there is no pack `level`
                help: did you mean `levels`?
        "#]],
    );
    check_cold(
        &with_files(STEPS),
        expect![[r#"
            build 1: written, 1 asset in the pack
            outputs:
              .lock
              menu.pack
              menu.parts/*.part
              menu.parts/*.part
              menu.receipt.json
            build 2: written, levels: 4 assets, menu: 1 asset
            build 3: up to date, 1 asset in the pack
            build 4: written, levels: 4 assets, menu: 1 asset, rest: 3 assets
            build 5: unchanged, 1 asset in the pack
              digested 1
              processed raw: assets/levels/2 [door.txt]
            build 6: written, levels: 4 assets, menu: 1 asset, rest: 3 assets
              wrote levels.parts/*.part
              wrote levels.pack
            build 7: refused
              error[PW0024] packwright.toml: there is no pack `level`
                help: did you mean `levels`?
        "#]],
    );
}

#[test]
fn an_error_publishes_no_pack_wherever_it_is() {
    check(
        &with_files(
            r#"
//- packs
[packs.levels]
match = ["levels/**"]
[packs.menu]
match = ["menu/**"]
//- build --quiet
//- /assets/levels/1/map.txt
edited
//- png-cut /assets/shared/ship.png 2x2 30
//- build --quiet
//- build --quiet --pack=menu
"#,
        ),
        expect![[r#"
            build 1: written, levels: 4 assets, menu: 1 asset
              warning[PW0406] assets/levels/1/map.txt: `assets/levels/1/map.txt` refers to `assets/shared/ship.gltf`, which is in no pack
              warning[PW0406] assets/levels/2/door.txt: `assets/levels/2/door.txt` refers to `assets/shared/tune.txt`, which is in no pack
            build 2: refused
              warning[PW0406] assets/levels/1/map.txt: `assets/levels/1/map.txt` refers to `assets/shared/ship.gltf`, which is in no pack
              warning[PW0406] assets/levels/2/door.txt: `assets/levels/2/door.txt` refers to `assets/shared/tune.txt`, which is in no pack
              error[PW0310] assets/shared/ship.png: the file ends within the chunk `IHDR` at byte 8; 3 bytes are missing
            build 3: refused
              warning[PW0406] assets/levels/1/map.txt: `assets/levels/1/map.txt` refers to `assets/shared/ship.gltf`, which is in no pack
              warning[PW0406] assets/levels/2/door.txt: `assets/levels/2/door.txt` refers to `assets/shared/tune.txt`, which is in no pack
              error[PW0310] assets/shared/ship.png: the file ends within the chunk `IHDR` at byte 8; 3 bytes are missing
        "#]],
    );
}

#[test]
fn what_nothing_can_be_made_of_is_told_where_it_is_written() {
    check(
        &with_files(
            r#"
//- /assets/menu/old.txt
old
//- /assets/menu/old.txt.asset.json
{ "exclude": true }
//- packs
[packs.a]
reachable_from = ["levels/1/map.txt", "levels/1/mapp.txt", "uuid:x",
  "/assets/nothing", "menu/old.txt"]
[packs."a.b"]
[packs.A]
match = ["{dir}/x", "/x", "!"]
[packs.nul]
tag = ["x"]
type = ["imagee"]
tags = [" x"]
codec = "brotli"
//- build --quiet
//- packs
[packs.a]
reachable_from = ["levels/1/map.txt", "levels/1/mapp.txt",
  "/assets/nothing", "menu/old.txt"]
//- build --quiet
//- packs
[packs.all]
[packs.none]
tags = ["nobody"]
//- build --quiet
//- build --quiet
"#,
        ),
        expect![[r#"
            build 1: refused
              error[PW0025] packwright.toml:15:8: the packs `A` and `a` differ only in case
                help: many file systems cannot hold the files of both; rename one of them
              error[PW0016] packwright.toml:16:60: `x` is not a uuid in lower-case hyphenated form
              error[PW0025] packwright.toml:18:8: a pack names files: at most 64 letters, digits, `-` and `_`
              error[PW0007] packwright.toml:20:10: `{dir}` captures something, of which a pack makes nothing; write `*` or `**`
              error[PW0007] packwright.toml:20:21: `/x` is absolute; paths are relative
              error[PW0007] packwright.toml:20:27: the path is empty
              error[PW0025] packwright.toml:21:8: `NUL` is a device on Windows
              error[PW0003] packwright.toml:22:1: unknown field `tag`
                help: did you mean `tags`?
              error[PW0008] packwright.toml:23:9: there is no type `imagee`
                help: did you mean `image`?
              error[PW0004] packwright.toml:24:9: a tag is not empty, and has no spaces at its ends and no control characters
              error[PW0004] packwright.toml:25:9: `brotli` is not possible here
                help: the possible values are `none`, `lz4`, `zstd`
            build 2: refused
              error[PW0016] packwright.toml:16:39: `levels/1/mapp.txt`, which the pack `a` is reached from, names no asset
                help: there is an asset named `levels/1/map.txt`
              error[PW0016] packwright.toml:17:3: `/assets/nothing`, which the pack `a` is reached from, names no asset
                help: `packwright list` shows all names; a path begins with `/`, as seen from packwright.toml
              error[PW0016] packwright.toml:17:22: `menu/old.txt`, which the pack `a` is reached from, is excluded from every pack
                help: it is declared at `assets/menu/old.txt`; include it, or take it out of `reachable_from`
            build 3: written, all: 8 assets, none: 0 assets
              warning[PW0407] packwright.toml: the pack `none` holds nothing: no asset is what it asks for
                help: `packwright list` shows all assets with their places, types and tags
            build 4: up to date, all: 8 assets, none: 0 assets
              warning[PW0407] packwright.toml: the pack `none` holds nothing: no asset is what it asks for
                help: `packwright list` shows all assets with their places, types and tags
        "#]],
    );
}

#[test]
fn a_reference_into_another_pack_is_fine_and_one_into_none_is_told() {
    const STEPS: &str = r#"
//- packs
[packs.images]
type = ["image"]
[packs.models]
type = ["model"]
//- build --quiet
//- packs
[packs.models]
type = ["model"]
//- build --quiet
//- build --quiet
"#;
    check(
        &with_files(STEPS),
        expect![[r#"
        build 1: written, images: 1 asset, models: 1 asset
        build 2: unchanged, 1 asset in the pack
          removed images
          warning[PW0406] assets/shared/ship.gltf: `assets/shared/ship.gltf` refers to `assets/shared/ship.png`, which is not in the pack
        build 3: up to date, 1 asset in the pack
          warning[PW0406] assets/shared/ship.gltf: `assets/shared/ship.gltf` refers to `assets/shared/ship.png`, which is not in the pack
    "#]],
    );
}

#[test]
fn the_same_contents_under_names_of_other_packs_are_not_mistaken() {
    check_cold(
        &with_files(
            r#"
//- packs
[packs.a]
match = ["levels/**"]
codec = "zstd"
[packs.b]
match = ["!levels/**"]
codec = "zstd"
//- build --quiet
//- packs
[packs.b]
match = ["levels/**"]
codec = "zstd"
[packs.c]
match = ["!levels/**"]
codec = "zstd"
//- build --quiet
//- packs
[packs.a]
match = ["levels/**"]
codec = "zstd"
[packs.b]
match = ["!levels/**"]
codec = "zstd"
//- build --quiet
//- pack-of b
"#,
        ),
        expect![[r#"
            build 1: written, a: 4 assets, b: 4 assets
            build 2: written, b: 4 assets, c: 4 assets
              removed a
            build 3: written, a: 4 assets, b: 4 assets
              removed c
            pack b:
              5 raw menu/title.txt: A (6 bytes)
              6 model shared/ship.gltf: B (84 bytes) -> [7]
              7 image shared/ship.png: C (71 bytes) -> [6]
              8 raw shared/tune.txt: D (6 bytes)
        "#]],
    );
}

#[test]
fn what_a_pack_is_reached_from_may_be_mended() {
    check_cold(
        r#"
//- packs
[packs.p]
match = ["x/**"]
reachable_from = ["y/a.gltf"]
//- /assets/x/one.txt
one
//- /assets/y/a.gltf
junk
//- png /assets/y/skin.png 2x2
//- build lenient --quiet
//- pack-of p lenient
//- /assets/y/a.gltf
{ "asset": {"version": "2.0"}, "images": [{"uri": "skin.png"}] }
//- build lenient --quiet
//- pack-of p lenient
//- /assets/y/a.gltf
junk
//- build lenient --quiet
//- pack-of p lenient
"#,
        expect![[r#"
            build 1: written, 1 asset in the pack
              warning[PW0320] assets/y/a.gltf:1:1: the JSON cannot be read: expected value
                help: `assets/y/a.gltf` is left out of the pack
            pack p:
              1 raw x/one.txt: A (4 bytes)
            build 2: written, 3 assets in the pack
            pack p:
              1 raw x/one.txt: A (4 bytes)
              2 model y/a.gltf: B (84 bytes) -> [3]
              3 image y/skin.png: C (71 bytes)
            build 3: written, 1 asset in the pack
              warning[PW0320] assets/y/a.gltf:1:1: the JSON cannot be read: expected value
                help: `assets/y/a.gltf` is left out of the pack
            pack p:
              1 raw x/one.txt: A (4 bytes)
        "#]],
    );
}

#[test]
fn a_pack_with_another_case_is_another_where_names_tell() {
    check(
        r#"
//- packs
[packs.level]
//- /assets/x.txt
one
//- build --quiet
//- packs
[packs.Level]
//- build --quiet
//- outputs
"#,
        expect![[r#"
            build 1: written, 1 asset in the pack
            build 2: written, 1 asset in the pack
              removed level
            outputs:
              .lock
              Level.pack
              Level.parts/*.part
              Level.parts/*.part
              Level.receipt.json
        "#]],
    );
}

#[test]
fn what_is_reached_from_nothing_is_nothing() {
    check(
        r#"
//- packs
[packs.none]
reachable_from = []
[packs.x]
match = ["x*"]
reachable_from = []
//- /assets/x.txt
one
//- /assets/y.txt
one
//- build
"#,
        expect![[r#"
            build 1: written, none: 0 assets, x: 1 asset
              register `assets/x.txt` as 1
              register `assets/y.txt` as 2
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
              processed raw: assets [x.txt]
              processed raw: assets [y.txt]
              wrote none.parts/*.part
              wrote none.pack
              wrote x.parts/*.part
              wrote x.parts/*.part
              wrote x.pack
              warning[PW0407] packwright.toml: the pack `none` holds nothing: no asset is what it asks for
                help: `packwright list` shows all assets with their places, types and tags
        "#]],
    );
}
