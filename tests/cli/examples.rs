//! The workspaces in `examples/`: as they are committed, they build, warn of nothing, and have nothing left to do.

use std::path::Path;

use crate::sandbox::Sandbox;

/// Copies an example into a sandbox, without what a build made of it where it lies.
fn copied(name: &str) -> Sandbox {
    let sandbox = Sandbox::empty();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    for part in ["packwright.toml", "packwright.registry", "assets"] {
        for entry in walkdir::WalkDir::new(from.join(part)) {
            let entry = entry.expect("it can be read");
            let to = sandbox.path(entry.path().strip_prefix(&from).expect("it lies in there").to_str().expect("UTF-8"));
            match entry.file_type().is_dir() {
                true => std::fs::create_dir_all(to).expect("free"),
                false => drop(std::fs::copy(entry.path(), to).expect("it can be copied")),
            }
        }
    }
    sandbox
}

#[test]
fn every_example_builds_as_it_is_committed() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let entries = std::fs::read_dir(&examples).expect("it is there").map(|it| it.expect("it can be read"));
    let mut names: Vec<String> = entries
        .filter(|it| it.path().join("packwright.toml").exists())
        .map(|it| it.file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    assert_eq!(names, ["almanac", "platformer", "web"]);
    for name in names {
        let sandbox = copied(&name);
        for profile in ["dev", "release"] {
            let build = || sandbox.json(&["build", "--locked", "-p", profile, "--format", "json"]);
            let document = build();
            assert_eq!(document["diagnostics"], serde_json::json!([]), "{name}, {profile}");
            assert!(document["entries"].as_u64() > Some(5), "{name}, {profile}: {document}");
            let pack = format!("build/{profile}/main.pack");
            assert!(sandbox.run(&["pack", "verify", &pack]).starts_with("exit 0\n"), "{name}, {profile}");
            assert_eq!(build()["outcome"], "up_to_date", "{name}, {profile}");
        }
    }
}
