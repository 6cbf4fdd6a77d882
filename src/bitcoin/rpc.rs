//! JSON-RPC to one node: one `call`, and one short typed method for each RPC that is used.
//!
//! A call is a POST with an id; the answer is JSON with that id and either a result or an error.
//! bitcoind has two dialects of it, and a node may speak either: up to Core 27 a "no" comes with
//! status 500 or 404 and the answer has both keys, from 28 on (asked for 2.0) it comes with status
//! 200 and one key. And some statuses carry no JSON at all. So the body is read on 200, 400, 404 and
//! 500, and only then the status is believed:
//!
//! ```text
//!   401, 403, 503                ──> who we are, where we are, too busy
//!   200, 400, 404, 500 and JSON  ──> `error`? the node's own no.  else `result`
//!   anything else                ──> an HTTP status: whoever answered is no bitcoind
//! ```
//!
//! # Invariants
//! - Every call has a deadline and a bound on its answer.
//! - A call is sent once. Whether a broken one was carried out is not known, and mining twice is not
//!   mining once; callers look at the world again instead.
//! - `Debug` shows the address only.
//!
//! # Example
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::{sync::Arc, time::Duration};
//! use bitcoin_controller::bitcoin::{Credentials, RpcClient};
//! use bitcoin_controller::http::{Endpoint, Tcp};
//!
//! let tcp = Arc::new(Tcp::new(Duration::from_secs(2)));
//! let credentials = Credentials::new("user", "password")?;
//! let node = RpcClient::new(tcp, Endpoint::new("10.0.0.7", 18443), &credentials);
//! match node.get_blockchain_info().await {
//!     Ok(info) => println!("at height {}", info.blocks),
//!     Err(error) if error.is_warming_up() => println!("not yet"),
//!     Err(error) => return Err(error.into()),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Source
//! Bitcoin Core `src/httprpc.cpp`, `doc/JSON-RPC-interface.md`. **What differs** from its own
//! `bitcoin-cli`: no batches, no waiting for a node to come up.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Request, StatusCode};
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::base::json;
use crate::bitcoin::answers::{BlockHeaderInfo, BlockchainInfo, NetworkInfo, Peer};
use crate::bitcoin::credentials::Credentials;
use crate::bitcoin::error::{Error, Kind, one_line};
use crate::bitcoin::exchange::{self, MAX_ANSWER_BYTES, Reply, exchange, http_client, refusal};
use crate::bitcoin::rest::RestClient;
use crate::bitcoin::wallet::WalletClient;
use crate::bitcoin::{BlockHash, answers};
use crate::http::{Body, Endpoint, HttpClient, Transport};

/// How long an ordinary call may take: [`RpcClient::call`] wants to be told, the typed methods use
/// this. The slowest takes milliseconds; a node that has not answered by then hangs.
pub const DEADLINE: Duration = exchange::DEADLINE;

/// How long `addnode … onetry` may take. The node dials within the call and gives up after 5 seconds
/// (`-timeout`); who hangs up sooner learns nothing and leaves one of its workers held all the same.
pub const DIAL_DEADLINE: Duration = Duration::from_secs(8);

/// What one block more may take when blocks are generated: ten times what was measured.
pub const BLOCK_DEADLINE: Duration = Duration::from_millis(10);

/// A client for one node's RPC. Clones share connections.
#[derive(Clone)]
pub struct RpcClient {
    inner: Arc<Inner>,
    path: Arc<str>,
}

struct Inner {
    http: HttpClient,
    endpoint: Endpoint,
    authorization: HeaderValue,
    next_id: AtomicU64,
}

impl fmt::Debug for RpcClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RpcClient({})", self.inner.endpoint)
    }
}

impl RpcClient {
    /// A client for the node whose RPC port is `endpoint`. Nothing is sent yet.
    pub fn new(
        transport: Arc<dyn Transport>,
        endpoint: Endpoint,
        credentials: &Credentials,
    ) -> Self {
        RpcClient {
            inner: Arc::new(Inner {
                http: http_client(transport),
                endpoint,
                authorization: credentials.basic_authorization(),
                next_id: AtomicU64::new(1),
            }),
            path: Arc::from("/"),
        }
    }

    /// The node's RPC port.
    pub fn endpoint(&self) -> &Endpoint {
        &self.inner.endpoint
    }

