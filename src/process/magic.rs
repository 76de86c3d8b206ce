//! What a file seems to be, by its first bytes. Extensions are not asked: misnamed files are common.

/// A kind of file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Magic {
    /// For messages, with its article: `a JPEG image`.
    pub name: &'static str,
    /// The media type, for kinds of image that a model may hold.
    pub media_type: Option<&'static str>,
}

/// The first bytes of each kind, at an offset.
const KINDS: &[(usize, &[u8], Magic)] = &[
    (0, b"\x89PNG\r\n\x1a\n", image("a PNG image", "image/png")),
    (0, b"\xff\xd8\xff", image("a JPEG image", "image/jpeg")),
    (8, b"WEBP", image("a WebP image", "image/webp")),
    (0, b"\xabKTX 20\xbb", image("a KTX 2 texture", "image/ktx2")),
    (0, b"\xabKTX 11\xbb", image("a KTX texture", "image/ktx")),
    (0, b"DDS ", image("a DDS texture", "image/vnd-ms.dds")),
    (0, b"sB\x13\x00", image("a Basis Universal texture", "image/basis")),
    (0, b"GIF8", image("a GIF image", "image/gif")),
    (0, b"BM", image("a BMP image", "image/bmp")),
    (0, b"II*\0", image("a TIFF image", "image/tiff")),
    (0, b"MM\0*", image("a TIFF image", "image/tiff")),
    (4, b"ftypavif", image("an AVIF image", "image/avif")),
    (4, b"ftyphei", image("a HEIF image", "image/heif")),
    (0, b"\0\0\0\x0cJXL ", image("a JPEG XL image", "image/jxl")),
    (0, b"\xff\x0a", image("a JPEG XL image", "image/jxl")),
    (0, b"v/1\x01", image("an OpenEXR image", "image/x-exr")),
    (0, b"#?RADIANCE", image("a Radiance HDR image", "image/vnd.radiance")),
    (0, b"8BPS", image("a Photoshop document", "image/vnd.adobe.photoshop")),
    (0, b"qoif", image("a QOI image", "image/qoi")),
    (0, b"\0\0\x01\0", image("an icon", "image/vnd.microsoft.icon")),
    (0, b"\x8aMNG\r\n\x1a\n", image("an MNG animation", "video/x-mng")),
    (0, b"<svg", image("an SVG drawing", "image/svg+xml")),
    (0, b"<?xml", other("an XML document")),
    (0, b"<!DOCTYPE html", other("an HTML page")),
    (0, b"<html", other("an HTML page")),
    (0, b"version https://git-lfs", other("a Git LFS pointer, not the content")),
    (0, b"glTF", other("a GLB model")),
    (0, b"OggS", other("an Ogg stream")),
    (8, b"WAVE", other("a WAV sound")),
    (0, b"PK\x03\x04", other("a ZIP archive")),
    (0, b"\x1f\x8b", other("a gzip file")),
    (0, b"%PDF", other("a PDF document")),
];

const fn image(name: &'static str, media_type: &'static str) -> Magic {
    Magic { name, media_type: Some(media_type) }
}

const fn other(name: &'static str) -> Magic {
    Magic { name, media_type: None }
}

/// Returns what `bytes` seem to be, or `None` when they look like nothing known.
pub fn sniff(bytes: &[u8]) -> Option<Magic> {
    let starts = |at: usize, magic: &[u8]| bytes.get(at..).is_some_and(|it| it.starts_with(magic));
    KINDS.iter().find(|(at, magic, _)| starts(*at, magic)).map(|(_, _, kind)| *kind)
}

/// Returns what `bytes` seem to be, in words, whatever they are.
pub fn describe(bytes: &[u8]) -> &'static str {
    match sniff(bytes) {
        Some(magic) => magic.name,
        None if bytes.is_empty() => "an empty file",
        None if bytes.iter().take(512).all(|it| matches!(it, b'\t' | b'\n' | b'\r' | 0x20..=0x7e)) => "a text file",
        None => "something that is not known here",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_decide() {
        for (bytes, name) in [
            (&b"\x89PNG\r\n\x1a\n"[..], "a PNG image"),
            (b"\xff\xd8\xff\xe0", "a JPEG image"),
            (b"RIFF\0\0\0\0WEBPVP8 ", "a WebP image"),
            (b"RIFF\0\0\0\0WAVEfmt ", "a WAV sound"),
            (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer, not the content"),
            (b"", "an empty file"),
            (b"hello\n", "a text file"),
            (b"\0\xff\x01", "something that is not known here"),
        ] {
            assert_eq!(describe(bytes), name);
        }
    }
}
