//! `packwright list`.

use std::cmp::Ordering;

use globset::GlobMatcher;
use schemars::JsonSchema;
use serde::Serialize;

use super::asset::{AssetHead, candidate, meant};
use super::exit::Exit;
use super::json::{Format, Version};
use super::open::{self, BuildArguments};
use super::select::{Selector, compile, no_match};
use super::table::fitted;
use super::words::{clean, count, size};
use super::{Context, absent, paint, render};
use crate::build::inspect::Asset;
use crate::error::{Error, Result};
use crate::model::path::file_name;
use crate::model::registry::Change;
use crate::process::kinds;
use crate::workspace::config::Config;

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// Which assets: ids, names, beginnings of uuids, paths or globs [default: all]
    #[arg(value_name = "ASSET")]
    assets: Vec<String>,
    #[command(flatten)]
    query: Query,
    /// What the assets are sorted by
    #[arg(long, value_enum, value_name = "BY", default_value_t)]
    sort: Sort,
    /// Begin with the last
    #[arg(long)]
    reverse: bool,
    #[command(flatten)]
    pub build: BuildArguments,
    /// How the assets are printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: Format,
}

/// What must be so of an asset that is listed. All that is said must hold.
#[derive(clap::Args, Debug)]
struct Query {
    /// Only assets of this type; given again, of any of these
    #[arg(long = "type", value_name = "TYPE")]
    kinds: Vec<String>,
    /// Only assets with this tag; given again, with all of these
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// Only assets whose name matches this glob; `**` crosses `/`, `*` does not
    #[arg(long, value_name = "GLOB")]
    name: Option<String>,
    /// Only assets whose inputs are so long in all, such as '>1MiB' or '<=64kB'; given again, both
    #[arg(long = "size", value_name = "SIZE", value_parser = Sizes::parse)]
    sizes: Vec<Sizes>,
}

/// What assets are sorted by. What is alike is in order of place.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
enum Sort {
    /// Their numbers
    #[default]
    Id,
    /// Their names
    Name,
    /// Their places
    Place,
    /// The length of their inputs, the shortest first
    Size,
    /// Their types
    Type,
}

/// A range of lengths.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Sizes {
    least: u64,
    most: u64,
}

impl Sizes {
    /// Reads `>1MiB`, `<= 64kB`, `=0` or `12`.
    fn parse(text: &str) -> std::result::Result<Self, String> {
        let text = text.trim();
        let number = text.trim_start_matches(['<', '>', '=']);
        let (sign, bytes) = (&text[..text.len() - number.len()], bytes(number.trim())?);
        Ok(match sign {
            ">" => Self { least: bytes.saturating_add(1), most: u64::MAX },
            ">=" => Self { least: bytes, most: u64::MAX },
            // Nothing is shorter than nothing.
            "<" if bytes == 0 => Self { least: 1, most: 0 },
            "<" => Self { least: 0, most: bytes - 1 },
            "<=" => Self { least: 0, most: bytes },
            "" | "=" => Self { least: bytes, most: bytes },
            _ => return Err(format!("`{sign}` is none of `<`, `<=`, `=`, `>=` and `>`")),
        })
    }

    fn holds(self, bytes: u64) -> bool {
        (self.least..=self.most).contains(&bytes)
    }
}

/// Reads a number of bytes with a unit: `kB` is 1000, `KiB` and `K` are 1024.
fn bytes(text: &str) -> std::result::Result<u64, String> {
    let digits = text.trim_end_matches(|it: char| it.is_ascii_alphabetic());
    let unit = text[digits.len()..].to_ascii_lowercase();
    let problem = || format!("`{text}` is no length; write a number and a unit such as B, kB, KiB, MB or MiB");
    let power = match unit.chars().next() {
        None | Some('b') => 0,
        Some(it) => "kmgt".find(it).ok_or_else(problem)? as u32 + 1,
    };
    let base: u64 = match (power, &unit[usize::from(power > 0)..]) {
        (0, "" | "b") | (1.., "" | "ib") => 1024,
        (1.., "b") => 1000,
        _ => return Err(problem()),
    };
    let digits: u64 = digits.trim_end().parse().map_err(|_| problem())?;
    base.checked_pow(power).and_then(|it| it.checked_mul(digits)).ok_or_else(problem)
}

impl Query {
    fn is_empty(&self) -> bool {
        self.kinds.is_empty() && self.tags.is_empty() && self.name.is_none() && self.sizes.is_empty()
    }

