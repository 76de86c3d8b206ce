//! The workspace on disk: its configuration, and the scan that turns a tree of files into buckets.

pub mod bucket;
pub mod layout;
pub mod lookup;
pub mod scan;
pub mod sources;
