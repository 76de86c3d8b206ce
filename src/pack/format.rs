//! The pack's bytes: header, rows and records, written and parsed.
//!
//! Knows nothing of plans, files or threads. Parsing trusts nothing: every length is checked before it is
//! used, and no count allocates ahead of the bytes that back it. The picture is in `pack/mod.rs`.

use crate::model::{AssetId, AssetUuid, Digest};
use crate::process::contract::{MetaValue, Metadata};

use super::plan::Codec;

/// The first bytes of every container. The high bit and the line feed show transfers that are not binary.
pub const MAGIC: [u8; 8] = *b"\x89PWPACK\n";
/// The only format version there is.
pub const VERSION: u32 = 1;
/// Bytes of the header.
pub const HEADER_LEN: usize = 192;
/// Sections and payloads begin at multiples of this many bytes.
pub const ALIGN: u64 = 16;
/// In the split layout, a payload of at least this many stored bytes is a file of its own.
pub const BLOB_MIN: u64 = 256 << 10;
/// The split layout has at most this many parts, the names not counted.
pub const MAX_PARTS: u32 = 512;
/// A part covers at least two to this power consecutive `asset_id`s.
pub const MIN_PART_SHIFT: u32 = 7;
/// The `derive_key` context of content digests.
pub const DIGEST_CONTEXT: &str = "packwright pack v1 tables";

const SECTIONS_AT: usize = 80;
const DIGEST_RANGE: std::ops::Range<usize> = 16..48;
const PRELOAD: u32 = 1;

/// What is wrong with some bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// They do not begin like a container.
    NotAPack,
    /// They are in a format version that this code does not know.
    Version(u32),
    /// They break a rule of the format.
    Damaged(&'static str),
}

type Parsed<T> = Result<T, Flaw>;

fn ensure(holds: bool, problem: &'static str) -> Parsed<()> {
    if holds { Ok(()) } else { Err(Flaw::Damaged(problem)) }
}

/// What a file is to its pack.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[repr(u32)]
pub enum Role {
    /// The whole pack.
    Single = 1,
    /// The list of the other files.
    Root = 2,
    /// Some of the entries.
    Part = 3,
    /// The names of all entries.
    Names = 4,
}

impl Role {
    /// Returns the role with this number.
    pub fn from_number(number: u32) -> Option<Self> {
        [Self::Single, Self::Root, Self::Part, Self::Names].into_iter().find(|it| *it as u32 == number)
    }

    /// Returns whether a file of this role holds entries and payloads.
    pub fn has_entries(self) -> bool {
        matches!(self, Self::Single | Self::Part)
    }

    /// Returns whether a file of this role holds names.
    pub fn has_names(self) -> bool {
        matches!(self, Self::Single | Self::Names)
    }
}

/// The sections of a container, in the order in which they lie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Section {
    /// [`EntryRow`]s, ascending by id.
    Entries,
    /// [`PayloadRow`]s, in the order of the entries.
    Payloads,
    /// [`Record`]s, in the order of the entries.
    Records,
    /// [`NameRow`]s, ascending by id.
    Names,
    /// Indices into the names, ascending by the names' bytes.
    NameOrder,
    /// The names' bytes.
    NameText,
    /// [`PartRow`]s.
    Parts,
}

impl Section {
    /// All of them, in order.
    pub const ALL: [Self; N_SECTIONS] =
        [Self::Entries, Self::Payloads, Self::Records, Self::Names, Self::NameOrder, Self::NameText, Self::Parts];
}

/// How many sections a container has.
pub const N_SECTIONS: usize = 7;

/// Where something lies in a file.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Extent {
    /// From the file's start, in bytes.
    pub offset: u64,
    /// In bytes.
    pub len: u64,
}

/// Returns `at` moved up to the next multiple of [`ALIGN`], or `None` where that is no `u64`.
pub fn align(at: u64) -> Option<u64> {
    at.checked_next_multiple_of(ALIGN)
}

