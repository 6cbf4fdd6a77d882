//! Numbers for Prometheus: counted where things happen, written down when somebody asks.
//!
//! ```text
//!   Counter, Histogram  <── counted by whoever is told of a thing
//!          └──────────────┐
//!   what is, right now ───┴──> a collector, in the Registry ──> Page ──> text, on each scrape
//! ```
//!
//! Nothing here runs. There is no global registry, no task that refreshes gauges and no room that has to
//! know this one: other rooms hand out plain numbers (a queue its
//! [`Metrics`](crate::workqueue::metrics::Metrics), say), and `run` writes collectors that ask for them.
//!
//! | question | chapter |
//! |---|---|
//! | what is counted, and how long things take | [`value`] |
//! | the same for each of several label values, of which there is a bound | [`labelled`] |
//! | how it is written down | [`page`] |
//! | who is asked on a scrape | [`registry`] |
//! | memory, processor time, open files | [`process`] |

pub mod labelled;
pub mod page;
pub mod process;
pub mod registry;
pub mod value;

pub use labelled::Labelled;
pub use page::{CONTENT_TYPE, Family, Kind, Page, Value};
pub use registry::Registry;
pub use value::{Counter, Histogram, Reading};
