//! What surrounds a workspace and its registry, as far as looking tells: the lane's own files, git, the file system.
//!
//! Changes nothing and runs no other program. What cannot be told for sure is not told.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use crate::lane;
use crate::model::registry::{self, GITATTRIBUTES};
use crate::model::{Code, Diagnostic, Digest, Location, RelPath};
use crate::system::{Disk, FsTime, Stamp};
use crate::workspace::layout::{CONFIG_FILE, STATE_DIR, Workspace};

/// A longer index of git is not read, in bytes.
const LONGEST_GIT_INDEX: u64 = 256 << 20;
/// No file of authors that is looked at here is longer, in bytes.
const LONGEST_TEXT: u64 = 1 << 20;
/// A clock whose steps are this long makes builds read files again, in nanoseconds.
const LONG_STEP_NS: i64 = 1_000_000_000;

/// Returns what is left of commits that did not come to their end. Ask before the workspace is opened: that finishes
/// what can be finished.
pub fn leftovers(ws: &Workspace) -> Vec<Diagnostic> {
    let dir = ws.root.join(STATE_DIR).join("lane");
    if ws.disk.stat(&dir.join("journal")).is_ok() {
        let message = "a commit to the registry was left half done";
        let help = "whatever opens the workspace finishes it or takes it back; `packwright doctor --fix` does so now";
        return vec![Diagnostic::warning(Code::HALF_DONE, message).at(at(".packwright/lane/journal")).help(help)];
    }
    let staged = ws.disk.open_dir(&dir.join("stage")).and_then(|it| it.list(Path::new("")));
    let n = staged.map_or(0, |it| it.len());
    // Who is at work has a right to them.
    if n == 0 || !matches!(ws.disk.try_lock(&dir.join("lock"), false), Ok(Some(_))) {
        return Vec::new();
    }
    let (are, them) = if n == 1 { (" is", "it") } else { ("s are", "them") };
    let remedy = format!("`packwright doctor --fix` removes {them}, and so does the next commit to the registry");
    let message = format!("{n} file{are} left of a commit that never was; {remedy}");
    vec![Diagnostic::warning(Code::STAGED_LEFT, message).at(at(".packwright/lane/stage"))]
}

/// Returns what is to be said of files that came out of commits and could not go back.
pub fn strays(ws: &Workspace) -> Vec<Diagnostic> {
    // Where they cannot be listed there is nothing to tell.
    let strays = lane::strays(&*ws.disk, &ws.root).unwrap_or_default();
    let tell = |it: &lane::Stray| {
        let (commit, kept_as) = (it.commit, &it.kept_as);
        let (message, help) = match &it.from {
            Some(path) => (
                format!("somebody's `{path}` came out when commit {commit} was finished, and is kept"),
                format!("compare it with what is at `{path}` now, take over what is missing, and delete it"),
            ),
            None => (
                format!("somebody's file came out when commit {commit} was finished or taken back, and is kept"),
                "see what it holds, put it where it belongs, and delete it here".to_owned(),
            ),
        };
        let place = at(&format!(".packwright/lane/kept/{kept_as}"));
        Diagnostic::warning(Code::STRAY_KEPT, message).at(place).help(format!("{help}; packwright never does"))
    };
    strays.iter().map(tell).collect()
}

/// Returns what is wrong with the registry's `.gitattributes`, given what it holds.
pub fn check_attributes(text: Option<&[u8]>) -> Option<Diagnostic> {
    let text = String::from_utf8_lossy(text.unwrap_or_default()).into_owned();
    let is_told = |line: &str| !line.trim_start().starts_with('#') && line.contains(" merge=");
    if text.lines().any(is_told) {
        return None;
    }
    let message = "git is not told to keep the lines of both sides when it merges the registry";
    let help = format!(
        "`packwright doctor --fix` adds `{}`; without it two branches that register assets conflict",
        GITATTRIBUTES.trim_end()
    );
    Some(Diagnostic::warning(Code::NOT_MERGED_BY_LINE, message).at(Location::file(&attributes())).help(help))
}

/// Returns the path of the registry's `.gitattributes`.
pub fn attributes() -> RelPath {
    RelPath::new(registry::DIRECTORY).and_then(|it| it.join(".gitattributes")).expect("constants in normal form")
}

