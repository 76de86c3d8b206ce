//! Emission: what is written, what is left alone, and what a crash leaves behind.

use super::super::old::{OldFirst, OldPack};
use super::super::read::ReadError;
use super::*;
use crate::system::System;
use crate::system::faulty::FaultyDisk;
use crate::system::memory::Unsynced;

/// Runs on one thread, so that the steps come in one order.
fn in_order<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("a thread");
    pool.install(run)
}

fn edited(layout: Layout) -> (Sample, Sample) {
    let old = Sample::of_everything(layout);
    let mut new = old.clone();
    new.set(1, &[("", Codec::None, b"hello again")]);
    new.set(5, &[("", Codec::None, &vec![5; 300_000])]);
    let large: Vec<u8> = (7..70_007_u32).flat_map(u32::to_le_bytes).collect();
    new.set(700, &[("", Codec::None, &large)]);
    (old, new)
}

fn names(disk: &MemorySystem) -> Vec<String> {
    disk.snapshot().keys().map(|it| it.to_string_lossy().into_owned()).collect()
}

#[test]
fn what_is_right_is_left_alone() {
    for layout in LAYOUTS {
        for durability in [Durability::Synced, Durability::Unsynced] {
            let sample = Sample::of_everything(layout);
            let disk = MemorySystem::new();
            disk.set_tick(1000);
            let first = sample.emit(&disk, durability).expect("emits");
            assert_eq!((first.untouched, first.swept), (0, 0));
            assert_eq!(first.written, first.files.len() as u64);
            for known in [first.files.as_slice(), &[]] {
                let before = disk.counters().counts();
                let again = sample.emit_trusting(&disk, durability, known).expect("emits");
                let counts = disk.counters().counts().since(before);
                assert_eq!((again.written, again.written_bytes, again.swept), (0, 0, 0));
                assert_eq!((counts.files_written, counts.renames), (0, 0));
                assert_eq!(again.files, first.files, "stamps and all");
                assert_eq!(counts.bytes_read == 0, !known.is_empty(), "trust is what saves reading");
            }
        }
    }
}

#[test]
fn an_edit_in_a_split_pack_writes_one_part_and_the_root() {
    let mut sample = Sample::new(Layout::Split);
    for id in 0..1000 {
        sample.set(id, &[("", Codec::None, format!("payload {id}").as_bytes())]);
    }
    let disk = MemorySystem::new();
    let before = sample.emit(&disk, Durability::Unsynced).expect("emits");
    sample.set(300, &[("", Codec::None, b"edited")]);
    let emitted = sample.emit_trusting(&disk, Durability::Unsynced, &before.files).expect("emits");
    // The part, the root and the manifest that names its digest.
    assert_eq!((emitted.written, emitted.untouched, emitted.swept), (3, 8, 1));
    assert_eq!(verify_disk(&disk).problems, []);
}

#[test]
fn a_damaged_file_is_written_again() {
    for layout in LAYOUTS {
        let sample = Sample::of_everything(layout);
        let whole = sample.emitted();
        for (path, bytes) in whole.snapshot() {
            let disk = whole.fork();
            let mut bad = bytes.clone();
            *bad.last_mut().expect("no file is empty") ^= 1;
            disk.write(&path, bad);
            let emitted = sample.emit(&disk, Durability::Unsynced).expect("emits");
            assert_eq!(emitted.written, 1, "{}", path.display());
            assert_eq!(disk.snapshot(), whole.snapshot());
        }
    }
}

#[test]
fn only_what_emission_wrote_is_ever_removed() {
    let (old, new) = edited(Layout::Split);
    let disk = old.emitted();
    let digest = Digest::of(b"x");
    let foreign = [
        "main.parts/notes.txt".to_owned(),
        format!("main.parts/{digest}.txt"),
        format!("main.parts/.{digest}.part"),
        format!("main.parts/sub/{digest}.part"),
        "main.provenance.json".to_owned(),
        "other.pack".to_owned(),
    ];
    for name in &foreign {
        disk.write(Path::new(OUT).join(name), "mine");
    }
    let stale = [
        format!("main.parts/{digest}.part"),
        "main.parts/.packwright-staged-0123456789abcdef".to_owned(),
        ".packwright-staged-0123456789abcdef".to_owned(),
    ];
    for name in &stale {
        disk.write(Path::new(OUT).join(name), "left behind");
    }
    let emitted = new.emit(&disk, Durability::Unsynced).expect("emits");
    for name in &foreign {
        assert_eq!(disk.get(Path::new(OUT).join(name)).as_deref(), Some(&b"mine"[..]), "{name}");
    }
    for name in &stale {
        assert_eq!(disk.get(Path::new(OUT).join(name)), None, "{name}");
    }
    assert_eq!(emitted.unswept, [] as [String; 0]);
}

