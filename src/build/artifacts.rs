//! From recipes to records, and from records to bytes when the pack is written.

use std::sync::Arc;

use crate::cache::Store;
use crate::error::{Error, IoContext, Result};
use crate::model::{AssetId, RelPath};
use crate::pack::emit::Payloads;
use crate::pack::plan::{PlanEntry, PlanPayload};
use crate::process::exec::{Executor, Made, Recipe, Runs, Trouble};
use crate::process::trace::View;
use crate::query::names::names;
use crate::query::recipes::recipes;
use crate::query::validated::validated;
use crate::query::{Slot, State, Texts};
use crate::system::Bytes;
use crate::workspace::bucket::{Content, Tree};
use crate::workspace::layout::Workspace;
use crate::workspace::lookup::is_declaration;
use crate::workspace::scan::unreadable;
use crate::workspace::sources::Sources;

/// What a step found that cannot be worked around: the tree moved under it.
pub enum Moved {
    /// A source is not any more what the scan saw: begin again from the scan.
    Torn(RelPath),
    /// It ends here.
    Failed(Error),
}

impl From<Trouble> for Moved {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Torn(path) => Moved::Torn(path),
            Trouble::Io(path, error) => Moved::Failed(Error::Unreadable(vec![unreadable(&path, &error)])),
            Trouble::Stopped => Moved::Failed(Error::Interrupted),
        }
    }
}

/// What artifacts are made with.
pub struct Workshop<'a> {
    /// The workspace.
    pub ws: &'a Workspace,
    /// Every source.
    pub tree: &'a Tree,
    /// Where sources may lie.
    pub roots: &'a [RelPath],
    /// Their bytes.
    pub sources: &'a Sources<'a>,
    /// What was made before.
    pub store: &'a Store,
    /// What is done now.
    pub runs: &'a Runs,
}

impl<'a> Workshop<'a> {
    /// Reads the declaration files of every bucket.
    ///
    /// # Errors
    ///
    /// [`Moved`] when one is not any more what the scan saw, or cannot be read.
    pub fn texts(&self) -> std::result::Result<Vec<Arc<Texts>>, Moved> {
        let buckets = self.tree.buckets();
        let texts = self.ws.parallel(buckets.len(), |idx| {
            let (members, contents) = (&buckets[idx].members, &buckets[idx].contents);
            let mut texts = Texts::new();
            for at in 0..members.len() {
                let wanted = members.kind(at).is_readable() && is_declaration(members.name(at));
                if wanted && contents[at].size <= crate::query::declared::LARGEST_TEXT {
                    let path = members.path(at);
                    let bytes = self.read(&path, contents[at])?;
                    texts.insert(path, bytes);
                }
            }
            Ok(Arc::new(texts))
        });
        texts.into_iter().collect()
    }

    fn read(&self, path: &RelPath, content: Content) -> std::result::Result<Bytes, Moved> {
        match self.sources.bytes(path, content) {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(Moved::Torn(path.clone())),
            Err(error) => Err(Trouble::Io(path.clone(), error).into()),
        }
    }

    /// Makes every recipe of `slots` and tells the database what became of them.
    ///
    /// # Errors
    ///
    /// [`Moved`] when a source is not any more what the scan saw, or cannot be read.
    pub fn make(&self, state: &mut State, slots: &[Slot]) -> std::result::Result<(), Moved> {
        let mut made_by_slot = Vec::with_capacity(slots.len());
        {
            let db = &state.db;
            let executor = self.executor(state);
            let lists: Vec<&Vec<_>> = slots.iter().map(|it| &recipes(db, *it).list).collect();
            let all: Vec<&Recipe> = lists.iter().flat_map(|it| it.iter().map(|it| &it.recipe)).collect();
            let mut made = executor.run(&all).into_iter();
            for list in lists {
                let made: std::result::Result<Vec<Made>, Trouble> = made.by_ref().take(list.len()).collect();
                made_by_slot.push(made?);
            }
        }
        for (slot, made) in slots.iter().zip(made_by_slot) {
            state.set_made(*slot, made);
        }
        Ok(())
    }

    fn executor<'b>(&'b self, state: &'b State) -> Executor<'b> {
        let view = View { tree: self.tree, roots: self.roots, assets: names(&state.db) };
        Executor::new(self.ws, view, self.sources, self.store, self.runs)
    }

    /// Returns where the pack's payloads come from.
    pub fn payloads<'b>(&'b self, state: &'b State, slots: &[Slot]) -> MadePayloads<'b> {
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
        MadePayloads { executor: self.executor(state), by_id, root: &self.ws.root }
    }
}

/// The bytes of payloads: from the store, from sources, or made once more.
pub struct MadePayloads<'a> {
    executor: Executor<'a>,
    by_id: Vec<(AssetId, &'a Recipe, &'a Made)>,
    root: &'a std::path::Path,
}

impl Payloads for MadePayloads<'_> {
    fn stored(&self, payload: &PlanPayload, entry: &PlanEntry) -> Result<Bytes> {
        let at = self.by_id.binary_search_by_key(&entry.id, |it| it.0).expect("planned entries have a recipe");
        let (_, recipe, made) = &self.by_id[at];
        let Made::Artifacts(artifacts, _) = made else { unreachable!("planned entries were made") };
        let payloads = artifacts.iter().flat_map(|(record, stored)| record.payloads.iter().zip(stored));
        let found = payloads.into_iter().find(|(it, stored)| {
            it.digest == payload.digest && stored.digest == payload.stored_digest
        });
        let (record, stored) = found.expect("planned payloads were made");
        self.executor.fetch(recipe, record, *stored).map_err(|trouble| match trouble {
            Trouble::Torn(path) => Error::Torn { path: self.root.join(path.as_str()) },
            Trouble::Io(path, error) => {
                Err::<(), _>(error).context("read", &self.root.join(path.as_str())).expect_err("it is an error")
            }
            Trouble::Stopped => Error::Interrupted,
        })
    }
}
