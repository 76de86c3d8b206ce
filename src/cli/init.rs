//! `packwright init`: makes a workspace of a directory, through the lane.
//!
//! Looks at what files are there and proposes rules for them; writes `packwright.toml` and the registry, and nothing
//! else of the author's.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::Serialize;

use super::console::Console;
use super::exit::Exit;
use super::json::{Format, Version};
use super::open::shown;
use super::table::table;
use super::words::{clean, count, extensions};
use super::{Context, demo};
use crate::error::{Error, IoContext, Result};
use crate::lane;
use crate::model::path::{ASSET_JSON, SIDECAR_SUFFIX};
use crate::model::registry::{self, N_FILES};
use crate::model::{AssetUuid, RelPath};
use crate::process::kinds;
use crate::system::{Disk, FileKind};
use crate::workspace::layout::{CONFIG_FILE, REGISTRY_DIR, Workspace, discover};
use crate::workspace::lookup::is_declaration;
use crate::write::{create, random_uuid, registry_files};

/// The directories that are taken for the sources', the first that is there; the second is Unity's.
const USUAL_ROOTS: [&str; 2] = ["assets", "Assets"];

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// The directory, created where absent [default: .]
    #[arg(value_name = "DIR")]
    target: Option<PathBuf>,
    /// Fill it with a small generated workspace, always the same
    #[arg(long)]
    demo: bool,
    /// How the report is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: Format,
}

/// What was made.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "packwright init --format json")]
pub struct InitDocument {
    /// Version of this form.
    version: Version,
    /// The files that were written, relative to the workspace.
    written: Vec<String>,
    /// The rules that were proposed; empty where `packwright.toml` was there already.
    rules: Vec<RuleEntry>,
    /// The patterns that were proposed for what is no asset.
    ignored: Vec<IgnoredEntry>,
}

/// A pattern for what is to be ignored.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, JsonSchema)]
struct IgnoredEntry {
    /// What it matches.
    what: &'static str,
    /// The pattern, as in a `.gitignore`.
    pattern: String,
    /// How many files it matches; absent for a directory that was not looked into.
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<u64>,
    /// Those of them that lie beside no file that they could belong to, where others do.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alone: Vec<RelPath>,
}

/// A proposed rule.
#[derive(Serialize, JsonSchema)]
struct RuleEntry {
    /// Its pattern.
    pattern: String,
    /// The type of what it claims.
    #[serde(rename = "type")]
    kind: String,
    /// How many files there are for it.
    files: u64,
}

pub fn run(cx: &Context, arguments: &Arguments) -> Result<Exit> {
    let dir = arguments.target.as_ref().map_or_else(|| cx.base.clone(), |it| cx.base.join(it));
    cx.disk.create_dir_all(&dir).context("create", &dir)?;
    let ws = Workspace::new(cx.disk.clone(), cx.disk.canonicalize(&dir).context("find", &dir)?);
    lane::open(&*ws.disk, &ws.root, "packwright init", std::process::id())?;
    let config = RelPath::new(CONFIG_FILE).expect("a plain file name is a path");
    let has_config = lane::read_file_through(&*ws.disk, &ws.root, &config)?.is_some();
    let n_there = registry_files_there(&ws)?;
    if let Some(reason) = refusal(&ws, has_config, n_there, arguments.demo)? {
        return Ok(refuse(cx, arguments, &reason));
    }
    let (mut files, rules, ignored) = if arguments.demo {
        (demo::files(), Vec::new(), Vec::new())
    } else if has_config {
        (Vec::new(), Vec::new(), Vec::new())
    } else {
        let survey = Survey::of(&ws)?;
        let text = survey.config(random_uuid()?);
        (vec![(config, text.into_bytes())], survey.rules(), survey.ignored())
    };
    // A registry that is there stays as it is, and so do the identities in it.
    files.extend(if n_there == 0 { registry_files() } else { Vec::new() });
    let written: Vec<String> = files.iter().map(|it| it.0.to_string()).collect();
    if let Some(reason) = commit(&ws, files)? {
        return Ok(refuse(cx, arguments, &reason));
    }
    if arguments.format == Format::Json {
        cx.console.print_json(&InitDocument { version: Version, written, rules, ignored })?;
        return Ok(Exit::Done);
    }
    tell(&cx.console, &ws, arguments, has_config, &rules, &ignored);
    if n_there > 0 {
        cx.console.warn(format_args!(
            "packwright.toml is new, {REGISTRY_DIR} was there and stays as it is: if version control has the \
             packwright.toml that belongs to it, restore that one"
        ));
    }
    if let Some(above) = ws.root.parent().and_then(|it| discover(&*ws.disk, it)) {
        cx.console.warn(format_args!("this workspace lies in another one: {}", shown(&above)));
    }
    Ok(Exit::Done)
}

