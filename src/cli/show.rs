//! `packwright show`.

use std::fmt::Write;

use schemars::JsonSchema;
use serde::Serialize;

use super::asset::{AssetHead, candidate, meant};
use super::exit::Exit;
use super::json::{DiagnosticEntry, Format, Version, diagnostics};
use super::open::{self, BuildArguments, Opened, relative};
use super::select::{Selector, only};
use super::table::{fitted, prose_table, table};
use super::words::{clean, count, size};
use super::{Context, absent, paint, render};
use crate::build::inspect::Asset;
use crate::build::survey::{More, Survey};
use crate::error::Result;
use crate::model::declaration::{Form, Intent};
use crate::model::registry::Change;
use crate::model::{AssetId, Codec, Digest, Location};
use crate::pack::format::root_name;
use crate::pack::plan::PlanEntry;
use crate::pack::read::{Entry, PackReader};
use crate::process::contract::{MetaValue, Metadata};
use crate::process::kinds;
use crate::process::trace::{FindAnswer, Observation};
use crate::workspace::config::CONFIG_FILE;
use crate::workspace::provenance::{self, By, Chosen, Written};

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// Which asset: an id, a name, the beginning of a uuid, a path or a glob
    #[arg(value_name = "ASSET")]
    asset: String,
    #[command(flatten)]
    pub build: BuildArguments,
    /// How the asset is printed
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    pub format: Format,
}

/// One asset whole.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "packwright show --format json")]
pub struct ShowDocument {
    /// Version of this form.
    version: Version,
    /// The profile by which it was looked at.
    profile: String,
    #[serde(flatten)]
    head: AssetHead,
    /// Sorted.
    tags: Vec<String>,
    /// Names of the packs that it is in, sorted.
    packs: Vec<String>,
    /// Whether it stays out of this profile's packs because its author says so.
    excluded: bool,
    /// Whether something about it is an error.
    broken: bool,
    /// Where it is declared.
    declaration: DeclarationEntry,
    /// What the registry says of it.
    registration: RegistrationEntry,
    /// The settings of its processor, by name, and where each comes from.
    settings: Vec<ChoiceEntry>,
    /// How it is packed as far as its packs say nothing else, and where each choice comes from.
    options: Vec<ChoiceEntry>,
    /// How each pack that it is in has it, by the pack's name.
    pack_options: Vec<PackOptionsEntry>,
    /// The files that it is declared to be made of, in order.
    inputs: Vec<InputEntry>,
    /// What its processor looked for besides.
    observed: Vec<ObservedEntry>,
    /// The assets that it needs, by id.
    needs: Vec<NeedEntry>,
    /// The assets that need it, by id.
    needed_by: Vec<NeedEntry>,
    /// What was made of it, for each of its packs, by name; for one that is in none as it is. Empty where nothing was made.
    artifacts: Vec<ArtifactEntry>,
    /// What is to be said about it.
    diagnostics: Vec<DiagnosticEntry>,
    /// What is to be said about the cache.
    cache_diagnostics: Vec<DiagnosticEntry>,
}

/// Where an asset is declared.
#[derive(Serialize, JsonSchema)]
struct DeclarationEntry {
    /// In which form.
    form: FormEntry,
    /// The file in which that is written, relative to the workspace.
    file: String,
    /// The line in it, from one.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    /// The number of the rule that makes it, or that its sidecar is laid over.
    #[serde(skip_serializing_if = "Option::is_none")]
    by_rule: Option<u64>,
    /// The rules that match its file, in their order. The first that matches counts.
    rules: Vec<RuleEntry>,
}

/// The three ways to declare an asset.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum FormEntry {
    /// An `asset.json`; the directory is the asset.
    Directory,
    /// A sidecar; the file beside it is the asset.
    Sidecar,
    /// A rule of `packwright.toml`.
    Rule,
}

/// A rule.
#[derive(Serialize, JsonSchema)]
struct RuleEntry {
    /// Which of the rules it is, from one.
    number: u64,
    /// Its pattern.
    pattern: String,
    /// The type that it gives.
    #[serde(rename = "type")]
    kind: String,
}

