//! The door to other processes: one is started, waited for, and its cost told.
//!
//! Knows nothing of what they are good for. What a process used is asked of the kernel's account of the children that
//! were waited for, so whoever measures should be a small process with one child: see [`run`].
#![expect(clippy::disallowed_types, reason = "a child's output goes to a file, so that nobody has to read along")]

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// The longest time between two looks at a child that is waited for.
const LONGEST_NAP: Duration = Duration::from_millis(20);

/// A program, its arguments, and where it runs.
#[derive(Clone, Debug)]
pub struct Program {
    /// The file.
    pub path: PathBuf,
    /// What it is told.
    pub arguments: Vec<OsString>,
    /// The directory that it is started in.
    pub dir: PathBuf,
}

/// What a process cost.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Usage {
    /// From before it was started to after it was gone, in nanoseconds.
    pub wall_ns: u64,
    /// User and system time of all its threads, and of the processes that it waited for, in nanoseconds.
    pub cpu_ns: Option<u64>,
    /// Peak resident memory of the largest of them, in bytes.
    pub peak_bytes: Option<u64>,
    /// How it ended; absent where a signal ended it.
    pub code: Option<i32>,
}

/// What a process said.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Said {
    /// How it ended; absent where a signal ended it.
    pub code: Option<i32>,
    /// All of its standard output.
    pub stdout: Vec<u8>,
    /// The same of its standard error.
    pub stderr: Vec<u8>,
}

impl Program {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.arguments).current_dir(&self.dir).stdin(Stdio::null());
        command
    }
}

/// Runs a program with its output in two new files, and returns what it cost.
///
/// Linux counts into a child's peak what the process that starts it held then: this is to be called in a small one.
///
/// # Errors
///
/// When the program cannot be started or a file cannot be written.
pub fn run(program: &Program, stdout: &PathBuf, stderr: &PathBuf) -> io::Result<Usage> {
    let mut command = program.command();
    command.stdout(File::create(stdout)?).stderr(File::create(stderr)?);
    let before = account::of_children();
    let started = Instant::now();
    let status: ExitStatus = command.spawn()?.wait()?;
    let wall = started.elapsed();
    let (cpu, peak_bytes) = account::of_children().since(before);
    Ok(Usage { wall_ns: nanoseconds(wall), cpu_ns: cpu.map(nanoseconds), peak_bytes, code: status.code() })
}

/// Runs a program and returns what it said; `None` when `stop` was set meanwhile: then it is gone, and on Unix all
/// that it started as well. What it says must be short enough for the buffer of a pipe, or go elsewhere.
///
/// # Errors
///
/// When it cannot be started.
pub fn run_until(program: &Program, stop: &AtomicBool) -> io::Result<Option<Said>> {
    let mut command = program.command();
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    alone(&mut command);
    let mut child = Ended(command.spawn()?);
    // Read by threads of their own: whoever says more than a pipe holds would wait for a reader otherwise.
    let (out, err) = (child.0.stdout.take(), child.0.stderr.take());
    std::thread::scope(|scope| {
        let out = scope.spawn(move || read_all(out));
        let err = scope.spawn(move || read_all(err));
        let status = wait(&mut child.0, stop)?;
        if status.is_none() {
            end(&mut child.0);
        }
        let [stdout, stderr] = [out, err].map(|it| it.join().unwrap_or_default());
        Ok(status.map(|it| Said { code: it.code(), stdout, stderr }))
    })
}

/// A child that does not outlive its owner, however that one leaves.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        if !matches!(self.0.try_wait(), Ok(Some(_))) {
            end(&mut self.0);
        }
    }
}

fn wait(child: &mut Child, stop: &AtomicBool) -> io::Result<Option<ExitStatus>> {
    let mut nap = Duration::from_millis(1);
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if stop.load(Ordering::Relaxed) {
            return Ok(None);
        }
        std::thread::sleep(nap);
        nap = (nap * 2).min(LONGEST_NAP);
    }
}

