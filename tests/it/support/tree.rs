//! A workspace as a value: what is committed of it, read off a disk and laid onto another.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use packwright::internals::lane;
use packwright::internals::model::registry;
use packwright::internals::system::{FileKind, System};

use super::ground::Ground;

/// Something in a workspace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Node {
    File(Vec<u8>),
    Dir,
    Link(PathBuf),
    Fifo,
}

/// A workspace by path, relative to it.
pub type Tree = BTreeMap<String, Node>;

/// What packwright may throw away and make again, and what is its own state: never committed.
const IGNORED: [&str; 2] = [".packwright", "build"];

/// Reads everything that is committed of the workspace at `root`. A change of the registry that a crash left half
/// applied counts as applied.
pub fn committed(system: &dyn System, root: &Path) -> Tree {
    let mut tree = Tree::new();
    walk(system, root, "", &mut tree);
    let paths: Vec<_> = (0..registry::N_FILES).map(registry::file_path).collect();
    let files = lane::read_through(system, root, &paths).expect("the registry can be read");
    for (path, file) in paths.iter().zip(files) {
        match file {
            Some(bytes) => tree.insert(path.to_string(), Node::File(bytes)),
            None => tree.remove(path.as_str()),
        };
    }
    // What the lane had staged when it died.
    tree.retain(|path, _| !path.split('/').any(|it| it.starts_with(".packwright-")));
    tree
}

fn walk(system: &dyn System, root: &Path, dir: &str, tree: &mut Tree) {
    let at = if dir.is_empty() { root.to_owned() } else { root.join(dir) };
    let handle = system.open_dir(&at).expect("a directory");
    for entry in handle.list(Path::new("")).expect("a directory") {
        let name = entry.name.to_str().expect("tests use plain names");
        let path = if dir.is_empty() { name.to_owned() } else { format!("{dir}/{name}") };
        if IGNORED.contains(&path.as_str()) {
            continue;
        }
        let node = match entry.kind {
            FileKind::File => Node::File(read(system, &root.join(&path)).expect("it was just listed")),
            FileKind::Dir => {
                walk(system, root, &path, tree);
                Node::Dir
            }
            FileKind::Link => Node::Link(handle.read_link(Path::new(name)).expect("it was just listed")),
            FileKind::Other => Node::Fifo,
        };
        tree.insert(path, node);
    }
}

fn read(system: &dyn System, path: &Path) -> io::Result<Vec<u8>> {
    system.read(path, u64::MAX / 2)
}

/// Puts a workspace onto the ground.
pub fn lay(ground: &dyn Ground, root: &Path, tree: &Tree) {
    ground.mkdir(root);
    for (path, node) in tree {
        let at = root.join(path);
        match node {
            Node::File(bytes) => ground.write(&at, bytes),
            Node::Dir => ground.mkdir(&at),
            Node::Link(text) => ground.symlink(text, &at),
            Node::Fifo => ground.mkfifo(&at),
        }
    }
}

/// Reads every file below a directory, by path relative to it; none where there is no directory.
pub fn files_below(system: &dyn System, dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut tree = Tree::new();
    if system.open_dir(dir).is_ok() {
        walk(system, dir, "", &mut tree);
    }
    let files = tree.into_iter().filter_map(|(path, node)| match node {
        Node::File(bytes) => Some((path, bytes)),
        _ => None,
    });
    files.collect()
}

/// Reads what a build published: everything in its output directory but the lock.
pub fn published(system: &dyn System, out_dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = files_below(system, out_dir);
    files.remove(".lock");
    files
}

/// Returns the registry's files of a workspace.
pub fn registry_of(tree: &Tree) -> BTreeMap<String, Vec<u8>> {
    let files = tree.iter().filter_map(|(path, node)| match node {
        Node::File(bytes) if path.starts_with(registry::DIRECTORY) => Some((path.clone(), bytes.clone())),
        _ => None,
    });
    files.collect()
}

/// Returns what there is at and below `top`, by path relative to the workspace, links not followed.
pub fn kinds_below(system: &dyn System, root: &Path, top: &str) -> BTreeMap<String, FileKind> {
    let mut kinds = BTreeMap::new();
    let mut todo = vec![top.to_owned()];
    while let Some(path) = todo.pop() {
        let Ok(stamp) = system.stat(&root.join(&path)) else { continue };
        if stamp.kind == FileKind::Dir {
            let listed = system.open_dir(&root.join(&path)).and_then(|it| it.list(Path::new("")));
            let names = listed.expect("a directory").into_iter();
            let mut names: Vec<String> =
                names.map(|it| it.name.into_string().expect("tests use plain names")).collect();
            names.sort();
            todo.extend(names.iter().map(|it| format!("{path}/{it}")));
        }
        kinds.insert(path, stamp.kind);
    }
    kinds
}
