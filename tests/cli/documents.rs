//! The documents of `--format json`: each is one document, and what its schema says.

use serde_json::Value;

use crate::sandbox::Sandbox;
use crate::schema::problems;

fn check(sandbox: &Sandbox, schema: &str, arguments: &[&str]) -> Value {
    let arguments = [arguments, &["--format", "json"]].concat();
    let document = sandbox.json(&arguments);
    assert_eq!(problems(schema, &document), Vec::<String>::new(), "{arguments:?}");
    assert_eq!(document["version"], 1, "{arguments:?}");
    document
}

#[test]
fn documents_are_what_their_schemas_say() {
    let sandbox = Sandbox::empty();
    let made = check(&sandbox, "init", &["init", "."]);
    assert_eq!(made["rules"].as_array().map(Vec::len), Some(4));
    let sandbox = Sandbox::demo();
    let checked = check(&sandbox, "check", &["check"]);
    assert_eq!(checked["would_register"].as_array().map(Vec::len), Some(8));
    assert_eq!(check(&sandbox, "status", &["status"])["new"].as_array().map(Vec::len), Some(8));
    let built = check(&sandbox, "build", &["build"]);
    let main = &built["packs"][0];
    assert_eq!((&main["outcome"], &main["pack_file"]), (&"written".into(), &"build/dev/main.pack".into()));
    assert_eq!((&built["outcome"], &built["content_digest"]), (&main["outcome"], &main["content_digest"]));
    assert_eq!(built["registered"][0]["change"], "new");
    assert_eq!(check(&sandbox, "build", &["build"])["outcome"], "up_to_date");
    sandbox.rename("assets/credits.txt", "assets/thanks.txt");
    assert_eq!(check(&sandbox, "status", &["status"])["moved"][0]["from"], "assets/credits.txt");
    check(&sandbox, "list", &["list"]);
    assert_eq!(check(&sandbox, "list", &["list", "coin"])["assets"][0]["name"], "coin");
    let shown = check(&sandbox, "show", &["show", "coin"]);
    assert_eq!(
        (&shown["needed_by"][0]["place"], &shown["artifacts"][0]["pack"]["in_pack"]),
        (&"assets/dialog".into(), &"current".into())
    );
    assert_eq!(check(&sandbox, "graph", &["graph"])["edges"].as_array().map(Vec::len), Some(3));
    let pack = check(&sandbox, "pack-list", &["pack", "list", "build/dev/main.pack"]);
    assert_eq!(pack["content_digest"], built["content_digest"]);
    assert_eq!(pack["entries"].as_array().map(Vec::len), Some(8));
    let verified = check(&sandbox, "pack-verify", &["pack", "verify", "build/dev/main.pack", "gone.pack"]);
    assert_eq!((&verified["packs"][0]["sound"], &verified["packs"][1]["sound"]), (&true.into(), &false.into()));
    assert_eq!(check(&sandbox, "explain", &["explain", "PW0012"])["codes"][0]["code"], "PW0012");
    let explained = check(&sandbox, "explain-asset", &["explain", "coin"]);
    assert_eq!((&explained["verdict"], &explained["last"]["first"]), (&"up_to_date".into(), &true.into()));
    check(&sandbox, "cache-stats", &["cache", "stats"]);
    check(&sandbox, "cache-clear", &["cache", "clear"]);
}

#[test]
fn a_failure_is_a_document_too() {
    let sandbox = Sandbox::demo();
    sandbox.write("assets/dialog/asset.json", "{\n  \"typ\": \"raw\"\n}");
    for command in ["build", "check"] {
        let document = check(&sandbox, "failure", &[command, "-p", "release"]);
        assert_eq!(document["error"]["exit_code"], 1);
        let place = &document["diagnostics"][1]["place"];
        assert_eq!((&place["line"], &place["column"]), (&2.into(), &3.into()), "{document}");
    }
    let elsewhere = Sandbox::empty();
    assert_eq!(check(&elsewhere, "failure", &["list"])["error"]["exit_code"], 2);
    elsewhere.write("text.pack", "hello");
    assert_eq!(check(&elsewhere, "failure", &["pack", "list", "text.pack"])["error"]["exit_code"], 1);
    assert_eq!(check(&sandbox, "failure", &["init"])["error"]["exit_code"], 1);
    assert_eq!(check(&elsewhere, "failure", &["pack", "list", "gone"])["error"]["exit_code"], 5);
}
