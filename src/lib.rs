//! packwright turns a directory tree of game assets into a pack, the same byte for byte everywhere, and after a
//! change rebuilds only what the change reaches.
//!
//! Most people use the program of that name. This library is for those who build it into another one: a game's build
//! script, an editor. It does what the program does, over the same files and beside it at the same time.
//!
//! - [`Workspace`] is opened or made; [`Workspace::build`] brings a pack up to date, [`Workspace::check`] only looks.
//! - [`Workspace::snapshot`] is all of it at one revision: assets, identities, digests, bytes. Nothing changes a snapshot
//!   any more, and whoever holds one blocks nobody.
//! - [`Workspace::commit`] does an [`Edit`]: rename, move, remove and so on, all or nothing, and to be taken back.
//!   [`Workspace::save`] writes files as an editor does, only where they still are what it has read.
//! - What is wrong with assets is data, [`Diagnostic`]s; what the world refused is an [`Error`].
//!
//! # Examples
//!
//! A build script that refuses to go on where an asset is broken:
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let home = tempfile::tempdir()?;
//! # let dir = home.path();
//! # std::fs::write(dir.join("logo.png"), "no image")?;
//! # Workspace::create(dir, "roots = [{ path = \".\" }]\nrules = [{ match = \"**/*.png\", type = \"image\" }]")?;
//! use packwright::{BuildOptions, Error, Workspace};
//!
//! let workspace = Workspace::open(dir)?;
//! match workspace.build(&BuildOptions::new().profile("release")) {
//!     Ok(report) => println!("{} assets", report.entries),
//!     Err(Error::Invalid(diagnostics)) => {
//!         for it in &diagnostics {
//!             let path = it.location.as_ref().map_or("", |it| it.path.as_str());
//!             println!("{path}: {} [{}]", it.message, it.code);
//!         }
//!         # assert_eq!(diagnostics[0].code, packwright::Code::IMAGE_KIND);
//!     }
//!     Err(error) => return Err(error.into()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! `examples/editor.rs` shows the rest.
//!
//! That some of these types implement traits of `serde`, `bincode` or `schemars` is for the program's own use: which ones
//! and in what form may change with every version.

mod bench;
mod build;
mod cache;
mod cli;
mod driver;
mod embed;
mod error;
mod fence;
mod lane;
mod model;
mod pack;
mod process;
mod query;
mod receipt;
mod schema;
mod snapshot;
mod system;
mod threads;
mod timings;
mod workspace;
mod write;

pub use build::Outcome;
pub use embed::{
    Asset, AssetRef, BuildOptions, Cancel, CommitOptions, Edit, EditReport, FileChange, FileSave, LogEntry, Pack,
    PackReport, Payload, Report, Snapshot, Workspace,
};
pub use error::{Error, Result};
pub use model::diagnostic::Related;
pub use model::registry::{Change as RegistrationKind, ChangeNote as Registration};
pub use model::{AssetId, AssetUuid, Code, Codec, Diagnostic, Digest, Location, RelPath, Severity, Span};

/// What this package's own program, tests and benchmarks use besides. No promise of any kind goes with it: it changes
/// with every version, and without notice.
#[doc(hidden)]
#[allow(missing_docs, reason = "each module says what it is where it stands")]
pub mod internals {
    pub mod bench {
        pub use crate::bench::*;
    }
    pub mod build {
        pub use crate::build::*;
    }
    pub mod cache {
        pub use crate::cache::*;
    }
    pub mod cli {
        pub use crate::cli::*;
    }
    pub mod driver {
        pub use crate::driver::*;
    }
    pub mod error {
        pub use crate::error::*;
    }
    pub mod lane {
        pub use crate::lane::*;
    }
    pub mod model {
        pub use crate::model::*;
    }
    pub mod pack {
        pub use crate::pack::*;
    }
    pub mod process {
        pub use crate::process::*;
    }
    pub mod query {
        pub use crate::query::*;
    }
    pub mod schema {
        pub use crate::schema::*;
    }
    pub mod system {
        pub use crate::system::*;
    }
    pub mod workspace {
        pub use crate::workspace::*;
    }
    pub mod write {
        pub use crate::write::*;
    }
}
