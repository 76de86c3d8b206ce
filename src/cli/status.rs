//! `packwright status`.

use std::collections::BTreeMap;
use std::fmt::Write;

use schemars::JsonSchema;
use serde::Serialize;

use super::exit::Exit;
use super::json::{DiagnosticEntry, Format, Version, diagnostics};
use super::open::{self, BuildArguments};
use super::table::{fitted, prose_table, table};
use super::words::{clean, count, extensions};
use super::wrap::broken;
use super::{Context, paint, render};
use crate::build::inspect::{Asset, Inspection, RuleTally, Unclaimed};
use crate::error::Result;
use crate::model::declaration::Form;
use crate::model::path::file_name;
use crate::model::registry::{Change, ChangeNote, Line};
use crate::model::{AssetId, AssetUuid, RelPath};
use crate::workspace::rules::Rule;

#[derive(clap::Args, Debug)]
pub struct Arguments {
    #[command(flatten)]
    pub build: BuildArguments,
    /// How the status is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: Format,
}

/// How a workspace stands.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "packwright status --format json")]
pub struct StatusDocument {
    /// Version of this form.
    version: Version,
    /// The profile by which assets are excluded.
    profile: String,
    /// Number of sources, directories not counted.
    sources: u64,
    /// Number of declared assets.
    assets: u64,
    /// Number of assets by each form of declaration.
    forms: Forms,
    /// Assets that the next build would register, by place.
    new: Vec<Identified>,
    /// Assets that the next build would say have moved, by place.
    moved: Vec<Moved>,
    /// Assets of which a merge left superseded, doubled or independent registry lines that the next commit tidies, by
    /// place.
    tidied: Vec<Identified>,
    /// Registered assets that are not declared, by place.
    missing: Vec<Identified>,
    /// Assets that their author keeps out of this profile's packs.
    excluded: Vec<Placed>,
    /// Assets that are in no pack although nobody excludes them.
    unpacked: Vec<Placed>,
    /// Number of assets in each pack, by name.
    packs: Vec<PackCount>,
    /// Assets that something is wrong with; what their processors find counts as far as the cache remembers it.
    broken: Vec<Placed>,
    /// Number of assets of which nobody knows what their processors make of them as they are today.
    untried: u64,
    /// Sources that nothing claims and that no asset is known to use, by path.
    unclaimed: Vec<String>,
    /// Sources in a directory with an `asset.json` that no input in it matches and that no asset is known to use, by path.
    unmatched: Vec<UnmatchedEntry>,
    /// Sources that are no assets and in no declared directory's inputs, but that other assets are made of, by path.
    used: Vec<UsedEntry>,
    /// What is to be said about the workspace, what processors found included as far as the cache remembers it.
    diagnostics: Vec<DiagnosticEntry>,
    /// What is to be said about the cache.
    cache_diagnostics: Vec<DiagnosticEntry>,
}

/// Number of assets by form of declaration.
#[derive(Serialize, JsonSchema)]
struct Forms {
    /// Directories with an `asset.json`.
    directories: u64,
    /// Files that a sidecar alone declares.
    sidecars: u64,
    /// What rules make, or sidecars laid over them, rule by rule.
    rules: Vec<RuleCount>,
}

/// Number of assets that one rule makes.
#[derive(Serialize, JsonSchema)]
struct RuleCount {
    /// The rule's pattern.
    pattern: String,
    /// The type that it gives.
    #[serde(rename = "type")]
    kind: String,
    /// Number of assets.
    assets: u64,
    /// Number of those that a sidecar is laid over.
    with_sidecar: u64,
    /// Of a rule without assets: number of sources that it matches and that are something else already, by an earlier rule,
    /// a group or a declared directory.
    taken: u64,
}

/// A source that lies in a declared directory and is none of its inputs.
#[derive(Serialize, JsonSchema)]
struct UnmatchedEntry {
    /// The source.
    path: String,
    /// The directory with the `asset.json`.
    directory: String,
}

/// A source that is no asset, but that others are made of.
#[derive(Serialize, JsonSchema)]
struct UsedEntry {
    /// The source.
    path: String,
    /// Places of the assets that it is a declared input of.
    input_of: Vec<String>,
    /// Places of the assets whose processors read it.
    read_by: Vec<String>,
}

/// Number of assets in one pack.
#[derive(Serialize, JsonSchema)]
struct PackCount {
    /// The pack.
    name: String,
    /// Number of assets.
    assets: u64,
}

