//! References in declarations that follow a name or a place to what it is afterwards. How a reference is written stays:
//! a name stays a name, a path seen from the workspace stays one.

use std::collections::{BTreeMap, BTreeSet};

use crate::build::view::{Asset, View};
use crate::error::{Error, Result};
use crate::model::RelPath;
use crate::model::declaration::{Form, Inputs};
use crate::model::path::parent;
use crate::model::reference::{InputPattern, Reference};
use crate::workspace::config::CONFIG_FILE;

use super::{Decision, count, json, toml, unreadable};

/// What is called otherwise afterwards.
#[derive(Clone, Default, Debug)]
pub struct Renaming {
    /// Files and directories that move, with all that is in them: from, to. None lies in another.
    pub paths: BTreeMap<RelPath, RelPath>,
    /// New names of assets, by their places before.
    pub names: BTreeMap<RelPath, String>,
}

impl Renaming {
    /// Returns where a path is afterwards.
    pub fn path(&self, path: &RelPath) -> RelPath {
        let mut at = path.as_str();
        while !at.is_empty() {
            if let Some((from, to)) = self.paths.get_key_value(at) {
                return from.strip(path.as_str()).and_then(|it| to.join(it)).unwrap_or_else(|| to.clone());
            }
            at = parent(at);
        }
        path.clone()
    }

    /// Returns the directory that an asset's relative paths are seen from afterwards.
    pub fn dir(&self, asset: &Asset) -> RelPath {
        let place = self.path(asset.place());
        match &asset.declaration.intent.inputs {
            Inputs::Group(group) => self.path(&group.dir),
            inputs if inputs.is_dir() => place,
            _ => place.parent().unwrap_or_else(RelPath::root),
        }
    }
}

/// Rewrites every reference and input that would mean something else afterwards.
///
/// # Errors
///
/// [`Error::Refused`] for a declaration that cannot be edited.
pub fn rewrite(view: &View, renaming: &Renaming, decision: &mut Decision) -> Result<()> {
    let mut done = BTreeSet::new();
    for asset in &view.assets {
        let Some(file) = asset.declaration.file().filter(|it| done.insert((*it).clone())) else { continue };
        let intent = &asset.declaration.intent;
        let lists = !intent.dependencies.is_empty() || matches!(asset.declaration.origin.form, Form::Directory(_));
        let Some(text) = view.text(file).filter(|_| lists) else { continue };
        // What was decided about the file before is kept.
        let to = renaming.path(file);
        let decided = decision.next.files.get(&to).cloned().flatten();
        let decided = decided.and_then(|it| String::from_utf8(it).ok());
        let (rewritten, n) = rewrite_text(view, asset, renaming, decided.as_deref().unwrap_or(text))
            .ok_or_else(|| unreadable(view, asset, file))?;
        if n == 0 {
            continue;
        }
        decision.notes.push(format!("rewrite {} in `{to}`", count(n, "reference")));
        decision.next.files.insert(to.clone(), Some(rewritten.into_bytes()));
        if to != *file {
            decision.next.moved.remove(file);
            decision.next.files.insert(file.clone(), None);
            decision.next.rewritten.insert(file.clone(), to);
        }
    }
    Ok(())
}

/// Rewrites what packs are reached from, in `packwright.toml`.
///
/// # Errors
///
/// [`Error::Refused`] where that cannot be edited.
pub fn rewrite_packs(view: &View, renaming: &Renaming, decision: &mut Decision) -> Result<()> {
    let config = RelPath::new(CONFIG_FILE).expect("a plain file name is a path");
    let decided = decision.next.files.get(&config).cloned().flatten();
    let text = String::from_utf8_lossy(decided.as_deref().unwrap_or(&view.config_text)).into_owned();
    let dirs = Dirs { before: RelPath::root(), after: RelPath::root() };
    let new = |it: &str| {
        let reference = Reference::parse(it).ok()?;
        dependency(view, renaming, &dirs, it, &reference).filter(|new| new != it)
    };
    let edited = toml::map_reachable_from(&text, &new);
    let (text, n) = edited.ok_or_else(|| Error::Refused(format!("`{config}` cannot be edited as it is")))?;
    if n > 0 {
        decision.notes.push(format!("rewrite {} of packs in `{config}`", count(n, "reference")));
        decision.next.files.insert(config, Some(text.into_bytes()));
    }
    Ok(())
}

