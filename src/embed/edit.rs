//! Write commands as requests: what `packwright rename`, `move` and the others do, for other programs.

use std::collections::{BTreeMap, BTreeSet};

use super::{CommitOptions, Workspace};
use crate::build::view::{Asset, View};
use crate::driver::Engine;
use crate::error::{Error, Result};
use crate::lane::{self, Commit, Lane};
use crate::model::registry::Line;
use crate::model::{AssetId, AssetUuid, RelPath};
use crate::threads::outside_pools;
use crate::write::{self, Decision, Depth, Destination, Plan, Removal};

/// Which asset is meant.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum AssetRef {
    /// The one with this number.
    Id(AssetId),
    /// The one with this identity.
    Uuid(AssetUuid),
    /// The one with this name.
    Name(String),
    /// The one that owns this file or directory.
    Place(RelPath),
}

impl From<AssetId> for AssetRef {
    fn from(it: AssetId) -> Self {
        Self::Id(it)
    }
}

impl From<AssetUuid> for AssetRef {
    fn from(it: AssetUuid) -> Self {
        Self::Uuid(it)
    }
}

impl From<RelPath> for AssetRef {
    fn from(it: RelPath) -> Self {
        Self::Place(it)
    }
}

/// A change to authoring files and the registry.
///
/// Texts keep the formatting and the comments of what is not changed. An edit that would bring an error into the
/// workspace that is not there yet is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Edit {
    /// Registers new places, and assets that are found again. Refused where a build would be.
    Register {
        /// Which; all where there are none.
        assets: Vec<AssetRef>,
    },
    /// Writes today's digests into the lines of all assets: by these they are recognised should they move.
    Refresh,
    /// Gives an asset another name, and everyone who refers to it by name the new one.
    Rename {
        /// The asset.
        asset: AssetRef,
        /// Its new name.
        name: String,
    },
    /// Moves files with their sidecars, and directories with all that is in them. Identities stay; references by path
    /// follow. Nothing is ever overwritten.
    Move {
        /// Files and directories below a root.
        from: Vec<RelPath>,
        /// Where to: a directory that is there, or another path for a single one.
        to: RelPath,
    },
    /// Lets assets into packs again.
    Include {
        /// Which.
        assets: Vec<AssetRef>,
    },
    /// Keeps assets out of all packs.
    Exclude {
        /// Which.
        assets: Vec<AssetRef>,
        /// Also where others refer to them.
        force: bool,
    },
    /// Gives assets up for good, with their files. A missing asset is settled this way too.
    Remove {
        /// Which.
        assets: Vec<AssetRef>,
        /// Only the declaration goes.
        keep_sources: bool,
        /// Also where others need them.
        force: bool,
    },
    /// Takes the last commit back that was not taken back yet.
    Undo,
}

/// What an edit did, or would do.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct EditReport {
    /// The number of the commit; `None` where nothing was written.
    pub commit: Option<u64>,
    /// What it is, in a few words.
    pub title: String,
    /// What is done to what, one line each, and what is to be known about it.
    pub notes: Vec<String>,
    /// The exact changes of files.
    pub files: Vec<FileChange>,
}

/// What happens to one file.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FileChange {
    /// It is written.
    Written {
        /// The file.
        path: RelPath,
        /// All of its new contents.
        content: Vec<u8>,
    },
    /// It is removed.
    Removed {
        /// The file.
        path: RelPath,
    },
    /// It gets another name.
    Moved {
        /// The file.
        from: RelPath,
        /// Its new name.
        to: RelPath,
    },
}

/// One commit, as the log tells it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct LogEntry {
    /// Its number: 1 for the first, and so on.
    pub commit: u64,
    /// What it did, in a few words.
    pub title: String,
    /// Who did it: `packwright build`, or what [`CommitOptions::holder`] said. Empty where nobody knows any more.
    pub command: String,
    /// When, in UTC.
    pub time: Option<String>,
    /// The number of the commit that it took back.
    pub undoes: Option<u64>,
    /// The files that it changed.
    pub files: Vec<RelPath>,
}

impl From<lane::Entry> for LogEntry {
    fn from(it: lane::Entry) -> Self {
        let files = it.files.into_iter().map(|it| it.path).collect();
        Self { commit: it.sequence, title: it.title, command: it.command, time: it.time, undoes: it.undoes, files }
    }
}

