//! Names and identities: the one thing that every bucket must know of all the others.
//!
//! The merged table holds names, places, identities and types, and nothing of contents or settings, so that an edit
//! of a payload or a setting stops short of it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rayon::prelude::*;

use crate::model::declaration::Intent;
use crate::model::path::file_name;
use crate::model::reference::Reference;
use crate::model::{AssetId, AssetUuid, RelPath};
use crate::process::contract::Resolved;
use crate::process::trace::Assets;
use crate::threads::spread;

use super::declared::declared;
use super::{Bucket, Database, Globals, Scope};

/// What the others may know of an asset.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, bincode::Encode, bincode::Decode)]
pub struct Export {
    /// Where it is declared.
    pub place: RelPath,
    /// Which of several assets made out of one source.
    pub part: String,
    /// The author's name.
    pub name: Arc<str>,
    /// Its type.
    pub kind: Arc<str>,
    /// Its identity, once it has one.
    pub identity: Option<(AssetUuid, AssetId)>,
    /// Whether it is excluded whatever the profile: nothing can refer to it then.
    pub excluded: bool,
}

impl Export {
    /// Returns whether a reference, as seen from the directory `dir`, may mean this asset.
    pub fn is_meant_by(&self, dir: &RelPath, reference: &Reference) -> bool {
        match reference {
            Reference::Uuid(uuid) => self.identity.is_some_and(|it| it.0 == *uuid),
            Reference::Path(_) => reference.target(dir).is_some_and(|it| it == self.place),
            Reference::Name(name) => *self.name == **name,
        }
    }

    fn resolved(&self) -> Option<Resolved> {
        let (uuid, id) = self.identity?;
        Some(Resolved { uuid, id, kind: self.kind.to_string() })
    }
}

/// Returns what a bucket's assets are to the others, in order of declaration.
#[salsa::tracked]
pub fn exports(db: &dyn salsa::Database, bucket: Bucket) -> Vec<Export> {
    let declared = declared(db, bucket);
    let intents: Vec<_> = declared.assets.iter().chain(&declared.broken).map(|it| &it.intent).collect();
    let places: Vec<_> = intents.iter().map(|it| (&it.place, it.part.as_str())).collect();
    let identities = Globals::get(db).identities(db).at_each(&places);
    let export = |(intent, identity): (&&Arc<Intent>, _)| Export {
        place: intent.place.clone(),
        part: intent.part.clone(),
        name: intent.name.clone(),
        kind: intent.kind.clone(),
        identity,
        excluded: intent.options.is_excluded(),
    };
    intents.iter().zip(identities).map(export).collect()
}

/// All assets of the workspace, to be found by place, name and identity.
///
/// Many workspaces refer to nothing by name or uuid: what finds those is put together when it is first asked for.
#[derive(Debug, Default)]
pub struct Names {
    /// By place and part.
    exports: Vec<Export>,
    /// Numbers into `exports`, by name.
    by_name: OnceLock<Vec<u32>>,
    /// Numbers into `exports`, by uuid.
    by_uuid: OnceLock<Vec<(AssetUuid, u32)>>,
    /// For each place that shares its name with another, one other.
    clashes: BTreeMap<RelPath, RelPath>,
    /// By place: where it, or a directory of which it is the first, differs from another path only in case or normalization.
    collisions: BTreeMap<RelPath, Vec<Collision>>,
}

/// Two paths that some file systems cannot tell apart although they lie in one directory.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Collision {
    /// The one before it in path order.
    pub other: String,
    /// The one that is reported.
    pub path: String,
}

impl PartialEq for Names {
    fn eq(&self, other: &Self) -> bool {
        // All else follows from these.
        self.exports == other.exports
    }
}

impl Eq for Names {}

/// Merges what all buckets export.
#[salsa::tracked]
pub fn names(db: &dyn salsa::Database) -> Arc<Names> {
    let globals = Globals::get(db);
    let buckets = globals.buckets(db).iter();
    let all = match globals.scope(db) {
        Scope::Whole => {
            let mut all = Vec::with_capacity(buckets.clone().map(|it| exports(db, it.1).len()).sum());
            buckets.for_each(|it| all.extend_from_slice(exports(db, it.1)));
            all
        }
        Scope::Part(part) => {
            let mut all: Vec<Export> = buckets.flat_map(|it| exports(db, it.1).iter().cloned()).collect();
            all.extend((part.elsewhere)());
            all
        }
    };
    Arc::new(Names::of(all))
}

