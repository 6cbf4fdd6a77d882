//! Mirrors `src/sim/openapi.rs`.

use std::sync::Arc;

use bitcoin_controller::base::yaml;
use bitcoin_controller::sim::kinds::{self, Kind};
use bitcoin_controller::sim::openapi;
use serde_json::{Value, json};

const GROUP: &str = "bitcoincontroller.christianb93.github.com";

fn kinds() -> Vec<Arc<Kind>> {
    let definition = yaml::from_str(include_str!("../../../manifests/crd.yaml")).unwrap();
    let mut kinds = kinds::built_in();
    kinds.extend(Kind::of_definition(&definition).unwrap());
    kinds.into_iter().map(Arc::new).collect()
}

fn document(kinds: &[Arc<Kind>], kind: &Kind) -> Value {
    let root = if kind.group.is_empty() { "api" } else { "apis" };
    openapi::answer(kinds, &format!("/openapi/v3/{root}/{}", kind.api_version())).unwrap()
}

#[test]
fn every_kind_has_a_patch_that_checks_fields() {
    let kinds = kinds();
    for kind in &kinds {
        let document = document(&kinds, kind);
        let gvk = json!({"group": kind.group, "version": kind.version, "kind": kind.kind});
        let mut patches = document["paths"]
            .as_object()
            .unwrap()
            .values()
            .map(|path| &path["patch"]);
        let patch = patches
            .find(|patch| patch["x-kubernetes-group-version-kind"] == gvk)
            .unwrap_or_else(|| panic!("no patch of {}", kind.kind));
        let mut parameters = patch["parameters"].as_array().unwrap().iter();
        assert!(
            parameters.any(|parameter| parameter["name"] == "fieldValidation"),
            "{}",
            kind.kind
        );
    }
}

#[test]
fn references_lead_somewhere() {
    fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get("$ref").and_then(Value::as_str));
                fields.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let kinds = kinds();
    for kind in &kinds {
        let document = document(&kinds, kind);
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(!found.is_empty());
        for reference in found {
            assert!(document.pointer(&reference[1..]).is_some(), "{reference}");
        }
    }
}

#[test]
fn a_custom_resource_has_its_definitions_schema() {
    let document = openapi::answer(&kinds(), &format!("/openapi/v3/apis/{GROUP}/v1")).unwrap();
    let schema = &document["components"]["schemas"]["com.github.christianb93.bitcoincontroller.v1.BitcoinNetwork"];
    assert_eq!(
        schema["properties"]["spec"]["properties"]["nodes"]["maximum"],
        1000
    );
    assert_eq!(
        schema["x-kubernetes-group-version-kind"],
        json!([{"group": GROUP, "version": "v1", "kind": "BitcoinNetwork"}])
    );
}

#[test]
fn a_documents_address_changes_with_it_and_only_then() {
    let address = |kinds: &[Arc<Kind>], path: &str| {
        openapi::answer(kinds, "/openapi/v3").unwrap()["paths"][path]["serverRelativeURL"].clone()
    };
    let kinds = kinds();
    let mut changed = kinds.clone();
    let network = changed.iter_mut().find(|kind| kind.group == GROUP).unwrap();
    Arc::make_mut(network).schema.as_mut().unwrap()["properties"]["spec"]["properties"]["more"] =
        json!({"type": "string"});

    let path = format!("apis/{GROUP}/v1");
    assert_eq!(address(&kinds, &path), address(&kinds.clone(), &path));
    assert_ne!(address(&kinds, &path), address(&changed, &path));
    assert_eq!(address(&kinds, "api/v1"), address(&changed, "api/v1"));
}

#[test]
fn the_index_names_a_document_for_each_group_and_version() {
    let kinds = kinds();
    let index = openapi::answer(&kinds, "/openapi/v3").unwrap();
    for (path, entry) in index["paths"].as_object().unwrap() {
        let address = entry["serverRelativeURL"].as_str().unwrap();
        assert!(
            address.starts_with(&format!("/openapi/v3/{path}?hash=")),
            "{address}"
        );
        assert!(
            openapi::answer(&kinds, &format!("/openapi/v3/{path}")).is_some(),
            "{path}"
        );
    }
    assert_eq!(openapi::answer(&kinds, "/openapi/v3/apis/batch/v1"), None);
    assert_eq!(openapi::answer(&kinds, "/openapi/v2"), None);
}
