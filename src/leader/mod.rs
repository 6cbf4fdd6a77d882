//! One of many leads: whoever holds the Lease works, the others wait for it.
//!
//! ```text
//!              ┌── get ──> another's: wait until it has stood still for its own duration ──┐
//!   candidate ─┤                                                                           ├─> write our name ─> lead
//!              └── get ──> nobody's, or ours from before a restart ────────────────────────┘     │  (409: not yet)
//!                                                                                                v
//!   release <── the work has ended, or was cut <── lost: not renewed in time <── one PATCH every 2 s, no GET
//! ```
//!
//! Read in this order: [`config`] is what may be chosen, and what must hold between the times;
//! [`claim`] decides, as functions of values, whether a lease may be taken and what is then written;
//! [`lease_lock`] writes it, only onto what was seen; [`elector`] is the loop around them, and the
//! order in which leading ends; [`view`] is what others see of it.

pub mod claim;
pub mod config;
pub mod elector;
pub mod lease_lock;
pub mod view;

pub use claim::Observed;
pub use config::{ConfigError, LeaderElectionConfig};
pub use elector::{LeaderElector, Outcome};
pub use lease_lock::LeaseLock;
pub use view::{LeaderView, Overdue};
