//! The chart on a cluster: the controller has the chart's rights and no others, and nothing that helm does to the
//! controller reaches a network. A run of its own, since other scenarios have a controller of theirs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::chart::{CHART, RELEASE, helm};
use crate::cluster::network::Network;
use crate::cluster::z_audit::requests;
use crate::harness::{
    Namespace, eventually, has_the_machine, kubectl, node, root, run, temporary, try_kubectl,
};

const CRD: &str = "crd/bitcoinnetworks.bitcoincontroller.christianb93.github.com";

/// The namespace of the release, in which pods must be "restricted".
fn releases_namespace() -> Namespace {
    // That of an earlier scenario may be on its way out.
    let namespace = format!("namespace/{RELEASE}");
    kubectl(&["wait", "--for=delete", &namespace, "--timeout=90s"]);
    Namespace::create(RELEASE)
}

/// A command that changes the release, until the controller runs as it says.
fn controller(command: &str, more: &[&str]) {
    helm(&[&[command, RELEASE], more].concat());
    let deployment = format!("deployment/{RELEASE}");
    let namespace = format!("--namespace={RELEASE}");
    kubectl(&[
        "rollout",
        "status",
        &deployment,
        &namespace,
        "--timeout=60s",
    ]);
}

/// What the server says a column is for.
fn column() -> String {
    let path = "{.spec.versions[0].additionalPrinterColumns[0].description}";
    kubectl(&["get", CRD, &format!("--output=jsonpath={path}")])
}

/// The same chart, a version later: its CRD says something else about a column.
fn next_chart() -> PathBuf {
    let folder = temporary("chart");
    run(Command::new("cp")
        .arg("--recursive")
        .arg(root().join(CHART))
        .arg(&folder))
    .unwrap();
    let change = |file: &str, from: &str, to: &str| {
        let path = folder.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file}");
        std::fs::write(&path, text.replace(from, to)).unwrap();
    };
    let version = env!("CARGO_PKG_VERSION");
    let (before, after) = (
        format!("version: {version}"),
        format!("version: {version}1"),
    );
    change("Chart.yaml", &format!("\n{before}"), &format!("\n{after}"));
    change("templates/crd.yaml", &column(), "Nodes, one version later");
    folder
}

/// Requests of the controller that it had no right to.
fn assert_nothing_was_refused() {
    let requests = requests().unwrap_or_default();
    let refused: Vec<&Value> = requests
        .iter()
        .filter(|request| request["responseStatus"]["code"] == 403)
        .collect();
    assert!(refused.is_empty(), "{refused:?}");
}

/// Goal: a release is installed, upgraded, rolled back, uninstalled and installed again, and all the while a
/// network stays what it is. Method: the pods' UIDs after each step; a change, to see that the controller works.
#[tokio::test]
async fn a_release_comes_changes_and_goes_and_networks_stay() {
    let release = releases_namespace();
    controller("install", &[CHART]);
    let namespace = Namespace::create("released");
    let network = Network::create(&namespace, "alpha", json!({"nodes": 2}));
    network.until_ready(2).await;
    network.until_meshed(2).await;
    network.mine(0, 5);
    network.until_at(2, 5).await;
    let (pods, described) = (network.pod_uids(), column());
    let set =
        || namespace.get("statefulset", &network.set()).unwrap()["metadata"]["generation"].clone();
    let generation = set();

    let next = next_chart();
    controller(
        "upgrade",
        &[next.to_str().unwrap(), "--set=workers=3,log.format=text"],
    );
    let deployment = release.get("deployment", RELEASE).unwrap();
    assert!(
        deployment.to_string().contains("--workers=3"),
        "{deployment}"
    );
    assert_eq!(column(), "Nodes, one version later");
    network.until_at(2, 5).await;
    assert_eq!(
        (network.pod_uids(), set()),
        (pods.clone(), generation.clone())
    );

    controller("rollback", &["1"]);
    assert_eq!(column(), described);
    network.until_at(2, 5).await;
    assert_eq!((network.pod_uids(), set()), (pods.clone(), generation));

    helm(&["uninstall", RELEASE, "--wait"]);
    assert!(release.get("deployment", RELEASE).is_err());
    let role = format!("clusterrole/{RELEASE}-role");
    assert!(try_kubectl(&["get", &role]).is_err());
    assert_eq!(network.pod_uids(), pods);
    assert_eq!(column(), described, "the definition stays");
    network.until_at(2, 5).await;

    // Nobody is there to connect what comes back, nor to see a change.
    namespace.kubectl(&["delete", "pod", &network.pod(1)]);
    network.ask(json!({"nodes": 3}));
    controller("install", &[CHART]);
    network.until_at(3, 5).await;
    network.until_meshed(3).await;
    let pod = network.pod(0);
    assert_eq!(network.pod_uids().get(&pod), pods.get(&pod));
    assert_nothing_was_refused();
    std::fs::remove_dir_all(next).unwrap();
}

/// Goal: with rights in one namespace and to named Secrets only, what is asked for there comes up.
#[tokio::test]
async fn a_release_for_one_namespace_needs_no_right_to_others_nor_to_other_secrets() {
    let _release = releases_namespace();
    let (own, other) = (Namespace::create("chosen"), Namespace::create("not-chosen"));
    let before = requests().unwrap_or_default().len();
    let secrets = "--set=rbac.secretNames={mine},rbac.networkNames={alpha}";
    controller("install", &[CHART, "--set=namespaces={chosen}", secrets]);
    let literals = [
        "--from-literal=BC_RPC_USER=me",
        "--from-literal=BC_RPC_PASSWORD=it",
    ];
    own.kubectl(&[&["create", "secret", "generic", "mine"], &literals[..]].concat());
    let beyond = Network::create(&other, "alpha", json!({"nodes": 1}));
    let network = Network::create(&own, "alpha", json!({"nodes": 2, "secret": "mine"}));
    network.until_ready(2).await;
    network.until_meshed(2).await;
    let found = other.get("btcnet", &beyond.name).unwrap();
    assert!(found["status"].is_null(), "{found}");
    for request in &requests().unwrap_or_default()[before..] {
        let namespace = &request["objectRef"]["namespace"];
        let is_its_own = namespace == "chosen" || namespace == RELEASE;
        assert!(is_its_own || request["objectRef"].is_null(), "{request}");
    }
    assert_nothing_was_refused();
}

