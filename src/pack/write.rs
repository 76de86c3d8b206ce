//! Writes the bytes of one file of a pack: tables as they were laid out, payloads as they come.
//!
//! Knows nothing of names, directories or renames. Memory is bounded by one batch of payloads, or by the
//! largest payload where that is more.

use std::io;
use std::path::Path;

use rayon::prelude::*;

use crate::error::{Error, IoContext, Result};
use crate::model::Digest;
use crate::system::{Bytes, NewFile};
use crate::threads::spread;

use super::layout::{LaidFile, Placed, Stored};
use super::plan::{PlanEntry, PlanPayload};

/// How many stored bytes are fetched at once, on all cores.
const BATCH: u64 = 8 << 20;
/// How many bytes are gathered before they are written.
const BUFFER: usize = 1 << 20;

/// Where emission gets stored payloads from: the cache, an input as it is, the previous pack.
pub trait Payloads: Sync {
    /// Returns the bytes whose digest is `payload.stored_digest`. `entry` is the first that has the payload.
    ///
    /// # Errors
    ///
    /// Whatever keeps the bytes from being had; emission ends with it and publishes nothing.
    fn stored(&self, payload: &PlanPayload, entry: &PlanEntry) -> Result<Fetched>;
}

/// Bytes on their way into a pack.
pub enum Fetched {
    /// This process has digested these very bytes, and they are those that were asked for.
    Verified(Bytes),
    /// Nobody has looked at them.
    Unverified(Bytes),
}

/// Fetches a stored payload and checks that it is the one that the plan means.
///
/// # Errors
///
/// An [`Error::Io`] of kind `InvalidData`, with the entry's name for a path, when `payloads` gives other bytes.
pub fn fetch(stored: Stored<'_>, payloads: &dyn Payloads) -> Result<Bytes> {
    let Stored { entry, payload } = stored;
    let (bytes, right) = match payloads.stored(payload, entry)? {
        Fetched::Verified(bytes) => (bytes, true),
        Fetched::Unverified(bytes) => {
            let right = Digest::of(&bytes) == payload.stored_digest;
            (bytes, right)
        }
    };
    if right && bytes.len() as u64 == payload.stored_len {
        return Ok(bytes);
    }
    let source = io::Error::new(io::ErrorKind::InvalidData, "the stored bytes do not have their digest");
    Err(Error::Io { action: "pack", path: Path::new(&*entry.name).to_owned(), source })
}

/// Who else is at work while a container is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Beside {
    /// Hardly anybody: payloads are fetched on all cores.
    Few,
    /// Every core has a container of its own. A thread that waited for help with this one would begin another
    /// meanwhile, and in the end it would be left alone with all that it began.
    Many,
}

/// Writes a container, all of it. `path` is what errors name.
pub fn write_container(
    file: &mut dyn NewFile,
    path: &Path,
    laid: &LaidFile<'_>,
    payloads: &dyn Payloads,
    beside: Beside,
) -> Result<()> {
    let mut out = Gathered { file, path, buffer: Vec::with_capacity(BUFFER), written: 0 };
    out.write(&laid.tables)?;
    for batch in batches(&laid.placed) {
        let mut write = |placed: &Placed<'_>, bytes: Bytes| {
            out.pad_to(placed.offset)?;
            out.write(&bytes)
        };
        match beside {
            Beside::Many => batch.iter().try_for_each(|it| write(it, fetch(it.stored, payloads)?))?,
            Beside::Few => {
                let fetched = batch.par_iter().map(|it| fetch(it.stored, payloads));
                let fetched: Vec<Result<Bytes>> = spread(|| fetched.collect());
                batch.iter().zip(fetched).try_for_each(|(it, bytes)| write(it, bytes?))?;
            }
        }
    }
    out.flush()?;
    assert_eq!(out.written, laid.len, "BUG: a file became longer or shorter than it was laid out");
    Ok(())
}

/// Cuts payloads into runs of about [`BATCH`] bytes, at least one each.
fn batches<'s, 'a>(placed: &'s [Placed<'a>]) -> impl Iterator<Item = &'s [Placed<'a>]> {
    let mut rest = placed;
    std::iter::from_fn(move || {
        let first = rest.first()?;
        let n = rest.iter().take_while(|it| it.offset - first.offset < BATCH).count();
        let (batch, after) = rest.split_at(n);
        rest = after;
        Some(batch)
    })
}

/// Bytes on their way to a file.
struct Gathered<'a> {
    file: &'a mut dyn NewFile,
    path: &'a Path,
    buffer: Vec<u8>,
    /// Bytes so far, those in the buffer included.
    written: u64,
}

impl Gathered<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.written += bytes.len() as u64;
        if self.buffer.len() + bytes.len() > BUFFER {
            self.flush()?;
        }
        if bytes.len() >= BUFFER {
            return self.file.write_all(bytes).context("write", self.path);
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Writes zeros up to `offset`.
    fn pad_to(&mut self, offset: u64) -> Result<()> {
        const ZEROS: [u8; super::format::ALIGN as usize] = [0; super::format::ALIGN as usize];
        let gap = offset.checked_sub(self.written).and_then(|it| usize::try_from(it).ok());
        let zeros = gap.and_then(|it| ZEROS.get(..it)).expect("BUG: a payload does not follow on the one before it");
        self.write(zeros)
    }

    fn flush(&mut self) -> Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.file.write_all(&self.buffer).context("write", self.path)?;
        self.buffer.clear();
        Ok(())
    }
}
