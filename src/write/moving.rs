//! `move`: files and directories get other names, with all that belongs to them. The assets among them keep their
//! identities, and declarations that refer to them by path or by default name follow.
//!
//! What sources say is left alone: where one would not find any more what it reads, that is told.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::build::view::{Asset, View};
use crate::error::{Error, IoContext, Result};
use crate::lane;
use crate::model::declaration::Inputs;
use crate::model::path::{ASSET_JSON, SIDECAR_SUFFIX, portability_problem, sidecar_owner};
use crate::model::reference::path_problem;
use crate::model::registry::Edit;
use crate::model::{Digest, RelPath};
use crate::process::trace::{FindAnswer, Observation};
use crate::system::FileKind;
use crate::workspace::bucket::Kind;
use crate::workspace::config::{Config, Root};
use crate::workspace::layout::{CONFIG_FILE, STATE_DIR, Workspace};
use crate::workspace::rules::{Rule, RuleSet};

use super::exclusion::base_rule;
use super::rewrite::{Renaming, rewrite, rewrite_packs};
use super::{Decision, count, sidecar, toml, unread};

/// How long the name of a file is at most whose sidecar every system can hold, in bytes.
const LONGEST_NAME: usize = super::LONGEST_NAME - SIDECAR_SUFFIX.len();

/// Where files are moved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Destination {
    /// A file or directory.
    pub path: RelPath,
    /// Whether it is said to be a directory: `sprites/`.
    pub is_dir: bool,
}

/// Moves files and directories of the tree, `sources`, as `mv` would: into a directory that is there, or else to another
/// name.
///
/// # Errors
///
/// [`Error::Refused`] says why nothing is moved.
pub fn move_files(ws: &Workspace, view: &View, sources: &[RelPath], to: &Destination) -> Result<Decision> {
    let targets = targets(view, sources, to)?;
    let mut decision = Decision::default();
    for (from, to) in &targets {
        check_target(ws, view, from, to)?;
        take_files(ws, view, from, to, &mut decision)?;
        decision.notes.extend(unportable(view, from, to));
    }
    let mut renaming = Renaming { paths: targets.clone(), ..Renaming::default() };
    // A sidecar goes with its file.
    let beside = |it: &(&RelPath, &RelPath)| sidecar_owner(it.0.as_str()).is_some_and(|it| targets.contains_key(it));
    renaming.paths.extend(decision.next.moved.iter().filter(beside).map(|(from, to)| (from.clone(), to.clone())));
    let moved = move_assets(view, &mut renaming, &mut decision)?;
    decision.title = title(&targets, moved.len());
    decision.notes.extend(decision.make.iter().map(|it| format!("make the empty directory `{it}`")));
    rewrite(view, &renaming, &mut decision)?;
    rewrite_rules(view, &renaming, &mut decision)?;
    rewrite_packs(view, &renaming, &mut decision)?;
    decision.notes.extend(warnings(view, &renaming));
    decision.notes.extend(unread::after_move(view, &targets, &renaming));
    Ok(decision)
}

fn title(targets: &BTreeMap<RelPath, RelPath>, n_assets: usize) -> String {
    match targets.first_key_value() {
        Some((from, to)) if targets.len() == 1 => format!("move `{from}` to `{to}`"),
        _ => format!("move {}", count(n_assets, "asset")),
    }
}

/// Returns where each of the sources goes. What lies in another one of them moves along with that.
fn targets(view: &View, sources: &[RelPath], to: &Destination) -> Result<BTreeMap<RelPath, RelPath>> {
    let within = |it: &RelPath| sources.iter().any(|other| other.strip(it.as_str()).is_some());
    let outer: BTreeSet<&RelPath> = sources.iter().filter(|it| !within(it)).collect();
    let is_there = view.find(&to.path).is_some_and(|it| it.kind.is_dir());
    let into = is_there || to.is_dir;
    if !into && outer.len() > 1 {
        let message = format!("`{}` is no directory: with a `/` at its end it becomes one", to.path);
        return Err(Error::Refused(message));
    }
    let mut targets = BTreeMap::new();
    let mut taken: BTreeMap<RelPath, &RelPath> = BTreeMap::new();
    for from in outer {
        let target = if into { to.path.child(from.name()) } else { to.path.clone() };
        if let Some(other) = taken.insert(target.clone(), from) {
            return Err(Error::Refused(format!("both `{other}` and `{from}` would become `{target}`")));
        }
        targets.insert(from.clone(), target);
    }
    Ok(targets)
}

