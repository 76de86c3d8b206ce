//! The smallest sounds, put together from their fields. Checksums are worked out bit by bit: twins of the tables.

/// A chunk of RIFF, its length made even.
pub fn chunk(id: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut bytes = [&id[..], &(body.len() as u32).to_le_bytes(), body].concat();
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    bytes
}

/// A RIFF of chunks.
pub fn riff(chunks: &[Vec<u8>]) -> Vec<u8> {
    let chunks = chunks.concat();
    [b"RIFF", &(chunks.len() as u32 + 4).to_le_bytes()[..], b"WAVE", &chunks].concat()
}

/// A body of `fmt `.
pub fn format(tag: u16, channels: u16, rate: u32, block: u16, bits: u16) -> Vec<u8> {
    let (per_second, halves) = (rate * u32::from(block), |it: u16| it.to_le_bytes());
    [&halves(tag)[..], &halves(channels), &rate.to_le_bytes(), &per_second.to_le_bytes(), &halves(block), &halves(bits)]
        .concat()
}

/// IMA's ADPCM: one channel, blocks of 36 bytes, 65 frames each.
pub fn ima_format() -> Vec<u8> {
    [&format(0x11, 1, 8000, 36, 4)[..], &[2, 0, 65, 0]].concat()
}

/// Two blocks of it, of which all frames but the last count.
pub fn ima_wav() -> Vec<u8> {
    let fact = chunk(b"fact", &129_u32.to_le_bytes());
    riff(&[chunk(b"fmt ", &ima_format()), fact, chunk(b"data", &[0; 72])])
}

/// Microsoft's ADPCM: one channel, blocks of 16 bytes, 20 frames each, two pairs of coefficients.
pub fn ms_format() -> Vec<u8> {
    [&format(2, 1, 8000, 16, 4)[..], &[12, 0, 20, 0, 2, 0], &[0, 1, 0, 0], &[0, 2, 0, 0xff]].concat()
}

/// A WAV of a format and samples.
pub fn wav(format: &[u8], data: &[u8]) -> Vec<u8> {
    riff(&[chunk(b"fmt ", format), chunk(b"data", data)])
}

/// A body of `smpl` with a loop; its last frame is part of it.
pub fn sampler(start: u32, last: u32) -> Vec<u8> {
    [0, 0, 0, 60, 0, 0, 0, 1, 0, 7, 0, start, last, 0, 0].map(u32::to_le_bytes).concat()
}

/// Four frames of two channels of 16 bits, the second and third of them a loop, and a cue point.
pub fn looped_wav() -> Vec<u8> {
    let cue = [1, 1, 0, u32::from_le_bytes(*b"data"), 0, 0, 3].map(u32::to_le_bytes).concat();
    riff(&[
        chunk(b"fmt ", &format(1, 2, 8000, 4, 16)),
        chunk(b"cue ", &cue),
        chunk(b"data", &[1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 0, 7, 0, 8, 0]),
        chunk(b"smpl", &sampler(1, 2)),
    ])
}

/// Bits, the low one of each byte first.
#[derive(Default)]
struct Bits(Vec<bool>);

impl Bits {
    fn put(&mut self, width: u32, value: u32) -> &mut Self {
        self.0.extend((0..width).map(|it| value >> it & 1 == 1));
        self
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.chunks(8).map(|it| it.iter().rev().fold(0, |byte, bit| byte << 1 | u8::from(*bit))).collect()
    }
}

/// The three headers of a Vorbis stream with blocks of 64 and 256 frames and with two modes, short and long.
pub fn vorbis_headers(channels: u8, rate: u32, comments: &[&str]) -> [Vec<u8>; 3] {
    let rate = rate.to_le_bytes();
    let first = [b"\x01vorbis\0\0\0\0", &[channels][..], &rate, &[0; 12], &[0x86, 1]].concat();
    let second = [b"\x03vorbis", &comment_list(comments)[..], &[1]].concat();
    let third = [b"\x05vorbis", &vorbis_setup()[..]].concat();
    [first, second, third]
}

