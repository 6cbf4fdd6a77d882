//! Getting the lease, and keeping it.

use std::time::Duration;

use bitcoin_controller::base::yaml;
use bitcoin_controller::sim::faults::{Effect, Rule};
use bitcoin_controller::sim::{Key, Refusal};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::stage::{LEASES, Stage, foreign};
use crate::record::double::Page;

#[tokio::test(start_paused = true)]
async fn the_first_candidate_makes_the_lease_and_leads() {
    let mut stage = Stage::new();
    let one = stage.candidate("one").stand();
    stage.until_held_by("one").await;
    let spec = stage.spec();
    let date = &spec["renewTime"];
    assert_eq!(
        spec,
        json!({
            "holderIdentity": "one", "leaseDurationSeconds": 15, "leaseTransitions": 0,
            "acquireTime": date, "renewTime": date,
        })
    );
    assert!(date.as_str().unwrap().starts_with("2027-01-15T08:00:00."));
    sleep(Duration::from_millis(10)).await;
    assert!(one.view.is_leader());
}

#[tokio::test(start_paused = true)]
async fn c104_a_foreign_lease_is_waited_for_however_old_it_looks() {
    let mut stage = Stage::new();
    stage.create(foreign("two"));
    let _one = stage.candidate("one").stand();
    sleep(Duration::from_millis(14_900)).await;
    assert_eq!(stage.holder(), "two");
    stage.until_held_by("one").await;
    // At the first look after it: they are at most 2.2 retry periods apart.
    assert!(
        stage.now() < Duration::from_millis(19_500),
        "{:?}",
        stage.now()
    );
}

#[tokio::test(start_paused = true)]
async fn c104_a_foreign_lease_that_is_renewed_is_never_taken() {
    let mut stage = Stage::new();
    stage.create(foreign("two"));
    let candidate = stage.candidate("one");
    let _one = candidate.stand();
    for second in 0..60 {
        // Its clock stands near the year 2001, and does not even go forward.
        let time = format!("2001-01-01T00:00:{:02}.000000Z", 59 - second);
        stage.change(|lease| lease["spec"]["renewTime"] = time.into());
        sleep(Duration::from_secs(12)).await;
        assert_eq!(stage.holder(), "two");
    }
    assert!(candidate.asked().iter().all(|(verb, _)| verb == "get"));
}

#[tokio::test(start_paused = true)]
async fn c105_a_steady_holder_sends_one_patch_a_period_and_nothing_else() {
    let mut stage = Stage::new();
    let candidate = stage.candidate("one");
    let one = candidate.stand();
    sleep(Duration::from_millis(20_500)).await;
    let mut expected = vec![("get".to_owned(), 404), ("create".to_owned(), 201)];
    expected.resize(12, ("patch".to_owned(), 200));
    assert_eq!(candidate.asked(), expected);
    assert!(one.view.is_leader());
}

#[tokio::test(start_paused = true)]
async fn c105_a_patch_that_fails_is_followed_by_a_look_and_another_in_the_same_step() {
    let mut stage = Stage::new();
    let candidate = stage.candidate("one");
    let one = candidate.stand();
    sleep(Duration::from_millis(100)).await;
    let n_before = candidate.asked().len();
    stage.change(|lease| lease["metadata"]["labels"] = json!({"of": "others"}));
    sleep(Duration::from_millis(2_000)).await;
    let step: Vec<_> = candidate.asked().split_off(n_before);
    let codes = [("patch", 409), ("get", 200), ("patch", 200)];
    assert_eq!(step, codes.map(|(verb, code)| (verb.to_owned(), code)));
    assert!(one.view.is_leader());
    // What is not ours is left as it was: the departure from PUT.
    let lease = stage.store.get(LEASES, &Key::new("default", "a")).unwrap();
    assert_eq!(lease["metadata"]["labels"], json!({"of": "others"}));
}

#[tokio::test(start_paused = true)]
async fn c106_taking_over_counts_and_dates_and_renewing_does_neither() {
    let mut stage = Stage::new();
    stage.create(foreign("two"));
    let _one = stage.candidate("one").stand();
    stage.until_held_by("one").await;
    let taken = stage.spec();
    assert_eq!(taken["leaseTransitions"], 4);
    assert_eq!(taken["acquireTime"], taken["renewTime"]);
    sleep(Duration::from_secs(5)).await;
    let renewed = stage.spec();
    assert_ne!(renewed["renewTime"], taken["renewTime"]);
    assert_eq!(renewed["acquireTime"], taken["acquireTime"]);
    assert_eq!(renewed["leaseTransitions"], 4);
}

