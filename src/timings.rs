//! How long which step took, for people who wonder where the time went.
//!
//! Off unless somebody asks; then every step, and every query and processor by name, leaves a span. Knows no clock:
//! whoever asks brings one. Nothing that a build decides depends on what is in here.

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

/// What a span is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Category {
    /// A step of a build, on the thread that leads it.
    Phase,
    /// Queries over one bucket.
    Query,
    /// A processor's run for one asset.
    Processor,
}

impl Category {
    fn name(self) -> &'static str {
        match self {
            Self::Phase => "phase",
            Self::Query => "query",
            Self::Processor => "processor",
        }
    }
}

/// Tells the time since some fixed moment.
pub type Clock = Box<dyn Fn() -> Duration + Send + Sync>;

/// Spans, as they end.
#[derive(Default)]
pub struct Timings {
    clock: Option<Clock>,
    spans: Mutex<Vec<Done>>,
}

struct Done {
    category: Category,
    name: Cow<'static, str>,
    thread: u32,
    began: Duration,
    ended: Duration,
}

impl Timings {
    /// Returns timings that take note of everything.
    pub fn by(clock: Clock) -> Self {
        Self { clock: Some(clock), spans: Mutex::default() }
    }

    /// Begins a step of a build; it ends when what is returned is dropped.
    pub fn phase(&self, name: &'static str) -> Span<'_> {
        self.span(Category::Phase, || name.into())
    }

    /// Begins a span; it ends when what is returned is dropped. The name is put together only where somebody asked.
    pub fn span(&self, category: Category, name: impl FnOnce() -> Cow<'static, str>) -> Span<'_> {
        let begun = self.clock.as_ref().map(|clock| (self, category, name(), clock()));
        Span(begun)
    }

    fn end(&self, category: Category, name: Cow<'static, str>, began: Duration) {
        let Some(clock) = &self.clock else { return };
        let done = Done { category, name, thread: thread_number(), began, ended: clock() };
        self.spans.lock().unwrap_or_else(PoisonError::into_inner).push(done);
    }

    /// Returns the steps in the order in which they began, with how deep they lie in others and how long they took.
    pub fn phases(&self) -> Vec<(usize, String, Duration)> {
        let spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        let mut phases: Vec<&Done> = spans.iter().filter(|it| it.category == Category::Phase).collect();
        phases.sort_by_key(|it| (it.began, std::cmp::Reverse(it.ended)));
        let mut open: Vec<Duration> = Vec::new();
        let mut out = Vec::new();
        for it in phases {
            open.retain(|end| *end > it.began);
            out.push((open.len(), it.name.to_string(), it.ended - it.began));
            open.push(it.ended);
        }
        out
    }

    /// Returns everything as a trace that chrome://tracing and Perfetto show: the JSON object form of the Trace Event
    /// Format, complete events, times in microseconds.
    pub fn to_chrome_trace(&self) -> String {
        let spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        let micros = |it: Duration| it.as_nanos() as f64 / 1e3;
        let mut events: Vec<Event<'_>> = spans
            .iter()
            .map(|it| Event {
                name: &it.name,
                cat: it.category.name(),
                ph: "X",
                ts: micros(it.began),
                dur: micros(it.ended - it.began),
                pid: 1,
                tid: it.thread,
            })
            .collect();
        events.sort_by(|a, b| a.ts.total_cmp(&b.ts).then(b.dur.total_cmp(&a.dur)));
        let trace = Trace { trace_events: events, display_time_unit: "ms" };
        serde_json::to_string(&trace).expect("a trace is plain data")
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Trace<'a> {
    trace_events: Vec<Event<'a>>,
    display_time_unit: &'static str,
}

#[derive(Serialize)]
struct Event<'a> {
    name: &'a str,
    cat: &'static str,
    ph: &'static str,
    ts: f64,
    dur: f64,
    pid: u32,
    tid: u32,
}

/// A span that has begun.
#[must_use = "it ends when it is dropped"]
pub struct Span<'a>(Option<(&'a Timings, Category, Cow<'static, str>, Duration)>);

impl Drop for Span<'_> {
    fn drop(&mut self) {
        if let Some((timings, category, name, began)) = self.0.take() {
            timings.end(category, name, began);
        }
    }
}

/// Returns this thread's number, in the order in which threads first asked.
fn thread_number() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    thread_local! {
        static MINE: Cell<u32> = const { Cell::new(0) };
    }
    MINE.with(|mine| {
        if mine.get() == 0 {
            mine.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        mine.get()
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;

    use super::*;

    /// A clock that is a microsecond further each time.
    fn ticking() -> Timings {
        let now = Arc::new(AtomicU64::new(0));
        Timings::by(Box::new(move || Duration::from_micros(now.fetch_add(1, Ordering::Relaxed))))
    }

    #[test]
    fn steps_are_told_in_order_and_by_depth() {
        let timings = ticking();
        {
            let _build = timings.phase("build");
            {
                let _scan = timings.phase("scan");
                let _run = timings.span(Category::Processor, || "raw".into());
            }
            let _emit = timings.phase("emit");
        }
        let told: Vec<String> =
            timings.phases().iter().map(|(depth, name, took)| format!("{depth} {name} {}", took.as_micros())).collect();
        assert_eq!(told, ["0 build 7", "1 scan 3", "1 emit 1"]);
    }

    #[test]
    fn a_trace_is_json_with_every_span() {
        let timings = ticking();
        drop(timings.span(Category::Processor, || "image: \"a\"".to_owned().into()));
        drop(timings.phase("emit"));
        let trace: serde_json::Value = serde_json::from_str(&timings.to_chrome_trace()).expect("JSON");
        let events = trace["traceEvents"].as_array().expect("a list");
        assert_eq!(events.len(), 2);
        assert_eq!(
            (&events[0]["name"], &events[0]["ph"], &events[0]["cat"]),
            (&"image: \"a\"".into(), &"X".into(), &"processor".into())
        );
        assert_eq!((events[1]["ts"].as_f64(), events[1]["dur"].as_f64()), (Some(2.0), Some(1.0)));
    }

    #[test]
    fn nobody_asked_nothing_noted() {
        let timings = Timings::default();
        drop(timings.span(Category::Query, || unreachable!("no name is needed")));
        assert!(timings.phases().is_empty());
    }
}
