//! A workspace as its authors wrote it: the configuration, and the declarations of its assets.
//!
//! What is here is pure: functions from the text of authored files to values and diagnostics.

pub mod authored;
pub mod config;
pub mod declare;
mod layer;
mod order;
pub mod rules;
#[cfg(test)]
mod testing;

pub use config::{Config, Preset, Root};
pub use declare::Scope;
pub use rules::{Rule, RuleSet};
