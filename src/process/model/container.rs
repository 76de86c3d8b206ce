//! The two containers of a glTF: plain JSON, and GLB, whose chunks hold the JSON and one buffer.
//!
//! Knows bytes and lengths; knows nothing of what the JSON says.

/// What a file holds.
#[derive(Debug)]
pub struct Parts<'a> {
    /// The JSON, without a byte order mark.
    pub json: &'a str,
    /// The buffer of a GLB.
    pub bin: Option<&'a [u8]>,
    /// Whether the file is text: JSON without a container.
    pub is_text: bool,
    /// What is odd about the container but does no harm.
    pub oddities: Vec<String>,
}

const MAGIC: &[u8] = b"glTF";
const JSON: &[u8; 4] = b"JSON";
const BIN: &[u8; 4] = b"BIN\0";
const HEADER_LEN: usize = 12;
const CHUNK_HEADER_LEN: usize = 8;
const BOM: char = '\u{feff}';

/// Opens a file; its first bytes decide which container it is.
///
/// # Errors
///
/// What is wrong with the container, in words.
pub fn open(bytes: &[u8]) -> Result<Parts<'_>, String> {
    if bytes.is_empty() {
        return Err("the file is empty".to_owned());
    }
    let mut parts = if bytes.starts_with(MAGIC) { open_glb(bytes)? } else { open_text(bytes)? };
    if let Some(json) = parts.json.strip_prefix(BOM) {
        parts.json = json;
        parts.oddities.push("the JSON begins with a byte order mark, which glTF does not allow".to_owned());
        // Offsets into the text would be off by the mark's bytes.
        parts.is_text = false;
    }
    Ok(parts)
}

fn open_text(bytes: &[u8]) -> Result<Parts<'_>, String> {
    if let Some(magic) = crate::model::magic::sniff(bytes) {
        return Err(format!("this is not a glTF but {}", magic.name));
    }
    let json = utf8(bytes, "the file")?;
    Ok(Parts { json, bin: None, is_text: true, oddities: Vec::new() })
}

fn open_glb(bytes: &[u8]) -> Result<Parts<'_>, String> {
    let (Some(version), Some(len)) = (word(bytes, 4), word(bytes, 8)) else {
        return Err(format!("the GLB ends within its header: it has {} bytes in place of 12", bytes.len()));
    };
    if version != 2 {
        return Err(format!("this is GLB version {version}; only version 2 is read"));
    }
    let file_len = bytes.len() as u64;
    if u64::from(len) > file_len {
        return Err(format!("the GLB says that it has {len} bytes, but the file has {file_len}: it is cut off"));
    }
    let mut oddities = Vec::new();
    if u64::from(len) < file_len {
        oddities.push(match file_len - u64::from(len) {
            1 => "a byte follows the end of the GLB".to_owned(),
            n => format!("{n} bytes follow the end of the GLB"),
        });
    }
    let (json, bin) = chunks(&bytes[..len as usize], &mut oddities)?;
    Ok(Parts { json: utf8(json, "the JSON chunk")?, bin, is_text: false, oddities })
}

/// Returns the JSON and the buffer of a GLB. Chunks of other kinds are ignored, as the format asks for.
fn chunks<'a>(glb: &'a [u8], oddities: &mut Vec<String>) -> Result<(&'a [u8], Option<&'a [u8]>), String> {
    let (mut json, mut bin) = (None, None);
    let mut at = HEADER_LEN;
    // Up to three bytes may be left that are no chunk: padding behind a chunk whose length is not padded.
    while at + CHUNK_HEADER_LEN <= glb.len() {
        let (kind, body) = chunk_at(glb, at)?;
        match kind {
            JSON if json.is_none() && at == HEADER_LEN => json = Some(body),
            BIN if bin.is_none() => bin = Some(body),
            JSON | BIN => oddities.push(format!("the GLB has a second chunk `{}`, which is ignored", name(kind))),
            _ => {}
        }
        if json.is_none() {
            return Err(format!("the first chunk of the GLB is `{}` and not `JSON`", name(kind)));
        }
        at += CHUNK_HEADER_LEN + body.len();
    }
    if glb.len().saturating_sub(at) > 3 {
        return Err(format!("the GLB ends within the head of a chunk at byte {at}"));
    }
    Ok((json.ok_or("the GLB has no chunk `JSON`")?, bin))
}

fn chunk_at(glb: &[u8], at: usize) -> Result<(&[u8; 4], &[u8]), String> {
    let len = word(glb, at).expect("the caller saw that the head is there");
    let kind = glb[at + 4..].first_chunk().expect("the caller saw that the head is there");
    let rest = &glb[at + CHUNK_HEADER_LEN..];
    match usize::try_from(len).ok().and_then(|len| rest.get(..len)) {
        Some(body) => Ok((kind, body)),
        None => {
            let (kind, rest) = (name(kind), rest.len());
            Err(format!("the chunk `{kind}` of the GLB at byte {at} says {len} bytes, but {rest} are left"))
        }
    }
}

fn name(kind: &[u8; 4]) -> String {
    kind.escape_ascii().to_string()
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|it| u32::from_le_bytes(*it))
}

fn utf8<'a>(bytes: &'a [u8], what: &str) -> Result<&'a str, String> {
    std::str::from_utf8(bytes).map_err(|it| format!("{what} is not UTF-8 at byte {}", it.valid_up_to()))
}

