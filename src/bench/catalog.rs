//! What there is in a workspace to be changed: its sources, which of them can be edited and stay valid, its
//! declarations, directories, and the tag that many assets share.
//!
//! A source can be edited when it is the file of a `raw` or an `image` asset, or lies in the directory of an asset of
//! those kinds that takes all that is in there: for `raw` every content is valid, and a PNG can carry a text more.
//! Others (models, links, what is only looked at by other assets) are left alone.

use std::collections::BTreeMap;
use std::path::Path;

use super::edit::File;
use crate::build::inspect::Asset;
use crate::model::declaration::Form;
use crate::process::kinds;
use crate::workspace::config::Config;
use crate::workspace::layout::CONFIG_FILE;
use crate::workspace::lookup::is_declaration;

/// Directories with more sources than this are not renamed: it would be a move of everything.
const MOST_RENAMED: usize = 1000;
/// Kinds whose sources stay valid when they are edited as `edit.rs` does.
const EDITABLE_KINDS: [&str; 2] = ["raw", "image"];

/// The files that are one asset, declaration included: their copy under other names is another one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Template {
    /// What is named anew: the file that the asset is, or its directory.
    pub place: String,
    /// Its files, by path; all of them are the place, in it, or begin with its name.
    pub files: Vec<File>,
    /// Whether the place is a directory.
    pub is_dir: bool,
}

/// What there is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Catalog {
    /// Every regular file among the sources, by path.
    pub files: Vec<File>,
    /// Those that can be edited, by path.
    pub editable: Vec<File>,
    /// Assets that can be added once more.
    pub templates: Vec<Template>,
    /// The declarations, by path.
    pub declarations: Vec<File>,
    /// Directories below the roots with a handful of sources.
    pub dirs: Vec<String>,
    /// The text of `packwright.toml`.
    pub config: String,
    /// How many assets each rule claims, by its number.
    pub claims: BTreeMap<usize, usize>,
}

impl Catalog {
    /// Looks through a workspace: its sources by path, its assets, the text of its `packwright.toml`.
    pub fn of(files: Vec<File>, roots: &[String], assets: &[Asset], config: String) -> Self {
        let by_path: BTreeMap<&str, &File> = files.iter().map(|it| (it.path.as_str(), it)).collect();
        let find = |path: &str| by_path.get(path).map(|it| (*it).clone());
        let mut catalog = Self { dirs: handy_dirs(&files, roots), config, ..Self::default() };
        for asset in assets {
            if let Form::Rule(nth) = asset.form {
                *catalog.claims.entry(nth).or_default() += 1;
            }
            if asset.excluded || asset.broken || !asset.part.is_empty() {
                continue;
            }
            let is_editable = EDITABLE_KINDS.contains(&&*asset.kind);
            let place = asset.place.as_str();
            match &asset.form {
                Form::Directory(file) => {
                    catalog.declarations.extend(find(file.as_str()));
                    let inside: Vec<File> = payloads_below(&files, place).cloned().collect();
                    if is_editable && inside.len() as u64 == asset.inputs {
                        catalog.add_template(place, true, inside.iter().cloned().chain(find(file.as_str())));
                        catalog.editable.extend(inside);
                    }
                }
                Form::Sidecar(file) => {
                    catalog.declarations.extend(find(file.as_str()));
                    if is_editable {
                        catalog.add_template(place, false, find(place).into_iter().chain(find(file.as_str())));
                        catalog.editable.extend(find(place));
                    }
                }
                // What a rule takes together lies at no path of its own.
                Form::Rule(_) if is_editable && by_path.contains_key(place) => {
                    catalog.add_template(place, false, find(place));
                    catalog.editable.extend(find(place));
                }
                Form::Rule(_) => {}
            }
        }
        catalog.keep_usual_templates();
        for list in [&mut catalog.editable, &mut catalog.declarations] {
            list.sort_by(|a, b| a.path.cmp(&b.path));
            list.dedup();
        }
        catalog.files = files;
        catalog
    }

    fn add_template(&mut self, place: &str, is_dir: bool, files: impl IntoIterator<Item = File>) {
        let mut files: Vec<File> = files.into_iter().collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        self.templates.push(Template { place: place.to_owned(), files, is_dir });
    }

    /// Keeps the templates of the form that most assets have, by place.
    fn keep_usual_templates(&mut self) {
        // A file alone, with a sidecar, a directory.
        let form = |it: &Template| if it.is_dir { 2 } else { it.files.len().min(2) - 1 };
        let mut counts = [0; 3];
        self.templates.retain(|it| !it.files.is_empty());
        self.templates.iter().for_each(|it| counts[form(it)] += 1);
        let usual = (0..3).max_by_key(|it| (counts[*it], 3 - it)).unwrap_or(0);
        self.templates.retain(|it| form(it) == usual);
        self.templates.sort_by(|a, b| a.place.cmp(&b.place));
    }

