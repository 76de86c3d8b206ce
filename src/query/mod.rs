//! The query database: from buckets of sources to validated assets, recipes and layouts.
//!
//! No query does I/O, reads a clock or prints; problems are values. The unit is the bucket: inputs are set bucket by
//! bucket, results are made bucket by bucket, and what one bucket must know of the others goes through three small
//! merged queries that do not change when contents do ([`asset_dirs`](declared::asset_dirs),
//! [`gathered`](declared::gathered) and [`names`](names::names)). The bodies of the tracked functions are thin; what they do stands beside them in plain
//! functions.

#![expect(missing_docs, reason = "salsa's macros make public items without documentation")]

pub mod declared;
pub mod issue;
pub mod layout;
pub mod names;
pub mod recipes;
pub mod validated;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use salsa::plumbing::AsId;
use salsa::{Durability, Setter};

use crate::model::profile::Profile;
use crate::model::registry::Registry;
use crate::model::{AssetId, AssetUuid, RelPath};
use crate::process::exec::Made;
use crate::system::Bytes;
use crate::threads::make_room;
use crate::timings::Category;
use crate::workspace;
use crate::workspace::bucket::{Content, Kind, Members, Tree, holder, range_below};
use crate::workspace::config::Config;
use crate::workspace::layout::Workspace;
use crate::workspace::lookup::Lookup;
use crate::workspace::packs::Packs;

/// Where a bucket ends: the greatest order key that belongs into it; `None` for the last.
pub type End = Option<Vec<u8>>;

/// All buckets in path order, each with its end.
pub type Buckets = Arc<Vec<(End, Bucket)>>;

type Log = Arc<Mutex<Option<Vec<String>>>>;

/// The contents of a bucket's declaration files, by path.
pub type Texts = BTreeMap<RelPath, Bytes>;

/// Which place has which identity.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Identities {
    /// All that is registered, or about to be.
    Registry(Registry),
    /// Those of the assets in scope.
    Known(Arc<Known>),
}

/// Identities by place and part.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Known(Vec<Identified>);

/// A place, a part, and the identity that they have.
pub type Identified = (RelPath, String, (AssetUuid, AssetId));

impl Known {
    /// Returns these; of two for one place and part either.
    pub fn of(mut all: Vec<Identified>) -> Self {
        // They come in runs that are sorted, which this sort makes use of.
        all.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        all.dedup_by(|a, b| (&a.0, &a.1) == (&b.0, &b.1));
        Self(all)
    }

    /// Returns the identity at a place.
    pub fn at(&self, place: &RelPath, part: &str) -> Option<(AssetUuid, AssetId)> {
        let at = self.0.binary_search_by(|it| (&it.0, it.1.as_str()).cmp(&(place, part))).ok()?;
        Some(self.0[at].2)
    }

    /// Returns all, by place and part.
    pub fn all(&self) -> &[Identified] {
        &self.0
    }
}

impl Identities {
    /// Returns the identity of an asset.
    pub fn at(&self, place: &RelPath, part: &str) -> Option<(AssetUuid, AssetId)> {
        match self {
            Self::Registry(registry) => registry.at(place, part).map(|it| (it.uuid, it.id)),
            Self::Known(known) => known.at(place, part),
        }
    }

    /// As [`Identities::at`], for several assets at once.
    pub fn at_each(&self, places: &[(&RelPath, &str)]) -> Vec<Option<(AssetUuid, AssetId)>> {
        match self {
            Self::Registry(registry) => {
                let places: Vec<_> = places.iter().map(|it| (it.0.as_str(), it.1)).collect();
                registry.at_each(&places).into_iter().map(|it| it.map(|it| (it.uuid, it.id))).collect()
            }
            Self::Known(known) => places.iter().map(|it| known.at(it.0, it.1)).collect(),
        }
    }
}

/// How much of the workspace is in the database.
#[derive(Clone, Debug)]
pub enum Scope {
    /// All of it.
    Whole,
    /// Some buckets. Of the others is known what their sources are, and what their assets are to these; names do not
    /// clash.
    Part(Arc<Part>),
}

impl PartialEq for Scope {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Whole, Self::Whole) => true,
            (Self::Part(one), Self::Part(two)) => Arc::ptr_eq(one, two),
            _ => false,
        }
    }
}

impl Eq for Scope {}

