//! Goal: a write is seen before the cache shows it, and never longer than it is true.

use std::sync::Arc;
use std::time::Duration;

use bitcoin_controller::api::core::Service;
use bitcoin_controller::controller::own_writes::OwnWrites;
use serde_json::json;

use super::build::read;

fn service(version: &str) -> Arc<Service> {
    Arc::new(read(
        json!({"metadata": {"name": "alpha-svc", "resourceVersion": version}}),
    ))
}

fn version(service: Option<Arc<Service>>) -> Option<String> {
    service.map(|service| service.metadata.resource_version.to_string())
}

#[tokio::test(start_paused = true)]
async fn a_write_is_seen_before_the_cache_shows_it() {
    let mut writes = OwnWrites::default();
    writes.remember(Some(&*service("1")), service("2"));
    assert_eq!(
        version(writes.over(Some(service("1")))).as_deref(),
        Some("2")
    );
}

#[tokio::test(start_paused = true)]
async fn once_the_cache_has_moved_it_is_the_truth_again() {
    let mut writes = OwnWrites::default();
    writes.remember(Some(&*service("1")), service("2"));
    assert_eq!(
        version(writes.over(Some(service("3")))).as_deref(),
        Some("3")
    );
    assert_eq!(
        version(writes.over(Some(service("1")))).as_deref(),
        Some("1"),
        "the write is forgotten"
    );
}

#[tokio::test(start_paused = true)]
async fn an_object_that_leaves_the_cache_is_gone_whatever_was_written() {
    let mut writes = OwnWrites::default();
    writes.remember(Some(&*service("1")), service("2"));
    assert_eq!(version(writes.over(None)), None);
}

/// Created, shown and deleted between two passes: the cache looks as it did before the write. Whoever
/// believed in the write for ever would never make the object again.
#[tokio::test(start_paused = true)]
async fn a_creation_that_the_cache_never_shows_is_believed_for_a_while_only() {
    let mut writes = OwnWrites::default();
    writes.remember(None, service("2"));
    assert_eq!(
        version(writes.over(None)).as_deref(),
        Some("2"),
        "the watch may be slow"
    );
    tokio::time::advance(Duration::from_secs(60)).await;
    assert_eq!(version(writes.over(None)), None);
}
