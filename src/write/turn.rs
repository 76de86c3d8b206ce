//! From a plan to a commit: what all who write have in common once they know what they want.

use crate::error::{Error, Result};
use crate::lane::{self, Commit, Lane, Moment};
use crate::model::Digest;
use crate::workspace::layout::Workspace;

/// What was committed.
pub struct Done<P, L> {
    /// The plan that it was.
    pub planned: P,
    /// What was seen of its files right before.
    pub looked: L,
    /// Its number in the log; `None` where nothing had to be written.
    pub number: Option<u64>,
}

/// Takes the lane and commits what was planned at `moment`; plans again, under the lane, where others were faster. `None`
/// was planned where somebody wrote without pause ([`Error::Torn`]): while the lane is held, no other packwright does.
///
/// `look` looks at the files before anything is done, and tells of a conflict where they are not what they were planned
/// by: then the plan is old, and it is planned once more. Whoever edits a file after that edits it in the middle of the
/// commit, and has to be told.
///
/// # Errors
///
/// Those of `lane`, `plan` and `look`; [`Error::Conflict`] where somebody edits a file meanwhile. Nothing has changed then.
pub fn under_lane<'a, P: AsRef<Commit>, L>(
    ws: &Workspace,
    moment: &Moment,
    planned: Option<P>,
    lane: impl FnOnce() -> Result<Lane<'a>>,
    plan: &mut dyn FnMut() -> Result<P>,
    look: impl Fn(&Commit) -> Result<L>,
) -> Result<Done<P, L>> {
    let mut lane = lane()?;
    // What another process committed meanwhile may matter although it is in none of these files: a name that is taken.
    let is_first = lane::moment(&*ws.disk, &ws.root)? == *moment;
    let mut planned = match planned.filter(|_| is_first) {
        Some(planned) => planned,
        None => plan()?,
    };
    let looked = match look(planned.as_ref()) {
        Err(Error::Conflict { .. }) => {
            planned = plan()?;
            look(planned.as_ref())?
        }
        outcome => outcome?,
    };
    let number = lane.commit(planned.as_ref().clone())?;
    Ok(Done { planned, looked, number })
}

/// Looks whether every file that a commit writes still is what it expects, and every file that it moves still there.
///
/// # Errors
///
/// [`Error::Conflict`] names one that is not.
pub fn look(ws: &Workspace, commit: &Commit) -> Result<()> {
    for it in &commit.changes {
        let present = lane::read_file_through(&*ws.disk, &ws.root, &it.path)?;
        if present.as_deref().map(Digest::of) != it.expect {
            return Err(Error::Conflict { path: ws.abs(&it.path) });
        }
    }
    for it in &commit.moves {
        let is_there = |path| ws.disk.stat(&ws.abs(path)).is_ok();
        let odd = if is_there(&it.from) { Some(&it.to).filter(|it| is_there(it)) } else { Some(&it.from) };
        if let Some(path) = odd {
            return Err(Error::Conflict { path: ws.abs(path) });
        }
    }
    Ok(())
}
