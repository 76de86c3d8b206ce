//! What assets were made of when the pack was last published, and before that: what `explain` compares with.
//!
//! Two rows beside each memo. *Makings* hold for each of a bucket's assets the ingredients (`process/ingredients.rs`):
//! methods once for all that share them, of digests no more than is shown, so that a first build writes some thirty bytes
//! an asset more, and makes nothing to write them from. They are part of what a memo is known by: a build that comes to the same entries of other ingredients
//! has another memo. The *past* says for those whose ingredients are not their first since when they are these, and what
//! they were before; it is written when a bucket is derived, from the rows of the build before, and is empty after a
//! first build. A build with nothing to do reads and writes none of it.
//!
//! Where memos cannot stand for a workspace (`keep.rs`) these rows are kept all the same, under a frame that nobody
//! recalls. Like all memos they may be lost; then nobody knows why something was made.

use bincode::enc::Encoder;
use bincode::error::EncodeError;
use bincode::{Decode, Encode};

use crate::cache::{Index, encoding};
use crate::model::{AssetId, AssetUuid, Codecs, Digest};
use crate::process::contract::Input;
use crate::process::exec::MadeResult;
use crate::process::ingredients::{Ingredients, InputDigest, Method, Short};
use crate::process::trace::Observation;
use crate::query::recipes::recipes;
use crate::query::validated::validated;
use crate::query::{Database, End, Slot};

use super::drift::order;
use super::{Frame, Outline, Row, memo_key, stored_frames};

/// Assets that came from other buckets are recognised where no more than so many buckets are not what they were.
const FEW: usize = 16;

/// The last four bytes of a uuid. Numbers are stable along one history only: on another branch the same one may be
/// another asset's, and these tell.
type ShortUuid = [u8; 4];

fn short(uuid: AssetUuid) -> ShortUuid {
    *uuid.0.last_chunk().expect("a uuid has 16 bytes")
}

/// What a bucket's assets were made of, ascending by number.
#[derive(PartialEq, Eq, Debug, Default, Decode)]
pub(super) struct Makings {
    methods: Vec<Method>,
    assets: Vec<Making>,
}

#[derive(PartialEq, Eq, Debug, Decode)]
struct Making {
    id: AssetId,
    uuid: ShortUuid,
    /// Which of the methods.
    method: u32,
    compression: Codecs,
    inputs: Vec<InputDigest>,
    answers: Vec<Observation>,
}

/// [`Makings`] as they are written.
#[derive(Encode)]
struct MakingsNow<'a> {
    methods: Vec<Method>,
    assets: Vec<MakingNow<'a>>,
}

/// A [`Making`] as it is written.
#[derive(Encode)]
struct MakingNow<'a> {
    id: AssetId,
    uuid: ShortUuid,
    method: u32,
    compression: Codecs,
    inputs: InputsNow<'a>,
    answers: &'a [Observation],
}

/// Inputs, written as a vector of [`InputDigest`]s is.
struct InputsNow<'a>(&'a [Input]);

impl Encode for InputsNow<'_> {
    fn encode<E: Encoder>(&self, encoder: &mut E) -> Result<(), EncodeError> {
        (self.0.len() as u64).encode(encoder)?;
        self.0.iter().try_for_each(|it| (it.path.as_str(), Short::from(it.digest)).encode(encoder))
    }
}

/// What they were made of before.
#[derive(PartialEq, Eq, Debug, Default, Encode, Decode)]
pub(super) struct Past {
    /// Since which build all are as they are of whom nothing is said below.
    since: u64,
    methods: Vec<Method>,
    /// Ascending by number.
    assets: Vec<Former>,
}

#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
struct Former {
    id: AssetId,
    since: u64,
    /// `None` for one that was not there before.
    before: Option<Before>,
}

#[derive(Clone, PartialEq, Eq, Debug, Encode, Decode)]
struct Before {
    method: u32,
    compression: Codecs,
    /// `None` where they are those of today.
    inputs: Option<Vec<InputDigest>>,
    /// `None` where they are those of today.
    answers: Option<Vec<Observation>>,
}

/// What is remembered of an asset.
pub struct MadeOf {
    /// What its artifact in the pack was made of.
    pub now: Ingredients,
    /// Whether the last build made it of that, rather than one before.
    pub by_last_build: bool,
    /// What it was made of before that, where it was made before.
    pub before: Option<Ingredients>,
}

/// What is known of the packs that are there: the name of each, and its content digest.
pub type PacksThere = [(String, Digest)];

