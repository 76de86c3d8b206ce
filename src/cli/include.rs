//! `packwright include`.

use super::Context;
use super::choose;
use super::exit::Exit;
use super::write::WriteArguments;
use crate::error::Result;
use crate::write::{Depth, include};

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// Which assets: ids, names, beginnings of uuids, paths or globs
    #[arg(value_name = "ASSET", required = true)]
    assets: Vec<String>,
    #[command(flatten)]
    pub write: WriteArguments,
}

pub fn run(cx: &Context, arguments: &Arguments) -> Result<Exit> {
    choose::run(cx, &arguments.write, "include", (Depth::Declarations, false), &|choice| {
        include(choice.view, &choice.declared_somehow(&arguments.assets)?)
    })
}
