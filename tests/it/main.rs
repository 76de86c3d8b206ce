//! Behaviour, tested from outside the crate: one binary, so that linking happens once.

mod scenario;
