//! What goes through a fake unseen.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bitcoin_controller::api::core::Secret;
use bitcoin_controller::base::{Clock, Random};
use bitcoin_controller::client::{Client, Config, Error, Scope, WatchParams};
use bitcoin_controller::http::{BoxFuture, BoxStream, Endpoint, MemoryNetwork, Transport};
use bitcoin_controller::sim::apiserver::PodPorts;
use bitcoin_controller::sim::faults::{Effect, Rule};
use bitcoin_controller::sim::{ApiServer, Key, Store};
use bitcoin_controller::testing::Fake;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

use super::{client, key, named, sent};

#[tokio::test(start_paused = true)]
async fn what_is_not_about_objects_is_passed_on_and_not_recorded() {
    let fake = Fake::new();
    assert_eq!(client(&fake).version().await.unwrap().major, "1");
    assert!(sent(&fake).is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_servers_own_faults_show_through() {
    let fake = Fake::new();
    fake.server()
        .faults()
        .add(Rule::new("create", "secrets", Effect::Drop).once());
    let client = client(&fake);
    let error = client
        .create::<Secret>("default", &named("a"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Connection { .. }), "{error}");

    let mut events = client
        .watch::<Secret>(&Scope::All, &WatchParams::default())
        .await
        .unwrap();
    fake.server().faults().cut_watches();
    assert!(matches!(
        events.next().await,
        Some(Err(Error::Connection { .. }))
    ));
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_large_is_refused_by_the_server() {
    let body = json!({"metadata": {"name": "a"}, "stringData": {"a": "x".repeat(3 << 20)}});
    let error = client(&Fake::new())
        .create::<Secret>("default", &body)
        .await
        .unwrap_err();
    assert_eq!(error.status().unwrap().code, 413);
}

/// Sends back what it gets.
struct Echo(MemoryNetwork);

impl PodPorts for Echo {
    fn connect<'a>(&'a self, pod: &'a Key, port: u16) -> BoxFuture<'a, io::Result<BoxStream>> {
        Box::pin(async move { self.0.connect(&Endpoint::new(pod.name.clone(), port)).await })
    }
}

#[tokio::test(start_paused = true)]
async fn a_port_forward_goes_through() {
    let network = MemoryNetwork::default();
    let mut listener = network.listen(Endpoint::new("a", 80)).unwrap();
    let store = Store::new(Clock::system(), Random::seeded(1));
    let pod =
        json!({"metadata": {"name": "a"}, "spec": {"containers": [{"name": "a", "image": "a"}]}});
    store.create("pods", "default", pod, "test").unwrap();
    let server = ApiServer::new(store).with_pod_ports(Arc::new(Echo(network)));
    let fake = Fake::with_server(server);

    let mut near = client(&fake).port_forward(&key("a"), 80).await.unwrap();
    let (mut far, _) = listener.accept().await.unwrap();
    near.write_all(b"ping").await.unwrap();
    near.flush().await.unwrap();
    let mut bytes = [0; 4];
    far.read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"ping");
    drop(near);
    assert_eq!(
        far.read(&mut bytes).await.unwrap(),
        0,
        "its end goes through, too"
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_runs_when_the_fake_and_its_clients_are_gone() {
    let fake = Fake::new();
    let watcher = fake.prepend_watch("secrets");
    let config = Config::plain("http://fake").unwrap();
    let client = Client::new(config, fake.transport()).unwrap();
    let events = client
        .watch::<Secret>(&Scope::All, &WatchParams::default())
        .await
        .unwrap();
    drop((client, fake));
    let closed = timeout(Duration::from_secs(1), watcher.closed()).await;
    assert!(closed.is_ok(), "the watch goes on");
    drop(events);
}
