//! Generated files are what would be generated, and versions agree.

use bitcoin_controller::api::crd::custom_resource_definition;
use bitcoin_controller::base::yaml;
use serde_json::Value;

use super::sources::read;

#[test]
fn the_crd_in_the_manifests_is_the_one_made_from_the_types() {
    let written: Value = yaml::from_str(&read("manifests/crd.yaml")).unwrap();
    assert_eq!(
        written,
        custom_resource_definition(),
        "run hack/update-crd.sh"
    );
}

#[test]
fn the_rust_version_is_stated_once() {
    let manifest = read("Cargo.toml");
    assert!(
        manifest.contains("rust-version = "),
        "Cargo.toml states the oldest Rust that will do"
    );
}

#[test]
fn the_chart_has_the_crd_and_keeps_it_when_it_goes() {
    let template = read("helm/bitcoin-controller/templates/crd.yaml");
    let crd = template.lines().filter(|line| !line.starts_with("{{"));
    let crd: Vec<&str> = crd.collect();
    assert!(crd.iter().all(|line| !line.contains("{{")), "{template}");
    let mut written: Value = yaml::from_str(&crd.join("\n")).unwrap();
    let metadata = written["metadata"].as_object_mut().unwrap();
    let annotations = metadata.remove("annotations");
    let kept = serde_json::json!({"helm.sh/resource-policy": "keep"});
    assert_eq!(annotations, Some(kept));
    assert_eq!(
        written,
        custom_resource_definition(),
        "run hack/update-crd.sh"
    );
}

#[test]
fn the_chart_grants_what_the_manifests_grant() {
    let objects = |path: &str| yaml::all_from_str(&read(path)).unwrap();
    let rules = &objects("helm/bitcoin-controller/files/rules.yaml")[0];
    let manifests = objects("manifests/rbac.yaml");
    let role = manifests
        .iter()
        .find(|object| object["kind"] == "ClusterRole");
    assert_eq!(*rules, role.unwrap()["rules"], "run hack/update-crd.sh");
    let users = objects("helm/bitcoin-controller/files/users.yaml");
    assert_eq!(
        users,
        objects("manifests/users.yaml"),
        "run hack/update-crd.sh"
    );
}

#[test]
fn the_chart_has_the_version_of_the_program() {
    let chart: Value = yaml::from_str(&read("helm/bitcoin-controller/Chart.yaml")).unwrap();
    for version in ["version", "appVersion"] {
        assert_eq!(chart[version], env!("CARGO_PKG_VERSION"), "{version}");
    }
}

/// Every value has a default, a type, and a sentence on what it is; nothing else is accepted.
#[test]
fn every_value_of_the_chart_is_described() {
    let schema: Value =
        serde_json::from_str(&read("helm/bitcoin-controller/values.schema.json")).unwrap();
    let values: Value = yaml::from_str(&read("helm/bitcoin-controller/values.yaml")).unwrap();
    described("", &schema, &values);
}

fn described(path: &str, schema: &Value, values: &Value) {
    assert_eq!(schema["additionalProperties"], false, "{path}");
    for (name, about) in schema["properties"].as_object().unwrap() {
        let path = format!("{path}/{name}");
        assert!(about["type"].is_string(), "{path}");
        assert!(
            about["description"]
                .as_str()
                .is_some_and(|it| !it.is_empty()),
            "{path}"
        );
        // What helm itself passes to the parts of a chart.
        assert!(
            name == "global" || !values[name].is_null(),
            "{path} has no default"
        );
        if about["properties"].is_object() && about["type"] == "object" {
            described(&path, about, &values[name]);
        }
    }
}
