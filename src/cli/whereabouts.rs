//! What is true of a path that somebody asks about and that is no asset.

use super::select::Selector;
use super::words::clean;
use crate::build::inspect::{Inspection, Unclaimed};
use crate::model::RelPath;
use crate::model::path::ASSET_JSON;
use crate::system::FileKind;
use crate::workspace::layout::Workspace;

/// Says why what a selector names is no asset; `None` where there is nothing at all by that path.
pub fn told(ws: &Workspace, inspection: &Inspection, selector: &Selector) -> Option<String> {
    selector.paths().iter().find_map(|path| told_of(ws, inspection, path))
}

fn told_of(ws: &Workspace, inspection: &Inspection, path: &RelPath) -> Option<String> {
    let shown = clean(path.as_str());
    let is_dir = ws.disk.stat(&ws.abs(path)).ok()?.kind == FileKind::Dir;
    let config = &inspection.config;
    if let Some(pattern) = config.ignore.by(path.as_str(), is_dir) {
        return Some(format!("`{shown}` is ignored by `{}` in packwright.toml", clean(pattern)));
    }
    if let Some(why) = config.not_a_source(path) {
        return Some(format!("`{shown}` {why}"));
    }
    Some(match is_dir {
        true => format!("there is no asset in `{shown}`"),
        false => format!("`{shown}` is no asset; `packwright check` tells what is wrong with it"),
    })
}

/// Says why a source is no asset, and what it is part of all the same.
pub fn unclaimed(inspection: &Inspection, it: &Unclaimed) -> String {
    format!("`{}` is no asset: {}", clean(it.path.as_str()), why(inspection, it))
}

fn why(inspection: &Inspection, it: &Unclaimed) -> String {
    let config = &inspection.config;
    let rule = config.claim(it.path.as_str()).and_then(|at| Some((at + 1, config.rules.get(at)?)));
    let why = match (&it.beside, rule) {
        (Some(dir), _) => format!("no input in `{}` matches it", clean(dir.child(ASSET_JSON).as_str())),
        (None, Some((number, rule))) => {
            format!("rule {number} `{}` matches it, but makes nothing of it", clean(&rule.pattern))
        }
        (None, None) => "no rule matches it".to_owned(),
    };
    let few = |places: &[RelPath]| {
        let shown: Vec<String> = places.iter().take(3).map(|it| format!("`{}`", clean(it.as_str()))).collect();
        let more = places.len() - shown.len();
        shown.join(", ") + &if more == 0 { String::new() } else { format!(" and {more} more") }
    };
    match (&it.input_of[..], &it.read_by[..]) {
        ([], []) if it.beside.is_none() && rule.is_none() => {
            format!("{why}, and it has no sidecar; `packwright status` lists all such files")
        }
        ([], []) => why,
        ([], readers) => format!("{why}; it is read by {}", few(readers)),
        (owners, _) => format!("{why}; it is an input of {}", few(owners)),
    }
}
