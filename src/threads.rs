//! Work on several threads whose results come back in order, whichever thread did what.
//!
//! For work that is done once in a process: these threads start and end with it. Knows nothing of what is done.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs `work` on `0..n` on at most `threads` threads, in order of claim, and returns the results in order.
///
/// A panic of `work` goes on in the caller.
pub fn parallel<T: Send>(threads: usize, n: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let threads = threads.min(n);
    if threads <= 1 {
        return (0..n).map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let run = || {
        let mut mine = Vec::with_capacity(n / threads + 1);
        loop {
            let idx = next.fetch_add(1, Ordering::Relaxed);
            if idx >= n {
                return mine;
            }
            mine.push((idx, work(idx)));
        }
    };
    let mut done: Vec<(usize, T)> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mut done = run();
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    });
    done.sort_unstable_by_key(|it| it.0);
    done.into_iter().map(|it| it.1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order() {
        for threads in [0, 1, 2, 7] {
            for n in [0, 1, 6, 1000] {
                assert_eq!(parallel(threads, n, |it| it * 3), (0..n).map(|it| it * 3).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    #[should_panic(expected = "the third")]
    fn a_panic_goes_on_in_the_caller() {
        parallel(3, 100, |it| assert_ne!(it, 2, "the third"));
    }
}
