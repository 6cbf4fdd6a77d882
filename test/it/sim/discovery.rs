//! Mirrors `src/sim/discovery.rs`. What a kube-apiserver v1.36.3 answered is in `test/fixtures/sim`.

use std::sync::Arc;

use bitcoin_controller::base::yaml;
use bitcoin_controller::sim::discovery;
use bitcoin_controller::sim::kinds::{self, Kind};
use serde_json::Value;

const KUBECTL: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
    application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

fn kinds() -> Vec<Arc<Kind>> {
    let definition = yaml::from_str(include_str!("../../../manifests/crd.yaml")).unwrap();
    let mut kinds = kinds::built_in();
    kinds.extend(Kind::of_definition(&definition).unwrap());
    kinds.into_iter().map(Arc::new).collect()
}

fn recorded() -> Value {
    serde_json::from_str(include_str!("../../fixtures/sim/discovery.json")).unwrap()
}

#[test]
fn plain_answers_are_a_real_servers() {
    let kinds = kinds();
    for (path, theirs) in recorded()["plain"].as_object().unwrap() {
        let (content_type, ours) = discovery::answer(&kinds, path, "application/json").unwrap();
        assert_eq!(content_type, "application/json");
        assert_eq!(&ours, theirs, "{path}");
    }
}

#[test]
fn aggregated_answers_are_a_real_servers() {
    for (path, theirs) in recorded()["aggregated"].as_object().unwrap() {
        let (content_type, ours) = discovery::answer(&kinds(), path, KUBECTL).unwrap();
        assert_eq!(
            content_type,
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        );
        assert_eq!(&ours, theirs, "{path}");
    }
}

#[test]
fn only_who_names_it_gets_the_aggregated_answer() {
    for accept in [
        "",
        "application/json, */*",
        "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
    ] {
        let (content_type, answer) = discovery::answer(&kinds(), "/apis", accept).unwrap();
        assert_eq!(content_type, "application/json");
        assert_eq!(answer["kind"], "APIGroupList", "{accept}");
    }
}

#[test]
fn the_newest_stable_version_is_preferred() {
    let mut kinds = Vec::new();
    for version in ["v1alpha1", "v10", "v2", "v2beta1", "other", "v2beta2", "v1"] {
        kinds.push(Arc::new(Kind {
            group: "example.com".to_owned(),
            version: version.to_owned(),
            ..kinds::built_in().remove(0)
        }));
    }
    let (_, group) = discovery::answer(&kinds, "/apis/example.com", "").unwrap();
    let versions: Vec<&str> = group["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["version"].as_str().unwrap())
        .collect();
    assert_eq!(
        versions,
        ["v10", "v2", "v1", "v2beta2", "v2beta1", "v1alpha1", "other"]
    );
    assert_eq!(group["preferredVersion"]["groupVersion"], "example.com/v10");
}

#[test]
fn what_is_not_there_is_not_answered() {
    for path in [
        "/apis/batch",
        "/apis/apps/v2",
        "/apis//v1",
        "/api/v2",
        "/",
        "/nothing",
    ] {
        assert_eq!(discovery::answer(&kinds(), path, KUBECTL), None, "{path}");
    }
}
