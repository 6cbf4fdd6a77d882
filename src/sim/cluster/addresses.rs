//! The addresses of pods: few, lent, and given to somebody else soon after they come back.
//!
//! They are given in turn, and from the first again after the last, as the usual plugin does it. In a
//! small range an address is soon somebody else's, which finds a controller that trusts addresses.
//!
//! # Invariants
//! - An address has at most one holder, and is free again when the [`Lease`] is dropped.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::ops::Bound;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

/// The addresses. Clones are the same.
#[derive(Clone, Debug)]
pub(super) struct Addresses(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    state: Mutex<State>,
    given_back: Notify,
}

#[derive(Debug)]
struct State {
    free: BTreeSet<Ipv4Addr>,
    last_given: Ipv4Addr,
}

impl State {
    fn take(&mut self) -> Option<Ipv4Addr> {
        let after = (Bound::Excluded(self.last_given), Bound::Unbounded);
        let next = self
            .free
            .range(after)
            .next()
            .or(self.free.first())
            .copied()?;
        self.free.remove(&next);
        self.last_given = next;
        Some(next)
    }
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
            state: Mutex::new(State {
                free: all.collect(),
                last_given: Ipv4Addr::UNSPECIFIED,
            }),
            given_back: Notify::new(),
        }))
    }

    /// The next free address; waits for one.
    pub(super) async fn take(&self) -> Lease {
        loop {
            // Register before looking, or one that comes back in between is missed.
            let mut given_back = pin!(self.0.given_back.notified());
            given_back.as_mut().enable();
            let next = self.0.state.lock().expect("no holder panics").take();
            if let Some(address) = next {
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
        let mut state = self.pool.state.lock().expect("no holder panics");
        state.free.insert(self.address);
        drop(state);
        self.pool.given_back.notify_waiters();
    }
}
