//! `register`: what a build would register at its end, now; and evidence as it is today.

use std::collections::BTreeSet;

use crate::build::view::View;
use crate::error::Result;
use crate::model::registry::{Change, ChangeNote, Edit};
use crate::model::{AssetId, RelPath};

use super::{Decision, count, refuse, settled_by};

/// Registers the new places, and those where missing assets are found again: all, or those of the chosen places.
///
/// # Errors
///
/// [`Error::Invalid`](crate::error::Error::Invalid) when no numbers are left.
pub fn register(view: &View, chosen: Option<&BTreeSet<RelPath>>) -> Result<Decision> {
    refuse(view.proposal.diagnostics.iter().filter(|it| it.is_error()).cloned().collect())?;
    let is_meant =
        |it: &&ChangeNote| it.change != Change::Tidied && chosen.is_none_or(|chosen| chosen.contains(&it.place));
    let changes: Vec<&ChangeNote> = view.proposal.changes.iter().filter(is_meant).collect();
    let mut decision = Decision { title: format!("register {}", count(changes.len(), "asset")), ..Decision::default() };
    let mut next_id = view.registry.next_id();
    for note in changes {
        decision.edits.push(settled_by(note));
        // Where only some are chosen, they take the numbers that others would have taken.
        let mut note = note.clone();
        if let (Change::New, Some(id)) = (&note.change, next_id) {
            note.id = id;
            next_id = id.0.checked_add(1).map(AssetId);
        }
        decision.notes.push(note.to_string());
        let place = view.at(&note.place).and_then(|it| it.declaration.file());
        decision.relies_on.extend(place.cloned());
    }
    Ok(decision)
}

/// Writes today's digests into the lines of all assets that are declared: by these they are recognised should they move.
///
/// # Errors
///
/// [`Error::Invalid`](crate::error::Error::Invalid) when the workspace has errors: what is declared cannot be told then.
pub fn refresh(view: &View) -> Result<Decision> {
    refuse(view.errors.clone())?;
    let mut decision = Decision { title: "refresh the registry".to_owned(), ..Decision::default() };
    for asset in &view.assets {
        let Some(line) = view.registry.at(asset.place(), asset.part()) else { continue };
        let digests = view.digests(asset.place(), asset.part());
        if digests.is_some_and(|it| (it.content, it.declaration) != (line.content, line.declaration)) {
            decision.notes.push(format!("refresh {} `{}`", line.id, line.shown()));
            decision.edits.push(Edit::Refresh { uuid: line.uuid });
        }
    }
    decision.title = format!("refresh {}", count(decision.edits.len(), "asset"));
    let is_pending = |it: &&ChangeNote| it.change != Change::Tidied;
    let pending = view.proposal.changes.iter().filter(is_pending).count();
    if pending > 0 {
        decision.notes.push(format!("note: {} to register; `packwright register` does it", count(pending, "asset")));
    }
    Ok(decision)
}
