//! Goal: what we pass is what a release knows, by its own manual, and what we refuse is spelt as it spells it.

use std::collections::BTreeSet;

use bitcoin_controller::bitcoin::Credentials;
use bitcoin_controller::controller::desired::extra_args::refusal;
use bitcoin_controller::controller::desired::{NodeSpec, Startup, stateful_set};
use serde_json::json;

use super::build::network;

/// The names in the manual of Bitcoin Core 29.1, and the one we need that is for developers.
fn known() -> BTreeSet<&'static str> {
    let manual = include_str!("../../fixtures/bitcoind/options-core-29.1.txt");
    let lines = manual.lines().filter(|line| !line.starts_with('#'));
    lines
        .flat_map(str::split_whitespace)
        .chain(["regtest"])
        .collect()
}

#[test]
fn every_argument_is_in_the_manual() {
    let spec = json!({"nodes": 1, "relay": "Fast", "storage": {"size": "1Gi"}});
    let network = network(spec);
    let own = Credentials::new("bitcoin-controller", "secret").unwrap();
    let node = NodeSpec::read(network.spec.valid().unwrap()).unwrap();
    let startup = Startup::new("bitcoin:29".to_owned(), node, &own, Some(&own));
    let set = stateful_set(&network, 1, &startup);
    let arguments = set["spec"]["template"]["spec"]["containers"][0]["args"]
        .as_array()
        .unwrap();
    assert!(arguments.len() > 20);
    for argument in arguments {
        let argument = argument.as_str().unwrap();
        let name = argument.strip_prefix('-').unwrap();
        let name = name.split('=').next().unwrap();
        assert!(known().contains(name), "{argument}");
    }
}

/// A new option that reaches into what is ours would be seen here when a new manual is recorded.
#[test]
fn of_the_options_in_the_manual_these_are_refused() {
    let refused = known().into_iter();
    let refused: Vec<&str> = refused
        .filter(|name| refusal(&format!("-{name}=1000")).is_some())
        .collect();
    let wanted = "addnode bind blocksdir chain conf connect daemon daemonwait datadir dnsseed fixedseeds forcednsseed \
        help includeconf listen listenonion natpmp networkactive pid port printtoconsole prune regtest rest rpcallowip \
        rpcauth rpcbind rpccookiefile rpccookieperms rpcpassword rpcport rpcuser rpcwhitelist rpcwhitelistdefault \
        seednode server settings signet signetchallenge signetseednode testnet testnet4 txindex uacomment version \
        walletdir whitebind zmqpubrawblock zmqpubrawtx";
    assert_eq!(refused, wanted.split_whitespace().collect::<Vec<_>>());
}
