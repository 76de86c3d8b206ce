//! Declarations: what authors say of the sources in a bucket, in whichever form they say it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::declaration::Declaration;
use crate::model::path::{ASSET_JSON, SIDECAR_SUFFIX, file_name, parent, sidecar_owner};
use crate::model::{Code, Diagnostic, Location, RelPath};
use crate::process::kinds;
use crate::process::trace::kind_in_words;
use crate::workspace::bucket::{Kind, Members, Tree};
use crate::workspace::config::Config;
use crate::workspace::declare::{Scope, from_asset_json, from_rule, from_sidecar};
use crate::workspace::gather::{Find, Gathered, Here, Made, finds};
use crate::workspace::lookup::{Lookup, is_declaration};
use crate::workspace::scan::written_name;

use super::issue::Problem;
use super::{Bucket, Globals, Part, Texts};

/// The largest declaration file that is read, in bytes.
pub const LARGEST_TEXT: u64 = 1 << 20;

/// What a bucket declares.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Declared {
    /// The assets, in order of their declaring entries.
    pub assets: Vec<Arc<Declaration>>,
    /// Assets whose place and type are known but that cannot be built as they are declared. They have an identity and
    /// can be referred to.
    pub broken: Vec<Arc<Declaration>>,
    /// What is wrong, by asset.
    pub problems: Vec<Problem>,
    /// Sources that nothing claims and no directory asset owns, by number.
    pub unclaimed: Vec<u32>,
}

/// Returns the directories that have an `asset.json`, in byte order; where only a part of the workspace is in the
/// database, those that matter to it.
#[salsa::tracked]
pub fn asset_dirs(db: &dyn salsa::Database) -> Vec<RelPath> {
    if Globals::get(db).config(db).rules.gather() {
        return gathered(db).asset_dirs.clone();
    }
    if let super::Scope::Part(part) = Globals::get(db).scope(db) {
        return asset_dirs_around(part);
    }
    let buckets = Globals::get(db).buckets(db);
    let mut dirs: Vec<RelPath> = buckets.iter().flat_map(|it| asset_dirs_in(db, it.1).iter().cloned()).collect();
    dirs.sort();
    dirs
}

/// Returns what rules make of several files. It changes with paths and never with contents; nothing where no rule does
/// such a thing.
///
/// Where only a part of the workspace is in the database, the others' paths are looked at all the same: such a part is only
/// made while none of all paths moved.
#[salsa::tracked]
pub fn gathered(db: &dyn salsa::Database) -> Arc<Gathered> {
    let globals = Globals::get(db);
    let config = globals.config(db);
    if !config.rules.gather() {
        return Arc::default();
    }
    if let super::Scope::Part(part) = globals.scope(db) {
        return Arc::new(gather(config, &part.tree));
    }
    let buckets = globals.buckets(db);
    let dirs = buckets.iter().flat_map(|it| asset_dirs_in(db, it.1).iter().cloned()).collect();
    let found: Vec<&Find> = buckets.iter().flat_map(|it| finds_in(db, it.1)).collect();
    Arc::new(Gathered::of(dirs, &found))
}

/// Returns what rules make of several files of a tree.
fn gather(config: &Config, tree: &Tree) -> Gathered {
    let members = || tree.buckets().iter().map(|it| it.members());
    let dirs = members().flat_map(|it| asset_dirs_of(it)).collect();
    let found: Vec<Find> = members().flat_map(|it| finds(config, it)).collect();
    Gathered::of(dirs, &found.iter().collect::<Vec<_>>())
}

#[salsa::tracked]
fn finds_in(db: &dyn salsa::Database, bucket: Bucket) -> Vec<Find> {
    finds(Globals::get(db).config(db), bucket.members(db))
}

/// Returns what rules that take several files together have to do with a bucket.
#[salsa::tracked]
fn here(db: &dyn salsa::Database, bucket: Bucket) -> Here {
    let all = gathered(db);
    let (after, end) = super::DbTree(db).bounds(bucket);
    all.part(bucket.members(db), after.as_deref(), end.as_deref())
}

