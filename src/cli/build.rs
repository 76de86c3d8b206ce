//! `packwright build`.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use super::exit::Exit;
use super::json::{DiagnosticEntry, Format, Version, diagnostics};
use super::open::{self, BuildArguments, Opened, relative, shown};
use super::words::{clean, count, seconds};
use super::{Context, render};
use crate::build::{Options, Outcome, PackReport, Report, Work};
use crate::error::{IoContext, Result};
use crate::model::registry::{Change, ChangeNote};
use crate::model::{AssetId, AssetUuid, Digest, RelPath};
use crate::system::staged::{self, Durability};

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
    /// Write how long which step, query and processor took, as a trace for chrome://tracing or ui.perfetto.dev
    #[arg(long, value_name = "FILE")]
    timings: Option<PathBuf>,
    /// How the report is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: Format,
}

/// What a build did.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "packwright build --format json")]
pub struct BuildDocument {
    /// Version of this form.
    version: Version,
    /// How it ended.
    outcome: Outcome,
    /// The profile that was built.
    profile: String,
    /// The packs that were built, by name.
    packs: Vec<PackEntry>,
    /// Number of assets in all of them; one that is in several counts in each.
    entries: u64,
    /// The content digest of the only pack; of several one that stands for theirs.
    content_digest: Option<Digest>,
    /// Names of packs that are not defined any more, and whose files were removed.
    removed_packs: Vec<String>,
    /// What was registered, by place.
    registered: Vec<RegisteredEntry>,
    /// What is to be said about the workspace.
    diagnostics: Vec<DiagnosticEntry>,
    /// What is to be said about the cache.
    cache_diagnostics: Vec<DiagnosticEntry>,
    /// What was done, in numbers.
    work: Work,
}

/// A pack that was built.
#[derive(Serialize, JsonSchema)]
pub struct PackEntry {
    /// Its name.
    name: String,
    /// How its build ended.
    outcome: Outcome,
    /// Where it lies, as seen from the workspace.
    pack_file: String,
    /// Its content digest.
    content_digest: Option<Digest>,
    /// Number of assets in it.
    entries: u64,
    /// Files of it that were written.
    files_written: u64,
}

impl PackEntry {
    fn of(it: &PackReport, root: &Path) -> Self {
        let PackReport { outcome, content_digest, entries, files_written, .. } = *it;
        let (name, pack_file) = (it.name.clone(), relative(root, &it.file));
        Self { name, outcome, pack_file, content_digest, entries, files_written }
    }
}

/// A change to the registry.
#[derive(Serialize, JsonSchema)]
pub struct RegisteredEntry {
    /// What happens: an asset is registered for the first time, has moved, or what a merge left of it is tidied.
    change: RegisteredChange,
    /// The asset's number.
    asset_id: AssetId,
    /// The asset's identity.
    asset_uuid: AssetUuid,
    /// Its place, with `#` and its part where it has one.
    place: String,
    /// Where it was before it moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
}

/// What happens to an asset in the registry.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum RegisteredChange {
    New,
    Moved,
    Tidied,
}

impl From<&ChangeNote> for RegisteredEntry {
    fn from(it: &ChangeNote) -> Self {
        let with_part =
            |place: &RelPath| if it.part.is_empty() { place.to_string() } else { format!("{place}#{}", it.part) };
        let (change, from) = match &it.change {
            Change::New => (RegisteredChange::New, None),
            Change::TakenOver { from } => (RegisteredChange::Moved, Some(with_part(from))),
            Change::Tidied => (RegisteredChange::Tidied, None),
        };
        Self { change, asset_id: it.id, asset_uuid: it.uuid, place: with_part(&it.place), from }
    }
}

/// Returns changes to the registry as a document has them.
pub fn registered(changes: &[ChangeNote]) -> Vec<RegisteredEntry> {
    changes.iter().map(RegisteredEntry::from).collect()
}

pub fn run(cx: &Context, arguments: &Arguments) -> Result<Exit> {
    let opened = open::open_timed(cx, arguments.build.jobs, arguments.timings.is_some() || cx.console.verbose > 0)?;
    let options = Options {
        out: arguments.out.as_ref().map(|it| cx.base.join(it)),
        locked: arguments.locked,
        log: cx.console.verbose > 1,
        ..arguments.build.options(cx)
    };
    let result = opened.ask(|it| it.build(&options));
    if let Some(path) = &arguments.timings {
        write_timings(cx, &opened, &cx.base.join(path))?;
    }
    let exit = match result {
        Ok(report) => {
            tell(cx, arguments, &opened, &report)?;
            Exit::Done
        }
        Err(error) => super::failed(&cx.console, arguments.format, Some(&opened.ws), &error, Some("nothing was built")),
    };
    opened.engine.forget();
    Ok(exit)
}

