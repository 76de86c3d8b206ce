//! Where each choice for an asset comes from: the layers of `model/declaration.rs` once more, each with its name.
//!
//! Asked for one asset at a time, by people; a build knows only what all layers come to.

use std::collections::BTreeMap;

use serde_json::Value;

use super::authored::{AssetFile, ChoiceEntry, WorkspaceFile};
use super::config::{CONFIG_FILE, Config};
use super::layer::Layer;
use super::packs::Packs;
use super::rules::Rule;
use crate::model::declaration::{Choice, Declaration, Form, Options};
use crate::model::node::{Node, Table, decode_all, locate};
use crate::model::settings::Plain;
use crate::model::{Codec, Diagnostic, Location, Profile, RelPath, Settings, text};

/// One choice, and who made it.
#[derive(Clone, PartialEq, Debug)]
pub struct Chosen {
    /// What is chosen: a setting's name, or `codec`, `preload`, `exclude`.
    pub key: String,
    /// What for.
    pub value: Value,
    /// Who said so.
    pub by: By,
}

/// Who makes a choice.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct By {
    /// Where it is written.
    pub layer: Written,
    /// The profile that it is said for; `None` for what is said in general.
    pub profile: Option<String>,
}

/// Where a choice is written.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Written {
    /// Nowhere: it is the processor's default, or packwright's.
    Default,
    /// In a profile of `packwright.toml`, or built into it.
    Profile,
    /// In the preset of this name.
    Preset(String),
    /// In the rule of this index.
    Rule(usize),
    /// In this declaration file.
    File(RelPath),
    /// In the pack of this name.
    Pack(String),
}

/// All choices for one asset.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Choices {
    /// Settings of its processor, by name.
    pub settings: Vec<Chosen>,
    /// How it is packed, whatever its packs say: `codec`, `exclude`, `preload`.
    pub options: Vec<Chosen>,
}

impl Choices {
    /// Returns how the pack of this number has the asset at `place`: its `codec` and `preload`. What a declaration says goes
    /// before a pack's word, and that before the profile's, as [`Packs::memberships`] has it.
    pub fn in_pack(&self, packs: &Packs, number: usize, place: &RelPath) -> Vec<Chosen> {
        let pack = &packs.all()[number];
        let preload = packs.preloads(number, place.as_str()).then_some(Value::Bool(true));
        let of_pack = [("codec", pack.codec.map(word)), ("preload", preload)];
        let chosen = |it: &Chosen| {
            let (_, of_pack) = of_pack.iter().find(|own| own.0 == it.key)?;
            let is_declared = !matches!(it.by.layer, Written::Default | Written::Profile);
            Some(match of_pack {
                Some(value) if !is_declared => {
                    let by = By { layer: Written::Pack(pack.name.clone()), profile: None };
                    Chosen { key: it.key.clone(), value: value.clone(), by }
                }
                _ => it.clone(),
            })
        };
        self.options.iter().filter_map(chosen).collect()
    }
}

/// Returns the rules that match what an asset is declared by, the one that would claim it first: a file, the place of a
/// group, which looks like a member's path, or of a directory its marker.
pub fn matching_rules(config: &Config, declaration: &Declaration) -> Vec<usize> {
    let sought = sought(config, declaration);
    let Some(root) = config.root_of(sought.as_str()) else { return Vec::new() };
    let Some(below) = root.path.strip(sought.as_str()) else { return Vec::new() };
    let claims = config.rules.claims(root, below);
    claims.by.into_iter().chain(claims.also).collect()
}

fn sought(config: &Config, declaration: &Declaration) -> RelPath {
    let place = &declaration.intent.place;
    let marked = |(idx, rule): (usize, &Rule)| {
        let path = place.child(rule.marker.as_ref()?);
        (config.claim(path.as_str()) == Some(idx)).then_some(path)
    };
    let is_marked = declaration.intent.inputs.is_dir();
    let marker = config.rules.all().iter().enumerate().filter(|_| is_marked).find_map(marked);
    marker.unwrap_or_else(|| place.clone())
}

/// Returns where a pack says for the time of this number what it is to be reached from, in the text of `packwright.toml`.
pub fn pack_location(config_text: &[u8], pack: &str, nth: usize) -> Option<Location> {
    let file = config_file();
    let written: WorkspaceFile = read(config_text, &file, text::toml)?;
    let text = text::utf8(&file, config_text).ok()?;
    let (_, pack) = written.packs.iter().find(|it| it.0.value == pack)?;
    pack.reachable_from.as_ref()?.get(nth).map(|it| locate(&file, text, it.range))
}

