//! Objects of the wrong form: whatever stands where, the store answers, and goes on.

use bitcoin_controller::base::{Clock, Random};
use bitcoin_controller::sim::request::{DeleteOptions, Part};
use bitcoin_controller::sim::{Key, Manager, Store};
use serde_json::{Value, json};

const NAMESPACE: &str = "default";

/// One sound object of every kind that the store looks into.
fn sound_objects() -> Vec<(&'static str, Value)> {
    let probe = json!({"httpGet": {"path": "/", "port": 80}});
    let pod = json!({
        "securityContext": {},
        "terminationGracePeriodSeconds": 3,
        "containers": [{
            "name": "a",
            "image": "bitcoin:1",
            "ports": [{"containerPort": 80}],
            "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
            "startupProbe": probe,
        }],
        "initContainers": [{"name": "b"}],
    });
    let template = json!({"metadata": {"labels": {"a": "b"}}, "spec": pod});
    vec![
        ("configmaps", json!({"data": {"a": "b"}})),
        (
            "namespaces",
            json!({"spec": {"finalizers": ["kubernetes"]}}),
        ),
        ("pods", json!({"spec": pod})),
        (
            "resourcequotas",
            json!({"spec": {"hard": {"pods": "1000"}}}),
        ),
        (
            "secrets",
            json!({"data": {"a": "Yg=="}, "stringData": {"c": "d"}}),
        ),
        ("services", json!({"spec": {"ports": [{"port": 80}]}})),
        (
            "statefulsets.apps",
            json!({"spec": {
                "replicas": 1,
                "selector": {"matchLabels": {"a": "b"}},
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
                "template": template,
            }}),
        ),
    ]
    .into_iter()
    .map(|(resource, mut object)| {
        object["metadata"] = json!({
            "name": "odd",
            "labels": {"a": "b"},
            "annotations": {"a": "b"},
            "finalizers": ["a/b"],
            "ownerReferences": [{"uid": "a"}],
        });
        object["status"] = json!({"phase": "Active", "conditions": [{"type": "Ready"}]});
        (resource, object)
    })
    .collect()
}

/// The pointers to everything in `value`, itself first.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                places(value, &format!("{at}/{}", name.replace('/', "~1")), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, &format!("{at}/{index}"), found);
            }
        }
        _ => {}
    }
}

/// The object with each of its parts in turn replaced by something that does not belong there.
fn odd_ones(sound: &Value) -> Vec<(String, Value)> {
    let strange = [
        json!(null),
        json!("x"),
        json!(-1),
        json!(i64::MAX),
        json!(true),
        json!([]),
        json!([null, "x"]),
        json!({"x": []}),
    ];
    let mut at = Vec::new();
    places(sound, "", &mut at);
    let mut odd = Vec::new();
    for place in at {
        for value in &strange {
            let mut object = sound.clone();
            *object.pointer_mut(&place).unwrap() = value.clone();
            odd.push((format!("{place} = {value}"), object));
        }
    }
    odd
}

fn try_everything(resource: &str, sound: &Value, odd: &Value) {
    let store = Store::new(Clock::system(), Random::seeded(1));
    let namespace = match resource {
        "namespaces" => "",
        _ => NAMESPACE,
    };
    let key = Key::new(namespace, "odd");
    // What is refused is as good as what is taken: nobody may fall over it.
    let _ = store.create(resource, namespace, odd.clone(), "somebody");
    let _ = store.create(resource, namespace, sound.clone(), "somebody");
    let _ = store.update(resource, &key, "somebody", |object| *object = odd.clone());
    let _ = store.update_status(resource, &key, "somebody", |object| *object = odd.clone());
    for part in [Part::Main, Part::Status] {
        let by = Manager::apply("applier", part);
        let _ = store.apply(resource, &key, odd.clone(), &by, true);
    }
    for grace_seconds in [None, Some(i64::MAX), Some(0)] {
        let options = DeleteOptions {
            grace_seconds,
            ..DeleteOptions::default()
        };
        let _ = store.delete(resource, &key, &options);
    }
    assert!(store.get("namespaces", &Key::new("", NAMESPACE)).is_some());
}

#[test]
fn whatever_stands_where_the_store_goes_on() {
    let mut fell: Vec<String> = Vec::new();
    for (resource, sound) in sound_objects() {
        for (what, odd) in odd_ones(&sound) {
            if std::panic::catch_unwind(|| try_everything(resource, &sound, &odd)).is_err() {
                fell.push(format!("{resource}: {what}"));
            }
        }
    }
    assert_eq!(fell, [""; 0]);
}
