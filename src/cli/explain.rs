//! `packwright explain`: codes here, assets in `why`.

use schemars::JsonSchema;
use serde::Serialize;

use super::exit::Exit;
use super::json::{Format, Version};
use super::open::BuildArguments;
use super::table::prose_table;
use super::words::clean;
use super::wrap::{broken, paragraphs};
use super::{Context, paint, why};
use crate::error::{Error, Result};
use crate::model::Code;

/// A section for each code; a page for people too.
const EXPLANATIONS: &str = include_str!("explanations.md");

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// A code such as PW0012, or an asset: an id, a name, the beginning of a uuid, a path or a glob [default: lists all codes]
    #[arg(value_name = "CODE|ASSET")]
    what: Option<String>,
    #[command(flatten)]
    build: BuildArguments,
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
    let chosen: Vec<CodeEntry> = match &arguments.what {
        None => entries().collect(),
        Some(text) => match code_number(text) {
            Some(number) => vec![find(number, text)?],
            None => return why::run(cx, text, &arguments.build, arguments.format),
        },
    };
    if arguments.format == Format::Json {
        cx.console.print_json(&ExplainDocument { version: Version, codes: chosen })?;
    } else if let ([it], Some(_)) = (chosen.as_slice(), &arguments.what) {
        cx.console.print(&page(it, cx.console.wrap_printed()))?;
    } else {
        let rows = chosen.iter().map(|it| [paint::heading(&it.code.to_string()), it.title.to_owned()]);
        cx.console.print(&prose_table(rows, &[], cx.console.wrap_printed()))?;
    }
    Ok(Exit::Done)
}

/// Tells people about a code.
fn page(it: &CodeEntry, width: Option<usize>) -> String {
    let title = broken(&format!("{}: {}", it.code, it.title), 0, 2, width);
    format!("{}\n\n{}\n", paint::heading(&title), paragraphs(it.explanation, width))
}

/// Returns every code with what is to be said about it.
fn entries() -> impl Iterator<Item = CodeEntry> {
    Code::ALL.iter().map(|(code, title)| CodeEntry { code: *code, title, explanation: explanation(*code) })
}

/// Returns the number of what is written like a code: `PW0012` and `pw12` are one. A number alone is an asset's.
fn code_number(text: &str) -> Option<&str> {
    let digits = text.strip_prefix("PW").or_else(|| text.strip_prefix("pw"))?;
    (!digits.is_empty() && digits.bytes().all(|it| it.is_ascii_digit())).then_some(digits)
}

fn find(digits: &str, text: &str) -> Result<CodeEntry> {
    let found = digits.parse().ok().and_then(|it| entries().find(|entry| entry.code == Code(it)));
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
    fn pages_fit_on_a_screen() {
        for width in [40, 80] {
            for it in entries() {
                let page = anstream::adapter::strip_str(&page(&it, Some(width))).to_string();
                let wide: Vec<&str> =
                    page.lines().filter(|it| it.len() > width && it.matches(' ').count() > 0).collect();
                assert!(wide.iter().all(|it| it.contains('`')), "{wide:#?}");
            }
        }
        let page = page(&entries().next().expect("there are some"), None);
        assert_eq!(page.lines().count(), 5, "{page}");
    }

    #[test]
    fn a_code_is_found_however_it_is_written() {
        let found = |text: &str| find(code_number(text)?, text).ok().map(|it| it.code);
        for text in ["PW0012", "pw0012", "PW12"] {
            assert_eq!(found(text), Some(Code::NAME_CLASH), "{text}");
        }
        for text in ["PW9999", "PW99999999"] {
            assert!(code_number(text).is_some() && found(text).is_none(), "{text}");
        }
        for text in ["", "PW", "12", "+12", "PW-1", "PW12.png", "hero"] {
            assert_eq!(code_number(text), None, "{text}");
        }
    }
}