/// The header of a container.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// What the file is to its pack.
    pub role: Role,
    /// Digest of the tables, which hold the digests of the payloads.
    pub digest: Digest,
    /// Length of the whole file in bytes.
    pub file_len: u64,
    /// Where the tables end and the data begins.
    pub data_offset: u64,
    /// How many bytes of the data hold the payloads of preload entries.
    pub preload_len: u64,
    /// How many entries the file is about.
    pub entry_count: u64,
    sections: [Extent; N_SECTIONS],
}

impl Header {
    /// Returns the header of a file without data whose sections have these lengths, or `None` where that
    /// is longer than a `u64` can say. The digest is left for [`seal`].
    pub fn of_sections(role: Role, entry_count: u64, lens: [u64; N_SECTIONS]) -> Option<Self> {
        let (sections, data_offset) = place_sections(lens)?;
        Some(Self {
            role,
            digest: Digest([0; 32]),
            file_len: data_offset,
            data_offset,
            preload_len: 0,
            entry_count,
            sections,
        })
    }

    /// Returns where a section lies.
    pub fn section(&self, section: Section) -> Extent {
        self.sections[section as usize]
    }

    /// Appends the header's bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        put_u32(out, VERSION);
        put_u32(out, self.role as u32);
        out.extend_from_slice(&self.digest.0);
        put_u64(out, self.file_len);
        put_u64(out, self.data_offset);
        put_u64(out, self.preload_len);
        put_u64(out, self.entry_count);
        for section in self.sections {
            put_u64(out, section.offset);
            put_u64(out, section.len);
        }
    }

    /// Parses the header of a file of `actual_len` bytes and checks all that can be known without the
    /// tables: every section then lies within the file, where the format puts it, and holds whole rows.
    pub fn parse(bytes: &[u8; HEADER_LEN], actual_len: u64) -> Parsed<Self> {
        let (header, lens) = Self::parse_fields(bytes)?;
        ensure(header.file_len == actual_len, "the file is not as long as its header says")?;
        ensure(
            place_sections(lens) == Some((header.sections, header.data_offset)),
            "a section does not lie where its place is",
        )?;
        ensure(header.data_offset <= header.file_len, "the tables do not end within the file")?;
        ensure(header.preload_len <= header.file_len - header.data_offset, "more bytes to preload than there are")?;
        header.check_rows()?;
        Ok(header)
    }

    fn parse_fields(bytes: &[u8; HEADER_LEN]) -> Parsed<(Self, [u64; N_SECTIONS])> {
        let mut input = Input(bytes);
        if input.take(MAGIC.len())? != MAGIC {
            return Err(Flaw::NotAPack);
        }
        let version = input.u32()?;
        if version != VERSION {
            return Err(Flaw::Version(version));
        }
        let role = Role::from_number(input.u32()?).ok_or(Flaw::Damaged("the role is unknown"))?;
        let digest = Digest(input.array()?);
        let (file_len, data_offset, preload_len, entry_count) =
            (input.u64()?, input.u64()?, input.u64()?, input.u64()?);
        debug_assert_eq!(HEADER_LEN - input.0.len(), SECTIONS_AT, "BUG: the sections are not where they are drawn");
        let mut sections = [Extent::default(); N_SECTIONS];
        for section in &mut sections {
            *section = Extent { offset: input.u64()?, len: input.u64()? };
        }
        let lens = sections.map(|it| it.len);
        Ok((Self { role, digest, file_len, data_offset, preload_len, entry_count, sections }, lens))
    }

    fn check_rows(&self) -> Parsed<()> {
        let n = self.entry_count;
        ensure(n <= 1 << 32, "more entries than there are ids")?;
        let rows = |has: bool, row: usize| if has { n * row as u64 } else { 0 };
        let len = |section| self.section(section).len;
        let (entries, names) = (self.role.has_entries(), self.role.has_names());
        ensure(len(Section::Entries) == rows(entries, EntryRow::LEN), "the entry table has an odd length")?;
        ensure(len(Section::Names) == rows(names, NameRow::LEN), "the name table has an odd length")?;
        ensure(len(Section::NameOrder) == rows(names, 4), "the order of the names has an odd length")?;
        ensure(len(Section::Payloads).is_multiple_of(PayloadRow::LEN as u64), "the payload table has an odd length")?;
        ensure(len(Section::Parts).is_multiple_of(PartRow::LEN as u64), "the part list has an odd length")?;
        let most_parts = (u64::from(MAX_PARTS) + 1) * PartRow::LEN as u64;
        ensure(len(Section::Parts) <= most_parts, "the part list is too long")?;
        let foreign = [
            (entries, [Section::Payloads, Section::Records].as_slice()),
            (names, &[Section::NameText]),
            (self.role == Role::Root, &[Section::Parts]),
        ];
        for (own, sections) in foreign {
            ensure(own || sections.iter().all(|it| len(*it) == 0), "a section does not belong to the file's role")?;
        }
        ensure(entries || self.data_offset == self.file_len, "there is data in a file that has none")
    }
}

