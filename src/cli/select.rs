//! Which assets a text on the command line means: an id, a name, the beginning of a uuid, a path, or a glob.

use globset::{GlobBuilder, GlobMatcher};

use super::words::clean;
use crate::error::{Error, Result};
use crate::model::{AssetId, AssetUuid, RelPath, suggest};

/// The shortest beginning of a uuid that counts as one.
const SHORTEST_UUID: usize = 4;

/// What a text on the command line may mean. Whatever of it fits, counts.
pub struct Selector {
    text: String,
    id: Option<AssetId>,
    uuid: Option<String>,
    /// The paths that it may be, relative to the workspace: seen from where it is said, and as it is.
    paths: Vec<RelPath>,
    glob: Option<GlobMatcher>,
    /// What globs may be relative to besides the workspace.
    dir: Option<RelPath>,
}

/// What is selected from.
#[derive(Clone, Copy, Default)]
pub struct Candidate<'a> {
    /// Its identity, where it has one.
    pub identity: Option<(AssetUuid, AssetId)>,
    /// Its name.
    pub name: &'a str,
    /// Its place; there is none in a pack.
    pub place: Option<&'a str>,
    /// The file that declares it, where that is its own and it may be meant by it.
    pub declaration: Option<&'a RelPath>,
    /// Files that it is made of besides its place, where it may be meant by them.
    pub inputs: &'a [RelPath],
}

/// In which way a text means an asset.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Meaning {
    /// As its number.
    Id,
    /// As the beginning of its uuid.
    Uuid,
    /// As its name.
    Name,
    /// As its place.
    Place,
    /// As the file that declares it.
    Declaration,
    /// As one of the files that it is made of.
    Input,
    /// As a directory that its place lies in.
    Above,
    /// As a glob that its name or place matches.
    Glob,
}

impl Selector {
    /// Reads a text that is given in the directory `dir` of the workspace.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] for a glob that is none.
    pub fn parse(text: &str, dir: Option<&RelPath>) -> Result<Self> {
        let digits = text.strip_prefix("uuid:").unwrap_or(text);
        let is_uuid = digits.len() >= SHORTEST_UUID && digits.bytes().all(|it| it.is_ascii_hexdigit() || it == b'-');
        // `/` is the workspace's directory, as in references.
        let (below, from) = match text.strip_prefix('/') {
            Some(below) => (below, None),
            None => (text, dir),
        };
        let below = below.strip_prefix("./").unwrap_or(below);
        let glob = match text.contains(['*', '?', '[', '{']) {
            false => None,
            true => Some(compile(below)?),
        };
        let path = below.trim_end_matches('/');
        let seen = from.and_then(|it| if path == "." { Some(it.clone()) } else { it.join(path) });
        let as_it_is = RelPath::root().join(path).filter(|it| seen.as_ref() != Some(it));
        Ok(Self {
            id: text.parse().ok().map(AssetId),
            uuid: is_uuid.then(|| digits.to_ascii_lowercase()),
            paths: seen.into_iter().chain(as_it_is).filter(|it| !it.is_root()).collect(),
            glob,
            dir: from.cloned(),
            text: text.to_owned(),
        })
    }

    /// Returns whether this is one of those that are meant.
    pub fn selects(&self, candidate: &Candidate<'_>) -> bool {
        !self.meanings(candidate).is_empty()
    }

    /// Returns in which ways this is meant.
    pub fn meanings(&self, candidate: &Candidate<'_>) -> Vec<Meaning> {
        let Candidate { identity, name, place, declaration, inputs } = candidate;
        let by_uuid = |uuid: &String| identity.is_some_and(|it| it.0.to_string().starts_with(uuid));
        let by_path = |path: Option<&str>| path.is_some_and(|path| self.paths.iter().any(|it| it.as_str() == path));
        let is_above = || place.is_some_and(|place| self.paths.iter().any(|it| it.strip(place).is_some()));
        let below = |place: &&str| self.dir.as_ref().and_then(|it| it.strip(place)).map(str::to_owned);
        let by_glob = |glob: &GlobMatcher| {
            let below = place.as_ref().and_then(below);
            let mut texts = [Some(*name), *place, below.as_deref()].into_iter().flatten();
            texts.any(|it| glob.is_match(it))
        };
        let meanings = [
            (Meaning::Id, self.id.is_some_and(|id| identity.is_some_and(|it| it.1 == id))),
            (Meaning::Uuid, self.uuid.as_ref().is_some_and(by_uuid)),
            (Meaning::Name, *name == self.text),
            (Meaning::Place, by_path(*place)),
            (Meaning::Declaration, by_path(declaration.map(RelPath::as_str))),
            (Meaning::Input, inputs.iter().any(|it| self.paths.contains(it))),
            (Meaning::Above, is_above()),
            (Meaning::Glob, self.glob.as_ref().is_some_and(by_glob)),
        ];
        meanings.into_iter().filter(|it| it.1).map(|it| it.0).collect()
    }

    /// Returns whether this is a glob, whatever else it is.
    pub fn is_glob(&self) -> bool {
        self.glob.is_some()
    }

    /// Returns the paths that this may be, relative to the workspace, the likeliest first.
    pub fn paths(&self) -> &[RelPath] {
        &self.paths
    }

    /// Returns the text as people see it.
    pub fn shown(&self) -> String {
        clean(&self.text)
    }
}

