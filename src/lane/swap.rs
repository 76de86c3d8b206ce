//! Putting a file in the place of another one, or taking one away, such that nothing is lost that somebody put there in the
//! last instant: what was there comes out under another name, is looked at, and goes back if it is not what was meant.
//!
//! Knows nothing of commits. Where names cannot be swapped, in a file system or a platform, a file that somebody puts in
//! place of another between the last look and the rename is overwritten.

use std::io;
use std::path::Path;

use super::file::{Current, Named, current, is_absent, name_within};
use super::is_absence;
use crate::error::{IoContext, Result};
use crate::model::Digest;
use crate::system::{Disk, Stamp};

/// How often somebody may save a file anew while it is given back to them.
const TRIES: usize = 16;

/// Puts the file `new`, which holds `after`, in the place of the one at `target`, if that holds `before` (or `after`
/// already, whoever wrote it): if not, it stays there. What came out has the name `new` then, where names can be swapped.
///
/// `None` where `target` lies on another file system.
pub(super) fn replace(
    disk: &dyn Disk,
    new: &Path,
    target: &Path,
    [before, after]: [Digest; 2],
) -> Result<Option<Named>> {
    let ours = Thing { current: Some(Current::File(after)), number: None };
    match disk.exchange(new, target) {
        Ok(()) => match current(disk, new) {
            Ok(Current::File(it)) if it == before || it == after => Ok(Some(Named::Yes)),
            // What cannot be read is not what was meant, and first of all goes back.
            _ => give_back(disk, new, target, ours).map(|()| Some(Named::Refused)),
        },
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => Ok(None),
        Err(error) if is_absence(&error) => Ok(Some(Named::Refused)),
        Err(error) if error.kind() == io::ErrorKind::Unsupported => match disk.rename(new, target) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => Ok(None),
            outcome => outcome.map(|()| Some(Named::Yes)).context("write", target),
        },
        Err(error) => Err(error).context("write", target),
    }
}

/// What is at a path: by its contents where these can be read, else by its number.
#[derive(Clone, Copy)]
pub(super) struct Thing {
    current: Option<Current>,
    number: Option<(u64, u64)>,
}

impl Thing {
    pub fn at(disk: &dyn Disk, path: &Path) -> Self {
        let number = |it: Stamp| (it.inode != 0).then_some((it.inode, it.device));
        Self { current: current(disk, path).ok(), number: disk.stat(path).ok().and_then(number) }
    }

    /// Returns what it is, if that can be told.
    pub fn current(self) -> Option<Current> {
        self.current
    }

    /// Returns whether the two are known to be one. A file that somebody wrote into is another one.
    fn is(self, other: Self) -> bool {
        match (self.current, other.current) {
            (Some(a), Some(b)) => a == b,
            (None, None) => self.number.is_some() && self.number == other.number,
            _ => false,
        }
    }
}

/// Gives what came out as `out` its name back, which by now `ours` has or nothing. Should somebody have saved it anew
/// meanwhile, the newest stays.
pub(super) fn give_back(disk: &dyn Disk, out: &Path, target: &Path, ours: Thing) -> Result<()> {
    // What was put at the target last. When something else comes out, somebody was there again, and theirs is newer.
    let mut placed = ours;
    for _ in 0..TRIES {
        let theirs = Thing::at(disk, out);
        match disk.exchange(out, target) {
            Err(error) if is_absence(&error) => return restore(disk, out, target),
            // It came out in another way. What lies there is ours, and can be replaced.
            Err(error) if error.kind() == io::ErrorKind::Unsupported && Thing::at(disk, target).is(ours) => {
                return disk.rename(out, target).context("write", target);
            }
            outcome => outcome.context("write", target)?,
        }
        if Thing::at(disk, out).is(placed) {
            discard(disk, out);
            return Ok(());
        }
        placed = theirs;
    }
    let source = io::Error::other("somebody writes it again and again");
    Err(source).context("write", target)
}

/// Takes the file at `target` away, if it is what is meant, which is asked of it under the name `aside`: if not, it stays.
/// Returns whether it is gone.
pub(super) fn take_away(
    disk: &dyn Disk,
    target: &Path,
    aside: &Path,
    is_meant: &dyn Fn(&Path) -> Result<bool>,
) -> Result<bool> {
    // Should it be a second name of the very same file, to rename that one would do nothing.
    if !is_absent(disk, aside)? {
        discard(disk, aside);
    }
    match disk.rename(target, aside) {
        Ok(()) => {}
        Err(error) if is_absence(&error) => return Ok(true),
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            return disk.remove_file(target).map(|()| true).context("remove", target);
        }
        Err(error) => return Err(error).context("remove", target),
    }
    let is_gone = is_meant(aside);
    match is_gone {
        Ok(true) => discard(disk, aside),
        // What cannot be read is not what was meant, and first of all goes back.
        _ => restore(disk, aside, target)?,
    }
    is_gone
}

/// Gives the file at `out` its name back, which nothing had. Should somebody have taken it meanwhile, it is theirs, and
/// `out` stays as well.
pub(super) fn restore(disk: &dyn Disk, out: &Path, target: &Path) -> Result<()> {
    if let Some(dir) = target.parent() {
        // Somebody may have moved it away with all that is in it, or put a file in its place.
        match disk.create_dir_all(dir) {
            Err(error) if matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory) => {
                return Ok(());
            }
            outcome => outcome.context("create", dir)?,
        }
    }
    match name_within(disk, out, target).context("write", target)? {
        Named::Yes => discard(disk, out),
        Named::Refused if is_absent(disk, target)? => {
            return Err(io::Error::from(io::ErrorKind::NotFound)).context("write", target);
        }
        Named::Refused => {}
    }
    Ok(())
}

