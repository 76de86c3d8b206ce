//! Edits: what is done to a copy of a workspace between two builds, and how it is taken back.
//!
//! An edited file stays what it was: a PNG gets a text chunk before its last one, every other file a line at its end.
//! Only files for which that is harmless are chosen (`choose.rs`). All edits are functions of the file and a tag, so
//! that every tool that is measured finds the same.

use std::io;
use std::path::{Path, PathBuf};

use super::tree::{copy_file, remove};
use crate::error::{IoContext, Result};
use crate::model::registry::{self, N_FILES};
use crate::system::{Access, Disk, FileKind, RandomFile};
use crate::workspace::layout::{BUILD_DIR, STATE_DIR};
use crate::workspace::lookup::is_declaration;

/// A file and how long it was before anything was done to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct File {
    /// Where it is, relative to the workspace.
    pub path: String,
    /// Its length in bytes.
    pub len: u64,
}

/// One thing that is done to a copy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Action {
    /// Writes a file's first byte again: a new time, the same contents.
    Touch(Vec<File>),
    /// Edits files in place, as an editor does that keeps the file.
    Edit(Vec<File>, String),
    /// Takes an edit back, in place.
    Restore(Vec<File>),
    /// Puts edited files in the place of these, as a version control system does.
    Replace(Vec<File>, String),
    /// Puts the files of before in the place of edited ones, likewise.
    PutBack(Vec<File>),
    /// Writes a line behind a declaration.
    Comment(File, String),
    /// Writes other contents in place.
    Write(String, Vec<u8>),
    /// Adds files: copies of some that are there, payloads edited.
    Add(Vec<(String, File)>, String),
    /// Removes a file, or a directory with all that it holds.
    Remove(Vec<String>),
    /// Renames a file or directory.
    Rename(String, String),
    /// Removes what builds left: state, cache and outputs.
    Forget,
    /// Makes the registry that of a workspace in which nothing was ever registered.
    EmptyRegistry,
    /// Makes the registry what it was before anything was done.
    RestoreRegistry,
    /// Has a fresh checkout beside the copy, with the cache of the copy; what is measured next runs there.
    Checkout,
}

impl Action {
    /// Returns whether another tool has to see this as well: whatever is done to files that people write.
    pub fn is_authored(&self) -> bool {
        !matches!(self, Self::Forget | Self::EmptyRegistry | Self::RestoreRegistry | Self::Checkout)
    }

    /// Returns about how many files it creates, removes or rewrites.
    pub fn weight(&self) -> usize {
        match self {
            Self::Touch(files)
            | Self::Edit(files, _)
            | Self::Restore(files)
            | Self::Replace(files, _)
            | Self::PutBack(files) => files.len(),
            Self::Forget | Self::Checkout => usize::MAX,
            _ => 1,
        }
    }
}

/// A copy of a workspace, and where something may be put on the way to it.
pub struct Place<'a> {
    /// The file system.
    pub disk: &'a dyn Disk,
    /// The copy.
    pub root: &'a Path,
    /// A directory outside of the copy, on the same file system.
    pub aside: &'a Path,
}

/// The directory beside the copy in which the registry of before is kept.
pub const KEPT_REGISTRY: &str = "registry";

