//! From commits to a record in the journal: checks, staged files, the commit point.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use super::file::{self, current};
use super::record::{Item, Known, Moved, Record, RecordedChange, RecordedCommit};
use super::recover::{self, Finish, Run};
use super::{Commit, Lane, is_absence, log, undo, withdraw};
use crate::error::{Error, IoContext, Result};
use crate::model::{Digest, RelPath};
use crate::system::staged::{self, Durability};
use crate::system::{FileKind, FsTime};

/// Commits that are written but not yet in force. Dropping them removes what was written.
#[must_use = "dropping it discards the commit; publish it"]
pub struct StagedCommit<'a> {
    lane: &'a Lane<'a>,
    /// Also those files that keep their bytes: they must hold still all the same.
    expected: Vec<Expected>,
    record: Record,
    fate: Fate,
}

/// As many files as commits have that are still joined by others: large ones gain nothing from that.
const LARGEST_BATCH: usize = 256;

/// What a file must be for a commit.
struct Expected {
    path: RelPath,
    /// The digest that it must have; `None` when there must be none.
    digest: Option<Digest>,
    /// Whether it moves, whatever its length: then it is worth a look at the clock to read it only once.
    moves: bool,
    /// By what it is known to have that digest without being read again.
    known: Option<Known>,
}

impl Expected {
    fn new(path: &RelPath, digest: Option<Digest>) -> Self {
        Self { path: path.clone(), digest, moves: false, known: None }
    }
}

/// What is to become of the files that were written for a commit.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Nobody needs them.
    Discard,
    /// They are needed to finish or take back a commit that is in the journal, or to undo it.
    Keep,
}

