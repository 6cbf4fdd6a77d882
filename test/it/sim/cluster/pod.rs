//! Mirrors `src/sim/cluster/pod.rs`: what a container is made of, and what is said when it cannot be.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Site;

#[tokio::test(start_paused = true)]
async fn variables_are_expanded_in_order_of_their_sources() {
    let site = Site::new();
    let data = json!({"USER": "somebody", "PASSWORD": "secret"});
    site.create(
        "secrets",
        json!({"metadata": {"name": "mine"}, "stringData": data}),
    );
    site.create_pod(
        "pod",
        json!({
            "envFrom": [{"secretRef": {"name": "mine"}}, {"secretRef": {"name": "none", "optional": true}}],
            "env": [
                {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
                {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
                {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "mine", "key": "PASSWORD"}}},
                {"name": "NO_KEY", "valueFrom": {"secretKeyRef": {"name": "mine", "key": "none", "optional": true}}},
                {"name": "BOTH", "value": "$(USER) at $(POD_IP), $(LATER)"},
                {"name": "LATER", "value": "too late"},
                {"name": "USER", "value": "else"},
            ],
            "command": ["bitcoind", "$(POD_NAME)"],
            "args": ["$(USER)", "$$(USER)", "$(NONE)", "$(USER", "5$", "$$", "$(POD_IP):$(KEY)"],
        }),
    );
    site.now().await;
    let container = site.containers.last_run("pod").container;
    let env: BTreeMap<String, String> = container.env.into_iter().collect();
    assert_eq!(env["BOTH"], "somebody at 10.244.0.2, $(LATER)");
    assert_eq!(
        (env["KEY"].as_str(), env["USER"].as_str()),
        ("secret", "else")
    );
    assert!(!env.contains_key("NO_KEY"));
    let arguments = [
        "else",
        "$(USER)",
        "$(NONE)",
        "$(USER",
        "5$",
        "$",
        "10.244.0.2:secret",
    ];
    assert_eq!(container.command[..2], ["bitcoind", "pod"]);
    assert_eq!(container.command[2..], arguments);
}

#[tokio::test(start_paused = true)]
async fn a_missing_secret_and_a_missing_key_are_told_and_mended() {
    let site = Site::new();
    let from = json!({"secretKeyRef": {"name": "mine", "key": "PASSWORD"}});
    site.create_pod("pod", json!({"env": [{"name": "KEY", "valueFrom": from}]}));
    site.after(60).await;
    let why = |site: &Site| site.container("pod")["state"]["waiting"].clone();
    assert_eq!(
        why(&site),
        json!({"reason": "CreateContainerConfigError", "message": "secret \"mine\" not found"})
    );
    assert_eq!(site.pod("pod")["status"]["phase"], "Pending");
    site.create("secrets", json!({"metadata": {"name": "mine"}}));
    site.now().await;
    assert_eq!(
        why(&site)["message"],
        "couldn't find key PASSWORD in Secret default/mine"
    );
    assert_eq!(site.containers.runs("pod").len(), 0);
    site.update("secrets", "mine", |secret| {
        secret["stringData"] = json!({"PASSWORD": "p"})
    });
    site.now().await;
    assert!(site.is_ready("pod"));
    assert_eq!(site.container("pod")["restartCount"], 0);
    assert_eq!(site.events("Failed").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_image_is_told_backs_off_and_is_mended_in_place() {
    let site = Site::new();
    site.create_pod("pod", json!({"image": "nowhere/bitcoin:nonsense"}));
    site.now().await;
    assert_eq!(site.waiting("pod"), "ErrImagePull");
    site.create("secrets", json!({"metadata": {"name": "of-no-concern"}}));
    site.now().await;
    assert_eq!(site.waiting("pod"), "ErrImagePull");
    site.after(10).await;
    assert_eq!(site.waiting("pod"), "ImagePullBackOff");
    site.assert_settled().await;
    let uid = site.uid("pods", "pod");
    let image = |image: &'static str| {
        move |pod: &mut Value| pod["spec"]["containers"][0]["image"] = image.into()
    };
    site.update("pods", "pod", image("nowhere/bitcoin:other"));
    site.now().await;
    assert_eq!(
        site.waiting("pod"),
        "ErrImagePull",
        "another image is another pull"
    );
    site.update("pods", "pod", image("bitcoin:29.0"));
    site.now().await;
    assert!(site.is_ready("pod"));
    assert_eq!(site.uid("pods", "pod"), uid);
    assert_eq!(site.container("pod")["restartCount"], 0);
}

// Containers that end.
