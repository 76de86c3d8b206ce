//! Declarations that cannot be read: what they would declare, as far as their names tell, and what they seem to refer to.
//! Nobody follows references in there, so that whoever mends them is told which ones to look at.
//!
//! The latter goes by words in their texts alone, and so may be wrong either way.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::build::view::{Asset, View};
use crate::model::declaration::{Declaration, Form, Inputs, Intent, Options, Origin};
use crate::model::node::Value;
use crate::model::path::{ASSET_JSON, sidecar_owner};
use crate::model::{Location, RelPath, text};

use super::rewrite::Renaming;

/// The fields that refer to something.
const REFERRING: [&str; 2] = ["dependencies", "inputs"];

/// Returns what is declared by files of which nobody can tell what type of asset they mean, by place: they can be given
/// up, and excluded where their text is a JSON object.
pub fn undeclared(view: &View) -> Vec<Asset> {
    let mut assets: Vec<Asset> = unread(view).iter().filter_map(|(file, text)| stand_in(view, file, text)).collect();
    assets.sort_by(|a, b| a.place().cmp(b.place()));
    assets
}

fn stand_in(view: &View, file: &RelPath, text: &str) -> Option<Asset> {
    let (place, form, inputs) = match sidecar_owner(file.as_str()) {
        Some(owner) => (RelPath::new(owner)?, Form::Sidecar(file.clone()), Inputs::Owner),
        None if file.name() == ASSET_JSON => (file.parent()?, Form::Directory(file.clone()), Inputs::Directory),
        None => return None,
    };
    if place.is_root() || view.at(&place).is_some() {
        return None;
    }
    let root = text::json(file, text).0;
    let exclude = root.as_ref().and_then(|it| it.get("exclude")).and_then(|it| match it.value {
        Value::Bool(it) => Some(it),
        _ => None,
    });
    let mut options = Options::default();
    options.general.exclude = exclude;
    let name = view.config.default_name(place.as_str()).into();
    let kind = "".into();
    let options = Arc::new(options);
    let intent = Intent {
        place,
        part: String::new(),
        name,
        kind,
        inputs,
        dependencies: Vec::new(),
        captures: Vec::new(),
        options,
    };
    let origin =
        Origin { form, location: Location::file(file), name: None, inputs: Vec::new(), dependencies: Vec::new() };
    let declaration = Arc::new(Declaration { intent: Arc::new(intent), origin });
    Some(Asset { declaration, broken: true, observed: Vec::new() })
}

/// Warns of declarations that seem to refer by name to an asset that is called otherwise afterwards.
pub fn after_rename(view: &View, old: &str) -> Vec<String> {
    seeming(&unread(view), &[old.to_owned()].into())
}

/// Warns of declarations that seem to refer to what moves, and of those that move and refer to anything.
pub fn after_move(view: &View, targets: &BTreeMap<RelPath, RelPath>, renaming: &Renaming) -> Vec<String> {
    let unread = unread(view);
    let mut words: BTreeSet<String> = targets.keys().map(|it| it.name().to_owned()).collect();
    if !unread.is_empty() {
        let renamed = |it: &&Asset| renaming.names.get(it.place()).is_some_and(|new| new != it.name());
        words.extend(view.assets.iter().filter(renamed).map(|it| it.name().to_owned()));
    }
    let (moving, staying): (Vec<_>, Vec<_>) = unread.into_iter().partition(|it| renaming.path(it.0) != *it.0);
    let refers = |it: &&(&RelPath, String)| REFERRING.iter().any(|field| holds(&it.1, field));
    let left = |file: RelPath| {
        format!("warning: `{file}` cannot be read, and what it refers to is left as it is; mend it by hand")
    };
    let mut warnings = seeming(&staying, &words);
    warnings.extend(moving.iter().filter(refers).map(|it| left(renaming.path(it.0))));
    warnings
}

/// Warns of declarations that seem to refer to assets that are not to be had any more. Those that are in `gone` go too.
pub fn after_loss(view: &View, lost: &[&Asset], gone: &dyn Fn(&RelPath) -> bool) -> Vec<String> {
    let mut words = BTreeSet::new();
    for asset in lost {
        words.extend([asset.name().to_owned(), asset.place().name().to_owned()]);
        words.extend(view.line(asset).map(|it| it.uuid.to_string()));
    }
    let mut unread = unread(view);
    unread.retain(|it| !gone(it.0));
    seeming(&unread, &words)
}

/// Returns the declaration files that declare nothing, with their texts.
fn unread(view: &View) -> Vec<(&RelPath, String)> {
    let read: BTreeSet<&RelPath> = view.assets.iter().filter_map(|it| it.declaration.file()).collect();
    let unread = view.texts.iter().filter(|it| !read.contains(it.0));
    unread.map(|(file, text)| (file, String::from_utf8_lossy(text).into_owned())).collect()
}

fn seeming(unread: &[(&RelPath, String)], words: &BTreeSet<String>) -> Vec<String> {
    let first = |text: &str| words.iter().find(|it| holds(text, it));
    let found = unread.iter().filter_map(|(file, text)| Some((file, first(text)?)));
    found
        .map(|(file, word)| format!("warning: `{file}` cannot be read and seems to refer to `{word}`; mend it by hand"))
        .collect()
}

/// Returns whether a text holds a word that is no part of a longer one.
fn holds(text: &str, word: &str) -> bool {
    let is_part = |it: char| it.is_alphanumeric() || "_-.".contains(it);
    !word.is_empty()
        && text
            .match_indices(word)
            .any(|(at, _)| !text[..at].ends_with(is_part) && !text[at + word.len()..].starts_with(is_part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_no_part_of_a_longer_one() {
        for text in ["coin", "{ \"dependencies\": [\"coin\"", "../items/coin", "[coin]", "coins coin", "x: 'coin'"] {
            assert!(holds(text, "coin"), "{text}");
        }
        for text in ["", "coins", "bit-coin", "coin.png", "COIN", "m\u{fc}coin", "coin_2"] {
            assert!(!holds(text, "coin"), "{text}");
        }
        assert!(holds("\"../a/h\u{fc}.png\"", "h\u{fc}.png") && !holds("anything", ""));
    }
}
