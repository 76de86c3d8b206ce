//! What the tests of this folder share: trees of paths, processors that exist only as settings, and diagnostics as text.

use serde::Deserialize;

use super::bucket::{Entry, Kind, Tree};
use super::config::{CONFIG_FILE, Config};
use crate::model::diagnostic::sort;
use crate::model::node::{Node, Value, decode_all};
use crate::model::{Diagnostic, Digest, Looks, RelPath, SettingsCheck};
use crate::system::{FileKind, Stamp};

/// Knows `image` with a few settings, and `raw` without any.
pub struct Kinds;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Image {
    mode: Option<Mode>,
    max: u32,
    scale: f64,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Keep,
    Rgba8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {}

impl SettingsCheck for Kinds {
    fn kinds(&self) -> &[&str] {
        &["image", "raw"]
    }

    fn check(&self, kind: &str, node: &Node, file: &RelPath, text: &str) -> Vec<Diagnostic> {
        let mut diagnostics = Vec::new();
        if kind == "image" {
            decode_all::<Image>(node, file, text, &mut diagnostics);
        } else {
            decode_all::<Raw>(node, file, text, &mut diagnostics);
        }
        diagnostics
    }
}

pub fn path(text: &str) -> RelPath {
    RelPath::new(text).expect("a path in normal form")
}

/// Returns a tree of files, each of which holds its path.
pub fn tree_of(paths: &[&str]) -> Tree {
    let stamp = Stamp { kind: FileKind::File, size: 1, mtime_ns: 0, ctime_ns: 0, inode: 0, device: 0, mode: 0 };
    let entry = |it: &&str| Entry {
        path: path(it),
        kind: Kind::File,
        racy: false,
        stamp,
        digest: Digest::of(it.as_bytes()),
        looks: Looks::default(),
        link: None,
    };
    Tree::of(paths.iter().map(entry).collect())
}

/// Returns a configuration without mistakes.
pub fn config(text: &str) -> Config {
    let (config, diagnostics) = Config::parse(text.as_bytes(), &Kinds);
    assert_eq!(shown(CONFIG_FILE, text, diagnostics), "");
    config.expect("a configuration")
}

/// Returns diagnostics as text, each with the stretch that it points at.
pub fn shown(file: &str, text: &str, mut diagnostics: Vec<Diagnostic>) -> String {
    sort(&mut diagnostics);
    let mut shown = String::new();
    for it in &diagnostics {
        let location = it.location.as_ref().expect("a place");
        assert_eq!(location.path.as_str(), file);
        let at = location.span.map_or("(file)".to_owned(), |span| {
            let stretch = text.get(span.start as usize..span.end as usize).expect("a stretch of the file");
            format!("{} `{stretch}`", span.line)
        });
        shown += &format!("{at}: {} {}\n", it.code, it.message);
        for related in &it.related {
            let line = related.location.span.map_or(0, |it| it.line);
            shown += &format!("    line {line}: {}\n", related.message);
        }
        if let Some(help) = &it.help {
            shown += &format!("    help: {help}\n");
        }
    }
    shown
}

/// A value of each type, as JSON.
pub const VALUES: [&str; 7] = ["null", "true", "-7", "0.5", "\"x\"", "[]", "{}"];

/// Checks a file in all the ways it can be broken: `text` cut at every byte, and each of its values replaced by
/// one of each type. `check` is given the broken text and must give diagnostics inside it.
pub fn break_everywhere(text: &str, root: &Node, check: &dyn Fn(&[u8]) -> Vec<Diagnostic>) {
    let sound = |broken: &[u8]| {
        for it in check(broken) {
            let span = it.location.and_then(|it| it.span);
            assert!(span.is_none_or(|it| it.start <= it.end && it.end as usize <= broken.len()));
        }
    };
    for at in 0..text.len() {
        sound(&text.as_bytes()[..at]);
        sound(&[&text.as_bytes()[..at], b"\xff", &text.as_bytes()[at..]].concat());
    }
    let mut ranges = Vec::new();
    collect_ranges(root, &mut ranges);
    for range in ranges {
        for value in VALUES {
            sound(format!("{}{value}{}", &text[..range.start], &text[range.end..]).as_bytes());
        }
    }
}

fn collect_ranges(node: &Node, ranges: &mut Vec<std::ops::Range<usize>>) {
    ranges.push(node.range.start as usize..node.range.end as usize);
    if let Value::Array(items) = &node.value {
        items.iter().for_each(|it| collect_ranges(it, ranges));
    }
    node.entries().iter().for_each(|(_, it)| collect_ranges(it, ranges));
}
