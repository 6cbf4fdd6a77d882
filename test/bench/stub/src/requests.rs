//! What was asked, when and how often; and how many of the next requests are to be refused.

use std::sync::{Mutex, MutexGuard};
use std::time::SystemTime;

use serde_json::{Value, json};

use crate::http::Request;

/// The kinds of requests that are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    List,
    Watch,
    /// A watch that wants initial events.
    Initial,
    Get,
    Write,
}

#[derive(Default)]
pub struct Requests(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    n: [u64; 5],
    n_refused: u64,
    /// When, and what.
    log: Vec<(u64, String)>,
    n_to_refuse: u64,
    retry_after: u64,
}

impl Requests {
    /// Takes down one that came. `Some`: it is to be refused, and after so many seconds it may come again.
    pub fn take_down(&self, kind: Kind, request: &Request) -> Option<u64> {
        let mut inner = self.inner();
        let line = format!("{} {}", request.method, request.target);
        inner.log.push((nanoseconds(), line));
        if inner.n_to_refuse > 0 {
            inner.n_to_refuse -= 1;
            inner.n_refused += 1;
            return Some(inner.retry_after);
        }
        inner.n[kind as usize] += 1;
        None
    }

    /// Refuses the next `n`.
    pub fn refuse(&self, n: u64, retry_after: u64) {
        let mut inner = self.inner();
        inner.n_to_refuse = n;
        inner.retry_after = retry_after;
    }

    pub fn to_json(&self) -> Value {
        let inner = self.inner();
        let [list, watch, initial, get, write] = inner.n;
        json!({
            "list": list,
            "watch": watch,
            "initial": initial,
            "get": get,
            "write": write,
            "refused": inner.n_refused,
            "log": inner.log,
        })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0
            .lock()
            .expect("nobody panics while the log is locked")
    }
}

/// Since 1970.
pub fn nanoseconds() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_nanos() as u64)
}
