//! The life of an informer: prepared, run once, stopped for good.

use std::time::Duration;

use bitcoin_controller::cache::SubscriptionOptions;
use tokio::time::sleep;

use super::double::PodServer;
use super::faults::{Fault, status};
use super::objects::{Knowledge, hear};
use super::running::{Running, seeded, settle};
use bitcoin_controller::client::WatchEvent;

#[tokio::test(start_paused = true)]
async fn it_syncs_when_the_first_list_is_in_the_store() {
    let server = PodServer::new();
    server.put("a");
    server.fail_lists([Some(Fault::Status(500, "InternalError"))]);
    let running = Running::start(&server);
    settle().await;
    assert!(!running.informer.has_synced());
    assert!(running.informer.wait_until_synced().await);
    assert_eq!(running.stored(), ["a@11"]);
}

#[tokio::test(start_paused = true)]
async fn c078_it_runs_once_and_a_second_start_is_harmless() {
    let server = PodServer::new();
    let mut running = Running::start(&server);
    settle().await;
    running.informer.run(running.shutdown.clone()).await; // returns at once
    assert_eq!(server.requests().len(), 2);
    running.shutdown.cancel();
    running.tasks.join_next().await.unwrap().unwrap();
    running.informer.run(Default::default()).await;
    assert_eq!(
        server.requests().len(),
        2,
        "a stopped informer stays stopped"
    );
}

#[tokio::test(start_paused = true)]
async fn c074_a_shutdown_ends_every_subscription_after_its_backlog() {
    let server = PodServer::new();
    server.put("a");
    let running = Running::start(&server);
    let mut handler = running.informer.subscribe(SubscriptionOptions::default());
    settle().await;
    server.put("b");
    settle().await;
    running.shutdown.cancel();
    settle().await;
    server.put("c");
    settle().await;
    let mut known = Knowledge::default();
    while let Some(told) = hear(&mut handler).await {
        known.learn(told);
    }
    assert_eq!(known.describe(), ["a@11", "b@12"]);
    assert!(
        running
            .informer
            .subscribe(SubscriptionOptions::default())
            .next()
            .await
            .is_none()
    );
}

#[tokio::test(start_paused = true)]
async fn an_informer_whose_future_is_dropped_is_stopped_too() {
    let server = PodServer::new();
    let mut running = Running::start(&server);
    let mut handler = running.informer.subscribe(SubscriptionOptions::default());
    settle().await;
    running.tasks.shutdown().await; // aborts
    assert!(hear(&mut handler).await.is_none());
    assert_eq!(server.n_watches(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_that_never_synced_says_so_to_those_who_wait() {
    let server = PodServer::new();
    server.fail_lists([Some(Fault::Hang)]);
    let running = Running::start(&server);
    let handler = running.informer.subscribe(SubscriptionOptions::default());
    settle().await;
    running.shutdown.cancel();
    assert!(!running.informer.wait_until_synced().await);
    drop(handler);
}

#[tokio::test(start_paused = true)]
async fn c025_a_deletion_missed_while_disconnected_is_told_after_the_list() {
    let server = PodServer::new();
    server.put("a");
    server.put("b");
    let running = Running::start(&server);
    let mut handler = running.informer.subscribe(SubscriptionOptions::default());
    settle().await;
    hear(&mut handler).await;
    hear(&mut handler).await;
    sleep(Duration::from_secs(2)).await;
    server.close_watches();
    server.delete("a");
    server.compact();
    settle().await;
    assert_eq!(
        format!("{:?}", hear(&mut handler).await.unwrap()),
        "Deleted(final state unknown) x/a@11"
    );
    assert_eq!(running.stored(), ["b@12"]);
}

#[tokio::test(start_paused = true)]
async fn c026_a_relist_of_what_has_not_changed_tells_nobody_anything() {
    let server = PodServer::new();
    server.put("a");
    let running = Running::start(&server);
    let mut handler = running.informer.subscribe(SubscriptionOptions::default());
    settle().await;
    hear(&mut handler).await;
    server.send(WatchEvent::Error(status(500, "InternalError")));
    sleep(Duration::from_secs(10)).await;
    assert_eq!(server.requests().len(), 4);
    assert_eq!(running.informer.pending(), 1, "only the one in hand");
}

#[tokio::test(start_paused = true)]
async fn handlers_may_come_before_the_start_during_the_first_list_and_later() {
    let server = PodServer::new();
    server.put("a");
    server.fail_lists([Some(Fault::Status(500, "InternalError"))]);
    let mut running = Running::prepare(&server, seeded(1));
    let mut handlers = vec![running.informer.subscribe(SubscriptionOptions::default())];
    running.run();
    settle().await;
    handlers.push(running.informer.subscribe(SubscriptionOptions::default()));
    running.informer.wait_until_synced().await;
    handlers.push(running.informer.subscribe(SubscriptionOptions::default()));
    settle().await;
    server.put("a");
    settle().await;
    for handler in &mut handlers {
        assert_eq!(
            format!("{:?}", hear(handler).await.unwrap()),
            "Added(initial) x/a@11"
        );
        assert_eq!(
            format!("{:?}", hear(handler).await.unwrap()),
            "Updated x/a@12"
        );
    }
}