    /// The same node's REST paths, over the same connections.
    pub fn rest(&self) -> RestClient {
        RestClient::over(self.inner.http.clone(), self.inner.endpoint.clone())
    }

    /// The wallet `name` of the same node, over the same connections.
    pub fn wallet(&self, name: &str) -> WalletClient {
        WalletClient::new(self, name)
    }

    /// The same, for calls at another path.
    pub(crate) fn at_path(&self, path: String) -> RpcClient {
        RpcClient {
            inner: Arc::clone(&self.inner),
            path: path.into(),
        }
    }

    /// What an item of an answer says no with, as if the whole call had been refused.
    pub(crate) fn refused(&self, method: &'static str, code: i64) -> Error {
        let message = String::new();
        Error::new(method, &self.inner.endpoint, Kind::Rpc { code, message })
    }

    /// Calls `method` with `params` (an array, or an object of named ones) and decodes its result.
    ///
    /// # Errors
    /// Any [`Kind`]; ask the [`Error`]. The node's own "no" has an [`rpc_code`](Error::rpc_code).
    ///
    /// # Cancel safety
    /// Dropping the future closes the connection. The node may still carry out the call.
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
        deadline: Duration,
    ) -> Result<T, Error> {
        self.call_for_much(method, params, deadline, MAX_ANSWER_BYTES)
            .await
    }

    /// [`call`](Self::call) for an answer of up to `max_bytes`.
    pub(crate) async fn call_for_much<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
        deadline: Duration,
        max_bytes: usize,
    ) -> Result<T, Error> {
        let answer = self
            .inner
            .call(&self.path, method, &params, deadline, max_bytes);
        let result = answer.await;
        result.map_err(|kind| Error::new(method, &self.inner.endpoint, kind))
    }

    /// The chain the node has.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn get_blockchain_info(&self) -> Result<BlockchainInfo, Error> {
        self.call("getblockchaininfo", json!([]), DEADLINE).await
    }

    /// The node's version, user agent, and whether its network is on.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn get_network_info(&self) -> Result<NetworkInfo, Error> {
        self.call("getnetworkinfo", json!([]), DEADLINE).await
    }

    /// The node's connections, those included that have not said a word yet.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn get_peer_info(&self) -> Result<Vec<Peer>, Error> {
        self.call("getpeerinfo", json!([]), DEADLINE).await
    }

    /// The hash of the node's best block.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn get_best_block_hash(&self) -> Result<BlockHash, Error> {
        let answers::Hash(hash) = self.call("getbestblockhash", json!([]), DEADLINE).await?;
        Ok(hash)
    }

    /// The hash of the block at `height` of the active chain.
    ///
    /// # Errors
    /// As [`call`](Self::call); code -8 if the chain is not that high.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn get_block_hash(&self, height: u32) -> Result<BlockHash, Error> {
        let params = json!([height]);
        let answers::Hash(hash) = self.call("getblockhash", params, DEADLINE).await?;
        Ok(hash)
    }

    /// The header of the block `hash`, and where the block stands.
    ///
    /// # Errors
    /// As [`call`](Self::call); code -5 if the node does not know the block.
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn get_block_header(&self, hash: &BlockHash) -> Result<BlockHeaderInfo, Error> {
        let params = json!([hash.to_string()]);
        self.call("getblockheader", params, DEADLINE).await
    }

    /// How long the node has been running.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    ///
    /// # Cancel safety
    /// It only reads.
    pub async fn uptime(&self) -> Result<Duration, Error> {
        let seconds = self.call("uptime", json!([]), DEADLINE).await?;
        Ok(Duration::from_secs(seconds))
    }

    /// Has the node dial `peer`, a P2P address, once and now.
    ///
    /// It says `Ok` whatever comes of it: connected, connected already, refused, itself. Look at
    /// [`get_peer_info`](Self::get_peer_info) afterwards. The node does not remember the address;
    /// this is why it is used, and `addnode … add` never.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    ///
    /// # Cancel safety
    /// The node goes on dialling.
    pub async fn addnode_onetry(&self, peer: &Endpoint) -> Result<(), Error> {
        let params = json!([peer.to_string(), "onetry"]);
        self.call("addnode", params, DIAL_DEADLINE).await
    }

    /// Has the node cut the connection it calls `peer_id`; one that is gone already is fine, too.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    ///
    /// # Cancel safety
    /// The node may still cut it.
    pub async fn disconnect_node(&self, peer_id: i64) -> Result<(), Error> {
        let params = json!(["", peer_id]);
        match self.call("disconnectnode", params, DEADLINE).await {
            Err(error) if error.rpc_code() == Some(NODE_NOT_CONNECTED) => Ok(()),
            result => result,
        }
    }

    /// Has the node mine `count` blocks whose reward goes to `address`, and returns their hashes:
    /// possibly fewer than were asked for, so count them.
    ///
    /// # Errors
    /// As [`call`](Self::call); code -5 if `address` is none of this chain. After a timeout or a
    /// broken connection the blocks may have been mined.
    ///
    /// # Cancel safety
    /// The node goes on mining.
    pub async fn generate_to_address(
        &self,
        count: u32,
        address: &str,
    ) -> Result<Vec<BlockHash>, Error> {
        let deadline = DEADLINE + BLOCK_DEADLINE.saturating_mul(count);
        let params = json!([count, address]);
        let hashes: Vec<answers::Hash> = self.call("generatetoaddress", params, deadline).await?;
        Ok(hashes.into_iter().map(|answers::Hash(hash)| hash).collect())
    }

    /// Asks the node to stop. It writes its chain to disk and is gone a moment later.
    ///
    /// # Errors
    /// As [`call`](Self::call).
    ///
    /// # Cancel safety
    /// The node may still stop.
    pub async fn stop(&self) -> Result<(), Error> {
        let _farewell: IgnoredAny = self.call("stop", json!([]), DEADLINE).await?;
        Ok(())
    }
}

