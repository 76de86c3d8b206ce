//! Puts the buffers and images of a model into one buffer, asking the context for what is not in the model.
//!
//! The document was checked by [`shape`](super::shape): lists are lists of objects, and indices are in bounds.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::foreign::{self, Foreign};
use super::json::integer;
use super::shape::type_name;
use super::uri::{self, Target};
use super::{Images, Settings, too_long};
use crate::model::{AssetId, Code, Digest, Severity, Span, magic};
use crate::process::contract::{Context, Finding, Found, Input, Unavailable};
use crate::system::Bytes;

/// Extensions with views of their own into buffers, and buffers that only hold the place of decompressed data.
const MESHOPT: &[&str] = &["EXT_meshopt_compression", "KHR_meshopt_compression"];

/// Of errors, and of warnings, there is an end here; who has this many has seen enough.
const MOST_FINDINGS: usize = 16;

/// The scheme of references to assets.
const ASSET_SCHEME: &str = "packwright:";

/// A model in one document and one buffer.
pub struct Merged {
    /// The document; its first buffer is `bin`, if that is not empty.
    pub document: Map<String, Value>,
    /// The buffer.
    pub bin: Vec<u8>,
    /// The assets that images refer to.
    pub references: BTreeSet<AssetId>,
    /// What was found wrong; with an error among it, the rest means nothing.
    pub findings: Vec<Finding>,
}

/// The work in progress.
pub struct Merge<'a> {
    cx: &'a mut dyn Context,
    settings: &'a Settings,
    owner: &'a Input,
    /// The model's text, where it is text: for spans.
    text: Option<&'a str>,
    /// The buffer inside a GLB.
    own: Option<&'a [u8]>,
    bin: Vec<u8>,
    references: BTreeSet<AssetId>,
    findings: Vec<Finding>,
}

/// Where the bytes of an old buffer are now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Home {
    /// Index of the new buffer.
    buffer: u64,
    /// Offset of the old buffer in it.
    base: u64,
    /// Length of the old buffer.
    len: u64,
}

/// The bytes that a `uri` leads to, and what they are said to be (perhaps nothing).
struct Fetched {
    bytes: Bytes,
    media_type: String,
}

impl<'a> Merge<'a> {
    /// Begins with the model at `owner`; `text` is all of it if it is text, `own` the buffer in it if it is GLB.
    pub fn new(
        cx: &'a mut dyn Context,
        settings: &'a Settings,
        owner: &'a Input,
        text: Option<&'a str>,
        own: Option<&'a [u8]>,
    ) -> Self {
        let (bin, references, findings) = Default::default();
        Self { cx, settings, owner, text, own, bin, references, findings }
    }

    /// Does all of it.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] from the context.
    pub fn run(mut self, mut document: Map<String, Value>) -> Result<Merged, Unavailable> {
        let foreign = foreign::find(&document, MESHOPT);
        let mut buffers = take_list(&mut document, "buffers");
        let homes = self.place_buffers(&mut buffers)?;
        let mut views = take_list(&mut document, "bufferViews");
        self.move_views(&mut views, &homes);
        let mut images = take_list(&mut document, "images");
        self.place_images(&mut images, &mut views)?;
        self.warn_of_foreign(foreign, &homes);
        if !self.bin.is_empty() {
            buffers.insert(0, json!({ "byteLength": self.bin.len() }));
        }
        for (name, list) in [("buffers", buffers), ("bufferViews", views), ("images", images)] {
            if !list.is_empty() {
                document.insert(name.to_owned(), Value::Array(list));
            }
        }
        let Self { bin, references, findings, .. } = self;
        Ok(Merged { document, bin, references, findings })
    }

    /// Appends every buffer, and leaves those that stay: placeholders. Returns where each one is; `None` for
    /// those that cannot be had, which was said.
    fn place_buffers(&mut self, buffers: &mut Vec<Value>) -> Result<Vec<Option<Home>>, Unavailable> {
        let mut homes = Vec::new();
        let mut placeholders = Vec::new();
        for (at, buffer) in std::mem::take(buffers).into_iter().enumerate() {
            let what = format!("`buffers[{at}]`");
            let home = match self.buffer_len(&what, &buffer) {
                None => None,
                Some(len) if self.is_placeholder(at, &buffer) => {
                    placeholders.push(buffer);
                    // Its index is put right below, when it is known whether a buffer comes before it.
                    Some(Home { buffer: placeholders.len() as u64, base: 0, len })
                }
                Some(len) => self.place_buffer(at, &what, &buffer, len)?,
            };
            homes.push(home);
        }
        if self.bin.is_empty() && !placeholders.is_empty() && homes.iter().all(Option::is_some) {
            self.broken(None, "buffers hold the place of decompressed data, but no data is there".to_owned());
        }
        *buffers = placeholders;
        Ok(homes)
    }

