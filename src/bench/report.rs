//! What was measured, as a document: for programs, for charts, and to be compared with later.
//!
//! Times are microseconds, sizes bytes. Nothing here names a person, a host or a directory.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::floor::Floor;
use super::generate::Spec;
use super::scenario::Scenario;
use super::stats::{Summary, median_ratio};
use crate::model::AssetUuid;

/// A whole run.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The version of packwright that was measured.
    pub packwright: String,
    /// Whether it was built without optimization: then its figures say little.
    pub debug: bool,
    /// Where it ran.
    pub machine: Machine,
    /// On what.
    pub workspace: WorkspaceEntry,
    /// The profile that was built.
    pub profile: String,
    /// How many threads a build used.
    pub jobs: u64,
    /// How many rounds were run.
    pub rounds: u64,
    /// Why there were no more.
    pub ended: Ended,
    /// The command of the other tool, where there was one.
    pub vs: Option<String>,
    /// What was measured, in order.
    pub rows: Vec<Row>,
    /// What was asked for and could not be measured.
    pub skipped: Vec<Skipped>,
}

/// The machine that it ran on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Machine {
    /// The operating system.
    pub os: String,
    /// The architecture of the processor.
    pub arch: String,
    /// How many threads can run at once.
    pub cores: u64,
    /// The model of the processor, where the system says it.
    pub processor: Option<String>,
    /// The version of the kernel, likewise.
    pub kernel: Option<String>,
    /// The file system that the copy lay on, likewise.
    pub file_system: Option<String>,
    /// How busy the machine was before anything was measured, likewise: a hundred is one core, over the last minute.
    pub load_percent: Option<u64>,
}

/// The workspace that was copied or generated.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct WorkspaceEntry {
    /// Its uuid.
    #[schemars(with = "String")]
    pub workspace: AssetUuid,
    /// What was wished of it; absent for one that was there.
    pub generated: Option<Spec>,
    /// What the edits were chosen by.
    pub seed: u64,
    /// Number of assets in the pack.
    pub assets: u64,
    /// Number of sources.
    pub sources: u64,
    /// Number of directories that hold them.
    pub directories: u64,
    /// Length of all sources.
    pub source_bytes: u64,
    /// Length of all that a build writes.
    pub output_bytes: u64,
}

/// Why a run ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// So many rounds were asked for.
    Rounds,
    /// The figures lay close enough together.
    Spread,
    /// The time was used up.
    Budget,
}

/// One kind of build over all rounds.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// The scenario that it belongs to.
    pub scenario: Scenario,
    /// What people read.
    pub title: String,
    /// From the start of the process to its end.
    pub wall_us: Summary,
    /// User and system time of the process.
    pub cpu_us: Option<Summary>,
    /// Peak resident memory of the process, the most of all rounds.
    pub peak_bytes: Option<u64>,
    /// What it is held against.
    pub floor: FloorEntry,
    /// Wall time over that of the floor of the same round: the median of all rounds.
    pub wall_ratio: Option<f64>,
    /// The same of processor time.
    pub cpu_ratio: Option<f64>,
    /// The other tool on the same edits.
    pub vs: Option<VsEntry>,
    /// What the build of the last round did; a build that did something else than expected ends the run.
    pub work: Work,
    /// The figures of each round.
    pub rounds: Vec<Round>,
}

/// The least that any program must do.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct FloorEntry {
    /// Which.
    pub name: Floor,
    /// From the start of the process to its end.
    pub wall_us: Summary,
    /// User and system time of the process.
    pub cpu_us: Option<Summary>,
}

/// Another tool.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct VsEntry {
    /// From the start of its shell to its end.
    pub wall_us: Summary,
    /// User and system time of it and of all that it waited for.
    pub cpu_us: Option<Summary>,
    /// Its wall time over that of packwright in the same round: the median of all rounds.
    pub wall_ratio: Option<f64>,
    /// The same of processor time.
    pub cpu_ratio: Option<f64>,
}

/// One round.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Round {
    /// Wall time of the build.
    pub wall_us: u64,
    /// Its processor time.
    pub cpu_us: Option<u64>,
    /// Its peak memory.
    pub peak_bytes: Option<u64>,
    /// Wall time of the floor.
    pub floor_wall_us: u64,
    /// Its processor time.
    pub floor_cpu_us: Option<u64>,
    /// Wall time of the other tool.
    pub vs_wall_us: Option<u64>,
    /// Its processor time.
    pub vs_cpu_us: Option<u64>,
}

/// What a build did, in numbers.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Work {
    /// Sources.
    pub sources: u64,
    /// Sources read and digested.
    pub digested: u64,
    /// Buckets of sources that differ from what was known.
    pub buckets_moved: u64,
    /// Queries executed.
    pub queries: u64,
    /// Processors run.
    pub processed: u64,
    /// Recipes for which a stored trace held.
    pub reused: u64,
    /// Files of the pack written.
    pub pack_files_written: u64,
    /// Calls of the file system.
    pub files: Files,
}

/// Calls of the file system.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Files {
    /// Stamps taken of a path.
    pub stats: u64,
    /// Directories listed.
    pub lists: u64,
    /// Files opened for reading.
    pub opens: u64,
    /// Bytes read.
    pub bytes_read: u64,
    /// Bytes written.
    pub bytes_written: u64,
    /// Files and directories synced.
    pub syncs: u64,
}

