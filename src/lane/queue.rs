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

/// Whoever arrives while the first of the queue waits for another process is looked at again after this long.
const SLICE: Duration = Duration::from_millis(100);

/// The lane of one workspace for many threads.
pub struct Queue {
    disk: Arc<dyn Disk>,
    root: PathBuf,
    pid: u32,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Those who wait, in the order in which they came.
    waiting: Vec<Waiting>,
    /// What became of commits whose threads have not looked yet.
    done: Vec<(u64, Outcome)>,
    next: u64,
    /// Whether some thread is at it.
    is_led: bool,
}

/// One thread's commit whose turn has not come.
struct Waiting {
    ticket: u64,
    commit: Commit,
    /// How much longer it waits while another process holds the lane.
    left: Duration,
}

impl Queue {
    /// Returns the queue before the lane of the workspace at `root`. `pid` is told to other processes that must wait.
    pub fn new(disk: Arc<dyn Disk>, root: PathBuf, pid: u32) -> Self {
        let (state, changed) = (Mutex::default(), Condvar::new());
        Self { disk, root, pid, state, changed }
    }

    /// Does all changes of a commit or none, when its turn has come. Returns its number in the log; `None` where nothing
    /// had to be written.
    ///
    /// `by` is told to other processes that must wait, and to the log. `stop` is asked again and again, until somebody has
    /// begun to do it.
    ///
    /// # Errors
    ///
    /// Those of [`Lane::commit`], and [`Error::Busy`] when another process holds the lane for longer than `wait`. What
    /// other threads of this process commit meanwhile does not count. [`Error::Interrupted`] where it was stopped.
    pub fn commit(&self, commit: Commit, by: &str, wait: Duration, stop: &dyn Fn() -> bool) -> Outcome {
        let ticket = self.enter(Commit { by: Some(by.to_owned()), ..commit }, wait);
        let mut state = self.state();
        loop {
            if let Some(at) = state.done.iter().position(|it| it.0 == ticket) {
                return state.done.swap_remove(at).1;
            }
            if stop() && state.leave(ticket) {
                return Err(Error::Interrupted);
            }
            if !state.is_led {
                state = self.lead(state);
                continue;
            }
            state = self.changed.wait_timeout(state, SLICE).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn enter(&self, commit: Commit, wait: Duration) -> u64 {
        let mut state = self.state();
        let ticket = state.next;
        state.next += 1;
        state.waiting.push(Waiting { ticket, commit, left: wait });
        ticket
    }

    /// Commits all that waits, or waits a while for another process. Called with the state locked and returns with it
    /// locked; the rest is done without.
    fn lead<'a>(&'a self, mut state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        state.is_led = true;
        let (newest, slice) = (state.next, state.slice());
        let by = state.waiting.first().and_then(|it| it.commit.by.clone()).unwrap_or_default();
        drop(state);
        let mut leader = Leader { queue: self, tickets: Vec::new() };
        match Lane::acquire(&*self.disk, &self.root, &by, self.pid, slice) {
            Ok(mut lane) => {
                // Also of those who came while the lane was another process's.
                let waiting = std::mem::take(&mut self.state().waiting);
                let (tickets, commits): (Vec<u64>, Vec<Commit>) =
                    waiting.into_iter().map(|it| (it.ticket, it.commit)).unzip();
                leader.tickets.clone_from(&tickets);
                let outcomes = lane.commit_all(commits);
                self.state().done.extend(tickets.into_iter().zip(outcomes));
                leader.tickets.clear();
            }
            Err(error @ Error::Busy { .. }) => self.state().pass(slice, newest, &error),
            Err(error) => self.state().pass(Duration::MAX, newest, &error),
        }
        drop(leader);
        self.state()
    }

    /// Between two statements of this file the state is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Returns how long all who are there now can wait together.
    fn slice(&self) -> Duration {
        self.waiting.iter().map(|it| it.left).fold(SLICE, Duration::min)
    }

    /// Takes somebody out who does not wait any more; returns false where somebody else is at it already.
    fn leave(&mut self, ticket: u64) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|it| it.ticket != ticket);
        self.waiting.len() < before
    }

    /// Counts a wait in vain: those before ticket `newest` have waited so long. Who cannot wait any longer is told why.
    fn pass(&mut self, waited: Duration, newest: u64, error: &Error) {
        for it in self.waiting.iter_mut().filter(|it| it.ticket < newest) {
            it.left = it.left.saturating_sub(waited);
        }
        let is_over = |it: &mut Waiting| it.ticket < newest && it.left.is_zero();
        let over = self.waiting.extract_if(.., is_over).map(|it| (it.ticket, Err(error.repeated())));
        self.done.extend(over);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::memory::MemorySystem;

    #[test]
    fn who_waits_in_vain_is_told_and_others_go_on_waiting() {
        let mut state = State::default();
        for (ticket, left) in [(0, 250), (1, 100), (2, 0), (3, 50)] {
            state.waiting.push(Waiting { ticket, commit: Commit::new(""), left: Duration::from_millis(left) });
        }
        assert_eq!(state.slice(), Duration::ZERO);
        let busy = Error::Busy { what: "the lane".to_owned(), holder: "packwright build".to_owned() };
        let mut over = |waited: Duration| {
            // The last one came during the wait.
            state.pass(waited, 3, &busy);
            let over = state.done.drain(..).map(|it| it.0).collect::<Vec<_>>();
            (over, state.slice().as_millis())
        };
        assert_eq!(over(Duration::ZERO), (vec![2], 50));
        assert_eq!(over(Duration::from_millis(50)), (vec![], 50));
        assert_eq!(over(Duration::from_millis(50)), (vec![1], 50));
        assert_eq!(over(Duration::MAX), (vec![0], 50));
    }

    #[test]
    fn another_process_is_waited_for_as_long_as_was_said() {
        let memory = MemorySystem::new();
        memory.write("/ws/a", "a");
        let root = PathBuf::from("/ws");
        let queue = Queue::new(Arc::new(memory.clone()), root.clone(), 1);
        let commit = |wait| queue.commit(Commit::new(""), "my editor", wait, &|| false);
        let held = Lane::acquire(&memory, &root, "packwright build", 42, Duration::ZERO).expect("free");
        let start = crate::system::System::now(&memory, &root).now_ns;
        let Err(Error::Busy { holder, .. }) = commit(Duration::from_millis(250)) else {
            panic!("it is held");
        };
        assert!(holder.starts_with("packwright build, process 42, since "), "{holder}");
        assert_eq!(crate::system::System::now(&memory, &root).now_ns - start, 250_000_000);
        let stopped = queue.commit(Commit::new(""), "my editor", Duration::from_secs(9), &|| true);
        assert!(matches!(stopped, Err(Error::Interrupted)));
        drop(held);
        assert!(matches!(commit(Duration::ZERO), Ok(None)));
    }
}