/// Returns a finding where the workspace is in git and the registry is not.
pub fn check_git(ws: &Workspace) -> Option<Diagnostic> {
    let (_, git_dir) = find_git(&*ws.disk, &ws.root)?;
    let index = ws.disk.read(&git_dir.join("index"), LONGEST_GIT_INDEX).ok()?;
    let path = format!("{}{}", below_git(ws)?, registry::file_path(0));
    if may_hold(&index, &path) {
        return None;
    }
    let directory = RelPath::new(registry::DIRECTORY).expect("a constant in normal form");
    let message = "the registry is not in git: every other clone would give its own identities";
    let help = "run `git add packwright.registry` and commit it; where git ignores it, \
                `git check-ignore -v packwright.registry/0.jsonl` says why";
    Some(Diagnostic::warning(Code::NOT_COMMITTED, message).at(Location::file(&directory)).help(help))
}

/// Returns where the workspace lies as seen from the top of its working tree, with a `/` at the end where that is not
/// the workspace itself. `None` where it is in no working tree of git.
pub fn below_git(ws: &Workspace) -> Option<String> {
    let (top, _) = find_git(&*ws.disk, &ws.root)?;
    let below = ws.root.strip_prefix(&top).ok()?.to_str()?.replace('\\', "/");
    Some(if below.is_empty() { below } else { below + "/" })
}

/// Returns the top of the working tree that `start` lies in, and the directory of its index.
fn find_git(disk: &dyn Disk, start: &Path) -> Option<(PathBuf, PathBuf)> {
    let top = start.ancestors().find(|it| disk.stat(&it.join(".git")).is_ok())?;
    let dot_git = top.join(".git");
    // In a linked working tree this is a file that says where the directory is.
    match disk.read(&dot_git, LONGEST_TEXT) {
        Ok(text) => {
            let text = String::from_utf8(text).ok()?;
            Some((top.to_owned(), top.join(text.strip_prefix("gitdir:")?.trim())))
        }
        Err(_) => Some((top.to_owned(), dot_git)),
    }
}

/// Returns whether git's index holds a path, or may: in the forms that write paths in full, one that is not to be found
/// is not there, unless the index says that it is not all.
fn may_hold(index: &[u8], path: &str) -> bool {
    let is_plain = index.starts_with(b"DIRC\0\0\0\x02") || index.starts_with(b"DIRC\0\0\0\x03");
    let holds = |needle: &[u8]| index.windows(needle.len()).any(|it| it == needle);
    !is_plain || holds([path.as_bytes(), b"\0"].concat().as_slice()) || holds(b"link") || holds(b"sdir")
}

/// How many files are read to find out about line endings.
const FILES_READ: usize = 64;

/// Warns where files are what was registered but for their line endings: git has converted them, most likely. `suspects`
/// are places, each with the digests that something registered had, one of which may be what it held before.
pub fn check_line_endings<'a>(
    ws: &Workspace,
    mut suspects: impl Iterator<Item = (&'a RelPath, BTreeSet<Digest>)>,
) -> Option<Diagnostic> {
    let converted = |(place, registered): &(&RelPath, BTreeSet<Digest>)| {
        let bytes = ws.disk.read(&ws.abs(place), LONGEST_TEXT).unwrap_or_default();
        other_endings(&bytes).iter().any(|it| registered.contains(&Digest::of(it)))
    };
    let found: Vec<&RelPath> = suspects.by_ref().take(FILES_READ).filter(converted).map(|it| it.0).collect();
    let first = found.first()?;
    let about = if suspects.next().is_some() { "at least " } else { "" };
    let others = match found.len() - 1 {
        0 => String::new(),
        1 => format!(", and so is {about}1 other"),
        n => format!(", and so are {about}{n} others"),
    };
    let message = format!("`{first}` is what was registered but for its line endings{others}");
    let help = "most likely git converts them, so that packs differ by machine and moved texts are not recognised: put \
                `* -text` into the `.gitattributes` beside the assets, and check them out anew";
    Some(Diagnostic::warning(Code::LINE_ENDINGS, message).at(Location::file(first)).help(help))
}

/// Returns what a text would be with other line endings; nothing for what is no text.
fn other_endings(bytes: &[u8]) -> Vec<Vec<u8>> {
    if bytes.contains(&0) || !bytes.contains(&b'\n') {
        return Vec::new();
    }
    let lines = || bytes.split(|it| *it == b'\n').map(|it| it.strip_suffix(b"\r").unwrap_or(it));
    let ended = |end: &[u8]| lines().collect::<Vec<_>>().join(end);
    [ended(b"\n"), ended(b"\r\n")].into_iter().filter(|it| *it != bytes).collect()
}

