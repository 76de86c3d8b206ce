//! From a plan to a commit: what all who write have in common once they know what they want.

use crate::error::{Error, Result};
use crate::lane::{self, Lane, Moment};
use crate::workspace::layout::Workspace;

/// Takes the lane and commits what was planned at `moment`; plans again, under the lane, where others were faster. `None`
/// was planned where somebody wrote without pause ([`Error::Torn`]): while the lane is held, no other packwright does.
///
/// `commit` does it, or tells of a conflict: then somebody edits, who asks for no lane. That is tried once more.
///
/// # Errors
///
/// Those of `lane`, `plan` and `commit`. Nothing has changed then.
pub fn under_lane<'a, P, T>(
    ws: &Workspace,
    moment: &Moment,
    planned: Option<P>,
    lane: impl FnOnce() -> Result<Lane<'a>>,
    plan: &mut dyn FnMut() -> Result<P>,
    mut commit: impl FnMut(&mut Lane<'a>, P) -> Result<T>,
) -> Result<T> {
    let mut lane = lane()?;
    // What another process committed meanwhile may matter although it is in none of these files: a name that is taken.
    let is_first = lane::moment(&*ws.disk, &ws.root)? == *moment;
    let planned = match planned.filter(|_| is_first) {
        Some(planned) => planned,
        None => plan()?,
    };
    match commit(&mut lane, planned) {
        // Nobody else writes while the lane is held, so that this is about people's edits from here on.
        Err(Error::Conflict { .. }) => commit(&mut lane, plan()?),
        outcome => outcome,
    }
}
