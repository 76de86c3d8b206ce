//! What was done to the file system, counted always: tests and `build --format json` show it.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($name:ident: $doc:literal,)*) => {
        /// Running counts of what a [`System`](super::System) was asked to do.
        #[derive(Default, Debug)]
        pub struct Counters { $(#[doc = $doc] pub $name: AtomicU64,)* }

        /// The counts at one moment.
        #[derive(Clone, Copy, Default, PartialEq, Eq, Debug, serde::Serialize, schemars::JsonSchema)]
        pub struct Counts { $(#[doc = $doc] pub $name: u64,)* }

        impl Counters {
            /// Returns the counts so far.
            pub fn counts(&self) -> Counts {
                Counts { $($name: self.$name.load(Ordering::Relaxed),)* }
            }
        }

        impl Counts {
            /// Returns what was counted after `earlier`.
            #[must_use]
            pub fn since(self, earlier: Counts) -> Counts {
                Counts { $($name: self.$name - earlier.$name,)* }
            }
        }
    };
}

counters! {
    stats: "stamps taken of a path",
    lists: "directories listed",
    opens: "files opened for reading",
    bytes_read: "bytes read from files",
    databases_opened_for_writing: "files opened for reading and writing in place",
    files_written: "files created",
    bytes_written: "bytes written",
    renames: "files renamed",
    removes: "files removed",
    syncs: "files and directories synced",
}

impl Counters {
    /// Adds `n` to one of the counts.
    pub fn add(counter: &AtomicU64, n: u64) {
        counter.fetch_add(n, Ordering::Relaxed);
    }
}
