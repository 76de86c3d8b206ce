//! What all commands have in common that change authoring files or the registry: their options, and the way from a
//! plan to a commit, or to a picture of it.
//!
//! Knows files, not what is in them: what a command does is its own business.

use std::fmt::Write;
use std::io;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use similar::TextDiff;

use super::Context;
use super::exit::Exit;
use super::json::{Format, Version};
use super::words::{clean, count, size};
use crate::error::{Error, IoContext, Result};
use crate::lane::{self, Commit, Lane};
use crate::model::{AssetId, AssetUuid, Digest, RelPath};
use crate::system::FileKind;
use crate::workspace::layout::Workspace;
use crate::write::{Done, under_lane};

/// A longer file is shown by its length only, in bytes.
const LONGEST_TEXT: usize = 8 << 20;

/// The options of every write command.
#[derive(clap::Args, Debug)]
pub struct WriteArguments {
    /// Show what would change in which file, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// How long to wait while another process writes, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    pub wait: u64,
    /// How the report is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: Format,
}

/// What a write command is about to do.
#[derive(Default, Debug)]
pub struct Plan {
    /// The files. Without any there is nothing to do.
    pub commit: Commit,
    /// What is done to what, one line each, as an infinitive: "rename `hero` to `knight`".
    pub notes: Vec<String>,
    /// The assets that are concerned, by place.
    pub assets: Vec<AssetEntry>,
}

impl AsRef<Commit> for Plan {
    fn as_ref(&self) -> &Commit {
        &self.commit
    }
}

/// What a write command did, or would do; `doctor` too, where it is asked to put something right.
#[derive(Serialize, JsonSchema)]
#[schemars(
    title = "packwright register|rename|move|include|exclude|remove|undo, doctor --fix|--bind|--remembered --format \
                    json"
)]
pub struct WriteDocument {
    /// Version of this form.
    version: Version,
    /// Whether this is only what would be done.
    dry_run: bool,
    /// The number of the commit in `packwright log`; absent when nothing was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<u64>,
    /// What it does, in a few words.
    title: String,
    /// What it does to what, one line each.
    notes: Vec<String>,
    /// The assets that are concerned.
    assets: Vec<AssetEntry>,
    /// The files that change, by path.
    files: Vec<FileEntry>,
}

/// An asset that a write command is about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, JsonSchema)]
pub struct AssetEntry {
    /// Its number.
    #[schemars(with = "u32")]
    pub asset_id: AssetId,
    /// Its identity.
    #[schemars(with = "String")]
    pub asset_uuid: AssetUuid,
    /// Its place afterwards.
    #[schemars(with = "String")]
    pub place: RelPath,
    /// Which of the assets made out of the place; absent when there is only one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub part: String,
}

/// What happens to one file.
#[derive(Serialize, JsonSchema)]
struct FileEntry {
    /// The file, relative to the workspace.
    path: String,
    /// What happens to it.
    change: FileChange,
    /// Its name before; absent unless it is moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// Its length before; absent when it was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_before: Option<u64>,
    /// Its length afterwards; absent when it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_after: Option<u64>,
    /// The change as a unified diff; absent for what is no text, for what is moved and for what is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum FileChange {
    Created,
    Changed,
    Removed,
    Moved,
}

/// Does what `plan` plans, or shows it, and tells about it.
///
/// `command` is told to those who must wait: `packwright rename`. `plan` is asked again, under the lane, when some other
/// process was faster.
///
/// # Errors
///
/// Those of `plan`; [`Error::Conflict`] when somebody edits a file during the commit, [`Error::Busy`] when the lane is held for
/// longer than the user waits, [`Error::Io`]. Nothing has changed then.
pub fn run(
    cx: &Context,
    ws: &Workspace,
    arguments: &WriteArguments,
    command: &str,
    mut plan: impl FnMut() -> Result<Plan>,
) -> Result<Exit> {
    let moment = lane::moment(&*ws.disk, &ws.root)?;
    let planned = match plan() {
        // Somebody writes without pause. While the lane is held, no other packwright does.
        Err(Error::Torn { .. }) if !arguments.dry_run => None,
        outcome => Some(outcome?),
    };
    match planned {
        Some(planned) if planned.commit.is_empty() => return report(cx, arguments, planned, None, Vec::new()),
        Some(planned) if arguments.dry_run => {
            let files = files(ws, &planned.commit, true)?;
            return report(cx, arguments, planned, None, files);
        }
        _ => {}
    }
    let lane = || take_lane(cx, ws, command, Duration::from_secs(arguments.wait));
    let look = |it: &Commit| files(ws, it, false);
    let Done { planned, looked, number } = under_lane(ws, &moment, planned, lane, &mut plan, look)?;
    report(cx, arguments, planned, number, looked)
}

