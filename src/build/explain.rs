//! Why an asset was made again, or would be: what it is made of today, compared with what the last build noted down
//! (`memo/made.rs`), and that with what it was made of before.
//!
//! No processor runs for that. What was asked the last time is asked again, for only its answers decide whether another
//! run is needed.

use std::sync::Arc;

use crate::cache::Store;
use crate::model::declaration::Declaration;
use crate::model::profile::Profile;
use crate::model::{Diagnostic, Digest};
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
use crate::receipt;
use crate::system::Bytes;
use crate::workspace::config::Config;
use crate::workspace::layout::Workspace;

use super::Options;
use super::artifacts::Moved;
use super::inspect::{Asset, Ground, inspect_and};
use super::memo::{LastBuild, MadeOf, last_build};
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
    /// Whether it is in any of the packs that are there; `None` where there are none.
    pub in_pack: Option<bool>,
    /// Why it was made the last time; `None` where nobody knows.
    pub last: Option<LastTime>,
    /// What is to be said about the cache.
    pub cache_warnings: Vec<Diagnostic>,
}

/// How what an asset is made of compares with what it was made of.
#[derive(Clone, PartialEq, Debug)]
pub enum Standing {
    /// It stays out of all packs because its author says so.
    Excluded,
    /// It cannot be made: something about it is an error.
    Broken,
    /// It never was made for this pack.
    New,
    /// It was made, but the build left no note of what from.
    Unknown,
    /// It is made of what it was made of: a build would not make it again.
    Current {
        /// Of how many things.
        ingredients: usize,
    },
    /// A build would make it again.
    Outdated {
        /// What is another one now. At least one.
        changes: Vec<Difference>,
        /// How many ingredients there are today.
        ingredients: usize,
        /// Whether the cache has what it would make, so that no processor needs to run.
        is_remembered: bool,
    },
}

/// Why an asset was made the last time.
#[derive(Clone, PartialEq, Debug)]
pub struct LastTime {
    /// Whether that was the last build, rather than one before. Builds with nothing to do do not count.
    pub by_last_build: bool,
    /// What was another one than before; `None` where it had not been made before.
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
    let (inspection, found) = inspect_and(ws, state, options, false, |ground| {
        let at = choose(ground.assets)?;
        explained(ws, options, ground, &ground.assets[at])
    })?;
    Ok(Explanation { cache_warnings: inspection.cache_warnings, ..found? })
}

fn explained(ws: &Workspace, options: &Options, ground: &Ground<'_>, asset: &Asset) -> Result<Explanation> {
    let (declaration, text) = declaration_of(ground, asset);
    let pass = ground.pass;
    let recorded = last_build(&pass.session.index, pass.target(), asset.id());
    let dir = options.out.clone().unwrap_or_else(|| ws.output_dir(&options.profile));
    let packs: Vec<&str> = ground.setup.pack_names().collect();
    let receipts = packs.iter().filter_map(|it| receipt::read(&*ws.disk, &dir, it));
    let came_to: Vec<_> = receipts.map(|it| (it.pack, it.content_digest)).collect();
    let readers = packs.iter().filter_map(|it| PackReader::open_at(&*ws.disk, &dir.join(root_name(it))).ok());
    let holds = |it: PackReader<'_>| asset.id().is_some_and(|id| matches!(it.find_id(id), Ok(Some(_))));
    let in_pack = readers.map(holds).reduce(|a, b| a || b);
    let made = recorded.filter(|it| is_of_packs(it, &came_to)).and_then(|it| it.asset);
    let standing = match (recipe_of(ground, asset), &made) {
        (None, _) if asset.excluded => Standing::Excluded,
        (None, _) => Standing::Broken,
        (Some(_), None) if in_pack == Some(true) => Standing::Unknown,
        (Some(_), None) => Standing::New,
        (Some(recipe), Some(made)) => compared(ground, recipe, &made.now),
    };
    Ok(Explanation {
        asset: asset.clone(),
        declaration,
        text,
        config: ground.setup.config.clone(),
        config_text: config_text(ws, &ground.setup.config)?,
        profile: ground.setup.profile.clone(),
        standing,
        in_pack,
        last: made.as_ref().map(last_time),
        cache_warnings: Vec::new(),
    })
}

/// Returns whether a note is about the packs that are there, as far as that build made them. Where there are none, it is
/// about those that were.
fn is_of_packs(last: &LastBuild, packs: &[(String, Digest)]) -> bool {
    let came_to = |name: &String| last.packs.get(name).copied().flatten();
    packs.iter().all(|(name, digest)| came_to(name).is_none_or(|it| it == *digest))
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

fn compared(ground: &Ground<'_>, recipe: &Recipe, then: &Ingredients) -> Standing {
    let names = LazyNames::new(&ground.state.db);
    let workshop = ground.pass.workshop();
    let view = workshop.view(&names);
    let now = today(&view, recipe, &then.answers);
    let (changes, ingredients) = (differences(then, &now), now.count());
    match changes.is_empty() {
        true => Standing::Current { ingredients },
        false => {
            let is_remembered = is_remembered(&ground.pass.session.store, &view, recipe);
            Standing::Outdated { changes, ingredients, is_remembered }
        }
    }
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

fn is_remembered(store: &Store, view: &View<'_>, recipe: &Recipe) -> bool {
    let traces: Vec<Trace> = store.traces(recipe.key);
    traces.iter().any(|it| it.observations.iter().all(|it| view.confirms(&recipe.base, it)))
}

fn last_time(made: &MadeOf) -> LastTime {
    LastTime {
        by_last_build: made.by_last_build,
        changes: made.before.as_ref().map(|it| differences(it, &made.now)),
        ingredients: made.now.count(),
    }
}
