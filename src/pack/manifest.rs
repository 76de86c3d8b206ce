//! `manifest.json`: a pack's entries for people and web tools. Says nothing that the plan does not.

use serde::Serialize;

use crate::model::{AssetId, AssetUuid, Digest};
use crate::process::contract::Metadata;

use super::plan::{Codec, Layout, Plan, PlanEntry, PlanPayload};

/// The version of the manifest's own format.
pub const VERSION: u32 = 1;

/// A pack's manifest. Fields are written in this order, entries by `asset_id`.
#[derive(Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub struct Manifest<'a> {
    /// Always `packwright manifest`.
    pub format: &'static str,
    /// Always 1 for now.
    pub version: u32,
    /// The content digest of the pack that this is about.
    pub content_digest: Digest,
    /// How the pack is cut into files.
    pub layout: Layout,
    /// The entries.
    pub entries: Vec<ManifestEntry<'a>>,
}

/// An entry of a pack.
#[derive(Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub struct ManifestEntry<'a> {
    /// The order of the pack.
    pub asset_id: AssetId,
    /// Identity.
    pub asset_uuid: AssetUuid,
    /// The author's name for it.
    pub asset_name: &'a str,
    /// The name of the processor that made it.
    #[serde(rename = "type")]
    pub kind: &'a str,
    /// Whether its payloads lie at the front.
    pub preload: bool,
    /// The author's tags, sorted.
    pub tags: &'a [String],
    /// Facts from the processor.
    pub metadata: &'a Metadata,
    /// The assets it refers to, sorted.
    pub references: &'a [AssetId],
    /// By role.
    pub payloads: Vec<ManifestPayload<'a>>,
}

/// A payload of an entry.
#[derive(Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub struct ManifestPayload<'a> {
    /// What it is to the asset; the main payload has the empty role.
    pub role: &'a str,
    /// Digest of the raw bytes.
    pub digest: Digest,
    /// Length of the raw bytes.
    pub raw_len: u64,
    /// Digest of the bytes as stored.
    pub stored_digest: Digest,
    /// Length of the bytes as stored.
    pub stored_len: u64,
    /// How they are compressed.
    pub codec: Codec,
}

/// Returns the manifest of the pack with this content digest, as indented JSON with a final line feed.
pub fn manifest(plan: &Plan, content_digest: Digest) -> String {
    let entries = plan.entries.iter().map(|it| manifest_entry(it)).collect();
    let manifest =
        Manifest { format: "packwright manifest", version: VERSION, content_digest, layout: plan.layout, entries };
    let mut text = serde_json::to_string_pretty(&manifest).expect("strings, numbers and lists are JSON");
    text.push('\n');
    text
}

fn manifest_entry(entry: &PlanEntry) -> ManifestEntry<'_> {
    let mut payloads: Vec<_> = entry.payloads.iter().map(manifest_payload).collect();
    payloads.sort_by_key(|it| it.role);
    ManifestEntry {
        asset_id: entry.id,
        asset_uuid: entry.uuid,
        asset_name: &entry.name,
        kind: &entry.kind,
        preload: entry.preload,
        tags: &entry.tags,
        metadata: &entry.metadata,
        references: &entry.references,
        payloads,
    }
}

fn manifest_payload(payload: &PlanPayload) -> ManifestPayload<'_> {
    ManifestPayload {
        role: &payload.role,
        digest: payload.digest,
        raw_len: payload.raw_len,
        stored_digest: payload.stored_digest,
        stored_len: payload.stored_len,
        codec: payload.codec,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_says_what_the_plan_says() {
        let payload = |role: &str| PlanPayload {
            role: role.to_owned(),
            digest: Digest([1; 32]),
            raw_len: 9,
            stored_digest: Digest([2; 32]),
            stored_len: 5,
            codec: Codec::Zstd,
        };
        let entry = PlanEntry {
            id: AssetId(17),
            uuid: AssetUuid([3; 16]),
            name: "hero \"one\"".into(),
            kind: "image".into(),
            preload: true,
            tags: vec!["boss".to_owned()],
            metadata: Metadata::from([("width".to_owned(), crate::process::contract::MetaValue::Integer(64))]),
            references: vec![AssetId(3)],
            payloads: vec![payload("preview"), payload("")],
        };
        let text = manifest(&Plan { layout: Layout::Split, entries: vec![entry.into()] }, Digest([4; 32]));
        expect_test::expect![[r#"
            {
              "format": "packwright manifest",
              "version": 1,
              "content_digest": "0404040404040404040404040404040404040404040404040404040404040404",
              "layout": "split",
              "entries": [
                {
                  "asset_id": 17,
                  "asset_uuid": "03030303-0303-0303-0303-030303030303",
                  "asset_name": "hero \"one\"",
                  "type": "image",
                  "preload": true,
                  "tags": [
                    "boss"
                  ],
                  "metadata": {
                    "width": 64
                  },
                  "references": [
                    3
                  ],
                  "payloads": [
                    {
                      "role": "",
                      "digest": "0101010101010101010101010101010101010101010101010101010101010101",
                      "raw_len": 9,
                      "stored_digest": "0202020202020202020202020202020202020202020202020202020202020202",
                      "stored_len": 5,
                      "codec": "zstd"
                    },
                    {
                      "role": "preview",
                      "digest": "0101010101010101010101010101010101010101010101010101010101010101",
                      "raw_len": 9,
                      "stored_digest": "0202020202020202020202020202020202020202020202020202020202020202",
                      "stored_len": 5,
                      "codec": "zstd"
                    }
                  ]
                }
              ]
            }
        "#]]
        .assert_eq(&text);
    }
}
