//! What a network should own: a headless Service, a StatefulSet and a Secret, worked out purely.
//!
//! These are values of their own, written by field with server-side apply; nothing that was read is
//! ever sent back. Two rules shape them:
//!
//! - **The pod template does not depend on how many nodes there are**, nor on how they are connected.
//!   So scaling from 3 to 30 changes no pod that is there.
//! - **A pod is replaced when what it was started with has changed**, and for no other reason. The
//!   template carries [`RESTART_HASH`], over the image, the credentials and what the spec says about nodes.
//!   A new version of this program may write the template differently; pods that run stay as they are.
//!
//! # Invariants
//! - The same network, image and credentials give the same bytes.
//! - Quantities and defaults are written as the server writes them, so comparing is by equality.
//! - No password is in any of these values but the Secret: pods get salted `-rpcauth` lines.
//!
//! # Source
//! The names are those of the first controller of this name: `<network>-sts`, `<network>-svc`,
//! container `<network>-sts-ctr`, label `app`. What differs: a salted credential of our own, probes
//! without a shell, ports that are declared, Pod Security "restricted".

mod arguments;
pub mod connection;
pub mod extra_args;
mod node_spec;
mod pod;
pub mod quantity;
mod resources;
mod startup;
mod volume;

use serde_json::{Value, json};

use crate::api::network::{BitcoinNetworkSpec, GROUP};
use crate::api::{BitcoinNetwork, ObjectKey, OwnerReference, Resource};
use crate::bitcoin::WalletKeys;
use crate::bitcoin::credentials::Credentials;
use crate::controller::digest;

pub use self::node_spec::{NodeSpec, VolumeSpec};
pub use self::startup::Startup;
pub use self::volume::{NETWORK_UID, is_claim_of};

/// The image that nodes run if the network names none.
pub const DEFAULT_IMAGE: &str = "docker.io/bitcoin/bitcoin:29.0";

/// The port of JSON-RPC and REST: regtest's own.
pub const RPC_PORT: u16 = 18443;
/// The port of the peer-to-peer protocol: regtest's own.
pub const P2P_PORT: u16 = 18444;
/// The port on which raw blocks are published.
pub const ZMQ_BLOCK_PORT: u16 = 28332;
/// The port on which raw transactions are published.
pub const ZMQ_TX_PORT: u16 = 28333;

/// The label by which everything we made is found: what the informers select.
pub const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "bitcoin-controller");
/// The label that names the network an object belongs to.
pub const INSTANCE: &str = "app.kubernetes.io/instance";

/// The annotation of the pod template that changes when pods have to be replaced.
pub const RESTART_HASH: &str = "bitcoincontroller.christianb93.github.com/restart-hash";
/// The annotation with the hash of all that was applied: it makes fields that are no longer wanted
/// visible as a difference, though they are not in the wanted value any more.
pub const APPLIED_HASH: &str = "bitcoincontroller.christianb93.github.com/applied-hash";

/// Keys of the Secret with our credentials; they are those of an application's environment.
pub const SECRET_USER: &str = "user";
/// See [`SECRET_USER`].
pub const SECRET_PASSWORD: &str = "password";
/// The key of the same Secret with the seed of the network's wallet.
pub const SECRET_WALLET_SEED: &str = "wallet-seed";

/// What the network's wallet is called on its node.
pub const WALLET_NAME: &str = "network";

/// The key of the network's Service.
pub fn service_key(network: &ObjectKey) -> ObjectKey {
    ObjectKey::new(network.namespace.clone(), format!("{}-svc", network.name))
}

/// The key of the network's StatefulSet.
pub fn stateful_set_key(network: &ObjectKey) -> ObjectKey {
    ObjectKey::new(network.namespace.clone(), format!("{}-sts", network.name))
}

/// The key of the Secret with the credentials we made.
pub fn secret_key(network: &ObjectKey) -> ObjectKey {
    ObjectKey::new(network.namespace.clone(), format!("{}-rpc", network.name))
}

/// The key of the pod with this ordinal.
pub fn pod_key(network: &ObjectKey, ordinal: i32) -> ObjectKey {
    ObjectKey::new(
        network.namespace.clone(),
        format!("{}-sts-{ordinal}", network.name),
    )
}

/// The DNS name of a pod within its namespace.
pub fn dns_name(network: &ObjectKey, pod: &str) -> String {
    format!("{pod}.{}", service_key(network).name)
}

