//! The questions as they reach an API server, over its client.

use std::sync::{Arc, Mutex};

use bitcoin_controller::api::core::Pod;
use bitcoin_controller::cache::{ApiListWatch, ListWatch, Selector};
use bitcoin_controller::client::{Client, Config, ListParams, Scope, WatchParams};
use bitcoin_controller::http::MemoryNetwork;

/// The paths that are asked for, of a server that is not there.
async fn asked(list_watch: impl Fn(Client) -> ApiListWatch) -> Vec<String> {
    let paths = Arc::new(Mutex::new(Vec::new()));
    let client = Client::new(
        Config::plain("http://api").unwrap(),
        Arc::new(MemoryNetwork::default()),
    );
    let observer = {
        let paths = paths.clone();
        Arc::new(move |record: &bitcoin_controller::client::RequestRecord| {
            paths.lock().unwrap().push(record.path.clone());
        })
    };
    let list_watch = list_watch(client.unwrap().with_observer(observer));
    let pods: &dyn ListWatch<Pod> = &list_watch;
    let list = ListParams {
        resource_version: Some("0".to_owned()),
        limit: Some(500),
        ..Default::default()
    };
    let watch = WatchParams {
        resource_version: "7".to_owned(),
        ..Default::default()
    };
    let listed = pods.list(list, &mut |_| panic!("nobody is there")).await;
    assert!(listed.unwrap_err().is_connection_refused());
    assert!(pods.watch(watch).await.unwrap_err().is_connection_refused());
    let paths = paths.lock().unwrap();
    paths.clone()
}

#[tokio::test(start_paused = true)]
async fn list_and_watch_ask_for_the_same_objects() {
    let ours: Selector = [("app", "x")].into_iter().collect();
    let paths = asked(|client| {
        ApiListWatch::new(client, Scope::Namespace("default".into()))
            .with_labels(&ours)
            .with_fields("metadata.name=a")
    })
    .await;
    assert_eq!(paths.len(), 2);
    for path in &paths {
        assert!(
            path.starts_with("/api/v1/namespaces/default/pods?"),
            "{path}"
        );
        assert!(path.contains("labelSelector=app%3Dx"), "{path}");
        assert!(path.contains("fieldSelector=metadata.name%3Da"), "{path}");
    }
    assert!(
        paths[0].contains("resourceVersion=0") && paths[0].contains("limit=500"),
        "{}",
        paths[0]
    );
    for part in [
        "watch=true",
        "resourceVersion=7",
        "allowWatchBookmarks=true",
        "timeoutSeconds=300",
    ] {
        assert!(paths[1].contains(part), "{}", paths[1]);
    }
}

#[tokio::test(start_paused = true)]
async fn everything_everywhere_is_asked_for_without_selectors() {
    let paths = asked(|client| ApiListWatch::new(client, Scope::All)).await;
    assert!(
        paths.iter().all(|path| path.starts_with("/api/v1/pods?")),
        "{paths:?}"
    );
    assert!(!paths.concat().contains("Selector"), "{paths:?}");
}
