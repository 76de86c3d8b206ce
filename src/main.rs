//! Arguments in, exit code out.

use std::process::ExitCode;
use std::sync::Arc;

use packwright::system::os::OsSystem;

fn main() -> ExitCode {
    packwright::cli::run(std::env::args_os(), Arc::new(OsSystem::new()))
}
