//! What a file seems to be, by its first bytes. Misnamed files are common, so extensions are not asked, only held
//! against what was found.

use super::node::BOM;
use super::path::file_name;

/// A kind of file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Magic {
    /// For messages, with its article: `a JPEG image`.
    pub name: &'static str,
    /// The media type, for kinds of image that a model may hold.
    pub media_type: Option<&'static str>,
    /// The extensions that such a file may have, in lower case.
    extensions: &'static [&'static str],
}

/// Raised with every change of the kinds: the index holds what was found by them.
pub const TABLE_VERSION: u32 = 2;

/// How many bytes decide, at most.
pub const DECIDE: usize = 64;

/// Where a file that is made of chunks says what it holds; before that it says that it is made so.
const FORM: usize = 8;
const FORMS: &[&[u8]] = &[b"RIFF", b"RIFX", b"RF64", b"BW64", b"FORM"];
/// What web pages begin with.
const HTML_STARTS: &[&[u8]] = &[b"<!doctype html", b"<html", b"<head"];
/// The extensions of a web page.
const HTML: &[&str] = &["html", "htm"];

/// What a file begins with that git-lfs left in place of the content.
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1\n";
/// A pointer is shorter than this, in bytes.
const LFS_LONGEST: u64 = 1024;

/// The first bytes of each kind, at an offset. The first that fits counts.
const KINDS: &[(usize, &[u8], Magic)] = &[
    (0, b"\x89PNG\r\n\x1a\n", image("a PNG image", "image/png", &["png", "apng"])),
    (0, b"OggS", other("an Ogg stream", &["ogg", "oga", "ogv", "ogx", "opus", "spx"])),
    (8, b"WAVE", other("a WAV sound", &["wav", "wave", "bwf"])),
    (0, b"\xff\xd8\xff", image("a JPEG image", "image/jpeg", &["jpg", "jpeg", "jpe", "jfif"])),
    (8, b"WEBP", image("a WebP image", "image/webp", &["webp"])),
    (0, b"\xabKTX 20\xbb", image("a KTX 2 texture", "image/ktx2", &["ktx2"])),
    (0, b"\xabKTX 11\xbb", image("a KTX texture", "image/ktx", &["ktx"])),
    (0, b"DDS ", image("a DDS texture", "image/vnd-ms.dds", &["dds"])),
    (0, b"sB\x13\x00", image("a Basis Universal texture", "image/basis", &["basis"])),
    (0, b"GIF8", image("a GIF image", "image/gif", &["gif"])),
    (0, b"BM", image("a BMP image", "image/bmp", &["bmp", "dib"])),
    (0, b"II*\0", image("a TIFF image", "image/tiff", &["tif", "tiff"])),
    (0, b"MM\0*", image("a TIFF image", "image/tiff", &["tif", "tiff"])),
    (4, b"ftypavif", image("an AVIF image", "image/avif", &["avif"])),
    (4, b"ftyphei", image("a HEIF image", "image/heif", &["heic", "heif"])),
    (0, b"\0\0\0\x0cJXL ", image("a JPEG XL image", "image/jxl", &["jxl"])),
    (0, b"\xff\x0a", image("a JPEG XL image", "image/jxl", &["jxl"])),
    (0, b"v/1\x01", image("an OpenEXR image", "image/x-exr", &["exr"])),
    (0, b"#?RADIANCE", image("a Radiance HDR image", "image/vnd.radiance", &["hdr", "pic"])),
    (0, b"8BPS", image("a Photoshop document", "image/vnd.adobe.photoshop", &["psd", "psb"])),
    (0, b"qoif", image("a QOI image", "image/qoi", &["qoi"])),
    (0, b"\0\0\x01\0", image("an icon", "image/vnd.microsoft.icon", &["ico", "cur"])),
    (0, b"\x8aMNG\r\n\x1a\n", image("an MNG animation", "video/x-mng", &["mng"])),
    (0, b"<svg", image("an SVG drawing", "image/svg+xml", &["svg", "xml"])),
    (0, b"<?xml", other("an XML document", &["xml", "svg", "html", "htm", "xhtml"])),
    (0, b"<!DOCTYPE html", other("an HTML page", HTML)),
    (0, b"<html", other("an HTML page", HTML)),
    (0, LFS_POINTER, other("a Git LFS pointer, not the content", &[])),
    (0, b"glTF", other("a GLB model", &["glb"])),
    (0, b"Kaydara FBX Binary", other("an FBX scene", &["fbx"])),
    (0, b"BLENDER", other("a Blender file", &["blend"])),
    (0, b"ID3", other("an MP3 sound", &["mp3", "aac", "flac"])),
    (0, b"\xff\xfb", other("an MP3 sound", &["mp3"])),
    (0, b"\xff\xf3", other("an MP3 sound", &["mp3"])),
    (0, b"\xff\xf2", other("an MP3 sound", &["mp3"])),
    (0, b"\xff\xfa", other("an MP3 sound", &["mp3"])),
    (0, b"fLaC", other("a FLAC sound", &["flac"])),
    (8, b"AIFF", other("an AIFF sound", &["aif", "aiff"])),
    (8, b"AIFC", other("an AIFF sound", &["aif", "aiff", "aifc"])),
    (0, b"MThd", other("a MIDI file", &["mid", "midi"])),
    (0, b"\x1aE\xdf\xa3", other("a Matroska or WebM file", &["webm", "mkv", "mka"])),
    (8, b"AVI ", other("an AVI video", &["avi"])),
    (4, b"ftyp", other("an MP4 file", &["mp4", "m4a", "m4v", "mov", "heic", "heif", "avif"])),
    (0, b"\0\x01\0\0\0", other("a TrueType font", &["ttf", "otf"])),
    (0, b"OTTO", other("an OpenType font", &["otf", "ttf"])),
    (0, b"ttcf", other("a font collection", &["ttc", "otc", "ttf", "otf"])),
    (0, b"wOFF", other("a WOFF font", &["woff"])),
    (0, b"wOF2", other("a WOFF 2 font", &["woff2"])),
    (0, b"PK\x03\x04", other("a ZIP archive", &["zip"])),
    (0, b"7z\xbc\xaf\x27\x1c", other("a 7z archive", &["7z"])),
    (0, b"Rar!\x1a\x07", other("a RAR archive", &["rar"])),
    (0, b"\x1f\x8b", other("a gzip file", &["gz", "tgz", "svgz", "blend"])),
    (0, b"\x28\xb5\x2f\xfd", other("a Zstandard file", &["zst", "blend"])),
    (0, b"%PDF", other("a PDF document", &["pdf", "ai"])),
    (0, b"\x7fELF", other("a program for Linux", &["so", "elf", "o", "x86_64"])),
    (0, b"MZ\x90\0", other("a program for Windows", &["exe", "dll", "sys"])),
];

