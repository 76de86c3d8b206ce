//! `packwright doctor` and `packwright registry merge`: what is found, what is done about it, and how it is told.

use expect_test::{Expect, expect};
use packwright::internals::system::System;
use packwright::internals::system::os::OsSystem;

use crate::sandbox::Sandbox;
use crate::schema::problems;

/// Returns the file of the registry that holds the line of `place`, and that line.
fn line(sandbox: &Sandbox, place: &str) -> (String, String) {
    let is_it = |line: &&str| line.contains(&format!("\"place\":\"{place}\""));
    let files = sandbox.files().into_iter().filter(|it| it.0.starts_with("packwright.registry/"));
    let texts = files.map(|(path, bytes)| (path, String::from_utf8(bytes).expect("text")));
    let mut found = texts.filter_map(|(path, text)| Some((path, text.lines().find(is_it)?.to_owned())));
    found.next().expect("it is registered")
}

/// Replaces a text in the line of `place`.
fn edit_line(sandbox: &Sandbox, place: &str, from: &str, to: &str) {
    let (path, line) = line(sandbox, place);
    let text = String::from_utf8(sandbox.read(&path)).expect("text");
    sandbox.write(&path, &text.replace(&line, &line.replace(from, to)));
}

/// Returns numbers and places of the registry, each with what sets it apart.
fn registry(sandbox: &Sandbox) -> String {
    let files = sandbox.files().into_iter().filter(|it| it.0.starts_with("packwright.registry/"));
    let text: String =
        files.filter(|it| it.0.ends_with("jsonl")).map(|it| String::from_utf8_lossy(&it.1).into_owned()).collect();
    let mut lines: Vec<(u64, String)> = Vec::new();
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let removed = if line["removed"] == true { ", removed" } else { "" };
        let retired = line["retired"].as_array().map_or_else(String::new, |it| format!(", retired {it:?}"));
        let id = line["asset_id"].as_u64().expect("a number");
        lines.push((id, format!("{id} {}{retired}{removed}\n", line["place"].as_str().expect("a place"))));
    }
    lines.sort();
    lines.into_iter().map(|it| it.1).collect()
}

/// Replaces digests and uuids, which say nothing to whoever reads a test.
fn plain(told: &str) -> String {
    let is_odd = |it: char| !it.is_ascii_hexdigit() && it != '-';
    let words = told.split_inclusive(is_odd).map(|word| {
        let (body, end) = word.split_at(word.trim_end_matches(is_odd).len());
        let is_name = body.len() >= 16 && body.contains(|it: char| it.is_ascii_digit());
        format!("{}{end}", if is_name { "*" } else { body })
    });
    let told: String = words.collect();
    let is_underlined = |it: &str| it.trim_start_matches([' ', '|']).chars().all(|it| it == '^' || it == '-');
    let lines = told.lines().map(|it| if it.len() > 100 && is_underlined(it) { "          | ..." } else { it });
    lines.map(|it| format!("{it}\n")).collect()
}

fn check(sandbox: &Sandbox, arguments: &[&str], expect: Expect) {
    expect.assert_eq(&plain(&sandbox.run(arguments)));
}

fn built(files: &[(&str, &str)]) -> Sandbox {
    let sandbox = Sandbox::raw(files);
    assert!(sandbox.run(&["build", "-q"]).starts_with("exit 0\n"));
    sandbox
}

