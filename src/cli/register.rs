//! `packwright register`.

use super::Context;
use super::choose;
use super::exit::Exit;
use super::write::WriteArguments;
use crate::error::Result;
use crate::write::{Depth, refresh, register};

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// Which assets: ids, names, beginnings of uuids, paths or globs [default: all that are not registered]
    #[arg(value_name = "ASSET", conflicts_with = "refresh")]
    assets: Vec<String>,
    /// Write today's digests into the lines of all assets instead: by these they are recognised should they move
    #[arg(long)]
    refresh: bool,
    #[command(flatten)]
    pub write: WriteArguments,
}

pub fn run(cx: &Context, arguments: &Arguments) -> Result<Exit> {
    choose::run(cx, &arguments.write, "register", (Depth::Declarations, !arguments.refresh), &|choice| {
        if arguments.refresh {
            return refresh(choice.view);
        }
        if arguments.assets.is_empty() {
            return register(choice.view, None);
        }
        let chosen = choice.declared(&arguments.assets)?;
        register(choice.view, Some(&chosen.iter().map(|it| it.place().clone()).collect()))
    })
}
