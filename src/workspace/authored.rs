//! The fields of authored files, as they are written. Their doc comments become the descriptions in the JSON
//! Schemas; what the fields come to is decided elsewhere.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::model::node::{Spanned, Table};
use crate::model::profile::Broken;
use crate::model::{AssetUuid, Codec, Layout};

/// Declares one asset. `asset.json` makes an asset of the directory that holds it, `FILE.asset.json` of the
/// file beside it.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "asset.json, and sidecars FILE.asset.json")]
pub struct AssetFile {
    /// The JSON Schema of this file, for editors; packwright ignores it.
    #[serde(rename = "$schema")]
    pub schema: Option<String>,
    /// What people and generated code call the asset; unique in the workspace. By default the path of its file
    /// or directory below the root, with the extension; with several roots, the root's name before it. It may
    /// hold `/`, but starts with none of `./`, `../`, `/` and `uuid:`.
    pub name: Option<Spanned<String>>,
    /// Which processor makes the asset. A sidecar may leave it to the rule that matches its file; everything
    /// else in the sidecar is then laid over what that rule says.
    #[serde(rename = "type")]
    pub kind: Option<Spanned<String>>,
    /// What the asset is made of, in this order: paths and globs relative to this directory, `/` between
    /// components. A text with one of `*?[{` is a glob, in which only `**` crosses `/`; what it matches comes in
    /// byte order. By default every source in the directory, at any depth, down to the next `asset.json`. Only in
    /// `asset.json`: a sidecar's input is the file beside it.
    #[schemars(with = "Option<Vec<String>>")]
    pub inputs: Option<Spanned<Vec<Spanned<String>>>>,
    /// Settings for the processor.
    pub settings: Option<Table>,
    /// What differs in some profiles, by the profile's name. It also holds in profiles that inherit from it, and goes before
    /// what is said for all profiles, wherever that is.
    #[schemars(with = "BTreeMap<String, ChoiceEntry>")]
    pub profiles: BTreeMap<Spanned<String>, ChoiceEntry>,
    /// Presets from `packwright.toml`, each laid over those before it, and this file over all of them.
    pub presets: Vec<Spanned<String>>,
    /// How payloads are compressed; by default as the profile says.
    pub codec: Option<Codec>,
    /// Whether payloads lie at the front of the pack.
    pub preload: Option<bool>,
    /// For people and tools.
    pub tags: Vec<Spanned<String>>,
    /// Assets that this one needs besides those that its inputs refer to. `uuid:...` is an identity; what starts
    /// with `./` or `../` is a path as seen from this directory, and with `/` one from the workspace; everything else is
    /// a name.
    pub dependencies: Vec<Spanned<String>>,
    /// Whether the asset stays out of the pack. It keeps its identity.
    pub exclude: Option<bool>,
}

/// What may differ in one profile.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ChoiceEntry {
    /// Settings for the processor.
    pub settings: Option<Table>,
    /// How payloads are compressed.
    pub codec: Option<Codec>,
    /// Whether payloads lie at the front of the pack.
    pub preload: Option<bool>,
    /// Whether the asset stays out of the pack.
    pub exclude: Option<bool>,
}

