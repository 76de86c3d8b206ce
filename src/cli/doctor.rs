//! `packwright doctor`.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::exit::Exit;
use super::json::{DiagnosticEntry, Format, Version, diagnostics};
use super::open::{self, Opened};
use super::select::{Candidate, Selector};
use super::words::{clean, count};
use super::write::{self, AssetEntry, Plan, WriteArguments};
use super::{Context, render};
use crate::build::Options;
use crate::build::examine::{Cure, Examination, Finding, Remedy, Wishes};
use crate::error::{Error, Result};
use crate::model::registry::{Copied, Line, Present};
use crate::model::{AssetId, AssetUuid, Diagnostic, RelPath};

/// Of longer lists only the beginning is told.
const FEW: usize = 10;

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// Repair everything to which there is one answer, the same on every machine, in one commit
    #[arg(long)]
    fix: bool,
    /// Move missing assets to where this machine remembers what they held
    #[arg(long)]
    remembered: bool,
    /// Say that a missing asset is now what is declared at PLACE; may be given several times
    ///
    /// ASSET is a number, a uuid or the place where it was. An asset that was registered at PLACE meanwhile, and that
    /// nobody refers to by its uuid, becomes a tombstone.
    #[arg(long, num_args = 2, value_names = ["ASSET", "PLACE"], action = clap::ArgAction::Append)]
    bind: Vec<String>,
    /// Give up for good whatever else is registered at PLACE
    #[arg(long, requires = "bind")]
    force: bool,
    #[command(flatten)]
    pub write: WriteArguments,
    /// Distrust every file's time and size, and read everything again
    #[arg(long)]
    rehash: bool,
    /// How many threads to use [default: one for each core]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
}

impl Arguments {
    /// Returns whether this is to change anything.
    fn writes(&self) -> bool {
        self.fix || self.remembered || !self.bind.is_empty()
    }
}

/// What is wrong with a workspace, and who puts it right. With `--fix`, `--bind` or `--remembered` it is what a write
/// command says instead: `packwright schema cli/write`.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "packwright doctor --format json, without --fix, --bind and --remembered")]
pub struct DoctorDocument {
    /// Version of this form.
    version: Version,
    /// Whether nothing is wrong.
    clean: bool,
    /// What is wrong, in the order in which it is shown.
    findings: Vec<FindingEntry>,
    /// What `doctor --fix` would do, one line each.
    repairs: Vec<String>,
    /// New places that hold what a registered one holds: each becomes an asset of its own.
    copies: Vec<CopyEntry>,
    /// What a crash had left half done, and what became of it when the workspace was opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    recovered: Option<String>,
    /// What is to be known of this machine; nothing is broken by it.
    machine: Vec<DiagnosticEntry>,
}

/// Something that is wrong.
#[derive(Serialize, JsonSchema)]
struct FindingEntry {
    /// Who puts it right: `doctor --fix`, somebody who chooses among answers, or somebody who has to do it by hand.
    remedy: Remedy,
    #[serde(flatten)]
    diagnostic: DiagnosticEntry,
}

/// A new place that holds what a registered one holds.
#[derive(Serialize, JsonSchema)]
struct CopyEntry {
    /// The new place.
    place: String,
    /// The number of the asset whose copy it is.
    #[schemars(with = "u32")]
    of_asset_id: AssetId,
    /// The place of that asset.
    of_place: String,
}

impl DoctorDocument {
    fn of(examination: &Examination, cure: &Cure) -> Self {
        let Examination { findings, machine, copies, recovered, .. } = examination;
        let finding = |it: &Finding| FindingEntry { remedy: it.remedy, diagnostic: (&it.diagnostic).into() };
        let copy = |it: &Copied| CopyEntry { place: shown(&it.place), of_asset_id: it.of.id, of_place: it.of.shown() };
        Self {
            version: Version,
            clean: findings.is_empty(),
            findings: findings.iter().map(finding).collect(),
            repairs: cure.notes.clone(),
            copies: copies.iter().map(copy).collect(),
            recovered: recovered.clone(),
            machine: diagnostics(machine),
        }
    }
}

