//! Ogg: pages, the packets on them, and streams one after the other.
//!
//! Knows pages, their CRCs and positions; what the packets of Vorbis and Opus bring is asked of these. Several
//! streams side by side (a film) are refused; a skeleton, which only describes the others, is passed over.

use super::bytes::Fields;
use super::sound::{Refusal, Sound, count, remark};
use super::{comments::Comments, opus, vorbis};

/// Reads a file that begins with a page.
///
/// # Errors
///
/// Why it cannot be passed on.
pub fn read(bytes: &[u8]) -> Result<Sound, Refusal> {
    let mut chain = Chain::default();
    let mut at = 0;
    while at < bytes.len() {
        if !bytes[at..].starts_with(CAPTURE) && chain.may_end() && !CAPTURE.starts_with(&bytes[at..]) {
            let n = count((bytes.len() - at) as u64, "byte");
            remark(&mut chain.odd, format!("{n} after the last page are no page"));
            break;
        }
        let page = page_at(bytes, at)?;
        at += page.len;
        chain.page(&page)?;
    }
    chain.finish()
}

const CAPTURE: &[u8] = b"OggS";

/// A page, all of which is there.
struct Page<'a> {
    flags: u8,
    position: i64,
    serial: u32,
    sequence: u32,
    lacing: &'a [u8],
    body: &'a [u8],
    /// Bytes of all of it.
    len: usize,
}

impl Page<'_> {
    const CONTINUED: u8 = 1;
    const FIRST: u8 = 2;
    const LAST: u8 = 4;

    fn is(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Returns the page that begins at `at`, within `bytes`.
fn page_at(bytes: &[u8], at: usize) -> Result<Page<'_>, Refusal> {
    let rest = &bytes[at..];
    if !rest.starts_with(CAPTURE) && !CAPTURE.starts_with(rest) {
        return Err(format!("at byte {at} there is no page where one should begin").into());
    }
    let cut_off = || Refusal::Broken(format!("the file ends within the page at byte {at}"));
    let mut fields = Fields(rest.get(4..).ok_or_else(cut_off)?);
    let head = |fields: &mut Fields<'_>| {
        let (version, flags, position) = (fields.u8()?, fields.u8()?, fields.u64_le()? as i64);
        let (serial, sequence, crc, n) = (fields.u32_le()?, fields.u32_le()?, fields.u32_le()?, fields.u8()?);
        Some((version, flags, position, serial, sequence, crc, n))
    };
    let (version, flags, position, serial, sequence, crc, n) = head(&mut fields).ok_or_else(cut_off)?;
    if version != 0 {
        return Err(format!("the page at byte {at} is of version {version}, and only 0 exists").into());
    }
    let lacing = fields.take(n.into()).ok_or_else(cut_off)?;
    let body = fields.take(lacing.iter().map(|it| usize::from(*it)).sum()).ok_or_else(cut_off)?;
    let len = rest.len() - fields.0.len();
    let (before, after) = (&rest[..22], &rest[26..len]);
    if crc32(crc32(crc32(0, before), &[0; 4]), after) != crc {
        return Err(format!("the page at byte {at} has a wrong CRC").into());
    }
    Ok(Page { flags, position, serial, sequence, lacing, body, len })
}

/// The CRC of Ogg: that of Ethernet, but from the other end, and from zero.
fn crc32(crc: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(crc, |crc, byte| crc << 8 ^ CRC_TABLE[usize::from((crc >> 24) as u8 ^ byte)])
}

static CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut crc = (at as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc >> 31 == 1 { 0x04c1_1db7 ^ (crc << 1) } else { crc << 1 };
            bit += 1;
        }
        table[at] = crc;
        at += 1;
    }
    table
};

/// Streams one after the other.
#[derive(Default)]
struct Chain {
    /// What those before came to.
    done: Option<Sound>,
    n_links: i64,
    /// The one that the pages belong to.
    link: Option<Link>,
    /// Whether the page before was the first of a stream: only then another may begin beside it.
    beginning: bool,
    /// Serial numbers of skeletons.
    skeletons: Vec<u32>,
    odd: Vec<String>,
}

impl Chain {
    /// Returns whether the file may end here.
    fn may_end(&self) -> bool {
        self.link.as_ref().is_some_and(|it| it.ended)
    }

    fn page(&mut self, page: &Page<'_>) -> Result<(), Refusal> {
        if page.is(Page::FIRST) {
            return self.first_page(page);
        }
        self.beginning = false;
        if self.skeletons.contains(&page.serial) {
            return Ok(());
        }
        match &mut self.link {
            Some(link) if link.serial == page.serial => link.page(page),
            _ => Err(format!("a page belongs to the stream {:08x}, which never began", page.serial).into()),
        }
    }

