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
