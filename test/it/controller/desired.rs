//! Goal: what is written is what a person would have written, and depends on nothing it should not.
//! The golden files are read by people; a test that fails prints the whole value as YAML.

use bitcoin_controller::api::BitcoinNetwork;
use bitcoin_controller::base::yaml;
use bitcoin_controller::bitcoin::{Credentials, WalletKeys};
use bitcoin_controller::controller::desired::{
    APPLIED_HASH, DEFAULT_IMAGE, NodeSpec, RESTART_HASH, Startup, identity, secret, service,
    stateful_set,
};
use serde_json::{Value, json};

use super::build::{NETWORK_UID, network};

const OWN_PASSWORD: &str = "a-password-of-our-own";
const ADDED_PASSWORD: &str = "a-password-of-a-user";

fn alpha() -> BitcoinNetwork {
    network(json!({"nodes": 3}))
}

fn own() -> Credentials {
    Credentials::new("bitcoin-controller", OWN_PASSWORD).unwrap()
}

fn added() -> Credentials {
    Credentials::new("bc-user", ADDED_PASSWORD).unwrap()
}

fn startup() -> Startup {
    Startup::new(
        DEFAULT_IMAGE.to_owned(),
        NodeSpec::default(),
        &own(),
        Some(&added()),
    )
}

fn template(set: &Value) -> &Value {
    &set["spec"]["template"]
}

fn container(set: &Value) -> &Value {
    &template(set)["spec"]["containers"][0]
}

fn arguments(set: &Value) -> Vec<&str> {
    container(set)["args"]
        .as_array()
        .unwrap()
        .iter()
        .map(|argument| argument.as_str().unwrap())
        .collect()
}

#[track_caller]
fn assert_is(golden: &str, value: &Value) {
    let golden: Value = yaml::from_str(golden).unwrap();
    assert_eq!(
        golden,
        *value,
        "the value is now\n{}",
        yaml::to_string(value).unwrap()
    );
}

#[test]
fn the_service_is_the_golden_one() {
    assert_is(
        include_str!("../../fixtures/controller/service.yaml"),
        &service(&alpha()),
    );
}

#[test]
fn the_stateful_set_is_the_golden_one() {
    let set = stateful_set(&alpha(), 3, &startup());
    assert_is(
        include_str!("../../fixtures/controller/stateful_set.yaml"),
        &set,
    );
}

#[test]
fn scaling_changes_no_pod_that_is_there() {
    let few = stateful_set(&alpha(), 3, &startup());
    let many = stateful_set(&alpha(), 1_000, &startup());
    assert_eq!(template(&few), template(&many));
    assert_ne!(
        few["metadata"]["annotations"][APPLIED_HASH],
        many["metadata"]["annotations"][APPLIED_HASH]
    );
}

#[test]
fn the_image_and_each_pair_of_credentials_need_a_restart() {
    let other_image = Startup::new(
        "bitcoin:31".to_owned(),
        NodeSpec::default(),
        &own(),
        Some(&added()),
    );
    let other_own = Credentials::new("bitcoin-controller", "another").unwrap();
    let others = [
        other_image,
        Startup::new(
            DEFAULT_IMAGE.to_owned(),
            NodeSpec::default(),
            &other_own,
            Some(&added()),
        ),
        Startup::new(
            DEFAULT_IMAGE.to_owned(),
            NodeSpec::default(),
            &own(),
            Some(&other_own),
        ),
        Startup::new(DEFAULT_IMAGE.to_owned(), NodeSpec::default(), &own(), None),
    ];
    for other in others {
        assert_ne!(other.restart_hash(), startup().restart_hash());
    }
    assert_eq!(startup().restart_hash(), startup().restart_hash());
}

#[test]
fn the_template_carries_the_restart_hash() {
    let set = stateful_set(&alpha(), 3, &startup());
    assert_eq!(
        template(&set)["metadata"]["annotations"][RESTART_HASH],
        startup().restart_hash()
    );
}

#[test]
fn no_password_is_in_any_object_but_the_secret() {
    let set = stateful_set(&alpha(), 3, &startup()).to_string();
    for password in [OWN_PASSWORD, ADDED_PASSWORD] {
        assert!(!set.contains(password));
    }
    assert_eq!(
        arguments(&stateful_set(&alpha(), 3, &startup()))
            .iter()
            .filter(|a| a.contains("rpcauth"))
            .count(),
        2
    );
}

