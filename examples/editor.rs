//! What an editor does with packwright: it opens a workspace, shows what is in it while builds go on, makes the user's
//! changes and takes them back.
//!
//!     cargo run --example editor              # on a small workspace of its own, removed afterwards
//!     cargo run --example editor -- DIR       # on the workspace at DIR: only looks and builds
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a program of its own, not packwright")]

use std::error::Error;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use packwright::{AssetRef, BuildOptions, CommitOptions, Edit, FileChange, Snapshot, Workspace};

fn main() -> Result<(), Box<dyn Error>> {
    match std::env::args_os().nth(1) {
        Some(dir) => {
            let workspace = Workspace::open(dir)?;
            show(&workspace.snapshot(&BuildOptions::new())?);
        }
        None => {
            let home = tempfile::tempdir()?;
            edit(&project(home.path())?)?;
        }
    }
    Ok(())
}

/// Makes a small project.
fn project(dir: &Path) -> Result<Workspace, Box<dyn Error>> {
    std::fs::create_dir(dir.join("assets"))?;
    for name in ["hello", "credits", "rules"] {
        std::fs::write(dir.join(format!("assets/{name}.txt")), format!("the text of {name}"))?;
    }
    let config = r#"
        roots = [{ path = "assets" }]
        rules = [{ match = "**/*.txt", type = "raw" }]
    "#;
    Ok(Workspace::create(dir, config)?)
}

/// Does what a user might do in an hour.
fn edit(workspace: &Workspace) -> Result<(), Box<dyn Error>> {
    let options = BuildOptions::new();
    let before = workspace.snapshot(&options)?;
    show(&before);

    // The user is asked first, then it is done.
    let rename = Edit::Rename { asset: AssetRef::Name("hello.txt".to_owned()), name: "welcome".to_owned() };
    let preview = workspace.preview(&rename, &CommitOptions::new())?;
    println!("about to {}:", preview.title);
    for file in &preview.files {
        match file {
            FileChange::Written { path, content } => println!("  write {path} ({} bytes)", content.len()),
            other => println!("  {other:?}"),
        }
    }
    let done = workspace.commit(&rename, &CommitOptions::new().holder("the example editor"))?;
    println!("commit {}", done.commit.expect("there was something to do"));

    // A panel that shows the newest snapshot waits for no build, and a build for no panel.
    let is_done = AtomicBool::new(false);
    let after = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_done.load(Ordering::Relaxed) {
                let shown = workspace.newest().expect("there was one before");
                assert_eq!(shown.assets().len(), 3);
                std::thread::yield_now();
            }
        });
        let after = workspace.snapshot(&options);
        is_done.store(true, Ordering::Relaxed);
        after
    })?;
    show(&after);

    // Identity is what stays: also for a snapshot that was taken before.
    let old = before.by_name("hello.txt").expect("it had this name then");
    let new = after.by_uuid(old.uuid().expect("it is registered")).expect("it is still there");
    let bytes = after.read(&new)?;
    println!("{} was `{}` and is `{}`: {} bytes", old.place(), old.name(), new.name(), bytes.len());

    workspace.commit(&Edit::Undo, &CommitOptions::new())?;
    for entry in workspace.log()? {
        println!("{:>3}  {}", entry.commit, entry.title);
    }
    Ok(())
}

fn show(snapshot: &Snapshot) {
    let packs: Vec<&str> = snapshot.packs().map(|it| it.name()).collect();
    println!("revision {} of {}/{}:", snapshot.revision(), snapshot.profile(), packs.join(","));
    for asset in snapshot.assets() {
        let id = asset.id().map_or_else(|| "-".to_owned(), |it| it.to_string());
        let bytes: u64 = asset.payloads().map(|it| it.len()).sum();
        println!("  {id:>4}  {:<8} {:>8} B  {}  ({})", asset.kind(), bytes, asset.name(), asset.place());
    }
    for diagnostic in snapshot.diagnostics() {
        println!("  {}: {}", diagnostic.code, diagnostic.message);
    }
}
