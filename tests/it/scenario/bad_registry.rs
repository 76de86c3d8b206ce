//! A damaged registry is refused, whatever the profile says of broken assets, with a sentence that says what to do.

use expect_test::expect;

use super::support::check_each;

#[test]
fn damaged_registries() {
    check_each(
        r#"
## a file that vanished
//- build --quiet
//- rm /packwright.registry/7.jsonl
//- build
//- build lenient
## all of them
//- build --quiet
//- rm /packwright.registry
//- build
## garbage
//- /packwright.registry/0.jsonl
nonsense
{}
{"asset_uuid": "x", "asset_id": 1, "place": "assets/a"}
{"asset_uuid": "01234567-89ab-8def-8123-456789abcdef", "asset_id": 0, "place": "assets/a"}
{"asset_uuid": "01234567-89ab-8def-8123-456789abcdef", "asset_id": 1, "place": "../a"}
{"asset_uuid": "01234567-89ab-8def-8123-456789abcdef", "asset_id": 1, "place": "assets/a", "colour": "red"}
//- build
//- build lenient
## bytes that are no text
//- hex /packwright.registry/0.jsonl ff fe 00
//- build
## conflict markers
//- /packwright.registry/0.jsonl
<<<<<<< ours
{"asset_uuid":"01234567-89ab-8def-8123-456789abcdef","asset_id":1,"place":"assets/a.txt"}
=======
{"asset_uuid":"01234567-89ab-8def-8123-456789abcdef","asset_id":2,"place":"assets/a.txt"}
>>>>>>> theirs
//- build
## a number bound twice
//- /packwright.registry/0.jsonl
{"asset_uuid":"01234567-89ab-8def-8123-456789abcdef","asset_id":1,"place":"assets/a.txt","content":"1111111111111111111111111111111111111111111111111111111111111111"}
{"asset_uuid":"01234567-89ab-8def-8123-456789abcdee","asset_id":1,"place":"assets/b.txt","content":"1111111111111111111111111111111111111111111111111111111111111111"}
//- build
## a place bound twice
//- /packwright.registry/0.jsonl
{"asset_uuid":"01234567-89ab-8def-8123-456789abcdef","asset_id":1,"place":"assets/a.txt","content":"1111111111111111111111111111111111111111111111111111111111111111"}
{"asset_uuid":"01234567-89ab-8def-8123-456789abcdee","asset_id":2,"place":"assets/a.txt","content":"1111111111111111111111111111111111111111111111111111111111111111"}
//- build
## a line in the wrong file
//- /packwright.registry/1.jsonl
{"asset_uuid":"01234567-89ab-8def-8123-456789abcdef","asset_id":1,"place":"assets/a.txt","content":"1111111111111111111111111111111111111111111111111111111111111111"}
//- build
## a directory in place of a file
//- rm /packwright.registry/7.jsonl
//- mkdir /packwright.registry/7.jsonl
//- build
"#,
        expect![[r#"
            ## a file that vanished
            build 1: written, 1 asset in the pack
            build 2: refused
              error[PW0201] packwright.registry/7.jsonl: `packwright.registry/7.jsonl` is absent
                help: restore it from version control; packwright never starts it anew, or every identity would be lost
            build 3: refused
              error[PW0201] packwright.registry/7.jsonl: `packwright.registry/7.jsonl` is absent
                help: restore it from version control; packwright never starts it anew, or every identity would be lost

            ## all of them
            build 1: written, 1 asset in the pack
            build 2: refused
              error[PW0201] packwright.registry: `packwright.registry` is absent
                help: restore it from version control; in a workspace that never had one, run `packwright init`

            ## garbage
            build 1: refused
              error[PW0202] packwright.registry/0.jsonl:1:1: the line cannot be read: expected ident
                help: restore the line from version control
              error[PW0202] packwright.registry/0.jsonl:2:1: the line cannot be read: missing field `asset_uuid`
                help: restore the line from version control
              error[PW0202] packwright.registry/0.jsonl:3:1: the line cannot be read: expected a uuid in lower-case hyphenated form
                help: restore the line from version control
              error[PW0202] packwright.registry/0.jsonl:4:1: the line cannot be read: missing field `content`
                help: restore the line from version control
              error[PW0202] packwright.registry/0.jsonl:5:1: the line cannot be read: expected a relative path with `/` and without `.`, `..` or empty components
                help: restore the line from version control
              error[PW0202] packwright.registry/0.jsonl:6:1: the line cannot be read: unknown field `colour`, expected one of `asset_uuid`, `asset_id`, `place`, `part`, `content`, `declaration`, `was`, `retired`, `removed`
                help: a newer packwright may have written the line: use that one, or restore the line from version control
            build 2: refused
              error[PW0202] packwright.registry/0.jsonl:1:1: the line cannot be read: expected ident
                help: restore the line from version control
              error[PW0202] packwright.registry/0.jsonl:2:1: the line cannot be read: missing field `asset_uuid`
                help: restore the line from version control
              error[PW0202] packwright.registry/0.jsonl:3:1: the line cannot be read: expected a uuid in lower-case hyphenated form
                help: restore the line from version control
              error[PW0202] packwright.registry/0.jsonl:4:1: the line cannot be read: missing field `content`
                help: restore the line from version control
              error[PW0202] packwright.registry/0.jsonl:5:1: the line cannot be read: expected a relative path with `/` and without `.`, `..` or empty components
                help: restore the line from version control
              error[PW0202] packwright.registry/0.jsonl:6:1: the line cannot be read: unknown field `colour`, expected one of `asset_uuid`, `asset_id`, `place`, `part`, `content`, `declaration`, `was`, `retired`, `removed`
                help: a newer packwright may have written the line: use that one, or restore the line from version control

            ## bytes that are no text
            build 1: refused
              error[PW0202] packwright.registry/0.jsonl:1:1: the line is not UTF-8; the file is not read any further
                help: restore the file from version control

            ## conflict markers
            build 1: refused
              error[PW0204] packwright.registry/0.jsonl:1:1: a merge conflict was left unresolved here
                help: remove the markers and keep the lines of both sides, or run `packwright doctor --fix`, which repairs this alike on every machine
              error[PW0202] packwright.registry/0.jsonl:2:1: the line cannot be read: missing field `content`
                help: restore the line from version control
              error[PW0204] packwright.registry/0.jsonl:3:1: a merge conflict was left unresolved here
                help: remove the markers and keep the lines of both sides, or run `packwright doctor --fix`, which repairs this alike on every machine
              error[PW0202] packwright.registry/0.jsonl:4:1: the line cannot be read: missing field `content`
                help: restore the line from version control
              error[PW0204] packwright.registry/0.jsonl:5:1: a merge conflict was left unresolved here
                help: remove the markers and keep the lines of both sides, or run `packwright doctor --fix`, which repairs this alike on every machine

            ## a number bound twice
            build 1: refused
              error[PW0203] packwright.registry/0.jsonl:1:1: number 1 is bound to both `assets/b.txt` and `assets/a.txt`
                packwright.registry/0.jsonl:2:1: the other line
                help: run `packwright doctor --fix`, which repairs this alike on every machine

            ## a place bound twice
            build 1: refused
              error[PW0203] packwright.registry/0.jsonl:1:1: `assets/a.txt` is bound to two assets, 2 (01234567-89ab-8def-8123-456789abcdee) and 1 (01234567-89ab-8def-8123-456789abcdef)
                packwright.registry/0.jsonl:2:1: the other line
                help: run `packwright doctor --fix`, which repairs this alike on every machine

            ## a line in the wrong file
            build 1: refused
              error[PW0202] packwright.registry/1.jsonl:1:1: the line of 01234567-89ab-8def-8123-456789abcdef belongs in `packwright.registry/0.jsonl`
                help: run `packwright doctor --fix`, which repairs this alike on every machine

            ## a directory in place of a file
            build 1: failed: cannot read `/ws/packwright.registry/7.jsonl`

        "#]],
    );
}
