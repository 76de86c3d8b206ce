//! A line that says how far a build is: on a terminal only, and only when it takes longer than a moment.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::workspace::layout::{Phase, Progress};

/// Work that is done sooner shows nothing.
const MOMENT: Duration = Duration::from_millis(300);

/// A progress bar on stderr.
pub struct Bar {
    bar: ProgressBar,
    began: Instant,
    is_shown: AtomicBool,
}

impl Bar {
    /// Returns a bar that is not shown yet.
    pub fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        Self { bar, began: Instant::now(), is_shown: AtomicBool::new(false) }
    }

    /// Takes the bar off the screen, for good.
    pub fn clear(&self) {
        self.is_shown.store(true, Ordering::Relaxed);
        self.bar.finish_and_clear();
    }

    fn show_after_a_moment(&self) {
        if self.is_shown.load(Ordering::Relaxed) || self.began.elapsed() < MOMENT {
            return;
        }
        if !self.is_shown.swap(true, Ordering::Relaxed) {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }
}

impl Progress for Bar {
    fn phase(&self, phase: Phase, steps: usize) {
        let (words, template) = match (phase, steps) {
            (Phase::Scan, _) => ("looking at sources", "{msg}"),
            (Phase::Emit, _) => ("writing the pack", "{msg}"),
            (Phase::Digest, _) => ("reading sources", "{msg} [{bar:30}] {pos}/{len}"),
            (Phase::Process, _) => ("processing", "{msg} [{bar:30}] {pos}/{len}"),
        };
        let style = ProgressStyle::with_template(template).expect("the templates are well-formed");
        self.bar.set_style(style.progress_chars("=> "));
        self.bar.set_length(steps as u64);
        self.bar.set_position(0);
        self.bar.set_message(words);
        self.show_after_a_moment();
    }

    fn advance(&self, steps: usize) {
        self.bar.inc(steps as u64);
        self.show_after_a_moment();
    }
}
