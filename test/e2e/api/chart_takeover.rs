//! From the manifests to the chart, on a real server: what docs/install.md says, typed.

use crate::chart::{CHART, RELEASE, helm, try_helm};
use crate::harness::{kubectl, manifest, root, run};

/// The part of docs/install.md that begins with this line and goes to the end of its block.
fn documented(first: &str) -> String {
    let text = std::fs::read_to_string(root().join("docs/install.md")).unwrap();
    let (_, rest) = text.split_once(first).unwrap();
    let (block, _) = rest.split_once("```").unwrap();
    format!("{first}{block}")
}

/// Goal: objects that kubectl has made become the release's, and the definition outlives it.
#[test]
fn what_was_applied_by_hand_is_taken_over() {
    for name in ["crd.yaml", "rbac.yaml", "users.yaml", "controller.yaml"] {
        kubectl(&["apply", "--filename", &manifest(name)]);
    }
    let namespace = format!("--namespace={RELEASE}");
    let install = ["install", RELEASE, CHART];
    let refused = try_helm(&install).unwrap_err();
    assert!(refused.contains("invalid ownership metadata"), "{refused}");

    kubectl(&["delete", "deployment", RELEASE, &namespace]);
    helm(&[&install[..], &["--take-ownership", "--force-conflicts"]].concat());
    let owner = r"--output=jsonpath={.metadata.annotations.meta\.helm\.sh/release-name}";
    let crd = "crd/bitcoinnetworks.bitcoincontroller.christianb93.github.com";
    for object in [
        crd,
        "clusterrole/bitcoin-controller-role",
        "deployment/bitcoin-controller",
    ] {
        assert_eq!(
            kubectl(&["get", object, owner, &namespace]),
            RELEASE,
            "{object}"
        );
    }
    // From now on it is a release like any other, and a network that it makes outlives it as well.
    let set = "--set=replicas=2,exampleNetwork.enabled=true";
    helm(&["upgrade", RELEASE, CHART, set]);
    helm(&["uninstall", RELEASE]);
    kubectl(&["get", "btcnet", "my-network", &namespace]);
    kubectl(&["delete", crd]);
    // To its end: others need a namespace of this name.
    kubectl(&["delete", "namespace", RELEASE, "--timeout=60s"]);
}

#[test]
fn the_documented_policy_is_one() {
    let policy = documented("apiVersion: networking.k8s.io/v1");
    let script = "printf %s \"$0\" | kubectl apply --dry-run=server --filename -";
    let printed = run(std::process::Command::new("sh").args(["-c", script, &policy]));
    assert!(
        printed
            .unwrap()
            .contains("networkpolicy.networking.k8s.io/my-network created")
    );
}
