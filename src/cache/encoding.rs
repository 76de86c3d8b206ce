//! Values as bytes, and bytes under a seal: the only place that knows bincode.
//!
//! Knows nothing of databases or of what is encoded. bincode answers wrong data for a good part of all
//! damaged input, so that what comes from a disk is unsealed first and decoded second.

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bincode::error::EncodeError;
use bincode::{Decode, Encode};

/// No value claims more than this; one corrupt length must not take the process down.
const LIMIT: usize = 64 << 20;

const CONFIG: Configuration<LittleEndian, Varint, Limit<LIMIT>> = bincode::config::standard().with_limit::<LIMIT>();

/// Returns the bytes of `value`.
pub fn encode<T: Encode>(value: &T) -> Vec<u8> {
    let mut bytes = Appended(Vec::with_capacity(64));
    bincode::encode_into_writer(value, &mut bytes, CONFIG).expect(ENCODABLE);
    bytes.0.shrink_to_fit();
    bytes.0
}

/// Bytes that are appended to. bincode's own vector goes through a value twice, to learn first how long it becomes.
struct Appended(Vec<u8>);

impl bincode::enc::write::Writer for Appended {
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// Hands the bytes of `value` on.
pub fn encoded<T: Encode, R>(value: &T, then: impl FnOnce(&[u8]) -> R) -> R {
    // Most values are small, and there are many: growing a vector byte by byte would cost more than encoding.
    let mut start = [0; 512];
    match bincode::encode_into_slice(value, &mut start, CONFIG) {
        Ok(len) => then(&start[..len]),
        Err(EncodeError::UnexpectedEnd) => then(&encode(value)),
        Err(error) => panic!("{ENCODABLE}: {error}"),
    }
}

const ENCODABLE: &str = "BUG: a cached type has a value that cannot be encoded";

/// Returns the value whose bytes are all of `bytes`; `None` where they are not, or claim more than 64 MiB.
pub fn decode<T: Decode<()>>(bytes: &[u8]) -> Option<T> {
    let (value, used) = bincode::decode_from_slice(bytes, CONFIG).ok()?;
    (used == bytes.len()).then_some(value)
}

/// Raised when sealed rows change their form; rows of another version do not unseal.
const SEAL_VERSION: u8 = 1;
/// Sets these checksums apart from every other use of BLAKE3.
const SEAL_KEY: &[u8; 32] = b"packwright: a sealed row, form 1";
const CHECKSUM_LEN: usize = 16;

/// A checksum over a row's table, key and value.
pub type Checksum = [u8; CHECKSUM_LEN];

/// Returns the checksum over `value` and where it belongs, and the value behind a version and that checksum.
pub fn seal(table: &str, key: &[u8], value: &[u8]) -> (Checksum, Vec<u8>) {
    let checksum = checksum(table, key, value);
    let mut sealed = Vec::with_capacity(1 + CHECKSUM_LEN + value.len());
    sealed.push(SEAL_VERSION);
    sealed.extend(checksum);
    sealed.extend(value);
    (checksum, sealed)
}

/// Returns the value that was sealed for this very table and key, or `None`.
pub fn unseal<'a>(table: &str, key: &[u8], sealed: &'a [u8]) -> Option<&'a [u8]> {
    let (claimed, value) = split_seal(sealed)?;
    (claimed == checksum(table, key, value)).then_some(value)
}

/// Returns the checksum that a sealed row claims, and its value, unchecked; `None` for what cannot be one.
pub fn split_seal(sealed: &[u8]) -> Option<(Checksum, &[u8])> {
    let (version, rest) = sealed.split_first()?;
    let (checksum, value) = rest.split_first_chunk()?;
    (*version == SEAL_VERSION).then_some((*checksum, value))
}

/// Returns the checksum over a value and where it belongs.
pub fn checksum(table: &str, key: &[u8], value: &[u8]) -> Checksum {
    let mut hasher = blake3::Hasher::new_keyed(SEAL_KEY);
    for part in [table.as_bytes(), key] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.update(value);
    *hasher.finalize().as_bytes().first_chunk().expect("a BLAKE3 digest has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_back_and_nothing_may_follow_them() {
        let value = (7_u32, "hero".to_owned(), vec![1_u8, 2, 3]);
        let mut bytes = encode(&value);
        assert_eq!(decode(&bytes), Some(value));
        bytes.push(0);
        assert_eq!(decode::<(u32, String, Vec<u8>)>(&bytes), None);
    }

    #[test]
    fn every_truncation_is_refused() {
        let bytes = encode(&vec!["a".to_owned(), "bc".to_owned()]);
        for len in 0..bytes.len() {
            assert_eq!(decode::<Vec<String>>(&bytes[..len]), None, "{len}");
        }
    }

    #[test]
    fn a_corrupt_length_does_not_allocate() {
        for len in [u64::MAX, 1 << 40, LIMIT as u64 + 1] {
            assert_eq!(decode::<Vec<u8>>(&encode(&len)), None);
            assert_eq!(decode::<Vec<[u64; 4]>>(&encode(&len)), None);
        }
    }

    #[test]
    fn a_seal_covers_table_key_and_value() {
        let sealed = seal("t", b"key", b"value").1;
        assert_eq!(unseal("t", b"key", &sealed), Some(&b"value"[..]));
        assert_eq!(unseal("t", b"kez", &sealed), None);
        assert_eq!(unseal("u", b"key", &sealed), None);
        assert_eq!(unseal("tk", b"ey", &sealed), None);
        assert_eq!(unseal("t", b"keyv", &seal("t", b"key", b"value").1), None);
    }

    #[test]
    fn every_flipped_bit_and_every_truncation_breaks_a_seal() {
        let sealed = seal("t", b"key", b"some value").1;
        for bit in 0..sealed.len() * 8 {
            let mut flipped = sealed.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(unseal("t", b"key", &flipped), None, "bit {bit}");
        }
        for len in 0..sealed.len() {
            assert_eq!(unseal("t", b"key", &sealed[..len]), None, "length {len}");
        }
    }

    #[test]
    fn an_empty_value_can_be_sealed() {
        assert_eq!(unseal("t", b"", &seal("t", b"", b"").1), Some(&b""[..]));
    }

    /// The form on disk; changing it needs a new `SEAL_VERSION` and key.
    #[test]
    fn seal_golden() {
        let hex: String = seal("traces", b"k", b"v").1.iter().map(|it| format!("{it:02x}")).collect();
        expect_test::expect!["012734f15acdb83f5fe6fd53fa11634b0076"].assert_eq(&hex);
    }
}
