//! Real nodes without containers: bitcoind processes, one loopback address each.
//!
//! A pod's address is one of this machine's `127.0.0.0/8`, so any number of nodes use the ports they
//! would use in a cluster. The pod's command line is run as it is, but for what a container would
//! have changed for it: the data directory is a temporary one, the peer-to-peer port is bound to the
//! pod's address, and the pod's own loopback interface does not exist.
//!
//! # Invariants
//! - Whatever ends this program, its nodes end too: dropping kills them, and where `setpriv` is
//!   found (Linux) the kernel kills them even if this program is itself killed.
//! - Ctrl-C reaches this program alone, which ends its nodes in order: they are in process groups of
//!   their own.
//! - The working directory is gone when the [`Processes`] are dropped.
//!
//! # Example
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use bitcoin_controller::sim::process::Processes;
//! let nodes = Processes::new("/usr/bin/bitcoind".into()).await?;
//! # Ok(())
//! # }
//! ```
//!
//! # What differs
//! An inbound peer shows as `127.0.0.1` with some port, not as the other pod's address, and RPC is
//! allowed from everywhere on this machine: both are facts of loopback.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, Command};

use crate::base::Random;
use crate::http::{BoxFuture, Endpoint, Tcp, Transport};
use crate::sim::bitcoind::Exit;
use crate::sim::runtime::{Container, NodeRuntime, Process, bitcoind_arguments, exit_after_kill};

/// Starts bitcoind processes.
#[derive(Debug)]
pub struct Processes {
    bitcoind: PathBuf,
    directory: PathBuf,
    /// `setpriv` is there: the kernel may be asked to end nodes with us.
    has_setpriv: bool,
}

impl Processes {
    /// Nodes that run the program `bitcoind`, in a new temporary directory.
    ///
    /// # Errors
    /// The program does not run, or the directory cannot be made.
    ///
    /// # Cancel safety
    /// Nothing is left behind but, at worst, an empty directory.
    pub async fn new(bitcoind: PathBuf) -> io::Result<Self> {
        if !runs(&bitcoind, "-version").await {
            let message = format!("`{}` does not run", bitcoind.display());
            return Err(io::Error::new(io::ErrorKind::NotFound, message));
        }
        let name = format!("bitcoin-controller-{:016x}", Random::os().next_u64());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir(&directory)?;
        Ok(Processes {
            bitcoind,
            directory,
            has_setpriv: runs(Path::new("setpriv"), "--version").await,
        })
    }

    fn data_directory(&self, volume: &str) -> PathBuf {
        self.directory.join(volume)
    }

    fn command(&self, container: &Container) -> io::Result<Command> {
        let data = self.data_directory(&container.volume);
        std::fs::create_dir_all(&data)?;
        let mut command = match self.has_setpriv {
            true => {
                let mut command = Command::new("setpriv");
                command.args(["--pdeathsig", "KILL"]).arg(&self.bitcoind);
                command
            }
            false => Command::new(&self.bitcoind),
        };
        let arguments = bitcoind_arguments(&container.command)?;
        command
            .args(adapted(arguments, &container.address))
            .arg(format!("-datadir={}", data.display()))
            .envs(container.env.iter().cloned())
            .env("HOME", &data)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        Ok(command)
    }
}

async fn runs(program: &Path, flag: &str) -> bool {
    let mut command = Command::new(program);
    command.arg(flag).stdin(Stdio::null()).kill_on_drop(true);
    command
        .output()
        .await
        .is_ok_and(|output| output.status.success())
}

impl Drop for Processes {
    fn drop(&mut self) {
        // What is left in the temporary directory is the machine's to clear; nobody can be told here.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

impl NodeRuntime for Processes {
    fn start(&self, container: Container) -> BoxFuture<'_, io::Result<Box<dyn Process>>> {
        Box::pin(async move {
            let mut child = self.command(&container)?.spawn()?;
            let errors = child.stderr.take();
            Ok(Box::new(RealProcess {
                child,
                errors,
                exit: None,
            }) as Box<dyn Process>)
        })
    }

    fn remove_volume(&self, volume: &str) {
        // Nothing there is nothing to do; anything else goes with the whole directory.
        let _ = std::fs::remove_dir_all(self.data_directory(volume));
    }

    fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(Tcp::new(CONNECT_TIMEOUT))
    }

