//! `packwright bench`: what it prints, and that it leaves nothing behind. No time is looked at.

use std::process::Stdio;

use serde_json::Value;

use crate::sandbox::Sandbox;
use crate::schema::problems;

/// A directory for the copies; empty again after every command.
struct Bench {
    scratch: Sandbox,
}

impl Bench {
    fn new() -> Self {
        Self { scratch: Sandbox::empty() }
    }

    fn dir(&self) -> String {
        self.scratch.path("").display().to_string()
    }

    fn arguments<'a>(&self, dir: &'a str, arguments: &[&'a str]) -> Vec<&'a str> {
        [&["bench", "--dir", dir, "--rounds", "1"], arguments].concat()
    }

    fn run(&self, sandbox: &Sandbox, arguments: &[&str]) -> String {
        let dir = self.dir();
        let told = sandbox.run(&self.arguments(&dir, arguments)).replace(dir.trim_end_matches('/'), "SCRATCH");
        self.assert_empty();
        told
    }

    fn json(&self, sandbox: &Sandbox, arguments: &[&str]) -> Value {
        let dir = self.dir();
        let document = sandbox.json(&[&self.arguments(&dir, arguments)[..], &["--format", "json"]].concat());
        self.assert_empty();
        assert_eq!(problems("bench", &document), Vec::<String>::new());
        document
    }

    fn assert_empty(&self) {
        let left = std::fs::read_dir(self.dir()).expect("it is there").count();
        assert_eq!(left, 0, "something was left behind");
    }
}

fn names(document: &Value) -> Vec<&str> {
    let rows = document["rows"].as_array().expect("a list");
    rows.iter().map(|it| it["name"].as_str().expect("a name")).collect()
}

#[test]
fn everything_can_be_measured_on_a_generated_workspace() {
    let (bench, sandbox) = (Bench::new(), Sandbox::empty());
    let document = bench.json(&sandbox, &["--generate", "50", "--svg", "chart.svg", "--verify"]);
    let all = "first clean null touch edit edit-some edit-declaration edit-setting add remove rename switch \
               switch-back switch-scattered switch-scattered-back new-times ci";
    assert_eq!(names(&document).join(" "), all);
    assert_eq!(document["skipped"], Value::Array(Vec::new()));
    let workspace = &document["workspace"];
    let counts = ["assets", "sources", "directories"].map(|it| workspace[it].as_u64().expect("a number"));
    assert_eq!(counts, [50, 55, 8]);
    let null = &document["rows"][2];
    assert_eq!((&null["work"]["digested"], &null["work"]["queries"]), (&0.into(), &0.into()));
    assert!(null["wall_us"]["median"].as_u64() > Some(0) && null["floor"]["wall_us"]["median"].as_u64() > Some(0));
    assert!(null["wall_ratio"].is_number() && null["rounds"].as_array().is_some_and(|it| it.len() == 1));
    assert!(String::from_utf8(sandbox.read("chart.svg")).is_ok_and(|it| it.starts_with("<svg") && it.contains("null")));
    assert_eq!(sandbox.files().len(), 1, "nothing but the chart was written");
}

#[test]
fn a_workspace_of_ones_own_is_only_read() {
    let (bench, sandbox) = (Bench::new(), Sandbox::demo());
    // Nobody would mind if that moved.
    sandbox.remove("assets/tunes/hum.wav");
    #[cfg(unix)]
    std::os::unix::fs::symlink("credits.txt", sandbox.path("assets/link")).expect("a new link");
    let before = sandbox.files();
    let scenarios = "touch,edit,edit-some,edit-declaration,edit-setting,add-remove,rename,switch,ci";
    let document = bench.json(&sandbox, &["--scenario", scenarios, "--verify"]);
    assert_eq!(sandbox.files(), before);
    let all = "touch edit edit-some edit-declaration edit-setting add remove switch switch-back ci";
    assert_eq!(names(&document).join(" "), all);
    // A model looks for a picture in one of them, an asset depends on others: what was tried is told, and taken back.
    assert_eq!(document["skipped"].as_array().map(Vec::len), Some(1), "{}", document["skipped"]);
    assert_eq!(document["skipped"][0]["scenario"], "rename");
    let reason = document["skipped"][0]["reason"].as_str().expect("words");
    assert!(reason.ends_with("expected were 7 (3 choices of files were tried)"), "{reason}");
}

#[test]
fn what_cannot_be_measured_is_skipped_by_name() {
    let (bench, sandbox) = (Bench::new(), Sandbox::raw(&[("assets/a.txt", "a")]));
    let told = bench.run(&sandbox, &["-s", "edit-declaration,rename,edit"]);
    assert!(told.starts_with("exit 0\n"), "{told}");
    assert!(told.contains("skipped edit-declaration: no asset has a declaration of its own\n"), "{told}");
    assert!(told.contains("skipped rename: no directory below a root holds assets\n"), "{told}");
    assert!(told.contains("\nedit one "), "{told}");
}

#[test]
fn what_does_not_build_is_not_measured() {
    let (bench, sandbox) = (Bench::new(), Sandbox::demo());
    sandbox.write("packwright.toml", "workspace = 1");
    let told = bench.run(&sandbox, &[]);
    assert!(told.starts_with("exit 1\n") && told.contains("packwright.toml"), "{told}");
    assert!(bench.run(&Sandbox::empty(), &[]).starts_with("exit 2\n"));
    let inside = sandbox.run(&["bench", "--dir", "assets"]);
    assert!(inside.starts_with("exit 2\n") && inside.contains("choose a directory outside"), "{inside}");
}

#[cfg(unix)]
#[test]
fn another_tool_sees_the_same_edits() {
    let (bench, sandbox) = (Bench::new(), Sandbox::empty());
    let log = sandbox.path("log").display().to_string();
    let command = format!("cat assets/g000/*/*.txt | cksum >> {log}");
    let document = bench.json(&sandbox, &["--generate", "20", "-s", "clean,null,edit", "--vs", &command]);
    let vs = |nth: usize| !document["rows"][nth]["vs"].is_null();
    assert_eq!([vs(0), vs(1), vs(2)], [false, true, true], "nobody said how it becomes clean");
    let sums = String::from_utf8(sandbox.read("log")).expect("text");
    let sums: Vec<&str> = sums.lines().collect();
    // The first run, nothing to do, an edit, and everything as it was.
    assert_eq!((sums.len(), sums[1], sums[3]), (4, sums[0], sums[0]));
    assert_ne!(sums[2], sums[0]);
    let arguments = ["--generate", "20", "-s", "clean", "--vs", "true", "--vs-clean", "true"];
    assert!(!bench.json(&sandbox, &arguments)["rows"][0]["vs"].is_null());
    let told = bench.run(&sandbox, &["--generate", "20", "-s", "null", "--vs", "echo no >&2; exit 3"]);
    assert!(told.starts_with("exit 1\n") && told.contains("failed with exit code 3; it said:\nno\n"), "{told}");
}

#[test]
fn a_baseline_is_held_against() {
    let (bench, sandbox) = (Bench::new(), Sandbox::empty());
    let run = |more: &[&str]| bench.run(&sandbox, &[&["--generate", "20", "-s", "null,edit"], more].concat());
    let document = bench.json(&sandbox, &["--generate", "20", "-s", "null,edit"]);
    let with_ratio = |ratio: f64| {
        let mut document = document.clone();
        document["rows"][1]["wall_ratio"] = ratio.into();
        sandbox.write("before.json", &document.to_string());
    };
    let against = ["--baseline", "before.json", "--fail-above", "1000"];
    with_ratio(1.0);
    let told = run(&against);
    assert!(told.starts_with("exit 0\n") && told.contains("ratios to the floor"), "{told}");
    with_ratio(0.000_001);
    let told = run(&against);
    assert!(told.starts_with("exit 1\n") && told.contains("error: `edit` has "), "{told}");
    let told = run(&["--baseline", "before.json", "--seed", "8"]);
    let why = "error: the baseline cannot be compared: it was taken of 20 assets (mixed, 1k-4k, seed 7), this is of";
    assert!(told.starts_with("exit 1\n") && told.contains(why), "{told}");
    sandbox.write("before.json", "{ \"version\": 2 }");
    assert!(run(&["--baseline", "before.json"]).starts_with("exit 2\n"));
    assert!(run(&["--baseline", "gone.json"]).starts_with("exit 5\n"));
    assert!(run(&["--fail-above", "1.1"]).starts_with("exit 2\n"));
}

/// The other tool never ends by itself, so the signal finds it running; it is ended, and everything cleaned up.
#[cfg(unix)]
#[test]
fn an_interrupted_benchmark_cleans_up() {
    let (bench, sandbox) = (Bench::new(), Sandbox::empty());
    let mark = sandbox.path("running").display().to_string();
    let (dir, command) = (bench.dir(), format!("echo $$ > {mark}; sleep 3600; true"));
    let arguments = bench.arguments(&dir, &["--generate", "20", "--vs", &command]);
    let child = sandbox.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it runs");
    let shell = loop {
        let text = std::fs::read_to_string(&mark).unwrap_or_default();
        if let Some(pid) = text.strip_suffix('\n') {
            break pid.parse().expect("a number");
        }
        std::thread::yield_now();
    };
    let pid = |it| rustix::process::Pid::from_raw(it).expect("a process");
    rustix::process::kill_process(pid(child.id() as i32), rustix::process::Signal::INT).expect("it is still there");
    let output = child.wait_with_output().expect("it ends");
    let told = sandbox.shown(&output);
    assert!(told.starts_with("exit 130\n") && told.ends_with("error: interrupted\n"), "{told}");
    bench.assert_empty();
    assert!(rustix::process::test_kill_process(pid(shell)).is_err(), "the other tool still runs");
}

#[test]
fn the_copy_lies_in_a_temporary_directory_by_itself() {
    let (temporary, sandbox) = (Sandbox::empty(), Sandbox::demo());
    let dir = temporary.path("").display().to_string();
    let told = sandbox.run_with(&["bench", "-s", "null", "--rounds", "2"], &[("TMPDIR", &dir)]);
    assert!(told.starts_with("exit 0\n") && told.contains(dir.trim_end_matches('/')), "{told}");
    assert!(told.contains("2 rounds") && temporary.files().is_empty(), "{told}");
}
