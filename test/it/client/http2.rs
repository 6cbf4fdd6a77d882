//! Watches over HTTP/2: noticed when the connection dies, and not in each other's way.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::api::core::Pod;
use bitcoin_controller::client::lanes::WATCHES_PER_CONNECTION;
use bitcoin_controller::client::{Client, Error, Scope, WatchParams, WatchStream};
use bitcoin_controller::http::client::{PING_AFTER, PONG_WITHIN};
use bitcoin_controller::http::{BoxFuture, BoxStream, Endpoint, MemoryNetwork, Transport};
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use http_body_util::StreamBody;
use hyper::body::Frame;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use super::tls::{CA, OBJECT, config, server_config};

const BOTH: [&str; 2] = ["h2", "http/1.1"];

const EVENT: &[u8] = br#"{"type":"ADDED","object":{"metadata":{"name":"a","resourceVersion":"1"}}}
"#;

/// What there is at a path: an object; a watch with one event and then silence; or, in namespace
/// `full`, a watch that brings bytes without end.
fn body(uri: &str) -> impl Stream<Item = Result<Frame<Bytes>, io::Error>> + Send + use<> {
    let (is_full, is_watch) = (uri.contains("/full/"), uri.contains("watch=true"));
    stream::unfold(0_usize, move |number| async move {
        let bytes = match (is_full, is_watch, number) {
            (true, _, _) => Bytes::from(vec![b' '; 64 << 10]),
            (_, true, 0) => Bytes::from_static(EVENT),
            (_, true, _) => std::future::pending().await,
            (_, false, 0) => Bytes::from_static(OBJECT.as_bytes()),
            (_, false, _) => return None,
        };
        Some((Ok(Frame::data(bytes)), number + 1))
    })
}

type Answer = Response<StreamBody<BoxBody>>;
type BoxBody = Pin<Box<dyn Stream<Item = Result<Frame<Bytes>, io::Error>> + Send>>;

async fn answer(request: Request<hyper::body::Incoming>) -> io::Result<Answer> {
    let body: BoxBody = Box::pin(body(&request.uri().to_string()));
    Ok(Response::new(StreamBody::new(body)))
}

/// Speaks what the client and `protocols` have in common, and says which that was for each connection.
fn serve(network: &MemoryNetwork, protocols: &[&str], spoken: Spoken) -> JoinSet<()> {
    let mut tls = server_config(false);
    tls.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    let tls = TlsAcceptor::from(Arc::new(tls));
    let mut listener = network.listen(Endpoint::new("kube.test", 6443)).unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let stream = tls.accept(stream).await.unwrap();
            let protocol = stream.get_ref().1.alpn_protocol().unwrap_or(b"none");
            let protocol = String::from_utf8(protocol.to_vec()).unwrap();
            spoken.lock().unwrap().push(protocol.clone());
            let stream = TokioIo::new(stream);
            connections.spawn(async move {
                if protocol == "h2" {
                    let mut server = http2::Builder::new(TokioExecutor::new());
                    let limit = u32::try_from(WATCHES_PER_CONNECTION).unwrap();
                    server.max_concurrent_streams(limit);
                    let _ = server.serve_connection(stream, service_fn(answer)).await;
                } else {
                    let server = http1::Builder::new();
                    let _ = server.serve_connection(stream, service_fn(answer)).await;
                }
            });
        }
    });
    tasks
}

type Spoken = Arc<Mutex<Vec<String>>>;

/// A network that can lose its connections without a word: what is sent goes nowhere, and nothing comes.
#[derive(Clone)]
struct Lossy {
    network: MemoryNetwork,
    n_connections: Arc<AtomicUsize>,
    /// This many connections, from the first on, are lost.
    n_lost: Arc<AtomicUsize>,
}

impl Lossy {
    fn lose_all(&self) {
        let n_connections = self.n_connections.load(Ordering::Relaxed);
        self.n_lost.store(n_connections, Ordering::Relaxed);
    }
}

impl Transport for Lossy {
    fn connect<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, io::Result<BoxStream>> {
        Box::pin(async move {
            let stream = self.network.connect(endpoint).await?;
            let number = self.n_connections.fetch_add(1, Ordering::Relaxed);
            let n_lost = Arc::clone(&self.n_lost);
            Ok(Box::new(LossyStream {
                stream,
                number,
                n_lost,
            }) as BoxStream)
        })
    }
}

struct LossyStream {
    stream: BoxStream,
    number: usize,
    n_lost: Arc<AtomicUsize>,
}

impl LossyStream {
    fn is_lost(&self) -> bool {
        self.number < self.n_lost.load(Ordering::Relaxed)
    }
}