/// Returns where sections of these lengths lie, and where the tables end.
fn place_sections(lens: [u64; N_SECTIONS]) -> Option<([Extent; N_SECTIONS], u64)> {
    let mut at = HEADER_LEN as u64;
    let mut sections = [Extent::default(); N_SECTIONS];
    for (section, len) in sections.iter_mut().zip(lens) {
        *section = Extent { offset: at, len };
        at = align(at.checked_add(len)?)?;
    }
    Some((sections, at))
}

/// Returns the content digest of a file's tables: all bytes before its data, its digest taken as zero.
///
/// BLAKE3 in `derive_key` mode, so that no payload can be made to have the digest of a part.
pub fn content_digest(tables: &[u8]) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key(DIGEST_CONTEXT);
    hasher.update(&tables[..tables.len().min(DIGEST_RANGE.start)]);
    hasher.update(&[0; 32]);
    hasher.update(tables.get(DIGEST_RANGE.end..).unwrap_or_default());
    Digest(*hasher.finalize().as_bytes())
}

/// Puts the content digest into finished tables and returns it.
///
/// # Panics
///
/// When `tables` is shorter than a header.
pub fn seal(tables: &mut [u8]) -> Digest {
    let digest = content_digest(tables);
    tables[DIGEST_RANGE].copy_from_slice(&digest.0);
    digest
}

/// One entry's fixed row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EntryRow {
    /// The order of the table.
    pub id: AssetId,
    /// Whether its payloads lie at the front of the data.
    pub preload: bool,
    /// Identity.
    pub uuid: AssetUuid,
    /// Where its record begins in the records.
    pub record_offset: u64,
    /// Length of its record in bytes.
    pub record_len: u32,
    /// Index of its first payload row.
    pub first_payload: u32,
    /// How many payload rows it has.
    pub payload_count: u32,
}

impl EntryRow {
    /// Bytes of a row.
    pub const LEN: usize = 48;

    /// Appends the row.
    pub fn write(&self, out: &mut Vec<u8>) {
        put_u32(out, self.id.0);
        put_u32(out, if self.preload { PRELOAD } else { 0 });
        out.extend_from_slice(&self.uuid.0);
        put_u64(out, self.record_offset);
        put_u32(out, self.record_len);
        put_u32(out, self.first_payload);
        put_u32(out, self.payload_count);
        put_u32(out, 0);
    }

    /// Parses a row.
    pub fn parse(row: &[u8]) -> Parsed<Self> {
        let mut input = Input(row);
        let id = AssetId(input.u32()?);
        let flags = input.u32()?;
        ensure(flags & !PRELOAD == 0, "an entry has an unknown flag")?;
        let it = Self {
            id,
            preload: flags & PRELOAD != 0,
            uuid: AssetUuid(input.array()?),
            record_offset: input.u64()?,
            record_len: input.u32()?,
            first_payload: input.u32()?,
            payload_count: input.u32()?,
        };
        ensure(input.u32()? == 0, "reserved bytes of an entry are not zero")?;
        input.end()?;
        Ok(it)
    }
}

