//! The cache: what was found out before, so that it need not be found out again.
//!
//! Two databases and two folders of files: the [`Index`] of one tree's fingerprints, and the [`Store`] of
//! traces, records and payloads, which many trees and processes may share. In here are known redb, bincode
//! and the doors to the disk; not known are assets, recipes and packs: rows are opaque bytes, or whatever
//! type the caller encodes.
//!
//! The cache is only an accelerator (DESIGN, R1). Nothing in here is an error of the build: what cannot be
//! had is a miss, and what went wrong is a warning, said once. Every row is sealed with a checksum over its
//! table, its key and its value, and payloads are verified against their digest on every use, because redb
//! does not verify pages as it reads them. So an answer is what was once stored under that very key, or
//! there is none. Checksums guard against accidents, not against somebody who forges them.

mod bundle;
mod custody;
mod db;
pub mod encoding;
pub mod index;
mod packed;
pub mod store;
#[cfg(test)]
mod testing;

pub use db::prepare_dir;
pub use index::{Changes, Committed, Index, Outline, PutBucket};
pub use store::{CacheCounters, CacheCounts, Store, StoreStats, stored_key};

/// What a build may do with the cache.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CacheMode {
    /// Look up and store.
    #[default]
    Write,
    /// Look up, change nothing.
    Read,
    /// Neither.
    Off,
}
