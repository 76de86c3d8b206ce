//! The assets that a write command means, and the way from there to its plan.
//!
//! Who writes must not guess: where a text may mean different assets in different ways, it is refused. A path means the
//! asset at it, or where there is none, all below it.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::Context;
use super::exit::Exit;
use super::json::Format;
use super::open::{self, Opened};
use super::select::{Candidate, Meaning, Selector};
use super::words::{clean, count};
use super::write::{self, AssetEntry, WriteArguments};
use crate::build::Options;
use crate::build::view::{Asset, View};
use crate::error::{Error, Result};
use crate::model::registry::Line;
use crate::model::{Diagnostic, RelPath, suggest};
use crate::workspace::layout::Workspace;
use crate::write::{Decision, Depth, Plan, undeclared};

/// What a command may go by when it decides.
pub struct Choice<'a> {
    /// The workspace.
    pub ws: &'a Workspace,
    /// What is in it.
    pub view: &'a View,
    /// What is declared there in files that cannot be read.
    pub unread: &'a [Asset],
    /// The directory that the command was called in, relative to the workspace; `None` outside of it.
    pub dir: Option<&'a RelPath>,
}

/// Assets that texts on the command line mean, each once, by place.
#[derive(Default)]
pub struct Chosen<'a> {
    /// Those that are declared.
    pub assets: Vec<&'a Asset>,
    /// Those that are declared by files that cannot be read.
    pub unread: Vec<&'a Asset>,
    /// Those that are registered and not declared any more.
    pub missing: Vec<&'a Line>,
}