/// `packwright.toml`: the configuration of a workspace.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(title = "packwright.toml", extend("required" = ["workspace", "roots"]))]
pub struct WorkspaceFile {
    /// Tells this workspace from all others; `packwright init` makes one up. It never changes.
    #[schemars(with = "AssetUuid")]
    pub workspace: Option<Spanned<String>>,
    /// The directories that hold sources. At least one; unique names; none inside another.
    #[schemars(length(min = 1))]
    pub roots: Vec<Spanned<RootEntry>>,
    /// What is not looked at, as if it were hidden: patterns as in a `.gitignore` beside this file. `*.psd` is ignored at any
    /// depth, `/assets/tmp/` is one directory; `!keep.psd` takes back what an earlier pattern says, but for
    /// what lies in an ignored directory.
    pub ignore: Vec<Spanned<String>>,
    /// Make assets of files that have no declaration of their own. The first that matches claims the file.
    pub rules: Vec<Spanned<RuleEntry>>,
    /// Options by name, for rules and declarations to refer to.
    #[schemars(with = "BTreeMap<String, PresetEntry>")]
    pub presets: BTreeMap<Spanned<String>, PresetEntry>,
    /// Named sets of choices for a build. `dev` (layout split, codec none) and `release` (layout single, codec
    /// zstd) are there without being written.
    #[schemars(with = "BTreeMap<String, ProfileEntry>")]
    pub profiles: BTreeMap<Spanned<String>, ProfileEntry>,
    /// What is built, by name: letters, digits, `-` and `_`. Where none is defined there is `main`, with everything;
    /// otherwise there are just these. An asset may be in several, or in none.
    #[schemars(with = "BTreeMap<String, PackEntry>")]
    pub packs: BTreeMap<Spanned<String>, PackEntry>,
}

/// Says which assets are in a pack: those that `match`, `type` and `tags` select, as far as they are given, and
/// those that are reached. One that says nothing of all that holds everything.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PackEntry {
    /// Globs over the assets' places, relative to their root: `levels/1/**`. Only `**` crosses `/`; case counts. Of those
    /// that match, the last decides: one behind a `!` takes the asset out again. Where already the first takes
    /// something out, it is out of everything.
    #[serde(rename = "match")]
    #[schemars(with = "Option<Vec<String>>")]
    pub places: Option<Vec<Spanned<String>>>,
    /// Only assets of one of these types.
    #[serde(rename = "type")]
    #[schemars(with = "Option<Vec<String>>")]
    pub kinds: Option<Vec<Spanned<String>>>,
    /// Only assets with one of these tags.
    #[schemars(with = "Option<Vec<String>>")]
    pub tags: Option<Vec<Spanned<String>>>,
    /// Besides, these assets and all that they refer to or depend on, and what those do, and so on. `uuid:...` is an
    /// identity; what starts with `./` or `/` is a path from the workspace; everything else is a name.
    #[schemars(with = "Option<Vec<String>>")]
    pub reachable_from: Option<Vec<Spanned<String>>>,
    /// Globs as in `match`. The payloads of these assets lie at the front of this pack, unless the asset has a `preload`
    /// of its own.
    #[schemars(with = "Option<Vec<String>>")]
    pub preload: Option<Vec<Spanned<String>>>,
    /// How payloads are compressed in this pack where an asset does not say; by default as the profile says.
    pub codec: Option<Codec>,
}

/// A directory that holds sources.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RootEntry {
    /// Its name; by default the last component of its path.
    pub name: Option<Spanned<String>>,
    /// The directory, relative to the workspace; `.` is allowed for an only root.
    pub path: Spanned<String>,
}

