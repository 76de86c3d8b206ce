//! From the three ways to declare an asset to its one [`Declaration`].

use std::sync::Arc;

use super::authored::AssetFile;
use super::config::Config;
use super::gather::Made;
use super::layer::{Layer, Reader};
use crate::model::declaration::{Captures, Declaration, Form, Inputs, Intent, Origin};
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
        let (inputs, input_locations) = asset.inputs(scope.config, dir, written.inputs.as_ref());
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

/// Reads the sidecar at `file`, which makes an asset of the file `owner`. `made` is what a rule would make of the owner: a
/// sidecar that says no type is laid over it. Where the owner is no file, but what a rule takes together, its inputs stay
/// whatever the sidecar says.
///
/// The declaration is absent when it cannot be said what type of asset it would be; otherwise it is the best
/// that can be made of the text, and broken if any diagnostic is an error.
pub fn from_sidecar(
    scope: Scope<'_>,
    owner: &RelPath,
    file: &RelPath,
    bytes: &[u8],
    made: Option<&Made>,
) -> (Option<Declaration>, Vec<Diagnostic>) {
    read(scope, file, bytes, |mut asset, written| {
        let layer = Layer::from(written.clone());
        let lies_over = |it: &&Made| layer.kind.is_none() && scope.config.rules.get(it.rule).is_some();
        let base = made.filter(lies_over);
        let rule = base.and_then(|it| scope.config.rules.get(it.rule));
        let (kind, options) = asset.reader.read(&layer, rule);
        asset.refuse_inputs();
        let kept = base.or(made.filter(|it| !it.inputs.is_file()));
        let inputs = kept.map_or(Inputs::Owner, |it| it.inputs.clone());
        let dir = RelPath::new(inputs.dir(owner)).expect("part of a normal path");
        let mut common = asset.common(scope, owner, &dir, &written);
        common.captures = kept.map(|it| it.captures.clone()).unwrap_or_default();
        if let Some(base) = base.filter(|_| common.name_location.is_none()) {
            let (name, problem) = rule_name(scope.config, owner, base);
            common.name = name;
            asset.reader.diagnostics.extend(problem);
        }
        let Some(kind) = kind else {
            asset.no_type(&layer, "say its `type`, or write a rule that matches its file");
            return (None, asset.reader.diagnostics);
        };
        let form = Form::Sidecar(file.clone());
        let declaration = common.declare(form, kind, inputs, Vec::new(), options.into());
        (Some(declaration), asset.reader.diagnostics)
    })
}

/// Returns the declaration of what a rule makes at `place`, and what is wrong with it; `None` when there is no such rule.
///
/// Called for every file that a rule claims: besides the default name nothing is copied.
pub fn from_rule(config: &Config, place: &RelPath, made: Made) -> Option<(Declaration, Option<Diagnostic>)> {
    let found = config.rules.get(made.rule)?;
    let (name, problem) = rule_name(config, place, &made);
    let intent = Intent {
        place: place.clone(),
        part: String::new(),
        name: name.into(),
        kind: found.kind.clone(),
        inputs: made.inputs,
        dependencies: Vec::new(),
        captures: made.captures,
        options: found.options.clone(),
    };
    let origin = Origin {
        form: Form::Rule(made.rule),
        location: Location::file(place),
        name: None,
        inputs: Vec::new(),
        dependencies: Vec::new(),
    };
    Some((Declaration { intent: Arc::new(intent), origin }, problem))
}

