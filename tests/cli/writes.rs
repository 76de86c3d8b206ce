//! The write commands as people see them: what they say, what they show before, and how they end.

use expect_test::expect;

use crate::sandbox::Sandbox;
use crate::schema;

fn built() -> Sandbox {
    let sandbox = Sandbox::demo();
    sandbox.run(&["build", "-q"]);
    sandbox
}

/// What is committed and authored, without what packwright keeps for itself.
fn authored(sandbox: &Sandbox) -> Vec<(String, Vec<u8>)> {
    let mut files = sandbox.files();
    files.retain(|it| !it.0.starts_with(".packwright") && !it.0.starts_with("build"));
    files
}

/// Runs packwright; a line of a diff that is empty is told as empty, which is all that an expectation can hold.
fn dry(sandbox: &Sandbox, arguments: &[&str]) -> String {
    sandbox.run(arguments).replace("\n \n", "\n\n")
}

#[test]
fn a_rename_is_shown_and_done() {
    let sandbox = built();
    let before = authored(&sandbox);
    expect![[r#"
        exit 0
        --- stdout
        --- a/assets/dialog/asset.json
        +++ b/assets/dialog/asset.json
        @@ -6,5 +6,5 @@
           "inputs": ["intro.txt", "lines/*.txt"],
           // Text compresses well, whatever the profile.
           "codec": "zstd",
        -  "dependencies": ["coin", "../sprites/hero.png"]
        +  "dependencies": ["gold coin", "../sprites/hero.png"]
         }
        --- a/assets/sprites/coin.png.asset.json
        +++ b/assets/sprites/coin.png.asset.json
        @@ -1,6 +1,6 @@
         {
           // A sidecar without a type is laid over the rule that claims its file.
        -  "name": "coin",
        +  "name": "gold coin",
           "tags": ["pickup", "ui"],
           "preload": true
         }
        --- stderr
        rewrite 1 reference in `assets/dialog/asset.json`
        rename `coin` to `gold coin`: 2 files would change
    "#]]
    .assert_eq(&sandbox.run(&["rename", "coin", "gold coin", "--dry-run"]));
    assert_eq!(authored(&sandbox), before);
    expect![[r#"
        exit 0
        --- stderr
        rewrite 1 reference in `assets/dialog/asset.json`
        rename `coin` to `gold coin`: 2 files, commit 3
    "#]]
    .assert_eq(&sandbox.run(&["rename", "coin", "gold coin"]));
    expect![[r#"
        exit 0
        --- stdout
        --- /dev/null
        +++ b/assets/credits.txt.asset.json
        @@ -0,0 +1,3 @@
        +{
        +  "name": "thanks"
        +}
        --- stderr
        rename `credits.txt` to `thanks`: 1 file would change
    "#]]
    .assert_eq(&sandbox.run(&["rename", "assets/credits.txt", "thanks", "--dry-run"]));
    expect![[r#"
        exit 0
        --- stderr
        `assets/sprites/coin.png` is named `gold coin` already
        nothing to do
    "#]]
    .assert_eq(&sandbox.run(&["rename", "5", "gold coin"]));
    assert!(sandbox.run(&["build", "--locked", "-q"]).starts_with("exit 0"));
}

#[test]
fn a_rename_that_cannot_be() {
    let sandbox = built();
    expect![[r#"
        exit 1
        --- stderr
        error[PW0012]: `assets/sprites/coin.png` is named `coin` already
         --> assets/sprites/coin.png.asset.json:3:11
          |
        3 |   "name": "coin",
          |           ^^^^^^
          |
          = help: names are unique in a workspace: choose another one, or rename that asset first

        1 error; nothing was changed
    "#]]
    .assert_eq(&sandbox.run(&["rename", "credits.txt", "coin"]));
    expect![[r#"
        exit 1
        --- stderr
        error: no asset matches `coins`; there is `coin`
    "#]]
    .assert_eq(&sandbox.run(&["rename", "coins", "x"]));
    expect![[r#"
        exit 1
        --- stderr
        error: `assets/sprites` means 2 assets, and a name is for one
    "#]]
    .assert_eq(&sandbox.run(&["rename", "assets/sprites", "x"]));
    expect![[r#"
        exit 2
        --- stderr
        error: a name starts with none of `./`, `../`, `/` and `uuid:`: a reference could not tell
    "#]]
    .assert_eq(&sandbox.run(&["rename", "coin", "./x"]));
    expect![[r#"
        exit 2
        --- stderr
        error: `[` is no glob: unclosed character class; missing ']'
    "#]]
    .assert_eq(&sandbox.run(&["rename", "[", "x"]));
    sandbox.remove("assets/credits.txt");
    expect![[r#"
        exit 1
        --- stderr
        error: `assets/credits.txt` is registered as 1 and not declared any more; bring it back, or run `packwright remove 1`
    "#]].assert_eq(&sandbox.run(&["rename", "1", "x"]));
    sandbox.write("assets/credits.txt", "again");
    sandbox.run(&["rename", "credits.txt", "4"]);
    expect![[r#"
        exit 1
        --- stderr
        error: `4` may mean 4 `assets/models/sign.gltf` (by its number) or 1 `assets/credits.txt` (by its name); say it by path
    "#]].assert_eq(&sandbox.run(&["rename", "4", "x"]));
    sandbox.write("assets/sprites/coin.png.asset.json", "{ \"name\": ");
    expect![[r#"
        exit 1
        --- stderr
        error: no asset matches `hero.png`
    "#]]
    .assert_eq(&sandbox.run(&["rename", "hero.png", "x"]));
    expect![[r#"
        exit 1
        --- stderr
        error: the declaration of `assets/sprites/coin.png` is no good: expected value after colon in object property; mend it first, or `packwright remove assets/sprites/coin.png` gives the asset up
    "#]]
    .assert_eq(&sandbox.run(&["rename", "assets/sprites/coin.png", "x"]));
}

#[test]
fn assets_are_excluded_by_their_files_or_by_their_rule() {
    let sandbox = built();
    let before = authored(&sandbox);
    expect![[r#"
        exit 1
        --- stderr
        error[PW0501]: `assets/dialog` depends on `coin`
         --> assets/dialog/asset.json:9:20
          |
        9 |   "dependencies": ["coin", "../sprites/hero.png"]
          |                    ^^^^^^
          |
          = help: take the reference out first, or say --force: then the next build tells of it

        1 error; nothing was changed
    "#]]
    .assert_eq(&sandbox.run(&["exclude", "coin", "credits.txt"]));
    expect![[r#"
        exit 0
        --- stdout
        --- a/packwright.toml
        +++ b/packwright.toml
        @@ -20,6 +20,7 @@
         [[rules]]
         match = "**/*.{glb,gltf}"
         type = "model"
        +exclude = true

         # Of a sound the pack says how long it is, and from where to where it loops.
         [[rules]]
        --- stderr
        exclude `assets/models/crate.glb`
        exclude `assets/models/sign.gltf`
        note: the rule `**/*.{glb,gltf}` now excludes whatever it matches, also later
        exclude 2 assets: 1 file would change
    "#]]
    .assert_eq(&dry(&sandbox, &["exclude", "**/*.{glb,gltf}", "--dry-run"]));
    expect![[r#"
        exit 0
        --- stderr
        exclude `assets/credits.txt`
        exclude 1 asset: 1 file, commit 3
    "#]]
    .assert_eq(&sandbox.run(&["exclude", "credits.txt", "--force"]));
    expect![[r#"
        exit 0
        --- stderr
        exclude `assets/models/crate.glb`
        exclude `assets/models/sign.gltf`
        note: the rule `**/*.{glb,gltf}` now excludes whatever it matches, also later
        exclude 2 assets: 1 file, commit 4
    "#]]
    .assert_eq(&sandbox.run(&["exclude", "models/*"]));
    expect![[r#"
        exit 0
        --- stdout
        8 assets of 13 sources (profile dev)
          1  by an asset.json in a directory
          1  by the rule `tiles/**/*.png` (image)
          2  by the rule `**/*.png` (image), 1 with a sidecar over it
          2  by the rule `**/*.{glb,gltf}` (model)
          1  by the rule `**/*.wav` (audio)
          1  by the rule `**/*.txt` (raw), with a sidecar over it

        3 excluded
             1  assets/credits.txt
             3  assets/models/crate.glb
             4  assets/models/sign.gltf

        1 unclaimed, made into no asset
                assets/models/sign.bin
    "#]]
    .assert_eq(&sandbox.run(&["status"]));
    expect![[r#"
        exit 0
        --- stderr
        `assets/sprites/coin.png` is not excluded
        include `assets/credits.txt`
        include `assets/models/crate.glb`
        include `assets/models/sign.gltf`
        note: the rule `**/*.{glb,gltf}` does not exclude any more whatever it matches, also later
        include 3 assets: 2 files, commit 5
    "#]]
    .assert_eq(&sandbox.run(&["include", "coin", "credits.txt", "models/*"]));
    assert_eq!(authored(&sandbox), before);
    expect![[r#"
        exit 0
        --- stderr
        `assets/sprites/coin.png` is not excluded
        nothing to do
    "#]]
    .assert_eq(&sandbox.run(&["include", "coin"]));
}

#[test]
fn what_is_removed_goes_for_good() {
    let sandbox = built();
    expect![[r#"
        exit 1
        --- stderr
        error[PW0501]: `assets/dialog` depends on `../sprites/hero.png`
         --> assets/dialog/asset.json:9:28
          |
        9 |   "dependencies": ["coin", "../sprites/hero.png"]
          |                            ^^^^^^^^^^^^^^^^^^^^^
          |
          = help: take the reference out first, or say --force: then the next build tells of it

        error[PW0501]: `assets/models/sign.gltf` reads `../sprites/hero.png`
        --> assets/models/sign.gltf
         = help: take the reference out first, or say --force: then the next build tells of it

        2 errors; nothing was changed
    "#]]
    .assert_eq(&sandbox.run(&["remove", "sprites/hero.png"]));
    expect![[r#"
        exit 0
        --- stdout
        --- a/assets/credits.txt
        +++ /dev/null
        @@ -1 +0,0 @@
        -Everything in this demo was drawn with characters and is in the public domain.
        --- a/assets/dialog/asset.json
        +++ /dev/null
        @@ -1,10 +0,0 @@
        -// An asset.json makes one asset of its directory. It says intent only: numbers and uuids are in the registry.
        -{
        -  "name": "dialog/intro",
        -  "type": "raw",
        -  // In this order: the first is the main payload, the others are found by their paths.
        -  "inputs": ["intro.txt", "lines/*.txt"],
        -  // Text compresses well, whatever the profile.
        -  "codec": "zstd",
        -  "dependencies": ["coin", "../sprites/hero.png"]
        -}
        --- a/assets/dialog/intro.txt
        +++ /dev/null
        @@ -1,3 +0,0 @@
        -Once upon a time there was a hero.
        -The hero had one coin.
        -There was a sign, and it could be read.
        --- a/assets/dialog/lines/sign.txt
        +++ /dev/null
        @@ -1 +0,0 @@
        -KEEP OFF THE CHECKERED TILES
        --- a/packwright.registry/6.jsonl
        +++ b/packwright.registry/6.jsonl
        @@ -1,3 +1,3 @@
         {"asset_uuid":"6429e0f2-8041-8811-aa0f-fa9fde5da618","asset_id":4,"place":"assets/models/sign.gltf","content":"d1439220da6d235a9bef3cffc6dccf80b831d5afa3b429bb85aec3ba8675e3e3"}
        -{"asset_uuid":"68396c41-baf4-8f45-9718-854aabd69597","asset_id":2,"place":"assets/dialog","content":"32ee8f6adfde20b33c872e2f1a55dc57e90faa8ab32dd29b40c946e367873a10","declaration":"2624d3bbd1128a670587eab7d105cdeec34a45b9004056ffb5b7211fc2d134cf"}
        +{"asset_uuid":"68396c41-baf4-8f45-9718-854aabd69597","asset_id":2,"place":"assets/dialog","content":"32ee8f6adfde20b33c872e2f1a55dc57e90faa8ab32dd29b40c946e367873a10","declaration":"2624d3bbd1128a670587eab7d105cdeec34a45b9004056ffb5b7211fc2d134cf","was":["852f9e8e5409f966"],"removed":true}
         {"asset_uuid":"6bbc33c5-2b4b-8a93-b255-44a22d16b6a6","asset_id":8,"place":"assets/tunes/hum.wav","content":"992c6d9bb903301d898331f8e5ded04128e7ecc943ce22c4e298fd0f83bb9382"}
        --- a/packwright.registry/a.jsonl
        +++ b/packwright.registry/a.jsonl
        @@ -1 +1 @@
        -{"asset_uuid":"a45f2540-5431-8993-b7cc-ecd3e5941835","asset_id":1,"place":"assets/credits.txt","content":"c2212852f15a620bdb1cc9f59891b50a9de22116a77fe4442046bb97b43c651c"}
        +{"asset_uuid":"a45f2540-5431-8993-b7cc-ecd3e5941835","asset_id":1,"place":"assets/credits.txt","content":"c2212852f15a620bdb1cc9f59891b50a9de22116a77fe4442046bb97b43c651c","was":["ac9252ee322e5729"],"removed":true}
        --- stderr
        remove 1 `assets/credits.txt`
        remove 2 `assets/dialog`
        remove 2 assets: 6 files would change
    "#]].assert_eq(&sandbox.run(&["remove", "assets/credits.txt", "dialog/intro", "--dry-run"]));
    expect![[r#"
        exit 0
        --- stderr
        remove 1 `assets/credits.txt`
        remove 2 `assets/dialog`
        remove 2 assets: 6 files, commit 3
    "#]]
    .assert_eq(&sandbox.run(&["remove", "assets/credits.txt", "dialog/intro"]));
    sandbox.remove("assets/tiles/checker.png");
    expect![[r#"
        exit 0
        --- stderr
        give up 7 `assets/tiles/checker.png`, which is missing
        remove 1 asset: 1 file, commit 4
    "#]]
    .assert_eq(&sandbox.run(&["remove", "7"]));
    expect![[r#"
        exit 1
        --- stderr
        error: no asset matches `7`
    "#]]
    .assert_eq(&sandbox.run(&["remove", "7"]));
    expect![[r#"
        exit 1
        --- stderr
        error: no asset matches `crate.glb`
    "#]]
    .assert_eq(&sandbox.run(&["remove", "crate.glb", "--keep-sources"]));
    assert!(sandbox.run(&["build", "--locked", "-q"]).starts_with("exit 0"));
    expect![[r#"
        exit 0
        --- stdout
        id  type   inputs     size  place                    name
         3  model       1    624 B  assets/models/crate.glb  models/crate.glb
         4  model       1   1022 B  assets/models/sign.gltf  models/sign.gltf
         5  image       1    185 B  assets/sprites/coin.png  coin
         6  image       1    330 B  assets/sprites/hero.png  sprites/hero.png
         8  audio       1  1.1 KiB  assets/tunes/hum.wav     tunes/hum.wav
    "#]]
    .assert_eq(&sandbox.run(&["list"]));
}

#[test]
fn new_places_are_registered() {
    let sandbox = Sandbox::demo();
    expect![[r#"
        exit 0
        --- stdout
        --- a/packwright.registry/d.jsonl
        +++ b/packwright.registry/d.jsonl
        @@ -0,0 +1 @@
        +{"asset_uuid":"dbfa7fe6-a14e-806d-8fad-e7fe6f7fd853","asset_id":1,"place":"assets/sprites/coin.png","content":"697bc515dc2d36d8e20c6f5c4b21febdadf8cc041108201d27b1ffddc71b8619","declaration":"b1c8f11c1719d554009c1e0833bcb5c8efb2c80064b362062821f7c3750d1073"}
        --- stderr
        register `assets/sprites/coin.png` as 1
        register 1 asset: 1 file would change
    "#]].assert_eq(&sandbox.run(&["register", "coin", "--dry-run"]));
    expect![[r#"
        exit 0
        --- stderr
        register `assets/sprites/coin.png` as 1
        register 1 asset: 1 file, commit 2
    "#]]
    .assert_eq(&sandbox.run(&["register", "coin"]));
    expect![[r#"
        exit 0
        --- stderr
        nothing to do
    "#]]
    .assert_eq(&sandbox.run(&["register", "coin"]));
    expect![[r#"
        exit 0
        --- stderr
        register `assets/credits.txt` as 2
        register `assets/dialog` as 3
        register `assets/models/crate.glb` as 4
        register `assets/models/sign.gltf` as 5
        register `assets/sprites/hero.png` as 6
        register `assets/tiles/checker.png` as 7
        register `assets/tunes/hum.wav` as 8
        register 7 assets: 5 files, commit 3
    "#]]
    .assert_eq(&sandbox.run(&["register"]));
    expect![[r#"
        exit 0
        --- stderr
        nothing to do
    "#]]
    .assert_eq(&sandbox.run(&["register"]));
    sandbox.write("assets/credits.txt", "others\n");
    expect![[r#"
        exit 0
        --- stderr
        refresh 2 `assets/credits.txt`
        refresh 1 asset: 1 file, commit 4
    "#]]
    .assert_eq(&sandbox.run(&["register", "--refresh"]));
    expect![[r#"
        exit 2
        --- stderr
        error: the argument '--refresh' cannot be used with '[ASSET]...'

        Usage: packwright register --refresh [ASSET]...

        For more information, try '--help'.
    "#]]
    .assert_eq(&sandbox.run(&["register", "--refresh", "coin"]));
    sandbox.write("assets/new.txt", "new\n");
    sandbox
        .write("packwright.toml", &String::from_utf8_lossy(&sandbox.read("packwright.toml")).replace("omit", "refuse"));
    sandbox.write("assets/tiles/checker.png", "no image\n");
    expect![[r#"
        exit 1
        --- stderr
        error[PW0312]: this is not a PNG but a text file
        --> assets/tiles/checker.png
         = help: `image` reads PNG; convert the file, or give the asset the type `raw`

        1 error; nothing was changed
    "#]]
    .assert_eq(&sandbox.run(&["register"]));
    expect![[r#"
        exit 0
        --- stderr
        refresh 7 `assets/tiles/checker.png`
        note: 1 asset to register; `packwright register` does it
        refresh 1 asset: 1 file, commit 5
    "#]]
    .assert_eq(&sandbox.run(&["register", "--refresh"]));
}

#[test]
fn files_and_directories_are_moved() {
    let sandbox = built();
    let before = authored(&sandbox);
    let hero = ["move", "sprites/hero.png", "coin", "assets/items/", "--dry-run"];
    expect![[r#"
        exit 0
        --- stdout
        --- a/assets/dialog/asset.json
        +++ b/assets/dialog/asset.json
        @@ -6,5 +6,5 @@
           "inputs": ["intro.txt", "lines/*.txt"],
           // Text compresses well, whatever the profile.
           "codec": "zstd",
        -  "dependencies": ["coin", "../sprites/hero.png"]
        +  "dependencies": ["coin", "../items/hero.png"]
         }
        move `assets/sprites/coin.png` to `assets/items/coin.png` (185 B)
        move `assets/sprites/coin.png.asset.json` to `assets/items/coin.png.asset.json` (142 B)
        move `assets/sprites/hero.png` to `assets/items/hero.png` (330 B)
        --- a/packwright.registry/c.jsonl
        +++ b/packwright.registry/c.jsonl
        @@ -1 +1 @@
        -{"asset_uuid":"c0e4cb82-f0e4-8293-8f7b-fd272bb15e30","asset_id":6,"place":"assets/sprites/hero.png","content":"ebbe2ef3db53a5eb51d40b08ba7561cb9beeaa73d6b4345172c5358daef8c955"}
        +{"asset_uuid":"c0e4cb82-f0e4-8293-8f7b-fd272bb15e30","asset_id":6,"place":"assets/items/hero.png","content":"ebbe2ef3db53a5eb51d40b08ba7561cb9beeaa73d6b4345172c5358daef8c955","was":["76ce28784b8d8e49"]}
        --- a/packwright.registry/d.jsonl
        +++ b/packwright.registry/d.jsonl
        @@ -1 +1 @@
        -{"asset_uuid":"dbfa7fe6-a14e-806d-8fad-e7fe6f7fd853","asset_id":5,"place":"assets/sprites/coin.png","content":"697bc515dc2d36d8e20c6f5c4b21febdadf8cc041108201d27b1ffddc71b8619","declaration":"b1c8f11c1719d554009c1e0833bcb5c8efb2c80064b362062821f7c3750d1073"}
        +{"asset_uuid":"dbfa7fe6-a14e-806d-8fad-e7fe6f7fd853","asset_id":5,"place":"assets/items/coin.png","content":"697bc515dc2d36d8e20c6f5c4b21febdadf8cc041108201d27b1ffddc71b8619","declaration":"b1c8f11c1719d554009c1e0833bcb5c8efb2c80064b362062821f7c3750d1073","was":["ede6cd37716ecc7b"]}
        --- stderr
        move `assets/sprites/coin.png` to `assets/items/coin.png`
        move `assets/sprites/hero.png` to `assets/items/hero.png`
        rewrite 1 reference in `assets/dialog/asset.json`
        warning: `assets/models/sign.gltf` reads `../sprites/hero.png`, which it will find at `../items/hero.png`; change that in the source
        move 2 assets: 6 files would change
    "#]].assert_eq(&sandbox.run(&hero));
    expect![[r#"
        exit 0
        --- stdout
        move `assets/tiles/checker.png` to `assets/ground/checker.png` (116 B)
        --- a/packwright.registry/e.jsonl
        +++ b/packwright.registry/e.jsonl
        @@ -1 +1 @@
        -{"asset_uuid":"e1fd98e2-f267-84c0-a799-ef0a6a0d879c","asset_id":7,"place":"assets/tiles/checker.png","content":"a14ede3b100dd50d2435c93c9497118a05d0dc11f16af8f2c4782460cc3e501e"}
        +{"asset_uuid":"e1fd98e2-f267-84c0-a799-ef0a6a0d879c","asset_id":7,"place":"assets/ground/checker.png","content":"a14ede3b100dd50d2435c93c9497118a05d0dc11f16af8f2c4782460cc3e501e","was":["f136e3beadd2fa5f"]}
        --- a/packwright.toml
        +++ b/packwright.toml
        @@ -8,7 +8,7 @@
 
         # Rules make assets of files that have no declaration of their own; the first that matches claims the file.
         [[rules]]
        -match = "tiles/**/*.png"
        +match = "ground/**/*.png"
         type = "image"
         presets = ["world"]
 
        --- stderr
        move `assets/tiles/checker.png` to `assets/ground/checker.png`
        rewrite the rule `tiles/**/*.png` to `ground/**/*.png`
        move `assets/tiles` to `assets/ground`: 3 files would change
    "#]].assert_eq(&dry(&sandbox, &["move", "assets/tiles", "assets/ground", "--dry-run", "-v"]));
    expect![[r#"
        exit 0
        --- stdout
        move `assets/models/sign.gltf` to `assets/sign.gltf` (1022 B)
        --- a/packwright.registry/6.jsonl
        +++ b/packwright.registry/6.jsonl
        @@ -1,3 +1,3 @@
        -{"asset_uuid":"6429e0f2-8041-8811-aa0f-fa9fde5da618","asset_id":4,"place":"assets/models/sign.gltf","content":"d1439220da6d235a9bef3cffc6dccf80b831d5afa3b429bb85aec3ba8675e3e3"}
        +{"asset_uuid":"6429e0f2-8041-8811-aa0f-fa9fde5da618","asset_id":4,"place":"assets/sign.gltf","content":"d1439220da6d235a9bef3cffc6dccf80b831d5afa3b429bb85aec3ba8675e3e3","was":["83a0777fbbb6e9b4"]}
         {"asset_uuid":"68396c41-baf4-8f45-9718-854aabd69597","asset_id":2,"place":"assets/dialog","content":"32ee8f6adfde20b33c872e2f1a55dc57e90faa8ab32dd29b40c946e367873a10","declaration":"2624d3bbd1128a670587eab7d105cdeec34a45b9004056ffb5b7211fc2d134cf"}
         {"asset_uuid":"6bbc33c5-2b4b-8a93-b255-44a22d16b6a6","asset_id":8,"place":"assets/tunes/hum.wav","content":"992c6d9bb903301d898331f8e5ded04128e7ecc943ce22c4e298fd0f83bb9382"}
        --- stderr
        warning: `assets/sign.gltf` reads `../sprites/hero.png`, which it will find at `sprites/hero.png`; change that in the source
        warning: `assets/sign.gltf` reads `sign.bin`, which it will find at `models/sign.bin`; change that in the source
        move `assets/models/sign.gltf` to `assets/sign.gltf`: 2 files would change
    "#]].assert_eq(&sandbox.run(&["-C", "assets/models", "move", "sign.gltf", "..", "--dry-run"]));
    expect![[r#"
        exit 1
        --- stderr
        error: no asset matches `sign.gltf`
    "#]]
    .assert_eq(&sandbox.run(&["move", "sign.gltf", "assets/elsewhere/"]));
    expect![[r#"
        exit 1
        --- stderr
        error: `../elsewhere/` is no path below `SANDBOX`
    "#]]
    .assert_eq(&sandbox.run(&["move", "coin", "../elsewhere/"]));
    expect![[r#"
        exit 1
        --- stderr
        error: `assets/credits.txt` is there already; packwright overwrites nothing
    "#]]
    .assert_eq(&sandbox.run(&["-C", "assets", "move", "sprites/hero.png", "credits.txt"]));
    expect![[r#"
        exit 1
        --- stderr
        error: `elsewhere/hero.png` lies outside the workspace's roots
    "#]]
    .assert_eq(&sandbox.run(&["move", "assets/sprites/hero.png", "elsewhere/hero.png"]));
    expect![[r#"
        exit 1
        --- stderr
        error: nothing would declare `assets/dialog/hero.png`: no rule matches it there; give it a sidecar `assets/sprites/hero.png.asset.json` with a `type` first
    "#]].assert_eq(&sandbox.run(&["move", "assets/sprites/hero.png", "assets/dialog"]));
    assert_eq!(authored(&sandbox), before);
}

#[test]
fn what_was_written_is_taken_back() {
    let sandbox = built();
    let before = authored(&sandbox);
    for arguments in [&["move", "assets/sprites", "assets/art"][..], &["rename", "coin", "gold"], &["remove", "7"]] {
        assert!(sandbox.run(arguments).starts_with("exit 0"), "{arguments:?}");
    }
    let document = sandbox.json(&["log", "--format", "json"]);
    assert_eq!(schema::problems("log", &document), Vec::<String>::new());
    let titles: Vec<&str> =
        document["commits"].as_array().expect("a list").iter().filter_map(|it| it["title"].as_str()).collect();
    let expected = ["remove 1 asset", "rename `coin` to `gold`", "move `assets/sprites` to `assets/art`"];
    assert_eq!(titles[..3], expected);

    let edited = sandbox.read("assets/dialog/asset.json");
    expect![[r#"
        exit 0
        --- stdout
        create `assets/tiles/checker.png` (116 B)
        --- a/packwright.registry/e.jsonl
        +++ b/packwright.registry/e.jsonl
        @@ -1 +1 @@
        -{"asset_uuid":"e1fd98e2-f267-84c0-a799-ef0a6a0d879c","asset_id":7,"place":"assets/tiles/checker.png","content":"a14ede3b100dd50d2435c93c9497118a05d0dc11f16af8f2c4782460cc3e501e","was":["f136e3beadd2fa5f"],"removed":true}
        +{"asset_uuid":"e1fd98e2-f267-84c0-a799-ef0a6a0d879c","asset_id":7,"place":"assets/tiles/checker.png","content":"a14ede3b100dd50d2435c93c9497118a05d0dc11f16af8f2c4782460cc3e501e","was":["3d6cd2ae12b68869","f136e3beadd2fa5f"]}
        --- stderr
        bind again `assets/tiles/checker.png` (7, e1fd98e2-f267-84c0-a799-ef0a6a0d879c)
        undo commit 5: remove 1 asset: 2 files would change
    "#]].assert_eq(&sandbox.run(&["undo", "--dry-run"]));
    expect![[r#"
        exit 0
        --- stderr
        bind again `assets/tiles/checker.png` (7, e1fd98e2-f267-84c0-a799-ef0a6a0d879c)
        undo commit 5: remove 1 asset: 2 files, commit 6
    "#]]
    .assert_eq(&sandbox.run(&["undo"]));
    // Somebody edits a file that the next one would take back.
    sandbox.write("assets/dialog/asset.json", "{}");
    expect![[r#"
        exit 1
        --- stderr
        error: commit 4 (rename `coin` to `gold`) cannot be undone: `assets/dialog/asset.json` was changed since; put that right by hand
    "#]]
    .assert_eq(&sandbox.run(&["undo"]));
    assert_eq!(sandbox.read("assets/dialog/asset.json"), b"{}");
    sandbox.write("assets/dialog/asset.json", &String::from_utf8(edited).expect("text"));
    expect![[r#"
        exit 0
        --- stderr
        undo commit 4: rename `coin` to `gold`: 2 files, commit 7
    "#]]
    .assert_eq(&sandbox.run(&["undo"]));
    expect![[r#"
        exit 0
        --- stderr
        bind again `assets/sprites/coin.png` (5, dbfa7fe6-a14e-806d-8fad-e7fe6f7fd853)
        bind again `assets/sprites/hero.png` (6, c0e4cb82-f0e4-8293-8f7b-fd272bb15e30)
        undo commit 3: move `assets/sprites` to `assets/art`: 6 files, commit 8
    "#]]
    .assert_eq(&sandbox.run(&["undo"]));
    let own = |it: &(String, Vec<u8>)| it.0.starts_with("packwright.registry");
    let without_registry = |mut files: Vec<(String, Vec<u8>)>| {
        files.retain(|it| !own(it));
        files
    };
    assert_eq!(without_registry(authored(&sandbox)), without_registry(before));
    assert!(sandbox.run(&["build", "--locked", "-q"]).starts_with("exit 0"));
    // What a build registered gets tombstones, and no number is given again.
    expect![[r#"
        exit 0
        --- stderr
        give up `assets/credits.txt` (1, a45f2540-5431-8993-b7cc-ecd3e5941835)
        give up `assets/dialog` (2, 68396c41-baf4-8f45-9718-854aabd69597)
        give up `assets/models/crate.glb` (3, 32cb93d0-9803-86fb-b481-eb72186f7788)
        give up `assets/models/sign.gltf` (4, 6429e0f2-8041-8811-aa0f-fa9fde5da618)
        give up `assets/sprites/coin.png` (5, dbfa7fe6-a14e-806d-8fad-e7fe6f7fd853)
        give up `assets/sprites/hero.png` (6, c0e4cb82-f0e4-8293-8f7b-fd272bb15e30)
        give up `assets/tiles/checker.png` (7, e1fd98e2-f267-84c0-a799-ef0a6a0d879c)
        give up `assets/tunes/hum.wav` (8, 6bbc33c5-2b4b-8a93-b255-44a22d16b6a6)
        undo commit 2: register 8 assets: 6 files, commit 9
    "#]]
    .assert_eq(&sandbox.run(&["undo"]));
    sandbox.run(&["build", "-q"]);
    expect![[r#"
        exit 0
        --- stdout
        id  type   inputs   size  place                    name
        13  image       1  185 B  assets/sprites/coin.png  coin
    "#]]
    .assert_eq(&sandbox.run(&["list", "coin"]));
    assert!(sandbox.run(&["undo", "-q"]).starts_with("exit 0"));
    expect![[r#"
        exit 1
        --- stderr
        error: commit 1 made the workspace; to be rid of it, remove its directory
    "#]]
    .assert_eq(&sandbox.run(&["undo"]));
}

#[cfg(unix)]
#[test]
fn what_is_brought_back_has_the_permissions_that_it_had() {
    use std::fs::{Permissions, metadata, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    let sandbox = built();
    let files = ["assets/tiles/checker.png", "assets/sprites/coin.png"].map(|it| sandbox.path(it));
    for (file, mode) in files.iter().zip([0o600, 0o755]) {
        set_permissions(file, Permissions::from_mode(mode)).expect("it is ours");
    }
    assert!(sandbox.run(&["remove", "--force", "tiles/checker.png", "coin"]).starts_with("exit 0"));
    assert!(files.iter().all(|it| !it.exists()));
    assert!(sandbox.run(&["undo"]).starts_with("exit 0"));
    let modes = files.map(|it| metadata(it).expect("it is back").permissions().mode() & 0o777);
    assert_eq!(modes, [0o600, 0o755]);
}

#[test]
fn only_what_a_commit_did_is_taken_back() {
    let sandbox = built();
    let lines = |file: &str| String::from_utf8(sandbox.read(file)).expect("text");
    // As git's union leaves it: two lines, not sorted.
    let file = "packwright.registry/6.jsonl";
    let reversed = lines(file).lines().rev().fold(String::new(), |text, line| text + line + "\n");
    sandbox.write(file, &reversed);
    assert!(sandbox.run(&["move", "assets/models/sign.gltf", "assets/models/s.gltf"]).starts_with("exit 0"));
    expect![[r#"
        exit 0
        --- stderr
        bind again `assets/models/sign.gltf` (4, 6429e0f2-8041-8811-aa0f-fa9fde5da618)
        undo commit 3: move `assets/models/sign.gltf` to `assets/models/s.gltf`: 2 files, commit 4
    "#]]
    .assert_eq(&sandbox.run(&["undo"]));
    assert!(sandbox.run(&["build", "--locked", "-q"]).starts_with("exit 0"));

    // What a pull brings into the same file is nobody's business.
    sandbox.write("assets/a.txt", "a");
    sandbox.run(&["build", "-q"]);
    let theirs = r#"{"asset_uuid":"932d86ef-a887-83e3-b79d-187cc2d5ee30","asset_id":900,"place":"assets/t.txt","content":"5fecd6dfe9eb92f9a4aa02fa094085dc371a05a00e78900f760470915516a0c1"}"#;
    let file = "packwright.registry/9.jsonl";
    sandbox.write(file, &(lines(file) + theirs + "\n"));
    sandbox.write("assets/t.txt", "t");
    expect![[r#"
        exit 0
        --- stderr
        give up `assets/a.txt` (9, 94082e38-3791-8b99-a5c6-849a2f0aba04)
        undo commit 5: register 1 asset: 1 file, commit 6
    "#]]
    .assert_eq(&sandbox.run(&["undo"]));

    // Of a commit of which nothing is left the next undo goes one further back.
    let registry = (0..16).map(|it| format!("packwright.registry/{it:x}.jsonl"));
    let before: Vec<(String, String)> = registry.map(|it| (it.clone(), lines(&it))).collect();
    sandbox.run(&["rename", "3", "box"]);
    sandbox.write("assets/n.txt", "n");
    sandbox.run(&["register"]);
    before.iter().for_each(|(file, text)| sandbox.write(file, text));
    sandbox.remove("assets/n.txt");
    expect![[r#"
        exit 0
        --- stderr
        note: nothing is left of commit 8; the next `undo` takes back one before it
        undo commit 8: register 2 assets: 0 files, commit 9
    "#]]
    .assert_eq(&sandbox.run(&["undo"]));
    expect![[r#"
        exit 0
        --- stderr
        undo commit 7: rename `models/crate.glb` to `box`: 1 file, commit 10
    "#]]
    .assert_eq(&sandbox.run(&["undo"]));
}

#[test]
fn a_file_that_was_moved_back_by_hand_stays_there() {
    let sandbox = built();
    sandbox.write("assets/keep/note.txt", "x");
    assert!(sandbox.run(&["move", "assets/credits.txt", "assets/keep/"]).starts_with("exit 0"));
    // A copy is no move: nobody can say which of the two is to go.
    sandbox.write("assets/credits.txt", &String::from_utf8(sandbox.read("assets/keep/credits.txt")).expect("text"));
    expect![[r#"
        exit 1
        --- stderr
        error: commit 3 (move `assets/credits.txt` to `assets/keep/credits.txt`) cannot be undone: `assets/credits.txt` was changed since; put that right by hand
    "#]].assert_eq(&sandbox.run(&["undo"]));
    sandbox.remove("assets/keep/credits.txt");
    expect![[r#"
        exit 0
        --- stderr
        bind again `assets/credits.txt` (1, a45f2540-5431-8993-b7cc-ecd3e5941835)
        note: 1 file is already as before commit 3
        undo commit 3: move `assets/credits.txt` to `assets/keep/credits.txt`: 1 file, commit 4
    "#]]
    .assert_eq(&sandbox.run(&["undo"]));
    sandbox.remove("assets/keep/note.txt");
    assert!(sandbox.run(&["build", "--locked", "-q"]).starts_with("exit 0"));
    assert!(sandbox.path("assets/keep").is_dir(), "it was there before");
    // Two files are new, and only one of them is registered by moving it.
    sandbox.write("assets/a.txt", "a");
    sandbox.write("assets/b.txt", "b");
    expect![[r#"
        exit 0
        --- stderr
        register `assets/c.txt` as 9
        move `assets/b.txt` to `assets/c.txt`: 2 files, commit 5
    "#]]
    .assert_eq(&sandbox.run(&["move", "assets/b.txt", "assets/c.txt"]));
}

#[test]
fn undo_goes_past_what_git_took_back() {
    let sandbox = built();
    let before = authored(&sandbox);
    let text = |file: &str| String::from_utf8(sandbox.read(file)).expect("text");
    sandbox.run(&["rename", "credits.txt", "thanks"]);
    let declarations = ["assets/dialog/asset.json", "assets/sprites/coin.png.asset.json"];
    let old = declarations.map(text);
    sandbox.run(&["rename", "coin", "gold"]);
    // As `git checkout` does with one file: the rest is taken back.
    sandbox.write(declarations[0], &old[0]);
    expect![[r#"
        exit 0
        --- stdout
        --- a/assets/sprites/coin.png.asset.json
        +++ b/assets/sprites/coin.png.asset.json
        @@ -1,6 +1,6 @@
         {
           // A sidecar without a type is laid over the rule that claims its file.
        -  "name": "gold",
        +  "name": "coin",
           "tags": ["pickup", "ui"],
           "preload": true
         }
        --- stderr
        note: 1 file is already as before commit 4
        undo commit 4: rename `coin` to `gold`: 1 file would change
    "#]]
    .assert_eq(&sandbox.run(&["undo", "--dry-run"]));
    // And with all of them: then nothing is left, which the log tells.
    sandbox.write(declarations[1], &old[1]);
    expect![[r#"
        exit 0
        --- stderr
        note: nothing is left of commit 4; the next `undo` takes back one before it
        undo commit 4: rename `coin` to `gold`: 0 files, commit 5
    "#]]
    .assert_eq(&sandbox.run(&["undo"]));
    expect![[r#"
        exit 0
        --- stderr
        undo commit 3: rename `credits.txt` to `thanks`: 1 file, commit 6
    "#]]
    .assert_eq(&sandbox.run(&["undo"]));
    assert_eq!(authored(&sandbox), before);
    let document = sandbox.json(&["log", "--format", "json"]);
    let commits = document["commits"].as_array().expect("a list");
    let undone: Vec<_> = commits.iter().map(|it| (it["commit"].as_u64(), it["undone_by"].as_u64())).collect();
    assert_eq!(undone[2..4], [(Some(4), Some(5)), (Some(3), Some(6))]);
    // So does a registry that is as it was.
    let registry = |files: Vec<(String, Vec<u8>)>| {
        files.into_iter().filter(|it| it.0.starts_with("packwright.registry")).collect::<Vec<_>>()
    };
    sandbox.run(&["move", "assets/credits.txt", "assets/thanks.txt"]);
    sandbox.rename("assets/thanks.txt", "assets/credits.txt");
    for (file, bytes) in registry(before) {
        sandbox.write(&file, &String::from_utf8(bytes).expect("text"));
    }
    expect![[r#"
        exit 0
        --- stderr
        note: nothing is left of commit 7; the next `undo` takes back one before it
        undo commit 7: move `assets/credits.txt` to `assets/thanks.txt`: 0 files, commit 8
    "#]]
    .assert_eq(&sandbox.run(&["undo"]));
}

#[test]
fn undo_goes_past_what_was_edited_since() {
    let sandbox = built();
    sandbox.run(&["rename", "credits.txt", "thanks"]);
    sandbox.run(&["rename", "coin", "gold"]);
    sandbox.write("assets/dialog/asset.json", "{}");
    expect![[r#"
        exit 1
        --- stderr
        error: commit 4 (rename `coin` to `gold`) cannot be undone: `assets/dialog/asset.json` was changed since; put that right by hand, or leave it and take back commit 3 (rename `credits.txt` to `thanks`): `packwright undo 3`
    "#]].assert_eq(&sandbox.run(&["undo"]));
    expect![[r#"
        exit 0
        --- stderr
        undo commit 3: rename `credits.txt` to `thanks`: 1 file, commit 5
    "#]]
    .assert_eq(&sandbox.run(&["undo", "3"]));
    assert_eq!(sandbox.read("assets/dialog/asset.json"), b"{}");
    assert!(!sandbox.path("assets/credits.txt.asset.json").exists());
    expect![[r#"
        exit 1
        --- stderr
        error: commit 3 is undone already, by commit 5
        exit 1
        --- stderr
        error: commit 5 took back commit 3, and that is not taken back
        exit 1
        --- stderr
        error: there is no commit 77
    "#]]
    .assert_eq(&["3", "5", "77"].map(|it| sandbox.run(&["undo", it])).concat());
}

#[test]
fn what_later_commits_changed_is_taken_back_after_them() {
    for later in [&["move", "assets/credits.txt", "assets/zz/"][..], &["include", "credits.txt"], &["remove", "1"]] {
        let sandbox = built();
        let before = authored(&sandbox);
        let own = |it: &(String, Vec<u8>)| it.0.starts_with("packwright.registry");
        sandbox.run(&["exclude", "credits.txt"]);
        assert!(sandbox.run(later).starts_with("exit 0"), "{later:?}");
        let refused = sandbox.run(&["undo", "3"]);
        let why = "changed `assets/credits.txt.asset.json` since; undo that one first: `packwright undo 4`\n";
        assert!(refused.starts_with("exit 1\n") && refused.ends_with(why), "{later:?}: {refused}");
        assert!(sandbox.run(&["undo", "4"]).starts_with("exit 0"), "{later:?}");
        assert!(sandbox.run(&["undo", "3"]).starts_with("exit 0"), "{later:?}");
        let (mut after, mut before) = (authored(&sandbox), before);
        after.retain(|it| !own(it));
        before.retain(|it| !own(it));
        assert_eq!(after, before, "{later:?}");
    }
    // So is a registration, where only lines of the registry tell.
    let sandbox = built();
    sandbox.write("assets/n.txt", "n");
    sandbox.run(&["register"]);
    sandbox.run(&["remove", "n.txt"]);
    expect![[r#"
        exit 1
        --- stderr
        error: commit 3 (register 1 asset) cannot be undone: commit 4 (remove 1 asset) changed `assets/n.txt` since; undo that one first: `packwright undo 4`
    "#]].assert_eq(&sandbox.run(&["undo", "3"]));
}

#[test]
fn what_somebody_moved_is_not_taken_for_taken_back() {
    let sandbox = built();
    sandbox.run(&["exclude", "credits.txt"]);
    sandbox.write("assets/zz/other.txt", "other");
    for name in ["credits.txt", "credits.txt.asset.json"] {
        sandbox.rename(&format!("assets/{name}"), &format!("assets/zz/{name}"));
    }
    expect![[r#"
        exit 1
        --- stderr
        error: commit 3 (exclude 1 asset) cannot be undone: `assets/credits.txt.asset.json` is gone, and so is `assets/credits.txt`, to which it belongs: both may be elsewhere by now; put that right by hand, or leave it and take back commit 2 (register 8 assets): `packwright undo 2`
    "#]].assert_eq(&sandbox.run(&["undo"]));
    for name in ["credits.txt", "credits.txt.asset.json"] {
        sandbox.rename(&format!("assets/zz/{name}"), &format!("assets/{name}"));
    }
    assert!(sandbox.run(&["undo"]).starts_with("exit 0"));
    assert!(!sandbox.path("assets/credits.txt.asset.json").exists());
}

#[test]
fn undo_goes_past_several_commits_that_git_took_back_at_once() {
    let sandbox = built();
    let before = authored(&sandbox);
    sandbox.run(&["exclude", "credits.txt"]);
    sandbox.run(&["rename", "1", "thanks"]);
    sandbox.run(&["move", "assets/credits.txt", "assets/zz/"]);
    sandbox.run(&["move", "assets/zz/credits.txt", "assets/yy/"]);
    // As `git clean` and `git reset --hard` do.
    for (file, _) in authored(&sandbox) {
        sandbox.remove(&file);
    }
    for (file, bytes) in &before {
        sandbox.write(file, "");
        std::fs::write(sandbox.path(file), bytes).expect("it is ours");
    }
    for commit in (3..=6).rev() {
        let told = sandbox.run(&["undo"]);
        let note = format!("note: nothing is left of commit {commit}; the next `undo` takes back one before it");
        assert!(told.starts_with("exit 0\n") && told.contains(&note), "{told}");
        assert_eq!(authored(&sandbox), before);
    }
    assert!(sandbox.run(&["undo"]).contains("undo commit 2: register 8 assets: "));
}

#[test]
fn what_is_broken_can_be_excluded() {
    let sandbox = built();
    let release = || sandbox.run(&["build", "--profile", "release", "--locked", "-q"]);
    sandbox.run(&["rename", "tiles/checker.png", "tile"]);
    for (place, file, broken) in [
        ("assets/tiles/checker.png", "assets/tiles/checker.png.asset.json", r#"{ "type": "raw", "bogus": 1 }"#),
        ("assets/tiles/checker.png", "assets/tiles/checker.png.asset.json", r#"{ "type": "imag" }"#),
        ("7", "assets/tiles/checker.png.asset.json", r#"{ "dependencies": ["nobody"] }"#),
        ("2", "assets/dialog/asset.json", r#"{ "type": "raw", "inputs": ["nothing.txt"] }"#),
        ("dialog", "assets/dialog/asset.json", r#"{ "inputs": ["intro.txt"] }"#),
    ] {
        let before = String::from_utf8(sandbox.read(file)).expect("text");
        sandbox.write(file, broken);
        assert!(release().starts_with("exit 1"), "{broken}");
        let told = sandbox.run(&["exclude", place]);
        assert!(told.starts_with("exit 0"), "{broken} {told}");
        let told = release();
        assert!(told.starts_with("exit 0"), "{broken} {told}");
        assert!(sandbox.run(&["exclude", place]).ends_with("nothing to do\n"), "{broken}");
        assert!(sandbox.run(&["include", place]).contains("]: afterwards: "), "{broken}");
        sandbox.write(file, &before);
        assert!(release().starts_with("exit 0"), "{broken}");
    }
    // Where there is no object to say it in, that is told.
    sandbox.write("assets/dialog/asset.json", "{\n  \"type\": ");
    expect![[r#"
        exit 1
        --- stderr
        error: `assets/dialog/asset.json`, which declares `assets/dialog`, cannot be edited as it is (line 2: expected value after colon in object property); mend it first, or give the asset up: `packwright remove assets/dialog`
    "#]].assert_eq(&sandbox.run(&["exclude", "2"]));
    expect![[r#"
        exit 1
        --- stderr
        error: the declaration of `assets/dialog` is no good: expected value after colon in object property; mend it first, or `packwright remove assets/dialog` gives the asset up
    "#]].assert_eq(&sandbox.run(&["rename", "2", "talk"]));
}

#[test]
fn what_is_broken_can_be_removed() {
    let sandbox = built();
    // The dialog refers to it by path, and so it is in use all the same.
    sandbox.write("assets/sprites/hero.png.asset.json", "{ \"type\": ");
    let told = sandbox.run(&["remove", "assets/sprites/hero.png"]);
    assert!(told.starts_with("exit 1") && told.contains("PW0501") && told.contains("../sprites/hero.png"), "{told}");
    sandbox.remove("assets/sprites/hero.png.asset.json");
    sandbox.write("assets/sprites/coin.png.asset.json", "{ \"type\": ");
    expect![[r#"
        exit 0
        --- stderr
        remove 5 `assets/sprites/coin.png`
        remove 1 asset: 3 files, commit 3
    "#]]
    .assert_eq(&sandbox.run(&["remove", "assets/sprites/coin.png"]));
    expect![[r#"
        exit 1
        --- stderr
        error: no asset matches `5`
    "#]]
    .assert_eq(&sandbox.run(&["remove", "5", "--keep-sources", "--force"]));
    sandbox.write("assets/dialog/asset.json", "{ \"type\": \"imag\" }");
    expect![[r#"
        exit 0
        --- stderr
        remove 2 `assets/dialog`
        remove 1 asset: 4 files, commit 4
    "#]]
    .assert_eq(&sandbox.run(&["remove", "dialog"]));
    // A sidecar that has lost its file.
    sandbox.write("assets/gone.bin.asset.json", "{ \"type\": \"raw\" }");
    expect![[r#"
        exit 0
        --- stderr
        remove `assets/gone.bin`, which is not registered
        remove 1 asset: 1 file, commit 5
    "#]]
    .assert_eq(&sandbox.run(&["remove", "gone.bin"]));
    assert!(sandbox.run(&["build", "--profile", "release", "-q"]).starts_with("exit 0"));
}

#[cfg(unix)]
#[test]
fn what_is_no_file_is_excluded_or_removed_by_hand() {
    let sandbox = built();
    sandbox.remove("assets/credits.txt");
    std::os::unix::fs::symlink("nowhere", sandbox.path("assets/credits.txt")).expect("it is free");
    expect![[r#"
        exit 1
        --- stderr
        error: `assets/credits.txt` is a link that leads nowhere, and packwright only removes files: remove it yourself, and then run `packwright remove 1`; or run `packwright exclude assets/credits.txt`
    "#]].assert_eq(&sandbox.run(&["remove", "credits.txt"]));
    assert!(sandbox.run(&["exclude", "1"]).starts_with("exit 0"));
    assert!(sandbox.run(&["build", "--profile", "release", "--locked", "-q"]).starts_with("exit 0"));
    std::fs::remove_file(sandbox.path("assets/credits.txt")).expect("it is ours");
    expect![[r#"
        exit 0
        --- stderr
        remove 1 `assets/credits.txt`
        remove 1 asset: 2 files, commit 4
    "#]]
    .assert_eq(&sandbox.run(&["remove", "1"]));
}

#[test]
fn what_is_meant_may_be_written_in_many_ways() {
    let sandbox = built();
    expect![[r#"
        exit 0
        --- stderr
        note: on the command line `1` means the asset with this number too
        rename `dialog/intro` to `1`: 1 file, commit 3
    "#]]
    .assert_eq(&sandbox.run(&["rename", "2", "1"]));
    expect![[r#"
        exit 1
        --- stderr
        error: `1` may mean 1 `assets/credits.txt` (by its number) or 2 `assets/dialog` (by its name); say it by path
    "#]]
    .assert_eq(&sandbox.run(&["rename", "1", "2"]));
    let absolute = sandbox.path("assets/credits.txt").display().to_string();
    expect![[r#"
        exit 0
        --- stderr
        exclude `assets/credits.txt`
        exclude 1 asset: 1 file, commit 4
    "#]]
    .assert_eq(&sandbox.run(&["exclude", &absolute]));
    let into = sandbox.path("assets/texts/").display().to_string();
    expect![[r#"
        exit 0
        --- stderr
        move `assets/credits.txt` to `assets/texts/credits.txt`: 3 files, commit 5
    "#]]
    .assert_eq(&sandbox.run(&["move", &absolute, &format!("{into}/")]));
    expect![[r#"
        exit 1
        --- stderr
        error: `.` is `SANDBOX`, which is the whole workspace and not moved: name what is in it
    "#]]
    .assert_eq(&sandbox.run(&["move", ".", "x"]));
    expect![[r#"
        exit 2
        --- stderr
        error: the following required arguments were not provided:
          <NAME>

        Usage: packwright rename <ASSET> <NAME>

        For more information, try '--help'.
    "#]]
    .assert_eq(&sandbox.run(&["rename", "coin"]));
    let document = sandbox.json(&["rename", "coin", "--format", "json"]);
    assert_eq!(schema::problems("failure", &document), Vec::<String>::new());
    let error = &document["error"];
    assert_eq!(error["exit_code"], 2);
    assert_eq!(error["message"], "the following required arguments were not provided: <NAME>");
}

#[test]
fn what_a_new_name_means_besides_is_told() {
    let sandbox = built();
    let uuid = sandbox.json(&["list", "coin", "--format", "json"])["assets"][0]["asset_uuid"].clone();
    let uuid = &uuid.as_str().expect("a uuid")[..8];
    let mut told = String::new();
    for name in [uuid, "assets/sprites/hero.png", "assets/sprites", "s*/*.png", "a*b", "a[b", "a//b", "fine"] {
        let rename = sandbox.run(&["rename", "credits.txt", name, "--dry-run"]);
        let (_, notes) = rename.split_once("--- stderr\n").expect("it is told what would change");
        told.push_str(&notes.replace(uuid, "UUID"));
    }
    expect![[r#"
        note: on the command line `UUID` means 5 `assets/sprites/coin.png` too, by its uuid
        rename `credits.txt` to `UUID`: 1 file would change
        note: on the command line `assets/sprites/hero.png` means 6 `assets/sprites/hero.png` too, by its path
        rename `credits.txt` to `assets/sprites/hero.png`: 1 file would change
        note: on the command line `assets/sprites` means 2 assets too, below that path
        rename `credits.txt` to `assets/sprites`: 1 file would change
        warning: `s*/*.png` is no name for a file everywhere: Windows allows no '*' in a name
        warning: `s*/*.png` is no name for a file everywhere: Windows allows no '*' in a name
        note: on the command line `s*/*.png` means 6 `assets/sprites/hero.png` too, by that glob
        rename `credits.txt` to `s*/*.png`: 1 file would change
        warning: `a*b` is no name for a file everywhere: Windows allows no '*' in a name
        note: on the command line `a*b` is a glob, too
        rename `credits.txt` to `a*b`: 1 file would change
        note: on the command line `a[b` is no glob: unclosed character class; missing ']'
        rename `credits.txt` to `a[b`: 1 file would change
        warning: `a//b` is no name for a file everywhere: it has an empty component
        rename `credits.txt` to `a//b`: 1 file would change
        rename `credits.txt` to `fine`: 1 file would change
    "#]]
    .assert_eq(&told);
}

#[test]
fn absolute_paths_select_when_listing_too() {
    let sandbox = built();
    let absolute = sandbox.path("assets/sprites").display().to_string();
    expect![[r#"
        exit 0
        --- stdout
        id  type   inputs   size  place                    name
         5  image       1  185 B  assets/sprites/coin.png  coin
         6  image       1  330 B  assets/sprites/hero.png  sprites/hero.png
    "#]]
    .assert_eq(&sandbox.run(&["list", &absolute]));
    assert_eq!(sandbox.run(&["list", &absolute]), sandbox.run(&["list", "assets/sprites"]));
}

/// What another asset is made of, behind a link, goes only where that is said.
#[test]
#[cfg(unix)]
fn what_is_lost_behind_a_link_is_told() {
    let sandbox = built();
    sandbox.write("assets/real/r.txt", "r");
    for (text, link) in [("real", "assets/link"), ("real/r.txt", "assets/single.txt")] {
        std::os::unix::fs::symlink(text, sandbox.path(link)).expect("a link");
    }
    assert!(sandbox.run(&["build", "-q"]).starts_with("exit 0"));
    expect![[r#"
        exit 1
        --- stderr
        error[PW0501]: `assets/link/r.txt` is made of `assets/real/r.txt`, seen through a link
        --> assets/link/r.txt
         = help: remove both at once, or take the link away first, or say --force: then it goes missing

        error[PW0501]: `assets/single.txt` is made of `assets/real/r.txt`, seen through a link
        --> assets/single.txt
         = help: remove both at once, or take the link away first, or say --force: then it goes missing

        2 errors; nothing was changed
    "#]]
    .assert_eq(&sandbox.run(&["remove", "assets/real/r.txt"]));
    expect![[r#"
        exit 0
        --- stdout
        --- a/assets/real/r.txt
        +++ /dev/null
        @@ -1 +0,0 @@
        -r
        \ No newline at end of file
        --- a/packwright.registry/3.jsonl
        +++ b/packwright.registry/3.jsonl
        @@ -1,2 +1,2 @@
         {"asset_uuid":"32cb93d0-9803-86fb-b481-eb72186f7788","asset_id":3,"place":"assets/models/crate.glb","content":"d177408f95482e3783fb483b1cb881f9b5179d593a536886d43d059b52a20dba"}
        -{"asset_uuid":"3809ad49-5dfd-8e60-a55e-4f9e887d2680","asset_id":10,"place":"assets/real/r.txt","content":"b2dea48d667b2821a9bcf69eded39a2458a1d8165ca7fcac64c3557b69a7ea08"}
        +{"asset_uuid":"3809ad49-5dfd-8e60-a55e-4f9e887d2680","asset_id":10,"place":"assets/real/r.txt","content":"b2dea48d667b2821a9bcf69eded39a2458a1d8165ca7fcac64c3557b69a7ea08","was":["9911f5ebf448d716"],"removed":true}
        --- stderr
        remove 10 `assets/real/r.txt`
        warning: the link `assets/single.txt` leads to `assets/real/r.txt`, and nowhere afterwards
        warning: 9 `assets/link/r.txt` goes missing: it is `assets/real/r.txt`, seen through a link; `packwright remove 9` gives it up for good
        remove 1 asset: 2 files would change
    "#]].assert_eq(&sandbox.run(&["remove", "assets/real/r.txt", "--force", "--dry-run"]));
    std::fs::remove_file(sandbox.path("assets/single.txt")).expect("it is there");
    expect![[r#"
        exit 0
        --- stderr
        move `assets/real/r.txt` to `assets/other/r.txt`
        warning: the link `assets/link` leads to `assets/real`, and nowhere afterwards
        warning: 9 `assets/link/r.txt` goes missing: it is `assets/real/r.txt`, seen through a link; `packwright remove 9` gives it up for good
        move `assets/real` to `assets/other`: 2 files, commit 4
    "#]].assert_eq(&sandbox.run(&["move", "assets/real", "assets/other"]));
    assert!(sandbox.run(&["undo"]).starts_with("exit 0"));
    expect![[r#"
        exit 0
        --- stderr
        remove 9 `assets/link/r.txt`
        remove 10 `assets/real/r.txt`
        remove 2 assets: 3 files, commit 6
    "#]]
    .assert_eq(&sandbox.run(&["remove", "assets/real/r.txt", "assets/link/r.txt"]));
}

#[test]
fn what_not_everybody_expects_is_told() {
    let sandbox = built();
    expect![[r#"
        exit 0
        --- stderr
        warning: `assets/con./aux.txt`: `AUX` is a device on Windows
        warning: `assets/con.`: `CON` is a device on Windows
        move `assets/credits.txt` to `assets/con./aux.txt`: 2 files, commit 3
    "#]]
    .assert_eq(&sandbox.run(&["move", "assets/credits.txt", "assets/con./aux.txt"]));
    expect![[r#"
        exit 0
        --- stderr
        warning: `ui/what?` is no name for a file everywhere: Windows allows no '?' in a name
        rewrite 1 reference in `assets/dialog/asset.json`
        note: on the command line `ui/what?` is a glob, too
        rename `coin` to `ui/what?`: 2 files, commit 4
    "#]]
    .assert_eq(&sandbox.run(&["rename", "coin", "ui/what?"]));
    sandbox.write("assets/dialog/more.md", "more");
    expect![[r#"
        exit 0
        --- stderr
        remove 2 `assets/dialog`
        note: `assets/dialog/more.md` goes too: it lies in `assets/dialog` and is no input
        remove 1 asset: 5 files, commit 5
    "#]]
    .assert_eq(&sandbox.run(&["remove", "dialog/intro"]));
    for (n, is_told) in [(244, false), (245, true)] {
        let told =
            sandbox.run(&["move", "tiles/checker.png", &format!("assets/{}.png", "x".repeat(n - 4)), "--dry-run"]);
        assert!(told.starts_with("exit 0"), "{told}");
        assert_eq!(told.contains("leaves no room for a sidecar"), is_told, "{told}");
    }
}

#[test]
fn sidecars_that_were_laid_over_a_rule_that_excludes_go_with_that() {
    let sandbox = built();
    for name in ["one", "two"] {
        sandbox.write(&format!("assets/texts/{name}.txt"), name);
    }
    sandbox.run(&["build", "-q"]);
    let before = authored(&sandbox);
    sandbox.run(&["exclude", "assets/**/*.txt"]);
    assert!(sandbox.run(&["include", "assets/texts/one.txt"]).starts_with("exit 0"));
    assert!(sandbox.path("assets/texts/one.txt.asset.json").exists());
    expect![[r#"
        exit 0
        --- stderr
        `assets/texts/one.txt` is not excluded
        include `assets/credits.txt`
        include `assets/texts/two.txt`
        note: the rule `**/*.txt` does not exclude any more whatever it matches, also later
        include 2 assets: 2 files, commit 6
    "#]]
    .assert_eq(&sandbox.run(&["include", "assets/**/*.txt"]));
    assert_eq!(authored(&sandbox), before);
}

#[test]
fn many_at_once_wait_for_each_other() {
    const N: usize = 8;
    let names: Vec<String> = (0..N).map(|it| format!("a{it}.txt")).collect();
    let others = names.iter().map(|it| format!("free/{it}"));
    let files: Vec<(String, &str)> =
        names.iter().cloned().chain(others).map(|it| (format!("assets/{it}"), "x")).collect();
    let mut files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let dependencies = format!("{{ \"dependencies\": {names:?} }}\n");
    files.extend([("assets/all.txt", "all"), ("assets/all.txt.asset.json", &dependencies)]);
    let sandbox = Sandbox::raw(&files);
    let codes = |arguments: &dyn Fn(usize) -> Vec<String>| {
        let start = |it: usize| {
            let arguments = arguments(it);
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            let mut command = sandbox.command(&[&arguments, &["--wait", "120", "-q"][..]].concat());
            command.stderr(std::process::Stdio::null()).spawn().expect("the program runs")
        };
        let children: Vec<_> = (0..N).map(start).collect();
        let mut codes: Vec<_> = children.into_iter().map(|mut it| it.wait().expect("it ends").code()).collect();
        codes.sort();
        codes
    };
    assert_eq!(codes(&|it| vec!["register".to_owned(), names[it].clone()]), [Some(0); N]);
    let listed = sandbox.json(&["list", "a?.txt", "--format", "json"]);
    let ids = listed["assets"].as_array().expect("assets").iter().map(|it| it["asset_id"].as_u64());
    assert!(ids.eq((1..=N as u64).map(Some)), "{listed}");
    let one_of_them = codes(&|it| vec!["rename".to_owned(), format!("assets/free/{}", names[it]), "mine".to_owned()]);
    assert_eq!((one_of_them[0], &one_of_them[1..]), (Some(0), &[Some(1); N - 1][..]));
    assert_eq!(codes(&|it| vec!["rename".to_owned(), format!("assets/{}", names[it]), format!("b{it}")]), [Some(0); N]);
    let renamed = String::from_utf8(sandbox.read("assets/all.txt.asset.json")).expect("text");
    assert_eq!(renamed, dependencies.replace(".txt", "").replace("\"a", "\"b"));
    assert!(sandbox.run(&["build", "-q"]).starts_with("exit 0"));
}

#[test]
fn what_cannot_be_read_and_seems_to_refer_is_told() {
    let sandbox = built();
    sandbox.write(
        "assets/dialog/asset.json",
        "{ \"type\": \"nonsense\", \"dependencies\": [\"coin\", \"../sprites/hero.png\"] }",
    );
    sandbox.write("assets/models/sign.gltf.asset.json", "{ \"dependencies\": [\"coin\"");
    let told = |arguments: &[&str]| {
        let told = sandbox.run(&[arguments, &["--dry-run"]].concat());
        let is_meant = |it: &&str| it.contains("cannot be read") || it.starts_with("exit");
        told.lines().filter(is_meant).map(|it| format!("{it}\n")).collect::<String>()
    };
    expect![[r#"
        exit 0
        warning: `assets/dialog/asset.json` cannot be read and seems to refer to `coin`; mend it by hand
        warning: `assets/models/sign.gltf.asset.json` cannot be read and seems to refer to `coin`; mend it by hand
    "#]]
    .assert_eq(&told(&["rename", "coin", "gold"]));
    expect![[r#"
        exit 0
        warning: `assets/dialog/asset.json` cannot be read and seems to refer to `hero.png`; mend it by hand
    "#]]
    .assert_eq(&told(&["move", "assets/sprites/hero.png", "assets/knight.png"]));
    // What moves itself is told by the path that it has then.
    expect![[r#"
        exit 0
        warning: `assets/talk/asset.json` cannot be read, and what it refers to is left as it is; mend it by hand
    "#]]
    .assert_eq(&told(&["move", "assets/dialog", "assets/talk"]));
    expect![[r#"
        exit 0
        warning: `assets/dialog/asset.json` cannot be read and seems to refer to `coin`; mend it by hand
        warning: `assets/models/sign.gltf.asset.json` cannot be read and seems to refer to `coin`; mend it by hand
    "#]]
    .assert_eq(&told(&["remove", "coin"]));
    expect![[r#"
        exit 0
        warning: `assets/dialog/asset.json` cannot be read and seems to refer to `hero.png`; mend it by hand
    "#]]
    .assert_eq(&told(&["exclude", "assets/sprites/hero.png", "--force"]));
    let document = sandbox.json(&["rename", "coin", "gold", "--format", "json"]);
    assert!(document["notes"].to_string().contains("mend it by hand"), "{document}");
}

#[test]
fn what_programs_are_told() {
    let sandbox = built();
    for arguments in [
        &["rename", "coin", "gold", "--dry-run"][..],
        &["rename", "coin", "gold"],
        &["rename", "gold", "gold"],
        &["exclude", "credits.txt"],
        &["include", "credits.txt"],
        &["move", "assets/credits.txt", "assets/thanks.txt", "--dry-run"],
        &["remove", "credits.txt"],
        &["register"],
        &["register", "--refresh"],
        &["undo", "--dry-run"],
        &["undo"],
    ] {
        let document = sandbox.json(&[arguments, &["--format", "json"]].concat());
        assert_eq!(schema::problems("write", &document), Vec::<String>::new(), "{arguments:?}: {document}");
    }
    let document = sandbox.json(&["rename", "nothing", "x", "--format", "json"]);
    assert_eq!(schema::problems("failure", &document), Vec::<String>::new());
    expect![[r#"
        exit 1
        --- stdout
        {
          "version": 1,
          "error": {
            "exit_code": 1,
            "message": "the workspace has errors: `assets/dialog` depends on `gold`"
          },
          "diagnostics": [
            {
              "code": "PW0501",
              "severity": "error",
              "message": "`assets/dialog` depends on `gold`",
              "place": {
                "path": "assets/dialog/asset.json",
                "line": 9,
                "column": 20,
                "start": 373,
                "end": 379
              },
              "help": "take the reference out first, or say --force: then the next build tells of it"
            }
          ]
        }
        --- stderr
        error: the workspace has errors: `assets/dialog` depends on `gold`
    "#]]
    .assert_eq(&sandbox.run(&["exclude", "gold", "--format", "json"]));
}

/// Absent is not taken back: of an earlier commit that made a file, all that it made would have to be absent.
#[test]
fn a_file_that_was_moved_on_is_not_taken_back() {
    let sandbox = Sandbox::demo();
    sandbox.run(&["build", "-q"]);
    sandbox.run(&["move", "-q", "credits.txt", "assets/a.txt"]);
    sandbox.rename("assets/a.txt", "assets/b.txt");
    let told = sandbox.run(&["undo"]);
    assert!(told.starts_with("exit 1\n") && told.contains("`assets/a.txt` was changed since"), "{told}");
    sandbox.rename("assets/b.txt", "assets/a.txt");
    assert!(sandbox.run(&["undo"]).starts_with("exit 0\n"));
    assert!(sandbox.path("assets/credits.txt").exists());
}
