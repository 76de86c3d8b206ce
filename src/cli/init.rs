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
use super::words::{count, extensions};
use super::{Context, demo};
use crate::error::{Error, IoContext, Result};
use crate::lane;
use crate::model::registry::{self, N_FILES};
use crate::model::{AssetUuid, RelPath};
use crate::process::kinds;
use crate::system::{Disk, FileKind};
use crate::workspace::layout::{CONFIG_FILE, REGISTRY_DIR, Workspace, discover};
use crate::write::{create, random_uuid, registry_files};

/// The directory that is taken for the sources' where it is there.
const USUAL_ROOT: &str = "assets";

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
    /// What no rule was proposed for.
    left_out: Vec<LeftEntry>,
}

/// Files that were left out.
#[derive(Serialize, JsonSchema)]
struct LeftEntry {
    /// What they are.
    what: String,
    /// Their extension, as it is written.
    extension: String,
    /// How many there are.
    files: u64,
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
    if let Some(reason) = refusal(&ws, has_config, arguments.demo)? {
        return Ok(refuse(cx, arguments, &reason));
    }
    let (mut files, rules, left_out) = if arguments.demo {
        (demo::files(), Vec::new(), Vec::new())
    } else if has_config {
        (Vec::new(), Vec::new(), Vec::new())
    } else {
        let survey = Survey::of(&ws)?;
        let text = survey.config(random_uuid()?);
        (vec![(config, text.into_bytes())], survey.rules(), survey.left_entries())
    };
    files.extend(registry_files());
    let written: Vec<String> = files.iter().map(|it| it.0.to_string()).collect();
    if let Some(reason) = commit(&ws, files)? {
        return Ok(refuse(cx, arguments, &reason));
    }
    if arguments.format == Format::Json {
        cx.console.print_json(&InitDocument { version: Version, written, rules, left_out })?;
        return Ok(Exit::Done);
    }
    tell(&cx.console, &ws, arguments, has_config, &rules, &left_out);
    if let Some(above) = ws.root.parent().and_then(|it| discover(&*ws.disk, it)) {
        cx.console.warn(format_args!("this workspace lies in another one: {}", shown(&above)));
    }
    Ok(Exit::Done)
}

fn refuse(cx: &Context, arguments: &Arguments, reason: &str) -> Exit {
    super::refused(&cx.console, arguments.format, &format!("{reason}; nothing was changed"))
}

