//! The samples of a WAV as integers of 16 bits, and several channels as one.
//!
//! Integers only, floats too are taken apart by their bits, so that the result is the same on every processor.
//! What has more bits is rounded to the nearest, halves upwards; nothing is dithered, and what lies beyond the
//! range is cut off at its ends.

use super::bytes::Fields;
use super::wav::{Codec, Layout};

/// Decodes `frames` frames, the samples of each one after the other. `bytes` are those that `layout` was read from.
///
/// # Errors
///
/// What is wrong with a block of ADPCM.
pub fn decode(bytes: &[u8], layout: &Layout, frames: u64) -> Result<Vec<i16>, String> {
    let (data, channels) = (&bytes[layout.data.clone()], usize::from(layout.channels));
    let mut samples = match layout.codec {
        Codec::Pcm(1) => data.iter().map(|it| (i16::from(*it) - 128) << 8).collect(),
        Codec::Pcm(2) => each(data, i16::from_le_bytes),
        Codec::Pcm(3) => each(data, |[a, b, c]| narrow(i32::from_le_bytes([0, a, b, c]))),
        Codec::Pcm(_) => each(data, |it| narrow(i32::from_le_bytes(it))),
        Codec::Float(4) => each(data, |it| from_float(f64::from(f32::from_le_bytes(it)))),
        Codec::Float(_) => each(data, |it| from_float(f64::from_le_bytes(it))),
        Codec::Alaw => data.iter().map(|it| from_alaw(*it)).collect(),
        Codec::Mulaw => data.iter().map(|it| from_mulaw(*it)).collect(),
        Codec::Ima | Codec::Ms => {
            let mut samples = Vec::new();
            for block in data.chunks(layout.block.into()) {
                if layout.codec == Codec::Ima {
                    ima_block(block, channels, &mut samples);
                } else {
                    ms_block(block, channels, &layout.coefficients, &mut samples)?;
                }
            }
            samples
        }
    };
    // What fills up the last frame or block.
    samples.truncate(usize::try_from(frames).map_or(usize::MAX, |it| it.saturating_mul(channels)));
    Ok(samples)
}

/// Returns the mean of each frame's samples, rounded to the nearest, halves upwards.
pub fn mono(samples: &[i16], channels: u16) -> Vec<i16> {
    let n = i64::from(channels);
    let mean = |frame: &[i16]| {
        let sum: i64 = frame.iter().map(|it| i64::from(*it)).sum();
        (2 * sum + n).div_euclid(2 * n) as i16
    };
    samples.chunks_exact(channels.into()).map(mean).collect()
}

fn each<const N: usize>(data: &[u8], sample: impl Fn([u8; N]) -> i16) -> Vec<i16> {
    data.as_chunks().0.iter().map(|it| sample(*it)).collect()
}

/// Returns the upper half of a sample, rounded.
fn narrow(sample: i32) -> i16 {
    // Only the topmost can be rounded out of the range.
    (sample.saturating_add(0x8000) >> 16) as i16
}

/// Returns a sample whose full range is -1 to 1.
fn from_float(sample: f64) -> i16 {
    let bits = sample.to_bits();
    let (negative, exponent, fraction) = (bits >> 63 == 1, bits >> 52 & 0x7ff, bits & ((1 << 52) - 1));
    if exponent == 0x7ff && fraction != 0 {
        return 0;
    }
    // The sample times 2^15 is this by 2^-shift. What is denormal is far below a half.
    let mantissa = fraction | 1 << 52;
    let magnitude = match 1060_u64.checked_sub(exponent) {
        None | Some(0) => u64::MAX,
        Some(shift @ 1..=54) => (mantissa + (1 << (shift - 1)) - u64::from(negative)) >> shift,
        Some(_) => 0,
    };
    let magnitude = magnitude.min(0x8000) as i32;
    (if negative { -magnitude } else { magnitude.min(0x7fff) }) as i16
}

/// G.711's A-law: a sign, an exponent and a fraction, every other bit turned.
fn from_alaw(byte: u8) -> i16 {
    let byte = byte ^ 0x55;
    let (exponent, fraction) = (byte >> 4 & 7, i16::from(byte & 15) << 4);
    let magnitude = match exponent {
        0 => fraction + 8,
        _ => (fraction + 0x108) << (exponent - 1),
    };
    if byte & 0x80 != 0 { magnitude } else { -magnitude }
}

