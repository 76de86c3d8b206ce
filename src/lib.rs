//! packwright turns a directory tree of game assets into a pack, the same byte for byte everywhere, and after a
//! change rebuilds only what the change reaches.

pub mod error;
pub mod lane;
pub mod model;
pub mod pack;
pub mod process;
pub mod system;