fn refuse(cx: &Context, arguments: &Arguments, reason: &str) -> Exit {
    super::refused(&cx.console, arguments.format, &format!("{reason}; nothing was changed"))
}

fn registry_files_there(ws: &Workspace) -> Result<usize> {
    let paths: Vec<RelPath> = (0..N_FILES).map(registry::file_path).collect();
    Ok(lane::read_through(&*ws.disk, &ws.root, &paths)?.iter().flatten().count())
}

/// Says why nothing can be made here.
fn refusal(ws: &Workspace, has_config: bool, n_there: usize, demo: bool) -> Result<Option<String>> {
    let root = shown(&ws.root);
    Ok(match (has_config, n_there) {
        (true, N_FILES) => Some(format!("`{root}` is already a workspace")),
        (false, 0) => None,
        // Whoever lost packwright.toml for good writes a new one, and the assets stay what they are.
        (false, N_FILES) if !demo => None,
        (false, N_FILES) => Some(format!("`{root}` has a {REGISTRY_DIR} already")),
        (_, 0) if demo => Some(format!("`{root}` has a packwright.toml already")),
        // Once something was registered, an absent registry was lost, and would be another one if it were made anew.
        (true, 0) if lane::entries(&*ws.disk, &ws.root)?.is_empty() => None,
        (_, n) => Some(format!(
            "`{root}` has {n} of the {N_FILES} files of {REGISTRY_DIR}{}; restore {} from version control",
            if has_config { "" } else { " and no packwright.toml" },
            if n == 0 { "them" } else { "the others" }
        )),
    })
}

/// Writes all files or none, and says why none were.
fn commit(ws: &Workspace, files: Vec<(RelPath, Vec<u8>)>) -> Result<Option<String>> {
    match create(ws, files) {
        Ok(()) => Ok(None),
        Err(Error::Conflict { path }) => Ok(Some(format!("`{}` is there already", shown(&path)))),
        Err(error) => Err(error),
    }
}

fn tell(
    console: &Console,
    ws: &Workspace,
    arguments: &Arguments,
    has_config: bool,
    rules: &[RuleEntry],
    ignored: &[IgnoredEntry],
) {
    let root = shown(&ws.root);
    if arguments.demo {
        console.say(format_args!("made a demo workspace in {root}"));
    } else if has_config {
        console.say(format_args!("made {REGISTRY_DIR} beside the packwright.toml that is there, in {root}"));
    } else {
        console.say(format_args!("made a workspace in {root}"));
        console.say("proposed these rules in packwright.toml:");
        let row = |it: &RuleEntry| [clean(&it.pattern), it.kind.clone(), count(it.files, "file")];
        table(rules.iter().map(row), &[]).lines().for_each(|it| console.say(format_args!("  {it}")));
        for found in ignored.chunk_by(|a, b| a.what == b.what) {
            console.tell(2, format_args!("ignored, {}: {}", found[0].what, patterns(found)));
        }
    }
    let elsewhere = arguments.target.as_ref().filter(|it| *it != std::path::Path::new("."));
    let enter = elsewhere.map_or_else(String::new, |it| format!("cd {} && ", shown(it)));
    console.tell(2, format_args!("next: {enter}packwright build, then commit packwright.toml and {REGISTRY_DIR}"));
}

/// Returns patterns with what they match, in a few words, the most frequent first.
fn patterns(ignored: &[IgnoredEntry]) -> String {
    const SHOWN: usize = 8;
    let mut found: Vec<&IgnoredEntry> = ignored.iter().collect();
    found.sort_by_key(|it| std::cmp::Reverse(it.files));
    let word = |it: &&IgnoredEntry| match it.files {
        Some(n) => format!("{n} {}", clean(&it.pattern)),
        None => clean(&it.pattern),
    };
    let mut words: Vec<String> = found.iter().take(SHOWN).map(word).collect();
    if found.len() > SHOWN {
        words.push(format!("and {} more patterns", found.len() - SHOWN));
    }
    words.join(", ")
}

