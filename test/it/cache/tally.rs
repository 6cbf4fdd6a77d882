//! What an informer says about itself in numbers.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::double::PodServer;
use super::faults::Fault;
use super::running::{Running, seeded, settle, streaming};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn lists_watches_events_and_failures_are_counted_and_dated() {
    let server = PodServer::new();
    server.put("a");
    server.fail_lists([Some(Fault::Status(500, "InternalError"))]);
    let mut running = Running::prepare(&server, seeded(1));
    let before = running.informer.tally();
    assert_eq!(
        (before.has_synced, before.objects, before.lists),
        (false, 0, 0)
    );
    assert_eq!((before.last_list, before.last_event), (None, None));
    running.run();
    assert!(running.informer.wait_until_synced().await);
    settle().await;
    let listed = running.informer.tally();
    assert_eq!((listed.has_synced, listed.objects), (true, 1));
    assert_eq!((listed.lists, listed.watches, listed.failures), (1, 1, 1));
    assert_eq!((listed.events, listed.last_event), (0, None));
    let since_list = listed.last_list.unwrap().elapsed();
    assert!(since_list < SECOND, "{since_list:?}");

    sleep(10 * SECOND).await;
    server.put("b");
    server.delete("a");
    settle().await;
    let told = running.informer.tally();
    assert_eq!((told.objects, told.events, told.lists), (1, 2, 1));
    assert!(told.last_event > Some(listed.last_list.unwrap() + 9 * SECOND));
    assert_eq!(told.last_list, listed.last_list);
    assert_eq!(
        told.resource_version,
        running.informer.last_sync_resource_version()
    );
    assert!(told.last_event <= Some(Instant::now()));
}

#[tokio::test(start_paused = true)]
async fn initial_events_are_a_list_that_came_with_its_watch() {
    let server = PodServer::new();
    server.put("a");
    let running = Running::start_with(&server, streaming(1));
    settle().await;
    server.put("b");
    settle().await;
    let tally = running.informer.tally();
    assert_eq!((tally.lists, tally.watches, tally.events), (1, 1, 1));
    assert_eq!(
        (tally.objects, tally.failures, tally.quarantined.len()),
        (2, 0, 0)
    );
}
