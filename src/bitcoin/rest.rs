//! Chain facts without a password.
//!
//! A node started with `-rest` tells anybody whom its `-rpcallowip` lets in which chain it has. That
//! makes a true readiness probe, and it is how a node is judged that still has yesterday's password:
//! it refuses our calls, but whether it is in sync can be seen, so it can be replaced with care.
//!
//! # Invariants
//! - No request carries credentials.
//!
//! # Example
//! ```no_run
//! # async fn example() -> Result<(), bitcoin_controller::bitcoin::Error> {
//! use std::{sync::Arc, time::Duration};
//! use bitcoin_controller::bitcoin::RestClient;
//! use bitcoin_controller::http::{Endpoint, Tcp};
//!
//! let tcp = Arc::new(Tcp::new(Duration::from_secs(2)));
//! let node = RestClient::new(tcp, Endpoint::new("10.0.0.7", 18443));
//! println!("at height {}", node.chain_info().await?.blocks);
//! # Ok(())
//! # }
//! ```
//!
//! # Source
//! Bitcoin Core `src/rest.cpp`, `rest_chaininfo` and `CheckWarmup`.

use std::sync::Arc;

use hyper::{Request, StatusCode};

use crate::base::json;
use crate::bitcoin::answers::BlockchainInfo;
use crate::bitcoin::error::{Error, Kind};
use crate::bitcoin::exchange::{DEADLINE, MAX_ANSWER_BYTES, Reply, exchange, http_client, refusal};
use crate::http::{Body, Endpoint, HttpClient, Transport};

/// A client for one node's REST paths. Clones share connections.
#[derive(Clone, Debug)]
pub struct RestClient {
    http: HttpClient,
    endpoint: Endpoint,
}

impl RestClient {
    /// A client for the node whose RPC port is `endpoint`. Nothing is sent yet.
    pub fn new(transport: Arc<dyn Transport>, endpoint: Endpoint) -> Self {
        RestClient::over(http_client(transport), endpoint)
    }

    pub(crate) fn over(http: HttpClient, endpoint: Endpoint) -> Self {
        RestClient { http, endpoint }
    }

    /// Asks which chain the node has; the same facts as `getblockchaininfo`.
    ///
    /// # Errors
    /// `is_warming_up` while the node starts, `is_busy`, `is_forbidden` (our address is not on its
    /// list), `is_unreachable`, `is_timeout`; status 404 if the node runs without `-rest`.
    ///
    /// # Cancel safety
    /// It only reads; dropping it loses nothing but the connection.
    pub async fn chain_info(&self) -> Result<BlockchainInfo, Error> {
        let answer = self.get(CHAIN_INFO).await;
        answer.map_err(|kind| Error::new(CHAIN_INFO, &self.endpoint, kind))
    }

    async fn get(&self, path: &'static str) -> Result<BlockchainInfo, Kind> {
        let request = Request::get(format!("http://{}{path}", self.endpoint))
            .body(Body::default())
            .map_err(|_| Kind::BadAddress)?;
        let Reply { status, body } =
            exchange(&self.http, request, DEADLINE, MAX_ANSWER_BYTES).await?;
        // REST has no codes: this text is all that tells a node that starts from one that is busy.
        if status == StatusCode::SERVICE_UNAVAILABLE && body.starts_with(WARMING_UP) {
            return Err(Kind::WarmingUp);
        }
        match refusal(status) {
            Some(kind) => Err(kind),
            None if status == StatusCode::OK => json::from_slice(&body).map_err(Kind::Malformed),
            None => Err(Kind::Status(status.as_u16())),
        }
    }
}

const CHAIN_INFO: &str = "/rest/chaininfo.json";

/// What a 503 begins with while the node starts.
const WARMING_UP: &[u8] = b"Service temporarily unavailable";
