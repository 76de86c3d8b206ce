//! `packwright move`.

use std::path::Path;

use super::choose::{self, Choice};
use super::exit::Exit;
use super::words::clean;
use super::write::WriteArguments;
use super::{Context, open};
use crate::error::{Error, Result};
use crate::model::RelPath;
use crate::write::{Depth, Destination, move_files};

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// What to move: files and directories below a root; or assets by ids, names, beginnings of uuids or globs
    #[arg(value_name = "ASSET", required = true)]
    assets: Vec<String>,
    /// Where to: a directory that is there or ends with `/`, or another path for a single one
    #[arg(value_name = "DEST")]
    to: String,
    #[command(flatten)]
    pub write: WriteArguments,
}

pub fn run(cx: &Context, arguments: &Arguments) -> Result<Exit> {
    choose::run(cx, &arguments.write, "move", (Depth::Observations, false), &|choice| {
        let mut sources = Vec::new();
        for text in &arguments.assets {
            match choice.path(text) {
                _ if is_workspace(choice, text) => {
                    let whole = "which is the whole workspace and not moved: name what is in it".to_owned();
                    return Err(Error::Refused(format!(
                        "`{}` is `{}`, {whole}",
                        clean(text),
                        open::shown(&choice.ws.root)
                    )));
                }
                Some(path) => sources.push(path),
                None => {
                    let chosen = choice.declared(std::slice::from_ref(text))?;
                    sources.extend(chosen.into_iter().map(|it| it.place().clone()));
                }
            }
        }
        sources.sort();
        sources.dedup();
        move_files(choice.ws, choice.view, &sources, &destination(choice, &arguments.to)?)
    })
}

/// Returns whether a text means the workspace itself.
fn is_workspace(choice: &Choice<'_>, text: &str) -> bool {
    let text = text.trim_end_matches('/');
    match choice.dir {
        Some(dir) if dir.is_root() => text == "." || choice.ws.root == Path::new(text),
        Some(dir) => dir.relative(&RelPath::root()) == text || choice.ws.root == Path::new(text),
        None => choice.ws.root == Path::new(text),
    }
}

fn destination(choice: &Choice<'_>, text: &str) -> Result<Destination> {
    let inner = choice.inside(text);
    let stem = inner.trim_end_matches('/');
    let path = if inner != text { RelPath::new(stem) } else { seen_from_here(choice, stem) };
    let path = path.filter(|it: &RelPath| !it.is_root());
    let is_dir = text.ends_with('/') || matches!(stem, "." | "..") || stem.ends_with("/..");
    let outside = || format!("`{}` is no path below `{}`", clean(text), open::shown(&choice.ws.root));
    Ok(Destination { path: path.ok_or_else(|| Error::Refused(outside()))?, is_dir })
}

fn seen_from_here(choice: &Choice<'_>, stem: &str) -> Option<RelPath> {
    choice.dir.and_then(|it| if stem == "." { Some(it.clone()) } else { it.join(stem) })
}
