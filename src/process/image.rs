//! `image`: a PNG, validated and passed through, or decoded to RGBA8.
//!
//! The order of work is what keeps hostile files harmless: first bytes, header, limits, structure of the
//! chunks, and only then the decoder, row by row. Nothing is allocated for pixels before the header was held
//! against the limits and the compressed data was found long enough to be able to fill them.
//!
//! What is refused: anything but PNG, sizes over the limits, truncated files, wrong CRCs of critical chunks,
//! image data that cannot be inflated or unfiltered. What is only warned about, because every viewer shows
//! such files: bytes after the end of the image, wrong CRCs of ancillary chunks (they are ignored, as the
//! decoder ignores them), palette indices without an entry (opaque black). The Adler-32 checksum inside the
//! image data is not looked at: its chunks have CRCs. Of an animated PNG only the still image is decoded.

mod chunks;
mod pixels;

use crate::model::{Code, magic};

use self::chunks::{Header, Survey};
use super::contract::{
    Artifact, Context, Finding, Input, MetaValue, Metadata, Outcome, Payload, Processor, Unavailable, run_alone,
};

/// Validates a PNG and passes it through, or decodes it.
#[derive(Debug, Default)]
pub struct Image;

/// What an artifact of an image holds.
#[derive(
    Clone,
    Copy,
    PartialEq,
    Eq,
    Debug,
    Default,
    bincode::Encode,
    serde::Deserialize,
    serde::Serialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The file as it is, after it was decoded once to see that it can be.
    #[default]
    Source,
    /// Rows from the top, four bytes a pixel: red, green, blue and straight (not premultiplied) alpha.
    /// Palettes and transparent colours are resolved, samples are scaled to 8 bits and rounded to the nearest;
    /// gamma and colour profiles are not applied.
    Rgba8,
}

/// Settings of `image`.
#[derive(Clone, PartialEq, Eq, Debug, bincode::Encode, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// What the artifact holds.
    pub format: Format,
    /// Greatest width in pixels.
    pub max_width: u32,
    /// Greatest height in pixels.
    pub max_height: u32,
    /// Greatest number of pixels.
    pub max_pixels: u64,
}

impl Default for Settings {
    /// Sheets of 2,048 x 32,768 are real; 2^28 pixels are a gigabyte when decoded.
    fn default() -> Self {
        Self { format: Format::Source, max_width: 1 << 16, max_height: 1 << 16, max_pixels: 1 << 28 }
    }
}

impl Processor for Image {
    type Settings = Settings;

    const KIND: &'static str = "image";
    const VERSION: u32 = 1;
    const CODECS: &'static [&'static str] = &["png 0.18.1", "fdeflate 0.3.7"];

    fn run(&self, cx: &mut dyn Context, settings: &Settings) -> Result<Outcome, Unavailable> {
        run_alone(cx, Self::KIND, |input, bytes| process(input, bytes, settings))
    }
}

fn process(input: &Input, bytes: &[u8], settings: &Settings) -> Result<(Artifact, Vec<Finding>), Finding> {
    let broken = |message: String| Finding::error(Code::IMAGE_BROKEN, &input.path, message);
    check_kind(input, bytes)?;
    let header = Header::read(bytes).map_err(broken)?;
    check_limits(input, &header, settings)?;
    let survey = chunks::survey(bytes).map_err(broken)?;
    if survey.data_len.saturating_mul(DEFLATE_RATIO) < header.least_raw_bytes() {
        let (width, height, len) = (header.width, header.height, survey.data_len);
        return Err(broken(format!("{len} bytes of image data cannot hold {width} x {height} pixels")));
    }
    let still = if survey.animated { chunks::without_animation(bytes) } else { bytes.into() };
    let decoded = pixels::decode(&header, &still, settings.format == Format::Rgba8).map_err(broken)?;
    let warnings = warnings(input, &survey, decoded.missing_colour);
    let artifact = match decoded.rgba {
        None => Artifact {
            metadata: source_metadata(&header, &survey, decoded.alpha),
            ..Artifact::of(Payload::Input(input.clone()))
        },
        Some(rgba) => Artifact { metadata: rgba8_metadata(&header), ..Artifact::of(Payload::Made(rgba.into())) },
    };
    Ok((artifact, warnings))
}

/// Deflate's best: 258 bytes out of two bits.
const DEFLATE_RATIO: u64 = 1032;

