//! Checks a pack against every rule of the format and says all that is wrong with it.
//!
//! Knows the reader and the format. Where a rule fixes bytes (offsets, padding, orders, lengths), it is
//! derived again from the rest and compared: a file without a problem is, byte for byte, the one that its
//! content digest stands for.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rayon::prelude::*;

use crate::model::{AssetId, AssetUuid, Digest};
use crate::threads::spread;

use super::codec;
use super::format::{self, EntryRow, Flaw, Header, NameRow, PartKind, PartRow, PayloadRow, Record, Role, Section};
use super::plan::Codec;
use super::read::{self, Container, PackReader, Part, ReadError};
use super::source::{PartStore, Source};

/// The longest raw payload that is decompressed to be checked, unless the caller says otherwise: 4 GiB.
pub const DEFAULT_LIMIT: u64 = 4 << 30;
/// Payloads that are stored as they are, are read in pieces of this many bytes.
const CHUNK: u64 = 1 << 20;

/// Something that is wrong with a pack.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Problem {
    /// The file: `the pack`, or a name in its directory of parts.
    pub file: String,
    /// What is wrong, in one sentence without a final period.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.message)
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        let message = match &error {
            ReadError::Io { source, .. } => format!("cannot be read: {source}"),
            ReadError::NotAPack { .. } => "is not a pack".to_owned(),
            ReadError::Version { version, .. } => format!("has the unknown format version {version}"),
            ReadError::Damaged { problem, .. } => problem.clone(),
            ReadError::TooLong { .. } | ReadError::Replaced => error.to_string(),
        };
        let file = match error {
            ReadError::Io { file, .. }
            | ReadError::NotAPack { file }
            | ReadError::Version { file, .. }
            | ReadError::Damaged { file, .. } => file,
            ReadError::TooLong { .. } | ReadError::Replaced => "the pack".to_owned(),
        };
        Self { file, message }
    }
}

/// What a verification came to.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Report {
    /// The digest that stands for the pack; `None` when it could not even be opened.
    pub content_digest: Option<Digest>,
    /// How many entries were seen.
    pub entries: u64,
    /// How many distinct stored payloads were checked.
    pub payloads: u64,
    /// How many stored bytes these have.
    pub stored_bytes: u64,
    /// All that is wrong, file by file. A pack is sound when this is empty.
    pub problems: Vec<Problem>,
}

impl Report {
    /// Returns whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    fn problem(&mut self, file: &str, message: impl Into<String>) {
        self.problems.push(Problem { file: file.to_owned(), message: message.into() });
    }

    fn count(&mut self, stored: &[StoredBytes]) {
        self.payloads += stored.len() as u64;
        self.stored_bytes += stored.iter().map(|it| it.len).fold(0, u64::saturating_add);
    }

    fn add(&mut self, other: Report) {
        self.entries += other.entries;
        self.payloads += other.payloads;
        self.stored_bytes = self.stored_bytes.saturating_add(other.stored_bytes);
        self.problems.extend(other.problems);
    }
}

/// Opens a pack and checks all of it. Compressed payloads of more than `limit` raw bytes are not
/// decompressed but reported.
pub fn verify<'a>(root: impl Source + 'a, store: impl PartStore + 'a, limit: u64) -> Report {
    match PackReader::open(root, store) {
        Ok(reader) => verify_reader(&reader, limit),
        Err(error) => Report { problems: vec![error.into()], ..Report::default() },
    }
}

/// Checks all of an open pack, reading everything again.
pub fn verify_reader(reader: &PackReader<'_>, limit: u64) -> Report {
    let mut report = Report { content_digest: Some(reader.content_digest()), ..Report::default() };
    let root = check_file(&reader.root, limit, &mut report);
    let Some(names) = &reader.names else {
        check_identities(&root.file, &root.entries, &root.names, &mut report);
        return report;
    };
    check_part_list(reader, names, &mut report);
    let parts: Vec<(Found, Report)> =
        spread(|| reader.parts.par_iter().map(|part| check_part(part, &*reader.store, limit)).collect());
    let (mut entries, mut blobs) = (Vec::new(), Vec::new());
    for (found, checked) in parts {
        entries.extend(found.entries);
        blobs.extend(found.payloads.into_iter().filter(|it| it.row.offset.is_none()));
        report.add(checked);
    }
    let (found, checked) = check_part(names, &*reader.store, limit);
    report.add(checked);
    check_identities(&found.file, &entries, &found.names, &mut report);
    check_blobs(&blobs, &*reader.store, limit, &mut report);
    report
}

