//! A plugin as a kubeconfig has it: what is refused, and all the way from the file to the server.

use std::path::Path;

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::api::core::Pod;
use bitcoin_controller::client::environment::Environment;
use bitcoin_controller::client::kubeconfig::Kubeconfig;
use bitcoin_controller::client::{Client, Error};
use bitcoin_controller::http::Endpoint;
use serde_json::json;

use super::{SERVER, config, config_of, nothing};
use crate::client::exec_plugin::Plugin;
use crate::client::server::{Reply, Server};
use crate::client::{TemporaryDirectory, chain, tls};

#[test]
fn c125_a_plugin_that_is_not_fully_said_is_an_error_with_the_users_name() {
    let table = [
        ("{}", "has an exec without command"),
        ("{command: x}", "has an exec without apiVersion"),
        (
            "{command: x, apiVersion: client.authentication.k8s.io/v1alpha1}",
            "has an exec whose apiVersion `client.authentication.k8s.io/v1alpha1` is neither \
             client.authentication.k8s.io/v1 nor client.authentication.k8s.io/v1beta1",
        ),
        (
            "{command: x, apiVersion: client.authentication.k8s.io/v1}",
            "has an exec without interactiveMode",
        ),
        (
            "{command: x, apiVersion: client.authentication.k8s.io/v1beta1, interactiveMode: x}",
            "has an exec whose interactiveMode `x` is none of Never, IfAvailable, Always",
        ),
        (
            "{command: x, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Always}",
            "has an exec with interactiveMode Always, and there is no terminal",
        ),
        (
            "{command: x, apiVersion: client.authentication.k8s.io/v1beta1, env: [{value: hunter2}]}",
            "has an exec with an env that has no usable name",
        ),
    ];
    for (exec, why) in table {
        let expected = format!("user `a` in `DIR/config` {why}");
        let user = format!("{{exec: {exec}}}");
        assert_eq!(config(SERVER, &user).unwrap_err(), expected);
    }
    let user = "{exec: {command: x, apiVersion: client.authentication.k8s.io/v1beta1}}";
    assert!(config(SERVER, user).is_ok());
    let user = "{exec: {command: x, apiVersion: client.authentication.k8s.io/v1, interactiveMode: Always}}";
    assert!(config_of(&nothing().with_terminal(), SERVER, user).is_ok());
}

const OBJECT: &str = r#"{"metadata":{"name":"a"}}"#;

/// A server with TLS, and a client whose kubeconfig has `plugin` for its user.
struct World {
    server: Server,
    client: Client,
}

/// What is not as usual.
struct Unusual {
    /// More lines of the `exec`.
    exec: &'static str,
    /// More lines of the user.
    user: &'static str,
    environment: Environment,
    wants_certificate: bool,
}

impl Default for Unusual {
    fn default() -> Self {
        Unusual {
            exec: "",
            user: "",
            environment: nothing(),
            wants_certificate: false,
        }
    }
}

impl World {
    fn new(plugin: &Plugin, replies: impl IntoIterator<Item = Reply>) -> Self {
        World::with(Unusual::default(), plugin, replies)
    }

    fn with(unusual: Unusual, plugin: &Plugin, replies: impl IntoIterator<Item = Reply>) -> Self {
        let endpoint = Endpoint::new("kube.test", 6443);
        let acceptor = tls::acceptor(unusual.wants_certificate);
        let server = Server::start_at(endpoint, Some(acceptor), replies);
        let directory = TemporaryDirectory::new();
        let path = directory.path().join("config");
        let Unusual { exec, user, .. } = unusual;
        let text = kubeconfig(&Plugin::command(), plugin.directory(), exec, user);
        std::fs::write(&path, text).unwrap();
        let kubeconfig = Kubeconfig::read(&path).unwrap();
        let config = kubeconfig.config_of(&unusual.environment, None);
        let client = server.client_of(config.unwrap());
        World { server, client }
    }

    async fn get(&self) -> Result<Pod, Error> {
        self.client.get::<Pod>(&ObjectKey::new("x", "a")).await
    }

    /// What each request said about who sent it.
    fn said(&self) -> Vec<String> {
        let seen = self.server.seen();
        let said = seen
            .iter()
            .map(|seen| seen.header("authorization").unwrap_or("nothing"));
        said.map(str::to_owned).collect()
    }
}

fn kubeconfig(command: &Path, directory: &Path, exec: &str, user: &str) -> String {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("test/fixtures/tls");
    format!(
        "current-context: a
contexts: [{{name: a, context: {{cluster: a, user: a}}}}]
clusters:
- name: a
  cluster:
    server: https://kube.test:6443/
    certificate-authority: {}/ca.crt
    extensions:
    - {{name: other, extension: {{wrong: true}}}}
    - {{name: client.authentication.k8s.io/exec, extension: {{audience: us}}}}
users:
- name: a
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: {}
      args: [{}]
      interactiveMode: IfAvailable
{exec}
{user}
",
        fixtures.display(),
        command.display(),
        directory.display(),
    )
}

#[tokio::test]
async fn c127_a_401_leads_to_another_run_and_the_failed_request_is_not_sent_again() {
    let plugin = Plugin::answering(&json!({"token": "one"}));
    let world = World::new(&plugin, [Reply::new(401, "", ""), Reply::ok(OBJECT)]);
    let error = world.get().await.unwrap_err();
    assert!(error.is_unauthorized(), "{error}");
    assert_eq!(world.said(), ["Bearer one"]);
    plugin.now_answers(&json!({"token": "two"}));
    world.get().await.unwrap();
    assert_eq!(world.said(), ["Bearer one", "Bearer two"]);
    assert_eq!(plugin.n_runs(), 2);
}

