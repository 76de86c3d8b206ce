//! Which assets are in which pack: those that it selects, and those that are reached from the ones that it names.
//!
//! What selects is decided asset by asset (`workspace/packs.rs`); what is reached follows from all references together,
//! once they are known.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::profile::Profile;
use crate::model::reference::Reference;
use crate::model::{AssetId, Code, Diagnostic, Location, RelPath};
use crate::pack::plan::{Plan, PlanEntry};
use crate::pack::reach::reach;
use crate::query::layout::Layout;
use crate::query::names::Names;
use crate::workspace::config::CONFIG_FILE;
use crate::workspace::packs::{Pack, Packs};
use crate::workspace::provenance::pack_location;

/// Returns, for each pack, which assets it is reached from, and what is wrong with how the author names them.
/// `config_text` is the text of `packwright.toml`.
pub fn starts(packs: &Packs, names: &Names, config_text: &[u8]) -> (Vec<Vec<AssetId>>, Vec<Diagnostic>) {
    let mut problems = Vec::new();
    let mut start = |pack: &Pack, nth: usize, reference: &Reference| {
        let from = format!("`{reference}`, which the pack `{}` is reached from,", pack.name);
        let (message, help) = match names.resolve(&RelPath::root(), reference) {
            Some(it) if !it.excluded => return it.identity.map(|it| it.1),
            Some(it) => {
                let declared = format!("it is declared at `{}`", it.place);
                (
                    format!("{from} is excluded from every pack"),
                    format!("{declared}; include it, or take it out of `reachable_from`"),
                )
            }
            None => (format!("{from} names no asset"), help(names, reference)),
        };
        let location = pack_location(config_text, &pack.name, nth).unwrap_or_else(|| Location::file(&config_file()));
        problems.push(Diagnostic::error(Code::UNRESOLVED_REFERENCE, message).at(location).help(help));
        None
    };
    let starts = |pack: &Pack| {
        let named = pack.reachable_from.iter().flatten().enumerate();
        named.filter_map(|(nth, it)| start(pack, nth, it)).collect()
    };
    (packs.all().iter().map(starts).collect(), problems)
}

fn help(names: &Names, reference: &Reference) -> String {
    let similar = if let Reference::Name(name) = reference { names.similar(name) } else { None };
    if let Reference::Name(text) | Reference::Path(text) = reference
        && text.contains(['*', '?', '[', '{'])
    {
        return "`reachable_from` names single assets and takes no globs; `match`, `type` and `tags` select several"
            .to_owned();
    }
    match similar {
        Some(similar) => format!("there is an asset named `{similar}`"),
        None => "`packwright list` shows all names; a path begins with `/`, as seen from packwright.toml".to_owned(),
    }
}

/// Returns what is reached by each pack, ascending, given the layouts of all buckets and the [`starts`] of each pack.
/// Nothing by packs that do not go by what is reachable.
pub fn reached(packs: &Packs, layouts: &[Layout], starts: &[Vec<AssetId>]) -> Vec<Vec<AssetId>> {
    if packs.are_local() {
        return vec![Vec::new(); packs.all().len()];
    }
    let references: BTreeMap<AssetId, &[AssetId]> =
        layouts.iter().flat_map(Layout::all).map(|it| (it.id, &it.references[..])).collect();
    starts.iter().map(|it| reach(it.iter().copied(), |id| references.get(&id).copied())).collect()
}

/// Returns what each pack holds, given the layouts of all buckets and what is [`reached`] by it.
pub fn plans(layouts: &[Layout], reached: &[Vec<AssetId>], profile: &Profile) -> Vec<Plan> {
    let plan = |(number, reached): (usize, &Vec<AssetId>)| {
        let mut entries: Vec<Arc<PlanEntry>> = Vec::new();
        match reached.is_empty() {
            true => layouts.iter().for_each(|it| entries.extend_from_slice(&it.packs[number])),
            false => entries.extend(layouts.iter().flat_map(|it| it.in_pack(number, reached)).cloned()),
        }
        entries.sort_by_key(|it| it.id);
        Plan { layout: profile.layout, entries }
    };
    reached.iter().enumerate().map(plan).collect()
}

/// Warns of packs that were to hold something and do not.
pub fn empty_packs<'a>(packs: &'a Packs, plans: &'a [Plan]) -> impl Iterator<Item = Diagnostic> + 'a {
    let is_empty = |it: &(&Pack, &Plan)| !it.0.is_everything() && it.1.entries.is_empty();
    packs.all().iter().zip(plans).filter(is_empty).map(|(pack, _)| {
        // Where it is written is not said: a null build repeats this, also after lines before it came or went.
        let message = format!("the pack `{}` holds nothing: no asset is what it asks for", pack.name);
        let help = match packs.seen_from_workspace(pack) {
            Some((written, meant)) => {
                format!("places are seen from their root, as in `[[rules]]`: write `{meant}` in place of `{written}`")
            }
            None => "`packwright list` shows all assets with their places, types and tags".to_owned(),
        };
        Diagnostic::warning(Code::EMPTY_PACK, message).at(Location::file(&config_file())).help(help)
    })
}

fn config_file() -> RelPath {
    RelPath::new(CONFIG_FILE).expect("a plain file name is a path")
}
