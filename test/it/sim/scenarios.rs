//! What a node does, pretend or real: its chain, its links, its life. Both are held to these assertions,
//! and to those of `rpc_scenarios`.

use serde_json::{Value, json};

use crate::support::nodes::{Node, Nodes, eventually};

pub(super) const ALICE: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
pub(super) const BOB: &str = "bcrt1qqypqxpq9qcrsszg2pvxq6rs0zqg3yyc5phstwt";

/// `one` dials `two`, and both have shaken hands.
async fn linked(one: &Node, two: &Node) {
    one.dial(two).await;
    for node in [one, two] {
        eventually("they are linked", async || !node.peers().await.is_empty()).await;
    }
}

pub async fn a_fresh_node_is_at_genesis(nodes: Nodes) {
    let node = nodes.start(0, &[]).await;
    let mut info = node.call("getblockchaininfo", json!([])).await;
    let difficulty = info["difficulty"].take().as_f64().unwrap();
    assert!(
        (difficulty / 4.656_542_373_906_925e-10 - 1.0).abs() < 1e-12,
        "{difficulty}"
    );
    let expected = json!({
        "chain": "regtest", "blocks": 0, "headers": 0,
        "bestblockhash": "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206",
        "bits": "207fffff", "difficulty": null,
        "target": "7fffff0000000000000000000000000000000000000000000000000000000000",
        "time": 1_296_688_602, "mediantime": 1_296_688_602, "verificationprogress": 1,
        "initialblockdownload": true, "pruned": false, "warnings": [], "size_on_disk": 293,
        "chainwork": "0000000000000000000000000000000000000000000000000000000000000002",
    });
    assert_eq!(info, expected);
}

pub async fn mined_blocks_are_counted_and_described(nodes: Nodes) {
    let node = nodes.start(0, &[]).await;
    assert_eq!(node.mine(0, ALICE).await, [""; 0]);
    let hashes = node.mine(3, ALICE).await;
    assert_eq!((hashes.len(), node.height().await), (3, 3));
    assert_eq!(node.tip().await, hashes[2]);
    let header = node.call("getblockheader", json!([hashes[1]])).await;
    assert_eq!(header["confirmations"], 2);
    assert_eq!(header["height"], 2);
    assert_eq!(header["previousblockhash"], json!(hashes[0]));
    assert_eq!(header["nextblockhash"], json!(hashes[2]));
    assert_eq!(header["chainwork"], format!("{:064x}", 6));
    let info = node.call("getblockchaininfo", json!([])).await;
    assert_eq!(info["initialblockdownload"], false);
    assert_eq!(info["chainwork"], format!("{:064x}", 8));
    let block = node.call("getblock", json!([hashes[2]])).await;
    assert_eq!(block["tx"].as_array().unwrap().len(), 1);
}

pub async fn a_longer_chain_replaces_a_shorter_one_over_any_link(nodes: Nodes) {
    let (one, two) = (nodes.start(0, &[]).await, nodes.start(1, &[]).await);
    let lost = one.mine(2, ALICE).await.pop().unwrap();
    let kept = two.mine(3, BOB).await.pop().unwrap();
    one.dial(&two).await;
    eventually("one has the longer chain", async || one.tip().await == kept).await;
    let header = one.call("getblockheader", json!([lost])).await;
    assert_eq!(header["confirmations"], -1);
    // The other direction of the same link.
    let next = one.mine(1, ALICE).await.pop().unwrap();
    eventually("two has the next block", async || two.tip().await == next).await;
    let tips = one.call("getchaintips", json!([])).await;
    let fork = json!({"height": 2, "hash": lost, "branchlen": 2, "status": "valid-fork"});
    let active = json!({"height": 4, "hash": next, "branchlen": 0, "status": "active"});
    assert_eq!(tips, json!([active, fork]));
}

pub async fn equally_long_chains_stay_apart_until_the_next_block(nodes: Nodes) {
    let (one, two) = (nodes.start(0, &[]).await, nodes.start(1, &[]).await);
    one.mine(2, ALICE).await;
    let kept = two.mine(2, BOB).await.pop().unwrap();
    linked(&one, &two).await;
    assert_ne!(one.tip().await, kept);
    let next = two.mine(1, BOB).await.pop().unwrap();
    eventually("the next block decides", async || one.tip().await == next).await;
}

pub async fn a_link_dialled_from_both_sides_is_two(nodes: Nodes) {
    let (one, two) = (nodes.start(0, &[]).await, nodes.start(1, &[]).await);
    linked(&one, &two).await;
    two.dial(&one).await;
    for node in [&one, &two] {
        eventually("two connections", async || node.peers().await.len() == 2).await;
        let info = node.call("getnetworkinfo", json!([])).await;
        assert_eq!([&info["connections_in"], &info["connections_out"]], [1, 1]);
    }
}

