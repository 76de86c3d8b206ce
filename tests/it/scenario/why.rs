//! Why an asset was or would be made again: what `explain` finds, with an engine that remembers and with one that does
//! not, before a build and after it. A step `why /place [profile]` tells.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use packwright::internals::build::Options;
use packwright::internals::build::explain::{LastTime, Remembered, Standing};
use packwright::internals::build::inspect::Asset;
use packwright::internals::driver::Engine;
use packwright::internals::process::ingredients::{Difference, InputDigest};
use packwright::internals::process::trace::{FindAnswer, Observation};

use super::support::World;

/// Tells what is known of the asset at `place`.
pub fn tell(engine: &Engine, place: &str, profile: &str) -> String {
    let options = Options { profile: profile.to_owned(), ..Options::default() };
    let find = |all: &[Asset]| Ok(all.iter().position(|it| it.place.as_str() == place).expect("it is declared"));
    let found = engine.explain(&options, &find).expect("a workspace");
    let mut told = format!("why {place}: ");
    match &found.standing {
        Standing::Current { ingredients: Some(ingredients) } => write!(told, "current, of {ingredients}"),
        Standing::Current { ingredients: None } => write!(told, "current"),
        Standing::Outdated { .. } => write!(told, "outdated"),
        other => write!(told, "{other:?}"),
    }
    .expect("text grows");
    match (&found.remembered, &found.standing) {
        (Some(Remembered::Refusal), _) => told.push_str(", refused"),
        (Some(Remembered::Artifacts), Standing::Current { .. }) => {}
        (Some(Remembered::Artifacts), _) => told.push_str(", remembered"),
        (None, Standing::Current { .. }) => told.push_str(", lost"),
        (None, _) => {}
    }
    if let Standing::Outdated { changes, .. } = &found.standing {
        changes.iter().for_each(|it| write!(told, "\n  {}", change(it)).expect("text grows"));
    }
    if let Some(LastTime { by_last_build, changes, .. }) = &found.last {
        let by = if *by_last_build { "the last build" } else { "an earlier build" };
        let how = if changes.is_some() { "again" } else { "first" };
        write!(told, "\n  made {how} by {by}").expect("text grows");
        for it in changes.iter().flatten() {
            write!(told, "\n    {}", change(it)).expect("text grows");
        }
    }
    told + "\n"
}

fn change(difference: &Difference) -> String {
    let input = |it: &Option<InputDigest>| it.as_ref().map_or_else(|| "none".to_owned(), |it| it.0.clone());
    match difference {
        Difference::Input { before: Some(before), after: Some(after) } if before.0 == after.0 => {
            format!("contents of {}", before.0)
        }
        Difference::Input { before, after } => format!("input {} -> {}", input(before), input(after)),
        Difference::Setting { name, before, after } => {
            let value = |it: &Option<serde_json::Value>| it.as_ref().map_or_else(String::new, ToString::to_string);
            format!("setting {name}: {} -> {}", value(before), value(after))
        }
        Difference::Answer { before, after } => format!("{} -> {}", answer(before), answer(after)),
        other => format!("{other:?}"),
    }
}

fn answer(observation: &Observation) -> String {
    match observation {
        Observation::Find { path, answer: FindAnswer::Source(..) } => format!("{path} there"),
        Observation::Find { path, answer } => format!("{path} {answer:?}"),
        Observation::Glob { pattern, matches } => format!("{pattern} {matches:?}"),
        Observation::AssetAt { path, answer } => {
            format!("{path} is {}", answer.as_ref().map_or("nobody".to_owned(), |it| format!("{} {}", it.kind, it.id)))
        }
    }
}

/// Runs a scenario warm and cold: both know the same.
fn check_both(scenario: &str, expected: Expect) {
    let told = World::new().run(scenario);
    let mut world = World::new();
    world.cold = true;
    assert_eq!(world.run(scenario), told);
    expected.assert_eq(&told);
}

