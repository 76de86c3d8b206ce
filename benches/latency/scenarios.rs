//! One change at a time, the build after it, and what that build must have done.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use super::child::{Built, build};
use super::floor::{Cost, Known};
use super::table::Row;
use super::workspace::{Workspace, empty_registry};

/// Longer than a step of the file system's clock: what is older than this when it is read is not read again.
const STEP: Duration = Duration::from_millis(30);

const CLEAN: &str = "read + BLAKE3 + write";
const NULL: &str = "stat of all known";

/// Runs all scenarios so many times, interleaved, and returns a row for each.
pub fn run(workspace: &Workspace, rounds: usize) -> Vec<Row> {
    let mut rows = Rows::default();
    rustix::fs::sync();
    for round in 0..rounds {
        round_of(workspace, &mut rows, round);
    }
    rows.0
}

#[derive(Default)]
struct Rows(Vec<Row>);

impl Rows {
    fn add(&mut self, name: &'static str, floor: Option<(&'static str, Cost)>, built: &Built) {
        let at = self.0.iter().position(|it| it.name == name).unwrap_or_else(|| {
            let floor_name = floor.map_or("", |it| it.0);
            self.0.push(Row { name, floor_name, ..Row::default() });
            self.0.len() - 1
        });
        let row = &mut self.0[at];
        row.wall.push(built.wall);
        row.cpu.push(built.cpu);
        row.peak_kib.push(built.peak_kib);
        row.floor.extend(floor.map(|it| it.1.wall));
        row.floor_cpu.extend(floor.map(|it| it.1.cpu));
    }
}

fn round_of(workspace: &Workspace, rows: &mut Rows, round: usize) {
    let Workspace { root, n, payload, declaration, newcomer } = workspace;
    let n = *n as u64;
    let all = &root.join("assets");
    let known = Known::list(all);
    let floor = || Some((NULL, known.null_floor()));
    let check = |built: &Built, what: &str| {
        if round == 0 {
            assert_eq!(built.content_digest(), from_nothing(root), "{what}: not the pack of a build from nothing");
        }
    };

    forget(root);
    empty_registry(root);
    let clean_floor = known.clean_floor(&root.join("floor.pack"));
    let first = build(root, &[]);
    assert_eq!((first.outcome(), first.entries()), ("written", n));
    assert_eq!((first.work("processed"), first.work("reused")), (n, 0));
    check(&first, "first");
    rows.add("first build (registers all)", Some((CLEAN, clean_floor)), &first);

    forget(root);
    let clean_floor = known.clean_floor(&root.join("floor.pack"));
    let clean = build(root, &[]);
    assert_eq!((clean.outcome(), clean.work("processed"), clean.work("reused")), ("written", n, 0));
    assert_eq!(clean.content_digest(), first.content_digest());
    rows.add("clean", Some((CLEAN, clean_floor)), &clean);

    std::thread::sleep(STEP);
    let settling = build(root, &[]);
    assert_eq!(settling.outcome(), "up_to_date");
    rows.add("null, settling doubts", floor(), &settling);

    let null_floor = floor();
    let null = build(root, &[]);
    assert_eq!((null.outcome(), null.work("digested"), null.work("queries")), ("up_to_date", 0, 0));
    assert_eq!(null.content_digest(), first.content_digest());
    rows.add("null", null_floor, &null);

    append(payload, &format!("edit {round}\n"));
    let edit = build(root, &[]);
    assert_eq!((edit.outcome(), edit.work("processed"), edit.work("digested")), ("written", 1, 1));
    check(&edit, "payload edit");
    rows.add("payload edit", floor(), &edit);
    settle(root);

    append(declaration, &format!("// {round}\n"));
    let comment = build(root, &[]);
    assert_eq!((comment.outcome(), comment.work("processed"), comment.work("digested")), ("unchanged", 0, 1));
    check(&comment, "declaration edit");
    rows.add("declaration edit (comment)", floor(), &comment);
    settle(root);

    append(newcomer, &format!("newcomer {round}\n"));
    let added = build(root, &[]);
    assert_eq!((added.outcome(), added.entries(), added.work("processed")), ("written", n + 1, 1));
    check(&added, "file added");
    rows.add("file added", floor(), &added);
    settle(root);

    fs::remove_file(newcomer).expect("it was added");
    std::thread::sleep(STEP);
    let removed = build(root, &[]);
    assert_eq!((removed.outcome(), removed.entries(), removed.work("processed")), ("written", n, 0));
    check(&removed, "file removed");
    rows.add("file removed", floor(), &removed);
}

/// Appends to a file, and lets the file system's clock go on.
fn append(path: &Path, text: &str) {
    let mut file = fs::File::options().append(true).create(true).open(path).expect("a file of ours");
    file.write_all(text.as_bytes()).expect("there is room");
    drop(file);
    std::thread::sleep(STEP);
}

/// Lets a build clear all doubts about what was just written.
fn settle(root: &Path) {
    std::thread::sleep(STEP);
    assert_eq!(build(root, &[]).outcome(), "up_to_date");
}

/// Removes everything that builds left, the registry apart.
fn forget(root: &Path) {
    for it in [".packwright", "build"] {
        match fs::remove_dir_all(root.join(it)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{it} cannot be removed: {error}"),
            _ => {}
        }
    }
}

/// Returns the content digest of a build of the same files that trusts nothing.
fn from_nothing(root: &Path) -> String {
    let out = root.join("build/from-nothing");
    let built = build(root, &["--no-cache", "--out", out.to_str().expect("temporary directories have plain names")]);
    assert_eq!(built.outcome(), "written");
    let digest = built.content_digest().to_owned();
    fs::remove_dir_all(out).expect("it was just written");
    digest
}
