//! `exclude` and `include`: whether an asset stays out of every pack. It keeps its identity either way.
//!
//! It is said where the asset is declared. For one that a rule makes that is a sidecar laid over the rule; where all
//! assets of a rule are meant, and more than one, it is a line in the rule.

use std::collections::{BTreeMap, BTreeSet};

use crate::build::view::{Asset, View};
use crate::error::{Error, Result};
use crate::model::declaration::{Declaration, Form};
use crate::model::{Code, RelPath, text};
use crate::process::kinds;
use crate::workspace::declare::{Scope, from_asset_json, from_sidecar};
use crate::workspace::layout::CONFIG_FILE;

use super::uses::{Going, uses};
use super::{Decision, count, declared_text, json, refuse, set_field, settle, toml, unreadable};

const USED: &str = "take the reference out first, or say --force: then the next build tells of it as an error";

/// Keeps assets out of every pack.
///
/// # Errors
///
/// [`Error::Invalid`] names those who refer to them, unless `force`.
pub fn exclude(view: &View, chosen: &[&Asset], force: bool) -> Result<Decision> {
    let (already, fresh): (Vec<&Asset>, Vec<&Asset>) = chosen.iter().partition(|it| is_excluded(it));
    let mut decision = begin("exclude", view, &fresh, &already, "is excluded already");
    if force {
        decision.tolerates.push(Code::UNRESOLVED_REFERENCE);
    } else {
        refuse(uses(view, &going(view, &fresh), USED))?;
    }
    let (by_rule, others) = whole_rules(view, &fresh);
    for rule in by_rule {
        set_in_rule(view, rule, Some(true), &mut decision)?;
    }
    for asset in others {
        set_field(view, asset, "exclude", &true.into(), &mut decision.next)?;
    }
    Ok(decision)
}

/// Takes back that assets are kept out of packs.
///
/// # Errors
///
/// [`Error::Refused`] for a declaration that cannot be edited.
pub fn include(view: &View, chosen: &[&Asset]) -> Result<Decision> {
    let (fresh, already): (Vec<&Asset>, Vec<&Asset>) = chosen.iter().partition(|it| is_excluded(it));
    let mut decision = begin("include", view, &fresh, &already, "is not excluded");
    let (by_rule, others) = whole_rules(view, &fresh);
    for rule in by_rule {
        include_rule(view, rule, &mut decision)?;
    }
    for asset in others {
        include_one(view, asset, &mut decision)?;
    }
    for asset in chosen {
        let profiles = asset.declaration.intent.options.profiles.iter();
        for (profile, _) in profiles.filter(|it| it.1.exclude == Some(true)) {
            let place = asset.place();
            decision
                .notes
                .push(format!("note: `{place}` stays excluded in the profile `{profile}`, where that is said"));
        }
    }
    Ok(decision)
}

fn is_excluded(asset: &Asset) -> bool {
    asset.declaration.intent.options.general.exclude == Some(true)
}

fn begin(verb: &str, view: &View, fresh: &[&Asset], already: &[&Asset], state: &str) -> Decision {
    let mut decision = Decision { title: format!("{verb} {}", count(fresh.len(), "asset")), ..Decision::default() };
    for asset in already {
        decision.notes.push(format!("`{}` {state}", asset.place()));
        decision.concerns.extend(view.line(asset).map(|it| it.uuid));
    }
    for asset in fresh {
        decision.notes.push(format!("{verb} `{}`", asset.place()));
        settle(view, asset, &mut decision);
    }
    decision
}

fn going(view: &View, fresh: &[&Asset]) -> Going {
    let places: BTreeSet<RelPath> = fresh.iter().map(|it| it.place().clone()).collect();
    let excluded = view.assets.iter().filter(|it| is_excluded(it)).map(|it| it.place().clone());
    Going {
        uuids: fresh.iter().filter_map(|it| view.line(it)).map(|it| it.uuid).collect(),
        indifferent: places.iter().cloned().chain(excluded).collect(),
        assets: places,
        files: BTreeSet::new(),
    }
}

