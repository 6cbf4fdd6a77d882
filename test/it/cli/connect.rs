//! Mirrors `src/cli/connect.rs` and `src/cli/forward.rs`: the program against a pretend cluster, whose nodes
//! have real ports.

use std::process::{Command, Stdio};
use std::time::Duration;

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::cli::forward::Forward;
use bitcoin_controller::cli::network::Network;
use bitcoin_controller::controller::Reach;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::client::server::{Reply, Server};

fn program(arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bitcoin-controller"));
    let output = command
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), stderr)
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_asked() {
    let other_chain = "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4";
    let address = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";
    for (arguments, why) in [
        (&["fund", "alpha", "nobody", "1"][..], "nobody"),
        (&["fund", "alpha", other_chain, "1"], "another chain"),
        (&["fund", "alpha", address, "0"], "nothing would be paid"),
        (&["fund", "alpha", address, "0.123456789"], "0.123456789"),
        (
            &["fund", "alpha", address, "21000001"],
            "not that much money",
        ),
        (&["connect", "alpha", "--node", "1000"], "--node"),
        (
            &["connect", "alpha", "--in-cluster", "--rpc-port", "1"],
            "--rpc-port",
        ),
        (&["connect", "alpha", "--format", "xml"], "lnd.conf"),
    ] {
        let (code, error) = program(arguments);
        assert_eq!(code, Some(2), "{arguments:?}: {error}");
        assert!(error.contains(why), "{arguments:?}: {error}");
    }
}

/// While a pod is being replaced the server does not find it: the connection waits, and fails after a while.
#[tokio::test]
async fn a_forward_that_cannot_be_made_is_told_and_the_port_stays_open() {
    let forbidden =
        r#"{"kind": "Status", "status": "Failure", "reason": "Forbidden", "code": 403}"#;
    let reply = || Reply::new(403, "content-type: application/json\r\n", forbidden);
    let server = Server::start([reply(), reply()]);
    let key = ObjectKey::new("default", "alpha-sts-0");
    let network = Network::new(
        server.client(),
        Reach::direct(Duration::from_secs(1)),
        key.clone(),
    );
    let forward = Forward::bind("rpc", 0, 18443).await.unwrap();
    let address = forward.address();
    assert!(address.starts_with("127.0.0.1:"));
    let port = address.rsplit_once(':').unwrap().1.parse().unwrap();
    let taken = Forward::bind("rpc", port, 18443).await.unwrap_err();
    assert_eq!(taken.kind(), std::io::ErrorKind::AddrInUse);
    let (sender, mut told) = tokio::sync::mpsc::unbounded_channel();
    let mut serving = JoinSet::new();
    serving.spawn(
        forward.serve(network.client.clone(), key, move |line: &str| {
            // Nobody listens any more when the test is over.
            let _ = sender.send(line.to_owned());
        }),
    );
    for _ in 0..2 {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(b"hello").await.unwrap();
        // It ends or breaks; either way nothing comes.
        let _ = stream.read(&mut [0; 16]).await;
        let line = told.recv().await.unwrap();
        assert!(
            line.starts_with("rpc: ") && line.contains("alpha-sts-0"),
            "{line}"
        );
    }
}
