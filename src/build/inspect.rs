//! What a workspace declares, has registered, misses and leaves alone, without making or writing anything: what
//! `status` and `list` show.
//!
//! The same scan, queries and proposal as a build, up to where processors would run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::lane;
use crate::model::declaration::{Declaration, Form, Intent, Resolved};
use crate::model::registry::{Change as RegistryChange, ChangeNote, Line, Proposal};
use crate::model::{AssetId, AssetUuid, Diagnostic, Digest, RelPath, diagnostic};
use crate::process::contract::Input;
use crate::query::declared::{asset_dirs, declared};
use crate::query::issue::Problem;
use crate::query::layout::layout;
use crate::query::names::names;
use crate::query::recipes::{inputs, recipes};
use crate::query::validated::validated;
use crate::query::{Bucket, Slot, State};
use crate::workspace::bucket::Tree;
use crate::workspace::config::Config;
use crate::workspace::layout::Workspace;
use crate::workspace::packs::Membership;
use crate::workspace::scan::{self, scan};

use super::Options;
use super::artifacts::Moved;
use super::configure::{Seen, Setup, configure, registry_files};
use super::identify::identify;
use super::judge::omit_if_asked;
use super::members::{self, starts};
use super::pass::Pass;
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
    /// Sources that nothing claims, by path.
    pub unclaimed: Vec<RelPath>,
    /// Number of sources, directories not counted.
    pub sources: u64,
    /// What is to be said about the workspace short of running processors, in the order in which it is shown.
    pub diagnostics: Vec<Diagnostic>,
    /// What is to be said about the cache.
    pub cache_warnings: Vec<Diagnostic>,
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
    /// For people and tools, sorted.
    pub tags: Vec<String>,
    /// Number of declared inputs that are there.
    pub inputs: u64,
    /// Their length in bytes.
    pub bytes: u64,
    /// Names of the packs that it is in, sorted; with something wrong about it, those that it would be in.
    pub packs: Vec<String>,
    /// Whether it stays out of this profile's packs because its author says so.
    pub excluded: bool,
    /// Whether something about it is an error.
    pub broken: bool,
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
    inspect_and(ws, state, options, false, |_| ()).map(|it| it.0)
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

/// As [`inspect`], and does something more with the same moment. With `made` the processors of whatever is not up to date
/// run; what they make is stored, and the next build needs not run them.
pub(super) fn inspect_and<T>(
    ws: &Workspace,
    state: &mut State,
    options: &Options,
    made: bool,
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
    let made = made || !setup.config.packs.are_local();
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
    let assets = assets(state, tree, setup, &proposal, &problems, &reached);
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
        assets,
        unclaimed: state.buckets().into_iter().flat_map(|it| unclaimed(state, it)).collect(),
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

fn unclaimed(state: &State, bucket: Bucket) -> Vec<RelPath> {
    let members = bucket.members(&state.db);
    declared(&state.db, bucket).unclaimed.iter().map(|it| members.path(*it as usize)).collect()
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
    let look = |declaration: &Arc<Declaration>| {
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
            tags: intent.options.tags.iter().cloned().collect(),
            inputs: inputs.len() as u64,
            bytes: inputs.iter().map(|it| it.size).sum(),
            packs: packs(intent, &resolved, line.map(|it| it.id)),
            excluded: resolved.exclude,
            broken: broken.contains(&intent.place),
        }
    };
    let mut assets = Vec::new();
    for bucket in state.buckets() {
        let declared = declared(db, bucket);
        assets.extend(declared.assets.iter().chain(&declared.broken).map(look));
    }
    let order = |it: &Asset| (it.identity.is_none(), it.identity.map(|it| it.1), it.place.clone(), it.part.clone());
    assets.sort_by_cached_key(order);
    assets
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
        assert_eq!(inspection.unclaimed, [RelPath::new("assets/c.bin").expect("a path")]);
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
