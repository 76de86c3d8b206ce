//! The executor: from recipes to artifact records, on all threads.
//!
//! A recipe whose stored trace still holds in this very workspace needs no run. Otherwise the processor runs behind a
//! fence, every answer it gets is written down, and the trace is stored. Then each payload gets its stored form: the
//! bytes after the entry's compression.
//!
//! Knows recipes, the view and the store; knows nothing of declarations, queries or packs. Does not decide what is
//! an error: it returns what happened.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::cache::{Store, stored_key};
use crate::fence::fenced;
use crate::model::{Codecs, Digest, KeyHasher, RelPath};
use crate::pack::codec;
use crate::pack::plan::Codec;
use crate::pack::write::Fetched;
use crate::system::Bytes;
use crate::timings::Category;
use crate::workspace::layout::{Phase, Workspace};
use crate::workspace::sources::Sources;

use super::contract::{Artifact, Context, Finding, Found, Input, Outcome, Payload, Resolved, Unavailable};
use super::kinds::{Kind, Prepared};
use super::trace::{ArtifactRecord, FindAnswer, Observation, Origin, PayloadRecord, Trace, View};

/// All that a processor is told before it asks its first question, and where its questions start from.
#[derive(Clone)]
pub struct Recipe {
    /// The asset's directory: what all paths are relative to.
    pub base: RelPath,
    /// The processor.
    pub kind: &'static Kind,
    /// Its settings.
    pub prepared: Arc<Prepared>,
    /// The declared inputs, in order.
    pub inputs: Vec<Input>,
    /// In which forms the payloads are wanted: of each codec one. At least one.
    pub codecs: Codecs,
    /// The recipe key.
    pub key: Digest,
}

impl PartialEq for Recipe {
    fn eq(&self, other: &Self) -> bool {
        // The key covers kind, settings and inputs.
        self.key == other.key && self.base == other.base && self.codecs == other.codecs
    }
}

impl Eq for Recipe {}

/// What all recipes of one processor and settings have in common, with the part of their keys that it makes.
pub struct Told {
    kind: &'static Kind,
    prepared: Arc<Prepared>,
    key: KeyHasher,
}

impl Told {
    /// Begins the keys of recipes for a processor and its settings.
    pub fn new(kind: &'static Kind, prepared: Arc<Prepared>) -> Self {
        let mut key = KeyHasher::new("packwright recipe key v1");
        key.text(1, kind.name).number(2, u64::from(kind.version)).count(3, kind.codecs.len());
        for codec in kind.codecs {
            key.text(4, codec);
        }
        key.bytes(5, &prepared.settings);
        Self { kind, prepared, key }
    }

    /// Puts a recipe together and computes its key.
    ///
    /// What is in the key: the processor's kind and version, its codecs' versions, the resolved settings in canonical
    /// form, and the declared inputs in order, each as its path relative to the asset's directory and its digest. What
    /// is not, and why: the place and the name (moving or renaming an asset makes the same bytes), the output codec (it
    /// belongs to the stored payload, which has a key of its own), packwright's version (an upgrade does not start from
    /// zero), and anything of the machine.
    pub fn recipe(&self, base: RelPath, inputs: Vec<Input>, codecs: Codecs) -> Recipe {
        let mut key = self.key.clone();
        key.count(6, inputs.len());
        for input in &inputs {
            key.text(7, &input.path).digest(8, input.digest);
        }
        let key = key.finish();
        Recipe { base, kind: self.kind, prepared: self.prepared.clone(), inputs, codecs, key }
    }
}

/// A payload's stored form.
#[derive(Clone, Copy, PartialEq, Eq, Debug, bincode::Encode, bincode::Decode)]
pub struct Stored {
    /// The codec that was kept.
    pub codec: Codec,
    /// Digest of the stored bytes.
    pub digest: Digest,
    /// Their number.
    pub len: u64,
}

/// What became of a recipe.
#[derive(Clone, PartialEq, Debug)]
pub struct Made {
    /// What the processor asked and was told.
    pub observations: Vec<Observation>,
    /// What it had to say.
    pub findings: Vec<Finding>,
    /// What it made.
    pub result: MadeResult,
}

/// What a processor made.
#[derive(Clone, PartialEq, Debug)]
pub enum MadeResult {
    /// Artifacts by part, each with the stored forms of its payloads: of one payload after the other, each in the order of
    /// the recipe's codecs.
    Artifacts(Vec<(ArtifactRecord, Vec<Stored>)>),
    /// The inputs do not allow an artifact.
    Refused,
    /// Nothing: it panicked, with this message. Never remembered.
    Panicked(String),
}

