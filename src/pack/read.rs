//! Reading packs: bytes in, entries and payloads out. Every input is taken to be hostile.
//!
//! Knows nothing of plans, emission or the cache. What is checked when:
//!
//! - [`PackReader::open`] checks the header and that every section lies within the file: O(1).
//! - In a split pack, the root (at most 33 KB) is checked against its own content digest on opening, and each
//!   further file against the digest that the root has for it when it is first needed.
//! - A single file is read as it is asked, each lookup O(log n): nothing can go wrong but the answer, and a
//!   payload is checked against the digests that the answer names. [`PackReader::verified`] checks all tables
//!   against the content digest first, once, and keeps them: then the answers are right too.
//! - [`verify`](super::verify) checks everything, with every rule of the format.
//!
//! Payloads are checked on every read: stored bytes, length and raw bytes.
//!
//! Files of a split pack are opened when they are first needed. When a build has replaced the pack meanwhile and swept
//! them, that is told as [`ReadError::Replaced`]: what was read until then is right, the rest is in no file.

use std::borrow::Cow;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::sync::OnceLock;

use crate::model::{AssetId, AssetUuid, Digest};
use crate::process::contract::Metadata;
use crate::system::System;

use super::codec;
use super::format::{
    self, EntryRow, Extent, Flaw, HEADER_LEN, Header, NameRow, PartKind, PartRow, PayloadRow, Record, Role, Section,
};
use super::plan::{Codec, Layout, PlanEntry, PlanPayload};
use super::source::{DirParts, FileSource, PartStore, Source};

/// Why a pack cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file of it could not be opened or read.
    #[error("cannot read {file}")]
    Io {
        /// The file: `the pack`, or a name in its directory of parts.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// Another pack took the name of this one while it was read, and a file of it is not there any more.
    #[error("the pack was replaced while it was open; open it again")]
    Replaced,
    /// The file does not begin like a pack.
    #[error("{file} is not a pack")]
    NotAPack {
        /// The file.
        file: String,
    },
    /// The file was written by a later version.
    #[error("{file} has format version {version}, and only version {} is known here", format::VERSION)]
    Version {
        /// The file.
        file: String,
        /// Its version.
        version: u32,
    },
    /// The file breaks a rule of the format, or its bytes do not have their digest.
    #[error("{file} is damaged: {problem}")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong.
        problem: String,
    },
    /// A payload is longer than the caller wants.
    #[error("a payload of {len} bytes is longer than the limit of {limit}")]
    TooLong {
        /// Its length.
        len: u64,
        /// What the caller said.
        limit: u64,
    },
}

type Result<T> = std::result::Result<T, ReadError>;

/// An entry as it was read.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// The order of the pack.
    pub id: AssetId,
    /// Identity.
    pub uuid: AssetUuid,
    /// The author's name for it.
    pub name: String,
    /// The name of the processor that made it.
    pub kind: String,
    /// Whether its payloads lie at the front.
    pub preload: bool,
    /// Sorted.
    pub tags: Vec<String>,
    /// Facts for runtimes and tools.
    pub metadata: Metadata,
    /// The assets it refers to, sorted.
    pub references: Vec<AssetId>,
    /// By role, sorted; the main payload has the empty role.
    pub payloads: Vec<PayloadRef>,
}

impl Entry {
    /// Returns the payload with this role.
    pub fn payload(&self, role: &str) -> Option<&PayloadRef> {
        self.payloads.iter().find(|it| it.role == role)
    }
}

/// A payload of an entry: enough to fetch it from the reader that gave it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PayloadRef {
    /// What it is to the asset.
    pub role: String,
    /// Digest of the raw bytes.
    pub digest: Digest,
    /// Length of the raw bytes.
    pub raw_len: u64,
    /// Digest of the bytes as stored.
    pub stored_digest: Digest,
    /// Length of the bytes as stored.
    pub stored_len: u64,
    /// How they are compressed.
    pub codec: Codec,
    place: Place,
}

