//! Recipes: for each validated asset all that its processor will be told, under one profile.

use std::cell::Cell;
use std::sync::Arc;

use crate::model::declaration::{Inputs, Intent, Options, Resolved};
use crate::model::reference::InputPattern;
use crate::model::{Code, Codec, Codecs, Looks, Profile, RelPath, Severity};
use crate::process::audio::Audio;
use crate::process::contract::Input;
use crate::process::contract::Processor;
use crate::process::exec::{Recipe, Told};
use crate::process::kinds;
use crate::process::raw::Raw;
use crate::process::trace::kind_in_words;
use crate::workspace::bucket::{Content, Kind, Members};
use crate::workspace::lookup::{Lookup, Source, is_declaration, sources_below};
use crate::workspace::packs::{Membership, Packs};

use super::declared::{asset_dirs, governor_of};
use super::issue::{At, Issue};
use super::validated::{Asset, validated};
use super::{DbTree, Slot};

/// The recipe of one asset.
#[derive(Clone, PartialEq, Eq)]
pub struct AssetRecipe {
    /// Which of the bucket's validated assets it is.
    pub asset: u32,
    /// What the packs make of it, by their numbers.
    pub packs: Arc<[Membership]>,
    /// What its processor will be told.
    pub recipe: Recipe,
}

/// The recipes of a bucket under one profile.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Recipes {
    /// In order of declaration; excluded assets have none.
    pub list: Vec<AssetRecipe>,
    /// What is wrong.
    pub issues: Vec<Issue>,
}

/// Returns the recipes of a bucket's assets.
#[salsa::tracked]
pub fn recipes(db: &dyn salsa::Database, slot: Slot) -> Recipes {
    let bucket = slot.bucket(db);
    let (members, contents) = (bucket.members(db), bucket.contents(db));
    let tree = Nearby { tree: DbTree(db), members, contents, next: Cell::new(0) };
    let (profile, packs) = (slot.profile(db), slot.packs(db));
    let mut settled = Settled { profile, packs, choices: Vec::new(), members: Arc::default() };
    let assets = &validated(db, bucket).assets;
    let mut out = Recipes { list: Vec::with_capacity(assets.len()), issues: Vec::new() };
    let mut dir = RelPath::root();
    for (idx, asset) in assets.iter().enumerate() {
        let (choice, packs) = match settled.get(asset) {
            Ok((choice, _)) if choice.resolved.exclude => continue,
            Ok(found) => found,
            Err(message) => {
                out.issues.push(Issue::error(&asset.intent.place, At::Asset, Code::WRONG_TYPE, message));
                continue;
            }
        };
        // Neighbours share the path of the directory they lie in.
        if dir.as_str() != asset.intent.dir_str() {
            dir = asset.intent.dir();
        }
        let before = out.issues.len();
        let inputs = inputs_in(&dir, &tree, asset_dirs(db), &asset.intent, &mut out.issues);
        refuse_large(&asset.intent.place, &dir, &inputs, profile.max_file_size, &mut out.issues);
        if out.issues[before..].iter().any(|it| it.severity == Severity::Error) {
            continue;
        }
        let recipe = choice.told.recipe(dir.clone(), inputs, codecs(&packs));
        out.list.push(AssetRecipe { asset: idx as u32, packs, recipe });
    }
    out
}

/// Reports inputs that are longer than the profile allows.
fn refuse_large(place: &RelPath, dir: &RelPath, inputs: &[Input], longest: u64, issues: &mut Vec<Issue>) {
    for input in inputs.iter().filter(|it| it.size > longest) {
        let path = dir.join(&input.path).expect("inputs lie inside the workspace");
        let message = format!("`{path}` is larger than the profile allows: {} of {longest} bytes", input.size);
        let issue = Issue::error(place, At::Asset, Code::FILE_TOO_LARGE, message).source(&path);
        issues.push(issue.help("if it is meant to be so large, raise `max_file_size` in the profile, else exclude it"));
    }
}

/// The tree as the assets of one bucket ask about it: mostly about what that bucket holds, in its order.
struct Nearby<'a> {
    tree: DbTree<'a>,
    members: &'a Members,
    contents: &'a [Content],
    /// Behind the last entry that was asked about.
    next: Cell<usize>,
}

impl Lookup for Nearby<'_> {
    fn find(&self, path: &RelPath) -> Option<(Kind, Content)> {
        let Some(idx) = self.members.find_from(self.next.get(), path.as_str()) else { return self.tree.find(path) };
        self.next.set(idx + 1);
        Some((self.members.kind(idx), self.contents[idx]))
    }

    fn buckets_below(&self, dir: &RelPath, show: &mut dyn FnMut(&Members, &[Content])) {
        self.tree.buckets_below(dir, show);
    }
}

