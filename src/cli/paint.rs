//! What stands out in what is printed: headings, what is wrong, what is new, what matters less.
//!
//! The escapes are always there; whoever prints takes them out where nobody wants colours (`console`). Texts from outside
//! are cleaned before they get here, so that none brings its own.

use clap::builder::styling::{AnsiColor, Style};

const HEADING: Style = Style::new().bold();
const BAD: Style = AnsiColor::Red.on_default();
const GOOD: Style = AnsiColor::Green.on_default();
const FAINT: Style = Style::new().dimmed();

/// Returns a heading.
pub fn heading(text: &str) -> String {
    styled(HEADING, text)
}

/// Returns the heading of what is wrong.
pub fn bad_heading(text: &str) -> String {
    styled(BAD.bold(), text)
}

/// Returns the heading of what is new.
pub fn good_heading(text: &str) -> String {
    styled(GOOD.bold(), text)
}

/// Returns what is wrong.
pub fn bad(text: &str) -> String {
    styled(BAD, text)
}

/// Returns what is new.
pub fn good(text: &str) -> String {
    styled(GOOD, text)
}

/// Returns what matters less.
pub fn faint(text: &str) -> String {
    styled(FAINT, text)
}

fn styled(style: Style, text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{style}{text}{style:#}") }
}
