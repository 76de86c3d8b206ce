//! `exclude` and `include`: whether an asset stays out of every pack. It keeps its identity either way.
//!
//! It is said where the asset is declared. For one that a rule makes that is a sidecar laid over the rule; where all
//! assets of a rule are meant, and more than one, it is a line in the rule.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::build::view::{Asset, View};
use crate::error::{Error, Result};
use crate::model::declaration::Form;
use crate::model::{Code, RelPath, text};
use crate::process::kinds;
use crate::workspace::config::Config;
use crate::workspace::declare::{Scope, from_asset_json, from_sidecar};
use crate::workspace::layout::CONFIG_FILE;

use super::rewrite::literal;
use super::uses::{Going, uses};
use super::{Decision, count, declared_text, json, refuse, set_field, settle, toml, unread, unreadable};

const USED: &str = "take the reference out first, or say --force: then the next build tells of it";

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
    decision.notes.extend(unread::after_loss(view, &fresh, &|_| false));
    let rules = whole_rules(view, &fresh, chosen);
    for rule in &rules {
        set_in_rule(view, *rule, Some(true), &mut decision)?;
    }
    let config = config_after(view, &decision);
    for asset in others(&fresh, &rules) {
        if !is_excluded_by(view, &config, asset, None) {
            refuse_seen_twice(view, asset)?;
            set_field(view, asset, "exclude", &true.into(), &mut decision.next)?;
        }
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
    let rules = whole_rules(view, &fresh, chosen);
    for rule in &rules {
        include_rule(view, *rule, &mut decision)?;
    }
    let config = config_after(view, &decision);
    for asset in others(&fresh, &rules) {
        include_one(view, &config, asset, &mut decision)?;
    }
    // Sidecars that were laid over a rule because it excludes are needed no more.
    let is_laid_over = |it: &&&Asset| base_rule(view, it).is_some_and(|it| rules.contains(&it));
    for asset in already.iter().filter(|it| it.declaration.file().is_some()).filter(is_laid_over) {
        include_one(view, &config, asset, &mut decision)?;
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

/// Refuses to exclude what lies behind a link and in another place too: it would be excluded in both. A rule can tell them
/// apart.
fn refuse_seen_twice(view: &View, asset: &Asset) -> Result<()> {
    let place = asset.place();
    let Some(real) = view.behind_link(place) else { return Ok(()) };
    let sights = view.sights(&real);
    let Some(other) = sights.iter().find(|it| *it != place) else { return Ok(()) };
    let root = view.config.root_of(place.as_str());
    let below = root.and_then(|it| it.path.strip(place.as_str())).filter(|_| base_rule(view, asset).is_some());
    let alone = below.map_or_else(String::new, |it| {
        let (pattern, kind) = (toml_text(&literal(it)), &asset.declaration.intent.kind);
        format!(
            "; to exclude this one alone, put a rule `[[rules]]` with `match = {pattern}`, `type = \"{kind}\"` and `exclude = \
             true` before the one that claims it in {CONFIG_FILE}"
        )
    });
    Err(Error::Refused(format!(
        "`{place}` lies behind a link, and is `{other}` too: `packwright exclude {other}` excludes both{alone}"
    )))
}

/// Returns a text as it is written in TOML.
fn toml_text(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
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
        ..Going::default()
    }
}

/// Returns the rules all of whose assets are chosen, where they are several: those that a rule makes, and those with a
/// sidecar laid over it. Only rules count by which one of the `fresh` goes.
fn whole_rules(view: &View, fresh: &[&Asset], chosen: &[&Asset]) -> BTreeSet<usize> {
    let made_by = |it: &&Asset| if let Form::Rule(rule) = it.declaration.origin.form { Some(rule) } else { None };
    let candidates: BTreeSet<usize> = fresh.iter().filter_map(made_by).collect();
    if candidates.is_empty() {
        return candidates;
    }
    let places: BTreeSet<&RelPath> = chosen.iter().map(|it| it.place()).collect();
    // By rule: how many assets go by it, and whether all of them are chosen.
    let mut rules: BTreeMap<usize, (usize, bool)> = BTreeMap::new();
    for asset in &view.assets {
        if let Some(rule) = base_rule(view, asset) {
            let (n, all) = rules.entry(rule).or_insert((0, true));
            *n += 1;
            *all &= places.contains(asset.place());
        }
    }
    let is_whole = |it: &usize| rules.get(it).is_some_and(|(n, all)| *all && *n > 1);
    candidates.into_iter().filter(is_whole).collect()
}

/// Returns those of the chosen that are not made by one of these rules.
fn others<'a>(chosen: &[&'a Asset], rules: &BTreeSet<usize>) -> Vec<&'a Asset> {
    let is_other = |it: &&&Asset| !matches!(it.declaration.origin.form, Form::Rule(rule) if rules.contains(&rule));
    chosen.iter().filter(is_other).copied().collect()
}

/// Returns the configuration with the rules as they are decided.
fn config_after(view: &View, decision: &Decision) -> Arc<Config> {
    let text = decision.next.files.get(CONFIG_FILE).and_then(Option::as_ref);
    text.and_then(|it| Config::parse(it, &kinds::Check).0).map_or_else(|| view.config.clone(), Arc::new)
}

/// Returns whether an asset would be excluded with another configuration, and with another text of its own file where
/// one is given.
fn is_excluded_by(view: &View, config: &Config, asset: &Asset, text: Option<&str>) -> bool {
    let Some(file) = asset.declaration.file() else { return false };
    let Some(text) = text.or_else(|| view.text(file)).map(str::as_bytes) else { return false };
    let scope = Scope { config, check: &kinds::Check };
    let declaration = match asset.declaration.origin.form {
        Form::Directory(_) => from_asset_json(scope, asset.place(), file, text).0,
        _ => {
            let made = view.claim(asset.place()).map(|it| view.config.made(it, asset.place()));
            from_sidecar(scope, asset.place(), file, text, made.as_ref()).0
        }
    };
    declaration.is_some_and(|it| it.intent.options.general.exclude == Some(true))
}

/// Returns the rule that an asset goes by: the one that makes it, or that its sidecar is laid over.
pub(super) fn base_rule(view: &View, asset: &Asset) -> Option<usize> {
    match &asset.declaration.origin.form {
        Form::Rule(rule) => Some(*rule),
        Form::Directory(_) => None,
        Form::Sidecar(file) => {
            let root = text::json(file, view.text(file)?).0?;
            root.get("type").is_none().then(|| view.claim(asset.place()))?
        }
    }
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
    let config = config_after(view, decision);
    if config.rules.get(rule).is_some_and(|it| it.options.general.exclude == Some(true)) {
        *decision = before;
        set_in_rule(view, rule, Some(false), decision)?;
    }
    Ok(())
}

fn include_one(view: &View, config: &Config, asset: &Asset, decision: &mut Decision) -> Result<()> {
    let next = &mut decision.next;
    let Some(file) = asset.declaration.file() else {
        return set_field(view, asset, "exclude", &false.into(), next);
    };
    let text = declared_text(view, asset, file)?;
    let without = json::unset(text, "exclude").ok_or_else(|| unreadable(view, asset, file))?;
    if is_excluded_by(view, config, asset, Some(&without)) {
        return set_field(view, asset, "exclude", &false.into(), next);
    }
    // A sidecar that says nothing any more is none that anybody wrote.
    let is_needless = json::is_bare(&without) && view.claim(asset.place()).is_some();
    next.files.insert(file.clone(), (!is_needless).then(|| without.into_bytes()));
    Ok(())
}