/// Returns whether `source` is, byte for byte, the container that `digest` stands for. Nothing is
/// decompressed: stored bytes are right or they are not.
pub fn is_container(source: impl Source, digest: Digest) -> bool {
    match Container::open(String::new(), Box::new(source)) {
        Ok(container) if container.header.digest == digest => {
            let found = check_tables(&container);
            found.problems.is_empty()
                && gaps_are_zero(&container, &found)
                && spread(|| {
                    stored_once(&found.payloads).par_iter().all(|it| it.check_digest(&*container.source).is_ok())
                })
        }
        _ => false,
    }
}

/// Returns whether `source` holds exactly the bytes that have this plain digest.
pub fn is_plain(source: &impl Source, digest: Digest) -> bool {
    source.size().is_ok_and(|len| digest_of(source, 0, len).is_ok_and(|it| it == digest))
}

/// What was found in the tables of one file.
#[derive(Default)]
struct Found {
    file: String,
    entries: Vec<(AssetId, AssetUuid)>,
    payloads: Vec<FoundPayload>,
    names: Vec<AssetId>,
    problems: Vec<Problem>,
}

/// A payload row and the entry that it belongs to.
#[derive(Clone, Copy)]
struct FoundPayload {
    owner: AssetId,
    preload: bool,
    row: PayloadRow,
}

impl Found {
    fn problem(&mut self, message: impl Into<String>) {
        self.problems.push(Problem { file: self.file.clone(), message: message.into() });
    }

    fn expect(&mut self, holds: bool, message: &str) {
        if !holds {
            self.problem(message);
        }
    }

    /// Returns the rows of a table; those that cannot be parsed are problems.
    fn rows<T>(&mut self, table: &[u8], row_len: usize, parse: impl Fn(&[u8]) -> Result<T, Flaw>) -> Vec<T> {
        let mut rows = Vec::new();
        for row in table.chunks_exact(row_len) {
            match parse(row) {
                Ok(row) => rows.push(row),
                Err(flaw) => self.problems.push(read::flawed(&self.file, flaw).into()),
            }
        }
        rows
    }
}

/// Checks one file, the payloads in it included, and counts and reports what was found.
fn check_file(container: &Container<'_>, limit: u64, report: &mut Report) -> Found {
    let mut found = check_tables(container);
    report.problems.append(&mut found.problems);
    if !gaps_are_zero(container, &found) {
        report.problem(&found.file, "bytes between payloads are not zero");
    }
    let all = stored_once(&found.payloads);
    let problems = all.par_iter().map(|it| it.check(&*container.source, limit).err());
    let problems: Vec<Option<String>> = spread(|| problems.collect());
    report.count(&all);
    for message in problems.into_iter().flatten() {
        report.problem(&found.file, message);
    }
    report.entries += found.entries.len() as u64;
    found
}

/// Checks a file of a split pack against the root's word for it.
fn check_part(part: &Part, store: &dyn PartStore, limit: u64) -> (Found, Report) {
    let mut report = Report::default();
    let opened = part.open_unverified(store).and_then(|it| it.check_row(&part.row).map(|()| it));
    let container = match opened {
        Ok(container) => container,
        Err(error) => {
            report.problems.push(error.into());
            return (Found::default(), report);
        }
    };
    let found = check_file(&container, limit, &mut report);
    let ids: Vec<AssetId> = match part.row.role {
        Role::Names => found.names.clone(),
        _ => found.entries.iter().map(|it| it.0).collect(),
    };
    let ends = (ids.first().copied().unwrap_or(AssetId(0)), ids.last().copied().unwrap_or(AssetId(0)));
    if ends != (part.row.first, part.row.last) {
        report.problem(&found.file, "its ids are not those that the root says");
    }
    (found, report)
}

/// Checks that the parts are cut where the rule cuts them.
fn check_part_list(reader: &PackReader<'_>, names: &Part, report: &mut Report) {
    let rows: Vec<&PartRow> = reader.parts.iter().map(|it| &it.row).collect();
    let first = rows.first().map_or(AssetId(0), |it| it.first);
    let last = rows.last().map_or(AssetId(0), |it| it.last);
    let group = |id: AssetId| id.0 >> format::part_shift(last);
    let cut_right = rows.iter().all(|it| group(it.first) == group(it.last))
        && rows.windows(2).all(|it| group(it[0].last) < group(it[1].first));
    let file = &reader.root.label;
    if !cut_right {
        report.problem(file, "its parts are not cut where they should be");
    }
    if (names.row.first, names.row.last) != (first, last) || u64::from(names.row.entry_count) != reader.entry_count() {
        report.problem(file, "the names are not those of its entries");
    }
}