/// A scenario that was not measured.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Skipped {
    /// Which.
    pub scenario: Scenario,
    /// Why not.
    pub reason: String,
}

/// What a row is about.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its name.
    pub name: &'static str,
    /// The scenario that it belongs to.
    pub scenario: Scenario,
    /// What people read.
    pub title: &'static str,
    /// What it is held against.
    pub floor: Floor,
}

impl Row {
    /// Returns the row of these rounds, `None` where there is none.
    pub fn of(subject: &Subject, work: Work, rounds: Vec<Round>) -> Option<Self> {
        let all = |of: fn(&Round) -> Option<u64>| Summary::of(rounds.iter().filter_map(of));
        let ratio = |above: fn(&Round) -> Option<u64>, below: fn(&Round) -> Option<u64>| {
            median_ratio(rounds.iter().filter_map(|it| above(it).zip(below(it))))
        };
        let floor_wall: fn(&Round) -> Option<u64> = |it| Some(it.floor_wall_us);
        let wall: fn(&Round) -> Option<u64> = |it| Some(it.wall_us);
        Some(Self {
            name: subject.name.to_owned(),
            scenario: subject.scenario,
            title: subject.title.to_owned(),
            wall_us: all(wall)?,
            cpu_us: all(|it| it.cpu_us),
            peak_bytes: rounds.iter().filter_map(|it| it.peak_bytes).max(),
            floor: FloorEntry { name: subject.floor, wall_us: all(floor_wall)?, cpu_us: all(|it| it.floor_cpu_us) },
            wall_ratio: ratio(wall, floor_wall),
            cpu_ratio: ratio(|it| it.cpu_us, |it| it.floor_cpu_us),
            vs: all(|it| it.vs_wall_us).map(|wall_us| VsEntry {
                wall_us,
                cpu_us: all(|it| it.vs_cpu_us),
                wall_ratio: ratio(|it| it.vs_wall_us, wall),
                cpu_ratio: ratio(|it| it.vs_cpu_us, |it| it.cpu_us),
            }),
            work,
            rounds,
        })
    }
}

/// Reports for tests.
#[cfg(test)]
pub mod testing {
    use super::*;
    use crate::bench::generate::{Shape, Sizes};

    /// Returns a row of these rounds: wall time of build and floor, and of another tool.
    pub fn row(scenario: Scenario, rounds: &[(u64, u64, Option<u64>)]) -> Row {
        let subject = Subject { name: scenario.name(), scenario, title: scenario.name(), floor: Floor::Stat };
        let round = |&(wall_us, floor_wall_us, vs_wall_us): &(u64, u64, Option<u64>)| Round {
            wall_us,
            cpu_us: Some(wall_us),
            peak_bytes: Some(1 << 20),
            floor_wall_us,
            floor_cpu_us: Some(floor_wall_us / 2),
            vs_wall_us,
            vs_cpu_us: None,
        };
        Row::of(&subject, Work::default(), rounds.iter().map(round).collect()).expect("there are rounds")
    }

    /// Returns a report of these rows.
    pub fn report(rows: Vec<Row>) -> Report {
        Report {
            packwright: "0.1.0".to_owned(),
            debug: false,
            machine: Machine {
                os: "linux".to_owned(),
                arch: "x86_64".to_owned(),
                cores: 2,
                processor: Some("A <fast> one".to_owned()),
                kernel: None,
                file_system: Some("ext4".to_owned()),
                load_percent: Some(150),
            },
            workspace: WorkspaceEntry {
                workspace: AssetUuid([7; 16]),
                generated: Some(Spec { assets: 100, shape: Shape::Mixed, sizes: Sizes::default(), seed: 7 }),
                seed: 7,
                assets: 100,
                sources: 110,
                directories: 12,
                source_bytes: 1 << 20,
                output_bytes: 1 << 20,
            },
            profile: "dev".to_owned(),
            jobs: 2,
            rounds: rows.first().map_or(0, |it| it.rounds.len() as u64),
            ended: Ended::Rounds,
            vs: None,
            rows,
            skipped: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_sums_up_its_rounds() {
        let row = testing::row(Scenario::Null, &[(20, 10, Some(100)), (90, 30, Some(180)), (30, 10, Some(120))]);
        assert_eq!((row.wall_us.median, row.wall_us.min, row.wall_us.max), (30, 20, 90));
        assert_eq!((row.wall_ratio, row.cpu_ratio), (Some(3.0), Some(6.0)));
        let vs = row.vs.expect("it was measured");
        assert_eq!((vs.wall_us.median, vs.wall_ratio, vs.cpu_ratio), (120, Some(4.0), None));
        assert_eq!(testing::row(Scenario::Null, &[(1, 1, None)]).vs, None);
    }

    #[test]
    fn a_report_can_be_read_again() {
        let report = testing::report(vec![testing::row(Scenario::EditSome, &[(20, 10, Some(100)), (25, 12, None)])]);
        let text = serde_json::to_string(&report).expect("it has only string keys");
        assert_eq!(serde_json::from_str::<Report>(&text).expect("its own form"), report);
    }
}
