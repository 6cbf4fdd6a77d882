//! Server-side apply to lists: by key, as a set, or as one value.

use serde_json::{Value, json};

use super::Api;
use super::api::stateful_set;
use super::widgets::widget;

fn names(items: &Value) -> Vec<&str> {
    let items = items.as_array().unwrap();
    items
        .iter()
        .map(|item| item["name"].as_str().unwrap())
        .collect()
}

/// What a manager wants of a StatefulSet's only container.
fn with_container(container: Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "a"},
        "spec": {"template": {"spec": {"containers": [container]}}},
    })
}

fn containers(set: &Value) -> &Value {
    &set["spec"]["template"]["spec"]["containers"]
}

fn bare_config_map() -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}})
}

#[tokio::test]
async fn containers_are_merged_by_name() {
    let api = Api::start().await;
    let main = json!([{"name": "main", "image": "i:1"}]);
    api.apply("statefulsets/a", "one", stateful_set("a", main.clone()))
        .await
        .created();
    let side = json!({"name": "side", "image": "s:1"});
    let both = api
        .apply("statefulsets/a", "two", with_container(side))
        .await
        .ok();
    assert_eq!(names(containers(&both)), ["main", "side"]);
    let main = json!([{"name": "main", "image": "i:2"}]);
    let both = api
        .apply("statefulsets/a", "one", stateful_set("a", main))
        .await
        .ok();
    assert_eq!(names(containers(&both)), ["main", "side"]);
    assert_eq!(containers(&both)[0]["image"], "i:2");
    let bare = json!({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "a"}});
    let one = api.apply("statefulsets/a", "two", bare).await.ok();
    assert_eq!(names(containers(&one)), ["main"]);
}

#[tokio::test]
async fn variables_are_merged_by_name() {
    let api = Api::start().await;
    let env = json!([{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]);
    let main = json!([{"name": "main", "image": "i:1", "env": env}]);
    api.apply("statefulsets/a", "one", stateful_set("a", main))
        .await
        .created();
    let more = with_container(json!({"name": "main", "env": [{"name": "C", "value": "3"}]}));
    let three = api.apply("statefulsets/a", "two", more).await.ok();
    assert_eq!(names(&containers(&three)[0]["env"]), ["A", "B", "C"]);
    let main = json!([{"name": "main", "image": "i:1", "env": [{"name": "B", "value": "2"}]}]);
    let two = api
        .apply("statefulsets/a", "one", stateful_set("a", main))
        .await
        .ok();
    assert_eq!(names(&containers(&two)[0]["env"]), ["B", "C"]);

    let taken = with_container(json!({"name": "main", "env": [{"name": "B", "value": "9"}]}));
    let status = api
        .apply("statefulsets/a", "two", taken)
        .await
        .refused(409, "Conflict");
    assert_eq!(
        status["details"]["causes"][0]["field"],
        ".spec.template.spec.containers[name=\"main\"].env[name=\"B\"].value"
    );
}

#[tokio::test]
async fn ports_are_merged_by_number_and_protocol() {
    let api = Api::start().await;
    let main =
        json!([{"name": "main", "image": "i:1", "ports": [{"containerPort": 80, "name": "http"}]}]);
    api.apply("statefulsets/a", "one", stateful_set("a", main))
        .await
        .created();
    let more = json!([{"containerPort": 80, "protocol": "UDP"}, {"containerPort": 80, "protocol": "TCP", "name": "http"}]);
    let more = with_container(json!({"name": "main", "ports": more}));
    let two = api.apply("statefulsets/a", "two", more).await.ok();
    assert_eq!(
        containers(&two)[0]["ports"],
        json!([
            {"containerPort": 80, "protocol": "UDP"},
            {"containerPort": 80, "protocol": "TCP", "name": "http"},
        ]),
        "whoever applied last has ordered them"
    );
}

#[tokio::test]
async fn ports_of_a_service_are_merged_by_number_and_protocol() {
    let api = Api::start().await;
    let service = |ports: Value| {
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"},
            "spec": {"clusterIP": "None", "ports": ports},
        })
    };
    let one = json!([{"name": "rpc", "port": 18443}]);
    api.apply("services/a", "one", service(one)).await.created();
    let two = json!([{"name": "p2p", "port": 18444, "targetPort": "p2p"}]);
    let both = api.apply("services/a", "two", service(two)).await.ok();
    assert_eq!(
        both["spec"]["ports"],
        json!([
            {"name": "rpc", "port": 18443, "protocol": "TCP", "targetPort": 18443},
            {"name": "p2p", "port": 18444, "protocol": "TCP", "targetPort": "p2p"},
        ])
    );
    let moved = json!([{"name": "rpc", "port": 18445}]);
    let moved = api.apply("services/a", "one", service(moved)).await.ok();
    assert_eq!(names(&moved["spec"]["ports"]).len(), 2);
    assert!(names(&moved["spec"]["ports"]).contains(&"p2p"));
}

