//! `packwright remove`.

use super::Context;
use super::choose;
use super::exit::Exit;
use super::write::WriteArguments;
use crate::error::Result;
use crate::write::{Depth, Removal, remove};

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// Which assets: ids, names, beginnings of uuids, paths or globs; also of those that are missing
    #[arg(value_name = "ASSET", required = true)]
    assets: Vec<String>,
    /// Leave the sources where they are, and take only the declaration away
    #[arg(long)]
    keep_sources: bool,
    /// Do it although others need them: the next build tells of each such reference
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    pub write: WriteArguments,
}

pub fn run(cx: &Context, arguments: &Arguments) -> Result<Exit> {
    let removal = Removal { keep_sources: arguments.keep_sources, force: arguments.force };
    choose::run(cx, &arguments.write, "remove", (Depth::Observations, false), &|choice| {
        let chosen = choice.all(&arguments.assets)?;
        remove(choice.view, &[chosen.assets, chosen.unread].concat(), &chosen.missing, removal)
    })
}
