//! The lane as the threads of one process share it: each is served in the order in which it came, and what arrives
//! while the lane is busy is committed together.
//!
//! Among processes the operating system's lock decides, which knows no order; among the threads of this one the queue
//! does. One of the waiting threads leads: it takes the lane for all that wait, and hands out the results.

use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::{Commit, Lane};
use crate::error::{Error, Result};
use crate::system::Disk;

type Outcome = Result<Option<u64>>;

/// The lane of one workspace for many threads.
pub struct Queue {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    command: String,
    pid: u32,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Those who wait, in the order in which they came.
    waiting: Vec<(u64, Commit)>,
    /// What became of commits whose threads have not looked yet.
    done: Vec<(u64, Outcome)>,
    next: u64,
    /// Whether some thread is at it.
    is_led: bool,
}

impl Queue {
    /// Returns the queue before the lane of the workspace at `root`. `command` and `pid` are told to other processes
    /// that must wait.
    pub fn new(disk: Arc<dyn Disk>, root: PathBuf, command: impl Into<String>, pid: u32) -> Self {
        let (state, changed) = (Mutex::default(), Condvar::new());
        Self { disk, root, command: command.into(), pid, state, changed }
    }

    /// Does all changes of a commit or none, when its turn has come. Returns its number in the log; `None` where nothing
    /// had to be written.
    ///
    /// # Errors
    ///
    /// Those of [`Lane::commit`], and [`Error::Busy`] when another process held the lane for longer than `wait` while
    /// this thread was first.
    pub fn commit(&self, commit: Commit, wait: Duration) -> Outcome {
        let ticket = self.enter(commit);
        let mut state = self.state();
        loop {
            if let Some(at) = state.done.iter().position(|it| it.0 == ticket) {
                return state.done.swap_remove(at).1;
            }
            if !state.is_led {
                state = self.lead(state, wait);
                continue;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn enter(&self, commit: Commit) -> u64 {
        let mut state = self.state();
        let ticket = state.next;
        state.next += 1;
        state.waiting.push((ticket, commit));
        ticket
    }

    /// Commits all that waits. Called with the state locked and returns with it locked; the commits are done without.
    fn lead<'a>(&'a self, mut state: MutexGuard<'a, State>, wait: Duration) -> MutexGuard<'a, State> {
        state.is_led = true;
        drop(state);
        let mut leader = Leader { queue: self, tickets: Vec::new() };
        let lane = Lane::acquire(&*self.disk, &self.root, &self.command, self.pid, wait);
        // Also those who came while the lane was another process's.
        let (tickets, commits): (Vec<u64>, Vec<Commit>) = std::mem::take(&mut self.state().waiting).into_iter().unzip();
        leader.tickets.clone_from(&tickets);
        let outcomes = match lane {
            Ok(mut lane) => lane.commit_all(commits),
            Err(error) => tickets.iter().map(|_| Err(error.repeated())).collect(),
        };
        self.state().done.extend(tickets.into_iter().zip(outcomes));
        leader.tickets.clear();
        drop(leader);
        self.state()
    }

    /// Between two statements of this file the state is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// While it lives, one thread leads. Also a panic ends that, and leaves nobody waiting.
struct Leader<'a> {
    queue: &'a Queue,
    /// Those whose outcome is still to come.
    tickets: Vec<u64>,
}

impl Drop for Leader<'_> {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        let lost = || Err(Error::Refused("the thread that committed for this one died".to_owned()));
        state.done.extend(self.tickets.drain(..).map(|it| (it, lost())));
        state.is_led = false;
        drop(state);
        self.queue.changed.notify_all();
    }
}
