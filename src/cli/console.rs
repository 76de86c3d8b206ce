//! Where text goes: stdout is the result, stderr is the conversation.
//!
//! A reader that went away is not an error: whoever pipes into `head` has what they wanted.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use clap::builder::styling::{AnsiColor, Style};

use super::wrap::broken;
use crate::error::{IoContext, Result};

const ERROR: Style = AnsiColor::BrightRed.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const NOTE: Style = AnsiColor::BrightGreen.on_default().bold();
/// How wide a screen is that does not say so.
const USUAL_WIDTH: usize = 80;
/// How wide a line of source may be where there is no screen.
const WIDTH_OFF_SCREEN: usize = 100;

/// When to use colours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// How a command speaks.
#[derive(Clone, Copy, Debug)]
pub struct Console {
    quiet: bool,
    /// How much is told besides what everybody is told.
    pub verbose: u8,
}

impl Console {
    /// Returns a console for these wishes. The wish for colours holds for the whole process.
    pub fn new(color: Color, quiet: bool, verbose: u8) -> Self {
        match color {
            Color::Auto => anstream::ColorChoice::Auto,
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
        }
        .write_global();
        Self { quiet, verbose }
    }

    /// Says something on stderr, unless the user wants quiet.
    pub fn say(&self, text: impl Display) {
        if !self.quiet {
            to_stderr(format_args!("{text}\n"));
        }
    }

    /// Says prose on stderr, unless the user wants quiet. On a terminal it is broken into lines, of which those after the
    /// first are indented by `hang`.
    pub fn tell(&self, hang: usize, text: impl Display) {
        self.say(broken(&text.to_string(), 0, hang, self.wrap()));
    }

    /// Points something out on stderr, unless the user wants quiet.
    pub fn note(&self, text: impl Display) {
        self.say(format_args!("{NOTE}note{NOTE:#}: {}", self.behind("note: ", text)));
    }

    /// Warns on stderr, unless the user wants quiet.
    pub fn warn(&self, text: impl Display) {
        self.say(format_args!("{WARNING}warning{WARNING:#}: {}", self.behind("warning: ", text)));
    }

    /// Tells of an error on stderr, quiet or not.
    pub fn error(&self, text: impl Display) {
        to_stderr(format_args!("{ERROR}error{ERROR:#}: {}\n", self.behind("error: ", text)));
    }

    /// Returns prose for stderr behind a word, below which its lines begin.
    pub fn behind(&self, lead: &str, text: impl Display) -> String {
        broken(&text.to_string(), lead.len(), lead.len(), self.wrap())
    }

    /// Says something on stderr, quiet or not.
    pub fn insist(&self, text: impl Display) {
        to_stderr(format_args!("{text}\n"));
    }

    /// Returns whether only errors are told.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Returns whether stderr is a terminal.
    pub fn is_terminal(&self) -> bool {
        io::stderr().is_terminal()
    }

    /// Returns whether stdout is a terminal.
    pub fn prints_to_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Returns how wide prose on stderr may be: as the terminal; `None` where there is none, and nothing is broken.
    pub fn wrap(&self) -> Option<usize> {
        self.is_terminal().then(|| width(terminal_size::terminal_size_of(io::stderr())))
    }

    /// As [`wrap`](Self::wrap), on stdout.
    pub fn wrap_printed(&self) -> Option<usize> {
        self.prints_to_terminal().then(|| width(terminal_size::terminal_size_of(io::stdout())))
    }

    /// Returns how much of a line of source is shown on stderr, in columns.
    pub fn width(&self) -> usize {
        self.wrap().unwrap_or(WIDTH_OFF_SCREEN)
    }

    /// Prints the result of a command.
    ///
    /// # Errors
    ///
    /// Whatever stdout says, a reader that went away apart.
    pub fn print(&self, text: &str) -> Result<()> {
        accepted(anstream::stdout().lock().write_all(text.as_bytes()))
    }

    /// Prints bytes as they are.
    ///
    /// # Errors
    ///
    /// Whatever stdout says, a reader that went away apart.
    pub fn print_bytes(&self, bytes: &[u8]) -> Result<()> {
        let mut out = io::stdout().lock();
        accepted(out.write_all(bytes).and_then(|()| out.flush()))
    }

    /// Prints a document: indented, and with a line end.
    ///
    /// # Errors
    ///
    /// Whatever stdout says, a reader that went away apart.
    pub fn print_json(&self, document: &impl serde::Serialize) -> Result<()> {
        let mut text = serde_json::to_string_pretty(document).expect("a document has only string keys");
        text.push('\n');
        self.print_bytes(text.as_bytes())
    }
}

fn width(size: Option<(terminal_size::Width, terminal_size::Height)>) -> usize {
    const NARROWEST: usize = 40;
    size.map_or(USUAL_WIDTH, |(width, _)| usize::from(width.0).max(NARROWEST))
}

fn accepted(written: io::Result<()>) -> Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("write", Path::new("<stdout>")),
    }
}

/// Writes to stderr. There is nobody left to tell when that fails.
fn to_stderr(text: std::fmt::Arguments<'_>) {
    let _ = anstream::stderr().lock().write_fmt(text);
}