#[test]
fn a_file_beside_the_pack_goes_when_nobody_wants_it_any_more() {
    let sample = Sample::of_everything(Layout::Single);
    let emit_with = |disk: &MemorySystem, extra: &[&str], previous: &[(String, Digest)]| {
        let extra = extra.iter().map(|it| ((*it).to_owned(), b"{}".to_vec())).collect();
        let options = Options { durability: Durability::Unsynced, extra, previous, trusted: &|_| false };
        emit::emit(target(disk), &layout(&sample.plan), &sample, &options).expect("emits")
    };
    let owned = |emitted: &Emitted| emitted.files.iter().map(|it| (it.name.clone(), it.digest)).collect::<Vec<_>>();
    for (edit, remains) in [(None, false), (Some("edited by hand"), true)] {
        let disk = MemorySystem::new();
        let previous = owned(&emit_with(&disk, &["main.manifest.json"], &[]));
        if let Some(edit) = edit {
            disk.write(Path::new(OUT).join("main.manifest.json"), edit);
        }
        disk.write("/build/main.manifest.json", "{}");
        let hostile = ("../main.manifest.json".to_owned(), Digest::of(b"{}"));
        emit_with(&disk, &[], &[previous, vec![hostile]].concat());
        assert_eq!(disk.get(Path::new(OUT).join("main.manifest.json")).is_some(), remains);
        assert!(disk.get("/build/main.manifest.json").is_some());
    }
}

#[test]
fn changing_the_layout_leaves_nothing_of_the_other() {
    let [single, split] = LAYOUTS.map(Sample::of_everything);
    let disk = split.emitted();
    single.emit(&disk, Durability::Unsynced).expect("emits");
    assert_eq!(names(&disk), names(&single.emitted()));
    assert!(disk.stat(&Path::new(OUT).join("main.parts")).is_err());
    split.emit(&disk, Durability::Unsynced).expect("emits");
    assert_eq!(names(&disk), names(&split.emitted()));
}

#[test]
fn wrong_payloads_are_never_published() {
    struct Liar;
    impl Payloads for Liar {
        fn stored(&self, payload: &PlanPayload, _: &PlanEntry) -> Result<Fetched> {
            Ok(Fetched::Unverified(vec![0; payload.stored_len as usize].into()))
        }
    }
    for layout_of in LAYOUTS {
        let (old, new) = edited(layout_of);
        let disk = old.emitted();
        let before = disk.snapshot();
        let options = Options { durability: Durability::Synced, extra: Vec::new(), previous: &[], trusted: &|_| false };
        let error = emit::emit(target(&disk), &layout(&new.plan), &Liar, &options).expect_err("lies");
        assert!(error.to_string().starts_with("cannot pack `"), "{error}");
        let root = Path::new(OUT).join("main.pack");
        assert_eq!(disk.get(&root), before.get(&root).cloned());
        assert_eq!(verify_disk(&disk).problems, []);
    }
}

#[test]
fn unchanged_payloads_come_out_of_the_previous_pack() {
    /// Gives only what the edit brought in.
    struct OnlyNew<'a>(&'a Sample, &'a Sample);
    impl Payloads for OnlyNew<'_> {
        fn stored(&self, payload: &PlanPayload, entry: &PlanEntry) -> Result<Fetched> {
            assert!(self.0.stored(payload, entry).is_err(), "{} was in the previous pack", entry.name);
            self.1.stored(payload, entry)
        }
    }
    for before in LAYOUTS {
        for after in LAYOUTS {
            let (old, new) = (edited(before).0, edited(after).1);
            let disk = old.emitted();
            let options =
                Options { durability: Durability::Unsynced, extra: Vec::new(), previous: &[], trusted: &|_| false };
            let previous = OldPack::open(&disk, Path::new(OUT), "main");
            assert!(previous.is_some());
            let payloads = OldFirst { old: previous, otherwise: &OnlyNew(&old, &new) };
            emit::emit(target(&disk), &layout(&new.plan), &payloads, &options).expect("emits");
            let report = verify_disk(&disk);
            assert_eq!((report.problems, report.content_digest), (vec![], Some(layout(&new.plan).content_digest())));
        }
    }
}

