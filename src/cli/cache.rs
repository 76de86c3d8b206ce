//! `packwright cache stats|clear`.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Serialize;

use super::exit::Exit;
use super::json::{Format, Version};
use super::words::size;
use super::{Context, open, render};
use crate::cache::{CacheMode, Index, Store, StoreStats};
use crate::error::{Error, Result};

#[derive(clap::Args, Debug)]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand, Debug)]
enum Command {
    /// Show how much the cache holds
    Stats(CacheArguments),
    /// Empty the cache: the next build does everything again
    Clear(CacheArguments),
}

#[derive(clap::Args, Debug)]
struct CacheArguments {
    /// The directory that processed assets are kept in [default: .packwright/cache]
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    /// How the figures are printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    format: Format,
}

impl Arguments {
    pub fn format(&self) -> Format {
        match &self.command {
            Command::Stats(it) | Command::Clear(it) => it.format,
        }
    }
}

/// How much the cache holds.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "packwright cache stats --format json")]
pub struct StatsDocument {
    /// Version of this form.
    version: Version,
    /// Length of the index of this tree's fingerprints in bytes; absent outside of a workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    index_bytes: Option<u64>,
    /// Traces, records and payloads.
    store: StoreStats,
}

/// What was removed.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "packwright cache clear --format json")]
pub struct ClearDocument {
    /// Version of this form.
    version: Version,
    /// How many bytes were removed.
    removed_bytes: u64,
}

/// Where index and store lie. There is no index outside of a workspace.
struct Places {
    index: Option<PathBuf>,
    store: PathBuf,
}

impl Places {
    fn find(cx: &Context, arguments: &CacheArguments) -> Result<Self> {
        let given = arguments.cache_dir.as_ref().map(|it| cx.base.join(it));
        match (open::find(cx), given) {
            (Ok(ws), given) => Ok(Self { store: given.unwrap_or_else(|| ws.cache_dir()), index: Some(ws.cache_dir()) }),
            (Err(Error::Usage(_)), Some(store)) => Ok(Self { index: None, store }),
            (Err(error), _) => Err(error),
        }
    }

    fn stats(&self, cx: &Context) -> Result<(Option<u64>, StoreStats)> {
        let mode = CacheMode::Read;
        let index = self.index.as_ref().map(|it| Index::load(cx.disk.clone(), it, mode));
        let store = Store::new(cx.disk.clone(), &self.store, mode);
        let stats = store.stats()?;
        let warnings = [index.as_ref().map(Index::warnings).unwrap_or_default(), store.warnings()].concat();
        render::show(&cx.console, None, &warnings);
        Ok((index.map(|it| it.file_bytes()), stats))
    }
}

pub fn run(cx: &Context, arguments: &Arguments) -> Result<Exit> {
    match &arguments.command {
        Command::Stats(it) => stats(cx, it)?,
        Command::Clear(it) => clear(cx, it)?,
    }
    Ok(Exit::Done)
}

fn stats(cx: &Context, arguments: &CacheArguments) -> Result<()> {
    let (index_bytes, store) = Places::find(cx, arguments)?.stats(cx)?;
    if arguments.format == Format::Json {
        return cx.console.print_json(&StatsDocument { version: Version, index_bytes, store });
    }
    let row = |what: &str, n: Option<u64>, bytes: Option<u64>| {
        let number = n.map_or_else(String::new, |it| it.to_string());
        [what.to_owned(), number, bytes.map_or_else(String::new, size)]
    };
    let rows = [
        row("index", None, index_bytes),
        row("store", None, Some(store.database_bytes)),
        row("traces", Some(store.traces), None),
        row("records", Some(store.records), None),
        row("payloads", Some(store.payloads), Some(store.bundle_bytes)),
        row("large payloads", Some(store.blobs), Some(store.blob_bytes)),
    ];
    cx.console.print(&super::table::table(rows, &[1, 2]))
}

fn clear(cx: &Context, arguments: &CacheArguments) -> Result<()> {
    let places = Places::find(cx, arguments)?;
    let (index_bytes, store) = places.stats(cx)?;
    if let Some(index) = &places.index {
        Index::clear(cx.disk.clone(), index)?;
    }
    Store::new(cx.disk.clone(), &places.store, CacheMode::Write).clear()?;
    let removed_bytes = index_bytes.unwrap_or(0) + store.database_bytes + store.bundle_bytes + store.blob_bytes;
    if arguments.format == Format::Json {
        return cx.console.print_json(&ClearDocument { version: Version, removed_bytes });
    }
    cx.console.say(format_args!("the cache is empty; it held {}", size(removed_bytes)));
    Ok(())
}
