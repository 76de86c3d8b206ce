//! The comments of Vorbis, which Opus and FLAC have too: a list of `NAME=value`.
//!
//! Knows the names under which games write loops; knows nothing of the packets that hold comments.

use super::bytes::Fields;
use super::sound::{Refusal, Repeat, remark};

/// What the comments of a sound say about its loop.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Comments {
    start: Option<u64>,
    end: Option<u64>,
    length: Option<u64>,
    /// Comments on loops that are no numbers.
    pub odd: Vec<String>,
}

impl Comments {
    /// Reads a list of comments, and returns what follows it besides.
    ///
    /// # Errors
    ///
    /// Where it does not hold together.
    pub fn read(bytes: &[u8]) -> Result<(Self, &[u8]), Refusal> {
        let mut fields = Fields(bytes);
        let mut comments = Self::default();
        comments.read_all(&mut fields).ok_or("the comments are cut off")?;
        Ok((comments, fields.0))
    }

    fn read_all(&mut self, fields: &mut Fields<'_>) -> Option<()> {
        let mut text = || {
            let len = fields.u32_le()?;
            fields.take(usize::try_from(len).ok()?)
        };
        let _vendor = text()?;
        let n_comments = fields.u32_le()?;
        for _ in 0..n_comments {
            let len = fields.u32_le()?;
            self.comment(fields.take(usize::try_from(len).ok()?)?);
        }
        Some(())
    }

    fn comment(&mut self, comment: &[u8]) {
        // None of the names is so long, and a comment may hold a picture.
        let Some(split) = comment.iter().take(16).position(|it| *it == b'=') else { return };
        let (name, value) = (&comment[..split], &comment[split + 1..]);
        let place = match name.to_ascii_uppercase().as_slice() {
            b"LOOPSTART" | b"LOOP_START" => &mut self.start,
            b"LOOPEND" | b"LOOP_END" => &mut self.end,
            b"LOOPLENGTH" | b"LOOP_LENGTH" => &mut self.length,
            _ => return,
        };
        *place = std::str::from_utf8(value).ok().and_then(|it| it.trim_ascii().parse().ok());
        if place.is_none() {
            let value = &value[..value.len().min(40)];
            remark(
                &mut self.odd,
                format!(
                    "the comment `{}={}` is no number of frames and is ignored",
                    name.escape_ascii(),
                    value.escape_ascii()
                ),
            );
        }
    }

    /// Returns the loop that the comments speak of. A length counts for more than an end, as in the engines
    /// that brought these comments up; without both, the loop goes to the end.
    pub fn repeat(&self) -> Option<Repeat> {
        let start = self.start.or_else(|| self.end.or(self.length).map(|_| 0))?;
        let end = self.length.map(|it| start.saturating_add(it)).or(self.end);
        Some(Repeat { start, end, mode: None, times: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comments(all: &[&str]) -> Vec<u8> {
        let text = |it: &str| [&(it.len() as u32).to_le_bytes(), it.as_bytes()].concat();
        let mut bytes = [text("vendor"), (all.len() as u32).to_le_bytes().to_vec()].concat();
        bytes.extend(all.iter().flat_map(|it| text(it)));
        bytes
    }

    #[test]
    fn loops_have_several_spellings() {
        for (all, expected) in [
            (&[][..], None),
            (&["TITLE=a", "no name", "=x"], None),
            (&["LOOPSTART=5"], Some((5, None))),
            (&["loop_start=5", "Loop_End= 9 "], Some((5, Some(9)))),
            (&["LOOPLENGTH=7", "LOOPSTART=5"], Some((5, Some(12)))),
            (&["LOOPEND=7"], Some((0, Some(7)))),
            (&["LOOPEND=7", "LOOPLENGTH=3", "LOOPSTART=1"], Some((1, Some(4)))),
            (&["LOOPSTART=18446744073709551615", "LOOPLENGTH=2"], Some((u64::MAX, Some(u64::MAX)))),
        ] {
            let bytes = comments(all);
            let (read, rest) = Comments::read(&bytes).expect("they hold together");
            assert_eq!(read.repeat().map(|it| (it.start, it.end)), expected, "{all:?}");
            assert!(rest.is_empty() && read.odd.is_empty());
        }
    }

    #[test]
    fn what_is_no_number_is_told() {
        let bytes = comments(&["LOOPSTART=00:01.5", "LOOPEND=-3"]);
        let (read, _) = Comments::read(&bytes).expect("they hold together");
        assert_eq!((read.repeat(), read.odd.len()), (None, 2));
        assert_eq!(read.odd[0], "the comment `LOOPSTART=00:01.5` is no number of frames and is ignored");
    }

    #[test]
    fn lengths_lead_nowhere() {
        let bytes = comments(&["A=b", "LOOPSTART=1"]);
        for len in 0..bytes.len() {
            assert!(Comments::read(&bytes[..len]).is_err(), "{len}");
        }
        assert!(Comments::read(&[&[0; 4][..], &[0xff; 4]].concat()).is_err());
        assert!(Comments::read(&[0xff; 4]).is_err());
    }
}