/// An asset and its identity.
#[derive(Serialize, JsonSchema)]
struct Identified {
    /// Its number.
    asset_id: AssetId,
    /// Its identity.
    asset_uuid: AssetUuid,
    /// Its place, with `#` and its part where it has one.
    place: String,
}

/// An asset that moved.
#[derive(Serialize, JsonSchema)]
struct Moved {
    /// Its number.
    asset_id: AssetId,
    /// Its identity.
    asset_uuid: AssetUuid,
    /// Its place.
    place: String,
    /// Where it was.
    from: String,
}

/// An asset by its place.
#[derive(Serialize, JsonSchema)]
struct Placed {
    /// Its number, if it has any.
    asset_id: Option<AssetId>,
    /// Its place.
    place: String,
}

impl StatusDocument {
    fn of(inspection: &Inspection, profile: &str) -> Self {
        let Inspection { assets, changes, missing, doubled, .. } = inspection;
        let by_change = |is: fn(&Change) -> bool| changes.iter().filter(move |it| is(&it.change));
        let placed = |is: fn(&Asset) -> bool| assets.iter().filter(move |it| is(it)).map(Placed::from).collect();
        Self {
            version: Version,
            profile: profile.to_owned(),
            sources: inspection.sources,
            assets: assets.len() as u64,
            forms: forms(inspection),
            new: by_change(|it| *it == Change::New).map(Identified::from).collect(),
            moved: changes.iter().filter_map(moved).collect(),
            tidied: doubled.iter().map(Identified::from).collect(),
            missing: missing.iter().map(Identified::from).collect(),
            excluded: placed(|it| it.excluded),
            unpacked: placed(Asset::is_unpacked),
            packs: packs(inspection),
            broken: placed(|it| it.broken),
            untried: assets.iter().filter(|it| it.untried).count() as u64,
            unclaimed: unused(inspection).filter(|it| it.beside.is_none()).map(|it| it.path.to_string()).collect(),
            unmatched: unused(inspection).filter_map(unmatched).collect(),
            used: inspection.unclaimed.iter().filter(|it| it.is_used()).map(UsedEntry::from).collect(),
            diagnostics: diagnostics(&inspection.diagnostics),
            cache_diagnostics: diagnostics(&inspection.cache_warnings),
        }
    }
}

fn forms(inspection: &Inspection) -> Forms {
    let rule = |(rule, tally): (&Rule, &RuleTally)| RuleCount {
        pattern: rule.pattern.clone(),
        kind: rule.kind.to_string(),
        assets: tally.assets,
        with_sidecar: tally.with_sidecar,
        taken: tally.taken,
    };
    let rules = inspection.config.rules.all().iter().zip(&inspection.rules).map(rule).collect();
    let own =
        |is: fn(&Form) -> bool| inspection.assets.iter().filter(|it| it.rule.is_none() && is(&it.form)).count() as u64;
    Forms {
        directories: own(|it| matches!(it, Form::Directory(_))),
        sidecars: own(|it| matches!(it, Form::Sidecar(_))),
        rules,
    }
}

fn unused(inspection: &Inspection) -> impl Iterator<Item = &Unclaimed> {
    inspection.unclaimed.iter().filter(|it| !it.is_used())
}

fn unmatched(it: &Unclaimed) -> Option<UnmatchedEntry> {
    Some(UnmatchedEntry { path: it.path.to_string(), directory: it.beside.as_ref()?.to_string() })
}

impl From<&Unclaimed> for UsedEntry {
    fn from(it: &Unclaimed) -> Self {
        let shown = |places: &[RelPath]| places.iter().map(ToString::to_string).collect();
        Self { path: it.path.to_string(), input_of: shown(&it.input_of), read_by: shown(&it.read_by) }
    }
}

fn packs(inspection: &Inspection) -> Vec<PackCount> {
    let n = |name: &String| inspection.assets.iter().filter(|it| it.packs.contains(name)).count() as u64;
    let all = inspection.config.packs.all().iter();
    all.map(|it| PackCount { name: it.name.clone(), assets: n(&it.name) }).collect()
}

fn with_part(place: &str, part: &str) -> String {
    if part.is_empty() { place.to_owned() } else { format!("{place}#{part}") }
}

impl From<&ChangeNote> for Identified {
    fn from(it: &ChangeNote) -> Self {
        Self { asset_id: it.id, asset_uuid: it.uuid, place: with_part(it.place.as_str(), &it.part) }
    }
}

impl From<&Line> for Identified {
    fn from(it: &Line) -> Self {
        Self { asset_id: it.id, asset_uuid: it.uuid, place: it.shown() }
    }
}