/// What the registry says of an asset.
#[derive(Serialize, JsonSchema)]
struct RegistrationEntry {
    /// How it stands.
    state: State,
    /// The place that it was registered at, where the next build would say that it moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    moved_from: Option<String>,
    /// Numbers that it had on other branches.
    retired: Vec<AssetId>,
}

/// How an asset stands in the registry.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum State {
    /// It is registered.
    Registered,
    /// The next build would register it.
    New,
    /// The next build would say that it moved.
    Moved,
    /// It is not, and would not be: it was excluded before it had an identity.
    None,
}

/// A choice, and who made it.
#[derive(Serialize, JsonSchema)]
pub struct ChoiceEntry {
    /// What is chosen.
    pub name: String,
    /// What for.
    pub value: serde_json::Value,
    /// Where it is written.
    pub from: FromEntry,
    /// The profile that it is said for; absent for what is said in general.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

/// How a pack has an asset.
#[derive(Serialize, JsonSchema)]
struct PackOptionsEntry {
    /// Name of the pack.
    pack: String,
    /// Its `codec`, which holds where it wins, and `preload`, and where each choice comes from.
    options: Vec<ChoiceEntry>,
}

/// Where a choice is written.
#[derive(Clone, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "layer")]
pub enum FromEntry {
    /// Nowhere: it is what happens where nobody says otherwise.
    Default,
    /// In the profile.
    Profile,
    /// In a preset.
    Preset {
        /// Its name.
        name: String,
    },
    /// In a rule.
    Rule {
        /// Which of the rules it is, from one.
        number: u64,
    },
    /// In the asset's own declaration.
    File {
        /// The file, relative to the workspace.
        path: String,
    },
    /// In a pack.
    Pack {
        /// Its name.
        name: String,
    },
}

/// A file that an asset is made of.
#[derive(Serialize, JsonSchema)]
struct InputEntry {
    /// Relative to the workspace.
    path: String,
    /// BLAKE3 of its bytes.
    digest: Digest,
    /// Their number.
    bytes: u64,
}

/// What a processor looked for, and what was there.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "question")]
enum ObservedEntry {
    /// A file.
    File {
        /// Relative to the workspace.
        path: String,
        /// BLAKE3 of its bytes; absent where there is no such source.
        #[serde(skip_serializing_if = "Option::is_none")]
        digest: Option<Digest>,
        /// Number of its bytes.
        #[serde(skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
    },
    /// All files that match a glob.
    Glob {
        /// As seen from the asset's directory.
        pattern: String,
        /// Relative to the workspace.
        matches: Vec<String>,
    },
    /// The asset at a path.
    Asset {
        /// Relative to the workspace.
        path: String,
        /// Its number; absent where there is no such asset.
        #[serde(skip_serializing_if = "Option::is_none")]
        asset_id: Option<AssetId>,
    },
}

/// Another asset that has to do with this one.
#[derive(Clone, Serialize, JsonSchema)]
struct NeedEntry {
    /// Its number.
    asset_id: AssetId,
    /// Its place; absent where no such asset is declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    /// Whether what was made refers to it.
    reference: bool,
    /// Whether it is a declared dependency.
    dependency: bool,
}

/// What was made of an asset.
#[derive(Serialize, JsonSchema)]
struct ArtifactEntry {
    /// The pack that it is made for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pack: Option<PackedEntry>,
    /// Whether its payloads lie at the front of the pack.
    preload: bool,
    /// What runtimes and tools are told of it, by name: facts from its processor, and what its rule captured.
    metadata: Metadata,
    /// Its payloads; the main one has the empty role.
    payloads: Vec<PayloadEntry>,
}

/// A pack that an asset is in.
#[derive(Serialize, JsonSchema)]
struct PackedEntry {
    /// Its name.
    name: String,
    /// The pack file that was looked into.
    pack_file: String,
    /// Whether what was made is in there.
    in_pack: InPack,
}

/// A payload.
#[derive(Serialize, JsonSchema)]
struct PayloadEntry {
    /// What it is to the asset.
    role: String,
    /// BLAKE3 of its bytes.
    digest: Digest,
    /// Their number.
    raw_len: u64,
    /// Number of bytes as they are stored.
    stored_len: u64,
    /// How they are stored.
    codec: Codec,
}

/// Whether what was made is in a pack.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum InPack {
    /// Just as it was made.
    Current,
    /// In another form: the next build replaces it.
    Outdated,
    /// Not at all: the next build adds it.
    Absent,
    /// There is no pack that can be read.
    NoPack,
}

