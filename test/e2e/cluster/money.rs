//! A wallet application's way: a network with money, paid by `fund`, used through `connect` with the
//! credentials of the Secret, by a user who has the rights for that and no others.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bitcoin_controller::bitcoin::{Amount, Credentials, RpcClient, Txid};
use bitcoin_controller::http::{Endpoint, Tcp};
use rust_bitcoin::consensus::encode::deserialize;
use rust_bitcoin::{Block, Transaction};
use serde_json::{Value, json};

use crate::cluster::network::Network;
use crate::controller::install;
use crate::harness::{Namespace, apply, eventually, has_the_machine, root, run, temporary};
use crate::zmtp::Subscriber;

/// Somebody else's address: the money is to arrive there.
const ADDRESS: &str = "bcrt1qw508d6qejxtdg4y5r3zarvary0c5xw7kygt080";

/// The program, as a user with this kubeconfig runs it in the scenario's namespace.
pub fn program(namespace: &Namespace, kubeconfig: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var("E2E_BINARY").unwrap());
    command.args(arguments);
    command.args(["--namespace", &namespace.0, "--kubeconfig", kubeconfig]);
    command
}

/// `fund … --confirm`; the transaction's id.
pub fn fund(network: &Network<'_>, kubeconfig: &str, address: &str, amount: &str) -> String {
    let arguments = ["fund", &network.name, address, amount, "--confirm"];
    let said = run(&mut program(network.namespace, kubeconfig, &arguments));
    said.unwrap().trim().to_owned()
}

/// The kubeconfig of somebody who may use the network `network` in this namespace: what docs/money.md grants.
pub fn user(namespace: &Namespace, network: &str) -> String {
    let name = format!("user-of-{}", namespace.0);
    let script = root().join("hack/cluster/user.sh");
    let kubeconfig = run(Command::new(script).arg(&name)).unwrap();
    apply(&json!({
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "Role",
        "metadata": {"name": "use-a-network", "namespace": namespace.0},
        "rules": [
            {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [format!("{network}-rpc")], "verbs": ["get"]},
        ],
    }));
    let subject = format!("--user={name}");
    for role in ["--role=use-a-network", "--clusterrole=bitcoinnetworks-use"] {
        let binding = format!("use-{}", role.len());
        namespace.kubectl(&["create", "rolebinding", &binding, role, &subject]);
    }
    kubeconfig.trim().to_owned()
}

/// `connect`, holding its ports open.
struct Connect {
    child: Child,
    printed: Value,
}

impl Connect {
    async fn start(namespace: &Namespace, kubeconfig: &str, network: &str) -> Self {
        let file = temporary(&format!("connect-{}", namespace.0));
        let arguments = ["connect", network, "--format", "json"];
        let child = program(namespace, kubeconfig, &arguments)
            .stdin(Stdio::null())
            .stdout(std::fs::File::create(&file).unwrap())
            .spawn()
            .unwrap();
        let printed = eventually("connect has printed where to connect", || async {
            let text = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
            serde_json::from_str(&text).map_err(|error| error.to_string())
        })
        .await;
        std::fs::remove_file(&file).unwrap();
        Connect { child, printed }
    }

    /// `127.0.0.1:PORT` of something that was printed as a URL.
    fn address(&self, key: &str) -> String {
        let url = self.printed[key].as_str().unwrap();
        url.split_once("://").unwrap().1.to_owned()
    }

    fn rpc(&self) -> RpcClient {
        let text = |key: &str| self.printed[key].as_str().unwrap();
        let credentials = Credentials::new(text("user"), text("password")).unwrap();
        let address = self.address("rpc");
        let (host, port) = address.rsplit_once(':').unwrap();
        let endpoint = Endpoint::new(host, port.parse().unwrap());
        let tcp = std::sync::Arc::new(Tcp::new(Duration::from_secs(5)));
        RpcClient::new(tcp, endpoint, &credentials)
    }

