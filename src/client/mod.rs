//! Verbs on the API server: get, list, watch, create, apply, patch, delete, and a pod's port.
//!
//! The room above HTTP and below the cache. It knows how the server wants to be spoken to and nothing
//! about what for: no object is remembered here, no watch started twice, no decision taken but whether
//! one request is sent again.
//!
//! | question | chapter |
//! |---|---|
//! | where is the server, and what says so | [`config`], [`kubeconfig`], [`environment`] |
//! | through which proxy is it reached | [`proxy_choice`] |
//! | who are we | [`credentials`], or a program says it: [`exec_plugin`], [`exec_credential`] |
//! | as whom do we act, and whom do we trust | [`impersonation`], [`tls`] |
//! | what can be asked of it | [`rest`], [`delete_options`], and where things are: [`path`] |
//! | when is a request sent again, and how is its answer read | [`exchange`], [`answer`], [`gzip`] |
//! | and when is a change made again that came too late | [`retry`] |
//! | on which connections, and when are those opened anew | [`connections`], shared by [`lanes`] |
//! | how does a long list come in | [`list`], cut by [`scan`], read by [`item`] |
//! | how do changes come in | [`watch`] |
//! | how is a pod reached from outside | [`port_forward`] |
//! | what went wrong, or may go wrong one day | [`error`], [`warnings`] |

pub mod answer;
pub mod config;
pub mod connections;
pub mod credentials;
pub mod delete_options;
pub mod environment;
pub mod error;
pub mod exchange;
pub mod exec_credential;
pub mod exec_plugin;
pub mod gzip;
pub mod impersonation;
pub mod item;
pub mod kubeconfig;
pub mod lanes;
pub mod list;
pub mod path;
pub mod port_forward;
pub mod proxy_choice;
pub mod rest;
pub mod retry;
pub mod scan;
pub mod tls;
pub mod warnings;
pub mod watch;

pub use config::{Config, KubeconfigOptions};
pub use delete_options::{DeleteOptions, Propagation};
pub use error::Error;
pub use exchange::{Observer, RequestRecord};
pub use item::{Item, Undecodable};
pub use list::{EachItem, ListParams, Page, Scope};
pub use port_forward::PodPort;
pub use rest::{Client, FIELD_MANAGER, Version};
pub use retry::retry_on_conflict;
pub use warnings::{Warning, WarningHandler};
pub use watch::{WatchEvent, WatchParams, WatchStream};
