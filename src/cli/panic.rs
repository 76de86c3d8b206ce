//! What is said when packwright itself is wrong, and how it ends then.

use std::io::Write;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};

use super::exit::Exit;
use super::words::clean;
use crate::fence::is_fenced;

/// Makes panics speak to users. Behind a fence they are silent: whoever put it up tells what happened.
pub fn install_hook() {
    std::panic::set_hook(Box::new(|info| {
        if !is_fenced() {
            let _ = anstream::stderr().lock().write_all(message(info).as_bytes());
        }
    }));
}

/// Does `work`, and ends as a bug ends should it panic: the hook has told of it then.
pub fn or_bug(work: impl FnOnce() -> Exit) -> Exit {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or(Exit::Bug)
}

fn message(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let said = payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let place = info.location().map_or_else(String::new, |it| format!(" at {}:{}", it.file(), it.line()));
    let (version, home) = (env!("CARGO_PKG_VERSION"), env!("CARGO_PKG_REPOSITORY"));
    let home = if home.is_empty() { "to its maintainers".to_owned() } else { format!("at {home}/issues") };
    format!(
        "error: this is a bug in packwright {version}: {}{place}\n\
         note: please report it {home}, with what you did; outputs and the registry are as before\n",
        clean(said.unwrap_or("a panic without a message")),
    )
}
