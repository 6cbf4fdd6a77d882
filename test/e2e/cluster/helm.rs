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

/// Of these requests of the controller, none was made without the right to it.
fn assert_allowed(requests: &[Value]) {
    let is_refused = |request: &&Value| request["responseStatus"]["code"] == 403;
    let refused: Vec<&Value> = requests.iter().filter(is_refused).collect();
    assert!(refused.is_empty(), "{refused:?}");
}

/// The requests of the controller from the one with this number on; none without an audit log.
fn requests_since(number: usize) -> Vec<Value> {
    requests().unwrap_or_default().split_off(number)
}

/// The pace at which blocks are asked for.
const INTERVAL: i64 = 2;

/// A network whose blocks are mined at that pace.
fn paced(nodes: usize) -> Value {
    json!({"nodes": nodes, "mining": {"interval": format!("{INTERVAL}s")}})
}

fn height(network: &Network<'_>) -> Result<i64, String> {
    let height = network.cli(0, &["getblockcount"])?;
    height.trim().parse().map_err(|_| height)
}

/// What four new blocks' headers say of when they were due; and no node knows two blocks of one height.
async fn assert_on_pace(network: &Network<'_>, nodes: usize) {
    let before = height(network).unwrap();
    eventually("four more blocks are mined", async || {
        match height(network)? {
            enough if enough >= before + 4 => Ok(()),
            height => Err(format!("{height} after {before}")),
        }
    })
    .await;
    let time = |height: i64| {
        let hash = network
            .cli(0, &["getblockhash", &height.to_string()])
            .unwrap();
        let header = network.cli(0, &["getblockheader", hash.trim()]).unwrap();
        let header: Value = serde_json::from_str(&header).unwrap();
        header["time"].as_i64().unwrap()
    };
    // In whole seconds. Later is a machine that has too much to do, sooner is never.
    let took = time(before + 4) - time(before + 1);
    assert!(took >= 3 * INTERVAL - 1, "three intervals took {took} s");
    assert!(took <= 3 * INTERVAL + 10, "three intervals took {took} s");
    for node in 0..nodes {
        let tips = network.cli(node, &["getchaintips"]).unwrap();
        let tips: Value = serde_json::from_str(&tips).unwrap();
        assert_eq!(tips.as_array().unwrap().len(), 1, "{tips}");
    }
}

/// Goal: a release is installed, upgraded, rolled back, uninstalled and installed again, and all the while a
/// network stays what it is. Method: the pods' UIDs after each step, and its blocks, which are mined as declared.
#[tokio::test]
async fn a_release_comes_changes_and_goes_and_networks_stay() {
    let release = releases_namespace();
    controller("install", &[CHART]);
    let namespace = Namespace::create("released");
    let network = Network::create(&namespace, "alpha", paced(2));
    network.until_ready(2).await;
    assert_on_pace(&network, 2).await;
    let (pods, described) = (network.pod_uids(), column());
    let set = namespace.get("statefulset", &network.set()).unwrap();
    let assert_untouched = || {
        let now = namespace.get("statefulset", &network.set()).unwrap();
        assert_eq!(now["metadata"]["generation"], set["metadata"]["generation"]);
        assert_eq!(network.pod_uids(), pods);
    };

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
    assert_on_pace(&network, 2).await;
    assert_untouched();

    controller("rollback", &["1"]);
    assert_eq!(column(), described);
    assert_on_pace(&network, 2).await;
    assert_untouched();
    assert_allowed(&requests_since(0));

    // helm takes the rights away while the controller is still on its way out.
    helm(&["uninstall", RELEASE, "--wait"]);
    assert!(release.get("deployment", RELEASE).is_err());
    assert!(try_kubectl(&["get", &format!("clusterrole/{RELEASE}-role")]).is_err());
    assert_eq!(column(), described, "the definition stays");
    assert_untouched();
    let left = height(&network).expect("its nodes answer");

    // Nobody is there to connect what comes back, nor to see a change.
    namespace.kubectl(&["delete", "pod", &network.pod(1)]);
    network.ask(paced(3));
    let n_before = requests_since(0).len();
    controller("install", &[CHART]);
    network.until_ready(3).await;
    network.until_meshed(3).await;
    assert_on_pace(&network, 3).await;
    assert!(height(&network).unwrap() > left);
    let pod = network.pod(0);
    assert_eq!(network.pod_uids().get(&pod), pods.get(&pod));
    assert_allowed(&requests_since(n_before));
    std::fs::remove_dir_all(next).unwrap();
}