impl PayloadRef {
    fn planned(self) -> PlanPayload {
        let Self { role, digest, raw_len, stored_digest, stored_len, codec, .. } = self;
        PlanPayload { role, digest, raw_len, stored_digest, stored_len, codec }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// In the file of this number (see [`PackReader::file`]), at this offset.
    In(usize, u64),
    /// In a file of its own.
    Blob,
}

/// One container file, its header checked.
pub(super) struct Container<'a> {
    pub(super) label: String,
    pub(super) source: Box<dyn Source + 'a>,
    pub(super) header: Header,
    /// All bytes before the data, once they were checked against the content digest.
    tables: Option<Vec<u8>>,
}

impl<'a> Container<'a> {
    /// Opens a container and checks its header.
    pub(super) fn open(label: String, source: Box<dyn Source + 'a>) -> Result<Self> {
        let read = || -> io::Result<(u64, [u8; HEADER_LEN])> {
            let len = source.size()?;
            let mut bytes = [0; HEADER_LEN];
            source.read_exact_at(&mut bytes, 0)?;
            Ok((len, bytes))
        };
        let (len, bytes) = match read() {
            Ok(it) => it,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(ReadError::NotAPack { file: label });
            }
            Err(source) => return Err(ReadError::Io { file: label, source }),
        };
        match Header::parse(&bytes, len) {
            Ok(header) => Ok(Self { label, source, header, tables: None }),
            Err(flaw) => Err(flawed(&label, flaw)),
        }
    }

    /// Reads all tables and checks them against the content digest; from then on they are in memory.
    fn verify_tables(&mut self) -> Result<()> {
        if self.tables.is_none() {
            let tables = self.read_tables()?;
            if format::content_digest(&tables) != self.header.digest {
                return Err(self.damaged("its tables do not have the content digest"));
            }
            self.tables = Some(tables);
        }
        Ok(())
    }

    /// Reads all bytes before the data, unchecked.
    pub(super) fn read_tables(&self) -> Result<Vec<u8>> {
        self.read_owned(0, self.header.data_offset)
    }

    /// Checks that this is the file that the root means.
    pub(super) fn check_row(&self, row: &PartRow) -> Result<()> {
        let header = &self.header;
        let same = header.digest == row.digest
            && header.role == row.role
            && header.file_len == row.file_len
            && header.entry_count == u64::from(row.entry_count);
        if same { Ok(()) } else { Err(self.damaged("it is not the file that the root means")) }
    }

    pub(super) fn damaged(&self, problem: impl Into<String>) -> ReadError {
        ReadError::Damaged { file: self.label.clone(), problem: problem.into() }
    }

    /// Reads `len` bytes at `offset`, which must lie within the file: nothing is allocated for bytes that
    /// are not there.
    pub(super) fn read_owned(&self, offset: u64, len: u64) -> Result<Vec<u8>> {
        if offset.checked_add(len).is_none_or(|end| end > self.header.file_len) {
            return Err(self.damaged("something lies outside of the file"));
        }
        read_range(&*self.source, offset, len).map_err(|source| ReadError::Io { file: self.label.clone(), source })
    }

    /// Reads `len` bytes at `at` of a section.
    fn read(&self, section: Section, at: u64, len: u64) -> Result<Cow<'_, [u8]>> {
        let Extent { offset, len: section_len } = self.header.section(section);
        let within = at.checked_add(len).is_some_and(|end| end <= section_len);
        if !within {
            return Err(self.damaged("something lies outside of its section"));
        }
        let Some(tables) = &self.tables else { return self.read_owned(offset + at, len).map(Cow::Owned) };
        let start = (offset + at) as usize;
        let bytes = tables.get(start..).and_then(|it| it.get(..len as usize));
        bytes.map(Cow::Borrowed).ok_or_else(|| self.damaged("something lies outside of its section"))
    }

    fn row<T>(
        &self,
        section: Section,
        index: u64,
        row_len: usize,
        parse: impl Fn(&[u8]) -> std::result::Result<T, Flaw>,
    ) -> Result<T> {
        let row_len = row_len as u64;
        let at = index.checked_mul(row_len).ok_or_else(|| self.damaged("something lies outside of its section"))?;
        let bytes = self.read(section, at, row_len)?;
        parse(&bytes).map_err(|flaw| flawed(&self.label, flaw))
    }

    fn entry_row(&self, index: u64) -> Result<EntryRow> {
        self.row(Section::Entries, index, EntryRow::LEN, EntryRow::parse)
    }

    fn name_row(&self, index: u64) -> Result<NameRow> {
        self.row(Section::Names, index, NameRow::LEN, NameRow::parse)
    }

    fn name_text(&self, row: &NameRow) -> Result<Cow<'_, [u8]>> {
        self.read(Section::NameText, row.text_offset, u64::from(row.text_len))
    }

    /// Returns the index of the entry `id`.
    fn find_entry(&self, id: AssetId) -> Result<Option<u64>> {
        binary_search(self.header.entry_count, |at| Ok(self.entry_row(at)?.id.cmp(&id)))
    }

    fn record(&self, row: &EntryRow) -> Result<Record> {
        let bytes = self.read(Section::Records, row.record_offset, u64::from(row.record_len))?;
        Record::parse(&bytes, row.payload_count).map_err(|flaw| flawed(&self.label, flaw))
    }

    /// Returns the payloads of an entry of this file, which has the number `file`.
    fn payloads(&self, file: usize, row: &EntryRow, roles: Vec<String>) -> Result<Vec<PayloadRef>> {
        let indices = u64::from(row.first_payload)..;
        let with_role = |(role, index)| {
            let it = self.row(Section::Payloads, index, PayloadRow::LEN, PayloadRow::parse)?;
            Ok(PayloadRef {
                role,
                digest: it.digest,
                raw_len: it.raw_len,
                stored_digest: it.stored_digest,
                stored_len: it.stored_len,
                codec: it.codec,
                place: it.offset.map_or(Place::Blob, |offset| Place::In(file, offset)),
            })
        };
        roles.into_iter().zip(indices).map(with_role).collect()
    }

    /// Returns the name of the asset `id`.
    fn name_of(&self, id: AssetId) -> Result<String> {
        let found = binary_search(self.header.entry_count, |at| Ok(self.name_row(at)?.id.cmp(&id)))?;
        let index = found.ok_or_else(|| self.damaged(format!("the asset {id} has no name")))?;
        let name = self.name_text(&self.name_row(index)?)?.into_owned();
        String::from_utf8(name).map_err(|_| self.damaged("a name is not UTF-8"))
    }

    /// Returns the asset with this name.
    fn find_name(&self, name: &str) -> Result<Option<AssetId>> {
        let nth = |at| -> Result<NameRow> {
            let index = self.row(Section::NameOrder, at, 4, |row| {
                row.first_chunk().map(|it| u32::from_le_bytes(*it)).ok_or(Flaw::Damaged("something ends too early"))
            })?;
            self.name_row(u64::from(index))
        };
        let found =
            binary_search(self.header.entry_count, |at| Ok((*self.name_text(&nth(at)?)?).cmp(name.as_bytes())))?;
        found.map(|at| Ok(nth(at)?.id)).transpose()
    }
}