/// Returns where a rule is written in the text of `packwright.toml`.
pub fn rule_location(config_text: &[u8], rule: usize) -> Option<Location> {
    let file = config_file();
    let written: WorkspaceFile = read(config_text, &file, text::toml)?;
    let text = text::utf8(&file, config_text).ok()?;
    let rule = written.rules.get(rule)?;
    let sought = rule.value.pattern.as_ref().or(rule.value.marker.as_ref());
    Some(locate(&file, text, sought.map_or(rule.range, |it| it.range)))
}

/// Returns who made each choice for an asset. `config_text` is what `config` was read from, `file_text` the text of the
/// asset's declaration file, if it has one; both without errors. `defaults` are what its processor does where nobody says
/// otherwise.
pub fn choices(
    config: &Config,
    config_text: &[u8],
    declaration: &Declaration,
    file_text: Option<&[u8]>,
    profile: &Profile,
    defaults: Vec<(String, Value)>,
) -> Choices {
    let written: WorkspaceFile = read(config_text, &config_file(), text::toml).unwrap_or_default();
    let layers = layers(config, &written, declaration, file_text);
    let mut settings: BTreeMap<String, (Value, By)> = BTreeMap::new();
    let mut options: BTreeMap<&str, (Value, By)> = BTreeMap::new();
    for (name, value) in defaults {
        settings.insert(name, (value, By { layer: Written::Default, profile: None }));
    }
    let by_default = |value: bool| (Value::Bool(value), By { layer: Written::Default, profile: None });
    options.insert("preload", by_default(false));
    options.insert("exclude", by_default(false));
    options.insert("codec", (word(profile.codec), By { layer: Written::Profile, profile: Some(profile.name.clone()) }));

    let mut take = |choice: &Choice, by: &By| {
        for (name, value) in &choice.settings.0 {
            settings.insert(name.clone(), (plain(value), by.clone()));
        }
        let said = [("codec", choice.codec.map(word)), ("preload", choice.preload.map(Value::Bool))];
        let said = said.into_iter().chain([("exclude", choice.exclude.map(Value::Bool))]);
        options.extend(said.filter_map(|(key, value)| Some((key, (value?, by.clone())))));
    };
    for (layer, own) in &layers {
        take(&own.general, &By { layer: layer.clone(), profile: None });
    }
    for name in &profile.chain {
        let entry = written.profiles.iter().find(|it| it.0.value == *name).map(|it| it.1);
        let of_kind =
            entry.and_then(|it| it.settings.iter().find(|it| *it.0.value == *declaration.intent.kind)).map(|it| it.1);
        let choice = Choice { settings: settings_of(of_kind), ..Choice::default() };
        take(&choice, &By { layer: Written::Profile, profile: Some(name.clone()) });
    }
    for name in &profile.chain {
        for (layer, own) in &layers {
            if let Some(choice) = own.profiles.get(name) {
                take(choice, &By { layer: layer.clone(), profile: Some(name.clone()) });
            }
        }
    }
    let chosen = |(key, (value, by)): (String, (Value, By))| Chosen { key, value, by };
    let options = options.into_iter().map(|(key, it)| (key.to_owned(), it));
    Choices { settings: settings.into_iter().map(chosen).collect(), options: options.map(chosen).collect() }
}

fn word(codec: Codec) -> Value {
    serde_json::to_value(codec).expect("a codec is a word")
}

fn config_file() -> RelPath {
    RelPath::new(CONFIG_FILE).expect("a plain file name is a path")
}

/// Returns what each layer says by itself, those below first.
fn layers(
    config: &Config,
    written: &WorkspaceFile,
    declaration: &Declaration,
    file_text: Option<&[u8]>,
) -> Vec<(Written, Options)> {
    let mut layers = Vec::new();
    let rule = lowest_rule(config, declaration, file_text);
    if let Some((rule, entry)) = rule.and_then(|it| Some((it, written.rules.get(it)?.clone()))) {
        let layer = Layer::from(entry.value);
        add_presets(&layer, written, &mut layers);
        layers.push((Written::Rule(rule), own(&layer)));
    }
    if let Some((path, layer)) = own_file(declaration, file_text) {
        add_presets(&layer, written, &mut layers);
        layers.push((Written::File(path.clone()), own(&layer)));
    }
    layers
}

/// Returns the rule that makes an asset, or that its sidecar is laid over: one that says a type is laid over none.
pub fn lowest_rule(config: &Config, declaration: &Declaration, file_text: Option<&[u8]>) -> Option<usize> {
    match &declaration.origin.form {
        Form::Rule(rule) => Some(*rule),
        Form::Sidecar(_) if own_file(declaration, file_text).is_some_and(|it| it.1.kind.is_none()) => {
            config.claim(sought(config, declaration).as_str())
        }
        Form::Sidecar(_) | Form::Directory(_) => None,
    }
}

fn own_file<'a>(declaration: &'a Declaration, text: Option<&[u8]>) -> Option<(&'a RelPath, Layer)> {
    let (path, text) = declaration.file().zip(text)?;
    Some((path, Layer::from(read::<AssetFile>(text, path, text::json)?)))
}

