//! What goes in comes out, in both layouts, through one reader.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::format::{self, HEADER_LEN, Header, Role, Section};
use super::super::source::NoParts;
use super::*;

/// Reads a sample back in every way there is and compares.
fn check(sample: &Sample) {
    let (root, parts) = sample.packed();
    let report = verify::verify(root.clone(), parts.clone(), verify::DEFAULT_LIMIT);
    assert_eq!(report.problems, []);
    assert_eq!(report.entries, sample.plan.entries.len() as u64);

    let reader = PackReader::open(root, parts).expect("opens").verified().expect("tables are right");
    assert_eq!(reader.layout(), sample.plan.layout);
    assert_eq!(reader.content_digest(), layout(&sample.plan).content_digest());
    assert_eq!(reader.entry_count(), sample.plan.entries.len() as u64);
    let entries: Vec<Entry> = reader.entries().map(|it| it.expect("an entry")).collect();
    let read: Vec<PlanEntry> = entries.iter().map(|it| as_read(&reader, it)).collect();
    let mut expected: Vec<PlanEntry> = sample.plan.entries.iter().map(|it| PlanEntry::clone(it)).collect();
    for entry in &mut expected {
        entry.payloads.sort_by(|a, b| a.role.cmp(&b.role));
    }
    assert_eq!(read, expected);
    for entry in &entries {
        assert_eq!(reader.find_id(entry.id).expect("readable").as_ref(), Some(entry));
        assert_eq!(reader.find_name(&entry.name).expect("readable").as_ref(), Some(entry));
        for near in [entry.id.0.wrapping_add(1), entry.id.0.wrapping_sub(1)] {
            let known = entries.iter().any(|it| it.id.0 == near);
            assert_eq!(reader.find_id(AssetId(near)).expect("readable").is_some(), known);
        }
        assert_eq!(reader.find_name(&format!("{}?", entry.name)).expect("readable"), None);
    }
}

#[test]
fn one_of_everything() {
    for layout in LAYOUTS {
        check(&Sample::of_everything(layout));
    }
}

#[test]
fn a_pack_may_be_empty() {
    for layout in LAYOUTS {
        check(&Sample::new(layout));
    }
}

#[test]
fn the_order_of_roles_tags_and_references_in_the_plan_does_not_matter() {
    for layout in LAYOUTS {
        let mut sample = Sample::of_everything(layout);
        let tidy = sample.packed();
        let hero = Arc::make_mut(&mut sample.plan.entries[1]);
        hero.payloads.reverse();
        hero.tags = vec!["level 1".to_owned(), "boss".to_owned(), "boss".to_owned()];
        hero.references.reverse();
        assert_eq!(sample.packed(), tidy);
    }
}

#[test]
fn equal_stored_bytes_lie_once_and_preload_payloads_in_front() {
    let sample = Sample::of_everything(Layout::Single);
    let laid = layout(&sample.plan);
    let placed: Vec<_> =
        laid.root.placed.iter().map(|it| (it.stored.entry.id.0, it.stored.payload.role.as_str())).collect();
    // 127 has the bytes of 1, "lod1" those of 2, "lod2" those of "preview".
    assert_eq!(placed, [(2, ""), (2, "preview"), (128, ""), (1, ""), (3, ""), (700, "")]);
    assert!(laid.root.placed.iter().all(|it| it.offset.is_multiple_of(format::ALIGN)));
}

#[test]
fn the_boundary_between_small_and_large_payloads() {
    for (len, n_blobs) in [(format::BLOB_MIN - 1, 0), (format::BLOB_MIN, 1), (format::BLOB_MIN + 1, 1)] {
        let mut sample = Sample::new(Layout::Split);
        let bytes = vec![7; len as usize];
        sample.set(5, &[("", Codec::None, &bytes)]);
        sample.set(500, &[("", Codec::None, &bytes)]);
        assert_eq!(layout(&sample.plan).blobs.len(), n_blobs, "{len}");
        check(&sample);
    }
}

