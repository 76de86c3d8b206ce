//! smoke
use packwright::{build::Options, driver::Engine, system::os::OsSystem, workspace::layout::Workspace};
use std::sync::Arc;
fn main() {
    let root = std::fs::canonicalize(std::env::args().nth(1).unwrap()).unwrap();
    let mut o = Options::default();
    if let Some(p) = std::env::args().nth(2) {
        o.profile = p;
    }
    let ws = Workspace::new(Arc::new(OsSystem::new()), root);
    let t = std::time::Instant::now();
    match Engine::new(ws).build(&o) {
        Ok(r) => println!(
            "{:?} {} entries {:?}\n{:#?}\n{} diags; registered {}; warnings {:?}",
            r.outcome,
            r.entries,
            t.elapsed(),
            r.work,
            r.diagnostics.len(),
            r.registered.len(),
            r.cache_warnings
        ),
        Err(e) => println!("ERR {e:?}"),
    }
}