#[test]
fn salts_are_stable_and_differ_between_users_and_networks() {
    let salt = |line: &str| line.split([':', '$']).nth(1).unwrap().to_owned();
    let lines = startup().rpcauth;
    assert_eq!(lines, startup().rpcauth);
    assert_ne!(salt(&lines[0]), salt(&lines[1]));
    let other_own = Credentials::new("bitcoin-controller", "another").unwrap();
    let elsewhere = Startup::new(
        DEFAULT_IMAGE.to_owned(),
        NodeSpec::default(),
        &other_own,
        Some(&added()),
    )
    .rpcauth;
    assert_ne!(
        salt(&lines[1]),
        salt(&elsewhere[1]),
        "one password, two networks, two lines"
    );
}

#[test]
fn the_secret_tells_an_application_all_it_needs() {
    let network = alpha();
    let keys = WalletKeys::of_seed(&"0".repeat(64)).unwrap();
    let secret = secret(&network, network.spec.valid().unwrap(), &own(), Some(&keys));
    assert_eq!(secret["metadata"]["name"], "alpha-rpc");
    assert_eq!(secret["metadata"]["ownerReferences"][0]["uid"], NETWORK_UID);
    let data = &secret["stringData"];
    assert_eq!(
        (&data["user"], &data["password"]),
        (&json!("bitcoin-controller"), &json!(OWN_PASSWORD))
    );
    assert_eq!(
        (&data["host"], &data["rpc-port"]),
        (&json!("alpha-svc.default.svc"), &json!("18443"))
    );
    assert_eq!(
        data["node-2-zmq-block"],
        "alpha-sts-2.alpha-svc.default.svc:28332"
    );
    assert_eq!(data["wallet-seed"], "0".repeat(64));
    assert!(
        secret["metadata"].get("annotations").is_none(),
        "no hash over a password where all can read it"
    );
}

/// The Secret is read on every pass.
#[test]
fn the_secret_of_the_largest_network_stays_small() {
    let largest = network(json!({"nodes": 1000, "wallet": {"ordinal": 999}}));
    let secret = secret(&largest, largest.spec.valid().unwrap(), &own(), None);
    let data = secret["stringData"].as_object().unwrap();
    assert!(data.contains_key("node-99-p2p") && !data.contains_key("node-100-p2p"));
    assert_eq!(
        data["node-host"],
        "alpha-sts-{ordinal}.alpha-svc.default.svc"
    );
    let url = "http://alpha-sts-999.alpha-svc.default.svc:18443/wallet/network";
    assert_eq!(data["wallet-rpc"], url);
    let n_bytes: usize = data
        .iter()
        .map(|(key, value)| key.len() + value.to_string().len())
        .sum();
    assert!(n_bytes < 32 << 10, "{n_bytes}");
}

/// Reserved by the node's user agent (BIP 14): `/ : ( )`, and by our own form of it: the dot.
#[test]
fn the_comment_names_network_and_pod_in_allowed_characters() {
    assert_eq!(identity(&alpha()), "0a1b2c3d");
    let set = stateful_set(&alpha(), 3, &startup());
    assert!(arguments(&set).contains(&"-uacomment=0a1b2c3d.$(POD_NAME)"));
}

/// A variable that is not defined before its use stays as it is written, and bitcoind does not start.
#[test]
fn every_variable_in_an_argument_is_defined() {
    let set = stateful_set(&alpha(), 3, &startup());
    let defined: Vec<&str> = container(&set)["env"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variable| variable["name"].as_str().unwrap())
        .collect();
    for argument in arguments(&set) {
        for (at, _) in argument.match_indices("$(") {
            let name = argument[at + 2..].split(')').next().unwrap();
            assert!(defined.contains(&name), "{argument}");
        }
    }
}

#[test]
fn no_option_is_one_that_some_supported_version_lacks() {
    const REMOVED_OR_NEW: [&str; 6] = [
        "upnp",
        "deprecatedrpc",
        "rpcuser",
        "rpcpassword",
        "whitelistrelay",
        "mempoolfullrbf",
    ];
    let set = stateful_set(&alpha(), 3, &startup());
    for argument in arguments(&set) {
        let name = argument.trim_start_matches('-').split('=').next().unwrap();
        assert!(!REMOVED_OR_NEW.contains(&name), "{argument}");
        assert!(
            !argument.starts_with("-rpcbind=0.0.0.0") && !argument.starts_with("-rpcbind=::"),
            "{argument}"
        );
    }
}

#[test]
fn the_ports_of_service_and_container_have_the_same_names_and_numbers() {
    let set = stateful_set(&alpha(), 3, &startup());
    let service = service(&alpha());
    let pairs = |ports: &Value, number: &str| -> Vec<(Value, Value)> {
        ports
            .as_array()
            .unwrap()
            .iter()
            .map(|port| (port["name"].clone(), port[number].clone()))
            .collect()
    };
    assert_eq!(
        pairs(&container(&set)["ports"], "containerPort"),
        pairs(&service["spec"]["ports"], "port")
    );
}