/// Finds the index below `n` whose item compares equal.
fn binary_search(n: u64, cmp: impl Fn(u64) -> Result<std::cmp::Ordering>) -> Result<Option<u64>> {
    let (mut low, mut high) = (0, n);
    while low < high {
        let middle = low + (high - low) / 2;
        match cmp(middle)? {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Greater => high = middle,
            std::cmp::Ordering::Equal => return Ok(Some(middle)),
        }
    }
    Ok(None)
}

/// Reads bytes that are known to be there; a lack of memory is an error like any other.
pub(super) fn read_range(source: &dyn Source, offset: u64, len: u64) -> io::Result<Vec<u8>> {
    let len = usize::try_from(len).map_err(|_| io::ErrorKind::OutOfMemory)?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len).map_err(|_| io::ErrorKind::OutOfMemory)?;
    bytes.resize(len, 0);
    source.read_exact_at(&mut bytes, offset)?;
    Ok(bytes)
}

pub(super) fn flawed(file: &str, flaw: Flaw) -> ReadError {
    let file = file.to_owned();
    match flaw {
        Flaw::NotAPack => ReadError::NotAPack { file },
        Flaw::Version(version) => ReadError::Version { file, version },
        Flaw::Damaged(problem) => ReadError::Damaged { file, problem: problem.to_owned() },
    }
}