impl Place<'_> {
    /// Does one thing. A checkout is for whoever knows what there is: nothing is done for it here.
    ///
    /// # Errors
    ///
    /// When the disk refuses, or a file cannot be edited as described above.
    pub fn apply(&self, action: &Action) -> Result<()> {
        match action {
            Action::Touch(files) => files.iter().try_for_each(|it| self.in_place(&it.path, touch)),
            Action::Edit(files, tag) => files.iter().try_for_each(|it| self.in_place(&it.path, |file| edit(file, tag))),
            Action::Restore(files) => {
                files.iter().try_for_each(|it| self.in_place(&it.path, |file| restore(file, it.len)))
            }
            Action::Replace(files, tag) => files.iter().try_for_each(|it| self.replace(it, |file| edit(file, tag))),
            Action::PutBack(files) => files.iter().try_for_each(|it| self.replace(it, |file| restore(file, it.len))),
            Action::Comment(file, tag) => {
                self.in_place(&file.path, |it| it.write_all_at(format!("// {tag}\n").as_bytes(), file.len))
            }
            Action::Write(path, bytes) => self.in_place(path, |it| overwrite(it, bytes)),
            Action::Add(files, tag) => files.iter().try_for_each(|(path, like)| self.add(path, like, tag)),
            Action::Remove(paths) => paths.iter().try_for_each(|it| remove(self.disk, &self.root.join(it))),
            Action::Rename(from, to) => {
                let from = self.root.join(from);
                self.disk.rename(&from, &self.root.join(to)).context("rename", &from)
            }
            Action::Forget => {
                self.put_away(&self.root.join(STATE_DIR))?;
                self.put_away(&self.root.join(BUILD_DIR))
            }
            Action::EmptyRegistry => (0..N_FILES).try_for_each(|it| self.overwrite_if_other(it, b"")),
            Action::RestoreRegistry => (0..N_FILES).try_for_each(|it| {
                let kept = self.aside.join(KEPT_REGISTRY).join(registry::file_path(it).name());
                let bytes = self.disk.read(&kept, u64::MAX).context("read", &kept)?;
                self.overwrite_if_other(it, &bytes)
            }),
            Action::Checkout => Ok(()),
        }
    }

    /// Keeps the registry as it is now, for [`Action::RestoreRegistry`].
    ///
    /// # Errors
    ///
    /// When it cannot be copied.
    pub fn keep_registry(&self) -> Result<()> {
        let dir = self.aside.join(KEPT_REGISTRY);
        self.disk.create_dir_all(&dir).context("create", &dir)?;
        (0..N_FILES)
            .map(registry::file_path)
            .try_for_each(|it| copy_file(self.disk, &self.root.join(it.as_str()), &dir.join(it.name())))
    }

    /// Takes a directory out of the way and empties its files; one that is not there is no error.
    ///
    /// The names stay until the benchmark is over. An ext4 without a journal goes around the inodes that were deleted in
    /// the last minutes one by one, so that whoever creates files next would pay for what was removed here.
    ///
    /// # Errors
    ///
    /// When it stays where it is.
    pub fn put_away(&self, dir: &Path) -> Result<()> {
        if self.disk.stat(dir).is_err_and(|it| it.kind() == io::ErrorKind::NotFound) {
            return Ok(());
        }
        let gone = self.aside.join("gone");
        self.disk.create_dir_all(&gone).context("create", &gone)?;
        let n_before = self.disk.open_dir(&gone).and_then(|it| it.list(Path::new(""))).context("list", &gone)?.len();
        let to = gone.join(n_before.to_string());
        self.disk.rename(dir, &to).context("rename", dir)?;
        empty(self.disk, &to)
    }

    fn overwrite_if_other(&self, nth: usize, bytes: &[u8]) -> Result<()> {
        let path = registry::file_path(nth);
        let native = self.root.join(path.as_str());
        if self.disk.read(&native, u64::MAX).context("read", &native)? == bytes {
            return Ok(());
        }
        self.in_place(path.as_str(), |it| overwrite(it, bytes))
    }

    fn in_place(&self, path: &str, change: impl FnOnce(&dyn RandomFile) -> io::Result<()>) -> Result<()> {
        let path = self.root.join(path);
        self.disk.open_random(&path, Access::Write).and_then(|it| change(&*it)).context("edit", &path)
    }

    /// Makes a changed copy of a file and gives it the file's name.
    fn replace(&self, file: &File, change: impl FnOnce(&dyn RandomFile) -> io::Result<()>) -> Result<()> {
        let (path, aside) = (self.root.join(&file.path), self.aside.join("replacement"));
        remove(self.disk, &aside)?;
        copy_file(self.disk, &path, &aside)?;
        self.disk.open_random(&aside, Access::Write).and_then(|it| change(&*it)).context("edit", &path)?;
        self.disk.rename(&aside, &path).context("replace", &path)
    }

    fn add(&self, path: &str, like: &File, tag: &str) -> Result<()> {
        let to = self.root.join(path);
        let dir = to.parent().unwrap_or(self.root);
        self.disk.create_dir_all(dir).context("create", dir)?;
        copy_file(self.disk, &self.root.join(&like.path), &to)?;
        if is_declaration(path) { Ok(()) } else { self.in_place(path, |it| edit(it, tag)) }
    }
}

