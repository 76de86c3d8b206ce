//! Measuring rebuild latency: cold processes of this very binary on a copy of a workspace, each beside its floor.
//!
//! [`run`] is the flow. A *scenario* (`scenario.rs`) is what is changed before a build and what that build must have
//! done; a *round* runs every scenario once. In a round each build stands beside its *floor* (`floor.rs`), the least
//! that any program must do for the same answer, measured just before it; after each scenario everything is made as it
//! was, and builds run, unmeasured, until one has nothing to do. Rounds are repeated until the figures lie close
//! together, or the time is used up.
//!
//! - `generate`, `tree`: workspaces that are made up; trees that are copied and removed
//! - `catalog`, `scenario`, `edit`: what there is, what is chosen, what is done to files
//! - `floor`, `child`: what is measured, each a process of its own
//! - `copy`, `round`: the copy that everything happens in, and what happens in it
//! - `stats`, `report`, `baseline`, `chart`: what comes of it
//!
//! Knows the driver and everything below; nothing of terminals or arguments.

pub mod baseline;
mod catalog;
pub mod chart;
mod child;
mod copy;
mod edit;
pub mod floor;
pub mod generate;
mod random;
pub mod report;
mod round;
pub mod scenario;
pub mod stats;
mod tree;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use copy::Copy;
use generate::Spec;
use report::{Ended, Report, Skipped};
use round::Rows;
use scenario::Scenario;
use tree::Scratch;

use crate::error::Error;
use crate::system::Disk;

/// With fewer rounds, nobody knows how far apart they lie.
const FEWEST_ROUNDS: usize = 5;
/// The middle half of the rounds should not be wider than this, as a share of the median.
const SMALL_SPREAD: f64 = 0.05;
/// How many choices of files are tried before a scenario is skipped.
const CHOICES: u64 = 3;

/// What to measure.
pub struct Setup<'a> {
    /// The file system.
    pub disk: Arc<dyn Disk>,
    /// Set when the user wants to stop.
    pub stop: Arc<AtomicBool>,
    /// Whom to tell how far it is.
    pub tell: &'a dyn Fn(&str),
    /// packwright itself.
    pub exe: PathBuf,
    /// The directory in which a directory is made for everything that follows.
    pub parent: PathBuf,
    /// What is measured on.
    pub source: Source,
    /// The profile to build.
    pub profile: String,
    /// How many threads a build is told to use; absent where it decides itself.
    pub jobs: Option<usize>,
    /// Which scenarios, in this order.
    pub scenarios: Vec<Scenario>,
    /// How long.
    pub limits: Limits,
    /// What edits are chosen by.
    pub seed: u64,
    /// Hold every pack of the first round against that of a build that trusts nothing.
    pub verify: bool,
    /// Another tool.
    pub vs: Option<Other>,
    /// An earlier report that this one is to be compared with: another case is refused before anything is measured.
    pub baseline: Option<Report>,
}

/// A workspace.
pub enum Source {
    /// The one in this directory, which is only read.
    Workspace(PathBuf),
    /// One that is made up.
    Generated(Spec),
}

/// How many rounds.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Just so many.
    pub rounds: Option<usize>,
    /// Otherwise no new one after this time.
    pub budget: Duration,
}

