//! `packwright graph`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use schemars::JsonSchema;
use serde::Serialize;

use super::asset::candidate;
use super::exit::Exit;
use super::json::{DiagnosticEntry, Format, Version, diagnostics};
use super::open::{self, BuildArguments};
use super::select::Selector;
use super::words::{clean, count};
use super::{Context, absent, paint, render};
use crate::build::survey::Survey;
use crate::error::Result;
use crate::model::AssetId;

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// Which assets, with all that they need: ids, names, beginnings of uuids, paths or globs [default: all that have to
    /// do with another]
    #[arg(value_name = "ASSET")]
    assets: Vec<String>,
    /// How many steps to go from the named assets [default: all]
    #[arg(long, value_name = "N", requires = "assets")]
    depth: Option<u32>,
    /// Show what needs the named assets, and not what they need
    #[arg(long, requires = "assets")]
    reverse: bool,
    #[command(flatten)]
    pub build: BuildArguments,
    /// How the graph is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: GraphFormat,
}

/// How a graph is printed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum GraphFormat {
    /// For people
    #[default]
    Human,
    /// One document, for programs
    Json,
    /// For Graphviz
    Dot,
    /// For Mermaid, as in Markdown
    Mermaid,
}

impl GraphFormat {
    /// Returns how everything else is told than the graph.
    pub fn plain(self) -> Format {
        if self == Self::Json { Format::Json } else { Format::Human }
    }
}

/// Which assets need which.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "packwright graph --format json")]
pub struct GraphDocument {
    /// Version of this form.
    version: Version,
    /// The profile by which it was looked at.
    profile: String,
    /// By id. Assets that have to do with no other are only here where they were named.
    assets: Vec<NodeEntry>,
    /// By the ids of both ends.
    edges: Vec<EdgeEntry>,
    /// What is to be said about the cache.
    cache_diagnostics: Vec<DiagnosticEntry>,
}

/// An asset.
#[derive(Clone, Serialize, JsonSchema)]
struct NodeEntry {
    /// Its number, or the one that the next build would give it.
    asset_id: AssetId,
    /// Its name; absent where it is registered and not declared any more, or not at all.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// Its type.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    /// Its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
}

/// One asset needs another.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
struct EdgeEntry {
    /// Who needs.
    from: AssetId,
    /// Who is needed.
    to: AssetId,
    /// Whether what was made refers to it.
    reference: bool,
    /// Whether it is a declared dependency.
    dependency: bool,
}

pub fn run(cx: &Context, arguments: &Arguments) -> Result<Exit> {
    let opened = open::open(cx, arguments.build.jobs)?;
    let dir = open::dir(&opened.ws, cx);
    let parse = |it: &String| Selector::parse(&open::inside(&opened.ws.root, it), dir.as_ref());
    let selectors: Vec<Selector> = arguments.assets.iter().map(parse).collect::<Result<_>>()?;
    let format = arguments.format.plain();
    let survey = match opened.ask(|it| it.survey(&arguments.build.options(cx))) {
        Ok(survey) => survey,
        Err(error) => return Ok(super::failed(&cx.console, format, Some(&opened.ws), &error, None)),
    };
    opened.engine.forget();
    let mut meant = BTreeSet::new();
    for selector in &selectors {
        let ids = selected(&survey, selector);
        if ids.is_empty() {
            let none = || format!("no asset matches `{}`", selector.shown());
            let message = absent::reason(&opened.ws, selector, &survey.inspection).unwrap_or_else(none);
            return Ok(super::refused(&cx.console, format, &message));
        }
        meant.extend(ids);
    }
    let edges = edges(&survey);
    let chosen = match selectors.is_empty() {
        true => edges.iter().flat_map(|it| [it.from, it.to]).collect(),
        false => reached(&edges, meant, arguments.depth, arguments.reverse),
    };
    let document = document(&survey, &chosen, edges);
    if arguments.format == GraphFormat::Json {
        cx.console.print_json(&document)?;
        return Ok(Exit::Done);
    }
    render::show(&cx.console, None, &survey.inspection.cache_warnings);
    cx.console.print(&match arguments.format {
        GraphFormat::Dot => dot(&document),
        GraphFormat::Mermaid => mermaid(&document),
        GraphFormat::Human | GraphFormat::Json => in_words(&document),
    })?;
    if document.assets.is_empty() {
        cx.console.note("no asset needs another");
    }
    let n_errors = survey.inspection.diagnostics.iter().filter(|it| it.is_error()).count() as u64;
    if n_errors > 0 {
        let n_errors = count(n_errors, "error");
        cx.console.note(format_args!("the workspace has {n_errors}; `packwright check` shows them"));
    }
    Ok(Exit::Done)
}

