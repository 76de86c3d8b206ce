//! The command line: arguments in, text and an exit code out. The only code that prints.
//!
//! One file a command; besides them
//! - `open`: from a directory and options to a workspace and an engine
//! - `asset`: which asset is told of
//! - `select`: which assets a text on the command line means
//! - `console`, `words`, `paint`, `table`, `render`, `progress`: how things are told to people
//! - `json`: how they are told to programs
//! - `whereabouts`: what is true of a path that is no asset
//! - `choose`: the assets that a write command means, and the way from there to its plan
//! - `write`: what all commands have in common that change authoring files or the registry
//! - `exit`: how a command ends

mod absent;
mod asset;
mod bench;
mod build;
mod cache;
mod check;
mod choose;
mod completions;
mod console;
mod demo;
mod doctor;
mod exclude;
mod exit;
mod explain;
mod graph;
mod include;
mod init;
mod json;
mod list;
mod log;
mod measure;
mod moving;
mod open;
mod pack;
mod paint;
mod panic;
mod progress;
mod register;
mod registry;
mod remove;
mod rename;
mod render;
mod sarif;
mod schema;
mod select;
mod show;
mod status;
mod table;
mod undo;
mod whereabouts;
mod why;
mod words;
mod wrap;
mod write;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Parser, Subcommand};

use console::{Color, Console};
use exit::Exit;
use json::Format;

use crate::error::{Error, Result};
use crate::system::Disk;
use crate::workspace::layout::Workspace;

/// The documents that commands print with `--format json`, for their schemas.
pub mod documents {
    pub use super::bench::BenchDocument;
    pub use super::build::BuildDocument;
    pub use super::cache::{ClearDocument, StatsDocument};
    pub use super::check::CheckDocument;
    pub use super::doctor::DoctorDocument;
    pub use super::explain::ExplainDocument;
    pub use super::graph::GraphDocument;
    pub use super::init::InitDocument;
    pub use super::json::FailureDocument;
    pub use super::list::ListDocument;
    pub use super::log::LogDocument;
    pub use super::pack::{PackListDocument, PackVerifyDocument};
    pub use super::show::ShowDocument;
    pub use super::status::StatusDocument;
    pub use super::why::WhyDocument;
    pub use super::write::WriteDocument;
}

/// Turns a tree of game assets into a pack, and after a change rebuilds only what the change reaches.
#[derive(Parser, Debug)]
#[command(name = "packwright", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Arguments {
    /// Do as if it had been called in DIR
    #[arg(short = 'C', value_name = "DIR", global = true, help_heading = GLOBAL)]
    directory: Option<PathBuf>,
    /// When to use colours
    #[arg(long, value_enum, value_name = "WHEN", default_value_t, global = true, help_heading = GLOBAL)]
    color: Color,
    /// Tell nothing but errors
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = GLOBAL)]
    quiet: bool,
    /// Tell more; twice for even more
    #[arg(short, long, action = clap::ArgAction::Count, global = true, help_heading = GLOBAL)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

/// Over the options that every command has.
const GLOBAL: &str = "Global options";

const EXIT_CODES: &str = "\
Exit codes: 0 done or nothing to do, 1 the workspace has errors, a pack is not sound or a build is slow, 2 usage, 3 --locked would \
have to change something, 4 held by another process, 5 input or output failed, 101 a bug in packwright, \
130 interrupted";

