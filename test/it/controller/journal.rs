//! Why keys were called and what came of it. Time is paused.

use std::time::Duration;

use bitcoin_controller::api::core::Pod;
use bitcoin_controller::api::{ObjectKey, ObjectMeta};
use bitcoin_controller::cache::Notification;
use bitcoin_controller::controller::journal::{Cause, Journal};
use std::sync::Arc;
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);

fn key(name: &str) -> ObjectKey {
    ObjectKey::new("default", name)
}

fn pod() -> Arc<Pod> {
    Arc::new(Pod {
        metadata: ObjectMeta {
            namespace: "default".into(),
            name: "alpha-sts-0".into(),
            ..ObjectMeta::default()
        },
        ..Pod::default()
    })
}

#[test]
fn a_cause_says_what_happened_to_which_object() {
    let (object, same) = (pod(), pod());
    let added = Notification::Added {
        object: pod(),
        initial: true,
    };
    let deleted = Notification::Deleted {
        object: pod(),
        final_state_unknown: true,
    };
    let updated = Notification::Updated {
        old: pod(),
        new: object,
    };
    let resync = Notification::Updated {
        old: Arc::clone(&same),
        new: same,
    };
    for (notification, text) in [
        (added, "Pod default/alpha-sts-0 ADDED"),
        (updated, "Pod default/alpha-sts-0 MODIFIED"),
        (deleted, "Pod default/alpha-sts-0 DELETED"),
        (resync, "resync"),
    ] {
        assert_eq!(Cause::of(&notification).to_string(), text);
    }
    assert_eq!(Cause::Retry.to_string(), "retry after a failure");
}

#[tokio::test(start_paused = true)]
async fn a_key_has_one_entry_and_the_last_call_stands() {
    let journal = Journal::default();
    journal.called(&key("b"), Cause::Resync);
    for _ in 0..1_000 {
        journal.called(&key("a"), Cause::Resync);
    }
    sleep(SECOND).await;
    journal.called(&key("a"), Cause::RequeueAfter(10 * SECOND));
    sleep(SECOND).await;
    let entries = journal.entries();
    let names: Vec<&str> = entries.iter().map(|(key, _)| key.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    let (_, entry) = &entries[0];
    assert_eq!(entry.cause, Cause::RequeueAfter(10 * SECOND));
    assert_eq!((entry.n_calls, entry.called.elapsed()), (1_001, SECOND));
    assert!(entry.last_pass.is_none());
}
