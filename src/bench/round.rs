//! One scenario once: floor, change, build, check, the other tool, and everything as it was.

use super::child::Built;
use super::copy::Copy;
use super::edit::Action;
use super::report::{Round, Row, Subject, Work};
use super::scenario::{Expect, Number, Pack, Plan, Scenario, Step};
use super::{Result, Stopped};
use crate::error::Error;
use crate::system::process::Usage;

/// What was measured so far.
#[derive(Default)]
pub struct Rows(Vec<Gathered>);

struct Gathered {
    subject: Subject,
    work: Work,
    rounds: Vec<Round>,
}

impl Rows {
    /// Returns how many rounds are complete.
    pub fn n_rounds(&self) -> usize {
        self.0.iter().map(|it| it.rounds.len()).min().unwrap_or(0)
    }

    /// Returns how far apart the wall times of the most restless row lie, as a share of their median.
    pub fn widest_spread(&self) -> f64 {
        let walls = |it: &Gathered| super::stats::Summary::of(it.rounds.iter().map(|it| it.wall_us));
        self.0.iter().filter_map(walls).map(|it| it.spread()).fold(0.0, f64::max)
    }

    /// Returns them summed up.
    pub fn into_rows(self) -> Vec<Row> {
        self.0.into_iter().filter_map(|it| Row::of(&it.subject, it.work, it.rounds)).collect()
    }

    fn add(&mut self, scenario: Scenario, step: &Step, work: Work, round: Round) {
        let row = match self.0.iter_mut().position(|it| it.subject.name == step.name) {
            Some(at) => &mut self.0[at],
            None => {
                let subject = Subject { name: step.name, scenario, title: step.title, floor: step.floor };
                self.0.push(Gathered { subject, work: Work::default(), rounds: Vec::new() });
                self.0.last_mut().expect("it was just added")
            }
        };
        row.work = work;
        row.rounds.push(round);
    }
}

/// Measures a plan, and makes the copy what it was.
///
/// # Errors
///
/// When a build does something else than the plan says, or something fails.
pub fn play(copy: &Copy<'_>, scenario: Scenario, plan: &Plan, rows: &mut Rows) -> Result<()> {
    for step in &plan.steps {
        let verified = copy.verifies() && rows.n_rounds() == 0;
        let floor = copy.floor(step.floor)?;
        let (usage, built) = build(copy, step, verified)?;
        let other = if scenario.is_for_others() { measure_other(copy, step)? } else { None };
        rows.add(scenario, step, built.work, round(usage, floor, other));
    }
    restore(copy, plan)?;
    // Its own state is only as settled as its last run.
    if plan.steps.iter().any(|it| it.actions.iter().any(Action::is_authored)) {
        copy.run_other()?;
    }
    Ok(())
}

/// Runs a plan without measuring, and says what came out otherwise than it says. The copy is as it was afterwards.
///
/// # Errors
///
/// When the copy cannot be made what it was, the user wants to stop, or the world refuses.
pub fn rehearse(copy: &Copy<'_>, scenario: Scenario, plan: &Plan) -> Result<Option<String>> {
    let mut problem = None;
    for step in &plan.steps {
        if problem.is_some() {
            // It may be what makes up for the step that failed: the removal of what was added.
            let _ = copy.apply(&step.actions);
            continue;
        }
        match build(copy, step, false) {
            Ok(_) => {}
            Err(Stopped::Refused(message)) => {
                let named = message.strip_prefix(scenario.name()).and_then(|it| it.strip_prefix(": "));
                problem = Some(named.unwrap_or(&message).to_owned());
            }
            Err(Stopped::World(error @ Error::Interrupted)) => return Err(error.into()),
            Err(Stopped::World(error)) => problem = Some(with_cause(&error)),
        }
    }
    match (restore(copy, plan), problem) {
        (Ok(()), problem) => Ok(problem),
        (Err(error), None) => Err(error),
        (Err(Stopped::Refused(error)), Some(problem)) => {
            Err(Stopped::Refused(format!("{}: {problem}; and then: {error}", scenario.name())))
        }
        (Err(error), Some(_)) => Err(error),
    }
}

