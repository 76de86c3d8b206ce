//! What is wrong with the identities of a workspace, and how it is put right: what `doctor` tells and does.
//!
//! The same scan and queries as a build, up to where identities are compared. A registry that a build would refuse is
//! repaired in memory first, so that the rest can be told as well. Nothing is written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::lane::{self, Commit, Recovery};
use crate::model::declaration::Declaration;
use crate::model::reference::Reference;
use crate::model::registry::{
    self, Copied, FileSet, Found, GITATTRIBUTES, Ground, Mended, Open, Present, Reconciliation, Registry, Repair, bind,
    is_stand_in, propose, reconcile, repair,
};
use crate::model::{AssetUuid, Code, Diagnostic, Digest, Location, RelPath};
use crate::query::State;
use crate::workspace::config::Config;
use crate::workspace::layout::Workspace;
use crate::workspace::scan::{self, scan};

use super::Options;
use super::artifacts::Moved;
use super::configure::{Seen, configure, registry_files};
use super::identify::{declared_places, held};
use super::pass::Pass;
use super::session::Session;
use super::surroundings;

/// A workspace as `doctor` sees it.
#[derive(Clone, PartialEq, Debug)]
pub struct Examination {
    /// The author's configuration.
    pub config: Arc<Config>,
    /// What is wrong, in the order in which it is shown.
    pub findings: Vec<Finding>,
    /// What is to be known of this machine. Nothing is broken by it.
    pub machine: Vec<Diagnostic>,
    /// What a crash had left half done, and what became of it when the workspace was opened.
    pub recovered: Option<String>,
    /// New places that hold what a registered one holds: each becomes an asset of its own.
    pub copies: Vec<Copied>,
    /// The registry as it is to be seen: repaired where that can be done.
    pub registry: Registry,
    /// What has to be done by hand before anything can be repaired.
    pub is_blocked: bool,
    /// Whether files are left that go as soon as somebody takes the lane.
    pub has_leftovers: bool,
    /// The registered assets that are not declared, by place.
    pub missing: Vec<registry::Line>,
    files: FileSet,
    loaded: Registry,
    mended: Vec<Mended>,
    found: Vec<Found>,
    places: Vec<(Present, registry::Digests)>,
    named: BTreeMap<AssetUuid, RelPath>,
    attributes: Option<Vec<u8>>,
    needs_attributes: bool,
}

/// Something that is wrong.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Finding {
    /// What it is.
    pub diagnostic: Diagnostic,
    /// Who puts it right.
    pub remedy: Remedy,
}

/// Who puts something right.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Remedy {
    /// `doctor --fix`.
    Fix,
    /// Somebody who knows which of several answers is right; the help names the commands.
    Choice,
    /// Somebody who can do what packwright cannot.
    Hand,
}

/// What is to be put right.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Wishes {
    /// Everything to which there is one answer, the same on every machine.
    pub fix: bool,
    /// Missing assets that are found by what only this machine remembers.
    pub remembered: bool,
    /// Missing assets, and the places that are theirs.
    pub bindings: Vec<(AssetUuid, Present)>,
}

/// What putting things right changes.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Cure {
    /// The files.
    pub commit: Commit,
    /// What is done to what, one line each, as an infinitive.
    pub notes: Vec<String>,
    /// The assets that are concerned, by place.
    pub assets: Vec<registry::Line>,
}