/// Takes the contents of every file below a directory.
fn empty(disk: &dyn Disk, dir: &Path) -> Result<()> {
    let entries = disk.open_dir(dir).and_then(|it| it.list(Path::new(""))).context("list", dir)?;
    for entry in entries {
        let path = dir.join(&entry.name);
        match entry.kind {
            FileKind::Dir => empty(disk, &path)?,
            FileKind::File => {
                disk.open_random(&path, Access::Write).and_then(|it| it.set_len(0)).context("empty", &path)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn touch(file: &dyn RandomFile) -> io::Result<()> {
    if file.len()? == 0 {
        return file.set_len(0);
    }
    let mut first = [0];
    file.read_exact_at(&mut first, 0)?;
    file.write_all_at(&first, 0)
}

fn overwrite(file: &dyn RandomFile, bytes: &[u8]) -> io::Result<()> {
    file.set_len(bytes.len() as u64)?;
    file.write_all_at(bytes, 0)
}

/// How every PNG begins, and how it ends.
const PNG_BEGIN: [u8; 8] = *b"\x89PNG\r\n\x1a\n";
const PNG_END: [u8; 12] = *b"\0\0\0\0IEND\xaeB`\x82";

fn edit(file: &dyn RandomFile, tag: &str) -> io::Result<()> {
    let len = file.len()?;
    if !is_png(file, len)? {
        return file.write_all_at(format!("bench {tag}\n").as_bytes(), len);
    }
    let at = len - PNG_END.len() as u64;
    let mut end = [0; PNG_END.len()];
    file.read_exact_at(&mut end, at)?;
    if end != PNG_END {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a PNG with something behind its last chunk"));
    }
    file.write_all_at(&[png_text(tag), PNG_END.to_vec()].concat(), at)
}

/// Takes an edit back. A file that was never edited is left alone.
fn restore(file: &dyn RandomFile, len: u64) -> io::Result<()> {
    let now = file.len()?;
    if now <= len {
        return Ok(());
    }
    if is_png(file, len)? {
        file.write_all_at(&PNG_END, len - PNG_END.len() as u64)?;
    }
    file.set_len(len)
}

fn is_png(file: &dyn RandomFile, len: u64) -> io::Result<bool> {
    if len < (PNG_BEGIN.len() + PNG_END.len()) as u64 {
        return Ok(false);
    }
    let mut begin = [0; PNG_BEGIN.len()];
    file.read_exact_at(&mut begin, 0)?;
    Ok(begin == PNG_BEGIN)
}

/// Returns a chunk of text: its length, its type, a keyword, the tag, and the checksum that PNG asks for.
fn png_text(tag: &str) -> Vec<u8> {
    let body = [b"tEXtComment\0", tag.as_bytes()].concat();
    let length = (body.len() - 4) as u32;
    [&length.to_be_bytes()[..], &body, &crc(&body).to_be_bytes()].concat()
}

/// The CRC-32 of PNG, a bit at a time: it is asked for a few bytes only.
fn crc(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
    let byte = |crc: u32, it: &u8| (0..8).fold(crc ^ u32::from(*it), |crc, _| step(crc));
    !bytes.iter().fold(u32::MAX, byte)
}

/// Returns the path of the checkout beside a copy.
pub fn checkout_path(aside: &Path) -> PathBuf {
    aside.join("checkout")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::generate::{Shape, Sizes, Spec, asset};
    use crate::system::System;
    use crate::system::memory::MemorySystem;

    fn world(files: &[(&str, &[u8])]) -> MemorySystem {
        let disk = MemorySystem::new();
        disk.create_dir_all(Path::new("/aside")).expect("a directory");
        files.iter().for_each(|(path, bytes)| disk.write(format!("/ws/{path}"), bytes));
        disk
    }

    fn apply(disk: &MemorySystem, action: Action) -> Result<()> {
        Place { disk, root: Path::new("/ws"), aside: Path::new("/aside") }.apply(&action)
    }

    fn read(disk: &MemorySystem, path: &str) -> Vec<u8> {
        disk.read(&Path::new("/ws").join(path), 1 << 20).expect("a file")
    }

    fn file(path: &str, bytes: &[u8]) -> File {
        File { path: path.to_owned(), len: bytes.len() as u64 }
    }

    fn picture() -> Vec<u8> {
        let spec = Spec { assets: 1, shape: Shape::Images, sizes: Sizes { min: 300, max: 300 }, seed: 1 };
        asset(&spec, 0).remove(0).1
    }

    #[test]
    fn every_edit_can_be_taken_back() {
        let picture = picture();
        for bytes in [&b""[..], b"text", &picture] {
            let disk = world(&[("f", bytes)]);
            let file = file("f", bytes);
            let inode = |disk: &MemorySystem| disk.stat(Path::new("/ws/f")).expect("a file").inode;
            let before = inode(&disk);
            apply(&disk, Action::Edit(vec![file.clone()], "1".to_owned())).expect("it can be edited");
            assert!(read(&disk, "f") != bytes && inode(&disk) == before);
            apply(&disk, Action::Restore(vec![file.clone()])).expect("it can be edited");
            assert_eq!(read(&disk, "f"), bytes);
            apply(&disk, Action::Replace(vec![file.clone()], "2".to_owned())).expect("it can be edited");
            assert!(read(&disk, "f") != bytes && inode(&disk) != before);
            apply(&disk, Action::PutBack(vec![file.clone()])).expect("it can be edited");
            apply(&disk, Action::Touch(vec![file])).expect("it can be edited");
            assert_eq!(read(&disk, "f"), bytes);
        }
    }

    #[test]
    fn an_edited_picture_is_one() {
        let bytes = picture();
        let disk = world(&[("p.png", &bytes)]);
        apply(&disk, Action::Edit(vec![file("p.png", &bytes)], "round 1".to_owned())).expect("it can be edited");
        let edited = read(&disk, "p.png");
        let pixels = |bytes: &[u8]| {
            let mut reader = png::Decoder::new(io::Cursor::new(bytes)).read_info().expect("a picture");
            let mut pixels = vec![0; reader.output_buffer_size().expect("a small picture")];
            reader.next_frame(&mut pixels).expect("pixels");
            reader.finish().expect("nothing is wrong behind the pixels either");
            (pixels, reader.info().uncompressed_latin1_text.len())
        };
        assert_eq!((pixels(&edited).1, pixels(&edited).0), (1, pixels(&bytes).0));
        let odd = [&bytes[..], b"more"].concat();
        let disk = world(&[("p.png", &odd)]);
        assert!(apply(&disk, Action::Edit(vec![file("p.png", &odd)], String::new())).is_err());
    }

    #[test]
    fn files_come_and_go() {
        let disk =
            world(&[("d/f", b"text"), ("asset.json", b"{}\n"), (".packwright/cache/x", b"1"), ("build/y", b"2")]);
        let added = ["d/g", "d/new/g", "d/g.asset.json"].map(|it| (it.to_owned(), file("d/f", b"text")));
        apply(&disk, Action::Add(added.to_vec(), "1".to_owned())).expect("they are free");
        assert_eq!((read(&disk, "d/g.asset.json"), read(&disk, "d/new/g")), (b"text".to_vec(), read(&disk, "d/g")));
        assert_eq!((read(&disk, "d/g"), read(&disk, "d/f")), (b"textbench 1\n".to_vec(), b"text".to_vec()));
        apply(&disk, Action::Rename("d".to_owned(), "e".to_owned())).expect("it is free");
        let gone = ["e/g", "e/new"].map(str::to_owned);
        apply(&disk, Action::Remove(gone.to_vec())).expect("they are there");
        let declaration = file("asset.json", b"{}\n");
        apply(&disk, Action::Comment(declaration.clone(), "1".to_owned())).expect("it is there");
        assert_eq!(read(&disk, "asset.json"), b"{}\n// 1\n");
        apply(&disk, Action::Restore(vec![declaration])).expect("it is there");
        apply(&disk, Action::Write("e/f".to_owned(), b"x".to_vec())).expect("it is there");
        apply(&disk, Action::Forget).expect("it is there");
        apply(&disk, Action::Forget).expect("nothing is there");
        let gone = ["/aside/gone/0/cache/x", "/aside/gone/1/y"].map(|it| disk.read(Path::new(it), 9).ok());
        assert_eq!(gone, [Some(Vec::new()), Some(Vec::new())]);
        assert_eq!((read(&disk, "asset.json"), read(&disk, "e/f")), (b"{}\n".to_vec(), b"x".to_vec()));
        assert!(
            [".packwright", "build", "d", "e/g", "e/new"]
                .iter()
                .all(|it| disk.stat(&Path::new("/ws").join(it)).is_err())
        );
    }

    #[test]
    fn a_registry_can_be_had_back() {
        let names: Vec<String> = (0..N_FILES).map(|it| registry::file_path(it).to_string()).collect();
        let disk = world(&names.iter().map(|it| (it.as_str(), &b"line\n"[..])).collect::<Vec<_>>());
        Place { disk: &disk, root: Path::new("/ws"), aside: Path::new("/aside") }.keep_registry().expect("it is there");
        apply(&disk, Action::EmptyRegistry).expect("it is there");
        assert!(names.iter().all(|it| read(&disk, it).is_empty()));
        apply(&disk, Action::RestoreRegistry).expect("it is kept");
        assert!(names.iter().all(|it| read(&disk, it) == b"line\n"));
    }
}
