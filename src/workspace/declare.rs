//! From the three ways to declare an asset to its one [`Declaration`].

use std::sync::Arc;

use super::authored::AssetFile;
use super::config::Config;
use super::layer::{Layer, Reader};
use crate::model::declaration::{Declaration, Form, Inputs, Intent, Origin};
use crate::model::node::{Node, Spanned, Value, decode_all};
use crate::model::reference::{InputPattern, Reference, name_problem, path_problem};
use crate::model::suggest::shown;
use crate::model::{Code, Diagnostic, Location, RelPath, SettingsCheck, text};

/// What declarations are read against.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// The configuration of the workspace.
    pub config: &'a Config,
    /// What is known of the processors.
    pub check: &'a dyn SettingsCheck,
}

/// Fields that belong to the registry, and where each lives.
const REGISTRY_OWNED: [(&str, &str); 8] = [
    ("asset_id", "the number of an asset"),
    ("asset_uuid", "the identity of an asset"),
    ("uuid", "the identity of an asset"),
    ("id", "the number of an asset"),
    ("content", "the digest of an asset's content"),
    ("was", "the history of a registry line"),
    ("retired", "the numbers that an asset had before"),
    ("place", "the place of an asset"),
];

/// Reads the `asset.json` at `file`, which makes an asset of the directory `dir`.
///
/// The declaration is absent when it cannot be said what type of asset it would be; otherwise it is the best
/// that can be made of the text, and broken if any diagnostic is an error.
pub fn from_asset_json(
    scope: Scope<'_>,
    dir: &RelPath,
    file: &RelPath,
    bytes: &[u8],
) -> (Option<Declaration>, Vec<Diagnostic>) {
    if dir.is_root() {
        let problem = Diagnostic::error(Code::BAD_PATH, "the workspace as a whole cannot be one asset")
            .at(Location::file(file))
            .help("put the asset into a directory of its own");
        return (None, vec![problem]);
    }
    read(scope, file, bytes, |mut asset, written| {
        let layer = Layer::from(written.clone());
        let (kind, options) = asset.reader.read(&layer, None);
        let (inputs, input_locations) = asset.inputs(dir, written.inputs.as_ref());
        let common = asset.common(scope, dir, dir, &written);
        let Some(kind) = kind else {
            asset.no_type(&layer, "say its `type`");
            return (None, asset.reader.diagnostics);
        };
        let form = Form::Directory(file.clone());
        let declaration = common.declare(form, kind, inputs, input_locations, options.into());
        (Some(declaration), asset.reader.diagnostics)
    })
}

/// Reads the sidecar at `file`, which makes an asset of the file `owner`. `rule` is the rule that would claim
/// the owner: a sidecar that says no type is laid over it.
///
/// The declaration is absent when it cannot be said what type of asset it would be; otherwise it is the best
/// that can be made of the text, and broken if any diagnostic is an error.
pub fn from_sidecar(
    scope: Scope<'_>,
    owner: &RelPath,
    file: &RelPath,
    bytes: &[u8],
    rule: Option<usize>,
) -> (Option<Declaration>, Vec<Diagnostic>) {
    read(scope, file, bytes, |mut asset, written| {
        let layer = Layer::from(written.clone());
        let rule = rule.and_then(|it| scope.config.rules.get(it)).filter(|_| layer.kind.is_none());
        let (kind, options) = asset.reader.read(&layer, rule);
        asset.refuse_inputs();
        let dir = owner.parent().unwrap_or_else(RelPath::root);
        let common = asset.common(scope, owner, &dir, &written);
        let Some(kind) = kind else {
            asset.no_type(&layer, "say its `type`, or write a rule that matches its file");
            return (None, asset.reader.diagnostics);
        };
        let form = Form::Sidecar(file.clone());
        let declaration = common.declare(form, kind, Inputs::Owner, Vec::new(), options.into());
        (Some(declaration), asset.reader.diagnostics)
    })
}

/// Returns the declaration of the file `owner` by the rule of index `rule`; `None` when there is no such rule.
///
/// Called for every file that a rule claims: besides the default name nothing is copied.
pub fn from_rule(config: &Config, owner: &RelPath, rule: usize) -> Option<Declaration> {
    let found = config.rules.get(rule)?;
    let intent = Intent {
        place: owner.clone(),
        part: String::new(),
        name: config.default_name(owner.as_str()),
        kind: found.kind.clone(),
        inputs: Inputs::Owner,
        dependencies: Vec::new(),
        options: found.options.clone(),
    };
    let origin = Origin {
        form: Form::Rule(rule),
        location: Location::file(owner),
        name: None,
        inputs: Vec::new(),
        dependencies: Vec::new(),
    };
    Some(Declaration { intent, origin })
}

/// A declaration file that is being read.
struct Asset<'a> {
    reader: Reader<'a>,
    root: Node,
}

/// What is the same in both forms of declaration files.
struct Common {
    place: RelPath,
    name: String,
    dependencies: Vec<Reference>,
    location: Location,
    name_location: Option<Location>,
    dependency_locations: Vec<Location>,
}

