//! Tells people what happened, the way every controller does, and reads it back.
//!
//! Recording an event is one call that never waits and cannot fail: a controller must not stand still
//! because nobody could be told. What is said again becomes a count instead of another object. A sink
//! writes it down behind the scenes.
//!
//! Read next: `src/record/event_recorder.rs`, then `event_correlator.rs`, which does the counting.
//!
//!     KUBECONFIG=/tmp/kc cargo run --example 06_events          # see 01_list_pods
//!     KUBECONFIG=/tmp/kc kubectl get events                     # what people see of it

use std::io::stderr;
use std::time::Duration;

use bitcoin_controller::api::Resource;
use bitcoin_controller::api::core::{Event, ObjectReference, Pod};
use bitcoin_controller::base::Report;
use bitcoin_controller::client::{Client, Config, ListParams, Scope};
use bitcoin_controller::record::{ApiEventSink, BroadcasterOptions, EventBroadcaster, EventType};

/// Reasons are for programs: constants, and few.
const WELL: &str = "ExampleGreeted";
const ILL: &str = "ExampleWorried";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Report> {
    tracing_subscriber::fmt().with_writer(stderr).init();
    let config = Config::load(None, None)?;
    let scope = Scope::Namespace(config.namespace().into());
    let client = Client::connect(config)?;
    let pods = client
        .list_all::<Pod>(&scope, &ListParams::default())
        .await?;
    let Some(pod) = pods.first() else {
        return Err(Report::new(
            "there is no pod in the namespace to say something about",
        ));
    };

    let broadcaster = EventBroadcaster::new(BroadcasterOptions::default());
    broadcaster.start_recording_to(ApiEventSink::new(client.clone()));
    let recorder = broadcaster.recorder("example");
    let about = ObjectReference::to(pod);
    for _ in 0..3 {
        recorder.event(&about, EventType::Normal, WELL, "hello from an example");
    }
    recorder.event(&about, EventType::Warning, ILL, "that is the last of it");
    println!(
        "recorded 4 events about {}; {} are on their way",
        pod.key(),
        broadcaster.pending()
    );

    // A process that ends says what it still has to say, but not for ever.
    let lost = broadcaster.shutdown(Duration::from_secs(5)).await;
    println!("{lost} were lost; the server has:");
    for reason in [WELL, ILL] {
        let params = ListParams {
            field_selector: Some(format!("involvedObject.uid={},reason={reason}", about.uid)),
            ..ListParams::default()
        };
        for event in client.list_all::<Event>(&scope, &params).await? {
            let (kind, count, message) = (&event.type_, event.count, &event.message);
            println!("  {kind} {reason}, {count} times: {message}");
        }
    }
    Ok(())
}
