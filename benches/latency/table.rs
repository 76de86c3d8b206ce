//! Medians, ranges and ratios, as a table of Markdown.

use std::time::Duration;

/// One scenario over all rounds.
#[derive(Default)]
pub struct Row {
    /// The scenario.
    pub name: &'static str,
    /// What its floor is called; empty where there is none.
    pub floor_name: &'static str,
    /// Wall time of each round.
    pub wall: Vec<Duration>,
    /// Processor time of each round.
    pub cpu: Vec<Duration>,
    /// Peak memory of each round, in KiB.
    pub peak_kib: Vec<u64>,
    /// The floor of each round.
    pub floor: Vec<Duration>,
    /// Its processor time.
    pub floor_cpu: Vec<Duration>,
}

/// Prints a table.
pub fn print(title: &str, rows: &[Row]) {
    println!("\n{title}\n");
    println!(
        "| scenario | wall ms: median (min-max) | cpu ms | peak MiB | floor | floor ms: median (min-max) | cpu ms | wall ratio | cpu ratio |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for row in rows {
        let (wall, cpu) = (ratio(&row.wall, &row.floor), ratio(&row.cpu, &row.floor_cpu));
        let cells = [
            row.name.to_owned(),
            spread(&ms(&row.wall)),
            format!("{:.0}", median(&ms(&row.cpu))),
            row.peak_kib.iter().max().map_or_else(String::new, |it| (it / 1024).to_string()),
            row.floor_name.to_owned(),
            spread(&ms(&row.floor)),
            format!("{:.0}", median(&ms(&row.floor_cpu))),
            format!("{wall:.2}"),
            format!("{cpu:.2}"),
        ];
        println!("| {} |", cells.join(" | "));
    }
}

/// Returns the median of the ratios of each round. Processor time tells more where others share the cores.
fn ratio(all: &[Duration], floors: &[Duration]) -> f64 {
    let ratios = all.iter().zip(floors).map(|(it, floor)| it.as_secs_f64() / floor.as_secs_f64());
    median(&ratios.collect::<Vec<_>>())
}

fn ms(all: &[Duration]) -> Vec<f64> {
    all.iter().map(|it| it.as_secs_f64() * 1e3).collect()
}

fn spread(all: &[f64]) -> String {
    let (min, max) = (all.iter().copied().fold(f64::MAX, f64::min), all.iter().copied().fold(0.0, f64::max));
    format!("{:.1} ({min:.1}-{max:.1})", median(all))
}

fn median(all: &[f64]) -> f64 {
    let mut sorted = all.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mid = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[mid] } else { (sorted[mid - 1] + sorted[mid]) / 2.0 }
}
