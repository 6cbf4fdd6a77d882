//! What runs inside pods: the one thing that differs between a pretend and a real node.
//!
//! The kubelet knows pods, probes, restarts and grace periods. Of a container it wants four things:
//! start it, tell it to end, kill it, and say how it ended. That is [`NodeRuntime`] and [`Process`].
//! [`SimulatedNodes`] gives them a node that is a future in this process;
//! [`process`](crate::sim::process) gives them a real bitcoind on a loopback address.
//!
//! ```text
//!                             ┌─ SimulatedNodes ── sim::bitcoind, in memory
//!   kubelet ── NodeRuntime ───┤
//!                             └─ Processes ─────── /usr/bin/bitcoind on 127.x.y.z
//! ```
//!
//! # Invariants
//! - A [`Process`] that is dropped is killed; nothing of it runs on.
//! - What a container left on its volume is there at the next start on that volume, and gone after
//!   [`NodeRuntime::remove_volume`].
//!
//! # Example
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
//! use bitcoin_controller::base::Clock;
//! use bitcoin_controller::sim::bitcoind::{PeerNetwork, PodNetwork};
//! use bitcoin_controller::sim::runtime::{Container, NodeRuntime, SimulatedNodes};
//!
//! let clock = Clock::system();
//! let pods = PodNetwork::in_memory(PeerNetwork::new(clock.clone()));
//! let nodes = SimulatedNodes::new(pods, clock);
//! let mut process = nodes.start(Container {
//!     namespace: "default".to_owned(),
//!     pod: "alpha-sts-0".to_owned(),
//!     volume: "1b2c".to_owned(),
//!     address: "10.244.0.5".to_owned(),
//!     image: "localhost/bitcoind".to_owned(),
//!     command: vec!["bitcoind".to_owned(), "-regtest".to_owned()],
//!     env: Vec::new(),
//! }).await?;
//! process.terminate();
//! assert_eq!(process.wait().await.code, 0);
//! # Ok::<(), std::io::Error>(())
//! # })?;
//! # Ok::<(), std::io::Error>(())
//! ```

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::base::Clock;
use crate::http::{BoxFuture, Endpoint, Transport};
use crate::sim::bitcoind::{self, Disk, Exit, PodNetwork, Setup};

/// A container as the kubelet hands it over: every variable expanded.
#[derive(Clone, Debug)]
pub struct Container {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
    /// What its data is kept under: the UID of the pod, or of the claim whose volume the pod mounts.
    pub volume: String,
    /// The pod's address.
    pub address: String,
    /// The image, as the pod names it.
    pub image: String,
    /// `command` and `args`, one after the other.
    pub command: Vec<String>,
    /// The environment, by name.
    pub env: Vec<(String, String)>,
}

/// Starts containers.
pub trait NodeRuntime: Send + Sync + 'static {
    /// Starts a container; it may end at once.
    ///
    /// # Errors
    /// There is nothing to execute: a wrong command, a binary that is not there.
    ///
    /// # Cancel safety
    /// What was started is killed.
    fn start(&self, container: Container) -> BoxFuture<'_, io::Result<Box<dyn Process>>>;

    /// Removes what containers left on a volume. None of them runs any more.
    fn remove_volume(&self, volume: &str);

    /// How pods are reached at their addresses.
    fn transport(&self) -> Arc<dyn Transport>;

    /// Where a port of the pod's own loopback interface is reached: the end of a port-forward.
    fn loopback_of(&self, address: &str, port: u16) -> Endpoint;
}

/// A container that runs, or has ended and was not asked yet how. Dropping it kills it.
pub trait Process: Send + 'static {
    /// Waits for the end. After it came, the same answer comes at once.
    ///
    /// # Cancel safety
    /// Safe: the answer is kept.
    fn wait(&mut self) -> BoxFuture<'_, Exit>;

    /// Asks it to end: SIGTERM.
    fn terminate(&mut self);

    /// Ends it: SIGKILL.
    fn kill(&mut self);
}

