//! What write commands plan by: the whole workspace at one moment, as plain data; and the same after a change that
//! nobody has made yet.
//!
//! Both come of the same queries as a build, up to where processors run; what these ask is only known for the present.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::lane;
use crate::model::declaration::Declaration;
use crate::model::path::ASSET_JSON;
use crate::model::profile::Profile;
use crate::model::registry::{Digests, Line, Proposal, Registry};
use crate::model::{Code, Diagnostic, Digest, Location, Looks, RelPath, diagnostic};
use crate::process::contract::Input;
use crate::process::kinds;
use crate::process::trace::Observation;
use crate::query::declared::{asset_dirs, declared, gathered, governor_of, is_owner};
use crate::query::names::{Names, names};
use crate::query::recipes::{inputs, recipes};
use crate::query::validated::validated;
use crate::query::{Change, Identities, Scope, Slot, State, Texts};
use crate::system::{Bytes, FileKind, Stamp};
use crate::workspace::bucket::{Entry, Kind, Tree};
use crate::workspace::config::Config;
use crate::workspace::gather::Gathered;
use crate::workspace::layout::{CONFIG_FILE, Workspace};
use crate::workspace::lookup::{Source, is_declaration, sources_below};
use crate::workspace::scan::{self, scan};

use super::Options;
use super::artifacts::Moved;
use super::configure::{Seen, configure, registry_files};
use super::identify::{digests, identify};
use super::inspect::problems;
use super::members::starts;
use super::pass::{Pass, root_problem};
use super::session::Session;

/// A workspace at one moment.
pub struct View {
    /// The author's configuration.
    pub config: Arc<Config>,
    /// The text that it was read from.
    pub config_text: Vec<u8>,
    /// The profile by which it is looked at.
    pub profile: Arc<Profile>,
    /// Every source.
    pub tree: Tree,
    /// The contents of declaration files.
    pub texts: Texts,
    /// What is registered.
    pub registry: Registry,
    /// The digest of each of the registry's files.
    pub registry_digests: Vec<Digest>,
    /// What a build would register.
    pub proposal: Proposal,
    /// The declared assets, by place.
    pub assets: Vec<Asset>,
    /// Their names.
    pub names: Arc<Names>,
    /// What is wrong, short of what processors find.
    pub errors: Vec<Diagnostic>,
    /// What rules make of several files.
    pub gathered: Arc<Gathered>,
    asset_dirs: Vec<RelPath>,
    links: Links,
}

/// Links to directories and files of the workspace: from, to. What changes in a directory changes behind its links too.
type Links = Vec<(RelPath, RelPath)>;

/// A declared asset.
#[derive(Clone, PartialEq, Debug)]
pub struct Asset {
    /// What its author says.
    pub declaration: Arc<Declaration>,
    /// Whether it cannot be built as it is declared.
    pub broken: bool,
    /// What its processor asks; empty where nobody wanted to know.
    pub observed: Vec<Observation>,
}

/// A change that is looked at before it is made.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Next {
    /// Files that are written (`Some`) or removed.
    pub files: BTreeMap<RelPath, Option<Vec<u8>>>,
    /// Files that get another name: from, to.
    pub moved: BTreeMap<RelPath, RelPath>,
    /// Files that are removed because they are written anew elsewhere: from, to.
    pub rewritten: BTreeMap<RelPath, RelPath>,
    /// The digests of those that move and are no sources.
    pub others: BTreeMap<RelPath, Digest>,
}

impl Next {
    /// Returns where a file is afterwards, if it is anywhere. A declaration that is edited while it moves is written anew.
    pub fn moved_to(&self, file: &RelPath) -> RelPath {
        self.moved.get(file).or_else(|| self.rewritten.get(file)).unwrap_or(file).clone()
    }
}

/// All that a view is derived from.
struct Ground {
    config: Arc<Config>,
    config_text: Vec<u8>,
    config_errors: Vec<Diagnostic>,
    profile: Arc<Profile>,
    tree: Tree,
    texts: Texts,
    registry_digests: Vec<Digest>,
    links: Links,
}

impl Asset {
    /// Returns the file or directory that it owns.
    pub fn place(&self) -> &RelPath {
        &self.declaration.intent.place
    }

