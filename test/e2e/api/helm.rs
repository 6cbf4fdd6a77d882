//! helm, a chart of three objects, and what becomes of them on the pretend server and on the real one.

use serde_json::{Value, json};

use super::program::{self, peer};
use super::server::Server;
use crate::harness::root;

#[tokio::test]
async fn helm_looks_after_a_release_on_the_pretend_server() {
    helm_looks_after_a_release(&Server::pretend().await).await;
}

#[tokio::test]
async fn helm_looks_after_a_release_on_the_real_server() {
    helm_looks_after_a_release(&Server::real()).await;
}

const NAMESPACE: &str = "helm";

/// Goal: helm installs, upgrades, refuses, rolls back and uninstalls, with server-side apply and without.
/// Method: the life of a release, typed; after each command the objects are looked at.
async fn helm_looks_after_a_release(server: &Server) {
    server.prepare(NAMESPACE).await;
    let release = Release { server };
    for server_side in ["true", "false"] {
        let how = format!("--server-side={server_side}");
        release.helm(&["install", "one", CHART, &how]).await;
        assert_eq!(release.listed().await, json!(["one", "1", "deployed"]));
        assert_eq!(release.objects().await, "hello 2 somebody");

        let changes = "--set=greeting=bye,nodes=3,secret=false";
        release
            .helm(&["upgrade", "one", CHART, &how, changes])
            .await;
        assert_eq!(release.listed().await, json!(["one", "2", "deployed"]));
        assert_eq!(
            release.objects().await,
            "bye 3 ",
            "what the chart leaves out goes"
        );

        release.helm(&["rollback", "one", "1", &how]).await;
        assert_eq!(release.objects().await, "hello 2 somebody");
        assert_eq!(release.history().await, "superseded superseded deployed");

        release.helm(&["uninstall", "one", "--wait"]).await;
        assert_eq!(release.listed().await, Value::Null);
        assert_eq!(release.objects().await, "  ");
    }
    somebody_elses_field_is_spared(&release).await;
    server.clear(NAMESPACE).await;
}

/// A field that another has set since is taken only by force.
async fn somebody_elses_field_is_spared(release: &Release<'_>) {
    release.helm(&["install", "one", CHART]).await;
    let scale = ["scale", "btcnet", "one", "--replicas=5"];
    release.kubectl(&scale).await;
    let upgrade = ["upgrade", "one", CHART, "--set=nodes=4"];
    let refused = release.try_helm(&upgrade).await.unwrap_err();
    let conflict = "conflict with \"kubectl\" with subresource \"scale\"";
    assert!(
        refused.contains(conflict) && refused.contains(".spec.nodes"),
        "{refused}"
    );
    assert_eq!(release.listed().await, json!(["one", "2", "failed"]));
    assert_eq!(release.objects().await, "hello 5 somebody");
    release
        .helm(&[&upgrade[..], &["--force-conflicts"]].concat())
        .await;
    assert_eq!(release.objects().await, "hello 4 somebody");
    release.helm(&["uninstall", "one"]).await;
}

const CHART: &str = "test/fixtures/chart";

struct Release<'a> {
    server: &'a Server,
}

impl Release<'_> {
    async fn helm(&self, arguments: &[&str]) -> String {
        let output = self.try_helm(arguments).await;
        output.unwrap_or_else(|error| panic!("helm {}: {error}", arguments.join(" ")))
    }

    async fn try_helm(&self, arguments: &[&str]) -> Result<String, String> {
        let mut helm = peer("helm");
        // Whoever runs this may have plugins and settings of their own.
        for home in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME"] {
            helm.env(home, "/nonexistent");
        }
        helm.current_dir(root()).env("HELM_NAMESPACE", NAMESPACE);
        program::run(helm, self.server.kubeconfig(), arguments).await
    }

    async fn kubectl(&self, arguments: &[&str]) -> String {
        let namespace = format!("--namespace={NAMESPACE}");
        self.server
            .kubectl(&[arguments, &[namespace.as_str()]].concat())
            .await
    }

    /// Name, revision and state of the only release; null if there is none.
    async fn listed(&self) -> Value {
        let listed = self.helm(&["list", "--output=json"]).await;
        let listed: Value = serde_json::from_str(&listed).unwrap();
        match listed.as_array().unwrap().as_slice() {
            [] => Value::Null,
            [one] => json!([one["name"], one["revision"], one["status"]]),
            more => panic!("{more:?}"),
        }
    }

    /// What became of its revisions, the first one first.
    async fn history(&self) -> String {
        let history = self.helm(&["history", "one", "--output=json"]).await;
        let history: Vec<Value> = serde_json::from_str(&history).unwrap();
        let states = history.iter().map(|revision| revision["status"].as_str());
        states.map(Option::unwrap).collect::<Vec<_>>().join(" ")
    }

    /// A field of each object of the chart; nothing for one that is not there.
    async fn objects(&self) -> String {
        let kinds = "configmaps,bitcoinnetworks,secrets";
        let named = "--field-selector=metadata.name=one";
        let list = self.kubectl(&["get", kinds, named, "--output=json"]).await;
        let list: Value = serde_json::from_str(&list).unwrap();
        let field = |(kind, path)| {
            let items = list["items"].as_array().unwrap();
            let object = items.iter().find(|item| item["kind"] == kind);
            object.map_or_else(String::new, |object| match object.pointer(path).unwrap() {
                Value::String(text) => text.replace("c29tZWJvZHk=", "somebody"),
                value => value.to_string(),
            })
        };
        let fields = [
            ("ConfigMap", "/data/greeting"),
            ("BitcoinNetwork", "/spec/nodes"),
            ("Secret", "/data/BC_RPC_USER"),
        ];
        fields.map(field).join(" ")
    }
}
