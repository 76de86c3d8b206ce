//! `packwright undo`.

use super::Context;
use super::exit::Exit;
use super::open;
use super::write::{self, AssetEntry, WriteArguments};
use crate::error::Result;
use crate::model::registry::Line;
use crate::write::{Plan, undo_one};

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// The number of the commit, as `log` tells it [default: the last one that is not undone]
    #[arg(value_name = "COMMIT")]
    commit: Option<u64>,
    #[command(flatten)]
    pub write: WriteArguments,
}

pub fn run(cx: &Context, arguments: &Arguments) -> Result<Exit> {
    let opened = open::open(cx, None)?;
    let plan = || {
        let Plan { commit, notes, lines } = undo_one(&opened.ws, arguments.commit)?;
        let entry =
            |it: Line| AssetEntry { asset_id: it.id, asset_uuid: it.uuid, place: it.place, part: it.part.into() };
        Ok(write::Plan { commit, notes, assets: lines.into_iter().map(entry).collect() })
    };
    write::run(cx, &opened.ws, &arguments.write, "packwright undo", plan).or_else(|error| {
        let consequence = Some("nothing was changed");
        Ok(super::failed(&cx.console, arguments.write.format, Some(&opened.ws), &error, consequence))
    })
}