#[test]
fn a_damaged_previous_pack_is_a_miss() {
    let (old, new) = edited(Layout::Split);
    let disk = old.emitted();
    for path in names(&disk) {
        let mut bytes = disk.get(&path).expect("there");
        *bytes.last_mut().expect("not empty") ^= 1;
        disk.write(&path, bytes);
    }
    let payloads = OldFirst { old: OldPack::open(&disk, Path::new(OUT), "main"), otherwise: &new };
    let options = Options { durability: Durability::Unsynced, extra: Vec::new(), previous: &[], trusted: &|_| false };
    emit::emit(target(&disk), &layout(&new.plan), &payloads, &options).expect("emits");
    assert_eq!(verify_disk(&disk).problems, []);
}

/// What a disk holds: a sound pack of this digest, or none.
fn sound(disk: &MemorySystem) -> Option<Digest> {
    let report = verify_disk(disk);
    report.content_digest.filter(|_| report.problems.is_empty())
}

/// Kills the process at every step of an emission over a previous pack, tears the write it was in, and
/// takes the power away besides.
#[test]
fn a_crash_at_any_step_leaves_the_old_pack_or_the_new_one() {
    for layout_of in LAYOUTS {
        for durability in [Durability::Synced, Durability::Unsynced] {
            for torn in [false, true] {
                crash_at_every_step(layout_of, durability, torn);
            }
        }
    }
}

fn crash_at_every_step(layout_of: Layout, durability: Durability, torn: bool) {
    let (old, new) = edited(layout_of);
    let [old_digest, new_digest] = [&old, &new].map(|it| layout(&it.plan).content_digest());
    let base = MemorySystem::new();
    old.emit(&base, Durability::Synced).expect("emits");
    let wanted = new.emitted().snapshot();
    for k in 0.. {
        let memory = base.fork();
        let disk = FaultyDisk::over(&memory);
        let disk = if torn { disk.fail_torn_at(k) } else { disk.fail_at(k) };
        let outcome = in_order(|| new.emit(&disk, durability));
        let case = format!("{layout_of:?} {durability:?} torn={torn} step {k}");

        let seen = sound(&memory);
        assert!(seen == Some(old_digest) || seen == Some(new_digest), "{case}");
        for unsynced in [Unsynced::Lost, Unsynced::Torn] {
            let lost = memory.after_power_loss_with(unsynced);
            let seen = sound(&lost);
            // Nothing that verifies is anything but one of the two; synced, one of the two is there.
            let known = seen == Some(old_digest) || seen == Some(new_digest);
            assert!(known || (seen.is_none() && durability == Durability::Unsynced), "{case}, power lost");
            if outcome.is_ok() && durability == Durability::Synced {
                assert_eq!(seen, Some(new_digest), "{case}, power lost after the end");
            }
            new.emit(&lost, durability).expect("emits after a loss of power");
            assert_eq!(lost.snapshot(), wanted, "{case}, power lost, then emitted again");
        }
        new.emit(&memory, durability).expect("emits after a crash");
        assert_eq!(memory.snapshot(), wanted, "{case}, then emitted again");
        if let Ok(emitted) = outcome {
            assert_eq!(emitted.unswept, [] as [String; 0]);
            break;
        }
    }
}

