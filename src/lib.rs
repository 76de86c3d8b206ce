//! packwright turns a directory tree of game assets into a pack, the same byte for byte everywhere, and after a
//! change rebuilds only what the change reaches.

pub mod bench;
pub mod build;
pub mod cache;
pub mod cli;
pub mod driver;
pub mod error;
pub mod fence;
pub mod lane;
pub mod model;
pub mod pack;
pub mod process;
pub mod query;
pub mod receipt;
pub mod schema;
pub mod snapshot;
pub mod system;
pub mod threads;
pub mod timings;
pub mod workspace;
pub mod write;
