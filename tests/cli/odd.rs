//! Odd trees: names that shells, terminals, globs and other systems read otherwise, and many files and levels. What is too
//! large for here is in `.ci/odd-trees`.
#![cfg(target_os = "linux")]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use expect_test::expect;

use crate::sandbox::Sandbox;

/// Right to left, combining characters, ends of lines, brackets, all that globs, ignore patterns and selectors are
/// written with, what shells and Windows read otherwise, what nobody sees, and what is as long as a name may be.
fn odd_names() -> Vec<String> {
    let names = [
        "\u{5e9}\u{5dc}\u{5d5}\u{5dd}.txt",
        "\u{202e}gpj.evil.txt",
        "cafe\u{301}.txt",
        "\u{1f600}\u{200d}.txt",
        "\u{feff}.txt",
        "\u{200b}.txt",
        "line\nbreak.txt",
        "\t.txt",
        "[x].txt",
        "[!a].txt",
        "{a,b}.txt",
        "{stem}.txt",
        "st*r.txt",
        "wh?t.txt",
        "!bang.txt",
        "#hash.txt",
        "a#b.txt",
        "back\\slash.txt",
        "q\"uo'te.txt",
        "sp ace .txt",
        "-dash.txt",
        "~tilde.txt",
        "%41.txt",
        "uuid:1234.txt",
        "17",
        "PW0012",
        "$HOME.txt",
        "x..txt",
        "CON.txt",
        "con.txt",
        "asset.json.txt",
        "deep/[dir]/{d}/*/\\/x.txt",
    ];
    let long = ["n".repeat(251) + ".txt", "\u{e9}".repeat(125) + ".txt"];
    names.into_iter().map(str::to_owned).chain(long).collect()
}

fn sandbox_of(names: &[String]) -> Sandbox {
    let sandbox = Sandbox::empty();
    names.iter().for_each(|it| sandbox.write(&format!("assets/{it}"), it));
    assert!(sandbox.run(&["init", "-q"]).starts_with("exit 0\n"));
    sandbox
}

fn places(document: &serde_json::Value) -> Vec<String> {
    let assets = document["assets"].as_array().expect("a list");
    let mut places: Vec<String> = assets.iter().map(|it| it["place"].as_str().expect("a text").to_owned()).collect();
    places.sort();
    places
}

#[test]
fn whatever_a_file_is_called_it_is_an_asset() {
    let names = odd_names();
    let sandbox = sandbox_of(&names);
    let built = sandbox.json(&["build", "--format", "json"]);
    assert_eq!(built["entries"], names.len());
    assert_eq!(sandbox.json(&["build", "--format", "json"])["outcome"], "up_to_date");
    let mut expected: Vec<String> = names.iter().map(|it| format!("assets/{it}")).collect();
    expected.sort();
    assert_eq!(places(&sandbox.json(&["list", "--format", "json"])), expected);
    for place in &expected {
        // A path means the asset at it, whatever else it could mean.
        let shown = sandbox.json(&["show", "--format", "json", "--", place]);
        assert_eq!(shown["place"], place.as_str());
        let explained = sandbox.json(&["explain", "--format", "json", "--", place]);
        assert_eq!((&explained["place"], &explained["verdict"]), (&place.as_str().into(), &"up_to_date".into()));
    }
    assert!(sandbox.run(&["pack", "verify", "build/dev/main.pack"]).starts_with("exit 0\n"));
    assert!(sandbox.run(&["graph", "--format", "dot"]).starts_with("exit 0\n"));
    assert!(sandbox.run(&["check", "--format", "sarif"]).starts_with("exit 0\n"));
    // Nothing that a terminal would act on reaches one.
    let told = [sandbox.run(&["list"]), sandbox.run(&["status"]), sandbox.run(&["build", "--rehash"])].concat();
    let is_harmful = |it: char| (it.is_control() && it != '\n') || "\u{202e}\u{200b}\u{feff}".contains(it);
    assert_eq!(told.chars().find(|it| is_harmful(*it)), None);
    // A clean build elsewhere comes to the same bytes.
    let pack = sandbox.read("build/dev/main.pack");
    sandbox.run(&["build", "--no-cache", "--out", "elsewhere"]);
    assert_eq!(sandbox.read("elsewhere/main.pack"), pack);
}