/// Reads the text of a declaration file, and goes on with `then` when there is any sense in it.
fn read(
    scope: Scope<'_>,
    file: &RelPath,
    bytes: &[u8],
    then: impl FnOnce(Asset<'_>, AssetFile) -> (Option<Declaration>, Vec<Diagnostic>),
) -> (Option<Declaration>, Vec<Diagnostic>) {
    let text = match text::utf8(file, bytes) {
        Ok(text) => text,
        Err(problem) => return (None, vec![problem]),
    };
    let (root, diagnostics) = text::json(file, text);
    let Scope { config, check } = scope;
    let mut reader = Reader { file, text, check, presets: &config.presets, profiles: &config.profiles, diagnostics };
    let Some(mut root) = root else { return (None, reader.diagnostics) };
    take_registry_owned(&mut reader, &mut root);
    match decode_all(&root, file, text, &mut reader.diagnostics) {
        Some(written) => then(Asset { reader, root }, written),
        None => (None, reader.diagnostics),
    }
}

/// Reports the fields that belong to the registry, and takes them out.
fn take_registry_owned(reader: &mut Reader<'_>, root: &mut Node) {
    let Value::Object(entries) = &mut root.value else { return };
    entries.retain(|(key, _)| {
        let Some((_, what)) = REGISTRY_OWNED.iter().find(|(name, _)| *name == key.name) else { return true };
        let message = format!("`{}`, {what}, is not written by hand", key.name);
        let help = "it lives in `packwright.registry/`, which packwright keeps; take the field out".to_owned();
        reader.error_with_help(Code::REGISTRY_OWNED, key.range, message, help);
        false
    });
}

impl Asset<'_> {
    fn no_type(&mut self, layer: &Layer, help: &str) {
        self.reader.no_type(layer, self.root.range, "the declaration says no type", help);
    }

    fn inputs(&mut self, dir: &RelPath, written: Option<&Spanned<Vec<Spanned<String>>>>) -> (Inputs, Vec<Location>) {
        let Some(written) = written else { return (Inputs::Directory, Vec::new()) };
        if written.value.is_empty() {
            let help = "name some, or leave `inputs` out to take every source in the directory".to_owned();
            self.reader.error_with_help(Code::NO_INPUTS, written.range, "the asset has no inputs", help);
        }
        let mut inputs = Vec::with_capacity(written.value.len());
        let mut locations = Vec::with_capacity(written.value.len());
        for input in &written.value {
            match InputPattern::parse(dir, &input.value) {
                Ok(pattern) => {
                    inputs.push(pattern);
                    locations.push(self.reader.at(input.range));
                }
                Err((code, problem)) => self.reader.error(code, input.range, problem),
            }
        }
        (Inputs::Listed(inputs), locations)
    }

    fn refuse_inputs(&mut self) {
        let inputs = self.root.entries().iter().find(|(key, _)| key.name == "inputs");
        if let Some(range) = inputs.map(|(key, _)| key.range) {
            let message = "a sidecar has no `inputs`: its input is the file beside it";
            let help = "for an asset made of several files, put them in a directory with an `asset.json`".to_owned();
            self.reader.error_with_help(Code::UNKNOWN_FIELD, range, message, help);
        }
    }

    fn common(&mut self, scope: Scope<'_>, place: &RelPath, dir: &RelPath, written: &AssetFile) -> Common {
        let name = written.name.as_ref().filter(|it| self.is_name(it));
        let (dependencies, dependency_locations) =
            written.dependencies.iter().filter_map(|it| self.dependency(dir, it)).unzip();
        Common {
            place: place.clone(),
            name: name.map_or_else(|| scope.config.default_name(place.as_str()), |it| it.value.clone()),
            dependencies,
            location: self.reader.at(self.root.range),
            name_location: name.map(|it| self.reader.at(it.range)),
            dependency_locations,
        }
    }

    fn is_name(&mut self, name: &Spanned<String>) -> bool {
        let problem = name_problem(&name.value);
        let usable = problem.is_none();
        if let Some(problem) = problem {
            self.reader.error(Code::WRONG_TYPE, name.range, problem);
        }
        usable
    }

    fn dependency(&mut self, dir: &RelPath, written: &Spanned<String>) -> Option<(Reference, Location)> {
        match Reference::parse(&written.value) {
            Ok(reference) => {
                if let Some(problem) = reference_problem(&reference, dir) {
                    self.reader.error(Code::BAD_PATH, written.range, problem);
                    return None;
                }
                Some((reference, self.reader.at(written.range)))
            }
            Err(problem) => {
                self.reader.error(Code::WRONG_TYPE, written.range, problem);
                None
            }
        }
    }
}

/// Returns why a reference by path can lead nowhere, whatever is on disk.
fn reference_problem(reference: &Reference, dir: &RelPath) -> Option<String> {
    let Reference::Path(path) = reference else { return None };
    let leaves = || format!("`{}` leads out of the workspace or names no place in it", shown(path));
    path_problem(path.strip_prefix('/').unwrap_or(path)).or_else(|| reference.target(dir).is_none().then(leaves))
}

impl Common {
    fn declare(
        self,
        form: Form,
        kind: Arc<str>,
        inputs: Inputs,
        input_locations: Vec<Location>,
        options: Arc<crate::model::declaration::Options>,
    ) -> Declaration {
        let intent = Intent {
            place: self.place,
            part: String::new(),
            name: self.name,
            kind,
            inputs,
            dependencies: self.dependencies,
            options,
        };
        let origin = Origin {
            form,
            location: self.location,
            name: self.name_location,
            inputs: input_locations,
            dependencies: self.dependency_locations,
        };
        Declaration { intent, origin }
    }
}
