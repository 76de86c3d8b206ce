//! What histories by chance once found (`oracle.rs`), each as a scenario. Every build in here is held against a clean one.

use expect_test::expect;

use super::support::{check, check_cold};

/// The link was found to dangle, and then forgotten because what was known behind it was gone.
#[test]
fn a_linked_directory_goes_away() {
    check(
        r#"
//- /shared/x/one.txt
one
//- ln /assets/x -> ../shared/x
//- build --quiet
//- rm /shared/x
//- build --quiet
//- /shared/x/two.txt
two
//- build --quiet
"#,
        expect![[r#"
            build 1: written, 1 asset in the pack
            build 2: written, 0 assets in the pack
              warning[PW0103] assets/x: the link `assets/x` leads nowhere
                help: remove it, or let it lead to a file or directory inside the workspace
              warning[PW0206] assets/x/one.txt: `assets/x/one.txt` is registered as 1 and not declared any more
                help: bring it back, or run `packwright remove 1` to give it up for good
            build 3: written, 1 asset in the pack
              warning[PW0206] assets/x/one.txt: `assets/x/one.txt` is registered as 1 and not declared any more
                help: bring it back, or run `packwright remove 1` to give it up for good
        "#]],
    );
}

/// What the directory had held was asked through the link, and the answer ended the build.
#[test]
fn a_directory_becomes_a_link_to_itself() {
    check(
        r#"
//- /assets/a/x/one.txt
one
//- /assets/b.txt
b
//- build --quiet
//- rm /assets/a/x
//- ln /assets/a/x -> x
//- build --quiet
//- rm /assets/a/x
//- /assets/a/x/one.txt
one
//- build --quiet
"#,
        expect![[r#"
            build 1: written, 2 assets in the pack
            build 2: written, 1 asset in the pack
              warning[PW0206] assets/a/x/one.txt: `assets/a/x/one.txt` is registered as 1 and not declared any more
                help: bring it back, or run `packwright remove 1` to give it up for good
            build 3: written, 2 assets in the pack
        "#]],
    );
}

/// What the directory had held was read through the link, though the link leads out of the workspace.
#[test]
fn a_directory_becomes_a_link_that_leaves_the_workspace() {
    check(
        r#"
//- /assets/a/x/one.txt
one
//- //outside/one.txt
eins
//- build --quiet
//- rm /assets/a/x
//- ln /assets/a/x -> /outside
//- build --quiet
"#,
        expect![[r#"
            build 1: written, 1 asset in the pack
            build 2: written, 0 assets in the pack
              warning[PW0102] assets/a/x: the link `assets/a/x` leads out of the workspace or to what is no source; nothing behind it is one
                help: remove it, or let it lead to a file or directory inside the workspace
              warning[PW0206] assets/a/x/one.txt: `assets/a/x/one.txt` is registered as 1 and not declared any more
                help: bring it back, or run `packwright remove 1` to give it up for good
        "#]],
    );
}

/// The source that ended the last bucket went, others came after it, and the tree had two buckets without an end.
#[test]
fn the_last_bucket_loses_its_end_while_it_grows() {
    let end =
        (0..).map(|it| format!("/assets/m{it}.txt")).find(|it| blake3::hash(&it.as_bytes()[1..]).as_bytes()[0] == 0);
    let end = end.expect("one of 256 does");
    check(
        &format!(
            r#"
//- /assets/a.txt
a
//- {end}
end
//- build --quiet
//- rm {end}
//- /assets/z.txt
z
//- build --quiet
"#
        ),
        expect![[r#"
            build 1: written, 2 assets in the pack
            build 2: written, 2 assets in the pack
              warning[PW0206] assets/m424.txt: `assets/m424.txt` is registered as 2 and not declared any more
                help: bring it back, or run `packwright remove 2` to give it up for good
        "#]],
    );
}

/// An empty directory can be seen where a declaration is looked for, and where a file is.
#[test]
fn an_empty_directory_goes() {
    check_cold(
        r#"
//- /assets/a.txt
a
//- /assets/m.gltf
{ "asset": {"version": "2.0"}, "images": [{"uri": "x.dat"}] }
//- mkdir /assets/a.txt.asset.json
//- mkdir /assets/x.dat
//- build lenient
//- rm /assets/a.txt.asset.json
//- build lenient
//- rm /assets/x.dat
//- build lenient
//- build lenient
"#,
        expect![[r#"
            build 1: written, 0 assets in the pack
              register `assets/m.gltf` as 1
              digested 2
              processed model: assets [m.gltf]
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0101] assets/a.txt.asset.json: `assets/a.txt.asset.json` is a directory
                help: `assets/a.txt` is left out of the pack; put a regular file there, or exclude it with a rule that has `exclude = true` before the one that claims it
              warning[PW0112] assets/m.gltf:1:51: `images[0]` names `x.dat`, which is not a source: `x.dat` is a directory
                help: `assets/m.gltf` is left out of the pack
            build 2: written, 1 asset in the pack
              register `assets/a.txt` as 2
              processed raw: assets [a.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0112] assets/m.gltf:1:51: `images[0]` names `x.dat`, which is not a source: `x.dat` is a directory
                help: `assets/m.gltf` is left out of the pack
            build 3: unchanged, 1 asset in the pack
              processed model: assets [m.gltf]
              warning[PW0321] assets/m.gltf:1:51: `images[0]` names `x.dat`, which is not there
                help: `assets/m.gltf` is left out of the pack; add the file, or correct the `uri`, which is seen from the model
            build 4: up to date, 1 asset in the pack
              warning[PW0321] assets/m.gltf:1:51: `images[0]` names `x.dat`, which is not there
                help: `assets/m.gltf` is left out of the pack; add the file, or correct the `uri`, which is seen from the model
        "#]],
    );
}

#[test]
fn an_empty_root_goes() {
    check_cold(
        r#"
//- mkdir /assets
//- build
//- rm /assets
//- build
"#,
        expect![[r#"
            build 1: written, 0 assets in the pack
              wrote main.parts/*.part
              wrote main.pack
            build 2: refused
              error[PW0021] packwright.toml: the root `assets` is not a directory
                help: create it, or take it out of `[[roots]]`
        "#]],
    );
}
