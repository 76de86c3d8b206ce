//! Why a text means no asset although there is something by that name: an asset that is missing, one whose declaration
//! cannot be read, or a file that nothing claims.

use super::select::{Candidate, Selector};
use super::whereabouts;
use super::words::clean;
use crate::build::inspect::Inspection;
use crate::model::Diagnostic;
use crate::model::path::{ASSET_JSON, parent, sidecar_owner};
use crate::model::registry::Line;
use crate::workspace::layout::Workspace;

/// Returns what is to be said of what `selector` means, none of which is an asset that is there; `None` where there is
/// nothing by that name.
pub fn reason(ws: &Workspace, selector: &Selector, inspection: &Inspection) -> Option<String> {
    let name = |place: &str| inspection.config.default_name(place);
    let means = |place: &str, line: Option<&Line>| {
        let (name, identity) = (name(place), line.map(|it| (it.uuid, it.id)));
        selector.selects(&Candidate { identity, name: &name, place: Some(place), ..Candidate::default() })
    };
    // Who is missing because nobody can read its declaration is told of that.
    let line = |place: &str| inspection.missing.iter().find(|it| it.place.as_str() == place);
    // A profile that omits what is broken warns of that only.
    let unread = |it: &&Diagnostic| declared_by(it).is_some_and(|place| means(place, line(place)));
    if let Some(problem) = inspection.diagnostics.iter().filter(unread).min_by_key(|it| !it.is_error()) {
        return Some(unreadable(problem, declared_by(problem)?));
    }
    let missing: Vec<&Line> = inspection.missing.iter().filter(|it| means(it.place.as_str(), Some(it))).collect();
    if let [first, others @ ..] = &missing[..] {
        return Some(told_missing(selector, first, others.len()));
    }
    let unclaimed = inspection.unclaimed.iter().find(|it| means(it.path.as_str(), None));
    unclaimed.map(|it| whereabouts::unclaimed(inspection, it)).or_else(|| whereabouts::told(ws, inspection, selector))
}

fn told_missing(selector: &Selector, line: &Line, n_others: usize) -> String {
    let (place, id) = (clean(&line.shown()), line.id);
    if n_others > 0 {
        let (meant, n) = (selector.shown(), n_others + 1);
        return format!(
            "`{meant}` means {n} assets that are registered and not declared any more, {id} `{place}` for one; `packwright \
             status` lists them, and `packwright doctor` looks for where they went"
        );
    }
    format!(
        "`{place}` is registered as {id} and not declared any more; `packwright doctor` looks for where it went: bring it \
         back, or run `packwright remove {id}` to give it up for good"
    )
}

fn unreadable(problem: &Diagnostic, place: &str) -> String {
    let (place, message) = (clean(place), clean(&problem.message));
    format!("the declaration of `{place}` is no good: {message}; `packwright check` shows where")
}

/// Returns the place of the asset that a file with an error in it declares; `None` for other files.
fn declared_by(problem: &Diagnostic) -> Option<&str> {
    let file = problem.location.as_ref()?.path.as_str();
    let own = || file.strip_suffix(ASSET_JSON).is_some_and(|it| it.ends_with('/')).then(|| parent(file));
    sidecar_owner(file).or_else(own)
}