/// Some buckets, and what is to be known of the others. It never changes; another one may take its place.
pub struct Part {
    /// Every source.
    pub tree: Tree,
    /// The numbers of the buckets that are in the database, ascending.
    pub touched: Vec<usize>,
    /// Says what all the others export; asked only when somebody wants to know.
    pub elsewhere: Box<dyn Fn() -> Vec<names::Export> + Send + Sync>,
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Part").field("touched", &self.touched).finish_non_exhaustive()
    }
}

/// A bucket of sources.
#[salsa::input]
pub struct Bucket {
    /// Paths, kinds and links.
    #[returns(ref)]
    pub members: Arc<Members>,
    /// Digests and lengths.
    #[returns(ref)]
    pub contents: Arc<Vec<Content>>,
    /// Declarations.
    #[returns(ref)]
    pub texts: Arc<Texts>,
}

/// What holds for the whole workspace.
#[salsa::input(singleton)]
pub struct Globals {
    /// The author's configuration.
    #[returns(ref)]
    pub config: Arc<Config>,
    /// Identities.
    #[returns(ref)]
    pub identities: Identities,
    /// How much of the workspace is in the database.
    #[returns(ref)]
    pub scope: Scope,
    /// The buckets in scope in path order, each with its end.
    #[returns(ref)]
    pub buckets: Buckets,
}

/// A bucket under one profile, with what became of its recipes: an asset is made once for all packs that it is in.
#[salsa::input]
pub struct Slot {
    /// The bucket.
    #[returns(copy)]
    pub bucket: Bucket,
    /// The profile.
    #[returns(ref)]
    pub profile: Arc<Profile>,
    /// The packs.
    #[returns(ref)]
    pub packs: Arc<Packs>,
    /// What became of each of the bucket's recipes, by recipe key and place; set once they were made.
    #[returns(ref)]
    pub made: Arc<Vec<Made>>,
}

/// The query database.
#[salsa::db]
#[derive(Clone)]
pub struct Database {
    storage: salsa::Storage<Self>,
    executed: Arc<AtomicU64>,
    log: Log,
}

#[salsa::db]
impl salsa::Database for Database {}

impl Default for Database {
    fn default() -> Self {
        let (executed, log): (Arc<AtomicU64>, Log) = Default::default();
        let (count, sink) = (executed.clone(), log.clone());
        let note = move |event: salsa::Event| {
            if let salsa::EventKind::WillExecute { database_key } = event.kind {
                count.fetch_add(1, Ordering::Relaxed);
                if let Some(log) = &mut *sink.lock().expect("no panic while held") {
                    log.push(format!("{database_key:?}"));
                }
            }
        };
        Self { storage: salsa::Storage::new(Some(Box::new(note))), executed, log }
    }
}

/// The workspace as the database knows it between two changes.
#[derive(Default)]
pub struct State {
    /// The database.
    pub db: Database,
    buckets: BTreeMap<End, Bucket>,
    slots: BTreeMap<(String, End), Slot>,
    globals: Option<Globals>,
}

/// A new moment of the workspace. Applying it is the only way by which anything enters the database.
pub struct Change<'a> {
    /// Every source.
    pub tree: &'a Tree,
    /// Contents of the declaration files of each bucket in scope.
    pub texts: Vec<Arc<Texts>>,
    /// The author's configuration.
    pub config: Arc<Config>,
    /// Identities.
    pub identities: Identities,
    /// How much of the workspace this is.
    pub scope: Scope,
}

impl Change<'_> {
    /// Sets what differs, and nothing else: every setter starts a revision, even one for an equal value.
    pub fn apply(self, state: &mut State) {
        let all = self.tree.buckets();
        let in_scope: Vec<&Arc<workspace::bucket::Bucket>> = match &self.scope {
            Scope::Whole => all.iter().collect(),
            Scope::Part(part) => part.touched.iter().map(|it| &all[*it]).collect(),
        };
        let mut buckets = Vec::with_capacity(in_scope.len());
        for (bucket, texts) in in_scope.into_iter().zip(self.texts) {
            let input = match state.buckets.get(&bucket.end) {
                Some(input) => {
                    let input = *input;
                    update(&mut state.db, input, bucket.members(), bucket.contents(), &texts);
                    input
                }
                None => Bucket::new(&state.db, bucket.members().clone(), bucket.contents().clone(), texts),
            };
            state.buckets.insert(bucket.end.clone(), input);
            buckets.push((bucket.end.clone(), input));
        }
        let buckets = Arc::new(buckets);
        match state.globals {
            None => {
                let globals =
                    Globals::builder(self.config, self.identities, self.scope, buckets).durability(Durability::HIGH);
                state.globals = Some(globals.new(&state.db));
            }
            Some(globals) => {
                let db = &mut state.db;
                if *globals.config(db) != self.config {
                    globals.set_config(db).to(self.config);
                }
                if *globals.buckets(db) != buckets {
                    globals.set_buckets(db).to(buckets);
                }
                if *globals.scope(db) != self.scope {
                    globals.set_scope(db).to(self.scope);
                }
                set_identities(db, globals, self.identities);
            }
        }
    }
}

