//! From a plan to the exact tables of every file of the pack, without looking at a payload.
//!
//! Knows nothing of files. All that a file of a pack will be follows from what is in here: its tables byte
//! for byte, its digest (and with it its name), and where each stored payload goes. So emission can skip
//! every file that is there already before anything is fetched.

use std::borrow::Cow;
use std::sync::Arc;

use rayon::prelude::*;

use crate::model::{AssetId, Digest};
use crate::threads::spread;

use super::format::{self, EntryRow, Header, NameRow, PartKind, PartRow, PayloadRow, Role};
use super::plan::{Layout, Plan, PlanEntry, PlanPayload};

/// A stored payload and the entry that brings it in.
#[derive(Clone, Copy, Debug)]
pub struct Stored<'a> {
    /// The first entry that has it.
    pub entry: &'a PlanEntry,
    /// What is stored.
    pub payload: &'a PlanPayload,
}

/// A stored payload's place in a file.
#[derive(Clone, Copy, Debug)]
pub struct Placed<'a> {
    /// From the file's start, in bytes.
    pub offset: u64,
    /// What lies there.
    pub stored: Stored<'a>,
}

/// One file of a pack as it must become.
#[derive(Debug)]
pub struct LaidFile<'a> {
    /// What it is to its pack.
    pub role: Role,
    /// Content digest.
    pub digest: Digest,
    /// Length in bytes, data included.
    pub len: u64,
    /// All bytes before the data.
    pub tables: Vec<u8>,
    /// The data: each distinct stored payload once, by ascending offset. Between them lies less than
    /// [`format::ALIGN`] bytes of zeros, after them nothing.
    pub placed: Vec<Placed<'a>>,
}

/// A pack, laid out.
#[derive(Debug)]
pub struct Laid<'a> {
    /// The file `<pack>.pack`.
    pub root: LaidFile<'a>,
    /// The parts by id, then the names; none in the single layout.
    pub parts: Vec<LaidFile<'a>>,
    /// Payloads that are files of their own, each once, ascending by stored digest.
    pub blobs: Vec<Stored<'a>>,
    /// Files that lie there already and of which nothing else is known: none in a plan that was laid out whole.
    pub kept: Vec<Kept>,
}

/// A file of a pack's directory of parts that stays as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Kept {
    /// What it is.
    pub kind: PartKind,
    /// The digest that names it.
    pub digest: Digest,
    /// Length in bytes.
    pub len: u64,
}

impl Laid<'_> {
    /// Returns the digest that stands for the whole pack.
    pub fn content_digest(&self) -> Digest {
        self.root.digest
    }
}

/// Lays a plan out.
///
/// # Panics
///
/// When the plan breaks its own rules: ids not ascending, or sizes that no `u64` can add up.
pub fn layout(plan: &Plan) -> Laid<'_> {
    let ascending = plan.entries.windows(2).all(|it| it[0].id < it[1].id);
    assert!(ascending, "BUG: the entries of a plan are not ascending by id");
    match plan.layout {
        Layout::Single => {
            Laid { root: lay_single(&plan.entries), parts: Vec::new(), blobs: Vec::new(), kept: Vec::new() }
        }
        Layout::Split => lay_split(&plan.entries),
    }
}

fn lay_single(entries: &[Arc<PlanEntry>]) -> LaidFile<'_> {
    let (tables, names) =
        spread(|| rayon::join(|| EntryTables::of(entries, u64::MAX), || NameTables::of(&names_of(entries))));
    finish(Role::Single, entries.len() as u64, Some(tables), Some(names), Vec::new())
}

fn lay_split(entries: &[Arc<PlanEntry>]) -> Laid<'_> {
    let shift = format::part_shift(entries.last().map_or(AssetId(0), |it| it.id));
    let groups: Vec<&[Arc<PlanEntry>]> = entries.chunk_by(|a, b| a.id.0 >> shift == b.id.0 >> shift).collect();
    let (mut parts, names) = spread(|| {
        rayon::join(|| groups.par_iter().map(|it| lay_part(it)).collect::<Vec<_>>(), || lay_names(&names_of(entries)))
    });
    parts.push(names);
    let rows: Vec<PartRow> = parts
        .iter()
        .zip(groups.iter().copied().chain([entries]))
        .map(|(part, entries)| part_row(part, entries))
        .collect();
    let root = lay_root(&rows, entries.len() as u64);
    Laid { root, parts, blobs: blobs(entries), kept: Vec::new() }
}

/// Lays the root of a split pack out, which lists the parts and the names.
pub(super) fn lay_root<'a>(rows: &[PartRow], entry_count: u64) -> LaidFile<'a> {
    let mut list = Vec::with_capacity(rows.len() * PartRow::LEN);
    rows.iter().for_each(|it| it.write(&mut list));
    finish(Role::Root, entry_count, None, None, list)
}