impl Names {
    /// Returns the table of these assets.
    pub fn of(mut exports: Vec<Export>) -> Self {
        exports.sort_by(|a, b| (&a.place, &a.part).cmp(&(&b.place, &b.part)));
        let (clashes, collisions) = (clashes(&exports), collisions(&exports));
        Self { exports, by_name: OnceLock::new(), by_uuid: OnceLock::new(), clashes, collisions }
    }

    fn by_name(&self) -> &[u32] {
        self.by_name.get_or_init(|| {
            // Of those with one name, an excluded one is meant only where all are.
            let key = |it: &u32| (&self.exports[*it as usize].name, self.exports[*it as usize].excluded);
            let mut by_name: Vec<u32> = (0..self.exports.len() as u32).collect();
            by_name.sort_by(|a, b| key(a).cmp(&key(b)));
            by_name
        })
    }

    fn by_uuid(&self) -> &[(AssetUuid, u32)] {
        self.by_uuid.get_or_init(|| {
            let identified = self.exports.iter().enumerate();
            let mut by_uuid: Vec<_> = identified.filter_map(|(idx, it)| Some((it.identity?.0, idx as u32))).collect();
            by_uuid.sort_unstable();
            by_uuid
        })
    }

    /// Returns whether no two assets have one name, or places that some file systems cannot tell apart.
    pub fn are_clear(&self) -> bool {
        self.clashes.is_empty() && self.collisions.is_empty()
    }

    /// Returns another place with the same name as the asset at `place`.
    pub fn clash(&self, place: &RelPath) -> Option<&RelPath> {
        self.clashes.get(place)
    }

    /// Returns where `place`, or a directory of which it is the first, differs from a path before it only in case or
    /// Unicode normalization: of several such, all but the first are told.
    pub fn collisions(&self, place: &RelPath) -> &[Collision] {
        self.collisions.get(place).map_or(&[], Vec::as_slice)
    }

    /// Returns all assets, by place.
    pub fn all(&self) -> &[Export] {
        &self.exports
    }

    /// Returns the asset at a place.
    pub fn at(&self, place: &RelPath) -> Option<&Export> {
        let at = self.exports.binary_search_by(|it| (it.place.as_str(), it.part.as_str()).cmp(&(place.as_str(), "")));
        at.ok().map(|it| &self.exports[it])
    }

    /// Returns the asset that a reference means, as seen from the directory `dir`; it may be excluded.
    pub fn resolve(&self, dir: &RelPath, reference: &Reference) -> Option<&Export> {
        match reference {
            Reference::Uuid(uuid) => {
                let by_uuid = self.by_uuid();
                let at = by_uuid.binary_search_by(|it| it.0.cmp(uuid)).ok()?;
                Some(&self.exports[by_uuid[at].1 as usize])
            }
            Reference::Path(_) => self.at(&reference.target(dir)?),
            Reference::Name(name) => {
                let by_name = self.by_name();
                let at = by_name.partition_point(|it| self.exports[*it as usize].name[..] < **name);
                let found = &self.exports[*by_name.get(at)? as usize];
                (*found.name == **name).then_some(found)
            }
        }
    }

    /// Returns the name that is most like `name`, to suggest it.
    pub fn similar(&self, name: &str) -> Option<&str> {
        let names = self.exports.iter().map(|it| &*it.name);
        crate::model::suggest::closest(name, names)
    }
}

/// The names of all assets, put together when the first run asks for one.
pub struct LazyNames {
    db: Mutex<Database>,
    names: OnceLock<Arc<Names>>,
}

impl LazyNames {
    /// Returns the names that `db` holds. Nothing can be set in the database while this is alive.
    pub fn new(db: &Database) -> Self {
        Self { db: Mutex::new(db.clone()), names: OnceLock::new() }
    }
}

impl Assets for LazyNames {
    fn asset_at(&self, place: &RelPath) -> Option<Resolved> {
        let all = self.names.get_or_init(|| names(&*self.db.lock().unwrap_or_else(PoisonError::into_inner)).clone());
        all.asset_at(place)
    }
}

impl Assets for Names {
    fn asset_at(&self, place: &RelPath) -> Option<Resolved> {
        self.at(place).filter(|it| !it.excluded)?.resolved()
    }
}

