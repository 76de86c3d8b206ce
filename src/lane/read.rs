//! Reading authoring files while somebody commits, or after somebody died doing so. Never waits for the
//! lock, never writes.
//!
//! A reader that finds a journal decides like recovery what will become of it, and reads the files that
//! recovery has yet to write from where they lie ready. Files that belong together are read together, and
//! again if anything was committed meanwhile. Who looks at all of a workspace does so by a [`Sight`]: a disk that shows
//! what will be.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::record::{Decoded, Direction, Item, Moved, Record, Standing, direction};
use super::recover::{is_logged, lone_dirs, read_journal, standing, unknown_version};
use super::{BTreeMap, FILE_LIMIT, Home, PathBuf, holder, io, is_absence};
use crate::error::{Error, IoContext, Result};
use crate::model::{Digest, RelPath};
use crate::system::overlay::{OverlaidDisk, Shown};
use crate::system::{Disk, Stamp, System};

/// What a reader takes in place of some files: the bytes at the first of these paths that is there, or no file.
type Overlay = BTreeMap<RelPath, Vec<PathBuf>>;

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
    let home = Home::new(root);
    let (mut pause, mut waited) = (Duration::from_millis(1), Duration::ZERO);
    while is_held(disk, &home) && waited < wait {
        disk.pause(pause);
        waited += pause;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Returns whether somebody is known to hold the lane.
fn is_held(sys: &dyn System, home: &Home) -> bool {
    let lock = home.lock();
    sys.stat(&lock).is_ok() && matches!(sys.try_lock(&lock, true), Ok(None))
}

/// A workspace as it is at one moment: in the middle of a commit as it will be after it, or, where the commit will have to
/// be taken back, as it was before.
pub struct Sight {
    disk: Arc<dyn Disk>,
    home: Home,
    moment: Moment,
    direction: Direction,
    shown: Option<Arc<dyn Disk>>,
}

impl Sight {
    /// Looks at the lane of the workspace at `root`. Waits for nobody, but where a person edited a file that somebody is
    /// committing at this very moment: whether that goes on or is taken back is known when it is done.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] where that takes too long; [`Error::Io`], also where somebody commits without pause.
    pub fn of(disk: &Arc<dyn Disk>, root: &Path) -> Result<Self> {
        let home = Home::new(root);
        let mut pause = Duration::from_millis(1);
        let mut is_in_doubt = false;
        for _ in 0..TRIES {
            let before = moment(&**disk, root)?;
            if before.is_quiet() {
                let disk = disk.clone();
                return Ok(Self { disk, home, moment: before, direction: Direction::Forward, shown: None });
            }
            let view = View::of(&**disk, &home)?;
            is_in_doubt = view.direction == Direction::Back && is_held(&**disk, &home);
            // While nothing moves, what was seen was there all at once.
            if moment(&**disk, root)? == before && !is_in_doubt {
                let direction = view.direction;
                let shown = Some(view.shown_on(disk, &home));
                return Ok(Self { disk: disk.clone(), home, moment: before, direction, shown });
            }
            disk.pause(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        match is_in_doubt {
            true => Err(Error::Busy { what: "the lane".to_owned(), holder: holder(&**disk, &home.lock()) }),
            false => Err(without_pause(root)),
        }
    }

    /// Returns the disk by which the workspace is to be read. It cannot be written in the middle of a commit.
    pub fn disk(&self) -> &Arc<dyn Disk> {
        self.shown.as_ref().unwrap_or(&self.disk)
    }

    /// Returns whether nobody was in the middle of a commit.
    pub fn is_quiet(&self) -> bool {
        self.moment.is_quiet()
    }

    /// Returns whether what was read by way of this was of one moment, up to now: nothing was committed meanwhile, and no
    /// commit turned out to be taken back.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn stands(&self) -> Result<bool> {
        let is_same = moment(&*self.disk, &self.home.root)? == self.moment;
        if !is_same || self.is_quiet() {
            return Ok(is_same);
        }
        let is_same_way = View::of(&*self.disk, &self.home)?.direction == self.direction;
        Ok(is_same_way && moment(&*self.disk, &self.home.root)? == self.moment)
    }
}

fn without_pause(root: &Path) -> Error {
    let source = io::Error::other("somebody commits without pause");
    Error::Io { action: "read", path: root.to_owned(), source }
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
    Err(without_pause(root))
}

/// Reads one file like [`read_through`].
pub fn read_file_through(sys: &dyn System, root: &Path, path: &RelPath) -> Result<Option<Vec<u8>>> {
    let mut files = read_through(sys, root, std::slice::from_ref(path))?;
    Ok(files.pop().flatten())
}

/// How the workspace is to be seen through a journal.
pub(super) struct View {
    direction: Direction,
    overlay: Overlay,
    /// Directories that go if nothing is left in them.
    emptied: Vec<RelPath>,
    /// Directories that come although nothing is in them.
    made: Vec<RelPath>,
    /// What each file of the journal's record must turn out to be; edited ones may be anything.
    digests: BTreeMap<RelPath, Option<Digest>>,
}

impl View {
    pub fn of(sys: &dyn System, home: &Home) -> Result<Self> {
        match read_journal(sys, home)?.map(|it| Record::decode(&it)) {
            None | Some(Decoded::Damaged) => Ok(Self::plain(Direction::Forward)),
            // All is in place.
            Some(Decoded::Record(record)) if is_logged(sys, home, &record)? => Ok(Self::plain(Direction::Forward)),
            Some(Decoded::Record(record)) => Self::through(sys, home, &record),
            Some(Decoded::Foreign) => Err(unknown_version(&home.journal())),
        }
    }

    fn plain(direction: Direction) -> Self {
        Self { direction, overlay: Overlay::new(), emptied: Vec::new(), made: Vec::new(), digests: BTreeMap::new() }
    }

    /// Returns a disk that shows it.
    fn shown_on(self, disk: &Arc<dyn Disk>, home: &Home) -> Arc<dyn Disk> {
        let files = self.overlay.into_iter().map(|(path, ready)| (home.target(&path), ready)).collect();
        let [emptied, made] = [&self.emptied, &self.made].map(|it| it.iter().map(|it| home.target(it)).collect());
        let shown = Shown { files, emptied, made };
        Arc::new(OverlaidDisk::over(disk.clone(), &home.root, home.own(), shown))
    }

    fn through(sys: &dyn System, home: &Home, record: &Record) -> Result<Self> {
        let standings: Vec<Standing> = record.items().map(|it| settled(sys, home, it)).collect::<Result<_>>()?;
        let mut view = Self::plain(direction(&standings));
        let is_forward = view.direction == Direction::Forward;
        for (item, standing) in record.items().zip(standings).filter(|it| it.1 != Standing::Edited) {
            let change = item.change;
            if standing == Standing::Taken {
                view.overlay.insert(change.path.clone(), vec![home.taken(item), home.target(&change.path)]);
                continue;
            }
            let (digest, kept) = match is_forward {
                true => (change.after, home.stage(item)),
                false => (change.before, home.undo(item)),
            };
            let is_done = matches!(standing, Standing::Done | Standing::Overwritten);
            // A moved file is whatever somebody made of it under its new name.
            let is_theirs =
                is_done && matches!(change.moved, Some(Moved::From(_))) || standing == Standing::Overwritten;
            if !is_theirs {
                view.digests.insert(change.path.clone(), digest);
            }
            let target = home.target(&change.path);
            let is_in_place = is_forward == is_done;
            let places = match &change.moved {
                _ if digest.is_none() => Vec::new(),
                // A moved file that does not have the one name has the other, also if it is taken back after all.
                Some(Moved::From(other) | Moved::To(other)) if is_in_place => vec![target, home.target(other)],
                Some(Moved::From(other) | Moved::To(other)) => vec![home.target(other), target],
                None if is_in_place => continue,
                // Where it lies ready, until it is put in place.
                None => vec![kept, target],
            };
            view.overlay.insert(change.path.clone(), places);
        }
        let commits = record.commits.iter();
        if is_forward {
            view.emptied = commits.flat_map(|it| &it.emptied).cloned().collect();
            view.made = lone_dirs(record).cloned().collect();
        } else {
            view.emptied = commits.flat_map(|it| &it.made).cloned().collect();
        }
        Ok(view)
    }

    /// Reads files; `None` where the journal's have moved on meanwhile.
    fn read(&self, sys: &dyn System, home: &Home, paths: &[RelPath]) -> Result<Option<Vec<Option<Vec<u8>>>>> {
        let mut files = Vec::with_capacity(paths.len());
        for path in paths {
            let bytes = match self.overlay.get(path) {
                Some(places) => read_first_there(sys, places)?,
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

/// Looks at one file of a record while somebody may be applying it. What is between two states then is looked at again.
fn settled(sys: &dyn System, home: &Home, item: Item<'_>) -> Result<Standing> {
    match standing(sys, home, item)? {
        Standing::Edited | Standing::Stuck | Standing::Taken => standing(sys, home, item),
        standing => Ok(standing),
    }
}

fn read_first_there(sys: &dyn System, places: &[PathBuf]) -> Result<Option<Vec<u8>>> {
    for place in places {
        if let Some(bytes) = read_if_there(sys, place)? {
            return Ok(Some(bytes));
        }
    }
    Ok(None)
}

fn read_if_there(sys: &dyn System, path: &Path) -> Result<Option<Vec<u8>>> {
    match sys.read(path, FILE_LIMIT) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => Err(error).context("read", path),
    }
}
