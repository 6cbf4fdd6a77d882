//! An application that none of us wrote: two real Lightning nodes, configured only from what `connect` prints.

use std::time::Duration;

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::client::{Client, Config};
use bitcoin_controller::http::{Body, HttpClient, read_body};
use hyper::{Method, Request};
use serde_json::{Value, json};

use crate::cluster::money::{fund, program, user};
use crate::cluster::network::Network;
use crate::controller::install;
use crate::harness::{Namespace, apply, eventually, eventually_within, has_the_machine, node, run};

const REST_PORT: u16 = 8080;

/// One Lightning node in a pod.
struct Lnd<'a> {
    namespace: &'a Namespace,
    name: &'static str,
    http: HttpClient,
}

/// LND asks one question after the other, and repeats one that meets no node for a minute and a half.
const PATIENCE: Duration = Duration::from_secs(300);

impl<'a> Lnd<'a> {
    /// Starts a pod with LND, whose configuration file is in the Secret `lnd`.
    fn start(namespace: &'a Namespace, name: &'static str) -> Self {
        let restricted = json!({
            "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": {"drop": ["ALL"]},
        });
        apply(&json!({
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": namespace.0, "labels": {"app": "lnd"}},
            "spec": {
                "automountServiceAccountToken": false,
                "securityContext": {
                    "runAsNonRoot": true, "runAsUser": 1000, "fsGroup": 1000, "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [{
                    "name": "lnd",
                    "image": "localhost/lnd:dev",
                    "imagePullPolicy": "IfNotPresent",
                    "args": [
                        "--configfile=/conf/lnd.conf", "--lnddir=/data", format!("--alias={name}"),
                        "--listen=0.0.0.0:9735", format!("--restlisten=127.0.0.1:{REST_PORT}"), "--rpclisten=127.0.0.1:10009",
                        // For a test: no wallet's password, no macaroons, no certificates.
                        "--noseedbackup", "--no-macaroons", "--no-rest-tls",
                    ],
                    "env": [{"name": "HOME", "value": "/data"}],
                    "securityContext": restricted,
                    "volumeMounts": [{"name": "conf", "mountPath": "/conf"}, {"name": "data", "mountPath": "/data"}],
                }],
                "volumes": [{"name": "conf", "secret": {"secretName": "lnd"}}, {"name": "data", "emptyDir": {}}],
            },
        }));
        // Without macaroons it answers on its own loopback interface only: that is where a port-forward arrives.
        let client = Client::connect(Config::load(None, None).unwrap()).unwrap();
        let pod = ObjectKey::new(namespace.0.clone(), name);
        let http = HttpClient::plain(client.pod_transport(&pod), Duration::from_secs(20));
        Lnd {
            namespace,
            name,
            http,
        }
    }

    fn address(&self) -> Result<String, String> {
        let pod = self.namespace.get("pod", self.name)?;
        let address = pod["status"]["podIP"].as_str();
        address.map(str::to_owned).ok_or("no address".to_owned())
    }

    /// Asks its REST interface. A stream of answers gives its last one.
    async fn ask(&self, method: Method, path: &str, body: Value) -> Result<Value, String> {
        let mut request = Request::new(Body::from(body.to_string()));
        *request.method_mut() = method;
        let uri = format!("http://127.0.0.1:{REST_PORT}{path}");
        *request.uri_mut() = uri.parse().unwrap();
        let exchange = async {
            let response = self.http.send(request).await;
            let response = response.map_err(|error| error.to_string())?;
            let status = response.status();
            let body = read_body(response.into_body(), 1 << 20).await;
            let body = body.map_err(|error| error.to_string())?;
            let text = String::from_utf8(body.to_vec()).unwrap();
            match status.is_success() {
                true => Ok(text),
                false => Err(format!("{path}: {status} {text}")),
            }
        };
        let answer = tokio::time::timeout(Duration::from_secs(40), exchange).await;
        let text = answer.map_err(|_| format!("{path}: no answer"))??;
        let last = text.trim().lines().last().unwrap_or_default();
        serde_json::from_str(last).map_err(|error| format!("{path}: {error}: {text}"))
    }

    async fn get(&self, path: &str) -> Result<Value, String> {
        self.ask(Method::GET, path, json!(null)).await
    }

    async fn post(&self, path: &str, body: Value) -> Result<Value, String> {
        self.ask(Method::POST, path, body).await
    }

    /// Waits until it has caught up with a chain of `height` blocks; its public key.
    async fn until_synced(&self, height: u64) -> String {
        let what = format!("{} is synced to the chain at {height}", self.name);
        eventually_within(PATIENCE, &what, || async {
            let info = self.get("/v1/getinfo").await.map_err(|error| {
                let log = ["logs", self.name, "--tail=5"];
                let log = self.namespace.try_kubectl(&log).unwrap_or_default();
                format!("{error}; it logs: {log}")
            })?;
            let is_there = info["block_height"].as_u64() >= Some(height);
            match info["synced_to_chain"] == true && is_there {
                true => Ok(info["identity_pubkey"].as_str().unwrap().to_owned()),
                false => Err(info.to_string()),
            }
        })
        .await
    }

    /// Makes an invoice of `sat` satoshi.
    async fn invoice(&self, sat: u64) -> Value {
        let invoice = self.post("/v1/invoices", json!({"value": sat.to_string()}));
        invoice.await.unwrap()["payment_request"].clone()
    }

    /// Pays an invoice, and waits until that is over.
    async fn pay(&self, invoice: &Value) -> Result<(), String> {
        let payment = json!({
            "payment_request": invoice, "timeout_seconds": 20, "fee_limit_sat": "100", "no_inflight_updates": true,
        });
        let outcome = self.post("/v2/router/send", payment).await?;
        match outcome["result"]["status"] == "SUCCEEDED" {
            true => Ok(()),
            false => Err(outcome.to_string()),
        }
    }

    /// Whether it has a channel that can be used.
    async fn has_channel(&self) -> Result<(), String> {
        let channels = self.get("/v1/channels?active_only=true").await?;
        match channels["channels"]
            .as_array()
            .is_some_and(|all| !all.is_empty())
        {
            true => Ok(()),
            false => Err(self.get("/v1/channels/pending").await?.to_string()),
        }
    }
}

