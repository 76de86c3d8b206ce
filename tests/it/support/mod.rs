//! What the tests of the whole share: a workspace as a value, and the means to build it in memory.

pub mod author;
pub mod content;
pub mod random;
pub mod sample;
pub mod tree;
pub mod world;