/// Makes assets of files: one of every file that it matches, unless it has a `group` or a `marker`.
#[derive(Clone, PartialEq, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("anyOf" = [{ "required": ["match"] }, { "required": ["marker"] }]))]
pub struct RuleEntry {
    /// A glob relative to each root: `**/*.png`. Only `**` crosses `/`; case counts. `{name}` captures one or more
    /// characters within a component: `{dir}/{stem}.{n}.ogg`. `{name:**}` captures one or more whole components, and so
    /// does `{name}/` at the very beginning; `{name:*}` captures exactly one. What stands further left takes as much as it
    /// can. What is captured joins the metadata of the asset's entry in the pack, as text, unless its processor says
    /// something of that name itself. With a `marker` it matches directories.
    #[serde(rename = "match")]
    #[schemars(with = "Option<String>")]
    pub pattern: Option<Spanned<String>>,
    /// What the assets are called, with captures filled in: `{dir}/{stem}`. Names are unique in a workspace. By default the
    /// path below the root, with the extension.
    pub name: Option<Spanned<String>>,
    /// Files that are inputs of the same asset, behind the one that is matched: paths relative to the root with captures
    /// filled in, `{dir}/{stem}.txt`. Those that are there count; when one appears, the asset is built again. They are
    /// claimed with the asset: no later rule makes assets of them.
    #[serde(default)]
    pub with: Vec<Spanned<String>>,
    /// Takes files together: those with equal values of these captures are the inputs of one asset, in the order of the
    /// other captures, numbers by their value. Its place is the pattern with these captures filled in:
    /// `sfx/step.{n}.ogg`. A file with a sidecar stays alone.
    #[serde(default)]
    pub group: Vec<Spanned<String>>,
    /// The name of a file that makes an asset of the directory that holds it, as an `asset.json` would: all that is in it
    /// are its inputs, down to the next `asset.json`, and no rule claims anything in there.
    pub marker: Option<Spanned<String>>,
    /// The name of the only root where it matches; by default all of them.
    pub root: Option<Spanned<String>>,
    /// Which processor makes the assets. It may come from a preset.
    #[serde(rename = "type")]
    pub kind: Option<Spanned<String>>,
    /// Settings for the processor.
    pub settings: Option<Table>,
    /// What differs in some profiles, by the profile's name.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, ChoiceEntry>")]
    pub profiles: BTreeMap<Spanned<String>, ChoiceEntry>,
    /// Presets, each laid over those before it, and this rule over all of them.
    #[serde(default)]
    pub presets: Vec<Spanned<String>>,
    /// How payloads are compressed; by default as the profile says.
    pub codec: Option<Codec>,
    /// Whether payloads lie at the front of the pack.
    pub preload: Option<bool>,
    /// For people and tools.
    #[serde(default)]
    pub tags: Vec<Spanned<String>>,
    /// Whether the assets stay out of the pack. They keep their identity.
    pub exclude: Option<bool>,
}

/// Options that rules and declarations refer to by name.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PresetEntry {
    /// The processor that the settings are for; without it, that of whoever refers to the preset.
    #[serde(rename = "type")]
    pub kind: Option<Spanned<String>>,
    /// Settings for the processor.
    pub settings: Option<Table>,
    /// What differs in some profiles, by the profile's name.
    #[schemars(with = "BTreeMap<String, ChoiceEntry>")]
    pub profiles: BTreeMap<Spanned<String>, ChoiceEntry>,
    /// Other presets, each laid over those before it, and this one over all of them.
    pub presets: Vec<Spanned<String>>,
    /// How payloads are compressed.
    pub codec: Option<Codec>,
    /// Whether payloads lie at the front of the pack.
    pub preload: Option<bool>,
    /// For people and tools.
    pub tags: Vec<Spanned<String>>,
    /// Whether the assets stay out of the pack.
    pub exclude: Option<bool>,
}

/// Choices for one kind of build.
#[derive(Clone, PartialEq, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ProfileEntry {
    /// The profile whose choices hold where this one makes none; `dev` by default. `dev` and `release`
    /// themselves have none.
    pub inherits: Option<Spanned<String>>,
    /// How the pack is cut into files.
    pub layout: Option<Layout>,
    /// How payloads are compressed where an asset does not say.
    pub codec: Option<Codec>,
    /// What becomes of assets that are broken because of their inputs: `refuse` publishes nothing while there is
    /// one, `omit` leaves them out with a warning.
    pub broken: Option<Broken>,
    /// Whether `manifest.json` is written beside the pack.
    pub manifest: Option<bool>,
    /// The longest file that an asset may be made of, in bytes; 2147483648 (2 GiB) by default.
    pub max_file_size: Option<u64>,
    /// Settings by type, laid over what assets say in general.
    #[schemars(with = "BTreeMap<String, Table>")]
    pub settings: BTreeMap<Spanned<String>, Table>,
}