/// Runs a write command: opens the workspace, lets `decide` decide, and commits or shows what comes of it. With
/// `checked` a workspace that could not be built is refused first.
///
/// # Errors
///
/// Where there is no workspace; all else is told.
pub fn run(
    cx: &Context,
    arguments: &WriteArguments,
    command: &str,
    (depth, checked): (Depth, bool),
    decide: &dyn Fn(&Choice<'_>) -> Result<Decision>,
) -> Result<Exit> {
    let opened = open::open(cx, None)?;
    let dir = open::dir(&opened.ws, cx);
    let options = Options::default();
    let is_short = arguments.format == Format::Human && cx.console.verbose == 0;
    let plan = || {
        if checked {
            opened.ask(|it| it.check(&options))?;
        }
        let decide = |view: &View| {
            let unread = undeclared(view);
            decide(&Choice { ws: &opened.ws, view, unread: &unread, dir: dir.as_ref() })
        };
        let mut plan = plan(&opened, &options, depth, &decide)?;
        if is_short {
            shorten(&mut plan.notes);
        }
        Ok(plan)
    };
    let outcome = write::run(cx, &opened.ws, arguments, &format!("packwright {command}"), plan);
    let outcome = outcome.or_else(|error| {
        let consequence = Some("nothing was changed");
        Ok(super::failed(&cx.console, arguments.format, Some(&opened.ws), &error, consequence))
    });
    opened.engine.forget();
    outcome
}

fn plan(
    opened: &Opened,
    options: &Options,
    depth: Depth,
    decide: &dyn Fn(&View) -> Result<Decision>,
) -> Result<write::Plan> {
    let Plan { commit, notes, lines } = opened.ask(|it| it.plan(options, depth, decide))?;
    let entry = |it: Line| AssetEntry { asset_id: it.id, asset_uuid: it.uuid, place: it.place, part: it.part.into() };
    Ok(write::Plan { commit, notes, assets: lines.into_iter().map(entry).collect() })
}

/// Leaves the beginning of a long list; what is not done but to be known stays.
fn shorten(notes: &mut Vec<String>) {
    const FEW: usize = 10;
    let is_done = |it: &str| !it.starts_with("note: ") && !it.starts_with("warning: ");
    let n_done = notes.iter().filter(|it| is_done(it)).count();
    if n_done <= FEW + 1 {
        return;
    }
    let mut n = 0;
    notes.retain(|it| {
        n += usize::from(is_done(it));
        !is_done(it) || n <= FEW
    });
    notes.push(format!("... and {} more (-v names them)", n_done - FEW));
}

impl<'a> Choice<'a> {
    /// Returns the declared assets that `texts` mean.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] for a text that means none, or may mean different ones.
    pub fn declared(&self, texts: &[String]) -> Result<Vec<&'a Asset>> {
        let chosen = self.all(texts)?;
        match chosen.unread.first() {
            Some(it) => Err(self.no_good(it)),
            None => self.without_missing(chosen),
        }
    }

    /// Returns the assets that `texts` mean, be they declared well or badly.
    ///
    /// # Errors
    ///
    /// As [`Choice::declared`].
    pub fn declared_somehow(&self, texts: &[String]) -> Result<Vec<&'a Asset>> {
        let chosen = self.all(texts)?;
        let unread = chosen.unread.clone();
        Ok([self.without_missing(chosen)?, unread].concat())
    }

    fn without_missing(&self, chosen: Chosen<'a>) -> Result<Vec<&'a Asset>> {
        match chosen.missing.first() {
            None => Ok(chosen.assets),
            Some(it) => Err(Error::Refused(format!(
                "`{}` is registered as {} and not declared any more; bring it back, or run `packwright remove {}`",
                it.shown(),
                it.id,
                it.id
            ))),
        }
    }

    /// Returns all assets that `texts` mean.
    ///
    /// # Errors
    ///
    /// As [`Choice::declared`].
    pub fn all(&self, texts: &[String]) -> Result<Chosen<'a>> {
        let found = self.found();
        let mut meant = BTreeSet::new();
        for text in texts {
            let chosen = choose(&Selector::parse(&self.inside(text), self.dir)?, &found);
            meant.extend(chosen?);
        }
        let mut chosen = Chosen::default();
        for at in meant {
            match found[at].what {
                What::Declared(it) => chosen.assets.push(it),
                What::Unread(it) => chosen.unread.push(it),
                What::Missing(it) => chosen.missing.push(it),
            }
        }
        Ok(chosen)
    }

    /// Says so where a declaration cannot be read.
    fn no_good(&self, asset: &Asset) -> Error {
        let place = asset.place();
        let is_about = |it: &&Diagnostic| it.location.as_ref().map(|it| &it.path) == asset.declaration.file();
        let problem = self.view.errors.iter().find(is_about).map_or("it cannot be read", |it| &it.message);
        Error::Refused(format!(
            "the declaration of `{place}` is no good: {problem}; mend it first, or `packwright remove {place}` gives the \
             asset up"
        ))
    }

    /// Returns everything that can be meant, by place.
    fn found(&self) -> Vec<Found<'a>> {
        let view = self.view;
        let mut found: Vec<Found> = Vec::with_capacity(view.assets.len());
        found.extend(view.assets.iter().map(|it| Found {
            name: it.name().to_owned(),
            what: What::Declared(it),
            line: view.line(it),
        }));
        found.extend(self.unread.iter().map(|it| Found {
            name: it.name().to_owned(),
            what: What::Unread(it),
            line: view.line(it),
        }));
        found.extend(view.proposal.missing.iter().filter(|it| !self.is_unread(&it.place)).map(|it| {
            let name = view.config.default_name(it.place.as_str());
            Found { name, what: What::Missing(it), line: Some(it) }
        }));
        found.sort_by(|a, b| a.place().cmp(b.place()));
        found
    }

    /// Returns an absolute path that leads into the workspace as seen from there; every other text as it is.
    pub fn inside<'t>(&self, text: &'t str) -> Cow<'t, str> {
        open::inside(&self.ws.root, text)
    }

    /// Says what else a name that an asset is about to get means on the command line; nothing where that is it alone.
    ///
    /// # Errors
    ///
    /// Those of [`Choice::all`] for a text that cannot be read at all.
    pub fn other_meanings(&self, name: &str, asset: &Asset) -> Result<Vec<String>> {
        let mut others: BTreeMap<Meaning, Vec<Found>> = BTreeMap::new();
        let selector = Selector::parse(&self.inside(name), self.dir)?;
        for it in self.found().into_iter().filter(|it| it.place() != asset.place()) {
            // A name that another has is refused, and all numbers are told of.
            let meant = selector.meanings(&it.candidate()).into_iter();
            let told = meant.filter(|it| !matches!(it, Meaning::Name | Meaning::Id)).min();
            if let Some(meaning) = told {
                others.entry(meaning).or_default().push(it);
            }
        }
        let shown = |found: &[Found]| match found {
            [one] => one.shown(),
            _ => count(found.len() as u64, "asset"),
        };
        let name = selector.shown();
        if selector.is_glob() && !others.contains_key(&Meaning::Glob) {
            return Ok(vec![format!("note: on the command line `{name}` is a glob, too")]);
        }
        let note = |(meaning, found): (Meaning, Vec<Found>)| {
            format!("note: on the command line `{name}` means {} too, {}", shown(&found), way(meaning))
        };
        Ok(others.into_iter().map(note).collect())
    }

    fn is_unread(&self, place: &RelPath) -> bool {
        self.unread.binary_search_by(|it| it.place().cmp(place)).is_ok()
    }

    /// Returns the path of the tree that `text` names: as seen from where the command was called, or else from the
    /// workspace.
    pub fn path(&self, text: &str) -> Option<RelPath> {
        let text = self.inside(text);
        let text = text.trim_end_matches('/');
        let here = self.dir.and_then(|it| it.join(text));
        let paths = here.into_iter().chain(RelPath::new(text).filter(|it| !it.is_root()));
        paths.into_iter().find(|it| self.view.find(it).is_some())
    }
}