    fn first_page(&mut self, page: &Page<'_>) -> Result<(), Refusal> {
        if !self.beginning {
            self.close()?;
            self.skeletons.clear();
        }
        self.beginning = true;
        if page.body.starts_with(b"fishead\0") {
            if self.skeletons.len() >= 16 {
                return Err("there are more than 16 skeletons".into());
            }
            self.skeletons.push(page.serial);
            return Ok(());
        }
        let codec = Codec::begin(page)?;
        if self.link.is_some() {
            return Err(Refusal::Kind("this is an Ogg with several streams side by side".to_owned()));
        }
        let mut link = Link::new(page, codec);
        link.page(page)?;
        self.link = Some(link);
        Ok(())
    }

    /// Adds the stream whose last page was seen to those before.
    fn close(&mut self) -> Result<(), Refusal> {
        let Some(link) = self.link.take() else { return Ok(()) };
        self.n_links += 1;
        let sound = link.finish(&mut self.odd)?;
        let Some(done) = &mut self.done else {
            self.done = Some(sound);
            return Ok(());
        };
        let form = |it: &Sound| (it.codec, it.channels, it.rate);
        if form(done) != form(&sound) {
            let words =
                |it: &Sound| format!("{} with {} at {} Hz", it.codec, count(it.channels.into(), "channel"), it.rate);
            let message = format!("streams follow one another that differ: {}, then {}", words(done), words(&sound));
            return Err(Refusal::Kind(message));
        }
        done.frames += sound.frames;
        Ok(())
    }

    fn finish(mut self) -> Result<Sound, Refusal> {
        self.close()?;
        let mut sound = self.done.ok_or_else(|| Refusal::Kind("this is an Ogg without a sound".to_owned()))?;
        sound.fact("streams", self.n_links);
        sound.odd.append(&mut self.odd);
        Ok(sound)
    }
}

/// What packets are.
enum Codec {
    Vorbis(vorbis::Stream),
    Opus(opus::Stream),
}

impl Codec {
    /// Finds out what a stream is, by its first page.
    fn begin(page: &Page<'_>) -> Result<Self, Refusal> {
        // The first packet is alone on the first page.
        let packet = page.body;
        let name = match packet {
            it if it.starts_with(b"\x01vorbis") => return vorbis::Stream::begin(packet).map(Self::Vorbis),
            it if it.starts_with(b"OpusHead") => return opus::Stream::begin(packet).map(Self::Opus),
            it if it.starts_with(b"\x7fFLAC") || it.starts_with(b"fLaC") => "FLAC",
            it if it.starts_with(b"Speex   ") => "Speex",
            it if it.starts_with(b"\x80theora") => "Theora (a film)",
            it if it.starts_with(b"BBCD") || it.starts_with(b"\x80daala") || it.starts_with(b"OVP80") => "a film",
            it if it.starts_with(b"PCM     ") => "PCM",
            it if it.starts_with(b"CELT    ") => "CELT",
            _ => return Err(Refusal::Kind("this is an Ogg that holds something that is not known here".to_owned())),
        };
        Err(Refusal::Kind(format!("this is an Ogg that holds {name}, and only Vorbis and Opus are read here")))
    }

    fn packet(&mut self, packet: &[u8]) -> Result<Option<u64>, Refusal> {
        match self {
            Self::Vorbis(stream) => stream.packet(packet),
            Self::Opus(stream) => stream.packet(packet),
        }
    }

    /// Returns whether all headers were read.
    fn is_ready(&self) -> bool {
        match self {
            Self::Vorbis(stream) => stream.is_ready(),
            Self::Opus(stream) => stream.comments.is_some(),
        }
    }

    fn comments(self) -> Comments {
        match self {
            Self::Vorbis(stream) => stream.comments,
            Self::Opus(stream) => stream.comments,
        }
        .unwrap_or_default()
    }
}

/// One stream of packets.
struct Link {
    serial: u32,
    codec: Codec,
    /// The number of the page before.
    sequence: u32,
    /// Whether the packet on the first page was passed: it is the codec's first header.
    begun: bool,
    /// Packets that are no headers.
    n_audio: u64,
    /// The packet that is being put together.
    packet: Vec<u8>,
    /// Whether it goes on on the next page.
    open: bool,
    /// Whether its beginning is lost.
    headless: bool,
    /// Frames that the packets brought.
    frames: u64,
    /// The position at which the sound begins, once it is known.
    start: Option<i64>,
    /// The position at which it ends.
    end: i64,
    ended: bool,
    n_gaps: u64,
    n_damaged: u64,
}