#[salsa::tracked]
fn asset_dirs_in(db: &dyn salsa::Database, bucket: Bucket) -> Vec<RelPath> {
    asset_dirs_of(bucket.members(db))
}

/// Returns the directories whose `asset.json` is in a bucket.
pub fn asset_dirs_of(members: &Members) -> Vec<RelPath> {
    // Whatever has the name governs: what a broken declaration owns must not fall to a rule.
    let governs = |idx: &usize| file_name(members.name(*idx)) == ASSET_JSON;
    (0..members.len()).filter(governs).filter_map(|it| members.path(it).parent()).collect()
}

/// Returns the directories with an `asset.json` that lie above sources of a part, or below a directory that declares an
/// asset in it: what governs the first, and what the second do not own.
fn asset_dirs_around(part: &Part) -> Vec<RelPath> {
    let mut found = BTreeSet::new();
    let mut asked = BTreeSet::new();
    let mut below = BTreeSet::new();
    let mut buf = String::new();
    let governs = |name: &str| file_name(name) == ASSET_JSON;
    for bucket in part.touched.iter().map(|it| &part.tree.buckets()[*it]) {
        let members = bucket.members();
        for idx in 0..members.len() {
            let mut above = RelPath::new(parent(members.path_in(idx, &mut buf)));
            while let Some(dir) = above.filter(|it| !asked.contains(it)) {
                if Lookup::find(&part.tree, &dir.child(ASSET_JSON)).is_some() {
                    found.insert(dir.clone());
                }
                above = dir.parent();
                asked.insert(dir);
            }
            if governs(members.name(idx)) {
                let dir = members.path(idx).parent().expect("a file lies in a directory");
                below.extend(part.tree.buckets_below(&dir));
            }
        }
    }
    for bucket in below {
        found.extend(asset_dirs_of(part.tree.buckets()[bucket].members()));
    }
    found.into_iter().collect()
}

/// Returns the directories that both an `asset.json` inside and a sidecar beside them declare, in byte order; where only
/// a part of the workspace is in the database, those of which it has either.
#[salsa::tracked]
pub fn claimed_twice(db: &dyn salsa::Database) -> Vec<RelPath> {
    if let super::Scope::Part(part) = Globals::get(db).scope(db) {
        return claimed_twice_in(part);
    }
    let buckets = Globals::get(db).buckets(db);
    let mut owners: Vec<RelPath> = buckets.iter().flat_map(|it| lone_sidecars_in(db, it.1).iter().cloned()).collect();
    owners.retain(|it| asset_dirs(db).binary_search(it).is_ok() && gathered(db).at(it).is_none());
    owners.sort();
    owners
}

fn claimed_twice_in(part: &Part) -> Vec<RelPath> {
    let mut owners = BTreeSet::new();
    let mut buf = String::new();
    for bucket in part.touched.iter().map(|it| &part.tree.buckets()[*it]) {
        let members = bucket.members();
        for idx in 0..members.len() {
            let path = members.path_in(idx, &mut buf);
            owners.extend(sidecar_owner(path).and_then(RelPath::new));
            if file_name(path) == ASSET_JSON {
                owners.extend(RelPath::new(parent(path)));
            }
        }
    }
    let is_there = |path: &RelPath| Lookup::find(&part.tree, path).is_some();
    let sidecar_of = |dir: &RelPath| RelPath::new(&format!("{dir}{SIDECAR_SUFFIX}"));
    let twice = |it: &RelPath| {
        !it.is_root() && is_there(&it.child(ASSET_JSON)) && sidecar_of(it).is_some_and(|it| is_there(&it))
    };
    owners.into_iter().filter(twice).collect()
}

#[salsa::tracked]
fn lone_sidecars_in(db: &dyn salsa::Database, bucket: Bucket) -> Vec<RelPath> {
    lone_sidecars_of(bucket.members(db))
}

