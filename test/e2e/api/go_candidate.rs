//! Elections in which client-go's candidate and ours stand for one Lease.

use bitcoin_controller::base::calendar;
use serde_json::Value;
use tokio::process::Command;

use super::program::{Running, peer};
use super::server::Server;

const NAMESPACE: &str = "go-candidate";
const LEASE: &str = "contested";

#[tokio::test]
async fn candidates_of_client_go_are_elected_on_the_pretend_server() {
    let server = Server::pretend().await;
    server.prepare(NAMESPACE).await;
    let mut one = go_candidate(&server, "go-1");
    one.until("leading").await;
    let mut two = go_candidate(&server, "go-2");
    two.until("new leader go-1").await;
    one.end_by("TERM").await;
    two.until("new leader go-2").await;
}

/// Goal: whoever is killed, and however, the other kind of candidate leads next, and never two hold the
/// lease at a time.
/// Method: the holder is ended while the other waits, turn by turn; then the server's own log is read.
#[tokio::test]
async fn a_go_program_and_ours_take_turns_and_never_hold_the_lease_together() {
    let server = Server::real();
    server.prepare(NAMESPACE).await;
    let mut holder = go_candidate(&server, "go-0");
    holder.until("leading").await;
    let ends = ["KILL", "KILL", "TERM", "TERM", "KILL", "KILL"];
    for (turn, signal) in (1..).zip(ends) {
        let is_ours = turn % 2 == 1;
        let mut next = match is_ours {
            true => our_candidate(&server),
            false => go_candidate(&server, &format!("go-{turn}")),
        };
        next.until(if is_ours {
            "has another holder"
        } else {
            "new leader"
        })
        .await;
        holder.end_by(signal).await;
        next.until(if is_ours {
            "is_leading=true"
        } else {
            "leading"
        })
        .await;
        holder = next;
    }
    holder.end_by("TERM").await;
    server.clear(NAMESPACE).await;

    let claims = claims();
    let turns = turns(&claims);
    let expected = "go-0 ours go-2 nobody ours nobody go-4 ours go-6 nobody";
    assert_eq!(turns.join(" "), expected);
    for pair in claims.windows(2) {
        check_handover(&pair[0], &pair[1]);
    }
}

/// The Go program of test/peers/candidate.
fn go_candidate(server: &Server, identity: &str) -> Running {
    let mut program = peer("candidate");
    program
        .arg("--kubeconfig")
        .arg(server.kubeconfig())
        .args([
            "--identity",
            identity,
            "--namespace",
            NAMESPACE,
            "--name",
            LEASE,
        ])
        .args([
            "--lease-duration=2s",
            "--renew-deadline=1500ms",
            "--retry-period=200ms",
        ]);
    Running::start(identity, program)
}

/// The controller, which tells in its log.
fn our_candidate(server: &Server) -> Running {
    let mut program = Command::new(env!("CARGO_BIN_EXE_bitcoin-controller"));
    program
        .args(["run", "--namespace", NAMESPACE, "--leader-elect"])
        .args([
            "--leader-election-namespace",
            NAMESPACE,
            "--leader-election-id",
            LEASE,
        ])
        .args(["--leader-election-lease-duration", "3"])
        .args(["--leader-election-renew-deadline", "2"])
        .args(["--leader-election-retry-period", "1"])
        .arg("--kubeconfig")
        .arg(server.kubeconfig());
    Running::start_with_log("our candidate", program)
}

/// An accepted write to the lease, as the server logged it.
#[derive(Debug)]
struct Claim {
    version: u64,
    /// When the request had come, in microseconds.
    at: i64,
    /// The program that wrote.
    program: String,
    /// Whom it made the holder; nobody, if it gave the lease back.
    holder: Option<String>,
    /// How long others must let it alone, in microseconds.
    duration: i64,
}

impl Claim {
    fn of(entry: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let lease = &entry["responseObject"];
        let received = entry["requestReceivedTimestamp"].as_str().unwrap();
        let (seconds, micros) = calendar::parse(received).unwrap();
        let holder = lease["spec"]["holderIdentity"].as_str().unwrap_or_default();
        let duration = lease["spec"]["leaseDurationSeconds"].as_i64().unwrap();
        Claim {
            version: text(&lease["metadata"]["resourceVersion"]).parse().unwrap(),
            at: seconds * MICROS + i64::from(micros),
            program: text(&entry["userAgent"])
                .split('/')
                .next()
                .unwrap()
                .to_owned(),
            holder: (!holder.is_empty()).then(|| holder.to_owned()),
            duration: duration * MICROS,
        }
    }

    /// The holder, whose name we choose or not.
    fn turn(&self) -> String {
        match &self.holder {
            None => "nobody".to_owned(),
            Some(name) if name.starts_with("go-") => name.clone(),
            Some(_) => "ours".to_owned(),
        }
    }
}

const MICROS: i64 = 1_000_000;

/// Every accepted write to the lease, in the order in which the server took them.
fn claims() -> Vec<Claim> {
    let path = std::env::var_os("AUDIT_LOG").unwrap();
    let text = std::fs::read_to_string(path).unwrap();
    let entries = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let is_accepted_write = |entry: &Value| {
        let (about, code) = (&entry["objectRef"], &entry["responseStatus"]["code"]);
        about["resource"] == "leases"
            && about["namespace"] == NAMESPACE
            && ["create", "update", "patch"]
                .iter()
                .any(|verb| entry["verb"] == *verb)
            && (*code == 200 || *code == 201)
    };
    let accepted = entries.filter(is_accepted_write);
    let mut claims: Vec<Claim> = accepted.map(|entry| Claim::of(&entry)).collect();
    claims.sort_by_key(|claim| claim.version);
    claims
}

/// Who held the lease, each turn once.
fn turns(claims: &[Claim]) -> Vec<String> {
    let mut turns: Vec<String> = claims.iter().map(Claim::turn).collect();
    turns.dedup();
    turns
}

/// One write after another: whose the lease is, nobody else touches it until its time is over.
fn check_handover(before: &Claim, after: &Claim) {
    let Some(holder) = &before.holder else {
        return assert!(
            after.holder.is_some(),
            "nobody gives back what nobody has: {after:?}"
        );
    };
    match &after.holder {
        Some(next) if next == holder => assert_eq!(before.program, after.program),
        Some(_) => assert!(
            after.at >= before.at + before.duration,
            "taken before its time was over: {before:?}, {after:?}"
        ),
        None => assert_eq!(before.program, after.program, "given back by another"),
    }
}
