//! From the bytes of sixteen files to a [`Registry`], with everything that is wrong on the way.
//!
//! Nothing here fails: what cannot be read or contradicts itself becomes a diagnostic, and the registry holds
//! what remains, chosen by the lines alone and never by their order. With an error among the diagnostics it
//! is good enough to show and must not be built from.

use std::fmt::Write as _;

use rayon::prelude::*;

use crate::threads::spread;

use super::super::{Code, Diagnostic, Digest, Location, RelPath, Span, diagnostic};
use super::line::{Line, ShortDigest, sorted};
use super::{AssetId, DIRECTORY, N_FILES, Registry, Residue, file_of, file_path};

/// The bytes of the sixteen files by index; `None` for one that is absent.
pub type FileSet = [Option<Vec<u8>>; N_FILES];

/// Which of the sixteen files are there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    /// All of them.
    Whole,
    /// Some: the others were lost.
    Partial,
    /// None: this was never initialized, or the whole registry was lost.
    Absent,
}

/// What came of reading a registry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Loaded {
    /// The lines, superseded ones resolved.
    pub registry: Registry,
    /// What is wrong, in the order in which diagnostics are shown. An error means that nothing may be built or
    /// proposed from `registry`.
    pub diagnostics: Vec<Diagnostic>,
    /// Which files were there. Anything but `Whole` is also an error among the diagnostics.
    pub presence: Presence,
}

pub(super) const REPAIR: &str = "run `packwright doctor --fix`, which repairs this alike on every machine";
const RESTORE: &str =
    "restore it from version control; packwright never starts it anew, or every identity would be lost";

/// Reads a registry.
pub fn load(files: &FileSet) -> Loaded {
    let (presence, mut diagnostics) = presence(files);
    let mut parsed = parse(files);
    let mut residue = Residue::default();
    for file in &mut parsed {
        residue.files |= file.unsorted_bit;
        if file.n_markers > 0 || !file.strays.is_empty() {
            residue.files |= 1 << file.index;
        }
        if file.unsorted_bit != 0 {
            file.reads.sort_by_key(|it| it.line.uuid);
        }
        diagnostics.append(&mut file.diagnostics);
    }
    let seen = parsed.iter().flat_map(|it| &it.reads).map(|it| it.line.highest()).max().unwrap_or(0);
    let (lines, marks) = settle(parsed, &mut residue, &mut diagnostics);
    let registry = Registry::of(lines, seen, residue);
    check_numbers(&registry, &marks, &mut diagnostics);
    check_places(&registry, &marks, &mut diagnostics);
    diagnostic::sort(&mut diagnostics);
    Loaded { registry, diagnostics, presence }
}

/// Reads the files that are there.
pub(super) fn parse(files: &FileSet) -> Vec<Parsed> {
    let there = files.par_iter().enumerate();
    let parsed = there.filter_map(|(index, bytes)| bytes.as_ref().map(|bytes| parse_file(index, bytes)));
    spread(|| parsed.collect())
}

pub(super) fn presence(files: &FileSet) -> (Presence, Vec<Diagnostic>) {
    let absent: Vec<usize> = (0..N_FILES).filter(|it| files[*it].is_none()).collect();
    let missing = |path: &RelPath| {
        let message = format!("`{path}` is absent");
        Diagnostic::error(Code::REGISTRY_MISSING, message).at(Location::file(path)).help(RESTORE)
    };
    match absent.len() {
        0 => (Presence::Whole, Vec::new()),
        N_FILES => {
            let directory = RelPath::new(DIRECTORY).expect("a constant in normal form");
            let help = "restore it from version control; in a workspace that never had one, run `packwright init`";
            (Presence::Absent, vec![missing(&directory).help(help)])
        }
        _ => (Presence::Partial, absent.into_iter().map(|it| missing(&file_path(it))).collect()),
    }
}

/// Where a line was read. Spans are made from it only for those lines that have something wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Mark {
    file: u8,
    number: u32,
    start: u32,
    end: u32,
}

