//! Commands that read, and print what other programs and editors take: explanations, schemas, logs of checks.

use expect_test::expect;

use crate::sandbox::Sandbox;

#[test]
fn codes_are_explained() {
    let sandbox = Sandbox::empty();
    expect![[r#"
        exit 0
        --- stdout
        PW0012: two assets have one name

        Two assets have the same `asset_name`. Code refers to assets by name, so names are unique in a workspace. An asset that is
        given no name takes the path of its place below its root, and two roots may hold the same path.

        Give one of them a `name` of its own (`packwright rename` does), or exclude it.
    "#]]
    .assert_eq(&sandbox.run(&["explain", "pw12"]));
    let all = sandbox.stdout(&["explain"]);
    assert!(all.starts_with("PW0001  a file is not well-formed JSON or TOML\n"), "{all}");
    expect![[r#"
        exit 2
        --- stderr
        error: there is no code `PW9999`; `packwright explain` lists all of them
    "#]]
    .assert_eq(&sandbox.run(&["explain", "PW9999"]));
}

#[test]
fn schemas_are_printed_as_they_are_committed() {
    let sandbox = Sandbox::empty();
    let committed = |name: &str| {
        let path = format!("{}/schema/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(path).expect("a schema")
    };
    for name in ["asset", "cli/build"] {
        assert_eq!(sandbox.stdout(&["schema", name]), committed(name));
    }
    assert!(
        sandbox
            .stdout(&["schema"])
            .lines()
            .any(|it| it.starts_with("cli/build") && it.ends_with("build --format json"))
    );
    expect![[r#"
        exit 2
        --- stderr
        error: no schema is called `aset`; there is `asset`; `packwright schema` lists all
    "#]]
    .assert_eq(&sandbox.run(&["schema", "aset"]));
}

#[test]
fn what_a_check_finds_is_told_to_other_programs() {
    let sandbox = Sandbox::demo();
    sandbox.write("assets/dialog/asset.json", "{\n  \"typ\": \"raw\"\n}");
    expect![[r#"
        ::warning file=assets/dialog/asset.json,line=1,col=1,title=PW0017::the declaration says no type%0Ahelp: `assets/dialog` is left out of the pack; say its `type`
        ::warning file=assets/dialog/asset.json,line=2,col=3,title=PW0003::unknown field `typ`%0Ahelp: `assets/dialog` is left out of the pack; did you mean `type`?
    "#]]
    .assert_eq(&sandbox.stdout(&["check", "--format", "github"]));
    let log = sandbox.json(&["check", "--format", "sarif"]);
    let results = log["runs"][0]["results"].as_array().expect("results");
    let rules: Vec<_> = results.iter().filter_map(|it| it["ruleId"].as_str()).collect();
    assert_eq!((rules, &log["version"]), (vec!["PW0017", "PW0003"], &"2.1.0".into()));
    // In git, files are seen from the top of the working tree.
    let sandbox = Sandbox::empty();
    assert!(sandbox.run(&["init", "--demo", "-q", "game"]).starts_with("exit 0\n"));
    sandbox.write("game/assets/dialog/asset.json", "{}");
    std::fs::create_dir(sandbox.path(".git")).expect("nothing is there");
    let told = sandbox.stdout(&["-C", "game", "check", "--format", "github"]);
    assert!(told.starts_with("::warning file=game/assets/dialog/asset.json,"), "{told}");
}
