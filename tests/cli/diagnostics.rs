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
    expect![[r#""#]].assert_eq(&sandbox.run(&["build"]));
    assert!(!sandbox.path("build/dev/main.pack").exists());
}

#[test]
fn warnings_do_not_stop_a_build() {
    let sandbox = Sandbox::raw(&[("assets/a.txt", "a"), ("assets/A.txt", "A")]);
    expect![[r#""#]].assert_eq(&sandbox.run(&["build"]));
    expect![[r#""#]].assert_eq(&sandbox.run(&["build"]));
}

#[test]
fn the_configuration_is_shown_too() {
    let sandbox = Sandbox::raw(&[("assets/a.txt", "a")]);
    sandbox.write("packwright.toml", "workspace = \"x\"\nroots = [{ path = \"../up\" }]\nrule = []\n");
    expect![[r#""#]].assert_eq(&sandbox.run(&["status"]));
    sandbox.write("packwright.toml", "workspace = [\n");
    expect![[r#""#]].assert_eq(&sandbox.run(&["list"]));
}

#[test]
fn of_very_many_only_some_are_shown() {
    let sandbox = Sandbox::raw(&[]);
    for n in 0..60 {
        sandbox.write(&format!("assets/{n}/asset.json"), "{}");
    }
    let shown = sandbox.run(&["check"]);
    assert_eq!(shown.matches("error[PW0017]").count(), 50);
    expect![[r#""#]].assert_eq(&shown[shown.rfind("...").unwrap_or(0)..]);
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
    expect![[r#""#]].assert_eq(&sandbox.run(&["check"]));
}

#[test]
fn text_that_is_not_utf8_is_not_shown() {
    let sandbox = Sandbox::raw(&[("assets/a.txt", "a")]);
    std::fs::write(sandbox.path("assets/a.txt.asset.json"), b"{ \"name\": \"\xff\" }").expect("a file");
    expect![[r#""#]].assert_eq(&sandbox.run(&["check"]));
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
