//! From recipes to artifacts: the contract, the executor, and one file a processor.

pub mod contract;
pub mod trace;
