//! What a `uri` in a glTF means: a file beside the model, or the bytes themselves.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::percent_decode_str;

use crate::model::path;

/// Where a `uri` leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target {
    /// Bytes written into the `uri` itself.
    Data {
        /// What they are said to be, perhaps empty.
        media_type: String,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// A file, as a path relative to the asset's directory.
    File(String),
}

/// Real files leave the padding out, or have bits in it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Resolves a `uri` found in the model at `model` (a path relative to the asset's directory).
///
/// # Errors
///
/// Why it leads nowhere, to be read after "which".
pub fn resolve(model: &str, uri: &str) -> Result<Target, String> {
    match scheme(uri) {
        Some(scheme) if scheme.eq_ignore_ascii_case("data") => data(&uri[scheme.len() + 1..]),
        Some(scheme) => Err(format!("is not a relative path: only those are read, and nothing from `{scheme}:`")),
        None => Ok(Target::File(file(model, uri)?)),
    }
}

/// Returns the scheme of a `uri`, if there is one: `https`, `data`, or the drive of an absolute Windows path.
fn scheme(uri: &str) -> Option<&str> {
    let (scheme, _) = uri.split_once(':')?;
    let is_scheme = scheme.starts_with(|it: char| it.is_ascii_alphabetic())
        && scheme.bytes().all(|it| it.is_ascii_alphanumeric() || b"+-.".contains(&it));
    is_scheme.then_some(scheme)
}

fn data(rest: &str) -> Result<Target, String> {
    let (head, body) = rest.split_once(',').ok_or("has no comma")?;
    let (head, is_base64) = match head.len().checked_sub(";base64".len()).and_then(|at| head.split_at_checked(at)) {
        Some((head, tail)) if tail.eq_ignore_ascii_case(";base64") => (head, true),
        _ => (head, false),
    };
    let bytes = match is_base64 {
        false => percent_decode_str(body).collect(),
        true if body.contains('%') => decode_base64(&percent_decode_str(body).collect::<Vec<u8>>())?,
        true => decode_base64(body.as_bytes())?,
    };
    let media_type = head.split(';').next().unwrap_or_default().to_ascii_lowercase();
    Ok(Target::Data { media_type, bytes })
}

fn decode_base64(text: &[u8]) -> Result<Vec<u8>, String> {
    BASE64.decode(text).map_err(|it| format!("is not valid base64 ({it})"))
}

/// Returns the path of a file. All of the `uri` is the path: exporters write `?` and `#` in names as they are.
fn file(model: &str, uri: &str) -> Result<String, String> {
    let decoded = percent_decode_str(uri).decode_utf8().map_err(|_| "is not UTF-8 when decoded")?;
    if decoded.is_empty() {
        return Err("is empty".to_owned());
    }
    if decoded.contains('\0') {
        return Err("contains a NUL".to_owned());
    }
    if decoded.starts_with('/') {
        return Err("is an absolute path: only relative ones are read".to_owned());
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path::parent(model).split('/').chain(decoded.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|it| *it != "..") => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    if parts.last().is_none_or(|it| *it == "..") {
        return Err("is a directory".to_owned());
    }
    Ok(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_beside_the_model() {
        for (model, uri, expected) in [
            ("a.gltf", "b.bin", "b.bin"),
            ("a.gltf", "./b.bin", "b.bin"),
            ("dir/a.gltf", "tex/b.png", "dir/tex/b.png"),
            ("dir/a.gltf", "../b.png", "b.png"),
            ("dir/a.gltf", "../../b.png", "../b.png"),
            ("../dir/a.gltf", "../../b.png", "../../b.png"),
            ("a.gltf", "x/../..//b.png", "../b.png"),
            ("a.gltf", "my%20b%C3%BC.png", "my bü.png"),
            ("a.gltf", "my b.png", "my b.png"),
            ("a.gltf", "100%.png", "100%.png"),
            ("a.gltf", "a%2Fb%25.png", "a/b%.png"),
            ("a.gltf", "a#1.png?x", "a#1.png?x"),
            ("a.gltf", "tex\\b.png", "tex\\b.png"),
            ("a.gltf", "1:2.png", "1:2.png"),
        ] {
            assert_eq!(resolve(model, uri), Ok(Target::File(expected.to_owned())), "{uri}");
        }
    }

    #[test]
    fn some_lead_nowhere() {
        let text: String = [
            "",
            "/etc/passwd",
            "%2Fetc",
            "C:\\a.png",
            "https://example.org/a.png",
            "file:a.png",
            "packwright:3",
            "%00",
            "%FF.png",
            ".",
            "..",
            "x/..",
            "data:",
            "data:;base64,a",
            "data:;base64,_-==",
            "data:;base64,%",
        ]
        .map(|it| format!("`{it}` {}\n", resolve("a.gltf", it).expect_err(it)))
        .concat();
        expect_test::expect![[r#"
            `` is empty
            `/etc/passwd` is an absolute path: only relative ones are read
            `%2Fetc` is an absolute path: only relative ones are read
            `C:\a.png` is not a relative path: only those are read, and nothing from `C:`
            `https://example.org/a.png` is not a relative path: only those are read, and nothing from `https:`
            `file:a.png` is not a relative path: only those are read, and nothing from `file:`
            `packwright:3` is not a relative path: only those are read, and nothing from `packwright:`
            `%00` contains a NUL
            `%FF.png` is not UTF-8 when decoded
            `.` is a directory
            `..` is a directory
            `x/..` is a directory
            `data:` has no comma
            `data:;base64,a` is not valid base64 (Invalid input length: 1)
            `data:;base64,_-==` is not valid base64 (Invalid symbol 95, offset 0.)
            `data:;base64,%` is not valid base64 (Invalid symbol 37, offset 0.)
        "#]]
        .assert_eq(&text);
    }

    #[test]
    fn data_is_decoded() {
        for (uri, media_type, expected) in [
            ("data:,a%20b", "", &b"a b"[..]),
            ("data:text/plain;charset=utf-8,x", "text/plain", b"x"),
            ("data:application/octet-stream;base64,AAEC", "application/octet-stream", &[0, 1, 2]),
            ("data:application/gltf-buffer;base64,AAE=", "application/gltf-buffer", &[0, 1]),
            ("data:IMAGE/PNG;base64,AAE", "image/png", &[0, 1]),
            ("data:;base64,AAF%3D", "", &[0, 1]),
            ("DATA:;BASE64,", "", b""),
        ] {
            let expected = Target::Data { media_type: media_type.to_owned(), bytes: expected.to_owned() };
            assert_eq!(resolve("a.gltf", uri), Ok(expected), "{uri}");
        }
    }
}