/// Names by id.
#[derive(Debug)]
pub(super) struct NameTable {
    /// All of them.
    pub text: String,
    /// Which part of the text is whose.
    pub places: Vec<(AssetId, Range<usize>)>,
}

/// A pack that is open for reading. May be used from several threads.
pub struct PackReader<'a> {
    pub(super) root: Container<'a>,
    pub(super) store: Box<dyn PartStore + 'a>,
    /// The part list of a split pack, the names left out.
    pub(super) parts: Vec<Part>,
    pub(super) names: Option<Part>,
}

/// A file of a split pack, opened when it is first needed.
pub(super) struct Part {
    pub(super) row: PartRow,
    opened: OnceLock<Container<'static>>,
}

impl Part {
    /// Opens the file without a look at anything but its header.
    pub(super) fn open_unverified(&self, store: &dyn PartStore) -> Result<Container<'static>> {
        let label = PartKind::Part.file_name(self.row.digest);
        match store.open(PartKind::Part, self.row.digest) {
            Ok(source) => Container::open(label, source),
            Err(source) => Err(not_opened(store, label, source)),
        }
    }

    fn get(&self, store: &dyn PartStore) -> Result<&Container<'static>> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let mut container = self.open_unverified(store)?;
        container.check_row(&self.row)?;
        container.verify_tables()?;
        Ok(self.opened.get_or_init(|| container))
    }
}

impl<'a> PackReader<'a> {
    /// Opens a pack by its file `<pack>.pack`, and those beside it if it is split.
    pub fn open(root: impl Source + 'a, store: impl PartStore + 'a) -> Result<Self> {
        let mut root = Container::open("the pack".to_owned(), Box::new(root))?;
        let (mut parts, mut names) = (Vec::new(), None);
        match root.header.role {
            Role::Single => {}
            Role::Root => {
                root.verify_tables()?;
                (parts, names) = Self::read_part_list(&root)?;
            }
            Role::Part | Role::Names => return Err(root.damaged("it is a part of a pack, not the pack")),
        }
        Ok(Self { root, store: Box::new(store), parts, names })
    }

    /// Opens the pack whose root file is at `path`, with the parts beside it.
    pub fn open_at(system: &'a dyn System, path: &Path) -> Result<Self> {
        let root = FileSource::open(system, path);
        let root = root.map_err(|source| ReadError::Io { file: "the pack".to_owned(), source })?;
        let parts = DirParts::beside_open(system, path, &root);
        Self::open(root, parts)
    }

    fn read_part_list(root: &Container<'a>) -> Result<(Vec<Part>, Option<Part>)> {
        let n_rows = root.header.section(Section::Parts).len / PartRow::LEN as u64;
        let mut parts = Vec::new();
        for index in 0..n_rows {
            let row = root.row(Section::Parts, index, PartRow::LEN, PartRow::parse)?;
            parts.push(Part { row, opened: OnceLock::new() });
        }
        let names = parts.pop();
        let names_last = names.as_ref().is_some_and(|it| it.row.role == Role::Names);
        if !names_last || parts.iter().any(|it| it.row.role != Role::Part) {
            return Err(root.damaged("the part list does not end with the names"));
        }
        let ascending = parts.iter().all(|it| it.row.first <= it.row.last)
            && parts.windows(2).all(|it| it[0].row.last < it[1].row.first);
        let total: u64 = parts.iter().map(|it| u64::from(it.row.entry_count)).sum();
        if !ascending || total != root.header.entry_count {
            return Err(root.damaged("the part list contradicts itself"));
        }
        Ok((parts, names))
    }

    /// Checks all tables of a single file against the content digest and keeps them in memory. Nothing to
    /// do for a split pack, whose files are checked as they are opened.
    pub fn verified(mut self) -> Result<Self> {
        self.root.verify_tables()?;
        Ok(self)
    }

    /// Returns the digest that stands for the whole pack, as the pack itself says it.
    pub fn content_digest(&self) -> Digest {
        self.root.header.digest
    }

    /// Returns how the pack is cut into files.
    pub fn layout(&self) -> Layout {
        if self.names.is_some() { Layout::Split } else { Layout::Single }
    }

    /// Returns how many entries the pack has.
    pub fn entry_count(&self) -> u64 {
        self.root.header.entry_count
    }

