//! The JSON Schemas of every JSON and TOML file, generated from the types that read and write them.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use crate::cli::documents;
use crate::model::registry::Line;
use crate::pack::manifest::Manifest;
use crate::process::kinds;
use crate::receipt::Receipt;
use crate::workspace::authored::{AssetFile, WorkspaceFile};

/// Returns the schemas: their file names in `schema/` and their contents.
pub fn all() -> Vec<(&'static str, String)> {
    vec![
        ("asset.schema.json", authored::<AssetFile>()),
        ("manifest.schema.json", printed::<Manifest<'static>>()),
        ("packwright.schema.json", authored::<WorkspaceFile>()),
        ("receipt.schema.json", printed::<Receipt>()),
        ("registry-line.schema.json", written(&schemars::schema_for!(Line))),
        ("cli/bench.schema.json", printed::<documents::BenchDocument>()),
        ("cli/build.schema.json", printed::<documents::BuildDocument>()),
        ("cli/cache-clear.schema.json", printed::<documents::ClearDocument>()),
        ("cli/cache-stats.schema.json", printed::<documents::StatsDocument>()),
        ("cli/check.schema.json", printed::<documents::CheckDocument>()),
        ("cli/doctor.schema.json", printed::<documents::DoctorDocument>()),
        ("cli/explain.schema.json", printed::<documents::ExplainDocument>()),
        ("cli/explain-asset.schema.json", printed::<documents::WhyDocument>()),
        ("cli/failure.schema.json", printed::<documents::FailureDocument>()),
        ("cli/graph.schema.json", printed::<documents::GraphDocument>()),
        ("cli/init.schema.json", printed::<documents::InitDocument>()),
        ("cli/list.schema.json", printed::<documents::ListDocument>()),
        ("cli/log.schema.json", printed::<documents::LogDocument>()),
        ("cli/pack-list.schema.json", printed::<documents::PackListDocument>()),
        ("cli/pack-verify.schema.json", printed::<documents::PackVerifyDocument>()),
        ("cli/show.schema.json", printed::<documents::ShowDocument>()),
        ("cli/status.schema.json", printed::<documents::StatusDocument>()),
        ("cli/write.schema.json", printed::<documents::WriteDocument>()),
    ]
}

/// Returns the schema of an authored file.
fn authored<T: JsonSchema>() -> String {
    let generator = SchemaSettings::draft2020_12().for_deserialize().with_transform(AsAuthored).into_generator();
    let mut schema = generator.into_root_schema_for::<T>();
    WithSettings.transform(&mut schema);
    let definitions = kinds::all().iter().map(|it| (definition(it.name), settings(it).to_value()));
    if let Some(Value::Object(known)) = schema.as_object_mut().and_then(|it| it.get_mut("$defs")) {
        known.extend(definitions);
    }
    written(&schema)
}

/// Returns the name of the definition of a processor's settings.
fn definition(kind: &str) -> String {
    format!("settings-{kind}")
}

fn settings(kind: &kinds::Kind) -> Schema {
    let mut schema = kind.schema();
    AsAuthored.transform(&mut schema);
    if let Some(object) = schema.as_object_mut() {
        object.remove("$schema");
        object.remove("title");
        // What it refers to is put where it is used: definitions of several processors may share a name.
        let definitions = object.remove("$defs").unwrap_or_default();
        Inlined(definitions).transform(&mut schema);
    }
    schema
}

/// Puts definitions where they are referred to; none refers to another.
#[derive(Clone, Debug)]
struct Inlined(Value);

impl Transform for Inlined {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(object) = schema.as_object_mut() {
            let name = object.get("$ref").and_then(Value::as_str).and_then(|it| it.strip_prefix("#/$defs/"));
            if let Some(Value::Object(meant)) = name.and_then(|it| self.0.get(it)).cloned() {
                object.remove("$ref");
                for (key, value) in meant {
                    object.entry(key).or_insert(value);
                }
            }
        }
        transform_subschemas(self, schema);
    }
}

/// Where a declaration says its type, an editor knows the types that there are and their settings.
#[derive(Clone, Debug)]
struct WithSettings;

impl Transform for WithSettings {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(object) = schema.as_object_mut() {
            let refer = |kind: &str| json!({ "$ref": format!("#/$defs/{}", definition(kind)) });
            let names = || kinds::all().iter().map(|it| it.name);
            let properties = object.get_mut("properties").and_then(Value::as_object_mut);
            let has = |it: &Map<String, Value>, name: &str| it.get(name).is_some_and(|it| it.get("type").is_some());
            let is_declaration = properties.as_ref().is_some_and(|it| has(it, "type") && has(it, "settings"));
            if let Some(properties) = properties {
                if is_declaration && let Some(Value::Object(kind)) = properties.get_mut("type") {
                    kind.insert("enum".to_owned(), names().collect());
                }
                // Of a profile, by type.
                let by_type = properties.get_mut("settings").and_then(Value::as_object_mut);
                if let Some(by_type) = by_type.filter(|it| it.contains_key("additionalProperties")) {
                    let each = names().map(|it| (it.to_owned(), refer(it))).collect();
                    by_type.insert("properties".to_owned(), Value::Object(each));
                    by_type.insert("additionalProperties".to_owned(), false.into());
                }
            }
            if is_declaration {
                let of_kind = |it: &str| {
                    let here = json!({ "properties": { "settings": refer(it) } });
                    let is_such = json!({ "properties": { "type": { "const": it } }, "required": ["type"] });
                    json!({ "if": is_such, "then": here })
                };
                object.insert("allOf".to_owned(), names().map(of_kind).collect());
            }
        }
        transform_subschemas(self, schema);
    }
}

/// Returns the schema of a document that the command line prints.
fn printed<T: JsonSchema>() -> String {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    written(&settings.into_generator().into_root_schema_for::<T>())
}

/// Returns a schema as it is written to a file.
pub fn written(schema: &Schema) -> String {
    let mut text = serde_json::to_string_pretty(schema).expect("a schema has only string keys");
    text.push('\n');
    text
}

/// What an author leaves out is absent; `null` is never taken for that, whatever `Option` says of itself. And
/// the lines of a doc comment are one paragraph.
#[derive(Clone, Debug)]
struct AsAuthored;

impl Transform for AsAuthored {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(object) = schema.as_object_mut() {
            if object.get("default").is_some_and(Value::is_null) {
                object.remove("default");
            }
            if let Some(Value::String(text)) = object.get_mut("description") {
                *text = text.replace('\n', " ");
            }
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|it| it != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    object.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(choices)) = object.get_mut("anyOf") {
                choices.retain(|it| it.get("type").is_none_or(|it| it != "null"));
                if let [Value::Object(only)] = choices.as_slice() {
                    let only = only.clone();
                    object.remove("anyOf");
                    object.extend(only);
                }
            }
        }
        transform_subschemas(self, schema);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_schemas_are_current() {
        for (name, content) in all() {
            let path = format!("{}/schema/{name}", env!("CARGO_MANIFEST_DIR"));
            expect_test::expect_file![path].assert_eq(&content);
        }
    }
}