fn vorbis_setup() -> Vec<u8> {
    let mut bits = Bits::default();
    // Three codebooks: ordered, with a lookup by roots; sparse; all entries told.
    bits.put(8, 2);
    bits.put(24, 0x56_4342).put(16, 2).put(24, 4).put(1, 1).put(5, 1).put(3, 4).put(4, 1);
    bits.put(32, 0).put(32, 0).put(4, 3).put(1, 0).put(4, 1).put(4, 2);
    bits.put(24, 0x56_4342).put(16, 1).put(24, 2).put(1, 0).put(1, 1).put(1, 1).put(5, 0).put(1, 0).put(4, 0);
    bits.put(24, 0x56_4342).put(16, 1).put(24, 2).put(1, 0).put(1, 0).put(5, 0).put(5, 0).put(4, 0);
    // One transform in time.
    bits.put(6, 0).put(16, 0);
    // Both kinds of floors.
    bits.put(6, 1);
    bits.put(16, 0).put(8, 1).put(16, 8000).put(16, 16).put(6, 1).put(8, 0).put(4, 0).put(8, 2);
    bits.put(16, 1).put(5, 1).put(4, 0).put(3, 0).put(2, 1).put(8, 1).put(8, 0).put(8, 3).put(2, 0).put(4, 3).put(3, 1);
    // A residue with two classes.
    bits.put(6, 0).put(16, 2).put(24, 0).put(24, 32).put(24, 7).put(6, 1).put(8, 0);
    bits.put(3, 1).put(1, 0).put(3, 0).put(1, 1).put(5, 1).put(8, 1).put(8, 2);
    // A mapping with one submap.
    bits.put(6, 0).put(16, 0).put(1, 0).put(1, 0).put(2, 0).put(8, 0).put(8, 1).put(8, 0);
    // A short and a long mode.
    bits.put(6, 1).put(1, 0).put(16, 0).put(16, 0).put(8, 0).put(1, 1).put(16, 0).put(16, 0).put(8, 0);
    bits.put(1, 1).bytes()
}

/// A list of comments.
pub fn comment_list(comments: &[&str]) -> Vec<u8> {
    let text = |it: &str| [&(it.len() as u32).to_le_bytes(), it.as_bytes()].concat();
    let mut bytes = [text("by hand"), (comments.len() as u32).to_le_bytes().to_vec()].concat();
    bytes.extend(comments.iter().flat_map(|it| text(it)));
    bytes
}

/// A Vorbis packet of a short (0) or long (2) block.
pub const SHORT: &[u8] = &[0];
/// See [`SHORT`].
pub const LONG: &[u8] = &[2];

/// A page of Ogg.
#[derive(Clone)]
pub struct Page<'a> {
    /// 1 continued, 2 first, 4 last.
    pub flags: u8,
    /// Where the last packet that ends on it ends, in frames.
    pub position: i64,
    /// The stream.
    pub serial: u32,
    /// Its number.
    pub sequence: u32,
    /// What is on it.
    pub packets: &'a [&'a [u8]],
    /// Whether the last of them goes on on the next page; then it has a multiple of 255 bytes.
    pub open: bool,
}

impl Page<'_> {
    /// Returns its bytes.
    pub fn bytes(&self) -> Vec<u8> {
        let mut lacing = Vec::new();
        for packet in self.packets {
            lacing.resize(lacing.len() + packet.len() / 255, 255);
            lacing.push((packet.len() % 255) as u8);
        }
        if self.open {
            assert_eq!(lacing.pop(), Some(0));
        }
        let mut bytes = [&b"OggS\0"[..], &[self.flags], &self.position.to_le_bytes()].concat();
        bytes.extend([self.serial, self.sequence, 0].map(u32::to_le_bytes).as_flattened());
        bytes.push(u8::try_from(lacing.len()).expect("pages are small"));
        bytes.extend(lacing);
        bytes.extend(self.packets.concat());
        mend_pages(&bytes)
    }
}

/// Pages of one stream, numbered; each of flags, position and packets.
pub fn pages(serial: u32, pages: &[(u8, i64, &[&[u8]])]) -> Vec<u8> {
    let page = |(sequence, (flags, position, packets)): (u32, &(u8, i64, &[&[u8]]))| {
        Page { flags: *flags, position: *position, serial, sequence, packets, open: false }.bytes()
    };
    (0..).zip(pages).flat_map(page).collect()
}

/// A Vorbis stream of one channel: 16 + 40 + 128 frames, of which the last 4 are cut off.
pub fn vorbis() -> Vec<u8> {
    let [first, second, third] = vorbis_headers(1, 8000, &["LOOPSTART=30", "LOOPLENGTH=100"]);
    pages(7, &[(2, 0, &[&first]), (0, 0, &[&second, &third]), (4, 228, &[SHORT, SHORT, SHORT, LONG, LONG])])
}

/// The two headers of an Opus stream.
pub fn opus_headers(channels: u8, comments: &[&str]) -> [Vec<u8>; 2] {
    let first = [b"OpusHead\x01", &[channels][..], &[0x38, 1], &48_000_u32.to_le_bytes(), &[0, 0, 0]].concat();
    [first, [b"OpusTags", &comment_list(comments)[..]].concat()]
}

