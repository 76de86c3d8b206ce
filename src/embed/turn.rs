//! Taking turns, in the order in which threads came.
//!
//! A mutex of the standard library lets whoever is quickest in: a thread that commits in a loop would keep the others
//! waiting for as long as it likes.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::options::Patience;
use crate::error::{Error, OPEN_WORKSPACE, Result};

/// Whoever waits looks this often whether it is to go on.
const SLICE: Duration = Duration::from_millis(50);

/// Lets one thread after the other have its turn.
#[derive(Default)]
pub struct Turns {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// The number that the next one to come is given.
    next: u64,
    /// Those who have come and not gone, and what they do. It is the first one's turn.
    line: BTreeMap<u64, &'static str>,
}

/// A thread's turn, until it is dropped.
pub struct Turn<'a> {
    turns: &'a Turns,
    number: u64,
}

impl Turns {
    /// Waits for all who came before, and returns this thread's turn. `what` is told to those who wait meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::Busy`] where that takes too long, and [`Error::Interrupted`].
    pub fn wait(&self, what: &'static str, patience: Patience<'_>) -> Result<Turn<'_>> {
        let mut state = self.state();
        let number = state.enter(what);
        let mut waited = Duration::ZERO;
        while let Some((_, ahead)) = state.line.first_key_value().filter(|it| *it.0 != number) {
            let is_over = patience.wait.is_some_and(|it| waited >= it);
            if is_over || patience.cancel.is_cancelled() {
                let busy = Error::Busy { what: OPEN_WORKSPACE.to_owned(), holder: format!("{ahead} of this program") };
                state.line.remove(&number);
                return Err(if is_over { busy } else { Error::Interrupted });
            }
            let slice = patience.wait.map_or(SLICE, |it| SLICE.min(it - waited));
            let waiting = self.changed.wait_timeout(state, slice).unwrap_or_else(PoisonError::into_inner);
            state = waiting.0;
            // Where a turn ended meanwhile the wait was not in vain, and is not counted.
            waited += if waiting.1.timed_out() { slice } else { Duration::ZERO };
        }
        Ok(Turn { turns: self, number })
    }

    /// Returns this thread's turn if nobody has one.
    pub fn take_if_free(&self, what: &'static str) -> Option<Turn<'_>> {
        let mut state = self.state();
        let is_free = state.line.is_empty();
        is_free.then(|| Turn { turns: self, number: state.enter(what) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Between two statements of this file the state is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes somebody in, and returns their number.
    fn enter(&mut self, what: &'static str) -> u64 {
        let number = self.next;
        self.next += 1;
        self.line.insert(number, what);
        number
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // Also after a panic: what it left behind is the engine's own state, which begins anew then.
        self.turns.state().line.remove(&self.number);
        self.turns.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::super::Cancel;
    use super::*;

    fn wait(turns: &Turns) -> Turn<'_> {
        turns.wait("a test", Patience { wait: None, cancel: &Cancel::new() }).unwrap()
    }

    #[test]
    fn who_waits_in_vain_is_told_for_whom_and_passed_over() {
        let turns = Turns::default();
        let first = turns.take_if_free("a build").unwrap();
        assert!(turns.take_if_free("a preview").is_none());
        let (cancel, cancelled) = (Cancel::new(), Cancel::new());
        cancelled.cancel();
        let outcome = turns.wait("a commit", Patience { wait: Some(Duration::ZERO), cancel: &cancel });
        let told = outcome.err().expect("it is taken").to_string();
        assert_eq!(told, "the open workspace is held by another thread (a build of this program)");
        let outcome = turns.wait("a commit", Patience { wait: Some(Duration::from_millis(70)), cancel: &cancel });
        assert!(matches!(outcome, Err(Error::Busy { .. })));
        let outcome = turns.wait("a commit", Patience { wait: None, cancel: &cancelled });
        assert!(matches!(outcome, Err(Error::Interrupted)));
        drop(first);
        drop(turns.take_if_free("a preview").expect("nobody waits any more"));
        drop(wait(&turns));
    }

    #[test]
    fn each_is_served_in_the_order_in_which_it_came() {
        let (turns, served) = (Arc::new(Turns::default()), Arc::new(Mutex::new(Vec::new())));
        let first = wait(&turns);
        let mut threads = Vec::new();
        for number in 0..8 {
            let (mine, served) = (turns.clone(), served.clone());
            threads.push(thread::spawn(move || {
                let _turn = wait(&mine);
                served.lock().unwrap().push(number);
            }));
            // It has its number: who comes now comes later.
            while turns.state().next != number + 2 {
                thread::yield_now();
            }
        }
        drop(first);
        threads.into_iter().for_each(|it| it.join().unwrap());
        assert_eq!(*served.lock().unwrap(), (0..8).collect::<Vec<_>>());
    }

    #[test]
    fn who_panics_ends_its_turn() {
        let turns = Turns::default();
        let panicked = thread::scope(|scope| {
            let run = || {
                let _turn = wait(&turns);
                panic!("as asked");
            };
            scope.spawn(run).join().is_err()
        });
        assert!(panicked);
        drop(wait(&turns));
    }
}
