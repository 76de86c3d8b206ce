//! What is wrong with the workspace, all of it, and whether that stops the build.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::profile::{Broken, Profile};
use crate::model::{AssetId, Code, Diagnostic, Location, RelPath, Severity, diagnostic};
use crate::pack::plan::{Plan, PlanEntry};
use crate::query::declared::declared;
use crate::query::issue::Problem;
use crate::query::layout::layout;
use crate::query::names::{Names, names};
use crate::query::recipes::recipes;
use crate::query::validated::validated;
use crate::query::{Database, Slot, State};
use crate::workspace::layout::Workspace;

use super::configure::Setup;
use super::members::{empty_packs, plans, reached, starts};

/// What the packs come to, and what is to be said about it.
pub struct Verdict {
    /// The plan of each pack, by number; they leave out what is broken.
    pub plans: Vec<Plan>,
    /// What is reached by each pack, by number, ascending.
    pub reached: Vec<Vec<AssetId>>,
    /// In the order in which they are shown. With an error among them nothing is published.
    pub diagnostics: Vec<Diagnostic>,
}

impl Verdict {
    /// Returns whether nothing may be published.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// Collects entries and problems of all slots. `general` are diagnostics that belong to no asset: an error among
/// them always stops a build.
pub fn judge(ws: &Workspace, state: &State, slots: &[Slot], setup: &Setup, general: Vec<Diagnostic>) -> Verdict {
    let (names, packs, profile) = (names(&state.db), &setup.config.packs, &setup.profile);
    let mut diagnostics = general;
    let of_slot = |db: &Database, slot| (layout(db, slot).clone(), problems_of(db, slot, profile));
    let (layouts, problems): (Vec<_>, Vec<_>) = state.ask_each(ws, "layouts", slots, of_slot).into_iter().unzip();
    diagnostics.extend(problems.into_iter().flatten());
    let (starts, unresolved) = starts(packs, names, &setup.config_text);
    let reached = reached(packs, &layouts, &starts);
    let plans = plans(&layouts, &reached, profile);
    diagnostics.extend(absent_references(&plans, names));
    // A pack that is reached from nothing has said why.
    diagnostics.extend(empty_packs(packs, &plans).filter(|_| unresolved.is_empty()));
    diagnostics.extend(unresolved);
    diagnostic::sort(&mut diagnostics);
    Verdict { plans, reached, diagnostics }
}

/// Returns what is to be said of the assets in one slot.
pub fn problems_of(db: &Database, slot: Slot, profile: &Profile) -> Vec<Diagnostic> {
    let bucket = slot.bucket(db);
    let mut problems: Vec<Problem> = declared(db, bucket).problems.clone();
    problems.extend(validated(db, bucket).issues.iter().map(|it| it.locate(db, bucket)));
    problems.extend(recipes(db, slot).issues.iter().map(|it| it.locate(db, bucket)));
    problems.extend(layout(db, slot).problems.iter().cloned());
    problems.into_iter().map(|it| omit_if_asked(it, profile)).collect()
}

/// A profile that omits broken assets turns their errors into warnings.
pub fn omit_if_asked(problem: Problem, profile: &Profile) -> Diagnostic {
    let mut diagnostic = problem.diagnostic;
    if profile.broken == Broken::Omit && diagnostic.is_error() {
        diagnostic.severity = Severity::Warning;
        let said = diagnostic.help.take().map_or_else(String::new, |it| format!("; {it}"));
        diagnostic.help = Some(format!("`{}` is left out of the pack{said}", problem.place));
    }
    diagnostic
}

/// Warns of entries that refer to assets which are not in any of these packs.
fn absent_references(plans: &[Plan], names: &Names) -> Vec<Diagnostic> {
    let mut entries: Vec<&Arc<PlanEntry>> = plans.iter().flat_map(|it| &it.entries).collect();
    if plans.len() > 1 {
        entries.sort_by_key(|it| it.id);
        entries.dedup_by_key(|it| it.id);
    }
    let which = if plans.len() == 1 { "not in the pack" } else { "in no pack" };
    let is_absent = |id: &AssetId| entries.binary_search_by_key(id, |it| it.id).is_err();
    let referring: Vec<_> = entries.iter().filter(|it| it.references.iter().any(is_absent)).collect();
    if referring.is_empty() {
        return Vec::new();
    }
    let places: BTreeMap<AssetId, &RelPath> =
        names.all().iter().filter_map(|it| Some((it.identity?.1, &it.place))).collect();
    let mut warnings = Vec::new();
    for entry in referring {
        let Some(place) = places.get(&entry.id) else { continue };
        for id in entry.references.iter().filter(|it| is_absent(it)) {
            let target = places.get(id).map_or_else(|| format!("asset {id}"), |it| format!("`{it}`"));
            let message = format!("`{place}` refers to {target}, which is {which}");
            warnings.push(Diagnostic::warning(Code::ABSENT_REFERENCE, message).at(Location::file(place)));
        }
    }
    warnings
}
