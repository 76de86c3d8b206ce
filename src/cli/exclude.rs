//! `packwright exclude`.

use super::Context;
use super::choose;
use super::exit::Exit;
use super::write::WriteArguments;
use crate::error::Result;
use crate::write::{Depth, exclude};

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// Which assets: ids, names, beginnings of uuids, paths or globs
    #[arg(value_name = "ASSET", required = true)]
    assets: Vec<String>,
    /// Do it although others refer to them: the next build tells of each such reference
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    pub write: WriteArguments,
}

pub fn run(cx: &Context, arguments: &Arguments) -> Result<Exit> {
    choose::run(cx, &arguments.write, "exclude", (Depth::Observations, false), &|choice| {
        exclude(choice.view, &choice.declared_somehow(&arguments.assets)?, arguments.force)
    })
}
