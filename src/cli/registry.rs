//! `packwright registry`: what git calls, not people.

use std::path::PathBuf;

use super::Context;
use super::exit::Exit;
use super::words::{clean, count};
use crate::error::{IoContext, Result};
use crate::model::registry::join;
use crate::system::staged::{self, Durability};

/// A longer file is none of a registry's, in bytes.
const LONGEST: u64 = 1 << 30;

const SETUP: &str = "\
Once in every clone:
  git config merge.packwright.name 'packwright registry'
  git config merge.packwright.driver 'packwright registry merge %O %A %B %P'
and committed, in packwright.registry/.gitattributes:
  *.jsonl text eol=lf merge=packwright";

#[derive(clap::Args, Debug)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Merge two versions of a registry file: a merge driver for git
    ///
    /// Writes the result over OURS: every line of either side that the other one has not superseded, sorted. Ends with 0
    /// where that is all, and with 1 where both sides changed one asset's line in ways that contradict each other, or a
    /// line cannot be read: then git says that there is a conflict, and `packwright doctor --fix` settles it.
    #[command(after_help = SETUP)]
    Merge {
        /// The common ancestor; lines are never deleted, so that it has nothing to say
        base: PathBuf,
        /// Our version, which becomes the result
        ours: PathBuf,
        /// Their version
        theirs: PathBuf,
        /// What the file is called
        path: Option<String>,
    },
}

pub fn run(cx: &Context, arguments: &Arguments) -> Result<Exit> {
    let Command::Merge { base: _, ours, theirs, path } = &arguments.command;
    let (ours, theirs) = (cx.base.join(ours), cx.base.join(theirs));
    let read = |path: &PathBuf| cx.disk.read(path, LONGEST).context("read", path);
    let joined = join(&read(&ours)?, &read(&theirs)?);
    let staged = staged::stage(&*cx.disk, &ours, &joined.bytes, Durability::Unsynced);
    staged.and_then(staged::Staged::publish).context("write", &ours)?;
    if joined.is_clean() {
        return Ok(Exit::Done);
    }
    let name = clean(path.as_deref().unwrap_or("the registry"));
    let n = count(joined.contradictions.len() as u64, "asset");
    if !joined.contradictions.is_empty() {
        let said = format!("{name}: both sides changed the line of {n} in different ways");
        cx.console.error(format_args!("{said}; run `packwright doctor --fix` when everything else is merged"));
    }
    if joined.n_unreadable > 0 {
        let n = count(joined.n_unreadable as u64, "line");
        cx.console.error(format_args!("{name}: {n} cannot be read; restore them from version control"));
    }
    Ok(Exit::No)
}
