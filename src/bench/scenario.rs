//! Scenarios: what is changed before a build, what that build must have done, and how the change is taken back.
//!
//! Pure: from a catalogue of the workspace and a seed to steps that are data. The same seed gives the same edits.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::catalog::{Catalog, Template};
use super::edit::{Action, File};
use super::floor::Floor;
use super::random::Random;
use crate::model::path::file_name;

/// What is measured. One scenario may be several builds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// From nothing, and every asset is registered
    First,
    /// From nothing but what is committed
    Clean,
    /// Nothing changed
    Null,
    /// One source has a new time and the same contents
    Touch,
    /// One source has other contents
    Edit,
    /// One source in a hundred has other contents
    EditSome,
    /// One declaration has another comment
    EditDeclaration,
    /// A tag in packwright.toml that many assets share
    EditSetting,
    /// One asset more, and gone again
    AddRemove,
    /// A directory has another name
    Rename,
    /// One source in twenty has other contents, and back, side by side
    Switch,
    /// The same, all over the workspace
    SwitchScattered,
    /// Every source has a new time and the same contents
    NewTimes,
    /// A fresh checkout with the cache of another one
    Ci,
}

/// All scenarios in the order in which they are run.
pub const ALL: [Scenario; 14] = [
    Scenario::First,
    Scenario::Clean,
    Scenario::Null,
    Scenario::Touch,
    Scenario::Edit,
    Scenario::EditSome,
    Scenario::EditDeclaration,
    Scenario::EditSetting,
    Scenario::AddRemove,
    Scenario::Rename,
    Scenario::Switch,
    Scenario::SwitchScattered,
    Scenario::NewTimes,
    Scenario::Ci,
];

/// A scenario for one round.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// What is measured, one after the other.
    pub steps: Vec<Step>,
    /// What makes the workspace what it was.
    pub undo: Vec<Action>,
}

/// One measured build.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// Its name in documents.
    pub name: &'static str,
    /// What people read.
    pub title: &'static str,
    /// What it is held against.
    pub floor: Floor,
    /// What is done before it.
    pub actions: Vec<Action>,
    /// What it must have done.
    pub expect: Expect,
}

/// What a build must have done: otherwise something else was measured than what is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Expect {
    /// How it may end.
    pub outcomes: &'static [&'static str],
    /// How many assets there are more than before.
    pub more_entries: u64,
    /// How many sources it read.
    pub digested: Number,
    /// How many processors it ran.
    pub processed: Number,
    /// Which pack it made.
    pub pack: Pack,
}

/// A number that is known more or less.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Number {
    /// Nothing is known.
    Any,
    /// Just this.
    Exactly(u64),
    /// Not less.
    AtLeast(u64),
    /// As many as the first build of all, trusted traces included.
    AsFirst,
}

/// A pack as seen from that of the settled workspace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pack {
    /// The same.
    Same,
    /// Another one.
    Other,
    /// Nothing is known.
    Any,
}

const UP_TO_DATE: &[&str] = &["up_to_date"];
const UNCHANGED: &[&str] = &["unchanged"];
const WRITTEN: &[&str] = &["written"];
/// Names reach the pack only where the author gives none.
const WRITTEN_OR_NOT: &[&str] = &["written", "unchanged"];

impl Expect {
    const fn new(outcomes: &'static [&'static str], digested: Number, processed: Number, pack: Pack) -> Self {
        Self { outcomes, more_entries: 0, digested, processed, pack }
    }
}