/// Checks that every entry has a name and an identity of its own.
fn check_identities(file: &str, entries: &[(AssetId, AssetUuid)], names: &[AssetId], report: &mut Report) {
    if !entries.iter().map(|it| it.0).eq(names.iter().copied()) {
        report.problem(file, "the names are not those of the entries");
    }
    let mut seen = BTreeSet::new();
    for (id, uuid) in entries {
        if !seen.insert(uuid) {
            report.problem(file, format!("the asset {id} has the identity of another: {uuid}"));
        }
    }
}

/// Checks all that a file says before its data.
fn check_tables(container: &Container<'_>) -> Found {
    let mut found = Found { file: container.label.clone(), ..Found::default() };
    let tables = match container.read_tables() {
        Ok(tables) => tables,
        Err(error) => {
            found.problems.push(error.into());
            return found;
        }
    };
    let header = &container.header;
    found.expect(format::content_digest(&tables) == header.digest, "its tables do not have the content digest");
    found.expect(padding_is_zero(header, &tables), "bytes between its tables are not zero");
    if header.role.has_entries() {
        check_entries(&mut found, header, &tables);
        check_places(&mut found, header);
    }
    if header.role.has_names() {
        check_names(&mut found, header, &tables);
    }
    found
}

/// Returns the bytes of a section. The header was checked: they are there.
fn section<'t>(header: &Header, tables: &'t [u8], section: Section) -> &'t [u8] {
    let extent = header.section(section);
    let start = usize::try_from(extent.offset).unwrap_or(usize::MAX);
    let len = usize::try_from(extent.len).unwrap_or(usize::MAX);
    tables.get(start..).and_then(|it| it.get(..len)).unwrap_or_default()
}

fn padding_is_zero(header: &Header, tables: &[u8]) -> bool {
    Section::ALL.iter().all(|it| {
        let extent = header.section(*it);
        let end = usize::try_from(extent.offset + extent.len).unwrap_or(usize::MAX);
        let padding = tables.get(end..end.next_multiple_of(format::ALIGN as usize));
        padding.is_some_and(|it| it.iter().all(|byte| *byte == 0))
    })
}

fn check_entries(found: &mut Found, header: &Header, tables: &[u8]) {
    let rows = found.rows(section(header, tables, Section::Entries), EntryRow::LEN, EntryRow::parse);
    let payloads = found.rows(section(header, tables, Section::Payloads), PayloadRow::LEN, PayloadRow::parse);
    let records = section(header, tables, Section::Records);
    found.expect(rows.windows(2).all(|it| it[0].id < it[1].id), "the entries are not ascending by id");

    let mut records_left = records;
    let mut payloads_left = payloads.as_slice();
    for row in &rows {
        let id = row.id;
        let record_in_order = row.record_offset == (records.len() - records_left.len()) as u64;
        let payloads_in_order = u64::from(row.first_payload) == (payloads.len() - payloads_left.len()) as u64;
        let record = split_off(&mut records_left, row.record_len);
        let own = split_off(&mut payloads_left, row.payload_count);
        let (Some(record), Some(own), true, true) = (record, own, record_in_order, payloads_in_order) else {
            found.problem(format!("what the asset {id} has does not follow on what the one before it has"));
            return;
        };
        found.expect(!own.is_empty(), &format!("the asset {id} has no payload"));
        if let Err(flaw) = Record::parse(record, row.payload_count) {
            found.problems.push(read::flawed(&found.file, flaw).into());
        }
        for payload in own {
            if let Err(flaw) = payload.check() {
                found.problems.push(read::flawed(&found.file, flaw).into());
            }
        }
        found.payloads.extend(own.iter().map(|it| FoundPayload { owner: id, preload: row.preload, row: *it }));
        found.entries.push((id, row.uuid));
    }
    found.expect(records_left.is_empty() && payloads_left.is_empty(), "there are records or payloads of no entry");
}

