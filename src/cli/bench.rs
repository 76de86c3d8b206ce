//! `packwright bench`: how long rebuilds take, and how far that is from what the machine can do.

use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use schemars::JsonSchema;
use serde::Serialize;

use super::exit::Exit;
use super::json::{Format, Version};
use super::open::{self, shown};
use super::table::table;
use super::words::{clean, count, size};
use super::{Context, failed, refused};
use crate::bench::baseline::{self, By, Compared};
use crate::bench::chart::{self, duration};
use crate::bench::floor::Floor;
use crate::bench::generate::{Shape, Sizes, Spec};
use crate::bench::report::{Ended, Report, Row};
use crate::bench::scenario::{self, Scenario};
use crate::bench::{self, Limits, Other, Setup, Source, Stopped};
use crate::error::{Error, IoContext, Result};
use crate::system::FsTime;

/// The largest report of earlier that is read, in bytes.
const LARGEST_BASELINE: u64 = 64 << 20;
/// A machine is busy where, before anything is measured, so much of each core was used.
const BUSY_PERCENT: u64 = 50;
/// The form of a report that can be compared with.
const BASELINE_VERSION: u64 = 1;

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// Measure on a generated workspace of N assets in place of this one
    #[arg(long, value_name = "N", help_heading = WORKSPACE, value_parser = assets)]
    generate: Option<usize>,
    /// How its assets are declared and lie in directories
    #[arg(long, value_enum, default_value_t, requires = "generate", help_heading = WORKSPACE)]
    shape: Shape,
    /// How long its payloads are: 2k, or 1k-4M
    #[arg(long, value_name = "BYTES", default_value_t, requires = "generate", help_heading = WORKSPACE)]
    size: Sizes,
    /// What its bytes come from, and what edits are chosen by
    #[arg(long, value_name = "N", default_value_t = 7, help_heading = WORKSPACE)]
    seed: u64,
    /// Where the copy is made [default: a temporary directory on the workspace's file system]
    #[arg(long, value_name = "DIR", help_heading = WORKSPACE)]
    dir: Option<PathBuf>,
    /// The profile to build
    #[arg(short, long, default_value = "dev")]
    profile: String,
    /// How many threads to use [default: one for each core]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    jobs: Option<u16>,
    /// What to measure, several with commas between them [default: everything]
    #[arg(short, long, value_enum, value_name = "NAME", value_delimiter = ',')]
    scenario: Vec<Scenario>,
    /// Run just so many rounds [default: until the figures lie close together]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: Option<u32>,
    /// Begin no round after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 120, conflicts_with = "rounds")]
    budget: u64,
    /// Hold every pack of the first round against that of a build that trusts nothing
    #[arg(long)]
    verify: bool,
    /// Measure another tool on the same edits: a command for the shell, run in a copy of its own
    #[arg(long, value_name = "COMMAND", help_heading = COMPARISON)]
    vs: Option<String>,
    /// What removes the other tool's outputs and memory; without it, it has no clean build
    #[arg(long, value_name = "COMMAND", requires = "vs", help_heading = COMPARISON)]
    vs_clean: Option<String>,
    /// Compare with an earlier document of --format json
    #[arg(long, value_name = "FILE", help_heading = COMPARISON)]
    baseline: Option<PathBuf>,
    /// How many times its earlier ratio to the floor a scenario may have
    #[arg(long, value_name = "FACTOR", default_value_t = 1.10, requires = "baseline", help_heading = COMPARISON)]
    #[arg(value_parser = factor)]
    fail_above: f64,
    /// Which ratio is compared
    #[arg(long, value_enum, value_name = "TIME", default_value_t, requires = "baseline", help_heading = COMPARISON)]
    by: By,
    /// Draw a chart, too
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// How the result is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: Format,
}

const WORKSPACE: &str = "Workspace";
const COMPARISON: &str = "Comparison";

fn assets(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(n @ 1..=10_000_000) => Ok(n),
        _ => Err("a number from 1 to 10000000 is expected".to_owned()),
    }
}

fn factor(text: &str) -> std::result::Result<f64, String> {
    match text.parse() {
        Ok(factor) if (0.01..=1000.0).contains(&factor) => Ok(factor),
        _ => Err("a number like 1.10 is expected".to_owned()),
    }
}

/// What was measured.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "packwright bench --format json")]
pub struct BenchDocument {
    /// Version of this form.
    version: Version,
    #[serde(flatten)]
    report: Report,
}

