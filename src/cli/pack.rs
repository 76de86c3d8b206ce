//! `packwright pack list|verify|cat`: reads packs, without a workspace.

use std::io;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use super::exit::Exit;
use super::json::{self, Format, Version};
use super::open::shown;
use super::select::{Candidate, Selector};
use super::table::fitted;
use super::words::{clean, count, size};
use super::{Context, paint};
use crate::error::{Error, Result};
use crate::model::{AssetId, AssetUuid, Codec, Digest, Layout};
use crate::pack::read::{Entry, PackReader, PayloadRef, ReadError};
use crate::pack::source::{DirParts, FileSource, PartStore};
use crate::pack::verify::{DEFAULT_LIMIT, Report, verify};
use crate::process::contract::Metadata;
use crate::system::Disk;

/// How often a pack is read that builds keep replacing.
const ATTEMPTS: usize = 5;

#[derive(clap::Args, Debug)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Show the entries of a pack
    List(ListArguments),
    /// Check every byte of packs
    Verify(VerifyArguments),
    /// Print the bytes of an asset
    Cat(CatArguments),
}

#[derive(clap::Args, Debug)]
struct ListArguments {
    /// The pack
    file: PathBuf,
    /// How the entries are printed
    #[arg(long, value_enum, value_name = "arguments.format", default_value_t)]
    format: Format,
}

#[derive(clap::Args, Debug)]
struct VerifyArguments {
    /// The packs
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How the outcome is printed
    #[arg(long, value_enum, value_name = "arguments.format", default_value_t)]
    format: Format,
}

#[derive(clap::Args, Debug)]
struct CatArguments {
    /// The pack
    file: PathBuf,
    /// The asset: its id, name or the beginning of its uuid
    asset: String,
    /// Which of its payloads [default: the main one]
    #[arg(long, default_value = "", hide_default_value = true)]
    role: String,
}

impl Arguments {
    pub fn format(&self) -> Format {
        match &self.command {
            Command::List(it) => it.format,
            Command::Verify(it) => it.format,
            Command::Cat(_) => Format::Human,
        }
    }
}

/// What a pack holds.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "packwright pack list --format json")]
pub struct PackListDocument {
    /// Version of this form.
    version: Version,
    /// The pack's content digest.
    content_digest: Digest,
    /// How it is cut into files.
    layout: Layout,
    /// By id.
    entries: Vec<PackEntry>,
}

/// An entry of a pack.
#[derive(Serialize, JsonSchema)]
struct PackEntry {
    /// The asset's number.
    asset_id: AssetId,
    /// The asset's identity.
    asset_uuid: AssetUuid,
    /// The asset's name.
    name: String,
    /// The processor that made it.
    #[serde(rename = "type")]
    kind: String,
    /// Whether its payloads lie at the front.
    preload: bool,
    /// Sorted.
    tags: Vec<String>,
    /// Facts for runtimes and tools.
    metadata: Metadata,
    /// The assets it refers to, sorted.
    references: Vec<AssetId>,
    /// By role; the main payload has the empty role.
    payloads: Vec<PackPayload>,
}

/// A payload of an entry.
#[derive(Serialize, JsonSchema)]
struct PackPayload {
    /// What it is to the asset.
    role: String,
    /// Digest of the raw bytes.
    digest: Digest,
    /// Length of the raw bytes.
    raw_len: u64,
    /// Length of the bytes as stored.
    stored_len: u64,
    /// How they are compressed.
    codec: Codec,
}

/// Whether packs are sound.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "packwright pack verify --format json")]
pub struct PackVerifyDocument {
    /// Version of this form.
    version: Version,
    /// In the order in which they were named.
    packs: Vec<VerifiedPack>,
}

/// Whether one pack is sound.
#[derive(Serialize, JsonSchema)]
struct VerifiedPack {
    /// The file, as it was named.
    file: String,
    /// Whether nothing is wrong.
    sound: bool,
    /// Its content digest, where it can be opened.
    content_digest: Option<Digest>,
    /// How many entries were seen.
    entries: u64,
    /// How many distinct stored payloads were checked.
    payloads: u64,
    /// How many stored bytes these have.
    stored_bytes: u64,
    /// All that is wrong.
    problems: Vec<PackProblem>,
}

/// Something that is wrong with a pack.
#[derive(Serialize, JsonSchema)]
struct PackProblem {
    /// `the pack`, or a name in its directory of parts.
    file: String,
    /// What is wrong.
    message: String,
}

pub fn run(cx: &Context, arguments: &Arguments) -> Result<Exit> {
    match &arguments.command {
        Command::List(it) => list(cx, it),
        Command::Verify(it) => verify_all(cx, it),
        Command::Cat(it) => cat(cx, it),
    }
}

