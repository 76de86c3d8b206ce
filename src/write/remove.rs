//! `remove`: an asset is given up for good. Its line becomes a tombstone, so that its uuid and number are never given
//! again, and its files go.

use std::collections::{BTreeMap, BTreeSet};

use crate::build::view::{Asset, View, asset_json};
use crate::error::{Error, Result};
use crate::model::declaration::{Form, Inputs};
use crate::model::path::sidecar_owner;
use crate::model::registry::{Edit, Line};
use crate::model::{Code, Diagnostic, Location, RelPath};
use crate::process::trace::kind_in_words;
use crate::workspace::bucket::{Entry, Kind};

use super::uses::{Going, uses};
use super::{Decision, count, json, refuse, sidecar, unread};

const USED: &str = "take the reference out first, or say --force: then the next build tells of it";

const SAME: &str = "remove both at once, or take the link away first, or say --force: then it goes missing";

/// How assets are removed.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Removal {
    /// Only the declaration goes; the sources stay.
    pub keep_sources: bool,
    /// Whoever refers to them is left with references to nothing.
    pub force: bool,
}

/// Removes declared assets, and settles missing ones.
///
/// # Errors
///
/// [`Error::Invalid`] names those who need the assets or their files, unless forced.
pub fn remove(view: &View, chosen: &[&Asset], missing: &[&Line], removal: Removal) -> Result<Decision> {
    let title = format!("remove {}", count(chosen.len() + missing.len(), "asset"));
    let mut decision = Decision { title, ..Decision::default() };
    let mut going = Going::default();
    let named: BTreeSet<&RelPath> = chosen.iter().map(|it| it.place()).collect();
    for asset in chosen {
        going.assets.insert(asset.place().clone());
        going.indifferent.insert(asset.place().clone());
        decision.notes.push(format!("remove {}", shown(view, asset)));
        let line = view.line(asset).filter(|it| view.registry.by_uuid(it.uuid).is_some());
        if let Some(line) = line {
            going.uuids.insert(line.uuid);
            decision.edits.push(Edit::Remove { uuid: line.uuid });
        }
        if view.at(asset.place()).is_none() {
            going.names.insert(asset.name().to_owned());
        }
        // What lies behind a link goes with what it is, where that is named too.
        let is_named_twice = view.behind_link(asset.place()).is_some_and(|it| named.contains(&it));
        if !is_named_twice {
            refuse_odd(view, asset, removal)?;
            take_files(view, asset, removal, &mut decision)?;
        }
    }
    for line in missing {
        decision.notes.push(format!("give up {} `{}`, which is missing", line.id, line.shown()));
        decision.edits.push(Edit::Remove { uuid: line.uuid });
    }
    let removed = decision.next.files.iter().filter(|it| it.1.is_none()).map(|it| it.0);
    let behind: BTreeMap<RelPath, &RelPath> = removed.clone().flat_map(|it| seen_as(view, it)).collect();
    going.files = removed.chain(behind.keys()).cloned().collect();
    if removal.force {
        decision.tolerates.extend([Code::UNRESOLVED_REFERENCE, Code::MISSING_INPUT, Code::NO_INPUTS]);
    } else {
        let same = same_files(view, &behind, &mut going);
        refuse([uses(view, &going, USED), same].concat())?;
    }
    decision.notes.extend(unread::after_loss(view, chosen, &|it| going.files.contains(it)));
    Ok(decision)
}

/// Returns under which other paths, by links, the workspace sees a file.
fn seen_as<'a>(view: &View, file: &'a RelPath) -> impl Iterator<Item = (RelPath, &'a RelPath)> {
    let seen = view.sights(file).into_iter().chain(view.links_to(file));
    seen.filter(move |it| it != file).map(move |it| (it, file))
}

/// Returns one diagnostic for each asset that nobody has named and that goes too: it is made of what lies `behind` a link.
fn same_files(view: &View, behind: &BTreeMap<RelPath, &RelPath>, going: &mut Going) -> Vec<Diagnostic> {
    let real = |it: &Asset| behind.get(it.place()).or_else(|| behind.get(it.declaration.file()?)).copied();
    let lost = view.assets.iter().filter_map(|it| Some((it.place(), real(it)?)));
    let lost: Vec<_> = lost.filter(|it| !going.indifferent.contains(it.0)).collect();
    going.indifferent.extend(lost.iter().map(|it| it.0.clone()));
    let same = |(place, real): (&RelPath, &RelPath)| {
        let message = format!("`{place}` is made of `{real}`, seen through a link");
        Diagnostic::error(Code::STILL_USED, message).at(Location::file(place)).help(SAME)
    };
    lost.into_iter().map(same).collect()
}