fn tell(cx: &Context, arguments: &Arguments, opened: &Opened, report: &Report) -> Result<()> {
    let profile = &arguments.build.profile;
    if arguments.format == Format::Json {
        cx.console.print_json(&BuildDocument {
            version: Version,
            outcome: report.outcome,
            profile: profile.clone(),
            packs: report.packs.iter().map(|it| PackEntry::of(it, &opened.ws.root)).collect(),
            entries: report.entries(),
            content_digest: report.content_digest(),
            removed_packs: report.removed.clone(),
            registered: registered(&report.registered),
            diagnostics: diagnostics(&report.diagnostics),
            cache_diagnostics: diagnostics(&report.cache_warnings),
            work: report.work,
        })?;
    } else {
        tell_findings(cx, opened, report);
    }
    if !report.registered.is_empty() {
        let changes = in_numbers(&report.registered, ["registered", "moved", "tidied"]);
        cx.console.note(format_args!("{changes} (commit packwright.registry)"));
        tell_each(cx, &report.registered);
    }
    tell_work(cx, opened, report);
    for it in &report.removed {
        cx.console.note(format_args!("removed {profile}/{it}: packwright.toml does not define it any more"));
    }
    // Where there is nothing to do there is little to say.
    if report.packs.len() > 1 && (report.outcome != Outcome::UpToDate || cx.console.verbose > 0) {
        report.packs.iter().for_each(|it| cx.console.say(pack_line(profile, it)));
    }
    cx.console.tell(2, last_line(profile, report, &seconds(opened.elapsed())));
    if cx.console.verbose > 0 {
        let lies = |it: &PackReport| format!("{profile}/{} is {}", it.name, shown(&it.file));
        report.packs.iter().for_each(|it| cx.console.say(lies(it)));
    }
    Ok(())
}

/// Writes the timings, whatever became of the build: a slow failure is as interesting.
fn write_timings(cx: &Context, opened: &Opened, path: &Path) -> Result<()> {
    let trace = opened.ws.timings.to_chrome_trace();
    let staged = staged::stage(&*cx.disk, path, trace.as_bytes(), Durability::Unsynced);
    staged.and_then(|it| it.publish()).context("write", path)
}

/// Shows what is to be said about the workspace and the cache.
pub fn tell_findings(cx: &Context, opened: &Opened, report: &Report) {
    let all = [&report.diagnostics[..], &report.cache_warnings].concat();
    render::show(&cx.console, Some(&opened.ws), &all);
    if !all.is_empty() {
        cx.console.say(render::tally(&all));
    }
}

/// Returns `registered 3 new assets, moved 1 asset`, with these words for the three kinds of change.
pub fn in_numbers(changes: &[ChangeNote], words: [&str; 3]) -> String {
    let count_of = |is: fn(&Change) -> bool| changes.iter().filter(|it| is(&it.change)).count() as u64;
    let counts = [
        (count_of(|it| *it == Change::New), "new asset"),
        (count_of(|it| matches!(it, Change::TakenOver { .. })), "asset"),
        (count_of(|it| *it == Change::Tidied), "asset"),
    ];
    let told = counts.iter().zip(words).filter(|(it, _)| it.0 > 0);
    let told: Vec<String> = told.map(|((n, what), word)| format!("{word} {}", count(*n, what))).collect();
    told.join(", ")
}

/// Names changes one by one, to those who want to know or where they are few.
pub fn tell_each(cx: &Context, changes: &[ChangeNote]) {
    const FEW: usize = 5;
    let shown = if cx.console.verbose > 0 { changes.len() } else { FEW };
    for it in changes.iter().take(shown) {
        let place = clean(&RegisteredEntry::from(it).place);
        match &it.change {
            Change::TakenOver { from } => {
                cx.console.say(format_args!("  {} {} -> {place}", it.id, clean(from.as_str())))
            }
            _ => cx.console.say(format_args!("  {} {place}", it.id)),
        }
    }
    if changes.len() > shown {
        cx.console.say(format_args!("  ... and {} more (-v names them)", changes.len() - shown));
    }
}

/// Tells those who want to know what was done: in numbers, and by name.
pub fn tell_work(cx: &Context, opened: &Opened, report: &Report) {
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
    for (depth, name, took) in opened.ws.timings.phases() {
        let (indent, name) = (" ".repeat(2 * depth), clean(&name));
        cx.console.say(format_args!("  {:<34} {:>9.1} ms", format!("{indent}{name}"), took.as_secs_f64() * 1e3));
    }
    for (what, names) in report.log.iter().flat_map(|it| [("processed", &it.processed), ("wrote", &it.written)]) {
        names.iter().for_each(|it| cx.console.say(format_args!("  {what} {}", clean(it))));
    }
}

fn queries(n: u64) -> String {
    if n == 1 { "1 query".to_owned() } else { format!("{n} queries") }
}

/// Tells of one pack among several.
fn pack_line(profile: &str, pack: &PackReport) -> String {
    let what = match pack.outcome {
        Outcome::UpToDate | Outcome::Unchanged => "as it was".to_owned(),
        Outcome::Written | Outcome::Checked => format!("{} written", count(pack.files_written, "file")),
    };
    format!("  {profile}/{}: {}, {what}", pack.name, count(pack.entries, "asset"))
}

fn last_line(profile: &str, report: &Report, elapsed: &str) -> String {
    let Work { processed, pack_files_written, reused, .. } = report.work;
    // An asset counts in each pack that it is in.
    let (what, are, n, reused) = match &report.packs[..] {
        [pack] => {
            let n = count(pack.entries, "asset");
            (format!("{profile}/{}", pack.name), "is as it was", n, pack.entries.saturating_sub(processed))
        }
        packs => {
            let what = count(packs.len() as u64, "pack");
            (format!("{what} of {profile}"), "are as they were", what, reused)
        }
    };
    let work = format!("{} processed, {reused} reused", count(processed, "asset"));
    match report.outcome {
        Outcome::UpToDate => format!("nothing to do ({n}, {elapsed})"),
        Outcome::Unchanged => format!("{what} {are}: {work}, nothing written in {elapsed}"),
        Outcome::Written | Outcome::Checked => {
            format!("built {what}: {work}, {} written in {elapsed}", count(pack_files_written, "file"))
        }
    }
}