pub fn run(cx: &Context, arguments: &Arguments) -> Result<Exit> {
    let opened = open::open(cx, arguments.build.jobs)?;
    let dir = open::dir(&opened.ws, cx);
    let selector = Selector::parse(&open::inside(&opened.ws.root, &arguments.asset), dir.as_ref())?;
    let survey = match opened.ask(|it| it.survey(&arguments.build.options(cx))) {
        Ok(survey) => survey,
        Err(error) => return Ok(super::failed(&cx.console, arguments.format, Some(&opened.ws), &error, None)),
    };
    let assets = &survey.inspection.assets;
    let at = match only(&selector, assets.len(), |it| candidate(&assets[it]))? {
        Ok(at) => at,
        Err(message) => {
            let told = absent::reason(&opened.ws, &selector, &survey.inspection).unwrap_or(message);
            return Ok(super::refused(&cx.console, arguments.format, &told));
        }
    };
    let document = document(cx, arguments, &opened, &survey, at);
    let problems = &survey.more[at].problems;
    opened.engine.forget();
    if arguments.format == Format::Json {
        cx.console.print_json(&document)?;
        return Ok(Exit::Done);
    }
    render::show(&cx.console, None, &survey.inspection.cache_warnings);
    meant(&selector, &assets[at]).into_iter().for_each(|it| cx.console.note(it));
    cx.console.print(&in_words(&document, cx.console.wrap_printed()))?;
    if !problems.is_empty() {
        cx.console.say("");
        render::show(&cx.console, Some(&opened.ws), problems);
    }
    Ok(Exit::Done)
}

fn document(cx: &Context, arguments: &Arguments, opened: &Opened, survey: &Survey, at: usize) -> ShowDocument {
    let (asset, more) = (&survey.inspection.assets[at], &survey.more[at]);
    let choices = choices(survey, more);
    let asked_for = &arguments.build.packs;
    let is_asked_for = |pack: Option<&String>| asked_for.is_empty() || pack.is_some_and(|it| asked_for.contains(it));
    let packs = &survey.inspection.config.packs;
    let pack_options = asset.packs.iter().filter(|it| is_asked_for(Some(it))).map(|name| {
        let number = packs.number(name).expect("an asset is in packs that there are");
        let options = choices.in_pack(packs, number, &asset.place);
        PackOptionsEntry { pack: name.clone(), options: options.iter().map(ChoiceEntry::from).collect() }
    });
    let artifacts = more.entries.iter().map(|(pack, entry)| {
        let pack = pack.map(|it| packs.all()[it].name.as_str());
        artifact(pack.map(|it| packed(cx, arguments, opened, it, entry)), entry)
    });
    let artifacts = artifacts.filter(|it| is_asked_for(it.pack.as_ref().map(|it| &it.name))).collect();
    let (needs, needed_by) = needs(survey, at);
    ShowDocument {
        version: Version,
        profile: survey.profile.name.clone(),
        head: asset.into(),
        tags: asset.tags.clone(),
        packs: asset.packs.clone(),
        excluded: asset.excluded,
        broken: asset.broken,
        declaration: declaration(survey, asset, more),
        registration: registration(survey, asset),
        settings: choices.settings.iter().map(ChoiceEntry::from).collect(),
        options: choices.options.iter().map(ChoiceEntry::from).collect(),
        pack_options: pack_options.collect(),
        inputs: more
            .inputs
            .iter()
            .map(|it| InputEntry { path: it.path.to_string(), digest: it.digest, bytes: it.size })
            .collect(),
        observed: more.observed.iter().map(|it| observed(&more.declaration.intent, it)).collect(),
        needs,
        needed_by,
        artifacts,
        diagnostics: diagnostics(&more.problems),
        cache_diagnostics: diagnostics(&survey.inspection.cache_warnings),
    }
}