/// Why a recipe could not be made at all.
#[derive(Debug)]
pub enum Trouble {
    /// A source is not any more what the scan saw.
    Torn(RelPath),
    /// A source could not be read.
    Io(RelPath, io::Error),
    /// The user wants to stop.
    Stopped,
}

/// Running counts of what the executor did.
#[derive(Default, Debug)]
pub struct Runs {
    /// Processors run.
    pub processed: AtomicU64,
    /// Recipes for which a stored trace held.
    pub reused: AtomicU64,
    /// Payloads compressed.
    pub compressed: AtomicU64,
    /// Processors run once more because their stored payload was lost.
    pub remade: AtomicU64,
    /// The runs by name, where somebody wants to know.
    pub names: Option<Mutex<Vec<String>>>,
}

impl Runs {
    /// Returns the runs as `kind: directory [inputs]`, sorted.
    pub fn processed_names(&self) -> Vec<String> {
        let mut names = self.names.as_ref().map_or_else(Vec::new, |it| it.lock().expect("no panic while held").clone());
        names.sort();
        names
    }

    fn note(&self, recipe: &Recipe) {
        if let Some(names) = &self.names {
            names.lock().expect("no panic while held").push(described(recipe));
        }
    }
}

/// Returns which run this is, as people are told: `kind: directory [inputs]`.
fn described(recipe: &Recipe) -> String {
    let inputs: Vec<&str> = recipe.inputs.iter().map(|it| it.path.as_str()).collect();
    format!("{}: {} [{}]", recipe.kind.name, recipe.base, inputs.join(", "))
}

/// Makes artifacts.
pub struct Executor<'a> {
    ws: &'a Workspace,
    view: View<'a>,
    sources: &'a Sources<'a>,
    store: &'a Store,
    /// What was done so far.
    pub runs: &'a Runs,
}

impl<'a> Executor<'a> {
    /// Returns an executor over one moment of the workspace.
    pub fn new(ws: &'a Workspace, view: View<'a>, sources: &'a Sources<'a>, store: &'a Store, runs: &'a Runs) -> Self {
        Self { ws, view, sources, store, runs }
    }

    /// Makes all recipes of some lists and returns what became of each, list by list and in order.
    ///
    /// # Errors
    ///
    /// The [`Trouble`] of the first recipe that had any.
    pub fn run(&self, lists: &[Vec<&Recipe>]) -> Result<Vec<Vec<Made>>, Trouble> {
        self.ws.progress.phase(Phase::Process, lists.iter().map(Vec::len).sum());
        let _make = self.ws.phase("make artifacts");
        // Small runs keep neighbours (and their warm directory entries) together without starving a thread.
        const RUN: usize = 16;
        let runs = lists.iter().enumerate().flat_map(|(nth, list)| list.chunks(RUN).map(move |run| (nth, run)));
        let runs: Vec<(usize, &[&Recipe])> = runs.collect();
        let made = self.ws.parallel(runs.len(), |run| {
            let make = |recipe: &&Recipe| {
                self.ws.check_stop().map_err(|_| Trouble::Stopped)?;
                let made = self.make(recipe);
                self.ws.progress.advance(1);
                made
            };
            runs[run].1.iter().map(make).collect::<Result<Vec<Made>, Trouble>>()
        });
        let mut by_list: Vec<Vec<Made>> = lists.iter().map(|it| Vec::with_capacity(it.len())).collect();
        for ((nth, _), made) in runs.iter().zip(made) {
            by_list[*nth].extend(made?);
        }
        Ok(by_list)
    }

    fn make(&self, recipe: &Recipe) -> Result<Made, Trouble> {
        let traces: Vec<Trace> = self.store.traces(recipe.key);
        let holds = |it: &Trace| it.observations.iter().all(|it| self.view.confirms(&recipe.base, it));
        if let Some(trace) = traces.into_iter().find(holds)
            && let Some(made) = self.finish(recipe, trace)?
        {
            self.runs.reused.fetch_add(1, Ordering::Relaxed);
            return Ok(made);
        }
        self.runs.processed.fetch_add(1, Ordering::Relaxed);
        self.runs.note(recipe);
        match self.process(recipe)? {
            Err(panic) => {
                let result = MadeResult::Panicked(panic);
                Ok(Made { observations: Vec::new(), findings: Vec::new(), result })
            }
            Ok(trace) => {
                self.store.put_trace(recipe.key, &trace);
                Ok(self.finish(recipe, trace)?.expect("what was just made is at hand"))
            }
        }
    }