fn with_cause(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Changes what a step changes, builds, and checks what the build did.
fn build(copy: &Copy<'_>, step: &Step, verified: bool) -> Result<(Usage, Built)> {
    let told = |message: String| Stopped::Refused(format!("{}: {message}", step.name));
    let in_checkout = step.actions.contains(&Action::Checkout);
    copy.apply(&step.actions)?;
    let (usage, built) = copy.build(in_checkout).map_err(|it| match it {
        Stopped::Refused(message) => told(message),
        other => other,
    })?;
    check(&step.expect, &built, &copy.first, &copy.settled).map_err(told)?;
    if verified && copy.digest_from_nothing(in_checkout)? != built.content_digest {
        return Err(told("the pack is not that of a build from nothing".to_owned()));
    }
    Ok((usage, built))
}

/// Measures the other tool on the same step, where there is one and the step means something to it.
fn measure_other(copy: &Copy<'_>, step: &Step) -> Result<Option<Usage>> {
    let Some((other, root)) = copy.other() else { return Ok(None) };
    if step.actions.contains(&Action::Forget) {
        let Some(clean) = &other.clean else { return Ok(None) };
        copy.children.shell(root, clean)?;
    }
    copy.children.timed_shell(root, &other.command).map(Some)
}

/// Makes the copy what it was, and makes sure of it.
fn restore(copy: &Copy<'_>, plan: &Plan) -> Result<()> {
    copy.apply(&plan.undo)?;
    let built = copy.settle()?;
    if (&built.content_digest, built.entries) == (&copy.settled.content_digest, copy.settled.entries) {
        return Ok(());
    }
    Err(Stopped::Refused("after the change was taken back, the pack is not what it was".to_owned()))
}

fn round(usage: Usage, floor: Usage, other: Option<Usage>) -> Round {
    let us = |ns: u64| ns / 1000;
    Round {
        wall_us: us(usage.wall_ns),
        cpu_us: usage.cpu_ns.map(us),
        peak_bytes: usage.peak_bytes,
        floor_wall_us: us(floor.wall_ns),
        floor_cpu_us: floor.cpu_ns.map(us),
        vs_wall_us: other.map(|it| us(it.wall_ns)),
        vs_cpu_us: other.and_then(|it| it.cpu_ns).map(us),
    }
}

/// Says what a build did otherwise than expected, as seen from the first build of all and the settled one.
fn check(expect: &Expect, built: &Built, first: &Built, settled: &Built) -> std::result::Result<(), String> {
    let Expect { outcomes, more_entries, digested, processed, pack } = expect;
    if !outcomes.contains(&built.outcome.as_str()) {
        return Err(format!("the build ended `{}`, expected was `{}`", built.outcome, outcomes.join("` or `")));
    }
    // With several packs an asset may be in each, or in none.
    let is_only = built.packs.len() < 2;
    let entries = settled.entries + more_entries;
    if is_only && built.entries != entries {
        return Err(format!("the pack has {} assets, expected were {entries}", built.entries));
    }
    number("sources read", *digested, built.work.digested, first.work.digested)?;
    let (of_first, found) = match processed {
        // One of two equal assets may have found what the other had just made.
        Number::AsFirst => (made(first), made(built)),
        _ => (0, built.work.processed),
    };
    number("processors run", *processed, found, of_first)?;
    let is_same = built.content_digest == settled.content_digest;
    match pack {
        Pack::Same if !is_same => Err("the pack is another one than before".to_owned()),
        Pack::Other if is_same && is_only => Err("the pack is the same as before".to_owned()),
        _ => Ok(()),
    }
}

fn made(built: &Built) -> u64 {
    built.work.processed + built.work.reused
}

fn number(what: &str, expected: Number, found: u64, of_first: u64) -> std::result::Result<(), String> {
    let (is_met, words) = match expected {
        Number::Any => (true, String::new()),
        Number::Exactly(n) => (found == n, format!("{n}")),
        Number::AsFirst => (found == of_first, format!("{of_first}, as in the first build")),
        Number::AtLeast(n) => (found >= n, format!("at least {n}")),
    };
    if is_met { Ok(()) } else { Err(format!("{what}: {found}, expected: {words}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built(outcome: &str, digest: &str, entries: u64, digested: u64, processed: u64) -> Built {
        let work = Work { sources: 10, digested, processed, ..Work::default() };
        Built { outcome: outcome.to_owned(), content_digest: Some(digest.to_owned()), entries, packs: Vec::new(), work }
    }

    #[test]
    fn a_build_that_did_something_else_is_no_figure() {
        let first = built("written", "a", 9, 10, 9);
        let settled = built("up_to_date", "a", 9, 0, 0);
        let expect = Expect {
            outcomes: &["written", "unchanged"],
            more_entries: 1,
            digested: Number::Exactly(1),
            processed: Number::AtLeast(1),
            pack: Pack::Other,
        };
        let of = |expect: &Expect, it: Built| check(expect, &it, &first, &settled).err().unwrap_or_default() + "\n";
        let clean = Expect {
            more_entries: 0,
            digested: Number::AsFirst,
            processed: Number::AsFirst,
            pack: Pack::Same,
            ..expect.clone()
        };
        let told = [
            of(&expect, built("written", "b", 10, 1, 2)),
            of(&expect, built("up_to_date", "b", 10, 1, 2)),
            of(&expect, built("written", "b", 9, 1, 2)),
            of(&expect, built("written", "b", 10, 2, 2)),
            of(&expect, built("written", "b", 10, 1, 0)),
            of(&expect, built("written", "a", 10, 1, 1)),
            of(&clean, built("written", "a", 9, 10, 9)),
            of(&clean, built("written", "a", 9, 9, 9)),
            of(&clean, built("written", "a", 9, 10, 8)),
            of(&clean, built("written", "b", 9, 10, 9)),
        ];
        expect_test::expect![[r#"

            the build ended `up_to_date`, expected was `written` or `unchanged`
            the pack has 9 assets, expected were 10
            sources read: 2, expected: 1
            processors run: 0, expected: at least 1
            the pack is the same as before

            sources read: 9, expected: 10, as in the first build
            processors run: 8, expected: 9, as in the first build
            the pack is another one than before
        "#]]
        .assert_eq(&told.concat());
    }
}
