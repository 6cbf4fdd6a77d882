//! What the audit log and the traces of all scenarios say: a settled world is silent, rights are neither
//! missing nor spare, and no password is anywhere.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bitcoin_controller::base::{calendar, yaml};
use bitcoin_controller::bitcoin::WalletKeys;
use serde_json::{Value, json};

use crate::cluster::network::Network;
use crate::cluster::operate::page;
use crate::controller::{ACCOUNT, Mode, controller_log, install};
use crate::harness::{Namespace, all_have_ended_well, eventually, kubectl, manifest};

/// How long a settled network must stay silent: longer than it is polled slowly, twice.
const SILENT_SECONDS: i64 = 25;

/// Every request the controller has made so far, oldest first; nothing if there is no audit log.
pub fn requests() -> Option<Vec<Value>> {
    let path = std::env::var("AUDIT_LOG").ok()?;
    let text = std::fs::read_to_string(path).unwrap();
    let entries = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    Some(
        entries
            .filter(|entry| {
                entry["user"]["username"] == ACCOUNT && entry["stage"] != "RequestReceived"
            })
            .collect(),
    )
}

fn seconds(entry: &Value) -> i64 {
    calendar::parse(entry["requestReceivedTimestamp"].as_str().unwrap())
        .unwrap()
        .0
}

#[tokio::test]
async fn a_a_settled_world_causes_no_write_and_no_list() {
    install();
    if requests().is_none() {
        println!("SKIPPED: a settled world causes no write and no list: there is no AUDIT_LOG");
        return;
    }
    let namespace = Namespace::create("settled");
    let network = Network::create(&namespace, "alpha", json!({"nodes": 3}));
    network.until_ready(3).await;
    network.mine(0, 3);
    network.until_at(3, 3).await;
    // The status is written once more, with the heights; from then on there is nothing to say.
    eventually("the status tells height 3", || async {
        let status = network.status()?;
        if status["height"] == 3 {
            Ok(())
        } else {
            Err(status.to_string())
        }
    })
    .await;
    // The informers' own requests are for all namespaces.
    let is_ours = |entry: &Value| {
        let namespace = &entry["objectRef"]["namespace"];
        namespace == "settled" || namespace.is_null()
    };
    let is_noise = |entry: &Value| {
        !["get", "watch"].contains(&entry["verb"].as_str().unwrap_or_default())
            && entry["objectRef"]["subresource"] != "portforward"
    };
    let silence = || async {
        let all: Vec<Value> = requests().unwrap().into_iter().filter(is_ours).collect();
        let now = seconds(all.last().ok_or("no request yet")?);
        let last_noise = all
            .iter()
            .filter(|entry| is_noise(entry))
            .map(seconds)
            .max()
            .unwrap_or(0);
        // The audit log's own clock: reads go on, so time is seen to pass.
        match now - last_noise {
            silent if silent >= SILENT_SECONDS => Ok(()),
            silent => Err(format!("silent for {silent} s only")),
        }
    };
    eventually("the settled network has been silent", silence).await;
}

#[tokio::test]
async fn b_no_password_is_in_arguments_events_status_or_logs() {
    install();
    let namespace = Namespace::create("passwords");
    let password = "xyzzy-plugh-plover";
    let literal = format!("--from-literal=BC_RPC_PASSWORD={password}");
    namespace.kubectl(&[
        "create",
        "secret",
        "generic",
        "mine",
        "--from-literal=BC_RPC_USER=me",
        &literal,
    ]);
    let spec = json!({"nodes": 1, "secret": "mine", "wallet": {}});
    let network = Network::create(&namespace, "alpha", spec);
    network.until_ready(1).await;
    let own = |key: &str| {
        let template = format!("--template={{{{.data.{key} | base64decode}}}}");
        namespace.kubectl(&["get", "secret", "alpha-rpc", &template])
    };
    let (own_user, own_password) = (own("user"), own("password"));
    let template = r#"--template={{index .data "wallet-seed" | base64decode}}"#;
    let seed = namespace.kubectl(&["get", "secret", "alpha-rpc", template]);
    let keys = WalletKeys::of_seed(&seed).unwrap();
    let [descriptor, _] = keys.descriptors();
    let (master_key, _) = descriptor["wpkh(".len()..].split_once('/').unwrap();
    assert!(own_password.len() >= 32, "the password must be long");
    let seen = [
        namespace.kubectl(&[
            "get",
            "btcnet,statefulsets,services,pods,events,controllerrevisions",
            "--output=yaml",
        ]),
        namespace.kubectl(&["logs", &network.pod(0)]),
        controller_log(),
        // A controller outside the cluster has no pod to be asked.
        match Mode::of_this_run() {
            Mode::Deployment => page("/metrics").unwrap() + &page("/debug").unwrap(),
            Mode::Outside => String::new(),
        },
    ]
    .concat();
    assert!(
        seen.contains("alpha-sts-0"),
        "there must be something to look through"
    );
    assert!(
        controller_log().contains("TRACE"),
        "the controller must have told all it can tell"
    );
    for (what, text) in [("seed", &*seed), ("master key", master_key)] {
        assert!(!seen.contains(text), "the wallet's {what} was found");
    }
    for (whose, user, password) in [
        ("the user's", "me", password),
        ("our own", own_user.as_str(), own_password.as_str()),
    ] {
        let encoded = STANDARD.encode(password);
        let header = STANDARD.encode(format!("{user}:{password}"));
        for (how, text) in [
            ("", password),
            (", encoded", &encoded),
            (" in a header", &header),
        ] {
            // Not all of it is shown by an assertion: it is a password.
            assert!(!seen.contains(text), "{whose} password{how} was found");
        }
    }
}

