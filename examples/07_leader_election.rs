//! Of many that could work, one does: three candidates take turns at one Lease.
//!
//! A Lease is an object with a name in it and a time. Whoever wrote it last leads, and must write it
//! again before that time is over; the others watch it stand still, and take it when it does. Here
//! each leads for a moment and gives it back. Run it in two terminals: still one at a time.
//!
//! Read next: `src/leader/elector.rs`, the loop, then `src/leader/claim.rs`, what may be claimed.
//!
//!     KUBECONFIG=/tmp/kc cargo run --example 07_leader_election # see 01_list_pods; Ctrl-C ends it
//!     KUBECONFIG=/tmp/kc kubectl get lease example --watch      # who leads

use std::io::stderr;
use std::time::Duration;

use bitcoin_controller::api::ObjectKey;
use bitcoin_controller::base::{Random, Report};
use bitcoin_controller::client::{Client, Config};
use bitcoin_controller::leader::config::process_identity;
use bitcoin_controller::leader::{LeaderElectionConfig, LeaderElector, Outcome};
use bitcoin_controller::run::until_signalled;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// How long each leads, and how long it waits between two looks at the lease (usually 2 s).
const TURN: Duration = Duration::from_millis(500);
const RETRY: Duration = Duration::from_millis(200);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Report> {
    tracing_subscriber::fmt().with_writer(stderr).init();
    until_signalled(async |shutdown| {
        let config = Config::load(None, None)?;
        let lease = ObjectKey::new(config.namespace(), "example");
        let client = Client::connect(config)?;
        client.version().await?; // Is anybody there? A candidate would wait for ever.
        println!("three candidates for lease {lease}");
        let start = Instant::now();
        tokio::try_join!(
            take_a_turn("ann", &client, &lease, start, &shutdown),
            take_a_turn("bob", &client, &lease, start, &shutdown),
            take_a_turn("cyd", &client, &lease, start, &shutdown),
        )?;
        println!("all have had their turn");
        Ok(())
    })
    .await
}

/// One candidate: waits until it leads, works, and gives the lease back.
async fn take_a_turn(
    name: &str,
    client: &Client,
    lease: &ObjectKey,
    start: Instant,
    shutdown: &CancellationToken,
) -> Result<(), Report> {
    let say = |what: &str| println!("{name} {what}, after {:.1?}", start.elapsed());
    // Identities differ between processes, too, or both would think that they lead.
    let identity = format!("{name}_{}", process_identity(&Random::os()));
    let config = LeaderElectionConfig {
        retry_period: RETRY,
        ..LeaderElectionConfig::new(lease.clone(), identity)
    };
    let elector = LeaderElector::new(client.clone(), config)?;
    let lead = async |stop: CancellationToken| {
        say("leads");
        tokio::select! {
            biased;
            () = stop.cancelled() => say("is asked to stop"),
            () = sleep(TURN) => say("is done"),
        }
    };
    match elector.run(shutdown.clone(), lead).await {
        Outcome::Ended => Ok(()),
        Outcome::NeverLed => {
            say("never led, and ends");
            Ok(())
        }
        Outcome::Lost => Err(Report::new(format!("{name} lost the lease while leading"))),
    }
}
