//! From recipes to artifacts: the contract, the executor, and one file a processor.

pub mod audio;
pub mod contract;
pub mod exec;
#[cfg(test)]
pub mod fake;
pub mod image;
pub mod ingredients;
pub mod kinds;
pub mod model;
pub mod raw;
pub mod trace;
