//! What a workspace declares, has registered, misses and leaves alone, without making or writing anything: what
//! `status` and `list` show.
//!
//! The same scan, queries and proposal as a build, up to where processors would run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::lane;
use crate::model::declaration::{Declaration, Form, Inputs, Intent, Resolved};
use crate::model::path::{parent, sidecar_owner};
use crate::model::registry::{Change as RegistryChange, ChangeNote, Line, Proposal};
use crate::model::{AssetId, AssetUuid, Diagnostic, Digest, RelPath, diagnostic};
use crate::process::contract::Input;
use crate::query::declared::{asset_dirs, declared, governors};
use crate::query::issue::Problem;
use crate::query::layout::layout;
use crate::query::names::names;
use crate::query::recipes::{inputs, recipes};
use crate::query::validated::validated;
use crate::query::{Bucket, Slot, State};
use crate::workspace::bucket::{Kind, Tree};
use crate::workspace::config::Config;
use crate::workspace::layout::Workspace;
use crate::workspace::lookup::is_declaration;
use crate::workspace::packs::Membership;
use crate::workspace::provenance;
use crate::workspace::scan::{self, scan};

use super::Options;
use super::artifacts::Moved;
use super::configure::{Seen, Setup, configure, registry_files};
use super::identify::identify;
use super::judge::omit_if_asked;
use super::members::{self, starts};
use super::pass::Pass;
use super::remembered::{Remembered, remembered};
use super::session::Session;
use super::surroundings;

/// A workspace as it stands.
#[derive(Clone, PartialEq, Debug)]
pub struct Inspection {
    /// The author's configuration.
    pub config: Arc<Config>,
    /// The assets by id; those without one (excluded before they were registered) come last, by place.
    pub assets: Vec<Asset>,
    /// What the next build would write to the registry, by place.
    pub changes: Vec<ChangeNote>,
    /// Registered assets that are not declared, by place.
    pub missing: Vec<Line>,
    /// Assets of which the registry holds more lines than one, by place: what the next commit to it tidies.
    pub doubled: Vec<Line>,
    /// Of each rule, in their order, what comes of it.
    pub rules: Vec<RuleTally>,
    /// Sources that are no asset and no input of the one whose directory they lie in, by path.
    pub unclaimed: Vec<Unclaimed>,
    /// Number of sources, directories not counted.
    pub sources: u64,
    /// What is to be said about the workspace short of running processors, in the order in which it is shown. What they
    /// said of assets as these are today is part of it, as far as the cache remembers.
    pub diagnostics: Vec<Diagnostic>,
    /// What is to be said about the cache.
    pub cache_warnings: Vec<Diagnostic>,
}

/// What comes of a rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RuleTally {
    /// Number of assets that it makes, or that a sidecar is laid over.
    pub assets: u64,
    /// Number of those with a sidecar.
    pub with_sidecar: u64,
    /// Of a rule without assets the number of files that it matches and that are something else already; 0 of all others.
    pub taken: u64,
}

/// A source that is no asset.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unclaimed {
    /// Where it is.
    pub path: RelPath,
    /// The directory asset that it lies in and none of whose inputs matches it; `None` where it lies in none.
    pub beside: Option<RelPath>,
    /// The places of the assets that it is a declared input of all the same.
    pub input_of: Vec<RelPath>,
    /// The places of the assets whose processors are remembered to have read it.
    pub read_by: Vec<RelPath>,
}

impl Unclaimed {
    /// Returns whether an asset is made of it, though it is none itself.
    pub fn is_used(&self) -> bool {
        !self.input_of.is_empty() || !self.read_by.is_empty()
    }
}

/// A declared asset.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asset {
    /// Its identity, or the one that it would get.
    pub identity: Option<(AssetUuid, AssetId)>,
    /// Whether the next build would register it or has to say that it moved.
    pub change: Option<RegistryChange>,
    /// The author's name.
    pub name: String,
    /// Its type.
    pub kind: Arc<str>,
    /// The file or directory that it owns.
    pub place: RelPath,
    /// Which of several assets made out of one source; empty for the asset as a whole.
    pub part: String,
    /// How it is declared.
    pub form: Form,
    /// The index of the rule that makes it, or that its sidecar is laid over.
    pub rule: Option<usize>,
    /// For people and tools, sorted.
    pub tags: Vec<String>,
    /// Number of declared inputs that are there.
    pub inputs: u64,
    /// Their length in bytes.
    pub bytes: u64,
    /// Those of them that are not its place itself, relative to the workspace.
    pub others: Vec<RelPath>,
    /// Names of the packs that it is in, sorted; with something wrong about it, those that it would be in.
    pub packs: Vec<String>,
    /// Whether it stays out of this profile's packs because its author says so.
    pub excluded: bool,
    /// Whether something about it is an error; what its processor finds counts as far as the cache remembers it.
    pub broken: bool,
    /// Whether nobody knows what its processor makes of it as it is today.
    pub untried: bool,
}