/// What is found beside assets and is none, by extension in lower case.
const LEFT_OUT: [(&str, &[&str]); 5] = [
    (SIDE_FILES, &["import", "meta", "translation", "uid"]),
    (BACKUPS, &["bak", "orig", "tmp", "swp", "autosave", "blend1", "blend2", "blend3"]),
    (
        "working files of art programs and editors",
        &[
            "psd",
            "psb",
            "xcf",
            "kra",
            "clip",
            "ase",
            "aseprite",
            "blend",
            "spp",
            "sbs",
            "max",
            "ma",
            "mb",
            "c4d",
            "ztl",
            "afphoto",
            "afdesign",
            "tiled-project",
            "tiled-session",
        ],
    ),
    (SETTINGS, &["asmdef", "asmref", "gdextension", "remap", "uplugin", "uproject"]),
    (
        CODE,
        &[
            "rs", "c", "cc", "cpp", "cxx", "h", "hh", "hpp", "cs", "csproj", "sln", "go", "java", "kt", "swift", "py",
            "gd", "godot", "rb", "sh", "bat", "ps1", "cmake", "mk", "lock", "md", "rst", "toml", "gradle",
        ],
    ),
];
const SIDE_FILES: &str = "side files of engines";
const BACKUPS: &str = "backups and leftovers";
const SETTINGS: &str = "settings of engines and tools";
const CODE: &str = "program code and its papers";
const SYSTEM: &str = "what systems leave behind";
const CACHES: &str = "what tools make anew";
const PASSED_OVER: &str = "what engines pass over";
/// Papers and programs without an extension.
const PAPERS: &[&str] = &[
    "AUTHORS",
    "CHANGELOG",
    "CONTRIBUTING",
    "COPYING",
    "Dockerfile",
    "INSTALL",
    "LICENCE",
    "LICENSE",
    "Makefile",
    "NEWS",
    "README",
    "TODO",
];
/// What is known by its whole name, whatever else lies beside it: of systems, and of engines' exports (one holds secrets).
const ALWAYS_LEFT_OUT: [(&str, &[&str]); 2] = [
    (SYSTEM, &["Thumbs.db", "ehthumbs.db", "desktop.ini"]),
    (SETTINGS, &["export_presets.cfg", "export_credentials.cfg"]),
];
/// Settings of the web's tools, where a whole project is looked at and not its assets alone.
const WEB_SETTINGS: &[&str] =
    &["package.json", "package-lock.json", "pnpm-lock.yaml", "tsconfig.json", "jsconfig.json", "composer.json"];
/// What ends the names of settings that are programs.
const WEB_PROGRAMS: &[&str] = &[".config.js", ".config.cjs", ".config.mjs", ".config.ts"];
/// What is of the same sort as the files of a type, and goes into the pack as it is all the same.
const NOT_READ: [(&str, &[&str]); 2] = [
    (
        "image",
        &[
            "apng", "avif", "bmp", "dds", "exr", "gif", "hdr", "ico", "jpeg", "jpg", "jxl", "ktx", "ktx2", "pcx",
            "qoi", "svg", "tga", "tif", "tiff", "webp",
        ],
    ),
    ("model", &["3ds", "b3d", "dae", "fbx", "iqm", "md2", "md3", "mdl", "obj", "ply", "stl", "vox", "x"]),
];
/// Directories of what tools make anew, wherever they lie. Others say so themselves, by a file in them.
const MADE_ANEW: &[&str] = &["node_modules", "__pycache__", "__MACOSX"];
/// Directories of the same kind beside an Unreal project.
const UNREAL: &[&str] = &["Binaries", "DerivedDataCache", "Intermediate", "Saved"];
/// Files by which a directory says that it holds nothing of interest: to backups, and to Godot.
const SAY_SO: [(&str, &str); 2] = [("CACHEDIR.TAG", CACHES), (".gdignore", PASSED_OVER)];
/// How many files are named that a pattern covers although they may be none such.
const MOST_NAMED: usize = 3;
/// Those of [`CODE`] that may be an asset's just as well, where no program lies beside them.
const EITHER: &[&str] = &["h", "lock", "md", "rst", "toml"];
/// Those that are what they seem to be where they lie beside the file that they are named after: `hero.png.import`.
const BESIDE: &[&str] = &["import", "meta", "translation", "uid"];
/// What files there are, by extension as it is written; those without one have the empty extension.
#[derive(Debug, Default)]
struct Survey {
    root: String,
    extensions: BTreeMap<String, u64>,
    /// Of those that may be side files: what lies beside the file that it is named after, and what does not.
    beside: BTreeMap<String, Beside>,
    /// Of which some are meant to be assets, or are inputs of one.
    meant: BTreeSet<String>,
    /// What is known by its name: what it is, a pattern, and how many there are, by extension.
    named: BTreeMap<(&'static str, String), BTreeMap<String, u64>>,
    /// Patterns of what is known by its name, of which some are meant to be assets, or may be inputs of one.
    meant_names: BTreeSet<String>,
    /// Patterns of directories that were not looked into.
    caches: BTreeMap<String, &'static str>,
    /// What begins with a dot and is never looked at, by name.
    hidden: BTreeMap<String, u64>,
}

/// Files with one extension of [`BESIDE`].
#[derive(Debug, Default)]
struct Beside {
    /// How many lie beside the file that they are named after, by all that follows its name: `png.meta`.
    with: BTreeMap<String, u64>,
    /// How many lie beside a file or directory without an extension.
    plain: u64,
    /// The others.
    without: BTreeSet<RelPath>,
}

impl Beside {
    fn n_with(&self) -> u64 {
        self.with.values().sum::<u64>() + self.plain
    }

