//! A workspace: as its authors wrote it, and as it lies on disk.
//!
//! `config`, `declare` and what they stand on are pure functions from the text of authored files to values and
//! diagnostics. `bucket` and `lookup` are pure too: the tree of sources as a value. `scan` and `sources` read the
//! disk; nothing in here writes.

pub mod authored;
pub mod config;
pub mod declare;
pub mod gather;
pub mod ignore;
mod layer;
mod order;
pub mod packs;
pub mod pattern;
pub mod provenance;
pub mod rules;
#[cfg(test)]
mod testing;

pub mod bucket;
pub mod layout;
pub mod lookup;
mod row;
pub mod scan;
pub mod sources;

pub use config::{Config, Preset, Root};
pub use declare::Scope;
pub use rules::{Rule, RuleSet};
