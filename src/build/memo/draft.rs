//! Drafts: what each pack comes to on the short way, as a change of the one that stands where that is known, and whole
//! otherwise.

use crate::build::configure::Setup;
use crate::build::publish::{Wanted, patch};
use crate::model::AssetId;
use crate::pack::old::OldPack;
use crate::pack::patch::Patch;
use crate::pack::plan::Plan;
use crate::workspace::layout::Workspace;

use super::short::{Difference, Short};

/// What a pack comes to.
pub enum Draft<'a> {
    /// What the previous one holds, some of it replaced.
    Change(&'a OldPack<'a>, Difference, Patch),
    /// All of it.
    Whole(Plan),
}

impl Draft<'_> {
    /// Returns what is to be published.
    pub fn wanted(&self) -> Wanted<'_> {
        match self {
            Self::Change(_, _, patch) => Wanted::Patch(patch),
            Self::Whole(plan) => Wanted::Plan(plan),
        }
    }

    /// Returns the plan, where it is whole.
    pub fn into_plan(self) -> Option<Plan> {
        if let Self::Whole(plan) = self { Some(plan) } else { None }
    }

    fn has(&self, id: AssetId) -> bool {
        match self {
            Self::Change(old, difference, _) => {
                let Difference { put, removed, .. } = difference;
                let stands = || old.has(id) && removed.binary_search(&id).is_err();
                put.binary_search_by_key(&id, |it| it.id).is_ok() || stands()
            }
            Self::Whole(plan) => plan.entries.binary_search_by_key(&id, |it| it.id).is_ok(),
        }
    }
}

impl Short {
    /// Returns what all packs come to, by number; `old` are those that stand and of which it is known what they hold.
    /// `None` when a memo is lost, or when there is something to be said that is not known before all of it is: of a
    /// pack that is left with nothing, or of an asset that refers to one in no pack.
    pub fn drafts<'a>(&self, ws: &Workspace, setup: &Setup, old: &'a [Option<OldPack<'_>>]) -> Option<Vec<Draft<'a>>> {
        let draft = |(pack, old): (usize, &'a Option<OldPack<'_>>)| {
            let change = old.as_ref().and_then(|old| {
                let difference = self.difference(ws, pack, old.content_digest())?;
                let patch = patch(old, &setup.profile, &difference)?;
                Some(Draft::Change(old, difference, patch))
            });
            change.or_else(|| self.plan(ws, setup, pack).map(Draft::Whole))
        };
        let drafts = old.iter().enumerate().map(draft).collect::<Option<Vec<_>>>()?;
        let packs = setup.config.packs.all();
        let is_empty =
            packs.iter().zip(&drafts).any(|(pack, it)| !pack.is_everything() && it.wanted().entry_count() == 0);
        let derived = (0..drafts.len()).flat_map(|pack| self.slots.iter().flat_map(move |it| self.derived(*it, pack)));
        let mut references = derived.flat_map(|it| &it.references);
        let refer_well = references.all(|id| drafts.iter().any(|it| it.has(*id)));
        (refer_well && !is_empty).then_some(drafts)
    }
}
