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