    /// Runs the processor. The inner error is the message of its panic.
    fn process(&self, recipe: &Recipe) -> Result<Result<Trace, String>, Trouble> {
        let mut cx = Recorder { executor: self, recipe, observations: Vec::new(), trouble: None };
        let outcome = {
            let _run = self.ws.timings.span(Category::Processor, || described(recipe).into());
            fenced(|| recipe.prepared.run(&mut cx))
        };
        if let Some(trouble) = cx.trouble {
            return Err(trouble);
        }
        let outcome = match outcome {
            Err(panic) => return Ok(Err(panic)),
            Ok(Err(Unavailable)) => return Ok(Err("the processor gave up without a reason".to_owned())),
            Ok(Ok(outcome)) => outcome,
        };
        let observations = cx.observations;
        Ok(Ok(match outcome {
            Outcome::Refused(findings) => Trace { observations, artifacts: None, findings },
            Outcome::Made(artifacts, findings) => {
                let artifacts = artifacts.into_iter().map(|it| self.record(it)).collect();
                Trace { observations, artifacts: Some(artifacts), findings }
            }
        }))
    }

    fn record(&self, artifact: Artifact) -> ArtifactRecord {
        let payloads = artifact.payloads.into_iter().map(|(role, payload)| match payload {
            Payload::Input(input) => {
                PayloadRecord { role, digest: input.digest, len: input.size, origin: Origin::Input(input.path) }
            }
            Payload::Made(bytes) => {
                let (digest, len) = (Digest::of(&bytes), bytes.len() as u64);
                self.store.put_bytes(digest, &bytes);
                PayloadRecord { role, digest, len, origin: Origin::Made }
            }
        });
        ArtifactRecord {
            part: artifact.part,
            payloads: payloads.collect(),
            metadata: artifact.metadata,
            references: artifact.references,
        }
    }

    /// Gives every payload its stored form. `None` when bytes are needed for that and are lost.
    fn finish(&self, recipe: &Recipe, trace: Trace) -> Result<Option<Made>, Trouble> {
        let Trace { observations, artifacts, findings } = trace;
        let Some(artifacts) = artifacts else {
            return Ok(Some(Made { observations, findings, result: MadeResult::Refused }));
        };
        let mut finished = Vec::with_capacity(artifacts.len());
        for artifact in artifacts {
            let mut stored = Vec::with_capacity(artifact.payloads.len() * recipe.codecs.count());
            for payload in &artifact.payloads {
                for codec in recipe.codecs.iter() {
                    match self.stored(recipe, payload, codec)? {
                        Some(it) => stored.push(it),
                        None => return Ok(None),
                    }
                }
            }
            finished.push((artifact, stored));
        }
        Ok(Some(Made { observations, findings, result: MadeResult::Artifacts(finished) }))
    }

    fn stored(&self, recipe: &Recipe, payload: &PayloadRecord, codec: Codec) -> Result<Option<Stored>, Trouble> {
        if codec == Codec::None {
            return Ok(Some(Stored { codec: Codec::None, digest: payload.digest, len: payload.len }));
        }
        let key = stored_form_key(payload.digest, codec);
        if let Some(stored) = self.store.stored(key) {
            return Ok(Some(stored));
        }
        let Some(raw) = self.raw(recipe, payload)? else { return Ok(None) };
        self.runs.compressed.fetch_add(1, Ordering::Relaxed);
        let (codec, bytes) = codec::encode(codec, &raw);
        let stored = match bytes {
            None => Stored { codec, digest: payload.digest, len: payload.len },
            Some(bytes) => {
                let (digest, len) = (Digest::of(&bytes), bytes.len() as u64);
                self.store.put_bytes(digest, &bytes.into());
                Stored { codec, digest, len }
            }
        };
        self.store.put_stored(key, &stored);
        Ok(Some(stored))
    }

    /// Returns a payload's bytes before compression, without running anything. `None` when they are lost.
    fn raw(&self, recipe: &Recipe, payload: &PayloadRecord) -> Result<Option<Bytes>, Trouble> {
        match &payload.origin {
            Origin::Input(path) => {
                let input = Input { path: path.clone(), digest: payload.digest, size: payload.len };
                self.read(&recipe.base, &input).map(Some)
            }
            Origin::Made => Ok(self.store.bytes(payload.digest)),
        }
    }

