//! Behaviour of the whole, tested from outside the crate: one binary, so that linking happens once.

mod support;

mod naive;
mod oracle;
mod review;
mod scenario;
