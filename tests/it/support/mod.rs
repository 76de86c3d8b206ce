//! What the tests of the whole share: a workspace as a value, and the means to build it.

pub mod author;
pub mod content;
pub mod ground;
pub mod random;
pub mod sample;
pub mod tree;
pub mod world;
