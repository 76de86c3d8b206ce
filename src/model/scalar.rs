//! Values that are one string in JSON: read from it without a copy, and the hexadecimal digits that many consist of.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error, Visitor};

/// Reads a string and makes of it whatever `parse` does. `expected` says what the string should have been.
///
/// A registry has a few of these in each of its lines: `Cow`'s own implementation would copy every one.
///
/// # Errors
///
/// When there is no string, or `parse` returns `None`.
pub fn deserialize<'de, D: serde::Deserializer<'de>, T>(
    deserializer: D,
    expected: &'static str,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<T, D::Error> {
    deserializer.deserialize_str(Parsed { expected, parse, made: PhantomData })
}

struct Parsed<T, P> {
    expected: &'static str,
    parse: P,
    made: PhantomData<T>,
}

impl<T, P: Fn(&str) -> Option<T>> Visitor<'_> for Parsed<T, P> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).ok_or_else(|| E::custom(format_args!("expected {}", self.expected)))
    }
}

/// Returns the bytes that pairs of lower-case hexadecimal digits stand for; `None` for any other text or number of them.
pub fn from_hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    // No number of 0 to 15 has one of the upper bits: they are looked at once, in the end.
    let mut bad = 0;
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        let (high, low) = (VALUES[usize::from(pair[0])], VALUES[usize::from(pair[1])]);
        bad |= high | low;
        *byte = high << 4 | (low & 0x0f);
    }
    (bad & 0xf0 == 0).then_some(bytes)
}

/// What each byte is worth as a hexadecimal digit; 255 for what is none.
const VALUES: [u8; 256] = {
    let mut values = [0xff; 256];
    let mut digit = 0;
    while digit < 16 {
        values[b"0123456789abcdef"[digit] as usize] = digit as u8;
        digit += 1;
    }
    values
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_reads_back_and_nothing_else_does() {
        for byte in 0..=u8::MAX {
            assert_eq!(from_hex(format!("{byte:02x}").as_bytes()), Some([byte]));
            let is_digit = byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            assert_eq!(from_hex::<1>(&[byte, b'0']).is_some(), is_digit, "{byte}");
            assert_eq!(from_hex::<1>(&[b'0', byte]).is_some(), is_digit, "{byte}");
        }
        assert_eq!(
            (from_hex::<1>(b"0"), from_hex::<1>(b"000"), from_hex::<2>(b"1f80")),
            (None, None, Some([0x1f, 0x80]))
        );
    }
}
