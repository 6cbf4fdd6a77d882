//! Mirrors `src/sim/cluster/namespaces.rs`.

use bitcoin_controller::sim::Key;
use bitcoin_controller::sim::request::DeleteOptions;
use serde_json::json;

use super::{SETS, Site};

#[tokio::test(start_paused = true)]
async fn a_namespace_goes_with_everything_in_it_and_nothing_else() {
    let site = Site::new();
    site.containers.behave("web-0", |it| it.is_deaf = true);
    site.create_set("web", json!({"replicas": 1}), json!({}));
    let set = json!({"metadata": {"name": "web"}, "spec": site.get(SETS, "web")["spec"]});
    let space = json!({"metadata": {"name": "space"}});
    site.store.create("namespaces", "", space, "user").unwrap();
    site.store.create(SETS, "space", set, "user").unwrap();
    site.now().await;
    assert_eq!(site.containers.n_running(), 2);
    let key = Key::new("", "space");
    let options = DeleteOptions::default();
    site.store.delete("namespaces", &key, &options).unwrap();
    site.after(29).await;
    let phase = |site: &Site| Some(site.store.get("namespaces", &key)?["status"]["phase"].clone());
    assert_eq!(
        phase(&site),
        Some("Terminating".into()),
        "its pod is given its time"
    );
    let refused = site.store.create(
        "secrets",
        "space",
        json!({"metadata": {"name": "new"}}),
        "user",
    );
    assert_eq!(refused.unwrap_err().code, 403);
    site.after(2).await;
    assert_eq!(phase(&site), None);
    for resource in site.store.resources() {
        for object in site.store.list(&resource) {
            assert_ne!(object["metadata"]["namespace"], "space", "{resource}");
        }
    }
    assert_eq!(site.containers.n_running(), 1);
    assert!(site.is_ready("web-0"));
    site.assert_settled().await;
}

#[tokio::test(start_paused = true)]
async fn a_namespace_waits_for_what_is_held_by_a_finalizer() {
    let site = Site::new();
    let space = json!({"metadata": {"name": "space"}});
    site.store.create("namespaces", "", space, "user").unwrap();
    let held = json!({"metadata": {"name": "held", "finalizers": ["example.com/hold"]}});
    site.store.create("secrets", "space", held, "user").unwrap();
    let key = Key::new("", "space");
    let options = DeleteOptions::default();
    site.store.delete("namespaces", &key, &options).unwrap();
    site.after(60).await;
    assert!(site.store.get("namespaces", &key).is_some());
    let held = Key::new("space", "held");
    let let_go = |secret: &mut serde_json::Value| secret["metadata"]["finalizers"] = json!([]);
    site.store.update("secrets", &held, "user", let_go).unwrap();
    site.now().await;
    assert!(site.store.get("namespaces", &key).is_none());
}
