//! What an author says of one asset, in whichever of the three forms they say it.
//!
//! A [`Declaration`] is split in two: the [`Intent`] is all that a build may depend on, and knows no position
//! in any file, so that a comment or the order of keys changes no recipe; the [`Origin`] is where to point
//! when something is wrong. Knows nothing of identities, of what is on disk, or of what a processor does.
//!
//! # Layers
//!
//! Settings come in layers, each laid over those before it, setting by setting:
//!
//! 1. the rule's presets, in the order in which they are named, then the rule,
//! 2. the presets that the asset's own file names, then the file,
//! 3. `profiles.PROFILE.settings.TYPE` of `packwright.toml`, along the chain of inheritance,
//! 4. `profiles.PROFILE.settings` of presets, rule and asset, along the same chain.
//!
//! So what is said for one profile beats what is said in general. `codec`, `preload` and `exclude` follow the
//! same order, except that a profile's `codec` is only for those who say none. Tags add up. For an asset that says no
//! `codec` or `preload`, each of its packs may, before the profile does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::path::parent;
use super::reference::{InputPattern, Reference};
use super::{Codec, Location, Profile, RelPath, Settings};

/// What an author says of one asset, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Declaration {
    /// What a build may depend on.
    pub intent: Arc<Intent>,
    /// Where to point.
    pub origin: Origin,
}

/// What an author says of one asset, without where it is said.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Intent {
    /// The file or directory that the asset owns; of a group its pattern with the grouping captures filled in.
    pub place: RelPath,
    /// Which of several assets made out of one source; empty for the asset as a whole.
    pub part: String,
    /// For people; unique in a workspace.
    pub name: Arc<str>,
    /// The `type`: the kind of the processor. It is a known one.
    pub kind: Arc<str>,
    /// What it is made of.
    pub inputs: Inputs,
    /// Assets that it needs besides those that its inputs refer to, in the author's order.
    pub dependencies: Vec<Reference>,
    /// What its rule captured of its path, by name: for its entry in the pack, and never told to processors.
    pub captures: Captures,
    /// Everything that does not depend on the place; shared by all assets of a rule.
    pub options: Arc<Options>,
}

/// Names and values, in the order in which the rule's pattern names them.
pub type Captures = Vec<(Arc<str>, String)>;

/// What an asset is made of.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Inputs {
    /// The file that is the place.
    Owner,
    /// The file that is the place, and those of these files that are there, in this order.
    Companions(Vec<RelPath>),
    /// Files that a rule takes together.
    Group(Group),
    /// Every source below the place in byte order of paths, down to the next `asset.json` and without
    /// declaration files.
    Directory,
    /// What these name, in the author's order. Not empty.
    Listed(Vec<InputPattern>),
}

/// Files that a rule takes together: its place is a pattern, and no file.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Group {
    /// The directory that relative paths are seen from: the place's, as far as that is the same for all members.
    pub dir: RelPath,
    /// In order.
    pub members: Vec<RelPath>,
    /// More inputs, behind the members: those that are there.
    pub companions: Vec<RelPath>,
}

impl Inputs {
    /// Returns whether the place is a file, and what it holds tells the asset from others.
    pub fn is_file(&self) -> bool {
        matches!(self, Self::Owner | Self::Companions(_))
    }

    /// Returns whether the place is a directory.
    pub fn is_dir(&self) -> bool {
        matches!(self, Self::Directory | Self::Listed(_))
    }

    /// Returns the directory that relative paths are seen from, of an asset at `place`.
    pub fn dir<'a>(&'a self, place: &'a RelPath) -> &'a str {
        match self {
            Self::Owner | Self::Companions(_) => parent(place.as_str()),
            Self::Group(group) => group.dir.as_str(),
            Self::Directory | Self::Listed(_) => place.as_str(),
        }
    }
}

/// What an author can choose wherever an asset is declared.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize)]
pub struct Options {
    /// In general.
    pub general: Choice,
    /// For some profiles, by name.
    pub profiles: BTreeMap<String, Choice>,
    /// For people and tools.
    pub tags: BTreeSet<String>,
}

