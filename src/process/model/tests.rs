//! Models written down, and what becomes of them.

use expect_test::{Expect, expect};
use serde_json::json;

use super::*;
use crate::process::fake::{self, FakeContext};
use crate::process::kinds;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\nrest";

/// A model with an external buffer and an external image.
const EXTERNAL: &str = r#"{
  "asset": { "version": "2.0", "generator": "by hand" },
  "buffers": [{ "uri": "hero.bin", "byteLength": 6 }],
  "bufferViews": [{ "buffer": 0, "byteOffset": 2, "byteLength": 4, "target": 34962 }],
  "images": [{ "uri": "tex/my%20hero.png", "name": "skin" }],
  "textures": [{ "source": 0 }]
}"#;

fn external() -> FakeContext {
    let mut cx = FakeContext::with_input("hero.gltf", EXTERNAL.as_bytes());
    cx.file("hero.bin", b"abcdefgh");
    cx.file("tex/my hero.png", PNG);
    cx
}

fn run(cx: &mut FakeContext, settings: Value) -> Outcome {
    let prepared = kinds::find("model").expect("a kind").prepare(settings).expect("valid settings");
    prepared.run(cx).expect("everything is available")
}

fn glb_of(outcome: &Outcome) -> &[u8] {
    match outcome {
        Outcome::Made(artifacts, _) => match &artifacts[0].payloads[..] {
            [(role, Payload::Made(bytes))] if role.is_empty() => bytes,
            other => panic!("one payload is made, not {other:?}"),
        },
        Outcome::Refused(findings) => panic!("{findings:?}"),
    }
}

/// What was asked, what was made, and the JSON and buffer of the GLB.
fn describe(cx: &mut FakeContext, settings: Value) -> String {
    let outcome = run(cx, settings);
    let mut text: String = cx.asked.iter().map(|it| format!("{it}\n")).collect();
    text.push_str(&fake::describe(&outcome));
    if let Outcome::Made(..) = outcome {
        let parts = container::open(glb_of(&outcome)).expect("a GLB");
        text.push_str(&format!("json {}\n", parts.json.trim_end()));
        text.push_str(&format!("bin \"{}\"\n", parts.bin.unwrap_or_default().escape_ascii()));
    }
    text
}

fn check(cx: &mut FakeContext, settings: Value, expected: Expect) {
    expected.assert_eq(&describe(cx, settings));
}

/// The findings of a model that stands alone.
fn findings(gltf: &str) -> String {
    let mut cx = FakeContext::with_input("a.gltf", gltf.as_bytes());
    fake::describe(&run(&mut cx, json!({})))
}

