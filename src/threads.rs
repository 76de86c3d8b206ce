//! Work on several threads whose results come back in order, whichever thread did what.
//!
//! For work that is done once in a process: these threads start and end with it. Knows nothing of what is done.
//!
//! Work in small pieces goes to rayon's threads, by way of [`spread`]. In a program that packwright is built into, these
//! are packwright's own. The program's own would not do: they may all be waiting for packwright, and one that waits the
//! way rayon does takes up other work meanwhile, which may wait for what is going on below it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use rayon::{ThreadPool, ThreadPoolBuilder};

/// The threads of packwright's own, where it is built into another program; `None` where they could not be had.
static OWN: OnceLock<Option<ThreadPool>> = OnceLock::new();

/// Keeps this process's own threads of rayon out of packwright's work from now on.
pub fn keep_apart() {
    let name = |nth| format!("packwright-{nth}");
    OWN.get_or_init(|| ThreadPoolBuilder::new().thread_name(name).build().ok());
}

fn own() -> Option<&'static ThreadPool> {
    OWN.get()?.as_ref()
}

/// How much a thread's allocator has at hand, in bytes.
const ROOM: usize = 16 << 20;

/// Makes the allocator have much at hand for this thread: for threads that will ask for much, in small pieces.
///
/// glibc gives every thread but the first one its memory page by page, with a system call for each. What was had once in
/// one piece stays at hand, and takes up memory only where it is used; elsewhere this does nothing worth mentioning.
pub fn make_room() {
    static KNOWN: OnceLock<()> = OnceLock::new();
    let ask = || {
        let mut room: Vec<u8> = Vec::new();
        let _ = room.try_reserve_exact(ROOM);
        std::hint::black_box(room);
    };
    // A size that is asked for the first time comes from elsewhere; from then on it is nothing special.
    KNOWN.get_or_init(ask);
    ask();
}

/// Does work whose pieces rayon spreads over threads. The pieces wait for nobody.
pub fn spread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    match own() {
        Some(pool) => pool.install(work),
        None => work(),
    }
}

/// Does work at some time, for whoever does not wait for it.
pub fn at_leisure(work: impl FnOnce() + Send + 'static) {
    match own() {
        Some(pool) => pool.spawn(work),
        None => rayon::spawn(work),
    }
}

/// Does work that may wait, on a thread where it may: no thread of rayon does other work of its pool meanwhile.
///
/// A panic of `work` goes on in the caller.
pub fn outside_pools<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    if rayon::current_thread_index().is_none() {
        return work();
    }
    std::thread::scope(|scope| scope.spawn(work).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
}

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
        let beside = || {
            make_room();
            run()
        };
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(beside)).collect();
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
