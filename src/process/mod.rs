//! From recipes to artifacts: the contract, the executor, and one file a processor.

pub mod contract;
pub mod kinds;

pub mod image;
pub mod model;
pub mod raw;

#[cfg(test)]
pub mod fake;
mod magic;