/// Returns what the sidecars of a bucket speak for that do not follow their file.
pub fn lone_sidecars_of(members: &Members) -> Vec<RelPath> {
    let mut buf = String::new();
    let mut owners = Vec::new();
    for idx in 0..members.len() {
        let Some(owner) = sidecar_owner(members.name(idx)) else { continue };
        let is_lone = idx == 0 || members.name(idx - 1) != owner || members.kind(idx - 1).is_dir();
        if is_lone {
            let path = members.path_in(idx, &mut buf);
            owners.extend(sidecar_owner(path).and_then(RelPath::new));
        }
    }
    owners
}

/// Returns, for each directory that sources of the bucket lie in, the directory asset that owns it, if any.
#[salsa::tracked]
pub fn governors(db: &dyn salsa::Database, bucket: Bucket) -> BTreeMap<RelPath, RelPath> {
    let dirs = asset_dirs(db);
    let mut governors = BTreeMap::new();
    if dirs.is_empty() {
        return governors;
    }
    let members = bucket.members(db);
    let mut last = None;
    let mut buf = String::new();
    for idx in 0..members.len() {
        let dir = parent(members.path_in(idx, &mut buf));
        if last.as_ref().is_some_and(|it: &RelPath| it.as_str() == dir) {
            continue;
        }
        let dir = RelPath::new(dir).expect("part of a normal path");
        if let Some(governor) = governor_of(dirs, &dir) {
            governors.insert(dir.clone(), governor);
        }
        last = Some(dir);
    }
    governors
}

/// Returns the nearest directory with an `asset.json` at or above `dir`.
pub fn governor_of(asset_dirs: &[RelPath], dir: &RelPath) -> Option<RelPath> {
    let mut at = Some(dir.clone());
    while let Some(dir) = at {
        if asset_dirs.binary_search(&dir).is_ok() {
            return Some(dir);
        }
        at = dir.parent();
    }
    None
}

/// Returns what the bucket declares.
#[salsa::tracked]
pub fn declared(db: &dyn salsa::Database, bucket: Bucket) -> Declared {
    let config = Globals::get(db).config(db);
    let nothing = Here::default();
    let here = if config.rules.gather() { here(db, bucket) } else { &nothing };
    let around = Around { governors: governors(db, bucket), claimed_twice: claimed_twice(db), here };
    declare(config, bucket.members(db), bucket.texts(db), around)
}

/// What the declarations of a bucket must know of other buckets.
#[derive(Clone, Copy)]
struct Around<'a> {
    governors: &'a BTreeMap<RelPath, RelPath>,
    claimed_twice: &'a [RelPath],
    here: &'a Here,
}

fn declare(config: &Config, members: &Members, texts: &Texts, around: Around<'_>) -> Declared {
    let mut out = Declared::default();
    let mut buf = String::new();
    let mut idx = 0;
    while idx < members.len() {
        let at = idx;
        idx += 1;
        let kind = members.kind(at);
        let path = members.path_in(at, &mut buf);
        if kind.is_dir() && !is_declaration(path) {
            warn_of_absolute_link(members, at, &mut out);
            continue;
        }
        if file_name(path) == ASSET_JSON {
            declare_directory(config, &members.path(at), kind, texts, around, &mut out);
            continue;
        }
        if let Some(owner) = sidecar_owner(path) {
            // A sidecar follows its file directly: the file would have taken it along.
            if around.here.at(owner).is_none() {
                let owner = RelPath::new(owner).expect("part of a normal path");
                lone_sidecar(members, at, &owner, around, &mut out);
            }
            continue;
        }
        let has_sidecar = idx < members.len() && sidecar_owner(members.name(idx)) == Some(members.name(at));
        let sidecar = has_sidecar.then(|| members.path(idx));
        if sidecar.is_some() {
            idx += 1;
        }
        declare_file(config, members, at, sidecar.as_ref(), texts, around, &mut out);
    }
    for (place, made) in &around.here.made {
        declare_gathered(config, members, place, made, texts, &mut out);
    }
    out
}

