//! Who is asked when the numbers are.
//!
//! The parts of a program come to be at different times: the client first, the election later, the
//! controller last. So a registry is filled as it goes, and a scrape asks those who are there by then.
//!
//! # Invariants
//! - Collectors write in the order in which they were registered.
//! - Nothing is locked while they write: a slow one delays its own scrape and nobody else.
//!
//! # Example
//! ```
//! use bitcoin_controller::metrics::{Counter, Kind, Registry};
//! use std::sync::Arc;
//!
//! let (registry, blocks) = (Registry::default(), Arc::new(Counter::default()));
//! let counted = Arc::clone(&blocks);
//! registry.register(move |page| {
//!     page.family("blocks_total", Kind::Counter, "Blocks found.").sample(&[], counted.get());
//! });
//! blocks.increment();
//! assert!(registry.text().ends_with("\nblocks_total 1\n"));
//! ```
//!
//! # Source
//! prometheus/client_golang `prometheus/registry.go`. What differs: a collector writes text instead of
//! describing metrics; nothing is checked while the program runs, but the whole page in tests.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::metrics::page::Page;

type Collector = Arc<dyn Fn(&mut Page) + Send + Sync>;

/// Those who write the page. Clones are the same registry.
#[derive(Clone, Default)]
pub struct Registry(Arc<Mutex<Vec<Collector>>>);

impl Registry {
    /// Has `collector` write its families on every page from now on, after those that are there.
    pub fn register(&self, collector: impl Fn(&mut Page) + Send + Sync + 'static) {
        self.lock().push(Arc::new(collector));
    }

    /// The page as of now.
    pub fn text(&self) -> String {
        let collectors = self.lock().clone();
        let mut page = Page::default();
        for collector in collectors {
            collector(&mut page);
        }
        page.into_text()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Collector>> {
        self.0.lock().expect("adding to a list does not panic")
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registry({} collectors)", self.lock().len())
    }
}