/// Takes the first `n` items off a slice.
fn split_off<'s, T>(slice: &mut &'s [T], n: u32) -> Option<&'s [T]> {
    let (taken, rest) = slice.split_at_checked(usize::try_from(n).ok()?)?;
    *slice = rest;
    Some(taken)
}

/// Derives every payload's place again and compares.
fn check_places(found: &mut Found, header: &Header) {
    let mut places: BTreeMap<Digest, u64> = BTreeMap::new();
    let mut end = header.data_offset;
    let mut preload_end = end;
    let mut wrong = Vec::new();
    for preload in [true, false] {
        for it in found.payloads.iter().filter(|it| it.preload == preload) {
            let is_blob = header.role == Role::Part && it.row.stored_len >= format::BLOB_MIN;
            let expected = match places.get(&it.row.stored_digest) {
                _ if is_blob => None,
                Some(offset) => Some(*offset),
                None => {
                    let offset = format::align(end);
                    let next = offset.and_then(|it2| it2.checked_add(it.row.stored_len));
                    let (Some(offset), Some(next)) = (offset, next) else {
                        return found.problem("its payloads are longer than any file");
                    };
                    places.insert(it.row.stored_digest, offset);
                    end = next;
                    Some(offset)
                }
            };
            if it.row.offset != expected {
                wrong.push(it.owner);
            }
        }
        if preload {
            preload_end = end;
        }
    }
    for owner in wrong {
        found.problem(format!("a payload of the asset {owner} does not lie in its place"));
    }
    found.expect(header.file_len == end, "the file does not end with its last payload");
    found.expect(
        header.preload_len == preload_end - header.data_offset,
        "the bytes to preload are not as many as it says",
    );
}

fn check_names(found: &mut Found, header: &Header, tables: &[u8]) {
    let rows = found.rows(section(header, tables, Section::Names), NameRow::LEN, NameRow::parse);
    let text = section(header, tables, Section::NameText);
    found.expect(rows.windows(2).all(|it| it[0].id < it[1].id), "the names are not ascending by id");
    let mut text_left = text;
    let mut names = Vec::new();
    for row in &rows {
        let in_order = row.text_offset == (text.len() - text_left.len()) as u64;
        let Some(name) = split_off(&mut text_left, row.text_len).filter(|_| in_order) else {
            return found.problem("the names do not follow on each other");
        };
        found.expect(std::str::from_utf8(name).is_ok(), "a name is not UTF-8");
        names.push(name);
    }
    found.expect(text_left.is_empty(), "there is text of no name");
    let order = section(header, tables, Section::NameOrder).chunks_exact(4);
    let order = order.map(|it| u32::from_le_bytes([it[0], it[1], it[2], it[3]]));
    let sorted: Option<Vec<&[u8]>> = order.map(|it| names.get(usize::try_from(it).ok()?).copied()).collect();
    // As many as there are names, each greater than the one before: so each name is there once.
    let ascending = sorted.is_some_and(|it| it.windows(2).all(|it| it[0] < it[1]));
    found.expect(ascending, "the names are not in order, or not unique");
    found.names = rows.iter().map(|it| it.id).collect();
}

/// Returns whether the bytes between the payloads of a file are zero. Gaps of [`format::ALIGN`] bytes and
/// more are misplaced payloads, and reported as such.
fn gaps_are_zero(container: &Container<'_>, found: &Found) -> bool {
    let mut end = container.header.data_offset;
    stored_once(&found.payloads).iter().all(|it| {
        let gap = it.offset.saturating_sub(end);
        let zero = gap >= format::ALIGN
            || gap == 0
            || container.read_owned(end, gap).is_ok_and(|it| it.iter().all(|byte| *byte == 0));
        end = end.max(it.offset.saturating_add(it.len));
        zero
    })
}

/// Some stored bytes, and every payload that is said to be them.
struct StoredBytes {
    offset: u64,
    len: u64,
    digest: Digest,
    payloads: Vec<FoundPayload>,
}

/// Returns the distinct stored payloads, ascending by offset. A blob's offset is zero.
fn stored_once(payloads: &[FoundPayload]) -> Vec<StoredBytes> {
    let mut groups: BTreeMap<(u64, u64, Digest), Vec<FoundPayload>> = BTreeMap::new();
    for it in payloads {
        let Some(offset) = it.row.offset else { continue };
        groups.entry((offset, it.row.stored_len, it.row.stored_digest)).or_default().push(*it);
    }
    let groups = groups.into_iter();
    groups.map(|((offset, len, digest), payloads)| StoredBytes { offset, len, digest, payloads }).collect()
}