/// Declares what a rule makes of several files.
fn declare_gathered(
    config: &Config,
    members: &Members,
    place: &RelPath,
    made: &Made,
    texts: &Texts,
    out: &mut Declared,
) {
    let before = Counts::of(out);
    if out.assets.iter().chain(&out.broken).any(|it| it.intent.place == *place) {
        let message = format!("a file and a group of files both claim `{place}`");
        let problem = Diagnostic::error(Code::CLAIM_CLASH, message).at(Location::file(place)).help("rename the file");
        out.problems.push(Problem { place: place.clone(), diagnostic: problem });
        return;
    }
    let sidecar = RelPath::new(&format!("{place}{SIDECAR_SUFFIX}")).expect("a normal path and a suffix");
    match members.find(sidecar.as_str()) {
        None => {
            if let Some((declaration, problem)) = from_rule(config, place, made.clone()) {
                take(place, Some(declaration), problem.into_iter().collect(), out);
            }
        }
        Some(at) => match texts.get(&sidecar) {
            Some(text) => {
                let (declaration, diagnostics) = from_sidecar(scope(config), place, &sidecar, text, Some(made));
                take(place, declaration, diagnostics, out);
            }
            None => {
                let diagnostic = no_text(&sidecar, members.kind(at));
                out.problems.push(Problem { place: place.clone(), diagnostic });
            }
        },
    }
    excuse_excluded(before, out);
}

fn declare_directory(
    config: &Config,
    file: &RelPath,
    kind: Kind,
    texts: &Texts,
    around: Around<'_>,
    out: &mut Declared,
) {
    let before = Counts::of(out);
    let dir = file.parent().expect("a file lies in a directory");
    let Some(text) = texts.get(file) else {
        out.problems.push(Problem { place: dir, diagnostic: no_text(file, kind) });
        return;
    };
    let (declaration, mut diagnostics) = from_asset_json(scope(config), &dir, file, text);
    if around.claimed_twice.binary_search(&dir).is_ok() {
        let sidecar = RelPath::new(&format!("{dir}{SIDECAR_SUFFIX}")).expect("a normal path and a suffix");
        diagnostics.push(claim_clash(&dir, file, &sidecar));
    }
    take(&dir, declaration, diagnostics, out);
    excuse_excluded(before, out);
}

/// How much a bucket declared up to some moment.
struct Counts {
    assets: usize,
    broken: usize,
    problems: usize,
}

impl Counts {
    fn of(out: &Declared) -> Self {
        Self { assets: out.assets.len(), broken: out.broken.len(), problems: out.problems.len() }
    }
}

/// What stays out of every pack is in no build's way: what is wrong with an asset that is excluded is only warned of.
fn excuse_excluded(before: Counts, out: &mut Declared) {
    let mut news = out.assets[before.assets..].iter().chain(&out.broken[before.broken..]);
    if news.any(|it| it.intent.options.is_excluded()) {
        out.problems[before.problems..].iter_mut().for_each(|it| it.diagnostic.excuse());
    }
}

/// Returns the diagnostic for a declaration of a directory that has another one.
fn claim_clash(dir: &RelPath, file: &RelPath, other: &RelPath) -> Diagnostic {
    Diagnostic::error(Code::CLAIM_CLASH, format!("two declarations claim `{dir}`"))
        .at(Location::file(file))
        .related("this one does too", Location::file(other))
        .help("remove one of the two; a directory is declared by the `asset.json` inside it")
}

