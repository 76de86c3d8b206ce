//! `packwright log`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::exit::Exit;
use super::json::{Format, Version};
use super::open;
use super::table::prose_table;
use super::words::{clean, count};
use super::{Context, paint};
use crate::error::Result;
use crate::lane::{self, Entry, LoggedChange};

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// How many commits, from the newest on
    #[arg(long, short = 'n', value_name = "N", default_value_t = 20)]
    limit: usize,
    /// How the log is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: Format,
}

/// What was committed.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "packwright log --format json")]
pub struct LogDocument {
    /// Version of this form.
    version: Version,
    /// Newest first.
    commits: Vec<CommitEntry>,
    /// The lines of `.packwright/lane/log.jsonl`, from 1, that are not understood.
    odd_lines: Vec<usize>,
}

/// One commit.
#[derive(Serialize, JsonSchema)]
struct CommitEntry {
    /// Its number: 1 for the first, and so on.
    commit: u64,
    /// When it was made, as `2026-11-23 09:41:14 UTC`; absent where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    /// Which command made it: `packwright build`; absent where it is not known.
    #[serde(skip_serializing_if = "String::is_empty")]
    command: String,
    /// What it did, in a few words.
    title: String,
    /// The number of the commit that it took back.
    #[serde(skip_serializing_if = "Option::is_none")]
    undoes: Option<u64>,
    /// The number of the commit that took it back.
    #[serde(skip_serializing_if = "Option::is_none")]
    undone_by: Option<u64>,
    /// The files that it changed.
    files: Vec<FileEntry>,
}

/// What a commit did to a file.
#[derive(Serialize, JsonSchema)]
struct FileEntry {
    /// The file, relative to the workspace.
    path: String,
    /// Digest of what it held before; absent where there was no such file.
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    /// Digest of what it held afterwards; absent where there is no such file.
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    /// Its name before; absent unless it was moved here.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// Its name afterwards; absent unless it was moved away.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
}

impl From<LoggedChange> for FileEntry {
    fn from(it: LoggedChange) -> Self {
        Self {
            path: it.path.to_string(),
            before: it.before.map(|it| it.to_hex()),
            after: it.after.map(|it| it.to_hex()),
            from: it.from.map(|it| it.to_string()),
            to: it.to.map(|it| it.to_string()),
        }
    }
}

pub fn run(cx: &Context, arguments: &Arguments) -> Result<Exit> {
    let opened = open::open(cx, None)?;
    let log = match lane::log(&*opened.ws.disk, &opened.ws.root) {
        Ok(log) => log,
        Err(error) => return Ok(super::failed(&cx.console, arguments.format, Some(&opened.ws), &error, None)),
    };
    let odd_lines = log.odd_lines;
    if !odd_lines.is_empty() {
        let lines = odd_lines.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        cx.console
            .warn(format_args!(".packwright/lane/log.jsonl: passed over what cannot be understood, line {lines}"));
    }
    let undone_by: BTreeMap<u64, u64> = log.entries.iter().filter_map(|it| Some((it.undoes?, it.sequence))).collect();
    let newest = log.entries.into_iter().rev().take(arguments.limit);
    let commits: Vec<CommitEntry> = newest.map(|it| commit(it, &undone_by)).collect();
    if arguments.format == Format::Json {
        cx.console.print_json(&LogDocument { version: Version, commits, odd_lines })?;
    } else if commits.is_empty() {
        cx.console.say("nothing was committed yet");
    } else {
        let header = ["commit", "time", "files", "what"].map(paint::heading);
        let rows = std::iter::once(header).chain(commits.iter().map(row));
        cx.console.print(&prose_table(rows, &[0, 2], cx.console.wrap_printed()))?;
    }
    Ok(Exit::Done)
}

fn commit(entry: Entry, undone_by: &BTreeMap<u64, u64>) -> CommitEntry {
    let Entry { sequence, title, command, time, undoes, files, .. } = entry;
    let files = files.into_iter().map(FileEntry::from).collect();
    CommitEntry { commit: sequence, time, command, title, undoes, undone_by: undone_by.get(&sequence).copied(), files }
}

fn row(it: &CommitEntry) -> [String; 4] {
    let undone = it.undone_by.map_or_else(String::new, |by| paint::faint(&format!("  (undone by {by})")));
    // A moved file stands in there under both names.
    let n_files = it.files.iter().filter(|it| it.to.is_none()).count();
    let files = count(n_files as u64, "file");
    let time = it.time.clone().unwrap_or_else(|| "-".to_owned());
    [it.commit.to_string(), paint::faint(&clean(&time)), files, format!("{}{undone}", clean(&it.title))]
}
