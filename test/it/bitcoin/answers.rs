//! Mirrors `src/bitcoin/answers.rs`.

use bitcoin_controller::bitcoin::{BlockchainInfo, NetworkInfo, Peer};
use serde_json::{Value, json};

use super::fake_node::recorded_body;

fn result(name: &str) -> Value {
    recorded_body(name)["result"].take()
}

fn chain(change: impl FnOnce(&mut Value)) -> Result<BlockchainInfo, serde_json::Error> {
    let mut value = result("getblockchaininfo");
    change(&mut value);
    serde_json::from_value(value)
}

#[test]
fn warnings_are_a_list_or_one_text_or_none() {
    let warnings = |warnings: Value| {
        chain(|value| value["warnings"] = warnings)
            .unwrap()
            .warnings
    };
    assert_eq!(warnings(json!([])), Vec::<String>::new());
    assert_eq!(warnings(json!(["a", "b"])), ["a", "b"]);
    assert_eq!(warnings(json!("")), Vec::<String>::new());
    assert_eq!(warnings(json!("a")), ["a"]);
    let absent = chain(|value| drop(value.as_object_mut().unwrap().remove("warnings")));
    assert_eq!(absent.unwrap().warnings, Vec::<String>::new());
}

#[test]
fn a_node_of_core_22_sends_no_time() {
    let old = chain(|value| drop(value.as_object_mut().unwrap().remove("time"))).unwrap();
    assert_eq!(old.time, None);
}

#[test]
fn what_is_no_hash_and_no_work_does_not_decode() {
    assert!(chain(|value| value["bestblockhash"] = json!("zz")).is_err());
    assert!(chain(|value| value["chainwork"] = json!("")).is_err());
    assert!(chain(|value| value["chainwork"] = json!("f".repeat(65))).is_err());
}

#[test]
fn work_compares_by_value() {
    let work = |hex: &str| {
        let hex = format!("{hex:0>64}");
        chain(|value| value["chainwork"] = json!(hex))
            .unwrap()
            .chain_work
    };
    assert!(work("a") > work("9"));
    assert!(work("10") > work("f"));
}

#[test]
fn both_ends_of_a_recorded_connection_say_who_is_there() {
    let peer = |name| {
        serde_json::from_value::<Vec<Peer>>(result(name))
            .unwrap()
            .remove(0)
    };
    let (dialled, dialling) = (peer("getpeerinfo-dialling"), peer("getpeerinfo-dialled"));
    assert_eq!(dialled.addr, "127.0.7.2:18444");
    assert!(!dialled.inbound && dialled.is_usable());
    assert_eq!(dialled.connection_type, "manual");
    assert!(dialled.subver.contains("(1f2e3d4c.my-network-sts-1)"));
    // The dialler's port is ephemeral, and its address here is not even its own.
    assert_eq!(dialling.addr, "127.0.0.1:44622");
    assert!(dialling.inbound && dialling.is_usable());
    assert!(dialling.subver.contains("(1f2e3d4c.my-network-sts-0)"));
    assert_eq!((dialling.synced_headers, dialling.synced_blocks), (2, 2));
}

#[test]
fn a_peer_of_which_no_header_is_said_has_told_none() {
    let mut silent = result("getpeerinfo-dialled")[0].clone();
    silent.as_object_mut().unwrap().remove("synced_headers");
    let silent: Peer = serde_json::from_value(silent).unwrap();
    assert_eq!(silent.synced_headers, -1);
}

#[test]
fn a_peer_that_has_not_introduced_itself_is_not_usable() {
    let peers: Vec<Peer> = serde_json::from_value(result("getpeerinfo-handshaking")).unwrap();
    let usable: Vec<bool> = peers.iter().map(Peer::is_usable).collect();
    assert_eq!(usable, [true, false]);
    assert_eq!(peers[1].addr, "127.0.7.9:18444");
    assert_eq!(peers[1].subver, "");
}

#[test]
fn a_node_says_its_version_and_who_it_is() {
    let info: NetworkInfo = serde_json::from_value(result("getnetworkinfo")).unwrap();
    assert_eq!(info.version, 290403);
    assert_eq!(
        info.subversion,
        "/Satoshi:29.4.3(1f2e3d4c.my-network-sts-0)/Knots:20260508/"
    );
    assert!(info.network_active);
    assert_eq!(info.connections, 1);
}
