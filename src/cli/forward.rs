//! Ports of this machine that lead to a node: each connection to one goes through the API server to the pod.
//!
//! A forward is not tied to a pod's life. Each connection looks the pod up by its name, so when the pod is
//! replaced the connections that were open end, as those to any server that is restarted, and new ones reach the
//! new pod; while there is none they wait a little.
//!
//! ```text
//!   application ──> 127.0.0.1:PORT ──> API server ──WebSocket──> kubelet ──> the pod's own loopback
//! ```
//!
//! # Invariants
//! - Only this machine can connect: the listeners are on the loopback address.
//! - At most `AT_ONCE` connections are open on each port; further ones wait.
//! - Dropping the future ends them all.
//!
//! # Rights
//! `create` (and on older servers `get`) on `pods/portforward`.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::api::ObjectKey;
use crate::client::{Client, Error};

/// How many connections of one port are open at the same time.
const AT_ONCE: usize = 256;

/// How long a connection waits for a pod that is being replaced.
const PATIENCE: Duration = Duration::from_secs(15);

/// How often it is tried meanwhile.
const TRY_EVERY: Duration = Duration::from_millis(500);

/// One port of this machine, bound, and the port of the pod it leads to.
#[derive(Debug)]
pub struct Forward {
    listener: TcpListener,
    name: &'static str,
    local: u16,
    remote: u16,
}

impl Forward {
    /// Takes `local` on the loopback address, or a free port if it is 0.
    ///
    /// # Errors
    /// The port is taken.
    ///
    /// # Cancel safety
    /// Nothing stays bound.
    pub async fn bind(name: &'static str, local: u16, remote: u16) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", local)).await?;
        let local = listener.local_addr()?.port();
        Ok(Forward {
            listener,
            name,
            local,
            remote,
        })
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.local)
    }

    /// Serves connections to `pod` for ever; `tell` hears of those that fail.
    pub async fn serve(self, client: Client, pod: ObjectKey, tell: impl Fn(&str)) {
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let mut connections = JoinSet::new();
        loop {
            let permit = Arc::clone(&permits).acquire_owned();
            tokio::select! {
                biased;
                Some(ended) = connections.join_next() => {
                    if let Ok(Err(error)) = ended {
                        let error: Error = error;
                        tell(&format!("{}: {error}", self.name));
                    }
                }
                accepted = accept(&self.listener, permit) => match accepted {
                    Ok((stream, permit)) => {
                        let (client, pod, remote) = (client.clone(), pod.clone(), self.remote);
                        connections.spawn(async move {
                            let _permit = permit;
                            carry(stream, &client, &pod, remote).await
                        });
                    }
                    Err(error) => {
                        tell(&format!("{}: {error}", self.name));
                        sleep(TRY_EVERY).await;
                    }
                },
            }
        }
    }
}

/// Waits for room and then for a connection.
async fn accept<P, E>(
    listener: &TcpListener,
    permit: impl Future<Output = Result<P, E>>,
) -> io::Result<(TcpStream, Option<P>)> {
    let permit = permit.await.ok();
    let (stream, _) = listener.accept().await?;
    Ok((stream, permit))
}

/// Carries bytes until one side has had enough. How a connection ends is the business of its two ends; only one
/// that cannot be made is an error.
async fn carry(
    mut stream: TcpStream,
    client: &Client,
    pod: &ObjectKey,
    port: u16,
) -> Result<(), Error> {
    let deadline = Instant::now() + PATIENCE;
    let mut far = loop {
        match client.port_forward(pod, port).await {
            Ok(far) => break far,
            Err(error) if error.is_forbidden() || error.is_unauthorized() => return Err(error),
            Err(error) if Instant::now() >= deadline => return Err(error),
            Err(_) => sleep(TRY_EVERY).await,
        }
    };
    // As said above: an application sees for itself that the connection has ended.
    let _ = copy_bidirectional(&mut stream, &mut far).await;
    Ok(())
}
