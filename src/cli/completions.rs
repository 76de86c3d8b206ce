//! `packwright completions`.

use clap::CommandFactory;
use clap_complete::Shell;

use super::Context;
use super::exit::Exit;
use crate::error::Result;

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// The shell
    shell: Shell,
}

pub fn run(cx: &Context, arguments: &Arguments) -> Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::Arguments::command(), "packwright", &mut script);
    cx.console.print_bytes(&script)?;
    Ok(Exit::Done)
}