pub fn run(cx: &Context, arguments: &Arguments) -> Result<Exit> {
    let opened = open::open(cx, arguments.jobs)?;
    let exit = match examine(arguments, &opened) {
        Ok(examination) if arguments.writes() => write(cx, arguments, &opened, examination)?,
        Ok(examination) => tell(cx, arguments, &examination)?,
        Err(error) => super::failed(&cx.console, arguments.write.format, Some(&opened.ws), &error, None),
    };
    opened.engine.forget();
    Ok(exit)
}

fn examine(arguments: &Arguments, opened: &Opened) -> Result<Examination> {
    opened.ask(|it| it.examine(&Options { rehash: arguments.rehash, ..Options::default() }))
}

/// Tells what is wrong.
fn tell(cx: &Context, arguments: &Arguments, examination: &Examination) -> Result<Exit> {
    let cure = examination.cure(&Wishes { fix: true, ..Wishes::default() });
    let exit = if examination.is_clean() { Exit::Done } else { Exit::No };
    if arguments.write.format == Format::Json {
        cx.console.print_json(&DoctorDocument::of(examination, &cure))?;
        return Ok(exit);
    }
    tell_findings(cx, examination);
    tell_list(cx, "`packwright doctor --fix` would", &cure.notes);
    let copy = |it: &Copied| format!("`{}` of `{}` ({})", shown(&it.place), it.of.shown(), it.of.id);
    tell_list(cx, "copies, each an asset of its own", &examination.copies.iter().map(copy).collect::<Vec<_>>());
    if examination.is_clean() {
        cx.console.say("nothing is wrong");
    }
    Ok(exit)
}

fn tell_findings(cx: &Context, examination: &Examination) {
    let told: Vec<Diagnostic> = examination.findings.iter().map(|it| it.diagnostic.clone()).collect();
    // Lines of the registry say nothing to people: to tell which ones is enough.
    render::show(&cx.console, None, &told);
    if !told.is_empty() {
        cx.console.say(render::tally(&told));
    }
    if let Some(recovered) = &examination.recovered {
        cx.console.note(clean(recovered));
    }
    for odd in &examination.machine {
        cx.console.note(clean(&odd.message));
        if let Some(help) = &odd.help {
            cx.console.say(format_args!("  help: {}", cx.console.behind("  help: ", clean(help))));
        }
    }
}

fn tell_list(cx: &Context, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    cx.console.say(format_args!("\n{title}"));
    let n_shown = if cx.console.verbose > 0 { lines.len() } else { FEW };
    lines.iter().take(n_shown).for_each(|it| cx.console.say(format_args!("  {}", cx.console.behind("  ", clean(it)))));
    if lines.len() > n_shown {
        cx.console.say(format_args!("  ... and {} more (-v shows all)", lines.len() - n_shown));
    }
}

/// Puts right what can be, or what was asked for, and tells what is left.
fn write(cx: &Context, arguments: &Arguments, opened: &Opened, examination: Examination) -> Result<Exit> {
    let wait = Duration::from_secs(arguments.write.wait);
    if arguments.fix && !arguments.write.dry_run && examination.has_leftovers {
        // Whoever takes the lane finds it tidy.
        let taken = write::take_lane(cx, &opened.ws, "packwright doctor", wait);
        if let Err(error) = taken.map(drop) {
            return Ok(super::failed(&cx.console, arguments.write.format, Some(&opened.ws), &error, None));
        }
        cx.console.note("removed what was left of a commit that never was");
    }
    let mut examination = Some(examination);
    let mut seen = None;
    let plan = || {
        let examination = examination.take().map_or_else(|| examine(arguments, opened), Ok)?;
        let bindings = bindings(cx, opened, &arguments.bind, &examination)?;
        if !arguments.fix && has_errors(&examination) {
            let message = "the registry has to be repaired first: add `--fix` for both at once";
            return Err(Error::Refused(message.to_owned()));
        }
        let (fix, remembered) = (arguments.fix, arguments.remembered);
        let wishes = Wishes { fix, remembered, bindings };
        if let Some(objection) = examination.objection(&wishes).filter(|_| !arguments.force) {
            return Err(Error::Refused(objection));
        }
        let cure = examination.cure(&wishes);
        seen = Some(examination);
        Ok(planned(cure))
    };
    let exit = match write::run(cx, &opened.ws, &arguments.write, "packwright doctor", plan) {
        Ok(exit) => exit,
        Err(error) => return Ok(super::failed(&cx.console, arguments.write.format, Some(&opened.ws), &error, None)),
    };
    let (true, Some(seen)) = (arguments.fix, seen) else { return Ok(exit) };
    if arguments.write.dry_run {
        return Ok(if seen.is_clean() { exit } else { Exit::No });
    }
    let left = examine(arguments, opened)?;
    if arguments.write.format == Format::Human {
        tell_findings(cx, &left);
    }
    Ok(if left.is_clean() { exit } else { Exit::No })
}

