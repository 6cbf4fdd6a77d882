//! An API server in memory that says what it was given to say: no socket, and as little work as can be.

use std::sync::Arc;

use bitcoin_controller::client::{Client, Config};
use bitcoin_controller::http::{BoxStream, Endpoint, MemoryListener, MemoryNetwork};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// A client, the server it talks to, and the runtime both live in.
pub struct Served {
    pub client: Client,
    pub runtime: Runtime,
    _server: JoinSet<()>,
}

impl Served {
    /// Every request is answered with `answer`, an answer of HTTP from its first byte on.
    pub fn new(answer: Vec<u8>) -> Self {
        let (runtime, network) = (crate::runtime(), MemoryNetwork::default());
        let listener = network.listen(Endpoint::new("api", 80)).unwrap();
        let config = Config::plain("http://api").unwrap();
        let client = Client::new(config, Arc::new(network)).unwrap();
        let mut server = JoinSet::new();
        server.spawn_on(serve(listener, answer.into()), runtime.handle());
        Served {
            client,
            runtime,
            _server: server,
        }
    }
}

async fn serve(mut listener: MemoryListener, answer: Arc<[u8]>) {
    let mut connections = JoinSet::new();
    while let Ok((connection, _)) = listener.accept().await {
        connections.spawn(talk(connection, answer.clone()));
    }
}

/// A connection that ends is no matter here: whoever asks finds out.
async fn talk(mut connection: BoxStream, answer: Arc<[u8]>) {
    let mut head = Vec::new();
    while connection.read_buf(&mut head).await.is_ok_and(|n| n > 0) {
        if head.ends_with(b"\r\n\r\n") {
            head.clear();
            if connection.write_all(&answer).await.is_err() {
                return;
            }
        }
    }
}

/// An answer whose length is known.
pub fn whole(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").into_bytes()
}

/// An answer that never ends: a chunk for each line, as an API server sends events.
pub fn stream(lines: impl IntoIterator<Item = String>) -> Vec<u8> {
    let mut answer =
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
            .to_owned();
    for line in lines {
        answer.push_str(&format!("{:x}\r\n{line}\n\r\n", line.len() + 1));
    }
    answer.into_bytes()
}
