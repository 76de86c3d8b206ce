//! Every asset whole: how it is declared, what it is made of, what its processor asked and made, and which other assets
//! it depends on. What `show` and `graph` tell.
//!
//! The same scan, queries and runs as a build; what is not up to date is made, and found by the next build.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::declaration::Declaration;
use crate::model::profile::Profile;
use crate::model::registry::Registry;
use crate::model::{AssetId, Diagnostic, Digest, RelPath};
use crate::pack::plan::PlanEntry;
use crate::process::exec::MadeResult;
use crate::process::trace::Observation;
use crate::query::State;
use crate::query::declared::{asset_dirs, declared};
use crate::query::layout::{Layout, layout};
use crate::query::recipes::{inputs, recipes};
use crate::query::validated::validated;
use crate::system::Bytes;
use crate::workspace::layout::Workspace;

use super::Options;
use super::artifacts::Moved;
use super::inspect::{Asset, Depth, Ground, Inspection, inspect_and};
use super::judge::omit_if_asked;
use super::view::config_text;

/// A workspace as it stands, with all that its assets depend on.
pub struct Survey {
    /// What `status` and `list` know.
    pub inspection: Inspection,
    /// The text of `packwright.toml`.
    pub config_text: Vec<u8>,
    /// The profile by which it was looked at.
    pub profile: Arc<Profile>,
    /// Identities, as a build would leave them.
    pub registry: Registry,
    /// More of each asset, in the order of [`Inspection::assets`].
    pub more: Vec<More>,
}

/// What is known of an asset besides what lists show.
#[derive(Clone)]
pub struct More {
    /// What its author says, and where.
    pub declaration: Arc<Declaration>,
    /// The text of its declaration file; none where a rule declares it.
    pub text: Option<Bytes>,
    /// The files that it is declared to be made of, in order.
    pub inputs: Vec<File>,
    /// What its processor asked, as seen from the asset's directory.
    pub observed: Vec<Observation>,
    /// What was made, as each pack that the asset is in has it, with the pack's number; of one that is in none as it is,
    /// with none. Nothing where nothing was made.
    pub entries: Vec<(Option<usize>, Arc<PlanEntry>)>,
    /// The assets that what was made refers to, ascending.
    pub references: Vec<AssetId>,
    /// The assets that it is declared to depend on, ascending.
    pub dependencies: Vec<AssetId>,
    /// What is to be said about it.
    pub problems: Vec<Diagnostic>,
}

impl More {
    /// Returns the assets that it needs, for whatever reason, ascending.
    pub fn needs(&self) -> Vec<AssetId> {
        let mut needs = [&self.references[..], &self.dependencies].concat();
        needs.sort_unstable();
        needs.dedup();
        needs
    }
}

/// A file that an asset is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct File {
    /// Relative to the workspace.
    pub path: RelPath,
    /// Digest of its bytes.
    pub digest: Digest,
    /// Their number.
    pub size: u64,
}

/// Looks at a workspace.
///
/// # Errors
///
/// As a build, except that problems of assets are part of what is returned.
pub fn survey(ws: &Workspace, state: &mut State, options: &Options) -> std::result::Result<Survey, Moved> {
    let look = |ground: &Ground<'_>| {
        let config_text = config_text(ws, &ground.setup.config);
        (config_text, ground.setup.profile.clone(), ground.proposal.registry.clone(), known(ground))
    };
    let (inspection, (config_text, profile, registry, known)) = inspect_and(ws, state, options, Depth::Made, look)?;
    let all = inspection.config.packs.all();
    let more = |it: &Asset| {
        let known = known.get(&(it.place.clone(), it.part.clone())).expect("assets are what is declared");
        let is_in = |pack: Option<usize>| pack.map_or(it.packs.is_empty(), |nth| it.packs.contains(&all[nth].name));
        let entries = known.entries.iter().filter(|it| is_in(it.0)).cloned().collect();
        More { entries, ..known.clone() }
    };
    let more = inspection.assets.iter().map(more).collect();
    Ok(Survey { inspection, config_text: config_text?, profile, registry, more })
}

type Known = BTreeMap<(RelPath, String), More>;

fn known(ground: &Ground<'_>) -> Known {
    let (state, profile) = (ground.state, &ground.setup.profile);
    let db = &state.db;
    let mut known = Known::new();
    for bucket in state.buckets() {
        let (declared, texts) = (declared(db, bucket), bucket.texts(db));
        for declaration in declared.assets.iter().chain(&declared.broken) {
            let intent = &declaration.intent;
            let dir = intent.dir();
            let inputs = inputs(ground.tree, asset_dirs(db), intent, &mut Vec::new()).into_iter();
            let file = |it: crate::process::contract::Input| {
                Some(File { path: dir.join(&it.path)?, digest: it.digest, size: it.size })
            };
            let more = More {
                declaration: declaration.clone(),
                text: declaration.file().and_then(|it| texts.get(it)).cloned(),
                inputs: inputs.filter_map(file).collect(),
                observed: Vec::new(),
                entries: Vec::new(),
                references: Vec::new(),
                dependencies: Vec::new(),
                problems: Vec::new(),
            };
            known.insert((intent.place.clone(), intent.part.clone()), more);
        }
    }
    note_made(ground, &mut known);
    let mut by_place: BTreeMap<&RelPath, Vec<Diagnostic>> = BTreeMap::new();
    for it in ground.problems {
        by_place.entry(&it.place).or_default().push(omit_if_asked(it.clone(), profile));
    }
    for ((place, _), more) in &mut known {
        more.problems = by_place.get(place).cloned().unwrap_or_default();
        crate::model::diagnostic::sort(&mut more.problems);
    }
    known
}

type Entries = Vec<(Option<usize>, Arc<PlanEntry>)>;

/// Returns what was made of each asset, in the form of each pack that it is in, or may be.
fn entries_of(layout: &Layout) -> BTreeMap<AssetId, Entries> {
    let of_packs = layout.packs.iter().zip(&layout.reachable).enumerate();
    let of_packs = of_packs.flat_map(|(nth, (one, other))| one.iter().chain(other).map(move |it| (Some(nth), it)));
    let mut entries: BTreeMap<AssetId, Entries> = BTreeMap::new();
    for (pack, it) in of_packs.chain(layout.unselected.iter().map(|it| (None, it))) {
        entries.entry(it.id).or_default().push((pack, it.clone()));
    }
    entries
}

fn note_made(ground: &Ground<'_>, known: &mut Known) {
    let db = &ground.state.db;
    for slot in ground.slots {
        let assets = &validated(db, slot.bucket(db)).assets;
        for asset in assets {
            if let Some(more) = known.get_mut(&(asset.intent.place.clone(), asset.intent.part.clone())) {
                more.dependencies.clone_from(&asset.dependencies);
            }
        }
        let entries = entries_of(layout(db, *slot));
        for (recipe, made) in recipes(db, *slot).list.iter().zip(slot.made(db).iter()) {
            let asset = &assets[recipe.asset as usize];
            let key = (asset.intent.place.clone(), asset.intent.part.clone());
            let Some(more) = known.get_mut(&key) else { continue };
            more.observed.clone_from(&made.observations);
            more.entries = asset.identity.and_then(|it| entries.get(&it.1)).cloned().unwrap_or_default();
            if let MadeResult::Artifacts(artifacts) = &made.result {
                let of_part = artifacts.iter().filter(|it| it.0.part == asset.intent.part);
                more.references = of_part.flat_map(|it| it.0.references.iter().copied()).collect();
            }
        }
    }
}
