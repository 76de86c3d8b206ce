//! A disk that writes down what it is asked, by path, and lets somebody else act right before a question.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use packwright::internals::system::{
    Access, Counters, Dir, DirEntry, Disk, FsTime, Lock, NewFile, OpenFile, RandomFile, Stamp, System,
};

type Notes = Arc<Mutex<Diary>>;
type Action = Box<dyn FnOnce() + Send>;
type Always = Arc<dyn Fn(&'static str) + Send + Sync>;
type Trigger = Box<dyn FnMut(&str, &Path) -> bool + Send>;

#[derive(Default)]
struct Diary {
    notes: Vec<(&'static str, PathBuf)>,
    /// What somebody else does, and before which question.
    action: Option<(Trigger, Action)>,
    /// What happens before every question, which then is not written down.
    always: Option<Always>,
}

/// Passes everything on to another disk and remembers the question.
pub struct Witness {
    disk: Arc<dyn Disk>,
    notes: Notes,
}

impl Witness {
    /// Returns a witness of what `disk` is asked.
    pub fn of(disk: Arc<dyn Disk>) -> Self {
        Self { disk, notes: Notes::default() }
    }

    /// Lets `action` happen right before every question, which are not written down: it is told the verb.
    #[must_use]
    pub fn always(self, action: impl Fn(&'static str) + Send + Sync + 'static) -> Self {
        self.notes.lock().expect("no panic while held").always = Some(Arc::new(action));
        self
    }

    /// Lets `action` happen right before question `nth`, counted from 0.
    #[must_use]
    pub fn before(self, nth: usize, action: impl FnOnce() + Send + 'static) -> Self {
        self.when(nth, |_, _| true, action)
    }

    /// Lets `action` happen right before the `nth` opening of a file, counted from 0.
    #[must_use]
    pub fn before_opening(self, file: PathBuf, nth: usize, action: impl FnOnce() + Send + 'static) -> Self {
        self.when(nth, move |verb, path| verb == "open" && path == file, action)
    }

    fn when(
        self,
        nth: usize,
        question: impl Fn(&str, &Path) -> bool + Send + 'static,
        action: impl FnOnce() + Send + 'static,
    ) -> Self {
        let mut left = nth;
        let due = move |verb: &str, path: &Path| {
            let counts = question(verb, path);
            let due = counts && left == 0;
            left = left.saturating_sub(usize::from(counts));
            due
        };
        self.notes.lock().expect("no panic while held").action = Some((Box::new(due), Box::new(action)));
        self
    }

    /// Returns what was asked so far, in order: a verb and a path each.
    pub fn notes(&self) -> Vec<(&'static str, PathBuf)> {
        self.notes.lock().expect("no panic while held").notes.clone()
    }

    fn note(&self, verb: &'static str, path: &Path) {
        note(&self.notes, verb, path.to_owned());
    }
}

fn note(notes: &Notes, verb: &'static str, path: PathBuf) {
    let mut diary = notes.lock().expect("no panic while held");
    if let Some(always) = diary.always.clone() {
        drop(diary);
        return always(verb);
    }
    let due = diary.action.take_if(|(due, _)| due(verb, &path));
    diary.notes.push((verb, path));
    drop(diary);
    if let Some((_, action)) = due {
        action();
    }
}

impl System for Witness {
    fn open_dir(&self, path: &Path) -> io::Result<Box<dyn Dir>> {
        self.note("open directory", path);
        let dir = self.disk.open_dir(path)?;
        Ok(Box::new(WitnessDir { dir, path: path.to_owned(), notes: self.notes.clone() }))
    }

    fn stat(&self, path: &Path) -> io::Result<Stamp> {
        self.note("stat", path);
        self.disk.stat(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        self.note("open", path);
        self.disk.open(path)
    }

    fn open_random(&self, path: &Path, access: Access) -> io::Result<Arc<dyn RandomFile>> {
        self.note(if access == Access::Read { "open" } else { "open for writing" }, path);
        self.disk.open_random(path, access)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.note("canonicalize", path);
        self.disk.canonicalize(path)
    }

    fn native_path(&self, path: &Path) -> Option<PathBuf> {
        self.disk.native_path(path)
    }

    fn now(&self, dir: &Path) -> FsTime {
        self.note("read the clock in", dir);
        self.disk.now(dir)
    }

    fn boot_id(&self) -> String {
        self.disk.boot_id()
    }

    fn try_lock(&self, path: &Path, shared: bool) -> io::Result<Option<Box<dyn Lock>>> {
        self.note(if shared { "lock shared" } else { "lock" }, path);
        self.disk.try_lock(path, shared)
    }

    fn pause(&self, duration: Duration) {
        self.note("pause", Path::new(""));
        self.disk.pause(duration);
    }

    fn counters(&self) -> &Counters {
        self.disk.counters()
    }
}

impl Disk for Witness {
    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        self.note("create", path);
        self.disk.create(path)
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        self.note("make directory", path);
        self.disk.create_dir_all(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.note("rename to", to);
        self.disk.rename(from, to)
    }

    fn exchange(&self, a: &Path, b: &Path) -> io::Result<()> {
        self.note("exchange", a);
        self.note("exchange", b);
        self.disk.exchange(a, b)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.note("link to", to);
        self.disk.link(from, to)
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.note("sync", path);
        self.disk.sync_file(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.note("sync", path);
        self.disk.sync_dir(path)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        self.note("remove", path);
        self.disk.remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        self.note("remove", path);
        self.disk.remove_dir(path)
    }
}

struct WitnessDir {
    dir: Box<dyn Dir>,
    path: PathBuf,
    notes: Notes,
}

impl WitnessDir {
    fn note(&self, verb: &'static str, path: &Path) {
        let path = if path.as_os_str().is_empty() { self.path.clone() } else { self.path.join(path) };
        note(&self.notes, verb, path);
    }
}

impl Dir for WitnessDir {
    fn stat(&self, path: &Path) -> io::Result<Stamp> {
        self.note("stat", path);
        self.dir.stat(path)
    }

    fn stat_target(&self, path: &Path) -> io::Result<Stamp> {
        self.note("stat target", path);
        self.dir.stat_target(path)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        self.note("open", path);
        self.dir.open(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        self.note("list", path);
        self.dir.list(path)
    }

    fn read_link(&self, path: &Path) -> io::Result<PathBuf> {
        self.note("read link", path);
        self.dir.read_link(path)
    }
}
