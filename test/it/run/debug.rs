//! The state of a controller that runs, as JSON.

use std::time::Duration;

use bitcoin_controller::sim::Key;
use bitcoin_controller::sim::faults::{Effect, Rule};
use serde_json::{Value, json};

use super::stage::{Controller, Stage};

fn state(controller: &Controller) -> Value {
    let (code, text) = controller.get("/debug");
    assert_eq!(code, 200);
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"))
}

/// Waits until the state is as it should be, and returns it.
async fn until(controller: &Controller, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    let look = || {
        let state = state(controller);
        match is_so(&state) {
            true => Ok(state),
            false => Err(state.to_string()),
        }
    };
    super::stage::eventually(what, look).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_is_well_waits_for_its_next_look_and_says_why_it_had_the_last() {
    let stage = Stage::open("state").await;
    stage.apply("alpha", json!({"nodes": 2}));
    let controller = stage.controller(&["--leader-elect", "--leader-election-namespace=default"]);
    let state = until(&controller, "the network rests", |state| {
        state["keys"]["default/alpha"]["calledBecause"] == "requeue after 10s"
            && state["queue"]["delayed"][0]["key"] == "default/alpha"
    })
    .await;
    let key = &state["keys"]["default/alpha"];
    assert_eq!(key["lastPass"]["result"], "again after 10s");
    assert_eq!(
        (&key["lastPass"]["error"], &key["failuresInARow"]),
        (&Value::Null, &json!(0))
    );
    let (calls, passes) = (key["calls"].as_u64(), key["passes"].as_u64());
    assert!(calls >= passes && passes > Some(1), "{key}");
    let due = state["queue"]["delayed"][0]["dueInSeconds"]
        .as_f64()
        .unwrap();
    assert!((0.0..=10.0).contains(&due), "{due}");
    assert_eq!(state["queue"]["ready"], json!([]));
    assert_eq!(state["queue"]["workers"], 5);

    let pods = &state["caches"]["pods"];
    assert_eq!(
        (&pods["isSynced"], &pods["objects"], &pods["lists"]),
        (&json!(true), &json!(2), &json!(1))
    );
    assert!(pods["lastListSecondsAgo"].is_number() && pods["lastEventSecondsAgo"].is_number());
    assert!(!pods["resourceVersion"].as_str().unwrap().is_empty());
    assert_eq!(state["caches"].as_object().unwrap().len(), 4);
    let leader = &state["leader"];
    assert_eq!(
        (&leader["lease"], &leader["isLeader"]),
        (&json!("default/bitcoin-controller"), &json!(true))
    );
    assert!(leader["holder"].is_string() && leader["renewed"].is_string());
    assert_eq!(state["events"]["dropped"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_fails_says_how_often_and_why_and_one_that_is_gone_leaves_nothing() {
    let stage = Stage::open("failing").await;
    let refused = Effect::too_many_requests(60);
    stage
        .api
        .faults()
        .add(Rule::new("apply", "services", refused));
    stage.apply("alpha", json!({"nodes": 1}));
    let controller = stage.controller(&[]);
    let state = until(&controller, "it has failed", |state| {
        state["keys"]["default/alpha"]["failuresInARow"].as_u64() > Some(2)
    })
    .await;
    let key = &state["keys"]["default/alpha"];
    assert_eq!(key["lastPass"]["result"], "failed");
    let error = key["lastPass"]["error"].as_str().unwrap();
    assert!(error.contains("alpha-svc"), "{error}");
    stage.delete("alpha");
    until(&controller, "nothing is known of it", |state| {
        state["keys"] == json!({}) && state["queue"]["delayed"] == json!([])
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_cannot_be_read_is_named_and_its_content_is_not() {
    let stage = Stage::open("unreadable").await;
    let labels = json!({"app.kubernetes.io/managed-by": "bitcoin-controller"});
    let pod = json!({
        "metadata": {"name": "odd", "labels": labels},
        "spec": {"nodeName": "elsewhere", "containers": [{"name": "one", "image": "one"}]},
    });
    let key = Key::new("default", "odd");
    stage
        .store
        .create("pods", "default", pod, "kubectl")
        .unwrap();
    let break_it = |pod: &mut Value| pod["status"]["podIP"] = json!(["a secret"]);
    stage
        .store
        .update_status("pods", &key, "kubectl", break_it)
        .unwrap();
    let controller = stage.controller(&[]);
    let state = until(&controller, "it is set apart", |state| {
        state["caches"]["pods"]["quarantined"][0]["object"] == "default/odd"
    })
    .await;
    let (_, text) = controller.get("/debug");
    assert!(!text.contains("a secret"), "{text}");
    let odd = &state["caches"]["pods"]["quarantined"][0];
    assert!(
        odd["error"].as_str().unwrap().contains("status.podIP"),
        "{odd}"
    );
    let pods = [("name", "pods")];
    let metrics = controller.metrics();
    assert_eq!(
        metrics.get("bitcoin_controller_quarantined_objects", &pods),
        Some(1.0)
    );
}

/// Goal: neither page knows a password. Both are read while the network comes up, which is when one is
/// made and used.
#[tokio::test(flavor = "multi_thread")]
async fn no_page_tells_a_password() {
    let stage = Stage::open("passwords").await;
    let secret = json!({"metadata": {"name": "mine"}, "stringData": {"BC_RPC_USER": "me", "BC_RPC_PASSWORD": "rather-not-told"}});
    stage
        .store
        .create("secrets", "default", secret, "kubectl")
        .unwrap();
    stage.apply("alpha", json!({"nodes": 2, "secret": "mine"}));
    let controller = stage.controller(&[]);
    let mut pages = Vec::new();
    let ready = async {
        until(&controller, "the network rests", |state| {
            state["keys"]["default/alpha"]["calledBecause"] == "requeue after 10s"
        })
        .await
    };
    let read = async {
        loop {
            pages.push(controller.get("/debug").1 + &controller.get("/metrics").1);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
        biased;
        _ = ready => {}
        () = read => {}
    }
    let generated = stage
        .store
        .get("secrets", &Key::new("default", "alpha-rpc"))
        .unwrap();
    let generated = generated["data"].as_object().unwrap();
    let password = generated["password"].as_str().unwrap();
    assert!(!password.is_empty() && !pages.is_empty());
    for page in pages {
        assert!(!page.contains("rather-not-told") && !page.contains(password));
        assert!(!page.contains(&plain(password)));
    }
}

fn plain(base64_text: &str) -> String {
    use base64::Engine;
    let bytes = base64::engine::general_purpose::STANDARD.decode(base64_text);
    String::from_utf8(bytes.unwrap()).unwrap()
}
