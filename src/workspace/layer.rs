//! From what an author wrote in one place (a preset, a rule, a declaration file) to options, checked where it
//! is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::authored::{AssetFile, ChoiceEntry, PresetEntry, RuleEntry};
use super::config::Preset;
use super::rules::Rule;
use crate::model::declaration::{Choice, Options};
use crate::model::node::{Spanned, Table, TextRange, locate};
use crate::model::suggest::{instead_of, shown};
use crate::model::{Code, Codec, Diagnostic, Location, Profile, RelPath, Settings, SettingsCheck};

/// What can be written wherever an asset is declared.
pub struct Layer {
    pub kind: Option<Spanned<String>>,
    pub settings: Option<Table>,
    pub profiles: BTreeMap<Spanned<String>, ChoiceEntry>,
    pub presets: Vec<Spanned<String>>,
    pub codec: Option<Codec>,
    pub preload: Option<bool>,
    pub exclude: Option<bool>,
    pub tags: Vec<Spanned<String>>,
}

/// The three files' structs have these fields in common; serde cannot share them and refuse unknown ones.
macro_rules! layer_from {
    ($($entry:ident),*) => {
        $(impl From<$entry> for Layer {
            fn from(it: $entry) -> Self {
                Self {
                    kind: it.kind,
                    settings: it.settings,
                    profiles: it.profiles,
                    presets: it.presets,
                    codec: it.codec,
                    preload: it.preload,
                    exclude: it.exclude,
                    tags: it.tags,
                }
            }
        })*
    };
}
layer_from!(AssetFile, PresetEntry, RuleEntry);

/// Reads one authored file: its text, what it may refer to, and what was wrong with it so far.
pub struct Reader<'a> {
    pub file: &'a RelPath,
    pub text: &'a str,
    pub check: &'a dyn SettingsCheck,
    pub presets: &'a BTreeMap<String, Preset>,
    pub profiles: &'a BTreeMap<String, Profile>,
    pub diagnostics: Vec<Diagnostic>,
}

