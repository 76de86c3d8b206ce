//! `packwright check`.

use schemars::JsonSchema;
use serde::Serialize;

use super::Context;
use super::build::{RegisteredEntry, in_numbers, registered, tell_each, tell_findings, tell_work};
use super::exit::Exit;
use super::json::{self, DiagnosticEntry, Format, Version, diagnostics};
use super::open::{self, BuildArguments, Opened};
use super::sarif::{self, Checked};
use super::words::{count, seconds};
use crate::build::surroundings::below_git;
use crate::build::{Options, PackReport, Report, Work};
use crate::error::{Error, Result};
use crate::model::Diagnostic;

#[derive(clap::Args, Debug)]
pub struct Arguments {
    #[command(flatten)]
    pub build: BuildArguments,
    /// Fail where a build would have to change the registry
    #[arg(long)]
    locked: bool,
    /// How the report is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: CheckFormat,
}

/// How the report of a check is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum CheckFormat {
    /// For people
    #[default]
    Human,
    /// One document, for programs
    Json,
    /// A SARIF 2.1.0 log, for code scanning
    Sarif,
    /// Workflow commands, for annotations by GitHub Actions
    Github,
}

impl CheckFormat {
    /// Returns how everything else is told than what was found.
    pub fn plain(self) -> Format {
        match self {
            Self::Json => Format::Json,
            Self::Human | Self::Sarif | Self::Github => Format::Human,
        }
    }
}

/// What a check found, where it found no error.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "packwright check --format json")]
pub struct CheckDocument {
    /// Version of this form.
    version: Version,
    /// The profile that was checked.
    profile: String,
    /// The packs that were checked, by name.
    packs: Vec<CheckedPack>,
    /// What a build would register, by place.
    would_register: Vec<RegisteredEntry>,
    /// What is to be said about the workspace.
    diagnostics: Vec<DiagnosticEntry>,
    /// What is to be said about the cache.
    cache_diagnostics: Vec<DiagnosticEntry>,
    /// What was done, in numbers.
    work: Work,
}

/// A pack that was checked.
#[derive(Serialize, JsonSchema)]
struct CheckedPack {
    /// Its name.
    name: String,
    /// Number of assets that a build would put into it.
    entries: u64,
}

impl From<&PackReport> for CheckedPack {
    fn from(it: &PackReport) -> Self {
        Self { name: it.name.clone(), entries: it.entries }
    }
}

pub fn run(cx: &Context, arguments: &Arguments) -> Result<Exit> {
    let opened = open::open_timed(cx, arguments.build.jobs, cx.console.verbose > 0)?;
    let log = cx.console.verbose > 1;
    let options = Options { locked: arguments.locked, log, ..arguments.build.options(cx) };
    let exit = match opened.ask(|it| it.check(&options)) {
        Ok(report) => {
            print_log(cx, arguments, &opened, &report.diagnostics, None)?;
            tell(cx, arguments, &opened, &report)?;
            Exit::Done
        }
        Err(error) => {
            let (found, failure) = match &error {
                Error::Invalid(found) | Error::Unreadable(found) | Error::Locked(found) => (found.as_slice(), None),
                error => (&[][..], Some(json::chain(error))),
            };
            print_log(cx, arguments, &opened, found, failure.as_deref())?;
            let consequence = Some("a build would publish nothing");
            super::failed(&cx.console, arguments.format.plain(), Some(&opened.ws), &error, consequence)
        }
    };
    opened.engine.forget();
    Ok(exit)
}

/// Prints what was found in the forms that other programs know.
fn print_log(
    cx: &Context,
    arguments: &Arguments,
    opened: &Opened,
    diagnostics: &[Diagnostic],
    failure: Option<&str>,
) -> Result<()> {
    let prefix = below_git(&opened.ws).unwrap_or_default();
    let checked = Checked { prefix: &prefix, diagnostics, failure };
    match arguments.format {
        CheckFormat::Human | CheckFormat::Json => Ok(()),
        CheckFormat::Sarif => cx.console.print_json(&sarif::sarif(&checked)),
        CheckFormat::Github => cx.console.print(&sarif::github(&checked)),
    }
}

fn tell(cx: &Context, arguments: &Arguments, opened: &Opened, report: &Report) -> Result<()> {
    let profile = &arguments.build.profile;
    if arguments.format == CheckFormat::Json {
        cx.console.print_json(&CheckDocument {
            version: Version,
            profile: profile.clone(),
            packs: report.packs.iter().map(CheckedPack::from).collect(),
            would_register: registered(&report.registered),
            diagnostics: diagnostics(&report.diagnostics),
            cache_diagnostics: diagnostics(&report.cache_warnings),
            work: report.work,
        })?;
    } else {
        tell_findings(cx, opened, report);
    }
    if !report.registered.is_empty() {
        let changes = in_numbers(&report.registered, ["register", "move", "tidy"]);
        cx.console.note(format_args!("a build would {changes}"));
        tell_each(cx, &report.registered);
    }
    tell_work(cx, opened, report);
    let elapsed = seconds(opened.elapsed());
    if let [pack] = &report.packs[..] {
        let (name, assets) = (&pack.name, count(pack.entries, "asset"));
        cx.console.tell(2, format_args!("{profile}/{name} is valid: {assets}, checked in {elapsed}"));
        return Ok(());
    }
    for it in &report.packs {
        cx.console.say(format_args!("  {profile}/{}: {}", it.name, count(it.entries, "asset")));
    }
    cx.console.tell(2, format_args!("{} are valid, checked in {elapsed}", count(report.packs.len() as u64, "pack")));
    Ok(())
}