    fn buffer_len(&mut self, what: &str, buffer: &Value) -> Option<u64> {
        match buffer.get("byteLength").map(|it| (it, integer(it))) {
            Some((_, Some(len))) if len > 0 => return Some(len),
            Some((it, _)) => self.broken(None, format!("{what} has the `byteLength` {it}, which is not positive")),
            None => self.broken(None, format!("{what} has no `byteLength`")),
        }
        None
    }

    /// Returns whether a buffer has no bytes because an extension fills it when the model is loaded.
    fn is_placeholder(&self, at: usize, buffer: &Value) -> bool {
        let is_own = at == 0 && self.own.is_some();
        let is_fallback = |name: &str| buffer["extensions"][name]["fallback"] == true;
        !is_own && buffer.get("uri").is_none() && MESHOPT.iter().any(|it| is_fallback(it))
    }

    fn place_buffer(&mut self, at: usize, what: &str, buffer: &Value, len: u64) -> Result<Option<Home>, Unavailable> {
        match (buffer.get("uri"), self.own) {
            (Some(Value::String(uri)), _) => {
                let Some(target) = self.resolve(what, uri) else { return Ok(None) };
                let fetched = self.fetch(what, uri, target)?;
                return Ok(fetched.and_then(|it| self.append_buffer(what, &it.bytes, len, Some(uri))));
            }
            (None, Some(own)) if at == 0 => return Ok(self.append_buffer(what, own, len, None)),
            (Some(other), _) => self.broken(None, format!("the `uri` of {what} is {} and not text", type_name(other))),
            (None, _) => self.broken(None, format!("{what} has no `uri`, and it is not the buffer of a GLB")),
        }
        Ok(None)
    }

    fn append_buffer(&mut self, what: &str, bytes: &[u8], len: u64, uri: Option<&str>) -> Option<Home> {
        let Some(used) = usize::try_from(len).ok().and_then(|len| bytes.get(..len)) else {
            let mut message = format!("{what} says {len} bytes, but there are {}", bytes.len());
            if let Some(magic) = magic::sniff(bytes) {
                message.push_str(&format!(": it is {}", magic.name));
            }
            self.broken(uri.and_then(|it| self.span(it)), message);
            return None;
        };
        Some(Home { buffer: 0, base: self.append(used)?, len })
    }

    /// Appends bytes at the next multiple of four and returns where that is; `None`, and a finding, if they are
    /// too many.
    fn append(&mut self, bytes: &[u8]) -> Option<u64> {
        let base = self.bin.len().next_multiple_of(4);
        let len = base as u64 + bytes.len() as u64;
        if len > self.settings.max_bytes {
            self.add(too_long(self.owner, "the buffer made of the model's", len, self.settings));
            return None;
        }
        self.bin.resize(base, 0);
        self.bin.extend(bytes);
        Some(base as u64)
    }

    fn move_views(&mut self, views: &mut [Value], homes: &[Option<Home>]) {
        for (at, view) in views.iter_mut().enumerate() {
            let what = format!("`bufferViews[{at}]`");
            self.move_view(&what, view, homes);
            for name in MESHOPT {
                if let Some(compressed) = view.get_mut("extensions").and_then(|it| it.get_mut(*name)) {
                    self.move_view(&format!("`{name}` of {what}"), compressed, homes);
                }
            }
        }
    }

