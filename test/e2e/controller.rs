//! The controller under test: in the cluster, outside it, or confined to one namespace.

use std::fs::File;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};

use bitcoin_controller::base::yaml;

use crate::harness::{
    Namespace, apply, eventually, kubectl, manifest, root, run, temporary, try_kubectl,
};

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

/// Whether the controller with rights everywhere is there.
static INSTALLED: Mutex<bool> = Mutex::new(false);

/// What the controller logs: all there is, for a password must not be in any of it.
const LOG: &str = "trace";

/// Sees to it that the CRD, the roles and the controller are there.
pub fn install() {
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if *installed {
        return;
    }
    for name in ["crd.yaml", "rbac.yaml", "users.yaml"] {
        kubectl(&["apply", "--filename", &manifest(name)]);
    }
    let crd = "crd/bitcoinnetworks.bitcoincontroller.christianb93.github.com";
    kubectl(&["wait", "--for=condition=Established", crd, "--timeout=30s"]);
    start_controller();
    *installed = true;
}

fn start_controller() {
    match Mode::of_this_run() {
        Mode::Deployment => {
            let level = format!("RUST_LOG={LOG}");
            let file = manifest("controller.yaml");
            let arguments = ["set", "env", "--local", "--output=json", "--filename"];
            let deployment = kubectl(&[&arguments[..], &[&file, &level]].concat());
            apply(&serde_json::from_str(&deployment).unwrap());
            kubectl(&[
                "rollout",
                "status",
                DEPLOYMENT,
                IN_ITS_NAMESPACE,
                "--timeout=60s",
            ]);
        }
        Mode::Outside => {
            kubectl(&["apply", "--filename", &manifest("rbac-port-forward.yaml")]);
            let child = run_controller(&["--kubeconfig", &controllers_kubeconfig()]);
            *OUTSIDE.lock().unwrap() = Some(child);
        }
    }
}

const DEPLOYMENT: &str = "deployment/bitcoin-controller";
const IN_ITS_NAMESPACE: &str = "--namespace=bitcoin-controller";

/// Starts the controller as a process of ours, its log after what is there already.
fn run_controller(arguments: &[&str]) -> Child {
    Command::new(std::env::var("E2E_BINARY").unwrap())
        .args(arguments)
        .args(["--log", LOG])
        .stdin(Stdio::null())
        .stderr(log_file())
        .spawn()
        .unwrap()
}

/// Kills the controller without a warning; whoever started it brings it back.
pub fn kill_controller() {
    match Mode::of_this_run() {
        Mode::Deployment => {
            keep_log();
            let arguments = ["--grace-period=0", "--force", IN_ITS_NAMESPACE];
            kubectl(&[&["delete", "pods", "--all"], &arguments[..]].concat());
        }
        Mode::Outside => {
            stop_outside();
            start_controller();
        }
    }
}

fn stop_outside() {
    if let Some(mut child) = OUTSIDE.lock().unwrap().take() {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

/// Ends the controller until the next [`install`].
fn stop_controller() {
    *INSTALLED.lock().unwrap_or_else(PoisonError::into_inner) = false;
    match Mode::of_this_run() {
        Mode::Deployment => {
            keep_log();
            kubectl(&["scale", DEPLOYMENT, IN_ITS_NAMESPACE, "--replicas=0"]);
            let arguments = ["wait", "--for=delete", "pods", "--all", "--timeout=60s"];
            kubectl(&[&arguments[..], &[IN_ITS_NAMESPACE]].concat());
        }
        Mode::Outside => stop_outside(),
    }
}

/// The controller as a process of ours that looks after one namespace and has rights in that one only,
/// by manifests/rbac-namespaced.yaml and a service account's token. It reaches pods at their addresses,
/// and takes the place of the usual one, which [`install`] brings back.
pub struct Confined(Child);

impl Confined {
    pub async fn start(namespace: &Namespace) -> Self {
        stop_controller();
        for binding in [
            "bitcoin-controller-role-binding",
            "bitcoin-controller-port-forward",
        ] {
            kubectl(&[
                "delete",
                "clusterrolebinding",
                binding,
                "--ignore-not-found",
            ]);
        }
        let roles = std::fs::read_to_string(manifest("rbac-namespaced.yaml")).unwrap();
        let edited = roles.replace("namespace: default", &format!("namespace: {}", namespace.0));
        for document in yaml::all_from_str(&edited).unwrap() {
            apply(&document);
        }
        let account = format!("--as={ACCOUNT}");
        eventually(
            "the rights are in force, there and nowhere else",
            || async {
                let pods = ["auth", "can-i", "list", "pods", account.as_str()];
                namespace.try_kubectl(&pods)?;
                match try_kubectl(&pods) {
                    Ok(_) => Err("they still reach further".to_owned()),
                    Err(_) => Ok(()),
                }
            },
        )
        .await;
        Confined(run_controller(&[
            "--kubeconfig",
            &kubeconfig_with_token(),
            "--namespace",
            &namespace.0,
            "--reach=direct",
        ]))
    }
}

impl Drop for Confined {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whom the API server takes the controller for.
pub const ACCOUNT: &str = "system:serviceaccount:bitcoin-controller:bitcoin-controller-sva";

/// A kubeconfig of the controller's service account, made by the cluster's own certificate authority.
pub fn controllers_kubeconfig() -> String {
    let groups = [
        "system:serviceaccounts",
        "system:serviceaccounts:bitcoin-controller",
    ];
    let script = root().join("hack/cluster/user.sh");
    run(Command::new(script).arg(ACCOUNT).args(groups))
        .unwrap()
        .trim()
        .to_owned()
}

/// The kubeconfig of this run, with a token of the controller's service account for its user.
fn kubeconfig_with_token() -> String {
    let file = temporary("kubeconfig").to_string_lossy().into_owned();
    let whole = kubectl(&["config", "view", "--raw", "--flatten", "--minify"]);
    std::fs::write(&file, whole).unwrap();
    let token = kubectl(&[
        "create",
        "token",
        "bitcoin-controller-sva",
        IN_ITS_NAMESPACE,
    ]);
    let token = format!("--token={}", token.trim());
    let config = ["--kubeconfig", &file, "config"];
    kubectl(&[&config[..], &["set-credentials", "controller", &token]].concat());
    kubectl(
        &[
            &config[..],
            &["set-context", "--current", "--user=controller"],
        ]
        .concat(),
    );
    file
}

/// The file the log of a process goes to, and of pods that are about to end; written at its end.
fn log_file() -> File {
    let mut options = File::options();
    let options = options.append(true).create(true);
    options.open(temporary("controller.log")).unwrap()
}

/// Keeps what the controller's pod has logged, which goes with the pod.
fn keep_log() {
    log_file().write_all(pods_log().as_bytes()).unwrap();
}

fn pods_log() -> String {
    try_kubectl(&["logs", DEPLOYMENT, IN_ITS_NAMESPACE]).unwrap_or_else(|error| error)
}

/// Everything the controller has logged, as far as it is still there.
pub fn controller_log() -> String {
    let mut text = std::fs::read_to_string(temporary("controller.log")).unwrap_or_default();
    if Mode::of_this_run() == Mode::Deployment {
        text.push_str(&pods_log());
    }
    text
}