/// The extensions of texts. None begins with a byte that is no text, and none but the first two with a web page.
const TEXTS: &[&str] = &[
    "txt", "md", "cfg", "csv", "frag", "glsl", "gltf", "hlsl", "ini", "js", "json", "jsonc", "ldtk", "lua", "mtl",
    "obj", "py", "ron", "tmj", "tmx", "toml", "ts", "tsj", "tsv", "tsx", "vert", "wgsl", "yaml", "yml",
];

/// The extension of an image that has no first bytes of its own, and cannot begin like any other.
const TARGA: &str = "tga";

impl Magic {
    /// Returns whether such a file may have one of these extensions.
    pub fn may_have(&self, extensions: &[&str]) -> bool {
        self.extensions.iter().any(|it| extensions.contains(it))
    }
}

const fn image(name: &'static str, media_type: &'static str, extensions: &'static [&'static str]) -> Magic {
    Magic { name, media_type: Some(media_type), extensions }
}

const fn other(name: &'static str, extensions: &'static [&'static str]) -> Magic {
    Magic { name, media_type: None, extensions }
}

/// What a file's first bytes look like, as small as the index holds it for every file.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Looks(u8);

impl Looks {
    /// Returns what bytes that begin like this look like. [`DECIDE`] of them are enough.
    pub fn of(first: &[u8]) -> Self {
        Self(position(first).map_or(0, |it| it as u8 + 1))
    }

    /// Returns the number by which the index holds it.
    pub fn to_byte(self) -> u8 {
        self.0
    }

    /// Returns what [`Looks::to_byte`] wrote.
    pub fn from_byte(byte: u8) -> Option<Self> {
        (usize::from(byte) <= KINDS.len()).then_some(Self(byte))
    }

    /// Returns the kind, where it is a known one.
    pub fn kind(self) -> Option<&'static Magic> {
        KINDS.get(usize::from(self.0).checked_sub(1)?).map(|it| &it.2)
    }

    /// Returns whether a file of `size` bytes that looks like this is what git-lfs leaves in place of the content.
    pub fn is_lfs_pointer(self, size: u64) -> bool {
        size < LFS_LONGEST && self.0 > 0 && KINDS[usize::from(self.0) - 1].1 == LFS_POINTER
    }

    /// Returns what a file is whose extension says something else: where both are known, and only then.
    pub fn belies(self, path: &str) -> Option<&'static Magic> {
        let &(_, magic, ref kind) = KINDS.get(usize::from(self.0).checked_sub(1)?)?;
        let (_, extension) = file_name(path).rsplit_once('.')?;
        let is = |it: &&str| it.eq_ignore_ascii_case(extension);
        if kind.extensions.iter().any(is) {
            return None;
        }
        let is_known =
            || KINDS.iter().any(|it| it.2.extensions.iter().any(is)) || TARGA.eq_ignore_ascii_case(extension);
        let is_belied = match TEXTS.iter().position(is) {
            // A text may begin with the letters of many a format.
            Some(nth) => magic.iter().any(|it| !is_text(*it)) || (nth >= 2 && kind.extensions == HTML),
            None => is_known(),
        };
        is_belied.then_some(kind)
    }
}