    /// Makes a view mean the same bytes as before.
    fn move_view(&mut self, what: &str, view: &mut Value, homes: &[Option<Home>]) {
        let buffer = view.get("buffer").and_then(integer);
        let Some(home) = buffer.and_then(|it| homes.get(usize::try_from(it).ok()?)) else {
            return self.broken(None, format!("{what} has no `buffer` that there is"));
        };
        // Where the buffer could not be had, that was said.
        let Some(home) = home else { return };
        let offset = view.get("byteOffset").map_or(Some(0), integer);
        let len = view.get("byteLength").and_then(integer).filter(|it| *it > 0);
        let (Some(offset), Some(len)) = (offset, len) else {
            return self.broken(None, format!("{what} needs a positive `byteLength`, and a `byteOffset` if any"));
        };
        if offset.checked_add(len).is_none_or(|end| end > home.len) {
            let message = format!("{what} covers {len} bytes at {offset}, but its buffer has {}", home.len);
            return self.broken(None, message);
        }
        let Some(view) = view.as_object_mut() else { return };
        view.insert("buffer".to_owned(), home.buffer.into());
        if view.contains_key("byteOffset") || home.base > 0 {
            // No overflow: both are offsets within buffers that are there, or the base is zero.
            view.insert("byteOffset".to_owned(), (home.base + offset).into());
        }
    }

    fn place_images(&mut self, images: &mut [Value], views: &mut Vec<Value>) -> Result<(), Unavailable> {
        let mut embedded = BTreeMap::new();
        for (at, image) in images.iter_mut().enumerate() {
            let what = format!("`images[{at}]`");
            let Some(image) = image.as_object_mut() else { continue };
            match image.get("uri").cloned() {
                None => {}
                Some(_) if image.contains_key("bufferView") => {
                    self.broken(None, format!("{what} has both a `uri` and a `bufferView`"));
                }
                Some(Value::String(uri)) => self.place_image(&what, image, &uri, views, &mut embedded)?,
                Some(other) => {
                    self.broken(None, format!("the `uri` of {what} is {} and not text", type_name(&other)));
                }
            }
        }
        Ok(())
    }

    /// Makes an image refer to an asset, or to a view of its bytes. `embedded` has the views of those before.
    fn place_image(
        &mut self,
        what: &str,
        image: &mut Map<String, Value>,
        uri: &str,
        views: &mut Vec<Value>,
        embedded: &mut BTreeMap<Digest, usize>,
    ) -> Result<(), Unavailable> {
        let Some(target) = self.resolve(what, uri) else { return Ok(()) };
        if let Some(id) = self.asset(&target) {
            self.references.insert(id);
            image.insert("uri".to_owned(), format!("{ASSET_SCHEME}{id}").into());
            return Ok(());
        }
        let Some(fetched) = self.fetch(what, uri, target)? else { return Ok(()) };
        let stated = image.get("mimeType").and_then(Value::as_str).unwrap_or(&fetched.media_type);
        let Some(media_type) = self.media_type(what, uri, stated, &fetched.bytes) else { return Ok(()) };
        let Some(view) = self.embed(&fetched.bytes, views, embedded) else { return Ok(()) };
        image.remove("uri");
        image.insert("bufferView".to_owned(), view.into());
        image.insert("mimeType".to_owned(), media_type.into());
        Ok(())
    }

    /// Returns the asset that an image is, where images are to be referred to. Asked before anything else, so
    /// that the model does not depend on where its images are.
    fn asset(&mut self, target: &Target) -> Option<AssetId> {
        match (self.settings.images, target) {
            (Images::Reference, Target::File(path)) => self.cx.asset_at(path).map(|it| it.id),
            _ => None,
        }
    }

    /// Returns the media type of an image: that of its first bytes, else what it is said to be.
    fn media_type(&mut self, what: &str, uri: &str, stated: &str, bytes: &[u8]) -> Option<String> {
        let media_type = match magic::sniff(bytes) {
            Some(magic) => magic.media_type,
            None => (!stated.is_empty() && !bytes.is_empty()).then_some(stated),
        };
        let Some(media_type) = media_type else {
            self.broken(self.span(uri), format!("{what} is no image but {}", magic::describe(bytes)));
            return None;
        };
        if !stated.is_empty() && stated != media_type {
            let message = format!("{what} says that it is `{stated}`, but it is `{media_type}`");
            self.push(Severity::Warning, Code::MODEL_ODD, self.span(uri), message);
        }
        Some(media_type.to_owned())
    }

    /// Returns the view of an image's bytes, a new one unless equal bytes have one.
    fn embed(&mut self, bytes: &[u8], views: &mut Vec<Value>, embedded: &mut BTreeMap<Digest, usize>) -> Option<usize> {
        let digest = Digest::of(bytes);
        if let Some(view) = embedded.get(&digest) {
            return Some(*view);
        }
        let base = self.append(bytes)?;
        let view = views.len();
        views.push(json!({ "buffer": 0, "byteOffset": base, "byteLength": bytes.len() }));
        embedded.insert(digest, view);
        Some(view)
    }

