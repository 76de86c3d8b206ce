//! The demo.
use crate::model::RelPath;
pub fn files() -> Vec<(RelPath, Vec<u8>)> {
    Vec::new()
}