fn declare_file(
    config: &Config,
    members: &Members,
    at: usize,
    sidecar: Option<&RelPath>,
    texts: &Texts,
    around: Around<'_>,
    out: &mut Declared,
) {
    let before = Counts::of(out);
    let (owner, kind) = (members.path(at), members.kind(at));
    // "Rules claim nothing in there, sidecars may": what a directory asset owns is not unclaimed either.
    let governed = around.governors.contains_key(parent(owner.as_str()));
    let matching = if governed { None } else { config.claim(owner.as_str()) };
    let companion_of = around.here.companions.get(&(at as u32)).copied();
    let rule = matching.filter(|it| is_owner(config, *it, companion_of));
    if rule.is_none() && sidecar.is_none() {
        if kind == Kind::BadName {
            out.problems.push(Problem { place: owner.clone(), diagnostic: overlooked(&owner) });
        } else if governed || is_taken(at as u32, around.here) {
            warn_of_absolute_link(members, at, out);
        } else {
            out.unclaimed.push(at as u32);
            // Circles are common where directories link to one another; what is in them is found without them.
            let is_lost = matches!(kind, Kind::Dangling | Kind::Escaping);
            if is_lost && config.roots.iter().all(|it| it.path != owner) {
                out.problems.push(Problem { place: owner.clone(), diagnostic: leads_nowhere(&owner, kind) });
            }
        }
        return;
    }
    warn_of_absolute_link(members, at, out);
    if !kind.is_readable() {
        out.problems.push(Problem { place: owner.clone(), diagnostic: not_a_file(&owner, kind) });
        if kind == Kind::BadName {
            return; // A place that nobody can write has no identity.
        }
    }
    match (sidecar, rule) {
        (Some(file), rule) => match texts.get(file) {
            Some(text) => {
                let made = rule.map(|it| config.made(it, &owner));
                let (declaration, diagnostics) = from_sidecar(scope(config), &owner, file, text, made.as_ref());
                take(&owner, declaration, diagnostics, out);
            }
            None => out.problems.push(Problem { place: owner, diagnostic: no_text(file, members.kind(at + 1)) }),
        },
        (None, Some(rule)) => {
            if let Some((declaration, problem)) = from_rule(config, &owner, config.made(rule, &owner)) {
                take(&owner, Some(declaration), problem.into_iter().collect(), out);
            }
        }
        (None, None) => {}
    }
    if !kind.is_readable() {
        out.broken.extend(out.assets.drain(before.assets..));
    }
    excuse_excluded(before, out);
}

fn scope(config: &Config) -> Scope<'_> {
    Scope { config, check: &kinds::Check }
}

/// Returns whether a rule that is the first to match a file makes an asset of that file alone. `companion_of` is the first
/// rule that takes it as a companion.
pub fn is_owner(config: &Config, rule: usize, companion_of: Option<usize>) -> bool {
    let takes_one = config.rules.get(rule).is_some_and(|it| it.group.is_empty() && it.marker.is_none());
    takes_one && companion_of.is_none_or(|it| it >= rule)
}

/// Returns whether the file of this number is part of another file's asset, or of a group.
fn is_taken(at: u32, here: &Here) -> bool {
    here.companions.contains_key(&at) || here.grouped.binary_search(&at).is_ok()
}

fn take(place: &RelPath, declaration: Option<Declaration>, diagnostics: Vec<Diagnostic>, out: &mut Declared) {
    let broken = diagnostics.iter().any(Diagnostic::is_error);
    out.problems.extend(diagnostics.into_iter().map(|diagnostic| Problem { place: place.clone(), diagnostic }));
    let assets = if broken { &mut out.broken } else { &mut out.assets };
    assets.extend(declaration.map(Arc::new));
}

/// Takes up a sidecar that has no file beside it.
fn lone_sidecar(members: &Members, at: usize, owner: &RelPath, around: Around<'_>, out: &mut Declared) {
    let file = members.path(at);
    if around.claimed_twice.binary_search(owner).is_ok() {
        let diagnostic = claim_clash(owner, &file, &owner.child(ASSET_JSON));
        out.problems.push(Problem { place: owner.clone(), diagnostic });
        return;
    }
    let (message, help) = match sidecar_owner(owner.as_str()) {
        Some(_) => (format!("`{owner}` is a declaration and has none of its own"), "remove one of the two"),
        None => (
            format!("there is no file `{owner}` for this sidecar"),
            "move the sidecar along with its file, or remove it; a directory is declared by an `asset.json` inside it",
        ),
    };
    let diagnostic = Diagnostic::error(Code::DANGLING_SIDECAR, message).at(Location::file(&file)).help(help);
    out.problems.push(Problem { place: owner.clone(), diagnostic });
}

