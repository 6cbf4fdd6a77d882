//! A program that is asked who we are: when it is run, and what becomes of its answer.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use bitcoin_controller::base::{Clock, calendar};
use bitcoin_controller::client::credentials::{Credentials, Error};
use bitcoin_controller::client::exec_credential::ApiVersion;
use bitcoin_controller::client::exec_plugin::{ExecPlugin, Invocation};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{TemporaryDirectory, chain};

/// The program, and the directory in which it finds its answer and notes what it was asked.
pub(super) struct Plugin(TemporaryDirectory);

impl Plugin {
    pub(super) fn answering(status: &Value) -> Self {
        let plugin = Plugin(TemporaryDirectory::new());
        plugin.now_answers(status);
        plugin
    }

    pub(super) fn now_answers(&self, status: &Value) {
        let version = ApiVersion::V1.as_str();
        let answer = json!({"apiVersion": version, "kind": "ExecCredential", "status": status});
        self.write("answer", &answer.to_string());
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.directory().join(name), text).unwrap();
    }

    fn noted(&self, name: &str) -> String {
        let text = std::fs::read_to_string(self.directory().join(name));
        text.unwrap_or_default().trim().to_owned()
    }

    pub(super) fn directory(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn command() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("test/fixtures/kubeconfig/plugin.sh")
    }

    pub(super) fn n_runs(&self) -> usize {
        self.noted("runs").matches("start").count()
    }

    /// What it was asked, when it was last run.
    pub(super) fn info(&self) -> Value {
        serde_json::from_str(&self.noted("info")).unwrap()
    }

    fn invocation(&self) -> Invocation {
        let mut invocation = Invocation::new(ApiVersion::V1, Plugin::command().to_str().unwrap());
        invocation.arguments = vec![self.directory().to_str().unwrap().to_owned()];
        invocation
    }

    fn credentials(&self) -> Credentials {
        self.credentials_at(Clock::system())
    }

    fn credentials_at(&self, clock: Clock) -> Credentials {
        Credentials::plugin(ExecPlugin::new(self.invocation(), clock))
    }
}

async fn said(credentials: &Credentials) -> String {
    let value = credentials.authorization().await.unwrap().unwrap();
    assert!(value.is_sensitive());
    value.to_str().unwrap().to_owned()
}

async fn refusal(credentials: &Credentials) -> String {
    let error = credentials.authorization().await.unwrap_err();
    let text = chain(&error);
    assert!(!text.contains("hunter2"), "a secret is shown: {text}");
    text
}

/// Time goes by at once. It runs by itself otherwise: a paused clock would not wait for a real program.
async fn later(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

#[tokio::test]
async fn c127_what_a_plugin_says_is_used_until_after_it_has_expired() {
    let start = Duration::from_secs(1_456_430_279);
    let expiry = calendar::format_seconds(1_456_430_279 + 3_600);
    let plugin = Plugin::answering(&json!({"token": "one", "expirationTimestamp": expiry}));
    let credentials = plugin.credentials_at(Clock::starting_at(UNIX_EPOCH + start));
    assert_eq!(said(&credentials).await, "Bearer one");
    plugin.now_answers(&json!({"token": "two"}));
    later(Duration::from_secs(3_590)).await;
    assert_eq!(said(&credentials).await, "Bearer one");
    assert_eq!(plugin.n_runs(), 1);
    later(Duration::from_secs(11)).await;
    assert_eq!(said(&credentials).await, "Bearer two");
    assert_eq!(plugin.n_runs(), 2);
}

#[tokio::test]
async fn c127_what_names_no_expiry_is_used_for_ever() {
    let plugin = Plugin::answering(&json!({"token": "one"}));
    let credentials = plugin.credentials_at(Clock::starting_at(UNIX_EPOCH));
    assert_eq!(said(&credentials).await, "Bearer one");
    later(Duration::from_secs(366 * 86_400)).await;
    assert_eq!(said(&credentials).await, "Bearer one");
    assert_eq!(plugin.n_runs(), 1);
}

#[tokio::test]
async fn c127_all_who_wait_share_one_run() {
    let plugin = Plugin::answering(&json!({"token": "one"}));
    let credentials = Arc::new(plugin.credentials());
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let credentials = Arc::clone(&credentials);
        tasks.spawn(async move { said(&credentials).await });
    }
    assert_eq!(tasks.join_all().await, ["Bearer one"; 8]);
    assert_eq!(plugin.n_runs(), 1);
}

