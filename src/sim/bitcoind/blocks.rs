//! The RPC methods about blocks.

use rust_bitcoin::consensus::encode::serialize_hex;
use rust_bitcoin::{BlockHash, Work};
use serde_json::{Value, json};

use crate::sim::bitcoind::chain::{self, Chain, Entry};
use crate::sim::bitcoind::jsonrpc::{METHOD_NOT_FOUND, RpcError};
use crate::sim::bitcoind::mining;
use crate::sim::bitcoind::node::Node;
use crate::sim::bitcoind::params::{INVALID_PARAMETER, Params};

type Answer = Result<Value, RpcError>;

/// Runs one of the methods about blocks.
pub(super) fn call(node: &Node, method: &str, params: &Params) -> Answer {
    match method {
        "getblockchaininfo" => Ok(chain_info(node)),
        "getbestblockhash" => Ok(json!(node.seat.chain().tip().to_string())),
        "getblockcount" => Ok(json!(node.seat.chain().height())),
        "getblockhash" => block_hash(node, params),
        "getblockheader" => block_header(node, params),
        "getblock" => block(node, params),
        "getchaintips" => Ok(chain_tips(node)),
        "gettxoutsetinfo" => Ok(tx_out_set_info(node)),
        "generatetoaddress" => generate_to_address(node, params),
        "getblocktemplate" => mining::block_template(node, params),
        "submitblock" => mining::submit_block(node, params),
        "invalidateblock" => change_validity(node, params, Chain::invalidate),
        "reconsiderblock" => change_validity(node, params, Chain::reconsider),
        _ => Err(RpcError::new(METHOD_NOT_FOUND, "Method not found")),
    }
}

/// What `getblockchaininfo` and `/rest/chaininfo.json` tell.
pub(super) fn chain_info(node: &Node) -> Value {
    let chain = node.seat.chain();
    let tip = chain.tip();
    let entry = entry(&chain, &tip);
    let header = entry.block.header;
    json!({
        "chain": "regtest",
        "blocks": chain.height(),
        "headers": chain.height(),
        "bestblockhash": tip.to_string(),
        "bits": format!("{:08x}", header.bits.to_consensus()),
        "target": hex(&header.target().to_be_bytes()),
        "difficulty": header.difficulty_float(),
        "time": header.time,
        "mediantime": chain.median_time(&tip),
        "verificationprogress": 1,
        "initialblockdownload": node.seat.is_downloading(),
        "chainwork": work_hex(entry.work),
        "size_on_disk": 293 * (chain.height() + 1),
        "pruned": false,
        "warnings": warnings(node),
    })
}

/// No warnings, as this version writes it.
pub(super) fn warnings(node: &Node) -> Value {
    if node.release.is_modern() {
        json!([])
    } else {
        json!("")
    }
}

fn block_hash(node: &Node, params: &Params) -> Answer {
    let height = usize::try_from(params.number(0)?).ok();
    let hash = height.and_then(|height| node.seat.chain().hash_at(height));
    hash.map(|hash| json!(hash.to_string()))
        .ok_or_else(|| RpcError::new(INVALID_PARAMETER, "Block height out of range"))
}

fn block_header(node: &Node, params: &Params) -> Answer {
    let chain = node.seat.chain();
    let hash = known_block(&chain, params)?;
    if params.has(1) && !params.flag(1)? {
        return Ok(json!(serialize_hex(&entry(&chain, &hash).block.header)));
    }
    Ok(Value::Object(header_fields(&chain, &hash)))
}

fn block(node: &Node, params: &Params) -> Answer {
    let chain = node.seat.chain();
    let hash = known_block(&chain, params)?;
    let block = &entry(&chain, &hash).block;
    if params.has(1) && params.number(1)? == 0 {
        return Ok(json!(serialize_hex(block.as_ref())));
    }
    let mut fields = header_fields(&chain, &hash);
    let ids = block
        .txdata
        .iter()
        .map(|transaction| transaction.compute_txid());
    fields.insert("strippedsize".to_owned(), json!(block.total_size()));
    fields.insert("size".to_owned(), json!(block.total_size()));
    fields.insert("weight".to_owned(), json!(block.weight().to_wu()));
    fields.insert(
        "tx".to_owned(),
        ids.map(|id| json!(id.to_string())).collect(),
    );
    Ok(Value::Object(fields))
}

