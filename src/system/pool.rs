//! Bytes kept in memory up to a budget, by digest: between the moment they are read or made and the moment they are
//! used. What does not fit is not kept, and whoever asks finds it elsewhere.

#[expect(clippy::disallowed_types, reason = "only ever asked for one digest, never iterated")]
use std::collections::HashMap;
use std::sync::Mutex;

use crate::model::Digest;

use super::Bytes;

/// A bounded pool of bytes.
pub struct Pool {
    inner: Mutex<Inner>,
}

struct Inner {
    #[expect(clippy::disallowed_types, reason = "only ever asked for one digest, never iterated")]
    map: HashMap<Digest, Bytes>,
    room: usize,
}

impl Pool {
    /// Returns an empty pool for `budget` bytes.
    pub fn new(budget: usize) -> Self {
        Self { inner: Mutex::new(Inner { map: Default::default(), room: budget }) }
    }

    /// Returns whether so many more bytes would be kept.
    pub fn has_room(&self, len: usize) -> bool {
        self.inner.lock().expect("no panic while held").room >= len
    }

    /// Forgets everything and keeps nothing any more.
    pub fn close(&self) {
        let mut inner = self.inner.lock().expect("no panic while held");
        *inner = Inner { map: Default::default(), room: 0 };
    }

    /// Keeps `bytes` under their digest if there is room, and says whether they are kept.
    pub fn keep(&self, digest: Digest, bytes: impl Into<Bytes> + AsRef<[u8]>) -> bool {
        let len = bytes.as_ref().len();
        let mut inner = self.inner.lock().expect("no panic while held");
        if inner.map.contains_key(&digest) {
            return true;
        }
        let Some(room) = inner.room.checked_sub(len) else { return false };
        inner.room = room;
        inner.map.insert(digest, bytes.into());
        true
    }

    /// Returns the bytes with this digest if they are kept.
    pub fn get(&self, digest: Digest) -> Option<Bytes> {
        self.inner.lock().expect("no panic while held").map.get(&digest).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_not_kept() {
        let pool = Pool::new(5);
        let (one, two) = (Digest::of(b"one"), Digest::of(b"two"));
        assert!(pool.keep(one, *b"one") && pool.keep(one, *b"one"));
        assert!(!pool.keep(two, *b"two"));
        assert_eq!(pool.get(one).as_deref(), Some(&b"one"[..]));
        assert_eq!(pool.get(two), None);
    }
}