/// Removes what nobody needs. What cannot be removed is cleared when the lane is taken next.
fn discard(disk: &dyn Disk, path: &Path) {
    let _ = disk.remove_file(path);
}

#[cfg(test)]
mod tests {
    use super::super::file::holds;
    use super::*;
    use crate::system::faulty::FaultyDisk;
    use crate::system::memory::MemorySystem;

    const TARGET: &str = "/ws/file";
    const NEW: &str = "/ws/new";

    fn memory() -> MemorySystem {
        let memory = MemorySystem::new();
        memory.write(TARGET, b"before");
        memory.write(NEW, b"after");
        memory
    }

    /// Replaces the file while somebody saves it in the instants before these swaps, from 0; returns what is there then.
    fn replaced(edits: &[usize]) -> (Named, Vec<u8>) {
        let memory = memory();
        let mut disk = FaultyDisk::over(&memory);
        for (n, edit) in edits.iter().enumerate() {
            // A swap, then two calls for the look at what came out, and from the second on one before at what goes back.
            let call = if *edit == 0 { 0 } else { 3 + 2 + (edit - 1) * 5 };
            disk = disk.before_call(call, move |it| {
                it.write("/ws/theirs", format!("edit {n}"));
                it.rename("/ws/theirs", TARGET);
            });
        }
        let digests = [&b"before"[..], b"after"].map(Digest::of);
        let named = replace(&disk, Path::new(NEW), Path::new(TARGET), digests).expect("nothing fails");
        (named.expect("one file system"), memory.get(TARGET).expect("it is there"))
    }

    #[test]
    fn what_is_as_meant_is_replaced() {
        assert_eq!(replaced(&[]), (Named::Yes, b"after".to_vec()));
    }

    #[test]
    fn what_was_saved_in_the_last_instant_goes_back() {
        assert_eq!(replaced(&[0]), (Named::Refused, b"edit 0".to_vec()));
    }

    #[test]
    fn of_what_is_saved_again_and_again_the_last_one_stays() {
        assert_eq!(replaced(&[0, 1]), (Named::Refused, b"edit 1".to_vec()));
        assert_eq!(replaced(&[0, 1, 2]), (Named::Refused, b"edit 2".to_vec()));
    }

    #[test]
    fn what_is_taken_away_in_the_last_instant_is_not_put_back() {
        let memory = memory();
        let disk = FaultyDisk::over(&memory).before_call(0, |it| it.remove(TARGET));
        let digests = [&b"before"[..], b"after"].map(Digest::of);
        let named = replace(&disk, Path::new(NEW), Path::new(TARGET), digests).expect("nothing fails");
        assert_eq!((named, memory.get(TARGET)), (Some(Named::Refused), None));
    }

    #[test]
    fn a_directory_in_place_of_a_file_goes_back() {
        let memory = memory();
        let disk = FaultyDisk::over(&memory).before_call(0, |it| {
            it.remove(TARGET);
            it.write("/ws/file/inside", b"theirs");
        });
        let digests = [&b"before"[..], b"after"].map(Digest::of);
        let named = replace(&disk, Path::new(NEW), Path::new(TARGET), digests).expect("nothing fails");
        assert_eq!((named, memory.get("/ws/file/inside")), (Some(Named::Refused), Some(b"theirs".to_vec())));
    }

    /// Takes the file away, which somebody else may save before call `k`.
    fn taken(k: Option<usize>) -> (bool, Option<Vec<u8>>) {
        let memory = memory();
        let disk = FaultyDisk::over(&memory);
        let disk = match k {
            Some(k) => disk.before_call(k, |it| it.write(TARGET, b"theirs")),
            None => disk,
        };
        let is_meant = |it: &Path| holds(&disk, it, Digest::of(b"before"));
        let is_gone = take_away(&disk, Path::new(TARGET), Path::new("/ws/aside"), &is_meant).expect("nothing fails");
        assert_eq!(memory.get("/ws/aside"), None);
        (is_gone, memory.get(TARGET))
    }

    #[test]
    fn what_is_taken_away_is_what_was_meant() {
        assert_eq!(taken(None), (true, None));
        let theirs = Some(b"theirs".to_vec());
        // Before the look whether the other name is free, and before the rename.
        for k in [0, 1] {
            assert_eq!(taken(Some(k)), (false, theirs.clone()), "call {k}");
        }
        // It is gone already: a new one is theirs.
        for k in [2, 3] {
            assert_eq!(taken(Some(k)), (true, theirs.clone()), "call {k}");
        }
    }

    #[test]
    fn a_second_name_of_the_file_itself_is_no_obstacle() {
        let memory = memory();
        memory.link(Path::new(TARGET), Path::new("/ws/aside")).expect("free");
        let gone = take_away(&memory, Path::new(TARGET), Path::new("/ws/aside"), &|_| Ok(true)).expect("nothing fails");
        assert_eq!((gone, memory.get(TARGET), memory.get("/ws/aside")), (true, None, None));
    }
}