/// The findings of a model whose buffers, views and images are these.
fn broken(buffers: &str, views: &str, images: &str) -> String {
    let text =
        format!(r#"{{"asset":{{"version":"2.0"}},"buffers":{buffers},"bufferViews":{views},"images":{images}}}"#);
    // `expect!` takes common indentation away.
    findings(&text).lines().filter(|it| *it != "refused").map(|it| format!("{}\n", it.trim_start())).collect()
}

#[test]
fn buffers_and_images_are_gathered() {
    check(
        &mut external(),
        json!({}),
        expect![[r#"
        find hero.bin: source
        asset at tex/my hero.png: none
        find tex/my hero.png: source
        made part ""
          payload "": 336 bytes made
          animations = 0
          buffer_bytes = 20
          format = "glb"
          images = 1
          materials = 0
          meshes = 0
          nodes = 0
          skins = 0
        json {"asset":{"generator":"by hand","version":"2.0"},"bufferViews":[{"buffer":0,"byteLength":4,"byteOffset":2,"target":34962},{"buffer":0,"byteLength":12,"byteOffset":8}],"buffers":[{"byteLength":20}],"images":[{"bufferView":1,"mimeType":"image/png","name":"skin"}],"textures":[{"source":0}]}
        bin "abcdef\x00\x00\x89PNG\r\n\x1a\nrest"
    "#]],
    );
}

#[test]
fn images_that_are_assets_are_references() {
    let mut cx = external();
    cx.asset("tex/my hero.png", 17);
    check(
        &mut cx,
        json!({}),
        expect![[r#"
        find hero.bin: source
        asset at tex/my hero.png: 17
        made part ""
          payload "": 264 bytes made
          animations = 0
          buffer_bytes = 6
          format = "glb"
          images = 1
          materials = 0
          meshes = 0
          nodes = 0
          skins = 0
          references [#17]
        json {"asset":{"generator":"by hand","version":"2.0"},"bufferViews":[{"buffer":0,"byteLength":4,"byteOffset":2,"target":34962}],"buffers":[{"byteLength":6}],"images":[{"name":"skin","uri":"packwright:17"}],"textures":[{"source":0}]}
        bin "abcdef\x00\x00"
    "#]],
    );
    let mut cx = external();
    cx.asset("tex/my hero.png", 17);
    check(
        &mut cx,
        json!({ "images": "embed" }),
        expect![[r#"
        find hero.bin: source
        find tex/my hero.png: source
        made part ""
          payload "": 336 bytes made
          animations = 0
          buffer_bytes = 20
          format = "glb"
          images = 1
          materials = 0
          meshes = 0
          nodes = 0
          skins = 0
        json {"asset":{"generator":"by hand","version":"2.0"},"bufferViews":[{"buffer":0,"byteLength":4,"byteOffset":2,"target":34962},{"buffer":0,"byteLength":12,"byteOffset":8}],"buffers":[{"byteLength":20}],"images":[{"bufferView":1,"mimeType":"image/png","name":"skin"}],"textures":[{"source":0}]}
        bin "abcdef\x00\x00\x89PNG\r\n\x1a\nrest"
    "#]],
    );
}

/// R6: wherever the image is and whatever it is called, the bytes are the same.
#[test]
fn moving_an_image_that_is_an_asset_changes_nothing() {
    let artifact = |path: &str| {
        let mut cx = FakeContext::with_input("hero.gltf", EXTERNAL.replace("tex/my%20hero.png", path).as_bytes());
        cx.file("hero.bin", b"abcdefgh");
        cx.asset(path, 17);
        match run(&mut cx, json!({})) {
            Outcome::Made(artifacts, _) => artifacts,
            Outcome::Refused(findings) => panic!("{findings:?}"),
        }
    };
    assert_eq!(artifact("tex/a.png"), artifact("../elsewhere/b.png"));
}

#[test]
fn paths_are_seen_from_the_model() {
    let mut cx = FakeContext::with_input("sub/hero.gltf", EXTERNAL.as_bytes());
    cx.file("sub/hero.bin", b"abcdefgh");
    cx.asset("sub/tex/my hero.png", 3);
    run(&mut cx, json!({}));
    assert_eq!(cx.asked, ["find sub/hero.bin: source", "asset at sub/tex/my hero.png: 3"]);
}

#[test]
fn what_is_missing_is_named_with_its_place() {
    let mut cx = FakeContext::with_input("hero.gltf", EXTERNAL.as_bytes());
    cx.not_a_source("tex/my hero.png", "it is hidden");
    check(
        &mut cx,
        json!({}),
        expect![[r#"
        find hero.bin: absent
        asset at tex/my hero.png: none
        find tex/my hero.png: not a source
        refused
          error PW0321 hero.gltf:3:24: `buffers[0]` names `hero.bin`, which is not there
          error PW0112 hero.gltf:5:23: `images[0]` names `tex/my%20hero.png`, which is not a source: it is hidden
    "#]],
    );
    let mut cx = FakeContext::default();
    cx.input("hero.gltf", EXTERNAL.replace("tex/my%20hero.png", "tex\\\\hero.png").as_bytes());
    cx.file("hero.bin", b"abcde");
    check(
        &mut cx,
        json!({}),
        expect![[r#"
        find hero.bin: source
        asset at tex\hero.png: none
        find tex\hero.png: absent
        refused
          error PW0320 hero.gltf:3:24: `buffers[0]` says 6 bytes, but there are 5
          error PW0321 hero.gltf:5:23: `images[0]` names `tex\hero.png`, which is not there
            help: write `/` between the directories of a `uri`
    "#]],
    );
}

#[test]
fn unavailable_bytes_are_passed_on() {
    for path in ["hero.gltf", "hero.bin", "tex/my hero.png"] {
        let mut cx = external();
        cx.unreadable(path);
        assert!(Model.run(&mut cx, &Settings::default()).is_err(), "{path}");
    }
}

#[test]
fn the_buffer_of_a_glb_stays() {
    let json = r#"{"asset":{"version":"2.0"},"buffers":[{"byteLength":5},{"byteLength":2,"uri":"data:;base64,eHk="}],
        "bufferViews":[{"buffer":0,"byteLength":5},{"buffer":1,"byteLength":1,"byteOffset":1},{"buffer":1.0,"byteLength":2}],
        "images":[{"bufferView":0,"mimeType":"image/png"}],"extras":{"kept":[1.5,{"uri":"any"}]}}"#;
    let mut cx = FakeContext::with_input("a.glb", &container::write(json.as_bytes(), b"abcde"));
    check(
        &mut cx,
        json!({}),
        expect![[r#"
        made part ""
          payload "": 316 bytes made
          animations = 0
          buffer_bytes = 10
          format = "glb"
          images = 1
          materials = 0
          meshes = 0
          nodes = 0
          skins = 0
        json {"asset":{"version":"2.0"},"bufferViews":[{"buffer":0,"byteLength":5},{"buffer":0,"byteLength":1,"byteOffset":9},{"buffer":0,"byteLength":2,"byteOffset":8}],"buffers":[{"byteLength":10}],"extras":{"kept":[1.5,{"uri":"any"}]},"images":[{"bufferView":0,"mimeType":"image/png"}]}
        bin "abcde\x00\x00\x00xy\x00\x00"
    "#]],
    );
    // What was made is a fixed point.
    let first = run(&mut cx, json!({}));
    let again = run(&mut FakeContext::with_input("b.glb", glb_of(&first)), json!({}));
    assert_eq!(glb_of(&first), glb_of(&again));
}

#[test]
fn without_buffers_there_is_no_binary_chunk() {
    let mut cx = FakeContext::with_input("a.gltf", br#"{"asset":{"version":"2.0"},"buffers":[],"nodes":[{}]}"#);
    check(
        &mut cx,
        json!({}),
        expect![[r#"
        made part ""
          payload "": 60 bytes made
          animations = 0
          buffer_bytes = 0
          format = "glb"
          images = 0
          materials = 0
          meshes = 0
          nodes = 1
          skins = 0
        json {"asset":{"version":"2.0"},"nodes":[{}]}
        bin ""
    "#]],
    );
}

#[test]
fn images_are_what_their_bytes_are() {
    let mut cx = FakeContext::with_input(
        "a.gltf",
        br#"{"asset":{"version":"2.0"},"images":[
            {"uri":"a.jpg","mimeType":"image/jpeg"},
            {"uri":"a.png"},
            {"uri":"data:image/jpeg;base64,/9j/4HJlc3Qh"},
            {"uri":"b.xyz","mimeType":"image/x-odd"}
        ]}"#,
    );
    cx.file("a.jpg", PNG);
    cx.file("a.png", PNG);
    cx.file("b.xyz", b"odd");
    check(
        &mut cx,
        json!({}),
        expect![[r#"
        asset at a.jpg: none
        find a.jpg: source
        asset at a.png: none
        find a.png: source
        asset at b.xyz: none
        find b.xyz: source
        made part ""
          payload "": 436 bytes made
          animations = 0
          buffer_bytes = 27
          format = "glb"
          images = 4
          materials = 0
          meshes = 0
          nodes = 0
          skins = 0
          warning PW0323 a.gltf:2:20: `images[0]` says that it is `image/jpeg`, but it is `image/png`
        json {"asset":{"version":"2.0"},"bufferViews":[{"buffer":0,"byteLength":12,"byteOffset":0},{"buffer":0,"byteLength":9,"byteOffset":12},{"buffer":0,"byteLength":3,"byteOffset":24}],"buffers":[{"byteLength":27}],"images":[{"bufferView":0,"mimeType":"image/png"},{"bufferView":0,"mimeType":"image/png"},{"bufferView":1,"mimeType":"image/jpeg"},{"bufferView":2,"mimeType":"image/x-odd"}]}
        bin "\x89PNG\r\n\x1a\nrest\xff\xd8\xff\xe0rest!\x00\x00\x00odd\x00"
    "#]],
    );

    let mut cx = FakeContext::with_input(
        "a.gltf",
        br#"{"asset":{"version":"2.0"},"images":[{"uri":"a.png"},{"uri":"b.png"},{"uri":"c.png"}]}"#,
    );
    cx.file("a.png", b"version https://git-lfs.github.com/spec/v1\n");
    cx.file("b.png", b"");
    cx.file("c.png", b"\0\0\0");
    check(
        &mut cx,
        json!({}),
        expect![[r#"
        asset at a.png: none
        find a.png: source
        asset at b.png: none
        find b.png: source
        asset at c.png: none
        find c.png: source
        refused
          error PW0320 a.gltf:1:45: `images[0]` is no image but a Git LFS pointer, not the content
          error PW0320 a.gltf:1:61: `images[1]` is no image but an empty file
          error PW0320 a.gltf:1:77: `images[2]` is no image but something that is not known here
    "#]],
    );
}

#[test]
fn meshopt_views_and_placeholders_are_moved() {
    let json = br#"{"asset":{"version":"2.0"},"extensionsUsed":["EXT_meshopt_compression"],
        "extensionsRequired":["EXT_meshopt_compression"],
        "buffers":[
            {"byteLength":64,"extensions":{"EXT_meshopt_compression":{"fallback":true}}},
            {"byteLength":3,"uri":"data:,abc"},
            {"byteLength":4,"uri":"data:,defg"}],
        "bufferViews":[
            {"buffer":0,"byteLength":60,"byteOffset":4,"byteStride":12,
             "extensions":{"EXT_meshopt_compression":{"buffer":2,"byteOffset":1,"byteLength":3,"count":5,"byteStride":12,"mode":"ATTRIBUTES"}}},
            {"buffer":2,"byteLength":4}]}"#;
    check(
        &mut FakeContext::with_input("a.gltf", json),
        json!({}),
        expect![[r#"
        made part ""
          payload "": 512 bytes made
          animations = 0
          buffer_bytes = 8
          extensions_required = "EXT_meshopt_compression"
          extensions_used = "EXT_meshopt_compression"
          format = "glb"
          images = 0
          materials = 0
          meshes = 0
          nodes = 0
          skins = 0
        json {"asset":{"version":"2.0"},"bufferViews":[{"buffer":1,"byteLength":60,"byteOffset":4,"byteStride":12,"extensions":{"EXT_meshopt_compression":{"buffer":0,"byteLength":3,"byteOffset":5,"byteStride":12,"count":5,"mode":"ATTRIBUTES"}}},{"buffer":0,"byteLength":4,"byteOffset":4}],"buffers":[{"byteLength":8},{"byteLength":64,"extensions":{"EXT_meshopt_compression":{"fallback":true}}}],"extensionsRequired":["EXT_meshopt_compression"],"extensionsUsed":["EXT_meshopt_compression"]}
        bin "abc\x00defg"
    "#]],
    );
    let bad = std::str::from_utf8(json)
        .expect("text")
        .replace(r#""byteOffset":1,"byteLength":3"#, r#""byteOffset":2,"byteLength":3"#);
    check(
        &mut FakeContext::with_input("a.gltf", bad.as_bytes()),
        json!({}),
        expect![[r#"
        refused
          error PW0320 a.gltf: `EXT_meshopt_compression` of `bufferViews[0]` covers 3 bytes at 2, but its buffer has 4
    "#]],
    );
}

#[test]
fn placeholders_need_data_elsewhere() {
    let placeholder = r#"{"byteLength":64,"extensions":{"EXT_meshopt_compression":{"fallback":true}}}"#;
    expect![[r#"
          error PW0320 a.gltf: buffers hold the place of decompressed data, but no data is there
    "#]]
    .assert_eq(&broken(&format!("[{placeholder}]"), "[]", "[]"));
}

#[test]
fn what_unknown_extensions_name_is_warned_of() {
    let json = br#"{"asset":{"version":"2.0"},"buffers":[{"byteLength":3,"uri":"data:,abc"},{"byteLength":1,"uri":"data:,x"}],
        "bufferViews":[{"buffer":0,"byteLength":1,"extensions":{"ODD":{"buffer":1}}},{"buffer":0,"byteLength":1,"extensions":{"ODD":{"buffer":0}}}],
        "extensions":{"KHR_audio":{"audio":[{"uri":"step.ogg"}]}}}"#;
    check(
        &mut FakeContext::with_input("a.gltf", json),
        json!({}),
        expect![[r#"
        made part ""
          payload "": 292 bytes made
          animations = 0
          buffer_bytes = 5
          format = "glb"
          images = 0
          materials = 0
          meshes = 0
          nodes = 0
          skins = 0
          warning PW0323 a.gltf: the extension `KHR_audio` names `step.ogg`, which is not looked at
          warning PW0323 a.gltf: the extension `ODD` names buffer 1 by itself, which is elsewhere now
        json {"asset":{"version":"2.0"},"bufferViews":[{"buffer":0,"byteLength":1,"extensions":{"ODD":{"buffer":1}}},{"buffer":0,"byteLength":1,"extensions":{"ODD":{"buffer":0}}}],"buffers":[{"byteLength":5}],"extensions":{"KHR_audio":{"audio":[{"uri":"step.ogg"}]}}}
        bin "abc\x00x\x00\x00\x00"
    "#]],
    );
}

#[test]
fn broken_buffers_views_and_images_are_named() {
    let data = r#"[{"byteLength":4,"uri":"data:,abcd"}]"#;
    let text: String = [
        broken(r#"[{"uri":"data:,a"}]"#, "[]", "[]"),
        broken(r#"[{"uri":"data:,a","byteLength":0}]"#, "[]", "[]"),
        broken(r#"[{"uri":"data:,a","byteLength":-1}]"#, "[]", "[]"),
        broken(r#"[{"uri":"data:,a","byteLength":"1"}]"#, "[]", "[]"),
        broken(r#"[{"uri":"data:,a","byteLength":18446744073709551615}]"#, "[]", "[]"),
        broken(r#"[{"uri":"data:,a","byteLength":2}]"#, "[]", "[]"),
        broken(r#"[{"uri":7,"byteLength":2}]"#, "[]", "[]"),
        broken(r#"[{"byteLength":2}]"#, "[]", "[]"),
        broken(r#"[{"uri":"https://example.org/a.bin","byteLength":2}]"#, "[]", "[]"),
        broken(r#"[{"uri":"../../../etc/passwd","byteLength":2}]"#, "[]", "[]"),
        broken(r#"[{"uri":"/etc/passwd","byteLength":2}]"#, "[]", "[]"),
        broken(data, r#"[{"byteLength":1}]"#, "[]"),
        broken(data, r#"[{"buffer":0}]"#, "[]"),
        broken(data, r#"[{"buffer":0,"byteLength":0}]"#, "[]"),
        broken(data, r#"[{"buffer":0,"byteLength":5}]"#, "[]"),
        broken(data, r#"[{"buffer":0,"byteLength":4,"byteOffset":1}]"#, "[]"),
        broken(data, r#"[{"buffer":0,"byteLength":4,"byteOffset":18446744073709551615}]"#, "[]"),
        broken(data, r#"[{"buffer":0,"byteLength":4,"byteOffset":null}]"#, "[]"),
        broken(data, r#"[{"buffer":0,"byteLength":4,"extensions":{"EXT_meshopt_compression":7}}]"#, "[]"),
        broken(data, r#"[{"buffer":0,"byteLength":4}]"#, r#"[{"bufferView":0,"uri":"a.png"}]"#),
        broken(data, "[]", r#"[{"uri":{}}]"#),
        broken(data, "[]", r#"[{"uri":""}]"#),
        broken(data, "[]", r#"[{"uri":"data:image/png;base64,?"}]"#),
    ]
    .concat();
    expect![[r#"
          error PW0320 a.gltf: `buffers[0]` has no `byteLength`
          error PW0320 a.gltf: `buffers[0]` has the `byteLength` 0, which is not positive
          error PW0320 a.gltf: `buffers[0]` has the `byteLength` -1, which is not positive
          error PW0320 a.gltf: `buffers[0]` has the `byteLength` "1", which is not positive
          error PW0320 a.gltf:1:46: `buffers[0]` says 18446744073709551615 bytes, but there are 1
          error PW0320 a.gltf:1:46: `buffers[0]` says 2 bytes, but there are 1
          error PW0320 a.gltf: the `uri` of `buffers[0]` is a number and not text
          error PW0320 a.gltf: `buffers[0]` has no `uri`, and it is not the buffer of a GLB
          error PW0320 a.gltf:1:46: the `uri` of `buffers[0]` is `https://example.org/a.bin`, which is not a relative path: only those are read, and nothing from `https:`
          error PW0321 a.gltf:1:46: `buffers[0]` names `../../../etc/passwd`, which is not there
          error PW0320 a.gltf:1:46: the `uri` of `buffers[0]` is `/etc/passwd`, which is an absolute path: only relative ones are read
          error PW0320 a.gltf: `bufferViews[0]` has no `buffer` that there is
          error PW0320 a.gltf: `bufferViews[0]` needs a positive `byteLength`, and a `byteOffset` if any
          error PW0320 a.gltf: `bufferViews[0]` needs a positive `byteLength`, and a `byteOffset` if any
          error PW0320 a.gltf: `bufferViews[0]` covers 5 bytes at 0, but its buffer has 4
          error PW0320 a.gltf: `bufferViews[0]` covers 4 bytes at 1, but its buffer has 4
          error PW0320 a.gltf: `bufferViews[0]` covers 4 bytes at 18446744073709551615, but its buffer has 4
          error PW0320 a.gltf: `bufferViews[0]` needs a positive `byteLength`, and a `byteOffset` if any
          error PW0320 a.gltf: `EXT_meshopt_compression` of `bufferViews[0]` has no `buffer` that there is
          error PW0320 a.gltf: `images[0]` has both a `uri` and a `bufferView`
          error PW0320 a.gltf: the `uri` of `images[0]` is an object and not text
          error PW0320 a.gltf:1:110: the `uri` of `images[0]` is ``, which is empty
          error PW0320 a.gltf:1:110: the `uri` of `images[0]` is `data:image/png;base64,?`, which is not valid base64 (Invalid symbol 63, offset 0.)
    "#]].assert_eq(&text);
}

#[test]
fn there_is_an_end_to_findings() {
    let views = vec![r#"{"buffer":0,"byteLength":9}"#; 100].join(",");
    let text = broken(r#"[{"byteLength":4,"uri":"data:,abcd"}]"#, &format!("[{views}]"), "[]");
    assert_eq!(text.lines().count(), 16);
    // Warnings first, and still it is refused.
    let images = vec![r#"{"uri":"data:image/jpeg;base64,iVBORw0KGgo="}"#; 100].join(",");
    let text = broken("[]", "[]", &format!(r#"[{images},{{"uri":"absent.png"}}]"#));
    assert!(text.ends_with("names `absent.png`, which is not there\n"), "{text}");
    assert_eq!(text.lines().count(), 17);
}

#[test]
fn broken_files_are_named() {
    let text: String = [
        findings(""),
        findings("{"),
        findings("{\n  \"asset\": { \"version\": \"2.0\" },\n  \"asset\": {}\n}"),
        findings(r#"{"asset":{"version":"1.0"}}"#),
        findings("\u{feff}[]"),
        findings("\u{feff}{\"asset\":{\"version\":\"2.0\"}}"),
        findings("version https://git-lfs.github.com/spec/v1\n"),
    ]
    .concat();
    expect![[r#"
        refused
          error PW0320 a.gltf: the file is empty
        refused
          error PW0320 a.gltf:1:1: the JSON cannot be read: EOF while parsing an object
        refused
          error PW0320 a.gltf:3:9: the JSON cannot be read: the key `asset` is given twice
        refused
          error PW0320 a.gltf: this is glTF 1.0; only 2.x is read
        refused
          error PW0320 a.gltf: the JSON is not an object
        made part ""
          payload "": 48 bytes made
          animations = 0
          buffer_bytes = 0
          format = "glb"
          images = 0
          materials = 0
          meshes = 0
          nodes = 0
          skins = 0
          warning PW0323 a.gltf: the JSON begins with a byte order mark, which glTF does not allow
        refused
          error PW0320 a.gltf: this is not a glTF but a Git LFS pointer, not the content
    "#]]
    .assert_eq(&text);
}

#[test]
fn one_input_is_the_model() {
    let mut cx = FakeContext::default();
    for path in ["hero.bin", "hero.GLTF", "tex.png"] {
        cx.input(path, br#"{"asset":{"version":"2.0"}}"#);
    }
    assert!(matches!(run(&mut cx, json!({})), Outcome::Made(..)));
    cx.input("other.glb", b"");
    check(
        &mut cx,
        json!({}),
        expect![[r#"
        refused
          error PW0004: a `model` asset has one .gltf or .glb among its inputs; this one has 2
    "#]],
    );
    let mut cx = FakeContext::with_input("a.bin", b"");
    cx.input("gltf", b"");
    check(
        &mut cx,
        json!({}),
        expect![[r#"
        refused
          error PW0022: a `model` asset needs a .gltf or .glb among its inputs
    "#]],
    );
}

#[test]
fn limits_are_held() {
    let glb_len = glb_of(&run(&mut external(), json!({}))).len();
    assert!(matches!(run(&mut external(), json!({ "max_bytes": glb_len })), Outcome::Made(..)));
    check(
        &mut external(),
        json!({ "max_bytes": glb_len - 1 }),
        expect![[r#"
        find hero.bin: source
        asset at tex/my hero.png: none
        find tex/my hero.png: source
        refused
          error PW0322 hero.gltf: the GLB made of the model has 336 bytes; the limit is 335
            help: raise the setting `max_bytes` if the model is meant to be so large; a GLB cannot exceed 4 GiB
    "#]],
    );
    check(
        &mut external(),
        json!({ "max_bytes": EXTERNAL.len() - 1 }),
        expect![[r#"
        refused
          error PW0322 hero.gltf: the model has 296 bytes; the limit is 295
            help: raise the setting `max_bytes` if the model is meant to be so large; a GLB cannot exceed 4 GiB
    "#]],
    );
    let large = |name: &str| {
        let mut cx = external();
        cx.file(name, &[b'x'; 1000]);
        cx
    };
    check(
        &mut large("hero.bin"),
        json!({ "max_bytes": 999 }),
        expect![[r#"
        find hero.bin: source
        asset at tex/my hero.png: none
        find tex/my hero.png: source
        refused
          error PW0322 hero.gltf: `hero.bin` has 1000 bytes; the limit is 999
            help: raise the setting `max_bytes` if the model is meant to be so large; a GLB cannot exceed 4 GiB
    "#]],
    );
    check(
        &mut external(),
        json!({ "max_values": 10 }),
        expect![[r#"
        refused
          error PW0322 hero.gltf:1:1: the JSON has more than 10 values, which is the limit `max_values`
    "#]],
    );
}

/// When this fails and the new bytes are meant, raise `Model::VERSION` with the expectation.
#[test]
fn golden() {
    let mut referring = external();
    referring.asset("tex/my hero.png", 17);
    let digest = |cx: &mut FakeContext| fake::outcome_digest(&run(cx, json!({})));
    let text = format!(
        "model {} {:?}\nembedded {:?}\nreferring {:?}\n",
        Model::VERSION,
        Model::CODECS,
        digest(&mut external()),
        digest(&mut referring),
    );
    expect![[r#"
        model 1 ["serde_json 1.0.154", "zmij 1.0.23", "base64 0.23.1", "percent-encoding 2.3.2"]
        embedded d711ce2e94e2
        referring 94868808cbe4
    "#]]
    .assert_eq(&text);
}

/// A small model with everything in it that is looked at.
fn rich() -> String {
    let json = json!({
        "asset": { "version": "2.0" },
        "scene": 0,
        "scenes": [{ "nodes": [0] }],
        "nodes": [{ "mesh": 0, "skin": 0, "camera": 0, "children": [1] }, {}],
        "cameras": [{}],
        "skins": [{ "joints": [1], "skeleton": 1, "inverseBindMatrices": 0 }],
        "meshes": [{ "primitives": [{ "attributes": { "POSITION": 0 }, "indices": 0, "material": 0, "targets": [{ "POSITION": 0 }] }] }],
        "materials": [{ "pbrMetallicRoughness": { "baseColorTexture": { "index": 0 } } }],
        "textures": [{ "source": 0, "sampler": 0 }],
        "samplers": [{}],
        "images": [{ "uri": "a.png", "mimeType": "image/png" }, { "bufferView": 0, "mimeType": "image/png" }],
        "animations": [{ "channels": [{ "sampler": 0, "target": { "node": 0, "path": "scale" } }], "samplers": [{ "input": 0, "output": 0 }] }],
        "accessors": [{ "bufferView": 0, "sparse": { "count": 1, "indices": { "bufferView": 0 }, "values": { "bufferView": 0 } } }],
        "buffers": [
            { "byteLength": 4 },
            { "byteLength": 8, "extensions": { "EXT_meshopt_compression": { "fallback": true } } },
            { "byteLength": 2, "uri": "data:,xy" }
        ],
        "bufferViews": [
            { "buffer": 0, "byteOffset": 1, "byteLength": 3 },
            { "buffer": 1, "byteLength": 8, "extensions": { "EXT_meshopt_compression": { "buffer": 2, "byteLength": 2 } } }
        ],
        "extensionsUsed": ["EXT_meshopt_compression", "ODD"],
        "extensions": { "ODD": { "uri": "x", "buffer": 2 } },
        "extras": [1.5, null, "é"]
    });
    json.to_string()
}

fn rich_context(glb: &[u8]) -> FakeContext {
    let mut cx = FakeContext::with_input("a.glb", glb);
    cx.file("a.png", PNG);
    cx
}

/// Runs a model that may be damaged. It must come to something, twice the same, and what is made must be
/// readable and, run again, change no more.
fn survives(glb: &[u8]) -> bool {
    let outcome = run(&mut rich_context(glb), json!({}));
    assert_eq!(fake::outcome_digest(&outcome), fake::outcome_digest(&run(&mut rich_context(glb), json!({}))));
    match &outcome {
        Outcome::Refused(findings) => {
            assert!(findings.iter().any(|it| it.severity == crate::model::Severity::Error), "{findings:?}");
            false
        }
        Outcome::Made(_, warnings) => {
            assert!(warnings.iter().all(|it| it.severity == crate::model::Severity::Warning), "{warnings:?}");
            let again = run(&mut FakeContext::with_input("b.glb", glb_of(&outcome)), json!({}));
            assert_eq!(glb_of(&outcome), glb_of(&again), "what is made is a fixed point");
            true
        }
    }
}

#[test]
fn every_truncation_is_refused() {
    let glb = container::write(rich().as_bytes(), b"abcd");
    assert!(survives(&glb));
    for len in 0..glb.len() {
        assert!(!survives(&glb[..len]), "{len} of {} bytes", glb.len());
    }
    let text = rich();
    for len in 0..text.len() {
        assert!(!survives(&text.as_bytes()[..len]), "{len} of {} bytes", text.len());
    }
}

#[test]
fn every_flipped_byte_is_answered() {
    let glb = container::write(rich().as_bytes(), b"abcd");
    for at in 0..glb.len() {
        for flip in [1, 2, 0x10, 0x20, 0x80, 0xff] {
            let mut damaged = glb.clone();
            damaged[at] ^= flip;
            survives(&damaged);
        }
    }
}

/// Each value of the model in turn is replaced by values of other types, is removed, or its list grows.
#[test]
fn every_value_may_be_another() {
    let model: Value = serde_json::from_str(&rich()).expect("JSON");
    let others = [
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(1),
        json!(1.5),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!("a.png"),
        json!("\u{0}"),
        json!([]),
        json!([[]]),
        json!([{}]),
        json!({}),
        json!({ "": [] }),
    ];
    let mut paths = Vec::new();
    collect_paths(&model, &mut String::new(), &mut paths);
    assert!(paths.len() > 100);
    for path in &paths {
        for other in &others {
            let mut changed = model.clone();
            *changed.pointer_mut(path).expect("it was collected") = other.clone();
            survives(&container::write(changed.to_string().as_bytes(), b"abcd"));
        }
        if let Some((parent, key)) = path.rsplit_once('/') {
            let mut changed = model.clone();
            match changed.pointer_mut(parent).expect("it was collected") {
                Value::Object(map) => drop(map.remove(key)),
                Value::Array(items) => drop(items.remove(key.parse().expect("an index"))),
                _ => unreachable!("only these have children"),
            }
            survives(&container::write(changed.to_string().as_bytes(), b"abcd"));
        }
    }
}

fn collect_paths(value: &Value, at: &mut String, paths: &mut Vec<String>) {
    paths.push(at.clone());
    let mut child = |name: &str, value: &Value| {
        let len = at.len();
        at.push('/');
        at.push_str(name);
        collect_paths(value, at, paths);
        at.truncate(len);
    };
    match value {
        Value::Array(items) => items.iter().enumerate().for_each(|(at, it)| child(&at.to_string(), it)),
        Value::Object(map) => map.iter().for_each(|(key, it)| child(key, it)),
        _ => {}
    }
}
