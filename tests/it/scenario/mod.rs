//! Scenarios: a text that says what an author does and builds in between, and a text that says what each build did.
//!
//! - `support`: the language of scenarios
//! - `witness`: a disk that writes down what it is asked
//! - `table`: what each edit costs, in queries, processors and files
//! - `cold`: the same in a process that knows nothing yet, where memos stand for most buckets
//! - `null`: what a settled null build asks of the file system
//! - `bad_*`: bad input of every kind, and the answer
//! - `omit`: R5, clause by clause
//! - `identity`: what keeps its number
//! - `gather`: what rules make of several files
//! - `why`: what was changed where an asset is made again
//! - `writes`: the write commands, and a build after each
//! - `drills`: a write command while somebody edits its files
//! - `odd`: write commands on odd file systems
//! - `moving`: a workspace that is edited while it is built
//! - `found`: what histories by chance found
//! - `concurrency`: several builds and readers at once
//! - `fire`: snapshots that are held while others build and commit
//! - `schedules`: the same in memory, under schedules that a model checker chooses

mod support;
mod witness;

mod cold;
mod table;

mod null;

mod bad_payload;
mod bad_registry;
mod bad_text;
mod bad_tree;
mod omit;

mod drills;
mod found;
mod gather;
mod identity;
mod library;
mod odd;
mod packs;

mod concurrency;
mod fire;
mod moving;
mod schedules;

mod why;
mod writes;