impl Asset {
    /// Returns its number, or the one that it would get.
    pub fn id(&self) -> Option<AssetId> {
        self.identity.map(|it| it.1)
    }

    /// Returns whether no pack asks for it, although its author excludes it from none.
    pub fn is_unpacked(&self) -> bool {
        self.packs.is_empty() && !self.excluded
    }
}

/// Looks at a workspace. Where packs go by what is reachable, the processors of whatever is not up to date run: nothing
/// else tells what assets refer to.
///
/// # Errors
///
/// As a build, up to where processors would run.
pub fn inspect(ws: &Workspace, state: &mut State, options: &Options) -> std::result::Result<Inspection, Moved> {
    inspect_and(ws, state, options, Depth::Remembered, |_| ()).map(|it| it.0)
}

/// How much is wanted of what processors make.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Depth {
    /// Nothing.
    Declared,
    /// What the cache remembers; nothing is run for it.
    Remembered,
    /// All of it: the processors of whatever is not up to date run. What they make is stored, and the next build needs not
    /// run them.
    Made,
}

/// What an inspection goes by, for those who want to know more.
pub(super) struct Ground<'a> {
    pub(super) state: &'a State,
    pub(super) slots: &'a [Slot],
    pub(super) tree: &'a Tree,
    pub(super) setup: &'a Setup,
    pub(super) proposal: &'a Proposal,
    pub(super) problems: &'a [Problem],
    pub(super) assets: &'a [Asset],
    pub(super) pass: &'a Pass<'a>,
    /// Digest of the registry's files.
    pub(super) registry: Digest,
}

