//! What is remembered of a run: what was given to whom, and when. Told only when asked for, but for the first two lines.

use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::indices::Change;

/// What one process remembers.
pub struct Record {
    given: watch::Sender<Given>,
    memory: Mutex<Memory>,
}

/// The greatest version that the first handler was given, and when it came to that.
#[derive(Clone, Copy, Default)]
struct Given {
    version: u64,
    at: u64,
}

struct Memory {
    added: u64,
    updated: u64,
    deleted: u64,
    reconciled: Vec<(u64, u64)>,
    handled: Vec<(u64, u64)>,
    is_first_reconcile_told: bool,
    /// How many notifications each handler was given.
    received: Vec<usize>,
    /// How many objects the first state has, once it is complete and until it is told.
    first_state: Option<usize>,
    is_synced_told: bool,
}

impl Record {
    pub fn new(handlers: usize) -> Self {
        let memory = Memory {
            added: 0,
            updated: 0,
            deleted: 0,
            reconciled: Vec::new(),
            handled: Vec::new(),
            is_first_reconcile_told: false,
            received: vec![0; handlers],
            first_state: None,
            is_synced_told: false,
        };
        Record {
            given: watch::Sender::new(Given::default()),
            memory: Mutex::new(memory),
        }
    }

    /// The first handler is called with a change.
    pub fn changed(&self, change: Change) {
        let mut memory = self.memory();
        match change {
            Change::Added => memory.added += 1,
            Change::Updated => memory.updated += 1,
            Change::Deleted => memory.deleted += 1,
        }
    }

    /// An object of `version` is in the store and was given to the first handler.
    pub fn given(&self, version: u64) {
        self.given.send_if_modified(|given| {
            let is_newer = version > given.version;
            if is_newer {
                *given = Given { version, at: now() };
            }
            is_newer
        });
    }

    /// The store holds the whole first state, `count` objects; handlers may still be about to be told of it.
    pub fn first_state(&self, count: usize) {
        let mut memory = self.memory();
        if !memory.is_synced_told {
            memory.first_state = Some(count);
            memory.tell_synced();
        }
    }

    /// The store holds the whole first state, and the only handler has seen all of it.
    pub fn synced(&self, count: usize) {
        self.memory().received = vec![count];
        self.first_state(count);
    }

    /// Handler `index` was given a notification.
    pub fn received(&self, index: usize) {
        let mut memory = self.memory();
        memory.received[index] += 1;
        memory.tell_synced();
    }

    /// The last of the fast handlers was given the probe of `version`.
    pub fn handled_probe(&self, version: u64) {
        let at = now();
        self.memory().handled.push((version, at));
    }

    /// The reconciler was entered, with the version of a probe if it is one.
    pub fn reconciled(&self, probe: Option<u64>) {
        let mut memory = self.memory();
        if !memory.is_first_reconcile_told {
            memory.is_first_reconcile_told = true;
            say(&json!({"reconciled": now()}));
        }
        if let Some(version) = probe {
            memory.reconciled.push((version, now()));
        }
    }

    /// Answers once an object of `version` or a later one was given to the first handler.
    pub async fn until(&self, version: u64) -> Value {
        let mut given = self.given.subscribe();
        let reached = given.wait_for(|given| given.version >= version).await;
        json!({"until": version, "at": reached.expect("its sender is in self").at})
    }

    pub fn changes(&self) -> Value {
        let memory = self.memory();
        json!({"added": memory.added, "updated": memory.updated, "deleted": memory.deleted})
    }

    pub fn probes(&self) -> Value {
        let memory = self.memory();
        json!({"reconciled": memory.reconciled, "handled": memory.handled})
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().expect("nobody panics while holding it")
    }
}

impl Memory {
    /// Each handler was given each object of the first state, in any order.
    fn tell_synced(&mut self) {
        let Some(count) = self.first_state else {
            return;
        };
        if self.received.iter().all(|received| *received >= count) {
            self.first_state = None;
            self.is_synced_told = true;
            say(&json!({"synced": count, "at": now()}));
        }
    }
}

/// Nanoseconds since 1970.
#[expect(
    clippy::disallowed_methods,
    reason = "compared with the clock of other processes"
)]
pub fn now() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("it is later than 1970");
    since.as_nanos() as u64
}

/// Prints one line; standard output is flushed with it.
pub fn say(answer: &Value) {
    println!("{answer}");
}