/// The selector of a network's pods, as text.
pub fn selector_text(network: &ObjectKey) -> String {
    format!("app={},{}={}", network.name, MANAGED_BY.0, MANAGED_BY.1)
}

/// What all nodes of this network say of themselves, so that their peers can be told from strangers.
pub fn identity(network: &BitcoinNetwork) -> String {
    network
        .metadata
        .uid
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(8)
        .collect()
}

/// The headless Service: it names the pods, ready or not, because nodes are found before they are ready.
pub fn service(network: &BitcoinNetwork) -> Value {
    let port = |name: &str, port: u16| json!({"name": name, "port": port, "protocol": "TCP", "targetPort": name});
    let spec = json!({
        "clusterIP": "None",
        "ipFamilyPolicy": "PreferDualStack",
        "publishNotReadyAddresses": true,
        "selector": selector(network),
        "ports": [
            port("rpc", RPC_PORT),
            port("p2p", P2P_PORT),
            port("zmq-block", ZMQ_BLOCK_PORT),
            port("zmq-tx", ZMQ_TX_PORT),
        ],
    });
    object::<crate::api::core::Service>(
        network,
        &service_key(&network.key()),
        json!({"spec": spec}),
    )
}

/// The StatefulSet: `replicas` pods at once, replaced by nobody but us.
pub fn stateful_set(network: &BitcoinNetwork, replicas: i32, startup: &Startup) -> Value {
    let key = network.key();
    let mut spec = json!({
        "replicas": replicas,
        "serviceName": service_key(&key).name,
        "podManagementPolicy": "Parallel",
        "updateStrategy": {"type": "OnDelete"},
        "revisionHistoryLimit": 2,
        "selector": {"matchLabels": selector(network)},
        "template": {
            "metadata": {
                "labels": labels(network),
                "annotations": {RESTART_HASH: startup.restart_hash()},
            },
            "spec": pod::pod_spec(network, startup),
        },
    });
    if let Some(volume) = &startup.node.storage {
        spec["volumeClaimTemplates"] = json!([volume::claim(network, volume)]);
        spec["persistentVolumeClaimRetentionPolicy"] = volume::retention(volume);
    }
    object::<crate::api::apps::StatefulSet>(network, &stateful_set_key(&key), json!({"spec": spec}))
}

/// The Secret as it is made: our credentials, the wallet's seed if there is to be one, and where to use them.
pub fn secret(
    network: &BitcoinNetwork,
    spec: &BitcoinNetworkSpec,
    own: &Credentials,
    wallet: Option<&WalletKeys>,
) -> Value {
    let key = network.key();
    let mut data = json!(connection::connection(network, spec));
    data[SECRET_USER] = own.user().into();
    data[SECRET_PASSWORD] = own.password().into();
    if let Some(wallet) = wallet {
        data[SECRET_WALLET_SEED] = wallet.seed().into();
    }
    let mut value = object::<crate::api::core::Secret>(
        network,
        &secret_key(&key),
        json!({"type": "Opaque", "stringData": data}),
    );
    // A hash over a password does not belong in an annotation that everybody can read.
    if let Some(metadata) = value["metadata"].as_object_mut() {
        metadata.remove("annotations");
    }
    value
}

fn selector(network: &BitcoinNetwork) -> Value {
    json!({"app": network.metadata.name, MANAGED_BY.0: MANAGED_BY.1})
}

fn labels(network: &BitcoinNetwork) -> Value {
    json!({
        "app": network.metadata.name,
        "app.kubernetes.io/name": "bitcoind",
        INSTANCE: network.metadata.name,
        "app.kubernetes.io/component": "node",
        "app.kubernetes.io/part-of": GROUP,
        MANAGED_BY.0: MANAGED_BY.1,
    })
}

/// Puts name, labels and owner around `content`, and the hash of all of it.
fn object<R: Resource>(network: &BitcoinNetwork, key: &ObjectKey, content: Value) -> Value {
    let mut object = content;
    object["apiVersion"] = R::api_version().into();
    object["kind"] = R::KIND.into();
    object["metadata"] = json!({
        "name": key.name,
        "namespace": key.namespace,
        "labels": labels(network),
        "ownerReferences": [OwnerReference::to_controller(network)],
    });
    let hash = digest::of(&[&object.to_string()])[..16].to_owned();
    object["metadata"]["annotations"] = json!({APPLIED_HASH: hash});
    object
}
