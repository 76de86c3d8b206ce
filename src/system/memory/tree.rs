//! The tree of a file system in memory: nodes by inode, names, times, and what of it a power loss would leave.
//!
//! Every name and every content exists twice: as programs see it now, and as the disk would have it after
//! the power went. The second follows the first only where somebody synced. Knows nothing of handles,
//! locks or counters.

use std::collections::{BTreeMap, VecDeque};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::super::{FileKind, Stamp};

/// The number of a node; never given twice.
pub(super) type Inode = u64;
/// The directory `/`.
pub(super) const ROOT: Inode = 1;

/// As many links as Linux follows in one path.
const MAX_LINKS: usize = 40;
/// As long as a name may be on the usual file systems, in bytes.
const MAX_NAME: usize = 255;
const DEVICE: u64 = 7;
const BLOCK: usize = 4096;
/// Some afternoon in 2023.
const START_NS: i64 = 1_700_000_000_000_000_000;
/// The step that `OsSystem` assumes of a fine clock.
const GRANULARITY_NS: i64 = 10_000_000;

/// What a power loss leaves of that which nobody synced. Disks do all of these.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unsynced {
    /// Nothing: old names, old contents; a new file that kept its name is empty.
    Lost,
    /// The names are new, the contents old or empty.
    NamesKept,
    /// The names are new, and of the contents a part.
    Torn,
    /// Each name and each block is new or old, as the coin of this seed falls.
    ByChance(u64),
}

#[derive(Clone)]
pub(super) struct Node {
    pub body: Body,
    pub mtime_ns: i64,
    pub ctime_ns: i64,
    pub mode: u32,
}

#[derive(Clone)]
pub(super) enum Body {
    File(Contents),
    Dir(Names),
    Link(PathBuf),
    /// A FIFO: it has a name and a stamp and no contents.
    Other,
}

#[derive(Clone, Default)]
pub(super) struct Contents {
    pub live: Arc<Vec<u8>>,
    /// As of the last sync; `None` when there was none.
    durable: Option<Arc<Vec<u8>>>,
}

#[derive(Clone)]
pub(super) struct Names {
    pub parent: Inode,
    pub live: BTreeMap<OsString, Inode>,
    durable: BTreeMap<OsString, Inode>,
}

/// Where a path leads: a name in a directory, and the node that has it.
pub(super) struct Found {
    pub dir: Inode,
    pub name: OsString,
    pub inode: Option<Inode>,
}

