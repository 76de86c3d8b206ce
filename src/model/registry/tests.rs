//! The registry as a whole: scenarios of evidence, merges of two branches, hostile bytes, test vectors.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::{Expect, expect, expect_file};
use proptest::prelude::*;

use super::*;
use crate::model::{Code, Diagnostic};

const WORKSPACE: AssetUuid = AssetUuid([0xa5; 16]);

pub(super) fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

/// What is declared where.
pub(super) type Tree = BTreeMap<Present, Digests>;

/// Reads a tree: `place content` or `place#part content declaration` a line; `-` is empty content.
pub(super) fn tree(text: &str) -> Tree {
    let digest = |word: &str| Digest::of(if word == "-" { b"" } else { word.as_bytes() });
    let entry = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (place, part) = words[0].split_once('#').unwrap_or((words[0], ""));
        let present = Present { place: path(place), part: part.to_owned(), excluded: false };
        (present, Digests { content: digest(words[1]), declaration: words.get(2).map(|it| digest(it)) })
    };
    text.lines().filter(|it| !it.trim().is_empty()).map(entry).collect()
}

pub(super) fn propose_tree(registry: &Registry, tree: &Tree) -> Proposal {
    let present: Vec<Present> = tree.keys().cloned().collect();
    let digests: Vec<Digests> = tree.values().copied().collect();
    propose(registry, WORKSPACE, &present, &|at| digests[at])
}

pub(super) fn register(before: &str) -> Registry {
    propose_tree(&Registry::empty(), &tree(before)).registry
}

fn shown_proposal(proposal: &Proposal) -> String {
    let changes = proposal.changes.iter().map(|it| format!("{it}\n"));
    let missing = proposal.missing.iter().map(|it| format!("missing {} `{}`\n", it.id, it.shown()));
    changes.chain(missing).collect()
}

/// Registers one tree, then shows what another one makes of it.
fn check(before: &str, after: &str, expect: Expect) {
    let registry = register(before);
    let proposal = propose_tree(&registry, &tree(after));
    expect.assert_eq(&shown_proposal(&proposal));
    // The next build finds everything in place.
    let again = propose_tree(&proposal.registry, &tree(after));
    assert!(!again.is_change(), "{again:?}");
    assert_eq!(again.missing, proposal.missing);
    assert_eq!(load(&proposal.registry.files().map(Some)).registry, proposal.registry);
}

