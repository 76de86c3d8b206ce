//! Layouts: what a bucket's assets contribute to a pack, once their recipes were made.

use std::sync::Arc;

use crate::model::{Code, Diagnostic, Location, RelPath, Severity};
use crate::pack::plan::{PlanEntry, PlanPayload};
use crate::process::contract::{Finding, MetaValue};
use crate::process::exec::{MadeResult, Stored};
use crate::process::trace::ArtifactRecord;

use super::Slot;
use super::issue::Problem;
use super::recipes::recipes;
use super::validated::{Asset, validated};

/// What a bucket contributes to a pack.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Layout {
    /// In order of declaration.
    pub entries: Vec<Arc<PlanEntry>>,
    /// What the processors had to say.
    pub problems: Vec<Problem>,
}

/// Returns the entries of a bucket's assets, as far as they were made.
#[salsa::tracked(no_eq)]
pub fn layout(db: &dyn salsa::Database, slot: Slot) -> Layout {
    let assets = &validated(db, slot.bucket(db)).assets;
    let list = &recipes(db, slot).list;
    let mut out = Layout { entries: Vec::with_capacity(list.len()), problems: Vec::new() };
    for (it, made) in list.iter().zip(slot.made(db).iter()) {
        let (asset, base) = (&assets[it.asset as usize], &it.recipe.base);
        let place = &asset.intent.place;
        out.problems.extend(made.findings.iter().map(|it| problem(place, base, it)));
        match &made.result {
            MadeResult::Artifacts(artifacts) => {
                let entries = artifacts.iter().filter_map(|(record, stored)| entry(asset, it.preload, record, stored));
                out.entries.extend(entries.map(Arc::new));
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

fn entry(asset: &Asset, preload: bool, record: &ArtifactRecord, stored: &[Stored]) -> Option<PlanEntry> {
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

fn problem(place: &RelPath, base: &RelPath, finding: &Finding) -> Problem {
    let path = if finding.path.is_empty() { None } else { base.join(&finding.path) };
    let location = Location { path: path.unwrap_or_else(|| place.clone()), span: finding.span };
    let mut diagnostic = match finding.severity {
        Severity::Error => Diagnostic::error(finding.code, finding.message.clone()),
        Severity::Warning => Diagnostic::warning(finding.code, finding.message.clone()),
    };
    diagnostic.help.clone_from(&finding.help);
    Problem { place: place.clone(), diagnostic: diagnostic.at(location) }
}
