//! A real API server: what `sim` has to agree with, and what only a real one can show.

mod api_server;
#[path = "../api_assertions/mod.rs"]
mod assertions;
mod chart;
mod chart_package;
mod chart_takeover;
mod connections;
mod demo;
mod gate;
mod go_candidate;
mod go_informer;
mod helm;
mod leader;
mod node_spec;
mod program;
mod prometheus;
mod rights;
mod server;

use std::time::Duration;

use bitcoin_controller::api::Resource;
use bitcoin_controller::api::core::Secret;
use bitcoin_controller::cache::{
    ApiListWatch, InformerOptions, Notification, SharedInformer, SubscriptionOptions,
};
use bitcoin_controller::client::{Client, Config, Scope};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::harness::{DEADLINE, eventually, kubectl, node};

fn client() -> Client {
    Client::connect(Config::load(None, None).unwrap()).unwrap()
}

fn namespace(name: &str) -> Scope {
    kubectl(&["create", "namespace", name]);
    Scope::Namespace(name.into())
}

fn secret(name: &str, value: &str) -> serde_json::Value {
    json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": {"key": value}})
}

#[tokio::test]
async fn an_informer_outlives_the_api_server() {
    let (client, scope) = (client(), namespace("informed"));
    let informer = SharedInformer::<Secret>::new(
        ApiListWatch::new(client.clone(), scope),
        InformerOptions::default(),
    );
    let mut subscription = informer.subscribe(SubscriptionOptions::default());
    let shutdown = CancellationToken::new();
    let run = informer.run(shutdown.clone());
    let story = async {
        assert!(informer.wait_until_synced().await);
        client
            .create::<Secret>("informed", &secret("before", "1"))
            .await
            .unwrap();
        expect_added(&mut subscription, "before").await;
        node(&["restart-apiserver"]);
        eventually("a secret can be made again", || async {
            client
                .create::<Secret>("informed", &secret("after", "1"))
                .await
                .map(|_| ())
                .map_err(|error| error.to_string())
        })
        .await;
        expect_added(&mut subscription, "after").await;
        assert_eq!(
            informer
                .lister()
                .list(None, &bitcoin_controller::cache::Selector::everything())
                .len(),
            2
        );
        shutdown.cancel();
    };
    tokio::join!(run, story);
}

async fn expect_added(
    subscription: &mut bitcoin_controller::cache::Subscription<Secret>,
    name: &str,
) {
    let next = tokio::time::timeout(DEADLINE + Duration::from_secs(30), subscription.next())
        .await
        .unwrap();
    match next {
        Some(Notification::Added { object, .. }) => {
            assert_eq!(object.metadata().name.as_str(), name)
        }
        _ => panic!("{name} was to be added"),
    }
}
