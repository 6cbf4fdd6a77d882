//! Mirrors `src/api/crd.rs`: the schema is structural, and it allows what the types write.

use bitcoin_controller::api::crd::custom_resource_definition;
use serde_json::Value;

fn schema() -> Value {
    custom_resource_definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

/// Visits every schema within `schema`, with its path.
fn visit(schema: &Value, path: &str, look: &mut dyn FnMut(&str, &Value)) {
    look(path, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        visit(property, &format!("{path}.{name}"), look);
    }
    if let Some(items) = schema.get("items") {
        visit(items, &format!("{path}[]"), look);
    }
    if let Some(values) = schema.get("additionalProperties") {
        visit(values, &format!("{path}[]"), look);
    }
}

#[test]
fn every_part_has_a_type_and_only_words_that_kubernetes_knows() {
    const KNOWN: [&str; 22] = [
        "type",
        "description",
        "properties",
        "items",
        "required",
        "enum",
        "format",
        "nullable",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "pattern",
        "x-kubernetes-validations",
        "x-kubernetes-list-type",
        "x-kubernetes-list-map-keys",
        "minItems",
        "maxItems",
        "maxProperties",
        "additionalProperties",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-int-or-string",
    ];
    visit(&schema(), "", &mut |path, part| {
        let is_either = part["x-kubernetes-int-or-string"] == true;
        assert!(part["type"].is_string() || is_either, "{path} has no type");
        for word in part.as_object().unwrap().keys() {
            assert!(KNOWN.contains(&word.as_str()), "{path} uses {word}");
        }
    });
}

#[test]
fn every_field_is_described() {
    visit(&schema(), "", &mut |path, part| {
        let given_by_kubernetes = ["", ".apiVersion", ".kind", ".metadata"].contains(&path);
        let item_of_list = path.ends_with("[]");
        assert!(
            part["description"].is_string() || given_by_kubernetes || item_of_list,
            "{path} has no description"
        );
    });
}

#[test]
fn keys_of_list_maps_are_required() {
    visit(&schema(), "", &mut |path, part| {
        for key in part["x-kubernetes-list-map-keys"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let required = part["items"]["required"]
                .as_array()
                .cloned()
                .unwrap_or_default();
            assert!(required.contains(key), "{path}: {key} is not required");
        }
    });
}

#[test]
fn the_number_of_nodes_is_required_and_bounded() {
    let spec = &schema()["properties"]["spec"];
    assert_eq!(spec["required"], serde_json::json!(["nodes"]));
    assert_eq!(spec["properties"]["nodes"]["minimum"], 0);
    assert_eq!(
        spec["properties"]["nodes"]["maximum"],
        bitcoin_controller::api::network::MAX_NODES
    );
}

#[test]
fn what_a_user_lists_is_bounded_so_that_rules_over_it_are_cheap() {
    visit(
        &schema()["properties"]["spec"],
        "spec",
        &mut |path, part| match part["type"].as_str() {
            Some("array") => assert!(part["maxItems"].is_u64(), "{path} has no maxItems"),
            Some("string") if part["enum"].is_null() && !path.ends_with("[]") => {
                assert!(part["maxLength"].is_u64(), "{path} has no maxLength");
            }
            Some("object") if part["additionalProperties"].is_object() => {
                assert!(
                    part["maxProperties"].is_u64(),
                    "{path} has no maxProperties"
                );
            }
            _ => {}
        },
    );
}
