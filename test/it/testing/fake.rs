//! The chain of reactors, and the record of what was sent.

use std::sync::{Arc, Mutex};

use bitcoin_controller::api::core::{Pod, Secret, Service};
use bitcoin_controller::cache::{ApiListWatch, Indexer, Reflector, ReflectorOptions};
use bitcoin_controller::client::{ListParams, Scope};
use bitcoin_controller::testing::{Action, Fake, Reaction};
use serde_json::{Value, json};
use tokio::time::{Duration, timeout};
use tokio_util::sync::CancellationToken;

use super::{client, key, named, sent};

/// Notes who is asked, and does nothing else.
fn witness(
    name: &'static str,
    asked: &Arc<Mutex<Vec<&'static str>>>,
) -> impl FnMut(&mut Action) -> Reaction + use<> {
    let asked = Arc::clone(asked);
    move |_| {
        asked.lock().unwrap().push(name);
        Reaction::Pass
    }
}

#[tokio::test(start_paused = true)]
async fn c128_reactors_run_in_order_and_prepend_beats_append() {
    let fake = Fake::new();
    let asked = Arc::default();
    fake.append_reactor("get", "pods", witness("appended first", &asked));
    fake.append_reactor("get", "pods", witness("appended last", &asked));
    fake.prepend_reactor("get", "pods", witness("prepended first", &asked));
    fake.prepend_reactor("get", "pods", witness("prepended last", &asked));
    assert!(client(&fake).get::<Pod>(&key("a")).await.is_err());
    assert_eq!(
        *asked.lock().unwrap(),
        [
            "prepended last",
            "prepended first",
            "appended first",
            "appended last"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn c128_the_first_reactor_that_handles_an_action_answers_it() {
    let fake = Fake::new();
    let asked = Arc::default();
    fake.append_reactor("get", "pods", witness("before", &asked));
    fake.append_reactor("get", "pods", |_| {
        Reaction::Answer(named("from-the-reactor"))
    });
    fake.append_reactor("get", "pods", witness("behind", &asked));
    let pod: Pod = client(&fake).get(&key("a")).await.unwrap();
    assert_eq!(&*pod.metadata.name, "from-the-reactor");
    assert_eq!(*asked.lock().unwrap(), ["before"]);
    assert_eq!(fake.server().log().total(), 0, "the server was not asked");
}

#[tokio::test(start_paused = true)]
async fn c128_actions_are_recorded_as_sent_whatever_reactors_make_of_them() {
    let fake = Fake::new();
    fake.append_reactor("create", "secrets", |action| {
        let mut object = action.object();
        object["metadata"]["labels"] = json!({"by": "first"});
        action.set_object(&object);
        Reaction::Pass
    });
    let seen = Arc::new(Mutex::new(Value::Null));
    let sees = Arc::clone(&seen);
    fake.append_reactor("create", "secrets", move |action| {
        *sees.lock().unwrap() = action.object();
        Reaction::Pass
    });
    let made: Secret = client(&fake).create("default", &named("a")).await.unwrap();
    assert_eq!(
        made.metadata.labels.get("by"),
        Some("first"),
        "the server saw the change"
    );
    assert_eq!(
        seen.lock().unwrap()["metadata"]["labels"]["by"],
        "first",
        "the next reactor, too"
    );
    assert_eq!(fake.actions()[0].object(), named("a"), "the record did not");
}

/// Method: of each pattern, whether a reactor with it answers each of four requests.
#[tokio::test(start_paused = true)]
async fn c128_pods_covers_its_subresources_and_pods_status_only_that() {
    let all = ["get pod", "patch pod", "patch status", "get service"];
    let cases: [(&str, &str, &[&str]); 10] = [
        ("*", "*", &all),
        ("get", "*", &["get pod", "get service"]),
        ("*", "pods", &all[..3]),
        ("*", "pods/status", &["patch status"]),
        ("patch", "pods", &["patch pod", "patch status"]),
        ("patch", "services", &[]),
        ("*", "pods/*", &[]),
        ("*", "*/status", &[]),
        ("Patch", "pods", &[]),
        ("*", "Pods", &[]),
    ];
    for (verb, resource, expected) in cases {
        let fake = Fake::new();
        fake.append_reactor(verb, resource, |_| Reaction::Answer(named("answered")));
        let (client, key, patch) = (client(&fake), key("a"), json!({}));
        let outcomes = [
            client.get::<Pod>(&key).await.is_ok(),
            client.patch::<Pod>(&key, &patch).await.is_ok(),
            client.patch_status::<Pod>(&key, &patch).await.is_ok(),
            client.get::<Service>(&key).await.is_ok(),
        ];
        let answered = all.into_iter().zip(outcomes).filter(|(_, is_ok)| *is_ok);
        let answered: Vec<&str> = answered.map(|(request, _)| request).collect();
        assert_eq!(answered, expected, "{verb} {resource}");
    }
}

#[tokio::test(start_paused = true)]
async fn c128_the_actions_are_a_copy_and_can_be_cleared() {
    let fake = Fake::new();
    let client = client(&fake);
    assert!(client.get::<Pod>(&key("a")).await.is_err());
    let before = fake.actions();
    fake.clear_actions();
    client
        .list_all::<Pod>(&Scope::All, &ListParams::default())
        .await
        .unwrap();
    assert_eq!(before[0].to_string(), "get pods default/a");
    assert_eq!(sent(&fake), ["list pods"]);
}

/// In Go this would wait for itself.
#[tokio::test(start_paused = true)]
async fn a_reactor_may_use_the_fake_it_belongs_to() {
    let fake = Fake::new();
    let inner = fake.clone();
    fake.prepend_reactor("get", "secrets", move |_| {
        assert_eq!(inner.actions().len(), 1);
        let store = inner.server().store();
        store
            .create("secrets", "default", named("a"), "test")
            .unwrap();
        inner.prepend_reactor("get", "secrets", |_| Reaction::server_error());
        Reaction::Pass
    });
    let client = client(&fake);
    assert!(
        client.get::<Secret>(&key("a")).await.is_ok(),
        "made in time"
    );
    let error = client.get::<Secret>(&key("a")).await.unwrap_err();
    assert_eq!(error.status().unwrap().code, 500);
}

/// Goal: the sort of question a fake is for.
#[tokio::test(start_paused = true)]
async fn what_a_reflector_sends_when_its_version_is_forgotten() {
    let fake = Fake::new();
    let mut reactions = vec![Reaction::gone()];
    fake.prepend_reactor("watch", "secrets", move |_| {
        reactions.pop().unwrap_or(Reaction::Pass)
    });
    let secrets = Arc::new(Indexer::<Secret>::default());
    let list_watch = Arc::new(ApiListWatch::new(client(&fake), Scope::All));
    let reflector = Reflector::new(
        list_watch,
        Arc::clone(&secrets) as _,
        ReflectorOptions::default(),
    );
    let running = reflector.run(CancellationToken::new());
    assert!(timeout(Duration::from_secs(60), running).await.is_err());
    assert_eq!(
        sent(&fake),
        [
            "list secrets",
            "watch secrets",
            "list secrets",
            "watch secrets"
        ]
    );
    let versions: Vec<_> = fake
        .actions()
        .iter()
        .map(|action| action.query("resourceVersion").map(str::to_owned))
        .collect();
    assert_eq!(versions[0].as_deref(), Some("0"), "whatever is at hand");
    assert_eq!(versions[2], None, "as of now");
}
