//! Byte streams, and HTTP over them: the one seam that tests swap.
//!
//! Everything that talks to the outside asks a [`Transport`] for a byte stream to an [`Endpoint`].
//! Production hands in [`Tcp`]; a test hands in a [`MemoryNetwork`], where both ends live in one
//! runtime and time can be paused; the client room adds one more, a pod's port through the API server.
//! HTTP is then the same code over each of them.
//!
//! ```text
//!   HttpClient ──> rustls (if a TLS configuration is given) ──> Transport ──> Tcp | MemoryNetwork
//!   Listener   <── Tcp | MemoryNetwork                          (the other end, for `sim`)
//! ```
//!
//! | question | chapter |
//! |---|---|
//! | what is a byte stream, and when is a dead one noticed | [`transport`] |
//! | how does a test do without sockets | [`memory`] |
//! | how is HTTP spoken over it | [`client`] |
//! | what went wrong | [`error`] |

pub mod client;
pub mod error;
pub mod memory;
pub mod transport;

pub use client::{Body, HttpClient, read_body, tls_versions};
pub use error::Error;
pub use memory::{MemoryListener, MemoryNetwork};
pub use transport::{BoxFuture, BoxStream, ByteStream, Endpoint, Listener, Tcp, Transport};