impl Mark {
    pub(super) fn location(self) -> Location {
        let span = Span { start: self.start, end: self.end, line: self.number, column: 1 };
        Location::span(&file_path(usize::from(self.file)), span)
    }
}

pub(super) struct Read {
    pub line: Line,
    pub mark: Mark,
}

/// One file, as far as it could be read.
pub(super) struct Parsed {
    /// Which one.
    pub index: usize,
    pub reads: Vec<Read>,
    /// Lines that belong in another file.
    pub strays: Vec<Read>,
    /// How many lines are left of somebody's merge conflict.
    pub n_markers: usize,
    /// What is not a line: as it stands, and what is wrong with it.
    pub unreadable: Vec<(Vec<u8>, Diagnostic)>,
    /// This file's bit where its lines are not strictly sorted by uuid.
    pub unsorted_bit: u16,
    pub diagnostics: Vec<Diagnostic>,
}

/// What one line turned out to be.
enum Said {
    Nothing,
    Line(Line),
    Marker,
    Unreadable(Box<Diagnostic>),
}

pub(super) fn parse_file(index: usize, bytes: &[u8]) -> Parsed {
    // Hardly a line is shorter; room that is left over is never touched.
    let reads = Vec::with_capacity(bytes.len() / 160);
    let (strays, unreadable, diagnostics) = (Vec::new(), Vec::new(), Vec::new());
    let mut file = Parsed { index, reads, strays, n_markers: 0, unreadable, unsorted_bit: 0, diagnostics };
    let unmarked = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let valid = std::str::from_utf8(unmarked).map_or_else(|it| it.valid_up_to(), str::len);
    let text = std::str::from_utf8(&unmarked[..valid]).unwrap_or_default();
    let torn = valid < unmarked.len();
    let (mut start, mut number) = (bytes.len() - unmarked.len(), 0);
    let mut raws = text.split('\n').peekable();
    while let Some(raw) = raws.next() {
        number += 1;
        let end = start + raw.trim_ascii_end().len();
        let mark = Mark { file: index as u8, number, start: saturate(start), end: saturate(end) };
        if torn && raws.peek().is_none() {
            let problem = "the line is not UTF-8; the file is not read any further";
            let diagnostic = Diagnostic::error(Code::REGISTRY_SYNTAX, problem).at(mark.location());
            file.unreadable.push((bytes[start..].to_vec(), diagnostic.help("restore the file from version control")));
            break;
        }
        match parse_line(raw, mark) {
            Said::Nothing => {}
            Said::Line(line) if file_of(line.uuid) == index => file.reads.push(Read { line, mark }),
            Said::Line(line) => {
                file.diagnostics.push(stray(&line, mark));
                file.strays.push(Read { line, mark });
            }
            Said::Marker => {
                file.n_markers += 1;
                file.diagnostics.push(marker(mark));
            }
            Said::Unreadable(diagnostic) => {
                file.unreadable.push((raw.trim_ascii().as_bytes().to_vec(), *diagnostic));
            }
        }
        start += raw.len() + 1;
    }
    file.diagnostics.extend(file.unreadable.iter().map(|it| it.1.clone()));
    if !file.reads.is_sorted_by(|a, b| a.line.uuid < b.line.uuid) {
        file.unsorted_bit = 1 << index;
    }
    file
}

/// Returns the lines of one of the sixteen files by uuid; `None` where there is anything to say about it, or to tidy.
pub fn lines_of_file(index: usize, bytes: &[u8]) -> Option<Vec<Line>> {
    let Parsed { reads, unsorted_bit, diagnostics, .. } = parse_file(index, bytes);
    let is_plain = unsorted_bit == 0 && diagnostics.is_empty();
    is_plain.then(|| reads.into_iter().map(|it| it.line).collect())
}

fn saturate(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(u32::MAX)
}