/// One after another, a plugin that fails only at its deadline would hold the last of them for an hour.
#[tokio::test]
async fn c127_all_who_wait_share_one_failure_and_the_next_tries_again() {
    let plugin = Plugin::answering(&json!({"token": "hunter2"}));
    plugin.write("exit", "3");
    let credentials = Arc::new(plugin.credentials());
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let credentials = Arc::clone(&credentials);
        tasks.spawn(async move { refusal(&credentials).await });
    }
    for text in tasks.join_all().await {
        assert!(text.ends_with("failed with exit code 3"), "{text}");
    }
    assert_eq!(plugin.n_runs(), 1);
    refusal(&credentials).await;
    assert_eq!(plugin.n_runs(), 2);
}

#[tokio::test]
async fn c127_all_who_wait_share_a_token_that_has_expired_already() {
    let expiry = "2001-01-01T00:00:00Z";
    let plugin = Plugin::answering(&json!({"token": "one", "expirationTimestamp": expiry}));
    let credentials = Arc::new(plugin.credentials());
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        let credentials = Arc::clone(&credentials);
        tasks.spawn(async move { said(&credentials).await });
    }
    assert_eq!(tasks.join_all().await, ["Bearer one"; 50]);
    assert_eq!(plugin.n_runs(), 1);
    said(&credentials).await;
    assert_eq!(plugin.n_runs(), 2);
}

#[tokio::test]
async fn an_answer_with_something_behind_it_is_an_error_that_quotes_none_of_it() {
    let plugin = Plugin::answering(&json!({}));
    for answer in [
        r#"{"status": {"token": "hunter2"}} {"token": "hunter2"}"#,
        r#"{"status": "hunter2"}"#,
        r#"{"status": {"token": "hunter2", "expirationTimestamp": "hunter2"}}"#,
    ] {
        let head =
            r#"{"kind": "ExecCredential", "apiVersion": "client.authentication.k8s.io/v1", "#;
        plugin.write("answer", &answer.replacen('{', head, 1));
        let text = refusal(&plugin.credentials()).await;
        assert!(text.contains("cannot be used"), "{text}");
    }
}

#[tokio::test]
async fn c127_a_refused_token_is_asked_for_anew_and_a_newer_one_is_kept() {
    let plugin = Plugin::answering(&json!({"token": "one"}));
    let credentials = plugin.credentials();
    let one = credentials.authorization().await.unwrap();
    plugin.now_answers(&json!({"token": "two"}));
    credentials.refused(one.as_ref());
    assert_eq!(said(&credentials).await, "Bearer two");
    // A slower request with the first token comes back only now.
    credentials.refused(one.as_ref());
    assert_eq!(said(&credentials).await, "Bearer two");
    assert_eq!(plugin.n_runs(), 2);
}

#[tokio::test]
async fn c127_an_answer_of_another_version_is_an_error() {
    let plugin = Plugin::answering(&json!({"token": "hunter2"}));
    let mut invocation = plugin.invocation();
    invocation.version = ApiVersion::V1Beta1;
    let credentials = Credentials::plugin(ExecPlugin::new(invocation, Clock::system()));
    let text = refusal(&credentials).await;
    assert!(
        text.ends_with("its apiVersion is not client.authentication.k8s.io/v1beta1, as configured"),
        "{text}"
    );
    assert_eq!(
        plugin.info()["apiVersion"],
        "client.authentication.k8s.io/v1beta1"
    );
}

