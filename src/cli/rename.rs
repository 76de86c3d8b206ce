//! `packwright rename`.

use super::Context;
use super::choose;
use super::exit::Exit;
use super::words::{clean, count};
use super::write::WriteArguments;
use crate::error::{Error, Result};
use crate::write::{Depth, rename};

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// Which asset: its id, name, path or the beginning of its uuid
    #[arg(value_name = "ASSET")]
    asset: String,
    /// Its new name
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    pub write: WriteArguments,
}

pub fn run(cx: &Context, arguments: &Arguments) -> Result<Exit> {
    choose::run(cx, &arguments.write, "rename", (Depth::Declarations, false), &|choice| {
        let chosen = choice.declared(std::slice::from_ref(&arguments.asset))?;
        match chosen[..] {
            [asset] => rename(choice.view, asset, &arguments.name),
            _ => Err(Error::Refused(format!(
                "`{}` means {}, and a name is for one",
                clean(&arguments.asset),
                count(chosen.len() as u64, "asset")
            ))),
        }
    })
}