#[tokio::test]
async fn c_the_roles_grant_what_is_used_and_nothing_else() {
    install();
    let Some(requests) = requests() else {
        println!("SKIPPED: the roles grant what is used and nothing else: there is no AUDIT_LOG");
        return;
    };
    let mut granted: BTreeSet<String> = rights(&manifest("rbac.yaml"));
    if Mode::of_this_run() == Mode::Outside {
        granted.extend(rights(&manifest("rbac-port-forward.yaml")));
    }
    // A granted right may be refused all the same: an API server that has just restarted has not read
    // the roles yet. A right that was asked for and is not granted is missing.
    let used: BTreeSet<String> = requests.iter().filter_map(right_of).collect();
    let missing: Vec<&String> = used.difference(&granted).collect();
    assert_eq!(missing, Vec::<&String>::new(), "asked for and not granted");
    let spare: Vec<&String> = granted
        .difference(&used)
        .filter(|right| !EXPECTED_SPARE.contains(&right.as_str()))
        .collect();
    // Outside the cluster only some of the scenarios run, and so some rights are not needed.
    if Mode::of_this_run() == Mode::Deployment && all_have_ended_well() {
        assert_eq!(spare, Vec::<&String>::new(), "granted and never used");
    } else {
        println!("SKIPPED: the roles grant nothing else: not every scenario has used them");
    }
}

/// Granted though no request shows it, each with its reason.
const EXPECTED_SPARE: [&str; 8] = [
    // Checked by an admission plugin on our applies, never asked for.
    "update bitcoincontroller.christianb93.github.com/bitcoinnetworks/finalizers",
    // An apply to a name that is free is a PATCH that also needs `create`.
    "create apps/statefulsets",
    "create /services",
    // Which verb a WebSocket port-forward is depends on the version of the server.
    "create /pods/portforward",
    "get /pods/portforward",
    // This server streams the first state through the watch; one that cannot is asked for lists.
    "list /pods",
    "list /services",
    "list apps/statefulsets",
];

/// `verb group/resource[/subresource]` of a request; `None` for what is no resource (`/version`).
fn right_of(entry: &Value) -> Option<String> {
    let about = entry.get("objectRef")?;
    let text = |name: &str| about[name].as_str().unwrap_or_default();
    let subresource = match text("subresource") {
        "" => String::new(),
        name => format!("/{name}"),
    };
    let verb = entry["verb"].as_str()?;
    Some(format!(
        "{verb} {}/{}{subresource}",
        text("apiGroup"),
        text("resource")
    ))
}

fn rights(path: &str) -> BTreeSet<String> {
    let documents = yaml::all_from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut rights = BTreeSet::new();
    for rule in documents
        .iter()
        .flat_map(|document| document["rules"].as_array().cloned().unwrap_or_default())
    {
        let list = |name: &str| -> Vec<String> {
            let words = rule[name].as_array().cloned().unwrap_or_default();
            words
                .iter()
                .filter_map(|word| word.as_str().map(str::to_owned))
                .collect()
        };
        for (group, resource) in list("apiGroups").iter().flat_map(|group| {
            list("resources")
                .into_iter()
                .map(move |it| (group.clone(), it))
        }) {
            rights.extend(
                list("verbs")
                    .iter()
                    .map(|verb| format!("{verb} {group}/{resource}")),
            );
        }
    }
    rights
}

#[tokio::test]
async fn d_nothing_is_left_of_deleted_networks() {
    install();
    eventually("every network of the scenarios is gone", || async {
        let left = kubectl(&[
            "get",
            "btcnet,statefulsets",
            "--all-namespaces",
            "--output=name",
        ]);
        if left.trim().is_empty() {
            Ok(())
        } else {
            Err(left)
        }
    })
    .await;
}
