//! Which objects a list is about.

use serde_json::{Value, json};

use super::Api;
use super::api::{config_map, text};

async fn names(api: &Api, query: &str) -> Vec<String> {
    let list = api.get(&format!("secrets?{query}")).await.ok();
    let items = list["items"].as_array().unwrap().clone();
    items
        .iter()
        .map(|item| text(&item["metadata"]["name"]))
        .collect()
}

async fn with_secrets() -> Api {
    let api = Api::start().await;
    for (name, labels, kind) in [
        ("a", json!({"app": "x", "tier": "front"}), "Opaque"),
        ("b", json!({"app": "y"}), "example.com/own"),
        ("c", json!({"tier": "back"}), "Opaque"),
        ("d", Value::Null, "example.com/own"),
    ] {
        let object = json!({"metadata": {"name": name, "labels": labels}, "type": kind});
        api.post("secrets", object).await.created();
    }
    api
}

#[tokio::test]
async fn labels_select() {
    let api = with_secrets().await;
    for (selector, expected) in [
        ("", "a b c d"),
        ("app=x", "a"),
        ("app==x", "a"),
        ("app!=x", "b c d"),
        ("app in (x,y)", "a b"),
        ("app in (x, y),tier", "a"),
        ("app notin (x)", "b c d"),
        ("app", "a b"),
        ("!app", "c d"),
        ("tier,app!=x", "c"),
        ("app=x,tier=back", ""),
        ("app=", ""),
    ] {
        let query: String = selector
            .chars()
            .map(|c| match c {
                'a'..='z' | '!' | '(' | ')' => c.to_string(),
                c => format!("%{:02X}", u32::from(c)),
            })
            .collect();
        let found = names(&api, &format!("labelSelector={query}"))
            .await
            .join(" ");
        assert_eq!(found, expected, "{selector}");
    }
}

#[tokio::test]
async fn fields_select() {
    let api = with_secrets().await;
    for (selector, expected) in [
        ("metadata.name%3Da", "a"),
        ("metadata.name%3D%3Da", "a"),
        ("metadata.name!%3Da", "b c d"),
        ("type%3DOpaque", "a c"),
        ("type!%3DOpaque,metadata.name!%3Db", "d"),
        ("metadata.namespace%3Dnowhere", ""),
    ] {
        let found = names(&api, &format!("fieldSelector={selector}"))
            .await
            .join(" ");
        assert_eq!(found, expected, "{selector}");
    }
    let both = names(&api, "fieldSelector=type%3DOpaque&labelSelector=app").await;
    assert_eq!(both, ["a"]);
}

#[tokio::test]
async fn some_fields_of_a_kind_select_and_no_others() {
    let api = Api::with_widgets().await;
    api.post("configmaps", config_map("a", json!({"k": "v"})))
        .await
        .created();
    let status = api
        .get("configmaps?fieldSelector=data.k%3Dv")
        .await
        .refused(400, "BadRequest");
    assert_eq!(
        status["message"],
        "\"data.k\" is not a known field selector: only \"metadata.name\", \"metadata.namespace\""
    );
    let status = api
        .get("widgets?fieldSelector=spec.size%3D3")
        .await
        .refused(400, "BadRequest");
    let message = text(&status["message"]);
    assert!(
        message.ends_with("field label not supported: spec.size"),
        "{message}"
    );
    api.get("widgets?fieldSelector=metadata.name%3Da")
        .await
        .ok();
}

#[tokio::test]
async fn what_is_no_selector_is_refused() {
    let api = Api::start().await;
    for query in [
        "labelSelector=a%3D%3D%3Db",
        "labelSelector=a%20in%20x",
        "fieldSelector=a",
    ] {
        api.get(&format!("configmaps?{query}"))
            .await
            .refused(400, "BadRequest");
    }
}