impl AsyncRead for LossyStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_lost() {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for LossyStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.is_lost() {
            return Poll::Ready(Ok(bytes.len()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

struct Setting {
    client: Client,
    lossy: Lossy,
    spoken: Spoken,
    _server: JoinSet<()>,
}

impl Setting {
    fn new(protocols: &[&str]) -> Self {
        let network = MemoryNetwork::default();
        let spoken = Spoken::default();
        let server = serve(&network, protocols, Arc::clone(&spoken));
        let lossy = Lossy {
            network,
            n_connections: Arc::default(),
            n_lost: Arc::default(),
        };
        let config = config("https://kube.test:6443", CA, "");
        Setting {
            client: Client::new(config, Arc::new(lossy.clone())).unwrap(),
            lossy,
            spoken,
            _server: server,
        }
    }

    async fn watch(&self, namespace: &str) -> WatchStream<Pod> {
        let scope = Scope::Namespace(namespace.into());
        let params = WatchParams::default();
        self.client.watch(&scope, &params).await.unwrap()
    }

    async fn get(&self) {
        let key = ObjectKey::new("x", "a");
        self.client.get::<Pod>(&key).await.unwrap();
    }

    /// The protocol of each connection, in order.
    fn spoken(&self) -> Vec<String> {
        self.spoken.lock().unwrap().clone()
    }
}

#[tokio::test(start_paused = true)]
async fn c122_a_black_holed_watch_is_noticed_within_45_seconds_and_can_be_started_again() {
    let setting = Setting::new(&BOTH);
    let mut watch = setting.watch("x").await;
    watch.next().await.unwrap().unwrap();
    // Silence alone is no death.
    let silence = tokio::time::timeout(Duration::from_secs(250), watch.next());
    assert!(silence.await.is_err());

    setting.lossy.lose_all();
    let started = Instant::now();
    let error = watch.next().await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Connection { .. }), "{error:?}");
    assert!(
        started.elapsed() <= PING_AFTER + PONG_WITHIN,
        "{:?}",
        started.elapsed()
    );
    assert!(watch.next().await.is_none());

    let mut again = setting.watch("x").await;
    again.next().await.unwrap().unwrap();
    assert_eq!(setting.spoken(), ["h2", "h2"]);
}

/// A dozen watches that nobody reads fill their windows; the thirteenth still gets its event.
#[tokio::test(start_paused = true)]
async fn watches_that_nobody_reads_do_not_stand_in_the_way_of_another() {
    let setting = Setting::new(&BOTH);
    let mut unread = Vec::new();
    for _ in 0..12 {
        unread.push(setting.watch("full").await);
    }
    // In paused time a second passes when nothing moves any more: all windows are full.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut watch = setting.watch("x").await;
    let event = tokio::time::timeout(Duration::from_secs(1), watch.next());
    event.await.expect("an event in time").unwrap().unwrap();
    assert_eq!(setting.spoken(), ["h2"]);
}

#[tokio::test(start_paused = true)]
async fn watches_speak_http2_on_one_connection_and_requests_http1_on_their_own() {
    let setting = Setting::new(&BOTH);
    let mut watches = Vec::new();
    for _ in 0..3 {
        watches.push(setting.watch("x").await);
        setting.get().await;
    }
    for watch in &mut watches {
        watch.next().await.unwrap().unwrap();
    }
    assert_eq!(setting.spoken(), ["h2", "none"]);
}

/// The server would let no more on one connection, and whoever is one too many would wait for ever.
#[tokio::test(start_paused = true)]
async fn one_watch_too_many_for_a_connection_gets_another_and_places_are_taken_again() {
    let setting = Setting::new(&BOTH);
    let mut watches = Vec::new();
    for _ in 0..WATCHES_PER_CONNECTION + 1 {
        watches.push(setting.watch("x").await);
    }
    for watch in &mut watches {
        watch.next().await.unwrap().unwrap();
    }
    assert_eq!(setting.spoken(), ["h2", "h2"]);
    watches.drain(..10);
    for _ in 0..10 {
        watches.push(setting.watch("x").await);
    }
    assert_eq!(setting.spoken(), ["h2", "h2"]);
}

#[tokio::test(start_paused = true)]
async fn watches_that_start_together_all_begin() {
    let setting = Setting::new(&BOTH);
    let mut watching = JoinSet::new();
    for _ in 0..8 {
        let client = setting.client.clone();
        watching.spawn(async move {
            let params = WatchParams::default();
            let mut watch = client.watch::<Pod>(&Scope::All, &params).await.unwrap();
            watch.next().await.unwrap().unwrap();
            watch
        });
    }
    let watches = watching.join_all().await;
    assert_eq!(watches.len(), 8);
}

#[tokio::test(start_paused = true)]
async fn a_server_without_http2_is_watched_by_http1() {
    for protocols in [&["http/1.1"][..], &[]] {
        let setting = Setting::new(protocols);
        let mut watch = setting.watch("x").await;
        watch.next().await.unwrap().unwrap();
        assert_eq!(setting.spoken(), [*protocols.first().unwrap_or(&"none")]);
    }
}
