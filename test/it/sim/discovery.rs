//! Mirrors `src/sim/discovery.rs`. What a kube-apiserver v1.36.3 answered is in `test/fixtures/sim`.

use bitcoin_controller::base::yaml;
use bitcoin_controller::sim::discovery;
use bitcoin_controller::sim::kinds::{self, Kind};
use serde_json::Value;

fn kinds() -> Vec<Kind> {
    let definition = yaml::from_str(include_str!("../../../manifests/crd.yaml")).unwrap();
    let mut kinds = kinds::built_in();
    kinds.extend(Kind::of_definition(&definition).unwrap());
    kinds
}

fn recorded() -> Value {
    serde_json::from_str(include_str!("../../fixtures/sim/discovery.json")).unwrap()
}

#[test]
fn plain_answers_are_a_real_servers() {
    let kinds = kinds();
    for (path, theirs) in recorded()["plain"].as_object().unwrap() {
        let steps: Vec<&str> = path.split('/').skip(1).collect();
        let ours = match steps.as_slice() {
            ["api"] => discovery::api_versions(&kinds),
            ["apis"] => discovery::groups(&kinds),
            ["api", version] => discovery::resources(&kinds, "", version).unwrap(),
            ["apis", group] => discovery::group(&kinds, group).unwrap(),
            ["apis", group, version] => discovery::resources(&kinds, group, version).unwrap(),
            _ => panic!("{path}"),
        };
        assert_eq!(&ours, theirs, "{path}");
    }
}

#[test]
fn aggregated_answers_are_a_real_servers() {
    let recorded = recorded();
    assert_eq!(
        discovery::aggregated_core(&kinds()),
        recorded["aggregated"]["/api"]
    );
    assert_eq!(
        discovery::aggregated_groups(&kinds()),
        recorded["aggregated"]["/apis"]
    );
}

#[test]
fn only_who_names_it_gets_the_aggregated_answer() {
    let kubectl = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                   application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
    assert!(discovery::wants_aggregated(kubectl));
    assert!(discovery::wants_aggregated(discovery::AGGREGATED));
    assert!(!discovery::wants_aggregated("application/json, */*"));
    assert!(!discovery::wants_aggregated(
        "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
    ));
}

#[test]
fn the_newest_stable_version_is_preferred() {
    let mut kinds = Vec::new();
    for version in ["v1alpha1", "v10", "v2", "v2beta1", "other", "v2beta2", "v1"] {
        kinds.push(Kind {
            group: "example.com".to_owned(),
            version: version.to_owned(),
            ..kinds::built_in().remove(0)
        });
    }
    let group = discovery::group(&kinds, "example.com").unwrap();
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
    assert_eq!(discovery::group(&kinds(), "batch"), None);
    assert_eq!(discovery::group(&kinds(), ""), None);
    assert_eq!(discovery::resources(&kinds(), "apps", "v2"), None);
}
