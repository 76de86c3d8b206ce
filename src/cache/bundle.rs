//! Bundles: files that hold many small payloads, one after the other.
//!
//! A file each would take longer to make than to fill, and rows of a database cost twice their space and are copied
//! again and again. So where one commit stores much, it goes to one file, and the database has a short row for each that
//! says where it lies. A bundle is written once, under a name that nobody else gives, renamed into place and never
//! synced: whoever reads a payload verifies it, and one that is not there any more is a miss.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bincode::{Decode, Encode};

use super::db::lock;
use crate::model::Digest;
use crate::system::{Access, Bytes, Disk, FileKind, RandomFile};

/// How many of them are kept open.
const OPEN: usize = 16;
/// How much is gathered before it is written, in bytes.
const PIECE: usize = 1 << 20;

/// Where a payload lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Place {
    bundle: [u8; 16],
    start: u32,
    len: u32,
}

/// The bundles of a store.
pub struct Bundles {
    dir: PathBuf,
    /// Those that were read from.
    open: Mutex<BTreeMap<[u8; 16], Arc<dyn RandomFile>>>,
}

/// What one commit stores.
pub struct Bundle<'a> {
    name: [u8; 16],
    payloads: &'a [(Digest, &'a Bytes)],
}

impl<'a> Bundle<'a> {
    /// Puts payloads together, less than 4 GiB in all.
    pub fn of(payloads: &'a [(Digest, &'a Bytes)]) -> Self {
        // Whoever gives up on a bundle removes it: nobody else's may have its name, whatever is in it.
        let mut name = [0; 16];
        for part in name.chunks_exact_mut(8) {
            part.copy_from_slice(&RandomState::new().hash_one(payloads.len()).to_le_bytes());
        }
        Self { name, payloads }
    }

    /// Returns where each payload lies, in their order.
    pub fn places(&self) -> impl Iterator<Item = (Digest, Place)> {
        let mut end = 0;
        self.payloads.iter().map(move |(digest, bytes)| {
            let (start, len) = (end, bytes.len() as u32);
            end += len;
            (*digest, Place { bundle: self.name, start, len })
        })
    }

    /// Gives out what the file is to hold, piece by piece.
    ///
    /// # Errors
    ///
    /// Whatever `write` returns.
    pub fn write(&self, write: &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()> {
        let mut piece = Vec::with_capacity(PIECE);
        for (_, bytes) in self.payloads {
            if piece.len() + bytes.len() > PIECE {
                write(&piece)?;
                piece.clear();
            }
            piece.extend_from_slice(bytes);
        }
        write(&piece)
    }
}

impl Bundles {
    /// Returns the bundles below the directory of a store.
    pub fn new(store: &Path) -> Self {
        Self { dir: store.join("bundles"), open: Mutex::default() }
    }

    /// Returns the directory that they lie in.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns where a bundle is, or belongs.
    pub fn path(&self, bundle: &Bundle<'_>) -> PathBuf {
        self.dir.join(name_of(bundle.name))
    }