/// Tells why a pack cannot be read: the disk's fault is an error of the environment, the pack's own an answer.
fn refused(cx: &Context, format: Format, file: &Path, error: ReadError) -> Result<Exit> {
    match error {
        ReadError::Io { source, .. } => Err(unread(file, source)),
        ReadError::Replaced => Err(unread(file, io::Error::other(error))),
        error => Ok(super::refused(&cx.console, format, &format!("{}: {error}", file.display()))),
    }
}

fn unread(file: &Path, source: io::Error) -> Error {
    Error::Io { action: "read", path: file.to_owned(), source }
}

/// Reads a pack, and again where a build replaced it meanwhile.
fn steadily<T>(read: impl Fn() -> std::result::Result<T, ReadError>) -> std::result::Result<T, ReadError> {
    for _ in 1..ATTEMPTS {
        match read() {
            Err(ReadError::Replaced) => {}
            outcome => return outcome,
        }
    }
    read()
}

fn list(cx: &Context, arguments: &ListArguments) -> Result<Exit> {
    let path = cx.base.join(&arguments.file);
    let read = || {
        let reader = PackReader::open_at(&*cx.disk, &path)?.verified()?;
        let entries = reader.entries().collect::<std::result::Result<Vec<Entry>, _>>()?;
        Ok((reader, entries))
    };
    let (reader, entries) = match steadily(read) {
        Ok(it) => it,
        Err(error) => return refused(cx, arguments.format, &arguments.file, error),
    };
    match arguments.format {
        Format::Json => cx.console.print_json(&PackListDocument {
            version: Version,
            content_digest: reader.content_digest(),
            layout: reader.layout(),
            entries: entries.into_iter().map(PackEntry::from).collect(),
        })?,
        Format::Human => cx.console.print(&table(&entries, cx.console.wrap_printed()))?,
    }
    Ok(Exit::Done)
}

/// Returns entries as a table, on a screen of this width, if it is one.
fn table(entries: &[Entry], screen: Option<usize>) -> String {
    let header = ["id", "type", "size", "stored", "codec", "name"].map(paint::heading);
    let row = |it: &Entry| {
        let raw = it.payloads.iter().map(|it| it.raw_len).sum();
        let stored = it.payloads.iter().map(|it| it.stored_len).sum();
        let codec = it.payloads.iter().map(|it| it.codec).max().unwrap_or_default();
        let codec = match codec {
            Codec::None => "-",
            Codec::Lz4 => "lz4",
            Codec::Zstd => "zstd",
        };
        [it.id.to_string(), clean(&it.kind), size(raw), size(stored), codec.to_owned(), clean(&it.name)]
    };
    fitted(std::iter::once(header).chain(entries.iter().map(row)), &[0, 2, 3], screen, &[5])
}

fn verify_all(cx: &Context, arguments: &VerifyArguments) -> Result<Exit> {
    let mut packs = Vec::new();
    let mut exit = Exit::Done;
    for file in &arguments.files {
        if cx.stop.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let path = cx.base.join(file);
        let report = match steadily(|| verify_once(&*cx.disk, &path)) {
            Ok(report) => report,
            Err(error) => {
                let message = match error {
                    ReadError::Io { source, .. } => json::chain(&unread(file, source)),
                    error => json::chain(&unread(file, io::Error::other(error))),
                };
                cx.console.error(clean(&message));
                let problem = PackProblem { file: "the pack".to_owned(), message };
                packs.push(VerifiedPack { problems: vec![problem], ..verified(file, &Report::default()) });
                exit = exit.max(Exit::Io);
                continue;
            }
        };
        if !report.is_sound() {
            exit = exit.max(Exit::No);
        }
        if arguments.format == Format::Human {
            tell(cx, file, &report)?;
        }
        packs.push(verified(file, &report));
    }
    if arguments.format == Format::Json {
        packs.iter_mut().for_each(|it| it.sound = it.problems.is_empty());
        cx.console.print_json(&PackVerifyDocument { version: Version, packs })?;
    }
    Ok(exit)
}

fn verify_once(disk: &dyn Disk, path: &Path) -> std::result::Result<Report, ReadError> {
    let root = FileSource::open(disk, path);
    let root = root.map_err(|source| ReadError::Io { file: "the pack".to_owned(), source })?;
    let parts = DirParts::beside_open(disk, path, &root);
    let report = verify(root, &parts, DEFAULT_LIMIT);
    if !report.is_sound() && parts.is_replaced() { Err(ReadError::Replaced) } else { Ok(report) }
}