fn choices(survey: &Survey, more: &More) -> provenance::Choices {
    let declaration = &more.declaration;
    let defaults = kinds::find(&declaration.intent.kind).map(|it| it.defaults()).unwrap_or_default();
    let (config, text) = (&survey.inspection.config, more.text.as_deref());
    provenance::choices(config, &survey.config_text, declaration, text, &survey.profile, defaults)
}

fn declaration(survey: &Survey, asset: &Asset, more: &More) -> DeclarationEntry {
    let config = &survey.inspection.config;
    let rule = |number: usize| {
        let rule = config.rules.get(number)?;
        Some(RuleEntry { number: number as u64 + 1, pattern: rule.pattern.clone(), kind: rule.kind.to_string() })
    };
    let line = |it: &Location| it.span.map(|it| it.line);
    let rule_line = |number: &usize| provenance::rule_location(&survey.config_text, *number).as_ref().and_then(line);
    let (form, file, line) = match &asset.form {
        Form::Directory(file) => (FormEntry::Directory, file.to_string(), line(&more.declaration.origin.location)),
        Form::Sidecar(file) => (FormEntry::Sidecar, file.to_string(), line(&more.declaration.origin.location)),
        Form::Rule(number) => (FormEntry::Rule, CONFIG_FILE.to_owned(), rule_line(number)),
    };
    let matching = match form {
        FormEntry::Directory => Vec::new(),
        FormEntry::Sidecar | FormEntry::Rule => provenance::matching_rules(config, &more.declaration),
    };
    let by_rule = provenance::lowest_rule(config, &more.declaration, more.text.as_deref()).map(|it| it as u64 + 1);
    DeclarationEntry { form, file, line, by_rule, rules: matching.into_iter().filter_map(rule).collect() }
}

fn registration(survey: &Survey, asset: &Asset) -> RegistrationEntry {
    let (state, moved_from) = match (&asset.change, asset.identity) {
        (Some(Change::New), _) => (State::New, None),
        (Some(Change::TakenOver { from }), _) => (State::Moved, Some(from.to_string())),
        (_, Some(_)) => (State::Registered, None),
        (_, None) => (State::None, None),
    };
    let line = survey.registry.at(&asset.place, &asset.part);
    RegistrationEntry { state, moved_from, retired: line.map(|it| it.retired.to_vec()).unwrap_or_default() }
}

impl From<&Chosen> for ChoiceEntry {
    fn from(it: &Chosen) -> Self {
        let By { layer, profile } = it.by.clone();
        let from = match layer {
            Written::Default => FromEntry::Default,
            Written::Profile => FromEntry::Profile,
            Written::Preset(name) => FromEntry::Preset { name },
            Written::Rule(number) => FromEntry::Rule { number: number as u64 + 1 },
            Written::File(path) => FromEntry::File { path: path.to_string() },
            Written::Pack(name) => FromEntry::Pack { name },
        };
        Self { name: it.key.clone(), value: it.value.clone(), from, profile }
    }
}

fn observed(intent: &Intent, observation: &Observation) -> ObservedEntry {
    let dir = intent.dir();
    // What leads out of the workspace is shown as it was asked.
    let seen = |path: &String| dir.join(path).map_or_else(|| path.clone(), |it| it.to_string());
    match observation {
        Observation::Find { path, answer: FindAnswer::Source(digest, bytes) } => {
            ObservedEntry::File { path: seen(path), digest: Some(*digest), bytes: Some(*bytes) }
        }
        Observation::Find { path, .. } => ObservedEntry::File { path: seen(path), digest: None, bytes: None },
        Observation::Glob { pattern, matches } => {
            ObservedEntry::Glob { pattern: pattern.clone(), matches: matches.iter().map(seen).collect() }
        }
        Observation::AssetAt { path, answer } => {
            ObservedEntry::Asset { path: seen(path), asset_id: answer.as_ref().map(|it| it.id) }
        }
    }
}