fn selected(survey: &Survey, selector: &Selector) -> Vec<AssetId> {
    let assets = survey.inspection.assets.iter();
    assets.filter(|it| selector.selects(&candidate(it))).filter_map(|it| it.id()).collect()
}

/// Returns all edges by the ids of both ends.
fn edges(survey: &Survey) -> Vec<EdgeEntry> {
    let mut edges = Vec::new();
    for (asset, more) in survey.inspection.assets.iter().zip(&survey.more) {
        let Some(from) = asset.id() else { continue };
        edges.extend(more.needs().into_iter().map(|to| EdgeEntry {
            from,
            to,
            reference: more.references.binary_search(&to).is_ok(),
            dependency: more.dependencies.binary_search(&to).is_ok(),
        }));
    }
    edges.sort_unstable();
    edges
}

/// Returns what can be reached from `start` in so many steps, along the edges or against them, itself included.
fn reached(edges: &[EdgeEntry], start: BTreeSet<AssetId>, depth: Option<u32>, reverse: bool) -> BTreeSet<AssetId> {
    let mut next: BTreeMap<AssetId, Vec<AssetId>> = BTreeMap::new();
    for EdgeEntry { from, to, .. } in edges {
        let (at, step) = if reverse { (to, from) } else { (from, to) };
        next.entry(*at).or_default().push(*step);
    }
    let mut reached = start.clone();
    let mut border: Vec<AssetId> = start.into_iter().collect();
    let mut steps = 0;
    while !border.is_empty() && depth.is_none_or(|it| steps < it) {
        let beyond = border.iter().filter_map(|it| next.get(it)).flatten().copied();
        border = beyond.collect::<BTreeSet<_>>().into_iter().filter(|it| reached.insert(*it)).collect();
        steps += 1;
    }
    reached
}

fn document(survey: &Survey, chosen: &BTreeSet<AssetId>, edges: Vec<EdgeEntry>) -> GraphDocument {
    let assets = &survey.inspection.assets;
    let node = |id: &AssetId| {
        // By id, but for those at the end that have none.
        let at = assets.binary_search_by_key(&(false, Some(*id)), |it| (it.identity.is_none(), it.id())).ok();
        let asset = at.map(|it| &assets[it]);
        NodeEntry {
            asset_id: *id,
            name: asset.map(|it| it.name.clone()),
            kind: asset.map(|it| it.kind.to_string()),
            place: asset.map(|it| it.place.to_string()),
        }
    };
    let is_inside = |it: &EdgeEntry| chosen.contains(&it.from) && chosen.contains(&it.to);
    GraphDocument {
        version: Version,
        profile: survey.profile.name.clone(),
        assets: chosen.iter().map(node).collect(),
        edges: edges.into_iter().filter(is_inside).collect(),
        cache_diagnostics: diagnostics(&survey.inspection.cache_warnings),
    }
}

fn label(node: &NodeEntry) -> String {
    let place = node.place.as_deref().map_or_else(|| "(not declared)".to_owned(), clean);
    format!("{} {place}", node.asset_id)
}

fn in_words(document: &GraphDocument) -> String {
    let labels: BTreeMap<AssetId, String> = document.assets.iter().map(|it| (it.asset_id, label(it))).collect();
    let declared: BTreeSet<AssetId> =
        document.assets.iter().filter(|it| it.place.is_some()).map(|it| it.asset_id).collect();
    let mut text = String::new();
    let needed: BTreeSet<AssetId> = document.edges.iter().map(|it| it.to).collect();
    for node in &document.assets {
        // They are in order of those they come from.
        let start = document.edges.partition_point(|it| it.from < node.asset_id);
        let edges: Vec<&EdgeEntry> = document.edges[start..].iter().take_while(|it| it.from == node.asset_id).collect();
        // Whoever is needed and needs nothing is told of with those who need it.
        if edges.is_empty() && needed.contains(&node.asset_id) {
            continue;
        }
        let _ = writeln!(text, "{}", paint::heading(&labels[&node.asset_id]));
        for edge in edges {
            let how = if edge.reference { String::new() } else { paint::faint("  (declared)") };
            let label = &labels[&edge.to];
            let label = if declared.contains(&edge.to) { label.clone() } else { paint::bad(label) };
            let _ = writeln!(text, "  -> {label}{how}");
        }
    }
    text
}

