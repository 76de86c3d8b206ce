//! `packwright explain ASSET`.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::asset::{AssetHead, candidate, meant};
use super::exit::Exit;
use super::json::{DiagnosticEntry, Format, Version, diagnostics};
use super::open::{self, BuildArguments};
use super::select::{Selector, only};
use super::show::{ChoiceEntry, FromEntry, from};
use super::words::{clean, count};
use super::wrap::broken;
use super::{Context, absent, paint, render};
use crate::build::explain::{Explanation, LastTime, Remembered, Standing};
use crate::build::inspect::Asset;
use crate::error::{Error, Result};
use crate::model::{AssetId, Codec};
use crate::process::contract::Resolved;
use crate::process::ingredients::{Difference, InputDigest, Short};
use crate::process::kinds;
use crate::process::trace::{FindAnswer, Observation};
use crate::workspace::provenance;

/// Why an asset was or would be made again.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "packwright explain ASSET --format json")]
pub struct WhyDocument {
    /// Version of this form.
    version: Version,
    /// The profile by which it was looked at.
    profile: String,
    #[serde(flatten)]
    head: AssetHead,
    /// How it compares with the one that was made the last time.
    verdict: Verdict,
    /// How many ingredients it has today: its processor, the libraries and settings of that, its inputs, what its
    /// processor asked the last time, and its compression. Absent where nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    ingredients: Option<u64>,
    /// Which of them are others than when it was made, in the order in which a processor is told.
    changes: Vec<ChangeEntry>,
    /// Whether the cache has what its processor makes of it as it is today. Where it has not, the next build that needs
    /// that runs the processor, also of an asset that is up to date.
    remembered: bool,
    /// Whether it is in the pack that is there; absent where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    in_pack: Option<bool>,
    /// Why it was made the last time; absent where nobody knows.
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<LastEntry>,
    /// What is to be said about the cache.
    cache_diagnostics: Vec<DiagnosticEntry>,
}

/// How an asset compares with the one that was made the last time.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// No: it is made of what the one in the pack was made of.
    UpToDate,
    /// It would become another one because of the changes.
    Outdated,
    /// It was not in the last build of this pack.
    New,
    /// Nobody knows what the one in the pack was made of.
    Unknown,
    /// No: its author keeps it out of this profile's packs.
    Excluded,
    /// It cannot be made: something about it is an error, or its processor is known to refuse it.
    Broken,
}

/// Why an asset was made the last time.
#[derive(Serialize, JsonSchema)]
struct LastEntry {
    /// Whether that was the last build, rather than one before. Builds with nothing to do do not count.
    by_last_build: bool,
    /// Whether nothing is noted of it before that.
    first: bool,
    /// How many ingredients it had.
    ingredients: u64,
    /// Which of them were others than before.
    changes: Vec<ChangeEntry>,
}

/// An ingredient that is another one. Paths are relative to the asset's directory; digests are the first 16 digits of BLAKE3.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "ingredient")]
enum ChangeEntry {
    /// The processor, or its version.
    Processor {
        /// Before.
        before: ProcessorEntry,
        /// After.
        after: ProcessorEntry,
    },
    /// The libraries that its output depends on.
    Libraries {
        /// Those that are not used any more.
        before: Vec<String>,
        /// Those that were not used before.
        after: Vec<String>,
    },
    /// A setting.
    Setting {
        /// Its name.
        name: String,
        /// Absent where there was no such setting.
        #[serde(skip_serializing_if = "Option::is_none")]
        before: Option<Value>,
        /// Absent where there is no such setting any more.
        #[serde(skip_serializing_if = "Option::is_none")]
        after: Option<Value>,
        /// Where that is written; absent where it is not what is written today.
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<FromEntry>,
        /// The profile that it is said for; absent for what is said in general.
        #[serde(skip_serializing_if = "Option::is_none")]
        profile: Option<String>,
    },
    /// How its payloads are compressed.
    Compression {
        /// In which forms its packs wanted them before.
        before: Vec<Codec>,
        /// In which they want them now.
        after: Vec<Codec>,
    },
    /// A declared input.
    Input {
        /// Absent where it was none.
        #[serde(skip_serializing_if = "Option::is_none")]
        before: Option<InputEntry>,
        /// Absent where it is none any more.
        #[serde(skip_serializing_if = "Option::is_none")]
        after: Option<InputEntry>,
    },
    /// The order of the inputs.
    Order,
    /// What its processor found at a path.
    File {
        /// The path.
        path: String,
        /// Before.
        before: FoundEntry,
        /// After.
        after: FoundEntry,
    },
    /// Which files match a glob that its processor asked for.
    Glob {
        /// The glob.
        pattern: String,
        /// Those that matched before and do not any more.
        gone: Vec<String>,
        /// Those that did not match before.
        new: Vec<String>,
    },
    /// The asset that its processor refers to by a path.
    Reference {
        /// The path.
        path: String,
        /// Absent where there was none.
        #[serde(skip_serializing_if = "Option::is_none")]
        before: Option<ReferredEntry>,
        /// Absent where there is none any more.
        #[serde(skip_serializing_if = "Option::is_none")]
        after: Option<ReferredEntry>,
    },
}

