//! Mirrors `src/sim/cluster/garbage_collector.rs`.

use bitcoin_controller::sim::request::Propagation;
use serde_json::{Value, json};

use super::{Site, own};

#[tokio::test(start_paused = true)]
async fn in_the_background_the_owner_goes_first() {
    let site = Site::new();
    let owner = site.create("secrets", named("owner", json!([])));
    let child = site.create("secrets", named("child", json!([own(&owner, true)])));
    site.create("secrets", named("grandchild", json!([own(&child, true)])));
    site.create("secrets", named("stranger", json!([])));
    site.now().await;
    assert_eq!(secrets(&site), ["child", "grandchild", "owner", "stranger"]);
    site.delete("secrets", "owner");
    assert_eq!(secrets(&site), ["child", "grandchild", "stranger"]);
    site.now().await;
    assert_eq!(secrets(&site), ["stranger"]);
    site.assert_settled().await;
}

#[tokio::test(start_paused = true)]
async fn in_the_foreground_the_owner_waits_for_those_that_block_it() {
    let site = Site::new();
    let owner = site.create("secrets", named("owner", json!([])));
    for (name, is_blocking) in [("blocks", true), ("does-not", false)] {
        let mut child = named(name, json!([own(&owner, is_blocking)]));
        child["metadata"]["finalizers"] = json!(["example.com/hold"]);
        site.create("secrets", child);
    }
    site.delete_with("secrets", "owner", Propagation::Foreground, None);
    site.after(60).await;
    assert_eq!(secrets(&site), ["-blocks", "-does-not", "-owner"]);
    site.update("secrets", "blocks", |child| {
        child["metadata"]["finalizers"] = json!([]);
    });
    site.now().await;
    assert_eq!(secrets(&site), ["-does-not"]);
}

#[tokio::test(start_paused = true)]
async fn in_the_foreground_a_pod_is_given_its_time_before_its_owner_goes() {
    let site = Site::new();
    site.containers.behave("pod", |it| it.is_deaf = true);
    let owner = site.create("secrets", named("owner", json!([])));
    site.create_pod("pod", json!({}));
    site.now().await;
    site.update("pods", "pod", |pod| {
        pod["metadata"]["ownerReferences"] = json!([own(&owner, true)]);
    });
    site.delete_with("secrets", "owner", Propagation::Foreground, None);
    site.after(29).await;
    assert_eq!(
        (site.pods(), secrets(&site)),
        (vec!["-pod".to_owned()], vec!["-owner".to_owned()])
    );
    site.after(2).await;
    assert_eq!((site.pods().len(), secrets(&site).len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_orphans_leaves_its_dependents_without_reference() {
    let site = Site::new();
    let owner = site.create("secrets", named("owner", json!([])));
    site.create("secrets", named("child", json!([own(&owner, true)])));
    site.delete_with("secrets", "owner", Propagation::Orphan, None);
    site.now().await;
    assert_eq!(secrets(&site), ["child"]);
    assert!(references(&site, "child").is_null());
    site.assert_settled().await;
}

#[tokio::test(start_paused = true)]
async fn who_has_another_owner_stays_and_is_released_from_the_one_that_is_gone() {
    let site = Site::new();
    for propagation in [
        Propagation::Background,
        Propagation::Foreground,
        Propagation::Orphan,
    ] {
        let first = site.create("secrets", named("first", json!([])));
        let second = site.create("secrets", named("second", json!([])));
        let owners = json!([own(&first, true), own(&second, true)]);
        site.create("secrets", named("child", owners));
        site.delete_with("secrets", "first", propagation, None);
        site.now().await;
        assert_eq!(secrets(&site), ["child", "second"], "{propagation:?}");
        assert_eq!(references(&site, "child"), json!([own(&second, true)]));
        site.delete("secrets", "second");
        site.now().await;
        assert_eq!(secrets(&site), [""; 0], "{propagation:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_namesake_of_the_owner_with_another_uid_does_not_count() {
    let site = Site::new();
    let owner = site.create("secrets", named("owner", json!([])));
    site.delete("secrets", "owner");
    site.create("secrets", named("owner", json!([])));
    site.create("secrets", named("child", json!([own(&owner, true)])));
    site.now().await;
    assert_eq!(secrets(&site), ["owner"]);
}

fn named(name: &str, owners: Value) -> Value {
    json!({"metadata": {"name": name, "ownerReferences": owners}})
}

fn references(site: &Site, name: &str) -> Value {
    site.get("secrets", name)["metadata"]["ownerReferences"].clone()
}

fn secrets(site: &Site) -> Vec<String> {
    site.names("secrets")
}