#[test]
fn odd_names_are_written_and_moved() {
    let names = odd_names();
    let sandbox = sandbox_of(&names);
    sandbox.run(&["build"]);
    let has_room = |it: &&String| it.len() < 240 && !it.contains('/');
    for name in names.iter().filter(has_room) {
        let place = format!("assets/{name}");
        // A path that is a glob too may mean several; a uuid means one.
        let shown = sandbox.json(&["show", "--format", "json", "--", &place]);
        let uuid = shown["asset_uuid"].as_str().expect("a uuid");
        for arguments in [&["exclude", uuid][..], &["include", uuid], &["rename", uuid, "other"]] {
            let told = sandbox.run(arguments);
            assert!(told.starts_with("exit 0\n"), "{arguments:?}: {told}");
        }
        let told = sandbox.run(&["move", uuid, "assets/moved here.txt"]);
        assert!(told.starts_with("exit 0\n"), "{place:?}: {told}");
        for _ in 0..4 {
            assert!(sandbox.run(&["undo"]).starts_with("exit 0\n"), "{place:?}");
        }
        assert_eq!(sandbox.read(&place), name.as_bytes());
    }
    assert!(sandbox.run(&["build", "--locked", "-q"]).starts_with("exit 0\n"));
    // What has no room for a sidecar is told so.
    let long = format!("assets/{}", names.iter().find(|it| it.len() == 255).expect("one is so long"));
    expect![[r#"
        exit 1
        --- stderr
        error: `LONG` leaves no room for a sidecar, `.asset.json` after its name: most systems hold names of up to 255 bytes; write a rule for it, or give the file a shorter name
    "#]].assert_eq(&sandbox.run(&["exclude", &long]).replace(&long, "LONG"));
}

#[test]
fn names_that_are_no_text_are_told_by_their_bytes() {
    let sandbox = sandbox_of(&["a.txt".to_owned()]);
    let native = |name: &[u8]| sandbox.path("assets").join(OsStr::from_bytes(name));
    std::fs::write(native(b"\xff.txt"), "x").expect("a file");
    std::fs::create_dir(native(b"d\xff")).expect("a directory");
    std::fs::write(native(b"d\xff/in.txt"), "x").expect("a file");
    expect![[r#"
        exit 0
        --- stderr
        warning[PW0105]: the name `d\xff` in `assets` is not UTF-8
        --> assets/d��64ff
         = help: `assets/d��64ff` is left out of the pack; rename it, or exclude it with a rule that has `exclude = true` before the one that claims it

        warning[PW0105]: the name `\xff.txt` in `assets` is not UTF-8
        --> assets/��ff2e747874.txt
         = help: `assets/��ff2e747874.txt` is left out of the pack; rename it, or exclude it with a rule that has `exclude = true` before the one that claims it

        2 warnings
        note: registered 1 new asset (commit packwright.registry)
          1 assets/a.txt
        built dev/main: 1 asset processed, 0 reused, 3 files written in 0.00 s
    "#]].assert_eq(&sandbox.run(&["build"]));
}

#[test]
fn sixty_levels_and_two_thousand_files_in_one_directory() {
    let mut names: Vec<String> = (0..2000).map(|it| format!("many/{it}.txt")).collect();
    names.extend((1..=60).map(|it| "level/".repeat(it) + "leaf.txt"));
    let sandbox = sandbox_of(&names);
    let built = sandbox.json(&["build", "--format", "json"]);
    assert_eq!((&built["entries"], &built["work"]["processed"]), (&2060.into(), &2060.into()));
    assert_eq!(sandbox.json(&["build", "--format", "json"])["outcome"], "up_to_date");
    sandbox.write("assets/many/7.txt", "another");
    sandbox.write(&format!("assets/{}leaf.txt", "level/".repeat(60)), "another");
    let edited = sandbox.json(&["build", "--format", "json"]);
    assert_eq!((&edited["entries"], &edited["work"]["processed"]), (&2060.into(), &2.into()));
}

#[test]
fn a_thousand_rules_and_the_last_one_claims() {
    let sandbox = Sandbox::empty();
    let rule = |it: u32| format!("{{ match = \"d{it}/**/*.{{a,b}}\", type = \"raw\", tags = [\"t{it}\"] }},\n");
    let rules: String = (0..1000).map(rule).collect();
    let head = "workspace = \"00000000-0000-4000-8000-000000000000\"\nroots = [{ path = \"assets\" }]\n";
    sandbox.write("packwright.toml", &format!("{head}rules = [\n{rules}]\n"));
    sandbox.write("assets/d999/x/y.b", "x");
    sandbox.write("assets/d1000/x.b", "x");
    sandbox.run(&["init", "-q"]);
    let shown = sandbox.json(&["show", "--format", "json", "d999/x/y.b"]);
    assert_eq!((&shown["tags"][0], &shown["declaration"]["by_rule"]), (&"t999".into(), &1000.into()));
    let status = sandbox.json(&["status", "--format", "json"]);
    assert_eq!(status["unclaimed"], serde_json::json!(["assets/d1000/x.b"]));
}