    /// Returns those that lie beside nothing, and are not named like any that does.
    fn alone(&self) -> impl Iterator<Item = &RelPath> {
        let ending = |it: &RelPath| it.name().split_once('.').map(|it| it.1.to_owned());
        let is_gone = move |it: &RelPath| ending(it).is_some_and(|it| self.with.keys().any(|with| it.ends_with(with)));
        self.without.iter().filter(move |it| !is_gone(it))
    }

    /// Returns whether so many of them are side files that a pattern for all of them is right.
    fn is_usual(&self) -> bool {
        self.n_with() > 0 && self.n_with() >= 9 * self.without.len() as u64
    }
}

const NONE_YET: &str = "none yet";

/// A directory to look into.
struct Found {
    dir: RelPath,
    /// Whether it belongs to an `asset.json` at or above it.
    is_declared: bool,
}

/// Returns whether files with this extension are mostly made by tools on the side.
fn is_leftover(extension: &str) -> bool {
    let lower = extension.to_ascii_lowercase();
    let is_such = |it: &&(&str, &[&str])| [SIDE_FILES, BACKUPS].contains(&it.0) && it.1.contains(&lower.as_str());
    lower.ends_with('~') || LEFT_OUT.iter().find(is_such).is_some()
}

/// Returns whether a file of this name is program code, and could not be an asset's just as well.
fn is_program(name: &str) -> bool {
    let extension = name.rsplit_once('.').map_or("", |it| it.1).to_ascii_lowercase();
    let code = LEFT_OUT.iter().find(|it| it.0 == CODE).map_or(&[][..], |it| it.1);
    code.contains(&&*extension) && !EITHER.contains(&&*extension)
}

/// Returns whether a link in the workspace leads to a directory further down in it, where a root may be.
fn leads_to_directory(ws: &Workspace, link: &str) -> bool {
    let Ok(target) = ws.disk.canonicalize(&ws.root.join(link)) else { return false };
    let is_dir = || ws.disk.stat(&target).is_ok_and(|it| it.kind == FileKind::Dir);
    let is_hidden = |below: &Path| below.components().any(|it| it.as_os_str().as_encoded_bytes().starts_with(b"."));
    target.strip_prefix(&ws.root).is_ok_and(|it| it != Path::new("") && !is_hidden(it)) && is_dir()
}

impl Survey {
    fn of(ws: &Workspace) -> Result<Self> {
        let listed = ws.disk.open_dir(&ws.root).and_then(|it| it.list(Path::new(""))).context("list", &ws.root)?;
        // As the name is spelled, whatever else would find it too.
        let is_dir = |it: &str, kind: FileKind| match kind {
            FileKind::Dir => true,
            FileKind::Link => leads_to_directory(ws, it),
            FileKind::File | FileKind::Other => false,
        };
        let is_there = |it: &&&str| listed.iter().any(|entry| entry.name == **it && is_dir(it, entry.kind));
        let root = USUAL_ROOTS.iter().find(is_there).copied().unwrap_or(".");
        let mut survey = Self { root: root.to_owned(), ..Self::default() };
        let top = if root == "." { RelPath::root() } else { RelPath::root().child(root) };
        let mut dirs = vec![Found { dir: top, is_declared: false }];
        while let Some(found) = dirs.pop() {
            ws.check_stop()?;
            survey.take(&*ws.disk, &ws.abs(&found.dir), &found, &mut dirs)?;
        }
        survey.spare_meant();
        Ok(survey)
    }

