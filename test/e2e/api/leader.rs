//! Two controllers, one Lease, and the rights that the manifests grant: what a standby is for.

use std::fs::File;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::controller::controllers_kubeconfig;
use crate::harness::{eventually, kubectl, manifest, run, temporary, try_kubectl};

const IN_ITS_NAMESPACE: &str = "--namespace=bitcoin-controller";

/// A controller that stands for election, as a process of ours.
struct Standing(Child);

impl Standing {
    fn start(log: &str) -> Self {
        let log = File::options()
            .append(true)
            .create(true)
            .open(temporary(log));
        let child = Command::new(env!("CARGO_BIN_EXE_bitcoin-controller"))
            .args(["run", "--leader-elect"])
            .args(["--leader-election-namespace", "bitcoin-controller"])
            .args(["--kubeconfig", &controllers_kubeconfig()])
            .stdin(Stdio::null())
            .stderr(log.unwrap())
            .spawn()
            .unwrap();
        Standing(child)
    }

    fn signal(&self, name: &str) {
        let script = format!("kill -{name} {}", self.0.id());
        run(Command::new("sh").args(["-c", &script])).unwrap();
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Holder and number of transitions, if there is a holder.
fn holder() -> Result<(String, i64), String> {
    let get = ["get", "lease", "bitcoin-controller", "--output=json"];
    let text = try_kubectl(&[&get[..], &[IN_ITS_NAMESPACE]].concat())?;
    let lease: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let spec = &lease["spec"];
    match spec["holderIdentity"].as_str() {
        Some(holder) if !holder.is_empty() => Ok((
            holder.to_owned(),
            spec["leaseTransitions"].as_i64().unwrap_or(-1),
        )),
        _ => Err(spec.to_string()),
    }
}

/// Waits for somebody else than `before` to hold the lease.
async fn next_holder(before: &str) -> (String, i64) {
    eventually("another holds the lease", async || match holder()? {
        (holder, _) if holder == before => Err(format!("still {holder}")),
        found => Ok(found),
    })
    .await
}

/// Goal: a leader that is killed is followed, one that is told to end hands over at once, and one that loses
/// the lease ends with an error.
#[tokio::test]
async fn controllers_take_turns_on_one_lease() {
    for name in ["crd.yaml", "rbac.yaml", "rbac-leader-election.yaml"] {
        kubectl(&["apply", "--filename", &manifest(name)]);
    }
    let crd = "crd/bitcoinnetworks.bitcoincontroller.christianb93.github.com";
    kubectl(&["wait", "--for=condition=Established", crd, "--timeout=30s"]);

    let one = Standing::start("one.log");
    let (first, transitions) = next_holder("").await;
    assert_eq!(transitions, 0);
    let mut two = Standing::start("two.log");
    drop(one);
    let (second, transitions) = next_holder(&first).await;
    assert_eq!(transitions, 1);

    let mut three = Standing::start("three.log");
    eventually("the third sees the second", async || {
        let log = std::fs::read_to_string(temporary("three.log")).unwrap();
        if log.contains(&second) {
            Ok(())
        } else {
            Err(log)
        }
    })
    .await;
    two.signal("TERM");
    let told = tokio::time::Instant::now();
    let (third, transitions) = next_holder(&second).await;
    assert_eq!(transitions, 2);
    // Not the 15 seconds that a lease takes to run out.
    assert!(told.elapsed().as_secs() < 10, "{:?}", told.elapsed());
    assert!(two.0.wait().unwrap().success());

    let patch = r#"--patch={"spec":{"holderIdentity":"somebody"}}"#;
    let lease = [
        "patch",
        "lease",
        "bitcoin-controller",
        "--type=merge",
        patch,
    ];
    kubectl(&[&lease[..], &[IN_ITS_NAMESPACE]].concat());
    assert_eq!(three.0.wait().unwrap().code(), Some(1));
    let log = std::fs::read_to_string(temporary("three.log")).unwrap();
    assert!(log.contains("error: the lease was lost"), "{log}");

    let events = kubectl(&["get", "events", IN_ITS_NAMESPACE, "--output=json"]);
    for message in [
        format!("{first} became leader"),
        format!("{second} became leader"),
        format!("{second} stopped leading"),
        format!("{third} became leader"),
    ] {
        assert!(events.contains(&message), "{message}: {events}");
    }
}
