//! Goal: a memory saves work and changes no decision.

use std::sync::Arc;
use std::time::Duration;

use bitcoin_controller::api::core::Pod;
use bitcoin_controller::bitcoin::Credentials;
use bitcoin_controller::controller::Reach;
use bitcoin_controller::controller::memory::{Memory, since};
use bitcoin_controller::controller::own_secret::Own;
use bitcoin_controller::http::MemoryNetwork;
use serde_json::json;

use super::build::{network, pod, read};

fn own() -> Own {
    Own {
        credentials: Credentials::new("user", "password").unwrap(),
        previous: None,
        wallet: None,
        is_new: false,
        seed_trouble: None,
        refusal: None,
    }
}

#[tokio::test(start_paused = true)]
async fn time_is_measured_while_something_holds() {
    let mut start = None;
    assert_eq!(since(&mut start, true), Some(Duration::ZERO));
    tokio::time::advance(Duration::from_secs(3)).await;
    assert_eq!(since(&mut start, true), Some(Duration::from_secs(3)));
    assert_eq!(since(&mut start, false), None);
    tokio::time::advance(Duration::from_secs(3)).await;
    assert_eq!(
        since(&mut start, true),
        Some(Duration::ZERO),
        "it begins anew"
    );
}

#[tokio::test(start_paused = true)]
async fn a_later_network_of_the_name_starts_with_no_memory() {
    let mut later = network(json!({"nodes": 3}));
    let mut memory = Memory::default().of(&later);
    since(&mut memory.apart_since, true);
    let memory = memory.of(&later);
    assert!(memory.apart_since.is_some(), "the same network remembers");
    later.metadata.uid = "another".into();
    assert!(memory.of(&later).apart_since.is_none());
}

#[test]
fn a_pod_without_an_address_has_no_client() {
    let reach = Reach::Direct(Arc::new(MemoryNetwork::default()));
    let own = own();
    let mut memory = Memory::default();
    let running: Pod = read(pod(0, "new"));
    assert!(
        memory.client(0, &running, &reach).is_none(),
        "our credentials are not known"
    );
    memory.remember_own(&own);
    assert!(memory.client(0, &running, &reach).is_some());
    let mut pending = pod(0, "new");
    pending["status"]["podIP"] = json!(null);
    assert!(memory.client(0, &read(pending), &reach).is_none());
}

#[test]
fn a_client_goes_where_its_pod_is_now() {
    let reach = Reach::Direct(Arc::new(MemoryNetwork::default()));
    let mut memory = Memory::default();
    memory.remember_own(&own());
    let mut moved = pod(0, "new");
    let host = |memory: &mut Memory, pod| {
        memory
            .client(0, &read(pod), &reach)
            .unwrap()
            .endpoint()
            .to_string()
    };
    assert_eq!(host(&mut memory, moved.clone()), "10.0.0.0:18443");
    moved["status"]["podIP"] = json!("10.9.9.9");
    assert_eq!(host(&mut memory, moved), "10.9.9.9:18443");
}
