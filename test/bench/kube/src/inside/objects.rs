//! Objects and their references, by number.

use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::runtime::controller::ReconcileRequest;
use kube::runtime::reflector::ObjectRef;

/// A pod of 10 kB, as the stub of an API server gives it.
pub const POD: &str = include_str!("../../../pod.json");

/// A small pod in its state number `version`, with an owner.
pub fn small(number: usize, version: usize) -> Pod {
    let owner = OwnerReference {
        api_version: "apps/v1".to_owned(),
        kind: "ReplicaSet".to_owned(),
        name: format!("set-{}", number / 10),
        uid: owner(number / 10),
        controller: Some(true),
        block_owner_deletion: Some(true),
    };
    let metadata = ObjectMeta {
        namespace: Some(namespace(number)),
        name: Some(name(number)),
        uid: Some(uid(number, 1)),
        resource_version: Some(version.to_string()),
        owner_references: Some(vec![owner]),
        ..ObjectMeta::default()
    };
    Pod {
        metadata,
        ..Pod::default()
    }
}

pub fn request(number: usize) -> ReconcileRequest<Pod> {
    ObjectRef::new(&name(number))
        .within(&namespace(number))
        .into()
}

fn namespace(number: usize) -> String {
    format!("ns-{}", number % 50)
}

/// The UID of the owner of ten pods.
pub fn owner(number: usize) -> String {
    uid(number, 2)
}

fn name(number: usize) -> String {
    format!("object-{number}")
}

fn uid(number: usize, kind: usize) -> String {
    format!("{number:08x}-{kind:04x}-4333-8444-{:012x}", number * 7_919)
}
