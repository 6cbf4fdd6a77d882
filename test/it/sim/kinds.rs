//! Mirrors `src/sim/kinds.rs`.

use bitcoin_controller::base::yaml;
use bitcoin_controller::sim::kinds::{self, Kind, ScalePaths};
use serde_json::{Value, json};

fn definition() -> Value {
    yaml::from_str(include_str!("../../../manifests/crd.yaml")).unwrap()
}

#[test]
fn built_in_kinds_are_sorted_and_their_names_are_unique() {
    let kinds = kinds::built_in();
    assert!(kinds.is_sorted_by_key(|kind| (kind.group.clone(), kind.plural.clone())));

    // Events have two groups: whoever says `ev` means those of the first.
    let mut names: Vec<&String> = kinds
        .iter()
        .filter(|kind| kind.group != "events.k8s.io")
        .flat_map(|kind| {
            kind.short_names
                .iter()
                .chain([&kind.plural, &kind.singular])
        })
        .collect();
    let n_names = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), n_names);
}

#[test]
fn pods_have_a_status_and_statefulsets_a_scale() {
    let kinds = kinds::built_in();
    let of = |resource: &str| {
        kinds
            .iter()
            .find(|kind| kind.resource() == resource)
            .unwrap()
    };
    let pods = of("pods");
    assert!(pods.has_status && pods.is_namespaced && pods.scale.is_none());
    assert_eq!(pods.api_version(), "v1");
    assert!(!of("nodes").is_namespaced);
    assert!(!of("secrets").has_status);
    assert_eq!(
        of("statefulsets.apps")
            .scale
            .as_ref()
            .unwrap()
            .spec_replicas,
        ".spec.replicas"
    );
}

#[test]
fn a_definition_becomes_a_kind() {
    let kinds = Kind::of_definition(&definition()).unwrap();
    let [network] = kinds.as_slice() else {
        panic!("one served version, not {}", kinds.len())
    };
    assert_eq!(
        network.resource(),
        "bitcoinnetworks.bitcoincontroller.christianb93.github.com"
    );
    assert_eq!(
        network.api_version(),
        "bitcoincontroller.christianb93.github.com/v1"
    );
    assert_eq!(network.short_names, ["btcnet"]);
    assert_eq!(network.categories, ["all"]);
    assert!(network.is_namespaced && network.has_status);
    assert_eq!(
        network.scale,
        Some(ScalePaths {
            spec_replicas: ".spec.nodes".to_owned(),
            status_replicas: ".status.replicas".to_owned(),
            label_selector: ".status.selector".to_owned(),
        })
    );
    let headings: Vec<&str> = network
        .columns
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    assert_eq!(
        headings,
        ["Name", "Nodes", "Ready", "Links", "Height", "Age"]
    );
    assert_eq!(network.schema.as_ref().unwrap()["type"], "object");
}

#[test]
fn a_version_that_is_not_served_is_no_kind() {
    let mut definition = definition();
    definition["spec"]["versions"][0]["served"] = json!(false);
    assert_eq!(Kind::of_definition(&definition), Ok(Vec::new()));
}

#[test]
fn a_definition_without_columns_shows_name_and_age() {
    let mut definition = definition();
    definition["spec"]["versions"][0]["additionalPrinterColumns"] = Value::Null;
    let kinds = Kind::of_definition(&definition).unwrap();
    let paths: Vec<&str> = kinds[0]
        .columns
        .iter()
        .map(|column| column.json_path.as_str())
        .collect();
    assert_eq!(paths, [".metadata.name", ".metadata.creationTimestamp"]);
    assert_eq!(kinds[0].columns[1].kind, "date");
}

#[test]
fn a_broken_definition_is_refused_by_the_field_that_is_missing() {
    let mut definition = definition();
    definition["spec"]["names"]["plural"] = Value::Null;
    assert_eq!(
        Kind::of_definition(&definition),
        Err("spec.names.plural is missing".to_owned())
    );
}

#[test]
fn a_definition_cannot_take_a_kind_of_the_servers_away() {
    for group in ["apps", "apiextensions.k8s.io", "coordination.k8s.io"] {
        let mut definition = definition();
        let plural = definition["spec"]["names"]["plural"].as_str().unwrap();
        definition["metadata"]["name"] = format!("{plural}.{group}").into();
        definition["spec"]["group"] = group.into();
        assert!(Kind::of_definition(&definition).is_err(), "{group}");
    }
}