    /// Returns where a `uri` leads; `None`, and a finding, where that is nowhere.
    fn resolve(&mut self, what: &str, uri: &str) -> Option<Target> {
        uri::resolve(&self.owner.path, uri)
            .map_err(|why| {
                let message = format!("the `uri` of {what} is `{}`, which {why}", shortened(uri));
                self.broken(self.span(uri), message);
            })
            .ok()
    }

    /// Returns the bytes that a `uri` leads to; `None`, and a finding, where they cannot be had.
    fn fetch(&mut self, what: &str, uri: &str, target: Target) -> Result<Option<Fetched>, Unavailable> {
        let path = match target {
            Target::Data { media_type, bytes } => return Ok(Some(Fetched { bytes: bytes.into(), media_type })),
            Target::File(path) => path,
        };
        match self.cx.find(&path) {
            Found::Source(input) if input.size > self.settings.max_bytes => {
                self.add(too_long(self.owner, &format!("`{uri}`"), input.size, self.settings));
            }
            Found::Source(input) => {
                return Ok(Some(Fetched { bytes: self.cx.bytes(&input)?, media_type: String::new() }));
            }
            Found::Absent => self.missing(what, uri),
            Found::NotASource(why) => {
                let message = format!("{what} names `{uri}`, which is not a source: {why}");
                self.push(Severity::Error, Code::NOT_A_SOURCE, self.span(uri), message);
            }
        }
        Ok(None)
    }

    fn missing(&mut self, what: &str, uri: &str) {
        let help = uri.contains('\\').then(|| "write `/` between the directories of a `uri`".to_owned());
        let message = format!("{what} names `{uri}`, which is not there");
        let finding = Finding::error(Code::MODEL_MISSING, &self.owner.path, message);
        self.add(Finding { help, span: self.span(uri), ..finding });
    }

    /// Says what extensions refer to that nobody here knows.
    fn warn_of_foreign(&mut self, foreign: Vec<Foreign>, homes: &[Option<Home>]) {
        for it in foreign {
            let message = match it {
                Foreign::File(name, uri) => {
                    format!("the extension `{name}` names `{}`, which is not looked at", shortened(&uri))
                }
                Foreign::Buffer(name, index) => {
                    let home = usize::try_from(index).ok().and_then(|it| homes.get(it).copied().flatten());
                    if home.is_none_or(|it| (it.buffer, it.base) == (index, 0)) {
                        continue;
                    }
                    format!("the extension `{name}` names buffer {index} by itself, which is elsewhere now")
                }
            };
            self.push(Severity::Warning, Code::MODEL_ODD, None, message);
        }
    }

    fn broken(&mut self, span: Option<Span>, message: String) {
        self.push(Severity::Error, Code::MODEL_BROKEN, span, message);
    }

    fn push(&mut self, severity: Severity, code: Code, span: Option<Span>, message: String) {
        self.add(Finding { severity, span, ..Finding::error(code, &self.owner.path, message) });
    }

    fn add(&mut self, finding: Finding) {
        if self.findings.iter().filter(|it| it.severity == finding.severity).count() < MOST_FINDINGS {
            self.findings.push(finding);
        }
    }

    /// Returns where a `uri` is written, if that is text and there is one such place only.
    fn span(&self, uri: &str) -> Option<Span> {
        // Whole files in a `uri` are no place to point at.
        let text = self.text.filter(|_| uri.len() < 1000)?;
        let written = serde_json::to_string(uri).ok()?;
        let mut places = text.match_indices(&written);
        let (at, _) = places.next()?;
        places.next().is_none().then(|| Span::of(text, at, at + written.len()))
    }
}

/// Takes a list out of the document, empty where there is none. It comes back unless it stays empty.
fn take_list(document: &mut Map<String, Value>, name: &str) -> Vec<Value> {
    match document.remove(name) {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    }
}

/// Returns a `uri` fit for a message: data can be long.
fn shortened(uri: &str) -> String {
    const MOST: usize = 60;
    match uri.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}...", &uri[..at]),
        None => uri.to_owned(),
    }
}
