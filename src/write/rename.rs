//! `rename`: another name for an asset, and for those who refer to it by name.

use crate::build::view::{Asset, View};
use crate::error::{Error, Result};
use crate::model::path::portability_problem;
use crate::model::reference::{Reference, name_problem};
use crate::model::{Code, Diagnostic, Location};

use super::rewrite::{Renaming, rewrite, rewrite_packs};
use super::unread;
use super::{Decision, refuse, set_field, settle};

/// Gives an asset the name `new`. Its identity, its place and its pack entry stay what they are.
///
/// # Errors
///
/// [`Error::Usage`] for what is no name, [`Error::Invalid`] when another asset has it.
pub fn rename(view: &View, asset: &Asset, new: &str) -> Result<Decision> {
    if let Some(problem) = name_problem(new) {
        return Err(Error::Usage(problem));
    }
    let old = asset.name();
    let mut decision = Decision { title: format!("rename `{old}` to `{new}`"), ..Decision::default() };
    settle(view, asset, &mut decision);
    if old == new {
        decision.notes.push(format!("`{}` is named `{new}` already", asset.place()));
        return Ok(decision);
    }
    refuse(clash(view, asset, new).into_iter().collect())?;
    if new.bytes().all(|it| it.is_ascii_digit()) {
        decision.notes.push(format!("note: on the command line `{new}` means the asset with this number too"));
    }
    let empty = |it: &str| it.is_empty().then(|| "it has an empty component".to_owned());
    let problems = new.split('/').filter_map(|it| empty(it).or_else(|| portability_problem(it)));
    decision.notes.extend(problems.map(|it| format!("warning: `{new}` is no name for a file everywhere: {it}")));
    set_field(view, asset, "name", &new.into(), &mut decision.next)?;
    // Where another asset has the old name too, a reference by that name may mean either.
    if view.names.clash(asset.place()).is_some() {
        decision.notes.push(format!("note: another asset is named `{old}`; references by that name are left to it"));
        return Ok(decision);
    }
    let renaming = Renaming { names: [(asset.place().clone(), new.to_owned())].into(), ..Renaming::default() };
    rewrite(view, &renaming, &mut decision)?;
    rewrite_packs(view, &renaming, &mut decision)?;
    decision.notes.extend(unread::after_rename(view, old));
    Ok(decision)
}

/// Returns what is wrong with a name that another asset has.
fn clash(view: &View, asset: &Asset, new: &str) -> Option<Diagnostic> {
    let place = &view.names.resolve(&crate::model::RelPath::root(), &Reference::Name(new.to_owned()))?.place;
    let other = view.at(place).filter(|it| it.place() != asset.place())?;
    let location = other.declaration.origin.name.clone().unwrap_or_else(|| Location::file(place));
    let clash = Diagnostic::error(Code::NAME_CLASH, format!("`{place}` is named `{new}` already")).at(location);
    Some(clash.help("names are unique in a workspace: choose another one, or rename that asset first"))
}
