//! `packwright schema`.

use super::Context;
use super::exit::Exit;
use super::table::table;
use super::words::clean;
use crate::error::{Error, Result};
use crate::model::suggest;
use crate::schema;

/// How the files of schemas end.
const SUFFIX: &str = ".schema.json";

#[derive(clap::Args, Debug)]
pub struct Arguments {
    /// Whose schema: `asset` for `asset.json` and sidecars, `packwright` for packwright.toml, `cli/build` for what
    /// `build --format json` prints [default: lists all]
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

pub fn run(cx: &Context, arguments: &Arguments) -> Result<Exit> {
    let all = schema::all();
    let names: Vec<&str> = all.iter().filter_map(|it| it.0.strip_suffix(SUFFIX)).collect();
    let Some(name) = &arguments.name else {
        let titled = names.iter().zip(&all).map(|(name, (_, text))| [(*name).to_owned(), title(text)]);
        cx.console.print(&table(titled, &[]))?;
        return Ok(Exit::Done);
    };
    let wanted = name.strip_suffix(SUFFIX).unwrap_or(name);
    match names.iter().position(|it| *it == wanted) {
        Some(at) => cx.console.print(&all[at].1)?,
        None => {
            let similar = suggest::closest(wanted, names.iter().copied());
            let similar = similar.map_or_else(String::new, |it| format!("; there is `{it}`"));
            let name = clean(name);
            return Err(Error::Usage(format!("no schema is called `{name}`{similar}; `packwright schema` lists all")));
        }
    }
    Ok(Exit::Done)
}

/// Returns what a schema says that it is of.
fn title(schema: &str) -> String {
    let schema: serde_json::Value = serde_json::from_str(schema).unwrap_or_default();
    schema["title"].as_str().unwrap_or_default().to_owned()
}