pub async fn dialling_again_or_oneself_changes_nothing(nodes: Nodes) {
    let (one, two) = (nodes.start(0, &[]).await, nodes.start(1, &[]).await);
    linked(&one, &two).await;
    one.dial(&two).await;
    one.dial(&one).await;
    let nobody = format!("{}9", one.address.trim_end_matches('1'));
    one.call("addnode", json!([nobody, "onetry"])).await;
    eventually("oneself was hung up on", async || {
        one.connections().await == 1
    })
    .await;
    assert_eq!(two.connections().await, 1);
}

pub async fn the_comment_says_who_a_peer_is(nodes: Nodes) {
    let (one, two) = (nodes.start(0, &[]).await, nodes.start(1, &[]).await);
    linked(&one, &two).await;
    let peer = &one.peers().await[0];
    assert_eq!(
        peer["subver"],
        "/Satoshi:29.4.3(1f2e3d4c.node-1)/Knots:20260508/"
    );
    assert_eq!(peer["addr"], two.p2p());
    assert_eq!(peer["inbound"], false);
    assert_eq!(peer["connection_type"], "manual");
    let peer = &two.peers().await[0];
    assert_eq!(
        peer["subver"],
        "/Satoshi:29.4.3(1f2e3d4c.node-0)/Knots:20260508/"
    );
    assert_ne!(peer["addr"], one.p2p());
    assert_eq!(peer["inbound"], true);
    assert_eq!(peer["connection_type"], "inbound");
    let info = two.call("getnetworkinfo", json!([])).await;
    assert_eq!(info["version"], 290_403);
    assert_eq!(
        info["subversion"],
        "/Satoshi:29.4.3(1f2e3d4c.node-1)/Knots:20260508/"
    );
}

pub async fn a_link_is_cut_by_the_string_that_made_it(nodes: Nodes) {
    let (one, two) = (nodes.start(0, &[]).await, nodes.start(1, &[]).await);
    one.call("addnode", json!([two.address, "onetry"])).await;
    eventually("they are linked", async || one.peers().await.len() == 1).await;
    assert_eq!(
        one.try_call("disconnectnode", json!([two.p2p()])).await,
        Err(-29)
    );
    one.call("disconnectnode", json!([two.address])).await;
    eventually("the link is gone", async || two.connections().await == 0).await;
    linked(&one, &two).await;
    let id = two.peers().await[0]["id"].clone();
    two.call("disconnectnode", json!(["", id])).await;
    eventually("the link is gone", async || one.connections().await == 0).await;
}

pub async fn the_added_list_compares_strings(nodes: Nodes) {
    let node = nodes.start(0, &[]).await;
    let list = async || node.call("getaddednodeinfo", json!([])).await;
    let address = format!("{}8", node.address.trim_end_matches('1'));
    let with_port = format!("{address}:18444");
    let calls = [
        (json!([with_port, "add"]), Ok(Value::Null)),
        (json!([with_port, "add"]), Err(-23)),
        (json!([address, "add"]), Err(-23)),
        (json!([address, "remove"]), Err(-24)),
        (json!([format!("{address}:18445"), "add"]), Ok(Value::Null)),
    ];
    for (params, expected) in calls {
        let answer = node.try_call("addnode", params.clone()).await;
        assert_eq!(answer, expected, "{params}");
    }
    assert_eq!(list().await.as_array().unwrap().len(), 2);
    assert_eq!(
        list().await[0],
        json!({"addednode": with_port, "connected": false, "addresses": []})
    );
    let one = node.call("getaddednodeinfo", json!([with_port])).await;
    assert_eq!(one.as_array().unwrap().len(), 1);
    assert_eq!(
        node.try_call("getaddednodeinfo", json!([address])).await,
        Err(-24)
    );
    node.call("addnode", json!([with_port, "remove"])).await;
    assert_eq!(
        node.try_call("addnode", json!([with_port, "remove"])).await,
        Err(-24)
    );
}

pub async fn an_added_node_is_dialled(nodes: Nodes) {
    let (one, two) = (nodes.start(0, &[]).await, nodes.start(1, &[]).await);
    one.call("addnode", json!([two.p2p(), "add"])).await;
    eventually("they are linked", async || one.peers().await.len() == 1).await;
    let info = one.call("getaddednodeinfo", json!([])).await;
    let addresses = json!([{"address": two.p2p(), "connected": "outbound"}]);
    let expected = json!([{"addednode": two.p2p(), "connected": true, "addresses": addresses}]);
    assert_eq!(info, expected);
}

pub async fn a_node_with_its_network_off_has_no_links(nodes: Nodes) {
    let (one, two) = (nodes.start(0, &[]).await, nodes.start(1, &[]).await);
    linked(&one, &two).await;
    assert_eq!(two.call("setnetworkactive", json!([false])).await, false);
    eventually("the link is gone", async || one.connections().await == 0).await;
    let info = two.call("getnetworkinfo", json!([])).await;
    assert_eq!(info["networkactive"], false);
    two.dial(&one).await;
    assert_eq!(two.connections().await, 0);
    one.dial(&two).await;
    eventually("nobody takes the call", async || {
        one.connections().await == 0
    })
    .await;
    assert_eq!(two.call("setnetworkactive", json!([true])).await, true);
    linked(&one, &two).await;
}