/// An Opus stream of two packets of 20 ms, of which 312 frames are skipped at the beginning and 48 at the end.
pub fn opus() -> Vec<u8> {
    let [first, second] = opus_headers(2, &[]);
    pages(7, &[(2, 0, &[&first]), (0, 0, &[&second]), (4, 1872, &[&[0xfc, 1, 2], &[0xfc, 3]])])
}

/// Writes the right CRC into every page that is there.
pub fn mend_pages(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut at = 0;
    while bytes.get(at..at + 4) == Some(b"OggS") {
        let Some(n) = bytes.get(at + 26).map(|it| usize::from(*it)) else { break };
        let Some(lacing) = bytes.get(at + 27..at + 27 + n) else { break };
        let end = at + 27 + n + lacing.iter().map(|it| usize::from(*it)).sum::<usize>();
        if end > bytes.len() {
            break;
        }
        bytes[at + 22..at + 26].fill(0);
        let crc = crc(32, 0x04c1_1db7, &bytes[at..end]);
        bytes[at + 22..at + 26].copy_from_slice(&crc.to_le_bytes());
        at = end;
    }
    bytes
}

/// A CRC of so many bits, from the high end and from zero.
fn crc(width: u32, polynomial: u32, bytes: &[u8]) -> u32 {
    let mask = ((1_u64 << width) - 1) as u32;
    let step = |crc: u32, bit: bool| {
        let out = crc >> (width - 1) & 1 == 1;
        (crc << 1 & mask) ^ if out != bit { polynomial } else { 0 }
    };
    let bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |it| byte >> it & 1 == 1));
    bits.fold(0, step)
}

/// STREAMINFO: 16 bits a sample.
pub fn stream_info(channels: u8, rate: u32, frames: u64) -> Vec<u8> {
    let packed = u64::from(rate) << 44 | u64::from(channels - 1) << 41 | 15 << 36 | frames;
    [&[0, 16, 0, 16, 0, 0, 0, 0, 0, 0][..], &packed.to_be_bytes(), &[0; 16]].concat()
}

/// A block of FLAC's metadata.
pub fn block(kind: u8, body: &[u8]) -> Vec<u8> {
    let [_, len @ ..] = (body.len() as u32).to_be_bytes();
    [&[kind][..], &len, body].concat()
}

/// A frame of FLAC: one channel of `samples` samples that are all `value`.
pub fn flac_frame(number: u8, samples: u8, value: i16) -> Vec<u8> {
    // Size and rate (of STREAMINFO); one channel, 16 bits; number; samples less one.
    let mut bytes = vec![0xff, 0xf8, 0x60, 0x08, number, samples - 1];
    bytes.push(crc(8, 7, &bytes) as u8);
    // A constant.
    bytes.push(0);
    bytes.extend(value.to_be_bytes());
    let crc = crc(16, 0x8005, &bytes) as u16;
    bytes.extend(crc.to_be_bytes());
    bytes
}

/// Two frames, 24 samples, with a loop.
pub fn flac() -> Vec<u8> {
    let comments = block(0x84, &comment_list(&["LOOPSTART=4"]));
    let head = [b"fLaC".to_vec(), block(0, &stream_info(1, 8000, 24)), comments].concat();
    [head, flac_frame(0, 16, 5), flac_frame(1, 8, 9)].concat()
}

/// The header of a frame of one channel at 44,100 Hz and 32 kbit/s: 104 bytes with it.
pub const MP3_HEAD: [u8; 4] = [0xff, 0xfb, 0x10, 0xc0];

/// A frame without anything in it.
pub fn mp3_frame() -> Vec<u8> {
    let mut bytes = MP3_HEAD.to_vec();
    bytes.resize(104, 0);
    bytes
}

/// A first frame that says how many others follow, and how many samples are none of the sound.
pub fn mp3_info(frames: u32, bytes: u32, delay: u16, padding: u16) -> Vec<u8> {
    let mut frame = MP3_HEAD.to_vec();
    frame.resize(4 + 17, 0);
    frame.extend(b"Info\0\0\0\x03");
    frame.extend([frames, bytes].map(u32::to_be_bytes).as_flattened());
    frame.extend(b"LAME3.100");
    frame.resize(frame.len() + 12, 0);
    frame.extend([(delay >> 4) as u8, (delay << 4 | padding >> 8) as u8, padding as u8]);
    frame.resize(104, 0);
    frame
}

/// Two frames of 1,152 samples, of which 576 are skipped at the beginning and 700 at the end.
pub fn mp3() -> Vec<u8> {
    [mp3_info(2, 312, 576, 700), mp3_frame(), mp3_frame()].concat()
}
