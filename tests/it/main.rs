//! Behaviour of the whole, tested from outside the crate: one binary, so that linking happens once.

#![allow(clippy::unwrap_used, reason = "a test that meets something unexpected is to fail")]

mod support;

mod crash;
mod determinism;
mod git;
mod naive;
mod oracle;
mod review;
mod scenario;
mod up_to_date;
