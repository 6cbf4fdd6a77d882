//! The HTTP side of a node: who may ask, where, and what the codes are.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::http::{BoxStream, Listener, read_body};
use crate::sim::bitcoind::jsonrpc::{self, Answer};
use crate::sim::bitcoind::node::Node;
use crate::sim::bitcoind::{blocks, methods};

type Reply = Response<Full<Bytes>>;

/// From where a listener is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The pod's address.
    Outside,
    /// The pod's own loopback interface, where a port-forward arrives.
    Loopback,
}

/// Accepts connections until it is dropped, and with it all of them.
pub(super) async fn serve(mut listener: Listener, side: Side, node: Arc<Node>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let from = source(&peer, side, &node);
                    connections.spawn(serve_connection(stream, from, side, Arc::clone(&node)));
                }
                Err(_) => tokio::time::sleep(AFTER_FAILED_ACCEPT).await,
            },
        }
    }
}

/// The address a connection comes from. One in memory has none; it counts as the pod's own.
fn source(peer: &str, side: Side, node: &Node) -> Option<IpAddr> {
    if side == Side::Loopback {
        return Some(IpAddr::from([127, 0, 0, 1]));
    }
    let socket: Result<std::net::SocketAddr, _> = peer.parse();
    socket
        .map(|socket| socket.ip())
        .or_else(|_| node.address.parse())
        .ok()
}

/// Serves one connection until the client closes it, or it has been idle for too long.
async fn serve_connection(stream: BoxStream, from: Option<IpAddr>, side: Side, node: Arc<Node>) {
    let last_use = Arc::new(Mutex::new(Some(Instant::now())));
    let service = service_fn(|request| {
        let (node, last_use) = (Arc::clone(&node), Arc::clone(&last_use));
        async move {
            let set = |value| *last_use.lock().expect("nobody panics while it holds this") = value;
            set(None);
            node.able_to_answer(side).await;
            let reply = answer(request, from, &node).await;
            let delay = node.faults().delay;
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            node.able_to_answer(side).await;
            set(Some(Instant::now()));
            match reply.extensions().get::<Lost>() {
                Some(Lost) => Err(io::ErrorKind::ConnectionReset.into()),
                None => Ok::<_, io::Error>(reply),
            }
        }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        biased;
        // How the connection ends is the client's business.
        _ = connection => {}
        () = idle_for(node.options.rpc_idle_timeout, &last_use) => {}
    }
}

/// Returns once the connection has had no request in hand for `limit`.
async fn idle_for(limit: Duration, last_use: &Mutex<Option<Instant>>) {
    loop {
        let last = *last_use.lock().expect("nobody panics while it holds this");
        let deadline = last.unwrap_or_else(Instant::now) + limit;
        if last.is_some() && deadline <= Instant::now() {
            return;
        }
        tokio::time::sleep_until(deadline).await;
    }
}

async fn answer(request: Request<Incoming>, from: Option<IpAddr>, node: &Node) -> Reply {
    if !from.is_some_and(|from| node.options.allows(from)) {
        return plain(StatusCode::FORBIDDEN, "");
    }
    let path = request.uri().path();
    if let Some(resource) = path.strip_prefix("/rest/").filter(|_| node.options.rest) {
        return rest(resource, node);
    }
    if path != "/" && !path.starts_with("/wallet/") {
        return plain(StatusCode::NOT_FOUND, "");
    }
    if request.method() != Method::POST {
        let only_post = "JSONRPC server handles only POST requests";
        return plain(StatusCode::METHOD_NOT_ALLOWED, only_post);
    }
    let credentials = request.headers().get(AUTHORIZATION);
    let refuses = node.faults().refuses_credentials;
    let is_admitted = |header: &HeaderValue| {
        !refuses && header.to_str().is_ok_and(|text| node.options.admits(text))
    };
    if !credentials.is_some_and(is_admitted) {
        if credentials.is_some() {
            tokio::time::sleep(AFTER_WRONG_PASSWORD).await;
        }
        let mut reply = plain(StatusCode::UNAUTHORIZED, "");
        let realm = HeaderValue::from_static("Basic realm=\"jsonrpc\"");
        reply.headers_mut().insert(WWW_AUTHENTICATE, realm);
        return reply;
    }
    let wallet = path.strip_prefix("/wallet/").map(str::to_owned);
    match read_body(request.into_body(), LARGEST_BODY_BYTES).await {
        Ok(body) => json_rpc(&body, wallet.as_deref(), node).await,
        Err(_) => plain(StatusCode::BAD_REQUEST, ""),
    }
}

/// The only resource that is modelled is `chaininfo.json`.
fn rest(resource: &str, node: &Node) -> Reply {
    if let Some(step) = node.warm_up_step() {
        let text = format!("Service temporarily unavailable: {step}\r\n");
        return reply(StatusCode::SERVICE_UNAVAILABLE, "text/plain", text);
    }
    match resource {
        "chaininfo.json" => {
            let body = format!("{}\n", blocks::chain_info(node));
            reply(StatusCode::OK, "application/json", body)
        }
        _ => plain(StatusCode::NOT_FOUND, ""),
    }
}

/// Marks an answer that does not arrive.
#[derive(Clone)]
struct Lost;

async fn json_rpc(body: &[u8], wallet: Option<&str>, node: &Node) -> Reply {
    let mut is_lost = false;
    let answer = match jsonrpc::Request::read(body, node.release.is_modern()) {
        jsonrpc::Request::Single(Err(refusal)) => Answer::refusing(refusal),
        jsonrpc::Request::Single(Ok(call)) => {
            let result = methods::call(node, wallet, &call.method, call.params.clone()).await;
            is_lost = node.faults().loses_answers_to == Some(&*call.method);
            Answer::to(&call, result)
        }
        jsonrpc::Request::Batch(calls) => {
            let mut results = Vec::new();
            for call in calls {
                let result = match &call {
                    Ok(call) => {
                        methods::call(node, wallet, &call.method, call.params.clone()).await
                    }
                    Err(_) => Ok(serde_json::Value::Null),
                };
                results.push((call, result));
            }
            Answer::to_all(results)
        }
    };
    let status = StatusCode::from_u16(answer.status).expect("jsonrpc gives five known codes");
    let mut reply = reply(status, "application/json", answer.body);
    if is_lost {
        reply.extensions_mut().insert(Lost);
    }
    reply
}

fn plain(status: StatusCode, body: &str) -> Reply {
    reply(status, "text/html; charset=ISO-8859-1", body.to_owned())
}

fn reply(status: StatusCode, content_type: &'static str, body: String) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(body)));
    *reply.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    reply.headers_mut().insert(CONTENT_TYPE, content_type);
    reply
}

/// What bitcoind makes a client with a wrong password wait.
const AFTER_WRONG_PASSWORD: Duration = Duration::from_millis(250);

/// bitcoind's own bound for a request.
const LARGEST_BODY_BYTES: usize = 32 * 1024 * 1024;

/// Accepting fails when there are no file descriptors left: a little later there may be.
const AFTER_FAILED_ACCEPT: Duration = Duration::from_millis(50);
