//! What histories by chance once found (`oracle.rs`), each as a scenario. Every build in here is held against a clean one.

use expect_test::expect;

use super::support::check;

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