/// Returns the assets that one needs, and those that need it.
fn needs(survey: &Survey, at: usize) -> (Vec<NeedEntry>, Vec<NeedEntry>) {
    let assets = &survey.inspection.assets;
    // By id, but for those at the end that have none.
    let find =
        |id: AssetId| assets.binary_search_by_key(&(false, Some(id)), |it| (it.identity.is_none(), it.id())).ok();
    let need = |id: AssetId, from: &More| NeedEntry {
        asset_id: id,
        place: find(id).map(|it| assets[it].place.to_string()),
        reference: from.references.contains(&id),
        dependency: from.dependencies.contains(&id),
    };
    let needs = survey.more[at].needs().into_iter().map(|it| need(it, &survey.more[at])).collect();
    let Some(id) = assets[at].id() else { return (needs, Vec::new()) };
    let needing = assets.iter().zip(&survey.more).filter(|(_, more)| more.needs().binary_search(&id).is_ok());
    let needed_by = needing.filter_map(|(asset, more)| {
        let NeedEntry { reference, dependency, .. } = need(id, more);
        Some(NeedEntry { asset_id: asset.id()?, place: Some(asset.place.to_string()), reference, dependency })
    });
    (needs, needed_by.collect())
}

/// Looks whether a pack holds what was made for it.
fn packed(cx: &Context, arguments: &Arguments, opened: &Opened, pack: &str, entry: &PlanEntry) -> PackedEntry {
    let path = opened.ws.output_dir(&arguments.build.profile).join(root_name(pack));
    let packed = PackReader::open_at(&*cx.disk, &path).and_then(|it| it.find_id(entry.id));
    let in_pack = match packed {
        Err(_) => InPack::NoPack,
        Ok(None) => InPack::Absent,
        Ok(Some(packed)) if is_current(&packed, entry) => InPack::Current,
        Ok(Some(_)) => InPack::Outdated,
    };
    PackedEntry { name: pack.to_owned(), pack_file: relative(&opened.ws.root, &path), in_pack }
}

fn artifact(pack: Option<PackedEntry>, entry: &PlanEntry) -> ArtifactEntry {
    let payload = |it: &crate::pack::plan::PlanPayload| PayloadEntry {
        role: it.role.clone(),
        digest: it.digest,
        raw_len: it.raw_len,
        stored_len: it.stored_len,
        codec: it.codec,
    };
    let (metadata, payloads) = (entry.metadata.clone(), entry.payloads.iter().map(payload).collect());
    ArtifactEntry { pack, preload: entry.preload, metadata, payloads }
}

fn is_current(packed: &Entry, entry: &PlanEntry) -> bool {
    let of_pack = packed.payloads.iter().map(|it| (&it.role, it.digest, it.stored_digest));
    let mut of_plan: Vec<_> = entry.payloads.iter().map(|it| (&it.role, it.digest, it.stored_digest)).collect();
    of_plan.sort();
    (packed.uuid, packed.name.as_str(), packed.kind.as_str()) == (entry.uuid, &*entry.name, &*entry.kind)
        && (&packed.tags, &packed.metadata, &packed.references) == (&entry.tags, &entry.metadata, &entry.references)
        && packed.preload == entry.preload
        && of_pack.eq(of_plan)
}

