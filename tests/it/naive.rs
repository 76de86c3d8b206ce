//! A naive packer, written from `schema/pack.md` and `schema/registry.md` alone: it shares no code with the real one.
//!
//! It understands workspaces of a plain kind: rules for `**/*.png` (`image`, passed through) and `**/*.bin` (`raw`), one
//! with captures for `{dir}/Y{n}.bin` and `{dir}/Y{n}.png`, one that groups `{dir}/~{n}.bin` with a companion, `asset.json` with listed inputs, sidecars, codec none. What packwright writes for those must be what this writes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use packwright::internals::system::memory::MemorySystem;
use serde_json::Value;

use crate::support::content::{png, small_png};
use crate::support::ground::{Ground, Where, on};
use crate::support::random::{Random, number};
use crate::support::tree::{Node, committed, lay, published};
use crate::support::world::{Files, WORKSPACE, difference, empty_registry, engine, options};

/// An asset, ready to be packed.
#[derive(Clone, Default)]
struct Entry {
    place: String,
    /// Whether its declaration says nothing of preloading.
    asks_for_nothing: bool,
    id: u32,
    uuid: [u8; 16],
    name: String,
    kind: String,
    preload: bool,
    tags: BTreeSet<String>,
    metadata: BTreeMap<String, Value>,
    references: BTreeSet<u32>,
    payloads: BTreeMap<String, Vec<u8>>,
}

/// Returns the assets of a workspace with one root, `assets`, by `asset_id`.
fn entries(files: &Files) -> Vec<Entry> {
    let lines =
        files.iter().filter(|it| it.0.starts_with("packwright.registry/")).flat_map(|it| it.1.split(|b| *b == b'\n'));
    let lines: Vec<Value> = lines.filter_map(|it| serde_json::from_slice(it).ok()).collect();
    let id_at =
        |place: &str| lines.iter().find(|it| it["place"] == place).map(|it| it["asset_id"].as_u64().unwrap() as u32);
    let mut entries = Vec::new();
    for line in &lines {
        let place = line["place"].as_str().unwrap();
        let read = |path: String| files.get(&path).map(|it| serde_json::from_slice(it).unwrap());
        let directory: Option<Value> = read(format!("{place}/asset.json"));
        let sidecar: Option<Value> = read(format!("{place}.asset.json"));
        let members = group_members(files, place);
        if directory.is_none() && !files.contains_key(place) && members.is_empty() {
            continue;
        }
        // What is part of a group now is no asset any more, whatever it was.
        let beside = place.rsplit_once('/').map_or_else(String::new, |it| format!("{}/~{{n}}.bin", it.0));
        if group_members(files, &beside).iter().any(|it| it == place) {
            continue;
        }
        let mut entry = Entry { id: line["asset_id"].as_u64().unwrap() as u32, ..Entry::default() };
        (entry.place, entry.asks_for_nothing) = (place.to_owned(), true);
        let digits: String = line["asset_uuid"].as_str().unwrap().replace('-', "");
        entry.uuid = u128::from_str_radix(&digits, 16).unwrap().to_be_bytes();
        entry.kind = if place.ends_with(".png") { "image" } else { "raw" }.to_owned();
        entry.name = place.strip_prefix("assets/").unwrap().to_owned();
        let base = if directory.is_some() { place } else { place.rsplit_once('/').unwrap().0 };
        // What the rule with captures says, its words written out.
        let below = place.strip_prefix("assets/").unwrap();
        if let Some((dir, file)) = below.rsplit_once('/').filter(|it| directory.is_none() && it.1.starts_with('Y')) {
            let (n, extension) = file[1..].rsplit_once('.').unwrap();
            entry.name = format!("{extension} {n} in {dir}");
            let captured = [("dir", dir), ("n", n), ("extension", extension)];
            entry.metadata = captured.iter().map(|it| (it.0.to_owned(), it.1.into())).collect();
            entry.kind = "raw".to_owned();
        }
        if let Some(said) = directory.as_ref().or(sidecar.as_ref()) {
            let text = |key: &str, or: &str| said[key].as_str().unwrap_or(or).to_owned();
            let list = |key: &str| {
                said[key].as_array().cloned().unwrap_or_default().into_iter().map(|it| it.as_str().unwrap().to_owned())
            };
            (entry.kind, entry.name) = (text("type", &entry.kind), text("name", &entry.name));
            entry.preload = said["preload"] == true;
            entry.asks_for_nothing = said["preload"].is_null();
            entry.tags = list("tags").collect();
            // Dependencies are written as paths in these workspaces.
            entry.references = list("dependencies").map(|it| id_at(it.strip_prefix('/').unwrap()).unwrap()).collect();
            for (at, input) in list("inputs").enumerate() {
                let role = if at == 0 { String::new() } else { input.clone() };
                entry.payloads.insert(role, files[&format!("{base}/{input}")].clone());
            }
        }
        for (at, path) in members.iter().enumerate() {
            let role = if at == 0 { "" } else { &path[base.len() + 1..] };
            entry.payloads.insert(role.to_owned(), files[path].clone());
            entry.metadata.insert("dir".to_owned(), base.strip_prefix("assets/").unwrap().into());
        }
        if directory.is_none() && members.is_empty() {
            entry.payloads.insert(String::new(), files[place].clone());
        }
        if entry.kind == "image" {
            entry.metadata.extend(png_metadata(&entry.payloads[""]));
        }
        entries.push(entry);
    }
    entries.sort_by_key(|it| it.id);
    entries
}

