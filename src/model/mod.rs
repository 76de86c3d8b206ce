//! Pure types: identities, paths, digests, declarations, diagnostics and keys.
//!
//! Knows nothing of files, databases, threads or terminals: everything in here is a value or a
//! function of values, and can be tested by writing it down.

pub mod diagnostic;
pub mod digest;
pub mod id;
pub mod path;
pub mod registry;

pub use diagnostic::{Code, Diagnostic, Location, Severity, Span};
pub use digest::{Digest, KeyHasher};
pub use id::{AssetId, AssetUuid};
pub use path::RelPath;