    fn take(&mut self, disk: &dyn Disk, native: &Path, found: &Found, dirs: &mut Vec<Found>) -> Result<()> {
        let dir = &found.dir;
        let entries = disk.open_dir(native).and_then(|it| it.list(Path::new(""))).context("list", native)?;
        let is_workspace = entries.iter().any(|it| it.name == CONFIG_FILE);
        let names: BTreeSet<&OsStr> = entries.iter().map(|it| it.name.as_os_str()).collect();
        let says_so = SAY_SO.iter().find(|it| names.contains(OsStr::new(it.0)));
        // Whoever declares assets in there means them.
        let declares = || names.iter().any(|it| it.as_encoded_bytes().ends_with(ASSET_JSON.as_bytes()));
        if let Some((_, what)) = says_so.filter(|_| !dir.is_root() && dir.as_str() != self.root && !declares()) {
            self.caches.insert(format!("/{}/", escaped(dir.as_str())), what);
            return Ok(());
        }
        let is_declared = found.is_declared || names.contains(OsStr::new(ASSET_JSON));
        let is_unreal = names.iter().any(|it| Path::new(it).extension().is_some_and(|it| it == "uproject"));
        let has_programs = dir.is_root() || entries.iter().filter_map(|it| it.name.to_str()).any(is_program);
        for entry in &entries {
            let Some(name) = entry.name.to_str() else { continue };
            let path = dir.child(name);
            let is_own = Workspace::is_own(path.as_str()) || (is_workspace && Workspace::is_own_of_nested(name));
            if name.starts_with('.') && SAY_SO.iter().all(|it| it.0 != name) {
                *self.hidden.entry(name.to_owned()).or_default() += 1;
            }
            if name.starts_with('.') || is_own {
                continue;
            }
            match entry.kind {
                FileKind::Dir if MADE_ANEW.contains(&name) => drop(self.caches.insert(format!("{name}/"), CACHES)),
                FileKind::Dir if is_unreal && UNREAL.contains(&name) => {
                    self.caches.insert(format!("/{}/", escaped(path.as_str())), CACHES);
                }
                // Unity looks into none of these.
                FileKind::Dir if name.ends_with('~') => drop(self.caches.insert("*~/".to_owned(), PASSED_OVER)),
                FileKind::Dir => dirs.push(Found { dir: path, is_declared }),
                // They say what others are.
                FileKind::File | FileKind::Link if is_declaration(path.as_str()) => {}
                FileKind::File | FileKind::Link => {
                    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
                    let has_sidecar = names.contains(OsStr::new(&format!("{name}{SIDECAR_SUFFIX}")));
                    if let Some((what, pattern)) = self.by_name(name) {
                        if has_sidecar || (is_declared && [SETTINGS, CODE].contains(&what)) {
                            self.meant_names.insert(pattern.clone());
                        }
                        let extensions = self.named.entry((what, pattern)).or_default();
                        *extensions.entry(extension.to_owned()).or_default() += 1;
                        continue;
                    }
                    *self.extensions.entry(extension.to_owned()).or_default() += 1;
                    let is_either = EITHER.contains(&extension.to_ascii_lowercase().as_str());
                    // Leftovers lie in such directories as anywhere.
                    let may_be_input = is_declared && !is_leftover(extension);
                    if may_be_input || has_sidecar || (is_either && !has_programs) {
                        self.meant.insert(extension.to_owned());
                    }
                    if BESIDE.contains(&extension) {
                        let beside = self.beside.entry(extension.to_owned()).or_default();
                        // Of `texts.csv` Godot makes `texts.en.translation`.
                        let table = stem.split_once('.').map(|it| format!("{}.csv", it.0));
                        let table = table.filter(|_| extension == "translation");
                        let is_made = table.is_some_and(|it| names.contains(OsStr::new(&it)));
                        match stem.rsplit_once('.') {
                            _ if !is_made && !names.contains(OsStr::new(stem)) => drop(beside.without.insert(path)),
                            Some((_, of)) if !is_made => {
                                *beside.with.entry(format!("{of}.{extension}")).or_default() += 1;
                            }
                            _ => beside.plain += 1,
                        }
                    }
                }
                FileKind::Other => {}
            }
        }
        Ok(())
    }

    /// Counts what is known by its name among the others, where some of it is meant.
    fn spare_meant(&mut self) {
        let meant = std::mem::take(&mut self.meant_names);
        let spared = self.named.extract_if(.., |(_, pattern), _| meant.contains(pattern));
        for (extension, n) in spared.flat_map(|it| it.1) {
            *self.extensions.entry(extension).or_default() += n;
        }
    }