/// Goal: with rights in one namespace and to named Secrets only, what is asked for there comes up.
#[tokio::test]
async fn a_release_for_one_namespace_needs_no_right_to_others_nor_to_other_secrets() {
    let _release = releases_namespace();
    let (own, other) = (Namespace::create("chosen"), Namespace::create("not-chosen"));
    let n_before = requests_since(0).len();
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
    let requests = requests_since(n_before);
    for request in &requests {
        let namespace = &request["objectRef"]["namespace"];
        let is_its_own = namespace == "chosen" || namespace == RELEASE;
        assert!(is_its_own || request["objectRef"].is_null(), "{request}");
    }
    assert_allowed(&requests);
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

/// Goal: a leader that is killed is followed within the lease, and nothing is done, told or mined twice. Method:
/// SIGKILL from the node's side; then the audit log, by whose address wrote, the events, and the chains.
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
    let (still, mined) = (Namespace::create("followed"), Namespace::create("mined"));
    let start = requests_since(0).len();
    let network = Network::create(&still, "alpha", json!({"nodes": 2}));
    let miners = Network::create(&mined, "beta", paced(2));
    network.until_ready(2).await;
    network.until_meshed(2).await;
    still.until_event("alpha", "NetworkReady").await;
    miners.until_ready(2).await;
    assert_on_pace(&miners, 2).await;
    let (before, events, pods) = (requests_since(0).len(), told(&still), network.pod_uids());

    let home = address(&first);
    node(&["kill", &format!("{RELEASE}/{first}"), "bitcoin-control"]);
    let killed = Instant::now();
    // Its container would be started again at once, and might lead again: that would be as good.
    release.kubectl(&["delete", "pod", &first, "--grace-period=0", "--force"]);
    let second = eventually("another leads", async || match leader()? {
        pod if pod == first => Err(format!("still {pod}")),
        pod => Ok(pod),
    })
    .await;
    let took = killed.elapsed();
    println!("{second} leads {took:.1?} after {first} was killed, with a lease of 6 s");
    // The lease, and twice the time between two looks at it, which is up to 2.2 s.
    assert!(took.as_secs_f32() < 6.0 + 2.0 * 2.2 + 1.0, "{took:?}");
    // Its first pass asks for the credentials; a settled network is left as it is.
    let heir = address(&second);
    eventually("the new leader has looked at the network", async || {
        let looks = requests_since(before).iter().any(|it| {
            let about = &it["objectRef"];
            let is_look = about["resource"] == "secrets" && about["namespace"] == "followed";
            is_look && it["sourceIPs"][0] == heir.as_str()
        });
        if looks {
            Ok(())
        } else {
            Err("not yet".to_owned())
        }
    })
    .await;
    network.until_ready(2).await;
    assert_on_pace(&miners, 2).await;
    let taken_over = requests_since(0).len();
    assert_eq!(writes(&requests_since(before), "followed"), []);
    assert_eq!(told(&still), events);

    network.ask(json!({"nodes": 3}));
    network.until_ready(3).await;
    network.until_meshed(3).await;
    let all = requests_since(0);
    for namespace in ["followed", "mined"] {
        for (requests, leader) in [(&all[start..before], &home), (&all[taken_over..], &heir)] {
            let writes = writes(requests, namespace);
            let strangers: Vec<_> = writes.iter().filter(|write| write.0 != *leader).collect();
            assert!(strangers.is_empty(), "{strangers:?}");
            assert!(!writes.is_empty(), "it must be seen at work in {namespace}");
        }
    }
    for namespace in [&still, &mined] {
        let twice: Vec<_> = told(namespace).into_iter().filter(|it| it.1 > 1).collect();
        assert_eq!(twice, [], "no event is told twice");
    }
    for (pod, uid) in pods {
        assert_eq!(network.pod_uids().get(&pod), Some(&uid));
    }
    assert_allowed(&all[start..]);
}
