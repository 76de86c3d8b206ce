//! What the lane does with one file at a time, whatever its length: look what it is, copy it, give it another name.
//!
//! Knows nothing of commits.

use std::io;
use std::path::Path;

use super::{FILE_LIMIT, is_absence};
use crate::error::{IoContext, Result};
use crate::model::Digest;
use crate::system::staged::{self, Durability};
use crate::system::{Disk, FileKind, NewFile, OpenFile, Stamp, System};

/// How much of a file is in memory at a time, in bytes.
const PIECE: usize = 1 << 18;

/// What is at a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Current {
    Absent,
    File(Digest),
    /// A directory, link or the like.
    Odd,
}

impl Current {
    /// Returns whether there is this file, or none where none is meant.
    pub fn is(self, digest: Option<Digest>) -> bool {
        match (self, digest) {
            (Self::Absent, None) => true,
            (Self::File(now), Some(digest)) => now == digest,
            _ => false,
        }
    }
}

/// Returns what is at a path.
pub(super) fn current(sys: &dyn System, path: &Path) -> Result<Current> {
    let digest = match sys.stat(path) {
        Ok(stamp) if stamp.kind != FileKind::File => return Ok(Current::Odd),
        Ok(_) => sys.open(path).and_then(|it| digest_of_open(&*it)),
        Err(error) => Err(error),
    };
    match digest {
        Ok(digest) => Ok(Current::File(digest)),
        Err(error) if is_absence(&error) => Ok(Current::Absent),
        Err(error) => Err(error).context("read", path),
    }
}

/// Returns what is at a path and, of a file, the stamp that it had while it was digested, if it had one all the while.
pub(super) fn current_stamped(sys: &dyn System, path: &Path) -> Result<(Current, Option<Stamp>)> {
    let before = sys.stat(path).ok();
    let current = current(sys, path)?;
    let after = sys.stat(path).ok();
    Ok((current, before.filter(|it| Some(*it) == after)))
}

/// Returns whether a file with this digest is at a path.
pub(super) fn holds(sys: &dyn System, path: &Path, digest: Digest) -> Result<bool> {
    Ok(current(sys, path)?.is(Some(digest)))
}

/// Returns whether there is nothing at a path.
pub(super) fn is_absent(sys: &dyn System, path: &Path) -> Result<bool> {
    match sys.stat(path) {
        Ok(_) => Ok(false),
        Err(error) if is_absence(&error) => Ok(true),
        Err(error) => Err(error).context("read", path),
    }
}

/// Returns whether two names are known to be names of one file.
pub(super) fn are_one(sys: &dyn System, a: &Path, b: &Path) -> bool {
    match (sys.stat(a), sys.stat(b)) {
        (Ok(a), Ok(b)) => a.inode != 0 && (a.inode, a.device) == (b.inode, b.device),
        _ => false,
    }
}

/// Returns the digest of a file, whatever its length.
pub fn digest_of(sys: &dyn System, path: &Path) -> Result<Digest> {
    sys.open(path).and_then(|it| digest_of_open(&*it)).context("read", path)
}

fn digest_of_open(file: &dyn OpenFile) -> io::Result<Digest> {
    let mut hasher = blake3::Hasher::new();
    pieces(file, &mut |it| {
        hasher.update(it);
        Ok(())
    })?;
    Ok(Digest(*hasher.finalize().as_bytes()))
}

