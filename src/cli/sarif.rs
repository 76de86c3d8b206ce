//! What `check` finds as SARIF 2.1.0 (OASIS, Static Analysis Results Interchange Format), for code scanning services,
//! and as GitHub's workflow commands, for annotations on a pull request.
//!
//! Both name files as seen from the top of the working tree that holds the workspace, which is what those who read them
//! know. Pure: from diagnostics to text.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use super::explain::explanation;
use super::words::clean;
use crate::model::{Code, Diagnostic, Location, Severity};

/// What is written about a check.
pub struct Checked<'a> {
    /// Where the workspace lies, as seen from the top of the working tree: empty, or a path that ends with `/`.
    pub prefix: &'a str,
    /// What was found, in the order in which it is shown.
    pub diagnostics: &'a [Diagnostic],
    /// What kept it from being a check, where something did: the machine, not the workspace.
    pub failure: Option<&'a str>,
}

/// Returns a log of one run.
pub fn sarif(checked: &Checked<'_>) -> impl Serialize {
    // Only the rules of which there is a result: whoever looks at a log finds what it is about.
    let mut rules: BTreeMap<Code, usize> = checked.diagnostics.iter().map(|it| (it.code, 0)).collect();
    rules.values_mut().enumerate().for_each(|(at, index)| *index = at);
    let failure: Vec<Value> =
        checked.failure.iter().map(|it| json!({ "level": "error", "message": { "text": it } })).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "packwright",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.keys().map(|it| rule(*it)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "invocations": [{
                "executionSuccessful": checked.failure.is_none(),
                "toolExecutionNotifications": failure,
            }],
            "results": checked.diagnostics.iter().map(|it| result(it, rules[&it.code], checked.prefix)).collect::<Vec<_>>(),
        }],
    })
}

fn rule(code: Code) -> Value {
    let title = Code::ALL.iter().find(|it| it.0 == code).map_or("", |it| it.1);
    let text = explanation(code);
    json!({
        "id": code.to_string(),
        "shortDescription": { "text": title },
        "fullDescription": { "text": text },
        "help": { "text": text, "markdown": text },
    })
}