    /// Returns its part, empty when there is only one.
    pub fn part(&self) -> &str {
        &self.declaration.intent.part
    }

    /// Returns its name.
    pub fn name(&self) -> &str {
        &self.declaration.intent.name
    }
}

/// Looks at a workspace. With `observing` the processors of whatever is not up to date run, so that it is known what
/// they ask; what they make is stored, and the next build needs not run them.
///
/// # Errors
///
/// As a build, except that problems of assets are part of what is returned.
pub fn view(ws: &Workspace, state: &mut State, options: &Options, observing: bool) -> std::result::Result<View, Moved> {
    lane::open(&*ws.disk, &ws.root, "packwright", std::process::id())?;
    let seen = Seen::of(ws, options)?;
    let (ws, options) = (&seen.ws, &seen.options);
    let setup = configure(&seen)?;
    let config_text = config_text(ws, &setup.config)?;
    let session = Session::open(ws, options, Vec::new());
    let mut registry_files = registry_files(ws, &session.index, options, &setup.sight)?;
    let how = scan::Options { rehash: options.rehash, ignore: Some(&setup.config.ignore) };
    let scan = scan(ws, &setup.roots, session.known_tree(&setup), &session.sources, how)?;
    let pass = Pass::new(session, setup, scan);
    pass.load_tree()?;
    let (registry, _) = registry_files.load(ws)?;
    let workshop = pass.workshop();
    let by_bucket = workshop.all_texts()?;
    let texts = by_bucket.iter().flat_map(|it| it.iter().map(|(path, text)| (path.clone(), text.clone()))).collect();
    pass.change(by_bucket, &registry).apply(state);
    let ground = Ground {
        config: pass.setup.config.clone(),
        config_text,
        config_errors: Vec::new(),
        profile: pass.setup.profile.clone(),
        tree: pass.scan.tree.clone(),
        texts,
        registry_digests: registry_files.digests.clone(),
        links: links(ws, &pass.scan.tree),
    };
    let mut view = derive(ws, state, ground, &|_| Ok(registry.clone()))?;
    if observing {
        let slots = state.slots(&pass.setup.profile, &pass.setup.config.packs);
        workshop.make(state, &slots)?;
        pass.session.store.commit();
        note_observations(state, &slots, &mut view.assets);
    }
    pass.note_missing(&view.proposal.missing);
    pass.remember_scan(&registry_files);
    registry_files.check_unmoved(ws)?;
    Ok(view)
}

/// Returns the text that the configuration was read from.
pub(super) fn config_text(ws: &Workspace, config: &Config) -> Result<Vec<u8>> {
    let path = RelPath::new(CONFIG_FILE).expect("a plain file name is a path");
    let bytes = lane::read_file_through(&*ws.disk, &ws.root, &path)?.unwrap_or_default();
    let is_same = Config::parse(&bytes, &kinds::Check).0.is_some_and(|it| it == *config);
    if is_same { Ok(bytes) } else { Err(Error::Torn { path: ws.abs(&path) }) }
}

/// Derives a view of what was applied to the database last. `register` is told what each declared place holds, and
/// returns the registry to go by.
fn derive(
    ws: &Workspace,
    state: &mut State,
    ground: Ground,
    register: &dyn Fn(&View) -> Result<Registry>,
) -> Result<View> {
    let Ground { config, config_text, config_errors, profile, tree, texts, registry_digests, links } = ground;
    state.prefetch(ws, "declarations", &state.buckets(), |db, it| {
        declared(db, it);
    });
    let nothing = Registry::empty();
    let proposal = Proposal {
        registry: nothing.clone(),
        changes: vec![],
        missing: vec![],
        diagnostics: vec![],
        has_outsiders: false,
    };
    let mut view = View {
        assets: declared_assets(state),
        gathered: gathered(&state.db).clone(),
        asset_dirs: asset_dirs(&state.db).clone(),
        names: Arc::default(),
        errors: config_errors,
        registry: nothing,
        proposal,
        config,
        config_text,
        profile,
        tree,
        texts,
        registry_digests,
        links,
    };
    view.registry = register(&view)?;
    view.proposal = identify(ws, state, &view.tree, &view.config, &view.registry);
    state.set_identities(Identities::Registry(view.proposal.registry.clone()));
    view.names = names(&state.db).clone();
    let slots = state.slots(&view.profile, &view.config.packs);
    state.prefetch(ws, "recipes", &slots, |db, it| {
        recipes(db, it);
    });
    let problems = problems(state, &slots).into_iter().map(|it| it.diagnostic);
    let missing_roots = view.config.roots.iter().filter_map(|it| {
        let problem = root_problem(&view.tree, &it.path)?;
        Some(Diagnostic { help: None, ..problem.at(Location::file(&it.path)) })
    });
    let (_, unresolved) = starts(&view.config.packs, &view.names, &view.config_text);
    let errors = problems.chain(missing_roots).chain(unresolved).chain(view.proposal.diagnostics.iter().cloned());
    view.errors.extend(errors.filter(Diagnostic::is_error));
    diagnostic::sort(&mut view.errors);
    Ok(view)
}

