//! Why an asset was made again, or would be: what it is made of today, compared with what the last build noted down
//! (`memo/made.rs`), and that with what it was made of before.
//!
//! No processor runs for that. What was asked the last time is asked again, for only its answers decide whether another
//! run is needed.

use std::path::PathBuf;
use std::sync::Arc;

use crate::cache::Store;
use crate::model::declaration::Declaration;
use crate::model::profile::Profile;
use crate::model::{AssetId, AssetUuid, Diagnostic, Digest};
use crate::pack::format::root_name;
use crate::pack::read::PackReader;
use crate::process::exec::Recipe;
use crate::process::ingredients::{Difference, Ingredients, Method, differences, inputs_of};
use crate::process::trace::{Observation, Trace, View};
use crate::query::State;
use crate::query::declared::declared;
use crate::query::names::LazyNames;
use crate::query::recipes::recipes;
use crate::query::validated::validated;
use crate::receipt::{self, Receipt};
use crate::system::Bytes;
use crate::workspace::config::Config;
use crate::workspace::layout::Workspace;

use super::Options;
use super::artifacts::Moved;
use super::inspect::{Asset, Depth, Ground, inspect_and};
use super::memo::{MadeOf, recorded};
use super::view::config_text;
use crate::error::Result;

/// What is known of why an asset is what it is.
pub struct Explanation {
    /// The asset.
    pub asset: Asset,
    /// What its author says, and where.
    pub declaration: Arc<Declaration>,
    /// The text of its declaration file; none where a rule declares it.
    pub text: Option<Bytes>,
    /// The author's configuration.
    pub config: Arc<Config>,
    /// Its text.
    pub config_text: Vec<u8>,
    /// The profile by which it was looked at.
    pub profile: Arc<Profile>,
    /// How it stands.
    pub standing: Standing,
    /// What the cache has of it as it is today: where it has nothing, whoever needs it runs its processor.
    pub remembered: Option<Remembered>,
    /// Whether it is in any of the packs that are there; `None` where there are none.
    pub in_pack: Option<bool>,
    /// Why it was made the last time; `None` where nobody knows.
    pub last: Option<LastTime>,
    /// What is to be said about the cache.
    pub cache_warnings: Vec<Diagnostic>,
}

/// What the cache has of an asset as it is today.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Remembered {
    /// What its processor makes of it.
    Artifacts,
    /// That its processor refuses it.
    Refusal,
}

/// How what an asset is made of compares with what it was made of.
#[derive(Clone, PartialEq, Debug)]
pub enum Standing {
    /// It stays out of all packs because its author says so.
    Excluded,
    /// It cannot be made: something about it is an error.
    Broken,
    /// It was not in the last build of this pack.
    New,
    /// It was made, but there is no note of what from.
    Unknown,
    /// It is made of what it was made of: a build that has the pack would not make it again.
    Current {
        /// Of how many things; `None` where nobody knows what its processor asks.
        ingredients: Option<usize>,
    },
    /// It is made of something else than the one in the pack.
    Outdated {
        /// What is another one now. At least one.
        changes: Vec<Difference>,
        /// How many ingredients there are today.
        ingredients: usize,
    },
}

/// Why an asset was made the last time.
#[derive(Clone, PartialEq, Debug)]
pub struct LastTime {
    /// Whether that was the last build, rather than one before. Builds with nothing to do do not count.
    pub by_last_build: bool,
    /// What was another one than before; `None` where nothing is noted of it before.
    pub changes: Option<Vec<Difference>>,
    /// How many ingredients there were.
    pub ingredients: usize,
}

/// Looks at why an asset was or would be made again.
///
/// # Errors
///
/// As an inspection, and those of `choose`.
pub fn explain(
    ws: &Workspace,
    state: &mut State,
    options: &Options,
    choose: &dyn Fn(&[Asset]) -> Result<usize>,
) -> std::result::Result<Explanation, Moved> {
    let (inspection, found) = inspect_and(ws, state, options, Depth::Declared, |ground| {
        let at = choose(ground.assets)?;
        explained(ws, options, ground, &ground.assets[at])
    })?;
    Ok(Explanation { cache_warnings: inspection.cache_warnings, ..found? })
}

fn explained(ws: &Workspace, options: &Options, ground: &Ground<'_>, asset: &Asset) -> Result<Explanation> {
    let (declaration, text) = declaration_of(ground, asset);
    let there = PacksThere::read(ws, options, ground);
    let index = &ground.pass.session.index;
    let noted = recorded(index, ground.pass.target(), &there.came_to(), asset.identity);
    let in_pack = there.hold(ws, asset.identity);
    let (standing, remembered, last) = match recipe_of(ground, asset) {
        None if asset.excluded => (Standing::Excluded, None, None),
        None => (Standing::Broken, None, None),
        Some(recipe) => stands(ground, recipe, noted, there.are_of_today(ground), in_pack),
    };
    Ok(Explanation {
        asset: asset.clone(),
        declaration,
        text,
        config: ground.setup.config.clone(),
        config_text: config_text(ws, &ground.setup.config)?,
        profile: ground.setup.profile.clone(),
        standing,
        remembered,
        in_pack,
        last,
        cache_warnings: Vec::new(),
    })
}

/// The packs that are there of those that are asked for.
struct PacksThere<'a> {
    dir: PathBuf,
    names: Vec<&'a str>,
    /// With the number of the pack.
    receipts: Vec<(usize, Receipt)>,
}