fn update(db: &mut Database, input: Bucket, members: &Arc<Members>, contents: &Arc<Vec<Content>>, texts: &Arc<Texts>) {
    if input.members(db) != members {
        input.set_members(db).to(members.clone());
    }
    if input.contents(db) != contents {
        input.set_contents(db).to(contents.clone());
    }
    if input.texts(db) != texts {
        input.set_texts(db).to(texts.clone());
    }
}

fn set_identities(db: &mut Database, globals: Globals, identities: Identities) {
    if *globals.identities(db) != identities {
        globals.set_identities(db).to(identities);
    }
}

impl State {
    /// Returns how many queries were executed so far.
    pub fn executed(&self) -> u64 {
        self.db.executed.load(Ordering::Relaxed)
    }

    /// Begins to write down which queries are executed, or begins anew.
    pub fn start_log(&self) {
        *self.db.log.lock().expect("no panic while held") = Some(Vec::new());
    }

    /// Returns the queries that were executed since [`State::start_log`], sorted, as `name(first source of the bucket)`;
    /// a query over the whole workspace has nothing between the parentheses.
    pub fn finish_log(&self) -> Vec<String> {
        let log = self.db.log.lock().expect("no panic while held").take().unwrap_or_default();
        let mut labels = BTreeMap::new();
        let buckets = self.buckets.values().map(|it| (it.as_id(), *it));
        let slots = self.slots.values().map(|it| (it.as_id(), it.bucket(&self.db)));
        for (id, bucket) in buckets.chain(slots) {
            let members = bucket.members(&self.db);
            labels.insert(
                format!("{id:?}"),
                if members.is_empty() { String::new() } else { members.path(0).to_string() },
            );
        }
        let label = |key: &String| {
            let (name, id) = key.split_once('(').unwrap_or((key, ""));
            let bucket = labels.get(id.strip_suffix(')').unwrap_or(id));
            format!("{name}({})", bucket.map_or("", String::as_str))
        };
        let mut queries: Vec<String> = log.iter().map(label).collect();
        queries.sort();
        queries
    }

    /// Runs a query for each of `items` on the workspace's threads, so that whoever asks later finds its memo. `what` is
    /// what timings call it.
    pub fn prefetch<T: Copy + Sync>(
        &self,
        ws: &Workspace,
        what: &'static str,
        items: &[T],
        query: impl Fn(&Database, T) + Sync,
    ) {
        self.ask_each(ws, what, items, query);
    }

    /// Asks something about each of `items` on the workspace's threads, and returns the answers in order.
    pub fn ask_each<T: Copy + Sync, R: Send>(
        &self,
        ws: &Workspace,
        what: &'static str,
        items: &[T],
        ask: impl Fn(&Database, T) -> R + Sync,
    ) -> Vec<R> {
        let _all = ws.phase(what);
        let next = AtomicUsize::new(0);
        let mut answers: Vec<(usize, R)> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..ws.jobs.min(items.len()))
                .map(|_| {
                    // A handle for each thread; they are gone before anything is set again.
                    let db = self.db.clone();
                    let (next, ask) = (&next, &ask);
                    scope.spawn(move || {
                        make_room();
                        let mut answers = Vec::new();
                        loop {
                            let idx = next.fetch_add(1, Ordering::Relaxed);
                            let Some(item) = items.get(idx) else { return answers };
                            let _one = ws.timings.span(Category::Query, || format!("{what} {idx}").into());
                            answers.push((idx, ask(&db, *item)));
                        }
                    })
                })
                .collect();
            let joined = threads.into_iter().map(|it| it.join());
            joined.flat_map(|it| it.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        });
        answers.sort_unstable_by_key(|it| it.0);
        answers.into_iter().map(|it| it.1).collect()
    }

    /// Replaces the identities, as a proposal for them was made from what the queries said.
    pub fn set_identities(&mut self, identities: Identities) {
        let globals = self.globals.expect("a change was applied");
        set_identities(&mut self.db, globals, identities);
    }

    /// Returns whether nothing was ever applied.
    pub fn is_cold(&self) -> bool {
        self.globals.is_none()
    }

    /// Returns all buckets in path order.
    pub fn buckets(&self) -> Vec<Bucket> {
        let globals = self.globals.expect("a change was applied");
        globals.buckets(&self.db).iter().map(|it| it.1).collect()
    }

    /// Returns the slots of all buckets under a profile, in path order.
    pub fn slots(&mut self, profile: &Arc<Profile>, packs: &Arc<Packs>) -> Vec<Slot> {
        let globals = self.globals.expect("a change was applied");
        let buckets = globals.buckets(&self.db).clone();
        let mut slots = Vec::with_capacity(buckets.len());
        for (end, bucket) in buckets.iter() {
            let key = (profile.name.clone(), end.clone());
            let slot = match self.slots.get(&key) {
                Some(slot) => *slot,
                None => Slot::new(&self.db, *bucket, profile.clone(), packs.clone(), Arc::default()),
            };
            if slot.profile(&self.db) != profile {
                slot.set_profile(&mut self.db).to(profile.clone());
            }
            if slot.packs(&self.db) != packs {
                slot.set_packs(&mut self.db).to(packs.clone());
            }
            self.slots.insert(key, slot);
            slots.push(slot);
        }
        slots
    }

    /// Says what became of a slot's recipes.
    pub fn set_made(&mut self, slot: Slot, made: Vec<Made>) {
        if **slot.made(&self.db) != made {
            slot.set_made(&mut self.db).to(Arc::new(made));
        }
    }
}