/// Returns the forms in which the packs want an asset's payloads; as they are, where no pack wants any.
fn codecs(packs: &[Membership]) -> Codecs {
    if packs.is_empty() { Codecs::of([Codec::None]) } else { Codecs::of(packs.iter().map(|it| it.codec)) }
}

/// What an asset's options come to: the same for all assets of a rule, so worked out once for each.
struct Choice {
    options: *const Options,
    kind: Arc<str>,
    told: Told,
    resolved: Resolved,
    /// What the packs make of its assets; `None` where that depends on where they lie.
    packs: Option<Arc<[Membership]>>,
}

struct Settled<'a> {
    profile: &'a Profile,
    packs: &'a Packs,
    choices: Vec<Choice>,
    /// What the packs make of the asset that was asked about last: neighbours are mostly in the same.
    members: Arc<[Membership]>,
}

impl Settled<'_> {
    fn get(&mut self, asset: &Asset) -> Result<(&Choice, Arc<[Membership]>), String> {
        let intent = &asset.intent;
        let (options, kind) = (Arc::as_ptr(&intent.options), &intent.kind);
        let known = self.choices.iter().position(|it| std::ptr::eq(it.options, options) && it.kind == *kind);
        let at = match known {
            Some(at) => at,
            None => {
                let choice = self.choice(intent)?;
                self.choices.push(choice);
                self.choices.len() - 1
            }
        };
        let choice = &self.choices[at];
        if let Some(packs) = &choice.packs {
            return Ok((choice, packs.clone()));
        }
        let packs = self.packs.memberships(intent, &choice.resolved, self.profile);
        if *self.members != *packs {
            self.members = packs.into();
        }
        Ok((choice, self.members.clone()))
    }

    fn choice(&self, intent: &Intent) -> Result<Choice, String> {
        let (kind, resolved) = (&intent.kind, intent.resolve(self.profile));
        let processor = kinds::find(kind).ok_or_else(|| format!("no processor has the type `{kind}`"))?;
        let settings = resolved.settings.to_node().to_json();
        let prepared = processor.prepare(settings).map_err(|it| format!("the settings do not fit together: {it}"))?;
        let packs = (!self.packs.go_by_place()).then(|| self.packs.memberships(intent, &resolved, self.profile).into());
        Ok(Choice {
            options: Arc::as_ptr(&intent.options),
            kind: kind.clone(),
            told: Told::new(processor, Arc::new(prepared)),
            resolved,
            packs,
        })
    }
}

/// Finds an intent's inputs in the tree, in order, each once. `asset_dirs` are the directories with an `asset.json`.
pub fn inputs(tree: &dyn Lookup, asset_dirs: &[RelPath], intent: &Intent, issues: &mut Vec<Issue>) -> Vec<Input> {
    inputs_in(&intent.dir(), tree, asset_dirs, intent, issues)
}

/// As [`inputs`], given the directory that they are seen from.
fn inputs_in(
    base: &RelPath,
    tree: &dyn Lookup,
    asset_dirs: &[RelPath],
    intent: &Intent,
    issues: &mut Vec<Issue>,
) -> Vec<Input> {
    let place = &intent.place;
    // Most assets have one input, and there are many assets: no room for more than are expected.
    let mut inputs = Vec::with_capacity(match &intent.inputs {
        Inputs::Owner => 1,
        Inputs::Companions(companions) => 1 + companions.len(),
        Inputs::Group(group) => group.members.len(),
        Inputs::Directory => 0,
        Inputs::Listed(patterns) => patterns.len(),
    });
    match &intent.inputs {
        Inputs::Owner => take_if_there(tree, place, intent, base, &mut inputs, issues),
        Inputs::Companions(companions) => {
            for path in std::iter::once(place).chain(companions) {
                take_if_there(tree, path, intent, base, &mut inputs, issues);
            }
        }
        Inputs::Group(group) => {
            for path in group.members.iter().chain(&group.companions) {
                take_if_there(tree, path, intent, base, &mut inputs, issues);
            }
        }
        Inputs::Directory => {
            for source in sources_below(tree, place) {
                let dir = source.path.parent().expect("a source lies in a directory");
                let own = governor_of(asset_dirs, &dir).as_ref() == Some(place);
                if own && !is_declaration(source.path.as_str()) {
                    take(source, At::Asset, intent, base, &mut inputs, issues);
                }
            }
        }
        Inputs::Listed(patterns) => {
            for (idx, pattern) in patterns.iter().enumerate() {
                listed(tree, pattern, At::Input(idx), intent, base, &mut inputs, issues);
            }
        }
    }
    if inputs.is_empty() && !issues.iter().any(|it| it.place == *place) {
        let issue = Issue::error(place, At::Asset, Code::NO_INPUTS, format!("`{place}` has no input"));
        issues.push(issue.help("put a file into the directory, or name one in `inputs`"));
    }
    inputs
}