impl Scenario {
    /// Returns the word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Clean => "clean",
            Self::Null => "null",
            Self::Touch => "touch",
            Self::Edit => "edit",
            Self::EditSome => "edit-some",
            Self::EditDeclaration => "edit-declaration",
            Self::EditSetting => "edit-setting",
            Self::AddRemove => "add-remove",
            Self::Rename => "rename",
            Self::Switch => "switch",
            Self::SwitchScattered => "switch-scattered",
            Self::NewTimes => "new-times",
            Self::Ci => "ci",
        }
    }

    /// Returns whether another tool can be measured on it: it knows no `packwright.toml`, no registry, and what a
    /// restored cache would be for it nobody says.
    pub fn is_for_others(self) -> bool {
        !matches!(self, Self::First | Self::EditSetting | Self::Ci)
    }

    /// Chooses what is changed in this round. Which files depends on the seed, what they say on the round too.
    ///
    /// # Errors
    ///
    /// Why this workspace has nothing for it.
    pub fn plan(self, catalog: &Catalog, seed: u64, round: usize) -> Result<Plan, String> {
        let mut random = Random::new(seed ^ (self as u64).wrapping_mul(0x9e6d_62d0_6f6a_9a9b));
        let tag = format!("{}, round {round}", self.name());
        let one = |name, title, floor, actions, expect| Step { name, title, floor, actions, expect };
        let simple = |step: Step, undo| Ok(Plan { steps: vec![step], undo });
        use Number::{Any, AsFirst, AtLeast, Exactly};
        match self {
            Self::First => {
                let expect = Expect::new(WRITTEN, AsFirst, AsFirst, Pack::Any);
                let actions = vec![Action::Forget, Action::EmptyRegistry];
                let undo = vec![Action::RestoreRegistry];
                simple(one("first", "first build", Floor::Pack, actions, expect), undo)
            }
            Self::Clean => {
                let expect = Expect::new(WRITTEN, AsFirst, AsFirst, Pack::Same);
                simple(one("clean", "clean", Floor::Pack, vec![Action::Forget], expect), Vec::new())
            }
            Self::Null => {
                let expect = Expect::new(UP_TO_DATE, Exactly(0), Exactly(0), Pack::Same);
                simple(one("null", "null", Floor::Stat, Vec::new(), expect), Vec::new())
            }
            Self::Touch => {
                let file = random_file(&catalog.editable, &mut random)?;
                let expect = Expect::new(UP_TO_DATE, Exactly(1), Exactly(0), Pack::Same);
                simple(one("touch", "touch one", Floor::Stat, vec![Action::Touch(vec![file])], expect), Vec::new())
            }
            Self::Edit => {
                let files = vec![random_file(&catalog.editable, &mut random)?];
                let expect = Expect::new(WRITTEN, Exactly(1), AtLeast(1), Pack::Other);
                let step = one("edit", "edit one", Floor::Stat, vec![Action::Edit(files.clone(), tag)], expect);
                simple(step, vec![Action::Restore(files)])
            }
            Self::EditSome => {
                let files = scattered(&catalog.editable, share(catalog, 100)?);
                let expect = Expect::new(WRITTEN, Exactly(files.len() as u64), AtLeast(1), Pack::Other);
                let step = one("edit-some", "edit 1%", Floor::Stat, vec![Action::Edit(files.clone(), tag)], expect);
                simple(step, vec![Action::Restore(files)])
            }
            Self::EditDeclaration => {
                let file = one_of(&catalog.declarations, &mut random).ok_or("no asset has a declaration of its own")?;
                let expect = Expect::new(UNCHANGED, Exactly(1), Exactly(0), Pack::Same);
                let actions = vec![Action::Comment(file.clone(), tag)];
                let step = one("edit-declaration", "edit a declaration", Floor::Stat, actions, expect);
                simple(step, vec![Action::Restore(vec![file.clone()])])
            }
            Self::EditSetting => {
                let edited = catalog.config_with_tag(&format!("bench-{round}"))?;
                let (path, before) = (catalog.config_path(), catalog.config.clone());
                let expect = Expect::new(WRITTEN, Any, Any, Pack::Other);
                let actions = vec![Action::Write(path.clone(), edited.into_bytes())];
                let step = one("edit-setting", "far-reaching setting", Floor::Stat, actions, expect);
                simple(step, vec![Action::Write(path, before.into_bytes())])
            }
            Self::AddRemove => {
                let like = one_of(&catalog.templates, &mut random).ok_or("no asset could be copied and stay valid")?;
                let (added, gone) = once_more(like);
                let expect = Expect::new(WRITTEN, AtLeast(1), AtLeast(1), Pack::Other);
                let expect = Expect { more_entries: 1, ..expect };
                let add = one("add", "add an asset", Floor::Stat, vec![Action::Add(added, tag)], expect);
                let expect = Expect::new(WRITTEN, Any, Exactly(0), Pack::Any);
                let remove = one("remove", "remove it", Floor::Stat, vec![Action::Remove(gone)], expect);
                Ok(Plan { steps: vec![add, remove], undo: vec![Action::RestoreRegistry] })
            }
            Self::Rename => {
                let from = one_of(&catalog.dirs, &mut random).ok_or("no directory below a root holds assets")?;
                let to = format!("{from}-renamed");
                let expect = Expect::new(WRITTEN_OR_NOT, AtLeast(1), Exactly(0), Pack::Any);
                let actions = vec![Action::Rename(from.clone(), to.clone())];
                let step = one("rename", "rename a directory", Floor::Stat, actions, expect);
                simple(step, vec![Action::Rename(to, from.clone()), Action::RestoreRegistry])
            }
            Self::Switch => {
                let files = clustered(&catalog.editable, share(catalog, 20)?, &mut random);
                Ok(switch(files, tag, [("switch", "switch branch, 5%"), ("switch-back", "and back")]))
            }
            Self::SwitchScattered => {
                let files = scattered(&catalog.editable, share(catalog, 20)?);
                let names = [("switch-scattered", "switch 5%, scattered"), ("switch-scattered-back", "and back")];
                Ok(switch(files, tag, names))
            }
            Self::NewTimes => {
                let expect = Expect::new(UP_TO_DATE, AtLeast(catalog.files.len() as u64), Exactly(0), Pack::Same);
                let actions = vec![Action::Touch(catalog.files.clone())];
                simple(one("new-times", "all times new", Floor::Digest, actions, expect), Vec::new())
            }
            Self::Ci => {
                let expect = Expect::new(WRITTEN, AsFirst, Exactly(0), Pack::Same);
                let step = one("ci", "CI, cache restored", Floor::Write, vec![Action::Checkout], expect);
                simple(step, Vec::new())
            }
        }
    }
}

