//! Compression of payloads: bytes in, bytes out, the same on every machine.
//!
//! Knows nothing of packs or caches. One thread, no dictionary, no checksum (the pack has digests), and a
//! context of its own for each call, so that the output depends on the input alone. Zstandard's level 3 is
//! below the levels whose match finder is chosen by what the processor can do. `lz4_flex` chooses its matches
//! by the width of a pointer and the order of bytes: the promise of equal bytes is given for 64-bit
//! little-endian machines.

use std::io::Read;

use crate::model::Digest;

use super::plan::Codec;

/// The level that Zstandard runs at.
pub const ZSTD_LEVEL: i32 = 3;
/// All that a stored payload depends on besides its raw bytes and its codec: part of its recipe key.
pub const VERSION: &str = "lz4: lz4_flex 0.14.0, block; zstd: libzstd 1.5.7, level 3";

/// The longest input that has an LZ4 block.
const LZ4_MAX_RAW: u64 = 0x7e00_0000;
/// The largest window that a Zstandard frame in a pack may ask for: 8 MiB, the least that RFC 8878 wants a
/// decoder to support.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// What is allocated ahead of the first decoded byte, whatever a frame promises.
const FIRST_ALLOCATION: u64 = 1 << 20;
/// How many decoded bytes are passed on at a time: a Zstandard block has no more.
const PIECE: usize = 128 << 10;

/// Why stored bytes are not what they are said to be.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DecodeError {
    /// The bytes are no stream of their codec, or end early.
    #[error("the compressed bytes are damaged")]
    Damaged,
    /// The stream is well-formed but gives another number of raw bytes.
    #[error("the raw bytes are not as many as announced")]
    WrongLength,
    /// The raw bytes do not fit into this machine's memory.
    #[error("not enough memory for the raw bytes")]
    OutOfMemory,
}

/// Compresses `raw`. Compression is kept only where it wins: `None` means that the raw bytes are stored as
/// they are.
pub fn encode(codec: Codec, raw: &[u8]) -> (Codec, Option<Vec<u8>>) {
    let stored = match codec {
        Codec::None => None,
        Codec::Lz4 if raw.len() as u64 > LZ4_MAX_RAW => None,
        Codec::Lz4 => Some(lz4_flex::block::compress(raw)),
        // It fails for want of memory alone, and then the raw bytes are no smaller.
        Codec::Zstd => Some(zstd::bulk::compress(raw, ZSTD_LEVEL).expect("there is memory for a compressed copy")),
    };
    match stored.filter(|it| it.len() < raw.len()) {
        Some(stored) => (codec, Some(stored)),
        None => (Codec::None, None),
    }
}

/// Decompresses `stored` into exactly `raw_len` bytes.
///
/// The caller decides how many bytes are acceptable; however the stream lies, not many more than these
/// are allocated, nor than its length can have come from.
pub fn decode(codec: Codec, stored: &[u8], raw_len: u64) -> Result<Vec<u8>, DecodeError> {
    match codec {
        Codec::None if raw_len == stored.len() as u64 => Ok(stored.to_vec()),
        Codec::None => Err(DecodeError::WrongLength),
        Codec::Lz4 => decode_lz4(stored, raw_len),
        Codec::Zstd => decode_zstd(stored, raw_len),
    }
}

fn decode_lz4(stored: &[u8], raw_len: u64) -> Result<Vec<u8>, DecodeError> {
    // No byte of an LZ4 block stands for more than 255.
    if raw_len > LZ4_MAX_RAW || raw_len > (stored.len() as u64).saturating_mul(255) {
        return Err(DecodeError::WrongLength);
    }
    let len = usize::try_from(raw_len).map_err(|_| DecodeError::OutOfMemory)?;
    let mut raw = Vec::new();
    raw.try_reserve_exact(len).map_err(|_| DecodeError::OutOfMemory)?;
    raw.resize(len, 0);
    match lz4_flex::block::decompress_into(stored, &mut raw) {
        Ok(n) if n == raw.len() => Ok(raw),
        Ok(_) => Err(DecodeError::WrongLength),
        Err(_) => Err(DecodeError::Damaged),
    }
}

/// Streams, so that memory is spent on bytes that came and not on bytes that were promised.
fn decode_zstd(stored: &[u8], raw_len: u64) -> Result<Vec<u8>, DecodeError> {
    let mut raw = Vec::new();
    let first = usize::try_from(raw_len.min(FIRST_ALLOCATION)).map_err(|_| DecodeError::OutOfMemory)?;
    raw.try_reserve(first).map_err(|_| DecodeError::OutOfMemory)?;
    stream_zstd(stored, raw_len, |piece| {
        raw.try_reserve(piece.len()).map_err(|_| DecodeError::OutOfMemory)?;
        raw.extend_from_slice(piece);
        Ok(())
    })?;
    Ok(raw)
}

/// Returns the digest of the raw bytes that `stored` stands for, of which there must be `raw_len`. Zstandard
/// payloads take no more memory than a window, however long they are.
pub fn raw_digest(codec: Codec, stored: &[u8], raw_len: u64) -> Result<Digest, DecodeError> {
    if codec != Codec::Zstd {
        return decode(codec, stored, raw_len).map(|it| Digest::of(&it));
    }
    let mut hasher = blake3::Hasher::new();
    stream_zstd(stored, raw_len, |piece| {
        hasher.update(piece);
        Ok(())
    })?;
    Ok(Digest(*hasher.finalize().as_bytes()))
}