/// A processor.
#[derive(Serialize, JsonSchema)]
struct ProcessorEntry {
    /// The type of its assets.
    #[serde(rename = "type")]
    kind: String,
    /// Its version.
    version: u32,
}

/// An input.
#[derive(Serialize, JsonSchema)]
struct InputEntry {
    /// Where it lies.
    path: String,
    /// Of its bytes.
    digest: String,
}

/// What was found at a path.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "found")]
enum FoundEntry {
    /// A source.
    Source {
        /// Of its bytes.
        digest: String,
    },
    /// Nothing.
    Absent,
    /// Something that is no source.
    NotASource {
        /// Why it is none.
        reason: String,
    },
}

/// An asset that is referred to.
#[derive(Serialize, JsonSchema)]
struct ReferredEntry {
    /// Its number.
    asset_id: AssetId,
    /// Its type.
    #[serde(rename = "type")]
    kind: String,
}

/// Says why an asset was or would be made again.
pub fn run(cx: &Context, asset: &str, build: &BuildArguments, format: Format) -> Result<Exit> {
    let opened = open::open(cx, build.jobs)?;
    let dir = open::dir(&opened.ws, cx);
    let selector = Selector::parse(&open::inside(&opened.ws.root, asset), dir.as_ref())?;
    let choose = |assets: &[Asset]| only(&selector, assets.len(), |it| candidate(&assets[it]))?.map_err(Error::Refused);
    let explanation = match opened.ask(|it| it.explain(&build.options(cx), &choose)) {
        Ok(explanation) => explanation,
        Err(Error::Refused(message)) => {
            // Seldom enough to look once more.
            let inspection = opened.ask(|it| it.inspect(&build.options(cx)))?;
            let message = absent::reason(&opened.ws, &selector, &inspection).unwrap_or(message);
            return Ok(super::refused(&cx.console, format, &message));
        }
        Err(error @ Error::Usage(_)) => return Err(error),
        Err(error) => return Ok(super::failed(&cx.console, format, Some(&opened.ws), &error, None)),
    };
    opened.engine.forget();
    let document = document(&explanation);
    if format == Format::Json {
        cx.console.print_json(&document)?;
        return Ok(Exit::Done);
    }
    render::show(&cx.console, None, &explanation.cache_warnings);
    meant(&selector, &explanation.asset).into_iter().for_each(|it| cx.console.note(it));
    let is_refused = explanation.remembered == Some(Remembered::Refusal);
    cx.console.print(&in_words(&document, is_refused, cx.console.wrap_printed()))?;
    Ok(Exit::Done)
}