fn declared_assets(state: &State) -> Vec<Asset> {
    let mut assets = Vec::new();
    for bucket in state.buckets() {
        let declared = declared(&state.db, bucket);
        let asset = |declaration: &Arc<Declaration>, broken| Asset {
            declaration: declaration.clone(),
            broken,
            observed: Vec::new(),
        };
        assets.extend(declared.assets.iter().map(|it| asset(it, false)));
        assets.extend(declared.broken.iter().map(|it| asset(it, true)));
    }
    assets.sort_by(|a, b| (a.place(), a.part()).cmp(&(b.place(), b.part())));
    assets
}

fn note_observations(state: &State, slots: &[Slot], assets: &mut [Asset]) {
    let db = &state.db;
    for slot in slots {
        let validated = &validated(db, slot.bucket(db)).assets;
        for (recipe, made) in recipes(db, *slot).list.iter().zip(slot.made(db).iter()) {
            let intent = &validated[recipe.asset as usize].intent;
            let key = (&intent.place, intent.part.as_str());
            if let Ok(at) = assets.binary_search_by(|it| (it.place(), it.part()).cmp(&key)) {
                assets[at].observed.clone_from(&made.observations);
            }
        }
    }
}

impl View {
    /// Returns the asset at a place.
    pub fn at(&self, place: &RelPath) -> Option<&Asset> {
        let at = self.assets.binary_search_by(|it| (it.place(), it.part()).cmp(&(place, "")));
        at.ok().map(|it| &self.assets[it])
    }

    /// Returns the identity of an asset, or the one that a build would give it.
    pub fn line(&self, asset: &Asset) -> Option<&Line> {
        self.proposal.registry.at(asset.place(), asset.part())
    }

    /// Returns what an asset's place holds.
    pub fn digests(&self, place: &RelPath, part: &str) -> Option<Digests> {
        let at = self.assets.binary_search_by(|it| (it.place(), it.part()).cmp(&(place, part))).ok()?;
        Some(digests(&self.assets[at].declaration, &self.tree, &self.asset_dirs))
    }

    /// Returns the inputs of an asset, relative to its directory.
    pub fn inputs(&self, asset: &Asset) -> Vec<Input> {
        inputs(&self.tree, &self.asset_dirs, &asset.declaration.intent, &mut Vec::new())
    }

    /// Returns what is at a path of the tree.
    pub fn find(&self, path: &RelPath) -> Option<Entry> {
        self.tree.find(path.as_str()).map(|(bucket, idx)| bucket.entry(idx))
    }

    /// Returns every source below a directory.
    pub fn below(&self, dir: &RelPath) -> Vec<Source> {
        sources_below(&self.tree, dir)
    }

    /// Returns the directory asset that owns what lies at `path`: the nearest above it with an `asset.json`.
    pub fn governor(&self, path: &RelPath) -> Option<RelPath> {
        governor_of(&self.asset_dirs, &path.parent()?)
    }