#[derive(Subcommand, Debug)]
enum Command {
    /// Make a workspace
    Init(init::Arguments),
    /// Bring a pack up to date
    Build(build::Arguments),
    /// Validate everything, write nothing
    Check(check::Arguments),
    /// Show what is new, missing, moved, excluded, broken and unclaimed
    Status(status::Arguments),
    /// Show the assets
    List(list::Arguments),
    /// Show one asset whole
    ///
    /// How it is declared and which rules match, where each setting comes from, what it is made of, what its processor
    /// looked at, which assets it needs and which need it, and what was made of it. Processors of what is not up to date run.
    Show(show::Arguments),
    /// Show which assets need which
    ///
    /// References that processors found and declared dependencies, in order of the assets' numbers. Processors of what is
    /// not up to date run.
    Graph(graph::Arguments),
    /// Find and repair what is wrong with identities
    ///
    /// Finds moved, copied and missing sources, numbers and places bound twice, what merges and crashes left behind,
    /// and what is odd about this machine. Ends with 1 when it finds something that it does not repair.
    Doctor(doctor::Arguments),
    /// Register new places, and where missing assets are found again
    ///
    /// Registers what a build would register at its end, and refuses where a build would: all new places and missing
    /// assets that are found again, or only those that are named.
    Register(register::Arguments),
    /// Give an asset another name
    ///
    /// Changes the author's name of an asset where it is declared, and every reference by that name in other
    /// declarations. For an asset that a rule makes, a sidecar is written that is laid over the rule.
    Rename(rename::Arguments),
    /// Move assets, files and directories
    ///
    /// Moves files with their sidecars, and directories with all that is in them, as `mv` would. Identities stay;
    /// references by path in declarations and rules that name what moves are rewritten. Sources are not edited: where
    /// one would not find any more what it reads, that is told. Nothing is ever overwritten.
    Move(moving::Arguments),
    /// Let assets into packs again
    ///
    /// Takes back what `exclude` says, where the asset is declared, or lays over a rule or preset that it does not hold.
    Include(include::Arguments),
    /// Keep assets out of all packs
    ///
    /// Excluded assets keep their identities. It is said where the asset is declared; for one that a rule makes, in a
    /// sidecar, or where all assets of a rule are named, and more than one, in the rule.
    Exclude(exclude::Arguments),
    /// Give assets up for good, with their files
    ///
    /// The registry keeps a tombstone: the number and the uuid are never given again. Declaration and sources are
    /// removed, as `git rm` would. A missing asset is settled this way too.
    Remove(remove::Arguments),
    /// Take back the last commit
    ///
    /// Reverts what the last write command, or the registration of a build, changed; once more, what the one before it
    /// did. No identity is freed: what was registered becomes a tombstone. What git took back already is left as it is.
    /// Files that were edited since are not touched: that is told, and an older commit can be named instead.
    Undo(undo::Arguments),
    /// Show what was committed
    ///
    /// Newest first: every change that packwright made to declarations and the registry of this workspace.
    Log(log::Arguments),
    /// Read packs, without a workspace
    Pack(pack::Arguments),
    /// Look at the cache, or empty it
    Cache(cache::Arguments),
    /// Measure rebuild latency, on a copy
    ///
    /// Measures how long rebuilds take after one change at a time, each as a cold process of this very binary, beside
    /// the floor: the least that any program must do for the same answer, measured in the same round. Works on a copy
    /// of the workspace in a temporary directory on the same file system, and removes it in the end.
    Bench(Box<bench::Arguments>),
    /// Merge registry files, for git
    Registry(registry::Arguments),
    /// Say why an asset was or would be rebuilt, or what a code means
    ///
    /// Of an asset: which of its ingredients are others than when it was made, be it inputs, settings, what its processor
    /// looked at, or the processor itself; before a build, and after it. No processor runs. Of a code: what it means, and
    /// what to do about it.
    Explain(explain::Arguments),
    /// Print the JSON Schema of a file or document
    Schema(schema::Arguments),
    /// Print completions for a shell
    Completions(completions::Arguments),
    /// One process of a benchmark
    #[command(hide = true)]
    Measure(measure::Arguments),
}

impl Command {
    fn format(&self) -> Format {
        match self {
            Self::Init(it) => it.format,
            Self::Build(it) => it.format,
            Self::Check(it) => it.format.plain(),
            Self::Status(it) => it.format,
            Self::List(it) => it.format,
            Self::Show(it) => it.format,
            Self::Graph(it) => it.format.plain(),
            Self::Doctor(it) => it.write.format,
            Self::Register(it) => it.write.format,
            Self::Rename(it) => it.write.format,
            Self::Move(it) => it.write.format,
            Self::Include(it) => it.write.format,
            Self::Exclude(it) => it.write.format,
            Self::Remove(it) => it.write.format,
            Self::Undo(it) => it.write.format,
            Self::Log(it) => it.format,
            Self::Pack(it) => it.format(),
            Self::Cache(it) => it.format(),
            Self::Bench(it) => it.format,
            Self::Explain(it) => it.format,
            Self::Registry(_) | Self::Schema(_) | Self::Completions(_) | Self::Measure(_) => Format::Human,
        }
    }
}

/// What every command is given.
struct Context {
    console: Console,
    disk: Arc<dyn Disk>,
    /// The directory that relative paths are seen from: absolute, every link followed.
    base: PathBuf,
    stop: Arc<AtomicBool>,
}