    /// Says what a file is that is known by its name, and the pattern for such.
    fn by_name(&self, name: &str) -> Option<(&'static str, String)> {
        if let Some((what, _)) = ALWAYS_LEFT_OUT.iter().find(|it| it.1.contains(&name)) {
            return Some((*what, name.to_owned()));
        }
        // Locks of office programs, and what Emacs saves meanwhile.
        if name.starts_with("~$") {
            return Some((BACKUPS, "~$*".to_owned()));
        }
        if name.len() > 2 && name.starts_with('#') && name.ends_with('#') {
            return Some((BACKUPS, r"\#*#".to_owned()));
        }
        if let Some(map) = [".js.map", ".mjs.map", ".css.map"].iter().find(|it| name.ends_with(**it)) {
            return Some((CACHES, format!("*{map}")));
        }
        // In a directory of assets a text is one; Unity's holds programs too.
        if self.root == USUAL_ROOTS[0] {
            return None;
        }
        let of_paper = |it: &&&str| name == **it || name.strip_suffix(".txt") == Some(**it);
        if PAPERS.iter().find(of_paper).is_some() {
            return Some((CODE, name.to_owned()));
        }
        if WEB_SETTINGS.contains(&name) {
            return Some((SETTINGS, name.to_owned()));
        }
        WEB_PROGRAMS.iter().find(|it| name.ends_with(**it)).map(|it| (SETTINGS, format!("*{it}")))
    }

    /// Returns a rule for each kind that knows its files by extension, and one for everything else.
    fn rules(&self) -> Vec<RuleEntry> {
        let mut rules = Vec::new();
        let mut claimed = 0;
        for kind in kinds::all().iter().filter(|it| !it.extensions.is_empty()) {
            let files = self.of_kind(kind.name).map(|it| it.1).sum();
            let mut spelled: Vec<&str> = kind.extensions.to_vec();
            // As they are written here: patterns tell upper from lower case.
            spelled.extend(self.of_kind(kind.name).map(|it| it.0).filter(|it| !kind.extensions.contains(it)));
            let pattern = match spelled.as_slice() {
                [only] => format!("**/*.{only}"),
                all => format!("**/*.{{{}}}", all.join(",")),
            };
            claimed += files;
            rules.push(RuleEntry { pattern, kind: kind.name.to_owned(), files });
        }
        let all: u64 = self.assets().map(|it| it.1).sum();
        rules.push(RuleEntry { pattern: "**/*".to_owned(), kind: "raw".to_owned(), files: all - claimed });
        rules
    }

    /// Says what files with an extension are that are no assets; `None` for those that may be.
    fn no_asset(&self, extension: &str) -> Option<&'static str> {
        let lower = extension.to_ascii_lowercase();
        if self.meant.contains(extension) {
            return None;
        }
        if lower.ends_with('~') {
            return Some(BACKUPS);
        }
        let (what, _) = LEFT_OUT.iter().find(|it| it.1.contains(&lower.as_str()))?;
        // In a directory of assets a text is one; Unity's holds programs too.
        if *what == CODE && self.root == USUAL_ROOTS[0] {
            return None;
        }
        // Such a name may mean something else here; of a few the file that they lay beside may be gone.
        let is_other = BESIDE.contains(&extension) && !self.beside.get(extension).is_some_and(Beside::is_usual);
        (!is_other).then_some(*what)
    }

    /// Returns patterns for what is no asset, by what it is.
    fn ignored(&self) -> Vec<IgnoredEntry> {
        let mut by_pattern: BTreeMap<(&'static str, String), u64> = BTreeMap::new();
        for (extension, n) in &self.extensions {
            let Some(what) = self.no_asset(extension) else { continue };
            let pattern = if extension.ends_with('~') { "*~".to_owned() } else { format!("*.{extension}") };
            *by_pattern.entry((what, pattern)).or_default() += n;
        }
        // Where such a name mostly means something else, those that lie beside a file are known by the names of both.
        for (_, beside) in self.beside.iter().filter(|it| !it.1.is_usual() && !self.meant.contains(it.0)) {
            by_pattern.extend(beside.with.iter().map(|(ending, n)| ((SIDE_FILES, format!("*.{ending}")), *n)));
        }
        by_pattern.extend(self.named.iter().map(|(it, n)| (it.clone(), n.values().sum())));
        let alone = |it: &String| -> Vec<RelPath> {
            let beside = it.strip_prefix("*.").and_then(|it| self.beside.get(it));
            beside.map(|it| it.alone().cloned().collect()).unwrap_or_default()
        };
        let entry = |((what, pattern), n)| IgnoredEntry { alone: alone(&pattern), what, pattern, files: Some(n) };
        let mut ignored: Vec<IgnoredEntry> = by_pattern.into_iter().map(entry).collect();
        let cache = |(it, what): (&String, &&'static str)| IgnoredEntry {
            what,
            pattern: it.clone(),
            files: None,
            alone: Vec::new(),
        };
        ignored.extend(self.caches.iter().map(cache));
        let order = |it: &str| LEFT_OUT.iter().position(|known| known.0 == it).unwrap_or(LEFT_OUT.len());
        ignored.sort_by(|a, b| order(a.what).cmp(&order(b.what)).then_with(|| a.cmp(b)));
        ignored
    }

    /// Returns how many files of which extension may be assets.
    fn assets(&self) -> impl Iterator<Item = (&str, u64)> {
        let may_be = self.extensions.iter().filter(|it| self.no_asset(it.0).is_none());
        may_be.map(|(extension, n)| {
            let beside = self.beside.get(extension).filter(|_| !self.meant.contains(extension));
            (extension.as_str(), n - beside.map_or(0, |it| it.with.values().sum()))
        })
    }

    fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, u64)> {
        let is_such = move |it: &(&String, &u64)| kinds::default_kind_for_extension(it.0) == Some(kind);
        self.extensions.iter().filter(is_such).map(|it| (it.0.as_str(), *it.1))
    }