/// Passes the raw bytes of one frame on, piece by piece; at most `raw_len` of them.
fn stream_zstd(
    stored: &[u8],
    raw_len: u64,
    mut pass_on: impl FnMut(&[u8]) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let decoder = zstd::stream::read::Decoder::with_buffer(stored).map_err(|_| DecodeError::OutOfMemory)?;
    let mut decoder = decoder.single_frame();
    decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(|_| DecodeError::Damaged)?;
    let mut buffer = vec![0; PIECE];
    let mut left = raw_len;
    loop {
        let n = decoder.read(&mut buffer).map_err(|error| match error.kind() {
            std::io::ErrorKind::OutOfMemory => DecodeError::OutOfMemory,
            _ => DecodeError::Damaged,
        })?;
        if n == 0 {
            break;
        }
        left = left.checked_sub(n as u64).ok_or(DecodeError::WrongLength)?;
        pass_on(&buffer[..n])?;
    }
    // The frame must end where the stored bytes do.
    match (left, decoder.finish()) {
        (0, []) => Ok(()),
        (0, _) => Err(DecodeError::Damaged),
        _ => Err(DecodeError::WrongLength),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODECS: [Codec; 3] = [Codec::None, Codec::Lz4, Codec::Zstd];

    fn samples() -> Vec<Vec<u8>> {
        let noise = (0..5000_u32).flat_map(|it| Digest::of(&it.to_le_bytes()).0).collect::<Vec<u8>>();
        let text = b"the quick brown fox ".repeat(10_000);
        vec![vec![], vec![0], b"abc".to_vec(), vec![0; 100_000], noise[..1000].to_vec(), noise, text]
    }

    #[test]
    fn what_is_encoded_decodes_to_itself_and_is_never_longer() {
        for raw in samples() {
            for codec in CODECS {
                let (kept, stored) = encode(codec, &raw);
                assert_eq!(kept == Codec::None, stored.is_none());
                let stored = stored.unwrap_or_else(|| raw.clone());
                assert!(kept == Codec::None || stored.len() < raw.len());
                assert_eq!(decode(kept, &stored, raw.len() as u64), Ok(raw.clone()));
                assert_eq!(raw_digest(kept, &stored, raw.len() as u64), Ok(Digest::of(&raw)));
                assert_eq!(encode(codec, &raw).1.unwrap_or_else(|| raw.clone()), stored, "not deterministic");
            }
        }
    }

    #[test]
    fn another_length_is_refused() {
        for raw in samples() {
            for codec in CODECS {
                let (kept, stored) = encode(codec, &raw);
                let stored = stored.unwrap_or_else(|| raw.clone());
                for wrong in [raw.len() as u64 + 1, raw.len().wrapping_sub(1) as u64, 1 << 40, u64::MAX] {
                    assert!(decode(kept, &stored, wrong).is_err(), "{kept:?} {wrong}");
                    assert!(raw_digest(kept, &stored, wrong).is_err(), "{kept:?} {wrong}");
                }
            }
        }
    }

    #[test]
    fn trailing_and_missing_bytes_are_refused() {
        let raw = b"the quick brown fox ".repeat(100);
        for codec in [Codec::Lz4, Codec::Zstd] {
            let stored = encode(codec, &raw).1.expect("it wins");
            let longer = [stored.as_slice(), &[0]].concat();
            assert!(decode(codec, &longer, raw.len() as u64).is_err(), "{codec:?}");
            let twice = [stored.as_slice(), &stored].concat();
            assert!(decode(codec, &twice, raw.len() as u64).is_err(), "{codec:?}");
            for n in 0..stored.len() {
                assert!(decode(codec, &stored[..n], raw.len() as u64).is_err(), "{codec:?} {n}");
            }
        }
    }

    #[test]
    fn damaged_bytes_never_panic() {
        let raw = b"the quick brown fox ".repeat(100);
        for codec in [Codec::Lz4, Codec::Zstd] {
            let stored = encode(codec, &raw).1.expect("it wins");
            for at in 0..stored.len() {
                for flip in [1, 0x80, 0xff] {
                    let mut bad = stored.clone();
                    bad[at] ^= flip;
                    let _ = decode(codec, &bad, raw.len() as u64);
                }
            }
        }
    }

    #[test]
    fn a_bomb_is_cut_off_where_the_caller_says() {
        let bomb = zstd::bulk::compress(&vec![0; 64 << 20], ZSTD_LEVEL).expect("compresses");
        assert_eq!(decode(Codec::Zstd, &bomb, 1000), Err(DecodeError::WrongLength));
    }

    #[test]
    fn stored_bytes_are_what_they_have_always_been() {
        let raw = b"the quick brown fox ".repeat(20);
        let digest = |codec| Digest::of(&encode(codec, &raw).1.expect("it wins")).to_hex();
        expect_test::expect![[r#"
            c70b413a7a6a922164cbe3de9cfab907a42265714827f2e2671cf16c91920a8a
            36e9904e9189f2d54ae880bb14de1a49df0056e9b53b65b9bbfb589a6291e652
        "#]]
        .assert_eq(&format!("{}\n{}\n", digest(Codec::Lz4), digest(Codec::Zstd)));
    }

    #[test]
    fn the_version_names_the_libraries_that_are_linked() {
        let lock = include_str!("../../Cargo.lock");
        assert!(lock.contains("name = \"lz4_flex\"\nversion = \"0.14.0\""), "raise VERSION");
        assert!(lock.contains("+zstd.1.5.7\""), "raise VERSION");
        assert!(VERSION.ends_with(&format!("level {ZSTD_LEVEL}")));
    }
}
