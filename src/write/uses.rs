//! Who needs an asset or a file: by a dependency, by an input, or because a processor asked for it.

use std::collections::BTreeSet;

use crate::build::view::{Asset, View};
use crate::model::declaration::Inputs;
use crate::model::reference::Reference;
use crate::model::{AssetUuid, Code, Diagnostic, Location, RelPath};
use crate::process::trace::{FindAnswer, Observation};

/// What is about to go.
#[derive(Clone, Default, Debug)]
pub struct Going {
    /// Places of assets.
    pub assets: BTreeSet<RelPath>,
    /// Their identities.
    pub uuids: BTreeSet<AssetUuid>,
    /// Files.
    pub files: BTreeSet<RelPath>,
    /// Names of those whose declarations cannot be read, by which nobody finds them.
    pub names: BTreeSet<String>,
    /// Places of assets whose needs do not matter any more.
    pub indifferent: BTreeSet<RelPath>,
}

/// Returns one diagnostic for each use of what is about to go; `help` says what to do.
pub fn uses(view: &View, going: &Going, help: &str) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for asset in view.assets.iter().filter(|it| !going.indifferent.contains(it.place())) {
        found.extend(dependencies(view, going, asset));
        found.extend(inputs(view, going, asset));
        found.extend(observations(going, asset));
    }
    found.into_iter().map(|it| it.help(help)).collect()
}

fn still_used(asset: &Asset, how: &str, location: &Location) -> Diagnostic {
    Diagnostic::error(Code::STILL_USED, format!("`{}` {how}", asset.place())).at(location.clone())
}

fn dependencies(view: &View, going: &Going, asset: &Asset) -> Vec<Diagnostic> {
    let intent = &asset.declaration.intent;
    let dir = intent.dir();
    let written = intent.dependencies.iter().zip(&asset.declaration.origin.dependencies);
    let goes = |reference: &Reference| match view.names.resolve(&dir, reference) {
        Some(target) => going.assets.contains(&target.place),
        None => match reference {
            Reference::Uuid(uuid) => going.uuids.contains(uuid),
            Reference::Name(name) => going.names.contains(name),
            Reference::Path(_) => reference.target(&dir).is_some_and(|it| going.assets.contains(&it)),
        },
    };
    let uses = written.filter(|it| goes(it.0));
    uses.map(|(reference, location)| still_used(asset, &format!("depends on `{reference}`"), location)).collect()
}

fn inputs(view: &View, going: &Going, asset: &Asset) -> Vec<Diagnostic> {
    let intent = &asset.declaration.intent;
    if going.files.is_empty() || intent.inputs == Inputs::Owner {
        return Vec::new();
    }
    let dir = intent.dir();
    let inputs = view.inputs(asset);
    let uses = inputs.iter().filter(|it| dir.join(&it.path).is_some_and(|it| going.files.contains(&it)));
    let location = &asset.declaration.origin.location;
    uses.map(|it| still_used(asset, &format!("has the input `{}`", it.path), location)).collect()
}

fn observations(going: &Going, asset: &Asset) -> Vec<Diagnostic> {
    let dir = asset.declaration.intent.dir();
    let mut paths = BTreeSet::new();
    for observation in &asset.observed {
        match observation {
            Observation::Find { path, answer: FindAnswer::Source(..) }
                if dir.join(path).is_some_and(|it| going.files.contains(&it)) =>
            {
                paths.insert(path);
            }
            Observation::AssetAt { path, answer: Some(target) } if going.uuids.contains(&target.uuid) => {
                paths.insert(path);
            }
            _ => {}
        }
    }
    let location = Location::file(asset.place());
    paths.into_iter().map(|it| still_used(asset, &format!("reads `{it}`"), &location)).collect()
}