/// Another branch and back: on the way back everything was built before.
fn switch(files: Vec<File>, tag: String, names: [(&'static str, &'static str); 2]) -> Plan {
    let read = Number::Exactly(files.len() as u64);
    let there = Step {
        name: names[0].0,
        title: names[0].1,
        floor: Floor::Stat,
        actions: vec![Action::Replace(files.clone(), tag)],
        expect: Expect::new(WRITTEN, read, Number::AtLeast(1), Pack::Other),
    };
    let back = Step {
        name: names[1].0,
        title: names[1].1,
        floor: Floor::Stat,
        actions: vec![Action::PutBack(files)],
        expect: Expect::new(WRITTEN, read, Number::Exactly(0), Pack::Same),
    };
    Plan { steps: vec![there, back], undo: Vec::new() }
}

const NOTHING_EDITABLE: &str = "no asset has a source that could be edited and stay valid";

/// Returns how many sources are one in `nth` of all that may be edited: at least one.
fn share(catalog: &Catalog, nth: usize) -> Result<usize, String> {
    let n = catalog.editable.len();
    if n == 0 { Err(NOTHING_EDITABLE.to_owned()) } else { Ok(n.div_ceil(nth)) }
}

fn random_file(files: &[File], random: &mut Random) -> Result<File, String> {
    one_of(files, random).cloned().ok_or_else(|| NOTHING_EDITABLE.to_owned())
}

fn one_of<'a, T>(all: &'a [T], random: &mut Random) -> Option<&'a T> {
    all.get(random.below(all.len()))
}

/// Returns `n` of these, equally far from each other.
fn scattered(files: &[File], n: usize) -> Vec<File> {
    (0..n).map(|nth| files[(2 * nth + 1) * files.len() / (2 * n)].clone()).collect()
}

/// Returns `n` of these that follow one another.
fn clustered(files: &[File], n: usize, random: &mut Random) -> Vec<File> {
    let start = random.below(files.len() - n + 1);
    files[start..start + n].to_vec()
}

/// Returns the files of a new asset like this one, each with the file that it is a copy of, and what is removed to be
/// rid of them.
fn once_more(template: &Template) -> (Vec<(String, File)>, Vec<String>) {
    let place = &template.place;
    let new = beside(place, template.is_dir);
    let named = |file: &File| (format!("{new}{}", &file.path[place.len()..]), file.clone());
    let added: Vec<(String, File)> = template.files.iter().map(named).collect();
    let gone = if template.is_dir { vec![new.clone()] } else { added.iter().map(|it| it.0.clone()).collect() };
    (added, gone)
}