/// Reads a glob in which only `**` crosses `/`.
///
/// # Errors
///
/// [`Error::Usage`] where it is none.
pub fn compile(text: &str) -> Result<GlobMatcher> {
    let glob = GlobBuilder::new(text).literal_separator(true).build();
    let glob = glob.map_err(|it| Error::Usage(format!("`{}` is no glob: {}", clean(text), it.kind())))?;
    Ok(glob.compile_matcher())
}

/// Says that nothing is meant, and what of these names may have been.
pub fn no_match<'a>(selector: &Selector, names: impl Iterator<Item = &'a str>) -> String {
    let similar = suggest::closest(&selector.shown(), names);
    let similar = similar.map_or_else(String::new, |it| format!("; there is `{}`", clean(it)));
    format!("no asset matches `{}`{similar}", selector.shown())
}

/// Returns the one of `n` candidates that a selector means, by its number. Where several are meant, the one that is meant
/// in the most particular way, if there is one; what is meant by no more than lying below or matching must be alone.
///
/// The inner error says that there is none.
///
/// # Errors
///
/// [`Error::Usage`] where several are meant; it lists them.
pub fn only<'a>(
    selector: &Selector,
    n: usize,
    candidate: impl Fn(usize) -> Candidate<'a>,
) -> Result<std::result::Result<usize, String>> {
    const LISTED: usize = 5;
    let meant: Vec<(Meaning, usize)> =
        (0..n).filter_map(|at| Some((selector.meanings(&candidate(at)).into_iter().min()?, at))).collect();
    let Some(strongest) = meant.iter().map(|it| it.0).min() else {
        let names: Vec<Candidate<'a>> = (0..n).map(&candidate).collect();
        return Ok(Err(no_match(selector, names.iter().map(|it| it.name))));
    };
    let strongest: Vec<usize> = meant.iter().filter(|it| it.0 == strongest).map(|it| it.1).collect();
    if let [one] = strongest[..] {
        return Ok(Ok(one));
    }
    let line = |at: &usize| {
        let it = candidate(*at);
        let id = it.identity.map_or_else(|| "-".to_owned(), |it| it.1.to_string());
        format!("{id} `{}`", clean(it.place.unwrap_or(it.name)))
    };
    let mut listed = strongest.iter().take(LISTED).map(line).collect::<Vec<_>>().join(", ");
    if strongest.len() > LISTED {
        listed.push_str(&format!(" and {} more", strongest.len() - LISTED));
    }
    Err(Error::Usage(format!("`{}` means {} assets; name one of them: {listed}", selector.shown(), strongest.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_may_mean_many_things() {
        let uuid = AssetUuid::parse("beef0000-0000-8000-8000-000000000000").expect("a uuid");
        let candidate = Candidate {
            identity: Some((uuid, AssetId(17))),
            name: "ui/hero",
            place: Some("assets/ui/hero.png"),
            ..Candidate::default()
        };
        let dir = RelPath::new("assets").expect("a path");
        let selects = |text| Selector::parse(text, Some(&dir)).expect("a selector").selects(&candidate);
        for yes in
            ["17", "ui/hero", "beef", "BEEF00", "uuid:beef0000-0000", "assets/ui/hero.png", "assets/ui", "assets/"]
        {
            assert!(selects(yes), "{yes}");
        }
        for yes in [
            "ui/hero.png",
            "ui",
            "./ui/",
            ".",
            "../assets/ui",
            "ui/*",
            "**/*.png",
            "assets/ui/h?ro.png",
            "ui/*.png",
            "./ui/*",
        ] {
            assert!(selects(yes), "{yes}");
        }
        for yes in ["/assets/ui/hero.png", "/assets/ui/", "/assets/**"] {
            assert!(selects(yes), "{yes}");
        }
        for no in [
            "/ui/hero",
            "/ui/hero.png",
            "/17",
            "1",
            "hero",
            "bee",
            "beef1",
            "asset",
            "assets/u",
            "*.png",
            "",
            "/",
            "..",
            "018",
        ] {
            assert!(!selects(no), "{no}");
        }
        assert!(Selector::parse("[", None).is_err());
    }

    #[test]
    fn what_an_asset_is_made_of_means_it_too() {
        let path = |it: &str| RelPath::new(it).expect("a path");
        let (file, inputs) = (path("assets/a/asset.json"), [path("assets/a/1.ogg"), path("assets/b/2.ogg")]);
        let candidate = Candidate {
            name: "steps",
            place: Some("assets/a"),
            declaration: Some(&file),
            inputs: &inputs,
            ..Candidate::default()
        };
        let dir = path("assets/a");
        let meanings = |text| Selector::parse(text, Some(&dir)).expect("a selector").meanings(&candidate);
        for (text, meaning) in [
            (".", Meaning::Place),
            ("assets/a", Meaning::Place),
            ("asset.json", Meaning::Declaration),
            ("1.ogg", Meaning::Input),
            ("../b/2.ogg", Meaning::Input),
            ("/assets/b/2.ogg", Meaning::Input),
            ("..", Meaning::Above),
        ] {
            assert_eq!(meanings(text), [meaning], "{text}");
        }
        assert_eq!(meanings("*.ogg"), []);
        assert_eq!(Selector::parse("1.ogg", None).expect("a selector").meanings(&candidate), []);
    }
}