/// Looks at a workspace.
///
/// # Errors
///
/// As a build, up to where identities are compared; what is wrong with the registry is no error.
pub fn examine(ws: &Workspace, state: &mut State, options: &Options) -> std::result::Result<Examination, Moved> {
    let leftovers = surroundings::leftovers(ws);
    let recovered = told(&lane::open(&*ws.disk, &ws.root, "packwright doctor", std::process::id())?);
    let seen = Seen::of(ws, options)?;
    let (ws, options) = (&seen.ws, &seen.options);
    let setup = configure(&seen)?;
    let session = Session::open(ws, options, Vec::new());
    let mut registry_files = registry_files(ws, &session.index, options, &setup.sight)?;
    let how = scan::Options { rehash: options.rehash, ignore: Some(&setup.config.ignore) };
    let scan = scan(ws, &setup.roots, session.known_tree(&setup), &session.sources, how)?;
    let pass = Pass::new(session, setup, scan);
    pass.load_tree()?;
    let files = registry_files.read(ws)?;
    let attributes = lane::read_file_through(&*ws.disk, &ws.root, &surroundings::attributes())?;
    let loaded = registry::load(&files);
    pass.change(pass.workshop().all_texts()?, &loaded.registry).apply(state);

    let (tree, config) = (&pass.scan.tree, pass.setup.config.clone());
    let (present, declarations) = declared_places(ws, state, &loaded.registry);
    let digests = |idx| held(&declarations, idx, state, tree);
    let ground = Ground { present: &present, digests: &digests };
    let repair = repair(&files, &ground);
    let is_blocked = !repair.obstacles.is_empty();
    let mut findings = findings_of_registry(&loaded.diagnostics, &repair);
    let mut reconciliation = Reconciliation::default();
    let mut missing = Vec::new();
    if !is_blocked {
        let proposal = propose(&repair.registry, config.workspace, &present, &digests);
        let vanished = pass.note_missing(&proposal.missing);
        reconciliation = reconcile(&proposal, &ground, &|line| vanished.of(line));
        findings.extend(reconciliation.found.iter().map(found_again));
        findings.extend(reconciliation.open.iter().map(not_found));
        missing = proposal.missing;
    }
    let found: Vec<Found> = std::mem::take(&mut reconciliation.found);
    let lost: BTreeSet<Digest> = missing.iter().map(|it| it.content).collect();
    let suspects = present.iter().enumerate().filter_map(|(idx, it)| {
        // Of a directory nobody knows what its files held.
        let declaration = declarations[idx].filter(|it| it.intent.inputs.is_file())?;
        let registered = match repair.registry.at(&it.place, &it.part) {
            Some(line) if held(&declarations, idx, state, tree).content == line.content => return None,
            Some(line) => BTreeSet::from([line.content]),
            None => lost.clone(),
        };
        (!registered.is_empty()).then_some((&declaration.intent.place, registered))
    });
    let line_endings = surroundings::check_line_endings(ws, suspects);
    let n_needed = if missing.is_empty() { 0 } else { present.len() };
    let places = (0..n_needed).map(|at| (present[at].clone(), digests(at))).collect();
    let named = named(declarations.iter().copied().flatten());
    pass.remember_scan(&registry_files);
    registry_files.check_unmoved(ws)?;

    let by = |remedy| move |diagnostic| Finding { diagnostic, remedy };
    let has_leftovers = !surroundings::leftovers(ws).is_empty();
    // Staged files are in nobody's way, and the next one to take the lane sweeps them.
    let (swept, unfinished): (Vec<_>, Vec<_>) =
        leftovers.into_iter().filter(|_| has_leftovers).partition(|it| it.code == Code::STAGED_LEFT);
    findings.extend(unfinished.into_iter().map(by(Remedy::Fix)));
    findings.extend(surroundings::strays(ws).into_iter().map(by(Remedy::Hand)));
    let mut needs_attributes = false;
    if loaded.presence != registry::Presence::Absent {
        let unmerged = surroundings::check_attributes(attributes.as_deref());
        needs_attributes = unmerged.is_some();
        findings.extend(unmerged.map(by(Remedy::Fix)));
        findings.extend(surroundings::check_git(ws).map(by(Remedy::Hand)));
    }
    // That somebody else is at work is no fault of the cache.
    let (busy, damaged): (Vec<_>, Vec<_>) =
        pass.session.cache_warnings().into_iter().partition(|it| it.code == Code::CACHE_BUSY);
    findings.extend(damaged.into_iter().map(by(Remedy::Hand)));
    findings.sort();
    findings.dedup();
    Ok(Examination {
        config,
        findings,
        machine: swept.into_iter().chain(busy).chain(line_endings).chain(surroundings::check_file_system(ws)).collect(),
        recovered,
        copies: reconciliation.copies,
        registry: repair.registry,
        is_blocked,
        has_leftovers,
        missing,
        files,
        loaded: loaded.registry,
        mended: repair.mended,
        found,
        places,
        named,
        attributes,
        needs_attributes,
    })
}

/// Returns for each uuid by which an asset is referred to the last place that does so.
fn named<'a>(declarations: impl Iterator<Item = &'a Arc<Declaration>>) -> BTreeMap<AssetUuid, RelPath> {
    let mut named = BTreeMap::new();
    for intent in declarations.map(|it| &it.intent) {
        for reference in &intent.dependencies {
            if let Reference::Uuid(uuid) = reference {
                named.insert(*uuid, intent.place.clone());
            }
        }
    }
    named
}