/// Returns what is odd about the file system. Nothing is broken by it, and nothing can be done about it in here.
pub fn check_file_system(ws: &Workspace) -> Vec<Diagnostic> {
    let mut odd = Vec::new();
    let now = ws.disk.now(&ws.cache_dir());
    if now != FsTime::UNKNOWN && now.granularity_ns >= LONG_STEP_NS {
        let seconds = (now.granularity_ns + LONG_STEP_NS - 1) / LONG_STEP_NS;
        let message = format!("the file system's clock goes in steps of up to {seconds} s");
        let help = "files that were changed just before a build are read again by the next one; nothing is missed";
        odd.push(Diagnostic::warning(Code::COARSE_CLOCK, message).help(help));
    }
    let stat = |name: &str| ws.disk.stat(&ws.root.join(name)).ok();
    if are_one(stat(CONFIG_FILE), stat(&CONFIG_FILE.to_ascii_uppercase())) {
        let message = "the file system does not tell upper case from lower case";
        let help = "two names that differ only in case cannot both be here; `check` warns where they would meet";
        odd.push(Diagnostic::warning(Code::CASE_BLIND, message).help(help));
    }
    let lock = ws.root.join(STATE_DIR).join("lane/lock");
    if ws.disk.stat(&lock).is_ok()
        && let Err(error) = ws.disk.try_lock(&lock, true)
        && is_no_lock(&error)
    {
        let help = "let only one process write to this workspace at a time";
        odd.push(Diagnostic::warning(Code::NO_LOCKS, "the file system has no locks").help(help));
    }
    odd
}

/// Returns whether two names that differ in case lead to one file.
fn are_one(lower: Option<Stamp>, upper: Option<Stamp>) -> bool {
    lower.zip(upper).is_some_and(|(lower, upper)| lower.inode == upper.inode && lower.device == upper.device)
}

/// Returns whether a lock was refused because there are none, and not because this one may not be had.
fn is_no_lock(error: &io::Error) -> bool {
    use io::ErrorKind;
    !matches!(error.kind(), ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::NotFound)
}

