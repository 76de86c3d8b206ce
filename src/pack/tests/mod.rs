//! Tests of the pack as a whole: what is emitted is what is read, whatever happens to disk and bytes.

mod emission;
mod golden;
mod hostile;
mod patching;
mod round_trip;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use crate::error::{IoContext, Result};
use crate::model::{AssetId, AssetUuid, Digest};
use crate::process::contract::{MetaValue, Metadata};
use crate::system::memory::MemorySystem;
use crate::system::{Bytes, Disk};

use super::codec;
use super::emit::{self, Durability, Emitted, Options, OwnedFile, Target};
use super::layout::layout;
use super::plan::{Codec, Layout, Plan, PlanEntry, PlanPayload};
use super::read::{Entry, PackReader};
use super::verify::{self, Report};
use super::write::{Fetched, Payloads};

pub(super) const OUT: &str = "/build/dev";
const LAYOUTS: [Layout; 2] = [Layout::Single, Layout::Split];

/// A plan and the bytes that it is about.
#[derive(Clone)]
pub(super) struct Sample {
    pub plan: Plan,
    pub raw: BTreeMap<Digest, Bytes>,
    stored: BTreeMap<Digest, Bytes>,
}

impl Sample {
    pub fn new(layout: Layout) -> Self {
        Self { plan: Plan { layout, entries: Vec::new() }, raw: BTreeMap::new(), stored: BTreeMap::new() }
    }

    /// Puts the asset `id` into the plan, or changes the one that is there.
    pub fn set(&mut self, id: u32, payloads: &[(&str, Codec, &[u8])]) -> &mut PlanEntry {
        let payloads = payloads.iter().map(|(role, codec, raw)| self.payload(role, *codec, raw)).collect();
        let entries = &mut self.plan.entries;
        let at = match entries.binary_search_by_key(&AssetId(id), |it| it.id) {
            Ok(at) => at,
            Err(at) => {
                entries.insert(at, entry(id).into());
                at
            }
        };
        let entry = Arc::make_mut(&mut entries[at]);
        entry.payloads = payloads;
        entry
    }

    fn payload(&mut self, role: &str, codec: Codec, raw: &[u8]) -> PlanPayload {
        let (codec, stored) = codec::encode(codec, raw);
        let stored: Bytes = stored.unwrap_or_else(|| raw.to_vec()).into();
        let it = PlanPayload {
            role: role.to_owned(),
            digest: Digest::of(raw),
            raw_len: raw.len() as u64,
            stored_digest: Digest::of(&stored),
            stored_len: stored.len() as u64,
            codec,
        };
        self.raw.insert(it.digest, raw.into());
        self.stored.insert(it.stored_digest, stored);
        it
    }

    /// One of everything.
    pub fn of_everything(layout: Layout) -> Self {
        let mut sample = Self::new(layout);
        let text = b"the quick brown fox jumps over the lazy dog. ".repeat(20);
        let large: Vec<u8> = (0..70_000_u32).flat_map(u32::to_le_bytes).collect();
        sample.set(1, &[("", Codec::None, b"hello")]);
        let hero = sample.set(2, &[("", Codec::Zstd, &text), ("preview", Codec::None, b"tiny")]);
        hero.name = "sprites/h\u{e9}ros.png".into();
        hero.kind = "image".into();
        hero.preload = true;
        hero.tags = vec!["boss".to_owned(), "level 1".to_owned()];
        hero.metadata = Metadata::from([
            ("animated".to_owned(), MetaValue::Flag(true)),
            ("credit".to_owned(), MetaValue::Text("\u{e9}tude \"1\"".to_owned())),
            ("width".to_owned(), MetaValue::Integer(-640)),
        ]);
        hero.references = vec![AssetId(1), AssetId(700)];
        sample.set(3, &[("", Codec::Lz4, &text)]);
        sample.set(127, &[("", Codec::None, b"hello")]);
        sample.set(128, &[("", Codec::None, b"")]).preload = true;
        sample.set(700, &[("", Codec::None, &large), ("lod1", Codec::Zstd, &text), ("lod2", Codec::None, b"tiny")]);
        sample
    }

