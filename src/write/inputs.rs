//! What assets are made of before and after a change: an input that is named by a glob, or by the directory that it lies
//! in, comes and goes with its place.

use std::collections::BTreeSet;

use crate::build::view::{Asset, Next, View};
use crate::model::RelPath;
use crate::model::declaration::{Form, Inputs};

/// Says which inputs of which assets a change takes away or adds, other than by removing them.
pub fn changed(before: &View, after: &View, next: &Next) -> Vec<String> {
    let mut said = Vec::new();
    for asset in before.assets.iter().filter(|it| !it.broken && it.declaration.intent.inputs != Inputs::Owner) {
        let place = match &asset.declaration.origin.form {
            Form::Directory(file) => next.moved_to(file).parent(),
            _ => Some(next.moved_to(asset.place())),
        };
        let Some(later) = place.and_then(|it| after.at(&it)).filter(|it| !it.broken) else { continue };
        let removed = |it: &RelPath| next.files.get(it).is_some_and(Option::is_none);
        let had = inputs(before, asset).into_iter().filter(|it| !removed(it)).map(|it| next.moved_to(&it));
        let (had, has): (BTreeSet<RelPath>, _) = (had.collect(), inputs(after, later));
        let place = later.place();
        said.extend(
            had.difference(&has).map(|it| format!("warning: `{it}` will not be an input of `{place}` any more")),
        );
        said.extend(has.difference(&had).map(|it| format!("note: `{it}` becomes an input of `{place}`")));
    }
    said
}

fn inputs(view: &View, asset: &Asset) -> BTreeSet<RelPath> {
    let dir = asset.declaration.intent.dir();
    view.inputs(asset).into_iter().filter_map(|it| dir.join(&it.path)).collect()
}