impl From<&Asset> for Placed {
    fn from(it: &Asset) -> Self {
        Self { asset_id: it.identity.map(|it| it.1), place: with_part(it.place.as_str(), &it.part) }
    }
}

fn moved(note: &ChangeNote) -> Option<Moved> {
    let Change::TakenOver { from } = &note.change else { return None };
    let place = with_part(note.place.as_str(), &note.part);
    Some(Moved { asset_id: note.id, asset_uuid: note.uuid, place, from: with_part(from.as_str(), &note.part) })
}

pub fn run(cx: &Context, arguments: &Arguments) -> Result<Exit> {
    let opened = open::open(cx, arguments.build.jobs)?;
    let inspection = match opened.ask(|it| it.inspect(&arguments.build.options(cx))) {
        Ok(inspection) => inspection,
        Err(error) => return Ok(super::failed(&cx.console, arguments.format, Some(&opened.ws), &error, None)),
    };
    opened.engine.forget();
    let document = StatusDocument::of(&inspection, &arguments.build.profile);
    if arguments.format == Format::Json {
        cx.console.print_json(&document)?;
        return Ok(Exit::Done);
    }
    let all = [&inspection.diagnostics[..], &inspection.cache_warnings].concat();
    render::show(&cx.console, Some(&opened.ws), &all);
    if !all.is_empty() {
        cx.console.say(format_args!("{}\n", render::tally(&all)));
    }
    cx.console.print(&in_words(&document, cx.console.verbose > 0, cx.console.wrap_printed()))?;
    Ok(Exit::Done)
}

/// How many of a long list are shown.
const FEW: usize = 10;

/// Tells a status to people; of long lists only the beginning, unless they want all. `columns` is how wide their terminal
/// is, if it is one.
fn in_words(document: &StatusDocument, all: bool, columns: Option<usize>) -> String {
    let StatusDocument { assets, sources, forms, profile, .. } = document;
    let title = format!("{} of {}", count(*assets, "asset"), count(*sources, "source"));
    let mut text = format!("{} (profile {})\n", paint::heading(&title), clean(profile));
    let by = [(forms.directories, "by an asset.json in a directory"), (forms.sidecars, "by a sidecar alone")];
    let by = by.iter().filter(|it| it.0 > 0 || all).map(|(n, what)| [n.to_string(), (*what).to_owned()]);
    let by = by.chain(forms.rules.iter().filter_map(by_rule));
    text.push_str(&indented(&prose_table(by, &[0], columns.map(|it| it - INDENT.len()))));
    let idle = forms.rules.iter().filter_map(idle);
    let idle: Vec<String> = idle.map(|it| broken(&it, INDENT.len(), 2 * INDENT.len(), columns)).collect();
    write_lines(&mut text, INDENT, &idle, all);
    if document.untried > 0 {
        let said = format!("{} not tried yet: whether processors accept them, only a build tells", document.untried);
        let _ = writeln!(text, "{}", paint::faint(&broken(&said, 0, 2, columns)));
    }
    if let [_, _, ..] = &document.packs[..] {
        let _ = writeln!(text, "\n{}", paint::heading(&count(document.packs.len() as u64, "pack")));
        let rows = document.packs.iter().map(|it| [it.assets.to_string(), format!("in {}", it.name)]);
        text.push_str(&indented(&table(rows, &[0])));
    }
    let mut section = |paint: fn(&str) -> String, title: &str, rows: Vec<[String; 3]>| {
        write_section(&mut text, (paint, title), rows, all, columns)
    };
    let (plain, good, bad) = (paint::heading, paint::good_heading, paint::bad_heading);
    section(good, "new, to be registered by the next build", document.new.iter().map(identified).collect());
    section(good, "moved, to be registered by the next build", document.moved.iter().map(moved_row).collect());
    section(
        plain,
        "left by a merge, to be tidied by the next commit",
        document.tidied.iter().map(identified).collect(),
    );
    let title = "missing, registered but not declared (`packwright doctor` looks for them)";
    section(bad, title, document.missing.iter().map(identified).collect());
    section(plain, "excluded", document.excluded.iter().map(placed).collect());
    section(plain, "in no pack", document.unpacked.iter().map(placed).collect());
    section(bad, "broken", document.broken.iter().map(placed).collect());
    let mut title = "unclaimed, made into no asset".to_owned();
    if document.unclaimed.len() > FEW {
        let _ = write!(title, ": {}", extensions(by_extension(&document.unclaimed)));
    }
    let path = |path: &str, note: String| [String::new(), clean(path), paint::faint(&note)];
    section(plain, &title, document.unclaimed.iter().map(|it| path(it, String::new())).collect());
    let beside = |it: &UnmatchedEntry| path(&it.path, format!("in {}", clean(&it.directory)));
    let title = "beside the declaration of their directory, matched by no input in it";
    section(plain, title, document.unmatched.iter().map(beside).collect());
    let used = |it: &UsedEntry| path(&it.path, used_by(it));
    section(plain, "no asset itself, but part of others", document.used.iter().map(used).collect());
    text
}

