//! Lists the pods of a cluster, a page at a time: what every cache begins with.
//!
//! A list is true at one moment, and says at which: its `resourceVersion`. All pages of one list have
//! the same, however long one takes to read them, and that version is where a watch goes on
//! (`02_watch_pods`). Of each pod only the fields are read that `api::core::Pod` declares.
//!
//! Read next: `src/client/list.rs`, how a page is read while it arrives, and `src/client/rest.rs`.
//!
//!     cargo run -- demo --write-kubeconfig /tmp/kc              # in another terminal
//!     KUBECONFIG=/tmp/kc cargo run --example 01_list_pods

use bitcoin_controller::api::Resource;
use bitcoin_controller::api::core::Pod;
use bitcoin_controller::base::Report;
use bitcoin_controller::client::{Client, Config, Item, ListParams, Scope};

/// So few that even a small cluster has several pages; 500 is usual.
const PAGE: u32 = 2;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Report> {
    // As kubectl: $KUBECONFIG, or ~/.kube/config. In a pod: its service account.
    let config = Config::load(None, None)?;
    println!("asking {} for its pods", config.server_host());
    let client = Client::connect(config)?;

    let mut params = ListParams {
        limit: Some(PAGE),
        ..ListParams::default()
    };
    let (mut n_pages, mut n_pods) = (0, 0);
    loop {
        let page = client.list::<Pod>(&Scope::All, &params).await?;
        n_pages += 1;
        n_pods += page.items.len();
        let version = &page.resource_version;
        println!("page {n_pages}, as of version {version}");
        page.items.iter().for_each(tell);
        match params.after(&page) {
            Some(next) => params = next,
            None => break,
        }
    }
    println!("{n_pods} pods on {n_pages} pages");
    Ok(())
}

fn tell(item: &Item<Pod>) {
    match item {
        Item::Object(pod) => {
            let phase = pod.status.phase.as_deref().unwrap_or("in no phase");
            let address = pod.status.pod_ip.as_deref().unwrap_or("no address");
            println!("  {} is {phase} and has {address}", pod.key());
        }
        // One bad object does not hide the others.
        Item::Undecodable(bad) => {
            let key = bad.key.clone().unwrap_or_default();
            println!("  {key} cannot be read: {}", bad.error);
        }
    }
}
