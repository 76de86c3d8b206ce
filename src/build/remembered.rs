//! What the cache remembers of what processors said: which assets they refuse, what they warn of, what they read besides.
//!
//! Runs nothing: an asset of which nothing is remembered as it is today is one that nobody tried yet.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::RelPath;
use crate::model::declaration::Intent;
use crate::process::exec::{MadeResult, Recipe};
use crate::process::trace::{FindAnswer, Observation};
use crate::query::issue::Problem;
use crate::query::layout::problem;
use crate::query::names::LazyNames;
use crate::query::recipes::recipes;
use crate::query::validated::validated;
use crate::query::{Slot, State};

use super::explain::trace_of;
use super::inspect::Unclaimed;
use super::pass::Pass;

/// What is known of what processors said and did.
#[derive(Default)]
pub(super) struct Remembered {
    /// What they had to say, where nobody else tells it.
    pub(super) problems: Vec<Problem>,
    /// The place and part of each asset of which nothing is known.
    pub(super) untried: BTreeSet<(RelPath, String)>,
    /// The places of those that read an unclaimed file, by its path.
    pub(super) readers: BTreeMap<RelPath, Vec<RelPath>>,
}

impl Remembered {
    /// Returns what is known where everything was made: the layout tells what processors had to say.
    pub(super) fn of_made(state: &State, slots: &[Slot], unclaimed: &BTreeMap<RelPath, Unclaimed>) -> Self {
        let db = &state.db;
        let mut all = Self::default();
        for slot in slots {
            let assets = &validated(db, slot.bucket(db)).assets;
            for (it, made) in recipes(db, *slot).list.iter().zip(slot.made(db).iter()) {
                let intent = &assets[it.asset as usize].intent;
                if matches!(made.result, MadeResult::Panicked(_)) {
                    continue;
                }
                all.note_reads(&intent.place, read(&made.observations, &it.recipe.base, unclaimed));
            }
        }
        all
    }

    fn note_reads(&mut self, place: &RelPath, paths: Vec<RelPath>) {
        for path in paths {
            self.readers.entry(path).or_default().push(place.clone());
        }
    }
}

/// What is remembered of one asset: what its processor had to say, and what it read.
type Known = (Vec<Problem>, Vec<RelPath>);

/// Looks up what is remembered of every asset as it is today.
pub(super) fn remembered(
    pass: &Pass<'_>,
    state: &State,
    slots: &[Slot],
    unclaimed: &BTreeMap<RelPath, Unclaimed>,
) -> Remembered {
    let db = &state.db;
    let names = LazyNames::new(db);
    let workshop = pass.workshop();
    let (view, store) = (workshop.view(&names), &pass.session.store);
    // A database does not go from thread to thread; what is needed of it does.
    let of_slot = |slot: &Slot| {
        let assets = &validated(db, slot.bucket(db)).assets;
        recipes(db, *slot).list.iter().map(|it| (&*assets[it.asset as usize].intent, &it.recipe)).collect()
    };
    let all: Vec<Vec<(&Intent, &Recipe)>> = slots.iter().map(of_slot).collect();
    let known = pass.session.ws.parallel(all.len(), |nth| {
        let look = |(intent, recipe): &(&Intent, &Recipe)| -> Option<Known> {
            let trace = trace_of(store, &view, recipe)?;
            let problems = trace.findings.iter().map(|it| problem(&intent.place, &recipe.base, it)).collect();
            Some((problems, read(&trace.observations, &recipe.base, unclaimed)))
        };
        all[nth].iter().map(look).collect::<Vec<_>>()
    });
    let mut remembered = Remembered::default();
    for ((intent, _), known) in all.iter().flatten().zip(known.into_iter().flatten()) {
        match known {
            None => {
                remembered.untried.insert((intent.place.clone(), intent.part.clone()));
            }
            Some((problems, paths)) => {
                remembered.problems.extend(problems);
                remembered.note_reads(&intent.place, paths);
            }
        }
    }
    remembered
}

/// Returns the unclaimed files that a processor read.
fn read(asked: &[Observation], base: &RelPath, unclaimed: &BTreeMap<RelPath, Unclaimed>) -> Vec<RelPath> {
    let found = asked.iter().filter_map(|it| match it {
        Observation::Find { path, answer: FindAnswer::Source(..) } => base.join(path),
        _ => None,
    });
    found.filter(|it| unclaimed.contains_key(it)).collect()
}
