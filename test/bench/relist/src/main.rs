//! How much memory does a relist take on top of what is cached anyway?
//!
//! A controller of a large cluster must survive the moment in which it has lost its watch and
//! everything comes once more. This measures that moment: ten thousand pods are cached over a real
//! connection, one of a hundred changes, the watch is lost, and an allocator that counts says what
//! the peak was; once with lists, once with initial events of a watch.
//!
//!     cargo run --release --manifest-path test/bench/Cargo.toml --package bench-relist --target-dir target/bench
//!
//! Only the client's thread is counted. The server has its own, and nothing but bytes passes between.

mod count;
mod server;

use std::error::Error;
use std::time::Duration;

use bitcoin_controller::api::core::Pod;
use bitcoin_controller::cache::{ApiListWatch, InformerOptions, SharedInformer};
use bitcoin_controller::client::{Client, Config, Scope};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::server::Server;

const N_PODS: u64 = 10_000;
const N_CHANGED: u64 = N_PODS / 100;

/// What a relist may take at most, as a share of what is cached.
const LIMIT: f64 = 1.05;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut worst: f64 = 0.0;
    for (name, initial_events) in [("list", false), ("initial events", true)] {
        let ratio = runtime.block_on(measure(name, initial_events))?;
        worst = worst.max(ratio);
    }
    if worst > LIMIT {
        return Err(format!("the peak is {worst:.3} of the steady state, over {LIMIT}").into());
    }
    Ok(())
}

async fn measure(name: &str, initial_events: bool) -> Result<f64, Box<dyn Error>> {
    let server = Server::start(N_PODS)?;
    let before = count::current();
    let client = Client::connect(Config::plain(&server.url)?)?;
    let options = InformerOptions {
        initial_events,
        ..InformerOptions::default()
    };
    let informer = SharedInformer::<Pod>::new(ApiListWatch::new(client, Scope::All), options);
    let shutdown = CancellationToken::new();

    let scenario = async {
        informer.wait_until_synced().await;
        // What the connection needs for a while after a large answer is given back.
        sleep(Duration::from_secs(1)).await;
        let first_peak = count::peak() - before;
        let steady = count::current() - before;

        count::forget_peak();
        let version = server.change(N_CHANGED).to_string();
        server.lose_watches();
        while *informer.last_sync_resource_version() != *version {
            sleep(Duration::from_millis(10)).await;
        }
        let peak = count::peak() - before;
        let after = count::current() - before;
        let ratio = peak as f64 / steady as f64;
        println!(
            "{name}: {N_PODS} pods of {} bytes on the wire",
            server.pod_size()
        );
        println!(
            "  cached        {:>6} kB, {} bytes a pod",
            steady / 1_000,
            steady / N_PODS as i64
        );
        println!("  first state   {:>6} kB at the peak", first_peak / 1_000);
        println!(
            "  relist        {:>6} kB at the peak, {} kB after, {N_CHANGED} changed",
            peak / 1_000,
            after / 1_000
        );
        println!("  ratio         {ratio:>6.3}");
        shutdown.cancel();
        ratio
    };
    let ((), ratio) = tokio::join!(informer.run(shutdown.clone()), scenario);
    Ok(ratio)
}