/// Returns the text with its references rewritten, and how many were; `None` when it cannot be edited.
fn rewrite_text(view: &View, asset: &Asset, renaming: &Renaming, text: &str) -> Option<(String, usize)> {
    let dirs = Dirs { before: asset.declaration.intent.dir(), after: renaming.dir(asset) };
    let (text, dependencies) = json::map_strings(text, "dependencies", &|it| {
        let reference = Reference::parse(it).ok()?;
        dependency(view, renaming, &dirs, it, &reference).filter(|new| new != it)
    })?;
    if !matches!(asset.declaration.origin.form, Form::Directory(_)) {
        return Some((text, dependencies));
    }
    let (text, inputs) = json::map_strings(&text, "inputs", &|it| input(renaming, &dirs, it).filter(|new| new != it))?;
    Some((text, dependencies + inputs))
}

/// The directory that paths are seen from.
struct Dirs {
    before: RelPath,
    after: RelPath,
}

fn dependency(view: &View, renaming: &Renaming, dirs: &Dirs, text: &str, reference: &Reference) -> Option<String> {
    match reference {
        Reference::Uuid(_) => None,
        Reference::Name(_) => {
            let target = view.names.resolve(&dirs.before, reference)?;
            renaming.names.get(&target.place).cloned()
        }
        Reference::Path(_) => {
            let target = renaming.path(&reference.target(&dirs.before)?);
            if reference.target(&dirs.after).as_ref() == Some(&target) {
                return None;
            }
            if text.starts_with('/') {
                return Some(format!("/{target}"));
            }
            let path = dirs.after.relative(&target);
            Some(if path == "." || path == ".." || path.starts_with("../") { path } else { format!("./{path}") })
        }
    }
}

fn input(renaming: &Renaming, dirs: &Dirs, text: &str) -> Option<String> {
    let moved = match InputPattern::parse(&dirs.before, text).ok()? {
        InputPattern::Path(path) => InputPattern::Path(renaming.path(&path)),
        InputPattern::Glob(mut glob) => {
            glob.base = renaming.path(&glob.base);
            InputPattern::Glob(glob)
        }
    };
    if InputPattern::parse(&dirs.after, text).as_ref() == Ok(&moved) {
        return None;
    }
    Some(match moved {
        InputPattern::Path(path) => literal(&dirs.after.relative(&path)),
        InputPattern::Glob(glob) => match literal(&dirs.after.relative(&glob.base)).as_str() {
            "." => glob.pattern,
            base => format!("{base}/{}", glob.pattern),
        },
    })
}

/// Returns a pattern that matches this very path.
pub(super) fn literal(path: &str) -> String {
    let mut pattern = String::with_capacity(path.len());
    for char in path.chars() {
        match char {
            '*' | '?' | '[' | '{' => pattern.extend(['[', char, ']']),
            other => pattern.push(other),
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::new(text).expect("a path")
    }

    fn renaming(paths: &[(&str, &str)]) -> Renaming {
        Renaming { paths: paths.iter().map(|(from, to)| (path(from), path(to))).collect(), names: BTreeMap::new() }
    }

    #[test]
    fn what_is_in_a_directory_moves_along() {
        let renaming = renaming(&[("a/b", "x"), ("a/c.png", "a/b2/c.png")]);
        for (from, to) in [("a/b", "x"), ("a/b/c/d", "x/c/d"), ("a/bc", "a/bc"), ("a/c.png", "a/b2/c.png"), ("a", "a")]
        {
            assert_eq!(renaming.path(&path(from)).as_str(), to, "{from}");
        }
    }

    #[test]
    fn inputs_follow_files_and_directories() {
        let renaming = renaming(&[("a/hero", "b/deep/hero"), ("a/ui", "a/[ui]"), ("a/x.png", "a/y.png")]);
        let seen = |dir: &str, text: &str| {
            let dirs = Dirs { before: path(dir), after: renaming.path(&path(dir)) };
            input(&renaming, &dirs, text).unwrap_or_else(|| "as it is".to_owned())
        };
        for (dir, text, expected) in [
            ("a/hero", "face.png", "as it is"),
            ("a/hero", "*.png", "as it is"),
            ("a/hero", "../x.png", "../../../a/y.png"),
            ("a/hero", "../z.png", "../../../a/z.png"),
            ("a/hero", "../sfx/**/*.ogg", "../../../a/sfx/**/*.ogg"),
            ("a/hero", "../*.ogg", "../../../a/*.ogg"),
            ("a/other", "../hero/face.png", "../../b/deep/hero/face.png"),
            ("a/other", "../ui/icon.png", "../[[]ui]/icon.png"),
            ("a/other", "../ui/*.png", "../[[]ui]/*.png"),
            ("a/other", "../z.png", "as it is"),
            ("a", "x.png", "y.png"),
        ] {
            assert_eq!(seen(dir, text), expected, "{dir} {text}");
        }
        let bracketed = InputPattern::parse(&path("a/other"), "../[[]ui]/*.png").expect("a pattern");
        let InputPattern::Glob(glob) = bracketed else { panic!("a glob") };
        assert!(glob.matcher().is_match("a/[ui]/x.png"));
    }
}
