//! What a person does at a node: with bitcoin-cli in its pod, with `addnode`, over HTTP.

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::cluster::network::Network;
use crate::controller::install;
use crate::harness::{Namespace, eventually};

#[tokio::test]
async fn nodes_that_are_connected_by_hand_are_connected_once() {
    install();
    let namespace = Namespace::create("by-hand-linked");
    let network = Network::create(&namespace, "my-network", json!({"nodes": 2}));
    network.until_ready(2).await;
    let info: Value = serde_json::from_str(&network.cli(0, &["getnetworkinfo"]).unwrap()).unwrap();
    assert_eq!(info["connections"], 1, "{info}");

    let address = |ordinal: usize| {
        let pod = namespace.get("pod", &network.pod(ordinal)).unwrap();
        pod["status"]["podIP"].as_str().unwrap().to_owned()
    };
    for (from, to) in [(0, 1), (1, 0)] {
        let address = address(to);
        network.cli(from, &["addnode", &address, "add"]).unwrap();
        network.cli(from, &["addnode", &address, "onetry"]).unwrap();
        let added = network.cli(from, &["getaddednodeinfo"]).unwrap();
        let added: Value = serde_json::from_str(&added).unwrap();
        assert_eq!(added[0]["addednode"], address, "{added}");
    }
    network.until_meshed(2).await;
    network.mine(0, 3);
    network.until_at(2, 3).await;
}

#[tokio::test]
async fn a_node_is_asked_over_http_with_the_credentials_of_the_secret() {
    install();
    let namespace = Namespace::create("by-hand-http");
    let network = Network::create(&namespace, "my-network", json!({"nodes": 1}));
    network.until_ready(1).await;
    let forward = Forward::start(&namespace, &network.pod(0));
    let key = |key: &str| {
        let template = format!("--template={{{{.data.{key} | base64decode}}}}");
        namespace.kubectl(&["get", "secret", "my-network-rpc", &template])
    };
    let node = |user: &str, password: &str| {
        let login = bitcoin_controller::bitcoin::Credentials::new(user, password).unwrap();
        let tcp = bitcoin_controller::http::Tcp::new(std::time::Duration::from_secs(3));
        let endpoint = bitcoin_controller::http::Endpoint::new("127.0.0.1", forward.port);
        bitcoin_controller::bitcoin::RpcClient::new(std::sync::Arc::new(tcp), endpoint, &login)
    };
    let welcome = node(&key("user"), &key("password"));
    let info = eventually("the node answers through the port-forward", || async {
        let info = welcome.get_network_info().await;
        info.map_err(|error| error.to_string())
    })
    .await;
    assert!(info.subversion.contains(&network.pod(0)), "{info:?}");
    let refused = node("user", "password").get_network_info().await;
    assert!(refused.unwrap_err().is_unauthorized());
}

/// A `kubectl port-forward` to a node's RPC, ended when it is dropped.
struct Forward {
    child: Child,
    port: u16,
}

impl Forward {
    fn start(namespace: &Namespace, pod: &str) -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let child = Command::new("kubectl")
            .args(["--namespace", &namespace.0])
            .args(["port-forward", pod, &format!("{port}:18443")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Forward { child, port }
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
