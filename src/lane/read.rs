//! Reading authoring files while somebody commits, or after somebody died doing so. Never waits for the
//! lock, never writes.
//!
//! A reader that finds a journal decides like recovery what will become of it, and reads the files that
//! recovery has yet to write from where they lie ready. Files that belong together are read together, and
//! again if anything was committed meanwhile.

use std::path::Path;
use std::time::Duration;

use super::record::{Decoded, Direction, Moved, Record, Standing, direction};
use super::recover::{read_journal, standings, unknown_version};
use super::{BTreeMap, FILE_LIMIT, Home, PathBuf, io, is_absence};
use crate::error::{Error, IoContext, Result};
use crate::model::{Digest, RelPath};
use crate::system::{Disk, Stamp, System};

/// What a reader takes in place of some files: the bytes at another path, or no file.
pub type Overlay = BTreeMap<RelPath, Option<PathBuf>>;

/// Tells one state of the lane from another: where two are equal, nothing was committed between.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Moment {
    journal: Option<Digest>,
    log_len: u64,
    /// Moves with every journal that comes or goes, also of a commit that was taken back.
    dir: Option<Stamp>,
}

/// How often files are read again that change all the time.
const TRIES: u32 = 50;
const LONGEST_PAUSE: Duration = Duration::from_millis(64);

/// Returns the lane's present moment.
pub fn moment(sys: &dyn System, root: &Path) -> Result<Moment> {
    let home = Home::new(root);
    let journal = read_journal(sys, &home)?.map(|it| Digest::of(&it));
    let stamp = |path: &Path| match sys.stat(path) {
        Ok(stamp) => Ok(Some(stamp)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(error).context("read", path),
    };
    let log_len = stamp(&home.log())?.map_or(0, |it| it.size);
    Ok(Moment { journal, log_len, dir: stamp(&home.dir())? })
}

impl Moment {
    /// Returns whether nobody is in the middle of a commit.
    pub fn is_quiet(&self) -> bool {
        self.journal.is_none()
    }
}

/// Returns the lane's present moment; while a commit is being applied, waits for its end for up to `wait`.
///
/// Whoever looks at the files of a workspace one by one begins with this, and has seen no half of a commit if the moment
/// is the same in the end.
pub fn quiet_moment(sys: &dyn System, root: &Path, wait: Duration) -> Result<Moment> {
    let (mut pause, mut waited) = (Duration::from_millis(1), Duration::ZERO);
    loop {
        let moment = moment(sys, root)?;
        if moment.is_quiet() || waited >= wait {
            return Ok(moment);
        }
        sys.pause(pause);
        waited += pause;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Waits until nobody holds the lane, for up to `wait`: for those whom a commit disturbed, and who begin again.
///
/// Where that cannot be asked, in a workspace that is read-only or has no locks, it is not waited for.
pub fn wait_until_free(disk: &dyn Disk, root: &Path, wait: Duration) {
    let lock = Home::new(root).lock();
    let (mut pause, mut waited) = (Duration::from_millis(1), Duration::ZERO);
    while disk.stat(&lock).is_ok() && matches!(disk.try_lock(&lock, true), Ok(None)) && waited < wait {
        disk.pause(pause);
        waited += pause;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Returns what a reader must read in place of the files themselves; empty where no commit is under way.
///
/// The paths are good for as long as [`moment`] stays the same and what they hold is verified, which
/// [`read_through`] does.
pub fn journal_overlay(sys: &dyn System, root: &Path) -> Result<Overlay> {
    let view = View::of(sys, &Home::new(root))?;
    Ok(view.overlay)
}

/// Reads files of the workspace as of one moment, each `None` where there is no such file.
///
/// Files that a commit changes are seen all as before it or all as after it.
pub fn read_through(sys: &dyn System, root: &Path, paths: &[RelPath]) -> Result<Vec<Option<Vec<u8>>>> {
    let home = Home::new(root);
    let mut pause = Duration::from_millis(1);
    for _ in 0..TRIES {
        let before = moment(sys, root)?;
        let files = View::of(sys, &home)?.read(sys, &home, paths)?;
        if let Some(files) = files
            && moment(sys, root)? == before
        {
            return Ok(files);
        }
        sys.pause(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    let source = io::Error::other("somebody commits without pause");
    Err(Error::Io { action: "read", path: root.to_owned(), source })
}

/// Reads one file like [`read_through`].
pub fn read_file_through(sys: &dyn System, root: &Path, path: &RelPath) -> Result<Option<Vec<u8>>> {
    let mut files = read_through(sys, root, std::slice::from_ref(path))?;
    Ok(files.pop().flatten())
}

/// How the workspace is to be seen through a journal.
#[derive(Default)]
struct View {
    overlay: Overlay,
    /// What each file of the journal's record must turn out to be; edited ones may be anything.
    digests: BTreeMap<RelPath, Option<Digest>>,
}

impl View {
    fn of(sys: &dyn System, home: &Home) -> Result<Self> {
        let Some(bytes) = read_journal(sys, home)? else { return Ok(Self::default()) };
        match Record::decode(&bytes) {
            Decoded::Record(record) => Self::through(sys, home, &record),
            Decoded::Damaged => Ok(Self::default()),
            Decoded::Foreign => Err(unknown_version(&home.journal())),
        }
    }

    fn through(sys: &dyn System, home: &Home, record: &Record) -> Result<Self> {
        let standings = standings(sys, home, record)?;
        let direction = direction(&standings);
        let mut view = Self::default();
        for (item, standing) in record.items().zip(standings) {
            if standing == Standing::Edited {
                continue;
            }
            let change = item.change;
            let (digest, kept) = match direction {
                Direction::Forward => (change.after, home.stage(item)),
                Direction::Back => (change.before, home.undo(item)),
            };
            // A moved file that does not have the one name has the other.
            let ready = match &change.moved {
                Some(Moved::From(other) | Moved::To(other)) => home.target(other),
                None => kept,
            };
            // A moved file is whatever somebody made of it under its new name.
            if !(standing == Standing::Done && matches!(change.moved, Some(Moved::From(_)))) {
                view.digests.insert(change.path.clone(), digest);
            }
            if matches!(
                (direction, standing),
                (Direction::Forward, Standing::Pending) | (Direction::Back, Standing::Done)
            ) {
                view.overlay.insert(change.path.clone(), digest.map(|_| ready));
            }
        }
        Ok(view)
    }

    /// Reads files; `None` where the journal's have moved on meanwhile.
    fn read(&self, sys: &dyn System, home: &Home, paths: &[RelPath]) -> Result<Option<Vec<Option<Vec<u8>>>>> {
        let mut files = Vec::with_capacity(paths.len());
        for path in paths {
            let bytes = match self.overlay.get(path) {
                Some(None) => None,
                Some(Some(ready)) => read_if_there(sys, ready)?,
                None => read_if_there(sys, &home.target(path))?,
            };
            let expected = self.digests.get(path);
            if expected.is_some_and(|it| *it != bytes.as_deref().map(Digest::of)) {
                return Ok(None);
            }
            files.push(bytes);
        }
        Ok(Some(files))
    }
}

fn read_if_there(sys: &dyn System, path: &Path) -> Result<Option<Vec<u8>>> {
    match sys.read(path, FILE_LIMIT) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(error).context("read", path),
    }
}