fn document(it: &Explanation) -> WhyDocument {
    let defaults = kinds::find(&it.asset.kind).map(|it| it.defaults()).unwrap_or_default();
    let text = it.text.as_deref();
    let choices = provenance::choices(&it.config, &it.config_text, &it.declaration, text, &it.profile, defaults);
    let settings: Vec<ChoiceEntry> = choices.settings.iter().map(ChoiceEntry::from).collect();
    let entries = |all: &[Difference]| all.iter().map(|it| entry(it, &settings)).collect();
    let (verdict, ingredients, changes) = match &it.standing {
        Standing::Excluded => (Verdict::Excluded, None, Vec::new()),
        Standing::Broken => (Verdict::Broken, None, Vec::new()),
        Standing::New => (Verdict::New, None, Vec::new()),
        Standing::Unknown => (Verdict::Unknown, None, Vec::new()),
        Standing::Current { ingredients } => (Verdict::UpToDate, *ingredients, Vec::new()),
        Standing::Outdated { changes, ingredients } => (Verdict::Outdated, Some(*ingredients), entries(changes)),
    };
    let is_refused = it.remembered == Some(Remembered::Refusal);
    let last = |it: &LastTime| LastEntry {
        by_last_build: it.by_last_build,
        first: it.changes.is_none(),
        ingredients: it.ingredients as u64,
        changes: entries(it.changes.as_deref().unwrap_or_default()),
    };
    WhyDocument {
        version: Version,
        profile: it.profile.name.clone(),
        head: (&it.asset).into(),
        verdict: if is_refused { Verdict::Broken } else { verdict },
        ingredients: ingredients.map(|it| it as u64),
        changes,
        remembered: it.remembered == Some(Remembered::Artifacts),
        in_pack: it.in_pack,
        last: it.last.as_ref().map(last),
        cache_diagnostics: diagnostics(&it.cache_warnings),
    }
}

fn entry(difference: &Difference, settings: &[ChoiceEntry]) -> ChangeEntry {
    match difference.clone() {
        Difference::Processor { before, after } => {
            let processor = |(kind, version)| ProcessorEntry { kind, version };
            ChangeEntry::Processor { before: processor(before), after: processor(after) }
        }
        Difference::Libraries { before, after } => ChangeEntry::Libraries { before, after },
        Difference::Setting { name, before, after } => {
            let by = settings.iter().find(|it| it.name == name && Some(&it.value) == after.as_ref());
            let (from, profile) = by.map(|it| (it.from.clone(), it.profile.clone())).unzip();
            ChangeEntry::Setting { name, before, after, from, profile: profile.flatten() }
        }
        Difference::Compression { before, after } => {
            ChangeEntry::Compression { before: before.iter().collect(), after: after.iter().collect() }
        }
        Difference::Input { before, after } => {
            let input = |(path, digest): InputDigest| InputEntry { path, digest: digest.to_hex() };
            ChangeEntry::Input { before: before.map(input), after: after.map(input) }
        }
        Difference::Order => ChangeEntry::Order,
        Difference::Answer { before, after } => answer(before, after),
    }
}

/// Tells two answers to one question.
fn answer(before: Observation, after: Observation) -> ChangeEntry {
    match (before, after) {
        (Observation::Find { path, answer: before }, Observation::Find { answer: after, .. }) => {
            ChangeEntry::File { path, before: found(before), after: found(after) }
        }
        (Observation::Glob { pattern, matches: before }, Observation::Glob { matches: after, .. }) => {
            let only = |these: &[String], those: &[String]| -> Vec<String> {
                these.iter().filter(|it| !those.contains(it)).cloned().collect()
            };
            ChangeEntry::Glob { pattern, gone: only(&before, &after), new: only(&after, &before) }
        }
        (Observation::AssetAt { path, answer: before }, Observation::AssetAt { answer: after, .. }) => {
            let referred = |it: Resolved| ReferredEntry { asset_id: it.id, kind: it.kind };
            ChangeEntry::Reference { path, before: before.map(referred), after: after.map(referred) }
        }
        _ => unreachable!("both are answers to one question"),
    }
}

fn found(answer: FindAnswer) -> FoundEntry {
    match answer {
        FindAnswer::Source(digest, _) => FoundEntry::Source { digest: Short::from(digest).to_hex() },
        FindAnswer::Absent => FoundEntry::Absent,
        FindAnswer::NotASource(reason) => FoundEntry::NotASource { reason },
    }
}

