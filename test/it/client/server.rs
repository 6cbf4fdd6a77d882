//! A server that answers as it is told to, byte by byte, and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bitcoin_controller::client::{Client, Config};
use bitcoin_controller::http::{BoxStream, Endpoint, MemoryNetwork};
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// What happens after the bytes of a reply.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Then {
    /// The next request on the same connection.
    GoOn,
    /// The connection is closed.
    Close,
    /// Nothing, for ever.
    Hang,
}

/// The reply to one request.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    bytes: Vec<u8>,
    then: Then,
    pace: Option<Duration>,
}

impl Reply {
    pub(crate) fn raw(bytes: impl Into<Vec<u8>>, then: Then) -> Self {
        let bytes = bytes.into();
        Reply {
            bytes,
            then,
            pace: None,
        }
    }

    /// Sends [`SIP`] bytes, waits for `pace`, and so on.
    pub(crate) fn with_pace(mut self, pace: Duration) -> Self {
        self.pace = Some(pace);
        self
    }

    pub(crate) fn new(code: u16, headers: &str, body: &str) -> Self {
        let length = body.len();
        let head = format!("HTTP/1.1 {code} X\r\ncontent-length: {length}\r\n{headers}\r\n");
        Reply::raw(head + body, Then::GoOn)
    }

    /// A compressed answer.
    pub(crate) fn gzip(code: u16, body: &[u8]) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        std::io::Write::write_all(&mut encoder, body).unwrap();
        let body = encoder.finish().unwrap();
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {code} X\r\ncontent-encoding: gzip\r\ncontent-length: {length}\r\n\r\n"
        );
        Reply::raw([head.into_bytes(), body].concat(), Then::GoOn)
    }

    pub(crate) fn ok(body: &str) -> Self {
        Reply::new(200, "content-type: application/json\r\n", body)
    }

    /// A body that comes in these pieces, and ends well if `then` is to go on.
    pub(crate) fn chunked<B: AsRef<[u8]>>(pieces: impl IntoIterator<Item = B>, then: Then) -> Self {
        let mut bytes = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        for piece in pieces {
            let piece = piece.as_ref();
            if !piece.is_empty() {
                bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
                bytes.extend_from_slice(piece);
                bytes.extend_from_slice(b"\r\n");
            }
        }
        if then == Then::GoOn {
            bytes.extend_from_slice(b"0\r\n\r\n");
        }
        Reply::raw(bytes, then)
    }
}

/// One request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    pub(crate) at: tokio::time::Instant,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(known, _)| known == name)?;
        Some(&found.1)
    }
}

#[derive(Default)]
struct State {
    replies: VecDeque<Reply>,
    seen: Vec<Seen>,
    /// Of each TLS connection: the name asked for, and how many certificates were shown.
    greetings: Vec<(Option<String>, usize)>,
    /// Of each TLS connection: the certificate shown; empty if there was none.
    certificates: Vec<Vec<u8>>,
}

/// Replies in the order given; a request beyond them is not answered.
pub(crate) struct Server {
    pub(crate) network: MemoryNetwork,
    state: Arc<Mutex<State>>,
    _tasks: JoinSet<()>,
}

impl Server {
    pub(crate) fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        Server::start_at(Endpoint::new("api", 80), None, replies)
    }

    pub(crate) fn start_at(
        endpoint: Endpoint,
        tls: Option<TlsAcceptor>,
        replies: impl IntoIterator<Item = Reply>,
    ) -> Self {
        let network = MemoryNetwork::default();
        let mut listener = network.listen(endpoint).unwrap();
        let state = Arc::new(Mutex::new(State {
            replies: replies.into_iter().collect(),
            ..State::default()
        }));
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&state);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (tls, state) = (tls.clone(), Arc::clone(&shared));
                connections.spawn(async move {
                    match tls {
                        None => serve(stream, &state).await,
                        // A client that does not trust us goes away in the middle.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                greet(stream.get_ref().1, &state);
                                serve(Box::new(stream), &state).await;
                            }
                        }
                    }
                });
            }
        });
        Server {
            network,
            state,
            _tasks: tasks,
        }
    }

    pub(crate) fn client(&self) -> Client {
        self.client_of(Config::plain("http://api").unwrap())
    }

    pub(crate) fn client_of(&self, config: Config) -> Client {
        Client::new(config, Arc::new(self.network.clone())).unwrap()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state.lock().unwrap().seen.clone()
    }

    /// The request lines, in order.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.seen().into_iter().map(|seen| seen.line).collect()
    }

    /// Of each TLS connection: the name asked for, and how many certificates were shown.
    pub(crate) fn greetings(&self) -> Vec<(Option<String>, usize)> {
        self.state.lock().unwrap().greetings.clone()
    }

    /// Of each TLS connection: the certificate shown; empty if there was none.
    pub(crate) fn certificates(&self) -> Vec<Vec<u8>> {
        self.state.lock().unwrap().certificates.clone()
    }

    /// How long after the first request each of the others came.
    pub(crate) fn times(&self) -> Vec<Duration> {
        let seen = self.seen();
        let since = |later: &Seen| later.at.duration_since(seen[0].at);
        seen.iter().skip(1).map(since).collect()
    }
}

fn greet(connection: &rustls::ServerConnection, state: &Mutex<State>) {
    let name = connection.server_name().map(str::to_owned);
    let certificates = connection.peer_certificates().unwrap_or_default();
    let first = certificates.first().map(|first| first.to_vec());
    let mut state = state.lock().unwrap();
    state.greetings.push((name, certificates.len()));
    state.certificates.push(first.unwrap_or_default());
}

async fn serve(mut stream: BoxStream, state: &Mutex<State>) {
    while let Some(seen) = read_request(&mut stream).await {
        let reply = {
            let mut state = state.lock().unwrap();
            state.seen.push(seen);
            state.replies.pop_front()
        };
        let reply = reply.unwrap_or(Reply::raw("", Then::Hang));
        if write(&mut stream, &reply).await.is_err() {
            return;
        }
        match reply.then {
            Then::GoOn => {}
            Then::Close => {
                let _ = stream.shutdown().await;
                return;
            }
            Then::Hang => std::future::pending().await,
        }
    }
}

/// How many bytes come at a time when there is a pace: about one chunk with one byte in it.
const SIP: usize = 6;

async fn write(stream: &mut BoxStream, reply: &Reply) -> std::io::Result<()> {
    let Some(pace) = reply.pace else {
        stream.write_all(&reply.bytes).await?;
        return stream.flush().await;
    };
    for sip in reply.bytes.chunks(SIP) {
        stream.write_all(sip).await?;
        stream.flush().await?;
        tokio::time::sleep(pace).await;
    }
    Ok(())
}

async fn read_request(stream: &mut BoxStream) -> Option<Seen> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.trim_end().lines();
    let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let mut seen = Seen {
        line,
        headers,
        body: String::new(),
        at: tokio::time::Instant::now(),
    };
    let length = seen.header("content-length").unwrap_or("0");
    let mut body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut body).await.ok()?;
    seen.body = String::from_utf8(body).unwrap();
    Some(seen)
}
