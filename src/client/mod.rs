//! Verbs on the API server: get, list, watch, create, apply, patch, delete, and a pod's port.
//!
//! The room above HTTP and below the cache. It knows how the server wants to be spoken to and nothing
//! about what for: no object is remembered here, no watch started twice, no decision taken but whether
//! one request is sent again.
//!
//! | question | chapter |
//! |---|---|
//! | where is the server, who are we | [`config`], [`kubeconfig`], [`credentials`], [`tls`] |
//! | what can be asked of it | [`rest`], and where things are: [`path`] |
//! | when is a request sent again | [`exchange`] |
//! | how does a long list come in | [`list`], cut by [`scan`], read by [`item`] |
//! | how do changes come in | [`watch`] |
//! | how is a pod reached from outside | [`port_forward`] |
//! | what went wrong | [`error`] |

pub mod config;
pub mod credentials;
pub mod error;
pub mod exchange;
pub mod item;
pub mod kubeconfig;
pub mod list;
pub mod path;
pub mod port_forward;
pub mod rest;
pub mod scan;
pub mod tls;
pub mod watch;

pub use config::{Config, KubeconfigOptions};
pub use error::Error;
pub use exchange::{Observer, RequestRecord};
pub use item::{Item, Undecodable};
pub use list::{EachItem, ListParams, Page, Scope};
pub use port_forward::PodPort;
pub use rest::{Client, DeleteOptions, FIELD_MANAGER, Propagation, Version};
pub use watch::{WatchEvent, WatchParams, WatchStream};
