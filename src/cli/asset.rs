//! What all commands that tell of an asset have in common: which one it is, for programs and for people.

use schemars::JsonSchema;
use serde::Serialize;

use super::select::Candidate;
use crate::build::inspect::Asset;
use crate::model::{AssetId, AssetUuid};

/// Which asset it is.
#[derive(Serialize, JsonSchema)]
pub struct AssetHead {
    /// Its number, or the one that the next build would give it; absent for one that was excluded before it had any.
    pub asset_id: Option<AssetId>,
    /// Its identity, or the one that the next build would give it.
    pub asset_uuid: Option<AssetUuid>,
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The file or directory that it owns, relative to the workspace.
    pub place: String,
    /// Which of several assets made out of one source.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub part: String,
}

impl From<&Asset> for AssetHead {
    fn from(it: &Asset) -> Self {
        Self {
            asset_id: it.identity.map(|it| it.1),
            asset_uuid: it.identity.map(|it| it.0),
            name: it.name.clone(),
            kind: it.kind.to_string(),
            place: it.place.to_string(),
            part: it.part.clone(),
        }
    }
}

impl AssetHead {
    /// Returns its number as people see it.
    pub fn shown_id(&self) -> String {
        self.asset_id.map_or_else(|| "-".to_owned(), |it| it.to_string())
    }

    /// Returns its place with the part of it that is meant.
    pub fn shown_place(&self) -> String {
        if self.part.is_empty() { self.place.clone() } else { format!("{}#{}", self.place, self.part) }
    }
}

/// Returns an asset as selectors see it.
pub fn candidate(asset: &Asset) -> Candidate<'_> {
    Candidate { identity: asset.identity, name: &asset.name, place: Some(asset.place.as_str()) }
}
