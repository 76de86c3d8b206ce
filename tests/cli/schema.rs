//! Checks a document against a schema in `schema/cli`: as much of JSON Schema as those schemas use, and fields that no
//! schema knows besides.

use serde_json::Value;

/// Returns what is wrong with a document.
pub fn problems(name: &str, document: &Value) -> Vec<String> {
    let path = format!("{}/schema/cli/{name}.schema.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).expect("a schema");
    let root: Value = serde_json::from_str(&text).expect("JSON");
    let mut problems = Vec::new();
    check(&root, &root, document, "", &mut problems);
    problems
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str, problems: &mut Vec<String>) {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.strip_prefix("#/$defs/").expect("a local reference");
        return check(root, &root["$defs"][name], value, at, problems);
    }
    for choices in ["anyOf", "oneOf"].iter().filter_map(|it| schema[it].as_array()) {
        let fits = |it: &Value| {
            let mut problems = Vec::new();
            check(root, it, value, at, &mut problems);
            problems.is_empty()
        };
        if !choices.iter().any(fits) {
            problems.push(format!("{at}: none of the choices fits"));
        }
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(it) => vec![it],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !types.is_empty() && !types.iter().any(|it| is_a(it, value)) {
        problems.push(format!("{at}: not {types:?}"));
    }
    if schema.get("const").is_some_and(|it| it != value) {
        problems.push(format!("{at}: not the constant"));
    }
    if schema["enum"].as_array().is_some_and(|it| !it.contains(value)) {
        problems.push(format!("{at}: not one of the words"));
    }
    for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.get(required).is_none() {
            problems.push(format!("{at}/{required}: missing"));
        }
    }
    if let (Some(properties), Some(fields)) = (schema["properties"].as_object(), value.as_object()) {
        for (name, field) in fields {
            match properties.get(name) {
                Some(schema) => check(root, schema, field, &format!("{at}/{name}"), problems),
                None => problems.push(format!("{at}/{name}: not in the schema")),
            }
        }
    }
    for (idx, item) in value.as_array().into_iter().flatten().enumerate() {
        if schema.get("items").is_some() {
            check(root, &schema["items"], item, &format!("{at}/{idx}"), problems);
        }
    }
}

fn is_a(kind: &str, value: &Value) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the type `{other}` is not known here"),
    }
}
