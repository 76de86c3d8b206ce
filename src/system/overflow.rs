//! Files without a name for bytes that memory has no room for. Nobody else can open them, so that what is read from
//! them is no more verified than what the system swaps. What is asked for in the order in which it was kept is read
//! many pieces at once.
//!
//! There is one file for every few megabytes: one of which everything was used is closed at once, and what is written
//! next, the pack, takes its place in memory, which costs less than memory that nobody had before. Knows nothing of
//! what the bytes are.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Bytes, Disk, RandomFile};

/// Bounded room in files.
pub struct Overflow {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    state: Mutex<State>,
    /// What was read ahead for each of a few threads.
    ahead: [Mutex<Ahead>; READERS],
}

#[derive(Default)]
struct State {
    /// In order of their making; `None` once it was closed.
    files: Vec<Option<Scratch>>,
    /// How many bytes there is room for.
    room: u64,
}

struct Scratch {
    file: Arc<dyn RandomFile>,
    /// How much of it is given out to be written, and how much is written.
    end: u64,
    written: u64,
    /// How many of the written bytes will be asked for.
    wanted: u64,
}

/// Where bytes lie: in which file, and from where on, in bytes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Spot {
    pub file: u32,
    pub start: u32,
}

/// What one thread read of a file, more than it was asked for.
#[derive(Default)]
struct Ahead {
    spot: Spot,
    buffer: Arc<Vec<u8>>,
    /// Where in the file the next question is expected.
    next: u64,
    /// How much is read when it comes.
    len: usize,
}

/// A file takes no more once it holds so many bytes.
const FULL: u64 = 8 << 20;
/// Threads that read ahead each for themselves; of more, some share.
const READERS: usize = 16;
/// How much is read ahead, at first and at most, in bytes.
const AHEAD: Range<usize> = 16 << 10..128 << 10;
/// What is passed over between two questions that still follow one another, in bytes.
const GAP: u64 = 16 << 10;