    /// Returns the rule that makes an asset at a place, or would if it had no declaration of its own: of a file, or of
    /// several that are declared there.
    pub fn claim(&self, place: &RelPath) -> Option<usize> {
        if let Some(made) = self.gathered.at(place) {
            return Some(made.rule);
        }
        let rule = self.config.claim(place.as_str()).filter(|_| self.governor(place).is_none())?;
        is_owner(&self.config, rule, self.gathered.companion_of(place)).then_some(rule)
    }

    /// Returns the text of a declaration file.
    pub fn text(&self, file: &RelPath) -> Option<&str> {
        self.texts.get(file).and_then(|it| std::str::from_utf8(it).ok())
    }

    /// Returns what the workspace would be after a change. `register` is told what each declared place would hold then,
    /// and returns the registry. The database holds that moment afterwards.
    ///
    /// # Errors
    ///
    /// Those of `register`.
    pub fn after(
        &self,
        ws: &Workspace,
        state: &mut State,
        next: &Next,
        register: &dyn Fn(&View) -> Result<Registry>,
    ) -> Result<View> {
        let ground = self.ground_after(next);
        let change = Change {
            tree: &ground.tree,
            texts: by_bucket(&ground.tree, &ground.texts),
            config: ground.config.clone(),
            identities: Identities::Registry(self.registry.clone()),
            scope: Scope::Whole,
        };
        change.apply(state);
        derive(ws, state, ground, register)
    }

    fn ground_after(&self, next: &Next) -> Ground {
        let mut texts = self.texts.clone();
        let mut edits: BTreeMap<RelPath, Option<Entry>> = BTreeMap::new();
        for (from, to) in next.moved.iter().filter(|it| !next.others.contains_key(it.0)) {
            let entry = self.find(from).map(|it| Entry { path: to.clone(), ..it });
            edits.entry(from.clone()).or_default();
            edits.insert(to.clone(), entry);
            if let Some(text) = texts.remove(from) {
                texts.insert(to.clone(), text);
            }
        }
        let mut ground_config = (self.config.clone(), self.config_text.clone(), Vec::new());
        for (path, content) in &next.files {
            if path.as_str() == CONFIG_FILE {
                let bytes = content.clone().unwrap_or_default();
                let (config, mut errors) = Config::parse(&bytes, &kinds::Check);
                errors.retain(Diagnostic::is_error);
                ground_config = (config.map_or(ground_config.0, Arc::new), bytes, errors);
                continue;
            }
            edits.insert(path.clone(), content.as_ref().map(|it| written(path, it)));
            match content {
                Some(bytes) if is_declaration(path.as_str()) => {
                    texts.insert(path.clone(), Bytes::from(&bytes[..]));
                }
                _ => {
                    texts.remove(path);
                }
            }
        }
        self.follow_links(&mut edits, &mut texts);
        // A link may lead to what is no source by itself.
        edits.retain(|path, _| self.config.not_a_source(path).is_none());
        let (config, config_text, config_errors) = ground_config;
        Ground {
            tree: self.tree.with(edits.into_iter().collect()),
            profile: config
                .profiles
                .get(&self.profile.name)
                .map_or_else(|| self.profile.clone(), |it| Arc::new(it.clone())),
            registry_digests: self.registry_digests.clone(),
            links: self.links.clone(),
            config,
            config_text,
            config_errors,
            texts,
        }
    }

    /// Returns the path in the workspace that `path` leads to by a link to a directory; `None` where it lies behind none.
    pub fn behind_link(&self, path: &RelPath) -> Option<RelPath> {
        let inner =
            self.links.iter().filter(|it| it.0.strip(path.as_str()).is_some()).max_by_key(|it| it.0.as_str().len());
        inner.and_then(|(link, dir)| dir.join(link.strip(path.as_str())?))
    }

    /// Returns every place at which the workspace sees what is at `path`, which lies behind no link.
    pub fn sights(&self, path: &RelPath) -> Vec<RelPath> {
        let own = self.config.not_a_source(path).is_none().then(|| path.clone());
        let behind = self.links.iter().filter_map(|(link, dir)| link.join(dir.strip(path.as_str())?));
        own.into_iter().chain(behind).collect()
    }

