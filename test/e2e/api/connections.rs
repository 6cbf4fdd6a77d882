//! What goes over the wire to a real API server: compressed lists, watches by HTTP/2, warnings.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::api::apps::StatefulSet;
use bitcoin_controller::api::core::Secret;
use bitcoin_controller::client::{
    Client, Config, Item, ListParams, Warning, WatchEvent, WatchParams,
};
use bitcoin_controller::http::{BoxFuture, BoxStream, Endpoint, Tcp, Transport};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{namespace, secret};

/// TCP, and how many connections were made and bytes received.
#[derive(Clone, Default)]
struct Counted {
    n_connections: Arc<AtomicUsize>,
    n_bytes: Arc<AtomicUsize>,
}

impl Transport for Counted {
    fn connect<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, io::Result<BoxStream>> {
        Box::pin(async move {
            let stream = Tcp::new(Duration::from_secs(5)).connect(endpoint).await?;
            self.n_connections.fetch_add(1, Ordering::Relaxed);
            let n_bytes = Arc::clone(&self.n_bytes);
            Ok(Box::new(CountedStream { stream, n_bytes }) as BoxStream)
        })
    }
}

struct CountedStream {
    stream: BoxStream,
    n_bytes: Arc<AtomicUsize>,
}

impl AsyncRead for CountedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(context, buffer);
        let n_read = buffer.filled().len() - before;
        self.n_bytes.fetch_add(n_read, Ordering::Relaxed);
        outcome
    }
}

impl AsyncWrite for CountedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

fn client(counted: &Counted) -> Client {
    let config = Config::load(None, None).unwrap();
    Client::new(config, Arc::new(counted.clone())).unwrap()
}

/// A megabyte of Secrets comes in as a few kilobytes.
#[tokio::test]
async fn a_real_server_compresses_a_long_list() {
    let scope = namespace("compressed");
    let counted = Counted::default();
    let client = client(&counted);
    for number in 0..16 {
        let body = secret(&format!("large-{number}"), &"x".repeat(64 << 10));
        client.create::<Secret>("compressed", &body).await.unwrap();
    }
    let before = counted.n_bytes.load(Ordering::Relaxed);
    let listing = client.list::<Secret>(&scope, &ListParams::default()).await;
    assert_eq!(listing.unwrap().items.len(), 16);
    let n_bytes = counted.n_bytes.load(Ordering::Relaxed) - before;
    assert!(n_bytes < 100 << 10, "{n_bytes} bytes for a megabyte");
}

#[tokio::test]
async fn all_watches_on_a_real_server_share_one_connection() {
    let scope = namespace("watched");
    let counted = Counted::default();
    let client = client(&counted);
    let listing = client.list::<Secret>(&scope, &ListParams::default()).await;
    let params = WatchParams {
        resource_version: listing.unwrap().resource_version.into_string(),
        ..WatchParams::default()
    };
    let mut watches = Vec::new();
    for _ in 0..5 {
        watches.push(client.watch::<Secret>(&scope, &params).await.unwrap());
    }
    // One for requests, and one for all of these.
    assert_eq!(counted.n_connections.load(Ordering::Relaxed), 2);
    client
        .create::<Secret>("watched", &secret("new", "1"))
        .await
        .unwrap();
    for watch in &mut watches {
        let event = watch.next().await.unwrap().unwrap();
        let WatchEvent::Added(Item::Object(object)) = event else {
            panic!("{event:?} is no new object")
        };
        assert_eq!(object.metadata.name.as_str(), "new");
    }
}

/// A field that the server does not know: it says so, and makes the object all the same.
#[tokio::test]
async fn c118_a_real_servers_warning_reaches_the_handler() {
    namespace("warned");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&heard);
    let handler = Arc::new(move |warning: &Warning| sink.lock().unwrap().push(warning.clone()));
    let client = client(&Counted::default()).with_warning_handler(handler);
    let body = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "a"},
        "spec": {
            "serviceName": "a", "replicas": 0, "wrongField": 1, "selector": {"matchLabels": {"a": "b"}},
            "template": {
                "metadata": {"labels": {"a": "b"}},
                "spec": {"containers": [{"name": "a", "image": "a"}]},
            },
        },
    });
    client.create::<StatefulSet>("warned", &body).await.unwrap();
    let key = ObjectKey::new("warned", "a");
    client.get::<StatefulSet>(&key).await.unwrap();
    let texts: Vec<_> = heard
        .lock()
        .unwrap()
        .iter()
        .map(|said| said.text.clone())
        .collect();
    assert_eq!(texts, [r#"unknown field "spec.wrongField""#]);
}
