//! Damaged and malicious packs: nothing panics, nothing wrong is believed, every damage is reported.

use super::super::format::{self, HEADER_LEN, PartKind};
use super::super::source::NoParts;
use super::*;

/// A pack small enough to be damaged at every byte.
fn small(layout: Layout) -> Sample {
    let mut sample = Sample::new(layout);
    let text = b"the quick brown fox ".repeat(5);
    sample.set(1, &[("", Codec::None, b"one")]);
    let two = sample.set(2, &[("", Codec::Zstd, &text), ("x", Codec::None, b"2")]);
    two.preload = true;
    two.tags = vec!["t".to_owned()];
    two.metadata = Metadata::from([("m".to_owned(), MetaValue::Flag(true)), ("n".to_owned(), MetaValue::Integer(1))]);
    two.references = vec![AssetId(1)];
    sample.set(200, &[("", Codec::Lz4, &text)]);
    sample
}

/// Asks a pack everything; whatever it answers must be true of `sample`.
fn interrogate(sample: &Sample, root: &[u8], parts: &BTreeMap<String, Bytes>) {
    // Unverified tables may give wrong answers, but no harm may come of it.
    if let Ok(reader) = PackReader::open(root, parts.clone()) {
        for id in [0, 1, 2, 200, u32::MAX] {
            let _ = reader.find_id(AssetId(id));
            let _ = reader.find_name(&format!("asset/{id}"));
        }
        for entry in reader.entries().take(10).flatten() {
            for payload in &entry.payloads {
                if let Ok(raw) = reader.payload_bytes(payload, 1 << 20) {
                    assert_eq!(Digest::of(&raw), payload.digest);
                }
            }
        }
    }
    let Ok(reader) = PackReader::open(root, parts.clone()).and_then(PackReader::verified) else { return };
    for expected in &sample.plan.entries {
        for found in [reader.find_id(expected.id), reader.find_name(&expected.name)] {
            let Ok(found) = found else { continue };
            let found = found.expect("verified tables do not forget an entry");
            assert_eq!((found.id, found.uuid, &*found.name), (expected.id, expected.uuid, &*expected.name));
            for (payload, planned) in found.payloads.iter().zip(&expected.payloads) {
                assert_eq!(payload.digest, planned.digest);
                if let Ok(raw) = reader.payload_bytes(payload, u64::MAX) {
                    assert_eq!(Some(&*raw), sample.raw.get(&planned.digest).map(|it| &**it));
                }
            }
        }
    }
}

/// Damages one file at every byte and every length.
fn damage(bytes: &[u8], mut check: impl FnMut(String, Bytes)) {
    for at in 0..bytes.len() {
        for flip in [0x01, 0x80, 0xff] {
            let mut bad = bytes.to_vec();
            bad[at] ^= flip;
            check(format!("byte {at} ^ {flip:#x}"), bad.into());
        }
        check(format!("cut to {at}"), bytes[..at].into());
    }
    check("a byte more".to_owned(), [bytes, &[0]].concat().into());
}

#[test]
fn every_damaged_byte_is_reported_and_none_is_believed() {
    for layout in LAYOUTS {
        let sample = small(layout);
        let (root, parts) = sample.packed();
        assert_eq!(verify::verify(root.clone(), parts.clone(), u64::MAX).problems, []);
        damage(&root, |what, bad| {
            interrogate(&sample, &bad, &parts);
            assert!(!verify::verify(bad, parts.clone(), 1 << 20).is_sound(), "{layout:?} root, {what}");
        });
        for (name, bytes) in &parts {
            damage(bytes, |what, bad| {
                let mut parts = parts.clone();
                parts.insert(name.clone(), bad);
                interrogate(&sample, &root, &parts);
                assert!(!verify::verify(root.clone(), parts, 1 << 20).is_sound(), "{name}, {what}");
            });
        }
    }
}

/// The same with a content digest that is right: the rules themselves are under test now.
#[test]
fn a_forged_pack_does_no_harm() {
    let sample = small(Layout::Single);
    let (root, _) = sample.packed();
    let data_offset = u64::from_le_bytes(*root[56..].first_chunk().expect("a header")) as usize;
    for at in 0..data_offset {
        for flip in [0x01, 0x80, 0xff] {
            let mut bad = root.to_vec();
            bad[at] ^= flip;
            let tables = &mut bad[..data_offset];
            format::seal(tables);
            if bad[..] == root[..] {
                continue;
            }
            let open = || PackReader::open(&bad[..], NoParts).and_then(PackReader::verified);
            if let Ok(reader) = open() {
                for entry in reader.entries().take(10).flatten() {
                    let _ = reader.find_name(&entry.name);
                    for payload in &entry.payloads {
                        if let Ok(raw) = reader.payload_bytes(payload, 1 << 20) {
                            assert_eq!(Digest::of(&raw), payload.digest);
                        }
                    }
                }
            }
            let _ = verify::verify(&bad[..], NoParts, 1 << 20);
        }
    }
}