    /// Returns how many files have which extension, in a few words.
    fn in_words(&self, is_wanted: impl Fn(&str) -> bool) -> String {
        let found = self.assets().filter(|it| it.1 > 0 && is_wanted(it.0));
        let words = extensions(found);
        if words.is_empty() { NONE_YET.to_owned() } else { words }
    }

    /// Returns the text of `packwright.toml`.
    fn config(&self, workspace: AssetUuid) -> String {
        let mut text = String::from("# What packwright makes of the files here. `packwright build` reads it.\n\n");
        let root = &self.root;
        let _ =
            write!(text, "# Tells this workspace from all others. Leave it as it is.\nworkspace = \"{workspace}\"\n\n");
        self.propose_ignore(&mut text);
        if let Some((first, _)) = self.hidden.first_key_value() {
            let n: u64 = self.hidden.values().sum();
            let what = if n == 1 { "begins" } else { "begin" };
            let first = clean(first);
            let _ = write!(text, "# {n} here {what} with a dot, like `{first}`: hidden, and never looked at.\n\n");
        }
        let _ = write!(
            text,
            "[[roots]]\npath = \"{root}\"\n\n\
             # Rules make assets of files that have no declaration of their own; the first that matches claims the\n\
             # file. `exclude = true` keeps what a rule claims out of the pack.\n"
        );
        for RuleEntry { pattern, kind, .. } in self.rules() {
            let found = match kind.as_str() {
                "raw" => self.in_words(|it| kinds::default_kind_for_extension(it).is_none()),
                kind => self.in_words(|it| kinds::default_kind_for_extension(it) == Some(kind)),
            };
            let about = match kind.as_str() {
                "raw" => "\n# Everything else goes into the pack as it is.",
                "model" => "\n# Buffers and images that a model names are found by themselves.",
                _ => "",
            };
            let left = NOT_READ.iter().filter(|it| it.0 == kind).flat_map(|it| it.1);
            let left: BTreeSet<&str> =
                left.copied().filter(|it| kinds::default_kind_for_extension(it).is_none()).collect();
            let left = self.in_words(|it| left.contains(it.to_ascii_lowercase().as_str()));
            let left = if left == NONE_YET { String::new() } else { format!(" Left to the last rule: {left}.") };
            let _ =
                write!(text, "{about}\n# Here: {found}.{left}\n[[rules]]\nmatch = \"{pattern}\"\ntype = \"{kind}\"\n");
        }
        text.push_str(
            "\n# While you work, a broken asset is left out with a warning; a release refuses to be built with one.\n\
             [profiles.dev]\nbroken = \"omit\"\n",
        );
        text
    }

    fn propose_ignore(&self, text: &mut String) {
        let ignored = self.ignored();
        if ignored.is_empty() {
            return;
        }
        text.push_str("# What lies here and is no asset, as in a .gitignore: it is not even looked at.\nignore = [\n");
        for found in ignored.chunk_by(|a, b| a.what == b.what) {
            let _ = writeln!(text, "  # {}", in_capitals(found[0].what));
            for it in found {
                let pattern = toml_string(&it.pattern);
                let n = it.files.map_or_else(|| "not looked into".to_owned(), |n| count(n, "file"));
                let _ = writeln!(text, "  {pattern}, # {n}{}", told_alone(&it.alone));
            }
        }
        text.push_str("]\n\n");
    }
}

/// Says which files a pattern covers that may be assets, for a comment.
fn told_alone(alone: &[RelPath]) -> String {
    let Some((_, more)) = alone.split_at_checked(MOST_NAMED).or(Some((alone, &[]))) else { return String::new() };
    let named: Vec<String> = alone.iter().take(MOST_NAMED).map(|it| clean(it.as_str()).to_string()).collect();
    match (named.is_empty(), more.len()) {
        (true, _) => String::new(),
        (false, 0) => format!("; is {} one?", named.join(", ")),
        (false, n) => format!("; are {} and {n} more such?", named.join(", ")),
    }
}