fn parse_line(raw: &str, mark: Mark) -> Said {
    let text = raw.trim_ascii();
    if text.is_empty() {
        return Said::Nothing;
    }
    if let Some(line) = Line::plain(text) {
        return Said::Line(line);
    }
    if ["<<<<<<<", "|||||||", "=======", ">>>>>>>"].iter().any(|it| text.starts_with(it)) {
        return Said::Marker;
    }
    let mut line: Line = match serde_json::from_str(text) {
        Ok(line) => line,
        Err(error) => return Said::Unreadable(syntax_error(&error, mark)),
    };
    if let Err(reason) = line.normalize() {
        let diagnostic = Diagnostic::error(Code::REGISTRY_SYNTAX, reason).at(mark.location());
        return Said::Unreadable(Box::new(diagnostic.help("restore the line from version control")));
    }
    Said::Line(line)
}

fn marker(mark: Mark) -> Diagnostic {
    let diagnostic = Diagnostic::error(Code::REGISTRY_MARKERS, "a merge conflict was left unresolved here");
    diagnostic.at(mark.location()).help(format!("remove the markers and keep the lines of both sides, or {REPAIR}"))
}

fn stray(line: &Line, mark: Mark) -> Diagnostic {
    let message = format!("the line of {} belongs in `{}`", line.uuid, file_path(file_of(line.uuid)));
    Diagnostic::error(Code::REGISTRY_SYNTAX, message).at(mark.location()).help(REPAIR)
}

fn syntax_error(error: &serde_json::Error, mark: Mark) -> Box<Diagnostic> {
    let text = error.to_string();
    // The parser saw one line and says so; the place in the file is in the span.
    let reason = text.rfind(" at line ").map_or(&*text, |at| &text[..at]);
    let help = if reason.starts_with("unknown field") {
        "a newer packwright may have written the line: use that one, or restore the line from version control"
    } else {
        "restore the line from version control"
    };
    let message = format!("the line cannot be read: {reason}");
    Box::new(Diagnostic::error(Code::REGISTRY_SYNTAX, message).at(mark.location()).help(help))
}

/// Leaves one line for each uuid, by uuid. The lines of each file are sorted by it.
fn settle(files: Vec<Parsed>, residue: &mut Residue, diagnostics: &mut Vec<Diagnostic>) -> (Vec<Line>, Vec<Mark>) {
    let n = files.iter().map(|it| it.reads.len()).sum();
    let (mut lines, mut marks) = (Vec::with_capacity(n), Vec::with_capacity(n));
    // A file holds the uuids that begin with its digit, so that one follows on the other; each goes as it is used up.
    let mut reads = files.into_iter().flat_map(|it| it.reads).peekable();
    while let Some(mut read) = reads.next() {
        let uuid = read.line.uuid;
        if let Some(second) = reads.next_if(|it| it.line.uuid == uuid) {
            let mut group = vec![read, second];
            while let Some(next) = reads.next_if(|it| it.line.uuid == uuid) {
                group.push(next);
            }
            residue.settled.push(uuid);
            read = settle_group(group, diagnostics);
        }
        lines.push(read.line);
        marks.push(read.mark);
    }
    (lines, marks)
}

/// One of several lines of a uuid, with its canonical form.
pub(super) struct Form {
    pub bytes: Vec<u8>,
    pub short: ShortDigest,
    pub read: Read,
}

/// Leaves one line of those that a uuid has.
fn settle_group(group: Vec<Read>, diagnostics: &mut Vec<Diagnostic>) -> Read {
    let (forms, twins) = distinct_forms(group);
    diagnostics.extend(twins.iter().map(doubled));
    let (mut current, superseded) = split_superseded(forms);
    if current.len() == 1 {
        let winner = current.remove(0).read;
        diagnostics.extend(superseded.iter().map(|it| left_over(&it.read, &winner)));
        return winner;
    }
    if let Some(mut winner) = agree(&current) {
        let others = current.iter().filter(|it| it.read.mark != winner.mark);
        diagnostics.extend(others.map(|it| registered_twice(&it.read, &winner)));
        diagnostics.extend(superseded.iter().map(|it| left_over(&it.read, &winner)));
        winner.line.supersede(current.iter().map(|it| it.short));
        return winner;
    }
    // Forms that name each other as earlier ones leave nothing current; then all of them contradict.
    let mut parties = if current.is_empty() { superseded } else { current };
    diagnostics.push(contradiction(&parties));
    parties.remove(0).read
}