    /// Returns the entries in order of id; a file is opened when the first of its entries is asked for.
    pub fn entries(&self) -> impl Iterator<Item = Result<Entry>> + '_ {
        (0..self.n_files()).flat_map(move |file| {
            let opened = self.file(file).map(|it| it.header.entry_count);
            let (count, error) = match opened {
                Ok(count) => (count, None),
                Err(error) => (0, Some(Err(error))),
            };
            (0..count).map(move |index| self.entry(file, index)).chain(error)
        })
    }

    /// Returns the entry of the asset `id`.
    pub fn find_id(&self, id: AssetId) -> Result<Option<Entry>> {
        let Some(file) = self.file_of(id) else { return Ok(None) };
        let found = self.file(file)?.find_entry(id)?;
        found.map(|index| self.entry(file, index)).transpose()
    }

    /// Returns the entry with this name.
    pub fn find_name(&self, name: &str) -> Result<Option<Entry>> {
        let Some(id) = self.names()?.find_name(name)? else { return Ok(None) };
        let missing = || self.root.damaged(format!("the name `{name}` is given to an asset that is not there"));
        self.find_id(id)?.map(Some).ok_or_else(missing)
    }

    /// Returns the raw bytes of a payload of this pack, checked against both of its digests.
    ///
    /// # Errors
    ///
    /// [`ReadError::TooLong`] when they are more than `limit`: a small pack may hold large zeros.
    pub fn payload_bytes(&self, payload: &PayloadRef, limit: u64) -> Result<Vec<u8>> {
        if payload.raw_len > limit {
            return Err(ReadError::TooLong { len: payload.raw_len, limit });
        }
        let stored = self.stored_bytes(payload, limit)?;
        if payload.codec == Codec::None
            && payload.digest == payload.stored_digest
            && payload.raw_len == payload.stored_len
        {
            return Ok(stored);
        }
        let damaged = |problem: String| ReadError::Damaged { file: self.label_of(payload), problem };
        let raw = codec::decode(payload.codec, &stored, payload.raw_len).map_err(|it| damaged(it.to_string()))?;
        let right = Digest::of(&raw) == payload.digest;
        if right { Ok(raw) } else { Err(damaged("the raw bytes of a payload do not have their digest".to_owned())) }
    }

    /// Returns the bytes of a payload as they are stored, checked against their digest.
    ///
    /// # Errors
    ///
    /// [`ReadError::TooLong`] when they are more than `limit`.
    pub fn stored_bytes(&self, payload: &PayloadRef, limit: u64) -> Result<Vec<u8>> {
        if payload.stored_len > limit {
            return Err(ReadError::TooLong { len: payload.stored_len, limit });
        }
        let stored = match payload.place {
            Place::In(file, offset) => self.file(file)?.read_owned(offset, payload.stored_len)?,
            Place::Blob => read_blob(&*self.store, payload.stored_digest, payload.stored_len)?,
        };
        if Digest::of(&stored) == payload.stored_digest {
            return Ok(stored);
        }
        let problem = "the stored bytes of a payload do not have their digest".to_owned();
        Err(ReadError::Damaged { file: self.label_of(payload), problem })
    }

    fn label_of(&self, payload: &PayloadRef) -> String {
        match payload.place {
            Place::In(file, _) => {
                self.parts.get(file).map_or(self.root.label.clone(), |it| PartKind::Part.file_name(it.row.digest))
            }
            Place::Blob => PartKind::Blob.file_name(payload.stored_digest),
        }
    }

    /// Returns how many files hold entries.
    fn n_files(&self) -> usize {
        if self.names.is_some() { self.parts.len() } else { 1 }
    }

    /// Returns the `number`th file that holds entries.
    fn file(&self, number: usize) -> Result<&Container<'a>> {
        if self.names.is_none() {
            return Ok(&self.root);
        }
        match self.parts.get(number) {
            Some(part) => part.get(&*self.store),
            None => Err(self.root.damaged("a payload is not of this pack")),
        }
    }

    /// Returns the number of the file that would hold the asset `id`.
    fn file_of(&self, id: AssetId) -> Option<usize> {
        if self.names.is_none() {
            return Some(0);
        }
        let number = self.parts.partition_point(|it| it.row.last < id);
        self.parts.get(number).filter(|it| it.row.first <= id).map(|_| number)
    }

    fn names(&self) -> Result<&Container<'a>> {
        match &self.names {
            Some(names) => names.get(&*self.store),
            None => Ok(&self.root),
        }
    }

    fn entry(&self, file: usize, index: u64) -> Result<Entry> {
        let container = self.file(file)?;
        let row = container.entry_row(index)?;
        let record = container.record(&row)?;
        Ok(Entry {
            id: row.id,
            uuid: row.uuid,
            name: self.names()?.name_of(row.id)?,
            kind: record.kind,
            preload: row.preload,
            tags: record.tags,
            metadata: record.metadata,
            references: record.references,
            payloads: container.payloads(file, &row, record.roles)?,
        })
    }

    /// Returns whether the pack has the asset `id`.
    pub(super) fn has(&self, id: AssetId) -> Result<bool> {
        let Some(file) = self.file_of(id) else { return Ok(false) };
        Ok(self.file(file)?.find_entry(id)?.is_some())
    }

    /// Returns the entries of one part as a plan had them, without their names: those are in another file.
    pub(super) fn planned_in(&self, part: usize) -> Result<Vec<PlanEntry>> {
        let container = self.file(part)?;
        let planned = |index| {
            let row = container.entry_row(index)?;
            let record = container.record(&row)?;
            let payloads = container.payloads(part, &row, record.roles)?;
            Ok(PlanEntry {
                id: row.id,
                uuid: row.uuid,
                name: "".into(),
                kind: record.kind.into(),
                preload: row.preload,
                tags: record.tags,
                metadata: record.metadata,
                references: record.references,
                payloads: payloads.into_iter().map(PayloadRef::planned).collect(),
            })
        };
        (0..container.header.entry_count).map(planned).collect()
    }

    /// Returns all names by id.
    pub(super) fn all_names(&self) -> Result<NameTable> {
        let names = self.names()?;
        let all = names.read(Section::NameText, 0, names.header.section(Section::NameText).len)?;
        let text = std::str::from_utf8(&all).map_err(|_| names.damaged("a name is not UTF-8"))?;
        let place = |index| {
            let row = names.name_row(index)?;
            let place =
                usize::try_from(row.text_offset).ok().and_then(|it| Some(it..it.checked_add(row.text_len as usize)?));
            let place = place.filter(|it| text.get(it.clone()).is_some());
            Ok((row.id, place.ok_or_else(|| names.damaged("a name lies outside of the text"))?))
        };
        let places = (0..names.header.entry_count).map(place).collect::<Result<Vec<_>>>()?;
        Ok(NameTable { text: text.to_owned(), places })
    }

    /// Returns the payloads of the asset `id` alone, without a look at the names.
    pub(super) fn payloads_of(&self, id: AssetId) -> Result<Vec<PayloadRef>> {
        let Some(file) = self.file_of(id) else { return Ok(Vec::new()) };
        let container = self.file(file)?;
        let Some(index) = container.find_entry(id)? else { return Ok(Vec::new()) };
        let row = container.entry_row(index)?;
        container.payloads(file, &row, container.record(&row)?.roles)
    }
}

/// Reads a payload that is a file of its own, which must be exactly `len` bytes long.
fn read_blob(store: &dyn PartStore, digest: Digest, len: u64) -> Result<Vec<u8>> {
    let file = PartKind::Blob.file_name(digest);
    let read = || -> io::Result<Option<Vec<u8>>> {
        let source = store.open(PartKind::Blob, digest)?;
        if source.size()? != len {
            return Ok(None);
        }
        read_range(&*source, 0, len).map(Some)
    };
    match read() {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err(ReadError::Damaged { file, problem: "it is not as long as its payload".to_owned() }),
        Err(source) => Err(not_opened(store, file, source)),
    }
}

/// Says why a file beside the root could not be opened.
fn not_opened(store: &dyn PartStore, file: String, source: io::Error) -> ReadError {
    if source.kind() == io::ErrorKind::NotFound && store.is_replaced() {
        return ReadError::Replaced;
    }
    ReadError::Io { file, source }
}
