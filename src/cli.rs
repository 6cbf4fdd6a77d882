//! Flags and subcommands: what a person types, turned into options and run.
//!
//! Without a subcommand the controller runs, in the cluster it finds itself in or in the one a
//! kubeconfig names. `demo` brings a cluster and tells a story. Help texts are the documentation of the flags.
//!
//! # Invariants
//! - A flag that is wrong is refused before anything starts, with a text that names it.
//! - Errors are printed as a chain of causes, one a line, and make the exit code 1.

pub mod configuration;
mod connect;
mod difficulty;
pub mod forward;
pub mod fund;
mod mine;
pub mod network;
mod rpc_flags;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::api::crd::custom_resource_definition;
use crate::api::{is_dns_label, is_dns_subdomain};
use crate::base::{Report, yaml};
#[cfg(feature = "demo")]
use crate::demo;
use crate::run;

/// Turns BitcoinNetwork resources into ready, connected Bitcoin test networks on Kubernetes.
///
/// Without a subcommand the controller runs: inside a cluster with the pod's service account, or
/// anywhere with a kubeconfig. Stop it with Ctrl-C or SIGTERM; a second signal aborts.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    run: RunFlags,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the controller (as without a subcommand)
    Run(RunFlags),
    /// Show what it does: a pretend cluster, the controller, and the story of one network
    ///
    /// Needs nothing: API server, StatefulSets and nodes are pretended in this process, and kubectl works
    /// against them. If there is a bitcoind, the nodes are real ones. With --kubeconfig or --context the
    /// story is told on a real cluster, and its network is deleted afterwards.
    #[cfg(feature = "demo")]
    Demo(DemoFlags),
    /// Print the CustomResourceDefinition, ready for `kubectl apply --filename -`
    Crd,
    /// Say how hard a block is to find: its target, its difficulty, how many hashes it takes
    Difficulty(difficulty::Flags),
    /// Mine blocks on a node, without its own miner: template, coinbase, proof of work
    ///
    /// The node says what the next block must be like (getblocktemplate), this program makes it on all cores, and
    /// the node judges it (submitblock). Works on regtest and other test chains, not on signets. Ctrl-C stops it.
    Mine(mine::Flags),
    /// Pay from the wallet of a network
    ///
    /// Waits until the network is ready, pays once, and prints the transaction's id. Needs the rights to read the
    /// network and its Secret and, outside the cluster, to pods/portforward.
    Fund(fund::Flags),
    /// Print how an application connects to a network, and hold ports to it open
    ///
    /// Takes ports of this machine that lead to one node, prints the configuration for them, and carries
    /// connections until Ctrl-C. Needs the same rights as `fund`.
    Connect(connect::Flags),
}

#[derive(Debug, Args)]
struct RunFlags {
    /// The kubeconfig file [default: $KUBECONFIG, else in a cluster the service account, else ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// The context of the kubeconfig [default: its current one]
    #[arg(long, value_name = "NAME")]
    context: Option<String>,

    /// Look after networks in this namespace only; may be given more than once [default: all]
    #[arg(long, value_name = "NAMESPACE", value_parser = namespace)]
    namespace: Vec<String>,

    /// How many networks are worked on at the same time
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    workers: u16,

    /// How the nodes' RPC is reached [default: direct with a pod's service account, port-forward with a kubeconfig]
    #[arg(long, value_enum)]
    reach: Option<Reach>,

    /// Let nodes of networks without a Secret also accept user/password, which everybody knows
    #[arg(long)]
    insecure_default_credentials: bool,

    /// Hold a Lease before doing anything, so that of several controllers one works and the others wait
    #[arg(long)]
    leader_elect: bool,

    /// The Lease's name; controllers that look after different namespaces need different ones
    #[arg(long, value_name = "NAME", value_parser = object_name, default_value = run::COMPONENT, requires = "leader_elect")]
    leader_election_id: String,

    /// The Lease's namespace [default: in a cluster the pod's own, else the context's]
    #[arg(long, value_name = "NAMESPACE", value_parser = namespace, requires = "leader_elect")]
    leader_election_namespace: Option<String>,

