//! `packwright init`.

use expect_test::expect;

use crate::sandbox::Sandbox;

#[test]
fn the_demo_is_always_the_same_and_builds_cleanly() {
    let (one, two) = (Sandbox::demo(), Sandbox::demo());
    let of_the_author = |it: &(String, Vec<u8>)| !it.0.starts_with(".packwright");
    let files = |it: &Sandbox| it.files().into_iter().filter(of_the_author).collect::<Vec<_>>();
    assert_eq!(files(&one), files(&two));
    for profile in ["dev", "release"] {
        for sandbox in [&one, &two] {
            let document = sandbox.json(&["build", "-p", profile, "--format", "json"]);
            assert_eq!(document["diagnostics"], serde_json::json!([]), "{profile}");
            assert_eq!(document["entries"], 8);
        }
        let pack = format!("build/{profile}/main.pack");
        assert_eq!(one.read(&pack), two.read(&pack));
        assert!(one.run(&["pack", "verify", &pack]).starts_with("exit 0\n"));
    }
}

#[test]
fn rules_are_proposed_for_what_is_there() {
    let sandbox = Sandbox::empty();
    for path in ["assets/a.png", "assets/b.PNG", "assets/c.gltf", "assets/c.bin", "assets/README", "assets/.hidden.png"]
    {
        sandbox.write(path, "x");
    }
    sandbox.write("src/main.c", "int main;");
    expect![[r#"
        exit 0
        --- stderr
        made a workspace in SANDBOX
        proposed these rules in packwright.toml:
          **/*.{flac,mp3,oga,ogg,opus,wav,wave}  audio  0 files
          **/*.{png,PNG}                         image  2 files
          **/*.{glb,gltf}                        model  1 file
          **/*                                   raw    2 files
        next: packwright build, then commit packwright.toml and packwright.registry
    "#]]
    .assert_eq(&sandbox.run(&["init"]));
    let config = String::from_utf8(sandbox.read("packwright.toml")).expect("text");
    let config: String =
        config.lines().filter(|it| !it.starts_with("workspace = ")).map(|it| format!("{it}\n")).collect();
    expect![[r##"
        # What packwright makes of the files here. `packwright build` reads it.

        # Tells this workspace from all others. Leave it as it is.

        # 1 here begins with a dot, like `.hidden.png`: hidden, and never looked at.

        [[roots]]
        path = "assets"

        # Rules make assets of files that have no declaration of their own; the first that matches claims the
        # file. `exclude = true` keeps what a rule claims out of the pack.

        # Here: none yet.
        [[rules]]
        match = "**/*.{flac,mp3,oga,ogg,opus,wav,wave}"
        type = "audio"

        # Here: 1 .PNG, 1 .png.
        [[rules]]
        match = "**/*.{png,PNG}"
        type = "image"

        # Buffers and images that a model names are found by themselves.
        # Here: 1 .gltf.
        [[rules]]
        match = "**/*.{glb,gltf}"
        type = "model"

        # Everything else goes into the pack as it is.
        # Here: 1 without extension, 1 .bin.
        [[rules]]
        match = "**/*"
        type = "raw"

        # While you work, a broken asset is left out with a warning; a release refuses to be built with one.
        [profiles.dev]
        broken = "omit"
    "##]]
    .assert_eq(&config);
    expect![[r#"
        exit 1
        --- stderr
        error: `SANDBOX` is already a workspace; nothing was changed
    "#]]
    .assert_eq(&sandbox.run(&["init"]));
}

#[test]
fn what_is_no_asset_is_proposed_to_be_ignored() {
    let sandbox = Sandbox::empty();
    let paths = ["a.png", "a.png.import", "a.png~", "b.PSD", "b.psd", "info", "LICENSE", "src/main.rs", "src/notes.md"];
    paths.iter().for_each(|it| sandbox.write(it, "x"));
    sandbox.write("out [1]/CACHEDIR.TAG", "x");
    sandbox.write("out [1]/many.o", "x");
    sandbox.write("web/node_modules/left/pad.js", "x");
    expect![[r#"
        exit 0
        --- stderr
        made a workspace in SANDBOX
        proposed these rules in packwright.toml:
          **/*.{flac,mp3,oga,ogg,opus,wav,wave}  audio  0 files
          **/*.png                               image  1 file
          **/*.{glb,gltf}                        model  0 files
          **/*                                   raw    1 file
        ignored, side files of engines: 1 *.import
        ignored, backups and leftovers: 1 *~
        ignored, working files of art programs and editors: 1 *.PSD, 1 *.psd
        ignored, program code and its papers: 1 *.md, 1 *.rs, 1 LICENSE
        ignored, what tools make anew: /out\ \[1\]/, node_modules/
        next: packwright build, then commit packwright.toml and packwright.registry
    "#]]
    .assert_eq(&sandbox.run(&["init"]));
    let config = String::from_utf8(sandbox.read("packwright.toml")).expect("text");
    let proposed = config.split("\n\n").find(|it| it.contains("ignore = [")).expect("it is proposed");
    expect![[r##"
        # What lies here and is no asset, as in a .gitignore: it is not even looked at.
        ignore = [
          # Side files of engines
          "*.import", # 1 file
          # Backups and leftovers
          "*~", # 1 file
          # Working files of art programs and editors
          "*.PSD", # 1 file
          "*.psd", # 1 file
          # Program code and its papers
          "*.md", # 1 file
          "*.rs", # 1 file
          "LICENSE", # 1 file
          # What tools make anew
          '/out\ \[1\]/', # not looked into
          "node_modules/", # not looked into
        ]"##]]
    .assert_eq(proposed);
    let status = sandbox.json(&["status", "--format", "json"]);
    let places: Vec<_> = status["new"].as_array().expect("a list").iter().map(|it| &it["place"]).collect();
    assert_eq!(places, ["a.png", "info"]);
    assert_eq!((&status["sources"], &status["unclaimed"]), (&2.into(), &serde_json::json!([])));
    let before = sandbox.files();
    assert!(sandbox.run(&["init"]).starts_with("exit 1\n"));
    assert_eq!(sandbox.files(), before);
}

#[test]
fn the_assets_of_unity_are_found() {
    let sandbox = Sandbox::empty();
    for path in ["Assets/hero.png", "Assets/hero.png.meta", "Assets/Run.cs", "Assets/Run.cs.meta", "Library/cache"] {
        sandbox.write(path, "x");
    }
    expect![[r#"
        exit 0
        --- stderr
        made a workspace in SANDBOX
        proposed these rules in packwright.toml:
          **/*.{flac,mp3,oga,ogg,opus,wav,wave}  audio  0 files
          **/*.png                               image  1 file
          **/*.{glb,gltf}                        model  0 files
          **/*                                   raw    0 files
        ignored, side files of engines: 2 *.meta
        ignored, program code and its papers: 1 *.cs
        next: packwright build, then commit packwright.toml and packwright.registry
    "#]]
    .assert_eq(&sandbox.run(&["init"]));
}

#[test]
fn a_directory_without_assets_is_the_root_itself() {
    let sandbox = Sandbox::empty();
    sandbox.write("a.txt", "x");
    expect![[r#"
        exit 0
        --- stderr
        made a workspace in SANDBOX
        proposed these rules in packwright.toml:
          **/*.{flac,mp3,oga,ogg,opus,wav,wave}  audio  0 files
          **/*.png                               image  0 files
          **/*.{glb,gltf}                        model  0 files
          **/*                                   raw    1 file
        next: packwright build, then commit packwright.toml and packwright.registry
    "#]]
    .assert_eq(&sandbox.run(&["init"]));
    expect![[r#"
        exit 0
        --- stderr
        note: registered 1 new asset (commit packwright.registry)
          1 a.txt
        built dev/main: 1 asset processed, 0 reused, 3 files written in 0.00 s
    "#]]
    .assert_eq(&sandbox.run(&["build"]));
    expect![[r#"
        exit 0
        --- stderr
        made a workspace in SANDBOX/new/game
        proposed these rules in packwright.toml:
          **/*.{flac,mp3,oga,ogg,opus,wav,wave}  audio  0 files
          **/*.png                               image  0 files
          **/*.{glb,gltf}                        model  0 files
          **/*                                   raw    0 files
        next: cd new/game && packwright build, then commit packwright.toml and packwright.registry
        warning: this workspace lies in another one: SANDBOX
    "#]]
    .assert_eq(&sandbox.run(&["init", "new/game"]));
}

#[test]
fn two_workspaces_have_two_uuids() {
    let uuid = |sandbox: &Sandbox| {
        sandbox.run(&["init"]);
        let config = String::from_utf8(sandbox.read("packwright.toml")).expect("text");
        config.lines().find(|it| it.starts_with("workspace = ")).map(str::to_owned)
    };
    let (one, two) = (uuid(&Sandbox::empty()), uuid(&Sandbox::empty()));
    assert!(one.is_some() && one != two);
}

#[test]
fn a_lost_registry_is_not_made_anew() {
    let sandbox = Sandbox::raw(&[("assets/a.txt", "a")]);
    sandbox.run(&["build"]);
    sandbox.remove("packwright.registry/7.jsonl");
    expect![[r#"
        exit 1
        --- stderr
        error: `SANDBOX` has 15 of the 16 files of packwright.registry; restore the others from version control; nothing was changed
    "#]].assert_eq(&sandbox.run(&["init"]));
    std::fs::remove_dir_all(sandbox.path("packwright.registry")).expect("it is there");
    expect![[r#"
        exit 1
        --- stderr
        error: `SANDBOX` has 0 of the 16 files of packwright.registry; restore them from version control; nothing was changed
    "#]].assert_eq(&sandbox.run(&["init"]));
}

#[test]
fn a_demo_overwrites_nothing() {
    let sandbox = Sandbox::empty();
    sandbox.write("assets/credits.txt", "mine");
    expect![[r#"
        exit 1
        --- stderr
        error: `SANDBOX/assets/credits.txt` is there already; nothing was changed
    "#]]
    .assert_eq(&sandbox.run(&["init", "--demo"]));
    let files: Vec<String> = sandbox.files().into_iter().map(|it| it.0).filter(|it| !it.starts_with('.')).collect();
    assert_eq!(files, ["assets/credits.txt"]);
}

#[test]
fn what_the_author_means_is_not_proposed_to_be_ignored() {
    let sandbox = Sandbox::empty();
    let files = [
        // The inputs of an asset, a working file with a sidecar, and texts with no program beside them.
        ("docs/asset.json", r#"{ "type": "raw", "inputs": ["*.rst"] }"#),
        ("docs/a.rst", "a"),
        ("docs/old.bak", "a"),
        ("hero.psd", "p"),
        ("hero.psd.asset.json", r#"{ "type": "raw" }"#),
        // Known by its name, and meant all the same; so is what somebody declares where Godot does not look.
        ("web/package.json", "{}"),
        ("web/package.json.asset.json", r#"{ "type": "raw" }"#),
        ("package.json", "{}"),
        ("art/.gdignore", ""),
        ("art/asset.json", r#"{ "type": "raw", "inputs": ["LICENSE"] }"#),
        ("art/LICENSE", "free"),
        ("dialog/intro.md", "hello"),
        ("README.md", "a game"),
        // These lie beside what they are named after, all but a fifth.
        ("1.png.meta", "-"),
        ("1.png", "-"),
        ("2.png.meta", "-"),
        ("2.png", "-"),
        ("3.png.meta", "-"),
        ("3.png", "-"),
        ("4.png.meta", "-"),
        ("4.png", "-"),
        ("boss.meta", "strong"),
        // A program's.
        ("src/main.c", "int main;"),
        ("src/main.h", "int main;"),
        ("Cargo.toml", "[package]"),
    ];
    files.iter().for_each(|(path, text)| sandbox.write(path, text));
    sandbox.run(&["init"]);
    let config = String::from_utf8(sandbox.read("packwright.toml")).expect("text");
    let quoted = config.lines().filter_map(|it| it.strip_prefix("  \"")?.split_once('"'));
    let ignored: Vec<&str> = quoted.map(|it| it.0).collect();
    assert_eq!(ignored, ["*.png.meta", "*.bak", "*.c", "*.h", "*.toml"]);
    assert!(config.contains("2 .json"), "{config}");
    // Which of the textures is one is another question.
    sandbox.write("packwright.toml", &config.replace("type = \"image\"", "type = \"raw\""));
    assert!(sandbox.run(&["build"]).starts_with("exit 0\n"), "{}", sandbox.run(&["build"]));
}

#[test]
fn what_engines_and_systems_leave_is_told_by_its_name() {
    let sandbox = Sandbox::empty();
    let files = [
        ("Thumbs.db", "t"),
        ("~$notes.docx", "t"),
        ("#level.json#", "t"),
        ("export_credentials.cfg", "secret"),
        ("package.json", "{}"),
        ("vite.config.ts", "t"),
        ("game.js", "t"),
        ("game.js.map", "t"),
        ("LICENSE.txt", "t"),
        ("Game.uproject", "{}"),
        ("Saved/log.bin", "t"),
        ("Sprites~/hidden.bin", "t"),
        ("third/.gdignore", ""),
        ("third/party.bin", "t"),
        ("texts/strings.csv", "t"),
        ("texts/strings.en.translation", "t"),
        ("texts/strings.de.translation", "t"),
        ("world.bin", "t"),
        ("photo.jpg", "t"),
        (".git/HEAD", "t"),
    ];
    files.iter().for_each(|(path, text)| sandbox.write(path, text));
    sandbox.run(&["init"]);
    let config = String::from_utf8(sandbox.read("packwright.toml")).expect("text");
    let config = config.split_once("workspace = ").and_then(|it| it.1.split_once('\n')).expect("it has an identity").1;
    expect![[r#"

        # What lies here and is no asset, as in a .gitignore: it is not even looked at.
        ignore = [
          # Side files of engines
          "*.translation", # 2 files
          # Backups and leftovers
          '\#*#', # 1 file
          "~$*", # 1 file
          # Settings of engines and tools
          "*.config.ts", # 1 file
          "*.uproject", # 1 file
          "export_credentials.cfg", # 1 file
          "package.json", # 1 file
          # Program code and its papers
          "LICENSE.txt", # 1 file
          # What engines pass over
          "*~/", # not looked into
          "/third/", # not looked into
          # What systems leave behind
          "Thumbs.db", # 1 file
          # What tools make anew
          "*.js.map", # 1 file
          "/Saved/", # not looked into
        ]

        # 1 here begins with a dot, like `.git`: hidden, and never looked at.

        [[roots]]
        path = "."

        # Rules make assets of files that have no declaration of their own; the first that matches claims the
        # file. `exclude = true` keeps what a rule claims out of the pack.

        # Here: none yet.
        [[rules]]
        match = "**/*.{flac,mp3,oga,ogg,opus,wav,wave}"
        type = "audio"

        # Here: none yet. Left to the last rule: 1 .jpg.
        [[rules]]
        match = "**/*.png"
        type = "image"

        # Buffers and images that a model names are found by themselves.
        # Here: none yet.
        [[rules]]
        match = "**/*.{glb,gltf}"
        type = "model"

        # Everything else goes into the pack as it is.
        # Here: 1 .bin, 1 .csv, 1 .jpg, 1 .js.
        [[rules]]
        match = "**/*"
        type = "raw"

        # While you work, a broken asset is left out with a warning; a release refuses to be built with one.
        [profiles.dev]
        broken = "omit"
    "#]]
    .assert_eq(config);
    assert!(sandbox.run(&["build"]).starts_with("exit 0\n"), "{}", sandbox.run(&["build"]));
    let listed = sandbox.run(&["list"]);
    for it in ["game.js", "photo.jpg", "texts/strings.csv", "world.bin"] {
        assert!(listed.contains(it), "{listed}");
    }
    assert_eq!(listed.lines().filter(|it| it.contains("raw")).count(), 4, "{listed}");
}

#[test]
fn identities_outlive_a_lost_configuration() {
    let sandbox = Sandbox::raw(&[("assets/a.txt", "a"), ("assets/b.txt", "b")]);
    sandbox.run(&["build"]);
    let registered = |sandbox: &Sandbox| -> Vec<(String, Vec<u8>)> {
        sandbox.files().into_iter().filter(|it| it.0.starts_with("packwright.registry/")).collect()
    };
    let before = registered(&sandbox);
    sandbox.remove("packwright.toml");
    expect![[r#"
        exit 2
        --- stderr
        error: there is no packwright.toml in `SANDBOX`, but a packwright.registry: restore it from version control; if it is lost, `packwright init` writes a new one there, and assets keep their identities
    "#]].assert_eq(&sandbox.run(&["build"]));
    expect![[r#"
        exit 1
        --- stderr
        error: `SANDBOX` has a packwright.registry already; nothing was changed
    "#]]
    .assert_eq(&sandbox.run(&["init", "--demo"]));
    expect![[r#"
        exit 0
        --- stderr
        made a workspace in SANDBOX
        proposed these rules in packwright.toml:
          **/*.{flac,mp3,oga,ogg,opus,wav,wave}  audio  0 files
          **/*.png                               image  0 files
          **/*.{glb,gltf}                        model  0 files
          **/*                                   raw    2 files
        next: packwright build, then commit packwright.toml and packwright.registry
        warning: packwright.toml is new, packwright.registry was there and stays as it is: if version control has the packwright.toml that belongs to it, restore that one
    "#]].assert_eq(&sandbox.run(&["init"]));
    assert_eq!(registered(&sandbox), before);
    expect![[r#"
        exit 0
        --- stderr
        dev/main is as it was: 0 assets processed, 2 reused, nothing written in 0.00 s
    "#]]
    .assert_eq(&sandbox.run(&["build", "--locked"]));
    // What is left of half a registry is nothing to go by.
    sandbox.remove("packwright.toml");
    sandbox.remove("packwright.registry/7.jsonl");
    expect![[r#"
        exit 1
        --- stderr
        error: `SANDBOX` has 15 of the 16 files of packwright.registry and no packwright.toml; restore the others from version control; nothing was changed
    "#]].assert_eq(&sandbox.run(&["init"]));
}

#[test]
#[cfg(unix)]
fn a_root_may_be_a_link() {
    use std::os::unix::fs::symlink;
    let root = |target: &str| {
        let sandbox = Sandbox::empty();
        sandbox.write("real/a.txt", "a");
        sandbox.write(".hidden/a.txt", "a");
        symlink(target, sandbox.path("assets")).expect("a link");
        assert!(sandbox.run(&["init"]).starts_with("exit 0\n"));
        let config = String::from_utf8(sandbox.read("packwright.toml")).expect("text");
        config.lines().find_map(|it| it.strip_prefix("path = ")).map(str::to_owned).expect("a root")
    };
    assert_eq!(root("real"), "\"assets\"");
    for target in ["gone", ".", "/", ".hidden", "real/a.txt", "assets"] {
        assert_eq!(root(target), "\".\"", "{target}");
    }
}
