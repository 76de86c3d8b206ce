//! `packwright rename`.

use super::Context;
use super::choose::{self, Choice};
use super::exit::Exit;
use super::words::{clean, count};
use super::write::WriteArguments;
use crate::build::view::Asset;
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
            [asset] => {
                let mut decision = rename(choice.view, asset, &arguments.name)?;
                decision.notes.extend(other_meanings(choice, &arguments.name, asset)?);
                Ok(decision)
            }
            _ => Err(Error::Refused(format!(
                "`{}` means {}, and a name is for one",
                clean(&arguments.asset),
                count(chosen.len() as u64, "asset")
            ))),
        }
    })
}

/// Tells how the new name will not do on the command line, where it is no bare number: of these the command itself tells.
fn other_meanings(choice: &Choice<'_>, name: &str, asset: &Asset) -> Result<Vec<String>> {
    match choice.other_meanings(name, asset) {
        // What is no good as a glob names nothing there.
        Err(Error::Usage(problem)) => Ok(vec![format!("note: on the command line {problem}")]),
        outcome => outcome,
    }
}