impl<'a> PacksThere<'a> {
    fn read(ws: &Workspace, options: &Options, ground: &Ground<'a>) -> Self {
        let dir = options.out.clone().unwrap_or_else(|| ws.output_dir(&options.profile));
        let names: Vec<&str> = ground.setup.pack_names().collect();
        let numbers = ground.setup.packs.iter().zip(&names);
        let receipts =
            numbers.filter_map(|(pack, name)| Some((*pack, receipt::read(&*ws.disk, &dir, name)?))).collect();
        Self { dir, names, receipts }
    }

    fn came_to(&self) -> Vec<(String, Digest)> {
        self.receipts.iter().map(|it| (it.1.pack.clone(), it.1.content_digest)).collect()
    }

    /// Returns whether they came of what there is today: the proof by which a build has nothing to do.
    fn are_of_today(&self, ground: &Ground<'_>) -> bool {
        let is_of_today = |(pack, it): &(usize, Receipt)| {
            it.profile == ground.setup.profile.name && it.source_root == ground.pass.source_root(*pack, ground.registry)
        };
        !self.receipts.is_empty() && self.receipts.iter().all(is_of_today)
    }

    /// Returns whether any of them holds an asset; `None` where there are none.
    fn hold(&self, ws: &Workspace, identity: Option<(AssetUuid, AssetId)>) -> Option<bool> {
        let readers =
            self.names.iter().filter_map(|it| PackReader::open_at(&*ws.disk, &self.dir.join(root_name(it))).ok());
        let holds = |it: PackReader<'_>| {
            identity.is_some_and(|(uuid, id)| matches!(it.find_id(id), Ok(Some(entry)) if entry.uuid == uuid))
        };
        readers.map(holds).reduce(|a, b| a || b)
    }
}

fn declaration_of(ground: &Ground<'_>, asset: &Asset) -> (Arc<Declaration>, Option<Bytes>) {
    let db = &ground.state.db;
    let find = |bucket| {
        let all = declared(db, bucket);
        let mut all = all.assets.iter().chain(&all.broken);
        let found = all.find(|it| it.intent.place == asset.place && it.intent.part == asset.part)?;
        Some((found.clone(), found.file().and_then(|it| bucket.texts(db).get(it)).cloned()))
    };
    ground.state.buckets().into_iter().find_map(find).expect("assets are what is declared")
}

fn recipe_of<'a>(ground: &'a Ground<'_>, asset: &Asset) -> Option<&'a Recipe> {
    let db = &ground.state.db;
    ground.slots.iter().find_map(|slot| {
        let assets = &validated(db, slot.bucket(db)).assets;
        let is_it = |at: u32| {
            let intent = &assets[at as usize].intent;
            intent.place == asset.place && intent.part == asset.part
        };
        recipes(db, *slot).list.iter().find(|it| is_it(it.asset)).map(|it| &it.recipe)
    })
}

/// Returns how an asset that can be made stands, what the cache has of it, and why it was made the last time.
///
/// `noted` is what was noted when the packs were made that are there; `is_proven` says that these came of what there is
/// today, whatever was noted: a build that goes without the cache comes to the same packs and takes no note.
fn stands(
    ground: &Ground<'_>,
    recipe: &Recipe,
    noted: Option<MadeOf>,
    is_proven: bool,
    in_pack: Option<bool>,
) -> (Standing, Option<Remembered>, Option<LastTime>) {
    let names = LazyNames::new(&ground.state.db);
    let workshop = ground.pass.workshop();
    let view = workshop.view(&names);
    let trace = trace_of(&ground.pass.session.store, &view, recipe);
    let remembered =
        trace.as_ref().map(|it| if it.artifacts.is_some() { Remembered::Artifacts } else { Remembered::Refusal });
    let count = || trace.as_ref().map(|it| today(&view, recipe, &it.observations).count());
    let (standing, last) = match noted {
        Some(made) => {
            let now = today(&view, recipe, &made.now.answers);
            let (changes, ingredients) = (differences(&made.now, &now), now.count());
            match changes.is_empty() {
                true => (Standing::Current { ingredients: Some(ingredients) }, Some(last_time(&made))),
                false if is_proven => (Standing::Current { ingredients: count() }, None),
                false => (Standing::Outdated { changes, ingredients }, Some(last_time(&made))),
            }
        }
        None if is_proven => (Standing::Current { ingredients: count() }, None),
        None if in_pack == Some(true) => (Standing::Unknown, None),
        None => (Standing::New, None),
    };
    (standing, remembered, last)
}

/// Returns what a recipe is made of today, as far as its processor asks what it asked.
fn today(view: &View<'_>, recipe: &Recipe, asked: &[Observation]) -> Ingredients {
    Ingredients {
        method: Method::of(recipe),
        compression: recipe.codecs,
        inputs: inputs_of(recipe),
        answers: asked.iter().map(|it| view.again(&recipe.base, it)).collect(),
    }
}

/// Returns the trace that would stand for a run of the processor.
pub(super) fn trace_of(store: &Store, view: &View<'_>, recipe: &Recipe) -> Option<Trace> {
    let traces: Vec<Trace> = store.traces(recipe.key);
    traces.into_iter().find(|it| it.observations.iter().all(|it| view.confirms(&recipe.base, it)))
}

fn last_time(made: &MadeOf) -> LastTime {
    LastTime {
        by_last_build: made.by_last_build,
        changes: made.before.as_ref().map(|it| differences(it, &made.now)),
        ingredients: made.now.count(),
    }
}
