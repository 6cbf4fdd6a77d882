//! The verbs.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::api::{ObjectKey, Resource};
use crate::client::config::{self, Config};
use crate::client::error::Error;
use crate::client::list::{ListParams, Page, Scope};
use crate::client::watch::{WatchParams, WatchStream};
use crate::http::{BoxStream, Transport};

/// The field manager of everything we write: one constant name, so that we own our fields for ever.
pub const FIELD_MANAGER: &str = "bitcoin-controller";

/// How to delete. The default: whatever is there, in the server's default way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// Only this very object, not a later one of the same name.
    pub uid: Option<String>,
    /// Only this version of it.
    pub resource_version: Option<String>,
    /// What happens to what it owns.
    pub propagation: Option<Propagation>,
    /// How long a pod may take to end; `None`: what the object says.
    pub grace_period: Option<Duration>,
}

/// What happens to the objects that a deleted one owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    /// They are deleted afterwards.
    Background,
    /// They are deleted first.
    Foreground,
    /// They stay, without an owner.
    Orphan,
}

/// What `GET /version` says.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Version {
    /// Such as `1`.
    pub major: String,
    /// Such as `34`.
    pub minor: String,
    /// Such as `v1.34.0`.
    pub git_version: String,
}

/// One request that was made, for tests and metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestRecord {
    /// `get`, `list`, `watch`, `create`, `apply`, `patch`, `delete`, `portforward`.
    pub verb: &'static str,
    /// Path and query.
    pub path: String,
    /// The HTTP code; `None` if no answer came.
    pub status: Option<u16>,
    /// Until the head of the answer.
    pub duration: Duration,
}

/// Is told of every request.
pub type Observer = Arc<dyn Fn(&RequestRecord) + Send + Sync>;

/// The API server. Clones share connections.
#[derive(Clone)]
pub struct Client {}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

#[allow(unused_variables)]
impl Client {
    /// A client over `transport`.
    ///
    /// # Errors
    /// The certificates or the key cannot be used.
    pub fn new(config: Config, transport: Arc<dyn Transport>) -> Result<Client, config::Error> {
        todo!()
    }

    /// A client over TCP.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn connect(config: Config) -> Result<Client, config::Error> {
        todo!()
    }

    /// Tells `observer` of every request.
    #[must_use]
    pub fn with_observer(self, observer: Observer) -> Client {
        todo!()
    }

    /// Reads one object.
    pub async fn get<R: Resource>(&self, key: &ObjectKey) -> Result<R, Error> {
        todo!()
    }

    /// Reads one page.
    pub async fn list<R: Resource>(
        &self,
        scope: &Scope,
        params: &ListParams,
    ) -> Result<Page<R>, Error> {
        todo!()
    }

    /// Reads all pages of a small list; objects that cannot be read are left out with a warning.
    pub async fn list_all<R: Resource>(
        &self,
        scope: &Scope,
        params: &ListParams,
    ) -> Result<Vec<R>, Error> {
        todo!()
    }

    /// Starts a watch.
    pub async fn watch<R: Resource>(
        &self,
        scope: &Scope,
        params: &WatchParams,
    ) -> Result<WatchStream<R>, Error> {
        todo!()
    }

    /// Creates an object.
    pub async fn create<R: Resource>(&self, namespace: &str, body: &Value) -> Result<R, Error> {
        todo!()
    }

    /// Server-side apply.
    pub async fn apply<R: Resource>(&self, key: &ObjectKey, body: &Value) -> Result<R, Error> {
        todo!()
    }

    /// Server-side apply of the status.
    pub async fn apply_status<R: Resource>(
        &self,
        key: &ObjectKey,
        body: &Value,
    ) -> Result<R, Error> {
        todo!()
    }

    /// Merge patch.
    pub async fn patch<R: Resource>(&self, key: &ObjectKey, body: &Value) -> Result<R, Error> {
        todo!()
    }

    /// Merge patch of the status.
    pub async fn patch_status<R: Resource>(
        &self,
        key: &ObjectKey,
        body: &Value,
    ) -> Result<R, Error> {
        todo!()
    }

    /// Deletes an object.
    pub async fn delete<R: Resource>(
        &self,
        key: &ObjectKey,
        options: &DeleteOptions,
    ) -> Result<(), Error> {
        todo!()
    }

    /// A byte stream to `port` of `pod`.
    pub async fn port_forward(&self, pod: &ObjectKey, port: u16) -> Result<BoxStream, Error> {
        todo!()
    }

    /// A transport whose endpoints are the ports of `pod`; the host of an endpoint is ignored.
    pub fn pod_transport(&self, pod: &ObjectKey) -> Arc<dyn Transport> {
        todo!()
    }

    /// What the server is; also the cheapest way to see whether it is there.
    pub async fn version(&self) -> Result<Version, Error> {
        todo!()
    }
}
