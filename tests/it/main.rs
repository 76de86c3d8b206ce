//! Behaviour of the whole, in one binary. Helpers lie in `support`.

mod support;

mod naive;
mod oracle;
