//! The same room against the real thing: processes on loopback addresses.
//!
//! Needs `bitcoind` on PATH, or its path in `BITCOIND`; without it the test says so and passes.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::sync::Arc;
use std::time::Duration;

use bitcoin_controller::base::{Clock, Random};
use bitcoin_controller::bitcoin::credentials::{random_salt, rpcauth_line};
use bitcoin_controller::bitcoin::peers::{Action, Node, Plan, Why, plan};
use bitcoin_controller::bitcoin::{Credentials, Error, Members, RpcClient, Topology};
use bitcoin_controller::http::{Endpoint, Tcp};
use tokio::time::Instant;

const NETWORK: &str = "1f2e3d4c";
const ADDRESS: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

/// Everything here takes milliseconds; this is for a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_real_network_is_linked_kept_apart_and_in_sync() {
    let Some(bitcoind) = find_bitcoind() else {
        // Not `eprintln`: the harness would swallow it.
        let notice = "skipped bitcoin::real_node: no bitcoind on PATH, and BITCOIND is not set";
        writeln!(std::io::stderr(), "\n{notice}").unwrap();
        return;
    };
    let ours: Vec<RealNode> = (0..3)
        .map(|ordinal| RealNode::start(&bitcoind, ordinal, NETWORK))
        .collect();
    let stranger = RealNode::start(&bitcoind, 3, "00000000");
    for node in ours.iter().chain([&stranger]) {
        node.ready().await;
    }

    knows_who_may_ask(&ours[0]).await;
    settle(&ours).await;

    // Somebody doubles a link and lets a stranger in.
    let duty = Topology::Automatic.links(&members());
    let (link, dialler) = duty.into_iter().next().unwrap();
    let (from, to) = (link.other(dialler) as usize, dialler as usize);
    ours[from].rpc.addnode_onetry(&ours[to].p2p).await.unwrap();
    stranger.rpc.addnode_onetry(&ours[0].p2p).await.unwrap();
    let mess: usize = 3 * 2 + 2 + 1;
    let start = Instant::now();
    while introduced(&ours).await < mess {
        pause(start, "nobody introduces himself").await;
    }
    let cuts = settle(&ours).await;
    assert_eq!(cuts, BTreeSet::from([Why::Stranger, Why::Doubled]));
    for node in &ours {
        assert_eq!(node.rpc.get_network_info().await.unwrap().connections, 2);
    }
    assert_eq!(
        stranger.rpc.get_network_info().await.unwrap().connections,
        0
    );

    mines_and_syncs(&ours).await;
    assert_eq!(stranger.rpc.get_blockchain_info().await.unwrap().blocks, 0);
    for node in ours.into_iter().chain([stranger]) {
        node.stop().await;
    }
}

/// A wrong password is told apart, and REST needs none.
async fn knows_who_may_ask(node: &RealNode) {
    let wrong = Credentials::new("controller", "wrong").unwrap();
    let intruder = RpcClient::new(tcp(), node.rpc.endpoint().clone(), &wrong);
    assert!(intruder.uptime().await.unwrap_err().is_unauthorized());
    let seen = intruder.rest().chain_info().await.unwrap();
    assert_eq!(seen, node.rpc.get_blockchain_info().await.unwrap());
    assert_eq!(seen.blocks, 0);
}

/// Passes until all links are there and nothing is left to do; why connections were cut on the way.
async fn settle(nodes: &[RealNode]) -> BTreeSet<Why> {
    let mut cuts = BTreeSet::new();
    let start = Instant::now();
    loop {
        let plan = pass(nodes).await;
        if plan.actions.is_empty() && plan.present == plan.wanted {
            return cuts;
        }
        for action in &plan.actions {
            match action {
                Action::Dial { from, address, .. } => {
                    let rpc = &nodes[*from as usize].rpc;
                    rpc.addnode_onetry(address).await.unwrap();
                }
                Action::Disconnect { node, peer_id, why } => {
                    cuts.insert(*why);
                    let rpc = &nodes[*node as usize].rpc;
                    rpc.disconnect_node(*peer_id).await.unwrap();
                }
            }
        }
        pause(start, &format!("{plan:?}")).await;
    }
}

async fn pass(nodes: &[RealNode]) -> Plan {
    let mut answered = Vec::new();
    for (ordinal, node) in (0..).zip(nodes) {
        answered.push(Node {
            ordinal,
            subversion: node.rpc.get_network_info().await.unwrap().subversion,
            address: node.p2p.clone(),
            progress: (&node.rpc.get_blockchain_info().await.unwrap()).into(),
            peers: node.rpc.get_peer_info().await.unwrap(),
        });
    }
    let now = Clock::system().unix_seconds();
    plan(
        &members(),
        &Topology::Automatic.links(&members()),
        &answered,
        now,
    )
}