fn header_fields(chain: &Chain, hash: &BlockHash) -> serde_json::Map<String, Value> {
    let Entry {
        block,
        block_height,
        work,
        ..
    } = entry(chain, hash);
    let header = block.header;
    let is_active = chain.hash_at(*block_height).as_ref() == Some(hash);
    let depth = i64::try_from(chain.height().saturating_sub(*block_height)).unwrap_or(i64::MAX);
    let mut fields = serde_json::Map::new();
    let mut set = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    set("hash", json!(hash.to_string()));
    set(
        "confirmations",
        json!(if is_active { depth + 1 } else { -1 }),
    );
    set("height", json!(block_height));
    set("version", json!(header.version.to_consensus()));
    set(
        "versionHex",
        json!(format!("{:08x}", header.version.to_consensus())),
    );
    set("merkleroot", json!(header.merkle_root.to_string()));
    set("time", json!(header.time));
    set("mediantime", json!(chain.median_time(hash)));
    set("nonce", json!(header.nonce));
    set("bits", json!(format!("{:08x}", header.bits.to_consensus())));
    set("target", json!(hex(&header.target().to_be_bytes())));
    set("difficulty", json!(header.difficulty_float()));
    set("chainwork", json!(work_hex(*work)));
    set("nTx", json!(block.txdata.len()));
    if *block_height > 0 {
        set(
            "previousblockhash",
            json!(header.prev_blockhash.to_string()),
        );
    }
    if let Some(next) = chain.hash_at(block_height + 1).filter(|_| is_active) {
        set("nextblockhash", json!(next.to_string()));
    }
    fields
}

fn chain_tips(node: &Node) -> Value {
    let tips = node.seat.chain().tips().into_iter().map(|tip| {
        json!({
            "height": tip.block_height,
            "hash": tip.hash.to_string(),
            "branchlen": tip.branch_length,
            "status": tip.status,
        })
    });
    tips.collect()
}

/// Flushes the chain to disk as a side effect, which is why a controller calls it.
fn tx_out_set_info(node: &Node) -> Value {
    node.seat.flush();
    let chain = node.seat.chain();
    json!({
        "height": chain.height(),
        "bestblock": chain.tip().to_string(),
        "txouts": chain.height(),
        "transactions": chain.height(),
        "disk_size": 0,
    })
}

fn generate_to_address(node: &Node, params: &Params) -> Answer {
    let n_blocks = params.number(0)?;
    let script = chain::script_of(params.text(1)?)
        .ok_or_else(|| RpcError::new(INVALID_ADDRESS_OR_KEY, "Error: Invalid address"))?;
    let now = u32::try_from(node.clock.unix_seconds()).unwrap_or(0);
    let mut hashes = Vec::new();
    for _ in 0..n_blocks {
        let hash = node.seat.change_chain(|chain| chain.mine(&script, now));
        let refused = "ProcessNewBlock, block not accepted";
        let hash = hash.ok_or_else(|| RpcError::new(INTERNAL_ERROR, refused))?;
        hashes.push(hash.to_string());
    }
    Ok(json!(hashes))
}

fn change_validity(
    node: &Node,
    params: &Params,
    change: fn(&mut Chain, &BlockHash) -> bool,
) -> Answer {
    let hash = known_block(&node.seat.chain(), params)?;
    node.seat.change_chain(|chain| change(chain, &hash));
    Ok(Value::Null)
}

/// The block that the first argument names.
fn known_block(chain: &Chain, params: &Params) -> Result<BlockHash, RpcError> {
    let text = params.text(0)?;
    if text.len() != 64 {
        let length = text.len();
        let message = format!("blockhash must be of length 64 (not {length}, for '{text}')");
        return Err(RpcError::new(INVALID_PARAMETER, message));
    }
    let hash: BlockHash = text.parse().map_err(|_| {
        let message = format!("blockhash must be hexadecimal string (not '{text}')");
        RpcError::new(INVALID_PARAMETER, message)
    })?;
    match chain.entry(&hash) {
        Some(_) => Ok(hash),
        None => Err(RpcError::new(INVALID_ADDRESS_OR_KEY, "Block not found")),
    }
}

fn entry<'a>(chain: &'a Chain, hash: &BlockHash) -> &'a Entry {
    chain
        .entry(hash)
        .expect("the caller got the hash from this chain")
}

fn work_hex(work: Work) -> String {
    hex(&work.to_be_bytes())
}

/// Bytes as bitcoind writes them.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

const INVALID_ADDRESS_OR_KEY: i64 = -5;
const INTERNAL_ERROR: i64 = -32_603;