#[test]
fn a_sound_workspace_is_clean() {
    let sandbox = built(&[("assets/a.txt", "alpha")]);
    let before = sandbox.files();
    check(
        &sandbox,
        &["doctor"],
        expect![[r#"
        exit 0
        --- stderr
        nothing is wrong
    "#]],
    );
    check(
        &sandbox,
        &["doctor", "--fix"],
        expect![[r#"
        exit 0
        --- stderr
        nothing to do
    "#]],
    );
    let document = sandbox.json(&["doctor", "--format", "json"]);
    assert_eq!(problems("doctor", &document), [""; 0]);
    assert_eq!(document["clean"], true);
    let committed = |files: Vec<(String, Vec<u8>)>| -> Vec<_> {
        files.into_iter().filter(|it| !it.0.starts_with(".packwright/")).collect()
    };
    assert_eq!(committed(sandbox.files()), committed(before));
}

#[test]
fn line_endings_are_told_with_what_to_do() {
    let sandbox = built(&[("assets/a.txt", "a\nb\n"), ("assets/b.txt", "c\n"), ("assets/c.txt", "d\n")]);
    sandbox.write("assets/a.txt", "a\r\nb\r\n");
    sandbox.write("assets/c.txt", "d\r\n");
    check(
        &sandbox,
        &["doctor"],
        expect![[r#"
        exit 0
        --- stderr
        note: `assets/a.txt` is what was registered but for its line endings, and so is 1 other
          help: most likely git converts them, so that packs differ by machine and moved texts are not recognised: put `* -text` into the `.gitattributes` beside the assets, and check them out anew
        nothing is wrong
    "#]],
    );
}

#[test]
fn a_number_bound_twice_is_repaired() {
    let sandbox = built(&[("assets/a.txt", "alpha"), ("assets/b.txt", "beta"), ("assets/c.txt", "gamma")]);
    edit_line(&sandbox, "assets/b.txt", "\"asset_id\":2", "\"asset_id\":3");
    let told = sandbox.run(&["build"]);
    assert!(told.starts_with("exit 1\n") && told.contains("packwright doctor --fix"), "{told}");
    check(
        &sandbox,
        &["doctor"],
        expect![[r#"
            exit 1
            --- stderr
            error[PW0203]: number 3 is bound to both `assets/c.txt` and `assets/b.txt`
            --> packwright.registry/f.jsonl:1:1
             = help: run `packwright doctor --fix`, which repairs this alike on every machine
            note: the other line
            --> packwright.registry/0.jsonl:2:1

            1 error

            `packwright doctor --fix` would
              renumber `assets/b.txt` from 3 to 4
        "#]],
    );
    let document = sandbox.json(&["doctor", "--format", "json"]);
    assert_eq!(problems("doctor", &document), [""; 0]);
    assert_eq!((&document["clean"], &document["findings"][0]["remedy"]), (&false.into(), &"fix".into()));
    check(
        &sandbox,
        &["doctor", "--fix", "--dry-run"],
        expect![[r#"
        exit 1
        --- stdout
        --- a/packwright.registry/f.jsonl
        +++ b/packwright.registry/f.jsonl
        @@ -1 +1 @@
        -{"asset_uuid":"*","asset_id":3,"place":"assets/b.txt","content":"*"}
        +{"asset_uuid":"*","asset_id":4,"place":"assets/b.txt","content":"*","was":["*"]}
        --- stderr
        renumber `assets/b.txt` from 3 to 4
        repair what doctor found: 1 file would change
    "#]],
    );
    check(
        &sandbox,
        &["doctor", "--fix"],
        expect![[r#"
        exit 0
        --- stderr
        renumber `assets/b.txt` from 3 to 4
        repair what doctor found: 1 file, commit 3
    "#]],
    );
    expect![[r#"
        1 assets/a.txt
        3 assets/c.txt
        4 assets/b.txt
    "#]]
    .assert_eq(&registry(&sandbox));
    assert!(sandbox.run(&["build"]).starts_with("exit 0\n"));
    assert!(sandbox.run(&["doctor"]).starts_with("exit 0\n"));
}

#[test]
fn markers_and_contradictions_are_repaired() {
    let sandbox = built(&[("assets/a.txt", "alpha"), ("assets/b.txt", "beta")]);
    let (path, ours) = line(&sandbox, "assets/a.txt");
    let theirs = ours.replace("assets/a.txt", "assets/z.txt").replace("\"asset_id\":1", "\"asset_id\":9");
    let was = |line: &str| line.replace('}', ",\"was\":[\"0123456789abcdef\"]}");
    let (ours, theirs) = (was(&ours), was(&theirs));
    sandbox.write(&path, &format!("<<<<<<< ours\n{ours}\n=======\n{theirs}\n>>>>>>> theirs\n"));
    check(
        &sandbox,
        &["doctor"],
        expect![[r#"
            exit 1
            --- stderr
            error[PW0204]: a merge conflict was left unresolved here
            --> packwright.registry/0.jsonl:1:1
             = help: remove the markers and keep the lines of both sides, or run `packwright doctor --fix`, which repairs this alike on every machine

            error[PW0203]: the lines of * contradict each other: this one says number 1 at `assets/a.txt`
            --> packwright.registry/0.jsonl:2:1
             = help: run `packwright doctor --fix`, which repairs this alike on every machine
            note: this one says number 9 at `assets/z.txt`
            --> packwright.registry/0.jsonl:4:1

            error[PW0204]: a merge conflict was left unresolved here
            --> packwright.registry/0.jsonl:3:1
             = help: remove the markers and keep the lines of both sides, or run `packwright doctor --fix`, which repairs this alike on every machine

            error[PW0204]: a merge conflict was left unresolved here
            --> packwright.registry/0.jsonl:5:1
             = help: remove the markers and keep the lines of both sides, or run `packwright doctor --fix`, which repairs this alike on every machine

            4 errors

            `packwright doctor --fix` would
              make one line of those of 1 at `assets/a.txt`
        "#]],
    );
    check(
        &sandbox,
        &["doctor", "--fix"],
        expect![[r#"
        exit 0
        --- stderr
        make one line of those of 1 at `assets/a.txt`
        repair what doctor found: 1 file, commit 3
    "#]],
    );
    expect![[r#"
        1 assets/a.txt, retired [Number(9)]
        2 assets/b.txt
    "#]]
    .assert_eq(&registry(&sandbox));
    assert!(sandbox.run(&["doctor"]).starts_with("exit 0\n"));
}

#[test]
fn nothing_is_repaired_around_a_line_that_cannot_be_read() {
    let sandbox = built(&[("assets/a.txt", "alpha"), ("assets/b.txt", "beta")]);
    edit_line(&sandbox, "assets/b.txt", "\"asset_id\":2", "\"asset_id\":1");
    let (path, _) = line(&sandbox, "assets/a.txt");
    let text = String::from_utf8(sandbox.read(&path)).expect("text");
    sandbox.write(&path, &format!("{text}nonsense\n"));
    check(
        &sandbox,
        &["doctor"],
        expect![[r#"
            exit 1
            --- stderr
            error[PW0202]: the line cannot be read: expected ident
            --> packwright.registry/0.jsonl:2:1
             = help: restore the line from version control

            error[PW0203]: number 1 is bound to both `assets/a.txt` and `assets/b.txt`
            --> packwright.registry/f.jsonl:1:1
             = help: once every line can be read, `packwright doctor --fix` repairs this
            note: the other line
            --> packwright.registry/0.jsonl:1:1

            2 errors
        "#]],
    );
    let before = sandbox.read(&path);
    assert!(sandbox.run(&["doctor", "--fix"]).starts_with("exit 1\n"));
    assert_eq!(sandbox.read(&path), before);
    sandbox.remove(&path);
    let told = sandbox.run(&["doctor", "--fix"]);
    assert!(told.starts_with("exit 1\n") && told.contains("PW0201"), "{told}");
}

#[test]
fn what_may_have_become_of_a_missing_asset_is_told_and_settled() {
    let sandbox = built(&[("assets/a.txt", "alpha"), ("assets/k.txt", "kappa")]);
    sandbox.rename("assets/a.txt", "assets/b.txt");
    sandbox.write("assets/c d.txt", "alpha");
    assert!(sandbox.run(&["build", "-q"]).starts_with("exit 0\n"));
    check(
        &sandbox,
        &["doctor"],
        expect![[r#"
        exit 1
        --- stderr
        warning[PW0206]: `assets/a.txt` is registered as 1 and not declared any more
        --> assets/a.txt
         = help: run `packwright doctor --bind 1 assets/b.txt` or `packwright doctor --bind 1 'assets/c d.txt'` if it lives on there, or `packwright remove 1` if it is gone for good
        note: this one may be it, registered as 3
        --> assets/b.txt
        note: this one may be it, registered as 4
        --> assets/c d.txt

        1 warning
    "#]],
    );
    // There are two answers, so that `--fix` gives none.
    let told = sandbox.run(&["doctor", "--fix"]);
    assert!(told.starts_with("exit 1\n") && told.contains("nothing to do"), "{told}");
    check(
        &sandbox,
        &["doctor", "--bind", "9", "assets/b.txt"],
        expect![[r#"
        exit 1
        --- stderr
        error: no missing asset is meant by `9`; `packwright status` shows those there are
    "#]],
    );
    check(
        &sandbox,
        &["doctor", "--bind", "2", "assets/b.txt"],
        expect![[r#"
        exit 1
        --- stderr
        error: 2 is not missing: it is declared at `assets/k.txt`
    "#]],
    );
    check(
        &sandbox,
        &["doctor", "--bind", "1", "assets/none.txt"],
        expect![[r#"
        exit 1
        --- stderr
        error: nothing is declared at `assets/none.txt`; `packwright list` shows what is
    "#]],
    );
    check(
        &sandbox,
        &["doctor", "--bind", "1"],
        expect![[r#"
        exit 2
        --- stderr
        error: 2 values required for '--bind <ASSET> <PLACE>' but 1 was provided

        Usage: packwright doctor [OPTIONS]

        For more information, try '--help'.
    "#]],
    );
    check(
        &sandbox,
        &["doctor", "--bind", "1", "assets/b.txt", "--bind", "1", "assets/c d.txt"],
        expect![[r#"
        exit 2
        --- stderr
        error: `1` or `assets/c d.txt` is bound twice
    "#]],
    );
    // Paths are seen from where one is, as everywhere.
    check(
        &sandbox,
        &["-C", "assets", "doctor", "--bind", "assets/a.txt", "b.txt"],
        expect![[r#"
        exit 0
        --- stderr
        retire 3, registered at `assets/b.txt` instead
        move 1 from `assets/a.txt` to `assets/b.txt`
        find 1 missing asset: 2 files, commit 4
    "#]],
    );
    expect![[r#"
        1 assets/b.txt
        2 assets/k.txt
        3 assets/b.txt, removed
        4 assets/c d.txt
    "#]]
    .assert_eq(&registry(&sandbox));
    assert!(sandbox.run(&["doctor"]).starts_with("exit 0\n"));
    let undone = sandbox.run(&["build", "--locked"]);
    assert!(undone.starts_with("exit 0\n"), "{undone}");
}

#[test]
fn whoever_lives_at_a_place_is_not_ended_by_the_way() {
    let sandbox = built(&[("assets/a.txt", "alpha"), ("assets/k.txt", "kappa"), ("assets/old.txt", "old")]);
    sandbox.remove("assets/k.txt");
    let before = registry(&sandbox);
    // 1 was there before 2 went missing.
    check(
        &sandbox,
        &["doctor", "--bind", "2", "assets/a.txt"],
        expect![[r#"
        exit 1
        --- stderr
        error: `assets/a.txt` is the place of 1, which was not registered in the stead of 2; bind 2 to another place, or run `packwright doctor --bind 2 assets/a.txt --force`, which gives up 1 for good
    "#]],
    );
    // 3 is younger, but was something else before.
    sandbox.rename("assets/old.txt", "assets/new.txt");
    assert!(sandbox.run(&["build", "-q"]).starts_with("exit 0\n"));
    check(
        &sandbox,
        &["doctor", "--bind", "2", "assets/new.txt"],
        expect![[r#"
        exit 1
        --- stderr
        error: `assets/new.txt` is the place of 3, which was not registered in the stead of 2; bind 2 to another place, or run `packwright doctor --bind 2 assets/new.txt --force`, which gives up 3 for good
    "#]],
    );
    assert_eq!(registry(&sandbox), before.replace("old.txt", "new.txt"));
    // 4 looks as if it were minted by mistake, but somebody knows it by its uuid.
    sandbox.write("assets/fresh.txt", "kappa, edited");
    assert!(sandbox.run(&["build", "-q"]).starts_with("exit 0\n"));
    let line: serde_json::Value = serde_json::from_str(&line(&sandbox, "assets/fresh.txt").1).expect("JSON");
    let dependencies = format!("{{ \"dependencies\": [\"uuid:{}\"] }}", line["asset_uuid"].as_str().expect("a uuid"));
    sandbox.write("assets/a.txt.asset.json", &dependencies);
    check(
        &sandbox,
        &["doctor", "--bind", "2", "assets/fresh.txt"],
        expect![[r#"
        exit 1
        --- stderr
        error: `assets/fresh.txt` is the place of 4, which `assets/a.txt` refers to by its uuid; let that refer to `uuid:*` first, or run `packwright doctor --bind 2 assets/fresh.txt --force`, which gives up 4 for good
    "#]],
    );
    check(
        &sandbox,
        &["doctor", "--bind", "2", "assets/a.txt", "--force"],
        expect![[r#"
        exit 0
        --- stderr
        retire 1, registered at `assets/a.txt` instead
        move 2 from `assets/k.txt` to `assets/a.txt`
        find 1 missing asset: 2 files, commit 5
    "#]],
    );
    // A reference by place means whatever is there.
    let sandbox = built(&[("assets/a.txt", "alpha"), ("assets/k.txt", "kappa")]);
    sandbox.remove("assets/k.txt");
    sandbox.write("assets/fresh.txt", "kappa, edited");
    sandbox.write("assets/a.txt.asset.json", "{ \"dependencies\": [\"./fresh.txt\"] }");
    assert!(sandbox.run(&["build", "-q"]).starts_with("exit 0\n"));
    check(
        &sandbox,
        &["doctor", "--bind", "2", "assets/fresh.txt"],
        expect![[r#"
        exit 0
        --- stderr
        retire 3, registered at `assets/fresh.txt` instead
        move 2 from `assets/k.txt` to `assets/fresh.txt`
        find 1 missing asset: 2 files, commit 4
    "#]],
    );
    assert!(sandbox.run(&["build", "--locked"]).starts_with("exit 0\n"));
}

#[test]
fn what_this_machine_remembers_is_a_proposal() {
    let sandbox = built(&[("assets/a.txt", "alpha"), ("assets/k.txt", "kappa")]);
    sandbox.write("assets/a.txt", "alpha, edited");
    assert!(sandbox.run(&["build", "-q"]).starts_with("exit 0\n"));
    sandbox.rename("assets/a.txt", "assets/b.txt");
    check(
        &sandbox,
        &["doctor"],
        expect![[r#"
        exit 1
        --- stderr
        warning[PW0210]: `assets/a.txt` (1) is now `assets/b.txt`, as this machine remembers
        --> assets/a.txt
         = help: if that is so, run `packwright doctor --bind 1 assets/b.txt`, or `packwright doctor --remembered` for all such; a build would register a new asset

        1 warning
    "#]],
    );
    // Who only looks forgets nothing, nor does a build, which cannot know.
    assert!(sandbox.run(&["status"]).starts_with("exit 0\n"));
    assert!(sandbox.run(&["build", "-q"]).starts_with("exit 0\n"));
    check(
        &sandbox,
        &["doctor"],
        expect![[r#"
        exit 1
        --- stderr
        warning[PW0210]: `assets/a.txt` (1) is now `assets/b.txt`, as this machine remembers; it was registered there as 3
        --> assets/a.txt
         = help: if that is so, run `packwright doctor --bind 1 assets/b.txt`, or `packwright doctor --remembered` for all such; 3 becomes a tombstone then

        1 warning
    "#]],
    );
    assert!(sandbox.run(&["doctor", "--fix"]).contains("nothing to do"), "another machine would not know");
    check(
        &sandbox,
        &["doctor", "--remembered"],
        expect![[r#"
        exit 0
        --- stderr
        retire 3, registered at `assets/b.txt` instead
        move 1 from `assets/a.txt` to `assets/b.txt`
        find 1 missing asset: 2 files, commit 4
    "#]],
    );
    expect![[r#"
        1 assets/b.txt
        2 assets/k.txt
        3 assets/b.txt, removed
    "#]]
    .assert_eq(&registry(&sandbox));
    assert!(sandbox.run(&["doctor"]).starts_with("exit 0\n"));
    assert!(sandbox.run(&["build", "--locked"]).starts_with("exit 0\n"));
}

#[test]
fn a_copied_directory_is_a_new_asset() {
    let sandbox = Sandbox::raw(&[("assets/d/asset.json", "{ \"type\": \"raw\" }"), ("assets/d/a.bin", "alpha")]);
    assert!(sandbox.run(&["build", "-q"]).starts_with("exit 0\n"));
    sandbox.write("assets/e/asset.json", "{ \"type\": \"raw\" }");
    sandbox.write("assets/e/a.bin", "alpha");
    check(
        &sandbox,
        &["doctor"],
        expect![[r#"
            exit 0
            --- stderr

            copies, each an asset of its own
              `assets/e` of `assets/d` (1)
            nothing is wrong
        "#]],
    );
    assert!(sandbox.run(&["build", "-q"]).starts_with("exit 0\n"));
    expect![[r#"
        1 assets/d
        2 assets/e
    "#]]
    .assert_eq(&registry(&sandbox));
}

#[test]
fn what_crashes_left_is_found_and_goes() {
    let sandbox = built(&[("assets/a.txt", "alpha")]);
    sandbox.write(".packwright/lane/stage/9.0", "half a file");
    check(
        &sandbox,
        &["doctor"],
        expect![[r#"
        exit 0
        --- stderr
        note: 1 file is left of a commit that never was; `packwright doctor --fix` removes it, and so does the next commit to the registry
        nothing is wrong
    "#]],
    );
    let document = sandbox.json(&["doctor", "--format", "json"]);
    assert_eq!(problems("doctor", &document), Vec::<String>::new(), "{document}");
    let told = (&document["clean"], &document["findings"], &document["machine"][0]["code"]);
    assert_eq!(told, (&true.into(), &serde_json::json!([]), &"PW0221".into()), "{document}");
    check(
        &sandbox,
        &["doctor", "--fix"],
        expect![[r#"
            exit 0
            --- stderr
            note: removed what was left of a commit that never was
            nothing to do
        "#]],
    );
    assert!(!sandbox.path(".packwright/lane/stage/9.0").exists());
    // Whatever opens a workspace takes care of a journal.
    sandbox.write(".packwright/lane/journal", "damaged");
    check(
        &sandbox,
        &["doctor"],
        expect![[r#"
        exit 0
        --- stderr
        note: removed what was left of a commit that never was
        nothing is wrong
    "#]],
    );
}

#[test]
fn gitattributes_are_put_back() {
    let sandbox = built(&[("assets/a.txt", "alpha")]);
    sandbox.write("packwright.registry/.gitattributes", "# mine");
    check(
        &sandbox,
        &["doctor"],
        expect![[r#"
        exit 1
        --- stderr
        warning[PW0211]: git is not told to keep the lines of both sides when it merges the registry
        --> packwright.registry/.gitattributes
         = help: `packwright doctor --fix` adds `*.jsonl text eol=lf merge=union`; without it two branches that register assets conflict

        1 warning

        `packwright doctor --fix` would
          have git keep the lines of both sides when it merges the registry
    "#]],
    );
    check(
        &sandbox,
        &["doctor", "--fix"],
        expect![[r#"
        exit 0
        --- stderr
        have git keep the lines of both sides when it merges the registry
        repair what doctor found: 1 file, commit 3
    "#]],
    );
    let text = String::from_utf8(sandbox.read("packwright.registry/.gitattributes")).expect("text");
    assert_eq!(text, "# mine\n*.jsonl text eol=lf merge=union\n");
}

#[test]
fn doctor_reads_while_others_write_and_waits_to_write() {
    let sandbox = built(&[("assets/a.txt", "alpha"), ("assets/b.txt", "beta")]);
    edit_line(&sandbox, "assets/b.txt", "\"asset_id\":2", "\"asset_id\":1");
    let lock = OsSystem::new().try_lock(&sandbox.path(".packwright/lane/lock"), false).expect("a lock file");
    assert!(lock.is_some());
    assert!(sandbox.run(&["doctor"]).starts_with("exit 1\n"));
    let before = sandbox.files();
    let told = sandbox.run(&["doctor", "--fix", "--wait", "0"]);
    assert!(told.starts_with("exit 4\n") && told.contains("held by another process"), "{told}");
    let committed = |files: Vec<(String, Vec<u8>)>| -> Vec<_> {
        files.into_iter().filter(|it| it.0.starts_with("packwright.registry/")).collect()
    };
    assert!(committed(sandbox.files()) == committed(before), "nothing is written");
}

#[test]
fn status_tells_what_a_merge_left() {
    let sandbox = built(&[("assets/a.txt", "alpha")]);
    let (path, line) = line(&sandbox, "assets/a.txt");
    let other = line.replace("\"asset_id\":1", "\"asset_id\":4");
    sandbox.write(&path, &format!("{line}\n{other}\n{line}\n"));
    check(
        &sandbox,
        &["status"],
        expect![[r#"
            exit 0
            --- stdout
            1 asset of 1 source (profile dev)
              1  by the rule `**/*.txt` (raw)

            1 left by a merge, to be tidied by the next commit
                 1  assets/a.txt
            --- stderr
            warning[PW0208]: `assets/a.txt` was registered on two branches; it has the number 1
             --> packwright.registry/0.jsonl:2:1
              |
            2 | {"asset_uuid":"*","asset_id":4,"place":"assets/a.txt","content":"*"}
                      | ...
              |
              = help: nothing has to be done: the next commit to the registry makes one line of them
            note: the other registration
             --> packwright.registry/0.jsonl:1:1
              |
            1 | {"asset_uuid":"*","asset_id":1,"place":"assets/a.txt","content":"*"}
                      | ...

            warning[PW0209]: the line of `assets/a.txt` stands here once more
             --> packwright.registry/0.jsonl:3:1
              |
            3 | {"asset_uuid":"*","asset_id":1,"place":"assets/a.txt","content":"*"}
                      | ...
              |
              = help: nothing has to be done: the next commit to the registry removes it

            2 warnings

        "#]],
    );
    check(
        &sandbox,
        &["doctor", "--fix"],
        expect![[r#"
        exit 0
        --- stderr
        tidy the lines of `assets/a.txt`
        repair what doctor found: 1 file, commit 3
    "#]],
    );
    expect![[r#"
        1 assets/a.txt, retired [Number(4)]
    "#]]
    .assert_eq(&registry(&sandbox));
}

#[test]
fn the_merge_driver_answers_as_git_expects() {
    let sandbox = built(&[("assets/a.txt", "alpha"), ("assets/b.txt", "beta")]);
    let [a, b] = ["assets/a.txt", "assets/b.txt"].map(|it| line(&sandbox, it).1);
    let merge = |ours: &str, theirs: &str| {
        sandbox.write("base", "");
        sandbox.write("ours", ours);
        sandbox.write("theirs", theirs);
        let told = sandbox.run(&["registry", "merge", "base", "ours", "theirs", "packwright.registry/0.jsonl"]);
        format!("{told}--- ours\n{}", String::from_utf8(sandbox.read("ours")).expect("text"))
    };
    let both = if a < b { format!("{a}\n{b}\n") } else { format!("{b}\n{a}\n") };
    assert_eq!(merge(&format!("{a}\n"), &format!("{b}\n")), format!("exit 0\n--- ours\n{both}"));
    let moved = |to: &str| a.replace("assets/a.txt", to).replace('}', ",\"was\":[\"0123456789abcdef\"]}");
    let told = merge(&moved("assets/y.txt"), &moved("assets/z.txt"));
    expect![[r#"
        exit 1
        --- stderr
        error: packwright.registry/0.jsonl: both sides changed the line of 1 asset in different ways; run `packwright doctor --fix` when everything else is merged
        --- ours
        {"asset_uuid":"*","asset_id":1,"place":"assets/y.txt","content":"*","was":["*"]}
        {"asset_uuid":"*","asset_id":1,"place":"assets/z.txt","content":"*","was":["*"]}
    "#]].assert_eq(&plain(&told));
    let told = merge("nonsense\n", &format!("{a}\n"));
    expect![[r#"
        exit 1
        --- stderr
        error: packwright.registry/0.jsonl: 1 line cannot be read; restore them from version control
        --- ours
        {"asset_uuid":"*","asset_id":1,"place":"assets/a.txt","content":"*"}
        nonsense
    "#]]
    .assert_eq(&plain(&told));
    let told = sandbox.run(&["registry", "merge", "base", "gone", "theirs"]);
    assert!(told.starts_with("exit 5\n"), "{told}");
}

#[test]
fn what_came_out_of_a_commit_is_told_until_it_is_gone() {
    let sandbox = Sandbox::raw(&[("assets/a.txt", "a")]);
    sandbox.run(&["build"]);
    let (file, _) = line(&sandbox, "assets/a.txt");
    let kept = format!(".packwright/lane/kept/1.0.{}", file.rsplit('/').next().expect("a name"));
    sandbox.write(&kept, "theirs");
    let told = |arguments: &[&str]| {
        plain(&sandbox.run(arguments)).replace(file.rsplit('/').next().expect("a name"), "N.jsonl")
    };
    expect![[r#"
        exit 1
        --- stderr
        warning[PW0222]: somebody's `packwright.registry/N.jsonl` came out when commit 1 was finished, and is kept
        --> .packwright/lane/kept/1.0.N.jsonl
         = help: compare it with what is at `packwright.registry/N.jsonl` now, take over what is missing, and delete it; packwright never does

        1 warning
    "#]].assert_eq(&told(&["doctor"]));
    expect![[r#"
        exit 0
        --- stdout
        1 asset of 1 source (profile dev)
          1  by the rule `**/*.txt` (raw)
        --- stderr
        warning[PW0222]: somebody's `packwright.registry/N.jsonl` came out when commit 1 was finished, and is kept
        --> .packwright/lane/kept/1.0.N.jsonl
         = help: compare it with what is at `packwright.registry/N.jsonl` now, take over what is missing, and delete it; packwright never does

        1 warning

    "#]].assert_eq(&told(&["status"]));
    sandbox.remove(&kept);
    expect![[r#"
        exit 0
        --- stderr
        nothing is wrong
    "#]]
    .assert_eq(&told(&["doctor"]));
}