/// How many peers the nodes show that have said who they are.
async fn introduced(nodes: &[RealNode]) -> usize {
    let mut usable = 0;
    for node in nodes {
        let peers = node.rpc.get_peer_info().await.unwrap();
        usable += peers.iter().filter(|peer| peer.is_usable()).count();
    }
    usable
}

async fn mines_and_syncs(nodes: &[RealNode]) {
    let miner = &nodes[0].rpc;
    let no = miner.generate_to_address(1, "nobody").await.unwrap_err();
    assert_eq!(no.rpc_code(), Some(-5), "{no}");
    let hashes = miner.generate_to_address(3, ADDRESS).await.unwrap();
    assert_eq!(hashes.len(), 3);
    let start = Instant::now();
    for node in nodes {
        while node.rpc.get_best_block_hash().await.unwrap() != hashes[2] {
            pause(start, "blocks do not arrive").await;
        }
        let seen = node.rpc.rest().chain_info().await.unwrap();
        assert_eq!((seen.blocks, seen.best_block_hash), (3, hashes[2]));
    }
}

fn members() -> Members {
    Members::new(NETWORK, "n-", 3).unwrap()
}

fn tcp() -> Arc<Tcp> {
    Arc::new(Tcp::new(Duration::from_secs(2)))
}

/// Lets a process do something, and gives up when it has had its time.
async fn pause(start: Instant, what: &str) {
    assert!(start.elapsed() < PATIENCE, "{what}");
    tokio::time::sleep(Duration::from_millis(20)).await;
}

/// Loopback addresses other than 127.0.0.1 are there without asking only on Linux.
fn find_bitcoind() -> Option<PathBuf> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    if let Some(given) = std::env::var_os("BITCOIND") {
        return Some(PathBuf::from(given));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join("bitcoind"))
        .find(|program| program.is_file())
}

/// A process that ends with the test, whatever comes of it.
struct RealNode {
    process: Child,
    folder: PathBuf,
    rpc: RpcClient,
    p2p: Endpoint,
}

impl RealNode {
    fn start(bitcoind: &PathBuf, ordinal: u32, network: &str) -> Self {
        let pid = std::process::id();
        let (high, low) = (1 + (pid >> 8) % 250, pid % 256);
        let host = format!("127.{high}.{low}.{}", ordinal + 1);
        let folder = std::env::temp_dir().join(format!("bitcoin-controller-{pid}-{ordinal}"));
        std::fs::create_dir_all(&folder).unwrap();
        let random = Random::os();
        let ours = Credentials::generate("controller", &random).unwrap();
        let rpcauth = rpcauth_line(ours.user(), ours.password(), &random_salt(&random));
        let process = Command::new(bitcoind)
            .args([
                "-regtest",
                "-rest",
                "-rpcallowip=127.0.0.0/8",
                "-listenonion=0",
            ])
            .args([
                "-dnsseed=0",
                "-fixedseeds=0",
                "-discover=0",
                "-printtoconsole=0",
            ])
            .arg(format!("-datadir={}", folder.display()))
            .arg(format!("-bind={host}:18444"))
            .arg(format!("-rpcbind={host}:18443"))
            .arg(format!("-rpcauth={rpcauth}"))
            .arg(format!("-uacomment={network}.n-{ordinal}"))
            .spawn()
            .unwrap();
        RealNode {
            process,
            folder,
            rpc: RpcClient::new(tcp(), Endpoint::new(host.clone(), 18443), &ours),
            p2p: Endpoint::new(host, 18444),
        }
    }

    /// Until then it refuses connections or says that it is starting, and nothing else.
    async fn ready(&self) {
        let start = Instant::now();
        while let Err(error) = self.rpc.uptime().await {
            assert!(error.is_unreachable() || error.is_warming_up(), "{error:?}");
            pause(start, "it does not become ready").await;
        }
    }

    async fn stop(mut self) {
        self.rpc.stop().await.unwrap();
        let start = Instant::now();
        let gone = |error: &Error| error.is_unreachable();
        while !self.rpc.uptime().await.as_ref().is_err_and(gone) {
            pause(start, "it still answers").await;
        }
        while self.process.try_wait().unwrap().is_none() {
            pause(start, "it does not end").await;
        }
        assert!(self.process.wait().unwrap().success());
    }
}

impl Drop for RealNode {
    fn drop(&mut self) {
        // Both fail if it has ended already; there is nobody to tell.
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
