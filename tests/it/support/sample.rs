//! A small workspace with one of everything.

use super::content::{gltf, png, small_png};
use super::tree::{Node, Tree};
use super::world::{WORKSPACE, empty_registry};

const CONFIG: &str = r#"
[[roots]]
path = "assets"
[[rules]]
match = "**/*.png"
type = "image"
preload = true
[[rules]]
match = "**/*.gltf"
type = "model"
[[rules]]
match = "**/*.dat"
type = "raw"
codec = "lz4"
[[rules]]
match = "**/*.big"
type = "raw"
codec = "none"
[profiles.dev]
manifest = true
[profiles.strict]
inherits = "release"
manifest = true
"#;

/// Returns it. Nothing of it is registered yet.
pub fn sample() -> Tree {
    let mut tree = empty_registry();
    let mut put = |path: &str, bytes: Vec<u8>| drop(tree.insert(path.to_owned(), Node::File(bytes)));
    put("packwright.toml", format!("workspace = \"{WORKSPACE}\"\n{CONFIG}").into_bytes());
    put("assets/hero.png", png(1, 4, 4, png::ColorType::Rgba));
    put("assets/hero.png.asset.json", b"// the hero\n{ \"name\": \"hero\", \"tags\": [\"boss\"] }\n".to_vec());
    put("assets/ui/button.png", small_png(2));
    put("assets/ship/ship.gltf", gltf("ship", "hull.bin", Some("../hero.png")));
    put("assets/ship/hull.bin", b"hull".to_vec());
    put(
        "assets/map/asset.json",
        b"{ \"type\": \"raw\", \"inputs\": [\"*.tile\"], \"dependencies\": [\"hero\"] }".to_vec(),
    );
    put("assets/map/1.tile", b"one".to_vec());
    put("assets/map/2.tile", b"two".to_vec());
    put("assets/text.dat", b"lorem ipsum ".repeat(40));
    put("assets/large.big", super::random::Random::new(1).bytes(262_200));
    tree
}

/// Changes one payload, adds one asset and takes one away.
pub fn edited(mut tree: Tree) -> Tree {
    tree.insert("assets/ship/hull.bin".to_owned(), Node::File(b"HULL".to_vec()));
    tree.insert("assets/ui/new.png".to_owned(), Node::File(small_png(4)));
    tree.remove("assets/text.dat");
    tree
}
