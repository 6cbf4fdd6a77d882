//! The store over HTTP, as a kube-apiserver serves it.
//!
//! ```text
//!   connection ─> request ─> who are you? ─> fault? ─> target ─> read | watch | write ─> answer, log
//! ```
//!
//! It models: get; list with pages, selectors and exact resource versions; watch with bookmarks,
//! initial events, 410 and timeouts; create; update; merge, JSON, strategic and apply patches; dry runs;
//! `status`, `scale` and `portforward`; delete with preconditions, propagation and grace,
//! deletecollection; strict and warning field validation; tables, discovery and OpenAPI as far as
//! kubectl and helm need them; the protobuf bodies of [`protobuf`](crate::sim::protobuf); a secret path for
//! those who may ask. client-go's informers and its leader election are at home here.
//! It does not model: roles, several users, other versions of a kind, answers in protobuf, `exec`, `logs`, `proxy`, webhooks,
//! API priority and fairness.
//!
//! # Invariants
//! - Nothing of a connection is left when [`ApiServer::serve`] has ended.
//! - Every request about objects that was not dropped is in the [`RequestLog`]; no body and no header is.
//!
//! # Example
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
//! use bitcoin_controller::base::{Clock, Random};
//! use bitcoin_controller::http::{Body, Endpoint, HttpClient, Listener, MemoryNetwork};
//! use bitcoin_controller::sim::{ApiServer, Store};
//! use std::{sync::Arc, time::Duration};
//! use tokio_util::sync::CancellationToken;
//!
//! let network = MemoryNetwork::default();
//! let listener = Listener::Memory(network.listen(Endpoint::new("api", 80))?);
//! let server = ApiServer::new(Store::new(Clock::system(), Random::seeded(1)));
//! let client = HttpClient::plain(Arc::new(network), Duration::from_secs(1));
//! let request = hyper::Request::get("http://api/api/v1/namespaces/default").body(Body::default());
//! let shutdown = CancellationToken::new();
//! tokio::select! {
//!     () = server.serve(listener, shutdown) => unreachable!("nobody stops it"),
//!     answer = client.send(request.expect("a sound request")) => {
//!         assert_eq!(answer.expect("an answer").status(), 200);
//!     }
//! }
//! # Ok::<(), std::io::Error>(())
//! # })?;
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Source
//! apiserver `pkg/endpoints/handlers`.

pub(crate) mod answer;
mod objects;
mod port_forward;
mod read;
pub mod request_info;
mod scale;
mod target;
mod watch;
mod write;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{ACCEPT, CONTENT_TYPE, HeaderName};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::http::{BoxFuture, BoxStream, Listener};
use crate::sim::apiserver::answer::Answer;
use crate::sim::apiserver::request_info::RequestInfo;
use crate::sim::apiserver::target::Target;
use crate::sim::faults::{Effect, Faults};
use crate::sim::refusal::Refusal;
use crate::sim::request::Key;
use crate::sim::request_log::{Entry, RequestLog};
use crate::sim::store::Store;
use crate::sim::{discovery, openapi};

/// Connects to ports of pods: the far end of a port-forward.
pub trait PodPorts: Send + Sync + 'static {
    /// Opens a stream to `port` on the loopback interface of `pod`.
    ///
    /// # Errors
    /// The pod does not run, or nobody listens there.
    ///
    /// # Cancel safety
    /// Nothing is left open.
    fn connect<'a>(&'a self, pod: &'a Key, port: u16) -> BoxFuture<'a, io::Result<BoxStream>>;
}

/// An API server. Clones are the same server.
#[derive(Clone)]
pub struct ApiServer {
    store: Store,
    faults: Faults,
    log: RequestLog,
    ports: Option<Arc<dyn PodPorts>>,
    secret: Option<Arc<str>>,
    bookmark_now: Arc<Notify>,
}

impl ApiServer {
    /// A server for everybody who can reach it, without port-forwards.
    pub fn new(store: Store) -> Self {
        ApiServer {
            store,
            faults: Faults::default(),
            log: RequestLog::default(),
            ports: None,
            secret: None,
            bookmark_now: Arc::default(),
        }
    }

    /// Forwards ports of pods.
    #[must_use]
    pub fn with_pod_ports(mut self, ports: Arc<dyn PodPorts>) -> Self {
        self.ports = Some(ports);
        self
    }

    /// Answers only those who know that everything is below the path `/secret/`. kubectl sends no token
    /// over plain HTTP, but a server's address may have a path.
    #[must_use]
    pub fn below(mut self, secret: &str) -> Self {
        self.secret = Some(secret.into());
        self
    }

    /// The objects it serves.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// What is wrong with it.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Sends every watcher that takes bookmarks one now: whoever has seen it has seen everything before.
    pub fn send_bookmarks(&self) {
        self.bookmark_now.notify_waiters();
    }

    /// What it was asked.
    pub fn log(&self) -> &RequestLog {
        &self.log
    }

