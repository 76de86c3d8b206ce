//! What is wrong with a workspace, as people see it.

use expect_test::expect;

use crate::sandbox::Sandbox;

#[test]
fn every_error_is_shown_where_it_is() {
    let sandbox = Sandbox::raw(&[
        ("assets/a.txt", "a"),
        ("assets/a.txt.asset.json", "{\n  // \u{fc}ber\n  \"name\": \"hero\"\n}\n"),
        ("assets/b/asset.json", "{ \"type\": \"raw\", \"name\": \"hero\", \"inputs\": [\"x.bin\"] }"),
        ("assets/b/x.bin", "x"),
        ("assets/c/asset.json", "{ \"type\": \"raw\" \"name\": \"c\" }"),
        ("assets/d/asset.json", "{\n\t\"type\": \"raw\",\n\t\"inputs\": [\"gone.bin\"]\n}"),
    ]);
    expect![[r#"
        exit 1
        --- stderr
        error[PW0012]: two assets are named `hero`
         --> assets/a.txt.asset.json:3:11
          |
        3 |   "name": "hero"
          |           ^^^^^^
          |
          = help: `assets/b` has this name too; give one of them another `name`
        note: the other one is declared here
         --> assets/b/asset.json:1:26
          |
        1 | { "type": "raw", "name": "hero", "inputs": ["x.bin"] }
          |                          ------

        error[PW0012]: two assets are named `hero`
         --> assets/b/asset.json:1:26
          |
        1 | { "type": "raw", "name": "hero", "inputs": ["x.bin"] }
          |                          ^^^^^^
          |
          = help: `assets/a.txt` has this name too; give one of them another `name`
        note: the other one is declared here
         --> assets/a.txt.asset.json:3:11
          |
        3 |   "name": "hero"
          |           ------

        error[PW0001]: expected comma
         --> assets/c/asset.json:1:16
          |
        1 | { "type": "raw" "name": "c" }
          |                ^

        error[PW0015]: the input `gone.bin` is not there
         --> assets/d/asset.json:3:13
          |
        3 |     "inputs": ["gone.bin"]
          |                ^^^^^^^^^^
          |
          = help: `assets/d/gone.bin` was looked for; add it, or take it out of `inputs`

        4 errors; nothing was built
    "#]]
    .assert_eq(&sandbox.run(&["build"]));
    assert!(!sandbox.path("build/dev/main.pack").exists());
}

#[test]
fn warnings_do_not_stop_a_build() {
    let sandbox = Sandbox::raw(&[("assets/a.txt", "a"), ("assets/A.txt", "A")]);
    expect![[r#"
        exit 0
        --- stderr
        warning[PW0106]: `assets/A.txt` and `assets/a.txt` differ only in case or Unicode normalization
        --> assets/a.txt
         = help: many file systems cannot hold both; rename one of them

        1 warning
        note: registered 2 new assets (commit packwright.registry)
          1 assets/A.txt
          2 assets/a.txt
        built dev/main: 2 assets processed, 0 reused, 3 files written in 0.00 s
    "#]]
    .assert_eq(&sandbox.run(&["build"]));
    expect![[r#"
        exit 0
        --- stderr
        warning[PW0106]: `assets/A.txt` and `assets/a.txt` differ only in case or Unicode normalization
        --> assets/a.txt
         = help: many file systems cannot hold both; rename one of them

        1 warning
        nothing to do (2 assets, 0.00 s)
    "#]]
    .assert_eq(&sandbox.run(&["build"]));
}

#[test]
fn the_configuration_is_shown_too() {
    let sandbox = Sandbox::raw(&[("assets/a.txt", "a")]);
    sandbox.write("packwright.toml", "workspace = \"x\"\nroots = [{ path = \"../up\" }]\nrule = []\n");
    expect![[r#"
        exit 1
        --- stderr
        error[PW0020]: `workspace` is no uuid in lower-case hyphenated form
         --> packwright.toml:1:13
          |
        1 | workspace = "x"
          |             ^^^
          |
          = help: `packwright init` writes one; in an existing workspace, take it from version control

        error[PW0006]: `../up` is not in normal form: write it without `.` and `..`
         --> packwright.toml:2:19
          |
        2 | roots = [{ path = "../up" }]
          |                   ^^^^^^^

        error[PW0003]: unknown field `rule`
         --> packwright.toml:3:1
          |
        3 | rule = []
          | ^^^^
          |
          = help: did you mean `rules`?

        3 errors
    "#]]
    .assert_eq(&sandbox.run(&["status"]));
    sandbox.write("packwright.toml", "workspace = [\n");
    expect![[r#"
        exit 1
        --- stderr
        error[PW0001]: unclosed array, expected `]`
         --> packwright.toml:1:14
          |
        1 | workspace = [
          |              ^

        1 error
    "#]]
    .assert_eq(&sandbox.run(&["list"]));
}

#[test]
fn of_many_warnings_alike_the_first_are_shown() {
    let sandbox = Sandbox::raw(&[("assets/aux.txt", "x")]);
    for n in 0..9 {
        sandbox.write(&format!("assets/{n}.txt"), "");
    }
    let shown = sandbox.run(&["check"]);
    expect![[r#"
        exit 0
        --- stderr
        warning[PW0111]: `assets/0.txt` is empty
        --> assets/0.txt
         = help: fill it, or keep it out of the pack with a rule that has `exclude = true`

        warning[PW0111]: `assets/1.txt` is empty
        --> assets/1.txt
         = help: fill it, or keep it out of the pack with a rule that has `exclude = true`

        warning[PW0111]: `assets/2.txt` is empty
        --> assets/2.txt
         = help: fill it, or keep it out of the pack with a rule that has `exclude = true`

        warning[PW0107]: not every system can hold the name `aux.txt`: `AUX` is a device on Windows
        --> assets/aux.txt
         = help: rename it before somebody checks it out there

        ... and 6 more of PW0111, a file is empty (-v shows all)

        10 warnings
        note: a build would register 10 new assets
          1 assets/0.txt
          2 assets/1.txt
          3 assets/2.txt
          4 assets/3.txt
          5 assets/4.txt
          ... and 5 more (-v names them)
        dev/main is valid: 10 assets, checked in 0.00 s
    "#]]
    .assert_eq(&shown);
    assert_eq!(sandbox.run(&["check", "-v"]).matches("warning[PW0111]").count(), 9);
}

#[test]
fn of_very_many_only_some_are_shown() {
    let sandbox = Sandbox::raw(&[]);
    for n in 0..60 {
        sandbox.write(&format!("assets/{n}/asset.json"), "{}");
    }
    let shown = sandbox.run(&["check"]);
    assert_eq!(shown.matches("error[PW0017]").count(), 50);
    expect![[r#"
        ... and 10 more (-v shows all)

        60 errors; a build would publish nothing
    "#]]
    .assert_eq(&shown[shown.rfind("...").unwrap_or(0)..]);
    let all = sandbox.json(&["check", "--format", "json"]);
    assert_eq!(all["diagnostics"].as_array().map(Vec::len), Some(60));
}

#[cfg(target_os = "linux")]
#[test]
fn file_names_do_not_reach_the_terminal() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let sandbox = Sandbox::raw(&[("assets/\u{1b}[31m.txt.asset.json", "{}"), ("assets/\u{1b}]0;x\u{7}.txt", "x")]);
    let odd = sandbox.path("assets").join(OsStr::from_bytes(b"\xff\x1b.txt"));
    std::fs::write(odd, "x").expect("file names are bytes");
    for arguments in [&["check"][..], &["status"], &["list"], &["build"]] {
        assert!(!sandbox.run(arguments).contains('\u{1b}'), "{arguments:?}");
    }
    expect![[r#"
        exit 1
        --- stderr
        error[PW0014]: there is no file `assets/\u{1b}[31m.txt` for this sidecar
        --> assets/\u{1b}[31m.txt.asset.json
         = help: move the sidecar along with its file, or remove it; a directory is declared by an `asset.json` inside it

        warning[PW0107]: not every system can hold the name `\u{1b}]0;x\u{7}.txt`: Windows allows no '\u{1b}' in a name
        --> assets/\u{1b}]0;x\u{7}.txt
         = help: rename it before somebody checks it out there

        error[PW0105]: the name `\xff\u{1b}.txt` in `assets` is not UTF-8
        --> assets/�\u{1b}�ff1b2e747874.txt
         = help: rename it, or exclude it with a rule that has `exclude = true` before the one that claims it

        2 errors, 1 warning; a build would publish nothing
    "#]].assert_eq(&sandbox.run(&["check"]));
}

#[test]
fn text_that_is_not_utf8_is_not_shown() {
    let sandbox = Sandbox::raw(&[("assets/a.txt", "a")]);
    std::fs::write(sandbox.path("assets/a.txt.asset.json"), b"{ \"name\": \"\xff\" }").expect("a file");
    expect![[r#"
        exit 1
        --- stderr
        error[PW0011]: the file is not UTF-8: byte 11 is 0xff
        --> assets/a.txt.asset.json:1:12
         = help: save it as UTF-8

        1 error; a build would publish nothing
    "#]]
    .assert_eq(&sandbox.run(&["check"]));
}

#[test]
fn a_fifo_is_an_error_of_the_workspace() {
    #[cfg(unix)]
    {
        let sandbox = Sandbox::raw(&[]);
        sandbox.write("assets/b.txt", "b");
        let fifo = sandbox.path("assets/a.txt");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o644.into(), 0).expect("a FIFO");
        assert!(sandbox.run(&["build"]).starts_with("exit 1\n"));
    }
}