impl Overflow {
    /// Returns room for so many bytes in files in `dir`, none of which is made yet.
    pub fn new(disk: Arc<dyn Disk>, dir: PathBuf, room: u64) -> Self {
        Self { disk, dir, state: Mutex::new(State { files: Vec::new(), room }), ahead: Default::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether so many bytes more would be kept, as far as can be told.
    pub fn has_room(&self, len: usize) -> bool {
        let mut state = self.state();
        state.room >= len as u64 && (!state.files.is_empty() || state.add(&*self.disk, &self.dir).is_some())
    }

    /// Writes bytes down and returns where. `None` where there is no room, or no file to be had.
    pub fn write(&self, bytes: &[u8]) -> Option<Spot> {
        let len = bytes.len() as u64;
        let (file, spot) = self.state().take(&*self.disk, &self.dir, len)?;
        let is_written = file.write_all_at(bytes, spot.start.into()).is_ok();
        // What is given out and never written keeps others from reading ahead in this file, and it open.
        if is_written && let Some(Some(scratch)) = self.state().files.get_mut(spot.file as usize) {
            scratch.written += len;
        }
        is_written.then_some(spot)
    }

    /// Takes note that so many of the bytes that were written there will be asked for.
    pub fn want(&self, spot: Spot, len: usize) {
        if let Some(Some(scratch)) = self.state().files.get_mut(spot.file as usize) {
            scratch.wanted += len as u64;
        }
    }

    /// Returns `len` bytes that were written. `None` where they cannot be had any more.
    pub fn read(&self, spot: Spot, len: usize) -> Option<Bytes> {
        let reader = rayon::current_thread_index().unwrap_or(0) % READERS;
        let Ok(mut ahead) = self.ahead[reader].try_lock() else {
            return self.read_exact(spot, len, Vec::new()).map(Bytes::from);
        };
        let (start, end) = (u64::from(spot.start), u64::from(spot.start) + len as u64);
        if let Some(bytes) = ahead.part(spot, len) {
            ahead.next = end;
            return Some(bytes);
        }
        let follows = ahead.spot.file == spot.file && ahead.next <= start && start - ahead.next <= GAP;
        let more = if follows { (2 * ahead.len).clamp(AHEAD.start, AHEAD.end) } else { len };
        let settled = usize::try_from(self.settled(spot.file).saturating_sub(start)).unwrap_or(usize::MAX);
        let len_read = more.min(settled).max(len);
        // Mostly nobody holds a part of what was read before any more, and its buffer takes the next.
        let buffer = Arc::try_unwrap(std::mem::take(&mut *ahead).buffer).unwrap_or_default();
        let buffer = Arc::new(self.read_exact(spot, len_read, buffer)?);
        *ahead = Ahead { spot, buffer, next: end, len: len_read };
        ahead.part(spot, len)
    }

    /// Takes note that `len` of the bytes that were wanted are not any more. A file of which none is wanted is closed.
    pub fn spend(&self, spot: Spot, len: usize) {
        let mut state = self.state();
        let Some(place) = state.files.get_mut(spot.file as usize) else { return };
        let Some(scratch) = place else { return };
        scratch.wanted = scratch.wanted.saturating_sub(len as u64);
        if scratch.wanted > 0 || scratch.end < FULL {
            return;
        }
        let closed = place.take();
        drop(state);
        // To close a long file takes a while, and nobody need wait for it.
        drop(closed);
    }

    /// Takes no more.
    pub fn seal(&self) {
        self.state().room = 0;
    }

    /// Closes all files.
    pub fn close(&self) {
        let files = std::mem::take(&mut *self.state()).files;
        drop(files);
        self.ahead.iter().for_each(|it| *it.lock().unwrap_or_else(PoisonError::into_inner) = Ahead::default());
    }

    /// Returns up to where a file holds what it is to hold; 0 while somebody writes to it, or once that failed.
    fn settled(&self, file: u32) -> u64 {
        let state = self.state();
        let scratch = state.files.get(file as usize).and_then(Option::as_ref);
        scratch.filter(|it| it.end == it.written).map_or(0, |it| it.written)
    }

    /// Returns what lies somewhere, in `bytes`, whatever was in there.
    fn read_exact(&self, spot: Spot, len: usize, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
        let file = self.state().files.get(spot.file as usize)?.as_ref()?.file.clone();
        bytes.resize(len, 0);
        file.read_exact_at(&mut bytes, spot.start.into()).ok()?;
        Some(bytes)
    }
}

impl State {
    /// Makes another file, if one can be had.
    fn add(&mut self, disk: &dyn Disk, dir: &Path) -> Option<&mut Scratch> {
        let Ok(file) = disk.scratch(dir) else {
            // Nobody asks for one again.
            self.room = 0;
            return None;
        };
        self.files.push(Some(Scratch { file, end: 0, written: 0, wanted: 0 }));
        self.files.last_mut()?.as_mut()
    }

    /// Gives out room for so many bytes.
    fn take(&mut self, disk: &dyn Disk, dir: &Path, len: u64) -> Option<(Arc<dyn RandomFile>, Spot)> {
        self.room.checked_sub(len)?;
        let has_space = |it: &Option<Scratch>| it.as_ref().is_some_and(|it| it.end < FULL);
        if !self.files.last().is_some_and(has_space) {
            self.add(disk, dir)?;
        }
        self.room -= len;
        let number = u32::try_from(self.files.len() - 1).ok()?;
        let last = self.files.last_mut()?.as_mut()?;
        let spot = Spot { file: number, start: u32::try_from(last.end).ok()? };
        last.end += len;
        Some((last.file.clone(), spot))
    }
}

impl Ahead {
    fn part(&self, spot: Spot, len: usize) -> Option<Bytes> {
        if self.spot.file != spot.file {
            return None;
        }
        let start = spot.start.checked_sub(self.spot.start)? as usize;
        let end = start.checked_add(len).filter(|it| *it <= self.buffer.len())?;
        Some(Bytes::part(&self.buffer, start..end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::os::OsSystem;

    impl Overflow {
        /// Returns the numbers of the files that are open.
        pub fn open_files(&self) -> Vec<usize> {
            self.state().files.iter().enumerate().filter(|it| it.1.is_some()).map(|it| it.0).collect()
        }

        /// Returns up to where a file may be read ahead.
        pub fn may_read_ahead(&self, file: u32) -> u64 {
            self.settled(file)
        }
    }

    #[test]
    fn what_is_still_written_is_not_read_ahead() {
        let temp = tempfile::tempdir().unwrap();
        let overflow = Overflow::new(Arc::new(OsSystem::new()), temp.path().to_owned(), 1 << 30);
        let text: Vec<u8> = (0..40_000_u32).flat_map(u32::to_le_bytes).collect();
        let spot = overflow.write(&text).unwrap();
        assert_eq!((spot, overflow.may_read_ahead(0), overflow.may_read_ahead(1)), (Spot::default(), 160_000, 0));
        let ask = || {
            for start in (0..160_000).step_by(400) {
                let bytes = overflow.read(Spot { file: 0, start }, 400).unwrap();
                assert_eq!(&bytes[..], &text[start as usize..][..400]);
            }
        };
        ask();
        // Somebody has room and has not written yet.
        let (_, next) = overflow.state().take(&OsSystem::new(), temp.path(), 4).unwrap();
        assert_eq!((next, overflow.may_read_ahead(0)), (Spot { file: 0, start: 160_000 }, 0));
        ask();
        assert!(overflow.read(next, 4).is_none());
    }

    #[test]
    fn where_nothing_is_left_nothing_is_given_out() {
        let temp = tempfile::tempdir().unwrap();
        let overflow = Overflow::new(Arc::new(OsSystem::new()), temp.path().to_owned(), 5);
        assert!(overflow.has_room(5) && !overflow.has_room(6));
        assert!(overflow.write(b"123456").is_none());
        let spot = overflow.write(b"12345").unwrap();
        assert!(!overflow.has_room(1) && overflow.write(b"1").is_none());
        overflow.want(spot, 5);
        overflow.spend(spot, 5);
        assert_eq!(overflow.open_files(), [0], "it is not full yet");
        overflow.close();
        overflow.spend(spot, 5);
        overflow.want(spot, 5);
        assert!(overflow.read(spot, 5).is_none() && overflow.write(b"1").is_none());
    }
}
