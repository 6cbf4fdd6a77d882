//! How a reflector works: what can be chosen, and what is right if nothing is.
//!
//! # Example
//! ```
//! use bitcoin_controller::cache::ReflectorOptions;
//! use std::sync::Arc;
//!
//! let options = ReflectorOptions {
//!     initial_events: false, // lists, as before Kubernetes 1.32
//!     watch_error_handler: Some(Arc::new(|error| eprintln!("{error}"))),
//!     ..ReflectorOptions::default()
//! };
//! assert_eq!(options.page_size, None);
//! ```
//!
//! # Source
//! client-go `tools/cache/reflector.go` (`ReflectorOptions`), `shared_informer.go`
//! (`SetWatchErrorHandler`).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::api::Resource;
use crate::base::Random;
use crate::client::Error;

/// How a reflector works.
#[derive(Clone)]
pub struct ReflectorOptions {
    /// What it is called in logs; empty: the plural of the kind.
    pub name: String,
    /// For jitter and watch timeouts.
    pub random: Random,
    /// Whether to ask for the state as [initial events](crate::cache::initial_events) of a watch;
    /// otherwise, and from servers that cannot, it is listed.
    pub initial_events: bool,
    /// How many objects a page of a list may have; `None`: see
    /// [`Pager::new`](crate::cache::pager::Pager::new).
    pub page_size: Option<u32>,
    /// Watches end after a random time from this to twice this; less than [`MIN_WATCH_TIMEOUT`]
    /// counts as that.
    pub min_watch_timeout: Duration,
    /// Is told of lists that failed and watches that were refused, for those who count them. What
    /// ends a watch that was running is not told, and neither is what a second request mends at
    /// once.
    pub watch_error_handler: Option<WatchErrorHandler>,
}

/// Is told of an error, on the reflector's task: it must be quick.
pub type WatchErrorHandler = Arc<dyn Fn(&Error) + Send + Sync>;

/// The shortest time after which a watch is asked to end. Random above it, so that not all watches
/// come back together.
pub const MIN_WATCH_TIMEOUT: Duration = Duration::from_secs(5 * 60);

impl Default for ReflectorOptions {
    /// Named after the kind, with initial events, real randomness and client-go's numbers.
    fn default() -> Self {
        ReflectorOptions {
            name: String::new(),
            random: Random::os(),
            initial_events: true,
            page_size: None,
            min_watch_timeout: MIN_WATCH_TIMEOUT,
            watch_error_handler: None,
        }
    }
}

impl ReflectorOptions {
    /// With a name, if it has none: the plural of the kind.
    pub(crate) fn named<R: Resource>(mut self) -> Self {
        if self.name.is_empty() {
            R::PLURAL.clone_into(&mut self.name);
        }
        self
    }

    pub(crate) fn report(&self, error: &Error) {
        if let Some(handler) = &self.watch_error_handler {
            handler(error);
        }
    }
}

impl fmt::Debug for ReflectorOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReflectorOptions")
            .field("name", &self.name)
            .field("initial_events", &self.initial_events)
            .field("page_size", &self.page_size)
            .field("min_watch_timeout", &self.min_watch_timeout)
            .finish_non_exhaustive()
    }
}