/// What an author can choose in general and for a profile.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize)]
pub struct Choice {
    /// For the processor.
    pub settings: Settings,
    /// How payloads are compressed.
    pub codec: Option<Codec>,
    /// Whether payloads lie at the front of the pack.
    pub preload: Option<bool>,
    /// Whether the asset stays out of the pack.
    pub exclude: Option<bool>,
}

/// What all layers come to for one profile.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Resolved {
    /// For the processor.
    pub settings: Settings,
    /// How payloads are compressed, where that wins; `None` leaves it to the pack, and that one to the profile.
    pub codec: Option<Codec>,
    /// Whether payloads lie at the front of the pack; `None` leaves it to the pack.
    pub preload: Option<bool>,
    /// Whether the asset stays out of every pack.
    pub exclude: bool,
}

/// Where a declaration was written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Origin {
    /// In which form.
    pub form: Form,
    /// Where to point when the asset as a whole is meant.
    pub location: Location,
    /// Where its name was written; `None` for a default name.
    pub name: Option<Location>,
    /// Where each of [`Inputs::Listed`] was written.
    pub inputs: Vec<Location>,
    /// Where each dependency was written.
    pub dependencies: Vec<Location>,
}

/// The three ways to declare an asset.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Form {
    /// This `asset.json`; the directory is the asset.
    Directory(RelPath),
    /// This sidecar; the file beside it is the asset.
    Sidecar(RelPath),
    /// The rule of this index in `packwright.toml`.
    Rule(usize),
}

impl Declaration {
    /// Returns the declaration file, `None` for a rule.
    pub fn file(&self) -> Option<&RelPath> {
        match &self.origin.form {
            Form::Directory(file) | Form::Sidecar(file) => Some(file),
            Form::Rule(_) => None,
        }
    }
}

impl Intent {
    /// Returns the directory that relative paths are seen from: the place itself when it is a directory.
    pub fn dir(&self) -> RelPath {
        RelPath::new(self.dir_str()).expect("part of a normal path")
    }

    /// Returns [`Intent::dir`] as text.
    pub fn dir_str(&self) -> &str {
        self.inputs.dir(&self.place)
    }

    /// Returns what all layers come to for `profile`. Assets whose `kind` is equal and whose `options` are
    /// the same allocation get equal answers.
    pub fn resolve(&self, profile: &Profile) -> Resolved {
        self.options.resolve(&self.kind, profile)
    }
}

impl Options {
    /// Returns what all layers come to for an asset of `kind` in `profile`.
    pub fn resolve(&self, kind: &str, profile: &Profile) -> Resolved {
        let mut choice = self.general.clone();
        if let Some(settings) = profile.settings.get(kind) {
            choice.settings.overlay(settings);
        }
        for own in profile.chain.iter().filter_map(|it| self.profiles.get(it)) {
            choice.overlay(own);
        }
        Resolved {
            settings: choice.settings,
            codec: choice.codec,
            preload: choice.preload,
            exclude: choice.exclude.unwrap_or(false),
        }
    }

    /// Returns whether the asset stays out of the pack whatever the profile.
    pub fn is_excluded(&self) -> bool {
        self.general.exclude == Some(true) && !self.profiles.values().any(|it| it.exclude == Some(false))
    }

    /// Lays `top` over these options.
    pub fn overlay(&mut self, top: &Options) {
        self.general.overlay(&top.general);
        for (profile, choice) in &top.profiles {
            self.profiles.entry(profile.clone()).or_default().overlay(choice);
        }
        self.tags.extend(top.tags.iter().cloned());
    }
}

impl Choice {
    /// Lays `top` over this choice.
    pub fn overlay(&mut self, top: &Choice) {
        self.settings.overlay(&top.settings);
        self.codec = top.codec.or(self.codec);
        self.preload = top.preload.or(self.preload);
        self.exclude = top.exclude.or(self.exclude);
    }
}
