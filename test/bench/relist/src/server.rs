//! An API server that knows pods, lists, and watches: as little of one as the measurement needs.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use serde_json::json;

pub struct Server {
    pub url: String,
    state: Arc<State>,
}

struct State {
    n_pods: u64,
    /// The version, and how many times the watches have been lost.
    now: Mutex<Now>,
    lost: Condvar,
}

#[derive(Clone, Copy)]
struct Now {
    version: u64,
    n_changed: u64,
    n_lost: u64,
}

/// The version of every pod that has not changed.
const FIRST: u64 = 1_000;

impl Server {
    pub fn start(n_pods: u64) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("http://{}", listener.local_addr()?);
        let now = Now {
            version: FIRST,
            n_changed: 0,
            n_lost: 0,
        };
        let state = Arc::new(State {
            n_pods,
            now: Mutex::new(now),
            lost: Condvar::new(),
        });
        let shared = state.clone();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let state = shared.clone();
                // A client that hangs up ends it.
                thread::spawn(move || serve(&state, connection));
            }
        });
        Ok(Server { url, state })
    }

    /// Changes the first `n` pods. Returns the version.
    pub fn change(&self, n: u64) -> u64 {
        let mut now = self.state.now.lock().unwrap();
        now.n_changed = n;
        now.version += 1;
        now.version
    }

    /// Ends all watches with an error.
    pub fn lose_watches(&self) {
        self.state.now.lock().unwrap().n_lost += 1;
        self.state.lost.notify_all();
    }

    pub fn pod_size(&self) -> usize {
        pod(0, FIRST).len()
    }
}

fn serve(state: &State, mut connection: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(connection.try_clone()?);
    loop {
        let mut request = String::new();
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
        let mut header = String::new();
        while reader.read_line(&mut header)? > 2 {
            header.clear();
        }
        connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")?;
        match request.contains("watch=true") {
            true => watch(
                state,
                &mut connection,
                request.contains("sendInitialEvents=true"),
            )?,
            false => list(state, &mut connection)?,
        }
        connection.write_all(b"0\r\n\r\n")?;
    }
}

fn list(state: &State, connection: &mut TcpStream) -> io::Result<()> {
    let now = *state.now.lock().unwrap();
    let version = now.version;
    let head =
        format!(r#"{{"kind":"PodList","metadata":{{"resourceVersion":"{version}"}},"items":["#);
    send(connection, &head)?;
    for number in 0..state.n_pods {
        let comma = if number == 0 { "" } else { "," };
        send(connection, &format!("{comma}{}", now.pod(number)))?;
    }
    send(connection, "]}")
}

fn watch(state: &State, connection: &mut TcpStream, with_initial_events: bool) -> io::Result<()> {
    let now = *state.now.lock().unwrap();
    if with_initial_events {
        for number in 0..state.n_pods {
            send(
                connection,
                &format!("{{\"type\":\"ADDED\",\"object\":{}}}\n", now.pod(number)),
            )?;
        }
        let end = json!({"type": "BOOKMARK", "object": {"kind": "Pod", "metadata": {
            "resourceVersion": now.version.to_string(),
            "annotations": {"k8s.io/initial-events-end": "true"},
        }}});
        send(connection, &format!("{end}\n"))?;
    }
    let is_running = |then: &mut Now| then.n_lost == now.n_lost;
    drop(
        state
            .lost
            .wait_while(state.now.lock().unwrap(), is_running)
            .unwrap(),
    );
    let error = json!({"type": "ERROR", "object": {"kind": "Status", "status": "Failure", "code": 500, "reason": "InternalError"}});
    send(connection, &format!("{error}\n"))
}

fn send(connection: &mut TcpStream, text: &str) -> io::Result<()> {
    write!(connection, "{:x}\r\n{text}\r\n", text.len())
}

impl Now {
    fn pod(&self, number: u64) -> String {
        let is_changed = number < self.n_changed;
        pod(number, if is_changed { self.version } else { FIRST })
    }
}

/// A pod as a StatefulSet makes it, without what no cache should ask for.
fn pod(number: u64, version: u64) -> String {
    let condition = |kind: &str| json!({"type": kind, "status": "True", "lastProbeTime": null, "lastTransitionTime": "2026-01-01T00:00:00Z"});
    let name = format!("network-{}-sts-{}", number / 10, number % 10);
    json!({
        "metadata": {
            "name": name,
            "namespace": format!("team-{}", number % 50),
            "uid": format!("{:08x}-1111-2222-3333-{:012x}", number, number),
            "resourceVersion": version.to_string(),
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"app": "bitcoin-network", "network": format!("network-{}", number / 10), "statefulset.kubernetes.io/pod-name": name, "controller-revision-hash": "network-7d9c4b5f6"},
            "ownerReferences": [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": format!("network-{}-sts", number / 10), "uid": format!("{:08x}-4444-5555-6666-777777777777", number / 10), "controller": true, "blockOwnerDeletion": true}],
        },
        "spec": {"nodeName": format!("node-{}", number % 100), "restartPolicy": "Always", "containers": [{"name": "bitcoind", "image": "docker.io/bitcoin/bitcoin:31.0"}]},
        "status": {
            "phase": "Running",
            "podIP": format!("10.{}.{}.{}", number >> 16, (number >> 8) & 255, number & 255),
            "conditions": [condition("PodScheduled"), condition("Initialized"), condition("ContainersReady"), condition("Ready")],
            "containerStatuses": [{"name": "bitcoind", "ready": true, "restartCount": 0, "image": "docker.io/bitcoin/bitcoin:31.0", "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}, "lastState": {}}],
        },
    })
    .to_string()
}
