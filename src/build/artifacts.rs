//! From recipes to records, and from records to bytes when the pack is written.

use std::path::PathBuf;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::model::{AssetId, Digest, RelPath};
use crate::pack::plan::{Plan, PlanEntry, PlanPayload};
use crate::pack::write::{Fetched, Payloads};
use crate::process::exec::{Executor, Made, MadeResult, Recipe, Trouble};
use crate::process::trace::View;
use crate::query::names::LazyNames;
use crate::query::recipes::recipes;
use crate::query::validated::validated;
use crate::query::{Slot, State, Texts};
use crate::system::Bytes;
use crate::workspace::bucket::{Content, Tree};
use crate::workspace::ignore::Ignore;
use crate::workspace::layout::Workspace;
use crate::workspace::lookup::is_declaration;
use crate::workspace::scan::unreadable;

use super::session::Session;

/// What a step found that cannot be worked around: the tree moved under it.
pub enum Moved {
    /// A source is not any more what the scan saw: begin again from the scan.
    Torn(PathBuf),
    /// It ends here.
    Failed(Error),
}

impl From<Error> for Moved {
    fn from(error: Error) -> Self {
        match error {
            Error::Torn { path } => Moved::Torn(path),
            error => Moved::Failed(error),
        }
    }
}

impl Moved {
    /// Returns the error for whoever does not begin again.
    pub fn into_error(self) -> Error {
        match self {
            Moved::Torn(path) => Error::Torn { path },
            Moved::Failed(error) => error,
        }
    }
}

/// What artifacts are made with.
pub struct Workshop<'a> {
    /// The pass.
    pub session: &'a Session<'a>,
    /// Every source.
    pub tree: &'a Tree,
    /// Where sources may lie.
    pub roots: &'a [RelPath],
    /// What is none there all the same.
    pub ignore: &'a Ignore,
}

impl Workshop<'_> {
    /// Reads the declaration files of the buckets with these numbers.
    ///
    /// # Errors
    ///
    /// [`Moved`] when one is not any more what the scan saw, or cannot be read.
    pub fn texts(&self, numbers: &[usize]) -> std::result::Result<Vec<Arc<Texts>>, Moved> {
        let buckets = self.tree.buckets();
        let texts = self.session.ws.parallel(numbers.len(), |nth| {
            let idx = numbers[nth];
            let (members, contents) = (buckets[idx].members(), buckets[idx].contents());
            let mut texts = Texts::new();
            for at in 0..members.len() {
                let wanted = members.kind(at).is_readable() && is_declaration(members.name(at));
                if wanted && contents[at].size <= crate::query::declared::LARGEST_TEXT {
                    let path = members.path(at);
                    // They stay as long as the database does, and the buffer that they were read into should not.
                    let bytes = self.read(&path, contents[at])?.detached();
                    texts.insert(path, bytes);
                }
            }
            Ok(Arc::new(texts))
        });
        texts.into_iter().collect()
    }

    /// Reads the declaration files of all buckets.
    ///
    /// # Errors
    ///
    /// As [`Workshop::texts`].
    pub fn all_texts(&self) -> std::result::Result<Vec<Arc<Texts>>, Moved> {
        self.texts(&(0..self.tree.buckets().len()).collect::<Vec<_>>())
    }

    fn read(&self, path: &RelPath, content: Content) -> std::result::Result<Bytes, Moved> {
        match self.session.sources.bytes(path, content.digest, content.size) {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(self.error(Trouble::Torn(path.clone())).into()),
            Err(error) => Err(self.error(Trouble::Io(path.clone(), error)).into()),
        }
    }

    /// Makes every recipe of `slots` and tells the database what became of them.
    ///
    /// # Errors
    ///
    /// [`Moved`] when a source is not any more what the scan saw, or cannot be read.
    pub fn make(&self, state: &mut State, slots: &[Slot]) -> std::result::Result<(), Moved> {
        let made_by_slot = {
            let db = &state.db;
            state.prefetch(self.session.ws, "recipes", slots, |db, it| {
                recipes(db, it);
            });
            let names = LazyNames::new(db);
            let list = |it: &Slot| recipes(db, *it).list.iter().map(|it| &it.recipe).collect();
            let lists: Vec<Vec<&Recipe>> = slots.iter().map(list).collect();
            self.executor(&names).run(&lists).map_err(|it| self.error(it))?
        };
        for (slot, made) in slots.iter().zip(made_by_slot) {
            state.set_made(*slot, made);
        }
        Ok(())
    }

    /// Returns whether bytes can be had without a recipe for them, as far as can be told without looking at them.
    pub fn is_at_hand(&self, digest: Digest) -> bool {
        self.session.sources.keeps(digest) || self.session.store.has_bytes(digest)
    }

    /// Returns the workspace as runs may ask about it.
    pub fn view<'b>(&'b self, names: &'b LazyNames) -> View<'b> {
        View { tree: self.tree, roots: self.roots, ignore: self.ignore, assets: names }
    }

    fn executor<'b>(&'b self, names: &'b LazyNames) -> Executor<'b> {
        let view = self.view(names);
        let Session { ws, sources, store, runs, .. } = self.session;
        Executor::new(ws, view, sources, store, runs)
    }

    fn error(&self, trouble: Trouble) -> Error {
        error_of(self.session.ws, trouble)
    }

    /// Returns where the pack's payloads come from.
    pub fn payloads<'b>(&'b self, state: &'b State, names: &'b LazyNames, slots: &[Slot]) -> MadePayloads<'b> {
        let db = &state.db;
        let mut by_id = Vec::new();
        for slot in slots {
            let assets = &validated(db, slot.bucket(db)).assets;
            for (it, made) in recipes(db, *slot).list.iter().zip(slot.made(db).iter()) {
                if let Some((_, id)) = assets[it.asset as usize].identity {
                    by_id.push((id, &it.recipe, made));
                }
            }
        }
        by_id.sort_unstable_by_key(|it| it.0);
        MadePayloads { ws: self.session.ws, executor: self.executor(names), by_id }
    }
}

