//! One connection of a client, and one behind it to the server, for what no reactor handles.
//!
//! # Invariants
//! - What is passed on goes out as it came in, but for a body that a reactor has changed; the answer
//!   comes back as it came, while it comes: a watch is not collected first.
//! - Where the server breaks its connection, the client's breaks.
//! - Both ends of a relay end together.
//!
//! # Source
//! Go's `net/http/httputil.ReverseProxy`, in small.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::http::{self, BoxStream, Endpoint, HttpClient, Listener, MemoryNetwork, read_body};
use crate::sim::ApiServer;
use crate::sim::apiserver::answer;
use crate::sim::faults::Effect;
use crate::testing::fake::Chain;
use crate::testing::{Action, Reaction};

type Answer = Response<UnsyncBoxBody<Bytes, io::Error>>;

/// What becomes of one connection.
pub(super) struct Relay {
    server: ApiServer,
    chain: Chain,
    network: MemoryNetwork,
    behind: HttpClient,
    tunnels: TaskTracker,
}

impl Relay {
    pub(super) fn new(server: ApiServer, chain: Chain) -> Self {
        let network = MemoryNetwork::default();
        Relay {
            server,
            chain,
            behind: HttpClient::plain(Arc::new(network.clone()), IDLE_TIMEOUT),
            network,
            tunnels: TaskTracker::new(),
        }
    }

    /// Serves the client on `stream` until it goes.
    pub(super) async fn serve(self, stream: BoxStream) {
        let listener = self.network.listen(Endpoint::new(SERVER, 80));
        let listener = Listener::Memory(listener.expect("nobody else is on this network"));
        let connection = async {
            let service = service_fn(|request| self.answer(request));
            let connection = http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .with_upgrades();
            // How a connection ends is the client's business.
            let _ = connection.await;
            self.tunnels.close();
            self.tunnels.wait().await;
        };
        tokio::select! {
            biased;
            () = connection => {}
            () = self.server.serve(listener, CancellationToken::new()) => {}
        }
    }

    /// Answers one request; an error breaks the connection.
    async fn answer(&self, mut request: Request<Incoming>) -> io::Result<Answer> {
        let upgrade = hyper::upgrade::on(&mut request);
        let (head, body) = request.into_parts();
        let body = read_body(body, LARGEST_BODY)
            .await
            .map_err(io::Error::other)?;
        let Some(mut action) = Action::of(&head, body.clone()) else {
            return self.pass_on(head, body, upgrade).await;
        };
        self.chain.record(&action);
        let mut loses_answer = false;
        for reactor in self.chain.reactors() {
            let answer = match reactor.react(&mut action) {
                Reaction::Pass => continue,
                Reaction::Fault(Effect::LoseAnswer) => {
                    loses_answer = true;
                    continue;
                }
                Reaction::Fault(Effect::Delay(delay)) => {
                    tokio::time::sleep(delay).await;
                    continue;
                }
                Reaction::Fault(Effect::Drop) => return Err(broken()),
                Reaction::Fault(Effect::Refuse(refusal)) => answer::refused(&refusal),
                Reaction::Fault(Effect::Garble) => answer::garbled(),
                Reaction::Answer(object) => answer::json(200, &object),
                Reaction::Watch(events) => answer::lines(events.0),
                Reaction::Hang => std::future::pending().await,
            };
            return if loses_answer {
                Err(broken())
            } else {
                Ok(boxed(answer))
            };
        }
        let answer = self.pass_on(head, action.body(), upgrade).await?;
        if loses_answer {
            Err(broken())
        } else {
            Ok(answer)
        }
    }

    /// Sends a request on to the server.
    async fn pass_on(
        &self,
        mut head: Parts,
        body: Bytes,
        upgrade: OnUpgrade,
    ) -> io::Result<Answer> {
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let uri = Uri::builder().scheme("http").authority(SERVER);
        head.uri = uri.path_and_query(path).build().map_err(io::Error::other)?;
        // These are about this connection, and the body's length may have changed.
        for name in [HOST, CONTENT_LENGTH, TRANSFER_ENCODING] {
            head.headers.remove(name);
        }
        let request = Request::from_parts(head, http::Body::new(body));
        let mut answer = self.behind.send(request).await.map_err(|_| broken())?;
        if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
            let behind = hyper::upgrade::on(&mut answer);
            self.tunnels.spawn(tunnel(upgrade, behind));
        }
        answer.headers_mut().remove(TRANSFER_ENCODING);
        Ok(boxed(answer))
    }
}

/// Carries bytes between two connections that are no longer HTTP.
async fn tunnel(one: OnUpgrade, other: OnUpgrade) {
    if let (Ok(one), Ok(other)) = tokio::join!(one, other) {
        let (mut one, mut other) = (TokioIo::new(one), TokioIo::new(other));
        // How a tunnel ends is the business of those who talk through it.
        let _ = tokio::io::copy_bidirectional(&mut one, &mut other).await;
    }
}

fn boxed<B>(answer: Response<B>) -> Answer
where
    B: Body<Data = Bytes, Error: std::error::Error + Send + Sync> + Send + 'static,
{
    answer.map(|body| body.map_err(io::Error::other).boxed_unsync())
}

fn broken() -> io::Error {
    io::Error::from(io::ErrorKind::ConnectionReset)
}

/// The name of the server on its own little network.
const SERVER: &str = "server";

/// The relay ends with its connection; until then the one behind it may idle.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// More than a server takes, in bytes: it is the server that refuses.
const LARGEST_BODY: usize = 4 * 1024 * 1024;
