//! Broken images and models: each is answered with its place, and none takes memory or time that it does not deserve.

use expect_test::expect;

use super::support::{World, at, check_each, png};

#[test]
fn images() {
    check_each(
        r#"
## cut within the signature, the header, the data, the end
//- png-cut /assets/a.png 8x8 5
//- png-cut /assets/b.png 8x8 20
//- png-cut /assets/c.png 8x8 50
//- png-cut /assets/d.png 8x8 70
## empty
//- hex /assets/a.png
## something else
//- /assets/a.png
version https://git-lfs.github.com/spec/v1
//- hex /assets/b.png ff d8 ff e0
## a header that promises too much
//- png-lie /assets/a.png 1x1 100000x100000
//- png-lie /assets/b.png 1x1 16384x16384
//- png-lie /assets/c.png 1x1 4294967295x1
//- png-lie /assets/d.png 1x1 0x1
## limits of the author's
//- png /assets/a.png 8x8
//- /assets/a.png.asset.json
{ "settings": { "max_width": 7 } }
## data for more pixels than there are, and for fewer
//- png-lie /assets/a.png 600x600 1x1
//- png-lie /assets/b.png 8x8 8x9
## an image of two files
//- /assets/hero/asset.json
{ "type": "image" }
//- png /assets/hero/a.png 1x1
//- png /assets/hero/b.png 1x1
"#,
        expect![[r#"
            ## cut within the signature, the header, the data, the end
            build 1: refused
              error[PW0310] assets/a.png: the file ends within the PNG signature
                help: export it again, or give the asset the type `raw` to pack it as it is
              error[PW0310] assets/b.png: the file ends within the chunk `IHDR` at byte 8; 13 bytes are missing
                help: export it again, or give the asset the type `raw` to pack it as it is
              error[PW0310] assets/c.png: the file ends within the chunk `IDAT` at byte 33; 22 bytes are missing
                help: export it again, or give the asset the type `raw` to pack it as it is
              error[PW0310] assets/d.png: the file ends within the chunk `IDAT` at byte 33; 2 bytes are missing
                help: export it again, or give the asset the type `raw` to pack it as it is
            build 2: written, 1 asset in the pack
              warning[PW0310] assets/a.png: the file ends within the PNG signature
                help: `assets/a.png` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
              warning[PW0310] assets/b.png: the file ends within the chunk `IHDR` at byte 8; 13 bytes are missing
                help: `assets/b.png` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
              warning[PW0310] assets/c.png: the file ends within the chunk `IDAT` at byte 33; 22 bytes are missing
                help: `assets/c.png` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
              warning[PW0310] assets/d.png: the file ends within the chunk `IDAT` at byte 33; 2 bytes are missing
                help: `assets/d.png` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is

            ## empty
            build 1: refused
              error[PW0310] assets/a.png: the file is empty
                help: export it again, or give the asset the type `raw` to pack it as it is
            build 2: written, 1 asset in the pack
              warning[PW0310] assets/a.png: the file is empty
                help: `assets/a.png` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is

            ## something else
            build 1: refused
              error[PW0110] assets/a.png: `assets/a.png` is a Git LFS pointer, not the content
                help: run `git lfs pull`; on a build machine, let the checkout fetch LFS files too
              error[PW0312] assets/b.png: this is not a PNG but a JPEG image
                help: `image` reads PNG; convert the file, or give the asset the type `raw`
            build 2: written, 1 asset in the pack
              warning[PW0110] assets/a.png: `assets/a.png` is a Git LFS pointer, not the content
                help: `assets/a.png` is left out of the pack; run `git lfs pull`; on a build machine, let the checkout fetch LFS files too
              warning[PW0312] assets/b.png: this is not a PNG but a JPEG image
                help: `assets/b.png` is left out of the pack; `image` reads PNG; convert the file, or give the asset the type `raw`

            ## a header that promises too much
            build 1: refused
              error[PW0311] assets/a.png: 100000 x 100000 pixels are too wide; the limit `max_width` is 65536
                help: raise the setting `max_width` if the image is meant to be so large
              error[PW0310] assets/b.png: 11 bytes of image data cannot hold 16384 x 16384 pixels
                help: export it again, or give the asset the type `raw` to pack it as it is
              error[PW0310] assets/c.png: the header says 4294967295 x 1 pixels, which no PNG can have
                help: export it again, or give the asset the type `raw` to pack it as it is
              error[PW0310] assets/d.png: the header says 0 x 1 pixels, which no PNG can have
                help: export it again, or give the asset the type `raw` to pack it as it is
            build 2: written, 1 asset in the pack
              warning[PW0311] assets/a.png: 100000 x 100000 pixels are too wide; the limit `max_width` is 65536
                help: `assets/a.png` is left out of the pack; raise the setting `max_width` if the image is meant to be so large
              warning[PW0310] assets/b.png: 11 bytes of image data cannot hold 16384 x 16384 pixels
                help: `assets/b.png` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
              warning[PW0310] assets/c.png: the header says 4294967295 x 1 pixels, which no PNG can have
                help: `assets/c.png` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
              warning[PW0310] assets/d.png: the header says 0 x 1 pixels, which no PNG can have
                help: `assets/d.png` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is

            ## limits of the author's
            build 1: refused
              error[PW0311] assets/a.png: 8 x 8 pixels are too wide; the limit `max_width` is 7
                help: raise the setting `max_width` if the image is meant to be so large
            build 2: written, 1 asset in the pack
              warning[PW0311] assets/a.png: 8 x 8 pixels are too wide; the limit `max_width` is 7
                help: `assets/a.png` is left out of the pack; raise the setting `max_width` if the image is meant to be so large

            ## data for more pixels than there are, and for fewer
            build 1: refused
              error[PW0310] assets/b.png: the image cannot be decoded: IDAT or fDAT chunk does not have enough data for image
                help: export it again, or give the asset the type `raw` to pack it as it is
            build 2: written, 2 assets in the pack
              warning[PW0310] assets/b.png: the image cannot be decoded: IDAT or fDAT chunk does not have enough data for image
                help: `assets/b.png` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is

            ## an image of two files
            build 1: refused
              error[PW0004] assets/hero: an `image` asset has exactly one input; this one has 2
            build 2: written, 1 asset in the pack
              warning[PW0004] assets/hero: an `image` asset has exactly one input; this one has 2
                help: `assets/hero` is left out of the pack

        "#]],
    );
}

/// A kilobyte of image data that inflates to hundreds of megabytes is refused before it does.
#[test]
fn a_decompression_bomb() {
    let mut world = World::new();
    let mut whole = png("4096x4096", 0);
    assert!(whole.len() < 100_000, "it compresses well");
    world.system.write(at("/assets/whole.png"), &whole);
    let at_end = whole.len() - 20;
    whole.truncate(at_end);
    world.system.write(at("/assets/cut.png"), &whole);
    let told = world.run(
        r#"
//- /assets/whole.png.asset.json
{ "settings": { "max_pixels": 1000000 } }
//- build
"#,
    );
    expect![[r#"
        build 1: refused
          error[PW0310] assets/cut.png: the file ends within the chunk `IDAT` at byte 33; 8 bytes are missing
            help: export it again, or give the asset the type `raw` to pack it as it is
          error[PW0311] assets/whole.png: 4096 x 4096 pixels are too large in all; the limit `max_pixels` is 1000000
            help: raise the setting `max_pixels` if the image is meant to be so large
    "#]]
    .assert_eq(&told);
}

#[test]
fn models() {
    check_each(
        r#"
## empty
//- /assets/m.gltf
## not JSON
//- /assets/m.gltf
{ "asset": {"version": "2.0"},
## no object
//- /assets/m.gltf
[]
## no version, an old one, a newer one
//- /assets/a.gltf
{}
//- /assets/b.gltf
{ "asset": {"version": "1.0"} }
//- /assets/c.gltf
{ "asset": {"version": "2.9", "minVersion": "2.9"} }
//- /assets/d.gltf
{ "asset": {"version": 2} }
## a key given twice
//- /assets/m.gltf
{ "asset": {"version": "2.0"}, "buffers": [], "buffers": [] }
## lists that are none
//- /assets/m.gltf
{ "asset": {"version": "2.0"}, "buffers": {}, "images": [1], "meshes": "x" }
## files that leave, are absolute, or elsewhere
//- /assets/m.gltf
{ "asset": {"version": "2.0"}, "images": [
  {"uri": "../../../etc/passwd"}, {"uri": "/etc/passwd"}, {"uri": "file:///etc/passwd"}, {"uri": "https://example.org/x.png"},
  {"uri": "C:\\x.png"}, {"uri": "%2e%2e/%2e%2e/%2e%2e/x.png"}, {"uri": "a%00b.png"}, {"uri": "%ff.png"}, {"uri": ""}] }
## files that are no sources
//- /assets/.hidden.png
x
//- fifo /assets/f.png.dat
//- mkdir /assets/d
//- ln /assets/l -> ../../x
//- /assets/m.gltf
{ "asset": {"version": "2.0"}, "images": [
  {"uri": ".hidden.png"}, {"uri": "../packwright.toml"}, {"uri": "f.png.dat"}, {"uri": "d"}, {"uri": "l"}, {"uri": "m.gltf"}] }
## data in the text, badly
//- /assets/m.gltf
{ "asset": {"version": "2.0"}, "buffers": [{"uri": "data:;base64,!!!!", "byteLength": 3}, {"uri": "data:x", "byteLength": 1}] }
## buffers that are too short, of no length, of a negative one
//- hex /assets/m.bin 00 01
//- /assets/m.gltf
{ "asset": {"version": "2.0"}, "buffers": [{"uri": "m.bin", "byteLength": 3}, {"uri": "m.bin"}, {"uri": "m.bin", "byteLength": -1}, {"byteLength": 1}] }
## views outside of their buffer
//- hex /assets/m.bin 00 01
//- /assets/m.gltf
{ "asset": {"version": "2.0"}, "buffers": [{"uri": "m.bin", "byteLength": 2}],
  "bufferViews": [{"buffer": 0, "byteOffset": 1, "byteLength": 2}, {"buffer": 1, "byteLength": 1}, {"buffer": 0, "byteOffset": 18446744073709551615, "byteLength": 2}] }
## indices that lead nowhere
//- /assets/m.gltf
{ "asset": {"version": "2.0"}, "textures": [{"source": 3}], "images": [{"bufferView": 9, "mimeType": "image/png"}] }
## a GLB that is cut
//- hex /assets/m.glb 67 6c 54 46 02 00 00 00
## a GLB that says another length
//- hex /assets/m.glb 67 6c 54 46 02 00 00 00 ff 00 00 00 02 00 00 00 4a 53 4f 4e 7b 7d
## a GLB without JSON
//- hex /assets/m.glb 67 6c 54 46 02 00 00 00 0c 00 00 00
## a GLB of another version
//- hex /assets/m.glb 67 6c 54 46 01 00 00 00 16 00 00 00 02 00 00 00 4a 53 4f 4e 7b 7d
## a GLB whose chunk is longer than the file
//- hex /assets/m.glb 67 6c 54 46 02 00 00 00 16 00 00 00 ff ff ff ff 4a 53 4f 4e 7b 7d
## an image for a model
//- png /assets/m.glb 2x2
## an image that is an asset, but a broken one
//- hex /assets/x.png 89 50
//- /assets/m.gltf
{ "asset": {"version": "2.0"}, "images": [{"uri": "x.png"}] }
//- build
//- build lenient
//- pack lenient
## an image that is an asset, but an excluded one
//- png /assets/x.png 1x1
//- /assets/x.png.asset.json
{ "exclude": true }
//- /assets/m.gltf
{ "asset": {"version": "2.0"}, "images": [{"uri": "x.png"}] }
//- build
//- pack
## an image that is an asset, but one excluded from this profile
//- png /assets/x.png 1x1
//- /assets/x.png.asset.json
{ "profiles": { "dev": { "exclude": true } } }
//- /assets/m.gltf
{ "asset": {"version": "2.0"}, "images": [{"uri": "x.png"}] }
//- build
//- pack
"#,
        expect![[r#"
            ## empty
            build 1: refused
              error[PW0320] assets/m.gltf: the file is empty
                help: export it again, or give the asset the type `raw` to pack it as it is
            build 2: written, 1 asset in the pack
              warning[PW0320] assets/m.gltf: the file is empty
                help: `assets/m.gltf` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is

            ## not JSON
            build 1: refused
              error[PW0320] assets/m.gltf:2:1: the JSON cannot be read: EOF while parsing a value
                help: export it again, or give the asset the type `raw` to pack it as it is
            build 2: written, 1 asset in the pack
              warning[PW0320] assets/m.gltf:2:1: the JSON cannot be read: EOF while parsing a value
                help: `assets/m.gltf` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is

            ## no object
            build 1: refused
              error[PW0320] assets/m.gltf:1:1: the JSON is not an object
                help: export it again, or give the asset the type `raw` to pack it as it is
            build 2: written, 1 asset in the pack
              warning[PW0320] assets/m.gltf:1:1: the JSON is not an object
                help: `assets/m.gltf` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is

            ## no version, an old one, a newer one
            build 1: refused
              error[PW0320] assets/a.gltf: there is no `asset`, which every glTF has
                help: export it again, or give the asset the type `raw` to pack it as it is
              error[PW0320] assets/b.gltf: this is glTF 1.0; only 2.x is read
                help: export it again, or give the asset the type `raw` to pack it as it is
              error[PW0320] assets/d.gltf: `asset.version` is not text
                help: export it again, or give the asset the type `raw` to pack it as it is
            build 2: written, 2 assets in the pack
              warning[PW0320] assets/a.gltf: there is no `asset`, which every glTF has
                help: `assets/a.gltf` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
              warning[PW0320] assets/b.gltf: this is glTF 1.0; only 2.x is read
                help: `assets/b.gltf` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
              warning[PW0320] assets/d.gltf: `asset.version` is not text
                help: `assets/d.gltf` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is

            ## a key given twice
            build 1: refused
              error[PW0320] assets/m.gltf:1:55: the JSON cannot be read: the key `buffers` is given twice
                help: export it again, or give the asset the type `raw` to pack it as it is
            build 2: written, 1 asset in the pack
              warning[PW0320] assets/m.gltf:1:55: the JSON cannot be read: the key `buffers` is given twice
                help: `assets/m.gltf` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is

            ## lists that are none
            build 1: refused
              error[PW0320] assets/m.gltf: `buffers` is an object and not a list
                help: export it again, or give the asset the type `raw` to pack it as it is
              error[PW0320] assets/m.gltf: `images[0]` is a number and not an object
                help: export it again, or give the asset the type `raw` to pack it as it is
              error[PW0320] assets/m.gltf: `meshes` is text and not a list
                help: export it again, or give the asset the type `raw` to pack it as it is
            build 2: written, 1 asset in the pack
              warning[PW0320] assets/m.gltf: `buffers` is an object and not a list
                help: `assets/m.gltf` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
              warning[PW0320] assets/m.gltf: `images[0]` is a number and not an object
                help: `assets/m.gltf` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
              warning[PW0320] assets/m.gltf: `meshes` is text and not a list
                help: `assets/m.gltf` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is

            ## files that leave, are absolute, or elsewhere
            build 1: refused
              error[PW0112] assets/m.gltf:2:11: `images[0]` names `../../../etc/passwd`, which is not a source: `../../../etc/passwd` is not a relative path inside the workspace
              error[PW0320] assets/m.gltf:2:43: the `uri` of `images[1]` is `/etc/passwd`, which is an absolute path: only relative ones are read
                help: export it again, or give the asset the type `raw` to pack it as it is
              error[PW0320] assets/m.gltf:2:67: the `uri` of `images[2]` is `file:///etc/passwd`, which is not a relative path: only those are read, and nothing from `file:`
                help: export it again, or give the asset the type `raw` to pack it as it is
              error[PW0320] assets/m.gltf:2:98: the `uri` of `images[3]` is `https://example.org/x.png`, which is not a relative path: only those are read, and nothing from `https:`
                help: export it again, or give the asset the type `raw` to pack it as it is
              error[PW0320] assets/m.gltf:3:11: the `uri` of `images[4]` is `C:\x.png`, which is not a relative path: only those are read, and nothing from `C:`
                help: export it again, or give the asset the type `raw` to pack it as it is
              error[PW0112] assets/m.gltf:3:33: `images[5]` names `%2e%2e/%2e%2e/%2e%2e/x.png`, which is not a source: `../../../x.png` is not a relative path inside the workspace
              error[PW0320] assets/m.gltf:3:72: the `uri` of `images[6]` is `a%00b.png`, which contains a NUL
                help: export it again, or give the asset the type `raw` to pack it as it is
              error[PW0320] assets/m.gltf:3:94: the `uri` of `images[7]` is `%ff.png`, which is not UTF-8 when decoded
                help: export it again, or give the asset the type `raw` to pack it as it is
              error[PW0320] assets/m.gltf:3:114: the `uri` of `images[8]` is ``, which is empty
                help: export it again, or give the asset the type `raw` to pack it as it is
            build 2: written, 1 asset in the pack
              warning[PW0112] assets/m.gltf:2:11: `images[0]` names `../../../etc/passwd`, which is not a source: `../../../etc/passwd` is not a relative path inside the workspace
                help: `assets/m.gltf` is left out of the pack
              warning[PW0320] assets/m.gltf:2:43: the `uri` of `images[1]` is `/etc/passwd`, which is an absolute path: only relative ones are read
                help: `assets/m.gltf` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
              warning[PW0320] assets/m.gltf:2:67: the `uri` of `images[2]` is `file:///etc/passwd`, which is not a relative path: only those are read, and nothing from `file:`
                help: `assets/m.gltf` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
              warning[PW0320] assets/m.gltf:2:98: the `uri` of `images[3]` is `https://example.org/x.png`, which is not a relative path: only those are read, and nothing from `https:`
                help: `assets/m.gltf` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
              warning[PW0320] assets/m.gltf:3:11: the `uri` of `images[4]` is `C:\x.png`, which is not a relative path: only those are read, and nothing from `C:`
                help: `assets/m.gltf` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
              warning[PW0112] assets/m.gltf:3:33: `images[5]` names `%2e%2e/%2e%2e/%2e%2e/x.png`, which is not a source: `../../../x.png` is not a relative path inside the workspace
                help: `assets/m.gltf` is left out of the pack
              warning[PW0320] assets/m.gltf:3:72: the `uri` of `images[6]` is `a%00b.png`, which contains a NUL
                help: `assets/m.gltf` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
              warning[PW0320] assets/m.gltf:3:94: the `uri` of `images[7]` is `%ff.png`, which is not UTF-8 when decoded
                help: `assets/m.gltf` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
              warning[PW0320] assets/m.gltf:3:114: the `uri` of `images[8]` is ``, which is empty
                help: `assets/m.gltf` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is

            ## files that are no sources
            build 1: refused
              warning[PW0103] assets/l: the link `assets/l` leads nowhere
                help: remove it, or let it lead to a file or directory inside the workspace
              error[PW0112] assets/m.gltf:2:11: `images[0]` names `.hidden.png`, which is not a source: `.hidden.png` is hidden (a name in it begins with a dot), and hidden files are no sources
              error[PW0112] assets/m.gltf:2:35: `images[1]` names `../packwright.toml`, which is not a source: `../packwright.toml` lies outside the workspace's roots
              error[PW0112] assets/m.gltf:2:66: `images[2]` names `f.png.dat`, which is not a source: `f.png.dat` is a FIFO, socket or device
              error[PW0112] assets/m.gltf:2:88: `images[3]` names `d`, which is not a source: `d` is a directory
              error[PW0112] assets/m.gltf:2:102: `images[4]` names `l`, which is not a source: `l` is a link that leads nowhere
            build 2: written, 1 asset in the pack
              warning[PW0103] assets/l: the link `assets/l` leads nowhere
                help: remove it, or let it lead to a file or directory inside the workspace
              warning[PW0112] assets/m.gltf:2:11: `images[0]` names `.hidden.png`, which is not a source: `.hidden.png` is hidden (a name in it begins with a dot), and hidden files are no sources
                help: `assets/m.gltf` is left out of the pack
              warning[PW0112] assets/m.gltf:2:35: `images[1]` names `../packwright.toml`, which is not a source: `../packwright.toml` lies outside the workspace's roots
                help: `assets/m.gltf` is left out of the pack
              warning[PW0112] assets/m.gltf:2:66: `images[2]` names `f.png.dat`, which is not a source: `f.png.dat` is a FIFO, socket or device
                help: `assets/m.gltf` is left out of the pack
              warning[PW0112] assets/m.gltf:2:88: `images[3]` names `d`, which is not a source: `d` is a directory
                help: `assets/m.gltf` is left out of the pack
              warning[PW0112] assets/m.gltf:2:102: `images[4]` names `l`, which is not a source: `l` is a link that leads nowhere
                help: `assets/m.gltf` is left out of the pack

            ## data in the text, badly
            build 1: refused
              error[PW0320] assets/m.gltf:1:52: the `uri` of `buffers[0]` is `data:;base64,!!!!`, which is not valid base64 (Invalid symbol 33, offset 0.)
                help: export it again, or give the asset the type `raw` to pack it as it is
              error[PW0320] assets/m.gltf:1:99: the `uri` of `buffers[1]` is `data:x`, which has no comma
                help: export it again, or give the asset the type `raw` to pack it as it is
            build 2: written, 1 asset in the pack
              warning[PW0320] assets/m.gltf:1:52: the `uri` of `buffers[0]` is `data:;base64,!!!!`, which is not valid base64 (Invalid symbol 33, offset 0.)
                help: `assets/m.gltf` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
              warning[PW0320] assets/m.gltf:1:99: the `uri` of `buffers[1]` is `data:x`, which has no comma
                help: `assets/m.gltf` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is

            ## buffers that are too short, of no length, of a negative one
            build 1: refused
              error[PW0320] assets/m.gltf: `buffers[0]` says 3 bytes, but there are 2
                help: export it again, or give the asset the type `raw` to pack it as it is
              error[PW0320] assets/m.gltf: `buffers[1]` has no `byteLength`
                help: export it again, or give the asset the type `raw` to pack it as it is
              error[PW0320] assets/m.gltf: `buffers[2]` has the `byteLength` -1, which is not positive
                help: export it again, or give the asset the type `raw` to pack it as it is
              error[PW0320] assets/m.gltf: `buffers[3]` has no `uri`, and it is not the buffer of a GLB
                help: export it again, or give the asset the type `raw` to pack it as it is
            build 2: written, 1 asset in the pack
              warning[PW0320] assets/m.gltf: `buffers[0]` says 3 bytes, but there are 2
                help: `assets/m.gltf` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
              warning[PW0320] assets/m.gltf: `buffers[1]` has no `byteLength`
                help: `assets/m.gltf` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
              warning[PW0320] assets/m.gltf: `buffers[2]` has the `byteLength` -1, which is not positive
                help: `assets/m.gltf` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
              warning[PW0320] assets/m.gltf: `buffers[3]` has no `uri`, and it is not the buffer of a GLB
                help: `assets/m.gltf` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is

            ## views outside of their buffer
            build 1: refused
              error[PW0320] assets/m.gltf: `bufferViews[1].buffer` is 1, but the length of `buffers` is 1
                help: export it again, or give the asset the type `raw` to pack it as it is
            build 2: written, 1 asset in the pack
              warning[PW0320] assets/m.gltf: `bufferViews[1].buffer` is 1, but the length of `buffers` is 1
                help: `assets/m.gltf` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is

            ## indices that lead nowhere
            build 1: refused
              error[PW0320] assets/m.gltf: `images[0].bufferView` is 9, but the length of `bufferViews` is 0
                help: export it again, or give the asset the type `raw` to pack it as it is
              error[PW0320] assets/m.gltf: `textures[0].source` is 3, but the length of `images` is 1
                help: export it again, or give the asset the type `raw` to pack it as it is
            build 2: written, 1 asset in the pack
              warning[PW0320] assets/m.gltf: `images[0].bufferView` is 9, but the length of `bufferViews` is 0
                help: `assets/m.gltf` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
              warning[PW0320] assets/m.gltf: `textures[0].source` is 3, but the length of `images` is 1
                help: `assets/m.gltf` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is

            ## a GLB that is cut
            build 1: refused
              error[PW0320] assets/m.glb: the GLB ends within its header: it has 8 bytes in place of 12
                help: export it again, or give the asset the type `raw` to pack it as it is
            build 2: written, 1 asset in the pack
              warning[PW0320] assets/m.glb: the GLB ends within its header: it has 8 bytes in place of 12
                help: `assets/m.glb` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is

            ## a GLB that says another length
            build 1: refused
              error[PW0320] assets/m.glb: the GLB says that it has 255 bytes, but the file has 22: it is cut off
                help: export it again, or give the asset the type `raw` to pack it as it is
            build 2: written, 1 asset in the pack
              warning[PW0320] assets/m.glb: the GLB says that it has 255 bytes, but the file has 22: it is cut off
                help: `assets/m.glb` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is

            ## a GLB without JSON
            build 1: refused
              error[PW0320] assets/m.glb: the GLB has no chunk `JSON`
                help: export it again, or give the asset the type `raw` to pack it as it is
            build 2: written, 1 asset in the pack
              warning[PW0320] assets/m.glb: the GLB has no chunk `JSON`
                help: `assets/m.glb` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is

            ## a GLB of another version
            build 1: refused
              error[PW0320] assets/m.glb: this is GLB version 1; only version 2 is read
                help: export it again, or give the asset the type `raw` to pack it as it is
            build 2: written, 1 asset in the pack
              warning[PW0320] assets/m.glb: this is GLB version 1; only version 2 is read
                help: `assets/m.glb` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is

            ## a GLB whose chunk is longer than the file
            build 1: refused
              error[PW0320] assets/m.glb: the chunk `JSON` of the GLB at byte 12 says 4294967295 bytes, but 2 are left
                help: export it again, or give the asset the type `raw` to pack it as it is
            build 2: written, 1 asset in the pack
              warning[PW0320] assets/m.glb: the chunk `JSON` of the GLB at byte 12 says 4294967295 bytes, but 2 are left
                help: `assets/m.glb` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is

            ## an image for a model
            build 1: refused
              error[PW0320] assets/m.glb: this is not a glTF but a PNG image
                help: export it again, or give the asset the type `raw` to pack it as it is
            build 2: written, 1 asset in the pack
              warning[PW0320] assets/m.glb: this is not a glTF but a PNG image
                help: `assets/m.glb` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is

            ## an image that is an asset, but a broken one
            build 1: refused
              warning[PW0406] assets/m.gltf: `assets/m.gltf` refers to `assets/x.png`, which is not in the pack
              error[PW0310] assets/x.png: the file ends within the PNG signature
                help: export it again, or give the asset the type `raw` to pack it as it is
            build 2: written, 2 assets in the pack
              register `assets/good.txt` as 1
              register `assets/m.gltf` as 2
              register `assets/x.png` as 3
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0406] assets/m.gltf: `assets/m.gltf` refers to `assets/x.png`, which is not in the pack
              warning[PW0310] assets/x.png: the file ends within the PNG signature
                help: `assets/x.png` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
            pack:
              1 raw good.txt: A (4 bytes)
              2 model m.gltf: B (84 bytes) -> [3]

            ## an image that is an asset, but an excluded one
            build 1: written, 2 assets in the pack
              register `assets/good.txt` as 1
              register `assets/m.gltf` as 2
              digested 4
              processed model: assets [m.gltf]
              processed raw: assets [good.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
            pack:
              1 raw good.txt: A (4 bytes)
              2 model m.gltf: B (264 bytes)

            ## an image that is an asset, but one excluded from this profile
            build 1: written, 2 assets in the pack
              register `assets/good.txt` as 1
              register `assets/m.gltf` as 2
              register `assets/x.png` as 3
              digested 4
              processed model: assets [m.gltf]
              processed raw: assets [good.txt]
              wrote main.parts/*.part
              wrote main.parts/*.part
              wrote main.pack
              warning[PW0406] assets/m.gltf: `assets/m.gltf` refers to `assets/x.png`, which is not in the pack
            pack:
              1 raw good.txt: A (4 bytes)
              2 model m.gltf: B (84 bytes) -> [3]

        "#]],
    );
}