fn told(recovery: &Recovery) -> Option<String> {
    match recovery {
        Recovery::Nothing | Recovery::LeftToOthers => None,
        Recovery::Finished { title } => Some(format!("finished a commit that was left half done: {title}")),
        Recovery::TakenBack { title, path } => Some(format!(
            "took back a commit that was left half done, since `{path}` was edited or cannot be written: {title}"
        )),
        Recovery::Discarded => Some("removed what was left of a commit that never was".to_owned()),
    }
}

/// Returns what loading the registry found, and who puts it right.
fn findings_of_registry(diagnostics: &[Diagnostic], repair: &Repair) -> Vec<Finding> {
    let mut findings = Vec::new();
    for diagnostic in diagnostics {
        let in_the_way = repair.obstacles.contains(diagnostic);
        let mut diagnostic = diagnostic.clone();
        if [Code::SUPERSEDED, Code::DOUBLED].contains(&diagnostic.code) {
            diagnostic.help = Some("`packwright doctor --fix` tidies it, and so does the next commit".to_owned());
        }
        let remedy = if in_the_way || !repair.obstacles.is_empty() { Remedy::Hand } else { Remedy::Fix };
        if remedy == Remedy::Hand && !in_the_way {
            diagnostic.help = Some("once every line can be read, `packwright doctor --fix` repairs this".to_owned());
        }
        findings.push(Finding { diagnostic, remedy });
    }
    let is_new = |it: &&Diagnostic| !diagnostics.contains(it);
    let obstacles = repair.obstacles.iter().filter(is_new).cloned();
    findings.extend(obstacles.map(|diagnostic| Finding { diagnostic, remedy: Remedy::Hand }));
    findings
}

fn found_again(found: &Found) -> Finding {
    let Found { line, to, minted } = found;
    let (id, place) = (line.id, shown(to));
    let mut message = format!("`{}` ({id}) is now `{place}`, as this machine remembers", line.shown());
    if let Some(minted) = minted {
        message += &format!("; it was registered there as {}", minted.id);
    }
    let instead = match minted {
        None => "a build would register a new asset".to_owned(),
        Some(minted) => format!("{} becomes a tombstone then", minted.id),
    };
    let bind = format!("`packwright doctor --bind {id} {}`", quoted(&place));
    let help = format!("if that is so, run {bind}, or `packwright doctor --remembered` for all such; {instead}");
    let diagnostic = Diagnostic::warning(Code::FOUND_AGAIN, message).at(Location::file(&line.place)).help(help);
    Finding { diagnostic, remedy: Remedy::Choice }
}

fn not_found(open: &Open) -> Finding {
    let Open { line, candidates } = open;
    let id = line.id;
    let message = format!("`{}` is registered as {id} and not declared any more", line.shown());
    let mut diagnostic = Diagnostic::warning(Code::PLACE_MISSING, message).at(Location::file(&line.place));
    for (place, line) in candidates {
        let text = match line {
            None => "this new one may be it".to_owned(),
            Some(line) => format!("this one may be it, registered as {}", line.id),
        };
        diagnostic = diagnostic.related(text, Location::file(&place.place));
    }
    let gone = format!("`packwright remove {id}` if it is gone for good");
    let bind = candidates.iter().map(|(place, _)| format!("`packwright doctor --bind {id} {}`", quoted(&shown(place))));
    let bind: Vec<String> = bind.collect();
    let help = match &bind[..] {
        [] => format!(
            "bring it back, or run {gone}; if it lives on in another place, run `packwright doctor --bind {id} PLACE`"
        ),
        all => format!("run {} if it lives on there, or {gone}", all.join(" or ")),
    };
    Finding { diagnostic: diagnostic.help(help), remedy: Remedy::Choice }
}

/// Returns a place as it is given to a shell.
fn quoted(place: &str) -> String {
    let is_plain = |it: char| it.is_alphanumeric() || "/._-+,:=@%".contains(it);
    if place.chars().all(is_plain) { place.to_owned() } else { format!("'{}'", place.replace('\'', r"'\''")) }
}

fn shown(it: &Present) -> String {
    if it.part.is_empty() { it.place.to_string() } else { format!("{}#{}", it.place, it.part) }
}