/// Returns the length of the GLB that [`write()`] makes.
pub fn length(json: u64, bin: u64) -> u64 {
    let bin_chunk = if bin == 0 { 0 } else { CHUNK_HEADER_LEN as u64 + bin.next_multiple_of(4) };
    (HEADER_LEN + CHUNK_HEADER_LEN) as u64 + json.next_multiple_of(4) + bin_chunk
}

/// Writes a GLB. Without a buffer there is no chunk for one.
///
/// # Panics
///
/// When its [`length`] exceeds 32 bits: check that before.
pub fn write(json: &[u8], bin: &[u8]) -> Vec<u8> {
    let len = length(json.len() as u64, bin.len() as u64);
    let mut glb = Vec::with_capacity(len as usize);
    glb.extend(MAGIC);
    glb.extend(2_u32.to_le_bytes());
    put_word(&mut glb, len as usize);
    put_chunk(&mut glb, JSON, json, b' ');
    if !bin.is_empty() {
        put_chunk(&mut glb, BIN, bin, 0);
    }
    debug_assert_eq!(glb.len() as u64, len);
    glb
}

fn put_chunk(glb: &mut Vec<u8>, kind: &[u8; 4], body: &[u8], padding: u8) {
    let padded = body.len().next_multiple_of(4);
    put_word(glb, padded);
    glb.extend(kind);
    glb.extend(body);
    glb.resize(glb.len() + padded - body.len(), padding);
}

fn put_word(glb: &mut Vec<u8>, value: usize) {
    glb.extend(u32::try_from(value).expect("BUG: the length was not checked").to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        for json in ["{}", "{ }", "{  }", "{   }"] {
            for bin in [&b""[..], b"a", b"ab", b"abc", b"abcd", b"abcde"] {
                let glb = write(json.as_bytes(), bin);
                assert_eq!(glb.len() as u64, length(json.len() as u64, bin.len() as u64));
                assert_eq!(glb.len() % 4, 0);
                let parts = open(&glb).expect("it is well formed");
                assert_eq!(parts.json.trim_end(), json);
                assert!(parts.oddities.is_empty());
                let read = parts.bin.unwrap_or_default();
                assert!(
                    read.starts_with(bin) && read.len() - bin.len() < 4 && read[bin.len()..].iter().all(|it| *it == 0)
                );
            }
        }
    }

    #[test]
    fn broken_containers_are_named() {
        let glb = write(b"{}", b"abcd");
        let patched = |at: usize, bytes: &[u8]| {
            let mut glb = glb.clone();
            glb[at..at + bytes.len()].copy_from_slice(bytes);
            open(&glb).err().unwrap_or_else(|| "no error".to_owned()) + "\n"
        };
        let text: String = [
            patched(4, &[1]),
            patched(8, &[41]),
            patched(8, &[39]),
            patched(8, &[29]),
            patched(8, &[12]),
            patched(8, &[0]),
            patched(12, &[0xff; 4]),
            patched(16, b"BIN\0"),
            patched(16, b"\0\0\0\0"),
            patched(20, &[0xff]),
            patched(24, &[5]),
            open(b"").expect_err("nothing there") + "\n",
            open(b"glTF\x02\0\0").expect_err("too short") + "\n",
            open(b"\x89PNG\r\n\x1a\n").expect_err("an image") + "\n",
            open(b"{\xff}").expect_err("no text") + "\n",
        ]
        .concat();
        expect_test::expect![[r#"
            this is GLB version 1; only version 2 is read
            the GLB says that it has 41 bytes, but the file has 36: it is cut off
            the GLB says that it has 39 bytes, but the file has 36: it is cut off
            the GLB ends within the head of a chunk at byte 24
            the GLB has no chunk `JSON`
            the GLB has no chunk `JSON`
            the chunk `JSON` of the GLB at byte 12 says 4294967295 bytes, but 16 are left
            the first chunk of the GLB is `BIN\x00` and not `JSON`
            the first chunk of the GLB is `\x00\x00\x00\x00` and not `JSON`
            the JSON chunk is not UTF-8 at byte 0
            the chunk `BIN\x00` of the GLB at byte 24 says 5 bytes, but 4 are left
            the file is empty
            the GLB ends within its header: it has 7 bytes in place of 12
            this is not a glTF but a PNG image
            the file is not UTF-8 at byte 1
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn odd_containers_are_read() {
        let mut glb = write(b"{}", b"abcd");
        let extra = [&b"\x04\0\0\0ODD\0????"[..], b"\x04\0\0\0BIN\0efgh", b"\0\0\0\0JSON"].concat();
        glb.extend(extra);
        let len = glb.len() as u32;
        glb[8..12].copy_from_slice(&len.to_le_bytes());
        glb.push(0);
        let parts = open(&glb).expect("odd but readable");
        assert_eq!((parts.json.trim_end(), parts.bin), ("{}", Some(&b"abcd"[..])));
        expect_test::expect![[r#"
            a byte follows the end of the GLB
            the GLB has a second chunk `BIN\x00`, which is ignored
            the GLB has a second chunk `JSON`, which is ignored
        "#]]
        .assert_eq(&(parts.oddities.join("\n") + "\n"));
        let marked = open("\u{feff}{}".as_bytes()).expect("odd but readable");
        assert_eq!((marked.json, marked.oddities.len()), ("{}", 1));
    }
}
