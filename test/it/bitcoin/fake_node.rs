//! A node that says what it is told to say: recorded bytes of a real one, or nothing.

use std::sync::{Arc, Mutex};

use bitcoin_controller::bitcoin::{Credentials, RestClient, RpcClient};
use bitcoin_controller::http::{BoxStream, Endpoint, MemoryNetwork, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

/// What it does with a request.
#[derive(Clone)]
pub(crate) enum Step {
    /// Sends these bytes and waits for the next request on the same connection.
    Answer(Vec<u8>),
    /// Sends these bytes and closes the connection.
    AnswerAndClose(Vec<u8>),
    /// Sends these bytes, then nothing, and keeps the connection open.
    AnswerAndHang(Vec<u8>),
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    /// The number of its connection, from 0.
    pub(crate) connection: usize,
    /// The request line and the headers.
    pub(crate) head: String,
    pub(crate) body: String,
}

pub(crate) struct FakeNode {
    network: MemoryNetwork,
    arrived: Arc<Mutex<Vec<Arrived>>>,
    /// Ends with the test.
    _tasks: JoinSet<()>,
}

impl FakeNode {
    /// Takes the steps in turn, and the last one for ever.
    pub(crate) fn new(steps: Vec<Step>) -> Self {
        let network = MemoryNetwork::default();
        let mut listener = network.listen(endpoint()).unwrap();
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&arrived);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(serve(stream, connection, steps.clone(), Arc::clone(&log)));
            }
        });
        FakeNode {
            network,
            arrived,
            _tasks: tasks,
        }
    }

    /// Always gives the recorded answer `name`.
    pub(crate) fn recorded(name: &str) -> Self {
        FakeNode::new(vec![Step::Answer(recorded(name))])
    }

    pub(crate) fn rpc(&self) -> RpcClient {
        RpcClient::new(Arc::new(self.network.clone()), endpoint(), &credentials())
    }

    pub(crate) fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(self.network.clone())
    }

    pub(crate) fn rest(&self) -> RestClient {
        RestClient::new(Arc::new(self.network.clone()), endpoint())
    }

    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: BoxStream,
    connection: usize,
    steps: Vec<Step>,
    log: Arc<Mutex<Vec<Arrived>>>,
) {
    while let Some((head, body)) = read_request(&mut stream).await {
        let step = {
            let mut log = log.lock().unwrap();
            log.push(Arrived {
                connection,
                head,
                body,
            });
            steps[(log.len() - 1).min(steps.len() - 1)].clone()
        };
        let (Step::Answer(bytes) | Step::AnswerAndClose(bytes) | Step::AnswerAndHang(bytes)) =
            &step;
        if stream.write_all(bytes).await.is_err() {
            return;
        }
        match step {
            Step::Answer(_) => {}
            Step::AnswerAndClose(_) => return,
            Step::AnswerAndHang(_) => std::future::pending().await,
        }
    }
}

async fn read_request(stream: &mut BoxStream) -> Option<(String, String)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    Some((head, String::from_utf8(body).unwrap()))
}

pub(crate) fn endpoint() -> Endpoint {
    Endpoint::new("10.0.0.7", 18443)
}

pub(crate) const PASSWORD: &str = "correct-horse";

pub(crate) fn credentials() -> Credentials {
    Credentials::new("alice", PASSWORD).unwrap()
}

/// The bytes a real bitcoind sent; see test/fixtures/bitcoind/README.md.
pub(crate) fn recorded(name: &str) -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/test/fixtures/bitcoind");
    std::fs::read(format!("{folder}/{name}.http")).unwrap()
}

/// The body of a recorded answer.
pub(crate) fn recorded_body(name: &str) -> serde_json::Value {
    let bytes = recorded(name);
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    serde_json::from_slice(&bytes[head.unwrap() + 4..]).unwrap()
}

/// An answer made up for the occasion.
pub(crate) fn http(status: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
