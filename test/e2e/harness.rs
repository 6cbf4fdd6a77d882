//! kubectl, conditions to wait for, and namespaces for scenarios.

use std::fs::File;
use std::future::Future;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::controller::controller_log;

/// The longest anything may take to become true. A pod that is replaced waits for images, probes and
/// grace periods; everything else is far faster.
pub const DEADLINE: Duration = Duration::from_secs(90);

/// How often it is looked.
const LOOK_EVERY: Duration = Duration::from_millis(100);

pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Runs `kubectl` and returns what it printed, or what it complained of.
pub fn try_kubectl(arguments: &[&str]) -> Result<String, String> {
    run(Command::new("kubectl").args(arguments))
}

pub fn kubectl(arguments: &[&str]) -> String {
    try_kubectl(arguments)
        .unwrap_or_else(|error| panic!("kubectl {}: {error}", arguments.join(" ")))
}

pub fn run(command: &mut Command) -> Result<String, String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    match output.status.success() {
        true => Ok(text),
        false => Err(format!("{text}{}", String::from_utf8_lossy(&output.stderr))),
    }
}

/// A verb of hack/cluster/node.sh: what happens to machines and processes.
pub fn node(arguments: &[&str]) {
    try_node(arguments).unwrap_or_else(|error| panic!("node.sh {arguments:?}: {error}"));
}

pub fn try_node(arguments: &[&str]) -> Result<String, String> {
    let script = root().join("hack/cluster/node.sh");
    run(Command::new(script).args(arguments))
}

/// Whether hack/cluster made this cluster, so that its machine is at hand; says so if not.
pub fn has_the_machine(what: &str) -> bool {
    let has = std::env::var_os("CLUSTER_DIR").is_some();
    if !has {
        println!("SKIPPED: {what}: this cluster was not made by hack/cluster");
    }
    has
}

pub fn manifest(name: &str) -> String {
    root()
        .join("manifests")
        .join(name)
        .to_string_lossy()
        .into_owned()
}

/// Applies a manifest given as JSON.
pub fn apply(value: &Value) {
    let file = temporary("apply.json");
    std::fs::write(&file, value.to_string()).unwrap();
    kubectl(&["apply", "--filename", &file.to_string_lossy()]);
    std::fs::remove_file(&file).unwrap();
}

/// Waits until `look` finds something; panics with `what` and the last reason if it does not in time.
pub async fn eventually<T, F>(what: &str, look: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, String>>,
{
    eventually_within(DEADLINE, what, look).await
}

/// The same for what somebody else's program takes its time for.
pub async fn eventually_within<T, F>(
    deadline: Duration,
    what: &str,
    mut look: impl FnMut() -> F,
) -> T
where
    F: Future<Output = Result<T, String>>,
{
    let started = tokio::time::Instant::now();
    loop {
        match look().await {
            Ok(found) => return found,
            Err(reason) if started.elapsed() > deadline => {
                panic!("not within {deadline:?}: {what}; at last: {reason}")
            }
            Err(_) => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

/// What a person would look at after a failure.
fn everything() -> String {
    let look = |arguments: &[&str]| try_kubectl(arguments).unwrap_or_else(|error| error);
    let log = controller_log();
    let is_news = |line: &&str| !line.contains("TRACE") && !line.contains("DEBUG");
    let tail: Vec<&str> = log.lines().rev().filter(is_news).take(40).collect();
    format!(
        "{}\n{}\n{}\ncontroller's log, newest first:\n{}",
        look(&[
            "get",
            "btcnet,statefulsets,pods",
            "--all-namespaces",
            "--output",
            "wide"
        ]),
        look(&["get", "btcnet", "--all-namespaces", "--output", "yaml"]),
        look(&[
            "get",
            "events",
            "--all-namespaces",
            "--sort-by",
            ".lastTimestamp"
        ]),
        tail.join("\n"),
    )
}

/// A file of this run.
pub fn temporary(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("e2e-{}-{name}", std::process::id()))
}

/// A `kubectl` that watches, and what it has printed so far.
pub struct Watch {
    child: Child,
    file: PathBuf,
}

impl Watch {
    pub fn start(namespace: &Namespace, arguments: &[&str]) -> Self {
        let file = temporary(&format!("watch-{}", namespace.0));
        let child = Command::new("kubectl")
            .args(["--namespace", &namespace.0])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(File::create(&file).unwrap())
            .spawn()
            .unwrap();
        Watch { child, file }
    }

    pub fn seen(&self) -> String {
        std::fs::read_to_string(&self.file).unwrap()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // None of these can matter to the scenario, which may be failing already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.file);
    }
}

/// Whether a scenario has failed so far.
static FAILED: AtomicBool = AtomicBool::new(false);

/// Whether every scenario was run and ended well: what must have been seen by now, has been.
pub fn all_have_ended_well() -> bool {
    !FAILED.load(Ordering::Relaxed) && std::env::var_os("E2E_FILTERED").is_none()
}

/// A namespace in which pods must be "restricted".
///
/// It is deleted when it is dropped, also by a scenario that fails, which shows first how things were:
/// what one leaves behind must not fail those after it.
pub struct Namespace(pub String);

impl Drop for Namespace {
    fn drop(&mut self) {
        if std::thread::panicking() {
            FAILED.store(true, Ordering::Relaxed);
            println!("when the scenario of {} failed:\n{}", self.0, everything());
        }
        // Without waiting. A panic here, while another is under way, would end the whole run.
        if let Err(error) = try_kubectl(&["delete", "namespace", &self.0, "--wait=false"]) {
            println!("the namespace {} stays: {error}", self.0);
        }
    }
}

impl Namespace {
    pub fn create(name: &str) -> Self {
        kubectl(&["create", "namespace", name]);
        kubectl(&[
            "label",
            "namespace",
            name,
            "pod-security.kubernetes.io/enforce=restricted",
        ]);
        Namespace(name.to_owned())
    }

    pub fn kubectl(&self, arguments: &[&str]) -> String {
        self.try_kubectl(arguments)
            .unwrap_or_else(|error| panic!("kubectl {}: {error}", arguments.join(" ")))
    }

    pub fn try_kubectl(&self, arguments: &[&str]) -> Result<String, String> {
        let namespace = format!("--namespace={}", self.0);
        try_kubectl(&[&[namespace.as_str()], arguments].concat())
    }

    /// The object as JSON.
    pub fn get(&self, kind: &str, name: &str) -> Result<Value, String> {
        let text = self.try_kubectl(&["get", kind, name, "--output=json"])?;
        serde_json::from_str(&text).map_err(|error| error.to_string())
    }

    /// Its items as JSON.
    pub fn list(&self, kind: &str, selector: &str) -> Vec<Value> {
        let selector = format!("--selector={selector}");
        let text = self.kubectl(&["get", kind, &selector, "--output=json"]);
        let list: Value = serde_json::from_str(&text).unwrap();
        list["items"].as_array().unwrap().clone()
    }

    /// Waits until an event about the network with `reason` is there: events are written after the fact.
    pub async fn until_event(&self, network: &str, reason: &str) {
        let selector = format!(
            "involvedObject.name={network},involvedObject.kind=BitcoinNetwork,reason={reason}"
        );
        let arguments = [
            "get",
            "events",
            "--field-selector",
            &selector,
            "--output=name",
        ];
        eventually(&format!("an event {reason} about {network}"), || async {
            match self.try_kubectl(&arguments)? {
                names if names.trim().is_empty() => Err("there is none".to_owned()),
                _ => Ok(()),
            }
        })
        .await;
    }
}
