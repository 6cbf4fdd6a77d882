//! kubectl, conditions to wait for, and the controller under test.

use std::future::Future;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use serde_json::Value;

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
    let script = root().join("hack/cluster/node.sh");
    run(Command::new(script).args(arguments))
        .unwrap_or_else(|error| panic!("node.sh {arguments:?}: {error}"));
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
    let file = std::env::temp_dir().join(format!("e2e-{}.json", std::process::id()));
    std::fs::write(&file, value.to_string()).unwrap();
    kubectl(&["apply", "--filename", &file.to_string_lossy()]);
    std::fs::remove_file(&file).unwrap();
}

/// Waits until `look` finds something; panics with `what` and the last reason if it does not in time.
pub async fn eventually<T, F>(what: &str, mut look: impl FnMut() -> F) -> T
where
    F: Future<Output = Result<T, String>>,
{
    let started = tokio::time::Instant::now();
    loop {
        match look().await {
            Ok(found) => return found,
            Err(reason) if started.elapsed() > DEADLINE => {
                panic!(
                    "not within {DEADLINE:?}: {what}; at last: {reason}\n{}",
                    everything()
                )
            }
            Err(_) => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

/// What a person would look at after a failure.
fn everything() -> String {
    let look = |arguments: &[&str]| try_kubectl(arguments).unwrap_or_else(|error| error);
    let log = controller_log();
    let tail: Vec<&str> = log.lines().rev().take(40).collect();
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

/// How the controller runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// As a Deployment, from its own image.
    Deployment,
    /// As a process outside the pod network, with a kubeconfig.
    Outside,
}

impl Mode {
    pub fn of_this_run() -> Self {
        match std::env::var("E2E_CONTROLLER").as_deref() {
            Ok("outside") => Mode::Outside,
            _ => Mode::Deployment,
        }
    }
}

static OUTSIDE: Mutex<Option<Child>> = Mutex::new(None);

/// Installs the CRD and the roles and starts the controller, once.
pub fn install() {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        for name in ["crd.yaml", "rbac.yaml", "users.yaml"] {
            kubectl(&["apply", "--filename", &manifest(name)]);
        }
        let crd = "crd/bitcoinnetworks.bitcoincontroller.christianb93.github.com";
        kubectl(&["wait", "--for=condition=Established", crd, "--timeout=30s"]);
        start_controller();
    });
}

fn start_controller() {
    match Mode::of_this_run() {
        Mode::Deployment => {
            kubectl(&["apply", "--filename", &manifest("controller.yaml")]);
            let deployment = "deployment/bitcoin-controller";
            kubectl(&[
                "rollout",
                "status",
                deployment,
                "--namespace=bitcoin-controller",
                "--timeout=60s",
            ]);
        }
        Mode::Outside => {
            kubectl(&["apply", "--filename", &manifest("rbac-port-forward.yaml")]);
            let log = std::fs::File::create(log_file()).unwrap();
            let child = Command::new(std::env::var("E2E_BINARY").unwrap())
                .args([
                    "--kubeconfig",
                    &controllers_kubeconfig(),
                    "--log",
                    "trace,hyper_util=info,h2=info",
                ])
                .stdin(Stdio::null())
                .stderr(log)
                .spawn()
                .unwrap();
            *OUTSIDE.lock().unwrap() = Some(child);
        }
    }
}

/// Kills the controller without a warning; whoever started it brings it back.
pub fn kill_controller() {
    match Mode::of_this_run() {
        Mode::Deployment => {
            let arguments = [
                "--namespace=bitcoin-controller",
                "--grace-period=0",
                "--force",
            ];
            kubectl(&[&["delete", "pods", "--all"], &arguments[..]].concat());
        }
        Mode::Outside => {
            if let Some(mut child) = OUTSIDE.lock().unwrap().take() {
                child.kill().unwrap();
                child.wait().unwrap();
            }
            start_controller();
        }
    }
}

/// A kubeconfig of the controller's service account, made by the cluster's own certificate authority.
fn controllers_kubeconfig() -> String {
    let account = "system:serviceaccount:bitcoin-controller:bitcoin-controller-sva";
    let groups = [
        "system:serviceaccounts",
        "system:serviceaccounts:bitcoin-controller",
    ];
    let script = root().join("hack/cluster/user.sh");
    run(Command::new(script).arg(account).args(groups))
        .unwrap()
        .trim()
        .to_owned()
}

fn log_file() -> PathBuf {
    std::env::temp_dir().join(format!("e2e-controller-{}.log", std::process::id()))
}

/// Everything the controller has logged, as far as it is still there.
pub fn controller_log() -> String {
    match Mode::of_this_run() {
        Mode::Outside => std::fs::read_to_string(log_file()).unwrap_or_default(),
        Mode::Deployment => {
            let arguments = [
                "logs",
                "deployment/bitcoin-controller",
                "--namespace=bitcoin-controller",
            ];
            try_kubectl(&arguments).unwrap_or_else(|error| error)
        }
    }
}

/// A namespace in which pods must be "restricted".
pub struct Namespace(pub String);

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

    /// Deletes the namespace without waiting for it.
    pub fn delete(self) {
        kubectl(&["delete", "namespace", &self.0, "--wait=false"]);
    }
}