/// A tool that is measured on the same edits, by commands for the shell.
#[derive(Clone, Debug)]
pub struct Other {
    /// Brings its outputs up to date.
    pub command: String,
    /// Removes its outputs and whatever it remembers. Without it there is no clean build of it.
    pub clean: Option<String>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The world refused.
    #[error(transparent)]
    World(#[from] Error),
    /// The workspace cannot be measured, or a build did something else than what is told of it.
    #[error("{0}")]
    Refused(String),
}

/// A result whose error is [`Stopped`].
pub type Result<T> = std::result::Result<T, Stopped>;

/// Measures.
///
/// # Errors
///
/// When the workspace does not build, a build does something else than its scenario says, the other tool fails, the
/// user wants to stop or the world refuses. Nothing is left behind then either.
pub fn run(setup: &Setup<'_>) -> Result<Report> {
    let scratch = Scratch::new(&*setup.disk, &setup.parent)?;
    let report = measure(setup, &scratch.path)?;
    (setup.tell)("cleaning up");
    scratch.close()?;
    Ok(report)
}

fn measure(setup: &Setup<'_>, scratch: &Path) -> Result<Report> {
    let copy = Copy::prepare(setup, scratch)?;
    if let Some(baseline) = &setup.baseline {
        let now = copy.report(Rows::default(), Ended::Rounds, Vec::new());
        let refused = |it| Stopped::Refused(format!("the baseline cannot be compared: {it}"));
        baseline::comparable(baseline, &now).map_err(refused)?;
    }
    let (chosen, skipped) = choose(setup, &copy)?;
    let began = Instant::now();
    let mut rows = Rows::default();
    let ended = loop {
        let round = rows.n_rounds();
        for Choice { scenario, seed } in &chosen {
            (setup.tell)(&format!("round {}: {}", round + 1, scenario.name()));
            let plan = scenario.plan(&copy.catalog, *seed, round).map_err(Stopped::Refused)?;
            round::play(&copy, *scenario, &plan, &mut rows)?;
        }
        if chosen.is_empty() {
            break Ended::Rounds;
        }
        if let Some(ended) = end(setup.limits, rows.n_rounds(), began.elapsed(), rows.widest_spread()) {
            break ended;
        }
    };
    Ok(copy.report(rows, ended, skipped))
}

/// A scenario, and what its files are chosen by.
struct Choice {
    scenario: Scenario,
    seed: u64,
}

/// Chooses the files of each scenario. What is edited in a workspace that somebody else made is tried once before it
/// counts, and other files are chosen where it comes out otherwise than a scenario says: who knows what refers to them.
fn choose(setup: &Setup<'_>, copy: &Copy<'_>) -> Result<(Vec<Choice>, Vec<Skipped>)> {
    let (mut chosen, mut skipped) = (Vec::new(), Vec::new());
    for &scenario in &setup.scenarios {
        match choose_one(setup, copy, scenario)? {
            Ok(seed) => chosen.push(Choice { scenario, seed }),
            Err(reason) => skipped.push(Skipped { scenario, reason }),
        }
    }
    Ok((chosen, skipped))
}

fn choose_one(setup: &Setup<'_>, copy: &Copy<'_>, scenario: Scenario) -> Result<std::result::Result<u64, String>> {
    let mut reason = String::new();
    for nth in 0..CHOICES {
        let seed = setup.seed.wrapping_add(nth);
        // No round has this number, so what it writes is met by none.
        let plan = match scenario.plan(&copy.catalog, seed, usize::MAX) {
            Ok(plan) => plan,
            Err(reason) => return Ok(Err(reason)),
        };
        if matches!(setup.source, Source::Generated(_)) {
            return Ok(Ok(seed));
        }
        (setup.tell)(&format!("trying {}", scenario.name()));
        match round::rehearse(copy, scenario, &plan)? {
            None => return Ok(Ok(seed)),
            Some(problem) => reason = problem,
        }
    }
    Ok(Err(format!("{reason} ({CHOICES} choices of files were tried)")))
}

/// Decides whether it is enough.
fn end(limits: Limits, rounds: usize, elapsed: Duration, widest: f64) -> Option<Ended> {
    match limits.rounds {
        Some(wanted) => (rounds >= wanted).then_some(Ended::Rounds),
        None if rounds >= FEWEST_ROUNDS && widest <= SMALL_SPREAD => Some(Ended::Spread),
        None => (elapsed >= limits.budget).then_some(Ended::Budget),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_end() {
        let limits = |rounds| Limits { rounds, budget: Duration::from_secs(60) };
        let early = Duration::from_secs(1);
        let late = Duration::from_secs(60);
        assert_eq!(end(limits(Some(2)), 1, late, 0.0), None);
        assert_eq!(end(limits(Some(2)), 2, early, 9.0), Some(Ended::Rounds));
        assert_eq!(end(limits(None), 4, early, 0.0), None);
        assert_eq!(end(limits(None), 5, early, 0.05), Some(Ended::Spread));
        assert_eq!(end(limits(None), 5, early, 0.06), None);
        assert_eq!(end(limits(None), 1, late, 9.0), Some(Ended::Budget));
    }
}
