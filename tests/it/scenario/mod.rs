//! Scenarios: a text that says what an author does and builds in between, and a text that says what each build did.

mod support;

mod bad_payload;
mod bad_registry;
mod bad_text;
mod bad_tree;
mod concurrency;
mod identity;
mod moving;
mod null;
mod omit;
mod table;
mod witness;