#[tokio::test]
async fn c127_a_plugin_that_is_not_there_is_an_error_with_the_hint() {
    let mut invocation = Invocation::new(ApiVersion::V1, "no-such-plugin");
    let nowhere = |invocation: &Invocation| {
        Credentials::plugin(ExecPlugin::new(invocation.clone(), Clock::system()))
    };
    assert_eq!(
        refusal(&nowhere(&invocation)).await,
        "exec plugin `no-such-plugin` was not found"
    );
    invocation.install_hint = Some("get it at\nhttps://plugin.test\n".to_owned());
    assert_eq!(
        refusal(&nowhere(&invocation)).await,
        "exec plugin `no-such-plugin` was not found: get it at\nhttps://plugin.test"
    );
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_never_ends_is_given_up() {
    let plugin = Plugin::answering(&json!({"token": "hunter2"}));
    plugin.write("hang", "");
    let text = refusal(&plugin.credentials()).await;
    assert!(text.ends_with("did not end within 60s"), "{text}");
}

/// Waits until the world is like that.
#[cfg(target_os = "linux")]
async fn until(is_so: impl Fn() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let outcome = tokio::time::timeout(Duration::from_secs(20), waiting).await;
    assert!(outcome.is_ok(), "it never came to that");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_run_ends_with_the_request_that_waits_for_it() {
    let plugin = Plugin::answering(&json!({"token": "one"}));
    plugin.write("hang", "");
    let credentials = plugin.credentials();
    tokio::select! {
        biased;
        outcome = credentials.authorization() => panic!("it has an answer: {outcome:?}"),
        () = until(|| !plugin.noted("pid").is_empty()) => {}
    }
    let status = format!("/proc/{}/status", plugin.noted("pid"));
    until(|| {
        let status = std::fs::read_to_string(&status).unwrap_or_default();
        status.is_empty() || status.contains("State:\tZ")
    })
    .await;
    std::fs::remove_file(plugin.directory().join("hang")).unwrap();
    assert_eq!(said(&credentials).await, "Bearer one");
}

#[tokio::test]
async fn arguments_and_variables_reach_the_plugin_and_no_debug_output() {
    let plugin = Plugin::answering(&json!({"token": "hunter2"}));
    let mut invocation = plugin.invocation();
    invocation.arguments.push("hunter2-argument".to_owned());
    let variable = ("EXTRA".to_owned(), "hunter2-variable".to_owned());
    invocation.environment.push(variable);
    let credentials = Credentials::plugin(ExecPlugin::new(invocation, Clock::system()));
    said(&credentials).await;
    assert_eq!(
        plugin.noted("runs").lines().next(),
        Some("start hunter2-argument hunter2-variable")
    );
    let shown = format!("{credentials:?}");
    assert!(
        shown.contains("plugin.sh") && !shown.contains("hunter2"),
        "{shown}"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_a_plugin_has_to_say_goes_to_our_standard_error_and_it_has_nobody_to_ask() {
    let plugin = Plugin::answering(&json!({"token": "one"}));
    said(&plugin.credentials()).await;
    let ours = std::fs::read_link("/proc/self/fd/2").unwrap();
    assert_eq!(plugin.noted("stderr"), ours.to_str().unwrap());
    assert_eq!(plugin.noted("stdin"), "/dev/null");
}

#[tokio::test]
async fn a_plugin_that_prints_too_much_is_an_error() {
    let plugin = Plugin::answering(&json!({"token": "x".repeat(2 << 20)}));
    let text = refusal(&plugin.credentials()).await;
    assert!(text.ends_with("printed more than 1048576 bytes"), "{text}");
}

#[tokio::test]
async fn a_token_that_no_header_can_hold_is_an_error() {
    let plugin = Plugin::answering(&json!({"token": "hunter2\n"}));
    let error = plugin.credentials().authorization().await.unwrap_err();
    assert!(matches!(error, Error::Unsendable), "{error:?}");
}
