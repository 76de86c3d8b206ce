//! Arguments in, exit code out.

use std::process::ExitCode;
use std::sync::Arc;

use packwright::internals::system::os::OsSystem;

fn main() -> ExitCode {
    packwright::internals::cli::run(std::env::args_os(), Arc::new(OsSystem::new()))
}
