//! `bitcoin-controller connect`: all an application needs to use a network, and ports that lead there.
//!
//! Outside the cluster it takes four ports of this machine, prints an application's configuration for them,
//! and holds them open until Ctrl-C. With `--in-cluster` it prints the same for a pod, with DNS names, and ends.
//!
//! # Invariants
//! - The password is printed because it is asked for: on standard output, with the rest of the configuration.
//!   With `--cookie-file` it goes into a file that only its owner can read, and the configuration names the file.
//! - What was printed stays true while the ports are held: they lead to the node, whichever pod it is in.
//!
//! # Example
//! ```text
//! $ bitcoin-controller connect my-network --format lnd.conf > lnd.conf &
//! $ lnd --configfile lnd.conf
//! ```

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api::BitcoinNetwork;
use crate::base::Report;
use crate::bitcoin::Credentials;
use crate::cli::configuration::{Configuration, Format, Password, write_cookie};
use crate::cli::forward::Forward;
use crate::cli::network::{self, Network};
use crate::controller::desired::connection::{self, PORTS};
use crate::controller::desired::{self, P2P_PORT, RPC_PORT, ZMQ_BLOCK_PORT, ZMQ_TX_PORT};

#[derive(Debug, Args)]
pub(super) struct Flags {
    /// The network
    network: String,

    /// The node to use, by its ordinal [default: the one with the wallet, else 0]
    #[arg(long, value_name = "ORDINAL", value_parser = clap::value_parser!(i32).range(0..1_000))]
    node: Option<i32>,

    /// What is printed
    #[arg(long, value_enum, default_value = "env")]
    format: FormatFlag,

    /// Print the names that pods use and end, instead of holding ports open
    #[arg(long, conflicts_with_all = ["rpc_port", "p2p_port", "zmq_block_port", "zmq_tx_port"])]
    in_cluster: bool,

    /// Write user and password into this file, as bitcoind's .cookie, instead of printing the password
    #[arg(long, value_name = "FILE")]
    cookie_file: Option<PathBuf>,

    /// The port of this machine for JSON-RPC [default: any that is free]
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 0,
        hide_default_value = true
    )]
    rpc_port: u16,

    /// The port of this machine for the peer-to-peer protocol [default: any that is free]
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 0,
        hide_default_value = true
    )]
    p2p_port: u16,

    /// The port of this machine for blocks by ZMQ [default: any that is free]
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 0,
        hide_default_value = true
    )]
    zmq_block_port: u16,

    /// The port of this machine for transactions by ZMQ [default: any that is free]
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 0,
        hide_default_value = true
    )]
    zmq_tx_port: u16,

    #[command(flatten)]
    place: network::NetworkFlags,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FormatFlag {
    /// Variables for a shell
    Env,
    /// For bitcoin-cli and whoever else reads a bitcoin.conf
    #[value(name = "bitcoin.conf")]
    BitcoinConf,
    /// For LND
    #[value(name = "lnd.conf")]
    LndConf,
    /// For electrs: its configuration file
    Electrs,
    /// For programs
    Json,
}

impl From<FormatFlag> for Format {
    fn from(flag: FormatFlag) -> Self {
        match flag {
            FormatFlag::Env => Format::Env,
            FormatFlag::BitcoinConf => Format::BitcoinConf,
            FormatFlag::LndConf => Format::LndConf,
            FormatFlag::Electrs => Format::Electrs,
            FormatFlag::Json => Format::Json,
        }
    }
}

/// Prints, and holds the ports open until `shutdown`.
pub(super) async fn run(flags: Flags, shutdown: CancellationToken) -> Result<(), Report> {
    let network = flags.place.network(&flags.network)?;
    let found = network.read().await?;
    let ordinal = node_of(&found, flags.node)?;
    let credentials = network.credentials().await?;
    let forwards = match flags.in_cluster {
        true => None,
        false => Some(bind(&flags).await?),
    };
    let addresses = match &forwards {
        None => names(&network, ordinal),
        Some(forwards) => forwards.each_ref().map(Forward::address),
    };
    let configuration = configuration(&found, ordinal, addresses, &credentials, &flags)?;
    super::print(&configuration.render(flags.format.into())?)?;
    if flags.cookie_file.is_none() {
        eprintln!(
            "the password is in the lines above: who has it can spend all money of the network"
        );
    }
    if let Some(forwards) = forwards {
        let pod = desired::pod_key(&network.key, ordinal);
        for (forward, (name, port)) in forwards.iter().zip(PORTS) {
            eprintln!("{}: {name} (port {port}) of `{pod}`", forward.address());
        }
        eprintln!("until Ctrl-C");
        hold(forwards, &network, ordinal, shutdown).await;
    }
    Ok(())
}

/// The node that is meant; one that may come, and is not there yet, is fine.
fn node_of(network: &BitcoinNetwork, asked: Option<i32>) -> Result<i32, Report> {
    let spec = network.spec.valid();
    let with_wallet = spec.and_then(|spec| spec.wallet.as_ref());
    let ordinal = asked.unwrap_or(with_wallet.map_or(0, |wallet| wallet.ordinal));
    let n_nodes = spec.map_or(0, |spec| spec.nodes);
    if ordinal >= n_nodes {
        let message =
            format!("there is no node {ordinal}: the network has {n_nodes}, counted from 0");
        return Err(Report::new(message));
    }
    Ok(ordinal)
}

async fn bind(flags: &Flags) -> Result<[Forward; 4], Report> {
    let one = async |name, flag: u16, remote| {
        let bound = Forward::bind(name, flag, remote).await;
        bound.map_err(|error| {
            Report::new(format!("port {flag} of this machine, for {name}: {error}"))
        })
    };
    Ok([
        one("rpc", flags.rpc_port, RPC_PORT).await?,
        one("p2p", flags.p2p_port, P2P_PORT).await?,
        one("zmq-block", flags.zmq_block_port, ZMQ_BLOCK_PORT).await?,
        one("zmq-tx", flags.zmq_tx_port, ZMQ_TX_PORT).await?,
    ])
}

fn names(network: &Network, ordinal: i32) -> [String; 4] {
    let host = connection::node_host(&network.key, ordinal);
    PORTS.map(|(_, port)| format!("{host}:{port}"))
}

fn configuration(
    network: &BitcoinNetwork,
    ordinal: i32,
    [rpc, p2p, zmq_block, zmq_tx]: [String; 4],
    credentials: &Credentials,
    flags: &Flags,
) -> Result<Configuration, Report> {
    let spec = network.spec.valid();
    let wallet = spec.and_then(|spec| spec.wallet.as_ref());
    let password = match &flags.cookie_file {
        None => Password::Text(credentials.password().to_owned()),
        Some(path) => {
            write_cookie(path, credentials)?;
            Password::CookieFile(std::path::absolute(path)?)
        }
    };
    Ok(Configuration {
        rpc,
        p2p,
        zmq_block,
        zmq_tx,
        user: credentials.user().to_owned(),
        password,
        wallet: wallet
            .filter(|wallet| wallet.ordinal == ordinal)
            .map(|_| desired::WALLET_NAME.to_owned()),
    })
}

async fn hold(
    forwards: [Forward; 4],
    network: &Network,
    ordinal: i32,
    shutdown: CancellationToken,
) {
    let pod = desired::pod_key(&network.key, ordinal);
    let mut serving = JoinSet::new();
    for forward in forwards {
        let tell = |line: &str| eprintln!("{line}");
        serving.spawn(forward.serve(network.client.clone(), pod.clone(), tell));
    }
    shutdown.cancelled().await;
}
