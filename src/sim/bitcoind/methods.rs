//! The RPC methods: a name and arguments to a value or an error with bitcoind's code and words.
//!
//! They are in four groups: [`call`] finds the method, the others are below it in the order of the
//! table: about the node, about peers, about blocks (in `blocks.rs`); those about wallets have a table of their own (`wallet_methods.rs`).

use serde_json::{Value, json};

use crate::sim::bitcoind::blocks;
use crate::sim::bitcoind::jsonrpc::{METHOD_NOT_FOUND, RpcError};
use crate::sim::bitcoind::network::Peer;
use crate::sim::bitcoind::node::{Node, connection_to};
use crate::sim::bitcoind::params::Params;
use crate::sim::bitcoind::wallet_methods;

type Answer = Result<Value, RpcError>;

/// Every method there is, and the names of its arguments.
const METHODS: &[(&str, &[&str])] = &[
    ("uptime", &[]),
    ("stop", &["wait"]),
    ("getnetworkinfo", &[]),
    ("setnetworkactive", &["state"]),
    ("getconnectioncount", &[]),
    ("getpeerinfo", &[]),
    ("getaddednodeinfo", &["node"]),
    (
        "addnode",
        &["node", "command", "v2transport", "connection_type"],
    ),
    ("disconnectnode", &["address", "nodeid"]),
    ("getblockchaininfo", &[]),
    ("getbestblockhash", &[]),
    ("getblockcount", &[]),
    ("getblockhash", &["height"]),
    ("getblockheader", &["blockhash", "verbose"]),
    ("getblock", &["blockhash", "verbosity"]),
    ("getchaintips", &[]),
    (
        "gettxoutsetinfo",
        &["hash_type", "hash_or_height", "use_index"],
    ),
    ("generatetoaddress", &["nblocks", "address", "maxtries"]),
    ("getblocktemplate", &["template_request"]),
    ("submitblock", &["hexdata", "dummy"]),
    ("invalidateblock", &["blockhash"]),
    ("reconsiderblock", &["blockhash"]),
];

/// Runs one method. While the node warms up there is only one answer, whatever was asked.
pub(super) async fn call(node: &Node, wallet: Option<&str>, method: &str, params: Value) -> Answer {
    if let Some(step) = node.warm_up_step() {
        return Err(RpcError::new(IN_WARM_UP, step));
    }
    let is_asked = |(name, _): &&(&str, &[&str])| *name == method;
    if node.options.has_wallets
        && let Some((method, names)) = wallet_methods::METHODS.iter().find(is_asked)
    {
        let params = Params::read(method, names, params)?;
        return wallet_methods::call(node, wallet, method, &params).await;
    }
    let Some((method, names)) = METHODS.iter().find(is_asked) else {
        return Err(RpcError::new(METHOD_NOT_FOUND, "Method not found"));
    };
    let params = Params::read(method, names, params)?;
    match *method {
        "uptime" => Ok(json!(node.started.elapsed().as_secs())),
        "stop" => stop(node),
        "getnetworkinfo" => Ok(network_info(node)),
        "setnetworkactive" => set_network_active(node, &params),
        "getconnectioncount" => Ok(json!(node.seat.peers().len())),
        "getpeerinfo" => Ok(node.seat.peers().iter().map(peer_info).collect()),
        "getaddednodeinfo" => added_node_info(node, &params),
        "addnode" => add_node(node, &params).await,
        "disconnectnode" => disconnect_node(node, &params),
        _ => blocks::call(node, method, &params),
    }
}

fn stop(node: &Node) -> Answer {
    node.stopping.cancel();
    Ok(json!(format!("{} stopping", node.release.name())))
}

fn network_info(node: &Node) -> Value {
    let peers = node.seat.peers();
    let inbound = peers.iter().filter(|peer| peer.is_inbound).count();
    json!({
        "version": node.release.number,
        "subversion": node.release.subversion(&node.options.comments),
        "protocolversion": PROTOCOL_VERSION,
        "localservices": "0000000000000c09",
        "localservicesnames": ["NETWORK", "WITNESS", "NETWORK_LIMITED", "P2P_V2"],
        "localrelay": true,
        "timeoffset": 0,
        "networkactive": node.seat.is_network_active(),
        "connections": peers.len(),
        "connections_in": inbound,
        "connections_out": peers.len() - inbound,
        "networks": [],
        "relayfee": 0.00001,
        "incrementalfee": 0.00001,
        "localaddresses": [],
        "warnings": blocks::warnings(node),
    })
}

