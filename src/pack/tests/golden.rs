//! Packs that were written once and are read by every later version.
//!
//! `tests/golden/single.pack` and `tests/golden/split.pack` with its parts hold [`Sample::of_everything`].
//! They never change: a new version of the format adds a pair beside them. Files that are missing are
//! written by the test when `UPDATE_EXPECT` is set.

use super::*;
use crate::system::os::OsSystem;

#[test]
fn golden_packs_are_read_and_written_as_ever() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let system = OsSystem::new();
    for (name, layout_of) in [("single", Layout::Single), ("split", Layout::Split)] {
        let sample = Sample::of_everything(layout_of);
        if updates() {
            let options =
                Options { durability: Durability::Unsynced, extra: Vec::new(), previous: &[], trusted: &|_| false };
            let target = Target { disk: &system, out_dir: &dir, pack: name };
            emit::emit(target, &layout(&sample.plan), &sample, &options).expect("the golden packs can be written");
        }
        let (root, parts) = sample.packed();
        let golden = dir.join(format!("{name}.pack"));
        let reader = PackReader::open_at(&system, &golden).expect("the golden pack is there");
        let report = verify::verify_reader(&reader, u64::MAX);
        assert_eq!(report.problems, [], "{name}");
        assert_eq!(report.entries, 6);
        assert!(
            emit::holds(&system, &dir, &format!("{name}.pack"), layout_digest(&sample)),
            "{name} is written otherwise now"
        );
        assert_eq!(root.len() as u64, crate::system::System::stat(&system, &golden).expect("there").size);
        for part in parts.keys() {
            let digest = super::super::format::PartKind::of_file_name(part).expect("a part's name").1;
            assert!(emit::holds(&system, &dir, &format!("{name}.parts/{part}"), digest), "{name}: {part}");
        }
    }
}

fn layout_digest(sample: &Sample) -> Digest {
    layout(&sample.plan).content_digest()
}

#[test]
fn content_digests_are_what_they_have_always_been() {
    let digests = LAYOUTS.map(|it| layout_digest(&Sample::of_everything(it)).to_hex());
    expect_test::expect![[r#"
        be3e4d836ea0fa0ef9bd30d7f5f2433058963ad6d047fe10f00bd90703b87e28
        3022cda430870e81929f56195d9f55527ec612853ea9009219400cecaa6cb005"#]]
    .assert_eq(&digests.join("\n"));
}

fn updates() -> bool {
    #[expect(clippy::disallowed_methods, reason = "the same switch as expect-test's, and for tests alone")]
    std::env::var_os("UPDATE_EXPECT").is_some()
}
