//! `packwright measure`: the processes that `packwright bench` is made of. Not for people, and may change at any time.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use super::Context;
use super::exit::Exit;
use crate::bench::floor::{self, Floor};
use crate::error::{Error, IoContext, Result};
use crate::model::Codec;
use crate::system::os::OsSystem;
use crate::system::process::{self, Program};

#[derive(clap::Args, Debug)]
pub struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand, Debug)]
enum What {
    /// Run a program and print what it cost
    Run(RunArguments),
    /// Do the least that any program must do
    Floor(FloorArguments),
}

#[derive(clap::Args, Debug)]
struct RunArguments {
    /// The file for its standard output
    #[arg(long)]
    stdout: PathBuf,
    /// The file for its standard error
    #[arg(long)]
    stderr: PathBuf,
    /// The program and its arguments
    #[arg(last = true, required = true)]
    program: Vec<OsString>,
}

#[derive(clap::Args, Debug)]
struct FloorArguments {
    /// What is done
    #[arg(value_enum)]
    floor: Floor,
    /// The file that names what is there
    #[arg(long)]
    list: PathBuf,
    /// The file that payloads are written to
    #[arg(long)]
    out: PathBuf,
    /// How many threads a build would use
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    jobs: u16,
    /// How payloads are compressed
    #[arg(long, value_parser = ["none", "lz4", "zstd"])]
    codec: String,
    /// How many bytes are written at most
    #[arg(long)]
    limit: u64,
}

pub fn run(cx: &Context, arguments: &Arguments) -> Result<Exit> {
    match &arguments.what {
        What::Run(it) => {
            let [path, arguments @ ..] = it.program.as_slice() else {
                return Err(Error::Usage("there is no program to run".to_owned()));
            };
            let program = Program { path: path.into(), arguments: arguments.to_vec(), dir: cx.base.clone() };
            let usage = process::run(&program, &it.stdout, &it.stderr).context("run", &program.path)?;
            cx.console.print_json(&usage)?;
        }
        What::Floor(it) => {
            let list = cx.disk.read(&it.list, u64::MAX).context("read", &it.list)?;
            let text = std::str::from_utf8(&list).map_err(std::io::Error::other).context("read", &it.list)?;
            let codec = match it.codec.as_str() {
                "lz4" => Codec::Lz4,
                "zstd" => Codec::Zstd,
                _ => Codec::None,
            };
            let (out, jobs) = (it.out.clone(), usize::from(it.jobs));
            let options = floor::Options { floor: it.floor, jobs, codec, out, limit: it.limit };
            floor::run(&cx.base, text, &options, || Arc::new(OsSystem::new())).context("measure", &cx.base)?;
        }
    }
    Ok(Exit::Done)
}
