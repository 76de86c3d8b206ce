//! What a reader with fresh eyes tried in order to break the promises R1, R2, R5 and R7, and what did.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use packwright::internals::build::{Options, Outcome, Report};
use packwright::internals::cache::{CacheMode, Changes, Index};
use packwright::internals::driver::Engine;
use packwright::internals::error::Result;
use packwright::internals::model::Digest;
use packwright::internals::system::faulty::FaultyDisk;
use packwright::internals::system::memory::MemorySystem;
use packwright::internals::system::{Disk, System};
use packwright::internals::workspace::layout::Workspace;

use crate::support::content::{gltf, small_png};
use crate::support::random::Random;
use crate::support::tree::{Node, committed, published};
use crate::support::world::{Ending, WORKSPACE, clean_build, difference, options};

const ROOT: &str = "/ws";

fn at(path: &str) -> PathBuf {
    Path::new(ROOT).join(path)
}

/// Returns a workspace in which every `.txt` is an asset.
fn workspace(files: &[(&str, &str)]) -> MemorySystem {
    let memory = MemorySystem::new();
    for digit in 0..16 {
        memory.write(at(&format!("packwright.registry/{digit:x}.jsonl")), b"");
    }
    memory.mkdir(at("assets"));
    configure(&memory, "none");
    files.iter().for_each(|(path, text)| memory.write(at(path), text));
    memory
}

fn configure(memory: &MemorySystem, codec: &str) {
    let roots = "[[roots]]\npath = \"assets\"\n";
    let rules = format!("[[rules]]\nmatch = \"**/*.txt\"\ntype = \"raw\"\ncodec = \"{codec}\"\n");
    let profiles = "[profiles.release]\nmanifest = true\n[profiles.lenient]\nbroken = \"omit\"\n";
    memory.write(at("packwright.toml"), format!("workspace = \"{WORKSPACE}\"\n{roots}{rules}{profiles}"));
}

fn engine(disk: Arc<dyn Disk>) -> Engine {
    Engine::new(Workspace { jobs: 1, ..Workspace::new(disk, ROOT.into()) })
}

/// Builds as another process does, some time later.
fn build(memory: &MemorySystem, options: &Options) -> Result<Report> {
    memory.settle();
    engine(Arc::new(memory.clone())).build(options)
}

/// R7: what lies in the output directory is what a build without any past makes of the same files.
fn assert_clean(memory: &MemorySystem, options: &Options) {
    let clean = clean_build(&committed(memory, Path::new(ROOT)), options, 0);
    let ours = published(memory, &at("build").join(&options.profile));
    assert_eq!(difference(&ours, &clean.files), Vec::<String>::new());
}

fn is_up_to_date(result: &Result<Report>) -> bool {
    result.as_ref().is_ok_and(|it| it.outcome == Outcome::UpToDate)
}

/// Returns a path that ends its bucket.
fn cutting(name: impl Fn(u32) -> String) -> String {
    (0..).map(name).find(|it| Digest::of(it.as_bytes()).0[0] == 0).expect("one of 256 does")
}

#[test]
fn two_builds_at_once_never_give_one_number_twice() {
    let release = options("release");
    for k in 0.. {
        let memory = workspace(&[("assets/one.txt", "1")]);
        let disk = FaultyDisk::over(&memory).after_step(k, |memory| {
            // Meanwhile one asset goes, another comes, and a build of another profile registers what it finds.
            memory.remove(at("assets/one.txt"));
            memory.write(at("assets/other.txt"), "2");
            let hurried = Options { wait: Some(Duration::ZERO), ..options("release") };
            let _ = engine(Arc::new(memory.clone())).build(&hurried);
        });
        let disk = Arc::new(disk);
        let _ = engine(disk.clone()).build(&options("dev"));
        memory.write(at("assets/one.txt"), "1");
        build(&memory, &release).unwrap_or_else(|error| panic!("step {k}: {error:?}"));
        assert_clean(&memory, &release);
        if disk.steps() <= k {
            break;
        }
    }
}

