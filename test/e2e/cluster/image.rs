//! The images themselves: what is in the controller's, and what the node's entrypoint does in a pod.

use serde_json::json;

use crate::harness::{Namespace, apply, eventually};

/// What the controller's image may weigh. There is one layer in it, and one file in that.
const LARGEST: usize = 10_000_000;

#[tokio::test]
async fn the_controller_needs_no_loader_and_is_small() {
    let path = std::env::var("E2E_BINARY").unwrap();
    let program = std::fs::read(&path).unwrap();
    assert!(
        program.starts_with(b"\x7fELF\x02\x01"),
        "64 bits, little-endian"
    );
    // Where the program headers begin, how long one is, and how many there are.
    let number = |at: usize, bytes: usize| {
        let bytes = program[at..at + bytes].iter().rev();
        bytes.fold(0, |sum, byte| sum << 8 | usize::from(*byte))
    };
    let (begin, length, count) = (number(0x20, 8), number(0x36, 2), number(0x38, 2));
    let kinds: Vec<usize> = (0..count)
        .map(|header| number(begin + header * length, 4))
        .collect();
    let (load, interpreter) = (1, 3);
    assert!(kinds.contains(&load), "{kinds:?}");
    assert!(!kinds.contains(&interpreter), "FROM scratch has no loader");
    println!("{path}: {} bytes", program.len());
    assert!(program.len() < LARGEST);
}

#[tokio::test]
async fn a_node_of_the_image_alone_honours_its_environment_and_tells_nobody() {
    let namespace = Namespace::create("entrypoint");
    let password = "a # \"b\" $c ü";
    apply(&json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "mine", "namespace": "entrypoint"},
        "stringData": {"BC_RPC_USER": "me", "BC_RPC_PASSWORD": password},
    }));
    apply(&json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "alone", "namespace": "entrypoint"},
        "spec": {
            "automountServiceAccountToken": false,
            "securityContext": {"runAsNonRoot": true, "fsGroup": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "bitcoind",
                "image": "localhost/bitcoind:dev",
                "args": ["-uacomment=alone"],
                "envFrom": [{"secretRef": {"name": "mine"}}],
                "env": [{"name": "HOME", "value": "/data"}],
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "readOnlyRootFilesystem": true,
                    "capabilities": {"drop": ["ALL"]},
                },
                "volumeMounts": [{"name": "data", "mountPath": "/data"}],
            }],
            "volumes": [{"name": "data", "emptyDir": {}}],
        },
    }));
    let cli = |arguments: &[&str]| {
        let exec = ["exec", "alone", "--", "bitcoin-cli"];
        namespace.try_kubectl(&[&exec, arguments].concat())
    };
    let (user, right) = ("-rpcuser=me", format!("-rpcpassword={password}"));
    eventually("the node answers who knows the password", || async {
        cli(&[user, &right, "getblockcount"])
    })
    .await;
    assert!(cli(&[user, "-rpcpassword=wrong", "getblockcount"]).is_err());
    cli(&["getblockcount"]).expect("whoever is in the container has the cookie");

    let log = namespace.kubectl(&["logs", "alone"]);
    assert!(log.contains("rpcauth=****") && !log.contains(password));
    let first = [
        "exec",
        "alone",
        "--",
        "cat",
        "/proc/1/cmdline",
        "/proc/1/environ",
    ];
    let seen = namespace.kubectl(&first);
    assert!(seen.contains("-uacomment=alone") && !seen.contains(password));
    let mode = [
        "exec",
        "alone",
        "--",
        "stat",
        "-c",
        "%a",
        "/data/.bitcoin/bitcoin.conf",
    ];
    assert_eq!(namespace.kubectl(&mode).trim(), "600");
    // It hears SIGTERM: a shell in its place would have it killed after 30 s.
    namespace.kubectl(&["delete", "pod", "alone", "--timeout=10s"]);
}
