//! One counter for each combination of label values, and a bound on how many there may be.
//!
//! Each combination is a series that Prometheus keeps for weeks. Label values come from outside (a code
//! that a server answers with), so nobody can promise that they are few. Past a bound all further
//! combinations are one series, whose labels say `other`: the total stays right, the memory bounded.
//!
//! # Invariants
//! - There are never more than [`MOST_SERIES`] series, the one called `other` included.
//! - A series, once there, stays.
//!
//! # Example
//! ```
//! use bitcoin_controller::metrics::{Counter, Labelled};
//!
//! let requests = Labelled::new(["code", "method"], Counter::default);
//! requests.with(["200", "GET"]).increment();
//! requests.with(["200", "GET"]).increment();
//! let mut seen = Vec::new();
//! requests.each(|labels, counter| seen.push(format!("{labels:?} {}", counter.get())));
//! assert_eq!(seen, [r#"[("code", "200"), ("method", "GET")] 2"#]);
//! ```
//!
//! # Source
//! prometheus/client_golang `prometheus/vec.go`. What differs: the bound, and no way to delete a series.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

/// How many combinations are kept apart: more than any server answers with, less than hurts.
pub const MOST_SERIES: usize = 200;

/// What all further combinations are called.
const OTHER: &str = "other";

/// One `T` for each combination of `N` label values.
pub struct Labelled<T, const N: usize> {
    names: [&'static str; N],
    make: fn() -> T,
    series: Mutex<BTreeMap<[Box<str>; N], Arc<T>>>,
}

impl<T, const N: usize> Labelled<T, N> {
    /// None yet; `make` makes each when it is needed first.
    pub fn new(names: [&'static str; N], make: fn() -> T) -> Self {
        Labelled {
            names,
            make,
            series: Mutex::default(),
        }
    }

    /// The one for `values`, in the order of the names.
    pub fn with(&self, values: [&str; N]) -> Arc<T> {
        let mut series = self.lock();
        let key = values.map(Box::from);
        let has_room = series.len() + 1 < MOST_SERIES || series.contains_key(&key);
        let key = if has_room {
            key
        } else {
            [OTHER; N].map(Box::from)
        };
        let made = series.entry(key).or_insert_with(|| Arc::new((self.make)()));
        Arc::clone(made)
    }

    /// Shows `visit` each, in order of the values.
    pub fn each(&self, mut visit: impl FnMut(&[(&str, &str); N], &T)) {
        for (values, each) in &*self.lock() {
            let labels: [(&str, &str); N] =
                std::array::from_fn(|index| (self.names[index], &*values[index]));
            visit(&labels, each);
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<[Box<str>; N], Arc<T>>> {
        self.series
            .lock()
            .expect("making a counter, and showing it, do not panic")
    }
}

impl<T, const N: usize> fmt::Debug for Labelled<T, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Labelled")
            .field("names", &self.names)
            .field("n_series", &self.lock().len())
            .finish()
    }
}
