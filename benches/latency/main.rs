//! How long does a build take, and how far is that from what the machine can do?
//!
//! Makes seeded workspaces, runs the real binary as a cold process after one change at a time, and in the same rounds
//! the floors: the least that any program must do for the same answer. What counts is the ratio of the two.
//! Every build's counts are checked, and in the first round its content digest against a `--no-cache` build's.
//! No time is ever asserted.
//!
//! `cargo bench --bench latency -- [--assets N,N] [--layout flat|dirs] [--rounds N] [--dir DIR]`

#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "benches are above the doors to the disk")]
#![allow(clippy::print_stdout, reason = "a table is what it is for")]
#![cfg_attr(not(unix), allow(dead_code))]

#[cfg(unix)]
mod child;
#[cfg(unix)]
mod floor;
#[cfg(unix)]
mod scenarios;
mod table;
mod workspace;

use workspace::Layout;

/// What to measure.
struct Arguments {
    assets: Vec<usize>,
    layout: Layout,
    rounds: usize,
    /// Where workspaces are made; a temporary directory where none is given.
    dir: Option<std::path::PathBuf>,
}

fn arguments() -> Option<Arguments> {
    let mut out = Arguments { assets: vec![1_000, 10_000], layout: Layout::Flat, rounds: 5, dir: None };
    // Cargo says `--bench` when it runs benches; a mere `cargo test --all-targets` should not take minutes.
    let mut is_bench = false;
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap_or_else(|| panic!("{word} needs a value"));
        match word.as_str() {
            "--bench" => is_bench = true,
            "--assets" => out.assets = value().split(',').map(|it| it.parse().expect("a number of assets")).collect(),
            "--rounds" => out.rounds = value().parse().expect("a number of rounds"),
            "--layout" if value() == "dirs" => out.layout = Layout::Dirs,
            "--layout" => out.layout = Layout::Flat,
            "--dir" => out.dir = Some(value().into()),
            _ => {} // Cargo passes on filters that mean nothing here.
        }
    }
    is_bench.then_some(out)
}

#[cfg(unix)]
fn main() {
    let Some(arguments) = arguments() else { return };
    let temp = tempfile::tempdir().expect("a temporary directory");
    let dir = arguments.dir.as_deref().unwrap_or(temp.path());
    for n in arguments.assets {
        let workspace = workspace::generate(&dir.join(format!("{n}-{}", arguments.layout.name())), n, arguments.layout);
        let title = format!("{n} assets, {}, {} rounds", arguments.layout.describe(), arguments.rounds);
        table::print(&title, &scenarios::run(&workspace, arguments.rounds));
        std::fs::remove_dir_all(&workspace.root).expect("it is ours");
    }
}

#[cfg(not(unix))]
fn main() {
    let _ = arguments();
    println!("the floors are measured with calls that only Unix has");
}
