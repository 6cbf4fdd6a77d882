//! The sample controller: a Secret for each ConfigMap with the label, whatever happens.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bitcoin_controller::api::core::Secret;
use bitcoin_controller::api::{ObjectKey, ObjectMeta, Resource};
use bitcoin_controller::client::{Client, DeleteOptions};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::stage::Stage;
use crate::support::program::Program;

#[derive(Deserialize)]
struct ConfigMap {
    metadata: ObjectMeta,
}

impl Resource for ConfigMap {
    const GROUP: &'static str = "";
    const VERSION: &'static str = "v1";
    const KIND: &'static str = "ConfigMap";
    const PLURAL: &'static str = "configmaps";

    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::new("default", name)
}

/// A ConfigMap that is to be copied.
async fn create(client: &Client, name: &str, data: Value) {
    let metadata = json!({"name": name, "labels": {"as-secret": "yes"}});
    let body = json!({"metadata": metadata, "data": data});
    client.create::<ConfigMap>("default", &body).await.unwrap();
}

async fn patch<R: Resource>(client: &Client, name: &str, body: Value) {
    client.patch::<R>(&key(name), &body).await.unwrap();
}

async fn secret(client: &Client, name: &str) -> Option<Secret> {
    match client.get::<Secret>(&key(name)).await {
        Ok(secret) => Some(secret),
        Err(error) if error.is_not_found() => None,
        Err(error) => panic!("{error}"),
    }
}

/// Starts the controller, and waits until it works. One at a time: two would do each other's work.
fn controller(stage: &Stage) -> (Program, MutexGuard<'static, ()>) {
    static ALONE: Mutex<()> = Mutex::new(());
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let mut controller = stage.play("08_sample_controller");
    controller.until("starting workers");
    (controller, alone)
}

fn stop(controller: Program) {
    controller.signal("-INT");
    let (status, said) = controller.end();
    assert!(status.success(), "{said:#?}");
}

#[test]
fn a_copy_is_created_updated_and_deleted_with_its_original() {
    let stage = Stage::shared();
    let (mut controller, _alone) = controller(&stage);
    stage.on_the_server(async |client| {
        create(&client, "color", json!({"is": "blue", "was": "red"})).await;
        controller.until("default/color: created");
        let copy = secret(&client, "color").await.unwrap();
        assert_eq!(copy.text("is"), Some("blue"));
        assert_eq!(copy.text("was"), Some("red"));

        let changed = json!({"data": {"is": "green", "was": null}});
        patch::<ConfigMap>(&client, "color", changed).await;
        controller.until("default/color: updated");
        let copy = secret(&client, "color").await.unwrap();
        assert_eq!(copy.text("is"), Some("green"));
        assert_eq!(copy.text("was"), None);

        let unlabelled = json!({"metadata": {"labels": {"as-secret": null}}});
        patch::<ConfigMap>(&client, "color", unlabelled).await;
        controller.until("default/color: deleted");
        assert!(secret(&client, "color").await.is_none());
    });
    stop(controller);
}

#[test]
fn a_copy_that_somebody_has_changed_is_made_right_again() {
    let stage = Stage::shared();
    let (mut controller, _alone) = controller(&stage);
    stage.on_the_server(async |client| {
        create(&client, "size", json!({"is": "large"})).await;
        controller.until("default/size: created");
        patch::<Secret>(&client, "size", json!({"stringData": {"is": "small"}})).await;
        controller.until("default/size: updated");
        let copy = secret(&client, "size").await.unwrap();
        assert_eq!(copy.text("is"), Some("large"));
    });
    stop(controller);
}

#[test]
fn a_copy_goes_with_its_original_even_while_nobody_runs() {
    let stage = Stage::shared();
    let (mut controller, _alone) = controller(&stage);
    stage.on_the_server(async |client| {
        create(&client, "shape", json!({"is": "round"})).await;
        controller.until("default/shape: created");
        stop(controller);
        let (key, options) = (key("shape"), DeleteOptions::default());
        client.delete::<ConfigMap>(&key, &options).await.unwrap();
        let gone = async {
            while secret(&client, "shape").await.is_some() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(30), gone).await.unwrap();
    });
}

#[test]
fn somebody_elses_secret_of_that_name_is_left_alone() {
    let stage = Stage::shared();
    let (mut controller, _alone) = controller(&stage);
    stage.on_the_server(async |client| {
        let theirs = json!({"metadata": {"name": "taken"}, "stringData": {"is": "theirs"}});
        client.create::<Secret>("default", &theirs).await.unwrap();
        create(&client, "taken", json!({"is": "ours"})).await;
        controller.until("the pass failed and will be tried again");
        let secret = secret(&client, "taken").await.unwrap();
        assert_eq!(secret.text("is"), Some("theirs"));
        assert!(secret.metadata.owner_references.is_empty());
    });
    stop(controller);
}