/// Warns of names that come into being and that not every system can hold.
fn unportable(view: &View, from: &RelPath, to: &RelPath) -> Vec<String> {
    let new = std::iter::successors(Some(to.clone()), RelPath::parent).take_while(|it| view.find(it).is_none());
    let problem = |it: RelPath| Some(format!("warning: `{it}`: {}", portability_problem(it.name())?));
    let mut warnings: Vec<String> = new.filter_map(problem).collect();
    if to.name().len() > LONGEST_NAME && view.find(from).is_some_and(|it| it.kind == Kind::File) {
        warnings.push(format!(
            "warning: `{to}`: the name leaves no room for a sidecar, `{SIDECAR_SUFFIX}` after it: most systems hold names of \
             up to {} bytes",
            super::LONGEST_NAME
        ));
    }
    warnings
}

fn check_target(ws: &Workspace, view: &View, from: &RelPath, to: &RelPath) -> Result<()> {
    let refuse = |why: String| Err(Error::Refused(why));
    if let Some(root) = view.config.roots.iter().find(|it| it.path == *from || from.strip(it.path.as_str()).is_some()) {
        return refuse(format!("`{from}` holds the root `{}`: change its `path` in {CONFIG_FILE} yourself", root.name));
    }
    if from == to || from.strip(to.as_str()).is_some() {
        return refuse(format!("`{from}` cannot be moved to `{to}`, which is the same or lies in it"));
    }
    if let Some(problem) = path_problem(to.as_str()) {
        return refuse(problem);
    }
    if let Some(why) = view.config.not_a_source(to) {
        return refuse(format!("`{to}` {why}"));
    }
    if sidecar_owner(to.as_str()).is_some() || to.name() == ASSET_JSON {
        return refuse(format!("`{to}` would be a declaration"));
    }
    if view.find(to).is_some() || ws.disk.stat(&ws.abs(to)).is_ok() {
        // Where case does not count, a file may stand in its own way.
        return refuse(format!("`{to}` is there already; packwright overwrites nothing"));
    }
    match to.parent().and_then(|it| view.find(&it)) {
        Some(parent) if !parent.kind.is_dir() => refuse(format!("`{}` is a file", parent.path)),
        _ => Ok(()),
    }
}

/// Takes up every file that moves with `from`.
fn take_files(ws: &Workspace, view: &View, from: &RelPath, to: &RelPath, decision: &mut Decision) -> Result<()> {
    let Some(entry) = view.find(from) else {
        return Err(Error::Refused(format!("`{from}` is no source")));
    };
    let moved = &mut decision.next.moved;
    if entry.kind == Kind::File {
        if sidecar_owner(from.as_str()).is_some() || from.name() == ASSET_JSON {
            return Err(Error::Refused(format!("`{from}` is a declaration; move what it declares")));
        }
        moved.insert(from.clone(), to.clone());
        let beside = sidecar(from)?;
        if view.find(&beside).is_some() {
            moved.insert(beside, sidecar(to)?);
        }
        return Ok(());
    }
    if entry.kind != Kind::Dir {
        return Err(Error::Refused(format!("`{from}` is a link or no regular file; packwright only moves files")));
    }
    let within = |path: &RelPath| from.strip(path.as_str()).and_then(|it| to.join(it));
    for source in view.below(from) {
        if source.kind != Kind::File {
            let message = format!("`{}` is a link or no regular file; packwright only moves files", source.path);
            return Err(Error::Refused(message));
        }
        moved.extend(within(&source.path).map(|it| (source.path.clone(), it)));
    }
    // What a sidecar beside the directory says is wrong, and stays that way: unless a marker makes an asset of it.
    let beside = sidecar(from)?;
    if view.gathered.at(from).is_some() && view.find(&beside).is_some() {
        moved.insert(beside, sidecar(to)?);
    }
    let Below { others, dirs } = below(ws, from, moved)?;
    moved.extend(others.keys().filter_map(|it| Some((it.clone(), within(it)?))));
    decision.make.extend(hollow(&dirs, moved).filter_map(|it| if it == from { Some(to.clone()) } else { within(it) }));
    decision.next.others.extend(others);
    warn_of_permissions(ws, &dirs, to, decision);
    decision.prune.extend(dirs);
    Ok(())
}

