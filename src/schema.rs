//! The JSON Schemas of every JSON and TOML file, generated from the types that read and write them.

use schemars::generate::SchemaSettings;
use schemars::transform::{Transform, transform_subschemas};
use schemars::{JsonSchema, Schema};
use serde_json::Value;

use crate::cli::documents;
use crate::model::registry::Line;
use crate::workspace::authored::{AssetFile, WorkspaceFile};

/// Returns the schemas: their file names in `schema/` and their contents.
pub fn all() -> Vec<(&'static str, String)> {
    vec![
        ("asset.schema.json", authored::<AssetFile>()),
        ("packwright.schema.json", authored::<WorkspaceFile>()),
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
    written(&generator.into_root_schema_for::<T>())
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
