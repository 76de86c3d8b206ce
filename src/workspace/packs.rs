//! Packs: which assets go into which, and in what form.
//!
//! What an asset says of itself (its place, type and tags) decides whether a pack selects it; what other assets refer to
//! decides whether it is reached, which is nobody's business in here. Pure: knows nothing of identities or of what is
//! on disk.

use std::collections::BTreeSet;
use std::sync::Arc;

use globset::{Candidate, GlobSet, GlobSetBuilder};
use serde::{Serialize, Serializer};

use super::pattern::Pattern;
use super::rules::pattern_problem;
use crate::model::declaration::{Intent, Resolved};
use crate::model::reference::{Reference, parse_glob};
use crate::model::{Codec, Profile, RelPath};

/// The pack of a workspace that defines none.
pub const MAIN_PACK: &str = "main";

/// The packs of a workspace, ready to be asked. Never none.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Packs {
    /// What places are seen from.
    roots: Vec<RelPath>,
    /// By name.
    all: Vec<Pack>,
}

/// What a pack holds. By default everything.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Pack {
    /// It names files.
    pub name: String,
    /// Places below their root; `None` where all will do.
    pub places: Option<Patterns>,
    /// One of these types; `None` where each will do.
    pub types: Option<BTreeSet<Arc<str>>>,
    /// With one of these tags; `None` where none is needed.
    pub tags: Option<BTreeSet<String>>,
    /// Besides what all of these select: these assets, and all that they refer to, and so on.
    pub reachable_from: Option<Vec<Reference>>,
    /// Places below their root of assets whose payloads lie at the front, unless they say otherwise themselves.
    pub preload: Option<Patterns>,
    /// How payloads are compressed of assets that do not say so themselves; `None` leaves it to the profile.
    pub codec: Option<Codec>,
}

/// Globs in the author's order. Of those that match a path the last one decides: one behind a `!` takes it out again. Where
/// already the first takes something out, it is out of everything.
#[derive(Clone, Debug, Default)]
pub struct Patterns {
    written: Vec<String>,
    globs: Arc<GlobSet>,
}

impl PartialEq for Patterns {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

impl Eq for Patterns {}

impl Serialize for Patterns {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.written.serialize(serializer)
    }
}

/// What a pack makes of an asset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Membership {
    /// The number of the pack.
    pub pack: u32,
    /// Whether it is in there by itself; otherwise only if others refer to it.
    pub is_selected: bool,
    /// Whether its payloads lie at the front.
    pub preload: bool,
    /// How they are compressed, where that wins.
    pub codec: Codec,
}

