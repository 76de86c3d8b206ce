//! Packs: the plan, the format, its writer and its reader.
//!
//! The plan decides everything; [`layout`] turns it into the tables of every file without looking at a
//! payload, [`emit`] writes what is not there yet, [`read`] and [`verify`] know none of that and trust
//! nothing. `schema/pack.md` specifies the format for people who never see this code.
//!
//! # The bytes
//!
//! Everything is little-endian. One container serves four roles:
//!
//! ```text
//!   single                  one file holds the pack
//!   root -+- part           a small root; parts of some entries each, with tables of their own
//!         +- names          the names of all entries, so that an edited payload leaves them alone
//!         +- (blob)         a payload of 256 KiB and more: the stored bytes as they are, no container
//!
//!   0    magic  89 50 57 50 41 43 4b 0a   ("\x89PWPACK\n")
//!   8    u32    format version, 1
//!   12   u32    role: 1 single, 2 root, 3 part, 4 names
//!   16   [32]   content digest: of every byte before the data, these 32 taken as zero
//!   48   u64    length of the file
//!   56   u64    where the tables end and the data begins
//!   64   u64    bytes of data that hold the payloads of preload entries
//!   72   u64    entries (root: in the whole pack)
//!   80   7 x { u64 offset, u64 length }   the sections, in this order, each at a multiple of 16:
//!
//!          entries      48 a row, ascending by asset_id            single, part
//!          payloads     96 a row, in the order of the entries      single, part
//!          records      kind, roles, tags, metadata, references    single, part
//!          names        16 a row, ascending by asset_id            single, names
//!          name order   u32 a row: names by their bytes            single, names
//!          name text    UTF-8, one name after the other            single, names
//!          parts        64 a row: parts by id, then the names      root
//!
//!   data   stored payloads, each at a multiple of 16, each distinct one once, preload first
//! ```
//!
//! Nothing is left to choice: a plan has exactly one form in each layout, so that a verified content digest
//! fixes every byte of a file. What is not said is zero.

pub mod codec;
pub mod emit;
pub mod format;
pub mod layout;
pub mod manifest;
pub mod old;
pub mod patch;
pub mod plan;
pub mod reach;
pub mod read;
pub mod source;
pub mod verify;
pub mod write;

#[cfg(test)]
mod tests;
