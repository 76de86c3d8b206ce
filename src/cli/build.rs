//! `packwright build`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use super::exit::Exit;
use super::json::{self, DiagnosticEntry, Format, diagnostics};
use super::open::{self, BuildArguments, Opened, relative, shown};
use super::words::{clean, count, seconds};
use super::{Context, render};
use crate::build::{Options, Outcome, Report, Work};
use crate::error::Result;
use crate::model::Digest;

#[derive(clap::Args, Debug)]
pub struct Arguments {
    #[command(flatten)]
    pub build: BuildArguments,
    /// The output directory [default: build/PROFILE]
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Change nothing that is committed, fail where that would be necessary
    #[arg(long)]
    locked: bool,
    /// How the report is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: Format,
}

/// What a build did.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "packwright build --format json")]
pub struct BuildDocument {
    /// Version of this form, 1.
    version: u32,
    /// How it ended.
    outcome: Outcome,
    /// The profile that was built.
    profile: String,
    /// The pack that was built.
    pack: String,
    /// Where the pack lies, as seen from the workspace.
    pack_file: String,
    /// The pack's content digest.
    content_digest: Option<Digest>,
    /// Number of assets in the pack.
    entries: u64,
    /// What was registered, in words.
    registered: Vec<String>,
    /// What is to be said about the workspace.
    diagnostics: Vec<DiagnosticEntry>,
    /// What is to be said about the cache.
    cache_diagnostics: Vec<DiagnosticEntry>,
    /// What was done, in numbers.
    work: Work,
}

pub fn run(cx: &Context, arguments: &Arguments) -> Result<Exit> {
    let opened = open::open(cx, arguments.build.jobs)?;
    let options = Options {
        out: arguments.out.as_ref().map(|it| cx.base.join(it)),
        locked: arguments.locked,
        log: cx.console.verbose > 1,
        ..arguments.build.options(cx)
    };
    let exit = match opened.ask(|it| it.build(&options)) {
        Ok(report) => {
            tell(cx, arguments, &opened, &report)?;
            Exit::Done
        }
        Err(error) => super::failed(&cx.console, arguments.format, Some(&opened.ws), &error),
    };
    opened.engine.forget();
    Ok(exit)
}

fn tell(cx: &Context, arguments: &Arguments, opened: &Opened, report: &Report) -> Result<()> {
    let BuildArguments { profile, pack, .. } = &arguments.build;
    if arguments.format == Format::Json {
        cx.console.print_json(&BuildDocument {
            version: json::VERSION,
            outcome: report.outcome,
            profile: profile.clone(),
            pack: pack.clone(),
            pack_file: relative(&opened.ws.root, &report.pack_file),
            content_digest: report.content_digest,
            entries: report.entries,
            registered: report.registered.clone(),
            diagnostics: diagnostics(&report.diagnostics),
            cache_diagnostics: diagnostics(&report.cache_warnings),
            work: report.work,
        })?;
    } else {
        tell_findings(cx, opened, report);
    }
    if !report.registered.is_empty() {
        let assets = count(report.registered.len() as u64, "change");
        cx.console.note(format_args!("{assets} to the identities of assets; commit packwright.registry"));
        tell_each(cx, &report.registered);
    }
    tell_work(cx, report);
    cx.console.say(last_line(&format!("{profile}/{pack}"), report, &seconds(opened.elapsed())));
    if cx.console.verbose > 0 {
        cx.console.say(format_args!("the pack is {}", shown(&report.pack_file)));
    }
    Ok(())
}

/// Shows what is to be said about the workspace and the cache.
pub fn tell_findings(cx: &Context, opened: &Opened, report: &Report) {
    let all = [&report.diagnostics[..], &report.cache_warnings].concat();
    render::show(&cx.console, Some(&opened.ws), &all);
    if !all.is_empty() {
        cx.console.say(render::tally(&all));
    }
}

/// Names things one by one, to those who want to know or where they are few.
pub fn tell_each(cx: &Context, things: &[String]) {
    const FEW: usize = 5;
    let shown = if cx.console.verbose > 0 { things.len() } else { FEW };
    for it in things.iter().take(shown) {
        cx.console.say(format_args!("  {}", clean(it)));
    }
    if things.len() > shown {
        cx.console.say(format_args!("  ... and {} more (-v names them)", things.len() - shown));
    }
}

/// Tells those who want to know what was done: in numbers, and by name.
pub fn tell_work(cx: &Context, report: &Report) {
    if cx.console.verbose == 0 {
        return;
    }
    let Work { files, cache, .. } = &report.work;
    let work = &report.work;
    let lines = [
        format!("sources      {} in {}; {} read", work.sources, count(work.buckets, "bucket"), work.digested),
        format!("buckets      {} changed; {} run", work.buckets_moved, queries(work.queries)),
        format!("processors   {} run, {} reused, {} compressed", work.processed, work.reused, work.compressed),
        format!("cache        {} traces, {} payloads found", cache.trace_hits, cache.payload_hits),
        format!("pack files   {} written, {} kept", work.pack_files_written, work.pack_files_kept),
        format!(
            "disk         {} stats, {} lists, {} opens, {} writes, {} syncs",
            files.stats, files.lists, files.opens, files.files_written, files.syncs
        ),
    ];
    lines.iter().for_each(|it| cx.console.say(format_args!("  {it}")));
    for (what, names) in report.log.iter().flat_map(|it| [("processed", &it.processed), ("wrote", &it.written)]) {
        names.iter().for_each(|it| cx.console.say(format_args!("  {what} {}", clean(it))));
    }
}

fn queries(n: u64) -> String {
    if n == 1 { "1 query".to_owned() } else { format!("{n} queries") }
}

fn last_line(what: &str, report: &Report, elapsed: &str) -> String {
    let Work { processed, reused, pack_files_written, .. } = report.work;
    let work = format!("{} processed, {reused} reused", count(processed, "asset"));
    match report.outcome {
        Outcome::UpToDate => format!("nothing to do ({}, {elapsed})", count(report.entries, "asset")),
        Outcome::Unchanged => format!("{what} is as it was: {work}, nothing written in {elapsed}"),
        Outcome::Written | Outcome::Checked => {
            format!("built {what}: {work}, {} written in {elapsed}", count(pack_files_written, "file"))
        }
    }
}