fn read_all(stream: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What came before a failure is worth as much as nothing: whoever expects more says so.
    let _ = stream.map(|mut it| it.read_to_end(&mut bytes));
    bytes
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Puts a child into a group of processes of its own: the terminal's Ctrl-C is for whoever started it, and ending the
/// group ends all that the child has started.
#[cfg(unix)]
fn alone(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    command.process_group(0);
}

#[cfg(not(unix))]
fn alone(_: &mut Command) {}

#[cfg(unix)]
fn end(child: &mut Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    // It was not waited for yet, so its number is still its own.
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

#[cfg(not(unix))]
fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}

/// The kernel's account of children that were waited for.
#[cfg(unix)]
mod account {
    use std::time::Duration;

    use nix::sys::resource::{UsageWho, getrusage};

    /// Processor time and peak memory so far.
    #[derive(Clone, Copy)]
    pub struct Account(Option<(Duration, u64)>);

    pub fn of_children() -> Account {
        Account(getrusage(UsageWho::RUSAGE_CHILDREN).ok().map(|it| {
            let time = |it: nix::sys::time::TimeVal| {
                Duration::from_secs(u64::try_from(it.tv_sec()).unwrap_or(0))
                    + Duration::from_micros(u64::try_from(it.tv_usec()).unwrap_or(0))
            };
            (time(it.user_time()) + time(it.system_time()), u64::try_from(it.max_rss()).unwrap_or(0) * UNIT)
        }))
    }

    /// What `max_rss` counts in, in bytes.
    const UNIT: u64 = if cfg!(target_vendor = "apple") { 1 } else { 1024 };

    impl Account {
        pub fn since(self, earlier: Self) -> (Option<Duration>, Option<u64>) {
            let Self(Some((cpu, peak))) = self else { return (None, None) };
            (earlier.0.map(|it| cpu.saturating_sub(it.0)), Some(peak))
        }
    }
}

/// Elsewhere there is wall time alone.
#[cfg(not(unix))]
mod account {
    use std::time::Duration;

    #[derive(Clone, Copy)]
    pub struct Account;

    pub fn of_children() -> Account {
        Account
    }

    impl Account {
        pub fn since(self, _: Self) -> (Option<Duration>, Option<u64>) {
            (None, None)
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program {
        Program { path: "/bin/sh".into(), arguments: vec!["-c".into(), script.into()], dir: "/".into() }
    }

    #[test]
    fn what_a_process_says_and_costs() {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let (out, err) = (temp.path().join("out"), temp.path().join("err"));
        let usage = run(&shell("echo yes; echo no >&2; exit 3"), &out, &err).expect("there is a shell");
        assert_eq!(usage.code, Some(3));
        assert!(usage.wall_ns > 0 && usage.cpu_ns.is_some() && usage.peak_bytes > Some(100_000));
        let texts = [out, err].map(|it| io::read_to_string(File::open(it).expect("a file")).expect("text"));
        assert_eq!(texts, ["yes\n", "no\n"]);
        let nowhere = Program { path: "/nowhere".into(), ..shell("") };
        assert!(run(&nowhere, &temp.path().join("out"), &temp.path().join("err")).is_err());
    }

    #[test]
    fn more_than_a_pipe_holds_is_read() {
        let never = AtomicBool::new(false);
        let said = run_until(&shell("head -c 300000 /dev/zero; echo no >&2"), &never).expect("there is a shell");
        let said = said.expect("nobody stopped it");
        assert_eq!((said.code, said.stdout.len(), said.stderr), (Some(0), 300_000, b"no\n".to_vec()));
    }

    #[test]
    fn stopping_ends_what_a_child_started_too() {
        let stop = AtomicBool::new(true);
        // The pipe that the grandchild inherits would be read to its end: an hour, if it went on.
        assert_eq!(run_until(&shell("sleep 3600; echo"), &stop).expect("there is a shell"), None);
    }
}
