//! packwright beside other processes: held locks, interruption, a workspace that nobody may write to, and a bug that
//! ends it.

use std::ffi::OsString;
use std::io::{BufRead, BufReader};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use expect_test::expect;
use packwright::internals::lane::Lane;
use packwright::internals::system::System;
use packwright::internals::system::faulty::FaultyDisk;
use packwright::internals::system::os::OsSystem;

use crate::sandbox::Sandbox;

/// The commands that only read.
const READERS: [&[&str]; 6] = [
    &["check"],
    &["status"],
    &["doctor"],
    &["list"],
    &["pack", "verify", "build/dev/main.pack"],
    &["pack", "list", "build/dev/main.pack"],
];

#[test]
fn a_held_output_directory_is_told() {
    let sandbox = Sandbox::demo();
    sandbox.run(&["build"]);
    let lock = OsSystem::new().try_lock(&sandbox.path("build/dev/.lock"), false).expect("a lock file");
    assert!(lock.is_some());
    expect![[r#"
        exit 4
        --- stderr
        error: the output directory `SANDBOX/build/dev` is held by another process (another build)
    "#]]
    .assert_eq(&sandbox.run(&["build", "--wait", "0"]));
    for arguments in READERS {
        assert!(sandbox.run(arguments).starts_with("exit 0\n"), "{arguments:?}");
    }
    drop(lock);
    assert!(sandbox.run(&["build", "--wait", "0"]).starts_with("exit 0\n"));
}

#[test]
fn a_held_lane_is_told() {
    let sandbox = Sandbox::demo();
    sandbox.run(&["build"]);
    sandbox.write("assets/new.txt", "new");
    let lock = OsSystem::new().try_lock(&sandbox.path(".packwright/lane/lock"), false).expect("a lock file");
    assert!(lock.is_some());
    let told = sandbox.run(&["build", "--wait", "0"]);
    assert!(told.starts_with("exit 4\n") && told.contains("held by another process"), "{told}");
    for arguments in READERS {
        assert!(sandbox.run(arguments).starts_with("exit 0\n"), "{arguments:?}");
    }
}

#[test]
fn who_has_to_wait_for_the_lane_is_told_for_whom_and_then_gets_it() {
    let sandbox = Sandbox::demo();
    sandbox.run(&["build"]);
    sandbox.write("assets/new.txt", "new");
    let (disk, root) = (OsSystem::new(), sandbox.path(""));
    let lane = Lane::acquire(&disk, &root, "packwright test", 42, Duration::ZERO).expect("free");
    let holder = "packwright test, process 42, since 20";
    for arguments in [&["build"][..], &["register"], &["rename", "assets/new.txt", "x"], &["remove", "assets/new.txt"]]
    {
        let told = sandbox.run(&[arguments, &["--wait", "0"]].concat());
        assert!(told.starts_with("exit 4\n") && told.contains(holder), "{arguments:?}: {told}");
    }
    let mut command = sandbox.command(&["register", "--wait", "600"]);
    let mut waiting = command.stderr(Stdio::piped()).spawn().expect("the program runs");
    let mut told = String::new();
    let mut stderr = BufReader::new(waiting.stderr.take().expect("it is piped"));
    stderr.read_line(&mut told).expect("text");
    assert!(told.contains("waiting up to 600 s for the lane") && told.contains(holder), "{told}");
    drop(lane);
    assert_eq!(waiting.wait().expect("it ends").code(), Some(0));
    let log = sandbox.json(&["log", "--format", "json"]);
    assert_eq!(log["commits"][0]["command"], "packwright register");
}

#[cfg(unix)]
#[test]
fn readers_need_no_right_to_write() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = Sandbox::demo();
    sandbox.run(&["build"]);
    sandbox.write("assets/new.txt", "new");
    std::fs::remove_dir_all(sandbox.path(".packwright")).expect("it is there");
    let set = |mode| {
        for dir in ["", "assets", "packwright.registry", "build", "build/dev"] {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(sandbox.path(dir), permissions).expect("it is ours");
        }
    };
    set(0o555);
    let told: Vec<String> = READERS.iter().map(|it| sandbox.run(it)).collect();
    set(0o755);
    for (arguments, told) in READERS.iter().zip(told) {
        assert!(told.starts_with("exit 0\n"), "{arguments:?}: {told}");
    }
}

/// The build waits for an output directory that is held, so the signal finds it there.
#[cfg(unix)]
#[test]
fn an_interrupted_build_leaves_everything_as_it_was() {
    let sandbox = Sandbox::demo();
    sandbox.run(&["build"]);
    let before = sandbox.files();
    sandbox.remove("build/.gitignore");
    let lock = OsSystem::new().try_lock(&sandbox.path("build/dev/.lock"), false).expect("a lock file");
    assert!(lock.is_some());
    let child = sandbox.command(&["build"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    // It puts this back just before it waits.
    while !sandbox.path("build/.gitignore").exists() {
        std::thread::yield_now();
    }
    let pid = rustix::process::Pid::from_raw(child.id() as i32).expect("a process");
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it is still there");
    let output = child.wait_with_output().expect("it ends");
    expect![[r#"
        exit 130
        --- stderr
        error: interrupted
    "#]]
    .assert_eq(&sandbox.shown(&output));
    assert_eq!(sandbox.files(), before);
}

/// Where the child of [`a_bug_is_told_and_ends_with_101`] builds.
const BUGGY: &str = "PACKWRIGHT_TEST_BUGGY";

/// Not a test of its own: packwright on a disk with a bug in it. Without the variable it does nothing.
#[test]
#[expect(clippy::disallowed_methods, reason = "how else would a child know its part")]
fn child_with_a_bug() {
    let Ok(root) = std::env::var(BUGGY) else { return };
    let disk = FaultyDisk::over(&OsSystem::new()).after_step(3, |_| panic!("the disk is made of cheese"));
    let arguments = ["packwright", "-C", &root, "build"].map(OsString::from);
    let code = packwright::internals::cli::run(arguments, Arc::new(disk));
    assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::from(101)));
}

#[test]
fn a_bug_is_told_and_ends_with_101() {
    let sandbox = Sandbox::demo();
    let mut child = Command::new(std::env::current_exe().expect("this test"));
    child.args(["--exact", "others::child_with_a_bug", "--nocapture"]).env(BUGGY, sandbox.path("."));
    let output = child.output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let version = env!("CARGO_PKG_VERSION");
    let bug =
        format!("error: this is a bug in packwright {version}: the disk is made of cheese at tests/cli/others.rs:");
    assert!(told.contains(&bug) && told.contains("note: please report it "), "{told}");
    assert!(sandbox.run(&["build"]).starts_with("exit 0\n"), "the next one goes on as if nothing had been");
}