impl Link {
    fn new(page: &Page<'_>, codec: Codec) -> Self {
        Self {
            serial: page.serial,
            codec,
            sequence: page.sequence.wrapping_sub(1),
            begun: false,
            n_audio: 0,
            packet: Vec::new(),
            open: false,
            headless: false,
            frames: 0,
            start: None,
            end: 0,
            ended: false,
            n_gaps: 0,
            n_damaged: 0,
        }
    }

    fn page(&mut self, page: &Page<'_>) -> Result<(), Refusal> {
        if self.ended {
            return Err("pages follow the one that says that it is the last of its stream".into());
        }
        let follows = page.sequence == self.sequence.wrapping_add(1) && page.is(Page::CONTINUED) == self.open;
        self.sequence = page.sequence;
        // What is left of a packet whose beginning or end is lost is given up, as decoders do.
        if !follows {
            self.n_gaps += 1;
            self.packet.clear();
            self.headless = page.is(Page::CONTINUED);
        }
        let n_before = self.n_audio;
        let mut at = 0;
        for lace in page.lacing {
            let end = at + usize::from(*lace);
            self.packet.extend_from_slice(&page.body[at..end]);
            at = end;
            if *lace < 255 {
                if !std::mem::take(&mut self.headless) {
                    self.take_packet()?;
                }
                self.packet.clear();
            }
        }
        self.open = page.lacing.last() == Some(&255);
        self.ended = page.is(Page::LAST);
        if page.position >= 0 && self.n_audio > n_before {
            let begin = page.position.saturating_sub_unsigned(self.frames).max(0);
            self.start.get_or_insert(begin);
            self.end = page.position;
        }
        Ok(())
    }

    fn take_packet(&mut self) -> Result<(), Refusal> {
        if !std::mem::replace(&mut self.begun, true) {
            return Ok(());
        }
        self.n_audio += u64::from(self.codec.is_ready());
        match self.codec.packet(&self.packet)? {
            Some(frames) => self.frames += frames,
            None => self.n_damaged += 1,
        }
        Ok(())
    }

    fn finish(self, odd: &mut Vec<String>) -> Result<Sound, Refusal> {
        if !self.codec.is_ready() {
            return Err("the file ends before the last header of its stream".into());
        }
        if self.open && !self.ended {
            return Err("the file ends within a packet".into());
        }
        if !self.ended {
            remark(odd, "the last page is not marked as such; the file may be cut off".to_owned());
        }
        if self.open {
            remark(odd, "the last packet is not whole");
        }
        if self.n_gaps > 0 {
            remark(odd, format!("pages are missing in {}", count(self.n_gaps, "place")));
        }
        if self.n_damaged > 0 {
            remark(odd, format!("{} cannot be decoded", count(self.n_damaged, "packet")));
        }
        let said = u64::try_from(self.end.saturating_sub(self.start.unwrap_or(0))).unwrap_or(0);
        if said > self.frames {
            remark(odd, format!("the pages speak of {said} frames, and the packets hold {}", self.frames));
        }
        Ok(self.into_sound(said, odd))
    }

    fn into_sound(self, said: u64, odd: &mut Vec<String>) -> Sound {
        let (codec, channels, rate, pre_skip) = match &self.codec {
            Codec::Vorbis(it) => ("vorbis", it.channels, it.rate, 0),
            Codec::Opus(it) => ("opus", it.channels, opus::RATE, it.pre_skip),
        };
        let frames = said.min(self.frames).saturating_sub(pre_skip.into());
        let mut comments = self.codec.comments();
        comments.odd.drain(..).for_each(|it| remark(odd, it));
        let repeat = comments.repeat();
        let mut sound = Sound {
            format: "ogg",
            codec,
            channels: channels.into(),
            rate,
            frames,
            repeat,
            facts: Vec::new(),
            odd: Vec::new(),
        };
        if codec == "opus" {
            sound.fact("pre_skip", pre_skip);
        }
        sound
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_is_that_of_ogg() {
        // CRC-32/CKSUM without its length and inversion.
        assert_eq!(crc32(0, b"123456789"), 0x89a1_897f);
        assert_eq!(crc32(crc32(0, b"1234"), b"56789"), crc32(0, b"123456789"));
    }
}
