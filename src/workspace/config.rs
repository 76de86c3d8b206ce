//! `packwright.toml`: from its text to the configuration of a workspace.
//!
//! A [`Config`] holds meaning only, no position in the text: two texts that say the same give equal
//! configurations and one digest. Knows nothing of what is on disk.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;

use super::authored::{PackEntry, ProfileEntry, RootEntry, RuleEntry, WorkspaceFile};
use super::gather::Made;
use super::ignore::{self, Ignore};
use super::layer::{Layer, Reader};
use super::lookup::{is_declaration, not_a_source};
use super::order::{Edges, order};
use super::packs::{self, Pack, Packs, Patterns};
use super::pattern::{Pattern, Template, unknown};
use super::rules::{Rule, RuleSet, pattern_problem};
use crate::model::declaration::{Captures, Inputs, Options};
use crate::model::node::{Node, Spanned, TextRange, Value, decode_all};
use crate::model::path::portability_problem;
use crate::model::reference::{Reference, name_problem, path_problem};
use crate::model::suggest::{instead_of, shown};
use crate::model::{
    AssetUuid, Code, Diagnostic, Digest, KeyHasher, Location, Profile, RelPath, Settings, SettingsCheck, text,
};

/// The configuration file of a workspace, relative to it.
pub const CONFIG_FILE: &str = "packwright.toml";
/// The directory of the registry.
pub const REGISTRY_DIR: &str = "packwright.registry";
/// The directory of packwright's own state.
pub const STATE_DIR: &str = ".packwright";
/// The directory of outputs.
pub const BUILD_DIR: &str = "build";
/// The profile of a build that names none.
pub const DEFAULT_PROFILE: &str = "dev";

/// The configuration of a workspace.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Config {
    /// Tells this workspace from all others.
    pub workspace: AssetUuid,
    /// The directories that hold sources, in byte order of their paths. At least one, none in another.
    pub roots: Vec<Root>,
    /// What is not looked at.
    pub ignore: Ignore,
    /// In the author's order.
    pub rules: RuleSet,
    /// By name, each with the presets that it refers to laid under it.
    pub presets: BTreeMap<String, Preset>,
    /// By name, the built-in ones included.
    pub profiles: BTreeMap<String, Profile>,
    /// What is built.
    pub packs: Arc<Packs>,
}

/// A directory that holds sources.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
pub struct Root {
    /// Unique among the roots.
    pub name: String,
    /// Where it is; the workspace itself only when it is the only root.
    pub path: RelPath,
}

/// Options to refer to by name.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Preset {
    /// The kind that the settings are for, if it is known.
    pub kind: Option<Arc<str>>,
    /// What it says.
    pub options: Options,
}

impl Config {
    /// Reads `packwright.toml`.
    ///
    /// The configuration is absent when there is no tree, uuid or root to speak of. Otherwise it is the best that
    /// can be made of the text, for finding further mistakes; nothing is built while there is an error.
    pub fn parse(bytes: &[u8], check: &dyn SettingsCheck) -> (Option<Self>, Vec<Diagnostic>) {
        let file = RelPath::new(CONFIG_FILE).expect("a plain file name is a path");
        let text = match text::utf8(&file, bytes) {
            Ok(text) => text,
            Err(problem) => return (None, vec![problem]),
        };
        let (root, mut diagnostics) = text::toml(&file, text);
        let Some(root) = root else { return (None, diagnostics) };
        let written = decode_all(&root, &file, text, &mut diagnostics);
        diagnostics.iter_mut().for_each(|it| help_with_tables(text, it));
        let Some(written) = written else { return (None, diagnostics) };
        let config =
            ConfigReader { file: &file, text, root: &root, check, diagnostics: &mut diagnostics }.config(written);
        (config, diagnostics)
    }

    /// Returns the root that holds `path`, if any.
    pub fn root_of(&self, path: &str) -> Option<&Root> {
        self.roots.iter().find(|it| it.path.as_str() == path || it.path.strip(path).is_some())
    }

    /// Says why `path` can be no source whatever is there, in words that follow the path.
    pub fn not_a_source(&self, path: &RelPath) -> Option<&'static str> {
        let roots: Vec<RelPath> = self.roots.iter().map(|it| it.path.clone()).collect();
        not_a_source(&roots, &self.ignore, path).filter(|_| !roots.contains(path))
    }

    /// Returns the name of the asset at `place` whose author gives none: its path below its root, with several
    /// roots the root's name before it. A root that is itself an asset has the root's name.
    pub fn default_name(&self, place: &str) -> String {
        let Some(root) = self.root_of(place) else { return place.to_owned() };
        match root.path.strip(place) {
            None => root.name.clone(),
            Some(below) if self.roots.len() == 1 => below.to_owned(),
            Some(below) => format!("{}/{below}", root.name),
        }
    }

    /// Returns the name that the rule of this index gives to the asset at `place`, of which `captures` were captured; the
    /// [default](Config::default_name) where it says none.
    pub fn rule_name(&self, rule: usize, place: &str, captures: &Captures) -> String {
        let name = self.rules.get(rule).and_then(|it| it.name.as_ref());
        name.map_or_else(|| self.default_name(place), |it| it.fill(captures))
    }

    /// Returns what the rule of this index makes of a source that it claims by itself.
    pub fn made(&self, rule: usize, owner: &RelPath) -> Made {
        let captures = self.captures(rule, owner.as_str());
        let companions = self.companions(rule, owner, &captures);
        let inputs = if companions.is_empty() { Inputs::Owner } else { Inputs::Companions(companions) };
        Made { rule, captures, inputs }
    }

    /// Returns the paths of the files that the rule of this index has for inputs besides the source at `path`.
    pub fn companions(&self, rule: usize, path: &RelPath, captures: &Captures) -> Vec<RelPath> {
        let with = self.rules.get(rule).map_or(&[][..], |it| &it.with);
        let Some(root) = self.root_of(path.as_str()).filter(|_| !with.is_empty()) else { return Vec::new() };
        let paths = with.iter().filter_map(|it| root.path.join(&it.fill(captures)));
        paths.filter(|it| it != path).collect()
    }

    /// Returns the rule that matches a source first, if any.
    pub fn claim(&self, path: &str) -> Option<usize> {
        let root = self.root_of(path)?;
        self.rules.claim(root, root.path.strip(path)?)
    }

    /// Returns what the rule of this index captures of the path of a source that it matches.
    pub fn captures(&self, rule: usize, path: &str) -> Captures {
        let below = self.root_of(path).and_then(|it| it.path.strip(path));
        below.map(|it| self.rules.captures(rule, it)).unwrap_or_default()
    }

    /// Returns the digest of everything in here: all that the configuration can do to a build.
    pub fn digest(&self) -> Digest {
        // Serialization is derived, so that no field can be forgotten; nothing in it is a float or a hash table,
        // so that equal configurations give equal bytes.
        let bytes = serde_json::to_vec(self).expect("a configuration has only string keys");
        KeyHasher::new("packwright configuration v1").bytes(1, &bytes).finish()
    }
}

