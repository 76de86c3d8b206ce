//! The command line as people and scripts see it: stdout, stderr and the exit code of the program itself, each test
//! in a directory of its own and without an environment.
#![expect(clippy::disallowed_methods, reason = "tests look at the disk from outside")]

mod sandbox;
mod schema;

mod diagnostics;
mod documents;
mod init;
mod others;
mod packs;

use expect_test::expect;
use sandbox::Sandbox;

#[test]
fn a_build_and_another_one() {
    let sandbox = Sandbox::demo();
    expect![[r#""#]].assert_eq(&sandbox.run(&["build"]));
    expect![[r#""#]].assert_eq(&sandbox.run(&["build"]));
    sandbox.write("assets/credits.txt", "somebody else\n");
    expect![[r#""#]].assert_eq(&sandbox.run(&["build"]));
    sandbox.write(
        "assets/sprites/coin.png.asset.json",
        "{ \"name\": \"coin\", \"tags\": [\"ui\", \"pickup\"], \"preload\": true }",
    );
    expect![[r#""#]].assert_eq(&sandbox.run(&["build"]));
    expect![[r#""#]].assert_eq(&sandbox.run(&["build", "-q"]));
    expect![[r#""#]].assert_eq(&sandbox.run(&["build", "--profile", "release", "--out", "elsewhere"]));
}

#[test]
fn a_workspace_at_a_glance() {
    let sandbox = Sandbox::demo();
    expect![[r#""#]].assert_eq(&sandbox.run(&["status"]));
    sandbox.run(&["build"]);
    sandbox.rename("assets/credits.txt", "assets/thanks.txt");
    sandbox.remove("assets/models/crate.glb");
    sandbox.write("assets/new.txt", "new");
    sandbox.write("assets/sprites/hero.png.asset.json", "{ \"exclude\": true }");
    expect![[r#""#]].assert_eq(&sandbox.run(&["status"]));
    expect![[r#""#]].assert_eq(&sandbox.run(&["list"]));
}

#[test]
fn assets_are_selected() {
    let sandbox = Sandbox::demo();
    sandbox.run(&["build"]);
    for (selector, ids) in [
        ("3", "3"),
        ("coin", "5"),
        ("assets/sprites", "5 6"),
        ("**/*.png", "5 6 7"),
        ("assets/dialog/", "2"),
        ("models/*", "3 4"),
    ] {
        assert_eq!(ids_of(&sandbox.stdout(&["list", selector])), ids, "{selector}");
    }
    let uuid = sandbox.json(&["list", "coin", "--format", "json"])["assets"][0]["asset_uuid"].clone();
    let uuid = uuid.as_str().expect("an identity");
    assert_eq!(ids_of(&sandbox.stdout(&["list", &uuid[..9]])), "5");
    assert_eq!(ids_of(&sandbox.stdout(&["-C", "assets/models", "list", "sign.gltf"])), "4");
    expect![[r#""#]].assert_eq(&sandbox.run(&["list", "coins"]));
}

fn ids_of(table: &str) -> String {
    let ids: Vec<&str> = table.lines().skip(1).filter_map(|it| it.split_whitespace().next()).collect();
    ids.join(" ")
}

#[test]
fn locked_changes_nothing() {
    let sandbox = Sandbox::demo();
    let before = sandbox.files();
    expect![[r#""#]].assert_eq(&sandbox.run(&["build", "--locked"]));
    expect![[r#""#]].assert_eq(&sandbox.run(&["check", "--locked", "-q"]).lines().next().unwrap_or_default());
    let of_the_author = |it: &(String, Vec<u8>)| !it.0.starts_with(".packwright") && !it.0.starts_with("build");
    let after: Vec<_> = sandbox.files().into_iter().filter(of_the_author).collect();
    assert_eq!(after, before.into_iter().filter(of_the_author).collect::<Vec<_>>());
    sandbox.run(&["build"]);
    expect![[r#""#]].assert_eq(&sandbox.run(&["build", "--locked"]));
}

#[test]
fn usage_is_two() {
    let sandbox = Sandbox::empty();
    expect![[r#""#]].assert_eq(&sandbox.run(&["build"]));
    expect![[r#""#]].assert_eq(&sandbox.run(&["-C", "nowhere", "build"]));
    for arguments in [&["build", "--jobs", "0"][..], &["bake"], &[], &["build", "--cache", "off", "--no-cache"]] {
        assert!(sandbox.run(arguments).starts_with("exit 2\n"), "{arguments:?}");
    }
    assert!(sandbox.run(&["--version"]).starts_with("exit 0\n"));
    let sandbox = Sandbox::demo();
    expect![[r#""#]].assert_eq(&sandbox.run(&["build", "--out", "assets/out"]));
}

#[test]
fn colours_are_a_wish() {
    let sandbox = Sandbox::demo();
    sandbox.write("assets/dialog/asset.json", "{ \"typ\": 1 }");
    let coloured = |arguments: &[&str], env: &[(&str, &str)]| sandbox.run_with(arguments, env).contains('\u{1b}');
    assert!(!coloured(&["check"], &[]));
    assert!(coloured(&["check", "--color", "always"], &[]));
    assert!(coloured(&["check"], &[("CLICOLOR_FORCE", "1")]));
    assert!(!coloured(&["check"], &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]));
    assert!(!coloured(&["check", "--color", "never"], &[("CLICOLOR_FORCE", "1")]));
}

#[test]
fn completions_are_for_every_shell() {
    let sandbox = Sandbox::empty();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(sandbox.stdout(&["completions", shell]).contains("packwright"), "{shell}");
    }
}

#[test]
fn the_cache_can_be_emptied() {
    let sandbox = Sandbox::demo();
    sandbox.run(&["build", "--cache-dir", "shared"]);
    let pack = sandbox.read("build/dev/main.pack");
    assert!(sandbox.stdout(&["cache", "stats", "--cache-dir", "shared"]).contains("traces"));
    assert!(sandbox.run(&["cache", "clear", "--cache-dir", "shared"]).starts_with("exit 0\n"));
    let stats = sandbox.json(&["cache", "stats", "--cache-dir", "shared", "--format", "json"]);
    assert_eq!((&stats["store"]["traces"], &stats["index_bytes"]), (&0.into(), &0.into()));
    sandbox.remove("build/dev/main.pack");
    sandbox.run(&["build", "--cache-dir", "shared"]);
    assert_eq!(sandbox.read("build/dev/main.pack"), pack);
    // A store needs no workspace.
    let elsewhere = Sandbox::empty();
    let shared = sandbox.path("shared").display().to_string();
    assert!(elsewhere.run(&["cache", "stats", "--cache-dir", &shared]).starts_with("exit 0\n"));
    assert!(elsewhere.run(&["cache", "stats"]).starts_with("exit 2\n"));
}