/// Something that can be meant.
struct Found<'a> {
    name: String,
    what: What<'a>,
    line: Option<&'a Line>,
}

#[derive(Clone, Copy)]
enum What<'a> {
    Declared(&'a Asset),
    Unread(&'a Asset),
    Missing(&'a Line),
}

impl Found<'_> {
    fn place(&self) -> &RelPath {
        match self.what {
            What::Declared(it) | What::Unread(it) => it.place(),
            What::Missing(it) => &it.place,
        }
    }

    fn candidate(&self) -> Candidate<'_> {
        let identity = self.line.map(|it| (it.uuid, it.id));
        // What a file is part of is not meant by it: whoever removes a frame would not remove the animation.
        Candidate { identity, name: &self.name, place: Some(self.place().as_str()), ..Candidate::default() }
    }

    fn shown(&self) -> String {
        let id = self.line.map_or_else(String::new, |it| format!("{} ", it.id));
        format!("{id}`{}`", clean(self.place().as_str()))
    }
}

/// Returns which of those that were found a selector means, by their numbers.
fn choose(selector: &Selector, found: &[Found<'_>]) -> Result<BTreeSet<usize>> {
    let mut meanings: BTreeMap<Meaning, BTreeSet<usize>> = BTreeMap::new();
    for (at, it) in found.iter().enumerate() {
        for meaning in selector.meanings(&it.candidate()) {
            meanings.entry(meaning).or_default().insert(at);
        }
    }
    // What lies in a directory asset is meant only where it is said.
    if meanings.contains_key(&Meaning::Place) {
        meanings.remove(&Meaning::Above);
    }
    let shown = selector.shown();
    let mut sets = meanings.iter();
    let Some((meaning, first)) = sets.next() else {
        let similar = suggest::closest(&shown, found.iter().map(|it| it.name.as_str()));
        let similar = similar.map_or_else(String::new, |it| format!("; there is `{}`", clean(it)));
        return Err(Error::Refused(format!("no asset matches `{shown}`{similar}")));
    };
    let ambiguous = sets.clone().find(|it| it.1 != first);
    if let Some((other, second)) = ambiguous {
        return Err(Error::Refused(format!(
            "`{shown}` may mean {} ({}) or {} ({}); say it by {}",
            in_words(first, found),
            way(*meaning),
            in_words(second, found),
            way(*other),
            // A number is no way out where it is a name too.
            if *meaning == Meaning::Id { "path" } else { "number or by path" }
        )));
    }
    if *meaning == Meaning::Uuid && first.len() > 1 {
        return Err(Error::Refused(format!(
            "`{shown}` begins the uuids of {}; write more of it",
            in_words(first, found)
        )));
    }
    Ok(first.clone())
}

fn in_words(chosen: &BTreeSet<usize>, found: &[Found<'_>]) -> String {
    match chosen.first() {
        Some(at) if chosen.len() == 1 => found[*at].shown(),
        _ => count(chosen.len() as u64, "asset"),
    }
}

fn way(meaning: Meaning) -> &'static str {
    match meaning {
        Meaning::Id => "by its number",
        Meaning::Uuid => "by its uuid",
        Meaning::Name => "by its name",
        Meaning::Place => "by its path",
        Meaning::Declaration => "by its declaration",
        Meaning::Input => "by its input",
        Meaning::Above => "below that path",
        Meaning::Glob => "by that glob",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_list_only_the_beginning_is_told() {
        let mut notes: Vec<String> = (0..11).map(|it| format!("move {it}")).collect();
        notes.push("note: x".to_owned());
        let short = notes.clone();
        shorten(&mut notes);
        assert_eq!(notes, short);
        notes.push("move 11".to_owned());
        shorten(&mut notes);
        assert_eq!(notes[8..], ["move 8", "move 9", "note: x", "... and 2 more (-v names them)"]);
    }
}