fn has_errors(examination: &Examination) -> bool {
    examination.findings.iter().any(|it| it.diagnostic.is_error())
}

fn planned(cure: Cure) -> Plan {
    let asset = |it: Line| AssetEntry { asset_id: it.id, asset_uuid: it.uuid, place: it.place, part: it.part.into() };
    let assets = cure.assets.into_iter().map(asset).collect();
    Plan { commit: cure.commit, notes: cure.notes, assets }
}

/// Returns the missing assets and places that are meant by pairs of texts.
fn bindings(
    cx: &Context,
    opened: &Opened,
    texts: &[String],
    examination: &Examination,
) -> Result<Vec<(AssetUuid, Present)>> {
    let mut bindings: Vec<(AssetUuid, Present)> = Vec::new();
    for pair in texts.chunks_exact(2) {
        let asset = missing_asset(&pair[0], examination)?;
        let to = place(cx, opened, &pair[1], examination)?;
        if bindings.iter().any(|it| it.0 == asset || it.1 == to) {
            return Err(Error::Usage(format!("`{}` or `{}` is bound twice", clean(&pair[0]), clean(&pair[1]))));
        }
        bindings.push((asset, to));
    }
    Ok(bindings)
}

fn missing_asset(text: &str, examination: &Examination) -> Result<AssetUuid> {
    let selector = Selector::parse(text, None)?;
    let is_meant = |it: &&Line| {
        let shown = it.shown();
        shown == text
            || selector.selects(&Candidate {
                identity: Some((it.uuid, it.id)),
                name: "",
                place: Some(it.place.as_str()),
                ..Candidate::default()
            })
    };
    let missing: Vec<&Line> = examination.missing.iter().filter(is_meant).collect();
    match &missing[..] {
        [line] => return Ok(line.uuid),
        [_, _, ..] => {
            let n = count(missing.len() as u64, "missing asset");
            return Err(Error::Usage(format!("`{}` may be any of {n}; give a number", selector.shown())));
        }
        [] => {}
    }
    let mut live = examination.registry.lines().iter().filter(|it| !it.removed);
    Err(Error::Refused(match live.find(is_meant) {
        Some(line) => format!("{} is not missing: it is declared at `{}`", line.id, clean(&line.shown())),
        None => {
            format!("no missing asset is meant by `{}`; `packwright status` shows those there are", selector.shown())
        }
    }))
}

fn place(cx: &Context, opened: &Opened, text: &str, examination: &Examination) -> Result<Present> {
    let dir = open::relative(&opened.ws.root, &cx.base);
    let dir = if dir == "." { Some(RelPath::root()) } else { RelPath::new(&dir) };
    let find = |path: &str, part: &str| {
        let from_here = dir.as_ref().and_then(|it| it.join(path.trim_end_matches('/')));
        let from_root = RelPath::new(path.trim_end_matches('/'));
        [from_here, from_root].into_iter().flatten().find_map(|it| examination.place(&it, part).cloned())
    };
    let parted = text.rsplit_once('#').and_then(|(path, part)| find(path, part));
    let found = find(text, "").or(parted);
    found.ok_or_else(|| {
        Error::Refused(format!("nothing is declared at `{}`; `packwright list` shows what is", clean(text)))
    })
}

fn shown(it: &Present) -> String {
    if it.part.is_empty() { it.place.to_string() } else { format!("{}#{}", it.place, it.part) }
}
