//! Scenarios: a text that says what an author does and builds in between, and a text that says what each build did.

mod support;

mod bad_text;
mod bad_tree;
mod null;
mod table;
mod witness;
