//! The program of the benchmarks on kube-rs: see the library for how it uses it, `test/bench/README.md` for what it does.

use std::process::ExitCode;

use bench_kube::flags::{Flags, Mode, Shape};
use bench_kube::informer::{Informer, Metadata};
use bench_kube::network::BitcoinNetwork;
use bench_kube::objects::Watched;
use bench_kube::orders;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{Client, Config};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-kube: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), String> {
    let flags = Flags::parse(std::env::args().skip(1))?;
    match (flags.shape, flags.mode) {
        (Shape::Pods, Mode::Typed) => inform::<Pod>(&flags).await,
        (Shape::Pods, Mode::Metadata) => inform::<Metadata<Pod>>(&flags).await,
        (Shape::Nodes, Mode::Typed) => inform::<Node>(&flags).await,
        (Shape::Nodes, Mode::Metadata) => inform::<Metadata<Node>>(&flags).await,
        (Shape::Networks, Mode::Typed) => inform::<BitcoinNetwork>(&flags).await,
        (Shape::Networks, Mode::Metadata) => inform::<Metadata<BitcoinNetwork>>(&flags).await,
    }
}

async fn inform<K: Watched>(flags: &Flags) -> Result<(), String> {
    let server = flags
        .server
        .parse()
        .map_err(|error| format!("--server {:?}: {error}", flags.server))?;
    let client = Client::try_from(Config::new(server))
        .map_err(|error| format!("cannot make a client: {error}"))?;
    orders::obey(Informer::<K>::start(client, flags)).await
}