    pub fn emit(&self, disk: &dyn Disk, durability: Durability) -> Result<Emitted> {
        self.emit_trusting(disk, durability, &[])
    }

    /// Emits, taking the word of an earlier emission for files whose stamps did not move.
    pub fn emit_trusting(&self, disk: &dyn Disk, durability: Durability, known: &[OwnedFile]) -> Result<Emitted> {
        let laid = layout(&self.plan);
        let extra = vec![("main.manifest.json".to_owned(), laid.content_digest().to_hex().into_bytes())];
        let options = Options { durability, extra, previous: &[], trusted: &|it| known.contains(it) };
        emit::emit(target(disk), &laid, self, &options)
    }

    /// Emits what was laid out, trusting no file that is there.
    pub fn emit_laid(&self, disk: &dyn Disk, laid: &super::layout::Laid<'_>) -> Result<Emitted> {
        let options =
            Options { durability: Durability::Unsynced, extra: Vec::new(), previous: &[], trusted: &|_| false };
        emit::emit(target(disk), laid, self, &options)
    }

    /// Emits onto a new disk.
    pub fn emitted(&self) -> MemorySystem {
        let disk = MemorySystem::new();
        self.emit(&disk, Durability::Unsynced).expect("nothing is in the way");
        disk
    }

    /// Returns the root file's bytes, and the parts by name.
    pub fn packed(&self) -> (Bytes, BTreeMap<String, Bytes>) {
        let (mut root, mut parts) = (None, BTreeMap::new());
        for (path, bytes) in self.emitted().snapshot() {
            let name = path.file_name().expect("a file").to_str().expect("a name of ours").to_owned();
            match path.extension().and_then(|it| it.to_str()) {
                Some("pack") => root = Some(bytes.into()),
                Some("part" | "blob") => _ = parts.insert(name, bytes.into()),
                _ => {}
            }
        }
        (root.expect("a root"), parts)
    }
}

impl Payloads for Sample {
    fn stored(&self, payload: &PlanPayload, entry: &PlanEntry) -> Result<Fetched> {
        let found = self.stored.get(&payload.stored_digest).cloned().map(Fetched::Unverified);
        found.ok_or_else(|| std::io::ErrorKind::NotFound.into()).context("read", Path::new(&*entry.name))
    }
}

pub(super) fn target(disk: &dyn Disk) -> Target<'_> {
    Target { disk, out_dir: Path::new(OUT), pack: "main" }
}

fn entry(id: u32) -> PlanEntry {
    PlanEntry {
        id: AssetId(id),
        uuid: AssetUuid::v8(Digest::of(&id.to_le_bytes())),
        name: format!("asset/{id}").into(),
        kind: "raw".into(),
        preload: false,
        tags: Vec::new(),
        metadata: Metadata::new(),
        references: Vec::new(),
        payloads: Vec::new(),
    }
}

/// Verifies the pack that lies on a disk.
pub(super) fn verify_disk(disk: &MemorySystem) -> Report {
    match PackReader::open_at(disk, &Path::new(OUT).join("main.pack")) {
        Ok(reader) => verify::verify_reader(&reader, verify::DEFAULT_LIMIT),
        Err(error) => Report { problems: vec![error.into()], ..Report::default() },
    }
}

/// Returns what the plan says of an entry, written as the reader would say it.
fn as_read(reader: &PackReader<'_>, entry: &Entry) -> PlanEntry {
    let payloads = entry.payloads.iter().map(|it| {
        let raw = reader.payload_bytes(it, u64::MAX).expect("a payload that verifies");
        assert_eq!((raw.len() as u64, Digest::of(&raw)), (it.raw_len, it.digest));
        PlanPayload {
            role: it.role.clone(),
            digest: it.digest,
            raw_len: it.raw_len,
            stored_digest: it.stored_digest,
            stored_len: it.stored_len,
            codec: it.codec,
        }
    });
    PlanEntry {
        id: entry.id,
        uuid: entry.uuid,
        name: entry.name.clone().into(),
        kind: entry.kind.clone().into(),
        preload: entry.preload,
        tags: entry.tags.clone(),
        metadata: entry.metadata.clone(),
        references: entry.references.clone(),
        payloads: payloads.collect(),
    }
}