/// Returns the different forms in the order of their bytes, of equal lines the first; and the others of those.
pub(super) fn distinct_forms(group: Vec<Read>) -> (Vec<Form>, Vec<Form>) {
    let form = |read: Read| {
        let bytes = read.line.canonical();
        Form { short: ShortDigest::of(&bytes), bytes, read }
    };
    let mut forms: Vec<Form> = group.into_iter().map(form).collect();
    forms.sort_by(|a, b| (&a.bytes, a.read.mark).cmp(&(&b.bytes, b.read.mark)));
    let (mut distinct, mut twins): (Vec<Form>, Vec<Form>) = Default::default();
    for form in forms {
        let is_twin = distinct.last().is_some_and(|it| it.bytes == form.bytes);
        if is_twin { twins.push(form) } else { distinct.push(form) }
    }
    (distinct, twins)
}

/// Separates the forms that no other form names in its `was` from those that one does.
pub(super) fn split_superseded(forms: Vec<Form>) -> (Vec<Form>, Vec<Form>) {
    let is_superseded: Vec<bool> = forms
        .iter()
        .map(|form| forms.iter().any(|it| it.short != form.short && it.read.line.was.contains(&form.short)))
        .collect();
    let (mut current, mut superseded) = (Vec::new(), Vec::new());
    for (form, is_superseded) in forms.into_iter().zip(is_superseded) {
        if is_superseded { superseded.push(form) } else { current.push(form) }
    }
    (current, superseded)
}

/// Returns the line on which independent registrations of one place agree, or `None` when the forms are
/// anything else.
///
/// A first registration has no earlier form. At most one of the forms may have developed since, be it that an
/// earlier agreement was committed already: its place is still the same, so only the number is in question.
/// The smallest number stays, all others are retired.
pub(super) fn agree(forms: &[Form]) -> Option<Read> {
    let first = &forms.first()?.read.line;
    let same_place =
        forms.iter().all(|it| !it.read.line.removed && it.read.line.is_at(first.place.as_str(), &first.part));
    let developed = forms.iter().filter(|it| !it.read.line.was.is_empty());
    if !same_place || developed.clone().count() > 1 {
        return None;
    }
    // Forms come in the order of their bytes, so that equal numbers leave the same one everywhere.
    let kept = developed.clone().next().or_else(|| forms.iter().min_by_key(|it| it.read.line.id))?;
    let id = forms.iter().map(|it| it.read.line.id).min()?;
    let mut line = kept.read.line.clone();
    let numbers = forms.iter().flat_map(|it| it.read.line.retired.iter().chain([&it.read.line.id]));
    line.retired = sorted(numbers.copied().filter(|it| *it != id).collect());
    line.id = id;
    Some(Read { line, mark: kept.read.mark })
}

fn doubled(form: &Form) -> Diagnostic {
    let message = format!("the line of `{}` stands here once more", form.read.line.shown());
    Diagnostic::warning(Code::DOUBLED, message)
        .at(form.read.mark.location())
        .help("nothing has to be done: the next commit to the registry removes it")
}

fn left_over(read: &Read, winner: &Read) -> Diagnostic {
    let message = format!("a later line supersedes this one of `{}`", winner.line.shown());
    Diagnostic::warning(Code::SUPERSEDED, message)
        .at(read.mark.location())
        .related("the later line", winner.mark.location())
        .help("nothing has to be done: the next commit to the registry removes it")
}

fn registered_twice(read: &Read, winner: &Read) -> Diagnostic {
    let Line { id, .. } = winner.line;
    let message = format!("`{}` was registered on two branches; it has the number {id}", winner.line.shown());
    Diagnostic::warning(Code::SUPERSEDED, message)
        .at(read.mark.location())
        .related("the other registration", winner.mark.location())
        .help("nothing has to be done: the next commit to the registry makes one line of them")
}

