//! The real binary as a cold process: what it said, and what it cost.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

/// What one build said and cost.
pub struct Built {
    /// From before the process was started to after it was gone.
    pub wall: Duration,
    /// User and system time of all its threads.
    pub cpu: Duration,
    /// Peak resident memory, in KiB.
    pub peak_kib: u64,
    document: Document,
}

/// What is read of the build's document; its longest list is skipped, so that this process stays small.
#[derive(Deserialize)]
struct Document {
    outcome: String,
    content_digest: Option<String>,
    entries: u64,
    work: serde_json::Map<String, serde_json::Value>,
}

impl Built {
    /// Returns one of the numbers of the build's work.
    pub fn work(&self, name: &str) -> u64 {
        let number = self.document.work.get(name).and_then(serde_json::Value::as_u64);
        number.unwrap_or_else(|| panic!("the document does not say how many were {name}"))
    }

    /// Returns how the build ended.
    pub fn outcome(&self) -> &str {
        &self.document.outcome
    }

    /// Returns the number of assets in the pack.
    pub fn entries(&self) -> u64 {
        self.document.entries
    }

    /// Returns the pack's content digest.
    pub fn content_digest(&self) -> &str {
        self.document.content_digest.as_deref().expect("a built pack has one")
    }
}

/// Builds the workspace at `root`.
#[expect(clippy::zombie_processes, reason = "it is waited for by `wait4`, which tells what it used")]
pub fn build(root: &Path, arguments: &[&str]) -> Built {
    let mut command = Command::new(env!("CARGO_BIN_EXE_packwright"));
    command.arg("-C").arg(root).args(["build", "--format", "json"]).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let started = Instant::now();
    let mut child = command.spawn().expect("the binary was built");
    let mut text = Vec::new();
    child.stdout.take().expect("it is piped").read_to_end(&mut text).expect("it says something");
    let (status, usage) = wait(child.id());
    let wall = started.elapsed();
    assert_eq!(status, 0, "the build failed: {}", String::from_utf8_lossy(&text));
    Built {
        wall,
        cpu: cpu_of(&usage),
        peak_kib: usage.ru_maxrss as u64,
        document: serde_json::from_slice(&text).expect("one JSON document"),
    }
}

/// Returns the processor time that this process has used.
#[expect(unsafe_code, reason = "there is no safe wrapper of getrusage among the dependencies")]
pub fn cpu_so_far() -> Duration {
    // SAFETY: a `rusage` of zeros is valid, and the pointer lives through the call.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        assert_eq!(libc::getrusage(libc::RUSAGE_SELF, &mut usage), 0, "one may always ask about oneself");
        usage
    };
    cpu_of(&usage)
}

fn cpu_of(usage: &libc::rusage) -> Duration {
    let time = |it: libc::timeval| Duration::new(it.tv_sec as u64, it.tv_usec as u32 * 1000);
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// Waits for a child and asks what it used. Linux counts the peak of this process too, which is therefore kept small.
#[expect(unsafe_code, reason = "there is no safe wrapper of wait4 among the dependencies")]
fn wait(pid: u32) -> (i32, libc::rusage) {
    let mut status = 0;
    // SAFETY: a `rusage` of zeros is valid, both pointers live through the call, and nobody else waits for the child.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        let waited = libc::wait4(pid as libc::pid_t, &mut status, 0, &mut usage);
        assert_eq!(waited, pid as libc::pid_t, "the child is ours");
        usage
    };
    (status, usage)
}