/// Pretend nodes, in this process.
#[derive(Debug)]
pub struct SimulatedNodes {
    pods: PodNetwork,
    clock: Clock,
    disks: Mutex<BTreeMap<String, Disk>>,
}

impl SimulatedNodes {
    /// Nodes on the given network; `clock` dates their blocks.
    pub fn new(pods: PodNetwork, clock: Clock) -> Self {
        SimulatedNodes {
            pods,
            clock,
            disks: Mutex::default(),
        }
    }

    fn disk(&self, volume: &str) -> Disk {
        let mut disks = self.disks.lock().expect("no holder of the disks panics");
        disks.entry(volume.to_owned()).or_default().clone()
    }
}

impl NodeRuntime for SimulatedNodes {
    fn start(&self, container: Container) -> BoxFuture<'_, io::Result<Box<dyn Process>>> {
        Box::pin(async move {
            let setup = Setup {
                name: format!("{}/{}", container.namespace, container.pod),
                arguments: bitcoind_arguments(&container.command)?.to_vec(),
                disk: self.disk(&container.volume),
                address: container.address,
                image: container.image,
            };
            let (pods, clock) = (self.pods.clone(), self.clock.clone());
            let (terminate, kill) = (CancellationToken::new(), CancellationToken::new());
            let mut task = JoinSet::new();
            let (terminated, killed) = (terminate.clone(), kill.clone());
            task.spawn(async move {
                tokio::select! {
                    biased;
                    () = killed.cancelled() => exit_after_kill(),
                    exit = bitcoind::run(setup, &pods, clock, terminated) => exit,
                }
            });
            let process = SimulatedProcess {
                task,
                terminate,
                kill,
                exit: None,
            };
            Ok(Box::new(process) as Box<dyn Process>)
        })
    }

    fn remove_volume(&self, volume: &str) {
        let mut disks = self.disks.lock().expect("no holder of the disks panics");
        disks.remove(volume);
    }

    fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(self.pods.clone())
    }

    fn loopback_of(&self, address: &str, port: u16) -> Endpoint {
        self.pods.loopback_of(address, port)
    }
}

#[derive(Debug)]
struct SimulatedProcess {
    /// One task; a set, because dropping a set ends what is in it.
    task: JoinSet<Exit>,
    terminate: CancellationToken,
    kill: CancellationToken,
    exit: Option<Exit>,
}

impl Process for SimulatedProcess {
    fn wait(&mut self) -> BoxFuture<'_, Exit> {
        Box::pin(async {
            if let Some(exit) = &self.exit {
                return exit.clone();
            }
            let exit = match self.task.join_next().await {
                Some(Ok(exit)) => exit,
                // A node that panics has crashed, like any other.
                Some(Err(_)) | None => exit_after_kill(),
            };
            self.exit.insert(exit).clone()
        })
    }

    fn terminate(&mut self) {
        self.terminate.cancel();
    }

    fn kill(&mut self) {
        self.kill.cancel();
    }
}

/// How a killed process looks: 128 and the signal's number.
pub(crate) fn exit_after_kill() -> Exit {
    Exit {
        code: 137,
        message: String::new(),
    }
}

/// The arguments after `bitcoind`; nothing but bitcoind can be run here.
///
/// # Errors
/// `NotFound`, with what a container runtime says.
pub(crate) fn bitcoind_arguments(command: &[String]) -> io::Result<&[String]> {
    match command.split_first() {
        Some((program, arguments)) if program.rsplit('/').next() == Some("bitcoind") => {
            Ok(arguments)
        }
        // Without a command the image's own entry point is run with the arguments.
        Some((option, _)) if option.starts_with('-') => Ok(command),
        None => Ok(command),
        Some((program, _)) => {
            let message = format!("exec: \"{program}\": executable file not found in $PATH");
            Err(io::Error::new(io::ErrorKind::NotFound, message))
        }
    }
}