/// One payload's fixed row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PayloadRow {
    /// Digest of the raw bytes.
    pub digest: Digest,
    /// Digest of the stored bytes.
    pub stored_digest: Digest,
    /// Length of the raw bytes.
    pub raw_len: u64,
    /// Length of the stored bytes.
    pub stored_len: u64,
    /// How they are compressed.
    pub codec: Codec,
    /// Where they lie in this file; `None` when they are a file of their own.
    pub offset: Option<u64>,
}

impl PayloadRow {
    /// Bytes of a row.
    pub const LEN: usize = 96;

    /// Appends the row.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.digest.0);
        out.extend_from_slice(&self.stored_digest.0);
        put_u64(out, self.raw_len);
        put_u64(out, self.stored_len);
        put_u64(out, self.offset.unwrap_or(0));
        out.extend_from_slice(&[codec_number(self.codec), u8::from(self.offset.is_none()), 0, 0, 0, 0, 0, 0]);
    }

    /// Parses a row.
    pub fn parse(row: &[u8]) -> Parsed<Self> {
        let mut input = Input(row);
        let (digest, stored_digest) = (Digest(input.array()?), Digest(input.array()?));
        let (raw_len, stored_len, offset) = (input.u64()?, input.u64()?, input.u64()?);
        let [codec, place, rest @ ..] = input.array::<8>()?;
        input.end()?;
        let codec = match codec {
            0 => Codec::None,
            1 => Codec::Lz4,
            2 => Codec::Zstd,
            _ => return Err(Flaw::Damaged("a payload has an unknown codec")),
        };
        let offset = match place {
            0 => Some(offset),
            1 if offset == 0 => None,
            _ => return Err(Flaw::Damaged("a payload lies in an unknown place")),
        };
        ensure(rest == [0; 6], "reserved bytes of a payload are not zero")?;
        Ok(Self { digest, stored_digest, raw_len, stored_len, codec, offset })
    }

    /// Checks that codec, lengths and digests agree with each other.
    pub fn check(&self) -> Parsed<()> {
        match self.codec {
            Codec::None => ensure(
                self.raw_len == self.stored_len && self.digest == self.stored_digest,
                "a payload that is stored as it is differs from what is stored",
            ),
            Codec::Lz4 | Codec::Zstd => {
                ensure(self.stored_len < self.raw_len, "a compressed payload is not shorter than its raw bytes")
            }
        }
    }
}

fn codec_number(codec: Codec) -> u8 {
    match codec {
        Codec::None => 0,
        Codec::Lz4 => 1,
        Codec::Zstd => 2,
    }
}

/// What an entry has that is not of fixed length.
#[derive(Clone, PartialEq, Default, Debug)]
pub struct Record {
    /// The name of the processor that made it.
    pub kind: String,
    /// The roles of its payloads, ascending, in the order of their rows.
    pub roles: Vec<String>,
    /// Ascending.
    pub tags: Vec<String>,
    /// Facts, ascending by name.
    pub metadata: Metadata,
    /// The assets it refers to, ascending.
    pub references: Vec<AssetId>,
}

impl Record {
    /// Parses the record of an entry with `n_payloads` payloads; every byte of `bytes` must belong to it.
    pub fn parse(bytes: &[u8], n_payloads: u32) -> Parsed<Self> {
        let mut input = Input(bytes);
        let kind = input.text()?;
        let roles = input.ascending(n_payloads, Input::text, "the roles of an entry are not ascending")?;
        let n_tags = input.u32()?;
        let tags = input.ascending(n_tags, Input::text, "the tags of an entry are not ascending")?;
        let metadata = input.metadata()?;
        let n_references = input.u32()?;
        let references = input.ascending(
            n_references,
            |it| it.u32().map(AssetId),
            "the references of an entry are not ascending",
        )?;
        input.end()?;
        Ok(Self { kind, roles, tags, metadata, references })
    }
}