/// Runs packwright with these arguments, the program's own name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>, disk: Arc<dyn Disk>) -> ExitCode {
    panic::install_hook();
    let given: Vec<OsString> = arguments.into_iter().collect();
    let arguments = match Arguments::try_parse_from(&given) {
        Ok(arguments) => arguments,
        Err(problem) => {
            if problem.use_stderr() && asks_for_json(&given) {
                let console = Console::new(Color::default(), false, 0);
                let text = problem.render().to_string();
                let lines: Vec<&str> = text.lines().map(str::trim).take_while(|it| !it.is_empty()).collect();
                let _ = json::print_usage(&console, lines.join(" ").trim_start_matches("error: "));
            }
            // Help and version come this way too, and go to stdout. A reader that went away is no error.
            let _ = problem.print();
            return if problem.use_stderr() { Exit::Usage } else { Exit::Done }.into();
        }
    };
    let console = Console::new(arguments.color, arguments.quiet, arguments.verbose);
    let format = arguments.command.format();
    let work = || match start(&arguments, console, disk).and_then(|cx| dispatch(&cx, &arguments.command)) {
        Ok(exit) => exit,
        Err(error) => failed(&console, format, None, &error, None),
    };
    panic::or_bug(work).into()
}

/// Returns whether a command line that makes no sense asks for a document all the same.
fn asks_for_json(given: &[OsString]) -> bool {
    let is_pair = |it: &[OsString]| it[0] == "--format" && it[1] == "json";
    given.windows(2).any(is_pair) || given.iter().any(|it| it == "--format=json")
}

fn start(arguments: &Arguments, console: Console, disk: Arc<dyn Disk>) -> Result<Context> {
    let given = arguments.directory.clone().unwrap_or_else(|| PathBuf::from("."));
    let base = disk.canonicalize(&given).map_err(|source| {
        let message = format!("cannot use the directory `{}`: {source}", words::clean(&given.display().to_string()));
        Error::Usage(message)
    })?;
    Ok(Context { console, disk, base, stop: stop_on_ctrl_c() })
}

/// Returns what is set when the user presses Ctrl-C. A second time ends the process at once: whatever it was at, the
/// next one finds files as they were before or after.
fn stop_on_ctrl_c() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = stop.clone();
    #[expect(clippy::exit, reason = "the second Ctrl-C must end it whatever the other threads are at")]
    let handler = move || {
        if seen.swap(true, Ordering::Relaxed) {
            std::process::exit(Exit::Interrupted as i32);
        }
    };
    // Refused only where there is a handler already: then that one decides.
    let _ = ctrlc::set_handler(handler);
    stop
}

fn dispatch(cx: &Context, command: &Command) -> Result<Exit> {
    match command {
        Command::Init(it) => init::run(cx, it),
        Command::Build(it) => build::run(cx, it),
        Command::Check(it) => check::run(cx, it),
        Command::Status(it) => status::run(cx, it),
        Command::List(it) => list::run(cx, it),
        Command::Show(it) => show::run(cx, it),
        Command::Graph(it) => graph::run(cx, it),
        Command::Doctor(it) => doctor::run(cx, it),
        Command::Register(it) => register::run(cx, it),
        Command::Rename(it) => rename::run(cx, it),
        Command::Move(it) => moving::run(cx, it),
        Command::Include(it) => include::run(cx, it),
        Command::Exclude(it) => exclude::run(cx, it),
        Command::Remove(it) => remove::run(cx, it),
        Command::Undo(it) => undo::run(cx, it),
        Command::Log(it) => log::run(cx, it),
        Command::Pack(it) => pack::run(cx, it),
        Command::Cache(it) => cache::run(cx, it),
        Command::Bench(it) => bench::run(cx, it),
        Command::Registry(it) => registry::run(cx, it),
        Command::Explain(it) => explain::run(cx, it),
        Command::Schema(it) => schema::run(cx, it),
        Command::Completions(it) => completions::run(cx, it),
        Command::Measure(it) => measure::run(cx, it),
    }
}

/// Tells of an error that ends a command; `consequence` is what the errors of a workspace lead to.
fn failed(console: &Console, format: Format, ws: Option<&Workspace>, error: &Error, consequence: Option<&str>) -> Exit {
    if format == Format::Json {
        // Should stdout refuse, the exit code still tells.
        let _ = json::print_failure(console, error);
        console.error(words::clean(&json::told(error)));
        return Exit::of(error);
    }
    match error {
        Error::Invalid(found) | Error::Unreadable(found) | Error::Locked(found) => {
            render::show(console, ws, found);
            let said = error.to_string();
            let consequence = if matches!(error, Error::Invalid(_)) { consequence } else { Some(said.as_str()) };
            let consequence = consequence.map_or_else(String::new, |it| format!("; {it}"));
            console.insist(wrap::broken(&format!("{}{consequence}", render::tally(found)), 0, 2, console.wrap()));
        }
        error => console.error(words::clean(&json::chain(error))),
    }
    Exit::of(error)
}

/// Ends a command whose answer is no.
fn refused(console: &Console, format: Format, message: &str) -> Exit {
    if format == Format::Json {
        // Should stdout refuse, the exit code still tells.
        let _ = json::print_refusal(console, message);
    }
    console.error(words::clean(message));
    Exit::No
}
