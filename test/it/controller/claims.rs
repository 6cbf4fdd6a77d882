//! Goal: only this network's claims, and strangers that go by themselves, are no reason to ask somebody.

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::api::core::PersistentVolumeClaim;
use bitcoin_controller::controller::claims::judge;
use bitcoin_controller::controller::desired::NETWORK_UID;
use bitcoin_controller::controller::problem::Problem;
use bitcoin_controller::controller::reasons;
use serde_json::{Value, json};

use super::build::{self, read};

fn claim(name: &str, uid: Option<&str>) -> Value {
    let labels = uid.map_or(json!({}), |uid| json!({NETWORK_UID: uid}));
    json!({"metadata": {"name": name, "namespace": "default", "labels": labels}})
}

fn outcome(claims: impl IntoIterator<Item = Value>) -> Option<(&'static str, String)> {
    let claims: Vec<PersistentVolumeClaim> = claims.into_iter().map(read).collect();
    match judge(
        &ObjectKey::new("default", "alpha"),
        build::NETWORK_UID,
        &claims,
    ) {
        Ok(()) => None,
        Err(Problem::Blocked { reason, message }) => Some((reason, message)),
        Err(Problem::Failed(error)) => panic!("{error}"),
    }
}

#[test]
fn our_own_and_those_of_others_names_are_in_nobodys_way() {
    assert_eq!(outcome([]), None);
    assert_eq!(
        outcome([claim("data-alpha-sts-0", Some(build::NETWORK_UID))]),
        None
    );
    let elsewhere = [
        "data-alpha-2-sts-0",
        "data-beta-sts-0",
        "data",
        "mine-alpha-sts-0",
    ];
    assert_eq!(outcome(elsewhere.map(|name| claim(name, None))), None);
}

#[test]
fn those_of_an_earlier_network_are_named_and_what_can_be_done() {
    let (reason, message) =
        outcome((0..8).map(|n| claim(&format!("data-alpha-sts-{n}"), Some("earlier")))).unwrap();
    assert_eq!(reason, reasons::FOREIGN_VOLUME);
    for words in [
        "uid earlier",
        "`data-alpha-sts-0`",
        "`data-alpha-sts-4` and 3 more",
        "storage.adopt: true",
    ] {
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn a_claim_without_a_name_on_it_is_somebodys_too() {
    let (reason, _) = outcome([claim("data-alpha-sts-7", None)]).unwrap();
    assert_eq!(reason, reasons::FOREIGN_VOLUME);
}

#[test]
fn what_goes_by_itself_is_waited_for() {
    let mut going = claim("data-alpha-sts-0", Some("earlier"));
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let mut owned = claim("data-alpha-sts-0", Some("earlier"));
    owned["metadata"]["ownerReferences"] = json!([{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "alpha-sts", "uid": "gone"}]);
    for leaving in [going, owned] {
        assert_eq!(outcome([leaving]).unwrap().0, reasons::TERMINATING);
    }
}