/// Returns the directories in which nothing is, neither a file that moves nor another directory.
fn hollow<'a>(dirs: &'a [RelPath], moved: &BTreeMap<RelPath, RelPath>) -> impl Iterator<Item = &'a RelPath> {
    let mut filled: BTreeSet<RelPath> = dirs.iter().filter_map(RelPath::parent).collect();
    filled.extend(moved.keys().filter_map(RelPath::parent));
    dirs.iter().filter(move |it| !filled.contains(*it))
}

/// Tells which directories have other permissions than they will get: those of the directory that they come into.
fn warn_of_permissions(ws: &Workspace, dirs: &[RelPath], to: &RelPath, decision: &mut Decision) {
    let mode = |it: &RelPath| ws.disk.stat(&ws.abs(it)).ok().map(|it| it.mode & 0o7777);
    let usual = std::iter::successors(to.parent(), RelPath::parent).find_map(|it| mode(&it));
    let Some(top) = dirs.first() else { return };
    for dir in dirs {
        let own = mode(dir).filter(|it| usual.is_some_and(|usual| usual != *it));
        let target = top.strip(dir.as_str()).map_or(Some(to.clone()), |it| to.join(it));
        if let (Some(own), Some(target)) = (own, target) {
            decision.notes.push(format!(
                "warning: `{dir}` has the permissions {own:o}, which do not come along; `chmod {own:o} {target}` gives \
                 them to it"
            ));
        }
    }
}

/// What is in a directory besides sources.
struct Below {
    /// Files that are no sources, hidden ones mostly, with their digests.
    others: BTreeMap<RelPath, Digest>,
    /// The directory and all that are in it.
    dirs: Vec<RelPath>,
}

fn below(ws: &Workspace, dir: &RelPath, sources: &BTreeMap<RelPath, RelPath>) -> Result<Below> {
    let mut others = BTreeMap::new();
    let mut dirs = vec![dir.clone()];
    let mut n_listed = 0;
    while let Some(dir) = dirs.get(n_listed).cloned() {
        n_listed += 1;
        let native = ws.abs(&dir);
        let listed = ws.disk.open_dir(&native).and_then(|it| it.list(Path::new(""))).context("read", &native)?;
        for entry in listed {
            let path = entry.name.to_str().map(|it| dir.child(it));
            match (path, entry.kind) {
                (Some(path), FileKind::Dir) if path.name() == STATE_DIR => {
                    return Err(Error::Refused(format!("`{dir}` is a workspace of its own")));
                }
                (Some(path), FileKind::Dir) => dirs.push(path),
                (Some(path), FileKind::File) if sources.contains_key(&path) => {}
                (Some(path), FileKind::File) => {
                    let digest = lane::digest_of(&*ws.disk, &ws.abs(&path))?;
                    others.insert(path, digest);
                }
                (path, _) => {
                    let path =
                        path.map_or_else(|| format!("{dir}/{}", entry.name.to_string_lossy()), |it| it.to_string());
                    let message = format!("`{path}` is a link or no regular file, or its name is not UTF-8");
                    return Err(Error::Refused(format!("{message}; packwright only moves files")));
                }
            }
        }
    }
    Ok(Below { others, dirs })
}