/// Finds assets that share their name with another. One that is excluded is in nobody's way, but others are in its way.
fn clashes(exports: &[Export]) -> BTreeMap<RelPath, RelPath> {
    let mut clashes = BTreeMap::new();
    for group in alike(exports, |it| Cow::Borrowed(&it.name)) {
        let (excluded, named): (Vec<usize>, Vec<usize>) = group.iter().partition(|it| exports[**it].excluded);
        for pair in named.windows(2) {
            let (one, two) = (&exports[pair[0]].place, &exports[pair[1]].place);
            clashes.entry(one.clone()).or_insert_with(|| two.clone());
            clashes.insert(two.clone(), one.clone());
        }
        for (nth, it) in excluded.iter().enumerate() {
            let other = named.first().unwrap_or_else(|| &excluded[usize::from(nth == 0)]);
            clashes.insert(exports[*it].place.clone(), exports[*other].place.clone());
        }
    }
    clashes
}

/// Finds places, and directories, that some file systems cannot tell from one before them.
fn collisions(exports: &[Export]) -> BTreeMap<RelPath, Vec<Collision>> {
    let paths: Vec<(&str, usize)> = with_directories(exports.iter().map(|it| it.place.as_str())).collect();
    let mut collisions = BTreeMap::<RelPath, Vec<Collision>>::new();
    for group in alike(&paths, |it| confused(it.0)) {
        for pair in group.windows(2) {
            let ((other, _), (path, nth)) = (paths[pair[0]], paths[pair[1]]);
            if other != path {
                let collision = Collision { other: other.to_owned(), path: path.to_owned() };
                collisions.entry(exports[nth].place.clone()).or_default().push(collision);
            }
        }
    }
    collisions.values_mut().for_each(|it| it.sort());
    collisions
}

/// Returns these places, which are sorted, each with its number, and every directory that they lie in, with the number of
/// its first.
pub fn with_directories<'a>(places: impl Iterator<Item = &'a str>) -> impl Iterator<Item = (&'a str, usize)> {
    let mut before = "";
    places.enumerate().flat_map(move |(nth, place)| {
        let before_len = before.len();
        let same = place.bytes().zip(before.bytes()).take_while(|(a, b)| a == b).count();
        // A directory is new unless what came before lies in it too.
        let is_known = move |end: usize| end < same || (end == same && before_len == end);
        let ends = place.match_indices('/').map(|it| it.0).filter(move |it| !is_known(*it));
        before = place;
        ends.map(move |end| (&place[..end], nth)).chain([(place, nth)])
    })
}

/// Returns what a file system without case and normalization would take `path` for, in the directory that it lies in: where
/// directories are confused, it is they that are told, and not all that they hold.
pub fn confused(path: &str) -> Cow<'_, str> {
    let name = file_name(path);
    match fold(name) {
        Cow::Borrowed(_) => Cow::Borrowed(path),
        Cow::Owned(folded) => Cow::Owned([&path[..path.len() - name.len()], &folded].concat()),
    }
}

/// Returns the numbers of those with equal text, in groups of at least two, each ascending; the groups by their text.
///
/// Mostly there are none, so that it is enough to sort hashes, which costs a tenth of sorting texts.
fn alike<'a, T: Sync>(all: &'a [T], text: impl Fn(&'a T) -> Cow<'a, str> + Sync) -> Vec<Vec<usize>> {
    let hash = |it: &'a T| {
        let mut hasher = DefaultHasher::new();
        text(it).hash(&mut hasher);
        hasher.finish()
    };
    let hashed = all.par_iter().with_min_len(1 << 10).map(hash).enumerate();
    let mut hashes: Vec<(u64, usize)> = spread(|| hashed.map(|(idx, it)| (it, idx)).collect());
    spread(|| hashes.par_sort_unstable());
    let mut groups = BTreeMap::<Cow<'a, str>, Vec<usize>>::new();
    for same_hash in hashes.chunk_by(|a, b| a.0 == b.0).filter(|it| it.len() > 1) {
        for (_, idx) in same_hash {
            groups.entry(text(&all[*idx])).or_default().push(*idx);
        }
    }
    groups.into_values().filter(|it| it.len() > 1).collect()
}

/// Returns what a file system without case and normalization would take `path` for.
fn fold(path: &str) -> Cow<'_, str> {
    use unicode_normalization::UnicodeNormalization;
    if path.is_ascii() {
        let is_folded = !path.bytes().any(|it| it.is_ascii_uppercase());
        return if is_folded { path.into() } else { path.to_ascii_lowercase().into() };
    }
    path.nfc().flat_map(char::to_lowercase).nfc().collect()
}
