//! What every file system here must do alike: the same tests over the real one by fast calls, the real one
//! by portable calls, the one in memory and the faulty one without faults.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use super::faulty::FaultyDisk;
use super::memory::MemorySystem;
use super::os::OsSystem;
use super::{Access, Disk, FileKind, FsTime, read_all};

struct Subject {
    name: &'static str,
    disk: Box<dyn Disk>,
    root: PathBuf,
    /// Whether stamps tell more than size and mtime.
    full_stamps: bool,
    _temp: Option<tempfile::TempDir>,
    memory: Option<MemorySystem>,
}

impl Subject {
    fn real(name: &'static str, disk: OsSystem, full_stamps: bool) -> Self {
        let temp = tempfile::tempdir().expect("a temporary directory");
        let root = disk_root(&temp);
        Self { name, disk: Box::new(disk), root, full_stamps, _temp: Some(temp), memory: None }
    }

    fn memory(name: &'static str, disk: impl Disk + 'static, memory: &MemorySystem) -> Self {
        memory.mkdir("/ws");
        let memory = Some(memory.clone());
        Self { name, disk: Box::new(disk), root: "/ws".into(), full_stamps: true, _temp: None, memory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        self.disk.write_new(&self.path(name), bytes).expect("the file is new");
    }

    #[cfg(unix)]
    fn symlink(&self, text: &str, name: &str) {
        match &self.memory {
            Some(memory) => memory.symlink(text, self.path(name)),
            None => std::os::unix::fs::symlink(text, self.path(name)).expect("the name is free"),
        }
    }

    #[cfg(target_os = "linux")]
    fn mkfifo(&self, name: &str) {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        match &self.memory {
            Some(memory) => memory.mkfifo(self.path(name)),
            None => mknodat(CWD, self.path(name), FileType::Fifo, Mode::RUSR, 0).expect("the name is free"),
        }
    }
}

/// The temporary directory may lie behind a link.
fn disk_root(temp: &tempfile::TempDir) -> PathBuf {
    super::System::canonicalize(&OsSystem::new(), temp.path()).expect("it was just made")
}

fn for_each(check: impl Fn(&Subject)) {
    let memory = MemorySystem::new();
    let faulty = MemorySystem::new();
    let subjects = [
        Subject::real("native", OsSystem::new(), cfg!(unix)),
        Subject::real("portable", OsSystem::portable(), false),
        Subject::memory("memory", memory.clone(), &memory),
        Subject::memory("faulty", FaultyDisk::over(&faulty), &faulty),
    ];
    for subject in &subjects {
        check(subject);
    }
}

fn kind<T>(outcome: std::io::Result<T>) -> Option<ErrorKind> {
    outcome.err().map(|it| it.kind())
}

#[test]
fn files_are_created_read_renamed_and_removed() {
    for_each(|it| {
        let (disk, name) = (&it.disk, it.name);
        it.write("a", b"hello");
        assert_eq!(kind(disk.create(&it.path("a"))), Some(ErrorKind::AlreadyExists), "{name}");
        assert_eq!(disk.read(&it.path("a"), 5).expect("as long as allowed"), b"hello", "{name}");
        assert_eq!(kind(disk.read(&it.path("a"), 4)), Some(ErrorKind::FileTooLarge), "{name}");
        it.write("b", b"replaced");
        disk.rename(&it.path("a"), &it.path("b")).expect("both are files");
        assert_eq!(disk.read(&it.path("b"), 99).expect("it was renamed"), b"hello", "{name}");
        assert_eq!(kind(disk.stat(&it.path("a"))), Some(ErrorKind::NotFound), "{name}");
        disk.sync_dir(&it.root).expect("a directory can be synced");
        disk.remove_file(&it.path("b")).expect("it is there");
        assert_eq!(kind(disk.remove_file(&it.path("b"))), Some(ErrorKind::NotFound), "{name}");
    });
}

#[test]
fn names_are_swapped_at_once_or_not_at_all() {
    for_each(|it| {
        let (disk, name) = (&it.disk, it.name);
        it.write("a", b"one");
        it.write("b", b"two");
        let contents = || ["a", "b"].map(|path| disk.read(&it.path(path), 99).expect("it is there"));
        match disk.exchange(&it.path("a"), &it.path("b")) {
            Ok(()) => assert_eq!(contents(), [b"two", b"one"], "{name}"),
            Err(error) => {
                assert_eq!(
                    (error.kind(), contents()),
                    (ErrorKind::Unsupported, [b"one".into(), b"two".into()]),
                    "{name}"
                );
                return;
            }
        }
        assert_eq!(kind(disk.exchange(&it.path("a"), &it.path("c"))), Some(ErrorKind::NotFound), "{name}");
        disk.create_dir_all(&it.path("d")).expect("free");
        disk.exchange(&it.path("a"), &it.path("d")).expect("directories too");
        assert_eq!(disk.read(&it.path("d"), 99).expect("it is there"), b"two", "{name}");
    });
}

#[test]
fn directories_are_made_listed_and_removed() {
    for_each(|it| {
        let (disk, name) = (&it.disk, it.name);
        disk.create_dir_all(&it.path("d/e")).expect("nothing is in the way");
        disk.create_dir_all(&it.path("d/e")).expect("there already");
        it.write("d/f", b"");
        let dir = disk.open_dir(&it.root).expect("it is a directory");
        let mut entries = dir.list(Path::new("d")).expect("it is a directory");
        entries.sort();
        let seen: Vec<_> = entries.iter().map(|it| (it.name.to_str().expect("ASCII"), it.kind)).collect();
        assert_eq!(seen, [("e", FileKind::Dir), ("f", FileKind::File)], "{name}");
        assert_eq!(dir.list(Path::new("")).expect("itself").len(), 1, "{name}");
        assert_eq!(kind(dir.list(Path::new("d/f"))), Some(ErrorKind::NotADirectory), "{name}");
        assert_eq!(kind(dir.list(Path::new("d/x"))), Some(ErrorKind::NotFound), "{name}");
        assert_eq!(kind(disk.open_dir(&it.path("d/f"))), Some(ErrorKind::NotADirectory), "{name}");
        assert_eq!(kind(disk.remove_dir(&it.path("d"))), Some(ErrorKind::DirectoryNotEmpty), "{name}");
        disk.remove_dir(&it.path("d/e")).expect("it is empty");
        assert_eq!(kind(disk.create_dir_all(&it.path("d/f/g"))), Some(ErrorKind::NotADirectory), "{name}");
        assert_eq!(kind(disk.create(&it.path("x/y"))), Some(ErrorKind::NotFound), "{name}");
    });
}

#[test]
fn stamps_by_handle_and_by_path_agree() {
    for_each(|it| {
        let (disk, name) = (&it.disk, it.name);
        disk.create_dir_all(&it.path("d")).expect("nothing is in the way");
        it.write("d/f", b"12345");
        let dir = disk.open_dir(&it.root).expect("it is a directory");
        let stamp = disk.stat(&it.path("d/f")).expect("it is there");
        assert_eq!((stamp.kind, stamp.size), (FileKind::File, 5), "{name}");
        assert_eq!(dir.stat(Path::new("d/f")).expect("the same"), stamp, "{name}");
        assert_eq!(dir.stat_target(Path::new("d/f")).expect("the same"), stamp, "{name}");
        assert_eq!(dir.open(Path::new("d/f")).and_then(|it| it.stat()).expect("the same"), stamp, "{name}");
        assert_eq!(dir.stat(Path::new("")).expect("itself"), disk.stat(&it.root).expect("itself"), "{name}");
        assert_eq!(stamp.inode != 0 && stamp.ctime_ns != 0, it.full_stamps, "{name}");
    });
}

#[test]
#[cfg(unix)]
fn links_are_told_from_what_they_lead_to() {
    for_each(|it| {
        let (disk, name) = (&it.disk, it.name);
        disk.create_dir_all(&it.path("d")).expect("nothing is in the way");
        it.write("d/f", b"12345");
        it.symlink("../d/./f", "d/link");
        it.symlink("d", "dir");
        it.symlink("loop", "loop");
        let absolute = it.path("d/f");
        it.symlink(absolute.to_str().expect("ASCII"), "absolute");
        let dir = disk.open_dir(&it.root).expect("it is a directory");
        assert_eq!(dir.stat(Path::new("d/link")).expect("a link").kind, FileKind::Link, "{name}");
        for path in ["d/link", "dir/link", "absolute", "d/f"] {
            let path = Path::new(path);
            assert_eq!(dir.stat_target(path).expect("it leads to the file").size, 5, "{name}");
            let file = dir.open(path).expect("it leads to the file");
            assert_eq!(read_all(&*file, 9).expect("five bytes"), b"12345", "{name}");
        }
        assert_eq!(dir.read_link(Path::new("d/link")).expect("a link"), Path::new("../d/./f"), "{name}");
        assert_eq!(kind(dir.read_link(Path::new("d/f"))), Some(ErrorKind::InvalidInput), "{name}");
        assert_eq!(disk.canonicalize(&it.path("dir/link")).expect("all exists"), it.path("d/f"), "{name}");
        assert_eq!(disk.canonicalize(&it.path("dir")).expect("all exists"), it.path("d"), "{name}");
        let error = dir.stat_target(Path::new("loop")).expect_err("it leads nowhere");
        assert_eq!(error.raw_os_error(), Some(rustix::io::Errno::LOOP.raw_os_error()), "{name}");
    });
}

#[test]
#[cfg(target_os = "linux")]
fn a_fifo_blocks_nobody() {
    for_each(|it| {
        it.mkfifo("fifo");
        let dir = it.disk.open_dir(&it.root).expect("it is a directory");
        assert_eq!(dir.stat(Path::new("fifo")).expect("it is there").kind, FileKind::Other, "{}", it.name);
        let outcome = dir.open(Path::new("fifo")).and_then(|it| it.read_at(&mut [0], 0));
        assert!(outcome.is_err(), "{}: there is nothing to read", it.name);
    });
}

#[test]
fn random_files_read_and_write_in_place() {
    for_each(|it| {
        let (disk, path, name) = (&it.disk, it.path("db"), it.name);
        assert_eq!(kind(disk.open_random(&path, Access::Read)), Some(ErrorKind::NotFound), "{name}");
        let file = disk.open_random(&path, Access::Write).expect("created");
        file.write_all_at(b"world", 3).expect("beyond the end");
        file.write_all_at(b"hi", 0).expect("before");
        file.set_len(7).expect("shorter");
        file.sync().expect("synced");
        let reader = disk.open_random(&path, Access::Read).expect("it is there");
        let mut bytes = [9; 7];
        reader.read_exact_at(&mut bytes, 0).expect("seven bytes");
        assert_eq!((&bytes, reader.len().expect("a length")), (b"hi\0worl", 7), "{name}");
        assert_eq!(kind(reader.read_exact_at(&mut bytes, 1)), Some(ErrorKind::UnexpectedEof), "{name}");
        assert!(reader.write_all_at(b"x", 0).is_err(), "{name}: opened for reading");
        disk.open_random(&path, Access::Write).expect("there").sync().expect("synced");
        assert_eq!(reader.len().expect("a length"), 7, "{name}: opening for writing keeps what is there");
    });
}

#[test]
fn locks_exclude_and_describe_their_holder() {
    for_each(|it| {
        let (disk, path, name) = (&it.disk, it.path("lock"), it.name);
        let lock = |shared| disk.try_lock(&path, shared).expect("the file can be made");
        let held = lock(false).expect("free");
        assert!(lock(false).is_none() && lock(true).is_none(), "{name}");
        held.describe("a long text").expect("it is ours");
        held.describe("short").expect("it is ours");
        drop(held);
        assert_eq!(disk.read(&path, 99).expect("never removed"), b"short", "{name}");
        let (one, two) = (lock(true).expect("free"), lock(true).expect("shared"));
        assert!(lock(false).is_none(), "{name}");
        drop(one);
        assert!(lock(false).is_none(), "{name}: the second still holds it");
        drop(two);
        assert!(lock(false).is_some(), "{name}");
        assert_eq!(disk.read(&path, 99).expect("kept"), b"short", "{name}: locking changes nothing");
    });
}

#[test]
fn the_clock_leaves_no_file_and_runs_with_the_files() {
    for_each(|it| {
        let (disk, name) = (&it.disk, it.name);
        it.write("f", b"");
        let now = disk.now(&it.root);
        let stamp = disk.stat(&it.path("f")).expect("it is there");
        assert!(stamp.is_racy(now), "{name}: written a moment ago");
        assert!(now.granularity_ns >= 1_000_000, "{name}");
        let dir = disk.open_dir(&it.root).expect("it is a directory");
        assert_eq!(dir.list(Path::new("")).expect("itself").len(), 1, "{name}");
        assert_eq!(disk.now(&it.path("absent")), FsTime::UNKNOWN, "{name}");
    });
}

#[test]
fn everything_is_counted() {
    for_each(|it| {
        let disk = &it.disk;
        let before = disk.counters().counts();
        it.write("f", b"12345");
        let dir = disk.open_dir(&it.root).expect("it is a directory");
        let _ = (dir.stat(Path::new("f")), dir.stat_target(Path::new("absent")), disk.stat(&it.root));
        let _ = dir.list(Path::new(""));
        let mut buf = [0; 3];
        let read = dir.open(Path::new("f")).and_then(|it| it.read_at(&mut buf, 3));
        assert_eq!(read.expect("two bytes are left"), 2, "{}", it.name);
        let random = disk.open_random(&it.path("f"), Access::Write).expect("it is there");
        random.write_all_at(b"x", 0).and_then(|()| random.sync()).expect("written");
        disk.sync_dir(&it.root).expect("synced");
        disk.rename(&it.path("f"), &it.path("g")).expect("renamed");
        disk.remove_file(&it.path("g")).expect("removed");
        drop(dir); // It counts for itself while it is open.
        let counts = disk.counters().counts().since(before);
        let expected = super::Counts {
            stats: 3,
            lists: 1,
            opens: 1,
            bytes_read: 2,
            databases_opened_for_writing: 1,
            files_written: 1,
            bytes_written: 6,
            renames: 1,
            removes: 1,
            syncs: 2,
        };
        assert_eq!(counts, expected, "{}", it.name);
        assert_eq!(disk.counters().stats.load(Ordering::Relaxed), disk.counters().counts().stats);
    });
}

#[test]
fn a_directory_is_listed_anew_each_time() {
    for_each(|it| {
        let dir = it.disk.open_dir(&it.root).expect("it is a directory");
        for n in 0..3 {
            assert_eq!(dir.list(Path::new("")).expect("itself").len(), n, "{}", it.name);
            it.write(&format!("f{n}"), b"");
        }
    });
}

#[test]
fn a_scratch_file_has_no_name() {
    for_each(|it| {
        let scratch = match it.disk.scratch(&it.root) {
            Err(error) => {
                assert!(it.memory.is_some() && error.kind() == ErrorKind::Unsupported, "{}: {error}", it.name);
                return;
            }
            Ok(scratch) => scratch,
        };
        let dir = it.disk.open_dir(&it.root).expect("it is a directory");
        assert_eq!(dir.list(Path::new("")).expect("itself"), [], "{}", it.name);
        let mut buf = [0; 2];
        scratch.write_all_at(b"12345", 3).and_then(|()| scratch.read_exact_at(&mut buf, 5)).expect("it is ours");
        assert_eq!((&buf, it.disk.scratch(&it.path("absent")).is_err()), (b"34", true), "{}", it.name);
    });
}

#[test]
fn only_the_real_one_has_native_paths() {
    for_each(|it| {
        let native = it.disk.native_path(&it.root);
        assert_eq!(native, it.memory.is_none().then(|| it.root.clone()), "{}", it.name);
    });
}