impl Lane<'_> {
    /// Does all changes of a commit or none. Returns its number in the log; `None` where every file has the
    /// wished bytes already and nothing was written.
    ///
    /// [`Error::Conflict`] when a file is not what the commit expects: nothing has changed then. After an
    /// [`Error::Io`] either nothing has changed, or all has, or whoever opens the workspace next makes it so.
    pub fn commit(&mut self, commit: Commit) -> Result<Option<u64>> {
        self.stage(commit)?.publish()
    }

    /// Does several commits in this order, each as [`Lane::commit`] does it: each has its own preconditions, number and
    /// outcome. Those that touch different files share the journal and the waits for the disk.
    pub fn commit_all(&mut self, commits: Vec<Commit>) -> Vec<Result<Option<u64>>> {
        let mut outcomes = Vec::with_capacity(commits.len());
        let mut commits = commits.into_iter().peekable();
        while let Some(first) = commits.next() {
            let mut touched: BTreeSet<RelPath> = named_by(&first).collect();
            let mut batch = vec![first];
            while let Some(next) = commits.next_if(|it| touched.len() < LARGEST_BATCH && is_apart(&touched, it)) {
                touched.extend(named_by(&next));
                batch.push(next);
            }
            outcomes.extend(self.commit_batch(batch));
        }
        outcomes
    }

    /// Does commits that touch different files.
    fn commit_batch(&mut self, batch: Vec<Commit>) -> Vec<Result<Option<u64>>> {
        if batch.len() == 1 {
            return batch.into_iter().map(|it| self.commit(it)).collect();
        }
        match self.publish_together(&batch) {
            // Somebody edited a file of one of them. Which of them can be done each finds out for itself.
            Err(Error::Conflict { .. }) => batch.into_iter().map(|it| self.commit(it)).collect(),
            Err(error) => batch.iter().map(|_| Err(error.repeated())).collect(),
            Ok(outcomes) => outcomes,
        }
    }

    fn publish_together(&mut self, batch: &[Commit]) -> Result<Vec<Result<Option<u64>>>> {
        let mut staged = self.staged()?;
        let mut sequence = log::next_sequence(staged.lane.disk, &staged.lane.home)?;
        let mut outcomes = Vec::with_capacity(batch.len());
        for commit in batch {
            let outcome = staged.add(commit, sequence);
            outcomes.push(outcome.map(|is_change| is_change.then_some(sequence)));
            sequence = sequence.saturating_add(u64::from(matches!(outcomes.last(), Some(Ok(Some(_))))));
        }
        staged.sync()?;
        staged.publish()?;
        Ok(outcomes)
    }

    /// Writes all that a commit needs, without changing anything that others see.
    pub fn stage(&mut self, commit: Commit) -> Result<StagedCommit<'_>> {
        let mut staged = self.staged()?;
        let sequence = log::next_sequence(staged.lane.disk, &staged.lane.home)?;
        staged.add(&commit, sequence)?;
        staged.sync()?;
        Ok(staged)
    }

    /// Returns what commits are added to.
    fn staged(&mut self) -> Result<StagedCommit<'_>> {
        // An earlier commit may have failed after its commit point.
        if recover::read_journal(self.disk, &self.home)?.is_some() {
            recover::recover(self.disk, &self.home)?;
        }
        Ok(StagedCommit { lane: self, expected: Vec::new(), record: Record::default(), fate: Fate::Discard })
    }

    /// Refuses what is no set of changes to files of this workspace.
    fn validate(&self, expected: &[Expected]) -> Result<()> {
        let refuse = |path: &RelPath, problem: &'static str| {
            let source = io::Error::new(io::ErrorKind::InvalidInput, problem);
            Err(Error::Io { action: "write", path: self.home.target(path), source })
        };
        // Sorted by component, a directory comes right before what is in it.
        let mut sorted: Vec<&RelPath> = expected.iter().map(|it| &it.path).collect();
        sorted.sort_by(|a, b| a.as_str().split('/').cmp(b.as_str().split('/')));
        for pair in sorted.windows(2) {
            if pair[0] == pair[1] || pair[0].strip(pair[1].as_str()).is_some() {
                return refuse(pair[1], "changed twice in one commit, or both a file and a directory");
            }
        }
        let root = self.disk.canonicalize(&self.home.root).context("read", &self.home.root)?;
        for path in sorted {
            if path.is_root() || path.as_str().split('/').next() == Some(".packwright") {
                return refuse(path, "not a file that the lane may write");
            }
            if let Some(problem) = self.misplacement(&root, path)? {
                return refuse(path, problem);
            }
        }
        Ok(())
    }

    /// Refuses directories that cannot be made where they are to be.
    fn validate_dirs(&self, dirs: &[RelPath]) -> Result<()> {
        let root = self.disk.canonicalize(&self.home.root).context("read", &self.home.root)?;
        for dir in dirs {
            let target = self.home.target(dir);
            let is_own = dir.as_str().split('/').next() == Some(".packwright");
            let problem = match is_own {
                true => Some("not a directory that the lane may make"),
                // One that is there by now is as good, also if somebody has just made it.
                false => self.misplacement(&root, dir)?.filter(|_| !self.is_dir(&target)),
            };
            if let Some(problem) = problem {
                let source = io::Error::new(io::ErrorKind::InvalidInput, problem);
                return Err(Error::Io { action: "create", path: target, source });
            }
        }
        Ok(())
    }

    fn is_dir(&self, target: &Path) -> bool {
        self.disk.stat(target).is_ok_and(|it| it.kind == FileKind::Dir)
    }

    /// Says why nothing may be written at `path`: some directory above is a file, or leads out of the
    /// workspace, or the path itself is taken by something that is no file.
    fn misplacement(&self, root: &Path, path: &RelPath) -> Result<Option<&'static str>> {
        let target = self.home.target(path);
        match self.disk.stat(&target) {
            Ok(stamp) if stamp.kind != FileKind::File => return Ok(Some("not a regular file")),
            _ => {}
        }
        let mut above = path.parent();
        while let Some(dir) = above {
            let native = self.home.target(&dir);
            match self.disk.canonicalize(&native) {
                Ok(real) if !real.starts_with(root) => return Ok(Some("a link leads out of the workspace")),
                Ok(real) => {
                    let kind = self.disk.stat(&real).context("read", &real)?.kind;
                    return Ok((kind != FileKind::Dir).then_some("a file is where a directory should be"));
                }
                Err(error) if is_absence(&error) => {}
                Err(error) => return Err(error).context("read", &native),
            }
            above = dir.parent();
        }
        Ok(None)
    }

    /// Checks that every file is what is expected, and takes note by what those that move are known from now on.
    fn check_first(&self, expected: &mut [Expected]) -> Result<()> {
        let moves = expected.iter().any(|it| it.moves);
        // The clock is read before any file is: what is not older than this may change unseen after we looked.
        let now = if moves { self.disk.now(&self.home.stage_dir()) } else { FsTime::UNKNOWN };
        for it in expected {
            let target = self.home.target(&it.path);
            let (current, stamp) = if it.moves {
                file::current_stamped(self.disk, &target)?
            } else {
                (current(self.disk, &target)?, None)
            };
            if !current.is(it.digest) {
                return Err(Error::Conflict { path: target });
            }
            it.known = stamp.and_then(|it| Known::of(it, now));
        }
        Ok(())
    }

    /// Checks that every file still is what is expected.
    fn check(&self, expected: &[Expected]) -> Result<()> {
        for it in expected {
            let target = self.home.target(&it.path);
            let is_known = it.known.is_some_and(|known| self.disk.stat(&target).is_ok_and(|it| known.is(&it)));
            if !is_known && !current(self.disk, &target)?.is(it.digest) {
                return Err(Error::Conflict { path: target });
            }
        }
        Ok(())
    }

    /// Returns what a commit does, as the journal tells it: without the changes that would give a file the bytes it has.
    fn record(&self, commit: &Commit, expected: &[Expected], sequence: u64) -> Result<RecordedCommit> {
        let mut recorded = RecordedCommit {
            sequence,
            title: commit.title.clone(),
            command: commit.by.as_ref().unwrap_or(&self.command).clone(),
            time: self.since.clone(),
            undoes: commit.undoes,
            ..RecordedCommit::default()
        };
        let changes = &mut recorded.changes;
        for it in &commit.changes {
            let after = it.content.as_deref().map(Digest::of);
            if after != it.expect {
                changes.push(RecordedChange {
                    path: it.path.clone(),
                    before: it.expect,
                    after,
                    moved: None,
                    known: None,
                });
            }
        }
        let known: BTreeMap<&RelPath, Option<Known>> =
            expected.iter().filter(|it| it.moves).map(|it| (&it.path, it.known)).collect();
        for it in &commit.moves {
            let (digest, known) = (Some(it.expect), known.get(&it.from).copied().flatten());
            let moved = Some(Moved::From(it.from.clone()));
            changes.push(RecordedChange { path: it.to.clone(), before: None, after: digest, moved, known });
            let moved = Some(Moved::To(it.to.clone()));
            changes.push(RecordedChange { path: it.from.clone(), before: digest, after: None, moved, known });
        }
        recorded.made = self.absent_dirs(&recorded, &commit.make)?;
        recorded.emptied.clone_from(&commit.prune);
        // What is in a directory is greater than the directory.
        recorded.emptied.sort_by(|a, b| b.cmp(a));
        Ok(recorded)
    }

    /// Returns the directories that have to be made, those above first.
    fn absent_dirs(&self, commit: &RecordedCommit, make: &[RelPath]) -> Result<Vec<RelPath>> {
        let mut known = BTreeSet::new();
        let mut absent = BTreeSet::new();
        let of_files = commit.items().filter(|it| it.change.before.is_none()).filter_map(|it| it.change.path.parent());
        for dir in of_files.chain(make.iter().cloned()) {
            let mut above = Some(dir);
            while let Some(dir) = above.filter(|it| known.insert(it.clone())) {
                if file::is_absent(self.disk, &self.home.target(&dir))? {
                    absent.insert(dir.clone());
                }
                above = dir.parent();
            }
        }
        Ok(absent.into_iter().collect())
    }

    /// Writes and syncs the new contents of a commit, and keeps the former ones.
    fn write_files(&self, commit: &Commit, recorded: &RecordedCommit) -> Result<()> {
        for item in recorded.items() {
            // Its being there would tell recovery that somebody's file came out.
            let taken = self.home.taken(item);
            if !file::is_absent(self.disk, &taken)? {
                self.disk.remove_file(&taken).context("remove", &taken)?;
            }
        }
        let mut contents = commit.changes.iter().filter(|it| it.content.as_deref().map(Digest::of) != it.expect);
        for item in recorded.items().filter(|it| it.change.moved.is_none()) {
            let content = contents.next().and_then(|it| it.content.as_deref());
            self.write_file(item, content, commit.modes.get(&item.change.path).copied())?;
        }
        Ok(())
    }

    fn write_file(&self, item: Item<'_>, content: Option<&[u8]>, mode: Option<u32>) -> Result<()> {
        let target = self.home.target(&item.change.path);
        let mut mode = mode;
        if item.change.before.is_some() {
            let undo = self.home.undo(item);
            match file::keep(self.disk, &target, &undo) {
                Err(error) if is_absence(&error) => return Err(Error::Conflict { path: target }),
                outcome => outcome.context("write", &undo)?,
            }
            mode = self.disk.stat(&target).ok().map(|it| it.mode);
        }
        if let Some(content) = content {
            let stage = self.home.stage(item);
            file::write(self.disk, &stage, content, mode).context("write", &stage)?;
            // What is needed for `undo` alone is verified when it is used.
            let redo = self.home.redo(item);
            staged::create_anew(self.disk, &redo).and_then(|mut it| it.write_all(content)).context("write", &redo)?;
        }
        Ok(())
    }
}