pub fn run(cx: &Context, arguments: &Arguments) -> Result<Exit> {
    let source = match arguments.generate {
        Some(assets) => {
            let Arguments { shape, size, seed, .. } = *arguments;
            Source::Generated(Spec { assets, shape, sizes: size, seed })
        }
        None => Source::Workspace(open::find(cx)?.root),
    };
    let baseline = arguments.baseline.as_ref().map(|it| read_baseline(cx, &cx.base.join(it))).transpose()?;
    let parent = parent(cx, arguments, &source)?;
    let exe = std::env::current_exe().context("find", Path::new("packwright"))?;
    cx.console.say(format_args!("measuring on {} in {}", describe(&source), shown(&parent)));
    let line = Line::new(cx);
    let setup = Setup {
        disk: cx.disk.clone(),
        stop: cx.stop.clone(),
        tell: &|text| line.tell(cx, text),
        exe,
        parent,
        source,
        profile: arguments.profile.clone(),
        jobs: arguments.jobs.map(usize::from),
        scenarios: scenarios(&arguments.scenario),
        limits: Limits {
            rounds: arguments.rounds.map(|it| it as usize),
            budget: Duration::from_secs(arguments.budget),
        },
        seed: arguments.seed,
        verify: arguments.verify,
        vs: arguments.vs.clone().map(|command| Other { command, clean: arguments.vs_clean.clone() }),
        baseline,
    };
    let outcome = bench::run(&setup);
    line.clear();
    let report = match outcome {
        Ok(report) => report,
        Err(Stopped::World(error)) => return Ok(failed(&cx.console, arguments.format, None, &error, None)),
        Err(Stopped::Refused(message)) => return Ok(refuse(cx, arguments, &message)),
    };
    tell(cx, arguments, &report)?;
    match &setup.baseline {
        Some(before) => Ok(judge(cx, arguments, before, &report)),
        None => Ok(Exit::Done),
    }
}

/// Ends with what went wrong; what a child said of it follows line by line.
fn refuse(cx: &Context, arguments: &Arguments, message: &str) -> Exit {
    let (first, rest) = message.split_once('\n').unwrap_or((message, ""));
    let exit = refused(&cx.console, arguments.format, first);
    rest.lines().for_each(|it| cx.console.insist(clean(it)));
    exit
}

fn describe(source: &Source) -> &'static str {
    match source {
        Source::Workspace(_) => "a copy of this workspace",
        Source::Generated(_) => "a generated workspace",
    }
}

/// Returns what was asked for in the usual order, each once; everything where nothing was.
fn scenarios(asked: &[Scenario]) -> Vec<Scenario> {
    scenario::ALL.into_iter().filter(|it| asked.is_empty() || asked.contains(it)).collect()
}

/// Returns the directory in which everything happens: where it was said, or else on the file system of the workspace,
/// since another one may be many times faster or slower.
fn parent(cx: &Context, arguments: &Arguments, source: &Source) -> Result<PathBuf> {
    let near = match source {
        Source::Workspace(root) => root,
        Source::Generated(_) => &cx.base,
    };
    if let Some(given) = &arguments.dir {
        let dir = cx.disk.canonicalize(&cx.base.join(given)).context("use", given)?;
        if matches!(source, Source::Workspace(root) if dir.starts_with(root)) {
            return Err(Error::Usage(format!("`{}` lies in the workspace; choose a directory outside", shown(&dir))));
        }
        return Ok(dir);
    }
    let temporary = cx.disk.canonicalize(&std::env::temp_dir()).unwrap_or_else(|_| cx.base.clone());
    let device = |dir: &Path| cx.disk.stat(dir).ok().map(|it| it.device).filter(|it| *it != 0);
    let is_inside = matches!(source, Source::Workspace(root) if temporary.starts_with(root));
    if !is_inside && device(&temporary).is_some_and(|it| Some(it) == device(near)) {
        return Ok(temporary);
    }
    let beside = match source {
        Source::Workspace(root) => root.parent().unwrap_or(root).to_owned(),
        Source::Generated(_) => cx.base.clone(),
    };
    if cx.disk.now(&beside) != FsTime::UNKNOWN && device(&beside) == device(near) {
        return Ok(beside);
    }
    cx.console.warn("nothing can be written beside the workspace; another file system may be faster or slower");
    Ok(temporary)
}

fn read_baseline(cx: &Context, path: &Path) -> Result<Report> {
    let bytes = cx.disk.read(path, LARGEST_BASELINE).context("read", path)?;
    let refused = |why: String| Error::Usage(format!("`{}` is no report to compare with: {why}", shown(path)));
    let document: serde_json::Value = serde_json::from_slice(&bytes).map_err(|it| refused(it.to_string()))?;
    if document["version"] != BASELINE_VERSION {
        return Err(refused("its version is not 1".to_owned()));
    }
    serde_json::from_value(document).map_err(|it| refused(it.to_string()))
}