#[tokio::test]
async fn c127_a_new_token_is_said_on_the_old_connection() {
    let plugin = Plugin::answering(&json!({"token": "one"}));
    let world = World::new(&plugin, [Reply::new(401, "", ""), Reply::ok(OBJECT)]);
    world.get().await.unwrap_err();
    plugin.now_answers(&json!({"token": "two"}));
    world.get().await.unwrap();
    assert_eq!(world.said(), ["Bearer one", "Bearer two"]);
    assert_eq!(world.server.greetings().len(), 1);
}

#[tokio::test]
async fn c127_a_certificate_of_the_plugin_is_shown_and_a_new_one_on_a_new_connection() {
    let pair = |form: &str| {
        let read =
            |end: &str| String::from_utf8(tls::fixture(&format!("client-{form}.{end}"))).unwrap();
        json!({"clientCertificateData": read("crt"), "clientKeyData": read("key")})
    };
    let plugin = Plugin::answering(&pair("pkcs8"));
    let replies = [
        Reply::ok(OBJECT),
        Reply::new(401, "", ""),
        Reply::ok(OBJECT),
    ];
    let unusual = Unusual {
        wants_certificate: true,
        ..Unusual::default()
    };
    let world = World::with(unusual, &plugin, replies);
    world.get().await.unwrap();
    let greetings = |count| vec![(Some("kube.test".to_owned()), 1); count];
    assert_eq!(world.server.greetings(), greetings(1));
    plugin.now_answers(&pair("sec1"));
    world.get().await.unwrap_err();
    assert_eq!(world.server.greetings(), greetings(1));
    world.get().await.unwrap();
    assert_eq!(world.server.greetings(), greetings(2));
    assert_eq!(world.said(), ["nothing"; 3]);
}

#[tokio::test]
async fn c127_the_plugin_is_told_about_the_cluster_if_it_wants_to_know() {
    let plugin = Plugin::answering(&json!({"token": "one"}));
    let unusual = Unusual {
        exec: "      provideClusterInfo: true",
        environment: nothing().with_terminal(),
        ..Unusual::default()
    };
    let world = World::with(unusual, &plugin, [Reply::ok(OBJECT)]);
    world.get().await.unwrap();
    let mut info = plugin.info();
    let authority = info["spec"]["cluster"]["certificate-authority-data"].take();
    assert!(
        authority.as_str().unwrap().starts_with("LS0tLS1CRUdJTi"),
        "{authority}"
    );
    assert_eq!(
        info,
        json!({
            "kind": "ExecCredential",
            "apiVersion": "client.authentication.k8s.io/v1",
            "spec": {
                "interactive": true,
                "cluster": {
                    "server": "https://kube.test:6443",
                    "certificate-authority-data": null,
                    "config": {"audience": "us"},
                },
            },
        })
    );
}

#[tokio::test]
async fn c127_the_plugin_is_told_nothing_about_the_cluster_otherwise() {
    let plugin = Plugin::answering(&json!({"token": "one"}));
    let world = World::new(&plugin, [Reply::ok(OBJECT)]);
    world.get().await.unwrap();
    assert_eq!(plugin.info()["spec"], json!({"interactive": false}));
}

#[tokio::test]
async fn c127_what_is_given_beats_the_plugin_which_is_not_run() {
    let plugin = Plugin::answering(&json!({"token": "one"}));
    let unusual = Unusual {
        user: "    token: given",
        ..Unusual::default()
    };
    let world = World::with(unusual, &plugin, [Reply::ok(OBJECT)]);
    world.get().await.unwrap();
    assert_eq!(world.said(), ["Bearer given"]);
    assert_eq!(plugin.n_runs(), 0);
}

#[tokio::test]
async fn c127_without_a_credential_nothing_is_sent() {
    let plugin = Plugin::answering(&json!({"token": ""}));
    let world = World::new(&plugin, [Reply::ok(OBJECT)]);
    let error = world.get().await.unwrap_err();
    assert!(error.is_transient(), "it may be there next time");
    let text = chain(&error);
    assert!(
        text.starts_with("failed to get pod `x/a`: we cannot say who we are: exec plugin `"),
        "{text}"
    );
    assert!(
        text.ends_with("cannot be used: it has neither a token nor a certificate"),
        "{text}"
    );
    assert!(world.said().is_empty());
}

#[tokio::test]
async fn c124_a_command_with_a_separator_begins_at_the_file_and_a_bare_one_does_not() {
    let directory = TemporaryDirectory::new();
    let path = directory.path().join("config");
    let error_of = async |command: &str| {
        let text = kubeconfig(Path::new(command), directory.path(), "", "");
        std::fs::write(&path, text).unwrap();
        let config = Kubeconfig::read(&path)
            .unwrap()
            .config_of(&nothing(), None)
            .unwrap();
        let server = Server::start([]);
        let outcome = server
            .client_of(config)
            .get::<Pod>(&ObjectKey::new("x", "a"))
            .await;
        chain(&outcome.unwrap_err()).replace(directory.path().to_str().unwrap(), "DIR")
    };
    let text = error_of("bin/no-such-plugin").await;
    assert!(
        text.contains("exec plugin `DIR/bin/no-such-plugin` was not found"),
        "{text}"
    );
    let text = error_of("no-such-plugin").await;
    assert!(
        text.contains("exec plugin `no-such-plugin` was not found"),
        "{text}"
    );
}