/// Says why nothing can be made here.
fn refusal(ws: &Workspace, has_config: bool, demo: bool) -> Result<Option<String>> {
    let paths: Vec<RelPath> = (0..N_FILES).map(registry::file_path).collect();
    let n_there = lane::read_through(&*ws.disk, &ws.root, &paths)?.iter().flatten().count();
    let root = shown(&ws.root);
    Ok(match (has_config, n_there) {
        (true, N_FILES) => Some(format!("`{root}` is already a workspace")),
        (false, 0) => None,
        (true, 0) if demo => Some(format!("`{root}` has a packwright.toml already")),
        // Once something was registered, an absent registry was lost, and would be another one if it were made anew.
        (true, 0) if lane::entries(&*ws.disk, &ws.root)?.is_empty() => None,
        (_, n) => Some(format!(
            "`{root}` has {n} of the {N_FILES} files of {REGISTRY_DIR}{}; restore the others from version control",
            if has_config { "" } else { " and no packwright.toml" }
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
    left_out: &[LeftEntry],
) {
    let root = shown(&ws.root);
    if arguments.demo {
        console.say(format_args!("made a demo workspace in {root}"));
    } else if has_config {
        console.say(format_args!("made {REGISTRY_DIR} beside the packwright.toml that is there, in {root}"));
    } else {
        console.say(format_args!("made a workspace in {root}"));
        console.say("proposed these rules in packwright.toml:");
        let width = rules.iter().map(|it| it.pattern.len()).max().unwrap_or(0);
        for RuleEntry { pattern, kind, files } in rules {
            console.say(format_args!("  {pattern:width$}  {kind:6} {}", count(*files, "file")));
        }
        for (what, found) in by_what(left_out) {
            console.say(format_args!("left out: {what}: {}", extensions(found)));
        }
    }
    let elsewhere = arguments.target.as_ref().filter(|it| *it != std::path::Path::new("."));
    let enter = elsewhere.map_or_else(String::new, |it| format!("cd {} && ", shown(it)));
    console.say(format_args!("next: {enter}packwright build, then commit packwright.toml and {REGISTRY_DIR}"));
}

/// Returns what was left out, of each kind the extensions with the number of files.
fn by_what(left_out: &[LeftEntry]) -> Vec<(&str, Vec<(&str, u64)>)> {
    fn files(left: &[LeftEntry]) -> Vec<(&str, u64)> {
        left.iter().map(|it| (it.extension.as_str(), it.files)).collect()
    }
    let kinds = left_out.chunk_by(|a, b| a.what == b.what);
    kinds.map(|it| (it[0].what.as_str(), files(it))).collect()
}

/// What is found beside assets and is none, by extension in lower case.
const LEFT_OUT: [(&str, &[&str]); 4] = [
    ("side files of engines", &["import", "meta", "uid"]),
    ("backups and leftovers", &["bak", "orig", "tmp", "swp", "autosave", "blend1", "blend2", "blend3"]),
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
    (
        "program code and its papers",
        &[
            "rs", "c", "cc", "cpp", "cxx", "h", "hh", "hpp", "cs", "csproj", "sln", "go", "java", "kt", "swift", "py",
            "gd", "godot", "rb", "sh", "bat", "ps1", "cmake", "mk", "lock", "md", "rst", "toml", "gradle",
        ],
    ),
];
/// Those that are what they seem to be where they lie beside the file that they are named after: `hero.png.import`.
const BESIDE: &[&str] = &["import", "meta", "uid"];
/// A pattern with more extensions than this is nothing to read; then everything is taken.
const MOST_EXTENSIONS: usize = 48;

/// What files there are, by extension as it is written; those without one have the empty extension.
#[derive(Debug, Default)]
struct Survey {
    root: String,
    extensions: BTreeMap<String, u64>,
    /// Of those that may be side files: how many lie beside the file that they are named after.
    beside: BTreeMap<String, u64>,
}

impl Survey {
    fn of(ws: &Workspace) -> Result<Self> {
        let usual = ws.root.join(USUAL_ROOT);
        let root = match ws.disk.stat(&usual) {
            Ok(stamp) if stamp.kind == FileKind::Dir => USUAL_ROOT,
            _ => ".",
        };
        let mut survey = Self { root: root.to_owned(), ..Self::default() };
        let mut dirs = vec![if root == "." { RelPath::root() } else { RelPath::root().child(root) }];
        while let Some(dir) = dirs.pop() {
            ws.check_stop()?;
            survey.take(&*ws.disk, &ws.abs(&dir), &dir, &mut dirs)?;
        }
        Ok(survey)
    }

    fn take(&mut self, disk: &dyn Disk, native: &Path, dir: &RelPath, dirs: &mut Vec<RelPath>) -> Result<()> {
        let entries = disk.open_dir(native).and_then(|it| it.list(Path::new(""))).context("list", native)?;
        let is_workspace = entries.iter().any(|it| it.name == CONFIG_FILE);
        let names: BTreeSet<&OsStr> = entries.iter().map(|it| it.name.as_os_str()).collect();
        for entry in &entries {
            let Some(name) = entry.name.to_str() else { continue };
            let path = dir.child(name);
            let is_own = Workspace::is_own(path.as_str()) || (is_workspace && Workspace::is_own_of_nested(name));
            if name.starts_with('.') || is_own {
                continue;
            }
            match entry.kind {
                FileKind::Dir => dirs.push(path),
                FileKind::File | FileKind::Link => {
                    let (stem, extension) = name.rsplit_once('.').unwrap_or((name, ""));
                    *self.extensions.entry(extension.to_owned()).or_default() += 1;
                    if BESIDE.contains(&extension) && names.contains(OsStr::new(stem)) {
                        *self.beside.entry(extension.to_owned()).or_default() += 1;
                    }
                }
                FileKind::Other => {}
            }
        }
        Ok(())
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
        let files = self.extensions.values().sum::<u64>() - claimed;
        let (pattern, files) = match self.wanted() {
            None => ("**/*".to_owned(), files),
            Some(wanted) => match wanted.keys().copied().collect::<Vec<_>>().as_slice() {
                [only] => (format!("**/*.{only}"), wanted[only]),
                all => (format!("**/*.{{{}}}", all.join(",")), wanted.values().sum()),
            },
        };
        rules.push(RuleEntry { pattern, kind: "raw".to_owned(), files });
        rules
    }

    /// Says what files with an extension are that no rule is proposed for; `None` for those that may be assets.
    fn no_asset(&self, extension: &str) -> Option<&'static str> {
        let lower = extension.to_ascii_lowercase();
        if lower.ends_with('~') {
            return Some(LEFT_OUT[1].0);
        }
        let (what, _) = LEFT_OUT.iter().find(|it| it.1.contains(&lower.as_str()))?;
        // In a directory of assets a text is one.
        if *what == LEFT_OUT[3].0 && self.root != "." {
            return None;
        }
        // Such a name may mean something else here.
        let n_beside = self.beside.get(extension).copied().unwrap_or(0);
        let is_other = BESIDE.contains(&extension) && n_beside * 2 <= self.extensions[extension];
        (!is_other).then_some(*what)
    }

    /// Returns the extensions that go into the pack as they are; `None` where that is everything that no other rule
    /// claims.
    fn wanted(&self) -> Option<BTreeMap<&str, u64>> {
        let plain =
            |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_+".contains(&it));
        let raw = self.extensions.iter().filter(|it| kinds::default_kind_for_extension(it.0).is_none());
        let wanted = raw.filter(|it| self.no_asset(it.0).is_none() && plain(it.0));
        let wanted: BTreeMap<&str, u64> = wanted.map(|(it, n)| (it.as_str(), *n)).collect();
        let is_needed = self.extensions.keys().any(|it| self.no_asset(it).is_some());
        (is_needed && (1..=MOST_EXTENSIONS).contains(&wanted.len())).then_some(wanted)
    }

    /// Returns what no rule is proposed for, by what it is.
    fn left_entries(&self) -> Vec<LeftEntry> {
        let Some(wanted) = self.wanted() else { return Vec::new() };
        let mut left: Vec<LeftEntry> = Vec::new();
        for (extension, files) in &self.extensions {
            if !wanted.contains_key(extension.as_str()) && kinds::default_kind_for_extension(extension).is_none() {
                let what = self.no_asset(extension).unwrap_or("others").to_owned();
                left.push(LeftEntry { what, extension: extension.clone(), files: *files });
            }
        }
        let order = |it: &str| LEFT_OUT.iter().position(|known| known.0 == it).unwrap_or(LEFT_OUT.len());
        left.sort_by(|a, b| order(&a.what).cmp(&order(&b.what)).then_with(|| a.extension.cmp(&b.extension)));
        left
    }

    fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = (&'a str, u64)> {
        let is_such = move |it: &(&String, &u64)| kinds::default_kind_for_extension(it.0) == Some(kind);
        self.extensions.iter().filter(is_such).map(|it| (it.0.as_str(), *it.1))
    }

    /// Returns how many files have which extension, in a few words.
    fn in_words(&self, is_wanted: impl Fn(&str) -> bool) -> String {
        let found = self.extensions.iter().map(|it| (it.0.as_str(), *it.1)).filter(|it| is_wanted(it.0));
        let words = extensions(found);
        if words.is_empty() { "none yet".to_owned() } else { words }
    }

    /// Returns the text of `packwright.toml`.
    fn config(&self, workspace: AssetUuid) -> String {
        let mut text = String::from("# What packwright makes of the files here. `packwright build` reads it.\n\n");
        let root = &self.root;
        let _ = write!(
            text,
            "# Tells this workspace from all others. Leave it as it is.\nworkspace = \"{workspace}\"\n\n\
             [[roots]]\npath = \"{root}\"\n\n\
             # Rules make assets of files that have no declaration of their own; the first that matches claims the\n\
             # file. `exclude = true` keeps what a rule claims out of the pack.\n"
        );
        for RuleEntry { pattern, kind, .. } in self.rules() {
            let wanted = self.wanted();
            let found = match kind.as_str() {
                "raw" => self.in_words(|it| match &wanted {
                    Some(wanted) => wanted.contains_key(it),
                    None => kinds::default_kind_for_extension(it).is_none(),
                }),
                kind => self.in_words(|it| kinds::default_kind_for_extension(it) == Some(kind)),
            };
            let about = match kind.as_str() {
                "raw" if wanted.is_some() => "\n# These go into the pack as they are; `**/*` would take everything.",
                "raw" => "\n# Everything else goes into the pack as it is.",
                "model" => "\n# Buffers and images that a model names are found by themselves.",
                _ => "",
            };
            let _ = write!(text, "{about}\n# Here: {found}.\n[[rules]]\nmatch = \"{pattern}\"\ntype = \"{kind}\"\n");
        }
        let left_out = self.left_entries();
        if !left_out.is_empty() {
            text.push_str("\n# Left out, and shown by `packwright status` as claimed by nothing:\n");
            for (what, found) in by_what(&left_out) {
                let _ = writeln!(text, "# - {what}: {}", extensions(found));
            }
        }
        text.push_str(
            "\n# While you work, a broken asset is left out with a warning; a release refuses to be built with one.\n\
             [profiles.dev]\nbroken = \"omit\"\n",
        );
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::config::Config;

    fn survey(extensions: &[(&str, u64)]) -> Survey {
        let extensions = extensions.iter().map(|(it, n)| ((*it).to_owned(), *n)).collect();
        Survey { root: "assets".to_owned(), extensions, beside: BTreeMap::new() }
    }

    #[test]
    fn what_is_proposed_is_a_configuration() {
        let many: Vec<(String, u64)> = (0..20).map(|it| (format!("x{it}\u{1b}\"\n"), it)).collect();
        let many: Vec<(&str, u64)> = many.iter().map(|it| (it.0.as_str(), it.1)).collect();
        for survey in [survey(&[]), survey(&[("png", 3), ("PNG", 1), ("gltf", 2), ("", 1)]), survey(&many)] {
            let text = survey.config(AssetUuid([7; 16]));
            let (config, problems) = Config::parse(text.as_bytes(), &kinds::Check);
            assert_eq!(problems, [], "{text}");
            assert_eq!(config.expect("it is one").rules.all().len(), 3);
        }
    }

    #[test]
    fn extensions_count_as_they_are_written() {
        let rules = survey(&[("png", 3), ("PNG", 1), ("Glb", 2), ("bin", 4), ("", 1)]).rules();
        let shown: Vec<String> = rules.iter().map(|it| format!("{} {} {}", it.pattern, it.kind, it.files)).collect();
        assert_eq!(shown, ["**/*.{png,PNG} image 4", "**/*.{glb,gltf,Glb} model 2", "**/* raw 5"]);
    }

    #[test]
    fn what_is_no_asset_is_left_out() {
        let mut survey =
            survey(&[("png", 3), ("import", 3), ("meta", 4), ("psd", 1), ("png~", 2), ("ogg", 2), ("", 1)]);
        survey.beside = [("import".to_owned(), 3), ("meta".to_owned(), 2)].into();
        let shown: Vec<String> = survey.rules().iter().map(|it| format!("{} {}", it.pattern, it.files)).collect();
        assert_eq!(shown, ["**/*.png 3", "**/*.{glb,gltf} 0", "**/*.{meta,ogg} 6"]);
        let left = survey.left_entries();
        let left: Vec<String> = left.iter().map(|it| format!("{}: {} .{}", it.what, it.files, it.extension)).collect();
        assert_eq!(
            left,
            [
                "side files of engines: 3 .import",
                "backups and leftovers: 2 .png~",
                "working files of art programs and editors: 1 .psd",
                "others: 1 ."
            ]
        );
        let text = survey.config(AssetUuid([7; 16]));
        assert_eq!(Config::parse(text.as_bytes(), &kinds::Check).1, [], "{text}");
    }
}