/// The tree as queries see it: asking makes the bucket that answers a dependency.
pub struct DbTree<'a>(pub &'a dyn salsa::Database);

impl DbTree<'_> {
    fn buckets(&self) -> &Buckets {
        Globals::get(self.0).buckets(self.0)
    }

    /// Returns the part of the workspace that is in the database, where that is not all of it.
    fn part(&self) -> Option<&Part> {
        match Globals::get(self.0).scope(self.0) {
            Scope::Whole => None,
            Scope::Part(part) => Some(part),
        }
    }

    /// Returns behind which order key a bucket begins, and the greatest one that it may hold; `None` where nothing bounds
    /// it.
    pub fn bounds(&self, bucket: Bucket) -> (End, End) {
        let buckets = self.buckets();
        let Some(at) = buckets.iter().position(|it| it.1 == bucket) else { return (None, None) };
        let (before, is_last) = match self.part() {
            None => (at.checked_sub(1).and_then(|it| buckets[it].0.clone()), at + 1 == buckets.len()),
            Some(part) => {
                let (number, all) = (part.touched[at], part.tree.buckets());
                (number.checked_sub(1).and_then(|it| all[it].end.clone()), number + 1 == all.len())
            }
        };
        (before, buckets[at].0.clone().filter(|_| !is_last))
    }

    /// Returns the bucket that holds, or would hold, `path`; `None` where it is out of scope. What would come behind all
    /// of them belongs to the last one.
    pub fn bucket_of(&self, path: &RelPath) -> Option<Bucket> {
        let key = crate::model::path::order_key(path.as_str());
        let buckets = self.buckets();
        if let Some(part) = self.part() {
            let number = part.tree.bucket_of(&key).or(part.tree.buckets().len().checked_sub(1))?;
            let at = part.touched.binary_search(&number).ok()?;
            return Some(buckets[at].1);
        }
        let number = holder(buckets.len(), |it| buckets[it].0.as_deref(), &key).or(buckets.len().checked_sub(1))?;
        Some(buckets[number].1)
    }
}

impl Lookup for DbTree<'_> {
    fn find(&self, path: &RelPath) -> Option<(Kind, Content)> {
        if let Some(part) = self.part() {
            return Lookup::find(&part.tree, path);
        }
        let bucket = self.bucket_of(path)?;
        let members = bucket.members(self.0);
        let idx = members.find(path.as_str())?;
        Some((members.kind(idx), bucket.contents(self.0)[idx]))
    }

    fn buckets_below(&self, dir: &RelPath, show: &mut dyn FnMut(&Members, &[Content])) {
        if let Some(part) = self.part() {
            return Lookup::buckets_below(&part.tree, dir, show);
        }
        let buckets = self.buckets();
        for idx in range_below(buckets.len(), |it| buckets[it].0.as_deref(), dir) {
            let bucket = buckets[idx].1;
            show(bucket.members(self.0), bucket.contents(self.0));
        }
    }
}
