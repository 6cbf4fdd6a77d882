//! A controller that may do nothing yet: the first thing that everybody forgets.

use tokio::process::Command;

use crate::api::program::Running;
use crate::harness::{kubectl, manifest, root, run};

#[tokio::test]
async fn a_controller_without_rights_names_what_it_may_not_list_and_works_once_it_may() {
    for name in ["crd.yaml", "rbac.yaml"] {
        kubectl(&["apply", "--filename", &manifest(name)]);
    }
    kubectl(&["create", "namespace", "no-rights"]);
    let script = root().join("hack/cluster/user.sh");
    let kubeconfig = run(std::process::Command::new(script).arg("nora")).unwrap();
    let mut controller = Command::new(env!("CARGO_BIN_EXE_bitcoin-controller"));
    controller.args(["--kubeconfig", kubeconfig.trim()]);
    controller.args(["--namespace", "no-rights"]);
    let mut controller = Running::start_with_log("the controller", controller);

    let refused = r#"User "nora" cannot list resource "bitcoinnetworks""#;
    controller.until(refused).await;
    kubectl(&[
        "create",
        "rolebinding",
        "nora",
        "--namespace=no-rights",
        "--clusterrole=bitcoin-controller-role",
        "--user=nora",
    ]);
    controller.until("all is ready; starting workers").await;
    controller.end_by("TERM").await;
}
