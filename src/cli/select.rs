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
    /// The same path as seen from the workspace.
    path: Option<String>,
    glob: Option<GlobMatcher>,
}

/// What is selected from.
pub struct Candidate<'a> {
    /// Its identity, where it has one.
    pub identity: Option<(AssetUuid, AssetId)>,
    /// Its name.
    pub name: &'a str,
    /// Its place; there is none in a pack.
    pub place: Option<&'a str>,
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
        let glob = match text.contains(['*', '?', '[', '{']) {
            false => None,
            true => Some(compile(text)?),
        };
        Ok(Self {
            id: text.parse().ok().map(AssetId),
            uuid: is_uuid.then(|| digits.to_ascii_lowercase()),
            path: dir.and_then(|it| it.join(text.trim_end_matches('/'))).map(|it| it.to_string()),
            glob,
            text: text.to_owned(),
        })
    }

    /// Returns whether this is one of those that are meant.
    pub fn selects(&self, candidate: &Candidate<'_>) -> bool {
        !self.meanings(candidate).is_empty()
    }

    /// Returns in which ways this is meant.
    pub fn meanings(&self, candidate: &Candidate<'_>) -> Vec<Meaning> {
        let Candidate { identity, name, place } = candidate;
        let by_uuid = |uuid: &String| identity.is_some_and(|it| it.0.to_string().starts_with(uuid));
        let by_place = |meant: fn(&str, &str) -> bool| {
            let paths = [Some(self.text.as_str()), self.path.as_deref()].into_iter().flatten();
            let mut paths = paths.map(|it| it.trim_end_matches('/')).filter(|it| !it.is_empty());
            place.is_some_and(|place| paths.any(|it| meant(place, it)))
        };
        let by_glob = |glob: &GlobMatcher| glob.is_match(name) || place.is_some_and(|it| glob.is_match(it));
        let meanings = [
            (Meaning::Id, self.id.is_some_and(|id| identity.is_some_and(|it| it.1 == id))),
            (Meaning::Uuid, self.uuid.as_ref().is_some_and(by_uuid)),
            (Meaning::Name, *name == self.text),
            (Meaning::Place, by_place(|place, path| place == path)),
            (Meaning::Above, by_place(is_below)),
            (Meaning::Glob, self.glob.as_ref().is_some_and(by_glob)),
        ];
        meanings.into_iter().filter(|it| it.1).map(|it| it.0).collect()
    }

    /// Returns whether this is a glob, whatever else it is.
    pub fn is_glob(&self) -> bool {
        self.glob.is_some()
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
        let similar = suggest::closest(&selector.shown(), names.iter().map(|it| it.name));
        let similar = similar.map_or_else(String::new, |it| format!("; there is `{}`", clean(it)));
        return Ok(Err(format!("no asset matches `{}`{similar}", selector.shown())));
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

fn is_below(place: &str, path: &str) -> bool {
    place.strip_prefix(path).is_some_and(|it| it.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_text_may_mean_many_things() {
        let uuid = AssetUuid::parse("beef0000-0000-8000-8000-000000000000").expect("a uuid");
        let candidate =
            Candidate { identity: Some((uuid, AssetId(17))), name: "ui/hero", place: Some("assets/ui/hero.png") };
        let dir = RelPath::new("assets").expect("a path");
        let selects = |text| Selector::parse(text, Some(&dir)).expect("a selector").selects(&candidate);
        for yes in
            ["17", "ui/hero", "beef", "BEEF00", "uuid:beef0000-0000", "assets/ui/hero.png", "assets/ui", "assets/"]
        {
            assert!(selects(yes), "{yes}");
        }
        for yes in ["ui/hero.png", "ui", "./ui/", "../assets/ui", "ui/*", "**/*.png", "assets/ui/h?ro.png"] {
            assert!(selects(yes), "{yes}");
        }
        for no in ["1", "hero", "bee", "beef1", "asset", "assets/u", "*.png", "", "/", "..", "018"] {
            assert!(!selects(no), "{no}");
        }
        assert!(Selector::parse("[", None).is_err());
    }
}