    /// Returns a payload's stored bytes, from wherever they are; lost ones are made again.
    ///
    /// # Errors
    ///
    /// [`Trouble`] when a source is not any more what the scan saw, or when a processor does not make again what it
    /// made before.
    pub fn fetch(&self, recipe: &Recipe, payload: &PayloadRecord, stored: Stored) -> Result<Fetched, Trouble> {
        if stored.codec != Codec::None
            && let Some(bytes) = self.store.bytes(stored.digest)
        {
            return Ok(Fetched::Verified(bytes));
        }
        let raw = match self.raw(recipe, payload)? {
            Some(raw) => raw,
            None => self.make_again(recipe, payload)?,
        };
        if stored.codec == Codec::None {
            return Ok(Fetched::Verified(raw));
        }
        let bytes: Bytes = codec::encode(stored.codec, &raw).1.map_or(raw, Into::into);
        self.store.put_bytes(stored.digest, &bytes);
        Ok(Fetched::Unverified(bytes))
    }

    /// Returns bytes by their digest alone, where they are kept from when they were digested, or stored.
    pub fn at_hand(&self, digest: Digest) -> Option<Bytes> {
        self.sources.kept(digest).or_else(|| self.store.bytes(digest))
    }

    /// Returns whether [`Executor::at_hand`] will find bytes, as far as can be told without looking at them.
    pub fn is_at_hand(&self, digest: Digest) -> bool {
        self.sources.keeps(digest) || self.store.has_bytes(digest)
    }

    fn make_again(&self, recipe: &Recipe, payload: &PayloadRecord) -> Result<Bytes, Trouble> {
        self.runs.remade.fetch_add(1, Ordering::Relaxed);
        self.runs.note(recipe);
        let mut cx = Recorder { executor: self, recipe, observations: Vec::new(), trouble: None };
        let outcome = fenced(|| recipe.prepared.run(&mut cx));
        if let Some(trouble) = cx.trouble {
            return Err(trouble);
        }
        if let Ok(Ok(Outcome::Made(artifacts, _))) = outcome {
            for (_, made) in artifacts.into_iter().flat_map(|it| it.payloads) {
                if let Payload::Made(bytes) = made
                    && Digest::of(&bytes) == payload.digest
                {
                    self.store.put_bytes(payload.digest, &bytes);
                    return Ok(bytes);
                }
            }
        }
        let error = io::Error::other(format!("the `{}` processor made other bytes than before", recipe.kind.name));
        Err(Trouble::Io(recipe.base.clone(), error))
    }

    fn read(&self, base: &RelPath, input: &Input) -> Result<Bytes, Trouble> {
        if let Some(bytes) = self.sources.kept(input.digest) {
            return Ok(bytes);
        }
        let path = base.join(&input.path).expect("inputs lie inside the workspace");
        match self.sources.bytes(&path, input.digest, input.size) {
            Ok(Some(bytes)) => Ok(bytes),
            Ok(None) => Err(Trouble::Torn(path)),
            Err(error) => Err(Trouble::Io(path, error)),
        }
    }
}

fn stored_form_key(raw: Digest, codec: Codec) -> Digest {
    stored_key(raw, &format!("{codec:?} of {}", codec::VERSION))
}

/// The context of one run: answers from the view and writes every answer down.
struct Recorder<'a> {
    executor: &'a Executor<'a>,
    recipe: &'a Recipe,
    observations: Vec<Observation>,
    trouble: Option<Trouble>,
}

impl Recorder<'_> {
    fn note(&mut self, observation: Observation) {
        if !self.observations.contains(&observation) {
            self.observations.push(observation);
        }
    }
}

impl Context for Recorder<'_> {
    fn inputs(&self) -> &[Input] {
        &self.recipe.inputs
    }

    fn find(&mut self, path: &str) -> Found {
        let found = self.executor.view.find(&self.recipe.base, path);
        self.note(Observation::Find { path: path.to_owned(), answer: FindAnswer::of(&found) });
        found
    }

    fn bytes(&mut self, input: &Input) -> Result<Bytes, Unavailable> {
        self.executor.read(&self.recipe.base, input).map_err(|trouble| {
            self.trouble = Some(trouble);
            Unavailable
        })
    }

    fn glob(&mut self, pattern: &str) -> Vec<String> {
        let matches = self.executor.view.glob(&self.recipe.base, pattern);
        self.note(Observation::Glob { pattern: pattern.to_owned(), matches: matches.clone() });
        matches
    }

    fn asset_at(&mut self, path: &str) -> Option<Resolved> {
        let answer = self.executor.view.asset_at(&self.recipe.base, path);
        self.note(Observation::AssetAt { path: path.to_owned(), answer: answer.clone() });
        answer
    }
}