/// Payloads are fetched in batches and written through a buffer; none of that may show.
#[test]
fn payloads_of_any_size_follow_on_each_other() {
    const MIB: usize = 1 << 20;
    let sizes = [MIB - 1, 0, MIB, MIB + 1, 3, 8 * MIB, 8 * MIB + 1, 1, 15, 16, 17, 3 * MIB];
    for layout_of in LAYOUTS {
        let mut sample = Sample::new(layout_of);
        for (size, id) in sizes.into_iter().zip(1..) {
            let mut bytes = vec![id as u8; size];
            bytes.iter_mut().take(1).for_each(|it| *it = 0xff);
            sample.set(id, &[("", Codec::None, &bytes)]).preload = id % 3 == 0;
        }
        let report = verify_disk(&sample.emitted());
        assert_eq!((report.problems, report.stored_bytes), (vec![], sizes.iter().sum::<usize>() as u64));
    }
}

#[test]
fn syncing_makes_durable_what_was_there_unsynced() {
    for layout_of in LAYOUTS {
        let sample = Sample::of_everything(layout_of);
        let disk = sample.emitted();
        assert_eq!(sound(&disk.after_power_loss()), None);
        let emitted = sample.emit(&disk, Durability::Synced).expect("emits");
        assert_eq!(emitted.written, 0);
        assert_eq!(sound(&disk.after_power_loss()), Some(emitted.content_digest));
    }
}

/// One failing call, such as a full disk, is not a crash: nothing is left lying about either.
#[test]
fn an_error_at_any_step_leaves_the_old_pack_or_the_new_one() {
    for layout_of in LAYOUTS {
        let (old, new) = edited(layout_of);
        let [old_digest, new_digest] = [&old, &new].map(|it| layout(&it.plan).content_digest());
        let base = MemorySystem::new();
        old.emit(&base, Durability::Synced).expect("emits");
        for k in 0.. {
            let memory = base.fork();
            let disk = FaultyDisk::over(&memory).fail_once_at(k, std::io::ErrorKind::StorageFull);
            let outcome = in_order(|| new.emit(&disk, Durability::Synced));
            let seen = sound(&memory);
            assert!(seen == Some(old_digest) || seen == Some(new_digest), "{layout_of:?} step {k}");
            assert!(names(&memory).iter().all(|it| !it.contains("staged")), "{layout_of:?} step {k}");
            if disk.steps() <= k {
                assert!(outcome.is_ok());
                break;
            }
        }
    }
}

#[test]
fn the_receipt_is_written_like_everything_else() {
    let disk = MemorySystem::new();
    Sample::of_everything(Layout::Single).emit(&disk, Durability::Synced).expect("emits");
    for text in ["{}", "{\"a\":1}"] {
        let file = emit::write_receipt(target(&disk), text.as_bytes(), Durability::Synced).expect("writes");
        assert_eq!(file.name, "main.receipt.json");
        assert_eq!(file.digest, Digest::of(text.as_bytes()));
        assert_eq!(disk.get(Path::new(OUT).join(&file.name)).as_deref(), Some(text.as_bytes()));
        assert!(emit::holds(&disk, Path::new(OUT), &file.name, file.digest));
    }
}

#[test]
fn an_open_pack_that_is_replaced_says_so() {
    let (old, new) = edited(Layout::Split);
    let disk = MemorySystem::new();
    old.emit(&disk, Durability::Unsynced).expect("emits");
    let path = Path::new(OUT).join("main.pack");
    let open = || PackReader::open_at(&disk, &path).expect("a pack");
    let (early, late) = (open(), open());
    let entries = early.entries().collect::<std::result::Result<Vec<_>, _>>().expect("all there");
    disk.settle();
    new.emit(&disk, Durability::Unsynced).expect("emits");
    // Files that were opened in time stay; a payload in a file of its own is gone.
    let read: Vec<_> = entries.iter().flat_map(|it| &it.payloads).map(|it| early.payload_bytes(it, 1 << 20)).collect();
    assert!(read.iter().all(|it| matches!(it, Ok(_) | Err(ReadError::Replaced))), "{read:?}");
    assert!(read.iter().any(|it| it.is_ok()) && read.iter().any(|it| it.is_err()), "{read:?}");
    assert!(late.entries().any(|it| matches!(it, Err(ReadError::Replaced))));
    assert!(open().entries().all(|it| it.is_ok()));

    // A part that is just missing is another matter.
    let whole = open();
    disk.remove(path.with_extension("parts"));
    assert!(whole.entries().all(|it| matches!(it, Err(ReadError::Io { .. }))));
}