/// Returns the files that a group at `place` is made of, in order; none where it is no group's place.
fn group_members(files: &Files, place: &str) -> Vec<String> {
    let Some(dir) = place.strip_suffix("/~{n}.bin").filter(|it| *it != "assets") else { return Vec::new() };
    let number = |path: &String| -> Option<u32> {
        let (its_dir, name) = path.rsplit_once('/')?;
        let is_alone = files.contains_key(&format!("{path}.asset.json")) || its_dir != dir;
        if is_alone { None } else { name.strip_prefix('~')?.strip_suffix(".bin")?.parse().ok() }
    };
    let mut members: Vec<(u32, String)> = files.keys().filter_map(|it| Some((number(it)?, it.clone()))).collect();
    members.sort();
    let mut members: Vec<String> = members.into_iter().map(|it| it.1).collect();
    let notes = format!("{dir}/notes.txt");
    members.extend((!members.is_empty() && files.contains_key(&notes)).then_some(notes));
    members
}

fn png_metadata(bytes: &[u8]) -> BTreeMap<String, Value> {
    let number = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
    let color = ["grey", "", "rgb", "indexed", "grey_alpha", "", "rgba"][bytes[25] as usize];
    let facts: [(&str, Value); 8] = [
        ("format", "png".into()),
        ("width", number(16).into()),
        ("height", number(20).into()),
        ("bit_depth", bytes[24].into()),
        ("color", color.into()),
        ("alpha", (bytes[25] & 4 != 0).into()),
        ("interlaced", (bytes[28] == 1).into()),
        ("animated", false.into()),
    ];
    facts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Returns what a pack of [`PACKS`] holds.
fn members(pack: &str, entries: &[Entry]) -> Vec<Entry> {
    let place = |it: &Entry| it.place.strip_prefix("assets/").unwrap().to_owned();
    let mut ids: BTreeSet<u32> = match pack {
        "main" => entries.iter().map(|it| it.id).collect(),
        "images" => entries.iter().filter(|it| it.kind == "image").map(|it| it.id).collect(),
        "rest" => entries.iter().filter(|it| !place(it).starts_with("a/")).map(|it| it.id).collect(),
        "tagged" => entries.iter().filter(|it| it.tags.contains("b") && it.kind == "raw").map(|it| it.id).collect(),
        // All that `always.png` refers to, which is nothing but itself.
        "reached" => entries.iter().filter(|it| it.place == "assets/always.png").map(|it| it.id).collect(),
        "referring" => entries.iter().filter(|it| it.place == "assets/hub.bin").map(|it| it.id).collect(),
        _ => panic!("{pack} is no pack"),
    };
    while let Some(more) = entries
        .iter()
        .filter(|_| pack == "referring")
        .find_map(|it| it.references.iter().find(|to| ids.contains(&it.id) && !ids.contains(to)).copied())
    {
        ids.insert(more);
    }
    let preload =
        |it: &Entry| pack == "rest" && it.asks_for_nothing && place(it).contains('/') && place(it).ends_with(".png");
    let mut members: Vec<Entry> = entries.iter().filter(|it| ids.contains(&it.id)).cloned().collect();
    members.iter_mut().for_each(|it| it.preload |= preload(it));
    members
}

/// Returns the files of a pack in the single layout.
fn pack_single(pack: &str, entries: &[Entry]) -> Files {
    let file = container(1, entries.len(), &entries.iter().collect::<Vec<_>>(), names(entries), Vec::new());
    Files::from([(format!("{pack}.pack"), file)])
}

/// Returns the files of a pack in the split layout.
fn pack_split(pack: &str, entries: &[Entry]) -> Files {
    let mut files = Files::new();
    let largest = entries.iter().map(|it| it.id).max().unwrap_or(0);
    let k = (7..).find(|k| largest >> k < 512).unwrap();
    let mut parts: BTreeMap<u32, Vec<&Entry>> = BTreeMap::new();
    entries.iter().for_each(|it| parts.entry(it.id >> k).or_default().push(it));
    let mut rows = Vec::new();
    let mut add = |file: Vec<u8>, ids: &[u32], role: u32| {
        rows.extend([&file[16..48], &(file.len() as u64).to_le_bytes()].concat());
        let (first, last) = (ids.first().copied().unwrap_or(0), ids.last().copied().unwrap_or(0));
        for number in [first, last, ids.len() as u32, role, 0, 0] {
            rows.extend(number.to_le_bytes());
        }
        files.insert(format!("{pack}.parts/{}.part", hex(&file[16..48])), file);
    };
    let ids = |it: &[&Entry]| it.iter().map(|it| it.id).collect::<Vec<_>>();
    for part in parts.values() {
        add(container(3, part.len(), part, Default::default(), Vec::new()), &ids(part), 3);
    }
    add(container(4, entries.len(), &[], names(entries), Vec::new()), &ids(&entries.iter().collect::<Vec<_>>()), 4);
    files.insert(format!("{pack}.pack"), container(2, entries.len(), &[], Default::default(), rows));
    for payload in entries.iter().flat_map(|it| it.payloads.values()).filter(|it| it.len() >= 262_144) {
        files.insert(format!("{pack}.parts/{}.blob", blake3::hash(payload).to_hex()), payload.clone());
    }
    files
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|it| format!("{it:02x}")).collect()
}

