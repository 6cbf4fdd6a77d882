//! A copy of all pods that keeps itself up to date, whatever happens to the connection.
//!
//! A reflector gets the whole state once, watches from there, and knows what to do when that breaks: go
//! on from the last version, or get the state again. It fills a store, which anybody may read at any time without asking
//! the server. Nobody is told of changes here, so this program looks ten times a second; how to be
//! told is `04_informer`.
//!
//! Read next: `src/cache/reflector.rs`; `next_step.rs`, the table of what can happen; then `indexer.rs`.
//!
//!     KUBECONFIG=/tmp/kc cargo run --example 03_reflector       # see 01_list_pods; Ctrl-C ends it
//!     KUBECONFIG=/tmp/kc kubectl delete pod demo-sts-1          # makes something happen

use std::io::stderr;
use std::sync::Arc;
use std::time::Duration;

use bitcoin_controller::api::Resource;
use bitcoin_controller::api::core::Pod;
use bitcoin_controller::base::Report;
use bitcoin_controller::cache::{ApiListWatch, Indexer, Reflector, ReflectorOptions};
use bitcoin_controller::client::{Client, Config, Scope};
use bitcoin_controller::run::until_signalled;
use tokio::time::sleep;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Report> {
    // A reflector never gives up: what it has to put up with it says in the log.
    tracing_subscriber::fmt().with_writer(stderr).init();
    until_signalled(async |shutdown| {
        let client = Client::connect(Config::load(None, None)?)?;
        let server = client.version().await?;
        println!("the server is there: {}", server.git_version);

        let pods = Arc::new(Indexer::<Pod>::default());
        let list_watch = Arc::new(ApiListWatch::new(client, Scope::All));
        let reflector = Reflector::new(list_watch, pods.clone(), ReflectorOptions::default());
        tokio::select! {
            biased;
            () = reflector.run(shutdown) => println!("stopped; the store keeps what it has"),
            () = look_at(&pods) => {}
        }
        Ok(())
    })
    .await
}

/// Says what is in the store whenever that has changed.
async fn look_at(pods: &Indexer<Pod>) {
    let mut seen = Vec::new();
    loop {
        let now = pods.list(); // One snapshot, in order of the keys; it costs no request.
        let is_same = |(one, other): (&Arc<Pod>, &Arc<Pod>)| Arc::ptr_eq(one, other);
        if now.len() != seen.len() || !now.iter().zip(&seen).all(is_same) {
            let tell = |pod: &Arc<Pod>| format!("{}@{}", pod.key(), pod.metadata.resource_version);
            let told: Vec<String> = now.iter().map(tell).collect();
            println!("{} pods in the store: {}", now.len(), told.join(", "));
            seen = now;
        }
        sleep(Duration::from_millis(100)).await;
    }
}