/// As [`inspect`], and does something more with the same moment.
pub(super) fn inspect_and<T>(
    ws: &Workspace,
    state: &mut State,
    options: &Options,
    depth: Depth,
    and: impl FnOnce(&Ground<'_>) -> T,
) -> std::result::Result<(Inspection, T), Moved> {
    lane::open(&*ws.disk, &ws.root, "packwright", std::process::id())?;
    let seen = Seen::of(ws, options)?;
    let (ws, options) = (&seen.ws, &seen.options);
    let setup = configure(&seen)?;
    let session = Session::open(ws, options, Vec::new());
    let mut registry_files = registry_files(ws, &session.index, options, &setup.sight)?;
    let how = scan::Options { rehash: options.rehash, ignore: Some(&setup.config.ignore) };
    let scan = scan(ws, &setup.roots, session.known_tree(&setup), &session.sources, how)?;
    let pass = Pass::new(session, setup, scan);
    pass.load_tree()?;
    let (registry, registry_warnings) = registry_files.load(ws)?;
    pass.change(pass.workshop().all_texts()?, &registry).apply(state);
    let (tree, setup) = (&pass.scan.tree, &pass.setup);
    let proposal = identify(ws, state, tree, &setup.config, &registry);
    pass.note_missing(&proposal.missing);
    state.set_identities(crate::query::Identities::Registry(proposal.registry.clone()));
    let slots = state.slots(&setup.profile, &setup.config.packs);
    state.prefetch(ws, "recipes", &slots, |db, it| {
        recipes(db, it);
    });
    let made = depth == Depth::Made || !setup.config.packs.are_local();
    if made {
        pass.workshop().make(state, &slots)?;
        pass.session.store.commit();
    }
    pass.remember_scan(&registry_files);
    registry_files.check_unmoved(ws)?;

    let mut problems = problems(state, &slots);
    if made {
        problems.extend(slots.iter().flat_map(|it| layout(&state.db, *it).problems.iter().cloned()));
    }
    let (reached, unresolved) = reached(state, &slots, setup);
    let mut unclaimed = unclaimed(state);
    let remembered = match depth {
        _ if made => Remembered::of_made(state, &slots, &unclaimed),
        Depth::Remembered => remembered(&pass, state, &slots, &unclaimed),
        Depth::Declared | Depth::Made => Remembered::default(),
    };
    problems.extend(remembered.problems);
    let mut assets = assets(state, tree, setup, &proposal, &problems, &reached);
    for it in &mut assets {
        it.untried = remembered.untried.contains(&(it.place.clone(), it.part.clone()));
    }
    note_uses(&mut unclaimed, &assets, remembered.readers);
    let (proposed, problems_now) = (&proposal, &problems);
    let ground = Ground {
        state,
        slots: &slots,
        tree,
        setup,
        proposal: proposed,
        problems: problems_now,
        assets: &assets,
        pass: &pass,
        registry: registry_files.digest,
    };
    let more = and(&ground);
    let mut diagnostics = pass.general(registry_warnings, &proposal);
    diagnostics.extend(unresolved);
    diagnostics.extend(surroundings::strays(ws));
    diagnostics.extend(problems.into_iter().map(|it| omit_if_asked(it, &setup.profile)));
    diagnostic::sort(&mut diagnostics);
    let mut doubled: Vec<Line> = registry.settled().cloned().collect();
    doubled.sort_by(|a, b| (&a.place, &a.part).cmp(&(&b.place, &b.part)));
    let inspection = Inspection {
        rules: rules(tree, &setup.config, &assets),
        assets,
        unclaimed: unclaimed.into_values().collect(),
        sources: tree.buckets().iter().map(|it| it.sources() as u64).sum(),
        config: setup.config.clone(),
        doubled,
        changes: proposal.changes,
        missing: proposal.missing,
        diagnostics,
        cache_warnings: pass.session.cache_warnings(),
    };
    Ok((inspection, more))
}

pub(super) fn problems(state: &State, slots: &[Slot]) -> Vec<Problem> {
    let db = &state.db;
    let mut problems = Vec::new();
    for slot in slots {
        let bucket = slot.bucket(db);
        problems.extend(declared(db, bucket).problems.iter().cloned());
        problems.extend(validated(db, bucket).issues.iter().map(|it| it.locate(db, bucket)));
        problems.extend(recipes(db, *slot).issues.iter().map(|it| it.locate(db, bucket)));
    }
    problems
}

/// Returns the sources that are no assets and in no declared directory, and those in one, be they its inputs or not.
fn unclaimed(state: &State) -> BTreeMap<RelPath, Unclaimed> {
    let db = &state.db;
    let mut found = BTreeMap::new();
    let mut take = |path: RelPath, beside: Option<RelPath>| {
        found.insert(path.clone(), Unclaimed { path, beside, input_of: Vec::new(), read_by: Vec::new() });
    };
    // Of a declaration that cannot be read, nobody knows what it would match.
    let read: BTreeSet<RelPath> = state.buckets().into_iter().flat_map(|it| declared_dirs(state, it)).collect();
    for bucket in state.buckets() {
        let members = bucket.members(db);
        declared(db, bucket).unclaimed.iter().for_each(|it| take(members.path(*it as usize), None));
        let governors = governors(db, bucket);
        if governors.is_empty() {
            continue;
        }
        let mut buf = String::new();
        for at in 0..members.len() {
            let (kind, path) = (members.kind(at), members.path_in(at, &mut buf));
            let has_sidecar = at + 1 < members.len() && sidecar_owner(members.name(at + 1)) == Some(members.name(at));
            if kind.is_dir() || kind == Kind::BadName || is_declaration(path) || has_sidecar {
                continue;
            }
            let governor = governors.get(parent(path)).filter(|it| read.contains(*it));
            if let Some(governor) = governor {
                take(members.path(at), Some(governor.clone()));
            }
        }
    }
    found
}

/// Returns the directories that are assets by a declaration in a bucket.
fn declared_dirs(state: &State, bucket: Bucket) -> Vec<RelPath> {
    let dirs = declared(&state.db, bucket).assets.iter().filter(|it| matches!(it.origin.form, Form::Directory(_)));
    dirs.map(|it| it.intent.place.clone()).collect()
}

/// Notes who uses what is unclaimed. What lies in a declared directory and is an input is not unclaimed at all.
fn note_uses(unclaimed: &mut BTreeMap<RelPath, Unclaimed>, assets: &[Asset], readers: BTreeMap<RelPath, Vec<RelPath>>) {
    for asset in assets {
        for path in &asset.others {
            if let Some(it) = unclaimed.get_mut(path) {
                it.input_of.push(asset.place.clone());
            }
        }
    }
    unclaimed.retain(|_, it| it.beside.is_none() || it.input_of.is_empty());
    for (path, readers) in readers {
        if let Some(it) = unclaimed.get_mut(&path) {
            it.read_by = readers;
        }
    }
    for it in unclaimed.values_mut() {
        for places in [&mut it.input_of, &mut it.read_by] {
            places.sort();
            places.dedup();
        }
    }
}

/// Returns what comes of each rule.
fn rules(tree: &Tree, config: &Config, assets: &[Asset]) -> Vec<RuleTally> {
    let mut tallies = vec![RuleTally::default(); config.rules.all().len()];
    for asset in assets {
        let Some(tally) = asset.rule.and_then(|it| tallies.get_mut(it)) else { continue };
        tally.assets += 1;
        tally.with_sidecar += u64::from(matches!(asset.form, Form::Sidecar(_)));
    }
    let idle: Vec<usize> = (0..tallies.len()).filter(|it| tallies[*it].assets == 0).collect();
    if idle.is_empty() {
        return tallies;
    }
    let mut counts = config.rules.counter(&idle);
    let mut buf = String::new();
    for members in tree.buckets().iter().map(|it| it.members()) {
        for at in 0..members.len() {
            let path = members.path_in(at, &mut buf);
            if members.kind(at).is_dir() || is_declaration(path) {
                continue;
            }
            let root = config.root_of(path);
            if let Some((root, below)) = root.and_then(|it| Some((it, it.path.strip(path)?))) {
                counts.see(root, below);
            }
        }
    }
    for (rule, n) in idle.iter().zip(counts.counts) {
        tallies[*rule].taken = n;
    }
    tallies
}

/// Returns what is reached by each pack, ascending, given what was made, and what is wrong with how the author names what
/// it is reached from.
fn reached(state: &State, slots: &[Slot], setup: &Setup) -> (Vec<Vec<AssetId>>, Vec<Diagnostic>) {
    let packs = &setup.config.packs;
    if packs.are_local() {
        return (vec![Vec::new(); packs.all().len()], Vec::new());
    }
    let (starts, unresolved) = starts(packs, names(&state.db), &setup.config_text);
    let layouts: Vec<_> = slots.iter().map(|it| layout(&state.db, *it).clone()).collect();
    (members::reached(packs, &layouts, &starts), unresolved)
}

fn assets(
    state: &State,
    tree: &Tree,
    setup: &Setup,
    proposal: &Proposal,
    problems: &[Problem],
    reached: &[Vec<AssetId>],
) -> Vec<Asset> {
    let db = &state.db;
    let packs = |intent: &Intent, resolved: &Resolved, id: Option<AssetId>| {
        let members = setup.config.packs.memberships(intent, resolved, &setup.profile);
        let is_reached = |it: &Membership| id.is_some_and(|id| reached[it.pack as usize].binary_search(&id).is_ok());
        let is_in = members.iter().filter(|it| !resolved.exclude && (it.is_selected || is_reached(it)));
        is_in.map(|it| setup.config.packs.all()[it.pack as usize].name.clone()).collect()
    };
    let failed = problems.iter().filter(|it| it.diagnostic.is_error());
    let broken: BTreeSet<&RelPath> = failed.map(|it| &it.place).collect();
    let change = |it: &ChangeNote| ((it.place.clone(), it.part.to_string()), it.change.clone());
    let changes: BTreeMap<(RelPath, String), RegistryChange> = proposal.changes.iter().map(change).collect();
    let look = |declaration: &Arc<Declaration>, text: Option<&[u8]>| {
        let intent = &declaration.intent;
        let inputs: Vec<Input> = inputs(tree, asset_dirs(db), intent, &mut Vec::new());
        let line = proposal.registry.at(&intent.place, &intent.part);
        let resolved = intent.resolve(&setup.profile);
        Asset {
            identity: line.map(|it| (it.uuid, it.id)),
            change: changes.get(&(intent.place.clone(), intent.part.clone())).cloned(),
            name: intent.name.to_string(),
            kind: intent.kind.clone(),
            place: intent.place.clone(),
            part: intent.part.clone(),
            form: declaration.origin.form.clone(),
            rule: provenance::lowest_rule(&setup.config, declaration, text),
            tags: intent.options.tags.iter().cloned().collect(),
            inputs: inputs.len() as u64,
            bytes: inputs.iter().map(|it| it.size).sum(),
            others: others(intent, &inputs),
            packs: packs(intent, &resolved, line.map(|it| it.id)),
            excluded: resolved.exclude,
            broken: broken.contains(&intent.place),
            untried: false,
        }
    };
    let mut assets = Vec::new();
    for bucket in state.buckets() {
        let (declared, texts) = (declared(db, bucket), bucket.texts(db));
        let text = |it: &Declaration| it.file().and_then(|it| texts.get(it));
        let all = declared.assets.iter().chain(&declared.broken);
        assets.extend(all.map(|it| look(it, text(it).map(|it| &it[..]))));
    }
    let order = |it: &Asset| (it.identity.is_none(), it.identity.map(|it| it.1), it.place.clone(), it.part.clone());
    assets.sort_by_cached_key(order);
    assets
}

/// Returns the inputs of an asset that are not its place itself.
fn others(intent: &Intent, inputs: &[Input]) -> Vec<RelPath> {
    if intent.inputs == Inputs::Owner {
        return Vec::new();
    }
    let dir = intent.dir();
    inputs.iter().filter_map(|it| dir.join(&it.path)).filter(|it| *it != intent.place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::Engine;
    use crate::error::Error;
    use crate::model::registry;
    use crate::system::System;
    use crate::system::memory::MemorySystem;

    const CONFIG: &str = r#"
        workspace = "00000000-0000-4000-8000-000000000000"
        roots = [{ path = "assets" }]
        rules = [{ match = "**/*.txt", type = "raw" }]
    "#;

    fn workspace() -> (Arc<MemorySystem>, Engine) {
        let disk = Arc::new(MemorySystem::new());
        disk.write("/ws/packwright.toml", CONFIG);
        (0..registry::N_FILES).for_each(|it| disk.write(format!("/ws/{}", registry::file_path(it)), ""));
        disk.write("/ws/assets/a.txt", "a");
        disk.write("/ws/assets/b/asset.json", r#"{ "type": "raw", "inputs": ["gone"] }"#);
        disk.write("/ws/assets/c.bin", "c");
        disk.write("/ws/assets/d.txt", "d");
        disk.write("/ws/assets/d.txt.asset.json", r#"{ "exclude": true }"#);
        disk.settle();
        let engine = Engine::new(Workspace::new(disk.clone(), "/ws".into()));
        (disk, engine)
    }

    fn shown(inspection: &Inspection) -> Vec<String> {
        let asset = |it: &Asset| {
            let id = it.identity.map_or(0, |it| it.1.0);
            let marks = [(it.change.is_some(), " new"), (it.excluded, " excluded"), (it.broken, " broken")];
            let marks: String = marks.iter().filter(|it| it.0).map(|it| it.1).collect();
            format!("{id} {} {}/{}{marks}", it.place, it.inputs, it.bytes)
        };
        inspection.assets.iter().map(asset).collect()
    }

    #[test]
    fn everything_has_its_mark() {
        let (_, engine) = workspace();
        let inspection = engine.inspect(&Options::default()).expect("a workspace");
        let expected = ["1 assets/a.txt 1/1 new", "2 assets/b 0/0 new broken", "0 assets/d.txt 1/1 excluded"];
        assert_eq!(shown(&inspection), expected);
        let unclaimed: Vec<&str> = inspection.unclaimed.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(unclaimed, ["assets/c.bin"]);
        assert_eq!(inspection.diagnostics.len(), 1);
    }

    #[test]
    fn what_is_missing_is_told() {
        let (disk, engine) = workspace();
        disk.remove("/ws/assets/b/asset.json");
        engine.build(&Options::default()).expect("a sound workspace");
        disk.remove("/ws/assets/a.txt");
        let inspection = engine.inspect(&Options::default()).expect("a workspace");
        assert_eq!(shown(&inspection), ["0 assets/d.txt 1/1 excluded"]);
        assert_eq!(inspection.missing.len(), 1);
        assert_eq!(inspection.changes, []);
    }

    #[test]
    fn readers_write_nothing_where_they_may_not() {
        let (disk, engine) = workspace();
        disk.remove("/ws/assets/b/asset.json");
        let writable = engine.inspect(&Options::default()).expect("a workspace");
        let (disk, engine) = workspace();
        disk.remove("/ws/assets/b/asset.json");
        let before = disk.snapshot();
        disk.set_read_only(true);
        let inspection = engine.inspect(&Options::default()).expect("a workspace");
        assert_eq!(shown(&inspection), shown(&writable));
        assert_eq!(engine.check(&Options::default()).expect("a sound workspace").entries(), 1);
        assert_eq!(disk.snapshot(), before);
    }

    #[test]
    fn readers_need_no_lock() {
        let (disk, engine) = workspace();
        disk.remove("/ws/assets/b/asset.json");
        engine.build(&Options::default()).expect("a sound workspace");
        let paths = ["/ws/.packwright/lane/lock", "/ws/build/dev/.lock"];
        let locks: Vec<_> = paths.iter().map(|it| disk.try_lock(it.as_ref(), false).expect("a lock file")).collect();
        assert!(locks.iter().all(Option::is_some));
        engine.inspect(&Options::default()).expect("a workspace");
        engine.check(&Options::default()).expect("a workspace");
        let options = Options { wait: Some(std::time::Duration::ZERO), ..Options::default() };
        assert!(matches!(engine.build(&options), Err(Error::Busy { .. })));
    }
}