/// Tells it to people. `is_refused` says whether its processor is known to refuse it; `width` is that of their screen, for
/// sentences: what changed stays a line each.
fn in_words(document: &WhyDocument, is_refused: bool, width: Option<usize>) -> String {
    let it = document;
    let recent = it
        .last
        .as_ref()
        .filter(|last| last.by_last_build && !last.first && it.verdict == Verdict::UpToDate && it.remembered);
    let paint = if it.verdict == Verdict::Broken { paint::bad_heading } else { paint::heading };
    let mut text = paint(&broken(&headline(it, recent, is_refused), 0, 2, width)) + "\n";
    recent.map_or(&it.changes, |it| &it.changes).iter().for_each(|it| line(&mut text, it));
    let _ = writeln!(text, "\nasset {}, {}", it.head.shown_id(), clean(&it.head.shown_place()));
    for note in notes(it, is_refused) {
        let _ = writeln!(text, "{}: {}", paint::good("note"), broken(note, 6, 6, width));
    }
    if let (Some(last), None) = (&it.last, recent) {
        let by = if last.by_last_build { "the last build" } else { "an earlier build" };
        if last.first {
            let _ = writeln!(text, "its first note is of {by}");
        } else {
            let changed = of(last.changes.len(), last.ingredients);
            let told = format!("it last changed with {by} because {changed} changed");
            let _ = writeln!(text, "{}", broken(&told, 0, 2, width));
            last.changes.iter().for_each(|it| line(&mut text, it));
        }
    }
    text
}

fn of(changes: usize, all: u64) -> String {
    format!("{changes} of its {}", count(all, "ingredient"))
}

/// Returns how it stands, on one line. `recent` is why it changed with the last build, if that is the news.
fn headline(it: &WhyDocument, recent: Option<&LastEntry>, is_refused: bool) -> String {
    let changed = || of(it.changes.len(), it.ingredients.unwrap_or_default());
    match it.verdict {
        Verdict::UpToDate if !it.remembered => {
            "nothing it is made of changed, but the cache does not have what comes of it: the next build that needs it runs its \
             processor again"
                .to_owned()
        }
        Verdict::UpToDate => match recent {
            None => "up to date: nothing it is made of changed".to_owned(),
            Some(last) => {
                let changed = of(last.changes.len(), last.ingredients);
                format!("up to date: changed with the last build because {changed} changed")
            }
        },
        Verdict::Outdated if it.remembered => {
            format!("would change: {} changed; the cache has what comes of it, no processor runs", changed())
        }
        Verdict::Outdated => format!("would be rebuilt: {} changed", changed()),
        Verdict::New => format!("not in the last build of this pack: {}", next(it)),
        Verdict::Unknown => format!("its history is not known: {}", next(it)),
        Verdict::Excluded => format!("not built: it is excluded in profile {}", clean(&it.profile)),
        Verdict::Broken if is_refused && !it.changes.is_empty() => {
            format!("cannot be built: its processor refuses it; {} changed", changed())
        }
        Verdict::Broken if is_refused => "cannot be built: its processor refuses it".to_owned(),
        Verdict::Broken => "cannot be built: something about it is an error".to_owned(),
    }
}

/// Returns what the next build that needs an asset has to do for it.
fn next(it: &WhyDocument) -> &'static str {
    match it.remembered {
        true => "the cache has what comes of it, no processor runs",
        false => "the next build that needs it runs its processor",
    }
}

fn notes(it: &WhyDocument, is_refused: bool) -> Vec<&'static str> {
    const NO_NOTE: &str = "what the one in the pack was made of was not noted here, or the note was deleted or damaged, or \
                           the last build went elsewhere (`--out`)";
    let mut notes = Vec::new();
    match it.verdict {
        Verdict::Unknown => notes.push(NO_NOTE),
        Verdict::Broken if is_refused => notes.push("`packwright check` tells why"),
        Verdict::Broken => notes.push("`packwright check` tells what is wrong"),
        Verdict::UpToDate if it.in_pack == Some(false) => {
            notes.push("it is not in the pack: `packwright check` tells why");
        }
        Verdict::UpToDate if it.in_pack.is_none() => notes.push("there is no pack: the next build writes it anew"),
        _ => {}
    }
    if it.verdict == Verdict::UpToDate && it.last.is_none() {
        notes.push("its pack is made of what is there today; when it last changed is not known");
    }
    notes
}