fn take_if_there(
    tree: &dyn Lookup,
    path: &RelPath,
    intent: &Intent,
    base: &RelPath,
    inputs: &mut Vec<Input>,
    issues: &mut Vec<Issue>,
) {
    if let Some((kind, content)) = tree.find(path) {
        take(Source { path: path.clone(), kind, content }, At::Asset, intent, base, inputs, issues);
    }
}

fn listed(
    tree: &dyn Lookup,
    pattern: &InputPattern,
    at: At,
    intent: &Intent,
    base: &RelPath,
    inputs: &mut Vec<Input>,
    issues: &mut Vec<Issue>,
) {
    let place = &intent.place;
    match pattern {
        InputPattern::Path(path) => match tree.find(path) {
            Some((kind, content)) => {
                take(Source { path: path.clone(), kind, content }, at, intent, base, inputs, issues);
            }
            None => {
                let message = format!("the input `{}` is not there", base.relative(path));
                let issue = Issue::error(place, at, Code::MISSING_INPUT, message);
                issues.push(issue.help(format!("`{path}` was looked for; add it, or take it out of `inputs`")));
            }
        },
        InputPattern::Glob(glob) => {
            let matcher = glob.matcher();
            let before = inputs.len();
            for source in sources_below(tree, &glob.base) {
                if matcher.is_match(source.path.as_str()) && !is_declaration(source.path.as_str()) {
                    take(source, at, intent, base, inputs, issues);
                }
            }
            if inputs.len() == before {
                let message = format!("`{}` matches no file below `{}`", glob.pattern, glob.base);
                issues.push(Issue::error(place, at, Code::MISSING_INPUT, message));
            }
        }
    }
}

/// Adds a source to the inputs, once; what has no bytes is an issue.
fn take(source: Source, at: At, intent: &Intent, base: &RelPath, inputs: &mut Vec<Input>, issues: &mut Vec<Issue>) {
    let path = base.relative(&source.path);
    if !source.kind.is_readable() {
        let message = format!("the input `{path}` is {}", kind_in_words(source.kind));
        issues.push(Issue::error(&intent.place, at, Code::NOT_A_FILE, message).help("an input is a file"));
    } else if !inputs.iter().any(|it| it.path == path) {
        check_content(&source, intent, issues);
        inputs.push(Input { path, digest: source.content.digest, size: source.content.size });
    }
}

/// Returns whether a file is a sound and its processor reads it, whatever it is called.
fn is_sound_of_many(intent: &Intent, looks: Looks) -> bool {
    *intent.kind == *Audio::KIND && looks.kind().is_some_and(|it| it.may_have(&["flac", "mp3", "ogg", "wav"]))
}

/// Reports contents that are not what they should be, as far as their first bytes and their length tell.
fn check_content(source: &Source, intent: &Intent, issues: &mut Vec<Issue>) {
    let (path, place, Content { size, looks, .. }) = (&source.path, &intent.place, source.content);
    let (issue, help) = if looks.is_lfs_pointer(size) {
        let message = format!("`{path}` is a Git LFS pointer, not the content");
        let help = "run `git lfs pull`; on a build machine, let the checkout fetch LFS files too";
        (Issue::error(place, At::Asset, Code::LFS_POINTER, message), help)
    } else if *intent.kind != *Raw::KIND && !is_sound_of_many(intent, looks) {
        return; // Who reads a format says what it makes of anything else.
    } else if size == 0 && intent.inputs == Inputs::Owner {
        let help = "fill it, or keep it out of the pack with a rule that has `exclude = true`";
        (Issue::warning(place, At::Asset, Code::EMPTY_FILE, format!("`{path}` is empty")), help)
    } else if let Some(kind) = looks.belies(path.as_str()) {
        let help = "give it the extension that fits, or export it again: many programs go by the extension";
        let message = format!("`{path}` is {}, whatever its extension says", kind.name);
        (Issue::warning(place, At::Asset, Code::BELIES_EXTENSION, message), help)
    } else {
        return;
    };
    issues.push(issue.source(path).help(help));
}
