//! `packwright explain`.

use schemars::JsonSchema;
use serde::Serialize;

use super::Context;
use super::exit::Exit;
use super::json::{Format, Version};
use super::words::{clean, table};
use crate::error::{Error, Result};
use crate::model::Code;

/// A section for each code; a page for people too.
const EXPLANATIONS: &str = include_str!("explanations.md");

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// A code such as PW0012 [default: lists all]
    #[arg(value_name = "CODE")]
    code: Option<String>,
    /// How it is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: Format,
}

/// What codes mean.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "packwright explain --format json")]
pub struct ExplainDocument {
    /// Version of this form.
    version: Version,
    /// By code.
    codes: Vec<CodeEntry>,
}

/// What a code means.
#[derive(Serialize, JsonSchema)]
struct CodeEntry {
    /// The code.
    code: Code,
    /// What is wrong, in a few words.
    title: &'static str,
    /// What that means, and what to do about it. Paragraphs are separated by empty lines.
    explanation: &'static str,
}

pub fn run(cx: &Context, arguments: &Arguments) -> Result<Exit> {
    let chosen: Vec<CodeEntry> = match &arguments.code {
        None => entries().collect(),
        Some(text) => vec![find(text)?],
    };
    if arguments.format == Format::Json {
        cx.console.print_json(&ExplainDocument { version: Version, codes: chosen })?;
    } else if let ([it], Some(_)) = (chosen.as_slice(), &arguments.code) {
        cx.console.print(&format!("{}: {}\n\n{}\n", it.code, it.title, it.explanation))?;
    } else {
        let rows = chosen.iter().map(|it| [it.code.to_string(), it.title.to_owned()]);
        cx.console.print(&table(rows, &[]))?;
    }
    Ok(Exit::Done)
}

/// Returns every code with what is to be said about it.
fn entries() -> impl Iterator<Item = CodeEntry> {
    Code::ALL.iter().map(|(code, title)| CodeEntry { code: *code, title, explanation: explanation(*code) })
}

/// Returns the code that a person means: `PW0012`, `pw12` and `12` are one.
fn find(text: &str) -> Result<CodeEntry> {
    let digits = text.strip_prefix("PW").or_else(|| text.strip_prefix("pw")).unwrap_or(text);
    let number = digits.parse::<u16>().ok().filter(|_| digits.bytes().all(|it| it.is_ascii_digit()));
    let found = number.and_then(|it| entries().find(|entry| entry.code == Code(it)));
    found.ok_or_else(|| {
        let message = format!("there is no code `{}`; `packwright explain` lists all of them", clean(text));
        Error::Usage(message)
    })
}

/// Returns what the page says of a code below its heading.
pub fn explanation(code: Code) -> &'static str {
    let heading = format!("\n## {code}\n");
    let section = EXPLANATIONS.find(&heading).map_or("", |at| &EXPLANATIONS[at + heading.len()..]);
    section.find("\n## ").map_or(section, |end| &section[..end]).trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_explained_and_nothing_else() {
        let headings: Vec<&str> = EXPLANATIONS.lines().filter_map(|it| it.strip_prefix("## ")).collect();
        let codes: Vec<String> = Code::ALL.iter().map(|it| it.0.to_string()).collect();
        assert_eq!(headings, codes);
        // What it is, and what to do.
        assert!(entries().all(|it| it.explanation.split("\n\n").count() >= 2));
    }

    #[test]
    fn a_code_is_found_however_it_is_written() {
        for text in ["PW0012", "pw0012", "PW12", "12"] {
            assert_eq!(find(text).ok().map(|it| it.code), Some(Code::NAME_CLASH), "{text}");
        }
        for text in ["", "PW", "PW9999", "+12", "PW-1", "99999999", "hero"] {
            assert!(find(text).is_err(), "{text}");
        }
    }
}
