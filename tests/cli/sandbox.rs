//! A directory to run packwright in, and what comes out of it as text.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// A directory of its own, removed in the end.
pub struct Sandbox {
    dir: TempDir,
    root: PathBuf,
}

impl Sandbox {
    pub fn empty() -> Self {
        let dir = tempfile::tempdir().expect("a directory for the test");
        let root = dir.path().canonicalize().expect("it was just made");
        Self { dir, root }
    }

    /// A sandbox with the demo workspace in it.
    pub fn demo() -> Self {
        let sandbox = Self::empty();
        assert!(sandbox.run(&["init", "--demo", "-q"]).starts_with("exit 0\n"));
        sandbox
    }

    /// A sandbox with these files, in a workspace where everything is `raw`.
    pub fn raw(files: &[(&str, &str)]) -> Self {
        let sandbox = Self::empty();
        files.iter().for_each(|(path, text)| sandbox.write(path, text));
        let config = "workspace = \"00000000-0000-4000-8000-000000000000\"\nroots = [{ path = \"assets\" }]\n\
                      rules = [{ match = \"**/*.txt\", type = \"raw\" }]\n";
        sandbox.write("packwright.toml", config);
        assert!(sandbox.run(&["init", "-q"]).starts_with("exit 0\n"));
        sandbox
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("it lies in the sandbox")).expect("a directory");
        std::fs::write(path, text).expect("a file");
    }

    pub fn read(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.path(path)).expect("a file")
    }

    pub fn remove(&self, path: &str) {
        std::fs::remove_file(self.path(path)).expect("a file");
    }

    pub fn rename(&self, from: &str, to: &str) {
        std::fs::rename(self.path(from), self.path(to)).expect("a file");
    }

    /// Returns every file in here, by path.
    pub fn files(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = Vec::new();
        take_files(self.dir.path(), self.dir.path(), &mut files);
        files.sort();
        files
    }

    /// Returns the program, to be run in here without an environment.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_packwright"));
        command.args(arguments).current_dir(&self.root).env_clear().stdin(Stdio::null());
        command
    }

    /// Runs packwright and returns exit code, stdout and stderr as one text, without what differs from run to run.
    pub fn run(&self, arguments: &[&str]) -> String {
        self.run_with(arguments, &[])
    }

    pub fn run_with(&self, arguments: &[&str], env: &[(&str, &str)]) -> String {
        let output = self.command(arguments).envs(env.iter().copied()).output().expect("the program runs");
        self.shown(&output)
    }

    pub fn stdout(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().expect("the program runs");
        String::from_utf8(output.stdout).expect("text")
    }

    /// Runs packwright and reads the one document on stdout.
    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        serde_json::from_str(&self.stdout(arguments)).expect("one document")
    }

    pub fn shown(&self, output: &Output) -> String {
        let code = output.status.code().map_or_else(|| "a signal".to_owned(), |it| it.to_string());
        let mut text = format!("exit {code}\n");
        for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            if !bytes.is_empty() {
                text.push_str(&format!("--- {name}\n{}", String::from_utf8_lossy(bytes)));
            }
        }
        without_seconds(&text.replace(&self.root.display().to_string(), "SANDBOX"))
    }
}

fn take_files(root: &Path, dir: &Path, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            take_files(root, &path, files);
        } else {
            let name = path.strip_prefix(root).expect("it lies in there").display().to_string();
            files.push((name, std::fs::read(&path).expect("a file")));
        }
    }
}

/// Replaces every number of seconds.
fn without_seconds(text: &str) -> String {
    let mut parts = text.split(" s").peekable();
    let mut shown = String::new();
    while let Some(part) = parts.next() {
        let stem = part.trim_end_matches(|it: char| it.is_ascii_digit() || it == '.');
        let number = &part[stem.len()..];
        let is_number = parts.peek().is_some() && number.contains('.') && stem.ends_with(' ');
        shown.push_str(if is_number { stem } else { part });
        shown.push_str(if is_number { "0.00" } else { "" });
        shown.push_str(if parts.peek().is_some() { " s" } else { "" });
    }
    shown
}