/// Appends metadata: a count, then name, type and value of each fact.
pub fn put_metadata(out: &mut Vec<u8>, metadata: &Metadata) {
    put_count(out, metadata.len());
    for (name, value) in metadata {
        put_text(out, name);
        match value {
            MetaValue::Integer(number) => {
                out.push(1);
                out.extend_from_slice(&number.to_le_bytes());
            }
            MetaValue::Text(text) => {
                out.push(2);
                put_text(out, text);
            }
            MetaValue::Flag(flag) => out.extend_from_slice(&[3, u8::from(*flag)]),
        }
    }
}

/// One name's fixed row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NameRow {
    /// Whose name it is.
    pub id: AssetId,
    /// Length of the name in bytes.
    pub text_len: u32,
    /// Where it begins in the name text.
    pub text_offset: u64,
}

impl NameRow {
    /// Bytes of a row.
    pub const LEN: usize = 16;

    /// Appends the row.
    pub fn write(&self, out: &mut Vec<u8>) {
        put_u32(out, self.id.0);
        put_u32(out, self.text_len);
        put_u64(out, self.text_offset);
    }

    /// Parses a row.
    pub fn parse(row: &[u8]) -> Parsed<Self> {
        let mut input = Input(row);
        let it = Self { id: AssetId(input.u32()?), text_len: input.u32()?, text_offset: input.u64()? };
        input.end()?;
        Ok(it)
    }
}

/// One file of a split pack, as its root lists it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PartRow {
    /// The file's content digest, and its name.
    pub digest: Digest,
    /// Length of the file in bytes.
    pub file_len: u64,
    /// Smallest id in it; zero when there is none.
    pub first: AssetId,
    /// Largest id in it; zero when there is none.
    pub last: AssetId,
    /// How many entries it is about.
    pub entry_count: u32,
    /// [`Role::Part`] or [`Role::Names`].
    pub role: Role,
}

impl PartRow {
    /// Bytes of a row.
    pub const LEN: usize = 64;

    /// Appends the row.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.digest.0);
        put_u64(out, self.file_len);
        put_u32(out, self.first.0);
        put_u32(out, self.last.0);
        put_u32(out, self.entry_count);
        put_u32(out, self.role as u32);
        put_u64(out, 0);
    }

    /// Parses a row.
    pub fn parse(row: &[u8]) -> Parsed<Self> {
        let mut input = Input(row);
        let (digest, file_len) = (Digest(input.array()?), input.u64()?);
        let (first, last, entry_count) = (AssetId(input.u32()?), AssetId(input.u32()?), input.u32()?);
        let role = Role::from_number(input.u32()?).filter(|it| matches!(it, Role::Part | Role::Names));
        let role = role.ok_or(Flaw::Damaged("the part list holds a file of an unknown role"))?;
        ensure(input.u64()? == 0, "reserved bytes of the part list are not zero")?;
        input.end()?;
        Ok(Self { digest, file_len, first, last, entry_count, role })
    }
}

/// Returns `k` such that each part of a split pack covers the ids with the same `id >> k`, where `largest`
/// is the largest id in the pack.
///
/// It depends on nothing else, so that an edit moves no boundary; only a pack that outgrows 512 parts
/// doubles them all.
pub fn part_shift(largest: AssetId) -> u32 {
    let bits = u32::BITS - (largest.0 / MAX_PARTS).leading_zeros();
    bits.max(MIN_PART_SHIFT)
}

/// The files of a pack, by the digest that names them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum PartKind {
    /// A container, named by its content digest.
    Part,
    /// Stored bytes as they are, named by their digest.
    Blob,
}