    /// Returns the glob that names must match.
    fn name(&self) -> Result<Option<GlobMatcher>> {
        self.name.as_deref().map(compile).transpose()
    }

    fn holds(&self, asset: &Asset, name: Option<&GlobMatcher>) -> bool {
        (self.kinds.is_empty() || self.kinds.iter().any(|it| **it == *asset.kind))
            && self.tags.iter().all(|it| asset.tags.contains(it))
            && name.is_none_or(|it| it.is_match(&asset.name))
            && self.sizes.iter().all(|it| it.holds(asset.bytes))
    }
}

impl Sort {
    fn sort(self, assets: &mut [&Asset]) {
        // They come by id.
        match self {
            Self::Id => {}
            Self::Name => assets.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| by_place(a, b))),
            Self::Place => assets.sort_by(|a, b| by_place(a, b)),
            Self::Size => assets.sort_by(|a, b| a.bytes.cmp(&b.bytes).then_with(|| by_place(a, b))),
            Self::Type => assets.sort_by(|a, b| a.kind.cmp(&b.kind).then_with(|| by_place(a, b))),
        }
    }
}

fn by_place(a: &Asset, b: &Asset) -> Ordering {
    (&a.place, &a.part).cmp(&(&b.place, &b.part))
}

/// The assets of a workspace.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "packwright list --format json")]
pub struct ListDocument {
    /// Version of this form.
    version: Version,
    /// In the order that was asked for. By id, those without one come last, by place.
    assets: Vec<AssetEntry>,
}

/// An asset.
#[derive(Serialize, JsonSchema)]
pub struct AssetEntry {
    #[serde(flatten)]
    head: AssetHead,
    /// Sorted.
    tags: Vec<String>,
    /// Names of the packs that it is in, sorted.
    packs: Vec<String>,
    /// Number of declared inputs that are there.
    inputs: u64,
    /// Their length in bytes.
    bytes: u64,
    /// Whether the next build would register it.
    new: bool,
    /// The place that it was registered at, where the next build would say that it moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    moved_from: Option<String>,
    /// Whether it stays out of this profile's packs because its author says so.
    excluded: bool,
    /// Whether something about it is an error; what its processor finds counts as far as the cache remembers it.
    broken: bool,
    /// Whether nobody knows what its processor makes of it as it is today: no build came to it since it changed.
    untried: bool,
}

impl From<&Asset> for AssetEntry {
    fn from(it: &Asset) -> Self {
        let moved_from = match &it.change {
            Some(Change::TakenOver { from }) => Some(from.to_string()),
            _ => None,
        };
        Self {
            head: it.into(),
            tags: it.tags.clone(),
            packs: it.packs.clone(),
            inputs: it.inputs,
            bytes: it.bytes,
            new: it.change == Some(Change::New),
            moved_from,
            excluded: it.excluded,
            broken: it.broken,
            untried: it.untried,
        }
    }
}

pub fn run(cx: &Context, arguments: &Arguments) -> Result<Exit> {
    let opened = open::open(cx, arguments.build.jobs)?;
    let dir = open::dir(&opened.ws, cx);
    let parse = |it: &String| Selector::parse(&open::inside(&opened.ws.root, it), dir.as_ref());
    let selectors: Vec<Selector> = arguments.assets.iter().map(parse).collect::<Result<_>>()?;
    let name = arguments.query.name()?;
    known_kinds(&arguments.query.kinds)?;
    let inspection = match opened.ask(|it| it.inspect(&arguments.build.options(cx))) {
        Ok(inspection) => inspection,
        Err(error) => return Ok(super::failed(&cx.console, arguments.format, Some(&opened.ws), &error, None)),
    };
    opened.engine.forget();
    let mut exit = Exit::Done;
    for selector in &selectors {
        if !inspection.assets.iter().any(|it| selector.selects(&candidate(it))) {
            let told = absent::reason(&opened.ws, selector, &inspection).unwrap_or_else(|| {
                let names = inspection.assets.iter().map(|it| it.name.as_str());
                no_match(selector, names)
            });
            cx.console.error(told);
            exit = Exit::No;
        }
    }
    let is_meant = |it: &&Asset| selectors.is_empty() || selectors.iter().any(|by| by.selects(&candidate(it)));
    let mut chosen: Vec<&Asset> = inspection.assets.iter().filter(is_meant).collect();
    chosen.retain(|it| arguments.query.holds(it, name.as_ref()) && is_in_any(it, &arguments.build.packs));
    arguments.sort.sort(&mut chosen);
    if arguments.reverse {
        chosen.reverse();
    }
    if arguments.format == Format::Json {
        let assets = chosen.into_iter().map(AssetEntry::from).collect();
        cx.console.print_json(&ListDocument { version: Version, assets })?;
        return Ok(exit);
    }
    render::show(&cx.console, None, &inspection.cache_warnings);
    if !chosen.is_empty() {
        cx.console.print(&shown(&chosen, &inspection.config, cx.console.wrap_printed()))?;
    }
    for selector in &selectors {
        chosen.iter().filter_map(|it| meant(selector, it)).for_each(|it| cx.console.note(it));
    }
    if !arguments.query.is_empty() || !arguments.build.packs.is_empty() {
        let (n, all) = (chosen.len(), count(inspection.assets.len() as u64, "asset"));
        cx.console.say(format_args!("{n} of {all}, {}", size(chosen.iter().map(|it| it.bytes).sum())));
    }
    let n_errors = inspection.diagnostics.iter().filter(|it| it.is_error()).count() as u64;
    if n_errors > 0 {
        cx.console.note(format_args!("the workspace has {}; `packwright check` shows them", count(n_errors, "error")));
    }
    Ok(exit)
}