/// Returns what is remembered of an asset in the build that made the packs that are there, the newest of such builds;
/// where there are no packs, in the last build. `None` when it is not known which build that was, where the asset was not
/// made, or where that is lost.
pub fn recorded(
    index: &Index,
    target: &str,
    packs: &PacksThere,
    identity: Option<(AssetUuid, AssetId)>,
) -> Option<MadeOf> {
    let (_, frames) = stored_frames(index, target);
    let frame = frames.iter().find(|it| is_of_packs(it, packs))?;
    made_of(index, target, &frames, frame, identity?)
}

/// Returns whether a build made the packs that are there, as far as it built them.
fn is_of_packs(frame: &Frame, packs: &PacksThere) -> bool {
    let came_to = |name: &String| frame.packs.get(name).copied().flatten();
    let mut is_it = packs.iter().filter_map(|(name, digest)| Some(came_to(name)? == *digest)).peekable();
    packs.is_empty() || is_it.peek().is_some() && is_it.all(|it| it)
}

fn made_of(
    index: &Index,
    target: &str,
    frames: &[Frame],
    last: &Frame,
    identity: (AssetUuid, AssetId),
) -> Option<MadeOf> {
    let id = identity.1;
    let record = find(index, target, last, identity)?;
    let now = record.ingredients(id)?;
    // Whoever goes far back at once derives nothing: then the build before has a frame of its own.
    let previous = frames.iter().find(|it| it.build + 1 == last.build);
    let other = previous.and_then(|it| find(index, target, it, identity)?.ingredients(id)).filter(|it| *it != now);
    if other.is_some() {
        return Some(MadeOf { now, by_last_build: true, before: other });
    }
    let (since, before) = record.past_of(id, &now);
    Some(MadeOf { now, by_last_build: since == last.build, before })
}

/// Finds the rows of the bucket in which an asset was.
fn find(index: &Index, target: &str, frame: &Frame, (uuid, id): (AssetUuid, AssetId)) -> Option<Record> {
    let is_in = |it: &Record| it.makings.find(id).is_some_and(|it| it.uuid == short(uuid));
    frame.buckets.iter().find_map(|it| Record::fetch(index, target, it).filter(is_in))
}

/// The rows of one bucket.
pub(super) struct Record {
    makings: Makings,
    past: Past,
}

impl Record {
    pub fn fetch(index: &Index, target: &str, outline: &Outline) -> Option<Self> {
        let row = |row| index.memo(&memo_key(target, outline, row));
        let makings = encoding::decode(&row(Row::Makings)?)?;
        let past = row(Row::Past).and_then(|it| encoding::decode(&it)).unwrap_or_default();
        Some(Self { makings, past })
    }

    fn ingredients(&self, id: AssetId) -> Option<Ingredients> {
        let Making { method, compression, inputs, answers, .. } = self.makings.find(id)?;
        let method = self.makings.methods.get(*method as usize)?.clone();
        Some(Ingredients { method, compression: *compression, inputs: inputs.clone(), answers: answers.clone() })
    }

    /// Returns since when an asset is made of what it is, and what it was made of before.
    fn past_of(&self, id: AssetId, now: &Ingredients) -> (u64, Option<Ingredients>) {
        let Some(Former { since, before, .. }) = self.past.find(id) else { return (self.past.since, None) };
        let before = before.as_ref().and_then(|it| {
            Some(Ingredients {
                method: self.past.methods.get(it.method as usize)?.clone(),
                compression: it.compression,
                inputs: it.inputs.clone().unwrap_or_else(|| now.inputs.clone()),
                answers: it.answers.clone().unwrap_or_else(|| now.answers.clone()),
            })
        });
        (*since, before)
    }
}

/// Returns the row that says what a bucket's assets are made of. A panic tells nothing of what it came from.
pub(super) fn makings_row(db: &Database, slot: Slot) -> Vec<u8> {
    let assets = &validated(db, slot.bucket(db)).assets;
    let list = &recipes(db, slot).list;
    let mut makings = MakingsNow { methods: Vec::new(), assets: Vec::with_capacity(list.len()) };
    for (it, made) in list.iter().zip(slot.made(db).iter()) {
        let identity = assets[it.asset as usize].identity;
        let Some((uuid, id)) = identity.filter(|_| !matches!(made.result, MadeResult::Panicked(_))) else { continue };
        let recipe = &it.recipe;
        let known = makings.methods.iter().position(|it| it.is_of(recipe));
        let method = known.unwrap_or_else(|| {
            makings.methods.push(Method::of(recipe));
            makings.methods.len() - 1
        });
        makings.assets.push(MakingNow {
            id,
            uuid: short(uuid),
            method: method as u32,
            compression: recipe.codecs,
            inputs: InputsNow(&recipe.inputs),
            answers: &made.observations,
        });
    }
    makings.assets.sort_unstable_by_key(|it| it.id);
    encoding::encode(&makings)
}

