//! What is remembered of a network between passes: nothing that a pass could not do without.
//!
//! A level-based loop must be right after a restart, when it remembers nothing. So what is kept here
//! only saves work (connections, a write that the cache has not shown yet) or says *since when*
//! something has been so. Whoever reconciles a network takes its memory out and puts it back; a pass
//! that panics loses it, which is safe.
//!
//! # Invariants
//! - Losing a memory changes no decision but its time.
//! - A memory belongs to one UID: a later network of the same name starts with none.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

use crate::api::apps::StatefulSet;
use crate::api::core::{Pod, Service};
use crate::api::network::BitcoinNetworkStatus;
use crate::api::{BitcoinNetwork, Resource};
use crate::bitcoin::RpcClient;
use crate::controller::desired::RPC_PORT;
use crate::controller::flush::Flushes;
use crate::controller::mining::Bench;
use crate::controller::outside::Outings;
use crate::controller::own_secret::{Known, Own};
use crate::controller::own_writes::OwnWrites;
use crate::controller::reach::Reach;
use crate::http::Endpoint;

/// What is remembered of one network.
#[derive(Default)]
pub struct Memory {
    /// The network this is about.
    pub uid: Box<str>,
    /// Writes that the cache may not show yet.
    pub networks: OwnWrites<BitcoinNetwork>,
    /// Likewise.
    pub services: OwnWrites<Service>,
    /// Likewise.
    pub sets: OwnWrites<StatefulSet>,
    /// What our Secret held in the last pass that could read it.
    pub own: Known,
    /// Since when something has been missing.
    pub unready_since: Option<Instant>,
    /// Since when there has not been one best block.
    pub apart_since: Option<Instant>,
    /// Since when there have been fewer pods than asked for.
    pub pods_missing_since: Option<Instant>,
    /// When chain facts were last written.
    pub chain_facts_written: Option<Instant>,
    /// The status as it was sent, if the server did not keep all of it.
    pub pruned: Option<BitcoinNetworkStatus>,
    /// When nodes outside were last dialled.
    pub outside: Outings,
    /// Repairs of each kind of object.
    pub repairs: BTreeMap<&'static str, Repairs>,
    /// Writes that the server does not allow, by kind of object.
    pub refused: BTreeMap<&'static str, Refused>,
    /// Flushes of nodes with a volume.
    pub flushes: Flushes,
    /// What is being mined.
    pub mining: Bench,
    /// One client for each pod.
    clients: BTreeMap<i32, (Box<str>, Endpoint, RpcClient)>,
}

/// How often something was put right in a row.
#[derive(Clone, Copy, Debug)]
pub struct Repairs {
    /// The generation of the spec at that time.
    pub generation: i64,
    /// How many there were, each soon after the one before.
    pub count: u32,
    /// The last one.
    pub last: Instant,
}

/// A write that the server does not allow: to ask again for the very same would be to be refused again.
#[derive(Clone, Debug)]
pub struct Refused {
    /// The spec the object had; null if there was none.
    pub from: Value,
    /// What was wanted of it.
    pub to: Value,
    /// One of [`reasons`](crate::controller::reasons).
    pub reason: &'static str,
    /// What the server said.
    pub message: String,
    /// When it said so.
    pub at: Instant,
}

impl Memory {
    /// The memory for `network`: `self` if it is about it, else none.
    #[must_use]
    pub fn of(self, network: &BitcoinNetwork) -> Self {
        if self.uid == network.metadata.uid {
            self
        } else {
            Memory {
                uid: network.metadata.uid.clone(),
                ..Memory::default()
            }
        }
    }

    /// Takes over what our Secret holds; other credentials than before need other connections.
    pub fn remember_own(&mut self, own: &Own) {
        if self.own.credentials.as_ref() != Some(&own.credentials) {
            self.clients.clear();
        }
        self.own = own.to_known(&self.own);
    }

    /// A client for the node in `pod` that uses the credentials before the present ones; `None` if there are none.
    pub fn previous_client(&self, pod: &Pod, reach: &Reach) -> Option<RpcClient> {
        let previous = self.own.previous.as_ref()?;
        let address = pod.status.pod_ip.as_deref()?;
        Some(reach.node(&pod.key(), address, previous))
    }

    /// Uses `client` for the node in `pod` from now on.
    pub fn keep_client(&mut self, ordinal: i32, pod: &Pod, client: &RpcClient) {
        let uid = pod.metadata.uid.clone();
        let kept = (uid, client.endpoint().clone(), client.clone());
        self.clients.insert(ordinal, kept);
    }

    /// A client for the node in `pod`; `None` while it has no address or our credentials are not known.
    pub fn client(&mut self, ordinal: i32, pod: &Pod, reach: &Reach) -> Option<RpcClient> {
        let own = self.own.credentials.as_ref()?;
        let endpoint = Endpoint::new(pod.status.pod_ip.as_deref()?, RPC_PORT);
        let known = self.clients.get(&ordinal);
        if let Some((uid, at, client)) = known
            && (uid, at) == (&pod.metadata.uid, &endpoint)
        {
            return Some(client.clone());
        }
        let client = RpcClient::new(reach.transport(&pod.key()), endpoint, own);
        self.keep_client(ordinal, pod, &client);
        Some(client)
    }

    /// Forgets the clients of pods that are no more.
    pub fn keep_clients(&mut self, is_there: impl Fn(i32) -> bool) {
        self.clients.retain(|ordinal, _| is_there(*ordinal));
    }
}

/// Starts, keeps or ends a measurement: since when `holds` has been so, and for how long.
pub fn since(start: &mut Option<Instant>, holds: bool) -> Option<Duration> {
    if !holds {
        *start = None;
        return None;
    }
    Some(start.get_or_insert_with(Instant::now).elapsed())
}