impl Examination {
    /// Returns whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// Returns the declared place with this text, a path or `path#part`, where there is one. Only asked while something
    /// is missing.
    pub fn place(&self, path: &RelPath, part: &str) -> Option<&Present> {
        let at = self.places.binary_search_by(|it| (&it.0.place, it.0.part.as_str()).cmp(&(path, part))).ok()?;
        Some(&self.places[at].0)
    }

    /// Returns why an asset that would become a tombstone by these wishes should not: only one that was registered in a
    /// missing one's stead by mistake, and that nobody knows by its uuid, goes without more ado. A reference by place or
    /// by name means afterwards whatever is there, as it should.
    pub fn objection(&self, wishes: &Wishes) -> Option<String> {
        self.bindings(wishes).iter().find_map(|(uuid, to)| {
            let missing = self.registry.by_uuid(*uuid)?;
            let line = self.registry.at(&to.place, &to.part).filter(|it| it.uuid != *uuid)?;
            let (id, place) = (line.id, shown(to));
            let force = format!("`packwright doctor --bind {} {} --force`", missing.id, quoted(&place));
            let (why, instead) = if !is_stand_in(line, missing) {
                let why = format!("which was not registered in the stead of {}", missing.id);
                (why, format!("bind {} to another place", missing.id))
            } else {
                let user = self.named.get(&line.uuid)?;
                (
                    format!("which `{user}` refers to by its uuid"),
                    format!("let that refer to `uuid:{}` first", missing.uuid),
                )
            };
            Some(format!(
                "`{place}` is the place of {id}, {why}; {instead}, or run {force}, which gives up {id} for good"
            ))
        })
    }

    /// Returns the missing assets that are to be found, and their places.
    fn bindings(&self, wishes: &Wishes) -> Vec<(AssetUuid, Present)> {
        let mut bindings = wishes.bindings.clone();
        if wishes.remembered {
            // What somebody says goes before what the machine remembers.
            let is_free = |it: &&Found| wishes.bindings.iter().all(|(uuid, to)| *uuid != it.line.uuid && *to != it.to);
            bindings.extend(self.found.iter().filter(is_free).map(|it| (it.line.uuid, it.to.clone())));
        }
        bindings
    }

    /// Returns what has to be changed. All files of the registry are held to what was seen of them.
    pub fn cure(&self, wishes: &Wishes) -> Cure {
        let mut cure = Cure::default();
        let base = if wishes.fix { &self.registry } else { &self.loaded };
        if wishes.fix && !self.is_blocked {
            self.mended.iter().for_each(|it| cure.add(&self.registry, it.uuid, it.to_string()));
        }
        let bindings = self.bindings(wishes);
        let digests = |to: &Present| {
            let at = self.places.binary_search_by(|it| it.0.cmp(to)).ok()?;
            Some(self.places[at].1)
        };
        let known: Vec<_> =
            bindings.into_iter().filter_map(|(uuid, to)| Some((uuid, to.clone(), digests(&to)?))).collect();
        let registry = bind(base, &known);
        for (uuid, to, _) in &known {
            if let Some(minted) = base.at(&to.place, &to.part) {
                cure.add(
                    &registry,
                    minted.uuid,
                    format!("retire {}, registered at `{}` instead", minted.id, shown(to)),
                );
            }
            if let Some(line) = base.by_uuid(*uuid) {
                let note = format!("move {} from `{}` to `{}`", line.id, line.shown(), shown(to));
                cure.add(&registry, *uuid, note);
            }
        }
        if !self.is_blocked {
            self.write_registry(&registry, &mut cure);
        }
        if wishes.fix && self.needs_attributes {
            cure.commit.changes.push(self.write_attributes());
            cure.notes.push("have git keep the lines of both sides when it merges the registry".to_owned());
        }
        cure.assets.sort_by(|a, b| (&a.place, &a.part, a.uuid).cmp(&(&b.place, &b.part, b.uuid)));
        cure.assets.dedup();
        let title = if wishes.fix { "repair what doctor found".to_owned() } else { bound(known.len()) };
        cure.commit.title = title;
        cure
    }

