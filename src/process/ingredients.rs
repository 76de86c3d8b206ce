//! Ingredients: all that decided about an artifact, told so that two makings of it can be compared part by part.
//!
//! The very parts that a recipe key is made of (`exec.rs`), then what its processor asked (`trace.rs`), and how the
//! payloads are compressed. Knows nothing of where they are remembered. Digests are cut short: they are compared and
//! shown, never trusted.

use std::collections::BTreeMap;

use bincode::{Decode, Encode};
use serde_json::{Map, Value};

use crate::model::{Codecs, Digest};

use super::exec::Recipe;
use super::trace::Observation;

/// The first eight bytes of a digest: as many as people are shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Short(pub [u8; 8]);

impl From<Digest> for Short {
    fn from(digest: Digest) -> Self {
        Self(*digest.0.first_chunk().expect("a digest has 32 bytes"))
    }
}

impl Short {
    /// Returns it as 16 hexadecimal digits.
    pub fn to_hex(self) -> String {
        self.0.iter().map(|it| format!("{it:02x}")).collect()
    }
}

/// How an asset is made, whatever of: the same for all assets of a rule.
#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
pub struct Method {
    /// The processor.
    pub kind: String,
    /// Its version.
    pub version: u32,
    /// Names and versions of the codecs whose behaviour reaches the output.
    pub libraries: Vec<String>,
    /// All settings by name, a JSON object.
    pub settings: String,
}

impl Method {
    /// Returns the method of a recipe.
    pub fn of(recipe: &Recipe) -> Self {
        Self {
            kind: recipe.kind.name.to_owned(),
            version: recipe.kind.version,
            libraries: recipe.kind.codecs.iter().map(|it| (*it).to_owned()).collect(),
            settings: recipe.prepared.settings_json.clone(),
        }
    }

    /// Returns whether this is the method of a recipe.
    pub fn is_of(&self, recipe: &Recipe) -> bool {
        (self.kind.as_str(), self.version) == (recipe.kind.name, recipe.kind.version)
            && self.settings == recipe.prepared.settings_json
            && self.libraries == recipe.kind.codecs
    }

    fn settings(&self) -> Map<String, Value> {
        serde_json::from_str(&self.settings).unwrap_or_default()
    }
}

/// A declared input: its path as seen from the asset's directory, and the digest of its contents.
pub type InputDigest = (String, Short);

/// All that decided about an artifact.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ingredients {
    /// How it is made.
    pub method: Method,
    /// How its payloads are to be compressed.
    pub compression: Codecs,
    /// What it is declared to be made of, in order.
    pub inputs: Vec<InputDigest>,
    /// What its processor asked, and was told.
    pub answers: Vec<Observation>,
}

/// Returns the inputs of a recipe.
pub fn inputs_of(recipe: &Recipe) -> Vec<InputDigest> {
    recipe.inputs.iter().map(|it| (it.path.clone(), it.digest.into())).collect()
}

/// An ingredient that is another one now.
#[derive(Clone, PartialEq, Debug)]
pub enum Difference {
    /// The processor, or its version.
    Processor {
        /// Name and version.
        before: (String, u32),
        /// Name and version.
        after: (String, u32),
    },
    /// The libraries that a processor's output depends on.
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
        /// `None` where there was no such setting.
        before: Option<Value>,
        /// `None` where there is no such setting any more.
        after: Option<Value>,
    },
    /// How payloads are compressed. No processor runs for that.
    Compression {
        /// Before.
        before: Codecs,
        /// After.
        after: Codecs,
    },
    /// A declared input. Where both are there and their digests are the same, its path is another one.
    Input {
        /// `None` where it was none.
        before: Option<InputDigest>,
        /// `None` where it is none any more.
        after: Option<InputDigest>,
    },
    /// The same inputs come in another order.
    Order,
    /// The answer to a question of the processor.
    Answer {
        /// Before.
        before: Observation,
        /// After.
        after: Observation,
    },
}

