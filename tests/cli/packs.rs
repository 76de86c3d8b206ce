//! `packwright pack`.

use expect_test::expect;

use crate::sandbox::Sandbox;

#[test]
fn a_pack_is_listed_and_read() {
    let sandbox = Sandbox::demo();
    sandbox.run(&["build"]);
    sandbox.run(&["build", "-p", "release"]);
    expect![[r#"
        exit 0
        --- stdout
        id  type      size  stored  codec  name
         1  raw       79 B    79 B  -      credits.txt
         2  raw      127 B   116 B  zstd   dialog/intro
         3  model    624 B   381 B  zstd   models/crate.glb
         4  model    908 B   484 B  zstd   models/sign.gltf
         5  image  1.0 KiB   130 B  zstd   coin
         6  image  4.0 KiB   305 B  zstd   sprites/hero.png
         7  image  4.0 KiB    67 B  zstd   tiles/checker.png
         8  audio  1.1 KiB   626 B  zstd   tunes/hum.wav
    "#]]
    .assert_eq(&sandbox.run(&["pack", "list", "build/release/main.pack"]));
    expect![[r#"
        exit 0
        --- stdout
        build/dev/main.pack is sound: 8 entries, 9 payloads, 3.4 KiB
        build/release/main.pack is sound: 8 entries, 9 payloads, 2.1 KiB
    "#]]
    .assert_eq(&sandbox.run(&["pack", "verify", "build/dev/main.pack", "build/release/main.pack"]));
    for asset in ["1", "credits.txt"] {
        let output = sandbox.command(&["pack", "cat", "build/dev/main.pack", asset]).output().expect("it runs");
        assert_eq!(output.stdout, sandbox.read("assets/credits.txt"));
    }
    expect![[r#"
        exit 0
        --- stdout
        KEEP OFF THE CHECKERED TILES
    "#]]
    .assert_eq(&sandbox.run(&["pack", "cat", "build/dev/main.pack", "2", "--role", "lines/sign.txt"]));
    expect![[r#"
        exit 1
        --- stderr
        error: `dialog/intro` has no payload `x`; besides the main one it has `lines/sign.txt`
    "#]]
    .assert_eq(&sandbox.run(&["pack", "cat", "build/dev/main.pack", "2", "--role", "x"]));
    expect![[r#"
        exit 1
        --- stderr
        error: 2 assets match `models/*`, such as `models/crate.glb` and `models/sign.gltf`
    "#]]
    .assert_eq(&sandbox.run(&["pack", "cat", "build/dev/main.pack", "models/*"]));
    expect![[r#"
        exit 1
        --- stderr
        error: no asset of the pack matches `99`
    "#]]
    .assert_eq(&sandbox.run(&["pack", "cat", "build/dev/main.pack", "99"]));
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
    expect![[r#"
        exit 1
        --- stderr
        error: bad.pack: the pack: a payload of the asset 8 does not have the digest of its stored bytes
        bad.pack is not sound: 1 problem
        error: text.pack: the pack: is not a pack
        text.pack is not sound: 1 problem
    "#]]
    .assert_eq(&sandbox.run(&["pack", "verify", "bad.pack", "text.pack"]));
    expect![[r#"
        exit 5
        --- stdout
        build/release/main.pack is sound: 8 entries, 9 payloads, 2.1 KiB
        --- stderr
        error: cannot read `gone.pack`: No such file or directory (os error 2)
    "#]]
    .assert_eq(&sandbox.run(&["pack", "verify", "build/release/main.pack", "gone.pack"]));
    expect![[r#"
        exit 1
        --- stderr
        error: text.pack: the pack is not a pack
    "#]]
    .assert_eq(&sandbox.run(&["pack", "list", "text.pack"]));
    expect![[r#"
        exit 5
        --- stderr
        error: cannot read `gone.pack`: No such file or directory (os error 2)
    "#]]
    .assert_eq(&sandbox.run(&["pack", "list", "gone.pack"]));
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