fn result(it: &Diagnostic, rule: usize, prefix: &str) -> Value {
    let mut result = json!({
        "ruleId": it.code.to_string(),
        "ruleIndex": rule,
        "level": level(it.severity),
        "message": { "text": message(it) },
        "locations": it.location.iter().map(|it| json!({ "physicalLocation": place(it, prefix) })).collect::<Vec<_>>(),
    });
    if !it.related.is_empty() {
        let related = it.related.iter().enumerate().map(|(id, it)| {
            json!({
                "id": id,
                "message": { "text": it.message },
                "physicalLocation": place(&it.location, prefix),
            })
        });
        result["relatedLocations"] = related.collect();
    }
    result
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// Returns what is wrong and what to do about it: neither form has a place of its own for the latter.
fn message(it: &Diagnostic) -> String {
    match &it.help {
        None => it.message.clone(),
        Some(help) => format!("{}\nhelp: {help}", it.message),
    }
}

fn place(location: &Location, prefix: &str) -> Value {
    let uri = escaped_path(&format!("{prefix}{}", location.path));
    let mut place = json!({ "artifactLocation": { "uri": uri, "uriBaseId": "%SRCROOT%" } });
    if let Some(span) = location.span {
        place["region"] = json!({
            "startLine": span.line,
            "startColumn": span.column,
            "byteOffset": span.start,
            "byteLength": span.end.saturating_sub(span.start),
        });
    }
    place
}

/// Returns a relative path as a URI reference (RFC 3986): what is not unreserved, or a `/`, as `%XX`.
fn escaped_path(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => escaped.push(byte.into()),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// Returns a workflow command for each diagnostic.
///
/// The form is GitHub's (Workflow commands for GitHub Actions): `::error file=a,line=1,col=2,title=t::message`.
pub fn github(checked: &Checked<'_>) -> String {
    let lines = checked.diagnostics.iter().map(|it| {
        let mut properties = Vec::new();
        if let Some(location) = &it.location {
            properties.push(("file", format!("{}{}", checked.prefix, location.path)));
            if let Some(span) = location.span {
                properties.push(("line", span.line.to_string()));
                properties.push(("col", span.column.to_string()));
            }
        }
        properties.push(("title", it.code.to_string()));
        let properties: Vec<String> =
            properties.iter().map(|(name, value)| format!("{name}={}", escaped_property(value))).collect();
        let related = it.related.iter().map(|it| format!("\n{}: {}{}", it.message, checked.prefix, it.location.path));
        let message = message(it) + &related.collect::<String>();
        format!("::{} {}::{}\n", level(it.severity), properties.join(","), escaped_data(&message))
    });
    let failure = checked.failure.map(|it| format!("::error title=packwright::{}\n", escaped_data(it)));
    lines.chain(failure).collect()
}

/// Returns the message of a workflow command: one line, whatever it says.
fn escaped_data(text: &str) -> String {
    // Lines may be many, control characters must not be any.
    let lines: Vec<String> = text.split('\n').map(|it| clean(it).replace('%', "%25")).collect();
    lines.join("%0A")
}

fn escaped_property(text: &str) -> String {
    escaped_data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{RelPath, Span};

    fn found() -> Vec<Diagnostic> {
        let path = |text: &str| RelPath::new(text).expect("a path");
        let span = Span { start: 8, end: 11, line: 2, column: 3 };
        vec![
            Diagnostic::error(Code::UNKNOWN_FIELD, "no field `typ`")
                .at(Location::span(&path("a b/ä,1:2.asset.json"), span))
                .related("100% like\nthis", Location::file(&path("c")))
                .help("write `type`"),
            Diagnostic::warning(Code::CACHE_BUSY, "the cache is held"),
            Diagnostic::warning(Code::UNKNOWN_FIELD, "again"),
        ]
    }

    #[test]
    fn a_log_is_what_an_independent_reader_takes_it_for() {
        let checked = Checked { prefix: "game/", diagnostics: &found(), failure: None };
        let text = serde_json::to_string(&sarif(&checked)).expect("JSON");
        let log: serde_sarif::sarif::Sarif = serde_json::from_str(&text).expect("SARIF 2.1.0");
        let run = &log.runs[0];
        let rules: Vec<&str> = run.tool.driver.rules.iter().flatten().map(|it| it.id.as_str()).collect();
        assert_eq!(rules, ["PW0003", "PW0403"]);
        let results = run.results.as_ref().expect("results");
        let rule = |nth: usize| results[nth].rule_index.map(|at| rules[at as usize].to_owned());
        assert!((0..3).all(|nth| rule(nth) == results[nth].rule_id));
        let place = |nth: usize| results[nth].locations.as_ref()?.first()?.physical_location.clone();
        let first = place(0).expect("a place");
        let uri = first.artifact_location.and_then(|it| it.uri);
        assert_eq!(uri.as_deref(), Some("game/a%20b/%C3%A4%2C1%3A2.asset.json"));
        let region = first.region.expect("a region");
        assert_eq!((region.start_line, region.start_column, region.byte_length), (Some(2), Some(3), Some(3)));
        assert!(place(1).is_none());
        let failed = Checked { prefix: "", diagnostics: &[], failure: Some("the disk is gone") };
        let text = serde_json::to_string(&sarif(&failed)).expect("JSON");
        let log: serde_sarif::sarif::Sarif = serde_json::from_str(&text).expect("SARIF 2.1.0");
        let invocation = &log.runs[0].invocations.as_ref().expect("an invocation")[0];
        assert!(!invocation.execution_successful && invocation.tool_execution_notifications.is_some());
    }

    #[test]
    fn a_workflow_command_is_one_line() {
        let checked = Checked { prefix: "game/", diagnostics: &found(), failure: Some("no\nspace") };
        expect_test::expect![[r#"
            ::error file=game/a b/ä%2C1%3A2.asset.json,line=2,col=3,title=PW0003::no field `typ`%0Ahelp: write `type`%0A100%25 like%0Athis: game/c
            ::warning title=PW0403::the cache is held
            ::warning title=PW0003::again
            ::error title=packwright::no%0Aspace
        "#]]
        .assert_eq(&github(&checked));
    }
}