    /// Ends it as Ctrl-C does.
    fn interrupt(mut self) {
        let pid = self.child.id().to_string();
        run(Command::new("sh").args(["-c", "kill -INT \"$1\"", "sh", &pid])).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Connect {
    fn drop(&mut self) {
        // It has ended already, unless the scenario fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What is told of something that is published. A subscription takes a moment to arrive, and what was
/// published before it is never told: published anew until something is.
async fn first_told(subscriber: &mut Subscriber, mut publish: impl AsyncFnMut()) -> Vec<u8> {
    for _ in 0..10 {
        publish().await;
        if let Some(told) = subscriber.next_within(Duration::from_secs(3)).await {
            return told;
        }
    }
    panic!("nothing is told");
}

#[tokio::test]
async fn an_application_is_paid_connects_pays_and_is_told() {
    if !has_the_machine("an_application_is_paid_connects_pays_and_is_told") {
        return;
    }
    install();
    let namespace = Namespace::create("money");
    let user = user(&namespace, "alpha");
    let network = Network::create(
        &namespace,
        "alpha",
        json!({"nodes": 2, "wallet": {"ordinal": 1}}),
    );

    // It waits for all of it: pods, links, the wallet and 101 blocks.
    let paid: Txid = fund(&network, &user, ADDRESS, "0.12345678")
        .parse()
        .unwrap();
    network.until_ready(2).await;
    network
        .until_condition("WalletReady", "True", "WalletLoaded")
        .await;
    eventually("the other node has the payment in a block", || async {
        let call = ["getrawtransaction", &paid.to_string(), "1"];
        let transaction: Value = serde_json::from_str(&network.cli(0, &call)?).unwrap();
        let arrived = |output: &Value| {
            output["value"].as_f64() == Some(0.123_456_78)
                && output["scriptPubKey"]["address"] == ADDRESS
        };
        let has_arrived = transaction["vout"].as_array().unwrap().iter().any(arrived);
        match has_arrived && transaction["confirmations"].as_i64() >= Some(1) {
            true => Ok(()),
            false => Err(transaction.to_string()),
        }
    })
    .await;

    let connect = Connect::start(&namespace, &user, "alpha").await;
    let mut transactions = Subscriber::connect(&connect.address("zmqTx"), "rawtx")
        .await
        .unwrap();
    let mut blocks = Subscriber::connect(&connect.address("zmqBlock"), "rawblock")
        .await
        .unwrap();
    let wallet = connect.rpc().wallet("network");
    let pay = async || {
        let payment = wallet.send_to_address(ADDRESS, Amount::from_sat(777), "from an application");
        payment.await.unwrap()
    };
    let mine = async || connect.rpc().generate_to_address(1, ADDRESS).await.unwrap();
    let mut payments = Vec::new();
    let told = first_told(&mut transactions, async || payments.push(pay().await)).await;
    let told = deserialize::<Transaction>(&told).unwrap().compute_txid();
    assert!(payments.contains(&told));
    first_told(&mut blocks, async || drop(mine().await)).await;

    let sent = pay().await;
    let mined = mine().await[0].to_string();
    let block = loop {
        let told = blocks.next_within(Duration::from_secs(30)).await;
        let block: Block = deserialize(&told.expect("the block is told")).unwrap();
        if block.block_hash().to_string() == mined {
            break block;
        }
    };
    assert!(block.txdata.iter().any(|one| one.compute_txid() == sent));
    assert_eq!(wallet.confirmations(&sent).await.unwrap(), 1);

    // The pod goes, with its disk; the same ports lead to the next one, and the money is there again.
    eventually("the other node has the block, too", || async {
        match network.tip(0) == block.block_hash().to_string() {
            true => Ok(()),
            false => Err(network.tip(0)),
        }
    })
    .await;
    let before = network.pod_uids();
    namespace.kubectl(&["delete", "pod", &network.pod(1)]);
    network.until_replaced(1, &before).await;
    network.until_ready(2).await;
    eventually("the wallet has the payment again", || async {
        match wallet.confirmations(&sent).await {
            Ok(1) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    assert!(wallet.balances().await.unwrap().trusted > Amount::ONE_BTC);
    connect.interrupt();
}

#[tokio::test]
async fn what_cannot_be_paid_is_refused_with_a_reason() {
    if !has_the_machine("what_cannot_be_paid_is_refused_with_a_reason") {
        return;
    }
    install();
    let namespace = Namespace::create("no-money");
    let admin = std::env::var("KUBECONFIG").unwrap();
    let network = Network::create(&namespace, "alpha", json!({"nodes": 1}));
    let refused = |address: &str, amount: &str| {
        let arguments = ["fund", "alpha", address, amount];
        run(&mut program(&namespace, &admin, &arguments)).unwrap_err()
    };
    let error = refused(ADDRESS, "1");
    assert!(
        error.contains(r#"--patch '{"spec":{"wallet":{}}}'"#),
        "{error}"
    );
    let error = refused("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "1");
    assert!(error.contains("another chain"), "{error}");
    let error = refused(ADDRESS, "0.123456789");
    assert!(error.contains("amount"), "{error}");
    network.ask(json!({"nodes": 1, "wallet": {}}));
    let error = refused(ADDRESS, "51");
    assert!(error.contains("BTC to spend"), "{error}");
}