fn check_kind(input: &Input, bytes: &[u8]) -> Result<(), Finding> {
    if bytes.starts_with(&chunks::SIGNATURE) {
        return Ok(());
    }
    if bytes.is_empty() {
        return Err(Finding::error(Code::IMAGE_BROKEN, &input.path, "the file is empty"));
    }
    if chunks::SIGNATURE.starts_with(bytes) {
        return Err(Finding::error(Code::IMAGE_BROKEN, &input.path, "the file ends within the PNG signature"));
    }
    if bytes.starts_with(b"\x89PNG") || bytes.starts_with(b"PNG\r\n\x1a\n") {
        let message = "the PNG signature is damaged";
        return Err(Finding::error(Code::IMAGE_BROKEN, &input.path, message)
            .help("a transfer in text mode does this; fetch the file again as binary"));
    }
    let message = format!("this is not a PNG but {}", magic::describe(bytes));
    Err(Finding::error(Code::IMAGE_KIND, &input.path, message)
        .help("`image` reads PNG; convert the file, or give the asset the type `raw`"))
}

fn check_limits(input: &Input, header: &Header, settings: &Settings) -> Result<(), Finding> {
    let (width, height) = (header.width, header.height);
    let pixels = u64::from(width) * u64::from(height);
    let (what, limit, setting) = if width > settings.max_width {
        ("wide", u64::from(settings.max_width), "max_width")
    } else if height > settings.max_height {
        ("high", u64::from(settings.max_height), "max_height")
    } else if pixels > settings.max_pixels {
        ("large in all", settings.max_pixels, "max_pixels")
    } else if usize::try_from(pixels).is_ok_and(|it| it <= isize::MAX as usize / 8) {
        return Ok(());
    } else {
        let message = format!("{width} x {height} pixels are more than this machine can address");
        return Err(Finding::error(Code::IMAGE_LIMIT, &input.path, message));
    };
    let message = format!("{width} x {height} pixels are too {what}; the limit `{setting}` is {limit}");
    Err(Finding::error(Code::IMAGE_LIMIT, &input.path, message)
        .help(format!("raise the setting `{setting}` if the image is meant to be so large")))
}

fn warnings(input: &Input, survey: &Survey, missing_colour: Option<u8>) -> Vec<Finding> {
    let mut messages = Vec::new();
    for kind in &survey.damaged {
        messages.push(format!("the chunk `{kind}` has a wrong CRC and is ignored"));
    }
    if let Some(index) = missing_colour {
        messages.push(format!("pixels use colour {index}, which the palette does not have; they are shown black"));
    }
    if survey.trailing > 0 {
        messages.push(match survey.trailing {
            1 => "a byte follows the end of the image".to_owned(),
            n => format!("{n} bytes follow the end of the image"),
        });
    }
    messages.into_iter().map(|it| Finding::warning(Code::IMAGE_ODD, &input.path, it)).collect()
}

fn source_metadata(header: &Header, survey: &Survey, alpha: bool) -> Metadata {
    let mut metadata = size_metadata(header);
    metadata.insert("format".into(), MetaValue::Text("png".into()));
    metadata.insert("color".into(), MetaValue::Text(header.color.name().into()));
    metadata.insert("bit_depth".into(), MetaValue::Integer(header.depth.into()));
    metadata.insert("alpha".into(), MetaValue::Flag(alpha));
    metadata.insert("interlaced".into(), MetaValue::Flag(header.interlaced));
    metadata.insert("animated".into(), MetaValue::Flag(survey.animated));
    metadata
}

fn rgba8_metadata(header: &Header) -> Metadata {
    let mut metadata = size_metadata(header);
    metadata.insert("format".into(), MetaValue::Text("rgba8".into()));
    metadata.insert("color".into(), MetaValue::Text("rgba".into()));
    metadata.insert("bit_depth".into(), MetaValue::Integer(8));
    metadata.insert("alpha".into(), MetaValue::Flag(true));
    // Samples are those of the file: neither gAMA nor sRGB nor iCCP was applied.
    metadata.insert("color_space".into(), MetaValue::Text("as stored".into()));
    metadata
}

fn size_metadata(header: &Header) -> Metadata {
    let size = |it: u32| MetaValue::Integer(it.into());
    Metadata::from([("width".into(), size(header.width)), ("height".into(), size(header.height))])
}

#[cfg(test)]
mod tests;