#[test]
fn numbers_follow_the_byte_order_of_places() {
    check(
        "",
        "b x\na/b y\na-b z\na#2 v\na#1 w\n",
        expect![[r#"
            register `a#1` as 1
            register `a#2` as 2
            register `a-b` as 3
            register `a/b` as 4
            register `b` as 5
        "#]],
    );
}

#[test]
fn a_moved_file_keeps_its_identity() {
    check(
        "a/x.png X\na/y.png Y",
        "b/z.png X\na/y.png Y",
        expect![[r#"
            move 1 from `a/x.png` to `b/z.png`
        "#]],
    );
}

#[test]
fn a_copy_takes_nothing() {
    check(
        "x X",
        "x X\ny X",
        expect![[r#"
            register `y` as 2
        "#]],
    );
    // Nor when the original is edited or the copy is one of two.
    check(
        "x X\ny Y",
        "x X\nz X",
        expect![[r#"
            register `z` as 3
            missing 2 `y`
        "#]],
    );
    check(
        "x X",
        "y X\nz X",
        expect![[r#"
            register `y` as 2
            register `z` as 3
            missing 1 `x`
        "#]],
    );
}

#[test]
fn a_present_place_with_the_digest_is_in_the_way() {
    // `y` may be a copy of `k` just as well.
    check(
        "k X\nx X",
        "k X\ny X",
        expect![[r#"
            register `y` as 3
            missing 2 `x`
        "#]],
    );
    // What `k` holds now is what counts.
    check(
        "k X\nx X",
        "k other\ny X",
        expect![[r#"
            move 2 from `x` to `y`
        "#]],
    );
    check(
        "k K\nx X",
        "k X\ny X",
        expect![[r#"
            register `y` as 3
            missing 2 `x`
        "#]],
    );
}

#[test]
fn swapped_files_stay_at_their_places() {
    check("x X\ny Y", "x Y\ny X", expect![""]);
}

#[test]
fn empty_content_is_no_evidence() {
    check(
        "x -",
        "y -",
        expect![[r#"
            register `y` as 2
            missing 1 `x`
        "#]],
    );
    check(
        "a/x -\na/y -",
        "b/x -\nb/y -",
        expect![[r#"
            register `b/x` as 3
            register `b/y` as 4
            missing 1 `a/x`
            missing 2 `a/y`
        "#]],
    );
}

#[test]
fn an_unchanged_sidecar_is_evidence() {
    check(
        "x X side",
        "y Y side",
        expect![[r#"
            move 1 from `x` to `y`
        "#]],
    );
    // A content is no declaration.
    check(
        "x same",
        "y Y same",
        expect![[r#"
            register `y` as 2
            missing 1 `x`
        "#]],
    );
}

#[test]
fn contradicting_evidence_takes_nothing() {
    // Content says `y`, declaration says `z`.
    check(
        "x X side",
        "y X\nz Z side",
        expect![[r#"
            register `y` as 2
            register `z` as 3
            missing 1 `x`
        "#]],
    );
    // Two missing lines, one new place.
    check(
        "w W side\nx X",
        "y X side",
        expect![[r#"
            register `y` as 3
            missing 1 `w`
            missing 2 `x`
        "#]],
    );
    // Spelling says `hero`, content says `other`.
    check(
        "Hero X",
        "hero Y\nother X",
        expect![[r#"
            register `hero` as 2
            register `other` as 3
            missing 1 `Hero`
        "#]],
    );
    // The directory says `b/x`, content says `b/z`; what else is in it moves all the same.
    check(
        "a/x X\na/y Y",
        "b/x other\nb/y Y\nb/z X",
        expect![[r#"
            register `b/x` as 3
            move 2 from `a/y` to `b/y`
            register `b/z` as 4
            missing 1 `a/x`
        "#]],
    );
}

#[test]
fn a_change_of_spelling_keeps_the_identity() {
    check(
        "a/Hero.png X\nb/Caf\u{e9} X",
        "A/hero.png Y\nb/cafe\u{301} Z",
        expect![[r#"
            move 1 from `a/Hero.png` to `A/hero.png`
            move 2 from `b/Café` to `b/café`
        "#]],
    );
    // Not when it is not one to one, or when somebody else is spelled so.
    check(
        "Hero X\nHERO Y",
        "hero Z",
        expect![[r#"
            register `hero` as 3
            missing 1 `HERO`
            missing 2 `Hero`
        "#]],
    );
    check(
        "Hero X\nHERO Y",
        "hero Z\nHERO Y",
        expect![[r#"
            register `hero` as 3
            missing 2 `Hero`
        "#]],
    );
}

#[test]
fn a_moved_directory_takes_along_what_is_alike_or_edited() {
    check(
        "a/s/x twin\na/s/y twin\na/z Z\na/e E\nk K",
        "b/s/x twin\nb/s/y twin\nb/z Z\nb/e edited\nb/n N\nk K",
        expect![[r#"
            move 1 from `a/e` to `b/e`
            register `b/n` as 6
            move 2 from `a/s/x` to `b/s/x`
            move 3 from `a/s/y` to `b/s/y`
            move 4 from `a/z` to `b/z`
        "#]],
    );
    // Alike throughout, but the outer directory says which is which.
    check(
        "a/1/icon twin\na/2/icon twin",
        "b/1/icon twin\nb/2/icon edited",
        expect![[r#"
            move 1 from `a/1/icon` to `b/1/icon`
            move 2 from `a/2/icon` to `b/2/icon`
        "#]],
    );
}

#[test]
fn a_moved_directory_that_is_an_asset_moves_with_its_contents() {
    check(
        "hero inputs intent\nhero/icon twin\nk twin",
        "knight edited changed\nknight/icon twin\nk twin",
        expect![[r#"
            move 1 from `hero` to `knight`
            move 2 from `hero/icon` to `knight/icon`
        "#]],
    );
}

#[test]
fn a_directory_that_only_half_moved_is_no_evidence() {
    // Something stayed.
    check(
        "a/x twin\na/y Y\nk twin",
        "b/x twin\na/y Y\nk twin",
        expect![[r#"
            register `b/x` as 4
            missing 1 `a/x`
        "#]],
    );
    // Something is not found.
    check(
        "a/x twin\na/y Y\nk twin",
        "b/x twin\nk twin",
        expect![[r#"
            register `b/x` as 4
            missing 1 `a/x`
            missing 2 `a/y`
        "#]],
    );
    // The other directory is not new.
    check(
        "a/x twin\nb/y Y\nk twin",
        "b/x twin\nb/y Y\nk twin",
        expect![[r#"
            register `b/x` as 4
            missing 1 `a/x`
        "#]],
    );
    // Nothing matches.
    check(
        "a/x X\na/y Y",
        "b/x 1\nb/y 2",
        expect![[r#"
            register `b/x` as 3
            register `b/y` as 4
            missing 1 `a/x`
            missing 2 `a/y`
        "#]],
    );
}

#[test]
fn a_copied_directory_takes_nothing() {
    check(
        "a/x X\na/y Y",
        "a/x X\na/y Y\nb/x X\nb/y Y",
        expect![[r#"
            register `b/x` as 3
            register `b/y` as 4
        "#]],
    );
    // Two copies and the original gone: nobody can tell which one it is.
    check(
        "a/x X\na/y Y",
        "b/x X\nb/y Y\nc/x X\nc/y Y",
        expect![[r#"
            register `b/x` as 3
            register `b/y` as 4
            register `c/x` as 5
            register `c/y` as 6
            missing 1 `a/x`
            missing 2 `a/y`
        "#]],
    );
}

#[test]
fn twins_that_moved_apart_are_ambiguous() {
    check(
        "a/x twin\nb/x twin",
        "c/x twin\nd/x twin",
        expect![[r#"
            register `c/x` as 3
            register `d/x` as 4
            missing 1 `a/x`
            missing 2 `b/x`
        "#]],
    );
}

#[test]
fn parts_move_with_their_place() {
    check(
        "atlas#a X\natlas#b X",
        "moved#a X\nmoved#c X",
        expect![[r#"
            move 1 from `atlas#a` to `moved#a`
            register `moved#c` as 3
            missing 2 `atlas#b`
        "#]],
    );
    // Another part of the same place is another asset.
    check(
        "atlas#a X",
        "atlas#b X",
        expect![[r#"
            register `atlas#b` as 2
            missing 1 `atlas#a`
        "#]],
    );
}

#[test]
fn a_missing_place_that_comes_back_has_its_number() {
    let registry = register("x X\ny Y");
    let without = propose_tree(&registry, &tree("y Y"));
    assert!(!without.is_change());
    assert_eq!(without.registry, registry);
    assert_eq!(without.diagnostics[0].code, Code::PLACE_MISSING);
    let back = propose_tree(&without.registry, &tree("x other\ny Y"));
    assert!(!back.is_change() && back.missing.is_empty() && back.diagnostics.is_empty());
}

#[test]
fn digests_of_registered_places_are_asked_for_only_when_something_may_have_moved() {
    let registry = register("x X\ny Y");
    let present = |text: &str| tree(text).into_keys().collect::<Vec<_>>();
    let never = |_| -> Digests { panic!("nothing moved") };
    propose(&registry, WORKSPACE, &present("x X\ny Y"), &never);
    propose(&registry, WORKSPACE, &present("x X"), &never);
    let only_new = |at| {
        assert_eq!(at, 2);
        Digests { content: Digest::of(b"Z"), declaration: None }
    };
    propose(&registry, WORKSPACE, &present("x X\ny Y\nz Z"), &only_new);
}

#[test]
fn a_taken_over_line_remembers_what_it_was_and_its_old_place_starts_afresh() {
    let first = register("x X");
    let moved = propose_tree(&first, &tree("y X")).registry;
    let line = moved.at(&path("y"), "").unwrap();
    assert_eq!(line.was.to_vec(), [first.lines()[0].short_digest()]);
    let both = propose_tree(&moved, &tree("x X\ny X")).registry;
    let fresh = both.at(&path("x"), "").unwrap();
    assert_eq!(fresh.uuid, candidate_uuid(WORKSPACE, &path("x"), "", 1));
    assert_eq!((fresh.id, both.at(&path("y"), "").unwrap()), (AssetId(2), line));
}

#[test]
fn a_tombstone_keeps_uuid_and_number_and_frees_the_place() {
    let mut line = register("x X").lines()[0].clone();
    line.supersede([line.short_digest()]);
    line.removed = true;
    let registry = Registry::of(vec![line.clone()], 0, Residue::default());
    assert_eq!(registry.at(&path("x"), ""), None);
    let proposal = propose_tree(&registry, &tree("x X"));
    assert_eq!(shown_proposal(&proposal), "register `x` as 2\n");
    let fresh = proposal.registry.at(&path("x"), "").unwrap();
    assert_eq!(fresh.uuid, candidate_uuid(WORKSPACE, &path("x"), "", 1));
    assert_eq!(proposal.registry.by_id(AssetId(1)), Some(&line));
    assert!(load(&proposal.registry.files().map(Some)).diagnostics.is_empty());
}

#[test]
fn when_numbers_run_out_nothing_is_proposed() {
    let mut line = register("x X").lines()[0].clone();
    line.retired = [AssetId(u32::MAX)].into();
    let registry = Registry::of(vec![line], 0, Residue::default());
    assert_eq!(registry.next_id(), None);
    let proposal = propose_tree(&registry, &tree("y X\nz Z"));
    assert_eq!(proposal.registry, registry);
    assert!(!proposal.is_change());
    assert_eq!(proposal.diagnostics[0].code, Code::REGISTRY_FULL);
}

#[test]
fn only_files_whose_lines_change_are_written() {
    let old = register("x X\ny Y");
    assert_eq!(old.changed_files(&old), []);
    let new = propose_tree(&old, &tree("x X\ny Y\nz Z")).registry;
    let changed = old.changed_files(&new);
    let uuid = new.at(&path("z"), "").unwrap().uuid;
    assert_eq!(changed, [(file_of(uuid), new.files()[file_of(uuid)].clone())]);
}

#[test]
fn locked_names_each_line() {
    let proposal = propose_tree(&register("x X"), &tree("y X\nz Z"));
    let messages: Vec<String> = proposal.locked().into_iter().map(|it| it.message).collect();
    assert_eq!(messages, ["--locked forbids to move 1 from `x` to `y`", "--locked forbids to register `z` as 2"]);
}

// Loading.

/// Puts lines into their files in the order given.
pub(super) fn files_of<'a>(lines: impl IntoIterator<Item = &'a str>) -> FileSet {
    let mut files: FileSet = std::array::from_fn(|_| Some(Vec::new()));
    for line in lines {
        let digit = line.split("\"asset_uuid\":\"").nth(1).and_then(|it| it[..1].parse::<char>().ok()).unwrap_or('0');
        let file = files[digit.to_digit(16).unwrap() as usize].as_mut().unwrap();
        file.extend(line.as_bytes());
        file.push(b'\n');
    }
    files
}

fn shown_diagnostics(diagnostics: &[Diagnostic]) -> String {
    let place =
        |location: &crate::model::Location| format!("{}:{}", location.path, location.span.map_or(0, |it| it.line));
    let shown = |it: &Diagnostic| {
        let mut text = format!("{} {}", it.code, it.location.as_ref().map(place).unwrap_or_default());
        for related in &it.related {
            text += &format!(" ({} {})", related.message, place(&related.location));
        }
        format!("{text}: {}\n", it.message)
    };
    diagnostics.iter().map(shown).collect()
}

fn lines_of(registry: &Registry) -> Vec<String> {
    registry.lines().iter().map(|it| String::from_utf8(it.canonical()).unwrap()).collect()
}

fn check_load(lines: &[String], expect: Expect) -> Registry {
    let loaded = load(&files_of(lines.iter().map(String::as_str)));
    let mut reversed: Vec<&str> = lines.iter().map(String::as_str).collect();
    reversed.reverse();
    assert_eq!(load(&files_of(reversed)).registry, loaded.registry);
    expect.assert_eq(&shown_diagnostics(&loaded.diagnostics));
    loaded.registry
}

pub(super) fn text(line: &Line) -> String {
    String::from_utf8(line.canonical()).unwrap()
}

#[test]
fn any_order_line_end_and_blank_line_is_read() {
    let registry = register("a A\nb B\nc C\nd D\ne E\nf F");
    let mut files = registry.files().map(Some);
    for file in files.iter_mut().flatten() {
        let mut lines: Vec<&str> = std::str::from_utf8(file).unwrap().lines().collect();
        lines.reverse();
        *file = format!("\u{feff}\r\n{}\r\n  \r\n", lines.join("\r\n")).into_bytes();
    }
    let loaded = load(&files);
    assert_eq!(shown_diagnostics(&loaded.diagnostics), "");
    assert_eq!(loaded.registry.lines(), registry.lines());
    assert_eq!(loaded.registry.digest(), registry.digest());
}

#[test]
fn absent_files_are_named_and_an_absent_registry_is_told_apart() {
    let mut files = Registry::empty().files().map(Some);
    assert_eq!(
        load(&files),
        Loaded { registry: Registry::empty(), diagnostics: Vec::new(), presence: Presence::Whole }
    );
    (files[3], files[15]) = (None, None);
    let loaded = load(&files);
    assert_eq!(loaded.presence, Presence::Partial);
    expect![[r#"
        PW0201 packwright.registry/3.jsonl:0: `packwright.registry/3.jsonl` is absent
        PW0201 packwright.registry/f.jsonl:0: `packwright.registry/f.jsonl` is absent
    "#]]
    .assert_eq(&shown_diagnostics(&loaded.diagnostics));
    let loaded = load(&FileSet::default());
    assert_eq!(loaded.presence, Presence::Absent);
    expect![[r#"
        PW0201 packwright.registry:0: `packwright.registry` is absent
    "#]]
    .assert_eq(&shown_diagnostics(&loaded.diagnostics));
}

#[test]
fn what_cannot_be_read_is_named_line_by_line() {
    let line = register("x X").lines()[0].clone();
    let good = text(&line);
    let digit = &line.uuid.to_string()[..1];
    let bad = [
        good.replace("\"place\"", "\"future\":1,\"place\""),
        good.replace("\"asset_id\":1", "\"asset_id\":0"),
        good.replace("\"asset_id\":1", "\"asset_id\":-1"),
        good.replace("\"asset_id\":1", "\"asset_id\":4294967296"),
        good.replace("\"asset_id\":1", "\"asset_id\":1,\"asset_id\":1"),
        good.replace("\"asset_id\":1,", ""),
        good.replace("\"x\"", "\"../x\""),
        good.replace('}', ",\"was\":[\"1\"]}"),
        good.replace('}', ",\"retired\":[1]}"),
        good.replace('}', ""),
        format!("{good}{good}"),
        format!("<<<<<<< HEAD{{\"asset_uuid\":\"{digit}"),
        format!("======={{\"asset_uuid\":\"{digit}"),
        format!(">>>>>>> branch{{\"asset_uuid\":\"{digit}"),
        good.clone(),
    ];
    let registry = check_load(
        &bad,
        expect![[r#"
        PW0202 packwright.registry/5.jsonl:1: the line cannot be read: unknown field `future`, expected one of `asset_uuid`, `asset_id`, `place`, `part`, `content`, `declaration`, `was`, `retired`, `removed`
        PW0202 packwright.registry/5.jsonl:2: 0 is no asset_id: numbers start at 1
        PW0202 packwright.registry/5.jsonl:3: the line cannot be read: invalid value: integer `-1`, expected u32
        PW0202 packwright.registry/5.jsonl:4: the line cannot be read: invalid value: integer `4294967296`, expected u32
        PW0202 packwright.registry/5.jsonl:5: the line cannot be read: duplicate field `asset_id`
        PW0202 packwright.registry/5.jsonl:6: the line cannot be read: missing field `asset_id`
        PW0202 packwright.registry/5.jsonl:7: the line cannot be read: expected a relative path with `/` and without `.`, `..` or empty components
        PW0202 packwright.registry/5.jsonl:8: the line cannot be read: expected 16 lower-case hexadecimal characters
        PW0202 packwright.registry/5.jsonl:9: `retired` holds the line's own asset_id
        PW0202 packwright.registry/5.jsonl:10: the line cannot be read: EOF while parsing an object
        PW0202 packwright.registry/5.jsonl:11: the line cannot be read: trailing characters
        PW0204 packwright.registry/5.jsonl:12: a merge conflict was left unresolved here
        PW0204 packwright.registry/5.jsonl:13: a merge conflict was left unresolved here
        PW0204 packwright.registry/5.jsonl:14: a merge conflict was left unresolved here
    "#]],
    );
    assert_eq!(lines_of(&registry), [good]);
}

#[test]
fn a_line_in_another_file_and_bytes_that_are_no_text_are_refused() {
    let line = register("x X").lines()[0].clone();
    let mut files = Registry::empty().files().map(Some);
    let other = (file_of(line.uuid) + 1) % N_FILES;
    files[other] = Some(line.canonical());
    files[file_of(line.uuid)] = Some([&line.canonical()[..], b"\n{\xff}\n{}\n"].concat());
    let loaded = load(&files);
    expect![[r#"
        PW0202 packwright.registry/5.jsonl:2: the line is not UTF-8; the file is not read any further
        PW0202 packwright.registry/6.jsonl:1: the line of 55e0eceb-72ac-8c65-88a2-efdc0e6dccd2 belongs in `packwright.registry/5.jsonl`
    "#]].assert_eq(&shown_diagnostics(&loaded.diagnostics));
    assert_eq!(loaded.registry.lines(), [line]);
}

#[test]
fn a_superseded_line_gives_way() {
    let first = register("x X");
    let second = propose_tree(&first, &tree("y X")).registry;
    let third = propose_tree(&second, &tree("z X")).registry;
    let lines: Vec<String> = [&third, &first, &second].iter().map(|it| lines_of(it)[0].clone()).collect();
    let registry = check_load(
        &lines,
        expect![[r#"
        PW0208 packwright.registry/5.jsonl:2 (the later line packwright.registry/5.jsonl:1): a later line supersedes this one of `z`
        PW0208 packwright.registry/5.jsonl:3 (the later line packwright.registry/5.jsonl:1): a later line supersedes this one of `z`
    "#]],
    );
    assert_eq!(lines_of(&registry), lines_of(&third));
    // It waits for something else to commit, and then goes along.
    assert!(!propose_tree(&registry, &tree("z X")).is_change());
    let proposal = propose_tree(&registry, &tree("new N\nz X"));
    assert_eq!(shown_proposal(&proposal), "register `new` as 2\ntidy the lines of `z`\n");
    let changed: Vec<usize> = registry.changed_files(&proposal.registry).into_iter().map(|it| it.0).collect();
    assert!(changed.contains(&file_of(third.lines()[0].uuid)));
    assert!(load(&proposal.registry.files().map(Some)).diagnostics.is_empty());
}

#[test]
fn a_number_that_only_a_superseded_line_has_is_not_given_again() {
    let old = Line { id: AssetId(40), ..register("x X").lines()[0].clone() };
    let mut new = Line { id: AssetId(1), ..old.clone() };
    new.supersede([old.short_digest()]);
    let loaded = load(&files_of([&*text(&old), &*text(&new)]));
    assert_eq!(loaded.registry.next_id(), Some(AssetId(41)));
}

#[test]
fn equal_lines_are_one() {
    let line = text(&register("x X").lines()[0]);
    let registry = check_load(
        &[line.clone(), line.replace(',', ", "), line.clone()],
        expect![[r#"
        PW0209 packwright.registry/5.jsonl:2: the line of `x` stands here once more
        PW0209 packwright.registry/5.jsonl:3: the line of `x` stands here once more
    "#]],
    );
    assert_eq!(lines_of(&registry), [line]);
}

/// One place, registered by three branches as different numbers.
fn three_registrations() -> [Line; 3] {
    let line = register("x X").lines()[0].clone();
    let other = |id, content: &[u8]| Line { id: AssetId(id), content: Digest::of(content), ..line.clone() };
    [other(4, b"X"), other(3, b"Y"), other(9, b"Z")]
}

#[test]
fn first_registrations_agree_on_the_smaller_number() {
    let [a, b, c] = three_registrations();
    let registry = check_load(
        &[text(&a), text(&b)],
        expect![[r#"
        PW0208 packwright.registry/5.jsonl:1 (the other registration packwright.registry/5.jsonl:2): `x` was registered on two branches; it has the number 3
    "#]],
    );
    let line = &registry.lines()[0];
    assert_eq!((line.id, &*line.retired, line.content), (AssetId(3), &[AssetId(4)][..], b.content));
    assert_eq!(line.was, line::sorted(vec![a.short_digest(), b.short_digest()]));
    assert_eq!(registry.next_id(), Some(AssetId(5)));

    // A third branch, merged before and after the agreement was committed.
    let together = check_load(
        &[text(&a), text(&b), text(&c)],
        expect![[r#"
        PW0208 packwright.registry/5.jsonl:1 (the other registration packwright.registry/5.jsonl:2): `x` was registered on two branches; it has the number 3
        PW0208 packwright.registry/5.jsonl:3 (the other registration packwright.registry/5.jsonl:2): `x` was registered on two branches; it has the number 3
    "#]],
    );
    let late = check_load(
        &[text(line), text(&a), text(&c)],
        expect![[r#"
        PW0208 packwright.registry/5.jsonl:2 (the later line packwright.registry/5.jsonl:1): a later line supersedes this one of `x`
        PW0208 packwright.registry/5.jsonl:3 (the other registration packwright.registry/5.jsonl:1): `x` was registered on two branches; it has the number 3
    "#]],
    );
    for registry in [&together, &late] {
        let line = &registry.lines()[0];
        assert_eq!((line.id, &*line.retired), (AssetId(3), &[AssetId(4), AssetId(9)][..]));
    }
    // Registered with one number and other contents: the same line everywhere.
    let d = Line { id: b.id, ..a.clone() };
    let registry = check_load(
        &[text(&b), text(&d)],
        expect![[r#"
        PW0208 packwright.registry/5.jsonl:2 (the other registration packwright.registry/5.jsonl:1): `x` was registered on two branches; it has the number 3
    "#]],
    );
    assert!(registry.lines()[0].retired.is_empty());
}

#[test]
fn anything_else_about_one_uuid_is_a_conflict() {
    let [a, b, _] = three_registrations();
    let moved = |from: &Line, to: &str| {
        let mut line = Line { place: path(to), ..from.clone() };
        line.supersede([from.short_digest()]);
        line
    };
    // Both branches moved it.
    check_load(
        &[text(&moved(&a, "y")), text(&moved(&a, "z"))],
        expect![[r#"
            PW0203 packwright.registry/5.jsonl:1 (this one says number 4 at `z` packwright.registry/5.jsonl:2): the lines of 55e0eceb-72ac-8c65-88a2-efdc0e6dccd2 contradict each other: this one says number 4 at `y`
        "#]],
    );
    // Both refreshed what it holds.
    let refreshed = |content: &[u8]| {
        let mut line = Line { content: Digest::of(content), ..a.clone() };
        line.supersede([a.short_digest()]);
        line
    };
    check_load(
        &[text(&refreshed(b"1")), text(&refreshed(b"2"))],
        expect![[r#"
            PW0203 packwright.registry/5.jsonl:2 (this one says number 4 at `x`, `content` d63bd9a826af packwright.registry/5.jsonl:1): the lines of 55e0eceb-72ac-8c65-88a2-efdc0e6dccd2 contradict each other: this one says number 4 at `x`, `content` 813e9b729141
        "#]],
    );
    // One moved it, the other registered it anew.
    check_load(
        &[text(&moved(&a, "y")), text(&b)],
        expect![[r#"
            PW0203 packwright.registry/5.jsonl:2 (this one says number 4 at `y`, `content` f7b966d4b544 packwright.registry/5.jsonl:1): the lines of 55e0eceb-72ac-8c65-88a2-efdc0e6dccd2 contradict each other: this one says number 3 at `x`, `content` 777f7a851c3f
        "#]],
    );
    // One removed it.
    let mut removed = Line { removed: true, ..a.clone() };
    removed.supersede([a.short_digest()]);
    check_load(
        &[text(&removed), text(&b)],
        expect![[r#"
            PW0203 packwright.registry/5.jsonl:2 (this one says number 4 at `x`, removed, `content` f7b966d4b544 packwright.registry/5.jsonl:1): the lines of 55e0eceb-72ac-8c65-88a2-efdc0e6dccd2 contradict each other: this one says number 3 at `x`, `content` 777f7a851c3f
        "#]],
    );
}

#[test]
fn a_number_is_bound_once() {
    let registry = register("x X\ny Y\nz Z");
    let by = |place: &str| registry.at(&path(place), "").unwrap().clone();
    let (x, y, z) = (by("x"), by("y"), by("z"));
    check_load(
        &[text(&x), text(&Line { id: x.id, ..y.clone() }), text(&Line { id: x.id, ..z.clone() })],
        expect![[r#"
            PW0203 packwright.registry/e.jsonl:1 (the other line packwright.registry/5.jsonl:1): number 1 is bound to both `x` and `y`
            PW0203 packwright.registry/f.jsonl:1 (the other line packwright.registry/5.jsonl:1): number 1 is bound to both `x` and `z`
        "#]],
    );
    // A retired number is never given again, but two may have retired it.
    check_load(
        &[text(&x), text(&Line { retired: [x.id].into(), ..y.clone() })],
        expect![[r#"
        PW0203 packwright.registry/5.jsonl:1 (the other line packwright.registry/e.jsonl:1): number 1 of `x` was retired by `y`
    "#]],
    );
    check_load(
        &[text(&Line { retired: [AssetId(9)].into(), ..x }), text(&Line { retired: [AssetId(9)].into(), ..y.clone() })],
        expect![""],
    );
    // A tombstone's number is taken, its place is not.
    check_load(&[text(&y), text(&Line { place: path("y"), removed: true, ..z.clone() })], expect![""]);
    check_load(
        &[text(&y), text(&Line { id: y.id, removed: true, ..z })],
        expect![[r#"
        PW0203 packwright.registry/f.jsonl:1 (the other line packwright.registry/e.jsonl:1): number 2 is bound to both `y` and `z`
    "#]],
    );
}

#[test]
fn a_place_is_bound_once() {
    let registry = register("x X\ny Y");
    let by = |place: &str| registry.at(&path(place), "").unwrap().clone();
    check_load(
        &[text(&by("x")), text(&Line { place: path("x"), ..by("y") })],
        expect![[r#"
        PW0203 packwright.registry/e.jsonl:1 (the other line packwright.registry/5.jsonl:1): `x` is bound to two assets, 1 (55e0eceb-72ac-8c65-88a2-efdc0e6dccd2) and 2 (ed30ea01-8c20-89ff-961f-0aeed56d4fdb)
    "#]],
    );
    check_load(&[text(&by("x")), text(&Line { place: path("x"), part: "p".into(), ..by("y") })], expect![""]);
}

#[test]
fn every_truncation_and_flip_is_answered() {
    let registry = propose_tree(&register("x X side\ny Y"), &tree("z X\ny Y")).registry;
    let whole = registry.files().concat();
    let try_all = |bytes: &[u8]| {
        // In every file: a flip may change the first digit.
        let loaded = load(&std::array::from_fn(|_| Some(bytes.to_vec())));
        let proposal = propose_tree(&loaded.registry, &tree("z X\nw W"));
        assert!(proposal.registry.lines().len() <= 2 + 2);
    };
    for len in 0..whole.len() {
        try_all(&whole[..len]);
    }
    let mut bytes = whole.clone();
    for at in 0..whole.len() {
        for flip in [0x01, 0x20, 0x80] {
            bytes[at] ^= flip;
            try_all(&bytes);
            bytes[at] ^= flip;
        }
    }
}

// Two branches.

/// What a branch does to a tree: adds a file, moves one, or removes one.
#[derive(Clone, Debug)]
enum Edit {
    Add(u8, u8),
    Move(prop::sample::Index, u8),
    Remove(prop::sample::Index),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        3 => (0..24_u8, any::<u8>()).prop_map(|(name, content)| Edit::Add(name, content)),
        2 => (any::<prop::sample::Index>(), 0..24_u8).prop_map(|(index, name)| Edit::Move(index, name)),
        1 => any::<prop::sample::Index>().prop_map(Edit::Remove),
    ];
    prop::collection::vec(edit, 0..8)
}

fn apply(tree: &mut Tree, edit: &Edit) {
    let place = |name: u8| Present {
        place: path(&format!("d{}/f{}", name % 3, name / 3)),
        part: String::new(),
        excluded: false,
    };
    let nth = |tree: &Tree, index: &prop::sample::Index| (!tree.is_empty()).then(|| index.index(tree.len()));
    match edit {
        Edit::Add(name, content) => {
            tree.insert(place(*name), Digests { content: Digest::of(&[*content]), declaration: None });
        }
        Edit::Move(index, name) => {
            let Some(nth) = nth(tree, index) else { return };
            let from = tree.keys().nth(nth).unwrap().clone();
            let digests = tree.remove(&from).unwrap();
            tree.insert(place(*name), digests);
        }
        Edit::Remove(index) => {
            let Some(nth) = nth(tree, index) else { return };
            let place = tree.keys().nth(nth).unwrap().clone();
            tree.remove(&place);
        }
    }
}

/// Builds after every edit.
fn branch(registry: &Registry, tree: &Tree, edits: &[Edit]) -> (Registry, Tree) {
    let (mut registry, mut tree) = (registry.clone(), tree.clone());
    for edit in edits {
        apply(&mut tree, edit);
        registry = propose_tree(&registry, &tree).registry;
    }
    (registry, tree)
}

/// What git's union of two sides may leave at worst: every line of either, and of the base, in any order.
fn union(sides: [&Registry; 3], seed: u64) -> FileSet {
    let mut lines: Vec<String> = sides.iter().flat_map(|it| lines_of(it)).collect();
    lines.sort_by_key(|it| Digest::of(&[&seed.to_le_bytes(), it.as_bytes()].concat()));
    files_of(lines.iter().map(String::as_str))
}

fn uuids(registry: &Registry) -> BTreeSet<AssetUuid> {
    registry.lines().iter().map(|it| it.uuid).collect()
}

proptest! {
    #[test]
    fn a_history_reads_back_and_never_reuses_a_number(edits in edits()) {
        let (mut registry, mut tree) = (Registry::empty(), Tree::new());
        let mut bound: BTreeMap<AssetId, AssetUuid> = BTreeMap::new();
        for edit in &edits {
            apply(&mut tree, edit);
            let proposal = propose_tree(&registry, &tree);
            registry = proposal.registry;
            let loaded = load(&registry.files().map(Some));
            prop_assert_eq!(shown_diagnostics(&loaded.diagnostics), "");
            prop_assert_eq!(&loaded.registry, &registry);
            for line in registry.lines() {
                prop_assert_eq!(*bound.entry(line.id).or_insert(line.uuid), line.uuid);
                prop_assert_eq!(registry.by_id(line.id), Some(line));
                prop_assert_eq!(registry.by_uuid(line.uuid), Some(line));
            }
            prop_assert_eq!(bound.len(), registry.lines().len());
            for present in tree.keys() {
                prop_assert!(registry.at(&present.place, &present.part).is_some());
            }
        }
    }

    #[test]
    fn clones_that_register_the_same_agree(one in edits(), other in edits()) {
        let (base, tree) = branch(&Registry::empty(), &Tree::new(), &one);
        let (mine, my_tree) = branch(&base, &tree, &other);
        let (theirs, _) = branch(&load(&base.files().map(Some)).registry, &tree, &other);
        prop_assert_eq!(mine.files(), theirs.files());
        // Registered one by one or at once: numbers may differ, uuids do not.
        let at_once = propose_tree(&Registry::empty(), &my_tree).registry;
        let mut reversed = Registry::empty();
        let mut part = Tree::new();
        for (present, digests) in my_tree.iter().rev() {
            part.insert(present.clone(), *digests);
            reversed = propose_tree(&reversed, &part).registry;
        }
        prop_assert_eq!(uuids(&at_once), uuids(&reversed));
    }

    #[test]
    fn a_union_of_two_branches_is_one_registry_from_either_side(
        before in edits(), left in edits(), right in edits(), seed in any::<u64>(),
    ) {
        let (base, tree) = branch(&Registry::empty(), &Tree::new(), &before);
        let (ours, _) = branch(&base, &tree, &left);
        let (theirs, _) = branch(&base, &tree, &right);
        let merged = load(&union([&ours, &theirs, &base], 0));
        let other_side = load(&union([&theirs, &base, &ours], seed));
        prop_assert_eq!(merged.registry.lines(), other_side.registry.lines());
        let count = |it: &Loaded| it.diagnostics.iter().filter(|it| it.is_error()).count();
        prop_assert_eq!(count(&merged), count(&other_side));
        let mut either = uuids(&ours);
        either.extend(uuids(&theirs));
        prop_assert_eq!(uuids(&merged.registry), either);
        // Nothing of the base is in the way where both sides went on from it, and where one side did nothing,
        // the other one is the result.
        if left.is_empty() || right.is_empty() {
            let moved_on = if left.is_empty() { &theirs } else { &ours };
            prop_assert_eq!(count(&merged), 0);
            prop_assert_eq!(merged.registry.lines(), moved_on.lines());
        }
        if count(&merged) == 0 {
            let tidy = load(&merged.registry.files().map(Some));
            prop_assert_eq!(shown_diagnostics(&tidy.diagnostics), "");
            prop_assert_eq!(tidy.registry.lines(), merged.registry.lines());
            // A late merge of either side changes nothing any more.
            let late = load(&union([&tidy.registry, &theirs, &ours], seed));
            prop_assert_eq!(late.registry.lines(), merged.registry.lines());
        }
    }

    #[test]
    fn a_repair_is_the_same_from_either_side(
        before in edits(), left in edits(), right in edits(), third in edits(), seed in any::<u64>(),
    ) {
        let (base, tree) = branch(&Registry::empty(), &Tree::new(), &before);
        let (ours, tree_of_ours) = branch(&base, &tree, &left);
        let (theirs, tree_of_theirs) = branch(&base, &tree, &right);
        let merged_tree: Tree = tree_of_theirs.into_iter().chain(tree_of_ours).collect();
        let (present, digests): (Vec<Present>, Vec<Digests>) = merged_tree.clone().into_iter().unzip();
        let ground = Ground { present: &present, digests: &|at| digests[at] };
        let repaired = repair(&union([&ours, &theirs, &base], 0), &ground);
        let other_side = repair(&union([&theirs, &ours, &ours], seed), &ground);
        prop_assert_eq!(repaired.registry.files(), other_side.registry.files());
        // The merge driver leaves the same to be repaired.
        let driven: FileSet = std::array::from_fn(|at| Some(join(&ours.files()[at], &theirs.files()[at]).bytes));
        let driven = repair(&driven, &ground);
        prop_assert_eq!(repaired.registry.files(), driven.registry.files());
        // It is whole, everybody is in it, and nobody has another one's number.
        prop_assert!(repaired.obstacles.is_empty());
        let loaded = load(&repaired.registry.files().map(Some));
        prop_assert_eq!(shown_diagnostics(&loaded.diagnostics), "");
        let mut either = uuids(&ours);
        either.extend(uuids(&theirs));
        prop_assert_eq!(uuids(&repaired.registry), either);
        // What needs no repair is left as a build leaves it.
        let union = load(&union([&ours, &theirs, &base], 0));
        if !union.diagnostics.iter().any(Diagnostic::is_error) {
            prop_assert_eq!(union.registry.lines(), repaired.registry.lines());
        }
        // A third branch that comes late, from either side.
        let (late, _) = branch(&base, &tree, &third);
        let one = repair(&super::tests::union([&repaired.registry, &late, &late], seed), &ground);
        let other = repair(&super::tests::union([&late, &repaired.registry, &theirs], 0), &ground);
        prop_assert_eq!(one.registry.files(), other.registry.files());
        let again = repair(&super::tests::union([&one.registry, &repaired.registry, &late], 1), &ground);
        prop_assert_eq!(again.registry.files(), one.registry.files());
        prop_assert_eq!(shown_diagnostics(&load(&one.registry.files().map(Some)).diagnostics), "");
        let next = propose_tree(&one.registry, &merged_tree);
        prop_assert_eq!(shown_diagnostics(&load(&next.registry.files().map(Some)).diagnostics), "");
    }

    #[test]
    fn a_proposal_loses_and_steals_nothing(before in edits(), after in edits()) {
        let (base, tree) = branch(&Registry::empty(), &Tree::new(), &before);
        let mut tree = tree;
        after.iter().for_each(|it| apply(&mut tree, it));
        let proposal = propose_tree(&base, &tree);
        // No identity is lost, doubled or taken from a place that is still declared.
        prop_assert!(uuids(&base).is_subset(&uuids(&proposal.registry)));
        for present in tree.keys() {
            if let Some(line) = base.at(&present.place, &present.part) {
                prop_assert_eq!(proposal.registry.at(&present.place, &present.part), Some(line));
            }
        }
        let loaded = load(&proposal.registry.files().map(Some));
        prop_assert!(loaded.diagnostics.is_empty());
    }
}

// Test vectors for other implementations.

#[derive(serde::Serialize)]
struct Vectors {
    about: &'static str,
    allocation: Vec<AllocationVector>,
    directory_content: Vec<ContentVector>,
    merging: Vec<MergeVector>,
}

#[derive(serde::Serialize)]
struct AllocationVector {
    workspace: AssetUuid,
    place: &'static str,
    part: &'static str,
    k: u64,
    asset_uuid: AssetUuid,
}

#[derive(serde::Serialize)]
struct ContentVector {
    inputs: Vec<(&'static str, Digest)>,
    content: Digest,
}

#[derive(serde::Serialize)]
struct MergeVector {
    name: &'static str,
    lines: Vec<String>,
    short_digests: Vec<String>,
    settled: Option<String>,
    code: Option<Code>,
}

fn merge_vector(name: &'static str, lines: &[&Line]) -> MergeVector {
    let texts: Vec<String> = lines.iter().map(|it| text(it)).collect();
    let loaded = load(&files_of(texts.iter().map(String::as_str)));
    let refused = loaded.diagnostics.iter().any(Diagnostic::is_error);
    MergeVector {
        name,
        lines: texts,
        short_digests: lines.iter().map(|it| it.short_digest().to_string()).collect(),
        settled: (!refused).then(|| text(&loaded.registry.lines()[0])),
        code: loaded.diagnostics.first().map(|it| it.code),
    }
}

fn vectors() -> Vectors {
    let allocation =
        [("assets/hero.png", "", 0), ("assets/hero.png", "", 1), ("assets/atlas.png", "walk", 0), ("", "", 0)].map(
            |(place, part, k)| AllocationVector {
                workspace: WORKSPACE,
                place,
                part,
                k,
                asset_uuid: candidate_uuid(WORKSPACE, &path(place), part, k),
            },
        );
    let inputs = [
        vec![],
        vec![("empty.txt", Digest::of(b""))],
        vec![("b.txt", Digest::of(b"b")), ("sub/a.txt", Digest::of(b"a"))],
    ];
    let [a, b, _] = three_registrations();
    let mut moved = Line { place: path("y"), ..a.clone() };
    moved.supersede([a.short_digest()]);
    let mut elsewhere = Line { place: path("z"), ..a.clone() };
    elsewhere.supersede([a.short_digest()]);
    Vectors {
        about: "Test vectors for registry.md; digests of single letters are of that letter",
        allocation: allocation.into(),
        directory_content: inputs
            .into_iter()
            .map(|inputs| ContentVector { content: directory_content(inputs.iter().copied()), inputs })
            .collect(),
        merging: vec![
            merge_vector("equal lines are one", &[&a, &a]),
            merge_vector("a later form supersedes an earlier one", &[&a, &moved]),
            merge_vector("first registrations agree on the smaller number", &[&a, &b]),
            merge_vector("two later forms of one line contradict each other", &[&moved, &elsewhere]),
        ],
    }
}

#[test]
fn vectors_are_current() {
    let text = serde_json::to_string_pretty(&vectors()).unwrap() + "\n";
    expect_file!["../../../schema/registry-vectors.json"].assert_eq(&text);
}