/// Tells what comes of a rule; nothing of one that nothing comes of.
fn by_rule(it: &RuleCount) -> Option<[String; 2]> {
    let with = match it.with_sidecar {
        0 => String::new(),
        1 if it.assets == 1 => ", with a sidecar over it".to_owned(),
        n if n == it.assets => ", each with a sidecar over it".to_owned(),
        n => format!(", {n} with a sidecar over it"),
    };
    (it.assets > 0).then(|| [it.assets.to_string(), format!("by the rule {}{with}", ruled(it))])
}

/// Tells of a rule that nothing comes of, which may be a mistake, with what is known of it.
fn idle(it: &RuleCount) -> Option<String> {
    let why = match it.taken {
        0 => "it matches no file".to_owned(),
        1 => "the file that it matches is taken before".to_owned(),
        n => format!("the {n} files that it matches are taken before"),
    };
    (it.assets == 0).then(|| format!("nothing by the rule {}: {why}", ruled(it)))
}

fn ruled(it: &RuleCount) -> String {
    format!("`{}` ({})", clean(&it.pattern), clean(&it.kind))
}

fn identified(it: &Identified) -> [String; 3] {
    [it.asset_id.to_string(), clean(&it.place), String::new()]
}

fn moved_row(it: &Moved) -> [String; 3] {
    [it.asset_id.to_string(), format!("{} -> {}", clean(&it.from), clean(&it.place)), String::new()]
}

fn placed(it: &Placed) -> [String; 3] {
    let id = it.asset_id.map_or_else(|| "-".to_owned(), |it| it.to_string());
    [id, clean(&it.place), String::new()]
}

/// Tells what a file is part of that is no asset.
fn used_by(it: &UsedEntry) -> String {
    let few = |places: &[String]| match places {
        [one] => clean(one),
        [one, others @ ..] => format!("{} and {} more", clean(one), others.len()),
        [] => String::new(),
    };
    if it.input_of.is_empty() {
        format!("read by {}", few(&it.read_by))
    } else {
        format!("an input of {}", few(&it.input_of))
    }
}

const INDENT: &str = "  ";

fn indented(lines: &str) -> String {
    lines.lines().map(|it| format!("{INDENT}{it}\n")).collect()
}

fn by_extension(paths: &[String]) -> BTreeMap<&str, u64> {
    let mut counts = BTreeMap::new();
    for path in paths {
        let extension = file_name(path).rsplit_once('.').map_or("", |it| it.1);
        *counts.entry(extension).or_default() += 1;
    }
    counts
}

/// Writes a section with a number and `title` over it, which is painted.
fn write_section(
    text: &mut String,
    (paint, title): (fn(&str) -> String, &str),
    mut rows: Vec<[String; 3]>,
    all: bool,
    columns: Option<usize>,
) {
    if rows.is_empty() {
        return;
    }
    rows.iter_mut().for_each(|it| it[0] = format!("{:>6}", it[0]));
    let title = broken(&format!("{} {title}", rows.len()), 0, 2, columns);
    let _ = writeln!(text, "\n{}", paint(&title));
    let shown = if all { rows.len() } else { rows.len().min(FEW) };
    let n_more = rows.len() - shown;
    rows.truncate(shown);
    text.push_str(&fitted(rows, &[], columns, &[1, 2]));
    write_more(text, "        ", n_more);
}

/// Writes lines behind `indent`, of many only the beginning.
fn write_lines(text: &mut String, indent: &str, lines: &[String], all: bool) {
    let shown = if all { lines.len() } else { lines.len().min(FEW) };
    lines[..shown].iter().for_each(|it| {
        let _ = writeln!(text, "{indent}{it}");
    });
    write_more(text, indent, lines.len() - shown);
}

fn write_more(text: &mut String, indent: &str, n: usize) {
    if n > 0 {
        let _ = writeln!(text, "{indent}{}", paint::faint(&format!("... and {n} more (-v shows all)")));
    }
}