/// Adds the presets that a layer names, each with those that it names below it. There are no circles: a configuration
/// with one is refused.
fn add_presets(layer: &Layer, written: &WorkspaceFile, layers: &mut Vec<(Written, Options)>) {
    for name in &layer.presets {
        let Some((_, preset)) = written.presets.iter().find(|it| it.0.value == name.value) else { continue };
        let layer = Layer::from(preset.clone());
        add_presets(&layer, written, layers);
        layers.push((Written::Preset(name.value.clone()), own(&layer)));
    }
}

fn own(layer: &Layer) -> Options {
    let of_profile = |it: &ChoiceEntry| Choice {
        settings: settings_of(it.settings.as_ref()),
        codec: it.codec,
        preload: it.preload,
        exclude: it.exclude,
    };
    let settings = settings_of(layer.settings.as_ref());
    Options {
        general: Choice { settings, codec: layer.codec, preload: layer.preload, exclude: layer.exclude },
        profiles: layer.profiles.iter().map(|(name, it)| (name.value.clone(), of_profile(it))).collect(),
        tags: layer.tags.iter().map(|it| it.value.clone()).collect(),
    }
}

fn settings_of(table: Option<&Table>) -> Settings {
    table.map(|it| Settings::of(&it.0)).unwrap_or_default()
}

fn plain(value: &Plain) -> Value {
    value.to_node().to_json()
}

/// What makes a tree of a text, and what is wrong with it.
type Parse = fn(&RelPath, &str) -> (Option<Node>, Vec<Diagnostic>);