#[test]
fn memos_of_two_builds_at_once_are_not_mixed() {
    let (dev, cut) = (options("dev"), cutting(|it| format!("assets/cut{it}.txt")));
    let long = "the same words again and again ".repeat(50);
    for k in 0.. {
        let memory = workspace(&[("assets/a.txt", "1"), (&cut, "cut"), ("assets/z.txt", &long)]);
        build(&memory, &dev).expect("nothing is wrong");
        memory.write(at("assets/a.txt"), "2");
        memory.settle();
        let disk = FaultyDisk::over(&memory).after_step(k, |memory| {
            // Meanwhile somebody tries another codec and builds the same profile into a directory of their own.
            configure(memory, "zstd");
            let hurried = Options { out: Some("/other".into()), wait: Some(Duration::ZERO), ..options("dev") };
            let _ = engine(Arc::new(memory.clone())).build(&hurried);
            configure(memory, "none");
        });
        let disk = Arc::new(disk);
        let _ = engine(disk.clone()).build(&dev);
        memory.write(at("assets/a.txt"), "3");
        build(&memory, &dev).expect("nothing is wrong");
        assert_clean(&memory, &dev);
        if disk.steps() <= k {
            break;
        }
    }
}

#[test]
fn a_registry_behind_links_is_read_every_time() {
    let memory = workspace(&[("assets/one.txt", "1")]);
    build(&memory, &options("dev")).expect("nothing is wrong");
    memory.mkdir(at("real"));
    for digit in 0..16 {
        let (link, real) = (format!("packwright.registry/{digit:x}.jsonl"), format!("real/{digit:x}.jsonl"));
        memory.rename(at(&link), at(&real));
        memory.symlink(format!("../{real}"), at(&link));
    }
    for _ in 0..3 {
        assert!(is_up_to_date(&build(&memory, &options("dev"))), "the registry says what it said");
    }
    (0..16).for_each(|digit| memory.write(at(&format!("real/{digit:x}.jsonl")), b""));
    assert!(!is_up_to_date(&build(&memory, &options("dev"))), "the registry has lost its lines");
}

#[test]
fn a_pack_behind_a_link_is_read_every_time() {
    let memory = workspace(&[("assets/one.txt", "1")]);
    let (pack, dev) = (at("build/dev/main.pack"), options("dev"));
    build(&memory, &dev).expect("nothing is wrong");
    memory.rename(&pack, "/elsewhere.pack");
    memory.symlink("/elsewhere.pack", &pack);
    // Nothing is known of the file any more: it is verified through the link.
    memory.remove(at(".packwright"));
    build(&memory, &dev).expect("nothing is wrong");
    let mut bytes = memory.get(&pack).expect("there is a pack");
    *bytes.last_mut().expect("a pack is not empty") ^= 1;
    memory.write(&pack, bytes);
    assert!(!is_up_to_date(&build(&memory, &dev)));
    assert_clean(&memory, &dev);
}

#[test]
fn a_fingerprint_that_lies_fails_no_build_for_ever() {
    let memory = workspace(&[("assets/one.txt", "1")]);
    build(&memory, &options("dev")).expect("nothing is wrong");
    build(&memory, &options("dev")).expect("doubts are settled");
    memory.write_keeping_times(at("assets/one.txt"), "2");
    // The pack is not at hand, so that the bytes are needed.
    memory.remove(at("build"));
    build(&memory, &options("dev")).expect("the last attempt trusts no fingerprint");
    assert_clean(&memory, &options("dev"));
}

#[test]
fn an_emission_that_fails_leaves_what_lies_beside_the_pack() {
    let release = options("release");
    for k in 0.. {
        let memory = workspace(&[("assets/one.txt", "1")]);
        build(&memory, &release).expect("nothing is wrong");
        let before = published(&memory, &at("build/release"));
        memory.write(at("assets/one.txt"), "2");
        memory.settle();
        let disk = Arc::new(FaultyDisk::over(&memory).fail_once_at(k, io::ErrorKind::StorageFull));
        let result = engine(disk.clone()).build(&release);
        if disk.steps() <= k {
            break;
        }
        let step = disk.trace()[k].clone();
        if result.is_err() && ["create", "write"].iter().any(|it| step.starts_with(it)) {
            let after = published(&memory, &at("build/release"));
            if after.get("main.pack") == before.get("main.pack") {
                assert_eq!(difference(&after, &before), Vec::<String>::new(), "step {k}: {step}");
            }
        }
        build(&memory, &release).unwrap_or_else(|error| panic!("step {k}: {error:?}"));
        assert_clean(&memory, &release);
    }
}