fn line(text: &mut String, change: &ChangeEntry) {
    let _ = writeln!(text, "  {}", told(change));
}

fn told(change: &ChangeEntry) -> String {
    match change {
        ChangeEntry::Processor { before, after } => {
            let (kind, version) = (clean(&before.kind), before.version);
            let same = before.kind == after.kind;
            let other = if same { String::new() } else { clean(&after.kind) + " " };
            format!("processor {kind} {version} -> {other}{}", after.version)
        }
        ChangeEntry::Libraries { before, after } => format!("library {}", arrow(&before.join(", "), &after.join(", "))),
        ChangeEntry::Setting { name, before, after, from: by, profile } => {
            let value = |it: &Option<Value>| it.as_ref().map_or_else(|| "none".to_owned(), |it| clean(&it.to_string()));
            let by = by.as_ref().map(|it| format!(" ({})", from(it, profile.as_deref())));
            let name = clean(name);
            format!("setting {name}: {}{}", arrow(&value(before), &value(after)), by.unwrap_or_default())
        }
        ChangeEntry::Compression { before, after } => {
            format!("compression: {}", arrow(&codecs(before), &codecs(after)))
        }
        ChangeEntry::Input { before: Some(before), after: Some(after) } if before.path == after.path => {
            format!("input {}: {}", clean(&before.path), arrow(&before.digest, &after.digest))
        }
        ChangeEntry::Input { before: Some(before), after: Some(after) } => {
            format!("input {}, with the same contents", arrow(&clean(&before.path), &clean(&after.path)))
        }
        ChangeEntry::Input { before, after } => {
            let path = before.as_ref().or(after.as_ref()).map_or("", |it| &it.path);
            let digest =
                |it: &Option<InputEntry>| it.as_ref().map_or_else(|| "none".to_owned(), |it| it.digest.clone());
            format!("input {}: {}", clean(path), arrow(&digest(before), &digest(after)))
        }
        ChangeEntry::Order => "order of inputs".to_owned(),
        ChangeEntry::File { path, before, after } => {
            format!("observed {}: {}", clean(path), arrow(&seen(before), &seen(after)))
        }
        ChangeEntry::Glob { pattern, gone, new } => {
            let named = |mark: &str, all: &[String]| few(all.iter().map(|it| format!("{mark}{}", clean(it))).collect());
            let parts: Vec<String> = [named("+", new), named("-", gone)].into_iter().flatten().collect();
            format!("observed {}: {}", clean(pattern), parts.join(" "))
        }
        ChangeEntry::Reference { path, before, after } => {
            let same = before.as_ref().zip(after.as_ref()).is_some_and(|it| it.0.asset_id == it.1.asset_id);
            let referred = |it: &Option<ReferredEntry>| match it {
                None => "unresolved".to_owned(),
                Some(it) if same => format!("{} ({})", it.asset_id, clean(&it.kind)),
                Some(it) => it.asset_id.to_string(),
            };
            format!("reference to {}: {}", clean(path), arrow(&referred(before), &referred(after)))
        }
    }
}

fn arrow(before: &str, after: &str) -> String {
    format!("{before} -> {after}")
}

fn seen(found: &FoundEntry) -> String {
    match found {
        FoundEntry::Source { digest } => digest.clone(),
        FoundEntry::Absent => "absent".to_owned(),
        FoundEntry::NotASource { reason } => clean(reason),
    }
}

fn codecs(codecs: &[Codec]) -> String {
    codecs.iter().map(|it| codec(*it)).collect::<Vec<_>>().join(", ")
}

fn codec(codec: Codec) -> String {
    serde_json::to_value(codec).ok().and_then(|it| it.as_str().map(str::to_owned)).unwrap_or_default()
}

/// Returns the first of many, and how many more there are.
fn few(mut all: Vec<String>) -> Vec<String> {
    const FEW: usize = 3;
    if all.len() > FEW + 1 {
        let more = all.len() - FEW;
        all.truncate(FEW);
        all.push(format!("and {more} more"));
    }
    all
}
