//! What rules make of several files: groups, companions, directories with a marker; and what write commands do to these.

use expect_test::expect;

use super::support::{check, check_cold, check_each};

const RULES: &str = r#"
//- /packwright.toml
workspace = "01234567-89ab-8def-8123-456789abcdef"
[[roots]]
path = "assets"
[[rules]]
match = "{dir}/{stem}.{n}.ogg"
group = ["dir", "stem"]
with = ["{dir}/{stem}.txt"]
name = "{stem} of {dir}"
type = "raw"
[[rules]]
match = "{dir}/{stem}.wav"
with = ["{dir}/{stem}.cue"]
type = "raw"
[[rules]]
match = "mods/{mod}"
marker = "init.lua"
type = "raw"
[[rules]]
match = "**/*"
type = "raw"
"#;

#[test]
fn members_come_and_go_with_their_group() {
    check_cold(
        &format!(
            "{RULES}
//- /assets/sfx/step.2.ogg
two
//- /assets/sfx/step.10.ogg
ten
//- build
//- pack
//- /assets/sfx/step.1.ogg
one
//- build
//- pack
//- /assets/sfx/step.txt
words
//- build --quiet
//- pack
//- mv /assets/sfx /assets/sounds
//- build --quiet
//- pack
//- rm /assets/sounds/step.1.ogg
//- rm /assets/sounds/step.2.ogg
//- rm /assets/sounds/step.10.ogg
//- build --quiet
//- registry
"
        ),
        expect![[r#"
            build 1: written, 1 asset in the pack
              register `assets/sfx/step.{n}.ogg` as 1
              digested 2
              processed raw: assets/sfx [step.2.ogg, step.10.ogg]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
            pack:
              1 raw step of sfx: A (4 bytes) step.10.ogg=B (4 bytes)
            build 2: written, 1 asset in the pack
              digested 1
              processed raw: assets/sfx [step.1.ogg, step.2.ogg, step.10.ogg]
              wrote main.parts/*.part
              wrote main.pack
            pack:
              1 raw step of sfx: C (4 bytes) step.10.ogg=B (4 bytes) step.2.ogg=A (4 bytes)
            build 3: written, 1 asset in the pack
            pack:
              1 raw step of sfx: C (4 bytes) step.10.ogg=B (4 bytes) step.2.ogg=A (4 bytes) step.txt=D (6 bytes)
            build 4: written, 1 asset in the pack
              warning[PW0206] assets/sfx/step.{n}.ogg: `assets/sfx/step.{n}.ogg` is registered as 1 and not declared any more
                help: bring it back, or run `packwright remove 1` to give it up for good
            pack:
              2 raw step of sounds: C (4 bytes) step.10.ogg=B (4 bytes) step.2.ogg=A (4 bytes) step.txt=D (6 bytes)
            build 5: written, 1 asset in the pack
              warning[PW0206] assets/sfx/step.{n}.ogg: `assets/sfx/step.{n}.ogg` is registered as 1 and not declared any more
                help: bring it back, or run `packwright remove 1` to give it up for good
              warning[PW0206] assets/sounds/step.{n}.ogg: `assets/sounds/step.{n}.ogg` is registered as 2 and not declared any more
                help: bring it back, or run `packwright remove 2` to give it up for good
            registry:
              1 assets/sfx/step.{n}.ogg
              2 assets/sounds/step.{n}.ogg
              3 assets/sounds/step.txt
        "#]],
    );
}

#[test]
fn an_edited_member_moves_nothing_else() {
    check(
        &format!(
            "{RULES}
//- /assets/sfx/a.1.ogg
one
//- /assets/sfx/b.1.ogg
other
//- /assets/sfx/x.wav
wave
//- /assets/sfx/y.wav
wave
//- build --quiet
//- /assets/sfx/a.1.ogg
one, edited
//- build
//- /assets/sfx/x.cue
cue
//- build
//- rm /assets/sfx/x.cue
//- build
"
        ),
        expect![[r#"
            build 1: written, 4 assets in the pack
            build 2: written, 4 assets in the pack
              digested 1
              ran layout(assets)
              ran recipes(assets)
              processed raw: assets/sfx [a.1.ogg]
              wrote main.parts/*.part
              wrote main.pack
            build 3: written, 4 assets in the pack
              digested 1
              ran asset_dirs_in(assets)
              ran declared(assets)
              ran finds_in(assets)
              ran here(assets)
              ran layout(assets)
              ran lone_sidecars_in(assets)
              ran recipes(assets)
              processed raw: assets/sfx [x.wav, x.cue]
              wrote main.parts/*.part
              wrote main.pack
            build 4: written, 4 assets in the pack
              ran asset_dirs_in(assets)
              ran declared(assets)
              ran finds_in(assets)
              ran here(assets)
              ran layout(assets)
              ran lone_sidecars_in(assets)
              ran recipes(assets)
              wrote main.parts/*.part
              wrote main.pack
        "#]],
    );
}

#[test]
fn what_is_ignored_is_not_looked_at() {
    let config = |ignore: &str| {
        let rule =
            "[[rules]]\nmatch = \"**/*.gltf\"\ntype = \"model\"\n[[rules]]\nmatch = \"**/*.bin\"\ntype = \"raw\"";
        let head = "workspace = \"01234567-89ab-8def-8123-456789abcdef\"";
        format!("//- /packwright.toml\n{head}\nignore = [{ignore}]\n[[roots]]\npath = \"assets\"\n{rule}\n")
    };
    let (some, none) = (config("\"/assets/tmp/\", \"*.raw.bin\""), config(""));
    check_cold(
        &format!(
            "{some}
//- /assets/x.bin
x
//- /assets/x.raw.bin
raw
//- /assets/tmp/y.bin
y
//- ln /assets/link.bin -> tmp/y.bin
//- build --quiet
//- rm /assets/link.bin
//- build --quiet
//- pack
//- /assets/m.gltf
{{ \"asset\": {{ \"version\": \"2.0\" }}, \"buffers\": [{{ \"uri\": \"x.raw.bin\", \"byteLength\": 4 }}] }}
//- build --quiet
{none}
//- build --quiet
//- pack
{some}
//- build --quiet
"
        ),
        expect![[r#"
            build 1: refused
              error[PW0102] assets/link.bin: `assets/link.bin` is a link to what is no source: outside the workspace, hidden, packwright's own or no regular file
                help: put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
            build 2: written, 1 asset in the pack
            pack:
              1 raw x.bin: A (2 bytes)
            build 3: refused
              error[PW0112] assets/m.gltf:1:55: `buffers[0]` names `x.raw.bin`, which is not a source: `x.raw.bin` is ignored by `ignore` in packwright.toml, and ignored files are no sources
            build 4: written, 4 assets in the pack
            pack:
              1 raw x.bin: A (2 bytes)
              2 model m.gltf: B (88 bytes)
              3 raw tmp/y.bin: C (2 bytes)
              4 raw x.raw.bin: D (4 bytes)
            build 5: refused
              error[PW0112] assets/m.gltf:1:55: `buffers[0]` names `x.raw.bin`, which is not a source: `x.raw.bin` is ignored by `ignore` in packwright.toml, and ignored files are no sources
              warning[PW0206] assets/tmp/y.bin: `assets/tmp/y.bin` is registered as 3 and not declared any more
                help: bring it back, or run `packwright remove 3` to give it up for good
              warning[PW0206] assets/x.raw.bin: `assets/x.raw.bin` is registered as 4 and not declared any more
                help: bring it back, or run `packwright remove 4` to give it up for good
        "#]],
    );
}

#[test]
fn a_marker_makes_one_asset_of_its_directory() {
    check_cold(
        &format!(
            "{RULES}
//- /assets/mods/m/init.lua
init
//- /assets/mods/m/lib/init.lua
inner
//- /assets/mods/m/step.1.ogg
sound
//- /assets/other/init.lua
no module
//- build --quiet
//- pack
//- mv /assets/mods/m/init.lua /assets/mods/m/main.lua
//- build --quiet
//- registry
"
        ),
        expect![[r#"
            build 1: written, 2 assets in the pack
            pack:
              1 raw mods/m: A (5 bytes) lib/init.lua=B (6 bytes) step.1.ogg=C (6 bytes)
              2 raw other/init.lua: D (10 bytes)
            build 2: written, 4 assets in the pack
              warning[PW0206] assets/mods/m: `assets/mods/m` is registered as 1 and not declared any more
                help: bring it back, or run `packwright remove 1` to give it up for good
            registry:
              1 assets/mods/m
              2 assets/other/init.lua
              3 assets/mods/m/lib/init.lua
              4 assets/mods/m/main.lua
              5 assets/mods/m/step.{n}.ogg
        "#]],
    );
}

#[test]
fn declarations_beat_what_rules_take_together() {
    check_each(
        &format!(
            "
## a sidecar takes a member out
{RULES}
//- /assets/s/x.1.ogg
one
//- /assets/s/x.2.ogg
two
//- /assets/s/x.2.ogg.asset.json
{{ \"type\": \"raw\", \"tags\": [\"alone\"] }}
//- build --quiet
//- pack
## it has to say its type
{RULES}
//- /assets/s/x.2.ogg
two
//- /assets/s/x.2.ogg.asset.json
{{ \"tags\": [\"alone\"] }}
//- build --quiet
## one at the place of a group lies over it
{RULES}
//- /assets/s/x.1.ogg
one
//- /assets/s/x.{{n}}.ogg.asset.json
{{ \"name\": \"hero\", \"dependencies\": [\"./y.wav\"] }}
//- /assets/s/y.wav
wave
//- /assets/mods/m/init.lua
init
//- /assets/mods/m.asset.json
{{ \"name\": \"module\" }}
//- build --quiet
//- pack
## without the group it has lost what it speaks for
{RULES}
//- /assets/s/x.{{n}}.ogg.asset.json
{{ \"name\": \"hero\" }}
//- build --quiet
## an asset.json beats a marker
{RULES}
//- /assets/mods/m/init.lua
init
//- /assets/mods/m/asset.json
{{ \"type\": \"raw\", \"name\": \"module\", \"inputs\": [\"init.lua\"] }}
//- build --quiet
//- pack
## a file at the place of a group
{RULES}
//- /assets/s/x.{{n}}.ogg
literal
//- /assets/s/x.{{n}}.ogg.asset.json
{{ \"type\": \"raw\" }}
//- /assets/s/x.1.ogg
one
//- build --quiet
## a member that is no file
{RULES}
//- fifo /assets/s/x.1.ogg
//- /assets/s/x.2.ogg
two
//- build --quiet
"
        ),
        expect![[r#"
            ## a sidecar takes a member out
            build 1: written, 3 assets in the pack
            pack:
              1 raw good.txt: A (4 bytes)
              2 raw s/x.2.ogg: B (4 bytes)
              3 raw x of s: C (4 bytes)

            ## it has to say its type
            build 1: refused
              error[PW0017] assets/s/x.2.ogg.asset.json:1:1: the declaration says no type
                help: say its `type`, or write a rule that matches its file

            ## one at the place of a group lies over it
            build 1: written, 4 assets in the pack
            pack:
              1 raw good.txt: A (4 bytes)
              2 raw module: B (5 bytes)
              3 raw hero: C (4 bytes) -> [4]
              4 raw s/y.wav: D (5 bytes)

            ## without the group it has lost what it speaks for
            build 1: refused
              error[PW0014] assets/s/x.{n}.ogg.asset.json: there is no file `assets/s/x.{n}.ogg` for this sidecar
                help: move the sidecar along with its file, or remove it; a directory is declared by an `asset.json` inside it

            ## an asset.json beats a marker
            build 1: written, 2 assets in the pack
            pack:
              1 raw good.txt: A (4 bytes)
              2 raw module: B (5 bytes)

            ## a file at the place of a group
            build 1: refused
              error[PW0013] assets/s/x.{n}.ogg: a file and a group of files both claim `assets/s/x.{n}.ogg`
                help: rename the file

            ## a member that is no file
            build 1: refused
              error[PW0101] assets/s/x.{n}.ogg: the input `x.1.ogg` is a FIFO, socket or device
                help: an input is a file

        "#]],
    );
}

#[test]
fn write_commands_keep_together_what_rules_take_together() {
    check_each(
        &format!(
            "
## a group
{RULES}
//- /assets/s/x.1.ogg
one
//- /assets/s/x.2.ogg
two
//- /assets/s/x.txt
words
//- build --quiet
//- write rename assets/s/x.{{n}}.ogg steps
//- write exclude assets/s/x.{{n}}.ogg
//- write include assets/s/x.{{n}}.ogg
//- write move assets/s assets/t
//- build --locked --quiet
//- write move assets/t/x.1.ogg assets/u/
//- write move assets/t/x.1.ogg assets/t/x.2.ogg assets/u/
//- build --locked --quiet
//- write remove assets/t/x.{{n}}.ogg
//- registry
//- build --locked --quiet
## companions
{RULES}
//- /assets/s/x.wav
wave
//- /assets/s/x.cue
cue
//- build --quiet
//- write move assets/s/x.wav assets/t/
//- write move assets/s/x.wav assets/s/x.cue assets/t/
//- build --locked --quiet
//- write move assets/t/x.cue assets/t/y.cue
//- write remove assets/t/x.wav
//- build --locked --quiet
//- registry
## companions that stay or go
{RULES}
//- /assets/s/x.wav
wave
//- /assets/s/x.cue
cue
//- build --quiet
//- write remove --keep-sources assets/s/x.wav
//- build --locked --quiet
//- registry
## companions go
{RULES}
//- /assets/s/x.wav
wave
//- /assets/s/x.cue
cue
//- build --quiet
//- write remove assets/s/x.wav
//- build --locked --quiet
//- registry
## a marker
{RULES}
//- /assets/mods/m/init.lua
init
//- /assets/mods/m/deep/x.png
picture
//- build --quiet
//- write rename assets/mods/m module
//- write exclude assets/mods/m
//- write include assets/mods/m
//- write move assets/mods/m assets/mods/n
//- build --locked --quiet
//- write move assets/mods/n assets/n
//- write move assets/mods/n/init.lua assets/mods/n/main.lua
//- write move assets/mods assets/modules
//- show /packwright.toml
//- build --locked --quiet
//- write remove assets/modules/n
//- build --locked --quiet
//- registry
"
        ),
        expect![[r###"
            ## a group
            build 1: written, 2 assets in the pack
            rename: rename `x of s` to `steps`
            exclude: exclude 1 asset
              exclude `assets/s/x.{n}.ogg`
            include: include 1 asset
              include `assets/s/x.{n}.ogg`
            move: move `assets/s` to `assets/t`
              move `assets/s/x.{n}.ogg` to `assets/t/x.{n}.ogg`
            build 2: written, 2 assets in the pack
            move: move `assets/t/x.1.ogg` to `assets/u/x.1.ogg`
              warning: `assets/u/x.1.ogg` will not be an input of `assets/t/x.{n}.ogg` any more
              register `assets/u/x.{n}.ogg` as 3
            move: failed: `assets/u/x.1.ogg` is there already; packwright overwrites nothing
            build 3: written, 3 assets in the pack
            remove: remove 1 asset
              remove 2 `assets/t/x.{n}.ogg`
              note: `assets/t/x.txt` goes too
            registry:
              1 assets/good.txt
              2 assets/t/x.{n}.ogg
              3 assets/u/x.{n}.ogg
            build 4: written, 2 assets in the pack

            ## companions
            build 1: written, 2 assets in the pack
            move: failed: `assets/s/x.cue` is an input of `assets/s/x.wav` by a rule, and would not be one at `assets/t/x.wav`; move them together: name both, or the directory that holds them
            move: move 1 asset
              move `assets/s/x.wav` to `assets/t/x.wav`
            build 2: written, 2 assets in the pack
            move: move `assets/t/x.cue` to `assets/t/y.cue`
              warning: `assets/t/y.cue` will not be an input of `assets/t/x.wav` any more
              register `assets/t/y.cue` as 3
            remove: remove 1 asset
              remove 2 `assets/t/x.wav`
            build 3: written, 2 assets in the pack
            registry:
              1 assets/good.txt
              2 assets/t/x.wav
              3 assets/t/y.cue

            ## companions that stay or go
            build 1: written, 2 assets in the pack
            remove: remove 1 asset
              remove 2 `assets/s/x.wav`
              note: `assets/s/x.wav` stays, and a sidecar excludes it from the rule that matches
            build 2: written, 1 asset in the pack
            registry:
              1 assets/good.txt
              2 assets/s/x.wav

            ## companions go
            build 1: written, 2 assets in the pack
            remove: remove 1 asset
              remove 2 `assets/s/x.wav`
              note: `assets/s/x.cue` goes too
            build 2: written, 1 asset in the pack
            registry:
              1 assets/good.txt
              2 assets/s/x.wav

            ## a marker
            build 1: written, 2 assets in the pack
            rename: rename `mods/m` to `module`
            exclude: exclude 1 asset
              exclude `assets/mods/m`
            include: include 1 asset
              include `assets/mods/m`
            move: move `assets/mods/m` to `assets/mods/n`
            build 2: written, 2 assets in the pack
            move: failed: at `assets/n` the rule `**/*` holds, and not the rule `mods/{mod}/init.lua` any more; these do not make the same of files: change the rules first
            move: refused
              error[PW0014] assets/mods/n.asset.json: afterwards: there is no file `assets/mods/n` for this sidecar
                help: move the sidecar along with its file, or remove it; a directory is declared by an `asset.json` inside it
            move: move `assets/mods` to `assets/modules`
              move `assets/mods/n` to `assets/modules/n`
              rewrite the rule `mods/{mod}/init.lua` to `modules/{mod}/init.lua`
            /packwright.toml:
            workspace = "01234567-89ab-8def-8123-456789abcdef"
            [[roots]]
            path = "assets"
            [[rules]]
            match = "{dir}/{stem}.{n}.ogg"
            group = ["dir", "stem"]
            with = ["{dir}/{stem}.txt"]
            name = "{stem} of {dir}"
            type = "raw"
            [[rules]]
            match = "{dir}/{stem}.wav"
            with = ["{dir}/{stem}.cue"]
            type = "raw"
            [[rules]]
            match = "modules/{mod}"
            marker = "init.lua"
            type = "raw"
            [[rules]]
            match = "**/*"
            type = "raw"

            build 3: unchanged, 2 assets in the pack
            remove: remove 1 asset
              remove 2 `assets/modules/n`
            build 4: written, 1 asset in the pack
            registry:
              1 assets/good.txt
              2 assets/modules/n

        "###]],
    );
}