#[tokio::test]
async fn owners_are_merged_by_uid() {
    let api = Api::start().await;
    let owner = |uid: &str| json!({"apiVersion": "v1", "kind": "Node", "name": uid, "uid": uid});
    let owned = |uid: &str| {
        let mut object = bare_config_map();
        object["metadata"]["ownerReferences"] = json!([owner(uid)]);
        object["metadata"]["finalizers"] = json!(["example.com/held"]);
        object
    };
    api.apply("configmaps/a", "one", owned("u1"))
        .await
        .created();
    let both = api.apply("configmaps/a", "two", owned("u2")).await.ok();
    assert_eq!(
        both["metadata"]["ownerReferences"],
        json!([owner("u1"), owner("u2")])
    );
    let one = api
        .apply("configmaps/a", "one", bare_config_map())
        .await
        .ok();
    assert_eq!(one["metadata"]["ownerReferences"], json!([owner("u2")]));
}

#[tokio::test]
async fn conditions_are_merged_by_type() {
    let api = Api::with_widgets().await;
    api.post("widgets", widget("a", json!({}))).await.created();
    let judged = |kind: &str, status: &str| {
        let mut object = widget("a", json!({}));
        object["status"] = json!({"conditions": [{"type": kind, "status": status}]});
        object
    };
    api.apply("widgets/a/status", "one", judged("Ready", "False"))
        .await
        .ok();
    let both = api
        .apply("widgets/a/status", "two", judged("Synced", "True"))
        .await
        .ok();
    assert_eq!(
        both["status"]["conditions"],
        json!([{"type": "Ready", "status": "False"}, {"type": "Synced", "status": "True"}])
    );
    api.apply("widgets/a/status", "two", judged("Ready", "True"))
        .await
        .refused(409, "Conflict");
    let turned = api
        .apply("widgets/a/status", "one", judged("Ready", "True"))
        .await
        .ok();
    assert_eq!(
        turned["status"]["conditions"],
        json!([{"type": "Ready", "status": "True"}, {"type": "Synced", "status": "True"}])
    );
}

#[tokio::test]
async fn items_are_merged_field_by_field() {
    let api = Api::with_widgets().await;
    let one = json!({"parts": [{"name": "wheel", "color": "red"}]});
    api.apply("widgets/a", "one", widget("a", one))
        .await
        .created();
    let two = json!({"parts": [{"name": "wheel", "count": 4}, {"name": "door"}]});
    let both = api.apply("widgets/a", "two", widget("a", two)).await.ok();
    assert_eq!(
        both["spec"]["parts"],
        json!([{"name": "wheel", "color": "red", "count": 4}, {"name": "door", "count": 1}])
    );
    // The item stays for as long as anybody wants it, with what they want of it.
    let none = api
        .apply("widgets/a", "two", widget("a", json!({})))
        .await
        .ok();
    assert_eq!(
        none["spec"]["parts"],
        json!([{"name": "wheel", "color": "red", "count": 1}])
    );
}

