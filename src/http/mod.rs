//! Byte streams, and HTTP over them: the one seam that tests swap.
//!
//! Everything that talks to the outside asks a [`Transport`] for a byte stream to an [`Endpoint`].
//! Production hands in [`Tcp`]; a test hands in a [`MemoryNetwork`], where both ends live in one
//! runtime and time can be paused. A transport may stand on another: a [`Proxy`] asks somebody on the
//! way to connect, [`Severable`] can end all its streams at once, and the client room adds a pod's port
//! through the API server. HTTP is then the same code over each of them.
//!
//! ```text
//!   HttpClient ──> rustls (if a TLS configuration is given) ──> Transport ──> Tcp | MemoryNetwork
//!                                                                └─ Severable, Proxy, a pod's port, each over another
//!   Listener   <── Tcp | MemoryNetwork                          (the other end, for `sim`)
//! ```
//!
//! | question | chapter |
//! |---|---|
//! | what is a byte stream, and when is a dead one noticed | [`transport`] |
//! | how does a test do without sockets | [`memory`] |
//! | how is HTTP spoken over it | [`client`] |
//! | how is a server reached through a proxy | [`proxy`] |
//! | how do all connections end at once | [`severable`] |
//! | what went wrong | [`error`] |

pub mod client;
pub mod error;
pub mod memory;
pub mod proxy;
pub mod severable;
pub mod transport;

pub use client::{Body, HttpClient, read_body, tls_versions};
pub use error::Error;
pub use memory::{MemoryListener, MemoryNetwork};
pub use proxy::Proxy;
pub use severable::Severable;
pub use transport::{BoxFuture, BoxStream, ByteStream, Endpoint, Listener, Tcp, Transport};
