//! `packwright status`.

use std::collections::BTreeMap;
use std::fmt::Write;

use schemars::JsonSchema;
use serde::Serialize;

use super::exit::Exit;
use super::json::{DiagnosticEntry, Format, Version, diagnostics};
use super::open::{self, BuildArguments};
use super::words::{clean, count, extensions};
use super::wrap::broken;
use super::{Context, render};
use crate::build::inspect::{Asset, Inspection};
use crate::error::Result;
use crate::model::declaration::Form;
use crate::model::path::file_name;
use crate::model::registry::{Change, ChangeNote, Line};
use crate::model::{AssetId, AssetUuid};

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
    /// Assets that something is wrong with.
    broken: Vec<Placed>,
    /// Sources that nothing claims, by path.
    unclaimed: Vec<String>,
    /// What is to be said about the workspace; what only running processors tells is not in here.
    diagnostics: Vec<DiagnosticEntry>,
    /// What is to be said about the cache.
    cache_diagnostics: Vec<DiagnosticEntry>,
}

/// Number of assets by form of declaration.
#[derive(Serialize, JsonSchema)]
struct Forms {
    /// Directories with an `asset.json`.
    directories: u64,
    /// Files with a sidecar.
    sidecars: u64,
    /// Files that a rule claims, rule by rule.
    rules: Vec<RuleCount>,
}

/// Number of assets that one rule claims.
#[derive(Serialize, JsonSchema)]
struct RuleCount {
    /// The rule's pattern.
    pattern: String,
    /// The type that it gives.
    #[serde(rename = "type")]
    kind: String,
    /// Number of assets.
    assets: u64,
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
            unclaimed: inspection.unclaimed.iter().map(ToString::to_string).collect(),
            diagnostics: diagnostics(&inspection.diagnostics),
            cache_diagnostics: diagnostics(&inspection.cache_warnings),
        }
    }
}

fn forms(inspection: &Inspection) -> Forms {
    let mut forms = Forms { directories: 0, sidecars: 0, rules: Vec::new() };
    for rule in inspection.config.rules.all() {
        forms.rules.push(RuleCount { pattern: rule.pattern.clone(), kind: rule.kind.to_string(), assets: 0 });
    }
    for asset in &inspection.assets {
        match &asset.form {
            Form::Directory(_) => forms.directories += 1,
            Form::Sidecar(_) => forms.sidecars += 1,
            Form::Rule(idx) => forms.rules.iter_mut().skip(*idx).take(1).for_each(|it| it.assets += 1),
        }
    }
    forms
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

/// Tells a status to people; of long lists only the beginning, unless they want all. `width` is that of their screen.
fn in_words(document: &StatusDocument, all: bool, width: Option<usize>) -> String {
    let StatusDocument { assets, sources, forms, profile, .. } = document;
    let mut text =
        format!("{} of {} (profile {})\n", count(*assets, "asset"), count(*sources, "source"), clean(profile));
    let mut lines: Vec<(u64, String)> = Vec::new();
    lines.push((forms.directories, "by an asset.json in a directory".to_owned()));
    lines.push((forms.sidecars, "by a sidecar".to_owned()));
    lines.extend(
        forms.rules.iter().map(|it| (it.assets, format!("by the rule `{}` ({})", clean(&it.pattern), it.kind))),
    );
    // A rule that claims nothing may be a mistake; where it is not, it is only in the way.
    lines.retain(|it| it.0 > 0 || all);
    let digits = lines.iter().map(|it| it.0.to_string().len()).max().unwrap_or(0);
    for (n, what) in lines {
        let _ = writeln!(text, "  {n:digits$} {what}");
    }
    if let [_, _, ..] = &document.packs[..] {
        let digits = document.packs.iter().map(|it| it.assets.to_string().len()).max().unwrap_or(0);
        let _ = writeln!(text, "\n{}", count(document.packs.len() as u64, "pack"));
        for it in &document.packs {
            let _ = writeln!(text, "  {:digits$} in {}", it.assets, it.name);
        }
    }
    let identified = |it: &Identified| format!("{:>6}  {}", it.asset_id, clean(&it.place));
    let moved = |it: &Moved| format!("{:>6}  {} -> {}", it.asset_id, clean(&it.from), clean(&it.place));
    let placed = |it: &Placed| {
        let id = it.asset_id.map_or_else(|| "-".to_owned(), |it| it.to_string());
        format!("{id:>6}  {}", clean(&it.place))
    };
    let mut section = |title: &str, lines: Vec<String>| {
        // The number stands before it.
        let title = broken(title, lines.len().to_string().len() + 1, 2, width);
        write_section(&mut text, &title, &lines, all);
    };
    section("new, to be registered by the next build", document.new.iter().map(identified).collect());
    section("moved, to be registered by the next build", document.moved.iter().map(moved).collect());
    section("left by a merge, to be tidied by the next commit", document.tidied.iter().map(identified).collect());
    section(
        "missing, registered but not declared (`packwright doctor` looks for them)",
        document.missing.iter().map(identified).collect(),
    );
    section("excluded", document.excluded.iter().map(placed).collect());
    section("in no pack", document.unpacked.iter().map(placed).collect());
    section("broken", document.broken.iter().map(placed).collect());
    let mut title = "unclaimed, made into no asset".to_owned();
    if document.unclaimed.len() > FEW {
        let _ = write!(title, ": {}", extensions(by_extension(&document.unclaimed)));
    }
    section(&title, document.unclaimed.iter().map(|it| format!("{:6}  {}", "", clean(it))).collect());
    text
}

fn by_extension(paths: &[String]) -> BTreeMap<&str, u64> {
    let mut counts = BTreeMap::new();
    for path in paths {
        let extension = file_name(path).rsplit_once('.').map_or("", |it| it.1);
        *counts.entry(extension).or_default() += 1;
    }
    counts
}

fn write_section(text: &mut String, title: &str, lines: &[String], all: bool) {
    if lines.is_empty() {
        return;
    }
    let shown = if all { lines.len() } else { FEW };
    let _ = writeln!(text, "\n{} {title}", lines.len());
    lines.iter().take(shown).for_each(|it| {
        let _ = writeln!(text, "{it}");
    });
    if lines.len() > shown {
        let _ = writeln!(text, "        ... and {} more (-v shows all)", lines.len() - shown);
    }
}