/// Takes the lane. Who has to wait for it is told who holds it, once, and can press Ctrl-C.
///
/// # Errors
///
/// [`Error::Busy`] when the wait runs out, [`Error::Interrupted`].
pub fn take_lane<'a>(cx: &Context, ws: &'a Workspace, command: &str, wait: Duration) -> Result<Lane<'a>> {
    let mut is_told = false;
    let mut tell = |holder: &str| {
        if !std::mem::replace(&mut is_told, true) {
            let holder = clean(holder);
            cx.console.note(format_args!("waiting up to {} s for the lane, held by {holder}", wait.as_secs()));
        }
        ws.check_stop()
    };
    Lane::acquire_telling(&*ws.disk, &ws.root, command, std::process::id(), wait, &mut tell)
}

/// Looks at every file of a commit, before it.
fn files(ws: &Workspace, commit: &Commit, with_diff: bool) -> Result<Vec<FileEntry>> {
    let mut entries = Vec::with_capacity(commit.changes.len() + commit.moves.len());
    for it in &commit.changes {
        entries.extend(changed(ws, it, with_diff)?);
    }
    for it in &commit.moves {
        let native = ws.abs(&it.from);
        let length = match ws.disk.stat(&native) {
            Ok(stamp) if stamp.kind == FileKind::File => Some(stamp.size),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).context("read", &native),
            _ => return Err(Error::Conflict { path: native }),
        };
        if ws.disk.stat(&ws.abs(&it.to)).is_ok() {
            return Err(Error::Conflict { path: ws.abs(&it.to) });
        }
        entries.push(FileEntry {
            path: it.to.to_string(),
            change: FileChange::Moved,
            from: Some(it.from.to_string()),
            bytes_before: length,
            bytes_after: length,
            diff: None,
        });
    }
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(entries)
}

/// Returns what happens to a file; `None` where it has the wished bytes already.
fn changed(ws: &Workspace, it: &lane::Change, with_diff: bool) -> Result<Option<FileEntry>> {
    let before = match lane::read_file_through(&*ws.disk, &ws.root, &it.path) {
        Err(Error::Io { source, path, .. }) if source.kind() == io::ErrorKind::IsADirectory => {
            return Err(Error::Conflict { path });
        }
        outcome => outcome?,
    };
    if before.as_deref().map(Digest::of) != it.expect {
        return Err(Error::Conflict { path: ws.abs(&it.path) });
    }
    let change = match (&before, &it.content) {
        (before, after) if before == after => return Ok(None),
        (None, _) => FileChange::Created,
        (Some(_), None) => FileChange::Removed,
        (Some(_), Some(_)) => FileChange::Changed,
    };
    let length = |it: &Option<Vec<u8>>| it.as_ref().map(|it| it.len() as u64);
    let diff = with_diff.then(|| diff(it.path.as_str(), before.as_deref(), it.content.as_deref())).flatten();
    Ok(Some(FileEntry {
        path: it.path.to_string(),
        change,
        from: None,
        bytes_before: length(&before),
        bytes_after: length(&it.content),
        diff,
    }))
}

/// Returns a unified diff; `None` for what is no text, or too long to be read by anybody.
fn diff(path: &str, before: Option<&[u8]>, after: Option<&[u8]>) -> Option<String> {
    let text = |it: Option<&'_ [u8]>| -> Option<String> {
        let bytes = it.unwrap_or_default();
        let is_text = bytes.len() <= LONGEST_TEXT && !bytes.contains(&0);
        is_text.then(|| String::from_utf8(bytes.to_vec()).ok()).flatten()
    };
    let (old, new) = (text(before)?, text(after)?);
    let name = |side: &str, it: Option<&[u8]>| it.map_or("/dev/null".to_owned(), |_| format!("{side}/{path}"));
    let diff = TextDiff::from_lines(&old, &new);
    Some(diff.unified_diff().context_radius(3).header(&name("a", before), &name("b", after)).to_string())
}