impl Packs {
    /// Returns these packs, and [`MAIN_PACK`] with everything where there are none. `roots` are the directories that hold
    /// sources.
    pub fn new(roots: Vec<RelPath>, mut all: Vec<Pack>) -> Self {
        if all.is_empty() {
            all.push(Pack { name: MAIN_PACK.to_owned(), ..Pack::default() });
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Self { roots, all }
    }

    /// Returns all of them, by name. Their numbers are their positions in here.
    pub fn all(&self) -> &[Pack] {
        &self.all
    }

    /// Returns the number of the pack with this name.
    pub fn number(&self, name: &str) -> Option<usize> {
        self.all.binary_search_by(|it| it.name.as_str().cmp(name)).ok()
    }

    /// Returns whether what an asset says of itself tells all of its packs.
    pub fn are_local(&self) -> bool {
        self.all.iter().all(|it| it.reachable_from.is_none())
    }

    /// Returns whether it is of any consequence where an asset is declared.
    pub fn go_by_place(&self) -> bool {
        self.all.iter().any(|it| it.places.is_some() || it.preload.is_some())
    }

    /// Returns what the packs make of an asset, by number: of those that have nothing to do with it, nothing. `resolved`
    /// is what its options come to for the profile.
    pub fn memberships(&self, intent: &Intent, resolved: &Resolved, profile: &Profile) -> Vec<Membership> {
        let below = self.below(intent.place.as_str());
        let membership = |(number, pack): (usize, &Pack)| {
            let is_selected = pack.selects(below, &intent.kind, &intent.options.tags);
            let concerns = is_selected || pack.reachable_from.is_some();
            concerns.then(|| Membership {
                pack: number as u32,
                is_selected,
                preload: resolved.preload.unwrap_or_else(|| pack.preloads(below)),
                codec: resolved.codec.or(pack.codec).unwrap_or(profile.codec),
            })
        };
        self.all.iter().enumerate().filter_map(membership).collect()
    }

    /// Returns the first of a pack's patterns that begins with the path of a root, although places are seen from there, and
    /// what is meant by it, most likely.
    pub fn seen_from_workspace(&self, pack: &Pack) -> Option<(String, String)> {
        let written = pack.places.iter().chain(&pack.preload).flat_map(|it| &it.written);
        let without_root = |it: &String| {
            let (mark, pattern) = if let Some(it) = it.strip_prefix('!') { ("!", it) } else { ("", it.as_str()) };
            let below = self.roots.iter().filter(|it| !it.is_root()).find_map(|it| it.strip(pattern))?;
            Some((it.clone(), format!("{mark}{below}")))
        };
        written.into_iter().find_map(without_root)
    }

    /// Returns whether the pack of this number asks for the payloads of what is at a place to lie at the front.
    pub fn preloads(&self, number: usize, place: &str) -> bool {
        self.all[number].preloads(self.below(place))
    }

    fn below<'a>(&self, place: &'a str) -> &'a str {
        // A root that is an asset itself is nothing below itself.
        self.roots.iter().find_map(|it| it.strip(place)).unwrap_or_default()
    }
}

impl Pack {
    /// Returns whether it says which assets it selects; otherwise it selects all, or none where it only says from which
    /// ones they are to be reached.
    fn is_choosy(&self) -> bool {
        self.places.is_some() || self.types.is_some() || self.tags.is_some()
    }

    /// Returns whether it holds whatever there is.
    pub fn is_everything(&self) -> bool {
        !self.is_choosy() && self.reachable_from.is_none()
    }

    fn selects(&self, below: &str, kind: &str, tags: &BTreeSet<String>) -> bool {
        if !self.is_choosy() {
            return self.reachable_from.is_none();
        }
        self.types.as_ref().is_none_or(|it| it.contains(kind))
            && self.tags.as_ref().is_none_or(|it| !it.is_disjoint(tags))
            && self.places.as_ref().is_none_or(|it| it.match_place(below))
    }

    fn preloads(&self, below: &str) -> bool {
        self.preload.as_ref().is_some_and(|it| it.match_place(below))
    }
}

impl Patterns {
    /// Returns these, none of which has a [`problem`].
    ///
    /// # Errors
    ///
    /// They are too much when taken together: one sentence.
    pub fn new(written: Vec<String>) -> Result<Self, String> {
        let mut globs = GlobSetBuilder::new();
        for it in &written {
            globs.add(parse_glob(it.strip_prefix('!').unwrap_or(it))?);
        }
        let globs = Arc::new(globs.build().map_err(|it| it.kind().to_string())?);
        Ok(Self { written, globs })
    }

    fn match_place(&self, below: &str) -> bool {
        let takes_out = |it: &String| it.starts_with('!');
        match self.globs.matches_candidate(&Candidate::new(below)).last() {
            Some(last) => !takes_out(&self.written[*last]),
            None => self.written.first().is_some_and(takes_out),
        }
    }
}

/// Returns what is wrong with a pattern, in one sentence.
pub fn problem(written: &str) -> Option<String> {
    let pattern = written.strip_prefix('!').unwrap_or(written);
    if pattern.starts_with('!') {
        let instead = pattern.trim_start_matches('!');
        return Some(format!(
            "one `!` takes out what a pattern matches, and two are too many; write `!{instead}` or `{instead}`"
        ));
    }
    if let Some(problem) = pattern_problem(pattern) {
        return Some(problem);
    }
    let captures = Pattern::parse(pattern).ok().flatten()?;
    let name = captures.names().next().unwrap_or_default().to_owned();
    Some(format!("`{{{name}}}` captures something, of which a pack makes nothing; write `*` or `**`"))
}