/// Lets identities and default names follow, and returns the assets that move.
fn move_assets<'a>(view: &'a View, renaming: &mut Renaming, decision: &mut Decision) -> Result<Vec<&'a Asset>> {
    let missing: BTreeSet<(&RelPath, &str)> = view.proposal.missing.iter().map(|it| (&it.place, &*it.part)).collect();
    let mut places = BTreeSet::new();
    for line in view.proposal.registry.lines().iter().filter(|it| !it.removed) {
        let to = renaming.path(&line.place);
        if to != line.place
            && !missing.contains(&(&line.place, &*line.part))
            && view.registry.by_uuid(line.uuid).is_some()
        {
            decision.edits.push(Edit::Move { uuid: line.uuid, to: to.clone() });
            decision.concerns.push(line.uuid);
            places.insert(to);
        }
    }
    if let Some(taken) = view.proposal.missing.iter().find(|it| places.contains(&it.place)) {
        return Err(Error::Refused(format!(
            "`{}` is the place of {}, which is missing; `packwright remove {}` gives it up for good",
            taken.place, taken.id, taken.id
        )));
    }
    let rules = Rules::after(view, renaming);
    let moved: Vec<&Asset> = view.assets.iter().filter(|it| renaming.path(it.place()) != *it.place()).collect();
    for asset in &moved {
        let to = renaming.path(asset.place());
        decision.notes.push(format!("move `{}` to `{to}`", asset.place()));
        if asset.declaration.origin.name.is_none() {
            renaming.names.insert(asset.place().clone(), rules.name(view, asset, &to));
        }
        check_declared(view, asset, &to, &rules, decision)?;
        check_companions(view, asset, &to, &rules)?;
    }
    Ok(moved)
}

/// Refuses to part a file from its companions.
fn check_companions(view: &View, asset: &Asset, to: &RelPath, rules: &Rules) -> Result<()> {
    let Inputs::Companions(companions) = &asset.declaration.intent.inputs else { return Ok(()) };
    let Some(rule) = rules.claim(view, asset, to) else { return Ok(()) };
    let config = &rules.config;
    let expected = config.companions(rule, to, &config.captures(rule, to.as_str()));
    let is_left = |it: &&RelPath| view.find(it).is_some() && !expected.contains(&rules.renaming.path(it));
    match companions.iter().find(is_left) {
        None => Ok(()),
        Some(left) => Err(Error::Refused(format!(
            "`{left}` is an input of `{}` by a rule, and would not be one at `{to}`; move them together: name both, or the \
             directory that holds them",
            asset.place()
        ))),
    }
}

/// Refuses what nothing would declare where it goes, and tells where another rule would.
fn check_declared(view: &View, asset: &Asset, to: &RelPath, rules: &Rules, decision: &mut Decision) -> Result<()> {
    let Some(before) = base_rule(view, asset) else { return Ok(()) };
    let rule = |it: usize| view.config.rules.get(it);
    let pattern = |it: usize| rule(it).map_or("", |it| &it.pattern);
    let gathers = |it: usize| rule(it).is_some_and(|it| !it.group.is_empty() || it.marker.is_some());
    match rules.claim(view, asset, to) {
        Some(after) if after == before => {}
        Some(after) if gathers(before) || gathers(after) => {
            return Err(Error::Refused(format!(
                "at `{to}` the rule `{}` holds, and not the rule `{}` any more; these do not make the same of files: \
                 change the rules first",
                pattern(after),
                pattern(before)
            )));
        }
        Some(after) => decision.notes.push(format!(
            "note: at `{to}` the rule `{}` holds, and not the rule `{}` any more",
            pattern(after),
            pattern(before)
        )),
        None if gathers(before) => {
            return Err(Error::Refused(format!(
                "nothing would declare `{to}`: the rule `{}` does not match there; change it first",
                pattern(before)
            )));
        }
        None => {
            return Err(Error::Refused(format!(
                "nothing would declare `{to}`: no rule matches it there; give it a sidecar `{}{SIDECAR_SUFFIX}` with a \
                 `type` first",
                asset.place()
            )));
        }
    }
    Ok(())
}

/// What decides which rule claims a file afterwards.
struct Rules {
    renaming: Renaming,
    /// The configuration with the rules as they will be.
    config: Config,
}