fn is_in_any(asset: &Asset, packs: &[String]) -> bool {
    packs.is_empty() || asset.packs.iter().any(|it| packs.contains(it))
}

/// Refuses types that no asset can have: whoever misspells one must not take an empty list for an answer.
fn known_kinds(given: &[String]) -> Result<()> {
    let known = || kinds::all().iter().map(|it| it.name);
    match given.iter().find(|it| known().all(|known| known != **it)) {
        None => Ok(()),
        Some(unknown) => {
            let known = known().collect::<Vec<_>>().join("`, `");
            Err(Error::Usage(format!("there is no type `{}`; there are `{known}`", clean(unknown))))
        }
    }
}

/// Returns assets as a table. Which packs they are in is only told where there are several. On a terminal, which is so
/// many columns wide, names that say what the place says are left out, and long places are shortened.
fn shown(assets: &[&Asset], config: &Config, columns: Option<usize>) -> String {
    let with_packs = config.packs.all().len() > 1;
    let mut rows: Vec<[String; 8]> = assets.iter().map(|it| row(it, with_packs)).collect();
    if columns.is_some() {
        let repeating = assets.iter().zip(&mut rows).filter(|it| repeats_place(it.0, config));
        repeating.for_each(|(_, row)| row[NAME].clear());
    }
    let has_names = rows.iter().any(|it| !it[NAME].is_empty());
    let packs = if with_packs { "packs" } else { "" };
    let name = if has_names { "name" } else { "" };
    let header = ["id", "type", "inputs", "size", packs, "place", name, ""].map(paint::heading);
    fitted(std::iter::once(header).chain(rows), &[0, 2, 3], columns, &[PLACE, NAME])
}

/// The columns of a row that may be too long.
const PLACE: usize = 5;
const NAME: usize = 6;

fn row(asset: &Asset, with_packs: bool) -> [String; 8] {
    let id = asset.identity.map_or_else(|| "-".to_owned(), |it| it.1.to_string());
    let marks = [
        (asset.change == Some(Change::New), paint::good("(new)")),
        (matches!(asset.change, Some(Change::TakenOver { .. })), paint::good("(moved)")),
        (asset.excluded, paint::faint("(excluded)")),
        (asset.broken, paint::bad("(broken)")),
    ];
    let marks = marks.into_iter().filter(|it| it.0).map(|it| it.1).collect::<Vec<_>>().join(" ");
    let packs = match (with_packs, asset.packs.is_empty()) {
        (false, _) => String::new(),
        (true, true) => "-".to_owned(),
        (true, false) => asset.packs.join(","),
    };
    let place = match asset.part.as_str() {
        "" => clean(asset.place.as_str()),
        part => clean(&format!("{}#{part}", asset.place)),
    };
    let (inputs, bytes) = (asset.inputs.to_string(), size(asset.bytes));
    [id, clean(&asset.kind), inputs, bytes, packs, place, clean(&asset.name), marks]
}