/// Returns the rules all of whose assets are chosen, where they are several, and the chosen assets of no such rule.
fn whole_rules<'a>(view: &View, chosen: &[&'a Asset]) -> (Vec<usize>, Vec<&'a Asset>) {
    let places: BTreeSet<&RelPath> = chosen.iter().map(|it| it.place()).collect();
    let is_candidate = |it: &&&Asset| matches!(it.declaration.origin.form, Form::Rule(_));
    // By rule: the assets that it makes, and whether all that go by it are chosen.
    let mut rules: BTreeMap<usize, (usize, bool)> = BTreeMap::new();
    if chosen.iter().any(|it| is_candidate(&it)) {
        for asset in &view.assets {
            if let Some(rule) = base_rule(view, asset) {
                let (n, all) = rules.entry(rule).or_insert((0, true));
                *n += usize::from(is_candidate(&&asset));
                *all &= places.contains(asset.place());
            }
        }
    }
    rules.retain(|_, (n, all)| *all && *n > 1);
    let is_whole = |it: &&&Asset| matches!(it.declaration.origin.form, Form::Rule(rule) if rules.contains_key(&rule));
    let others = chosen.iter().filter(|it| !is_whole(it)).copied().collect();
    (rules.into_keys().collect(), others)
}

/// Returns the rule that an asset goes by: the one that makes it, or that its sidecar is laid over.
pub(super) fn base_rule(view: &View, asset: &Asset) -> Option<usize> {
    match &asset.declaration.origin.form {
        Form::Rule(rule) => Some(*rule),
        Form::Directory(_) => None,
        Form::Sidecar(file) => {
            let root = text::json(file, view.text(file)?).0?;
            root.get("type").is_none().then(|| claim(view, asset.place()))?
        }
    }
}

/// Returns the rule that would claim a file.
pub(super) fn claim(view: &View, place: &RelPath) -> Option<usize> {
    if view.governor(place).is_some() {
        return None;
    }
    let root = view.config.root_of(place.as_str())?;
    view.config.rules.claim(root, root.path.strip(place.as_str())?)
}

fn set_in_rule(view: &View, rule: usize, exclude: Option<bool>, decision: &mut Decision) -> Result<()> {
    let config = RelPath::new(CONFIG_FILE).expect("a plain file name is a path");
    let text = decision.next.files.get(&config).cloned().flatten().unwrap_or_else(|| view.config_text.clone());
    let edited = std::str::from_utf8(&text).ok().and_then(|it| toml::set_exclude(it, rule, exclude));
    let edited = edited.ok_or_else(|| Error::Refused(format!("`{config}` cannot be edited as it is")))?;
    decision.next.files.insert(config, Some(edited.into_bytes()));
    if let Some(rule) = view.config.rules.get(rule) {
        let said = if exclude == Some(true) { "now excludes" } else { "does not exclude any more" };
        decision.notes.push(format!("note: the rule `{}` {said} whatever it matches, also later", rule.pattern));
    }
    Ok(())
}

/// Takes an exclusion out of a rule, or where it comes from a preset, lays over it that there is none.
fn include_rule(view: &View, rule: usize, decision: &mut Decision) -> Result<()> {
    let before = decision.clone();
    set_in_rule(view, rule, None, decision)?;
    let config = RelPath::new(CONFIG_FILE).expect("a plain file name is a path");
    let text = decision.next.files.get(&config).cloned().flatten().unwrap_or_default();
    let (config, _) = crate::workspace::Config::parse(&text, &kinds::Check);
    let is_excluded =
        config.and_then(|it| it.rules.get(rule).map(|it| it.options.general.exclude == Some(true))).unwrap_or_default();
    if is_excluded {
        *decision = before;
        set_in_rule(view, rule, Some(false), decision)?;
    }
    Ok(())
}

fn include_one(view: &View, asset: &Asset, decision: &mut Decision) -> Result<()> {
    let next = &mut decision.next;
    let Some(file) = asset.declaration.file() else {
        return set_field(view, asset, "exclude", &false.into(), next);
    };
    let text = declared_text(view, asset, file)?;
    let without = json::unset(text, "exclude").ok_or_else(|| unreadable(asset, file))?;
    if declare_again(view, asset, file, &without).is_some_and(|it| it.intent.options.general.exclude == Some(true)) {
        return set_field(view, asset, "exclude", &false.into(), next);
    }
    // A sidecar that says nothing any more is none that anybody wrote.
    let is_needless = json::is_bare(&without) && claim(view, asset.place()).is_some();
    next.files.insert(file.clone(), (!is_needless).then(|| without.into_bytes()));
    Ok(())
}

/// Returns what an asset's file would declare with another text.
fn declare_again(view: &View, asset: &Asset, file: &RelPath, text: &str) -> Option<Declaration> {
    let scope = Scope { config: &view.config, check: &kinds::Check };
    match asset.declaration.origin.form {
        Form::Directory(_) => from_asset_json(scope, asset.place(), file, text.as_bytes()).0,
        _ => from_sidecar(scope, asset.place(), file, text.as_bytes(), claim(view, asset.place())).0,
    }
}