fn align(n: usize) -> usize {
    n.next_multiple_of(16)
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.as_bytes());
}

/// Returns the sections names, name order and name text.
fn names(entries: &[Entry]) -> [Vec<u8>; 3] {
    let (mut rows, mut all) = (Vec::new(), Vec::new());
    for it in entries {
        rows.extend(it.id.to_le_bytes());
        rows.extend((it.name.len() as u32).to_le_bytes());
        rows.extend((all.len() as u64).to_le_bytes());
        all.extend(it.name.as_bytes());
    }
    let mut order: Vec<u32> = (0..entries.len() as u32).collect();
    order.sort_by_key(|it| entries[*it as usize].name.as_bytes());
    [rows, order.iter().flat_map(|it| it.to_le_bytes()).collect(), all]
}

fn record(entry: &Entry) -> Vec<u8> {
    let mut out = Vec::new();
    text(&mut out, &entry.kind);
    entry.payloads.keys().for_each(|it| text(&mut out, it));
    out.extend((entry.tags.len() as u32).to_le_bytes());
    entry.tags.iter().for_each(|it| text(&mut out, it));
    out.extend((entry.metadata.len() as u32).to_le_bytes());
    for (name, value) in &entry.metadata {
        text(&mut out, name);
        match value {
            Value::Number(it) => out.extend([&[1][..], &it.as_i64().unwrap().to_le_bytes()].concat()),
            Value::String(it) => {
                out.push(2);
                text(&mut out, it);
            }
            it => out.extend([3, u8::from(it == &Value::Bool(true))]),
        }
    }
    out.extend((entry.references.len() as u32).to_le_bytes());
    out.extend(entry.references.iter().flat_map(|it| it.to_le_bytes()));
    out
}