impl StoredBytes {
    /// Checks the stored bytes, and the raw bytes of each payload that is made of them.
    fn check(&self, source: &dyn Source, limit: u64) -> Result<(), String> {
        let compressed = self.payloads.iter().filter(|it| it.row.codec != Codec::None);
        let mut distinct: Vec<&FoundPayload> = compressed.collect();
        distinct.sort_by_key(|it| (it.row.codec, it.row.digest, it.row.raw_len));
        distinct.dedup_by_key(|it| (it.row.codec, it.row.digest, it.row.raw_len));
        if distinct.is_empty() {
            return self.check_digest(source);
        }
        if self.len > limit {
            return Err(self.say(format_args!("is too long to be checked: {} bytes", self.len)));
        }
        let stored = self.read(source)?;
        if Digest::of(&stored) != self.digest {
            return Err(self.say(format_args!("does not have the digest of its stored bytes")));
        }
        distinct.iter().try_for_each(|it| self.check_raw(&stored, &it.row, limit))
    }

    fn check_raw(&self, stored: &[u8], row: &PayloadRow, limit: u64) -> Result<(), String> {
        if row.raw_len > limit {
            return Err(self.say(format_args!("is too long to be checked: {} raw bytes", row.raw_len)));
        }
        match codec::raw_digest(row.codec, stored, row.raw_len) {
            Ok(digest) if digest == row.digest => Ok(()),
            Ok(_) => Err(self.say(format_args!("does not have the digest of its raw bytes"))),
            Err(error) => Err(self.say(format_args!("cannot be decompressed: {error}"))),
        }
    }

    fn check_digest(&self, source: &dyn Source) -> Result<(), String> {
        match digest_of(source, self.offset, self.len) {
            Ok(digest) if digest == self.digest => Ok(()),
            Ok(_) => Err(self.say(format_args!("does not have the digest of its stored bytes"))),
            Err(error) => Err(self.say(format_args!("cannot be read: {error}"))),
        }
    }

    fn read(&self, source: &dyn Source) -> Result<Vec<u8>, String> {
        read::read_range(source, self.offset, self.len)
            .map_err(|error| self.say(format_args!("cannot be read: {error}")))
    }

    fn say(&self, what: fmt::Arguments<'_>) -> String {
        let owner = self.payloads.first().map_or(AssetId(0), |it| it.owner);
        format!("a payload of the asset {owner} {what}")
    }
}

/// Returns the digest of a stretch of bytes, reading it in pieces.
fn digest_of(source: &(impl Source + ?Sized), offset: u64, len: u64) -> std::io::Result<Digest> {
    let end = offset.checked_add(len).ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let mut buffer = vec![0; len.min(CHUNK) as usize];
    let mut hasher = blake3::Hasher::new();
    let mut at = offset;
    while at < end {
        let n = (end - at).min(CHUNK);
        let piece = &mut buffer[..n as usize];
        source.read_exact_at(piece, at)?;
        hasher.update(piece);
        at += n;
    }
    Ok(Digest(*hasher.finalize().as_bytes()))
}

/// Checks payloads that are files of their own, each file once.
fn check_blobs(blobs: &[FoundPayload], store: &dyn PartStore, limit: u64, report: &mut Report) {
    let as_files = blobs.iter().map(|it| FoundPayload { row: PayloadRow { offset: Some(0), ..it.row }, ..*it });
    let all = stored_once(&as_files.collect::<Vec<_>>());
    let check = |it: &StoredBytes| -> Result<(), String> {
        let cannot = |error| it.say(format_args!("cannot be read: {error}"));
        let source = store.open(PartKind::Blob, it.digest).map_err(cannot)?;
        match source.size() {
            Ok(len) if len == it.len => it.check(&*source, limit),
            Ok(_) => Err(it.say(format_args!("is not as long as its stored bytes"))),
            Err(error) => Err(cannot(error)),
        }
    };
    let problems: Vec<Option<String>> = spread(|| all.par_iter().map(|it| check(it).err()).collect());
    report.count(&all);
    for (it, message) in all.iter().zip(problems) {
        if let Some(message) = message {
            report.problem(&PartKind::Blob.file_name(it.digest), message);
        }
    }
}