impl PartKind {
    /// Returns the name of the file within the pack's directory of parts.
    pub fn file_name(self, digest: Digest) -> String {
        match self {
            Self::Part => format!("{digest}.part"),
            Self::Blob => format!("{digest}.blob"),
        }
    }

    /// Returns what a file name says, or `None` when no pack has a file of that name.
    pub fn of_file_name(name: &str) -> Option<(Self, Digest)> {
        let (digest, kind) = match name.strip_suffix(".part") {
            Some(digest) => (digest, Self::Part),
            None => (name.strip_suffix(".blob")?, Self::Blob),
        };
        Some((kind, Digest::from_hex(digest)?))
    }
}

/// Returns the file name of the pack `pack`.
pub fn root_name(pack: &str) -> String {
    format!("{pack}.pack")
}

/// Returns the name of the directory that holds the parts of the pack `pack`.
pub fn parts_dir(pack: &str) -> String {
    format!("{pack}.parts")
}

/// Appends a `u32`.
pub fn put_u32(out: &mut Vec<u8>, number: u32) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn put_u64(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

/// Appends how many items follow.
pub fn put_count(out: &mut Vec<u8>, n: usize) {
    put_u32(out, u32::try_from(n).expect("nothing in a plan comes 4,294,967,296 times in one entry"));
}

/// Appends a text: its length in bytes, then its UTF-8.
pub fn put_text(out: &mut Vec<u8>, text: &str) {
    put_count(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// Bytes that are being parsed, front to back.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, n: usize) -> Parsed<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n).ok_or(Flaw::Damaged("something ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Parsed<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Flaw::Damaged("something ends too early"))?;
        self.0 = rest;
        Ok(*taken)
    }

    fn u32(&mut self) -> Parsed<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Parsed<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn text(&mut self) -> Parsed<String> {
        let len = self.u32()?;
        let bytes = self.take(usize::try_from(len).unwrap_or(usize::MAX))?;
        let text = std::str::from_utf8(bytes).map_err(|_| Flaw::Damaged("a text is not UTF-8"))?;
        Ok(text.to_owned())
    }

    /// Parses `n` items, each greater than the one before. Every item takes bytes, so a count that lies
    /// ends with the input and not with the memory.
    fn ascending<T: Ord>(
        &mut self,
        n: u32,
        mut item: impl FnMut(&mut Self) -> Parsed<T>,
        problem: &'static str,
    ) -> Parsed<Vec<T>> {
        let mut items: Vec<T> = Vec::new();
        for _ in 0..n {
            let item = item(self)?;
            ensure(items.last().is_none_or(|last| *last < item), problem)?;
            items.push(item);
        }
        Ok(items)
    }

    fn metadata(&mut self) -> Parsed<Metadata> {
        let mut metadata = Metadata::new();
        for _ in 0..self.u32()? {
            let name = self.text()?;
            let value = self.meta_value()?;
            let ascending = metadata.last_key_value().is_none_or(|(last, _)| *last < name);
            ensure(ascending, "the metadata of an entry is not ascending")?;
            metadata.insert(name, value);
        }
        Ok(metadata)
    }

    fn meta_value(&mut self) -> Parsed<MetaValue> {
        match self.array()? {
            [1] => self.array().map(|it| MetaValue::Integer(i64::from_le_bytes(it))),
            [2] => self.text().map(MetaValue::Text),
            [3] => match self.array()? {
                [flag @ (0 | 1)] => Ok(MetaValue::Flag(flag == 1)),
                _ => Err(Flaw::Damaged("a flag in the metadata is neither 0 nor 1")),
            },
            _ => Err(Flaw::Damaged("a metadata value has an unknown type")),
        }
    }

    fn end(&self) -> Parsed<()> {
        ensure(self.0.is_empty(), "something is longer than it says")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_at_most_512_and_small_packs_have_few() {
        let cases = [
            (0, 7),
            (127, 7),
            (65_535, 7),
            (65_536, 8),
            (99_999, 8),
            (131_071, 8),
            (131_072, 9),
            (1_000_000, 11),
            (u32::MAX, 23),
        ];
        for (largest, shift) in cases {
            assert_eq!(part_shift(AssetId(largest)), shift, "{largest}");
            assert!(largest >> shift < MAX_PARTS, "{largest}");
            assert!(shift == MIN_PART_SHIFT || largest >> (shift - 1) >= MAX_PARTS, "{largest}: not the smallest");
        }
    }

    #[test]
    fn file_names_hold_a_digest_and_nothing_else() {
        let digest = Digest::of(b"x");
        for kind in [PartKind::Part, PartKind::Blob] {
            assert_eq!(PartKind::of_file_name(&kind.file_name(digest)), Some((kind, digest)));
        }
        for bad in
            ["", ".part", "x.part", &format!("{digest}"), &format!("../{digest}.part"), &format!("{digest}.PART")]
        {
            assert_eq!(PartKind::of_file_name(bad), None, "{bad}");
        }
        assert_eq!(PartKind::of_file_name(&digest.to_hex().to_uppercase()), None);
    }

    #[test]
    fn rows_read_back() {
        let entry = EntryRow {
            id: AssetId(7),
            preload: true,
            uuid: AssetUuid([3; 16]),
            record_offset: 1 << 40,
            record_len: 5,
            first_payload: 6,
            payload_count: 2,
        };
        let mut bytes = Vec::new();
        entry.write(&mut bytes);
        assert_eq!((bytes.len(), EntryRow::parse(&bytes)), (EntryRow::LEN, Ok(entry)));

        for offset in [Some(1 << 33), None] {
            let payload = PayloadRow {
                digest: Digest::of(b"raw"),
                stored_digest: Digest::of(b"stored"),
                raw_len: 9,
                stored_len: 8,
                codec: Codec::Zstd,
                offset,
            };
            let mut bytes = Vec::new();
            payload.write(&mut bytes);
            assert_eq!((bytes.len(), PayloadRow::parse(&bytes)), (PayloadRow::LEN, Ok(payload)));
        }
    }

    #[test]
    fn a_record_that_lies_about_its_lengths_is_refused() {
        let mut bytes = Vec::new();
        put_text(&mut bytes, "raw");
        put_text(&mut bytes, "");
        put_count(&mut bytes, 1);
        put_text(&mut bytes, "boss");
        put_metadata(&mut bytes, &Metadata::from([("n".to_owned(), MetaValue::Integer(-1))]));
        put_count(&mut bytes, 1);
        put_u32(&mut bytes, 9);
        assert!(Record::parse(&bytes, 1).is_ok());
        for n in 0..bytes.len() {
            assert!(Record::parse(&bytes[..n], 1).is_err(), "{n}");
            let mut lying = bytes.clone();
            lying[n] = 0xff;
            // Not every byte is a length; what matters is that none of them can do harm.
            let _ = Record::parse(&lying, 1);
        }
        assert!(Record::parse(&[bytes.as_slice(), &[0]].concat(), 1).is_err());
        assert!(Record::parse(&u32::MAX.to_le_bytes(), u32::MAX).is_err());
    }

    #[test]
    fn a_header_says_where_everything_is() {
        let lens = [48, 96, 5, 16, 4, 3, 0];
        let header = Header::of_sections(Role::Single, 1, lens).expect("small");
        let mut bytes = Vec::new();
        header.write(&mut bytes);
        let bytes: [u8; HEADER_LEN] = bytes.try_into().expect("a header's length");
        assert_eq!(Header::parse(&bytes, header.file_len), Ok(header.clone()));
        assert!(Header::parse(&bytes, header.file_len + 1).is_err());
        assert_eq!(header.section(Section::Names).offset, 352);
        assert_eq!(header.data_offset, 400);
        let huge = Header::of_sections(Role::Single, 1, [u64::MAX; N_SECTIONS]);
        assert_eq!(huge, None);
    }
}
