//! Comparison with an earlier report: whether something has become slower.
//!
//! What is compared are ratios to the floor of the same round, which vary less from day to day and from machine to
//! machine than times do; only reports of the same case are compared at all.

use super::report::{Report, Row};

/// How far the number of sources of a workspace may have moved between two reports of it, as a share.
const DRIFT: f64 = 0.1;

/// Which ratio is compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum By {
    /// Wall time
    #[default]
    Wall,
    /// Processor time, where others share the machine
    Cpu,
}

/// One row beside the same one of earlier.
#[derive(Clone, PartialEq, Debug)]
pub struct Compared {
    /// Its name.
    pub name: String,
    /// The ratio of earlier.
    pub before: f64,
    /// The ratio of now.
    pub now: f64,
    /// Whether it is slower than allowed.
    pub failed: bool,
}

impl Compared {
    /// Returns how many times the ratio of earlier that of now is.
    pub fn change(&self) -> f64 {
        self.now / self.before
    }
}

/// Returns the rows that both reports have, beside each other: a ratio may be `allowed` times what it was.
///
/// # Errors
///
/// Why the two cannot be compared.
pub fn compare(before: &Report, now: &Report, by: By, allowed: f64) -> Result<Vec<Compared>, String> {
    comparable(before, now)?;
    let compared = |row: &Row| {
        let earlier = before.rows.iter().find(|it| it.name == row.name)?;
        let (before, now) = (ratio(earlier, by)?, ratio(row, by)?);
        Some(Compared { name: row.name.clone(), before, now, failed: now > before * allowed })
    };
    let rows: Vec<Compared> = now.rows.iter().filter_map(compared).collect();
    if rows.is_empty() { Err("the two have no scenario in common".to_owned()) } else { Ok(rows) }
}

fn ratio(row: &Row, by: By) -> Option<f64> {
    let ratio = match by {
        By::Wall => row.wall_ratio,
        By::Cpu => row.cpu_ratio,
    };
    ratio.filter(|it| *it > 0.0)
}

/// Says why two reports are not of the same case; what was measured does not matter.
///
/// # Errors
///
/// In words that follow "the baseline cannot be compared:".
pub fn comparable(before: &Report, now: &Report) -> Result<(), String> {
    let (was, is) = (&before.workspace, &now.workspace);
    let differs = |what: &str, was: &dyn std::fmt::Display, is: &dyn std::fmt::Display| {
        Err(format!("it was taken with {what} {was}, this is {is}"))
    };
    if was.generated != is.generated || was.workspace != is.workspace {
        return Err(match (&was.generated, &is.generated) {
            (Some(was), Some(is)) => format!("it was taken of {}, this is of {}", describe(was), describe(is)),
            _ => "it was taken of another workspace".to_owned(),
        });
    }
    if was.seed != is.seed {
        return differs("seed", &was.seed, &is.seed);
    }
    if (was.sources as f64 - is.sources as f64).abs() > was.sources as f64 * DRIFT {
        return Err(format!(
            "the workspace had {} sources then and has {} now; take a new one",
            was.sources, is.sources
        ));
    }
    if before.debug != now.debug {
        let word = |debug| if debug { "debug" } else { "release" };
        return differs("a build of kind", &word(before.debug), &word(now.debug));
    }
    if before.profile != now.profile {
        return differs("profile", &before.profile, &now.profile);
    }
    if before.jobs != now.jobs {
        return differs("--jobs", &before.jobs, &now.jobs);
    }
    if before.machine.os != now.machine.os {
        return differs("system", &before.machine.os, &now.machine.os);
    }
    if before.machine.cores != now.machine.cores {
        return differs("a number of cores of", &before.machine.cores, &now.machine.cores);
    }
    Ok(())
}

fn describe(spec: &super::generate::Spec) -> String {
    format!("{} assets ({:?}, {}, seed {})", spec.assets, spec.shape, spec.sizes, spec.seed).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::super::report::testing::{report, row};
    use super::super::scenario::Scenario;
    use super::*;

    fn null(wall: u64) -> Report {
        report(vec![row(Scenario::Null, &[(wall, 100, None)]), row(Scenario::Clean, &[(500, 100, None)])])
    }

    #[test]
    fn what_is_slower_than_allowed_fails() {
        let failed = |wall: u64| -> Vec<bool> {
            let rows = compare(&null(200), &null(wall), By::Wall, 1.1).expect("the same case");
            rows.iter().map(|it| it.failed).collect()
        };
        assert_eq!(failed(100), [false, false]);
        assert_eq!(failed(219), [false, false]);
        assert_eq!(failed(221), [true, false]);
        let rows = compare(&null(200), &null(300), By::Cpu, 1.1).expect("the same case");
        assert_eq!((rows[0].before, rows[0].now, rows[0].change()), (4.0, 6.0, 1.5));
    }

    #[test]
    fn only_what_both_have_is_compared() {
        let one = report(vec![row(Scenario::Null, &[(1, 1, None)])]);
        assert_eq!(compare(&null(1), &one, By::Wall, 1.0).expect("one in common").len(), 1);
        let other = report(vec![row(Scenario::Ci, &[(1, 1, None)])]);
        assert!(compare(&one, &other, By::Wall, 1.0).is_err());
        let without_floor = report(vec![row(Scenario::Null, &[(1, 0, None)])]);
        assert!(compare(&without_floor, &one, By::Wall, 1.0).is_err());
    }

    #[test]
    fn other_cases_are_refused() {
        let refused = |change: fn(&mut Report)| {
            let mut other = null(200);
            change(&mut other);
            compare(&other, &null(200), By::Wall, 1.1).expect_err("another case")
        };
        let messages = [
            refused(|it| it.workspace.generated.as_mut().expect("it is").assets = 7),
            refused(|it| it.workspace.generated = None),
            refused(|it| it.workspace.seed = 8),
            refused(|it| it.workspace.sources = 200),
            refused(|it| it.debug = true),
            refused(|it| it.profile = "release".to_owned()),
            refused(|it| it.jobs = 1),
            refused(|it| it.machine.os = "macos".to_owned()),
            refused(|it| it.machine.cores = 64),
        ];
        expect_test::expect![[r#"
            it was taken of 7 assets (mixed, 1k-4k, seed 7), this is of 100 assets (mixed, 1k-4k, seed 7)
            it was taken of another workspace
            it was taken with seed 8, this is 7
            the workspace had 200 sources then and has 110 now; take a new one
            it was taken with a build of kind debug, this is release
            it was taken with profile release, this is dev
            it was taken with --jobs 1, this is 2
            it was taken with system macos, this is linux
            it was taken with a number of cores of 64, this is 2
        "#]]
        .assert_eq(&messages.map(|it| it + "\n").concat());
    }
}