/// A line on the terminal that says what is being done.
struct Line(Option<ProgressBar>);

impl Line {
    fn new(cx: &Context) -> Self {
        let is_wanted = cx.console.is_terminal() && !cx.console.is_quiet();
        Self(is_wanted.then(|| {
            let style = ProgressStyle::with_template("{elapsed} {msg}").expect("the template is well-formed");
            ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_style(style)
        }))
    }

    fn tell(&self, cx: &Context, text: &str) {
        match &self.0 {
            Some(bar) => {
                bar.set_message(text.to_owned());
                bar.tick();
            }
            None if cx.console.verbose > 0 => cx.console.say(text),
            None => {}
        }
    }

    fn clear(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

fn tell(cx: &Context, arguments: &Arguments, report: &Report) -> Result<()> {
    if let Some(path) = &arguments.svg {
        let path = cx.base.join(path);
        let _ = cx.disk.remove_file(&path);
        cx.disk.write_new(&path, chart::draw(report).as_bytes()).context("write", &path)?;
    }
    if arguments.format == Format::Json {
        return cx.console.print_json(&BenchDocument { version: Version, report: report.clone() });
    }
    cx.console.print(&in_words(report))
}

/// Returns a report for people, no line longer than a hundred characters or so.
fn in_words(report: &Report) -> String {
    let mut text = format!("{}\n{}\n\n", headline(report), circumstances(report));
    let null = report.rows.iter().find(|it| it.scenario == Scenario::Null);
    let header = ["", "wall", "spread", "cpu", "peak", "floor", "wall/floor", "cpu/floor", "over null"];
    let rows = report.rows.iter().map(|it| cells(it, null));
    text += &trimmed(&table(std::iter::once(header.map(str::to_owned)).chain(rows), &[1, 2, 3, 4, 5, 6, 7, 8]));
    if let Some(command) = report.vs.as_ref().filter(|_| report.rows.iter().any(|it| it.vs.is_some())) {
        text += &format!("\n`{}` on the same edits\n\n", clean(command));
        let header = ["", "wall", "spread", "cpu", "packwright", "times wall", "times cpu"];
        let rows = report.rows.iter().filter_map(other_cells);
        text += &table(std::iter::once(header.map(str::to_owned)).chain(rows), &[1, 2, 3, 4, 5, 6]);
    }
    if !report.skipped.is_empty() {
        text.push('\n');
    }
    for it in &report.skipped {
        text += &format!("skipped {}: {}\n", it.scenario.name(), clean(&it.reason));
    }
    text
}

/// Returns lines without the blanks at their ends that empty cells leave.
fn trimmed(text: &str) -> String {
    text.lines().flat_map(|it| [it.trim_end(), "\n"]).collect()
}

fn headline(report: &Report) -> String {
    let it = &report.workspace;
    let what = if it.generated.is_some() { "generated, " } else { "" };
    format!(
        "{what}{}, {} ({}) in {}, profile {}",
        count(it.assets, "asset"),
        count(it.sources, "source"),
        size(it.source_bytes),
        if it.directories == 1 { "1 directory".to_owned() } else { format!("{} directories", it.directories) },
        clean(&report.profile),
    )
}

fn circumstances(report: &Report) -> String {
    let ended = match report.ended {
        Ended::Rounds => "",
        Ended::Spread => " (until the spread was small)",
        Ended::Budget => " (until the time was used up)",
    };
    let machine = &report.machine;
    let mut parts = vec![format!("{}{ended}", count(report.rounds, "round")), count(machine.cores, "core")];
    parts.extend(machine.processor.as_deref().map(clean));
    parts.extend(machine.file_system.as_deref().map(clean));
    parts.push(format!("packwright {}", clean(&report.packwright)));
    let mut text = parts.join(", ");
    if report.debug {
        text += "\nthis packwright was built without optimization: its figures say little";
    }
    if let Some(load) = machine.load_percent.filter(|it| *it > machine.cores * BUSY_PERCENT) {
        let (whole, rest) = (load / 100, load % 100);
        text += &format!("\nthe machine was busy before (load {whole}.{rest:02}): trust cpu/floor, not wall");
    }
    text
}

fn cells(row: &Row, null: Option<&Row>) -> [String; 9] {
    let ratio = |it: Option<f64>| it.map_or_else(|| "-".to_owned(), |it| format!("{it:.2}"));
    let over = null.filter(|null| row.floor.name == Floor::Stat && row.name != null.name).map(|null| {
        let (wall, null) = (row.wall_us.median, null.wall_us.median);
        let sign = if wall < null { "-" } else { "+" };
        format!("{sign}{}", duration(wall.abs_diff(null)))
    });
    [
        row.title.clone(),
        duration(row.wall_us.median),
        format!("{:.0}%", row.wall_us.spread() * 100.0),
        row.cpu_us.map_or_else(|| "-".to_owned(), |it| duration(it.median)),
        row.peak_bytes.map_or_else(|| "-".to_owned(), |it| format!("{} MiB", it.div_ceil(1 << 20))),
        duration(row.floor.wall_us.median),
        ratio(row.wall_ratio),
        ratio(row.cpu_ratio),
        over.unwrap_or_default(),
    ]
}

fn other_cells(row: &Row) -> Option<[String; 7]> {
    let vs = row.vs.as_ref()?;
    let ratio = |it: Option<f64>| it.map_or_else(|| "-".to_owned(), |it| format!("{it:.2}"));
    Some([
        row.title.clone(),
        duration(vs.wall_us.median),
        format!("{:.0}%", vs.wall_us.spread() * 100.0),
        vs.cpu_us.map_or_else(|| "-".to_owned(), |it| duration(it.median)),
        duration(row.wall_us.median),
        ratio(vs.wall_ratio),
        ratio(vs.cpu_ratio),
    ])
}

/// Tells how the ratios lie beside those of earlier. On stderr: stdout holds the document, or the table.
fn judge(cx: &Context, arguments: &Arguments, before: &Report, now: &Report) -> Exit {
    let rows = match baseline::compare(before, now, arguments.by, arguments.fail_above) {
        Ok(rows) => rows,
        Err(why) => {
            cx.console.error(format_args!("the baseline cannot be compared: {}", clean(&why)));
            return Exit::No;
        }
    };
    let cells = |it: &Compared| {
        [
            clean(&it.name),
            format!("{:.2}", it.before),
            format!("{:.2}", it.now),
            format!("{:.2}", it.change()),
            if it.failed { "slower than allowed" } else { "" }.to_owned(),
        ]
    };
    let header = ["", "before", "now", "times", ""].map(str::to_owned);
    let text = trimmed(&table(std::iter::once(header).chain(rows.iter().map(cells)), &[1, 2, 3]));
    cx.console.say(format_args!("\nratios to the floor\n{text}"));
    for it in rows.iter().filter(|it| it.failed) {
        let allowed = arguments.fail_above;
        cx.console.error(format_args!(
            "`{}` has {:.2} times its earlier ratio to the floor; {allowed:.2} times are allowed",
            clean(&it.name),
            it.change()
        ));
    }
    if rows.iter().any(|it| it.failed) { Exit::No } else { Exit::Done }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::report::Skipped;
    use crate::bench::report::testing::{report, row};

    #[test]
    fn a_report_in_words() {
        let rows = vec![
            row(Scenario::Null, &[(27_200, 12_500, Some(96_000)), (28_000, 12_700, Some(99_000))]),
            row(Scenario::Edit, &[(77_500, 17_000, None), (74_000, 16_000, None)]),
        ];
        let reason = "no asset has a declaration of its own".to_owned();
        let skipped = vec![Skipped { scenario: Scenario::EditDeclaration, reason }];
        let report = Report { vs: Some("ninja".to_owned()), skipped, ..report(rows) };
        expect_test::expect![[r#"
            generated, 100 assets, 110 sources (1.0 MiB) in 12 directories, profile dev
            2 rounds, 2 cores, A <fast> one, ext4, packwright 0.1.0
            the machine was busy before (load 1.50): trust cpu/floor, not wall

                     wall  spread      cpu   peak    floor  wall/floor  cpu/floor  over null
            null  27.6 ms      1%  27.6 ms  1 MiB  12.6 ms        2.19       4.38
            edit  75.8 ms      2%  75.8 ms  1 MiB  16.5 ms        4.59       9.18   +48.1 ms

            `ninja` on the same edits

                     wall  spread  cpu  packwright  times wall  times cpu
            null  97.5 ms      2%    -     27.6 ms        3.53          -

            skipped edit-declaration: no asset has a declaration of its own
        "#]]
        .assert_eq(&in_words(&report));
    }

    #[test]
    fn scenarios_come_in_their_usual_order() {
        assert_eq!(scenarios(&[]).len(), scenario::ALL.len());
        assert_eq!(scenarios(&[Scenario::Ci, Scenario::Null, Scenario::Ci]), [Scenario::Null, Scenario::Ci]);
    }

    #[test]
    fn arguments_are_numbers() {
        assert_eq!((assets("1"), factor("1.1")), (Ok(1), Ok(1.1)));
        assert!(["0", "-1", "10000001", "x"].iter().all(|it| assets(it).is_err()));
        assert!(["0", "-1", "NaN", "inf", "x"].iter().all(|it| factor(it).is_err()));
    }
}