/// Returns a file: header, sections, data.
fn container(role: u32, count: usize, entries: &[&Entry], names: [Vec<u8>; 3], parts: Vec<u8>) -> Vec<u8> {
    let records: Vec<Vec<u8>> = entries.iter().map(|it| record(it)).collect();
    let n_payloads: usize = entries.iter().map(|it| it.payloads.len()).sum();
    let [name_rows, name_order, name_text] = names;
    let payload_rows = vec![0; 96 * n_payloads];
    let mut sections =
        [vec![0; 48 * entries.len()], payload_rows, records.concat(), name_rows, name_order, name_text, parts];
    let mut offsets = vec![192];
    sections.iter().for_each(|it| offsets.push(align(offsets[offsets.len() - 1] + it.len())));
    let data_offset = offsets[7];

    // Where each payload lies.
    let mut places: BTreeMap<&[u8], usize> = BTreeMap::new();
    let (mut end, mut preload_length) = (data_offset, 0);
    for preload in [true, false] {
        for payload in entries.iter().filter(|it| it.preload == preload).flat_map(|it| it.payloads.values()) {
            let apart = role == 3 && payload.len() >= 262_144;
            if !apart && !places.contains_key(&payload[..]) {
                places.insert(payload, align(end));
                end = align(end) + payload.len();
            }
        }
        if preload {
            preload_length = end - data_offset;
        }
    }

    let (mut row, mut record_at) = (0, 0);
    for (at, entry) in entries.iter().enumerate() {
        let out = &mut sections[0][48 * at..48 * (at + 1)];
        out[0..4].copy_from_slice(&entry.id.to_le_bytes());
        out[4] = u8::from(entry.preload);
        out[8..24].copy_from_slice(&entry.uuid);
        out[24..32].copy_from_slice(&(record_at as u64).to_le_bytes());
        out[32..36].copy_from_slice(&(records[at].len() as u32).to_le_bytes());
        out[36..40].copy_from_slice(&(row as u32).to_le_bytes());
        out[40..44].copy_from_slice(&(entry.payloads.len() as u32).to_le_bytes());
        record_at += records[at].len();
        for payload in entry.payloads.values() {
            let out = &mut sections[1][96 * row..96 * (row + 1)];
            let digest = *blake3::hash(payload).as_bytes();
            let place = places.get(&payload[..]);
            out[0..32].copy_from_slice(&digest);
            out[32..64].copy_from_slice(&digest);
            out[64..72].copy_from_slice(&(payload.len() as u64).to_le_bytes());
            out[72..80].copy_from_slice(&(payload.len() as u64).to_le_bytes());
            out[80..88].copy_from_slice(&(place.copied().unwrap_or(0) as u64).to_le_bytes());
            out[89] = u8::from(place.is_none());
            row += 1;
        }
    }

    let mut file = vec![0; end];
    file[0..8].copy_from_slice(b"\x89PWPACK\n");
    file[8..12].copy_from_slice(&1u32.to_le_bytes());
    file[12..16].copy_from_slice(&role.to_le_bytes());
    for (at, number) in [end, data_offset, preload_length, count].into_iter().enumerate() {
        file[48 + 8 * at..56 + 8 * at].copy_from_slice(&(number as u64).to_le_bytes());
    }
    for (at, section) in sections.iter().enumerate() {
        file[80 + 16 * at..88 + 16 * at].copy_from_slice(&(offsets[at] as u64).to_le_bytes());
        file[88 + 16 * at..96 + 16 * at].copy_from_slice(&(section.len() as u64).to_le_bytes());
        file[offsets[at]..offsets[at] + section.len()].copy_from_slice(section);
    }
    places.iter().for_each(|(payload, at)| file[*at..at + payload.len()].copy_from_slice(payload));
    let digest =
        *blake3::Hasher::new_derive_key("packwright pack v1 tables").update(&file[..data_offset]).finalize().as_bytes();
    file[16..48].copy_from_slice(&digest);
    file
}

const CONFIG: &str = r#"
[[roots]]
path = "assets"
[[rules]]
match = "{dir}/Y{n}.{extension}"
name = "{extension} {n} in {dir}"
type = "raw"
[[rules]]
match = "{dir}/~{n}.bin"
group = ["dir"]
with = ["{dir}/notes.txt"]
type = "raw"
[[rules]]
match = "**/*.png"
type = "image"
[[rules]]
match = "**/*.{bin,txt}"
type = "raw"
[profiles.single]
layout = "single"
"#;

/// Packs, one choice of them after the other.
const PACKS: [&str; 3] = [
    "",
    "[packs.images]\ntype = [\"image\"]\n[packs.main]\n[packs.rest]\nmatch = [\"**\", \"!a/**\"]\npreload = [\"*/**/*.png\"]\n",
    "[packs.tagged]\ntype = [\"raw\"]\ntags = [\"b\", \"c\"]\n[packs.reached]\nreachable_from = [\"/assets/always.png\"]\n\
     [packs.referring]\nreachable_from = [\"/assets/hub.bin\"]\n",
];

/// Assets by the path of their owner, each with all its files.
type Assets = BTreeMap<String, Files>;