/// Tells one asset to people. `width` is that of their screen.
fn in_words(document: &ShowDocument, width: Option<usize>) -> String {
    let it = document;
    let marks = [(it.excluded, paint::faint("(excluded)")), (it.broken, paint::bad("(broken)"))];
    let marks: String = marks.iter().filter(|it| it.0).map(|it| format!("  {}", it.1)).collect();
    let head = &it.head;
    let mut text = paint::heading(&format!("{} {}", head.shown_id(), clean(&head.name))) + &marks + "\n";
    let place = clean(&head.shown_place());
    let mut rows = vec![["place".to_owned(), place], ["type".to_owned(), clean(&head.kind)]];
    rows.extend(head.asset_uuid.map(|it| ["uuid".to_owned(), it.to_string()]));
    rows.push(["registry".to_owned(), registered(&it.registration)]);
    rows.push(["declared".to_owned(), declared(&it.declaration)]);
    rows.extend(also(&it.declaration).map(|it| ["".to_owned(), it]));
    if !it.tags.is_empty() {
        rows.push(["tags".to_owned(), clean(&it.tags.join(", "))]);
    }
    let width = width.map(|it| it - INDENT.len());
    text.push_str(&indented(&prose_table(rows, &[], width)));

    let choice = |it: &ChoiceEntry| {
        let by = from(&it.from, it.profile.as_deref());
        let by = if matches!(it.from, FromEntry::Default) { paint::faint(&by) } else { by };
        [clean(&it.name), clean(&it.value.to_string()), by]
    };
    let choices = it.settings.iter().chain(&it.options).map(choice);
    section(&mut text, &format!("settings (profile {})", clean(&it.profile)), &table(choices, &[]));
    section(&mut text, "in its packs", &table(pack_options(&it.pack_options), &[]));
    let input = |it: &InputEntry| [clean(&it.path), size(it.bytes), paint::faint(&short(it.digest))];
    let n = count(it.inputs.len() as u64, "input");
    section(&mut text, &n, &fitted(it.inputs.iter().map(input), &[1], width, &[0]));
    section(&mut text, "looked at besides", &fitted(it.observed.iter().map(looked_at), &[], width, &[0]));
    section(&mut text, "needs", &fitted(it.needs.iter().map(need), &[0], width, &[1]));
    section(&mut text, "needed by", &fitted(it.needed_by.iter().map(need), &[0], width, &[1]));
    // What is told of an asset is the same in all of its packs.
    let metadata = it.artifacts.first().map(|it| metadata(&it.metadata)).unwrap_or_default();
    section(&mut text, "metadata", &prose_table(metadata, &[], width));
    for artifact in &it.artifacts {
        let pack = artifact.pack.as_ref();
        let title = pack.map(|it| format!("made, {} {}", in_pack(it.in_pack), clean(&it.pack_file)));
        let title = title.unwrap_or_else(|| "made, in no pack".to_owned());
        section(&mut text, &title, &fitted(artifact.payloads.iter().map(payload), &[1, 2], width, &[0]));
    }
    text
}

fn section(text: &mut String, title: &str, lines: &str) {
    if !lines.is_empty() {
        let _ = write!(text, "\n{}\n{}", paint::heading(title), indented(lines));
    }
}

const INDENT: &str = "  ";

fn indented(lines: &str) -> String {
    lines.lines().map(|it| format!("{INDENT}{}\n", it.trim_end())).collect()
}

fn metadata(metadata: &Metadata) -> Vec<[String; 2]> {
    let value = |it: &MetaValue| match it {
        MetaValue::Integer(number) => number.to_string(),
        MetaValue::Text(text) => format!("\"{}\"", clean(text)),
        MetaValue::Flag(flag) => flag.to_string(),
    };
    metadata.iter().map(|(name, it)| [clean(name), value(it)]).collect()
}

fn short(digest: Digest) -> String {
    digest.to_hex()[..16].to_owned()
}

fn registered(registration: &RegistrationEntry) -> String {
    let mut text = match (registration.state, &registration.moved_from) {
        (State::Registered, _) => "registered".to_owned(),
        (State::New, _) => "new, to be registered by the next build".to_owned(),
        (State::Moved, from) => format!("moved from {}", clean(from.as_deref().unwrap_or_default())),
        (State::None, _) => "not registered: excluded before it had a number".to_owned(),
    };
    if !registration.retired.is_empty() {
        let retired: Vec<String> = registration.retired.iter().map(AssetId::to_string).collect();
        let _ = write!(text, "; on other branches it was {}", retired.join(", "));
    }
    text
}

fn declared(declaration: &DeclarationEntry) -> String {
    let file = clean(&declaration.file);
    let rule = declaration.rules.iter().find(|it| Some(it.number) == declaration.by_rule);
    let line = declaration.line.map_or_else(String::new, |it| format!(":{it}"));
    match (declaration.form, rule) {
        (FormEntry::Directory, _) => format!("by {file}"),
        (FormEntry::Sidecar, None) => format!("by its sidecar {file}"),
        (FormEntry::Sidecar, Some(rule)) => format!("by {file}, over {}", ruled(rule)),
        (FormEntry::Rule, Some(rule)) => format!("by {} ({file}{line})", ruled(rule)),
        (FormEntry::Rule, None) => format!("by a rule ({file}{line})"),
    }
}