#[test]
fn a_directory_named_like_a_sidecar_is_where_it_is_looked_for() {
    let lenient = options("lenient");
    let file = cutting(|it| format!("assets/f{it}.txt"));
    let memory = workspace(&[(&file, "1"), ("assets/a.txt", "a"), ("assets/z.txt", "z")]);
    build(&memory, &lenient).expect("nothing is wrong");
    for name in [format!("{file}.asset.json"), format!("{file}.asset.json/x.txt"), format!("{file}.asset.json/y.txt")] {
        if name.ends_with(".json") {
            memory.mkdir(at(&name))
        } else {
            memory.write(at(&name), "x")
        }
        build(&memory, &lenient).expect("what is broken is left out");
        assert_clean(&memory, &lenient);
    }
    memory.remove(at(&format!("{file}.asset.json")));
    build(&memory, &lenient).expect("nothing is wrong");
    assert_clean(&memory, &lenient);
}

#[test]
fn a_sidecar_of_a_sidecar_is_where_it_is_looked_for() {
    let lenient = options("lenient");
    let sidecar = cutting(|it| format!("assets/f{it}.txt.asset.json"));
    let file = sidecar.strip_suffix(".asset.json").expect("it was just added").to_owned();
    let memory = workspace(&[(&file, "1"), ("assets/a.txt", "a"), ("assets/z.txt", "z")]);
    for name in [&sidecar, &format!("{sidecar}.asset.json")] {
        for text in ["{}", "{\"tags\": [\"t\"]}"] {
            memory.write(at(name), text);
            build(&memory, &lenient).expect("what is broken is left out");
            assert_clean(&memory, &lenient);
        }
    }
}

#[test]
fn outputs_are_not_put_among_sources_through_a_link() {
    let memory = workspace(&[]);
    memory.rename(at("assets"), at("real"));
    memory.symlink("real", at("assets"));
    let among = Options { out: Some(at("real/out")), ..options("dev") };
    build(&memory, &among).expect_err("it would be a source of the next build");
}

/// Returns a workspace of models that refer to their images, with the model and the image in buckets of their own.
fn models() -> MemorySystem {
    let (first, second) = (cutting(|it| format!("assets/b{it}.txt")), cutting(|it| format!("assets/d{it}.txt")));
    let memory = workspace(&[("assets/a.txt", "1"), (&first, "cut"), (&second, "cut"), ("assets/z.txt", "z")]);
    let rules = "[[rules]]\nmatch = \"**/*.png\"\ntype = \"image\"\n\
                 [[rules]]\nmatch = \"**/*.gltf\"\ntype = \"model\"\nsettings = { images = \"reference\" }\n";
    let config = memory.get(at("packwright.toml")).expect("it was written");
    memory.write(at("packwright.toml"), [&config, rules.as_bytes()].concat());
    memory.write(at("assets/a.bin"), "1234");
    memory.write(at("assets/a.gltf"), gltf("ship", "a.bin", Some("c.png")));
    memory.write(at("assets/c.png"), small_png(1));
    memory
}

#[test]
fn an_asset_whose_memo_is_lost_is_still_an_asset() {
    let (memory, dev) = (models(), options("dev"));
    build(&memory, &dev).expect("nothing is wrong");
    let index =
        |memory: &MemorySystem| Index::load(Arc::new(memory.clone()), &at(".packwright/cache"), CacheMode::Write);
    let keys = index(&memory).memo_keys();
    assert!(keys.len() > 3, "the frame, and a memo for each bucket");
    for lost in keys {
        let memory = memory.fork();
        index(&memory).commit(&Changes { memos_removed: vec![lost], ..Changes::default() });
        memory.write(at("assets/a.txt"), "2");
        build(&memory, &dev).expect("nothing is wrong");
        assert_clean(&memory, &dev);
    }
}

#[test]
fn memos_of_what_looks_into_another_bucket_are_not_mixed() {
    let dev = options("dev");
    let (first, second) = (cutting(|it| format!("assets/b{it}.txt")), cutting(|it| format!("assets/d{it}.txt")));
    for k in 0.. {
        // The model looks at a buffer in the next bucket, in which something else is edited.
        let memory = workspace(&[("assets/c.txt", "1"), (&first, "cut"), (&second, "cut")]);
        let rule = "[[rules]]\nmatch = \"**/*.gltf\"\ntype = \"model\"\n";
        let config = memory.get(at("packwright.toml")).expect("it was written");
        memory.write(at("packwright.toml"), [&config, rule.as_bytes()].concat());
        memory.write(at("assets/a.gltf"), gltf("ship", "c.bin", None));
        memory.write(at("assets/c.bin"), "1111");
        build(&memory, &dev).expect("nothing is wrong");
        memory.write(at("assets/c.txt"), "2");
        memory.settle();
        let disk = FaultyDisk::over(&memory).after_step(k, |memory| {
            // Meanwhile somebody tries another buffer and builds into a directory of their own.
            memory.write(at("assets/c.bin"), "2222");
            let hurried = Options { out: Some("/other".into()), wait: Some(Duration::ZERO), ..options("dev") };
            let _ = engine(Arc::new(memory.clone())).build(&hurried);
            memory.write(at("assets/c.bin"), "1111");
        });
        let disk = Arc::new(disk);
        let _ = engine(disk.clone()).build(&dev);
        memory.write(at("assets/c.bin"), "2222");
        build(&memory, &dev).expect("nothing is wrong");
        assert_clean(&memory, &dev);
        if disk.steps() <= k {
            break;
        }
    }
}