/// Returns the files of a plain workspace with these assets, registry excepted.
fn plain(assets: &Assets, packs: &str) -> Files {
    let mut files: Files = assets.values().flatten().map(|(path, bytes)| (path.clone(), bytes.clone())).collect();
    files.insert("packwright.toml".to_owned(), format!("workspace = \"{WORKSPACE}\"\n{CONFIG}{packs}").into_bytes());
    files.insert("assets/always.png".to_owned(), small_png(1));
    // It refers to every third asset of its own root, and those to `always.png`.
    files.insert("assets/hub.bin".to_owned(), b"hub".to_vec());
    let places = assets.keys().filter(|it| !it.contains('~') && !it.ends_with(".txt")).step_by(3);
    let places: Vec<String> = places.map(|it| format!("\"/{it}\"")).collect();
    let hub = format!("{{ \"dependencies\": [{}] }}", places.join(", "));
    files.insert("assets/hub.bin.asset.json".to_owned(), hub.into_bytes());
    files
}

/// Returns the assets of a plain workspace by chance. A third of them are more than one part holds.
fn assets(random: &mut Random) -> Assets {
    let mut assets = Assets::new();
    for at in 0..if random.chance(33) { 200 } else { random.below(20) } {
        let dir = random.pick(&["", "a/", "a/b/", "\u{e4}/", "z z/"]);
        let (stem, extension) = (random.pick(&["x", "Y", "~"]), random.pick(&["png", "bin"]));
        let path = format!("assets/{dir}{stem}{at}.{extension}");
        let len = random.pick(&[0, 1, 15, 16, 17, 100]);
        let bytes = if extension == "bin" { random.bytes(len) } else { small_png(random.next() % 9) };
        let mut files = Files::from([(path.clone(), bytes)]);
        let mut options = vec![];
        if random.chance(30) {
            options.push(format!("\"name\": \"named {}\"", random.next()));
        }
        if random.chance(30) {
            options.push("\"preload\": true".to_owned());
        }
        if random.chance(30) {
            options.push("\"tags\": [\"b\", \"a\"], \"dependencies\": [\"/assets/always.png\"]".to_owned());
        }
        if !options.is_empty() && stem == "~" {
            options.push("\"type\": \"raw\"".to_owned()); // No rule would say it of this one alone.
        }
        if !options.is_empty() {
            files.insert(format!("{path}.asset.json"), format!("{{ {} }}", options.join(", ")).into_bytes());
        }
        assets.insert(path, files);
    }
    for dir in ["a/", "a/b/", "z z/", "moved/a/"] {
        if random.chance(50) {
            let path = format!("assets/{dir}notes.txt");
            assets.insert(path.clone(), Files::from([(path, random.bytes(5))]));
        }
    }
    for at in 0..random.below(4) {
        let dir = format!("assets/whole{at}");
        let mut files = Files::from([
            (format!("{dir}/main.dat"), random.bytes(1 + at)),
            (format!("{dir}/more.png"), png(7, 3, 3, png::ColorType::Rgb)),
            (format!("{dir}/unused.png"), small_png(3)),
        ]);
        let inputs = random.pick(&["\"main.dat\"", "\"more.png\", \"main.dat\"", "\"main.dat\", \"more.png\""]);
        let declaration = format!("{{ \"type\": \"raw\", \"inputs\": [{inputs}] }}");
        files.insert(format!("{dir}/asset.json"), declaration.into_bytes());
        assets.insert(dir, files);
    }
    for len in [262_143, 262_144, 262_145] {
        if random.chance(20) {
            let path = format!("assets/large{len}.bin");
            assets.insert(path.clone(), Files::from([(path, random.bytes(len))]));
        }
    }
    assets
}

/// Makes one edit: assets come from another workspace, go, move to another directory, or hold something else.
fn edit(assets: &mut Assets, random: &mut Random) {
    let keys: Vec<String> = assets.keys().cloned().collect();
    match random.below(4) {
        0 => assets.extend(self::assets(random).into_iter().filter(|_| random.chance(20))),
        1 => assets.retain(|_, _| !random.chance(10)),
        _ if keys.is_empty() => {}
        2 => {
            let moved = |it: &str, to: &str| it.replacen("assets/", to, 1);
            let (from, to) = (random.pick(&keys), random.pick(&["assets/moved/", "assets/n/m/"]));
            let files = assets.remove(&from).expect("it is a key");
            let files = files.into_iter().map(|(path, bytes)| (moved(&path, to), bytes)).collect();
            assets.insert(moved(&from, to), files);
        }
        _ => {
            let files = assets.get_mut(&random.pick(&keys)).expect("it is a key");
            let paths: Vec<String> = files.keys().cloned().collect();
            let path = random.pick(&paths);
            let bytes = files.get_mut(&path).expect("it is a path");
            *bytes = match path.rsplit('.').next() {
                Some("png") => small_png(random.next() % 9),
                Some("json") => [b"\n", &bytes[..]].concat(),
                _ => [&bytes[..], b"+"].concat(),
            };
        }
    }
}