fn tell(cx: &Context, file: &Path, report: &Report) -> Result<()> {
    let file = shown(file);
    for problem in &report.problems {
        cx.console.error(format_args!("{file}: {}", clean(&problem.to_string())));
    }
    if !report.is_sound() {
        cx.console.insist(format_args!("{file} is not sound: {}", count(report.problems.len() as u64, "problem")));
        return Ok(());
    }
    let (entries, payloads) = (count(report.entries, "asset"), count(report.payloads, "payload"));
    let entries = entries.replace("assets", "entries").replace("asset", "entry");
    cx.console.print(&format!("{file} is sound: {entries}, {payloads}, {}\n", size(report.stored_bytes)))
}

fn verified(file: &Path, report: &Report) -> VerifiedPack {
    let problem =
        |it: &crate::pack::verify::Problem| PackProblem { file: it.file.clone(), message: it.message.clone() };
    VerifiedPack {
        file: file.display().to_string(),
        sound: report.is_sound(),
        content_digest: report.content_digest,
        entries: report.entries,
        payloads: report.payloads,
        stored_bytes: report.stored_bytes,
        problems: report.problems.iter().map(problem).collect(),
    }
}

fn cat(cx: &Context, arguments: &CatArguments) -> Result<Exit> {
    let selector = Selector::parse(&arguments.asset, None)?;
    let path = cx.base.join(&arguments.file);
    let read = || {
        let reader = PackReader::open_at(&*cx.disk, &path)?.verified()?;
        let mut found = Vec::new();
        for entry in reader.entries() {
            let entry = entry?;
            let candidate =
                Candidate { identity: Some((entry.uuid, entry.id)), name: &entry.name, ..Candidate::default() };
            found.extend(selector.selects(&candidate).then_some(entry));
        }
        match choose(&selector, &found, &arguments.role) {
            Ok(payload) => reader.payload_bytes(payload, DEFAULT_LIMIT).map(Ok),
            Err(reason) => Ok(Err(reason)),
        }
    };
    match steadily(read) {
        Ok(Ok(bytes)) => cx.console.print_bytes(&bytes).map(|()| Exit::Done),
        Ok(Err(reason)) => {
            cx.console.error(reason);
            Ok(Exit::No)
        }
        Err(error) => refused(cx, Format::Human, &arguments.file, error),
    }
}

/// Returns the only payload that is meant, or why there is none.
fn choose<'a>(selector: &Selector, found: &'a [Entry], role: &str) -> std::result::Result<&'a PayloadRef, String> {
    let entry = match found {
        [] => return Err(format!("no asset of the pack matches `{}`", selector.shown())),
        [entry] => entry,
        [one, two, ..] => {
            let (one, two) = (clean(&one.name), clean(&two.name));
            let n = found.len();
            return Err(format!("{n} assets match `{}`, such as `{one}` and `{two}`", selector.shown()));
        }
    };
    entry.payload(role).ok_or_else(|| {
        let named = entry.payloads.iter().filter(|it| !it.role.is_empty());
        let others: Vec<String> = named.map(|it| format!("`{}`", clean(&it.role))).collect();
        let others = if others.is_empty() { "no other".to_owned() } else { others.join(", ") };
        format!("`{}` has no payload `{}`; besides the main one it has {others}", clean(&entry.name), clean(role))
    })
}

impl From<Entry> for PackEntry {
    fn from(it: Entry) -> Self {
        let payload = |it: PayloadRef| PackPayload {
            role: it.role,
            digest: it.digest,
            raw_len: it.raw_len,
            stored_len: it.stored_len,
            codec: it.codec,
        };
        Self {
            asset_id: it.id,
            asset_uuid: it.uuid,
            name: it.name,
            kind: it.kind,
            preload: it.preload,
            tags: it.tags,
            metadata: it.metadata,
            references: it.references,
            payloads: it.payloads.into_iter().map(payload).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_pack_that_is_replaced_is_read_again() {
        for (replaced, asked) in [(0, 1), (1, 2), (ATTEMPTS, ATTEMPTS)] {
            let n = Cell::new(0);
            let read = || {
                n.set(n.get() + 1);
                if n.get() <= replaced { Err(ReadError::Replaced) } else { Ok("bytes") }
            };
            let outcome = steadily(read);
            assert_eq!((outcome.is_ok(), n.get()), (replaced < ATTEMPTS, asked));
        }
        let error = unread(Path::new("a.pack"), io::Error::other(ReadError::Replaced));
        let told = "cannot read `a.pack`: the pack was replaced while it was open; open it again";
        assert_eq!(json::chain(&error), told);
    }
}