/// The bytes of payloads: from the store, from sources, or made once more.
pub struct MadePayloads<'a> {
    executor: Executor<'a>,
    by_id: Vec<(AssetId, &'a Recipe, &'a Made)>,
    ws: &'a Workspace,
}

impl<'a> MadePayloads<'a> {
    /// Returns whether all of a plan can be had without a previous pack.
    pub fn are_at_hand(&self, plan: &Plan) -> bool {
        let mut remembered = plan.entries.iter().filter(|it| self.made(it.id).is_none());
        remembered.all(|it| it.payloads.iter().all(|it| self.executor.is_at_hand(it.stored_digest)))
    }

    fn made(&self, id: AssetId) -> Option<&(AssetId, &'a Recipe, &'a Made)> {
        let at = self.by_id.binary_search_by_key(&id, |it| it.0).ok()?;
        Some(&self.by_id[at])
    }
}

impl Payloads for MadePayloads<'_> {
    fn stored(&self, payload: &PlanPayload, entry: &PlanEntry) -> Result<Fetched> {
        let Some((_, recipe, made)) = self.made(entry.id) else {
            // Its bucket was taken from a memo. Where its bytes are lost, the long way has a recipe.
            let lost = || Error::Torn { path: self.ws.root.join(&*entry.name) };
            return self.executor.at_hand(payload.stored_digest).map(Fetched::Verified).ok_or_else(lost);
        };
        let MadeResult::Artifacts(artifacts) = &made.result else { unreachable!("planned entries were made") };
        let forms = recipe.codecs.count();
        let mut payloads = artifacts.iter().flat_map(|(record, stored)| {
            let of_payload = record.payloads.iter().zip(stored.chunks_exact(forms));
            of_payload.flat_map(|(record, stored)| stored.iter().map(move |it| (record, it)))
        });
        let found = payloads.find(|(it, stored)| it.digest == payload.digest && stored.digest == payload.stored_digest);
        let (record, stored) = found.expect("planned payloads were made");
        self.executor.fetch(recipe, record, *stored).map_err(|it| error_of(self.ws, it))
    }
}

fn error_of(ws: &Workspace, trouble: Trouble) -> Error {
    match trouble {
        Trouble::Torn(path) => Error::Torn { path: ws.abs(&path) },
        Trouble::Io(path, error) => Error::Unreadable(vec![unreadable(&path, &error)]),
        Trouble::Stopped => Error::Interrupted,
    }
}
