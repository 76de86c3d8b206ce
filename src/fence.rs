//! A fence around third-party code: a panic inside becomes a value, and prints nothing.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static FENCED: Cell<u32> = const { Cell::new(0) };
}

/// Returns whether the current thread is inside a fence: a panic hook has nothing to say then.
pub fn is_fenced() -> bool {
    FENCED.get() > 0
}

/// Runs `work`; a panic in it is returned as its message.
///
/// # Errors
///
/// The panic's message.
pub fn fenced<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    FENCED.set(FENCED.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(work));
    FENCED.set(FENCED.get() - 1);
    result.map_err(|panic| {
        let text = panic.downcast_ref::<&str>().map(|it| (*it).to_owned());
        text.or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "a panic without a message".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_its_message() {
        assert_eq!(fenced(|| 7), Ok(7));
        assert_eq!(fenced(|| -> u8 { panic!("seven {}", 7) }), Err("seven 7".to_owned()));
        assert!(!is_fenced());
    }
}