/// Writes a file whose fingerprint stays what it is, as where files have no time of change.
fn write_unseen(memory: &MemorySystem, path: &Path, bytes: &[u8]) {
    memory.write("/clock", b"");
    let since = memory.stamp("/clock").ctime_ns - memory.stamp(path).ctime_ns;
    memory.advance(-since);
    memory.write(path, bytes);
    memory.advance(since);
}

#[test]
fn rehash_distrusts_the_fingerprints_of_outputs() {
    for profile in ["dev", "release"] {
        let (memory, options) = (workspace(&[("assets/one.txt", "some words")]), options(profile));
        build(&memory, &options).expect("nothing is wrong");
        build(&memory, &options).expect("doubts are settled");
        let out = at("build").join(profile);
        for (name, mut bytes) in published(&memory, &out) {
            if !name.ends_with(".part") && !name.ends_with(".pack") {
                continue;
            }
            *bytes.last_mut().expect("no file is empty") ^= 1;
            write_unseen(&memory, &out.join(&name), &bytes);
            assert!(is_up_to_date(&build(&memory, &options)), "the fingerprint of {name} stands");
            build(&memory, &Options { rehash: true, ..options.clone() }).expect("nothing is wrong");
            assert_clean(&memory, &options);
        }
    }
}

#[test]
fn a_registry_that_was_tidied_warns_of_nothing() {
    let (memory, dev) = (workspace(&[("assets/one.txt", "1")]), options("dev"));
    build(&memory, &dev).expect("nothing is wrong");
    for digit in 0..16 {
        let file = at(&format!("packwright.registry/{digit:x}.jsonl"));
        let line = String::from_utf8(memory.get(&file).expect("it is there")).expect("JSON");
        if !line.is_empty() {
            // Another branch registered the same asset, after others.
            memory.write(&file, format!("{line}{}", line.replace("\"asset_id\":1", "\"asset_id\":7")));
        }
    }
    let warned = build(&memory, &dev).expect("it is no error").diagnostics.len();
    assert_eq!(warned, 1);
    assert_clean(&memory, &dev);
    memory.write(at("assets/two.txt"), "2");
    for text in ["2", "3"] {
        memory.write(at("assets/two.txt"), text);
        build(&memory, &dev).expect("nothing is wrong");
        assert_clean(&memory, &dev);
        assert_eq!(build(&memory, &dev).expect("nothing is wrong").diagnostics, []);
    }
}

#[test]
fn a_kept_part_that_does_not_stand_is_written_again() {
    let (memory, dev) = (models(), options("dev"));
    build(&memory, &dev).expect("nothing is wrong");
    build(&memory, &dev).expect("doubts are settled");
    let out = at("build/dev");
    for (name, bytes) in published(&memory, &out) {
        for damage in 0..4 {
            let memory = memory.fork();
            let path = out.join(&name);
            match damage {
                0 => memory.remove(&path),
                1 => memory.write(&path, &bytes[1..]),
                2 => memory.write(&path, [&bytes[1..], b"!"].concat()),
                _ => {
                    memory.remove(&path);
                    memory.symlink("/nowhere", &path);
                }
            }
            memory.write(at("assets/a.txt"), "2");
            build(&memory, &dev).unwrap_or_else(|error| panic!("{name}, damage {damage}: {error:?}"));
            assert_clean(&memory, &dev);
        }
    }
}

