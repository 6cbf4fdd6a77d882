//! Mirrors `src/api/meta.rs`.

use bitcoin_controller::api::meta::Labels;
use bitcoin_controller::api::{ObjectKey, ObjectMeta, network};
use serde_json::json;

#[test]
fn keys_are_written_and_read_as_client_go_does() {
    for text in ["default/alpha", "node-1"] {
        assert_eq!(text.parse::<ObjectKey>().unwrap().to_string(), text);
    }
    let error = "a/b/c".parse::<ObjectKey>().unwrap_err();
    assert!(error.contains("a/b/c"), "{error}");
}

#[test]
fn only_annotations_of_our_group_are_kept() {
    let ours = format!("{}/applied", network::GROUP);
    let beside = format!("{}x/applied", network::GROUP);
    let meta: ObjectMeta =
        serde_json::from_value(json!({"annotations": {&ours: "1", &beside: "2", "other": "3"}}))
            .unwrap();
    assert_eq!(meta.annotations.get(&ours), Some("1"));
    assert_eq!(meta.annotations.get(&beside), None);
    assert_eq!(meta.annotations.get("other"), None);
}

#[test]
fn labels_are_found_whatever_their_order_was() {
    let labels: Labels = [("b", "2"), ("a", "1"), ("c", "3")].into_iter().collect();
    assert_eq!(labels.get("a"), Some("1"));
    assert_eq!(labels.get("c"), Some("3"));
    assert_eq!(labels.get("d"), None);
}

#[test]
fn the_managing_owner_is_told_from_others() {
    let meta: ObjectMeta = serde_json::from_value(json!({"ownerReferences": [
        {"apiVersion": "v1", "kind": "Other", "name": "x", "uid": "1"},
        {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "a-sts", "uid": "2", "controller": true},
    ]}))
    .unwrap();
    assert_eq!(meta.controller().map(|owner| owner.uid.as_str()), Some("2"));
}
