//! Containers that do as the test says: they run, hear or do not hear, answer or do not answer.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bitcoin_controller::http::{BoxFuture, BoxStream, Endpoint, Transport};
use bitcoin_controller::sim::bitcoind::Exit;
use bitcoin_controller::sim::runtime::{Container, NodeRuntime, Process};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// All containers of a node, past and present. Clones are the same.
#[derive(Clone, Default)]
pub(super) struct Containers(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    manners: BTreeMap<String, Manners>,
    runs: Vec<Run>,
    volumes: BTreeSet<String>,
    answering: JoinSet<()>,
}

/// How the containers of a pod behave.
#[derive(Clone, Default)]
pub(super) struct Manners {
    /// There is nothing to execute.
    pub(super) cannot_start: bool,
    /// They end with this code as soon as they run.
    pub(super) crash: Option<i32>,
    /// They do not hear when they are asked to end.
    pub(super) is_deaf: bool,
    /// How long they take to end when asked.
    pub(super) ends_after: Duration,
    /// Paths at which they do not answer well.
    pub(super) sick: BTreeSet<&'static str>,
}

/// One run of a container.
#[derive(Clone)]
pub(super) struct Run {
    pub(super) container: Container,
    pub(super) started: Instant,
    pub(super) terminated: Option<Instant>,
    pub(super) ended: Option<(Instant, Exit)>,
    changed: Arc<Notify>,
}

impl Containers {
    pub(super) fn behave(&self, pod: &str, change: impl FnOnce(&mut Manners)) {
        change(self.lock().manners.entry(pod.to_owned()).or_default());
    }

    /// The runs of a pod's container, oldest first.
    pub(super) fn runs(&self, pod: &str) -> Vec<Run> {
        let runs = self.lock().runs.clone();
        let is_its = |run: &Run| run.container.pod == pod;
        runs.into_iter().filter(is_its).collect()
    }

    pub(super) fn last_run(&self, pod: &str) -> Run {
        self.runs(pod).pop().unwrap()
    }

    pub(super) fn n_running(&self) -> usize {
        let state = self.lock();
        state.runs.iter().filter(|run| run.ended.is_none()).count()
    }

    /// Lets a pod's container end by itself.
    pub(super) fn exit(&self, pod: &str, code: i32) {
        let is_its = |run: &Run| run.container.pod == pod && run.ended.is_none();
        let index = self.lock().runs.iter().rposition(is_its).unwrap();
        self.end(index, code);
    }

    pub(super) fn has_volume(&self, pod_uid: &str) -> bool {
        self.lock().volumes.contains(pod_uid)
    }

    fn end(&self, index: usize, code: i32) {
        let run = &mut self.lock().runs[index];
        let message = String::new();
        run.ended
            .get_or_insert((Instant::now(), Exit { code, message }));
        run.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl NodeRuntime for Containers {
    fn start(&self, container: Container) -> BoxFuture<'_, io::Result<Box<dyn Process>>> {
        Box::pin(async move {
            let mut state = self.lock();
            let manners = state.manners.get(&container.pod).cloned();
            let manners = manners.unwrap_or_default();
            if manners.cannot_start {
                return Err(io::Error::new(
                    io::ErrorKind::NotFound,
                    "nothing to execute",
                ));
            }
            state.volumes.insert(container.volume.clone());
            state.runs.push(Run {
                container,
                started: Instant::now(),
                terminated: None,
                ended: None,
                changed: Arc::default(),
            });
            let index = state.runs.len() - 1;
            drop(state);
            if let Some(code) = manners.crash {
                self.end(index, code);
            }
            let containers = self.clone();
            Ok(Box::new(Puppet { containers, index }) as Box<dyn Process>)
        })
    }

    fn remove_volume(&self, volume: &str) {
        let mut state = self.lock();
        let is_its = |run: &&Run| run.container.volume == volume;
        let mut runs = state.runs.iter().filter(is_its);
        assert!(runs.all(|run| run.ended.is_some()), "a volume in use goes");
        state.volumes.remove(volume);
    }

    fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(self.clone())
    }

    fn loopback_of(&self, address: &str, port: u16) -> Endpoint {
        Endpoint::new(address, port)
    }
}

/// One run, as the kubelet holds it.
struct Puppet {
    containers: Containers,
    index: usize,
}

impl Process for Puppet {
    fn wait(&mut self) -> BoxFuture<'_, Exit> {
        Box::pin(async {
            loop {
                let run = self.containers.lock().runs[self.index].clone();
                if let Some((_, exit)) = run.ended {
                    return exit;
                }
                let manners = self
                    .containers
                    .lock()
                    .manners
                    .get(&run.container.pod)
                    .cloned();
                let manners = manners.unwrap_or_default();
                let heard = run.terminated.filter(|_| !manners.is_deaf);
                match heard {
                    Some(at) => {
                        sleep_until(at + manners.ends_after).await;
                        self.containers.end(self.index, 0);
                    }
                    None => run.changed.notified().await,
                }
            }
        })
    }

    fn terminate(&mut self) {
        let run = &mut self.containers.lock().runs[self.index];
        run.terminated.get_or_insert(Instant::now());
        run.changed.notify_one();
    }

    fn kill(&mut self) {
        self.containers.end(self.index, 137);
    }
}

impl Drop for Puppet {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Transport for Containers {
    fn connect<'a>(&'a self, endpoint: &'a Endpoint) -> BoxFuture<'a, io::Result<BoxStream>> {
        Box::pin(async move {
            let mut state = self.lock();
            let address = format!("{endpoint}");
            let is_there = |run: &&Run| {
                run.ended.is_none() && address.starts_with(&format!("{}:", run.container.address))
            };
            let Some(run) = state.runs.iter().find(is_there) else {
                return Err(io::ErrorKind::ConnectionRefused.into());
            };
            let manners = state.manners.get(&run.container.pod).cloned();
            let (ours, theirs) = tokio::io::duplex(4096);
            state
                .answering
                .spawn(answer(theirs, manners.unwrap_or_default()));
            Ok(Box::new(ours) as BoxStream)
        })
    }
}

async fn answer(mut stream: DuplexStream, manners: Manners) {
    let mut request = vec![0; 4096];
    let n = stream.read(&mut request).await.unwrap_or(0);
    let request = String::from_utf8_lossy(&request[..n]).into_owned();
    let path = request.split(' ').nth(1).unwrap_or_default();
    let status = match manners.sick.contains(path) {
        true => "503 Service Unavailable",
        false => "200 OK",
    };
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    // Who asked may have gone by now.
    let _ = stream.write_all(answer.as_bytes()).await;
}
