//! `packwright list`.

use schemars::JsonSchema;
use serde::Serialize;

use super::exit::Exit;
use super::json::{Format, Version};
use super::open::{self, BuildArguments, relative};
use super::select::{Candidate, Selector};
use super::words::{clean, count, size, table};
use super::{Context, render};
use crate::build::inspect::Asset;
use crate::error::Result;
use crate::model::registry::Change;
use crate::model::{AssetId, AssetUuid, RelPath, suggest};

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// Which assets: ids, names, beginnings of uuids, paths or globs [default: all]
    #[arg(value_name = "ASSET")]
    assets: Vec<String>,
    #[command(flatten)]
    pub build: BuildArguments,
    /// How the assets are printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: Format,
}

/// The assets of a workspace.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "packwright list --format json")]
pub struct ListDocument {
    /// Version of this form.
    version: Version,
    /// By id; those without one come last, by place.
    assets: Vec<AssetEntry>,
}

/// An asset.
#[derive(Serialize, JsonSchema)]
pub struct AssetEntry {
    /// Its number, or the one that the next build would give it; absent for one that was excluded before it had any.
    asset_id: Option<AssetId>,
    /// Its identity, or the one that the next build would give it.
    asset_uuid: Option<AssetUuid>,
    /// Its name.
    name: String,
    /// Its type.
    #[serde(rename = "type")]
    kind: String,
    /// The file or directory that it owns, relative to the workspace.
    place: String,
    /// Which of several assets made out of one source.
    #[serde(skip_serializing_if = "String::is_empty")]
    part: String,
    /// Sorted.
    tags: Vec<String>,
    /// Number of declared inputs that are there.
    inputs: u64,
    /// Their length in bytes.
    bytes: u64,
    /// Whether the next build would register it.
    new: bool,
    /// The place that it was registered at, where the next build would say that it moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    moved_from: Option<String>,
    /// Whether it stays out of this profile's packs because its author says so.
    excluded: bool,
    /// Whether something about it is an error.
    broken: bool,
}

impl From<&Asset> for AssetEntry {
    fn from(it: &Asset) -> Self {
        let moved_from = match &it.change {
            Some(Change::TakenOver { from }) => Some(from.to_string()),
            _ => None,
        };
        Self {
            asset_id: it.identity.map(|it| it.1),
            asset_uuid: it.identity.map(|it| it.0),
            name: it.name.clone(),
            kind: it.kind.to_string(),
            place: it.place.to_string(),
            part: it.part.clone(),
            tags: it.tags.clone(),
            inputs: it.inputs,
            bytes: it.bytes,
            new: it.change == Some(Change::New),
            moved_from,
            excluded: it.excluded,
            broken: it.broken,
        }
    }
}

pub fn run(cx: &Context, arguments: &Arguments) -> Result<Exit> {
    let opened = open::open(cx, arguments.build.jobs)?;
    let dir = RelPath::root().join(&relative(&opened.ws.root, &cx.base));
    let parse = |it: &String| Selector::parse(&open::inside(&opened.ws.root, it), dir.as_ref());
    let selectors: Vec<Selector> = arguments.assets.iter().map(parse).collect::<Result<_>>()?;
    let inspection = match opened.ask(|it| it.inspect(&arguments.build.options(cx))) {
        Ok(inspection) => inspection,
        Err(error) => return Ok(super::failed(&cx.console, arguments.format, Some(&opened.ws), &error, None)),
    };
    opened.engine.forget();
    let mut exit = Exit::Done;
    for selector in &selectors {
        if !inspection.assets.iter().any(|it| selector.selects(&candidate(it))) {
            let names = inspection.assets.iter().map(|it| it.name.as_str());
            let similar = suggest::closest(&selector.shown(), names);
            let similar = similar.map_or_else(String::new, |it| format!("; there is `{}`", clean(it)));
            cx.console.error(format_args!("no asset matches `{}`{similar}", selector.shown()));
            exit = Exit::No;
        }
    }
    let is_meant = |it: &&Asset| selectors.is_empty() || selectors.iter().any(|by| by.selects(&candidate(it)));
    let chosen: Vec<&Asset> = inspection.assets.iter().filter(is_meant).collect();
    if arguments.format == Format::Json {
        let assets = chosen.into_iter().map(AssetEntry::from).collect();
        cx.console.print_json(&ListDocument { version: Version, assets })?;
        return Ok(exit);
    }
    render::show(&cx.console, None, &inspection.cache_warnings);
    if !chosen.is_empty() {
        cx.console.print(&shown(&chosen))?;
    }
    let n_errors = inspection.diagnostics.iter().filter(|it| it.is_error()).count() as u64;
    if n_errors > 0 {
        cx.console.note(format_args!("the workspace has {}; `packwright check` shows them", count(n_errors, "error")));
    }
    Ok(exit)
}

fn candidate(asset: &Asset) -> Candidate<'_> {
    Candidate { identity: asset.identity, name: &asset.name, place: Some(asset.place.as_str()) }
}

fn shown(assets: &[&Asset]) -> String {
    let header = ["id", "type", "inputs", "size", "place", "name"].map(str::to_owned);
    table(std::iter::once(header).chain(assets.iter().map(|it| row(it))), &[0, 2, 3])
}

fn row(asset: &Asset) -> [String; 6] {
    let id = asset.identity.map_or_else(|| "-".to_owned(), |it| it.1.to_string());
    let mut name = clean(&asset.name);
    let marks = [
        (asset.change == Some(Change::New), "new"),
        (matches!(asset.change, Some(Change::TakenOver { .. })), "moved"),
        (asset.excluded, "excluded"),
        (asset.broken, "broken"),
    ];
    for (_, mark) in marks.iter().filter(|it| it.0) {
        name.push_str(&format!("  ({mark})"));
    }
    let place = match asset.part.as_str() {
        "" => clean(asset.place.as_str()),
        part => clean(&format!("{}#{part}", asset.place)),
    };
    [id, clean(&asset.kind), asset.inputs.to_string(), size(asset.bytes), place, name]
}
