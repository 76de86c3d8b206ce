//! The workspaces in `examples/`: as they are committed, they build, warn of nothing, and have nothing left to do.

use std::path::Path;

use expect_test::expect;

use crate::sandbox::Sandbox;

/// Copies an example into a sandbox, without what a build made of it where it lies.
fn copied(name: &str) -> Sandbox {
    let sandbox = Sandbox::empty();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
    for part in ["packwright.toml", "packwright.registry", "assets"] {
        for entry in walkdir::WalkDir::new(from.join(part)) {
            let entry = entry.expect("it can be read");
            let to = sandbox.path(entry.path().strip_prefix(&from).expect("it lies in there").to_str().expect("UTF-8"));
            match entry.file_type().is_dir() {
                true => std::fs::create_dir_all(to).expect("free"),
                false => drop(std::fs::copy(entry.path(), to).expect("it can be copied")),
            }
        }
    }
    sandbox
}

#[test]
fn every_example_builds_as_it_is_committed() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let entries = std::fs::read_dir(&examples).expect("it is there").map(|it| it.expect("it can be read"));
    let mut names: Vec<String> = entries
        .filter(|it| it.path().join("packwright.toml").exists())
        .map(|it| it.file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    assert_eq!(names, ["almanac", "platformer", "web"]);
    let of_pack = |it: &serde_json::Value| it["name"].as_str().expect("a name").to_owned();
    for name in names {
        let sandbox = copied(&name);
        for profile in ["dev", "release"] {
            let build = || sandbox.json(&["build", "--locked", "-p", profile, "--format", "json"]);
            let document = build();
            assert_eq!(document["diagnostics"], serde_json::json!([]), "{name}, {profile}");
            assert!(document["entries"].as_u64() > Some(5), "{name}, {profile}: {document}");
            let packs: Vec<String> = document["packs"].as_array().expect("a list").iter().map(of_pack).collect();
            assert_eq!(packs, if name == "web" { &["first", "game"][..] } else { &["main"] }, "{name}, {profile}");
            for pack in packs {
                let pack = format!("build/{profile}/{pack}.pack");
                assert!(sandbox.run(&["pack", "verify", &pack]).starts_with("exit 0\n"), "{name}, {profile}: {pack}");
            }
            assert_eq!(build()["outcome"], "up_to_date", "{name}, {profile}");
        }
    }
}

#[test]
fn the_web_game_shows_its_title_first() {
    let sandbox = copied("web");
    sandbox.run(&["build", "--locked", "-p", "release"]);
    expect![[r#"
        id  type   inputs   size  packs       place                        name
         1  image       1  289 B  first       assets/backdrop/stars.png    backdrop/stars.png
         2  model       1  815 B  first,game  assets/models/rock.gltf      models/rock.gltf
         3  raw         2  215 B  game        assets/shaders/glow.{stage}  shaders/glow
         4  audio       1  444 B  game        assets/sounds/blast.wav      sounds/blast.wav
         5  audio       1  444 B  game        assets/sounds/laser.wav      sounds/laser.wav
         6  image       1   94 B  first,game  assets/sprites/rock.png      sprites/rock.png
         7  image       1  109 B  game        assets/sprites/ship.png      sprites/ship.png
         8  raw         1   51 B  first       assets/strings.json          strings.json
    "#]]
    .assert_eq(&sandbox.stdout(&["list", "-p", "release"]));
    expect![[r#"
        id  type    size  stored  codec  name
         1  image  289 B   289 B  -      backdrop/stars.png
         2  model  548 B   442 B  lz4    models/rock.gltf
         6  image   94 B    94 B  -      sprites/rock.png
         8  raw     51 B    51 B  -      strings.json
    "#]]
    .assert_eq(&sandbox.stdout(&["pack", "list", "build/release/first.pack"]));
}
