//! What bitcoind is started with: arguments only, since images differ in everything else.
//!
//! # Invariants
//! - The arguments are the same for every node: `$(POD_NAME)` and `$(POD_IP)` are filled in by the kubelet.
//! - No password: nodes get salted `-rpcauth` lines.
//! - What a user adds has been held to [`extra_args`](super::extra_args), and comes last.

use crate::api::BitcoinNetwork;
use crate::controller::desired::{
    P2P_PORT, RPC_PORT, Startup, ZMQ_BLOCK_PORT, ZMQ_TX_PORT, identity,
};

/// Options that every Bitcoin Core from 22 to 31 knows. What is not said here is left at regtest's
/// defaults.
pub(super) fn arguments(network: &BitcoinNetwork, startup: &Startup) -> Vec<String> {
    let mut arguments: Vec<String> = [
        "-regtest",
        "-server",
        "-rest",
        "-listen=1",
        "-txindex=1",
        "-fallbackfee=0.0002",
        // Loopback is where port-forwards and bitcoin-cli arrive. One address of each is named: a
        // wildcard for each family makes the node exit.
        "-rpcbind=127.0.0.1",
        "-rpcbind=$(POD_IP)",
        "-rpcallowip=0.0.0.0/0",
        "-rpcallowip=::/0",
        // Nobody outside is to be looked for: a name lookup would even delay the end of the process.
        "-dnsseed=0",
        "-fixedseeds=0",
        "-natpmp=0",
        "-listenonion=0",
        // Regtest's own 125, and one for each node there can be: the centre of the largest star
        // has room, and the template need not know the shape.
        "-maxconnections=1125",
        "-dbcache=100",
        "-maxmempool=100",
        "-printtoconsole=1",
    ]
    .map(str::to_owned)
    .to_vec();
    arguments.push(format!("-rpcport={RPC_PORT}"));
    arguments.push(format!("-port={P2P_PORT}"));
    // No brackets are needed around an IPv6 address here: the port is what follows the last colon.
    // On loopback, too: that is where a port-forward arrives.
    for address in ["$(POD_IP)", "127.0.0.1"] {
        arguments.push(format!("-zmqpubrawblock=tcp://{address}:{ZMQ_BLOCK_PORT}"));
        arguments.push(format!("-zmqpubrawtx=tcp://{address}:{ZMQ_TX_PORT}"));
    }
    arguments.push(format!("-uacomment={}.$(POD_NAME)", identity(network)));
    arguments.extend(
        startup
            .rpcauth
            .iter()
            .map(|line| format!("-rpcauth={line}")),
    );
    // Last, because of an option given twice the last one counts.
    arguments.extend(startup.node.arguments.iter().cloned());
    arguments
}