    /// Returns the path of the configuration.
    pub fn config_path(&self) -> String {
        CONFIG_FILE.to_owned()
    }

    /// Returns the configuration with a tag more where it reaches the most assets: in the rule that claims most of
    /// them, or in the first preset where no rule claims any.
    ///
    /// # Errors
    ///
    /// Why there is no such place.
    pub fn config_with_tag(&self, tag: &str) -> Result<String, String> {
        let most = self.claims.iter().max_by_key(|(nth, count)| (**count, usize::MAX - **nth));
        let header = match most {
            Some((nth, _)) => header(&self.config, "[[rules]]", *nth),
            None => header(&self.config, "[presets.", 0),
        };
        let line = header.ok_or("no rule or preset stands in packwright.toml as a table of its own")?;
        let edited = with_tag(&self.config, line, tag);
        let (parsed, problems) = Config::parse(edited.as_bytes(), &kinds::Check);
        match parsed {
            Some(_) if problems.iter().all(|it| !it.is_error()) => Ok(edited),
            _ => Err("its packwright.toml is written in a way that no tag can be added to".to_owned()),
        }
    }
}

/// Returns the payloads below a directory; none where another `asset.json` cuts something off.
fn payloads_below<'a>(files: &'a [File], place: &'a str) -> impl Iterator<Item = &'a File> {
    let start = files.partition_point(|it| it.path.as_str() < place);
    let below = move |it: &&File| it.path.strip_prefix(place).is_some_and(|it| it.starts_with('/'));
    // Names like `place-2` lie between the directory and what is in it.
    let around = files[start..].iter().take_while(move |it| it.path.starts_with(place));
    around.filter(below).filter(|it| !is_declaration(&it.path))
}

/// Returns the directories below the roots that hold a quarter of all sources at most (or two), and no more than one
/// renames without a second thought. Of those the fullest, so that it is of one kind what is renamed.
fn handy_dirs(files: &[File], roots: &[String]) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for file in files {
        let dirs = Path::new(&file.path).ancestors().skip(1).filter_map(Path::to_str);
        dirs.filter(|it| !it.is_empty()).for_each(|it| *counts.entry(it).or_default() += 1);
    }
    let most = (files.len() / 4).clamp(2, MOST_RENAMED);
    let is_handy = |dir: &str, count: usize| !roots.iter().any(|it| it == dir) && (1..=most).contains(&count);
    let all: Vec<(&str, usize)> = counts.into_iter().filter(|it| is_handy(it.0, it.1)).collect();
    // Directories of one asset each are many where they are; a directory of several says more.
    let fullest = all.iter().map(|it| it.1).max().unwrap_or(0);
    all.into_iter().filter(|it| it.1 * 2 > fullest).map(|it| it.0.to_owned()).collect()
}

/// Returns the number of the line that is the nth header of this kind.
fn header(config: &str, begin: &str, nth: usize) -> Option<usize> {
    let is_header = |it: &(usize, &str)| it.1.split_whitespace().collect::<String>().starts_with(begin);
    config.lines().enumerate().filter(is_header).nth(nth).map(|it| it.0)
}