/// Returns whether an asset's name says what its place says: it is the default one, or that without the extension.
fn repeats_place(asset: &Asset, config: &Config) -> bool {
    let default = config.default_name(asset.place.as_str());
    let dir = default.len() - file_name(&default).len();
    let stem = file_name(&default).rsplit_once('.').map_or(default.len(), |it| dir + it.0.len());
    asset.part.is_empty() && (asset.name == default || asset.name == default[..stem])
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use anstream::adapter::strip_str;
    use expect_test::expect;

    use super::*;
    use crate::build::Options;
    use crate::driver::Engine;
    use crate::model::registry;
    use crate::system::memory::MemorySystem;
    use crate::workspace::layout::Workspace;

    #[test]
    fn a_list_fits_on_a_screen() {
        let disk = Arc::new(MemorySystem::new());
        let config = r#"
            workspace = "00000000-0000-4000-8000-000000000000"
            roots = [{ path = "assets" }]
            [[rules]]
            match = "{dir}/{stem}.txt"
            name = "{dir}/{stem}"
            type = "raw"
        "#;
        disk.write("/ws/packwright.toml", config);
        (0..registry::N_FILES).for_each(|it| disk.write(format!("/ws/{}", registry::file_path(it)), ""));
        let long = format!("/ws/assets/very/long/{}/end.txt", vec!["way"; 20].join("/"));
        for path in ["/ws/assets/a/b.txt", "/ws/assets/\u{97f3}\u{697d}/\u{6b4c}.txt", &long, "/ws/assets/a/named.txt"]
        {
            disk.write(path, "x");
        }
        disk.write("/ws/assets/a/named.txt.asset.json", r#"{ "name": "other" }"#);
        disk.settle();
        let engine = Engine::new(Workspace::new(disk, "/ws".into()));
        let inspection = engine.inspect(&Options::default()).expect("a workspace");
        let told = |all: bool, screen| {
            let assets: Vec<&Asset> = inspection.assets.iter().filter(|it| all || it.name != "other").collect();
            strip_str(&shown(&assets, &inspection.config, screen)).to_string()
        };
        expect![[r#"
            id  type  inputs  size  place                   name
             1  raw        1   1 B  assets/a/b.txt                 (new)
             2  raw        1   1 B  assets/a/named.txt      other  (new)
             3  raw        1   1 B  assets/very/l…/end.txt         (new)
             4  raw        1   1 B  assets/音楽/歌.txt             (new)
        "#]]
        .assert_eq(&told(true, Some(60)));
        // Where no name says anything, there is no column for them.
        expect![[r#"
            id  type  inputs  size  place
             1  raw        1   1 B  assets/a/b.txt                 (new)
             3  raw        1   1 B  assets/very/long/way…/end.txt  (new)
             4  raw        1   1 B  assets/音楽/歌.txt             (new)
        "#]]
        .assert_eq(&told(false, Some(60)));
        // Off a screen everything is there, and what is too long pads nothing else.
        expect![[r#"
            id  type  inputs  size  place               name
             1  raw        1   1 B  assets/a/b.txt      a/b      (new)
             2  raw        1   1 B  assets/a/named.txt  other    (new)
             3  raw        1   1 B  assets/very/long/way/way/way/way/way/way/way/way/way/way/way/way/way/way/way/way/way/way/way/way/end.txt  very/long/way/way/way/way/way/way/way/way/way/way/way/way/way/way/way/way/way/way/way/way/end  (new)
             4  raw        1   1 B  assets/音楽/歌.txt  音楽/歌  (new)
        "#]].assert_eq(&told(true, None));
    }

    #[test]
    fn lengths_have_signs_and_units() {
        for (text, inside, outside) in [
            (">1MB", &[1_000_001, u64::MAX][..], &[0, 1_000_000][..]),
            (">= 1 MiB", &[1 << 20], &[(1 << 20) - 1]),
            ("<1k", &[0, 1023], &[1024]),
            ("<=64kB", &[64_000], &[64_001]),
            ("12", &[12], &[11, 13]),
            ("=12B", &[12], &[11, 13]),
            ("<0", &[], &[0, 1, u64::MAX]),
            (">18446744073709551615", &[], &[0, 1]),
        ] {
            let sizes = Sizes::parse(text).expect(text);
            assert!(inside.iter().all(|it| sizes.holds(*it)), "{text}");
            assert!(!outside.iter().any(|it| sizes.holds(*it)), "{text}");
        }
        for no in ["", ">", "MB", "1XB", "1.5MB", "-1", "=>1", "1 k i b", "99999999999TiB", "1bb", "1kbb"] {
            assert!(Sizes::parse(no).is_err(), "{no}");
        }
    }
}
