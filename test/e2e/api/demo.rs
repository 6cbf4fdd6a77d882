//! A real kubectl against the demo's pretend cluster: what a person does by hand.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::{eventually, manifest, run};

/// Goal: `get -w`, `describe`, `apply`, `scale`, `wait`, `delete` and the like work against the demo.
/// Method: the story of the README's user, typed.
#[tokio::test]
async fn kubectl_does_with_the_demo_what_it_does_with_a_cluster() {
    let kubeconfig = std::env::temp_dir().join(format!("e2e-demo-{}.yaml", std::process::id()));
    let mut demo = Command::new(env!("CARGO_BIN_EXE_bitcoin-controller"))
        .args(["demo", "--simulate", "--write-kubeconfig"])
        .arg(&kubeconfig)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(demo.stdout.take().unwrap()).lines();
    let stays = lines
        .map_while(Result::ok)
        .any(|line| line.contains("stays until Ctrl-C"));
    assert!(stays, "the story came true");
    let kubectl = |arguments: &[&str]| kubectl(&kubeconfig, arguments);

    let watched = std::fs::File::create(kubeconfig.with_extension("watch")).unwrap();
    let mut watch = Command::new("kubectl")
        .args(["get", "btcnet", "--watch"])
        .env("KUBECONFIG", &kubeconfig)
        .stdout(watched)
        .spawn()
        .unwrap();

    let crd = manifest("crd.yaml");
    kubectl(&[
        "apply",
        "--server-side",
        "--force-conflicts",
        "--filename",
        &crd,
    ]);
    let name = "crd/bitcoinnetworks.bitcoincontroller.christianb93.github.com";
    kubectl(&["wait", "--for=condition=Established", name]);
    kubectl(&["apply", "--filename", &manifest("secret.yaml")]);
    kubectl(&["apply", "--filename", &manifest("testNetwork.yaml")]);
    let ready = [
        "wait",
        "--for=condition=Ready",
        "btcnet/my-network",
        "--timeout=60s",
    ];
    kubectl(&ready);
    let columns = kubectl(&["get", "btcnet", "my-network"]);
    assert!(
        columns.starts_with("NAME         NODES   READY   LINKS   HEIGHT   AGE\n"),
        "{columns}"
    );
    let described = kubectl(&["describe", "btcnet", "my-network"]);
    for word in [
        "NetworkReady",
        "Type:                  Connected",
        "Events:",
    ] {
        assert!(described.contains(word), "{word}: {described}");
    }

    kubectl(&["scale", "btcnet", "my-network", "--replicas=5"]);
    eventually("kubectl sees five pods ready", async || {
        let pods = kubectl(&["get", "pods", "--selector=app=my-network"]);
        let n = pods.matches("1/1     Running").count();
        if n == 5 { Ok(()) } else { Err(pods) }
    })
    .await;
    kubectl(&ready);
    kubectl(&["delete", "pod", "my-network-sts-4"]);
    kubectl(&ready);
    kubectl(&["label", "sts", "my-network-sts", "mine=yes"]);
    let all = kubectl(&["get", "all", "--output=name"]);
    for kind in ["pod/", "service/", "statefulset.apps/", "bitcoinnetwork."] {
        assert!(all.contains(kind), "{kind}: {all}");
    }
    assert!(kubectl(&["explain", "btcnet.spec.nodes"]).contains("integer"));
    let refused = try_kubectl(
        &kubeconfig,
        &[
            "patch",
            "btcnet",
            "my-network",
            "--type=merge",
            "--patch={\"spec\":{\"nodes\":-1}}",
        ],
    );
    assert!(
        refused
            .unwrap_err()
            .contains("should be greater than or equal to 0")
    );

    kubectl(&["delete", "btcnet", "my-network"]);
    eventually("nothing of it is left", async || {
        let left = kubectl(&["get", "all", "--selector=app=my-network", "--output=name"]);
        if left.is_empty() { Ok(()) } else { Err(left) }
    })
    .await;
    watch.kill().unwrap();
    watch.wait().unwrap();
    let seen = std::fs::read_to_string(kubeconfig.with_extension("watch")).unwrap();
    std::fs::remove_file(kubeconfig.with_extension("watch")).unwrap();
    assert!(
        seen.matches("my-network").count() >= 3,
        "the watch prints what changes: {seen}"
    );

    let script = format!("kill -INT {}", demo.id());
    run(Command::new("sh").args(["-c", &script])).unwrap();
    assert!(demo.wait().unwrap().success());
    assert!(!kubeconfig.exists(), "the kubeconfig goes with the demo");
}

fn kubectl(kubeconfig: &Path, arguments: &[&str]) -> String {
    try_kubectl(kubeconfig, arguments)
        .unwrap_or_else(|error| panic!("kubectl {}: {error}", arguments.join(" ")))
}

fn try_kubectl(kubeconfig: &Path, arguments: &[&str]) -> Result<String, String> {
    run(Command::new("kubectl")
        .args(arguments)
        .env("KUBECONFIG", kubeconfig))
}