impl Makings {
    fn find(&self, id: AssetId) -> Option<&Making> {
        self.assets.binary_search_by_key(&id, |it| it.id).ok().map(|at| &self.assets[at])
    }

    fn method(&self, making: &Making) -> Option<&Method> {
        self.methods.get(making.method as usize)
    }
}

impl Past {
    /// Returns the past of what a build made: `own` are the rows of the same bucket as the build before left them,
    /// `others` those of buckets from which assets may have come.
    pub fn of(now: &Makings, build: u64, own: Option<&Record>, others: &[Record]) -> Self {
        let mut past = Self { since: own.map_or(build, |it| it.past.since), ..Self::default() };
        for making in &now.assets {
            let records = own.into_iter().chain(others);
            let same = |it: &&Making| it.uuid == making.uuid;
            let found = records.filter_map(|it| Some((it, it.makings.find(making.id).filter(same)?))).next();
            let Some((record, then)) = found else {
                past.note(making.id, build, None);
                continue;
            };
            let same = record.makings.method(then) == now.method(making)
                && (then.compression, &then.inputs, &then.answers)
                    == (making.compression, &making.inputs, &making.answers);
            if same {
                match record.past.find(making.id) {
                    None => past.note(making.id, record.past.since, None),
                    Some(former) => past.take_over(former, &record.past),
                }
            } else if let Some(method) = record.makings.method(then) {
                let before = Before {
                    method: past.number(method),
                    compression: then.compression,
                    inputs: (then.inputs != making.inputs).then(|| then.inputs.clone()),
                    answers: (then.answers != making.answers).then(|| then.answers.clone()),
                };
                past.note(making.id, build, Some(before));
            }
        }
        past
    }

    /// Says something of an asset, unless that is what is said of all.
    fn note(&mut self, id: AssetId, since: u64, before: Option<Before>) {
        if before.is_some() || since != self.since {
            self.assets.push(Former { id, since, before });
        }
    }

    fn take_over(&mut self, former: &Former, from: &Self) {
        let before = former.before.as_ref().and_then(|it| {
            let method = self.number(from.methods.get(it.method as usize)?);
            Some(Before { method, ..it.clone() })
        });
        self.note(former.id, former.since, before);
    }

    fn number(&mut self, method: &Method) -> u32 {
        let known = self.methods.iter().position(|it| it == method);
        known.unwrap_or_else(|| {
            self.methods.push(method.clone());
            self.methods.len() - 1
        }) as u32
    }

    fn find(&self, id: AssetId) -> Option<&Former> {
        self.assets.binary_search_by_key(&id, |it| it.id).ok().map(|at| &self.assets[at])
    }
}

/// The rows that the last build left.
pub(super) struct History<'a> {
    index: &'a Index,
    target: &'a str,
    last: Option<&'a Frame>,
    /// Which build this is, from one.
    pub build: u64,
    /// Those of buckets that are not any more what they were, where these are few.
    others: Vec<Record>,
}

impl<'a> History<'a> {
    /// Begins with the frame of the last build. `stands` tells of a bucket whether it still is what it was.
    pub fn new(index: &'a Index, target: &'a str, last: Option<&'a Frame>, stands: impl Fn(&Outline) -> bool) -> Self {
        let left: Vec<&Outline> =
            last.iter().flat_map(|it| &it.buckets).filter(|it| !stands(it)).take(FEW + 1).collect();
        let few = if left.len() > FEW { &[][..] } else { &left };
        let others = few.iter().filter_map(|it| Record::fetch(index, target, it)).collect();
        Self { index, target, last, build: last.map_or(0, |it| it.build) + 1, others }
    }