impl Rules {
    fn after(view: &View, renaming: &Renaming) -> Self {
        let config = &*view.config;
        let moved = |it: &Rule| rule_after(&config.roots, it, renaming).unwrap_or_else(|| it.pattern.clone());
        let rules = config.rules.all().iter().map(|it| Rule { pattern: moved(it), ..it.clone() });
        let rules = RuleSet::new(rules.collect()).unwrap_or_default();
        Self { renaming: renaming.clone(), config: Config { rules, ..config.clone() } }
    }

    /// Returns the name at `to` of an asset whose author gives it none.
    fn name(&self, view: &View, asset: &Asset, to: &RelPath) -> String {
        let rule = base_rule(view, asset).and_then(|_| self.claim(view, asset, to));
        rule.map_or_else(
            || self.config.default_name(to.as_str()),
            |it| self.config.rule_name(it, to.as_str(), &self.config.captures(it, sought(view, asset, to).as_str())),
        )
    }

    fn claim(&self, view: &View, asset: &Asset, to: &RelPath) -> Option<usize> {
        let path = &sought(view, asset, to);
        let mut above = path.parent();
        while let Some(dir) = above {
            if self.is_asset_dir(view, &dir) {
                return None;
            }
            above = dir.parent();
        }
        self.config.claim(path.as_str())
    }

    /// Returns whether `dir` has an `asset.json` afterwards: one that stays or one that comes.
    fn is_asset_dir(&self, view: &View, dir: &RelPath) -> bool {
        let has = |dir: &RelPath| view.find(&dir.child(ASSET_JSON)).is_some();
        let stays = has(dir) && self.renaming.path(dir) == *dir;
        let comes = self.renaming.paths.iter().any(|(from, to)| {
            let before =
                if dir == to { Some(from.clone()) } else { to.strip(dir.as_str()).and_then(|it| from.join(it)) };
            before.is_some_and(|it| has(&it))
        });
        stays || comes
    }
}

/// Returns the path by which a rule tells that it makes an asset at `to`: of a directory that of its marker. The place of
/// a group looks like the path of a member.
fn sought(view: &View, asset: &Asset, to: &RelPath) -> RelPath {
    let rule = base_rule(view, asset).and_then(|it| view.config.rules.get(it));
    rule.and_then(|it| it.marker.as_ref()).map_or_else(|| to.clone(), |it| to.child(it))
}

/// Lets rules follow that are about a file or directory that moves, and nothing else.
fn rewrite_rules(view: &View, renaming: &Renaming, decision: &mut Decision) -> Result<()> {
    let config = RelPath::new(CONFIG_FILE).expect("a plain file name is a path");
    let mut text = String::from_utf8_lossy(&view.config_text).into_owned();
    let mut is_changed = false;
    for (idx, rule) in view.config.rules.all().iter().enumerate() {
        let Some(pattern) = rule_after(&view.config.roots, rule, renaming) else { continue };
        if !rule.with.is_empty() {
            return Err(Error::Refused(format!(
                "the rule `{}` names what moves, and its companions by their paths too: change both in {CONFIG_FILE} \
                 yourself, and move the files with them",
                rule.pattern
            )));
        }
        let written = match &rule.marker {
            Some(marker) => pattern.strip_suffix(marker).and_then(|it| it.strip_suffix('/')),
            None => Some(pattern.as_str()),
        };
        let edited = written.and_then(|it| toml::set_match(&text, idx, it));
        text = edited.ok_or_else(|| Error::Refused(format!("`{config}` cannot be edited as it is")))?;
        is_changed = true;
        decision.notes.push(format!("rewrite the rule `{}` to `{pattern}`", rule.pattern));
    }
    if is_changed {
        decision.next.files.insert(config, Some(text.into_bytes()));
    }
    Ok(())
}