impl Workspace {
    /// Commits an edit: all of its file changes or none, through the lane that all writers of the workspace share.
    ///
    /// What it was planned by must still hold when it is written: should somebody edit one of its files meanwhile, it is
    /// planned anew, and refused where they do so again. Their edit is never overwritten.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] and [`Error::Invalid`] say why it is not to be done; [`Error::Conflict`], [`Error::Busy`] where
    /// others write, [`Error::Interrupted`], [`Error::Io`]. Nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let home = tempfile::tempdir()?;
    /// # let dir = home.path();
    /// # std::fs::write(dir.join("motd.txt"), "welcome")?;
    /// # let config = "roots = [{ path = \".\" }]\nrules = [{ match = \"**/*.txt\", type = \"raw\" }]";
    /// # let workspace = packwright::Workspace::create(dir, config)?;
    /// use packwright::{AssetRef, BuildOptions, CommitOptions, Edit};
    ///
    /// let before = workspace.snapshot(&BuildOptions::new())?;
    /// let asset = AssetRef::Name("motd.txt".to_owned());
    /// let edit = Edit::Rename { asset, name: "welcome".to_owned() };
    /// let report = workspace.commit(&edit, &CommitOptions::new().holder("my editor"))?;
    /// assert_eq!(report.title, "rename `motd.txt` to `welcome`");
    ///
    /// // The identity stays what it was.
    /// let after = workspace.snapshot(&BuildOptions::new())?;
    /// let (old, new) = (before.by_name("motd.txt"), after.by_name("welcome"));
    /// assert_eq!(old.expect("it was built").uuid(), new.expect("and again").uuid());
    ///
    /// workspace.commit(&Edit::Undo, &CommitOptions::new())?;
    /// assert_eq!(workspace.log()?.last().expect("a commit").undoes, report.commit);
    /// # Ok(())
    /// # }
    /// ```
    pub fn commit(&self, edit: &Edit, options: &CommitOptions) -> Result<EditReport> {
        self.in_turn("a commit", options.patience(), || self.commit_in_turn(edit, options))
    }

    fn commit_in_turn(&self, edit: &Edit, options: &CommitOptions) -> Result<EditReport> {
        let engine = self.engine.with(options.applied_to(&self.ws));
        let moment = lane::moment(&*self.ws.disk, &self.ws.root)?;
        let planned = match self.plan(&engine, edit, options) {
            Err(Error::Torn { .. }) => None,
            outcome => Some(outcome?),
        };
        let planned = match planned {
            Some(planned) if planned.commit.is_empty() => return Ok(EditReport::of(planned, None)),
            planned => planned,
        };
        let mut plan = || self.plan(&engine, edit, options);
        let look = |it: &Commit| write::look(&self.ws, it);
        let done = write::under_lane(&self.ws, &moment, planned, || self.take_lane(options), &mut plan, look)?;
        Ok(EditReport::of(done.planned, done.number))
    }

    /// Returns what [`Workspace::commit`] would do, and changes nothing.
    ///
    /// Waits for nobody: while another thread builds or commits, it looks at the workspace without what that one knows,
    /// which takes longer in a large one.
    ///
    /// # Errors
    ///
    /// As [`Workspace::commit`].
    pub fn preview(&self, edit: &Edit, options: &CommitOptions) -> Result<EditReport> {
        outside_pools(|| {
            let ws = options.applied_to(&self.ws);
            let turn = self.turns.take_if_free("a preview");
            let engine = if turn.is_some() { self.engine.with(ws) } else { Engine::new(ws) };
            Ok(EditReport::of(self.plan(&engine, edit, options)?, None))
        })
    }

    fn plan(&self, engine: &Engine, edit: &Edit, options: &CommitOptions) -> Result<Plan> {
        let ask = options.asked();
        match edit {
            Edit::Undo => return write::undo(&self.ws),
            // What is registered is what a build would register at its end, and it would not get there.
            Edit::Register { .. } => drop(engine.check(&ask)?),
            _ => {}
        }
        engine.plan(&ask, depth(edit), &|view| self.decide(view, edit))
    }

    fn decide(&self, view: &View, edit: &Edit) -> Result<Decision> {
        let wanted = Wanted::new(view);
        match edit {
            Edit::Register { assets } if assets.is_empty() => write::register(view, None),
            Edit::Register { assets } => {
                let places: BTreeSet<RelPath> = wanted.all(assets)?.iter().map(|it| it.place().clone()).collect();
                write::register(view, Some(&places))
            }
            Edit::Refresh => write::refresh(view),
            Edit::Rename { asset, name } => write::rename(view, wanted.one(asset)?, name),
            Edit::Move { from, to } => {
                write::move_files(&self.ws, view, from, &Destination { path: to.clone(), is_dir: false })
            }
            Edit::Include { assets } => write::include(view, &wanted.all(assets)?),
            Edit::Exclude { assets, force } => write::exclude(view, &wanted.all(assets)?, *force),
            Edit::Remove { assets, keep_sources, force } => {
                let (declared, missing) = wanted.all_with_missing(assets)?;
                write::remove(view, &declared, &missing, Removal { keep_sources: *keep_sources, force: *force })
            }
            Edit::Undo => unreachable!("planned by what was committed, not by what there is"),
        }
    }

