//! Leases, and candidates for one: what a leader election asks of a server, and our own on either.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::leader::{LeaderElectionConfig, LeaderElector, LeaderView, Outcome};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Api;
use super::api::{eventually, text, version};

const TIME: &str = "2026-01-01T00:00:00.000001Z";

fn lease(name: &str, spec: Value) -> Value {
    json!({
        "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
        "metadata": {"name": name}, "spec": spec,
    })
}

#[tokio::test]
async fn a_leases_times_have_six_digits() {
    let api = Api::start().await;
    let with_time = |time: &str| lease("a", json!({"renewTime": time}));
    for wrong in [
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:00:00.001Z",
        "2026-01-01T00:00:00.000001000Z",
        "yesterday",
    ] {
        let refused = api.post("leases", with_time(wrong)).await;
        let status = refused.refused(400, "BadRequest");
        let message = text(&status["message"]);
        let start = format!(
            "Lease in version \"v1\" cannot be handled as a Lease: parsing time \"{wrong}\" as \"2006-01-02T15:04:05.000000Z07:00\""
        );
        assert!(message.starts_with(&start), "{message}");
    }
    let made = api.post("leases", with_time(TIME)).await.created();
    assert_eq!(made["spec"]["renewTime"], TIME);
}

#[tokio::test]
async fn a_lease_has_a_duration_or_none_and_may_have_no_holder() {
    let api = Api::start().await;
    let wrong = lease(
        "a",
        json!({"leaseDurationSeconds": 0, "leaseTransitions": -1}),
    );
    let status = api.post("leases", wrong).await.refused(422, "Invalid");
    assert_eq!(
        status["message"],
        "Lease.coordination.k8s.io \"a\" is invalid: [spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0, spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0]"
    );
    let spec = json!({"holderIdentity": "", "leaseDurationSeconds": 1, "leaseTransitions": 0});
    let made = api.post("leases", lease("a", spec.clone())).await.created();
    assert_eq!(made["spec"], spec);
}

/// What an election by merge patch rests on: the version in it is compared, and what it does not name stays.
#[tokio::test]
async fn a_merge_patch_onto_an_old_version_is_a_conflict_and_changes_nothing() {
    let api = Api::start().await;
    let mut first = lease("a", json!({"holderIdentity": "one", "renewTime": TIME}));
    first["metadata"]["labels"] = json!({"of": "others"});
    let made = api.post("leases", first).await.created();
    let take = |holder: &str, version: String| json!({"metadata": {"resourceVersion": version}, "spec": {"holderIdentity": holder}});
    let taken = api
        .merge("leases/a", take("two", version(&made)))
        .await
        .ok();
    assert_eq!(
        taken["spec"],
        json!({"holderIdentity": "two", "renewTime": TIME})
    );
    assert_eq!(taken["metadata"]["labels"], json!({"of": "others"}));
    let late = api.merge("leases/a", take("three", version(&made))).await;
    let status = late.refused(409, "Conflict");
    assert_eq!(
        status["message"],
        "Operation cannot be fulfilled on leases.coordination.k8s.io \"a\": the object has been modified; please apply your changes to the latest version and try again"
    );
    assert_eq!(api.get("leases/a").await.ok(), taken);
    let gone = api.merge("leases/b", take("two", version(&made))).await;
    gone.refused(404, "NotFound");
}

/// Candidates of one lease, and who has led, in order.
struct Candidates {
    api: Api,
    led: Arc<Mutex<Vec<&'static str>>>,
    running: JoinSet<Outcome>,
}

impl Candidates {
    async fn start() -> Self {
        Candidates {
            api: Api::start().await,
            led: Arc::default(),
            running: JoinSet::new(),
        }
    }

    /// Times of a tenth of the usual, so that nobody has to wait for long.
    fn stand(&mut self, identity: &'static str) -> (LeaderView, CancellationToken) {
        let key = ObjectKey::new(self.api.namespace.as_str(), "a");
        let mut config = LeaderElectionConfig::new(key, identity);
        config.lease_duration = Duration::from_secs(2);
        config.renew_deadline = Duration::from_millis(1_500);
        config.retry_period = Duration::from_millis(100);
        let elector = LeaderElector::new(self.api.client(), config).unwrap();
        let (view, shutdown) = (elector.view(), CancellationToken::new());
        let (led, ending) = (Arc::clone(&self.led), shutdown.clone());
        self.running.spawn(async move {
            let lead = async move |stop: CancellationToken| {
                led.lock().unwrap().push(identity);
                stop.cancelled().await;
            };
            elector.run(ending, lead).await
        });
        (view, shutdown)
    }

    async fn spec(&self) -> Value {
        self.api.get("leases/a").await.ok()["spec"].clone()
    }
}

#[tokio::test]
async fn a_candidate_acquires_renews_and_hands_over() {
    let mut candidates = Candidates::start().await;
    let (one, end_one) = candidates.stand("one");
    eventually("the first leads", async || one.is_leader()).await;
    let first = candidates.spec().await;
    assert_eq!(
        (&first["holderIdentity"], &first["leaseDurationSeconds"]),
        (&json!("one"), &json!(2))
    );
    eventually("it has renewed", async || {
        candidates.spec().await["renewTime"] != first["renewTime"]
    })
    .await;
    let renewed = candidates.spec().await;
    assert_eq!(renewed["acquireTime"], first["acquireTime"]);
    assert_eq!(renewed["leaseTransitions"], 0);

    let (two, end_two) = candidates.stand("two");
    eventually("the second sees the first", async || {
        two.leader().as_deref() == Some("one")
    })
    .await;
    end_one.cancel();
    eventually("the second leads", async || two.is_leader()).await;
    let taken = candidates.spec().await;
    assert_eq!(taken["holderIdentity"], "two");
    assert_eq!(taken["leaseTransitions"], 1);

    end_two.cancel();
    while let Some(outcome) = candidates.running.join_next().await {
        assert_eq!(outcome.unwrap(), Outcome::Ended);
    }
    let left = candidates.spec().await;
    assert_eq!(
        (
            &left["holderIdentity"],
            &left["leaseDurationSeconds"],
            &left["leaseTransitions"]
        ),
        (&json!(""), &json!(1), &json!(1))
    );
    assert_eq!(*candidates.led.lock().unwrap(), ["one", "two"]);
}

/// Goal: what client-go writes into a lease is read, and what is written is what client-go reads.
#[tokio::test]
async fn c111_a_lease_of_a_go_candidate_is_taken_over_and_has_all_that_one_reads() {
    let mut candidates = Candidates::start().await;
    let of_go = json!({
        "holderIdentity": "go_1", "leaseDurationSeconds": 1, "leaseTransitions": 3,
        "acquireTime": "2026-01-01T00:00:00.000001Z", "renewTime": "2126-01-01T00:00:00.000001Z",
    });
    candidates
        .api
        .post("leases", lease("a", of_go))
        .await
        .created();
    let (view, shutdown) = candidates.stand("one");
    eventually("it leads", async || view.is_leader()).await;
    shutdown.cancel();
    let spec = candidates.spec().await;
    let fields: Vec<&String> = spec.as_object().unwrap().keys().collect();
    assert_eq!(
        fields,
        [
            "acquireTime",
            "holderIdentity",
            "leaseDurationSeconds",
            "leaseTransitions",
            "renewTime"
        ]
    );
    assert_eq!(spec["leaseTransitions"], 4);
    candidates.running.join_next().await.unwrap().unwrap();
}