#[tokio::test(start_paused = true)]
async fn c106_the_same_name_after_a_restart_goes_on_at_once() {
    let mut stage = Stage::new();
    stage.create(foreign("one"));
    let one = stage.candidate("one").stand();
    sleep(Duration::from_millis(50)).await;
    assert!(one.view.is_leader());
    let spec = stage.spec();
    assert_eq!(spec["leaseTransitions"], 3);
    assert_eq!(spec["acquireTime"], foreign("one")["acquireTime"]);
}

#[tokio::test(start_paused = true)]
async fn c107_a_lease_without_a_holder_is_acquired_at_once() {
    let mut stage = Stage::new();
    stage.create(foreign(""));
    let one = stage.candidate("one").stand();
    sleep(Duration::from_millis(50)).await;
    assert!(one.view.is_leader());
    assert_eq!(stage.spec()["leaseTransitions"], 4);
}

#[tokio::test(start_paused = true)]
async fn a_claim_whose_answer_is_lost_is_recognised_at_the_next_look() {
    let mut stage = Stage::new();
    let candidate = stage.candidate("one");
    let rule = Rule::new("create", "", Effect::LoseAnswer).once();
    candidate.server.faults().add(rule);
    let one = candidate.stand();
    sleep(Duration::from_millis(100)).await;
    assert_eq!(
        (stage.holder().as_str(), one.view.is_leader()),
        ("one", false)
    );
    sleep(Duration::from_secs(5)).await;
    assert!(one.view.is_leader());
    assert_eq!(stage.spec()["leaseTransitions"], 0);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_down_is_asked_until_it_is_there() {
    let mut stage = Stage::new();
    let candidate = stage.candidate("one");
    candidate
        .server
        .faults()
        .add(Rule::new("", "", Effect::Drop));
    let one = candidate.stand();
    sleep(Duration::from_secs(60)).await;
    assert_eq!(stage.spec(), Value::Null);
    candidate.server.faults().clear();
    stage.until_held_by("one").await;
    assert!(!one.shutdown.is_cancelled());
}

/// Goal: the Role in the manifests grants what an election asks for, and nothing else.
#[tokio::test(start_paused = true)]
async fn the_role_is_what_an_election_asks_for() {
    let mut stage = Stage::new();
    let candidate = stage.candidate("one");
    let mut one = candidate.stand();
    sleep(Duration::from_secs(5)).await;
    one.shutdown.cancel();
    one.outcome().await;
    let mut asked: Vec<String> = candidate
        .asked()
        .into_iter()
        .map(|(verb, _)| verb)
        .collect();
    asked.sort();
    asked.dedup();
    let text = include_str!("../../../manifests/rbac-leader-election.yaml");
    let documents: Vec<Value> = yaml::all_from_str(text).unwrap();
    let rules = documents[0]["rules"].as_array().unwrap();
    let of_leases = rules
        .iter()
        .filter(|rule| rule["resources"] == json!(["leases"]));
    let mut granted: Vec<String> = of_leases
        .flat_map(|rule| rule["verbs"].as_array().unwrap())
        .map(|verb| verb.as_str().unwrap().to_owned())
        .collect();
    granted.sort();
    assert_eq!(granted, asked);
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_has_no_rights_says_so_at_the_pace_of_its_attempts() {
    let page = Page::default();
    let _logging = tracing::subscriber::set_default(page.clone().log());
    let mut stage = Stage::new();
    let candidate = stage.candidate("one");
    let forbidden = Refusal::new(403, "Forbidden", "leases is forbidden: no right to get");
    let faults = candidate.server.faults();
    faults.add(Rule::new("", "", Effect::Refuse(forbidden)));
    let _one = candidate.stand();
    sleep(Duration::from_secs(60)).await;
    let text = page.text();
    let warnings: Vec<_> = text.lines().filter(|line| line.contains("WARN")).collect();
    assert_eq!(warnings.len(), candidate.asked().len(), "{text}");
    assert!((14..=31).contains(&warnings.len()), "{}", warnings.len());
    let says_why = |line: &&str| line.contains("no right to get") && line.contains("default/a");
    assert!(warnings.iter().all(says_why), "{warnings:?}");
}

/// One takes it between the other's look and its write.
#[tokio::test(start_paused = true)]
async fn a_rival_that_was_quicker_is_no_trouble() {
    let page = Page::default();
    let _logging = tracing::subscriber::set_default(page.clone().log());
    let mut stage = Stage::new();
    let candidate = stage.candidate("one");
    let faults = candidate.server.faults();
    faults.add(Rule::new("create", LEASES, Effect::conflict()).once());
    let _one = candidate.stand();
    stage.until_held_by("one").await;
    assert!(!page.text().contains("WARN"), "{}", page.text());
}