    /// Returns the links that lead right to a file or directory.
    pub fn links_to(&self, path: &RelPath) -> Vec<RelPath> {
        self.links.iter().filter(|it| it.1 == *path).map(|it| it.0.clone()).collect()
    }

    /// Does behind links what is done in the directories that they lead to.
    fn follow_links(&self, edits: &mut BTreeMap<RelPath, Option<Entry>>, texts: &mut Texts) {
        let mut behind = Vec::new();
        for (link, dir) in &self.links {
            let below =
                edits.iter().filter_map(|(path, entry)| Some((path, link.join(dir.strip(path.as_str())?)?, entry)));
            behind.extend(below.map(|(path, seen, entry)| (path.clone(), seen, entry.clone())));
        }
        for (path, seen, entry) in behind {
            match texts.get(&path).cloned() {
                Some(text) => texts.insert(seen.clone(), text),
                None => texts.remove(&seen),
            };
            edits.insert(seen.clone(), entry.map(|it| Entry { path: seen, ..it }));
        }
    }

    /// Returns the errors in here that `before` does not have. `next` is the change that lies between.
    ///
    /// An error that was there may say the same in other words now: of a broken reference that was rewritten, or of a
    /// file that has another name. So as many errors of a kind as a file has lost, it may have.
    pub fn new_errors(&self, before: &View, next: &Next) -> Vec<Diagnostic> {
        let key = |it: &Diagnostic| (it.code, it.message.clone());
        let (old, new): (BTreeSet<_>, BTreeSet<_>) =
            (before.errors.iter().map(key).collect(), self.errors.iter().map(key).collect());
        let mut lost: BTreeMap<(Code, RelPath), usize> = BTreeMap::new();
        for it in before.errors.iter().filter(|it| !new.contains(&key(it))) {
            if let Some(location) = &it.location {
                *lost.entry((it.code, next.moved_to(&location.path))).or_default() += 1;
            }
        }
        let mut is_reworded = |it: &Diagnostic| {
            let n_lost = it.location.as_ref().and_then(|at| lost.get_mut(&(it.code, at.path.clone())));
            n_lost.is_some_and(|n| n.checked_sub(1).inspect(|left| *n = *left).is_some())
        };
        self.errors.iter().filter(|it| !old.contains(&key(it)) && !is_reworded(it)).cloned().collect()
    }
}

fn links(ws: &Workspace, tree: &Tree) -> Links {
    let mut links = Vec::new();
    for bucket in tree.buckets() {
        for idx in (0..bucket.len()).filter(|it| matches!(bucket.kind(*it), Kind::DirLink | Kind::FileLink)) {
            let link = bucket.path(idx);
            let target = ws.disk.canonicalize(&ws.abs(&link)).ok();
            let target = target.and_then(|it| it.strip_prefix(&ws.root).ok()?.to_str().map(str::to_owned));
            links.extend(
                target.and_then(|it| RelPath::new(&it.replace(std::path::MAIN_SEPARATOR, "/"))).map(|it| (link, it)),
            );
        }
    }
    links
}

/// Returns the entry of a file that will be written.
fn written(path: &RelPath, content: &[u8]) -> Entry {
    let (mtime_ns, ctime_ns, inode, device, mode) = Default::default();
    let size = content.len() as u64;
    let stamp = Stamp { kind: FileKind::File, size, mtime_ns, ctime_ns, inode, device, mode };
    let (digest, looks) = (Digest::of(content), Looks::of(content));
    Entry { path: path.clone(), kind: Kind::File, racy: true, stamp, digest, looks, link: None }
}

/// Returns the texts of each bucket.
fn by_bucket(tree: &Tree, texts: &Texts) -> Vec<Arc<Texts>> {
    let of_bucket = |members: &crate::workspace::bucket::Members| {
        let files = (0..members.len()).filter(|it| is_declaration(members.name(*it))).map(|it| members.path(it));
        files.filter_map(|it| texts.get(&it).map(|text| (it, text.clone()))).collect::<Texts>()
    };
    tree.buckets().iter().map(|it| Arc::new(of_bucket(it.members()))).collect()
}

/// Returns the declaration file of a directory.
pub fn asset_json(dir: &RelPath) -> RelPath {
    dir.child(ASSET_JSON)
}