impl Reader<'_> {
    pub fn at(&self, range: TextRange) -> Location {
        locate(self.file, self.text, range)
    }

    pub fn error(&mut self, code: Code, range: TextRange, message: impl Into<String>) {
        let location = self.at(range);
        self.diagnostics.push(Diagnostic::error(code, message).at(location));
    }

    pub fn error_with_help(&mut self, code: Code, range: TextRange, message: impl Into<String>, help: String) {
        let location = self.at(range);
        self.diagnostics.push(Diagnostic::error(code, message).at(location).help(help));
    }

    /// Returns the kind that `written` names, or reports that there is none.
    pub fn known_kind(&mut self, written: &Spanned<String>) -> Option<Arc<str>> {
        let kinds = self.check.kinds();
        if kinds.contains(&written.value.as_str()) {
            return Some(written.value.as_str().into());
        }
        let message = format!("there is no type `{}`", shown(&written.value));
        let help = instead_of(&written.value, "types", kinds.iter().copied());
        self.error_with_help(Code::UNKNOWN_TYPE, written.range, message, help);
        None
    }

    /// Returns what `layer`, laid over its presets and those over `base`, comes to, and its kind where there is
    /// one that is known.
    pub fn read(&mut self, layer: &Layer, base: Option<&Rule>) -> (Option<Arc<str>>, Options) {
        let presets = self.known_presets(layer);
        let kind = match (&layer.kind, base) {
            (Some(written), _) => self.known_kind(written),
            (None, Some(rule)) => Some(rule.kind.clone()),
            (None, None) => presets.iter().rev().find_map(|(_, preset)| preset.kind.clone()),
        };
        let mut options = base.map(|it| Options::clone(&it.options)).unwrap_or_default();
        for (name, preset) in presets {
            if let Some(kind) = &kind {
                self.check_preset(name, preset, kind);
            }
            options.overlay(&preset.options);
        }
        options.overlay(&self.own(layer, kind.as_deref()));
        (kind, options)
    }

    /// Reports that there is no type, unless one is given that is unknown.
    pub fn no_type(&mut self, layer: &Layer, range: TextRange, message: &str, help: &str) {
        if layer.kind.is_none() {
            self.error_with_help(Code::NO_TYPE, range, message, help.to_owned());
        }
    }

    /// Checks a layer of settings where it is written.
    pub fn check_settings(&mut self, kind: &str, settings: &Table) {
        self.diagnostics.extend(self.check.check(kind, &settings.0, self.file, self.text));
    }

    fn own(&mut self, layer: &Layer, kind: Option<&str>) -> Options {
        let mut profiles = BTreeMap::new();
        for (name, entry) in &layer.profiles {
            if !self.profiles.contains_key(&name.value) {
                let message = format!("there is no profile `{}`", shown(&name.value));
                let help = instead_of(&name.value, "profiles", self.profiles.keys().map(String::as_str));
                self.error_with_help(Code::UNKNOWN_PROFILE, name.range, message, help);
            }
            let choice = self.choice(kind, entry.settings.as_ref(), entry.codec, entry.preload, entry.exclude);
            profiles.insert(name.value.clone(), choice);
        }
        Options {
            general: self.choice(kind, layer.settings.as_ref(), layer.codec, layer.preload, layer.exclude),
            profiles,
            tags: layer.tags.iter().filter_map(|it| self.tag(it)).collect(),
        }
    }

    fn choice(
        &mut self,
        kind: Option<&str>,
        settings: Option<&Table>,
        codec: Option<Codec>,
        preload: Option<bool>,
        exclude: Option<bool>,
    ) -> Choice {
        if let (Some(kind), Some(settings)) = (kind, settings) {
            self.check_settings(kind, settings);
        }
        let settings = settings.map(|it| Settings::of(&it.0)).unwrap_or_default();
        Choice { settings, codec, preload, exclude }
    }

    /// Returns a tag, or reports that it can be none.
    pub fn tag(&mut self, tag: &Spanned<String>) -> Option<String> {
        let usable = !tag.value.is_empty() && tag.value.trim() == tag.value && !tag.value.chars().any(char::is_control);
        if !usable {
            let message = "a tag is not empty, and has no spaces at its ends and no control characters";
            self.error(Code::WRONG_TYPE, tag.range, message);
        }
        usable.then(|| tag.value.clone())
    }
}

impl<'a> Reader<'a> {
    fn known_presets<'l>(&mut self, layer: &'l Layer) -> Vec<(&'l Spanned<String>, &'a Preset)> {
        let presets = self.presets;
        let mut known = Vec::with_capacity(layer.presets.len());
        for name in &layer.presets {
            if let Some(preset) = presets.get(&name.value) {
                known.push((name, preset));
                continue;
            }
            let message = format!("there is no preset `{}`", shown(&name.value));
            let help = instead_of(&name.value, "presets", presets.keys().map(String::as_str));
            self.error_with_help(Code::UNKNOWN_PRESET, name.range, message, help);
        }
        known
    }

    /// Reports a preset that is not meant for `kind`. The settings of one that says its type were checked where
    /// it is written; one that says none can only be checked by whoever refers to it.
    fn check_preset(&mut self, name: &Spanned<String>, preset: &Preset, kind: &str) {
        let shown = shown(&name.value);
        if let Some(other) = &preset.kind {
            if **other != *kind {
                let message = format!("the preset `{shown}` is for the type `{other}`, not `{kind}`");
                self.error(Code::WRONG_TYPE, name.range, message);
            }
            return;
        }
        let choices = std::iter::once(&preset.options.general).chain(preset.options.profiles.values());
        let problem = choices
            .flat_map(|it| self.check.check(kind, &it.settings.to_node(), self.file, ""))
            .find(Diagnostic::is_error);
        if let Some(problem) = problem {
            let message = format!("the preset `{shown}` does not fit the type `{kind}`: {}", problem.message);
            self.error(problem.code, name.range, message);
        }
    }
}