/// Reads an authored text; `None` where it does not make sense, which was told before.
fn read<T: serde::de::DeserializeOwned>(bytes: &[u8], file: &RelPath, parse: Parse) -> Option<T> {
    let text = text::utf8(file, bytes).ok()?;
    decode_all(&parse(file, text).0?, file, text, &mut Vec::new())
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use serde_json::json;

    use super::super::declare::{Scope, from_asset_json, from_rule, from_sidecar};
    use super::super::testing::{Kinds, config, path};
    use super::*;

    const TEXT: &str = r#"
workspace = "01234567-89ab-8def-8123-456789abcdef"
[[roots]]
path = "assets"
[[rules]]
match = "ui/**/*.png"
type = "image"
presets = ["pixel"]
settings = { max = 64 }
profiles.release = { codec = "lz4", settings.scale = 2.0 }
[[rules]]
match = "**"
type = "raw"
[presets.base]
settings = { mode = "keep", max = 1 }
exclude = true
[presets.pixel]
presets = ["base"]
settings = { max = 8 }
[profiles.release]
settings.image = { scale = 0.5, mode = "rgba8" }
[profiles.beta]
inherits = "release"
"#;

    /// Says what is chosen by whom, and holds it against what a build goes by.
    fn check(profile: &str, declaration: &Declaration, file: Option<&str>, expected: Expect) {
        let config = config(TEXT);
        let profile = &config.profiles[profile];
        let defaults = vec![("max".to_owned(), json!(16)), ("other".to_owned(), json!(null))];
        let choices = choices(&config, TEXT.as_bytes(), declaration, file.map(str::as_bytes), profile, defaults);
        let resolved = declaration.intent.resolve(profile);
        for it in choices.settings.iter().filter(|it| it.by.layer != Written::Default) {
            assert_eq!(plain(&resolved.settings.0[&it.key]), it.value, "{}", it.key);
        }
        let option = |key: &str| &choices.options.iter().find(|it| it.key == key).expect("an option").value;
        let codec = resolved.codec.unwrap_or(profile.codec);
        assert_eq!(*option("codec"), serde_json::to_value(codec).expect("a word"));
        let preload = resolved.preload.unwrap_or(false);
        assert_eq!((option("preload"), option("exclude")), (&json!(preload), &json!(resolved.exclude)));
        let line = |it: &Chosen| {
            let profile = it.by.profile.as_ref().map_or_else(String::new, |it| format!(" for {it}"));
            format!("{} = {} by {:?}{profile}\n", it.key, it.value, it.by.layer)
        };
        let told: String = choices.settings.iter().chain(&choices.options).map(line).collect();
        expected.assert_eq(&told);
    }

    fn by_rule(config: &Config, place: &str, rule: usize) -> Declaration {
        let place = path(place);
        from_rule(config, &place, config.made(rule, &place)).expect("a rule").0
    }

    #[test]
    fn a_rule_its_presets_and_the_profile() {
        let declaration = by_rule(&config(TEXT), "assets/ui/x.png", 0);
        check(
            "dev",
            &declaration,
            None,
            expect![[r#"
            max = 64 by Rule(0)
            mode = "keep" by Preset("base")
            other = null by Default
            codec = "none" by Profile for dev
            exclude = true by Preset("base")
            preload = false by Default
        "#]],
        );
        check(
            "beta",
            &declaration,
            None,
            expect![[r#"
            max = 64 by Rule(0)
            mode = "rgba8" by Profile for release
            other = null by Default
            scale = 2.0 by Rule(0) for release
            codec = "lz4" by Rule(0) for release
            exclude = true by Preset("base")
            preload = false by Default
        "#]],
        );
    }

    #[test]
    fn a_sidecar_over_a_rule_or_alone() {
        let config = config(TEXT);
        let scope = Scope { config: &config, check: &Kinds };
        let (place, file) = (path("assets/ui/x.png"), path("assets/ui/x.png.asset.json"));
        let made = config.made(0, &place);
        let read = |text: &str| from_sidecar(scope, &place, &file, text.as_bytes(), Some(&made)).0.expect("sound");
        let text = r#"{ "exclude": false, "presets": ["base"], "settings": { "max": 2 } }"#;
        check(
            "release",
            &read(text),
            Some(text),
            expect![[r#"
            max = 2 by File("assets/ui/x.png.asset.json")
            mode = "rgba8" by Profile for release
            other = null by Default
            scale = 2.0 by Rule(0) for release
            codec = "lz4" by Rule(0) for release
            exclude = false by File("assets/ui/x.png.asset.json")
            preload = false by Default
        "#]],
        );
        let text = r#"{ "type": "image", "profiles": { "release": { "preload": true } } }"#;
        check(
            "release",
            &read(text),
            Some(text),
            expect![[r#"
            max = 16 by Default
            mode = "rgba8" by Profile for release
            other = null by Default
            scale = 0.5 by Profile for release
            codec = "zstd" by Profile for release
            exclude = false by Default
            preload = true by File("assets/ui/x.png.asset.json") for release
        "#]],
        );
        let text = r#"{ "type": "raw" }"#;
        let file = path("assets/ui/asset.json");
        let (declaration, _) = from_asset_json(scope, &path("assets/ui"), &file, text.as_bytes());
        check(
            "dev",
            &declaration.expect("sound"),
            Some(text),
            expect![[r#"
            max = 16 by Default
            other = null by Default
            codec = "none" by Profile for dev
            exclude = false by Default
            preload = false by Default
        "#]],
        );
    }

    #[test]
    fn what_a_pack_says_lies_between_declaration_and_profile() {
        let packs = "[packs.a]\ncodec = \"zstd\"\npreload = [\"ui/**\"]\n[packs.b]\n";
        let text = TEXT.replace("[[roots]]", &format!("{packs}[[roots]]"));
        let config = config(&text);
        let place = path("assets/ui/x.png");
        let file = path("assets/ui/x.png.asset.json");
        let scope = Scope { config: &config, check: &Kinds };
        let told = |profile: &str, own: &str| {
            let read = from_sidecar(scope, &place, &file, own.as_bytes(), None).0.expect("sound");
            let profile = config.profiles[profile].clone();
            let choices = choices(&config, text.as_bytes(), &read, Some(own.as_bytes()), &profile, Vec::new());
            let members = config.packs.memberships(&read.intent, &read.intent.resolve(&profile), &profile);
            let mut told = Vec::new();
            for it in members {
                let chosen = choices.in_pack(&config.packs, it.pack as usize, &place);
                // What is told is what is done.
                let values: Vec<&Value> = chosen.iter().map(|it| &it.value).collect();
                assert_eq!(values, [&word(it.codec), &Value::Bool(it.preload)]);
                let shown = |it: &Chosen| format!("{} by {:?}", it.value, it.by.layer);
                told.push(chosen.iter().map(shown).collect::<Vec<_>>().join(", "));
            }
            told.join("; ")
        };
        let plain = r#"{ "type": "image" }"#;
        assert_eq!(
            told("dev", plain),
            r#""zstd" by Pack("a"), true by Pack("a"); "none" by Profile, false by Default"#
        );
        let own = r#"{ "type": "image", "codec": "lz4", "profiles": { "release": { "preload": false } } }"#;
        let file = r#"File("assets/ui/x.png.asset.json")"#;
        assert_eq!(
            told("dev", own),
            format!(r#""lz4" by {file}, true by Pack("a"); "lz4" by {file}, false by Default"#)
        );
        assert_eq!(
            told("release", own),
            format!(r#""lz4" by {file}, false by {file}; "lz4" by {file}, false by {file}"#)
        );
    }

    #[test]
    fn all_rules_that_match_are_told() {
        let config = config(TEXT);
        let of = |place: &str| matching_rules(&config, &by_rule(&config, place, 0));
        assert_eq!((of("assets/ui/x.png"), of("assets/x.png"), of("other/x.png")), (vec![0, 1], vec![1], vec![]));
    }
}
