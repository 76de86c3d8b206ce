//! R5, clause by clause: a build with an error publishes nothing, unless its profile leaves out what is broken; and
//! what that can never mean.

use expect_test::expect;

use super::support::{check, check_each};

/// All errors in one run, of all stages, sorted by place; nothing is registered or published, and the last good pack
/// stays as it was (which every scenario checks).
#[test]
fn a_build_with_errors_publishes_nothing_and_reports_all() {
    check(
        r#"
//- /assets/good.txt
good
//- build --quiet
//- /assets/z.txt.asset.json
{ "type": "rawr" }
//- /assets/z.txt
z
//- hex /assets/m/broken.png 00
//- fifo /assets/f.txt
//- /assets/a/asset.json
{ "type": "raw", "inputs": ["gone.bin"], "dependencies": ["gone"] }
//- /assets/model.gltf
{ "asset": {"version": "2.0"}, "buffers": [{"uri": "gone.bin", "byteLength": 1}] }
//- /assets/new.txt
new
//- build
//- registry
//- pack
"#,
        expect![[r#"
            build 1: written, 1 asset in the pack
            build 2: refused
              error[PW0016] assets/a/asset.json:1:59: `gone` names no asset
                help: `packwright list` shows all names; a path begins with `./`, `../` or `/`
              error[PW0101] assets/f.txt: `assets/f.txt` is a FIFO, socket or device
                help: put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
              error[PW0312] assets/m/broken.png: this is not a PNG but something that is not known here
                help: `image` reads PNG; convert the file, or give the asset the type `raw`
              error[PW0321] assets/model.gltf:1:52: `buffers[0]` names `gone.bin`, which is not there
                help: add the file, or correct the `uri`, which is seen from the model
              error[PW0008] assets/z.txt.asset.json:1:11: there is no type `rawr`
                help: did you mean `raw`?
            registry:
              1 assets/good.txt
            pack:
              1 raw good.txt: A (5 bytes)
        "#]],
    );
}

/// With `broken = "omit"` the same workspace is published without what is broken.
#[test]
fn what_is_broken_is_left_out_where_the_profile_says_so() {
    check_each(
        r#"
## claims, declarations, references and processing that fail because of their inputs
//- /assets/z.txt.asset.json
{ "type": "rawr" }
//- /assets/z.txt
z
//- hex /assets/m/broken.png 00
//- fifo /assets/f.txt
//- ln /assets/l.txt -> ../..
//- /assets/a/asset.json
{ "type": "raw", "inputs": ["gone.bin"] }
//- /assets/b/asset.json
{ "type": "raw", "dependencies": ["gone"] }
//- /assets/b/b.bin
b
//- /assets/c/asset.json
{ "type": "raw", "oops": 1 }
//- /assets/c/c.bin
c
//- /assets/model.gltf
{ "asset": {"version": "2.0"}, "buffers": [{"uri": "gone.bin", "byteLength": 1}] }
//- build lenient
//- registry
//- pack lenient
## all parties of a clash
//- /assets/a.txt.asset.json
{ "name": "same" }
//- /assets/a.txt
a
//- /assets/b.txt.asset.json
{ "name": "same" }
//- /assets/b.txt
b
//- build lenient
//- registry
//- pack lenient
## who refers to what is broken stays
//- /assets/a.txt.asset.json
{ "dependencies": ["./x.png"] }
//- /assets/a.txt
a
//- hex /assets/x.png 00
//- build lenient
//- pack lenient
## who depends on what cannot even be declared does not
//- /assets/a.txt.asset.json
{ "dependencies": ["./b.dat"] }
//- /assets/a.txt
a
//- /assets/b.dat.asset.json
{}
//- /assets/b.dat
b
//- build lenient
//- pack lenient
## who depends on what is excluded does not
//- /assets/a.txt.asset.json
{ "dependencies": ["b.txt"] }
//- /assets/a.txt
a
//- /assets/b.txt.asset.json
{ "exclude": true }
//- /assets/b.txt
b
//- build
//- build lenient
//- pack lenient
## who depends on what this profile excludes stays
//- /assets/a.txt.asset.json
{ "dependencies": ["b.txt"] }
//- /assets/a.txt
a
//- /assets/b.txt.asset.json
{ "profiles": { "dev": { "exclude": true } } }
//- /assets/b.txt
b
//- build
//- pack
## what is broken is broken elsewhere as well
//- /assets/m/a.gltf
{ "asset": {"version": "2.0"}, "buffers": [{"uri": "../gone.bin", "byteLength": 1}] }
//- build lenient
//- mkdir /assets/deep
//- mv /assets/m /assets/deep/m
//- build lenient
## what is broken keeps its identity and comes back with it
//- /assets/a.txt
a
//- build lenient
//- registry
//- rm /assets/a.txt
//- fifo /assets/a.txt
//- build lenient
//- registry
//- rm /assets/a.txt
//- /assets/a.txt
a
//- build lenient
//- registry
"#,
        expect![[r#"
            ## claims, declarations, references and processing that fail because of their inputs
            build 1: written, 1 asset in the pack
              register `assets/a` as 1
              register `assets/b` as 2
              register `assets/c` as 3
              register `assets/f.txt` as 4
              register `assets/good.txt` as 5
              register `assets/l.txt` as 6
              register `assets/m/broken.png` as 7
              register `assets/model.gltf` as 8
              digested 10
              processed image: assets/m [broken.png]
              processed model: assets [model.gltf]
              processed raw: assets [good.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0015] assets/a/asset.json:1:29: the input `gone.bin` is not there
                help: `assets/a` is left out of the pack; `assets/a/gone.bin` was looked for; add it, or take it out of `inputs`
              warning[PW0016] assets/b/asset.json:1:35: `gone` names no asset
                help: `assets/b` is left out of the pack; `packwright list` shows all names; a path begins with `./`, `../` or `/`
              warning[PW0003] assets/c/asset.json:1:18: unknown field `oops`
                help: `assets/c` is left out of the pack; the fields here are `$schema`, `name`, `type`, `inputs`, `settings`, `profiles`, `presets`, `codec`, `preload`, `tags`, `dependencies`, `exclude`
              warning[PW0101] assets/f.txt: `assets/f.txt` is a FIFO, socket or device
                help: `assets/f.txt` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
              warning[PW0102] assets/l.txt: `assets/l.txt` is a link to what is no source: outside the workspace, hidden, packwright's own or no regular file
                help: `assets/l.txt` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
              warning[PW0312] assets/m/broken.png: this is not a PNG but something that is not known here
                help: `assets/m/broken.png` is left out of the pack; `image` reads PNG; convert the file, or give the asset the type `raw`
              warning[PW0321] assets/model.gltf:1:52: `buffers[0]` names `gone.bin`, which is not there
                help: `assets/model.gltf` is left out of the pack; add the file, or correct the `uri`, which is seen from the model
              warning[PW0008] assets/z.txt.asset.json:1:11: there is no type `rawr`
                help: `assets/z.txt` is left out of the pack; did you mean `raw`?
            registry:
              1 assets/a
              2 assets/b
              3 assets/c
              4 assets/f.txt
              5 assets/good.txt
              6 assets/l.txt
              7 assets/m/broken.png
              8 assets/model.gltf
            pack:
              5 raw good.txt: A (4 bytes)

            ## all parties of a clash
            build 1: written, 1 asset in the pack
              register `assets/a.txt` as 1
              register `assets/b.txt` as 2
              register `assets/good.txt` as 3
              digested 5
              processed raw: assets [good.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0012] assets/a.txt.asset.json:1:11: two assets are named `same`
                assets/b.txt.asset.json:1:11: the other one is declared here
                help: `assets/a.txt` is left out of the pack; `assets/b.txt` has this name too; give one of them another `name`
              warning[PW0012] assets/b.txt.asset.json:1:11: two assets are named `same`
                assets/a.txt.asset.json:1:11: the other one is declared here
                help: `assets/b.txt` is left out of the pack; `assets/a.txt` has this name too; give one of them another `name`
            registry:
              1 assets/a.txt
              2 assets/b.txt
              3 assets/good.txt
            pack:
              3 raw good.txt: A (4 bytes)

            ## who refers to what is broken stays
            build 1: written, 2 assets in the pack
              register `assets/a.txt` as 1
              register `assets/good.txt` as 2
              register `assets/x.png` as 3
              digested 4
              processed image: assets [x.png]
              processed raw: assets [a.txt]
              processed raw: assets [good.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0406] assets/a.txt: `assets/a.txt` refers to `assets/x.png`, which is not in the pack
              warning[PW0312] assets/x.png: this is not a PNG but something that is not known here
                help: `assets/x.png` is left out of the pack; `image` reads PNG; convert the file, or give the asset the type `raw`
            pack:
              1 raw a.txt: A (2 bytes) -> [3]
              2 raw good.txt: B (4 bytes)

            ## who depends on what cannot even be declared does not
            build 1: written, 1 asset in the pack
              register `assets/a.txt` as 1
              register `assets/good.txt` as 2
              digested 5
              processed raw: assets [good.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0016] assets/a.txt.asset.json:1:20: `./b.dat` names no asset
                help: `assets/a.txt` is left out of the pack; `packwright list` shows all names; a path begins with `./`, `../` or `/`
              warning[PW0017] assets/b.dat.asset.json:1:1: the declaration says no type
                help: `assets/b.dat` is left out of the pack; say its `type`, or write a rule that matches its file
            pack:
              2 raw good.txt: A (4 bytes)

            ## who depends on what is excluded does not
            build 1: refused
              error[PW0016] assets/a.txt.asset.json:1:20: `b.txt` is excluded from every pack
            build 2: written, 1 asset in the pack
              register `assets/a.txt` as 1
              register `assets/good.txt` as 2
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0016] assets/a.txt.asset.json:1:20: `b.txt` is excluded from every pack
                help: `assets/a.txt` is left out of the pack
            pack:
              2 raw good.txt: A (4 bytes)

            ## who depends on what this profile excludes stays
            build 1: written, 2 assets in the pack
              register `assets/a.txt` as 1
              register `assets/b.txt` as 2
              register `assets/good.txt` as 3
              digested 5
              processed raw: assets [a.txt]
              processed raw: assets [good.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0406] assets/a.txt: `assets/a.txt` refers to `assets/b.txt`, which is not in the pack
            pack:
              1 raw a.txt: A (2 bytes) -> [2]
              3 raw good.txt: B (4 bytes)

            ## what is broken is broken elsewhere as well
            build 1: written, 1 asset in the pack
              register `assets/good.txt` as 1
              register `assets/m/a.gltf` as 2
              digested 2
              processed model: assets/m [a.gltf]
              processed raw: assets [good.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0321] assets/m/a.gltf:1:52: `buffers[0]` names `../gone.bin`, which is not there
                help: `assets/m/a.gltf` is left out of the pack; add the file, or correct the `uri`, which is seen from the model
            build 2: unchanged, 1 asset in the pack
              move 2 from `assets/m/a.gltf` to `assets/deep/m/a.gltf`
              digested 1
              warning[PW0321] assets/deep/m/a.gltf:1:52: `buffers[0]` names `../gone.bin`, which is not there
                help: `assets/deep/m/a.gltf` is left out of the pack; add the file, or correct the `uri`, which is seen from the model

            ## what is broken keeps its identity and comes back with it
            build 1: written, 2 assets in the pack
              register `assets/a.txt` as 1
              register `assets/good.txt` as 2
              digested 2
              processed raw: assets [a.txt]
              processed raw: assets [good.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
            registry:
              1 assets/a.txt
              2 assets/good.txt
            build 2: written, 1 asset in the pack
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0101] assets/a.txt: `assets/a.txt` is a FIFO, socket or device
                help: `assets/a.txt` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
            registry:
              1 assets/a.txt
              2 assets/good.txt
            build 3: written, 2 assets in the pack
              digested 1
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
            registry:
              1 assets/a.txt
              2 assets/good.txt

        "#]],
    );
}

/// Configuration, registry, I/O: these stop every build.
#[test]
fn what_no_profile_can_leave_out() {
    check_each(
        r#"
## the configuration
//- /packwright.toml
workspace = "01234567-89ab-8def-8123-456789abcdef"
[[roots]]
path = "gone"
[profiles.lenient]
broken = "omit"
//- build lenient
## the registry
//- rm /packwright.registry/0.jsonl
//- build lenient
## I/O
//- /assets/a.txt
a
//- mode /assets/a.txt 000
//- build lenient
"#,
        expect![[r#"
            ## the configuration
            build 1: refused
              error[PW0021] packwright.toml: the root `gone` is not a directory
                help: create it, or take it out of `[[roots]]`

            ## the registry
            build 1: refused
              error[PW0201] packwright.registry/0.jsonl: `packwright.registry/0.jsonl` is absent
                help: restore it from version control; packwright never starts it anew, or every identity would be lost

            ## I/O
            build 1: unreadable
              error[PW0109] assets/a.txt: `assets/a.txt` cannot be read: permission denied
                help: check its permissions and the disk it lies on

        "#]],
    );
}

/// A null build repeats the warnings of the build that made the pack.
#[test]
fn warnings_are_repeated() {
    check(
        r#"
//- hex /assets/x.png 00
//- /assets/good.txt
good
//- build lenient --quiet
//- build lenient --quiet
//- restart
//- build lenient --quiet
"#,
        expect![[r#"
            build 1: written, 1 asset in the pack
              warning[PW0312] assets/x.png: this is not a PNG but something that is not known here
                help: `assets/x.png` is left out of the pack; `image` reads PNG; convert the file, or give the asset the type `raw`
            build 2: up to date, 1 asset in the pack
              warning[PW0312] assets/x.png: this is not a PNG but something that is not known here
                help: `assets/x.png` is left out of the pack; `image` reads PNG; convert the file, or give the asset the type `raw`
            build 3: up to date, 1 asset in the pack
              warning[PW0312] assets/x.png: this is not a PNG but something that is not known here
                help: `assets/x.png` is left out of the pack; `image` reads PNG; convert the file, or give the asset the type `raw`
        "#]],
    );
}
