//! A profile: a named set of choices for one kind of build.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Codec, Layout, Settings};

/// What becomes of an asset that is broken because of its inputs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Broken {
    /// Nothing is published while an asset is broken.
    Refuse,
    /// The asset is left out with a warning.
    Omit,
}

/// The longest file that an asset may be made of where nobody says otherwise, in bytes: what is longer got in by mistake
/// more often than not, and would want as much memory.
pub const MAX_FILE_SIZE: u64 = 2 << 30;

/// A profile with everything that it inherits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Profile {
    /// Its name: lower-case letters, digits, `-` and `_`, as it names a directory.
    pub name: String,
    /// The profiles that it inherits from, the oldest first, and itself at the end.
    pub chain: Vec<String>,
    /// How the pack is cut into files.
    pub layout: Layout,
    /// How payloads are compressed where nobody says otherwise.
    pub codec: Codec,
    /// What becomes of broken assets.
    pub broken: Broken,
    /// Whether `manifest.json` is written beside the pack.
    pub manifest: bool,
    /// The longest file that an asset may be made of, in bytes.
    pub max_file_size: u64,
    /// Settings by kind, laid over what assets say in general.
    pub settings: BTreeMap<String, Settings>,
}

impl Profile {
    /// Returns the built-in profile for everyday work: nothing is compressed, an edit rewrites little.
    pub fn dev() -> Self {
        Self {
            name: "dev".to_owned(),
            chain: vec!["dev".to_owned()],
            layout: Layout::Split,
            codec: Codec::None,
            broken: Broken::Refuse,
            manifest: false,
            max_file_size: MAX_FILE_SIZE,
            settings: BTreeMap::new(),
        }
    }

    /// Returns the built-in profile for what is shipped: one small file.
    pub fn release() -> Self {
        let name = "release".to_owned();
        Self { chain: vec![name.clone()], name, layout: Layout::Single, codec: Codec::Zstd, ..Self::dev() }
    }
}