    fn loopback_of(&self, address: &str, port: u16) -> Endpoint {
        Endpoint::new(address, port)
    }
}

/// What the container's sandbox would have done to the command line.
fn adapted(arguments: &[String], address: &str) -> Vec<String> {
    let port = value_of(arguments, "port").unwrap_or("18444");
    let mut adapted: Vec<String> = arguments
        .iter()
        .filter_map(|argument| {
            let (name, value) = argument.split_once('=').unwrap_or((argument, ""));
            match name.trim_start_matches('-') {
                "datadir" | "bind" | "printtoconsole" | "daemon" => None,
                "rpcbind" if ["127.0.0.1", "::1", "[::1]", "localhost"].contains(&value) => None,
                // All nodes share one loopback interface here, and each has its own address on it.
                name if name.starts_with("zmqpub") && value.starts_with("tcp://127.0.0.1:") => None,
                "rpcbind" if ["0.0.0.0", "::", "[::]"].contains(&value) => {
                    Some(format!("-rpcbind={address}"))
                }
                _ => Some(argument.clone()),
            }
        })
        .collect();
    adapted.push(format!("-bind={address}:{port}"));
    adapted.extend(SANDBOX.map(str::to_owned));
    adapted
}

fn value_of<'a>(arguments: &'a [String], name: &str) -> Option<&'a str> {
    let mut values = arguments.iter().filter_map(|argument| {
        let (given, value) = argument.split_once('=')?;
        (given.trim_start_matches('-') == name).then_some(value)
    });
    values.next_back()
}

/// Nothing may look for the world outside, and all output but errors goes to the debug log.
const SANDBOX: [&str; 6] = [
    "-listenonion=0",
    "-natpmp=0",
    "-dnsseed=0",
    "-fixedseeds=0",
    "-discover=0",
    "-printtoconsole=0",
];

#[derive(Debug)]
struct RealProcess {
    child: Child,
    errors: Option<ChildStderr>,
    exit: Option<Exit>,
}

impl Process for RealProcess {
    fn wait(&mut self) -> BoxFuture<'_, Exit> {
        Box::pin(async {
            if let Some(exit) = &self.exit {
                return exit.clone();
            }
            let status = self.child.wait().await;
            // After the end, so that a caller who gives up waiting loses no half of the message.
            let message = match self.errors.take() {
                Some(errors) => last_words(errors).await,
                None => String::new(),
            };
            let code = status.map_or(None, exit_code);
            let exit = match code {
                Some(code) => Exit { code, message },
                None => exit_after_kill(),
            };
            self.exit.insert(exit).clone()
        })
    }

    fn terminate(&mut self) {
        // The number is ours until the child has been waited for. The shell is the one program that
        // is certainly there and sends signals.
        if let Some(id) = self.child.id() {
            let mut kill = std::process::Command::new("sh");
            kill.args(["-c", "kill -TERM \"$1\"", "sh", &id.to_string()]);
            // It has ended already: that is what was wanted.
            let _ = kill.stderr(Stdio::null()).status();
        }
    }

    fn kill(&mut self) {
        // It fails only if the process has ended.
        let _ = self.child.start_kill();
    }
}

fn exit_code(status: ExitStatus) -> Option<i32> {
    status.code()
}

/// What the process wrote to stderr: a pipe holds it, and what comes first says what went wrong.
async fn last_words(errors: ChildStderr) -> String {
    let mut bytes = Vec::new();
    let mut bounded = errors.take(LONGEST_MESSAGE_BYTES);
    // Whatever was read before a failure is the message.
    let _ = tokio::time::timeout(MESSAGE_TIMEOUT, bounded.read_to_end(&mut bytes)).await;
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

/// A terminated container's message has at most this many bytes in Kubernetes, too.
const LONGEST_MESSAGE_BYTES: u64 = 4_096;

/// The writer is gone; only an inherited pipe could keep the reader.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(1);

/// A machine's own sockets answer at once or not at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