#[test]
fn inputs_and_settings() {
    check_both(
        r#"
//- /assets/talk/asset.json
{ "type": "raw", "inputs": ["*.txt"] }
//- /assets/talk/a.txt
one
//- png /assets/hero.png 4x2
//- why /assets/talk
//- build --quiet
//- why /assets/talk
//- /assets/talk/b.txt
two
//- why /assets/talk
//- build --quiet
//- why /assets/talk
//- mv /assets/talk /assets/words
//- why /assets/words
//- build --quiet
//- why /assets/words
//- /assets/words/asset.json
// The same, with a comment.
{ "inputs": ["*.txt"], "type": "raw" }
//- why /assets/words
//- build --quiet
//- why /assets/words
//- /assets/words/asset.json
{ "inputs": ["b.txt", "a.txt"], "type": "raw", "codec": "zstd" }
//- why /assets/words
//- /assets/hero.png.asset.json
{ "profiles": { "release": { "settings": { "max_width": 5 } } } }
//- why /assets/hero.png
//- why /assets/hero.png release
//- build release --quiet
//- why /assets/hero.png release
//- why /assets/hero.png
//- /assets/hero.png.asset.json
{ "type": "raw" }
//- why /assets/hero.png release
"#,
        expect![[r#"
            why assets/talk: New
            build 1: written, 2 assets in the pack
            why assets/talk: current, of 3
              made first by the last build
            why assets/talk: outdated
              input none -> b.txt
              made first by the last build
            build 2: written, 2 assets in the pack
            why assets/talk: current, of 4
              made again by the last build
                input none -> b.txt
            why assets/words: current, of 4
              made again by the last build
                input none -> b.txt
            build 3: written, 2 assets in the pack
            why assets/words: current, of 4
              made again by an earlier build
                input none -> b.txt
            why assets/words: current, of 4
              made again by an earlier build
                input none -> b.txt
            build 4: unchanged, 2 assets in the pack
            why assets/words: current, of 4
              made again by an earlier build
                input none -> b.txt
            why assets/words: outdated
              Order
              Compression { before: [None], after: [Zstd] }
              made again by an earlier build
                input none -> b.txt
            why assets/hero.png: current, of 9
              made first by an earlier build
            why assets/hero.png: New
            build 5: written, 2 assets in the pack
            why assets/hero.png: current, of 9
              made first by the last build
            why assets/hero.png: current, of 9
              made first by an earlier build
            why assets/hero.png: outdated
              Processor { before: ("image", 1), after: ("raw", 1) }
              made first by the last build
        "#]],
    );
}

#[test]
fn answers() {
    check_both(
        r#"
//- /assets/m.gltf
{ "asset": { "version": "2.0" }, "buffers": [{ "byteLength": 4, "uri": "m.bin" }], "images": [{ "uri": "tex.png" }] }
//- png /assets/tex.png 4x2
//- build lenient --quiet
//- why /assets/m.gltf lenient
//- zeros /assets/m.bin 4
//- why /assets/m.gltf lenient
//- build lenient --quiet
//- why /assets/m.gltf lenient
//- /assets/tex.png.asset.json
{ "type": "raw" }
//- why /assets/m.gltf lenient
//- build lenient --quiet
//- why /assets/m.gltf lenient
//- mv /assets/tex.png /assets/other.png
//- mv /assets/tex.png.asset.json /assets/other.png.asset.json
//- why /assets/m.gltf lenient
//- build lenient --quiet
//- why /assets/m.gltf lenient
"#,
        expect![[r#"
            build 1: written, 1 asset in the pack
              warning[PW0321] assets/m.gltf:1:72: `buffers[0]` names `m.bin`, which is not there
                help: `assets/m.gltf` is left out of the pack; add the file, or correct the `uri`, which is seen from the model
            why assets/m.gltf: current, of 12, refused
              made first by the last build
            why assets/m.gltf: outdated
              m.bin Absent -> m.bin there
              made first by the last build
            build 2: written, 2 assets in the pack
            why assets/m.gltf: current, of 12
              made again by the last build
                m.bin Absent -> m.bin there
            why assets/m.gltf: outdated
              tex.png is image 2 -> tex.png is raw 2
              made again by the last build
                m.bin Absent -> m.bin there
            build 3: written, 2 assets in the pack
            why assets/m.gltf: current, of 12
              made again by the last build
                tex.png is image 2 -> tex.png is raw 2
            why assets/m.gltf: outdated
              tex.png is raw 2 -> tex.png is nobody
              made again by the last build
                tex.png is image 2 -> tex.png is raw 2
            build 4: written, 1 asset in the pack
              warning[PW0321] assets/m.gltf:1:104: `images[0]` names `tex.png`, which is not there
                help: `assets/m.gltf` is left out of the pack; add the file, or correct the `uri`, which is seen from the model
            why assets/m.gltf: current, of 13, refused
              made again by the last build
                tex.png is raw 2 -> tex.png is nobody
        "#]],
    );
}

#[test]
fn where_memos_do_not_stand_it_is_known_all_the_same() {
    // A model that refers to an image which is left out: such a workspace takes the long way.
    check_both(
        r#"
//- /assets/m.gltf
{ "asset": { "version": "2.0" }, "images": [{ "uri": "tex.png" }] }
//- png /assets/tex.png 4x2
//- build lenient --quiet
//- png-cut /assets/tex.png 4x2 30
//- build lenient --quiet
//- why /assets/m.gltf lenient
//- why /assets/tex.png lenient
//- /assets/m.gltf
{ "asset": { "version": "2.0" }, "images": [{ "uri": "tex.png" }], "extras": 1 }
//- why /assets/m.gltf lenient
//- build lenient --quiet
//- why /assets/m.gltf lenient
//- png /assets/tex.png 4x2
//- build lenient --quiet
//- why /assets/tex.png lenient
//- why /assets/m.gltf lenient
"#,
        expect![[r#"
            build 1: written, 2 assets in the pack
            build 2: written, 1 asset in the pack
              warning[PW0406] assets/m.gltf: `assets/m.gltf` refers to `assets/tex.png`, which is not in the pack
              warning[PW0310] assets/tex.png: the file ends within the chunk `IHDR` at byte 8; 3 bytes are missing
                help: `assets/tex.png` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
            why assets/m.gltf: current, of 11
              made first by an earlier build
            why assets/tex.png: current, of 9, refused
              made again by the last build
                contents of tex.png
            why assets/m.gltf: outdated
              contents of m.gltf
              made first by an earlier build
            build 3: written, 1 asset in the pack
              warning[PW0406] assets/m.gltf: `assets/m.gltf` refers to `assets/tex.png`, which is not in the pack
              warning[PW0310] assets/tex.png: the file ends within the chunk `IHDR` at byte 8; 3 bytes are missing
                help: `assets/tex.png` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
            why assets/m.gltf: current, of 11
              made again by the last build
                contents of m.gltf
            build 4: written, 2 assets in the pack
            why assets/tex.png: current, of 9
              made again by the last build
                contents of tex.png
            why assets/m.gltf: current, of 11
              made again by an earlier build
                contents of m.gltf
        "#]],
    );
}

#[test]
fn branches_are_switched() {
    // Several buckets, so that some of them stand.
    let mut scenario = String::new();
    for n in 0..1500 {
        writeln!(scenario, "//- /assets/{}/{n}.txt\n{n}", n / 100).expect("text grows");
    }
    for n in [7, 1400] {
        let edit = |text: &str| format!("//- /assets/{}/{n}.txt\n{text}\n", n / 100);
        let why = format!("//- why /assets/{}/{n}.txt\n", n / 100);
        let build = "//- build --quiet\n";
        scenario += &[build, &edit("other"), build, &why, &edit(&n.to_string()), &why, build, &why].concat();
        scenario += "//- why /assets/5/500.txt\n";
    }
    scenario += "//- mv /assets/5/500.txt /assets/9/500.txt\n//- build --quiet\n//- why /assets/9/500.txt\n";
    let mut world = World::new();
    world.cold = true;
    let told = world.run(&scenario);
    let told: String = told.lines().filter(|it| !it.contains("register")).map(|it| format!("{it}\n")).collect();
    expect![[r#"
        build 1: written, 1500 assets in the pack
        build 2: written, 1500 assets in the pack
        why assets/0/7.txt: current, of 3
          made again by the last build
            contents of 7.txt
        why assets/0/7.txt: outdated, remembered
          contents of 7.txt
          made again by the last build
            contents of 7.txt
        build 3: written, 1500 assets in the pack
        why assets/0/7.txt: current, of 3
          made again by the last build
            contents of 7.txt
        why assets/5/500.txt: current, of 3
          made first by an earlier build
        build 4: up to date, 1500 assets in the pack
        build 5: written, 1500 assets in the pack
        why assets/14/1400.txt: current, of 3
          made again by the last build
            contents of 1400.txt
        why assets/14/1400.txt: outdated, remembered
          contents of 1400.txt
          made again by the last build
            contents of 1400.txt
        build 6: written, 1500 assets in the pack
        why assets/14/1400.txt: current, of 3
          made again by the last build
            contents of 1400.txt
        why assets/5/500.txt: current, of 3
          made first by an earlier build
        build 7: written, 1500 assets in the pack
        why assets/9/500.txt: current, of 3
          made first by an earlier build
    "#]]
    .assert_eq(&told);
}

#[test]
fn what_is_refused_or_remembered_is_told() {
    check_both(
        r#"
//- png /assets/tex.png 4x2
//- /assets/a.txt
a
//- build lenient --quiet
//- png-cut /assets/tex.png 4x2 30
//- why /assets/tex.png lenient
//- build lenient --quiet
//- why /assets/tex.png lenient
//- wipe-out
//- why /assets/tex.png lenient
//- build lenient --quiet
//- /assets/a.txt.asset.json
{ "exclude": true }
//- build lenient --quiet
//- rm /assets/a.txt.asset.json
//- why /assets/a.txt lenient
//- /assets/a.txt
b
//- why /assets/a.txt lenient
//- check lenient --quiet
//- why /assets/a.txt lenient
//- build lenient --cache=off --quiet
//- why /assets/a.txt lenient
"#,
        expect![[r#"
            build 1: written, 2 assets in the pack
            why assets/tex.png: outdated
              contents of tex.png
              made first by the last build
            build 2: written, 1 asset in the pack
              warning[PW0310] assets/tex.png: the file ends within the chunk `IHDR` at byte 8; 3 bytes are missing
                help: `assets/tex.png` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
            why assets/tex.png: current, of 9, refused
              made again by the last build
                contents of tex.png
            why assets/tex.png: current, of 9, refused
              made again by the last build
                contents of tex.png
            build 3: written, 1 asset in the pack
              warning[PW0310] assets/tex.png: the file ends within the chunk `IHDR` at byte 8; 3 bytes are missing
                help: `assets/tex.png` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
            build 4: written, 0 assets in the pack
              warning[PW0310] assets/tex.png: the file ends within the chunk `IHDR` at byte 8; 3 bytes are missing
                help: `assets/tex.png` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
            why assets/a.txt: New, remembered
            why assets/a.txt: New
            check 5: checked, 1 asset in the pack
              warning[PW0310] assets/tex.png: the file ends within the chunk `IHDR` at byte 8; 3 bytes are missing
                help: `assets/tex.png` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
            why assets/a.txt: New, remembered
            build 6: written, 1 asset in the pack
              warning[PW0310] assets/tex.png: the file ends within the chunk `IHDR` at byte 8; 3 bytes are missing
                help: `assets/tex.png` is left out of the pack; export it again, or give the asset the type `raw` to pack it as it is
            why assets/a.txt: current, of 3
        "#]],
    );
}
