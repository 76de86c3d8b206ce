//! Packs: the plan, the format, its writer and its reader.

pub mod codec;
pub mod plan;
