//! The addresses of pods: few, lent, and given to somebody else soon after they come back.
//!
//! That an address is reused at once, lowest first, is what real networks do too, and what finds a
//! controller that trusts addresses.
//!
//! # Invariants
//! - An address has at most one holder, and is free again when the [`Lease`] is dropped.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

/// The addresses. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Addresses(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    free: Mutex<BTreeSet<Ipv4Addr>>,
    given_back: Notify,
}

/// An address somebody holds.
#[derive(Debug)]
pub(super) struct Lease {
    address: Ipv4Addr,
    pool: Arc<Pool>,
}

impl Addresses {
    pub(super) fn new(first: Ipv4Addr, n: u32) -> Self {
        let first = first.to_bits();
        let all = (first..first.saturating_add(n)).map(Ipv4Addr::from_bits);
        Addresses(Arc::new(Pool {
            free: Mutex::new(all.collect()),
            given_back: Notify::new(),
        }))
    }

    /// The lowest free address; waits for one.
    pub(super) async fn take(&self) -> Lease {
        loop {
            // Register before looking, or one that comes back in between is missed.
            let given_back = self.0.given_back.notified();
            let lowest = self.0.free.lock().expect("no holder panics").pop_first();
            if let Some(address) = lowest {
                let pool = Arc::clone(&self.0);
                return Lease { address, pool };
            }
            given_back.await;
        }
    }
}

impl Lease {
    pub(super) fn address(&self) -> String {
        self.address.to_string()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.pool
            .free
            .lock()
            .expect("no holder panics")
            .insert(self.address);
        self.pool.given_back.notify_one();
    }
}