/// The pod whose controller holds the lease.
fn leader() -> Result<String, String> {
    let path = "--output=jsonpath={.spec.holderIdentity}";
    let namespace = format!("--namespace={RELEASE}");
    let holder = try_kubectl(&["get", "lease", RELEASE, &namespace, path])?;
    let names = kubectl(&[
        "get",
        "pods",
        &namespace,
        "--output=jsonpath={.items[*].metadata.name}",
    ]);
    let mut names = names.split_whitespace();
    let pod = names.find(|name| holder.starts_with(*name));
    pod.map(str::to_owned).ok_or(format!("`{holder}`"))
}

/// What was told of the network, and how often.
fn told(namespace: &Namespace) -> BTreeMap<String, u64> {
    let events = namespace.kubectl(&["get", "events", "--output=json"]);
    let events: Value = serde_json::from_str(&events).unwrap();
    let mut told = BTreeMap::new();
    for event in events["items"].as_array().unwrap() {
        if event["involvedObject"]["kind"] == "BitcoinNetwork" {
            let text = format!("{}: {}", event["reason"], event["message"]);
            *told.entry(text).or_default() += event["count"].as_u64().unwrap_or(1);
        }
    }
    told
}

/// Requests with which the controller changed something of `namespace`, and from which address.
fn writes(requests: &[Value], namespace: &str) -> Vec<(String, String)> {
    let is_write = |request: &&Value| {
        let verb = request["verb"].as_str().unwrap_or_default();
        request["objectRef"]["namespace"] == namespace && !["get", "list", "watch"].contains(&verb)
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let writes = requests.iter().filter(is_write);
    let told = writes.map(|it| (text(&it["sourceIPs"][0]), text(&it["requestURI"])));
    told.collect()
}

/// Goal: a leader that is killed is followed within the lease, and nothing is done or told twice. Method:
/// SIGKILL from the node's side; then the audit log, by whose address wrote, and the events.
#[tokio::test]
async fn of_two_controllers_one_works_and_the_other_takes_over_when_it_is_killed() {
    if !has_the_machine("of_two_controllers_one_works_and_the_other_takes_over_when_it_is_killed") {
        return;
    }
    let release = releases_namespace();
    let lease = "leaderElection.leaseDuration=6,leaderElection.renewDeadline=4,leaderElection.retryPeriod=1";
    controller("install", &[CHART, &format!("--set=replicas=2,{lease}")]);
    let address = |pod: &str| {
        let pod = release.get("pod", pod).unwrap();
        pod["status"]["podIP"].as_str().unwrap().to_owned()
    };
    let first = eventually("one of them leads", async || leader()).await;
    let namespace = Namespace::create("followed");
    let start = requests().unwrap().len();
    let network = Network::create(&namespace, "alpha", json!({"nodes": 2}));
    network.until_ready(2).await;
    network.until_meshed(2).await;
    namespace.until_event("alpha", "NetworkReady").await;
    let (before, events, pods) = (
        requests().unwrap().len(),
        told(&namespace),
        network.pod_uids(),
    );

    node(&["kill", &format!("{RELEASE}/{first}"), "bitcoin-control"]);
    let killed = Instant::now();
    let second = eventually("another leads", async || match leader()? {
        pod if pod == first => Err(format!("still {pod}")),
        pod => Ok(pod),
    })
    .await;
    let took = killed.elapsed();
    println!("{second} leads {took:.1?} after {first} was killed, with a lease of 6 s");
    assert!(took.as_secs() < 10, "{took:?}");
    // Its first pass asks for the credentials; a settled network is left as it is.
    eventually("the new leader has looked at the network", async || {
        let ours = &requests().unwrap()[before..];
        let looks = ours.iter().any(|it| {
            it["sourceIPs"][0] == address(&second) && it["objectRef"]["resource"] == "secrets"
        });
        if looks {
            Ok(())
        } else {
            Err("not yet".to_owned())
        }
    })
    .await;
    network.until_ready(2).await;
    let taken_over = requests().unwrap().len();
    assert_eq!(
        writes(&requests().unwrap()[before..taken_over], "followed"),
        []
    );
    assert_eq!(told(&namespace), events);

    network.ask(json!({"nodes": 3}));
    network.until_ready(3).await;
    network.until_meshed(3).await;
    let all = requests().unwrap();
    for (from, to, leader) in [(start, before, &first), (taken_over, all.len(), &second)] {
        let writes = writes(&all[from..to], "followed");
        let strangers = writes.iter().filter(|write| write.0 != address(leader));
        assert_eq!(
            strangers.collect::<Vec<_>>(),
            Vec::<&(String, String)>::new()
        );
        assert!(!writes.is_empty(), "it must be seen at work");
    }
    let twice: Vec<_> = told(&namespace)
        .into_iter()
        .filter(|(_, count)| *count > 1)
        .collect();
    assert_eq!(twice, [], "no event is told twice");
    for (pod, uid) in pods {
        assert_eq!(network.pod_uids().get(&pod), Some(&uid));
    }
    assert_nothing_was_refused();
}
