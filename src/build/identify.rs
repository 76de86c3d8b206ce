//! Identities: which declared place has which, and what would have to be registered.
//!
//! Pure but for its name: nothing is written here. The proposal is committed when the whole plan is valid.

use std::sync::Arc;

use crate::model::Digest;
use crate::model::declaration::{Declaration, Inputs};
use crate::model::registry::{Digests, Present, Proposal, Registry, directory_content, propose};
use crate::query::State;
use crate::query::declared::{asset_dirs, declared};
use crate::query::recipes::inputs;
use crate::workspace::bucket::Tree;
use crate::workspace::config::Config;

/// Compares what is declared with what is registered.
pub fn identify(state: &State, tree: &Tree, config: &Config, registry: &Registry) -> Proposal {
    let db = &state.db;
    let mut declarations: Vec<Arc<Declaration>> = Vec::new();
    for bucket in state.buckets() {
        let declared = declared(db, bucket);
        declarations.extend(declared.assets.iter().chain(&declared.broken).cloned());
    }
    // What is excluded for good gets no identity, but does not lose one.
    declarations.retain(|it| {
        let intent = &it.intent;
        !intent.options.is_excluded() || registry.at(&intent.place, &intent.part).is_some()
    });
    declarations.sort_by(|a, b| (&a.intent.place, &a.intent.part).cmp(&(&b.intent.place, &b.intent.part)));
    declarations.dedup_by(|a, b| a.intent.place == b.intent.place && a.intent.part == b.intent.part);
    let present: Vec<Present> = declarations
        .iter()
        .map(|it| Present { place: it.intent.place.clone(), part: it.intent.part.clone() })
        .collect();
    let dirs = asset_dirs(db);
    propose(registry, config.workspace, &present, &|idx| digests(&declarations[idx], tree, dirs))
}

/// Returns the digests by which an asset is recognised should it move.
fn digests(declaration: &Declaration, tree: &Tree, asset_dirs: &[crate::model::RelPath]) -> Digests {
    let digest_at = |path: &str| tree.find(path).map(|(bucket, idx)| bucket.contents[idx].digest);
    let nothing = Digest::of(b"");
    let content = match declaration.intent.inputs {
        Inputs::Owner => {
            let found = tree.find(declaration.intent.place.as_str());
            let readable = found.filter(|(bucket, idx)| bucket.members.kind(*idx).is_readable());
            readable.map_or(nothing, |(bucket, idx)| bucket.contents[idx].digest)
        }
        Inputs::Directory | Inputs::Listed(_) => {
            let inputs = inputs(tree, asset_dirs, &declaration.intent, &mut Vec::new());
            directory_content(inputs.iter().map(|it| (it.path.as_str(), it.digest)))
        }
    };
    Digests { content, declaration: declaration.file().and_then(|it| digest_at(it.as_str())) }
}