#[test]
fn directories_and_profiles_that_share_memos_do_not_mix_them() {
    let memory = models();
    let mut random = Random::new(7);
    let files = ["assets/a.txt", "assets/a.bin", "assets/z.txt", "assets/c.png.asset.json"];
    for step in 0..60 {
        let path = random.pick(&files);
        match random.below(3) {
            _ if path.ends_with(".bin") => memory.write(at(path), random.pick(&["1234", "4321"])),
            _ if path.ends_with(".txt") => memory.write(at(path), random.pick(&["1", "2"])),
            0 => memory.write(at(path), "{ \"tags\": [\"x\"] }"),
            1 => memory.write(at(path), "{ \"exclude\": true }"),
            _ => memory.write(at("assets/c.png"), small_png(random.next() % 2)),
        }
        let out = random.pick(&[None, Some(PathBuf::from("/other")), Some(PathBuf::from("/third"))]);
        let options = Options { out: out.clone(), ..options(random.pick(&["dev", "lenient", "release"])) };
        let clean = clean_build(&committed(&memory, Path::new(ROOT)), &options, 0);
        let result = build(&memory, &options);
        assert_eq!(Ending::of(&result, Path::new(ROOT)), clean.ending, "step {step}");
        if clean.ending.is_built() {
            let ours = published(&memory, &out.unwrap_or_else(|| at("build").join(&options.profile)));
            assert_eq!(difference(&ours, &clean.files), Vec::<String>::new(), "step {step}");
        }
    }
}

/// Edits one of a few files, most of which others look into.
fn edit(memory: &MemorySystem, random: &mut Random) {
    match random.below(6) {
        0 => memory.write(at("assets/a.bin"), random.pick(&["1234", "4321"])),
        1 => memory.write(at("assets/a.txt"), random.pick(&["1", "2", "3"])),
        2 => memory.write(at("assets/z.txt"), random.pick(&["1", "2", "3"])),
        3 => memory.write(at("assets/c.png"), small_png(random.next() % 2)),
        4 => memory.write(at("assets/z.gltf"), gltf(random.pick(&["x", "y"]), "a.bin", Some("c.png"))),
        _ => memory.write(
            at("assets/c.png.asset.json"),
            random.pick(&["{}", "{ \"tags\": [\"t\"] }", "{ \"name\": \"n\" }", "{ \"type\": \"raw\" }"]),
        ),
    }
}

#[test]
fn builds_at_once_in_any_state_leave_nothing_wrong_behind() {
    for seed in 0..crate::support::random::number("PACKWRIGHT_ORACLE_CASES").unwrap_or(20) {
        let mut random = Random::new(seed);
        let memory = models();
        memory.write(at("assets/z.gltf"), gltf("x", "a.bin", Some("c.png")));
        let dev = options("dev");
        build(&memory, &dev).expect("nothing is wrong");
        for _ in 0..4 {
            (0..random.below(3)).for_each(|_| edit(&memory, &mut random));
            memory.settle();
            let (step, seed, goes_back) = (random.below(120), random.next(), random.chance(50));
            let disk = FaultyDisk::over(&memory).after_step(step, move |memory| {
                let before = committed(memory, Path::new(ROOT));
                let mut random = Random::new(seed);
                (0..1 + random.below(2)).for_each(|_| edit(memory, &mut random));
                let out = random.pick(&[None, Some(PathBuf::from("/other"))]);
                let profile = random.pick(&["dev", "dev", "release"]);
                let hurried = Options { out, wait: Some(Duration::ZERO), ..options(profile) };
                let _ = engine(Arc::new(memory.clone())).build(&hurried);
                if goes_back {
                    for (path, node) in before {
                        if let Node::File(bytes) = node
                            && memory.get(at(&path)).as_ref() != Some(&bytes)
                            && path.starts_with("assets")
                        {
                            memory.write(at(&path), bytes);
                        }
                    }
                }
            });
            let _ = engine(Arc::new(disk)).build(&dev);
            if random.chance(60) {
                edit(&memory, &mut random);
            }
            let lost = random.pick(&["build/dev", "build/dev/main.pack", "build/dev/main.parts"]);
            if random.chance(30) && memory.stat(&at(lost)).is_ok() {
                memory.remove(at(lost));
            }
            build(&memory, &dev).unwrap_or_else(|error| panic!("seed {seed}, step {step}: {error:?}"));
            let clean = clean_build(&committed(&memory, Path::new(ROOT)), &dev, 0);
            let ours = published(&memory, &at("build/dev"));
            assert_eq!(difference(&ours, &clean.files), Vec::<String>::new(), "seed {seed}, step {step}");
        }
    }
}