    fn write_registry(&self, new: &Registry, cure: &mut Cure) {
        let changed = self.loaded.changed_files(new);
        if changed.is_empty() {
            return;
        }
        for (idx, bytes) in self.files.iter().enumerate() {
            // Those that stay are in it as well: a number may be given in one of them meanwhile.
            let content = changed.iter().find(|it| it.0 == idx).map(|it| it.1.clone()).or_else(|| bytes.clone());
            let expect = bytes.as_deref().map(Digest::of);
            cure.commit.changes.push(lane::Change { path: registry::file_path(idx), expect, content });
        }
    }

    fn write_attributes(&self) -> lane::Change {
        let mut content = self.attributes.clone().unwrap_or_default();
        if content.last().is_some_and(|it| *it != b'\n') {
            content.push(b'\n');
        }
        content.extend(GITATTRIBUTES.bytes());
        let expect = self.attributes.as_deref().map(Digest::of);
        lane::Change { path: surroundings::attributes(), expect, content: Some(content) }
    }
}

fn bound(n: usize) -> String {
    if n == 1 { "find 1 missing asset".to_owned() } else { format!("find {n} missing assets") }
}

impl Cure {
    fn add(&mut self, registry: &Registry, uuid: AssetUuid, note: String) {
        self.notes.push(note);
        self.assets.extend(registry.by_uuid(uuid).cloned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::Engine;
    use crate::error::Error;
    use crate::lane::Lane;
    use crate::system::memory::MemorySystem;
    use std::path::Path;
    use std::time::Duration;

    const CONFIG: &str = r#"
        workspace = "00000000-0000-4000-8000-000000000000"
        roots = [{ path = "assets" }]
        rules = [{ match = "**/*.txt", type = "raw" }]
    "#;

    struct World {
        disk: Arc<MemorySystem>,
        engine: Engine,
    }

    impl World {
        /// A workspace in which these files were built.
        fn of(files: &[(&str, &str)]) -> Self {
            let disk = Arc::new(MemorySystem::new());
            disk.write("/ws/packwright.toml", CONFIG);
            (0..registry::N_FILES).for_each(|it| disk.write(format!("/ws/{}", registry::file_path(it)), ""));
            disk.write("/ws/packwright.registry/.gitattributes", GITATTRIBUTES);
            files.iter().for_each(|(path, text)| disk.write(format!("/ws/assets/{path}"), text));
            disk.settle();
            let engine = Engine::new(Workspace::new(disk.clone(), "/ws".into()));
            let world = Self { disk, engine };
            world.build();
            world
        }

        fn build(&self) {
            self.engine.build(&Options::default()).expect("a sound workspace");
        }

        fn examine(&self) -> Examination {
            self.disk.settle();
            self.engine.examine(&Options::default()).expect("a workspace")
        }

        fn codes(&self) -> Vec<(Code, Remedy)> {
            self.examine().findings.iter().map(|it| (it.diagnostic.code, it.remedy)).collect()
        }

        fn commit(&self, cure: &Cure) -> crate::error::Result<Option<u64>> {
            let lane = Lane::acquire(&*self.disk, Path::new("/ws"), "test", 1, Duration::ZERO);
            lane.expect("nobody else is here").commit(cure.commit.clone())
        }

        /// Replaces a text in the file of the registry that holds `place`.
        fn edit(&self, place: &str, from: &str, to: &str) {
            let holds = |it: &Vec<u8>| String::from_utf8_lossy(it).contains(&format!("\"{place}\""));
            let paths = (0..registry::N_FILES).map(|it| format!("/ws/{}", registry::file_path(it)));
            let mut held = paths.filter_map(|it| Some((it.clone(), self.disk.get(&it).filter(holds)?)));
            let (path, bytes) = held.next_back().expect("it is registered");
            self.disk.write(path, String::from_utf8(bytes).expect("text").replace(from, to));
        }
    }

    const FIX: Wishes = Wishes { fix: true, remembered: false, bindings: Vec::new() };

    #[test]
    fn what_was_repaired_is_whole() {
        let world = World::of(&[("a.txt", "A"), ("b.txt", "B"), ("c.txt", "C")]);
        assert_eq!(world.codes(), []);
        assert_eq!(
            world.examine().cure(&FIX),
            Cure { commit: Commit::new("repair what doctor found"), ..Cure::default() }
        );
        world.edit("assets/b.txt", "\"asset_id\":2", "\"asset_id\":1");
        world.disk.remove("/ws/packwright.registry/.gitattributes");
        let expected = [(Code::NOT_MERGED_BY_LINE, Remedy::Fix), (Code::REGISTRY_CONFLICT, Remedy::Fix)];
        assert_eq!(world.codes(), expected);
        let cure = world.examine().cure(&FIX);
        assert_eq!(cure.commit.changes.len(), registry::N_FILES + 1);
        world.commit(&cure).expect("nobody changed anything");
        assert_eq!(world.codes(), []);
        world.build();
    }

    #[test]
    fn a_number_that_is_given_meanwhile_stops_the_repair() {
        let world = World::of(&[("a.txt", "A"), ("b.txt", "B")]);
        world.edit("assets/b.txt", "\"asset_id\":2", "\"asset_id\":1");
        let cure = world.examine().cure(&FIX);
        let unchanged = |it: &&lane::Change| it.content.as_deref().map(Digest::of) == it.expect;
        let other = cure.commit.changes.iter().find(unchanged).expect("most files stay");
        world.disk.write(format!("/ws/{}", other.path), "somebody else\n");
        assert!(matches!(world.commit(&cure), Err(Error::Conflict { .. })));
    }

    #[test]
    fn what_is_found_does_not_depend_on_the_order_of_listings() {
        let found = |seed| {
            let world = World::of(&[("a/1.txt", "twin"), ("a/2.txt", "twin"), ("b.txt", "B"), ("c.txt", "C")]);
            world.disk.scramble(seed);
            for nth in [1, 2] {
                world.disk.rename(format!("/ws/assets/a/{nth}.txt"), format!("/ws/assets/n{nth}.txt"));
            }
            world.disk.remove("/ws/assets/b.txt");
            world.edit("assets/c.txt", "\"asset_id\":4", "\"asset_id\":3");
            let examination = world.examine();
            (examination.findings.clone(), examination.cure(&FIX))
        };
        let first = found(0);
        assert_eq!(first.0.len(), 4);
        assert!((1..5).all(|seed| found(seed) == first));
    }

    #[test]
    fn who_writes_only_what_was_asked_for_repairs_nothing_else() {
        let world = World::of(&[("a.txt", "A"), ("k.txt", "K")]);
        world.disk.rename("/ws/assets/a.txt", "/ws/assets/b.txt");
        world.disk.write("/ws/assets/b.txt", "B");
        world.disk.remove("/ws/packwright.registry/.gitattributes");
        let examination = world.examine();
        let codes: Vec<Code> = examination.findings.iter().map(|it| it.diagnostic.code).collect();
        assert_eq!(codes, [Code::PLACE_MISSING, Code::NOT_MERGED_BY_LINE]);
        let to = examination.place(&RelPath::new("assets/b.txt").expect("normal"), "").expect("declared").clone();
        let bindings = vec![(examination.missing[0].uuid, to)];
        let cure = examination.cure(&Wishes { bindings, ..Wishes::default() });
        assert_eq!(cure.notes, ["move 1 from `assets/a.txt` to `assets/b.txt`"]);
        world.commit(&cure).expect("nobody changed anything");
        assert_eq!(world.codes(), [(Code::NOT_MERGED_BY_LINE, Remedy::Fix)]);
    }

    #[test]
    fn converted_line_endings_are_told() {
        let machine = |world: &World| world.examine().machine.iter().map(|it| it.code).collect::<Vec<_>>();
        let world = World::of(&[("a.txt", "one\ntwo\n"), ("b.txt", "b\n")]);
        world.disk.write("/ws/assets/b.txt", "edited\r\n");
        assert_eq!(machine(&world), []);
        world.disk.write("/ws/assets/a.txt", "one\r\ntwo\r\n");
        assert_eq!(machine(&world), [Code::LINE_ENDINGS]);
        // Also where it moved besides, so that nobody recognises it.
        world.disk.rename("/ws/assets/a.txt", "/ws/assets/c.txt");
        assert_eq!(machine(&world), [Code::LINE_ENDINGS]);
        assert!(world.examine().is_clean() || !world.examine().missing.is_empty());
    }

    #[test]
    fn an_absent_registry_is_not_begun_anew() {
        let world = World::of(&[("a.txt", "A")]);
        world.disk.remove("/ws/packwright.registry");
        assert_eq!(world.codes(), [(Code::REGISTRY_MISSING, Remedy::Hand)]);
        let examination = world.examine();
        assert!(examination.is_blocked && examination.cure(&FIX).commit.is_empty());
    }
}