    /// For how many seconds the others let the Lease alone after it was renewed last
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 15,
        requires = "leader_elect"
    )]
    leader_election_lease_duration: u16,

    /// After how many seconds without a renewal the leader gives up; less than the lease's duration
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 10,
        requires = "leader_elect"
    )]
    leader_election_renew_deadline: u16,

    /// How many seconds are between two attempts; less than the deadline by a fifth at least
    #[arg(
        long,
        value_name = "SECONDS",
        default_value_t = 2,
        requires = "leader_elect"
    )]
    leader_election_retry_period: u16,

    /// Serve /healthz, /readyz, /metrics and /debug here, over HTTP; :8080 is all addresses [default: do not]
    #[arg(long, value_name = "[HOST]:PORT")]
    listen: Option<run::ListenAddress>,

    #[command(flatten)]
    log: LogFlags,
}

impl RunFlags {
    fn leader_election(&self) -> Option<run::LeaderElection> {
        let seconds = |number| Duration::from_secs(u64::from(number));
        self.leader_elect.then(|| run::LeaderElection {
            id: self.leader_election_id.clone(),
            namespace: self.leader_election_namespace.clone(),
            lease_duration: seconds(self.leader_election_lease_duration),
            renew_deadline: seconds(self.leader_election_renew_deadline),
            retry_period: seconds(self.leader_election_retry_period),
        })
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Reach {
    /// Connect to the pods' addresses; needs to be inside the pod network
    Direct,
    /// Through the API server; needs the right to pods/portforward
    PortForward,
}

#[derive(Debug, Args)]
struct LogFlags {
    /// The form of the log, which goes to standard error
    #[arg(long, value_enum, default_value = "text")]
    log_format: LogFormat,

    /// What is logged: error, warn, info, debug, trace, or directives such as info,bitcoin_controller::cache=debug
    #[arg(long, value_name = "FILTER", env = "RUST_LOG", default_value = "info")]
    log: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    /// One line for people
    Text,
    /// One JSON object a line
    Json,
}

#[cfg(feature = "demo")]
#[derive(Debug, Args)]
struct DemoFlags {
    /// Tell the story on the cluster of this kubeconfig file
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,

    /// Tell the story on the cluster of this context of the kubeconfig
    #[arg(long, value_name = "NAME")]
    context: Option<String>,

    /// Where the pretend cluster's kubeconfig is written [default: a temporary file]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["kubeconfig", "context"])]
    write_kubeconfig: Option<PathBuf>,

    /// Run nodes of the pretend cluster with this bitcoind [default: bitcoind on the PATH, if there is one]
    #[arg(long, value_name = "PATH", conflicts_with_all = ["kubeconfig", "context"])]
    bitcoind: Option<PathBuf>,

    /// Pretend the nodes, too, whatever is on the PATH
    #[arg(long, conflicts_with_all = ["kubeconfig", "context", "bitcoind"])]
    simulate: bool,

    /// Leave when the story is told; exit code 0 only if every step came true
    #[arg(long)]
    exit: bool,

    /// The form of the log, which goes to standard error
    #[arg(long, value_enum, default_value = "text")]
    log_format: LogFormat,

    /// What is logged beside the story
    #[arg(long, value_name = "FILTER", env = "RUST_LOG", default_value = "error")]
    log: String,
}

/// Reads the command line, does what it says, and reports how that went.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = match cli.command {
        None => run_controller(cli.run),
        Some(Command::Run(flags)) => run_controller(flags),
        #[cfg(feature = "demo")]
        Some(Command::Demo(flags)) => run_demo(flags),
        Some(Command::Crd) => print_crd(),
        Some(Command::Fund(flags)) => run_fund(flags),
        Some(Command::Connect(flags)) => run_connect(flags),
        Some(Command::Difficulty(flags)) => print_difficulty(&flags),
        Some(Command::Mine(flags)) => mine(flags),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What is no name for an object would be asked for in vain, for ever.
fn object_name(text: &str) -> Result<String, &'static str> {
    let rule = "a name has lower-case letters, digits, hyphens and dots, and begins and ends with none of the last two";
    is_dns_subdomain(text).then(|| text.to_owned()).ok_or(rule)
}

fn namespace(text: &str) -> Result<String, &'static str> {
    let rule =
        "a namespace has up to 63 lower-case letters, digits and hyphens, these only in between";
    is_dns_label(text).then(|| text.to_owned()).ok_or(rule)
}