    /// Returns the row of the past of what was made in a bucket, given the row of that.
    pub fn past_row(&self, end: &End, now: &[u8]) -> Vec<u8> {
        let at = |frame: &Frame| frame.buckets.binary_search_by(|it| order(&it.end).cmp(&order(end))).ok();
        let outline = self.last.and_then(|it| Some(&it.buckets[at(it)?]));
        let own = outline.and_then(|it| Record::fetch(self.index, self.target, it));
        let is_first = own.is_none() && self.others.is_empty();
        let now = if is_first { Makings::default() } else { encoding::decode(now).unwrap_or_default() };
        encoding::encode(&Past::of(&now, self.build, own.as_ref(), &self.others))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::CacheMode;
    use crate::model::Codec;
    use crate::system::memory::MemorySystem;

    fn method(version: u32) -> Method {
        Method { kind: "raw".to_owned(), version, libraries: Vec::new(), settings: "{}".to_owned() }
    }

    /// Assets by number, each made of one input by a version of a processor.
    fn makings(of: &[(u32, u8, u32)]) -> Makings {
        let making = |(at, (id, digest, _)): (usize, &(u32, u8, u32))| Making {
            id: AssetId(*id),
            uuid: [0; 4],
            method: at as u32,
            compression: Codecs::of([Codec::None]),
            inputs: vec![("a".to_owned(), Short([*digest; 8]))],
            answers: Vec::new(),
        };
        Makings {
            methods: of.iter().map(|it| method(it.2)).collect(),
            assets: of.iter().enumerate().map(making).collect(),
        }
    }

    fn record(of: &[(u32, u8, u32)], past: Past) -> Record {
        Record { makings: makings(of), past }
    }

    fn told(record: &Record, id: u32) -> String {
        let now = record.ingredients(AssetId(id)).expect("it was made");
        let (since, before) = record.past_of(AssetId(id), &now);
        let before =
            before.map_or_else(String::new, |it| format!(", {} by {} before", it.inputs[0].1.0[0], it.method.version));
        format!("since {since}{before}")
    }

    #[test]
    fn a_first_build_writes_no_past() {
        let history = History { index: &no_index(), target: "", last: None, build: 1, others: Vec::new() };
        let past: Past = encoding::decode(&history.past_row(&None, b"not looked at")).expect("a row");
        assert_eq!(past, Past { since: 1, ..Past::default() });
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let inputs = [("a", 1), ("../b", 2)].map(|(path, digest)| Input {
            path: path.to_owned(),
            digest: Digest([digest; 32]),
            size: 1,
        });
        let answers = [Observation::Glob { pattern: "*".to_owned(), matches: vec!["x".to_owned()] }];
        let making = MakingNow {
            id: AssetId(300),
            uuid: [1, 2, 3, 4],
            method: 0,
            compression: Codecs::of([Codec::Zstd]),
            inputs: InputsNow(&inputs),
            answers: &answers,
        };
        let row = encoding::encode(&MakingsNow { methods: vec![method(7)], assets: vec![making] });
        let inputs = vec![("a".to_owned(), Short([1; 8])), ("../b".to_owned(), Short([2; 8]))];
        let (id, answers) = (AssetId(300), answers.to_vec());
        let making =
            Making { id, uuid: [1, 2, 3, 4], method: 0, compression: Codecs::of([Codec::Zstd]), inputs, answers };
        let expected = Makings { methods: vec![method(7)], assets: vec![making] };
        assert_eq!(encoding::decode::<Makings>(&row), Some(expected));
    }

    fn no_index() -> Index {
        Index::load(std::sync::Arc::new(MemorySystem::new()), "/ws".as_ref(), CacheMode::Off)
    }

    #[test]
    fn what_changed_is_remembered_until_it_changes_again() {
        let first = record(&[(1, 1, 1), (2, 2, 1)], Past { since: 1, ..Past::default() });
        let edited = [(1, 9, 1), (2, 2, 1), (3, 3, 1)];
        let second = record(&edited, Past::of(&makings(&edited), 2, Some(&first), &[]));
        assert_eq!([1, 2, 3].map(|it| told(&second, it)), ["since 2, 1 by 1 before", "since 1", "since 2"]);
        let newer = [(1, 9, 1), (2, 2, 2), (3, 3, 1)];
        let third = record(&newer, Past::of(&makings(&newer), 3, Some(&second), &[]));
        let expected = ["since 2, 1 by 1 before", "since 3, 2 by 1 before", "since 2"];
        assert_eq!([1, 2, 3].map(|it| told(&third, it)), expected);
    }

    #[test]
    fn an_asset_keeps_its_past_where_it_moves_to_another_bucket() {
        let (old, other) = (makings(&[(1, 1, 1)]), makings(&[(7, 7, 1)]));
        let from = Record { makings: old, past: Past { since: 4, ..Past::default() } };
        let to = Record { makings: other, past: Past { since: 2, ..Past::default() } };
        let now = [(1, 1, 1), (7, 7, 1)];
        let moved = record(&now, Past::of(&makings(&now), 9, Some(&to), &[from]));
        assert_eq!([1, 7].map(|it| told(&moved, it)), ["since 4", "since 2"]);
    }

    #[test]
    fn a_number_that_is_another_assets_now_has_no_past() {
        let first = record(&[(1, 1, 1)], Past { since: 1, ..Past::default() });
        let edited = [(1, 9, 1)];
        let mut now = makings(&edited);
        now.assets[0].uuid = [7; 4];
        let past = Past::of(&now, 2, Some(&first), &[]);
        assert_eq!(told(&Record { makings: now, past }, 1), "since 2");
    }
}