fn contradiction(parties: &[Form]) -> Diagnostic {
    let first = &parties[0].read;
    let says = |line| says(line, parties);
    let message = format!("the lines of {} contradict each other: this one {}", first.line.uuid, says(&first.line));
    let others = parties[1..].iter();
    let diagnostic = others.fold(Diagnostic::error(Code::REGISTRY_CONFLICT, message), |it, other| {
        it.related(format!("this one {}", says(&other.read.line)), other.read.mark.location())
    });
    diagnostic.at(first.mark.location()).help(REPAIR)
}

/// Returns what a line says: where it is about, and whatever else the parties do not agree upon.
fn says(line: &Line, parties: &[Form]) -> String {
    let mut text = format!("says number {} at `{}`", line.id, line.shown());
    if line.removed {
        let _ = write!(text, ", removed");
    }
    let differ = |is_same: &dyn Fn(&Line) -> bool| !parties.iter().all(|it| is_same(&it.read.line));
    let short = |it: Digest| it.to_hex()[..12].to_owned();
    if differ(&|it| it.content == line.content) {
        let _ = write!(text, ", `content` {}", short(line.content));
    }
    if differ(&|it| it.declaration == line.declaration) {
        let _ = write!(text, ", `declaration` {}", line.declaration.map_or_else(|| "none".to_owned(), short));
    }
    if differ(&|it| it.retired == line.retired) {
        let retired: Vec<String> = line.retired.iter().map(|it| it.to_string()).collect();
        let _ = write!(text, ", `retired` [{}]", retired.join(", "));
    }
    text
}

/// Reports every number that more than one uuid has. A retired number is taken, though two may have retired it.
fn check_numbers(registry: &Registry, marks: &[Mark], diagnostics: &mut Vec<Diagnostic>) {
    let lines = registry.lines();
    let own = registry.0.by_id.iter().map(|(id, at)| (*id, false, *at));
    let retired = lines.iter().enumerate().flat_map(|(at, it)| it.retired.iter().map(move |id| (*id, true, at)));
    let mut numbers: Vec<(AssetId, bool, usize)> = own.chain(retired).collect();
    // Within a number: those that have it before those that retired it, each by uuid.
    numbers.sort_unstable();
    for same in numbers.chunk_by(|a, b| a.0 == b.0) {
        let (id, nobody_has_it, keeper) = same[0];
        if nobody_has_it {
            continue;
        }
        for (_, is_retired, at) in &same[1..] {
            let (one, other) = (lines[keeper].shown(), lines[*at].shown());
            let message = if *is_retired {
                format!("number {id} of `{one}` was retired by `{other}`")
            } else {
                format!("number {id} is bound to both `{one}` and `{other}`")
            };
            let blamed = if *is_retired { (keeper, *at) } else { (*at, keeper) };
            diagnostics.push(twice(message, marks[blamed.0], marks[blamed.1]));
        }
    }
}

/// Reports every place that more than one live uuid has.
fn check_places(registry: &Registry, marks: &[Mark], diagnostics: &mut Vec<Diagnostic>) {
    let lines = registry.lines();
    for same_hash in registry.0.by_place.entries.chunk_by(|a, b| a.0 == b.0).filter(|it| it.len() > 1) {
        for (nth, (_, at)) in same_hash.iter().enumerate() {
            let line = &lines[*at];
            let mut earlier = same_hash[..nth].iter().map(|it| it.1);
            let Some(keeper) = earlier.find(|it| lines[*it].is_at(line.place.as_str(), &line.part)) else { continue };
            let message = format!(
                "`{}` is bound to two assets, {} ({}) and {} ({})",
                line.shown(),
                lines[keeper].id,
                lines[keeper].uuid,
                line.id,
                line.uuid
            );
            diagnostics.push(twice(message, marks[*at], marks[keeper]));
        }
    }
}

fn twice(message: String, at: Mark, other: Mark) -> Diagnostic {
    Diagnostic::error(Code::REGISTRY_CONFLICT, message)
        .at(at.location())
        .related("the other line", other.location())
        .help(REPAIR)
}
