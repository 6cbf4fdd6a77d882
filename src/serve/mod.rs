//! A few pages over HTTP, for probes, for Prometheus and for whoever looks into a running controller.
//!
//! ```text
//!   ListenAddress ──bind──> Listener ──> serve ──one connection, one request──> Pages ──> Answer
//!                                          └─ so many at a time, each for so long        └─ checks
//! ```
//!
//! It reads and changes nothing. What is on a page is worked out by whoever made it, at the moment it is
//! asked for, and fits in memory.
//!
//! | question | chapter |
//! |---|---|
//! | where to listen, and how both kinds of address are | [`address`] |
//! | what may a client cost | [`server`] |
//! | which path is what | [`pages`] |
//! | how does a probe learn what is missing | [`checks`] |

pub mod address;
pub mod checks;
pub mod pages;
pub mod server;

pub use address::{BindError, ListenAddress};
pub use checks::Check;
pub use pages::{Answer, Pages};
pub use server::serve;