/// Shows a file piece by piece.
fn pieces(file: &dyn OpenFile, take: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
    let length = usize::try_from(file.stat()?.size).unwrap_or(usize::MAX);
    // One byte more than there are, so that the end is seen by the second reading at the latest.
    let mut piece = vec![0; length.saturating_add(1).min(PIECE)];
    let mut offset = 0;
    loop {
        match file.read_at(&mut piece, offset) {
            Ok(0) => return Ok(()),
            Ok(n) => {
                take(&piece[..n])?;
                offset += n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        // A file that grows while it is read has no end.
        if offset > FILE_LIMIT.max(length as u64 * 2) {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
    }
}

/// Writes a file that is durable, with these permission bits if any.
pub(super) fn write(disk: &dyn Disk, path: &Path, bytes: &[u8], mode: Option<u32>) -> io::Result<()> {
    let mut file = staged::create_anew(disk, path)?;
    file.write_all(bytes)?;
    finish(&mut *file, mode)
}

fn finish(file: &mut dyn NewFile, mode: Option<u32>) -> io::Result<()> {
    if let Some(mode) = mode {
        file.set_mode(mode)?;
    }
    file.sync()
}

/// Keeps what is at `from` as `to`, durably: as a second name of the file, or else as a copy. What has the name `to` is a
/// leftover.
pub(super) fn keep(disk: &dyn Disk, from: &Path, to: &Path) -> io::Result<()> {
    let link = || disk.link(from, to);
    let linked = match link() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => disk.remove_file(to).and_then(|()| link()),
        outcome => outcome,
    };
    match linked {
        Ok(()) => disk.sync_file(to),
        Err(error) if has_no_links(&error) => {
            let mut file = staged::create_anew(disk, to)?;
            copy_into(disk, from, &mut *file).map(drop)
        }
        Err(error) => Err(error),
    }
}

/// Gives the file at `from`, which holds `digest` and is durable, the name `to` besides; a leftover may have it. Where
/// files have but one name it is copied.
pub(super) fn second(disk: &dyn Disk, from: &Path, to: &Path, digest: Digest) -> Result<Named> {
    if !is_absent(disk, to)? {
        disk.remove_file(to).context("write", to)?;
    }
    match disk.link(from, to) {
        Err(error) if has_no_links(&error) => copy_as(disk, from, to, digest),
        outcome => outcome.map(|()| Named::Yes).context("write", to),
    }
}

/// What became of a file that was to get a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Named {
    /// It has the name.
    Yes,
    /// Something else has it that is to keep it, or the file is gone or another one by now.
    Refused,
}

/// Gives the file at `from`, which holds `digest`, the name `to` besides, which nothing may have. Where files have but one
/// name it loses the old one; where `to` lies on another file system it is copied.
pub(super) fn name(disk: &dyn Disk, from: &Path, to: &Path, digest: Digest) -> Result<Named> {
    match name_within(disk, from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => copy_as(disk, from, to, digest),
        outcome => outcome.context("move", from),
    }
}

/// As [`name`], within one file system.
pub(super) fn name_within(disk: &dyn Disk, from: &Path, to: &Path) -> io::Result<Named> {
    match disk.link(from, to) {
        Ok(()) => return Ok(Named::Yes),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists || is_absence(&error) => return Ok(Named::Refused),
        Err(error) if !has_no_links(&error) => return Err(error),
        Err(_) => {}
    }
    match disk.stat(to) {
        Ok(_) => return Ok(Named::Refused),
        Err(error) if !is_absence(&error) => return Err(error),
        Err(_) => {}
    }
    match disk.rename(from, to) {
        Err(error) if is_absence(&error) => Ok(Named::Refused),
        outcome => outcome.map(|()| Named::Yes),
    }
}

/// Copies `from` to `to`, if it holds `digest`, by a file staged beside it: at no moment a part of it is there. It keeps
/// its permission bits.
pub(super) fn copy_as(disk: &dyn Disk, from: &Path, to: &Path, digest: Digest) -> Result<Named> {
    let mut copied = None;
    let staged = staged::stage_with(disk, to, Durability::Unsynced, |file| {
        copied = Some(copy_into(disk, from, file)?);
        Ok(())
    });
    let staged = staged.context("write", to)?;
    if copied != Some(digest) {
        return Ok(Named::Refused);
    }
    staged.publish_name().context("write", to)?;
    Ok(Named::Yes)
}

/// Copies bytes and permission bits, and makes them durable; returns the digest of what was copied.
fn copy_into(disk: &dyn Disk, from: &Path, file: &mut dyn NewFile) -> io::Result<Digest> {
    let source = disk.open(from)?;
    let mut hasher = blake3::Hasher::new();
    pieces(&*source, &mut |it| {
        hasher.update(it);
        file.write_all(it)
    })?;
    finish(file, Some(source.stat()?.mode))?;
    Ok(Digest(*hasher.finalize().as_bytes()))
}

/// Returns whether an error says that files have but one name here, or none in both places.
fn has_no_links(error: &io::Error) -> bool {
    use io::ErrorKind::{CrossesDevices, PermissionDenied, TooManyLinks, Unsupported};
    matches!(error.kind(), CrossesDevices | PermissionDenied | TooManyLinks | Unsupported)
}
