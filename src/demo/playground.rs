//! A pretend cluster for the demo, and the kubeconfig that leads to it.
//!
//! It listens on loopback, on a port that is free, and answers only those who have read the
//! kubeconfig: the server's address in it has a random path, and nobody but its owner may read the file. Its nodes are
//! simulated, or real bitcoind processes with a loopback address each.
//!
//! # Invariants
//! - A file that is not a kubeconfig of an earlier demo is never overwritten.
//! - When [`Playground::run`] has ended, no process and no file of it is left.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::base::{Clock, Random, yaml};
use crate::http::Listener;
use crate::sim::bitcoind::{PeerNetwork, PodNetwork};
use crate::sim::cluster::ClusterOptions;
use crate::sim::process::Processes;
use crate::sim::runtime::{NodeRuntime, SimulatedNodes};
use crate::sim::{Store, World};

/// How the pretend cluster is made.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where its kubeconfig is written; `None`: to a temporary file.
    pub write_kubeconfig: Option<PathBuf>,
    /// What runs in its pods.
    pub nodes: Nodes,
}

/// What runs in the pods.
#[derive(Clone, Debug)]
pub enum Nodes {
    /// Pretend nodes, in this process.
    Simulated,
    /// Processes of this bitcoind.
    Real(PathBuf),
    /// Processes of the bitcoind on the PATH, or pretend nodes if there is none.
    RealIfThere,
}

/// Why the pretend cluster could not be made.
#[derive(Debug)]
pub enum Error {
    /// There is no bitcoind there.
    Bitcoind(PathBuf, io::Error),
    /// The kubeconfig could not be written.
    Kubeconfig(PathBuf, io::Error),
    /// No port of the loopback interface could be had.
    Listen(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Bitcoind(path, _) => write!(f, "cannot run nodes with `{}`", path.display()),
            Error::Kubeconfig(path, _) => {
                write!(f, "cannot write the kubeconfig `{}`", path.display())
            }
            Error::Listen(_) => f.write_str("cannot listen on the loopback interface"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Bitcoind(_, error) | Error::Kubeconfig(_, error) | Error::Listen(error) => {
                Some(error)
            }
        }
    }
}

/// A pretend cluster that listens already.
pub struct Playground {
    world: World,
    listener: TcpListener,
    server: SocketAddr,
    kubeconfig: OwnFile,
    bitcoind: Option<PathBuf>,
}

impl Playground {
    /// Makes the cluster and writes its kubeconfig.
    ///
    /// # Errors
    /// See [`Error`]; nothing is left behind then.
    ///
    /// # Cancel safety
    /// Nothing is left behind.
    pub async fn open(options: Options) -> Result<Self, Error> {
        let (clock, random) = (Clock::system(), Random::os());
        let (nodes, bitcoind) = nodes(options.nodes, &clock).await?;
        let cluster = match bitcoind {
            // Two demos at the same time are in different networks.
            Some(_) => ClusterOptions {
                first_pod_address: Ipv4Addr::new(127, 16 + random_byte(&random, 200), 0, 2),
                ..ClusterOptions::default()
            },
            None => ClusterOptions::default(),
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(Error::Listen)?;
        let server = listener.local_addr().map_err(Error::Listen)?;
        let secret = format!("{:016x}{:016x}", random.next_u64(), random.next_u64());
        let world = World::new(Store::new(clock, random.fork("store")), nodes, cluster);
        Ok(Playground {
            world: world.below(&secret),
            listener,
            server,
            kubeconfig: OwnFile::write(
                options.write_kubeconfig,
                &random,
                &kubeconfig(server, &secret),
            )?,
            bitcoind,
        })
    }

    /// The file that leads kubectl here.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig.0
    }

    /// One line about what there is.
    pub fn description(&self) -> String {
        let nodes = match &self.bitcoind {
            Some(path) => format!("real nodes ({})", path.display()),
            None => "simulated nodes".to_owned(),
        };
        format!(
            "a pretend cluster with {nodes} listens on {}; kubeconfig: {}",
            self.server,
            self.kubeconfig.0.display()
        )
    }

    /// Serves until `shutdown` is cancelled, then ends every node.
    ///
    /// # Cancel safety
    /// Dropping the future kills the nodes.
    pub async fn run(self, shutdown: CancellationToken) {
        self.world.run(Listener::Tcp(self.listener), shutdown).await;
    }
}

async fn nodes(
    nodes: Nodes,
    clock: &Clock,
) -> Result<(Arc<dyn NodeRuntime>, Option<PathBuf>), Error> {
    let real = match nodes {
        Nodes::Simulated => None,
        Nodes::Real(path) => {
            let processes = Processes::new(path.clone()).await;
            Some((
                processes.map_err(|error| Error::Bitcoind(path.clone(), error))?,
                path,
            ))
        }
        Nodes::RealIfThere => {
            let path = PathBuf::from("bitcoind");
            Processes::new(path.clone())
                .await
                .ok()
                .map(|processes| (processes, path))
        }
    };
    Ok(match real {
        Some((processes, path)) => (Arc::new(processes), Some(path)),
        None => {
            let pods = PodNetwork::in_memory(PeerNetwork::new(clock.clone()));
            (Arc::new(SimulatedNodes::new(pods, clock.clone())), None)
        }
    })
}

fn random_byte(random: &Random, bound: u8) -> u8 {
    u8::try_from(random.below(u64::from(bound))).unwrap_or_default()
}

/// The name of everything in the kubeconfig: by it an old one is known.
const NAME: &str = "bitcoin-controller-demo";

fn kubeconfig(server: SocketAddr, secret: &str) -> String {
    let kubeconfig = json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": NAME,
        "clusters": [{"name": NAME, "cluster": {"server": format!("http://{server}/{secret}")}}],
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "namespace": "default"}}],
    });
    yaml::to_string(&kubeconfig).expect("a small value of texts is YAML")
}

/// Whether a kubeconfig leads to demos only.
fn is_of_a_demo(text: &str) -> bool {
    let kubeconfig: Value = yaml::from_str(text).unwrap_or_default();
    let are_ours = |list: &str| {
        let entries = kubeconfig[list].as_array();
        entries.is_some_and(|entries| entries.iter().all(|entry| entry["name"] == NAME))
    };
    are_ours("clusters") && are_ours("contexts") && kubeconfig["users"].is_null()
}

/// A file that goes when its owner goes.
struct OwnFile(PathBuf);

impl OwnFile {
    /// Writes `text` where nobody else can read it.
    fn write(path: Option<PathBuf>, random: &Random, text: &str) -> Result<Self, Error> {
        let path = path.unwrap_or_else(|| {
            std::env::temp_dir().join(format!("{NAME}-{:016x}.yaml", random.next_u64()))
        });
        let written = OwnFile::try_write(&path, text);
        written.map_err(|error| Error::Kubeconfig(path.clone(), error))?;
        Ok(OwnFile(path))
    }

    fn try_write(path: &Path, text: &str) -> io::Result<()> {
        // Reading from a pipe waits for whoever writes, and no signal would end that.
        if fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "it is no file",
            ));
        }
        match fs::read_to_string(path) {
            Ok(old) if is_of_a_demo(&old) => fs::remove_file(path)?,
            Ok(_) => {
                let message = "it exists, and an earlier demo has not written it";
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut options = fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(text.as_bytes())
    }
}

impl Drop for OwnFile {
    fn drop(&mut self) {
        // It leads nowhere now; if it cannot be removed, that is all the harm.
        let _ = fs::remove_file(&self.0);
    }
}
