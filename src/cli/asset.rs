//! What all commands that tell of an asset have in common: which one it is, for programs and for people.

use schemars::JsonSchema;
use serde::Serialize;

use super::select::{Candidate, Meaning, Selector};
use super::words::clean;
use crate::build::inspect::Asset;
use crate::model::declaration::Form;
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
    let declaration = match &asset.form {
        Form::Directory(file) | Form::Sidecar(file) => Some(file),
        Form::Rule(_) => None,
    };
    Candidate {
        identity: asset.identity,
        name: &asset.name,
        place: Some(asset.place.as_str()),
        declaration,
        inputs: &asset.others,
    }
}

/// Says which asset is meant where that is not plain, because the text on the command line is the path of something else.
pub fn meant(selector: &Selector, asset: &Asset) -> Option<String> {
    let what = match selector.meanings(&candidate(asset)).into_iter().min()? {
        Meaning::Declaration => "declares",
        Meaning::Input => "is an input of",
        _ => return None,
    };
    let place = AssetHead::from(asset).shown_place();
    Some(format!("`{}` {what} `{}`", selector.shown(), clean(&place)))
}
