//! What clients can and cannot do to the server. In memory, with time paused.

use std::time::Duration;

use bitcoin_controller::http::{BoxStream, Endpoint, Listener, MemoryNetwork, Transport};
use bitcoin_controller::serve::server::{
    CONNECTION_DEADLINE, HEAD_DEADLINE, LAST_ANSWERS, MOST_CONNECTIONS,
};
use bitcoin_controller::serve::{Answer, Pages, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

const SECOND: Duration = Duration::from_secs(1);

struct Running {
    network: MemoryNetwork,
    shutdown: CancellationToken,
    server: JoinSet<()>,
}

/// More than a pipe holds.
const LARGE: usize = 1 << 20;

impl Running {
    fn start() -> Running {
        let network = MemoryNetwork::default();
        let listener = Listener::Memory(network.listen(endpoint()).unwrap());
        let pages = Pages::default()
            .with("/hello", |query| {
                Answer::text(200, format!("hello {query}"))
            })
            .with("/large", |_| Answer::text(200, "x".repeat(LARGE)))
            .with("/broken", |_| panic!("this page is broken"));
        let (shutdown, mut server) = (CancellationToken::new(), JoinSet::new());
        server.spawn(serve(listener, pages, shutdown.clone()));
        Running {
            network,
            shutdown,
            server,
        }
    }

    async fn connect(&self) -> BoxStream {
        self.network.connect(&endpoint()).await.unwrap()
    }

    /// All that comes back for `request`, until the server closes the connection.
    async fn ask(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_bytes()).await.unwrap();
        rest(&mut stream).await
    }
}

fn endpoint() -> Endpoint {
    Endpoint::new("controller", 8080)
}

async fn rest(stream: &mut BoxStream) -> String {
    let mut bytes = Vec::new();
    // A connection that is cut short has said what it has said.
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8(bytes).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_connection_carries_one_answer() {
    let running = Running::start();
    let twice = "GET /hello?you HTTP/1.1\r\nHost: a\r\n\r\n".repeat(2);
    let said = running.ask(&twice).await;
    let (head, body) = said.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "hello you");
    let head = head.to_lowercase();
    for line in [
        "http/1.1 200 ok",
        "content-type: text/plain; charset=utf-8",
        "cache-control: no-store",
        "x-content-type-options: nosniff",
        "connection: close",
        "content-length: 9",
    ] {
        assert!(head.contains(line), "{line} is not in {head}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_is_the_answer_without_its_body_and_nothing_is_written() {
    let running = Running::start();
    let said = running.ask("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(
        said.starts_with("HTTP/1.1 200") && said.ends_with("\r\n\r\n"),
        "{said}"
    );
    assert!(said.to_lowercase().contains("content-length: 6"), "{said}");
    let post = "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
    let said = running.ask(post).await;
    assert!(said.starts_with("HTTP/1.1 405"), "{said}");
    assert!(
        said.to_lowercase().contains("\r\nallow: get, head\r\n"),
        "{said}"
    );
    let said = running
        .ask("GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    assert!(said.starts_with("HTTP/1.1 404"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn who_says_nothing_or_too_little_is_cut_off() {
    let running = Running::start();
    for beginning in ["", "GET /hello HTTP/1.1\r\nHost:"] {
        let started = Instant::now();
        let said = running.ask(beginning).await;
        assert!(!said.contains("200"), "{said}");
        assert_eq!(started.elapsed().as_secs(), HEAD_DEADLINE.as_secs());
    }
}

#[tokio::test(start_paused = true)]
async fn a_head_without_end_is_cut_off_before_it_costs_memory() {
    let running = Running::start();
    let mut stream = running.connect().await;
    let line = format!("X-More: {}\r\n", "x".repeat(1_000));
    let endless = async {
        stream.write_all(b"GET /hello HTTP/1.1\r\n").await?;
        for _ in 0..10_000 {
            stream.write_all(line.as_bytes()).await?;
        }
        Ok::<_, std::io::Error>(())
    };
    assert!(endless.await.is_err(), "ten megabytes were read");
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_is_cut_off() {
    let running = Running::start();
    let mut stream = running.connect().await;
    let request = b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n";
    stream.write_all(request).await.unwrap();
    tokio::time::sleep(CONNECTION_DEADLINE + SECOND).await;
    let said = rest(&mut stream).await;
    assert!(
        said.len() < LARGE,
        "the pipe holds less, and the rest never came"
    );
    let whole = running.ask("GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(whole.len() > LARGE, "who reads gets all of it");
}

#[tokio::test(start_paused = true)]
async fn a_crowd_that_says_nothing_delays_others_and_no_more() {
    let running = Running::start();
    let mut crowd = Vec::new();
    for _ in 0..MOST_CONNECTIONS {
        crowd.push(running.connect().await);
    }
    let started = Instant::now();
    let said = running.ask("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    assert_eq!(started.elapsed().as_secs(), HEAD_DEADLINE.as_secs());
}

#[tokio::test(start_paused = true)]
async fn a_page_that_panics_costs_its_own_connection_only() {
    let running = Running::start();
    assert_eq!(
        running.ask("GET /broken HTTP/1.1\r\nHost: a\r\n\r\n").await,
        ""
    );
    let said = running.ask("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_waits_a_moment_for_answers_in_hand_and_leaves_nobody() {
    let mut running = Running::start();
    let mut silent = running.connect().await;
    let mut slow = running.connect().await;
    slow.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    tokio::time::sleep(SECOND).await;
    let started = Instant::now();
    running.shutdown.cancel();
    let reading = async {
        tokio::time::sleep(LAST_ANSWERS / 2).await;
        rest(&mut slow).await.len()
    };
    let ended = async {
        running.server.join_next().await.unwrap().unwrap();
        started.elapsed()
    };
    let (read, ended) = tokio::join!(reading, ended);
    assert!(read > LARGE, "the answer in hand came whole: {read}");
    assert_eq!(ended.as_secs(), LAST_ANSWERS.as_secs());
    assert_eq!(rest(&mut silent).await, "");
    let refused = running.network.connect(&endpoint()).await;
    assert!(refused.is_err());
}

#[tokio::test(start_paused = true)]
async fn dropping_the_server_ends_its_connections() {
    let mut running = Running::start();
    let mut stream = running.connect().await;
    tokio::task::yield_now().await;
    running.server.shutdown().await;
    let ended = timeout(SECOND, rest(&mut stream)).await;
    assert_eq!(ended.as_deref(), Ok(""));
}