/// `RPC_CLIENT_NODE_NOT_CONNECTED`: what is to be cut is not there.
const NODE_NOT_CONNECTED: i64 = -29;

impl Inner {
    async fn call<T: DeserializeOwned>(
        &self,
        path: &str,
        method: &str,
        params: &Value,
        deadline: Duration,
        max_bytes: usize,
    ) -> Result<T, Kind> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let question = Question {
            jsonrpc: "2.0",
            id,
            method,
            params,
        };
        let body = serde_json::to_vec(&question).expect("text and JSON values serialize");
        let request = Request::post(format!("http://{}{path}", self.endpoint))
            .header(AUTHORIZATION, &self.authorization)
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(body))
            .map_err(|_| Kind::BadAddress)?;
        let reply = exchange(&self.http, request, deadline, max_bytes).await?;
        read_answer(&reply, id)
    }
}

#[derive(Serialize)]
struct Question<'a> {
    jsonrpc: &'static str,
    id: u64,
    method: &'a str,
    params: &'a Value,
}

/// Either dialect. `result` is kept as text until it is clear that it is one: in the older dialect
/// an error comes with a `null` result, which need not decode.
#[derive(Deserialize)]
struct Answer {
    #[serde(default, deserialize_with = "even_null")]
    result: Option<Box<RawValue>>,
    #[serde(default)]
    error: Option<RpcError>,
    #[serde(default)]
    id: Value,
}

#[derive(Deserialize)]
struct RpcError {
    code: i64,
    #[serde(default)]
    message: String,
}

/// `Some` if the field is there at all; serde's own `Option` takes a `null` for absence.
fn even_null<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(d).map(Some)
}

fn read_answer<T: DeserializeOwned>(reply: &Reply, id: u64) -> Result<T, Kind> {
    if let Some(kind) = refusal(reply.status) {
        return Err(kind);
    }
    let status = Kind::Status(reply.status.as_u16());
    if !matches!(reply.status.as_u16(), 200 | 400 | 404 | 500) {
        return Err(status);
    }
    let answer: Answer = match json::from_slice(&reply.body) {
        Ok(answer) => answer,
        Err(error) if reply.status == StatusCode::OK => return Err(Kind::Malformed(error)),
        // An error page of somebody else: the status says more than that it is no JSON.
        Err(_) => return Err(status),
    };
    // A node that could not read the question has no id to repeat.
    if answer.id != json!(id) && !(answer.id.is_null() && answer.error.is_some()) {
        return Err(Kind::NotAnAnswer("it has another id"));
    }
    if let Some(RpcError { code, message }) = answer.error {
        let message = one_line(&message);
        return Err(Kind::Rpc { code, message });
    }
    let result = answer
        .result
        .ok_or(Kind::NotAnAnswer("it has neither result nor error"))?;
    json::from_slice(result.get().as_bytes()).map_err(Kind::Malformed)
}