fn run_controller(flags: RunFlags) -> Result<(), Report> {
    start_log(&flags.log)?;
    let options = run::Options {
        leader_election: flags.leader_election(),
        listen: flags.listen,
        kubeconfig: flags.kubeconfig,
        context: flags.context,
        namespaces: flags.namespace,
        workers: usize::from(flags.workers),
        reach: flags.reach.map(|reach| match reach {
            Reach::Direct => run::ReachBy::Address,
            Reach::PortForward => run::ReachBy::PortForward,
        }),
        insecure_default_credentials: flags.insecure_default_credentials,
    };
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(run::until_signalled(async |shutdown| {
        run::run(options, shutdown).await
    }))?;
    Ok(())
}

#[cfg(feature = "demo")]
fn run_demo(flags: DemoFlags) -> Result<(), Report> {
    start_log(&LogFlags {
        log_format: flags.log_format,
        log: flags.log,
    })?;
    let place = match (flags.kubeconfig, flags.context) {
        (None, None) => demo::Place::Playground(demo::playground::Options {
            write_kubeconfig: flags.write_kubeconfig,
            nodes: match flags.bitcoind {
                Some(path) => demo::playground::Nodes::Real(path),
                None if flags.simulate => demo::playground::Nodes::Simulated,
                None => demo::playground::Nodes::RealIfThere,
            },
        }),
        (kubeconfig, context) => demo::Place::Cluster {
            kubeconfig,
            context,
        },
    };
    let options = demo::Options {
        place,
        exit: flags.exit,
    };
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(run::until_signalled(async |shutdown| {
        demo::run(options, shutdown).await
    }))?;
    Ok(())
}

fn run_fund(flags: fund::Flags) -> Result<(), Report> {
    let runtime = tokio::runtime::Runtime::new()?;
    let txid = runtime.block_on(fund::run(flags))?;
    print(&format!("{txid}\n"))
}

fn run_connect(flags: connect::Flags) -> Result<(), Report> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(run::until_signalled(async |shutdown| {
        connect::run(flags, shutdown).await
    }))
}

fn print_crd() -> Result<(), Report> {
    print(&yaml::to_string(&custom_resource_definition())?)
}

fn print_difficulty(flags: &difficulty::Flags) -> Result<(), Report> {
    let (text, outcome) = difficulty::explain(flags);
    print(&text)?;
    outcome
}

fn mine(flags: mine::Flags) -> Result<(), Report> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(run::until_signalled(async |shutdown| {
        mine::run(flags, shutdown).await
    }))
}

/// An amount for people.
fn btc(amount: crate::bitcoin::Amount) -> String {
    format!(
        "{} BTC",
        amount.to_string_in(rust_bitcoin::Denomination::Bitcoin)
    )
}

fn print(text: &str) -> Result<(), Report> {
    use std::io::Write;
    match std::io::stdout().write_all(text.as_bytes()) {
        // Whoever reads has read enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        outcome => Ok(outcome?),
    }
}

fn start_log(flags: &LogFlags) -> Result<(), Report> {
    use tracing_subscriber::filter::LevelFilter;
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::util::SubscriberInitExt;

    let filter: tracing_subscriber::filter::Targets = flags
        .log
        .parse()
        .map_err(|error| Report::new(format!("--log `{}` is not a filter: {error}", flags.log)))?;
    let log = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(std::io::stderr);
    match flags.log_format {
        LogFormat::Text => {
            let is_terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
            log.with_ansi(is_terminal).finish().with(filter).init();
        }
        LogFormat::Json => log.json().finish().with(filter).init(),
    }
    Ok(())
}