impl StagedCommit<'_> {
    /// Adds one commit, if it can be done as things are; returns whether it changes anything.
    fn add(&mut self, commit: &Commit, sequence: u64) -> Result<bool> {
        let lane = self.lane;
        let mut expected = expected_by(commit);
        lane.validate(&expected)?;
        // Nothing is written where a file must only hold still, so that it may lie anywhere.
        expected.extend(held_by(commit));
        lane.validate_dirs(&commit.make)?;
        lane.check_first(&mut expected)?;
        let recorded = lane.record(commit, &expected, sequence)?;
        // That a commit had nothing left to take back is news, too.
        let is_change = !recorded.changes.is_empty() || !recorded.made.is_empty() || recorded.undoes.is_some();
        if is_change {
            if let Err(error) = lane.write_files(commit, &recorded) {
                recover::discard_files(lane.disk, &lane.home, &recorded);
                return Err(error);
            }
            self.record.commits.push(recorded);
        }
        self.expected.extend(expected);
        Ok(is_change)
    }

    /// Makes the names durable of all that was written.
    fn sync(&self) -> Result<()> {
        if self.record.commits.is_empty() {
            return Ok(());
        }
        let home = &self.lane.home;
        // The lane's own directory was synced when the lane was taken, and is again with the journal.
        for dir in [home.stage_dir(), home.undo_dir(), home.own(), home.root.clone()] {
            self.lane.disk.sync_dir(&dir).context("sync", &dir)?;
        }
        Ok(())
    }

    /// Checks that what is kept is what there was: somebody may have saved a file and saved it back while it was kept.
    fn check_kept(&self) -> Result<()> {
        let Lane { disk, home, .. } = self.lane;
        for item in self.record.items().filter(|it| it.change.moved.is_none()) {
            let (target, undo) = (home.target(&item.change.path), home.undo(item));
            let Some(before) = item.change.before else { continue };
            if !file::are_one(*disk, &target, &undo) && !file::holds(*disk, &undo, before)? {
                return Err(Error::Conflict { path: target });
            }
        }
        Ok(())
    }

    /// Puts the commit in force; see [`Lane::commit`].
    pub fn publish(mut self) -> Result<Option<u64>> {
        let (disk, home) = (self.lane.disk, &self.lane.home);
        let Some(sequence) = self.record.commits.last().map(|it| it.sequence) else {
            self.lane.check(&self.expected)?;
            return Ok(None);
        };
        let journal = home.journal();
        let entry = staged::stage(disk, &journal, &self.record.encode(), Durability::Synced);
        let entry = entry.context("write", &journal)?;
        self.lane.check(&self.expected)?;
        self.check_kept()?;
        // From here on the commit is in force, unless it is withdrawn.
        self.fate = Fate::Keep;
        if let Err(error) = entry.publish() {
            if withdraw(disk, home).is_ok() {
                self.fate = Fate::Discard;
            }
            return Err(error).context("write", &journal);
        }
        match recover::finish(disk, home, &self.record, Run::First)? {
            Finish::Applied => {
                undo::forget_old(disk, home, sequence);
                Ok(Some(sequence))
            }
            Finish::Refused(path) => Err(Error::Conflict { path: home.target(&path) }),
            Finish::Unwritable(_, error) => Err(error),
        }
    }
}

