//! The whole controller, as an image ships it, started against a stub.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use crate::bench::Bench;
use crate::child::{Child, Deadline, Nanos, Outcome};
use crate::http;
use crate::process;
use crate::stub::{Load, Stub};

pub struct Controller {
    child: Child,
    stub: Stub,
    /// Where it serves its health.
    url: String,
    kubeconfig: PathBuf,
    deadline: Deadline,
}

impl Controller {
    /// Where its binary should be.
    pub fn program(bench: &Bench) -> PathBuf {
        bench.programs.join("bitcoin-controller")
    }

    pub fn start(bench: &Bench, load: &Load) -> Outcome<Controller> {
        let deadline = Deadline::after(Deadline::RUN);
        let stub = Stub::start(&bench.programs, bench.stub_core, load, deadline)?;
        let kubeconfig = std::env::temp_dir().join(format!("bench-run-{}", std::process::id()));
        fs::write(&kubeconfig, kubeconfig_for(&stub.url))
            .map_err(|error| format!("cannot write {}: {error}", kubeconfig.display()))?;
        let address = free_address()?;
        let flags = [
            "--kubeconfig",
            &kubeconfig.to_string_lossy(),
            "--listen",
            &address,
        ];
        let flags = flags.map(str::to_owned);
        let program = Controller::program(bench);
        let child = Child::start("bitcoin-controller", bench.program_core, &program, &flags)?;
        Ok(Controller {
            child,
            stub,
            url: format!("http://{address}"),
            kubeconfig,
            deadline,
        })
    }

    /// Waits until all its caches hold a first list.
    pub fn synced(&self) -> Outcome<()> {
        loop {
            match http::request(&self.url, "GET", "/readyz", self.deadline) {
                Ok(_) => return Ok(()),
                Err(error) if self.deadline.has_passed() => {
                    let what = format!("is not ready in time: {error}");
                    return Err(self.child.failure(&what));
                }
                Err(_) => sleep(Duration::from_millis(20)),
            }
        }
    }

    /// How long after the start the stub got the first request that only a reconcile makes.
    pub fn first_request_of_a_reconcile(&self) -> Outcome<(Nanos, Nanos)> {
        loop {
            let log = self.stub.log()?;
            let first = log.iter().find(|(_, request)| is_of_a_reconcile(request));
            if let Some((at, _)) = first {
                return Ok((self.child.started, *at));
            }
            if self.deadline.has_passed() {
                let what = "made no request of a reconcile in time";
                return Err(self.child.failure(what));
            }
            sleep(Duration::from_millis(10));
        }
    }

    pub fn rss(&self) -> Outcome<u64> {
        process::rss(self.child.pid())
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        // It is in the folder for what may be forgotten.
        let _ = fs::remove_file(&self.kubeconfig);
    }
}

fn kubeconfig_for(server: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: stub\n  cluster: {{server: \"{server}\"}}\n\
         users:\n- name: nobody\n  user: {{}}\n\
         contexts:\n- name: stub\n  context: {{cluster: stub, user: nobody}}\ncurrent-context: stub\n"
    )
}

/// An address of this machine that nobody listens on, a moment ago.
fn free_address() -> Outcome<String> {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map(|address| address.to_string())
        .map_err(|error| format!("there is no free port: {error}"))
}

/// Whether a request such as `GET /api/v1/namespaces/a/secrets/b` writes, or reads one object by its name:
/// caches list and watch, and the start asks for the version.
fn is_of_a_reconcile(request: &str) -> bool {
    let (method, path) = request.split_once(' ').unwrap_or((request, ""));
    let path = path.split('?').next().unwrap_or_default();
    let parts = path.trim_matches('/').split('/').collect::<Vec<_>>();
    let names_an_object = matches!(
        parts[..],
        ["api", _, "namespaces", _, _, _, ..] | ["apis", _, _, "namespaces", _, _, _, ..]
    );
    method != "GET" || names_an_object
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_reconcile_writes_or_reads_one_object() {
        for request in [
            "GET /version",
            "GET /api/v1/pods?watch=true",
            "GET /api/v1/namespaces/a/pods?limit=500",
            "GET /apis/apps/v1/statefulsets?limit=500",
        ] {
            assert!(!is_of_a_reconcile(request), "{request}");
        }
        for request in [
            "GET /api/v1/namespaces/a/secrets/b",
            "PATCH /apis/apps/v1/namespaces/a/statefulsets/b?fieldManager=c",
            "POST /api/v1/namespaces/a/events",
        ] {
            assert!(is_of_a_reconcile(request), "{request}");
        }
    }
}