/// Returns whether a byte occurs in texts.
fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e)
}

fn position(first: &[u8]) -> Option<usize> {
    // Most do not even begin like it: that is asked without a call.
    let fits = |(at, magic, _): &(usize, &[u8], Magic)| {
        first.get(*at) == magic.first()
            && first.get(*at..).is_some_and(|it| it.starts_with(magic))
            && (*at != FORM || FORMS.iter().any(|it| first.starts_with(it)))
    };
    match KINDS.iter().position(fits) {
        None if is_html(first) => KINDS.iter().position(|it| it.2.extensions == HTML),
        found => found,
    }
}

/// Returns whether a text begins like a web page: servers send them in any case, and with blanks before.
fn is_html(first: &[u8]) -> bool {
    let text = first.strip_prefix(BOM.as_bytes()).unwrap_or(first).trim_ascii_start();
    text.first() == Some(&b'<')
        && HTML_STARTS.iter().any(|it| text.get(..it.len()).is_some_and(|at| at.eq_ignore_ascii_case(it)))
}

/// Returns what `bytes` seem to be, or `None` when they look like nothing known.
pub fn sniff(bytes: &[u8]) -> Option<Magic> {
    Looks::of(bytes).kind().copied()
}

/// Returns what `bytes` seem to be, in words, whatever they are.
pub fn describe(bytes: &[u8]) -> &'static str {
    match sniff(bytes) {
        Some(magic) => magic.name,
        None if bytes.is_empty() => "an empty file",
        None if bytes.iter().take(512).all(|it| is_text(*it)) => "a text file",
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

    #[test]
    fn every_kind_is_found_by_its_own_bytes_and_survives_the_index() {
        for (at, magic, kind) in KINDS {
            let before = if *at == FORM { b"RIFF....".to_vec() } else { vec![b'.'; *at] };
            let first = [&before[..], magic].concat();
            assert!(first.len() <= DECIDE, "{}", kind.name);
            let looks = Looks::of(&first);
            assert_eq!(looks.kind().map(|it| it.name), Some(kind.name));
            assert_eq!(Looks::from_byte(looks.to_byte()), Some(looks));
            assert_ne!(Looks::of(&first[..first.len() - 1]), looks, "{}", kind.name);
            for extension in kind.extensions {
                assert_eq!(looks.belies(&format!("a/x.{extension}")), None, "{} {extension}", kind.name);
            }
        }
        assert_eq!(Looks::from_byte(KINDS.len() as u8 + 1), None);
        assert_eq!((Looks::default().kind(), Looks::from_byte(0)), (None, Some(Looks::default())));
    }

    #[test]
    fn only_what_is_known_belies_what_is_known() {
        let jpeg = Looks::of(b"\xff\xd8\xff\xe0");
        for (path, expected) in [
            ("hero.png", true),
            ("a.jpg/HERO.PNG", true),
            ("hero.jpg", false),
            ("hero.JPEG", false),
            ("hero.dat", false),
            ("png", false),
            ("a.png/hero", false),
            ("hero.", false),
        ] {
            assert_eq!(jpeg.belies(path).is_some(), expected, "{path}");
        }
        assert_eq!(Looks::of(b"plain text").belies("hero.png"), None);
        for (first, path, expected) in [
            (&b"\x89PNG\r\n\x1a\n"[..], "a.txt", true),
            (b"\x89PNG\r\n\x1a\n", "a.TGA", true),
            (b"\x89PNG\r\n\x1a\n", "a.unknown", false),
            (b"\x1f\x8b\x08", "level.json", true),
            (b"<!DOCTYPE html><html>", "level.json", true),
            (b"<!doctype HTML>", "level.json", true),
            (b"\xef\xbb\xbf\n <HTML lang=en>", "level.json", true),
            (b"<h1>", "level.json", false),
            (b"<html>", "notes.txt", false),
            (b"<html>", "a.md", false),
            (b"<?xml version", "map.tmx", false),
            (b"BMW is a maker of cars", "cars.txt", false),
            (b"OTTO", "names.csv", false),
            (b"MZ\x90\0\x03", "setup.txt", true),
            (b"\0\x01\0\0\0", "font.otf", false),
        ] {
            assert_eq!(Looks::of(first).belies(path).is_some(), expected, "{path}");
        }
    }

    #[test]
    fn a_pointer_is_short() {
        let looks = Looks::of(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
        assert!(looks.is_lfs_pointer(1023) && !looks.is_lfs_pointer(1024));
        assert!(!Looks::of(b"version https://git-lfs.github.com/spec/v2\n").is_lfs_pointer(130));
        assert!(!Looks::default().is_lfs_pointer(0));
    }
}