    fn take_lane(&self, options: &CommitOptions) -> Result<Lane<'_>> {
        let mut tell = |_: &str| if options.cancel.is_cancelled() { Err(Error::Interrupted) } else { Ok(()) };
        let pid = std::process::id();
        Lane::acquire_telling(&*self.ws.disk, &self.ws.root, &options.holder, pid, options.lane_wait(), &mut tell)
    }
}

/// Returns what must be known of the workspace for an edit.
fn depth(edit: &Edit) -> Depth {
    match edit {
        Edit::Move { .. } | Edit::Include { .. } | Edit::Exclude { .. } | Edit::Remove { .. } => Depth::Observations,
        Edit::Register { .. } | Edit::Refresh | Edit::Rename { .. } | Edit::Undo => Depth::Declarations,
    }
}

impl EditReport {
    fn of(planned: Plan, number: Option<u64>) -> Self {
        let Plan { commit, notes, .. } = planned;
        let Commit { title, changes, moves, .. } = commit;
        let change = |it: lane::Change| match (it.expect, it.content) {
            (_, Some(content)) if it.expect == Some(crate::model::Digest::of(&content)) => None,
            (_, Some(content)) => Some(FileChange::Written { path: it.path, content }),
            (Some(_), None) => Some(FileChange::Removed { path: it.path }),
            (None, None) => None,
        };
        let mut files: Vec<FileChange> = changes.into_iter().filter_map(change).collect();
        files.extend(moves.into_iter().map(|it| FileChange::Moved { from: it.from, to: it.to }));
        Self { commit: number, title, notes, files }
    }
}

/// Finds the assets that are meant.
struct Wanted<'a> {
    view: &'a View,
    by_identity: BTreeMap<(AssetUuid, AssetId), &'a Asset>,
}

impl<'a> Wanted<'a> {
    fn new(view: &'a View) -> Self {
        let identity = |it: &'a Asset| view.line(it).map(|line| ((line.uuid, line.id), it));
        Self { view, by_identity: view.assets.iter().filter_map(identity).collect() }
    }

    fn find(&self, asset: &AssetRef) -> Option<&'a Asset> {
        let identified =
            |is: &dyn Fn(&(AssetUuid, AssetId)) -> bool| self.by_identity.iter().find(|it| is(it.0)).map(|it| *it.1);
        match asset {
            AssetRef::Id(id) => identified(&|it| it.1 == *id),
            AssetRef::Uuid(uuid) => identified(&|it| it.0 == *uuid),
            AssetRef::Name(name) => self.view.assets.iter().find(|it| it.name() == name),
            AssetRef::Place(place) => self.view.at(place),
        }
    }

    fn find_missing(&self, asset: &AssetRef) -> Option<&'a Line> {
        let is_meant = |it: &&Line| match asset {
            AssetRef::Id(id) => it.id == *id,
            AssetRef::Uuid(uuid) => it.uuid == *uuid,
            AssetRef::Name(name) => self.view.config.default_name(it.place.as_str()) == *name,
            AssetRef::Place(place) => it.place == *place,
        };
        self.view.proposal.missing.iter().find(is_meant)
    }

    fn one(&self, asset: &AssetRef) -> Result<&'a Asset> {
        self.find(asset).ok_or_else(|| match self.find_missing(asset) {
            Some(line) => Error::Refused(format!("`{}` is registered and not declared any more", line.shown())),
            None => Error::Refused(format!("there is no asset with {asset}")),
        })
    }

    fn all(&self, assets: &[AssetRef]) -> Result<Vec<&'a Asset>> {
        let (mut found, mut places) = (Vec::new(), BTreeSet::new());
        for it in assets {
            let asset = self.one(it)?;
            if places.insert((asset.place(), asset.part())) {
                found.push(asset);
            }
        }
        Ok(found)
    }

    fn all_with_missing(&self, assets: &[AssetRef]) -> Result<(Vec<&'a Asset>, Vec<&'a Line>)> {
        let is_gone = |it: &&AssetRef| self.find(it).is_none() && self.find_missing(it).is_some();
        let (gone, there): (Vec<&AssetRef>, Vec<&AssetRef>) = assets.iter().partition(is_gone);
        let mut missing: Vec<&Line> = gone.into_iter().filter_map(|it| self.find_missing(it)).collect();
        missing.sort_by_key(|it| it.id);
        missing.dedup_by_key(|it| it.id);
        Ok((self.all(&there.into_iter().cloned().collect::<Vec<_>>())?, missing))
    }
}

impl std::fmt::Display for AssetRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(it) => write!(f, "the number {it}"),
            Self::Uuid(it) => write!(f, "the uuid {it}"),
            Self::Name(it) => write!(f, "the name `{it}`"),
            Self::Place(it) => write!(f, "the place `{it}`"),
        }
    }
}
