//! Files as an editor saves them: several at once, all or none, each only where it is still what the editor has read.

use std::collections::BTreeSet;

use super::{CommitOptions, Workspace};
use crate::error::{Error, Result};
use crate::lane::{Change, Commit};
use crate::model::{Digest, RelPath};
use crate::workspace::layout::{self, CONFIG_FILE};

/// One file that an editor saves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FileSave {
    change: Change,
}

impl FileSave {
    /// Makes a file that must not be there yet; directories are made for it.
    pub fn create(path: RelPath, content: impl Into<Vec<u8>>) -> Self {
        Self { change: Change { path, expect: None, content: Some(content.into()) } }
    }

    /// Replaces a file that must still have this digest.
    pub fn replace(path: RelPath, digest: Digest, content: impl Into<Vec<u8>>) -> Self {
        Self { change: Change { path, expect: Some(digest), content: Some(content.into()) } }
    }

    /// Removes a file that must still have this digest.
    pub fn remove(path: RelPath, digest: Digest) -> Self {
        Self { change: Change { path, expect: Some(digest), content: None } }
    }
}

impl Workspace {
    /// Saves sources, declarations or `packwright.toml`: all of the files or none, through the lane that all writers of
    /// the workspace share, to be taken back with [`Edit::Undo`](crate::Edit::Undo). Returns the number of the commit;
    /// `None` where every file is as it should be already.
    ///
    /// What the files say is not looked at: the next build or check does. Threads are served in the order in which they
    /// came, and what they save while another process writes is made durable together, which costs as much as one save.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] where a file is not what it was read as; [`Error::Refused`] where it is not for editors, or
    /// named twice; [`Error::Busy`], [`Error::Interrupted`], [`Error::Io`]. Nothing has changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let home = tempfile::tempdir()?;
    /// # let dir = home.path();
    /// # std::fs::write(dir.join("motd.txt"), "welcome")?;
    /// # let config = "roots = [{ path = \".\" }]\nrules = [{ match = \"**/*.txt\", type = \"raw\" }]";
    /// # let workspace = packwright::Workspace::create(dir, config)?;
    /// use packwright::{CommitOptions, Digest, Error, FileSave, RelPath};
    ///
    /// let path = RelPath::new("motd.txt").expect("a path");
    /// let read = Digest::of(&std::fs::read(dir.join("motd.txt"))?);
    /// let save = || vec![FileSave::replace(path.clone(), read, "welcome back")];
    /// workspace.save("a kinder greeting", save(), &CommitOptions::new())?;
    /// assert_eq!(std::fs::read(dir.join("motd.txt"))?, b"welcome back");
    ///
    /// // It is not what it was any more.
    /// std::fs::write(dir.join("motd.txt"), "somebody else's greeting")?;
    /// let outcome = workspace.save("a kinder greeting", save(), &CommitOptions::new());
    /// assert!(matches!(outcome, Err(Error::Conflict { .. })));
    /// # Ok(())
    /// # }
    /// ```
    pub fn save(&self, title: impl Into<String>, files: Vec<FileSave>, options: &CommitOptions) -> Result<Option<u64>> {
        let mut paths = BTreeSet::new();
        for FileSave { change } in &files {
            let path = &change.path;
            if !paths.insert(path) {
                return Err(Error::Refused(format!("`{path}` is to be saved twice at once")));
            }
            if path.is_root() || (layout::Workspace::is_own(path.as_str()) && path.as_str() != CONFIG_FILE) {
                return Err(Error::Refused(format!("`{path}` is packwright's own and not for editors")));
            }
        }
        if options.cancel.is_cancelled() {
            return Err(Error::Interrupted);
        }
        let changes = files.into_iter().map(|it| it.change).collect();
        let stop = || options.cancel.is_cancelled();
        self.saves.commit(Commit { changes, ..Commit::new(title) }, &options.holder, options.lane_wait(), &stop)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;
    use crate::system::memory::MemorySystem;

    fn path(text: &str) -> RelPath {
        RelPath::new(text).expect("a path")
    }

    fn workspace(memory: &MemorySystem) -> Workspace {
        memory.write("/ws/packwright.toml", "workspace = \"0e7f0bd7-5a1a-4b26-9ffa-9bd27ac1d6a1\"");
        Workspace::on(Arc::new(memory.clone()), "/ws".into()).expect("a workspace")
    }

    #[test]
    fn what_is_not_for_editors_is_refused() {
        let memory = MemorySystem::new();
        let workspace = workspace(&memory);
        for own in ["", ".packwright/lane/log.jsonl", "packwright.registry/0.jsonl", "build/dev/main.pack"] {
            let save = vec![FileSave::create(path("new"), "x"), FileSave::create(path(own), "x")];
            let outcome = workspace.save("", save, &CommitOptions::new());
            assert!(matches!(outcome, Err(Error::Refused(_))), "{own:?}: {outcome:?}");
        }
        let twice = vec![FileSave::create(path("new"), "x"), FileSave::create(path("new"), "y")];
        assert!(matches!(workspace.save("", twice, &CommitOptions::new()), Err(Error::Refused(_))));
        assert_eq!(memory.get("/ws/new"), None);
    }

    #[test]
    fn each_save_of_many_threads_happens_once_or_not_at_all() {
        const THREADS: usize = 8;
        const SAVES: usize = 12;
        let memory = MemorySystem::new();
        let workspace = workspace(&memory);
        memory.write("/ws/shared", "0");
        let save = |thread: usize, nth: usize| {
            // All want the shared file as they have read it; one of those who have read the same gets it.
            let shared = memory.get("/ws/shared").expect("nobody removes it");
            let own = path(&format!("own/{thread}-{nth}"));
            let files = vec![
                FileSave::replace(path("shared"), Digest::of(&shared), format!("{thread}-{nth}")),
                FileSave::create(own, "done"),
            ];
            match workspace.save(format!("{thread}-{nth}"), files, &CommitOptions::new()) {
                Ok(number) => number,
                Err(Error::Conflict { .. }) => None,
                Err(error) => panic!("{error}"),
            }
        };
        let saved: Vec<(String, u64)> = thread::scope(|scope| {
            let run = |thread| (0..SAVES).filter_map(move |nth| Some((format!("{thread}-{nth}"), save(thread, nth)?)));
            let threads: Vec<_> = (0..THREADS).map(|it| scope.spawn(move || run(it).collect::<Vec<_>>())).collect();
            threads.into_iter().flat_map(|it| it.join().expect("no panic")).collect()
        });
        let log = workspace.log().expect("a log");
        let mut logged: Vec<(String, u64)> = log.into_iter().map(|it| (it.title, it.commit)).collect();
        let last = logged.last().expect("one at least").0.clone();
        assert_eq!(memory.get("/ws/shared"), Some(last.into_bytes()));
        for (thread, nth) in (0..THREADS).flat_map(|it| (0..SAVES).map(move |nth| (it, nth))) {
            let title = format!("{thread}-{nth}");
            let is_saved = saved.iter().any(|it| it.0 == title);
            assert_eq!(memory.get(format!("/ws/own/{title}")).is_some(), is_saved, "{title}");
        }
        let mut saved = saved;
        saved.sort();
        logged.sort();
        assert_eq!(saved, logged);
    }
}
