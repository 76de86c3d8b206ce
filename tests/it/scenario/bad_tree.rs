//! What is wrong with files as such: their kinds, names and links, and files that do not hold still.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use expect_test::expect;

use super::support::{World, at, check, check_cold, check_each};

#[test]
fn kinds() {
    check_each(
        r#"
## a FIFO that a rule claims
//- fifo /assets/a.txt
## a FIFO with a sidecar
//- fifo /assets/a.txt
//- /assets/a.txt.asset.json
{ "name": "fifo" }
## a FIFO with a sidecar that says all, and something wrong
//- fifo /assets/a.dat
//- /assets/a.dat.asset.json
{ "type": "raw", "nam": "fifo" }
//- build
//- build lenient
## a FIFO that nothing claims
//- fifo /assets/a.dat
## a FIFO among the inputs
//- /assets/hero/asset.json
{ "type": "raw", "inputs": ["a.bin"] }
//- fifo /assets/hero/a.bin
## a FIFO in a directory that is an asset
//- /assets/hero/asset.json
{ "type": "raw" }
//- fifo /assets/hero/a.bin
//- /assets/hero/b.bin
b
## a directory among the inputs
//- /assets/hero/asset.json
{ "type": "raw", "inputs": ["a", ".", "../../assets"] }
//- /assets/hero/a/a.bin
a
## a directory that a rule would match
//- mkdir /assets/a.txt
## a FIFO for an asset.json
//- fifo /assets/hero/asset.json
//- /assets/hero/a.txt
a
## a directory for an asset.json
//- mkdir /assets/hero/asset.json
//- /assets/hero/a.txt
a
## a directory for an asset.json, with an asset.json
//- /assets/hero/asset.json/asset.json
{ "type": "raw" }
//- /assets/hero/asset.json/a.bin
a
## a FIFO for a sidecar
//- fifo /assets/a.txt.asset.json
//- /assets/a.txt
a
## a directory for a sidecar
//- mkdir /assets/a.txt.asset.json
//- /assets/a.txt
a
## a FIFO in place of the configuration
//- rm /packwright.toml
//- fifo /packwright.toml
//- build
## a directory in place of the configuration
//- rm /packwright.toml
//- mkdir /packwright.toml
//- build
"#,
        expect![[r#"
            ## a FIFO that a rule claims
            build 1: refused
              error[PW0101] assets/a.txt: `assets/a.txt` is a FIFO, socket or device
                help: put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
            build 2: written, 1 asset in the pack
              warning[PW0101] assets/a.txt: `assets/a.txt` is a FIFO, socket or device
                help: `assets/a.txt` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it

            ## a FIFO with a sidecar
            build 1: refused
              error[PW0101] assets/a.txt: `assets/a.txt` is a FIFO, socket or device
                help: put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
            build 2: written, 1 asset in the pack
              warning[PW0101] assets/a.txt: `assets/a.txt` is a FIFO, socket or device
                help: `assets/a.txt` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it

            ## a FIFO with a sidecar that says all, and something wrong
            build 1: refused
              error[PW0101] assets/a.dat: `assets/a.dat` is a FIFO, socket or device
                help: put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
              error[PW0003] assets/a.dat.asset.json:1:18: unknown field `nam`
                help: did you mean `name`?
            build 2: written, 1 asset in the pack
              register `assets/a.dat` as 1
              register `assets/good.txt` as 2
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0101] assets/a.dat: `assets/a.dat` is a FIFO, socket or device
                help: `assets/a.dat` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
              warning[PW0003] assets/a.dat.asset.json:1:18: unknown field `nam`
                help: `assets/a.dat` is left out of the pack; did you mean `name`?

            ## a FIFO that nothing claims
            build 1: written, 1 asset in the pack
              register `assets/good.txt` as 1
              digested 1
              processed raw: assets [good.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
            build 2: written, 1 asset in the pack

            ## a FIFO among the inputs
            build 1: refused
              error[PW0101] assets/hero/asset.json:1:29: the input `a.bin` is a FIFO, socket or device
                help: an input is a file
            build 2: written, 1 asset in the pack
              warning[PW0101] assets/hero/asset.json:1:29: the input `a.bin` is a FIFO, socket or device
                help: `assets/hero` is left out of the pack; an input is a file

            ## a FIFO in a directory that is an asset
            build 1: refused
              error[PW0101] assets/hero/asset.json:1:1: the input `a.bin` is a FIFO, socket or device
                help: an input is a file
            build 2: written, 1 asset in the pack
              warning[PW0101] assets/hero/asset.json:1:1: the input `a.bin` is a FIFO, socket or device
                help: `assets/hero` is left out of the pack; an input is a file

            ## a directory among the inputs
            build 1: refused
              error[PW0101] assets/hero/asset.json:1:29: the input `a` is a directory
                help: an input is a file
              error[PW0101] assets/hero/asset.json:1:34: the input `.` is a directory
                help: an input is a file
              error[PW0101] assets/hero/asset.json:1:39: the input `..` is a directory
                help: an input is a file
            build 2: written, 1 asset in the pack
              warning[PW0101] assets/hero/asset.json:1:29: the input `a` is a directory
                help: `assets/hero` is left out of the pack; an input is a file
              warning[PW0101] assets/hero/asset.json:1:34: the input `.` is a directory
                help: `assets/hero` is left out of the pack; an input is a file
              warning[PW0101] assets/hero/asset.json:1:39: the input `..` is a directory
                help: `assets/hero` is left out of the pack; an input is a file

            ## a directory that a rule would match
            build 1: written, 1 asset in the pack
              register `assets/good.txt` as 1
              digested 1
              processed raw: assets [good.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
            build 2: written, 1 asset in the pack

            ## a FIFO for an asset.json
            build 1: refused
              error[PW0101] assets/hero/asset.json: `assets/hero/asset.json` is a FIFO, socket or device
                help: put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
            build 2: written, 1 asset in the pack
              warning[PW0101] assets/hero/asset.json: `assets/hero/asset.json` is a FIFO, socket or device
                help: `assets/hero` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it

            ## a directory for an asset.json
            build 1: refused
              error[PW0101] assets/hero/asset.json: `assets/hero/asset.json` is a directory
                help: put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
            build 2: written, 1 asset in the pack
              warning[PW0101] assets/hero/asset.json: `assets/hero/asset.json` is a directory
                help: `assets/hero` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it

            ## a directory for an asset.json, with an asset.json
            build 1: refused
              error[PW0101] assets/hero/asset.json: `assets/hero/asset.json` is a directory
                help: put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
            build 2: written, 2 assets in the pack
              warning[PW0101] assets/hero/asset.json: `assets/hero/asset.json` is a directory
                help: `assets/hero` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it

            ## a FIFO for a sidecar
            build 1: refused
              error[PW0101] assets/a.txt.asset.json: `assets/a.txt.asset.json` is a FIFO, socket or device
                help: put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
            build 2: written, 1 asset in the pack
              warning[PW0101] assets/a.txt.asset.json: `assets/a.txt.asset.json` is a FIFO, socket or device
                help: `assets/a.txt` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it

            ## a directory for a sidecar
            build 1: refused
              error[PW0101] assets/a.txt.asset.json: `assets/a.txt.asset.json` is a directory
                help: put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
            build 2: written, 1 asset in the pack
              warning[PW0101] assets/a.txt.asset.json: `assets/a.txt.asset.json` is a directory
                help: `assets/a.txt` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it

            ## a FIFO in place of the configuration
            build 1: failed: cannot read `/ws/packwright.toml`

            ## a directory in place of the configuration
            build 1: failed: cannot read `/ws/packwright.toml`

        "#]],
    );
}

#[test]
fn links() {
    check_each(
        r#"
## a link inside the workspace
//- ln /assets/a.txt -> good.txt
//- build
## links that leave
//- //outside
x
//- //etc/passwd
x
//- ln /assets/a.txt -> ../../outside
//- ln /assets/b.txt -> /etc/passwd
//- ln /assets/c -> /
## a link that leaves and comes back
//- ln /assets/a.txt -> ../../ws/assets/good.txt
//- build
## a link to packwright's own
//- ln /assets/a.txt -> ../packwright.toml
//- ln /assets/b.txt -> ../build/dev/main.pack
## a link to a hidden file
//- /assets/.hidden
x
//- ln /assets/a.txt -> .hidden
## a link to nothing
//- ln /assets/a.txt -> gone.txt
## a link through a file
//- ln /assets/a.txt -> good.txt/x
## links in a circle
//- ln /assets/a.txt -> a.txt
//- ln /assets/b.txt -> c.txt
//- ln /assets/c.txt -> b.txt
## a directory in a circle
//- mkdir /assets/d
//- ln /assets/d/d -> ../d
//- ln /assets/e -> .
//- ln /assets/f -> ../assets
## two directories in a circle
//- mkdir /assets/a
//- mkdir /assets/b
//- ln /assets/a/b -> ../b
//- ln /assets/b/a -> ../a
## a directory by two names
//- /assets/d/x.txt
x
//- ln /assets/e -> d
//- build
//- pack
## a link to a directory outside the roots
//- /other/x.txt
x
//- ln /assets/e -> ../other
//- build
//- pack
## a link to a FIFO
//- fifo /assets/f
//- ln /assets/a.txt -> f
## links for declarations
//- ln /assets/good.txt.asset.json -> gone
//- ln /assets/hero/asset.json -> ../../../outside
## a root that is a link
//- mv /assets /real
//- ln /assets -> real
//- build
//- pack
## a root that is a link out
//- rm /assets
//- ln /assets -> /
//- build
"#,
        expect![[r#"
            ## a link inside the workspace
            build 1: written, 2 assets in the pack
              register `assets/a.txt` as 1
              register `assets/good.txt` as 2
              digested 2
              processed raw: assets [a.txt]
              processed raw: assets [good.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack

            ## links that leave
            build 1: refused
              error[PW0102] assets/a.txt: `assets/a.txt` is a link to what is no source: outside the workspace, hidden, packwright's own or no regular file
                help: put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
              error[PW0102] assets/b.txt: `assets/b.txt` is a link to what is no source: outside the workspace, hidden, packwright's own or no regular file
                help: put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
              warning[PW0102] assets/c: the link `assets/c` leads out of the workspace or to what is no source; nothing behind it is one
                help: remove it, or let it lead to a file or directory inside the workspace
            build 2: written, 1 asset in the pack
              warning[PW0102] assets/a.txt: `assets/a.txt` is a link to what is no source: outside the workspace, hidden, packwright's own or no regular file
                help: `assets/a.txt` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
              warning[PW0102] assets/b.txt: `assets/b.txt` is a link to what is no source: outside the workspace, hidden, packwright's own or no regular file
                help: `assets/b.txt` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
              warning[PW0102] assets/c: the link `assets/c` leads out of the workspace or to what is no source; nothing behind it is one
                help: remove it, or let it lead to a file or directory inside the workspace

            ## a link that leaves and comes back
            build 1: written, 2 assets in the pack
              register `assets/a.txt` as 1
              register `assets/good.txt` as 2
              digested 2
              processed raw: assets [a.txt]
              processed raw: assets [good.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack

            ## a link to packwright's own
            build 1: refused
              error[PW0102] assets/a.txt: `assets/a.txt` is a link to what is no source: outside the workspace, hidden, packwright's own or no regular file
                help: put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
              error[PW0103] assets/b.txt: `assets/b.txt` is a link that leads nowhere
                help: put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
            build 2: written, 1 asset in the pack
              warning[PW0102] assets/a.txt: `assets/a.txt` is a link to what is no source: outside the workspace, hidden, packwright's own or no regular file
                help: `assets/a.txt` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
              warning[PW0103] assets/b.txt: `assets/b.txt` is a link that leads nowhere
                help: `assets/b.txt` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it

            ## a link to a hidden file
            build 1: refused
              error[PW0102] assets/a.txt: `assets/a.txt` is a link to what is no source: outside the workspace, hidden, packwright's own or no regular file
                help: put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
            build 2: written, 1 asset in the pack
              warning[PW0102] assets/a.txt: `assets/a.txt` is a link to what is no source: outside the workspace, hidden, packwright's own or no regular file
                help: `assets/a.txt` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it

            ## a link to nothing
            build 1: refused
              error[PW0103] assets/a.txt: `assets/a.txt` is a link that leads nowhere
                help: put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
            build 2: written, 1 asset in the pack
              warning[PW0103] assets/a.txt: `assets/a.txt` is a link that leads nowhere
                help: `assets/a.txt` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it

            ## a link through a file
            build 1: refused
              error[PW0103] assets/a.txt: `assets/a.txt` is a link that leads nowhere
                help: put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
            build 2: written, 1 asset in the pack
              warning[PW0103] assets/a.txt: `assets/a.txt` is a link that leads nowhere
                help: `assets/a.txt` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it

            ## links in a circle
            build 1: refused
              error[PW0104] assets/a.txt: `assets/a.txt` is a link that leads back into itself, or through too many others
                help: put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
              error[PW0104] assets/b.txt: `assets/b.txt` is a link that leads back into itself, or through too many others
                help: put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
              error[PW0104] assets/c.txt: `assets/c.txt` is a link that leads back into itself, or through too many others
                help: put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
            build 2: written, 1 asset in the pack
              warning[PW0104] assets/a.txt: `assets/a.txt` is a link that leads back into itself, or through too many others
                help: `assets/a.txt` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
              warning[PW0104] assets/b.txt: `assets/b.txt` is a link that leads back into itself, or through too many others
                help: `assets/b.txt` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
              warning[PW0104] assets/c.txt: `assets/c.txt` is a link that leads back into itself, or through too many others
                help: `assets/c.txt` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it

            ## a directory in a circle
            build 1: written, 1 asset in the pack
              register `assets/good.txt` as 1
              digested 1
              processed raw: assets [good.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
            build 2: written, 1 asset in the pack

            ## two directories in a circle
            build 1: written, 1 asset in the pack
              register `assets/good.txt` as 1
              digested 1
              processed raw: assets [good.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
            build 2: written, 1 asset in the pack

            ## a directory by two names
            build 1: written, 3 assets in the pack
              register `assets/d/x.txt` as 1
              register `assets/e/x.txt` as 2
              register `assets/good.txt` as 3
              digested 3
              processed raw: assets [good.txt]
              processed raw: assets/d [x.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
            pack:
              1 raw d/x.txt: A (2 bytes)
              2 raw e/x.txt: A (2 bytes)
              3 raw good.txt: B (4 bytes)

            ## a link to a directory outside the roots
            build 1: written, 2 assets in the pack
              register `assets/e/x.txt` as 1
              register `assets/good.txt` as 2
              digested 2
              processed raw: assets [good.txt]
              processed raw: assets/e [x.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
            pack:
              1 raw e/x.txt: A (2 bytes)
              2 raw good.txt: B (4 bytes)

            ## a link to a FIFO
            build 1: refused
              error[PW0102] assets/a.txt: `assets/a.txt` is a link to what is no source: outside the workspace, hidden, packwright's own or no regular file
                help: put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
            build 2: written, 1 asset in the pack
              warning[PW0102] assets/a.txt: `assets/a.txt` is a link to what is no source: outside the workspace, hidden, packwright's own or no regular file
                help: `assets/a.txt` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it

            ## links for declarations
            build 1: refused
              error[PW0103] assets/good.txt.asset.json: `assets/good.txt.asset.json` is a link that leads nowhere
                help: put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
              error[PW0103] assets/hero/asset.json: `assets/hero/asset.json` is a link that leads nowhere
                help: put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
            build 2: written, 0 assets in the pack
              warning[PW0103] assets/good.txt.asset.json: `assets/good.txt.asset.json` is a link that leads nowhere
                help: `assets/good.txt` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
              warning[PW0103] assets/hero/asset.json: `assets/hero/asset.json` is a link that leads nowhere
                help: `assets/hero` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it

            ## a root that is a link
            build 1: written, 1 asset in the pack
              register `assets/good.txt` as 1
              digested 1
              processed raw: assets [good.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
            pack:
              1 raw good.txt: A (4 bytes)

            ## a root that is a link out
            build 1: refused
              error[PW0021] packwright.toml: the root `assets` is not a directory, but a link to what is no source: outside the workspace, hidden, packwright's own or no regular file
                help: a root is a directory in the workspace, or a link to one: change it, or what `[[roots]]` says

        "#]],
    );
}

#[test]
fn names() {
    let mut world = World::new();
    world.system.write(at("/assets").join(OsStr::from_bytes(b"\xff.txt")), b"bad");
    world.system.write(at("/assets").join(OsStr::from_bytes(b"d\xff")).join("x.txt"), b"bad");
    world.system.write(at("/assets").join(OsStr::from_bytes(b"\xff.dat")), b"nobody wants this");
    world.system.write(at("/assets/good.txt"), b"good");
    let told = world.run(
        r#"
//- build
//- build lenient
//- registry
"#,
    );
    expect![[r#"
        build 1: refused
          warning[PW0105] assets/d��64ff: the name of `assets/d��64ff` is not UTF-8; neither it nor anything in it is a source
            help: rename it
          warning[PW0105] assets/��ff2e646174.dat: the name of `assets/��ff2e646174.dat` is not UTF-8; neither it nor anything in it is a source
            help: rename it
          error[PW0105] assets/��ff2e747874.txt: `assets/��ff2e747874.txt` is something whose name is not UTF-8
            help: rename it, or exclude it with a rule that has `exclude = true` before the one that claims it
        build 2: written, 1 asset in the pack
          register `assets/good.txt` as 1
          ran exports(assets)
          ran layout(assets)
          ran recipes(assets)
          wrote main.parts/*.part
          wrote main.parts/*.part
          wrote main.pack
          warning[PW0105] assets/d��64ff: the name of `assets/d��64ff` is not UTF-8; neither it nor anything in it is a source
            help: rename it
          warning[PW0105] assets/��ff2e646174.dat: the name of `assets/��ff2e646174.dat` is not UTF-8; neither it nor anything in it is a source
            help: rename it
          warning[PW0105] assets/��ff2e747874.txt: `assets/��ff2e747874.txt` is something whose name is not UTF-8
            help: `assets/��ff2e747874.txt` is left out of the pack; rename it, or exclude it with a rule that has `exclude = true` before the one that claims it
        registry:
          1 assets/good.txt
    "#]]
    .assert_eq(&told);
}

#[test]
fn names_that_not_every_file_system_tells_apart() {
    check_each(
        "
## in case
//- /assets/Hero.txt
1
//- /assets/hero.txt
2
//- /assets/HERO.dat
nobody wants this
## in normalization
//- /assets/caf\u{e9}.txt
1
//- /assets/cafe\u{301}.txt
2
## in the case of a directory
//- /assets/UI/a.txt
1
//- /assets/ui/a.txt
2
//- /assets/ui/b.txt
3
## not portable
//- /assets/aux.txt
1
//- /assets/a:b.txt
2
//- /assets/trailing.txt.
3
//- /assets/nul/x.txt
5
//- /assets/nul/y.txt
6
//- /assets/b\\c.txt
4
",
        expect![[r#"
            ## in case
            build 1: written, 3 assets in the pack
              register `assets/Hero.txt` as 1
              register `assets/good.txt` as 2
              register `assets/hero.txt` as 3
              digested 4
              processed raw: assets [Hero.txt]
              processed raw: assets [good.txt]
              processed raw: assets [hero.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0106] assets/hero.txt: `assets/Hero.txt` and `assets/hero.txt` differ only in case or Unicode normalization
                help: many file systems cannot hold both; rename one of them
            build 2: written, 3 assets in the pack
              warning[PW0106] assets/hero.txt: `assets/Hero.txt` and `assets/hero.txt` differ only in case or Unicode normalization
                help: many file systems cannot hold both; rename one of them

            ## in normalization
            build 1: written, 3 assets in the pack
              register `assets/café.txt` as 1
              register `assets/café.txt` as 2
              register `assets/good.txt` as 3
              digested 3
              processed raw: assets [café.txt]
              processed raw: assets [café.txt]
              processed raw: assets [good.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0106] assets/café.txt: `assets/café.txt` and `assets/café.txt` differ only in case or Unicode normalization
                help: many file systems cannot hold both; rename one of them
            build 2: written, 3 assets in the pack
              warning[PW0106] assets/café.txt: `assets/café.txt` and `assets/café.txt` differ only in case or Unicode normalization
                help: many file systems cannot hold both; rename one of them

            ## in the case of a directory
            build 1: written, 4 assets in the pack
              register `assets/UI/a.txt` as 1
              register `assets/good.txt` as 2
              register `assets/ui/a.txt` as 3
              register `assets/ui/b.txt` as 4
              digested 4
              processed raw: assets [good.txt]
              processed raw: assets/UI [a.txt]
              processed raw: assets/ui [a.txt]
              processed raw: assets/ui [b.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0106] assets/ui/a.txt: `assets/UI/a.txt` and `assets/ui/a.txt` differ only in case or Unicode normalization
                help: many file systems cannot hold both; rename one of them
            build 2: written, 4 assets in the pack
              warning[PW0106] assets/ui/a.txt: `assets/UI/a.txt` and `assets/ui/a.txt` differ only in case or Unicode normalization
                help: many file systems cannot hold both; rename one of them

            ## not portable
            build 1: written, 6 assets in the pack
              register `assets/a:b.txt` as 1
              register `assets/aux.txt` as 2
              register `assets/b\c.txt` as 3
              register `assets/good.txt` as 4
              register `assets/nul/x.txt` as 5
              register `assets/nul/y.txt` as 6
              digested 7
              processed raw: assets [a:b.txt]
              processed raw: assets [aux.txt]
              processed raw: assets [b\c.txt]
              processed raw: assets [good.txt]
              processed raw: assets/nul [x.txt]
              processed raw: assets/nul [y.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0107] assets/a:b.txt: not every system can hold the name `a:b.txt`: Windows allows no ':' in a name
                help: rename it before somebody checks it out there
              warning[PW0107] assets/aux.txt: not every system can hold the name `aux.txt`: `AUX` is a device on Windows
                help: rename it before somebody checks it out there
              warning[PW0107] assets/b\c.txt: not every system can hold the name `b\c.txt`: Windows allows no '\\' in a name
                help: rename it before somebody checks it out there
              warning[PW0107] assets/nul/x.txt: not every system can hold the name `nul`: `NUL` is a device on Windows
                help: rename it before somebody checks it out there
            build 2: written, 6 assets in the pack
              warning[PW0107] assets/a:b.txt: not every system can hold the name `a:b.txt`: Windows allows no ':' in a name
                help: rename it before somebody checks it out there
              warning[PW0107] assets/aux.txt: not every system can hold the name `aux.txt`: `AUX` is a device on Windows
                help: rename it before somebody checks it out there
              warning[PW0107] assets/b\c.txt: not every system can hold the name `b\c.txt`: Windows allows no '\\' in a name
                help: rename it before somebody checks it out there
              warning[PW0107] assets/nul/x.txt: not every system can hold the name `nul`: `NUL` is a device on Windows
                help: rename it before somebody checks it out there

        "#]],
    );
}

#[test]
fn contents_that_are_not_what_they_should_be() {
    check_each(
        r#"
## LFS pointers, one of them an input of several
//- /assets/a.txt
version https://git-lfs.github.com/spec/v1
oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
size 12345
//- /assets/b/asset.json
{ "type": "raw", "inputs": ["../good.txt", "../a.txt"] }
## an LFS pointer that is an image, and one that nothing claims
//- /assets/a.png
version https://git-lfs.github.com/spec/v1
oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
size 12345
//- cp /assets/a.png /assets/a.dat
## an empty file, alone and among others
//- zeros /assets/a.txt 0
//- /assets/b/asset.json
{ "type": "raw" }
//- zeros /assets/b/a.bin 0
## a file by another name
//- /packwright.toml
workspace = "01234567-89ab-8def-8123-456789abcdef"
roots = [{ path = "assets" }]
rules = [{ match = "**", type = "raw" }]
//- hex /assets/a.png ff d8 ff e0
//- hex /assets/B.JPG ff d8 ff e0
//- hex /assets/c.dat ff d8 ff e0
//- build
## a file too large
//- /assets/a.txt
too large
//- /packwright.toml
workspace = "01234567-89ab-8def-8123-456789abcdef"
roots = [{ path = "assets" }]
rules = [{ match = "**/*.txt", type = "raw" }]
profiles.dev.max_file_size = 8
profiles.lenient.broken = "omit"
## absolute links
//- ln /assets/a.txt -> /ws/assets/good.txt
//- ln /assets/b -> /ws/assets/c
//- /assets/c/c.txt
c
## links that nothing claims
//- ln /assets/a -> gone
//- ln /assets/b -> /etc
//- ln /assets/c -> .
"#,
        expect![[r#"
            ## LFS pointers, one of them an input of several
            build 1: refused
              error[PW0110] assets/a.txt: `assets/a.txt` is a Git LFS pointer, not the content
                help: run `git lfs pull`; on a build machine, let the checkout fetch LFS files too
            build 2: written, 1 asset in the pack
              warning[PW0110] assets/a.txt: `assets/a.txt` is a Git LFS pointer, not the content
                help: `assets/a.txt` is left out of the pack; run `git lfs pull`; on a build machine, let the checkout fetch LFS files too
              warning[PW0110] assets/a.txt: `assets/a.txt` is a Git LFS pointer, not the content
                help: `assets/b` is left out of the pack; run `git lfs pull`; on a build machine, let the checkout fetch LFS files too

            ## an LFS pointer that is an image, and one that nothing claims
            build 1: refused
              error[PW0110] assets/a.png: `assets/a.png` is a Git LFS pointer, not the content
                help: run `git lfs pull`; on a build machine, let the checkout fetch LFS files too
            build 2: written, 1 asset in the pack
              warning[PW0110] assets/a.png: `assets/a.png` is a Git LFS pointer, not the content
                help: `assets/a.png` is left out of the pack; run `git lfs pull`; on a build machine, let the checkout fetch LFS files too

            ## an empty file, alone and among others
            build 1: written, 3 assets in the pack
              register `assets/a.txt` as 1
              register `assets/b` as 2
              register `assets/good.txt` as 3
              digested 4
              processed raw: assets [a.txt]
              processed raw: assets [good.txt]
              processed raw: assets/b [a.bin]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0111] assets/a.txt: `assets/a.txt` is empty
                help: fill it, or keep it out of the pack with a rule that has `exclude = true`
            build 2: written, 3 assets in the pack
              warning[PW0111] assets/a.txt: `assets/a.txt` is empty
                help: fill it, or keep it out of the pack with a rule that has `exclude = true`

            ## a file by another name
            build 1: written, 4 assets in the pack
              register `assets/B.JPG` as 1
              register `assets/a.png` as 2
              register `assets/c.dat` as 3
              register `assets/good.txt` as 4
              digested 4
              processed raw: assets [B.JPG]
              processed raw: assets [a.png]
              processed raw: assets [c.dat]
              processed raw: assets [good.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0113] assets/a.png: `assets/a.png` is a JPEG image, whatever its extension says
                help: give it the extension that fits, or export it again: many programs go by the extension

            ## a file too large
            build 1: refused
              error[PW0115] assets/a.txt: `assets/a.txt` is larger than the profile allows: 10 of 8 bytes
                help: if it is meant to be so large, raise `max_file_size` in the profile, else exclude it
            build 2: written, 1 asset in the pack
              warning[PW0115] assets/a.txt: `assets/a.txt` is larger than the profile allows: 10 of 8 bytes
                help: `assets/a.txt` is left out of the pack; if it is meant to be so large, raise `max_file_size` in the profile, else exclude it

            ## absolute links
            build 1: written, 4 assets in the pack
              register `assets/a.txt` as 1
              register `assets/b/c.txt` as 2
              register `assets/c/c.txt` as 3
              register `assets/good.txt` as 4
              digested 4
              processed raw: assets [a.txt]
              processed raw: assets [good.txt]
              processed raw: assets/b [c.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0114] assets/a.txt: the link `assets/a.txt` holds an absolute path, which leads nowhere on other machines
                help: make it a relative one: `ln -sr`, or a text that begins with `../`
              warning[PW0114] assets/b: the link `assets/b` holds an absolute path, which leads nowhere on other machines
                help: make it a relative one: `ln -sr`, or a text that begins with `../`
            build 2: written, 4 assets in the pack
              warning[PW0114] assets/a.txt: the link `assets/a.txt` holds an absolute path, which leads nowhere on other machines
                help: make it a relative one: `ln -sr`, or a text that begins with `../`
              warning[PW0114] assets/b: the link `assets/b` holds an absolute path, which leads nowhere on other machines
                help: make it a relative one: `ln -sr`, or a text that begins with `../`

            ## links that nothing claims
            build 1: written, 1 asset in the pack
              register `assets/good.txt` as 1
              digested 1
              processed raw: assets [good.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0103] assets/a: the link `assets/a` leads nowhere
                help: remove it, or let it lead to a file or directory inside the workspace
              warning[PW0103] assets/b: the link `assets/b` leads nowhere
                help: remove it, or let it lead to a file or directory inside the workspace
            build 2: written, 1 asset in the pack
              warning[PW0103] assets/a: the link `assets/a` leads nowhere
                help: remove it, or let it lead to a file or directory inside the workspace
              warning[PW0103] assets/b: the link `assets/b` leads nowhere
                help: remove it, or let it lead to a file or directory inside the workspace

        "#]],
    );
}

#[test]
fn what_contents_are_is_known_without_opening_them_again() {
    check_cold(
        r#"
//- hex /assets/a.txt ff d8 ff e0
//- hex /assets/b.jpg.txt 89 50 4e 47
//- /assets/c/asset.json
{ "type": "raw", "inputs": ["hero.png"] }
//- hex /assets/c/hero.png ff d8 ff e0
//- build
//- build
//- /assets/d.txt
d
//- build
//- wipe-cache
//- build
//- hex /assets/c/hero.png 89 50 4e 47 0d 0a 1a 0a
//- build
"#,
        expect![[r#"
            build 1: written, 3 assets in the pack
              register `assets/a.txt` as 1
              register `assets/b.jpg.txt` as 2
              register `assets/c` as 3
              digested 4
              processed raw: assets [a.txt]
              processed raw: assets [b.jpg.txt]
              processed raw: assets/c [hero.png]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0113] assets/c/hero.png: `assets/c/hero.png` is a JPEG image, whatever its extension says
                help: give it the extension that fits, or export it again: many programs go by the extension
            build 2: up to date, 3 assets in the pack
              warning[PW0113] assets/c/hero.png: `assets/c/hero.png` is a JPEG image, whatever its extension says
                help: give it the extension that fits, or export it again: many programs go by the extension
            build 3: written, 4 assets in the pack
              register `assets/d.txt` as 4
              digested 1
              processed raw: assets [d.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0113] assets/c/hero.png: `assets/c/hero.png` is a JPEG image, whatever its extension says
                help: give it the extension that fits, or export it again: many programs go by the extension
            build 4: up to date, 4 assets in the pack
              digested 5
              warning[PW0113] assets/c/hero.png: `assets/c/hero.png` is a JPEG image, whatever its extension says
                help: give it the extension that fits, or export it again: many programs go by the extension
            build 5: written, 4 assets in the pack
              digested 1
              processed raw: assets [a.txt]
              processed raw: assets [b.jpg.txt]
              processed raw: assets [d.txt]
              processed raw: assets/c [hero.png]
              wrote main.parts/*.part
              wrote main.pack
        "#]],
    );
}

#[test]
fn what_cannot_be_read_is_no_fault_of_the_workspace() {
    check_each(
        r#"
## a file
//- /assets/a.txt
a
//- mode /assets/a.txt 000
## a file that nothing claims
//- /assets/a.dat
a
//- mode /assets/a.dat 000
## a declaration
//- /assets/good.txt.asset.json
{}
//- mode /assets/good.txt.asset.json 000
## a directory
//- /assets/d/a.txt
a
//- mode /assets/d 000
## two files
//- /assets/b.txt
b
//- mode /assets/b.txt 000
//- /assets/a.txt
a
//- mode /assets/a.txt 000
## the configuration
//- mode /packwright.toml 000
## the registry
//- mode /packwright.registry/3.jsonl 000
"#,
        expect![[r#"
            ## a file
            build 1: unreadable
              error[PW0109] assets/a.txt: `assets/a.txt` cannot be read: permission denied
                help: check its permissions and the disk it lies on
            build 2: unreadable
              error[PW0109] assets/a.txt: `assets/a.txt` cannot be read: permission denied
                help: check its permissions and the disk it lies on

            ## a file that nothing claims
            build 1: unreadable
              error[PW0109] assets/a.dat: `assets/a.dat` cannot be read: permission denied
                help: check its permissions and the disk it lies on
            build 2: unreadable
              error[PW0109] assets/a.dat: `assets/a.dat` cannot be read: permission denied
                help: check its permissions and the disk it lies on

            ## a declaration
            build 1: unreadable
              error[PW0109] assets/good.txt.asset.json: `assets/good.txt.asset.json` cannot be read: permission denied
                help: check its permissions and the disk it lies on
            build 2: unreadable
              error[PW0109] assets/good.txt.asset.json: `assets/good.txt.asset.json` cannot be read: permission denied
                help: check its permissions and the disk it lies on

            ## a directory
            build 1: unreadable
              error[PW0109] assets/d: `assets/d` cannot be read: permission denied
                help: check its permissions and the disk it lies on
            build 2: unreadable
              error[PW0109] assets/d: `assets/d` cannot be read: permission denied
                help: check its permissions and the disk it lies on

            ## two files
            build 1: unreadable
              error[PW0109] assets/a.txt: `assets/a.txt` cannot be read: permission denied
                help: check its permissions and the disk it lies on
              error[PW0109] assets/b.txt: `assets/b.txt` cannot be read: permission denied
                help: check its permissions and the disk it lies on
            build 2: unreadable
              error[PW0109] assets/a.txt: `assets/a.txt` cannot be read: permission denied
                help: check its permissions and the disk it lies on
              error[PW0109] assets/b.txt: `assets/b.txt` cannot be read: permission denied
                help: check its permissions and the disk it lies on

            ## the configuration
            build 1: failed: cannot read `/ws/packwright.toml`
            build 2: failed: cannot read `/ws/packwright.toml`

            ## the registry
            build 1: failed: cannot read `/ws/packwright.registry/3.jsonl`
            build 2: failed: cannot read `/ws/packwright.registry/3.jsonl`

        "#]],
    );
}

#[test]
fn files_that_do_not_hold_still() {
    check_each(
        r#"
## rewritten while it is scanned
//- /assets/a.txt
old
//- on-read /assets/a.txt
newer
//- build
//- build
## removed while it is scanned
//- /assets/a.txt
old
//- rm-on-read /assets/a.txt
//- build
//- build
//- registry
## a declaration rewritten while it is scanned
//- /assets/good.txt.asset.json
{}
//- on-read /assets/good.txt.asset.json
{ "name": "better" }
//- build
//- pack
## rewritten between the scan and the processor
//- png /assets/a.png 2x2
//- build
//- wipe-cache
//- wipe-out
//- on-read /assets/a.png
not a picture
//- build
"#,
        expect![[r#"
            ## rewritten while it is scanned
            build 1: written, 2 assets in the pack
              register `assets/a.txt` as 1
              register `assets/good.txt` as 2
              digested 2
              processed raw: assets [a.txt]
              processed raw: assets [good.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
            build 2: up to date, 2 assets in the pack
              digested 1

            ## removed while it is scanned
            build 1: written, 1 asset in the pack
              register `assets/good.txt` as 1
              digested 1
              processed raw: assets [good.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
            build 2: up to date, 1 asset in the pack
            registry:
              1 assets/good.txt

            ## a declaration rewritten while it is scanned
            build 1: written, 1 asset in the pack
              register `assets/good.txt` as 1
              digested 2
              processed raw: assets [good.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
            pack:
              1 raw better: A (4 bytes)

            ## rewritten between the scan and the processor
            build 1: written, 2 assets in the pack
              register `assets/a.png` as 1
              register `assets/good.txt` as 2
              digested 2
              processed image: assets [a.png]
              processed raw: assets [good.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
            build 2: refused
              error[PW0312] assets/a.png: this is not a PNG but a text file
                help: `image` reads PNG; convert the file, or give the asset the type `raw`

        "#]],
    );
}

/// A file too long to be kept is read twice; what the second reading finds must be what the first digested.
#[test]
fn a_long_file_rewritten_between_its_two_readings() {
    let mut world = World::new();
    world.system.write(at("/assets/a.txt"), vec![b'a'; 5 << 20]);
    let mut told = world.run("//- build lenient --quiet\n//- build lenient --quiet");
    world.system.on_next_read(at("/assets/a.txt"), vec![b'b'; 5 << 20]);
    told.push_str(&world.run("//- wipe-cache\n//- wipe-out\n//- build\n//- build"));
    expect![[r#"
        build 1: written, 1 asset in the pack
        build 2: up to date, 1 asset in the pack
        build 3: written, 1 asset in the pack
          digested 1
          ran layout(assets)
          ran recipes(assets)
          processed raw: assets [a.txt]
          wrote main.parts/*.part
          wrote main.parts/*.part
          wrote main.parts/*.blob
          wrote main.pack
        build 4: up to date, 1 asset in the pack
          digested 1
    "#]]
    .assert_eq(&told);
}

#[test]
fn links_that_change() {
    check(
        r#"
//- /assets/a/x.txt
x
//- /assets/b/x.txt
other
//- ln /assets/c -> a
//- build
//- rm /assets/c
//- ln /assets/c -> b
//- build
//- rm /assets/b/x.txt
//- build
//- rm /assets/b
//- build
"#,
        expect![[r#"
            build 1: written, 3 assets in the pack
              register `assets/a/x.txt` as 1
              register `assets/b/x.txt` as 2
              register `assets/c/x.txt` as 3
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
              processed raw: assets/a [x.txt]
              processed raw: assets/b [x.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
            build 2: written, 3 assets in the pack
              digested 1
              ran asset_dirs_in(assets)
              ran declared(assets)
              ran layout(assets)
              ran lone_sidecars_in(assets)
              ran recipes(assets)
              wrote main.parts/*.part
              wrote main.pack
            build 3: written, 1 asset in the pack
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
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0206] assets/b/x.txt: `assets/b/x.txt` is registered as 2 and not declared any more
                help: bring it back, or run `packwright remove 2` to give it up for good
              warning[PW0206] assets/c/x.txt: `assets/c/x.txt` is registered as 3 and not declared any more
                help: bring it back, or run `packwright remove 3` to give it up for good
            build 4: unchanged, 1 asset in the pack
              ran asset_dirs_in(assets)
              ran declared(assets)
              ran dependency_edges_in(assets)
              ran exports(assets)
              ran lone_sidecars_in(assets)
              ran recipes(assets)
              ran validated(assets)
              warning[PW0206] assets/b/x.txt: `assets/b/x.txt` is registered as 2 and not declared any more
                help: bring it back, or run `packwright remove 2` to give it up for good
              warning[PW0103] assets/c: the link `assets/c` leads nowhere
                help: remove it, or let it lead to a file or directory inside the workspace
              warning[PW0206] assets/c/x.txt: `assets/c/x.txt` is registered as 3 and not declared any more
                help: bring it back, or run `packwright remove 3` to give it up for good
        "#]],
    );
}

/// Two declarations of equal rank: both are shown, and with `omit` neither counts.
#[test]
fn a_directory_declared_twice() {
    check_each(
        r#"
## by an asset.json and a sidecar
//- /assets/d/asset.json
{ "type": "raw" }
//- /assets/d/a.txt
a
//- /assets/d.asset.json
{ "type": "raw" }
//- /assets/e.txt
e
"#,
        expect![[r#"
            ## by an asset.json and a sidecar
            build 1: refused
              error[PW0013] assets/d.asset.json: two declarations claim `assets/d`
                assets/d/asset.json: this one does too
                help: remove one of the two; a directory is declared by the `asset.json` inside it
              error[PW0013] assets/d/asset.json: two declarations claim `assets/d`
                assets/d.asset.json: this one does too
                help: remove one of the two; a directory is declared by the `asset.json` inside it
            build 2: written, 2 assets in the pack
              warning[PW0013] assets/d.asset.json: two declarations claim `assets/d`
                assets/d/asset.json: this one does too
                help: `assets/d` is left out of the pack; remove one of the two; a directory is declared by the `asset.json` inside it
              warning[PW0013] assets/d/asset.json: two declarations claim `assets/d`
                assets/d.asset.json: this one does too
                help: `assets/d` is left out of the pack; remove one of the two; a directory is declared by the `asset.json` inside it

        "#]],
    );
}

/// Directories that link to one another, without any loop, are not walked for ever.
#[test]
fn directories_that_all_link_to_one_another() {
    let mut scenario = "//- /assets/z.txt\nz\n".to_owned();
    for one in 0..7 {
        scenario += &format!("//- /assets/d{one}/f.txt\n{one}\n");
        for other in (0..7).filter(|it| *it != one) {
            scenario += &format!("//- ln /assets/d{one}/l{other} -> ../d{other}\n");
        }
    }
    check(
        &format!("{scenario}//- build --quiet\n"),
        expect![[r#"
        build 1: written, 1100 assets in the pack
    "#]],
    );
}

/// What belongs to a workspace within this one is no source, its sources are; without its configuration it is none.
#[test]
fn a_workspace_within_a_workspace() {
    check(
        r#"
//- /assets/build/b.txt
no workspace, so no outputs
//- /assets/inner/packwright.toml
//- /assets/inner/packwright.registry/notes.txt
notes
//- /assets/inner/build/dev/out.txt
out
//- /assets/inner/assets/a.txt
a
//- ln /assets/link.txt -> inner/build/dev/out.txt
//- ln /assets/fine.txt -> inner/assets/a.txt
//- build lenient
//- rm /assets/inner/packwright.toml
//- build lenient
"#,
        expect![[r#"
            build 1: written, 3 assets in the pack
              register `assets/build/b.txt` as 1
              register `assets/fine.txt` as 2
              register `assets/inner/assets/a.txt` as 3
              register `assets/link.txt` as 4
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
              processed raw: assets [fine.txt]
              processed raw: assets/build [b.txt]
              processed raw: assets/inner/assets [a.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0102] assets/link.txt: `assets/link.txt` is a link to what is no source: outside the workspace, hidden, packwright's own or no regular file
                help: `assets/link.txt` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
            build 2: written, 6 assets in the pack
              register `assets/inner/build/dev/out.txt` as 5
              register `assets/inner/packwright.registry/notes.txt` as 6
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
              processed raw: assets [link.txt]
              processed raw: assets/inner/build/dev [out.txt]
              processed raw: assets/inner/packwright.registry [notes.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
        "#]],
    );
}
