//! `packwright init`.

use expect_test::expect;

use crate::sandbox::Sandbox;

#[test]
fn the_demo_is_always_the_same_and_builds_cleanly() {
    let (one, two) = (Sandbox::demo(), Sandbox::demo());
    let of_the_author = |it: &(String, Vec<u8>)| !it.0.starts_with(".packwright");
    let files = |it: &Sandbox| it.files().into_iter().filter(of_the_author).collect::<Vec<_>>();
    assert_eq!(files(&one), files(&two));
    for profile in ["dev", "release"] {
        for sandbox in [&one, &two] {
            let document = sandbox.json(&["build", "-p", profile, "--format", "json"]);
            assert_eq!(document["diagnostics"], serde_json::json!([]), "{profile}");
            assert_eq!(document["entries"], 7);
        }
        let pack = format!("build/{profile}/main.pack");
        assert_eq!(one.read(&pack), two.read(&pack));
        assert!(one.run(&["pack", "verify", &pack]).starts_with("exit 0\n"));
    }
}

#[test]
fn rules_are_proposed_for_what_is_there() {
    let sandbox = Sandbox::empty();
    for path in ["assets/a.png", "assets/b.PNG", "assets/c.gltf", "assets/c.bin", "assets/README", "assets/.hidden.png"]
    {
        sandbox.write(path, "x");
    }
    sandbox.write("src/main.c", "int main;");
    expect![[r#""#]].assert_eq(&sandbox.run(&["init"]));
    let config = String::from_utf8(sandbox.read("packwright.toml")).expect("text");
    let config: String =
        config.lines().filter(|it| !it.starts_with("workspace = ")).map(|it| format!("{it}\n")).collect();
    expect![[r#""#]].assert_eq(&config);
    expect![[r#""#]].assert_eq(&sandbox.run(&["init"]));
}

#[test]
fn a_directory_without_assets_is_the_root_itself() {
    let sandbox = Sandbox::empty();
    sandbox.write("a.txt", "x");
    expect![[r#""#]].assert_eq(&sandbox.run(&["init", "new/game"]));
    expect![[r#""#]].assert_eq(&sandbox.run(&["init"]));
    expect![[r#""#]].assert_eq(&sandbox.run(&["build"]));
}

#[test]
fn two_workspaces_have_two_uuids() {
    let uuid = |sandbox: &Sandbox| {
        sandbox.run(&["init"]);
        let config = String::from_utf8(sandbox.read("packwright.toml")).expect("text");
        config.lines().find(|it| it.starts_with("workspace = ")).map(str::to_owned)
    };
    let (one, two) = (uuid(&Sandbox::empty()), uuid(&Sandbox::empty()));
    assert!(one.is_some() && one != two);
}

#[test]
fn a_lost_registry_is_not_made_anew() {
    let sandbox = Sandbox::raw(&[("assets/a.txt", "a")]);
    sandbox.run(&["build"]);
    sandbox.remove("packwright.registry/7.jsonl");
    expect![[r#""#]].assert_eq(&sandbox.run(&["init"]));
    std::fs::remove_dir_all(sandbox.path("packwright.registry")).expect("it is there");
    expect![[r#""#]].assert_eq(&sandbox.run(&["init"]));
}

#[test]
fn a_demo_overwrites_nothing() {
    let sandbox = Sandbox::empty();
    sandbox.write("assets/credits.txt", "mine");
    expect![[r#""#]].assert_eq(&sandbox.run(&["init", "--demo"]));
    let files: Vec<String> = sandbox.files().into_iter().map(|it| it.0).filter(|it| !it.starts_with('.')).collect();
    assert_eq!(files, ["assets/credits.txt"]);
}