/// Tells which rules match besides.
fn also(declaration: &DeclarationEntry) -> Option<String> {
    const FEW: usize = 3;
    let others: Vec<&RuleEntry> =
        declaration.rules.iter().filter(|it| Some(it.number) != declaration.by_rule).collect();
    let few: Vec<String> = others.iter().take(FEW).map(|it| ruled(it)).collect();
    let (few, more) = (few.join(", "), others.len().saturating_sub(FEW));
    match (others.len(), more) {
        (0, _) => None,
        (1, _) => Some(format!("{few} matches too")),
        (_, 0) => Some(format!("{few} match too")),
        (_, more) => Some(format!("{few} and {more} more match too")),
    }
}

fn ruled(rule: &RuleEntry) -> String {
    format!("rule {} `{}`", rule.number, clean(&rule.pattern))
}

/// Tells where a choice is written, and for which profile it is said.
pub fn from(layer: &FromEntry, profile: Option<&str>) -> String {
    let layer = match layer {
        FromEntry::Default => "default".to_owned(),
        FromEntry::Profile => return format!("profile {}", clean(profile.unwrap_or_default())),
        FromEntry::Preset { name } => format!("preset {}", clean(name)),
        FromEntry::Rule { number } => format!("rule {number}"),
        FromEntry::File { path } => clean(path.rsplit('/').next().unwrap_or(path)),
        FromEntry::Pack { name } => format!("pack {}", clean(name)),
    };
    let profile = profile.map(|it| format!(", for profile {}", clean(it)));
    layer + &profile.unwrap_or_default()
}

/// Tells how each pack has an asset; nothing where that is no news, because it is in one that says nothing of its own.
fn pack_options(packs: &[PackOptionsEntry]) -> Vec<[String; 4]> {
    let is_of_pack = |it: &ChoiceEntry| matches!(it.from, FromEntry::Pack { .. });
    if packs.len() < 2 && !packs.iter().flat_map(|it| &it.options).any(is_of_pack) {
        return Vec::new();
    }
    let mut rows = Vec::new();
    for PackOptionsEntry { pack, options } in packs {
        for (nth, it) in options.iter().enumerate() {
            let pack = if nth == 0 { pack.clone() } else { String::new() };
            rows.push([pack, clean(&it.name), clean(&it.value.to_string()), from(&it.from, it.profile.as_deref())]);
        }
    }
    rows
}

fn looked_at(observed: &ObservedEntry) -> [String; 2] {
    match observed {
        ObservedEntry::File { path, bytes, .. } => {
            [clean(path), bytes.map_or_else(|| "no such source".to_owned(), size)]
        }
        ObservedEntry::Glob { pattern, matches } => {
            [clean(pattern), format!("{} found", count(matches.len() as u64, "file"))]
        }
        ObservedEntry::Asset { path, asset_id } => {
            [clean(path), asset_id.map_or_else(|| "no asset".to_owned(), |it| format!("asset {it}"))]
        }
    }
}

fn need(it: &NeedEntry) -> [String; 3] {
    let how = match (it.reference, it.dependency) {
        (true, true) => "reference, declared",
        (true, false) => "reference",
        (false, _) => "declared",
    };
    let place = it.place.as_ref().map_or_else(|| paint::bad("(not declared)"), |it| clean(it));
    [it.asset_id.to_string(), place, paint::faint(how)]
}

fn in_pack(in_pack: InPack) -> &'static str {
    match in_pack {
        InPack::Current => "as it is in",
        InPack::Outdated => "another one is in",
        InPack::Absent => "not yet in",
        InPack::NoPack => "there is no",
    }
}

fn payload(it: &PayloadEntry) -> [String; 4] {
    let role = if it.role.is_empty() { "(main)".to_owned() } else { clean(&it.role) };
    let codec = serde_json::to_value(it.codec).ok().and_then(|it| it.as_str().map(str::to_owned)).unwrap_or_default();
    let stored = match it.codec {
        Codec::None => "stored as it is".to_owned(),
        _ => format!("stored as {} ({codec})", size(it.stored_len)),
    };
    [role, size(it.raw_len), stored, paint::faint(&short(it.digest))]
}