/// Returns why a pack cannot have this name, in one sentence.
pub fn name_problem(name: &str) -> Option<String> {
    let usual = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_');
    if name.is_empty() || name.len() > 64 || !name.bytes().all(usual) {
        return Some("a pack names files: at most 64 letters, digits, `-` and `_`".to_owned());
    }
    crate::model::path::portability_problem(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::declaration::{Inputs, Options};

    fn patterns(written: &[&str]) -> Patterns {
        written.iter().for_each(|it| assert_eq!(problem(it), None, "{it}"));
        Patterns::new(written.iter().map(|it| (*it).to_owned()).collect()).expect("few patterns")
    }

    fn matching(written: &[&str], places: &[&str]) -> Vec<String> {
        let patterns = patterns(written);
        places.iter().filter(|it| patterns.match_place(it)).map(|it| (*it).to_owned()).collect()
    }

    #[test]
    fn the_last_pattern_that_matches_decides() {
        let places = ["a.png", "levels/1/a.png", "levels/1/b.txt", "levels/2", ""];
        assert_eq!(matching(&["**"], &places), places);
        assert_eq!(matching(&["*"], &places), ["a.png", ""]);
        assert_eq!(matching(&["**", "!levels/**"], &places), ["a.png", ""]);
        assert_eq!(matching(&["!levels/**"], &places), ["a.png", ""]);
        assert_eq!(matching(&["!levels/**", "levels/1/*.txt"], &places), ["a.png", "levels/1/b.txt", ""]);
        assert_eq!(matching(&["levels/**", "!**/*.png", "levels/1/a.*"], &places), &places[1..4]);
        assert_eq!(matching(&["levels/1/**"], &places), ["levels/1/a.png", "levels/1/b.txt"]);
        assert_eq!(matching(&[], &places), [""; 0]);
    }

    #[test]
    fn what_means_nothing_is_told() {
        for bad in ["", "!", "!!a", "/a", "../a", "a\\b", "[a", "{a", "a//b", "{stem}.png", "!levels/{n}/**"] {
            assert!(problem(bad).is_some(), "{bad}");
        }
        for good in ["**/*.{png,jpg}", "!a/**", "sfx/step.*"] {
            assert_eq!(problem(good), None, "{good}");
        }
        for bad in ["", "a.b", "a b", "a/b", "..", "con", "LPT1", "\u{e4}", &"x".repeat(65)] {
            assert!(name_problem(bad).is_some(), "{bad}");
        }
        for good in ["main", "Level_1", "-", "1", "console", &"x".repeat(64)] {
            assert_eq!(name_problem(good), None, "{good}");
        }
    }

    fn asset(place: &str, kind: &str, tags: &[&str]) -> Intent {
        let options = Options { tags: tags.iter().map(|it| (*it).to_owned()).collect(), ..Options::default() };
        Intent {
            place: RelPath::new(place).expect("a path"),
            part: String::new(),
            name: place.into(),
            kind: kind.into(),
            inputs: Inputs::Owner,
            dependencies: Vec::new(),
            captures: Vec::new(),
            options: Arc::new(options),
        }
    }

    /// Says of each asset in which packs it is; in parentheses where it would have to be reached.
    fn members(packs: &Packs, assets: &[Intent]) -> Vec<String> {
        let profile = Profile::release();
        let of = |it: &Intent| {
            let name = |member: &Membership| {
                let name = &packs.all()[member.pack as usize].name;
                if member.is_selected { name.clone() } else { format!("({name})") }
            };
            packs.memberships(it, &it.resolve(&profile), &profile).iter().map(name).collect::<Vec<_>>().join(" ")
        };
        assets.iter().map(of).collect()
    }

    #[test]
    fn all_that_a_pack_says_has_to_hold() {
        let roots = ["assets", "mods/all"].map(|it| RelPath::new(it).expect("a path")).to_vec();
        let set = |them: &[&str]| Some(them.iter().map(|it| (*it).to_owned()).collect());
        let pack = |name: &str| Pack { name: name.to_owned(), ..Pack::default() };
        let images = Pack { types: Some(["image".into(), "model".into()].into()), ..pack("images") };
        let tagged = Pack { tags: set(&["a", "b"]), ..pack("tagged") };
        let level = Pack { places: Some(patterns(&["levels/**"])), ..images.clone() };
        let level = Pack { name: "level".to_owned(), tags: set(&["a"]), ..level };
        let from = vec![Reference::Name("x".to_owned())];
        let reached = Pack { reachable_from: Some(from.clone()), ..pack("reached") };
        let both = Pack { reachable_from: Some(from), ..tagged.clone() };
        let both = Pack { name: "both".to_owned(), ..both };
        let packs = Packs::new(roots.clone(), vec![images, tagged, level, reached, both, pack("all")]);
        assert!(!packs.are_local());
        assert_eq!((packs.number("both"), packs.number("images"), packs.number("x")), (Some(1), Some(2), None));
        let assets = [
            asset("assets/levels/1.png", "image", &["a"]),
            asset("mods/all/levels/1.png", "model", &["b", "c"]),
            asset("assets/ui.png", "image", &["a"]),
            asset("assets/levels/x.txt", "raw", &["c"]),
            asset("assets", "raw", &[]),
        ];
        let expected = [
            "all both images level (reached) tagged",
            "all both images (reached) tagged",
            "all both images (reached) tagged",
            "all (both) (reached)",
            "all (both) (reached)",
        ];
        assert_eq!(members(&packs, &assets), expected);
        assert_eq!(members(&Packs::new(roots, Vec::new()), &assets), [MAIN_PACK; 5]);
    }

    #[test]
    fn patterns_that_begin_with_a_root_are_found() {
        let roots = ["assets", "mods/all"].map(|it| RelPath::new(it).expect("a path")).to_vec();
        let seen = |written: &[&str], roots: &[RelPath]| {
            let pack = Pack { places: Some(patterns(written)), ..Pack::default() };
            Packs::new(roots.to_vec(), vec![pack.clone()]).seen_from_workspace(&pack).map(|it| it.1)
        };
        assert_eq!(seen(&["ui/**", "assets/levels/**"], &roots), Some("levels/**".to_owned()));
        assert_eq!(seen(&["**", "!mods/all/*.png"], &roots), Some("!*.png".to_owned()));
        assert_eq!(seen(&["assets*/x", "assets", "mods/**"], &roots), None);
        assert_eq!(seen(&["assets/**"], &[RelPath::root()]), None);
    }

    #[test]
    fn an_asset_goes_before_its_pack_and_that_before_the_profile() {
        let own = |codec, preload| Resolved { settings: Default::default(), codec, preload, exclude: false };
        let profile = Profile::release();
        let pack = |codec, preload: &[&str]| Pack { codec, preload: Some(patterns(preload)), ..Pack::default() };
        let chosen = |pack: Pack, resolved| {
            let packs = Packs::new(vec![RelPath::root()], vec![pack]);
            let all = packs.memberships(&asset("a/b.png", "image", &[]), &resolved, &profile);
            (all[0].codec, all[0].preload)
        };
        assert_eq!(chosen(pack(None, &[]), own(None, None)), (Codec::Zstd, false));
        assert_eq!(chosen(pack(Some(Codec::Lz4), &["a/**"]), own(None, None)), (Codec::Lz4, true));
        assert_eq!(
            chosen(pack(Some(Codec::Lz4), &["a/**"]), own(Some(Codec::None), Some(false))),
            (Codec::None, false)
        );
        assert_eq!(chosen(pack(None, &["b"]), own(None, Some(true))), (Codec::Zstd, true));
    }
}