pub async fn inbound_slots_are_what_eleven_leave(nodes: Nodes) {
    let hub = nodes.start(0, &["-maxconnections=12"]).await;
    let (one, two) = (nodes.start(1, &[]).await, nodes.start(2, &[]).await);
    linked(&one, &hub).await;
    two.dial(&hub).await;
    eventually("two was hung up on", async || two.connections().await == 0).await;
    hub.dial(&two).await;
    eventually("dialling out is free", async || {
        hub.peers().await.len() == 2
    })
    .await;
}

pub async fn an_invalid_block_takes_its_branch_along(nodes: Nodes) {
    let (one, two) = (nodes.start(0, &[]).await, nodes.start(1, &[]).await);
    linked(&one, &two).await;
    let hashes = one.mine(3, ALICE).await;
    eventually("both have them", async || two.tip().await == hashes[2]).await;
    one.call("invalidateblock", json!([hashes[1]])).await;
    assert_eq!(one.tip().await, hashes[0]);
    // It is this node's opinion alone, and the link stays.
    assert_eq!((two.height().await, one.peers().await.len()), (3, 1));
    let tips = one.call("getchaintips", json!([])).await;
    let status = |at: usize| tips[at]["status"].as_str().unwrap().to_owned();
    assert_eq!([status(0), status(1)], ["invalid", "active"]);
    one.call("reconsiderblock", json!([hashes[1]])).await;
    assert_eq!(one.tip().await, hashes[2]);
}

pub async fn the_same_block_twice_is_refused(nodes: Nodes) {
    let node = nodes.start(0, &[]).await;
    // Within one second the same address gives the same block; over its end, another try.
    eventually("both fall into one second", async || {
        let hash = node.mine(1, ALICE).await.pop().unwrap();
        node.call("invalidateblock", json!([hash])).await;
        let again = node.try_call("generatetoaddress", json!([1, ALICE])).await;
        again == Err(-32603)
    })
    .await;
}

pub async fn a_clean_stop_keeps_the_chain(nodes: Nodes) {
    let node = nodes.start(0, &[]).await;
    node.mine(5, ALICE).await;
    let exit = nodes.stop(node).await;
    assert_eq!((exit.code, exit.message.as_str()), (0, ""));
    let node = nodes.start(0, &[]).await;
    assert_eq!(node.height().await, 5);
}

pub async fn a_kill_keeps_what_was_flushed(nodes: Nodes) {
    let node = nodes.start(0, &[]).await;
    node.mine(4, ALICE).await;
    assert_eq!(nodes.kill(node).await.code, 137);
    let node = nodes.start(0, &[]).await;
    assert_eq!(node.height().await, 0);
    node.mine(4, ALICE).await;
    node.call("gettxoutsetinfo", json!(["none"])).await;
    node.mine(1, ALICE).await;
    nodes.kill(node).await;
    let node = nodes.start(0, &[]).await;
    assert_eq!(node.height().await, 4);
}

pub async fn rpc_stop_ends_the_node(nodes: Nodes) {
    let mut node = nodes.start(0, &[]).await;
    assert_eq!(node.call("stop", json!([])).await, "Bitcoin Knots stopping");
    assert_eq!(node.process.wait().await.code, 0);
    assert_eq!(node.get("/rest/chaininfo.json").await, None);
}

pub async fn an_unknown_option_is_fatal(nodes: Nodes) {
    let mut node = nodes.launch(0, &["-foo=1"]).await;
    let exit = node.process.wait().await;
    let message = "Error: Error parsing command line arguments: Invalid parameter -foo=1";
    assert_eq!((exit.code, exit.message.as_str()), (1, message));
}

pub async fn a_bad_comment_is_fatal(nodes: Nodes) {
    let mut node = nodes.launch(0, &["-uacomment=a=b"]).await;
    let exit = node.process.wait().await;
    let message = "Error: User Agent comment (a=b) contains unsafe characters.";
    assert_eq!((exit.code, exit.message.as_str()), (1, message));
}

/// What one node serves as bytes is what the encoding of Bitcoin says it is.
pub async fn a_blocks_bytes_are_real(nodes: Nodes) {
    let node = nodes.start(0, &[]).await;
    let hash = node.mine(20, ALICE).await.pop().unwrap();
    let hex = node.call("getblock", json!([hash, 0])).await;
    let block: rust_bitcoin::Block =
        rust_bitcoin::consensus::encode::deserialize_hex(hex.as_str().unwrap()).unwrap();
    assert_eq!(block.block_hash().to_string(), hash);
    assert!(block.check_merkle_root());
    assert!(block.header.validate_pow(block.header.target()).is_ok());
    assert_eq!(block.bip34_block_height(), Ok(20));
}