/// Returns the pattern of a rule that names what moves; `None` where it stays.
fn rule_after(roots: &[Root], rule: &Rule, renaming: &Renaming) -> Option<String> {
    let mut own = roots.iter().filter(|it| rule.root.as_ref().is_none_or(|name| *name == it.name));
    let (root, None) = (own.next()?, own.next()) else { return None };
    let is_literal = |it: &&str| !it.contains(['*', '?', '[', '{']);
    let components: Vec<&str> = rule.pattern.split('/').collect();
    let literal: Vec<&str> = components.iter().copied().take_while(is_literal).collect();
    let before = root.path.join(&literal.join("/")).filter(|_| !literal.is_empty())?;
    let after = renaming.path(&before);
    let below =
        root.path.strip(after.as_str()).filter(|it| after != before && it.split('/').all(|it| is_literal(&it)))?;
    Some([&[below][..], &components[literal.len()..]].concat().join("/"))
}

/// Says what processors would not find any more where they read it.
fn warnings(view: &View, renaming: &Renaming) -> Vec<String> {
    let mut warnings = Vec::new();
    for asset in &view.assets {
        let before = asset.declaration.intent.dir();
        let after = renaming.dir(asset);
        let mut paths = BTreeSet::new();
        for observation in &asset.observed {
            match observation {
                Observation::Find { path, answer: FindAnswer::Source(..) }
                | Observation::AssetAt { path, answer: Some(_) } => {
                    paths.insert(path);
                }
                _ => {}
            }
        }
        for path in paths {
            let Some(target) = before.join(path) else { continue };
            let moved = renaming.path(&target);
            if after.join(path).as_ref() != Some(&moved) {
                let place = renaming.path(asset.place());
                warnings.push(format!(
                    "warning: `{place}` reads `{path}`, which it will find at `{}`; change that in the source",
                    after.relative(&moved)
                ));
            }
        }
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelPath {
        RelPath::new(text).expect("a path")
    }

    #[test]
    fn a_rule_follows_what_its_pattern_names() {
        let roots = |paths: &[&str]| -> Vec<Root> {
            paths.iter().map(|it| Root { name: (*it).to_owned(), path: path(it) }).collect()
        };
        let (one, two) = (roots(&["a"]), roots(&["a", "b"]));
        let renaming =
            |from: &str, to: &str| Renaming { paths: [(path(from), path(to))].into(), ..Renaming::default() };
        let after = |roots: &[Root], root: Option<&str>, pattern: &str, from: &str, to: &str| {
            let root = root.map(str::to_owned);
            let rule = Rule { pattern: pattern.to_owned(), root, kind: "raw".into(), ..Rule::default() };
            rule_after(roots, &rule, &renaming(from, to)).unwrap_or_else(|| "as it is".to_owned())
        };
        for (pattern, from, to, expected) in [
            ("ui/**/*.png", "a/ui", "a/gui", "gui/**/*.png"),
            ("ui/**/*.png", "a/ui", "a/x/y", "x/y/**/*.png"),
            ("ui/icons/*.png", "a/ui", "a/gui", "gui/icons/*.png"),
            ("ui/{a,b}.png", "a/ui", "a/gui", "gui/{a,b}.png"),
            ("logo.png", "a/logo.png", "a/x/sign.png", "x/sign.png"),
            ("ui/**/*.png", "a/ui/x.png", "a/x.png", "as it is"),
            ("ui/**/*.png", "a/ui/icons", "a/icons", "as it is"),
            ("**/*.png", "a/ui", "a/gui", "as it is"),
            ("ui/*.png", "a/ui", "a/[ui]", "as it is"),
            ("ui/*.png", "a/uix", "a/x", "as it is"),
        ] {
            assert_eq!(after(&one, None, pattern, from, to), expected, "{pattern} {from}");
        }
        // A rule for several roots says nothing of one of them; and none follows into another root.
        assert_eq!(after(&two, None, "ui/*.png", "a/ui", "a/gui"), "as it is");
        assert_eq!(after(&two, Some("a"), "ui/*.png", "a/ui", "a/gui"), "gui/*.png");
        assert_eq!(after(&two, Some("b"), "ui/*.png", "a/ui", "a/gui"), "as it is");
        assert_eq!(after(&two, Some("a"), "ui/*.png", "a/ui", "b/ui"), "as it is");
    }
}