fn set_network_active(node: &Node, params: &Params) -> Answer {
    let active = params.flag(0)?;
    node.seat.set_network_active(active);
    Ok(json!(active))
}

fn peer_info(peer: &Peer) -> Value {
    let synced = peer.synced_height.map_or(json!(-1), |height| json!(height));
    json!({
        "id": peer.id,
        "addr": peer.address,
        "network": "not_publicly_routable",
        "services": if peer.is_established { "0000000000000c09" } else { "0000000000000000" },
        "relaytxes": peer.is_established,
        "conntime": peer.connected_at,
        "version": if peer.is_established { PROTOCOL_VERSION } else { 0 },
        "subver": peer.subversion,
        "inbound": peer.is_inbound,
        "connection_type": if peer.is_inbound { "inbound" } else { "manual" },
        "transport_protocol_type": if peer.is_established { "v2" } else { "detecting" },
        "startingheight": peer.starting_height.map_or(json!(-1), |height| json!(height)),
        "presynced_headers": -1,
        "synced_headers": synced,
        "synced_blocks": synced,
        "permissions": [],
    })
}

fn added_node_info(node: &Node, params: &Params) -> Answer {
    let mut added = node.added.all();
    if params.has(0) {
        let asked = params.text(0)?;
        added.retain(|address| address == asked);
        if added.is_empty() {
            let message = "Error: Node has not been added.";
            return Err(RpcError::new(NODE_NOT_ADDED, message));
        }
    }
    let peers = node.seat.peers();
    let info = |address: &String| {
        let connection = connection_to(&peers, address);
        let connections = connection
            .map(|peer| json!({"address": peer.endpoint.to_string(), "connected": "outbound"}));
        json!({
            "addednode": address,
            "connected": connection.is_some(),
            "addresses": connections.into_iter().collect::<Vec<_>>(),
        })
    };
    Ok(added.iter().map(info).collect())
}

async fn add_node(node: &Node, params: &Params) -> Answer {
    let address = params.text(0)?;
    match params.text(1)? {
        "onetry" => node.seat.dial(address).await,
        "add" if node.added.add(address) => {}
        "add" => {
            let message = "Error: Node already added";
            return Err(RpcError::new(NODE_ALREADY_ADDED, message));
        }
        "remove" if node.added.remove(address) => {}
        "remove" => {
            let message = "Error: Node could not be removed. It has not been added previously.";
            return Err(RpcError::new(NODE_NOT_ADDED, message));
        }
        _ => return Err(params.help()),
    }
    Ok(Value::Null)
}

fn disconnect_node(node: &Node, params: &Params) -> Answer {
    let address = if params.has(0) { params.text(0)? } else { "" };
    let found = match (address.is_empty(), params.has(1)) {
        (false, false) => node.seat.disconnect(|peer| peer.address == address),
        (true, true) => {
            let id = params.number(1)?;
            node.seat
                .disconnect(|peer| i64::try_from(peer.id) == Ok(id))
        }
        _ => {
            let message = "Only one of address and nodeid should be provided.";
            return Err(RpcError::new(INVALID_PARAMS, message));
        }
    };
    if !found {
        let message = "Node not found in connected nodes";
        return Err(RpcError::new(NODE_NOT_CONNECTED, message));
    }
    Ok(Value::Null)
}

const IN_WARM_UP: i64 = -28;
const NODE_ALREADY_ADDED: i64 = -23;
const NODE_NOT_ADDED: i64 = -24;
const NODE_NOT_CONNECTED: i64 = -29;
const INVALID_PARAMS: i64 = -32_602;

/// What bitcoind 29 speaks with its peers.
const PROTOCOL_VERSION: u64 = 70_016;