/// Returns the name that a rule gives to the asset at `place`, or else the default one and why that it gives is none.
fn rule_name(config: &Config, place: &RelPath, made: &Made) -> (String, Option<Diagnostic>) {
    let name = config.rule_name(made.rule, place.as_str(), &made.captures);
    let has_name = config.rules.get(made.rule).is_some_and(|it| it.name.is_some());
    let Some(problem) = has_name.then(|| name_problem(&name)).flatten() else { return (name, None) };
    let message = format!("its rule would name this asset `{}`: {problem}", shown(&name));
    let problem = Diagnostic::error(Code::WRONG_TYPE, message)
        .at(Location::file(place))
        .help("change the rule's `name`, or give the file a sidecar with a `name` of its own");
    (config.default_name(place.as_str()), Some(problem))
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
    captures: Captures,
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
    match decode_all::<AssetFile>(&root, file, text, &mut reader.diagnostics) {
        Some(written) => {
            let is_excluded =
                written.exclude == Some(true) && written.profiles.values().all(|it| it.exclude != Some(false));
            let (declaration, mut diagnostics) = then(Asset { reader, root }, written);
            // Of what type it would be matters to nobody: it stays out of every pack.
            if declaration.is_none() && is_excluded {
                diagnostics.iter_mut().for_each(Diagnostic::excuse);
            }
            (declaration, diagnostics)
        }
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
    /// Reports that there is no type, unless one is given that was already refused.
    fn no_type(&mut self, layer: &Layer, help: &str) {
        if self.root.get("type").is_none() {
            self.reader.no_type(layer, self.root.range, "the declaration says no type", help);
        }
    }

    fn inputs(
        &mut self,
        config: &Config,
        dir: &RelPath,
        written: Option<&Spanned<Vec<Spanned<String>>>>,
    ) -> (Inputs, Vec<Location>) {
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
                    if let InputPattern::Path(path) = &pattern
                        && let Some(problem) = config.not_a_source(path)
                    {
                        let message = format!("the input `{}` {problem}", shown(&input.value));
                        self.reader.error(Code::NOT_A_SOURCE, input.range, message);
                    }
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
            captures: Captures::new(),
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
            name: self.name.into(),
            kind,
            inputs,
            dependencies: self.dependencies,
            captures: self.captures,
            options,
        };
        let origin = Origin {
            form,
            location: self.location,
            name: self.name_location,
            inputs: input_locations,
            dependencies: self.dependency_locations,
        };
        Declaration { intent: Arc::new(intent), origin }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::super::testing::{Kinds, VALUES, break_everywhere, config, path, shown};
    use super::*;
    use crate::model::reference::Glob;

    const CONFIG: &str = r#"
workspace = "01234567-89ab-8def-8123-456789abcdef"
[[roots]]
path = "assets"
[[rules]]
match = "**/*.png"
type = "image"
settings = { max = 64, mode = "keep" }
codec = "lz4"
tags = ["rule"]
[presets.big]
type = "image"
settings = { max = 4096 }
[presets.loose]
settings = { scale = 2 }
"#;

    const WHOLE: &str = r#"{
    "$schema": "x", // of no consequence
    "name": "hero", "type": "image",
    "inputs": ["a.png", "../ui/*.png"],
    "settings": {"max": 8, "scale": 0.5},
    "profiles": {"release": {"settings": {"mode": "rgba8"}, "codec": "zstd", "preload": true, "exclude": true}},
    "presets": ["big", "loose"],
    "codec": "none", "preload": false,
    "tags": ["b", "a", "b"],
    "dependencies": ["./b.png", "/assets/ui", "uuid:01234567-89ab-8def-8123-456789abcdef", "ui/villain"],
    "exclude": false,
}"#;

    fn directory(text: &[u8]) -> (Option<Declaration>, Vec<Diagnostic>) {
        let config = config(CONFIG);
        let scope = Scope { config: &config, check: &Kinds };
        from_asset_json(scope, &path("assets/hero"), &path("assets/hero/asset.json"), text)
    }

    fn sidecar(text: &[u8], rule: Option<usize>) -> (Option<Declaration>, Vec<Diagnostic>) {
        let config = config(CONFIG);
        let scope = Scope { config: &config, check: &Kinds };
        let made = rule.map(|it| config.made(it, &path("assets/ui/x.png")));
        from_sidecar(scope, &path("assets/ui/x.png"), &path("assets/ui/x.png.asset.json"), text, made.as_ref())
    }

    fn good((declaration, diagnostics): (Option<Declaration>, Vec<Diagnostic>)) -> Declaration {
        assert_eq!(diagnostics, vec![]);
        declaration.expect("a declaration")
    }

    fn check(text: &str, expected: Expect) {
        let (_, diagnostics) = directory(text.as_bytes());
        expected.assert_eq(&shown("assets/hero/asset.json", text, diagnostics));
    }

    #[test]
    fn a_whole_file_is_understood() {
        let Declaration { intent, origin } = good(directory(WHOLE.as_bytes()));
        assert_eq!((intent.place.as_str(), &*intent.name, &*intent.kind), ("assets/hero", "hero", "image"));
        let glob = Glob { base: path("assets/ui"), pattern: "*.png".to_owned() };
        let inputs = vec![InputPattern::Path(path("assets/hero/a.png")), InputPattern::Glob(glob)];
        assert_eq!(intent.inputs, Inputs::Listed(inputs));
        let dependencies: Vec<_> = intent.dependencies.iter().map(Reference::to_string).collect();
        let expected = ["./b.png", "/assets/ui", "uuid:01234567-89ab-8def-8123-456789abcdef", "ui/villain"];
        assert_eq!(dependencies, expected);
        assert_eq!(intent.options.tags.iter().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(intent.dir(), path("assets/hero"));
        let at = |it: &Location| it.span.map(|it| &WHOLE[it.start as usize..it.end as usize]).expect("a stretch");
        assert_eq!(origin.name.as_ref().map(at), Some("\"hero\""));
        assert_eq!(origin.inputs.iter().map(at).collect::<Vec<_>>(), ["\"a.png\"", "\"../ui/*.png\""]);
        assert_eq!(at(&origin.dependencies[3]), "\"ui/villain\"");
        assert_eq!(at(&origin.location), "{");
    }

    #[test]
    fn what_is_said_for_a_profile_beats_what_is_said_in_general() {
        let config = config(CONFIG);
        let intent = good(directory(WHOLE.as_bytes())).intent;
        let release = intent.resolve(&config.profiles["release"]);
        assert_eq!(
            serde_json::to_string(&release.settings).expect("json"),
            r#"{"max":{"Integer":8},"mode":{"Text":"rgba8"},"scale":{"Float":4602678819172646912}}"#
        );
        assert_eq!(
            (release.codec, release.preload, release.exclude),
            (Some(crate::model::Codec::Zstd), Some(true), true)
        );
        let dev = intent.resolve(&config.profiles["dev"]);
        assert_eq!((dev.codec, dev.preload, dev.exclude), (Some(crate::model::Codec::None), Some(false), false));
    }

    #[test]
    fn comments_and_order_are_no_intent() {
        let other = r#"{ "exclude": false, /* ! */
            "dependencies": ["./b.png", "/assets/ui", "uuid:01234567-89ab-8def-8123-456789abcdef", "ui/villain"],
            "tags": ["a", "b"], "presets": ["big", "loose"],
            "profiles": {"release": {"exclude": true, "preload": true, "codec": "zstd", "settings": {"mode": "rgba8"}}},
            "settings": {"scale": 0.5, "max": 8}, "preload": false, "codec": "none",
            "inputs": ["./a.png", "../ui/*.png"], "type": "image", "name": "hero" }"#;
        let (a, b) = (good(directory(WHOLE.as_bytes())), good(directory(other.as_bytes())));
        assert_eq!(a.intent, b.intent);
        assert_ne!(a.origin, b.origin);
        for (from, to) in
            [("8,", "9,"), ("a.png", "b.png"), ("\"preload\": false", "\"preload\": true"), ("villain", "x")]
        {
            let changed = good(directory(WHOLE.replace(from, to).as_bytes()));
            assert_ne!(changed.intent, a.intent, "{from}");
        }
    }

    #[test]
    fn a_sidecar_without_type_lies_over_its_rule() {
        let over = good(sidecar(br#"{"settings": {"max": 8}, "tags": ["own"]}"#, Some(0))).intent;
        assert_eq!((&*over.kind, &*over.name, &over.inputs), ("image", "ui/x.png", &Inputs::Owner));
        assert_eq!(over.options.tags.iter().collect::<Vec<_>>(), ["own", "rule"]);
        assert_eq!(over.options.general.settings.0.len(), 2);
        assert_eq!(over.dir(), path("assets/ui"));
        let own = good(sidecar(br#"{"type": "image", "settings": {"max": 8}}"#, Some(0))).intent;
        assert_eq!((own.options.general.settings.0.len(), own.options.tags.len()), (1, 0));
        let empty = good(sidecar(b"{}", Some(0))).intent;
        let config = config(CONFIG);
        assert_eq!(
            empty,
            from_rule(&config, &path("assets/ui/x.png"), config.made(0, &path("assets/ui/x.png")))
                .expect("a rule")
                .0
                .intent
        );
        let (none, diagnostics) = sidecar(b"{}", None);
        assert_eq!((none, diagnostics[0].code), (None, Code::NO_TYPE));
    }

    #[test]
    fn captures_name_assets_and_stay_with_them() {
        let rule = "match = \"{dir}/{stem}.png\"\nname = \"{stem}\"";
        let config = config(&CONFIG.replace("match = \"**/*.png\"", rule));
        let of = |owner: &str| from_rule(&config, &path(owner), config.made(0, &path(owner))).expect("a rule");
        let (declaration, problem) = of("assets/ui/big/x.png");
        let intent = &declaration.intent;
        let captures: Vec<_> = intent.captures.iter().map(|it| (&*it.0, it.1.as_str())).collect();
        assert_eq!((&*intent.name, problem), ("x", None));
        assert_eq!(captures, [("dir", "ui/big"), ("stem", "x")]);
        let (declaration, problem) = of("assets/ui/ x.png");
        assert_eq!(&*declaration.intent.name, "ui/ x.png");
        expect!["its rule would name this asset ` x`: a name neither starts nor ends with a space"]
            .assert_eq(&problem.expect("it is no name").message);

        let scope = Scope { config: &config, check: &Kinds };
        let (owner, file) = (path("assets/ui/x.png"), path("assets/ui/x.png.asset.json"));
        let made = config.made(0, &owner);
        let over = |text: &[u8]| good(from_sidecar(scope, &owner, &file, text, Some(&made))).intent;
        assert_eq!((&*over(b"{}").name, over(b"{}").captures.len()), ("x", 2));
        assert_eq!((&*over(b"{\"name\": \"y\"}").name, over(b"{\"name\": \"y\"}").captures.len()), ("y", 2));
        let own = over(b"{\"type\": \"image\"}");
        assert_eq!((&*own.name, own.captures.len()), ("ui/x.png", 0));
    }

    #[test]
    fn the_assets_of_a_rule_share_what_it_says() {
        let config = config(CONFIG);
        let of = |owner: &str| from_rule(&config, &path(owner), config.made(0, &path(owner))).expect("a rule").0.intent;
        let (a, b) = (of("assets/a.png"), of("assets/b.png"));
        assert!(Arc::ptr_eq(&a.options, &b.options));
        assert_eq!(from_rule(&config, &path("assets/a.png"), config.made(9, &path("assets/a.png"))), None);
    }

    #[test]
    fn mistakes_are_shown_where_they_are() {
        check(
            "",
            expect![[r#"
            1 ``: PW0001 the file holds no value; expected an object
        "#]],
        );
        check(
            "{}",
            expect![[r#"
            1 `{}`: PW0017 the declaration says no type
                help: say its `type`
        "#]],
        );
        check(
            "{\"type\": \"imgae\", \"settings\": {\"x\": 1}}",
            expect![[r#"
            1 `"imgae"`: PW0008 there is no type `imgae`
                help: did you mean `image`?
        "#]],
        );
        check(
            r#"{
    "type": "image", "asset_id": 17, "uuid": null, "naem": "x", "name": "./x",
    "inputs": ["../../../x", "/abs", "a\\b", "", "[", 5],
    "settings": {"mode": "kep", "max": -1, "mx": 1},
    "profiles": {"relaese": {"settings": {"max": true}}, "dev": {"tags": []}},
    "presets": ["bg", "loose"], "codec": "lzma", "preload": null,
    "tags": [" x"], "exclude": "yes",
    "dependencies": ["", "uuid:x", "../../../..", "./a//b", "/"]
}"#,
            expect![[r#"
                2 `"asset_id"`: PW0005 `asset_id`, the number of an asset, is not written by hand
                    help: it lives in `packwright.registry/`, which packwright keeps; take the field out
                2 `"uuid"`: PW0005 `uuid`, the identity of an asset, is not written by hand
                    help: it lives in `packwright.registry/`, which packwright keeps; take the field out
                2 `"naem"`: PW0003 unknown field `naem`
                    help: did you mean `name`?
                2 `"./x"`: PW0004 a name starts with none of `./`, `../`, `/` and `uuid:`: a reference could not tell
                3 `"../../../x"`: PW0006 `../../../x` leads out of the workspace
                3 `"/abs"`: PW0006 `/abs` is absolute; paths are relative
                3 `"a\\b"`: PW0006 `a\b` has a backslash; components are separated by `/`
                3 `""`: PW0006 the path is empty
                3 `"["`: PW0007 unclosed character class; missing ']'
                3 `5`: PW0004 expected a string, found `5`
                4 `"kep"`: PW0004 `kep` is not possible here
                    help: did you mean `keep`?
                4 `-1`: PW0004 expected a whole number from 0 to 4294967295, found `-1`
                4 `"mx"`: PW0003 unknown field `mx`
                    help: did you mean `max`?
                5 `"relaese"`: PW0019 there is no profile `relaese`
                    help: did you mean `release`?
                5 `true`: PW0004 expected a whole number from 0 to 4294967295, found `true`
                5 `"tags"`: PW0003 unknown field `tags`
                    help: the fields here are `settings`, `codec`, `preload`, `exclude`
                6 `"bg"`: PW0009 there is no preset `bg`
                    help: did you mean `big`?
                6 `"lzma"`: PW0004 `lzma` is not possible here
                    help: the possible values are `none`, `lz4`, `zstd`
                6 `null`: PW0004 expected `true` or `false`, found `null`
                7 `" x"`: PW0004 a tag is not empty, and has no spaces at its ends and no control characters
                7 `"yes"`: PW0004 expected `true` or `false`, found the string `yes`
                8 `""`: PW0004 the reference is empty
                8 `"uuid:x"`: PW0004 `x` is not a uuid in lower-case hyphenated form
                8 `"../../../.."`: PW0006 `../../../..` leads out of the workspace or names no place in it
                8 `"./a//b"`: PW0006 `./a//b` has an empty component
                8 `"/"`: PW0006 the path is empty
            "#]],
        );
        check(
            "{\"type\": \"raw\", \"inputs\": [], \"presets\": [\"big\", \"loose\"]}",
            expect![[r#"
            1 `[]`: PW0022 the asset has no inputs
                help: name some, or leave `inputs` out to take every source in the directory
            1 `"big"`: PW0004 the preset `big` is for the type `image`, not `raw`
            1 `"loose"`: PW0003 the preset `loose` does not fit the type `raw`: unknown field `scale`
        "#]],
        );
    }

    #[test]
    fn a_sidecar_has_no_inputs() {
        let text = "{\"inputs\": [\"x\"]}";
        let (declaration, diagnostics) = sidecar(text.as_bytes(), Some(0));
        assert!(declaration.is_some());
        expect![[r#"
            1 `"inputs"`: PW0003 a sidecar has no `inputs`: its input is the file beside it
                help: for an asset made of several files, put them in a directory with an `asset.json`
        "#]]
        .assert_eq(&shown("assets/ui/x.png.asset.json", text, diagnostics));
    }

    #[test]
    fn the_workspace_itself_is_no_asset() {
        let config = config(&CONFIG.replace("\"assets\"", "\".\""));
        let scope = Scope { config: &config, check: &Kinds };
        let (none, diagnostics) = from_asset_json(scope, &RelPath::root(), &path("asset.json"), b"{\"type\": \"raw\"}");
        assert_eq!((none, diagnostics[0].code), (None, Code::BAD_PATH));
    }

    #[test]
    fn nothing_that_is_broken_panics_or_points_outside() {
        let (root, _) = text::json(&path("x"), WHOLE);
        let root = root.expect("a tree");
        let config = config(CONFIG);
        let scope = Scope { config: &config, check: &Kinds };
        let directory =
            |text: &[u8]| from_asset_json(scope, &path("assets/hero"), &path("assets/hero/asset.json"), text);
        break_everywhere(WHOLE, &root, &|bytes| directory(bytes).1);
        // Every value has one type, so that any other is an error.
        for (key, value) in root.entries() {
            for other in VALUES {
                let range = value.range.start as usize..value.range.end as usize;
                let text = format!("{}{other}{}", &WHOLE[..range.start], &WHOLE[range.end..]);
                let same = std::mem::discriminant(&value.value)
                    == std::mem::discriminant(&text::json(&path("x"), other).0.expect("a value").value);
                let (_, diagnostics) = directory(text.as_bytes());
                assert!(same || diagnostics.iter().any(Diagnostic::is_error), "{} = {other}", key.name);
            }
        }
    }
}
