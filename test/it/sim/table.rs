//! Mirrors `src/sim/table`. What a kube-apiserver v1.36.3 printed is in `test/fixtures/sim`.

use std::sync::Arc;

use bitcoin_controller::base::yaml;
use bitcoin_controller::sim::kinds::{self, Kind};
use bitcoin_controller::sim::table::{self, IncludeObject};
use serde_json::{Value, json};

fn kinds() -> Vec<Kind> {
    let definition = yaml::from_str(include_str!("../../../manifests/crd.yaml")).unwrap();
    let mut kinds = kinds::built_in();
    kinds.extend(Kind::of_definition(&definition).unwrap());
    kinds
}

fn kind(plural: &str) -> Kind {
    kinds()
        .into_iter()
        .find(|kind| kind.plural == plural)
        .unwrap()
}

/// Goal: the same cells as a real server. Method: its recorded rows carry their objects; print those again.
#[test]
fn tables_are_what_a_real_server_prints() {
    let recorded: Value =
        serde_json::from_str(include_str!("../../fixtures/sim/tables.json")).unwrap();
    for theirs in recorded.as_array().unwrap() {
        let path = theirs["path"].as_str().unwrap();
        let kind = kind(path.rsplit('/').next().unwrap());
        let rows = theirs["rows"].as_array().unwrap();
        let items: Vec<Arc<Value>> = rows
            .iter()
            .map(|row| Arc::new(row["object"].clone()))
            .collect();
        let now = theirs["now"].as_i64().unwrap();
        let ours = table::table(
            &kind,
            &items,
            &theirs["metadata"],
            IncludeObject::Object,
            now,
        );

        let columns = ours["columnDefinitions"].as_array().unwrap().iter();
        let columns: Vec<Value> = columns
            .map(|column| {
                json!([
                    column["name"],
                    column["type"],
                    column["format"],
                    column["priority"]
                ])
            })
            .collect();
        assert_eq!(Value::from(columns), theirs["columns"], "{path}");
        assert_eq!(ours["metadata"], theirs["metadata"]);
        for (ours, theirs) in ours["rows"].as_array().unwrap().iter().zip(rows) {
            assert_eq!(ours, theirs, "{path}");
        }
    }
}

#[test]
fn every_row_has_a_cell_for_each_column() {
    let empty = Arc::new(json!({"metadata": {"name": "a"}}));
    for kind in kinds() {
        let table = table::table(
            &kind,
            std::slice::from_ref(&empty),
            &json!({}),
            IncludeObject::None,
            0,
        );
        let cells = table["rows"][0]["cells"].as_array().unwrap();
        assert_eq!(cells.len(), kind.columns.len(), "{}", kind.plural);
        assert_eq!(table["rows"][0]["object"], Value::Null);
    }
}

#[test]
fn a_row_carries_metadata_unless_asked_otherwise() {
    assert_eq!(IncludeObject::from_query(None), Ok(IncludeObject::Metadata));
    assert_eq!(
        IncludeObject::from_query(Some("Object")),
        Ok(IncludeObject::Object)
    );
    assert!(
        IncludeObject::from_query(Some("bogus"))
            .unwrap_err()
            .contains("\"bogus\"")
    );

    let secret = Arc::new(json!({"metadata": {"name": "a"}, "data": {"password": "c2VjcmV0"}}));
    let table = table::table(
        &kind("secrets"),
        &[secret],
        &json!({}),
        IncludeObject::default(),
        0,
    );
    assert_eq!(
        table["rows"][0]["object"],
        json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": {"name": "a"}})
    );
}

#[test]
fn only_the_first_event_of_a_watch_names_the_columns() {
    let kind = kind("bitcoinnetworks");
    let network =
        Arc::new(json!({"metadata": {"name": "a", "resourceVersion": "7"}, "spec": {"nodes": 3}}));
    let first = table::event(&kind, &network, true, IncludeObject::None, 0);
    assert_eq!(first["columnDefinitions"].as_array().unwrap().len(), 6);
    let second = table::event(&kind, &network, false, IncludeObject::None, 0);
    assert_eq!(second["columnDefinitions"], Value::Null);
    assert_eq!(second["metadata"], json!({"resourceVersion": "7"}));
    assert_eq!(second["rows"][0]["cells"][1], 3);
}

#[test]
fn the_bookmark_after_the_first_objects_keeps_its_annotation() {
    let bookmark = Arc::new(json!({
        "metadata": {"resourceVersion": "9", "annotations": {"k8s.io/initial-events-end": "true"}},
    }));
    let event = table::event(
        &kind("configmaps"),
        &bookmark,
        false,
        IncludeObject::None,
        0,
    );
    assert_eq!(event["rows"][0]["cells"], json!(["", 0, "<unknown>"]));
    assert_eq!(event["rows"][0]["object"]["metadata"], bookmark["metadata"]);
}

#[test]
fn a_column_shows_only_what_is_of_its_type() {
    let mut kind = kind("bitcoinnetworks");
    let network = Arc::new(json!({
        "metadata": {"name": "a", "creationTimestamp": "soon"},
        "spec": {"nodes": "three"},
        "status": {"readyNodes": 2.5, "height": null},
    }));
    let cells = |kind: &Kind| {
        let table = table::table(
            kind,
            std::slice::from_ref(&network),
            &json!({}),
            IncludeObject::None,
            0,
        );
        table["rows"][0]["cells"].clone()
    };
    assert_eq!(cells(&kind), json!(["a", null, 2, null, null, "<invalid>"]));
    kind.columns[2].kind = "string".to_owned();
    assert_eq!(cells(&kind)[2], "2.5");
}

#[test]
fn ages_have_two_units_at_most() {
    let (minute, hour, day) = (60, 3_600, 86_400);
    for (seconds, text) in [
        (-2, "<invalid>"),
        (-1, "0s"),
        (119, "119s"),
        (120, "2m"),
        (9 * minute + 59, "9m59s"),
        (10 * minute + 59, "10m"),
        (3 * hour - 1, "179m"),
        (3 * hour + 60, "3h1m"),
        (8 * hour + 60, "8h"),
        (2 * day - 1, "47h"),
        (2 * day, "2d"),
        (2 * day + hour, "2d1h"),
        (8 * day + hour, "8d"),
        (729 * day, "729d"),
        (730 * day, "2y"),
        (731 * day, "2y1d"),
        (3_000 * day, "8y"),
    ] {
        assert_eq!(table::human_duration(seconds), text);
    }
}