/// Tells what was done, or would be.
fn report(
    cx: &Context,
    arguments: &WriteArguments,
    planned: Plan,
    commit: Option<u64>,
    files: Vec<FileEntry>,
) -> Result<Exit> {
    let Plan { commit: Commit { title, .. }, notes, assets } = planned;
    let dry_run = arguments.dry_run;
    if arguments.format == Format::Json {
        let document = WriteDocument { version: Version, dry_run, commit, title, notes, assets, files };
        cx.console.print_json(&document)?;
        return Ok(Exit::Done);
    }
    if dry_run {
        cx.console.print(&files.iter().map(|it| shown(it, cx.console.prints_to_terminal())).collect::<String>())?;
    }
    for note in &notes {
        cx.console.tell(2, clean(note));
    }
    let n_files = count(files.len() as u64, "file");
    match commit {
        None if files.is_empty() => cx.console.say("nothing to do"),
        _ if dry_run => cx.console.tell(2, format_args!("{}: {n_files} would change", clean(&title))),
        Some(number) => cx.console.tell(2, format_args!("{}: {n_files}, commit {number}", clean(&title))),
        None => cx.console.say("nothing to do"),
    }
    Ok(Exit::Done)
}

/// Returns one file's change as people see it.
fn shown(it: &FileEntry, is_terminal: bool) -> String {
    if let Some(diff) = &it.diff {
        return if is_terminal { colored(diff) } else { diff.clone() };
    }
    let length = |it: Option<u64>| it.map_or_else(String::new, size);
    let (path, before, after) = (clean(&it.path), length(it.bytes_before), length(it.bytes_after));
    match it.change {
        FileChange::Created => format!("create `{path}` ({after})\n"),
        FileChange::Changed => format!("change `{path}` ({before} to {after})\n"),
        FileChange::Removed => format!("remove `{path}` ({before})\n"),
        FileChange::Moved => {
            let from = clean(it.from.as_deref().unwrap_or_default());
            format!("move `{from}` to `{path}` ({after})\n")
        }
    }
}

/// Returns a diff for a terminal: in colours, and without anything in it that a terminal would obey.
fn colored(diff: &str) -> String {
    use clap::builder::styling::{AnsiColor, Style};
    let mut text = String::with_capacity(diff.len() * 2);
    for line in diff.lines() {
        let style = match line.as_bytes().first() {
            _ if line.starts_with("--- ") || line.starts_with("+++ ") => Style::new().bold(),
            Some(b'+') => AnsiColor::Green.on_default(),
            Some(b'-') => AnsiColor::Red.on_default(),
            Some(b'@') => AnsiColor::Cyan.on_default(),
            _ => Style::new(),
        };
        let _ = writeln!(text, "{style}{}{style:#}", clean(line));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_shown_as_a_diff_where_it_is_text() {
        let shown = diff("d/a.json", Some(b"one\ntwo\n"), Some(b"one\n2\nthree")).expect("text");
        let expected = "--- a/d/a.json\n+++ b/d/a.json\n@@ -1,2 +1,3 @@\n one\n-two\n+2\n+three\n\
                        \\ No newline at end of file\n";
        assert_eq!(shown, expected);
        assert!(diff("new", None, Some(b"x\n")).expect("text").starts_with("--- /dev/null\n+++ b/new\n"));
        assert_eq!(diff("a", Some(b"\0"), Some(b"x")), None);
        assert_eq!(diff("a", Some(b"\xff"), None), None);
        assert_eq!(diff("a", None, Some(&vec![b'x'; LONGEST_TEXT + 1])), None);
    }

    #[test]
    fn a_terminal_is_told_nothing_that_it_would_obey() {
        let shown = colored("--- a\n+++ b\n@@ -1 +1 @@\n-\u{1b}[2J\n");
        assert!(shown.contains("\\u{1b}[2J") && shown.ends_with("\u{1b}[0m\n"), "{shown}");
    }
}