/// Returns the diagnostic for a declaration file whose text is not at hand.
fn no_text(file: &RelPath, kind: Kind) -> Diagnostic {
    if !kind.is_readable() {
        return not_a_file(file, kind);
    }
    let message = format!("`{file}` is larger than a declaration may be ({} KiB)", LARGEST_TEXT >> 10);
    Diagnostic::error(Code::TOO_LARGE, message).at(Location::file(file))
}

/// Returns a name that is not UTF-8, and where it is.
fn told_name(path: &RelPath) -> String {
    let dir = match parent(path.as_str()) {
        "" => String::new(),
        dir => format!(" in `{dir}`"),
    };
    format!("the name `{}`{dir}", written_name(path))
}

/// Returns the diagnostic for a name that is not UTF-8 and that nothing claims as far as it can be read.
fn overlooked(path: &RelPath) -> Diagnostic {
    let message = format!("{} is not UTF-8; neither it nor anything in it is a source", told_name(path));
    Diagnostic::warning(Code::NAME_NOT_UTF8, message).at(Location::file(path)).help("rename it")
}

/// Warns of a link that only leads somewhere where the workspace lies at this very path.
fn warn_of_absolute_link(members: &Members, at: usize, out: &mut Declared) {
    let kind = members.kind(at);
    let Some(link) = members.link(at).filter(|_| matches!(kind, Kind::FileLink | Kind::DirLink)) else { return };
    if !is_absolute(&link.text) {
        return;
    }
    let place = members.path(at);
    let message = format!("the link `{place}` holds an absolute path, which leads nowhere on other machines");
    let diagnostic = Diagnostic::warning(Code::LINK_ABSOLUTE, message)
        .at(Location::file(&place))
        .help("make it a relative one: `ln -sr`, or a text that begins with `../`");
    out.problems.push(Problem { place, diagnostic });
}

/// Returns whether the text of a link is an absolute path on any system.
fn is_absolute(text: &str) -> bool {
    text.starts_with(['/', '\\']) || matches!(text.as_bytes(), [drive, b':', ..] if drive.is_ascii_alphabetic())
}

/// Returns the diagnostic for a link that nothing claims and behind which nothing is found.
fn leads_nowhere(path: &RelPath, kind: Kind) -> Diagnostic {
    let message = match kind {
        Kind::Dangling => format!("the link `{path}` leads nowhere"),
        _ => format!("the link `{path}` leads out of the workspace or to what is no source; nothing behind it is one"),
    };
    Diagnostic::warning(link_code(kind), message)
        .at(Location::file(path))
        .help("remove it, or let it lead to a file or directory inside the workspace")
}

fn link_code(kind: Kind) -> Code {
    match kind {
        Kind::Dangling => Code::LINK_DANGLES,
        Kind::Escaping => Code::LINK_ESCAPES,
        _ => Code::LINK_LOOPS,
    }
}

/// Returns the diagnostic for something that is claimed but cannot be read.
fn not_a_file(path: &RelPath, kind: Kind) -> Diagnostic {
    let code = match kind {
        Kind::BadName => Code::NAME_NOT_UTF8,
        it if it.is_link() => link_code(it),
        _ => Code::NOT_A_FILE,
    };
    let remedy = if kind == Kind::BadName { "rename it" } else { "put a regular file there" };
    let help = format!("{remedy}, or exclude it with a rule that has `exclude = true` before the one that claims it");
    let message = match kind {
        Kind::BadName => format!("{} is not UTF-8", told_name(path)),
        _ => format!("`{path}` is {}", kind_in_words(kind)),
    };
    Diagnostic::error(code, message).at(Location::file(path)).help(help)
}