fn at(path: &str) -> Location {
    Location::file(&RelPath::new(path).expect("a constant in normal form"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::System;
    use crate::system::memory::MemorySystem;
    use std::sync::Arc;

    #[test]
    fn attributes_are_told_by_any_way_of_merging() {
        assert_eq!(check_attributes(Some(GITATTRIBUTES.as_bytes())), None);
        assert_eq!(check_attributes(Some(b"*.jsonl text eol=lf merge=packwright\n")), None);
        for text in [None, Some(&b""[..]), Some(b"# *.jsonl merge=union\n"), Some(b"*.jsonl text\n")] {
            assert_eq!(check_attributes(text).map(|it| it.code), Some(Code::NOT_MERGED_BY_LINE), "{text:?}");
        }
    }

    #[test]
    fn odd_file_systems_are_told() {
        let disk = Arc::new(MemorySystem::new());
        disk.write("/ws/packwright.toml", "");
        disk.write("/ws/.packwright/cache/.gitignore", "*");
        disk.write("/ws/.packwright/lane/lock", "");
        let ws = Workspace::new(disk.clone(), "/ws".into());
        let codes = || check_file_system(&ws).iter().map(|it| it.code).collect::<Vec<_>>();
        assert_eq!(codes(), []);
        disk.set_granularity(2 * LONG_STEP_NS);
        assert_eq!(codes(), [Code::COARSE_CLOCK]);
        disk.set_read_only(true);
        assert_eq!(codes(), [], "a clock that cannot be read is none to speak of");

        disk.set_read_only(false);
        disk.write("/ws/PACKWRIGHT.TOML", "another file");
        let stat = |it: &str| disk.stat(it.as_ref()).ok();
        let (lower, upper) = (stat("/ws/packwright.toml"), stat("/ws/PACKWRIGHT.TOML"));
        assert!(are_one(lower, lower) && !are_one(lower, upper) && !are_one(lower, None));

        assert!(is_no_lock(&io::ErrorKind::Unsupported.into()));
        assert!(!is_no_lock(&io::ErrorKind::PermissionDenied.into()));
    }

    #[test]
    fn a_text_is_known_by_its_other_line_endings() {
        assert_eq!(other_endings(b"a\nb\n"), [b"a\r\nb\r\n"]);
        assert_eq!(other_endings(b"a\r\nb\r\n"), [b"a\nb\n"]);
        assert_eq!(other_endings(b"a\r\nb\n").len(), 2);
        assert!(other_endings(b"a\n\0").is_empty() && other_endings(b"a").is_empty() && other_endings(b"").is_empty());
    }

    fn index(version: u8, paths: &[&str]) -> Vec<u8> {
        let mut bytes = vec![b'D', b'I', b'R', b'C', 0, 0, 0, version];
        paths.iter().for_each(|it| bytes.extend([it.as_bytes(), b"\0\0"].concat()));
        bytes
    }

    #[test]
    fn the_registry_is_in_git_or_not_or_nobody_knows() {
        let told = |git: &[(&str, &[u8])]| {
            let disk = Arc::new(MemorySystem::new());
            disk.write("/repo/game/packwright.toml", "");
            git.iter().for_each(|(path, bytes)| disk.write(path, bytes));
            check_git(&Workspace::new(disk, "/repo/game".into())).is_some()
        };
        let (with, without) = (["game/packwright.registry/0.jsonl"], ["packwright.registry/0.jsonl"]);
        assert!(!told(&[]), "no git");
        assert!(!told(&[("/repo/.git/HEAD", b"")]), "nothing was ever added");
        assert!(!told(&[("/repo/.git/index", &index(2, &with))]));
        assert!(told(&[("/repo/.git/index", &index(2, &without))]));
        assert!(!told(&[("/repo/.git/index", &index(4, &without))]), "paths are not written in full");
        assert!(!told(&[("/repo/.git/index", &index(3, &["link"]))]), "half of the index is elsewhere");
        let linked: &[(&str, &[u8])] =
            &[("/repo/.git", b"gitdir: /other/x\n"), ("/other/x/index", &index(2, &without))];
        assert!(told(linked));
    }

    #[test]
    fn what_came_out_of_commits_is_told() {
        let disk = Arc::new(MemorySystem::new());
        disk.write("/ws/packwright.toml", "");
        let ws = Workspace::new(disk.clone(), "/ws".into());
        assert_eq!(strays(&ws), []);
        let file = |path: &str| format!("{{\"path\":\"{path}\",\"before\":null,\"after\":null}}");
        let log = format!(
            "{{\"sequence\":7,\"title\":\"t\",\"command\":\"c\",\"files\":[{},{}]}}\n",
            file("assets/hero.json"),
            file("assets/map")
        );
        disk.write("/ws/.packwright/lane/log.jsonl", log);
        disk.write("/ws/.packwright/lane/kept/7.0.hero.json", "theirs");
        disk.write("/ws/.packwright/lane/kept/7.1.map/inside", "theirs");
        disk.write("/ws/.packwright/lane/kept/12.0.other", "theirs");
        disk.write("/ws/.packwright/lane/kept/.gitignore", "not ours");
        let told: Vec<String> = strays(&ws).iter().map(|it| it.message.clone()).collect();
        let expected = [
            "somebody's `assets/hero.json` came out when commit 7 was finished, and is kept",
            "somebody's `assets/map` came out when commit 7 was finished, and is kept",
            "somebody's file came out when commit 12 was finished or taken back, and is kept",
        ];
        assert_eq!(told, expected);
        (0..10).for_each(|it| disk.write(format!("/ws/.packwright/lane/kept/13.{it}.x"), ""));
        assert_eq!(strays(&ws).len(), 13, "each has its own place");
    }

    #[test]
    fn what_a_crash_left_is_seen_before_it_is_put_right() {
        let disk = Arc::new(MemorySystem::new());
        disk.write("/ws/packwright.toml", "");
        let ws = Workspace::new(disk.clone(), "/ws".into());
        let codes = || leftovers(&ws).iter().map(|it| it.code).collect::<Vec<_>>();
        assert_eq!(codes(), []);
        disk.write("/ws/.packwright/lane/lock", "");
        disk.write("/ws/.packwright/lane/stage/7.0", "new");
        assert_eq!(codes(), [Code::STAGED_LEFT]);
        let lock = disk.try_lock("/ws/.packwright/lane/lock".as_ref(), false).expect("a lock file");
        assert_eq!(codes(), [], "somebody is at it");
        drop(lock);
        disk.write("/ws/.packwright/lane/journal", "damaged");
        assert_eq!(codes(), [Code::HALF_DONE]);
    }
}