#[tokio::test]
async fn items_have_keys() {
    let api = Api::with_widgets().await;
    let twice = json!({"parts": [{"name": "wheel"}, {"name": "wheel"}]});
    let reply = api.apply("widgets/a", "me", widget("a", twice)).await;
    assert_eq!(
        (reply.code, reply.body["message"].as_str().unwrap()),
        (
            500,
            "failed to create typed patch object (/a; assertions.example.com/v1, Kind=Widget): .spec.parts: duplicate entries for key [name=\"wheel\"]"
        )
    );
    let keyless = json!({"parts": [{"count": 1}]});
    let reply = api.apply("widgets/a", "me", widget("a", keyless)).await;
    assert_eq!(
        (reply.code, reply.body["message"].as_str().unwrap()),
        (
            500,
            "failed to create typed patch object (/a; assertions.example.com/v1, Kind=Widget): .spec.parts: element 0: associative list with keys has an element that omits all key fields [\"name\"] (and doesn't have default values for any key fields)"
        )
    );
    api.get("widgets/a").await.refused(404, "NotFound");
}

#[tokio::test]
async fn values_of_a_set_are_owned_one_by_one() {
    let api = Api::with_widgets().await;
    api.apply("widgets/a", "one", widget("a", json!({"tags": ["a", "b"]})))
        .await
        .created();
    let both = api
        .apply("widgets/a", "two", widget("a", json!({"tags": ["b", "c"]})))
        .await
        .ok();
    assert_eq!(both["spec"]["tags"], json!(["a", "b", "c"]));
    let less = api
        .apply("widgets/a", "one", widget("a", json!({})))
        .await
        .ok();
    assert_eq!(less["spec"]["tags"], json!(["b", "c"]));

    let held = |names: Value| {
        let mut object = bare_config_map();
        object["metadata"]["finalizers"] = names;
        object
    };
    api.apply("configmaps/a", "one", held(json!(["example.com/1"])))
        .await
        .created();
    let both = api
        .apply("configmaps/a", "two", held(json!(["example.com/2"])))
        .await
        .ok();
    assert_eq!(
        both["metadata"]["finalizers"],
        json!(["example.com/1", "example.com/2"])
    );
    let one = api
        .apply("configmaps/a", "two", bare_config_map())
        .await
        .ok();
    assert_eq!(one["metadata"]["finalizers"], json!(["example.com/1"]));
}

#[tokio::test]
async fn a_list_without_keys_is_one_value() {
    let api = Api::with_widgets().await;
    api.apply(
        "widgets/a",
        "one",
        widget("a", json!({"notes": ["a", "b"]})),
    )
    .await
    .created();
    let other = widget("a", json!({"notes": ["b", "c"]}));
    let status = api
        .apply("widgets/a", "two", other.clone())
        .await
        .refused(409, "Conflict");
    assert_eq!(status["details"]["causes"][0]["field"], ".spec.notes");
    let forced = api.force("widgets/a", "two", other).await.ok();
    assert_eq!(forced["spec"]["notes"], json!(["b", "c"]));
}

#[tokio::test]
async fn some_maps_are_one_value_too() {
    let api = Api::start().await;
    let service = |selector: Value| {
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"},
            "spec": {"selector": selector, "clusterIP": "None", "ports": [{"port": 80}]},
        })
    };
    api.apply("services/a", "one", service(json!({"app": "a"})))
        .await
        .created();
    let other = service(json!({"tier": "b"}));
    let status = api
        .apply("services/a", "two", other.clone())
        .await
        .refused(409, "Conflict");
    assert_eq!(status["details"]["causes"][0]["field"], ".spec.selector");
    let forced = api.force("services/a", "two", other).await.ok();
    assert_eq!(forced["spec"]["selector"], json!({"tier": "b"}));
}
