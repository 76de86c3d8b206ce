//! Patching: what is laid out from an old pack's parts is what the whole new plan comes to.

use super::super::layout::{Kept, Laid};
use super::super::old::OldPack;
use super::super::patch::Patch;
use super::*;

fn numbered(n: u32) -> Sample {
    let mut sample = Sample::new(Layout::Split);
    for id in 0..n {
        let entry = sample.set(id * 3, &[("", Codec::None, format!("payload {}", id % 50).as_bytes())]);
        entry.preload = id.is_multiple_of(7);
        entry.tags = vec![format!("t{}", id % 3)];
    }
    sample
}

fn written(disk: &MemorySystem, sample: &Sample) {
    sample.emit(disk, Durability::Unsynced).expect("emits");
}

fn old_pack(disk: &MemorySystem) -> OldPack<'_> {
    OldPack::open(disk, Path::new(OUT), "main").expect("just emitted")
}

fn outline(laid: &Laid<'_>) -> (Digest, Vec<(Digest, u64)>) {
    let parts = laid.parts.iter().map(|it| (it.digest, it.len));
    let mut files: Vec<_> = parts.chain(laid.kept.iter().map(|it| (it.digest, it.len))).collect();
    files.sort_unstable();
    (laid.content_digest(), files)
}

#[test]
fn a_patch_is_the_layout_of_the_new_plan() {
    let old = numbered(1000);
    let disk = MemorySystem::new();
    written(&disk, &old);
    for ids in [&[][..], &[0], &[2997], &[300, 303, 1500], &[0, 600, 1200, 1800, 2400]] {
        let mut new = old.clone();
        for id in ids {
            let entry = new.set(*id, &[("", Codec::None, b"longer than it was before"), ("more", Codec::None, b"m")]);
            entry.metadata = [("width".to_owned(), MetaValue::Integer(7))].into();
            entry.references = vec![AssetId(3)];
            entry.preload = !entry.preload;
        }
        let changed: Vec<_> = new.plan.entries.iter().filter(|it| ids.contains(&it.id.0)).cloned().collect();
        let patch = Patch::new(&old_pack(&disk), &changed, &[], false).expect("nothing stands against it");
        assert_eq!(patch.entry_count(), 1000);
        let (patched, whole) = (patch.lay(Vec::new()), layout(&new.plan));
        assert_eq!(outline(&patched), outline(&whole), "{ids:?}");
        assert_eq!(patched.root.tables, whole.root.tables);
        for part in &patched.parts {
            let same = whole.parts.iter().find(|it| it.digest == part.digest).expect("it is one of them");
            assert_eq!(part.tables, same.tables);
            let places = |it: &super::super::layout::LaidFile<'_>| {
                it.placed.iter().map(|it| (it.offset, it.stored.payload.stored_digest)).collect::<Vec<_>>()
            };
            assert_eq!(places(part), places(same));
        }
    }
}

/// Entries that come, go or get another name, at both ends of parts and of the pack.
#[test]
fn a_patch_puts_entries_in_and_takes_others_out() {
    let old = numbered(1000);
    let disk = MemorySystem::new();
    written(&disk, &old);
    let every_third: Vec<u32> = (0..256).map(|it| it * 3).collect();
    for (put, removed) in [
        (&[1][..], &[][..]),
        (&[2998, 2999], &[0]),
        (&[3500], &[2994, 2997]),
        (&[], &[300]),
        (&[301, 302], &[300, 303]),
        (&[], &every_third[..]),
        (&[5], &every_third[..]),
    ] {
        let mut new = old.clone();
        new.plan.entries.retain(|it| !removed.contains(&it.id.0));
        for id in put.iter().chain(&[1500]) {
            new.set(*id, &[("", Codec::None, b"new")]).name = format!("a name of {id}").into();
        }
        let is_put = |it: &&Arc<PlanEntry>| it.id.0 == 1500 || put.contains(&it.id.0);
        let entries: Vec<_> = new.plan.entries.iter().filter(is_put).cloned().collect();
        let ids: Vec<AssetId> = removed.iter().map(|it| AssetId(*it)).collect();
        let patch = Patch::new(&old_pack(&disk), &entries, &ids, true).expect("nothing stands against it");
        assert_eq!(patch.entry_count(), new.plan.entries.len() as u64);
        let (patched, whole) = (patch.lay(Vec::new()), layout(&new.plan));
        assert_eq!(outline(&patched), outline(&whole), "{put:?} {removed:?}");
        assert_eq!(patched.root.tables, whole.root.tables);
    }
    let mut new = old.clone();
    new.set(1 << 20, &[("", Codec::None, b"new")]);
    let last = new.plan.entries.last().cloned().into_iter().collect::<Vec<_>>();
    assert!(Patch::new(&old_pack(&disk), &last, &[], true).is_none(), "parts are larger then");
}

#[test]
fn what_a_patch_cannot_know_is_left_to_the_whole_plan() {
    let mut old = numbered(1000);
    old.set(30, &[("", Codec::None, &vec![5; 300_000])]);
    let disk = MemorySystem::new();
    written(&disk, &old);
    let refused = |sample: &Sample, id: u32| {
        let changed: Vec<_> = sample.plan.entries.iter().filter(|it| it.id.0 == id).cloned().collect();
        assert_eq!(changed.len(), 1);
        Patch::new(&old_pack(&disk), &changed, &[], false).is_none()
    };
    let mut new = old.clone();
    new.set(60, &[("", Codec::None, &vec![6; 300_000])]);
    assert!(refused(&new, 60), "a payload becomes a file of its own");
    new.set(30, &[("", Codec::None, b"small")]);
    assert!(refused(&new, 30), "a file of its own goes");
    new.set(31, &[("", Codec::None, b"new")]);
    assert!(refused(&new, 31), "an entry comes");

    let mut single = old.clone();
    single.plan.layout = Layout::Single;
    let disk = MemorySystem::new();
    written(&disk, &single);
    assert!(Patch::new(&old_pack(&disk), &[], &[], false).is_none(), "a single file has no parts");
}

#[test]
fn a_part_that_is_damaged_is_neither_patched_nor_kept() {
    let old = numbered(1000);
    let disk = MemorySystem::new();
    written(&disk, &old);
    let mut new = old.clone();
    new.set(0, &[("", Codec::None, b"changed")]);
    let changed = [new.plan.entries[0].clone()];
    let patch = Patch::new(&old_pack(&disk), &changed, &[], false).expect("nothing stands against it");
    let paths: Vec<_> =
        disk.snapshot().into_keys().filter(|it| it.extension().is_some_and(|it| it == "part")).collect();
    let mut refused = 0;
    for path in paths {
        let disk = disk.fork();
        let mut bytes = disk.get(&path).expect("it is there");
        bytes[200] ^= 1;
        disk.write(&path, bytes);
        let laid = patch.lay(Vec::new());
        let kept_it = laid.kept.iter().any(|it: &Kept| path.ends_with(it.kind.file_name(it.digest)));
        let reads = Patch::new(&old_pack(&disk), &changed, &[], false).is_some();
        assert_eq!(reads, kept_it, "the part that changes is read, the others are not");
        let outcome = new.emit_laid(&disk, &laid);
        assert_eq!(outcome.is_err(), kept_it, "{}", path.display());
        refused += u32::from(outcome.is_err());
    }
    assert!(refused > 1);
}