impl Drop for StagedCommit<'_> {
    fn drop(&mut self) {
        if self.fate == Fate::Discard {
            let Lane { disk, home, .. } = self.lane;
            self.record.commits.iter().for_each(|it| recover::discard_files(*disk, home, it));
        }
    }
}

/// Returns what every file must be that a commit changes.
fn expected_by(commit: &Commit) -> Vec<Expected> {
    let mut expected: Vec<Expected> = commit.changes.iter().map(|it| Expected::new(&it.path, it.expect)).collect();
    for it in &commit.moves {
        expected.push(Expected::new(&it.to, None));
        expected.push(Expected { moves: true, ..Expected::new(&it.from, Some(it.expect)) });
    }
    expected
}

/// Returns what every file must be that a commit goes by and leaves alone.
fn held_by(commit: &Commit) -> impl Iterator<Item = Expected> {
    commit.holds.iter().map(|(path, digest)| Expected::new(path, *digest))
}

/// Returns every file that a commit names.
fn named_by(commit: &Commit) -> impl Iterator<Item = RelPath> {
    expected_by(commit).into_iter().chain(held_by(commit)).map(|it| it.path)
}

/// Returns whether a commit touches no file of these, nothing below one, and no directory of one. Neither does it make or
/// remove directories, in which others of the batch may be about to put something.
fn is_apart(touched: &BTreeSet<RelPath>, commit: &Commit) -> bool {
    let is_near = |a: &RelPath, b: &RelPath| a == b || a.strip(b.as_str()).is_some() || b.strip(a.as_str()).is_some();
    commit.make.is_empty()
        && commit.prune.is_empty()
        && named_by(commit).all(|new| touched.iter().all(|it| !is_near(&new, it)))
}
