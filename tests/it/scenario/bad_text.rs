//! Bad declarations and bad configurations, each answered with a place and a sentence.

use expect_test::expect;

use super::support::{World, at, check_each};

#[test]
fn declarations() {
    check_each(
        r#"
## not JSON
//- /assets/hero/asset.json
{ "type": "raw", "inputs": ["a.bin" }
## empty
//- /assets/hero/asset.json
## an array
//- /assets/hero/asset.json
[]
## not UTF-8
//- hex /assets/hero/asset.json 7b 22 ff 22 7d
## two keys alike
//- /assets/hero/asset.json
{ "type": "raw", "type": "image" }
## an unknown field
//- /assets/hero/asset.json
{ "type": "raw", "input": ["a.bin"] }
//- /assets/hero/a.bin
a
## an unknown field of a profile
//- /assets/hero/asset.json
{ "type": "raw", "profiles": { "release": { "codek": "zstd" } } }
//- /assets/hero/a.bin
a
## an unknown profile
//- /assets/hero/asset.json
{ "type": "raw", "profiles": { "relase": { "codec": "zstd" } } }
//- /assets/hero/a.bin
a
## wrong types
//- /assets/hero/asset.json
{ "type": 1, "inputs": "a.bin", "preload": "yes", "tags": {}, "codec": "gzip", "settings": [] }
## fields of the registry
//- /assets/hero/asset.json
{ "type": "raw", "asset_id": 17, "asset_uuid": "x", "was": [] }
//- /assets/hero/a.bin
a
## an unknown type
//- /assets/hero/asset.json
{ "type": "imgae" }
## no type
//- /assets/hero/asset.json
{ "inputs": ["a.bin"] }
## an unknown setting
//- /assets/x.png.asset.json
{ "settings": { "formt": "rgba8" } }
//- png /assets/x.png 1x1
## a setting of the wrong type
//- /assets/x.png.asset.json
{ "settings": { "format": "rgba9", "max_width": -1 } }
//- png /assets/x.png 1x1
## an unknown preset
//- /assets/hero/asset.json
{ "type": "raw", "presets": ["big"] }
//- /assets/hero/a.bin
a
## inputs that leave
//- /assets/hero/asset.json
{ "type": "raw", "inputs": ["../../../etc/passwd", "/etc/passwd", "a//b", "C:\\x", "a\\b", ""] }
## inputs that leave the roots
//- /assets/hero/asset.json
{ "type": "raw", "inputs": ["../../packwright.toml", "../../build/dev/main.pack", ".hidden", "../.git/x", "../../elsewhere"] }
## globs that leave or are none
//- /assets/hero/asset.json
{ "type": "raw", "inputs": ["../../../*.bin", "a[", "**x/*.bin"] }
## inputs that are not there
//- /assets/hero/asset.json
{ "type": "raw", "inputs": ["a.bin", "*.wav"] }
## no inputs
//- /assets/hero/asset.json
{ "type": "raw", "inputs": [] }
## a directory without files
//- /assets/hero/asset.json
{ "type": "raw" }
## a name that is none
//- /assets/hero/asset.json
{ "type": "raw", "name": "./x" }
//- /assets/hero/a.bin
a
## two of one name
//- /assets/a.txt.asset.json
{ "name": "same" }
//- /assets/a.txt
a
//- /assets/b.txt.asset.json
{
  "name": "same" }
//- /assets/b.txt
b
//- /assets/c.txt.asset.json
{ "name": "same" }
//- /assets/c.txt
c
## a sidecar without its file
//- /assets/gone.txt.asset.json
{}
## a sidecar of a directory
//- /assets/dir.asset.json
{ "type": "raw" }
//- /assets/dir/a.bin
a
## a sidecar with inputs
//- /assets/a.txt.asset.json
{ "inputs": ["b.txt"] }
//- /assets/a.txt
a
## a sidecar without a type or a rule
//- /assets/a.dat.asset.json
{}
//- /assets/a.dat
a
## a sidecar of a sidecar
//- /assets/a.txt.asset.json.asset.json
{ "type": "raw" }
//- /assets/a.txt.asset.json
{}
//- /assets/a.txt
a
## a declaration that is too large
//- zeros /assets/hero/asset.json 2000000
//- zeros /assets/a.txt.asset.json 1048577
//- /assets/a.txt
a
## dependencies that name nothing
//- /assets/hero/asset.json
{ "type": "raw", "dependencies": ["god.txt", "./x", "../good.txt", "uuid:01234567-89ab-8def-8123-456789abcdef", "uuid:x", "/../x", "../../../x"] }
//- /assets/hero/a.bin
a
## a circle of dependencies
//- /assets/a.txt.asset.json
{ "dependencies": ["b.txt"] }
//- /assets/a.txt
a
//- /assets/b.txt.asset.json
{ "dependencies": ["./a.txt"] }
//- /assets/b.txt
b
## a dependency on itself
//- /assets/a.txt.asset.json
{ "dependencies": ["a.txt"] }
//- /assets/a.txt
a
## the root as an asset
//- /packwright.toml
workspace = "01234567-89ab-8def-8123-456789abcdef"
[[roots]]
path = "."
[[rules]]
match = "**/*.txt"
type = "raw"
[profiles.lenient]
broken = "omit"
//- /asset.json
{ "type": "raw" }
"#,
        expect![[r###"
            ## not JSON
            build 1: refused
              error[PW0001] assets/hero/asset.json:1:37: unexpected close brace
            build 2: written, 1 asset in the pack
              warning[PW0001] assets/hero/asset.json:1:37: unexpected close brace
                help: `assets/hero` is left out of the pack

            ## empty
            build 1: refused
              error[PW0001] assets/hero/asset.json:1:1: the file holds no value; expected an object
            build 2: written, 1 asset in the pack
              warning[PW0001] assets/hero/asset.json:1:1: the file holds no value; expected an object
                help: `assets/hero` is left out of the pack

            ## an array
            build 1: refused
              error[PW0004] assets/hero/asset.json:1:1: expected an object, found an array
            build 2: written, 1 asset in the pack
              warning[PW0004] assets/hero/asset.json:1:1: expected an object, found an array
                help: `assets/hero` is left out of the pack

            ## not UTF-8
            build 1: refused
              error[PW0011] assets/hero/asset.json:1:3: the file is not UTF-8: byte 2 is 0xff
                help: save it as UTF-8
            build 2: written, 1 asset in the pack
              warning[PW0011] assets/hero/asset.json:1:3: the file is not UTF-8: byte 2 is 0xff
                help: `assets/hero` is left out of the pack; save it as UTF-8

            ## two keys alike
            build 1: refused
              error[PW0002] assets/hero/asset.json:1:18: the key `type` is given twice
                assets/hero/asset.json:1:3: first given here
            build 2: written, 1 asset in the pack
              warning[PW0002] assets/hero/asset.json:1:18: the key `type` is given twice
                assets/hero/asset.json:1:3: first given here
                help: `assets/hero` is left out of the pack

            ## an unknown field
            build 1: refused
              error[PW0003] assets/hero/asset.json:1:18: unknown field `input`
                help: did you mean `inputs`?
            build 2: written, 1 asset in the pack
              warning[PW0003] assets/hero/asset.json:1:18: unknown field `input`
                help: `assets/hero` is left out of the pack; did you mean `inputs`?

            ## an unknown field of a profile
            build 1: refused
              error[PW0003] assets/hero/asset.json:1:45: unknown field `codek`
                help: did you mean `codec`?
            build 2: written, 1 asset in the pack
              warning[PW0003] assets/hero/asset.json:1:45: unknown field `codek`
                help: `assets/hero` is left out of the pack; did you mean `codec`?

            ## an unknown profile
            build 1: refused
              error[PW0019] assets/hero/asset.json:1:32: there is no profile `relase`
                help: did you mean `release`?
            build 2: written, 1 asset in the pack
              warning[PW0019] assets/hero/asset.json:1:32: there is no profile `relase`
                help: `assets/hero` is left out of the pack; did you mean `release`?

            ## wrong types
            build 1: refused
              error[PW0004] assets/hero/asset.json:1:11: expected a string, found `1`
              error[PW0004] assets/hero/asset.json:1:24: expected an array, found the string `a.bin`
                help: write `["a.bin"]`
              error[PW0004] assets/hero/asset.json:1:44: expected `true` or `false`, found the string `yes`
              error[PW0004] assets/hero/asset.json:1:59: expected an array, found an object
              error[PW0004] assets/hero/asset.json:1:72: `gzip` is not possible here
                help: the possible values are `none`, `lz4`, `zstd`
              error[PW0004] assets/hero/asset.json:1:92: expected an object, found an array
            build 2: written, 1 asset in the pack
              warning[PW0004] assets/hero/asset.json:1:11: expected a string, found `1`
                help: `assets/hero` is left out of the pack
              warning[PW0004] assets/hero/asset.json:1:24: expected an array, found the string `a.bin`
                help: `assets/hero` is left out of the pack; write `["a.bin"]`
              warning[PW0004] assets/hero/asset.json:1:44: expected `true` or `false`, found the string `yes`
                help: `assets/hero` is left out of the pack
              warning[PW0004] assets/hero/asset.json:1:59: expected an array, found an object
                help: `assets/hero` is left out of the pack
              warning[PW0004] assets/hero/asset.json:1:72: `gzip` is not possible here
                help: `assets/hero` is left out of the pack; the possible values are `none`, `lz4`, `zstd`
              warning[PW0004] assets/hero/asset.json:1:92: expected an object, found an array
                help: `assets/hero` is left out of the pack

            ## fields of the registry
            build 1: refused
              error[PW0005] assets/hero/asset.json:1:18: `asset_id`, the number of an asset, is not written by hand
                help: it lives in `packwright.registry/`, which packwright keeps; take the field out
              error[PW0005] assets/hero/asset.json:1:34: `asset_uuid`, the identity of an asset, is not written by hand
                help: it lives in `packwright.registry/`, which packwright keeps; take the field out
              error[PW0005] assets/hero/asset.json:1:53: `was`, the history of a registry line, is not written by hand
                help: it lives in `packwright.registry/`, which packwright keeps; take the field out
            build 2: written, 1 asset in the pack
              warning[PW0005] assets/hero/asset.json:1:18: `asset_id`, the number of an asset, is not written by hand
                help: `assets/hero` is left out of the pack; it lives in `packwright.registry/`, which packwright keeps; take the field out
              warning[PW0005] assets/hero/asset.json:1:34: `asset_uuid`, the identity of an asset, is not written by hand
                help: `assets/hero` is left out of the pack; it lives in `packwright.registry/`, which packwright keeps; take the field out
              warning[PW0005] assets/hero/asset.json:1:53: `was`, the history of a registry line, is not written by hand
                help: `assets/hero` is left out of the pack; it lives in `packwright.registry/`, which packwright keeps; take the field out

            ## an unknown type
            build 1: refused
              error[PW0008] assets/hero/asset.json:1:11: there is no type `imgae`
                help: did you mean `image`?
            build 2: written, 1 asset in the pack
              warning[PW0008] assets/hero/asset.json:1:11: there is no type `imgae`
                help: `assets/hero` is left out of the pack; did you mean `image`?

            ## no type
            build 1: refused
              error[PW0017] assets/hero/asset.json:1:1: the declaration says no type
                help: say its `type`
            build 2: written, 1 asset in the pack
              warning[PW0017] assets/hero/asset.json:1:1: the declaration says no type
                help: `assets/hero` is left out of the pack; say its `type`

            ## an unknown setting
            build 1: refused
              error[PW0003] assets/x.png.asset.json:1:17: unknown field `formt`
                help: did you mean `format`?
            build 2: written, 1 asset in the pack
              warning[PW0003] assets/x.png.asset.json:1:17: unknown field `formt`
                help: `assets/x.png` is left out of the pack; did you mean `format`?

            ## a setting of the wrong type
            build 1: refused
              error[PW0004] assets/x.png.asset.json:1:27: `rgba9` is not possible here
                help: did you mean `rgba8`?
              error[PW0004] assets/x.png.asset.json:1:49: expected a whole number from 0 to 4294967295, found `-1`
            build 2: written, 1 asset in the pack
              warning[PW0004] assets/x.png.asset.json:1:27: `rgba9` is not possible here
                help: `assets/x.png` is left out of the pack; did you mean `rgba8`?
              warning[PW0004] assets/x.png.asset.json:1:49: expected a whole number from 0 to 4294967295, found `-1`
                help: `assets/x.png` is left out of the pack

            ## an unknown preset
            build 1: refused
              error[PW0009] assets/hero/asset.json:1:30: there is no preset `big`
                help: there are no presets
            build 2: written, 1 asset in the pack
              warning[PW0009] assets/hero/asset.json:1:30: there is no preset `big`
                help: `assets/hero` is left out of the pack; there are no presets

            ## inputs that leave
            build 1: refused
              error[PW0006] assets/hero/asset.json:1:29: `../../../etc/passwd` leads out of the workspace
              error[PW0006] assets/hero/asset.json:1:52: `/etc/passwd` is absolute; paths are relative
              error[PW0006] assets/hero/asset.json:1:67: `a//b` has an empty component
              error[PW0006] assets/hero/asset.json:1:75: `C:\x` has a backslash; components are separated by `/`
              error[PW0006] assets/hero/asset.json:1:84: `a\b` has a backslash; components are separated by `/`
              error[PW0006] assets/hero/asset.json:1:92: the path is empty
            build 2: written, 1 asset in the pack
              warning[PW0006] assets/hero/asset.json:1:29: `../../../etc/passwd` leads out of the workspace
                help: `assets/hero` is left out of the pack
              warning[PW0006] assets/hero/asset.json:1:52: `/etc/passwd` is absolute; paths are relative
                help: `assets/hero` is left out of the pack
              warning[PW0006] assets/hero/asset.json:1:67: `a//b` has an empty component
                help: `assets/hero` is left out of the pack
              warning[PW0006] assets/hero/asset.json:1:75: `C:\x` has a backslash; components are separated by `/`
                help: `assets/hero` is left out of the pack
              warning[PW0006] assets/hero/asset.json:1:84: `a\b` has a backslash; components are separated by `/`
                help: `assets/hero` is left out of the pack
              warning[PW0006] assets/hero/asset.json:1:92: the path is empty
                help: `assets/hero` is left out of the pack

            ## inputs that leave the roots
            build 1: refused
              error[PW0112] assets/hero/asset.json:1:29: the input `../../packwright.toml` lies outside the workspace's roots
              error[PW0112] assets/hero/asset.json:1:54: the input `../../build/dev/main.pack` lies outside the workspace's roots
              error[PW0112] assets/hero/asset.json:1:83: the input `.hidden` is hidden (a name in it begins with a dot), and hidden files are no sources
              error[PW0112] assets/hero/asset.json:1:94: the input `../.git/x` is hidden (a name in it begins with a dot), and hidden files are no sources
              error[PW0112] assets/hero/asset.json:1:107: the input `../../elsewhere` lies outside the workspace's roots
            build 2: written, 1 asset in the pack
              warning[PW0112] assets/hero/asset.json:1:29: the input `../../packwright.toml` lies outside the workspace's roots
                help: `assets/hero` is left out of the pack
              warning[PW0112] assets/hero/asset.json:1:54: the input `../../build/dev/main.pack` lies outside the workspace's roots
                help: `assets/hero` is left out of the pack
              warning[PW0112] assets/hero/asset.json:1:83: the input `.hidden` is hidden (a name in it begins with a dot), and hidden files are no sources
                help: `assets/hero` is left out of the pack
              warning[PW0112] assets/hero/asset.json:1:94: the input `../.git/x` is hidden (a name in it begins with a dot), and hidden files are no sources
                help: `assets/hero` is left out of the pack
              warning[PW0112] assets/hero/asset.json:1:107: the input `../../elsewhere` lies outside the workspace's roots
                help: `assets/hero` is left out of the pack

            ## globs that leave or are none
            build 1: refused
              error[PW0006] assets/hero/asset.json:1:29: `../../../*.bin` leads out of the workspace
              error[PW0007] assets/hero/asset.json:1:47: unclosed character class; missing ']'
            build 2: written, 1 asset in the pack
              warning[PW0006] assets/hero/asset.json:1:29: `../../../*.bin` leads out of the workspace
                help: `assets/hero` is left out of the pack
              warning[PW0007] assets/hero/asset.json:1:47: unclosed character class; missing ']'
                help: `assets/hero` is left out of the pack

            ## inputs that are not there
            build 1: refused
              error[PW0015] assets/hero/asset.json:1:29: the input `a.bin` is not there
                help: `assets/hero/a.bin` was looked for; add it, or take it out of `inputs`
              error[PW0015] assets/hero/asset.json:1:38: `*.wav` matches no file below `assets/hero`
            build 2: written, 1 asset in the pack
              warning[PW0015] assets/hero/asset.json:1:29: the input `a.bin` is not there
                help: `assets/hero` is left out of the pack; `assets/hero/a.bin` was looked for; add it, or take it out of `inputs`
              warning[PW0015] assets/hero/asset.json:1:38: `*.wav` matches no file below `assets/hero`
                help: `assets/hero` is left out of the pack

            ## no inputs
            build 1: refused
              error[PW0022] assets/hero/asset.json:1:28: the asset has no inputs
                help: name some, or leave `inputs` out to take every source in the directory
            build 2: written, 1 asset in the pack
              warning[PW0022] assets/hero/asset.json:1:28: the asset has no inputs
                help: `assets/hero` is left out of the pack; name some, or leave `inputs` out to take every source in the directory

            ## a directory without files
            build 1: refused
              error[PW0022] assets/hero/asset.json:1:1: `assets/hero` has no input
                help: put a file into the directory, or name one in `inputs`
            build 2: written, 1 asset in the pack
              warning[PW0022] assets/hero/asset.json:1:1: `assets/hero` has no input
                help: `assets/hero` is left out of the pack; put a file into the directory, or name one in `inputs`

            ## a name that is none
            build 1: refused
              error[PW0004] assets/hero/asset.json:1:26: a name starts with none of `./`, `../`, `/` and `uuid:`: a reference could not tell
            build 2: written, 1 asset in the pack
              warning[PW0004] assets/hero/asset.json:1:26: a name starts with none of `./`, `../`, `/` and `uuid:`: a reference could not tell
                help: `assets/hero` is left out of the pack

            ## two of one name
            build 1: refused
              error[PW0012] assets/a.txt.asset.json:1:11: two assets are named `same`
                assets/b.txt.asset.json:2:11: the other one is declared here
                help: `assets/b.txt` has this name too; give one of them another `name`
              error[PW0012] assets/b.txt.asset.json:2:11: two assets are named `same`
                assets/a.txt.asset.json:1:11: the other one is declared here
                help: `assets/a.txt` has this name too; give one of them another `name`
              error[PW0012] assets/c.txt.asset.json:1:11: two assets are named `same`
                assets/b.txt.asset.json:2:11: the other one is declared here
                help: `assets/b.txt` has this name too; give one of them another `name`
            build 2: written, 1 asset in the pack
              warning[PW0012] assets/a.txt.asset.json:1:11: two assets are named `same`
                assets/b.txt.asset.json:2:11: the other one is declared here
                help: `assets/a.txt` is left out of the pack; `assets/b.txt` has this name too; give one of them another `name`
              warning[PW0012] assets/b.txt.asset.json:2:11: two assets are named `same`
                assets/a.txt.asset.json:1:11: the other one is declared here
                help: `assets/b.txt` is left out of the pack; `assets/a.txt` has this name too; give one of them another `name`
              warning[PW0012] assets/c.txt.asset.json:1:11: two assets are named `same`
                assets/b.txt.asset.json:2:11: the other one is declared here
                help: `assets/c.txt` is left out of the pack; `assets/b.txt` has this name too; give one of them another `name`

            ## a sidecar without its file
            build 1: refused
              error[PW0014] assets/gone.txt.asset.json: there is no file `assets/gone.txt` for this sidecar
                help: move the sidecar along with its file, or remove it; a directory is declared by an `asset.json` inside it
            build 2: written, 1 asset in the pack
              warning[PW0014] assets/gone.txt.asset.json: there is no file `assets/gone.txt` for this sidecar
                help: `assets/gone.txt` is left out of the pack; move the sidecar along with its file, or remove it; a directory is declared by an `asset.json` inside it

            ## a sidecar of a directory
            build 1: refused
              error[PW0014] assets/dir.asset.json: there is no file `assets/dir` for this sidecar
                help: move the sidecar along with its file, or remove it; a directory is declared by an `asset.json` inside it
            build 2: written, 1 asset in the pack
              warning[PW0014] assets/dir.asset.json: there is no file `assets/dir` for this sidecar
                help: `assets/dir` is left out of the pack; move the sidecar along with its file, or remove it; a directory is declared by an `asset.json` inside it

            ## a sidecar with inputs
            build 1: refused
              error[PW0003] assets/a.txt.asset.json:1:3: a sidecar has no `inputs`: its input is the file beside it
                help: for an asset made of several files, put them in a directory with an `asset.json`
            build 2: written, 1 asset in the pack
              warning[PW0003] assets/a.txt.asset.json:1:3: a sidecar has no `inputs`: its input is the file beside it
                help: `assets/a.txt` is left out of the pack; for an asset made of several files, put them in a directory with an `asset.json`

            ## a sidecar without a type or a rule
            build 1: refused
              error[PW0017] assets/a.dat.asset.json:1:1: the declaration says no type
                help: say its `type`, or write a rule that matches its file
            build 2: written, 1 asset in the pack
              warning[PW0017] assets/a.dat.asset.json:1:1: the declaration says no type
                help: `assets/a.dat` is left out of the pack; say its `type`, or write a rule that matches its file

            ## a sidecar of a sidecar
            build 1: refused
              error[PW0014] assets/a.txt.asset.json.asset.json: `assets/a.txt.asset.json` is a declaration and has none of its own
                help: remove one of the two
            build 2: written, 2 assets in the pack
              warning[PW0014] assets/a.txt.asset.json.asset.json: `assets/a.txt.asset.json` is a declaration and has none of its own
                help: `assets/a.txt.asset.json` is left out of the pack; remove one of the two

            ## a declaration that is too large
            build 1: refused
              error[PW0023] assets/a.txt.asset.json: `assets/a.txt.asset.json` is larger than a declaration may be (1024 KiB)
              error[PW0023] assets/hero/asset.json: `assets/hero/asset.json` is larger than a declaration may be (1024 KiB)
            build 2: written, 1 asset in the pack
              warning[PW0023] assets/a.txt.asset.json: `assets/a.txt.asset.json` is larger than a declaration may be (1024 KiB)
                help: `assets/a.txt` is left out of the pack
              warning[PW0023] assets/hero/asset.json: `assets/hero/asset.json` is larger than a declaration may be (1024 KiB)
                help: `assets/hero` is left out of the pack

            ## dependencies that name nothing
            build 1: refused
              error[PW0004] assets/hero/asset.json:1:113: `x` is not a uuid in lower-case hyphenated form
              error[PW0006] assets/hero/asset.json:1:123: `/../x` leads out of the workspace or names no place in it
              error[PW0006] assets/hero/asset.json:1:132: `../../../x` leads out of the workspace or names no place in it
            build 2: written, 1 asset in the pack
              warning[PW0004] assets/hero/asset.json:1:113: `x` is not a uuid in lower-case hyphenated form
                help: `assets/hero` is left out of the pack
              warning[PW0006] assets/hero/asset.json:1:123: `/../x` leads out of the workspace or names no place in it
                help: `assets/hero` is left out of the pack
              warning[PW0006] assets/hero/asset.json:1:132: `../../../x` leads out of the workspace or names no place in it
                help: `assets/hero` is left out of the pack

            ## a circle of dependencies
            build 1: refused
              error[PW0018] assets/a.txt.asset.json:1:20: declared dependencies form a circle: `assets/a.txt` -> `assets/b.txt` -> `assets/a.txt`
                help: take one of these dependencies out
              error[PW0018] assets/b.txt.asset.json:1:20: declared dependencies form a circle: `assets/a.txt` -> `assets/b.txt` -> `assets/a.txt`
                help: take one of these dependencies out
            build 2: written, 1 asset in the pack
              warning[PW0018] assets/a.txt.asset.json:1:20: declared dependencies form a circle: `assets/a.txt` -> `assets/b.txt` -> `assets/a.txt`
                help: `assets/a.txt` is left out of the pack; take one of these dependencies out
              warning[PW0018] assets/b.txt.asset.json:1:20: declared dependencies form a circle: `assets/a.txt` -> `assets/b.txt` -> `assets/a.txt`
                help: `assets/b.txt` is left out of the pack; take one of these dependencies out

            ## a dependency on itself
            build 1: refused
              error[PW0018] assets/a.txt.asset.json:1:20: declared dependencies form a circle: `assets/a.txt` -> `assets/a.txt`
                help: take one of these dependencies out
            build 2: written, 1 asset in the pack
              warning[PW0018] assets/a.txt.asset.json:1:20: declared dependencies form a circle: `assets/a.txt` -> `assets/a.txt`
                help: `assets/a.txt` is left out of the pack; take one of these dependencies out

            ## the root as an asset
            build 1: refused
              error[PW0006] asset.json: the workspace as a whole cannot be one asset
                help: put the asset into a directory of its own
            build 2: written, 0 assets in the pack
              warning[PW0006] asset.json: the workspace as a whole cannot be one asset
                help: `.` is left out of the pack; put the asset into a directory of its own

        "###]],
    );
}

#[test]
fn configurations() {
    check_each(
        r#"
## none
//- rm /packwright.toml
//- build
## empty
//- /packwright.toml
//- build
## not TOML
//- /packwright.toml
workspace = "01234567-89ab-8def-8123-456789abcdef
[[roots]]
path = assets
//- build
## not UTF-8
//- hex /packwright.toml ff fe
//- build
## no uuid and an unknown field
//- /packwright.toml
rots = 1
[[roots]]
path = "assets"
//- build
## a uuid in upper case
//- /packwright.toml
workspace = "01234567-89AB-8DEF-8123-456789ABCDEF"
[[roots]]
path = "assets"
//- build
## wrong types
//- /packwright.toml
workspace = 1
roots = "assets"
rules = [{ match = 1, type = [] }]
[profiles]
dev = 3
//- build
## roots that leave, overlap, are packwright's own or share a name
//- /packwright.toml
workspace = "01234567-89ab-8def-8123-456789abcdef"
[[roots]]
path = "../assets"
[[roots]]
path = "/assets"
[[roots]]
path = "assets"
[[roots]]
path = "assets/ui"
[[roots]]
path = "build"
[[roots]]
path = ".packwright"
[[roots]]
path = "more/assets"
//- build
## a root that is not there
//- /packwright.toml
workspace = "01234567-89ab-8def-8123-456789abcdef"
[[roots]]
path = "asets"
//- build
## a root that is a file
//- /packwright.toml
workspace = "01234567-89ab-8def-8123-456789abcdef"
[[roots]]
path = "assets/good.txt"
//- build
## a rule without a type, one with a bad pattern, one of an unknown type, one for an unknown root
//- /packwright.toml
workspace = "01234567-89ab-8def-8123-456789abcdef"
[[roots]]
path = "assets"
[[rules]]
match = "*.a"
[[rules]]
match = "*.["
type = "raw"
[[rules]]
match = "*.c"
type = "sound"
[[rules]]
match = "*.d"
type = "raw"
root = "asets"
[[rules]]
match = "*.e"
type = "raw"
using = ["x"]
//- build
## presets in a circle
//- /packwright.toml
workspace = "01234567-89ab-8def-8123-456789abcdef"
[[roots]]
path = "assets"
[presets.a]
presets = ["b"]
[presets.b]
presets = ["c"]
[presets.c]
presets = ["a"]
//- build
## profiles in a circle
//- /packwright.toml
workspace = "01234567-89ab-8def-8123-456789abcdef"
[[roots]]
path = "assets"
[profiles.a]
inherits = "b"
[profiles.b]
inherits = "a"
//- build
## a profile that inherits from none that is there, and one that may not
//- /packwright.toml
workspace = "01234567-89ab-8def-8123-456789abcdef"
[[roots]]
path = "assets"
[profiles.a]
inherits = "realese"
[profiles.release]
inherits = "dev"
//- build
## an unknown profile
//- build relase
## settings of a profile for an unknown type, or unknown ones
//- /packwright.toml
workspace = "01234567-89ab-8def-8123-456789abcdef"
[[roots]]
path = "assets"
[profiles.dev.settings.sound]
rate = 1
[profiles.dev.settings.image]
formt = "rgba8"
//- build
"#,
        expect![[r###"
            ## none
            build 1: failed: cannot read `/ws/packwright.toml`

            ## empty
            build 1: refused
              error[PW0020] packwright.toml: `workspace`, the uuid that tells this workspace from all others, is missing
                help: `packwright init` writes one; in an existing workspace, take it from version control
              error[PW0021] packwright.toml: no root is given
                help: say which directory holds the sources: `[[roots]]` and `path = "assets"`

            ## not TOML
            build 1: refused
              error[PW0001] packwright.toml:1:50: invalid basic string, expected `"`
              error[PW0001] packwright.toml:3:8: string values must be quoted, expected literal string

            ## not UTF-8
            build 1: refused
              error[PW0011] packwright.toml:1:1: the file is not UTF-8: byte 0 is 0xff
                help: it looks like UTF-16; save it as UTF-8

            ## no uuid and an unknown field
            build 1: refused
              error[PW0020] packwright.toml: `workspace`, the uuid that tells this workspace from all others, is missing
                help: `packwright init` writes one; in an existing workspace, take it from version control
              error[PW0003] packwright.toml:1:1: unknown field `rots`
                help: did you mean `roots`?

            ## a uuid in upper case
            build 1: refused
              error[PW0020] packwright.toml:1:13: `workspace` is no uuid in lower-case hyphenated form
                help: `packwright init` writes one; in an existing workspace, take it from version control

            ## wrong types
            build 1: refused
              error[PW0004] packwright.toml:1:13: expected a string, found `1`
              error[PW0004] packwright.toml:2:9: expected an array, found the string `assets`
                help: each of these is a table, `[[roots]]`
              error[PW0004] packwright.toml:3:20: expected a string, found `1`
              error[PW0004] packwright.toml:3:30: expected a string, found an array
              error[PW0004] packwright.toml:5:7: expected an object, found `3`

            ## roots that leave, overlap, are packwright's own or share a name
            build 1: refused
              error[PW0006] packwright.toml:3:8: `../assets` is not in normal form: write it without `.` and `..`
              error[PW0006] packwright.toml:5:8: `/assets` is absolute; paths are relative
              error[PW0021] packwright.toml:9:8: the roots `assets/ui` and `assets` overlap
                packwright.toml:7:8: the other root
              error[PW0021] packwright.toml:11:8: `build` is packwright's own and holds no sources
              error[PW0021] packwright.toml:13:8: `.packwright` is packwright's own and holds no sources
              error[PW0021] packwright.toml:15:8: two roots are named `assets`; give one of them another `name`
                packwright.toml:7:8: the other root

            ## a root that is not there
            build 1: refused
              error[PW0021] packwright.toml: the root `asets` is not a directory
                help: create it, or take it out of `[[roots]]`

            ## a root that is a file
            build 1: refused
              error[PW0021] packwright.toml: the root `assets/good.txt` is not a directory, but a file
                help: a root is a directory in the workspace, or a link to one: change it, or what `[[roots]]` says

            ## a rule without a type, one with a bad pattern, one of an unknown type, one for an unknown root
            build 1: refused
              error[PW0017] packwright.toml:5:9: the rule says no type
                help: give it a `type`, such as `type = "raw"`
              error[PW0007] packwright.toml:7:9: unclosed character class; missing ']'
              error[PW0008] packwright.toml:11:8: there is no type `sound`
                help: the types are `audio`, `image`, `model`, `raw`
              error[PW0021] packwright.toml:15:8: there is no root `asets`
                help: did you mean `assets`?
              error[PW0003] packwright.toml:19:1: unknown field `using`
                help: the fields here are `match`, `name`, `with`, `group`, `marker`, `root`, `type`, `settings`, `profiles`, `presets`, `codec`, `preload`, `tags`, `exclude`

            ## presets in a circle
            build 1: refused
              error[PW0010] packwright.toml:4:10: presets refer to each other in a circle: `a` -> `b` -> `c` -> `a`

            ## profiles in a circle
            build 1: refused
              error[PW0026] packwright.toml:4:11: profiles inherit from each other in a circle: `a` -> `b` -> `a`

            ## a profile that inherits from none that is there, and one that may not
            build 1: refused
              error[PW0019] packwright.toml:5:12: there is no profile `realese`
                help: did you mean `release`?
              error[PW0004] packwright.toml:7:12: `release` is built in and inherits from no other profile

            ## an unknown profile
            build 1: refused
              error[PW0019] packwright.toml: there is no profile `relase`
                help: the profiles are `dev`, `lenient`, `release`

            ## settings of a profile for an unknown type, or unknown ones
            build 1: refused
              error[PW0008] packwright.toml:4:24: there is no type `sound`
                help: the types are `audio`, `image`, `model`, `raw`
              error[PW0003] packwright.toml:7:1: unknown field `formt`
                help: did you mean `format`?

        "###]],
    );
}

/// Deeper than any stack: an answer, and at the place where it gets too deep.
#[test]
fn nesting_without_end() {
    let mut told = String::new();
    for (open, close) in [("{\"a\":", "}"), ("[", "]")] {
        let mut world = World::new();
        let deep = format!("{{\"settings\":{}1{}}}", open.repeat(100_000), close.repeat(100_000));
        world.system.write(at("/assets/hero/asset.json"), deep);
        told.push_str(&world.run("//- build"));
    }
    let mut world = World::new();
    let deep = format!("{}\na = {}{}", super::support::CONFIG, "[".repeat(100_000), "]".repeat(100_000));
    world.system.write(at("/packwright.toml"), deep);
    told.push_str(&world.run("//- build"));
    expect![[r#"
        build 1: refused
          error[PW0001] assets/hero/asset.json:1:1289: arrays and objects are nested more than 64 deep
        build 1: refused
          error[PW0001] assets/hero/asset.json:1:523: arrays and objects are nested more than 64 deep
        build 1: refused
          error[PW0001] packwright.toml:16:85: cannot recurse further; max recursion depth met
    "#]]
    .assert_eq(&told);
}