/// Returns in what two makings differ, in the order in which a processor is told.
///
/// Of questions only those count that were asked both times: that another one is asked follows from the rest.
pub fn differences(before: &Ingredients, after: &Ingredients) -> Vec<Difference> {
    let mut found = Vec::new();
    let processor = |it: &Method| (it.kind.clone(), it.version);
    if processor(&before.method) != processor(&after.method) {
        found.push(Difference::Processor { before: processor(&before.method), after: processor(&after.method) });
    }
    // What another processor goes by cannot be compared.
    if before.method.kind == after.method.kind {
        let only = |these: &[String], those: &[String]| -> Vec<String> {
            these.iter().filter(|it| !those.contains(it)).cloned().collect()
        };
        let (old, new) = (&before.method.libraries, &after.method.libraries);
        if old != new {
            found.push(Difference::Libraries { before: only(old, new), after: only(new, old) });
        }
        changed_settings(&before.method, &after.method, &mut found);
    }
    changed_inputs(&before.inputs, &after.inputs, &mut found);
    for then in &before.answers {
        let same = |it: &&Observation| it.question() == then.question();
        if let Some(now) = after.answers.iter().find(same).filter(|it| *it != then) {
            found.push(Difference::Answer { before: then.clone(), after: now.clone() });
        }
    }
    if before.compression != after.compression {
        found.push(Difference::Compression { before: before.compression, after: after.compression });
    }
    found
}

fn changed_settings(before: &Method, after: &Method, found: &mut Vec<Difference>) {
    if before.settings == after.settings {
        return;
    }
    let (old, new) = (before.settings(), after.settings());
    let names: std::collections::BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names.into_iter().filter(|it| old.get(*it) != new.get(*it)) {
        let (before, after) = (old.get(name).cloned(), new.get(name).cloned());
        found.push(Difference::Setting { name: name.clone(), before, after });
    }
}

fn changed_inputs(before: &[InputDigest], after: &[InputDigest], found: &mut Vec<Difference>) {
    if before == after {
        return;
    }
    let old: BTreeMap<&str, Short> = before.iter().map(|it| (it.0.as_str(), it.1)).collect();
    let new: BTreeMap<&str, Short> = after.iter().map(|it| (it.0.as_str(), it.1)).collect();
    let begun = found.len();
    let mut came: Vec<&InputDigest> = after.iter().filter(|it| !old.contains_key(it.0.as_str())).collect();
    for then in before {
        let now = match new.get(then.0.as_str()) {
            Some(digest) if *digest == then.1 => continue,
            Some(digest) => Some((then.0.clone(), *digest)),
            // The same contents under a new path are taken for the same file.
            None => came.iter().position(|it| it.1 == then.1).map(|at| came.remove(at).clone()),
        };
        found.push(Difference::Input { before: Some(then.clone()), after: now });
    }
    found.extend(came.into_iter().map(|it| Difference::Input { before: None, after: Some(it.clone()) }));
    if found.len() == begun {
        found.push(Difference::Order);
    }
}