#[test]
fn one_edit_changes_one_part_and_the_root() {
    let mut sample = Sample::new(Layout::Split);
    for id in 0..1000 {
        sample.set(id, &[("", Codec::None, format!("payload {id}").as_bytes())]);
    }
    let files = |sample: &Sample| sample.packed().1.into_keys().collect::<std::collections::BTreeSet<_>>();
    let before = files(&sample);
    assert_eq!(before.len(), 8 + 1, "128 ids a part, and the names");

    sample.set(300, &[("", Codec::None, b"edited")]);
    assert_eq!(files(&sample).difference(&before).count(), 1, "a payload");
    sample.set(300, &[("", Codec::None, b"payload 300")]).name = "renamed".into();
    assert_eq!(files(&sample).difference(&before).count(), 1, "a name touches the names alone");
    Arc::make_mut(&mut sample.plan.entries[300]).name = "asset/300".into();
    sample.set(1000, &[("", Codec::None, b"added")]);
    assert_eq!(files(&sample).difference(&before).count(), 2, "an addition: its part and the names");
}

#[test]
fn tables_say_where_they_are() {
    let sample = Sample::of_everything(Layout::Single);
    let (root, _) = sample.packed();
    let header = Header::parse(root.first_chunk::<HEADER_LEN>().expect("long enough"), root.len() as u64);
    let header = header.expect("a header");
    assert_eq!(header.role, Role::Single);
    assert_eq!(header.section(Section::Entries).offset, HEADER_LEN as u64);
    // The preload payloads can be read in one go.
    let preload = &root[header.data_offset as usize..(header.data_offset + header.preload_len) as usize];
    assert!(preload.ends_with(&[b't', b'i', b'n', b'y', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
}

#[test]
fn no_payload_comes_out_longer_than_asked() {
    let sample = Sample::of_everything(Layout::Single);
    let (root, _) = sample.packed();
    let reader = PackReader::open(root, NoParts).expect("opens");
    let entry = reader.find_id(AssetId(2)).expect("readable").expect("there");
    let main = entry.payload("").expect("a main payload");
    assert!(matches!(reader.payload_bytes(main, main.raw_len - 1), Err(super::super::read::ReadError::TooLong { .. })));
    assert!(reader.payload_bytes(main, main.raw_len).is_ok());
    assert_eq!(entry.payload("no such role"), None);
}

/// What an entry of a random plan is made of.
type Seed = (u32, bool, Vec<String>, Vec<(String, i64)>, Vec<u32>, Vec<(u8, Vec<u8>, usize)>);

fn seeds() -> impl Strategy<Value = Vec<Seed>> {
    let gap = prop_oneof![4 => 1..5_u32, 2 => 1..300_u32, 1 => 1..4_000_000_u32];
    let payload =
        (0..3_u8, prop::collection::vec(any::<u8>(), 0..12), prop_oneof![8 => 1..40_usize, 1 => 30_000..30_001_usize]);
    let seed = (
        gap,
        any::<bool>(),
        prop::collection::vec("[a-c]{1,2}", 0..3),
        prop::collection::vec(("[a-z_]{1,5}", any::<i64>()), 0..4),
        prop::collection::vec(0..900_u32, 0..4),
        prop::collection::vec(payload, 1..4),
    );
    prop::collection::vec(seed, 0..40)
}

fn sample_of(seeds: &[Seed], layout: Layout) -> Sample {
    let mut sample = Sample::new(layout);
    let mut id = 0;
    for (gap, preload, tags, metadata, references, payloads) in seeds {
        id += gap;
        let made: Vec<(String, Codec, Vec<u8>)> = payloads
            .iter()
            .enumerate()
            .map(|(at, (codec, pattern, times))| {
                let codec = [Codec::None, Codec::Lz4, Codec::Zstd][usize::from(*codec)];
                (if at == 0 { String::new() } else { format!("role{at}") }, codec, pattern.repeat(*times))
            })
            .collect();
        let made: Vec<(&str, Codec, &[u8])> = made.iter().map(|it| (it.0.as_str(), it.1, it.2.as_slice())).collect();
        let entry = sample.set(id, &made);
        entry.preload = *preload;
        entry.tags = tags.clone();
        entry.tags.sort();
        entry.tags.dedup();
        entry.metadata = metadata.iter().map(|(name, value)| (name.clone(), MetaValue::Integer(*value))).collect();
        entry.references = references.iter().map(|it| AssetId(*it)).collect();
        entry.references.sort();
        entry.references.dedup();
    }
    sample
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_plans_read_back_equal(seeds in seeds()) {
        for layout in LAYOUTS {
            check(&sample_of(&seeds, layout));
        }
    }
}
