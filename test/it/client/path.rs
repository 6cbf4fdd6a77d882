//! Paths that stay where they belong.

use bitcoin_controller::api::apps::StatefulSet;
use bitcoin_controller::api::core::Pod;
use bitcoin_controller::api::meta::ObjectMeta;
use bitcoin_controller::api::{ObjectKey, Resource};
use bitcoin_controller::client::path::{Query, collection, object};

/// A kind that lives in no namespace.
#[derive(serde::Deserialize)]
struct Node {
    metadata: ObjectMeta,
}

impl Resource for Node {
    const GROUP: &'static str = "";
    const VERSION: &'static str = "v1";
    const KIND: &'static str = "Node";
    const PLURAL: &'static str = "nodes";
    const NAMESPACED: bool = false;

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

#[test]
fn groups_namespaces_and_subresources_have_their_places() {
    let key = ObjectKey::new("x", "a");
    assert_eq!(collection::<Pod>(None).unwrap(), "/api/v1/pods");
    assert_eq!(
        collection::<StatefulSet>(Some("x")).unwrap(),
        "/apis/apps/v1/namespaces/x/statefulsets"
    );
    assert_eq!(
        object::<Pod>(&key, Some("portforward")).unwrap(),
        "/api/v1/namespaces/x/pods/a/portforward"
    );
    assert_eq!(
        object::<Node>(&ObjectKey::new("", "a"), None).unwrap(),
        "/api/v1/nodes/a"
    );
    assert_eq!(
        collection::<Node>(Some("x")).unwrap_err(),
        "nodes live in no namespace"
    );
}

#[test]
fn whatever_a_name_holds_stays_within_its_segment() {
    let path = |name: &str| object::<Node>(&ObjectKey::new("", name), None);
    assert_eq!(
        path("system:node a?b#c&d").unwrap(),
        "/api/v1/nodes/system%3Anode%20a%3Fb%23c%26d"
    );
    assert_eq!(path("ä").unwrap(), "/api/v1/nodes/%C3%A4");
    assert_eq!(path("...").unwrap(), "/api/v1/nodes/...");
    for name in ["", ".", "..", "a/b", "%2e%2e"] {
        assert!(path(name).is_err(), "{name}");
    }
}

#[test]
fn a_query_has_its_parts_in_order_and_encoded() {
    assert_eq!(Query::default().as_str(), "");
    let query = Query::default()
        .with("a", "x=y,z")
        .with_some("b", None)
        .with_some("c", Some("~"));
    assert_eq!(query.as_str(), "?a=x%3Dy%2Cz&c=~");
}