/// Lays the names of all entries out, given by id.
pub(super) fn lay_names<'a>(names: &[(AssetId, &str)]) -> LaidFile<'a> {
    finish(Role::Names, names.len() as u64, None, Some(NameTables::of(names)), Vec::new())
}

fn names_of(entries: &[Arc<PlanEntry>]) -> Vec<(AssetId, &str)> {
    entries.iter().map(|it| (it.id, &*it.name)).collect()
}

/// Lays the part of these entries out.
pub(super) fn lay_part(entries: &[Arc<PlanEntry>]) -> LaidFile<'_> {
    finish(Role::Part, entries.len() as u64, Some(EntryTables::of(entries, format::BLOB_MIN)), None, Vec::new())
}

fn part_row(part: &LaidFile<'_>, entries: &[Arc<PlanEntry>]) -> PartRow {
    PartRow {
        digest: part.digest,
        file_len: part.len,
        first: entries.first().map_or(AssetId(0), |it| it.id),
        last: entries.last().map_or(AssetId(0), |it| it.id),
        entry_count: as_u32(entries.len()),
        role: part.role,
    }
}

fn blobs(entries: &[Arc<PlanEntry>]) -> Vec<Stored<'_>> {
    let all = entries.iter().flat_map(|entry| entry.payloads.iter().map(move |payload| Stored { entry, payload }));
    let mut blobs: Vec<Stored<'_>> = all.filter(|it| it.payload.stored_len >= format::BLOB_MIN).collect();
    // Stable, so that the entry that brings a blob in is the first.
    blobs.sort_by_key(|it| it.payload.stored_digest);
    blobs.dedup_by_key(|it| it.payload.stored_digest);
    blobs
}

/// The sections of a file that holds entries. Offsets of payloads still count from the start of the data.
struct EntryTables<'a> {
    entries: Vec<u8>,
    payloads: Vec<PayloadRow>,
    records: Vec<u8>,
    placed: Vec<Placed<'a>>,
    preload_len: u64,
    data_len: u64,
}

impl<'a> EntryTables<'a> {
    /// Builds the sections of `entries`, in which payloads of `blob_min` stored bytes and more have no place.
    fn of(entries: &'a [Arc<PlanEntry>], blob_min: u64) -> Self {
        let mut rows = Vec::with_capacity(entries.len() * EntryRow::LEN);
        let mut records = Vec::with_capacity(entries.len() * 48);
        let mut stored = Vec::with_capacity(entries.len());
        for entry in entries {
            let first = stored.len();
            stored.extend(entry.payloads.iter().map(|payload| Stored { entry, payload }));
            stored[first..].sort_by(|a, b| a.payload.role.cmp(&b.payload.role));
            let record_offset = records.len();
            write_record(&mut records, entry, &stored[first..]);
            let row = EntryRow {
                id: entry.id,
                preload: entry.preload,
                uuid: entry.uuid,
                record_offset: record_offset as u64,
                record_len: as_u32(records.len() - record_offset),
                first_payload: as_u32(first),
                payload_count: as_u32(entry.payloads.len()),
            };
            row.write(&mut rows);
        }
        let mut places = Places::default();
        let offsets = places.place_all(&stored, blob_min);
        let payloads = stored.iter().zip(offsets).map(|(it, offset)| payload_row(it.payload, offset)).collect();
        let Places { placed, preload_len, end, .. } = places;
        Self { entries: rows, payloads, records, placed, preload_len, data_len: end }
    }
}

fn payload_row(payload: &PlanPayload, offset: Option<u64>) -> PayloadRow {
    PayloadRow {
        digest: payload.digest,
        stored_digest: payload.stored_digest,
        raw_len: payload.raw_len,
        stored_len: payload.stored_len,
        codec: payload.codec,
        offset,
    }
}

/// Appends what [`format::Record::parse`] reads.
fn write_record(out: &mut Vec<u8>, entry: &PlanEntry, payloads: &[Stored<'_>]) {
    format::put_text(out, &entry.kind);
    for it in payloads {
        format::put_text(out, &it.payload.role);
    }
    let tags = ascending(&entry.tags);
    format::put_count(out, tags.len());
    for tag in &*tags {
        format::put_text(out, tag);
    }
    format::put_metadata(out, &entry.metadata);
    let references = ascending(&entry.references);
    format::put_count(out, references.len());
    for reference in &*references {
        format::put_u32(out, reference.0);
    }
}

/// Returns `items` sorted and each once; a plan's are already, and then nothing is copied.
fn ascending<T: Ord + Clone>(items: &[T]) -> Cow<'_, [T]> {
    if items.windows(2).all(|it| it[0] < it[1]) {
        return Cow::Borrowed(items);
    }
    let mut items = items.to_vec();
    items.sort();
    items.dedup();
    Cow::Owned(items)
}

