//! Layouts: what a bucket's assets contribute to a pack, once their recipes were made.

use std::sync::Arc;

use crate::model::{AssetId, Code, Codec, Codecs, Diagnostic, Location, RelPath, Severity};
use crate::pack::plan::{PlanEntry, PlanPayload};
use crate::process::contract::{Finding, MetaValue};
use crate::process::exec::{MadeResult, Stored};
use crate::process::trace::ArtifactRecord;

use super::Slot;
use super::issue::Problem;
use super::recipes::{AssetRecipe, recipes};
use super::validated::{Asset, validated};
use crate::workspace::packs::Membership;

/// What a bucket contributes to packs.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Layout {
    /// Of each pack, by number, what it selects, in order of declaration.
    pub packs: Vec<Vec<Arc<PlanEntry>>>,
    /// Of each pack that goes by reachability what it does not select, as it is if it is reached; nothing of the others.
    pub reachable: Vec<Vec<Arc<PlanEntry>>>,
    /// What no pack selects, in order of declaration: as it is, nothing compressed.
    pub unselected: Vec<Arc<PlanEntry>>,
    /// What the processors had to say.
    pub problems: Vec<Problem>,
}

impl Layout {
    /// Returns what the pack of this number gets, given what is reached by it, ascending.
    pub fn in_pack<'a>(&'a self, pack: usize, reached: &'a [AssetId]) -> impl Iterator<Item = &'a Arc<PlanEntry>> {
        let is_reached = |it: &&Arc<PlanEntry>| reached.binary_search(&it.id).is_ok();
        self.packs[pack].iter().chain(self.reachable[pack].iter().filter(is_reached))
    }

    /// Returns all that was made, some of it several times.
    pub fn all(&self) -> impl Iterator<Item = &Arc<PlanEntry>> {
        self.packs.iter().chain(&self.reachable).flatten().chain(&self.unselected)
    }
}

/// Returns the entries of a bucket's assets, as far as they were made.
#[salsa::tracked(no_eq)]
pub fn layout(db: &dyn salsa::Database, slot: Slot) -> Layout {
    let assets = &validated(db, slot.bucket(db)).assets;
    let list = &recipes(db, slot).list;
    let n_packs = slot.packs(db).all().len();
    let room = if n_packs == 1 { list.len() } else { 0 };
    let mut out = Layout {
        packs: (0..n_packs).map(|_| Vec::with_capacity(room)).collect(),
        reachable: vec![Vec::new(); n_packs],
        ..Layout::default()
    };
    for (it, made) in list.iter().zip(slot.made(db).iter()) {
        let (asset, base) = (&assets[it.asset as usize], &it.recipe.base);
        let place = &asset.intent.place;
        out.problems.extend(made.findings.iter().map(|it| problem(place, base, it)));
        match &made.result {
            MadeResult::Artifacts(artifacts) => {
                for (record, stored) in artifacts {
                    lay_out(&mut out, asset, it, record, stored);
                }
            }
            MadeResult::Refused => {}
            MadeResult::Panicked(message) => {
                let kind = it.recipe.kind.name;
                let message = format!("the `{kind}` processor failed on `{place}` in a way it should not: {message}");
                let diagnostic = Diagnostic::error(Code::PROCESSOR_PANIC, message)
                    .at(Location::file(place))
                    .help("the file is probably damaged in an unusual way; please report it with the file");
                out.problems.push(Problem { place: place.clone(), diagnostic });
            }
        }
    }
    out
}

/// Adds an artifact to every pack that it is or may be in.
fn lay_out(out: &mut Layout, asset: &Asset, made: &AssetRecipe, record: &ArtifactRecord, stored: &[Stored]) {
    // Most packs want the same: that is there once.
    let mut last: Option<(bool, Codec, Arc<PlanEntry>)> = None;
    for member in made.packs.iter() {
        let Membership { preload, codec, .. } = *member;
        if last.as_ref().is_none_or(|it| (it.0, it.1) != (preload, codec)) {
            let Some(entry) = entry(asset, preload, record, in_codec(stored, made.recipe.codecs, codec)) else {
                return;
            };
            last = Some((preload, codec, Arc::new(entry)));
        }
        let list = if member.is_selected { &mut out.packs } else { &mut out.reachable };
        list[member.pack as usize].extend(last.as_ref().map(|it| it.2.clone()));
    }
    if !made.packs.iter().any(|it| it.is_selected) {
        let plain = || entry(asset, false, record, in_codec(stored, made.recipe.codecs, Codec::None)).map(Arc::new);
        out.unselected.extend(last.map_or_else(plain, |it| Some(it.2)));
    }
}

/// Returns the stored forms of payloads in one of the codecs that they were made in.
fn in_codec(stored: &[Stored], codecs: Codecs, codec: Codec) -> impl Iterator<Item = &Stored> {
    stored.iter().skip(codecs.position(codec).unwrap_or_default()).step_by(codecs.count())
}

fn entry<'a>(
    asset: &Asset,
    preload: bool,
    record: &ArtifactRecord,
    stored: impl Iterator<Item = &'a Stored>,
) -> Option<PlanEntry> {
    let (uuid, id) = asset.identity?;
    let mut references = record.references.clone();
    references.extend(&asset.dependencies);
    references.sort_unstable();
    references.dedup();
    let payloads = record.payloads.iter().zip(stored).map(|(payload, stored)| PlanPayload {
        role: payload.role.clone(),
        digest: payload.digest,
        raw_len: payload.len,
        stored_digest: stored.digest,
        stored_len: stored.len,
        codec: stored.codec,
    });
    // What the processor found out stands; a capture of the same name says nothing.
    let mut metadata = record.metadata.clone();
    for (name, value) in &asset.intent.captures {
        metadata.entry(name.to_string()).or_insert_with(|| MetaValue::Text(value.clone()));
    }
    Some(PlanEntry {
        id,
        uuid,
        name: asset.intent.name.clone(),
        kind: asset.intent.kind.clone(),
        preload,
        tags: asset.intent.options.tags.iter().cloned().collect(),
        metadata,
        references,
        payloads: payloads.collect(),
    })
}

/// Returns what to do about a finding whose processor says nothing of that.
fn remedy(code: Code) -> Option<&'static str> {
    match code {
        Code::IMAGE_BROKEN | Code::MODEL_BROKEN => {
            Some("export it again, or give the asset the type `raw` to pack it as it is")
        }
        Code::AUDIO_ODD | Code::IMAGE_ODD | Code::MODEL_ODD => Some("export it anew when there is an occasion"),
        Code::MODEL_MISSING => Some("add the file, or correct the `uri`, which is seen from the model"),
        _ => None,
    }
}

/// Returns what a processor had to say of the asset at `place`, which lies in the directory `base`.
pub fn problem(place: &RelPath, base: &RelPath, finding: &Finding) -> Problem {
    let path = if finding.path.is_empty() { None } else { base.join(&finding.path) };
    let location = Location { path: path.unwrap_or_else(|| place.clone()), span: finding.span };
    let mut diagnostic = match finding.severity {
        Severity::Error => Diagnostic::error(finding.code, finding.message.clone()),
        Severity::Warning => Diagnostic::warning(finding.code, finding.message.clone()),
    };
    diagnostic.help = finding.help.clone().or_else(|| remedy(finding.code).map(str::to_owned));
    Problem { place: place.clone(), diagnostic: diagnostic.at(location) }
}