/// Returns a text of TOML with a tag more in the table whose header is this line.
fn with_tag(config: &str, header: usize, tag: &str) -> String {
    let mut lines: Vec<String> = config.lines().map(str::to_owned).collect();
    let table = &lines[header + 1..];
    let end = table.iter().position(|it| it.trim_start().starts_with('[')).unwrap_or(table.len());
    let is_tags = |it: &&String| it.split('=').next().is_some_and(|key| key.trim() == "tags");
    match table[..end].iter().position(|it| is_tags(&it)) {
        Some(nth) => {
            let line = &mut lines[header + 1 + nth];
            *line = line.replacen('[', &format!("[\"{tag}\", "), 1);
        }
        None => lines.insert(header + 1, format!("tags = [\"{tag}\"]")),
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::RelPath;

    fn files(paths: &[&str]) -> Vec<File> {
        paths.iter().map(|it| File { path: (*it).to_owned(), len: 1 }).collect()
    }

    fn asset(place: &str, kind: &str, form: Form, inputs: u64) -> Asset {
        Asset {
            identity: None,
            change: None,
            name: place.to_owned(),
            kind: kind.into(),
            place: RelPath::new(place).expect("a path"),
            part: String::new(),
            form,
            tags: Vec::new(),
            packs: Vec::new(),
            inputs,
            bytes: 0,
            excluded: false,
            broken: false,
            untried: false,
            others: Vec::new(),
            rule: None,
        }
    }

    fn paths(files: &[File]) -> Vec<&str> {
        files.iter().map(|it| it.path.as_str()).collect()
    }

    #[test]
    fn what_stays_valid_can_be_edited() {
        let path = |it: &str| RelPath::new(it).expect("a path");
        let all = files(&[
            "a/all/asset.json",
            "a/all/x.txt",
            "a/all-2.txt",
            "a/m.glb",
            "a/p.png",
            "a/s.txt",
            "a/s.txt.asset.json",
            "a/some/asset.json",
            "a/some/y.txt",
            "a/some/z.txt",
        ]);
        let excluded = Asset { excluded: true, ..asset("a/all-2.txt", "raw", Form::Rule(1), 1) };
        let assets = [
            asset("a/all", "raw", Form::Directory(path("a/all/asset.json")), 1),
            asset("a/some", "raw", Form::Directory(path("a/some/asset.json")), 1),
            asset("a/s.txt", "raw", Form::Sidecar(path("a/s.txt.asset.json")), 1),
            asset("a/m.glb", "model", Form::Rule(0), 1),
            asset("a/p.png", "image", Form::Rule(1), 1),
            excluded,
        ];
        let catalog = Catalog::of(all, &["a".to_owned()], &assets, String::new());
        assert_eq!(paths(&catalog.editable), ["a/all/x.txt", "a/p.png", "a/s.txt"]);
        let templates: Vec<_> = catalog.templates.iter().map(|it| (it.place.as_str(), paths(&it.files))).collect();
        assert_eq!(templates, [("a/p.png", vec!["a/p.png"])]);
        assert_eq!(paths(&catalog.declarations), ["a/all/asset.json", "a/s.txt.asset.json", "a/some/asset.json"]);
        assert_eq!(catalog.claims, [(0, 1), (1, 2)].into());
        let arc: Arc<str> = "raw".into();
        assert!(EDITABLE_KINDS.iter().all(|it| kinds::find(it).is_some()) && EDITABLE_KINDS.contains(&&*arc));
    }

    #[test]
    fn the_usual_form_of_assets_is_added_once_more() {
        let path = |it: &str| RelPath::new(it).expect("a path");
        let all = files(&["a/d/asset.json", "a/d/x.txt", "a/s.txt", "a/s.txt.asset.json"]);
        let dir = asset("a/d", "raw", Form::Directory(path("a/d/asset.json")), 1);
        let sidecar = asset("a/s.txt", "raw", Form::Sidecar(path("a/s.txt.asset.json")), 1);
        let templates = |assets: &[Asset]| Catalog::of(all.clone(), &["a".to_owned()], assets, String::new()).templates;
        let of_dir = templates(std::slice::from_ref(&dir));
        assert_eq!((of_dir[0].is_dir, paths(&of_dir[0].files)), (true, vec!["a/d/asset.json", "a/d/x.txt"]));
        let usual = templates(&[dir, sidecar]);
        assert_eq!((usual.len(), paths(&usual[0].files)), (1, vec!["a/s.txt", "a/s.txt.asset.json"]));
    }

    #[test]
    fn directories_of_a_handful_are_renamed() {
        let mut many: Vec<String> = (0..100).map(|it| format!("a/big/{it:03}")).collect();
        many.extend((0..8).map(|it| format!("a/small/{it}")));
        many.extend((0..3).map(|it| format!("a/small/in/{it}")));
        let all = files(&many.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(handy_dirs(&all, &["a".to_owned()]), ["a/small"]);
        assert_eq!(handy_dirs(&files(&["a/x"]), &["a".to_owned()]), [""; 0]);
        assert_eq!(handy_dirs(&files(&["a/b/x"]), &["a".to_owned()]), ["a/b"]);
    }

    const CONFIG: &str = "workspace = \"00000000-0000-4000-8000-000000000000\"\nroots = [{ path = \"a\" }]\n\
                          [presets.p]\ntags = [\"x\"]\n\n[[rules]]\nmatch = \"*.a\"\ntype = \"raw\"\n\
                          [[ rules ]] # second\nmatch = \"*.b\"\ntype = \"raw\"\ntags = [ \"y\" ]\n";

    fn tagged(config: &str, claims: &[(usize, usize)]) -> Result<String, String> {
        let claims = claims.iter().copied().collect();
        let catalog = Catalog { config: config.to_owned(), claims, ..Catalog::default() };
        let edited = catalog.config_with_tag("new")?;
        Ok(edited.lines().filter(|it| !config.lines().any(|line| line == *it)).collect())
    }

    #[test]
    fn a_tag_goes_where_most_assets_are() {
        assert_eq!(tagged(CONFIG, &[(0, 2), (1, 1)]).expect("a rule"), "tags = [\"new\"]");
        assert_eq!(tagged(CONFIG, &[(0, 1), (1, 2)]).expect("a rule"), "tags = [\"new\",  \"y\" ]");
        assert_eq!(tagged(CONFIG, &[]).expect("a preset"), "tags = [\"new\", \"x\"]");
        let inline = CONFIG.split("[presets").next().expect("a part");
        assert!(tagged(inline, &[(0, 1)]).is_err() && tagged(inline, &[]).is_err());
    }
}