impl Ingredients {
    /// Returns how many there are: the processor, its libraries and settings, the inputs, the answers and the
    /// compression, one each.
    pub fn count(&self) -> usize {
        2 + self.method.libraries.len() + self.method.settings().len() + self.inputs.len() + self.answers.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Codec;
    use crate::model::{AssetId, AssetUuid};
    use crate::process::contract::Resolved;
    use crate::process::trace::FindAnswer;

    fn sample() -> Ingredients {
        Ingredients {
            method: Method {
                kind: "image".to_owned(),
                version: 3,
                libraries: vec!["png 1".to_owned()],
                settings: r#"{"format":"source","max":7}"#.to_owned(),
            },
            compression: Codecs::of([Codec::None]),
            inputs: vec![input("a.png", 1), input("b.png", 2)],
            answers: vec![find("buf.bin", None), glob(&["x"]), asset(None)],
        }
    }

    fn input(path: &str, digest: u8) -> InputDigest {
        (path.to_owned(), Short([digest; 8]))
    }

    fn find(path: &str, digest: Option<u8>) -> Observation {
        let answer = digest.map_or(FindAnswer::Absent, |it| FindAnswer::Source(Digest([it; 32]), 1));
        Observation::Find { path: path.to_owned(), answer }
    }

    fn glob(matches: &[&str]) -> Observation {
        Observation::Glob { pattern: "*".to_owned(), matches: matches.iter().map(|it| (*it).to_owned()).collect() }
    }

    fn asset(id: Option<u32>) -> Observation {
        let uuid = AssetUuid([0; 16]);
        let answer = id.map(|it| Resolved { uuid, id: AssetId(it), kind: "raw".to_owned() });
        Observation::AssetAt { path: "a".to_owned(), answer }
    }

    fn after(change: impl FnOnce(&mut Ingredients)) -> Vec<Difference> {
        let mut changed = sample();
        change(&mut changed);
        differences(&sample(), &changed)
    }

    #[test]
    fn every_ingredient_tells_of_itself() {
        assert_eq!(after(|_| ()), []);
        assert_eq!(sample().count(), 10);
        let processor = |it: &str, version| (it.to_owned(), version);
        let (before, later) = (processor("image", 3), processor("image", 4));
        assert_eq!(after(|it| it.method.version = 4), [Difference::Processor { before, after: later }]);
        let libraries = Difference::Libraries { before: vec!["png 1".to_owned()], after: vec!["png 2".to_owned()] };
        assert_eq!(after(|it| it.method.libraries = vec!["png 2".to_owned()]), [libraries]);
        let setting = |name: &str, before: Option<i64>, after: Option<i64>| {
            let value = |it: Option<i64>| it.map(Value::from);
            Difference::Setting { name: name.to_owned(), before: value(before), after: value(after) }
        };
        let larger = |it: &mut Ingredients| it.method.settings = r#"{"max":8,"format":"source","new":1}"#.to_owned();
        assert_eq!(after(larger), [setting("max", Some(7), Some(8)), setting("new", None, Some(1))]);
        let compression =
            Difference::Compression { before: Codecs::of([Codec::None]), after: Codecs::of([Codec::Lz4]) };
        assert_eq!(after(|it| it.compression = Codecs::of([Codec::Lz4])), [compression]);
        for (at, answer) in [find("buf.bin", Some(4)), glob(&["x", "y"]), asset(Some(17))].into_iter().enumerate() {
            let expected = Difference::Answer { before: sample().answers[at].clone(), after: answer.clone() };
            assert_eq!(after(|it| it.answers[at] = answer), [expected]);
        }
    }

    #[test]
    fn inputs_are_found_again_by_path_and_then_by_contents() {
        let differ = |inputs: &[InputDigest]| after(|it| it.inputs = inputs.to_vec());
        let (a, b) = (input("a.png", 1), input("b.png", 2));
        let difference = |before: &InputDigest, after: &InputDigest| Difference::Input {
            before: Some(before.clone()),
            after: Some(after.clone()),
        };
        assert_eq!(differ(&[input("a.png", 9), b.clone()]), [difference(&a, &input("a.png", 9))]);
        assert_eq!(differ(&[input("c.png", 1), b.clone()]), [difference(&a, &input("c.png", 1))]);
        assert_eq!(differ(&[b.clone(), a.clone()]), [Difference::Order]);
        assert_eq!(differ(std::slice::from_ref(&a)), [Difference::Input { before: Some(b.clone()), after: None }]);
        let added = Difference::Input { before: None, after: Some(input("c.png", 3)) };
        assert_eq!(differ(&[a.clone(), b.clone(), input("c.png", 3)]), [added]);
    }

    #[test]
    fn what_another_processor_goes_by_is_not_compared() {
        let other = |it: &mut Ingredients| it.method = Method { kind: "raw".to_owned(), ..it.method.clone() };
        assert_eq!(after(other).len(), 1);
        // A question that is asked no more, or only now, is no cause.
        assert_eq!(after(|it| it.answers = vec![find("other", None)]), []);
    }
}