fn height(network: &Network<'_>) -> u64 {
    let height = network.cli(0, &["getblockcount"]).unwrap();
    height.trim().parse().unwrap()
}

#[tokio::test]
async fn lightning_nodes_pay_one_another_and_survive_the_loss_of_their_bitcoind() {
    if !has_the_machine("lightning_nodes_pay_one_another_and_survive_the_loss_of_their_bitcoind") {
        return;
    }
    install();
    let namespace = Namespace::create("lightning");
    let user = user(&namespace, "alpha");
    let network = Network::create(&namespace, "alpha", json!({"nodes": 2, "wallet": {}}));
    network.until_ready(2).await;

    // Everything LND knows of the network is what `connect` prints.
    let arguments = [
        "connect",
        "alpha",
        "--in-cluster",
        "--node=1",
        "--format=lnd.conf",
    ];
    let configuration = run(&mut program(&namespace, &user, &arguments)).unwrap();
    apply(&json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "lnd", "namespace": namespace.0},
        "stringData": {"lnd.conf": configuration},
    }));
    let (payer, payee) = (
        Lnd::start(&namespace, "payer"),
        Lnd::start(&namespace, "payee"),
    );
    payer.until_synced(height(&network)).await;
    let payee_key = payee.until_synced(height(&network)).await;

    // Money, a channel, a payment.
    let new_address = payer.get("/v1/newaddress?type=WITNESS_PUBKEY_HASH").await;
    let address = new_address.unwrap()["address"].as_str().unwrap().to_owned();
    fund(&network, &user, &address, "1");
    eventually("the money has arrived", || async {
        let balance = payer.get("/v1/balance/blockchain").await?;
        match balance["confirmed_balance"] == "100000000" {
            true => Ok(()),
            false => Err(balance.to_string()),
        }
    })
    .await;
    let host = format!("{}:9735", payee.address().unwrap());
    let peer = json!({"addr": {"pubkey": payee_key, "host": host}, "perm": true});
    // It answers questions before it talks to others.
    eventually("they are connected", || {
        payer.post("/v1/peers", peer.clone())
    })
    .await;
    payer.until_synced(height(&network)).await;
    payee.until_synced(height(&network)).await;
    let channel = json!({"node_pubkey_string": payee_key, "local_funding_amount": "500000"});
    eventually("the channel is opened", || {
        payer.post("/v1/channels", channel.clone())
    })
    .await;
    eventually(
        "the node that mines has the funding transaction",
        || async {
            let mempool = network.cli(0, &["getmempoolinfo"])?;
            let mempool: Value = serde_json::from_str(&mempool).unwrap();
            match mempool["size"].as_u64() >= Some(1) {
                true => Ok(()),
                false => Err(mempool.to_string()),
            }
        },
    )
    .await;
    network.mine(0, 6);
    eventually("the channel can be used", || payer.has_channel()).await;
    payee.until_synced(height(&network)).await;
    let invoice = payee.invoice(1_000).await;
    eventually("the invoice is paid", || payer.pay(&invoice)).await;

    // The bitcoind of both is deleted, with its disk.
    let before = network.pod_uids();
    namespace.kubectl(&["delete", "pod", &network.pod(1)]);
    network.until_replaced(1, &before).await;
    network.until_ready(2).await;
    network.mine(0, 3);
    // LND looks its bitcoind's name up once, at its start, and the pod has another address now.
    for lnd in [&payer, &payee] {
        node(&["kill", &format!("{}/{}", namespace.0, lnd.name), "lnd"]);
    }
    payer.until_synced(height(&network)).await;
    payee.until_synced(height(&network)).await;
    eventually("the channel is there", || payer.has_channel()).await;
    let invoice = payee.invoice(2_000).await;
    eventually("another invoice is paid", || payer.pay(&invoice)).await;
    for lnd in [&payer, &payee] {
        let pod = namespace.get("pod", lnd.name).unwrap();
        let restarts = &pod["status"]["containerStatuses"][0]["restartCount"];
        assert_eq!(*restarts, 1, "{} was started once more", lnd.name);
    }
}
