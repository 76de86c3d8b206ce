//! `packwright pack`.

use expect_test::expect;

use crate::sandbox::Sandbox;

#[test]
fn a_pack_is_listed_and_read() {
    let sandbox = Sandbox::demo();
    sandbox.run(&["build"]);
    sandbox.run(&["build", "-p", "release"]);
    expect![[r#""#]].assert_eq(&sandbox.run(&["pack", "list", "build/release/main.pack"]));
    expect![[r#""#]].assert_eq(&sandbox.run(&["pack", "verify", "build/dev/main.pack", "build/release/main.pack"]));
    for asset in ["1", "credits.txt"] {
        let output = sandbox.command(&["pack", "cat", "build/dev/main.pack", asset]).output().expect("it runs");
        assert_eq!(output.stdout, sandbox.read("assets/credits.txt"));
    }
    expect![[r#""#]].assert_eq(&sandbox.run(&["pack", "cat", "build/dev/main.pack", "2", "--role", "lines/sign.txt"]));
    expect![[r#""#]].assert_eq(&sandbox.run(&["pack", "cat", "build/dev/main.pack", "2", "--role", "x"]));
    expect![[r#""#]].assert_eq(&sandbox.run(&["pack", "cat", "build/dev/main.pack", "models/*"]));
    expect![[r#""#]].assert_eq(&sandbox.run(&["pack", "cat", "build/dev/main.pack", "99"]));
}

#[test]
fn what_is_not_sound_is_told() {
    let sandbox = Sandbox::demo();
    sandbox.run(&["build", "-p", "release"]);
    let mut bytes = sandbox.read("build/release/main.pack");
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(sandbox.path("bad.pack"), &bytes).expect("a file");
    sandbox.write("text.pack", "hello");
    expect![[r#""#]].assert_eq(&sandbox.run(&["pack", "verify", "bad.pack", "text.pack"]));
    expect![[r#""#]].assert_eq(&sandbox.run(&["pack", "verify", "build/release/main.pack", "gone.pack"]));
    expect![[r#""#]].assert_eq(&sandbox.run(&["pack", "list", "text.pack"]));
    expect![[r#""#]].assert_eq(&sandbox.run(&["pack", "list", "gone.pack"]));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let sandbox = Sandbox::demo();
    sandbox.run(&["build"]);
    let pack = &["pack", "list", "build/dev/main.pack"][..];
    for arguments in
        [pack, &["list"], &["status"], &["completions", "bash"], &["--help"], &["build", "--format", "json"]]
    {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = sandbox.command(arguments);
        let output = command.stdout(writer).output().expect("it runs");
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("error"), "{arguments:?}");
    }
}