/// Makes a configuration of a decoded file, step by step, and reports what is wrong with it.
struct ConfigReader<'a> {
    file: &'a RelPath,
    text: &'a str,
    root: &'a Node,
    check: &'a dyn SettingsCheck,
    diagnostics: &'a mut Vec<Diagnostic>,
}

impl ConfigReader<'_> {
    fn config(mut self, written: WorkspaceFile) -> Option<Config> {
        let workspace = self.workspace(written.workspace.as_ref());
        let roots = self.roots(&written.roots);
        let ignore = self.ignore(&written.ignore);
        let profiles = self.profiles(&written.profiles);
        let layers = written.presets.into_iter().map(|(name, it)| (name, Layer::from(it))).collect();
        let presets = self.presets(layers, &profiles);
        let rules = self.rules(written.rules, &roots, &presets, &profiles);
        let packs = self.packs(&written.packs);
        if roots.is_empty() {
            return None;
        }
        let packs = Arc::new(Packs::new(roots.iter().map(|it| it.path.clone()).collect(), packs));
        Some(Config { workspace: workspace?, roots, ignore, rules, presets, profiles, packs })
    }

    /// Does one step with a reader, and keeps what the reader reports.
    fn reading<T>(
        &mut self,
        presets: &BTreeMap<String, Preset>,
        profiles: &BTreeMap<String, Profile>,
        step: impl FnOnce(&mut Reader<'_>) -> T,
    ) -> T {
        let Self { file, text, check, .. } = *self;
        let mut reader = Reader { file, text, check, presets, profiles, diagnostics: Vec::new() };
        let result = step(&mut reader);
        self.diagnostics.append(&mut reader.diagnostics);
        result
    }

    /// Does one step that refers to neither presets nor profiles.
    fn plainly<T>(&mut self, step: impl FnOnce(&mut Reader<'_>) -> T) -> T {
        self.reading(&BTreeMap::new(), &BTreeMap::new(), step)
    }

    fn workspace(&mut self, written: Option<&Spanned<String>>) -> Option<AssetUuid> {
        const HELP: &str = "`packwright init` writes one; in an existing workspace, take it from version control";
        let Some(written) = written else {
            let message = "`workspace`, the uuid that tells this workspace from all others, is missing";
            self.missing("workspace", Diagnostic::error(Code::WORKSPACE_UUID, message).help(HELP));
            return None;
        };
        let uuid = AssetUuid::parse(&written.value);
        if uuid.is_none() {
            let message = "`workspace` is no uuid in lower-case hyphenated form";
            self.plainly(|it| it.error_with_help(Code::WORKSPACE_UUID, written.range, message, HELP.to_owned()));
        }
        uuid
    }

    /// Reports what is missing, unless `key` is there with a value that was already refused.
    fn missing(&mut self, key: &str, problem: Diagnostic) {
        let refused = |it: &Node| !matches!(&it.value, Value::Array(items) if items.is_empty());
        if !self.root.get(key).is_some_and(refused) {
            self.diagnostics.push(problem.at(Location::file(self.file)));
        }
    }

    fn roots(&mut self, written: &[Spanned<RootEntry>]) -> Vec<Root> {
        if written.is_empty() {
            let help = "say which directory holds the sources: `[[roots]]` and `path = \"assets\"`";
            self.missing("roots", Diagnostic::error(Code::ROOTS, "no root is given").help(help));
        }
        let mut roots: Vec<(Root, &RootEntry)> = Vec::new();
        for entry in written {
            let root = self.plainly(|reader| read_root(reader, &entry.value, &roots));
            roots.extend(root.map(|it| (it, &entry.value)));
        }
        let mut roots: Vec<Root> = roots.into_iter().map(|(root, _)| root).collect();
        roots.sort_by(|a, b| a.path.cmp(&b.path));
        roots
    }

    fn ignore(&mut self, written: &[Spanned<String>]) -> Ignore {
        let mut patterns = Vec::new();
        for it in written {
            match ignore::problem(&it.value) {
                Some(problem) => self.plainly(|reader| reader.error(Code::BAD_PATTERN, it.range, problem)),
                None => patterns.push(it.value.clone()),
            }
        }
        Ignore::new(patterns).unwrap_or_else(|problem| {
            let message = format!("the patterns of `ignore` together are too much: {problem}");
            self.diagnostics.push(Diagnostic::error(Code::BAD_PATTERN, message).at(Location::file(self.file)));
            Ignore::default()
        })
    }

    fn profiles(&mut self, written: &BTreeMap<Spanned<String>, ProfileEntry>) -> BTreeMap<String, Profile> {
        let mut profiles: BTreeMap<String, Profile> =
            [Profile::dev(), Profile::release()].into_iter().map(|it| (it.name.clone(), it)).collect();
        let mut edges = Edges::new();
        for (name, entry) in written {
            // A built-in profile inherits from none, whatever is written; that is reported further down.
            let inherits = entry.inherits.iter().filter(|_| !profiles.contains_key(&name.value));
            edges.insert(&name.value, inherits.map(|it| it.value.as_str()).collect());
        }
        let (mut names, circles) = order(&edges);
        for circle in &circles {
            let at = written.get_key_value(&spanned(circle[0])).map(|(name, _)| name.range).unwrap_or_default();
            let message = format!("profiles inherit from each other in a circle: {}", in_a_circle(circle));
            self.plainly(|reader| reader.error(Code::PROFILE_CYCLE, at, message));
        }
        // Those on a circle come last; what they inherit may be absent, and that was said.
        let ordered: BTreeSet<&str> = names.iter().copied().collect();
        names.extend(edges.keys().copied().filter(|it| !ordered.contains(it)));
        // The built-in ones come first: others inherit from them without naming them.
        names.sort_by_key(|it| !matches!(*it, "dev" | "release"));
        for name in names {
            let Some((name, entry)) = written.get_key_value(&spanned(name)) else { continue };
            let known = |it: &str| profiles.contains_key(it) || edges.contains_key(it);
            let profile = self.plainly(|reader| read_profile(reader, name, entry, &profiles, known));
            profiles.insert(name.value.clone(), profile);
        }
        profiles
    }

    fn presets(
        &mut self,
        layers: BTreeMap<Spanned<String>, Layer>,
        profiles: &BTreeMap<String, Profile>,
    ) -> BTreeMap<String, Preset> {
        let edges: Edges<'_> = layers
            .iter()
            .map(|(name, it)| (name.value.as_str(), it.presets.iter().map(|it| it.value.as_str()).collect()))
            .collect();
        let (mut names, circles) = order(&edges);
        for circle in &circles {
            let at = layers.get_key_value(&spanned(circle[0])).map(|(name, _)| name.range).unwrap_or_default();
            let message = format!("presets refer to each other in a circle: {}", in_a_circle(circle));
            self.plainly(|reader| reader.error(Code::PRESET_CYCLE, at, message));
        }
        let ordered: BTreeSet<&str> = names.iter().copied().collect();
        let circular: Vec<&str> = edges.keys().copied().filter(|it| !ordered.contains(it)).collect();
        // A preset without a circle's members is better than complaints about each one that names it.
        let mut presets: BTreeMap<String, Preset> =
            circular.iter().map(|it| ((*it).to_owned(), Preset::default())).collect();
        names.extend(circular);
        for name in names {
            let Some((key, layer)) = layers.get_key_value(&spanned(name)) else { continue };
            let (kind, options) = self.reading(&presets, profiles, |reader| reader.read(layer, None));
            presets.insert(key.value.clone(), Preset { kind, options });
        }
        presets
    }

    fn rules(
        &mut self,
        written: Vec<Spanned<RuleEntry>>,
        roots: &[Root],
        presets: &BTreeMap<String, Preset>,
        profiles: &BTreeMap<String, Profile>,
    ) -> RuleSet {
        // What says what it looks for, and in a way that was refused, is not missing it.
        let all = self.root.get("rules").map(|it| &it.value);
        let all = if let Some(Value::Array(all)) = all { &all[..] } else { &[] };
        let says = |it: &Node| ["match", "marker"].iter().any(|name| it.get(name).is_some());
        let is_refused = |it: &Spanned<RuleEntry>| {
            let is_silent = it.value.pattern.is_none() && it.value.marker.is_none();
            is_silent && all.iter().any(|node| node.range == it.range && says(node))
        };
        let read = |entry| self.reading(presets, profiles, |reader| read_rule(reader, entry, roots));
        let rules = written.into_iter().filter(|it| !is_refused(it)).filter_map(read).collect();
        RuleSet::new(rules).unwrap_or_else(|problem| {
            let message = format!("the patterns of all rules together are too much: {problem}");
            self.diagnostics.push(Diagnostic::error(Code::BAD_PATTERN, message).at(Location::file(self.file)));
            RuleSet::default()
        })
    }

    fn packs(&mut self, written: &BTreeMap<Spanned<String>, PackEntry>) -> Vec<Pack> {
        let mut all: Vec<Pack> = Vec::new();
        for (name, entry) in written {
            let pack = self.plainly(|reader| read_pack(reader, name, entry, &all));
            all.push(pack);
        }
        all
    }
}

fn spanned(name: &str) -> Spanned<String> {
    Spanned { value: name.to_owned(), ..Spanned::default() }
}

fn in_a_circle(circle: &[&str]) -> String {
    const MOST: usize = 16;
    let mut names: Vec<String> = circle.iter().take(MOST).map(|it| format!("`{}`", shown(it))).collect();
    if circle.len() > MOST {
        names.push("...".to_owned());
    }
    names.push(names[0].clone());
    names.join(" -> ")
}

/// Reads a root; `None` when it clashes with one of `others` or cannot be one.
fn read_root(reader: &mut Reader<'_>, entry: &RootEntry, others: &[(Root, &RootEntry)]) -> Option<Root> {
    let path = read_root_path(reader, &entry.path)?;
    let default = if path.is_root() { "." } else { path.name() };
    let name = entry.name.as_ref().map_or(default, |it| it.value.as_str()).to_owned();
    let range = entry.name.as_ref().unwrap_or(&entry.path).range;
    if name.is_empty() || name.contains('/') || name.chars().any(char::is_control) {
        reader.error(Code::ROOTS, range, "the name of a root is one word without `/`");
        return None;
    }
    for (other, written) in others {
        let overlap = other.path == path
            || other.path.strip(path.as_str()).is_some()
            || path.strip(other.path.as_str()).is_some();
        if overlap || other.name == name {
            let (message, range, there) = if overlap {
                (format!("the roots `{path}` and `{}` overlap", other.path), entry.path.range, &written.path)
            } else {
                let there = written.name.as_ref().unwrap_or(&written.path);
                (format!("two roots are named `{}`; give one of them another `name`", shown(&name)), range, there)
            };
            let location = reader.at(range);
            let there = reader.at(there.range);
            let problem = Diagnostic::error(Code::ROOTS, message).at(location).related("the other root", there);
            reader.diagnostics.push(problem);
            return None;
        }
    }
    Some(Root { name, path })
}

fn read_root_path(reader: &mut Reader<'_>, written: &Spanned<String>) -> Option<RelPath> {
    let text = written.value.as_str();
    if let Some(problem) = path_problem(text) {
        reader.error(Code::BAD_PATH, written.range, problem);
        return None;
    }
    if text == "." {
        return Some(RelPath::root());
    }
    let Some(path) = RelPath::new(text) else {
        let message = format!("`{}` is not in normal form: write it without `.` and `..`", shown(text));
        reader.error(Code::BAD_PATH, written.range, message);
        return None;
    };
    let first = text.split('/').next().unwrap_or_default();
    if matches!(first, STATE_DIR | BUILD_DIR | REGISTRY_DIR) {
        reader.error(Code::ROOTS, written.range, format!("`{first}` is packwright's own and holds no sources"));
        return None;
    }
    Some(path)
}

fn read_profile(
    reader: &mut Reader<'_>,
    name: &Spanned<String>,
    entry: &ProfileEntry,
    profiles: &BTreeMap<String, Profile>,
    known: impl Fn(&str) -> bool,
) -> Profile {
    let mut profile = match profiles.get(&name.value) {
        Some(built_in) => {
            if let Some(it) = &entry.inherits {
                let message = format!("`{}` is built in and inherits from no other profile", name.value);
                reader.error(Code::WRONG_TYPE, it.range, message);
            }
            built_in.clone()
        }
        None => {
            let mut profile = inherited(reader, entry, profiles, known);
            check_profile_name(reader, name);
            profile.name.clone_from(&name.value);
            profile.chain.push(name.value.clone());
            profile
        }
    };
    profile.layout = entry.layout.unwrap_or(profile.layout);
    profile.codec = entry.codec.unwrap_or(profile.codec);
    profile.broken = entry.broken.unwrap_or(profile.broken);
    profile.manifest = entry.manifest.unwrap_or(profile.manifest);
    profile.max_file_size = entry.max_file_size.unwrap_or(profile.max_file_size);
    for (kind, settings) in &entry.settings {
        if reader.known_kind(kind).is_some() {
            reader.check_settings(&kind.value, settings);
            profile.settings.entry(kind.value.clone()).or_default().overlay(&Settings::of(&settings.0));
        }
    }
    profile
}

fn inherited(
    reader: &mut Reader<'_>,
    entry: &ProfileEntry,
    profiles: &BTreeMap<String, Profile>,
    known: impl Fn(&str) -> bool,
) -> Profile {
    let Some(from) = &entry.inherits else {
        return profiles.get(DEFAULT_PROFILE).cloned().unwrap_or_else(Profile::dev);
    };
    if let Some(profile) = profiles.get(&from.value) {
        return profile.clone();
    }
    if !known(&from.value) {
        let message = format!("there is no profile `{}`", shown(&from.value));
        let help = instead_of(&from.value, "profiles", profiles.keys().map(String::as_str));
        reader.error_with_help(Code::UNKNOWN_PROFILE, from.range, message, help);
    }
    Profile::dev()
}

/// Helps those who take a list of tables for tables with names, or for a list of texts: `[[packs]]`, `roots = "assets"`.
fn help_with_tables(text: &str, problem: &mut Diagnostic) {
    let span = problem.location.as_ref().and_then(|it| it.span).filter(|_| problem.code == Code::WRONG_TYPE);
    let range = span.map(|it| it.start as usize..it.end as usize);
    let Some((range, blamed)) = range.and_then(|it| Some((it.clone(), text.get(it)?))) else { return };
    if let Some(table) = ["packs", "presets", "profiles"].into_iter().find(|it| blamed == format!("[[{it}]]")) {
        problem.help = Some(format!("each of these has a name, and its table is `[{table}.NAME]`"));
    }
    let key = text[..range.start].trim_end().strip_suffix('=').map_or("", str::trim_end);
    if let Some(table) = ["roots", "rules"].into_iter().find(|it| key.lines().last() == Some(*it)) {
        problem.help = Some(format!("each of these is a table, `[[{table}]]`"));
    }
}

fn check_profile_name(reader: &mut Reader<'_>, name: &Spanned<String>) {
    let usual = |it: u8| matches!(it, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
    if name.value.is_empty() || name.value.len() > 64 || !name.value.bytes().all(usual) {
        let message = "a profile names a directory: at most 64 lower-case letters, digits, `-` and `_`";
        reader.error(Code::WRONG_TYPE, name.range, message);
    } else if let Some(problem) = portability_problem(&name.value) {
        reader.error(Code::WRONG_TYPE, name.range, format!("a profile names a directory: {problem}"));
    }
}

/// Reads a pack; `others` are those before it.
fn read_pack(reader: &mut Reader<'_>, name: &Spanned<String>, entry: &PackEntry, others: &[Pack]) -> Pack {
    if let Some(problem) = packs::name_problem(&name.value) {
        reader.error(Code::PACK_NAME, name.range, problem);
    } else if let Some(other) = others.iter().find(|it| it.name.eq_ignore_ascii_case(&name.value)) {
        let message = format!("the packs `{}` and `{}` differ only in case", other.name, name.value);
        let help = "many file systems cannot hold the files of both; rename one of them".to_owned();
        reader.error_with_help(Code::PACK_NAME, name.range, message, help);
    }
    let mut parse = |written: &Spanned<String>| match Reference::parse(&written.value) {
        Ok(reference) => Some(reference),
        Err(problem) => {
            reader.error(Code::UNRESOLVED_REFERENCE, written.range, problem);
            None
        }
    };
    let reachable_from = entry.reachable_from.as_ref().map(|it| it.iter().filter_map(&mut parse).collect());
    let kinds = entry.kinds.as_ref().map(|it| it.iter().filter_map(|it| reader.known_kind(it)).collect());
    let tags = entry.tags.as_ref().map(|it| it.iter().filter_map(|it| reader.tag(it)).collect());
    Pack {
        name: name.value.clone(),
        places: entry.places.as_ref().map(|it| read_patterns(reader, it)),
        types: kinds,
        tags,
        reachable_from,
        preload: entry.preload.as_ref().map(|it| read_patterns(reader, it)),
        codec: entry.codec,
    }
}

fn read_patterns(reader: &mut Reader<'_>, written: &[Spanned<String>]) -> Patterns {
    let mut sound = Vec::new();
    for it in written {
        match packs::problem(&it.value) {
            Some(problem) => reader.error(Code::BAD_PATTERN, it.range, problem),
            None => sound.push(it.value.clone()),
        }
    }
    Patterns::new(sound).unwrap_or_else(|problem| {
        let range = written.first().map(|it| it.range).unwrap_or_default();
        reader.error(Code::BAD_PATTERN, range, format!("these patterns together are too much: {problem}"));
        Patterns::default()
    })
}

fn read_rule(reader: &mut Reader<'_>, entry: Spanned<RuleEntry>, roots: &[Root]) -> Option<Rule> {
    let (range, entry) = (entry.range, entry.value);
    let sought = read_sought(reader, range, &entry);
    let root = entry.root.clone();
    if let Some(name) = root.as_ref().filter(|name| roots.iter().all(|it| it.name != name.value)) {
        let message = format!("there is no root `{}`", shown(&name.value));
        let help = instead_of(&name.value, "roots", roots.iter().map(|it| it.name.as_str()));
        reader.error_with_help(Code::ROOTS, name.range, message, help);
    }
    let at = entry.pattern.as_ref().or(entry.marker.as_ref()).map_or(range, |it| it.range);
    let layer = Layer::from(entry);
    let (kind, options) = reader.read(&layer, None);
    if kind.is_none() {
        reader.no_type(&layer, at, "the rule says no type", "give it a `type`, such as `type = \"raw\"`");
    }
    Some(Rule { root: root.map(|it| it.value), kind: kind?, options: Arc::new(options), ..sought? })
}

/// Reads what a rule looks for and how it takes together what it finds; `None` where something is wrong with that.
fn read_sought(reader: &mut Reader<'_>, range: TextRange, entry: &RuleEntry) -> Option<Rule> {
    let before = reader.diagnostics.len();
    let (pattern, at) = match (&entry.pattern, &entry.marker) {
        (Some(pattern), None) => (pattern.value.clone(), pattern.range),
        (Some(dir), Some(marker)) => (format!("{}/{}", dir.value, marker.value), dir.range),
        (None, Some(marker)) => (format!("**/{}", marker.value), marker.range),
        (None, None) => {
            reader.error(Code::WRONG_TYPE, range, "the field `match` is missing; `marker` may stand in its place");
            return None;
        }
    };
    if let Some((marker, problem)) = entry.marker.as_ref().and_then(|it| Some((it, marker_problem(&it.value)?))) {
        reader.error(Code::BAD_PATTERN, marker.range, problem);
        return None;
    }
    if let Some(problem) = pattern_problem(&pattern) {
        reader.error(Code::BAD_PATTERN, at, problem);
        return None;
    }
    let parsed = Pattern::parse(&pattern).unwrap_or_default();
    let known: BTreeSet<&str> = parsed.iter().flat_map(Pattern::names).collect();
    let with = read_with(reader, entry, &known);
    let group = read_group(reader, entry, at, parsed.as_ref());
    let mut name = None;
    if let Some(written) = &entry.name {
        let differs = |it: &str| !group.is_empty() && group.iter().all(|name| name != it);
        match rule_template(&written.value, &known) {
            Ok(template) if template.refers(differs) => {
                let message = "the files of a group have one name: of the captures only those in `group` can be in it";
                reader.error(Code::BAD_PATTERN, written.range, message);
            }
            Ok(template) => name = Some(template),
            Err(problem) => reader.error(Code::BAD_PATTERN, written.range, problem),
        }
    }
    let marker = entry.marker.as_ref().map(|it| it.value.clone());
    (reader.diagnostics.len() == before).then(|| Rule { pattern, name, with, group, marker, ..Rule::default() })
}

/// Returns why nothing can be told by a file of this name.
fn marker_problem(name: &str) -> Option<String> {
    if let Some(problem) = path_problem(name) {
        Some(problem)
    } else if name.contains(['/', '*', '?', '[', '{']) {
        Some("a marker is the name of one file; which directories may hold it is said in `match`".to_owned())
    } else if name.starts_with('.') {
        Some("hidden files are no sources".to_owned())
    } else {
        is_declaration(name).then(|| "a declaration makes an asset of its directory by itself".to_owned())
    }
}

fn read_with(reader: &mut Reader<'_>, entry: &RuleEntry, known: &BTreeSet<&str>) -> Vec<Template> {
    if let Some(first) = entry.with.first().filter(|_| entry.marker.is_some()) {
        reader.error(Code::BAD_PATTERN, first.range, "a directory with a marker has all that is in it for inputs");
        return Vec::new();
    }
    let mut with = Vec::new();
    for written in &entry.with {
        match Template::parse(&written.value, known)
            .and_then(|it| companion_problem(&written.value).map_or(Ok(it), Err))
        {
            Ok(template) => with.push(template),
            Err(problem) => reader.error(Code::BAD_PATTERN, written.range, problem),
        }
    }
    with
}

/// Returns why a path with captures can name no input.
fn companion_problem(text: &str) -> Option<String> {
    if let Some(problem) = path_problem(text) {
        Some(problem)
    } else if text.contains(['*', '?', '[']) {
        Some("a companion is one path, with captures filled in, and no glob".to_owned())
    } else if text.split('/').any(|it| matches!(it, "." | "..")) {
        Some("a companion's path is relative to the root and has no `.` and `..`".to_owned())
    } else if text.split('/').any(|it| it.starts_with('.')) {
        Some("hidden files are no sources".to_owned())
    } else {
        is_declaration(text).then(|| "a declaration is no input".to_owned())
    }
}

fn read_group(reader: &mut Reader<'_>, entry: &RuleEntry, at: TextRange, pattern: Option<&Pattern>) -> Vec<String> {
    let known: BTreeSet<&str> = pattern.into_iter().flat_map(Pattern::names).collect();
    let mut group: Vec<String> = Vec::new();
    for written in &entry.group {
        let name = &written.value;
        if !known.contains(name.as_str()) {
            reader.error(Code::BAD_PATTERN, written.range, unknown(name, &known));
        } else if group.contains(name) {
            reader.error(Code::BAD_PATTERN, written.range, format!("`{name}` is named twice"));
        } else {
            group.push(name.clone());
        }
    }
    let Some(first) = entry.group.first() else { return group };
    if entry.marker.is_some() {
        reader.error(Code::BAD_PATTERN, first.range, "a directory with a marker is one asset already");
    } else if pattern.is_some_and(|it| !it.is_plain()) {
        let message = "what is grouped is told by captures alone: write `{name}` or `{name:**}` for each wildcard";
        reader.error(Code::BAD_PATTERN, at, message);
    } else if group.len() == known.len() && !known.is_empty() {
        let message =
            "all captures are named, so that every group has one member; leave out those that tell them apart";
        reader.error(Code::BAD_PATTERN, first.range, message);
    }
    group
}

/// Reads a name with captures. One without any is the same for all that the rule matches, which is right for one file.
fn rule_template(text: &str, known: &BTreeSet<&str>) -> Result<Template, String> {
    let template = Template::parse(text, known)?;
    // What begins with a capture may turn out to be a name or not.
    let begins_open = text.starts_with('{');
    match name_problem(text).filter(|_| !begins_open) {
        Some(problem) => Err(problem),
        None => Ok(template),
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::testing::{Kinds, break_everywhere, config, path, shown};
    use super::*;
    use crate::model::profile::Broken;
    use crate::model::settings::Plain;
    use crate::model::{Codec, Layout};

    const HEAD: &str = "workspace = \"01234567-89ab-8def-8123-456789abcdef\"\n[[roots]]\npath = \"assets\"\n";

    const WHOLE: &str = r#"# a workspace
workspace = "01234567-89ab-8def-8123-456789abcdef"
[[roots]]
path = "assets"
[[roots]]
name = "more"
path = "mods/all"
[[rules]]
match = "ui/**/*.png"
root = "assets"
presets = ["pixel-art", "tagged"]
settings = { max = 64 }
profiles.release = { codec = "lz4", settings.scale = 2.0 }
exclude = false
[[rules]]
match = "**"
type = "raw"
preload = true
[presets.pixel-art]
type = "image"
presets = ["tagged"]
settings = { mode = "keep", max = 8 }
[presets.tagged]
tags = ["b", "a"]
codec = "zstd"
[profiles.release]
settings.image = { scale = 0.5, mode = "rgba8" }
manifest = true
max_file_size = 4096
[profiles.beta]
inherits = "release"
broken = "omit"
codec = "lz4"
[profiles.mine]
[packs.level]
match = ["levels/**", "!**/draft/*"]
type = ["image"]
tags = ["a"]
reachable_from = ["levels/1"]
preload = ["levels/1/**"]
codec = "lz4"
[packs.all]
"#;

    fn check(text: &str, expected: Expect) {
        let (_, diagnostics) = Config::parse(text.as_bytes(), &Kinds);
        expected.assert_eq(&shown(CONFIG_FILE, text, diagnostics));
    }

    fn check_body(body: &str, expected: Expect) {
        check(&format!("{HEAD}{body}"), expected);
    }

    #[test]
    fn a_whole_file_is_understood() {
        let config = config(WHOLE);
        let names: Vec<_> = config.roots.iter().map(|it| (it.name.as_str(), it.path.as_str())).collect();
        assert_eq!(names, [("assets", "assets"), ("more", "mods/all")]);
        assert_eq!(config.profiles.keys().collect::<Vec<_>>(), ["beta", "dev", "mine", "release"]);
        let beta = &config.profiles["beta"];
        assert_eq!(beta.chain, ["release", "beta"]);
        assert_eq!(
            (beta.layout, beta.codec, beta.broken, beta.manifest, beta.max_file_size),
            (Layout::Single, Codec::Lz4, Broken::Omit, true, 4096)
        );
        assert_eq!(config.profiles["mine"].chain, ["dev", "mine"]);
        let rule = config.rules.get(0).expect("a rule");
        assert_eq!((&*rule.kind, rule.options.tags.len()), ("image", 2));
        assert_eq!(config.rules.claim(config.root_of("assets/ui/x.png").expect("a root"), "ui/x.png"), Some(0));
        assert_eq!(config.rules.claim(config.root_of("mods/all/ui/x.png").expect("a root"), "ui/x.png"), Some(1));
        assert_eq!(config.root_of("mods/x"), None);
    }

    #[test]
    fn layers_lie_over_each_other_in_their_order() {
        let config = config(WHOLE);
        let rule = config.rules.get(0).expect("a rule");
        let resolved = |profile: &str| {
            let resolved = rule.options.resolve(&rule.kind, &config.profiles[profile]);
            let setting = |name: &str| match &resolved.settings.0[name] {
                Plain::Text(it) => it.clone(),
                Plain::Integer(it) => it.to_string(),
                Plain::Float(it) => f64::from_bits(*it).to_string(),
                other => panic!("{other:?}"),
            };
            let names: Vec<_> = resolved.settings.0.keys().map(|it| format!("{it}={}", setting(it))).collect();
            format!("{:?} {}", resolved.codec.expect("a preset says one"), names.join(" "))
        };
        assert_eq!(resolved("dev"), "Zstd max=64 mode=keep");
        assert_eq!(resolved("release"), "Lz4 max=64 mode=rgba8 scale=2");
        assert_eq!(resolved("beta"), "Lz4 max=64 mode=rgba8 scale=2");
        let raw = config.rules.get(1).expect("a rule");
        let codecs = ["dev", "release", "beta"].map(|it| raw.options.resolve("raw", &config.profiles[it]).codec);
        assert_eq!(codecs, [None; 3]);
        let codecs = ["dev", "release", "beta"].map(|it| config.profiles[it].codec);
        assert_eq!(codecs, [Codec::None, Codec::Zstd, Codec::Lz4]);
    }

    #[test]
    fn the_digest_is_of_the_meaning() {
        let digest = |text: &str| config(text).digest();
        let same =
            WHOLE.replace("# a workspace", "# another").replace("max = 8 }", "max = 8 } # c").replace('\n', "\r\n");
        assert_eq!(config(WHOLE), config(&same));
        assert_eq!(digest(WHOLE), digest(&same));
        for (from, to) in [
            ("abcdef", "abcdee"),
            ("mods/all", "mods/some"),
            ("[[roots]]\npath = \"assets\"", "ignore = [\"*.psd\"]\n[[roots]]\npath = \"assets\""),
            ("name = \"more\"", "name = \"less\""),
            ("ui/**", "**"),
            ("max = 64", "max = 65"),
            ("codec = \"lz4\",", "codec = \"none\","),
            ("exclude = false", "exclude = true"),
            ("exclude = false", "exclude = false\nname = \"logo\""),
            ("preload = true", "preload = false"),
            ("\"b\", \"a\"", "\"a\""),
            ("manifest = true", "manifest = false"),
            ("max_file_size = 4096", "max_file_size = 8192"),
            ("broken = \"omit\"", "broken = \"refuse\""),
            ("[profiles.mine]", "[profiles.yours]"),
            ("scale = 0.5", "scale = 0.25"),
            ("[packs.all]", "[packs.rest]"),
            ("!**/draft/*", "**/draft/*"),
            ("type = [\"image\"]", "type = [\"raw\"]"),
            ("tags = [\"a\"]", "tags = [\"b\"]"),
            ("[\"levels/1\"]", "[\"levels/2\"]"),
            ("[\"levels/1/**\"]", "[\"levels/2/**\"]"),
            ("codec = \"lz4\"\n[packs.all]", "[packs.all]"),
        ] {
            assert_ne!(digest(WHOLE), digest(&WHOLE.replace(from, to)), "{from}");
        }
    }

    #[test]
    fn default_names_are_paths_below_the_root() {
        let one = config(HEAD);
        assert_eq!(one.default_name("assets/ui/x.png"), "ui/x.png");
        assert_eq!(one.default_name("assets"), "assets");
        let two = config(WHOLE);
        assert_eq!(two.default_name("assets/ui/x.png"), "assets/ui/x.png");
        assert_eq!(two.default_name("mods/all/x.png"), "more/x.png");
        let all = config(&HEAD.replace("\"assets\"", "\".\""));
        assert_eq!(all.default_name("ui/x.png"), "ui/x.png");
        assert_eq!(all.roots, [Root { name: ".".to_owned(), path: RelPath::root() }]);
        assert_eq!(all.root_of("a/b").map(|it| &it.path), Some(&path("")));
    }

    #[test]
    fn what_is_ignored_is_no_source() {
        let text = HEAD.replace("[[roots]]", "ignore = [\"*.psd\", \"/assets/tmp/\"]\n[[roots]]");
        let config = config(&text);
        let why = |it: &str| config.not_a_source(&path(it)).unwrap_or("a source");
        assert_eq!(why("assets/x.png"), "a source");
        expect!["is ignored by `ignore` in packwright.toml, and ignored files are no sources"]
            .assert_eq(why("assets/x.psd"));
        assert_eq!(why("assets/tmp/x.png"), why("assets/x.psd"));
        check(
            &HEAD.replace("[[roots]]", "ignore = [\"\", \"# x\", 5, \"[z-a]\"]\n[[roots]]"),
            expect![[r##"
                2 `""`: PW0007 the pattern is empty
                2 `"# x"`: PW0007 what begins with `#` is a comment in a .gitignore; a file is named so by `\#`
                2 `5`: PW0004 expected a string, found `5`
                2 `"[z-a]"`: PW0007 error parsing glob '[z-a]': invalid range; 'z' > 'a'
            "##]],
        );
    }

    #[test]
    fn without_uuid_or_roots_there_is_no_workspace() {
        check(
            "",
            expect![[r#"
                (file): PW0020 `workspace`, the uuid that tells this workspace from all others, is missing
                    help: `packwright init` writes one; in an existing workspace, take it from version control
                (file): PW0021 no root is given
                    help: say which directory holds the sources: `[[roots]]` and `path = "assets"`
            "#]],
        );
        check(
            "workspace = \"hero\"\nroots = []",
            expect![[r#"
            (file): PW0021 no root is given
                help: say which directory holds the sources: `[[roots]]` and `path = "assets"`
            1 `"hero"`: PW0020 `workspace` is no uuid in lower-case hyphenated form
                help: `packwright init` writes one; in an existing workspace, take it from version control
        "#]],
        );
        check(
            "workspace = 5\n[roots]\npath = \"x\"",
            expect![[r#"
                1 `5`: PW0004 expected a string, found `5`
                2 `[roots]`: PW0004 expected an array, found an object
            "#]],
        );
    }

    #[test]
    fn roots_do_not_clash() {
        let roots = |paths: &[&str]| {
            let entry = |it: &&str| format!("[[roots]]\n{it}\n");
            format!("{}{}", &HEAD[..HEAD.find('[').expect("roots")], paths.iter().map(entry).collect::<String>())
        };
        check(
            &roots(&[
                "path = \"a\"",
                "path = \"a/b\"",
                "path = \"x/y\"",
                "path = \"z/y\"",
                "path = \".\"",
                "path = \"../up\"",
                "path = \"/abs\"",
                "path = \"a\\\\b\"",
                "path = \"c/./d\"",
                "path = \"build/x\"",
                "path = \"c\"\nname = \"a/b\"",
                "name = \"x\"",
            ]),
            expect![[r#"
                5 `"a/b"`: PW0021 the roots `a/b` and `a` overlap
                    line 3: the other root
                9 `"z/y"`: PW0021 two roots are named `y`; give one of them another `name`
                    line 7: the other root
                11 `"."`: PW0021 the roots `.` and `a` overlap
                    line 3: the other root
                13 `"../up"`: PW0006 `../up` is not in normal form: write it without `.` and `..`
                15 `"/abs"`: PW0006 `/abs` is absolute; paths are relative
                17 `"a\\b"`: PW0006 `a\b` has a backslash; components are separated by `/`
                19 `"c/./d"`: PW0006 `c/./d` is not in normal form: write it without `.` and `..`
                21 `"build/x"`: PW0021 `build` is packwright's own and holds no sources
                24 `"a/b"`: PW0021 the name of a root is one word without `/`
                25 `[[roots]]`: PW0004 the field `path` is missing
                    help: add `path`; `packwright schema` tells what it may be
            "#]],
        );
    }

    #[test]
    fn mistakes_in_rules_are_shown_where_they_are() {
        check_body(
            r#"
[[rules]]
match = "**/*.png"
type = "imgae"
settings = { mod = "keep" }
[[rules]]
match = "**/*.png"
type = "image"
root = "asset"
settings = { mod = "keep", max = "8" }
profiles.relaese.settings = { max = -1 }
presets = ["pixel"]
tags = ["", "ok"]
[[rules]]
match = "[a"
type = "raw"
[[rules]]
match = "{dir}/{dir}"
[[rules]]
match = "{dir}/{stem}.x"
name = "{dir}/{sten}"
type = "raw"
[[rules]]
match = "*.x"
name = "./x"
type = "raw"
[[rules]]
type = "raw"
mach = "x"
[[rules]]
match = "*"
type = "raw"
presets = ["big"]
[[rules]]
match = "*"
presets = ["loose"]
type = "raw"
[presets.big]
type = "image"
settings.max = 4096
[presets.loose]
settings.max = 1
"#,
            expect![[r#"
                7 `"imgae"`: PW0008 there is no type `imgae`
                    help: did you mean `image`?
                12 `"asset"`: PW0021 there is no root `asset`
                    help: did you mean `assets`?
                13 `mod`: PW0003 unknown field `mod`
                    help: did you mean `mode`?
                13 `"8"`: PW0004 expected a whole number from 0 to 4294967295, found the string `8`
                14 `relaese`: PW0019 there is no profile `relaese`
                    help: did you mean `release`?
                14 `-1`: PW0004 expected a whole number from 0 to 4294967295, found `-1`
                15 `"pixel"`: PW0009 there is no preset `pixel`
                    help: the presets are `big`, `loose`
                16 `""`: PW0004 a tag is not empty, and has no spaces at its ends and no control characters
                18 `"[a"`: PW0007 unclosed character class; missing ']'
                21 `"{dir}/{dir}"`: PW0007 `{dir}` captures twice; give one of them another name
                21 `"{dir}/{dir}"`: PW0017 the rule says no type
                    help: give it a `type`, such as `type = "raw"`
                24 `"{dir}/{sten}"`: PW0007 there is no capture `{sten}`; the pattern has `{dir}`, `{stem}`
                28 `"./x"`: PW0007 a name starts with none of `./`, `../`, `/` and `uuid:`: a reference could not tell
                30 `[[rules]]`: PW0004 the field `match` is missing; `marker` may stand in its place
                32 `mach`: PW0003 unknown field `mach`
                    help: did you mean `match`?
                36 `"big"`: PW0004 the preset `big` is for the type `image`, not `raw`
                39 `"loose"`: PW0003 the preset `loose` does not fit the type `raw`: unknown field `max`
            "#]],
        );
    }

    #[test]
    fn what_cannot_be_taken_together_is_told() {
        let rule = |text: &str| format!("[[rules]]\n{text}\ntype = \"raw\"\n");
        let rules = [
            "match = \"{d}/{n}.x\"\ngroup = [\"d\", \"m\", \"d\"]",
            "match = \"{d}/{n}.x\"\ngroup = [\"d\", \"n\"]",
            "match = \"**/{d}/{n}.x\"\ngroup = [\"d\"]",
            "match = \"*.x\"\ngroup = [\"d\"]",
            "match = \"{d}/{n}.x\"\ngroup = [\"d\"]\nname = \"{d}-{n}\"",
            "match = \"{d}/x\"\nwith = [\"{d}/*.y\", \"{e}\", \"../{d}\", \"{d}/.y\", \"{d}.asset.json\", \"\", \"/{d}\"]",
            "match = \"{d}\"\nmarker = \"a/b\"",
            "marker = \".x\"",
            "marker = \"asset.json\"",
            "match = \"[\"\nmarker = \"x\"",
            "marker = \"x\"\ngroup = [\"x\"]",
            "marker = \"x\"\nwith = [\"x\"]",
        ];
        check_body(
            &rules.map(rule).concat(),
            expect![[r#"
            6 `"m"`: PW0007 there is no capture `{m}`; the pattern has `{d}`, `{n}`
            6 `"d"`: PW0007 `d` is named twice
            10 `"d"`: PW0007 all captures are named, so that every group has one member; leave out those that tell them apart
            13 `"**/{d}/{n}.x"`: PW0007 what is grouped is told by captures alone: write `{name}` or `{name:**}` for each wildcard
            18 `"d"`: PW0007 there is no capture `{d}`: the pattern has none
            23 `"{d}-{n}"`: PW0007 the files of a group have one name: of the captures only those in `group` can be in it
            27 `"{d}/*.y"`: PW0007 a companion is one path, with captures filled in, and no glob
            27 `"{e}"`: PW0007 there is no capture `{e}`; the pattern has `{d}`
            27 `"../{d}"`: PW0007 a companion's path is relative to the root and has no `.` and `..`
            27 `"{d}/.y"`: PW0007 hidden files are no sources
            27 `"{d}.asset.json"`: PW0007 a declaration is no input
            27 `""`: PW0007 the text is empty
            27 `"/{d}"`: PW0007 `/{d}` is absolute; paths are relative
            31 `"a/b"`: PW0007 a marker is the name of one file; which directories may hold it is said in `match`
            34 `".x"`: PW0007 hidden files are no sources
            37 `"asset.json"`: PW0007 a declaration makes an asset of its directory by itself
            40 `"["`: PW0007 unclosed character class; missing ']'
            45 `"x"`: PW0007 a directory with a marker is one asset already
            45 `"x"`: PW0007 there is no capture `{x}`: the pattern has none
            49 `"x"`: PW0007 a directory with a marker has all that is in it for inputs
        "#]],
        );
        let good = [
            "match = \"{d}/{n}.x\"\ngroup = [\"d\"]\nname = \"{d}\"\nwith = [\"{d}.y\", \"{d}/{n}.z\"]",
            "match = \"mods/{m}\"\nmarker = \"init.lua\"\nname = \"{m}\"",
            "marker = \"x\"",
        ];
        let config = config(&format!("{HEAD}{}", good.map(rule).concat()));
        let patterns: Vec<&str> = config.rules.all().iter().map(|it| it.pattern.as_str()).collect();
        assert_eq!(patterns, ["{d}/{n}.x", "mods/{m}/init.lua", "**/x"]);
        assert!(config.rules.gather());
    }

    #[test]
    fn circles_are_printed() {
        check_body(
            r#"
[presets.a]
presets = ["b"]
[presets.b]
presets = ["c", "nope"]
[presets.c]
presets = ["b"]
[presets.d]
presets = ["d"]
[presets.e]
presets = ["d"]
[profiles.x]
inherits = "y"
[profiles.y]
inherits = "x"
[profiles.dev]
inherits = "x"
[profiles.Big]
inherits = "relese"
settings.sound = {}
settings.raw = { x = 1 }
"#,
            expect![[r#"
                7 `b`: PW0010 presets refer to each other in a circle: `b` -> `c` -> `b`
                8 `"nope"`: PW0009 there is no preset `nope`
                    help: the presets are `a`, `b`, `c`, `d`, `e`
                11 `d`: PW0010 presets refer to each other in a circle: `d` -> `d`
                15 `x`: PW0026 profiles inherit from each other in a circle: `x` -> `y` -> `x`
                20 `"x"`: PW0004 `dev` is built in and inherits from no other profile
                21 `Big`: PW0004 a profile names a directory: at most 64 lower-case letters, digits, `-` and `_`
                22 `"relese"`: PW0019 there is no profile `relese`
                    help: did you mean `release`?
                23 `sound`: PW0008 there is no type `sound`
                    help: the types are `image`, `raw`
                24 `x`: PW0003 unknown field `x`
                    help: there are no fields here
            "#]],
        );
    }

    #[test]
    fn a_long_chain_of_presets_is_no_trouble() {
        let mut text = HEAD.to_owned();
        for at in 0..1000 {
            text += &format!("[presets.p{at}]\npresets = [\"p{}\"]\n", at + 1);
        }
        text += "[presets.p1000]\ntags = [\"last\"]\n";
        assert!(config(&text).presets["p0"].options.tags.contains("last"));
    }

    #[test]
    fn nothing_that_is_broken_panics_or_points_outside() {
        let (root, _) = text::toml(&path(CONFIG_FILE), WHOLE);
        break_everywhere(WHOLE, &root.expect("a tree"), &|bytes| Config::parse(bytes, &Kinds).1);
    }
}