/// G.711's mu-law: a sign, an exponent and a fraction, all bits turned.
fn from_mulaw(byte: u8) -> i16 {
    let byte = !byte;
    let magnitude = (((i16::from(byte & 15) << 3) + 0x84) << (byte >> 4 & 7)) - 0x84;
    if byte & 0x80 != 0 { -magnitude } else { magnitude }
}

/// The steps of IMA's ADPCM.
const STEPS: [i32; 89] = [
    7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73, 80, 88, 97, 107,
    118, 130, 143, 157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449, 494, 544, 598, 658, 724, 796, 876, 963,
    1060, 1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272, 2499, 2749, 3024, 3327, 3660, 4026, 4428, 4871, 5358, 5894,
    6484, 7132, 7845, 8630, 9493, 10442, 11487, 12635, 13899, 15289, 16818, 18500, 20350, 22385, 24623, 27086, 29794,
    32767,
];

/// Where one channel of IMA's ADPCM stands.
struct Ima {
    sample: i32,
    step: usize,
}

impl Ima {
    /// Reads a channel's part of a block's head.
    fn begin([low, high, step, _]: [u8; 4]) -> Self {
        Self { sample: i16::from_le_bytes([low, high]).into(), step: usize::from(step).min(STEPS.len() - 1) }
    }

    fn next(&mut self, code: u8) -> i16 {
        let step = STEPS[self.step];
        let part = |bit: u8, it: i32| if code & bit != 0 { it } else { 0 };
        let change = (step >> 3) + part(4, step) + part(2, step >> 1) + part(1, step >> 2);
        let sample = if code & 8 != 0 { self.sample - change } else { self.sample + change };
        self.sample = saturated(sample).into();
        let faster = [0, 0, 0, 0, 2, 4, 6, 8][usize::from(code & 7)];
        self.step = if faster == 0 { self.step.saturating_sub(1) } else { (self.step + faster).min(STEPS.len() - 1) };
        self.sample as i16
    }
}

/// Appends the frames of a block: one in its head, then eight with four bytes of each channel in turn.
fn ima_block(block: &[u8], channels: usize, samples: &mut Vec<i16>) {
    let Some((heads, rest)) = block.split_at_checked(4 * channels) else { return };
    let mut states: Vec<Ima> = heads.as_chunks().0.iter().map(|it| Ima::begin(*it)).collect();
    samples.extend(states.iter().map(|it| it.sample as i16));
    for group in rest.chunks_exact(4 * channels) {
        let start = samples.len();
        samples.resize(start + 8 * channels, 0);
        for (channel, (bytes, state)) in group.as_chunks::<4>().0.iter().zip(&mut states).enumerate() {
            let codes = bytes.iter().flat_map(|it| [it & 15, it >> 4]);
            for (at, code) in codes.enumerate() {
                samples[start + at * channels + channel] = state.next(code);
            }
        }
    }
}

/// Where one channel of Microsoft's ADPCM stands.
struct Ms {
    coefficients: (i32, i32),
    step: i32,
    /// The sample before, and the one before that.
    last: i32,
    older: i32,
}

impl Ms {
    fn next(&mut self, code: u8) -> i16 {
        const FASTER: [i32; 16] = [230, 230, 230, 230, 307, 409, 512, 614, 768, 614, 512, 409, 307, 230, 230, 230];
        // All of these are within 16 bits; the step may leave them, and stays within what it can be multiplied by.
        let predicted = (self.last * self.coefficients.0).saturating_add(self.older * self.coefficients.1) >> 8;
        let signed = i32::from(code ^ 8) - 8;
        let sample = saturated(predicted.saturating_add(self.step.saturating_mul(signed)));
        self.step = (self.step.saturating_mul(FASTER[usize::from(code)]) >> 8).max(16);
        (self.older, self.last) = (self.last, sample.into());
        sample
    }
}

