//! Pure types: identities, paths, digests, declarations, diagnostics and keys.
//!
//! Knows nothing of files, databases, threads or terminals: everything in here is a value or a
//! function of values, and can be tested by writing it down.

pub mod codec;
pub mod declaration;
pub mod diagnostic;
pub mod digest;
pub mod id;
pub mod magic;
pub mod node;
pub mod path;
pub mod profile;
pub mod reference;
pub mod registry;
pub mod scalar;
pub mod settings;
pub mod suggest;
pub mod text;

pub use codec::{Codec, Codecs, Layout};
pub use declaration::{Declaration, Intent};
pub use diagnostic::{Code, Diagnostic, Location, Severity, Span};
pub use digest::{Digest, KeyHasher};
pub use id::{AssetId, AssetUuid};
pub use magic::Looks;
pub use path::RelPath;
pub use profile::Profile;
pub use reference::Reference;
pub use settings::{Settings, SettingsCheck};