    /// Serves until `shutdown` is cancelled.
    ///
    /// # Cancel safety
    /// Dropping the future ends every connection.
    pub async fn serve(&self, mut listener: Listener, shutdown: CancellationToken) {
        let connections = TaskTracker::new();
        let ended = shutdown.child_token();
        // However this future ends, its connections end with it.
        let _ends = ended.clone().drop_guard();
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let (server, ended) = (self.clone(), ended.clone());
                        connections.spawn(async move {
                            tokio::select! {
                                biased;
                                () = ended.cancelled() => {}
                                () = server.serve_connection(stream, &ended) => {}
                            }
                        });
                    }
                    Err(_) => tokio::time::sleep(AFTER_FAILED_ACCEPT).await,
                },
            }
        }
        connections.close();
        connections.wait().await;
    }

    async fn serve_connection(&self, stream: BoxStream, ended: &CancellationToken) {
        let streams = TaskTracker::new();
        let service = service_fn(|request| self.answer(request, &streams, ended));
        let connection = http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        // How a connection ends is the client's business.
        let _ = connection.await;
        streams.close();
        streams.wait().await;
    }

    /// Answers a request; an error breaks the connection.
    async fn answer(
        &self,
        request: Request<Incoming>,
        streams: &TaskTracker,
        ended: &CancellationToken,
    ) -> io::Result<Answer> {
        let Some(path) = self.inner_path(request.uri().path()) else {
            return Ok(answer::refused(&Refusal::no_such_resource()));
        };
        let query = request.uri().query().unwrap_or_default();
        let content_type = header(&request, CONTENT_TYPE);
        let Some(info) = RequestInfo::of(request.method(), &path, query, &content_type) else {
            return Ok(self.answer_about_server(&path, &request));
        };
        let verb = info.as_ref().map_or("", |info| info.verb);
        let target = match info.and_then(|info| Target::of(info, &self.store)) {
            Ok(target) => target,
            Err(refusal) => return Ok(answer::refused(&refusal)),
        };
        let effect = self.faults.effect(verb, &target.kind.resource());
        let loses_answer = matches!(effect, Some(Effect::LoseAnswer));
        let broken = || io::Error::from(io::ErrorKind::ConnectionReset);
        let answer = match effect {
            Some(Effect::Drop) => return Err(broken()),
            Some(Effect::Refuse(refusal)) => answer::refused(&refusal),
            Some(Effect::Garble) => answer::garbled(),
            Some(Effect::Delay(_) | Effect::LoseAnswer) | None => {
                if let Some(Effect::Delay(delay)) = effect {
                    tokio::time::sleep(delay).await;
                }
                self.answer_about_objects(verb, &target, request, streams, ended)
                    .await
            }
        };
        self.log.note(entry(verb, &target, answer.status()));
        if loses_answer {
            Err(broken())
        } else {
            Ok(answer)
        }
    }

    /// The path below the secret one; `None` if it is not below.
    fn inner_path(&self, path: &str) -> Option<String> {
        let Some(secret) = &self.secret else {
            return Some(path.to_owned());
        };
        let (given, rest) = path.strip_prefix('/')?.split_once('/')?;
        is_same(given.as_bytes(), secret.as_bytes()).then(|| format!("/{rest}"))
    }

    fn answer_about_server(&self, path: &str, request: &Request<Incoming>) -> Answer {
        if *request.method() != Method::GET {
            return answer::refused(&Refusal::no_such_resource());
        }
        if ["/healthz", "/livez", "/readyz"].contains(&path) {
            return answer::typed(200, "text/plain", "ok".to_owned());
        }
        let kinds = self.store.kinds();
        let found = discovery::answer(&kinds, path, &header(request, ACCEPT))
            .or_else(|| Some(("application/json", openapi::answer(&kinds, path)?)));
        match found {
            Some((content_type, value)) => answer::typed(200, content_type, value.to_string()),
            None => answer::refused(&Refusal::no_such_resource()),
        }
    }
}

fn header(request: &Request<Incoming>, name: HeaderName) -> String {
    let value = request
        .headers()
        .get(name)
        .and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

/// Compares without telling by the time it takes how much was right.
fn is_same(given: &[u8], wanted: &[u8]) -> bool {
    let differing = given
        .iter()
        .zip(wanted)
        .fold(0, |differing, (a, b)| differing | (a ^ b));
    given.len() == wanted.len() && differing == 0
}

fn entry(verb: &str, target: &Target, code: StatusCode) -> Entry {
    let resource = target.kind.resource();
    Entry {
        verb: verb.to_owned(),
        resource: match target.subresource.as_str() {
            "" => resource,
            subresource => format!("{resource}/{subresource}"),
        },
        object: match (target.namespace.as_str(), target.name.as_str()) {
            (namespace, "") => namespace.to_owned(),
            ("", name) => name.to_owned(),
            (namespace, name) => format!("{namespace}/{name}"),
        },
        code: code.as_u16(),
    }
}

/// Accepting fails when there are no file descriptors left: a little later there may be.
const AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(50);