/// Returns a path for something new beside `path`; a file has the same extension.
fn beside(path: &str, is_dir: bool) -> String {
    let name = file_name(path);
    let extension = name.rfind('.').filter(|_| !is_dir).map_or("", |dot| &name[dot..]);
    format!("{}added-by-bench{extension}", &path[..path.len() - name.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog(n: usize) -> Catalog {
        let file = |nth| File { path: format!("assets/d{:02}/{nth:03}.txt", nth / 10), len: nth as u64 };
        let files: Vec<File> = (0..n).map(file).collect();
        Catalog { editable: files.clone(), files, ..Catalog::default() }
    }

    fn edited(catalog: &Catalog, scenario: Scenario, seed: u64) -> Vec<String> {
        let plan = scenario.plan(catalog, seed, 1).expect("there are files");
        let files = match &plan.steps[0].actions[0] {
            Action::Edit(files, _) | Action::Replace(files, _) | Action::Touch(files) => files.clone(),
            other => panic!("{other:?}"),
        };
        files.into_iter().map(|it| it.path).collect()
    }

    #[test]
    fn choices_come_of_the_seed() {
        let catalog = catalog(200);
        let chosen: Vec<_> = (0..20).map(|seed| edited(&catalog, Scenario::Edit, seed)).collect();
        assert_eq!(chosen, (0..20).map(|seed| edited(&catalog, Scenario::Edit, seed)).collect::<Vec<_>>());
        assert!(chosen.iter().any(|it| *it != chosen[0]));
        let plan = |round| Scenario::Edit.plan(&catalog, 1, round).expect("there are files");
        assert_ne!(plan(1), plan(2), "each round writes something new");
        assert_eq!(plan(1).undo, plan(2).undo, "into the same file");
    }

    #[test]
    fn shares_are_rounded_up() {
        for (n, one_percent, five_percent) in [(1, 1, 1), (20, 1, 1), (21, 1, 2), (100, 1, 5), (101, 2, 6)] {
            let catalog = catalog(n);
            for (scenario, count) in [
                (Scenario::EditSome, one_percent),
                (Scenario::Switch, five_percent),
                (Scenario::SwitchScattered, five_percent),
            ] {
                let mut chosen = edited(&catalog, scenario, 3);
                assert!(chosen.is_sorted());
                chosen.dedup();
                assert_eq!(chosen.len(), count, "{scenario:?} of {n}");
            }
        }
    }

    #[test]
    fn clusters_and_scatters() {
        let all = catalog(200);
        let numbers = |scenario| -> Vec<usize> {
            edited(&all, scenario, 5)
                .iter()
                .map(|it| all.files.iter().position(|f| f.path == *it).expect("one"))
                .collect()
        };
        let together = numbers(Scenario::Switch);
        assert_eq!(together.last().expect("ten") - together[0], 9);
        assert_eq!(numbers(Scenario::SwitchScattered), [10, 30, 50, 70, 90, 110, 130, 150, 170, 190]);
    }

    #[test]
    fn what_cannot_be_is_told() {
        let nothing = Catalog::default();
        for scenario in ALL {
            let plan = scenario.plan(&nothing, 0, 0);
            let needs_nothing = [Scenario::First, Scenario::Clean, Scenario::Null, Scenario::NewTimes, Scenario::Ci];
            assert_eq!(plan.is_ok(), needs_nothing.contains(&scenario), "{scenario:?}");
        }
    }

    #[test]
    fn new_files_lie_beside_old_ones() {
        assert_eq!(beside("a/b.c.txt", false), "a/added-by-bench.txt");
        assert_eq!(beside("LICENSE", false), "added-by-bench");
        let template = |place: &str, files: &[&str], is_dir| {
            let files = files.iter().map(|it| File { path: (*it).to_owned(), len: 1 }).collect();
            let (added, gone) = once_more(&Template { place: place.to_owned(), files, is_dir });
            (added.into_iter().map(|it| it.0).collect::<Vec<_>>().join(" "), gone.join(" "))
        };
        let one = |text: &str| text.to_owned();
        let files = one("a/added-by-bench.txt a/added-by-bench.txt.asset.json");
        assert_eq!(template("a/x.txt", &["a/x.txt", "a/x.txt.asset.json"], false), (files.clone(), files));
        let dir = template("a/x.d", &["a/x.d/asset.json", "a/x.d/y/z"], true);
        assert_eq!(dir, (one("a/added-by-bench/asset.json a/added-by-bench/y/z"), one("a/added-by-bench")));
    }
}