/// Gives stored payloads their places: those of preload entries first, then the others, each time in the
/// order of their rows; what is there already is not stored again.
#[derive(Default)]
struct Places<'a> {
    placed: Vec<Placed<'a>>,
    #[expect(clippy::disallowed_types, reason = "looked up only, never iterated")]
    by_digest: std::collections::HashMap<Digest, u64>,
    preload_len: u64,
    end: u64,
}

impl<'a> Places<'a> {
    /// Returns each payload's offset in the data, `None` for those of `blob_min` stored bytes and more.
    fn place_all(&mut self, stored: &[Stored<'a>], blob_min: u64) -> Vec<Option<u64>> {
        self.by_digest.reserve(stored.len());
        let mut offsets = vec![None; stored.len()];
        for preload in [true, false] {
            for (it, offset) in stored.iter().zip(&mut offsets) {
                if it.entry.preload == preload && it.payload.stored_len < blob_min {
                    *offset = Some(self.place(*it));
                }
            }
            if preload {
                self.preload_len = self.end;
            }
        }
        offsets
    }

    fn place(&mut self, stored: Stored<'a>) -> u64 {
        *self.by_digest.entry(stored.payload.stored_digest).or_insert_with(|| {
            let offset = format::align(self.end).expect("a pack is shorter than 16 EiB");
            self.end = offset.checked_add(stored.payload.stored_len).expect("a pack is shorter than 16 EiB");
            self.placed.push(Placed { offset, stored });
            offset
        })
    }
}

/// The sections of a file that holds names.
struct NameTables {
    rows: Vec<u8>,
    order: Vec<u8>,
    text: Vec<u8>,
}

impl NameTables {
    fn of(names: &[(AssetId, &str)]) -> Self {
        let mut rows = Vec::with_capacity(names.len() * NameRow::LEN);
        let mut text = Vec::with_capacity(names.iter().map(|it| it.1.len()).sum());
        for (id, name) in names {
            NameRow { id: *id, text_len: as_u32(name.len()), text_offset: text.len() as u64 }.write(&mut rows);
            text.extend_from_slice(name.as_bytes());
        }
        let mut sorted: Vec<(&str, u32)> = names.iter().enumerate().map(|(at, it)| (it.1, as_u32(at))).collect();
        spread(|| sorted.par_sort_unstable());
        let mut order = Vec::with_capacity(names.len() * 4);
        for (_, at) in sorted {
            format::put_u32(&mut order, at);
        }
        Self { rows, order, text }
    }
}

/// Puts the sections of a file together and seals them.
fn finish<'a>(
    role: Role,
    entry_count: u64,
    entries: Option<EntryTables<'a>>,
    names: Option<NameTables>,
    parts: Vec<u8>,
) -> LaidFile<'a> {
    let entries = entries.unwrap_or_else(|| EntryTables::of(&[], 0));
    let names = names.unwrap_or_else(|| NameTables::of(&[]));
    let payloads_len = entries.payloads.len() * PayloadRow::LEN;
    let (rows, order, text) = (names.rows, names.order, names.text);
    let lens =
        [entries.entries.len(), payloads_len, entries.records.len(), rows.len(), order.len(), text.len(), parts.len()];
    let mut header = Header::of_sections(role, entry_count, lens.map(|it| it as u64))
        .expect("tables that are in memory are shorter than 16 EiB");
    header.file_len = header.data_offset.checked_add(entries.data_len).expect("a pack is shorter than 16 EiB");
    header.preload_len = entries.preload_len;

    let mut tables = Vec::with_capacity(header.data_offset as usize);
    header.write(&mut tables);
    push_section(&mut tables, &entries.entries);
    for mut row in entries.payloads {
        row.offset = row.offset.map(|it| it + header.data_offset);
        row.write(&mut tables);
    }
    pad(&mut tables);
    for section in [&entries.records, &rows, &order, &text, &parts] {
        push_section(&mut tables, section);
    }
    debug_assert_eq!(tables.len() as u64, header.data_offset, "BUG: the sections are not where the header says");
    let digest = format::seal(&mut tables);
    let mut placed = entries.placed;
    for it in &mut placed {
        it.offset += header.data_offset;
    }
    LaidFile { role, digest, len: header.file_len, tables, placed }
}

fn push_section(tables: &mut Vec<u8>, section: &[u8]) {
    tables.extend_from_slice(section);
    pad(tables);
}

fn pad(tables: &mut Vec<u8>) {
    tables.resize(tables.len().next_multiple_of(format::ALIGN as usize), 0);
}

fn as_u32(n: usize) -> u32 {
    u32::try_from(n).expect("a pack has fewer than 4,294,967,296 entries, payloads and bytes in a record")
}
