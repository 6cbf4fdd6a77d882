//! Verbs on the API server: get, list, watch, create, apply, patch, delete, and a pod's port.

pub mod config;
pub mod credentials;
pub mod error;
pub mod item;
pub mod kubeconfig;
pub mod list;
pub mod rest;
pub mod scan;
pub mod tls;
pub mod watch;

pub use config::{Config, KubeconfigOptions};
pub use error::Error;
pub use item::{Item, Undecodable};
pub use list::{ListParams, Page, Scope};
pub use rest::{
    Client, DeleteOptions, FIELD_MANAGER, Observer, Propagation, RequestRecord, Version,
};
pub use watch::{WatchEvent, WatchParams, WatchStream};