/// Brings the ground from one set of files to another.
fn carry_over(ground: &dyn Ground, root: &Path, from: &Files, to: &Files) {
    from.keys().filter(|it| !to.contains_key(*it)).for_each(|it| ground.remove(&root.join(it)));
    let moved = to.iter().filter(|(path, bytes)| from.get(*path) != Some(bytes));
    moved.for_each(|(path, bytes)| ground.write(&root.join(path), bytes));
}

/// Edits and builds a plain workspace again and again, each time against the naive packer.
fn history(seed: u64, ground: &dyn Ground, root: &Path) {
    let mut random = Random::new(seed);
    ground.scramble(seed);
    lay(ground, root, &empty_registry());
    let (mut assets, mut laid) = (assets(&mut random), Files::new());
    let mut warm = None;
    for nth in 0..6 {
        let packs = random.pick(&PACKS);
        let now = plain(&assets, packs);
        carry_over(ground, root, &laid, &now);
        laid = now;
        if random.chance(50) {
            ground.settle();
        }
        let profile = random.pick(&["dev", "dev", "single"]);
        let engine = warm.take().filter(|_| random.chance(50)).unwrap_or_else(|| engine(ground.disk(), root, 2));
        let built = engine.build(&options(profile));
        built.unwrap_or_else(|it| panic!("seed {seed}, build {nth}: {it:?}"));
        warm = Some(engine);
        assert_naive(ground, root, profile, &format!("seed {seed}, build {nth}"));
        (0..random.below(4)).for_each(|_| edit(&mut assets, &mut random));
    }
}

/// Asserts that the naive packer makes the same of what is committed.
fn assert_naive(ground: &dyn Ground, root: &Path, profile: &str, when: &str) {
    let files = committed(&*ground.disk(), root).into_iter().filter_map(|(path, node)| match node {
        Node::File(bytes) => Some((path, bytes)),
        _ => None,
    });
    let files: Files = files.collect();
    let entries = entries(&files);
    let config = String::from_utf8(files["packwright.toml"].clone()).expect("text");
    let mut packs: Vec<&str> = config.lines().filter_map(|it| it.strip_prefix("[packs.")?.strip_suffix(']')).collect();
    packs.extend(packs.is_empty().then_some("main"));
    let pack = if profile == "dev" { pack_split } else { pack_single };
    let expected: Files = packs.iter().flat_map(|it| pack(it, &members(it, &entries))).collect();
    let mut got = published(&*ground.disk(), &root.join("build").join(profile));
    got.retain(|path, _| !path.ends_with(".receipt.json"));
    assert_eq!(difference(&got, &expected), [""; 0], "{when}, {} entries", entries.len());
}

/// Runs `usual` histories, or as many as the environment asks for (see `oracle.rs`).
fn histories(place: Where, usual: u64) {
    let first = number("PACKWRIGHT_ORACLE_FIRST").unwrap_or(0);
    for seed in first..first + number("PACKWRIGHT_ORACLE_CASES").unwrap_or(usual) {
        on(place, |ground, home| history(seed, &*ground, &home.join("w")));
    }
}

#[test]
fn r7_a_naive_packer_writes_the_same_bytes() {
    histories(Where::Memory, 16);
}

#[test]
#[cfg(unix)]
fn r7_a_naive_packer_writes_the_same_bytes_on_the_real_disk() {
    histories(Where::Disk, 4);
}

#[test]
fn a_naive_packer_agrees_about_an_empty_pack() {
    let memory = MemorySystem::new();
    let root = Path::new("/w");
    let mut tree = empty_registry();
    let config = format!("workspace = \"{WORKSPACE}\"\n{CONFIG}").into_bytes();
    tree.insert("packwright.toml".to_owned(), Node::File(config));
    tree.insert("assets".to_owned(), Node::Dir);
    lay(&memory, root, &tree);
    for profile in ["dev", "single"] {
        let engine = engine(Ground::disk(&memory), root, 1);
        engine.build(&options(profile)).expect("nothing is wrong with nothing");
        assert_naive(&memory, root, profile, profile);
    }
}