/// Appends the frames of a block: two in its head, then the channels take turns by half a byte.
fn ms_block(block: &[u8], channels: usize, table: &[(i16, i16)], samples: &mut Vec<i16>) -> Result<(), String> {
    let mut fields = Fields(block);
    let Some((choices, heads)) = fields.take(channels).zip(fields.take(6 * channels)) else { return Ok(()) };
    let head: Vec<i32> = each(heads, i16::from_le_bytes).into_iter().map(i32::from).collect();
    let mut states = Vec::with_capacity(channels);
    for (channel, choice) in choices.iter().enumerate() {
        let pair = table.get(usize::from(*choice));
        let (a, b) =
            pair.ok_or_else(|| format!("a block chooses the pair of coefficients {choice}, which is not there"))?;
        let [step, last, older] = [0, 1, 2].map(|it| head[it * channels + channel]);
        states.push(Ms { coefficients: ((*a).into(), (*b).into()), step, last, older });
    }
    samples.extend(states.iter().map(|it| it.older as i16));
    samples.extend(states.iter().map(|it| it.last as i16));
    let codes = fields.0.iter().flat_map(|it| [it >> 4, it & 15]);
    for (at, code) in codes.enumerate() {
        samples.push(states[at % channels].next(code));
    }
    Ok(())
}

fn saturated(sample: i32) -> i16 {
    sample.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_bits_are_rounded_to_the_nearest() {
        for (sample, expected) in [
            (0, 0),
            (0x7fff, 0),
            (0x8000, 1),
            (-0x8000, 0),
            (-0x8001, -1),
            (i32::MAX, i16::MAX),
            (i32::MIN, i16::MIN),
            (0x7fff_7fff, 0x7fff),
        ] {
            assert_eq!(narrow(sample), expected, "{sample}");
            assert_eq!(from_float(f64::from(sample) / f64::from(1 << 16) / 32768.0), expected, "{sample}");
        }
    }

    #[test]
    fn floats_are_taken_apart() {
        // The twin: as the processor would do it.
        let exact = |it: f64| (it * 32768.0 + 0.5).floor().clamp(-32768.0, 32767.0) as i16;
        for at in -70_000..70_000 {
            let sample = f64::from(at) / 65_536.0 * 1.03;
            assert_eq!(from_float(sample), exact(sample), "{sample}");
        }
        for (sample, expected) in [
            (f64::NAN, 0),
            (f64::INFINITY, 32767),
            (f64::NEG_INFINITY, -32768),
            (f64::MAX, 32767),
            (f64::MIN_POSITIVE, 0),
            (-5e-324, 0),
            (-0.0, 0),
            (1.0, 32767),
            (-1.0, -32768),
            (0.5 / 32768.0, 1),
            (-0.5 / 32768.0, 0),
            (-0.500_000_1 / 32768.0, -1),
        ] {
            assert_eq!(from_float(sample), expected, "{sample}");
        }
    }

    #[test]
    fn logarithms_are_those_of_the_standard() {
        assert_eq!([0x00, 0x7f, 0x80, 0xff, 0xaa].map(from_mulaw), [-32124, 0, 32124, 0, 5372]);
        assert_eq!([0xd5, 0x55, 0x2a, 0xaa, 0x80].map(from_alaw), [8, -8, -32256, 32256, 5504]);
        // Both are odd functions of their sign bit.
        assert!((0..128).all(|it| from_mulaw(it) == -from_mulaw(it | 128) && from_alaw(it) == -from_alaw(it | 128)));
    }

    #[test]
    fn steps_stay_in_their_table() {
        let mut state = Ima::begin([0xff, 0x7f, 255, 0]);
        assert_eq!([state.next(7), state.next(15), state.next(15)], [32767, -28669, -32768]);
        let mut slow = Ima { sample: 0, step: 0 };
        assert_eq!([slow.next(0), slow.next(8), slow.next(4)], [0, 0, 7]);
    }

    #[test]
    fn predictions_stay_within_their_numbers() {
        let extreme = [i16::MIN, i16::MAX, 0, -1];
        for a in extreme {
            for b in extreme {
                let mut state = Ms { coefficients: (a.into(), b.into()), step: b.into(), last: -32768, older: -32768 };
                (0..1000).for_each(|it| _ = state.next(it as u8 & 15));
            }
        }
        let mut state = Ms { coefficients: (256, 0), step: 16, last: 100, older: 0 };
        assert_eq!([state.next(1), state.next(15), state.next(8)], [116, 100, -28]);
    }

    #[test]
    fn means_are_rounded_upwards() {
        assert_eq!(mono(&[1, 2, -1, -2, 3, 3, i16::MAX, i16::MAX], 2), [2, -1, 3, i16::MAX]);
        assert_eq!(mono(&[1, 1, 0, i16::MIN, i16::MIN, i16::MIN], 3), [1, i16::MIN]);
        assert_eq!(mono(&[i16::MIN; 65_535], u16::MAX), [i16::MIN]);
        assert!(mono(&[], 2).is_empty());
    }
}
