//! Files to put into a workspace: small, valid and all of them made here.

/// Returns a PNG whose pixels depend on `seed`.
pub fn png(seed: u64, width: u32, height: u32, color: png::ColorType) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(color);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().expect("sizes are not zero");
    let n = (width * height) as usize * color.samples();
    let pixels: Vec<u8> = (0..n as u64).map(|it| (it.wrapping_mul(31) ^ seed.wrapping_mul(97)) as u8).collect();
    writer.write_image_data(&pixels).expect("as many pixels as there are");
    writer.finish().expect("memory takes everything");
    bytes
}

/// Returns one of few PNGs.
pub fn small_png(seed: u64) -> Vec<u8> {
    let color = [png::ColorType::Rgba, png::ColorType::Rgb, png::ColorType::Grayscale][(seed % 3) as usize];
    png(seed, 1 + (seed % 4) as u32, 1 + (seed % 3) as u32, color)
}

/// Returns the text of a glTF with one buffer of four bytes in a file, and an image in another.
pub fn gltf(name: &str, buffer: &str, image: Option<&str>) -> Vec<u8> {
    let images = image.map_or(String::new(), |it| format!(r#", "images": [{{ "uri": "{it}" }}]"#));
    format!(
        r#"{{ "asset": {{ "version": "2.0" }}, "nodes": [{{ "name": "{name}" }}],
  "buffers": [{{ "uri": "{buffer}", "byteLength": 4 }}]{images} }}
"#
    )
    .into_bytes()
}