/// Changes that keep a pack readable but break a rule: each is reported, however well it is sealed.
#[test]
fn rules_are_checked_even_when_the_digest_is_right() {
    let sample = small(Layout::Single);
    let (root, _) = sample.packed();
    let data_offset = u64::from_le_bytes(*root[56..].first_chunk().expect("a header")) as usize;
    let forge = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bad = root.to_vec();
        change(&mut bad);
        format::seal(&mut bad[..data_offset]);
        let report = verify::verify(&bad[..], NoParts, 1 << 20);
        report.problems.iter().map(|it| it.message.clone()).collect::<Vec<_>>().join("; ")
    };
    let entry = HEADER_LEN;
    let payloads = HEADER_LEN + 3 * 48;
    type Change<'a> = &'a dyn Fn(&mut Vec<u8>);
    let cases: [(&str, Change<'_>); 8] = [
        ("the entries are not ascending by id", &|it| it[entry] = 9),
        ("an entry has an unknown flag", &|it| it[entry + 4] = 2),
        ("the bytes to preload are not as many as it says", &|it| it[64] -= 1),
        ("reserved bytes of an entry are not zero", &|it| it[entry + 44] = 1),
        ("a payload of the asset 1 does not lie in its place", &|it| it[payloads + 80] += 16),
        ("a payload has an unknown codec", &|it| it[payloads + 88] = 3),
        ("a payload lies in an unknown place", &|it| it[payloads + 89] = 2),
        ("a payload that is stored as it is differs from what is stored", &|it| it[payloads] ^= 1),
    ];
    for (expected, change) in cases {
        let problems = forge(change);
        assert!(problems.contains(expected), "expected `{expected}` in `{problems}`");
    }
}

#[test]
fn lengths_that_promise_too_much_allocate_nothing() {
    let sample = small(Layout::Single);
    let (root, _) = sample.packed();
    let data_offset = u64::from_le_bytes(*root[56..].first_chunk().expect("a header")) as usize;
    let raw_len = HEADER_LEN + 3 * 48 + 96 + 64;
    for huge in [1 << 30, 1 << 40, u64::MAX] {
        let mut bad = root.to_vec();
        bad[raw_len..raw_len + 8].copy_from_slice(&huge.to_le_bytes());
        format::seal(&mut bad[..data_offset]);
        let reader = PackReader::open(&bad[..], NoParts).expect("opens").verified().expect("sealed");
        let entry = reader.find_id(AssetId(2)).expect("readable").expect("there");
        assert_eq!(entry.payloads[0].raw_len, huge);
        assert!(reader.payload_bytes(&entry.payloads[0], u64::MAX).is_err());
        assert!(!verify::verify(&bad[..], NoParts, u64::MAX).is_sound());
    }
}

#[test]
fn a_part_is_not_a_pack_and_a_wrong_part_is_not_the_part() {
    let sample = small(Layout::Split);
    let (root, mut parts) = sample.packed();
    let names: Vec<String> = parts.keys().cloned().collect();
    for bytes in parts.values() {
        assert!(PackReader::open(bytes.clone(), NoParts).is_err());
    }
    let (first, second) = (parts[&names[0]].clone(), parts[&names[1]].clone());
    parts.insert(names[0].clone(), second);
    parts.insert(names[1].clone(), first);
    let report = verify::verify(root.clone(), parts.clone(), u64::MAX);
    assert!(report.problems.iter().any(|it| it.message.contains("not the file that the root means")), "{report:?}");
    parts.clear();
    let report = verify::verify(root, parts, u64::MAX);
    assert_eq!(report.problems.iter().filter(|it| it.message.contains("cannot be read")).count(), 3);
}

#[test]
fn a_pack_opens_nothing_but_digests() {
    struct Spy;
    impl super::super::source::PartStore for Spy {
        fn open(&self, kind: PartKind, digest: Digest) -> std::io::Result<Box<dyn super::super::source::Source>> {
            let name = kind.file_name(digest);
            assert_eq!(PartKind::of_file_name(&name), Some((kind, digest)));
            Err(std::io::ErrorKind::NotFound.into())
        }
    }
    let (root, _) = small(Layout::Split).packed();
    assert!(!verify::verify(root, Spy, u64::MAX).is_sound());
}
