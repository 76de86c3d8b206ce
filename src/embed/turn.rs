//! Taking turns, in the order in which threads came.
//!
//! A mutex of the standard library lets whoever is quickest in: a thread that commits in a loop would keep the others
//! waiting for as long as it likes.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

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
    /// Whose turn it is.
    current: u64,
}

/// A thread's turn, until it is dropped.
pub struct Turn<'a>(&'a Turns);

impl Turns {
    /// Waits for all who came before, and returns this thread's turn.
    pub fn wait(&self) -> Turn<'_> {
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        while state.current != number {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Turn(self)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Between two statements of this file the state is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        // Also after a panic: what it left behind is the engine's own state, which begins anew then.
        self.0.state().current += 1;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    #[test]
    fn each_is_served_in_the_order_in_which_it_came() {
        let (turns, served) = (Arc::new(Turns::default()), Arc::new(Mutex::new(Vec::new())));
        let first = turns.wait();
        let mut threads = Vec::new();
        for number in 0..8 {
            let (mine, served) = (turns.clone(), served.clone());
            threads.push(thread::spawn(move || {
                let _turn = mine.wait();
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
                let _turn = turns.wait();
                panic!("as asked");
            };
            scope.spawn(run).join().is_err()
        });
        assert!(panicked);
        drop(turns.wait());
    }
}