impl Found {
    /// Returns the node, or the error that there is none.
    pub fn existing(&self) -> io::Result<Inode> {
        self.inode.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

#[derive(Clone)]
pub(super) struct Tree {
    nodes: BTreeMap<Inode, Node>,
    next_inode: Inode,
    /// Runs on in `advance` and by `tick_ns` with each change; files only see its whole steps.
    pub clock_ns: i64,
    pub tick_ns: i64,
    pub granularity_ns: i64,
    pub read_only: bool,
    /// Whether a file may have more than one name.
    pub has_links: bool,
    /// Whether two names can be swapped.
    pub can_exchange: bool,
}

impl Tree {
    pub fn new() -> Self {
        let mut tree = Self {
            nodes: BTreeMap::new(),
            next_inode: ROOT,
            clock_ns: START_NS,
            tick_ns: 0,
            granularity_ns: GRANULARITY_NS,
            read_only: false,
            has_links: true,
            can_exchange: true,
        };
        tree.add(Body::Dir(Names::below(ROOT)));
        tree
    }

    pub fn node(&self, inode: Inode) -> &Node {
        self.nodes.get(&inode).expect("nodes are never taken away while a tree lives")
    }

    pub fn node_mut(&mut self, inode: Inode) -> &mut Node {
        self.nodes.get_mut(&inode).expect("nodes are never taken away while a tree lives")
    }

    pub fn names(&self, inode: Inode) -> io::Result<&Names> {
        match &self.node(inode).body {
            Body::Dir(names) => Ok(names),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    fn names_mut(&mut self, inode: Inode) -> io::Result<&mut Names> {
        match &mut self.node_mut(inode).body {
            Body::Dir(names) => Ok(names),
            _ => Err(io::ErrorKind::NotADirectory.into()),
        }
    }

    pub fn contents(&self, inode: Inode) -> io::Result<&Contents> {
        match &self.node(inode).body {
            Body::File(contents) => Ok(contents),
            body => Err(no_contents(body)),
        }
    }

    fn contents_mut(&mut self, inode: Inode) -> io::Result<&mut Contents> {
        match &mut self.node_mut(inode).body {
            Body::File(contents) => Ok(contents),
            body => Err(no_contents(body)),
        }
    }

    pub fn stamp(&self, inode: Inode) -> Stamp {
        let node = self.node(inode);
        let (kind, size) = match &node.body {
            Body::File(contents) => (FileKind::File, contents.live.len()),
            Body::Dir(_) => (FileKind::Dir, BLOCK),
            Body::Link(text) => (FileKind::Link, text.as_os_str().len()),
            Body::Other => (FileKind::Other, 0),
        };
        let (mtime_ns, ctime_ns) = (node.mtime_ns, node.ctime_ns);
        Stamp { kind, size: size as u64, mtime_ns, ctime_ns, inode, device: DEVICE, mode: node.mode }
    }

    // Paths.

    /// Follows an absolute path; the last component too if `follow`.
    pub fn find(&self, path: &Path, follow: bool) -> io::Result<Found> {
        if !path.has_root() {
            return Err(invalid("the path is not absolute"));
        }
        self.walk(ROOT, normal_components(path)?, follow)
    }

    /// Follows a relative path from a directory.
    pub fn find_below(&self, dir: Inode, path: &Path, follow: bool) -> io::Result<Found> {
        if path.has_root() {
            return Err(invalid("the path is absolute"));
        }
        self.walk(dir, normal_components(path)?, follow)
    }

    fn walk(&self, start: Inode, mut todo: VecDeque<OsString>, follow: bool) -> io::Result<Found> {
        let mut at = start;
        let mut links = 0;
        while let Some(name) = todo.pop_front() {
            let names = self.names(at)?;
            self.allow(at, 0o100)?;
            if name == "." || name == ".." {
                at = if name == "." { at } else { names.parent };
                continue;
            }
            let Some(&child) = names.live.get(&name) else {
                return if todo.is_empty() {
                    Ok(Found { dir: at, name, inode: None })
                } else {
                    Err(io::ErrorKind::NotFound.into())
                };
            };
            if let Body::Link(text) = &self.node(child).body
                && (follow || !todo.is_empty())
            {
                links += 1;
                if links > MAX_LINKS {
                    return Err(too_many_links());
                }
                at = if text.has_root() { ROOT } else { at };
                let parts: Vec<OsString> = text.components().filter_map(link_component).collect();
                parts.into_iter().rev().for_each(|it| todo.push_front(it));
                continue;
            }
            if todo.is_empty() {
                return Ok(Found { dir: at, name, inode: Some(child) });
            }
            at = child;
        }
        Ok(Found { dir: self.names(at).map_or(ROOT, |it| it.parent), name: OsString::new(), inode: Some(at) })
    }

    /// Returns an absolute path of a directory.
    pub fn path_of(&self, dir: Inode) -> PathBuf {
        let mut names = Vec::new();
        let mut at = dir;
        while at != ROOT {
            let parent = self.names(at).map_or(ROOT, |it| it.parent);
            let name = self.names(parent).ok().and_then(|it| it.live.iter().find(|(_, child)| **child == at));
            names.extend(name.map(|(name, _)| name.clone()));
            at = parent;
        }
        names.into_iter().rev().fold(PathBuf::from("/"), |path, name| path.join(name))
    }

    /// Refuses where the owner's permission bits lack `bit`.
    pub fn allow(&self, inode: Inode, bit: u32) -> io::Result<()> {
        if self.node(inode).mode & bit == 0 { Err(io::ErrorKind::PermissionDenied.into()) } else { Ok(()) }
    }

    // Changes.

    /// Returns the time that a file changed now would get.
    pub fn file_time(&self) -> i64 {
        self.clock_ns - self.clock_ns % self.granularity_ns.max(1)
    }

    fn allow_change(&mut self) -> io::Result<()> {
        if self.read_only {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        self.clock_ns += self.tick_ns;
        Ok(())
    }

    pub fn add(&mut self, body: Body) -> Inode {
        let now = self.file_time();
        let mode = match body {
            Body::File(_) | Body::Other => 0o644,
            Body::Dir(_) => 0o755,
            Body::Link(_) => 0o777,
        };
        let inode = self.next_inode;
        self.next_inode += 1;
        self.nodes.insert(inode, Node { body, mtime_ns: now, ctime_ns: now, mode });
        inode
    }

    /// Records that contents changed, or metadata alone.
    pub fn touch(&mut self, inode: Inode, contents: bool) {
        let now = self.file_time();
        let node = self.node_mut(inode);
        node.ctime_ns = now;
        if contents {
            node.mtime_ns = now;
        }
    }

    /// Adds a node under a name that is free.
    pub fn create(&mut self, found: &Found, body: Body) -> io::Result<Inode> {
        if found.inode.is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.change_names(found.dir)?;
        let is_dir = matches!(body, Body::Dir(_));
        let inode = self.add(body);
        if is_dir {
            self.names_mut(inode)?.parent = found.dir;
        }
        self.set_name(found.dir, &found.name, Some(inode))?;
        Ok(inode)
    }

    fn change_names(&mut self, dir: Inode) -> io::Result<()> {
        self.allow_change()?;
        self.allow(dir, 0o200)
    }

    fn set_name(&mut self, dir: Inode, name: &OsStr, inode: Option<Inode>) -> io::Result<()> {
        let names = self.names_mut(dir)?;
        match inode {
            Some(inode) => names.live.insert(name.to_owned(), inode),
            None => names.live.remove(name),
        };
        self.touch(dir, true);
        Ok(())
    }

    pub fn remove(&mut self, found: &Found, dir: bool) -> io::Result<()> {
        let inode = found.existing()?;
        match &self.node(inode).body {
            Body::Dir(_) if !dir => return Err(io::ErrorKind::IsADirectory.into()),
            Body::Dir(names) if !names.live.is_empty() => return Err(io::ErrorKind::DirectoryNotEmpty.into()),
            Body::Dir(_) => {}
            _ if dir => return Err(io::ErrorKind::NotADirectory.into()),
            _ => {}
        }
        self.change_names(found.dir)?;
        self.touch(inode, false);
        self.set_name(found.dir, &found.name, None)
    }

    /// Gives a file a second name, if the file system has such.
    pub fn link(&mut self, from: &Found, to: &Found) -> io::Result<()> {
        let inode = from.existing()?;
        if self.names(inode).is_ok() {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        if to.inode.is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        if !self.has_links {
            return Err(io::ErrorKind::Unsupported.into());
        }
        self.change_names(to.dir)?;
        self.set_name(to.dir, &to.name, Some(inode))?;
        self.touch(inode, false);
        Ok(())
    }

    pub fn rename(&mut self, from: &Found, to: &Found) -> io::Result<()> {
        let inode = from.existing()?;
        if to.inode == Some(inode) {
            return Ok(());
        }
        let is_dir = matches!(self.node(inode).body, Body::Dir(_));
        if let Some(replaced) = to.inode {
            match &self.node(replaced).body {
                Body::Dir(_) if !is_dir => return Err(io::ErrorKind::IsADirectory.into()),
                Body::Dir(names) if !names.live.is_empty() => return Err(io::ErrorKind::DirectoryNotEmpty.into()),
                Body::Dir(_) => {}
                _ if is_dir => return Err(io::ErrorKind::NotADirectory.into()),
                _ => {}
            }
        }
        if is_dir && self.is_below(to.dir, inode) {
            return Err(invalid("a directory cannot move into itself"));
        }
        self.change_names(from.dir)?;
        self.allow(to.dir, 0o200)?;
        self.set_name(from.dir, &from.name, None)?;
        self.set_name(to.dir, &to.name, Some(inode))?;
        self.touch(inode, false);
        if is_dir {
            self.names_mut(inode)?.parent = to.dir;
        }
        Ok(())
    }

    /// Lets two names swap what they name, if the file system can do that.
    pub fn exchange(&mut self, a: &Found, b: &Found) -> io::Result<()> {
        let inodes = [a.existing()?, b.existing()?];
        if !self.can_exchange {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let [is_above, is_below] = [self.is_below(a.dir, inodes[1]), self.is_below(b.dir, inodes[0])];
        if is_above || is_below {
            return Err(invalid("a directory cannot move into itself"));
        }
        self.change_names(a.dir)?;
        self.allow(b.dir, 0o200)?;
        for (to, inode) in [(a, inodes[1]), (b, inodes[0])] {
            self.set_name(to.dir, &to.name, Some(inode))?;
            self.touch(inode, false);
            if let Body::Dir(names) = &mut self.node_mut(inode).body {
                names.parent = to.dir;
            }
        }
        Ok(())
    }

    fn is_below(&self, dir: Inode, above: Inode) -> bool {
        let mut at = dir;
        while at != above && at != ROOT {
            at = self.names(at).map_or(ROOT, |it| it.parent);
        }
        at == above
    }

    /// Changes the contents of a file by `edit`.
    pub fn edit(&mut self, inode: Inode, edit: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        self.allow_change()?;
        edit(Arc::make_mut(&mut self.contents_mut(inode)?.live));
        self.touch(inode, true);
        Ok(())
    }

    pub fn sync_file(&mut self, inode: Inode) -> io::Result<()> {
        let contents = self.contents_mut(inode)?;
        contents.durable = Some(contents.live.clone());
        Ok(())
    }

    pub fn sync_dir(&mut self, inode: Inode) -> io::Result<()> {
        let names = self.names_mut(inode)?;
        names.durable.clone_from(&names.live);
        Ok(())
    }

    /// Makes one name durable, and the contents that it has.
    pub fn sync_name(&mut self, dir: Inode, name: &OsStr) -> io::Result<()> {
        let names = self.names_mut(dir)?;
        match names.live.get(name).copied() {
            Some(inode) => {
                names.durable.insert(name.to_owned(), inode);
                if let Body::File(contents) = &mut self.node_mut(inode).body {
                    contents.durable = Some(contents.live.clone());
                }
            }
            None => {
                names.durable.remove(name);
            }
        }
        Ok(())
    }

    // Copies.

    /// Returns a copy without the nodes that have no name any more.
    pub fn without_garbage(&self) -> Self {
        let mut kept = BTreeMap::new();
        let mut todo = vec![ROOT];
        while let Some(inode) = todo.pop() {
            let node = self.node(inode);
            if kept.insert(inode, node.clone()).is_some() {
                continue;
            }
            if let Body::Dir(names) = &node.body {
                todo.extend(names.live.values().chain(names.durable.values()));
            }
        }
        Self { nodes: kept, ..*self }
    }

    /// Returns the tree as the disk has it after a power loss now.
    pub fn after_power_loss(&self, unsynced: Unsynced) -> Self {
        let mut left = Self { nodes: BTreeMap::new(), ..*self };
        let mut coin = Coin(if let Unsynced::ByChance(seed) = unsynced { seed } else { 0 });
        self.copy_left(&mut left, ROOT, ROOT, unsynced, &mut coin);
        left
    }

    /// Copies what is left of a node; returns its number. A file that has both its old name and its new
    /// one becomes two.
    fn copy_left(&self, left: &mut Self, inode: Inode, parent: Inode, unsynced: Unsynced, coin: &mut Coin) -> Inode {
        let mut node = self.node(inode).clone();
        let number = if left.nodes.contains_key(&inode) { left.next_inode } else { inode };
        left.next_inode = left.next_inode.max(number + 1);
        left.nodes.insert(number, node.clone());
        match &mut node.body {
            Body::File(contents) => {
                let bytes = Arc::new(contents.left(unsynced, coin));
                *contents = Contents { durable: Some(bytes.clone()), live: bytes };
            }
            Body::Dir(names) => {
                let kept = names.left(unsynced, coin);
                let copied: BTreeMap<OsString, Inode> = kept
                    .into_iter()
                    .map(|(name, child)| (name, self.copy_left(left, child, number, unsynced, coin)))
                    .collect();
                *names = Names { parent, durable: copied.clone(), live: copied };
            }
            Body::Link(_) | Body::Other => {}
        }
        left.nodes.insert(number, node);
        number
    }
}

impl Names {
    pub fn below(parent: Inode) -> Self {
        Self { parent, live: BTreeMap::new(), durable: BTreeMap::new() }
    }

    fn left(&self, unsynced: Unsynced, coin: &mut Coin) -> BTreeMap<OsString, Inode> {
        match unsynced {
            Unsynced::Lost => self.durable.clone(),
            Unsynced::NamesKept | Unsynced::Torn => self.live.clone(),
            Unsynced::ByChance(_) => {
                let mut left = self.durable.clone();
                for name in self.live.keys().chain(self.durable.keys()) {
                    if !coin.heads() {
                        continue;
                    }
                    match self.live.get(name) {
                        Some(inode) => left.insert(name.clone(), *inode),
                        None => left.remove(name),
                    };
                }
                left
            }
        }
    }
}

impl Contents {
    fn left(&self, unsynced: Unsynced, coin: &mut Coin) -> Vec<u8> {
        let durable = self.durable.as_deref().map_or(&[][..], Vec::as_slice);
        if *self.live == durable {
            return durable.to_vec();
        }
        match unsynced {
            Unsynced::Lost | Unsynced::NamesKept => durable.to_vec(),
            Unsynced::Torn if durable.is_empty() => self.live[..self.live.len() / 2].to_vec(),
            Unsynced::Torn | Unsynced::ByChance(_) => self.mixed(durable, coin),
        }
    }

    /// Takes each block from the new contents or the old.
    fn mixed(&self, durable: &[u8], coin: &mut Coin) -> Vec<u8> {
        let len = if coin.heads() { self.live.len() } else { durable.len() };
        let mut bytes = vec![0; len];
        for (number, block) in bytes.chunks_mut(BLOCK).enumerate() {
            let from = if coin.heads() { &self.live[..] } else { durable };
            let from = from.get(number * BLOCK..).unwrap_or_default();
            let n = block.len().min(from.len());
            block[..n].copy_from_slice(&from[..n]);
        }
        bytes
    }
}

/// A coin that falls the same way for the same seed.
struct Coin(u64);

impl Coin {
    fn heads(&mut self) -> bool {
        // One step of SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) & 1 == 1
    }
}

/// Splits a path whose text is as it would be printed: no `.`, no `..`, nothing empty, nothing too long.
fn normal_components(path: &Path) -> io::Result<VecDeque<OsString>> {
    let mut components = VecDeque::new();
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::RootDir => {}
            Component::Normal(name) if name.len() > MAX_NAME => return Err(io::ErrorKind::InvalidFilename.into()),
            Component::Normal(name) if name.as_encoded_bytes().contains(&0) => return Err(invalid("a NUL in a name")),
            Component::Normal(name) => components.push_back(name.to_owned()),
            _ => return Err(invalid("the path is not normalized")),
        }
        normal.push(component);
    }
    // `components` drops what it finds superfluous, so that only the length tells.
    if normal.as_os_str().len() == path.as_os_str().len() {
        Ok(components)
    } else {
        Err(invalid("the path is not normalized"))
    }
}

fn link_component(component: Component<'_>) -> Option<OsString> {
    match component {
        Component::RootDir | Component::Prefix(_) => None,
        other => Some(other.as_os_str().to_owned()),
    }
}

fn no_contents(body: &Body) -> io::Error {
    match body {
        Body::Dir(_) => io::ErrorKind::IsADirectory.into(),
        _ => io::ErrorKind::NotSeekable.into(),
    }
}

pub(super) fn invalid(message: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

#[cfg(unix)]
fn too_many_links() -> io::Error {
    rustix::io::Errno::LOOP.into()
}

#[cfg(not(unix))]
fn too_many_links() -> io::Error {
    io::Error::other("too many links")
}
