//! Children: builds, floors and other tools, each a process of its own.
//!
//! What is measured is started by a small helper, this binary again (`packwright measure run`), which has it as its
//! only child: the kernel's account of children that were waited for is then about it alone, and Linux, which counts
//! into a child's peak what its parent held, counts a few megabytes and not the lists of whoever measures.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use serde::Deserialize;

use super::report::Work;
use super::{Result, Stopped};
use crate::error::{Error, IoContext};
use crate::system::Disk;
use crate::system::process::{Program, Said, Usage, run_until};

/// How much of what a failed command said is repeated, in bytes.
const REPEATED: usize = 2000;

/// What is read of a build's document.
#[derive(Clone, Debug, Deserialize)]
pub struct Built {
    /// How it ended.
    pub outcome: String,
    /// The pack's content digest, or one that stands for those of several.
    pub content_digest: Option<String>,
    /// Number of assets in all packs.
    pub entries: u64,
    /// The packs.
    #[serde(default)]
    pub packs: Vec<serde::de::IgnoredAny>,
    /// What was done.
    pub work: Work,
}

/// Who starts children.
pub struct Children<'a> {
    /// The file system.
    pub disk: &'a dyn Disk,
    /// packwright itself.
    pub exe: &'a Path,
    /// A directory for what they say.
    pub aside: PathBuf,
    /// Set when the user wants to stop.
    pub stop: &'a AtomicBool,
}

impl Children<'_> {
    /// Builds without being measured.
    ///
    /// # Errors
    ///
    /// [`Stopped::Refused`] when the build does not succeed.
    pub fn build(&self, root: &Path, arguments: &[OsString]) -> Result<Built> {
        let said = self.run(self.packwright(root, &build(root, arguments)))?;
        if said.code == Some(0) { document(&said.stdout) } else { Err(failure("the build", &said)) }
    }

    /// Builds and measures it.
    ///
    /// # Errors
    ///
    /// As [`Children::build`].
    pub fn timed_build(&self, root: &Path, arguments: &[OsString]) -> Result<(Usage, Built)> {
        let (usage, said) = self.timed(&self.packwright(root, &build(root, arguments)))?;
        if usage.code != Some(0) {
            return Err(failure("the build", &said));
        }
        Ok((usage, document(&said.stdout)?))
    }

    /// Measures packwright with these arguments: one of its floors.
    ///
    /// # Errors
    ///
    /// [`Stopped::Refused`] when it does not succeed.
    pub fn timed_floor(&self, root: &Path, arguments: &[OsString]) -> Result<Usage> {
        let (usage, said) = self.timed(&self.packwright(root, arguments))?;
        if usage.code == Some(0) { Ok(usage) } else { Err(failure("a floor", &said)) }
    }

    /// Measures a command for the shell.
    ///
    /// # Errors
    ///
    /// [`Stopped::Refused`] when it does not succeed.
    pub fn timed_shell(&self, root: &Path, command: &str) -> Result<Usage> {
        let (usage, said) = self.timed(&shell(root, command))?;
        if usage.code == Some(0) { Ok(usage) } else { Err(failure(&format!("`{command}`"), &said)) }
    }

    /// Runs a command for the shell without measuring it.
    ///
    /// # Errors
    ///
    /// [`Stopped::Refused`] when it does not succeed.
    pub fn shell(&self, root: &Path, command: &str) -> Result<()> {
        let said = self.run(shell(root, command))?;
        if said.code == Some(0) { Ok(()) } else { Err(failure(&format!("`{command}`"), &said)) }
    }

    fn packwright(&self, root: &Path, arguments: &[OsString]) -> Program {
        Program { path: self.exe.to_owned(), arguments: arguments.to_vec(), dir: root.to_owned() }
    }

    fn run(&self, program: Program) -> Result<Said> {
        let said = run_until(&program, self.stop).context("run", &program.path)?;
        said.ok_or(Stopped::World(Error::Interrupted))
    }

    fn timed(&self, program: &Program) -> Result<(Usage, Said)> {
        let (stdout, stderr) = (self.aside.join("stdout"), self.aside.join("stderr"));
        let mut arguments: Vec<OsString> = ["measure", "run", "--stdout"].map(OsString::from).to_vec();
        arguments.extend([stdout.clone().into(), "--stderr".into(), stderr.clone().into(), "--".into()]);
        arguments.push(program.path.clone().into());
        arguments.extend(program.arguments.iter().cloned());
        let helper = Program { path: self.exe.to_owned(), arguments, dir: program.dir.clone() };
        let told = self.run(helper)?;
        let usage: Option<Usage> = serde_json::from_slice(&told.stdout).ok();
        let Some(usage) = usage.filter(|_| told.code == Some(0)) else {
            return Err(failure(&format!("starting {}", program.path.display()), &told));
        };
        let read = |path: &Path| self.disk.read(path, u64::MAX).context("read", path);
        Ok((usage, Said { code: usage.code, stdout: read(&stdout)?, stderr: read(&stderr)? }))
    }
}

fn build(root: &Path, arguments: &[OsString]) -> Vec<OsString> {
    let fixed = ["build", "--format", "json", "--color", "never"].map(OsString::from);
    let place = ["-C".into(), root.as_os_str().to_owned()];
    place.into_iter().chain(fixed).chain(arguments.iter().cloned()).collect()
}

fn shell(root: &Path, command: &str) -> Program {
    let [shell, option] = if cfg!(windows) { ["cmd", "/C"] } else { ["/bin/sh", "-c"] };
    Program { path: shell.into(), arguments: vec![option.into(), command.into()], dir: root.to_owned() }
}

fn document(stdout: &[u8]) -> Result<Built> {
    serde_json::from_slice(stdout).map_err(|it| Stopped::Refused(format!("the build's document cannot be read: {it}")))
}

fn failure(what: &str, said: &Said) -> Stopped {
    let code = said.code.map_or_else(|| "was ended by a signal".to_owned(), |it| format!("failed with exit code {it}"));
    let words = String::from_utf8_lossy(&said.stderr);
    let words = words.trim_end();
    let start = words.char_indices().map(|it| it.0).find(|it| words.len() - it <= REPEATED).unwrap_or(0);
    let rest = &words[start..];
    Stopped::Refused(if rest.is_empty() {
        format!("{what} {code}")
    } else {
        format!("{what} {code}; it said:\n{rest}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_what_was_said_is_repeated() {
        let said = |stderr: &str| Said { code: Some(1), stdout: Vec::new(), stderr: stderr.into() };
        assert_eq!(failure("the build", &said("\n")).to_string(), "the build failed with exit code 1");
        let long = "\u{fc}".repeat(REPEATED) + "end\n";
        let told = failure("it", &said(&long)).to_string();
        assert!(told.ends_with("\u{fc}end") && told.len() < REPEATED + 60);
        let killed = Said { code: None, ..said("") };
        assert_eq!(failure("it", &killed).to_string(), "it was ended by a signal");
    }
}