fn dot(document: &GraphDocument) -> String {
    let quoted = |it: &str| it.replace('\\', "\\\\").replace('"', "\\\"");
    let mut text = "digraph assets {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
    for node in &document.assets {
        let kind = node.kind.as_deref().unwrap_or_default();
        let _ = writeln!(text, "  a{} [label=\"{}\\n{}\"];", node.asset_id, quoted(&label(node)), quoted(&clean(kind)));
    }
    for edge in &document.edges {
        let style = if edge.reference { "" } else { " [style=dashed]" };
        let _ = writeln!(text, "  a{} -> a{}{style};", edge.from, edge.to);
    }
    text + "}\n"
}

fn mermaid(document: &GraphDocument) -> String {
    // `#` begins what Mermaid calls an entity, and the others end the label or are taken for HTML.
    let escaped = |it: &str| {
        it.replace('#', "#35;").replace('"', "#quot;").replace('<', "#lt;").replace('>', "#gt;").replace('&', "#amp;")
    };
    let mut text = "graph LR\n".to_owned();
    for node in &document.assets {
        let _ = writeln!(text, "  a{}[\"{}\"]", node.asset_id, escaped(&label(node)));
    }
    for edge in &document.edges {
        let arrow = if edge.reference { "-->" } else { "-.->" };
        let _ = writeln!(text, "  a{} {arrow} a{}", edge.from, edge.to);
    }
    text
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;
    use expect_test::expect;

    use super::*;

    fn edge(from: u32, to: u32, reference: bool) -> EdgeEntry {
        EdgeEntry { from: AssetId(from), to: AssetId(to), reference, dependency: !reference }
    }

    fn document() -> GraphDocument {
        let node = |id: u32, place: Option<&str>| NodeEntry {
            asset_id: AssetId(id),
            name: place.map(str::to_owned),
            kind: place.map(|_| "raw".to_owned()),
            place: place.map(str::to_owned),
        };
        GraphDocument {
            version: Version,
            profile: "dev".to_owned(),
            assets: vec![node(1, Some("a \"b\"\\#<")), node(2, Some("c")), node(3, None), node(7, Some("d"))],
            edges: vec![edge(1, 2, true), edge(1, 3, false), edge(2, 1, true)],
            cache_diagnostics: Vec::new(),
        }
    }

    #[test]
    fn steps_go_along_the_edges_or_against_them() {
        let edges = [edge(1, 2, true), edge(2, 3, true), edge(3, 1, false), edge(4, 3, true)];
        let reached = |start: u32, depth, reverse| {
            let reached = reached(&edges, [AssetId(start)].into(), depth, reverse);
            reached.into_iter().map(|it| it.0).collect::<Vec<_>>()
        };
        assert_eq!(reached(1, None, false), [1, 2, 3]);
        assert_eq!(reached(1, Some(1), false), [1, 2]);
        assert_eq!(reached(1, Some(0), false), [1]);
        assert_eq!(reached(3, Some(1), true), [2, 3, 4]);
        assert_eq!(reached(9, None, false), [9]);
    }

    #[test]
    fn every_form_escapes_what_would_end_it() {
        expect![[r#"
            1 a "b"\#<
              -> 2 c
              -> 3 (not declared)  (declared)
            2 c
              -> 1 a "b"\#<
            7 d
        "#]]
        .assert_eq(&strip_str(&in_words(&document())).to_string());
        expect![[r#"
            digraph assets {
              rankdir=LR;
              node [shape=box];
              a1 [label="1 a \"b\"\\#<\nraw"];
              a2 [label="2 c\nraw"];
              a3 [label="3 (not declared)\n"];
              a7 [label="7 d\nraw"];
              a1 -> a2;
              a1 -> a3 [style=dashed];
              a2 -> a1;
            }
        "#]]
        .assert_eq(&dot(&document()));
        expect![[r#"
            graph LR
              a1["1 a #quot;b#quot;\#35;#lt;"]
              a2["2 c"]
              a3["3 (not declared)"]
              a7["7 d"]
              a1 --> a2
              a1 -.-> a3
              a2 --> a1
        "#]]
        .assert_eq(&mermaid(&document()));
    }
}