    /// Returns the bytes at a place as they are in the file, unverified, `limit` of them at most.
    ///
    /// # Errors
    ///
    /// `NotFound` where the bundle is gone, `InvalidData` for a place that no bundle has, and whatever the system says.
    pub fn read(&self, disk: &dyn Disk, place: Place, limit: usize) -> io::Result<Bytes> {
        let len = place.len as usize;
        if len > limit {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut bytes = vec![0; len];
        self.file(disk, place.bundle)?.read_exact_at(&mut bytes, place.start.into()).map_err(|it| match it.kind() {
            io::ErrorKind::UnexpectedEof => io::ErrorKind::InvalidData.into(),
            _ => it,
        })?;
        Ok(bytes.into())
    }

    fn file(&self, disk: &dyn Disk, name: [u8; 16]) -> io::Result<Arc<dyn RandomFile>> {
        if let Some(file) = lock(&self.open).get(&name) {
            return Ok(file.clone());
        }
        let path = self.dir.join(name_of(name));
        // A FIFO would be waited for when it is opened.
        if disk.stat(&path)?.kind != FileKind::File {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let file = disk.open_random(&path, Access::Read)?;
        let mut open = lock(&self.open);
        while open.len() >= OPEN {
            open.pop_first();
        }
        open.insert(name, file.clone());
        Ok(file)
    }

    /// Closes all files, so that they can be removed everywhere.
    pub fn close(&self) {
        lock(&self.open).clear();
    }
}

fn name_of(bundle: [u8; 16]) -> String {
    bundle.iter().map(|it| format!("{it:02x}")).collect()
}

/// Returns whether a file in their directory is a bundle.
pub fn is_bundle(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|it| it.is_ascii_digit() || (b'a'..=b'f').contains(&it))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::memory::MemorySystem;

    #[test]
    fn every_payload_is_found_where_the_bundle_says() {
        let lens = [0, 1, PIECE - 1, 2, PIECE, PIECE + 1, 0, 7];
        let bytes: Vec<Bytes> = lens.iter().enumerate().map(|(nth, len)| Bytes::from(vec![nth as u8; *len])).collect();
        let payloads: Vec<(Digest, &Bytes)> = bytes.iter().map(|it| (Digest::of(it), it)).collect();
        let bundle = Bundle::of(&payloads);
        let (disk, bundles) = (MemorySystem::new(), Bundles::new(Path::new("/store")));
        let mut whole = Vec::new();
        bundle
            .write(&mut |piece| {
                assert!(piece.len() <= PIECE + 1);
                whole.extend_from_slice(piece);
                Ok(())
            })
            .expect("nothing fails");
        assert_eq!(whole.len(), lens.iter().sum::<usize>());
        disk.write(bundles.path(&bundle), whole);
        for (nth, (digest, place)) in bundle.places().enumerate() {
            let read = bundles.read(&disk, place, PIECE + 1).expect("it is there");
            assert_eq!((Digest::of(&read), &read[..]), (digest, &bytes[nth][..]));
        }
        let odd = [
            Place { bundle: bundle.name, start: 0, len: PIECE as u32 + 2 },
            Place { bundle: bundle.name, start: u32::MAX, len: 1 },
            Place { bundle: bundle.name, start: lens.iter().sum::<usize>() as u32 - 1, len: 2 },
            Place { bundle: [0; 16], start: 0, len: 1 },
            Place { bundle: [1; 16], start: 0, len: 1 },
        ];
        disk.mkfifo(bundles.dir().join(name_of([1; 16])));
        let kinds = odd.map(|it| bundles.read(&disk, it, PIECE + 1).map_err(|it| it.kind()).err());
        let invalid = Some(io::ErrorKind::InvalidData);
        assert_eq!(kinds, [invalid, invalid, invalid, Some(io::ErrorKind::NotFound), invalid]);
    }

    #[test]
    fn no_bundle_has_the_name_of_another_and_few_are_open() {
        let bytes = Bytes::from(&b"a"[..]);
        let payloads = [(Digest::of(&bytes), &bytes)];
        let (disk, bundles) = (MemorySystem::new(), Bundles::new(Path::new("/store")));
        let all: Vec<Bundle<'_>> = (0..3 * OPEN).map(|_| Bundle::of(&payloads)).collect();
        all.iter().for_each(|it| disk.write(bundles.path(it), b"a"));
        let names: std::collections::BTreeSet<_> = all.iter().map(|it| name_of(it.name)).collect();
        assert!(names.len() == all.len() && names.iter().all(|it| is_bundle(it)) && !is_bundle("1-2.new"));
        for bundle in all.iter().chain(all.iter().rev()) {
            let (_, place) = bundle.places().next().expect("one payload");
            assert_eq!(bundles.read(&disk, place, 1).ok(), Some(bytes.clone()));
            assert!(lock(&bundles.open).len() <= OPEN);
        }
    }
}