/// Links, pipes and the like are only removed by who put them there.
fn refuse_odd(view: &View, asset: &Asset, removal: Removal) -> Result<()> {
    let place = asset.place();
    let is_odd = |it: &Entry| it.kind != Kind::File && !it.kind.is_dir();
    let Some(entry) = view.find(place).filter(|it| is_odd(it) && !removal.keep_sources) else { return Ok(()) };
    let line = view.line(asset).filter(|it| view.registry.by_uuid(it.uuid).is_some());
    let then = line.map_or_else(String::new, |it| format!(", and then run `packwright remove {}`", it.id));
    Err(Error::Refused(format!(
        "`{place}` is {}, and packwright only removes files: remove it yourself{then}; or run `packwright exclude {place}`",
        kind_in_words(entry.kind)
    )))
}

fn shown(view: &View, asset: &Asset) -> String {
    let place = asset.place();
    let registered = view.line(asset).filter(|it| view.registry.by_uuid(it.uuid).is_some());
    registered.map_or_else(|| format!("`{place}`, which is not registered"), |it| format!("{} `{place}`", it.id))
}

fn take_files(view: &View, asset: &Asset, removal: Removal, decision: &mut Decision) -> Result<()> {
    let files = &mut decision.next.files;
    if let Some(file) = asset.declaration.file() {
        files.insert(file.clone(), None);
    }
    let place = asset.place();
    let intent = &asset.declaration.intent;
    let is_by_itself = matches!(asset.declaration.origin.form, Form::Directory(_));
    match &intent.inputs {
        _ if removal.keep_sources && is_by_itself => {}
        // Where a rule would make an asset of what stays, it is told not to.
        _ if removal.keep_sources => {
            let is_there = view.find(place).is_some() || view.gathered.at(place).is_some();
            if view.claim(place).is_some() && is_there {
                let text = json::fresh("exclude", &true.into());
                files.insert(sidecar(place)?, Some(text.into_bytes()));
                decision
                    .notes
                    .push(format!("note: `{place}` stays, and a sidecar excludes it from the rule that matches"));
            }
        }
        Inputs::Directory | Inputs::Listed(_) => {
            let owned = owned(view, place);
            decision.prune.insert(place.clone());
            decision.prune.extend(owned.iter().flat_map(|it| dirs_between(place, it)));
            let inputs: BTreeSet<RelPath> =
                view.inputs(asset).into_iter().filter_map(|it| place.join(&it.path)).collect();
            let besides = owned.iter().filter(|it| !inputs.contains(*it));
            decision
                .notes
                .extend(besides.map(|it| format!("note: `{it}` goes too: it lies in `{place}` and is no input")));
            files.extend(owned.into_iter().map(|it| (it, None)));
        }
        // A sidecar may have lost its file.
        Inputs::Owner => files.extend(view.find(place).map(|_| (place.clone(), None))),
        Inputs::Companions(companions) => {
            files.extend(view.find(place).map(|_| (place.clone(), None)));
            take_companions(view, companions, decision);
        }
        Inputs::Group(group) => {
            files.extend(group.members.iter().map(|it| (it.clone(), None)));
            take_companions(view, &group.companions, decision);
        }
    }
    Ok(())
}

/// Lets companions go too, but for those that are assets themselves.
fn take_companions(view: &View, companions: &[RelPath], decision: &mut Decision) {
    for companion in companions.iter().filter(|it| view.find(it).is_some() && view.at(it).is_none()) {
        decision.notes.push(format!("note: `{companion}` goes too"));
        decision.next.files.insert(companion.clone(), None);
    }
}

/// Returns the directories that a file lies in, up to `top`, which is not among them.
fn dirs_between(top: &RelPath, file: &RelPath) -> Vec<RelPath> {
    std::iter::successors(file.parent(), RelPath::parent).take_while(|it| it != top).collect()
}

/// Returns the sources that a directory asset owns: all in it down to the next `asset.json`, but for files that are
/// assets themselves.
fn owned(view: &View, dir: &RelPath) -> BTreeSet<RelPath> {
    let is_asset = |path: &RelPath| {
        let owner = sidecar_owner(path.as_str()).and_then(RelPath::new);
        view.at(owner.as_ref().unwrap_or(path)).is_some()
    };
    let below = view.below(dir).into_iter().map(|it| it.path);
    below.filter(|it| view.governor(it).as_ref() == Some(dir) && *it != asset_json(dir) && !is_asset(it)).collect()
}