/// Returns a sentence with its first letter as a capital.
fn in_capitals(text: &str) -> String {
    let (first, rest) = text.split_at(text.len().min(1));
    first.to_ascii_uppercase() + rest
}

/// Returns a path as a pattern that matches it and nothing else.
fn escaped(path: &str) -> String {
    path.chars().flat_map(|it| r"\*?[]{}!# ".contains(it).then_some('\\').into_iter().chain([it])).collect()
}

fn toml_string(text: &str) -> String {
    toml_edit::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::config::Config;

    fn survey(extensions: &[(&str, u64)]) -> Survey {
        let extensions = extensions.iter().map(|(it, n)| ((*it).to_owned(), *n)).collect();
        Survey { root: "assets".to_owned(), extensions, ..Survey::default() }
    }

    #[test]
    fn what_is_proposed_is_a_configuration() {
        let many: Vec<(String, u64)> = (0..20).map(|it| (format!("x{it}\u{1b}\"\n"), it)).collect();
        let many: Vec<(&str, u64)> = many.iter().map(|it| (it.0.as_str(), it.1)).collect();
        for survey in [survey(&[]), survey(&[("png", 3), ("PNG", 1), ("gltf", 2), ("", 1)]), survey(&many)] {
            let text = survey.config(AssetUuid([7; 16]));
            let (config, problems) = Config::parse(text.as_bytes(), &kinds::Check);
            assert_eq!(problems, [], "{text}");
            assert_eq!(config.expect("it is one").rules.all().len(), 4);
        }
    }

    #[test]
    fn extensions_count_as_they_are_written() {
        let rules = survey(&[("png", 3), ("PNG", 1), ("Glb", 2), ("bin", 4), ("", 1)]).rules();
        let shown: Vec<String> = rules.iter().map(|it| format!("{} {} {}", it.pattern, it.kind, it.files)).collect();
        let sounds = "**/*.{flac,mp3,oga,ogg,opus,wav,wave} audio 0";
        assert_eq!(shown, [sounds, "**/*.{png,PNG} image 4", "**/*.{glb,gltf,Glb} model 2", "**/* raw 5"]);
    }

    #[test]
    fn what_is_no_asset_is_left_out() {
        let mut survey = survey(&[
            ("png", 3),
            ("import", 3),
            ("meta", 4),
            ("psd", 1),
            ("png~", 2),
            ("ogg~", 1),
            ("ogg", 2),
            ("", 1),
        ]);
        let beside = |with: &[(&str, u64)], without: &[&str]| Beside {
            with: with.iter().map(|(it, n)| ((*it).to_owned(), *n)).collect(),
            without: without.iter().map(|it| RelPath::new(it).expect("a path")).collect(),
            plain: 0,
        };
        survey.beside = [
            ("import".to_owned(), beside(&[("png.import", 3)], &[])),
            ("meta".to_owned(), beside(&[("png.meta", 2)], &["a/one.meta", "a/two.meta"])),
        ]
        .into();
        let shown: Vec<String> = survey.rules().iter().map(|it| format!("{} {}", it.pattern, it.files)).collect();
        assert_eq!(shown, ["**/*.{flac,mp3,oga,ogg,opus,wav,wave} 2", "**/*.png 3", "**/*.{glb,gltf} 0", "**/* 3"]);
        let ignored = |survey: &Survey| -> Vec<String> {
            let shown = |it: &IgnoredEntry| format!("{}: {:?} {}", it.what, it.files, it.pattern);
            survey.ignored().iter().map(shown).collect()
        };
        let mut expected = vec![
            "side files of engines: Some(3) *.import",
            "side files of engines: Some(2) *.png.meta",
            "backups and leftovers: Some(3) *~",
            "working files of art programs and editors: Some(1) *.psd",
        ];
        assert_eq!(ignored(&survey), expected);
        survey.named = [((CODE, "LICENSE".to_owned()), [(String::new(), 2)].into())].into();
        survey.caches = [("/a\\[b/".to_owned(), CACHES), ("node_modules/".to_owned(), CACHES)].into();
        expected.extend([
            "program code and its papers: Some(2) LICENSE",
            "what tools make anew: None /a\\[b/",
            "what tools make anew: None node_modules/",
        ]);
        assert_eq!(ignored(&survey), expected);
        let text = survey.config(AssetUuid([7; 16]));
        assert_eq!(Config::parse(text.as_bytes(), &kinds::Check).1, [], "{text}");
    }
}
